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
from contracts.modules import loss_index
from contracts.modules import market_books
from contracts.modules import market_clock
from contracts.modules import market_slots
from contracts.modules import market_terms
from contracts.modules import risk_model

implements: IDerivativesMarket
implements: IMarket

initializes: ownable
initializes: loss_index
initializes: market_books[loss_index := loss_index]
initializes: market_clock
initializes: market_terms

exports: (
    ownable.owner,
    ownable.transfer_ownership,
)

exports: (
    market_terms.config,
    market_terms.risk_params,
    market_terms.ramp_end,
    market_terms.state,
    market_terms.open_interest,
)

exports: (
    market_clock.GRACE,
    market_clock.live_at,
)


# A trade between an account and the pool, and both books after it
struct Fill:
    size: int256  # [wad units] of the account's trade
    price: uint256  # [wad]
    account: IDerivativesMarket.Book
    pool: IDerivativesMarket.Book


WAD: constant(uint256) = 10**18
SIGNED_WAD: constant(int256) = 10**18

# Roles that the vault gives
EXCHANGE: constant(uint256) = 1
REBALANCER: constant(uint256) = 2
LIQUIDATOR: constant(uint256) = 4

HALTED: constant(uint256) = 2  # the tightest state
OPEN: constant(uint256) = 1  # gate: exposure may grow

ID: public(immutable(uint256))  # in the vault, and of the price feed
VAULT: public(immutable(IVault))
ORACLE: public(immutable(IPriceOracle))
POOL: public(immutable(ILiquidityPool))
POOL_ACCOUNT: public(immutable(uint256))


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
    market_terms._set_config(config, market_slots.Funding(rate=0, cumulative=0, accrued_at=block.timestamp), 0)


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
    self._check_vault()

    if amount < 0 and market_terms._valuation & market_slots.MORE != 0:
        market_books._settle(account, market_terms._epochs())  # losses may have left it without legs, and so empty

    word: uint256 = market_books._books[account]
    base: int256 = market_slots._base(word) + amount
    net_deposit: uint256 = market_slots._net_deposit(word)
    beyond: uint256 = 0
    if amount < 0:
        taken: uint256 = convert(-amount, uint256)
        beyond = taken - min(taken, net_deposit)
        net_deposit -= taken - beyond
    else:
        net_deposit += convert(amount, uint256)
    market_books._books[account] = market_slots._with_margin(word, base, net_deposit)
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
    self._check_not_pool(account)
    assert size != 0, errors.ZERO_SIZE

    mark: risk_model.Mark = self._mark_now()
    book: IDerivativesMarket.Book = market_books._book(account, mark.epochs)
    if self._grows(book.size, size):
        assert mark.gates & OPEN != 0, errors.OPENING_CLOSED

    fill: Fill = self._fill(book, size, price, mark)
    self._store(account, fill, mark)
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
def reduce(account: uint256, fraction: uint256, bound: uint256, max_cost: uint256) -> IMarket.Cut:
    """
    @notice Close a share of the book against the pool, synchronously. Rebalancer only.
    @dev Open interest cannot grow by it: what the book gives up, the pool takes over at most.
    @param account Vault account id.
    @param fraction Share of the book to close [wad], in (0, 1]; the size is rounded down.
    @param bound Price that the pool's starts from where it is worse for the account than the oracle's [wad]; 0 = none.
    @param max_cost Most the account may lose [wad].
    @return The outcome.
    """
    self._check_role(REBALANCER)

    quote: IPriceOracle.Quote = self._quote()
    mark: risk_model.Mark = market_terms._mark(quote)
    cut: IMarket.Cut = empty(IMarket.Cut)
    fill: Fill = empty(Fill)
    cut, fill = self._cut(account, fraction, bound, quote, mark)
    assert cut.cost <= max_cost, errors.COST_TOO_HIGH

    self._store(account, fill, mark)
    log IDerivativesMarket.Reduced(
        account=account, size=fill.size, price=fill.price, funding=mark.funding, cost=cut.cost
    )
    return cut


