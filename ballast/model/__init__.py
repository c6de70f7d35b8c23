"""The protocol in integer Python, bit-exact with the contracts: the oracle of the tests and of every replay.

One module per contract, with the contract's names, so that either can be read beside the other.
"""
