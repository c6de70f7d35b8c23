"""One feed of `PriceOracle`, bit-exact: rounds in, quotes out.

`Feed` also stands for the proxy and its aggregators, so that a test or a replay can publish whatever a real feed might.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from ballast.model.errors import Rejected, require
from ballast.model.fixed_point import WAD, clamp, isqrt_up, mul_div_up, wad_exp

FEED_NOT_SET = "oracle: feed not set"
FEED_PARAMETER = "oracle: parameter out of bounds"
EMPTY_ROUND = "oracle: empty round"
INCOMPLETE_ROUND = "oracle: incomplete round"
FUTURE_ROUND = "oracle: round in the future"
NEGATIVE_PRICE = "oracle: negative price"
ZERO_PRICE = "oracle: zero price"
PRICE_TOO_HIGH = "oracle: price too high"
STALE_PRICE = "oracle: stale price"
POKE = "oracle: poke"
UNKNOWN_ROUND = "oracle: unknown round"
ROUND_TOO_EARLY = "oracle: round too early"
NOT_FIRST_ROUND = "oracle: not the first round"
UNPROVEN_ROUND = "oracle: no valid predecessor"

MAX_PENDING = 16
MAX_SKIPPED = 3

WINDOW = 1_800  # [s] of the moving average
SLOW_WINDOW = 7 * 86_400  # [s] 42 times the fast one
RETURN_CAP = 10**17  # [wad]
YEAR = 365 * 86_400  # [s]

PRICE_UNIT = 10**6  # [wad] in one 1e-12 USD
RATIO_UNIT = 10**10  # [wad] in one 1e-8
RATIO_ONE = 10**8  # [1e-8]
MAX_PRICE = 2**72 - 1  # [1e-12 USD]
MAX_RATIO = 2**32 - 1  # [1e-8]
MAX_TIME = 2**32 - 1  # [s]
MAX_ROUND = 2**32 - 1
PERCENT = WAD // 100
MAX_LIMIT = 2**8 - 1

_AGGREGATOR_ROUND = 2**64 - 1


@dataclass(frozen=True)
class FeedConfig:
    """What the owner sets."""

    heartbeat: int  # [s]
    grace: int  # [s]
    volatility_floor: int  # [wad] annualised
    volatility_cap: int  # [wad] annualised
    initial_fast: int  # [wad] annualised
    initial_slow: int  # [wad] annualised
    slow_rise: int  # [wad] of itself per hour
    jump: int  # [wad] relative move
    jump_duration: int  # [s]

    def __post_init__(self) -> None:
        """The contract's hard bounds."""
        require(60 <= self.heartbeat <= 2 * 86_400 and 0 <= self.grace <= 86_400, FEED_PARAMETER)
        for number, unit, fewest, most in (
            (self.volatility_floor, PERCENT, 1, MAX_LIMIT),
            (self.volatility_cap, 10 * PERCENT, 1, MAX_LIMIT),
            (self.slow_rise, PERCENT, 1, MAX_LIMIT),
            (self.jump, PERCENT, 1, 100),
            (self.jump_duration, 60, 0, MAX_LIMIT),
        ):
            require(number % unit == 0 and fewest * unit <= number <= most * unit, FEED_PARAMETER)
        for initial in (self.initial_fast, self.initial_slow):
            require(self.volatility_floor <= initial <= self.volatility_cap, FEED_PARAMETER)

    @property
    def max_age(self) -> int:
        """When a price is stale [s]."""
        return self.heartbeat + self.grace


@dataclass(frozen=True)
class State:
    """What the rounds so far say."""

    price: int  # [1e-12 USD] of the last observation
    average: int  # [1e-8] moving average over price, both when that observation was made
    fast: int  # [1e-8] annualised volatility
    slow: int  # [1e-8] annualised volatility
    updated_at: int  # [s] of the last observation
    round: int  # proxy round id of the last round processed
    jump_left: int  # [s] counted from the last observation


@dataclass(frozen=True)
class Quote:
    """Price and estimates."""

    price: int  # [wad]
    average: int  # [wad]
    fast_volatility: int  # [wad]
    slow_volatility: int  # [wad]
    updated_at: int  # [s]
    round: int
    guarded: bool
    unconfirmed: bool


@dataclass(frozen=True)
class Answer:
    """A round as an aggregator holds it."""

    answer: int  # [raw]
    updated_at: int  # [s]
    answered_in: int  # aggregator round


@dataclass(frozen=True)
class Round:
    """A round as the oracle reads it; `defect` is the reason for refusing it, "" if there is none."""

    id: int
    price: int  # [1e-12 USD]
    updated_at: int  # [s]
    defect: str


