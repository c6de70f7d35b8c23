"""Executing orders: filled, refused, failed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ballast.chain import Contract, Receipt, Reverted
from ballast.deploy import Protocol
from ballast.params import Params
from tests.support import drain_pool, refused

from .conftest import ANY_PRICE, DELAY, ETH, WAD


def test_execute__opening__fills_at_the_pools_price(
    protocol: Protocol,
    exchange: Contract,
    account: int,
    eth: int,
    keeper: str,
    price: int,
    params: Params,
    commit: Callable[..., int],
    execute: Callable[..., Receipt],
) -> None:
    """SOL-3, SOL-9: size, cost, fee, margin and execution fee each arrive where they belong."""
    vault, market, pool = protocol.vault, protocol.markets[ETH], protocol.pool_account
    before, pool_before = vault.treasury(account), vault.treasury(pool)
    order = commit(10, 5_000)
    event = execute(order).event("OrderFilled")

    volatility = protocol.oracle.quote(eth).fast_volatility
    assert event.price == protocol.pool.order_price(eth, 10 * WAD, price, volatility, 0, False)
    assert event.fee == exchange.fee(eth, 10 * event.price, volatility)
    assert (event.order, event.account, event.market, event.executor) == (order, account, eth, keeper)
    assert (event.size, event.round) == (10 * WAD, protocol.latest_round(ETH))

    book, pool_book = market.book(account), market.book(pool)
    assert (book.size, book.base) == (10 * WAD, 5_000 * WAD - event.fee - 10 * event.price)
    assert pool_book.size == -10 * WAD
    after, pool_after = vault.treasury(account), vault.treasury(pool)
    execution_fee = exchange.execution_fee()
    assert (after.cash, after.escrow) == (before.cash - 5_000 * WAD - execution_fee, 0)
    assert after.last_trade == protocol.chain.timestamp
    assert after.slots == pool_after.slots == eth
    assert vault.claimable(keeper) == execution_fee
    to_pool = event.fee * params.vault.pool_share // WAD
    assert vault.insurance_due() == event.fee * params.vault.insurance_share // WAD
    assert vault.protocol_revenue() == event.fee - to_pool - vault.insurance_due()
    topped_up = pool_book.base - 10 * event.price
    assert pool_after.cash == pool_before.cash + to_pool - topped_up
    risk = market.book_risk(pool)
    assert risk.equity == risk.initial
    assert tuple(exchange.order(order)) == (0, 0, 0, False, [])
    assert vault.open_orders(account) == 0


def test_execute__the_orders_round__prices_it_not_the_latest(
    exchange: Contract, commit: Callable[..., int], publish: Callable[..., int], price: int, keeper: str
) -> None:
    """X-ORC-10: whoever waits for a better round waits in vain."""
    order = commit(1, 1_000)
    publish(ETH, price * 99 // 100, DELAY - 1)
    first = publish(ETH, price, 1)
    later = publish(ETH, price * 98 // 100, 20)
    for round_ in (first - 1, later):
        with pytest.raises(Reverted) as error:
            exchange.execute(order, [round_], sender=keeper)
        assert error.value.reason.startswith("oracle: ")
    event = exchange.execute(order, [first], sender=keeper).event("OrderFilled")
    assert event.round == first
    assert price < event.price < price * 101 // 100


def test_execute__late__fills_at_the_present_price_where_that_is_worse(
    exchange: Contract, commit: Callable[..., int], publish: Callable[..., int], price: int, keeper: str
) -> None:
    """X-ORC-10: an order left lying is no option on what happens meanwhile."""
    order = commit(1, 1_000)
    first = publish(ETH, price, DELAY)
    publish(ETH, price * 102 // 100, 20)
    event = exchange.execute(order, [first], sender=keeper).event("OrderFilled")
    assert event.round == first
    assert price * 102 // 100 < event.price < price * 103 // 100


def test_execute__too_early_or_twice_or_never__reverts(
    protocol: Protocol, exchange: Contract, commit: Callable[..., int], execute: Callable[..., Receipt], keeper: str
) -> None:
    order = commit(1, 1_000)
    protocol.chain.advance(DELAY - 1)
    with refused("exchange: too early"):
        exchange.execute(order, [protocol.latest_round(ETH)], sender=keeper)
    execute(order, after=1)
    for ended in (order, order + 1, 0):
        with refused("exchange: no such order"):
            exchange.execute(ended, [protocol.latest_round(ETH)], sender=keeper)


def failure(receipt: Receipt) -> str:
    return str(receipt.event("OrderFailed").reason)


@pytest.fixture
def consumed(
    protocol: Protocol, exchange: Contract, account: int, keeper: str, execute: Callable[..., Receipt]
) -> Callable[..., str]:
    """`consumed(order)`: executes an order that must fail and checks where its money went; the reason."""

    def consumed_(order: int, **kwargs: Any) -> str:
        vault, market = protocol.vault, protocol.markets[ETH]
        terms, before, book = exchange.order(order), vault.treasury(account), market.book(account)
        earned, pool = vault.claimable(keeper), vault.treasury(protocol.pool_account)
        receipt = execute(order, **kwargs)
        event = receipt.event("OrderFailed")
        assert (event.order, event.account, event.executor) == (order, account, keeper)
        after, margin = vault.treasury(account), terms.legs[0].margin
        assert (after.cash, after.escrow) == (before.cash + margin, before.escrow - margin - terms.execution_fee)
        assert vault.claimable(keeper) == earned + terms.execution_fee
        assert market.book(account) == book
        assert vault.treasury(protocol.pool_account) == pool
        assert (after.slots, vault.open_orders(account)) == (before.slots, 0)
        assert exchange.order(order).account == 0
        return str(event.reason)

    return consumed_


def test_execute__beyond_limit__consumes_the_order(
    commit: Callable[..., int], consumed: Callable[..., str], price: int
) -> None:
    assert consumed(commit(1, 1_000, limit=price)) == "exchange: beyond limit price"
    assert consumed(commit(-1, 1_000, limit=price)) == "exchange: beyond limit price"


def test_execute__at_the_limit__fills(
    protocol: Protocol, commit: Callable[..., int], execute: Callable[..., Receipt], eth: int, price: int
) -> None:
    """X-LIQ-01's manner: exact at the boundary. The round does not move the price, so volatility only decays."""
    volatility = protocol.oracle.quote(eth).fast_volatility
    limit = protocol.pool.order_price(eth, WAD, price, volatility, 0, False)
    event = execute(commit(1, 1_000, limit=limit)).event("OrderFilled")
    assert event.price <= limit


