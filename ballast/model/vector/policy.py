"""What owners let the engine do, and what the engine remembers: `ballast.model.policy` over arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from ballast.model.fixed_point import BPS, WAD
from ballast.model.policy import DAY, FEE_UNIT, MASK_14, PATIENCE, REQUEST_DELAY, Policy
from ballast.model.vector.arrays import Flags, Floats, Index, pick
from ballast.params import PolicyParams

EPSILON = 1e-6  # [bps], [1e-6 USD] what rounding up or down to whole units forgives

_NO_REQUEST = 0.0
_UNSEEN = -2.0


@dataclass(frozen=True)
class Policies:
    """Policies of accounts; arrays are [A], `fund` and `tap` accounts × markets."""

    enabled: Flags
    known: Flags  # a policy was ever set
    z_trigger: Floats
    z_target: Floats
    z_donor: Floats
    z_delever: Floats
    z_delever_target: Floats
    treasury_reserve: Floats  # [USD]
    containment: Floats  # [bps]
    max_risk_share: Floats  # of account equity
    risk_budget: Floats  # of account equity; 0 = none
    max_slippage: Floats
    max_delever: Floats
    min_move: Floats  # [USD]
    cooldown: Floats  # [s]
    max_fee: Floats  # [USD]
    max_fee_per_day: Floats  # [USD]
    fund: Flags  # the engine may fill the book
    tap: Flags  # the engine may take from the book

    @classmethod
    def of(cls, policies: Sequence[Policy | PolicyParams], markets: Sequence[int]) -> Policies:
        """One policy for each account; `markets` are ids by column."""

        def floats(name: str, unit: int) -> Floats:
            return np.array([getattr(policy, name) / unit for policy in policies])

        def closed(name: str) -> Flags:
            bits = [[getattr(policy, name) >> market & 1 == 1 for market in markets] for policy in policies]
            return np.array(bits, dtype=np.bool_, order="F").reshape(len(policies), len(markets))

        return cls(
            enabled=np.array([policy.enabled for policy in policies], dtype=np.bool_),
            known=floats("z_trigger", WAD) > 0,
            **{name: floats(name, unit) for name, unit in _UNITS.items()},
            fund=~closed("no_fund"),
            tap=~closed("no_tap"),
        )

    @classmethod
    def same(cls, policy: Policy | PolicyParams, accounts: int, markets: Sequence[int]) -> Policies:
        """One policy for all accounts."""
        one = vars(cls.of([policy], markets))
        shared = {name: np.broadcast_to(array, accounts) for name, array in one.items() if array.ndim == 1}
        books = {name: np.asfortranarray(np.repeat(one[name], accounts, axis=0)) for name in ("fund", "tap")}
        return cls(**shared, **books)

    def pick(self, accounts: Index) -> Policies:
        """Of some accounts."""
        return Policies(**{name: pick(array, accounts) for name, array in vars(self).items()})


_UNITS = {
    "z_trigger": WAD,
    "z_target": WAD,
    "z_donor": WAD,
    "z_delever": WAD,
    "z_delever_target": WAD,
    "treasury_reserve": WAD,
    "containment": 1,
    "max_risk_share": BPS,
    "risk_budget": BPS,
    "max_slippage": BPS,
    "max_delever": BPS,
    "min_move": WAD,
    "cooldown": 1,
    "max_fee": WAD,
    "max_fee_per_day": WAD,
}


@dataclass
class EngineState:
    """What the engine remembers of accounts; `last_call` and `fees` are [A], the rest accounts × markets."""

    last_call: Floats  # [s] 0 = never
    fees: Floats  # [USD] paid, decaying over a day
    contained: Floats  # [bps] net inflow, decaying over a day
    rounds: Floats  # prices of the last call: 0 where a book had none, −1 where there was no book, −2 where no call
    asked: Floats  # share of the book of a cut that was asked for, 0 = none
    asked_at: Floats  # [s]

    @classmethod
    def new(cls, accounts: int, markets: int) -> EngineState:
        """Of accounts that were never called."""

        def books(figure: float) -> Floats:
            return np.full((accounts, markets), figure, order="F")

        return cls(np.zeros(accounts), np.zeros(accounts), books(0), books(_UNSEEN), books(_NO_REQUEST), books(0))

    def pick(self, accounts: Index) -> EngineState:
        """Of some accounts: a copy."""
        return EngineState(**{field.name: pick(getattr(self, field.name), accounts) for field in fields(self)})

    def decayed(self, now: float) -> tuple[Floats, Floats]:
        """Fees [USD] and containment [bps] as they count now."""
        rest = np.maximum(DAY - (now - self.last_call), 0) / DAY
        return self.fees * rest, np.ceil(self.contained * rest[:, None] - EPSILON)

    def live(self, now: float) -> Floats:
        """Shares of the cuts that wait, without those that are too old."""
        lives = (now - self.asked_at <= PATIENCE) & (now <= self.last_call + PATIENCE)[:, None]
        return np.where(lives, self.asked, _NO_REQUEST)

    def due_at(self, now: float) -> Floats:
        """When the first round may come that fills the cut [s]; +∞ where none waits."""
        return np.where(self.live(now) > 0, self.asked_at + REQUEST_DELAY, np.inf)

    def put(self, accounts: Index, other: EngineState) -> None:
        """Replace what is remembered of some accounts."""
        for field in fields(self):
            getattr(self, field.name)[accounts] = getattr(other, field.name)


def whole_bps_up(share: Floats) -> Floats:
    """⌈share in bps⌉."""
    return np.ceil(share * BPS - EPSILON)


def whole_bps_down(share: Floats) -> Floats:
    """⌊share in bps⌋."""
    return np.floor(share * BPS + EPSILON)


def stored_bps(used: Floats) -> Floats:
    """As its slot keeps it."""
    return np.minimum(used, MASK_14)


def stored_fees(fees: Floats) -> Floats:
    """As its slot keeps it, rounded up [USD]."""
    unit = WAD / FEE_UNIT
    return np.ceil(fees * unit - EPSILON) / unit
