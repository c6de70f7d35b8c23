from __future__ import annotations

from dataclasses import asdict, replace
from itertools import product
from typing import Any

import pytest

from ballast.chain import Reverted
from ballast.model.errors import Rejected
from ballast.model.market import RAMP, MarketConfig
from tests.market_bench import CONFIG, WAD, MarketBench, plain
from tests.unit.market.conftest import LONG

EXTREME_SCALE = 2**56 * 10**15 - 10**15  # [wad units]


def test_constructor__wiring__is_readable(bench: MarketBench) -> None:
    market = bench.market
    assert (market.ID(), market.POOL_ACCOUNT()) == (1, bench.pool_account)
    assert (market.VAULT(), market.ORACLE(), market.POOL()) == (
        bench.vault.address,
        bench.vault.address,
        bench.pool.address,
    )
    assert market.owner() == bench.owner
    assert (market.state(), market.skew(), market.open_interest()) == (0, 0, 0)
    assert market.config()._asdict() == asdict(CONFIG)
    assert bench.market.deployment.event("ConfigSet").config._asdict() == asdict(CONFIG)


def test_set_config__new_parameters__bind_from_now_on(market: MarketBench) -> None:
    """ACC-4: Setters accrue first: the past is paid under the old funding rate."""
    market.chain.advance(86_400)
    market.quote()
    cumulative, rate = market.market.funding()
    config = replace(CONFIG, max_funding_rate=CONFIG.max_funding_rate * 2, initial_ratio=2 * WAD)
    initial = market.market.book_risk(LONG).initial

    receipt = market.market.set_config(config, sender=market.owner)

    assert receipt.event("ConfigSet").config._asdict() == asdict(config)
    assert market.market.config()._asdict() == asdict(config)
    assert receipt.event("FundingAccrued").funding == cumulative
    assert market.market.funding() == (cumulative, 2 * rate)
    assert market.market.book_risk(LONG).initial > initial
    assert market.market.open_interest() == 10 * WAD


@pytest.mark.parametrize(
    "field",
    [
        {"range_multiplier": WAD // 10 - 10**12},
        {"range_multiplier": 10 * WAD + 10**12},
        {"range_min": WAD // 200 - 10**12},
        {"range_min": WAD * 26 // 100},
        {"range_max": WAD // 100},
        {"range_max": WAD * 91 // 100},
        {"initial_ratio": WAD * 104 // 100},
        {"initial_ratio": 5 * WAD + 10**12},
        {"close_rate": WAD * 6 // 100},
        {"close_rate": 1},
        {"max_funding_rate": WAD // 100 + 10**12},
        {"skew_scale": 0},
        {"skew_scale": 2**56 * 10**15},
        {"open_interest_cap": 2**95 - 2**95 % 10**15 + 10**15},
        {"open_interest_cap": 1},
    ],
)
def test_set_config__out_of_bounds__reverts(bench: MarketBench, field: dict[str, Any]) -> None:
    """ORC-10, HLT-3: no parameters exist under which initial margin meets maintenance; none is silently rounded."""
    config = replace(CONFIG, **field)
    with pytest.raises(Reverted, match="market: parameter out of bounds"):
        bench.market.set_config(config, sender=bench.owner)
    with pytest.raises(Rejected, match="market: parameter out of bounds"):
        config.check()
    assert bench.market.config()._asdict() == asdict(CONFIG)


def test_set_config__every_corner_of_the_bounds__leaves_a_market_that_works(market: MarketBench) -> None:
    """GOV-2, HLT-3: the smallest and the largest of everything, one after the other, each after its ramp."""
    for multiplier, (low, high), ratio, close, funding, scale in product(
        (WAD // 10, 10 * WAD),
        ((WAD // 200, WAD // 200), (WAD // 200, WAD * 9 // 10), (WAD * 9 // 10, WAD * 9 // 10)),
        (WAD * 105 // 100, 5 * WAD),
        (0, WAD // 20),
        (0, WAD // 100),
        (10**15, EXTREME_SCALE),
    ):
        market.set_config(MarketConfig(multiplier, low, high, ratio, close, funding, scale, CONFIG.open_interest_cap))
        market.chain.advance(RAMP)
        market.quote()
        risk = market.market.book_risk(LONG)
        assert 0 < risk.maintenance < risk.initial
        assert risk.maintenance <= risk.exposure * 95 // 100
        market.trade(LONG, WAD)
        market.trade(LONG, -WAD)
        market.reduce(LONG, WAD // 1_000)
    market.assert_same_state(LONG)


def test_set_config__not_the_owner__reverts(bench: MarketBench) -> None:
    with pytest.raises(Reverted, match="ownable: caller is not the owner"):
        bench.market.set_config(CONFIG, sender=bench.stranger)


def test_set_state__each__is_read_back_and_keeps_parameters(market: MarketBench) -> None:
    book = plain(market.market.book(LONG))
    for state in (2, 1, 0):
        receipt = market.market.set_state(state, sender=market.owner)
        assert receipt.event("StateSet").state == market.market.state() == state
        assert market.market.config()._asdict() == asdict(CONFIG)
    market.market.set_state(1, sender=market.owner)
    market.market.set_config(CONFIG, sender=market.owner)
    assert market.market.state() == 1
    assert plain(market.market.book(LONG)) == book


def test_set_state__unknown__reverts(bench: MarketBench) -> None:
    with pytest.raises(Reverted, match="market: unknown state"):
        bench.market.set_state(3, sender=bench.owner)


def test_set_state__neither_owner_nor_guardian__reverts(bench: MarketBench) -> None:
    for sender in (bench.stranger, bench.exchange, bench.rebalancer):
        with pytest.raises(Reverted, match="access: not the guardian"):
            bench.market.set_state(1, sender=sender)


@pytest.mark.parametrize(("present", "wanted"), [(0, 1), (0, 2), (1, 2)])
def test_set_state__guardian_tightens__at_once(market: MarketBench, present: int, wanted: int) -> None:
    """GOV-4: tightening waits for nobody."""
    market.set_state(present)
    receipt = market.set_state(wanted, guardian=True)
    assert receipt.event("StateSet").state == market.market.state() == wanted


@pytest.mark.parametrize(("present", "wanted"), [(0, 0), (1, 1), (2, 2), (1, 0), (2, 0), (2, 1)])
def test_set_state__guardian_loosens_or_repeats__reverts(market: MarketBench, present: int, wanted: int) -> None:
    """GOV-1: the way back is the owner's, and the owner is a timelock."""
    market.set_state(present)
    with pytest.raises(Reverted, match="access: guardian only tightens"):
        market.set_state(wanted, guardian=True)
    assert market.market.state() == present
    market.set_state(wanted)


def test_set_state__guardian_beyond_the_tightest__reverts(bench: MarketBench) -> None:
    with pytest.raises(Reverted, match="market: unknown state"):
        bench.set_state(3, guardian=True)


def test_set_state__no_guardian__reverts(bench: MarketBench) -> None:
    """Nobody can be the zero address."""
    bench.vault.set_guardian("0x" + "00" * 20, sender=bench.owner)
    with pytest.raises(Reverted, match="access: not the guardian"):
        bench.market.set_state(1, sender=bench.guardian)
