"""The promise of liquidation: no book is sold whose account, under its own policy, could have cured it.

The engine plans by levels; the judge here does not plan. It adds up all that an account has and may use, for one book
and nothing else, and closes as much of any books as may be closed. It knows no levels, futile moves or single plans.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from random import Random

from ballast.model.errors import Rejected
from ballast.model.exchange import Leg
from ballast.model.fixed_point import BPS, mul_wad_up
from ballast.model.liquidation import Bid
from ballast.model.market import HALTED
from ballast.model.policy import DAY, Policy, State
from ballast.model.risk import REDUCE, TAP, BookRisk
from ballast.model.system import OWNER, System
from ballast.model.vault import Transfer
from ballast.params import WAD, Params

SYSTEMS, ACCOUNTS = 50, 40
ROUNDS = 8  # of a rescue
NEAR = 100  # [wei] what rounding may decide
NO_LIMIT = 2**255 - 1
USD = 10**6  # [raw]
START = 1_700_000_000  # [s]
TRADER, BIDDER = "trader", "bidder"
HELD_BACK = ("none", "none", "none", "halt", "jump", "stale")


# The judge


@dataclass(frozen=True)
class Share:
    """A book as the judge sees it, in one way of closing it."""

    equity: int
    maintenance: int
    floor: int  # what it keeps as a donor


@dataclass
class Judge:
    """Whether the account can lift a book to its maintenance margin with all that it has, by its own rules."""

    system: System
    account: int
    now: int

    def can_cure(self, market: int) -> bool:
        policy, treasury = self.policy, self.system.vault.treasury(self.account, self.now)
        if not policy.enabled or not policy.z_trigger:
            return False
        risks = {id_: risk for id_ in treasury.books if id_ and (risk := self._risk(id_)) is not None}
        # of a market that holds the engine back, what it may do afterwards counts
        book = risks.pop(market)
        if policy.no_fund >> market & 1:
            return False
        slot = treasury.books.index(market)
        room = self._room(slot)
        cash = treasury.cash + treasury.escrow  # whether or not the liquidator names the orders
        spare = max(cash - policy.treasury_reserve, 0)
        loan = self._loan(cash)
        for own in self._ways(market, book):
            lacking = own.maintenance - own.equity
            if lacking <= 0:
                return True
            if lacking > room:
                continue
            for ways in product(*(list(self._ways(id_, risk, donor=True)) for id_, risk in risks.items())):
                given = sum(
                    min(max(way.equity - way.floor, 0), self.system.vault.markets[id_].balance)
                    for (id_, risk), way in zip(risks.items(), ways, strict=True)
                    if self._may_give(id_, risk)
                )
                if spare + loan + given >= lacking + NEAR:
                    return True
        return False

    @property
    def policy(self) -> Policy:
        return self.system.rebalancer.policy(self.account)

    def _risk(self, market: int) -> BookRisk | None:
        try:
            return self.system.markets[market].book_risk(self.account, self.now)
        except Rejected:
            return None

    def _may_give(self, market: int, risk: BookRisk) -> bool:
        return bool(risk.gates & TAP) and not self.policy.no_tap >> market & 1

    def _room(self, slot: int) -> int:
        """What containment lets in."""
        state = self.system.rebalancer.states.get(self.account, State()).decayed(self.now)
        found = self.system.rebalancer.planner.gather(self.account, self.policy, self.now)
        share = max(self.policy.containment - state.contained[slot], 0)
        return max(found.equity, 0) * share // BPS

    def _loan(self, cash: int) -> int:
        """What may be borrowed, with the treasury left as far from its own end as a donor is."""
        treasury, credit = self.system.vault.treasury(self.account, self.now), self.system.credit
        if not self.policy.allow_borrow or treasury.locked or not treasury.collateral:
            return 0
        low, high = 0, max(min(credit.available(self.now), 2**90), 0)
        while low < high:
            trial = (low + high + 1) // 2
            risk = self.system.collateral_model.treasury_risk(self.account, min(cash, 0) - trial, self.now)
            floor = max(risk.initial, risk.maintenance + self.policy.z_donor * risk.sigma_loss // WAD)
            low, high = (trial, high) if risk.equity >= floor else (low, trial - 1)
        return max(low - 2 * NEAR, 0)

    def _ways(self, market: int, risk: BookRisk, donor: bool = False) -> Iterator[Share]:
        """The book as it is, and after each number of the largest cuts that the policy allows. No cut is made of a book
        that could not pay for closing all of it, nor for others of one that stands below what donors keep."""
        policy, left = self.policy, WAD
        floor = max(risk.donor_floor, risk.maintenance + policy.z_donor * risk.sigma_loss // WAD)
        yield Share(risk.equity, risk.maintenance, floor)
        closed = policy.no_fund >> market & policy.no_tap >> market & 1
        venue = self.system.markets[market]
        if closed or not risk.gates & REDUCE or not policy.max_delever:
            return
        try:
            cost = mul_wad_up(venue.engine_cost(self.now), risk.exposure)
        except Rejected:
            return
        if risk.equity <= cost or (donor and risk.equity <= floor):
            return
        for _ in range(ROUNDS):
            left -= left * policy.max_delever // BPS
            try:
                cut = venue.preview_reduce(self.account, WAD - left, self.now)
            except Rejected:
                return
            after = cut.risk
            if cut.cost > (risk.exposure - after.exposure) * policy.max_slippage // BPS or cut.pool_short_maintenance:
                return
            floor = max(after.donor_floor, after.maintenance + policy.z_donor * after.sigma_loss // WAD)
            yield Share(after.equity, after.maintenance, floor)
            if left == 0:
                return


# The accounts


@dataclass
class World:
    """A protocol with accounts of every kind, most of which have a book near its maintenance margin."""

    params: Params
    seed: int
    now: int = START
    seen: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        times = dict.fromkeys(range(1, 20), self.now)
        self.system = System.deploy(self.params, 6, times, self.now)
        self.system.credit.deposit(2_000_000 * USD, OWNER, now=self.now)
        self.markets = list(self.system.markets)
        self.bidder = self.system.vault.open_account(BIDDER)
        self.system.vault.deposit(self.bidder, 10_000_000 * USD, now=self.now)
        self.system.vault.deposit(self.system.insurance.account, 1_000_000 * USD, now=self.now)
        self.accounts = [self._open() for _ in range(ACCOUNTS)]
        self.held, self.how = self.random.choice(self.markets[:3]), self.random.choice(HELD_BACK)
        self._move_prices()
        for account in self.accounts:
            self._settle_margins(account)

    def _open(self) -> int:
        vault, random = self.system.vault, self.random
        account = vault.open_account(TRADER)
        vault.deposit(account, 10**6 * USD, now=self.now)
        for market in random.sample(self.markets[:3], random.randint(1, 3)):
            venue, price = self.system.markets[market], self.system.markets[market].feed.quote(self.now).price
            notional = random.choice((2_000, 20_000, 100_000)) * WAD
            size = notional * WAD // price * random.choice((-1, 1))
            vault.allocate(self.system.rebalancer, account, TRADER, market, notional // 2, now=self.now)
            traded = venue.trade(account, size, price, self.now)
            if traded.pool_short_initial:
                vault.top_up_pool(self.system.rebalancer, market, traded.pool_short_initial, now=self.now)
        if random.random() < 0.5:
            vault.deposit(account, random.choice((1, 4)) * WAD, "WETH", sender=TRADER, now=self.now)
        self._set_policy(account)
        return account

    def _set_policy(self, account: int) -> None:
        random = self.random
        z_trigger = random.choice((100, 200, 300)) * WAD // 100
        z_donor = z_trigger + random.choice((0, 0, 200)) * WAD // 100
        z_target = z_donor + random.choice((0, 300, 1_000)) * WAD // 100
        z_reach = random.choice((0, z_target // 2 // 10**16 * 10**16, z_target))
        borrow = random.random() < 0.5
        policy = Policy(
            enabled=random.random() < 0.95,
            z_trigger=z_trigger,
            z_target=z_target,
            z_donor=z_donor,
            z_delever=random.choice((0, z_reach)),
            z_delever_target=z_reach,
            treasury_reserve=0 if borrow else random.choice((0, 0, 500)) * WAD,
            allow_borrow=borrow,
            containment=random.choice((0, 200, 1_000, 4_000, 10_000)),
            max_risk_share=random.choice((100, 1_500, 10_000)),
            risk_budget=random.choice((0, 0, 1_000)),
            max_slippage=random.choice((0, 0, 50, 100, 1_000)),
            max_delever=random.choice((0, 1_000, 5_000, 10_000)),
            min_move=random.choice((1, 1_000)) * WAD,
            cooldown=random.choice((0, DAY)),
            no_fund=random.randrange(16) if random.random() < 0.2 else 0,
            no_tap=random.randrange(16) if random.random() < 0.2 else 0,
        )
        self.system.rebalancer.set_policy(TRADER, account, policy, now=self.now)

    def _publish(self, market: int, thousandths: int) -> None:
        feed = self.system.markets[market].feed
        feed.publish(feed.aggregators[-1][-1].answer * thousandths // 1_000, self.now)

    def _move_prices(self) -> None:
        self.now += 700
        for market in self.markets:
            move = self.random.choice((0, 5, 20, 60)) * self.random.choice((-1, 1))
            if market == self.held and self.how == "jump":
                move = self.random.choice((-230, 240))
            if market != self.held or self.how != "stale":
                self._publish(market, 1_000 + move)
        if self.how == "halt":
            self.system.markets[self.held].set_state(HALTED, self.now)
        if self.how == "stale":
            self.now += 4_000
            for market in self.markets:
                if market != self.held:
                    self._publish(market, 1_000)

    def _settle_margins(self, account: int) -> None:
        """Each book to somewhere around its maintenance margin, the rest of the money to somewhere else."""
        system, random = self.system, self.random
        vault = system.vault
        for slot, market in enumerate(vault.treasury(account, self.now).books):
            if not market:
                continue
            try:
                risk = system.markets[market].book_risk(account, self.now)
            except Rejected:
                continue
            away = random.choice((-300, -100, -30, -5, 20, 300, 600, 1_500)) * risk.sigma_loss // 100
            amount = risk.maintenance + away * random.randint(1, 10) // 10 - risk.equity
            if amount and -amount < vault.markets[market].balance:
                vault.transfer_margin(system.rebalancer, account, [Transfer(slot, amount)], now=self.now)
        treasury = vault.treasury(account, self.now)
        largest = max((self._lack(account, market) for market in treasury.books if market), default=0)
        kept = random.choice((0, 0, largest * random.randint(1, 14) // 10, 3_000 * WAD))
        free = treasury.cash - treasury.locked - kept
        if free > 0:
            vault.withdraw(TRADER, account, free // 10**12, TRADER, now=self.now)
        if random.random() < 0.3:
            margin = min(largest * random.randint(1, 14) // 10 + WAD, vault.treasury(account, self.now).cash - 2 * WAD)
            if margin > 0 and not treasury.locked:
                system.exchange.commit(TRADER, account, [Leg(1, WAD // 100, 2**100, margin)], now=self.now)
        risk = system.collateral_model.treasury_risk(account, -1, self.now)
        if risk.credit and random.random() < 0.5 and not treasury.locked:
            drawn = vault.treasury(account, self.now).cash + risk.credit * random.choice((10, 50, 90)) // 100
            try:
                vault.withdraw(TRADER, account, drawn // 10**12, TRADER, now=self.now)
            except Rejected:
                self.seen["no debt"] += 1

    def _lack(self, account: int, market: int) -> int:
        try:
            risk = self.system.markets[market].book_risk(account, self.now)
        except Rejected:
            return 0
        return max(risk.maintenance - risk.equity, 0)

    # Liquidators

    def liquidate(self) -> None:
        for account in self.accounts:
            self._liquidate(account)

    def _liquidate(self, account: int) -> None:
        system = self.system
        orders = tuple(id_ for id_, order in system.exchange.orders.items() if order.account == account)
        for market in filter(None, system.vault.treasury(account, self.now).books):
            named = orders if self.random.random() < 0.6 else ()
            lacking = self._lack(account, market)
            try:
                for_sale = system.liquidator.start(account, market, named, now=self.now)
            except Rejected as refusal:
                assert lacking or refusal.reason in ("liquidator: book is healthy", "oracle: stale price"), refusal
                self.seen[refusal.reason] += 1
                continue
            assert lacking
            if for_sale:
                self._bid(account, market, named)
            else:
                self.seen["cured at start"] += 1

    def _bid(self, account: int, market: int, orders: tuple[int, ...]) -> None:
        system, now = self.system, self.now + 31
        others = [id_ for id_ in system.vault.treasury(account, now).books if id_ not in (0, market)]
        short = [id_ for id_ in others if self._lack(account, id_)]
        curable = Judge(system, account, now).can_cure(market)
        digest = system.markets[market].legs_digest(account)
        terms = Bid(account, market, WAD, self.bidder, NO_LIMIT, digest, 500_000 * WAD, orders)
        try:
            outcome = system.liquidator.bid(BIDDER, terms, now=now)
        except Rejected as refusal:
            self.seen[refusal.reason] += 1
            return
        self.seen["cured at bid" if outcome.cured else "sold"] += 1
        if curable and not outcome.cured:
            if any(not self._lack(account, id_) for id_ in short):
                self.seen["another book was saved"] += 1
            else:
                self.broken.append(f"seed {self.seed}, account {account}, market {market}: {self.how} of {self.held}")


def test_sale__random_accounts__none_could_have_cured_its_book(params: Params) -> None:
    """§7.6, X-LIQ-01: of many books around their maintenance margins, none is sold that can be cured."""
    seen: Counter[str] = Counter()
    for seed in range(SYSTEMS):
        world = World(params, seed)
        world.liquidate()
        assert not world.broken
        seen.update(world.seen)
    ways = "sold", "cured at start", "liquidator: rescue is suspended", "liquidator: orders are open"
    assert {way for way in ways if seen[way]} == set(ways), seen
