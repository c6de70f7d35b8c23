"""An operator who may trade, and nothing else, of an account with collateral: what he can do with its credit."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ballast.chain import Reverted
from ballast.deploy import Protocol
from ballast.params import WAD
from tests.unit.attacks.conftest import ANY_PRICE

TRADE = 1
DEBT = 24_000 * 10**6  # [raw]


@pytest.fixture
def account(
    protocol: Protocol, lenders: int, open_account: Callable[..., int], secure, trader: str, stranger: str
) -> int:
    """Of the trader's: 10 WETH, no cash; the stranger may trade for it."""
    id_ = open_account(trader)
    secure(id_, "WETH", 10 * WAD)
    protocol.vault.set_operator(id_, stranger, TRADE, 2**40 - 1, sender=trader)
    return id_


def test_operator__takes_up_debt__which_stays_in_the_account(protocol: Protocol, account: int, stranger: str) -> None:
    """AUT-2, AUT-3: margin of orders is lent, down to initial margin; he can take none of it out."""
    vault, exchange, token = protocol.vault, protocol.exchange, protocol.token
    eth, idle = protocol.market_ids["ETH"], protocol.credit_pool.available()
    leg = (eth, WAD, ANY_PRICE, 10_000 * WAD)
    exchange.commit(account, [leg], False, sender=stranger)
    treasury = vault.treasury(account)
    assert -treasury.cash == pytest.approx(treasury.escrow, abs=2)
    assert idle - protocol.credit_pool.available() == pytest.approx(treasury.escrow, abs=2)
    leg = (eth, WAD, ANY_PRICE, 15_000 * WAD)
    with pytest.raises(Reverted) as refusal:
        exchange.commit(account, [leg], False, sender=stranger)
    assert refusal.value.reason == "vault: below initial margin"

    weth = protocol.collateral["WETH"].address
    held = token.balanceOf(stranger)
    for call in (
        lambda: vault.withdraw(account, token.address, 1, stranger, sender=stranger),
        lambda: vault.withdraw(account, weth, 1, stranger, sender=stranger),
        lambda: protocol.rebalancer.transfer_margin(account, 0, eth, WAD, sender=stranger),
    ):
        with pytest.raises(Reverted) as refusal:
            call()
        assert refusal.value.reason == "access: no right"
    for call in (
        lambda: vault.set_operator(account, stranger, 7, 2**40 - 1, sender=stranger),
        lambda: vault.transfer_account(account, stranger, sender=stranger),
    ):
        with pytest.raises(Reverted):
            call()
    assert token.balanceOf(stranger) == held
    assert vault.treasury(account).cash == treasury.cash
    assert vault.collateral_of(account)[0] == 10 * WAD


@pytest.mark.parametrize("age", [1, 600])
def test_operator__sells_his_own_collateral_to_the_account__at_no_more_than_the_price(
    protocol: Protocol,
    account: int,
    open_account: Callable[..., int],
    secure,
    publish: Callable[..., int],
    trader: str,
    stranger: str,
    age: int,
) -> None:
    """AUT-3, X-LIQ-03: he bids in its name for what he has put up for sale himself; it pays the price less the
    discount, out of credit at that."""
    vault, auctions = protocol.vault, protocol.collateral_auctions
    his = open_account(trader)
    secure(his, "WETH", 10 * WAD)
    vault.withdraw(his, protocol.token.address, DEBT, trader, sender=trader)
    secure(account, "WETH", 90 * WAD)
    price = 2_800
    publish("ETH", price * WAD, after=60)
    auctions.start(his, 0, [], sender=stranger)
    publish("ETH", price * WAD, after=age)

    def worth(id_: int) -> int:
        return int(vault.treasury(id_).cash + vault.collateral_of(id_)[0] * price)

    before, own = worth(account), worth(his)
    auctions.bid((his, 0, 10 * WAD, account, 2**128, []), sender=stranger)
    assert vault.collateral_of(account)[0] > 100 * WAD > vault.collateral_of(his)[0] + 90 * WAD
    assert vault.treasury(account).cash < 0
    assert worth(account) >= before - 10
    assert worth(his) <= own + 10
