"""What an auction asks, how much it sells and how old it is: contract and model to the wei, and what always holds."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from random import Random

import pytest

from ballast.chain import Contract, Reverted
from ballast.chain.revm import RevmChain
from ballast.model import auction as model
from ballast.model.errors import Rejected
from ballast.model.fixed_point import mul_wad_down, mul_wad_up
from ballast.params import WAD

DIGESTS = (7, 8, 7 + 2**96)


@pytest.fixture(scope="module")
def harness() -> Contract:
    chain = RevmChain()
    return chain.deploy("AuctionHarness", sender=chain.accounts[0])


def test_sale_of_a_book__random__contract_equals_model_and_restores_it(harness: Contract) -> None:
    """LIQ-2, LIQ-9: no more is sold than reaches the target, the rest of the book is better off, payment and
    penalty stay within the worth of what is sold."""
    random = Random(1)
    for _ in range(1_500):
        exposure = random.randint(1, 10 ** random.randint(1, 8)) * WAD // random.choice((1, 3, 7 * WAD))
        maintenance = mul_wad_up(exposure, random.randint(10**15, 5 * 10**17))
        sigma_loss = mul_wad_up(exposure, random.randint(10**14, 95 * 10**16))
        equity = random.choice((-1, 0, 1, maintenance - 1, random.randint(-maintenance, maintenance)))
        equity = min(equity, maintenance - 1)
        age, fraction = random.choice((0, 1, random.randint(0, 4_000))), random.randint(1, WAD)
        sale = harness.sale(equity, maintenance, sigma_loss, exposure, age, fraction)

        discount = model.grown(model.MAX_DISCOUNT, age)
        needs = model.needed(maintenance, sigma_loss)
        limit = model.book_limit(equity, needs, exposure, discount)
        if equity <= 0:
            assert tuple(sale) == (discount, WAD, WAD, 0, model.bonus(maintenance, age))
            assert model.bonus(maintenance, age) * 5 <= maintenance
            continue
        sold = min(fraction, limit)
        payment, penalty = model.book_price(equity, sold, discount)
        assert tuple(sale) == (discount, limit, sold, payment, penalty)
        assert payment + penalty <= mul_wad_up(equity, sold) + 1
        if limit < WAD:
            left = equity - mul_wad_down(equity, limit) + model.book_price(equity, limit, discount)[0]
            assert left >= mul_wad_down(needs, WAD - limit), "the target is reached"
            assert mul_wad_down(exposure, WAD - limit) >= model.SMALL_LOT
            less = limit - limit // 1_000 - 2
            short = equity - equity * less // WAD * discount // WAD
            assert short <= mul_wad_up(needs, WAD - less) + 2, "and no more is sold than that takes"


def test_sale_of_collateral__random__contract_equals_model_and_restores_it(harness: Contract) -> None:
    """LIQ-2, LIQ-9: as of a book; and no more is sold than repays the debt, at whatever threshold."""
    random = Random(2)
    for _ in range(1_500):
        threshold = random.choice((10**16, 95 * 10**16, random.randint(10**16, 95 * 10**16)))
        rate = random.choice((10**14, 95 * 10**16, random.randint(10**14, 5 * 10**16)))
        held = random.choice((1, random.randint(1, 10**6 * WAD)))
        debt = random.choice((1, mul_wad_down(held, random.randint(threshold, WAD)), 2 * held))
        needs = model.needed(held - mul_wad_down(held, threshold), mul_wad_up(held, rate))
        age = random.choice((0, random.randint(0, 2_000)))
        sale = harness.collateral_sale(held - debt, needs, debt, held, threshold, rate, age)

        discount = model.grown(model.collateral_bound(threshold), age)
        relieved = model.relief(threshold, rate)
        limit = model.collateral_limit(held - debt, needs, debt, held, relieved, discount)
        payment, penalty = model.price(limit, discount)
        assert tuple(sale) == (discount, limit, payment, penalty)
        assert payment <= debt + 1
        assert discount <= (WAD - threshold) // 2
        if limit < held and payment < debt:
            rest = held - limit
            left = model.needed(rest - mul_wad_down(rest, threshold), mul_wad_up(rest, rate))
            assert rest + payment - debt >= left - 4, "the target is reached"
            assert rest >= model.SMALL_LOT


def test_price__as_the_auction_ages__falls_to_its_floor_and_stays() -> None:
    """LIQ-7, X-LIQ-07: at no age does a book go below its floor; who waits only competes with others."""
    asked = [
        sum(model.book_price(1_000 * WAD, WAD, model.grown(model.MAX_DISCOUNT, age))) for age in range(0, 4_000, 7)
    ]
    assert asked == sorted(asked, reverse=True)
    assert asked[0] == 1_000 * WAD
    assert asked[-1] == (1_000 - 300 + 60) * WAD


def test_auctions__random_history__contract_equals_model() -> None:
    """LIQ-7, X-LIQ-08: opened, ended, resumed, lapsed, traded; nothing but active time makes it older."""
    random, chain = Random(3), RevmChain()
    contract, twin = chain.deploy("AuctionHarness", sender=chain.accounts[0]), model.Auctions()
    clock, seen = chain.timestamp, set()
    for _ in range(3_000):
        passed = random.choice((0, 1, 60, 1_800, 3_600, 3_601, 14_000))
        if passed:
            chain.advance(passed)
        clock += random.choice((passed, passed, 0))
        key, digest, now = random.randint(1, 3), random.choice(DIGESTS), chain.timestamp
        bid = partial(twin.check_bid, key, clock, digest, now)
        seen.add(_same(bid, partial(contract.check_bid, key, clock, digest)))
        if random.random() < 0.6:
            opening = partial(contract.open, key, clock, digest, sender=chain.accounts[0])
            seen.add(_same(partial(twin.open, key, clock, digest, now), opening))
        elif twin.is_on(key, clock):
            twin.end(key, clock, now)
            contract.end(key, clock, sender=chain.accounts[0])
        assert tuple(contract.state(key, clock)) == (twin.is_on(key, clock), twin.age(key, clock, now))
        if twin.is_on(key, clock) and random.random() < 0.2:
            twin.mark_again(key, digest)
            contract.mark_again(key, digest, sender=chain.accounts[0])
    reasons = ("no auction", "auction is on", "book was traded", "opened in this block")
    assert seen == {"", *(f"liquidator: {reason}" for reason in reasons)}


def _same(expected: Callable[[], object], call: Callable[[], object]) -> str:
    """Both succeed, or both refuse for the same reason: that reason."""
    try:
        expected()
    except Rejected as rejected:
        with pytest.raises(Reverted) as reverted:
            call()
        assert reverted.value.reason == rejected.reason
        return rejected.reason
    call()
    return ""
