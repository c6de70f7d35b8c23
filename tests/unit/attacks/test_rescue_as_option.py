"""A speck of a book below maintenance, so that a rescue closes a large healthy one at the last round's price."""

from __future__ import annotations

import pytest

from ballast.params import WAD


@pytest.mark.parametrize("causes", ["distance", "risk share", "risk budget"])
def test_rescue__of_a_speck__leaves_the_large_book_as_it_is(
    protocol, open_account, open_book, trader, keeper, publish, set_policy, causes: str
) -> None:
    """X-ORC-10, LIQ-2: a rescue's cuts wait for no round, so they are for what is short, and for no more than it lacks;
    whatever distance, share or budget its owner wrote into his policy."""
    account, far = open_account(trader, 40_000 * WAD), 40 * WAD
    open_book(account, "BTC", WAD // 2, 25_000 * WAD)
    open_book(account, "ETH", WAD // 10, 25 * WAD)
    changes = {
        "distance": dict.fromkeys(("z_trigger", "z_target", "z_delever", "z_delever_target"), far),
        "risk share": {"z_target": far, "max_risk_share": 1},
        "risk budget": {"z_target": far, "risk_budget": 1},
    }[causes]
    both = 1 << protocol.market_ids["BTC"] | 1 << protocol.market_ids["ETH"]
    set_policy(account, max_delever=10_000, z_donor=far, no_fund=both, **changes)
    publish("BTC", 60_000 * WAD, after=60)
    publish("ETH", 2_840 * WAD)
    market, eth = protocol.markets["BTC"], protocol.markets["ETH"]
    speck, before = eth.book_risk(account), market.book(account).size
    assert 0 < speck.equity < speck.maintenance
    protocol.liquidator.start(account, protocol.market_ids["ETH"], [], sender=keeper)
    assert before - market.book(account).size < before // 1_000


def test_rescue__of_the_book_itself__cuts_to_a_distance_of_two(
    protocol, open_account, open_book, trader, keeper, publish, set_policy
) -> None:
    """X-ORC-10, LIQ-2: as an auction would sell, and no further."""
    account, far = open_account(trader, 3_010 * WAD), 40 * WAD
    open_book(account, "ETH", 10 * WAD, 3_000 * WAD)
    set_policy(
        account, max_delever=10_000, z_trigger=far, z_target=far, z_donor=far, z_delever=far, z_delever_target=far
    )
    publish("ETH", 2_840 * WAD, after=60)
    market = protocol.markets["ETH"]
    assert not protocol.liquidator.start(account, protocol.market_ids["ETH"], [], sender=keeper).returned
    risk = market.book_risk(account)
    z = (risk.equity - risk.maintenance) * WAD // risk.sigma_loss
    assert WAD < z < 3 * WAD
