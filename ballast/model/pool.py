"""How the pool quotes, bit-exact with `contracts/LiquidityPool.vy`. Its money is an account of the vault's model."""

from __future__ import annotations

from dataclasses import dataclass

from ballast.model.errors import require
from ballast.model.fixed_point import WAD, isqrt_up, mul_div_up, mul_wad_down, mul_wad_up

YEAR = 365 * 86_400  # [s]
LATENCY = 12  # [s] a price is older than its round says by up to this
SIGMAS = 3  # how many standard deviations of drift an engine fill pays for

PPM = 10**12  # [wad] one part per million
MILLI = 10**15  # [wad] one thousandth of a unit

NO_QUOTE = "pool: no quote"
INVENTORY_LIMIT = "pool: inventory limit"
POOL_PARAMETER = "pool: parameter out of bounds"


@dataclass(frozen=True)
class QuoteConfig:
    """How the pool quotes one market."""

    base_spread: int  # [wad] half-spread at reference volatility
    reference_volatility: int  # [wad] annualised; the spread grows with σ_fast / this
    volatility_cap: int  # [wad] most that ratio may be
    deviation: int  # [wad] relative move at which the feed publishes a round
    impact_scale: int  # [wad units] inventory at which impact is 100 %
    max_inventory: int  # [wad units] most the pool will hold, either sign


class LiquidityPool:
    """Quotes by market id."""

    def __init__(self, account: int) -> None:
        self.account = account
        self._quotes: dict[int, QuoteConfig] = {}

    def set_quote(self, market: int, config: QuoteConfig) -> None:
        """Set how the pool quotes a market, within hard bounds."""
        _check_parameter(config.base_spread, 0, WAD // 20, PPM)
        _check_parameter(config.reference_volatility, WAD // 100, 10 * WAD, PPM)
        _check_parameter(config.volatility_cap, WAD, 10 * WAD, PPM)
        _check_parameter(config.deviation, 0, WAD // 5, PPM)
        _check_parameter(config.max_inventory, 0, 2**95 - 2**95 % MILLI, MILLI)
        _check_parameter(config.impact_scale, max(MILLI, 4 * config.max_inventory), 2**64 * MILLI - MILLI, MILLI)
        self._quotes[market] = config

    def quote_config(self, market: int) -> QuoteConfig:
        """How the pool quotes a market, all zero where it does not."""
        return self._quotes.get(market, QuoteConfig(0, 0, 0, 0, 0, 0))

    def order_price(
        self, market: int, size: int, price: int, fast_volatility: int, skew: int, reduce_only: bool
    ) -> int:
        """Fill price of a two-step order: oracle price ± spread ± impact where |skew| grows, against the trader."""
        config = self._config(market)
        rate = spread(config, fast_volatility) + _impact(config, skew, size, reduce_only)
        return mul_wad_up(price, WAD + rate) if size > 0 else mul_wad_down(price, WAD - rate)

    def engine_rate(self, market: int, fast_volatility: int, age: int) -> int:
        """Half-spread of a synchronous engine fill at a price of this age, rounded up."""
        config = self._config(market)
        root = isqrt_up(mul_div_up(age + LATENCY, WAD * WAD, YEAR))
        drift = mul_wad_up(SIGMAS * fast_volatility, root)
        return spread(config, fast_volatility) + min(config.deviation, drift)

    def _config(self, market: int) -> QuoteConfig:
        require(market in self._quotes, NO_QUOTE)
        return self._quotes[market]


def spread(config: QuoteConfig, fast_volatility: int) -> int:
    """⌈base · clamp(σ_fast / σ_reference, 1, cap)⌉ [wad]."""
    ratio = mul_div_up(fast_volatility, WAD, config.reference_volatility)
    return mul_wad_up(config.base_spread, max(WAD, min(ratio, config.volatility_cap)))


def _impact(config: QuoteConfig, skew: int, size: int, reduce_only: bool) -> int:
    """The mean of skew / scale along the trade [wad], at most that at the limit; nothing where |skew| does not grow."""
    before, after = abs(skew), abs(skew + size)
    if after <= before:
        return 0
    require(reduce_only or after <= config.max_inventory, INVENTORY_LIMIT)
    impact = mul_div_up(after * after - before * before, WAD, 2 * config.impact_scale * abs(size))
    return min(impact, mul_div_up(config.max_inventory, WAD, config.impact_scale))


def _check_parameter(number: int, low: int, high: int, unit: int) -> None:
    """Within its bounds, and a multiple of the unit it is stored in."""
    require(low <= number <= high and number % unit == 0, POOL_PARAMETER)
