"""A market that answers what a test tells it: `contracts/mocks/MockPuppetMarket.vy` behind names and words."""

from __future__ import annotations

from ballast.chain import Contract
from ballast.deploy import Protocol
from ballast.params import WAD

MARGIN = 1_000 * WAD
ALL_GATES = 31
BOUND = 2**112  # beyond it no figure of a book is believed [wad]

# A book near liquidation, z = 1, and what is left of it when half is cut for $5
RISK = {
    "equity": 1_000 * WAD,
    "maintenance": 800 * WAD,
    "initial": 900 * WAD,
    "sigma_loss": 200 * WAD,
    "withdrawable": 0,
    "donor_floor": 900 * WAD,
    "exposure": 10_000 * WAD,
    "round": 1,
    "gates": ALL_GATES,
}
HALF = {key: value // 2 if value >= WAD else value for key, value in RISK.items()} | {"equity": 995 * WAD}
CUT = {**HALF, "cost": 5 * WAD, "pool_short_initial": 0, "pool_short_maintenance": 0}


def words(*values: int) -> bytes:
    """Values as the ABI has them, one word each."""
    return b"".join((value % 2**256).to_bytes(32, "big") for value in values)


class Puppet:
    """The protocol's last market, with a book of $1,000."""

    def __init__(self, protocol: Protocol, owner: str) -> None:
        self._owner = owner
        self.contract: Contract = protocol.chain.deploy("MockPuppetMarket", sender=owner)
        protocol.vault.add_market(self.contract.address, sender=owner)
        self.id = int(protocol.vault.market_count())

    def tell(self, view: str, *values: int, answer: bytes | None = None) -> None:
        """What a view returns from now on: words, or any bytes; nothing at all makes it fail."""
        which = getattr(self.contract, view.upper())()
        self.contract.tell(which, words(*values) if answer is None else answer, sender=self._owner)

    def risk(self, **changes: int) -> None:
        """Its book, with changes."""
        self.tell("book_risk", *{**RISK, **changes}.values())

    def cut(self, **changes: int) -> None:
        """What a cut would do, with changes."""
        self.tell("preview_reduce", *{**CUT, **changes}.values())
