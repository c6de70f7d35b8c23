"""The rows of the specification's table of costs (docs/benchmarks.md), measured on a node.

Whole transactions, storage cold at their start, feeds with a proxy and an aggregator, rounds processed beforehand,
keeper's ledger not empty. Views are what the node says their execution takes.
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import Any

from ballast.chain.web3 import Web3Chain
from ballast.params import WAD
from benchmarks.scene import CASH, UNLIMITED, Position, Scene
from benchmarks.storage import copy_books

SHORT_Z = 15 * WAD // 10  # [wad] how near to liquidation a short book is
SEED = 20_200_312
STATES = 400  # random states for the allocation alone
SCAN_ACCOUNTS = 1_000


@dataclass(frozen=True)
class Row:
    """A measured figure beside its goal, where it has one."""

    row: str
    gas: int
    goal: int | None
    published: str
    unit: str = "gas"

    @property
    def met(self) -> bool:
        """Rates are to be exceeded, costs not."""
        if self.goal is None:
            return True
        return self.gas >= self.goal if self.unit != "gas" else self.gas <= self.goal

    def record(self) -> dict[str, Any]:
        return asdict(self)


def measure(scene: Scene, note: Callable[[str], None] = lambda _: None) -> Iterator[Row]:
    """Every row that the protocol has parts for."""
    chain = scene.chain
    engine, risk = (_margin, _four_books, _eight_books, _indebted, _allocation), (_views, _trade, _deposit)
    for part in (*engine, *risk, _debt, _liquidation, _collateral, _deficit, _scan):
        note(part.__name__.removeprefix("_").replace("_", " "))
        snapshot = chain.snapshot()
        yield from part(scene)
        chain.revert(snapshot)


def _portfolio(scene: Scene, books: int, **policy: Any) -> int:
    """An account with equal long books at five times leverage, guarded, and no cash left but for the reward."""
    account = scene.open_account()
    for name in scene.names[:books]:
        scene.open_book(account, Position(name, 10_000 * WAD, 2_000 * WAD))
    scene.set_policy(account, cooldown=0, **policy)
    return account


def _drain(scene: Scene, account: int, leave: int) -> None:
    """Withdraw the cash, so that donors have to give."""
    vault, token = scene.protocol.vault, scene.protocol.token
    cash = int(vault.treasury(account).cash)
    vault.withdraw(account, token.address, scene.protocol.to_raw(cash - leave), scene.trader, sender=scene.trader)


def _margin(scene: Scene) -> Iterator[Row]:
    account = _portfolio(scene, 2)
    scene.chain.advance(60)
    receipt = scene.protocol.rebalancer.transfer_margin(account, 1, 2, 100 * WAD, sender=scene.trader)
    yield Row("margin from one book to another, both open", receipt.gas_used, 115_000, "Derive v2: 462,000")


def _rebalance(scene: Scene, account: int, donors: int, shorts: int) -> int:
    """Gas of a keeper's call that shaves that many donors and fills that many books."""
    scene.chain.advance(60)
    receipt = scene.protocol.rebalancer.rebalance(account, sender=scene.keeper)
    moves = [event.amount for event in receipt.named("MarginMoved")]
    found = sum(amount < 0 for amount in moves), sum(amount > 0 for amount in moves)
    assert found == (donors, shorts), f"expected {donors} donors and {shorts} short books, the plan had {found}"
    assert not receipt.named("BookCut"), "a cut is measured elsewhere"
    assert receipt.named("Rewarded"), "the keeper earned nothing"
    return int(receipt.gas_used)


def _rich(scene: Scene, account: int, market: str, margin: int) -> None:
    """Make a book the one that pays."""
    id_ = scene.protocol.market_ids[market]
    scene.protocol.rebalancer.transfer_margin(account, 0, id_, margin, sender=scene.trader)


