"""Somebody who puts money into the pool for a while, by the requests that everybody makes, and the price of a share."""

from __future__ import annotations

from decimal import Decimal

from ballast.chain import Reverted
from ballast.client import Pool, Request
from ballast.client.units import from_wad
from ballast.demo.report import Passage, PoolResult
from ballast.demo.stage import Stage
from ballast.history.bars import HOUR, MINUTE, Window
from ballast.keeper import Keeper, Work
from ballast.params import WAD

SHARE = 20  # the provider brings a twentieth of what the owner put in
EVERY = 5 * MINUTE  # [s] between two looks at the share price


class Provider:
    """Asks to enter an hour into the window and to leave after two thirds of it."""

    def __init__(self, stage: Stage, window: Window, keeper: Keeper) -> None:
        self._stage = stage
        self._keeper = keeper
        self._pool: Pool = stage.ballast.pool
        self._enters = window.start + HOUR
        self._leaves = window.start + (window.end - window.start) * 2 // 3
        self._asked = 0  # [s] when the waiting request was made
        self._waiting: Request | None = None
        self._dollars = (from_wad(stage.params.pool.funding) / SHARE).quantize(Decimal(1))
        stage.protocol.mint(stage.provider, int(self._dollars) * WAD, stage.owner)
        self.result = PoolResult()

    def act(self, now: int) -> None:
        """Do what is due: ask, have it executed, claim."""
        if self._waiting is not None:
            if now >= self._waiting.due.timestamp():
                self._execute(now)
        elif self.result.entry is None:
            if now >= self._enters:
                self._waiting, self._asked = self._enter(), now
        elif now >= self._leaves and (shares := self._pool.shares_of(self._stage.provider)):
            self._waiting, self._asked = self._pool.request_redeem(shares, self._stage.provider), now
        self.look(now)

    def look(self, now: int, last: bool = False) -> None:
        """Note the price of a share. A pool that cannot be valued has none."""
        times = self.result.prices.times
        if times and now < times[-1] + EVERY and not last:
            return
        try:
            assets = self._stage.protocol.pool.net_assets().present
        except Reverted:
            return
        self.result.assets.add(now, assets / WAD)
        self.result.prices.add(now, assets / self._stage.protocol.pool.totalSupply())

    def _enter(self) -> Request:
        """Ask to enter."""
        return self._pool.request_deposit(self._dollars, self._stage.provider)

    def _execute(self, now: int) -> None:
        """Let the keeper execute what waits, and claim what it brought. What an exit leaves over waits on."""
        work = Work()
        self._keeper.execute_requests(work)
        if not work.served:
            return
        self._pool.claim(self._stage.provider)
        for receipt in work.receipts:
            for event in receipt.named("RequestExecuted"):
                assets = event.assets / self._stage.protocol.to_raw(WAD)
                passage = Passage(self._asked, now, assets, event.shares / WAD)
                if self.result.entry is None:
                    self.result.entry = passage
                else:
                    self.result.exits.append(passage)
                self._waiting = self._pool.request(event.rest) if event.rest else None
