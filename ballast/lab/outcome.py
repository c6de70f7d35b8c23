"""What one replay of one rule leaves behind: arrays over accounts, totals, and what happened when."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
MOST_POINTS = 500  # of a series


@dataclass(frozen=True)
class Series:
    """What happened when, at P ≤ 500 moments; quantiles are over accounts, in the order of `QUANTILES`."""

    time: Counts  # [P] Unix seconds
    liquidated: Counts  # [P] accounts that have lost a book by then, or part of one
    equity: Floats  # [P, Q] account equity over what it was at the start
    distance: Floats  # [P, Q] least z of an account's books; an account without books counts as the largest finite z
    price: Floats  # [P, M] over the first price
    volatility: Floats  # [P, M] σ_fast, annualised


@dataclass(frozen=True)
class Outcome:
    """One rule over one window and one seeded population of A accounts. Amounts are USD by account.

    Every dollar has a name:

        final = initial + gains − funding − penalties − cut costs − rewards − borne + deficits
    """

    window: str
    rule: str
    population: str
    seed: int
    markets: tuple[str, ...]
    start: int  # [s]
    end: int  # [s]

    initial_equity: Floats  # right after opening
    final_equity: Floats  # of cash and books, at the last prices
    held_equity: Floats  # the strategy as intended: same legs to the end, funding paid, never cut, never liquidated
    beside: Floats  # gains of what owners hold beside the account: the same under every rule

    books: Counts  # opened
    books_liquidated: Counts  # sold in an auction, or ended below zero, in part or whole
    lost_at: Floats  # [A, M] [s] when each book was first sold or ended; infinite: kept
    calls: Counts  # of the engine by keepers

    gains: Floats  # of the legs while they were held, by the oracle price
    funding: Floats  # paid; negative: received
    penalties: Floats  # what auctions took: discounts on what was sold
    cut_costs: Floats  # what closing by the engine cost against the oracle price
    rewards: Floats  # paid to keepers
    borne: Floats  # charged for deficits of others on the opposite side
    deficits: Floats  # what ended books were below zero by: insurance and the opposite side paid it
    trading_costs: Floats  # spread and fee of opening, paid before `initial_equity`

    opened: Floats  # [A, M] units of the underlying, long if positive
    final_size: Floats  # [A, M] units
    final_margin: Floats  # [A, M] equity of each book
    final_cash: Floats

    pool_deficits: float  # [USD] what the pool was below zero by when it was closed
    insured: float  # [USD] of all deficits, paid by the insurance
    socialised: float  # [USD] of all deficits, borne by the opposite side, the pool included
    pool_start: float  # [USD] equity of the pool
    pool_low: float  # [USD] the least of it
    pool_end: float  # [USD]
    pool_closed: int  # how often the pool was below zero, and closed against the side opposite to it
    cuts_refused: int  # that the pool's margin did not suffice for; one that is tried again counts again
    series: Series

    @property
    def accounts(self) -> int:
        """How many."""
        return len(self.initial_equity)

    @property
    def unexplained(self) -> Floats:
        """What the final equity differs by from the sum of its parts; rounding only."""
        paid = self.funding + self.penalties + self.cut_costs + self.rewards + self.borne
        return self.final_equity - (self.initial_equity + self.gains - paid + self.deficits)
