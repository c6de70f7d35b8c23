# pragma version 0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title Auctions of the collateral of accounts in debt
@license AGPL-3.0-only
@notice A treasury in debt below its maintenance margin is rescued by the account's own books first, in the same
        transaction. Where that fails, its tokens are sold in Dutch auctions, token by token, until the rest is safe.
        What is paid repays the debt; no more is sold than that takes.
@dev The discount stays below half of what the token's liquidation threshold leaves, so that every sale improves the
     treasury. A token without a price counts for nothing in the treasury's risk. Nobody is liquidated for that at once,
     but after two hours of the auction in which its feed was silent: else whoever holds a speck of a dead token could
     not be liquidated at all.
@custom:security As in `Liquidator`, an auction is opened in one block and bid for in later ones.
@custom:kill Revoke the role with `Vault.set_engine(auctions, 0)`: no collateral is sold, and nothing else stops.
"""

from interfaces import ICollateralAuctions
from interfaces import ICollateralModel
from interfaces import IExchange
from interfaces import IPriceOracle
from interfaces import IRebalancer
from interfaces import IVault
implements: ICollateralAuctions

from .modules import auction_price
from .modules import auctions
from .modules import errors
from .modules import fixed_point
from .modules import liquidation
from .modules import risk_model
initializes: auctions
initializes: liquidation


MAX_ORDERS: constant(uint256) = 32
MAX_TOKENS: constant(uint256) = 8

RAMP: public(constant(uint256)) = auction_price.RAMP                    # [s]
MAX_DISCOUNT: public(constant(uint256)) = auction_price.MAX_COLLATERAL_DISCOUNT # [wad]
PENALTY_SHARE: public(constant(uint256)) = auction_price.PENALTY_SHARE  # [wad]
TARGET_DISTANCE: public(constant(uint256)) = auction_price.TARGET_DISTANCE  # [wad]
SMALL_LOT: public(constant(uint256)) = auction_price.SMALL_LOT          # [wad]
RESUME: public(constant(uint256)) = auctions.RESUME                     # [s]
LAPSE: public(constant(uint256)) = auctions.LAPSE                       # [s]
PATIENCE: public(constant(uint256)) = liquidation.PATIENCE              # [s] since the opening, without a price


# A token of an account, as the auction sees it
struct Lot:
    price: uint256      # [wad] of the oracle
    held: uint256       # [wad units]
    discount: uint256   # [wad]
    limit: uint256      # [wad units] most that may be sold


VAULT: public(immutable(IVault))
ORACLE: public(immutable(IPriceOracle))


@deploy
def __init__(vault: IVault, exchange: IExchange, rebalancer: IRebalancer, oracle: IPriceOracle):
    """
    @param vault The vault, which must give this contract the LIQUIDATOR role.
    @param exchange Voids orders.
    @param rebalancer Rescues accounts.
    @param oracle Prices tokens.
    """
    liquidation.__init__(vault, exchange, rebalancer)
    VAULT = vault
    ORACLE = oracle


################################################################
#                            ANYONE                            #
################################################################


@external
def start(account: uint256, index: uint256, orders: DynArray[uint256, MAX_ORDERS]) -> bool:
    """
    @notice Open the auction of a token of a treasury below maintenance that its account cannot cure. Open to all.
    @dev An auction that ended within the hour goes on at the age it had.
    @param account Vault account id.
    @param index Index of the token in the vault.
    @param orders Open orders of the account, to be voided if its margin alone does not cure the treasury.
    @return Whether the token is for sale; if not, the account has cured its treasury.
    """
    feed: uint256 = self._consumed_feed(index)
    cash: int256 = 0
    risk: ICollateralModel.TreasuryRisk = empty(ICollateralModel.TreasuryRisk)
    cash, risk = self._rescued(account, orders, 0)
    clock: uint256 = self._clock(feed)
    if not liquidation._is_treasury_short(risk):
        self._end_if_on(account, index, clock)
        return False

    held: uint256 = (staticcall VAULT.collateral_of(account))[index]
    assert held != 0, errors.INSUFFICIENT_COLLATERAL
    age: uint256 = auctions._open(auctions._key(account, index), clock, 0)
    log ICollateralAuctions.AuctionStarted(
        account=account, index=index, equity=risk.equity, maintenance=risk.maintenance, age=age
    )
    return True


@external
def bid(bid: ICollateralAuctions.Bid) -> ICollateralAuctions.Outcome:
    """
    @notice Buy tokens that are for sale. Owner or TRADE operator of the bidding account.
    @dev The account's rescue runs first; what cures the treasury stays, and nothing is sold.
    @param bid The bid.
    @return What it did.
    """
    assert bid.amount != 0, errors.ZERO_AMOUNT
    feed: uint256 = self._consumed_feed(bid.index)
    clock: uint256 = self._clock(feed)
    auction: auctions.Auction = auctions._auction(auctions._key(bid.account, bid.index))
    auctions._check_bid(auction, clock, 0)

    cash: int256 = 0
    risk: ICollateralModel.TreasuryRisk = empty(ICollateralModel.TreasuryRisk)
    cash, risk = self._rescued(bid.account, bid.orders, auction.opened)
    outcome: ICollateralAuctions.Outcome = empty(ICollateralAuctions.Outcome)
    if not liquidation._is_treasury_short(risk):
        self._end_if_on(bid.account, bid.index, clock)
        outcome.cured = True
        return outcome

    assert liquidation._counts(bid.account, risk, auction.opened), errors.PRICE_MISSING
    lot: Lot = self._lot(bid.account, bid.index, feed, cash, risk, auctions._age(auction, clock))
    return self._sell(bid, lot)


@external
def stop(account: uint256, index: uint256):
    """
    @notice End the auction of a treasury that stands at a distance of 1 or more. Open to all.
    @param account Vault account id.
    @param index Index of the token in the vault.
    """
    clock: uint256 = self._clock(self._consumed_feed(index))
    risk: ICollateralModel.TreasuryRisk = liquidation._treasury(account)[1]
    assert self._is_safe(risk), errors.NOT_SAFE
    on: bool = self._end_if_on(account, index, clock)
    assert on, errors.NO_AUCTION


################################################################
#                            VIEWS                             #
################################################################


@external
@view
def offer(account: uint256, index: uint256) -> ICollateralAuctions.Offer:
    """
    @notice What the auction asks now, as far as no rescue comes first.
    @dev Reverts if the token has no price. Exact once the feed's rounds are consumed.
    @param account Vault account id.
    @param index Index of the token in the vault.
    @return The offer.
    """
    feed: uint256 = self._feed(index)
    clock: uint256 = self._clock(feed)
    auction: auctions.Auction = auctions._auction(auctions._key(account, index))
    offered: ICollateralAuctions.Offer = empty(ICollateralAuctions.Offer)
    offered.age = auctions._age(auction, clock)
    offered.on = auctions._is_on(auction, clock)
    offered.opened = auction.opened
    treasury: IVault.Treasury = empty(IVault.Treasury)
    risk: ICollateralModel.TreasuryRisk = empty(ICollateralModel.TreasuryRisk)
    treasury, risk = liquidation._treasury(account)
    if not liquidation._is_treasury_short(risk):
        return offered

    lot: Lot = self._lot(account, index, feed, treasury.cash, risk, offered.age)
    offered.discount = lot.discount
    offered.limit = lot.limit
    offered.payment, offered.penalty = self._asked(lot, lot.limit)
    return offered


################################################################
#                           INTERNAL                           #
################################################################


@internal
@view
def _feed(index: uint256) -> uint256:
    """
    @dev The feed of a token.
    """
    assert index < MAX_TOKENS, errors.UNKNOWN_TOKEN
    model: ICollateralModel = liquidation._model()
    feed: uint256 = (staticcall model.config(index)).feed_id
    assert feed != 0, errors.UNKNOWN_TOKEN
    return feed


@internal
def _consumed_feed(index: uint256) -> uint256:
    """
    @dev The same, with its rounds consumed.
    """
    feed: uint256 = self._feed(index)
    extcall ORACLE.consume(feed)
    return feed


@internal
@view
def _clock(feed: uint256) -> uint256:
    """
    @dev Active time: seconds in which the feed gave a price [s].
    """
    silence: uint256 = staticcall ORACLE.silence(feed)
    return block.timestamp - silence


@internal
@pure
def _is_safe(risk: ICollateralModel.TreasuryRisk) -> bool:
    """
    @dev At a distance of 1 or more.
    """
    return risk.equity >= convert(risk.maintenance + risk.sigma_loss, int256)


@internal
def _rescued(
    account: uint256, orders: DynArray[uint256, MAX_ORDERS], since: uint256
) -> (int256, ICollateralModel.TreasuryRisk):
    """
    @dev Cash and risk of the treasury after the account's rescue; it must be below maintenance before.
    """
    risk: ICollateralModel.TreasuryRisk = liquidation._treasury(account)[1]
    assert liquidation._is_treasury_short(risk), errors.TREASURY_HEALTHY
    treasury: IVault.Treasury = empty(IVault.Treasury)
    treasury, risk = liquidation._rescued_treasury(account, orders, since)
    return treasury.cash, risk


@internal
@view
def _lot(
    account: uint256, index: uint256, feed: uint256, cash: int256, risk: ICollateralModel.TreasuryRisk, age: uint256
) -> Lot:
    """
    @dev What of the token is for sale now. The limit is rounded up, so that the target is reached. Of a treasury at or
         below zero all of it would be sold: not while its price has jumped and nothing confirms it.
    """
    quote: IPriceOracle.Quote = staticcall ORACLE.quote(feed)
    assert risk.equity > 0 or not quote.unconfirmed, errors.RESCUE_SUSPENDED
    model: ICollateralModel = liquidation._model()
    threshold: uint256 = staticcall model.threshold(index)
    held: uint256 = (staticcall VAULT.collateral_of(account))[index]
    discount: uint256 = auction_price._grown(auction_price._collateral_bound(threshold), age)

    worth: uint256 = fixed_point._mul_wad_up(held, quote.price)
    sigma_rate: uint256 = fixed_point._mul_wad_down(quote.fast_volatility, risk_model.SQRT_HORIZON)
    limit: uint256 = auction_price._collateral_limit(
        risk.equity,
        auction_price._needed(risk.maintenance, risk.sigma_loss),
        convert(-cash, uint256),
        worth,
        auction_price._relief(threshold, min(sigma_rate, risk_model.MAX_SIGMA_RATE)),
        discount,
    )
    units: uint256 = held
    if limit < worth:
        units = min(held, fixed_point._mul_div_up(limit, fixed_point.WAD, quote.price))
    return Lot(price=quote.price, held=held, discount=discount, limit=units)


@internal
@pure
def _asked(lot: Lot, amount: uint256) -> (uint256, uint256):
    """
    @dev Payment and penalty for so much of a lot [wad].
    """
    return auction_price._price(fixed_point._mul_wad_up(amount, lot.price), lot.discount)


@internal
def _sell(bid: ICollateralAuctions.Bid, lot: Lot) -> ICollateralAuctions.Outcome:
    """
    @dev Sells what the bid wants and the limit allows, no less than a small lot but for the last of it.
    """
    outcome: ICollateralAuctions.Outcome = empty(ICollateralAuctions.Outcome)
    outcome.amount = min(bid.amount, lot.limit)
    outcome.payment, outcome.penalty = self._asked(lot, outcome.amount)
    total: uint256 = outcome.payment + outcome.penalty
    assert total <= fixed_point._mul_wad_down(outcome.amount, bid.max_price), errors.ABOVE_MAX_PAYMENT
    worth: uint256 = fixed_point._mul_wad_down(outcome.amount, lot.price)
    assert outcome.amount == lot.limit or worth >= SMALL_LOT, errors.BID_TOO_SMALL

    log ICollateralAuctions.CollateralSold(
        account=bid.account,
        bidder=bid.bidder,
        index=bid.index,
        amount=outcome.amount,
        price=lot.price,
        discount=lot.discount,
        payment=outcome.payment,
        penalty=outcome.penalty,
    )
    extcall liquidation.SEIZURES.seize_collateral(
        bid.account, bid.bidder, msg.sender, bid.index, outcome.amount, outcome.payment, outcome.penalty
    )
    after: ICollateralModel.TreasuryRisk = liquidation._treasury(bid.account)[1]
    if self._is_safe(after):
        self._end_if_on(bid.account, bid.index, self._clock(self._feed(bid.index)))
    return outcome


@internal
def _end_if_on(account: uint256, index: uint256, clock: uint256) -> bool:
    """
    @dev Ends an auction that is on. Whether it was.
    """
    key: uint256 = auctions._key(account, index)
    auction: auctions.Auction = auctions._auction(key)
    if not auctions._is_on(auction, clock):
        return False
    age: uint256 = auctions._age(auction, clock)
    auctions._end(key, clock)
    log ICollateralAuctions.AuctionEnded(account=account, index=index, age=age)
    return True
