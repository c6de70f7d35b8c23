"""The client: Decimal and timedelta at the edge, wads inside, names instead of ids."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.chain import Reverted
from ballast.client import Ballast, Leg, Policy, Right, State, Status, UnknownName, from_wad, to_wad
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


def test_commit_legs__two_markets__opens_and_closes_both_at_once(ballast, mine, trader, keeper, publish):
    legs = mine.leg("ETH", 2, margin=1_500), mine.leg("BTC", Decimal("-0.1"), margin=1_500, limit_price=50_000)

    order = mine.commit_legs(*legs, sender=trader)

    assert order.legs == legs
    assert order == ballast.order(order.id)
    for name, price in (("ETH", 3_000), ("BTC", 60_000)):
        publish(name, price * WAD, after=30)
    assert Keeper(ballast.protocol, keeper).run_once().filled == [order.id]
    assert [mine.report().book(leg.market).size for leg in legs] == [leg.size for leg in legs]

    closing = mine.close("ETH", "BTC", sender=trader)

    for name, price in (("ETH", 3_000), ("BTC", 60_000)):
        publish(name, price * WAD, after=30)
    assert Keeper(ballast.protocol, keeper).run_once().filled == [closing.id]
    assert [book.size for book in mine.books] == [0, 0]


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


@pytest.mark.parametrize(("name", "amount"), [("WETH", "1.5"), ("WBTC", "0.00000001"), ("EURC", "12.000001")])
def test_deposit__collateral__counts_and_comes_back(ballast, protocol, mine, owner, trader, name, amount):
    cash, amount = mine.treasury.cash, Decimal(amount)
    raw = protocol.mint(trader, to_wad(amount), owner, name)

    mine.deposit(amount, trader, name)

    assert mine.collateral == {name: amount}
    assert mine.treasury.cash == cash
    assert 0 < mine.credit < amount * 60_000
    assert ballast.collateral(name).balanceOf(protocol.vault.address) == raw
    mine.withdraw(amount, trader, collateral=name)
    assert mine.collateral == {}
    assert ballast.collateral(name).balanceOf(trader) == raw


def test_deposit__unknown_collateral__names_those_there_are(mine, trader):
    with pytest.raises(UnknownName, match="'DOGE'; there are WETH, WBTC, EURC"):
        mine.deposit(1, trader, "DOGE")


def test_transfer__accepted__leaves_no_operator(protocol, mine, trader, other_trader, operator):
    mine.set_operator(operator, Right.WITHDRAW, at_time(protocol.chain.timestamp + 3_600), trader)

    mine.transfer(other_trader, trader)
    assert mine.owner == trader
    mine.accept(other_trader)

    assert mine.owner == other_trader
    for former in (trader, operator):
        with pytest.raises(Reverted, match="access: no right"):
            mine.withdraw(1, former)


def test_pool__in_and_out__a_keeper_executes_both(ballast, protocol, owner, trader, keeper):
    pool = ballast.pool
    protocol.mint(trader, 1_000 * WAD, owner)
    assets = pool.net_assets

    request = pool.request_deposit(1_000, trader)
    assert pool.pending() == [request]
    assert (request.status, request.is_exit, request.amount) == (Status.PENDING, False, 1_000)
    assert Keeper(protocol, keeper).run_once().served == []  # too early
    protocol.chain.advance(3_600)
    assert Keeper(protocol, keeper).run_once().served == [request.id]
    shares, dollars = pool.claim(trader)
    assert (shares, dollars) == (pool.shares_of(trader), 0)
    assert pool.net_assets == assets + 1_000

    request = pool.request_redeem(shares, trader)
    protocol.chain.advance(3_600)
    assert Keeper(protocol, keeper).run_once().served == [request.id]
    shares, dollars = pool.claim(trader)
    assert shares == 0
    assert 999 < dollars <= 1_000
    assert pool.request(request.id).status is Status.EXECUTED
    assert pool.pending() == []


def test_pool__book_in_a_market__its_first_round_prices_the_request(
    ballast, protocol, mine, owner, trader, keeper, open_book, publish
):
    open_book(mine.id, "ETH", 10 * WAD, 9_000 * WAD)
    protocol.mint(trader, 1_000 * WAD, owner)
    request = ballast.pool.request_deposit(1_000, trader)
    protocol.chain.advance(3_600)
    assert Keeper(protocol, keeper).run_once().served == []  # no round yet
    publish("ETH", 2_900 * WAD)
    publish("ETH", 2_950 * WAD, after=60)

    assert Keeper(protocol, keeper).run_once().served == [request.id]
    shares, _ = ballast.pool.claim(trader)
    assert 0 < shares < 1_000 * Decimal("0.99999")  # the pool is short and has gained: counted at the highest


def test_credit__lend_borrow_leave__idle_at_once_the_rest_in_line(ballast, protocol, mine, owner, trader, stranger):
    """A lender gets what is idle; what is lent waits until it comes back."""
    protocol.mint(stranger, 10_000 * WAD, owner)
    shares = ballast.credit.deposit(10_000, stranger)
    assert ballast.credit.shares_of(stranger) == shares and ballast.credit.net_assets == 10_000

    protocol.mint(trader, 10 * WAD, owner, "WETH")
    mine.deposit(10, trader, "WETH")
    mine.withdraw(104_000, trader)
    assert mine.treasury.debt == 4_000 and mine.treasury.cash == -4_000
    assert (ballast.credit.debt, ballast.credit.idle) == (4_000, 6_000)
    assert ballast.credit.borrow_rate > 0

    paid, waiting = ballast.credit.leave(shares, stranger)
    assert paid == pytest.approx(Decimal(6_000), abs=1) and waiting > 0 and ballast.credit.waiting == 1

    mine.deposit(4_100, trader)
    protocol.credit_pool.serve_exits(1, sender=stranger)
    assert ballast.credit.claim(stranger) == pytest.approx(Decimal(4_000), abs=1)
    assert ballast.credit.shares_of(stranger) == 0 and ballast.credit.waiting == 0


def test_insurance__enter_and_leave__after_a_cooldown(ballast, protocol, owner, stranger):
    protocol.mint(stranger, 10_000 * WAD, owner)
    shares = ballast.insurance.deposit(10_000, stranger)
    assert ballast.insurance.share_price == pytest.approx(Decimal(1))
    assert 0 < ballast.insurance.drawable("ETH") <= 5_000 and ballast.insurance.drawable() <= 5_000
    assert ballast.insurance.leaving(stranger) is None

    leaving = ballast.insurance.request_exit(shares / 2, stranger)
    assert leaving.shares == shares / 2 and "may leave from" in str(leaving)
    ballast.insurance.cancel_exit(stranger)
    ballast.insurance.request_exit(shares, stranger)
    with pytest.raises(Reverted):
        ballast.insurance.leave(stranger)
    protocol.chain.advance(int(protocol.insurance_fund.COOLDOWN()))
    assert ballast.insurance.leave(stranger) == 10_000
