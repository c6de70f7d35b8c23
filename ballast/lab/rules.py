"""What may be done for an account before it is liquidated: rules side by side, on one engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

import numpy as np

from ballast.lab.outcome import Floats
from ballast.lab.policies import impossible
from ballast.lab.world import World
from ballast.model.planning import BELOW_MIN, DUE, KEEPER, RESCUE
from ballast.model.rebalancer import MAX_ROUNDS
from ballast.model.risk import FILL, REDUCE
from ballast.model.vault import LOCK_PERIOD
from ballast.model.vector.arrays import Flags, Index, pick
from ballast.model.vector.books import Risk
from ballast.model.vector.engine import Engine
from ballast.model.vector.marks import Marks
from ballast.model.vector.planning import Plan, triggers
from ballast.model.vector.policy import EngineState, Policies
from ballast.model.vector.reward import gas_of, reward
from ballast.params import WAD, ParamsError, PolicyParams, load_policy

THRESHOLD = 0.1  # of its target: how far a book may stray before its equity is shared anew

_URGENT = 1.0  # z below which no cooldown counts

Calls = tuple[Index, Floats]  # accounts that a keeper would call, and from when [s]


class Rule(Protocol):
    """One rule over one replay: it remembers what it must of the accounts."""

    name: str
    whole: bool  # one margin for all books, which are liquidated together

    def begin(self, world: World) -> None:
        """Accounts have just opened."""

    def see(self, world: World) -> Calls:
        """Rounds have come: whom keepers would call."""

    def call(self, world: World, accounts: Index) -> None:
        """A keeper calls."""

    def rescue(self, world: World, accounts: Index) -> None:
        """What a liquidation of these accounts begins with."""

    def saves(self, world: World, accounts: Index) -> Flags:
        """[n, M] books that it would save, did their markets let it fill them: those are not sold meanwhile."""


def _nobody() -> Calls:
    return np.empty(0, dtype=np.intp), np.empty(0)


class Isolated:
    """Each book has its own margin, and nothing is ever moved."""

    name = "isolated"
    whole = False

    def begin(self, world: World) -> None:
        """Nothing."""

    def see(self, world: World) -> Calls:
        """Nobody."""
        return _nobody()

    def call(self, world: World, accounts: Index) -> None:
        """Nothing."""

    def rescue(self, world: World, accounts: Index) -> None:
        """Nothing."""

    def saves(self, world: World, accounts: Index) -> Flags:
        """None."""
        return np.zeros((len(accounts), world.markets), dtype=np.bool_)


class Cross(Isolated):
    """One margin for all books and the cash: nothing to move, and all is liquidated together."""

    name = "cross"
    whole = True


class _Sharer(Isolated):
    """All equity, cash included, is shared out anew among the books by some key, for a keeper's usual reward."""

    def __init__(self, policy: PolicyParams) -> None:
        self._min_move, self._max_fee = policy.min_move / WAD, policy.max_fee / WAD
        self._z_trigger, self._cooldown = policy.z_trigger / WAD, float(policy.cooldown)

    def _key(self, risk: Risk, accounts: Index) -> Floats:
        """[n, M] what each book would get of 1; 0 for all where there is nothing to share among."""
        raise NotImplementedError

    def call(self, world: World, accounts: Index) -> None:
        """Share, unless a market stands in the way, or a book that gives would be left below a donor's floor."""
        risk = world.risk(accounts)
        key = self._key(risk, accounts)
        total = risk.equity.sum(axis=1) + world.books.cash[accounts]
        earned = self._reward(world, risk, np.maximum(key * total[:, None] - risk.equity, 0).sum(axis=1))
        targets = key * (total - earned)[:, None]
        transfers = np.where(key > 0, targets - risk.equity, 0.0)
        blocked = (transfers > 0) & ~risk.can_fill
        blocked |= (transfers < 0) & (~risk.can_tap | (targets < risk.donor_floor))
        moved = np.maximum(transfers, 0).sum(axis=1)
        possible = ~blocked.any(axis=1) & ~risk.frozen & (total > earned) & (moved >= self._min_move)
        if world.settings.paid:
            possible &= earned >= self._gas(risk) * world.gas_price
        done = np.flatnonzero(possible & (key > 0).any(axis=1))
        world.move(accounts[done], transfers[done], earned[done])
        world.calls[accounts[done]] += 1

    def _off(self, risk: Risk, cash: Floats, accounts: Index) -> Flags:
        """[n, M] books that are further from their share than the threshold."""
        key = self._key(risk, accounts)
        targets = key * np.maximum(risk.equity.sum(axis=1) + cash, 0)[:, None]
        distance = np.abs(risk.equity - targets)
        off: Flags = (distance > THRESHOLD * targets) & (distance > self._min_move) & (key > 0)
        return off

    @staticmethod
    def _gas(risk: Risk) -> Floats:
        books = risk.listed.sum(axis=1).astype(np.float64)
        return gas_of(books, transfers=books, cuts=np.zeros(len(books)), asked=np.zeros(len(books)))

    def _reward(self, world: World, risk: Risk, moved: Floats) -> Floats:
        books = risk.listed.sum(axis=1).astype(np.float64)
        nothing = np.zeros(len(books))
        return reward(
            books=books,
            transfers=books,
            cuts=nothing,
            asked=nothing,
            moved=moved,
            relieved=nothing,
            min_z=risk.z.min(axis=1),
            z_trigger=np.full(len(books), self._z_trigger),
            gas_price=world.gas_price,
            reserve=np.full(len(books), self._max_fee),
        )


