"""What the contracts revert with, as an exception."""

from __future__ import annotations


class Rejected(Exception):
    """The contract would revert with `reason`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def require(condition: bool, reason: str) -> None:
    """The contracts' `assert condition, reason`."""
    if not condition:
        raise Rejected(reason)
