"""An account and what its owner can do with it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ballast.chain import Contract, Receipt, Sender, address_of
from ballast.client.objects import Book, Leg, Order, Policy, Rebalance, Right, Treasury
from ballast.client.units import Amount, from_wad, to_wad

if TYPE_CHECKING:
    from ballast.client.client import Ballast


class Account:
    """A handle on an account: cheap to make, always as the chain is now.

    Usage::

        account = ballast.open_account(trader)
        account.deposit(10_000, trader)
        order = account.commit("ETH", Decimal("5"), margin=2_000, sender=trader)
    """

    def __init__(self, ballast: Ballast, id_: int) -> None:
        self.id = id_
        self._ballast = ballast
        self._protocol = ballast.protocol

    def __repr__(self) -> str:
        return f"<Account {self.id}>"

    # Money

    def deposit(self, amount: Amount, sender: Sender, collateral: str | None = None) -> Receipt:
        """Pay settlement tokens in, or units of a collateral token; approves the vault where it must."""
        token, raw, vault = self._token(collateral), self._raw(amount, collateral), self._protocol.vault
        if token.allowance(address_of(sender), vault.address) < raw:
            token.approve(vault.address, raw, sender=sender)
        receipt: Receipt = vault.deposit(self.id, token.address, raw, sender=sender)
        return receipt

    def withdraw(
        self, amount: Amount, sender: Sender, receiver: str | None = None, collateral: str | None = None
    ) -> Receipt:
        """Take free cash, or units of a collateral token, out: to the sender unless somebody else is named."""
        to, token = receiver or address_of(sender), self._token(collateral)
        receipt: Receipt = self._protocol.vault.withdraw(
            self.id, token.address, self._raw(amount, collateral), to, sender=sender
        )
        return receipt

    def transfer_margin(self, source: str | None, target: str | None, amount: Amount, sender: Sender) -> Receipt:
        """Move margin between two books, or a book and the treasury (None)."""
        ids = [self._ballast.market_id(market) if market else 0 for market in (source, target)]
        receipt: Receipt = self._protocol.rebalancer.transfer_margin(self.id, *ids, to_wad(amount), sender=sender)
        return receipt

    def set_operator(self, operator: str, rights: Right, expiry: datetime, sender: Sender) -> Receipt:
        """Give an operator rights until a time; Right(0) takes them away."""
        receipt: Receipt = self._protocol.vault.set_operator(
            self.id, operator, int(rights), int(expiry.timestamp()), sender=sender
        )
        return receipt

    def transfer(self, new_owner: str, sender: Sender) -> Receipt:
        """Offer the account to somebody, who has it once he accepts; the zero address takes the offer back."""
        receipt: Receipt = self._protocol.vault.transfer_account(self.id, address_of(new_owner), sender=sender)
        return receipt

    def accept(self, sender: Sender) -> Receipt:
        """Take an offered account over. Its operators lose every right."""
        receipt: Receipt = self._protocol.vault.accept_account(self.id, sender=sender)
        return receipt

    def _token(self, collateral: str | None) -> Contract:
        return self._protocol.token if collateral is None else self._ballast.collateral(collateral)

    def _raw(self, amount: Amount, collateral: str | None = None) -> int:
        return self._protocol.to_raw(to_wad(amount), collateral)

    # Orders

    def commit(
        self,
        market: str,
        size: Amount,
        *,
        sender: Sender,
        margin: Amount = 0,
        limit_price: Amount | None = None,
        slippage: Amount = "0.01",
        reduce_only: bool = False,
    ) -> Order:
        """Commit an order in one market; without a limit price, `slippage` from the present price."""
        leg = self.leg(market, size, margin=margin, limit_price=limit_price, slippage=slippage)
        return self.commit_legs(leg, sender=sender, reduce_only=reduce_only)

    def commit_legs(self, *legs: Leg, sender: Sender, reduce_only: bool = False) -> Order:
        """Commit an order in several markets: all of its legs are filled, or none."""
        raw = [
            (self._ballast.market_id(leg.market), *map(to_wad, (leg.size, leg.limit_price, leg.margin))) for leg in legs
        ]
        event = self._protocol.exchange.commit(self.id, raw, reduce_only, sender=sender).event("OrderCommitted")
        return Order.of(event.order, self._protocol.market_names, event)

    def leg(
        self,
        market: str,
        size: Amount,
        *,
        margin: Amount = 0,
        limit_price: Amount | None = None,
        slippage: Amount = "0.01",
    ) -> Leg:
        """A leg of an order; without a limit price, `slippage` from the present price."""
        id_ = self._ballast.market_id(market)
        size_ = to_wad(size)
        if limit_price is None:
            price = int(self._protocol.oracle.quote(id_).price)
            limit = price + price * to_wad(slippage) // 10**18 * (1 if size_ > 0 else -1)
        else:
            limit = to_wad(limit_price)
        return Leg(market, *map(from_wad, (size_, limit, to_wad(margin))))

    def close(self, *markets: str, sender: Sender, slippage: Amount = "0.01") -> Order:
        """Commit an order that closes whole books, all of them at once or none."""
        legs = []
        for market in markets:
            self._ballast.market_id(market)
            size = self._protocol.markets[market].book(self.id).size
            if size == 0:
                raise ValueError(f"account {self.id} holds nothing in {market}")
            legs.append(self.leg(market, from_wad(-size), slippage=slippage))
        return self.commit_legs(*legs, sender=sender, reduce_only=True)

    # The engine

    def set_policy(self, policy: Policy, sender: Sender) -> Receipt:
        """Replace the policy."""
        receipt: Receipt = self._protocol.rebalancer.set_policy(self.id, policy.struct(), sender=sender)
        return receipt

    def rebalance(self, sender: Sender) -> Rebalance:
        """As a keeper: succeeds if and only if it is due."""
        return Rebalance.of(self._protocol.rebalancer.rebalance(self.id, sender=sender).event("Rebalanced"))

    def rebalance_own(self, sender: Sender) -> Rebalance:
        """As owner or operator: at any time."""
        return Rebalance.of(self._protocol.rebalancer.rebalance_own(self.id, sender=sender).event("Rebalanced"))

    # Reading

    @property
    def owner(self) -> str:
        return str(self._protocol.vault.owner_of(self.id))

    @property
    def policy(self) -> Policy:
        return Policy.of(self._protocol.rebalancer.policy(self.id))

    @property
    def treasury(self) -> Treasury:
        return _treasury(self._protocol.vault.treasury(self.id))

    @property
    def collateral(self) -> dict[str, Decimal]:
        """Units of each collateral token that it holds, by name."""
        held = self._protocol.vault.collateral_of(self.id)
        amounts = zip(self._protocol.collateral, held, strict=False)
        return {name: from_wad(amount) for name, amount in amounts if amount}

    @property
    def credit(self) -> Decimal:
        """What its collateral counts for, at a haircut [USD]; a token without a valid price counts for nothing."""
        return from_wad(self._protocol.collateral_model.credit(self.id)[0])

    @property
    def books(self) -> list[Book]:
        return self.report().books

    @property
    def equity(self) -> Decimal:
        return self.report().equity

    def report(self) -> Report:
        """Everything at once, from one call."""
        return Report(self._ballast, self._protocol.lens.report(self.id))


class Report:
    """An account at one moment, and what the engine would do with it."""

    def __init__(self, ballast: Ballast, raw: Any) -> None:
        names = ballast.protocol.market_names
        self.account: int = raw.account
        self.owner: str = raw.owner
        self.equity = from_wad(raw.equity)
        self.withdrawable = from_wad(raw.withdrawable)
        self.treasury = _treasury(raw.treasury)
        self.books = [Book.of(names[book.market], book) for book in raw.books]
        self.policy = Policy.of(raw.policy)
        self.due: bool = raw.due
        self.reason: str = raw.reason
        self.transfers = {self._name(transfer.slot): from_wad(transfer.amount) for transfer in raw.plan.transfers}
        self.cuts = {self._name(cut.slot): from_wad(cut.fraction) for cut in raw.plan.cuts}
        self.raw = raw

    def _name(self, slot: int) -> str:
        return next((book.market for book in self.books if book.slot == slot), f"slot {slot}")

    def book(self, market: str) -> Book:
        """The book in a market."""
        return next(book for book in self.books if book.market == market)


def _treasury(raw: Any) -> Treasury:
    return Treasury(from_wad(raw.cash), from_wad(raw.escrow), from_wad(raw.locked))
