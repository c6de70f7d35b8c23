"""The example of docs/solvency.md, recomputed: every figure that it states is what the integer model gives."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ballast.model import auction
from ballast.model.fixed_point import WAD, mul_div_up, mul_wad_down, mul_wad_up
from ballast.model.market import Market
from ballast.model.pool import LiquidityPool
from ballast.model.risk import SQRT_HORIZON, BookRisk
from tests.differential.test_worked_example import CONFIG, QUOTES, as_shown, wad

DOCUMENT = Path(__file__).parents[2] / "docs" / "solvency.md"
AGES = (0, 600, 1_200)  # [s]
ACCOUNT, POOL, SHORT, NOW = 1, 2, 3, 0
VOLATILITY = wad("0.9")
THRESHOLD, DEBT, HELD = wad("0.85"), 24_000 * WAD, 10 * WAD


@dataclass
class Feed:
    """Stands for the oracle: price and volatility are given."""

    price: int

    def quote(self, now: int) -> Any:
        return SimpleNamespace(
            price=self.price,
            average=self.price,
            fast_volatility=VOLATILITY,
            slow_volatility=VOLATILITY,
            updated_at=now,
            round=1,
            guarded=False,
            unconfirmed=False,
        )


def market() -> Market:
    """The account is long 10 ETH from $3,000; somebody is short 8, the pool 2."""
    pool = LiquidityPool(POOL)
    pool.set_quote(1, QUOTES)
    made = Market(1, Feed(3_000 * WAD), pool, CONFIG, NOW)  # type: ignore[arg-type]
    made.trade(ACCOUNT, 10 * WAD, 3_000 * WAD, NOW)
    made.trade(SHORT, -8 * WAD, 3_000 * WAD, NOW)
    for account, margin in ((ACCOUNT, 3_000), (SHORT, 4_000), (POOL, 1_000)):
        made.move_margin(account, margin * WAD)
    return made


def at(price: int) -> Market:
    made = market()
    made.feed.price = price * WAD  # type: ignore[misc]
    return made


def risk_at(price: int) -> BookRisk:
    return at(price).book_risk(ACCOUNT, NOW)


def z_of(equity: int, maintenance: int, sigma_loss: int) -> int:
    return (equity - maintenance) * WAD // sigma_loss


@pytest.fixture(scope="module")
def tables() -> list[dict[str, list[str]]]:
    """Each table with figures as label → cells, in order."""
    blocks = re.findall(r"(?:^\|.*\n)+", DOCUMENT.read_text(encoding="utf-8"), flags=re.MULTILINE)
    rows = [
        [[cell.strip() for cell in line.strip("|\n").split("|")] for line in block.splitlines()] for block in blocks
    ]
    return [{label: cells for label, *cells in table[2:]} for table in rows[1:-1]]


def assert_states(table: Mapping[str, Sequence[str]], expected: Mapping[str, Sequence[int]]) -> None:
    """The table has these rows and no others, each figure rounded to the decimals it is given with."""
    assert list(table) == list(expected)
    shown = {
        label: [
            as_shown(figure * (100 if "(%)" in label else 1), cell)
            for figure, cell in zip(figures, [*table[label], *["0.00"] * len(figures)], strict=False)
        ]
        for label, figures in expected.items()
    }
    assert shown == dict(table)


def test_solvency_example__auction(tables: list[dict[str, list[str]]]) -> None:
    """LIQ-9: stage 2."""
    risk = risk_at(2_830)
    e, mm, b = risk.equity, risk.maintenance, risk.sigma_loss
    assert_states(
        tables[0],
        {
            "notional": [risk.exposure],
            "equity e": [e],
            "maintenance mm": [mm],
            "sigma-loss b": [b],
            "distance z": [z_of(e, mm, b)],
        },
    )
    columns = []
    for age in AGES:
        discount = auction.grown(auction.MAX_DISCOUNT, age)
        limit = auction.book_limit(e, auction.needed(mm, b), risk.exposure, discount)
        payment, penalty = auction.book_price(e, limit, discount)
        worth, left = mul_wad_down(e, limit), WAD - limit
        equity = e - worth + payment
        z = z_of(equity, mul_wad_up(mm, left), mul_wad_up(b, left))
        columns.append((discount, limit, payment, penalty, worth - payment - penalty, equity, z))
    labels = (
        "discount d (%)",
        "fraction sold f (%)",
        "the bidder pays to the book",
        "… and to the insurance",
        "he gains against the oracle price",
        "equity left",
        "distance z of what is left",
    )
    assert_states(tables[1], dict(zip(labels, map(list, zip(*columns, strict=True)), strict=True)))


def test_solvency_example__insurance(tables: list[dict[str, list[str]]]) -> None:
    """BDT-2: stage 3."""
    risk = risk_at(2_650)
    bonuses = [auction.bonus(risk.maintenance, age) for age in AGES]
    assert_states(
        tables[2],
        {
            "equity e": [risk.equity] * 3,
            "maintenance mm": [risk.maintenance] * 3,
            "bonus": bonuses,
            "the insurance pays": [bonus - risk.equity for bonus in bonuses],
        },
    )


def absorbed() -> tuple[Market, dict[str, list[int]]]:
    """Stage 4.1: insurance pays $300, the rest is spread."""
    made, accounts = at(2_650), (ACCOUNT, SHORT, POOL)
    sizes = [made.book(account).size for account in accounts]
    before = [made.book_risk(account, NOW).equity for account in accounts]
    made.move_margin(ACCOUNT, 300 * WAD)
    loss, is_empty = made.absorb(ACCOUNT, NOW)
    assert is_empty and loss == -before[0] - 300 * WAD
    after = [made.book_risk(account, NOW).equity for account in accounts]
    insured = [300 * WAD, 0, 0]
    borne = [b + i - a for b, i, a in zip(before, insured, after, strict=True)]
    borne[0] = 0
    return made, {
        "size before": sizes,
        "equity before": before,
        "insurance": insured,
        "bears": borne,
        "size after": [made.book(account).size for account in accounts],
        "equity after": after,
    }


def test_solvency_example__opposite_side(tables: list[dict[str, list[str]]]) -> None:
    """BDT-2, LIQ-10: stage 4.1; nothing is made and nothing lost."""
    expected = absorbed()[1]
    assert_states(tables[3], expected)
    assert sum(expected["size after"]) == 0
    assert sum(expected["equity before"]) + 300 * WAD == sum(expected["equity after"])


def test_solvency_example__lenders(tables: list[dict[str, list[str]]]) -> None:
    """BDT-2: stage 4.2."""
    rate = mul_wad_up(VOLATILITY, SQRT_HORIZON)
    for price, first in ((2_800, 4), (2_300, 6)):
        worth = mul_wad_down(HELD, price * WAD)
        equity, mm = worth - DEBT, worth - mul_wad_down(worth, THRESHOLD)
        b = mul_wad_up(worth, rate)
        columns = []
        for age in AGES:
            discount = auction.grown(auction.collateral_bound(THRESHOLD), age)
            needs, relieved = auction.needed(mm, b), auction.relief(THRESHOLD, rate)
            limit = auction.collateral_limit(equity, needs, DEBT, worth, relieved, discount)
            payment, penalty = auction.price(limit, discount)
            columns.append((discount, mul_div_up(limit, WAD, price * WAD), payment, penalty, DEBT - payment))
        discounts, sold, paid, penalties, left = map(list, zip(*columns, strict=True))
        if price == 2_800:
            treasury = {"worth of the collateral": [worth], "equity E0": [equity], "maintenance mm0": [mm]}
            assert_states(tables[first], {**treasury, "sigma-loss b0": [b]})
            sale = {"discount d (%)": discounts, "WETH sold": sold, "debt repaid": paid}
            assert_states(tables[first + 1], {**sale, "to the insurance": penalties, "debt left": left})
        else:
            assert sold == [HELD] * 3
            insured = [min(debt, 1_000 * WAD) for debt in left]
            end = {"debt repaid": paid, "debt left": left, "the insurance pays, of what it may: 1,000": insured}
            lenders = [debt - part for debt, part in zip(left, insured, strict=True)]
            assert_states(tables[first], {**end, "the lenders bear": lenders})


def test_solvency_example__pool(tables: list[dict[str, list[str]]]) -> None:
    """BDT-2, LIQ-10: stage 5."""
    made, _ = absorbed()
    made.feed.price = 2_400 * WAD  # type: ignore[misc]
    accounts = (SHORT, POOL)
    sizes = [made.book(account).size for account in accounts]
    before = [made.book_risk(account, NOW).equity for account in accounts]
    made.close_pool(NOW)
    after = [made.book_risk(account, NOW).equity for account in accounts]
    assert_states(
        tables[7],
        {
            "size before": sizes,
            "equity before": before,
            "bears": [before[0] - after[0], 0],
            "size after": [made.book(account).size for account in accounts],
            "equity after": after,
        },
    )
