"""`Vault.vy` and `ballast.model.vault` side by side: the same calls, the same answers, the same wei."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

import pytest

from ballast.chain import Reverted
from ballast.chain.revm import RevmChain
from ballast.model import vault as model
from ballast.model.errors import Rejected
from tests.support import deploy_vault, outflow_of

WAD, RAW = 10**18, 10**6
MARKETS, ACCOUNTS, STEPS = 10, 6, 1_500
MAINTENANCE = 100 * WAD  # of any book


@dataclass(frozen=True)
class Health:
    """A risk as far as the vault looks at it."""

    equity: int
    maintenance: int = 0
    initial: int = 0


class Venue:
    """`MockMarket.vy` in integers."""

    def __init__(self) -> None:
        self.book: dict[int, int] = {}
        self.net_deposit: dict[int, int] = {}

    def book_risk(self, account: int, now: int) -> Health:
        return Health(self.book.get(account, 0), MAINTENANCE)

    def move_margin(self, account: int, amount: int) -> tuple[int, bool]:
        held = self.net_deposit.get(account, 0)
        self.book[account] = self.book.get(account, 0) + amount
        self.net_deposit[account] = max(held + amount, 0)
        return max(-amount - held, 0), self.book[account] == 0


class Pair:
    """A vault, its model, and random steps on both."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.reasons: set[str] = set()
        self.locked_once = False
        self.chain = chain = RevmChain()
        self.actors = chain.accounts[:4]
        self.owner, self.exchange, self.rebalancer = chain.accounts[4:7]
        self.token = chain.deploy("MockToken", "US Dollar", "USD", 6, sender=self.owner)
        self.vault = deploy_vault(chain, self.token.address, 7 * WAD // 10, self.owner)
        self.outflow = outflow_of(self.vault)
        self.model = model.Vault(6, 7 * WAD // 10, self.owner)
        self.venues = [(chain.deploy("MockMarket", sender=self.owner), Venue()) for _ in range(MARKETS)]
        for contract, venue in self.venues:
            self.vault.add_market(contract.address, sender=self.owner)
            self.model.add_market(self.owner, venue)
        for engine, roles in ((self.exchange, 1), (self.rebalancer, 2)):
            self.vault.set_engine(engine, roles, sender=self.owner)
            self.model.set_engine(self.owner, engine, roles)
        for account in range(1, ACCOUNTS + 1):
            holder = self.actors[account % len(self.actors)]
            self.vault.open_account(holder, sender=holder)
            self.model.open_account(holder)
            for contract, _ in self.venues:
                contract.set_maintenance(account, MAINTENANCE, sender=self.owner)
        self.vault.set_pool(1, sender=self.owner)
        self.model.set_pool(self.owner, 1)
        self.token.mint(self.owner, 10**30, sender=self.owner)
        self.token.approve(self.vault.address, 2**256 - 1, sender=self.owner)
        self.collateral = [chain.deploy("MockToken", "C", "C", decimals, sender=self.owner) for decimals in (18, 8, 6)]
        for token in self.collateral:
            self.vault.add_collateral(token.address, 100 * WAD, sender=self.owner)
            self.model.add_collateral(self.owner, token.address, token.decimals(), 100 * WAD)
            for actor in self.actors:
                token.mint(actor, 10**30, sender=self.owner)
                token.approve(self.vault.address, 2**256 - 1, sender=actor)

    @property
    def now(self) -> int:
        return self.chain.timestamp

    def holder(self, account: int) -> str:
        return str(self.model.accounts[account].owner) if account in self.model.accounts else self.actors[0]

    def account(self) -> int:
        return self.random.randint(1, ACCOUNTS + (self.random.random() < 0.05))

    def actor(self, account: int) -> str:
        """The account's owner, or now and then anyone."""
        return self.holder(account) if self.random.random() < 0.8 else self.random.choice(self.actors)

    def market(self) -> int:
        return self.random.randint(1, MARKETS + (self.random.random() < 0.2))

    def amount(self, of: int = 1_000 * WAD) -> int:
        """Anything from nothing to a little more than `of`, often a round share of it, often a wei beside it."""
        share = self.random.choice((0, 1, 2, 5, 10, 10, 10, 11))
        return max(max(of, 0) * share // 10 + self.random.choice((-1, 0, 0, 0, 1, self.random.randrange(WAD))), 0)

    def both(self, on_chain: Callable[[], Any], in_model: Callable[[], Any]) -> None:
        """The same outcome on both sides: a value or a reason."""
        try:
            expected, reason = in_model(), ""
        except Rejected as rejected:
            expected, reason = None, rejected.reason
        if reason:
            self.reasons.add(reason)
            with pytest.raises(Reverted) as error:
                on_chain()
            assert error.value.reason == reason
        else:
            returned = on_chain()
            assert expected is None or returned is None or returned == expected

    def returning(self, method: Any, *args: Any, sender: str) -> Callable[[], Any]:
        """A transaction, and what it returns."""

        def run() -> Any:
            value = method.call(*args, sender=sender)
            method(*args, sender=sender)
            return value

        return run

    # Steps

    def deposit(self) -> None:
        account, amount = self.account(), self.random.choice((0, 1, self.random.randrange(3_000 * RAW)))
        self.both(
            lambda: self.vault.deposit(account, self.token.address, amount, sender=self.owner) and None,
            lambda: self.model.deposit(account, amount),
        )

    def withdraw(self) -> None:
        account = self.account()
        sender = self.actor(account)
        treasury = self.model.treasury(account)
        amount = self.amount(self.random.choice((treasury.cash, treasury.cash - treasury.locked))) // 10**12
        self.both(
            lambda: self.vault.withdraw(account, self.token.address, amount, sender, sender=sender) and None,
            lambda: self.model.withdraw(sender, account, amount, sender, now=self.now),
        )

    def put_collateral(self) -> None:
        account, token = self.account(), self.random.choice(self.collateral)
        sender = self.random.choice((self.holder(account), *self.actors))
        amount = self.random.choice((0, 1, self.random.randrange(30 * 10 ** token.decimals())))
        self.both(
            lambda: self.vault.deposit(account, token.address, amount, sender=sender) and None,
            lambda: self.model.deposit(account, amount, token.address, sender=sender, now=self.now),
        )

    def take_collateral(self) -> None:
        account, index = self.account(), self.random.randrange(len(self.collateral))
        token, sender = self.collateral[index], self.actor(account)
        amount = self.amount(self.model.collateral_of(account)[index]) // 10 ** (18 - token.decimals())
        self.both(
            lambda: self.vault.withdraw(account, token.address, amount, sender, sender=sender) and None,
            lambda: self.model.withdraw(sender, account, amount, sender, token.address, now=self.now),
        )

    def set_cap(self) -> None:
        index, cap = self.random.randint(0, 3), self.random.choice((0, 50 * WAD, 100 * WAD, 200 * WAD, 2**128))
        self.both(
            lambda: self.vault.set_collateral_cap(index, cap, sender=self.owner) and None,
            lambda: self.model.set_collateral_cap(self.owner, index, cap),
        )

    def hand_over(self) -> None:
        account, heir = self.account(), self.random.choice(self.actors)
        sender = self.actor(account)
        self.both(
            lambda: self.vault.transfer_account(account, heir, sender=sender) and None,
            lambda: self.model.transfer_account(sender, account, heir),
        )
        heir = self.random.choice((heir, *self.actors))
        self.both(
            lambda: self.vault.accept_account(account, sender=heir) and None,
            lambda: self.model.accept_account(heir, account),
        )

    def set_operator(self) -> None:
        account, operator = self.account(), self.random.choice(self.actors)
        rights, expiry = self.random.randint(0, 8), self.now + self.random.randrange(10_000)
        sender = self.holder(account)
        self.both(
            lambda: self.vault.set_operator(account, operator, rights, expiry, sender=sender) and None,
            lambda: self.model.set_operator(sender, account, operator, rights, expiry),
        )

    def allocate(self) -> None:
        account, market = self.account(), self.market()
        actor = self.actor(account)
        into = self.random.random() < 0.6
        held = self.venues[market - 1][1].book.get(account, 0) if market <= MARKETS else 0
        amount = self.amount(self.model.treasury(account).cash) if into else -self.amount(held)
        self.both(
            lambda: self.vault.allocate(account, actor, market, amount, sender=self.rebalancer) and None,
            lambda: self.model.allocate(self.rebalancer, account, actor, market, amount, now=self.now),
        )

    def reallocate(self) -> None:
        account, source, target = self.account(), self.market(), self.market()
        actor = self.actor(account)
        held = self.venues[source - 1][1].book.get(account, 0) if source <= MARKETS else 0
        amount = self.amount(held)
        self.both(
            lambda: self.vault.reallocate(account, actor, source, target, amount, sender=self.rebalancer) and None,
            lambda: self.model.reallocate(self.rebalancer, account, actor, source, target, amount, now=self.now),
        )

    def transfer_margin(self) -> None:
        account, keeper = self.account(), self.random.choice(self.actors)
        books = self.model.treasury(account).books
        transfers = []
        for _ in range(self.random.randint(0, 4)):
            slot = self.random.randint(0, 8) if self.random.random() < 0.1 else self._slot(books)
            market = books[slot] if slot < 8 else 0
            held = self.venues[market - 1][1].book.get(account, 0) if market else 0
            transfers.append(model.Transfer(slot, self.random.choice((-self.amount(held), self.amount(100 * WAD)))))
        reward = self.random.choice((0, 1, 20 * WAD, 200 * WAD, 200 * WAD + 1))
        self.both(
            self.returning(self.vault.transfer_margin, account, transfers, reward, keeper, sender=self.rebalancer),
            lambda: self.model.transfer_margin(self.rebalancer, account, transfers, reward, keeper, now=self.now),
        )

    def _slot(self, books: tuple[int, ...]) -> int:
        taken = [slot for slot, market in enumerate(books) if market]
        return self.random.choice(taken) if taken else 0

    def lock_escrow(self) -> None:
        account = self.account()
        actor = self.actor(account)
        margin, fee = self.amount(self.model.treasury(account).cash), self.amount(WAD)
        self.both(
            lambda: self.vault.lock_escrow(account, actor, margin, fee, sender=self.exchange) and None,
            lambda: self.model.lock_escrow(self.exchange, account, actor, margin, fee, now=self.now),
        )

    def end_order(self) -> None:
        account, executor = self.random.randint(1, ACCOUNTS), self.random.choice(self.actors)
        if not self.model.accounts[account].orders:
            return
        escrow = self.model.treasury(account).escrow
        amount = min(self.amount(escrow), escrow + 1)
        fee = min(amount, self.amount(WAD))
        if self.random.random() < 0.5:
            self.both(
                lambda: self.vault.release_escrow(account, amount, fee, executor, sender=self.exchange) and None,
                lambda: self.model.release_escrow(self.exchange, account, amount, fee, executor, now=self.now),
            )
            return
        market, trading_fee = self.market(), self.amount(10 * WAD)
        last = self.random.random() < 0.8
        arguments = (account, market, amount - fee, trading_fee, fee, executor, last)
        self.both(
            lambda: self.vault.fill_order(*arguments, sender=self.exchange) and None,
            lambda: self.model.fill_order(self.exchange, *arguments, now=self.now),
        )

    def top_up_pool(self) -> None:
        market, amount = self.market(), self.amount(100 * WAD)
        engine = self.random.choice((self.exchange, self.rebalancer, self.owner))
        self.both(
            self.returning(self.vault.top_up_pool, market, amount, sender=engine),
            lambda: self.model.top_up_pool(engine, market, amount, now=self.now),
        )

    def gain(self) -> None:
        """A market moves money from one book to another, as trades do."""
        contract, venue = self.random.choice(self.venues)
        loser, winner = self.random.sample(range(1, ACCOUNTS + 1), 2)
        amount = self.amount(venue.book.get(loser, 0))
        for account, signed in ((loser, -amount), (winner, amount)):
            contract.gain(account, signed, sender=self.owner)
            venue.book[account] = venue.book.get(account, 0) + signed

    def set_meter(self) -> None:
        market = self.market()
        capacity = self.random.choice((0, WAD - 1, WAD, 50 * WAD, 1_000 * WAD, 2**95, 2**95 + 1))
        self.both(
            lambda: self.outflow.set_meter(market, capacity, sender=self.owner) and None,
            lambda: self.model.set_meter(self.owner, market, capacity, now=self.now),
        )

    def release_lock(self) -> None:
        locks = [(account, market) for account, state in self.model.accounts.items() for market in state.locks]
        account, market = self.random.choice(locks or [(ACCOUNTS + 1, MARKETS)])
        self.both(
            self.returning(self.vault.release_lock, account, market, sender=self.actors[0]),
            lambda: self.model.release_lock(account, market, now=self.now),
        )

    def collect(self) -> None:
        actor = self.random.choice(self.actors)
        self.both(self.returning(self.vault.claim, actor, sender=actor), lambda: self.model.claim(actor, actor))
        self.both(
            self.returning(self.vault.collect_revenue, actor, sender=self.owner),
            lambda: self.model.collect_revenue(self.owner, actor),
        )

    def wait(self) -> None:
        self.chain.advance(self.random.choice((1, 60, 3_600, 20_000)))

    # Comparison

    def compare(self) -> None:
        """Chain equals model, and SOL-1."""
        for account in range(1, ACCOUNTS + 1):
            expected = self.model.treasury(account)
            self.locked_once |= expected.locked > 0
            found = self.vault.treasury(account)
            assert tuple(found) == (
                expected.cash,
                expected.escrow,
                expected.locked,
                expected.last_trade,
                expected.slots,
                expected.collateral,
            )
            assert self.vault.open_orders(account) == self.model.accounts[account].orders
            state = self.model.accounts[account]
            assert (self.vault.owner_of(account), self.vault.epoch(account)) == (state.owner, state.epoch)
            assert tuple(self.vault.collateral_of(account)) == self.model.collateral_of(account)
            for operator in self.actors:
                assert self.vault.operator(account, operator) == self.model.operator(account, operator)
        for index, token in enumerate(self.collateral):
            held = self.model.collateral[index]
            assert tuple(self.vault.collateral(index)) == (held.token, held.decimals, held.cap, held.total)
            assert token.balanceOf(self.vault.address) * held.scale == held.custody * held.scale == held.total
        for market, (contract, venue) in enumerate(self.venues, 1):
            assert self.vault.market(market) == (contract.address, self.model.markets[market].balance)
            assert self.outflow.meter(market) == self.model.meter(market, now=self.now)
            for account in range(1, ACCOUNTS + 1):
                assert contract.book(account) == venue.book.get(account, 0)
        for actor in self.actors:
            assert self.vault.claimable(actor) == self.model.claimable.get(actor, 0)
        assert self.vault.protocol_revenue() == self.model.protocol_revenue
        assert self.token.balanceOf(self.vault.address) == self.model.custody
        assert self.model.owed() == self.model.custody * self.model.scale


# Refusals that every run meets
REASONS = {
    "access: no right",
    "vault: zero amount",
    "vault: unknown account",
    "vault: no such book",
    "vault: insufficient cash",
    "vault: cash is locked",
    "vault: market overdrawn",
    "vault: reward too high",
    "vault: not in escrow",
    "vault: parameter out of bounds",
    "vault: lock is too young",
    "vault: book below maintenance",
    "vault: collateral cap",
    "vault: insufficient collateral",
    "vault: owner deposits it first",
    "access: not the owner",
    "access: not the new owner",
}

STEP_WEIGHTS = {
    Pair.deposit: 3,
    Pair.withdraw: 3,
    Pair.put_collateral: 3,
    Pair.take_collateral: 2,
    Pair.set_cap: 1,
    Pair.hand_over: 1,
    Pair.set_operator: 1,
    Pair.allocate: 6,
    Pair.reallocate: 2,
    Pair.transfer_margin: 5,
    Pair.lock_escrow: 4,
    Pair.end_order: 4,
    Pair.top_up_pool: 1,
    Pair.gain: 4,
    Pair.set_meter: 1,
    Pair.release_lock: 4,
    Pair.collect: 1,
    Pair.wait: 2,
}


@pytest.mark.parametrize("seed", range(3))
def test_vault__random_calls__contract_equals_model(seed: int) -> None:
    """SOL-1, SOL-2, SOL-6, RND-6: whatever is called in whatever order, chain and model agree to the wei."""
    pair = Pair(seed)
    steps, weights = list(STEP_WEIGHTS), list(STEP_WEIGHTS.values())
    for number in range(STEPS):
        pair.random.choices(steps, weights)[0](pair)
        if number % 10 == 0:
            pair.compare()
    pair.compare()
    assert pair.locked_once
    assert pair.reasons >= REASONS
