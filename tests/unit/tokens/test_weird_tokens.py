"""What tokens in use are known to do, on every path by which they come and go."""

from __future__ import annotations

from typing import Any

import pytest

from ballast.chain import Contract, Reverted
from tests.support import deploy_vault
from tests.unit.tokens.conftest import ACCOUNT, CASH, COIN, MINE, OTHER, PATHS, WAD, House

# As MockWeirdToken numbers them
TAKES_FEE, RETURNS_NOTHING, RETURNS_FALSE, FAILS_SOFTLY, RETURNS_TWO_WORDS = 1, 2, 4, 8, 16
PAUSED, NO_ZERO_AMOUNT, NO_ZERO_ADDRESS, UINT96, MAX_MEANS_ALL, KEEPS_OWN_ALLOWANCE = 32, 64, 128, 256, 512, 1_024
HOOKS, HOOKS_AFTER, OVERPAYS, NO_APPROVAL_RACE, NO_ZERO_APPROVAL = 2_048, 4_096, 8_192, 16_384, 32_768
NO_DECIMALS, DECIMALS_GROW, BYTES32_NAME, INJECTING_NAME, BALANCE_LIES = 2**16, 2**17, 2**18, 2**19, 2**20

WELL = ""
FALSE, WRONG, PAUSE = "vault: transfer failed", "vault: wrong amount received", "token: paused"

# What a token does: what becomes of a way in, what of a way out; a reason, or nothing where all goes well
ODDITIES = {
    "takes a fee on transfer": (TAKES_FEE, WRONG, WELL),
    "delivers more than was sent": (OVERPAYS, WRONG, WELL),
    "returns nothing": (RETURNS_NOTHING, WELL, WELL),
    "returns false though it moved": (RETURNS_FALSE, FALSE, FALSE),
    "returns false instead of failing": (FAILS_SOFTLY, FALSE, FALSE),
    "returns more than a word": (RETURNS_TWO_WORDS, WELL, WELL),
    "is paused": (PAUSED, PAUSE, PAUSE),
    "refuses to transfer zero": (NO_ZERO_AMOUNT, WELL, WELL),
    "refuses the zero address": (NO_ZERO_ADDRESS, WELL, WELL),
    "refuses amounts above 96 bits": (UINT96, WELL, WELL),
    "takes the largest amount for all": (MAX_MEANS_ALL, WELL, WELL),
    "asks no allowance of the sender": (KEEPS_OWN_ALLOWANCE, WELL, WELL),
    "guards against approval races": (NO_APPROVAL_RACE, WELL, WELL),
    "refuses to approve zero": (NO_ZERO_APPROVAL, WELL, WELL),
    "forgets its decimals": (NO_DECIMALS, WELL, WELL),
    "changes its decimals": (DECIMALS_GROW, WELL, WELL),
    "has a name of one word": (BYTES32_NAME, WELL, WELL),
    "has a script for a name": (INJECTING_NAME, WELL, WELL),
    "lies about balances": (BALANCE_LIES, WRONG, WELL),
    "calls back before it moves": (HOOKS, WELL, WELL),
    "calls back after it moved": (HOOKS_AFTER, WELL, WELL),
}


def behave(house: House, token: Contract, behaviour: int) -> None:
    """A hook calls the vault's deposit, as an attacker would."""
    again = house.vault.deposit.encode(OTHER, token.address, 1)
    token.misbehave(behaviour, house.vault.address, again, sender=house.owner)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("oddity", ODDITIES)
