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
DECIMALS_CHANGED = "oracle: decimals changed"
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
UNEXPECTED_PRICE = "oracle: unexpected price"
PRICE_MOVED = "oracle: far from the last price"
FEED_OFF = "oracle: feed is off"
FEEDS_DISAGREE = "oracle: feeds disagree"
SECOND_SILENT = "oracle: second feed is silent"
NO_SEQUENCER = "oracle: no sequencer answer"
SEQUENCER_DOWN = "oracle: sequencer is down"
SEQUENCER_YOUNG = "oracle: sequencer just restarted"

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
BASIS_POINT = WAD // 10_000

NEAR = 1_000  # [bps] a changed feed's price may be from the last good one at once …
WIDENING = 9  # [s] … and one more as each of these passes
FORGET_AFTER = 86_400  # [s] after which the last price of a feed that is off counts no more

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
    second_max_age: int = 0  # [s] of the second feed, 0 = none
    max_deviation: int = 0  # [wad] between the two

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
        if self.second_max_age or self.max_deviation:
            require(60 <= self.second_max_age <= 3 * 86_400, FEED_PARAMETER)
            require(self.max_deviation % BASIS_POINT == 0, FEED_PARAMETER)
            require(50 * BASIS_POINT <= self.max_deviation <= self.jump, FEED_PARAMETER)

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
class Told:
    """What a feed answers when it is only asked for its latest round, right or wrong."""

    id: int
    answer: int  # [raw]
    started_at: int  # [s]
    updated_at: int  # [s]
    answered_in: int


@dataclass
class Sequencer:
    """A rollup's uptime feed, one for all feeds; `told` is None while it gives no proper answer."""

    grace: int  # [s]
    told: Told | None = None

    def check(self, now: int) -> None:
        """Reverts with the reason while prices must wait."""
        told = self.told
        require(told is not None and 0 < told.started_at <= now and told.answer in (0, 1), NO_SEQUENCER)
        assert told is not None
        require(told.answer == 0, SEQUENCER_DOWN)
        require(now - told.started_at >= self.grace, SEQUENCER_YOUNG)


@dataclass(frozen=True)
class Round:
    """A round as the oracle reads it; `defect` is the reason for refusing it, "" if there is none."""

    id: int
    price: int  # [1e-12 USD]
    updated_at: int  # [s]
    defect: str


