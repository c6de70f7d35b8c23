"""One run of a deployment: what is not there is deployed, what differs is set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ballast.chain import Contract, Sender, address_of
from ballast.chain.abi import artifact
from ballast.chain.base import ZERO_ADDRESS
from ballast.deploy.manifest import DeploymentError, Entry, code_hash
from ballast.deploy.settings import ANYONE, settings
from ballast.params import CollateralParams, FeedParams, Params, SecondFeedParams, TokenParams

if TYPE_CHECKING:
    from ballast.deploy.protocol import Protocol

# How many of a constructor's last arguments are settings that the owner may change later: the wiring compares them
_SETTINGS = {"DerivativesMarket": 1, "Timelock": 4}


class Deployment:
    """One run: contracts in order of need, then the wiring, then the pool's first money."""

    def __init__(self, protocol: Protocol, params: Params, owner: Sender) -> None:
        self._protocol = protocol
        self._chain = protocol.chain
        self._manifest = protocol.manifest
        self._params = params
        self._owner = owner

    def run(self) -> None:
        params = self._params
        settlement = params.settlement
        token = self._token("token", settlement, settlement.name, settlement.symbol)
        outflow = self._contract("outflow", "Outflow")
        vault = self._contract("vault", "Vault", token, params.vault.pool_share, params.vault.insurance_share, outflow)
        oracle = self._contract("oracle", "PriceOracle", vault)
        self._sequencer()
        collateral_model = self._contract("collateral_model", "CollateralModel", vault, oracle)
        pool = self._contract("pool", "LiquidityPool", vault, token, oracle)
        insurance = self._contract("insurance_fund", "InsuranceFund", vault, token)
        self._contract("credit_pool", "CreditPool", vault, token, insurance)
        for id_, (name, market) in enumerate(params.markets.items(), 1):
            self._feeds(name, market.feed)
            self._contract(f"market.{name}", "DerivativesMarket", vault, oracle, pool, id_, market.risk.model_dump())
        for name, collateral in params.collateral.items():
            self._collateral(name, collateral)
        native = list(params.markets).index(params.rebalancer.native) + 1
        cut_planner = self._contract("cut_planner", "CutPlanner")
        planner = self._contract("planner", "Planner", vault, oracle, pool, collateral_model, cut_planner)
        rebalancer = self._contract("rebalancer", "Rebalancer", vault, oracle, planner, native)
        exchange = self._contract("exchange", "Exchange", vault, oracle, pool, rebalancer)
        engines = vault, exchange, rebalancer
        self._contract("liquidator", "Liquidator", *engines, insurance)
        self._contract("collateral_auctions", "CollateralAuctions", *engines, oracle)
        self._contract("deficits", "Deficits", *engines, insurance)
        self._contract("risk_model", "RiskModel")
        self._contract("lens", "Lens", vault, oracle, exchange, rebalancer)
        self._timelock()

        for setting in settings(self._protocol, params):
            if not setting.done and not self._is_handed_over(setting.contract):
                setting.send(self._owner)
        self._seed_pool()
        self._manifest.save()

    def _timelock(self) -> Contract:
        """Nobody administers it but itself."""
        powers, deployer = self._params.governance, self._manifest.deployer
        proposers = powers.holders(powers.proposers, deployer)
        executors = powers.holders(powers.executors, deployer) or [ANYONE]
        return self._contract("timelock", "Timelock", powers.delay, proposers, executors, ZERO_ADDRESS)

    def _is_handed_over(self, contract: Contract) -> bool:
        """Whether only a proposal can change it."""
        timelock = self._protocol.timelock
        return contract == timelock or contract.owner() == timelock.address

    def _contract(self, role: str, name: str, *args: Any) -> Contract:
        """The contract of that role: as recorded, or deployed now."""
        plain = [getattr(arg, "address", arg) for arg in args]
        if entry := self._manifest.contracts.get(role):
            return self._recorded(role, entry, plain)
        contract = self._chain.deploy(name, *plain, sender=self._owner)
        code = self._chain.code(contract.address)
        block = contract.deployment.block if contract.deployment else self._chain.block
        entry = Entry(name, contract.address, plain, block, code_hash(code), code_hash(artifact(name).bytecode))
        self._manifest.record(role, entry)
        return contract

    def _recorded(self, role: str, entry: Entry, args: list[Any]) -> Contract:
        if code_hash(self._chain.code(entry.address)) != entry.code_hash:
            raise DeploymentError(f"{role}: the code at {entry.address} is not what {self._manifest.path} records")
        if entry.artefact_hash and entry.artefact_hash != code_hash(artifact(entry.contract).bytecode):
            raise DeploymentError(
                f"{role}: {entry.contract} has changed since {self._manifest.path} was written; "
                "remove that file to deploy anew"
            )
        settings = _SETTINGS.get(entry.contract, 0)
        if entry.arguments[: len(args) - settings] != args[: len(args) - settings]:
            raise DeploymentError(f"{role}: deployed with {entry.arguments}, the parameters now say {args}")
        return self._chain.at(entry.contract, entry.address)

    def _existing(self, role: str, contract: str, address: str) -> Contract:
        """A contract of others at a given address."""
        code = self._chain.code(address)
        if not code:
            raise DeploymentError(f"{role}: no contract at {address} on chain {self._chain.chain_id}")
        if role not in self._manifest.contracts:
            self._manifest.record(role, Entry(contract, address, [], self._chain.block, code_hash(code), ""))
        return self._chain.at(contract, address)

    def _token(self, role: str, token: TokenParams | CollateralParams, name: str, symbol: str) -> Contract:
        if token.address is not None:
            return self._existing(role, "MockToken", token.address)
        return self._contract(role, "MockToken", name, symbol, token.decimals)

    def _collateral(self, name: str, token: CollateralParams) -> None:
        """A token, and its feed where no market's prices it."""
        self._token(f"collateral.{name}", token, name, name)
        if token.feed is not None:
            self._feeds(name, token.feed)

    def _feeds(self, name: str, feed: FeedParams) -> None:
        """A price feed, and the second one where there is one."""
        self._feed(f"feed.{name}", f"aggregator.{name}", feed, feed.price)
        if feed.second is not None:
            self._feed(f"second_feed.{name}", f"second_aggregator.{name}", feed.second, feed.price)

    def _feed(self, role: str, aggregator_role: str, feed: FeedParams | SecondFeedParams, price: int) -> Contract:
        """A feed's proxy; a mock gets its first round."""
        if feed.address is not None:
            return self._existing(role, "MockFeedProxy", feed.address)
        aggregator = self._contract(aggregator_role, "MockAggregator", feed.decimals, f"{role.split('.')[1]} / USD")
        if aggregator.latestRoundData()[0] == 0:
            aggregator.publish(price // 10 ** (18 - feed.decimals), sender=self._owner)
        return self._contract(role, "MockFeedProxy", aggregator)

    def _sequencer(self) -> None:
        """A rollup's uptime feed; a mock says that it is up."""
        sequencer = self._params.oracle.sequencer
        if sequencer is None:
            return
        if sequencer.address is not None:
            self._existing("sequencer", "MockSequencerFeed", sequencer.address)
            return
        feed = self._contract("sequencer", "MockSequencerFeed")
        if feed.latestRoundData()[0] == 0:
            feed.set_status(0, sender=self._owner)

    def _seed_pool(self) -> None:
        """The pool's first shares, where it has none at all."""
        protocol, amount = self._protocol, self._params.pool.funding
        if amount == 0 or protocol.pool.totalSupply() or self._is_handed_over(protocol.pool):
            return
        raw = protocol.to_raw(amount)
        if self._params.settlement.mock:
            protocol.mint(self._owner, amount, self._owner)
        elif (held := protocol.token.balanceOf(address_of(self._owner))) < raw:
            raise DeploymentError(f"pool: the owner holds {held} units of the settlement token, funding takes {raw}")
        protocol.token.approve(protocol.pool.address, raw, sender=self._owner)
        protocol.pool.seed(raw, sender=self._owner)
