"""What holds for every rebalance, whatever the account: the ids of docs/assurance.md."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ballast.chain import Contract, Receipt, Reverted
from ballast.deploy import Protocol
from ballast.params import WAD

PRICES = range(60_000, 40_000, -1_500)  # of BTC: from healthy to beyond saving, for a 4.3× book


@pytest.fixture
def state_of(protocol: Protocol) -> Callable[[int], Any]:
    """`state_of(account)`: its treasury and all its books as they are stored."""

    def state_(account: int) -> Any:
        books = [tuple(market.book(account)) for market in protocol.markets.values()]
        return tuple(protocol.vault.treasury(account)), books

    return state_


def attempt(rebalancer: Contract, account: int, keeper: str) -> str:
    """The reason with which `rebalance` reverts; empty where it succeeds."""
    try:
        assert rebalancer.rebalance(account, sender=keeper).event("Rebalanced").account == account
    except Reverted as refusal:
        return str(refusal.reason)
    return ""


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({}, {0, 8, 9}),
        ({"enabled": False}, {1}),
        ({"treasury_reserve": 5_000 * WAD}, {0, 8, 9}),
        ({"no_fund": 1 << 1}, {0, 8, 9}),
        ({"no_tap": 1 << 2}, {0, 8, 9}),
        ({"max_delever": 0}, {0, 8, 9}),
        ({"min_move": 20_000 * WAD}, {8, 9, 10}),
    ],
    ids=["default", "off", "reserve", "no fund", "no tap", "no cuts", "big moves only"],
)
def test_check__any_state__says_what_rebalance_does(
    rebalancer: Contract,
    short: int,
    guard: Callable[..., None],
    publish: Callable[..., int],
    keeper: str,
    changes: dict[str, Any],
    codes: set[int],
) -> None:
    """§7.5, REB-8, REB-13: the code, and the reason in words, from healthy to beyond saving and under any policy."""
    guard(short, **changes)
    chain, outcomes = rebalancer.chain, set()
    for price in PRICES:
        publish("BTC", price * WAD, after=12)
        due, code = rebalancer.check(short)
        state = chain.snapshot()
        reason = attempt(rebalancer, short, keeper)
        chain.revert(state)
        assert (due, reason) == (code == 0, rebalancer.reason(code))
        outcomes.add(code)
    assert outcomes == codes


def test_rebalance__other_accounts_of_the_owner__untouched(
    rebalancer: Contract,
    short: int,
    build: Callable[..., int],
    publish: Callable[..., int],
    state_of: Callable[[int], Any],
    keeper: str,
) -> None:
    """REB-4, HLT-5: a second account of the same owner, as short or rich, gives nothing and gets nothing."""
    twin = build(cash=5_000, BTC=(30_000, 16_000), ETH=(3_000, 9_000))
    publish("BTC", 50_400 * WAD, after=30)
    before = state_of(twin)
    assert rebalancer.rebalance(short, sender=keeper).event("Rebalanced").moved > 0
    assert state_of(twin) == before


@pytest.mark.parametrize("price", PRICES)
def test_rebalance__any_price__no_donor_ends_below_its_floor(
    protocol: Protocol, rebalancer: Contract, short: int, publish: Callable[..., int], keeper: str, price: int
) -> None:
    """REB-2, REB-16, §7.4: who gives keeps its floor, above any liquidation; who gets is not filled beyond z_target."""
    publish("BTC", price * WAD, after=30)
    due, code = rebalancer.check(short)
    assert code == (8 if price > 54_000 else 0 if price > 44_000 else 9)
    if not due:
        return
    plan = rebalancer.preview(short)
    rebalancer.rebalance(short, sender=keeper)
    policy = rebalancer.policy(short)
    for transfer in plan.transfers:
        risk = list(protocol.markets.values())[transfer.slot].book_risk(short)
        if transfer.amount < 0:
            distance = risk.maintenance + policy.z_donor * risk.sigma_loss // WAD
            assert risk.equity >= max(distance, risk.donor_floor) > risk.maintenance
        else:
            assert risk.equity <= risk.maintenance + policy.z_target * risk.sigma_loss // WAD


def test_rebalance__whoever_calls__the_same_outcome(
    rebalancer: Contract, short: int, state_of: Callable[[int], Any], keeper: str, stranger: str, owner: str
) -> None:
    """REB-10: nothing about the caller has any influence."""
    chain, outcomes = rebalancer.chain, []
    for caller in (keeper, stranger, owner):
        state = chain.snapshot()
        receipt = rebalancer.rebalance(short, sender=caller)
        event = receipt.event("Rebalanced")
        assert event.keeper == caller
        outcomes.append((state_of(short), event.moved, event.reward, receipt.returned))
        chain.revert(state)
    assert outcomes[0] == outcomes[1] == outcomes[2]


def test_rebalance__state_moved_after_the_preview__plans_anew(
    protocol: Protocol, rebalancer: Contract, short: int, publish: Callable[..., int], owner: str, keeper: str
) -> None:
    """REB-13: a plan is never carried from one moment to the next: price and cash at execution decide."""
    stale = rebalancer.preview(short)
    publish("BTC", 50_000 * WAD, after=12)
    raw = protocol.mint(owner, 3_000 * WAD, owner)
    protocol.token.approve(protocol.vault.address, raw, sender=owner)
    protocol.vault.deposit(short, protocol.token.address, raw, sender=owner)
    fresh = rebalancer.preview(short)
    assert fresh.transfers != stale.transfers
    receipt = rebalancer.rebalance(short, sender=keeper)
    assert receipt.event("Rebalanced").moved == fresh.moved
    assert [event.amount for event in receipt.named("MarginMoved")] == [move.amount for move in fresh.transfers]


def test_rebalance__refused__pays_nobody_and_moves_nothing(
    rebalancer: Contract,
    vault: Contract,
    build: Callable[..., int],
    guard: Callable[..., None],
    state_of: Callable[[int], Any],
    short: int,
    keeper: str,
) -> None:
    """KPR-1, KPR-2: healthy, off, unknown, twice on the same rounds: no reward, no wei moved."""
    healthy, off = build(BTC=(30_000, 14_000)), build(BTC=(30_000, 14_000))
    guard(healthy)
    rebalancer.chain.advance(1)
    rebalancer.rebalance(short, sender=keeper)
    accounts = healthy, off, short
    before, earned = [state_of(account) for account in accounts], vault.claimable(keeper)
    for account, reason in (
        (healthy, "rebalancer: healthy"),
        (off, "rebalancer: policy is off"),
        (9_999, "rebalancer: unknown account"),
        (short, "rebalancer: same rounds"),
    ):
        assert attempt(rebalancer, account, keeper) == reason
    with pytest.raises(Reverted) as refusal:
        rebalancer.rebalance_many([*accounts, 9_999], sender=keeper)
    assert refusal.value.reason == "rebalancer: nothing due"
    assert ([state_of(account) for account in accounts], vault.claimable(keeper)) == (before, earned)


def test_rebalance__within_the_cooldown__reverts(
    rebalancer: Contract,
    short: int,
    guard: Callable[..., None],
    publish: Callable[..., int],
    state_of: Callable[[int], Any],
    keeper: str,
) -> None:
    """REB-14."""
    guard(short, cooldown=3_600, z_target=5 * WAD, z_delever_target=5 * WAD, max_delever=0)
    rebalancer.rebalance(short, sender=keeper)
    publish("BTC", 49_900 * WAD, after=60)
    before = state_of(short)
    assert attempt(rebalancer, short, keeper) == "rebalancer: cooldown"
    assert state_of(short) == before


def test_rebalance__cut_in_two_calls__costs_the_owner_no_less(
    protocol: Protocol,
    rebalancer: Contract,
    build: Callable[..., int],
    guard: Callable[..., None],
    drain: Callable[..., None],
    publish: Callable[..., int],
    cut: Callable[..., Receipt],
    trader: str,
) -> None:
    """REB-11, RND-3: two cuts leave no more equity than one of the same size."""
    account = build(BTC=(60_000, 14_000))
    drain(account)
    publish("BTC", 50_500 * WAD, after=30)
    market, chain = protocol.markets["BTC"], rebalancer.chain
    guard(account, max_delever=1_000)
    state = chain.snapshot()
    for _ in range(2):
        assert len(cut(account, trader, own=True).named("BookCut")) == 1
    size, equity = market.book(account).size, market.book_risk(account).equity
    chain.revert(state)
    guard(account, max_delever=1_900)
    publish("BTC", 50_500 * WAD, after=30)  # as late as the second of two: volatility falls meanwhile
    cut(account, trader, own=True)
    assert market.book(account).size == size
    assert equity <= market.book_risk(account).equity


def test_transfer_margin__all_that_is_withdrawable__leaves_initial_margin(
    protocol: Protocol, rebalancer: Contract, build: Callable[..., int], trader: str
) -> None:
    """HLT-2, HLT-3, HLT-4: the owner's own hand cannot bring a book below initial margin, let alone maintenance."""
    account, market = build(BTC=(30_000, 12_000)), protocol.markets["BTC"]
    rebalancer.transfer_margin(account, 1, 0, market.book_risk(account).withdrawable, sender=trader)
    risk = market.book_risk(account)
    assert risk.equity >= risk.initial > risk.maintenance
    assert risk.withdrawable == 0
    with pytest.raises(Reverted) as refusal:
        rebalancer.transfer_margin(account, 1, 0, 1, sender=trader)
    assert refusal.value.reason == "rebalancer: not withdrawable"


