"""The same accounts with the engine off, in the integer model: what "without" means in the demonstration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields

from ballast.client.units import to_wad
from ballast.demo.stage import Stage
from ballast.history.feed import Tick
from ballast.model.collateral import CollateralConfig, CollateralModel
from ballast.model.fixed_point import WAD, mul_wad_up
from ballast.model.market import Book, Market, MarketConfig
from ballast.model.oracle import Feed, FeedConfig
from ballast.model.pool import LiquidityPool, QuoteConfig
from ballast.model.risk import BookRisk
from ballast.model.vault import Vault


def penalty(exposure: int, rate: int, margin: int) -> int:
    """What a lost book pays until liquidation exists: a share of its notional, at most what is left of it [wad]."""
    return min(mul_wad_up(exposure, rate), max(margin, 0))


@dataclass
class Ghost:
    """An account whose engine never runs."""

    cash: int  # [wad]
    symbols: Sequence[str]
    lost: list[str] = field(default_factory=list)
    penalties: int = 0  # [wad]


@dataclass
class Shadow:
    """Feeds from the first round on; markets and accounts from the moment at which all orders were filled."""

    feeds: Mapping[str, Feed]
    penalty_rate: int  # [wad] of notional
    markets: dict[str, Market] = field(default_factory=dict)
    ghosts: dict[int, Ghost] = field(default_factory=dict)
    now: int = 0
    collateral: CollateralModel | None = None

    def publish(self, tick: Tick) -> None:
        """Let the feeds publish and the oracle consume."""
        self.now = tick.time
        for symbol, answer in tick.answers.items():
            self.feeds[symbol].publish(answer, tick.time)
            self.feeds[symbol].consume(tick.time)

    def step(self, tick: Tick) -> None:
        """One moment: publish, then close what fell below its maintenance margin."""
        self.publish(tick)
        for symbol in tick.answers:
            market = self.markets.get(symbol)
            holders = [
                id_ for id_, ghost in self.ghosts.items() if symbol in ghost.symbols and symbol not in ghost.lost
            ]
            if market is None or not holders:
                continue
            for id_, risk in zip(holders, market.book_risks(holders, self.now), strict=True):
                if risk.equity < risk.maintenance:
                    self._close(market, symbol, id_, risk)

    def equity(self, account: int) -> int:
        """Cash, all books, and what the collateral counts for, now [wad]."""
        ghost = self.ghosts[account]
        credit = self.collateral.credit(account, now=self.now)[0] if self.collateral else 0
        books = sum(self.markets[symbol].book_risk(account, self.now).equity for symbol in ghost.symbols)
        return ghost.cash + credit + books

    def fast_volatility(self, symbol: str) -> int:
        """What the oracle makes of its rounds, annualised [wad]."""
        return self.feeds[symbol].quote(self.now).fast_volatility

    def _close(self, market: Market, symbol: str, account: int, risk: BookRisk) -> None:
        """Close a book at the engine fill, charge the penalty, return the rest to cash."""
        market.reduce(account, WAD, 2**255, self.now)
        left = market.book(account).base
        ghost = self.ghosts[account]
        ghost.lost.append(symbol)
        if left > 0:
            market.move_margin(account, -left)
            charge = penalty(risk.exposure, self.penalty_rate, left)
            ghost.penalties += charge
            ghost.cash += left - charge


def book_of(stored: object) -> Book:
    """A book as the chain stores it, for the model."""
    return Book(*(getattr(stored, name) for name in ("size", "base", "legs", "net_deposit")))


def feeds_of(stage: Stage) -> dict[str, Feed]:
    """The model's feeds, as the deployment left the chain's."""
    feeds = {}
    for symbol, market in stage.params.markets.items():
        limits = market.feed.model_dump(include={each.name for each in fields(FeedConfig)})
        latest = stage.protocol.feeds[symbol].latestRoundData()
        twin = feeds[symbol] = Feed(FeedConfig(**limits), market.feed.decimals)
        twin.publish(latest[1], latest[3])
        twin.set_feed(latest[3])
    return feeds


def fork(shadow: Shadow, stage: Stage, now: int) -> None:
    """Copy markets and accounts from the chain into the model."""
    protocol = stage.protocol
    pool = LiquidityPool(protocol.pool_account)
    accounts = [actor.id for actor in stage.actors]
    for symbol, market in protocol.markets.items():
        market.accrue(sender=stage.keeper)
        market_params = stage.params.markets[symbol]
        id_ = protocol.market_ids[symbol]
        pool.set_quote(id_, QuoteConfig(**market_params.quote.model_dump()))
        twin = Market(id_, shadow.feeds[symbol], pool, MarketConfig(**market_params.risk.model_dump()), now)
        twin.cumulative_funding, twin.funding_rate = market.funding()
        twin.open_interest = market.open_interest()
        twin.books = {account: book_of(market.book(account)) for account in (protocol.pool_account, *accounts)}
        shadow.markets[symbol] = twin
    for actor in stage.actors:
        cash = protocol.vault.treasury(actor.id).cash
        shadow.ghosts[actor.id] = Ghost(cash, tuple(actor.leverage))
    shadow.collateral = _collateral(shadow, stage, now)


def _collateral(shadow: Shadow, stage: Stage, now: int) -> CollateralModel:
    """What the accounts hold beside cash, in the model: the tokens that a market's feed prices."""
    vault = Vault(stage.params.settlement.decimals, stage.params.vault.pool_share)
    owners = {actor.id: actor.owner for actor in stage.actors}
    for account in range(1, max(owners) + 1):
        vault.open_account(owners.get(account, "nobody"))
    priced = {name: token for name, token in stage.params.collateral.items() if token.market}
    feeds = {stage.params.feed_id(name): shadow.feeds[str(token.market)] for name, token in priced.items()}
    model = CollateralModel(vault, feeds)
    for index, (name, token) in enumerate(priced.items()):
        vault.add_collateral(vault.owner, name, token.decimals, token.cap)
        haircuts = CollateralConfig(stage.params.feed_id(name), token.ltv, token.liquidation_threshold)
        model.set_config(model.owner, index, haircuts, now=now)
    for actor in stage.actors:
        for name, units in actor.collateral.items():
            raw = stage.protocol.to_raw(to_wad(units), name)
            vault.deposit(actor.id, raw, name, sender=actor.owner, now=now)
    return model
