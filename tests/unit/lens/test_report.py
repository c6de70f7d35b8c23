"""Lens.report: one account, explained."""

from __future__ import annotations

import pytest

from ballast.chain import Reverted
from ballast.client import Ballast, Gate
from ballast.params import WAD


@pytest.fixture
def long(protocol, account, open_book):
    open_book(account, "ETH", 10 * WAD, 6_000 * WAD)
    return account


def test_report__open_book__says_what_the_market_says(protocol, long, trader):
    report = protocol.lens.report(long)

    [book], eth = report.books, protocol.markets["ETH"]
    assert (report.account, report.owner) == (long, trader)
    assert (book.market, book.slot, book.frozen) == (protocol.market_ids["ETH"], 0, False)
    assert book.risk == eth.book_risk(long)
    assert book.size == eth.book(long).size == 10 * WAD
    assert book.net_deposit == eth.book(long).net_deposit
    assert book.liquidation_price == eth.liquidation_price(long)
    assert book.price == 3_000 * WAD
    assert book.z == (book.risk.equity - book.risk.maintenance) * WAD // book.risk.sigma_loss
    assert report.treasury == protocol.vault.treasury(long)
    assert report.withdrawable == report.treasury.cash
    assert report.equity == report.treasury.cash + book.risk.equity


def test_report__no_policy__names_the_reason(protocol, long):
    report = protocol.lens.report(long)

    due, code = protocol.rebalancer.check(long)
    assert (report.due, report.code) == (due, code) == (False, 1)
    assert report.reason == protocol.rebalancer.reason(code) != ""


def test_report__due__shows_the_plan(protocol, long, params, publish, trader):
    protocol.rebalancer.set_policy(long, params.policy.model_dump(), sender=trader)
    publish("ETH", 2_500 * WAD, after=3_600)

    report = protocol.lens.report(long)

    assert report.due
    assert report.reason == ""
    assert report.plan == protocol.rebalancer.preview(long)
    assert report.plan.transfers[0].amount > 0


def test_report__stale_feed__keeps_the_stored_figures(protocol, long):
    protocol.chain.advance(7_200)

    [book] = protocol.lens.report(long).books

    assert book.frozen
    assert book.size == 10 * WAD
    assert book.risk.equity == 0


@pytest.mark.parametrize("account", [0, 99])
def test_report__unknown_account__reverts(protocol, account):
    with pytest.raises(Reverted) as error:
        protocol.lens.report(account)

    assert error.value.reason == "vault: unknown account"


def test_report__through_the_client__reads_as_decimals(protocol, long):
    report = Ballast(protocol).account(long).report()

    book = report.book("ETH")
    assert book.size == 10
    assert book.price == 3_000
    assert 4 < book.leverage < 6
    assert Gate.OPEN in book.gates
    assert report.equity == report.treasury.cash + book.equity
