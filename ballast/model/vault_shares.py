"""Shares of an account of the vault, bit-exact with `vault_shares.vy` and `deficit_gate.vy`.

Who calls has the tokens he pays with, and gives nobody an allowance of shares.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable

from ballast.model.errors import require
from ballast.model.fixed_point import mul_div_down, mul_div_up
from ballast.model.vault import Vault

VIRTUAL = 10**12  # [wad] shares and dollars that nobody owns

NOTHING_TRADED = "shares: nothing for nothing"
UNASSIGNED_DEFICIT = "shares: deficit not assigned"
DEFICITS_ARE_SET = "shares: deficits contract is set"


class VaultShares:
    """Who has how many shares, and what tokens are worth in them."""

    def __init__(self, vault: Vault, itself: Hashable, owner: Hashable) -> None:
        self.vault = vault
        self.itself = itself  # who owns the accounts, and holds the shares that wait
        self.owner = owner
        self.balances: dict[Hashable, int] = {}
        self.supply = 0  # [wad]

    def transfer(self, sender: Hashable, receiver: Hashable, amount: int) -> None:
        """As the ERC-20 does."""
        held = self.balances.get(sender, 0)
        require(held >= amount, "erc20: transfer amount exceeds balance")
        self.balances[sender] = held - amount
        self.balances[receiver] = self.balances.get(receiver, 0) + amount

    def mint(self, receiver: Hashable, amount: int) -> None:
        """New shares."""
        self.supply += amount
        self.balances[receiver] = self.balances.get(receiver, 0) + amount

    def burn(self, holder: Hashable, amount: int) -> None:
        """Shares end."""
        held = self.balances.get(holder, 0)
        require(held >= amount, "erc20: burn amount exceeds balance")
        self.balances[holder] = held - amount
        self.supply -= amount

    # Conversion

    def shares_down(self, assets: int, net_assets: int) -> int:
        """Shares for USD [wad], rounded down."""
        return mul_div_down(assets, self.supply + VIRTUAL, net_assets + VIRTUAL)

    def shares_up(self, assets: int, net_assets: int) -> int:
        """Shares for USD [wad], rounded up."""
        return mul_div_up(assets, self.supply + VIRTUAL, net_assets + VIRTUAL)

    def assets_down(self, shares: int, net_assets: int) -> int:
        """Token units [raw] for shares, rounded down."""
        return mul_div_down(shares, net_assets + VIRTUAL, self.supply + VIRTUAL) // self.vault.scale

    def assets_up(self, shares: int, net_assets: int) -> int:
        """Token units [raw] for shares, rounded up."""
        return mul_div_up(mul_div_up(shares, net_assets + VIRTUAL, self.supply + VIRTUAL), 1, self.vault.scale)

    # Money

    def cash(self, account: int) -> int:
        """Cash of an account that never is in debt [wad]."""
        return self.vault.treasury(account).cash

    def move(self, source: int, target: int, amount: int, *, now: int) -> None:
        """Tokens [raw] from an own account into another."""
        self.vault.withdraw(self.itself, source, amount, self.itself, now=now)
        self.vault.deposit(target, amount)

    def check_owner(self, sender: Hashable) -> None:
        """The owner calls."""
        require(sender == self.owner, "ownable: caller is not the owner")


class GatedShares(VaultShares):
    """Shares that bear losses: nobody leaves while one has no bearer."""

    def __init__(self, vault: Vault, itself: Hashable, owner: Hashable) -> None:
        super().__init__(vault, itself, owner)
        self.account = vault.open_account(itself)
        self.insolvencies: Callable[[], int] | None = None  # deficits that nobody bears yet

    def set_deficits(self, sender: Hashable, insolvencies: Callable[[], int] | None) -> None:
        """Name who knows of deficits, once."""
        self.check_owner(sender)
        require(self.insolvencies is None and insolvencies is not None, DEFICITS_ARE_SET)
        self.insolvencies = insolvencies

    def is_open(self) -> bool:
        """Every known deficit has its bearer."""
        return self.insolvencies is None or self.insolvencies() == 0

    def check_open(self) -> None:
        """No exit ahead of a known loss."""
        require(self.is_open(), UNASSIGNED_DEFICIT)

    def enter(self, assets: int, shares: int, receiver: Hashable) -> None:
        """Shares for tokens [raw]."""
        require(assets != 0 and shares != 0, NOTHING_TRADED)
        self.mint(receiver, shares)
        self.vault.deposit(self.account, assets)

    def leave(
        self,
        sender: Hashable,
        assets: int,
        shares: int,
        receiver: Hashable,
        owner: Hashable,
        holder: Hashable,
        now: int,
    ) -> None:
        """Tokens [raw] for shares that `holder` holds for their owner."""
        require(assets != 0 and shares != 0, NOTHING_TRADED)
        require(sender == owner, "erc20: insufficient allowance")
        self.burn(holder, shares)
        self.vault.withdraw(self.itself, self.account, assets, receiver, now=now)
