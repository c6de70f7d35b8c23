"""`clock`, `live_at`, `legs_digest`: what auctions go by."""

from __future__ import annotations

from ballast.model.market import ACTIVE, GRACE, HALTED, REDUCE_ONLY
from tests.market_bench import WAD, MarketBench
from tests.unit.market.conftest import EMPTY, LONG


def test_clock__nothing_happened__counts_seconds(bench: MarketBench) -> None:
    start = bench.market.clock()
    bench.chain.advance(100)
    assert bench.market.clock() == start + 100
    assert bench.market.live_at() == 0
    assert bench.market.GRACE() == GRACE


def test_clock__halted__stands_until_the_grace_is_over(bench: MarketBench) -> None:
    """LIQ-7: frozen while paused, and for an hour in which owners act before liquidators."""
    bench.set_state(HALTED, guardian=True)
    start = bench.market.clock()
    bench.chain.advance(500)
    assert bench.market.clock() == start
    assert bench.market.live_at() == 0  # bids at a valid price are no harm: the price stands still
    bench.set_state(ACTIVE)
    lifted = bench.now
    assert bench.market.live_at() == lifted + GRACE
    bench.chain.advance(GRACE - 1)
    assert bench.market.clock() == start
    bench.chain.advance(61 - (bench.now - lifted - GRACE + 1))
    assert bench.market.clock() == start + bench.now - lifted - GRACE
    bench.assert_same_state(LONG)


def test_clock__halted_again_within_the_grace__still_stands(bench: MarketBench) -> None:
    """LIQ-7: no sequence of halts turns it back or on."""
    bench.set_state(HALTED)
    start = bench.market.clock()
    for _ in range(3):
        bench.set_state(REDUCE_ONLY)
        bench.chain.advance(GRACE // 2)
        bench.set_state(HALTED, guardian=True)
        bench.chain.advance(100)
        assert bench.market.clock() == start
    bench.set_state(ACTIVE)
    lifted = bench.now
    bench.chain.advance(GRACE + 50)
    assert bench.market.clock() == start + bench.now - lifted - GRACE
    bench.assert_same_state(LONG)


def test_clock__reduce_only__goes_on(bench: MarketBench) -> None:
    start, began = bench.market.clock(), bench.now
    bench.set_state(REDUCE_ONLY)
    bench.chain.advance(100)
    bench.set_state(ACTIVE)
    assert bench.market.clock() == start + bench.now - began
    assert bench.market.live_at() == 0


def test_clock__silent_feed__does_not_count(bench: MarketBench) -> None:
    """LIQ-7: frozen while there is no price."""
    start, began = bench.market.clock(), bench.now
    bench.chain.advance(1_000)
    bench.silence(400)
    assert bench.market.clock() == start + bench.now - began - 400
    bench.assert_same_state(LONG)


def test_clock__silent_while_halted__counts_once(bench: MarketBench) -> None:
    """LIQ-7: silence within a halt is over with it, silence within the grace makes it longer."""
    bench.set_state(HALTED)
    start = bench.market.clock()
    bench.chain.advance(1_000)
    bench.silence(900)
    assert bench.market.clock() == start
    bench.set_state(ACTIVE)
    lifted = bench.now
    bench.chain.advance(GRACE + 600)
    bench.silence(900 + 500)
    assert bench.market.clock() == start + bench.now - lifted - GRACE - 500
    bench.assert_same_state(LONG)


def test_clock__any_halts_and_silences__never_turns_back(bench: MarketBench) -> None:
    """LIQ-7: nondecreasing, and never faster than time."""
    last, then = bench.market.clock(), bench.now
    silent = 0
    for step in range(60):
        if step % 7 == 3:
            bench.set_state(HALTED)
        if step % 7 == 5:
            bench.set_state(ACTIVE)
        bench.chain.advance(1 + step * 97 % 2_000)
        silent += min(bench.now - then, 400 * (step % 3))
        bench.silence(silent)
        shown = bench.market.clock()
        assert last <= shown <= last + bench.now - then
        last, then = shown, bench.now
        bench.assert_same_state(LONG)


def test_legs_digest__margin__does_not_change_it(market: MarketBench) -> None:
    """LIQ-8: a bidder states the legs that he means; a wei of margin must not stop him."""
    digest = market.market.legs_digest(LONG)
    market.move_margin(LONG, 1)
    market.quote(1_900 * WAD)
    assert market.market.legs_digest(LONG) == digest
    assert market.market.legs_digest(EMPTY) != market.market.legs_digest(EMPTY + 1)


def test_legs_digest__a_trade__changes_it(market: MarketBench) -> None:
    digests = {market.market.legs_digest(LONG)}
    for size in (1, -2, -5 * WAD):
        market.trade(LONG, size)
        digests.add(market.market.legs_digest(LONG))
    assert len(digests) == 4
    market.seize(LONG, EMPTY, WAD // 2)
    assert market.market.legs_digest(LONG) not in digests
