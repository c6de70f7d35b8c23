"""The example of docs/mathematics.md, recomputed: every figure that it states is what the integer model gives."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ballast.model.allocation import Allocation, Row, allocate, bounded_row
from ballast.model.cutting import Aim, Candidate, cut_shares
from ballast.model.fixed_point import WAD, mul_div_up, mul_wad_up
from ballast.model.market import Market, MarketConfig
from ballast.model.pool import LiquidityPool, QuoteConfig
from ballast.model.risk import BookRisk, price_range

DOCUMENT = Path(__file__).parents[2] / "docs" / "mathematics.md"
NAMES = ("BTC", "ETH", "SOL")
ACCOUNT, POOL, NOW = 1, 2, 0


def wad(number: str) -> int:
    return int(Decimal(number) * WAD)


CONFIG = MarketConfig(
    range_multiplier=WAD,
    range_min=wad("0.02"),
    range_max=wad("0.25"),
    initial_ratio=wad("1.5"),
    close_rate=wad("0.005"),
    max_funding_rate=0,
    skew_scale=1_000_000 * WAD,
    open_interest_cap=1_000_000 * WAD,
)
QUOTES = QuoteConfig(
    base_spread=wad("0.0005"),
    reference_volatility=wad("0.6"),
    volatility_cap=5 * WAD,
    deviation=wad("0.005"),
    impact_scale=10**9 * WAD,
    max_inventory=10**6 * WAD,
)
Z_TARGET, Z_DONOR, Z_DELEVER, Z_DELEVER_TARGET = 10 * WAD, 4 * WAD, 2 * WAD, 4 * WAD
CONTAINMENT_BPS, MAX_DELEVER = 4_000, WAD // 2


@dataclass
class Feed:
    """Stands for the oracle: price and volatility are given."""

    price: int
    volatility: int

    def quote(self, now: int) -> Any:
        return SimpleNamespace(
            price=self.price,
            average=self.price,
            fast_volatility=self.volatility,
            slow_volatility=self.volatility,
            updated_at=now,
            round=1,
            guarded=False,
            unconfirmed=False,
        )


class Account:
    """Three markets of the model, with a book of one account in each, and its cash."""

    def __init__(self) -> None:
        self.pool = LiquidityPool(POOL)
        self.cash = 1_500 * WAD
        self.markets = []
        books = (("60000", "0.6", "2", "5000"), ("3000", "0.9", "-10", "12600"), ("150", "1.2", "100", "5800"))
        for id_, (price, volatility, size, equity) in enumerate(books, 1):
            self.pool.set_quote(id_, QUOTES)
            market = Market(id_, Feed(wad(price), wad(volatility)), self.pool, CONFIG, NOW)  # type: ignore[arg-type]
            market.trade(ACCOUNT, wad(size), wad(price), NOW)
            market.move_margin(ACCOUNT, wad(equity))
            self.markets.append(market)

    @property
    def risks(self) -> list[BookRisk]:
        return [market.book_risk(ACCOUNT, NOW) for market in self.markets]

    @property
    def equity(self) -> int:
        return sum(risk.equity for risk in self.risks) + self.cash

    @property
    def room(self) -> int:
        """What containment lets the engine put into one book."""
        return self.equity * CONTAINMENT_BPS // 10_000

    @property
    def rates(self) -> list[int]:
        return [market.engine_cost(NOW) for market in self.markets]

    @property
    def wanted(self) -> list[int]:
        """What each book needs to stand where a cut aims."""
        return [at(risk, Z_DELEVER_TARGET) for risk in self.risks]

    @property
    def costs(self) -> list[int]:
        """c·N of closing each book."""
        return [mul_wad_up(rate, risk.exposure) for rate, risk in zip(self.rates, self.risks, strict=True)]

    @property
    def rows(self) -> list[Row]:
        return [
            bounded_row(r.equity, r.maintenance, r.sigma_loss, r.donor_floor, r.equity + self.room, True, True, Z_DONOR)
            for r in self.risks
        ]

    def allocation(self) -> Allocation:
        return allocate(self.rows, self.cash, Z_TARGET)

    def cuts(self) -> list[int]:
        """The share of each book that the engine would close."""
        rows = zip(self.rows, self.allocation().targets, self.costs, strict=True)
        candidates = [Candidate(row, target, cost, active=True, cuttable=True, tap=True) for row, target, cost in rows]
        return cut_shares(candidates, Aim(self.equity, Z_DELEVER, Z_DELEVER_TARGET, Z_TARGET, MAX_DELEVER))

    def share(self) -> list[int]:
        """Carry the allocation out; what moved into each book."""
        ends = self.allocation().equities
        transfers = [end - risk.equity for end, risk in zip(ends, self.risks, strict=True)]
        for market, amount in zip(self.markets, transfers, strict=True):
            market.move_margin(ACCOUNT, amount)
        self.cash -= sum(transfers)
        return transfers

    def after_crash(self) -> Account:
        """Shared as in §9.2; then BTC falls by 5 % and every volatility doubles."""
        self.share()
        self.markets[0].feed.price = wad("57000")
        for market in self.markets:
            market.feed.volatility *= 2
        return self


# The document


@pytest.fixture(scope="module")
def section() -> str:
    return DOCUMENT.read_text(encoding="utf-8").partition("## 9. ")[2]


@pytest.fixture(scope="module")
def tables(section: str) -> list[dict[str, list[str]]]:
    """Each table as label → cells, in order."""
    blocks = re.findall(r"(?:^\|.*\n)+", section, flags=re.MULTILINE)
    rows = [[[cell.strip() for cell in line.strip("|\n").split("|")] for line in b.splitlines()] for b in blocks]
    assert all(table[0][1:] == list(NAMES) for table in rows)
    return [{label: cells for label, *cells in table[2:]} for table in rows]


def assert_states(table: Mapping[str, Sequence[str]], expected: Mapping[str, Sequence[int]]) -> None:
    """The table has these rows and no others, each figure rounded to the decimals it is given with."""
    assert set(table) == set(expected)
    for label, figures in expected.items():
        factor = 100 if "(%)" in label else 1
        shown = [as_shown(figure * factor, cell) for figure, cell in zip(figures, table[label], strict=True)]
        assert shown == list(table[label]), label


def as_shown(figure: int, like: str) -> str:
    """A wad with as many decimals as the text beside it has."""
    decimals = len(like.partition(".")[2])
    rounded = (Decimal(figure) / WAD).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_EVEN)
    return f"{rounded:,}".replace("-", "−")


def cents(figure: int) -> str:
    return as_shown(figure, ".00")


def z_of(risk: BookRisk) -> int:
    return (risk.equity - risk.maintenance) * WAD // risk.sigma_loss


def at(risk: BookRisk, level: int) -> int:
    return risk.maintenance + level * risk.sigma_loss // WAD


# The example


def test_worked_example__state(tables: list[dict[str, list[str]]]) -> None:
    account = Account()
    risks = account.risks
    expected = {
        "size": [market.book(ACCOUNT).size for market in account.markets],
        "price": [market.feed.price for market in account.markets],
        "volatility, fast and slow (%)": [market.feed.volatility for market in account.markets],
        "notional N": [risk.exposure for risk in risks],
        "equity e": [risk.equity for risk in risks],
        "range R (%)": [price_range(CONFIG, market.feed.volatility) for market in account.markets],
        "maintenance mm": [risk.maintenance for risk in risks],
        "sigma-loss b": [risk.sigma_loss for risk in risks],
        "distance z": [z_of(risk) for risk in risks],
    }
    assert_states(tables[0], expected)


def test_worked_example__rebalance(section: str, tables: list[dict[str, list[str]]]) -> None:
    account = Account()
    risks, plan = account.risks, account.allocation()
    assert plan.level == Z_TARGET
    shortage = plan.need - account.cash
    sum_mm = risks[1].maintenance + risks[2].maintenance
    sum_b = risks[1].sigma_loss + risks[2].sigma_loss
    rest = risks[1].equity + risks[2].equity - shortage - sum_mm
    assert_said(
        section,
        f"{cents(risks[0].maintenance)} + 10 · {cents(risks[0].sigma_loss)} = {cents(plan.targets[0])}",
        f"no more than {cents(at(risks[1], Z_TARGET))} and {cents(at(risks[2], Z_TARGET))}",
        f"BTC needs {cents(plan.need)}",
        f"5,000 + 40 % · {account.equity // WAD:,} = {(risks[0].equity + account.room) // WAD:,}",
        f"Cash pays {account.cash // WAD:,}; the shortage of {cents(shortage)}",
        f"18,400 − {cents(shortage)}",
        f"λ = {cents(rest)} / {cents(sum_b)} = {cents(plan.donor_level)}",
    )
    transfers = account.share()
    assert 0 <= account.cash < 1_000  # [wei] what rounding λ down left
    assert_states(tables[1], {"transfer": transfers, **ends(account)})


def test_worked_example__crash__sharing_is_not_enough(section: str, tables: list[dict[str, list[str]]]) -> None:
    account = Account().after_crash()
    risks, rates, wanted = account.risks, account.rates, account.wanted
    expected = {
        "notional N": [risk.exposure for risk in risks],
        "maintenance mm": [risk.maintenance for risk in risks],
        "sigma-loss b": [risk.sigma_loss for risk in risks],
        "at four sigmas u(4)": wanted,
        "engine rate c (%)": rates,
        "score u(4) / (c·N)": [want * WAD // cost for want, cost in zip(wanted, account.costs, strict=True)],
        **ends(account),
    }
    assert_states(tables[2], expected)

    plan = account.allocation()
    assert plan.level < Z_DELEVER
    spared = [risk.equity - end for risk, end in zip(risks, plan.equities, strict=True)][1:]
    rise = f"({cents(plan.equities[0])} − {cents(risks[0].maintenance)}) / {cents(risks[0].sigma_loss)}"
    assert_said(
        section,
        f"donor floors, {cents(risks[1].donor_floor)} and {cents(risks[2].donor_floor)}",
        f"they spare {cents(spared[0])} and {cents(spared[1])}",
        f"BTC would end at {cents(plan.equities[0])}",
        f"{rise} = {cents(plan.level)}",
    )


def test_worked_example__cut(section: str, tables: list[dict[str, list[str]]]) -> None:
    account = Account().after_crash()
    bitcoin, risk, rate, cost = account.markets[0], account.risks[0], account.rates[0], account.costs[0]
    before, size, wanted, room = account.equity, bitcoin.book(ACCOUNT).size, account.wanted, account.room

    missing = sum(wanted) - before
    fraction, *others = account.cuts()
    assert others == [0, 0]
    assert fraction == mul_div_up(missing, WAD, wanted[0] - cost) < MAX_DELEVER
    cut = bitcoin.reduce(ACCOUNT, fraction, risk.exposure // 100, NOW)
    assert account.equity == before - cut.cost
    closed = size - bitcoin.book(ACCOUNT).size
    assert_said(
        section,
        f"{' + '.join(map(cents, wanted))} − {cents(before).removesuffix('.00')} = {cents(missing)}",
        f"{cents(risk.equity)} + 40 % · {before // WAD:,} = {cents(risk.equity + room)}",
        f"= {as_shown(rate * 100, '.00000')} %`, so `c·N = {cents(cost)}`",
        f"x = {cents(missing)} / ({cents(wanted[0])} − {cents(cost)}) = {cents(fraction * 100)} %",
        f"{as_shown(closed, '.00000')} BTC are closed at {cents(bitcoin.feed.price * (WAD - rate) // WAD)}",
        f"costs the book {cents(cut.cost)}",
        f"cost {as_shown(cut.cost * 10_000 * WAD // before, '')} bps of the account's {before // WAD:,}",
    )

    level = account.allocation().level
    assert 0 <= level - Z_DELEVER_TARGET < 100  # [wei] the fraction was rounded up
    cut_risks, transfers = account.risks, account.share()
    expected = {
        "notional N": [risk.exposure for risk in cut_risks],
        "equity before transfers": [risk.equity for risk in cut_risks],
        "maintenance mm": [risk.maintenance for risk in cut_risks],
        "sigma-loss b": [risk.sigma_loss for risk in cut_risks],
        "transfer": transfers,
        **ends(account),
    }
    assert_states(tables[3], expected)


def ends(account: Account) -> dict[str, list[int]]:
    """The rows that close a table."""
    risks = account.risks
    return {"equity e": [risk.equity for risk in risks], "distance z": [z_of(risk) for risk in risks]}


def assert_said(section: str, *phrases: str) -> None:
    """The text says each of these, line breaks aside."""
    text = " ".join(section.split())
    for phrase in phrases:
        assert phrase in text, phrase