def test_path__odd_token__moves_what_it_says_or_nothing(house: House, oddity: str, path: str) -> None:
    """X-TOK-01, X-TOK-02, X-TOK-04, SOL-1, SOL-4, SOL-9: ledger and tokens move alike, or the call is refused."""
    behaviour, inwards, outwards = ODDITIES[oddity]
    way = PATHS[path]
    token, index = (house.cash, 0) if way.is_cash else (house.coin, 1)
    behave(house, token, behaviour)
    who = house.other if way.is_in else house.receiver
    ledger, owed, balances = house.ledger(), house.owed(), house.balances()

    reason = inwards if way.is_in else outwards
    if behaviour == TAKES_FEE and way.hands == 2:  # the second finds that something is missing
        reason = "token: balance too low"
    if reason:
        with pytest.raises(Reverted) as refusal:
            way.go(house, who)
        assert refusal.value.reason == reason
        assert (house.ledger(), house.balances()) == (ledger, balances)
        return

    way.go(house, who)
    moved = way.amount if way.is_in else -way.amount
    lost = way.amount // 100 if behaviour == TAKES_FEE else -1 if behaviour == OVERPAYS else 0  # on the way out
    after = house.balances()
    assert after[house.vault.address][index] - balances[house.vault.address][index] == moved
    assert house.owed()[index] - owed[index] == moved
    assert after[who][index] - balances[who][index] == -moved - (0 if way.is_in else lost)
    assert house.owed()[1 - index] == owed[1 - index]
    untouched = set(balances) - {house.vault.address, who}
    assert all(after[each] == balances[each] for each in untouched)
    assert not token.succeeded(), "what the hook called went through"


@pytest.mark.parametrize("oddity", [name for name, (_, *reasons) in ODDITIES.items() if any(reasons)])
def test_other_token__one_is_odd__goes_on(house: House, oddity: str) -> None:
    """X-TOK-04: what a token refuses, it refuses for itself: cash and collateral stand apart."""
    for odd, paths in ((house.cash, ("deposit of collateral", "withdrawal of collateral")), (house.coin, tuple(PATHS))):
        behave(house, odd, ODDITIES[oddity][0])
        for name, path in PATHS.items():
            if name in paths and path.is_cash == (odd is house.coin):
                path.go(house, house.other if path.is_in else house.receiver)
        behave(house, odd, 0)


@pytest.mark.parametrize("path", PATHS)
def test_path__blocked_party__blocks_nobody_else(house: House, path: str) -> None:
    """X-TOK-03: a blocklisted receiver chooses another; everybody else is paid, and the ledger waits for him."""
    way = PATHS[path]
    token = house.cash if way.is_cash else house.coin
    blocked, free = (house.trader, house.other) if way.is_in else (house.receiver, house.keeper)
    token.block_(blocked, True, sender=house.owner)
    ledger = house.ledger()
    with pytest.raises(Reverted) as refusal:
        way.go(house, blocked)
    assert refusal.value.reason == "token: blocked"
    assert house.ledger() == ledger

    for name, other in PATHS.items():
        if name != path:
            other.go(house, house.other if other.is_in else house.keeper)
    way.go(house, free)


@pytest.mark.parametrize("path", [name for name, path in PATHS.items() if not path.is_in])
def test_path__vault_is_blocked__the_other_token_still_leaves(house: House, path: str) -> None:
    """X-TOK-03: an issuer that blocks the vault itself stops its own token, and no other."""
    way = PATHS[path]
    own, other = (house.cash, "withdrawal of collateral") if way.is_cash else (house.coin, "withdrawal of cash")
    own.block_(house.vault.address, True, sender=house.owner)
    with pytest.raises(Reverted) as refusal:
        way.go(house, house.receiver)
    assert refusal.value.reason == "token: blocked"
    PATHS[other].go(house, house.receiver)


def test_balances__rebased_upwards__nobody_is_credited(house: House) -> None:
    """X-TOK-02, SOL-7: tokens that appear in the vault, by a rebase, a donation or as native currency, are nobody's."""
    ledger = house.ledger()
    for token, unit in ((house.cash, CASH), (house.coin, COIN)):
        token.mint(house.vault.address, 500 * unit, sender=house.owner)
    assert house.ledger() == ledger
    house.vault.deposit(ACCOUNT, house.cash.address, 1, sender=house.trader)
    assert house.vault.treasury(ACCOUNT).cash == MINE * WAD + WAD // CASH
    with pytest.raises(Reverted) as refusal:
        house.vault.withdraw(ACCOUNT, house.cash.address, MINE * CASH + 2, house.trader, sender=house.trader)
    assert refusal.value.reason == "vault: insufficient cash"


