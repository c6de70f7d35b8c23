"""What the engine would do with many accounts: `ballast.model.planning` over arrays.

Left to the integer model: treasuries in debt, borrowing, the pool's own account, and whether the pool's
cash and the vault's balance of a market suffice.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ballast.model.fixed_point import BPS, WAD
from ballast.model.planning import (
    BELOW_MIN,
    COOLDOWN,
    CUT,
    DISTANCE,
    DUE,
    HEALTHY,
    KEEPER,
    NO_LIMIT,
    NO_REMEDY,
    OFF,
    RESCUE,
    RESCUE_REACH,
    RISK_BUDGET,
    RISK_SHARE,
    SAME_ROUNDS,
    WAITING,
)
from ballast.model.policy import SHARE_UNIT
from ballast.model.vector.allocation import Allocation, Rows, allocate, bounded
from ballast.model.vector.arrays import Flags, Floats, Index, pick
from ballast.model.vector.books import Risk
from ballast.model.vector.cutting import Aim, Candidates, cut_shares
from ballast.model.vector.policy import (
    EngineState,
    Policies,
)
from ballast.model.vector.reward import reward

_ROUNDING = 1e-6  # [USD] what is left of cash, or lacks, where books of millions were moved
NO_MOVE = 1e-12  # of all equities of an account: below it a transfer is what rounding left

_URGENT = 1.0  # z below which no cooldown counts
_SHARE_UNIT = SHARE_UNIT / WAD
_SHARE_EPSILON = 1e-9  # of a share's unit: what rounding up to whole units forgives


@dataclass(frozen=True)
class Triggers:
    """What calls for the engine; arrays are [n]."""

    equity: Floats  # [USD] of priced books and cash
    min_z: Floats  # the least distance over books that take part
    bits: Index


@dataclass
class Plan:
    """What the engine would do now; arrays are [n], those of books accounts × markets."""

    code: Index
    triggers: Index
    equity: Floats  # [USD]
    level: Floats
    donor_level: Floats
    min_z_before: Floats
    min_z_after: Floats
    moved: Floats  # [USD]
    relieved: Floats  # [USD] of maintenance margin
    reserve: Floats  # [USD] most the keeper may earn
    reward: Floats  # [USD] what the keeper earns, as far as there is cash that is not locked
    transfers: Floats  # [USD] into books
    cuts: Floats  # share of each book, made now and before transfers
    costs: Floats  # [USD] of those cuts
    requests: Floats  # share of each book that waits to be cut afterwards
    requested_at: Floats  # [s]
    rounds: Floats  # prices behind the plan

    @property
    def due(self) -> Index:
        """Which of the accounts have something to be done; nothing in the plans of others is to be carried out."""
        return np.flatnonzero(self.code == DUE)

    def pick(self, accounts: Index) -> Plan:
        """Of some accounts."""
        return Plan(**{name: pick(array, accounts) for name, array in vars(self).items()})


def triggers(risk: Risk, cash: Floats, policies: Policies) -> Triggers:
    """The least distance over active books; what calls for the engine. `cash` is all that is not in books [USD]."""
    equity = risk.equity.sum(axis=1) + cash
    active = _active(risk, policies)
    z = np.where(active, risk.z, np.inf)
    min_z = z.min(axis=1)
    bits = np.where(min_z < policies.z_trigger, DISTANCE, 0)

    sigma_loss = np.where(active, risk.sigma_loss, 0.0)
    limits = np.maximum(equity, 0)
    risky = (sigma_loss > (limits * policies.max_risk_share)[:, None]) & (z < policies.z_target[:, None])
    whole = ~risk.frozen
    bits |= np.where(whole & risky.any(axis=1), RISK_SHARE, 0)
    if policies.risk_budget.any():
        over = whole & (policies.risk_budget > 0) & (sigma_loss.sum(axis=1) > limits * policies.risk_budget)
        bits |= np.where(over, RISK_BUDGET, 0)
    return Triggers(equity, min_z, bits)


def plan(
    risk: Risk,
    cash: Floats,
    policies: Policies,
    state: EngineState,
    now: float,
    mode: int = KEEPER,
    *,
    locked: Floats | None = None,
    fill_costs: Floats | None = None,
    gas_price: float = 0.0,
) -> Plan:
    """The plans of accounts, each argument about the same ones in the same order.

    `locked` is what of the cash may not leave the account, None where nothing is. `fill_costs` are those of cuts asked
    for (`Books.fill_costs`; +∞ where no round has come), None where no round has come at all. `gas_price` is in dollars
    per unit of gas.
    """
    cash = _settled(cash)
    if mode == KEEPER:
        on = policies.enabled[:, None]
        policies = replace(policies, fund=policies.fund & on, tap=policies.tap & on)
    elif mode == RESCUE:
        policies = _saving(policies)
    found = triggers(risk, cash, policies)
    asked = state.live(now)
    planned = _blank(risk, found, state, asked)
    planned.code = _codes(found, policies, state, asked, planned.rounds, now, mode)

    may_ask = planned.code == DUE
    if fill_costs is not None:
        risk = _fill(risk, fill_costs, planned, policies, mode)
    due = np.flatnonzero(planned.code == DUE)
    if len(due):
        locks = np.zeros_like(cash) if locked is None else locked
        case = _Case(risk, cash, locks, policies, state, planned, due, now, mode, fill_costs)
        case.remedy(may_ask[due])
        case.finish(planned, asked, gas_price)
    return planned


class _Case:
    """The accounts for which something is worked out."""

    def __init__(
        self,
        risk: Risk,
        cash: Floats,
        locked: Floats,
        policies: Policies,
        state: EngineState,
        planned: Plan,
        due: Index,
        now: float,
        mode: int,
        fill_costs: Floats | None,
    ) -> None:
        self.due, self.now, self.mode = due, now, mode
        self.risk, self.policies = risk.pick(due), policies.pick(due)
        self.plan = planned.pick(due)
        self.cash = cash[due]
        self.active = _active(self.risk, self.policies)
        fees, contained = state.pick(due).decayed(now)
        self.spare = np.maximum(self.cash - self.policies.treasury_reserve, 0)
        self.reserve = np.zeros(len(due))
        if mode == KEEPER:
            left = np.maximum(self.policies.max_fee_per_day - fees, 0)
            free = np.where(locked[due] > 0, np.maximum(self.cash - locked[due], 0), np.inf)
            self.reserve = np.minimum(np.minimum(self.policies.max_fee, left), free)
        open_bps = self.policies.containment[:, None] - np.minimum(contained, self.policies.containment[:, None])
        self.rooms = np.maximum(self.plan.equity, 0)[:, None] * open_bps / BPS
        self.fill_costs = None if fill_costs is None else pick(fill_costs, due)
        self.rows = self._rows(slice(None))
        self.shared = self._share(np.arange(len(due)))

    def remedy(self, may_ask: Flags) -> None:
        """Share, ask for cuts where that is not enough (a rescue makes them), and leave out who cannot be helped."""
        limits = self.plan.triggers & (RISK_SHARE | RISK_BUDGET) != 0
        asking = np.flatnonzero(may_ask & (limits | self._short()))
        if len(asking):
            self._ask(asking)
            if self.mode == RESCUE:
                self.rows = self._rows(slice(None))
                self._reshare(asking)
        self._leave_out_futile()

    def finish(self, planned: Plan, asked: Floats, gas_price: float) -> None:
        """Judge the plans and write them among all."""
        done, shared, rows = self.plan, self.shared, self.rows
        nothing = NO_MOVE * (np.abs(rows.equity).sum(axis=1) + self.cash)
        moves, changes = shared.need > nothing, shared.equities - rows.equity
        transfers = np.where(moves[:, None] & (np.abs(changes) > nothing[:, None]), changes, 0.0)
        done.level, done.donor_level = shared.level, shared.donor_level
        done.moved = np.where(moves, shared.need, 0.0)
        done.transfers = transfers
        done.reserve = np.where(moves, self.reserve, np.minimum(self.reserve, self.spare))
        after = replace(self.risk, equity=rows.equity + transfers)
        done.min_z_after = np.where(self.active, after.z, np.inf).min(axis=1)

        makes = (done.cuts > 0).any(axis=1)
        before = pick(asked, self.due)
        same = (done.requests == before).all(axis=1)
        waits = (done.requests > 0).any(axis=1)
        idle = ~makes & ~moves & same
        small = ~idle & ~makes & (done.moved + done.relieved < self.policies.min_move) & (self.mode == KEEPER)
        done.code = np.where(idle, np.where(waits, WAITING, NO_REMEDY), np.where(small, BELOW_MIN, DUE))
        done.reward = self._reward(gas_price)
        for name, figures in vars(done).items():
            getattr(planned, name)[self.due] = figures

    def _rows(self, accounts: slice) -> Rows:
        risk = self.risk
        return bounded(
            risk.equity,
            risk.maintenance,
            risk.sigma_loss,
            risk.donor_floor,
            risk.equity + self.rooms,
            self.policies.fund & risk.can_fill & risk.listed & (risk.sigma_loss > 0),
            self.policies.tap & risk.can_tap,
            self.policies.z_donor,
        )

    def _share(self, accounts: Index) -> Allocation:
        """The allocation with the keeper's reserve set aside, or without it where that leaves no solution."""
        rows, spare, top = self.rows.pick(accounts), self.spare[accounts], self.policies.z_target[accounts]
        found = allocate(rows, spare - self.reserve[accounts], top)
        without = np.flatnonzero(~found.solved)
        if len(without):
            found.put(without, allocate(rows.pick(without), spare[without], top[without]))
            self.reserve[accounts[without]] = 0.0
        return found

    def _reshare(self, accounts: Index) -> None:
        self.shared.put(accounts, self._share(accounts))

    def _short(self) -> Flags:
        """Whether perfect sharing leaves an active book short."""
        rows = self.rows
        lacking = (rows.sigma_loss > 0) & (self.shared.targets < rows.at(self.policies.z_delever))
        short: Flags = (self.active & lacking).any(axis=1)
        return short

    def _ask(self, accounts: Index) -> None:
        """Ask for the cuts that books now need, each of which would be sound at present; a rescue makes them."""
        risk, policies, rows = self.risk.pick(accounts), self.policies.pick(accounts), self.rows.pick(accounts)
        targets, done = pick(self.shared.targets, accounts), self.plan.pick(accounts)
        active, slippage = pick(self.active, accounts), policies.max_slippage[:, None]
        taken = done.cuts > 0 if self.mode == RESCUE else done.requests > 0
        allowed = active & risk.can_reduce & (risk.sigma_loss > 0) & (risk.closing_cost <= risk.exposure * slippage)
        costs = np.where(allowed & ~taken, risk.closing_cost, np.inf)
        tap, kept = policies.tap & risk.can_tap, np.maximum(rows.at(policies.z_donor), risk.donor_floor)
        donor = tap & (kept <= rows.equity + NO_MOVE * np.abs(rows.equity))  # the integers leave a few wei to give
        books = Candidates(rows, targets, costs, active, tap, donor)
        wanted = cut_shares(books, self._aim(accounts, rows, policies, risk.frozen))
        units = np.ceil(wanted / _SHARE_UNIT - _SHARE_EPSILON)
        shares = np.minimum(units, np.floor(policies.max_delever / _SHARE_UNIT + _SHARE_EPSILON)[:, None]) * _SHARE_UNIT

        whole = risk.closing_cost
        if self.mode == RESCUE and self.fill_costs is not None:
            fills = pick(self.fill_costs, accounts)
            whole = np.where((done.requests > 0) & risk.can_reduce & np.isfinite(fills), fills, whole)
        sound = (
            (shares > 0)
            & (done.cuts == 0)
            & _is_relief(risk, shares, whole, np.minimum(rows.equity, targets), slippage)
        )
        shares = np.where(sound, shares, 0.0)
        self.plan.relieved[accounts] += (shares * risk.maintenance).sum(axis=1)
        if self.mode == RESCUE:
            cost = np.where(sound, shares * whole, 0.0)
            self.plan.cuts[accounts] = np.where(sound, shares, done.cuts)
            self.plan.costs[accounts] = np.where(sound, cost, done.costs)
            self.plan.requests[accounts] = np.where(sound, 0.0, done.requests)
            self._apply(accounts, shares, cost)
        else:
            self.plan.requests[accounts] = np.where(sound, shares, done.requests)
            self.plan.requested_at[accounts] = np.where(sound, self.now, done.requested_at)

    def _apply(self, accounts: Index, shares: Floats, costs: Floats) -> None:
        every_share, every_cost = np.zeros_like(self.risk.equity), np.zeros_like(self.risk.equity)
        every_share[accounts], every_cost[accounts] = shares, costs
        self.risk = self.risk.cut(every_share, every_cost)

    def _aim(self, accounts: Index, rows: Rows, policies: Policies, frozen: Flags) -> Aim:
        equity = np.maximum(self.plan.equity[accounts], 0)
        no_budget = frozen | (policies.risk_budget == 0)
        return Aim(
            budget=self.spare[accounts] - self.reserve[accounts] + rows.equity.sum(axis=1),
            z_delever=policies.z_delever,
            z_reach=policies.z_delever_target,
            z_target=policies.z_target,
            max_share=policies.max_delever,
            max_sigma_loss=np.where(frozen, np.inf, equity * policies.max_risk_share),
            risk_budget=np.where(no_budget, np.inf, equity * policies.risk_budget),
        )

    def _leave_out_futile(self) -> None:
        """A receiver that would still be below z = 1 (of a rescue, 0), and lacks most to it, gets nothing: again."""
        rows, books = self.rows, self.rows.equity.shape[1]
        above = 0.0 if self.mode == RESCUE else 1.0
        accounts = np.arange(len(self.due))
        for _ in range(books):
            equity, equities = pick(rows.equity, accounts), pick(self.shared.equities, accounts)
            lacking = pick(rows.maintenance, accounts) + above * pick(rows.sigma_loss, accounts) - equity
            futile = (equities > equity) & (equities - equity < lacking)
            some = futile.any(axis=1)
            if not some.any():
                break
            worst = np.where(futile, lacking, -np.inf).argmax(axis=1)[some]
            accounts = accounts[some]
            rows.high[accounts, worst] = rows.equity[accounts, worst]
            self._reshare(accounts)

    def _reward(self, gas_price: float) -> Floats:
        done = self.plan
        most = reward(
            books=(self.risk.listed & self.risk.priced).sum(axis=1).astype(np.float64),
            transfers=(done.transfers != 0).sum(axis=1).astype(np.float64),
            cuts=(done.cuts > 0).sum(axis=1).astype(np.float64),
            asked=((done.requests > 0) & (done.requested_at == self.now)).sum(axis=1).astype(np.float64),
            moved=done.moved,
            relieved=done.relieved,
            min_z=done.min_z_before,
            z_trigger=self.policies.z_trigger,
            gas_price=gas_price,
            reserve=done.reserve,
        )
        return np.where(done.code == DUE, most, 0.0)


