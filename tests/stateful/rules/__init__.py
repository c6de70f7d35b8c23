"""What anyone may do, one file a subject; `tests/stateful/machine.py` puts them together."""
