"""Accounts of a file, each line checked."""

from __future__ import annotations

from pathlib import Path

import pytest

from ballast.client import Ballast, UnknownName
from ballast.lab.accounts import AccountsError, on_chain, read
from ballast.lab.replay import replay
from ballast.lab.rules import rule_of
from ballast.params import WAD
from tests.unit.lab import scene
from tests.unit.lab.scene import CALM, PARAMS

HEADER = "account,cash,BTC_notional,BTC_margin,ETH_notional,ETH_margin\n"
ME = "me,500,10_000,1000,-8000,900\n"


def _file(folder: Path, text: str) -> Path:
    path = folder / "mine.csv"
    path.write_text(text)
    return path


def test_read__two_accounts__replayed_as_they_stand(tmp_path: Path) -> None:
    held = read(_file(tmp_path, f"{HEADER}{ME}you,0,0,0,2000,1000\n"))
    tape = scene.tape({"BTC": [100.0, 101.0], "ETH": [10.0, 10.0]})
    accounts = held(tape, 1)
    assert accounts.name == "mine" and accounts.notional.tolist() == [[10_000, -8_000], [0, 2_000]]
    assert accounts.margin.tolist() == [[1_000, 900], [0, 1_000]] and accounts.cash.tolist() == [500, 0]
    assert held.leverage == (2, 10)
    outcome = replay(tape, accounts, rule_of("isolated", PARAMS.policy), PARAMS, CALM)
    assert outcome.final_equity == pytest.approx([2_500, 1_000], abs=1)


def test_call__market_without_prices__named(tmp_path: Path) -> None:
    held = read(_file(tmp_path, HEADER + ME))
    with pytest.raises(AccountsError, match=r"mine.csv:2: no prices for ETH in by hand; expected one of BTC"):
        held(scene.tape({"BTC": [100.0]}), 1)


def test_call__book_below_maintenance__says_how_much_it_takes(tmp_path: Path) -> None:
    held = read(_file(tmp_path, f"{HEADER}me,0,10000,10,0,0\n"))
    with pytest.raises(AccountsError, match=r"mine.csv:2: BTC: \$10 of margin would be liquidated .*; expected \$\d+"):
        held(scene.tape({"BTC": [100.0], "ETH": [10.0]}), 1)


@pytest.mark.parametrize(
    "text, complaint",
    [
        ("", "mine.csv:1: missing column account, cash; expected account,cash,BTC_notional"),
        ("account,cash\nme,5\n", "mine.csv:1: missing column BTC_notional"),
        ("account,cash,BTC_notional\n", "mine.csv:1: missing column BTC_margin"),
        ("account,cash,BTC_notional,BTC_margin,mood\n", "mine.csv:1: unknown column mood"),
        (HEADER, "mine.csv:2: no accounts"),
        (HEADER + "me,500,1\n", "mine.csv:2: 3 fields; expected 6"),
        (HEADER + ",500,1,1,1,1\n", "mine.csv:2: no account; expected a name"),
        (
            HEADER + "me,0,1e13,1e12,1,1\n",
            "mine.csv:2: BTC_notional '1e13'; expected US dollars, at most 1,000,000,000,000",
        ),
        ("account,cash,BTC_notional,BTC_margin,cash\n", "mine.csv:1: two columns are called 'cash'"),
        (HEADER + ME + ME, "mine.csv:3: account 'me' stands in line 2 too"),
        (HEADER + "me,x,1,1,1,1\n", "mine.csv:2: cash 'x'; expected US dollars of 0 or more"),
        (HEADER + "me,-5,1,1,1,1\n", "mine.csv:2: cash '-5'; expected US dollars of 0 or more"),
        (HEADER + "me,0,nan,1,1,1\n", "mine.csv:2: BTC_notional 'nan'; expected US dollars"),
        (HEADER + "me,0,1,-1,1,1\n", "mine.csv:2: BTC_margin '-1'; expected US dollars of 0 or more"),
        (HEADER + "me,0,100,0,1,1\n", "mine.csv:2: BTC: $100 on $0 of margin; expected both or neither"),
        (HEADER + "me,50,0,0,0,0\n", "mine.csv:2: account 'me' has no book; expected one at least"),
    ],
)
def test_read__bad_line__named(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(AccountsError) as error:
        read(_file(tmp_path, text))
    assert complaint in str(error.value) and "\n" not in str(error.value)


def test_read__no_file__named(tmp_path: Path) -> None:
    with pytest.raises(AccountsError, match=r"gone.csv: cannot be read"):
        read(tmp_path / "gone.csv")


def test_on_chain__one_account__its_books_as_they_stand(protocol, account, open_book) -> None:
    open_book(account, "ETH", -2 * WAD, 1_500 * WAD)
    ballast = Ballast(protocol)
    report = ballast.account(account).report()
    held = on_chain(ballast, account)
    (holding,) = held.holdings
    assert held.source == f"account {account}" and holding.cash == float(report.treasury.cash)
    book = holding.books["ETH"]
    assert book.notional == float(report.book("ETH").price) * -2
    assert book.margin == float(report.book("ETH").equity)
    accounts = held(scene.tape({"BTC": [100.0], "ETH": [10.0]}), 1)
    assert accounts.notional.tolist() == [[0, book.notional]]


def test_on_chain__all_accounts__without_the_pool_and_those_that_hold_nothing(protocol, account, open_book) -> None:
    with pytest.raises(AccountsError, match="no account has a book"):
        on_chain(Ballast(protocol))
    open_book(account, "ETH", WAD, 1_500 * WAD)
    assert [holding.name for holding in on_chain(Ballast(protocol)).holdings] == [str(account)]


def test_on_chain__without_books_or_unknown__named(protocol, account) -> None:
    with pytest.raises(AccountsError, match=f"account {account} has no book"):
        on_chain(Ballast(protocol), account)
    with pytest.raises(UnknownName, match="there is no account 99"):
        on_chain(Ballast(protocol), 99)
