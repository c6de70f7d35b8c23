# pragma version 0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
# pragma optimize codesize
"""
@title The account that takes the other side, and the shares of it
@license AGPL-3.0-only
@notice The pool is an ordinary account of the vault that quotes around the oracle price; its shares are an ERC-20.
        Entry and exit are requests in the manner of ERC-7540: handed in now, executed by anyone from an hour later on,
        claimed whenever the controller likes. No request can be taken back, so none is an option on the price.
@dev The pool holds no tokens. What waits for entry lies in a second account of the vault and what waits to be claimed
     in a third, so neither is ever margin nor counted as the pool's. Shares that wait for exit stay in the supply and
     bear losses until they are executed. One virtual share and dollar, of 1e-6 each, take the profit out of pushing
     up the price of a share before others enter. Tokens go to nobody but who claims them.
@custom:security A price can be pumped for the moment or run away before a late execution, so three of them are
                 compared (see `pool_value`). Anyone may pay into the pool's account; it is its shareholders' then.
@custom:kill Set the deposit cap to zero (`set_max_assets`): nobody enters any more, and exits go on for as long as
             there is free cash, which `draw` fetches from the books.
"""

from snekmate.auth import ownable
from snekmate.tokens import erc20

from interfaces import ILiquidityPool
from interfaces import IMarket
from interfaces import IRebalancer
from interfaces import IVault

from contracts.modules import errors
from contracts.modules import fixed_point
from contracts.modules import pool_quotes
from contracts.modules import pool_requests
from contracts.modules import pool_value
from contracts.modules import request_slots
from contracts.modules import vault_shares

implements: ILiquidityPool

initializes: ownable
initializes: erc20[ownable := ownable]
initializes: pool_quotes[ownable := ownable]
initializes: pool_requests
initializes: vault_shares[erc20 := erc20]
initializes: pool_value[vault_shares := vault_shares]

# Administration: the owner changes hands, but cannot be lost
exports: (ownable.owner, ownable.transfer_ownership)

# Shares: nobody mints or burns but requests
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

exports: (
    pool_quotes.order_price,
    pool_quotes.engine_rate,
    pool_quotes.quote_config,
    pool_quotes.set_quote,
)

exports: (
    pool_requests.REQUEST_DELAY,
    pool_requests.VOID_DELAY,
    pool_requests.request_count,
    pool_requests.request,
    pool_requests.isOperator,
    pool_requests.setOperator,
    pool_requests.pendingDepositRequest,
    pool_requests.pendingRedeemRequest,
    pool_requests.claimableDepositRequest,
    pool_requests.claimableRedeemRequest,
    pool_requests.maxDeposit,
    pool_requests.maxMint,
    pool_requests.maxWithdraw,
    pool_requests.maxRedeem,
    pool_requests.previewDeposit,
    pool_requests.previewMint,
    pool_requests.previewWithdraw,
    pool_requests.previewRedeem,
    pool_requests.supportsInterface,
    pool_requests.share,
)

exports: (vault_shares.VAULT, vault_shares.VIRTUAL, vault_shares.asset, pool_value.ORACLE, pool_value.ACCOUNT)


WAD: constant(uint256) = 10**18
REBALANCER: constant(uint256) = 2               # role that the vault gives

ENTRY_ACCOUNT: public(immutable(uint256))           # tokens that wait for entry
EXIT_ACCOUNT: public(immutable(uint256))            # tokens that wait to be claimed

max_assets: public(uint256)                         # [wad] net assets up to which entries are accepted
rebalancer: public(IRebalancer)


@deploy
def __init__(vault: address, token: address, oracle: address):
    """
    @notice Opens the pool's accounts; the deployer owns the pool.
    @param vault The vault.
    @param token The vault's settlement token.
    @param oracle The price oracle.
    """
    ownable.__init__()
    erc20.__init__("Ballast Pool Share", "BPOOL", 18, "Ballast Pool Share", "1")
    vault_shares.__init__(vault, token)
    pool_value.__init__(oracle, extcall IVault(vault).open_account(self))
    ENTRY_ACCOUNT = extcall IVault(vault).open_account(self)
    EXIT_ACCOUNT = extcall IVault(vault).open_account(self)


################################################################
#                           REQUESTS                           #
################################################################


