# pragma version 0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title Two-step orders against the pool
@license AGPL-3.0-only
@notice An order is committed first and filled at the price of the feed's first round after a delay, so nobody can
        trade on a price that the feed has not published yet; executed late, it fills at the present price where that is
        worse for the trader. Anyone executes it, for a fee escrowed at commit. An order has up to eight legs in as many
        markets, each filled at its own feed's round: all of them or none.
@dev Holds no money: escrow sits in the vault, outside free cash and inside account equity. An order ends in exactly
     one of three ways: filled, failed (consumed, executor paid), or void (everything returns: no round could fill it,
     or its account is being liquidated).
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
MAX_LEGS: constant(uint256) = 8             # as many as an account has books
FILL_GAS: public(constant(uint256)) = 3_000_000 # twice what eight legs, or one beside seven stale books, take
GAS_SLACK: constant(uint256) = 100_000      # what `execute` itself still needs around the attempt
HEARTBEATS: public(constant(uint256)) = 2   # a round this many heartbeats late voids the order
ABANDONED: public(constant(uint256)) = 3 * 86_400   # [s] after which an order needs no feed to be voided

MAX_EXECUTION_FEE: constant(uint256) = 100 * 10**18         # [wad]
MAX_BASE_FEE: constant(uint256) = 10**16                    # [wad] 1 % of notional
MIN_REFERENCE_VOLATILITY: constant(uint256) = 10**16        # [wad]
MAX_REFERENCE_VOLATILITY: constant(uint256) = 10 * 10**18   # [wad]
MAX_VOLATILITY_CAP: constant(uint256) = 20 * 10**18         # [wad]

LIQUIDATOR: constant(uint256) = 4           # role that the vault gives
MAX_ORDERS: constant(uint256) = 32          # open orders of an account

# An error's return data: selector, offset, length, then the string, here of at most one word
_ERROR_SELECTOR: constant(bytes4) = 0x08c379a0
_ERROR_LENGTH_AT: constant(uint256) = 36
_ERROR_TEXT_AT: constant(uint256) = 68
_ERROR_SIZE: constant(uint256) = 100


VAULT: public(immutable(IVault))
ORACLE: public(immutable(IPriceOracle))
POOL: public(immutable(ILiquidityPool))
REBALANCER: public(immutable(IRebalancer))


_orders: HashMap[uint256, uint256[2][MAX_LEGS]]     # order → its legs, packed; zero once it ended
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
def commit(account: uint256, legs: DynArray[IExchange.Leg, MAX_LEGS], reduce_only: bool) -> uint256:
    """
    @notice Commit an order. Margin and execution fee go into escrow, and nobody can cancel it. Owner or TRADE operator.
    @param account Vault account id.
    @param legs What it trades, each leg in another market.
    @param reduce_only Whether the order only closes: each leg is clamped to its book when it fills.
    @return The order's id; ids count from 1.
    """
    assert len(legs) != 0, errors.NO_LEGS
    count: uint256 = 0
    execution_fee: uint256 = 0
    count, execution_fee = order_slots._unpack_terms(self._terms)
    id: uint256 = count + 1
    due: uint256 = block.timestamp + MIN_DELAY
    self._terms = order_slots._pack_terms(id, execution_fee)

    head: uint256 = order_slots._pack_header(order_slots.Header(
        account=account, execution_fee=execution_fee, due=due, reduce_only=reduce_only, legs=len(legs)
    ))
    margin: uint256 = 0
    markets: uint256 = 0
    for i: uint256 in range(len(legs), bound=MAX_LEGS):
        leg: IExchange.Leg = legs[i]
        self._store_leg(id, i, leg, head)
        assert (markets >> leg.market) & 1 == 0, errors.SAME_MARKET
        markets |= 1 << leg.market
        margin += leg.margin
        head = 0

    log IExchange.OrderCommitted(
        order=id,
        account=account,
        actor=msg.sender,
        execution_fee=execution_fee,
        due=due,
        reduce_only=reduce_only,
        legs=legs,
    )
    extcall VAULT.lock_escrow(account, msg.sender, margin, execution_fee)
    return id


################################################################
#                            ANYONE                            #
################################################################


