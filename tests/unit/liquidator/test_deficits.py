"""Losses that an account cannot bear: insurance first, then the opposite side, or the lenders."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ballast.chain import Contract, Receipt
from ballast.deploy import Protocol
from ballast.params import WAD
from tests.support import deposit_to, drain_pool, refused

from .conftest import ETH, LOW, ZERO

GONE = 2_300 * WAD


@pytest.fixture
def deficits(protocol: Protocol) -> Contract:
    return protocol.deficits


@pytest.fixture
def realise(deficits: Contract, eth: int, keeper: str) -> Callable[..., Receipt]:
    """`realise(account)`: its ETH book."""
    return lambda account, orders=(): deficits.realise_deficit(account, eth, list(orders), sender=keeper)


@pytest.fixture
def winner(open_account: Callable[..., int], open_book: Callable[..., None], other_trader: str) -> int:
    """Short 8 ETH from $3,000: he wins what the victim loses."""
    account = open_account(other_trader, 11_000 * WAD)
    open_book(account, ETH, -8 * WAD, 10_000 * WAD)
    return account


@pytest.fixture
def equities(protocol: Protocol, market: Contract) -> Callable[..., list[int]]:
    return lambda *accounts: [int(market.book_risk(account).equity) for account in accounts]


@pytest.fixture
def balance(protocol: Protocol, eth: int) -> Callable[[], int]:
    """What the vault owes the market."""
    return lambda: int(protocol.vault.market(eth)[1])


def test_realise_deficit__insured__costs_nobody_else_a_cent(
    protocol: Protocol,
    market: Contract,
    victim: int,
    winner: int,
    insured: int,
    publish: Callable[..., int],
    realise: Callable[..., Receipt],
    equities: Callable[..., list[int]],
    keeper: str,
) -> None:
    """BDT-2, BDT-4: the account's margin, then the insurance's cash; the legs are the pool's at mark."""
    publish(ETH, ZERO, after=60)
    protocol.vault.collect_insurance(sender=keeper)
    before, cash = equities(victim, winner, protocol.pool_account), protocol.vault.treasury(insured).cash
    pool_cash = protocol.vault.treasury(protocol.pool_account).cash
    size, inventory = market.book(victim).size, market.book(protocol.pool_account).size
    assert before[0] < 0
    receipt = realise(victim)
    event = receipt.event("DeficitRealised")
    assert (receipt.returned, event.equity, event.paid_by_insurance, event.spread) == (0, before[0], -before[0], 0)
    assert protocol.vault.treasury(insured).cash == cash + before[0]
    after = equities(victim, winner, protocol.pool_account)
    assert after[0] == 0 and after[1] == before[1]
    topped_up = pool_cash - protocol.vault.treasury(protocol.pool_account).cash
    assert abs(after[2] - before[2] - topped_up) <= 2, "the pool takes the legs over at mark"
    assert market.book(protocol.pool_account).size == inventory + size
    assert protocol.vault.treasury(victim).slots == 0


def test_realise_deficit__insurance_is_empty__the_opposite_side_bears_it_by_size(
    protocol: Protocol,
    market: Contract,
    victim: int,
    winner: int,
    publish: Callable[..., int],
    realise: Callable[..., Receipt],
    equities: Callable[..., list[int]],
    balance: Callable[[], int],
) -> None:
    """BDT-2, LIQ-10, X-LIQ-09, X-LIQ-10: in the same transaction, of this market alone, and equal for all."""
    publish(ETH, ZERO, after=60)
    accounts = victim, winner, protocol.pool_account
    before, held, others = equities(*accounts), balance(), protocol.vault.market(1)
    sizes = [market.book(account).size for account in accounts]
    assert sizes[1] < 0 and sizes[2] < 0, "both are short"
    cash = protocol.vault.treasury(protocol.pool_account).cash
    receipt = realise(victim)
    spread, paid = receipt.returned, receipt.event("DeficitRealised").paid_by_insurance
    assert spread + paid == -before[0] and paid < 3 * WAD, "its share of the fees so far"
    after = equities(*accounts)
    topped_up = cash - protocol.vault.treasury(protocol.pool_account).cash
    after[2] -= topped_up
    assert after[0] == 0
    for i in (1, 2):
        share = spread * sizes[i] // (sizes[1] + sizes[2])
        assert before[i] - after[i] == pytest.approx(share, abs=20)
    assert sum(market.book(account).size for account in accounts) == 0
    assert 0 <= balance() - topped_up - sum(after) <= 20, "all of it is assigned, the dust is the vault's"
    assert balance() == held + topped_up + paid and protocol.vault.market(1) == others