@dataclass
class Feed:
    """A proxy with its aggregators, and what the oracle knows of it."""

    config: FeedConfig
    decimals: int = 8
    aggregators: list[list[Answer]] = field(default_factory=lambda: [[]])  # of the proxy's phases, from 1
    state: State | None = None

    # The feed

    def publish(self, answer: int, now: int) -> int:
        """A proper round; its proxy round id."""
        return self.publish_round(answer, now, len(self.aggregators[-1]) + 1)

    def publish_round(self, answer: int, updated_at: int, answered_in: int) -> int:
        """Any round, proper or not; its proxy round id."""
        self.aggregators[-1].append(Answer(answer, updated_at, answered_in))
        return self._latest_id

    def set_aggregator(self, rounds: list[Answer]) -> None:
        """Start a new phase with an aggregator that has these rounds."""
        self.aggregators.append(rounds)

    # The oracle

    def set_feed(self, now: int) -> None:
        """Start the estimates from the configuration and the current round."""
        require(self.decimals <= 18, FEED_PARAMETER)
        latest = self._round(self._latest_id, now)
        _check_usable(latest)
        require(now <= latest.updated_at + self.config.max_age, STALE_PRICE)
        fast, slow = self.config.initial_fast // RATIO_UNIT, self.config.initial_slow // RATIO_UNIT
        self.state = State(latest.price, RATIO_ONE, fast, slow, latest.updated_at, latest.id, 0)

    def quote(self, now: int) -> Quote:
        """Price and estimates now, unprocessed rounds included."""
        state, latest = self._state, self._round(self._latest_id, now)
        _check_usable(latest)
        require(rounds_between(state.round, latest.id) <= MAX_PENDING, POKE)
        state = self._advance(state, latest, now)
        require(now <= state.updated_at + self.config.max_age, STALE_PRICE)
        jumped = now < state.updated_at + state.jump_left
        return Quote(
            price=state.price * PRICE_UNIT,
            average=average_price(state, now),
            fast_volatility=state.fast * RATIO_UNIT,
            slow_volatility=state.slow * RATIO_UNIT,
            updated_at=state.updated_at,
            round=state.round,
            guarded=jumped,
            unconfirmed=jumped,
        )

    def consume(self, now: int) -> None:
        """Store what `quote` would compute."""
        require(self.pending() <= MAX_PENDING, POKE)
        self.poke(now)

    def poke(self, now: int) -> int:
        """Consume up to MAX_PENDING rounds; how many are still pending."""
        self.state = self._advance(self._state, self._round(self._latest_id, now), now)
        return self.pending()

    def pending(self) -> int:
        """Rounds not yet processed."""
        return rounds_between(self._state.round, self._latest_id)

    def first_round(self, round: int, not_before: int, now: int) -> tuple[int, int]:
        """Prove that `round` is the first valid one at or after `not_before`: its price [wad] and time [s]."""
        latest = self._latest_id
        require(self.state is not None, FEED_NOT_SET)
        require(round <= latest and round >> 64 == latest >> 64, UNKNOWN_ROUND)
        first = self._round(round, now)
        _check_usable(first)
        require(first.updated_at >= not_before, ROUND_TOO_EARLY)
        require(self._valid_time_before(round, now) < not_before, NOT_FIRST_ROUND)
        return first.price * PRICE_UNIT, first.updated_at

    def last_round(self) -> tuple[int, int]:
        """The latest round, whatever its age: its id and time [s]."""
        require(self.state is not None, FEED_NOT_SET)
        rounds = self.aggregators[-1]
        return self._latest_id, rounds[-1].updated_at if rounds else 0

    # Internal

    @property
    def _state(self) -> State:
        if self.state is None:
            raise Rejected(FEED_NOT_SET)
        return self.state

    @property
    def _latest_id(self) -> int:
        return len(self.aggregators) << 64 | len(self.aggregators[-1])

    def _advance(self, state: State, latest: Round, now: int) -> State:
        first = state.round + 1 if latest.id >> 64 == state.round >> 64 else latest.id
        end = latest.id if latest.defect else latest.id + 1
        for id_ in range(first, min(end, first + MAX_PENDING)):
            round_ = self._round(id_, now)
            state = replace(state, round=id_)
            if not round_.defect and round_.updated_at > state.updated_at:
                state = observe(state, self.config, round_.price, round_.updated_at)
        return state

    def _round(self, id_: int, now: int) -> Round:
        rounds = self.aggregators[(id_ >> 64) - 1]
        index = id_ & _AGGREGATOR_ROUND
        held = rounds[index - 1] if 0 < index <= len(rounds) else Answer(0, 0, 0)
        price = scaled_price(held.answer, self.decimals)
        return Round(id_, price, held.updated_at, _defect(held, index, price, now))

    def _valid_time_before(self, round: int, now: int) -> int:
        for before in range(round - 1, round - 2 - MAX_SKIPPED, -1):
            if before & _AGGREGATOR_ROUND == 0:
                break
            candidate = self._round(before, now)
            if not candidate.defect:
                return candidate.updated_at
        raise Rejected(UNPROVEN_ROUND)


