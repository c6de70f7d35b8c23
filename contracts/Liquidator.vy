# pragma version 0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title Auctions of books that nothing else could save
@license AGPL-3.0-only
@notice A book below maintenance margin is rescued by its own account first, in the same transaction. Where that fails,
        it is sold in a Dutch auction: legs and margin, in parts, until what is left is safe. The discount grows while
        the market has a price and is not halted. After half an hour the pool buys what nobody wanted.
@dev Holds no money and moves none but through the vault, which checks what a seizure may take from whom. Owners top up
     as they like: an auction only ends at a distance of 1, and one that is opened again within an hour goes on at the
     age it had.
@custom:security An auction is opened in one block and bid for in later ones, of a book that was not traded since:
                 nothing is sold in the block in which a trade found it healthy. Opening voids the account's orders,
                 so that its owner cannot trade in every block to keep bids off.
@custom:kill Revoke the role with `Vault.set_engine(liquidator, 0)`: nothing is liquidated, and nothing else stops.
"""

from interfaces import IExchange
from interfaces import IInsuranceFund
from interfaces import ILiquidator
from interfaces import IMarket
from interfaces import IRebalancer
from interfaces import IVault
implements: ILiquidator

from .modules import auction_price
from .modules import auctions
from .modules import errors
from .modules import fixed_point
from .modules import liquidation
initializes: auctions
initializes: liquidation


MAX_ORDERS: constant(uint256) = 32
MAX_BOOKS: constant(uint256) = 8

RAMP: public(constant(uint256)) = auction_price.RAMP                    # [s]
POOL_TIME: public(constant(uint256)) = auction_price.POOL_TIME          # [s]
MAX_DISCOUNT: public(constant(uint256)) = auction_price.MAX_DISCOUNT    # [wad]
MAX_BONUS: public(constant(uint256)) = auction_price.MAX_BONUS          # [wad]
PENALTY_SHARE: public(constant(uint256)) = auction_price.PENALTY_SHARE  # [wad]
TARGET_DISTANCE: public(constant(uint256)) = auction_price.TARGET_DISTANCE  # [wad]
SMALL_LOT: public(constant(uint256)) = auction_price.SMALL_LOT          # [wad]
RESUME: public(constant(uint256)) = auctions.RESUME                     # [s]
LAPSE: public(constant(uint256)) = auctions.LAPSE                       # [s]


VAULT: public(immutable(IVault))
FUND: public(immutable(IInsuranceFund))


@deploy
def __init__(vault: IVault, exchange: IExchange, rebalancer: IRebalancer, fund: IInsuranceFund):
    """
    @param vault The vault, which must give this contract the LIQUIDATOR role.
    @param exchange Voids orders.
    @param rebalancer Rescues accounts.
    @param fund The insurance.
    """
    liquidation.__init__(vault, exchange, rebalancer)
    VAULT = vault
    FUND = fund


################################################################
#                            ANYONE                            #
################################################################


@external
def start(account: uint256, market: uint256, orders: DynArray[uint256, MAX_ORDERS]) -> bool:
    """
    @notice Open the auction of a book below maintenance that its account cannot cure. Open to all.
    @dev An auction that ended within the hour goes on at the age it had. One whose book was traded since is opened
         again, at the same age; else one that is on cannot be opened.
    @param account Vault account id, not the pool's.
    @param market Market id.
    @param orders Open orders of the account, to be voided if its margin alone does not cure the book.
    @return Whether the book is for sale; if not, its account has cured it.
    """
    started: uint256 = self._start(account, [market], orders)
    return started != 0


@external
def start_many(
    account: uint256, markets: DynArray[uint256, MAX_BOOKS], orders: DynArray[uint256, MAX_ORDERS]
) -> uint256:
    """
    @notice `start` for several books of an account at once: the rescue runs once. Open to all.
    @dev The first book must be below maintenance before; others that are not, or that the rescue cures, are skipped.
    @param account Vault account id, not the pool's.
    @param markets Market ids.
    @param orders Open orders of the account, to be voided if its margin alone does not cure the first book.
    @return How many of them are for sale.
    """
    return self._start(account, markets, orders)


@external
def bid(bid: ILiquidator.Bid) -> ILiquidator.Outcome:
    """
    @notice Buy a book that is for sale, or part of it. Owner or TRADE operator of the bidding account.
    @dev The account's rescue runs first; what cures the book stays, and nothing is sold. The bidder's book must have
         its initial margin afterwards.
    @param bid The bid.
    @return What it did.
    """
    return self._bid(bid, False)


@external
def bid_many(bids: DynArray[ILiquidator.Bid, MAX_BOOKS]) -> DynArray[ILiquidator.Outcome, MAX_BOOKS]:
    """
    @notice Several bids, one after the other, each as `bid`; none or all of them. Owner or TRADE operator.
    @dev Of a book that is healthy by then, since an earlier bid's rescue cured it, nothing is sold.
    @param bids The bids.
    @return What each did.
    """
    outcomes: DynArray[ILiquidator.Outcome, MAX_BOOKS] = []
    for bid: ILiquidator.Bid in bids:
        outcome: ILiquidator.Outcome = self._bid(bid, True)
        outcomes.append(outcome)
    return outcomes


@external
def bid_for_pool(account: uint256, market: uint256, orders: DynArray[uint256, MAX_ORDERS]) -> ILiquidator.Outcome:
    """
    @notice Let the pool buy what nobody wanted for POOL_TIME. Open to all.
    @dev The pool tops its book up to initial margin from its cash, and must have maintenance margin afterwards.
    @param account Vault account id.
    @param market Market id.
    @param orders Open orders of the account.
    @return What it did.
    """
    venue: IMarket = liquidation._live_venue(market)
    clock: uint256 = staticcall venue.clock()
    digest: uint256 = staticcall venue.legs_digest(account)
    age: uint256 = self._checked_age(account, market, clock, digest)
    assert age >= POOL_TIME, errors.NOT_POOLS_TURN

    risk: IMarket.BookRisk = staticcall venue.book_risk(account)
    risk = self._rescued(account, venue, orders, risk)
    if not liquidation._is_short(risk):
        return self._cured(account, market, clock)

    pool: uint256 = staticcall VAULT.pool_account()
    bid: ILiquidator.Bid = ILiquidator.Bid(
        account=account,
        market=market,
        fraction=fixed_point.WAD,
        bidder=pool,
        max_payment=max_value(int256),
        digest=digest,
        margin=0,
        orders=[],
    )
    outcome: ILiquidator.Outcome = self._sell(bid, self, venue, clock, risk, age)
    self._keep_pool(pool, market, venue)
    return outcome


@external
def stop(account: uint256, market: uint256):
    """
    @notice End the auction of a book that stands at a distance of 1 or more. Open to all.
    @param account Vault account id.
    @param market Market id.
    """
    venue: IMarket = liquidation._venue(market)
    extcall venue.settle()
    risk: IMarket.BookRisk = staticcall venue.book_risk(account)
    assert liquidation._is_safe(risk), errors.NOT_SAFE
    clock: uint256 = staticcall venue.clock()
    on: bool = self._end_if_on(account, market, clock)
    assert on, errors.NO_AUCTION


################################################################
#                            VIEWS                             #
################################################################


@external
@view
def offer(account: uint256, market: uint256) -> ILiquidator.Offer:
    """
    @notice What the auction asks now, as far as no rescue comes first.
    @dev Reverts if the market cannot price itself. Exact once the market is settled.
    @param account Vault account id.
    @param market Market id.
    @return The offer.
    """
    venue: IMarket = liquidation._venue(market)
    clock: uint256 = staticcall venue.clock()
    auction: auctions.Auction = auctions._auction(auctions._key(account, market))
    offered: ILiquidator.Offer = empty(ILiquidator.Offer)
    offered.age = auctions._age(auction, clock)
    offered.on = auctions._is_on(auction, clock)
    offered.opened = auction.opened
    offered.digest = staticcall venue.legs_digest(account)
    risk: IMarket.BookRisk = staticcall venue.book_risk(account)
    if not liquidation._is_short(risk):
        return offered

    offered.discount = auction_price._grown(MAX_DISCOUNT, offered.age)
    offered.limit = self._limit(risk, offered.discount)
    if risk.equity > 0:
        offered.payment, offered.penalty = auction_price._book_price(risk.equity, offered.limit, offered.discount)
    else:
        offered.bonus = auction_price._bonus(risk.maintenance, offered.age)
    return offered


################################################################
#                           INTERNAL                           #
################################################################


@internal
def _start(
    account: uint256, markets: DynArray[uint256, MAX_BOOKS], orders: DynArray[uint256, MAX_ORDERS]
) -> uint256:
    """
    @dev Rescues the account, then opens the auctions of what is still below maintenance. Returns how many.
    """
    pool: uint256 = staticcall VAULT.pool_account()
    assert account != pool, errors.POOL_BOOK
    started: uint256 = 0
    rescued: bool = False
    for market: uint256 in markets:
        venue: IMarket = liquidation._live_venue(market)
        risk: IMarket.BookRisk = staticcall venue.book_risk(account)
        if not rescued:
            risk = self._rescued(account, venue, orders, risk)
            rescued = True

        clock: uint256 = staticcall venue.clock()
        if not liquidation._is_short(risk):
            if market == markets[0]:
                self._end_if_on(account, market, clock)
            continue
        digest: uint256 = staticcall venue.legs_digest(account)
        age: uint256 = auctions._open(auctions._key(account, market), clock, digest)
        started += 1
        log ILiquidator.AuctionStarted(
            account=account, market=market, equity=risk.equity, maintenance=risk.maintenance, age=age
        )
    return started


@internal
def _bid(bid: ILiquidator.Bid, may_be_cured: bool) -> ILiquidator.Outcome:
    """
    @dev Rescues the account, then sells what is still below maintenance.
    """
    assert bid.fraction != 0 and bid.fraction <= fixed_point.WAD, errors.BAD_FRACTION
    venue: IMarket = liquidation._live_venue(bid.market)
    clock: uint256 = staticcall venue.clock()
    digest: uint256 = staticcall venue.legs_digest(bid.account)
    assert bid.digest == digest, errors.NOT_AS_SEEN
    age: uint256 = self._checked_age(bid.account, bid.market, clock, digest)

    risk: IMarket.BookRisk = staticcall venue.book_risk(bid.account)
    if may_be_cured and not liquidation._is_short(risk):
        return ILiquidator.Outcome(cured=True, fraction=0, payment=0, penalty=0, paid_by_insurance=0)
    risk = self._rescued(bid.account, venue, bid.orders, risk)
    if not liquidation._is_short(risk):
        return self._cured(bid.account, bid.market, clock)

    outcome: ILiquidator.Outcome = self._sell(bid, msg.sender, venue, clock, risk, age)
    bought: IMarket.BookRisk = staticcall venue.book_risk(bid.bidder)
    assert bought.equity >= convert(bought.initial, int256), errors.BIDDER_SHORT
    return outcome


@internal
def _rescued(
    account: uint256, venue: IMarket, orders: DynArray[uint256, MAX_ORDERS], before: IMarket.BookRisk
) -> IMarket.BookRisk:
    """
    @dev The book after its account's rescue; it must be below maintenance before.
    """
    assert liquidation._is_short(before), errors.BOOK_HEALTHY
    return liquidation._rescued_book(account, venue, orders, before)


@internal
@view
def _checked_age(account: uint256, market: uint256, clock: uint256, digest: uint256) -> uint256:
    """
    @dev Age of an auction that takes bids [s].
    """
    auction: auctions.Auction = auctions._auction(auctions._key(account, market))
    auctions._check_bid(auction, clock, digest)
    return auctions._age(auction, clock)


@internal
@pure
def _limit(risk: IMarket.BookRisk, discount: uint256) -> uint256:
    """
    @dev Most of the book that may be sold [wad].
    """
    needed: uint256 = auction_price._needed(risk.maintenance, risk.sigma_loss)
    return auction_price._book_limit(risk.equity, needed, risk.exposure, discount)


@internal
def _sell(
    bid: ILiquidator.Bid, actor: address, venue: IMarket, clock: uint256, risk: IMarket.BookRisk, age: uint256
) -> ILiquidator.Outcome:
    """
    @dev Sells what the bid wants and the limit allows; of a book at or below zero all of it, with what the insurance
         adds. No less than a small lot is sold, but for the last of it. The auction is over once the limit is sold.
    """
    liquidation._check_guarded(bid.account, bid.market, risk)
    discount: uint256 = auction_price._grown(MAX_DISCOUNT, age)
    limit: uint256 = self._limit(risk, discount)
    outcome: ILiquidator.Outcome = empty(ILiquidator.Outcome)
    outcome.fraction = min(bid.fraction, limit)
    if risk.equity > 0:
        outcome.payment, outcome.penalty = auction_price._book_price(risk.equity, outcome.fraction, discount)
        sold: uint256 = fixed_point._mul_wad_down(risk.exposure, outcome.fraction)
        assert outcome.fraction == limit or sold >= SMALL_LOT, errors.BID_TOO_SMALL
    else:
        outcome.fraction = limit
        outcome.paid_by_insurance = self._draw(bid.market, risk, age)

    net: int256 = convert(outcome.payment + outcome.penalty, int256) - convert(outcome.paid_by_insurance, int256)
    assert net <= bid.max_payment, errors.ABOVE_MAX_PAYMENT
    log ILiquidator.BookSold(
        account=bid.account,
        bidder=bid.bidder,
        market=bid.market,
        equity=risk.equity,
        fraction=outcome.fraction,
        discount=discount,
        payment=outcome.payment,
        penalty=outcome.penalty,
        paid_by_insurance=outcome.paid_by_insurance,
    )
    extcall liquidation.SEIZURES.seize_book(
        bid.account,
        bid.bidder,
        actor,
        bid.market,
        outcome.fraction,
        outcome.payment,
        outcome.penalty,
        bid.margin,
    )
    if outcome.paid_by_insurance != 0:
        extcall liquidation.SEIZURES.cover_deficit(bid.bidder, bid.market, outcome.paid_by_insurance)

    if outcome.fraction == limit:
        self._end_if_on(bid.account, bid.market, clock)
    else:
        self._go_on(bid.account, bid.market, venue, clock)
    return outcome


@internal
def _draw(market: uint256, risk: IMarket.BookRisk, age: uint256) -> uint256:
    """
    @dev What the insurance pays with a book at or below zero [wad]: the deficit, and of the bonus what it can. Where
         it cannot pay the deficit nobody may bid: `Deficits` assigns the loss.
    """
    deficit: uint256 = convert(-risk.equity, uint256)
    granted: uint256 = extcall FUND.draw(market, deficit + auction_price._bonus(risk.maintenance, age))
    assert granted >= deficit, errors.INSURANCE_SHORT
    return granted


@internal
def _keep_pool(pool: uint256, market: uint256, venue: IMarket):
    """
    @dev The pool's book gets its initial margin as far as there is cash, and has its maintenance margin.
    """
    risk: IMarket.BookRisk = staticcall venue.book_risk(pool)
    if risk.equity >= convert(risk.initial, int256):
        return
    short: uint256 = convert(convert(risk.initial, int256) - risk.equity, uint256)
    moved: uint256 = extcall VAULT.top_up_pool(market, short)
    assert risk.equity + convert(moved, int256) >= convert(risk.maintenance, int256), errors.POOL_BELOW_MARGIN


@internal
def _cured(account: uint256, market: uint256, clock: uint256) -> ILiquidator.Outcome:
    """
    @dev The account saved its book: the auction is over.
    """
    self._end_if_on(account, market, clock)
    outcome: ILiquidator.Outcome = empty(ILiquidator.Outcome)
    outcome.cured = True
    return outcome


@internal
def _go_on(account: uint256, market: uint256, venue: IMarket, clock: uint256):
    """
    @dev After a sale in part: the auction is over where what is left is safe, else it goes on with that.
    """
    risk: IMarket.BookRisk = staticcall venue.book_risk(account)
    if liquidation._is_safe(risk):
        self._end_if_on(account, market, clock)
    else:
        digest: uint256 = staticcall venue.legs_digest(account)
        auctions._mark_again(auctions._key(account, market), digest)


@internal
def _end_if_on(account: uint256, market: uint256, clock: uint256) -> bool:
    """
    @dev Ends an auction that is on. Whether it was.
    """
    key: uint256 = auctions._key(account, market)
    auction: auctions.Auction = auctions._auction(key)
    if not auctions._is_on(auction, clock):
        return False
    age: uint256 = auctions._age(auction, clock)
    auctions._end(key, clock)
    log ILiquidator.AuctionEnded(account=account, market=market, age=age)
    return True
