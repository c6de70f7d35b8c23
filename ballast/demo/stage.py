"""The scene: a protocol on a node of its own, warmed up, with every account of the roster open and filled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, Decimal
from typing import Any

from ballast.chain import Receipt
from ballast.client import Account, Ballast, Policy
from ballast.client.units import from_wad, to_wad
from ballast.demo.audit import Audit, WatchedChain
from ballast.demo.mirror import Mirror
from ballast.demo.roster import Entry
from ballast.deploy import Protocol
from ballast.history.bars import DECIMALS, HOUR
from ballast.history.feed import Tick
from ballast.keeper import Keeper, Work
from ballast.params import WAD, Params

ANSWER = 10 ** (18 - DECIMALS)  # [wad] of one unit of an answer
BASE_FEE = 20 * 10**9  # [wei] an ordinary day on mainnet, so that rewards are worth what they would be
PUBLISH_GAS = 500_000
PENDING = 8  # rounds after which the keeper pokes a feed
SLIPPAGE = Decimal("0.25")  # traders here take any price: the roster must open
LENT, INSURED, BIDS = 2_000_000, 20_000, 500_000  # [USD] of the lender, the insurer and the liquidator
SPARE = 50  # [USD] cash for execution fees
DELAY = HOUR  # [s] of the timelock here: on a live network it is days, which the window does not have


class DemoError(ValueError):
    """The demonstration cannot go on."""


@dataclass
class Actor:
    """An account of the roster, on the chain."""

    entry: Entry
    account: Account
    owner: str
    policy: Policy
    leverage: dict[str, Decimal] = field(default_factory=dict)  # as opened, by underlying
    collateral: dict[str, Decimal] = field(default_factory=dict)  # units by token

    @property
    def id(self) -> int:
        return self.account.id

    @property
    def holdings(self) -> dict[str, str]:
        """Its books in words, at the leverage they were opened with."""
        return {symbol: _text(symbol, leverage) for symbol, leverage in self.leverage.items()}

    @property
    def collateral_text(self) -> list[str]:
        """Its collateral in words."""
        return [f"{units.normalize():f} {token}" for token, units in self.collateral.items()]


class Stage:
    """The protocol under a history of prices, owned by its timelock.

    Accounts of the node: 0 deploys, and proposes to the timelock; 1 is the keeper, 2 the liquidator, 3 the guardian; 4
    puts money into the pool, 5 lends, 6 insures; the others trade.
    """

    def __init__(self, chain: WatchedChain, params: Params) -> None:
        self.chain = chain
        self.owner, self.keeper, self.liquidator, self.guardian, *others = map(str, chain.accounts)
        self.provider, self.lender, self.insurer, *self._holders = others
        governance = params.governance.model_copy(update={"guardian": self.guardian})
        self.params = params = params.model_copy(update={"governance": governance})
        self.protocol = Protocol.deploy(chain, params, self.owner)
        self.protocol.hand_over(self.owner)
        auditor = chain.deploy("Auditor", self.protocol.vault.address, sender=self.owner)
        self.audit = Audit(auditor, (self.keeper, self.liquidator))
        self.mirror = Mirror(self.protocol, params)
        self.modelled: Any = None  # what the model made of the latest transaction
        chain.watch = self._after
        self.ballast = Ballast(self.protocol)
        self.actors: list[Actor] = []
        self._unpoked = dict.fromkeys(params.markets, 0)
        self._orders: dict[int, Actor] = {}  # open ones, and whose they are
        self.bidder = self._invest()

    def _invest(self) -> Account:
        """Lenders, insurers and the liquidator bring what they have; the liquidator's account."""
        ballast, bidder = self.ballast, self.ballast.open_account(self.liquidator)
        for who, dollars in ((self.lender, LENT), (self.insurer, INSURED), (self.liquidator, BIDS)):
            self.protocol.mint(who, dollars * WAD, self.owner)
        ballast.credit.deposit(LENT, self.lender)
        ballast.insurance.deposit(INSURED, self.insurer)
        bidder.deposit(BIDS, self.liquidator)
        return bidder

    def _after(self, to: str, data: bytes, sender: str, receipt: Receipt) -> None:
        """Nothing may be missing after a transaction, and the model must take it, too."""
        self.audit.look()
        self.modelled = self.mirror.take(to, data, sender, receipt, lambda: self.chain.gas_price(receipt))

    # Prices

    def publish(self, tick: Tick) -> None:
        """Let the feeds publish at the time of the tick; poke a feed before too many rounds are pending."""
        self.chain.rpc("evm_setNextBlockTimestamp", tick.time)
        sent = [self._publish(symbol, answer) for symbol, answer in tick.answers.items()]
        while self.chain.rpc("eth_getTransactionReceipt", sent[-1]) is None:
            pass
        for symbol, answer in tick.answers.items():
            self.mirror.publish(symbol, answer, tick.time)
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

    def hold_base_fee(self) -> None:
        """Let the next transaction cost what it does on an ordinary day."""
        self.chain.rpc("anvil_setNextBlockBaseFeePerGas", hex(BASE_FEE))

    # Opening

    def open(self, entries: Sequence[Entry]) -> None:
        """Open and fund every account, and commit its orders."""
        worth = sum(_deposit(entry) for entry in entries)
        self.protocol.mint(self.owner, worth * WAD, self.owner)
        for index, entry in enumerate(entries):
            holder = self._holders[index % len(self._holders)]
            account = self.ballast.open_account(holder)
            account.deposit(_deposit(entry), self.owner)
            actor = Actor(entry, account, holder, self._policy(entry))
            self.actors.append(actor)
            for token, value in entry.kind.collateral.items():
                self._deposit_collateral(actor, token, value)
            self._commit(actor)

    def fill(self, keeper: Keeper) -> bool:
        """Let the keeper execute the orders whose rounds are there; whether none is left open."""
        work = Work()
        keeper.execute_orders(work)
        for receipt in work.receipts:
            for failure in receipt.named("OrderFailed"):
                raise DemoError(f"{self._orders[failure.order].entry.name} could not open a book: {failure.reason}")
        for order in work.filled:
            del self._orders[order]
        return not self._orders

    def guard(self) -> None:
        """Give every guarded account its policy, the others one that is off."""
        for actor in self.actors:
            actor.account.set_policy(actor.policy, actor.owner)

    def _deposit_collateral(self, actor: Actor, token: str, value: int) -> None:
        """That many dollars' worth at the present price, by the owner: nobody else may bring the first of a token."""
        price = self.ballast.market(str(self.params.collateral[token].market)).price
        units = (value / price).quantize(Decimal("0.0001"), ROUND_DOWN)
        self.protocol.mint(actor.owner, to_wad(units), self.owner, token)
        actor.account.deposit(units, actor.owner, token)
        actor.collateral[token] = units

    def _commit(self, actor: Actor) -> None:
        """Commit the orders that open the books, each at most at the leverage that its market allows today."""
        limits = self._leverage_limits(actor)
        for holding in actor.entry.kind.holdings:
            limit = limits[holding.symbol].quantize(Decimal("0.1"), ROUND_DOWN)
            leverage = min(Decimal(abs(holding.leverage)), limit)
            signed = actor.leverage[holding.symbol] = leverage if holding.leverage > 0 else -leverage
            price = self.ballast.market(holding.symbol).price
            size = (signed * holding.margin / price).quantize(Decimal("0.000001"), ROUND_DOWN)
            order = actor.account.commit(
                holding.symbol, size, margin=holding.margin, slippage=SLIPPAGE, sender=actor.owner
            )
            self._orders[order.id] = actor

    def _leverage_limits(self, actor: Actor) -> dict[str, Decimal]:
        """Most leverage that initial margin and the largest risk share leave, by underlying."""
        entry = actor.entry
        equity = _deposit(entry) + actor.account.credit
        share = actor.policy.max_risk_share
        limits = {}
        for holding in entry.kind.holdings:
            initial, sigma = self._rates(holding.symbol)
            limits[holding.symbol] = entry.kind.headroom * min(1 / initial, share * equity / (sigma * holding.margin))
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

    def equity(self, actor: Actor) -> int:
        """Cash, escrow, books, and what the collateral counts for [wad]."""
        treasury = self.protocol.vault.treasury(actor.id)
        books = sum(self.protocol.markets[symbol].book_risk(actor.id).equity for symbol in actor.leverage)
        return int(treasury.cash + treasury.escrow + books + self.credit(actor))

    def worth(self, account: int) -> int:
        """Of an account, whoever's: cash, escrow, books, and collateral without its haircut [wad]."""
        protocol, vault = self.protocol, self.protocol.vault
        treasury = vault.treasury(account)
        worth = int(treasury.cash + treasury.escrow)
        for market in filter(None, treasury.slots.to_bytes(8, "little")):
            worth += int(protocol.markets[protocol.market_names[market]].book_risk(account).equity)
        if treasury.collateral:
            held = vault.collateral_of(account)
            worth += sum(amount * self.token_price(index) // WAD for index, amount in enumerate(held) if amount)
        return worth

    def token_price(self, index: int) -> int:
        """Of a collateral token [wad]; one of which nobody holds anything needs none."""
        protocol = self.protocol
        feed_id = int(protocol.collateral_model.config(index).feed_id)
        return int(protocol.oracle.quote(feed_id).price) if protocol.vault.collateral(index).total else 0

    def unassigned(self) -> int:
        """What books and treasuries are below zero by, whoever's: losses that nobody bears yet [wad]."""
        protocol, accounts = self.protocol, list(range(1, self.protocol.vault.account_count() + 1))
        equities = [risk.equity for market in protocol.markets.values() for risk in market.book_risks(accounts)]
        equities += [debt.risk.equity for debt in protocol.lens.debts(1, len(accounts))]
        return sum(max(0, -int(equity)) for equity in equities)

    def credit(self, actor: Actor) -> int:
        """What the collateral counts for [wad]."""
        return int(self.protocol.collateral_model.credit(actor.id)[0]) if actor.collateral else 0

    def custody_error(self) -> int:
        """Wei between what the vault holds and what it owes, token by token and with the pool's own accounts, and what
        the books of a market add up to beyond its balance: they may fall short of it by dust, where losses were
        spread."""
        protocol, vault = self.protocol, self.protocol.vault
        accounts = range(1, vault.account_count() + 1)
        treasuries = [vault.treasury(account) for account in accounts]
        balances = {symbol: vault.market(id_)[1] for symbol, id_ in protocol.market_ids.items()}
        owed = sum(max(treasury.cash, 0) + treasury.escrow for treasury in treasuries) + sum(balances.values())
        owed += sum(vault.claimable(who) for who in (self.keeper, self.liquidator))
        owed += vault.insurance_due() + vault.protocol_revenue()
        held = protocol.token.balanceOf(vault.address) * WAD // protocol.to_raw(WAD)
        errors = [held - owed]
        for symbol, market in protocol.markets.items():
            errors.append(max(0, sum(market.book(account).base for account in accounts) - balances[symbol]))
        pledged = [vault.collateral_of(account) for account in accounts]
        for index, (name, token) in enumerate(protocol.collateral.items()):
            held = token.balanceOf(vault.address) * WAD // protocol.to_raw(WAD, name)
            owed = sum(amounts[index] for amounts in pledged)
            errors += [held - owed, vault.collateral(index).total - owed]
        return sum(abs(error) for error in errors)


def prepared(params: Params, first_answers: Mapping[str, int]) -> Params:
    """The parameters with the markets that have prices alone, their mock feeds starting at the history's first, and a
    timelock that lives to see the end of what it is asked for."""
    markets = {
        symbol: market.model_copy(
            update={
                "feed": market.feed.model_copy(update={"price": first_answers[symbol] * ANSWER, "decimals": DECIMALS})
            }
        )
        for symbol, market in params.markets.items()
        if symbol in first_answers
    }
    governance = params.governance.model_copy(update={"delay": min(params.governance.delay, DELAY)})
    return params.with_markets(markets).model_copy(update={"governance": governance})


def _deposit(entry: Entry) -> int:
    """Cash, margins and what the orders cost, less what is borrowed [USD]."""
    kind = entry.kind
    return kind.cash + SPARE + sum(holding.margin for holding in kind.holdings) - kind.borrowed


def _text(symbol: str, leverage: Decimal) -> str:
    return f"{abs(leverage).normalize():f}x {'long' if leverage > 0 else 'short'} {symbol}"