@external
def execute(order: uint256, rounds: DynArray[uint256, MAX_LEGS]) -> bool:
    """
    @notice Fill an order, each leg at its feed's first valid round at or after the due time, for the execution fee.
            Open to all.
    @dev A fill that fails consumes the order too, or the trader would hold a free option: margin returns to cash and
         the executor is paid. Where a leg's round came two heartbeats late, the order is void and everything returns.
         Rounds are consumed outside the attempt: too many pending ones revert here, they do not fail the order.
    @param order Order id.
    @param rounds Proxy round ids of those rounds, one a leg.
    @return Whether the order was filled.
    """
    header: order_slots.Header = self._open_order(order)
    assert block.timestamp >= header.due, errors.TOO_EARLY
    assert len(rounds) == header.legs, errors.ROUNDS_DIFFER

    proofs: DynArray[IExchange.Proof, MAX_LEGS] = []
    latest: uint256 = 0
    for i: uint256 in range(header.legs, bound=MAX_LEGS):
        market: uint256 = self._market(order, i)
        price: uint256 = 0
        time: uint256 = 0
        heartbeat: uint256 = 0
        price, time, heartbeat = staticcall ORACLE.first_round(market, rounds[i], header.due)
        if time > header.due + HEARTBEATS * heartbeat:
            self._void(order, header)
            return False

        venue: address = (staticcall VAULT.market(market))[0]
        extcall ORACLE.consume(market)
        proofs.append(IExchange.Proof(venue=venue, round=rounds[i], price=price))
        latest = max(latest, time)

    success: bool = False
    response: Bytes[_ERROR_SIZE] = b""
    success, response = self._try_fill(order, proofs, latest)
    if success:
        self._end(order, header.legs)
    else:
        self._fail(order, header, self._reason(response))
    return success


@external
def void(order: uint256):
    """
    @notice End an order that cannot be filled: a leg's round did not come within two heartbeats of the due time, or the
            order lay there for three days. Everything returns to the account. Open to all.
    @dev A feed whose phase changed may never prove an order's round, and a dead one proves nothing: hence the three
         days, which ask no feed.
    @param order Order id.
    """
    header: order_slots.Header = self._open_order(order)
    abandoned: bool = block.timestamp > header.due + ABANDONED
    if not abandoned:
        missed: bool = self._is_missed(order, header)
        assert missed, errors.NOT_VOID

    self._void(order, header)


################################################################
#                         LIQUIDATORS                          #
################################################################


@external
def void_for_liquidation(account: uint256, orders: DynArray[uint256, MAX_ORDERS]):
    """
    @notice End an account's orders before it is liquidated: what they hold in escrow shall save it first. LIQUIDATOR
            only.
    @dev Orders that are gone by now are skipped, so that nobody can keep a liquidation off by executing one.
    @param account Vault account id.
    @param orders Ids of orders of this account.
    """
    roles: uint256 = staticcall VAULT.roles(msg.sender)
    assert roles & LIQUIDATOR != 0, errors.NOT_ENGINE
    for order: uint256 in orders:
        header: order_slots.Header = order_slots._unpack_header(self._orders[order][0][0])
        if header.legs == 0:
            continue
        assert header.account == account, errors.OTHERS_ORDER
        self._void(order, header)


################################################################
#                     THE EXCHANGE ITSELF                      #
################################################################


@external
@reentrant
def fill(order: uint256, proofs: DynArray[IExchange.Proof, MAX_LEGS], latest: uint256, executor: address):
    """
    @notice One attempt to fill all legs, undone as a whole where it fails. Callable by the exchange itself only.
    @dev No leg touches another's book, so that each book is tested as the last leg leaves it; the account as a whole is
         tested after all of them. `@reentrant` because `execute` holds the lock while it calls.
    @param order Order id.
    @param proofs The rounds that price the legs.
    @param latest Time of the last of these rounds [s].
    @param executor Who earns the execution fee.
    """
    assert msg.sender == self, errors.NOT_SELF
    header: order_slots.Header = self._open_order(order)
    markets: uint256 = 0
    for i: uint256 in range(header.legs, bound=MAX_LEGS):
        leg: IExchange.Leg = self._leg(order, i)
        last: bool = i + 1 == header.legs
        self._fill_leg(order, header, leg, proofs[i], latest, last, executor)
        markets |= 1 << leg.market

    if not header.reduce_only:
        within: bool = staticcall REBALANCER.within_risk_share(header.account, markets)
        assert within, errors.RISK_SHARE


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
    header: order_slots.Header = order_slots._unpack_header(self._orders[id][0][0])
    legs: DynArray[IExchange.Leg, MAX_LEGS] = []
    for i: uint256 in range(header.legs, bound=MAX_LEGS):
        legs.append(self._leg(id, i))
    return IExchange.Order(
        account=header.account,
        execution_fee=header.execution_fee,
        due=header.due,
        reduce_only=header.reduce_only,
        legs=legs,
    )


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
def _open_order(order: uint256) -> order_slots.Header:
    """
    @dev The order without its legs; it must not have ended.
    """
    word: uint256 = self._orders[order][0][0]
    assert word != 0, errors.NO_ORDER
    return order_slots._unpack_header(word)


