"""Maintenance parameters move over a day: no decision of the owner liquidates a book that was healthy before it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ballast.model.market import RAMP, MarketConfig
from tests.market_bench import CONFIG, WAD, MarketBench, plain
from tests.unit.market.conftest import LONG, SHORT

TIGHT = replace(
    CONFIG,
    range_multiplier=2 * WAD,
    range_min=WAD * 10 // 100,
    range_max=WAD * 50 // 100,
    close_rate=WAD * 25 // 1_000,
)
PPM = 10**12


def set_config(bench: MarketBench, config: MarketConfig) -> int:
    """Set it on both sides; when."""
    bench.set_config(config)
    return bench.now


def at(bench: MarketBench, time: int) -> None:
    """Go to that second, with a price of that second."""
    bench.chain.advance(time - bench.now)
    bench.quote()


def test_set_config__first_parameters__bind_at_once(bench: MarketBench) -> None:
    assert plain(bench.market.risk_params()) == plain(bench.market.config())[:5]
    assert bench.market.ramp_end() == 0


def test_set_config__tighter_maintenance__liquidates_nobody_at_once(market: MarketBench) -> None:
    """ORC-10: in the transaction itself nothing moves, an hour later a twenty-fourth."""
    before = plain(market.market.risk_params())
    maintenance = market.market.book_risk(LONG).maintenance
    start = set_config(market, TIGHT)
    assert plain(market.market.config()) == plain(TIGHT)
    assert market.market.ramp_end() == start + RAMP
    assert plain(market.market.risk_params()) == before
    assert market.market.book_risk(LONG).maintenance == maintenance

    at(market, start + 3_600)
    half_way = market.market.risk_params()
    assert half_way.range_multiplier == WAD + WAD // 24 // PPM * PPM
    assert half_way.close_rate == CONFIG.close_rate + 2 * WAD // 100 // 24 // PPM * PPM
    assert market.market.book_risk(LONG).maintenance > maintenance
    market.assert_same_state(LONG, SHORT)


@pytest.mark.parametrize("config", [TIGHT, replace(CONFIG, range_min=WAD // 100, close_rate=0)])
def test_risk_params__along_a_ramp__go_straight_and_arrive(market: MarketBench, config: MarketConfig) -> None:
    """ORC-10: up and down alike; at the end exactly what was set, and no further."""
    start = set_config(market, config)
    seen = [market.market.risk_params()]
    for share in (0.25, 0.5, 0.75, 1, 2):
        at(market, start + int(RAMP * share))
        seen.append(market.market.risk_params())
        market.assert_same_state(LONG, SHORT)
    for field in ("range_multiplier", "range_min", "range_max", "close_rate"):
        first, target = getattr(CONFIG, field), getattr(config, field)
        path = [getattr(params, field) for params in seen]
        assert path[0] == first and path[4] == path[5] == target
        assert all(abs(first + (target - first) * i // 4 - path[i]) <= PPM for i in range(5))
        assert path == sorted(path, reverse=target < first)


def test_set_config__initial_ratio__binds_at_once(market: MarketBench) -> None:
    """Initial margin opens and withdraws, it liquidates nobody: no ramp."""
    maintenance, initial = (getattr(market.market.book_risk(LONG), field) for field in ("maintenance", "initial"))
    set_config(market, replace(CONFIG, initial_ratio=3 * WAD))
    assert market.market.book_risk(LONG).maintenance == maintenance
    assert market.market.book_risk(LONG).initial > initial
    assert market.market.ramp_end() == 0


def test_set_config__other_parameters_during_a_ramp__leave_it_alone(market: MarketBench) -> None:
    """Else a change of a cap would put the end off."""
    start = set_config(market, TIGHT)
    at(market, start + RAMP // 2)
    before = plain(market.market.risk_params())
    set_config(market, replace(TIGHT, open_interest_cap=20_000 * WAD, max_funding_rate=0))
    assert plain(market.market.risk_params()) == before
    assert market.market.ramp_end() == start + RAMP
    market.assert_same_state(LONG, SHORT)


def test_set_config__new_target_during_a_ramp__starts_from_where_it_is(market: MarketBench) -> None:
    """ORC-10: no step, whatever the order of the owner's decisions; also where the way back is the new one."""
    start = set_config(market, TIGHT)
    at(market, start + RAMP // 2)
    half_way = market.market.risk_params()
    turned = set_config(market, CONFIG)
    assert plain(market.market.risk_params())[:3] == plain(half_way)[:3]
    assert market.market.ramp_end() == turned + RAMP
    at(market, turned + RAMP)
    assert plain(market.market.risk_params()) == plain(CONFIG)[:5]
    market.assert_same_state(LONG, SHORT)


def test_set_config__again_and_again__is_not_hurried(market: MarketBench) -> None:
    """Rounding toward the start: a day of new ramps each second is no faster than one ramp."""
    other = replace(TIGHT, range_max=TIGHT.range_max + PPM)
    start = set_config(market, TIGHT)
    for i in range(20):
        at(market, market.now + 1)
        set_config(market, (other, TIGHT)[i % 2])
    elapsed = market.now - start
    params = market.market.risk_params()
    assert params.close_rate - CONFIG.close_rate <= (TIGHT.close_rate - CONFIG.close_rate) * elapsed // RAMP
    market.assert_same_state(LONG, SHORT)


def test_accrue__after_a_ramps_end__is_as_cheap_as_before(market: MarketBench) -> None:
    """The flag in the valuation's word goes with the first store of funding after the end, not a second before."""
    plainly = _gas(market)
    start = set_config(market, TIGHT)
    ramping = _gas(market)
    assert ramping > plainly + 300
    at(market, start + RAMP - 1)
    assert _gas(market) == pytest.approx(ramping, abs=100)
    at(market, start + RAMP)
    market.trade(LONG, WAD)
    assert _gas(market) == pytest.approx(plainly, abs=100)
    assert plain(market.market.risk_params()) == plain(TIGHT)[:5]
    assert market.market.ramp_end() == start + RAMP


def test_accrue__after_a_ramps_end__keeps_what_was_set(market: MarketBench) -> None:
    start = set_config(market, TIGHT)
    at(market, start + 3 * RAMP)
    risk = plain(market.market.book_risk(LONG))
    market.same(lambda: market.market.accrue(sender=market.stranger), lambda: market.model.accrue(market.now))
    assert plain(market.market.book_risk(LONG)) == risk
    assert plain(market.market.config()) == plain(TIGHT)
    market.assert_same_state(LONG, SHORT)


def test_set_state__during_a_ramp__leaves_it_alone(market: MarketBench) -> None:
    start = set_config(market, TIGHT)
    at(market, start + 1_000)
    before = plain(market.market.risk_params())
    market.set_state(1)
    assert plain(market.market.risk_params()) == before
    at(market, start + RAMP)
    assert plain(market.market.risk_params()) == plain(TIGHT)[:5]


def test_risk_params__anywhere_on_any_ramp__keep_their_order(market: MarketBench) -> None:
    """HLT-3: range_min ≤ range_max and im ≥ mm hold between two parameters that are set, too."""
    narrow = replace(CONFIG, range_min=WAD * 25 // 100, range_max=WAD * 25 // 100)
    for config in (narrow, TIGHT, replace(CONFIG, range_min=WAD // 200, range_max=WAD // 200), narrow):
        start = set_config(market, config)
        for step in (1, 7, 12_345, 50_000):
            at(market, start + step)
            params, risk = market.market.risk_params(), market.market.book_risk(LONG)
            assert params.range_min <= params.range_max
            assert risk.initial > risk.maintenance
            market.assert_same_state(LONG)


def _gas(market: MarketBench) -> int:
    """What a transaction that values a book and stores funding takes."""
    return int(market.reduce(LONG, 1).gas_used)
