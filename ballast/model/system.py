"""The whole protocol in integers: the parts wired as `ballast.deploy.Protocol` wires the contracts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from operator import attrgetter

from ballast.model.collateral import CollateralConfig, CollateralModel
from ballast.model.collateral_auctions import CollateralAuctions
from ballast.model.credit import CreditPool, RateConfig
from ballast.model.deficits import Deficits
from ballast.model.exchange import Exchange, FeeConfig
from ballast.model.insurance import TREASURIES, InsuranceFund
from ballast.model.liquidation import Liquidator
from ballast.model.market import Market, MarketConfig
from ballast.model.oracle import Feed, FeedConfig, Sequencer, Told
from ballast.model.policy import Policy
from ballast.model.pool import LiquidityPool, QuoteConfig
from ballast.model.rebalancer import Rebalancer
from ballast.model.shares import Shares
from ballast.model.vault import EXCHANGE, LIQUIDATOR, REBALANCER, Vault
from ballast.params import FeedParams, Params

OWNER = "owner"


@dataclass
class System:
    """Every part; markets and feeds by id, which count from 1 in the order of the parameters."""

    vault: Vault
    pool: LiquidityPool
    shares: Shares
    markets: dict[int, Market]
    feeds: dict[int, Feed]
    collateral_model: CollateralModel
    rebalancer: Rebalancer
    exchange: Exchange
    insurance: InsuranceFund
    credit: CreditPool
    liquidator: Liquidator
    collateral_auctions: CollateralAuctions
    deficits: Deficits

    @classmethod
    def deploy(cls, params: Params, decimals: int, times: Mapping[int, int], now: int) -> System:
        """The state right after a deployment: `times` are those of the feeds' first rounds [s]."""
        vault = Vault(decimals, params.vault.pool_share, OWNER, insurance_share=params.vault.insurance_share)
        markets: dict[int, Market] = {}
        shares = Shares(vault, markets, OWNER)
        insurance = InsuranceFund(vault, OWNER)
        credit = CreditPool(vault, insurance.account, now, OWNER)
        pool = LiquidityPool(shares.account)
        feeds: dict[int, Feed] = {}
        for id_, market in enumerate(params.markets.values(), 1):
            feeds[id_] = _feed(market.feed, times.get(id_, now), now)
            config = MarketConfig(**market.risk.model_dump())
            markets[id_] = Market(id_, feeds[id_], pool, config, now)
            pool.set_quote(id_, QuoteConfig(**market.quote.model_dump()))
        for name, token in params.collateral.items():
            if token.feed is not None:
                feeds[params.feed_id(name)] = _feed(token.feed, times.get(params.feed_id(name), now), now)

        collateral_model = CollateralModel(vault, feeds, OWNER)
        native = list(params.markets).index(params.rebalancer.native) + 1
        rebalancer = Rebalancer(vault, markets, native, collateral_model)
        exchange = Exchange(vault, markets, rebalancer, OWNER)
        engines = vault, markets, feeds, exchange, rebalancer, collateral_model, insurance
        system = cls(
            vault,
            pool,
            shares,
            markets,
            feeds,
            collateral_model,
            rebalancer,
            exchange,
            insurance,
            credit,
            Liquidator(*engines),
            CollateralAuctions(*engines),
            Deficits(*engines),
        )
        system._wire(params, now)
        return system

    def _wire(self, params: Params, now: int) -> None:
        self.vault.set_pool(OWNER, self.pool.account)
        self.vault.set_insurance(OWNER, self.insurance.account)
        self.vault.set_credit_pool(OWNER, self.credit)
        self.vault.set_engine(OWNER, self.exchange, EXCHANGE)
        self.vault.set_engine(OWNER, self.rebalancer, REBALANCER)
        for engine in (self.liquidator, self.collateral_auctions, self.deficits):
            self.vault.set_engine(OWNER, engine, LIQUIDATOR)
        self.insurance.set_deficits(OWNER, partial(attrgetter("insolvencies"), self.deficits))
        self.credit.set_deficits(OWNER, partial(attrgetter("insolvent_debts"), self.deficits))
        self.vault.set_guardian(OWNER, OWNER)
        self.shares.set_rebalancer(OWNER, self.rebalancer)
        self.shares.set_policy(OWNER, Policy(**params.pool.policy.model_dump()), now=now)
        self.shares.set_max_assets(OWNER, params.pool.max_assets)
        self.exchange.set_execution_fee(OWNER, params.exchange.execution_fee)
        for id_, market in enumerate(params.markets.values(), 1):
            self.vault.add_market(OWNER, self.markets[id_])
            self.vault.set_meter(OWNER, id_, market.meter, now=now)
            self.insurance.set_draw_cap(OWNER, id_, market.draw_cap, now=now)
            self.exchange.set_fees(OWNER, id_, FeeConfig(**market.fees.model_dump()))
        self.vault.set_collateral_model(OWNER, self.collateral_model)
        for index, (name, token) in enumerate(params.collateral.items()):
            self.vault.add_collateral(OWNER, name, token.decimals, token.cap)
            haircuts = CollateralConfig(params.feed_id(name), token.ltv, token.liquidation_threshold)
            self.collateral_model.set_config(OWNER, index, haircuts, now=now)
        rates = params.credit.model_dump(exclude={"max_assets", "max_debt"})
        self.credit.set_rate_config(OWNER, RateConfig(**rates), now=now)
        self.credit.set_limits(OWNER, params.credit.max_assets, params.credit.max_debt)
        self.insurance.set_draw_cap(OWNER, TREASURIES, params.insurance.treasury_cap, now=now)
        if params.oracle.sequencer is not None:
            sequencer = Sequencer(params.oracle.sequencer.grace, Told(1, 0, now, now, 1))
            for feed in self.feeds.values():
                feed.sequencer = sequencer
        if params.pool.funding:
            self.shares.seed(OWNER, params.pool.funding // self.vault.scale)


def _feed(params: FeedParams, first: int, now: int) -> Feed:
    """A feed after its first round at time `first` [s], with its second feed where there is one."""
    fields = params.struct("")
    config = FeedConfig(**{name: fields[name] for name in FeedConfig.__dataclass_fields__})
    feed = Feed(config, params.decimals)
    feed.publish(params.price // 10 ** (18 - params.decimals), first)
    if params.second is not None:
        feed.second_decimals = params.second.decimals
        feed.second = Told(1, params.price // 10 ** (18 - params.second.decimals), first, first, 1)
    feed.set_feed(now, params.price)
    return feed
