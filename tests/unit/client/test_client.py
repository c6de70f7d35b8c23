"""The client: Decimal and timedelta at the edge, wads inside, names instead of ids."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.chain import Reverted
from ballast.client import Ballast, Leg, Policy, Right, State, UnknownName, from_wad, to_wad
from ballast.client.objects import at_time
from ballast.keeper import Keeper
from ballast.params import WAD


@pytest.fixture
def ballast(protocol):
    return Ballast(protocol)


@pytest.fixture
def mine(ballast, account):
    return ballast.account(account)


@pytest.fixture
def default(params):
    return Policy.default(params.policy)


@given(st.integers(-(2**200), 2**200))
def test_from_wad__any__returns_exactly(wad):
    assert to_wad(from_wad(wad)) == wad


@pytest.mark.parametrize("amount", [Decimal("1e-19"), "0.1234567890123456789"])
def test_to_wad__too_fine__is_refused(amount):
    with pytest.raises(ValueError, match="18 decimals"):
        to_wad(amount)


def test_to_wad__float__is_refused():
    with pytest.raises(TypeError, match="float"):
        to_wad(0.1)


def test_policy__of_struct__is_the_inverse(default, params):
    assert default.struct() == params.policy.model_dump()
    assert default.containment == Decimal("0.4")
    assert default.cooldown == timedelta(minutes=15)


def test_policy__but_unknown_field__is_named(default):
    with pytest.raises(ValueError, match="no such policy field: z_trigegr; known are"):
        default.but(z_trigegr=Decimal(1))


def test_set_policy__changed__is_read_back(mine, default, trader):
    policy = default.but(z_trigger=Decimal("2.5"), no_fund=frozenset({1, 3}), max_risk_share=Decimal("0.2"))

    mine.set_policy(policy, trader)

    assert mine.policy == policy


def test_market__active__reads_price_and_state(ballast):
    market = ballast.market("ETH")

    assert (market.id, market.state, market.price, market.average) == (2, State.ACTIVE, 3_000, 3_000)
    assert market.fast_volatility == Decimal("0.9")


def test_market__unknown__names_those_there_are(ballast):
    with pytest.raises(UnknownName, match="'DOGE'; there are BTC, ETH, SOL, LINK"):
        ballast.market("DOGE")


def test_account__unknown__is_named(ballast):
    with pytest.raises(UnknownName, match="there is no account 99"):
        ballast.account(99)


def test_commit__then_execute__opens_and_closes_a_book(ballast, mine, trader, keeper, publish):
    order = mine.commit("ETH", Decimal("1.5"), margin=1_000, sender=trader)

    assert order == ballast.order(order.id)
    assert ballast.open_orders() == [order]
    assert order.legs == (Leg("ETH", Decimal("1.5"), Decimal(3_030), Decimal(1_000)),)
    publish("ETH", 3_000 * WAD, after=30)
    assert Keeper(ballast.protocol, keeper).run_once().filled == [order.id]
    assert ballast.order(order.id) is None
    assert mine.report().book("ETH").size == Decimal("1.5")

    closing = mine.close("ETH", sender=trader)

    assert closing.reduce_only
    assert [leg.size for leg in closing.legs] == [Decimal("-1.5")]
    publish("ETH", 3_000 * WAD, after=30)
    assert Keeper(ballast.protocol, keeper).run_once().filled == [closing.id]
    assert mine.report().book("ETH").size == 0
    with pytest.raises(ValueError, match="holds nothing in ETH"):
        mine.close("ETH", sender=trader)


def test_transfer_margin__between_books_and_cash__moves_it(mine, open_book, trader):
    open_book(mine.id, "ETH", WAD, 2_000 * WAD)
    before = mine.report()

    mine.transfer_margin("ETH", None, 500, trader)

    after = mine.report()
    assert after.treasury.cash == before.treasury.cash + 500
    assert after.book("ETH").equity == before.book("ETH").equity - 500
    assert after.equity == before.equity


def test_set_operator__with_one_right__can_do_that_only(protocol, mine, trader, operator):
    mine.set_operator(operator, Right.TRADE, at_time(protocol.chain.timestamp + 3_600), trader)

    assert mine.commit("ETH", 1, margin=1_000, sender=operator).account == mine.id
    with pytest.raises(Reverted):
        mine.withdraw(1, operator)


def test_withdraw_and_claim__what_is_owed__is_paid(ballast, protocol, mine, trader, keeper, publish):
    mine.withdraw(1_000, trader)
    assert protocol.token.balanceOf(trader) == 1_000 * 10**6

    mine.commit("ETH", 1, margin=1_000, sender=trader)
    publish("ETH", 3_000 * WAD, after=30)
    Keeper(protocol, keeper).run_once()

    assert ballast.claim(keeper) == 1
    assert protocol.token.balanceOf(keeper) == 10**6


def test_accounts_of__owner__finds_them(ballast, mine, open_account, trader, other_trader):
    open_account(other_trader)
    second = open_account(trader)

    assert [account.id for account in ballast.accounts_of(trader)] == [mine.id, second]
