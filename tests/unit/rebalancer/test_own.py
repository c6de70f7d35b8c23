"""What owners and their operators do themselves: `rebalance_own`, `transfer_margin`; and `rebalance_many`."""

from __future__ import annotations

import pytest

from ballast.params import WAD
from tests.support import refused

MARGIN = 2


# rebalance_own


def test_rebalance_own__healthy_account__shares_without_trigger_or_reward(
    rebalancer, vault, build, guard, trader, keeper
):
    account = build(BTC=(30_000, 3_000), ETH=(5_000, 9_000))
    guard(account, enabled=False)
    assert rebalancer.preview_own(account).code == 0
    receipt = rebalancer.rebalance_own(account, sender=trader)
    event = receipt.event("Rebalanced")
    assert event.reward == 0 and event.moved > 0 and event.keeper == trader
    assert vault.claimable(trader) == 0


def test_rebalance_own__stranger__no_right(rebalancer, short, keeper):
    with refused("access: no right"):
        rebalancer.rebalance_own(short, sender=keeper)


def test_rebalance_own__operator__may(rebalancer, vault, short, trader, operator, chain):
    vault.set_operator(short, operator, MARGIN, chain.timestamp + 60, sender=trader)
    assert rebalancer.rebalance_own(short, sender=operator).event("Rebalanced").moved > 0


def test_rebalance_own__no_policy__off(rebalancer, account, trader):
    with refused("rebalancer: policy is off"):
        rebalancer.rebalance_own(account, sender=trader)


def test_rebalance_own__nothing_to_do__no_remedy(rebalancer, build, guard, trader):
    account = build(ETH=(5_000, 9_000))
    guard(account)
    with refused("rebalancer: no remedy"):
        rebalancer.rebalance_own(account, sender=trader)


# rebalance_many


def test_rebalance_many__some_due__skips_the_rest(rebalancer, vault, short, account, keeper):
    claimable = vault.claimable(keeper)
    receipt = rebalancer.rebalance_many([account, short, 9_999, short], sender=keeper)
    assert receipt.event("Rebalanced").account == short
    assert receipt.returned == vault.claimable(keeper) - claimable > 0


def test_rebalance_many__none_due__reverts(rebalancer, account, keeper):
    """A call without work earns nothing."""
    with refused("rebalancer: nothing due"):
        rebalancer.rebalance_many([account], sender=keeper)
    with refused("rebalancer: nothing due"):
        rebalancer.rebalance_many([], sender=keeper)


# the pool's account


def test_rebalance__pool__is_not_for_the_engine_yet(rebalancer, protocol, default, chain):
    pool = protocol.pool.ACCOUNT()
    assert rebalancer.check(pool)[0] is False


# transfer_margin


def test_transfer_margin__book_to_book__moves_exactly_that(protocol, rebalancer, vault, build, guard, trader):
    account = build(BTC=(30_000, 12_000), ETH=(5_000, 9_000))
    guard(account)
    before = [protocol.markets[name].book_risk(account).equity for name in ("BTC", "ETH")]
    cash = vault.treasury(account).cash
    receipt = rebalancer.transfer_margin(account, 2, 1, 1_000 * WAD, sender=trader)
    after = [protocol.markets[name].book_risk(account).equity for name in ("BTC", "ETH")]
    assert [now - then for now, then in zip(after, before, strict=True)] == [1_000 * WAD, -1_000 * WAD]
    assert vault.treasury(account).cash == cash
    assert [event.amount for event in receipt.named("MarginMoved")] == [-1_000 * WAD, 1_000 * WAD]


def test_transfer_margin__treasury_and_back__nothing_lost(vault, rebalancer, build, trader):
    account = build(cash=500, BTC=(30_000, 12_000))
    cash = vault.treasury(account).cash
    rebalancer.transfer_margin(account, 0, 1, 300 * WAD, sender=trader)
    assert vault.treasury(account).cash == cash - 300 * WAD
    rebalancer.transfer_margin(account, 1, 0, 300 * WAD, sender=trader)
    assert vault.treasury(account).cash == cash


def test_transfer_margin__more_than_withdrawable__reverts(protocol, rebalancer, build, trader):
    account = build(BTC=(30_000, 12_000))
    free = protocol.markets["BTC"].book_risk(account).withdrawable
    with refused("rebalancer: not withdrawable"):
        rebalancer.transfer_margin(account, 1, 0, free + 1, sender=trader)
    rebalancer.transfer_margin(account, 1, 0, free, sender=trader)


def test_transfer_margin__risk_share_broken__reverts_while_the_policy_is_on(rebalancer, build, guard, trader):
    account = build(BTC=(30_000, 12_000))
    guard(account, max_risk_share=10)
    with refused("rebalancer: above risk share"):
        rebalancer.transfer_margin(account, 1, 0, WAD, sender=trader)
    assert not rebalancer.within_risk_share(account, 1 << 1)
    guard(account, max_risk_share=10, enabled=False)
    assert rebalancer.within_risk_share(account, 1 << 1)
    rebalancer.transfer_margin(account, 1, 0, WAD, sender=trader)


@pytest.mark.parametrize(
    ("source", "target", "amount", "reason"),
    [
        (1, 1, WAD, "rebalancer: same book"),
        (0, 0, WAD, "rebalancer: same book"),
        (0, 1, 0, "vault: zero amount"),
        (9, 1, WAD, "vault: unknown market"),
        (0, 9, WAD, "vault: unknown market"),
        (0, 1, 10**30, "vault: insufficient cash"),
        (2, 1, WAD, "rebalancer: not withdrawable"),
    ],
)
def test_transfer_margin__bad_input__reverts(rebalancer, build, trader, source, target, amount, reason):
    account = build(cash=100, BTC=(30_000, 12_000))
    with refused(reason):
        rebalancer.transfer_margin(account, source, target, amount, sender=trader)


def test_transfer_margin__lately_rebalanced_and_no_book_there__not_withdrawable(rebalancer, short, trader, keeper):
    """What the engine has not filled it does not hold back; there is just nothing to take."""
    rebalancer.rebalance(short, sender=keeper)
    with refused("rebalancer: not withdrawable"):
        rebalancer.transfer_margin(short, 3, 0, WAD, sender=trader)
    with refused("rebalancer: lately filled"):
        rebalancer.transfer_margin(short, 1, 0, WAD, sender=trader)


def test_transfer_margin__stranger__no_right(rebalancer, short, stranger):
    with refused("access: no right"):
        rebalancer.transfer_margin(short, 0, 1, WAD, sender=stranger)


# reason


def test_reason__every_code__its_own_words(rebalancer):
    reasons = [rebalancer.reason(code) for code in range(11)]
    assert reasons[0] == "" and len(set(reasons)) == 11
