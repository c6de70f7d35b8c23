"""Markets that answer garbage where the engine asks for prices of cuts: too little, too much, or figures of no book."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ballast.chain import Contract, Reverted
from ballast.deploy import Protocol
from ballast.params import WAD
from tests.puppet import ALL_GATES, BOUND, CUT, MARGIN, RISK, Puppet, words
from tests.support import drain_pool

COST = WAD // 1_000  # [wad] per unit of notional
NO_REMEDY, WAITING, HEALTHY = 9, 3, 8


@pytest.fixture
def puppet(protocol: Protocol, owner: str) -> Puppet:
    """Until told otherwise it tells the truth about a book near liquidation, which half a cut would save."""
    market = Puppet(protocol, owner)
    market.risk()
    market.cut()
    market.tell("engine_cost", COST)
    return market


@pytest.fixture
def account(
    rebalancer: Contract,
    puppet: Puppet,
    build: Callable[..., int],
    guard: Callable[..., None],
    trader: str,
    chain: Any,
) -> int:
    """A guarded account with nothing but that book."""
    account = build(cash=1_000)
    guard(account)
    rebalancer.transfer_margin(account, 0, puppet.id, MARGIN, sender=trader)
    chain.advance(1)
    return account


def test_cut__market_that_makes_sense__is_asked_for(
    rebalancer: Contract, account: int, puppet: Puppet, keeper: str
) -> None:
    """What the tests below spoil, one figure at a time."""
    rebalancer.rebalance(account, sender=keeper)
    (request,) = rebalancer.cut_requests(account)
    assert (request.slot, request.market, request.fraction) == (0, puppet.id, WAD // 2)


def test_cut__of_a_whole_book__is_asked_for(rebalancer: Contract, account: int, puppet: Puppet) -> None:
    """Nothing is left that could be short; what it costs must be there."""
    puppet.cut(maintenance=0, sigma_loss=0, exposure=0)
    assert len(rebalancer.preview(account).requests) == 1
    puppet.cut(maintenance=0, sigma_loss=0, exposure=0, equity=-WAD, cost=1_001 * WAD)
    assert rebalancer.preview(account).code == NO_REMEDY


@pytest.mark.parametrize(
    "answer",
    [b"", words(COST)[:31], words(COST, COST), words(WAD // 100 + 1), words(-1)],
    ids=["fails", "short", "long", "too dear", "absurd"],
)
def test_cut__cost_that_cannot_be_told__no_cut(
    rebalancer: Contract, account: int, puppet: Puppet, keeper: str, answer: bytes
) -> None:
    """REB-12, EXT-3: what is not a rate, or above the owner's slippage, closes nothing."""
    puppet.tell("engine_cost", answer=answer)
    plan = rebalancer.preview(account)
    assert (plan.code, plan.frozen, plan.requests) == (NO_REMEDY, 0, [])
    with pytest.raises(Reverted) as refusal:
        rebalancer.rebalance(account, sender=keeper)
    assert refusal.value.reason == "rebalancer: no remedy"


@pytest.mark.parametrize(
    "answer",
    [b"", words(*CUT.values())[:-1], words(*CUT.values(), 0)],
    ids=["fails", "short", "long"],
)
def test_cut__preview_of_another_length__no_cut(
    rebalancer: Contract, account: int, puppet: Puppet, answer: bytes
) -> None:
    puppet.tell("preview_reduce", answer=answer)
    plan = rebalancer.preview(account)
    assert (plan.code, plan.requests) == (NO_REMEDY, [])


@pytest.mark.parametrize(
    "lie",
    [
        {"maintenance": BOUND},
        {"equity": -BOUND},
        {"cost": BOUND},
        {"pool_short_initial": BOUND, "pool_short_maintenance": BOUND},
        {"equity": 996 * WAD},
        {"equity": 994 * WAD},
        {"exposure": 10_001 * WAD},
        {"maintenance": 801 * WAD},
        {"sigma_loss": 201 * WAD},
        {"equity": 949 * WAD, "cost": 51 * WAD},
        {"maintenance": 798 * WAD, "sigma_loss": 199 * WAD},
    ],
    ids=lambda lie: " ".join(lie),
)
def test_cut__that_is_no_relief__no_cut(
    rebalancer: Contract, account: int, puppet: Puppet, lie: dict[str, int]
) -> None:
    """REB-12: out of range, not what it costs, more risk than before, too dear by a dollar, or no safer."""
    puppet.cut(**lie)
    plan = rebalancer.preview(account)
    assert (plan.code, plan.frozen, plan.requests) == (NO_REMEDY, 0, [])


def test_cut__pool_cannot_carry_it__no_cut(
    protocol: Protocol, rebalancer: Contract, account: int, puppet: Puppet, owner: str
) -> None:
    """HLT-1: its cash must lift its book to maintenance at least; up to initial margin it pays what it has."""
    cash = protocol.vault.treasury(protocol.pool_account).cash
    puppet.cut(pool_short_initial=2 * cash, pool_short_maintenance=cash)
    assert len(rebalancer.preview(account).requests) == 1
    puppet.cut(pool_short_initial=2 * cash, pool_short_maintenance=cash + 1)
    assert rebalancer.preview(account).code == NO_REMEDY
    puppet.cut(pool_short_initial=WAD, pool_short_maintenance=WAD)
    drain_pool(protocol, owner)
    assert rebalancer.preview(account).code == NO_REMEDY


