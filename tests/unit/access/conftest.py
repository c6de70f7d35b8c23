"""The protocol after the handover, with somebody of every kind in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ballast.chain import Contract, Receipt, Reverted
from ballast.deploy import Protocol
from ballast.params import WAD, Params
from tests.support import deposit_to, trade_at_oracle
from tests.unit.access.puppets import PuppetChain

TRADE, MARGIN, WITHDRAW = 1, 2, 4  # rights of operators
ALL = TRADE | MARGIN | WITHDRAW
FOREVER = 2**40 - 1
YEARS = 10**8  # [s]


class World:
    """Accounts of one holder in every situation that an action needs, and whoever may try it."""

    def __init__(self, protocol: Protocol, policy: dict[str, Any]) -> None:
        self.protocol, self.chain, self.policy = protocol, protocol.chain, policy
        accounts = [str(account) for account in protocol.chain.accounts]
        self.deployer, self.holder, self.other_holder, self.keeper = accounts[:4]
        self.guardian, self.stranger = accounts[4:6]
        self.trade_operator, self.margin_operator, self.withdraw_operator, self.expired_operator = accounts[6:10]
        self.eth = protocol.market_ids["ETH"]
        self.market: Contract = protocol.markets["ETH"]
        protocol.vault.set_guardian(self.guardian, sender=self.deployer)

        self.main = self.account(cash=50_000, ETH=(10, 20_000))
        self.needy = self.account(cash=50_000, ETH=(10, 3_000))
        self.donor = self.account(BTC=(0.5, 2_500), ETH=(5, 40_000))
        self.risky = self.account(ETH=(10, 6_000), policy={"risk_budget": 200})
        self.other = self.account(self.other_holder, cash=50_000, ETH=(1, 5_000))
        protocol.hand_over(self.deployer)
        self.owner = self.chain.impersonate(protocol.timelock.address)
        for name in ("ETH", "BTC"):
            self.publish(name)

    def account(
        self, holder: str = "", cash: int = 0, policy: dict[str, Any] | None = None, **books: tuple[float, int]
    ) -> int:
        """An account with that cash and books of a size and a margin, and an operator for each right."""
        vault, holder = self.protocol.vault, holder or self.holder
        account = int(vault.open_account(holder, sender=holder).event("AccountOpened").account)
        self.protocol.rebalancer.set_policy(account, self.policy | {"max_risk_share": 10_000}, sender=holder)
        for name, (size, margin) in books.items():
            deposit_to(self.protocol, account, holder, (margin + 100) * WAD, self.deployer)
            receipt = self.trade(account, int(size * WAD), margin * WAD, name)
            assert not receipt.named("OrderFailed"), receipt.events
        self.protocol.rebalancer.set_policy(account, self.policy | (policy or {}), sender=holder)
        rest = vault.treasury(account).cash // vault.SCALE()
        vault.withdraw(account, self.protocol.token.address, rest, holder, sender=holder)
        if cash:
            deposit_to(self.protocol, account, holder, cash * WAD, self.deployer)
        self.appoint(account, holder)
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
    return World(Protocol.deploy(chain, params, chain.accounts[0]), params.policy.model_dump() | changes)


@pytest.fixture
def world(_world: World) -> Iterator[World]:
    """ETH long: plenty of margin in `main`, too little in `needy`, some to give in `donor`, much risk in `risky`."""
    state = _world.chain.snapshot()
    yield _world
    _world.chain.revert(state)
