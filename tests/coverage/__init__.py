"""How much of the Vyper code the unit tests run: `make coverage`."""
