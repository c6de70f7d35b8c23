"""What every rule needs: chain and model, the actors, and what there is to choose from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine

from ballast.chain import Receipt
from ballast.model.oracle import Feed
from ballast.params import WAD
from tests.stateful import twins as twins_
from tests.stateful.twins import GUARDED, Twins

MARKETS = st.sampled_from([1, 2, 3, 4])
ACCOUNTS = st.sampled_from(twins_.ACCOUNTS)
TRADERS = st.integers(0, twins_.TRADERS - 1)
TOKENS = st.integers(0, 2)
MOVES = st.one_of(st.integers(-300, 300), st.integers(-60, 60), st.integers(-4_000, 6_000))  # [bps]
PAUSES = st.one_of(st.integers(0, 60), st.integers(0, 3_600), st.integers(0, 2 * 86_400))  # [s]
ACTORS = st.sampled_from(["owner"] * 8 + ["operator"] * 2 + ["stranger", "heir"])  # of an account
HOSTILE = st.sampled_from([False] * 7 + [True])  # somebody without rights
USD = st.one_of(st.integers(1, 40_000 * WAD), st.integers(0, 3), st.integers(1, 10**9))

_twins: Twins | None = None


def twins() -> Twins:
    """One deployment a process; every example starts from it."""
    global _twins
    if _twins is None:
        _twins = Twins()
    return _twins


class World(RuleBasedStateMachine):
    """Chain and model of it."""

    def __init__(self) -> None:
        super().__init__()
        self.twins = twins()
        self.protocol = self.twins.protocol
        self.chain = self.twins.chain
        self.snapshot = self.chain.snapshot()
        self.model = self.twins.fresh_model()
        self.donated = 0  # [raw]

    def teardown(self) -> None:
        self.chain.revert(self.snapshot)

    @property
    def now(self) -> int:
        return self.chain.timestamp

    @property
    def token(self) -> str:
        return self.protocol.token.address

    def actor(self, account: int, who: str) -> str:
        """Who acts for an account: its owner, an operator, nobody of his, or a trader who may yet get it."""
        owner = str(self.model.vault.accounts[account].owner)
        return {
            "owner": owner,
            "operator": self.twins.operator,
            "stranger": self.twins.stranger,
            "heir": next(trader for trader in self.twins.traders if trader != owner),
        }[who]

    def act(self, who: str, chain: Callable[[], Receipt], model: Callable[[], Any]) -> tuple[Receipt | None, Any]:
        """What only an owner and his operators may: nobody else ever succeeds."""
        receipt, result = self.twins.both(chain, model)
        assert receipt is None or who in ("owner", "operator"), f"done by a {who}"
        self.twins.seen[f"by {who}"] += receipt is not None
        return receipt, result

    def name(self, market: int) -> str:
        return self.twins.names[market]

    def feed(self, market: int) -> Feed:
        return self.model.markets[market].feed

    def last_answer(self, market: int) -> int:
        """The last answer that could be a price [raw]."""
        rounds = self.feed(market).aggregators[-1]
        return next((answer.answer for answer in reversed(rounds) if answer.answer > 10**4), 10**8)

    def publish_move(self, market: int, move: int, pause: int) -> None:
        """A proper round after a while, of both feeds where there are two; the move in bps."""
        self.chain.advance(pause)
        answer = max(1, self.last_answer(market) * (10_000 + move) // 10_000)
        self.twins.publish(self.feed(market), market, answer)

    def repeat_prices(self, pause: int) -> None:
        """Every feed repeats its price after a while."""
        self.chain.advance(pause)
        for market in self.twins.names:
            self.twins.publish(self.feed(market), market, max(1, self.last_answer(market)))


SECOND = st.sampled_from([id_ for id_, name in enumerate(("BTC", "ETH", "SOL", "LINK"), 1) if name in GUARDED])
