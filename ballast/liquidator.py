"""A plain liquidator: opens the auctions of books and of collateral that nothing else could save, bids with an account
of its own, realises deficits, and closes again what it bought.

It competes on price alone: whatever it does, anyone may do sooner and for less.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from ballast.bot import DRY, Bot, Pass
from ballast.chain import Reverted, Sender
from ballast.client.units import to_wad
from ballast.deploy import Protocol
from ballast.model.risk import FILL
from ballast.params import WAD

EDGE = Decimal("0.002")  # of what is bought, to be gained at least: about what it costs to close it again, when calm
CALM = 6 * WAD // 10  # [wad] annualised volatility up to which that is so; beyond it, costs and risk grow in proportion
SPARE = 120  # [%] of initial margin that its own book is given
TOLERANCE = 102  # [%] of the price seen that a bid may pay: the price moves until it is mined
CLOSING_SLIPPAGE = 95  # [%] of the price at which a bought book is still closed
EXITS = 32  # of lenders served at once
LEAST_RESERVE = WAD  # [wad] worth collecting


@dataclass
class Work(Pass):
    """What one pass did, or with `dry_run` would have done. A lot is an account and a market's or a token's name."""

    started: list[tuple[int, str]] = field(default_factory=list)
    cured: list[tuple[int, str]] = field(default_factory=list)  # saved by their own account
    bought: list[tuple[int, str]] = field(default_factory=list)
    left_to_pool: list[tuple[int, str]] = field(default_factory=list)
    stopped: list[tuple[int, str]] = field(default_factory=list)
    noted: list[tuple[int, str]] = field(default_factory=list)  # deficits that must wait, made known; or that are over
    realised: list[tuple[int, str]] = field(default_factory=list)  # deficits of books
    written_off: list[int] = field(default_factory=list)  # accounts whose debt ended
    unwound: list[str] = field(default_factory=list)  # books of its own, by market
    served: list[int] = field(default_factory=list)  # how many exits of lenders
    collected: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Book:
    """A book and its risk."""

    account: int
    market: str
    risk: Any

    @property
    def lot(self) -> tuple[int, str]:
        return self.account, self.market

    @property
    def is_short(self) -> bool:
        """Whether it may be liquidated."""
        return bool(self.risk.equity < self.risk.maintenance)

    @property
    def must_wait(self) -> bool:
        """Whether it is below zero while the engine may not fill it, so that nobody may end it yet."""
        return bool(self.risk.equity < 0 and not self.risk.gates & FILL)

    @property
    def is_safe(self) -> bool:
        """Whether its auction may be ended."""
        return bool(self.risk.equity >= self.risk.maintenance + self.risk.sigma_loss)


class Liquidator(Bot[Work]):
    """Usage::

    Liquidator(protocol, me, account).run_once()

    `account` bids and holds what it buys; the sender needs the rights to trade and to move margin for it.
    """

    def __init__(
        self, protocol: Protocol, sender: Sender, account: int, dry_run: bool = False, edge: Decimal = EDGE
    ) -> None:
        super().__init__(protocol, sender, dry_run)
        self._account = account
        self._edge = to_wad(edge)
        self._pool_time = int(protocol.liquidator.POOL_TIME())
        self._auctions: set[tuple[int, str]] = set()  # that may still be on
        self._noted: set[tuple[int, str]] = set()  # deficits of books that had to wait
        self._orders: dict[int, list[int]] = {}  # open ones, by account

    def run_once(self) -> Work:
        """One pass."""
        work = Work()
        self._orders = defaultdict(list)
        for item in self._open_orders():
            self._orders[item.order.account].append(item.id)
        self.liquidate_books(work)
        self.liquidate_treasuries(work)
        self.serve_lenders(work)
        self.unwind(work)
        return work

    # Books

    def liquidate_books(self, work: Work) -> None:
        """Every book below maintenance; and the end of auctions that nobody needs any more."""
        for book in self._books():
            self._note(work, book)
            if book.must_wait:
                continue
            if book.account == self._protocol.pool_account:
                self._rescue_pool(work, book)
            elif book.risk.equity < 0:
                self._realise(work, book)
            elif book.is_short and book.account != self._account:  # nobody sells to himself
                self._auction(work, book)
            elif book.is_safe and book.lot in self._auctions:
                self._stop(work, book)

    def _books(self) -> Iterator[Book]:
        """Every book whose market can price itself, and is not in the hour of grace after a halt: a call a market and
        page."""
        last, now = int(self._protocol.vault.account_count()), self._protocol.chain.timestamp
        for name, market in self._protocol.markets.items():
            if market.live_at() > now:
                continue
            for start in range(1, last + 1, self._page):
                accounts = list(range(start, min(start + self._page, last + 1)))
                try:
                    risks = market.book_risks(accounts)
                except Reverted:
                    break
                yield from (Book(account, name, risk) for account, risk in zip(accounts, risks, strict=True))

    def _note(self, work: Work, book: Book) -> None:
        """A deficit that must wait is made known, so that nobody leaves the insurance first; and that it ended."""
        deficits, market = self._protocol.deficits, self._protocol.market_ids[book.market]
        if book.must_wait == (book.lot in self._noted):
            return
        self._noted ^= {book.lot}
        is_below = bool(book.risk.equity < 0)
        if deficits.is_noted(book.account, market) == is_below:
            return
        if self._send(work, deficits, "note", book.account, market) is not None:
            work.noted.append(book.lot)

    def _realise(self, work: Work, book: Book) -> None:
        """Nobody is paid for it, and nobody's claims are worth their price until it is done."""
        deficits, market = self._protocol.deficits, self._protocol.market_ids[book.market]
        receipt = self._send(work, deficits, "realise_deficit", book.account, market, self._orders[book.account])
        if receipt is not None:
            done = receipt is DRY or receipt.named("DeficitRealised")
            (work.realised if done else work.cured).append(book.lot)

    def _rescue_pool(self, work: Work, book: Book) -> None:
        """The pool's book is nobody's to buy; below zero with no cash left to fill it, its market bears it."""
        protocol = self._protocol
        if book.risk.equity >= 0 or protocol.vault.treasury(book.account).cash > 0:
            return
        if self._send(work, protocol.deficits, "close_pool", protocol.market_ids[book.market]) is not None:
            work.realised.append(book.lot)

    def _auction(self, work: Work, book: Book) -> None:
        """Open it, bid in it, or leave it to the pool."""
        liquidator, market = self._protocol.liquidator, self._protocol.market_ids[book.market]
        offer, orders = liquidator.offer(book.account, market), self._orders[book.account]
        if not offer.on:
            receipt = self._send(work, liquidator, "start", book.account, market, orders)
            self._file(work.started, "AuctionStarted", work, book.lot, receipt)
            self._auctions.add(book.lot)
        elif bid := self._bid(book, offer, orders):
            self._file(work.bought, "BookSold", work, book.lot, self._send(work, liquidator, "bid", bid))
        elif offer.age >= self._pool_time:
            receipt = self._send(work, liquidator, "bid_for_pool", book.account, market, orders)
            self._file(work.left_to_pool, "BookSold", work, book.lot, receipt)

    def _bid(self, book: Book, offer: Any, orders: Sequence[int]) -> dict[str, Any] | None:
        """A bid for as much as it can carry; none while the discount is not worth it."""
        risk, price, market = book.risk, offer.payment + offer.penalty, self._protocol.market_ids[book.market]
        gain = risk.equity * offer.limit // WAD - price
        if offer.limit == 0 or gain < risk.exposure * offer.limit // WAD * self._edge_in(market) // WAD:
            return None
        whole = price * WAD // offer.limit  # what all of the book would cost
        own = self._protocol.markets[book.market].book_risk(self._account)
        lacking = max(0, own.initial * SPARE // 100 - own.equity)
        margin = max(0, risk.initial * SPARE // 100 - risk.equity)
        cash = max(0, self._free_cash() - lacking)
        fraction = min(offer.limit, cash * WAD // max(1, whole * TOLERANCE // 100 + margin))
        if fraction == 0:
            return None
        return {
            "account": book.account,
            "market": market,
            "fraction": fraction,
            "bidder": self._account,
            "max_payment": whole * fraction // WAD * TOLERANCE // 100,
            "digest": offer.digest,
            "margin": lacking + margin * fraction // WAD,
            "orders": list(orders),
        }

    def _edge_in(self, market: int) -> int:
        """The least gain in a market as it is now, as a share of what is bought [wad]."""
        volatility = int(self._protocol.oracle.quote(market).fast_volatility)
        return self._edge * max(volatility, CALM) // CALM

    def _stop(self, work: Work, book: Book) -> None:
        self._auctions.discard(book.lot)
        liquidator, market = self._protocol.liquidator, self._protocol.market_ids[book.market]
        is_on = liquidator.offer(book.account, market).on
        if is_on and self._send(work, liquidator, "stop", book.account, market) is not None:
            work.stopped.append(book.lot)

    @staticmethod
    def _file(done: list[tuple[int, str]], event: str, work: Work, lot: tuple[int, str], receipt: Any) -> None:
        """What was asked for was done, or the account has saved itself."""
        if receipt is not None:
            (done if receipt is DRY or receipt.named(event) else work.cured).append(lot)

    # Treasuries

    def liquidate_treasuries(self, work: Work) -> None:
        """Every treasury in debt below maintenance: its collateral, token by token; what then is left of its debt."""
        last = int(self._protocol.vault.account_count())
        for start in range(1, last + 1, self._page):
            for each in self._protocol.lens.debts(start, self._page):
                if each.risk.complete and each.risk.equity < max(each.risk.maintenance, 1):
                    self._liquidate_treasury(work, each.account)

    def _liquidate_treasury(self, work: Work, account: int) -> None:
        """One token, as long as there is enough of any; then the rest of its debt."""
        protocol = self._protocol
        held = protocol.vault.collateral_of(account)
        lots = [(index, name) for index, name in enumerate(protocol.collateral) if held[index]]
        if any(self._sell(work, account, index, name) for index, name in lots):
            return
        if self._send(work, protocol.deficits, "realise_debt", account, self._orders[account]) is not None:
            work.written_off.append(account)

    def _sell(self, work: Work, account: int, index: int, name: str) -> bool:
        """Open a token's auction, or bid in it; whether there is enough of it to be sold."""
        auctions, orders, lot = self._protocol.collateral_auctions, self._orders[account], (account, name)
        offer = auctions.offer(account, index)
        if offer.limit == 0:
            return False
        if not offer.on:
            receipt = self._send(work, auctions, "start", account, index, orders)
            self._file(work.started, "AuctionStarted", work, lot, receipt)
        elif bid := self._collateral_bid(account, index, offer, orders):
            self._file(work.bought, "CollateralSold", work, lot, self._send(work, auctions, "bid", bid))
        return True

    def _collateral_bid(self, account: int, index: int, offer: Any, orders: Sequence[int]) -> dict[str, Any] | None:
        """A bid for as much as its cash pays; none while the discount is not worth it."""
        price = offer.payment + offer.penalty
        if offer.limit == 0 or price == 0:
            return None
        saved = offer.discount - offer.penalty * (WAD - offer.discount) // max(1, offer.payment)
        whole = price * WAD // offer.limit * TOLERANCE // 100  # a unit
        amount = min(offer.limit, self._free_cash() * WAD // whole)
        if saved < self._edge or amount == 0:
            return None
        return {
            "account": account,
            "index": index,
            "amount": amount,
            "bidder": self._account,
            "max_price": whole,
            "orders": list(orders),
        }

    # Lenders

    def serve_lenders(self, work: Work) -> None:
        """Exits that wait, as far as idle cash goes; insurance's share of interest."""
        credit = self._protocol.credit_pool
        _, waiting = credit.queue()
        idle = self._protocol.vault.treasury(credit.ACCOUNT()).cash
        if waiting and idle >= WAD and (receipt := self._send(work, credit, "serve_exits", EXITS)) is not None:
            work.served += [EXITS if receipt is DRY else len(receipt.named("ExitServed"))]
        if min(credit.reserve(), idle) >= LEAST_RESERVE and self._send(work, credit, "collect_reserve") is not None:
            work.collected.append("reserve")

    # Its own account

    def unwind(self, work: Work) -> None:
        """Close what was bought, and take the margin of what is closed: its business is to buy, not to hold."""
        protocol, account = self._protocol, self._account
        if self._orders[account]:
            return
        for market in filter(None, protocol.vault.treasury(account).slots.to_bytes(8, "little")):
            name = protocol.market_names[market]
            book = protocol.markets[name].book(account)
            if book.size:
                price = int(protocol.oracle.quote(market).price)
                limit = price * CLOSING_SLIPPAGE // 100 if book.size > 0 else price * 100 // CLOSING_SLIPPAGE
                leg = (market, -book.size, limit, 0)
                receipt = self._send(work, protocol.exchange, "commit", account, [leg], True)
            else:
                receipt = self._send(work, protocol.rebalancer, "transfer_margin", account, market, 0, book.base)
            if receipt is not None:
                work.unwound.append(name)

    def _free_cash(self) -> int:
        """What its account may pay with [wad]."""
        treasury = self._protocol.vault.treasury(self._account)
        return max(0, int(treasury.cash - treasury.locked))
