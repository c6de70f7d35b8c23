"""What every liquidation begins with: `modules/liquidation.vy`, and the contract of the auctions of books."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from ballast.model import auction
from ballast.model.atomic import atomic
from ballast.model.auction import Auctions
from ballast.model.collateral import CollateralModel, TreasuryRisk
from ballast.model.errors import require
from ballast.model.exchange import Exchange
from ballast.model.fixed_point import WAD, mul_wad_down
from ballast.model.market import POOL_BOOK, Market
from ballast.model.oracle import Feed
from ballast.model.rebalancer import Rebalancer
from ballast.model.risk import FILL, BookRisk
from ballast.model.vault import Treasury, Vault

PATIENCE = 7_200  # [s] in which a token without a price may get one again


class Fund(Protocol):
    """What liquidations ask of the insurance."""

    account: int

    def draw(self, engine: Hashable, market: int, amount: int, *, now: int) -> int: ...


def is_short(risk: BookRisk | TreasuryRisk) -> bool:
    """Below maintenance margin."""
    return risk.equity < risk.maintenance


def is_safe(risk: BookRisk) -> bool:
    """At a distance of 1 or more; a book without legs is infinitely far."""
    return risk.sigma_loss == 0 or risk.equity >= risk.maintenance + risk.sigma_loss


@dataclass(eq=False, repr=False)
class Liquidation:
    """An engine with the LIQUIDATOR role; its address is the object itself."""

    vault: Vault
    markets: Mapping[int, Market]
    feeds: Mapping[int, Feed]
    exchange: Exchange
    rebalancer: Rebalancer
    collateral: CollateralModel
    fund: Fund
    auctions: Auctions = field(default_factory=Auctions, init=False)

    @contextmanager
    def _whole(self) -> Iterator[None]:
        """A call that fails changes nothing."""
        parts: list[object] = [self.auctions, self.vault, self.exchange, self.rebalancer, self.fund]
        parts += self._records()
        parts += [
            *self.markets.values(),
            *self.feeds.values(),
            *([] if self.vault.lender is None else [self.vault.lender]),
        ]
        with atomic(*parts):
            yield

    def _records(self) -> list[object]:
        """What else it remembers."""
        return []

    def _live_venue(self, market: int, now: int) -> Market:
        require(market in self.markets, "vault: unknown market")
        venue = self.markets[market]
        require(now >= venue.live_at, "liquidator: market just resumed")
        venue.settle(now)
        return venue

    @staticmethod
    def _check_final(risk: BookRisk) -> None:
        """A book at or below zero is lost as a whole: not while the engine may not fill it."""
        require(bool(risk.gates & FILL), "liquidator: rescue is suspended")

    def _rescued_book(self, account: int, venue: Market, orders: Sequence[int], now: int) -> BookRisk:
        self.rebalancer.rescue(self, account, now=now)
        risk = venue.book_risk(account, now)
        if is_short(risk) and orders:
            self.exchange.void_for_liquidation(self, account, orders, now=now)
            self.rebalancer.rescue(self, account, now=now)
            risk = venue.book_risk(account, now)
        if is_short(risk):
            treasury = self.vault.treasury(account, now)
            spare = treasury.escrow + max(treasury.cash, 0) if treasury.escrow else 0
            require(risk.equity + spare < risk.maintenance, "liquidator: orders are open")
        return risk

    def _check_guarded(self, account: int, market: int, risk: BookRisk, now: int) -> None:
        """A book that its account has the means to save is not sold while its market holds the engine back."""
        if not risk.gates & FILL:
            held = risk.equity <= 0 or self.rebalancer.would_cure(account, market, now=now)
            require(not held, "liquidator: rescue is suspended")

    def _treasury(self, account: int, now: int) -> tuple[Treasury, TreasuryRisk]:
        treasury = self.vault.treasury(account, now)
        return treasury, self.collateral.treasury_risk(account, treasury.cash, now)

    def _counts(self, account: int, risk: TreasuryRisk, since: int | None, now: int) -> bool:
        """Whether a treasury's risk, made known at `since`, may be acted on: what has no price is dead."""
        if risk.complete:
            return True
        known = since is not None and now >= since + PATIENCE
        return known and self.collateral.unpriced(account, now)[1] >= PATIENCE

    def _rescued_treasury(
        self, account: int, orders: Sequence[int], since: int | None, now: int
    ) -> tuple[Treasury, TreasuryRisk]:
        self.rebalancer.rescue(self, account, now=now)
        treasury, risk = self._treasury(account, now)
        if is_short(risk) and orders and self._counts(account, risk, since, now):
            self.exchange.void_for_liquidation(self, account, orders, now=now)
            self.rebalancer.rescue(self, account, now=now)
            treasury, risk = self._treasury(account, now)
        if is_short(risk):
            require(risk.equity + treasury.escrow < risk.maintenance, "liquidator: orders are open")
        return treasury, risk