def _four_books(scene: Scene) -> Iterator[Row]:
    account = _portfolio(scene, 4)
    _rich(scene, account, scene.names[1], 6_000 * WAD)
    _drain(scene, account, 30 * WAD)
    scene.sink(account, scene.names[0], SHORT_Z)
    scene.refresh(scene.names[1:4])

    state = scene.chain.snapshot()
    one = _rebalance(scene, account, 1, 1)
    yield Row("rebalance, 4 perp books, one short, one donor", one, 270_000, "Perennial v2: 750,000 a market")
    scene.chain.revert(state)

    state = scene.chain.snapshot()
    scene.refresh(scene.names[1:4], process=False)
    late = _rebalance(scene, account, 1, 1)
    yield Row("each feed with an unprocessed round", (late - one) // 3, 8_000, "–")
    scene.chain.revert(state)

    yield from _three_donors(scene, one)


def _three_donors(scene: Scene, one: int) -> Iterator[Row]:
    account = _portfolio(scene, 4)
    for name in scene.names[1:4]:
        _rich(scene, account, name, 2_000 * WAD)
    _drain(scene, account, 30 * WAD)
    scene.sink(account, scene.names[0], SHORT_Z)
    scene.refresh(scene.names[1:4])
    scene.chain.advance(60)
    receipt = scene.protocol.rebalancer.rebalance(account, sender=scene.keeper)
    donors = sum(event.amount < 0 for event in receipt.named("MarginMoved"))
    assert donors > 1, "only one book gave"
    yield Row("each further donor", (int(receipt.gas_used) - one) // (donors - 1), 14_000, "–")


def _eight_books(scene: Scene) -> Iterator[Row]:
    account = _portfolio(scene, 8)
    _rich(scene, account, scene.names[2], 9_000 * WAD)
    _drain(scene, account, 30 * WAD)
    for name in scene.names[:2]:
        scene.sink(account, name, SHORT_Z)
    scene.refresh(scene.names)
    gas = _rebalance(scene, account, 1, 2)
    yield Row("rebalance, 8 perp books, two short, one donor", gas, 440_000, "–")


def _indebted(scene: Scene) -> Iterator[Row]:
    """What a treasury in debt adds: it is valued as a book, and what the donors give beyond the reward repays it."""
    account = _portfolio(scene, 4)
    _rich(scene, account, scene.names[1], 6_000 * WAD)
    scene.pledge(account, "WETH", 10)
    scene.lend()
    _drain(scene, account, 30 * WAD)
    scene.sink(account, scene.names[0], SHORT_Z)
    gas = []
    for debt in (0, 1_000 * WAD):
        state = scene.chain.snapshot()
        if debt:
            scene.borrow(account, debt)
        scene.refresh(scene.names[1:4])
        gas.append(_rebalance(scene, account, 1, 1))
        scene.chain.revert(state)
    yield Row("rebalance, what a treasury in debt adds", gas[1] - gas[0], 40_000, "–")


def _allocation(scene: Scene) -> Iterator[Row]:
    harness = scene.chain.deploy("AllocationHarness", sender=scene.owner)
    rng = random.Random(SEED)
    states = [(_random_books(rng), _usd(rng, 0, 500)) for _ in range(STATES)]
    gas = [int(harness.gas_of_allocation(books, free, 10 * WAD, 4 * WAD)) for books, free in states]
    yield Row("allocation alone, 8 books: median", int(statistics.median(gas)), 13_000, "–")
    yield Row(f"allocation alone, 8 books: worst of {STATES}", max(gas), 60_000, "–")


def _usd(rng: random.Random, low: float, high: float) -> int:
    return int(rng.uniform(low, high) * WAD)


def _random_books(rng: random.Random) -> list[dict[str, Any]]:
    """Eight books with leverage 2–20 and volatility 30–200 %, some short, some pinned."""
    books = []
    for _ in range(8):
        notional = 10 ** rng.uniform(3, 5)
        equity = notional / rng.uniform(2, 20)
        maintenance = notional * rng.uniform(0.02, 0.06)
        books.append(
            {
                "equity": int(equity * WAD),
                "maintenance": int(maintenance * WAD),
                "sigma_loss": int(notional * rng.uniform(0.003, 0.02) * WAD),
                "donor_floor": int(maintenance * 1.4 * WAD),
                "cap": int(equity * rng.uniform(1, 3) * WAD),
                "fund": rng.random() < 0.9,
                "tap": rng.random() < 0.9,
            }
        )
    return books


def _views(scene: Scene) -> Iterator[Row]:
    account = _portfolio(scene, 2)
    risks = [scene.protocol.markets[name].book_risk for name in scene.names[:2]]
    gas = [_execution_gas(scene.chain, risk._contract.address, risk.encode(account)) for risk in risks]
    shared = 2_500  # the oracle's address is cold once, not twice, when one call reads both
    yield Row("risk of an account with 2 perp books (view)", sum(gas) - shared, 62_000, "Derive SRM: 275,000")


def _execution_gas(chain: Web3Chain, to: str, data: bytes) -> int:
    """What a call executes, the intrinsic cost of a transaction left out."""
    trace = chain.rpc("debug_traceCall", {"to": to, "data": "0x" + data.hex()}, "latest", {"tracer": "callTracer"})
    intrinsic = 21_000 + sum(16 if byte else 4 for byte in data)
    return int(trace["gasUsed"], 16) - intrinsic


def _trade(scene: Scene) -> Iterator[Row]:
    account = _portfolio(scene, 1)
    scene.chain.advance(60)
    scene.refresh(scene.names[:1])
    commit, execute = scene.trade(account, Position(scene.names[0], 1_000 * WAD, 200 * WAD))
    assert execute.named("OrderFilled")
    total = commit.gas_used + execute.gas_used
    yield Row("perp trade, existing book, commit + execute", total, 320_000, "Derive: 498,000; GMX: 3.9 M limit")


def _deposit(scene: Scene) -> Iterator[Row]:
    account = scene.open_account()
    protocol, amount = scene.protocol, scene.protocol.mint(scene.trader, CASH, scene.owner)
    receipt = protocol.vault.deposit(account, protocol.token.address, amount // 2, sender=scene.trader)
    yield Row("deposit into an existing account", receipt.gas_used, 80_000, "Derive: 127,000; Aave supply: 140,000")


def _liquidation(scene: Scene) -> Iterator[Row]:
    one = sum(_liquidate(scene, 1)[1:])
    yield Row(
        "liquidation bid on a perp book, rescue included", one, 320_000, "Derive: 647,000; Aave v3: 312,000–435,000"
    )
    yield Row("full liquidation of 8 books, starts and bids", sum(_liquidate(scene, 8)), 5_000_000, "–")


def _liquidate(scene: Scene, books: int) -> tuple[int, int]:
    """Gas of opening the auctions of an account that its policy cannot save, and of bidding for all of them."""
    protocol, snapshot = scene.protocol, scene.chain.snapshot()
    account, bidder = _portfolio(scene, books, max_slippage=0), scene.open_account(owner=scene.keeper)
    names = scene.names[:books]
    _drain(scene, account, 0)
    while any(_is_safe(scene, account, name) for name in names):
        scene.chain.advance(600)
        for name in names:
            price = scene.price(name)
            scene.publish(name, price * 990 // 1_000 if _is_safe(scene, account, name) else price)
    markets = [protocol.market_ids[name] for name in names]
    liquidator, keeper = protocol.liquidator, scene.keeper
    started = liquidator.start_many(account, markets, [], sender=keeper)
    scene.chain.advance(60)
    scene.refresh(scene.names)
    digests = [protocol.markets[name].legs_digest(account) for name in names]
    terms = zip(markets, digests, strict=True)
    bids = [(account, market, WAD, bidder, 2**200, digest, 5_000 * WAD, []) for market, digest in terms]
    sold = liquidator.bid(bids[0], sender=keeper) if books == 1 else liquidator.bid_many(bids, sender=keeper)
    assert len(sold.named("BookSold")) == books
    scene.chain.revert(snapshot)
    return int(started.gas_used), int(sold.gas_used)


def _is_safe(scene: Scene, account: int, market: str) -> bool:
    risk = scene.protocol.markets[market].book_risk(account)
    return bool(risk.equity >= risk.maintenance)


def _debt(scene: Scene) -> Iterator[Row]:
    """Cash for collateral; the pool has other debts and other lenders already."""
    protocol = scene.protocol
    accounts = [scene.open_account(cash=WAD) for _ in range(2)]
    scene.lend()
    for account in accounts:
        scene.pledge(account, "WETH", 10)
    scene.borrow(accounts[0], 1_000 * WAD)
    scene.chain.advance(60)
    scene.refresh(scene.names[:4])
    borrowed = scene.borrow(accounts[1], 1_000 * WAD)
    yield Row("borrow against collateral", borrowed.gas_used, None, "–")
    scene.chain.advance(60)
    amount = protocol.mint(scene.trader, 400 * WAD, scene.owner)
    repaid = protocol.vault.deposit(accounts[1], protocol.token.address, amount, sender=scene.trader)
    assert repaid.named("DebtChanged")
    yield Row("repay a part of a debt", repaid.gas_used, None, "–")
    scene.chain.advance(60)
    yield Row("deposit of a lender who has shares", scene.lend().gas_used, None, "–")


def _collateral(scene: Scene) -> Iterator[Row]:
    """Ten minutes into the auction, by a bidder who holds none of the token."""
    protocol, auctions, market = scene.protocol, scene.protocol.collateral_auctions, "ETH"
    account, bidder = scene.open_account(cash=WAD), scene.open_account(owner=scene.keeper)
    scene.pledge(account, "WETH", 10)
    scene.set_policy(account)
    scene.lend()
    price = scene.price(market)
    scene.borrow(account, 10 * price * 79 // 100)
    model, vault = protocol.collateral_model, protocol.vault
    risk = model.treasury_risk(account, vault.treasury(account).cash)
    while risk.equity >= risk.maintenance:
        price = price * 990 // 1_000
        scene.chain.advance(600)
        scene.publish(market, price)
        risk = model.treasury_risk(account, vault.treasury(account).cash)
    auctions.start(account, 0, [], sender=scene.keeper)
    scene.chain.advance(600)
    scene.refresh([market])
    sold = auctions.bid((account, 0, WAD, bidder, 2 * price, []), sender=scene.keeper)
    assert sold.named("CollateralSold")
    yield Row("liquidation bid on collateral, rescue included", sold.gas_used, None, "Aave v3: 312,000–435,000")


def _deficit(scene: Scene) -> Iterator[Row]:
    """A book below zero that insurance pays for in part, and the opposite side for the rest."""
    protocol, name = scene.protocol, scene.names[0]
    account, winner = _portfolio(scene, 1), scene.open_account()
    _drain(scene, account, 0)
    scene.open_book(winner, Position(name, -5_000 * WAD, 5_000 * WAD))
    fund, amount = protocol.insurance_fund, protocol.mint(scene.keeper, 50 * WAD, scene.owner)
    protocol.token.approve(fund.address, UNLIMITED, sender=scene.keeper)
    fund.deposit(amount, scene.keeper, sender=scene.keeper)
    while protocol.markets[name].book_risk(account).equity >= 0:
        scene.chain.advance(600)
        scene.publish(name, scene.price(name) * 990 // 1_000)
    protocol.vault.collect_insurance(sender=scene.keeper)
    realised = protocol.deficits.realise_deficit(account, protocol.market_ids[name], [], sender=scene.keeper)
    event = realised.event("DeficitRealised")
    assert event.paid_by_insurance > 0 and event.spread > 0
    yield Row("a deficit, insurance and the opposite side", realised.gas_used, None, "–")


def _scan(scene: Scene) -> Iterator[Row]:
    lens, page = scene.protocol.lens, 256
    template = _portfolio(scene, 4)
    first = template + 1
    for _ in range(SCAN_ACCOUNTS):
        scene.protocol.vault.open_account(scene.trader, sender=scene.trader)
    copy_books(scene.protocol, template, range(first, first + SCAN_ACCOUNTS))

    started = perf_counter()
    rows = [row for start in range(first, first + SCAN_ACCOUNTS, page) for row in lens.scan(start, page)]
    seconds = perf_counter() - started
    assert len(rows) == SCAN_ACCOUNTS and all(row.equity > 0 for row in rows)
    rate = int(SCAN_ACCOUNTS / seconds)
    yield Row("Lens scan, 4 books an account", rate, 5_000, "one call each: 50–90/s", "accounts/s")
