"""The engine: `contracts/Planner.vy` and `contracts/Rebalancer.vy` in one.

Gas is not modelled: a market is frozen where it rejects. What a keeper's gas costs is passed in. Senders are any
hashable values; `now` is in [s].
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace

from eth_utils import keccak

from ballast.model import allocation, cutting
from ballast.model.allocation import NEVER, Allocation, Row, at_level, bounded_row, make_row
from ballast.model.atomic import atomic
from ballast.model.errors import Rejected, require
from ballast.model.fixed_point import BPS, WAD, ceil_div, mul_wad_up
from ballast.model.market import Cut, Market
from ballast.model.reward import reward
from ballast.model.risk import BookRisk
from ballast.model.vault import BOOKS, MARGIN, Transfer, Vault

DAY = 86_400
AVERAGING = 1_800  # [s] of the oracle's moving average
CENTI = 10**16
FEE_UNIT = 10**12
MAX_PENDING = 16
MASK_14, MASK_128 = 2**14 - 1, 2**128 - 1

REDUCE, FILL, TAP = 2, 8, 16
DISTANCE, RISK_SHARE, RISK_BUDGET = 1, 2, 4

DUE, OFF, UNKNOWN, POOL, POKE, COOLDOWN, SAME_ROUNDS, OWNER_TRADED, HEALTHY, NO_REMEDY, BELOW_MIN = range(11)
REASONS = (
    "",
    "rebalancer: policy is off",
    "rebalancer: unknown account",
    "rebalancer: the pool's account",
    "oracle: poke",
    "rebalancer: cooldown",
    "rebalancer: same rounds",
    "rebalancer: owner traded",
    "rebalancer: healthy",
    "rebalancer: no remedy",
    "rebalancer: below min move",
)


@dataclass(frozen=True)
class Policy:
    """What an owner lets the engine do: `IRebalancer.Policy`."""

    enabled: bool = False
    z_trigger: int = 0  # [wad]
    z_target: int = 0  # [wad]
    z_donor: int = 0  # [wad]
    z_delever: int = 0  # [wad]
    z_delever_target: int = 0  # [wad]
    treasury_reserve: int = 0  # [wad]
    containment: int = 0  # [bps]
    max_risk_share: int = 0  # [bps]
    risk_budget: int = 0  # [bps]
    max_slippage: int = 0  # [bps]
    max_delever: int = 0  # [bps]
    min_move: int = 0  # [wad]
    cooldown: int = 0  # [s]
    max_fee: int = 0  # [wad]
    max_fee_per_day: int = 0  # [wad]
    no_fund: int = 0  # bits by market id
    no_tap: int = 0  # bits by market id

    def check(self) -> None:
        """Every field within its hard bounds and a multiple of what it is kept in."""
        require(self.z_trigger >= WAD and self.z_target <= 4_095 * CENTI, "policy: distance out of bounds")
        require(self.z_trigger <= self.z_donor <= self.z_target, "policy: distances out of order")
        require(self.z_delever <= self.z_delever_target <= self.z_target, "policy: distances out of order")
        centi = (self.z_trigger, self.z_target, self.z_donor, self.z_delever, self.z_delever_target)
        fine = sum(figure % CENTI for figure in (*centi, self.max_fee, self.max_fee_per_day))
        require(fine + self.treasury_reserve % WAD + self.min_move % WAD == 0, "policy: too precise")
        require(max(self.containment, self.risk_budget) <= BPS, "policy: share out of bounds")
        require(0 < self.max_risk_share <= BPS, "policy: share out of bounds")
        require(self.max_slippage <= 1_000, "policy: slippage out of bounds")
        require(self.max_delever <= BPS, "policy: delever out of bounds")
        require(self.treasury_reserve <= (2**32 - 1) * WAD, "policy: reserve out of bounds")
        require(WAD <= self.min_move <= (2**16 - 1) * WAD, "policy: min move out of bounds")
        require(self.cooldown <= DAY, "policy: cooldown out of bounds")
        require(self.max_fee <= 200 * WAD and self.max_fee_per_day <= 10_000 * WAD, "policy: fee out of bounds")
        require(max(self.no_fund, self.no_tap) <= MASK_128, "policy: no such market id")


@dataclass(frozen=True)
class State:
    """What the engine remembers of an account."""

    last_call: int = 0  # [s]
    digest: int = 0
    fees: int = 0  # [wad] paid, decaying over a day
    contained: tuple[int, ...] = (0,) * BOOKS  # [bps] net inflow by slot, decaying over a day

    def decayed(self, now: int) -> State:
        """As it counts now, rounded up."""
        rest = max(DAY - (now - self.last_call), 0)
        contained = tuple(ceil_div(used * rest, DAY) for used in self.contained)
        return replace(self, fees=ceil_div(self.fees * rest, DAY), contained=contained)

    def stored(self) -> State:
        """As its slot keeps it."""
        fees = min(ceil_div(self.fees, FEE_UNIT), 2**40 - 1) * FEE_UNIT
        return replace(self, fees=fees, contained=tuple(min(used, MASK_14) for used in self.contained))


@dataclass
class Book:
    """One priced book."""

    slot: int
    market: int
    active: bool  # takes part: not ring-fenced by the policy
    risk: BookRisk
    room: int = 0  # [wad] what containment still lets in

    @property
    def z(self) -> int:
        """Distance to liquidation."""
        risk = self.risk
        return (risk.equity - risk.maintenance) * WAD // risk.sigma_loss if risk.sigma_loss else NEVER


@dataclass
class Found:
    """An account as it is found."""

    equity: int  # [wad] of priced books, cash and escrow
    frozen: int = 0  # bits by slot
    poke: bool = False
    digest: int = 0
    books: list[Book] = field(default_factory=list)


@dataclass(frozen=True)
class PlannedCut:
    """One cut that a plan would make."""

    slot: int
    fraction: int  # [wad]
    cost: int  # [wad]
    pool_top_up: int  # [wad]


@dataclass
class Plan:
    """What the engine would do now: `IRebalancer.Plan`."""

    code: int = DUE
    triggers: int = 0
    frozen: int = 0
    equity: int = 0  # [wad]
    level: int = 0  # [wad]
    donor_level: int = NEVER  # [wad]
    min_z_before: int = NEVER  # [wad]
    min_z_after: int = 0  # [wad]
    moved: int = 0  # [wad]
    relieved: int = 0  # [wad]
    reserve: int = 0  # [wad]
    cuts: list[PlannedCut] = field(default_factory=list)
    transfers: list[Transfer] = field(default_factory=list)


@dataclass(frozen=True)
class Result:
    """What a rebalance did."""

    plan: Plan
    reward: int  # [wad]
    digest: int

    @property
    def cost(self) -> int:
        """Of all cuts [wad]."""
        return sum(cut.cost for cut in self.plan.cuts)


class Rebalancer:
    """Policies, plans and their execution."""

    def __init__(self, vault: Vault, markets: Mapping[int, Market], native_feed: int) -> None:
        self.vault = vault
        self.markets = markets
        self.native_feed = native_feed
        self.policies: dict[int, Policy] = {}
        self.states: dict[int, State] = {}

    # Owner and operators

    def set_policy(self, sender: Hashable, account: int, policy: Policy, *, now: int) -> None:
        """Replace an account's policy."""
        self._check_right(sender, account, now)
        policy.check()
        self.policies[account] = policy

    def rebalance_own(self, sender: Hashable, account: int, *, now: int) -> Result:
        """Execute the plan without trigger, gates or reward."""
        self._check_right(sender, account, now)
        return self._execute(account, True, sender, now, 0)

    def transfer_margin(
        self, sender: Hashable, account: int, source: int, target: int, amount: int, *, now: int
    ) -> None:
        """Move margin between two books, or a book and the treasury (0)."""
        self._check_right(sender, account, now)
        require(amount > 0, "vault: zero amount")
        require(source != target, "rebalancer: same book")
        touched = [market for id_, market in self.markets.items() if id_ in (source, target)]
        with atomic(self.vault, *touched, *(market.feed for market in touched)):
            if source != 0:
                self._check_outflow(account, source, amount, now)
            if source == 0:
                self.vault.allocate(self, account, sender, target, amount, now=now)
            elif target == 0:
                self.vault.allocate(self, account, sender, source, -amount, now=now)
            else:
                self.vault.reallocate(self, account, sender, source, target, amount, now=now)

    # Anyone

    def rebalance(self, keeper: Hashable, account: int, *, now: int, gas_price: int = 0) -> Result:
        """Execute the plan and earn the reward; `gas_price` in wei, the tip capped."""
        return self._execute(account, False, keeper, now, gas_price)

    def rebalance_many(
        self, keeper: Hashable, accounts: Iterable[int], *, now: int, gas_price: int = 0
    ) -> list[tuple[int, Result]]:
        """Every account that is due."""
        done: list[tuple[int, Result]] = []
        skipped: list[int] = []  # settled only if the call succeeds
        for account in accounts:
            if self.preview(account, now=now).code == DUE:
                done.append((account, self.rebalance(keeper, account, now=now, gas_price=gas_price)))
            else:
                skipped.append(account)
        require(bool(done), "rebalancer: nothing due")
        for account in skipped:
            self._settle(account, now)
        return done

    # Views

    def policy(self, account: int) -> Policy:
        """The policy; all zero where none was ever set."""
        return self.policies.get(account, Policy())

    def check(self, account: int, *, now: int) -> tuple[bool, int]:
        """Would `rebalance` succeed now?"""
        code = self.preview(account, now=now).code
        return code == DUE, code

    def preview(self, account: int, *, now: int) -> Plan:
        """What `rebalance` would do now."""
        return self._plan(account, False, now)[0]

    def preview_own(self, account: int, *, now: int) -> Plan:
        """What `rebalance_own` would do now."""
        return self._plan(account, True, now)[0]

    def within_risk_share(self, account: int, markets: int, now: int) -> bool:
        """Is the sigma-loss of each book within the policy's share of account equity? Bit m: the one in market m."""
        policy = self.policy(account)
        if not policy.enabled:
            return True
        found = self._gather(account, Policy(), now)
        losses = (book.risk.sigma_loss for book in found.books if markets >> book.market & 1)
        return bool(found.frozen) or max(losses, default=0) <= _part(found.equity, policy.max_risk_share)

    # Plan

    def _plan(self, account: int, own: bool, now: int) -> tuple[Plan, Found]:
        plan, found = Plan(), Found(0)
        policy = self.policy(account)
        plan.code = self._standing(account, own, policy)
        if plan.code != DUE:
            return plan, found

        treasury = self.vault.treasury(account)
        state = self.states.get(account, State()).decayed(now)
        found = self._gather(account, policy, now)
        plan.equity, plan.frozen = found.equity, found.frozen
        plan.min_z_before, plan.triggers = _triggers(found, policy)
        plan.min_z_after = plan.min_z_before
        if found.poke:
            plan.code = POKE
        elif not own:
            plan.code = _gate(plan, policy, state, found.digest, treasury.last_trade, now)
        if plan.code != DUE:
            return plan, found

        spare, reserve = max(treasury.cash - policy.treasury_reserve, 0), 0
        if not own:
            reserve = min(policy.max_fee, policy.max_fee_per_day - min(state.fees, policy.max_fee_per_day))
            if treasury.locked:
                reserve = min(reserve, max(treasury.cash - treasury.locked, 0))
        for book in found.books:
            contained = min(state.contained[book.slot], policy.containment)
            book.room = _part(found.equity, policy.containment - contained)

        self._remedy(account, found.books, policy, spare, reserve, plan, now)
        if not plan.cuts and not plan.transfers:
            plan.code = NO_REMEDY
        elif not own and plan.moved + plan.relieved < policy.min_move:
            plan.code = BELOW_MIN
        return plan, found

    def _standing(self, account: int, own: bool, policy: Policy) -> int:
        if policy.z_trigger == 0:
            return OFF if account in self.vault.accounts else UNKNOWN
        if account == self.vault.pool_account:
            return POOL
        return DUE if own or policy.enabled else OFF

    def _gather(self, account: int, policy: Policy, now: int) -> Found:
        treasury = self.vault.treasury(account)
        found = Found(treasury.cash + treasury.escrow)
        rounds = [0] * BOOKS
        for slot, market in enumerate(treasury.books):
            if market == 0:
                continue
            rounds[slot] = market << 128
            try:
                risk = self.markets[market].book_risk(account, now)
                require(_is_sane(risk), "")
            except Rejected:
                found.frozen |= 1 << slot
                found.poke |= self.markets[market].feed.pending() > MAX_PENDING
                continue
            rounds[slot] |= risk.round
            found.equity += risk.equity
            closed = (policy.no_fund >> market & 1) * FILL | (policy.no_tap >> market & 1) * TAP
            risk = replace(risk, gates=risk.gates & ~closed)
            found.books.append(Book(slot, market, closed != FILL | TAP, risk))
        words = b"".join(word.to_bytes(32, "big") for word in rounds)
        found.digest = int.from_bytes(keccak(words)[-8:], "big")
        return found

    def _remedy(
        self, account: int, books: list[Book], policy: Policy, spare: int, reserve: int, plan: Plan, now: int
    ) -> None:
        rows = _rows(books, policy.z_donor)
        shared, reserve = _share(rows, spare, reserve, policy.z_target)
        if _needs_cuts(books, rows, shared.targets, policy.z_delever, plan.triggers):
            self._add_cuts(account, books, rows, shared, policy, spare - reserve, plan, now)
            rows = _rows(books, policy.z_donor)
            shared, reserve = _share(rows, spare, reserve, policy.z_target)
        rows, shared, reserve = self._feasible(books, rows, shared, spare, reserve, policy.z_target)

        plan.level, plan.donor_level, plan.moved = shared.level, shared.donor_level, shared.need
        plan.reserve = reserve if shared.need else min(reserve, spare)
        for book, equity in zip(books, shared.equities, strict=True):
            if equity != book.risk.equity:
                plan.transfers.append(Transfer(book.slot, equity - book.risk.equity))
        after = (
            replace(book, risk=replace(book.risk, equity=equity))
            for book, equity in zip(books, shared.equities, strict=True)
            if book.active
        )
        plan.min_z_after = min((book.z for book in after), default=NEVER)

    def _add_cuts(
        self,
        account: int,
        books: list[Book],
        rows: Sequence[Row],
        shared: Allocation,
        policy: Policy,
        free: int,
        plan: Plan,
        now: int,
    ) -> None:
        aim = cutting.Aim(
            budget=free + sum(row.equity for row in rows),
            z_delever=policy.z_delever,
            z_reach=policy.z_delever_target,
            z_target=policy.z_target,
            max_share=policy.max_delever * (WAD // BPS),
            max_sigma_loss=NEVER if plan.frozen else _part(plan.equity, policy.max_risk_share),
            risk_budget=NEVER if plan.frozen or not policy.risk_budget else _part(plan.equity, policy.risk_budget),
        )
        candidates = []
        for book, row, target in zip(books, rows, shared.targets, strict=True):
            cost = self._cost(book, policy.max_slippage, now)
            tap = book.risk.gates & TAP != 0
            candidates.append(cutting.Candidate(row, target, cost, book.active, cost != NEVER, tap))
        for i, share in enumerate(cutting.cut_shares(candidates, aim)):
            if share == 0:
                continue
            book = books[i]
            held = min(rows[i].equity, shared.targets[i])
            try:
                cut = self.markets[book.market].preview_reduce(account, share, now)
            except Rejected:
                continue
            if not _is_relief(book.risk, cut, held, policy.max_slippage):
                continue
            top_up = min(cut.pool_short_initial, self._pool_cash(plan))
            if top_up < cut.pool_short_maintenance:
                continue
            plan.cuts.append(PlannedCut(book.slot, share, cut.cost, top_up))
            plan.relieved += book.risk.maintenance - cut.risk.maintenance
            book.risk = replace(cut.risk, gates=book.risk.gates)

    def _cost(self, book: Book, max_slippage: int, now: int) -> int:
        """What closing a whole book would cost; NEVER if it may not be cut or the pool asks too much."""
        if not book.active or not book.risk.gates & REDUCE or book.risk.sigma_loss == 0:
            return NEVER
        try:
            rate = self.markets[book.market].engine_cost(now)
        except Rejected:
            return NEVER
        return NEVER if rate > max_slippage * (WAD // BPS) else mul_wad_up(rate, book.risk.exposure)

    def _pool_cash(self, plan: Plan) -> int:
        pool = self.vault.pool_account
        cash = max(self.vault.treasury(pool).cash, 0) if pool else 0
        return cash - sum(cut.pool_top_up for cut in plan.cuts)

    def _feasible(
        self, books: Sequence[Book], rows: list[Row], shared: Allocation, spare: int, reserve: int, z_target: int
    ) -> tuple[list[Row], Allocation, int]:
        for _ in range(2 * BOOKS):
            futile = _futile(rows, shared.equities)
            if futile is not None:
                row = rows[futile]
                rows[futile] = _bounded(row, row.low, row.equity)
            else:
                overdrawn = self._overdrawn(books, shared.equities)
                if overdrawn is None:
                    break
                i, kept = overdrawn
                rows[i] = _bounded(rows[i], max(rows[i].low, kept), rows[i].high)
            shared, reserve = _share(rows, spare, reserve, z_target)
        return rows, shared, reserve

    def _overdrawn(self, books: Sequence[Book], equities: Sequence[int]) -> tuple[int, int] | None:
        """A donor that would give more than the vault holds for its market, and what it must keep."""
        for i, (book, equity) in enumerate(zip(books, equities, strict=True)):
            kept = book.risk.equity - self.vault.markets[book.market].balance
            if equity < book.risk.equity and equity < kept:
                return i, kept
        return None

    # Execution

    def _execute(self, account: int, own: bool, keeper: Hashable, now: int, gas_price: int) -> Result:
        self._check_settled(account, own, now)
        plan, found = self._plan(account, own, now)
        require(plan.code == DUE, REASONS[plan.code])
        self._settle(account, now)
        market_at = self.vault.treasury(account).books
        for cut in plan.cuts:
            market = market_at[cut.slot]
            self.markets[market].reduce(account, cut.fraction, cut.cost, now)
            if cut.pool_top_up:
                moved = self.vault.top_up_pool(self, market, cut.pool_top_up, now=now)
                require(moved == cut.pool_top_up, "rebalancer: cut differs")

        most = self._reward(account, plan, len(found.books), gas_price, now)
        paid = 0
        if most or plan.transfers:
            paid = self.vault.transfer_margin(self, account, plan.transfers, most, keeper, now=now)
        self._remember(account, plan, found.digest, paid, now)
        return Result(plan, paid, found.digest)

    def _check_settled(self, account: int, own: bool, now: int) -> None:
        """A rejected call settles nothing: know the code before."""
        code = self._plan(account, own, now)[0].code
        require(code == DUE, REASONS[code])

    def _settle(self, account: int, now: int) -> None:
        for market in self.vault.treasury(account).books:
            if market:
                with suppress(Rejected):
                    self.markets[market].settle(now)

    def _reward(self, account: int, plan: Plan, books: int, gas_price: int, now: int) -> int:
        if plan.reserve == 0:
            return 0
        try:
            native_price = self.markets[self.native_feed].feed.quote(now).price
        except Rejected:
            native_price = 0
        return reward(
            books=books,
            transfers=len(plan.transfers),
            cuts=len(plan.cuts),
            moved=plan.moved,
            relieved=plan.relieved,
            min_z=plan.min_z_before,
            z_trigger=self.policy(account).z_trigger,
            gas_price=gas_price,
            native_price=native_price,
            reserve=plan.reserve,
        )

    def _remember(self, account: int, plan: Plan, digest: int, paid: int, now: int) -> None:
        state = self.states.get(account, State()).decayed(now)
        contained = list(state.contained)
        equity = max(plan.equity, 1)
        for transfer in plan.transfers:
            used = contained[transfer.slot]
            if transfer.amount > 0:
                used += ceil_div(transfer.amount * BPS, equity)
            else:
                used -= min(used, -transfer.amount * BPS // equity)
            contained[transfer.slot] = used
        self.states[account] = State(now, digest, state.fees + paid, tuple(contained)).stored()

    # Checks

    def _check_right(self, sender: Hashable, account: int, now: int) -> None:
        require(self.vault.authorised(account, sender, MARGIN, now=now), "access: no right")

    def _check_outflow(self, account: int, source: int, amount: int, now: int) -> None:
        require(source in self.markets, "vault: unknown market")
        market = self.markets[source]
        market.settle(now)
        state, books = self.states.get(account, State()), self.vault.treasury(account).books
        if now < state.last_call + AVERAGING and source in books:
            require(not state.contained[books.index(source)], "rebalancer: lately filled")
        if self.policy(account).enabled:
            found = self._gather(account, Policy(), now)
            withdrawable = sum(book.risk.withdrawable for book in found.books if book.market == source)
            require(amount <= withdrawable, "rebalancer: not withdrawable")
            require(self.within_risk_share(account, 1 << source, now), "rebalancer: above risk share")
        else:
            require(amount <= market.book_risk(account, now).withdrawable, "rebalancer: not withdrawable")


def _is_sane(risk: BookRisk) -> bool:
    """Every figure is within ±2^112."""
    figures = (getattr(risk, figure.name) for figure in fields(risk) if figure.name != "equity")
    return abs(risk.equity) < 2**112 and all(0 <= figure < 2**112 for figure in figures)


def _part(equity: int, share: int) -> int:
    """⌊share of account equity⌋, `share` in [bps]."""
    return max(equity, 0) * share // BPS


def _triggers(found: Found, policy: Policy) -> tuple[int, int]:
    """The least distance over active books; what calls for the engine."""
    active = [book for book in found.books if book.active]
    min_z = min((book.z for book in active), default=NEVER)
    triggers = DISTANCE if min_z < policy.z_trigger else 0
    if not found.frozen:
        limit = _part(found.equity, policy.max_risk_share)
        if any(book.risk.sigma_loss > limit and book.z < policy.z_target for book in active):
            triggers |= RISK_SHARE
        total = sum(book.risk.sigma_loss for book in active)
        if policy.risk_budget and total > _part(found.equity, policy.risk_budget):
            triggers |= RISK_BUDGET
    return min_z, triggers


def _gate(plan: Plan, policy: Policy, state: State, digest: int, last_trade: int, now: int) -> int:
    """What a keeper's call must pass before anything is worked out."""
    if plan.min_z_before >= WAD and state.last_call + policy.cooldown > now:
        return COOLDOWN
    if state.last_call and state.digest == digest:
        return SAME_ROUNDS
    if last_trade == now:
        return OWNER_TRADED
    return DUE if plan.triggers else HEALTHY


def _rows(books: Sequence[Book], z_donor: int) -> list[Row]:
    """The books within the bounds of policy and market."""
    return [
        bounded_row(
            book.risk.equity,
            book.risk.maintenance,
            book.risk.sigma_loss,
            book.risk.donor_floor,
            book.risk.equity + book.room,
            book.risk.gates & FILL != 0 and book.risk.sigma_loss != 0,
            book.risk.gates & TAP != 0,
            z_donor,
        )
        for book in books
    ]


def _bounded(row: Row, low: int, high: int) -> Row:
    return make_row(row.equity, row.maintenance, row.sigma_loss, low, high)


def _share(rows: Sequence[Row], spare: int, reserve: int, z_target: int) -> tuple[Allocation, int]:
    """The allocation with the keeper's reserve set aside, or without it where that leaves no solution."""
    found = allocation.allocate(rows, spare - reserve, z_target)
    return (found, reserve) if found.solved else (allocation.allocate(rows, spare, z_target), 0)


def _futile(rows: Sequence[Row], equities: Sequence[int]) -> int | None:
    """The receiver that would still be below z = 1 and lacks most to it."""
    worst, most = None, 0
    for i, (row, equity) in enumerate(zip(rows, equities, strict=True)):
        lacking = row.maintenance + row.sigma_loss - row.equity
        if 0 < equity - row.equity < lacking and lacking > most:
            worst, most = i, lacking
    return worst


def _needs_cuts(
    books: Sequence[Book], rows: Sequence[Row], targets: Sequence[int], z_delever: int, triggers: int
) -> bool:
    """Whether perfect sharing leaves an active book short, or the account's risk breaks a bound."""
    return bool(triggers & (RISK_SHARE | RISK_BUDGET)) or any(
        book.active and row.sigma_loss and target < at_level(row.maintenance, row.sigma_loss, z_delever)
        for book, row, target in zip(books, rows, targets, strict=True)
    )


def _is_relief(before: BookRisk, cut: Cut, held: int, max_slippage: int) -> bool:
    """Whether a cut costs what it says and no more than allowed, adds no risk, and lifts z."""
    after = cut.risk
    if not _is_sane(after) or after.equity != before.equity - cut.cost or after.exposure > before.exposure:
        return False
    if after.maintenance > before.maintenance or after.sigma_loss > before.sigma_loss:
        return False
    if cut.cost > (before.exposure - after.exposure) * max_slippage // BPS:
        return False
    if after.sigma_loss == 0:
        return held >= cut.cost
    distance_after = held - cut.cost - after.maintenance
    return distance_after * before.sigma_loss > (held - before.maintenance) * after.sigma_loss
