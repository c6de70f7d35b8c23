"""Somebody who lets his own account be liquidated, by another account of his: it never pays."""

from __future__ import annotations

from contextlib import suppress

import pytest

from ballast.chain import Reverted
from ballast.params import WAD
from tests.support import deposit_to, lend
from tests.unit.attacks.conftest import START

ETH = "ETH"
NO_LIMIT = 2**255 - 1
MARGIN = 3_000 * WAD  # of 10 ETH at $3,000


class Attacker:
    """Two accounts: one whose book falls, and one with cash that bids for it."""

    def __init__(self, protocol, open_account, open_book, publish, trader: str, owner: str) -> None:
        self.protocol, self.trader, self._publish = protocol, trader, publish
        self.eth = protocol.market_ids[ETH]
        self.market = protocol.markets[ETH]
        self.victim = open_account(trader, MARGIN + 100 * WAD)
        open_book(self.victim, ETH, 10 * WAD, MARGIN)
        self.bidder = open_account(trader, 50_000 * WAD)
        deposit_to(protocol, protocol.insurance_fund.ACCOUNT(), owner, 100_000 * WAD, owner)

    @property
    def worth(self) -> int:
        """Of both accounts [wad]."""
        vault = self.protocol.vault
        return sum(
            vault.treasury(account).cash + vault.treasury(account).escrow + self.market.book_risk(account).equity
            for account in (self.victim, self.bidder)
        )

    def step(self, price: float, after: int = 60) -> None:
        """Time passes; ETH stands at `price` [USD], the others where they stood."""
        self.protocol.chain.advance(after)
        for name, other in {**START, ETH: price}.items():
            self._publish(name, int(other * 10**6) * 10**12)

    def start(self) -> None:
        self.protocol.liquidator.start(self.victim, self.eth, [], sender=self.trader)

    def bid(self, fraction: int = WAD) -> None:
        digest = self.market.legs_digest(self.victim)
        bid = (self.victim, self.eth, fraction, self.bidder, NO_LIMIT, digest, 10_000 * WAD, [])
        self.protocol.liquidator.bid(bid, sender=self.trader)


@pytest.fixture
def attacker(protocol, open_account, open_book, publish, trader, owner) -> Attacker:
    return Attacker(protocol, open_account, open_book, publish, trader, owner)


