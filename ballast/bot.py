"""What our bots have in common: pass after pass, every decision read from the chain, nothing sent that would fail.

A bot that was killed, raced or lied to simply starts again.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from typing import Any, Generic, TypeVar

import structlog

from ballast.chain import Contract, NodeError, Reverted, Sender
from ballast.deploy import Protocol

DRY = object()  # stands for the receipt of a dry run

log = structlog.get_logger()


@dataclass
class Pass:
    """What one pass did, or with `dry_run` would have done: a list a kind of work."""

    receipts: list[Any] = field(default_factory=list, repr=False, kw_only=True)

    @property
    def done(self) -> dict[str, list[Any]]:
        """The lists that are not empty, by name."""
        lists = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "receipts"}
        return {name: items for name, items in lists.items() if isinstance(items, list) and items}

    def __bool__(self) -> bool:
        return bool(self.done)


Work_ = TypeVar("Work_", bound=Pass)


class Bot(ABC, Generic[Work_]):
    """Reads, decides, sends."""

    def __init__(self, protocol: Protocol, sender: Sender, dry_run: bool = False) -> None:
        self._protocol = protocol
        self._sender = sender
        self._dry_run = dry_run
        self._first_order = 1  # all before it are closed for good
        self._page = int(protocol.lens.PAGE())  # accounts and orders a view call

    def run(self, interval: float = 5.0, until: Callable[[], bool] = lambda: False) -> None:
        """Pass after pass, `interval` seconds apart, until told to stop. A node that is down is waited for."""
        while not until():
            try:
                if work := self.run_once():
                    log.info("pass", **work.done)
            except NodeError as error:
                log.warning("node", error=str(error))
            time.sleep(interval)

    @abstractmethod
    def run_once(self) -> Work_:
        """One pass."""

    def _open_orders(self) -> Iterator[Any]:
        """Every order that waits, as the lens sees it."""
        protocol = self._protocol
        start, last = self._first_order, int(protocol.exchange.order_count())
        oldest = last + 1
        while start <= last:
            for item in protocol.lens.open_orders(start, self._page):
                oldest = min(oldest, item.id)
                yield item
            start += self._page
        self._first_order = oldest

    def _send(self, work: Pass, contract: Contract, name: str, *args: Any) -> Any:
        """Send a transaction that would succeed; its receipt, or None where the chain now refuses it."""
        method = getattr(contract, name)
        try:
            if self._dry_run:
                method.call(*args, sender=self._sender)
                return DRY
            receipt = method(*args, sender=self._sender)
        except Reverted as error:  # somebody was faster, or a price moved
            log.info("refused", call=name, arguments=args, reason=error.reason or str(error))
            return None
        work.receipts.append(receipt)
        return receipt
