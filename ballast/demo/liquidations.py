"""What the liquidator does after each round, and what became of the books and debts that could not be saved."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ballast.chain import Event, Receipt
from ballast.demo.report import LiquidationResult, Sale
from ballast.demo.stage import Stage
from ballast.liquidator import Liquidator
from ballast.params import WAD

BOOK, COLLATERAL, DEFICIT, DEBT = "BookSold", "CollateralSold", "DeficitRealised", "DebtRealised"


class Liquidations:
    """Runs the bot and reads what its transactions did."""

    def __init__(self, stage: Stage, name_of: Callable[[int], str]) -> None:
        self._stage = stage
        self._name_of = name_of
        self._bot = Liquidator(stage.protocol, stage.liquidator, stage.bidder.id)
        self._tokens = list(stage.protocol.collateral)
        self.result = LiquidationResult()

    def act(self, time: int) -> list[Sale]:
        """One pass of the bot; what was sold, or spread, in it."""
        work = self._bot.run_once()
        self.result.auctions += len(work.started)
        self.result.cured += len(work.cured)
        sales = [sale for receipt in work.receipts for sale in self._sales(time, receipt)]
        self.result.sales += sales
        return sales

    def _sales(self, time: int, receipt: Receipt) -> list[Sale]:
        readers = {
            BOOK: self._book_sold,
            COLLATERAL: self._collateral_sold,
            DEFICIT: self._deficit_realised,
            DEBT: self._debt_realised,
        }
        return [readers[event.name](time, event) for event in receipt.events if event.name in readers]

    def _book_sold(self, time: int, event: Event) -> Sale:
        pool = self._stage.protocol.pool_account
        value = max(0, event.equity) * event.fraction // WAD
        return self._sale(
            time,
            event,
            what=self._stage.protocol.market_names[event.market],
            buyer="the pool" if event.bidder == pool else "the liquidator",
            equity=event.equity,
            fraction=event.fraction,
            cost=value - event.payment,
            penalty=event.penalty,
            insured=event.paid_by_insurance,
        )

    def _collateral_sold(self, time: int, event: Event) -> Sale:
        worth = event.amount * event.price // WAD
        return self._sale(
            time,
            event,
            what=self._tokens[event.index],
            buyer="the liquidator",
            equity=worth,
            fraction=WAD,
            cost=worth - event.payment,
            penalty=event.penalty,
        )

    def _deficit_realised(self, time: int, event: Event) -> Sale:
        return self._sale(
            time,
            event,
            what=self._stage.protocol.market_names[event.market],
            buyer="the pool, at mark",
            equity=event.equity,
            fraction=WAD,
            insured=event.paid_by_insurance,
            spread=event.spread,
        )

    def _debt_realised(self, time: int, event: Event) -> Sale:
        return self._sale(
            time,
            event,
            what="debt",
            buyer="",
            equity=-event.debt,
            fraction=WAD,
            insured=event.paid_by_insurance,
            spread=event.written_off,
        )

    def _sale(self, time: int, event: Event, *, what: str, buyer: str, **figures: Any) -> Sale:
        names = ("equity", "fraction", "cost", "penalty", "insured", "spread")
        account = int(event.account)
        amounts = {name: figures.get(name, 0) / WAD for name in names}
        return Sale(time, account, self._name_of(account), what, buyer, **amounts)
