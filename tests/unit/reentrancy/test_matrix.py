"""Every external function of every contract, called by the token in the middle of every function that moves tokens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product

import pytest

from ballast.chain import Contract, Reverted
from tests.static.sources import DEPLOYABLES
from tests.unit.access.test_matrix import MATRIX
from tests.unit.reentrancy.calls import IMPOSSIBLE, MUTATORS, state
from tests.unit.reentrancy.scene import HOOKS, HOOKS_AFTER, Call, Scene

# Functions in the course of which a token is called, by what they move
OUTER = (
    "Vault.deposit cash",
    "Vault.deposit collateral",
    "Vault.deposit repayment",
    "Vault.withdraw cash",
    "Vault.withdraw cash of another",
    "Vault.withdraw loan",
    "Vault.withdraw collateral",
    "Vault.claim",
    "Vault.collect_revenue",
    "LiquidityPool.seed",
    "LiquidityPool.requestDeposit",
    "LiquidityPool.execute_request entry",
    "LiquidityPool.execute_request exit",
    "LiquidityPool.void_request",
    "LiquidityPool.withdraw",
    "LiquidityPool.redeem",
    "CreditPool.deposit",
    "CreditPool.mint",
    "CreditPool.withdraw",
    "CreditPool.redeem",
    "CreditPool.request_exit",
    "CreditPool.claim",
    "CreditPool.collect_reserve",
    "InsuranceFund.deposit",
    "InsuranceFund.mint",
    "InsuranceFund.withdraw",
    "InsuranceFund.redeem",
)
# Functions in the course of which a market is called, of those that liquidate
OF_MARKETS = (
    "Vault.seize_book",
    "Vault.absorb_book",
    "Vault.cover_deficit",
    "Rebalancer.rescue",
    "Liquidator.start",
    "Liquidator.bid",
    "Liquidator.stop",
    "Deficits.realise_deficit",
)
EITHER = (HOOKS, HOOKS_AFTER)
CONTRACTS = sorted(path.stem for path in DEPLOYABLES)
ANSWER = 4_096  # [bytes] that the token keeps of an answer
MANY = 99  # more transfers than any function makes


@dataclass(frozen=True)
class Moment:
    """When the token calls: in its nth transfer, before or after it moves anything."""

    token: Contract
    hook: int
    transfer: int


@contextmanager
def undone(scene: Scene) -> Iterator[None]:
    """Whatever happens inside has not happened afterwards."""
    snapshot = scene.chain.snapshot()
    yield
    scene.chain.revert(snapshot)


def moments(scene: Scene, outer: Call) -> list[Moment]:
    """Every moment of a call at which a token could call back."""
    found = []
    for token in (scene.token, scene.coin):
        with undone(scene):
            token.misbehave(HOOKS, token.address, b"", sender=scene.deployer)
            token.skip(MANY, sender=scene.deployer)
            scene.do(*outer[:2], *outer[2])
            transfers = MANY - token.skips()
        found += [Moment(token, *each) for each in product(EITHER, range(transfers))]
    return found


def run(scene: Scene, *calls: Call) -> bool:
    """One after the other; whether all went through."""
    try:
        for call in calls:
            scene.do(*call[:2], *call[2])
    except Reverted:
        return False
    return True


def nested(scene: Scene, outer: Call, inner: Call, moment: Moment) -> tuple[bool, bytes]:
    """The outer call with the inner one inside; whether both went through, and what the inner one was told. Where the
    inner one used up the gas of a call that is only tried, it is undone with that."""
    token = moment.token
    token.misbehave(moment.hook, scene.token.address, scene.encode(inner), sender=scene.deployer)
    token.skip(moment.transfer, sender=scene.deployer)
    done = run(scene, outer)
    return done and token.called() and token.succeeded(), token.answer()


def digest(scene: Scene, of: list[tuple[str, bytes]]) -> list[bytes | str]:
    """What all that may have changed is now."""
    found: list[bytes | str] = []
    for address, data in of:
        try:
            found.append(scene.chain.call(address, data, static=True))
        except Reverted as refusal:
            found.append(refusal.reason)
    return found


def test_calls__every_function__is_among_them() -> None:
    """A function that changes state and is not called here fails here."""
    every = {f"{contract}.{function}" for contract, functions in MATRIX.items() for function in functions}
    assert every == {name.split(" ")[0] for name in MUTATORS} | set(IMPOSSIBLE)


@pytest.mark.parametrize("name", MUTATORS)
def test_call__nothing_under_way__goes_through(scene: Scene, changes: dict[str, Call], name: str) -> None:
    """The control: where a call of the matrix is refused, it is for what is under way. And nobody else moves tokens."""
    with undone(scene):
        assert run(scene, changes[name]), "made of the scene, it should work"
    assert bool(moments(scene, changes[name])) == (name in OUTER)


@pytest.mark.parametrize("contract", CONTRACTS)
@pytest.mark.parametrize("outer", OUTER)
def test_view__in_the_middle__reverts_or_says_what_will_be(
    scene: Scene, changes: dict[str, Call], looks: dict[str, Call], outer: str, contract: str
) -> None:
    """X-RE-04, EXT-2: nobody reads half a state, of the contract that is called or of any other."""
    inner = {name: call for name, call in looks.items() if name.startswith(f"{contract}.")}
    for moment in moments(scene, changes[outer]):
        for name, call in inner.items():
            with undone(scene):
                answered, answer = nested(scene, changes[outer], call, moment)
                if answered:
                    after = scene.chain.call(scene.token.address, scene.encode(call), static=True)
                    assert answer == after[:ANSWER], name


@pytest.mark.parametrize("contract", CONTRACTS)
@pytest.mark.parametrize("outer", OUTER)
def test_change__in_the_middle__reverts_or_is_as_before_or_after(
    scene: Scene, changes: dict[str, Call], outer: str, contract: str
) -> None:
    """X-RE-01, X-RE-03, X-TOK-05, EXT-1, EXT-2, SOL-2: what goes through leaves everything as if it had come before
    or after the other."""
    inner = {name: call for name, call in changes.items() if name.startswith(f"{contract}.") and name != outer}
    check_order(scene, changes[outer], inner)


@pytest.mark.parametrize("outer", OF_MARKETS)
def test_change__in_the_middle_by_a_market__reverts_or_is_as_before_or_after(
    hooked_scene: Scene, hooked_changes: dict[str, Call], outer: str
) -> None:
    """X-RE-01, X-RE-03, EXT-2, HLT-5: the same of a market that calls back whenever it is called, in the middle of a
    liquidation too."""
    inner = {name: call for name, call in hooked_changes.items() if name != outer and not is_owners(name)}
    assert check_order(hooked_scene, hooked_changes[outer], inner, hooks=(HOOKS,))


def is_owners(name: str) -> bool:
    """Whether nobody but owner and guardian may call it: no market is either."""
    contract, function = name.split(" ")[0].split(".")
    return MATRIX[contract][function].may <= {"owner", "guardian"}


def check_order(scene: Scene, outer: Call, inner: dict[str, Call], hooks: tuple[int, ...] = EITHER) -> int:
    """Every call in every moment of another; how many moments there are."""
    questions = [(each[0].address, getattr(each[0], each[1]).encode(*each[2])) for each in state(scene)]
    found = [moment for moment in moments(scene, outer) if moment.hook in hooks]
    for moment in found:
        for name, call in inner.items():
            with undone(scene):
                if not nested(scene, outer, call, moment)[0]:
                    continue
                left = digest(scene, questions)
            moment.token.misbehave(0, scene.token.address, b"", sender=scene.deployer)
            for order in ((outer, call), (call, outer)):
                with undone(scene):
                    if run(scene, *order) and digest(scene, questions) == left:
                        break
            else:
                raise AssertionError(f"{name} inside {outer[1]} is neither before nor after it")
    return len(found)
