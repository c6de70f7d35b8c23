"""The protocol after the handover, with somebody of every kind in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from eth_utils import keccak

from ballast.chain import Contract, Receipt, Reverted
from ballast.deploy import Protocol
from ballast.params import WAD, Params
from tests.support import deposit_to, trade_at_oracle
from tests.unit.access.puppets import PuppetChain

TRADE, MARGIN, WITHDRAW = 1, 2, 4  # rights of operators
ALL = TRADE | MARGIN | WITHDRAW
FOREVER = 2**40 - 1
YEARS = 10**8  # [s]
NONE = bytes(32)  # no predecessor, no salt


# Callers: attributes of the world
PEOPLE = {
    "holder",  # of the accounts in question
    "trade_operator",
    "margin_operator",
    "withdraw_operator",
    "expired_operator",  # had all rights
    "former_holder",  # had the accounts, and gave
    "void_operator",  # all rights
    "heir",  # is offered one of them
    "share_operator",  # of the holder's pool shares
    "other_holder",  # of another account, with operators of his own
    "keeper",
    "guardian",
    "deployer",  # former owner of everything; may propose
    "stranger",
}
CONTRACTS = {
    *("owner", "vault", "exchange", "rebalancer", "liquidator", "planner", "pool", "oracle", "collateral_model"),
    *("eth_market", "btc_market"),
}


class World:
    """Accounts of one holder in every situation that an action needs, and whoever may try it. Contracts call, too."""

    def __init__(self, protocol: Protocol, policy: dict[str, Any]) -> None:
        self.protocol, self.chain, self.policy = protocol, protocol.chain, policy
        self._cast(protocol)
        self._hand_over(protocol)
        self._give(protocol)
        self._lend(protocol.credit_pool)
        self._insure(protocol.insurance_fund)
        self._invest(protocol.pool)
        self.main = self.account(cash=50_000, ETH=(10, 20_000))
        self.needy = self.account(cash=50_000, ETH=(10, 3_000))
        self.donor = self.account(BTC=(0.5, 2_500), ETH=(5, 40_000))
        self.risky = self.account(ETH=(10, 6_000), policy={"risk_budget": 200})
        self.waiting = self.account(cash=10_000)
        self.other = self.account(self.other_holder, cash=50_000, ETH=(1, 5_000))
        self._wait(protocol)

    def _cast(self, protocol: Protocol) -> None:
        """People first, then contracts."""
        accounts = [str(account) for account in protocol.chain.accounts]
        self.deployer, self.holder, self.other_holder, self.keeper = accounts[:4]
        self.guardian, self.stranger, self.former_holder, self.heir = accounts[4:8]
        self.trade_operator, self.margin_operator, self.withdraw_operator = accounts[8:11]
        self.expired_operator, self.void_operator, self.share_operator = accounts[11:14]
        self.eth, self.btc = protocol.market_ids["ETH"], protocol.market_ids["BTC"]
        self.token = protocol.token.address
        self.market = protocol.markets["ETH"]
        self.contracts = {each.artifact.name: each for each in protocol.contracts.values()}
        self.contracts["DerivativesMarket"] = self.market
        for role in ("vault", "exchange", "rebalancer", "liquidator", "planner", "pool", "oracle", "collateral_model"):
            setattr(self, role, self.chain.impersonate(protocol.contracts[role].address))
        self.owner = self.chain.impersonate(protocol.timelock.address)
        self.eth_market = self.chain.impersonate(self.market.address)
        self.btc_market = self.chain.impersonate(protocol.markets["BTC"].address)

    def _hand_over(self, protocol: Protocol) -> None:
        """The timelock owns everything, and one proposal is ready."""
        timelock, guard = protocol.timelock, protocol.vault.set_guardian.encode(self.guardian)
        protocol.vault.set_guardian(self.guardian, sender=self.deployer)
        weth, wbtc = (self.chain.deploy("MockToken", name, name, 8, sender=self.deployer) for name in ("WETH", "WBTC"))
        self.collateral, self.new_token = weth.address, wbtc.address
        self.index = protocol.vault.add_collateral(self.collateral, WAD, sender=self.deployer).returned
        protocol.hand_over(self.deployer)
        self.delay = int(timelock.get_minimum_delay())
        self.proposer_role = timelock.PROPOSER_ROLE()
        self.operation = (self.vault, 0, guard, NONE, NONE)
        self.proposal = timelock.hash_operation(*self.operation)
        timelock.schedule(*self.operation, self.delay, sender=self.deployer)
        self._pass(self.delay)

    def _give(self, protocol: Protocol) -> None:
        """Everybody has tokens, and lets the vault and whoever sells shares take them."""
        for kind in sorted(PEOPLE | CONTRACTS):
            protocol.mint(getattr(self, kind), 1_000 * WAD, self.deployer)
            for taker in (self.vault, self.pool, protocol.credit_pool.address, protocol.insurance_fund.address):
                protocol.token.approve(taker, 1_000 * WAD, sender=getattr(self, kind))

    def _lend(self, pool: Contract) -> None:
        """The holder has shares, and an exit to claim."""
        pool.deposit(100 * 10**6, self.holder, sender=self.holder)
        pool.approve(self.share_operator, 10 * WAD, sender=self.holder)
        pool.request_exit(20 * WAD, self.holder, sender=self.holder)

    def _insure(self, fund: Contract) -> None:
        """The holder has shares, some of which have cooled down: written into storage, for a week would change what
        all books need."""
        fund.deposit(100 * 10**6, self.holder, sender=self.holder)
        fund.approve(self.share_operator, 10 * WAD, sender=self.holder)
        fund.request_exit(20 * WAD, sender=self.holder)
        waiting = fund.exit_of(self.holder)
        for root in range(32):
            slot = int.from_bytes(keccak(root.to_bytes(32, "big") + bytes.fromhex(self.holder[2:]).rjust(32, b"\0")))
            if self.chain.storage(fund.address, slot) == waiting.shares << 64 | waiting.opens:
                self.chain.set_storage(fund.address, slot, waiting.shares << 64 | self.chain.timestamp)
        assert fund.maxRedeem(self.holder) == waiting.shares

    def _invest(self, pool: Contract) -> None:
        """The holder has shares, an entry to claim, an exit to claim, and an entry that is due."""
        me, delay = self.holder, int(pool.REQUEST_DELAY())
        pool.setOperator(self.share_operator, True, sender=me)
        pool.approve(self.share_operator, WAD, sender=me)
        entry = pool.requestDeposit(100 * 10**6, me, me, sender=me).event("DepositRequest").requestId
        self._pass(delay)
        pool.execute_request(entry, [], sender=me)
        pool.deposit(50 * 10**6, me, me, sender=me)
        exit_ = pool.requestRedeem(20 * WAD, me, me, sender=me).event("RedeemRequest").requestId
        self.request = pool.requestDeposit(100 * 10**6, me, me, sender=me).event("DepositRequest").requestId
        self._pass(delay)
        self.request_rounds = [self.protocol.latest_round(name) for name in ("ETH", "BTC")]
        pool.execute_request(exit_, [], sender=me)

    def _pass(self, seconds: int) -> None:
        """Time passes, and prices are fresh again."""
        self.chain.advance(seconds)
        for name in self.protocol.markets:
            self.publish(name)

    def _wait(self, protocol: Protocol) -> None:
        """An order and a cut whose rounds have come; every price is fresh."""
        leg = self.eth, WAD, 2**112 - 1, 5_000 * WAD
        receipt = protocol.exchange.commit(self.waiting, [leg], False, sender=self.holder)
        self.order = receipt.event("OrderCommitted").order
        protocol.rebalancer.rebalance(self.risky, sender=self.keeper)
        self._pass(30)
        protocol.vault.top_up_pool(self.eth, 100_000 * WAD, sender=self.exchange)
        self.round = protocol.latest_round("ETH")
        protocol.vault.transfer_account(self.main, self.heir, sender=self.holder)

    def account(
        self, holder: str = "", cash: int = 0, policy: dict[str, Any] | None = None, **books: tuple[float, int]
    ) -> int:
        """An account with that cash and books of a size and a margin, and an operator for each right."""
        vault, holder = self.protocol.vault, holder or self.holder
        account = self._inherited(holder)
        self.protocol.rebalancer.set_policy(account, self.policy | {"max_risk_share": 10_000}, sender=holder)
        for name, (size, margin) in books.items():
            deposit_to(self.protocol, account, holder, (margin + 100) * WAD, self.deployer)
            receipt = self.trade(account, int(size * WAD), margin * WAD, name)
            assert not receipt.named("OrderFailed"), receipt.events
        self.protocol.rebalancer.set_policy(account, self.policy | (policy or {}), sender=holder)
        if rest := vault.treasury(account).cash // vault.SCALE():
            vault.withdraw(account, self.token, rest, holder, sender=holder)
        if cash:
            deposit_to(self.protocol, account, holder, cash * WAD, self.deployer)
        self.appoint(account, holder)
        return account

    def _inherited(self, holder: str) -> int:
        """An account that was somebody else's, who had an operator with all rights."""
        vault, former = self.protocol.vault, self.former_holder
        account = int(vault.open_account(former, sender=former).event("AccountOpened").account)
        vault.set_operator(account, self.void_operator, ALL, FOREVER, sender=former)
        vault.transfer_account(account, holder, sender=former)
        vault.accept_account(account, sender=holder)
        return account

    def appoint(self, account: int, holder: str) -> None:
        """One operator for each right, and one with all of them whose time is over."""
        vault, now = self.protocol.vault, self.chain.timestamp
        for operator, rights in (
            (self.trade_operator, TRADE),
            (self.margin_operator, MARGIN),
            (self.withdraw_operator, WITHDRAW),
        ):
            vault.set_operator(account, operator, rights, now + YEARS, sender=holder)
        vault.set_operator(account, self.expired_operator, ALL, now + 1, sender=holder)
        self.chain.advance(2)

    def trade(self, account: int, size: int, margin: int = 0, name: str = "ETH", **kwargs: Any) -> Receipt:
        """Commit, a round at an unchanged price, execution."""
        return trade_at_oracle(
            self.protocol, account, name, size, margin, owner=self.deployer, keeper=self.keeper, **kwargs
        )

    def publish(self, name: str, percent: int = 100) -> None:
        """A round at that share of the last answer, a block later."""
        self.chain.advance(12)
        answer = int(self.protocol.feeds[name].latestRoundData()[1])
        self.protocol.aggregators[name].publish(answer * percent // 100, sender=self.deployer)

    def size(self, account: int) -> int:
        """Of the ETH book."""
        return int(self.market.book(account).size)

    def margin(self, account: int) -> int:
        """What the ETH book is worth but for its perpetual's profit: moves of margin change it, prices do not."""
        return int(self.market.book(account).base)

    def cash(self, account: int) -> int:
        return int(self.protocol.vault.treasury(account).cash)

    def happens(self, action: Callable[[], bool]) -> bool:
        """Whether the action says that it took place, with everything put back."""
        state = self.chain.snapshot()
        try:
            return action()
        except Reverted:
            return False
        finally:
            self.chain.revert(state)


@pytest.fixture(scope="session")
def _world(params: Params) -> World:
    """With a chain of its own, for the contracts are made to speak."""
    chain = PuppetChain()
    changes = {
        "z_trigger": 8 * WAD,
        "z_donor": 8 * WAD,
        "z_target": 40 * WAD,
        "containment": 10_000,
        "max_risk_share": 10_000,
        "max_slippage": 1_000,
        "max_delever": 10_000,
        "cooldown": 0,
    }
    governance = params.governance.model_copy(update={"delay": 60})
    hasty = params.model_copy(update={"governance": governance})
    return World(Protocol.deploy(chain, hasty, chain.accounts[0]), params.policy.model_dump() | changes)


@pytest.fixture
def world(_world: World) -> Iterator[World]:
    """ETH long: plenty of margin in `main`, too little in `needy`, some to give in `donor`, much risk in `risky`."""
    state = _world.chain.snapshot()
    yield _world
    _world.chain.revert(state)
