"""The replay on a chain: contracts, the integer model and the arrays take the same rounds and the same calls.

The replay says when rounds come and whom keepers call. Each of them also goes to a protocol on a node of its own, all
of whose transactions the integer model takes too (`ballast.demo.mirror`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import numpy as np

from ballast.chain import Event, Receipt, Reverted
from ballast.chain.anvil import anvil
from ballast.client import Policy
from ballast.demo.audit import WatchedChain
from ballast.demo.stage import Stage, prepared
from ballast.history.feed import Recording, Round, Tick, merge
from ballast.keeper import Keeper, Work
from ballast.lab.auctions import Auctions
from ballast.lab.outcome import Floats
from ballast.lab.population import Population, draw
from ballast.lab.replay import Replay
from ballast.lab.rules import Ballast, Calls
from ballast.lab.tape import Tape
from ballast.lab.world import Insurance, Settings, World
from ballast.model.auction import PENALTY_SHARE, POOL_TIME
from ballast.model.rebalancer import Result
from ballast.model.risk import FILL
from ballast.model.vault import LOCK_PERIOD
from ballast.model.vector.arrays import Flags, Index, by_market
from ballast.model.vector.books import Books
from ballast.model.vector.marks import FIGURES
from ballast.model.vector.planning import NO_MOVE, Plan
from ballast.params import WAD, Params, PolicyParams

BATCH = 6  # accounts a transaction: their gas must fit into one
GAS_PRICE = 21.0  # [gwei] base fee and tip of every keeper's transaction
HEADROOM = 0.97  # of the sizes that a population is drawn with: prices move until orders are filled
NEVER = 1e20  # [s] nobody else trades with the pool
SPARE = 5  # [USD] cash beyond a population's, for execution fees
BIDS = 50_000_000  # [USD] of the liquidator: what is bid for is never short of money
SLIPPAGE = Decimal("0.25")

_SHARE = PENALTY_SHARE / WAD
_INITIAL, _PRICE = FIGURES.index("initial_rate"), FIGURES.index("price")


class TruthError(ValueError):
    """The comparison cannot go on."""


@dataclass(frozen=True)
class Scene:
    """What is replayed on both sides."""

    recording: Recording  # accounts open at its start, the replay begins once all are filled
    rounds: int  # that are replayed at least
    accounts: int = 24
    population: str = "mixed"
    leverage: tuple[float, float] = (2.0, 10.0)
    seed: int = 1
    guarded: bool = True  # else the engine is off, and books are sold


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


def compare(scene: Scene, params: Params) -> Verdict:
    """Play a scene on a node of its own, in integers and in arrays."""
    start = scene.recording.start
    first = {symbol: _last(rounds, start) for symbol, rounds in scene.recording.rounds.items()}
    with anvil(timestamp=start, history=False) as node:
        stage = Stage(node.chain(WatchedChain), prepared(params, first))
        return _Play(scene, stage, first).play()


def _last(rounds: Sequence[Round], time: int) -> int:
    """What a feed says at a time."""
    return max((round_ for round_ in rounds if round_.time <= time), key=lambda round_: round_.time).answer


class Deployed(World):
    """The markets of a deployment, with the books that the accounts have there."""

    def __init__(self, tape: Tape, population: Population, stage: Stage, ids: Sequence[int], settings: Settings):
        self._stage = stage
        super().__init__(tape, population, stage.params, settings)
        self._adopt(ids)

    def _fill_markets(self, params: Params) -> None:
        risks = [market.risk for market in self.tape.params]
        caps = np.array([market.draw_cap / WAD for market in self.tape.params])
        self._skew_scale = np.array([risk.skew_scale / WAD for risk in risks])
        self._max_rate = np.array([risk.max_funding_rate / WAD for risk in risks])
        self.pool = self.pool_low = params.pool.funding / WAD
        fund = self._stage.mirror.model.insurance.net_assets / WAD
        nothing = np.zeros(self.markets)
        self.insurance = Insurance(fund, caps, nothing, nothing + self.now)

    @property
    def skew(self) -> Floats:
        """What bidders have bought is an account's, too."""
        return -self.inventory

    def _adopt(self, ids: Sequence[int]) -> None:
        """Sizes, margins and deposits to the last digit, and since when funding has accrued."""
        protocol, names = self._stage.protocol, self.tape.markets
        held = [[protocol.markets[name].book(id_) for name in names] for id_ in ids]
        sizes = by_market([[book.size / WAD for book in row] for row in held])
        deposits = [[book.net_deposit / WAD for book in row] for row in held]
        base = equities(self._stage, ids, names) - sizes * self.prices
        self.books = Books.of(sizes, base, cash(self._stage, ids), deposits)
        self.opened = by_market(sizes)
        self.refresh()
        markets = [self._stage.mirror.model.markets[protocol.market_ids[name]] for name in names]
        so_far = [(market.cumulative_funding - market.funding(int(self.now))[0]) / WAD for market in markets]
        self._accrued, self._accrued_at = np.array(so_far), np.array([float(market.accrued_at) for market in markets])