def _saving(policies: Policies) -> Policies:
    """Of a rescue: risk has no limits, and cuts are only for what is left below maintenance."""
    return replace(
        policies,
        max_risk_share=np.full_like(policies.max_risk_share, NO_LIMIT / BPS),
        risk_budget=np.zeros_like(policies.risk_budget),
        z_delever=np.zeros_like(policies.z_delever),
        z_delever_target=np.minimum(policies.z_delever_target, RESCUE_REACH / WAD),
    )


def _active(risk: Risk, policies: Policies) -> Flags:
    """Books that take part: priced, not ring-fenced."""
    active: Flags = risk.listed & risk.priced & (policies.fund | policies.tap)
    return active


def _blank(risk: Risk, found: Triggers, state: EngineState, asked: Floats) -> Plan:
    """Plans before anything is worked out."""

    def zeros() -> Floats:
        return np.zeros(len(found.equity))

    def books() -> Floats:
        return np.zeros(risk.equity.shape, order="F")

    return Plan(
        code=np.full(len(found.equity), DUE),
        triggers=found.bits,
        equity=found.equity,
        level=zeros(),
        donor_level=np.full(len(found.equity), np.inf),
        min_z_before=found.min_z,
        min_z_after=found.min_z.copy(),
        moved=zeros(),
        relieved=zeros(),
        reserve=zeros(),
        reward=zeros(),
        transfers=books(),
        cuts=books(),
        costs=books(),
        requests=asked.copy(order="F"),
        requested_at=state.asked_at.copy(order="F"),
        rounds=np.where(risk.listed, np.where(risk.priced, risk.round, 0.0), -1.0),
    )


