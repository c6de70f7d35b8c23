"""What a run found out, as plain data: the same figures go to the table, the page and `summary.json`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CASH = "treasury"  # its name among the books


@dataclass(frozen=True)
class Rescue:
    """One rebalance of one account. Amounts in USD, into a book if positive; the treasury is called CASH."""

    time: int
    account: str
    moves: dict[str, float]
    cuts: dict[str, float]  # notional closed, by underlying
    cost: float  # what the cuts cost
    reward: float
    asked: tuple[str, ...] = ()  # books whose cut was asked for, to be filled at a later round
    volatility_only: bool = False  # cut although price and books were as at an earlier, healthy round when it was asked


@dataclass(frozen=True)
class Sale:
    """Something that an account lost: a book or part of it, collateral, or a deficit that others bore. Money in USD."""

    time: int
    id: int  # of the account
    account: str
    what: str  # underlying, token, or "debt"
    buyer: str
    equity: float  # of the book, worth of the collateral; negative: a deficit
    fraction: float
    cost: float  # what the account was paid less than it was worth
    penalty: float  # to the insurance, from the buyer
    insured: float  # paid by the insurance
    spread: float  # borne by the other side of the market, or by the lenders

    @property
    def is_deficit(self) -> bool:
        return self.equity < 0

    def as_json(self) -> dict[str, Any]:
        """Its entry in `summary.json`."""
        figures = {
            name: round(figure, 4) if isinstance(figure, float) else figure for name, figure in vars(self).items()
        }
        return {f"{name}_usd" if name in _MONEY else name: figure for name, figure in figures.items() if name != "id"}


_MONEY = {"equity", "cost", "penalty", "insured", "spread"}


@dataclass
class LiquidationResult:
    """What had to be sold, and who bore what was left."""

    sales: list[Sale] = field(default_factory=list)
    auctions: int = 0  # opened
    cured: int = 0  # books and treasuries that their own account saved in the liquidator's call
    unassigned: float = 0.0  # [USD] deficits that nobody bears, at the end
    known: int = 0  # deficits that are known and nobody bears, at the end
    held: float = 0.0  # [USD] notional that the liquidator bought and has not closed, at the end

    def total(self, name: str) -> float:
        """Of a figure of all sales."""
        return float(sum(getattr(sale, name) for sale in self.sales))

    def as_json(self) -> dict[str, Any]:
        """Its entry in `summary.json`."""
        return {
            "auctions": self.auctions,
            "cured": self.cured,
            "unassigned_usd": round(self.unassigned, 6),
            "known_deficits": self.known,
            "held_usd": round(self.held, 2),
            **{f"{name}_usd": round(self.total(name), 2) for name in ("cost", "penalty", "insured", "spread")},
            "sales": [sale.as_json() for sale in self.sales],
        }


@dataclass(frozen=True)
class Loss:
    """A book of which something was sold, or that others had to bear: the first time."""

    time: int
    account: str
    symbol: str
    z: float
    why: str  # what kept the engine from saving it
    halted: bool = False  # its market was


@dataclass
class Trace:
    """A series over time."""

    times: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)

    def add(self, time: int, value: float) -> None:
        self.times.append(time)
        self.values.append(value)


@dataclass
class AccountResult:
    """One account from start to end. Money in USD."""

    name: str
    twin: str
    guarded: bool
    story: str
    holdings: dict[str, str]  # underlying → "10x long BTC"
    collateral: list[str] = field(default_factory=list)  # "6.2 WETH"
    collateral_start: float = 0.0  # what it counts for, inside equity
    collateral_end: float = 0.0
    equity_start: float = 0.0
    equity_end: float = 0.0
    min_z: float = float("inf")
    moved: float = 0.0
    cut: float = 0.0
    rewards: float = 0.0
    costs: float = 0.0  # of cuts, rewards and liquidation
    borrowed: float = 0.0  # when it opened
    lost: list[Loss] = field(default_factory=list)
    z: dict[str, Trace] = field(default_factory=dict)  # by underlying

    def as_json(self) -> dict[str, Any]:
        """The account's entry in `summary.json`."""
        return {
            "name": self.name,
            "policy": "on" if self.guarded else "off",
            "twin": self.twin,
            "books": len(self.holdings),
            "books_liquidated": len(self.lost),
            "min_z": round(self.min_z, 4),
            "moved_usd": round(self.moved, 2),
            "cut_usd": round(self.cut, 2),
            "rewards_usd": round(self.rewards, 2),
            "costs_usd": round(self.costs, 2),
            "equity_start_usd": round(self.equity_start, 2),
            "equity_end_usd": round(self.equity_end, 2),
            "borrowed_usd": round(self.borrowed, 2),
            "collateral": self.collateral,
            "collateral_start_usd": round(self.collateral_start, 2),
            "collateral_end_usd": round(self.collateral_end, 2),
            "holdings": list(self.holdings.values()),
            "lost": [f"{loss.symbol}: {loss.why}" for loss in self.lost],
        }


