"""The demonstration: a crash walked through a live protocol, account by account, with and without rebalancing."""
