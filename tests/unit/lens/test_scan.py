"""Lens.scan: a page of accounts equals what the contracts say one by one, and no market can spoil it."""

from __future__ import annotations

import pytest

from ballast.params import WAD

NO_DISTANCE = 2**255 - 1
BROKEN = range(1, 6)  # modes of MockBrokenMarket


@pytest.fixture
def books(protocol, open_account, open_book, trader, other_trader):
    """Three accounts: two books, one book, none."""
    first, second, third = (open_account(who, 50_000 * WAD) for who in (trader, other_trader, trader))
    open_book(first, "ETH", 10 * WAD, 6_000 * WAD)
    open_book(first, "BTC", -WAD // 4, 3_000 * WAD)
    open_book(second, "SOL", 100 * WAD, 5_000 * WAD)
    return first, second, third


@pytest.fixture
def broken(protocol, owner, books):
    """A fifth market, with a book of the first account in it."""
    market = protocol.chain.deploy("MockBrokenMarket", sender=owner)
    protocol.vault.add_market(market.address, sender=owner)
    protocol.vault.set_engine(owner, 2, sender=owner)
    id_ = protocol.vault.market_count()
    protocol.vault.allocate(books[0], protocol.vault.owner_of(books[0]), id_, 1_000 * WAD, sender=owner)
    return market


def distance(risk):
    return (risk.equity - risk.maintenance) * WAD // risk.sigma_loss if risk.sigma_loss else NO_DISTANCE


def risks_of(protocol, account):
    slots = protocol.vault.treasury(account).slots
    ids = [slots >> 8 * slot & 255 for slot in range(8)]
    markets = list(protocol.markets.values())
    return [markets[id_ - 1].book_risk(account) for id_ in ids if 0 < id_ <= len(markets)]


def test_scan__accounts_with_books__equals_the_contracts_one_by_one(protocol, books):
    rows = {row.account: row for row in protocol.lens.scan(1, 256)}

    waiting = {protocol.pool.ENTRY_ACCOUNT(), protocol.pool.EXIT_ACCOUNT(), protocol.credit_pool.EXIT_ACCOUNT()}
    funds = {protocol.pool_account, protocol.insurance_fund.ACCOUNT(), protocol.credit_pool.ACCOUNT()}
    assert set(rows) == {*funds, *waiting, *books}
    for account, row in rows.items():
        treasury, risks = protocol.vault.treasury(account), risks_of(protocol, account)
        assert row.equity == treasury.cash + treasury.escrow + sum(risk.equity for risk in risks)
        assert row.min_z == min(map(distance, risks), default=NO_DISTANCE)
        assert row.books == len(risks)
        assert row.frozen == 0


@pytest.mark.parametrize(
    ("start", "count", "expected"), [(1, 2, [1, 2]), (5, 1, [5]), (9, 256, [9]), (10, 10, []), (2, 0, [])]
)
def test_scan__page__holds_the_accounts_that_exist(protocol, books, start, count, expected):
    assert [row.account for row in protocol.lens.scan(start, count)] == expected


def test_scan__no_policy__is_not_triggered(protocol, books, publish):
    publish("ETH", 2_600 * WAD, after=60)

    assert not any(row.triggered for row in protocol.lens.scan(1, 256) if row.account in books)


def test_scan__policy_and_a_fall__is_triggered_as_the_rebalancer_says(protocol, books, params, publish, trader):
    for account in books:
        protocol.rebalancer.set_policy(account, params.policy.model_dump(), sender=protocol.vault.owner_of(account))
    publish("ETH", 2_500 * WAD, after=3_600)

    for row in protocol.lens.scan(1, 256):
        due, _ = protocol.rebalancer.check(row.account)
        assert row.triggered or not due
    assert protocol.lens.scan(books[0], 1)[0].triggered


def test_scan__cut_asked_for__is_triggered_until_it_is_filled(
    protocol, open_account, open_book, params, publish, trader, keeper
):
    """Whatever the policy says by then: a keeper who asks the lens alone must not miss it."""
    account = open_account(trader, 6_020 * WAD)
    open_book(account, "ETH", 10 * WAD, 6_000 * WAD)
    policy = {**params.policy.model_dump(), "cooldown": 0}
    protocol.rebalancer.set_policy(account, policy, sender=trader)
    publish("ETH", 2_480 * WAD, after=3_600)
    protocol.rebalancer.rebalance(account, sender=keeper)
    assert protocol.rebalancer.cut_requests(account)
    publish("ETH", 2_900 * WAD, after=30)
    assert protocol.lens.scan(account, 1)[0].triggered
    protocol.rebalancer.set_policy(account, {**policy, "enabled": False}, sender=trader)

    (row,) = protocol.lens.scan(account, 1)
    assert row.triggered and protocol.rebalancer.check(account)[0]
    protocol.rebalancer.rebalance(account, sender=keeper)
    (row,) = protocol.lens.scan(account, 1)
    assert not row.triggered


def test_scan__collateral__counts_as_the_model_says(protocol, open_account, trader, owner):
    """In a scan and in a report, at its haircut."""
    account = open_account(trader, 1_000 * WAD)
    raw = protocol.mint(trader, 2 * WAD, owner, "WETH")
    token = protocol.collateral["WETH"]
    token.approve(protocol.vault.address, raw, sender=trader)
    protocol.vault.deposit(account, token.address, raw, sender=trader)

    credit, complete = protocol.collateral_model.credit(account)
    (row,) = protocol.lens.scan(account, 1)
    assert complete and credit == 2 * 3_000 * WAD * 8 // 10
    assert row.equity == protocol.lens.report(account).equity == 1_000 * WAD + credit


@pytest.mark.parametrize("mode", BROKEN)
def test_scan__broken_market__freezes_its_books_and_nothing_else(protocol, books, broken, owner, mode):
    before = protocol.lens.scan(1, 256)
    broken.set_mode(mode, sender=owner)

    after = protocol.lens.scan(1, 256, gas=30_000_000)

    for was, now in zip(before, after, strict=True):
        is_hit = now.account == books[0]
        assert now.frozen == is_hit
        assert now.equity == was.equity - 1_000 * WAD * is_hit
        assert now.min_z == was.min_z


def test_scan__stale_feed__freezes_that_market(protocol, books, publish):
    protocol.chain.advance(7_200)
    for market, price in (("ETH", 3_000 * WAD), ("BTC", 60_000 * WAD)):
        publish(market, price)

    rows = {row.account: row for row in protocol.lens.scan(1, 256)}

    assert rows[books[0]].frozen == 0
    assert rows[books[1]].frozen == 1
    assert rows[books[1]].min_z == NO_DISTANCE


def test_scan__ring_fenced_book__does_not_trigger(protocol, books, params, publish):
    first, eth = books[0], protocol.market_ids["ETH"]
    policy = params.policy.model_dump() | {"no_fund": 1 << eth, "no_tap": 1 << eth}
    protocol.rebalancer.set_policy(first, policy, sender=protocol.vault.owner_of(first))
    publish("ETH", 2_450 * WAD, after=3_600)
    publish("BTC", 60_000 * WAD)

    row = protocol.lens.scan(first, 1)[0]

    assert not row.triggered
    assert not protocol.rebalancer.check(first)[0]
