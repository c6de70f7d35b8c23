"""Who may call what: a row for every function that changes state, of every contract."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ballast.chain.base import ZERO_ADDRESS as NOBODY
from ballast.params import WAD
from tests.unit.access.conftest import CONTRACTS, FOREVER, NONE, PEOPLE, WITHDRAW, World

# What someone without the right reads
OWNER = "ownable: caller is not the owner"
GUARDIAN = "access: not the guardian"
ENGINE = "access: not the engine"
VAULT = "access: not the vault"
HOLDER = "access: not the owner"  # of the account
HEIR = "access: not the new owner"
RIGHT = "access: no right"  # the account's owner, and operators with the right
SELF = "exchange: not itself"
ROLE = "access_control: account is missing role"
NO_SHARES = "erc20: transfer amount exceeds balance"
NO_ALLOWANCE = "erc20: insufficient allowance"
NOTHING = "vault: zero amount"
TIMELOCK = "timelock_controller: caller must be timelock"

EVERYONE = frozenset(PEOPLE | CONTRACTS)

Arguments = Callable[[World, str], tuple[Any, ...]]


@dataclass(frozen=True)
class Row:
    """Who may, what the others read, and arguments with which those who may succeed. A call that nothing but the
    state of things stops says so in `stopped`: by caller, or `*` for all who may."""

    may: frozenset[str]
    reason: str
    arguments: Arguments
    stopped: Mapping[str, str] = field(default_factory=dict)

    def expected(self, kind: str) -> str:
        """What that caller reads; nothing where the call succeeds."""
        return self.stopped.get(kind, self.stopped.get("*", "")) if kind in self.may else self.reason


def _only(kinds: str, reason: str, arguments: Arguments) -> Row:
    return Row(frozenset(kinds.split()), reason, arguments)


def _owner(arguments: Arguments, stopped: str = "") -> Row:
    return Row(frozenset({"owner"}), OWNER, arguments, {"*": stopped} if stopped else {})


def _anyone(arguments: Arguments, stopped: Mapping[str, str] | str = "") -> Row:
    return Row(EVERYONE, "", arguments, {"*": stopped} if isinstance(stopped, str) else stopped)


def _own_shares(arguments: Arguments, stopped: str = "") -> Row:
    may = frozenset({"holder", "share_operator"})
    return Row(may, RIGHT, arguments, {"*": stopped} if stopped else {})


def _read(contract: str, view: str, *args: Any) -> Arguments:
    """What stands there already, set again."""
    return lambda world, caller: (*args, getattr(world.contracts[contract], view)(*args))


TRANSFER = _owner(lambda world, caller: (world.stranger,))
NO_TOKENS = {"vault": "vault: wrong amount received", "pool": "token: allowance too low"}  # from the vault to itself

HEALTHY, NO_AUCTION = "liquidator: book is healthy", "liquidator: no auction"
SOLVENT, NO_DEBT = "deficits: not below zero", "liquidator: treasury is healthy"


def _bid(world: World) -> tuple[Any, ...]:
    """For a book that is not for sale."""
    return world.donor, world.eth, WAD, world.other, 0, world.market.legs_digest(world.donor), 0, []


# What every share token has, and those that are entered and left at once
SHARES: dict[str, Row] = {
    "transferFrom": _only("share_operator", NO_ALLOWANCE, lambda world, caller: (world.holder, caller, WAD)),
    "approve": _anyone(lambda world, caller: (world.stranger, WAD)),
    "permit": _anyone(lambda world, caller: (world.holder, caller, WAD, 1, 27, NONE, NONE), "erc20: expired deadline"),
}
VAULT_SHARES: dict[str, Row] = {
    "transfer": _only("holder", NO_SHARES, lambda world, caller: (world.heir, WAD)),
    **SHARES,
    "deposit": _anyone(lambda world, caller: (10**6, caller)),
    "mint": _anyone(lambda world, caller: (WAD, caller)),
    "withdraw": _only("holder share_operator", NO_ALLOWANCE, lambda world, caller: (10**6, caller, world.holder)),
    "redeem": _only("holder share_operator", NO_ALLOWANCE, lambda world, caller: (WAD, caller, world.holder)),
}

MATRIX: dict[str, dict[str, Row]] = {
    "Vault": {
        "transfer_ownership": TRANSFER,
        "open_account": _anyone(lambda world, caller: (world.stranger,)),
        "deposit": _anyone(lambda world, caller: (world.main, world.token, 10**6), NO_TOKENS),
        "release_lock": _anyone(lambda world, caller: (world.main, world.eth)),
        "claim": _anyone(lambda world, caller: (world.stranger,)),
        "collect_insurance": _anyone(lambda world, caller: ()),
        "withdraw": _only(
            "holder withdraw_operator", RIGHT, lambda world, caller: (world.main, world.token, 10**6, world.stranger)
        ),
        "set_operator": _only("holder", HOLDER, lambda world, caller: (world.main, world.stranger, WITHDRAW, FOREVER)),
        "transfer_account": _only("holder", HOLDER, lambda world, caller: (world.main, world.stranger)),
        "accept_account": _only("heir", HEIR, lambda world, caller: (world.main,)),
        "transfer_margin": _only(
            "rebalancer liquidator", ENGINE, lambda world, caller: (world.main, [(0, WAD)], WAD, world.keeper)
        ),
        "allocate": _only("rebalancer", ENGINE, lambda world, caller: (world.main, world.holder, world.eth, WAD)),
        "reallocate": _only(
            "rebalancer", ENGINE, lambda world, caller: (world.donor, world.holder, world.eth, world.btc, WAD)
        ),
        "lock_escrow": _only("exchange", ENGINE, lambda world, caller: (world.main, world.holder, WAD, WAD)),
        "release_escrow": _only("exchange", ENGINE, lambda world, caller: (world.waiting, WAD, WAD, world.keeper)),
        "fill_order": _only(
            "exchange",
            ENGINE,
            lambda world, caller: (world.waiting, world.eth, WAD, WAD, WAD, world.keeper, True),
        ),
        "top_up_pool": _only("exchange rebalancer liquidator", ENGINE, lambda world, caller: (world.eth, WAD)),
        "seize_book": _only(
            "liquidator",
            ENGINE,
            lambda world, caller: (world.donor, world.other, world.other_holder, world.eth, WAD // 2, WAD, 0, WAD),
        ),
        "absorb_book": _only("liquidator", ENGINE, lambda world, caller: (world.donor, world.eth)),
        "seize_collateral": Row(
            frozenset({"liquidator"}),
            ENGINE,
            lambda world, caller: (world.donor, world.other, world.other_holder, 0, 1, 1, 0),
            {"*": "vault: no debt"},
        ),
        "cover_deficit": _only("liquidator", ENGINE, lambda world, caller: (world.donor, 0, 1)),
        "write_off": Row(
            frozenset({"liquidator"}), ENGINE, lambda world, caller: (world.donor,), {"*": "vault: no debt"}
        ),
        "add_market": _owner(lambda world, caller: (world.stranger,)),
        "set_engine": _owner(lambda world, caller: (world.stranger, 3)),
        "set_pool": _owner(lambda world, caller: (world.other,), "vault: pool is set"),
        "set_insurance": _owner(lambda world, caller: (world.other,), "vault: insurance is set"),
        "set_credit_pool": _owner(
            lambda world, caller: (world.protocol.credit_pool.address,), "vault: credit pool is set"
        ),
        "set_guardian": _owner(lambda world, caller: (world.stranger,)),
        "add_collateral": _owner(lambda world, caller: (world.new_token, WAD)),
        "set_collateral_cap": _owner(lambda world, caller: (world.index, WAD)),
        "set_collateral_model": _owner(lambda world, caller: (world.stranger,), "vault: collateral model is set"),
        "collect_revenue": _owner(lambda world, caller: (world.stranger,)),
    },
    "Outflow": {
        "transfer_ownership": TRANSFER,
        "meet": _only("vault", VAULT, lambda world, caller: (world.main, world.eth, WAD, False)),
        "release": _only("vault", VAULT, lambda world, caller: (world.main, world.eth, NOBODY)),
        "set_vault": _owner(lambda world, caller: (world.vault,), "outflow: vault is set"),
        "set_meter": _owner(lambda world, caller: (world.eth, WAD)),
    },
    "CollateralModel": {
        "transfer_ownership": TRANSFER,
        "set_config": _owner(lambda world, caller: (world.index, (world.eth, WAD // 2, WAD * 6 // 10))),
    },
    "Liquidator": {
        "start": _anyone(lambda world, caller: (world.donor, world.eth, []), HEALTHY),
        "start_many": _anyone(lambda world, caller: (world.donor, [world.eth], []), HEALTHY),
        "bid": _anyone(lambda world, caller: (_bid(world),), NO_AUCTION),
        "bid_many": _anyone(lambda world, caller: ([_bid(world)],), NO_AUCTION),
        "bid_for_pool": _anyone(lambda world, caller: (world.donor, world.eth, []), NO_AUCTION),
        "stop": _anyone(lambda world, caller: (world.donor, world.eth), NO_AUCTION),
    },
    "CollateralAuctions": {
        "start": _anyone(lambda world, caller: (world.main, 0, []), NO_DEBT),
        "bid": _anyone(lambda world, caller: ((world.main, 0, WAD, world.other, WAD, []),), NO_AUCTION),
        "stop": _anyone(lambda world, caller: (world.main, 0), NO_AUCTION),
    },
    "Deficits": {
        "note": _anyone(lambda world, caller: (world.donor, world.eth)),
        "realise_deficit": _anyone(lambda world, caller: (world.donor, world.eth, []), SOLVENT),
        "realise_debt": _anyone(lambda world, caller: (world.donor, []), SOLVENT),
        "close_pool": _anyone(lambda world, caller: (world.eth,), SOLVENT),
    },
    "Exchange": {
        "transfer_ownership": TRANSFER,
        "commit": _only(
            "holder trade_operator",
            RIGHT,
            lambda world, caller: (world.main, [(world.eth, WAD, 2**112 - 1, 5_000 * WAD)], False),
        ),
        "execute": _anyone(lambda world, caller: (world.order, [world.round])),
        "void": _anyone(lambda world, caller: (world.order,), "exchange: order is not void"),
        "void_for_liquidation": _only("liquidator", ENGINE, lambda world, caller: (world.waiting, [world.order])),
        "fill": _only(
            "exchange",
            SELF,
            lambda world, caller: (
                world.order,
                [(world.market.address, world.round, 3_000 * WAD)],
                world.chain.timestamp,
                world.keeper,
            ),
        ),
        "set_execution_fee": _owner(_read("Exchange", "execution_fee")),
        "set_fees": _owner(_read("Exchange", "fee_config", 2)),
    },
    "DerivativesMarket": {
        "transfer_ownership": TRANSFER,
        "move_margin": _only("vault", VAULT, lambda world, caller: (world.main, WAD)),
        "trade": _only("exchange", ENGINE, lambda world, caller: (world.main, WAD, 3_000 * WAD)),
        "reduce": _only("rebalancer", ENGINE, lambda world, caller: (world.main, WAD, 0, 2**255)),
        "seize": _only("vault", VAULT, lambda world, caller: (world.main, world.donor, WAD)),
        "absorb": _only("vault", VAULT, lambda world, caller: (world.main,)),
        "close_pool": Row(
            frozenset({"liquidator"}), ENGINE, lambda world, caller: (), {"*": "market: pool is not below zero"}
        ),
        "settle": _anyone(lambda world, caller: ()),
        "accrue": _anyone(lambda world, caller: ()),
        "set_config": _owner(_read("DerivativesMarket", "config")),
        "set_state": _only("owner guardian", GUARDIAN, lambda world, caller: (1,)),
    },
    "LiquidityPool": {
        "transfer_ownership": TRANSFER,
        "seed": _owner(lambda world, caller: (10**6,), "pool: has shares"),
        "requestDeposit": _own_shares(lambda world, caller: (10**6, caller, world.holder)),
        "requestRedeem": _only(
            "holder share_operator",
            NO_ALLOWANCE,
            lambda world, caller: (WAD, caller, world.holder),
        ),
        "execute_request": _anyone(lambda world, caller: (world.request, world.request_rounds)),
        "void_request": _own_shares(lambda world, caller: (world.request, caller), "pool: too early"),
        "deposit": _own_shares(lambda world, caller: (10**6, caller, world.holder)),
        "mint": _own_shares(lambda world, caller: (WAD, caller, world.holder)),
        "withdraw": _own_shares(lambda world, caller: (10**6, caller, world.holder)),
        "redeem": _own_shares(lambda world, caller: (WAD, caller, world.holder)),
        "draw": _anyone(lambda world, caller: (world.eth,)),
        "setOperator": _anyone(lambda world, caller: (world.stranger, True)),
        "transfer": _only("holder deployer pool", NO_SHARES, lambda world, caller: (world.heir, WAD)),
        **SHARES,
        "set_max_assets": _owner(_read("LiquidityPool", "max_assets")),
        "set_rebalancer": _owner(lambda world, caller: (world.rebalancer,), "pool: rebalancer is set"),
        "set_policy": _owner(lambda world, caller: (world.policy,)),
        "set_quote": _owner(_read("LiquidityPool", "quote_config", 2)),
    },
    "CreditPool": {
        "transfer_ownership": TRANSFER,
        "change_debt": _only("vault", VAULT, lambda world, caller: (WAD, WAD)),
        "write_off": _only("vault", VAULT, lambda world, caller: (0, WAD)),
        **VAULT_SHARES,
        "accrue": _anyone(lambda world, caller: ()),
        "request_exit": _only("holder", NO_SHARES, lambda world, caller: (WAD, caller)),
        "serve_exits": _anyone(lambda world, caller: (9,)),
        "claim": _only("holder", NOTHING, lambda world, caller: (caller,)),
        "collect_reserve": _anyone(lambda world, caller: (), NOTHING),
        "set_rate_config": _owner(_read("CreditPool", "rate_config")),
        "set_limits": _owner(lambda world, caller: (WAD, WAD)),
        "set_deficits": _owner(lambda world, caller: (world.stranger,), "shares: deficits contract is set"),
    },
    "InsuranceFund": {
        "transfer_ownership": TRANSFER,
        "draw": _only("liquidator", ENGINE, lambda world, caller: (world.eth, WAD)),
        **VAULT_SHARES,
        "request_exit": _only("holder", NO_SHARES, lambda world, caller: (WAD,)),
        "cancel_exit": _only("holder", "insurance: not in cooldown", lambda world, caller: ()),
        "set_draw_cap": _owner(lambda world, caller: (world.eth, WAD)),
        "set_deficits": _owner(lambda world, caller: (world.stranger,), "shares: deficits contract is set"),
    },
    "PriceOracle": {
        "transfer_ownership": TRANSFER,
        "consume": _anyone(lambda world, caller: (world.eth,)),
        "poke": _anyone(lambda world, caller: (world.eth,)),
        "set_feed": _owner(
            lambda world, caller: (world.eth, world.protocol.oracle.feed_config(world.eth), 3_000 * WAD)
        ),
        "set_feed_off": _only("owner guardian", GUARDIAN, lambda world, caller: (world.eth, True)),
        "set_sequencer": _owner(lambda world, caller: (NOBODY, 0)),
    },
    "Rebalancer": {
        "set_policy": _only("holder margin_operator", RIGHT, lambda world, caller: (world.main, world.policy)),
        "rebalance_own": _only("holder margin_operator", RIGHT, lambda world, caller: (world.needy,)),
        "transfer_margin": _only(
            "holder margin_operator", RIGHT, lambda world, caller: (world.main, 0, world.eth, WAD)
        ),
        "rebalance": _anyone(lambda world, caller: (world.needy,)),
        "rebalance_many": _anyone(lambda world, caller: ([world.main, world.needy],)),
        "rescue": _only("liquidator", ENGINE, lambda world, caller: (world.main,)),
    },
    "Planner": {"settled_plan": _anyone(lambda world, caller: (world.main, 1, 0, 0, 0, 0))},
    "CutPlanner": {},
    "Lens": {},
    "RiskModel": {},
    "Timelock": {
        "grantRole": _only("owner", ROLE, lambda world, caller: (world.proposer_role, world.stranger)),
        "revokeRole": _only("owner", ROLE, lambda world, caller: (world.proposer_role, world.stranger)),
        "renounceRole": _anyone(lambda world, caller: (world.proposer_role, caller)),
        "schedule": _only(
            "deployer", ROLE, lambda world, caller: (world.vault, 0, b"", NONE, b"\x01" * 32, world.delay)
        ),
        "schedule_batch": _only(
            "deployer", ROLE, lambda world, caller: ([world.vault], [0], [b""], NONE, b"\x01" * 32, world.delay)
        ),
        "cancel": _only("deployer", ROLE, lambda world, caller: (world.proposal,)),
        "execute": _anyone(lambda world, caller: world.operation),
        "execute_batch": _anyone(
            lambda world, caller: ([world.vault], [0], [b""], NONE, NONE),
            "timelock_controller: operation is not ready",
        ),
        "update_delay": _only("owner", TIMELOCK, lambda world, caller: (world.delay,)),
    },
}
