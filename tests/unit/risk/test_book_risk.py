"""HLT-8, HLT-11: the closed form is the scenario margin, monotone, and the model's to the wei."""

from __future__ import annotations

from dataclasses import asdict
from fractions import Fraction

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ballast.chain import Contract
from ballast.model import risk
from ballast.model.risk import RiskParams
from tests.market_bench import Quote, plain

WAD = 10**18
PPM = 10**12

params = st.builds(
    lambda k, low, high, ratio, close: RiskParams(
        k * PPM, min(low, high) * PPM, max(low, high) * PPM, ratio * PPM, close * PPM
    ),
    st.integers(10**5, 10**7),
    st.integers(5_000, 900_000),
    st.integers(5_000, 900_000),
    st.integers(1_050_000, 5_000_000),
    st.integers(0, 50_000),
)
volatilities = st.integers(10**16, 5 * WAD)
prices = st.one_of(st.integers(1, 10**9), st.integers(10**15, 10**23), st.integers(2**90, 2**92))
sizes = st.one_of(
    st.integers(-10, 10),
    st.integers(-(10**21), 10**21),
    st.integers(-(2**95), -(2**95) + 9),
    st.integers(2**95 - 9, 2**95 - 1),
)
bases = st.one_of(st.integers(-(10**25), 10**25), st.sampled_from((-(2**103), 2**103 - 1, 0)))
fundings = st.one_of(st.integers(-(10**21), 10**21), st.sampled_from((-(2**111), 2**111 - 1, 0)))
quotes = st.builds(Quote, prices, prices, volatilities, volatilities)

anything = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@anything
@given(params, quotes, sizes, bases, fundings, st.integers(0, 31))
def test_book_risk__any_book__equals_model(
    risk_model: Contract, params: RiskParams, quote: Quote, size: int, base: int, funding: int, gates: int
) -> None:
    """HLT-11: contract = model bit for bit, to the edges of every slot."""
    on_chain = risk_model.book_risk(params, quote, size, base, funding, gates)
    assert plain(on_chain) == plain(risk.book_risk(risk.mark_of(params, quote, funding, gates), size, base))
    args = (params, quote.slow_volatility, size, base, funding)
    rate = risk.price_range(params, quote.slow_volatility) + params.close_rate
    assert risk_model.liquidation_price(*args) == risk.liquidation_price(rate, size, base, funding)
    assert risk_model.price_range(params, quote.fast_volatility) == risk.price_range(params, quote.fast_volatility)


def _scenario_loss(size: int, price: int, range_: int) -> Fraction:
    """The worst of protocol.md's scenarios, one by one: ±⅓, ±⅔, ±1 of the range, and three ranges at one third."""
    move = Fraction(range_, WAD)
    moves = [(Fraction(step, 3) * move, 1) for step in range(-3, 4)] + [(-3 * move, 3), (3 * move, 3)]
    losses = []
    for relative, divisor in moves:
        factor = min(max(1 + relative, Fraction(5, 100)), Fraction(4))
        losses.append(-Fraction(size * price, WAD) * (factor - 1) / divisor)
    return max(losses)


@anything
@given(params, st.builds(Quote, st.integers(10**15, 10**23), prices, volatilities, volatilities), sizes)
def test_book_risk__perpetual__is_the_worst_of_all_scenarios(params: RiskParams, quote: Quote, size: int) -> None:
    """The closed form against the loop it replaces: never below it, never two wei above."""
    mark = risk.mark_of(params, quote, 0, 31)
    found = risk.book_risk(mark, size, 0)
    close = Fraction(found.exposure * params.close_rate, WAD)
    slow = risk.price_range(params, quote.slow_volatility)
    expected = _scenario_loss(size, quote.price, slow) + close
    assert expected <= found.maintenance <= expected + 3
    assert abs(found.exposure - Fraction(abs(size) * quote.price, WAD)) < 1


@anything
@given(params, quotes, sizes, bases, fundings)
def test_book_risk__initial__is_above_maintenance(
    params: RiskParams, quote: Quote, size: int, base: int, funding: int
) -> None:
    """HLT-3: initial ≥ donor floor ≥ maintenance, strictly where the book has more than dust."""
    found = risk.book_risk(risk.mark_of(params, quote, funding, 31), size, base)
    assert found.initial >= found.donor_floor >= found.maintenance
    if found.exposure > 10**6:
        assert found.donor_floor > found.maintenance
    assert found.withdrawable <= max(0, found.equity - found.initial)
    assert (found.sigma_loss > 0) == (found.exposure > 0)
    assert found.sigma_loss * 10_000 >= found.exposure


@anything
@given(params, quotes, sizes, st.integers(0, 10**21), st.integers(0, WAD))
def test_book_risk__more_size_or_volatility__never_needs_less(
    params: RiskParams, quote: Quote, size: int, extra: int, hotter: int
) -> None:
    """HLT-8: requirements are monotone in size and in volatility."""
    less = risk.book_risk(risk.mark_of(params, quote, 0, 31), size, 0)
    larger = risk.book_risk(risk.mark_of(params, quote, 0, 31), size + (extra if size > 0 else -extra), 0)
    hot_quote = Quote(quote.price, quote.average, quote.fast_volatility + hotter, quote.slow_volatility + hotter)
    hot = risk.book_risk(risk.mark_of(params, hot_quote, 0, 31), size, 0)
    for more in (larger, hot):
        for field in ("maintenance", "initial", "sigma_loss", "donor_floor", "exposure"):
            assert asdict(more)[field] >= asdict(less)[field]