def test_balances__rebased_downwards__the_loss_stays_with_the_token(house: House) -> None:
    """X-TOK-02: coins that vanish are missing for their holders; cash is whole and is paid to the last unit."""
    house.coin.burn(house.vault.address, 7 * COIN, sender=house.owner)
    house.vault.withdraw(OTHER, house.coin.address, 3 * COIN, house.other, sender=house.other)
    with pytest.raises(Reverted) as refusal:
        house.vault.withdraw(ACCOUNT, house.coin.address, 1, house.trader, sender=house.trader)
    assert refusal.value.reason == "token: balance too low"

    house.vault.withdraw(ACCOUNT, house.cash.address, MINE * CASH, house.trader, sender=house.trader)
    house.vault.deposit(ACCOUNT, house.coin.address, 2 * COIN, sender=house.trader)
    house.vault.withdraw(ACCOUNT, house.coin.address, 2 * COIN, house.trader, sender=house.trader)


@pytest.mark.parametrize("hook", [HOOKS, HOOKS_AFTER])
def test_deposit__rebased_in_the_middle__reverts(house: House, hook: int) -> None:
    """X-TOK-02: a deposit counts exactly what it pulled; a balance that moves meanwhile is no deposit."""
    more = house.coin.mint.encode(house.vault.address, 1)
    house.coin.misbehave(hook, house.coin.address, more, sender=house.owner)
    with pytest.raises(Reverted) as refusal:
        house.vault.deposit(ACCOUNT, house.coin.address, COIN, sender=house.trader)
    assert refusal.value.reason == WRONG


def test_deposit__flash_minted__gone_again_with_nothing_left(house: House) -> None:
    """X-TOK-02: any number of tokens may exist for a moment; what is deposited must stay to be credited."""
    house.coin.mint(house.other, 2**255, sender=house.owner)
    house.coin.approve(house.vault.address, 2**256 - 1, sender=house.other)
    ledger = house.ledger()
    with pytest.raises(Reverted) as refusal:
        house.vault.deposit(OTHER, house.coin.address, 2**255, sender=house.other)
    assert refusal.value.reason == "vault: collateral cap"
    vanish = house.coin.burn.encode(house.vault.address, COIN)
    house.coin.misbehave(HOOKS_AFTER, house.coin.address, vanish, sender=house.owner)
    with pytest.raises(Reverted) as refusal:
        house.vault.deposit(OTHER, house.coin.address, COIN, sender=house.other)
    assert refusal.value.reason == WRONG
    assert house.ledger() == ledger


@pytest.mark.parametrize("token", ["cash", "coin"])
def test_deposit__largest_amount_means_all__reverts(house: House, token: str) -> None:
    """X-TOK-04: a token that takes 2^256 − 1 for the sender's balance credits nobody with 2^256 − 1."""
    odd: Contract = getattr(house, token)
    odd.misbehave(MAX_MEANS_ALL | KEEPS_OWN_ALLOWANCE, house.vault.address, b"", sender=house.owner)
    odd.approve(house.vault.address, 2**256 - 1, sender=house.other)
    ledger = house.ledger()
    with pytest.raises(Reverted):
        house.vault.deposit(OTHER, odd.address, 2**256 - 1, sender=house.other)
    assert house.ledger() == ledger


