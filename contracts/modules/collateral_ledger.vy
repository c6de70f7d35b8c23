# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Tokens held as collateral
@license AGPL-3.0-only
@notice Up to eight tokens beside the settlement token. The vault counts them and knows no price: only where an account
        in debt takes something out does it ask the collateral model whether what stays is enough.
@dev Amounts are kept in whole tokens [wad], whatever the token's decimals. Which tokens an account holds stands in a
     byte of its word, so that an account without collateral pays nothing for it.
"""

from interfaces import ICollateralModel
from interfaces import IVault
from snekmate.auth import ownable

from . import accounts
from . import errors
from . import tokens
from . import vault_checks
from . import vault_slots

uses: ownable
uses: accounts


MAX_TOKENS: constant(uint256) = 8


collateral_count: public(uint256)
collateral_model: public(address)               # what values collateral, for accounts in debt

_SETTLEMENT: immutable(address)

_tokens: HashMap[uint256, uint256]              # index → token, decimals
_supplies: HashMap[uint256, uint256]            # index → cap, total
_places: HashMap[address, uint256]              # token → index + 1
_holdings: HashMap[uint256, HashMap[uint256, uint256]]      # account → index → amount [wad units]


@deploy
def __init__(settlement: address):
    """
    @dev The settlement token is cash, and no collateral.
    """
    _SETTLEMENT = settlement


################################################################
#                            OWNER                             #
################################################################


@external
def add_collateral(token: address, cap: uint256) -> uint256:
    """
    @notice Accept a token as collateral under the next index, 0 to 7. Owner only; for ever.
    @dev Its decimals are read here and never again. It counts for nothing until the collateral model is told its price
         and haircuts.
    @param token An ERC-20 with at most 18 decimals; not the settlement token.
    @param cap Most the vault takes of it [wad units].
    @return Its index.
    """
    ownable._check_owner()
    if token == _SETTLEMENT or self._places[token] != 0:
        vault_checks._refuse(errors.TOKEN_EXISTS)
    index: uint256 = self.collateral_count
    if index >= MAX_TOKENS:
        vault_checks._refuse(errors.TOO_MANY_TOKENS)
    decimals: uint256 = tokens._decimals(token)

    self.collateral_count = index + 1
    self._places[token] = index + 1
    self._tokens[index] = vault_slots._pack_holding(token, decimals)
    self._supplies[index] = vault_slots._pack_supply(cap, 0)
    log IVault.CollateralAdded(index=index, token=token, decimals=decimals, cap=cap)
    return index


@external
def set_collateral_cap(index: uint256, cap: uint256):
    """
    @notice Set how much of a token the vault takes. Owner only.
    @param index Index of the token.
    @param cap Most the vault takes [wad units]; below what it holds, nothing more goes in and all may leave.
    """
    ownable._check_owner()
    vault_checks._check_token(index < self.collateral_count)
    total: uint256 = vault_slots._unpack_supply(self._supplies[index])[1]
    self._supplies[index] = vault_slots._pack_supply(cap, total)
    log IVault.CollateralCapSet(index=index, cap=cap)


@external
def set_collateral_model(model: address):
    """
    @notice Name the contract that values collateral, once. Owner only.
    @param model The collateral model.
    """
    ownable._check_owner()
    vault_checks._check_address(model != empty(address))
    if self.collateral_model != empty(address):
        vault_checks._refuse(errors.MODEL_IS_SET)
    self.collateral_model = model
    log IVault.CollateralModelSet(model=model)


################################################################
#                            VIEWS                             #
################################################################


@external
@view
def collateral(index: uint256) -> IVault.Collateral:
    """
    @notice A collateral token.
    @param index Its index.
    @return The token; all zero for an unknown index.
    """
    token: address = empty(address)
    decimals: uint256 = 0
    token, decimals = vault_slots._unpack_holding(self._tokens[index])
    cap: uint256 = 0
    total: uint256 = 0
    cap, total = vault_slots._unpack_supply(self._supplies[index])
    return IVault.Collateral(token=token, decimals=decimals, cap=cap, total=total)


@external
@view
@reentrant
def collateral_of(account: uint256) -> uint256[MAX_TOKENS]:
    """
    @notice What an account holds of each collateral token.
    @dev `@reentrant` because the collateral model asks in the middle of a withdrawal; amounts are stored before any
         token or model is called, so the answer is always that of the end of the transaction.
    @param account Account id.
    @return Amounts by index [wad units].
    """
    amounts: uint256[MAX_TOKENS] = empty(uint256[MAX_TOKENS])
    rest: uint256 = (accounts._accounts[account] >> 128) & vault_slots.MASK_8
    for index: uint256 in range(MAX_TOKENS):
        if rest == 0:
            break
        if rest & 1 != 0:
            amounts[index] = self._holdings[account][index]
        rest >>= 1
    return amounts


################################################################
#                           INTERNAL                           #
################################################################


@internal
def _put(account: uint256, token: address, amount: uint256):
    """
    @dev Credits `amount` [raw] of a collateral token; the caller pulls it. A token that the account does not hold yet
         is the owner's or an operator's to begin: each makes every look at the account dearer by one price.
    """
    index: uint256 = 0
    scale: uint256 = 0
    index, scale = self._place(token)
    cap: uint256 = 0
    total: uint256 = 0
    cap, total = vault_slots._unpack_supply(self._supplies[index])
    if amount > (cap - min(total, cap)) // scale:
        vault_checks._refuse(errors.COLLATERAL_CAP)

    added: uint256 = amount * scale
    self._supplies[index] = vault_slots._pack_supply(cap, total + added)
    held: uint256 = self._holdings[account][index]
    if held == 0 and not accounts._authorised(account, msg.sender, 0):
        vault_checks._refuse(errors.FIRST_DEPOSIT)
    self._hold(account, index, held + added)


@internal
def _take(account: uint256, token: address, amount: uint256) -> vault_slots.Account:
    """
    @dev Debits `amount` [raw] of a collateral token; the caller pushes it, and sees to it that a debt stays secured.
         Returns the account.
    """
    index: uint256 = 0
    scale: uint256 = 0
    index, scale = self._place(token)
    held: uint256 = self._holdings[account][index]
    self._check_held(amount <= held // scale)
    cap: uint256 = 0
    total: uint256 = 0
    cap, total = vault_slots._unpack_supply(self._supplies[index])
    self._supplies[index] = vault_slots._pack_supply(cap, total - amount * scale)
    return self._hold(account, index, held - amount * scale)


@internal
def _hand_over(account: uint256, bidder: uint256, index: uint256, amount: uint256):
    """
    @dev Moves collateral from one account to another, which may not have held any yet [wad units].
    """
    vault_checks._check_amount(amount != 0)
    held: uint256 = self._holdings[account][index]
    self._check_held(amount <= held)
    self._hold(account, index, held - amount)
    self._hold(bidder, index, self._holdings[bidder][index] + amount)


@internal
def _hold(account: uint256, index: uint256, amount: uint256) -> vault_slots.Account:
    """
    @dev Stores what an account holds of a token [wad units], and whether it holds any. Returns the account.
    """
    self._holdings[account][index] = amount
    state: vault_slots.Account = accounts._load(account)
    held: uint256 = state.collateral | (1 << index)
    if amount == 0:
        held ^= 1 << index
    if held != state.collateral:
        state.collateral = held
        accounts._store(account, state)
    return state


@internal
@pure
def _check_held(is_enough: bool):
    """
    @dev There is that much collateral.
    """
    if not is_enough:
        vault_checks._refuse(errors.INSUFFICIENT_COLLATERAL)


@internal
@view
def _check_secured(account: uint256, cash: int256):
    """
    @dev With that much cash, which is below zero, the treasury is at or above its initial margin. A token without a
         valid price counts for nothing.
    """
    model: address = self.collateral_model
    if model == empty(address):
        vault_checks._refuse(errors.NO_MODEL)
    risk: ICollateralModel.TreasuryRisk = staticcall ICollateralModel(model).treasury_risk(account, cash)
    if risk.equity < convert(risk.initial, int256):
        vault_checks._refuse(errors.TREASURY_SHORT)


@internal
@view
def _place(token: address) -> (uint256, uint256):
    """
    @dev Index of a collateral token; [wad units] per token unit [raw].
    """
    place: uint256 = self._places[token]
    vault_checks._check_token(place != 0)
    index: uint256 = place - 1
    decimals: uint256 = vault_slots._unpack_holding(self._tokens[index])[1]
    return index, 10 ** (18 - decimals)
