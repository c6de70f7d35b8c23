# pragma version 0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title What a book of perpetuals needs, as a calculator
@license AGPL-3.0-only
@notice The markets compile `modules/risk_model.vy` in, because a call would cost 700 gas a book. This is the same
        module behind external functions, for integrators, previews and tests. It has no state and no owner.
@custom:kill Nothing to kill: it has no rights.
"""

from interfaces import IMarket
from interfaces import IPriceOracle
from interfaces import IRiskModel

from contracts.modules import risk_model

implements: IRiskModel


# ------------------------------------------------------------------------------------------------
# Anyone
# ------------------------------------------------------------------------------------------------


@external
@pure
def book_risk(
    params: IRiskModel.RiskParams,
    quote: IPriceOracle.Quote,
    size: int256,
    base: int256,
    funding: int256,
    gates: uint256,
) -> IMarket.BookRisk:
    """
    @notice The risk of a book of perpetuals.
    @dev Arguments beyond the slots' widths (see the module) may overflow silently.
    @param params The market's risk parameters.
    @param quote Prices and volatilities.
    @param size Signed size [wad units].
    @param base The book's base [wad].
    @param funding Cumulative funding per unit [wad].
    @param gates What the market's state allows, bits of `IMarket`.
    @return The book's risk.
    """
    return risk_model._book_risk(risk_model._mark(params, quote, funding, gates, 0), size, base)


@external
@pure
def price_range(params: IRiskModel.RiskParams, volatility: uint256) -> uint256:
    """
    @notice Relative price move that margin must survive.
    @param params The market's risk parameters.
    @param volatility Annualised [wad].
    @return Relative move [wad], rounded up.
    """
    return risk_model._price_range(params, volatility)


@external
@pure
def liquidation_price(
    params: IRiskModel.RiskParams, slow_volatility: uint256, size: int256, base: int256, funding: int256
) -> uint256:
    """
    @notice Oracle price at which the book's equity meets its maintenance margin at the present slow volatility.
    @param params The market's risk parameters.
    @param slow_volatility Annualised [wad].
    @param size Signed size [wad units].
    @param base The book's base [wad].
    @param funding Cumulative funding per unit [wad].
    @return Price per unit [wad]; 0 where no price liquidates the book.
    """
    maintenance_rate: uint256 = risk_model._price_range(params, slow_volatility) + params.close_rate
    return risk_model._liquidation_price(maintenance_rate, size, base, funding)
