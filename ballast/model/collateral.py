"""`CollateralModel.vy` in integers: what an account's collateral is worth.

Feeds are looked up by their id; whatever answers `quote(now)` will do.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Protocol

from ballast.model.errors import Rejected, require
from ballast.model.fixed_point import WAD, clamp, mul_div_up, mul_wad_down, mul_wad_up
from ballast.model.oracle import Quote
from ballast.model.risk import MAX_SIGMA_RATE, MIN_SIGMA_RATE, SQRT_HORIZON
from ballast.model.vault import Vault

MAX_FEED_ID = 255
MAX_LTV = 90 * WAD // 100
MAX_THRESHOLD = 95 * WAD // 100
MIN_RATIO = 102 * WAD // 100  # threshold over ltv
RAMP = 86_400  # [s]


class Quoter(Protocol):
    """What the model asks of a feed."""

    def quote(self, now: int) -> Quote: ...

    def silent_for(self, now: int) -> int: ...

    @property
    def last_price(self) -> int: ...


@dataclass(frozen=True)
class CollateralConfig:
    """What the owner sets."""

    feed_id: int
    ltv: int  # [wad]
    liquidation_threshold: int  # [wad]


@dataclass(frozen=True)
class TreasuryRisk:
    """The treasury as if it were a book."""

    equity: int  # [wad]
    maintenance: int  # [wad]
    initial: int  # [wad]
    sigma_loss: int  # [wad]
    complete: bool
    credit: int  # [wad] what debt may grow to


@dataclass(frozen=True)
class Haircut:
    """A configuration, and where a lowered threshold comes from."""

    config: CollateralConfig
    start: int  # [wad] threshold at `since`
    since: int  # [s]

    def threshold(self, now: int) -> int:
        """The threshold in force [wad]."""
        fall = self.start - self.config.liquidation_threshold
        return self.start - mul_div_up(fall, min(now - self.since, RAMP), RAMP)


@dataclass(frozen=True)
class _Priced:
    """A token's price, or zeros where it has none."""

    price: int = 0
    average: int = 0
    fast_volatility: int = 0
    valid: bool = False

    def credit(self, amount: int, ltv: int) -> int:
        """What an amount may secure [wad]."""
        return mul_wad_down(mul_wad_down(amount, min(self.price, self.average)), ltv)


class CollateralModel:
    """Haircuts of the vault's collateral tokens by index."""

    def __init__(self, vault: Vault, feeds: Mapping[int, Quoter], owner: Hashable = "owner") -> None:
        self.vault = vault
        self.feeds = feeds
        self.owner = owner
        self.haircuts: dict[int, Haircut] = {}

    def set_config(self, sender: Hashable, index: int, config: CollateralConfig, *, now: int) -> None:
        require(sender == self.owner, "ownable: caller is not the owner")
        require(index < len(self.vault.collateral), "vault: unknown token")
        bounded = config.feed_id <= MAX_FEED_ID and config.ltv <= MAX_LTV
        bounded = bounded and 0 < config.liquidation_threshold <= MAX_THRESHOLD
        bounded = bounded and config.liquidation_threshold * WAD >= config.ltv * MIN_RATIO
        require(bounded, "collateral: out of bounds")
        start = config.liquidation_threshold
        old = self.haircuts.get(index)
        if old is None:
            require(config.feed_id in self.feeds, "oracle: feed not set")
            self.feeds[config.feed_id].quote(now)
        else:
            require(config.feed_id == old.config.feed_id, "collateral: feed is fixed")
            start = max(start, old.threshold(now))
        self.haircuts[index] = Haircut(config, start, now)

    def threshold(self, index: int, *, now: int) -> int:
        """The liquidation threshold in force [wad]."""
        return self.haircuts[index].threshold(now) if index in self.haircuts else 0

    def credit(self, account: int, *, now: int) -> tuple[int, bool]:
        """What the collateral adds to the account's equity [wad]; whether every token had a valid price."""
        total, complete = 0, True
        for index, amount in enumerate(self.vault.collateral_of(account)):
            haircut = self.haircuts.get(index)
            if amount and haircut is not None and haircut.config.ltv:
                priced = self._priced(haircut.config.feed_id, now)
                complete = complete and priced.valid
                total += priced.credit(amount, haircut.config.ltv)
        return total, complete

    def treasury_risk(self, account: int, cash: int, now: int) -> TreasuryRisk:
        """The risk of the account's treasury."""
        equity, maintenance, initial, sigma_loss, complete, secured = cash, 0, 0, 0, True, 0
        for index, amount in enumerate(self.vault.collateral_of(account)):
            haircut = self.haircuts.get(index)
            if amount == 0 or haircut is None:
                continue
            priced = self._priced(haircut.config.feed_id, now)
            complete = complete and priced.valid
            down, up = mul_wad_down(amount, priced.price), mul_wad_up(amount, priced.price)
            credit = priced.credit(amount, haircut.config.ltv)
            equity += down
            secured += credit
            if cash < 0:
                rate = clamp(mul_wad_up(priced.fast_volatility, SQRT_HORIZON), MIN_SIGMA_RATE, MAX_SIGMA_RATE)
                maintenance += up - mul_wad_down(down, haircut.threshold(now))
                initial += up - credit
                sigma_loss += mul_wad_up(up, rate)
        return TreasuryRisk(equity, maintenance, initial, sigma_loss, complete, secured)

    def unpriced(self, account: int, now: int) -> tuple[int, int]:
        """What tokens that have no price now were last worth [wad]; how long all their feeds have been silent [s]."""
        worth, shortest = 0, 2**256 - 1
        for index, amount in enumerate(self.vault.collateral_of(account)):
            haircut = self.haircuts.get(index)
            if amount and haircut is not None and not self._priced(haircut.config.feed_id, now).valid:
                feed = self.feeds[haircut.config.feed_id]
                shortest = min(shortest, feed.silent_for(now))
                worth += mul_wad_up(amount, feed.last_price)
        return worth, shortest

    def _priced(self, feed_id: int, now: int) -> _Priced:
        try:
            quote = self.feeds[feed_id].quote(now)
        except Rejected:
            return _Priced()
        return _Priced(quote.price, quote.average, quote.fast_volatility, True)