def _codes(
    found: Triggers,
    policies: Policies,
    state: EngineState,
    asked: Floats,
    rounds: Floats,
    now: float,
    mode: int,
) -> Index:
    """What plans must pass before anything is worked out, the last test that fails first."""
    code = np.full(len(found.equity), DUE)
    if mode == KEEPER:
        code[found.bits == 0] = HEALTHY
        code[(state.last_call > 0) & (state.rounds == rounds).all(axis=1)] = SAME_ROUNDS
        code[(found.min_z >= _URGENT) & (state.last_call + policies.cooldown > now)] = COOLDOWN
        code[~policies.enabled] = OFF
    elif mode == RESCUE:
        code[found.min_z >= 0] = HEALTHY
        code[~policies.enabled] = OFF
    code[~policies.known] = OFF
    return code


def _fill(risk: Risk, fill_costs: Floats, planned: Plan, policies: Policies, mode: int) -> Risk:
    """Make the cuts whose round has come, as they were asked for. One that cannot be made waits on."""
    open_ = policies.known if mode == KEEPER else planned.code == DUE
    shares = np.where(open_[:, None] & risk.listed & risk.priced & risk.can_reduce, planned.requests, 0.0)
    come = (shares > 0) & np.isfinite(fill_costs)
    if not come.any():
        return risk
    whole = np.where(come, fill_costs, 0.0)
    sound = come & _is_relief(risk, shares, whole, risk.equity, np.ones((len(shares), 1)))
    made = sound.any(axis=1)
    planned.code[made] = DUE
    planned.triggers[made] |= CUT
    planned.cuts = np.where(sound, shares, 0.0)
    planned.costs = np.where(sound, shares * whole, 0.0)
    planned.requests = np.where(sound, 0.0, planned.requests)
    planned.relieved += (planned.cuts * risk.maintenance).sum(axis=1)
    return risk.cut(planned.cuts, planned.costs)


def _is_relief(risk: Risk, shares: Floats, whole: Floats, held: Floats, max_slippage: Floats) -> Flags:
    """Whether cuts, at `whole` for all of a book, cost no more than allowed and lift z."""
    emptied = (shares >= 1) | (risk.sigma_loss == 0)
    lifts = np.where(emptied, held >= shares * whole, held > whole)
    relief: Flags = lifts & (whole <= risk.exposure * max_slippage)
    return relief


def _settled(cash: Floats) -> Floats:
    """Without the debts that rounding leaves. ValueError where an account has one of its own."""
    debtors = np.flatnonzero(cash < -_ROUNDING)
    if len(debtors):
        first = debtors[0]
        known = "a debt is planned by ballast.model.planning"
        raise ValueError(f"account {first} of the plan: expected cash ≥ 0, got {cash[first]}: {known}")
    return np.maximum(cash, 0)
