"""The scene: a protocol on a node of its own, warmed up, with every account of the roster open and filled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, Decimal

from ballast.chain import Receipt
from ballast.chain.web3 import Web3Chain
from ballast.client import Account, Ballast, Policy
from ballast.client.units import from_wad
from ballast.demo.feed import Tick
from ballast.demo.prices import DECIMALS
from ballast.demo.roster import Entry, Holding
from ballast.deploy import Protocol
from ballast.params import WAD, Params

ANSWER = 10 ** (18 - DECIMALS)  # [wad] of one unit of an answer
BASE_FEE = 20 * 10**9  # [wei] an ordinary day on mainnet, so that rewards are worth what they would be
PUBLISH_GAS = 500_000
PENDING = 8  # rounds after which the keeper pokes a feed
HEADROOM = Decimal("0.8")  # of what initial margin and risk share allow: prices move between commit and fill
SLIPPAGE = Decimal("0.25")  # traders here take any price: the roster must open
SPARE = 50  # [USD] cash for execution fees


class DemoError(ValueError):
    """The demonstration cannot go on."""


@dataclass
class Actor:
    """An account of the roster, on the chain."""

    entry: Entry
    account: Account
    owner: str
    leverage: dict[str, Decimal] = field(default_factory=dict)  # as opened, by underlying

    @property
    def id(self) -> int:
        return self.account.id

    @property
    def holdings(self) -> dict[str, str]:
        """Its books in words, at the leverage they were opened with."""
        return {symbol: _text(symbol, leverage) for symbol, leverage in self.leverage.items()}


class Stage:
    """The protocol under a history of prices. Accounts: 0 owns the protocol, 1 keeps it, 2 closes lost books."""

    def __init__(self, chain: Web3Chain, params: Params) -> None:
        self.chain = chain
        self.params = params
        self.owner, self.keeper, self.closer, *self._holders = (str(account) for account in chain.accounts)
        self.protocol = Protocol.deploy(chain, params, self.owner)
        self.protocol.vault.set_engine(self.closer, 2, sender=self.owner)  # stands in for the liquidator to come
        self.protocol.hand_over(self.owner)
        self.ballast = Ballast(self.protocol)
        self.actors: list[Actor] = []
        self._unpoked = dict.fromkeys(params.markets, 0)
        self._orders: dict[int, tuple[Actor, str, int]] = {}  # open orders: who, which underlying, due when

    # Prices

    def publish(self, tick: Tick) -> None:
        """Let the feeds publish at the time of the tick; poke a feed before too many rounds are pending."""
        self.chain.rpc("evm_setNextBlockTimestamp", tick.time)
        sent = [self._publish(symbol, answer) for symbol, answer in tick.answers.items()]
        while self.chain.rpc("eth_getTransactionReceipt", sent[-1]) is None:
            pass
        for symbol in tick.answers:
            self._unpoked[symbol] += 1
            if self._unpoked[symbol] >= PENDING:
                self.protocol.oracle.poke(self.protocol.market_ids[symbol], sender=self.keeper)
                self._unpoked[symbol] = 0

    def _publish(self, symbol: str, answer: int) -> str:
        """Send a round without waiting for it: there are thousands, and none can fail."""
        aggregator = self.protocol.aggregators[symbol]
        data = "0x" + aggregator.publish.encode(answer).hex()
        transaction = {"from": self.owner, "to": aggregator.address, "data": data, "gas": hex(PUBLISH_GAS)}
        return str(self.chain.rpc("eth_sendTransaction", transaction))

    def rebalance(self, due: Sequence[int]) -> Receipt:
        """The keeper's transaction, at an ordinary base fee."""
        self.chain.rpc("anvil_setNextBlockBaseFeePerGas", hex(BASE_FEE))
        receipt: Receipt = self.protocol.rebalancer.rebalance_many(due, sender=self.keeper)
        return receipt

    # Opening

    def open(self, entries: Sequence[Entry]) -> None:
        """Open and fund every account, and commit its orders."""
        worth = sum(_deposit(entry) for entry in entries)
        self.protocol.mint(self.owner, worth * WAD, self.owner)
        for index, entry in enumerate(entries):
            holder = self._holders[index % len(self._holders)]
            account = self.ballast.open_account(holder)
            account.deposit(_deposit(entry), self.owner)
            actor = Actor(entry, account, holder)
            self.actors.append(actor)
            limits = self._leverage_limits(entry)
            for holding in entry.kind.holdings:
                self._commit(actor, holding, limits[holding.symbol])

    def fill(self, tick: Tick) -> bool:
        """Execute the orders that this tick's rounds decide; whether none is left open."""
        for order, (actor, symbol, due) in list(self._orders.items()):
            if symbol not in tick.answers or tick.time < due:
                continue
            receipt = self.protocol.exchange.execute(order, [self.protocol.latest_round(symbol)], sender=self.keeper)
            for failure in receipt.named("OrderFailed"):
                raise DemoError(f"{actor.entry.name} could not open its {symbol} book: {failure.reason}")
            del self._orders[order]
        return not self._orders

    def guard(self) -> None:
        """Give every guarded account its policy, the others one that is off."""
        for actor in self.actors:
            actor.account.set_policy(self._policy(actor.entry), actor.owner)

    def _commit(self, actor: Actor, holding: Holding, limit: Decimal) -> None:
        """Commit the order that opens a book, at most at the leverage that its market allows today."""
        leverage = min(Decimal(abs(holding.leverage)), limit.quantize(Decimal("0.1"), ROUND_DOWN))
        signed = leverage if holding.leverage > 0 else -leverage
        price = self.ballast.market(holding.symbol).price
        size = (signed * holding.margin / price).quantize(Decimal("0.000001"), ROUND_DOWN)
        order = actor.account.commit(holding.symbol, size, margin=holding.margin, slippage=SLIPPAGE, sender=actor.owner)
        actor.leverage[holding.symbol] = signed
        self._orders[order.id] = (actor, holding.symbol, int(order.due.timestamp()))

    def _leverage_limits(self, entry: Entry) -> dict[str, Decimal]:
        """Most leverage that initial margin and the largest risk share leave, by underlying."""
        equity = Decimal(_deposit(entry))
        share = self._policy(entry).max_risk_share
        limits = {}
        for holding in entry.kind.holdings:
            initial, sigma = self._rates(holding.symbol)
            limits[holding.symbol] = HEADROOM * min(1 / initial, share * equity / (sigma * holding.margin))
        return limits

    def _rates(self, symbol: str) -> tuple[Decimal, Decimal]:
        """Initial margin and sigma-loss per unit of notional, now."""
        market, risk = self.ballast.market(symbol), self.params.markets[symbol].risk
        day, hour = (Decimal(1) / 365).sqrt(), (Decimal(1) / 8_760).sqrt()
        daily = from_wad(risk.range_multiplier) * max(market.fast_volatility, market.slow_volatility) * day
        move = min(max(daily, from_wad(risk.range_min)), from_wad(risk.range_max))
        return from_wad(risk.initial_ratio) * move + from_wad(risk.close_rate), market.fast_volatility * hour

    def _policy(self, entry: Entry) -> Policy:
        ids = self.protocol.market_ids
        no_fund = frozenset(ids[holding.symbol] for holding in entry.kind.holdings if not holding.fund)
        no_tap = frozenset(ids[holding.symbol] for holding in entry.kind.holdings if not holding.tap)
        policy = Policy.default(self.params.policy)
        return policy.but(enabled=entry.guarded, no_fund=no_fund, no_tap=no_tap, **entry.kind.policy)

    # The books

    def custody_error(self) -> int:
        """Wei between what the vault holds and what it owes, and between each market's balance and its books."""
        protocol, vault = self.protocol, self.protocol.vault
        accounts = range(1, vault.account_count() + 1)
        treasuries = [vault.treasury(account) for account in accounts]
        balances = {symbol: vault.market(id_)[1] for symbol, id_ in protocol.market_ids.items()}
        owed = sum(treasury.cash + treasury.escrow for treasury in treasuries) + sum(balances.values())
        owed += sum(vault.claimable(who) for who in (self.keeper, self.closer)) + vault.protocol_revenue()
        held = protocol.token.balanceOf(vault.address) * WAD // protocol.to_raw(WAD)
        errors = [held - owed]
        for symbol, market in protocol.markets.items():
            errors.append(balances[symbol] - sum(market.book(account).base for account in accounts))
        return sum(abs(error) for error in errors)


def prepared(params: Params, first_answers: Mapping[str, int]) -> Params:
    """The parameters with the markets that have prices alone, their mock feeds starting at the history's first."""
    markets = {
        symbol: market.model_copy(
            update={
                "feed": market.feed.model_copy(update={"price": first_answers[symbol] * ANSWER, "decimals": DECIMALS})
            }
        )
        for symbol, market in params.markets.items()
        if symbol in first_answers
    }
    return params.with_markets(markets)


def _deposit(entry: Entry) -> int:
    """Cash, margins and what the orders cost [USD]."""
    return entry.kind.cash + SPARE + sum(holding.margin for holding in entry.kind.holdings)


def _text(symbol: str, leverage: Decimal) -> str:
    return f"{abs(leverage).normalize():f}x {'long' if leverage > 0 else 'short'} {symbol}"
