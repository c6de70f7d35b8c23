# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title The wall between markets, and who may reach through it
@license AGPL-3.0-only
@notice What the vault holds for each market, and the contracts that move it. A market that fails, or lies, can lose no
        more than its own balance.
"""

from interfaces import IMarket
from interfaces import IVault
from snekmate.auth import ownable

from . import errors
from . import vault_checks
from . import vault_slots

uses: ownable


# Roles of engines [bits]
EXCHANGE: constant(uint256) = 1
REBALANCER: constant(uint256) = 2
LIQUIDATOR: constant(uint256) = 4
ALL_ROLES: constant(uint256) = 7

MAX_MARKETS: constant(uint256) = 127        # market ids are a byte in the books' list, the top bit to spare


market_count: public(uint256)
roles: public(HashMap[address, uint256])        # engine → bits
guardian: public(address)                       # may tighten what the owner set, never loosen it

_markets: HashMap[uint256, uint256]             # market → implementation, balance
_market_ids: HashMap[address, uint256]          # implementation → market


################################################################
#                            OWNER                             #
################################################################


@external
def add_market(market: address) -> uint256:
    """
    @notice Register a market under the next id, 1 to 127. Owner only; for ever.
    @param market The market contract.
    @return Its id.
    """
    ownable._check_owner()
    vault_checks._check_address(market != empty(address))
    if self._market_ids[market] != 0:
        vault_checks._refuse(errors.MARKET_EXISTS)
    if self.market_count >= MAX_MARKETS:
        vault_checks._refuse(errors.TOO_MANY_MARKETS)

    id: uint256 = self.market_count + 1
    self.market_count = id
    self._market_ids[market] = id
    self._markets[id] = vault_slots._pack_holding(market, 0)

    log IVault.MarketAdded(market=id, implementation=market)
    return id


@external
def set_engine(engine: address, roles: uint256):
    """
    @notice Give a protocol contract its roles. Owner only.
    @param engine The contract.
    @param roles Bits: 1 EXCHANGE, 2 REBALANCER, 4 LIQUIDATOR; 0 revokes.
    """
    ownable._check_owner()
    vault_checks._check_address(engine != empty(address))
    vault_checks._check_parameter(roles <= ALL_ROLES)
    self.roles[engine] = roles
    log IVault.EngineSet(engine=engine, roles=roles)


@external
def set_guardian(guardian: address):
    """
    @notice Name the guardian: it may only tighten, and each contract says what. Owner only.
    @param guardian The guardian; zero for none.
    """
    ownable._check_owner()
    self.guardian = guardian
    log IVault.GuardianSet(guardian=guardian)


################################################################
#                            VIEWS                             #
################################################################


@external
@view
def market(id: uint256) -> (address, uint256):
    """
    @notice A market's contract and what the vault holds for it.
    @param id Market id.
    @return The contract, zero for an unknown id; its balance [wad].
    """
    return vault_slots._unpack_holding(self._markets[id])


################################################################
#                           INTERNAL                           #
################################################################


@internal
@view
def _check_engine(role: uint256):
    """
    @dev The caller holds one of the roles.
    """
    if self.roles[msg.sender] & role == 0:
        vault_checks._refuse(errors.NOT_ENGINE)


@internal
@pure
def _check_market(holding: uint256):
    """
    @dev The market is registered, as its word tells.
    """
    if holding == 0:
        vault_checks._refuse(errors.UNKNOWN_MARKET)


@internal
@view
def _implementation(market: uint256) -> address:
    """
    @dev A market's contract, zero for an unknown id.
    """
    return vault_slots._holder(self._markets[market])


@internal
def _move(account: uint256, market: uint256, amount: int256) -> (uint256, bool):
    """
    @dev The firewall: what a market pays out comes from the balance the vault holds for it, and from nowhere else.
         Returns what left beyond the account's net deposits [wad]; whether the book is now empty.
    """
    holding: uint256 = self._markets[market]
    self._check_market(holding)
    balance: int256 = vault_slots._held(holding) + amount
    if balance < 0:
        vault_checks._refuse(errors.MARKET_OVERDRAWN)
    self._markets[market] = vault_slots._with_held(holding, balance)

    log IVault.MarginMoved(account=account, market=market, amount=amount)
    return extcall IMarket(vault_slots._holder(holding)).move_margin(account, amount)
