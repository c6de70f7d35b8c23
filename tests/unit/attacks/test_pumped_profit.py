"""A pumped price: its profit must not leave the vault, by whatever way."""

from __future__ import annotations

import pytest

from ballast.chain import Reverted
from ballast.params import WAD
from tests.unit.attacks.conftest import START


def test_pumped_profit__through_a_sibling_book__stays(
    protocol, open_account, open_book, trader, publish, set_policy
) -> None:
    """X-ECO-02, HLT-9: LINK jumps 40 % for one round; its own book may give nothing, so its sibling may not either."""
    vault, rebalancer, markets = protocol.vault, protocol.rebalancer, protocol.markets
    account = open_account(trader, 2_000_000 * WAD)
    open_book(account, "LINK", 60_000 * WAD, 200_000 * WAD)
    open_book(account, "ETH", 3_000 * WAD, 900_000 * WAD)
    protocol.chain.advance(1_900)  # the average is the price
    for name, price in START.items():
        publish(name, price * WAD)
    for name in ("LINK", "ETH"):
        spare = markets[name].book_risk(account).withdrawable
        rebalancer.transfer_margin(account, protocol.market_ids[name], 0, spare, sender=trader)
    cash = vault.treasury(account).cash // 10**12
    vault.withdraw(account, protocol.token.address, cash, trader, sender=trader)

    publish("LINK", 21 * WAD, after=30)
    assert markets["LINK"].book_risk(account).withdrawable == 0
    assert markets["ETH"].book_risk(account).withdrawable == 0
    set_policy(account, z_trigger=WAD, z_donor=WAD, z_target=40 * WAD, containment=10_000, z_delever_target=2 * WAD)
    rebalancer.rebalance_own(account, sender=trader)
    spare = markets["ETH"].book_risk(account).withdrawable
    assert spare > 100_000 * WAD, "the engine did move the profit into the sibling"
    for target in (0, protocol.market_ids["LINK"]):
        with pytest.raises(Reverted, match="rebalancer: lately filled"):
            rebalancer.transfer_margin(account, protocol.market_ids["ETH"], target, WAD, sender=trader)
    assert vault.treasury(account).cash < WAD

    protocol.chain.advance(1_800)  # the price has stood for the length of the average: it is no pump
    for name, price in {**START, "LINK": 21}.items():
        publish(name, price * WAD)
    rebalancer.transfer_margin(account, protocol.market_ids["ETH"], 0, WAD, sender=trader)
