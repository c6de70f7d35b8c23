"""Auctions of the collateral of accounts in debt: `CollateralAuctions.vy`."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from ballast.model import auction
from ballast.model.collateral import TreasuryRisk
from ballast.model.errors import require
from ballast.model.fixed_point import WAD, mul_div_up, mul_wad_down, mul_wad_up
from ballast.model.liquidation import Liquidation, is_short
from ballast.model.oracle import Feed
from ballast.model.risk import MAX_SIGMA_RATE, SQRT_HORIZON
from ballast.model.vault import MAX_TOKENS


@dataclass(frozen=True)
class Bid:
    """For tokens that are for sale."""

    account: int
    index: int
    amount: int
    bidder: int
    max_price: int
    orders: tuple[int, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What a bid did."""

    cured: bool = False
    amount: int = 0
    payment: int = 0
    penalty: int = 0


@dataclass(frozen=True)
class Lot:
    """A token of an account, as the auction sees it."""

    price: int
    discount: int
    limit: int

    def asked(self, amount: int) -> tuple[int, int]:
        """Payment and penalty for so much of it [wad]."""
        return auction.price(mul_wad_up(amount, self.price), self.discount)


def is_safe(risk: TreasuryRisk) -> bool:
    """At a distance of 1 or more."""
    return risk.equity >= risk.maintenance + risk.sigma_loss


class CollateralAuctions(Liquidation):
    """Auctions by account and token."""

    # Anyone

    def start(self, account: int, index: int, orders: Sequence[int] = (), *, now: int) -> bool:
        """Open the auction of a token of a treasury that the account cannot cure; whether it is for sale."""
        with self._whole():
            feed = self._consumed_feed(index, now)
            _, risk = self._rescued(account, orders, None, now)
            clock = now - feed.silence(now)
            if not is_short(risk):
                self._end_if_on(account, index, clock, now)
                return False
            require(self.vault.collateral_of(account)[index] != 0, "vault: insufficient collateral")
            self.auctions.open((account, index), clock, 0, now)
            return True

    def bid(self, sender: Hashable, bid: Bid, *, now: int) -> Outcome:
        """Buy tokens that are for sale."""
        require(bid.amount != 0, "vault: zero amount")
        with self._whole():
            feed, key = self._consumed_feed(bid.index, now), (bid.account, bid.index)
            clock = now - feed.silence(now)
            self.auctions.check_bid(key, clock, 0, now)
            opened, age = self.auctions.auctions[key].opened, self.auctions.age(key, clock, now)
            cash, risk = self._rescued(bid.account, bid.orders, opened, now)
            if not is_short(risk):
                self._end_if_on(bid.account, bid.index, clock, now)
                return Outcome(cured=True)
            require(self._counts(bid.account, risk, opened, now), "liquidator: a price is missing")
            return self._sell(sender, bid, self._lot(bid, feed, cash, risk, age, now), clock, now)

    def stop(self, account: int, index: int, *, now: int) -> None:
        """End the auction of a treasury that is safe."""
        with self._whole():
            feed = self._consumed_feed(index, now)
            require(is_safe(self._treasury(account, now)[1]), "liquidator: not safe yet")
            on = self._end_if_on(account, index, now - feed.silence(now), now)
            require(on, "liquidator: no auction")

    # Internal

    def _consumed_feed(self, index: int, now: int) -> Feed:
        require(index < MAX_TOKENS and index in self.collateral.haircuts, "vault: unknown token")
        feed = self.feeds[self.collateral.haircuts[index].config.feed_id]
        feed.consume(now)
        return feed

    def _rescued(self, account: int, orders: Sequence[int], since: int | None, now: int) -> tuple[int, TreasuryRisk]:
        require(is_short(self._treasury(account, now)[1]), "liquidator: treasury is healthy")
        treasury, risk = self._rescued_treasury(account, orders, since, now)
        return treasury.cash, risk

    def _lot(self, bid: Bid, feed: Feed, cash: int, risk: TreasuryRisk, age: int, now: int) -> Lot:
        quote, threshold = feed.quote(now), self.collateral.threshold(bid.index, now=now)
        require(risk.equity > 0 or not quote.unconfirmed, "liquidator: rescue is suspended")
        held = self.vault.collateral_of(bid.account)[bid.index]
        discount = auction.grown(auction.collateral_bound(threshold), age)
        worth = mul_wad_up(held, quote.price)
        relieved = auction.relief(threshold, min(mul_wad_down(quote.fast_volatility, SQRT_HORIZON), MAX_SIGMA_RATE))
        needs = auction.needed(risk.maintenance, risk.sigma_loss)
        limit = auction.collateral_limit(risk.equity, needs, -cash, worth, relieved, discount)
        units = held if limit >= worth else min(held, mul_div_up(limit, WAD, quote.price))
        return Lot(quote.price, discount, units)

    def _sell(self, sender: Hashable, bid: Bid, lot: Lot, clock: int, now: int) -> Outcome:
        amount = min(bid.amount, lot.limit)
        payment, penalty = lot.asked(amount)
        require(payment + penalty <= mul_wad_down(amount, bid.max_price), "liquidator: above max payment")
        enough = amount == lot.limit or mul_wad_down(amount, lot.price) >= auction.SMALL_LOT
        require(enough, "liquidator: bid is too small")
        self.vault.seize_collateral(self, bid.account, bid.bidder, sender, bid.index, amount, payment, penalty, now=now)
        if is_safe(self._treasury(bid.account, now)[1]):
            self._end_if_on(bid.account, bid.index, clock, now)
        return Outcome(False, amount, payment, penalty)

    def _end_if_on(self, account: int, index: int, clock: int, now: int) -> bool:
        key = (account, index)
        if not self.auctions.is_on(key, clock):
            return False
        self.auctions.end(key, clock, now)
        return True