class FixedWeights(_Sharer):
    """Each book is kept at the share of the account that it had at the start, as Perennial's groups are."""

    name = "fixed_weights"

    def begin(self, world: World) -> None:
        """The weights."""
        margin = world.margin()
        self._weights = margin / margin.sum(axis=1)[:, None]

    def see(self, world: World) -> Calls:
        """Whoever has a book off its weight."""
        risk = world.risk()
        due = np.flatnonzero(self._off(risk, world.books.cash, world.everybody).any(axis=1))
        return due, np.full(len(due), world.now)

    def _key(self, risk: Risk, accounts: Index) -> Floats:
        weights = np.where(risk.exposure > 0, self._weights[accounts], 0.0)
        whole = weights.sum(axis=1)[:, None]
        return np.divide(weights, whole, out=np.zeros_like(weights), where=whole > 0)


class ProRata(_Sharer):
    """When a book nears liquidation, all equity is shared out in proportion to maintenance margin."""

    name = "pro_rata"

    def begin(self, world: World) -> None:
        """Nobody was called yet."""
        self._last_call = np.full(world.accounts, -np.inf)

    def see(self, world: World) -> Calls:
        """Whoever has a book near liquidation, and off its share."""
        risk = world.risk()
        z = risk.z.min(axis=1)
        near = np.flatnonzero(z < self._z_trigger)
        near = near[self._off(risk.pick(near), world.books.cash[near], near).any(axis=1)]
        rested = np.where(z[near] < 1, world.now, np.maximum(self._last_call[near] + self._cooldown, world.now))
        return near, rested

    def call(self, world: World, accounts: Index) -> None:
        """Share, and remember when."""
        super().call(world, accounts)
        self._last_call[accounts] = world.now

    def _key(self, risk: Risk, accounts: Index) -> Floats:
        whole = risk.maintenance.sum(axis=1)[:, None]
        return np.divide(risk.maintenance, whole, out=np.zeros_like(risk.maintenance), where=whole > 0)


