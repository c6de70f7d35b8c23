"""Accounts that exist, or that somebody wrote down: from a CSV file, or from a chain through `Lens`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ballast.client import Ballast
from ballast.history import lines
from ballast.lab.outcome import Floats
from ballast.lab.population import Population
from ballast.lab.tape import Tape
from ballast.model.vector.marks import FIGURES

COLUMNS = ("account", "cash")
NOTIONAL, MARGIN = "_notional", "_margin"  # after the name of a market
EXAMPLE = "account,cash,BTC_notional,BTC_margin and so on"
MOST = 1e12  # [USD] of anything

_MAINTENANCE = FIGURES.index("maintenance_rate")


class AccountsError(lines.LineError):
    """Accounts that cannot be replayed."""


@dataclass(frozen=True)
class Book:
    """A book at the start of the window [USD]."""

    notional: float  # long if positive
    margin: float


@dataclass(frozen=True)
class Holding:
    """An account at the start of the window."""

    name: str
    where: str  # file:line, or the chain
    cash: float  # [USD]
    books: Mapping[str, Book]  # by market


@dataclass(frozen=True)
class Held:
    """The same accounts in every window and for every seed, worth what they are worth now."""

    source: str
    holdings: Sequence[Holding]

    def __call__(self, tape: Tape, seed: int) -> Population:
        """On a tape: its markets must be theirs, and no book may begin below maintenance margin."""
        for holding in self.holdings:
            _check(holding, tape)
        empty = Book(0, 0)
        books = [[holding.books.get(market, empty) for market in tape.markets] for holding in self.holdings]
        notional, margin = (
            np.array([[getattr(book, name) for book in line] for line in books], dtype=np.float64)
            for name in ("notional", "margin")
        )
        cash = np.array([holding.cash for holding in self.holdings])
        beside: Floats = np.zeros_like(notional)
        return Population(self.source, seed, tape.markets, notional, margin, cash, beside)

    @property
    def leverage(self) -> tuple[float, float]:
        """Least and most of any book."""
        books = [book for holding in self.holdings for book in holding.books.values()]
        levers = [abs(book.notional) / book.margin for book in books]
        return min(levers), max(levers)


def read(path: Path) -> Held:
    """Accounts of a CSV file: `account,cash,BTC_notional,BTC_margin,…`, a line each, US dollars.

    Raises AccountsError at the first line that is not what it should be.
    """
    holdings = list(_parse(path))
    if not holdings:
        raise AccountsError.at(path, 2, "no accounts; expected one a line below the header")
    return Held(path.stem, holdings)


def on_chain(ballast: Ballast, account: int | None = None) -> Held:
    """One account of a deployment, or all that have books but the pool's own, at their prices of now."""
    count, pool = int(ballast.protocol.vault.account_count()), ballast.protocol.pool_account
    ids = [id_ for id_ in range(1, count + 1) if id_ != pool] if account is None else [account]
    found = [holding for id_ in ids if (holding := _on_chain(ballast, id_)).books]
    if not found:
        who = "no account has a book" if account is None else f"account {account} has no book"
        raise AccountsError(f"{who}; expected one at least")
    return Held("chain" if account is None else f"account {account}", found)


def _on_chain(ballast: Ballast, id_: int) -> Holding:
    target = ballast.account(id_)
    report = target.report()
    where = f"account {id_}"
    if report.treasury.debt:
        raise AccountsError(f"{where}: owes ${report.treasury.debt:,.2f}; the lab replays accounts without debt")
    if frozen := [book.market for book in report.books if book.frozen]:
        raise AccountsError(f"{where}: {frozen[0]} has no price now; expected one for every book")
    books = {book.market: Book(float(book.size * book.price), float(book.equity)) for book in report.books if book.size}
    if below := [market for market, book in books.items() if book.margin <= 0]:
        raise AccountsError(f"{where}: {below[0]} is below zero; expected books that are not lost already")
    return Holding(str(id_), where, float(report.treasury.cash), books)


def _parse(path: Path) -> Iterator[Holding]:
    names: dict[str, int] = {}
    for line, fields in lines.records(path, lambda header: _check_header(path, header), AccountsError):
        where = f"{path}:{line}"
        name = fields["account"].strip()
        if not name:
            raise AccountsError(f"{where}: no account; expected a name")
        if name in names:
            raise AccountsError(f"{where}: account {name!r} stands in line {names[name]} too; expected it once")
        names[name] = line
        cash = _amount(where, "cash", fields["cash"], 0)
        books = {market: book for market in _markets(fields) if (book := _book(where, market, fields)).margin > 0}
        if not books:
            raise AccountsError(f"{where}: account {name!r} has no book; expected one at least")
        yield Holding(name, where, cash, books)


def _markets(header: Iterable[str]) -> list[str]:
    return [name.removesuffix(NOTIONAL) for name in header if name.endswith(NOTIONAL)]


def _check_header(path: Path, header: Sequence[str]) -> None:
    markets = _markets(header)
    wanted = [*COLUMNS, *(market + end for market in markets for end in (NOTIONAL, MARGIN))]
    missing = [name for name in wanted if name not in header]
    if missing or not markets:
        problem = f"missing column {', '.join(missing or ['BTC_notional'])}; expected {EXAMPLE}"
        raise AccountsError.at(path, 1, problem)
    if unknown := [name for name in header if name not in wanted]:
        raise AccountsError.at(path, 1, f"unknown column {unknown[0]}; expected {','.join(wanted)}")


def _book(where: str, market: str, fields: Mapping[str, str]) -> Book:
    notional = _amount(where, market + NOTIONAL, fields[market + NOTIONAL], -math.inf)
    margin = _amount(where, market + MARGIN, fields[market + MARGIN], 0)
    if (notional == 0) != (margin == 0):
        raise AccountsError(
            f"{where}: {market}: ${notional:,.0f} on ${margin:,.0f} of margin; expected both or neither"
        )
    return Book(notional, margin)


def _amount(where: str, name: str, text: str, least: float) -> float:
    """US dollars; nothing is 0."""
    try:
        amount = float(text.strip().replace("_", "") or 0)
    except ValueError:
        amount = math.nan
    if not max(least, -MOST) <= amount <= MOST:
        expected = f"US dollars{' of 0 or more' if least == 0 else ''}, at most {MOST:,.0f}"
        raise AccountsError(f"{where}: {name} {text!r}; expected {expected}")
    return amount


def _check(holding: Holding, tape: Tape) -> None:
    for market, book in holding.books.items():
        if market not in tape.markets:
            known = ", ".join(tape.markets)
            raise AccountsError(f"{holding.where}: no prices for {market} in {tape.label}; expected one of {known}")
        needed = abs(book.notional) * float(tape.said[0, tape.markets.index(market), _MAINTENANCE])
        if book.margin < needed:
            raise AccountsError(
                f"{holding.where}: {market}: ${book.margin:,.0f} of margin would be liquidated at the start of "
                f"{tape.label}; expected ${needed:,.0f} or more"
            )
