"""The one class that deploys the protocol: for tests, fuzzing, scripts, bots and the demo alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from eth_utils import keccak

from ballast.chain import Chain, Contract, Method, Reverted, Sender, address_of
from ballast.chain.abi import artifact
from ballast.deploy.manifest import DeploymentError, Entry, Manifest
from ballast.params import WAD, FeedParams, MarketParams, Params

EXCHANGE, REBALANCER = 1, 2  # roles of `Vault.roles`

Setting = tuple[str, bool, Callable[..., Any]]  # what it is; whether the chain has it; the transaction that sets it

# How many of a constructor's last arguments are settings that the owner may change later: the wiring compares them
_SETTINGS = {"DerivativesMarket": 1}


class Protocol:
    """Handles on a deployment.

    Usage::

        protocol = Protocol.deploy(chain, params.load(), owner)       # or Protocol.attach(chain, Manifest.load(path))
        protocol.vault.open_account(trader, sender=trader)
        protocol.markets["ETH"].book(1)
    """

    def __init__(self, chain: Chain, manifest: Manifest) -> None:
        self.chain = chain
        self.manifest = manifest

    @classmethod
    def deploy(
        cls, chain: Chain, params: Params, owner: Sender, manifest: Manifest | Path | None = None, name: str = ""
    ) -> Protocol:
        """Deploy what the manifest does not hold yet and set what differs from `params`; a second run sends nothing."""
        if not isinstance(manifest, Manifest):
            manifest = Manifest.open(manifest, chain.chain_id)
        _require_chain(chain, manifest)
        manifest.deployer, manifest.params = address_of(owner), name or manifest.params
        protocol = cls(chain, manifest)
        _Deployment(protocol, params, owner).run()
        return protocol

    @classmethod
    def attach(cls, chain: Chain, manifest: Manifest | Path) -> Protocol:
        """The deployment that a manifest describes."""
        if not isinstance(manifest, Manifest):
            manifest = Manifest.load(manifest)
        _require_chain(chain, manifest)
        if not chain.code(manifest.address("vault")):
            raise DeploymentError(
                f"{manifest.path}: no contract at {manifest.address('vault')} on chain {chain.chain_id}: "
                "it was started anew, or is another one (a local node that stays: see `ape run account --help`)"
            )
        return cls(chain, manifest)

    # Contracts

    def _contract(self, role: str) -> Contract:
        entry = self.manifest.contracts.get(role)
        if entry is None:
            raise DeploymentError(f"{self.manifest.path or 'deployment'}: holds no {role!r}")
        return self.chain.at(entry.contract, entry.address)

    @cached_property
    def token(self) -> Contract:
        """The settlement token."""
        return self._contract("token")

    @cached_property
    def vault(self) -> Contract:
        return self._contract("vault")

    @cached_property
    def oracle(self) -> Contract:
        return self._contract("oracle")

    @cached_property
    def pool(self) -> Contract:
        return self._contract("pool")

    @cached_property
    def exchange(self) -> Contract:
        return self._contract("exchange")

    @cached_property
    def planner(self) -> Contract:
        return self._contract("planner")

    @cached_property
    def rebalancer(self) -> Contract:
        return self._contract("rebalancer")

    @cached_property
    def risk_model(self) -> Contract:
        return self._contract("risk_model")

    @cached_property
    def lens(self) -> Contract:
        return self._contract("lens")

    @cached_property
    def markets(self) -> dict[str, Contract]:
        """Markets by name, in order of their ids."""
        return {name: self._contract(f"market.{name}") for name in self.manifest.markets()}

    @cached_property
    def market_ids(self) -> dict[str, int]:
        """Ids of markets, and so of their feeds, by name."""
        return {name: index for index, name in enumerate(self.markets, 1)}

    @cached_property
    def market_names(self) -> dict[int, str]:
        """Names of markets by id."""
        return {index: name for name, index in self.market_ids.items()}

    @cached_property
    def aggregators(self) -> dict[str, Contract]:
        """Mock aggregators by market, where the feed is a mock."""
        roles = ((name, f"aggregator.{name}") for name in self.markets)
        return {name: self._contract(role) for name, role in roles if role in self.manifest.contracts}

    @cached_property
    def feeds(self) -> dict[str, Contract]:
        """Feed proxies by market."""
        return {name: self._contract(f"feed.{name}") for name in self.markets}

    @cached_property
    def pool_account(self) -> int:
        """The pool's account id."""
        return int(self.pool.ACCOUNT())

    @cached_property
    def contracts(self) -> dict[str, Contract]:
        """All contracts by role."""
        return {role: self._contract(role) for role in self.manifest.contracts}

    # Mock money and prices

    @cached_property
    def _token_unit(self) -> int:
        return 10 ** int(self.token.decimals())

    def to_raw(self, wad: int) -> int:
        """US dollars [wad] → token units [raw], rounded down."""
        return wad * self._token_unit // WAD

    def mint(self, receiver: Sender, wad: int, sender: Sender) -> int:
        """Mint mock tokens worth `wad` to `receiver`; the amount in token units."""
        amount = self.to_raw(wad)
        self.token.mint(address_of(receiver), amount, sender=sender)
        return amount

    def publish(self, market: str, price: int, sender: Sender) -> int:
        """Publish a round of a mock feed now [wad]; the proxy's round id."""
        scale = self._feed_scales[market]
        self.aggregators[market].publish(price // scale, sender=sender)
        return self.latest_round(market)

    def latest_round(self, market: str) -> int:
        """Proxy round id of a feed's latest round."""
        return int(self.feeds[market].latestRoundData()[0])

    @cached_property
    def _feed_scales(self) -> dict[str, int]:
        return {name: 10 ** (18 - int(feed.decimals())) for name, feed in self.feeds.items()}

    # Reading back

    def verify(self, params: Params | None = None) -> list[str]:
        """Compare the chain with the manifest, the compiled contracts and, where given, the parameters.

        One sentence per difference; none means all is as recorded.
        """
        findings = list(self._verify_code())
        if not findings:  # wiring of contracts that are not there would only repeat it
            findings += [f"{what} is not as it should be" for what, ok, _ in self.wiring(params) if not ok]
        return findings

    def _verify_code(self) -> Iterator[str]:
        for role, entry in self.manifest.contracts.items():
            code = self.chain.code(entry.address)
            if not code:
                yield f"{role}: no code at {entry.address}"
            elif _hash(code) != entry.code_hash:
                yield f"{role}: code at {entry.address} is not what was deployed"
            elif entry.artefact_hash and entry.artefact_hash != _hash(artifact(entry.contract).bytecode):
                yield f"{role}: deployed from other source than the compiled {entry.contract}"

    def wiring(self, params: Params | None = None) -> Iterator[Setting]:
        """Every setting of the deployment, in the order in which they can be set."""
        vault, exchange = self.vault, self.exchange

        for name, market in self.markets.items():
            id_ = self.market_ids[name]
            yield (
                f"vault.market({id_})",
                vault.market_count() >= id_ and vault.market(id_)[0] == market.address,
                partial(vault.add_market, market.address),
            )
        for engine, role, bits in ((exchange, "exchange", EXCHANGE), (self.rebalancer, "rebalancer", REBALANCER)):
            yield (
                f"vault.roles({role})",
                vault.roles(engine.address) == bits,
                partial(vault.set_engine, engine.address, bits),
            )
        yield (
            "vault.pool_account",
            vault.pool_account() == self.pool_account,
            partial(vault.set_pool, self.pool_account),
        )
        if params is not None:
            fee = params.exchange.execution_fee
            yield "exchange.execution_fee", exchange.execution_fee() == fee, partial(exchange.set_execution_fee, fee)
            for name, market_params in params.markets.items():
                yield from self._market_wiring(name, market_params)

    def _market_wiring(self, name: str, params: MarketParams) -> Iterator[Setting]:
        id_, market = self.market_ids[name], self.markets[name]
        feed = params.feed.struct(self.feeds[name].address)
        settings = (
            ("oracle.feed", self.oracle.feed_config, self.oracle.set_feed, feed),
            ("pool.quote", self.pool.quote_config, self.pool.set_quote, params.quote.model_dump()),
            ("exchange.fees", self.exchange.fee_config, self.exchange.set_fees, params.fees.model_dump()),
        )
        for what, getter, setter, wanted in settings:
            yield (
                f"{what}({name})",
                _reads(getter, id_) == wanted,
                partial(setter, id_, wanted),
            )
        risk = params.risk.model_dump()
        yield (
            f"market.config({name})",
            market.config()._asdict() == risk,
            partial(market.set_config, risk),
        )
        yield (
            f"vault.meter({name})",
            self.vault.meter(id_)[0] == params.meter,
            partial(self.vault.set_meter, id_, params.meter),
        )


class _Deployment:
    """One run: contracts in order of need, then the wiring, then the pool's first money."""

    def __init__(self, protocol: Protocol, params: Params, owner: Sender) -> None:
        self._protocol = protocol
        self._chain = protocol.chain
        self._manifest = protocol.manifest
        self._params = params
        self._owner = owner

    def run(self) -> None:
        params = self._params
        token = self._token()
        vault = self._contract("vault", "Vault", token, params.vault.pool_share)
        oracle = self._contract("oracle", "PriceOracle")
        pool = self._contract("pool", "LiquidityPool", vault, token)
        for id_, (name, market) in enumerate(params.markets.items(), 1):
            self._feed(name, market.feed)
            self._contract(f"market.{name}", "DerivativesMarket", vault, oracle, pool, id_, market.risk.model_dump())
        native = list(params.markets).index(params.rebalancer.native) + 1
        planner = self._contract("planner", "Planner", vault, oracle, pool)
        rebalancer = self._contract("rebalancer", "Rebalancer", vault, oracle, planner, native)
        exchange = self._contract("exchange", "Exchange", vault, oracle, pool, rebalancer)
        self._contract("risk_model", "RiskModel")
        self._contract("lens", "Lens", vault, oracle, exchange, rebalancer)

        for _, is_set, set_ in self._protocol.wiring(params):
            if not is_set:
                set_(sender=self._owner)
        self._fund_pool()
        self._manifest.save()

    def _contract(self, role: str, name: str, *args: Any) -> Contract:
        """The contract of that role: as recorded, or deployed now."""
        plain = [getattr(arg, "address", arg) for arg in args]
        if entry := self._manifest.contracts.get(role):
            return self._recorded(role, entry, plain)
        contract = self._chain.deploy(name, *plain, sender=self._owner)
        code = self._chain.code(contract.address)
        block = contract.deployment.block if contract.deployment else self._chain.block
        entry = Entry(name, contract.address, plain, block, _hash(code), _hash(artifact(name).bytecode))
        self._manifest.record(role, entry)
        return contract

    def _recorded(self, role: str, entry: Entry, args: list[Any]) -> Contract:
        if _hash(self._chain.code(entry.address)) != entry.code_hash:
            raise DeploymentError(f"{role}: the code at {entry.address} is not what {self._manifest.path} records")
        if entry.artefact_hash and entry.artefact_hash != _hash(artifact(entry.contract).bytecode):
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
            self._manifest.record(role, Entry(contract, address, [], self._chain.block, _hash(code), ""))
        return self._chain.at(contract, address)

    def _token(self) -> Contract:
        token = self._params.settlement
        if token.address is not None:
            return self._existing("token", "MockToken", token.address)
        return self._contract("token", "MockToken", token.name, token.symbol, token.decimals)

    def _feed(self, name: str, feed: FeedParams) -> Contract:
        """The feed's proxy; a mock gets its first round."""
        role = f"feed.{name}"
        if feed.address is not None:
            return self._existing(role, "MockFeedProxy", feed.address)
        aggregator = self._contract(f"aggregator.{name}", "MockAggregator", feed.decimals, f"{name} / USD")
        if aggregator.latestRoundData()[0] == 0:
            aggregator.publish(feed.price // 10 ** (18 - feed.decimals), sender=self._owner)
        return self._contract(role, "MockFeedProxy", aggregator)

    def _fund_pool(self) -> None:
        """The pool's first money, where it has none at all."""
        protocol, amount = self._protocol, self._params.pool.funding
        treasury = protocol.vault.treasury(protocol.pool_account)
        if amount == 0 or treasury.cash or treasury.slots:
            return
        raw = protocol.to_raw(amount)
        if self._params.settlement.mock:
            protocol.mint(self._owner, amount, self._owner)
        elif (held := protocol.token.balanceOf(address_of(self._owner))) < raw:
            raise DeploymentError(f"pool: the owner holds {held} units of the settlement token, funding takes {raw}")
        protocol.token.approve(protocol.pool.address, raw, sender=self._owner)
        protocol.pool.fund(raw, sender=self._owner)


def _require_chain(chain: Chain, manifest: Manifest) -> None:
    if manifest.chain_id != chain.chain_id:
        raise DeploymentError(
            f"{manifest.path}: describes chain {manifest.chain_id}, connected to chain {chain.chain_id}"
        )


def _reads(getter: Method, *args: Any) -> dict[str, Any] | None:
    """A struct as the chain has it; None where the contract has none yet."""
    try:
        return dict(getter(*args)._asdict())
    except Reverted:
        return None


def _hash(code: bytes) -> str:
    return "0x" + keccak(code).hex()
