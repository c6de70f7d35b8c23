"""Who takes part: kinds of accounts as traders hold them, each opened twice, with the engine on and with it off."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

OFF = " (unguarded)"  # what the twin's name ends with


@dataclass(frozen=True)
class Holding:
    """One book: which underlying, which side, with how much margin and leverage."""

    symbol: str
    leverage: int  # notional over margin; negative = short
    margin: int  # [USD]
    fund: bool = True  # may the engine fill it?
    tap: bool = True  # may the engine take from it?

    @property
    def text(self) -> str:
        """As a trader says it: "10x long BTC"."""
        return f"{abs(self.leverage)}x {'long' if self.leverage > 0 else 'short'} {self.symbol}"

    @property
    def ring_fenced(self) -> bool:
        """Neither filled nor tapped: it stands or falls by itself."""
        return not (self.fund or self.tap)


@dataclass(frozen=True)
class Kind:
    """A way to hold an account; `policy` names the fields in which it differs from the default policy."""

    name: str
    story: str
    cash: int  # [USD] free, besides the margins
    holdings: tuple[Holding, ...]
    policy: Mapping[str, Any] = field(default_factory=dict)
    collateral: Mapping[str, int] = field(default_factory=dict)  # [USD] worth of each token when it opens
    borrowed: int = 0  # [USD] of the margins, against the collateral
    headroom: Decimal = Decimal("0.8")  # of what the market allows: prices move between commit and fill

    @property
    def needs(self) -> tuple[str, ...]:
        """The underlyings and tokens without which it cannot be opened."""
        return (*(holding.symbol for holding in self.holdings), *self.collateral)


@dataclass(frozen=True)
class Entry:
    """One account of the demonstration."""

    name: str
    twin: str
    guarded: bool
    kind: Kind


KINDS = (
    Kind("single-10x", "all in one long, a little cash behind it", 2_000, (Holding("BTC", 10, 8_000),)),
    Kind("single-5x", "a moderate long with no cash at all", 50, (Holding("ETH", 5, 10_000),)),
    Kind(
        "reserve", "a high-leverage long, most of the money idle in the treasury", 15_000, (Holding("BTC", 10, 5_000),)
    ),
    Kind(
        "hedged-pair",
        "long one, short the other: the account hardly moves, each book does",
        50,
        (Holding("BTC", 7, 8_000), Holding("ETH", -6, 9_000)),
    ),
    Kind(
        "careful-spread",
        "a spread with at most 6 % of the account at risk in one book: the first to be cut when markets grow wild",
        50,
        (Holding("BTC", 7, 8_000), Holding("ETH", -7, 8_000)),
        {"max_risk_share": Decimal("0.06")},
    ),
    Kind(
        "two-longs",
        "the same bet twice, at different leverage",
        3_000,
        (Holding("BTC", 8, 6_000), Holding("ETH", 5, 6_000)),
    ),
    Kind(
        "over-concentrated",
        "as much risk in one book as the policy lets it open with",
        50,
        (Holding("ETH", 7, 12_000), Holding("BTC", 3, 1_500)),
    ),
    Kind(
        "ring-fenced",
        "a bet its owner wants left alone, beside a book that is looked after",
        4_000,
        (Holding("BTC", 6, 6_000), Holding("ETH", 6, 2_000, fund=False, tap=False)),
    ),
    Kind(
        "cut-only",
        "one book may be cut but never filled: no good money after bad",
        6_000,
        (Holding("ETH", 6, 5_000, fund=False), Holding("BTC", 4, 3_000)),
    ),
    Kind(
        "volatility-target",
        "a risk budget of 10 %: exposure shrinks as markets grow wild",
        4_000,
        (Holding("BTC", 6, 8_000), Holding("ETH", 4, 4_000)),
        {"risk_budget": Decimal("0.1")},
    ),
    Kind(
        "cautious-reserve",
        "half of its cash must stay free, whatever happens",
        8_000,
        (Holding("BTC", 8, 4_000), Holding("ETH", 5, 3_000)),
        {"treasury_reserve": Decimal(4_000)},
    ),
    Kind(
        "tight-containment",
        "at most 10 % of the account may go into one book in a day",
        10_000,
        (Holding("BTC", 9, 4_000), Holding("ETH", 4, 4_000)),
        {"containment": Decimal("0.1")},
    ),
    Kind(
        "ether-holder",
        "ether in the treasury beside a bitcoin long: it pays for nothing, but lets the long be larger",
        1_000,
        (Holding("BTC", 8, 6_000),),
        collateral={"WETH": 15_000},
    ),
    Kind(
        "hedged-holder",
        "bitcoin in the treasury, a short against it, an ether long that lives off the short's profit",
        1_000,
        (Holding("BTC", -5, 6_000), Holding("ETH", 5, 4_000)),
        collateral={"WBTC": 30_000},
    ),
    Kind(
        "to-the-limit",
        "as much leverage as the market lets it open with, and no cash: alone, a gap goes through the whole of it",
        50,
        (Holding("BTC", 20, 30_000),),
        {"max_risk_share": Decimal(1)},
        headroom=Decimal("0.88"),
    ),
    Kind(
        "to-the-limit-short",
        "the same on the other side of another market: a bounce is its crash",
        50,
        (Holding("ETH", -20, 4_000),),
        {"max_risk_share": Decimal(1)},
        headroom=Decimal("0.88"),
    ),
    Kind(
        "15x-with-cash",
        "a book near the limit, as much again in cash behind it",
        6_000,
        (Holding("BTC", 15, 6_000),),
        {"max_risk_share": Decimal(1)},
        headroom=Decimal("0.85"),
    ),
    Kind(
        "beyond-saving",
        "its owner lets nobody cut it and keeps no cash: no engine can save it",
        50,
        (Holding("BTC", 12, 8_000),),
        {"max_risk_share": Decimal(1), "max_delever": Decimal(0)},
        headroom=Decimal("0.85"),
    ),
    Kind(
        "borrower",
        "the margin of a bitcoin long, borrowed against ether: a fall of a third still leaves twice the debt",
        0,
        (Holding("BTC", 6, 6_000),),
        collateral={"WETH": 24_000},
        borrowed=6_000,
    ),
    Kind(
        "borrows-to-survive",
        "no cash, but ether, and a policy that lets the engine borrow against it",
        50,
        (Holding("BTC", 10, 6_000),),
        {"allow_borrow": True},
        collateral={"WETH": 24_000},
    ),
    Kind(
        "over-borrowed",
        "three quarters of its ether borrowed, in a book that its owner wants left alone",
        0,
        (Holding("BTC", 2, 15_000, fund=False, tap=False),),
        {"max_risk_share": Decimal(1)},
        collateral={"WETH": 20_000},
        borrowed=15_000,
    ),
    Kind("small", "a small account: costs must stay in proportion", 100, (Holding("BTC", 6, 500),)),
    Kind(
        "four-markets",
        "four underlyings, two of each side",
        3_000,
        (Holding("BTC", 6, 4_000), Holding("ETH", -5, 4_000), Holding("SOL", 5, 3_000), Holding("LINK", -4, 3_000)),
    ),
    Kind("alt-long", "a single long on a wild underlying", 2_000, (Holding("SOL", 5, 6_000),)),
)


def roster(symbols: Collection[str], tokens: Collection[str]) -> tuple[list[Entry], dict[str, list[str]]]:
    """The accounts that can be opened with prices for `symbols` and with `tokens` as collateral, and those that cannot,
    with what they lack."""
    entries: list[Entry] = []
    skipped: dict[str, list[str]] = {}
    for kind in KINDS:
        missing = [name for name in kind.needs if name not in (*symbols, *tokens)]
        if missing:
            skipped[kind.name] = missing
            continue
        entries.append(Entry(kind.name, kind.name + OFF, True, kind))
        entries.append(Entry(kind.name + OFF, kind.name, False, kind))
    return entries, skipped