@pytest.mark.parametrize(
    "answer",
    [words(*RISK.values())[:-1], words(*RISK.values(), 0)]
    + [words(*{**RISK, key: BOUND}.values()) for key in RISK]
    + [words(*{**RISK, "equity": -BOUND}.values())],
    ids=["short", "long", *RISK, "negative"],
)
def test_plan__risk_of_no_book__is_frozen(rebalancer: Contract, account: int, puppet: Puppet, answer: bytes) -> None:
    """REB-15: a word too few or too many, or any figure out of range."""
    puppet.tell("book_risk", answer=answer)
    plan = rebalancer.preview(account)
    assert (plan.frozen, plan.triggers, plan.requests) == (1, 0, [])


def test_plan__oracle_that_says_nothing__frozen_book_asks_for_no_poke(
    protocol: Protocol,
    account: int,
    puppet: Puppet,
    default: dict[str, Any],
    owner: str,
    trader: str,
    stranger: str,
) -> None:
    """EXT-3: an answer of no length at all is no number of pending rounds; the rest of the account is planned for."""
    planner = protocol.planner
    houses = protocol.pool.address, planner.COLLATERAL_MODEL(), planner.CUT_PLANNER()
    deaf = protocol.chain.deploy("Planner", protocol.vault.address, stranger, *houses, sender=owner)
    engine = protocol.chain.deploy(
        "Rebalancer", protocol.vault.address, protocol.oracle.address, deaf.address, 1, sender=owner
    )
    engine.set_policy(account, default, sender=trader)
    puppet.tell("book_risk", answer=b"")
    plan = engine.preview(account)
    assert (plan.frozen, plan.code, plan.requests) == (1, HEALTHY, [])


def test_within_risk_share__frozen_book__share_does_not_count(
    rebalancer: Contract, account: int, puppet: Puppet, default: dict[str, Any], trader: str
) -> None:
    """REB-15: of an account that cannot be valued nobody knows what too much is; nothing may leave that book."""
    rebalancer.set_policy(account, {**default, "max_risk_share": 1}, sender=trader)
    puppet.risk(withdrawable=WAD)
    assert not rebalancer.within_risk_share(account, 1 << puppet.id)
    puppet.tell("book_risk", answer=b"")
    assert rebalancer.within_risk_share(account, 1 << puppet.id)
    with pytest.raises(Reverted) as refusal:
        rebalancer.transfer_margin(account, puppet.id, 0, 1, sender=trader)
    assert refusal.value.reason == "rebalancer: not withdrawable"


def test_plan__risk_at_the_edge_of_the_range__counts(rebalancer: Contract, account: int, puppet: Puppet) -> None:
    puppet.risk(equity=BOUND - 1, maintenance=BOUND - 1)
    assert rebalancer.preview(account).frozen == 0


def test_cut__market_without_a_feed__waits_for_a_round_that_never_comes(
    rebalancer: Contract, account: int, puppet: Puppet, keeper: str, chain: Any
) -> None:
    """X-ORC-10: without the price of its round a cut is not filled, whatever the market says."""
    rebalancer.rebalance(account, sender=keeper)
    puppet.risk(round=2)
    chain.advance(60)
    plan = rebalancer.preview(account)
    assert (plan.code, plan.cuts, len(plan.requests)) == (WAITING, [], 1)


def test_rebalance__donor_worth_more_than_the_vault_holds_for_it__gives_what_there_is(
    rebalancer: Contract,
    vault: Contract,
    puppet: Puppet,
    build: Callable[..., int],
    guard: Callable[..., None],
    drain: Callable[..., None],
    publish: Callable[..., int],
    trader: str,
) -> None:
    """SOL-1: profit that nobody has paid in yet cannot leave, whatever the book says it is worth."""
    account = build(cash=1_000, BTC=(60_000, 14_000))
    guard(account)
    rebalancer.transfer_margin(account, 0, puppet.id, MARGIN, sender=trader)
    puppet.risk(equity=20_000 * WAD, donor_floor=0)
    drain(account)
    publish("BTC", 50_500 * WAD, after=30)
    plan = rebalancer.preview(account)
    assert vault.market(puppet.id)[1] == MARGIN
    taken = {transfer.slot: -transfer.amount for transfer in plan.transfers}[1]
    assert MARGIN - 1_000 < taken <= MARGIN, "all but what the level rounds down"


def test_cut__book_without_legs_below_nothing__is_none_of_its_business(
    rebalancer: Contract,
    puppet: Puppet,
    build: Callable[..., int],
    guard: Callable[..., None],
    drain: Callable[..., None],
    publish: Callable[..., int],
    trader: str,
) -> None:
    """What has no risk cannot be cut; the other book is filled as if it were alone."""
    account = build(cash=6_000, BTC=(60_000, 14_000))
    guard(account)
    rebalancer.transfer_margin(account, 0, puppet.id, MARGIN, sender=trader)
    drain(account, leave=4_500)
    puppet.risk(equity=0, sigma_loss=0, gates=ALL_GATES)
    publish("BTC", 50_500 * WAD, after=30)
    plan = rebalancer.preview(account)
    assert (plan.code, plan.requests) == (0, [])
    assert [transfer.slot for transfer in plan.transfers] == [0]