class Ballast(Isolated):
    """The protocol's engine under one policy for all: free cash, surplus of the healthiest books, then cuts."""

    def __init__(self, policy: PolicyParams, name: str = "ballast") -> None:
        self.name = name
        self._policy = policy

    def begin(self, world: World) -> None:
        """The engine knows nobody yet."""
        policies = Policies.same(self._policy, world.accounts, range(1, world.markets + 1))
        self._engine = Engine(world.books, policies, EngineState.new(world.accounts, world.markets))
        self._since = np.zeros((world.accounts, world.markets), order="F")  # [USD] first price since a cut was due
        self._waiting = np.empty(0, dtype=np.intp)  # accounts with cuts asked for

    def see(self, world: World) -> Calls:
        """Whoever has a trigger, once he is rested, and whose cuts can be filled."""
        now, policies, state = world.now, self._engine.policies, self._engine.state
        found = triggers(world.risk(), world.books.cash, policies)
        ripe = self._note_rounds(world)
        due = np.union1d(np.flatnonzero(found.bits), ripe)
        now_or_never = (found.min_z[due] < _URGENT) | np.isin(due, ripe)
        rested = np.maximum(state.last_call[due] + policies.cooldown[due], now)
        return due, np.where(now_or_never, now, rested)

    def call(self, world: World, accounts: Index) -> None:
        """What a keeper's `rebalance` does."""
        self._release_locks(world, accounts)
        done, _ = self._execute(world, accounts, KEEPER)
        world.calls[done] += 1

    def rescue(self, world: World, accounts: Index) -> None:
        """Plan after plan, until nothing is below maintenance margin, or nothing helps."""
        for _ in range(MAX_ROUNDS):
            if not len(accounts):
                return
            done, least = self._execute(world, accounts, RESCUE)
            accounts = done[least < 0]

    def saves(self, world: World, accounts: Index) -> Flags:
        """What the next plan of a rescue would lift to maintenance margin, were books filled: `would_cure`."""
        marks = world.marks.gated(opened=FILL)
        planned = self._preview(world, accounts, marks, RESCUE)
        saved = self._engine.lifted(accounts, planned, marks)
        refused = np.flatnonzero(~world.could_take(accounts, planned.cuts))
        if len(refused):
            uncut = marks.gated(closed=REDUCE)
            planned = self._preview(world, accounts[refused], uncut, RESCUE)
            saved[refused] = self._engine.lifted(accounts[refused], planned, uncut)
        return saved

    def _note_rounds(self, world: World) -> Index:
        """The price of the first round since each waiting cut was due; accounts that have one that can be filled."""
        if not len(self._waiting):
            return self._waiting
        due_at = self._engine.state.pick(self._waiting).due_at(world.now)
        lives = np.isfinite(due_at).any(axis=1)
        waiting, due_at = self._waiting[lives], due_at[lives]
        since = pick(self._since, waiting)
        first = (due_at <= world.now) & (since == 0) & world.published
        self._since[waiting] = since = np.where(first, world.prices, since)
        self._waiting = waiting
        return waiting[(np.isfinite(due_at) & (since > 0) & world.marks.can_reduce).any(axis=1)]

    def _execute(self, world: World, accounts: Index, mode: int) -> tuple[Index, Floats]:
        """Carry out what is due: for whom, and the least distance that each is left with."""
        planned = self._preview(world, accounts, world.marks, mode)
        takes = world.takes(accounts, planned.cuts)
        done, least = self._carry_out(world, accounts[takes], planned.pick(np.flatnonzero(takes)))
        refused = accounts[~takes]
        if not len(refused):
            return done, least
        marks = world.marks.gated(closed=REDUCE)
        more, others = self._carry_out(world, refused, self._preview(world, refused, marks, mode))
        return np.concatenate([done, more]), np.concatenate([least, others])

    def _preview(self, world: World, accounts: Index, marks: Marks, mode: int) -> Plan:
        since = pick(self._since, accounts)
        gas = world.gas_price if mode == KEEPER else 0.0
        planned = self._engine.preview(accounts, marks, since if since.any() else None, mode, gas)
        if mode == KEEPER and world.settings.paid:
            spent = self._gas(world.risk(accounts), planned, world.now) * gas
            planned.code[(planned.code == DUE) & (planned.reward < spent)] = BELOW_MIN
        return planned

    @staticmethod
    def _gas(risk: Risk, planned: Plan, now: float) -> Floats:
        """Of the calls that would carry the plans out."""
        asked = (planned.requests > 0) & (planned.requested_at == now)
        changes = (planned.transfers != 0, planned.cuts > 0, asked)
        return gas_of(*(some.sum(axis=1).astype(np.float64) for some in (risk.listed & risk.priced, *changes)))

    def _carry_out(self, world: World, accounts: Index, planned: Plan) -> tuple[Index, Floats]:
        due = planned.due
        done, planned = accounts[due], planned.pick(due)
        if not len(done):
            return done, planned.min_z_after
        paid = self._engine.carry_out(done, planned, world.marks)
        world.note(done, planned.costs.sum(axis=1), paid)
        waits = planned.requests > 0
        self._since[done] = np.where(waits, pick(self._since, done), 0.0)
        if waits.any():
            self._waiting = np.union1d(self._waiting, done[waits.any(axis=1)])
        return done, planned.min_z_after

    @staticmethod
    def _release_locks(world: World, accounts: Index) -> None:
        """Profit that was taken out of a book is locked for an hour, and as long as the book is below maintenance: who
        is called later pays his keeper with it."""
        books, risk = world.books, world.risk(accounts)
        free = risk.priced & (risk.equity >= risk.maintenance)
        old = (pick(books.locked_at, accounts) + LOCK_PERIOD <= world.now) & free
        books.lock[accounts] = np.where(old, 0.0, pick(books.lock, accounts))


RULES: Mapping[str, Callable[[PolicyParams], Rule]] = {
    "isolated": lambda _: Isolated(),
    "fixed_weights": FixedWeights,
    "pro_rata": ProRata,
    "cross": lambda _: Cross(),
    "ballast_no_cut": lambda policy: Ballast(policy.model_copy(update={"max_delever": 0}), "ballast_no_cut"),
    "ballast": Ballast,
}


def rule_of(name: str, policy: PolicyParams) -> Rule:
    """A rule by its name, or the engine under the policy of a file, whose missing fields are those of `policy`."""
    if name in RULES:
        return RULES[name](policy)
    path = Path(name)
    if not path.suffix:
        raise ValueError(f"rule {name!r}: unknown; expected one of {', '.join(RULES)}, or a policy file")
    read = load_policy(path, policy)
    if complaint := impossible(read):
        raise ParamsError(f"{path}: {complaint}; no owner could set it")
    return Ballast(read, path.stem)
