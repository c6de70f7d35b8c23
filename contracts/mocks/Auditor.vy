# pragma version 0.4.3
# pragma evm-version cancun
"""
@title What the vault holds against what it owes
@license AGPL-3.0-only
@notice Adds up everything in one view, so that a replay can ask after every block (SOL-1).
@custom:kill Test and demo only: never deployed where money is.
"""

from interfaces import IVault
from ethereum.ercs import IERC20

interface _Vault:
    def SETTLEMENT() -> address: view
    def SCALE() -> uint256: view
    def account_count() -> uint256: view
    def market_count() -> uint256: view
    def collateral_count() -> uint256: view
    def claimable(claimant: address) -> uint256: view
    def protocol_revenue() -> uint256: view
    def insurance_due() -> uint256: view


struct Balance:
    held: uint256           # [wad]
    owed: uint256           # [wad]


_ACCOUNTS: constant(uint256) = 4_096

_VAULT: immutable(IVault)


@deploy
def __init__(vault: address):
    """
    @param vault The vault to audit.
    """
    _VAULT = IVault(vault)


@external
@view
def balances(claimants: DynArray[address, 64]) -> DynArray[Balance, 9]:
    """
    @notice The settlement token's balance first, then each collateral's.
    @param claimants Whoever may have earned something.
    @return What the vault holds and what it owes, token by token.
    """
    vault: address = _VAULT.address
    count: uint256 = staticcall _Vault(vault).collateral_count()
    pledged: uint256[8] = empty(uint256[8])
    owed: uint256 = staticcall _Vault(vault).protocol_revenue() + staticcall _Vault(vault).insurance_due()
    for claimant: address in claimants:
        owed += staticcall _Vault(vault).claimable(claimant)
    for market: uint256 in range(1, staticcall _Vault(vault).market_count() + 1, bound=127):
        owed += self._balance_of(market)
    for account: uint256 in range(1, staticcall _Vault(vault).account_count() + 1, bound=_ACCOUNTS):
        treasury: IVault.Treasury = staticcall _VAULT.treasury(account)
        owed += treasury.escrow + convert(max(treasury.cash, 0), uint256)
        if treasury.collateral != 0:
            amounts: uint256[8] = staticcall _VAULT.collateral_of(account)
            for i: uint256 in range(8):
                pledged[i] += amounts[i]

    token: IERC20 = IERC20(staticcall _Vault(vault).SETTLEMENT())
    scale: uint256 = staticcall _Vault(vault).SCALE()
    found: DynArray[Balance, 9] = [Balance(held=staticcall token.balanceOf(vault) * scale, owed=owed)]
    for i: uint256 in range(count, bound=8):
        collateral: IVault.Collateral = staticcall _VAULT.collateral(i)
        held: uint256 = staticcall IERC20(collateral.token).balanceOf(vault) * 10 ** (18 - collateral.decimals)
        found.append(Balance(held=held, owed=max(pledged[i], collateral.total)))
    return found


@internal
@view
def _balance_of(market: uint256) -> uint256:
    """
    @dev What the vault owes a market.
    """
    implementation: address = empty(address)
    balance: uint256 = 0
    implementation, balance = staticcall _VAULT.market(market)
    return balance