def test_realise_deficit__market_may_draw_nothing__no_cash_of_the_insurance_moves(
    protocol: Protocol,
    victim: int,
    winner: int,
    insured: int,
    eth: int,
    publish: Callable[..., int],
    realise: Callable[..., Receipt],
    owner: str,
    keeper: str,
) -> None:
    """BDT-4: rich as it is, a market without a cap is not its business; all of the loss is spread."""
    protocol.insurance_fund.set_draw_cap(eth, 0, sender=owner)
    publish(ETH, ZERO, after=60)
    protocol.vault.collect_insurance(sender=keeper)
    cash = protocol.vault.treasury(insured).cash
    receipt = realise(victim)
    event = receipt.event("DeficitRealised")
    assert (event.paid_by_insurance, event.spread) == (0, -event.equity) and event.spread > 0
    assert not receipt.named("DeficitCovered") and protocol.vault.treasury(insured).cash == cash


def test_realise_deficit__above_zero__is_refused(
    victim: int, publish: Callable[..., int], realise: Callable[..., Receipt], bidder: int, protocol: Protocol
) -> None:
    """BDT-3: no loss is made where there is none; the pool's book has a way of its own."""
    publish(ETH, LOW, after=60)
    for account in (victim, bidder):
        with refused("deficits: not below zero"):
            realise(account)
    with refused("market: the pool's own book"):
        realise(protocol.pool_account)


def test_realise_deficit__account_can_pay__pays_itself(
    protocol: Protocol,
    market: Contract,
    victim: int,
    insured: int,
    publish: Callable[..., int],
    realise: Callable[..., Receipt],
    set_policy: Callable[..., None],
    trader: str,
    owner: str,
) -> None:
    """§7.6, BDT-2: the account first, under its own policy."""
    set_policy(victim)
    deposit_to(protocol, victim, trader, 20_000 * WAD, owner)
    publish(ETH, ZERO, after=60)
    cash = protocol.vault.treasury(insured).cash
    receipt = realise(victim)
    assert receipt.returned == 0 and not receipt.named("DeficitRealised")
    risk = market.book_risk(victim)
    assert risk.equity >= risk.maintenance
    assert protocol.vault.treasury(insured).cash == cash


def test_realise_deficit__jump_that_nothing_confirms__waits(
    protocol: Protocol,
    victim: int,
    bidder: int,
    insured: int,
    eth: int,
    publish: Callable[..., int],
    realise: Callable[..., Receipt],
    start: Callable[..., Receipt],
    bid: Callable[..., Receipt],
) -> None:
    """X-ECO-02, X-ORC-05: neither book nor insurance is lost to one strange round; ten minutes later it counts."""
    publish(ETH, GONE, after=60)
    start(victim)
    publish(ETH, GONE, after=60)
    with refused("liquidator: rescue is suspended"):
        realise(victim)
    with refused("liquidator: rescue is suspended"):
        bid(victim)
    publish(ETH, GONE, after=600)
    assert realise(victim).named("DeficitRealised")


def test_realise_deficit__halted_and_in_the_hour_after__waits_and_is_known(
    protocol: Protocol,
    deficits: Contract,
    victim: int,
    insured: int,
    eth: int,
    publish: Callable[..., int],
    realise: Callable[..., Receipt],
    owner: str,
    keeper: str,
) -> None:
    """BDT-2, X-GOV-03: nobody leaves the insurance meanwhile."""
    publish(ETH, ZERO, after=60)
    protocol.markets[ETH].set_state(2, sender=owner)
    with refused("liquidator: rescue is suspended"):
        realise(victim)
    assert deficits.note(victim, eth, sender=keeper).returned
    protocol.markets[ETH].set_state(0, sender=owner)
    with refused("liquidator: market just resumed"):
        realise(victim)
    assert deficits.insolvencies() == 1
    with refused("shares: deficit not assigned"):
        protocol.insurance_fund.redeem(1, owner, owner, sender=owner)
    publish(ETH, ZERO, after=3_600)
    assert realise(victim).named("DeficitRealised")
    assert deficits.insolvencies() == 0


def test_note__says_what_is__and_nothing_twice(
    deficits: Contract, victim: int, eth: int, publish: Callable[..., int], keeper: str
) -> None:
    """BDT-2: a deficit that is known is counted once, and no longer than it lasts."""
    assert not deficits.note(victim, eth, sender=keeper).returned
    publish(ETH, ZERO, after=60)
    for _ in range(2):
        assert deficits.note(victim, eth, sender=keeper).returned
        assert (deficits.insolvencies(), deficits.is_noted(victim, eth)) == (1, True)
        assert deficits.insolvent_debts() == 0
    publish(ETH, 3_000 * WAD, after=60)
    receipt = deficits.note(victim, eth, sender=keeper)
    assert not receipt.returned and not receipt.event("Noted").insolvent
    assert (deficits.insolvencies(), deficits.is_noted(victim, eth)) == (0, False)


# The pool


