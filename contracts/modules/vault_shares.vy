# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Shares of an account of the vault
@license AGPL-3.0-only
@notice What those have in common who sell ERC-20 shares of an account that they own: how tokens and shares convert, and
        how tokens get into the vault and out of it. A contract of shares holds no tokens itself.
@dev One virtual share and dollar, of 1e-6 each, take the profit out of pushing up the price of a share before others
     enter. Every conversion rounds for those who stay.
"""

from ethereum.ercs import IERC20
from ethereum.ercs import IERC4626

from interfaces import IVault
from snekmate.tokens import erc20

from . import errors
from . import fixed_point

uses: erc20


VIRTUAL: public(constant(uint256)) = 10**12     # [wad] shares and dollars that nobody owns

VAULT: public(immutable(IVault))
TOKEN: immutable(IERC20)
SCALE: immutable(uint256)                       # [wad] per token unit [raw]


@deploy
def __init__(vault: address, token: address):
    """
    @dev Shares that are bought with `token`, the vault's settlement token.
    """
    VAULT = IVault(vault)
    TOKEN = IERC20(token)
    SCALE = staticcall VAULT.SCALE()


@external
@view
def asset() -> address:
    """
    @notice The token that shares are bought with.
    @return The vault's settlement token.
    """
    return TOKEN.address


################################################################
#                            SHARES                            #
################################################################


@internal
@view
def _to_shares_down(assets: uint256, net_assets: uint256) -> uint256:
    """
    @dev ⌊assets · (supply + virtual) / (net assets + virtual)⌋ [wad].
    """
    return fixed_point._mul_div_down(assets, erc20.totalSupply + VIRTUAL, net_assets + VIRTUAL)


@internal
@view
def _to_shares_up(assets: uint256, net_assets: uint256) -> uint256:
    """
    @dev ⌈assets · (supply + virtual) / (net assets + virtual)⌉ [wad].
    """
    return fixed_point._mul_div_up(assets, erc20.totalSupply + VIRTUAL, net_assets + VIRTUAL)


@internal
@view
def _to_assets_down(shares: uint256, net_assets: uint256) -> uint256:
    """
    @dev ⌊shares · (net assets + virtual) / (supply + virtual)⌋ in whole token units [raw].
    """
    return fixed_point._mul_div_down(shares, net_assets + VIRTUAL, erc20.totalSupply + VIRTUAL) // SCALE


@internal
@view
def _to_assets_up(shares: uint256, net_assets: uint256) -> uint256:
    """
    @dev ⌈shares · (net assets + virtual) / (supply + virtual)⌉ in whole token units [raw].
    """
    worth: uint256 = fixed_point._mul_div_up(shares, net_assets + VIRTUAL, erc20.totalSupply + VIRTUAL)
    return fixed_point._mul_div_up(worth, 1, SCALE)


@internal
@pure
def _check_trade(assets: uint256, shares: uint256):
    """
    @dev No share is made for nothing, and none ends for nothing.
    """
    assert assets != 0 and shares != 0, errors.NOTHING_TRADED


@internal
def _enter(account: uint256, assets: uint256, shares: uint256, receiver: address):
    """
    @dev Makes shares for tokens [raw] of the caller.
    """
    self._check_trade(assets, shares)
    erc20._mint(receiver, shares)
    log IERC4626.Deposit(sender=msg.sender, owner=receiver, assets=assets, shares=shares)
    self._pull(msg.sender, account, assets)


@internal
def _leave(account: uint256, assets: uint256, shares: uint256, receiver: address, owner: address, holder: address):
    """
    @dev Ends shares that `holder` holds for their owner, for tokens [raw]. The caller is the owner or has an allowance.
    """
    self._check_trade(assets, shares)
    if msg.sender != owner:
        erc20._spend_allowance(owner, msg.sender, shares)
    erc20._burn(holder, shares)
    log IERC4626.Withdraw(sender=msg.sender, receiver=receiver, owner=owner, assets=assets, shares=shares)
    self._pay(account, receiver, assets)


################################################################
#                            TOKENS                            #
################################################################


@internal
@view
def _cash(account: uint256) -> uint256:
    """
    @dev Cash of an account that never is in debt [wad].
    """
    return convert((staticcall VAULT.treasury(account)).cash, uint256)


@internal
def _pull(sender: address, account: uint256, amount: uint256):
    """
    @dev Takes tokens [raw] from their owner into an account.
    """
    success: bool = extcall TOKEN.transferFrom(sender, self, amount, default_return_value=True)
    self._check_transfer(success)
    self._put(account, amount)


@internal
def _move(source: uint256, target: uint256, amount: uint256):
    """
    @dev Moves tokens [raw] from an account to another.
    """
    self._pay(source, self, amount)
    self._put(target, amount)


@internal
def _put(account: uint256, amount: uint256):
    """
    @dev Deposits what is held for a moment [raw]. Leaves no allowance behind: the vault takes all of it.
    """
    success: bool = extcall TOKEN.approve(VAULT.address, amount, default_return_value=True)
    self._check_transfer(success)
    extcall VAULT.deposit(account, TOKEN.address, amount)


@internal
@pure
def _check_transfer(success: bool):
    """
    @dev The token did not say false.
    """
    assert success, errors.TRANSFER_FAILED


@internal
def _pay(account: uint256, receiver: address, amount: uint256):
    """
    @dev Takes tokens [raw] out of an account.
    """
    extcall VAULT.withdraw(account, TOKEN.address, amount, receiver)
