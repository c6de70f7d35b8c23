"""Selling the collateral of an account in debt, and ending a debt that nothing secures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ballast.chain import Contract, Receipt
from ballast.deploy import Protocol
from ballast.params import WAD
from tests.support import UNLIMITED, deposit_to, lend, refused

from .conftest import ETH

WETH = 0
SHORT_PRICE = 2_800 * WAD  # 10 WETH against $24,000: below maintenance
DEEP = 2_350 * WAD  # worth less than the debt
DEBT = 24_000 * WAD


@pytest.fixture
def auctions(protocol: Protocol) -> Contract:
    return protocol.collateral_auctions


@pytest.fixture
def lent(protocol: Protocol, owner: str) -> int:
    """Lenders have put $1,000,000 into the credit pool; its account."""
    return lend(protocol, owner, 10**6 * WAD, owner)


@pytest.fixture
def debtor(protocol: Protocol, open_account: Callable[..., int], lent: int, trader: str, owner: str) -> int:
    """10 WETH at $3,000, against which $24,000 was drawn out."""
    account = open_account(trader)
    deposit_to(protocol, account, trader, 10 * WAD, owner, "WETH")
    protocol.vault.withdraw(account, protocol.token.address, DEBT // 10**12, trader, sender=trader)
    return account


@pytest.fixture
def with_book(
    protocol: Protocol, debtor: int, trade: Callable[..., Any], trader: str, owner: str
) -> Callable[[int], int]:
    """`with_book(6_000)`: the debtor, who owes what he did, with 10 SOL at $150 on that margin [USD]."""

    def with_book_(margin: int) -> int:
        deposit_to(protocol, debtor, trader, 25_000 * WAD, owner)
        assert trade(debtor, "SOL", 10 * WAD, margin * WAD).named("OrderFilled")
        cash = protocol.vault.treasury(debtor).cash
        protocol.vault.withdraw(debtor, protocol.token.address, (cash + DEBT) // 10**12, trader, sender=trader)
        return debtor

    return with_book_


@pytest.fixture
def start(auctions: Contract, keeper: str) -> Callable[..., Receipt]:
    return lambda account, index=WETH, orders=(): auctions.start(account, index, list(orders), sender=keeper)


@pytest.fixture
def bid(auctions: Contract, bidder: int, other_trader: str) -> Callable[..., Receipt]:
    """`bid(account, amount)`: the other trader's, at any price."""

    def bid_(account: int, amount: int = 10 * WAD, **changes: Any) -> Receipt:
        terms = {"account": account, "index": WETH, "amount": amount, "bidder": bidder, "max_price": 2**128}
        sender = changes.pop("sender", other_trader)
        return auctions.bid({**terms, "orders": [], **changes}, sender=sender)

    return bid_


@pytest.fixture
def on_sale(debtor: int, publish: Callable[..., int], start: Callable[..., Receipt]) -> Callable[..., int]:
    """`on_sale(price, age)`: the debtor, whose WETH was put up for sale `age` seconds ago."""

    def on_sale_(price: int = SHORT_PRICE, age: int = 600) -> int:
        publish(ETH, price, after=60)
        start(debtor)
        if age:
            publish(ETH, price, after=age)
        return debtor

    return on_sale_


@pytest.fixture
def risk(protocol: Protocol) -> Callable[[int], Any]:
    """A treasury's risk now."""
    model, vault = protocol.collateral_model, protocol.vault
    return lambda account: model.treasury_risk(account, vault.treasury(account).cash)


def test_start__healthy_treasury__is_refused(
    auctions: Contract, debtor: int, bidder: int, start: Callable[..., Receipt], publish: Callable[..., int]
) -> None:
    """LIQ-1: in debt and above maintenance, or not in debt."""
    for account in (debtor, bidder):
        with refused("liquidator: treasury is healthy"):
            start(account)
    for index in (7, 8):
        with refused("vault: unknown token"):
            start(debtor, index)
    publish(ETH, SHORT_PRICE, after=60)
    with refused("vault: insufficient collateral"):
        start(debtor, 1)
    assert start(debtor).event("AuctionStarted").age == 0
    with refused("liquidator: auction is on"):
        start(debtor)