def _sink_pool(protocol: Protocol, owner: str, publish: Callable[..., int], price: int) -> None:
    """The owner takes out what is free, and the price moves against the pool."""
    drain_pool(protocol, owner)
    cash = protocol.vault.treasury(protocol.pool_account).cash
    protocol.vault.top_up_pool(protocol.market_ids["BTC"], cash, sender=owner)
    publish(ETH, price, after=60)


def test_close_pool__below_zero_without_cash__the_opposite_side_takes_its_legs(
    protocol: Protocol,
    deficits: Contract,
    market: Contract,
    open_account: Callable[..., int],
    open_book: Callable[..., None],
    publish: Callable[..., int],
    balance: Callable[[], int],
    trader: str,
    owner: str,
    keeper: str,
    eth: int,
) -> None:
    """BDT-2, LIQ-10: if the pool itself fails, its book is closed at mark against those who won from it."""
    holders = [open_account(trader, 200_000 * WAD) for _ in range(2)]
    for holder, size in zip(holders, (30, 10), strict=True):
        open_book(holder, ETH, size * WAD, 50_000 * WAD)
    protocol.vault.set_engine(owner, 7, sender=owner)
    protocol.pool.set_policy(
        {**protocol.rebalancer.policy(protocol.pool_account)._asdict(), "enabled": False}, sender=owner
    )
    _sink_pool(protocol, owner, publish, 3_500 * WAD)
    publish(ETH, 3_900 * WAD, after=700)
    pool = market.book_risk(protocol.pool_account)
    assert pool.equity < 0
    before = [int(market.book_risk(holder).equity) for holder in holders]
    receipt = deficits.close_pool(eth, sender=keeper)
    spread, paid = receipt.returned, receipt.event("DeficitRealised").paid_by_insurance
    assert spread + paid == -pool.equity and paid < 10 * WAD
    assert tuple(market.book(protocol.pool_account))[:2] == (0, 0)
    assert [market.book(holder).size for holder in holders] == [0, 0]
    after = [int(market.book_risk(holder).equity) for holder in holders]
    lost = [b - a for b, a in zip(before, after, strict=True)]
    assert lost[0] == pytest.approx(3 * lost[1], rel=10**-12)
    assert 0 <= sum(lost) - spread <= 20
    assert 0 <= balance() - sum(after) <= 20


def test_close_pool__solvent__is_refused(
    protocol: Protocol, deficits: Contract, victim: int, eth: int, keeper: str
) -> None:
    with refused("deficits: not below zero"):
        deficits.close_pool(eth, sender=keeper)


def test_close_pool__cash_is_left__pays_with_it(
    protocol: Protocol,
    deficits: Contract,
    market: Contract,
    open_account: Callable[..., int],
    open_book: Callable[..., None],
    publish: Callable[..., int],
    trader: str,
    keeper: str,
    eth: int,
) -> None:
    """The pool pays for itself as long as it can: nobody is charged."""
    holder = open_account(trader, 200_000 * WAD)
    open_book(holder, ETH, 30 * WAD, 50_000 * WAD)
    margin = market.book_risk(protocol.pool_account).equity
    price = 3_000 * WAD + (margin // 30 // WAD + 30) * WAD
    publish(ETH, price, after=60)
    publish(ETH, price, after=700)
    assert market.book_risk(protocol.pool_account).equity < 0
    before = market.book_risk(holder).equity
    assert deficits.close_pool(eth, sender=keeper).returned == 0
    pool = market.book_risk(protocol.pool_account)
    assert pool.equity >= pool.maintenance and market.book_risk(holder).equity == before


def test_close_pool__insurance_can_pay__nobody_is_charged_and_the_book_goes_on(
    protocol: Protocol,
    deficits: Contract,
    market: Contract,
    insured: int,
    victim: int,
    publish: Callable[..., int],
    owner: str,
    keeper: str,
    eth: int,
) -> None:
    """BDT-2: first loss is the insurance's here too; what it pays becomes margin of the pool's book."""
    protocol.vault.set_engine(owner, 7, sender=owner)
    protocol.pool.set_policy(
        {**protocol.rebalancer.policy(protocol.pool_account)._asdict(), "enabled": False}, sender=owner
    )
    _sink_pool(protocol, owner, publish, 3_100 * WAD)
    publish(ETH, 3_300 * WAD, after=700)
    protocol.vault.collect_insurance(sender=keeper)
    pool, fund = protocol.pool_account, protocol.vault.treasury(insured).cash
    risk, book, holder = market.book_risk(pool), market.book(pool), tuple(market.book(victim))
    assert risk.equity < 0
    receipt = deficits.close_pool(eth, sender=keeper)
    event = receipt.event("DeficitRealised")
    assert (receipt.returned, event.equity, event.paid_by_insurance, event.spread) == (0, risk.equity, -risk.equity, 0)
    assert protocol.vault.treasury(insured).cash == fund + risk.equity
    assert (market.book(pool).size, market.book_risk(pool).equity) == (book.size, 0)
    assert tuple(market.book(victim)) == holder
