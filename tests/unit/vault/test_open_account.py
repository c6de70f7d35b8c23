"""Opening accounts."""

from __future__ import annotations

import pytest

from ballast.chain import Contract, Reverted


def test_open_account__anyone_for_anyone__counts_up(vault: Contract, stranger: str, trader: str) -> None:
    """AUT-4: an account opened for somebody has no operator."""
    before = vault.account_count()
    receipt = vault.open_account(trader, sender=stranger)
    assert vault.account_count() == before + 1
    event = receipt.event("AccountOpened")
    assert (event.account, event.owner) == (before + 1, trader)
    assert vault.owner_of(before + 1) == trader
    assert not any(vault.authorised(before + 1, stranger, right) for right in (1, 2, 4))
    treasury = vault.treasury(before + 1)
    assert not any(treasury)


@pytest.mark.parametrize("who", ["nobody", "the vault"])
def test_open_account__no_possible_owner__reverts(vault: Contract, stranger: str, who: str) -> None:
    """AUT-7: nobody and the vault itself own nothing."""
    owner = vault.address if who == "the vault" else "0x" + "00" * 20
    with pytest.raises(Reverted) as error:
        vault.open_account(owner, sender=stranger)
    assert error.value.reason == "vault: zero address"


def test_owner_of__unknown_account__is_nobody(vault: Contract, stranger: str) -> None:
    """AUT-5: an unknown id has no owner, no rights and no treasury."""
    assert int(vault.owner_of(99), 16) == 0
    assert not vault.authorised(99, "0x" + "00" * 20, 1)
    assert not vault.authorised(99, stranger, 1)
    assert not any(vault.treasury(99))
