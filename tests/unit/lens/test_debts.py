"""Treasuries in debt, page by page."""

from __future__ import annotations

import pytest

from ballast.params import WAD
from tests.support import deposit_to, lend


@pytest.fixture
def debtor(protocol, open_account, owner, trader, stranger):
    """Two ether, $3,000 of debt."""
    lend(protocol, stranger, 10_000 * WAD, owner)
    account = open_account(trader)
    deposit_to(protocol, account, trader, 2 * WAD, owner, "WETH")
    raw = protocol.to_raw(3_000 * WAD)
    protocol.vault.withdraw(account, protocol.token.address, raw, trader, sender=trader)
    return account


def test_debts__nobody_owes__none(protocol, account):
    assert protocol.lens.debts(1, 256) == []


def test_debts__one_debtor_among_others__found_with_his_risk(protocol, account, debtor):
    (found,) = protocol.lens.debts(1, 256)
    assert (found.account, found.cash) == (debtor, protocol.vault.treasury(debtor).cash)
    assert found.cash < 0 and found.risk == protocol.collateral_model.treasury_risk(debtor, found.cash)


def test_debts__other_page__empty(protocol, debtor):
    assert protocol.lens.debts(1, debtor - 1) == []
    assert protocol.lens.debts(debtor + 1, 256) == []
    assert [each.account for each in protocol.lens.debts(debtor, 1)] == [debtor]
