"""Accounts to replay: named, seeded populations, or those of a file. Amounts are USD at the start of the window."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from ballast.lab.outcome import Floats

LEVERAGE = (2.0, 10.0)  # of a book: notional over margin
MEDIAN_EQUITY, EQUITY_SPREAD = 10_000.0, 1.0  # [USD], and of its logarithm
LEAST_EQUITY, MOST_EQUITY = 500.0, 1_000_000.0  # [USD]
MOST_CASH = 0.1  # of an account's equity
HEADROOM = 1.02  # of initial margin: prices move between commit and fill
MIXTURE = {"single": 0.4, "hedged": 0.3, "basis": 0.15, "concentrated": 0.15}


@dataclass(frozen=True)
class Population:
    """A accounts in M markets."""

    name: str
    seed: int
    markets: tuple[str, ...]
    notional: Floats  # [A, M] long if positive
    margin: Floats  # [A, M] of the books
    cash: Floats  # [A]
    beside: Floats  # [A, M] worth of the underlying that the owner holds, out of reach of every rule

    def __post_init__(self) -> None:
        if not len(self.cash):
            raise ValueError(f"population {self.name}: no accounts; expected one at least")

    @property
    def accounts(self) -> int:
        """How many."""
        return len(self.cash)

    @property
    def leverage(self) -> float:
        """Σ notional / Σ equity."""
        return float(np.abs(self.notional).sum() / (self.margin.sum() + self.cash.sum()))


@dataclass(frozen=True)
class _Draw:
    """What a kind of account is drawn from."""

    source: Generator
    markets: int
    most_leverage: Floats  # [M] that initial margin allows
    leverage: tuple[float, float]

    def levered(self, margin: Floats, low: float = 0.0) -> Floats:
        """Notional of books with such margins: leverage uniform over the part of the range above `low` (0 … 1)."""
        least, most = self.leverage
        top = np.minimum(most, self.most_leverage)
        bottom = np.minimum(least + low * (most - least), top)
        notional: Floats = margin * self.source.uniform(bottom, top, margin.shape)
        return notional

    def sides(self, shape: int | tuple[int, ...]) -> Floats:
        """Long or short, as likely."""
        return self.source.choice((-1.0, 1.0), shape)

    def shares(self, accounts: int) -> Floats:
        """Of margin among the books of an account: any, as likely."""
        shares: Floats = self.source.dirichlet(np.full(self.markets, 3.0), accounts)
        return shares


_Books = tuple[Floats, Floats, Floats]  # notional, margin, beside


def _single(draw: _Draw, margin: Floats) -> _Books:
    """A book in every market, all on one side."""
    margins = margin[:, None] * draw.shares(len(margin))
    notional = draw.levered(margins) * draw.sides(len(margin))[:, None]
    return notional, margins, np.zeros_like(margins)


def _hedged(draw: _Draw, margin: Floats) -> _Books:
    """Long one market and short another for as much: the account hardly moves, each of its books does."""
    if draw.markets < 2:
        raise ValueError("population hedged: one market; expected two at least")
    accounts = np.arange(len(margin))
    order = draw.source.permuted(np.tile(np.arange(draw.markets), (len(margin), 1)), axis=1)[:, :2]
    margins = np.zeros((len(margin), draw.markets))
    share = draw.source.uniform(0.35, 0.65, len(margin))
    margins[accounts, order[:, 0]], margins[accounts, order[:, 1]] = margin * share, margin * (1 - share)
    wanted = draw.levered(margins)
    worth = np.where(wanted > 0, wanted, np.inf).min(axis=1)
    notional = np.zeros_like(margins)
    notional[accounts, order[:, 0]], notional[accounts, order[:, 1]] = worth, -worth
    return notional, margins, np.zeros_like(margins)


def _basis(draw: _Draw, margin: Floats) -> _Books:
    """Short every market, and the underlying for as much in a wallet: it earns funding, and fears a rise."""
    notional, margins, _ = _single(draw, margin)
    return -np.abs(notional), margins, np.abs(notional)


def _concentrated(draw: _Draw, margin: Floats) -> _Books:
    """Four fifths or more in one book of high leverage, the rest in the others."""
    accounts = np.arange(len(margin))
    first = draw.source.integers(draw.markets, size=len(margin))
    shares = draw.shares(len(margin))
    shares[accounts, first] = 0
    most = draw.source.uniform(0.8, 0.95, len(margin)) if draw.markets > 1 else np.ones(len(margin))
    rest = shares.sum(axis=1)
    shares *= ((1 - most) / np.where(rest > 0, rest, 1))[:, None]
    shares[accounts, first] = most
    margins = margin[:, None] * shares
    notional = draw.levered(margins, low=0.5) * draw.sides(margins.shape)
    return notional, margins, np.zeros_like(margins)


def _mixed(draw: _Draw, margin: Floats) -> _Books:
    """Some of each; hedged ones where there are two markets."""
    names = [name for name in MIXTURE if draw.markets > 1 or name != "hedged"]
    weights = np.array([MIXTURE[name] for name in names])
    kinds = draw.source.choice(len(names), len(margin), p=weights / weights.sum())
    whole = tuple(np.zeros((len(margin), draw.markets)) for _ in range(3))
    for kind, name in enumerate(names):
        chosen = np.flatnonzero(kinds == kind)
        for target, part in zip(whole, KINDS[name](draw, margin[chosen]), strict=True):
            target[chosen] = part
    notional, margins, beside = whole
    return notional, margins, beside


KINDS: Mapping[str, Callable[[_Draw, Floats], _Books]] = {
    "single": _single,
    "hedged": _hedged,
    "basis": _basis,
    "concentrated": _concentrated,
    "mixed": _mixed,
}


def draw(
    name: str,
    accounts: int,
    seed: int,
    markets: tuple[str, ...],
    initial_rate: Floats,
    leverage: tuple[float, float] = LEVERAGE,
) -> Population:
    """A named population; `initial_rate` [M] of notional is what the markets ask of who opens at the start.

    Leverage is uniform over `leverage`, as far as initial margin allows it at that moment.
    """
    if name not in KINDS:
        raise ValueError(f"population {name!r}: unknown; expected one of {', '.join(KINDS)}")
    if not 0 < leverage[0] <= leverage[1] < np.inf:
        raise ValueError(f"leverage {leverage[0]:g} to {leverage[1]:g}: expected 0 < least ≤ most, and finite")
    source = np.random.default_rng((seed, *name.encode()))
    equity = MEDIAN_EQUITY * np.exp(source.normal(0, EQUITY_SPREAD, accounts))
    equity = np.clip(equity, LEAST_EQUITY, MOST_EQUITY)
    cash = equity * source.uniform(0, MOST_CASH, accounts)
    found = KINDS[name](_Draw(source, len(markets), 1 / (initial_rate * HEADROOM), leverage), equity - cash)
    notional, margin, beside = found
    return Population(name, seed, markets, _balanced(notional, beside), margin, cash, beside)


def _balanced(notional: Floats, beside: Floats) -> Floats:
    """Accounts turned round, the largest first, so that longs are worth about as much as shorts in every market.

    Else the pool would begin with a bet. Those that short what they hold beside stay as they are.
    """
    turned, bound = notional.copy(), (beside != 0).any(axis=1)
    net = notional[bound].sum(axis=0)
    free = np.flatnonzero(~bound)
    for account in free[np.argsort(-np.abs(notional[free]).sum(axis=1), kind="stable")]:
        if net @ turned[account] > 0:
            turned[account] *= -1
        net += turned[account]
    return turned
