"""Unprocessed rounds are work for whoever comes next: as many as there can be must not make a market look frozen."""

from __future__ import annotations

from ballast.params import WAD

BURNS = 2  # of `MockBrokenFeed`
REDUCE, TAKE, FILL, TAP = 2, 4, 8, 16  # gates
TRIED_GAS = 400_000  # of the planner's calls
COLD = (
    30_000 + 16 * 4_200
)  # [gas] at most, what a first touch costs on top: two slots a round, and what all rounds share


def test_pending_rounds__sixteen__leave_room_in_a_tried_call(
    protocol, open_account, open_book, trader, publish
) -> None:
    """X-DOS-01."""
    account = open_account(trader, 200_000 * WAD)
    open_book(account, "ETH", 10 * WAD, 20_000 * WAD)
    market = protocol.markets["ETH"]
    market.settle(sender=trader)
    for step in range(16):
        publish("ETH", (3_000 + 20 * (step % 2)) * WAD, after=5)
    assert protocol.oracle.pending(2) == 16
    assert market.book_risk.call(account, gas=TRIED_GAS - COLD).round
    assert market.preview_reduce.call(account, WAD // 2, 0, gas=TRIED_GAS - COLD).risk.round
    assert market.settle(sender=trader).gas_used - 21_000 < TRIED_GAS - COLD


def test_pending_rounds__sixteen_and_a_second_feed_that_burns_its_gas__leave_room_too(
    protocol, params, open_account, open_book, trader, owner, publish
) -> None:
    """X-DOS-01, X-ORC-08: whatever a second feed and a sequencer's feed do with the gas they get."""
    account = open_account(trader, 200_000 * WAD)
    open_book(account, "ETH", 10 * WAD, 20_000 * WAD)
    second = protocol.chain.deploy("MockBrokenFeed", protocol.feeds["ETH"].address, sender=owner)
    sequencer = protocol.chain.deploy("MockSequencerFeed", sender=owner)
    sequencer.set_answer(0, 1, sender=owner)
    terms = params.markets["ETH"].feed.struct(protocol.feeds["ETH"].address)
    terms |= {"second_feed": second.address, "second_max_age": 3_600, "max_deviation": WAD // 100}
    protocol.oracle.set_feed(2, terms, 3_000 * WAD, sender=owner)
    protocol.oracle.set_sequencer(sequencer.address, 0, sender=owner)
    for step in range(16):
        publish("ETH", (3_000 + 20 * (step % 2)) * WAD, after=5)
    second.set_breakage(BURNS, sender=owner)
    market = protocol.markets["ETH"]
    assert market.book_risk.call(account, gas=TRIED_GAS - COLD).gates == REDUCE | TAKE | FILL | TAP
    assert market.preview_reduce.call(account, WAD // 2, 0, gas=TRIED_GAS - COLD).risk.round
    assert market.settle(sender=trader).gas_used - 21_000 < TRIED_GAS - COLD


def test_pending_rounds__seventeen__are_no_frozen_market_but_a_poke(
    protocol, open_account, open_book, trader, publish, set_policy, keeper
) -> None:
    """X-DOS-01: the plan waits for a poke that anyone can send, and then goes on."""
    account = open_account(trader, 11_001 * WAD)
    open_book(account, "ETH", 20 * WAD, 11_000 * WAD)
    set_policy(account)
    protocol.markets["ETH"].settle(sender=trader)
    for step in range(17):
        publish("ETH", (3_000 - 25 * step) * WAD, after=5)
    assert protocol.rebalancer.check(account) == (False, 4)
    protocol.oracle.poke(2, sender=keeper)
    assert protocol.rebalancer.check(account) == (True, 0)
    assert protocol.rebalancer.rebalance(account, sender=keeper).named("Rebalanced")
