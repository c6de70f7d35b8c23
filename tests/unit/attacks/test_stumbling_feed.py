"""Somebody who waits for a feed to stumble, to take collateral that then has no price."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from ballast.chain import Reverted
from ballast.deploy import Protocol
from ballast.params import WAD

STALE = 3_960  # [s] after a round its feed has no price
PATIENCE = 7_200  # [s]
DAY = 86_400  # [s]
WETH, WBTC = 0, 1
DEBT = 24_000 * 10**6  # [raw]


class Scene:
    """A trader who owes $24,000, and somebody else, with cash, who wants what secures it."""

    def __init__(self, protocol: Protocol, open_account, secure, publish, trader: str, keeper: str) -> None:
        self.protocol, self.publish, self.trader, self.attacker = protocol, publish, trader, keeper
        self.debtor = open_account(trader)
        self.bidder = open_account(keeper, 100_000 * WAD)
        self.secure = partial(secure, self.debtor)

    @property
    def held(self) -> list[int]:
        return list(self.protocol.vault.collateral_of(self.debtor))[:2]

    def borrow(self) -> None:
        self.protocol.vault.withdraw(self.debtor, self.protocol.token.address, DEBT, self.trader, sender=self.trader)

    def speak(self, after: int = 0) -> None:
        """Rounds of both feeds, at the prices that they had."""
        self.publish("ETH", 3_000 * WAD, after=after)
        self.publish("BTC", 60_000 * WAD)

    def bid(self) -> None:
        bid = (self.debtor, WETH, 10 * WAD, self.bidder, 2**128, [])
        self.protocol.collateral_auctions.bid(bid, sender=self.attacker)


@pytest.fixture
def scene(
    protocol: Protocol, lenders: int, open_account: Callable[..., int], secure, publish, trader: str, keeper: str
) -> Scene:
    return Scene(protocol, open_account, secure, publish, trader, keeper)


def test_realise_debt__feed_stumbles_twice__takes_nothing(scene: Scene) -> None:
    """X-ORC-05, X-LIQ-05: a debt that was noted when a feed was late for a minute, and hours later is late again, is
    no debt without collateral."""
    deficits, attacker = scene.protocol.deficits, scene.attacker
    scene.secure("WETH", 10 * WAD)
    scene.borrow()
    scene.protocol.chain.advance(STALE)
    assert not deficits.realise_debt(scene.debtor, [], sender=attacker).named("DebtRealised")
    assert deficits.is_noted(scene.debtor, 0)
    for _ in range(3):
        scene.speak(after=3_000)
    debt = scene.protocol.vault.treasury(scene.debtor).cash
    scene.protocol.chain.advance(STALE)
    assert deficits.realise_debt(scene.debtor, [], sender=attacker).returned == 0
    assert scene.held == [10 * WAD, 0]
    assert scene.protocol.vault.treasury(scene.debtor).cash == pytest.approx(debt, rel=10**-4)
    scene.speak()
    assert not deficits.note(scene.debtor, 0, sender=attacker).returned
    assert deficits.insolvent_debts() == 0


def test_realise_debt__feed_is_silent_for_hours__takes_what_was_dust_at_the_last_price(scene: Scene) -> None:
    """BDT-1, X-ORC-05, X-GOV-04: a feed that fails, or that the guardian switches off, for longer than two hours hands
    nobody's collateral to the insurance, where nothing sells it; a week later it is worthless."""
    protocol, attacker = scene.protocol, scene.attacker
    deficits, vault, pool = protocol.deficits, protocol.vault, protocol.credit_pool
    scene.secure("WETH", 10 * WAD)
    scene.borrow()
    protocol.oracle.set_feed_off(protocol.market_ids["ETH"], True, sender=protocol.manifest.deployer)
    deficits.realise_debt(scene.debtor, [], sender=attacker)
    debt, net = vault.treasury(scene.debtor).cash, pool.net_assets()
    for wait in (PATIENCE, DAY, 5 * DAY):
        protocol.chain.advance(wait)
        with pytest.raises(Reverted) as refusal:
            deficits.realise_debt(scene.debtor, [], sender=attacker)
        assert refusal.value.reason == "deficits: collateral is left"
    assert scene.held == [10 * WAD, 0]
    assert vault.treasury(scene.debtor).cash <= debt
    assert pool.net_assets() >= net
    assert deficits.insolvent_debts() == 1
    protocol.chain.advance(DAY)
    assert deficits.realise_debt(scene.debtor, [], sender=attacker).named("DebtRealised")
    assert scene.held == [0, 0]
    assert deficits.insolvent_debts() == 0


def test_bid__other_feed_stumbles_twice__buys_nothing(scene: Scene) -> None:
    """X-ORC-05, X-LIQ-05: an auction that was opened when one token had no price, and aged while it had, sells
    nothing of the other when the price is late again."""
    auctions, attacker = scene.protocol.collateral_auctions, scene.attacker
    scene.secure("WETH", 5 * WAD)
    scene.secure("WBTC", WAD)
    scene.borrow()
    scene.publish("ETH", 3_000 * WAD, after=STALE)
    auctions.start(scene.debtor, WETH, [], sender=attacker)
    for _ in range(3):
        scene.speak(after=3_000)
    scene.publish("ETH", 3_000 * WAD, after=STALE)
    assert auctions.offer(scene.debtor, WETH).discount == 75 * WAD // 1_000
    cash = scene.protocol.vault.treasury(scene.bidder).cash
    with pytest.raises(Reverted) as refusal:
        scene.bid()
    assert refusal.value.reason == "liquidator: a price is missing"
    assert scene.held == [5 * WAD, WAD]
    assert scene.protocol.vault.treasury(scene.bidder).cash == cash


def test_start__feed_stumbles__voids_no_order(scene: Scene) -> None:
    """X-DOS-02, LIQ-11: nobody ends another's orders because a feed is late for a minute."""
    protocol, trader, attacker = scene.protocol, scene.trader, scene.attacker
    scene.secure("WBTC", WAD)
    scene.borrow()
    protocol.chain.advance(STALE)
    scene.speak()
    leg = (protocol.market_ids["ETH"], WAD, 2**112 - 1, 1_000 * WAD)
    order = protocol.exchange.commit(scene.debtor, [leg], False, sender=trader).event("OrderCommitted").order
    protocol.chain.advance(STALE)
    scene.publish("ETH", 3_000 * WAD)
    escrow = protocol.vault.treasury(scene.debtor).escrow
    assert escrow > 1_000 * WAD
    protocol.collateral_auctions.start(scene.debtor, WBTC, [order], sender=attacker)
    protocol.deficits.realise_debt(scene.debtor, [order], sender=attacker)
    assert protocol.vault.treasury(scene.debtor).escrow == escrow
    assert protocol.vault.open_orders(scene.debtor) == 1
