"""The same accounts with the engine off, in the integer model: what "without" means in the demonstration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ballast.demo.feed import Tick
from ballast.model.fixed_point import WAD, mul_wad_up
from ballast.model.market import Book, Market
from ballast.model.oracle import Feed
from ballast.model.risk import BookRisk


def penalty(exposure: int, rate: int, margin: int) -> int:
    """What a lost book pays until liquidation exists: a share of its notional, at most what is left of it [wad]."""
    return min(mul_wad_up(exposure, rate), max(margin, 0))


@dataclass
class Ghost:
    """An account whose engine never runs."""

    cash: int  # [wad]
    symbols: Sequence[str]
    lost: list[str] = field(default_factory=list)
    penalties: int = 0  # [wad]


@dataclass
class Shadow:
    """Feeds from the first round on; markets and accounts from the moment at which all orders were filled."""

    feeds: Mapping[str, Feed]
    penalty_rate: int  # [wad] of notional
    markets: dict[str, Market] = field(default_factory=dict)
    ghosts: dict[int, Ghost] = field(default_factory=dict)
    now: int = 0

    def publish(self, tick: Tick) -> None:
        """Let the feeds publish and the oracle consume."""
        self.now = tick.time
        for symbol, answer in tick.answers.items():
            self.feeds[symbol].publish(answer, tick.time)
            self.feeds[symbol].consume(tick.time)

    def step(self, tick: Tick) -> None:
        """One moment: publish, then close what fell below its maintenance margin."""
        self.publish(tick)
        for symbol in tick.answers:
            market = self.markets.get(symbol)
            holders = [
                id_ for id_, ghost in self.ghosts.items() if symbol in ghost.symbols and symbol not in ghost.lost
            ]
            if market is None or not holders:
                continue
            for id_, risk in zip(holders, market.book_risks(holders, self.now), strict=True):
                if risk.equity < risk.maintenance:
                    self._close(market, symbol, id_, risk)

    def equity(self, account: int) -> int:
        """Cash and all books, now [wad]."""
        ghost = self.ghosts[account]
        return ghost.cash + sum(self.markets[symbol].book_risk(account, self.now).equity for symbol in ghost.symbols)

    def fast_volatility(self, symbol: str) -> int:
        """What the oracle makes of its rounds, annualised [wad]."""
        return self.feeds[symbol].quote(self.now).fast_volatility

    def _close(self, market: Market, symbol: str, account: int, risk: BookRisk) -> None:
        """Close a book at the engine fill, charge the penalty, return the rest to cash."""
        market.reduce(account, WAD, 2**255, self.now)
        left = market.book(account).base
        ghost = self.ghosts[account]
        ghost.lost.append(symbol)
        if left > 0:
            market.move_margin(account, -left)
            charge = penalty(risk.exposure, self.penalty_rate, left)
            ghost.penalties += charge
            ghost.cash += left - charge


def book_of(stored: object) -> Book:
    """A book as the chain stores it, for the model."""
    return Book(*(getattr(stored, name) for name in ("size", "base", "legs", "net_deposit")))