def test_start__books_can_repay__cured_and_what_was_on_ends(
    protocol: Protocol,
    auctions: Contract,
    with_book: Callable[[int], int],
    start: Callable[..., Receipt],
    publish: Callable[..., int],
    set_policy: Callable[..., None],
    risk: Callable[[int], Any],
) -> None:
    """§7.6: rebalance before liquidate, in the same transaction; nothing is put up for sale, and nothing stays so."""
    debtor = with_book(6_000)
    publish(ETH, SHORT_PRICE, after=60)
    snapshot = protocol.chain.snapshot()
    for opened in (False, True):
        if opened:
            start(debtor)
        set_policy(debtor)
        protocol.chain.advance(1)
        receipt = start(debtor)
        assert not receipt.returned and not receipt.named("AuctionStarted")
        assert len(receipt.named("AuctionEnded")) == opened
        assert risk(debtor).equity >= risk(debtor).maintenance
        assert protocol.vault.collateral_of(debtor)[WETH] == 10 * WAD and not auctions.offer(debtor, WETH).on
        protocol.chain.revert(snapshot)
        snapshot = protocol.chain.snapshot()


def test_start__margin_waits_in_an_order__saves_the_treasury_first(
    protocol: Protocol,
    auctions: Contract,
    debtor: int,
    eth: int,
    start: Callable[..., Receipt],
    publish: Callable[..., int],
    risk: Callable[[int], Any],
    trader: str,
    owner: str,
) -> None:
    """LIQ-11, X-LIQ-11: escrow counts once, for its account; who does not name the order is refused."""
    deposit_to(protocol, debtor, trader, 2_000 * WAD, owner)
    leg = eth, WAD, 2**112 - 1, 1_990 * WAD
    order = protocol.exchange.commit(debtor, [leg], False, sender=trader).event("OrderCommitted").order
    publish(ETH, SHORT_PRICE, after=60)
    assert risk(debtor).equity < risk(debtor).maintenance
    with refused("liquidator: orders are open"):
        start(debtor)
    receipt = start(debtor, orders=[order])
    assert not receipt.returned and protocol.vault.treasury(debtor).escrow == 0
    assert risk(debtor).equity >= risk(debtor).maintenance
    assert protocol.vault.collateral_of(debtor)[WETH] == 10 * WAD and not auctions.offer(debtor, WETH).on


def test_bid__half_way_through__repays_what_restores_the_treasury(
    protocol: Protocol,
    auctions: Contract,
    on_sale: Callable[..., int],
    bid: Callable[..., Receipt],
    bidder: int,
    insured: int,
    risk: Callable[[int], Any],
) -> None:
    """LIQ-2, LIQ-9: tokens for a repayment at the price less the discount; no token leaves the vault."""
    account, vault = on_sale(age=600), protocol.vault
    offer, cash = auctions.offer(account, WETH), vault.treasury(account).cash
    fund, held = vault.treasury(insured).cash, protocol.collateral["WETH"].balanceOf(vault.address)
    assert offer.on and offer.discount == 75 * WAD // 2_000 and 0 < offer.limit < 10 * WAD
    receipt = bid(account, offer.limit + 1)
    sold = receipt.event("CollateralSold")
    assert (sold.amount, sold.payment, sold.penalty) == (offer.limit, offer.payment, offer.penalty)
    assert tuple(receipt.returned) == (False, sold.amount, sold.payment, sold.penalty)
    assert vault.treasury(account).cash == pytest.approx(cash + sold.payment, abs=4)
    assert vault.collateral_of(account)[WETH] == 10 * WAD - sold.amount
    assert vault.collateral_of(bidder)[WETH] == sold.amount
    assert vault.treasury(insured).cash == fund + sold.penalty
    assert protocol.collateral["WETH"].balanceOf(vault.address) == held
    after = risk(account)
    z = (after.equity - after.maintenance) * WAD // after.sigma_loss
    assert z == pytest.approx(2 * WAD, rel=10**-6)
    assert receipt.named("AuctionEnded")


