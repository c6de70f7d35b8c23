"""The integer model beside the chain: whatever the chain took, the model takes too, and must come out alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ballast.chain import Contract, Receipt
from ballast.chain.abi import Function
from ballast.deploy import Protocol
from ballast.model import collateral_auctions, liquidation
from ballast.model.errors import Rejected
from ballast.model.exchange import Leg
from ballast.model.policy import Policy
from ballast.model.rebalancer import Result
from ballast.model.system import OWNER, System
from ballast.params import Params

SILENT = {"token", "collateral", "aggregator", "second_aggregator", "auditor"}  # of no account of the model
UNHEARD = {("timelock", "schedule_batch")}


class Mirror:
    """Every transaction that the chain has taken, put to the model of it: one method a function, named after both, with
    the function's arguments by name."""

    def __init__(self, protocol: Protocol, params: Params) -> None:
        now, self._protocol = protocol.chain.timestamp, protocol
        self.model = System.deploy(params, int(protocol.token.decimals()), {}, now)
        self.model.vault.guardian = protocol.vault.guardian()
        self.calls = 0
        self.refused: list[str] = []  # what the chain took and the model did not
        self._contracts: dict[str, tuple[str, Contract]] = {}
        for role, contract in protocol.contracts.items():
            self._contracts[contract.address] = role, contract
        self._tokens = {token.address: name for name, token in protocol.collateral.items()}

    def publish(self, symbol: str, answer: int, now: int) -> None:
        """A round of a feed."""
        self.model.feeds[self._protocol.market_ids[symbol]].publish(answer, now)

    def take(self, to: str, data: bytes, sender: str, receipt: Receipt, gas_price: Callable[[], int]) -> Any:
        """What the chain took; what the model makes of it."""
        role, contract = self._contracts.get(to, ("auditor", None))
        kind, _, name = role.partition(".")
        if kind in SILENT or contract is None:
            return None
        function = _function(contract, data)
        if (kind, function.name) in UNHEARD:
            return None
        arguments = dict(zip(function.inputs.names, function.inputs.decode(data[4:]), strict=True))
        if kind == "market":
            arguments["id_"] = self._protocol.market_ids[name]
        self._gas_price, self._receipt = gas_price, receipt
        self.calls += 1
        try:
            return getattr(self, f"{kind}_{function.name}")(sender, receipt.timestamp, **arguments)
        except Rejected as refusal:
            self.refused.append(f"{function.name} at {receipt.timestamp}: {refusal.reason}")
            return None

    def fast_volatility(self, symbol: str, now: int) -> int:
        """What the oracle makes of its rounds, annualised [wad]."""
        return self.model.feeds[self._protocol.market_ids[symbol]].quote(now).fast_volatility

    # Comparison

    def differences(self, accounts: Sequence[int] = ()) -> list[str]:
        """Every treasury and every book in which chain and model differ, of these accounts or of all."""
        among = accounts or range(1, self._protocol.vault.account_count() + 1)
        return [*self._treasuries(among), *self._books(among)]

    def _treasuries(self, accounts: Sequence[int]) -> list[str]:
        vault, model, found = self._protocol.vault, self.model.vault, []
        for account in accounts:
            treasury, other = vault.treasury(account), model.treasury(account, self._protocol.chain.timestamp)
            mine = (treasury.cash, treasury.escrow, treasury.locked, treasury.slots)
            theirs = (other.cash, other.escrow, other.locked, other.slots)
            if mine != theirs:
                found.append(f"treasury {account}: chain {mine}, model {theirs}")
            held = tuple(vault.collateral_of(account))
            if treasury.collateral and held != model.collateral_of(account):
                found.append(f"collateral {account}: chain {held}, model {model.collateral_of(account)}")
        return found

    def _books(self, accounts: Sequence[int]) -> list[str]:
        found = []
        for name, market in self._protocol.markets.items():
            model = self.model.markets[self._protocol.market_ids[name]]
            for account in accounts:
                book, other = market.book(account), model.book(account)
                if any(getattr(other, field) != figure for field, figure in book._asdict().items()):
                    found.append(f"{name} book {account}: chain {book}, model {other}")
        return found

    # The vault

    def vault_open_account(self, sender: str, now: int, owner: str) -> None:
        self.model.vault.open_account(owner)

    def vault_deposit(self, sender: str, now: int, account: int, token: str, amount: int) -> None:
        self.model.vault.deposit(account, amount, self._tokens.get(token), sender=sender, now=now)

    def vault_withdraw(self, sender: str, now: int, account: int, token: str, amount: int, receiver: str) -> None:
        self.model.vault.withdraw(sender, account, amount, receiver, self._tokens.get(token), now=now)

    def vault_release_lock(self, sender: str, now: int, account: int, market: int) -> None:
        self.model.vault.release_lock(account, market, now=now)

    # Orders and the engine

    def exchange_commit(self, sender: str, now: int, account: int, legs: Sequence[Any], reduce_only: bool) -> None:
        self.model.exchange.commit(sender, account, [Leg(*leg) for leg in legs], reduce_only, now=now)

    def exchange_execute(self, sender: str, now: int, order: int, rounds: Sequence[int]) -> None:
        self.model.exchange.execute(sender, order, rounds, now=now)

    def exchange_void(self, sender: str, now: int, order: int) -> None:
        self.model.exchange.void(order, now=now)

    def rebalancer_set_policy(self, sender: str, now: int, account: int, policy: Any) -> None:
        self.model.rebalancer.set_policy(sender, account, Policy(**policy._asdict()), now=now)

    def rebalancer_rebalance_many(self, sender: str, now: int, accounts: Sequence[int]) -> list[tuple[int, Result]]:
        return self.model.rebalancer.rebalance_many(sender, accounts, now=now, gas_price=self._gas_price())

    def rebalancer_transfer_margin(
        self, sender: str, now: int, account: int, source: int, target: int, amount: int
    ) -> None:
        self.model.rebalancer.transfer_margin(sender, account, source, target, amount, now=now)

    # The pool's shareholders

    def pool_requestDeposit(self, sender: str, now: int, assets: int, controller: str, owner: str) -> None:
        self.model.shares.request_deposit(sender, assets, controller, owner, now=now)

    def pool_requestRedeem(self, sender: str, now: int, shares: int, controller: str, owner: str) -> None:
        self.model.shares.request_redeem(sender, shares, controller, owner, now=now)

    def pool_execute_request(self, sender: str, now: int, id: int, rounds: Sequence[int]) -> None:
        self.model.shares.execute_request(id, rounds, now=now)

    def pool_deposit(self, sender: str, now: int, assets: int, receiver: str, controller: str) -> None:
        self.model.shares.deposit(sender, assets, receiver, controller)

    def pool_withdraw(self, sender: str, now: int, assets: int, receiver: str, controller: str) -> None:
        self.model.shares.withdraw(sender, assets, receiver, controller, now=now)

    # Lenders, insurers

    def credit_pool_deposit(self, sender: str, now: int, assets: int, receiver: str) -> None:
        self.model.credit.deposit(assets, receiver, now=now)

    def credit_pool_serve_exits(self, sender: str, now: int, count: int) -> None:
        self.model.credit.serve_exits(count, now=now)

    def credit_pool_collect_reserve(self, sender: str, now: int) -> None:
        self.model.credit.collect_reserve(now=now)

    def insurance_fund_deposit(self, sender: str, now: int, assets: int, receiver: str) -> None:
        self.model.insurance.deposit(assets, receiver)

    # Liquidation: what the chain sold, the model's own rescue must not have cured

    def liquidator_start(self, sender: str, now: int, account: int, market: int, orders: Sequence[int]) -> None:
        self._agree("AuctionStarted", self.model.liquidator.start(account, market, orders, now=now))

    def liquidator_bid(self, sender: str, now: int, bid: Any) -> None:
        terms = liquidation.Bid(**bid._asdict())
        self._agree("BookSold", not self.model.liquidator.bid(sender, terms, now=now).cured)

    def liquidator_bid_for_pool(self, sender: str, now: int, account: int, market: int, orders: Sequence[int]) -> None:
        self._agree("BookSold", not self.model.liquidator.bid_for_pool(account, market, orders, now=now).cured)

    def liquidator_stop(self, sender: str, now: int, account: int, market: int) -> None:
        self.model.liquidator.stop(account, market, now=now)

    def collateral_auctions_start(self, sender: str, now: int, account: int, index: int, orders: Sequence[int]) -> None:
        self._agree("AuctionStarted", self.model.collateral_auctions.start(account, index, orders, now=now))

    def collateral_auctions_bid(self, sender: str, now: int, bid: Any) -> None:
        terms = collateral_auctions.Bid(**bid._asdict())
        self._agree("CollateralSold", not self.model.collateral_auctions.bid(sender, terms, now=now).cured)

    def deficits_note(self, sender: str, now: int, account: int, market: int) -> None:
        self.model.deficits.note(account, market, now=now)

    def deficits_realise_deficit(self, sender: str, now: int, account: int, market: int, orders: Sequence[int]) -> None:
        self.model.deficits.realise_deficit(account, market, orders, now=now)

    def deficits_realise_debt(self, sender: str, now: int, account: int, orders: Sequence[int]) -> None:
        self.model.deficits.realise_debt(account, orders, now=now)

    def deficits_close_pool(self, sender: str, now: int, market: int) -> None:
        self.model.deficits.close_pool(market, now=now)

    def _agree(self, event: str, liquidated: bool) -> None:
        if bool(self._receipt.named(event)) != liquidated:
            words = "cured what the chain liquidated" if not liquidated else "liquidated what the chain cured"
            self.refused.append(f"at {self._receipt.timestamp} the model {words}")

    # Oracle, guardian, owner

    def oracle_poke(self, sender: str, now: int, feed_id: int) -> None:
        self.model.feeds[feed_id].poke(now)

    def market_set_state(self, sender: str, now: int, state: int, id_: int) -> None:
        self.model.markets[id_].set_state(state, now, guardian=sender != OWNER)

    def timelock_execute_batch(
        self, sender: str, now: int, targets: Sequence[str], payloads: Sequence[bytes], **_: Any
    ) -> None:
        for target, data in zip(targets, payloads, strict=True):
            self.take(target, data, OWNER, self._receipt, self._gas_price)


def _function(contract: Contract, data: bytes) -> Function:
    """The function that calldata is for."""
    overloads: Mapping[str, Mapping[int, Function]] = contract.artifact.functions
    return next(each for group in overloads.values() for each in group.values() if each.selector == data[:4])