@external
def requestDeposit(assets: uint256, controller: address, owner: address) -> uint256:
    """
    @notice Hand in tokens for shares. They are counted at the highest of three prices, from an hour later on.
    @dev Refused where the pool cannot be valued or would pass its deposit cap, what waits for entry included.
    @param assets Tokens [raw].
    @param controller Who claims the shares.
    @param owner Whose tokens: the caller, or who made the caller his operator.
    @return The request's id.
    """
    pool_requests._check_acts_for(owner)
    waiting: int256 = (staticcall vault_shares.VAULT.treasury(ENTRY_ACCOUNT)).cash
    total: uint256 = self._present_value() + convert(waiting, uint256) + assets * vault_shares.SCALE
    assert total <= self.max_assets, errors.DEPOSIT_CAP

    id: uint256 = pool_requests._open(controller, False, assets)
    log ILiquidityPool.DepositRequest(
        controller=controller, owner=owner, requestId=id, sender=msg.sender, assets=assets
    )
    vault_shares._pull(owner, ENTRY_ACCOUNT, assets)
    return id


@external
def requestRedeem(shares: uint256, controller: address, owner: address) -> uint256:
    """
    @notice Hand in shares for tokens. They are counted at the lowest of three prices, from an hour later on, and bear
            the pool's losses until then.
    @dev Needs no price. The caller is the owner, his operator, or has an allowance of the shares.
    @param shares Shares [wad].
    @param controller Who claims the tokens.
    @param owner Whose shares.
    @return The request's id.
    """
    if msg.sender != owner and not pool_requests.isOperator[owner][msg.sender]:
        erc20._spend_allowance(owner, msg.sender, shares)

    erc20._transfer(owner, self, shares)
    id: uint256 = pool_requests._open(controller, True, shares)
    log ILiquidityPool.RedeemRequest(controller=controller, owner=owner, requestId=id, sender=msg.sender, shares=shares)
    return id


@external
def execute_request(id: uint256, rounds: DynArray[uint256, 8]):
    """
    @notice Execute a request that is due, at the worst of three prices. Open to all.
    @dev An exit beyond the pool's free cash is executed in part; the rest becomes a request of its own,
         due when the whole was.
    @param id Request id.
    @param rounds For each book of the pool, in slot order, the proxy round id of its feed's first round at or after the
                  request's due time; where a book has no position, anything.
    """
    request: request_slots.Request = pool_requests._waiting(id)
    pool_requests._check_due(request.due)
    worth: ILiquidityPool.NetAssets = pool_value._net_assets(rounds, request.due, True)
    if request.is_exit:
        self._execute_exit(id, request, worth)
    else:
        self._execute_entry(id, request, worth.highest)


@external
def void_request(id: uint256, receiver: address):
    """
    @notice Take back what was handed in, days after it was due and nobody could execute it. Controller or operator.
    @param id Request id.
    @param receiver Who gets the tokens or shares.
    """
    request: request_slots.Request = pool_requests._voided(id)
    log ILiquidityPool.RequestVoided(requestId=id, controller=request.controller, receiver=receiver)
    if request.is_exit:
        erc20._transfer(self, receiver, request.amount)
    else:
        vault_shares._pay(ENTRY_ACCOUNT, receiver, request.amount)


################################################################
#                            CLAIMS                            #
################################################################


@external
def deposit(assets: uint256, receiver: address, controller: address = msg.sender) -> uint256:
    """
    @notice Claim the shares that executed entries of `assets` brought. Controller or operator.
    @param assets Tokens that were handed in [raw].
    @param receiver Who gets the shares.
    @param controller Whose entries.
    @return Shares [wad], rounded down.
    """
    shares: uint256 = pool_requests._claim_by_amount(controller, False, assets)
    self._hand_out(controller, receiver, assets, shares)
    return shares


@external
def mint(shares: uint256, receiver: address, controller: address = msg.sender) -> uint256:
    """
    @notice Claim shares of executed entries. Controller or operator.
    @param shares Shares [wad].
    @param receiver Who gets them.
    @param controller Whose entries.
    @return What was handed in for them [raw], rounded up.
    """
    assets: uint256 = pool_requests._claim_by_result(controller, False, shares)
    self._hand_out(controller, receiver, assets, shares)
    return assets