@pytest.mark.parametrize("amount", [1, WAD, 900 * WAD])
def test_transfer_margin__into_a_book__only_makes_it_safer(
    protocol: Protocol, rebalancer: Contract, build: Callable[..., int], trader: str, amount: int
) -> None:
    """HLT-6: margin in raises equity by itself and no requirement."""
    account, market = build(cash=1_000, BTC=(30_000, 9_000)), protocol.markets["BTC"]
    before = market.book_risk(account)
    rebalancer.transfer_margin(account, 0, 1, amount, sender=trader)
    after = market.book_risk(account)
    assert after.equity == before.equity + amount
    assert after._replace(equity=0, withdrawable=0) == before._replace(equity=0, withdrawable=0)
    assert before.withdrawable <= after.withdrawable <= before.withdrawable + amount


def test_transfer_margin__of_another_account__reverts(
    rebalancer: Contract, short: int, state_of: Callable[[int], Any], other_trader: str, owner: str, keeper: str
) -> None:
    """HLT-7, AUT-1: not a stranger, not the protocol's owner, not a keeper."""
    before = state_of(short)
    for sender in (other_trader, owner, keeper):
        with pytest.raises(Reverted) as refusal:
            rebalancer.transfer_margin(short, 2, 0, WAD, sender=sender)
        assert refusal.value.reason == "access: no right"
    assert state_of(short) == before
