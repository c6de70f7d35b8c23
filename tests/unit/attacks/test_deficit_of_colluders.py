"""Two accounts of one attacker win and lose on a pumped price, and have the loser's deficit borne by others."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial

import pytest

from ballast.chain import Reverted
from ballast.params import WAD
from tests.support import deposit_to
from tests.unit.attacks.conftest import ANY_PRICE, START
from tests.unit.attacks.test_colluding_pump import Attacker

FUND = 100_000 * WAD


@pytest.fixture
def attacker(protocol, open_account, open_book, set_policy, publish, trader, owner) -> Attacker:
    deposit_to(protocol, protocol.insurance_fund.ACCOUNT(), owner, FUND, owner)
    return Attacker(protocol, open_account, open_book, set_policy, publish, trader)


def _default(attacker: Attacker) -> None:
    """Whatever is below zero is made known and realised, by the attacker himself."""
    deficits = attacker.protocol.deficits
    for account in attacker.accounts:
        with suppress(Reverted):
            deficits.note(account, attacker.link, sender=attacker.trader)
        with suppress(Reverted):
            deficits.realise_deficit(account, attacker.link, [], sender=attacker.trader)


def _close_here(attacker: Attacker, price: float, account: int) -> None:
    """Close the pumped book at the pumped price, and take what comes free."""
    size = attacker.protocol.markets["LINK"].book(account).size
    leg = attacker.link, -size, ANY_PRICE if size < 0 else 0, 0
    with suppress(Reverted):
        exchange = attacker.protocol.exchange
        order = exchange.commit(account, [leg], True, sender=attacker.trader).event("OrderCommitted").order
        attacker.step(price, 60)
        exchange.execute(order, [attacker.protocol.latest_round("LINK")], sender=attacker.trader)
    attacker.straight(account)


def _run(attacker: Attacker, heights: list[float], take: Callable[[int], None], default: bool = True) -> int:
    """The price goes through the heights in steps of five minutes, then stands where it was for two days; what came out
    of the vault beyond what was put in [wad]."""
    for height in heights:
        attacker.step(START["LINK"] * (1 + height), 300)
        if default:
            _default(attacker)
        for account in attacker.accounts:
            take(account)
        attacker.carry_out()
    for hour in range(48):
        attacker.step(START["LINK"], 1_800)
        if hour % 6 == 1:
            if default:
                _default(attacker)
            for account in attacker.accounts:
                attacker.close(account)
                attacker.straight(account)
            attacker.carry_out()
    attacker.carry_out(keep=0)
    return attacker.gain()


@pytest.mark.parametrize("height", [1.0, 0.4, -0.5])
def test_colluders__one_round_that_nothing_confirms__insurance_pays_nothing(attacker, protocol, height) -> None:
    """X-ECO-02, X-LIQ-09: a jump is not believed for ten minutes: the loser keeps his book, and gets it back."""
    assert _run(attacker, [height, height], attacker.straight) <= 0
    assert protocol.vault.treasury(protocol.insurance_fund.ACCOUNT()).cash >= FUND


@pytest.mark.parametrize("minutes", [20, 55])
@pytest.mark.parametrize("height", [1.0, 0.4])
def test_colluders__price_held_up__gain_nothing_and_no_other_market_pays(attacker, protocol, height, minutes) -> None:
    """X-ECO-02, BDT-4: insurance pays of the loser's deficit what the market may draw, the winner bears the rest, and
    what he has left he cannot carry out before the price is back."""
    others = [int(protocol.vault.market(market)[1]) for market in (1, 3)]
    assert _run(attacker, [height] * (minutes // 5), attacker.straight) <= 0
    paid = FUND - protocol.vault.treasury(protocol.insurance_fund.ACCOUNT()).cash
    assert 0 < paid < FUND * 3 // 4, "half of it in a day"
    assert [int(protocol.vault.market(market)[1]) for market in (1, 3)] == others


@pytest.mark.parametrize("minutes", [20, 55])
@pytest.mark.parametrize("height", [1.0, 0.4])
def test_colluders__winner_closes_at_the_pumped_price__the_default_adds_only_what_insurance_pays(
    attacker, protocol, height, minutes
) -> None:
    """X-ECO-02, BDT-4: who closes at a false price has settled at it, bounded by inventory and meters; that the other
    account then defaults brings no more than the insurance's cap."""
    way = partial(_close_here, attacker, START["LINK"] * (1 + height))
    heights = [height] * (minutes // 5)
    snapshot = protocol.chain.snapshot()
    alone = _run(attacker, heights, way, default=False)
    protocol.chain.revert(snapshot)
    drawable = protocol.insurance_fund.drawable(attacker.link)
    assert _run(attacker, heights, way) <= alone + drawable


def test_colluders__pumped_step_by_step__gain_nothing(attacker) -> None:
    """X-ECO-02: steps below the size of a jump are believed at once, and still bring nothing."""
    assert _run(attacker, [0.02 * n for n in range(1, 12)], attacker.straight) <= 0