def test_execute__below_initial_margin__consumes_the_order(
    commit: Callable[..., int], consumed: Callable[..., str]
) -> None:
    """HLT-4."""
    assert consumed(commit(10, 100)) == "exchange: below initial margin"
    assert consumed(commit(-10, 100)) == "exchange: below initial margin"
    assert consumed(commit(10)) == "vault: market overdrawn"  # the fee of a book without margin


def test_execute__open_interest_cap__consumes_the_order(
    protocol: Protocol, commit: Callable[..., int], consumed: Callable[..., str], owner: str, eth: int
) -> None:
    """ORC-9."""
    market = protocol.markets[ETH]
    config = market.config()._replace(open_interest_cap=9 * WAD)
    market.set_config(config, sender=owner)
    assert consumed(commit(10, 5_000)) == "market: open interest cap"


def test_execute__market_state__decides(
    protocol: Protocol,
    commit: Callable[..., int],
    consumed: Callable[..., str],
    fill: Callable[..., Any],
    owner: str,
) -> None:
    """GOV-3: reduce-only and halted markets refuse to open and let everybody close."""
    fill(10, 5_000)
    for state in (1, 2):
        protocol.markets[ETH].set_state(state, sender=owner)
        assert consumed(commit(1, 1_000)) == "market: opening is closed"
        assert fill(-1, reduce_only=True).size == -WAD


def test_execute__pool_inventory__consumes_the_order(
    protocol: Protocol, commit: Callable[..., int], consumed: Callable[..., str], owner: str, eth: int
) -> None:
    quote = protocol.pool.quote_config(eth)._replace(max_inventory=9 * WAD)
    protocol.pool.set_quote(eth, quote, sender=owner)
    assert consumed(commit(10, 5_000)) == "pool: inventory limit"


def test_execute__pool_without_cash__consumes_the_order(
    protocol: Protocol, commit: Callable[..., int], consumed: Callable[..., str], owner: str
) -> None:
    """HLT-1: the pool's book is checked like everybody's."""
    drain_pool(protocol, owner)
    assert consumed(commit(10, 5_000)) == "pool: below margin"


def test_execute__above_the_risk_share__consumes_the_order(
    protocol: Protocol,
    account: int,
    commit: Callable[..., int],
    consumed: Callable[..., str],
    fill: Callable[..., Any],
    trader: str,
    params: Params,
) -> None:
    """A condition of opening, never of closing: one book's sigma-loss stays within its share of account equity."""
    policy = params.policy.model_dump()
    protocol.rebalancer.set_policy(account, policy, sender=trader)
    assert fill(10, 20_000).size == 10 * WAD
    protocol.rebalancer.set_policy(account, policy | {"max_risk_share": 20}, sender=trader)
    assert consumed(commit(1)) == "exchange: above risk share"
    assert fill(-1, reduce_only=True).size == -WAD


