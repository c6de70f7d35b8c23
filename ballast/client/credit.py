"""The money that is lent, and the insurance, as those see them who put their own in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ballast.chain import Contract, Receipt, Sender, address_of
from ballast.client.objects import at_time
from ballast.client.units import Amount, from_wad, to_wad

if TYPE_CHECKING:
    from ballast.client.client import Ballast


class _Shares:
    """An ERC-4626 over an account of the vault: 18 decimals of shares for the settlement token."""

    def __init__(self, ballast: Ballast, contract: Contract) -> None:
        self._protocol = ballast.protocol
        self._contract = contract

    def deposit(self, amount: Amount, sender: Sender) -> Decimal:
        """Put US dollars in, at once; the shares. Approves the contract where it must."""
        address, raw = address_of(sender), self._protocol.to_raw(to_wad(amount))
        if self._protocol.token.allowance(address, self._contract.address) < raw:
            self._protocol.token.approve(self._contract.address, raw, sender=sender)
        return from_wad(self._contract.deposit(raw, address, sender=sender).event("Deposit").shares)

    def shares_of(self, who: Sender) -> Decimal:
        """Shares somebody holds."""
        return from_wad(self._contract.balanceOf(address_of(who)))

    @property
    def net_assets(self) -> Decimal:
        """What all shares are worth [USD]."""
        return from_wad(self._contract.net_assets())

    @property
    def share_price(self) -> Decimal:
        """US dollars a share."""
        return self._dollars(self._contract.convertToAssets(10**18))

    def _redeem(self, shares: int, sender: Sender) -> Decimal:
        address = address_of(sender)
        event = self._contract.redeem(shares, address, address, sender=sender).event("Withdraw")
        return self._dollars(event.assets)

    def _dollars(self, raw: Any) -> Decimal:
        return Decimal(raw) / self._protocol.to_raw(10**18)


class Credit(_Shares):
    """Usage::

    ballast.credit.deposit(1_000, me)
    ballast.credit.leave(ballast.credit.shares_of(me), me)     # at once as far as money is idle, the rest in line
    """

    def __init__(self, ballast: Ballast) -> None:
        super().__init__(ballast, ballast.protocol.credit_pool)

    def leave(self, shares: Amount, sender: Sender) -> tuple[Decimal, Decimal]:
        """Turn shares into US dollars: what was paid at once; the shares that wait in line."""
        address, wanted = address_of(sender), to_wad(shares)
        if wanted <= self._contract.maxRedeem(address):
            return self._redeem(wanted, sender), Decimal(0)
        receipt = self._contract.request_exit(wanted, address, sender=sender)
        served = sum(each.shares for each in receipt.named("ExitServed") if each.claimant == address)
        return self.claim(sender), from_wad(wanted - served)

    def claim(self, sender: Sender) -> Decimal:
        """Take what served exits brought [USD]."""
        address = address_of(sender)
        owed = self._contract.claimable(address)
        if owed:
            self._contract.claim(address, sender=sender)
        return self._dollars(owed)

    @property
    def debt(self) -> Decimal:
        """What all debtors owe [USD]."""
        return from_wad(self._contract.total_debt())

    @property
    def idle(self) -> Decimal:
        """What is not lent [USD]."""
        return from_wad(self._protocol.vault.treasury(self._contract.ACCOUNT()).cash)

    @property
    def borrow_rate(self) -> Decimal:
        """What debt costs, a year."""
        return from_wad(self._contract.borrow_rate())

    @property
    def waiting(self) -> int:
        """How many exits wait in line."""
        return int(self._contract.queue()[1])


@dataclass(frozen=True)
class Leaving:
    """Shares on their way out of the insurance."""

    shares: Decimal
    opens: datetime  # from then on they may leave, for a while

    def __str__(self) -> str:
        return f"{self.shares:,f} shares, may leave from {self.opens:%Y-%m-%d %H:%M:%S} UTC on"


class Insurance(_Shares):
    """Usage::

    ballast.insurance.deposit(1_000, me)
    ballast.insurance.request_exit(ballast.insurance.shares_of(me), me)    # a cooldown later:
    ballast.insurance.leave(me)
    """

    def __init__(self, ballast: Ballast) -> None:
        super().__init__(ballast, ballast.protocol.insurance_fund)

    def request_exit(self, shares: Amount, sender: Sender) -> Leaving:
        """Begin the cooldown. The shares bear losses until they have left."""
        self._contract.request_exit(to_wad(shares), sender=sender)
        leaving = self.leaving(sender)
        assert leaving is not None
        return leaving

    def cancel_exit(self, sender: Sender) -> Receipt:
        """Stay after all."""
        receipt: Receipt = self._contract.cancel_exit(sender=sender)
        return receipt

    def leave(self, sender: Sender) -> Decimal:
        """Turn the shares whose cooldown is over into US dollars."""
        return self._redeem(int(self._contract.maxRedeem(address_of(sender))), sender)

    def leaving(self, who: Sender) -> Leaving | None:
        """Somebody's shares in cooldown."""
        raw = self._contract.exit_of(address_of(who))
        return Leaving(from_wad(raw.shares), at_time(raw.opens)) if raw.shares else None

    def drawable(self, market: str | None = None) -> Decimal:
        """What a market's deficits, or treasuries', could still draw today [USD]."""
        id_ = self._protocol.market_ids[market] if market else 0
        return from_wad(self._contract.drawable(id_))