@external
def withdraw(assets: uint256, receiver: address, controller: address) -> uint256:
    """
    @notice Claim tokens of executed exits. Controller or operator.
    @param assets Tokens [raw].
    @param receiver Who gets them.
    @param controller Whose exits.
    @return The shares that were handed in for them [wad], rounded up.
    """
    shares: uint256 = pool_requests._claim_by_result(controller, True, assets)
    self._pay_out(controller, receiver, assets, shares)
    return shares


@external
def redeem(shares: uint256, receiver: address, controller: address) -> uint256:
    """
    @notice Claim the tokens that executed exits of `shares` brought. Controller or operator.
    @param shares Shares that were handed in [wad].
    @param receiver Who gets the tokens.
    @param controller Whose exits.
    @return Tokens [raw], rounded down.
    """
    assets: uint256 = pool_requests._claim_by_amount(controller, True, shares)
    self._pay_out(controller, receiver, assets, shares)
    return assets


################################################################
#                            ANYONE                            #
################################################################


@external
def draw(market: uint256) -> uint256:
    """
    @notice Take what the pool's book of a market can spare to the pool's cash, from where exits are paid.
            Open to all.
    @dev The Rebalancer applies what bounds every owner; beyond that the book stays where the engine would fill it to.
         Profit that comes out is locked as anybody's, and the lock starts anew: so the last one is released first, once
         it is old enough, and nobody chooses the amount. Else dust drawn each hour would keep all of it locked.
    @param market Market id.
    @return The margin taken [wad].
    """
    rebalancer: IRebalancer = self._rebalancer()
    implementation: address = (staticcall vault_shares.VAULT.market(market))[0]
    assert implementation != empty(address), errors.UNKNOWN_MARKET
    extcall vault_shares.VAULT.release_lock(pool_value.ACCOUNT, market)

    risk: IMarket.BookRisk = staticcall IMarket(implementation).book_risk(pool_value.ACCOUNT)
    z_target: uint256 = (staticcall rebalancer.policy(pool_value.ACCOUNT)).z_target
    target: uint256 = risk.maintenance + fixed_point._mul_wad_up(z_target, risk.sigma_loss)
    spare: int256 = risk.equity - convert(max(risk.initial, target), int256)
    assert spare > 0 and risk.withdrawable > 0, errors.NOTHING_TO_SPARE

    amount: uint256 = min(convert(spare, uint256), risk.withdrawable)
    log ILiquidityPool.Drawn(market=market, amount=amount)
    extcall rebalancer.transfer_margin(pool_value.ACCOUNT, market, 0, amount)
    return amount


################################################################
#                            OWNER                             #
################################################################


@external
def seed(amount: uint256):
    """
    @notice Put in the first money, a share per dollar, while there are no shares. Owner only.
    @param amount Tokens [raw].
    """
    ownable._check_owner()
    assert erc20.totalSupply == 0, errors.POOL_IS_SEEDED

    erc20._mint(msg.sender, amount * vault_shares.SCALE)
    log ILiquidityPool.Seeded(sender=msg.sender, amount=amount)
    vault_shares._pull(msg.sender, pool_value.ACCOUNT, amount)


@external
def set_max_assets(max_assets: uint256):
    """
    @notice Set the deposit cap. Owner only. It refuses requests, never executions.
    @param max_assets Net assets up to which entries are accepted [wad]; 0 closes entry.
    """
    ownable._check_owner()
    self.max_assets = max_assets
    log ILiquidityPool.MaxAssetsSet(max_assets=max_assets)


@external
def set_rebalancer(rebalancer: address):
    """
    @notice Name the engine that moves the pool's margin, once. Owner only.
    @param rebalancer A contract with the vault's REBALANCER role.
    """
    ownable._check_owner()
    assert self.rebalancer.address == empty(address), errors.REBALANCER_IS_SET
    self._check_rebalancer((staticcall vault_shares.VAULT.roles(rebalancer)) & REBALANCER != 0)
    self.rebalancer = IRebalancer(rebalancer)
    log ILiquidityPool.RebalancerSet(rebalancer=rebalancer)


@external
def set_policy(policy: IRebalancer.Policy):
    """
    @notice Set how the engine keeps the pool's books. Owner only; the engine has the bounds.
    @param policy The policy.
    """
    ownable._check_owner()
    rebalancer: IRebalancer = self._rebalancer()
    extcall rebalancer.set_policy(pool_value.ACCOUNT, policy)


################################################################
#                            VIEWS                             #
################################################################