def test_execute__reduce_only__clamps_to_the_book(
    protocol: Protocol, account: int, commit: Callable[..., int], consumed: Callable[..., str], fill: Callable[..., Any]
) -> None:
    assert consumed(commit(-5, reduce_only=True)) == "exchange: nothing to reduce"
    fill(3, 2_000)
    assert consumed(commit(5, reduce_only=True)) == "exchange: nothing to reduce"
    assert fill(-1, reduce_only=True).size == -WAD
    assert fill(-5, reduce_only=True).size == -2 * WAD
    assert protocol.markets[ETH].book(account).size == 0
    assert fill(-3, 2_000).size == -3 * WAD
    assert fill(5, reduce_only=True).size == 3 * WAD


def test_execute__reducing_below_initial_margin__fills(
    protocol: Protocol,
    account: int,
    commit: Callable[..., int],
    execute: Callable[..., Receipt],
    fill: Callable[..., Any],
    price: int,
) -> None:
    """LIV-2: a book below its initial margin closes, in part or whole, as long as that does not raise its risk."""
    fill(20, 6_000)
    market, lower = protocol.markets[ETH], price * 95 // 100
    event = execute(commit(-10, reduce_only=True), at=lower).event("OrderFilled")
    assert event.size == -10 * WAD
    event = execute(commit(-10, reduce_only=True), at=lower).event("OrderFilled")
    assert market.book(account).size == 0
    assert market.book(account).base >= 0


