"""The protocol as domain objects."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from ballast.chain import Chain, Contract, Sender, address_of
from ballast.client.account import Account
from ballast.client.credit import Credit, Insurance
from ballast.client.objects import Market, Order, State, at_time
from ballast.client.pool import Pool
from ballast.client.units import from_wad
from ballast.deploy import Manifest, Protocol


class UnknownName(LookupError):
    """No such market, account or order."""


class Ballast:
    """A deployment, for scripts, tests, bots and notebooks.

    Usage::

        ballast = Ballast.at(chain, Path("deployments/mainnet.json"))
        for book in ballast.account(1).books: print(book.market, book.z)
    """

    def __init__(self, protocol: Protocol) -> None:
        self.protocol = protocol

    @classmethod
    def at(cls, chain: Chain, manifest: Manifest | Path) -> Ballast:
        """The deployment that a manifest describes."""
        return cls(Protocol.attach(chain, manifest))

    # Accounts

    def open_account(self, sender: Sender, owner: str | None = None) -> Account:
        """Open an account, for the sender unless somebody else is named."""
        receipt = self.protocol.vault.open_account(owner or address_of(sender), sender=sender)
        return Account(self, receipt.event("AccountOpened").account)

    def account(self, id_: int) -> Account:
        """An account by id."""
        if not 1 <= id_ <= self.protocol.vault.account_count():
            raise UnknownName(f"there is no account {id_}")
        return Account(self, id_)

    def accounts_of(self, owner: str) -> list[Account]:
        """The accounts of an owner, by asking for each account's; for user interfaces, index `AccountOpened`."""
        vault = self.protocol.vault
        wanted = address_of(owner)
        return [Account(self, i) for i in range(1, vault.account_count() + 1) if vault.owner_of(i) == wanted]

    # Tokens and the pool

    def collateral(self, name: str) -> Contract:
        """A collateral token."""
        try:
            return self.protocol.collateral[name]
        except KeyError:
            known = ", ".join(self.protocol.collateral)
            raise UnknownName(f"there is no collateral {name!r}; there are {known}") from None

    @property
    def pool(self) -> Pool:
        """The liquidity pool."""
        return Pool(self)

    @property
    def credit(self) -> Credit:
        """The money that is lent."""
        return Credit(self)

    @property
    def insurance(self) -> Insurance:
        """The insurance."""
        return Insurance(self)

    # Markets and orders

    def market_id(self, name: str) -> int:
        """A market's id."""
        try:
            return self.protocol.market_ids[name]
        except KeyError:
            known = ", ".join(self.protocol.market_ids)
            raise UnknownName(f"there is no market {name!r}; there are {known}") from None

    def market(self, name: str) -> Market:
        """An underlying as it stands now."""
        id_ = self.market_id(name)
        quote, market = self.protocol.oracle.quote(id_), self.protocol.markets[name]
        return Market(
            id=id_,
            name=name,
            state=State(market.state()),
            price=from_wad(quote.price),
            average=from_wad(quote.average),
            fast_volatility=from_wad(quote.fast_volatility),
            slow_volatility=from_wad(quote.slow_volatility),
            updated_at=at_time(quote.updated_at),
            skew=from_wad(market.skew()),
            open_interest=from_wad(market.open_interest()),
        )

    def order(self, id_: int) -> Order | None:
        """An open order; None once it was filled, failed or voided."""
        raw = self.protocol.exchange.order(id_)
        return Order.of(id_, self.protocol.market_names, raw) if raw.account else None

    def open_orders(self) -> list[Order]:
        """All orders that wait."""
        names, last = self.protocol.market_names, self.protocol.exchange.order_count()
        size = int(self.protocol.lens.PAGE())
        pages = (self.protocol.lens.open_orders(start, size) for start in range(1, last + 1, size))
        return [Order.of(each.id, names, each.order) for page in pages for each in page]

    # Rewards

    def claimable(self, who: str) -> Decimal:
        """What a keeper or executor has earned and not claimed yet."""
        return from_wad(self.protocol.vault.claimable(address_of(who)))

    def claim(self, sender: Sender, receiver: str | None = None) -> Decimal:
        """Pay out what the sender has earned; the amount."""
        before = self.claimable(sender)
        self.protocol.vault.claim(receiver or address_of(sender), sender=sender)
        return before - self.claimable(sender)
