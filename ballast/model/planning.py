"""What the engine would do with an account: `contracts/Planner.vy` and `contracts/modules/valuation.vy`.

Gas is not modelled: a market is frozen where it rejects.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Protocol

from eth_utils import keccak

from ballast.model import allocation, cutting
from ballast.model.allocation import NEVER, Allocation, Row, at_level, bounded_row, make_row
from ballast.model.collateral import TreasuryRisk
from ballast.model.errors import Rejected, require
from ballast.model.fixed_point import BPS, WAD, ceil_div, mul_wad_up
from ballast.model.market import Cut, Market
from ballast.model.policy import MASK_128, SHARE_UNIT, Policy, Request, State
from ballast.model.risk import FILL, REDUCE, TAP, BookRisk
from ballast.model.vault import BOOKS, Transfer, Treasury, Vault

MAX_PENDING = 16
NO_LIMIT = 2**100  # [bps] of account equity
UNPRICED_COLLATERAL = 1 << BOOKS
RESCUE_REACH = 2 * WAD  # a rescue's cuts go no further
DUST = 100  # [wad] more than debt is rounded by

TREASURY = BOOKS  # slot of the treasury, which is a book while it is in debt

KEEPER, OWN, RESCUE, RESUMED = range(4)  # for whom a plan is made

DISTANCE, RISK_SHARE, RISK_BUDGET, CUT = 1, 2, 4, 8

DUE, OFF, UNKNOWN, WAITING, POKE, COOLDOWN, SAME_ROUNDS, OWNER_TRADED, HEALTHY, NO_REMEDY, BELOW_MIN = range(11)
REASONS = (
    "",
    "rebalancer: policy is off",
    "rebalancer: unknown account",
    "rebalancer: cut is waiting",
    "oracle: poke",
    "rebalancer: cooldown",
    "rebalancer: same rounds",
    "rebalancer: owner traded",
    "rebalancer: healthy",
    "rebalancer: no remedy",
    "rebalancer: below min move",
)


class Collateral(Protocol):
    """What the planner asks the collateral model."""

    def credit(self, account: int, *, now: int) -> tuple[int, bool]: ...

    def treasury_risk(self, account: int, cash: int, now: int) -> TreasuryRisk: ...


@dataclass
class Book:
    """One priced book."""

    slot: int
    market: int  # 0 = the treasury
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

    equity: int  # [wad] of priced books, cash, escrow and collateral
    frozen: int = 0  # bits by slot, then UNPRICED_COLLATERAL
    poke: bool = False
    digest: int = 0
    books: list[Book] = field(default_factory=list)
    bounds: dict[int, int] = field(default_factory=dict)  # [wad] by slot: prices that cuts start from at best
    waiting: dict[int, Request] = field(default_factory=dict)  # cuts asked for; in the end, those still waiting


@dataclass(frozen=True)
class CutRequest:
    """A cut that was asked for."""

    slot: int
    market: int
    fraction: int  # [wad]
    due: int  # [s]


@dataclass(frozen=True)
class PlannedCut:
    """One cut that a plan would fill."""

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
    requests: list[CutRequest] = field(default_factory=list)  # those that wait afterwards


class Planner:
    """Plans: total, and without any state of their own."""

    def __init__(self, vault: Vault, markets: Mapping[int, Market], collateral: Collateral | None = None) -> None:
        self.vault = vault
        self.markets = markets
        self.collateral = collateral

    def plan(self, account: int, mode: int, policy: Policy, state: State, now: int) -> tuple[Plan, Found]:
        """The account's plan, and what it was found to be."""
        plan, found = self._plan(account, mode, policy, state, now)
        for slot, request in sorted(found.waiting.items()):
            plan.requests.append(CutRequest(slot, request.market, request.share, request.due))
        return plan, found

    def _plan(self, account: int, mode: int, policy: Policy, state: State, now: int) -> tuple[Plan, Found]:
        plan, waiting = Plan(), state.live_requests(now)
        plan.code = self._standing(account, mode, bool(waiting), policy)
        if plan.code != DUE:
            return plan, Found(0, waiting=waiting)

        house = account == self.vault.pool_account
        if house:
            policy = replace(policy, max_risk_share=NO_LIMIT, risk_budget=0, max_fee=0)
        elif mode == KEEPER and not policy.enabled:
            policy = replace(policy, no_fund=MASK_128, no_tap=MASK_128)
        if mode >= RESCUE:
            reach = min(policy.z_delever_target, RESCUE_REACH)
            policy = replace(policy, max_risk_share=NO_LIMIT, risk_budget=0, z_delever_target=reach)
        treasury = self.vault.treasury(account, now)
        state = state.decayed(now)
        found = self.gather(account, policy, now, FILL if mode == RESUMED else 0)
        found.waiting = waiting
        plan.equity, plan.frozen = found.equity, found.frozen
        plan.min_z_before, plan.triggers = _triggers(found, policy)
        plan.min_z_after = plan.min_z_before
        if found.poke:
            plan.code = POKE
            return plan, found
        if mode >= RESCUE and plan.min_z_before >= 0:
            plan.code = HEALTHY
            return plan, found
        if mode == KEEPER:
            traded = treasury.last_trade == now and not house
            plan.code = _gate(plan, policy, state, found.digest, traded, now)

        may_ask = plan.code == DUE and not house
        self._fill(account, found, plan, now)
        if plan.cuts:
            plan.code = DUE
            plan.triggers |= CUT
        if plan.code != DUE:
            return plan, found

        for book in found.books:
            if book.slot == TREASURY:
                book.room = -treasury.cash
                continue
            contained = min(state.contained[book.slot], policy.containment)
            book.room = _part(found.equity, policy.containment - contained)
        waiting = dict(found.waiting)
        self._remedy(account, found, policy, mode, _purse(mode, treasury, policy, state), may_ask, plan, now)
        if not plan.cuts and not plan.transfers and found.waiting == waiting:
            plan.code = WAITING if found.waiting else NO_REMEDY
        elif mode == KEEPER and not plan.cuts and plan.moved + plan.relieved < policy.min_move:
            plan.code = BELOW_MIN
        return plan, found

    def gather(self, account: int, policy: Policy, now: int, opened: int = 0) -> Found:
        """The account with all its books that can be priced; what the policy forbids is closed in their gates."""
        treasury, debtor = self.vault.treasury(account, now), None
        found = Found(treasury.cash + treasury.escrow)
        if treasury.cash < 0 and self.collateral is not None:
            debt = self.collateral.treasury_risk(account, treasury.cash, now)
            found.equity += debt.credit
            found.frozen = 0 if debt.complete else UNPRICED_COLLATERAL
            debtor = _debtor(debt) if debt.complete else None
        elif treasury.collateral and self.collateral is not None:
            credit, complete = self.collateral.credit(account, now=now)
            found.equity += credit
            found.frozen = 0 if complete else UNPRICED_COLLATERAL
        rounds = [0] * (BOOKS + 1)
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
            risk = replace(risk, gates=(risk.gates | opened) & ~closed)
            found.books.append(Book(slot, market, closed != FILL | TAP, risk))
        if debtor is not None:
            rounds[TREASURY] = debtor.risk.sigma_loss  # another price, another figure
            if not policy.no_fund & 1:
                found.books.append(debtor)
        words = b"".join(word.to_bytes(32, "big") for word in rounds)
        found.digest = int.from_bytes(keccak(words)[-8:], "big")
        return found

    def limits(self, account: int, markets: int, share: int, now: int) -> tuple[int, bool]:
        """What books may give, and whether the sigma-loss of each is within a share of account equity."""
        found = self.gather(account, Policy(), now)
        risks = [book.risk for book in found.books if markets >> book.market & 1]
        share = NO_LIMIT if account == self.vault.pool_account else share
        within = max((risk.sigma_loss for risk in risks), default=0) <= _part(found.equity, share)
        return sum(risk.withdrawable for risk in risks), bool(found.frozen) or within

    def _standing(self, account: int, mode: int, is_waiting: bool, policy: Policy) -> int:
        if policy.z_trigger == 0:
            return OFF if account in self.vault.accounts else UNKNOWN
        return DUE if policy.enabled or mode == OWN or (mode == KEEPER and is_waiting) else OFF

    def _remedy(
        self,
        account: int,
        found: Found,
        policy: Policy,
        mode: int,
        purse: tuple[int, int],
        may_ask: bool,
        plan: Plan,
        now: int,
    ) -> None:
        books, (spare, reserve) = found.books, purse
        rows = _rows(books, policy.z_donor)
        shared, reserve = _share(rows, spare, reserve, policy.z_target)
        credit, borrows, helped = 0, False, False
        if may_ask and policy.allow_borrow and _is_short(books, rows, shared.targets, policy.z_delever, fillable=True):
            credit = self._credit(account, policy.z_donor, now)
        if mode >= RESCUE:
            policy = replace(policy, z_delever=0)  # cuts at once are only for what is left below maintenance
        if credit:
            together = allocation.allocate(rows, spare + credit, policy.z_target)
            may_ask = _is_short(books, rows, together.targets, policy.z_delever)
            helped = not may_ask
            receivers = _receivers(books, rows)
            lent = allocation.allocate(receivers, spare + credit, policy.z_target)
            borrows = lent.level > shared.level
            if borrows:
                rows, shared, spare, reserve, credit = receivers, lent, spare + credit, 0, 0
        breach = plan.triggers & (RISK_SHARE | RISK_BUDGET)
        if may_ask and (breach or _is_short(books, rows, shared.targets, policy.z_delever)):
            self._ask(account, found, rows, shared, policy, mode, spare - reserve + credit, plan, now)
            if mode >= RESCUE:
                plan.cuts.sort(key=lambda cut: cut.slot)
                rows = _rows(books, policy.z_donor)
                rows = _receivers(books, rows) if borrows else rows
                shared, reserve = _share(rows, spare, reserve, policy.z_target)
        rows, shared, reserve = self._feasible(books, rows, shared, mode, helped, spare, reserve, policy.z_target)

        plan.level, plan.donor_level, plan.moved = shared.level, shared.donor_level, shared.need
        plan.reserve = reserve if shared.need else min(reserve, spare)
        for book, equity in zip(books, shared.equities, strict=True):
            if equity != book.risk.equity and book.slot != TREASURY:
                plan.transfers.append(Transfer(book.slot, equity - book.risk.equity))
        after = (
            replace(book, risk=replace(book.risk, equity=equity))
            for book, equity in zip(books, shared.equities, strict=True)
            if book.active
        )
        plan.min_z_after = min((book.z for book in after), default=NEVER)

    # Cuts

    def _fill(self, account: int, found: Found, plan: Plan, now: int) -> None:
        """The cuts whose round has come, filled as they were asked for. One that cannot be filled waits on."""
        for book in found.books:
            request = found.waiting.get(book.slot)
            if request is None:
                continue
            if request.market != book.market:
                del found.waiting[book.slot]
                continue
            bound = self.markets[book.market].feed.price_since(request.due, now)
            if not book.risk.gates & REDUCE or bound == 0:
                continue
            found.bounds[book.slot] = bound
            cash = self._pool_cash(plan.cuts)
            sound = self._sound_cut(account, book, request.share, book.risk.equity, BPS, cash, now, bound)
            if sound is not None:
                planned, after = sound
                plan.cuts.append(planned)
                plan.relieved += book.risk.maintenance - after.maintenance
                book.risk = after
                del found.waiting[book.slot]

    def _ask(
        self,
        account: int,
        found: Found,
        rows: Sequence[Row],
        shared: Allocation,
        policy: Policy,
        mode: int,
        free: int,
        plan: Plan,
        now: int,
    ) -> None:
        """Ask for the cuts that the books now need, each of which would be sound at present; a rescue makes them."""
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
        asked = {cut.slot for cut in plan.cuts} if mode >= RESCUE else set(found.waiting)
        for book, row, target in zip(found.books, rows, shared.targets, strict=True):
            cost = NEVER if book.slot in asked else self._cost(book, policy.max_slippage, now)
            tap, in_market = book.risk.gates & TAP != 0, book.slot != TREASURY
            candidates.append(cutting.Candidate(row, target, cost, book.active, cost != NEVER, tap, in_market))
        carried = list(plan.cuts)  # what the pool would have to top up
        for i, wanted in enumerate(cutting.cut_shares(candidates, aim)):
            share = min(ceil_div(wanted, SHARE_UNIT), aim.max_share // SHARE_UNIT) * SHARE_UNIT
            if share == 0:
                continue
            book = found.books[i]
            held = min(rows[i].equity, shared.targets[i])
            cash = self._pool_cash(carried)
            bound = found.bounds.get(book.slot, 0) if mode >= RESCUE else 0
            sound = self._sound_cut(account, book, share, held, policy.max_slippage, cash, now, bound)
            if sound is None:
                continue
            carried.append(sound[0])
            plan.relieved += book.risk.maintenance - sound[1].maintenance
            if mode >= RESCUE:
                plan.cuts.append(sound[0])
                book.risk = sound[1]
                found.waiting.pop(book.slot, None)
            else:
                found.waiting[book.slot] = Request(book.market, share, now)

    def _sound_cut(
        self,
        account: int,
        book: Book,
        share: int,
        held: int,
        max_slippage: int,
        pool_cash: int,
        now: int,
        bound: int = 0,
    ) -> tuple[PlannedCut, BookRisk] | None:
        """A cut and the book after it, if the market can make it, it is a relief, and the pool can carry it."""
        try:
            cut = self.markets[book.market].preview_reduce(account, share, now, bound)
        except Rejected:
            return None
        top_up = min(cut.pool_short_initial, pool_cash)
        if top_up < cut.pool_short_maintenance or not _is_relief(book.risk, cut, held, max_slippage):
            return None
        return PlannedCut(book.slot, share, cut.cost, top_up), replace(cut.risk, gates=book.risk.gates)

    def _cost(self, book: Book, max_slippage: int, now: int) -> int:
        """What closing a whole book would cost; NEVER if it may not be cut or the pool asks too much."""
        if not book.active or not book.risk.gates & REDUCE or book.risk.sigma_loss == 0:
            return NEVER
        try:
            rate = self.markets[book.market].engine_cost(now)
        except Rejected:
            return NEVER
        return NEVER if rate > max_slippage * (WAD // BPS) else mul_wad_up(rate, book.risk.exposure)

    def _pool_cash(self, cuts: Sequence[PlannedCut]) -> int:
        """What the pool has to carry cuts with, after these."""
        pool = self.vault.pool_account
        cash = max(self.vault.treasury(pool).cash, 0) if pool else 0
        return cash - sum(cut.pool_top_up for cut in cuts)

    # Borrowing

    def _credit(self, account: int, z_donor: int, now: int) -> int:
        """What the treasury may borrow: as a donor, it keeps its initial margin and stands at `z_donor` at least."""
        treasury, lender = self.vault.treasury(account, now), self.vault.lender
        if treasury.locked or not treasury.collateral or lender is None or self.collateral is None:
            return 0
        asked = min(treasury.cash, -1)
        risk = self.collateral.treasury_risk(account, asked, now)
        equity = risk.equity - asked + min(treasury.cash, 0)
        kept = max(at_level(risk.maintenance, risk.sigma_loss, z_donor), risk.initial)
        return max(min(equity - kept, min(lender.available(now), 2**112)) - DUST, 0)

    # Sharing

    def _feasible(
        self,
        books: Sequence[Book],
        rows: list[Row],
        shared: Allocation,
        mode: int,
        helped: bool,
        spare: int,
        reserve: int,
        z_target: int,
    ) -> tuple[list[Row], Allocation, int]:
        for _ in range(2 * (BOOKS + 1)):
            futile = None if helped else _futile(rows, shared.equities, mode)
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
            if equity >= book.risk.equity:
                continue
            kept = book.risk.equity - self.vault.markets[book.market].balance
            if equity < kept:
                return i, kept
        return None


def _debtor(risk: TreasuryRisk) -> Book:
    """A treasury in debt as a book, which may be filled: that repays the debt. Unsecured, it is the neediest of all."""
    maintenance = risk.maintenance if risk.sigma_loss else -1
    figures = BookRisk(risk.equity, maintenance, 0, max(risk.sigma_loss, 1), 0, 0, 0, 0, FILL)
    return Book(TREASURY, 0, True, figures)


def _purse(mode: int, treasury: Treasury, policy: Policy, state: State) -> tuple[int, int]:
    """Cash above the policy's reserve; most the keeper may earn."""
    spare, reserve = max(treasury.cash - policy.treasury_reserve, 0), 0
    if mode == KEEPER:
        reserve = min(policy.max_fee, policy.max_fee_per_day - min(state.fees, policy.max_fee_per_day))
        if treasury.locked:
            reserve = min(reserve, max(treasury.cash - treasury.locked, 0))
    return spare, reserve


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
        in_markets = [book for book in active if book.slot != TREASURY]
        if any(book.risk.sigma_loss > limit and book.z < policy.z_target for book in in_markets):
            triggers |= RISK_SHARE
        total = sum(book.risk.sigma_loss for book in in_markets)
        if policy.risk_budget and total > _part(found.equity, policy.risk_budget):
            triggers |= RISK_BUDGET
    return min_z, triggers


def _gate(plan: Plan, policy: Policy, state: State, digest: int, traded: bool, now: int) -> int:
    """What a keeper's call must pass before anything is worked out."""
    if not policy.enabled:
        return OFF
    if plan.min_z_before >= WAD and state.last_call + policy.cooldown > now:
        return COOLDOWN
    if state.digest == digest:
        return SAME_ROUNDS
    if traded:
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


def _receivers(books: Sequence[Book], rows: Sequence[Row]) -> list[Row]:
    """The rows of a plan that borrows: no book gives, and the treasury does not repay itself."""
    return [
        _bounded(row, row.equity, row.equity if book.slot == TREASURY else row.high)
        for book, row in zip(books, rows, strict=True)
    ]


def _bounded(row: Row, low: int, high: int) -> Row:
    return make_row(row.equity, row.maintenance, row.sigma_loss, low, high)


def _share(rows: Sequence[Row], spare: int, reserve: int, z_target: int) -> tuple[Allocation, int]:
    """The allocation with the keeper's reserve set aside, or without it where that leaves no solution."""
    found = allocation.allocate(rows, spare - reserve, z_target)
    return (found, reserve) if found.solved else (allocation.allocate(rows, spare, z_target), 0)


def _futile(rows: Sequence[Row], equities: Sequence[int], mode: int) -> int | None:
    """The receiver that would still be below z = 1 (of a rescue, z = 0) and lacks most to it."""
    worst, most = None, 0
    for i, (row, equity) in enumerate(zip(rows, equities, strict=True)):
        lacking = row.maintenance + (0 if mode >= RESCUE else row.sigma_loss) - row.equity
        if 0 < equity - row.equity < lacking and lacking > most:
            worst, most = i, lacking
    return worst


def _is_short(
    books: Sequence[Book], rows: Sequence[Row], targets: Sequence[int], z_delever: int, fillable: bool = False
) -> bool:
    """Whether perfect sharing leaves an active book short; `fillable`: one that may get more."""
    return any(
        book.active
        and row.sigma_loss
        and target < at_level(row.maintenance, row.sigma_loss, z_delever)
        and (not fillable or target < row.high)
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
