"""A plain keeper: execute ripe orders, scan the accounts, rebalance what is due."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ballast.bot import DRY, Bot, Pass, log
from ballast.chain import Reverted, Sender
from ballast.deploy import Protocol

STEPS_BACK = 10_000  # rounds to walk back for an order's first one
PENDING = 1  # of a request


@dataclass
class Work(Pass):
    """What one pass did, or with `dry_run` would have done."""

    filled: list[int] = field(default_factory=list)  # orders
    failed: list[int] = field(default_factory=list)  # orders consumed without a fill
    voided: list[int] = field(default_factory=list)  # orders
    served: list[int] = field(default_factory=list)  # requests of the pool's shareholders
    rebalanced: list[int] = field(default_factory=list)  # accounts
    poked: list[str] = field(default_factory=list)  # feeds, by market or collateral
    accounts: int = 0  # scanned


class Keeper(Bot[Work]):
    """Usage::

    Keeper(protocol, account).run_once()
    """

    def __init__(self, protocol: Protocol, sender: Sender, dry_run: bool = False) -> None:
        super().__init__(protocol, sender, dry_run)
        self._first_request = 1  # all before it are executed or voided
        exchange = protocol.exchange
        self._batch = int(protocol.rebalancer.MAX_ACCOUNTS())  # accounts a `rebalance_many`
        self._most_pending = int(protocol.oracle.MAX_PENDING())  # rounds that one call consumes
        self._heartbeats = int(exchange.HEARTBEATS())  # of a feed's silence after which an order is void
        self._abandoned = int(exchange.ABANDONED())  # [s] after which an order is void whatever its feed says

    def run_once(self) -> Work:
        """One pass."""
        work = Work()
        self.poke(work)
        self.execute_orders(work)
        self.execute_requests(work)
        self.rebalance(work)
        return work

    # Oracles

    def poke(self, work: Work) -> None:
        """Consume rounds where more are pending than one call may: everything else would revert."""
        oracle = self._protocol.oracle
        for name, id_ in self._feed_ids().items():
            try:
                pending = oracle.pending(id_)
            except Reverted as error:  # this feed does not answer; the others do
                log.warning("feed", feed=name, reason=error.reason)
                continue
            while pending > self._most_pending and self._send(work, oracle, "poke", id_):
                pending -= self._most_pending
                if name not in work.poked:
                    work.poked.append(name)

    def _feed_ids(self) -> dict[str, int]:
        """Feeds of the markets, and of the collateral that has one of its own: nothing else ever consumes those."""
        ids = dict(self._protocol.market_ids)
        for index, name in enumerate(self._protocol.collateral):
            feed_id = int(self._protocol.collateral_model.config(index).feed_id)
            if feed_id not in (0, *ids.values()):
                ids[name] = feed_id
        return ids

    # Orders

    def execute_orders(self, work: Work) -> None:
        """Execute every order whose rounds are there, void those that no rounds will fill."""
        exchange = self._protocol.exchange
        for item in self._open_orders():
            receipt = None
            if item.ripe and (rounds := self._first_rounds(item)):
                receipt = self._send(work, exchange, "execute", item.id, rounds)
            if receipt is None and self._is_void(item):
                receipt = self._send(work, exchange, "void", item.id)
                if receipt is DRY:
                    work.voided.append(item.id)
                    continue
            self._file(work, item.id, receipt)

    def _first_rounds(self, item: Any) -> list[int]:
        """One round a leg; none where a leg's cannot be found."""
        names, due, rounds = self._protocol.market_names, item.order.due, []
        for leg, last in zip(item.order.legs, item.last_rounds, strict=True):
            if (round_ := self.first_round(names[leg.market], last.id, due)) is None:
                return []
            rounds.append(round_)
        return rounds

    def first_round(self, market: str, last: int, due: int) -> int | None:
        """The first round of the feed at or after `due`, walking back from `last` within its phase."""
        feed, found = self._protocol.feeds[market], None
        round_ = last
        for _ in range(STEPS_BACK):
            _, answer, _, updated_at, _ = feed.getRoundData(round_)
            if updated_at and updated_at < due and answer > 0:
                return found
            if updated_at >= due and answer > 0:
                found = round_
            if round_ & (2**64 - 1) <= 1:
                return found
            round_ -= 1
        return None

    def _is_void(self, item: Any) -> bool:
        """Whether the order cannot be filled any more: a leg has waited for its round in vain, or all for too long."""
        now, due, oracle = self._protocol.chain.timestamp, item.order.due, self._protocol.oracle
        if now > due + self._abandoned:
            return True
        return any(
            0 < last.updated_at < due and now > due + self._heartbeats * int(oracle.heartbeat(leg.market))
            for leg, last in zip(item.order.legs, item.last_rounds, strict=True)
        )

    def _file(self, work: Work, order: int, receipt: Any) -> None:
        if receipt is None:
            return
        if receipt is DRY:
            work.filled.append(order)
            return
        for name, ids in (("OrderFilled", work.filled), ("OrderFailed", work.failed), ("OrderVoided", work.voided)):
            if receipt.named(name):
                ids.append(order)
        for event in receipt.named("OrderFailed"):
            log.info("order failed", order=order, reason=event.reason)

    # Requests of the pool's shareholders

    def execute_requests(self, work: Work) -> None:
        """Execute every request whose rounds are there. Nobody is paid for it: whoever keeps a pool keeps it whole."""
        pool, now = self._protocol.pool, self._protocol.chain.timestamp
        last = int(pool.request_count())
        oldest = last + 1
        for id_ in range(self._first_request, last + 1):
            request = pool.request(id_)
            if request.status != PENDING:
                continue
            oldest = min(oldest, id_)
            if now >= request.due and (rounds := self._pool_rounds(request.due)) is not None:
                receipt = self._send(work, pool, "execute_request", id_, rounds)
                work.served += [id_] if receipt is not None else []
        self._first_request = oldest

    def _pool_rounds(self, due: int) -> list[int] | None:
        """One round a book of the pool, in slot order; None where a book's cannot be found."""
        protocol, rounds = self._protocol, []
        slots = int(protocol.vault.treasury(protocol.pool_account).slots).to_bytes(8, "little")
        for market in filter(None, slots):
            name = protocol.market_names[market]
            if not protocol.markets[name].book(protocol.pool_account).size:
                rounds.append(0)  # needs no price
                continue
            round_ = self.first_round(name, protocol.latest_round(name), due)
            if round_ is None:
                return None
            rounds.append(round_)
        return rounds

    # Accounts

    def scan(self, work: Work) -> list[Any]:
        """What the lens sees of every account."""
        last = int(self._protocol.vault.account_count())
        pages = (self._protocol.lens.scan(start, self._page) for start in range(1, last + 1, self._page))
        rows = [row for page in pages for row in page]
        work.accounts += len(rows)
        return rows

    def due(self, rows: Iterable[Any]) -> list[int]:
        """Accounts that `Rebalancer.check` calls due, among those that a scan finds triggered."""
        check = self._protocol.rebalancer.check
        return [row.account for row in rows if row.triggered and check(row.account)[0]]

    def rebalance(self, work: Work) -> None:
        """Rebalance every account that is due."""
        self.rebalance_all(work, self.due(self.scan(work)))

    def rebalance_all(self, work: Work, due: Sequence[int]) -> None:
        """Rebalance these, a batch a transaction."""
        for start in range(0, len(due), self._batch):
            self._rebalance(work, [*due[start : start + self._batch]])

    def _rebalance(self, work: Work, batch: list[int]) -> None:
        """One batch; where it is refused, in halves, so that no account spoils it for the others."""
        if receipt := self._send(work, self._protocol.rebalancer, "rebalance_many", batch):
            work.rebalanced += batch if receipt is DRY else [event.account for event in receipt.named("Rebalanced")]
        elif len(batch) > 1:
            half = len(batch) // 2
            self._rebalance(work, batch[:half])
            self._rebalance(work, batch[half:])
