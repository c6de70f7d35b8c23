"""The replay on a chain: contracts, the integer model and the arrays take the same rounds and the same calls.

The replay says when rounds come and whom keepers call. Each of them also goes to a protocol on a node of its own, all
of whose transactions the integer model takes too (`ballast.demo.mirror`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np

from ballast.chain.anvil import anvil
from ballast.client import Policy
from ballast.demo.audit import WatchedChain
from ballast.demo.stage import Stage, prepared
from ballast.history.feed import Recording, Round, Tick, merge
from ballast.keeper import Keeper, Work
from ballast.lab.auctions import Auctions, Lots
from ballast.lab.outcome import Floats
from ballast.lab.population import Population, draw
from ballast.lab.replay import Replay
from ballast.lab.rules import Ballast, Calls
from ballast.lab.tape import Tape
from ballast.lab.twin import Done, Sale, Twin, Verdict, cash, equities
from ballast.lab.world import Insurance, Settings, World
from ballast.model.vector.arrays import Flags, Index, by_market
from ballast.model.vector.books import Books
from ballast.model.vector.marks import FIGURES
from ballast.model.vector.planning import Plan
from ballast.params import WAD, Params, PolicyParams

GAS_PRICE = 21.0  # [gwei] base fee and tip of every keeper's transaction
HEADROOM = 0.97  # of the sizes that a population is drawn with: prices move until orders are filled
NEVER = 1e20  # [s] nobody else trades with the pool
SPARE = 5  # [USD] cash beyond a population's, for execution fees
BIDS = 50_000_000  # [USD] of the liquidator: what is bid for is never short of money
SLIPPAGE = Decimal("0.25")

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
        super().__init__(world, rule)
        self._engine, self._twin = rule, twin
        self._sales: dict[tuple[int, int], Sale] = {}  # of the latest bids, by account and market

    def look(self, accounts: Index) -> None:
        """The rescue of each, then what is to be done about what is left."""
        super().look(accounts)
        world = self._world
        there = self._twin.look(int(world.now), accounts)
        self._twin.agree(world, self._engine.take_rescues(), there)
        self._agree_auctions(accounts)

    def bid(self) -> None:
        """The bids, of which each begins with a rescue."""
        world = self._world
        rows, columns = np.nonzero(self._bid_at <= world.now)
        self._sales = {}
        super().bid()
        ended = ~np.isfinite(self._origin[rows, columns])
        lots = [(int(i), int(m)) for i, m, end in zip(rows, columns, ended, strict=True) if end]
        there = self._twin.bid(world, lots, self._sales)
        self._twin.agree(world, self._engine.take_rescues(), there)
        self._agree_auctions(np.unique(rows))

    def _agree_auctions(self, accounts: Index) -> None:
        saves = self._engine.saves(self._world, accounts)
        self._twin.agree_auctions(self._world, accounts, np.isfinite(self._origin[accounts]), saves)

    def _sell(self, lots: Lots, wanted: Flags) -> None:
        self._wanted = {(int(i), int(m)): bool(w) for i, m, w in zip(*lots, wanted, strict=True)}
        super()._sell(lots, wanted)

    def _hand_over(self, accounts: Index, books: Flags, fraction: Floats, discount: Floats, penalty: Floats) -> None:
        for i, m, f, p in zip(accounts, books.argmax(axis=1), fraction, penalty, strict=True):
            lot = int(i), int(m)
            self._sales[lot] = Sale(float(f), float(p), self._wanted[lot])
        super()._hand_over(accounts, books, fraction, discount, penalty)