@dataclass(frozen=True)
class Bid:
    """For a book that is for sale."""

    account: int
    market: int
    fraction: int
    bidder: int
    max_payment: int
    digest: int
    margin: int = 0
    orders: tuple[int, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What a bid did."""

    cured: bool = False
    fraction: int = 0
    payment: int = 0
    penalty: int = 0
    paid_by_insurance: int = 0


class Liquidator(Liquidation):
    """Auctions of books: `Liquidator.vy`."""

    # Anyone

    def start(self, account: int, market: int, orders: Sequence[int] = (), *, now: int) -> bool:
        """Open the auction of a book that its account cannot cure; whether it is for sale."""
        return self.start_many(account, (market,), orders, now=now) != 0

    def start_many(self, account: int, markets: Sequence[int], orders: Sequence[int] = (), *, now: int) -> int:
        """The same for several books; how many are for sale."""
        require(account != self.vault.pool_account, POOL_BOOK)
        started = 0
        with self._whole():
            for place, market in enumerate(markets):
                venue = self._live_venue(market, now)
                if place == 0:
                    self._rescued(account, venue, orders, now)
                if is_short(venue.book_risk(account, now)):
                    self.auctions.open((account, market), venue.clock(now), venue.legs_digest(account), now)
                    started += 1
                elif place == 0:
                    self._end_if_on(account, venue, now)
        return started

    def bid_many(self, sender: Hashable, bids: Sequence[Bid], *, now: int) -> list[Outcome]:
        """Several bids, none or all of them."""
        with self._whole():
            return [self.bid(sender, bid, now=now, may_be_cured=True) for bid in bids]

    def bid(self, sender: Hashable, bid: Bid, *, now: int, may_be_cured: bool = False) -> Outcome:
        """Buy a book that is for sale, or part of it."""
        require(0 < bid.fraction <= WAD, "market: bad fraction")
        with self._whole():
            venue = self._live_venue(bid.market, now)
            require(bid.digest == venue.legs_digest(bid.account), "liquidator: book is not as seen")
            age = self._checked_age(bid.account, venue, now)
            if may_be_cured and not is_short(venue.book_risk(bid.account, now)):
                return Outcome(cured=True)
            risk = self._rescued(bid.account, venue, bid.orders, now)
            if not is_short(risk):
                self._end_if_on(bid.account, venue, now)
                return Outcome(cured=True)
            outcome = self._sell(bid, sender, venue, risk, age, now)
            bought = venue.book_risk(bid.bidder, now)
            require(bought.equity >= bought.initial, "liquidator: bidder's book short")
            return outcome

    def bid_for_pool(self, account: int, market: int, orders: Sequence[int] = (), *, now: int) -> Outcome:
        """Let the pool buy what nobody wanted."""
        with self._whole():
            venue, pool = self._live_venue(market, now), self.vault.pool_account
            age = self._checked_age(account, venue, now)
            require(age >= auction.POOL_TIME, "liquidator: not the pool's turn")
            risk = self._rescued(account, venue, orders, now)
            if not is_short(risk):
                self._end_if_on(account, venue, now)
                return Outcome(cured=True)
            bid = Bid(account, market, WAD, pool, 2**255 - 1, 0)
            outcome = self._sell(bid, self, venue, risk, age, now)
            held = venue.book_risk(pool, now)
            moved = 0
            if held.equity < held.initial:
                moved = self.vault.top_up_pool(self, market, held.initial - held.equity, now=now)
            require(held.equity + moved >= held.maintenance, "pool: below margin")
            return outcome

    def stop(self, account: int, market: int, *, now: int) -> None:
        """End the auction of a book that is safe."""
        require(market in self.markets, "vault: unknown market")
        with self._whole():
            venue = self.markets[market]
            venue.settle(now)
            require(is_safe(venue.book_risk(account, now)), "liquidator: not safe yet")
            require(self._end_if_on(account, venue, now), "liquidator: no auction")

    # Internal

    def _rescued(self, account: int, venue: Market, orders: Sequence[int], now: int) -> BookRisk:
        require(is_short(venue.book_risk(account, now)), "liquidator: book is healthy")
        return self._rescued_book(account, venue, orders, now)

    def _checked_age(self, account: int, venue: Market, now: int) -> int:
        key, clock = (account, venue.id), venue.clock(now)
        self.auctions.check_bid(key, clock, venue.legs_digest(account), now)
        return self.auctions.age(key, clock, now)

    def _sell(self, bid: Bid, actor: Hashable, venue: Market, risk: BookRisk, age: int, now: int) -> Outcome:
        self._check_guarded(bid.account, bid.market, risk, now)
        discount = auction.grown(auction.MAX_DISCOUNT, age)
        needs = auction.needed(risk.maintenance, risk.sigma_loss)
        limit = auction.book_limit(risk.equity, needs, risk.exposure, discount)
        fraction, payment, penalty, insured = limit, 0, 0, 0
        if risk.equity > 0:
            fraction = min(bid.fraction, limit)
            payment, penalty = auction.book_price(risk.equity, fraction, discount)
            enough = fraction == limit or mul_wad_down(risk.exposure, fraction) >= auction.SMALL_LOT
            require(enough, "liquidator: bid is too small")
        else:
            wanted = -risk.equity + auction.bonus(risk.maintenance, age)
            insured = self.fund.draw(self, bid.market, wanted, now=now)
            require(insured >= -risk.equity, "liquidator: insurance is short")
        require(payment + penalty - insured <= bid.max_payment, "liquidator: above max payment")
        self.vault.seize_book(
            self, bid.account, bid.bidder, actor, bid.market, fraction, payment, penalty, bid.margin, now=now
        )
        if insured:
            self.vault.cover_deficit(self, bid.bidder, bid.market, insured, now=now)
        if fraction == limit:
            self._end_if_on(bid.account, venue, now)
        else:
            self._go_on(bid.account, venue, now)
        return Outcome(False, fraction, payment, penalty, insured)

    def _go_on(self, account: int, venue: Market, now: int) -> None:
        if is_safe(venue.book_risk(account, now)):
            self._end_if_on(account, venue, now)
        else:
            self.auctions.mark_again((account, venue.id), venue.legs_digest(account))

    def _end_if_on(self, account: int, venue: Market, now: int) -> bool:
        key, clock = (account, venue.id), venue.clock(now)
        if not self.auctions.is_on(key, clock):
            return False
        self.auctions.end(key, clock, now)
        return True
