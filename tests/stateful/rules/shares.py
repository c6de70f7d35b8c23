"""Shares of the pool."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from ballast.model.shares import PENDING, REQUEST_DELAY
from tests.stateful.rules.orders import Orders
from tests.stateful.rules.world import MARKETS, TRADERS

DOLLARS = st.one_of(st.integers(0, 40_000 * 10**6), st.integers(0, 5))  # [raw]


class PoolShares(Orders):
    """Entries and exits by request, claims, and what anyone may do for the pool."""

    @rule(trader=TRADERS, amount=DOLLARS)
    def request_entry(self, trader: int, amount: int) -> None:
        """Beyond the cap now and then."""
        who, pool = self.trader(trader), self.protocol.pool
        self.twins.both(
            lambda: pool.requestDeposit(amount, who, who, sender=who),
            lambda: self.model.shares.request_deposit(who, amount, who, who, now=self.now),
        )

    @rule(trader=TRADERS, fraction=st.integers(0, 11_000))
    def request_exit(self, trader: int, fraction: int) -> None:
        """Some of what he holds, or more."""
        who, shares = self.trader(trader), self.model.shares
        amount = shares.balances.get(who, 0) * fraction // 10_000
        if amount > shares.balances.get(who, 0):
            amount = shares.balances.get(who, 0) + 1
        self.twins.both(
            lambda: self.protocol.pool.requestRedeem(amount, who, who, sender=who),
            lambda: shares.request_redeem(who, amount, who, who, now=self.now),
        )

    @rule(back=st.integers(0, 2), late=st.sampled_from([-1, 0, 0, 0, 0, 1]))
    def execute_request(self, back: int, late: int) -> None:
        """At rounds that may or may not be the first; too early, twice, or of an id that never was."""
        shares, id_ = self.model.shares, self.waiting_request(back)
        request = shares.requests.get(id_)
        due = request.due if request else self.now
        markets = filter(None, self.model.vault.treasury(shares.account).books)
        rounds = [self.first_round_from(due, market) + late for market in markets]
        receipt, _ = self.twins.both(
            lambda: self.protocol.pool.execute_request(id_, rounds, sender=self.twins.stranger),
            lambda: shares.execute_request(id_, rounds, now=self.now),
        )
        if receipt is not None:
            self.twins.seen["exit executed" if request and request.is_exit else "entry executed"] += 1

    @rule(trader=TRADERS, amount=DOLLARS, fraction=st.integers(1, 10_000), move=st.integers(-200, 200))
    def go_in_and_out(self, trader: int, amount: int, fraction: int, move: int) -> None:
        """RND-5: enter at one price, leave at another, as far as it goes; prices move between."""
        self.request_entry(trader, amount)
        self._wait_and_execute(move)
        self.claim_shares(trader, 10_000, False)
        self.request_exit(trader, fraction)
        self._wait_and_execute(-move)
        self.claim_tokens(trader, 10_000, False)

    def _wait_and_execute(self, move: int) -> None:
        self.chain.advance(REQUEST_DELAY)
        for market in self.twins.names:
            self.publish_move(market, move, 1)
        self.execute_request(0, 0)

    @rule(trader=TRADERS, fraction=st.integers(0, 10_100), by_result=st.booleans())
    def claim_shares(self, trader: int, fraction: int, by_result: bool) -> None:
        who, pool, line = (
            self.trader(trader),
            self.protocol.pool,
            self.model.shares.line(self.trader(trader), False),
        )
        if by_result:
            shares = line.owed * fraction // 10_000
            self.twins.both(
                lambda: pool.mint(shares, who, who, sender=who),
                lambda: self.model.shares.mint_claimed(who, shares, who, who),
            )
        else:
            assets = line.left * fraction // 10_000
            self.twins.both(
                lambda: pool.deposit(assets, who, who, sender=who),
                lambda: self.model.shares.deposit(who, assets, who, who),
            )

    @rule(trader=TRADERS, fraction=st.integers(0, 10_100), by_result=st.booleans())
    def claim_tokens(self, trader: int, fraction: int, by_result: bool) -> None:
        who, pool, line = (
            self.trader(trader),
            self.protocol.pool,
            self.model.shares.line(self.trader(trader), True),
        )
        if by_result:
            assets = line.owed * fraction // 10_000
            self.twins.both(
                lambda: pool.withdraw(assets, who, who, sender=who),
                lambda: self.model.shares.withdraw(who, assets, who, who, now=self.now),
            )
        else:
            shares = line.left * fraction // 10_000
            self.twins.both(
                lambda: pool.redeem(shares, who, who, sender=who),
                lambda: self.model.shares.redeem(who, shares, who, who, now=self.now),
            )

    @precondition(lambda self: self.model.shares.requests)
    @rule(back=st.integers(0, 2), trader=TRADERS)
    def void_request(self, back: int, trader: int) -> None:
        """No way to cancel; only what nobody could execute for days comes back, to its controller."""
        id_, who = self.waiting_request(back), self.trader(trader)
        self.twins.both(
            lambda: self.protocol.pool.void_request(id_, who, sender=who),
            lambda: self.model.shares.void_request(who, id_, who, now=self.now),
        )

    @rule(trader=TRADERS, heir=TRADERS, fraction=st.integers(0, 10_000))
    def transfer_shares(self, trader: int, heir: int, fraction: int) -> None:
        """Shares change hands like any token."""
        who, other = self.trader(trader), self.trader(heir)
        amount = self.model.shares.balances.get(who, 0) * fraction // 10_000
        self.twins.both(
            lambda: self.protocol.pool.transfer(other, amount, sender=who),
            lambda: self.model.shares.transfer(who, other, amount),
        )

    @rule(market=MARKETS)
    def draw(self, market: int) -> None:
        """Margin out of a book of the pool, by anyone."""
        self.twins.both(
            lambda: self.protocol.pool.draw(market, sender=self.twins.stranger),
            lambda: self.model.shares.draw(market, now=self.now),
        )

    @rule(amount=st.integers(1, 10**9))
    def donate_to_the_pool(self, amount: int) -> None:
        """Cash for the pool's account, from anyone: it belongs to the shareholders."""
        vault, sender = self.protocol.vault, self.twins.traders[0]
        self.twins.both(
            lambda: vault.deposit(self.protocol.pool_account, self.token, amount, sender=sender),
            lambda: self.model.vault.deposit(self.model.shares.account, amount),
        )

    def trader(self, index: int) -> str:
        return self.twins.traders[index]

    def waiting_request(self, back: int) -> int:
        """The last pending request but `back`, or an id that never was."""
        requests = self.model.shares.requests
        pending = [id_ for id_, request in requests.items() if request.status == PENDING]
        return pending[-1 - back] if back < len(pending) else len(requests) + 1