@dataclass
class Feed:
    """A proxy with its aggregators, and what the oracle knows of it; beside it a second feed, where there is one."""

    config: FeedConfig
    decimals: int = 8  # as the proxy tells them
    aggregators: list[list[Answer]] = field(default_factory=lambda: [[]])  # of the proxy's phases, from 1
    second: Told | None = None  # None while it gives no proper answer
    second_decimals: int = 8
    sequencer: Sequencer | None = None
    state: State | None = None
    off_since: int = 0  # [s] 0 = on
    ended_silence: int = 0  # [s] of all silences that are over
    known_decimals: int = field(default=0, init=False)  # when it was set

    # The feed

    def publish(self, answer: int, now: int) -> int:
        """A proper round; its proxy round id."""
        return self.publish_round(answer, now, len(self.aggregators[-1]) + 1)

    def publish_round(self, answer: int, updated_at: int, answered_in: int) -> int:
        """Any round, proper or not; its proxy round id."""
        self.aggregators[-1].append(Answer(answer, updated_at, answered_in))
        return self._latest_id

    def set_aggregator(self, rounds: list[Answer], decimals: int | None = None) -> None:
        """Start a new phase with an aggregator that has these rounds, and other decimals where they are given."""
        self.aggregators.append(rounds)
        self.decimals = self.decimals if decimals is None else decimals

    def scaled(self, answer: int) -> int:
        """An answer in 1e-12 USD."""
        return scaled_price(answer, self.decimals)

    # The oracle

    def set_feed(self, now: int, expected_price: int | None = None) -> None:
        """Start the estimates from the configuration and the current round, which shows what is expected [wad]."""
        self.state = self._first_state(self._settable_round(now, expected_price))
        self.known_decimals = self.decimals

    def change_feed(self, other: Feed, now: int, expected_price: int | None = None) -> None:
        """Set it anew, with the proxies and the configuration of `other`; the estimates stay."""
        old, stale = self._advance(self._state, self._latest(now), now)
        latest = other._settable_round(now, expected_price, old, self.off_since)
        self._end_stale(stale)
        self.state = old
        self._end_stale(max(0, now - self._due_at))
        self.config, self.decimals, self.aggregators = other.config, other.decimals, other.aggregators
        self.second, self.second_decimals = other.second, other.second_decimals
        self.known_decimals = self.decimals
        self.state = resume(old, self.config, latest, now)

    def set_off(self, off: bool, now: int) -> None:
        """Switch the price off, or on again."""
        require(self.state is not None, FEED_NOT_SET)
        if off != bool(self.off_since):
            self.poke(now)
            if not off:
                self.ended_silence += min(max(self._due_at, self.off_since), now) - self.off_since
            self.off_since = now if off else 0

    def silence(self, now: int) -> int:
        """For how long, in all, there was no price: stale, or switched off [s]."""
        return self.ended_silence + self.silent_for(now)

    def silent_for(self, now: int) -> int:
        """For how long, without a break, there has been no price [s]."""
        if self.state is None:
            return 0
        due_at = max(self.state.updated_at, self._last_heard(now)) + self.config.max_age
        return now - min(self.off_since or now, due_at)

    @property
    def last_price(self) -> int:
        """Of the last round that was stored, whatever its age [wad]."""
        return 0 if self.state is None else self.state.price * PRICE_UNIT

    def quote(self, now: int) -> Quote:
        """Price and estimates now, unprocessed rounds included."""
        state, latest = self._state, self._latest(now)
        _check_usable(latest)
        require(rounds_between(state.round, latest.id) <= MAX_PENDING, POKE)
        state, _ = self._advance(state, latest, now)
        require(now <= state.updated_at + self.config.max_age, STALE_PRICE)
        confirmed = self._ask_guards(state.price, now)
        jumped = now < state.updated_at + state.jump_left
        return Quote(
            price=state.price * PRICE_UNIT,
            average=average_price(state, now),
            fast_volatility=state.fast * RATIO_UNIT,
            slow_volatility=state.slow * RATIO_UNIT,
            updated_at=state.updated_at,
            round=state.round,
            guarded=jumped or confirmed is False,
            unconfirmed=jumped and not confirmed,
        )

    def consume(self, now: int) -> None:
        """Store what `quote` would compute."""
        require(self.pending() <= MAX_PENDING, POKE)
        self.poke(now)

    def poke(self, now: int) -> int:
        """Consume up to MAX_PENDING rounds; how many are still pending."""
        state, stale = self._advance(self._state, self._latest(now), now)
        self._end_stale(stale)
        self.state = state
        return self.pending()

    def pending(self) -> int:
        """Rounds not yet processed."""
        return rounds_between(self._state.round, self._latest_id)

    def first_round(self, round: int, not_before: int, now: int) -> tuple[int, int, int]:
        """Prove that `round` is the first valid one at or after `not_before`: its price, its time, the heartbeat."""
        latest = self._latest_id
        require(self.state is not None, FEED_NOT_SET)
        require(round <= latest and round >> 64 == latest >> 64, UNKNOWN_ROUND)
        first = self._usable_phase(self._round(round, now))
        _check_usable(first)
        require(first.updated_at >= not_before, ROUND_TOO_EARLY)
        require(self._valid_time_before(round, now) < not_before, NOT_FIRST_ROUND)
        return first.price * PRICE_UNIT, first.updated_at, self.config.heartbeat

    def price_since(self, since: int, now: int) -> int:
        """The price of the first round at or after a time; 0 where there is none."""
        require(self.state is not None, FEED_NOT_SET)
        latest = self._latest(now)
        if latest.defect or latest.updated_at < since:
            return 0
        return self._first_since(latest, since, now).price * PRICE_UNIT

    def last_round(self) -> tuple[int, int]:
        """The latest round, whatever its age: its id and time [s]."""
        require(self.state is not None, FEED_NOT_SET)
        rounds = self.aggregators[-1]
        return self._latest_id, rounds[-1].updated_at if rounds else 0

    # Internal

    def _settable_round(
        self, now: int, expected_price: int | None, last: State | None = None, off_since: int = 0
    ) -> Round:
        """The latest round, where the feed may be set: after `last`, unless it has been off for long."""
        require(self.decimals <= 18, FEED_PARAMETER)
        latest = self._judged(self._latest_id, now, self.decimals)
        _check_usable(latest)
        require(now <= latest.updated_at + self.config.max_age, STALE_PRICE)
        if expected_price is not None:
            low, high = sorted((latest.price * PRICE_UNIT, expected_price))
            require(high <= low * 3 // 2, UNEXPECTED_PRICE)
        if last is not None and not (off_since and now - off_since >= FORGET_AFTER):
            allowed = NEAR + (now - last.updated_at) // WIDENING
            low, high = sorted((latest.price, last.price))
            require((high - low) * 10_000 <= allowed * low, PRICE_MOVED)
        if self.config.second_max_age:
            require(self.second_decimals <= 18, FEED_PARAMETER)
            require(self._ask_second(latest.price, now) is True, SECOND_SILENT)
        return latest

    def _first_state(self, latest: Round) -> State:
        fast, slow = self.config.initial_fast // RATIO_UNIT, self.config.initial_slow // RATIO_UNIT
        return State(latest.price, RATIO_ONE, fast, slow, latest.updated_at, latest.id, 0)

    def _ask_guards(self, price: int, now: int) -> bool | None:
        """Whether the second feed confirms the price [1e-12 USD]; None where there is none."""
        require(not self.off_since, FEED_OFF)
        if self.sequencer is not None:
            self.sequencer.check(now)
        return self._ask_second(price, now) if self.config.second_max_age else None

    def _ask_second(self, price: int, now: int) -> bool:
        """Whether the second feed speaks; it then agrees, or the price is refused."""
        told = self.second
        if told is None:
            return False
        other = scaled_price(told.answer, self.second_decimals)
        if not 0 < other <= MAX_PRICE or told.answered_in < told.id:
            return False
        if not 0 <= now - told.updated_at <= self.config.second_max_age:
            return False
        low, high = sorted((price, other))
        require((high - low) * WAD <= self.config.max_deviation * low, FEEDS_DISAGREE)
        return True

    @property
    def _state(self) -> State:
        if self.state is None:
            raise Rejected(FEED_NOT_SET)
        return self.state

    @property
    def _latest_id(self) -> int:
        return len(self.aggregators) << 64 | len(self.aggregators[-1])

    def _last_heard(self, now: int) -> int:
        """Time of the latest round of the known phase, if it can be read; else 0."""
        rounds = self.aggregators[-1]
        if not rounds or len(self.aggregators) != self._state.round >> 64:
            return 0
        last = rounds[-1]
        return last.updated_at if last.answer > 0 and last.answered_in >= len(rounds) and last.updated_at <= now else 0

    @property
    def _due_at(self) -> int:
        """When the last observation is stale [s]."""
        return self._state.updated_at + self.config.max_age

    def _end_stale(self, stale: int) -> None:
        """Rounds came after so many seconds without a price; what is off counts as off."""
        self.ended_silence += min(stale, max(0, self.off_since - self._due_at)) if self.off_since else stale

    def _advance(self, state: State, latest: Round, now: int) -> tuple[State, int]:
        """The state after the next rounds, and for how long the price was stale between them."""
        first = state.round + 1 if latest.id >> 64 == state.round >> 64 else latest.id
        end = latest.id if latest.defect else latest.id + 1
        stale = 0
        for id_ in range(first, min(end, first + MAX_PENDING)):
            round_ = self._round(id_, now)
            state = replace(state, round=id_)
            if not round_.defect and round_.updated_at > state.updated_at:
                stale += max(0, round_.updated_at - state.updated_at - self.config.max_age)
                state = observe(state, self.config, round_.price, round_.updated_at)
        return state, stale

    def _round(self, id_: int, now: int) -> Round:
        return self._judged(id_, now, self.known_decimals)

    def _latest(self, now: int) -> Round:
        return self._usable_phase(self._round(self._latest_id, now))

    def _usable_phase(self, round_: Round) -> Round:
        if round_.id >> 64 != self._state.round >> 64 and self.decimals != self.known_decimals and not round_.defect:
            return replace(round_, defect=DECIMALS_CHANGED)
        return round_

    def _judged(self, id_: int, now: int, decimals: int) -> Round:
        rounds = self.aggregators[(id_ >> 64) - 1]
        index = id_ & _AGGREGATOR_ROUND
        held = rounds[index - 1] if 0 < index <= len(rounds) else Answer(0, 0, 0)
        price = scaled_price(held.answer, decimals)
        return Round(id_, price, held.updated_at, defect_of(held, index, price, now))

    def _first_since(self, first: Round, since: int, now: int) -> Round:
        early, width = first.id - (first.id & _AGGREGATOR_ROUND), 1
        while first.id - early > 1:
            candidate = self._round(first.id - min(width, (first.id - early) // 2), now)
            if not candidate.defect and candidate.updated_at >= since:
                first, width = candidate, 2 * width
            else:
                early = candidate.id
        return first

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

    jumped = distance * RATIO_ONE > limits.jump // RATIO_UNIT * state.price
    return State(
        price=price,
        average=_carried_average(state, elapsed, price),
        fast=fast,
        slow=min(slow, state.slow + rise),
        updated_at=updated_at,
        round=state.round,
        jump_left=limits.jump_duration if jumped else max(0, state.jump_left - elapsed),
    )


def resume(state: State, limits: FeedConfig, latest: Round, now: int) -> State:
    """The state of a feed that was changed and now shows `latest`: the step between the two is no return."""
    elapsed = max(0, latest.updated_at - state.updated_at)
    until = state.updated_at + state.jump_left
    if abs(latest.price - state.price) * RATIO_ONE > limits.jump // RATIO_UNIT * state.price:
        until = max(until, now + limits.jump_duration)
    return replace(
        state,
        price=latest.price,
        average=_carried_average(state, elapsed, latest.price),
        updated_at=latest.updated_at,
        round=latest.id,
        jump_left=max(0, until - latest.updated_at),
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


def _carried_average(state: State, elapsed: int, price: int) -> int:
    weighted = state.price * _weighted_ratio(state.average, elapsed)
    return max(1, min(weighted // (price * WINDOW), MAX_RATIO))


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


def defect_of(held: Answer, index: int, price: int, now: int) -> str:
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