@internal
@view
def _leg(order: uint256, i: uint256) -> IExchange.Leg:
    """
    @dev One of the order's legs.
    """
    words: uint256[2] = self._orders[order][i]
    return order_slots._unpack_leg(words[0], words[1])


@internal
@view
def _market(order: uint256, i: uint256) -> uint256:
    """
    @dev The market of one of the order's legs.
    """
    return order_slots._unpack_market(self._orders[order][i][0])


@internal
def _store_leg(order: uint256, i: uint256, leg: IExchange.Leg, head: uint256):
    """
    @dev Checks a leg and stores it in its two slots, what belongs to the whole order beside the first.
    """
    assert leg.size != 0, errors.EMPTY_ORDER
    assert self._fees[leg.market] != 0, errors.NO_FEES
    a: uint256 = 0
    b: uint256 = 0
    a, b = order_slots._pack_leg(leg)
    self._orders[order][i] = [a | head, b]


@internal
@view
def _margin(order: uint256, legs: uint256) -> uint256:
    """
    @dev What the order's legs have in escrow [wad].
    """
    margin: uint256 = 0
    for i: uint256 in range(legs, bound=MAX_LEGS):
        margin += self._leg(order, i).margin
    return margin


@internal
def _end(order: uint256, legs: uint256):
    """
    @dev The order is no more.
    """
    for i: uint256 in range(legs, bound=MAX_LEGS):
        self._orders[order][i] = empty(uint256[2])


@internal
@view
def _is_missed(order: uint256, header: order_slots.Header) -> bool:
    """
    @dev Whether a leg has waited for its round in vain.
    """
    for i: uint256 in range(header.legs, bound=MAX_LEGS):
        market: uint256 = self._market(order, i)
        last: uint256 = (staticcall ORACLE.last_round(market))[1]
        heartbeat: uint256 = staticcall ORACLE.heartbeat(market)
        if last < header.due and block.timestamp > header.due + HEARTBEATS * heartbeat:
            return True
    return False


@internal
def _void(order: uint256, header: order_slots.Header):
    """
    @dev Ends the order as if it had never been: margin and fee return to cash.
    """
    margin: uint256 = self._margin(order, header.legs)
    self._end(order, header.legs)
    log IExchange.OrderVoided(order=order, account=header.account)
    extcall VAULT.release_escrow(header.account, margin + header.execution_fee, 0, msg.sender)


@internal
def _fail(order: uint256, header: order_slots.Header, reason: String[32]):
    """
    @dev Ends the order, tells why it failed, returns its margin to cash and pays the executor.
    """
    margin: uint256 = self._margin(order, header.legs)
    self._end(order, header.legs)
    log IExchange.OrderFailed(order=order, account=header.account, executor=msg.sender, reason=reason)
    fee: uint256 = header.execution_fee
    extcall VAULT.release_escrow(header.account, margin + fee, fee, msg.sender)


################################################################
#                       INTERNAL: A FILL                       #
################################################################


