"""Somebody with as much money as he likes, for as long as a block takes, at the credit pool."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ballast.chain import Reverted
from ballast.deploy import Protocol
from ballast.params import WAD

YEAR = 365 * 86_400
BLOCK = 12  # [s]
CENT = 10**4  # [raw]


@pytest.fixture
def debtor(protocol: Protocol, lenders: int, open_account: Callable[..., int], secure, trader: str) -> int:
    """Somebody else: 10 WETH at $3,000, against which $20,000 was drawn out."""
    account = open_account(trader)
    secure(account, "WETH", 10 * WAD)
    protocol.vault.withdraw(account, protocol.token.address, 20_000 * 10**6, trader, sender=trader)
    return account


@pytest.fixture
def attacker(protocol: Protocol, open_account: Callable[..., int], secure, trader: str, owner: str) -> int:
    """1,000 WETH, and $5,000,000 of tokens beside it."""
    account = open_account(trader)
    secure(account, "WETH", 1_000 * WAD)
    protocol.mint(trader, 5 * 10**6 * WAD, owner)
    for taker in (protocol.vault, protocol.credit_pool):
        protocol.token.approve(taker.address, 2**256 - 1, sender=trader)
    return account


def price(protocol: Protocol) -> int:
    """Of a share, virtual ones included [wad · 1e12]."""
    pool = protocol.credit_pool
    return (pool.net_assets() + 10**12) * 10**30 // (pool.totalSupply() + 10**12)


def repay(protocol: Protocol, account: int, sender: str) -> None:
    """All, to the token unit above."""
    owed = -protocol.vault.treasury(account).cash
    protocol.vault.deposit(account, protocol.token.address, -(-owed // 10**12), sender=sender)


@pytest.mark.parametrize("after", [0, YEAR // 3])
def test_borrow_and_repay__in_one_block__gains_nothing(
    protocol: Protocol, debtor: int, attacker: int, trader: str, after: int, publish
) -> None:
    """X-SHR-03, RND-5: collateral in, all that is idle out, back, collateral out: nobody has a wei of his."""
    protocol.chain.advance(after)
    publish("ETH", 3_000 * WAD)
    vault, pool, token = protocol.vault, protocol.credit_pool, protocol.token
    before, share, index = token.balanceOf(trader), price(protocol), pool.debt_index()
    owed, began = vault.treasury(debtor).cash, protocol.chain.timestamp
    for _ in range(3):
        vault.withdraw(attacker, token.address, pool.available() // 10**12, trader, sender=trader)
        assert pool.available() <= 10**12
        repay(protocol, attacker, trader)
    vault.withdraw(attacker, protocol.collateral["WETH"].address, 1_000 * WAD, trader, sender=trader)
    assert protocol.chain.timestamp == began
    assert token.balanceOf(trader) + vault.treasury(attacker).cash // 10**12 <= before
    assert vault.treasury(debtor).cash == owed
    assert pool.debt_index() == index
    assert price(protocol) >= share


def test_lend_borrow_and_leave__in_one_block__gains_nothing(
    protocol: Protocol, debtor: int, attacker: int, trader: str
) -> None:
    """X-SHR-01, RND-5: what he lends he may borrow and lend again; each way out brings no more than went in."""
    vault, pool, token = protocol.vault, protocol.credit_pool, protocol.token
    before, share, owed = token.balanceOf(trader), price(protocol), vault.treasury(debtor).cash
    for part in (2 * 10**12, 10**12, 7):
        shares = pool.deposit(part, trader, sender=trader).returned
        vault.withdraw(attacker, token.address, part, trader, sender=trader)
        again = pool.deposit(part, trader, sender=trader).returned
        assert again <= shares
        repay(protocol, attacker, trader)
        pool.redeem(shares + again, trader, trader, sender=trader)
        assert price(protocol) >= share
    assert token.balanceOf(trader) + vault.treasury(attacker).cash // 10**12 <= before
    assert vault.treasury(debtor).cash == owed


@pytest.mark.parametrize("gift", [0, 10**6])
def test_rate__pushed_up_for_a_block__costs_the_others_a_block_of_it(
    protocol: Protocol, debtor: int, attacker: int, trader: str, gift: int
) -> None:
    """ACC-7: all that is idle, borrowed for twelve seconds, after a gift: a debt grows at `max_rate` at most."""
    vault, pool, token = protocol.vault, protocol.credit_pool, protocol.token
    if gift:
        vault.deposit(pool.ACCOUNT(), token.address, gift, sender=trader)
    before, held = vault.treasury(debtor).cash, token.balanceOf(trader)
    vault.withdraw(attacker, token.address, pool.available() // 10**12, trader, sender=trader)
    assert pool.borrow_rate() == pytest.approx(WAD, rel=10**-3)
    protocol.chain.advance(BLOCK)
    repay(protocol, attacker, trader)
    grown = before - vault.treasury(debtor).cash
    assert 0 < grown <= -before * BLOCK // YEAR * 1_001 // 1_000 + 10
    assert grown < WAD // 100  # a cent of $20,000
    assert token.balanceOf(trader) < held - 30 * CENT
    assert pool.borrow_rate() < 2 * WAD // 100


def test_debt__of_token_units__grows_by_each_and_falls_by_no_more(
    protocol: Protocol, debtor: int, attacker: int, trader: str
) -> None:
    """RND-5, X-RND-04: a unit lent and repaid, a hundred times over, at an index that divides nothing."""
    protocol.chain.advance(YEAR // 7)
    protocol.publish("ETH", 3_000 * WAD, protocol.manifest.deployer)
    vault, pool, token = protocol.vault, protocol.credit_pool, protocol.token
    share, others = price(protocol), pool.total_debt()
    held = token.balanceOf(trader)
    for _ in range(50):
        vault.withdraw(attacker, token.address, 1, trader, sender=trader)
        assert vault.treasury(attacker).cash <= -(10**12)
        vault.deposit(attacker, token.address, 1, sender=trader)
        assert price(protocol) >= share
    assert token.balanceOf(trader) == held
    assert vault.treasury(attacker).cash <= 0
    assert pool.total_debt() >= others


def test_lender__before_anybody_notes_a_loss__leaves_at_par_as_far_as_cash_is_idle(
    protocol: Protocol, debtor: int, publish, owner: str, keeper: str
) -> None:
    """BDT-2: the limit that is known: until somebody says so, nobody knows; from then on nobody leaves."""
    pool = protocol.credit_pool
    publish("ETH", 1_900 * WAD, after=60)
    snapshot = protocol.chain.snapshot()
    idle = pool.available() // 10**12
    assert pool.maxWithdraw(owner) == idle == pytest.approx(980_000 * 10**6)
    pool.withdraw(idle, owner, owner, sender=owner)
    with pytest.raises(Reverted) as refusal:
        pool.withdraw(1, owner, owner, sender=owner)
    assert refusal.value.reason == "credit: not enough idle cash"
    protocol.chain.revert(snapshot)
    assert protocol.deficits.note(debtor, 0, sender=keeper).returned
    assert pool.maxWithdraw(owner) == 0
    with pytest.raises(Reverted) as refusal:
        pool.withdraw(1, owner, owner, sender=owner)
    assert refusal.value.reason == "shares: deficit not assigned"
