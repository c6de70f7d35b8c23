"""What the owner of a deployment can set, in the order in which it can be set: the one list behind `deploy`, `verify`
and the timelock's batches."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ballast.chain import Contract, Method, Receipt, Reverted, Sender
from ballast.chain.base import ZERO_ADDRESS
from ballast.params import (
    CollateralParams,
    CreditParams,
    FeedParams,
    GovernanceParams,
    MarketParams,
    Params,
    SequencerParams,
)

if TYPE_CHECKING:
    from ballast.deploy.protocol import Protocol

ANYONE = ZERO_ADDRESS  # as a holder of the executor's role
EXCHANGE, REBALANCER, LIQUIDATOR = 1, 2, 4  # roles of `Vault.roles`
TREASURIES = 0  # as a market, to insurance


@dataclass(frozen=True)
class Setting:
    """One setting: what the chain has, and the transaction that would set what was asked for."""

    what: str
    done: bool
    contract: Contract
    function: str
    arguments: tuple[Any, ...]

    @classmethod
    def parse(cls, role: str, contract: Contract, function: str, arguments: Sequence[str]) -> Setting:
        """A call as people write it: whole numbers, addresses, yes and no."""
        for overload in contract.artifact.functions.get(function, {}).values():
            if len(overload.inputs) == len(arguments) and not overload.is_view:
                values = [_parsed(*each) for each in zip(overload.inputs.types, arguments, strict=True)]
                return cls(f"{role}.{function}", False, contract, function, tuple(values))
        raise ValueError(f"{role} has no function {function!r} that takes {len(arguments)} arguments")

    def send(self, sender: Sender) -> Receipt:
        receipt: Receipt = self._method(*self.arguments, sender=sender)
        return receipt

    def encode(self) -> bytes:
        """Its calldata, for whoever owns the contract."""
        return self._method.encode(*self.arguments)

    @property
    def _method(self) -> Method:
        method: Method = getattr(self.contract, self.function)
        return method


def _parsed(kind: str, text: str) -> Any:
    """An argument of a simple type."""
    if kind == "bool" and text in ("yes", "no"):
        return text == "yes"
    if kind == "address" and re.fullmatch("0x[0-9a-fA-F]{40}", text):
        return text
    if kind.startswith(("uint", "int")) and re.fullmatch("-?[0-9_]+", text):
        return int(text)
    raise ValueError(f"expected {kind}, got {text!r}")


def settings(protocol: Protocol, params: Params | None = None) -> Iterator[Setting]:
    """Every setting; those that come from a parameters file only where one is given. Each is read when it is reached,
    so that whoever sets them one by one may iterate as he goes."""
    yield from _wiring(protocol)
    if params is not None:
        yield from _parameters(protocol, params)


def _wiring(protocol: Protocol) -> Iterator[Setting]:
    """Who is who."""
    vault, outflow = protocol.vault, protocol.outflow
    known = outflow.vault() == vault.address
    yield Setting("outflow.vault", known, outflow, "set_vault", (vault.address,))
    for name, market in protocol.markets.items():
        id_ = protocol.market_ids[name]
        known = vault.market_count() >= id_ and vault.market(id_)[0] == market.address
        yield Setting(f"vault.market({id_})", known, vault, "add_market", (market.address,))
    for engine, role, bits in (
        (protocol.exchange, "exchange", EXCHANGE),
        (protocol.rebalancer, "rebalancer", REBALANCER),
        (protocol.liquidator, "liquidator", LIQUIDATOR),
        (protocol.collateral_auctions, "collateral_auctions", LIQUIDATOR),
        (protocol.deficits, "deficits", LIQUIDATOR),
    ):
        known = vault.roles(engine.address) == bits
        yield Setting(f"vault.roles({role})", known, vault, "set_engine", (engine.address, bits))
    model = protocol.collateral_model.address
    known = vault.collateral_model() == model
    yield Setting("vault.collateral_model", known, vault, "set_collateral_model", (model,))
    account = protocol.pool_account
    yield Setting("vault.pool_account", vault.pool_account() == account, vault, "set_pool", (account,))
    fund = int(protocol.insurance_fund.ACCOUNT())
    yield Setting("vault.insurance_account", vault.insurance_account() == fund, vault, "set_insurance", (fund,))
    lender = protocol.credit_pool.address
    yield Setting("vault.credit_pool", vault.credit_pool() == lender, vault, "set_credit_pool", (lender,))
    deficits = protocol.deficits.address
    for role, gate in (("insurance_fund", protocol.insurance_fund), ("credit_pool", protocol.credit_pool)):
        yield Setting(f"{role}.deficits", gate.deficits() == deficits, gate, "set_deficits", (deficits,))
    pool, address = protocol.pool, protocol.rebalancer.address
    yield Setting("pool.rebalancer", pool.rebalancer() == address, pool, "set_rebalancer", (address,))


def _parameters(protocol: Protocol, params: Params) -> Iterator[Setting]:
    """What the parameters file says."""
    vault, deployer = protocol.vault, protocol.manifest.deployer
    (guardian,) = params.governance.holders([params.governance.guardian], deployer)
    yield Setting("vault.guardian", vault.guardian() == guardian, vault, "set_guardian", (guardian,))
    exchange, fee = protocol.exchange, params.exchange.execution_fee
    known = exchange.execution_fee() == fee
    yield Setting("exchange.execution_fee", known, exchange, "set_execution_fee", (fee,))
    pool, cap = protocol.pool, params.pool.max_assets
    yield Setting("pool.max_assets", pool.max_assets() == cap, pool, "set_max_assets", (cap,))
    policy = params.pool.policy.model_dump()
    known = reads(protocol.rebalancer.policy, protocol.pool_account) == policy
    yield Setting("pool.policy", known, pool, "set_policy", (policy,))
    yield from _credit(protocol, params.credit)
    fund, treasuries = protocol.insurance_fund, params.insurance.treasury_cap
    known = fund.draw_cap(TREASURIES) == treasuries
    yield Setting("insurance_fund.draw_cap(treasuries)", known, fund, "set_draw_cap", (TREASURIES, treasuries))
    for name, market in params.markets.items():
        yield from _feed(protocol, name, protocol.market_ids[name], market.feed)
        yield from _market(protocol, name, market)
    for index, (name, token) in enumerate(params.collateral.items()):
        yield from _collateral(protocol, name, index, token, params.feed_id(name))
    yield _sequencer(protocol, params.oracle.sequencer)
    yield from _governance(protocol, params.governance)


def _feed(protocol: Protocol, name: str, id_: int, params: FeedParams) -> Iterator[Setting]:
    oracle, second = protocol.oracle, protocol.second_feeds.get(name)
    feed = params.struct(protocol.feeds[name].address, *[second.address] if params.second and second else [])
    known = reads(oracle.feed_config, id_) == feed
    yield Setting(f"oracle.feed({name})", known, oracle, "set_feed", (id_, feed, params.price))


def _credit(protocol: Protocol, params: CreditParams) -> Iterator[Setting]:
    """What debt costs, and how much there may be of it."""
    pool, caps = protocol.credit_pool, (params.max_assets, params.max_debt)
    rates = params.model_dump(exclude={"max_assets", "max_debt"})
    known = reads(pool.rate_config) == rates
    yield Setting("credit_pool.rate_config", known, pool, "set_rate_config", (rates,))
    yield Setting("credit_pool.limits", (pool.max_assets(), pool.max_debt()) == caps, pool, "set_limits", caps)


def _collateral(protocol: Protocol, name: str, index: int, params: CollateralParams, feed_id: int) -> Iterator[Setting]:
    vault, model, token = protocol.vault, protocol.collateral_model, protocol.collateral[name].address
    if params.feed is not None:
        yield from _feed(protocol, name, feed_id, params.feed)
    known = vault.collateral(index).token == token
    yield Setting(f"vault.collateral({name})", known, vault, "add_collateral", (token, params.cap))
    known = vault.collateral(index).cap == params.cap
    yield Setting(f"vault.collateral_cap({name})", known, vault, "set_collateral_cap", (index, params.cap))
    haircuts = {"feed_id": feed_id, "ltv": params.ltv, "liquidation_threshold": params.liquidation_threshold}
    known = reads(model.config, index) == haircuts
    yield Setting(f"collateral_model.config({name})", known, model, "set_config", (index, haircuts))


def _sequencer(protocol: Protocol, params: SequencerParams | None) -> Setting:
    wanted = (protocol.contracts["sequencer"].address, params.grace) if params else (ZERO_ADDRESS, 0)
    oracle = protocol.oracle
    return Setting("oracle.sequencer", tuple(oracle.sequencer()) == wanted, oracle, "set_sequencer", wanted)


def _market(protocol: Protocol, name: str, params: MarketParams) -> Iterator[Setting]:
    id_, market, outflow = protocol.market_ids[name], protocol.markets[name], protocol.outflow
    quote, fees, risk = params.quote.model_dump(), params.fees.model_dump(), params.risk.model_dump()
    pool, exchange = protocol.pool, protocol.exchange
    yield Setting(f"pool.quote({name})", reads(pool.quote_config, id_) == quote, pool, "set_quote", (id_, quote))
    yield Setting(f"exchange.fees({name})", reads(exchange.fee_config, id_) == fees, exchange, "set_fees", (id_, fees))
    yield Setting(f"market.config({name})", reads(market.config) == risk, market, "set_config", (risk,))
    meter = params.meter
    yield Setting(f"outflow.meter({name})", outflow.meter(id_)[0] == meter, outflow, "set_meter", (id_, meter))
    fund, cap = protocol.insurance_fund, params.draw_cap
    known = fund.draw_cap(id_) == cap
    yield Setting(f"insurance_fund.draw_cap({name})", known, fund, "set_draw_cap", (id_, cap))


def _governance(protocol: Protocol, params: GovernanceParams) -> Iterator[Setting]:
    """Who may propose and execute, and how long a proposal waits: the timelock changes its own, by proposals only."""
    timelock, deployer = protocol.timelock, protocol.manifest.deployer
    delay = params.delay
    yield Setting("timelock.delay", timelock.get_minimum_delay() == delay, timelock, "update_delay", (delay,))
    _, first_proposers, first_executors, _ = protocol.manifest.contracts["timelock"].arguments
    proposers, executors = params.holders(params.proposers, deployer), params.holders(params.executors, deployer)
    for role, wanted, known in (
        ("PROPOSER", proposers, first_proposers),
        ("CANCELLER", proposers, first_proposers),
        ("EXECUTOR", executors or [ANYONE], first_executors),
    ):
        id_ = getattr(timelock, f"{role}_ROLE")()
        for holder in dict.fromkeys([*wanted, *known]):
            has, function = timelock.hasRole(id_, holder), "grantRole" if holder in wanted else "revokeRole"
            yield Setting(f"timelock.{role}({holder})", has == (holder in wanted), timelock, function, (id_, holder))


def reads(getter: Method, *args: Any) -> Mapping[str, Any] | None:
    """A struct as the chain has it; None where the contract has none yet."""
    try:
        return dict(getter(*args)._asdict())
    except Reverted:
        return None
