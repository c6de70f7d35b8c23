"""Two accounts of one attacker, on either side of a market that he moves."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from ballast.model.errors import Rejected
from ballast.model.exchange import MIN_DELAY, Leg
from ballast.model.risk import equity_of
from ballast.model.vault import LOCK_PERIOD
from ballast.params import WAD
from tests.stateful.rules.money import Money
from tests.stateful.rules.orders import Orders
from tests.stateful.rules.prices import Prices
from tests.stateful.rules.world import MARKETS
from tests.stateful.twins import CONSPIRATORS

NOTIONAL = 20_000  # [USD] of each side
STEP, STEPS = 350, 5  # [bps], below every guard


class Collusion(Prices, Money, Orders):
    """X-ECO-02: nothing that a pumped price shows can be carried away and the loss be left behind."""

    @precondition(lambda self: not any(self.model.vault.treasury(account).slots for account in CONSPIRATORS))
    @rule(
        market=MARKETS,
        sibling=st.sampled_from([0, 0, 1, 2, 3, 4]),
        up=st.booleans(),
        leverage=st.integers(3, 12),
        patience=st.sampled_from([0, LOCK_PERIOD, 8 * 3_600, 2 * 86_400]),
    )
    def pump_and_default(self, market: int, sibling: int, up: bool, leverage: int, patience: int) -> None:
        """Once a history. One account wins what the other loses; the winner takes what he can out, at the top and after
        the price came back; what is left in a book below zero is left."""
        winner, loser = CONSPIRATORS
        if not self._settled():
            return
        before = self.wealth()
        if not self._open_both_sides(winner, loser, market, up, leverage):
            return
        first = self.last_answer(market)
        for _ in range(STEPS):
            self.publish_move(market, STEP if up else -STEP, 600)
        for _ in range(2):
            self.repeat_prices(900)
        self._carry_out(winner, market, sibling)
        if patience:
            self.chain.advance(patience)
            self.repeat_prices(1)
            self._carry_out(winner, market, sibling)
        self._return_to(first, market)
        self.chain.advance(LOCK_PERIOD)
        self.repeat_prices(1)
        self._carry_out(winner, market, 0)
        self._carry_out(loser, market, 0)
        if self._settled():
            assert self.wealth() <= before, f"gained {self.wealth() - before}"
            self.twins.seen["collusion"] += 1

    def wealth(self) -> int:
        """What the attacker could still carry away, were every lock released: tokens, cash, books above zero [wad]."""
        total = int(self.protocol.token.balanceOf(self.twins.conspirator)) * self.model.vault.scale
        for account in CONSPIRATORS:
            treasury = self.model.vault.treasury(account)
            total += treasury.cash - treasury.locked + treasury.escrow
            for market in filter(None, treasury.books):
                total += max(0, self._equity(account, market))
        return total

    def _equity(self, account: int, market: int) -> int:
        """A book at the last price."""
        venue = self.model.markets[market]
        book, price = venue.book(account), self.last_answer(market) * 10**10
        return equity_of(book.size, book.base, price, venue.funding(self.now)[0])

    def _settled(self) -> bool:
        """Whether every market has a price, after a while in which no guard of an earlier jump stays up."""
        for _ in range(2):
            self.repeat_prices(900)
            for market in self.twins.names:
                self.poke(market)
        return all(self._has_price(market) for market in self.twins.names)

    def _has_price(self, market: int) -> bool:
        try:
            return bool(self.feed(market).quote(self.now))
        except Rejected:
            return False

    def _open_both_sides(self, winner: int, loser: int, market: int, up: bool, leverage: int) -> bool:
        """Equal books, opposite ways; whether both were filled."""
        size = self.leg(market, NOTIONAL, leverage, 500).size
        size = size if up else -size
        for account, side in ((winner, 1 if up else -1), (loser, -1 if up else 1)):
            count, price = self.model.exchange.order_count, self.last_answer(market) * 10**10
            leg = Leg(market, side * abs(size), price * (2 if side > 0 else 0), NOTIONAL * WAD // leverage)
            self.commit_legs(account, [leg], False, "owner")
            self.repeat_prices(MIN_DELAY)
            if self.model.exchange.order_count > count:
                self.execute(0, 0)
        held = [self.model.markets[market].book(account).size for account in (winner, loser)]
        return held == [size, -size]

    def _carry_out(self, account: int, market: int, sibling: int) -> None:
        """Out of the book, perhaps through another one, and out of the vault."""
        self.poke(market)
        amount = self.withdrawable(account, market)
        self.transfer_margin(account, market, 0, amount, "owner")
        if sibling not in (0, market):
            self._through(account, sibling, amount * 9 // 10)
        self.release_lock(account, market)
        treasury, scale = self.model.vault.treasury(account), self.model.vault.scale
        self.withdraw(account, max(0, treasury.cash - treasury.locked) // scale, "owner")
        self.withdraw(account, treasury.cash // scale, "owner")

    def _through(self, account: int, sibling: int, amount: int) -> None:
        """Into an order of another market and back, where it fails for its limit."""
        price = self.last_answer(sibling) * 10**10
        self.commit_legs(account, [Leg(sibling, WAD * WAD // price, 1, amount)], False, "owner")
        self.repeat_prices(MIN_DELAY)
        if self.model.exchange.orders:
            self.execute(0, 0)

    def _return_to(self, answer: int, market: int) -> None:
        """In steps, so that no guard is raised."""
        while self.last_answer(market) != answer:
            last = self.last_answer(market)
            step = max(-last * STEP // 10_000, min(last * STEP // 10_000, answer - last))
            self.chain.advance(600)
            self.twins.publish(self.feed(market), market, last + step)
