"""The liquidity pool as its shareholders see it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from ballast.chain import Sender, address_of
from ballast.client.objects import at_time
from ballast.client.units import Amount, from_wad, to_wad

if TYPE_CHECKING:
    from ballast.client.client import Ballast


class Status(IntEnum):
    """How far a request is."""

    UNKNOWN = 0
    PENDING = 1
    EXECUTED = 2
    VOIDED = 3


@dataclass(frozen=True)
class Request:
    """Somebody wants to enter or to leave."""

    id: int
    controller: str
    is_exit: bool
    status: Status
    amount: Decimal  # US dollars of an entry, shares of an exit
    due: datetime  # executed at the first rounds from then on

    def __str__(self) -> str:
        what = f"{self.amount:,f} shares out" if self.is_exit else f"${self.amount:,.2f} in"
        return f"request {self.id}: {what}, {self.status.name.lower()}, due {self.due:%Y-%m-%d %H:%M:%S} UTC"


class Pool:
    """Usage::

    request = ballast.pool.request_deposit(1_000, me)     # an hour later anyone executes it
    ballast.pool.claim(me)
    """

    def __init__(self, ballast: Ballast) -> None:
        self._protocol = ballast.protocol
        self._pool = ballast.protocol.pool

    def request_deposit(self, amount: Amount, sender: Sender) -> Request:
        """Hand in US dollars for shares; approves the pool where it must. There is no way back."""
        address, raw = address_of(sender), self._protocol.to_raw(to_wad(amount))
        if self._protocol.token.allowance(address, self._pool.address) < raw:
            self._protocol.token.approve(self._pool.address, raw, sender=sender)
        receipt = self._pool.requestDeposit(raw, address, address, sender=sender)
        return self.request(receipt.event("DepositRequest").requestId)

    def request_redeem(self, shares: Amount, sender: Sender) -> Request:
        """Hand in shares for US dollars. They bear the pool's losses until the request is executed."""
        address = address_of(sender)
        receipt = self._pool.requestRedeem(to_wad(shares), address, address, sender=sender)
        return self.request(receipt.event("RedeemRequest").requestId)

    def claim(self, sender: Sender) -> tuple[Decimal, Decimal]:
        """Take what executed requests brought: shares, US dollars."""
        address, shares, dollars = address_of(sender), Decimal(0), Decimal(0)
        if entered := self._pool.maxDeposit(address):
            before = self.shares_of(address)
            self._pool.deposit(entered, address, address, sender=sender)
            shares = self.shares_of(address) - before
        if owed := self._pool.maxWithdraw(address):
            self._pool.withdraw(owed, address, address, sender=sender)
            dollars = self._dollars(owed)
        return shares, dollars

    # Reading

    def request(self, id_: int) -> Request:
        """A request by id."""
        raw = self._pool.request(id_)
        return Request(
            id=id_,
            controller=raw.controller,
            is_exit=raw.is_exit,
            status=Status(raw.status),
            amount=from_wad(raw.amount) if raw.is_exit else self._dollars(raw.amount),
            due=at_time(raw.due),
        )

    def pending(self) -> list[Request]:
        """All requests that wait."""
        known = (self.request(id_) for id_ in range(1, self._pool.request_count() + 1))
        return [request for request in known if request.status is Status.PENDING]

    def shares_of(self, who: str) -> Decimal:
        """Shares somebody holds."""
        return from_wad(self._pool.balanceOf(address_of(who)))

    @property
    def net_assets(self) -> Decimal:
        """What the pool is worth at present prices [USD]."""
        return from_wad(self._pool.net_assets().present)

    @property
    def share_price(self) -> Decimal:
        """US dollars a share, at present prices."""
        return self._dollars(self._pool.convertToAssets(10**18))

    def _dollars(self, raw: Any) -> Decimal:
        return Decimal(raw) / self._protocol.to_raw(10**18)