def test_execute__opening_below_initial_margin__fails_even_if_it_reduces(
    commit: Callable[..., int], execute: Callable[..., Receipt], fill: Callable[..., Any], price: int
) -> None:
    fill(20, 6_000)
    assert failure(execute(commit(-1), at=price * 93 // 100)) == "exchange: below initial margin"


def test_execute__closing_below_zero__fails(
    commit: Callable[..., int], execute: Callable[..., Receipt], fill: Callable[..., Any], price: int
) -> None:
    """BDT-2: no order leaves a loss behind that nobody carries."""
    fill(20, 6_000)
    assert failure(execute(commit(-20, reduce_only=True), at=price * 85 // 100)) == "exchange: risk not reduced"


def test_execute__reducing_a_book_worth_less_than_closing_it_costs__fails(
    commit: Callable[..., int], execute: Callable[..., Receipt], fill: Callable[..., Any], price: int
) -> None:
    """Half of it would leave the rest nearer to liquidation than all of it was."""
    fill(20, 6_000)
    assert failure(execute(commit(-10, reduce_only=True), at=price * 901 // 1_000)) == "exchange: risk not reduced"


def test_execute__pool_without_cash_and_short_of_margin__cannot_give_back_either(
    protocol: Protocol,
    commit: Callable[..., int],
    consumed: Callable[..., str],
    fill: Callable[..., Any],
    publish: Callable[..., int],
    owner: str,
    price: int,
) -> None:
    """HLT-1: a fill that takes from its inventory asks for maintenance margin, which it must have."""
    fill(10, 5_000)
    drain_pool(protocol, owner)
    assert fill(-1, reduce_only=True).size == -WAD, "its book has margin of its own"
    for percent in (104, 108, 112, 116, 120):
        publish(ETH, price * percent // 100, after=60)
    assert consumed(commit(-1, reduce_only=True), at=price * 120 // 100) == "pool: below margin"


def test_execute__too_many_rounds_pending__reverts_and_consumes_nothing(
    protocol: Protocol,
    exchange: Contract,
    commit: Callable[..., int],
    publish: Callable[..., int],
    price: int,
    keeper: str,
) -> None:
    """X-KPR-04: nobody fails an order by executing it before the rounds are consumed."""
    order = commit(1, 1_000)
    first = publish(ETH, price, DELAY)
    for _ in range(17):
        publish(ETH, price, 1)
    with refused("oracle: poke"):
        exchange.execute(order, [first], sender=keeper)
    protocol.oracle.poke(protocol.market_ids[ETH], sender=keeper)
    assert exchange.execute(order, [first], sender=keeper).named("OrderFilled")


@pytest.mark.parametrize("gas", [400_000, 1_000_000, 3_000_000])
def test_execute__too_little_gas__reverts_and_consumes_nothing(
    exchange: Contract, commit: Callable[..., int], publish: Callable[..., int], price: int, keeper: str, gas: int
) -> None:
    """X-KPR-04: an executor cannot starve a fill into failing."""
    order = commit(1, 1_000)
    round_ = publish(ETH, price, DELAY)
    with refused("exchange: not enough gas"):
        exchange.execute(order, [round_], sender=keeper, gas=gas)
    assert exchange.execute(order, [round_], sender=keeper, gas=3_500_000).named("OrderFilled")


def test_execute__round_two_heartbeats_late__voids(
    protocol: Protocol,
    exchange: Contract,
    account: int,
    eth: int,
    keeper: str,
    commit: Callable[..., int],
    execute: Callable[..., Receipt],
) -> None:
    before = protocol.vault.treasury(account)
    order = commit(1, 1_000)
    receipt = execute(order, after=DELAY + 2 * protocol.oracle.heartbeat(eth) + 1)
    event = receipt.event("OrderVoided")
    assert (event.order, event.account) == (order, account)
    after = protocol.vault.treasury(account)
    assert (after.cash, after.escrow) == (before.cash, 0)
    assert protocol.vault.claimable(keeper) == 0
    assert not receipt.named("OrderFilled")


def test_execute__round_at_the_last_moment__fills(
    protocol: Protocol, eth: int, commit: Callable[..., int], execute: Callable[..., Receipt]
) -> None:
    order = commit(1, 1_000)
    assert execute(order, after=DELAY + 2 * protocol.oracle.heartbeat(eth)).named("OrderFilled")


def test_fill__by_anyone__reverts(
    exchange: Contract, commit: Callable[..., int], protocol: Protocol, trader: str, owner: str, price: int
) -> None:
    """AUT-1: only the exchange itself fills."""
    order = commit(1, 1_000)
    for sender in (trader, owner):
        with refused("exchange: not itself"):
            exchange.fill(order, [(protocol.markets[ETH].address, 1, price)], 0, sender, sender=sender)


def test_execute__two_orders__each_at_its_own_round(
    exchange: Contract, commit: Callable[..., int], publish: Callable[..., int], price: int, keeper: str
) -> None:
    first = commit(1, 2_000)
    publish(ETH, price, 10)
    second = commit(-1, 2_000)
    rounds = publish(ETH, price, 20), publish(ETH, price * 1001 // 1000, 10)
    sold = exchange.execute(second, [rounds[1]], sender=keeper).event("OrderFilled")
    bought = exchange.execute(first, [rounds[0]], sender=keeper).event("OrderFilled")
    assert (sold.round, bought.round) == (rounds[1], rounds[0])


def test_execute__funds_in_and_out__round_trip_never_gains(
    protocol: Protocol, account: int, eth: int, fill: Callable[..., Any], exchange: Contract
) -> None:
    """RND-5, X-ECO-04: opening and closing at one price costs the trader, whatever the sizes."""
    before = protocol.vault.treasury(account).cash
    for size in (1, 7, -3, 40):
        fill(size, 20_000)
        fill(-size, reduce_only=True)
    book = protocol.markets[ETH].book(account)
    assert book.size == 0
    fees = 8 * exchange.execution_fee()
    assert protocol.vault.treasury(account).cash + book.base < before - fees


def test_fee__any_volatility__follows_it_between_bounds(exchange: Contract, eth: int, params: Params) -> None:
    """Rates grow with σ_fast between one and the cap, and never fall with it."""
    fees = params.markets[ETH].fees
    rates = [exchange.fee(eth, WAD, volatility * WAD // 100) for volatility in range(0, 1_000, 10)]
    assert rates == sorted(rates)
    assert rates[0] == fees.base_fee
    assert rates[-1] == -(-fees.base_fee * fees.volatility_cap // WAD)
    with refused("exchange: market has no fees"):
        exchange.fee(99, WAD, WAD)
    assert exchange.fee(eth, ANY_PRICE, WAD) > 0


def test_execute__pools_book_short_and_relieved__topped_up_from_its_cash(
    protocol: Protocol, account: int, fill: Callable[..., Any], publish: Callable[..., int], trade: Callable[..., Any]
) -> None:
    """HLT-1: a fill that takes from its inventory lifts its book to initial margin, too, as far as there is cash."""
    market, pool = protocol.markets[ETH], protocol.pool_account
    fill(100, 95_000)
    for price in (3_200, 3_400):
        publish(ETH, price * WAD, after=700)
    before, cash = market.book_risk(pool), protocol.vault.treasury(pool).cash
    assert before.equity < before.initial
    assert trade(account, ETH, -10 * WAD).named("OrderFilled")
    after = market.book_risk(pool)
    assert after.equity == after.initial and protocol.vault.treasury(pool).cash < cash
