"""The guardian's hour: one market is halted in mid-crash, the others go on, and the timelock opens it again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ballast.chain import Reverted
from ballast.client import State
from ballast.demo.report import BookInFreeze, FreezeResult, Rescue
from ballast.demo.roster import Entry
from ballast.demo.stage import Actor, Stage
from ballast.deploy.proposal import Proposal
from ballast.deploy.settings import Setting
from ballast.history.bars import HOUR, MINUTE, Window, drawdown

PROPOSED_AFTER = HOUR // 2  # [s] from the halt: somebody must look what happened first


@dataclass(frozen=True)
class Choice:
    """Which market is halted, and when."""

    symbol: str
    at: int  # [s] half way through the hour
    fall: float  # of its price in that hour


def choose(window: Window, entries: Iterable[Entry], symbols: Iterable[str]) -> Choice | None:
    """The market in which the fewest books stand, half way through the hour of its deepest fall; none where no other
    market would be left to trade."""
    books = dict.fromkeys(symbols, 0)
    for entry in entries:
        for holding in entry.kind.holdings:
            books[holding.symbol] += 1
    held = {symbol: count for symbol, count in books.items() if count}
    if len(held) < 2:
        return None
    symbol = min(held, key=lambda each: held[each])
    at, fall = deepest_hour(window, symbol)
    return Choice(symbol, at + HOUR // 2, fall)


def deepest_hour(window: Window, symbol: str) -> tuple[int, float]:
    """When the hour begins in which the price falls most, later than an hour into the window; and how much."""
    bars = window.history[symbol]
    starts = range(window.start + HOUR, max(window.end - HOUR, window.start + HOUR) + 1, 5 * MINUTE)
    at = max(starts, key=lambda start: drawdown(bars, start, start + HOUR))
    return at, drawdown(bars, at, at + HOUR)


class Freeze:
    """What guardian, proposer and executor do in their turn, and what becomes of the guarded books meanwhile."""

    def __init__(self, stage: Stage, choice: Choice) -> None:
        self._stage = stage
        self._choice = choice
        self._market = stage.protocol.markets[choice.symbol]
        self._proposal: Proposal | None = None
        self._ready_at = 0
        self.result: FreezeResult | None = None

    @property
    def lasts(self) -> bool:
        """Whether the market is halted now."""
        return self.result is not None and self.result.end is None

    def act(self, now: int) -> None:
        """Do what is due."""
        if self.result is None:
            if now >= self._choice.at:
                self.result = self._halt(now)
        elif self.result.proposed is None:
            if now >= self.result.start + PROPOSED_AFTER:
                self.result.proposed = now
                self._propose()
        elif self._proposal and self.result.end is None and now >= self._ready_at:
            self._proposal.execute(self._stage.protocol, self._stage.keeper)
            self.result.end = now

    def _halt(self, now: int) -> FreezeResult:
        """One transaction of the guardian's. Neither it nor who deployed the protocol can take it back."""
        stage = self._stage
        self._market.set_state(int(State.HALTED), sender=stage.guardian)
        return FreezeResult(
            symbol=self._choice.symbol,
            start=now,
            fall=self._choice.fall,
            delay=int(stage.protocol.timelock.get_minimum_delay()),
            refused={"the guardian": self._reopening(stage.guardian), "the deployer": self._reopening(stage.owner)},
        )

    def _reopening(self, sender: str) -> str:
        """Why the market does not open for somebody."""
        try:
            self._market.set_state.call(int(State.ACTIVE), sender=sender)
        except Reverted as error:
            return error.reason
        return ""

    def _propose(self) -> None:
        """Opening again is the owner's, and the owner is the timelock."""
        protocol = self._stage.protocol
        opening = Setting("market.state", False, self._market, "set_state", (int(State.ACTIVE),))
        self._proposal = Proposal.of(protocol, [opening])
        self._proposal.schedule(protocol, self._stage.owner)
        self._ready_at = self._proposal.ready_at(protocol)

    # What the books went through

    def see(self, actor: Actor, symbol: str, z: float) -> None:
        """A book's distance at a round, before the keeper's answer."""
        if book := self._book(actor, symbol):
            book.min_z = min(book.min_z, z)
            book.short_rounds += z < actor.policy.z_trigger

    def note(self, actor: Actor, rescue: Rescue) -> None:
        """What the engine did for an account."""
        for symbol in actor.leverage:
            if book := self._book(actor, symbol):
                amount = rescue.moves.get(symbol, 0.0)
                book.filled += max(amount, 0.0)
                book.given += max(-amount, 0.0)
                book.cut += rescue.cuts.get(symbol, 0.0)

    def lose(self, actor: Actor, symbol: str) -> None:
        """A book was lost."""
        if book := self._book(actor, symbol):
            book.lost = True

    def _book(self, actor: Actor, symbol: str) -> BookInFreeze | None:
        """The record of a book that the engine looks after, while the market is halted."""
        holding = next(each for each in actor.entry.kind.holdings if each.symbol == symbol)
        if self.result is None or not self.lasts or not actor.entry.guarded or holding.ring_fenced:
            return None
        fresh = BookInFreeze(actor.entry.name, symbol, actor.holdings[symbol], symbol == self.result.symbol)
        return self.result.books.setdefault((actor.id, symbol), fresh)
