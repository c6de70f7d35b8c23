"""The plain keeper: executes, voids, pokes, rebalances; sends nothing that would be refused."""

from __future__ import annotations

import pytest

from ballast.keeper import Keeper, Work
from ballast.params import WAD


@pytest.fixture
def bot(protocol, keeper):
    return Keeper(protocol, keeper)


@pytest.fixture
def commit(protocol, account, trader):
    def commit_(size=WAD, limit=4_000 * WAD, margin=1_000 * WAD):
        leg = protocol.market_ids["ETH"], size, limit, margin
        receipt = protocol.exchange.commit(account, [leg], False, sender=trader)
        return receipt.event("OrderCommitted").order

    return commit_


@pytest.fixture
def guarded(protocol, account, open_book, params, trader):
    """An account whose policy is on, with one book of 5× in ETH."""
    open_book(account, "ETH", 10 * WAD, 6_000 * WAD)
    protocol.rebalancer.set_policy(account, params.policy.model_dump(), sender=trader)
    return account


def test_run_once__nothing_to_do__does_nothing(bot, guarded):
    work = bot.run_once()

    assert not work
    assert work.accounts == guarded
    assert work.receipts == []


def test_run_once__order_not_due__leaves_it(bot, commit, publish):
    commit()
    publish("ETH", 3_000 * WAD, after=29)

    assert not bot.run_once()


def test_run_once__ripe_order__earns_the_execution_fee(protocol, bot, commit, publish, keeper, params):
    order = commit()
    publish("ETH", 3_000 * WAD, after=30)

    work = bot.run_once()

    assert work.filled == [order]
    assert protocol.vault.claimable(keeper) == params.exchange.execution_fee


def test_run_once__two_legs__waits_for_both_and_finds_each_first_round(protocol, bot, account, trader, publish):
    legs = [(protocol.market_ids[name], WAD, 10**30, 1_000 * WAD) for name in ("ETH", "LINK")]
    order = protocol.exchange.commit(account, legs, False, sender=trader).event("OrderCommitted").order
    eth = publish("ETH", 3_000 * WAD, after=30)
    assert not bot.run_once()
    publish("ETH", 3_010 * WAD, after=30)
    link = publish("LINK", 15 * WAD, after=30)
    publish("LINK", 15 * WAD, after=30)

    work = bot.run_once()

    assert work.filled == [order]
    assert [event.round for event in work.receipts[0].named("OrderFilled")] == [eth, link]


def test_run_once__one_of_two_legs_gets_no_round__voids(protocol, bot, account, trader, publish):
    legs = [(protocol.market_ids[name], WAD, 10**30, 1_000 * WAD) for name in ("ETH", "LINK")]
    order = protocol.exchange.commit(account, legs, False, sender=trader).event("OrderCommitted").order
    publish("ETH", 3_000 * WAD, after=30)
    protocol.chain.advance(2 * protocol.oracle.heartbeat(legs[1][0]))
    assert not bot.run_once()
    protocol.chain.advance(1)

    assert bot.run_once().voided == [order]


def test_run_once__many_rounds_later__finds_the_first(protocol, bot, commit, publish):
    order = commit()
    publish("ETH", 3_000 * WAD, after=10)
    first = publish("ETH", 3_010 * WAD, after=25)
    for step in range(5):
        publish("ETH", (3_020 + step) * WAD, after=60)

    work = bot.run_once()

    assert work.filled == [order]
    assert work.receipts[0].event("OrderFilled").round == first


def test_run_once__more_rounds_than_one_call_consumes__pokes_first(protocol, bot, commit, publish):
    order = commit()
    for step in range(40):
        publish("ETH", (3_000 + step) * WAD, after=30)

    work = bot.run_once()

    assert work.poked == ["ETH"]
    assert work.filled == [order]
    assert protocol.oracle.pending(protocol.market_ids["ETH"]) == 0


def test_run_once__feed_of_a_collateral_alone__is_poked_too(protocol, bot, publish, params):
    """No market consumes its rounds; with more than one call takes, the collateral would count for nothing."""
    feed_id = params.feed_id("EURC")
    for step in range(17):
        publish("EURC", WAD + step * 10**14, after=30)

    assert bot.run_once().poked == ["EURC"]
    assert protocol.oracle.quote(feed_id).price == WAD + 16 * 10**14


def test_run_once__limit_passed__files_the_order_as_failed(bot, commit, publish):
    order = commit(limit=2_000 * WAD)
    publish("ETH", 3_000 * WAD, after=30)

    work = bot.run_once()

    assert (work.filled, work.failed) == ([], [order])


def test_run_once__no_round_for_two_heartbeats__voids(protocol, bot, commit, account):
    cash = protocol.vault.treasury(account).cash
    order = commit()
    protocol.chain.advance(30 + 2 * 3_600 + 1)

    work = bot.run_once()

    assert work.voided == [order]
    assert protocol.vault.treasury(account).cash == cash


def test_run_once__dry__says_and_sends_nothing(protocol, commit, publish, keeper):
    order = commit()
    publish("ETH", 3_000 * WAD, after=30)

    work = Keeper(protocol, keeper, dry_run=True).run_once()

    assert work.filled == [order]
    assert work.receipts == []
    assert protocol.exchange.order(order).account
    assert protocol.vault.claimable(keeper) == 0


def test_run_once__executed_orders__are_not_asked_for_again(bot, commit, publish):
    for _ in range(3):
        commit()
    publish("ETH", 3_000 * WAD, after=30)
    assert bot.run_once().filled == [1, 2, 3]

    bot.run_once()

    assert bot._first_order == 4


def test_run_once__fall__rebalances_the_guarded_account(protocol, bot, guarded, publish, keeper):
    publish("ETH", 2_500 * WAD, after=3_600)
    before, earned = protocol.lens.scan(guarded, 1)[0], protocol.vault.claimable(keeper)

    work = bot.run_once()

    after = protocol.lens.scan(guarded, 1)[0]
    assert work.rebalanced == [guarded]
    assert after.min_z > before.min_z
    assert after.equity == before.equity - (protocol.vault.claimable(keeper) - earned)
    assert not bot.run_once()


def test_rebalance__one_account_spoils_the_batch__the_others_are_saved(
    protocol, bot, guarded, publish, keeper, monkeypatch
):
    publish("ETH", 2_500 * WAD, after=3_600)
    work = Work()
    monkeypatch.setattr(bot, "due", lambda work: [guarded, 10**30])

    bot.rebalance(work)

    assert work.rebalanced == [guarded]


def test_run__node_goes_down__waits_for_it(bot, monkeypatch):
    from ballast.chain import NodeError

    passes = []

    def run_once():
        passes.append(1)
        if len(passes) == 1:
            raise NodeError("no node answers at http://127.0.0.1:1")
        return Work()

    monkeypatch.setattr(bot, "run_once", run_once)

    bot.run(interval=0, until=lambda: len(passes) == 2)

    assert len(passes) == 2
