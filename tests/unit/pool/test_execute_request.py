from __future__ import annotations

from collections.abc import Callable

import pytest

from ballast.chain import Reverted
from ballast.deploy import Protocol
from ballast.params import Params
from tests.unit.pool.shares import USDC, WAD, Shareholders

VIRTUAL = 10**12


def shares_for(assets: int, supply: int, net: int) -> int:
    return assets * (supply + VIRTUAL) // (net + VIRTUAL)


def test_execute_request__entry__mints_to_be_claimed(protocol: Protocol, holders: Shareholders, trader: str) -> None:
    pool = protocol.pool
    id_ = holders.request_entry(trader, 1_000 * WAD)
    holders.ripen()
    supply, net = pool.totalSupply(), holders.cash(holders.account)

    receipt = holders.execute(id_)

    shares = shares_for(1_000 * WAD, supply, net)
    assert receipt.event("RequestExecuted").args == {
        "requestId": id_,
        "controller": trader,
        "assets": 1_000 * USDC,
        "shares": shares,
        "rest": 0,
    }
    assert pool.request(id_).status == 2
    assert pool.pendingDepositRequest(id_, trader) == 0
    assert pool.claimableDepositRequest(id_, trader) == pool.maxDeposit(trader) == 1_000 * USDC
    assert pool.maxMint(trader) == pool.balanceOf(pool.address) == shares
    assert pool.totalSupply() == supply + shares
    assert holders.cash(holders.account) == net + 1_000 * WAD
    assert holders.cash(holders.entry_account) == 0
    assert protocol.token.balanceOf(pool.address) == 0


def test_execute_request__exit__sets_the_tokens_aside(protocol: Protocol, holders: Shareholders, owner: str) -> None:
    pool = protocol.pool
    id_ = holders.request_exit(owner, 1_000 * WAD)
    holders.ripen()
    supply, net = pool.totalSupply(), holders.cash(holders.account)

    holders.execute(id_)

    assets = 1_000 * WAD * (net + VIRTUAL) // (supply + VIRTUAL) // 10**12
    assert pool.maxWithdraw(owner) == assets
    assert pool.maxRedeem(owner) == pool.claimableRedeemRequest(id_, owner) == 1_000 * WAD
    assert pool.totalSupply() == supply - 1_000 * WAD
    assert pool.balanceOf(pool.address) == 0
    assert holders.cash(holders.exit_account) == assets * 10**12
    assert holders.cash(holders.account) == net - assets * 10**12


def test_execute_request__early__reverts(protocol: Protocol, holders: Shareholders, trader: str, owner: str) -> None:
    ids = [holders.request_entry(trader, 1_000 * WAD), holders.request_exit(owner, WAD)]
    due = protocol.pool.request(ids[0]).due
    protocol.chain.set_time(due - 1)
    for id_ in ids:
        with pytest.raises(Reverted) as refusal:
            holders.execute(id_)
        assert refusal.value.reason == "pool: too early"
    protocol.chain.set_time(due)
    holders.execute(ids[0])


def test_execute_request__twice_or_unknown__reverts(protocol: Protocol, holders: Shareholders, trader: str) -> None:
    id_ = holders.request_entry(trader, 1_000 * WAD)
    holders.ripen()
    holders.execute(id_)
    supply = protocol.pool.totalSupply()
    for again in (id_, 0, id_ + 1):
        with pytest.raises(Reverted) as refusal:
            holders.execute(again)
        assert refusal.value.reason == "pool: no such request"
    assert protocol.pool.totalSupply() == supply


def test_execute_request__round_before_it_was_due__reverts(
    protocol: Protocol, holders: Shareholders, short_pool: None, trader: str
) -> None:
    """ORC-1: priced by the first round from its due time on, and by no other."""
    id_ = holders.request_entry(trader, 1_000 * WAD)
    protocol.chain.advance(protocol.pool.REQUEST_DELAY() - 1)
    early = holders.publish()
    protocol.chain.advance(1)
    with pytest.raises(Reverted) as refusal:
        holders.execute(id_, early)
    assert refusal.value.reason == "oracle: round too early"
    first = holders.publish()
    protocol.chain.advance(60)
    second = holders.publish()
    with pytest.raises(Reverted) as refusal:
        holders.execute(id_, second)
    assert refusal.value.reason == "oracle: not the first round"
    with pytest.raises(Reverted) as refusal:
        holders.execute(id_, [0])
    assert refusal.value.reason in ("oracle: unknown round", "oracle: empty round")
    holders.execute(id_, first)


