"""Who may call what: every state-changing function of every contract, as every caller there is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ballast.chain import Reverted, abi
from ballast.deploy import Protocol
from ballast.params import WAD
from tests.static.sources import DEPLOYABLES

OWNER = "ownable: caller is not the owner"
ENGINE = "access: not the engine"
VAULT = "access: not the vault"
GUARDIAN = "access: not the guardian"  # the guardian within bounds, and the protocol's owner
HOLDER = "access: not the owner"  # of the account
HEIR = "access: not the new owner"
RIGHT = "access: no right"  # the account's owner, and operators with the right
SELF = "exchange: not itself"
ROLE = "access_control: account is missing role"  # of the timelock
ANYONE = ""

# What someone without the right reads. Owners of accounts and of the protocol are no engines, and engines no owners.
MATRIX = {
    "Vault": {
        "transfer_ownership": OWNER,
        "open_account": ANYONE,
        "deposit": ANYONE,
        "release_lock": ANYONE,
        "claim": ANYONE,  # one's own rewards
        "withdraw": RIGHT,
        "set_operator": HOLDER,
        "transfer_account": HOLDER,
        "accept_account": HEIR,
        "transfer_margin": ENGINE,
        "allocate": ENGINE,
        "reallocate": ENGINE,
        "lock_escrow": ENGINE,
        "release_escrow": ENGINE,
        "fill_order": ENGINE,
        "top_up_pool": ENGINE,
        "add_market": OWNER,
        "set_engine": OWNER,
        "set_pool": OWNER,
        "set_guardian": OWNER,
        "add_collateral": OWNER,
        "set_collateral_cap": OWNER,
        "set_collateral_model": OWNER,
        "set_meter": OWNER,
        "collect_revenue": OWNER,
    },
    "CollateralModel": {"transfer_ownership": OWNER, "set_config": OWNER},
    "Exchange": {
        "transfer_ownership": OWNER,
        "commit": RIGHT,
        "execute": ANYONE,
        "void": ANYONE,
        "fill": SELF,
        "set_execution_fee": OWNER,
        "set_fees": OWNER,
    },
    "DerivativesMarket": {
        "transfer_ownership": OWNER,
        "move_margin": VAULT,
        "trade": ENGINE,
        "reduce": ENGINE,
        "settle": ANYONE,
        "accrue": ANYONE,
        "set_config": OWNER,
        "set_state": GUARDIAN,
    },
    "LiquidityPool": {
        "transfer_ownership": OWNER,
        "seed": OWNER,
        "set_quote": OWNER,
        "set_max_assets": OWNER,
        "set_rebalancer": OWNER,
        "set_policy": OWNER,
        "requestDeposit": ANYONE,  # of one's own tokens
        "requestRedeem": ANYONE,  # of one's own shares
        "execute_request": ANYONE,
        "void_request": ANYONE,  # one's own
        "deposit": ANYONE,  # one's own claims
        "mint": ANYONE,
        "withdraw": ANYONE,
        "redeem": ANYONE,
        "draw": ANYONE,
        "setOperator": ANYONE,
        "transfer": ANYONE,  # the ERC-20
        "transferFrom": ANYONE,
        "approve": ANYONE,
        "permit": ANYONE,
    },
    "PriceOracle": {
        "transfer_ownership": OWNER,
        "consume": ANYONE,
        "poke": ANYONE,
        "set_feed": OWNER,
        "set_feed_off": GUARDIAN,
        "set_sequencer": OWNER,
    },
    "Rebalancer": {
        "set_policy": RIGHT,
        "rebalance_own": RIGHT,
        "transfer_margin": RIGHT,
        "rebalance": ANYONE,
        "rebalance_many": ANYONE,
    },
    "Planner": {"settled_plan": ANYONE},
    "Lens": {},
    "RiskModel": {},
    "Timelock": {
        "grantRole": ROLE,
        "revokeRole": ROLE,
        "renounceRole": ANYONE,  # one's own
        "schedule": ROLE,
        "schedule_batch": ROLE,
        "cancel": ROLE,
        "execute": ANYONE,  # what is due, where no executor is named
        "execute_batch": ANYONE,
        "update_delay": "timelock_controller: caller must be timelock",
    },
}

CLOSED = [(contract, call) for contract, calls in MATRIX.items() for call, reason in calls.items() if reason != ANYONE]


def mutators(contract: str) -> dict[str, Any]:
    """The contract's state-changing functions by name."""
    entries = abi.artifact(contract).abi
    return {
        entry["name"]: entry
        for entry in entries
        if entry["type"] == "function" and entry["stateMutability"] not in ("view", "pure")
    }


