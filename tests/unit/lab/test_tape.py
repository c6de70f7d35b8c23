"""What markets say at every moment is what the integer model says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ballast.history.feed import Round
from ballast.lab.tape import Tape
from ballast.model import risk
from ballast.model.market import MarketConfig, gates_of
from ballast.model.oracle import Feed, FeedConfig
from ballast.model.pool import LiquidityPool, QuoteConfig
from ballast.params import WAD
from tests.unit.lab import scene
from tests.unit.lab.scene import PARAMS, START

NOTHING = np.zeros(1)


def _feed(prices: list[float]) -> Feed:
    """The integer oracle after the rounds of `scene.recording`."""
    feed = Feed(FeedConfig(**PARAMS.markets["BTC"].feed.model_dump(include=set(FeedConfig.__dataclass_fields__))))
    for round_ in scene.recording({"BTC": prices}).rounds["BTC"]:
        feed.publish(round_.answer, round_.time)
        if feed.state is None:
            feed.set_feed(round_.time)
        else:
            feed.consume(round_.time)
    return feed


@pytest.mark.parametrize("prices", [[100.0], [100.0, 101.0], [100.0, 97.0, 99.0, 80.0], [5e-4, 5.5e-4]])
def test_marks__any_round__are_the_integer_models(prices: list[float]) -> None:
    tape, now = scene.tape({"BTC": prices}), START + (len(prices) - 1) * 60 + 5
    marks = tape.marks(len(prices) - 1, now, NOTHING)

    market, quote = PARAMS.markets["BTC"], _feed(prices).quote(now)
    gates = gates_of(0, quote.guarded, quote.unconfirmed)
    exact = risk.mark_of(MarketConfig(**market.risk.model_dump()), quote, 0, gates)
    pool = LiquidityPool(1)
    pool.set_quote(1, QuoteConfig(**market.quote.model_dump()))
    for name in ("price", "maintenance_rate", "initial_rate", "donor_floor_rate", "sigma_rate"):
        assert getattr(marks, name)[0] == pytest.approx(getattr(exact, name) / WAD, rel=1e-12)
    assert marks.gates[0] == exact.gates
    rate = pool.engine_rate(1, quote.fast_volatility, now - quote.updated_at)
    assert marks.engine_rate[0] == pytest.approx(rate / WAD, rel=1e-9)


def test_marks__after_a_jump__books_are_not_filled_for_ten_minutes() -> None:
    tape = scene.tape({"BTC": [100.0, 70.0]})
    jump, duration = START + 60, PARAMS.markets["BTC"].feed.jump_duration
    assert tape.marks(0, START, NOTHING).can_fill[0]
    assert not tape.marks(1, jump, NOTHING).can_fill[0]
    assert not tape.marks(1, jump + duration - 1, NOTHING).can_fill[0]
    assert tape.marks(1, jump + duration, NOTHING).can_fill[0]


def test_marks__silent_feed__no_price_after_heartbeat_and_grace() -> None:
    tape = scene.tape({"BTC": [100.0]}, end=START + 10_000)
    limits = PARAMS.markets["BTC"].feed
    last = START + limits.heartbeat + limits.grace
    assert tape.marks(0, last, NOTHING).priced[0]
    assert not tape.marks(0, last + 1, NOTHING).priced[0]


def test_of__two_feeds__a_tick_for_each_moment() -> None:
    rounds = {"BTC": [Round(START - 60, 1), Round(START + 10, 2)], "ETH": [Round(START - 9, 3), Round(START + 20, 4)]}
    tape = Tape.of(replace(scene.recording({"BTC": [1.0]}), rounds=rounds, end=START + 20), PARAMS.markets)
    assert list(tape.times - START) == [0, 10, 20]
    assert tape.published.tolist() == [[False, False], [True, False], [False, True]]
    assert (tape.said[:, :, 0] * 10**8).round().astype(int).tolist() == [[1, 3], [2, 3], [2, 4]]
    assert (tape.opening_rate > 0.001).all()


def test_of__unknown_underlying__names_it() -> None:
    with pytest.raises(ValueError, match="by hand: no parameters for DOGE; expected one of BTC, ETH"):
        scene.tape({"DOGE": [1.0]})


def test_of__no_round_by_the_start__names_the_feed() -> None:
    late = replace(scene.recording({"BTC": [1.0]}), rounds={"BTC": [Round(START + 1, 1)]})
    with pytest.raises(ValueError, match="BTC has no round by"):
        Tape.of(late, PARAMS.markets)


def test_of__ends_before_it_starts__says_so() -> None:
    with pytest.raises(ValueError, match="expected later than its start"):
        scene.tape({"BTC": [1.0]}, end=START)