def test_token__upgraded_between__ledger_holds(house: House) -> None:
    """X-TOK-04: a token may turn into any other kind at any time: deposits stop, what left has left."""
    house.vault.deposit(ACCOUNT, house.coin.address, COIN, sender=house.trader)
    for behaviour, _, outwards in ODDITIES.values():
        behave(house, house.coin, behaviour)
        before = house.ledger()
        try:
            house.vault.withdraw(ACCOUNT, house.coin.address, 1, house.receiver, sender=house.trader)
        except Reverted as refusal:
            assert refusal.reason == outwards
            assert house.ledger() == before
    behave(house, house.coin, 0)
    held = house.vault.collateral_of(ACCOUNT)[0] * COIN // WAD
    house.vault.withdraw(ACCOUNT, house.coin.address, held, house.trader, sender=house.trader)
    assert house.vault.collateral_of(ACCOUNT)[0] == 0


def test_deposit__second_address_of_the_token__is_another_token(house: House) -> None:
    """X-TOK-04: a token with two entrances is known by the one that was registered."""
    alias = house.chain.deploy("MockWeirdToken", 8, 0, sender=house.owner)
    alias.mint(house.trader, COIN, sender=house.owner)
    alias.approve(house.vault.address, COIN, sender=house.trader)
    for action in (
        lambda: house.vault.deposit(ACCOUNT, alias.address, COIN, sender=house.trader),
        lambda: house.vault.withdraw(ACCOUNT, alias.address, COIN, house.trader, sender=house.trader),
    ):
        with pytest.raises(Reverted) as refusal:
            action()
        assert refusal.value.reason == "vault: unknown token"


@pytest.mark.parametrize("decimals", [0, 2, 6, 8, 18])
def test_decimals__low_or_high__whole_units_only(house: House, decimals: int) -> None:
    """X-TOK-06, RND-7: what a token can express comes in and goes out; dust of a unit nobody can take stays."""
    token = house.chain.deploy("MockWeirdToken", decimals, 0, sender=house.owner)
    unit = 10**decimals
    house.vault.add_collateral(token.address, 1_000 * WAD, sender=house.owner)
    token.mint(house.trader, 1_001 * unit, sender=house.owner)
    token.approve(house.vault.address, 1_001 * unit, sender=house.trader)
    house.vault.deposit(ACCOUNT, token.address, 1_000 * unit, sender=house.trader)
    assert house.vault.collateral_of(ACCOUNT)[1] == 1_000 * WAD
    with pytest.raises(Reverted) as refusal:
        house.vault.deposit(ACCOUNT, token.address, 1, sender=house.trader)
    assert refusal.value.reason == "vault: collateral cap"
    house.vault.withdraw(ACCOUNT, token.address, 1_000 * unit, house.trader, sender=house.trader)
    assert token.balanceOf(house.trader) == 1_001 * unit


@pytest.mark.parametrize(
    ("decimals", "behaviour", "reason"),
    [
        (19, 0, "vault: more than 18 decimals"),
        (256, 0, "vault: more than 18 decimals"),
        (2**255, 0, "vault: more than 18 decimals"),
        (18, DECIMALS_GROW, "vault: more than 18 decimals"),
        (6, NO_DECIMALS, "vault: token without decimals"),
    ],
)
def test_decimals__too_many_or_none__reverts(house: House, decimals: int, behaviour: int, reason: str) -> None:
    """X-TOK-06: a token that says nothing, nonsense or too much of itself is taken neither for cash nor collateral."""
    token = house.chain.deploy("MockWeirdToken", decimals, behaviour, sender=house.owner)
    attempts: list[Any] = [
        lambda: house.vault.add_collateral(token.address, WAD, sender=house.owner),
        lambda: deploy_vault(house.chain, token.address, WAD // 2, house.owner),
    ]
    for attempt in attempts:
        with pytest.raises(Reverted) as refusal:
            attempt()
        assert refusal.value.reason == reason
    assert house.vault.collateral_count() == 1


def test_vault__any_token__gives_no_allowance(house: House) -> None:
    """X-TOK-07, SOL-8: the vault approves nobody, so oddities of approvals and permits cannot concern it."""
    for path in PATHS.values():
        path.go(house, house.trader if path.is_in else house.receiver)
    for token in house.tokens():
        assert not [each for each in house.chain.accounts if token.allowance(house.vault.address, each)]