@dataclass
class BookInFreeze:
    """A guarded book while a market was halted: its own, or another."""

    account: str
    symbol: str
    text: str  # "10x long BTC"
    halted: bool
    min_z: float = float("inf")
    short_rounds: int = 0  # rounds that found it below its trigger
    filled: float = 0.0  # [USD] put in by the engine
    given: float = 0.0  # [USD] taken out by the engine
    cut: float = 0.0  # [USD] of notional
    lost: bool = False

    @property
    def is_short(self) -> bool:
        """Whether it called for the engine."""
        return self.short_rounds > 0

    @property
    def is_served(self) -> bool:
        """Whether the engine could do anything for it."""
        return max(self.filled, self.cut) >= 1

    @property
    def outcome(self) -> str:
        """In words."""
        done = [f"filled ${self.filled:,.0f}"] if self.filled >= 1 else []
        done += [f"cut by ${self.cut:,.0f}"] if self.cut >= 1 else []
        done += ["lost"] if self.lost else []
        return ", ".join(done) or "not served"

    def as_json(self) -> dict[str, Any]:
        """Its entry in `summary.json`."""
        return {
            "account": self.account,
            "book": self.text,
            "halted": self.halted,
            "min_z": round(self.min_z, 4),
            "short_rounds": self.short_rounds,
            "filled_usd": round(self.filled, 2),
            "given_usd": round(self.given, 2),
            "cut_usd": round(self.cut, 2),
            "lost": self.lost,
        }


@dataclass
class FreezeResult:
    """A market that the guardian halted and the timelock opened again."""

    symbol: str
    start: int
    fall: float  # of its price in the hour around the start
    delay: int  # [s] of the timelock
    refused: dict[str, str]  # who asked for it to be opened at once → why not
    proposed: int | None = None
    end: int | None = None  # None: still halted when the prices ended
    books: dict[tuple[int, str], BookInFreeze] = field(default_factory=dict)  # by account and underlying

    def group(self, halted: bool) -> list[BookInFreeze]:
        """The books in the halted market, or those in the others."""
        return [book for book in self.books.values() if book.halted is halted]

    @property
    def short(self) -> list[BookInFreeze]:
        """The books that called for the engine meanwhile, the halted market's first."""
        return sorted((book for book in self.books.values() if book.is_short), key=lambda book: not book.halted)

    def as_json(self) -> dict[str, Any]:
        """Its entry in `summary.json`."""
        return {
            "market": self.symbol,
            "start": self.start,
            "proposed": self.proposed,
            "end": self.end,
            "fall_in_the_hour": round(self.fall, 4),
            "timelock_delay": self.delay,
            "reopening_refused": self.refused,
            "halted": _counts(self.group(True)),
            "others": _counts(self.group(False)),
            "books": [book.as_json() for book in self.short],
        }


def _counts(books: Sequence[BookInFreeze]) -> dict[str, Any]:
    """How many books called for the engine, and what came of it."""
    short = [book for book in books if book.is_short]
    return {
        "books": len(books),
        "short": len(short),
        "served": sum(book.is_served for book in short),
        "filled_usd": round(sum(book.filled for book in books), 2),
        "given_usd": round(sum(book.given for book in books), 2),
        "cut_usd": round(sum(book.cut for book in books), 2),
        "lost": sum(book.lost for book in books),
    }


@dataclass(frozen=True)
class Passage:
    """A request of entry or exit: handed in, executed, claimed."""

    asked: int
    executed: int
    assets: float  # [USD]
    shares: float

    @property
    def price(self) -> float:
        """US dollars a share."""
        return self.assets / self.shares if self.shares else 0.0

    def as_json(self) -> dict[str, Any]:
        """Its entry in `summary.json`."""
        return {
            "asked": self.asked,
            "executed": self.executed,
            "assets_usd": round(self.assets, 2),
            "shares": round(self.shares, 6),
            "price": round(self.price, 8),
        }


