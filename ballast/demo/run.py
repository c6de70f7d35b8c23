"""The run: each round published, the keeper's answer, the liquidator's, and what it all came to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from ballast.chain import Event, Receipt
from ballast.chain.anvil import anvil
from ballast.demo.audit import WatchedChain
from ballast.demo.freeze import Freeze, choose
from ballast.demo.liquidations import Liquidations
from ballast.demo.parties import Ledger, stakes
from ballast.demo.provider import Provider
from ballast.demo.report import CASH, AccountResult, AuditResult, Loss, Report, Rescue, Trace
from ballast.demo.roster import roster
from ballast.demo.stage import ANSWER, Actor, DemoError, Stage, prepared
from ballast.demo.words import clock
from ballast.history import feed
from ballast.history.bars import HOUR, Window
from ballast.history.feed import Tick
from ballast.keeper import Keeper, Work
from ballast.params import WAD, Params

UNCHANGED = 0.001  # a price within this of an earlier one counts as the same: a fifth of the feeds' deviation

Progress = Callable[[str, int, int], None]  # what is going on, ticks done, ticks in all


def run(window: Window, params: Params, progress: Progress = lambda *_: None, freeze: bool = True) -> Report:
    """Replay a window on a node of its own; with `freeze`, the guardian halts a market in mid-crash."""
    began = monotonic()
    symbols = [symbol for symbol in window.history if symbol in params.markets]
    if not symbols:
        raise DemoError(f"no market for {', '.join(window.history)}; the parameters know {', '.join(params.markets)}")
    ticks = feed.ticks({symbol: window.history[symbol] for symbol in symbols})
    first = {symbol: window.history[symbol][0].open for symbol in symbols}
    with anvil(timestamp=ticks[0].time - HOUR, history=False) as node:
        stage = Stage(node.chain(WatchedChain), prepared(params, first))
        replay = _Replay(stage, window, ticks, progress, freeze)
        report = replay.play()
    report.seconds = monotonic() - began
    return report


@dataclass(frozen=True)
class _Moment:
    """An account when nothing was wrong with it."""

    equity: int
    prices: Mapping[str, int]


@dataclass
class _Watch:
    """What is kept about one account while it runs."""

    actor: Actor
    result: AccountResult
    healthy: list[_Moment] = field(default_factory=list)  # since the engine last touched it
    asked: dict[str, bool] = field(default_factory=dict)  # cuts that wait for a round: whether by volatility alone


class _Replay:
    """One pass over the ticks."""

    def __init__(self, stage: Stage, window: Window, ticks: Sequence[Tick], progress: Progress, freeze: bool) -> None:
        self._stage = stage
        self._window = window
        self._ticks = ticks
        self._progress = progress
        self._protocol = stage.protocol
        self._entries, self._skipped = roster(stage.params.markets, stage.params.collateral)
        self._keeper = Keeper(stage.protocol, stage.keeper)
        self._provider = Provider(stage, window, self._keeper)
        choice = choose(window, self._entries, stage.params.markets) if freeze else None
        self._freeze = Freeze(stage, choice) if choice else None
        self._watches: dict[int, _Watch] = {}
        self._rescues: list[Rescue] = []
        self._answers: dict[str, int] = {}
        self._prices = {symbol: Trace() for symbol in stage.params.markets}
        self._volatilities = {symbol: Trace() for symbol in stage.params.markets}
        self._liquidations = Liquidations(stage, self._name_of)

    def play(self) -> Report:
        """Warm up, open, trade, report."""
        opened = False
        for index, tick in enumerate(self._ticks):
            trading = bool(self._watches)
            self._publish(tick)
            if opened:
                self._provider.act(tick.time)
            if trading:
                self._trade(tick)
            elif opened:
                if self._stage.fill(self._keeper):
                    self._begin(tick)
            elif tick.time >= self._window.start:
                self._provider.look(tick.time)
                self._stage.open(self._entries)
                opened = True
            self._progress("trading" if trading else "opening" if opened else "warming up", index + 1, len(self._ticks))
        if not self._watches:
            raise DemoError("the prices end before every order was filled")
        return self._report()

    # One tick

    def _publish(self, tick: Tick) -> None:
        """Publish on the chain and in the model, and note prices and volatilities."""
        self._stage.publish(tick)
        self._answers.update(tick.answers)
        if tick.time < self._window.start:
            return
        for symbol, answer in tick.answers.items():
            self._prices[symbol].add(tick.time, answer * ANSWER / WAD)
            self._volatilities[symbol].add(tick.time, self._stage.mirror.fast_volatility(symbol, tick.time) / WAD)

    def _begin(self, tick: Tick) -> None:
        """All books are open: policies take effect."""
        stage = self._stage
        stage.guard()
        for actor in stage.actors:
            entry = actor.entry
            result = AccountResult(entry.name, entry.twin, entry.guarded, entry.kind.story, actor.holdings)
            result.collateral, result.collateral_start = actor.collateral_text, stage.credit(actor) / WAD
            result.equity_start, result.borrowed = stage.equity(actor) / WAD, float(entry.kind.borrowed)
            result.z = {symbol: Trace() for symbol in actor.leverage}
            self._watches[actor.id] = _Watch(actor, result)
        self._ledger = Ledger(stage, stakes(stage))

    def _trade(self, tick: Tick) -> None:
        """What a round brings: the guardian acts, distances change, the keeper acts, then the liquidator."""
        if self._freeze:
            self._freeze.act(tick.time)
        risks = self._risks()
        for id_, books in risks.items():
            for symbol, risk in books.items():
                self._see(tick, self._watches[id_], symbol, _z(risk))
        if self._keep(tick, risks):
            risks = self._risks()
        self._liquidate(tick, risks)

    def _see(self, tick: Tick, watch: _Watch, symbol: str, z: float) -> None:
        """Note a book's distance."""
        watch.result.z[symbol].add(tick.time, z)
        watch.result.min_z = min(watch.result.min_z, z)
        if self._freeze:
            self._freeze.see(watch.actor, symbol, z)

    def _risks(self) -> dict[int, dict[str, Any]]:
        """Every open book valued now, by account and underlying."""
        risks: dict[int, dict[str, Any]] = {id_: {} for id_ in self._watches}
        for symbol, market in self._protocol.markets.items():
            holders = [id_ for id_, watch in self._watches.items() if symbol in watch.result.z]
            for id_, risk in zip(holders, market.book_risks(holders), strict=True):
                if risk.sigma_loss:
                    risks[id_][symbol] = risk
        return risks

    # The keeper

    def _keep(self, tick: Tick, risks: Mapping[int, Mapping[str, Any]]) -> bool:
        """Execute what was ordered, then scan, ask of those that look triggered whether they are due, and rebalance
        these; whether there were any."""
        self._keeper.execute_orders(Work())
        work = Work()
        rows = self._keeper.scan(work)
        due = self._keeper.due(rows)
        if due:
            self._stage.hold_base_fee()
            self._keeper.rebalance_all(work, due)
        equity = {row.account: row.equity for row in rows}
        for receipt in work.receipts:
            for events in _by_account(receipt):
                account = events[-1].account
                if watch := self._watches.get(account):
                    self._note(tick, watch, events, equity[account])
                else:
                    self._provider.result.rebalances += 1
        for row in rows:
            watch = self._watches.get(row.account)
            if watch and watch.actor.entry.guarded and not row.triggered and row.account not in due:
                watch.healthy.append(_Moment(row.equity, self._prices_of(watch, risks[row.account])))
        return bool(due)

    def _prices_of(self, watch: _Watch, symbols: Collection[str]) -> dict[str, int]:
        """The answers on which an account depends."""
        tokens = (self._stage.params.collateral[token].market for token in watch.actor.collateral)
        return {symbol: self._answers[symbol] for symbol in (*symbols, *filter(None, tokens))}

    def _note(self, tick: Tick, watch: _Watch, events: Sequence[Event], equity: int) -> None:
        """Add what one rebalance did to the results."""
        names = self._protocol.market_names
        summary = events[-1]
        moves: dict[str, float] = defaultdict(float)
        cuts: dict[str, float] = defaultdict(float)
        by_volatility, asked = self._is_by_volatility(watch, equity), []
        for event in events:
            if event.name == "MarginMoved" and event.account == summary.account:
                moves[names[event.market]] += event.amount / WAD
                moves[CASH] -= event.amount / WAD
            elif event.name == "Reduced":
                cuts[self._symbol_of[event.address]] += abs(event.size) * event.price / WAD**2
            elif event.name == "CutRequested":
                asked.append(names[event.market])
        rescue = Rescue(
            time=tick.time,
            account=watch.result.name,
            moves=dict(moves),
            cuts=dict(cuts),
            cost=summary.cost / WAD,
            reward=summary.reward / WAD,
            asked=tuple(asked),
            volatility_only=bool([symbol for symbol in cuts if watch.asked.pop(symbol, False)]),
        )
        for symbol in asked:
            watch.asked[symbol] = by_volatility or watch.asked.get(symbol, False)
        self._rescues.append(rescue)
        if self._freeze:
            self._freeze.note(watch.actor, rescue)
        watch.healthy.clear()
        watch.result.moved += summary.moved / WAD
        watch.result.cut += sum(cuts.values())
        watch.result.rewards += rescue.reward
        watch.result.costs += rescue.cost + rescue.reward

    @property
    def _symbol_of(self) -> dict[str, str]:
        return {market.address: symbol for symbol, market in self._protocol.markets.items()}

    def _is_by_volatility(self, watch: _Watch, equity: int) -> bool:
        """Whether the account was healthy at these very prices and no more equity, with the same books."""
        return any(
            moment.equity <= equity
            and all(abs(self._answers[symbol] / price - 1) <= UNCHANGED for symbol, price in moment.prices.items())
            for moment in watch.healthy
        )

    # Lost books

    def _liquidate(self, tick: Tick, risks: Mapping[int, Mapping[str, Any]]) -> None:
        """Let the liquidator act, and note what accounts lost by it."""
        short = {
            (id_, symbol): self._loss(tick, self._watches[id_], symbol, risk)
            for id_, books in risks.items()
            for symbol, risk in books.items()
            if risk.equity < risk.maintenance and not self._has_lost(id_, symbol)
        }
        for sale in self._liquidations.act(tick.time):
            if (watch := self._watches.get(sale.id)) is None:
                continue
            watch.healthy.clear()
            watch.result.costs += sale.cost
            if sale.what in watch.result.holdings and not self._has_lost(sale.id, sale.what):
                watch.result.lost.append(short[sale.id, sale.what])
                if self._freeze:
                    self._freeze.lose(watch.actor, sale.what)

    def _loss(self, tick: Tick, watch: _Watch, symbol: str, risk: Any) -> Loss:
        """What a book is lost with, if it is."""
        why = self._why(tick.time, watch, symbol, risk)
        return Loss(tick.time, watch.result.name, symbol, _z(risk), why, self._is_halted(symbol))

    def _has_lost(self, id_: int, symbol: str) -> bool:
        return any(loss.symbol == symbol for loss in self._watches[id_].result.lost)

    def _name_of(self, account: int) -> str:
        """Whose an account is."""
        watch = self._watches.get(account)
        if watch is None:
            return "the liquidator" if account == self._stage.bidder.id else "the pool"
        return watch.result.name

    def _is_halted(self, symbol: str) -> bool:
        """Whether the guardian holds this market closed now."""
        freeze = self._freeze
        return freeze is not None and freeze.lasts and freeze.result is not None and freeze.result.symbol == symbol

    def _why(self, time: int, watch: _Watch, symbol: str, risk: Any) -> str:
        """What kept the engine from saving the book, in numbers."""
        if not watch.actor.entry.guarded:
            return "the engine is off"
        holding = next(book for book in watch.actor.entry.kind.holdings if book.symbol == symbol)
        short = f"${risk.equity / WAD:,.0f} of equity against ${risk.maintenance / WAD:,.0f} of maintenance margin"
        if holding.ring_fenced:
            return f"{short}; ring-fenced by its owner, so the engine may neither fill nor cut it"
        if self._is_halted(symbol):
            short += f", {symbol} halted by the guardian, so that no margin could come in"
        rebalancer, id_ = self._protocol.rebalancer, watch.actor.id
        policy = rebalancer.policy(id_)
        short += f", ${self._protocol.vault.treasury(id_).cash / WAD:,.0f} of cash"
        if policy.treasury_reserve:
            short += f" of which its policy keeps ${policy.treasury_reserve / WAD:,.0f} free"
        for asked in rebalancer.cut_requests(id_):
            if asked.market == self._protocol.market_ids[symbol]:
                return f"{short}; a cut of {asked.fraction / WAD:.0%} waits for its round, from {clock(asked.due)} on"
        if any(rescue.time == time and rescue.account == watch.result.name for rescue in self._rescues):
            most = f"{policy.max_delever / 100:.0f} %"
            return f"{short}, after the engine's call at this round; one call cuts at most {most} of a book"
        reason = rebalancer.reason(rebalancer.preview(id_).code) or "a plan that does not reach it"
        return f"{short}; the engine: {reason}"

    # The end

    def _report(self) -> Report:
        """Gather the results."""
        self._provider.look(self._ticks[-1].time, last=True)
        audit, mirror, liquidation = self._stage.audit, self._stage.mirror, self._liquidations.result
        liquidation.unassigned = self._stage.unassigned() / WAD
        liquidation.known = int(self._protocol.deficits.insolvencies())
        books = (market.book_risk(self._stage.bidder.id) for market in self._protocol.markets.values())
        liquidation.held = sum(book.exposure for book in books) / WAD
        for watch in self._watches.values():
            watch.result.equity_end = self._stage.equity(watch.actor) / WAD
            watch.result.collateral_end = self._stage.credit(watch.actor) / WAD
        differences = [*mirror.refused, *mirror.differences()]
        return Report(
            source="",
            window=self._window.label,
            start=self._window.start,
            end=self._ticks[-1].time,
            rounds=sum(len(tick.answers) for tick in self._ticks if tick.time >= self._window.start),
            accounts=[watch.result for watch in self._watches.values()],
            skipped=self._skipped,
            rescues=self._rescues,
            prices=self._prices,
            volatilities=self._volatilities,
            conservation_error_wei=self._stage.custody_error(),
            audit=AuditResult(
                audit.blocks, audit.short_wei, self._ledger.created, mirror.calls, len(differences), differences[:20]
            ),
            parties=self._ledger.close(),
            liquidation=liquidation,
            pool=self._provider.result,
            freeze=self._freeze.result if self._freeze else None,
        )


def _z(risk: Any) -> float:
    """Distance to liquidation."""
    return float((risk.equity - risk.maintenance) / risk.sigma_loss)


def _by_account(receipt: Receipt) -> list[list[Event]]:
    """The events of a batch, split behind each `Rebalanced`."""
    groups: list[list[Event]] = [[]]
    for event in receipt.events:
        groups[-1].append(event)
        if event.name == "Rebalanced":
            groups.append([])
    return groups[:-1]