def test_bid__in_parts__sells_on(
    auctions: Contract, on_sale: Callable[..., int], bid: Callable[..., Receipt], risk: Callable[[int], Any]
) -> None:
    """X-LIQ-05: no crumbs; the last part is as small as it is."""
    account = on_sale()
    with refused("liquidator: bid is too small"):
        bid(account, WAD // 10)
    assert not bid(account, WAD * 4 // 10).named("AuctionEnded")
    assert bid(account).named("AuctionEnded")
    assert risk(account).equity > risk(account).maintenance


def test_bid__price_above_his_limit__is_refused(
    auctions: Contract, on_sale: Callable[..., int], bid: Callable[..., Receipt]
) -> None:
    """LIQ-8: a price of zero buys nothing."""
    account = on_sale()
    offer = auctions.offer(account, WETH)
    worst = -(-(offer.payment + offer.penalty) * WAD // offer.limit)
    for price in (0, worst - 1):
        with refused("liquidator: above max payment"):
            bid(account, max_price=price)
    assert bid(account, max_price=worst).named("CollateralSold")


def test_bid__out_of_turn__is_refused(
    auctions: Contract,
    debtor: int,
    start: Callable[..., Receipt],
    bid: Callable[..., Receipt],
    publish: Callable[..., int],
    stranger: str,
    keeper: str,
) -> None:
    """LIQ-1, LIQ-6, X-LIQ-04: without an auction, in its first block, for nothing, for another, once it is healthy."""
    publish(ETH, SHORT_PRICE, after=60)
    with refused("liquidator: no auction"):
        bid(debtor)
    start(debtor)
    with refused("liquidator: opened in this block"):
        bid(debtor)
    publish(ETH, SHORT_PRICE, after=60)
    with refused("vault: zero amount"):
        bid(debtor, 0)
    with refused("access: no right"):
        bid(debtor, sender=stranger)
    with refused("liquidator: not safe yet"):
        auctions.stop(debtor, WETH, sender=keeper)
    publish(ETH, 3_000 * WAD, after=60)
    with refused("liquidator: treasury is healthy"):
        bid(debtor)
    assert auctions.stop(debtor, WETH, sender=keeper).event("AuctionEnded").age == 120
    with refused("liquidator: no auction"):
        auctions.stop(debtor, WETH, sender=keeper)


def test_bid__books_can_repay__nothing_is_sold(
    protocol: Protocol,
    auctions: Contract,
    with_book: Callable[[int], int],
    start: Callable[..., Receipt],
    bid: Callable[..., Receipt],
    publish: Callable[..., int],
    set_policy: Callable[..., None],
    risk: Callable[[int], Any],
) -> None:
    """§7.6: an indebted treasury is cured by its books' surplus first."""
    debtor = with_book(6_000)
    publish(ETH, SHORT_PRICE, after=60)
    start(debtor)
    publish(ETH, SHORT_PRICE, after=60)
    publish("SOL", 150 * WAD)
    set_policy(debtor)
    receipt = bid(debtor)
    assert receipt.returned.cured and not receipt.named("CollateralSold")
    assert protocol.vault.collateral_of(debtor)[WETH] == 10 * WAD
    assert risk(debtor).equity >= risk(debtor).maintenance
    assert not auctions.offer(debtor, WETH).on


def test_bid__in_the_name_of_the_house__is_refused(
    protocol: Protocol,
    on_sale: Callable[..., int],
    bid: Callable[..., Receipt],
    lent: int,
    insured: int,
    trader: str,
    stranger: str,
) -> None:
    """AUT-2, X-LIQ-04: nobody sells his tokens to pool, insurance or lenders, who could not sell them on."""
    account, vault = on_sale(age=1), protocol.vault
    for house in (protocol.pool_account, insured, lent):
        before = vault.treasury(house).cash
        assert before > 0
        for sender in (trader, stranger):
            with refused("access: no right"):
                bid(account, bidder=house, sender=sender)
        assert vault.treasury(house).cash == before
        assert vault.collateral_of(house)[WETH] == 0


def test_bid__repaid_by_a_stranger__is_refused(
    protocol: Protocol, on_sale: Callable[..., int], bid: Callable[..., Receipt], owner: str
) -> None:
    """LIV-1: repaying needs no right and no price."""
    account = on_sale()
    deposit_to(protocol, account, owner, 24_100 * WAD, owner)
    with refused("liquidator: treasury is healthy"):
        bid(account)


def test_bid__another_token_has_no_price__waits_two_hours(
    protocol: Protocol,
    debtor: int,
    start: Callable[..., Receipt],
    bid: Callable[..., Receipt],
    publish: Callable[..., int],
    trader: str,
    owner: str,
) -> None:
    """X-ORC-05, X-LIQ-05: nobody is sold out for a feed that stumbles, nobody hides behind a dead one."""
    token = protocol.collateral["WBTC"]
    protocol.mint(trader, WAD, owner, "WBTC")
    token.approve(protocol.vault.address, UNLIMITED, sender=trader)
    protocol.vault.deposit(debtor, token.address, 1, sender=trader)
    publish(ETH, SHORT_PRICE, after=3_960)  # the feed of BTC is stale by now
    start(debtor)
    publish(ETH, SHORT_PRICE, after=3_600)
    with refused("liquidator: a price is missing"):
        bid(debtor)
    publish(ETH, SHORT_PRICE, after=3_600)
    assert bid(debtor).named("CollateralSold")


def test_offer__at_every_age__falls_no_further_than_half_of_what_the_threshold_leaves(
    protocol: Protocol, auctions: Contract, on_sale: Callable[..., int], bid: Callable[..., Receipt]
) -> None:
    """LIQ-7, §7.9: a view equals the change that it previews."""
    account = on_sale(age=1)
    last = 0
    for age in (0, 299, 1_199, 3_000):
        snapshot = protocol.chain.snapshot()
        if age:
            protocol.chain.advance(age)
        offer = auctions.offer(account, WETH)
        assert last <= offer.discount <= 75 * WAD // 1_000
        last = offer.discount
        assert tuple(bid(account).returned) == (False, offer.limit, offer.payment, offer.penalty)
        protocol.chain.revert(snapshot)
    assert last == 75 * WAD // 1_000


def test_bid__below_zero_at_a_jump_that_nothing_confirms__waits(
    protocol: Protocol,
    debtor: int,
    bidder: int,
    start: Callable[..., Receipt],
    bid: Callable[..., Receipt],
    publish: Callable[..., int],
) -> None:
    """X-ORC-05: nobody's collateral is sold as a whole at one strange round; ten minutes later it counts."""
    vault = protocol.vault
    publish(ETH, DEEP, after=60)
    start(debtor)
    publish(ETH, DEEP, after=60)
    cash = vault.treasury(bidder).cash
    with refused("liquidator: rescue is suspended"):
        bid(debtor)
    with refused("liquidator: rescue is suspended"):
        protocol.collateral_auctions.offer(debtor, WETH)
    assert vault.collateral_of(debtor)[WETH] == 10 * WAD
    assert vault.treasury(bidder).cash == cash
    publish(ETH, DEEP, after=600)
    assert bid(debtor).event("CollateralSold").amount == 10 * WAD


# What is left


@pytest.fixture
def sell_out(
    start: Callable[..., Receipt], bid: Callable[..., Receipt], publish: Callable[..., int]
) -> Callable[[int], None]:
    """`sell_out(account)`: all of its WETH is bought for less than it owes."""

    def sell_out_(account: int) -> None:
        publish(ETH, DEEP, after=60)
        start(account)
        publish(ETH, DEEP, after=1_200)
        assert bid(account).event("CollateralSold").amount == 10 * WAD

    return sell_out_


@pytest.fixture
def sold_out(debtor: int, sell_out: Callable[[int], None]) -> int:
    """The debtor, all of whose WETH was sold for less than he owes."""
    sell_out(debtor)
    return debtor


def test_realise_debt__nothing_left__insurance_pays_then_the_lenders(
    protocol: Protocol, sold_out: int, lent: int, insured: int, keeper: str
) -> None:
    """BDT-1, BDT-2, BDT-3: no debt stays without collateral; its loss is the lenders' only beyond the insurance's
    cap."""
    vault, fund, pool = protocol.vault, protocol.insurance_fund, protocol.credit_pool
    debt = -vault.treasury(sold_out).cash
    assert debt > 2_000 * WAD
    before, assets = vault.treasury(insured).cash, pool.net_assets()
    may = fund.drawable(0)
    assert may > debt
    snapshot = protocol.chain.snapshot()
    assert protocol.deficits.realise_debt(sold_out, [], sender=keeper).returned == 0
    assert vault.treasury(sold_out).cash == pytest.approx(0, abs=2)
    assert vault.treasury(insured).cash == pytest.approx(before - debt, abs=2)
    assert pool.net_assets() == pytest.approx(assets, abs=4)
    protocol.chain.revert(snapshot)

    fund.set_draw_cap(0, 500 * WAD, sender=protocol.manifest.deployer)
    receipt = protocol.deficits.realise_debt(sold_out, [], sender=keeper)
    event = receipt.event("DebtRealised")
    assert (event.debt, event.paid_by_insurance) == (debt, 500 * WAD)
    assert receipt.returned == event.written_off == pytest.approx(debt - 500 * WAD, abs=4)
    assert vault.treasury(sold_out).cash == 0
    assert assets - pool.net_assets() == pytest.approx(event.written_off, rel=10**-3)
    assert pool.total_debt() <= 10


def test_note__treasury__below_zero_is_known_and_repaid_is_forgotten(
    protocol: Protocol, debtor: int, sell_out: Callable[[int], None], owner: str, keeper: str
) -> None:
    """BDT-2: the lenders' gate shuts and opens with it."""
    deficits = protocol.deficits
    assert not deficits.note(debtor, 0, sender=keeper).returned
    sell_out(debtor)
    assert deficits.note(debtor, 0, sender=keeper).returned
    assert (deficits.is_noted(debtor, 0), deficits.insolvencies(), deficits.insolvent_debts()) == (True, 1, 1)
    deposit_to(protocol, debtor, owner, DEBT, owner)
    assert not deficits.note(debtor, 0, sender=keeper).returned
    assert (deficits.is_noted(debtor, 0), deficits.insolvencies(), deficits.insolvent_debts()) == (False, 0, 0)


def test_realise_debt__more_than_dust_without_a_price_for_a_week__is_buried(
    protocol: Protocol,
    sold_out: int,
    insured: int,
    publish: Callable[..., int],
    trader: str,
    owner: str,
    keeper: str,
) -> None:
    """BDT-1: what nobody can price waits for a price, but no longer than a week; then it is the insurance's."""
    deficits, day = protocol.deficits, 86_400
    deposit_to(protocol, sold_out, trader, WAD, owner, "WBTC")
    publish(ETH, DEEP, after=3_960)
    deficits.realise_debt(sold_out, [], sender=keeper)
    assert deficits.is_noted(sold_out, 0)
    publish(ETH, DEEP, after=6 * day)
    with refused("deficits: collateral is left"):
        deficits.realise_debt(sold_out, [], sender=keeper)
    publish(ETH, DEEP, after=day)
    assert deficits.realise_debt(sold_out, [], sender=keeper).named("DebtRealised")
    held = [protocol.vault.collateral_of(account)[1] for account in (sold_out, insured)]
    assert held == [0, WAD] and not deficits.is_noted(sold_out, 0)


def test_realise_debt__above_zero_or_collateral_left__is_refused(
    protocol: Protocol, on_sale: Callable[..., int], publish: Callable[..., int], keeper: str
) -> None:
    """BDT-3: collateral is sold first."""
    account = on_sale()
    with refused("deficits: not below zero"):
        protocol.deficits.realise_debt(account, [], sender=keeper)
    publish(ETH, DEEP, after=60)
    with refused("deficits: collateral is left"):
        protocol.deficits.realise_debt(account, [], sender=keeper)


def test_realise_debt__dust_of_collateral__stands_in_nobodys_way(
    protocol: Protocol, sold_out: int, insured: int, trader: str, owner: str, keeper: str
) -> None:
    """BDT-1, X-LIQ-05: a speck of it goes to the insurance."""
    token = protocol.collateral["WETH"]
    protocol.mint(trader, WAD, owner, "WETH")
    protocol.vault.deposit(sold_out, token.address, 10**15, sender=trader)
    assert protocol.deficits.realise_debt(sold_out, [], sender=keeper).named("DebtRealised")
    assert protocol.vault.collateral_of(sold_out)[WETH] == 0
    assert protocol.vault.collateral_of(insured)[WETH] == 10**15
    assert protocol.vault.treasury(sold_out).cash == pytest.approx(0, abs=2)


def test_realise_debt__token_without_a_price__two_hours_after_the_note(
    protocol: Protocol,
    sold_out: int,
    insured: int,
    publish: Callable[..., int],
    trader: str,
    owner: str,
    keeper: str,
) -> None:
    """BDT-1, X-LIQ-05: who holds a dead token does not keep his deficit open for ever, nor the insurance shut."""
    token, deficits = protocol.collateral["WBTC"], protocol.deficits
    protocol.mint(trader, WAD, owner, "WBTC")
    token.approve(protocol.vault.address, UNLIMITED, sender=trader)
    protocol.vault.deposit(sold_out, token.address, 1, sender=trader)
    publish(ETH, DEEP, after=3_960)
    with refused("liquidator: a price is missing"):
        deficits.note(sold_out, 0, sender=keeper)
    assert not deficits.realise_debt(sold_out, [], sender=keeper).named("DebtRealised")
    assert (deficits.insolvencies(), deficits.is_noted(sold_out, 0)) == (1, True)
    assert deficits.insolvent_debts() == 1
    publish(ETH, DEEP, after=7_199)
    assert not deficits.realise_debt(sold_out, [], sender=keeper).named("DebtRealised")
    publish(ETH, DEEP, after=1)
    assert deficits.realise_debt(sold_out, [], sender=keeper).named("DebtRealised")
    assert deficits.insolvencies() == deficits.insolvent_debts() == 0


def test_realise_debt__books_of_who_opted_out__pay_first(
    protocol: Protocol,
    with_book: Callable[[int], int],
    insured: int,
    sell_out: Callable[[int], None],
    publish: Callable[..., int],
    keeper: str,
) -> None:
    """BDT-2: the account before anybody else: its books are closed at mark, whatever its policy says."""
    debtor = with_book(800)
    sell_out(debtor)
    publish("SOL", 150 * WAD)
    equity, debt = protocol.markets["SOL"].book_risk(debtor).equity, -protocol.vault.treasury(debtor).cash
    event = protocol.deficits.realise_debt(debtor, [], sender=keeper).event("DebtRealised")
    assert 0 < equity < debt
    assert event.debt == pytest.approx(debt - equity, abs=4)
    assert protocol.vault.treasury(debtor).slots == 0


def test_realise_debt__books_are_worth_more__nobody_else_pays(
    protocol: Protocol,
    with_book: Callable[[int], int],
    insured: int,
    lent: int,
    sell_out: Callable[[int], None],
    publish: Callable[..., int],
    keeper: str,
) -> None:
    """BDT-2: closing the book repays the whole debt; what is left of it is the account's cash."""
    debtor = with_book(6_000)
    sell_out(debtor)
    publish("SOL", 150 * WAD)
    vault, pool = protocol.vault, protocol.credit_pool
    equity, debt = protocol.markets["SOL"].book_risk(debtor).equity, -vault.treasury(debtor).cash
    assert equity > debt > 0
    fund, assets = vault.treasury(insured).cash, pool.net_assets()
    receipt = protocol.deficits.realise_debt(debtor, [], sender=keeper)
    assert receipt.returned == 0 and receipt.named("BookAbsorbed") and not receipt.named("DebtRealised")
    treasury = vault.treasury(debtor)
    assert treasury.cash == pytest.approx(equity - debt, abs=4) and treasury.slots == 0
    assert vault.treasury(insured).cash == fund
    assert pool.net_assets() == pytest.approx(assets, abs=4) and pool.total_debt() <= 10


def test_realise_debt__book_below_zero_too__each_loss_goes_its_own_way(
    protocol: Protocol,
    with_book: Callable[[int], int],
    insured: int,
    sell_out: Callable[[int], None],
    publish: Callable[..., int],
    keeper: str,
) -> None:
    """BDT-1, BDT-2: the book's deficit and the debt are paid for one by one; nothing of the book comes back as cash."""
    debtor = with_book(800)
    sell_out(debtor)
    for price in (110, 80, 60, 60):
        publish("SOL", price * WAD, after=700)
    vault = protocol.vault
    equity, debt = protocol.markets["SOL"].book_risk(debtor).equity, -vault.treasury(debtor).cash
    assert equity < 0
    vault.collect_insurance(sender=keeper)
    fund = vault.treasury(insured).cash
    receipt = protocol.deficits.realise_debt(debtor, [], sender=keeper)
    deficit, loss = receipt.event("DeficitRealised"), receipt.event("DebtRealised")
    assert (deficit.equity, deficit.paid_by_insurance, deficit.spread) == (equity, -equity, 0)
    assert loss.debt == pytest.approx(debt, rel=10**-6) and loss.written_off == 0
    assert vault.treasury(insured).cash == pytest.approx(fund + equity - loss.debt, abs=4)
    assert vault.treasury(debtor).slots == 0 and vault.treasury(debtor).cash == pytest.approx(0, abs=2)


def test_realise_debt__account_can_pay__pays_itself(
    protocol: Protocol,
    with_book: Callable[[int], int],
    insured: int,
    sell_out: Callable[[int], None],
    publish: Callable[..., int],
    set_policy: Callable[..., None],
    risk: Callable[[int], Any],
    keeper: str,
) -> None:
    """§7.6, BDT-2: its rescue lifts the treasury out of debt, its book goes on, and nothing is realised."""
    debtor = with_book(12_000)
    sell_out(debtor)
    publish("SOL", 150 * WAD)
    set_policy(debtor)
    size, fund = protocol.markets["SOL"].book(debtor).size, protocol.vault.treasury(insured).cash
    assert risk(debtor).equity < 0
    receipt = protocol.deficits.realise_debt(debtor, [], sender=keeper)
    assert receipt.returned == 0 and receipt.named("Rebalanced")
    assert not receipt.named("DebtRealised") and not receipt.named("BookAbsorbed")
    assert risk(debtor).equity >= 0 and protocol.markets["SOL"].book(debtor).size == size
    assert protocol.vault.treasury(insured).cash == fund
