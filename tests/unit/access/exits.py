"""Everybody who may want out, and what else somebody may try: one action each, by how the switches stand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ballast.chain import Contract, Reverted
from ballast.chain.revm import RevmChain
from ballast.deploy import Protocol
from ballast.params import WAD
from tests.support import UNLIMITED, deposit_to, round_params, trade_at_oracle

ANY_PRICE = 2**112 - 1
ENOUGH = 10**9  # [USD]
WBTC = 1  # index of the token
HOUR, DAY = 3_600, 86_400
NO_LIMIT = 2**255 - 1
COOLED = 20_000 * WAD  # shares of the insurance that may leave


@dataclass(frozen=True)
class Action:
    """A call that somebody makes, and what tells whether it did what it is for."""

    sender: str
    contract: Contract
    data: bytes
    told_by: tuple[Contract, bytes] | None = None  # a view whose answer changes; none: a call that goes through did it


class Exits:
    """Books, debts, auctions, shares: all of them ETH's, but for collateral in WBTC. Built once."""

    def __init__(self) -> None:
        self.chain = RevmChain()
        self.owner, self.guardian, self.trader, self.bidder = self.chain.accounts[:4]
        self.lender, self.insurer, self.keeper = self.chain.accounts[4:7]
        self.protocol = Protocol.deploy(self.chain, round_params(), self.owner)
        self.eth, self.btc = self.protocol.market_ids["ETH"], self.protocol.market_ids["BTC"]
        self.market, self.vault = self.protocol.markets["ETH"], self.protocol.vault
        self.wbtc = self.protocol.collateral["WBTC"]
        self._other_feeds()
        self.vault.set_guardian(self.guardian, sender=self.owner)
        self.forgotten = self._account(cash=10_000)
        self.old_order = self._commit(self.forgotten, WAD)
        self._lend_and_insure()
        self._trade()
        self._sink()
        self._leave()
        self.actions = {
            name: self._action(*rest)
            for name, rest in (self._ways_out() | self._liquidations() | self._ways_in()).items()
        }

    # Building

    def _other_feeds(self) -> None:
        """A second feed, and a sequencer that is down, for whoever points at them."""
        feed = self.protocol.feeds["ETH"]
        second = self.chain.deploy("MockAggregator", feed.decimals(), "ETH / USD", sender=self.owner)
        self.second = second, self.chain.deploy("MockFeedProxy", second.address, sender=self.owner).address
        sequencer = self.chain.deploy("MockSequencerFeed", sender=self.owner)
        sequencer.set_status(1, sender=self.owner)
        self.sequencer = sequencer.address

    def _lend_and_insure(self) -> None:
        """Shares of both, an exit served but not claimed, and shares that have cooled down."""
        protocol = self.protocol
        for holder, pool in ((self.lender, protocol.credit_pool), (self.insurer, protocol.insurance_fund)):
            raw = protocol.mint(holder, ENOUGH * WAD, self.owner)
            for spender in (pool, self.vault, protocol.pool):
                protocol.token.approve(spender.address, UNLIMITED, sender=holder)
            pool.deposit(raw // 1_000, holder, sender=holder)
        protocol.credit_pool.request_exit(1_000 * WAD, self.lender, sender=self.lender)
        protocol.insurance_fund.request_exit(COOLED, sender=self.insurer)
        self._pass(7 * DAY)

    def _trade(self) -> None:
        """Accounts with books and cash, with collateral, with debt."""
        self.trading = self._account(cash=50_000, size=100, margin=100_000)
        self.thrifty = self._account(wbtc=1)
        self.debtor = self._account(wbtc=1, debt=20_000)
        self.weak_debtor = self._account(wbtc=1, debt=47_900)
        self.needy = self._account(size=10, margin=2_900)
        self.winner = self._account(size=-100, margin=28_000)
        self.sunk = self._account(size=10, margin=2_300)
        self.buyer = self._account(self.bidder, cash=100_000)

    def _sink(self) -> None:
        """ETH and BTC fall: a book that is for sale, one that may be, one below zero, one with cash to save it; a
        treasury that is for sale; and profit taken, which is locked."""
        self._pass(3 * HOUR, ETH=2_900)
        self.thin, self.weak = (self._account(size=10, margin=2_900) for _ in range(2))
        self._pass(HOUR, ETH=2_740, BTC=55_500)
        for _ in range(6):
            self._pass(4 * HOUR)
        profit = int(self.market.book_risk(self.winner).withdrawable)
        deposit_to(self.protocol, self.needy, self.trader, 10_000 * WAD, self.owner)
        self.protocol.rebalancer.set_policy(self.needy, round_params().policy.model_dump(), sender=self.trader)
        self.protocol.rebalancer.transfer_margin(self.winner, self.eth, 0, profit, sender=self.trader)
        deposit_to(self.protocol, self.winner, self.trader, 60_000 * WAD, self.owner)
        self.protocol.rebalancer.transfer_margin(self.winner, 0, self.eth, 40_000 * WAD, sender=self.trader)
        self._pass(60, ETH=2_700)
        self.protocol.liquidator.start(self.thin, self.eth, [], sender=self.keeper)
        self.protocol.collateral_auctions.start(self.weak_debtor, WBTC, [], sender=self.keeper)

    def _leave(self) -> None:
        """A claim on the pool; orders whose round has come, to close and to open."""
        pool = self.protocol.pool
        pool.requestRedeem(10_000 * WAD, self.owner, self.owner, sender=self.owner)
        self._pass(HOUR)
        pool.execute_request(pool.request_count(), [self.protocol.latest_round("ETH")], sender=self.keeper)
        self.close = self._commit(self.trading, -5 * WAD, reduce_only=True)
        self.open = self._commit(self.trading, WAD)
        self.cover = self._commit(self.winner, 5 * WAD, reduce_only=True)
        self._pass(30, rounds=1)
        self.second[0].publish(self.protocol.feeds["ETH"].latestRoundData()[1], sender=self.owner)
        self.protocol.mint(self.trader, WAD, self.owner, "WBTC")

    def _account(
        self, holder: str = "", cash: int = 0, size: int = 0, margin: int = 0, wbtc: int = 0, debt: int = 0
    ) -> int:
        """With no policy of its own."""
        holder = holder or self.trader
        protocol, vault = self.protocol, self.vault
        account = int(vault.open_account(holder, sender=holder).event("AccountOpened").account)
        if cash or margin:
            deposit_to(protocol, account, holder, (cash + margin + size**2 // 4) * WAD, self.owner)
        if size:
            trade = trade_at_oracle(
                protocol, account, "ETH", size * WAD, margin * WAD, owner=self.owner, keeper=self.keeper
            )
            assert not trade.named("OrderFailed"), trade.events
        if wbtc:
            raw = protocol.mint(holder, wbtc * WAD, self.owner, "WBTC")
            self.wbtc.approve(vault.address, UNLIMITED, sender=holder)
            vault.deposit(account, self.wbtc.address, raw, sender=holder)
        if debt:
            vault.withdraw(account, protocol.token.address, debt * 10**6, holder, sender=holder)
        return account

    def _commit(self, account: int, size: int, reduce_only: bool = False) -> int:
        limit, margin = (ANY_PRICE if size > 0 else 0), 0 if reduce_only else 1_000 * WAD
        leg = self.eth, size, limit, margin
        receipt = self.protocol.exchange.commit(account, [leg], reduce_only, sender=self.trader)
        return int(receipt.event("OrderCommitted").order)

    def _pass(self, seconds: int, rounds: int = 4, **prices: int) -> None:
        """Rounds in every feed, at the last price unless given [USD]."""
        for _ in range(rounds):
            self.chain.advance(seconds // rounds)
            for name in self.protocol.aggregators:
                aggregator = self.protocol.aggregators[name]
                price = prices[name] * 10 ** int(aggregator.decimals()) if name in prices else None
                aggregator.publish(price or aggregator.latestRoundData()[1], sender=self.owner)
        for feed in self.protocol.market_ids.values():
            self.protocol.oracle.poke(feed, sender=self.keeper)

    # Acting

    def cash(self, account: int) -> int:
        return int(self.vault.treasury(account).cash)

    def _ways_out(self) -> dict[str, tuple[Any, ...]]:
        """Who calls what with which arguments, and where it takes more than that the call goes through, who tells."""
        protocol, vault, me, usd = self.protocol, self.vault, self.trader, self.protocol.token.address
        credit, fund, pool = protocol.credit_pool, protocol.insurance_fund, protocol.pool
        lender, insurer, free = self.lender, self.insurer, self.cash(self.trading) // 10**12
        off = round_params().policy.model_dump() | {"enabled": False}
        return {
            "deposit": (me, vault, "deposit", (self.trading, usd, 10**6)),
            "repay": (me, vault, "deposit", (self.debtor, usd, 10**9)),
            "repay all": (me, vault, "deposit", (self.debtor, usd, 21_000 * 10**6)),
            "repay below maintenance": (me, vault, "deposit", (self.weak_debtor, usd, 10**6)),
            "withdraw free cash": (me, vault, "withdraw", (self.trading, usd, free, me)),
            "withdraw cash above locks": (me, vault, "withdraw", (self.winner, usd, self._unlocked(), me)),
            "withdraw free collateral": (me, vault, "withdraw", (self.thrifty, self.wbtc.address, 10**8, me)),
            "claim rewards": (self.keeper, vault, "claim", (self.keeper,)),
            "change the policy": (me, protocol.rebalancer, "set_policy", (self.trading, off)),
            "ask the lenders for an exit": (lender, credit, "request_exit", (credit.balanceOf(lender), lender)),
            "leave the lenders": (lender, credit, "redeem", (10 * WAD, lender, lender)),
            "claim an exit of the lenders": (lender, credit, "claim", (lender,)),
            "ask the insurance for an exit": (insurer, fund, "request_exit", (fund.balanceOf(insurer) - COOLED,)),
            "leave the insurance": (insurer, fund, "redeem", (COOLED, insurer, insurer)),
            "ask the pool for an exit": (self.owner, pool, "requestRedeem", (WAD, self.owner, self.owner)),
            "claim an exit of the pool": (self.owner, pool, "redeem", (WAD, self.owner, self.owner)),
            "margin in": (me, protocol.rebalancer, "transfer_margin", (self.weak, 0, self.eth, WAD)),
            "order to close": (me, protocol.exchange, "commit", (self.trading, [(self.eth, -WAD, 0, 0)], True)),
            "void": (self.keeper, protocol.exchange, "void", (self.old_order,)),
            "close": self._execution(self.close, self.trading),
            "close, and the pool holds more": self._execution(self.cover, self.winner),
            "rebalance": (self.keeper, protocol.rebalancer, "rebalance", (self.needy,), self._book(self.needy)),
        }

    def _liquidations(self) -> dict[str, tuple[Any, ...]]:
        """The same of what happens to others."""
        protocol, keeper, bidder = self.protocol, self.keeper, self.bidder
        auctions, tokens, deficits = protocol.liquidator, protocol.collateral_auctions, protocol.deficits
        digest = self.market.legs_digest(self.thin)
        terms = self.thin, self.eth, WAD, self.buyer, NO_LIMIT, digest, 20_000 * WAD, []
        lot = self.weak_debtor, WBTC, WAD, self.buyer, 2**128, []
        loss, debt = (self.sunk, self.eth, []), (self.weak_debtor, [])
        return {
            "auction": (keeper, auctions, "start", (self.weak, self.eth, [])),
            "auction of a healthy book": (keeper, auctions, "start", (self.trading, self.eth, [])),
            "bid": (bidder, auctions, "bid", (terms,), self._book(self.thin)),
            "bid for collateral": (bidder, tokens, "bid", (lot,), self._treasury(self.weak_debtor)),
            "assign a loss": (keeper, deficits, "realise_deficit", loss, self._book(self.sunk)),
            "write a secured debt off": (keeper, deficits, "realise_debt", debt, self._treasury(self.weak_debtor)),
        }

    def _ways_in(self) -> dict[str, tuple[Any, ...]]:
        """The same of what may be shut, and of what nobody may."""
        protocol, vault, me, lender = self.protocol, self.vault, self.trader, self.lender
        usd, wbtc = protocol.token.address, self.wbtc.address
        out = self.trading, self.eth, 0, WAD
        return {
            "put in collateral": (me, vault, "deposit", (self.thrifty, wbtc, 10**6)),
            "lend": (lender, protocol.credit_pool, "deposit", (10**6, lender)),
            "enter the pool": (lender, protocol.pool, "requestDeposit", (10**9, lender, lender)),
            "open": self._execution(self.open, self.trading),
            "margin out": (me, protocol.rebalancer, "transfer_margin", out, self._book(self.trading)),
            "borrow": (me, vault, "withdraw", (self.debtor, usd, 10**6, me)),
            "withdraw locked cash": (me, vault, "withdraw", (self.winner, usd, self._unlocked() + 1, me)),
            "withdraw collateral of a debt": (me, vault, "withdraw", (self.debtor, wbtc, 10**8, me)),
        }

    def _unlocked(self) -> int:
        """Of the winner's cash, in token units; the rest is profit, and locked."""
        locked = int(self.protocol.outflow.locked(self.winner))
        assert 0 < locked < self.cash(self.winner)
        return (self.cash(self.winner) - locked) // 10**12

    def _execution(self, order: int, account: int) -> tuple[Any, ...]:
        """Of an order whose round has come; an order that fails is consumed, and the book stays."""
        rounds = [self.protocol.latest_round("ETH")]
        return self.keeper, self.protocol.exchange, "execute", (order, rounds), self._book(account)

    def _treasury(self, account: int) -> tuple[Contract, str, int]:
        return self.vault, "treasury", account

    def _book(self, account: int) -> tuple[Contract, str, int]:
        return self.market, "book", account

    def _action(
        self,
        sender: str,
        contract: Contract,
        function: str,
        arguments: tuple[Any, ...],
        told_by: tuple[Contract, str, int] | None = None,
    ) -> Action:
        """The same, encoded once: it is made ten thousand times."""
        view = (told_by[0], getattr(told_by[0], told_by[1]).encode(told_by[2])) if told_by else None
        return Action(sender, contract, getattr(contract, function).encode(*arguments), view)

    def happens(self, action: Action) -> bool:
        """Whether the call goes through, and does what it is for; everything is put back."""
        before = self.chain.snapshot()
        try:
            seen = self._seen(action)
            self.chain.send(action.contract.address, action.data, sender=action.sender)
            return action.told_by is None or self._seen(action) != seen
        except Reverted:
            return False
        finally:
            self.chain.revert(before)

    def _seen(self, action: Action) -> bytes:
        """The answer of the view that tells."""
        return self.chain.call(action.told_by[0].address, action.told_by[1], static=True) if action.told_by else b""
