# pragma version 0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title A market of perpetuals on one underlying
@license AGPL-3.0-only
@notice An account's book is worth `base + size · (price − funding)`, where funding is cumulative per unit. A margin
        move is thus an addition to `base`, and a trade moves size and cost from one book to the pool's: sizes add up to
        zero, bases to what the vault owes this market, whatever the price. The contract holds no money.
@dev Only `settle` calls a contract that could change anything, and holds nothing in the meantime; every other call is a
     static one, made before anything is written. What engines use for every book (`book_risk`, `settle`,
     `move_margin`) therefore does without the lock: 120 to 330 gas each.
@custom:kill The owner halts it (`set_state`): nothing trades and nothing leaves, margin can still be put in.
"""

from snekmate.auth import ownable

from interfaces import IDerivativesMarket
from interfaces import ILiquidityPool
from interfaces import IMarket
from interfaces import IPriceOracle
from interfaces import IRiskModel
from interfaces import IVault

from contracts.modules import errors
from contracts.modules import fixed_point
from contracts.modules import market_slots
from contracts.modules import risk_model

implements: IDerivativesMarket
implements: IMarket

initializes: ownable

exports: (
    ownable.owner,
    ownable.transfer_ownership,
)


# A trade between an account and the pool, and both books after it
struct Fill:
    size: int256  # [wad units] of the account's trade
    price: uint256  # [wad]
    account: IDerivativesMarket.Book
    pool: IDerivativesMarket.Book


WAD: constant(uint256) = 10**18
SIGNED_WAD: constant(int256) = 10**18
DAY: constant(int256) = 86_400  # [s]

# Roles that the vault gives
EXCHANGE: constant(uint256) = 1
REBALANCER: constant(uint256) = 2

# States
ACTIVE: constant(uint256) = 0
REDUCE_ONLY: constant(uint256) = 1
HALTED: constant(uint256) = 2

# Gates
OPEN: constant(uint256) = 1
REDUCE: constant(uint256) = 2
TAKE: constant(uint256) = 4
FILL: constant(uint256) = 8
TAP: constant(uint256) = 16

# Hard bounds of the parameters. Together they keep initial margin above maintenance, and maintenance below notional.
MIN_RANGE_MULTIPLIER: constant(uint256) = 10**17  # [wad]
MAX_RANGE_MULTIPLIER: constant(uint256) = 10 * 10**18  # [wad]
MIN_RANGE: constant(uint256) = 5 * 10**15  # [wad] 0.5 %
MAX_RANGE: constant(uint256) = 90 * 10**16  # [wad] 90 %
MIN_INITIAL_RATIO: constant(uint256) = 105 * 10**16  # [wad]
MAX_INITIAL_RATIO: constant(uint256) = 5 * 10**18  # [wad]
MAX_CLOSE_RATE: constant(uint256) = 5 * 10**16  # [wad] 5 %
MAX_FUNDING_RATE: constant(uint256) = 10**16  # [wad] 1 % a day
MAX_SKEW_SCALE: constant(uint256) = 2**56 * market_slots.MILLI - market_slots.MILLI  # [wad units]
MAX_OPEN_INTEREST_CAP: constant(uint256) = 2**95 - 2**95 % market_slots.MILLI  # [wad units] what a book can hold

ID: public(immutable(uint256))  # in the vault, and of the price feed
VAULT: public(immutable(IVault))
ORACLE: public(immutable(IPriceOracle))
POOL: public(immutable(ILiquidityPool))
POOL_ACCOUNT: public(immutable(uint256))

_books: HashMap[uint256, uint256]  # account => packed book
_valuation: uint256  # packed risk parameters, state and funding: what every valuation reads
_trading: uint256  # packed open interest, its cap and the terms of funding: what only trades read


@deploy
def __init__(vault: address, oracle: address, pool: address, id: uint256, config: IDerivativesMarket.MarketConfig):
    """
    @notice A market starts active; the deployer owns it.
    @param vault The vault.
    @param oracle The price oracle.
    @param pool The liquidity pool, whose account takes the other side of every trade.
    @param id The market's id in the vault and its feed's in the oracle.
    @param config The parameters.
    """
    ownable.__init__()
    ID = id
    VAULT = IVault(vault)
    ORACLE = IPriceOracle(oracle)
    POOL = ILiquidityPool(pool)
    POOL_ACCOUNT = staticcall ILiquidityPool(pool).ACCOUNT()
    self._set_config(config, market_slots.Funding(rate=0, cumulative=0, accrued_at=block.timestamp))


# ------------------------------------------------------------------------------------------------
# Protocol contracts
# ------------------------------------------------------------------------------------------------


@external
@reentrant
def move_margin(account: uint256, amount: int256) -> (uint256, bool):
    """
    @notice Put margin into a book (positive) or take it out. Vault only; the vault moves the money.
    @dev Who may move how much is checked by the vault and the engines; no price is needed here.
    @param account Vault account id.
    @param amount Margin [wad], signed.
    @return What this call took out beyond the account's net deposits in this market [wad]; whether the book is now
            empty (no legs, no margin).
    """
    assert msg.sender == VAULT.address, errors.NOT_VAULT

    word: uint256 = self._books[account]
    base: int256 = market_slots._base(word) + amount
    net_deposit: uint256 = market_slots._net_deposit(word)
    beyond: uint256 = 0
    if amount < 0:
        taken: uint256 = convert(-amount, uint256)
        beyond = taken - min(taken, net_deposit)
        net_deposit -= taken - beyond
    else:
        net_deposit += convert(amount, uint256)
    self._books[account] = market_slots._with_margin(word, base, net_deposit)
    return beyond, base == 0 and not market_slots._has_legs(word)


@external
def trade(account: uint256, size: int256, price: uint256) -> IDerivativesMarket.TradeResult:
    """
    @notice Trade a perpetual between an account and the pool. Exchange only, at the Exchange's price.
    @dev Margin is the Exchange's to check, from the result. Exposure grows only where the state allows opening, and
         open interest only up to its cap. Turning a book round counts as growth.
    @param account Vault account id, not the pool's.
    @param size Signed size of the account's trade [wad units].
    @param price Price per unit [wad].
    @return The account's book before and after, and what the pool's book lacks afterwards.
    """
    self._check_role(EXCHANGE)
    assert account != POOL_ACCOUNT, errors.POOL_BOOK
    assert size != 0, errors.ZERO_SIZE

    mark: risk_model.Mark = self._mark(staticcall ORACLE.quote(ID))
    book: IDerivativesMarket.Book = market_slots._unpack_book(self._books[account])
    if self._grows(book.size, size):
        assert mark.gates & OPEN != 0, errors.OPENING_CLOSED

    fill: Fill = self._fill(book, size, price, mark.funding)
    self._store(account, fill, mark.funding)
    log IDerivativesMarket.Traded(account=account, size=size, price=price, funding=mark.funding)

    pool_short_initial: uint256 = 0
    pool_short_maintenance: uint256 = 0
    pool_short_initial, pool_short_maintenance = self._shortfalls(mark, fill.pool)
    return IDerivativesMarket.TradeResult(
        risk=risk_model._book_risk(mark, fill.account.size, fill.account.base),
        before=risk_model._book_risk(mark, book.size, book.base),
        pool_short_initial=pool_short_initial,
        pool_short_maintenance=pool_short_maintenance,
    )


@external
def reduce(account: uint256, fraction: uint256, max_cost: uint256) -> IMarket.Cut:
    """
    @notice Close a share of the book against the pool, synchronously. Rebalancer only.
    @dev Open interest cannot grow by it: what the book gives up, the pool takes over at most.
    @param account Vault account id.
    @param fraction Share of the book to close [wad], in (0, 1]; the size is rounded down.
    @param max_cost Most the account may lose [wad].
    @return The outcome.
    """
    self._check_role(REBALANCER)

    quote: IPriceOracle.Quote = staticcall ORACLE.quote(ID)
    mark: risk_model.Mark = self._mark(quote)
    cut: IMarket.Cut = empty(IMarket.Cut)
    fill: Fill = empty(Fill)
    cut, fill = self._cut(account, fraction, quote, mark)
    assert cut.cost <= max_cost, errors.COST_TOO_HIGH

    self._store(account, fill, mark.funding)
    log IDerivativesMarket.Reduced(
        account=account, size=fill.size, price=fill.price, funding=mark.funding, cost=cut.cost
    )
    return cut


# ------------------------------------------------------------------------------------------------
# Anyone
# ------------------------------------------------------------------------------------------------


@external
@reentrant
def settle():
    """
    @notice Consume the market's unprocessed oracle rounds. Open to all; changes nobody's equity.
    @dev Reverts with "oracle: poke" if more are pending than one call may consume.
    """
    extcall ORACLE.consume(ID)


@external
def accrue():
    """
    @notice Store the funding accrued up to now. Open to all; changes nobody's equity.
    @dev Funding is priced at the oracle price of the moment it is stored.
    """
    funding: market_slots.Funding = self._accrued_now()
    self._valuation = market_slots._with_funding(self._valuation, funding)
    log IDerivativesMarket.FundingAccrued(funding=funding.cumulative)


# ------------------------------------------------------------------------------------------------
# Owner
# ------------------------------------------------------------------------------------------------


@external
def set_config(config: IDerivativesMarket.MarketConfig):
    """
    @notice Owner only: set the market's parameters, within hard bounds, after accruing funding under the old ones.
    @dev No parameter can bring initial margin down to maintenance, or maintenance up to notional.
    @param config All parameters.
    """
    ownable._check_owner()

    funding: market_slots.Funding = self._accrued_now()
    self._set_config(config, funding)
    log IDerivativesMarket.FundingAccrued(funding=funding.cumulative)


@external
def set_state(state: uint256):
    """
    @notice Owner only: 0 = active, 1 = reduce-only, 2 = halted. Needs no price, so that a dead feed cannot stop it.
    @dev Funding does not depend on the state, so there is nothing to accrue.
    @param state The new state.
    """
    ownable._check_owner()
    assert state <= HALTED, errors.UNKNOWN_STATE

    self._valuation = market_slots._with_state(self._valuation, state)
    log IDerivativesMarket.StateSet(state=state)


# ------------------------------------------------------------------------------------------------
# Views
# ------------------------------------------------------------------------------------------------


@external
@view
@reentrant
def book_risk(account: uint256) -> IMarket.BookRisk:
    """
    @notice The book valued now, unprocessed oracle rounds included.
    @dev Reverts if the market cannot price itself.
    @param account Vault account id.
    @return The book's risk; all zero but `round` and `gates` where the account has no book.
    """
    size: int256 = 0
    base: int256 = 0
    size, base = market_slots._unpack_position(self._books[account])
    mark: risk_model.Mark = self._mark(staticcall ORACLE.quote(ID))
    return risk_model._book_risk(mark, size, base)


@external
@view
def book_risks(accounts: DynArray[uint256, 256]) -> DynArray[IMarket.BookRisk, 256]:
    """
    @notice `book_risk` of many accounts at one price, for scans.
    @dev Reverts if the market cannot price itself.
    @param accounts Vault account ids.
    @return One entry per account, in order.
    """
    mark: risk_model.Mark = self._mark(staticcall ORACLE.quote(ID))
    risks: DynArray[IMarket.BookRisk, 256] = []
    size: int256 = 0
    base: int256 = 0
    for account: uint256 in accounts:
        size, base = market_slots._unpack_position(self._books[account])
        risks.append(risk_model._book_risk(mark, size, base))
    return risks


@external
@view
def preview_reduce(account: uint256, fraction: uint256) -> IMarket.Cut:
    """
    @notice What `reduce` would do now, to the wei.
    @dev Reverts where `reduce` would, but for the caller's role and the cost.
    @param account Vault account id.
    @param fraction Share of the book to close [wad], in (0, 1].
    @return The outcome.
    """
    quote: IPriceOracle.Quote = staticcall ORACLE.quote(ID)
    return self._cut(account, fraction, quote, self._mark(quote))[0]


@external
@view
def engine_cost() -> uint256:
    """
    @notice What the pool now asks to take a cut over, per unit of notional [wad].
    @dev Reverts if the market cannot price itself.
    @return The rate [wad].
    """
    return self._engine_rate(staticcall ORACLE.quote(ID))


@external
@view
def liquidation_price(account: uint256) -> uint256:
    """
    @notice Oracle price at which the book meets its maintenance margin, at the present volatility and funding.
    @dev Funding and volatility move, so this is where the book stands, not a promise.
    @param account Vault account id.
    @return Price per unit [wad]; 0 where no price liquidates the book.
    """
    mark: risk_model.Mark = self._mark(staticcall ORACLE.quote(ID))
    book: IDerivativesMarket.Book = market_slots._unpack_book(self._books[account])
    return risk_model._liquidation_price(mark.maintenance_rate, book.size, book.base, mark.funding)


@external
@view
def book(account: uint256) -> IDerivativesMarket.Book:
    """
    @notice The book as stored.
    @dev Needs no price.
    @param account Vault account id.
    @return The book, all zero where the account has none.
    """
    return market_slots._unpack_book(self._books[account])


@external
@view
def funding() -> (int256, int256):
    """
    @notice Funding now: positive means that longs pay.
    @dev Reverts if the market cannot price itself.
    @return Cumulative funding per unit, accrued up to now [wad]; present rate per day and unit of notional [wad].
    """
    stored: market_slots.Funding = self._accrued_now()
    return stored.cumulative, stored.rate


@external
@view
def skew() -> int256:
    """
    @notice Net size of all accounts but the pool; the pool's inventory negated.
    @dev Needs no price.
    @return Net size [wad units].
    """
    return -market_slots._unpack_book(self._books[POOL_ACCOUNT]).size


@external
@view
def open_interest() -> uint256:
    """
    @notice What all longs add up to, the pool's book among them; all shorts add up to the same.
    @dev Needs no price.
    @return Size [wad units].
    """
    return market_slots._unpack_trading(self._trading).open_interest


@external
@view
def config() -> IDerivativesMarket.MarketConfig:
    """
    @notice The market's parameters.
    @dev Needs no price.
    @return All parameters.
    """
    risk: IRiskModel.RiskParams = market_slots._unpack_risk_params(self._valuation)
    trading: market_slots.Trading = market_slots._unpack_trading(self._trading)
    return IDerivativesMarket.MarketConfig(
        range_multiplier=risk.range_multiplier,
        range_min=risk.range_min,
        range_max=risk.range_max,
        initial_ratio=risk.initial_ratio,
        close_rate=risk.close_rate,
        max_funding_rate=trading.max_funding_rate,
        skew_scale=trading.skew_scale,
        open_interest_cap=trading.open_interest_cap,
    )


@external
@view
def state() -> uint256:
    """
    @notice The state the owner has set; the jump guard may narrow it further (see `BookRisk.gates`).
    @dev Needs no price.
    @return 0 = active, 1 = reduce-only, 2 = halted.
    """
    return market_slots._unpack_state(self._valuation)


# ------------------------------------------------------------------------------------------------
# Valuation
# ------------------------------------------------------------------------------------------------


@internal
@view
def _mark(quote: IPriceOracle.Quote) -> risk_model.Mark:
    """
    @dev What prices, funding and state now mean for any book.
    """
    valuation: uint256 = self._valuation
    params: IRiskModel.RiskParams = market_slots._unpack_risk_params(valuation)
    funding: int256 = self._accrued(valuation, quote.price)
    gates: uint256 = self._gates(valuation, quote.guarded, quote.unconfirmed)
    return risk_model._mark(params, quote, funding, gates)


@internal
@pure
def _gates(valuation: uint256, guarded: bool, unconfirmed: bool) -> uint256:
    """
    @dev The rows of the table of market states. Who can be priced may reduce, in any state. An unconfirmed jump also
         closes the engine's way in: it must not fill a book at a price that nobody confirms.
    """
    state: uint256 = (valuation >> market_slots.STATE_SHIFT) & market_slots.MASK_2
    if state == ACTIVE and not guarded:
        return OPEN | REDUCE | TAKE | FILL | TAP
    if state == HALTED:
        return REDUCE
    if unconfirmed:
        return REDUCE | TAKE | TAP
    return REDUCE | TAKE | FILL | TAP


@internal
@pure
def _shortfalls(mark: risk_model.Mark, book: IDerivativesMarket.Book) -> (uint256, uint256):
    """
    @dev What a book lacks to its initial and to its maintenance margin [wad].
    """
    risk: IMarket.BookRisk = risk_model._book_risk(mark, book.size, book.base)
    short_initial: int256 = max(convert(risk.initial, int256) - risk.equity, 0)
    short_maintenance: int256 = max(convert(risk.maintenance, int256) - risk.equity, 0)
    return convert(short_initial, uint256), convert(short_maintenance, uint256)


# ------------------------------------------------------------------------------------------------
# Funding
# ------------------------------------------------------------------------------------------------


@internal
@pure
def _funding_rate(skew: int256, max_rate: uint256, scale: uint256) -> int256:
    """
    @dev clamp(skew / scale, ±1) · max_rate [wad] per day, rounded down to its unit: the crowded side pays the pool.
    """
    limit: int256 = convert(scale, int256)
    product: int256 = max(-limit, min(skew, limit)) * convert(max_rate, int256)
    return fixed_point._floor_div(product, limit * market_slots.RATE_UNIT) * market_slots.RATE_UNIT


@internal
@view
def _accrued(valuation: uint256, price: uint256) -> int256:
    """
    @dev Cumulative funding per unit up to now [wad]. One number serves both sides, so rounding makes no value.
         Unchecked: a rate is below 2^54, a price below 2^96, a time below 2^32.
    """
    stored: market_slots.Funding = market_slots._unpack_funding(valuation)
    elapsed: uint256 = unsafe_sub(block.timestamp, stored.accrued_at)
    product: int256 = unsafe_mul(stored.rate, convert(unsafe_mul(price, elapsed), int256))
    growth: int256 = unsafe_div(product, DAY * SIGNED_WAD)
    if product < 0 and unsafe_mul(growth, DAY * SIGNED_WAD) != product:
        growth = unsafe_sub(growth, 1)
    return unsafe_add(stored.cumulative, growth)


@internal
@view
def _accrued_now() -> market_slots.Funding:
    """
    @dev Funding as `accrue` would store it.
    """
    quote: IPriceOracle.Quote = staticcall ORACLE.quote(ID)
    valuation: uint256 = self._valuation
    return market_slots.Funding(
        rate=market_slots._unpack_funding(valuation).rate,
        cumulative=self._accrued(valuation, quote.price),
        accrued_at=block.timestamp,
    )


# ------------------------------------------------------------------------------------------------
# Trades
# ------------------------------------------------------------------------------------------------


@internal
@pure
def _grows(held: int256, size: int256) -> bool:
    """
    @dev Whether a trade adds exposure on either side: anything but a step from `held` toward zero.
    """
    remaining: int256 = held + size
    return (held >= 0 and (remaining < 0 or size > 0)) or (held < 0 and (remaining > 0 or size < 0))


@internal
@view
def _fill(book: IDerivativesMarket.Book, size: int256, price: uint256, funding: int256) -> Fill:
    """
    @dev Both books after the account trades `size` with the pool. The cost is rounded against the account, and the
         pool's book receives it to the wei.
    """
    cost: int256 = fixed_point._ceil_div(size * (convert(price, int256) - funding), SIGNED_WAD)
    account: IDerivativesMarket.Book = book
    account.size += size
    account.base -= cost
    pool: IDerivativesMarket.Book = market_slots._unpack_book(self._books[POOL_ACCOUNT])
    pool.size -= size
    pool.base += cost
    return Fill(size=size, price=price, account=account, pool=pool)


@internal
@view
def _cut(
    account: uint256, fraction: uint256, quote: IPriceOracle.Quote, mark: risk_model.Mark
) -> (IMarket.Cut, Fill):
    """
    @dev What closing a share of the book at the pool's present engine price does. A book too small to be divided
         stays as it is, at no cost.
    """
    assert account != POOL_ACCOUNT, errors.POOL_BOOK
    assert fraction > 0 and fraction <= WAD, errors.BAD_FRACTION

    book: IDerivativesMarket.Book = market_slots._unpack_book(self._books[account])
    closed: int256 = convert(
        fixed_point._mul_wad_down(convert(abs(book.size), uint256), fraction), int256
    )
    rate: uint256 = self._engine_rate(quote)
    price: uint256 = fixed_point._mul_wad_down(quote.price, WAD - rate)
    size: int256 = -closed
    if book.size < 0:
        price = fixed_point._mul_wad_up(quote.price, WAD + rate)
        size = closed
    fill: Fill = self._fill(book, size, price, mark.funding)

    risk: IMarket.BookRisk = risk_model._book_risk(mark, fill.account.size, fill.account.base)
    before: int256 = risk_model._equity(book.size, book.base, mark.price, mark.funding)
    pool_short_initial: uint256 = 0
    pool_short_maintenance: uint256 = 0
    pool_short_initial, pool_short_maintenance = self._shortfalls(mark, fill.pool)
    return IMarket.Cut(
        risk=risk,
        cost=convert(before - risk.equity, uint256),
        pool_short_initial=pool_short_initial,
        pool_short_maintenance=pool_short_maintenance,
    ), fill


@internal
@view
def _engine_rate(quote: IPriceOracle.Quote) -> uint256:
    """
    @dev The pool's half-spread for a synchronous fill at a price of this age [wad].
    """
    return staticcall POOL.engine_rate(ID, quote.fast_volatility, block.timestamp - quote.updated_at)


@internal
def _store(account: uint256, fill: Fill, funding: int256):
    """
    @dev Write both books, funding with the rate that the new skew sets, and open interest where it changed.
    """
    self._books[account] = market_slots._pack_book(fill.account)
    self._books[POOL_ACCOUNT] = market_slots._pack_book(fill.pool)

    trading: market_slots.Trading = market_slots._unpack_trading(self._trading)
    rate: int256 = self._funding_rate(-fill.pool.size, trading.max_funding_rate, trading.skew_scale)
    self._valuation = market_slots._with_funding(
        self._valuation, market_slots.Funding(rate=rate, cumulative=funding, accrued_at=block.timestamp)
    )

    longs_before: int256 = max(fill.account.size - fill.size, 0) + max(fill.pool.size + fill.size, 0)
    longs_after: int256 = max(fill.account.size, 0) + max(fill.pool.size, 0)
    if longs_after != longs_before:
        open_interest: int256 = convert(trading.open_interest, int256) + longs_after - longs_before
        trading.open_interest = convert(open_interest, uint256)
        within_cap: bool = trading.open_interest <= trading.open_interest_cap
        assert within_cap or longs_after < longs_before, errors.OPEN_INTEREST_CAP
        self._trading = market_slots._pack_trading(trading)


# ------------------------------------------------------------------------------------------------
# Rights and parameters
# ------------------------------------------------------------------------------------------------


@internal
@view
def _check_role(role: uint256):
    """
    @dev The vault says which contract is which engine.
    """
    assert (staticcall VAULT.roles(msg.sender)) & role != 0, errors.NOT_ENGINE


@internal
def _set_config(config: IDerivativesMarket.MarketConfig, accrued: market_slots.Funding):
    """
    @dev Check the bounds, write, and let funding go on at the rate the new terms set. State and open interest stay.
    """
    ppm: uint256 = market_slots.PPM
    self._check_parameter(config.range_multiplier, MIN_RANGE_MULTIPLIER, MAX_RANGE_MULTIPLIER, ppm)
    self._check_parameter(config.range_min, MIN_RANGE, MAX_RANGE, ppm)
    self._check_parameter(config.range_max, config.range_min, MAX_RANGE, ppm)
    self._check_parameter(config.initial_ratio, MIN_INITIAL_RATIO, MAX_INITIAL_RATIO, ppm)
    self._check_parameter(config.close_rate, 0, MAX_CLOSE_RATE, ppm)
    self._check_parameter(config.max_funding_rate, 0, MAX_FUNDING_RATE, ppm)
    self._check_parameter(config.skew_scale, market_slots.MILLI, MAX_SKEW_SCALE, market_slots.MILLI)
    self._check_parameter(config.open_interest_cap, 0, MAX_OPEN_INTEREST_CAP, market_slots.MILLI)

    funding: market_slots.Funding = accrued
    skew: int256 = -market_slots._unpack_book(self._books[POOL_ACCOUNT]).size
    funding.rate = self._funding_rate(skew, config.max_funding_rate, config.skew_scale)
    params: IRiskModel.RiskParams = IRiskModel.RiskParams(
        range_multiplier=config.range_multiplier,
        range_min=config.range_min,
        range_max=config.range_max,
        initial_ratio=config.initial_ratio,
        close_rate=config.close_rate,
    )
    state: uint256 = market_slots._unpack_state(self._valuation)
    self._valuation = market_slots._pack_valuation(params, state, funding)
    trading: market_slots.Trading = market_slots._unpack_trading(self._trading)
    trading.open_interest_cap = config.open_interest_cap
    trading.max_funding_rate = config.max_funding_rate
    trading.skew_scale = config.skew_scale
    self._trading = market_slots._pack_trading(trading)
    log IDerivativesMarket.ConfigSet(config=config)


@internal
@pure
def _check_parameter(number: uint256, low: uint256, high: uint256, unit: uint256):
    """
    @dev Within its bounds, and a multiple of the unit it is stored in.
    """
    assert number >= low and number <= high and number % unit == 0, errors.MARKET_PARAMETER