def test_execute_request__not_one_round_a_book__reverts(
    protocol: Protocol, holders: Shareholders, short_pool: None, trader: str
) -> None:
    id_ = holders.request_entry(trader, 1_000 * WAD)
    rounds = holders.ripen()
    for wrong in ([], rounds * 2):
        with pytest.raises(Reverted) as refusal:
            holders.execute(id_, wrong)
        assert refusal.value.reason == "pool: one round per book"
    holders.execute(id_, rounds)


@pytest.mark.parametrize("later", [2_900, 3_100])
def test_execute_request__entry_late__pays_the_highest_of_three(
    protocol: Protocol, holders: Shareholders, short_pool: None, trader: str, later: int
) -> None:
    """X-SHR-03: the price at which it was due counts, or waiting for the pool to lose would be free."""
    id_ = holders.request_entry(trader, 1_000 * WAD)
    rounds = holders.ripen(ETH=3_000 * WAD)
    protocol.chain.advance(600)
    holders.publish(ETH=later * WAD)
    supply = protocol.pool.totalSupply()
    average = protocol.oracle.quote(protocol.market_ids["ETH"]).average
    worths = [holders.value_at("ETH", price) for price in (3_000 * WAD, later * WAD, average)]

    holders.execute(id_, rounds)

    assert len(set(worths)) == 3 or average == 3_000 * WAD
    assert abs(protocol.pool.maxMint(trader) - shares_for(1_000 * WAD, supply, max(worths))) <= 1


