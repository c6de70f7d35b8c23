"""The informed trader's best day under each way of filling, over many seeds, and what the remedy costs others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from ballast import params as params_
from ballast.history.bars import Bar
from ballast.model.policy import REQUEST_DELAY
from ballast.params import WAD, MarketParams, Params
from tests.economics import honest
from tests.economics.at_once import takers
from tests.economics.paths import LATENCY
from tests.economics.tape import Charge, Tape
from tests.economics.trader import Exit, Result, Strategy

SEEDS = 20
MARKET = "ETH"
FORMER_CAP = 5 * WAD  # of spread and fee over volatility, before this study
SHARES = 1.0, 0.75, 0.5, 0.25, 0.0  # of what the pool asks
LEADS = 0, 2, 5, LATENCY, 30  # [s] that he is ahead of the feed
BPS = 10_000


class Plan(Protocol):
    """What he may do with a day."""

    @property
    def label(self) -> str: ...

    def play(self, tape: Tape) -> Result: ...


@dataclass(frozen=True)
class Best:
    """The strategy that takes most in the mean of all seeds, of those that trade once a day at least."""

    strategy: str
    gains: list[float]  # [bps of one position's notional] by seed
    trips: float  # a day

    @property
    def mean(self) -> float:
        """Over the seeds."""
        return sum(self.gains) / len(self.gains)


def market(former: bool = False, params: Params | None = None) -> MarketParams:
    """The market that is played: as shipped, or as it was."""
    shipped = (params or params_.load()).markets[MARKET]
    if not former:
        return shipped
    quote = shipped.quote.model_copy(update={"volatility_cap": FORMER_CAP})
    fees = shipped.fees.model_copy(update={"volatility_cap": FORMER_CAP})
    return shipped.model_copy(update={"quote": quote, "fees": fees})


def tapes(bars: Sequence[Bar], seeds: int = SEEDS, former: bool = False, lead: int = LATENCY) -> list[Tape]:
    """The same day, as many times."""
    return [Tape(bars, seed, market(former), lead) for seed in range(seeds)]


def best(played: Sequence[Tape], tried: Sequence[Plan]) -> Best | None:
    """Of the strategies tried; None if none of them ever trades."""
    found: Best | None = None
    for strategy in tried:
        results = [strategy.play(tape) for tape in played]
        trips = sum(result.trips for result in results) / len(results)
        candidate = Best(strategy.label, [round(result.gain * BPS, 1) for result in results], trips)
        if trips >= 1 and (found is None or candidate.mean > found.mean):
            found = candidate
    return found


def scaled(share: float) -> MarketParams:
    """The market with that share of its spread, deviation and fee."""
    shipped = market()
    quote, fees = shipped.quote, shipped.fees
    spread = {"base_spread": round(quote.base_spread * share), "deviation": round(quote.deviation * share)}
    fee = {"base_fee": round(fees.base_fee * share)}
    return shipped.model_copy(update={"quote": quote.model_copy(update=spread), "fees": fees.model_copy(update=fee)})


def sensitivity(bars: Sequence[Bar], tried: Sequence[Strategy], seeds: int = SEEDS) -> dict[str, dict[str, Any]]:
    """What he would take if the pool asked for less: the share of what it asks, and his best strategy each way."""
    found: dict[str, dict[str, Any]] = {}
    for share in SHARES:
        played = [Tape(bars, seed, scaled(share)) for seed in range(seeds)]
        ways = (Exit.ORDER, Exit.CUT_ASKED)
        found[f"{share:.0%}"] = {
            way: _plain(best(played, [each for each in tried if each.exit is way])) for way in ways
        }
    return found


def at_once(played: Sequence[Tape]) -> dict[str, Any]:
    """What he would take if fills came at the last round's price, for either charge."""
    return {charge: _plain(best(played, takers(charge))) for charge in Charge}


def ahead(bars: Sequence[Bar], tried: Sequence[Strategy], seeds: int = SEEDS) -> dict[int, dict[str, Any]]:
    """What he takes by how far he is ahead of the feed [s]: with orders, and if fills came at once."""
    orders = [each for each in tried if each.exit is Exit.ORDER]
    found: dict[int, dict[str, Any]] = {}
    for lead in LEADS:
        played = tapes(bars, seeds, lead=lead)
        found[lead] = {Exit.ORDER: _plain(best(played, orders)), **at_once(played)}
    return found


def study(bars: Sequence[Bar], tried: Sequence[Strategy], seeds: int = SEEDS, accounts: int = 40) -> dict[str, Any]:
    """One day, before and after."""
    before, after = tapes(bars, seeds, former=True), tapes(bars, seeds)
    policy = params_.load().policy
    by_exit = {exit_: [strategy for strategy in tried if strategy.exit is exit_] for exit_ in Exit}
    return {
        "rounds": round(sum(len(tape.quotes) for tape in after) / seeds),
        "before": {exit_: _plain(best(before, by_exit[exit_])) for exit_ in (Exit.ORDER, Exit.CUT_AT_ONCE)},
        "after": {exit_: _plain(best(after, by_exit[exit_])) for exit_ in (Exit.ORDER, Exit.CUT_ASKED)},
        "at once": at_once(after),
        "honest before": asdict(honest.endure(before, market(former=True), policy, None, accounts)),
        "honest after": asdict(honest.endure(after, market(), policy, REQUEST_DELAY, accounts)),
    }


def _plain(found: Best | None) -> dict[str, Any]:
    if found is None:
        return {"strategy": "none trades once a day", "mean": 0.0, "gains": [], "trips": 0.0}
    return {**asdict(found), "mean": round(found.mean, 1), "trips": round(found.trips, 1)}
