# pragma version 0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title Two-step orders against the pool
@license AGPL-3.0-only
@notice An order is committed first and filled at the price of the feed's first round after a delay, so nobody can
        trade on a price that the feed has not published yet; executed late, it fills at the present price where that is
        worse for the trader. Anyone executes it, for a fee escrowed at commit.
@dev Holds no money: escrow sits in the vault, outside free cash and inside account equity. An order ends in exactly
     one of three ways: filled, failed (consumed, executor paid), or void (everything returns).
@custom:security A fill runs in a call of the exchange to itself with a fixed amount of gas, so that it can fail whole,
                 and so that an executor who brings too little gas is refused instead of failing somebody's order.
@custom:kill Revoke the role with `Vault.set_engine(exchange, 0)` once no order is open: `void` needs the role too.
             To stop openings alone, set the markets to reduce-only.
"""

from interfaces import IDerivativesMarket
from interfaces import IExchange
from interfaces import ILiquidityPool
from interfaces import IMarket
from interfaces import IPriceOracle
from interfaces import IRebalancer
from interfaces import IVault
implements: IExchange

from snekmate.auth import ownable
initializes: ownable

from .modules import errors
from .modules import fixed_point
from .modules import order_slots


# Administration: the owner changes hands, but cannot be lost
exports: (
    ownable.owner,
    ownable.transfer_ownership,
)


MIN_DELAY: public(constant(uint256)) = 30   # [s] from commit to the first round that may fill: above the feeds' latency
FILL_GAS: constant(uint256) = 3_000_000     # an account of eight books with every feed's rounds pending fits in it
GAS_SLACK: constant(uint256) = 100_000      # what `execute` itself still needs around the attempt
HEARTBEATS: public(constant(uint256)) = 2   # a round this many heartbeats late voids the order
ABANDONED: public(constant(uint256)) = 3 * 86_400   # [s] after which an order needs no feed to be voided

MAX_EXECUTION_FEE: constant(uint256) = 100 * 10**18         # [wad]
MAX_BASE_FEE: constant(uint256) = 10**16                    # [wad] 1 % of notional
MIN_REFERENCE_VOLATILITY: constant(uint256) = 10**16        # [wad]
MAX_REFERENCE_VOLATILITY: constant(uint256) = 10 * 10**18   # [wad]
MAX_VOLATILITY_CAP: constant(uint256) = 20 * 10**18         # [wad]

# An error's return data: selector, offset, length, then the string, here of at most one word
_ERROR_SELECTOR: constant(bytes4) = 0x08c379a0
_ERROR_LENGTH_AT: constant(uint256) = 36
_ERROR_TEXT_AT: constant(uint256) = 68
_ERROR_SIZE: constant(uint256) = 100


VAULT: public(immutable(IVault))
ORACLE: public(immutable(IPriceOracle))
POOL: public(immutable(ILiquidityPool))
REBALANCER: public(immutable(IRebalancer))


_orders: HashMap[uint256, uint256[2]]       # order → the order, packed; zero once it ended
_fees: HashMap[uint256, uint256]            # market → FeeConfig, packed
_terms: uint256                             # order count, execution fee


@deploy
def __init__(
    vault: IVault,
    oracle: IPriceOracle,
    pool: ILiquidityPool,
    rebalancer: IRebalancer,
):
    """
    @param vault The vault, which must give this contract the EXCHANGE role.
    @param oracle Prices orders.
    @param pool Quotes them.
    @param rebalancer Knows each account's largest risk share.
    """
    ownable.__init__()
    VAULT = vault
    ORACLE = oracle
    POOL = pool
    REBALANCER = rebalancer


################################################################
#                 ACCOUNT OWNER AND OPERATORS                  #
################################################################


@external
def commit(
    account: uint256, market: uint256, size: int256, limit_price: uint256, margin: uint256, reduce_only: bool
) -> uint256:
    """
    @notice Commit an order. Margin and execution fee go into escrow, and nobody can cancel it. Owner or TRADE operator.
    @param account Vault account id.
    @param market Market id.
    @param size Buys if positive [wad units].
    @param limit_price Most a buyer pays, least a seller gets, per unit [wad].
    @param margin Cash to put into the book with the fill [wad].
    @param reduce_only Whether the order only closes: it is clamped to the book when it fills.
    @return The order's id; ids count from 1.
    """
    assert size != 0, errors.EMPTY_ORDER
    assert self._fees[market] != 0, errors.NO_FEES

    count: uint256 = 0
    execution_fee: uint256 = 0
    count, execution_fee = order_slots._unpack_terms(self._terms)
    id: uint256 = count + 1
    self._terms = order_slots._pack_terms(id, execution_fee)
    order: IExchange.Order = IExchange.Order(
        account=account,
        market=market,
        size=size,
        limit_price=limit_price,
        margin=margin,
        execution_fee=execution_fee,
        due=block.timestamp + MIN_DELAY,
        reduce_only=reduce_only,
    )
    self._store_order(id, order)

    log IExchange.OrderCommitted(
        order=id,
        account=account,
        market=market,
        actor=msg.sender,
        size=size,
        limit_price=limit_price,
        margin=margin,
        execution_fee=execution_fee,
        due=order.due,
        reduce_only=reduce_only,
    )
    extcall VAULT.lock_escrow(account, msg.sender, margin, execution_fee)
    return id


################################################################
#                            ANYONE                            #
################################################################


@external
def execute(order: uint256, round: uint256) -> bool:
    """
    @notice Fill an order at the feed's first valid round at or after its due time, for the execution fee. Open to all.
    @dev A fill that fails consumes the order too, or the trader would hold a free option: margin returns to cash and
         the executor is paid. Where that round came two heartbeats late, the order is void and everything returns.
         Rounds are consumed outside the attempt: too many pending ones revert here, they do not fail the order.
    @param order Order id.
    @param round Proxy round id of that round.
    @return Whether the order was filled.
    """
    terms: IExchange.Order = self._open_order(order)
    assert block.timestamp >= terms.due, errors.TOO_EARLY
    price: uint256 = 0
    time: uint256 = 0
    price, time = staticcall ORACLE.first_round(terms.market, round, terms.due)
    if time > self._patience(terms):
        self._void(order, terms)
        return False

    market: address = (staticcall VAULT.market(terms.market))[0]
    extcall ORACLE.consume(terms.market)
    success: bool = False
    response: Bytes[_ERROR_SIZE] = b""
    success, response = self._try_fill(order, market, round, price)

    self._orders[order] = empty(uint256[2])
    if not success:
        self._fail(order, terms, round, self._reason(response))
    return success


@external
def void(order: uint256):
    """
    @notice End an order that no round can fill: none came within two heartbeats of its due time, or it lay there for
            three days. Everything returns to the account. Open to all.
    @dev A feed whose phase changed may never prove an order's round, and a dead one proves nothing: hence the three
         days, which ask no feed.
    @param order Order id.
    """
    terms: IExchange.Order = self._open_order(order)
    if block.timestamp <= terms.due + ABANDONED:
        last: uint256 = (staticcall ORACLE.last_round(terms.market))[1]
        assert last < terms.due, errors.NOT_VOID
        patience: uint256 = self._patience(terms)
        assert block.timestamp > patience, errors.NOT_VOID

    self._void(order, terms)


################################################################
#                     THE EXCHANGE ITSELF                      #
################################################################


@external
@reentrant
def fill(order: uint256, market: address, round: uint256, price: uint256, executor: address):
    """
    @notice One attempt to fill, undone as a whole where it fails. Callable by the exchange itself only.
    @dev The order's round prices it, or the present price where that is worse for the trader: whoever is executed late
         must not own what happened in between. `@reentrant` because `execute` holds the lock while it calls.
    @param order Order id.
    @param market The market's contract.
    @param round Proxy round id that prices the order.
    @param price The round's price [wad].
    @param executor Who earns the execution fee.
    """
    assert msg.sender == self, errors.NOT_SELF
    terms: IExchange.Order = self._open_order(order)
    venue: IDerivativesMarket = IDerivativesMarket(market)
    size: int256 = self._clamped(terms, venue)
    quote: IPriceOracle.Quote = staticcall ORACLE.quote(terms.market)
    skew: int256 = staticcall venue.skew()
    worse: uint256 = min(price, quote.price)
    if size > 0:
        worse = max(price, quote.price)
    fill_price: uint256 = staticcall POOL.order_price(terms.market, size, worse, quote.fast_volatility, skew)
    self._check_limit(terms, fill_price)

    notional: uint256 = fixed_point._mul_wad_up(convert(abs(size), uint256), fill_price)
    fee: uint256 = self._fee(terms.market, notional, quote.fast_volatility)
    extcall VAULT.fill_order(terms.account, terms.market, terms.margin, fee, terms.execution_fee, executor, True)
    result: IDerivativesMarket.TradeResult = extcall venue.trade(terms.account, size, fill_price)

    self._check_account(terms, fee, result)
    self._check_pool(terms.market, abs(skew + size) > abs(skew), result)
    log IExchange.OrderFilled(
        order=order,
        account=terms.account,
        market=terms.market,
        executor=executor,
        round=round,
        size=size,
        price=fill_price,
        fee=fee,
    )


################################################################
#                            OWNER                             #
################################################################


@external
def set_execution_fee(execution_fee: uint256):
    """
    @notice Owner only: what the executor of orders committed from now on earns. Open orders keep theirs.
    @param execution_fee Whole units of 1e-8 USD [wad].
    """
    ownable._check_owner()
    assert execution_fee <= MAX_EXECUTION_FEE, errors.EXCHANGE_PARAMETER
    assert execution_fee % order_slots.FEE_UNIT == 0, errors.EXCHANGE_PARAMETER

    count: uint256 = order_slots._unpack_terms(self._terms)[0]
    self._terms = order_slots._pack_terms(count, execution_fee)
    log IExchange.ExecutionFeeSet(execution_fee=execution_fee)


@external
def set_fees(market: uint256, fees: IExchange.FeeConfig):
    """
    @notice Owner only: a market's trading fee, within hard bounds. A market without one takes no orders.
    @param market Market id.
    @param fees The fee.
    """
    ownable._check_owner()
    implementation: address = (staticcall VAULT.market(market))[0]
    assert implementation != empty(address), errors.UNKNOWN_MARKET
    assert fees.base_fee <= MAX_BASE_FEE, errors.EXCHANGE_PARAMETER
    assert fees.reference_volatility >= MIN_REFERENCE_VOLATILITY, errors.EXCHANGE_PARAMETER
    assert fees.reference_volatility <= MAX_REFERENCE_VOLATILITY, errors.EXCHANGE_PARAMETER
    assert fees.volatility_cap >= fixed_point.WAD, errors.EXCHANGE_PARAMETER
    assert fees.volatility_cap <= MAX_VOLATILITY_CAP, errors.EXCHANGE_PARAMETER

    self._fees[market] = order_slots._pack_fees(fees)
    log IExchange.FeesSet(market=market, fees=fees)


################################################################
#                            VIEWS                             #
################################################################


@external
@view
def order(id: uint256) -> IExchange.Order:
    """
    @notice An open order.
    @param id Order id.
    @return The order; all zero once it was filled, failed or voided.
    """
    return order_slots._unpack_order(self._orders[id][0], self._orders[id][1])


@external
@view
def order_count() -> uint256:
    """
    @notice How many orders there ever were.
    @return The last order's id.
    """
    return order_slots._unpack_terms(self._terms)[0]


@external
@view
def execution_fee() -> uint256:
    """
    @notice What the executor of an order committed now will earn.
    @return USD [wad].
    """
    return order_slots._unpack_terms(self._terms)[1]


@external
@view
def fee_config(market: uint256) -> IExchange.FeeConfig:
    """
    @notice A market's trading fee.
    @param market Market id.
    @return The fee; all zero where the market takes no orders.
    """
    return order_slots._unpack_fees(self._fees[market])


@external
@view
def fee(market: uint256, notional: uint256, fast_volatility: uint256) -> uint256:
    """
    @notice The trading fee of a fill.
    @param market Market id.
    @param notional Size times price [wad].
    @param fast_volatility Annualised [wad].
    @return The fee, rounded up [wad].
    """
    return self._fee(market, notional, fast_volatility)


################################################################
#                       INTERNAL: ORDERS                       #
################################################################


@internal
@view
def _open_order(order: uint256) -> IExchange.Order:
    """
    @dev The order, which must not have ended.
    """
    word: uint256 = self._orders[order][0]
    assert word != 0, errors.NO_ORDER
    return order_slots._unpack_order(word, self._orders[order][1])


@internal
def _store_order(id: uint256, order: IExchange.Order):
    """
    @dev Two slots, packed.
    """
    a: uint256 = 0
    b: uint256 = 0
    a, b = order_slots._pack_order(order)
    self._orders[id] = [a, b]


@internal
@view
def _patience(order: IExchange.Order) -> uint256:
    """
    @dev The last moment at which the order's round may come [s].
    """
    heartbeat: uint256 = staticcall ORACLE.heartbeat(order.market)
    return order.due + HEARTBEATS * heartbeat


@internal
def _void(order: uint256, terms: IExchange.Order):
    """
    @dev Ends the order as if it had never been: margin and fee return to cash.
    """
    self._orders[order] = empty(uint256[2])
    log IExchange.OrderVoided(order=order, account=terms.account, market=terms.market)
    extcall VAULT.release_escrow(terms.account, terms.margin + terms.execution_fee, 0, msg.sender)


@internal
def _fail(order: uint256, terms: IExchange.Order, round: uint256, reason: String[32]):
    """
    @dev Tells why the order failed, returns its margin to cash and pays the executor. The caller has ended it.
    """
    log IExchange.OrderFailed(
        order=order,
        account=terms.account,
        market=terms.market,
        executor=msg.sender,
        round=round,
        reason=reason,
    )
    fee: uint256 = terms.execution_fee
    extcall VAULT.release_escrow(terms.account, terms.margin + fee, fee, msg.sender)


################################################################
#                       INTERNAL: A FILL                       #
################################################################


@internal
def _try_fill(order: uint256, market: address, round: uint256, price: uint256) -> (bool, Bytes[_ERROR_SIZE]):
    """
    @dev Calls `fill` with all the gas it may ever need, or refuses: an attempt never fails for want of gas.
    """
    assert msg.gas >= FILL_GAS * 64 // 63 + GAS_SLACK, errors.NOT_ENOUGH_GAS
    return raw_call(
        self,
        abi_encode(
            order,
            market,
            round,
            price,
            msg.sender,
            method_id=method_id("fill(uint256,address,uint256,uint256,address)"),
        ),
        max_outsize=_ERROR_SIZE,
        gas=FILL_GAS,
        revert_on_failure=False,
    )


@internal
@pure
def _reason(response: Bytes[_ERROR_SIZE]) -> String[32]:
    """
    @dev The reason string in an error's return data, cut at one word; our own where there is none.
    """
    if len(response) < _ERROR_SIZE or convert(slice(response, 0, 4), bytes4) != _ERROR_SELECTOR:
        return errors.FILL_FAILED
    length: uint256 = min(convert(slice(response, _ERROR_LENGTH_AT, 32), uint256), 32)
    text: Bytes[32] = slice(response, _ERROR_TEXT_AT, 32)
    return convert(slice(text, 0, length), String[32])


@internal
@view
def _clamped(order: IExchange.Order, market: IDerivativesMarket) -> int256:
    """
    @dev The size to trade [wad units]: a reduce-only order closes the book at most.
    """
    if not order.reduce_only:
        return order.size
    book: IDerivativesMarket.Book = staticcall market.book(order.account)
    if order.size > 0:
        assert book.size < 0, errors.NOTHING_TO_REDUCE
        return min(order.size, -book.size)
    assert book.size > 0, errors.NOTHING_TO_REDUCE
    return max(order.size, -book.size)


@internal
@view
def _fee(market: uint256, notional: uint256, fast_volatility: uint256) -> uint256:
    """
    @dev notional · base fee · clamp(σ_fast / σ_ref, 1, cap), every step rounded up [wad].
    """
    fees: IExchange.FeeConfig = order_slots._unpack_fees(self._fees[market])
    assert fees.reference_volatility != 0, errors.NO_FEES
    ratio: uint256 = fixed_point._mul_div_up(fast_volatility, fixed_point.WAD, fees.reference_volatility)
    ratio = min(max(ratio, fixed_point.WAD), fees.volatility_cap)
    return fixed_point._mul_wad_up(notional, fixed_point._mul_wad_up(fees.base_fee, ratio))


@internal
@pure
def _check_limit(order: IExchange.Order, price: uint256):
    """
    @dev A buyer pays at most, a seller gets at least the limit.
    """
    if order.size > 0:
        assert price <= order.limit_price, errors.BEYOND_LIMIT
    else:
        assert price >= order.limit_price, errors.BEYOND_LIMIT


@internal
@view
def _check_account(order: IExchange.Order, fee: uint256, result: IDerivativesMarket.TradeResult):
    """
    @dev An order that may open leaves the book at or above its initial margin and within its risk share, at current
         prices. A reduce-only one below initial margin does not leave (e − mm) / b lower than the whole order, margin
         and fee included, found it; a book it closes must not be left with a loss that nobody carries.
    """
    after: IMarket.BookRisk = result.risk
    covered: bool = after.equity >= convert(after.initial, int256)
    if not order.reduce_only:
        assert covered, errors.BELOW_INITIAL_MARGIN
        within: bool = staticcall REBALANCER.within_risk_share(order.account, 1 << order.market)
        assert within, errors.RISK_SHARE
        return

    if covered:
        return
    assert after.sigma_loss != 0, errors.RISK_NOT_REDUCED
    before: IMarket.BookRisk = result.before
    found: int256 = before.equity + convert(fee, int256) - convert(order.margin, int256)
    distance_before: int256 = found - convert(before.maintenance, int256)
    distance_after: int256 = after.equity - convert(after.maintenance, int256)
    scaled_before: int256 = distance_before * convert(after.sigma_loss, int256)
    scaled_after: int256 = distance_after * convert(before.sigma_loss, int256)
    assert scaled_after >= scaled_before, errors.RISK_NOT_REDUCED


@internal
def _check_pool(market: uint256, inventory_grew: bool, result: IDerivativesMarket.TradeResult):
    """
    @dev The pool tops its book up from its cash. A fill that adds to its inventory needs initial margin, one that
         takes from it maintenance margin.
    """
    if result.pool_short_initial == 0:
        return
    moved: uint256 = extcall VAULT.top_up_pool(market, result.pool_short_initial)
    if inventory_grew:
        assert moved == result.pool_short_initial, errors.POOL_BELOW_MARGIN
    else:
        assert moved >= result.pool_short_maintenance, errors.POOL_BELOW_MARGIN
