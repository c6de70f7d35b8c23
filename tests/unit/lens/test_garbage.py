"""A market that answers garbage spoils its own figures in the Lens, and nothing else."""

from __future__ import annotations

import pytest

from ballast.params import WAD
from tests.puppet import BOUND, MARGIN, RISK, Puppet, words

NO_DISTANCE = 2**255 - 1
ONE = tuple(RISK.values())

BAD_FIGURES = {
    "equity too high": {"equity": BOUND + 1},
    "equity too low": {"equity": -BOUND - 1},
    "maintenance": {"maintenance": BOUND + 1},
    "sigma_loss": {"sigma_loss": BOUND + 1},
}


@pytest.fixture
def puppet(protocol, owner):
    return Puppet(protocol, owner)


@pytest.fixture
def account(protocol, puppet, open_account, open_book, trader):
    """A book of ether, one in the puppet market, hardly any cash."""
    account = open_account(trader, 10_000 * WAD)
    open_book(account, "ETH", WAD, 2_000 * WAD)
    puppet.risk()
    protocol.rebalancer.transfer_margin(account, 0, puppet.id, MARGIN, sender=trader)
    return account


# scan


def test_scan__market_that_makes_sense__counts(protocol, puppet, account):
    puppet.tell("book_risks", 32, 1, *ONE)
    [row] = protocol.lens.scan(account, 1)
    eth = protocol.markets["ETH"].book_risk(account)
    assert (row.frozen, row.min_z) == (0, WAD)
    assert row.equity == protocol.vault.treasury(account).cash + eth.equity + RISK["equity"]


@pytest.mark.parametrize(
    "answer",
    [b"", words(32, 1, *ONE)[:-1], words(32, 1, *ONE, 0), words(64, 1, *ONE), words(32, 2, *ONE), words(32, 0, *ONE)]
    + [words(32, 1, *{**RISK, **lie}.values()) for lie in BAD_FIGURES.values()],
    ids=["fails", "short", "long", "elsewhere", "two", "none", *BAD_FIGURES],
)
def test_scan__garbage__freezes_that_book(protocol, puppet, account, answer):
    """EXT-3: never a revert, never a figure of it in the row."""
    puppet.tell("book_risks", answer=answer)
    [row] = protocol.lens.scan(account, 1)
    eth = protocol.markets["ETH"].book_risk(account)
    assert (row.books, row.frozen) == (2, 1)
    assert row.equity == protocol.vault.treasury(account).cash + eth.equity
    assert row.min_z == (eth.equity - eth.maintenance) * WAD // eth.sigma_loss


def test_scan__figures_at_the_edge_of_the_range__count(protocol, puppet, account):
    for equity in (BOUND, -BOUND):
        edge = {**RISK, "equity": equity, "maintenance": BOUND, "sigma_loss": BOUND}
        puppet.tell("book_risks", 32, 1, *edge.values())
        assert protocol.lens.scan(account, 1)[0].frozen == 0


# report


def book_of(protocol, account):
    report = protocol.lens.report(account)
    eth, book = report.books
    assert not eth.frozen and eth.risk == protocol.markets["ETH"].book_risk(account)
    assert report.equity == report.treasury.cash + eth.risk.equity + book.risk.equity
    return book


def test_report__only_its_risk_is_told__the_rest_is_zero(protocol, puppet, account):
    """EXT-3: no stored book, no view of a liquidation price, no feed of its own."""
    book = book_of(protocol, account)
    assert (book.frozen, tuple(book.risk), book.z) == (False, ONE, WAD)
    assert (book.size, book.net_deposit, book.price, book.liquidation_price) == (0, 0, 0, 0)


def test_report__everything_is_told__is_shown(protocol, puppet, account):
    puppet.tell("book", 3 * WAD, -2_000 * WAD, MARGIN, 7)
    puppet.tell("liquidation_price", 2_500 * WAD)
    book = book_of(protocol, account)
    stored = dict(zip(protocol.markets["ETH"].book(account)._fields, (3 * WAD, -2_000 * WAD, MARGIN, 7), strict=True))
    assert (book.size, book.net_deposit) == (stored["size"], stored["net_deposit"])
    assert book.liquidation_price == 2_500 * WAD


@pytest.mark.parametrize("length", [31, 127])
def test_report__answers_of_another_length__are_left_out(protocol, puppet, account, length):
    puppet.tell("book", answer=words(1, 2, 3, 4)[:length])
    puppet.tell("liquidation_price", answer=words(5)[: min(length, 31)])
    book = book_of(protocol, account)
    assert not book.frozen
    assert (book.size, book.net_deposit, book.liquidation_price) == (0, 0, 0)


@pytest.mark.parametrize(
    "answer",
    [b"", words(*ONE)[:-1]] + [words(*{**RISK, **lie}.values()) for lie in BAD_FIGURES.values()],
    ids=["fails", "short", *BAD_FIGURES],
)
def test_report__garbage__freezes_that_book(protocol, puppet, account, answer):
    puppet.tell("book_risk", answer=answer)
    book = book_of(protocol, account)
    assert (book.frozen, book.risk.equity, book.z, book.liquidation_price) == (True, 0, NO_DISTANCE, 0)
