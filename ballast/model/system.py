"""The whole protocol in integers: the parts wired as `ballast.deploy.Protocol` wires the contracts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ballast.model.exchange import Exchange, FeeConfig
from ballast.model.market import Market, MarketConfig
from ballast.model.oracle import Feed, FeedConfig
from ballast.model.pool import LiquidityPool, QuoteConfig
from ballast.model.rebalancer import Rebalancer
from ballast.model.shares import Shares
from ballast.model.vault import EXCHANGE, REBALANCER, Vault
from ballast.params import MarketParams, Params

OWNER = "owner"


@dataclass
class System:
    """Every part; markets and feeds by id, which count from 1 in the order of the parameters."""

    vault: Vault
    pool: LiquidityPool
    shares: Shares
    markets: dict[int, Market]
    rebalancer: Rebalancer
    exchange: Exchange

    @classmethod
    def deploy(cls, params: Params, decimals: int, times: Mapping[int, int], now: int) -> System:
        """The state right after a deployment: `times` are those of the feeds' first rounds [s]."""
        vault = Vault(decimals, params.vault.pool_share, OWNER)
        markets: dict[int, Market] = {}
        shares = Shares(vault, markets, OWNER)
        pool = LiquidityPool(shares.account)
        for id_, (_, market) in enumerate(params.markets.items(), 1):
            feed = Feed(_feed_config(market), market.feed.decimals)
            feed.publish(market.feed.price // 10 ** (18 - market.feed.decimals), times[id_])
            feed.set_feed(now, market.feed.price)
            config = MarketConfig(**market.risk.model_dump())
            markets[id_] = Market(id_, feed, pool, config, now)
            pool.set_quote(id_, QuoteConfig(**market.quote.model_dump()))

        rebalancer = Rebalancer(vault, markets, list(params.markets).index(params.rebalancer.native) + 1)
        exchange = Exchange(vault, markets, rebalancer, OWNER)
        system = cls(vault, pool, shares, markets, rebalancer, exchange)
        system._wire(params, now)
        return system

    def _wire(self, params: Params, now: int) -> None:
        self.vault.set_pool(OWNER, self.pool.account)
        self.vault.set_engine(OWNER, self.exchange, EXCHANGE)
        self.vault.set_engine(OWNER, self.rebalancer, REBALANCER)
        self.vault.set_guardian(OWNER, OWNER)
        self.shares.set_rebalancer(OWNER, self.rebalancer)
        self.shares.set_max_assets(OWNER, params.pool.max_assets)
        self.exchange.set_execution_fee(OWNER, params.exchange.execution_fee)
        for id_, market in enumerate(params.markets.values(), 1):
            self.vault.add_market(OWNER, self.markets[id_])
            self.vault.set_meter(OWNER, id_, market.meter, now=now)
            self.exchange.set_fees(OWNER, id_, FeeConfig(**market.fees.model_dump()))
        if params.pool.funding:
            self.shares.seed(OWNER, params.pool.funding // self.vault.scale)


def _feed_config(market: MarketParams) -> FeedConfig:
    names = FeedConfig.__dataclass_fields__
    return FeedConfig(**{name: value for name, value in market.feed.model_dump().items() if name in names})
