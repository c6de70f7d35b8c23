"""A protocol with eight markets on a node, and accounts in the states that the benchmarks measure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ballast import params
from ballast.chain.web3 import Web3Chain
from ballast.deploy import Protocol
from ballast.params import WAD, Params

CASH = 1_000_000 * WAD
UNLIMITED = 2**256 - 1


def eight_markets() -> Params:
    """The default parameters with every market twice, so that the largest account can be built."""
    defaults = params.load()
    twice = {f"{name}{copy}": market for copy in ("", "2") for name, market in defaults.markets.items()}
    return defaults.model_copy(update={"markets": twice})


@dataclass(frozen=True)
class Position:
    """A book to open."""

    market: str
    notional: int  # [wad] negative: short
    margin: int  # [wad]


class Scene:
    """A deployment to measure on; feeds are proxies with aggregators behind them, as on mainnet."""

    def __init__(self, chain: Web3Chain) -> None:
        self.params = eight_markets()
        self.owner, self.trader, self.keeper = chain.accounts[:3]
        self.protocol = Protocol.deploy(chain, self.params, self.owner)
        self.chain = chain
        self.names = list(self.protocol.markets)

    def open_account(self, cash: int = CASH, owner: Any = None) -> int:
        """An account with cash."""
        holder, protocol = owner or self.trader, self.protocol
        account = int(protocol.vault.open_account(holder, sender=holder).event("AccountOpened").account)
        amount = protocol.mint(holder, cash, self.owner)
        protocol.token.approve(protocol.vault.address, UNLIMITED, sender=holder)
        protocol.vault.deposit(account, protocol.token.address, amount, sender=holder)
        return account

    def pledge(self, account: int, name: str, units: int) -> None:
        """Deposit units of a collateral token."""
        token, amount = self.protocol.collateral[name], self.protocol.mint(self.trader, units * WAD, self.owner, name)
        token.approve(self.protocol.vault.address, amount, sender=self.trader)
        self.protocol.vault.deposit(account, token.address, amount, sender=self.trader)

    def lend(self, cash: int = CASH) -> Any:
        """The keeper puts cash [wad] into the credit pool."""
        pool, amount = self.protocol.credit_pool, self.protocol.mint(self.keeper, cash, self.owner)
        self.protocol.token.approve(pool.address, UNLIMITED, sender=self.keeper)
        return pool.deposit(amount, self.keeper, sender=self.keeper)

    def borrow(self, account: int, cash: int) -> Any:
        """Withdraw cash [wad] that the account does not have."""
        amount = self.protocol.to_raw(int(self.protocol.vault.treasury(account).cash) + cash)
        return self.protocol.vault.withdraw(
            account, self.protocol.token.address, amount, self.trader, sender=self.trader
        )

    def price(self, market: str) -> int:
        """The oracle price [wad]."""
        return int(self.protocol.oracle.quote(self.protocol.market_ids[market]).price)

    def open_book(self, account: int, position: Position) -> None:
        """Buy at the oracle price, in two steps."""
        receipt = self.trade(account, position)[1]
        assert receipt.named("OrderFilled"), receipt.events

    def trade(self, account: int, position: Position) -> tuple[Any, Any]:
        """Receipts of commit and execute; the order's round is processed before it is executed."""
        protocol, market = self.protocol, position.market
        price = self.price(market)
        size = position.notional * WAD // price
        id_ = protocol.market_ids[market]
        leg = id_, size, 2 * price if size > 0 else price // 2, position.margin
        commit = protocol.exchange.commit(account, [leg], False, sender=self.trader)
        self.chain.advance(int(protocol.exchange.MIN_DELAY()))
        round_ = self.publish(market, price)
        order = commit.event("OrderCommitted").order
        return commit, protocol.exchange.execute(order, [round_], sender=self.keeper)

    def publish(self, market: str, price: int, process: bool = True) -> int:
        """A round, processed at once unless the benchmark wants it pending."""
        round_ = self.protocol.publish(market, price, self.owner)
        if process:
            self.protocol.markets[market].settle(sender=self.owner)
        return round_

    def refresh(self, names: list[str], process: bool = True) -> None:
        """A heartbeat round at an unchanged price in each market."""
        for name in names:
            answer = int(self.protocol.feeds[name].latestRoundData()[1])
            self.protocol.aggregators[name].publish(answer, sender=self.owner)
            if process:
                self.protocol.markets[name].settle(sender=self.owner)

    def set_policy(self, account: int, **changes: Any) -> None:
        """The default policy, changed."""
        policy = {**self.params.policy.model_dump(), **changes}
        self.protocol.rebalancer.set_policy(account, policy, sender=self.trader)

    def sink(self, account: int, market: str, z: int) -> None:
        """Let the price fall, processed, until the book is nearer to liquidation than `z` [wad]."""
        book = self.protocol.markets[market]
        price = self.price(market)
        for step in range(200):
            if step % 6 == 0:  # once an hour
                self.refresh([name for name in self.names if name != market])
            risk = book.book_risk(account)
            if risk.equity - risk.maintenance < z * risk.sigma_loss // WAD:
                return
            price = price * 9_960 // 10_000
            self.chain.advance(600)
            self.publish(market, price)
        raise AssertionError(f"{market} did not sink below z = {z}")
