"""The liquidator's bot: what it opens, buys, realises and closes again."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ballast.keeper import Keeper
from ballast.liquidator import Liquidator
from ballast.params import WAD
from tests.support import UNLIMITED, deposit_to, lend

CASH = 200_000 * WAD
ETH = 2


@pytest.fixture
def bidder(open_account, other_trader):
    """An account of the one who runs the bot."""
    return open_account(other_trader, CASH)


@pytest.fixture
def bot(protocol, other_trader, bidder):
    return Liquidator(protocol, other_trader, bidder, edge=Decimal("0.001"))


@pytest.fixture
def insured(protocol, owner, stranger):
    """An insurance with $100,000."""
    raw = protocol.mint(stranger, 100_000 * WAD, owner)
    protocol.token.approve(protocol.insurance_fund.address, UNLIMITED, sender=stranger)
    protocol.insurance_fund.deposit(raw, stranger, sender=stranger)


@pytest.fixture
def lent(protocol, owner, stranger):
    """$100,000 to lend."""
    lend(protocol, stranger, 100_000 * WAD, owner)


@pytest.fixture
def fragile(open_account, open_book, trader):
    """Ten ether long at $3,000 with $4,000 of margin, nothing else, and no policy."""
    account = open_account(trader, 4_010 * WAD)
    open_book(account, "ETH", 10 * WAD, 4_000 * WAD)
    return account


def _later(protocol, owner, seconds, price=None):
    """Time passes, and every feed speaks again."""
    protocol.chain.advance(seconds)
    for name, feed in protocol.feeds.items():
        last = int(feed.latestRoundData()[1]) * 10**10
        protocol.publish(name, price if price and name == "ETH" else last, owner)


def test_run_once__all_healthy__does_nothing(bot, fragile):
    work = bot.run_once()
    assert not work and not work.receipts


def test_run_once__short_book__opened_then_bought_then_closed_again(protocol, bot, bidder, fragile, owner, keeper):
    """The account keeps what was not sold or paid; the bidder ends with cash, and no book."""
    _later(protocol, owner, 60, 2_720 * WAD)
    assert bot.run_once().started == [(fragile, "ETH")]
    _later(protocol, owner, 1_100)
    work = bot.run_once()
    assert work.bought == [(fragile, "ETH")] and work.unwound == ["ETH"]
    assert protocol.markets["ETH"].book(bidder).size > 0
    _later(protocol, owner, 60)
    Keeper(protocol, keeper).run_once()
    assert protocol.markets["ETH"].book(bidder).size == 0
    assert bot.run_once().unwound == ["ETH"]
    treasury = protocol.vault.treasury(bidder)
    assert treasury.slots == 0 and treasury.cash > CASH * 99 // 100


def test_run_once__auction_too_young__waits(protocol, bot, fragile, owner):
    """It buys nothing at a loss."""
    _later(protocol, owner, 60, 2_720 * WAD)
    bot.run_once()
    _later(protocol, owner, 12)
    assert not bot.run_once()


def test_run_once__account_can_save_its_book__cured_and_not_sold(
    protocol, bot, open_account, trader, trade, params, owner
):
    """LIQ-1: its cash goes into the book in the call that would have opened the auction."""
    account = open_account(trader, 30_000 * WAD)
    protocol.rebalancer.set_policy(account, params.policy.model_dump(), sender=trader)
    trade(account, "ETH", 10 * WAD, 4_000 * WAD)
    _later(protocol, owner, 60, 2_720 * WAD)
    work = bot.run_once()
    assert work.cured == [(account, "ETH")] and not work.started
    risk = protocol.markets["ETH"].book_risk(account)
    assert risk.equity >= risk.maintenance and protocol.markets["ETH"].book(account).size == 10 * WAD


def test_run_once__nobody_wants_it__the_pool_takes_it(protocol, other_trader, bidder, fragile, owner):
    bot = Liquidator(protocol, other_trader, bidder, edge=Decimal(1))
    _later(protocol, owner, 60, 2_720 * WAD)
    bot.run_once()
    for _ in range(4):
        _later(protocol, owner, 600)
    assert bot.run_once().left_to_pool == [(fragile, "ETH")]
    assert protocol.markets["ETH"].book(bidder).size == 0


def test_run_once__book_below_zero__insured_and_absorbed(protocol, bot, fragile, insured, owner):
    """BDT-2: the insurance pays, the pool has the legs, nothing is left."""
    before = protocol.insurance_fund.net_assets()
    _later(protocol, owner, 60, 2_550 * WAD)
    assert bot.run_once().realised == [(fragile, "ETH")]
    assert protocol.insurance_fund.net_assets() < before
    assert protocol.markets["ETH"].book(fragile).size == 0
    assert protocol.deficits.insolvencies() == 0


def test_run_once__deficit_in_a_halted_market__made_known_and_nothing_else(protocol, bot, fragile, insured, owner):
    """BDT-2: nobody may end it while the engine may not fill it, nobody leaves the insurance; one call for all."""
    protocol.markets["ETH"].set_state(2, sender=owner)
    _later(protocol, owner, 60, 2_550 * WAD)
    work = bot.run_once()
    assert work.noted == [(fragile, "ETH")] and len(work.receipts) == 1
    assert protocol.deficits.insolvencies() == 1
    assert not bot.run_once()
    _later(protocol, owner, 60, 3_000 * WAD)
    assert bot.run_once().noted == [(fragile, "ETH")]
    assert protocol.deficits.insolvencies() == 0 and not bot.run_once()


def test_run_once__market_opens_again__waiting_deficit_is_realised(protocol, bot, fragile, insured, owner):
    """Not in the hour of grace; then at once."""
    protocol.markets["ETH"].set_state(2, sender=owner)
    _later(protocol, owner, 60, 2_550 * WAD)
    bot.run_once()
    protocol.markets["ETH"].set_state(0, sender=owner)
    _later(protocol, owner, 60)
    assert not bot.run_once()
    _later(protocol, owner, 3_600)
    assert bot.run_once().realised == [(fragile, "ETH")]
    assert protocol.deficits.insolvencies() == 0


@pytest.fixture
def debtor(protocol, open_account, owner, trader, lent):
    """Five ether, and $11,000 borrowed against them and taken out."""
    account = open_account(trader)
    protocol.mint(trader, 5 * WAD, owner, "WETH")
    weth = protocol.collateral["WETH"]
    weth.approve(protocol.vault.address, UNLIMITED, sender=trader)
    protocol.vault.deposit(account, weth.address, 5 * WAD, sender=trader)
    raw = protocol.to_raw(11_000 * WAD)
    protocol.vault.withdraw(account, protocol.token.address, raw, trader, sender=trader)
    return account


def test_run_once__treasury_short__collateral_sold_until_it_is_safe(protocol, bot, bidder, debtor, owner):
    """The bidder pays, the debt shrinks, and what is left is at its target again."""
    _later(protocol, owner, 60, 2_550 * WAD)
    assert bot.run_once().started == [(debtor, "WETH")]
    _later(protocol, owner, 600)
    assert bot.run_once().bought == [(debtor, "WETH")]
    cash = protocol.vault.treasury(debtor).cash
    risk = protocol.collateral_model.treasury_risk(debtor, cash)
    assert cash > -11_000 * WAD and risk.equity >= risk.maintenance
    assert protocol.vault.collateral_of(bidder)[0] > 0


def test_run_once__lenders_wait__served_as_debt_is_repaid(protocol, bot, debtor, owner, stranger, trader):
    """BDT-2: first come, first served."""
    pool = protocol.credit_pool
    pool.request_exit(pool.balanceOf(stranger), stranger, sender=stranger)
    assert pool.queue()[1] == 1
    deposit_to(protocol, debtor, trader, 12_000 * WAD, owner)
    assert bot.run_once().served == [1]
    assert pool.queue()[1] == 0


def test_run_once__dry__says_and_sends_nothing(protocol, other_trader, bidder, fragile, owner):
    bot = Liquidator(protocol, other_trader, bidder, dry_run=True)
    _later(protocol, owner, 60, 2_720 * WAD)
    work = bot.run_once()
    assert work.started == [(fragile, "ETH")] and not work.receipts
    assert not protocol.liquidator.offer(fragile, ETH).on
