"""Feeds, and time."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import rule

from ballast.model.oracle import Told
from tests.stateful.rules.world import MARKETS, MOVES, PAUSES, SECOND, World


class Prices(World):
    """Anything that feeds do, right and wrong."""

    @rule(market=MARKETS, move=MOVES, pause=PAUSES)
    def publish(self, market: int, move: int, pause: int) -> None:
        """A drift, a step, or a gap."""
        self.publish_move(market, move, pause)

    @rule(pause=st.integers(1, 900))
    def heartbeat(self, pause: int) -> None:
        self.repeat_prices(pause)

    @rule(market=MARKETS, answer=st.sampled_from([0, -1, 10**9]), age=st.integers(-600, 600), complete=st.booleans())
    def publish_rubbish(self, market: int, answer: int, age: int, complete: bool) -> None:
        """A round that should not be, or an odd one."""
        time = self.now - age
        aggregator, feed = self.protocol.aggregators[self.name(market)], self.feed(market)
        answered_in = len(feed.aggregators[-1]) + (1 if complete else 0)
        aggregator.publish_round(answer, time, time, answered_in, sender=self.twins.owner)
        feed.publish_round(answer, time, answered_in)

    @rule(market=SECOND, away=st.sampled_from([0, 50, -50, 190, 210, -300, 10**6]), pause=st.integers(0, 600))
    def publish_second_alone(self, market: int, away: int, pause: int) -> None:
        """ORC-4: the second feed goes its own way; both speak and disagree, or agree after a jump of one."""
        self.chain.advance(pause)
        answer = self.last_answer(market) * (10_000 + away) // 10_000
        self.twins.publish_second(self.feed(market), self.name(market), answer)

    @rule(market=SECOND, move=MOVES, pause=st.integers(0, 600))
    def publish_first_alone(self, market: int, move: int, pause: int) -> None:
        """The second feed does not follow."""
        self.chain.advance(pause)
        answer = max(1, self.last_answer(market) * (10_000 + move) // 10_000)
        self.protocol.aggregators[self.name(market)].publish(answer, sender=self.twins.owner)
        self.feed(market).publish(answer, self.now)

    @rule(pause=st.integers(0, 3_600), wait=st.sampled_from([0, 300, 600, 601]))
    def sequencer_outage(self, pause: int, wait: int) -> None:
        """It goes down and comes back; its grace may not be over yet."""
        for status, after in ((1, pause), (0, wait)):
            self.protocol.contracts["sequencer"].set_status(status, sender=self.twins.owner)
            sequencer = self.feed(1).sequencer
            assert sequencer is not None and sequencer.told is not None
            id_ = sequencer.told.id + 1
            sequencer.told = Told(id_, status, self.now, self.now, id_)
            if status:
                self.poke(1)
                assert self.twins.differences(self.model) == []
            self.chain.advance(after)
        self.repeat_prices(1)

    @rule(market=MARKETS, rounds=st.integers(2, 20))
    def burst(self, market: int, rounds: int) -> None:
        """Many rounds that nobody processes."""
        for index in range(rounds):
            self.publish_move(market, 7 if index % 2 else -7, 1)

    @rule(pause=PAUSES)
    def wait(self, pause: int) -> None:
        """Nothing happens for a while; feeds may go stale."""
        self.chain.advance(pause)

    @rule(market=MARKETS)
    def poke(self, market: int) -> None:
        """Anyone may consume rounds."""
        self.twins.both(
            lambda: self.protocol.oracle.poke(market, sender=self.twins.stranger),
            lambda: self.feed(market).poke(self.now),
        )

    @rule(market=MARKETS)
    def accrue(self, market: int) -> None:
        """Anyone may store the funding."""
        self.twins.both(
            lambda: self.protocol.markets[self.name(market)].accrue(sender=self.twins.stranger),
            lambda: self.model.markets[market].accrue(self.now),
        )