@external
@view
def net_assets() -> ILiquidityPool.NetAssets:
    """
    @notice What the pool is worth, and what of it could leave now.
    @dev Lowest and highest are of the present price and its average. Reverts while the pool cannot be valued.
    @return Net assets [wad].
    """
    return pool_value._net_assets([], 0, False)


@external
@view
def totalAssets() -> uint256:
    """
    @notice Net assets at the present price; what waits for entry or to be claimed is none of it.
    @dev Reverts while the pool cannot be valued: it has no worth then that could be told.
    @return Tokens [raw], rounded down.
    """
    return self._present_value() // vault_shares.SCALE


@external
@view
def convertToShares(assets: uint256) -> uint256:
    """
    @notice What tokens are worth in shares at the present price.
    @param assets Tokens [raw].
    @return Shares [wad], rounded down.
    """
    return vault_shares._to_shares_down(assets * vault_shares.SCALE, self._present_value())


@external
@view
def convertToAssets(shares: uint256) -> uint256:
    """
    @notice What shares are worth in tokens at the present price.
    @param shares Shares [wad].
    @return Tokens [raw], rounded down.
    """
    return vault_shares._to_assets_down(shares, self._present_value())


################################################################
#                          EXECUTION                           #
################################################################


@internal
def _execute_entry(id: uint256, request: request_slots.Request, net_assets: uint256):
    """
    @dev Mints the shares, to be claimed, and lets the tokens become the pool's.
    """
    shares: uint256 = vault_shares._to_shares_down(request.amount * vault_shares.SCALE, net_assets)
    pool_requests._executed(id, request, request.amount, shares)
    erc20._mint(self, shares)
    log ILiquidityPool.RequestExecuted(
        requestId=id, controller=request.controller, assets=request.amount, shares=shares, rest=0
    )
    vault_shares._move(ENTRY_ACCOUNT, pool_value.ACCOUNT, request.amount)


@internal
def _execute_exit(id: uint256, request: request_slots.Request, worth: ILiquidityPool.NetAssets):
    """
    @dev Burns the shares and sets the tokens aside, to be claimed. Where they are more than the pool's free cash, it
         sets that aside, burns as many shares as it is worth, and leaves the rest due as it was, as another request.
    """
    shares: uint256 = request.amount
    assets: uint256 = vault_shares._to_assets_down(shares, worth.lowest)
    free: uint256 = worth.free // vault_shares.SCALE
    rest: uint256 = 0
    if assets > free:
        assert free > 0, errors.NO_FREE_CASH
        assets = free
        shares = min(shares, vault_shares._to_shares_up(assets * vault_shares.SCALE, worth.lowest))
        if shares < request.amount:
            rest = pool_requests._queue(request.controller, True, request.amount - shares, request.due)
    pool_requests._executed(id, request, shares, assets)
    erc20._burn(self, shares)
    log ILiquidityPool.RequestExecuted(
        requestId=id, controller=request.controller, assets=assets, shares=shares, rest=rest
    )
    if assets != 0:
        vault_shares._move(pool_value.ACCOUNT, EXIT_ACCOUNT, assets)


@internal
def _hand_out(controller: address, receiver: address, assets: uint256, shares: uint256):
    """
    @dev Claimed shares to their receiver.
    """
    log ILiquidityPool.Deposit(sender=controller, owner=receiver, assets=assets, shares=shares)
    erc20._transfer(self, receiver, shares)


@internal
def _pay_out(controller: address, receiver: address, assets: uint256, shares: uint256):
    """
    @dev Claimed tokens to their receiver.
    """
    log ILiquidityPool.Withdraw(
        sender=msg.sender, receiver=receiver, owner=controller, assets=assets, shares=shares
    )
    vault_shares._pay(EXIT_ACCOUNT, receiver, assets)


################################################################
#                            ENGINE                            #
################################################################


@internal
@view
def _present_value() -> uint256:
    """
    @dev Net assets at the present price [wad].
    """
    return pool_value._net_assets([], 0, False).present


@internal
@view
def _rebalancer() -> IRebalancer:
    """
    @dev The engine, which must have been named.
    """
    rebalancer: IRebalancer = self.rebalancer
    self._check_rebalancer(rebalancer.address != empty(address))
    return rebalancer


@internal
@pure
def _check_rebalancer(is_one: bool):
    """
    @dev An engine is meant, and one that the vault knows.
    """
    assert is_one, errors.NO_REBALANCER
