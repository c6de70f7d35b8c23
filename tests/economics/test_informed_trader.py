"""Who sees the true price ten seconds before the feed takes nothing from the pool, whatever his policy."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pytest

from ballast.history.bars import MINUTE
from tests.economics.__main__ import FIGURES, FOLDER
from tests.economics.at_once import Taker, takers, trips
from tests.economics.paths import LATENCY, bridge, generated_day, price_files, publish, real_day
from tests.economics.study import SEEDS, best, tapes
from tests.economics.tape import Charge, Tape
from tests.economics.trader import Exit, strategies

DAYS = "2020-03_covid_ETH", "2021-05_china_ETH"
FEW = 6  # seeds of a real day
QUICK = 4  # every so many of the strategies; `make economics` tries them all


@pytest.fixture(scope="module")
def generated() -> Sequence[Tape]:
    return tapes(generated_day())


@pytest.mark.parametrize("seed", range(3))
def test_bridge__any_seed__runs_through_every_bar(seed: int) -> None:
    bars = generated_day()[:600]
    minutes = bridge(bars, seed).reshape(-1, MINUTE)
    for bar, minute in zip(bars, minutes, strict=True):
        assert minute[0] == pytest.approx(bar.open)
        assert (minute.max(), minute.min()) == (pytest.approx(bar.high), pytest.approx(bar.low))


@pytest.mark.parametrize("latency", [LATENCY, 30])
def test_publish__any_path__says_what_was_true_when_it_was_seen(latency: int) -> None:
    truth = bridge(generated_day(), 0)
    rounds = publish(truth, latency)
    assert all(round_.price == truth[max(0, round_.time - latency)] for round_ in rounds)
    steps = np.diff([round_.price for round_ in rounds]) / [round_.price for round_ in rounds[:-1]]
    gaps = np.diff([round_.time for round_ in rounds])
    assert (np.abs(steps) >= 0.005)[gaps < 3_600].all()


@pytest.mark.parametrize("way", [Exit.ORDER, Exit.CUT_ASKED])
def test_trader__generated_day_of_20_seeds__takes_nothing(generated: Sequence[Tape], way: Exit) -> None:
    """X-ORC-10: with orders and with cuts of his own books, the best of the strategies loses."""
    tried = [strategy for strategy in strategies() if strategy.exit is way]
    found = best(generated, tried[::QUICK])
    assert found is not None and len(found.gains) == SEEDS
    assert found.mean <= 0, found


def test_trader__cuts_at_once__would_take_what_no_spread_covers(generated: Sequence[Tape]) -> None:
    """Why a cut takes two calls: filled at the last round, at today's spread, it pays whoever knows the next."""
    tried = [strategy for strategy in strategies() if strategy.exit is Exit.CUT_AT_ONCE]
    found = best(generated, tried)
    assert found is not None and min(found.gains) > 500


def test_taker__edges_by_hand__waits_for_his_thresholds_and_turns_within_a_second() -> None:
    bought = np.array([-0.01, 0.02, -0.01, -0.03, -0.01, 0.04, -0.01])
    sold = np.array([-0.01, -0.04, -0.01, 0.01, -0.01, -0.06, -0.01])
    assert list(trips(Taker(Charge.AGE, 0.0, 0.0), bought, sold)) == pytest.approx([0.02 + 0.01, 0.01 + 0.04])
    assert list(trips(Taker(Charge.AGE, 0.015, 0.0), bought, sold)) == pytest.approx([0.02 + 0.01])
    early = Taker(Charge.AGE, 0.0, -0.02)
    assert list(trips(early, bought, sold)) == pytest.approx([0.02 - 0.01, 0.01 - 0.01, 0.04 - 0.01])
    assert list(trips(Taker(Charge.AGE, 0.05, 0.0), bought, sold)) == []


def test_edges__any_second__is_the_gap_less_what_the_integer_model_asks(generated: Sequence[Tape]) -> None:
    tape = generated[0]
    second = int(np.abs(tape.gap).argmax())
    round_ = int(tape.latest[second])
    rate = tape.engine_rate(round_, second - int(tape.times[round_]))
    for charge, costs in (
        (Charge.AGE, (rate, rate)),
        (Charge.BASE, [tape.order_cost(round_, side) for side in (1, -1)]),
    ):
        edges = [edge[second] for edge in tape.edges(charge)]
        assert edges == pytest.approx([tape.gap[second] - costs[0], -tape.gap[second] - costs[1]])


def test_at_once__generated_day__a_spread_for_age_leaves_him_less_and_two_steps_nothing(
    generated: Sequence[Tape],
) -> None:
    """With no remedy he takes most; the spread for age takes some of it in every seed, orders in two steps all."""
    played = generated[: FEW // 2]
    held, free = (best(played, takers(charge)[::QUICK]) for charge in (Charge.AGE, Charge.BASE))
    orders = best(played, [strategy for strategy in strategies() if strategy.exit is Exit.ORDER][::QUICK])
    assert held is not None and free is not None and orders is not None
    assert orders.mean <= 0 < min(held.gains)
    assert all(less < more for less, more in zip(held.gains, free.gains, strict=True))


@pytest.mark.parametrize("day", DAYS)
def test_trader__real_day__takes_nothing(day: str) -> None:
    """X-ORC-10: the strategies that came nearest in `make economics`."""
    if day not in price_files(FOLDER):
        pytest.skip(f"no {day}.csv in {FOLDER}")
    nearest = {way["strategy"] for way in json.loads(FIGURES.read_text())["days"][day]["after"].values()}
    tried = [strategy for strategy in strategies() if strategy.label in nearest]
    found = best(tapes(real_day(price_files(FOLDER)[day]), FEW), tried)
    assert found is None or found.mean <= 0, found


def test_figures__every_day__the_best_strategy_of_each_way_loses() -> None:
    """X-ORC-10: what `make economics` wrote down, real days included."""
    days = json.loads(FIGURES.read_text())["days"]
    assert "generated" in days
    for name, day in days.items():
        for way in day["after"].values():
            assert way["mean"] <= 0, (name, way)


def test_figures__every_day__two_steps_pay_him_less_than_fills_at_once() -> None:
    days = json.loads(FIGURES.read_text())["days"]
    for name, day in days.items():
        free, held = day["at once"][Charge.BASE]["mean"], day["at once"][Charge.AGE]["mean"]
        assert day["after"][Exit.ORDER]["mean"] <= 0 <= held < free, name


def test_figures__lead_of_the_feed__brings_what_the_day_does() -> None:
    report = json.loads(FIGURES.read_text())
    assert "generated" in report["ahead"]
    for name, leads in report["ahead"].items():
        day = report["days"][name]
        assert leads[str(LATENCY)] == {Exit.ORDER: day["after"][Exit.ORDER], **day["at once"]}


def test_figures__feed_on_time__the_spread_for_age_leaves_him_little_and_less_than_a_late_one() -> None:
    for name, leads in json.loads(FIGURES.read_text())["ahead"].items():
        held = [leads[lead][Charge.AGE]["mean"] for lead in ("0", "2", "5", str(LATENCY))]
        assert held[0] < leads["0"][Charge.BASE]["mean"] / 50, name
        assert held == sorted(held), name
        assert all(leads[lead][Exit.ORDER]["mean"] <= 0 for lead in ("0", "2", "5", str(LATENCY))), name
