"""What happens in which state of a market, and for whom: whatever guardian and oracle together bring it into."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ballast.chain import Reverted
from ballast.params import WAD
from tests.unit.access.conditions import CLEAR, CONDITIONS, FROZEN, GUARDED, UNCONFIRMED
from tests.unit.access.conftest import PEOPLE, World

Condition = Callable[[World], None]

ACTIVE, REDUCE_ONLY, HALTED = "active", "reduce-only", "halted"
STATES = {ACTIVE: 0, REDUCE_ONLY: 1, HALTED: 2}

ANY_PRICE = 2**112 - 1

ALWAYS = "deposit, withdraw, margin in"

# What happens in each state that the market is set to, by how far its oracle narrows it
TABLE = {
    (ACTIVE, CLEAR): "open, close, cut, margin out, engine in, engine out",
    (ACTIVE, GUARDED): "close, cut, margin out, engine in, engine out",
    (ACTIVE, UNCONFIRMED): "close, cut, margin out, engine out",
    (ACTIVE, FROZEN): "",
    (REDUCE_ONLY, CLEAR): "close, cut, margin out, engine in, engine out",
    (REDUCE_ONLY, GUARDED): "close, cut, margin out, engine in, engine out",
    (REDUCE_ONLY, UNCONFIRMED): "close, cut, margin out, engine out",
    (REDUCE_ONLY, FROZEN): "",
    (HALTED, CLEAR): "close, cut",
    (HALTED, GUARDED): "close, cut",
    (HALTED, UNCONFIRMED): "close, cut",
    (HALTED, FROZEN): "",
}
EVERY = [(state, condition) for state in STATES for condition in CONDITIONS]
IDS = [f"{state} and {condition.__name__}" for state, condition in EVERY]

# Who may do it at all
ANYONE = PEOPLE | {"owner"}
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


def bring(world: World, state: str, condition: Condition) -> None:
    """The market into a state, its oracle into a condition."""
    condition(world)
    if STATES[state]:
        world.market.set_state(STATES[state], sender=world.guardian)


def test_table__every_combination__has_a_row_and_leaves_the_exits_open() -> None:
    """GOV-3: none is missing."""
    assert set(TABLE) == {(state, effect) for state in STATES for effect in CONDITIONS.values()}
    named = {action for row in TABLE.values() for action in _split(row)} | _split(ALWAYS)
    assert named == set(RIGHTS)


@pytest.mark.parametrize("condition", CONDITIONS, ids=lambda condition: condition.__name__)
def test_quote__any_condition__narrows_as_far_as_it_should(world: World, condition: Condition) -> None:
    condition(world)
    oracle, effect = world.protocol.oracle, CONDITIONS[condition]
    if effect == FROZEN:
        with pytest.raises(Reverted):
            oracle.quote(world.eth)
    else:
        quote = oracle.quote(world.eth)
        assert (quote.guarded, quote.unconfirmed) == (effect != CLEAR, effect == UNCONFIRMED)


@pytest.mark.parametrize(("state", "condition"), EVERY, ids=IDS)
def test_market__any_state__lets_happen_what_the_table_says(world: World, state: str, condition: Condition) -> None:
    """GOV-3, GOV-4, REB-15, §7.10: states × actions × callers; deposits, free cash and margin in are never stopped."""
    bring(world, state, condition)
    allowed = _split(TABLE[state, CONDITIONS[condition]]) | _split(ALWAYS)
    wrong = []
    for kind in sorted(ANYONE):
        for action, attempt in actions(world, getattr(world, kind)).items():
            expected = action in allowed and kind in RIGHTS[action]
            if world.happens(attempt) != expected:
                wrong.append(f"{action} by {kind}: {'' if expected else 'not '}expected")
    assert not wrong


@pytest.mark.parametrize(("state", "condition"), EVERY, ids=IDS)
def test_market__any_state__is_loosened_by_the_timelock_only(world: World, state: str, condition: Condition) -> None:
    """GOV-1, GOV-4, X-GOV-04: the guardian goes down the table, the timelock anywhere, nobody else nowhere."""
    bring(world, state, condition)
    for kind in sorted(ANYONE):
        caller = getattr(world, kind)
        for target in STATES.values():
            expected = kind == "owner" or (kind == "guardian" and target > STATES[state])
            assert world.happens(_setting(world, target, caller)) == expected, (kind, target)
        for off in (True, False):
            expected = kind == "owner" or (kind == "guardian" and off)
            assert world.happens(_switching(world, off, caller)) == expected, (kind, off)
    assert world.market.state() == STATES[state]


def _setting(world: World, target: int, caller: str) -> Callable[[], bool]:
    return lambda: world.market.set_state(target, sender=caller).event("StateSet").state == target


def _switching(world: World, off: bool, caller: str) -> Callable[[], bool]:
    return lambda: bool(world.protocol.oracle.set_feed_off(world.eth, off, sender=caller).gas_used)


def _split(row: str) -> set[str]:
    return set(filter(None, row.split(", ")))