@pytest.mark.parametrize("age", [60, 600, 1_200, 3_000])
@pytest.mark.parametrize("fraction", [WAD // 5, WAD])
def test_self_liquidation__above_zero__costs_the_penalty(attacker: Attacker, age: int, fraction: int) -> None:
    """X-LIQ-03, LIQ-3: who sells to himself gives himself the discount, and the insurance its share of it."""
    attacker.step(2_830)
    attacker.start()
    attacker.step(2_830, age)
    before = attacker.worth
    attacker.bid(fraction)
    assert attacker.worth < before


@pytest.mark.parametrize("price", [2_690, 2_600, 2_300])
@pytest.mark.parametrize("age", [60, 1_200, 3_000])
def test_self_liquidation__below_zero__brings_less_than_closing_in_time(
    attacker: Attacker, price: int, age: int
) -> None:
    """X-LIQ-03, LIQ-3, X-ECO-03: at maintenance margin he had all of it; sunk, he gets back a fifth at the most."""
    attacker.step(2_860)
    in_time = attacker.worth
    risk = attacker.market.book_risk(attacker.victim)
    assert risk.equity >= risk.maintenance
    attacker.step(price)
    attacker.start()
    attacker.step(price, age)
    attacker.bid()
    assert attacker.worth <= in_time - risk.maintenance * 3 // 4


def test_top_up__of_one_wei_before_each_bid__stops_nothing(attacker: Attacker) -> None:
    """X-LIQ-02, X-LIQ-08: neither the price nor the bid is put off by it, nor by an order in the same block."""
    attacker.step(2_830)
    attacker.start()
    attacker.step(2_830, 600)
    protocol, victim = attacker.protocol, attacker.victim
    before = protocol.liquidator.offer(victim, attacker.eth)
    protocol.rebalancer.transfer_margin(victim, 0, attacker.eth, 1, sender=attacker.trader)
    leg = attacker.eth, -WAD, 0, 0
    protocol.exchange.commit(victim, [leg], True, sender=attacker.trader)
    after = protocol.liquidator.offer(victim, attacker.eth)
    assert (after.on, after.age, after.discount) == (True, before.age, before.discount)
    attacker.bid(WAD // 5)


def test_reset__by_rising_above_maintenance_and_falling_again__keeps_the_age(attacker: Attacker) -> None:
    """X-LIQ-08: only a distance of 1 ends an auction, and for an hour it goes on where it was."""
    attacker.step(2_830)
    attacker.start()
    protocol, eth, victim = attacker.protocol, attacker.eth, attacker.victim
    attacker.step(2_855, 600)
    with pytest.raises(Reverted, match="liquidator: not safe yet"):
        protocol.liquidator.stop(victim, eth, sender=attacker.trader)
    attacker.step(3_000, 60)
    protocol.liquidator.stop(victim, eth, sender=attacker.trader)
    attacker.step(2_830, 3_000)
    attacker.start()
    assert protocol.liquidator.offer(victim, eth).age == 660


def test_withdrawal__during_the_auction__is_refused(attacker: Attacker) -> None:
    """X-LIQ-08, HLT-4: what is for sale stays."""
    attacker.step(2_830)
    attacker.start()
    with pytest.raises(Reverted, match="rebalancer: not withdrawable"):
        attacker.protocol.rebalancer.transfer_margin(attacker.victim, attacker.eth, 0, 1, sender=attacker.trader)


def test_winner__takes_out_all_he_may_and_is_liquidated__loses_against_an_orderly_close(attacker: Attacker) -> None:
    """X-ECO-03: winnings leave down to initial margin; what the sale of the rest costs is his."""
    for price in range(3_030, 3_330, 30):
        attacker.step(price, 1_800)
    protocol, victim, eth = attacker.protocol, attacker.victim, attacker.eth
    orderly = attacker.worth
    spare = attacker.market.book_risk(victim).withdrawable
    assert spare > 0
    protocol.rebalancer.transfer_margin(victim, eth, 0, spare, sender=attacker.trader)
    for price in (3_250, 3_200, 3_150, 3_100, 3_050, 3_000):
        attacker.step(price, 60)
        with suppress(Reverted):
            attacker.start()
    attacker.step(3_000, 600)
    attacker.bid()
    fair = orderly - 10 * 300 * WAD  # what the book lost to the price alone
    assert attacker.worth < fair


# A treasury


@pytest.fixture
def borrower(attacker: Attacker, protocol, open_account, trader: str, owner: str) -> int:
    """10 WETH at $3,000, against which $24,000 was drawn out."""
    lend(protocol, owner, 10**6 * WAD, owner)
    account = open_account(trader)
    deposit_to(protocol, account, trader, 10 * WAD, owner, "WETH")
    protocol.vault.withdraw(account, protocol.token.address, 24_000 * 10**6, trader, sender=trader)
    return account


@pytest.mark.parametrize("price", [2_810, 2_600, 2_410])
@pytest.mark.parametrize("age", [60, 1_200, 3_000])
def test_self_liquidation__of_a_treasury__costs_the_penalty(
    attacker: Attacker, borrower: int, protocol, price: int, age: int
) -> None:
    """X-LIQ-03, LIQ-3: borrow the most, let the price fall, buy one's own collateral: cheaper is to repay."""
    vault, trader = protocol.vault, attacker.trader

    def worth() -> int:
        held = sum(vault.collateral_of(account)[0] for account in (borrower, attacker.bidder))
        cash = sum(vault.treasury(account).cash for account in (borrower, attacker.bidder))
        return int(cash + held * price)

    attacker.step(price)
    protocol.collateral_auctions.start(borrower, 0, [], sender=trader)
    attacker.step(price, age)
    before = worth()
    assert before > 0
    protocol.collateral_auctions.bid((borrower, 0, 10 * WAD, attacker.bidder, 2**128, []), sender=trader)
    assert worth() < before


def test_debt__beyond_the_collateral__is_the_only_thing_he_can_leave_behind(
    attacker: Attacker, borrower: int, protocol
) -> None:
    """X-LIQ-03, BDT-2: he keeps what he borrowed and loses what secured it; nothing is paid to him for it."""
    vault, trader = protocol.vault, attacker.trader
    attacker.step(2_300)
    protocol.collateral_auctions.start(borrower, 0, [], sender=trader)
    attacker.step(2_300, 1_200)
    before = vault.treasury(attacker.bidder).cash + 10 * 2_300 * WAD * 925 // 1_000
    protocol.collateral_auctions.bid((borrower, 0, 10 * WAD, attacker.bidder, 2**128, []), sender=trader)
    protocol.deficits.realise_debt(borrower, [], sender=trader)
    after = vault.treasury(attacker.bidder).cash + vault.collateral_of(attacker.bidder)[0] * 2_300
    assert after < before + 10 * 2_300 * WAD * 75 // 1_000


# Beside markets that fail


@pytest.mark.parametrize("mode", [1, 2, 4])
def test_liquidation__another_market_is_dead_or_malicious__goes_on(
    attacker: Attacker, protocol, owner: str, mode: int
) -> None:
    """EXT-3, §7.10: a book in a market that reverts, burns its gas or answers nonsense shields no other book."""
    broken = protocol.chain.deploy("MockBrokenMarket", sender=owner)
    protocol.vault.add_market(broken.address, sender=owner)
    id_ = protocol.vault.market_count()
    protocol.rebalancer.transfer_margin(attacker.victim, 0, id_, 50 * WAD, sender=attacker.trader)
    policy = {**protocol.rebalancer.policy(protocol.pool_account)._asdict(), "max_slippage": 0}
    protocol.rebalancer.set_policy(attacker.victim, policy, sender=attacker.trader)
    broken.set_mode(mode, sender=owner)
    attacker.step(2_820)
    attacker.start()
    attacker.step(2_820, 600)
    attacker.bid()
    assert attacker.market.book(attacker.bidder).size > 0
    assert broken.margin(attacker.victim) == 50 * WAD


def test_liquidation__of_whoever_the_token_refuses__moves_no_token(attacker: Attacker, protocol) -> None:
    """X-TOK-03: what is seized is credited, never pushed: no blacklist stands in the way."""
    before = protocol.token.balanceOf(protocol.vault.address)
    attacker.step(2_830)
    attacker.start()
    attacker.step(2_830, 600)
    attacker.bid()
    assert protocol.token.balanceOf(protocol.vault.address) == before
