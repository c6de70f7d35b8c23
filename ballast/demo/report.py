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
    volatility_only: bool = False  # cut although price and books were as at an earlier, healthy round


@dataclass(frozen=True)
class Loss:
    """A book that fell below its maintenance margin and was closed."""

    time: int
    account: str
    symbol: str
    z: float
    penalty: float  # [USD]
    why: str  # what kept the engine from saving it


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
    equity_start: float = 0.0
    equity_end: float = 0.0
    equity_end_without: float = 0.0
    min_z: float = float("inf")
    moved: float = 0.0
    cut: float = 0.0
    rewards: float = 0.0
    costs: float = 0.0  # of cuts, rewards and penalties
    costs_without: float = 0.0  # penalties
    lost_without: list[str] = field(default_factory=list)
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
            "books_liquidated_without": len(self.lost_without),
            "min_z": round(self.min_z, 4),
            "moved_usd": round(self.moved, 2),
            "cut_usd": round(self.cut, 2),
            "rewards_usd": round(self.rewards, 2),
            "costs_usd": round(self.costs, 2),
            "costs_without_usd": round(self.costs_without, 2),
            "equity_start_usd": round(self.equity_start, 2),
            "equity_end_usd": round(self.equity_end, 2),
            "equity_end_without_usd": round(self.equity_end_without, 2),
            "holdings": list(self.holdings.values()),
            "lost": [f"{loss.symbol}: {loss.why}" for loss in self.lost],
        }


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
    model_gap: float = 0.0  # [USD] largest distance of an unguarded account on chain from the integer model
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
            "model_gap_usd": round(self.model_gap, 6),
            "seconds": round(self.seconds, 1),
            "skipped": self.skipped,
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
