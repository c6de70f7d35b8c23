"""The pool that lends, bit-exact with `CreditPool.vy`: debt index, entries, exits, queue. `now` [s] is the time.

The vault's model calls `debt_index`, `change_debt` and `write_off`, as the vault does.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import astuple, dataclass, replace

from ballast.model.atomic import atomic
from ballast.model.errors import require
from ballast.model.fixed_point import OUT_OF_RANGE, WAD, mul_div_down, mul_div_up, mul_wad_down, mul_wad_up, wad_exp
from ballast.model.vault import Vault
from ballast.model.vault_shares import GatedShares

CREDIT: Hashable = "credit"  # who owns the pool's accounts, and holds the shares that wait

YEAR = 365 * 86_400  # [s]
MAX_ELAPSED = YEAR  # [s] that one step charges for
MAX_RATE = 2 * WAD  # [wad] per year
EXP_ERROR = 2  # [wad] more than the exponential is ever too low by
MIN_KINK, MAX_KINK = WAD // 2, WAD * 99 // 100  # [wad]
MAX_RESERVE_SHARE = WAD // 2  # [wad]
MIN_EXIT = WAD  # [wad] USD
MAX_SERVED = 64  # exits that one call serves
SERVED_AT_ONCE = 2  # exits that a new one serves
PPM = 10**12  # [wad]
MAX_128 = 2**128 - 1

DEPOSIT_CAP = "credit: deposit cap"
DEBT_CAP = "credit: debt cap"
EXITS_WAIT = "credit: exits are waiting"
NO_IDLE_CASH = "credit: not enough idle cash"
SMALL_EXIT = "credit: exit too small"
NO_CLAIMANT = "credit: no claimant"
OUT_OF_BOUNDS = "credit: out of bounds"


@dataclass(frozen=True)
class RateConfig:
    """What debt costs, by utilisation."""

    base_rate: int = 0  # [wad] per year, where nothing is lent
    kink: int = 0  # [wad] utilisation
    kink_rate: int = 0  # [wad] per year, at the kink
    max_rate: int = 0  # [wad] per year, where everything is lent
    reserve_share: int = 0  # [wad] of all interest that is insurance's

    def rate(self, debt: int, idle: int) -> int:
        """Per year [wad], rounded up."""
        if debt == 0 or self.kink == 0:
            return self.base_rate
        utilisation = mul_div_up(debt, WAD, debt + idle)
        if utilisation <= self.kink:
            return self.base_rate + mul_div_up(self.kink_rate - self.base_rate, utilisation, self.kink)
        return self.kink_rate + mul_div_up(self.max_rate - self.kink_rate, utilisation - self.kink, WAD - self.kink)

    def check(self) -> None:
        """Within the hard bounds, in whole parts per million."""
        require(self.base_rate <= self.kink_rate <= self.max_rate <= MAX_RATE, OUT_OF_BOUNDS)
        require(self.reserve_share <= MAX_RESERVE_SHARE and MIN_KINK <= self.kink <= MAX_KINK, OUT_OF_BOUNDS)
        require(not any(each % PPM for each in astuple(self)), OUT_OF_BOUNDS)


@dataclass(frozen=True)
class Debt:
    """All debt."""

    updated: int  # [s]
    index: int = WAD  # [wad] USD a debt share
    rate: int = 0  # [wad] per year since then
    shares: int = 0  # [wad]
    reserve: int = 0  # [wad] insurance's share of interest, not yet collected

    @property
    def worth(self) -> int:
        """USD [wad], rounded down."""
        return mul_wad_down(self.shares, self.index)

    def grown(self, now: int) -> int:
        """The index now."""
        elapsed = min(now - self.updated, MAX_ELAPSED)
        if elapsed == 0 or self.rate == 0:
            return self.index
        growth = wad_exp(mul_div_up(self.rate, elapsed, YEAR)) + EXP_ERROR
        return min(mul_wad_up(self.index, growth), MAX_128)

    def accrued(self, now: int, reserve_share: int) -> Debt:
        """The same debt now."""
        debt = replace(self, index=self.grown(now), updated=now)
        share = mul_wad_down(debt.worth - self.worth, reserve_share)
        return replace(debt, reserve=min(self.reserve + share, MAX_128))


@dataclass
class Exit:
    """An exit in the queue."""

    claimant: Hashable
    shares: int  # [wad] not served yet


class CreditPool(GatedShares):
    """Shares of the idle cash and of all debt; the next account holds what waits to be claimed."""

    def __init__(self, vault: Vault, insurance_account: int, now: int, owner: Hashable = "owner") -> None:
        super().__init__(vault, CREDIT, owner)
        self.exit_account = vault.open_account(CREDIT)
        self.insurance_account = insurance_account
        self.config = RateConfig()
        self.debt = Debt(now)
        self.max_assets = 0  # [wad]
        self.max_debt = 0  # [wad]
        self.exits: dict[int, Exit] = {}  # that wait, by id, the oldest first
        self.last_exit = 0
        self.claimable: dict[Hashable, int] = {}  # [raw]

    # Vault

    def debt_index(self, now: int) -> int:
        """USD a debt share [wad]."""
        return self.debt.grown(now)

    def change_debt(self, shares: int, idle: int, *, now: int) -> None:
        """Debt shares made, or ended where negative; idle cash after the change [wad]."""
        accrued = self.accrued(now)
        debt = replace(accrued, shares=accrued.shares + shares)
        assert debt.shares >= 0
        if shares > 0:
            require(not self.exits, EXITS_WAIT)
            require(debt.worth <= self.max_debt, DEBT_CAP)
        self._save(debt, idle)

    def write_off(self, shares: int, idle: int, *, now: int) -> None:
        """Debt shares that nobody will repay: the reserve bears them first."""
        before = self.accrued(now)
        debt = replace(before, shares=before.shares - shares)
        assert debt.shares >= 0
        self._save(replace(debt, reserve=debt.reserve - min(debt.reserve, before.worth - debt.worth)), idle)

    # ERC-4626

    def deposit(self, assets: int, receiver: Hashable, *, now: int) -> int:
        """Shares for tokens [raw]."""
        shares = self.preview_deposit(assets, now)
        self._enter(assets, shares, receiver, now)
        return shares

    def buy(self, shares: int, receiver: Hashable, *, now: int) -> int:
        """ERC-4626's `mint`: tokens [raw] that the shares cost."""
        assets = self.preview_mint(shares, now)
        self._enter(assets, shares, receiver, now)
        return assets

    def withdraw(self, sender: Hashable, assets: int, receiver: Hashable, owner: Hashable, *, now: int) -> int:
        """Shares that tokens [raw] cost."""
        shares = self.preview_withdraw(assets, now)
        self._leave(sender, assets, shares, receiver, owner, now)
        return shares

    def redeem(self, sender: Hashable, shares: int, receiver: Hashable, owner: Hashable, *, now: int) -> int:
        """Tokens [raw] for shares."""
        assets = self.preview_redeem(shares, now)
        self._leave(sender, assets, shares, receiver, owner, now)
        return assets

    def preview_deposit(self, assets: int, now: int) -> int:
        """Shares for tokens [raw], rounded down."""
        return self.shares_down(assets * self.vault.scale, self.net_assets(now))

    def preview_mint(self, shares: int, now: int) -> int:
        """Tokens [raw] for shares, rounded up."""
        return self.assets_up(shares, self.net_assets(now))

    def preview_withdraw(self, assets: int, now: int) -> int:
        """Shares for tokens [raw], rounded up."""
        return self.shares_up(assets * self.vault.scale, self.net_assets(now))

    def preview_redeem(self, shares: int, now: int) -> int:
        """Tokens [raw] for shares, rounded down."""
        return self.assets_down(shares, self.net_assets(now))

    def max_deposit(self, now: int) -> int:
        """Tokens [raw] up to the deposit cap."""
        return max(self.max_assets - self.net_assets(now), 0) // self.vault.scale

    def max_mint(self, now: int) -> int:
        """Shares up to the deposit cap."""
        return self.preview_deposit(self.max_deposit(now), now)

    def max_withdraw(self, owner: Hashable, now: int) -> int:
        """Tokens [raw] that the owner could have at once."""
        if not self._pays():
            return 0
        return min(self.preview_redeem(self.balances.get(owner, 0), now), self.idle // self.vault.scale)

    def max_redeem(self, owner: Hashable, now: int) -> int:
        """Shares that the owner could redeem at once."""
        if not self._pays():
            return 0
        return min(self.balances.get(owner, 0), self.shares_down(self.idle, self.net_assets(now)))

    # Anyone

    def accrue(self, *, now: int) -> None:
        """Interest up to now, at an unchanged rate."""
        self.debt = self.accrued(now)

    def request_exit(self, sender: Hashable, shares: int, claimant: Hashable, *, now: int) -> int:
        """Queue; the exit's id."""
        require(self.preview_redeem(shares, now) * self.vault.scale >= MIN_EXIT, SMALL_EXIT)
        require(claimant is not None, NO_CLAIMANT)
        self.transfer(sender, self.itself, shares)
        self.last_exit += 1
        id_ = self.last_exit
        self.exits[id_] = Exit(claimant, shares)
        if self.is_open():
            self._serve(SERVED_AT_ONCE, now)
        return id_

    def serve_exits(self, count: int, *, now: int) -> int:
        """The oldest exits, from idle cash; how many left the queue."""
        self.check_open()
        return self._serve(min(count, MAX_SERVED), now)

    def claim(self, sender: Hashable, receiver: Hashable, *, now: int) -> int:
        """What served exits brought [raw]."""
        assets = self.claimable.get(sender, 0)
        self.vault.withdraw(self.itself, self.exit_account, assets, receiver, now=now)
        self.claimable[sender] = 0
        return assets

    def collect_reserve(self, *, now: int) -> int:
        """Insurance's share of interest [raw], as far as idle cash goes."""
        self.check_open()
        debt = self.accrued(now)
        assets = min(debt.reserve, self.idle) // self.vault.scale
        amount, idle = assets * self.vault.scale, self.idle
        self.move(self.account, self.insurance_account, assets, now=now)
        self._save(replace(debt, reserve=debt.reserve - amount), idle - amount)
        return assets

    # Owner

    def set_rate_config(self, sender: Hashable, config: RateConfig, *, now: int) -> None:
        """What debt costs from now on."""
        self.check_owner(sender)
        config.check()
        debt = self.accrued(now)
        self.config = config
        self._save(debt, self.idle)

    def set_limits(self, sender: Hashable, max_assets: int, max_debt: int) -> None:
        """Deposit cap and debt cap [wad]."""
        self.check_owner(sender)
        require(max(max_assets, max_debt) <= MAX_128, OUT_OF_RANGE)
        self.max_assets, self.max_debt = max_assets, max_debt

    # Views

    @property
    def idle(self) -> int:
        """Cash that is not lent [wad]."""
        return self.cash(self.account)

    @property
    def queued_shares(self) -> int:
        """Shares of all exits that wait."""
        return sum(each.shares for each in self.exits.values())

    def accrued(self, now: int) -> Debt:
        """All debt now."""
        return self.debt.accrued(now, self.config.reserve_share)

    def net_assets(self, now: int) -> int:
        """Idle cash and debt, less the reserve [wad]."""
        debt = self.accrued(now)
        return self.idle + debt.worth - debt.reserve

    def available(self, now: int) -> int:
        """What may be borrowed now [wad]."""
        return 0 if self.exits else min(self.idle, max(self.max_debt - self.accrued(now).worth, 0))

    def price(self, now: int) -> int:
        """Of 10^18 shares [wad · 1e12]."""
        return mul_div_down(self.net_assets(now) + 10**12, 10**30, self.supply + 10**12)

    # Internal

    def _save(self, debt: Debt, idle: int) -> None:
        require(max(debt.shares, debt.reserve) <= MAX_128, OUT_OF_RANGE)
        self.debt = replace(debt, rate=self.config.rate(debt.worth, idle))

    def _pays(self) -> bool:
        return not self.exits and self.is_open()

    def _enter(self, assets: int, shares: int, receiver: Hashable, now: int) -> None:
        require(assets <= self.max_deposit(now), DEPOSIT_CAP)
        debt, idle = self.accrued(now), self.idle
        self.enter(assets, shares, receiver)
        self._save(debt, idle + assets * self.vault.scale)

    def _leave(self, sender: Hashable, assets: int, shares: int, receiver: Hashable, owner: Hashable, now: int) -> None:
        self.check_open()
        require(not self.exits, EXITS_WAIT)
        debt, idle, amount = self.accrued(now), self.idle, assets * self.vault.scale
        require(amount <= idle, NO_IDLE_CASH)
        with atomic(self, self.vault):
            self.leave(sender, assets, shares, receiver, owner, owner, now)
        self._save(debt, idle - amount)

    def _serve(self, count: int, now: int) -> int:
        debt, idle, net = self.accrued(now), self.idle, self.net_assets(now)
        paid = served = 0
        for id_, exit_ in list(self.exits.items())[:count]:
            shares, assets = exit_.shares, self.assets_down(exit_.shares, net)
            free = idle // self.vault.scale
            if assets > free:
                if free == 0:
                    break
                assets = free
                shares = min(shares, self.shares_up(assets * self.vault.scale, net))
            self.burn(self.itself, shares)
            paid, idle, net = paid + assets, idle - assets * self.vault.scale, net - assets * self.vault.scale
            self.claimable[exit_.claimant] = self.claimable.get(exit_.claimant, 0) + assets
            exit_.shares -= shares
            if exit_.shares:
                break
            del self.exits[id_]
            served += 1
        self._save(debt, idle)
        if paid:
            self.move(self.account, self.exit_account, paid, now=now)
        return served