@external
def seize(account: uint256, bidder: uint256, fraction: uint256) -> bool:
    """
    @notice Hand a share of a book over: legs, margin and net deposit, pro rata. Vault only; it moves the payment.
    @dev Size is rounded toward zero and base down, so that the bidder gets no more than the share. Open interest cannot
         grow by it.
    @param account Vault account id, not the pool's.
    @param bidder Account id that takes it over; may be the pool's.
    @param fraction Share of the book [wad], in (0, 1]; 1 = all that is in it.
    @return Whether the account's book is now empty (no legs, no margin).
    """
    self._check_vault()
    self._check_not_pool(account)
    assert account != bidder, errors.SAME_ACCOUNT
    self._check_fraction(fraction)

    mark: risk_model.Mark = self._mark_now()
    left: IDerivativesMarket.Book = market_books._book(account, mark.epochs)
    taker: IDerivativesMarket.Book = market_books._book(bidder, mark.epochs)
    longs: int256 = max(left.size, 0) + max(taker.size, 0)

    share: int256 = convert(fraction, int256)
    size: int256 = left.size * share // SIGNED_WAD
    base: int256 = fixed_point._floor_div(left.base * share, SIGNED_WAD)
    net_deposit: uint256 = fixed_point._mul_wad_down(left.net_deposit, fraction)
    net_deposit -= net_deposit % market_slots.CENT
    left.size -= size
    left.base -= base
    left.net_deposit -= net_deposit
    taker.size += size
    taker.base += base
    taker.net_deposit += net_deposit
    market_books._store_book(account, left, mark.epochs)
    market_books._store_book(bidder, taker, mark.epochs)

    longs_after: int256 = max(left.size, 0) + max(taker.size, 0)
    market_terms._store_trade(self._skew(mark.epochs), mark.funding, longs, longs_after)
    log IDerivativesMarket.Seized(account=account, bidder=bidder, size=size, base=base, funding=mark.funding)
    return left.size == 0 and left.base == 0 and left.legs == 0


@external
def absorb(account: uint256) -> (uint256, bool):
    """
    @notice Move a book's legs to the pool's book, at the oracle price. Vault only. What the book is worth stays in it
            as margin; if it is below zero, others bear the loss and the book is empty.
    @dev The loss is charged by size: what the book itself bore of earlier losses and could not, to the rest of its own
         side, the remainder to the opposite side; the pool's book bears what nobody is there for.
    @param account Vault account id, not the pool's.
    @return The loss that others bear [wad]; whether the account's book is now empty.
    """
    self._check_vault()
    self._check_not_pool(account)

    mark: risk_model.Mark = self._mark_now()
    book: IDerivativesMarket.Book = empty(IDerivativesMarket.Book)
    borne: uint256 = 0
    book, borne = market_books._book_and_share(account, mark.epochs)
    equity: int256 = risk_model._equity(book.size, book.base, mark.price, mark.funding)
    loss: uint256 = convert(max(-equity, 0), uint256)
    unplaced: uint256 = loss
    if loss > 0 and book.size != 0:
        mark.epochs, unplaced = self._spread(mark.epochs, book.size, loss, min(borne, loss))
        market_terms._store_epochs(mark.epochs)

    pool: IDerivativesMarket.Book = market_books._book(POOL_ACCOUNT, mark.epochs)
    fill: Fill = Fill(size=-book.size, price=mark.price, account=book, pool=pool)
    fill.account.size = 0
    fill.account.base = max(equity, 0)
    fill.pool.size += book.size
    fill.pool.base += book.base - fill.account.base + convert(loss - unplaced, int256)
    self._store(account, fill, mark)
    log IDerivativesMarket.Absorbed(
        account=account, size=book.size, price=mark.price, funding=mark.funding, loss=loss, pool_loss=unplaced
    )
    return loss, fill.account.base == 0 and book.legs == 0


