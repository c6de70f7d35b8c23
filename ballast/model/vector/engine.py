"""Keepers' calls and liquidators' rescues of many accounts: `ballast.model.rebalancer` over arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ballast.model.fixed_point import WAD
from ballast.model.planning import DUE, KEEPER, RESCUE
from ballast.model.rebalancer import MAX_ROUNDS
from ballast.model.vector.arrays import Flags, Floats, Index, pick
from ballast.model.vector.books import Books
from ballast.model.vector.marks import Marks
from ballast.model.vector.planning import Plan, plan, triggers
from ballast.model.vector.policy import (
    EngineState,
    Policies,
    stored_bps,
    stored_fees,
    whole_bps_down,
    whole_bps_up,
)


@dataclass
class Engine:
    """Accounts, what their owners allow, and what the engine remembers of them."""

    books: Books
    policies: Policies
    state: EngineState

    def candidates(self, marks: Marks) -> Index:
        """Accounts that a keeper looks at: something triggers, or a cut waits."""
        found = triggers(self.books.risk(marks), self.books.cash, self.policies)
        waits = self.state.live(marks.time).any(axis=1)
        return np.flatnonzero((found.bits != 0) | waits)

    def preview(
        self, accounts: Index, marks: Marks, since: Floats | None = None, mode: int = KEEPER, gas_price: float = 0.0
    ) -> Plan:
        """What a call would do. `since` [USD]: of each of the accounts' books the price of the first round since
        `EngineState.due_at`, 0 where none came; None where none came at all. `gas_price` in dollars per unit of gas."""
        books = self.books
        return plan(
            books.risk(marks, accounts),
            books.cash[accounts],
            self.policies.pick(accounts),
            self.state.pick(accounts),
            marks.time,
            mode,
            locked=pick(books.lock, accounts).sum(axis=1),
            fill_costs=None if since is None else books.fill_costs(since, marks, accounts),
            gas_price=gas_price,
        )

    def call(
        self, accounts: Index, marks: Marks, since: Floats | None = None, mode: int = KEEPER, gas_price: float = 0.0
    ) -> Plan:
        """Carry out the plans of those that are due; all plans, with the rewards that were paid."""
        planned = self.preview(accounts, marks, since, mode, gas_price)
        due = planned.due
        planned.reward[due] = self.carry_out(accounts[due], planned.pick(due), marks)
        return planned

    def rescue(self, accounts: Index, marks: Marks, since: Floats | None = None) -> list[tuple[Index, Plan]]:
        """Plan after plan, until nothing that takes part is below maintenance margin, or nothing helps: of each round
        the accounts for which something was done, and their plans."""
        done: list[tuple[Index, Plan]] = []
        going = np.arange(len(accounts))
        while len(done) < MAX_ROUNDS and len(going):
            planned = self.call(accounts[going], marks, None if since is None else pick(since, going), RESCUE)
            due = planned.due
            done.append((accounts[going[due]], planned.pick(due)))
            going = going[due][planned.min_z_after[due] < 0]
        return done

    def lifted(self, accounts: Index, planned: Plan, marks: Marks) -> Flags:
        """[n, M] Books that the plans touch and leave at their maintenance margin or above."""
        after = self.books.risk(marks, accounts).cut(planned.cuts, planned.costs)
        touched = (planned.transfers != 0) | (planned.cuts > 0)
        lifted: Flags = touched & (after.equity + planned.transfers >= after.maintenance)
        return lifted & (planned.code == DUE)[:, None]

    def carry_out(self, accounts: Index, planned: Plan, marks: Marks) -> Floats:
        """Cuts, then transfers and rewards, as planned for each of the accounts; the rewards that were paid [USD]."""
        if (planned.cuts > 0).any():
            self.books.cut(accounts, planned.cuts, planned.costs, marks)
        paid = self.books.move(accounts, planned.transfers, planned.reward, marks.time)
        self._remember(accounts, planned, paid, marks.time)
        return paid

    def _remember(self, accounts: Index, planned: Plan, paid: Floats, now: float) -> None:
        fees, contained = self.state.pick(accounts).decayed(now)
        share = planned.transfers / np.maximum(planned.equity, 1 / WAD)[:, None]
        contained = contained + whole_bps_up(np.maximum(share, 0))
        contained = contained - np.minimum(contained, whole_bps_down(np.maximum(-share, 0)))
        after = EngineState(
            last_call=np.full(len(accounts), float(now)),
            fees=stored_fees(fees + paid),
            contained=stored_bps(contained),
            rounds=planned.rounds,
            asked=planned.requests,
            asked_at=planned.requested_at,
        )
        self.state.put(accounts, after)
