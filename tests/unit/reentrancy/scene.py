"""A protocol in full work whose tokens call back, and an attacker with every right there is.

The settlement token is the attacker: it owns an account, is an operator of another, owns every contract, is guardian
and engine. So only locks, and never a missing right, stop what it calls in the middle of a transfer.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from ballast.chain import Contract
from ballast.deploy import Protocol
from ballast.params import WAD, Params
from tests.support import UNLIMITED, last_price, round_params, trade_at_oracle
from tests.unit.reentrancy.hooks import HookChain

HOOKS, HOOKS_AFTER = 2_048, 4_096  # as MockWeirdToken numbers them
CASH, COIN = 10**6, 10**8  # token units of a dollar and of a coin
BTC, ETH, LINK = 1, 2, 4
WBTC = 1  # index of the coin
DAY = 86_400

Call = tuple[Contract, str, tuple[Any, ...]]


class Scene:
    """Built once; every test starts from the same state."""

    def __init__(self) -> None:
        self.chain = HookChain()
        self.deployer, self.trader, self.heir, self.keeper, self.guardian = self.chain.accounts[:5]
        self.token = self.chain.deploy("MockWeirdToken", 6, 0, sender=self.deployer)
        self.coin = self.chain.deploy("MockWeirdToken", 8, 0, sender=self.deployer)
        self.attacker = self.token.address
        self.protocol = self._deploy()
        self.empty_pool = self.chain.deploy(
            "LiquidityPool", self.vault, self.token, self.protocol.oracle, sender=self.deployer
        )
        self._accounts()
        self._hand_over()
        self._proposals()
        self._wait_for_void()
        self._lend_and_insure()
        self._shares()
        self._profit()
        self._sink()
        self._owe()
        self._orders_and_requests()

    # Building

    def _deploy(self) -> Protocol:
        tokens = {"settlement": {"mock": False, "address": self.token.address}}
        plain = round_params().model_dump()
        plain["settlement"] |= tokens["settlement"]
        plain["collateral"]["WBTC"] |= {"mock": False, "address": self.coin.address}
        plain["governance"] |= {"proposers": [self.attacker], "executors": [self.attacker]}
        self.token.mint(self.deployer, 10**9 * CASH, sender=self.deployer)
        protocol = Protocol.deploy(self.chain, Params.model_validate(plain), self.deployer)
        self.vault = protocol.vault
        return protocol

    def _accounts(self) -> None:
        """The attacker's, one of others, one that others offer to the attacker."""
        vault, protocol = self.vault, self.protocol
        for holder in (self.attacker, self.trader, self.trader, self.trader):
            vault.open_account(holder, sender=self.deployer)
        self.own, self.other, self.offered, self.short = range(vault.account_count() - 3, vault.account_count() + 1)
        for token, unit in ((self.token, CASH), (self.coin, COIN)):
            for holder in (self.attacker, self.trader):
                token.mint(holder, 10**7 * unit, sender=self.deployer)
            token.approve(vault.address, UNLIMITED, sender=self.trader)
            for spender in (vault, protocol.pool, self.empty_pool, protocol.credit_pool, protocol.insurance_fund):
                self.do(token, "approve", spender.address, UNLIMITED)
        for account, cash in ((self.other, 100_000), (self.short, 30_000)):
            vault.deposit(account, self.token.address, cash * CASH, sender=self.trader)
        self.do(vault, "deposit", self.own, self.token.address, 200_000 * CASH)
        self.do(vault, "deposit", self.own, self.coin.address, 2 * COIN)
        for account in (self.other, self.short):
            vault.set_operator(account, self.attacker, 7, 2**39, sender=self.trader)
        vault.transfer_account(self.offered, self.attacker, sender=self.trader)

    def _hand_over(self) -> None:
        """Every contract to the attacker, who is guardian and engine too."""
        self.vault.set_guardian(self.attacker, sender=self.deployer)
        self.vault.set_engine(self.attacker, 7, sender=self.deployer)
        for contract in (*self.contracts().values(), self.empty_pool):
            if "transfer_ownership" in contract.artifact.functions:
                contract.transfer_ownership(self.attacker, sender=self.deployer)

    def _wait_for_void(self) -> None:
        """An order and an entry that nobody executed for days."""
        self.old_order = self._commit(self.own, ETH, WAD, 1_000 * WAD)
        self.old_entry = self._request("requestDeposit", 5_000 * CASH)
        self.chain.advance(4 * DAY)
        self.publish_all()

    def _lend_and_insure(self) -> None:
        """The attacker has shares of both, an exit to claim, shares that have cooled down, and debts."""
        credit, fund = self.protocol.credit_pool, self.protocol.insurance_fund
        for contract, amount in ((credit, 300_000), (fund, 10_000)):
            self.do(contract, "deposit", amount * CASH, self.attacker)
            self.do(contract, "approve", self.attacker, UNLIMITED)
        self.do(credit, "request_exit", 1_000 * WAD, self.attacker)
        self.debtor = self._borrow(4_000)
        self.owing, self.pressed, self.relieved, self.broke = (self._borrow(47_000) for _ in range(4))
        self.do(fund, "request_exit", 5_000 * WAD)
        self.chain.advance(7 * DAY)
        self.publish_all()

    def _borrow(self, debt: int) -> int:
        """An account of the attacker's that owes so much against a coin; its id."""
        account = int(self.vault.open_account(self.attacker, sender=self.deployer).returned)
        self.do(self.vault, "deposit", account, self.coin.address, COIN)
        self.do(self.vault, "withdraw", account, self.token.address, debt * CASH, self.attacker)
        return account

    def _shares(self) -> None:
        """The attacker has shares, can claim more of them, and can claim tokens."""
        pool = self.protocol.pool
        entries = [self._request("requestDeposit", 50_000 * CASH) for _ in range(2)]
        self._ripen(entries)
        self.do(pool, "deposit", 60_000 * CASH, self.attacker, self.attacker)
        self._ripen([self._request("requestRedeem", pool.balanceOf(self.attacker) // 2)])

    def _profit(self) -> None:
        """Books on both sides, fees, a lock, a book that is short, and something to claim for the attacker."""
        trade = partial(trade_at_oracle, self.protocol, owner=self.deployer, keeper=self.keeper)
        trade(self.other, "ETH", 10 * WAD, 20_000 * WAD)
        trade(self.short, "BTC", WAD, 14_000 * WAD)
        trade(self.short, "ETH", 5 * WAD, 15_000 * WAD)
        self._fill(self.own, ETH, 10 * WAD, 20_000 * WAD)
        self._fill(self.own, BTC, WAD // 10, 5_000 * WAD)
        policy = {**round_params().policy.model_dump(), "max_risk_share": 10_000, "cooldown": 0}
        self.do(self.protocol.rebalancer, "set_policy", self.own, policy)
        self.protocol.rebalancer.set_policy(self.short, policy, sender=self.trader)
        cash = self.vault.treasury(self.short).cash * CASH // WAD
        self.vault.withdraw(self.short, self.token.address, cash, self.trader, sender=self.trader)
        self.chain.advance(60)
        self.publish_all(BTC=WAD * 50_500, ETH=WAD * 3_100)

    def _sink(self) -> None:
        """Books that nobody saves: one that is for sale, one that is not yet, one below zero, one that has risen."""
        trade = partial(trade_at_oracle, self.protocol, owner=self.deployer, keeper=self.keeper)
        accounts = []
        for margin in (2_300, 2_300, 1_900, 2_300):
            self.vault.open_account(self.trader, sender=self.deployer)
            accounts.append(int(self.vault.account_count()))
            self.vault.deposit(accounts[-1], self.token.address, 6_000 * CASH, sender=self.trader)
            trade(accounts[-1], "LINK", 1_000 * WAD, margin * WAD)
        self.thin, self.weak, self.sunk, self.risen = accounts
        self.chain.advance(60)
        self.publish_all(LINK=WAD * 1_300 // 100)
        for account in (self.thin, self.risen):
            self.protocol.liquidator.start(account, LINK, [], sender=self.keeper)
        self.protocol.rebalancer.transfer_margin(self.risen, 0, LINK, 3_000 * WAD, sender=self.trader)

    def _owe(self) -> None:
        """Treasuries that nobody saves: one that is for sale, one that is not yet, one that has repaid since, and one
        with nothing left."""
        for account in (self.owing, self.relieved):
            self.protocol.collateral_auctions.start(account, WBTC, [], sender=self.keeper)
        self.do(self.vault, "deposit", self.relieved, self.token.address, 40_000 * CASH)
        self.do(self.vault, "seize_collateral", self.broke, self.own, self.attacker, WBTC, WAD, 0, 0)

    def _orders_and_requests(self) -> None:
        """All that is due now, and escrow for an engine to work with."""
        self.do(self.vault, "lock_escrow", self.own, self.attacker, 500 * WAD, 5 * WAD)
        self.do(self.vault, "top_up_pool", ETH, 100_000 * WAD)
        self.do(self.protocol.pool, "approve", self.attacker, UNLIMITED)
        self.sequencer = self.chain.deploy("MockSequencerFeed", sender=self.deployer)
        self.sequencer.set_status(0, sender=self.deployer)
        self.entry = self._request("requestDeposit", 1_000 * CASH)
        self.exit = self._request("requestRedeem", 1_000 * WAD)
        self.chain.advance(3_600)
        self.order = self._commit(self.own, ETH, WAD, 2_000 * WAD)
        self.chain.advance(30)
        self.publish_all(BTC=WAD * 50_600, ETH=WAD * 3_110)

    def _proposals(self) -> None:
        """What the timelock could do now, what it could take back, what it is to wait for."""
        timelock = self.protocol.timelock
        payload = timelock.grantRole.encode(b"\x07" * 32, self.keeper)
        self.proposals = {
            kind: (timelock.address, 0, payload, bytes(32), bytes([i + 1]) * 32)
            for i, kind in enumerate(("due", "taken back", "new"))
        }
        self.batch = ([timelock.address], [0], [payload], bytes(32), bytes(32))
        self.delay = int(timelock.get_minimum_delay())
        for kind in ("due", "taken back"):
            self.do(timelock, "schedule", *self.proposals[kind], self.delay)
        self.do(timelock, "schedule_batch", *self.batch, self.delay)

    # Doing

    def hook_markets(self) -> None:
        """From now on, every call of a market is a transfer of the token, in which it may call back."""
        for market in self.protocol.markets.values():
            nothing = self.token.transfer.encode(market.address, 0)
            self.chain.hook(market, self.token.address, nothing)

    def do(self, contract: Contract, name: str, *args: Any) -> None:
        """A transaction of the attacker."""
        self.send(self.encode((contract, name, args)))

    def encode(self, call: Call) -> bytes:
        """What tells the token to make that call."""
        contract, name, args = call
        method = getattr(contract, name)
        return bytes(self.token.act.encode(contract.address, method.encode(*args)))

    def send(self, data: bytes) -> None:
        """To the token."""
        self.chain.send(self.token.address, data, sender=self.keeper)

    def contracts(self) -> dict[str, Contract]:
        """Every contract of the protocol by name, one market for all."""
        protocol = self.protocol
        found = {each.artifact.name: each for role, each in protocol.contracts.items() if "." not in role}
        found.pop("MockToken")
        return found | {"DerivativesMarket": protocol.markets["ETH"]}

    def publish_all(self, **prices: int) -> None:
        """A round in every market, at the last price unless given [wad]."""
        for market in self.protocol.markets:
            self.protocol.publish(market, prices.get(market, last_price(self.protocol, market)), self.deployer)

    def rounds(self) -> list[int]:
        """The latest rounds of the pool's books."""
        slots = int(self.vault.treasury(self.protocol.pool_account).slots)
        books = [slots >> 8 * slot & 255 for slot in range(8)]
        return [self.protocol.latest_round(self.protocol.market_names[each]) for each in books if each]

    def _commit(self, account: int, market: int, size: int, margin: int) -> int:
        self.do(self.protocol.exchange, "commit", account, [(market, size, 2**100, margin)], False)
        return int(self.protocol.exchange.order_count())

    def _fill(self, account: int, market: int, size: int, margin: int) -> None:
        """Committed and executed by the attacker, who earns the fee."""
        order = self._commit(account, market, size, margin)
        self.chain.advance(30)
        self.publish_all()
        round_ = self.protocol.latest_round(self.protocol.market_names[market])
        self.do(self.protocol.exchange, "execute", order, [round_])

    def _request(self, kind: str, amount: int) -> int:
        self.do(self.protocol.pool, kind, amount, self.attacker, self.attacker)
        return int(self.protocol.pool.request_count())

    def _ripen(self, requests: list[int]) -> None:
        self.chain.advance(3_600)
        self.publish_all()
        for request in requests:
            self.do(self.protocol.pool, "execute_request", request, self.rounds())