@external
def close_pool() -> uint256:
    """
    @notice Close the pool's book, which is below zero: charge its loss to the opposite side, and close its legs at the
            oracle price against that side, both by size. Liquidators only, where nothing else is left to pay.
    @dev Without legs, both sides bear the loss. Afterwards the pool's book is empty.
    @return The loss that others bear [wad].
    """
    self._check_role(LIQUIDATOR)
    mark: risk_model.Mark = self._mark_now()
    book: IDerivativesMarket.Book = market_books._book(POOL_ACCOUNT, mark.epochs)
    equity: int256 = risk_model._equity(book.size, book.base, mark.price, mark.funding)
    assert equity < 0, errors.POOL_SOLVENT

    loss: uint256 = convert(-equity, uint256)
    open_interest: uint256 = market_terms._open_interest()
    left: uint256 = open_interest
    held: uint256 = min(convert(abs(book.size), uint256), open_interest)
    epochs: uint256 = mark.epochs
    unplaced: uint256 = 0
    epochs, unplaced = self._spread(epochs, book.size, loss, loss // 2 if held == 0 else 0)
    assert unplaced == 0, errors.NOBODY_TO_CHARGE
    if held > 0:
        worth: int256 = convert(mark.price, int256) - mark.funding
        epochs, left = loss_index._close(epochs, loss_index._side(-book.size), held, open_interest, worth)

    market_terms._store_epochs(epochs)
    market_terms._store_trade(0, mark.funding, convert(open_interest - left, int256), 0)
    log IDerivativesMarket.PoolClosed(size=book.size, price=mark.price, funding=mark.funding, loss=loss)
    book.size = 0
    book.base = 0
    market_books._store_book(POOL_ACCOUNT, book, epochs)
    return loss


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
    market_terms._store_funding(funding)
    log IDerivativesMarket.FundingAccrued(funding=funding.cumulative)


# ------------------------------------------------------------------------------------------------
# Owner
# ------------------------------------------------------------------------------------------------


@external
def set_config(config: IDerivativesMarket.MarketConfig):
    """
    @notice Owner only: set the market's parameters, within hard bounds, after accruing funding under the old ones.
            Those of maintenance (range and close rate) move over a day, the others at once.
    @dev No parameter can bring initial margin down to maintenance, or maintenance up to notional.
    @param config All parameters.
    """
    ownable._check_owner()

    funding: market_slots.Funding = self._accrued_now()
    market_terms._set_config(config, funding, self._skew(market_terms._epochs()))
    log IDerivativesMarket.FundingAccrued(funding=funding.cumulative)


@external
def set_state(state: uint256):
    """
    @notice 0 = active, 1 = reduce-only, 2 = halted. The owner sets any; the vault's guardian only a tighter one than
            the present. Needs no price, so that a dead feed cannot stop it.
    @dev Funding does not depend on the state, so there is nothing to accrue.
    @param state The new state.
    """
    if msg.sender != ownable.owner:
        assert msg.sender == staticcall VAULT.guardian(), errors.NOT_GUARDIAN
        assert state > market_terms._state(), errors.ONLY_TIGHTENS
    assert state <= HALTED, errors.UNKNOWN_STATE

    halted: bool = market_terms._state() == HALTED
    if halted != (state == HALTED):
        silence: uint256 = staticcall ORACLE.silence(ID)
        if halted:
            market_clock._start(silence)
        else:
            market_clock._stop(silence)
    market_terms._set_state(state)


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
    size, base = market_slots._unpack_position(market_books._books[account])
    mark: risk_model.Mark = market_terms._mark(staticcall ORACLE.quote(ID))
    if mark.epochs != 0:
        size, base = market_books._position(account, mark.epochs)
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
    mark: risk_model.Mark = self._mark_now()
    risks: DynArray[IMarket.BookRisk, 256] = []
    size: int256 = 0
    base: int256 = 0
    for account: uint256 in accounts:
        size, base = market_books._position(account, mark.epochs)
        risks.append(risk_model._book_risk(mark, size, base))
    return risks


@external
@view
def preview_reduce(account: uint256, fraction: uint256, bound: uint256) -> IMarket.Cut:
    """
    @notice What `reduce` would do now, to the wei.
    @dev Reverts where `reduce` would, but for the caller's role and the cost.
    @param account Vault account id.
    @param fraction Share of the book to close [wad], in (0, 1].
    @param bound As for `reduce` [wad].
    @return The outcome.
    """
    quote: IPriceOracle.Quote = self._quote()
    return self._cut(account, fraction, bound, quote, market_terms._mark(quote))[0]


@external
@view
def engine_cost() -> uint256:
    """
    @notice What the pool now asks to take a cut over, per unit of notional [wad].
    @dev Reverts if the market cannot price itself.
    @return The rate [wad].
    """
    return self._engine_rate(self._quote())


@external
@view
def liquidation_price(account: uint256) -> uint256:
    """
    @notice Oracle price at which the book meets its maintenance margin, at the present volatility and funding.
    @dev Funding and volatility move, so this is where the book stands, not a promise.
    @param account Vault account id.
    @return Price per unit [wad]; 0 where no price liquidates the book.
    """
    mark: risk_model.Mark = self._mark_now()
    book: IDerivativesMarket.Book = market_books._book(account, mark.epochs)
    return risk_model._liquidation_price(mark.maintenance_rate, book.size, book.base, mark.funding)


@external
@view
def book(account: uint256) -> IDerivativesMarket.Book:
    """
    @notice The book, with its share of what its side bore for others.
    @dev Needs no price.
    @param account Vault account id.
    @return The book, all zero where the account has none.
    """
    return market_books._book(account, market_terms._epochs())


@external
@view
def legs_digest(account: uint256) -> uint256:
    """
    @notice What a bidder states of the book that he means: any change of its legs changes it, margin does not.
    @dev Needs no price.
    @param account Vault account id.
    @return The digest.
    """
    book: IDerivativesMarket.Book = market_books._book(account, market_terms._epochs())
    return convert(keccak256(abi_encode(account, book.size, book.legs)), uint256)


@external
@view
def clock() -> uint256:
    """
    @notice The time that auctions go by: it stands still while the market is halted, until the grace after that ends,
            and while the feed is silent.
    @dev Needs no price. Exact once the feed's rounds are consumed (`settle`).
    @return Active time [s].
    """
    return market_clock._time(staticcall ORACLE.silence(ID), market_terms._state() == HALTED)


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
    return self._skew(market_terms._epochs())


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
def _fill(book: IDerivativesMarket.Book, size: int256, price: uint256, mark: risk_model.Mark) -> Fill:
    """
    @dev Both books after the account trades `size` with the pool. The cost is rounded against the account, and the
         pool's book receives it to the wei.
    """
    cost: int256 = fixed_point._ceil_div(size * (convert(price, int256) - mark.funding), SIGNED_WAD)
    account: IDerivativesMarket.Book = book
    account.size += size
    account.base -= cost
    pool: IDerivativesMarket.Book = market_books._book(POOL_ACCOUNT, mark.epochs)
    pool.size -= size
    pool.base += cost
    return Fill(size=size, price=price, account=account, pool=pool)


@internal
@view
def _cut(
    account: uint256, fraction: uint256, bound: uint256, quote: IPriceOracle.Quote, mark: risk_model.Mark
) -> (IMarket.Cut, Fill):
    """
    @dev What closing a share of the book at the pool's present engine price does, or at that around `bound` if it is
         worse. A book too small to be divided stays as it is, at no cost.
    """
    self._check_not_pool(account)
    self._check_fraction(fraction)

    book: IDerivativesMarket.Book = market_books._book(account, mark.epochs)
    closed: int256 = convert(
        fixed_point._mul_wad_down(convert(abs(book.size), uint256), fraction), int256
    )
    rate: uint256 = self._engine_rate(quote)
    base: uint256 = quote.price if bound == 0 else min(bound, quote.price)
    price: uint256 = fixed_point._mul_wad_down(base, WAD - rate)
    size: int256 = -closed
    if book.size < 0:
        price = fixed_point._mul_wad_up(max(bound, quote.price), WAD + rate)
        size = closed
    fill: Fill = self._fill(book, size, price, mark)

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
def _quote() -> IPriceOracle.Quote:
    """
    @dev The oracle's quote. `book_risk` asks in place: a helper would take 100 gas, and engines value every book.
    """
    return staticcall ORACLE.quote(ID)


@internal
@view
def _mark_now() -> risk_model.Mark:
    """
    @dev What prices, funding and state mean now for any book.
    """
    return market_terms._mark(self._quote())


@internal
@view
def _accrued_now() -> market_slots.Funding:
    """
    @dev Funding as `accrue` would store it.
    """
    return market_terms._accrued_now(self._quote().price)


@internal
@view
def _skew(epochs: uint256) -> int256:
    """
    @dev Net size of all accounts but the pool [wad units].
    """
    return -market_books._position(POOL_ACCOUNT, epochs)[0]


@internal
@view
def _engine_rate(quote: IPriceOracle.Quote) -> uint256:
    """
    @dev The pool's half-spread for a synchronous fill at a price of this age [wad].
    """
    return staticcall POOL.engine_rate(ID, quote.fast_volatility, block.timestamp - quote.updated_at)


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


@internal
def _store(account: uint256, fill: Fill, mark: risk_model.Mark):
    """
    @dev Write both books, funding with the rate that the new skew sets, and open interest where it changed.
    """
    market_books._store_book(account, fill.account, mark.epochs)
    market_books._store_book(POOL_ACCOUNT, fill.pool, mark.epochs)

    longs_before: int256 = max(fill.account.size - fill.size, 0) + max(fill.pool.size + fill.size, 0)
    longs_after: int256 = max(fill.account.size, 0) + max(fill.pool.size, 0)
    market_terms._store_trade(-fill.pool.size, mark.funding, longs_before, longs_after)


# ------------------------------------------------------------------------------------------------
# Losses
# ------------------------------------------------------------------------------------------------


@internal
def _spread(epochs: uint256, size: int256, loss: uint256, own: uint256) -> (uint256, uint256):
    """
    @dev Charge what a book of this size lost [wad]: `own` of it to the rest of its side, what remains to the opposite
         side. The epochs after it, and what nobody is there for.
    """
    open_interest: uint256 = market_terms._open_interest()
    held: uint256 = convert(abs(size), uint256)
    after: uint256 = epochs
    opposite_unplaced: uint256 = 0
    own_unplaced: uint256 = 0
    side: uint256 = loss_index._side(size)
    after, opposite_unplaced = loss_index._charge(after, 1 - side, loss - own, open_interest)
    after, own_unplaced = loss_index._charge(after, side, own, open_interest - min(held, open_interest))
    return after, opposite_unplaced + own_unplaced


# ------------------------------------------------------------------------------------------------
# Rights
# ------------------------------------------------------------------------------------------------


@internal
@view
def _check_role(role: uint256):
    """
    @dev The vault says which contract is which engine.
    """
    assert (staticcall VAULT.roles(msg.sender)) & role != 0, errors.NOT_ENGINE


@internal
@view
def _check_vault():
    """
    @dev The vault alone moves margin and books.
    """
    assert msg.sender == VAULT.address, errors.NOT_VAULT


@internal
@view
def _check_not_pool(account: uint256):
    """
    @dev The pool's book is the other side of what happens to the others.
    """
    assert account != POOL_ACCOUNT, errors.POOL_BOOK


@internal
@pure
def _check_fraction(fraction: uint256):
    """
    @dev A share of a book [wad].
    """
    assert fraction > 0 and fraction <= WAD, errors.BAD_FRACTION