def rounds_between(processed: int, latest: int) -> int:
    """How many rounds follow `processed`: one across a phase change, none if the feed went back."""
    return 1 if latest >> 64 != processed >> 64 else max(latest, processed) - processed


def scaled_price(answer: int, decimals: int) -> int:
    """The answer in 1e-12 USD, rounded down; 0 if negative, and an absurd one saturates."""
    price = clamp(answer, 0, 2**128)
    return price * 10 ** (12 - decimals) if decimals <= 12 else price // 10 ** (decimals - 12)


def observe(state: State, limits: FeedConfig, price: int, updated_at: int) -> State:
    """The state after an observation of `price` [1e-12 USD] at `updated_at` [s]."""
    elapsed = updated_at - state.updated_at
    distance = abs(price - state.price)

    variance = log_return(distance, price + state.price) ** 2 * YEAR // (elapsed * 10**20)
    weight = wad_exp(-(elapsed * WAD // SLOW_WINDOW))
    floor, cap = limits.volatility_floor // RATIO_UNIT, limits.volatility_cap // RATIO_UNIT
    fast = clamp(_blend(state.fast, variance, _fast_weight(weight)), floor, cap)
    slow = clamp(_blend(state.slow, variance, weight), floor, cap)
    rise = state.slow * (limits.slow_rise // RATIO_UNIT) * elapsed // (RATIO_ONE * 3_600)

    weighted = state.price * _weighted_ratio(state.average, elapsed)
    jumped = distance * RATIO_ONE > limits.jump // RATIO_UNIT * state.price
    return State(
        price=price,
        average=max(1, min(weighted // (price * WINDOW), MAX_RATIO)),
        fast=fast,
        slow=min(slow, state.slow + rise),
        updated_at=updated_at,
        round=state.round,
        jump_left=limits.jump_duration if jumped else max(0, state.jump_left - elapsed),
    )


def average_price(state: State, now: int) -> int:
    """Moving average up to `now` [wad]."""
    weighted = _weighted_ratio(state.average, now - state.updated_at)
    return state.price * PRICE_UNIT * weighted // (RATIO_ONE * WINDOW)


def log_return(distance: int, total: int) -> int:
    """|ln(p1/p0)| from |p1 − p0| and p1 + p0, capped [wad]: 2·artanh of their ratio, three terms."""
    d = min(distance * WAD // total, RETURN_CAP // 2)
    square = d * d // WAD
    series = WAD + square * (WAD // 3 + square // 5) // WAD
    return min(2 * d * series // WAD, RETURN_CAP)


def _weighted_ratio(average: int, elapsed: int) -> int:
    stood = min(elapsed, WINDOW)
    return average * (WINDOW - stood) + RATIO_ONE * stood


def _fast_weight(slow: int) -> int:
    """The slow weight to the power of 42 = 32 + 8 + 2 [wad]."""
    second = slow * slow // WAD
    fourth = second * second // WAD
    eighth = fourth * fourth // WAD
    sixteenth = eighth * eighth // WAD
    return sixteenth * sixteenth // WAD * eighth // WAD * second // WAD


def _blend(volatility: int, variance: int, weight: int) -> int:
    """√(w·σ² + (1 − w)·variance) [1e-8], rounded up."""
    return isqrt_up(mul_div_up(1, weight * volatility**2 + (WAD - weight) * variance, WAD))


def _defect(held: Answer, index: int, price: int, now: int) -> str:
    """Why a round cannot be used, "" if it can."""
    if held.updated_at == 0:
        return INCOMPLETE_ROUND if held.answer else EMPTY_ROUND
    if held.answered_in < index or index > MAX_ROUND:
        return INCOMPLETE_ROUND
    if held.updated_at > min(now, MAX_TIME):
        return FUTURE_ROUND
    if price == 0:
        return NEGATIVE_PRICE if held.answer < 0 else ZERO_PRICE
    return PRICE_TOO_HIGH if price > MAX_PRICE else ""


def _check_usable(round: Round) -> None:
    require(not round.defect, round.defect)
