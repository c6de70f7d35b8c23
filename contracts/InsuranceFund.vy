# pragma version 0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title First loss
@license AGPL-3.0-only
@notice Shares of an account of the vault into which a part of interest, of fees and of penalties flows, and out of
        which deficits are covered before anybody else bears them. Who leaves announces it COOLDOWN seconds before, and
        bears whatever comes until he has left.
@dev Net assets are the account's cash, and what the vault owes it of trading fees. The fund only says how much it pays
     for a deficit; liquidators move it through the vault, which lets them move it to where a deficit is.
@custom:security No market may draw more than its cap a day, nor more than half of the fund. Anyone may pay into the
                 fund's account: it is its shareholders' then.
@custom:kill Set caps to zero (`set_draw_cap`): the fund pays nothing, and deficits fall on the next in line.
"""

from ethereum.ercs import IERC4626
from snekmate.auth import ownable
from snekmate.tokens import erc20

from interfaces import IDeficitGate
from interfaces import IInsuranceFund
from interfaces import IVault

from contracts.modules import credit_slots
from contracts.modules import deficit_gate
from contracts.modules import draw_meter
from contracts.modules import errors
from contracts.modules import vault_shares

implements: IDeficitGate
implements: IERC4626
implements: IInsuranceFund

initializes: ownable
initializes: erc20[ownable := ownable]
initializes: vault_shares[erc20 := erc20]
initializes: deficit_gate[ownable := ownable]
initializes: draw_meter

# Administration: the owner changes hands, but cannot be lost
exports: (ownable.owner, ownable.transfer_ownership)

# Shares: nobody mints or burns but entries and exits
exports: (
    erc20.name,
    erc20.symbol,
    erc20.decimals,
    erc20.totalSupply,
    erc20.balanceOf,
    erc20.allowance,
    erc20.transfer,
    erc20.transferFrom,
    erc20.approve,
    erc20.permit,
    erc20.nonces,
    erc20.DOMAIN_SEPARATOR,
    erc20.eip712Domain,
)

exports: (deficit_gate.deficits, deficit_gate.set_deficits)

exports: (vault_shares.VAULT, vault_shares.VIRTUAL, vault_shares.asset)

exports: draw_meter.draw_cap


COOLDOWN: public(constant(uint256)) = 7 * 86_400    # [s] from the request until shares may leave
WINDOW: public(constant(uint256)) = 2 * 86_400      # [s] in which they may
LIQUIDATOR: constant(uint256) = 4                   # role that the vault gives
MAX_CASH: constant(uint256) = 2**111 - 1            # [wad] of an account of the vault

ACCOUNT: public(immutable(uint256))                 # what the shares are worth

_exits: HashMap[address, uint256]                   # owner → shares in cooldown, when they may leave


@deploy
def __init__(vault: address, token: address):
    """
    @notice Opens the fund's account; the deployer owns the fund.
    @param vault The vault.
    @param token The vault's settlement token.
    """
    ownable.__init__()
    erc20.__init__("Ballast Insurance Share", "BINSU", 18, "Ballast Insurance Share", "1")
    vault_shares.__init__(vault, token)
    ACCOUNT = extcall IVault(vault).open_account(self)


################################################################
#                     ENGINES: LIQUIDATOR                      #
################################################################


@external
def draw(market: uint256, amount: uint256) -> uint256:
    """
    @notice Grant money for a deficit. Engines with the vault's LIQUIDATOR role only; they move it through the vault.
    @dev Never reverts for want of money: what is not granted falls on the next in line.
    @param market Market id, 0 for treasuries.
    @param amount What is missing [wad].
    @return What the fund pays: no more than `drawable` [wad].
    """
    roles: uint256 = staticcall vault_shares.VAULT.roles(msg.sender)
    assert roles & LIQUIDATOR != 0, errors.NOT_ENGINE
    assets: uint256 = self._net_assets()
    granted: uint256 = min(amount, draw_meter._left(market, assets))
    if granted != 0:
        draw_meter._use(market, granted, assets)
        log IInsuranceFund.Drawn(market=market, engine=msg.sender, amount=granted)
    return granted


################################################################
#                           ERC-4626                           #
################################################################


@external
def deposit(assets: uint256, receiver: address) -> uint256:
    """
    @notice Buy shares for tokens.
    @param assets Tokens [raw].
    @param receiver Who gets the shares.
    @return Shares [wad], rounded down.
    """
    shares: uint256 = self._to_shares_down(assets)
    vault_shares._enter(ACCOUNT, assets, shares, receiver)
    return shares


@external
def mint(shares: uint256, receiver: address) -> uint256:
    """
    @notice Buy shares.
    @param shares Shares [wad].
    @param receiver Who gets them.
    @return Tokens paid [raw], rounded up.
    """
    assets: uint256 = vault_shares._to_assets_up(shares, self._net_assets())
    vault_shares._enter(ACCOUNT, assets, shares, receiver)
    return assets


@external
def withdraw(assets: uint256, receiver: address, owner: address) -> uint256:
    """
    @notice Sell shares that have cooled down for tokens. The owner, or who has an allowance of them.
    @param assets Tokens [raw].
    @param receiver Who gets them.
    @param owner Whose shares.
    @return Shares ended [wad], rounded up.
    """
    shares: uint256 = self._to_shares_up(assets)
    self._leave(assets, shares, receiver, owner)
    return shares


@external
def redeem(shares: uint256, receiver: address, owner: address) -> uint256:
    """
    @notice Sell shares that have cooled down for tokens. The owner, or who has an allowance of them.
    @param shares Shares [wad].
    @param receiver Who gets the tokens.
    @param owner Whose shares.
    @return Tokens [raw], rounded down.
    """
    assets: uint256 = self._to_assets_down(shares)
    self._leave(assets, shares, receiver, owner)
    return assets


################################################################
#                           COOLDOWN                           #
################################################################


@external
def request_exit(shares: uint256):
    """
    @notice Put shares into cooldown. They bear losses until they have left. All in cooldown begin anew.
    @dev The fund holds them, so that they cannot cool down for whoever has them next.
    @param shares The caller's shares [wad]; 0 starts anew what is there.
    """
    waiting: IInsuranceFund.Exit = self._exit_of(msg.sender)
    waiting.shares += shares
    waiting.opens = block.timestamp + COOLDOWN
    self._check_waiting(waiting.shares != 0)
    self._exits[msg.sender] = credit_slots._pack_exit(waiting)
    erc20._transfer(msg.sender, self, shares)
    log IInsuranceFund.ExitRequested(owner=msg.sender, shares=waiting.shares, opens=waiting.opens)


@external
def cancel_exit() -> uint256:
    """
    @notice Take all shares out of cooldown.
    @return Shares handed back to the caller [wad].
    """
    shares: uint256 = self._exit_of(msg.sender).shares
    self._check_waiting(shares != 0)
    self._exits[msg.sender] = 0
    erc20._transfer(self, msg.sender, shares)
    log IInsuranceFund.ExitCancelled(owner=msg.sender, shares=shares)
    return shares


################################################################
#                            OWNER                             #
################################################################


@external
def set_draw_cap(market: uint256, cap: uint256):
    """
    @notice Set how much a market may draw a day. Owner only.
    @param market Market id, 0 for treasuries.
    @param cap USD [wad].
    """
    ownable._check_owner()
    draw_meter._set_cap(market, cap, self._net_assets())


################################################################
#                            VIEWS                             #
################################################################


@external
@view
def net_assets() -> uint256:
    """
    @notice The cash of the fund's account, and what the vault owes it of trading fees.
    @return USD [wad].
    """
    return self._net_assets()


@external
@view
def drawable(market: uint256) -> uint256:
    """
    @notice What a market could draw now: what is left of its cap, and of the half of the fund that one market may take
            in a day.
    @param market Market id, 0 for treasuries.
    @return USD [wad].
    """
    return draw_meter._left(market, self._net_assets())


@external
@view
def exit_of(owner: address) -> IInsuranceFund.Exit:
    """
    @notice An owner's shares in cooldown.
    @param owner Whose.
    @return The shares and when they may leave.
    """
    return self._exit_of(owner)


@external
@view
def totalAssets() -> uint256:
    """
    @notice Net assets in tokens.
    @return Tokens [raw], rounded down.
    """
    return self._net_assets() // vault_shares.SCALE


@external
@view
def convertToShares(assets: uint256) -> uint256:
    """
    @notice What tokens are worth in shares.
    @param assets Tokens [raw].
    @return Shares [wad], rounded down.
    """
    return self._to_shares_down(assets)


@external
@view
def convertToAssets(shares: uint256) -> uint256:
    """
    @notice What shares are worth in tokens.
    @param shares Shares [wad].
    @return Tokens [raw], rounded down.
    """
    return self._to_assets_down(shares)


@external
@view
def maxDeposit(receiver: address) -> uint256:
    """
    @notice What may be paid in now: there is no cap but what the vault can count.
    @param receiver Who would get the shares; not zero.
    @return Tokens [raw].
    """
    return self._room(receiver)


@external
@view
def previewDeposit(assets: uint256) -> uint256:
    """
    @notice What `deposit` would give.
    @param assets Tokens [raw].
    @return Shares [wad], rounded down.
    """
    return self._to_shares_down(assets)


@external
@view
def maxMint(receiver: address) -> uint256:
    """
    @notice What may be minted now: there is no cap but what the vault can count.
    @param receiver Who would get the shares; not zero.
    @return Shares [wad].
    """
    return self._to_shares_down(self._room(receiver))


@external
@view
def previewMint(shares: uint256) -> uint256:
    """
    @notice What `mint` would take.
    @param shares Shares [wad].
    @return Tokens [raw], rounded up.
    """
    return vault_shares._to_assets_up(shares, self._net_assets())


@external
@view
def maxWithdraw(owner: address) -> uint256:
    """
    @notice What the owner could withdraw now: the worth of what has cooled down, nothing while a deficit is known.
    @param owner Whose shares.
    @return Tokens [raw].
    """
    return self._to_assets_down(self._leaving(owner))


@external
@view
def previewWithdraw(assets: uint256) -> uint256:
    """
    @notice What `withdraw` would end.
    @param assets Tokens [raw].
    @return Shares [wad], rounded up.
    """
    return self._to_shares_up(assets)


@external
@view
def maxRedeem(owner: address) -> uint256:
    """
    @notice What the owner could redeem now: what has cooled down, nothing while a deficit is known.
    @param owner Whose shares.
    @return Shares [wad].
    """
    return self._leaving(owner)


@external
@view
def previewRedeem(shares: uint256) -> uint256:
    """
    @notice What `redeem` would give.
    @param shares Shares [wad].
    @return Tokens [raw], rounded down.
    """
    return self._to_assets_down(shares)


################################################################
#                           INTERNAL                           #
################################################################


@internal
def _leave(assets: uint256, shares: uint256, receiver: address, owner: address):
    """
    @dev Tokens [raw] for shares that have cooled down.
    """
    deficit_gate._check_open(False)
    waiting: IInsuranceFund.Exit = self._exit_of(owner)
    assert self._is_in_window(waiting.opens) and shares <= waiting.shares, errors.EXIT_CLOSED
    waiting.shares -= shares
    self._exits[owner] = credit_slots._pack_exit(waiting)
    extcall vault_shares.VAULT.collect_insurance()
    vault_shares._leave(ACCOUNT, assets, shares, receiver, owner, self)


@internal
@view
def _room(receiver: address) -> uint256:
    """
    @dev What may be paid in [raw]: no more than the vault can count, and nothing for nobody.
    """
    return 0 if receiver == empty(address) else (MAX_CASH - self._net_assets()) // vault_shares.SCALE


@internal
@view
def _leaving(owner: address) -> uint256:
    """
    @dev Shares that may leave now [wad].
    """
    waiting: IInsuranceFund.Exit = self._exit_of(owner)
    if not self._is_in_window(waiting.opens) or not deficit_gate._is_open(False):
        return 0
    return waiting.shares


@internal
@view
def _is_in_window(opens: uint256) -> bool:
    """
    @dev Whether what opens then is open now.
    """
    return opens <= block.timestamp and block.timestamp < opens + WINDOW


@internal
@pure
def _check_waiting(is_something: bool):
    """
    @dev There is something in cooldown.
    """
    assert is_something, errors.NOT_IN_COOLDOWN


@internal
@view
def _exit_of(owner: address) -> IInsuranceFund.Exit:
    """
    @dev An owner's shares in cooldown.
    """
    return credit_slots._unpack_exit(self._exits[owner])


@internal
@view
def _net_assets() -> uint256:
    """
    @dev What the shares are worth together [wad].
    """
    return vault_shares._cash(ACCOUNT) + staticcall vault_shares.VAULT.insurance_due()


@internal
@view
def _to_shares_down(assets: uint256) -> uint256:
    """
    @dev Shares for tokens [raw], rounded down.
    """
    return vault_shares._to_shares_down(assets * vault_shares.SCALE, self._net_assets())


@internal
@view
def _to_shares_up(assets: uint256) -> uint256:
    """
    @dev Shares for tokens [raw], rounded up.
    """
    return vault_shares._to_shares_up(assets * vault_shares.SCALE, self._net_assets())


@internal
@view
def _to_assets_down(shares: uint256) -> uint256:
    """
    @dev Tokens [raw] for shares, rounded down.
    """
    return vault_shares._to_assets_down(shares, self._net_assets())
