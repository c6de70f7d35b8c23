# pragma version 0.4.3
"""
@title What every liquidation begins with
@license AGPL-3.0-only
@notice The account saves itself first, under its own policy, in the same transaction; what its orders hold in escrow is
        returned to it where that alone is not enough. Only what is left then is sold, or charged to others.
@dev Orders that the caller does not name keep nobody off, unless they hold enough to save the book: the owner of an
     account that is being liquidated could commit a new one in every block.
"""

from interfaces import ICollateralModel
from interfaces import IExchange
from interfaces import IMarket
from interfaces import IRebalancer
from interfaces import ISeizures
from interfaces import IVault

from . import errors


MAX_ORDERS: constant(uint256) = 32
FILL: constant(uint256) = 8     # gate of a market: the engine may put margin in
PATIENCE: constant(uint256) = 7_200 # [s] in which a token without a price may get one again


VAULT: immutable(IVault)
SEIZURES: immutable(ISeizures)      # the vault's other face
EXCHANGE: immutable(IExchange)
REBALANCER: immutable(IRebalancer)


@deploy
def __init__(vault: IVault, exchange: IExchange, rebalancer: IRebalancer):
    """
    @param vault The vault, which must give the contract the LIQUIDATOR role.
    @param exchange Voids orders.
    @param rebalancer Rescues accounts.
    """
    VAULT = vault
    SEIZURES = ISeizures(vault.address)
    EXCHANGE = exchange
    REBALANCER = rebalancer


################################################################
#                            BOOKS                             #
################################################################


@internal
@view
def _venue(market: uint256) -> IMarket:
    """
    @dev The market's contract.
    """
    venue: address = (staticcall VAULT.market(market))[0]
    assert venue != empty(address), errors.UNKNOWN_MARKET
    return IMarket(venue)


@internal
def _live_venue(market: uint256) -> IMarket:
    """
    @dev The same with its rounds consumed; not in the hour after a halt, in which owners act first.
    """
    venue: IMarket = self._venue(market)
    live_at: uint256 = staticcall venue.live_at()
    assert block.timestamp >= live_at, errors.MARKET_GRACE
    extcall venue.settle()
    return venue


@internal
@pure
def _is_short(risk: IMarket.BookRisk) -> bool:
    """
    @dev Below maintenance margin.
    """
    return risk.equity < convert(risk.maintenance, int256)


@internal
@pure
def _is_safe(risk: IMarket.BookRisk) -> bool:
    """
    @dev At a distance of 1 or more; a book without legs is infinitely far.
    """
    return risk.sigma_loss == 0 or risk.equity >= convert(risk.maintenance + risk.sigma_loss, int256)


@internal
@pure
def _check_final(risk: IMarket.BookRisk):
    """
    @dev A book at or below zero is lost as a whole, and insurance pays: not while its market is halted or its price has
         jumped and nothing confirms it, when the engine may not fill it.
    """
    assert risk.gates & FILL != 0, errors.RESCUE_SUSPENDED


@internal
def _rescued_book(
    account: uint256, venue: IMarket, orders: DynArray[uint256, MAX_ORDERS], before: IMarket.BookRisk
) -> IMarket.BookRisk:
    """
    @dev The book after all that its account does for it.
    """
    risk: IMarket.BookRisk = self._after_rescue(account, venue, before)
    if self._is_short(risk) and len(orders) != 0:
        extcall EXCHANGE.void_for_liquidation(account, orders)
        risk = self._after_rescue(account, venue, risk)
    if self._is_short(risk):
        treasury: IVault.Treasury = staticcall VAULT.treasury(account)
        spare: int256 = convert(treasury.escrow, int256)
        if spare != 0:  # together with cash that alone was too little
            spare += max(treasury.cash, 0)
        assert risk.equity + spare < convert(risk.maintenance, int256), errors.ORDERS_OPEN
    return risk


@internal
@view
def _check_guarded(account: uint256, market: uint256, risk: IMarket.BookRisk):
    """
    @dev While its market holds the engine back, a book that its account has the means to save is not sold: for as long
         as it has them, so that waiting costs nobody else. Nor is one at or below zero.
    """
    if risk.gates & FILL == 0:
        held: bool = risk.equity <= 0 or staticcall REBALANCER.would_cure(account, market)
        assert not held, errors.RESCUE_SUSPENDED


@internal
def _after_rescue(account: uint256, venue: IMarket, before: IMarket.BookRisk) -> IMarket.BookRisk:
    """
    @dev The book after its account's rescue; as it was where that did nothing.
    """
    plans: uint256 = extcall REBALANCER.rescue(account)
    if plans == 0:
        return before
    return staticcall venue.book_risk(account)


################################################################
#                          TREASURIES                          #
################################################################


@internal
@view
def _treasury(account: uint256) -> (IVault.Treasury, ICollateralModel.TreasuryRisk):
    """
    @dev An account's treasury, and its risk.
    """
    treasury: IVault.Treasury = staticcall VAULT.treasury(account)
    return treasury, staticcall self._model().treasury_risk(account, treasury.cash)


@internal
@view
def _model() -> ICollateralModel:
    """
    @dev What says how much collateral is worth.
    """
    return ICollateralModel(staticcall VAULT.collateral_model())


@internal
@view
def _counts(account: uint256, risk: ICollateralModel.TreasuryRisk, since: uint256) -> bool:
    """
    @dev Whether the risk of a treasury may be acted on: every token has a price, or those that have none have had none
         for PATIENCE, and that long ago, `since`, it was made known. A feed that stumbles twice is no dead feed.
    """
    if risk.complete:
        return True
    if since == 0 or block.timestamp < since + PATIENCE:
        return False
    return (staticcall self._model().unpriced(account))[1] >= PATIENCE


@internal
@pure
def _is_treasury_short(risk: ICollateralModel.TreasuryRisk) -> bool:
    """
    @dev In debt, and below maintenance margin.
    """
    return risk.equity < convert(risk.maintenance, int256)


@internal
def _rescued_treasury(
    account: uint256, orders: DynArray[uint256, MAX_ORDERS], since: uint256
) -> (IVault.Treasury, ICollateralModel.TreasuryRisk):
    """
    @dev The treasury, in distress since then, after all that the account does for it. No order is voided for a feed
         that stumbles.
    """
    extcall REBALANCER.rescue(account)
    treasury: IVault.Treasury = empty(IVault.Treasury)
    risk: ICollateralModel.TreasuryRisk = empty(ICollateralModel.TreasuryRisk)
    treasury, risk = self._treasury(account)
    if self._is_treasury_short(risk) and len(orders) != 0 and self._counts(account, risk, since):
        extcall EXCHANGE.void_for_liquidation(account, orders)
        extcall REBALANCER.rescue(account)
        treasury, risk = self._treasury(account)
    if self._is_treasury_short(risk):
        equity: int256 = risk.equity + convert(treasury.escrow, int256)
        assert equity < convert(risk.maintenance, int256), errors.ORDERS_OPEN
    return treasury, risk
