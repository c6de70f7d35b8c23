"""The stateful suite in `make test`: at least STEPS steps, seeds counted up from a fixed one."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.stateful.rules.world import twins
from tests.stateful.run import run_until

STEPS = 50_000
PARTS = 4  # so that workers can share them
MUST_HAPPEN = {  # a suite in which nothing happens proves nothing: event or reason → least count a part
    # orders and the engine
    "OrderFilled": 60,
    "OrderFailed": 30,
    "several legs filled": 3,
    "exchange: market twice": 2,
    "Rebalanced": 100,
    "CutRequested": 8,
    "BookCut": 6,
    "MarginMoved": 300,
    "rebalancer: healthy": 100,
    "rebalancer: cooldown": 20,
    # prices
    "JumpGuardRaised": 3,
    "oracle: poke": 5,
    "oracle: stale price": 2,
    "oracle: feeds disagree": 2,
    "oracle: feed is off": 5,
    "oracle: sequencer just restarted": 3,
    # money, and who may move it
    "Withdrawn": 50,
    "Locked": 3,
    "collateral in": 15,
    "collateral out": 5,
    "by operator": 5,
    "access: no right": 20,
    "AccountTransferred": 20,
    "access: not the new owner": 10,
    # shares of the pool
    "entry executed": 10,
    "exit executed": 10,
    "Drawn": 5,
    "pool: deposit cap": 2,
    "pool: no such request": 10,
    # the guardian and the timelock
    "access: guardian only tightens": 20,
    "StateSet": 10,
    "ownable: caller is not the owner": 20,
    "timelock_controller: operation is not ready": 30,
    "ConfigSet": 1,
    "FeedSet": 1,
    "CollateralConfigSet": 1,
    # debt, lenders, insurers
    "borrowed": 50,
    "repaid": 10,
    "interest": 200,
    "ExitServed": 60,
    "credit: exits are waiting": 10,
    "ReserveCollected": 2,
    "insured": 40,
    "left insurance": 3,
    "insurance: not in exit window": 20,
    "shares: deficit not assigned": 10,
    # liquidation
    "AuctionStarted": 100,
    "BookSold": 30,
    "sold in part": 20,
    "insurance pays a bidder": 3,
    "cured at the start": 50,
    "cured by its account": 3,
    "CollateralSold": 10,
    "liquidator: book is healthy": 30,
    "liquidator: book is not as seen": 3,
    "liquidator: opened in this block": 30,
    "liquidator: above max payment": 2,
    "liquidator: not the pool's turn": 10,
    "liquidator: market just resumed": 10,
    # gaps through zero
    "DeficitRealised": 30,
    "DeficitCovered": 20,
    "DebtRealised": 1,
    "others bear a book": 10,
    "others bear the pool": 3,
    "lenders bear a debt": 1,
    # two colluding attackers
    "collusion": 10,
    "vault: cash is locked": 2,
    "vault: book below maintenance": 2,
}


@pytest.mark.parametrize("part", range(PARTS))
def test_protocol__random_histories__chain_equals_model(part: int) -> None:
    """SOL-1, SOL-3, SOL-6, SOL-7, HLT-7, HLT-11, REB-1, REB-2, REB-3, AUT-1, AUT-2, GOV-1: see the machine."""
    before = Counter(twins().seen)
    run = run_until(STEPS // PARTS, first_seed=1_000_000 * part)
    assert run.steps >= STEPS // PARTS
    seen = twins().seen - before
    assert not {what: seen[what] for what, least in MUST_HAPPEN.items() if seen[what] < least}
