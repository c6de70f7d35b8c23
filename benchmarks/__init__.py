"""Gas of whole transactions on a node, sizes of contracts, speed of scans; `python -m benchmarks` writes gas.json."""