def equities(stage: Stage, ids: Sequence[int], markets: Sequence[str]) -> Floats:
    """[A, M] of the books on the chain [USD]."""
    risks = [stage.protocol.markets[name].book_risks(list(ids)) for name in markets]
    return by_market([[risk.equity / WAD for risk in row] for row in zip(*risks, strict=True)])


def cash(stage: Stage, ids: Sequence[int]) -> Floats:
    """[A] on the chain [USD]."""
    return np.array([stage.protocol.vault.treasury(id_).cash / WAD for id_ in ids])


class _Play:
    """One scene."""

    def __init__(self, scene: Scene, stage: Stage, first: Mapping[str, int]) -> None:
        self._scene, self._stage = scene, stage
        self._policy = stage.params.policy.model_copy(update={"enabled": scene.guarded})
        now = stage.chain.timestamp
        later = {symbol: [each for each in line if each.time > now] for symbol, line in scene.recording.rounds.items()}
        self._rounds = {symbol: [Round(now, first[symbol]), *later[symbol]] for symbol in stage.params.markets}
        self._ticks = [tick for tick in merge(self._rounds) if tick.time > now]
        self._keeper = Keeper(stage.protocol, stage.keeper)

    def play(self) -> Verdict:
        """Open, replay, compare what is left."""
        stage, scene = self._stage, self._scene
        ids = self._open()
        opened = stage.chain.timestamp
        ticks = list(self._enough(tick for tick in self._ticks if tick.time > opened))
        tape = self._tape(opened, ticks[-1].time + 1)
        verdict = Verdict(len(ids), sum(len(tick.answers) for tick in ticks))
        population = self._population(ids, tape)
        settings = Settings(gas_price=GAS_PRICE, turnover=NEVER)
        world = Deployed(tape, population, stage, ids, settings)
        twin = Twin(stage, ids, ticks, verdict)
        rule = Followed(self._policy, twin)
        Replay(world, population, rule, FollowedAuctions(world, rule, twin)).run()
        twin.finish(world)
        if verdict.rounds < scene.rounds:
            raise TruthError(f"{scene.recording.label}: {verdict.rounds} rounds after opening; expected {scene.rounds}")
        return verdict

    def _enough(self, ticks: Iterator[Tick]) -> Iterator[Tick]:
        rounds = 0
        for tick in ticks:
            if rounds >= self._scene.rounds:
                return
            rounds += len(tick.answers)
            yield tick

    def _tape(self, start: int, end: int) -> Tape:
        rounds = {symbol: [each for each in line if each.time <= end] for symbol, line in self._rounds.items()}
        return Tape.of(Recording(rounds, start, end, self._scene.recording.label), self._stage.params.markets)

    def _population(self, ids: Sequence[int], tape: Tape) -> Population:
        """The accounts as they are now."""
        prices, protocol = tape.said[0, :, _PRICE], self._stage.protocol
        sizes = [[protocol.markets[name].book(id_).size / WAD for name in tape.markets] for id_ in ids]
        notional = np.array(sizes) * prices
        margin = equities(self._stage, ids, tape.markets)
        name, seed = self._scene.population, self._scene.seed
        beside: Floats = np.zeros_like(notional)
        return Population(name, seed, tape.markets, notional, margin, cash(self._stage, ids), beside)

    # Opening

    def _open(self) -> list[int]:
        """Accounts as drawn, their orders filled, their policies set."""
        stage, scene = self._stage, self._scene
        now, owner, holder = stage.chain.timestamp, stage.owner, str(stage.chain.accounts[-1])
        tape = self._tape(now, now + 1)
        initial = tape.said[0, :, _INITIAL]
        drawn = draw(scene.population, scene.accounts, scene.seed, tape.markets, initial, scene.leverage)
        units = drawn.notional * HEADROOM / tape.said[0, :, _PRICE]
        stage.protocol.mint(owner, int(drawn.cash.sum() + drawn.margin.sum() + SPARE * scene.accounts + 1) * WAD, owner)
        accounts = []
        for sizes, margins, free in zip(units, drawn.margin, drawn.cash, strict=True):
            account = stage.ballast.open_account(holder)
            account.deposit(_cents(free + margins.sum() + SPARE), owner)
            legs = [
                account.leg(name, Decimal(f"{size:.6f}"), margin=_cents(margin), slippage=SLIPPAGE)
                for name, size, margin in zip(tape.markets, sizes, margins, strict=True)
                if margin > 0
            ]
            account.commit_legs(*legs, sender=holder)
            accounts.append(account)
        stage.protocol.mint(stage.liquidator, BIDS * WAD, owner)
        stage.bidder.deposit(BIDS, stage.liquidator)
        self._fill(len(accounts))
        for account in accounts:
            account.set_policy(Policy.default(self._policy), holder)
        return [account.id for account in accounts]

    def _fill(self, orders: int) -> None:
        """Publish until every order is filled."""
        for tick in self._ticks:
            self._stage.publish(tick)
            work = Work()
            self._keeper.execute_orders(work)
            for receipt in work.receipts:
                for failure in receipt.named("OrderFailed"):
                    raise TruthError(f"{self._scene.recording.label}: order {failure.order} fails: {failure.reason}")
            orders -= len(work.filled)
            if not orders:
                return
        raise TruthError(f"{self._scene.recording.label}: {orders} orders are open at its end; expected none")