@internal
def _try_fill(
    order: uint256, proofs: DynArray[IExchange.Proof, MAX_LEGS], latest: uint256
) -> (bool, Bytes[_ERROR_SIZE]):
    """
    @dev Calls `fill` with all the gas it may ever need, or refuses: an attempt never fails for want of gas.
    """
    assert msg.gas >= FILL_GAS * 64 // 63 + GAS_SLACK, errors.NOT_ENOUGH_GAS
    return raw_call(
        self,
        abi_encode(
            order,
            proofs,
            latest,
            msg.sender,
            method_id=method_id("fill(uint256,(address,uint256,uint256)[],uint256,address)"),
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
def _fill_leg(
    order: uint256,
    header: order_slots.Header,
    leg: IExchange.Leg,
    proof: IExchange.Proof,
    latest: uint256,
    last: bool,
    executor: address,
):
    """
    @dev Prices the leg, takes its margin and fee out of escrow, trades, and tests both books. The execution fee goes
         with the last leg.
    """
    venue: IDerivativesMarket = IDerivativesMarket(proof.venue)
    size: int256 = self._clamped(header, leg, venue)
    quote: IPriceOracle.Quote = staticcall ORACLE.quote(leg.market)
    skew: int256 = staticcall venue.skew()
    price: uint256 = self._price(leg.market, size, proof.price, quote, skew, header.reduce_only, latest)
    self._check_limit(leg, price)

    notional: uint256 = fixed_point._mul_wad_up(convert(abs(size), uint256), price)
    fee: uint256 = self._fee(leg.market, notional, quote.fast_volatility)
    execution_fee: uint256 = 0
    if last:
        execution_fee = header.execution_fee
    extcall VAULT.fill_order(header.account, leg.market, leg.margin, fee, execution_fee, executor, last)
    result: IDerivativesMarket.TradeResult = extcall venue.trade(header.account, size, price)

    self._check_book(header.reduce_only, leg.margin, fee, result)
    self._check_pool(leg.market, abs(skew + size) > abs(skew), result)
    log IExchange.OrderFilled(
        order=order,
        account=header.account,
        market=leg.market,
        executor=executor,
        round=proof.round,
        size=size,
        price=price,
        fee=fee,
    )


@internal
@view
def _clamped(header: order_slots.Header, leg: IExchange.Leg, venue: IDerivativesMarket) -> int256:
    """
    @dev The size to trade [wad units]: a leg of a reduce-only order closes its book at most.
    """
    if not header.reduce_only:
        return leg.size
    book: IDerivativesMarket.Book = staticcall venue.book(header.account)
    if leg.size > 0:
        assert book.size < 0, errors.NOTHING_TO_REDUCE
        return min(leg.size, -book.size)
    assert book.size > 0, errors.NOTHING_TO_REDUCE
    return max(leg.size, -book.size)


@internal
@view
def _price(
    market: uint256,
    size: int256,
    round_price: uint256,
    quote: IPriceOracle.Quote,
    skew: int256,
    reduce_only: bool,
    latest: uint256,
) -> uint256:
    """
    @dev The pool's price for the leg [wad], at its round or at present, whichever is worse for the trader: whoever is
         executed late must not own what happened in between. Where the order waited for another leg's later round,
         also no better than the pool fills an engine at a present price of that age: until then the trader watched
         the truth, and could still make the order fail.
    """
    worse: uint256 = min(round_price, quote.price)
    if size > 0:
        worse = max(round_price, quote.price)
    price: uint256 = staticcall POOL.order_price(market, size, worse, quote.fast_volatility, skew, reduce_only)
    if latest > quote.updated_at:
        rate: uint256 = staticcall POOL.engine_rate(market, quote.fast_volatility, latest - quote.updated_at)
        if size > 0:
            price = max(price, fixed_point._mul_wad_up(quote.price, fixed_point.WAD + rate))
        else:
            price = min(price, fixed_point._mul_wad_down(quote.price, fixed_point.WAD - rate))
    return price


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
def _check_limit(leg: IExchange.Leg, price: uint256):
    """
    @dev A buyer pays at most, a seller gets at least the limit.
    """
    if leg.size > 0:
        assert price <= leg.limit_price, errors.BEYOND_LIMIT
    else:
        assert price >= leg.limit_price, errors.BEYOND_LIMIT


@internal
@pure
def _check_book(reduce_only: bool, margin: uint256, fee: uint256, result: IDerivativesMarket.TradeResult):
    """
    @dev An order that may open leaves the book at or above its initial margin, at current prices. A reduce-only one
         below initial margin does not leave (e − mm) / b lower than the whole leg, margin and fee included, found it;
         a book it closes must not be left with a loss that nobody carries.
    """
    after: IMarket.BookRisk = result.risk
    if after.equity >= convert(after.initial, int256):
        return
    assert reduce_only, errors.BELOW_INITIAL_MARGIN
    assert after.sigma_loss != 0, errors.RISK_NOT_REDUCED
    before: IMarket.BookRisk = result.before
    found: int256 = before.equity + convert(fee, int256) - convert(margin, int256)
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