def argument(parameter: Any, account: int, caller: str) -> Any:
    """Something plausible for a parameter: the account, the second market, one USD, the caller."""
    kind, name = parameter["type"], parameter["name"]
    if kind.endswith("[]"):
        return [argument({**parameter, "type": kind.removesuffix("[]")}, account, caller)] if "tuple" in kind else []
    if kind == "tuple":
        return [argument(component, account, caller) for component in parameter["components"]]
    if kind.startswith("bytes"):
        return bytes(32 if kind == "bytes32" else 0)
    if kind in ("address", "bool"):
        return caller if kind == "address" else False
    return account if name == "account" else 2 if name == "market" else WAD


def test_matrix__every_deployable__has_every_mutator() -> None:
    """AUT-1, HLT-1, HLT-10: a function that changes state and is not in the matrix fails here."""
    assert set(MATRIX) == {path.stem for path in DEPLOYABLES}
    for contract, calls in MATRIX.items():
        assert set(calls) == set(mutators(contract)), contract


@pytest.mark.parametrize(("contract", "call"), CLOSED, ids=".".join)
def test_call__by_whoever_has_no_right__reverts_and_changes_nothing(
    protocol: Protocol,
    account: int,
    owner: str,
    trader: str,
    other_trader: str,
    keeper: str,
    stranger: str,
    contract: str,
    call: str,
) -> None:
    """AUT-1, HLT-7, HLT-10, GOV-6: as a stranger, a keeper, another trader, the account's owner and the protocol's."""
    role = {"Vault": "vault", "Exchange": "exchange", "LiquidityPool": "pool", "PriceOracle": "oracle"}
    role |= {"Timelock": "timelock", "CollateralModel": "collateral_model"}
    target = (
        protocol.markets["ETH"]
        if contract == "DerivativesMarket"
        else protocol.contracts[role.get(contract, "rebalancer")]
    )
    reason, entry = MATRIX[contract][call], mutators(contract)[call]
    callers = {stranger, keeper, other_trader, owner, trader}
    if reason in (HOLDER, RIGHT):
        callers -= {trader}
    if reason in (OWNER, GUARDIAN, ROLE):
        callers -= {owner}
    before = state_of(protocol, account)
    for caller in sorted(callers):
        arguments = [argument(parameter, account, caller) for parameter in entry["inputs"]]
        with pytest.raises(Reverted) as refusal:
            getattr(target, call)(*arguments, sender=caller)
        assert refusal.value.reason == reason, caller
    assert state_of(protocol, account) == before


def state_of(protocol: Protocol, account: int) -> Any:
    """Treasuries, markets' balances, owners."""
    vault, markets = protocol.vault, protocol.markets.values()
    owners = [contract.owner() for contract in (vault, protocol.exchange, protocol.oracle, protocol.pool, *markets)]
    balances = [vault.market(id_) for id_ in range(1, vault.market_count() + 2)]
    return [vault.treasury(each) for each in (account, protocol.pool_account)], balances, owners


@pytest.mark.parametrize("rights", [0, 1, 2, 4])
def test_operator__any_right__reaches_no_further(
    protocol: Protocol,
    account: int,
    trader: str,
    operator: str,
    default_policy: dict[str, Any],
    rights: int,
) -> None:
    """AUT-2, AUT-3: TRADE orders, MARGIN moves and sets the policy, WITHDRAW withdraws; none names another operator."""
    vault, token, exchange, rebalancer = protocol.vault, protocol.token.address, protocol.exchange, protocol.rebalancer
    vault.set_operator(account, operator, rights, protocol.chain.timestamp + 60, sender=trader)
    attempts: list[tuple[int, Callable[[], Any]]] = [
        (1, lambda: exchange.commit(account, [(2, WAD, 2**100, WAD)], False, sender=operator)),
        (2, lambda: rebalancer.transfer_margin(account, 0, 2, WAD, sender=operator)),
        (2, lambda: rebalancer.set_policy(account, default_policy, sender=operator)),
        (4, lambda: vault.withdraw(account, token, 1, operator, sender=operator)),
    ]
    for needed, action in attempts:
        if rights & needed:
            assert action().events
            continue
        with pytest.raises(Reverted) as refusal:
            action()
        assert refusal.value.reason == RIGHT
    with pytest.raises(Reverted) as refusal:
        vault.set_operator(account, operator, 7, 2**40 - 1, sender=operator)
    assert refusal.value.reason == HOLDER


@pytest.fixture
def default_policy(params: Any) -> dict[str, Any]:
    policy: dict[str, Any] = params.policy.model_dump()
    return policy
