"""What happens in which state of a market, and for whom: whatever guardian and oracle together bring it into."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ballast.chain import Reverted
from ballast.params import WAD
from tests.unit.access.conftest import World

ACTIVE, REDUCE_ONLY, HALTED = "active", "reduce-only", "halted"
STATES = {ACTIVE: 0, REDUCE_ONLY: 1, HALTED: 2}

ANY_PRICE = 2**112 - 1

ALWAYS = "deposit, withdraw, margin in"

# What happens in each state that the market is set to and each condition that its oracle is in
TABLE = {
    (ACTIVE, "clear"): "open, close, cut, margin out, engine in, engine out",
    (ACTIVE, "jumped"): "close, cut, margin out, engine out",
    (ACTIVE, "frozen"): "",
    (REDUCE_ONLY, "clear"): "close, cut, margin out, engine in, engine out",
    (REDUCE_ONLY, "jumped"): "close, cut, margin out, engine out",
    (REDUCE_ONLY, "frozen"): "",
    (HALTED, "clear"): "close, cut",
    (HALTED, "jumped"): "close, cut",
    (HALTED, "frozen"): "",
}

# Who may do it at all; `anyone` is everyone
ANYONE = {
    "holder",
    "trade_operator",
    "margin_operator",
    "withdraw_operator",
    "expired_operator",
    "other_holder",
    "keeper",
    "guardian",
    "owner",
    "stranger",
}
RIGHTS = {
    "open": {"holder", "trade_operator"},
    "close": {"holder", "trade_operator"},
    "margin in": {"holder", "margin_operator"},
    "margin out": {"holder", "margin_operator"},
    "withdraw": {"holder", "withdraw_operator"},
    "cut": ANYONE,
    "engine in": ANYONE,
    "engine out": ANYONE,
    "deposit": ANYONE,
}


def clear(world: World) -> None:
    """Nothing is the matter."""


def jump(world: World) -> None:
    """A quarter up in one round, and no second feed to confirm it."""
    world.publish("ETH", 125)
    quote = world.protocol.oracle.quote(world.eth)
    assert quote.guarded and quote.unconfirmed


def freeze(world: World) -> None:
    """No price: the feed's answers are negative."""
    world.publish("ETH", -100)
    with pytest.raises(Reverted, match="oracle: negative price"):
        world.market.book_risk(world.main)


CONDITIONS: dict[str, Callable[[World], None]] = {"clear": clear, "jumped": jump, "frozen": freeze}


def actions(world: World, caller: str) -> dict[str, Callable[[], bool]]:
    """Each action as that caller tries it: whether what it is for has come about."""
    protocol, main, eth = world.protocol, world.main, world.eth
    token = protocol.token.address

    def order(size: int, margin: int, reduce_only: bool) -> bool:
        before = world.size(main)
        limit = ANY_PRICE if size > 0 else 0
        world.trade(main, size, margin, reduce_only=reduce_only, limit=limit, sender=caller)
        return world.size(main) == before + size

    def move(source: int, target: int, sign: int) -> bool:
        before = world.margin(main)
        protocol.rebalancer.transfer_margin(main, source, target, 100 * WAD, sender=caller)
        return world.margin(main) == before + sign * 100 * WAD

    def rebalance(account: int, done: Callable[[], bool]) -> bool:
        protocol.rebalancer.rebalance(account, sender=caller)
        return done()

    def deposit() -> bool:
        before, amount = world.cash(main), protocol.mint(caller, 100 * WAD, world.deployer)
        protocol.token.approve(protocol.vault.address, amount, sender=caller)
        protocol.vault.deposit(main, token, amount, sender=caller)
        return world.cash(main) == before + 100 * WAD

    def withdraw() -> bool:
        """All of it."""
        protocol.vault.withdraw(main, token, world.cash(main) // protocol.vault.SCALE(), caller, sender=caller)
        return world.cash(main) < protocol.vault.SCALE()

    size, needy, donor = world.size(world.risky), world.margin(world.needy), world.margin(world.donor)
    return {
        "open": lambda: order(WAD, 5_000 * WAD, False),
        "close": lambda: order(-10 * WAD, 0, True),
        "cut": lambda: rebalance(world.risky, lambda: 0 <= world.size(world.risky) < size),
        "margin in": lambda: move(0, eth, 1),
        "margin out": lambda: move(eth, 0, -1),
        "engine in": lambda: rebalance(world.needy, lambda: world.margin(world.needy) > needy),
        "engine out": lambda: rebalance(world.donor, lambda: world.margin(world.donor) < donor),
        "deposit": deposit,
        "withdraw": withdraw,
    }


def test_table__every_combination__has_a_row_and_leaves_the_exits_open() -> None:
    """GOV-3: 2^n of them, of which none is missing."""
    assert set(TABLE) == {(state, condition) for state in STATES for condition in CONDITIONS}
    named = {action for row in TABLE.values() for action in _split(row)} | _split(ALWAYS)
    assert named == set(RIGHTS)


@pytest.mark.parametrize(("state", "condition"), TABLE, ids=map(" and ".join, TABLE))
def test_market__any_state__lets_happen_what_the_table_says(world: World, state: str, condition: str) -> None:
    """GOV-3, GOV-4, REB-15, §7.10: states × actions × callers; deposits, free cash and margin in are never stopped."""
    CONDITIONS[condition](world)
    if STATES[state]:
        world.market.set_state(STATES[state], sender=world.guardian)
    allowed = _split(TABLE[state, condition]) | _split(ALWAYS)
    wrong = []
    for kind in sorted(ANYONE):
        for action, attempt in actions(world, getattr(world, kind)).items():
            expected = action in allowed and kind in RIGHTS[action]
            if world.happens(attempt) != expected:
                wrong.append(f"{action} by {kind}: {'' if expected else 'not '}expected")
    assert not wrong


@pytest.mark.parametrize(("state", "condition"), TABLE, ids=map(" and ".join, TABLE))
def test_market__any_state__is_loosened_by_the_timelock_only(world: World, state: str, condition: str) -> None:
    """GOV-1, GOV-4, X-GOV-04: the guardian goes down the table, the timelock anywhere, nobody else nowhere."""
    CONDITIONS[condition](world)
    if STATES[state]:
        world.market.set_state(STATES[state], sender=world.guardian)
    for kind in sorted(ANYONE):
        for target in STATES.values():
            expected = kind == "owner" or (kind == "guardian" and target > STATES[state])
            attempt = _setting(world, target, getattr(world, kind))
            assert world.happens(attempt) == expected, (kind, target)
    assert world.market.state() == STATES[state]


def _setting(world: World, target: int, caller: str) -> Callable[[], bool]:
    return lambda: world.market.set_state(target, sender=caller).event("StateSet").state == target


def _split(row: str) -> set[str]:
    return set(filter(None, row.split(", ")))