@pytest.mark.parametrize("later", [2_900, 3_100])
def test_execute_request__exit_late__gets_the_lowest_of_three(
    protocol: Protocol, holders: Shareholders, short_pool: None, owner: str, later: int
) -> None:
    """X-SHR-03: a pumped price does not leave with the shares."""
    pool = protocol.pool
    id_ = holders.request_exit(owner, 1_000 * WAD)
    rounds = holders.ripen(ETH=3_000 * WAD)
    protocol.chain.advance(600)
    holders.publish(ETH=later * WAD)
    supply = pool.totalSupply()
    average = protocol.oracle.quote(protocol.market_ids["ETH"]).average
    lowest = min(holders.value_at("ETH", price) for price in (3_000 * WAD, later * WAD, average))

    holders.execute(id_, rounds)

    assert abs(pool.maxWithdraw(owner) - 1_000 * WAD * (lowest + VIRTUAL) // (supply + VIRTUAL) // 10**12) <= 1


def test_execute_request__moving_average__is_one_of_the_three(
    protocol: Protocol, holders: Shareholders, short_pool: None, trader: str, owner: str
) -> None:
    """X-SHR-03: at a price that moved a moment ago, entry pays and exit gets the average where that is worse."""
    entry, exit_ = holders.request_entry(trader, 1_000 * WAD), holders.request_exit(owner, 1_000 * WAD)
    protocol.chain.advance(protocol.pool.REQUEST_DELAY() - 60)
    holders.publish()
    protocol.chain.advance(60)
    rounds = holders.publish(ETH=3_150 * WAD)  # the pool is short: it loses
    net = protocol.pool.net_assets()
    average = protocol.oracle.quote(protocol.market_ids["ETH"]).average
    assert average < 3_150 * WAD
    assert net.lowest == net.present < net.highest
    assert abs(net.highest - holders.value_at("ETH", average)) <= 2
    supply = protocol.pool.totalSupply()
    holders.execute(entry, rounds)
    assert protocol.pool.maxMint(trader) == shares_for(1_000 * WAD, supply, net.highest)
    net, supply = protocol.pool.net_assets(), protocol.pool.totalSupply()
    holders.execute(exit_, rounds)
    assets = 1_000 * WAD * (net.lowest + VIRTUAL) // (supply + VIRTUAL) // 10**12
    assert protocol.pool.maxWithdraw(owner) == assets


def test_execute_request__frozen_book__closed_both_ways(
    protocol: Protocol, holders: Shareholders, short_pool: None, trader: str, owner: str
) -> None:
    """X-SHR-03: nobody enters or leaves at a price that is not there; other markets' feeds do not matter."""
    ids = [holders.request_entry(trader, 1_000 * WAD), holders.request_exit(owner, WAD)]
    rounds = holders.ripen()
    protocol.chain.advance(86_400)
    for id_ in ids:
        with pytest.raises(Reverted) as refusal:
            holders.execute(id_, rounds)
        assert refusal.value.reason == "oracle: stale price"
    protocol.publish("ETH", 3_000 * WAD, owner)
    for id_ in ids:
        holders.execute(id_, rounds)


def test_execute_request__jump_that_nothing_confirms__waits_for_it_to_pass(
    protocol: Protocol, holders: Shareholders, short_pool: None, params: Params, trader: str, owner: str
) -> None:
    """X-SHR-03, ORC-5: whoever executes others' requests at a false price would pay himself with their money."""
    ids = [holders.request_entry(trader, 1_000 * WAD), holders.request_exit(owner, WAD)]
    rounds = holders.ripen(ETH=2_300 * WAD)
    for id_ in ids:
        with pytest.raises(Reverted) as refusal:
            holders.execute(id_, rounds)
        assert refusal.value.reason == "pool: price not confirmed"
    assert protocol.pool.totalAssets() > 0  # the views go on
    protocol.chain.advance(params.markets["ETH"].feed.jump_duration)
    for id_ in ids:
        holders.execute(id_, rounds)


def test_execute_request__book_without_a_position__needs_no_price(
    protocol: Protocol, holders: Shareholders, short_pool: None, account: int, trade: Callable[..., object], trader: str
) -> None:
    """§7.10: a market in which the pool holds nothing closes nothing."""
    trade(account, "ETH", -100 * WAD, reduce_only=True)
    assert protocol.markets["ETH"].book(holders.account).size == 0
    assert protocol.markets["ETH"].book(holders.account).base != 0
    id_ = holders.request_entry(trader, 1_000 * WAD)
    protocol.chain.advance(86_400)
    holders.execute(id_, [0])
    assert protocol.pool.maxDeposit(trader) == 1_000 * USDC


def test_execute_request__book_below_zero__closed_until_it_is_cured(
    protocol: Protocol, holders: Shareholders, short_pool: None, trader: str, owner: str, publish: Callable[..., int]
) -> None:
    """X-SHR-03: while a deficit is known that is nobody's yet, nobody leaves it to the others."""
    entry, exit_ = holders.request_entry(trader, 1_000 * WAD), holders.request_exit(owner, WAD)
    equity = protocol.markets["ETH"].book_risk(holders.account).equity
    gone = 3_000 * WAD + equity * WAD // (100 * WAD) + 10 * WAD
    rounds = holders.ripen(ETH=gone)
    assert protocol.markets["ETH"].book_risk(holders.account).equity < 0
    for id_ in (entry, exit_):
        with pytest.raises(Reverted) as refusal:
            holders.execute(id_, rounds)
        assert refusal.value.reason == "pool: below zero"
    with pytest.raises(Reverted, match="pool: below zero"):
        protocol.pool.totalAssets()
    protocol.chain.advance(60)
    holders.publish(ETH=3_000 * WAD)
    holders.execute(exit_, rounds)


def test_execute_request__traders_below_zero__their_deficit_is_not_counted(
    protocol: Protocol, holders: Shareholders, short_pool: None, account: int, owner: str
) -> None:
    """X-SHR-03: the pool's book is worth no more than the vault holds for its market."""
    exit_ = holders.request_exit(owner, 1_000 * WAD)
    rounds = holders.ripen(ETH=2_000 * WAD)  # the trader has lost $100,000 of $60,000
    protocol.chain.advance(600)  # a jump
    market, id_ = protocol.markets["ETH"], protocol.market_ids["ETH"]
    assert market.book_risk(account).equity < 0
    held = protocol.vault.market(id_)[1]
    assert market.book_risk(holders.account).equity > held
    assert protocol.pool.net_assets().present == holders.cash(holders.account) + held
    holders.execute(exit_, rounds)


def test_execute_request__queued_shares__bear_losses(
    protocol: Protocol, holders: Shareholders, short_pool: None, trader: str, owner: str
) -> None:
    """SOL-2: whoever asks to leave before a loss shares in it until he is executed."""
    pool = protocol.pool
    exit_ = holders.request_exit(owner, pool.balanceOf(owner) // 2)
    before = pool.convertToAssets(WAD * 1_000)
    rounds = holders.ripen(ETH=3_100 * WAD)
    holders.execute(exit_, rounds)
    paid = pool.maxWithdraw(owner) * 1_000 * WAD // pool.maxRedeem(owner)
    assert paid < before
    assert abs(paid - pool.convertToAssets(WAD * 1_000)) <= 1


def test_execute_request__exit_beyond_free_cash__in_part_and_the_rest_later(
    protocol: Protocol, holders: Shareholders, short_pool: None, owner: str, trader: str
) -> None:
    pool = protocol.pool
    shares = pool.balanceOf(owner)
    id_ = holders.request_exit(owner, shares)
    rounds = holders.ripen()
    free = pool.net_assets().free // 10**12
    assert free < pool.convertToAssets(shares)
    due = pool.request(id_).due

    receipt = holders.execute(id_)

    event = receipt.event("RequestExecuted")
    assert event.assets == pool.maxWithdraw(owner) == free
    assert event.rest == id_ + 1
    rest = pool.request(event.rest)
    assert (rest.controller, rest.is_exit, rest.status) == (owner, True, 1)
    assert rest.due == due
    assert rest.amount + event.shares == shares
    assert pool.request(id_).amount == pool.claimableRedeemRequest(id_, owner) == event.shares
    assert pool.balanceOf(pool.address) == pool.totalSupply() == rest.amount
    assert holders.cash(holders.account) < 10**12
    worth = pool.convertToAssets(10**21)
    assert worth >= 1_000 * USDC - 1

    with pytest.raises(Reverted) as refusal:
        holders.execute(event.rest)
    assert refusal.value.reason == "pool: no free cash"
    holders.enter(trader, 500 * WAD)
    with pytest.raises(Reverted) as refusal:
        holders.execute(event.rest)
    assert refusal.value.reason == "oracle: not the first round"
    assert holders.execute(event.rest, rounds).event("RequestExecuted").assets != 0


def test_execute_request__exit_of_a_wei__is_burnt_for_nothing(
    protocol: Protocol, holders: Shareholders, owner: str
) -> None:
    """RND-4: less than a token unit is nobody's; it blocks nothing."""
    supply, cash = protocol.pool.totalSupply(), holders.cash(holders.account)
    id_ = holders.request_exit(owner, 1)
    holders.ripen()
    holders.execute(id_)
    assert protocol.pool.totalSupply() == supply - 1
    assert holders.cash(holders.account) == cash
    assert (protocol.pool.maxRedeem(owner), protocol.pool.maxWithdraw(owner)) == (1, 0)


def test_execute_request__pool_below_zero_at_the_round_it_was_due__reverts(
    protocol: Protocol, holders: Shareholders, short_pool: None, owner: str
) -> None:
    """X-SHR-03: what is worth nothing at one of the three prices is not handed out at the others."""
    pool = protocol.pool
    id_ = holders.request_exit(owner, pool.balanceOf(owner) * 1_999 // 2_000)
    holders.execute(id_, holders.ripen())
    rest = holders.request_exit(owner, pool.balanceOf(owner))
    rounds = holders.ripen(ETH=3_400 * WAD)
    protocol.chain.advance(1_800)
    holders.publish(ETH=3_000 * WAD)
    protocol.chain.advance(1_800)
    assert pool.net_assets().lowest > 0
    with pytest.raises(Reverted) as refusal:
        holders.execute(rest, rounds)
    assert refusal.value.reason == "pool: below zero"


def test_execute_request__locked_profit__is_counted_and_stays(
    protocol: Protocol, holders: Shareholders, short_pool: None, owner: str
) -> None:
    """HLT-9: locks bind the pool as they bind everybody."""
    pool, vault = protocol.pool, protocol.vault
    treasury = vault.treasury(holders.account)
    assert pool.net_assets().free == treasury.cash - treasury.locked


def test_donation__to_the_pools_account__is_its_holders(
    protocol: Protocol, holders: Shareholders, owner: str, stranger: str, trader: str
) -> None:
    """SOL-7, X-SHR-01: a gift raises the price of shares by itself and of nothing else."""
    pool = protocol.pool
    waiting = holders.request_entry(trader, 1_000 * WAD)
    supply, before = pool.totalSupply(), pool.totalAssets()
    raw = protocol.mint(stranger, 1_000_000 * WAD, owner)
    protocol.token.approve(protocol.vault.address, raw, sender=stranger)
    protocol.vault.deposit(holders.account, protocol.token.address, raw, sender=stranger)
    assert pool.totalAssets() == before + raw
    assert pool.totalSupply() == supply
    holders.ripen()
    holders.execute(waiting)
    shares = pool.maxMint(trader)
    assert 999_999_999 <= pool.convertToAssets(shares) <= 1_000 * USDC


@pytest.mark.parametrize("first", [1, 10, USDC])
@pytest.mark.parametrize("gift", [USDC, 10_000 * USDC, 10**9 * USDC])
def test_inflation__first_depositor_and_a_gift__robs_nobody(
    protocol: Protocol, holders: Shareholders, owner: str, stranger: str, trader: str, first: int, gift: int
) -> None:
    """X-SHR-02: whoever enters an empty pool and donates, to round the next one's shares away, loses by it."""
    pool, token = protocol.pool, protocol.token
    pool.set_max_assets(2**200, sender=owner)
    holders.leave(owner, pool.balanceOf(owner))
    dust = holders.cash(holders.account)
    protocol.mint(stranger, (first + gift) * 10**12, owner)
    token.approve(pool.address, 2**256 - 1, sender=stranger)
    token.approve(protocol.vault.address, 2**256 - 1, sender=stranger)
    attack = pool.requestDeposit(first, stranger, stranger, sender=stranger).event("DepositRequest").requestId
    victim = holders.request_entry(trader, 5_000 * WAD)
    holders.ripen()
    holders.execute(attack)
    protocol.vault.deposit(holders.account, token.address, gift, sender=stranger)
    holders.execute(victim)

    assert pool.convertToAssets(pool.maxMint(trader)) >= 5_000 * USDC - 1 - gift // 10**12
    taken = pool.convertToAssets(pool.maxMint(stranger))
    assert taken <= first + gift + dust // 10**12
    assert first > 1 or taken <= gift // 2 + gift // 10**12 + 2  # the other half is the virtual share's


def test_round_trip__at_one_price__never_gains(protocol: Protocol, holders: Shareholders, trader: str) -> None:
    """RND-2, RND-5: in and out again, odd amounts, brings nothing."""
    for amount in (1, 7, 10**6 + 1, 12_345_678_901):
        protocol.mint(trader, amount * 10**12, holders.owner)
        before = protocol.token.balanceOf(trader)
        shares = holders.enter(trader, amount * 10**12)
        price = protocol.pool.convertToAssets(10**24)
        if shares:
            id_ = holders.request_exit(trader, shares)
            holders.ripen()
            holders.execute(id_)
            if protocol.pool.maxWithdraw(trader):
                protocol.pool.redeem(protocol.pool.maxRedeem(trader), trader, trader, sender=trader)
        assert protocol.token.balanceOf(trader) <= before + amount
        assert protocol.pool.convertToAssets(10**24) >= price
