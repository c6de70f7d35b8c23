"""First loss, bit-exact with `InsuranceFund.vy`: entries, exits after a cooldown, draws. `now` [s] is the time."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace

from ballast.model.atomic import atomic
from ballast.model.errors import require
from ballast.model.fixed_point import OUT_OF_RANGE, mul_div_down
from ballast.model.vault import Vault
from ballast.model.vault_shares import GatedShares

INSURANCE: Hashable = "insurance"  # who owns the fund's account, and holds the shares in cooldown

COOLDOWN = 7 * 86_400  # [s] from the request until shares may leave
WINDOW = 2 * 86_400  # [s] in which they may
DAY = 86_400  # [s] in which a full meter drains
MAX_CAP = 2**96 - 1  # [wad]
LIQUIDATOR = 4  # role that the vault gives
TREASURIES = 0  # as a market

NOT_ENGINE = "access: not the engine"
EXIT_CLOSED = "insurance: not in exit window"
NOT_IN_COOLDOWN = "insurance: not in cooldown"
OUT_OF_BOUNDS = "insurance: out of bounds"


@dataclass(frozen=True)
class Exit:
    """An owner's shares in cooldown."""

    shares: int = 0  # [wad]
    opens: int = 0  # [s]

    def is_open(self, now: int) -> bool:
        """Whether they may leave now."""
        return self.opens <= now < self.opens + WINDOW


@dataclass(frozen=True)
class Meter:
    """What one market has drawn lately."""

    cap: int = 0  # [wad] a day
    used: int = 0  # [wad]
    updated: int = 0  # [s]

    def at(self, now: int, cash: int) -> Meter:
        """Drained up to now, by its limit a day."""
        drained = mul_div_down(self._limit(cash), now - self.updated, DAY)
        return Meter(self.cap, max(self.used - drained, 0), now)

    def left(self, cash: int) -> int:
        """What the market may draw of that much cash [wad]."""
        return max(self._limit(cash) - self.used, 0)

    def _limit(self, cash: int) -> int:
        return min(self.cap, (cash + self.used) // 2)


class InsuranceFund(GatedShares):
    """Shares of the fund's account."""

    def __init__(self, vault: Vault, owner: Hashable = "owner") -> None:
        super().__init__(vault, INSURANCE, owner)
        self.exits: dict[Hashable, Exit] = {}
        self.meters: dict[int, Meter] = {}

    # Engines

    def draw(self, engine: Hashable, market: int, amount: int, *, now: int) -> int:
        """What the fund grants for a deficit [wad]."""
        require(self.vault.roles.get(engine, 0) & LIQUIDATOR != 0, NOT_ENGINE)
        meter = self.meter(market, now)
        granted = min(amount, meter.left(self.net_assets))
        if granted:
            self.meters[market] = replace(meter, used=meter.used + granted)
        return granted

    # ERC-4626

    def deposit(self, assets: int, receiver: Hashable) -> int:
        """Shares for tokens [raw]."""
        shares = self.preview_deposit(assets)
        self.enter(assets, shares, receiver)
        return shares

    def buy(self, shares: int, receiver: Hashable) -> int:
        """ERC-4626's `mint`: tokens [raw] that the shares cost."""
        assets = self.assets_up(shares, self.net_assets)
        self.enter(assets, shares, receiver)
        return assets

    def withdraw(self, sender: Hashable, assets: int, receiver: Hashable, owner: Hashable, *, now: int) -> int:
        """Shares that tokens [raw] cost."""
        shares = self.shares_up(assets * self.vault.scale, self.net_assets)
        self._leave(sender, assets, shares, receiver, owner, now)
        return shares

    def redeem(self, sender: Hashable, shares: int, receiver: Hashable, owner: Hashable, *, now: int) -> int:
        """Tokens [raw] for shares."""
        assets = self.preview_redeem(shares)
        self._leave(sender, assets, shares, receiver, owner, now)
        return assets

    def preview_deposit(self, assets: int) -> int:
        """Shares for tokens [raw], rounded down."""
        return self.shares_down(assets * self.vault.scale, self.net_assets)

    def preview_redeem(self, shares: int) -> int:
        """Tokens [raw] for shares, rounded down."""
        return self.assets_down(shares, self.net_assets)

    def max_redeem(self, owner: Hashable, now: int) -> int:
        """Shares that may leave now."""
        waiting = self.exit_of(owner)
        return waiting.shares if waiting.is_open(now) and self.is_open() else 0

    def max_withdraw(self, owner: Hashable, now: int) -> int:
        """Tokens [raw] that may leave now."""
        return self.preview_redeem(self.max_redeem(owner, now))

    # Cooldown

    def request_exit(self, sender: Hashable, shares: int, *, now: int) -> None:
        """Shares into cooldown; all that are there begin anew."""
        total = self.exit_of(sender).shares + shares
        require(total != 0, NOT_IN_COOLDOWN)
        require(total < 2**128, OUT_OF_RANGE)
        self.transfer(sender, self.itself, shares)
        self.exits[sender] = Exit(total, now + COOLDOWN)

    def cancel_exit(self, sender: Hashable) -> int:
        """All shares out of cooldown."""
        shares = self.exit_of(sender).shares
        require(shares != 0, NOT_IN_COOLDOWN)
        self.exits[sender] = Exit()
        self.transfer(self.itself, sender, shares)
        return shares

    # Owner

    def set_draw_cap(self, sender: Hashable, market: int, cap: int, *, now: int) -> None:
        """How much a market may draw a day [wad]."""
        self.check_owner(sender)
        require(cap <= MAX_CAP, OUT_OF_BOUNDS)
        self.meters[market] = replace(self.meter(market, now), cap=cap)

    # Views

    @property
    def net_assets(self) -> int:
        """The account's cash, and what the vault owes it of trading fees [wad]."""
        return self.cash(self.account) + self.vault.insurance_due

    def drawable(self, market: int, now: int) -> int:
        """What a market could draw now [wad]."""
        return self.meter(market, now).left(self.net_assets)

    def exit_of(self, owner: Hashable) -> Exit:
        """An owner's shares in cooldown."""
        return self.exits.get(owner, Exit())

    def meter(self, market: int, now: int) -> Meter:
        """A market's meter now."""
        return self.meters.get(market, Meter()).at(now, self.net_assets)

    # Internal

    def _leave(self, sender: Hashable, assets: int, shares: int, receiver: Hashable, owner: Hashable, now: int) -> None:
        self.check_open()
        waiting = self.exit_of(owner)
        require(waiting.is_open(now) and shares <= waiting.shares, EXIT_CLOSED)
        with atomic(self, self.vault):
            self.vault.collect_insurance(now=now)
            self.leave(sender, assets, shares, receiver, owner, self.itself, now)
        self.exits[owner] = replace(waiting, shares=waiting.shares - shares)