@dataclass
class PoolResult:
    """The pool and one who put money into it for a while."""

    prices: Trace = field(default_factory=Trace)  # [USD] of a share
    assets: Trace = field(default_factory=Trace)  # [USD]
    entry: Passage | None = None
    exits: list[Passage] = field(default_factory=list)
    rebalances: int = 0  # of the pool's own account

    @property
    def earned(self) -> float:
        """What net assets grew by, less what shareholders brought and took [USD]."""
        if not self.assets.values:
            return 0.0
        brought = self.entry.assets if self.entry else 0.0
        taken = sum(each.assets for each in self.exits)
        return self.assets.values[-1] - self.assets.values[0] - brought + taken

    @property
    def gain(self) -> float | None:
        """What the one who entered and left was left with, as a fraction; None while he has not left for good."""
        if self.entry is None or sum(each.shares for each in self.exits) < self.entry.shares * (1 - 1e-9):
            return None
        return sum(each.assets for each in self.exits) / self.entry.assets - 1

    def hourly(self, every: int = 3_600) -> list[tuple[int, float, float]]:
        """Time, share price and net assets: the first sample of each hour, and the last of all."""
        rows = list(zip(self.prices.times, self.prices.values, self.assets.values, strict=True))
        first = {row[0] // every: row for row in reversed(rows)}
        return sorted({*first.values(), *rows[-1:]})

    def as_json(self) -> dict[str, Any]:
        """Its entry in `summary.json`."""
        return {
            "earned_usd": round(self.earned, 2),
            "share_price_start": round(self.prices.values[0], 8) if self.prices.values else None,
            "share_price_end": round(self.prices.values[-1], 8) if self.prices.values else None,
            "share_price_low": round(min(self.prices.values), 8) if self.prices.values else None,
            "rebalances": self.rebalances,
            "provider": {
                "entry": self.entry.as_json() if self.entry else None,
                "exits": [each.as_json() for each in self.exits],
                "gain": None if self.gain is None else round(self.gain, 8),
            },
            "hourly": [
                {"time": time, "share_price": round(price, 8), "net_assets_usd": round(assets, 2)}
                for time, price, assets in self.hourly()
            ],
        }


@dataclass(frozen=True)
class Party:
    """What somebody began and ended with [USD]."""

    name: str
    start: float
    end: float

    @property
    def earned(self) -> float:
        return self.end - self.start

    def as_json(self) -> dict[str, Any]:
        """Its entry in `summary.json`."""
        figures = {"start": self.start, "end": self.end, "earned": self.earned}
        return {"name": self.name, **{f"{name}_usd": round(figure, 2) for name, figure in figures.items()}}


@dataclass(frozen=True)
class AuditResult:
    """Custody against what is owed, after every transaction but a feed's; and whether all parties add up."""

    blocks: int = 0
    short_wei: int = 0  # most that custody ever fell short by, of any token
    created_wei: int = 0  # what all parties together won beyond what collateral did by its price
    modelled: int = 0  # transactions that the integer model took, too
    differences: int = 0  # in which it came out otherwise than the chain
    first: Sequence[str] = ()  # of them

    def as_json(self) -> dict[str, Any]:
        """Its entry in `summary.json`."""
        return vars(self)


@dataclass
class Report:
    """A whole run."""

    source: str  # where the prices come from
    window: str
    start: int
    end: int
    rounds: int
    accounts: list[AccountResult]
    skipped: dict[str, list[str]]
    rescues: list[Rescue]
    prices: dict[str, Trace]
    volatilities: dict[str, Trace]
    conservation_error_wei: int
    audit: AuditResult = field(default_factory=AuditResult)
    parties: list[Party] = field(default_factory=list)
    liquidation: LiquidationResult = field(default_factory=LiquidationResult)
    pool: PoolResult = field(default_factory=PoolResult)
    freeze: FreezeResult | None = None
    seconds: float = 0.0

    @property
    def transfers(self) -> int:
        """Single movements of margin by the engine."""
        return sum(len(rescue.moves) for rescue in self.rescues)

    @property
    def cuts(self) -> int:
        """Books reduced by the engine."""
        return sum(len(rescue.cuts) for rescue in self.rescues)

    @property
    def volatility_cuts(self) -> list[Rescue]:
        """Cuts that volatility alone caused, at an unchanged price."""
        return [rescue for rescue in self.rescues if rescue.volatility_only]

    @property
    def broken(self) -> list[str]:
        """What must hold in every run and did not in this one."""
        audit, liquidation = self.audit, self.liquidation
        faults = {
            f"{self.conservation_error_wei} wei were created or lost": self.conservation_error_wei,
            f"custody fell short by {audit.short_wei} wei": audit.short_wei,
            f"all together won {audit.created_wei} wei": max(0, audit.created_wei),
            f"chain and model differ {audit.differences} times": audit.differences,
            f"nobody bears ${liquidation.unassigned:,.6f} of deficits": liquidation.unassigned,
            f"{liquidation.known} deficits are known and not realised": liquidation.known,
        }
        return [words for words, size in faults.items() if size]

    def as_json(self) -> dict[str, Any]:
        """What `summary.json` holds."""
        return {
            "source": self.source,
            "window": self.window,
            "start": self.start,
            "end": self.end,
            "rounds": self.rounds,
            "rebalances": len(self.rescues),
            "transfers": self.transfers,
            "cuts": self.cuts,
            "cuts_by_volatility_alone": len(self.volatility_cuts),
            "conservation_error_wei": self.conservation_error_wei,
            "audit": self.audit.as_json(),
            "parties": [party.as_json() for party in self.parties],
            "seconds": round(self.seconds, 1),
            "skipped": self.skipped,
            "liquidation": self.liquidation.as_json(),
            "pool": self.pool.as_json(),
            "freeze": self.freeze.as_json() if self.freeze else None,
            "accounts": [account.as_json() for account in self.accounts],
        }


def pairs(accounts: Sequence[AccountResult]) -> list[tuple[AccountResult, AccountResult]]:
    """Each guarded account with its twin."""
    by_name = {account.name: account for account in accounts}
    return [(account, by_name[account.twin]) for account in accounts if account.guarded]


def write_summary(report: Report, path: Path) -> None:
    """Write `summary.json`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report.as_json(), indent=2) + "\n", encoding="utf-8")