def _cents(amount: float) -> Decimal:
    return Decimal(f"{amount:.2f}")


class Followed(Ballast):
    """The engine, whose rounds, calls and rescues happen on a chain, too."""

    def __init__(self, policy: PolicyParams, twin: Twin) -> None:
        super().__init__(policy)
        self._twin = twin
        self._done: dict[int, Done] = {}

    def see(self, world: World) -> Calls:
        """The rounds of the latest tick."""
        if world.tick:
            self._twin.publish(int(world.now))
        return super().see(world)

    def call(self, world: World, accounts: Index) -> None:
        """A keeper's call, and what came of it on either side."""
        there = self._twin.rebalance(int(world.now), accounts)
        super().call(world, accounts)
        self._twin.agree(world, self.take(), there)

    def take(self) -> dict[int, Done]:
        """What was done since this was last asked."""
        done, self._done = self._done, {}
        return done

    def take_rescues(self) -> dict[int, Done]:
        """The same of rescues, which ask for nothing: what waits was asked for by a keeper."""
        return {i: replace(done, requests={}) for i, done in self.take().items()}

    def _carry_out(self, world: World, accounts: Index, planned: Plan) -> tuple[Index, Floats]:
        due, before = planned.due, world.ledger.rewards[accounts]
        done = super()._carry_out(world, accounts, planned)
        paid = world.ledger.rewards[accounts] - before
        for i in due:
            self._note(self._done.setdefault(int(accounts[i]), Done()), planned, int(i), float(paid[i]), world.now)
        return done

    @staticmethod
    def _note(done: Done, planned: Plan, i: int, paid: float, now: float) -> None:
        done.reward += paid
        for market in range(planned.transfers.shape[1]):
            if planned.transfers[i, market] != 0:
                done.transfers[market] += float(planned.transfers[i, market])
            if planned.cuts[i, market] > 0:
                done.shares[market] += float(planned.cuts[i, market])
                done.costs[market] += float(planned.costs[i, market])
            if planned.requests[i, market] > 0 and planned.requested_at[i, market] == now:
                done.requests[market] = float(planned.requests[i, market])


