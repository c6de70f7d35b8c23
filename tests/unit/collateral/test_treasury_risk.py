"""The treasury as a book: E0, mm0, im0 and b0 of the specification."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ballast.chain import Contract

from .conftest import BTC, ETH, WAD

PERCENT = WAD // 100
VALUE = (30_000 + 600_000 + 20_000) * WAD
SQRT_HORIZON = 10_684_346_079_267_206


@pytest.mark.parametrize("cash", [0, 1, 10**6 * WAD])
def test_treasury_risk__no_debt__needs_nothing(model: Contract, cash: int) -> None:
    assert tuple(model.treasury_risk(1, cash)) == (VALUE + cash, 0, 0, 0, True, model.credit(1)[0])


def test_treasury_risk__debt__haircuts_and_volatility(model: Contract) -> None:
    risk = model.treasury_risk(1, -100_000 * WAD)
    assert risk.equity == VALUE - 100_000 * WAD
    assert risk.maintenance == (30_000 * 15 + 600_000 * 20 + 20_000 * 50) * PERCENT
    assert risk.initial == (30_000 * 20 + 600_000 * 25 + 20_000 * 100) * PERCENT
    assert risk.sigma_loss == VALUE * ((WAD // 2 * SQRT_HORIZON + WAD - 1) // WAD) // WAD
    assert risk.complete
    assert risk.credit == (30_000 * 80 + 600_000 * 75) * PERCENT
    assert risk.initial > risk.maintenance


def test_treasury_risk__initial__is_cash_and_credit_short_of_nothing(model: Contract, say: Callable[..., None]) -> None:
    """E0 ≥ im0 exactly where debt ≤ credit: one rule under two names, at pumped prices too."""
    for price, average in ((3_000, 3_000), (3_333, 3_001), (2_999, 3_500)):
        say(ETH, price, average=average)
        credit = model.credit(1)[0]
        for debt, covered in ((credit, True), (credit + 1, False)):
            risk = model.treasury_risk(1, -debt)
            assert (risk.equity >= risk.initial) == covered


def test_treasury_risk__pumped_price__raises_initial(model: Contract, say: Callable[..., None]) -> None:
    """HLT-9: twice the price at the same average: equity doubles, what may be drawn on does not."""
    before = model.treasury_risk(1, -WAD)
    say(ETH, 6_000, average=3_000)
    after = model.treasury_risk(1, -WAD)
    assert after.equity - before.equity == 30_000 * WAD
    assert after.initial - before.initial == 30_000 * WAD
    assert after.maintenance - before.maintenance == 30_000 * WAD * 15 // 100


def test_treasury_risk__dead_feed__counts_nothing_and_says_so(model: Contract, say: Callable[..., None]) -> None:
    """HLT-4: who takes collateral out in debt does so without that token; who liquidates sees that it is missing."""
    say(BTC)
    risk = model.treasury_risk(1, -1_000 * WAD)
    assert (risk.equity, risk.complete) == (49_000 * WAD, False)
    assert risk.maintenance == (30_000 * 15 + 20_000 * 50) * PERCENT


def test_treasury_risk__lowered_threshold__maintenance_rises_with_the_ramp(model: Contract, owner: str) -> None:
    """ORC-10: by a little each second, as the threshold falls."""
    before = model.treasury_risk(1, -WAD).maintenance
    model.set_config(1, (BTC, 50 * PERCENT, 60 * PERCENT), sender=owner)
    assert model.treasury_risk(1, -WAD).maintenance == before
    model.chain.advance(43_200)
    assert model.treasury_risk(1, -WAD).maintenance == before + 60_000 * WAD
    model.chain.advance(86_400)
    assert model.treasury_risk(1, -WAD).maintenance == before + 120_000 * WAD


def test_treasury_risk__token_without_haircut__is_no_collateral(
    bare_model: Contract, say: Callable[..., None], owner: str
) -> None:
    say(ETH, 3_000)
    bare_model.set_config(0, (ETH, 80 * PERCENT, 85 * PERCENT), sender=owner)
    assert tuple(bare_model.treasury_risk(1, 5)) == (30_000 * WAD + 5, 0, 0, 0, True, 24_000 * WAD)
    assert bare_model.credit(1) == (24_000 * WAD, True)


def test_unpriced__token_without_haircut__is_not_missing(
    bare_model: Contract, oracle: Contract, say: Callable[..., None], owner: str
) -> None:
    """What never counted as collateral needs no price; nobody waits for one."""
    say(ETH, 3_000)
    bare_model.set_config(0, (ETH, 80 * PERCENT, 85 * PERCENT), sender=owner)
    assert bare_model.unpriced(1) == (0, 2**256 - 1)
    say(ETH)
    oracle.set_silent_for(ETH, 7_200, 2_900 * WAD, sender=owner)
    assert bare_model.unpriced(1) == (29_000 * WAD, 7_200)


@pytest.mark.parametrize(
    ("volatility", "rate"), [(0, 10**14), (WAD // 100, 106843460792672), (10**4 * WAD, 95 * PERCENT)]
)
def test_treasury_risk__sigma_loss__clamped_as_of_a_book(
    model: Contract, say: Callable[..., None], volatility: int, rate: int
) -> None:
    for feed_id, price in ((ETH, 3_000), (BTC, 60_000), (130, 2_000)):
        say(feed_id, price, volatility=volatility)
    found = model.treasury_risk(1, -1).sigma_loss
    assert abs(found - VALUE * rate // WAD) <= VALUE // WAD + 3
