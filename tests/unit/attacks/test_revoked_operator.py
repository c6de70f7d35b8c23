"""Who was an operator once: what the owner took away does not come back by a right of no bits."""

from __future__ import annotations

import pytest

from ballast.chain import Reverted
from ballast.params import WAD


def test_revoked_operator__first_deposit_of_a_collateral__refused(protocol, account, trader, operator, owner) -> None:
    """AUT-2: rights of 0 and a late expiry are no rights; each token begun makes every look at the account dearer."""
    vault, token = protocol.vault, protocol.collateral["WETH"]
    expiry = protocol.chain.timestamp + 86_400
    vault.set_operator(account, operator, 2, expiry, sender=trader)
    assert vault.authorised(account, operator, 0)
    vault.set_operator(account, operator, 0, expiry, sender=trader)
    assert not vault.authorised(account, operator, 0)

    protocol.mint(operator, WAD, owner, "WETH")
    token.approve(vault.address, WAD, sender=operator)
    with pytest.raises(Reverted, match="vault: owner deposits it first"):
        vault.deposit(account, token.address, 1, sender=operator)
    assert vault.treasury(account).collateral == 0