class FollowedAuctions(Auctions):
    """Auctions that are held on a chain, too."""

    def __init__(self, world: World, rule: Followed, twin: Twin) -> None:
        super().__init__(world, rule.whole, rule.rescue)
        self._rule, self._twin = rule, twin
        self._bids: list[tuple[int, int, float, float]] = []  # account, market, fraction, penalty

    def look(self, accounts: Index) -> None:
        """The rescue of each, then what is to be done about what is left."""
        super().look(accounts)
        world = self._world
        there = self._twin.look(int(world.now), accounts)
        self._twin.agree(world, self._rule.take_rescues(), there)
        self._twin.agree_auctions(world, accounts, np.isfinite(self._origin))

    def bid(self) -> None:
        """The bids, of which each begins with a rescue."""
        world = self._world
        rows, columns = np.nonzero(self._bid_at <= world.now)
        self._bids = []
        super().bid()
        sold = {(account, market): (fraction, penalty) for account, market, fraction, penalty in self._bids}
        ended = ~np.isfinite(self._origin[rows, columns])
        lots = [(int(i), int(m)) for i, m, end in zip(rows, columns, ended, strict=True) if end]
        there = self._twin.bid(world, lots, sold)
        self._twin.agree(world, self._rule.take_rescues(), there)
        self._twin.agree_auctions(world, np.unique(rows), np.isfinite(self._origin))

    def _hand_over(self, accounts: Index, books: Flags, fraction: Floats, discount: Floats, penalty: Floats) -> None:
        markets = books.argmax(axis=1)
        self._bids += [
            (int(i), int(m), float(f), float(p))
            for i, m, f, p in zip(accounts, markets, fraction, penalty, strict=True)
        ]
        super()._hand_over(accounts, books, fraction, discount, penalty)


class Twin:
    """The chain's side of a replay, and the integer model's."""

    def __init__(self, stage: Stage, ids: Sequence[int], ticks: Sequence[Tick], verdict: Verdict) -> None:
        self._stage, self._protocol, self._ids = stage, stage.protocol, ids
        self._ticks = {tick.time: tick for tick in ticks}
        self._markets = list(stage.protocol.market_ids.values())
        self._columns = {id_: column for column, id_ in enumerate(stage.protocol.market_ids.values())}
        self._verdict = verdict

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
            for name, market in self._protocol.market_ids.items():
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
        if risk.equity < risk.maintenance and not offer.on:
            return protocol.liquidator.start(account, market, [], sender=sender)
        if offer.on and risk.equity >= risk.maintenance + risk.sigma_loss:
            return protocol.liquidator.stop(account, market, sender=sender)
        return None

    def bid(
        self, world: World, lots: Sequence[tuple[int, int]], sold: Mapping[tuple[int, int], tuple[float, float]]
    ) -> dict[int, Done]:
        """Bids for lots that are sold in the replay, or cured by the rescue with which a bid begins."""
        self._wait(int(world.now))
        done: dict[int, Done] = {}
        for i, column in lots:
            receipt = self._bid_for(self._ids[i], self._markets[column])
            self._gather(done, i, receipt)
            sales = [(event.fraction / WAD, event.penalty / WAD) for event in receipt.named("BookSold")]
            sale = sold.get((i, column))
            if len(sales) != (sale is not None):
                text = f"account {self._ids[i]} at {world.now:.0f}: sold {sale} in arrays, {sales} on the chain"
                self._verdict.disagreements.append(text)
            elif sale is not None:
                self._verdict.done["sales"] += 1
                self._verdict.note("sold fractions", abs(sale[0] - sales[0][0]))
                scale = float(self._scale(world)[i])
                self._verdict.note("penalties", abs(sale[1] - sales[0][1] / _SHARE) / scale)
            self._compare_balances([i])
        return done

    def _bid_for(self, account: int, market: int) -> Receipt:
        """As much as may be sold; margin enough that the bidder's own book never matters."""
        liquidator, sender = self._protocol.liquidator, self._stage.liquidator
        offer = liquidator.offer(account, market)
        if offer.age >= POOL_TIME:
            return liquidator.bid_for_pool(account, market, [], sender=sender)
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

    def agree_auctions(self, world: World, accounts: Index, on: Flags) -> None:
        """What is for sale on either side."""
        for i in map(int, accounts):
            for column, market in enumerate(self._markets):
                there = self._protocol.liquidator.offer(self._ids[i], market).on and world.books.size[i, column] != 0
                if there != on[i, column]:
                    text = f"account {self._ids[i]}, market {market} at {world.now:.0f}: for sale on the "
                    self._verdict.disagreements.append(text + ("chain only" if there else "arrays' side only"))

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
                who = "arrays" if theirs is None else "chain"
                self._verdict.disagreements.append(f"account {self._ids[i]} at {world.now:.0f}: by the {who} only")
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
