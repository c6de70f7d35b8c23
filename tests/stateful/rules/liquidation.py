"""Auctions, gaps, deficits: what anyone may do to accounts that nothing else saves."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from ballast.model import collateral_auctions, liquidation
from ballast.model.errors import Rejected
from ballast.model.market import ACTIVE, GRACE, HALTED
from ballast.params import WAD
from tests.stateful.rules.lending import Lending
from tests.stateful.rules.orders import Orders
from tests.stateful.rules.powers import Powers
from tests.stateful.rules.prices import Prices
from tests.stateful.rules.world import ACCOUNTS, HOSTILE, MARKETS, TOKENS
from tests.stateful.twins import ACCOUNTS as ALL_ACCOUNTS
from tests.stateful.twins import BIDDER

SHARES = st.one_of(st.just(WAD), st.integers(WAD // 10, WAD), st.integers(1, WAD))
SLACK = st.sampled_from([10_000, 10_000, 9_000, 0])  # [bps] of what the auction asks
FURTHEST = 18_000  # [bps] that a price is moved to bring a book into need
FALLS = st.sampled_from([600, 1_200, 1_800])  # [bps] of a token
GAPS = st.sampled_from([1, 2, 3, 3])  # falls before anyone acts
AGES = st.sampled_from([0, 1, 300, 900, 1_200, 1_800, 2_400])  # [s] between two looks


class Liquidation(Prices, Lending, Orders, Powers):
    """Only what is below maintenance, only after its own rescue, only at the auction's price."""

    @rule(account=ACCOUNTS, market=MARKETS)
    def start(self, account: int, market: int) -> None:
        """LIQ-1: a book below maintenance that its account cannot cure; nothing else is for sale."""
        orders = self.orders_of(account)
        receipt, for_sale = self.twins.both(
            lambda: self.protocol.liquidator.start(account, market, orders, sender=self.twins.stranger),
            lambda: self.model.liquidator.start(account, market, orders, now=self.now),
        )
        if receipt is not None:
            assert bool(receipt.named("AuctionStarted")) == for_sale
            self.twins.seen["cured at the start"] += not for_sale

    @rule(account=ACCOUNTS, market=MARKETS, fraction=SHARES, slack=SLACK, stale=HOSTILE, hostile=HOSTILE)
    def bid(self, account: int, market: int, fraction: int, slack: int, stale: bool, hostile: bool) -> None:
        """LIQ-2, LIQ-8, LIQ-9: in parts, guarded by price and digest, by who may trade for the bidder."""
        venue, sender = self.model.markets[market], self.twins.stranger if hostile else self.twins.bidder
        digest = venue.legs_digest(account) + stale
        terms = liquidation.Bid(
            account=account,
            market=market,
            fraction=fraction,
            bidder=BIDDER,
            max_payment=self._asked(account, market, fraction) * slack // 10_000,
            digest=digest,
            margin=self._needed(account, market, fraction),
            orders=tuple(self.orders_of(account)),
        )
        receipt, outcome = self.twins.both(
            lambda: self.protocol.liquidator.bid(vars(terms), sender=sender),
            lambda: self.model.liquidator.bid(sender, terms, now=self.now),
        )
        self._compare(receipt, outcome)

    @rule(account=ACCOUNTS, market=MARKETS)
    def bid_for_pool(self, account: int, market: int) -> None:
        """The bidder of last resort, once nobody else came."""
        orders = self.orders_of(account)
        receipt, outcome = self.twins.both(
            lambda: self.protocol.liquidator.bid_for_pool(account, market, orders, sender=self.twins.stranger),
            lambda: self.model.liquidator.bid_for_pool(account, market, orders, now=self.now),
        )
        self._compare(receipt, outcome)

    @rule(account=ACCOUNTS, market=MARKETS)
    def stop(self, account: int, market: int) -> None:
        """Only what is safe again."""
        self.twins.both(
            lambda: self.protocol.liquidator.stop(account, market, sender=self.twins.stranger),
            lambda: self.model.liquidator.stop(account, market, now=self.now),
        )

    # Collateral

    @rule(account=ACCOUNTS, index=TOKENS)
    def start_collateral(self, account: int, index: int) -> None:
        """A treasury in debt below maintenance."""
        account, orders = self.debtor(account), self.orders_of(self.debtor(account))
        self.twins.both(
            lambda: self.protocol.collateral_auctions.start(account, index, orders, sender=self.twins.stranger),
            lambda: self.model.collateral_auctions.start(account, index, orders, now=self.now),
        )

    @rule(account=ACCOUNTS, index=TOKENS, fraction=SHARES, slack=SLACK)
    def bid_collateral(self, account: int, index: int, fraction: int, slack: int) -> None:
        """For some of it, or all that restores the treasury."""
        account, name = self.debtor(account), str(self.model.vault.collateral[index].token)
        price = self.last_collateral_price(name)
        terms = collateral_auctions.Bid(
            account=account,
            index=index,
            amount=self.model.vault.collateral_of(account)[index] * fraction // WAD,
            bidder=BIDDER,
            max_price=price * slack // 10_000,
            orders=tuple(self.orders_of(account)),
        )
        self.twins.both(
            lambda: self.protocol.collateral_auctions.bid(vars(terms), sender=self.twins.bidder),
            lambda: self.model.collateral_auctions.bid(self.twins.bidder, terms, now=self.now),
        )

    @rule(account=ACCOUNTS, index=TOKENS)
    def stop_collateral(self, account: int, index: int) -> None:
        self.twins.both(
            lambda: self.protocol.collateral_auctions.stop(account, index, sender=self.twins.stranger),
            lambda: self.model.collateral_auctions.stop(account, index, now=self.now),
        )

    # Deficits

    @rule(account=st.integers(1, ALL_ACCOUNTS[-1]), market=st.integers(0, 4))
    def note(self, account: int, market: int) -> None:
        """BDT-2: anyone may make a deficit known; nobody one that is none."""
        self.twins.both(
            lambda: self.protocol.deficits.note(account, market, sender=self.twins.stranger),
            lambda: self.model.deficits.note(account, market, now=self.now),
        )

    @rule(account=ACCOUNTS, market=MARKETS)
    def realise_deficit(self, account: int, market: int) -> None:
        """BDT-1, BDT-2, BDT-3: whole, at once, in the order of §6."""
        orders = self.orders_of(account)
        receipt, spread = self.twins.both(
            lambda: self.protocol.deficits.realise_deficit(account, market, orders, sender=self.twins.stranger),
            lambda: self.model.deficits.realise_deficit(account, market, orders, now=self.now),
        )
        if receipt is not None:
            assert self.model.markets[market].book_risk(account, self.now).equity >= 0
            self.twins.seen["others bear a book"] += spread > 0

    @rule(account=ACCOUNTS)
    def realise_debt(self, account: int) -> None:
        """What collateral does not cover."""
        account = self.debtor(account)
        orders = self.orders_of(account)
        _, borne = self.twins.both(
            lambda: self.protocol.deficits.realise_debt(account, orders, sender=self.twins.stranger),
            lambda: self.model.deficits.realise_debt(account, orders, now=self.now),
        )
        self.twins.seen["lenders bear a debt"] += bool(borne)

    @rule(market=MARKETS)
    def close_pool(self, market: int) -> None:
        """Where the pool itself fails."""
        _, spread = self.twins.both(
            lambda: self.protocol.deficits.close_pool(market, sender=self.twins.stranger),
            lambda: self.model.deficits.close_pool(market, now=self.now),
        )
        self.twins.seen["others bear the pool"] += bool(spread)

    # Storms

    @rule(market=MARKETS, fall=st.integers(300, 1_900), up=st.booleans(), wait=AGES, fraction=SHARES, again=AGES)
    def crash(self, market: int, fall: int, up: bool, wait: int, fraction: int, again: int) -> None:
        """A gap, perhaps through whole books; whoever likes liquidates everything that is short, for a while."""
        self.publish_move(market, fall if up else -fall, 30)
        self.liquidate_market(market, fraction)
        for pause in (wait, again):
            self.repeat_prices(12 + pause)
            self.liquidate_market(market, fraction)

    @rule(market=MARKETS, wait=AGES, up=st.booleans())
    def gap_through_books(self, market: int, wait: int, up: bool) -> None:
        """Two gaps below every guard: whole books are gone, insurance is not enough, the other side bears the rest."""
        for _ in range(2):
            self.publish_move(market, 1_800 if up else -1_800, 30)
            self.repeat_prices(12 + wait)
        for _ in range(2):
            self.liquidate_market(market, WAD)
            self.repeat_prices(12)
        self.realise_everything(market)

    @rule(market=MARKETS, account=ACCOUNTS, times=st.integers(4, 14))
    def run_away(self, market: int, account: int, times: int) -> None:
        """A market multiplies: what is short is gone, in the end the pool itself; the long side bears it."""
        self.switch(account, False)
        self.trade(account, market, 60_000, 8, 0)
        for _ in range(times):
            self.publish_move(market, 1_800, 30)
        self.repeat_prices(12)
        self.realise_everything(market)
        self.close_pool(market)

    @rule(account=ACCOUNTS, slot=st.integers(0, 3), depth=st.integers(1, 90), lasts=AGES, wait=AGES, fraction=SHARES)
    def halt_an_auction(self, account: int, slot: int, depth: int, lasts: int, wait: int, fraction: int) -> None:
        """LIQ-7, X-GOV-03: the clock of an auction stands while its market is halted, and for an hour after it."""
        if not (market := self._bring_into_need(account, slot, depth)):
            return
        venue = self.model.markets[market]
        self.start(account, market)
        self.tighten(market, HALTED, False)
        stood_at = venue.clock(self.now)
        self.repeat_prices(12 + lasts)
        self.bid(account, market, fraction, 10_000, False, False)
        self.pass_proposal("state", market, 0, ACTIVE)
        assert venue.clock(self.now) == stood_at
        self.bid(account, market, fraction, 10_000, False, False)
        for pause in (GRACE, wait):
            self.repeat_prices(pause)
        assert stood_at <= venue.clock(self.now) <= stood_at + wait
        self.bid(account, market, fraction, 10_000, False, False)

    @rule(
        account=ACCOUNTS,
        slot=st.integers(0, 3),
        depth=st.integers(1, 99),
        wait=AGES,
        fraction=SHARES,
        slack=SLACK,
        helped=st.sampled_from([False, False, True]),
    )
    def sell_a_book(
        self, account: int, slot: int, depth: int, wait: int, fraction: int, slack: int, helped: bool
    ) -> None:
        """LIQ-1, LIQ-9: an account whose engine is off is brought below maintenance, not below zero, and sold in parts;
        or helped while its auction is on, and then nothing is sold."""
        if not (market := self._bring_into_need(account, slot, depth)):
            return
        self.start(account, market)
        if helped:
            self.deposit(account, 50_000 * 10**6)
            self.switch(account, True)
        for of_asked in (slack, 10_000):
            self.repeat_prices(12 + wait)
            self.bid(account, market, fraction, of_asked, False, False)
        self.bid_for_pool(account, market)
        self.stop(account, market)

    @rule(account=ACCOUNTS, index=TOKENS, fall=FALLS, gaps=GAPS, wait=AGES, fraction=SHARES)
    def sell_collateral(self, account: int, index: int, fall: int, gaps: int, wait: int, fraction: int) -> None:
        """LIQ-2, BDT-1: as much debt as there may be, and then the token falls; so far, perhaps, that lenders lose."""
        self.switch(account, False)
        self.borrow(account, index, 9_000, 9_900, "owner")
        self.fall_of_collateral(index, fall, gaps, wait, fraction)
        if fraction == WAD:
            self.fall_of_collateral(index, fall, 1, wait, fraction)

    @rule(index=TOKENS, fall=FALLS, gaps=GAPS, wait=AGES, fraction=SHARES)
    def fall_of_collateral(self, index: int, fall: int, gaps: int, wait: int, fraction: int) -> None:
        """Of a token that a market prices: those who borrowed against it are sold out of it."""
        market = (2, 1, 2)[index]
        for _ in range(gaps):
            self.publish_move(market, -fall, 30)
        for share in (fraction, fraction, WAD):
            for account in ALL_ACCOUNTS:
                if self.model.vault.treasury(account, self.now).cash < 0:
                    self.start_collateral(account, index)
                    self.bid_collateral(account, index, share, 10_000)
                    self.realise_debt(account)
            self.repeat_prices(12 + wait)

    def liquidate_market(self, market: int, fraction: int) -> None:
        """Every account's book there."""
        for account in ALL_ACCOUNTS:
            if self._is_short(account, market):
                self.start(account, market)
                self.bid(account, market, fraction, 10_000, False, False)
                self.bid_for_pool(account, market)

    def realise_everything(self, market: int) -> None:
        """BDT-2: after it, no known deficit is unassigned in this market."""
        for account in ALL_ACCOUNTS:
            if self._equity_of(account, market) < 0:
                self.note(account, market)
                self.leave_insurance(1, 10_000, 0, False)
                self.realise_deficit(account, market)

    # Helpers

    def switch(self, account: int, enabled: bool) -> None:
        """An account's engine, on or off."""
        policy, owner = self.twins.params.policy.model_dump() | {"enabled": enabled}, self.actor(account, "owner")
        self.twins.both(
            lambda: self.protocol.rebalancer.set_policy(account, policy, sender=owner),
            lambda: self.model.rebalancer.set_policy(owner, account, self.twins.model_policy(policy), now=self.now),
        )

    def _bring_into_need(self, account: int, slot: int, depth: int) -> int:
        """Turn the engine off and move a price against a book, in steps below every guard, until its equity is about
        `depth` % of maintenance; its market, or 0 where that did not work."""
        books = [market for market in self.model.vault.treasury(account, self.now).books if market]
        if not books or not (book := self._risk(account, market := books[slot % len(books)])) or not book.exposure:
            return 0
        self.switch(account, False)
        side = -1 if self.model.markets[market].book(account).size > 0 else 1
        left = (book.equity - book.maintenance * depth // 100) * 10_000 // book.exposure  # [bps]
        for moved in range(0, min(left, FURTHEST), 900):
            self.publish_move(market, side * min(left - moved, 900), 60)
        return market if self._is_short(account, market) else 0

    def orders_of(self, account: int) -> list[int]:
        """Its open orders."""
        orders = self.model.exchange.orders
        return [id_ for id_, order in orders.items() if order.account == account][:32]

    def last_collateral_price(self, name: str) -> int:
        """The last answer of the feed that prices a token, and a little more, for rounding [wad]."""
        feed = self.model.feeds[self.twins.params.feed_id(name)]
        return feed.scaled(feed.aggregators[-1][-1].answer) * 10**6 + WAD // 10**6

    def _risk(self, account: int, market: int) -> Any:
        try:
            return self.model.markets[market].book_risk(account, self.now)
        except Rejected:
            return None

    def _is_short(self, account: int, market: int) -> bool:
        risk = self._risk(account, market)
        return risk is not None and risk.equity < risk.maintenance

    def _equity_of(self, account: int, market: int) -> int:
        risk = self._risk(account, market)
        return risk.equity if risk is not None else 0

    def _asked(self, account: int, market: int, fraction: int) -> int:
        """About the most that such a bid may cost [wad]."""
        return max(0, self._equity_of(account, market)) * fraction // WAD * 101 // 100

    def _needed(self, account: int, market: int, fraction: int) -> int:
        """What a bidder's book lacks to its initial margin, and a little more [wad]."""
        risk = self._risk(account, market)
        return max(0, risk.initial * 12 // 10 - risk.equity) * fraction // WAD if risk is not None else 0

    def _compare(self, receipt: Any, outcome: Any) -> None:
        """The events tell what the model says; what was cured was not sold."""
        if receipt is None:
            return
        sold = receipt.named("BookSold")
        assert bool(sold) != outcome.cured
        for event in sold:
            for field in ("fraction", "payment", "penalty", "paid_by_insurance"):
                assert getattr(event, field) == getattr(outcome, field), field
        self.twins.seen["cured by its account"] += outcome.cured
        self.twins.seen["insurance pays a bidder"] += outcome.paid_by_insurance > 0
        self.twins.seen["sold in part"] += not outcome.cured and outcome.fraction < WAD
