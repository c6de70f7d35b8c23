"""The chain's side of a replay: what the replay decides happens there, too, and is compared."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ballast.chain import Event, Receipt, Reverted
from ballast.demo.stage import Stage
from ballast.history.feed import Tick
from ballast.lab.outcome import Floats
from ballast.lab.world import World
from ballast.model.auction import PENALTY_SHARE
from ballast.model.rebalancer import Result
from ballast.model.risk import FILL
from ballast.model.vault import LOCK_PERIOD
from ballast.model.vector.arrays import Flags, Index, by_market
from ballast.model.vector.planning import NO_MOVE
from ballast.params import WAD

BATCH = 6  # accounts a transaction: their gas must fit into one

_SHARE = PENALTY_SHARE / WAD


@dataclass
class Verdict:
    """What the comparison found."""

    accounts: int
    rounds: int = 0
    transactions: int = 0  # that the integer model took
    done: Counter[str] = field(default_factory=Counter)  # calls, transfers, cuts, requests, rewards, rescues, auctions
    differences: list[str] = field(default_factory=list)  # of the integer model from the chain, to the wei
    disagreements: list[str] = field(default_factory=list)  # decisions of the arrays that are others than the chain's
    gaps: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))  # by what was compared

    def note(self, what: str, gap: float) -> None:
        """A gap between arrays and chain, over equity and notional of the account; of shares, over the book."""
        self.gaps[what].append(gap)

    @property
    def widest(self) -> dict[str, float]:
        """The largest gap of each kind."""
        return {what: max(gaps) for what, gaps in self.gaps.items()}

    def within(self, limit: float) -> float:
        """The part of all gaps that are no larger."""
        gaps = [gap for each in self.gaps.values() for gap in each]
        return sum(gap <= limit for gap in gaps) / len(gaps)


@dataclass
class Done:
    """What was done for one account in one call [USD]; by market."""

    transfers: dict[int, float] = field(default_factory=lambda: defaultdict(float))
    shares: dict[int, float] = field(default_factory=lambda: defaultdict(float))
    costs: dict[int, float] = field(default_factory=lambda: defaultdict(float))
    requests: dict[int, float] = field(default_factory=dict)
    reward: float = 0.0


def equities(stage: Stage, ids: Sequence[int], markets: Sequence[str]) -> Floats:
    """[A, M] of the books on the chain [USD]."""
    risks = [stage.protocol.markets[name].book_risks(list(ids)) for name in markets]
    return by_market([[risk.equity / WAD for risk in row] for row in zip(*risks, strict=True)])


def cash(stage: Stage, ids: Sequence[int]) -> Floats:
    """[A] on the chain [USD]."""
    return np.array([stage.protocol.vault.treasury(id_).cash / WAD for id_ in ids])


@dataclass(frozen=True)
class Sale:
    """Of part of a book."""

    fraction: float
    penalty: float  # [USD] discount on it
    wanted: bool  # by a bidder, else it is the pool's


class Twin:
    """The chain's side of a replay, and the integer model's."""

    def __init__(self, stage: Stage, ids: Sequence[int], ticks: Sequence[Tick], verdict: Verdict) -> None:
        self._stage, self._protocol, self._ids = stage, stage.protocol, ids
        self._ticks = {tick.time: tick for tick in ticks}
        self._markets = list(stage.protocol.market_ids.values())
        self._columns = {id_: column for column, id_ in enumerate(stage.protocol.market_ids.values())}
        self._verdict = verdict
        self._offered: dict[tuple[int, int], int] = {}  # digests of books when their auctions were opened

    # What happens

    def publish(self, now: int) -> None:
        """The rounds of a tick."""
        self._stage.publish(self._ticks[now])

    def rebalance(self, now: int, accounts: Index) -> dict[int, Done]:
        """A keeper's transactions for those that are due, in the replay's order."""
        self._wait(now)
        for i in accounts:
            self._release_locks(self._ids[i], now)
        rebalancer, done = self._protocol.rebalancer, {}
        due = [int(i) for i in accounts if rebalancer.check(self._ids[i])[0]]
        for start in range(0, len(due), BATCH):
            batch = due[start : start + BATCH]
            self._stage.hold_base_fee()
            receipt = rebalancer.rebalance_many([self._ids[i] for i in batch], sender=self._stage.keeper)
            results = dict(self._stage.modelled or ())
            for i in batch:
                done[i] = self._read(receipt, self._ids[i], Done())
                self._check(receipt, self._ids[i], results.get(self._ids[i]))
            self._compare_balances(batch)
        self._verdict.done["calls"] += len(done)
        return done

    def _release_locks(self, account: int, now: int) -> None:
        """As a keeper would who wants to be paid out of them; a book below maintenance margin holds its lock."""
        for market, lock in self._stage.mirror.model.vault.accounts[account].locks.items():
            if lock.amount and now >= lock.grown + LOCK_PERIOD:
                with suppress(Reverted):
                    self._protocol.vault.release_lock(account, market, sender=self._stage.keeper)

    def look(self, now: int, accounts: Index) -> dict[int, Done]:
        """A liquidator comes to accounts with books below maintenance margin, or for sale and safe again."""
        self._wait(now)
        done: dict[int, Done] = {}
        for i in map(int, accounts):
            for name, market in 2 * list(self._protocol.market_ids.items()):  # a rescue may cut what is for sale
                if receipt := self._look_at(self._ids[i], name, market):
                    self._gather(done, i, receipt)
            self._compare_balances([i])
        return done

    def _look_at(self, account: int, name: str, market: int) -> Receipt | None:
        """What a book calls for."""
        protocol, sender = self._protocol, self._stage.liquidator
        risk, offer = protocol.markets[name].book_risk(account), protocol.liquidator.offer(account, market)
        if risk.equity < 0 and risk.gates & FILL:
            return protocol.deficits.realise_deficit(account, market, [], sender=sender)
        traded = offer.on and self._offered[account, market] != offer.digest
        if risk.equity < risk.maintenance and (traded or not offer.on):
            self._verdict.done["put up again"] += traded
            receipt = protocol.liquidator.start(account, market, [], sender=sender)
            self._offered[account, market] = protocol.liquidator.offer(account, market).digest
            return receipt
        if offer.on and risk.equity >= risk.maintenance + risk.sigma_loss:
            return protocol.liquidator.stop(account, market, sender=sender)
        return None

    def bid(
        self, world: World, lots: Sequence[tuple[int, int]], sold: Mapping[tuple[int, int], Sale]
    ) -> dict[int, Done]:
        """Bids for lots that are sold in the replay, or cured by the rescue with which a bid begins."""
        self._wait(int(world.now))
        done: dict[int, Done] = {}
        for i, column in lots:
            sale = sold.get((i, column))
            receipt = self._bid_for(self._ids[i], self._markets[column], sale is None or sale.wanted)
            self._gather(done, i, receipt)
            sales = [(event.fraction / WAD, event.penalty / WAD) for event in receipt.named("BookSold")]
            if len(sales) != (sale is not None):
                text = f"account {self._ids[i]} at {world.now:.0f}: sold {sale} in arrays, {sales} on the chain"
                self._verdict.disagreements.append(text)
            elif sale is not None:
                self._verdict.done["sales"] += 1
                self._verdict.note("sold fractions", abs(sale.fraction - sales[0][0]))
                scale = float(self._scale(world)[i])
                self._verdict.note("penalties", abs(sale.penalty - sales[0][1] / _SHARE) / scale)
            self._compare_balances([i])
        return done

    def _bid_for(self, account: int, market: int, wanted: bool) -> Receipt:
        """As much as may be sold; margin enough that the bidder's own book never matters."""
        liquidator, sender = self._protocol.liquidator, self._stage.liquidator
        if not wanted:
            return liquidator.bid_for_pool(account, market, [], sender=sender)
        offer = liquidator.offer(account, market)
        risk = self._protocol.markets[self._protocol.market_names[market]].book_risk(account)
        return liquidator.bid(
            {
                "account": account,
                "market": market,
                "fraction": WAD,
                "bidder": self._stage.bidder.id,
                "max_payment": 2**128 - 1,
                "digest": offer.digest,
                "margin": risk.exposure // 2,
                "orders": [],
            },
            sender=sender,
        )

    def _gather(self, done: dict[int, Done], i: int, receipt: Receipt) -> None:
        """The rescue with which liquidations begin, and how many auctions opened and ended."""
        rescues = receipt.named("Rebalanced")
        if rescues:
            self._read(receipt, self._ids[i], done.setdefault(i, Done()))
        seen = {"AuctionStarted": "auctions", "DeficitRealised": "deficits"}
        self._verdict.done.update({what: len(receipt.named(name)) for name, what in seen.items()})
        self._verdict.done["rescues"] += len(rescues)

    def agree_auctions(self, world: World, accounts: Index, on: Flags, saves: Flags) -> None:
        """What is for sale on either side; whether it is held back, where the engine may not fill it [n, M]."""
        for place, i in enumerate(map(int, accounts)):
            for column, market in enumerate(self._markets):
                where = f"account {self._ids[i]}, market {market} at {world.now:.0f}"
                there = self._protocol.liquidator.offer(self._ids[i], market).on and world.books.size[i, column] != 0
                if there != on[place, column]:
                    self._verdict.disagreements.append(f"{where}: for sale on {_only(there)}")
                if there and not world.marks.can_fill[column]:
                    self._agree_held(where, self._ids[i], market, bool(saves[place, column]))

    def _agree_held(self, where: str, account: int, market: int, here: bool) -> None:
        there = self._protocol.rebalancer.would_cure(account, market)
        self._verdict.done["held back"] += there
        if there != here:
            self._verdict.disagreements.append(f"{where}: held back on {_only(there)}")

    def _wait(self, now: int) -> None:
        if now > self._stage.chain.timestamp:
            self._stage.chain.set_time(now)

    # Chain and integers

    def _read(self, receipt: Receipt, account: int, done: Done) -> Done:
        seen = self._verdict.done
        for event in _of(receipt, account)[: _last_rebalance(receipt, account)]:
            if event.name == "MarginMoved":
                done.transfers[self._columns[event.market]] += event.amount / WAD
                seen["transfers"] += 1
            elif event.name == "BookCut":
                done.shares[self._columns[event.market]] += event.fraction / WAD
                done.costs[self._columns[event.market]] += event.cost / WAD
                seen["cuts"] += 1
            elif event.name == "CutRequested":
                done.requests[self._columns[event.market]] = event.fraction / WAD
                seen["requests"] += 1
            elif event.name == "Rebalanced":
                done.reward += event.reward / WAD
                seen["rewards"] += event.reward > 0
        return done

    def _check(self, receipt: Receipt, account: int, result: Result | None) -> None:
        """Transfers, cuts and reward of a call: the integer model's, to the wei."""
        if result is None:
            self._verdict.differences.append(f"account {account} at {receipt.timestamp}: the model did not call it")
            return
        slots = self._protocol.vault.treasury(account).slots.to_bytes(8, "little")
        events, plan = _of(receipt, account), result.plan
        pairs = {
            "transfers": (
                {event.market: event.amount for event in events if event.name == "MarginMoved"},
                {slots[move.slot]: move.amount for move in plan.transfers},
            ),
            "cuts": (
                {event.market: (event.fraction, event.cost) for event in events if event.name == "BookCut"},
                {slots[cut.slot]: (cut.fraction, cut.cost) for cut in plan.cuts},
            ),
            "figures": (
                [_figures(event) for event in events if event.name == "Rebalanced"],
                [(plan.moved, result.cost, result.reward, plan.min_z_before, plan.min_z_after, result.digest)],
            ),
        }
        self._verdict.differences += [
            f"{what} of account {account} at {receipt.timestamp}: chain {mine}, model {theirs}"
            for what, (mine, theirs) in pairs.items()
            if mine != theirs
        ]

    def _compare_balances(self, accounts: Sequence[int]) -> None:
        """Treasuries and books of some accounts, to the wei."""
        self._verdict.differences += self._stage.mirror.differences([self._ids[i] for i in accounts])

    # Chain and arrays

    def agree(self, world: World, here: Mapping[int, Done], there: Mapping[int, Done]) -> None:
        """Decisions exactly, amounts as far as floating point goes."""
        scale = self._scale(world)
        for i in sorted({*here, *there}):
            mine, theirs = here.get(i), there.get(i)
            if mine is None or theirs is None:
                where = f"account {self._ids[i]} at {world.now:.0f}"
                self._verdict.disagreements.append(f"{where}: something done on {_only(mine is None)}")
                continue
            for name in ("transfers", "shares", "costs", "requests"):
                self._agree(i, world.now, name, getattr(mine, name), getattr(theirs, name), float(scale[i]))
            self._verdict.note("rewards", abs(mine.reward - theirs.reward) / float(scale[i]))

    def _agree(
        self, i: int, now: float, name: str, mine: Mapping[int, float], theirs: Mapping[int, float], scale: float
    ) -> None:
        unit = 1.0 if name in ("shares", "requests") else scale
        for market in sorted({*mine, *theirs}):
            here, there = mine.get(market, 0.0), theirs.get(market, 0.0)
            if (here == 0 or there == 0) and abs(here - there) > NO_MOVE * unit:
                text = f"{name} of account {self._ids[i]} at {now:.0f}: arrays {here}, chain {there}"
                self._verdict.disagreements.append(text)
            else:
                self._verdict.note(name, abs(here - there) / unit)

    def finish(self, world: World) -> None:
        """What accounts hold at the end; all of them, on all three sides."""
        stage, verdict = self._stage, self._verdict
        self._wait(int(world.now))
        scale = self._scale(world)
        margin = equities(stage, self._ids, world.tape.markets)
        sizes = by_market(
            [[self._protocol.markets[name].book(id_).size / WAD for name in world.tape.markets] for id_ in self._ids]
        )
        gaps = {
            "margins": np.abs(world.margin() - margin).max(axis=1),
            "sizes": (np.abs(world.books.size - sizes) * world.prices).max(axis=1),
            "cash": np.abs(world.books.cash - cash(stage, self._ids)),
        }
        for what, amounts in gaps.items():
            for gap in amounts / scale:
                verdict.note(what, float(gap))
        verdict.transactions = stage.mirror.calls
        verdict.differences += [*stage.mirror.refused, *stage.mirror.differences()]
        if stage.audit.short_wei:
            verdict.differences.append(f"custody fell short by {stage.audit.short_wei} wei")

    @staticmethod
    def _scale(world: World) -> Floats:
        """[A] equity and notional [USD]."""
        exposure = (np.abs(world.books.size) * world.prices).sum(axis=1)
        scale: Floats = 1 + np.abs(world.equity()) + exposure
        return scale


def _of(receipt: Receipt, account: int) -> list[Event]:
    """What an account's transaction said about it."""
    names = ("MarginMoved", "BookCut", "CutRequested", "Rebalanced")
    return [event for event in receipt.events if event.name in names and event.account == account]


def _last_rebalance(receipt: Receipt, account: int) -> int:
    """How many of an account's events belong to its rebalances: sales and deficits move margin after them."""
    events = _of(receipt, account)
    return max((place for place, event in enumerate(events, 1) if event.name == "Rebalanced"), default=0)


def _figures(event: Any) -> tuple[int, ...]:
    """Of a rebalance."""
    return event.moved, event.cost, event.reward, event.min_z_before, event.min_z_after, event.digest


def _only(chain: bool) -> str:
    return "the chain only" if chain else "the arrays' side only"
