"""The guardian and the timelock."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from ballast.chain import Contract
from ballast.deploy import Proposal, Setting
from ballast.model.collateral import CollateralConfig
from ballast.model.credit import RateConfig
from ballast.model.exchange import FeeConfig
from ballast.model.system import OWNER
from ballast.params import WAD
from tests.stateful.rules.world import ACCOUNTS, HOSTILE, MARKETS, TOKENS, USD, World
from tests.stateful.twins import DELAY, DRAW_CAP, METER

EARLY = "timelock_controller: operation is not ready"
NOT_OWNER = "ownable: caller is not the owner"
NOT_GUARDIAN = "access: not the guardian"
KINDS = (
    "meter",
    "fees",
    "execution_fee",
    "config",
    "quote",
    "cap",
    "haircuts",
    "state",
    "feed_on",
    "feed",
    "max_assets",
    "rates",
    "limits",
    "draw_cap",
)


@dataclass(frozen=True)
class Scheduled:
    """A proposal, and what it does to the model."""

    proposal: Proposal
    setting: Setting
    apply: Callable[[], Any]
    ready_at: int


class Powers(World):
    """GOV-1: the guardian tightens at once, everything else waits."""

    def __init__(self) -> None:
        super().__init__()
        self.scheduled: list[Scheduled] = []

    # The guardian

    @rule(market=MARKETS, state=st.integers(0, 3), hostile=HOSTILE)
    def tighten(self, market: int, state: int, hostile: bool) -> None:
        """Never looser, never the same."""
        contract = self.protocol.markets[self.name(market)]
        if hostile:
            for nobody in (self.twins.stranger, self.twins.owner):
                self.twins.refused(lambda who=nobody: contract.set_state(state, sender=who), NOT_GUARDIAN)
            return
        self.twins.both(
            lambda: contract.set_state(state, sender=self.twins.guardian),
            lambda: self.model.markets[market].set_state(state, self.now, guardian=True),
        )

    @rule(market=MARKETS)
    def switch_feed_off(self, market: int) -> None:
        """And on again by proposal only."""
        oracle, guardian = self.protocol.oracle, self.twins.guardian
        self.twins.both(
            lambda: oracle.set_feed_off(market, True, sender=guardian),
            lambda: self.feed(market).set_off(True, self.now),
        )
        self.twins.refused(
            lambda: oracle.set_feed_off(market, False, sender=guardian), "access: guardian only tightens"
        )

    # The timelock

    @rule(kind=st.sampled_from(KINDS), market=MARKETS, index=TOKENS, factor=st.integers(0, 60), early=st.booleans())
    def propose(self, kind: str, market: int, index: int, factor: int, early: bool) -> None:
        """A setting, some of them out of bounds."""
        self.chain.advance(1)  # two proposals of one second would be the same
        contract, function, arguments, apply = self.change(kind, market, index, factor)
        reason = NOT_GUARDIAN if function in ("set_state", "set_feed_off") else NOT_OWNER
        self.twins.refused(lambda: getattr(contract, function)(*arguments, sender=self.twins.owner), reason)
        setting = Setting(kind, False, contract, function, arguments)
        proposal = Proposal.of(self.protocol, [setting])
        proposal.schedule(self.protocol, self.twins.owner)
        self.scheduled.append(Scheduled(proposal, setting, apply, self.now + DELAY))
        if early:
            self.twins.refused(lambda: proposal.execute(self.protocol, self.twins.keeper), EARLY)

    @precondition(lambda self: self.scheduled)
    @rule(back=st.integers(0, 2))
    def execute_proposal(self, back: int) -> None:
        """By anyone, once it is ready, once; refused by a bound, it stays."""
        each = self.scheduled[-1 - back % len(self.scheduled)]
        if self.now < each.ready_at:
            self.twins.refused(lambda: each.proposal.execute(self.protocol, self.twins.stranger), EARLY)
            return
        receipt, _ = self.twins.both(lambda: each.proposal.execute(self.protocol, self.twins.stranger), each.apply)
        if receipt is not None:
            self.scheduled.remove(each)
            self.twins.seen[f"proposed {each.setting.what}"] += 1
            self.twins.refused(lambda: each.proposal.execute(self.protocol, self.twins.stranger), EARLY)

    @precondition(lambda self: self.scheduled)
    @rule(back=st.integers(0, 2))
    def cancel_proposal(self, back: int) -> None:
        """It can never be executed."""
        each = self.scheduled.pop(-1 - back % len(self.scheduled))
        each.proposal.cancel(self.protocol, self.twins.owner)
        self.twins.refused(lambda: each.proposal.execute(self.protocol, self.twins.keeper), EARLY)

    @rule(kind=st.sampled_from(KINDS), market=MARKETS, index=TOKENS, factor=st.integers(0, 60))
    def pass_proposal(self, kind: str, market: int, index: int, factor: int) -> None:
        """Proposed, waited for, executed; the feeds go on meanwhile."""
        self.propose(kind, market, index, factor, False)
        self.chain.advance(DELAY)
        self.repeat_prices(1)
        self.execute_proposal(0)

    @precondition(lambda self: any(market.state or market.feed.off_since for market in self.model.markets.values()))
    @rule()
    def open_everything(self) -> None:
        """What the guardian closed opens, so that histories go on."""
        for id_, market in self.model.markets.items():
            for kind, closed in (("state", market.state), ("feed_on", market.feed.off_since)):
                if closed:
                    self.pass_proposal(kind, id_, 0, 0)

    @rule(receiver=st.booleans())
    def collect_revenue(self, receiver: bool) -> None:
        """The protocol's share, by proposal like everything else."""
        self.chain.advance(1)
        to = self.twins.stranger if receiver else self.twins.owner
        proposal = Proposal.of(
            self.protocol, [Setting("revenue", False, self.protocol.vault, "collect_revenue", (to,))]
        )
        proposal.schedule(self.protocol, self.twins.owner)
        self.chain.advance(DELAY)
        self.twins.both(
            lambda: proposal.execute(self.protocol, self.twins.stranger),
            lambda: self.model.vault.collect_revenue(OWNER, to),
        )

    @rule(account=ACCOUNTS, market=MARKETS, amount=USD)
    def pretend_to_be_an_engine(self, account: int, market: int, amount: int) -> None:
        """AUT-1: nobody but the engines moves margin, escrow or sizes."""
        stranger, vault = self.twins.stranger, self.protocol.vault
        book = self.protocol.markets[self.name(market)]
        for attempt, reason in (
            (lambda: vault.transfer_margin(account, [(0, -amount)], 0, stranger, sender=stranger), "engine"),
            (lambda: vault.allocate(account, stranger, market, amount, sender=stranger), "engine"),
            (lambda: vault.lock_escrow(account, stranger, amount, 0, sender=stranger), "engine"),
            (lambda: vault.release_escrow(account, amount, amount, stranger, sender=stranger), "engine"),
            (lambda: vault.fill_order(account, market, 0, amount, 0, stranger, True, sender=stranger), "engine"),
            (lambda: vault.top_up_pool(market, amount, sender=stranger), "engine"),
            (lambda: book.trade(account, WAD, 1, sender=stranger), "engine"),
            (lambda: book.reduce(account, WAD, 0, 2**255, sender=stranger), "engine"),
            (lambda: book.move_margin(account, -1, sender=stranger), "vault"),
        ):
            self.twins.refused(attempt, f"access: not the {reason}")

    # What can be proposed

    def change(
        self, kind: str, market: int, index: int, factor: int
    ) -> tuple[Contract, str, tuple[Any, ...], Callable[[], Any]]:
        """Contract, function and arguments, and the same for the model; `factor` makes it large or small."""
        protocol, model, name = self.protocol, self.model, self.name(market)
        params = self.twins.params.markets[name]
        match kind:
            case "meter":
                capacity = METER * factor
                apply = lambda: model.vault.set_meter(OWNER, market, capacity, now=self.now)  # noqa: E731
                return protocol.outflow, "set_meter", (market, capacity), apply
            case "fees":
                fees = params.fees.model_dump() | {"base_fee": WAD // 5_000 * factor}  # 1 % is the bound
                apply = lambda: model.exchange.set_fees(OWNER, market, FeeConfig(**fees))  # noqa: E731
                return protocol.exchange, "set_fees", (market, fees), apply
            case "execution_fee":
                apply = lambda: model.exchange.set_execution_fee(OWNER, 2 * factor * WAD)  # noqa: E731
                return protocol.exchange, "set_execution_fee", (2 * factor * WAD,), apply
            case "config":
                config = replace(
                    model.markets[market].config,
                    close_rate=WAD // 1_000 * factor,  # 5 % is the bound
                    range_multiplier=WAD * (4 + factor) // 20,
                    open_interest_cap=max(1, factor) * params.risk.open_interest_cap // 60 // 10**15 * 10**15,
                )
                apply = lambda: model.markets[market].set_config(config, self.now)  # noqa: E731
                return protocol.markets[name], "set_config", (vars(config),), apply
            case "quote":
                quote = replace(model.pool.quote_config(market), base_spread=WAD // 1_000 * factor)  # 5 %
                apply = lambda: model.pool.set_quote(market, quote)  # noqa: E731
                return protocol.pool, "set_quote", (market, vars(quote)), apply
            case "cap":
                cap = model.vault.collateral[index].cap * factor // 30
                apply = lambda: model.vault.set_collateral_cap(OWNER, index, cap)  # noqa: E731
                return protocol.vault, "set_collateral_cap", (index, cap), apply
            case "haircuts":
                feed_id = model.collateral_model.haircuts[index].config.feed_id
                haircuts = CollateralConfig(feed_id, WAD // 60 * factor, WAD // 60 * min(60, factor + 4))
                apply = lambda: model.collateral_model.set_config(OWNER, index, haircuts, now=self.now)  # noqa: E731
                return protocol.collateral_model, "set_config", (index, vars(haircuts)), apply
            case "rates":
                rates = RateConfig(
                    WAD // 100 * factor // 10**12 * 10**12,
                    WAD * 8 // 10,
                    WAD // 50 * factor,
                    WAD // 20 * factor,
                    WAD // 100 * factor,
                )
                apply = lambda: model.credit.set_rate_config(OWNER, rates, now=self.now)  # noqa: E731
                return protocol.credit_pool, "set_rate_config", (vars(rates),), apply
            case "limits":
                limits = (factor * 10_000 * WAD, factor * 5_000 * WAD)
                apply = lambda: model.credit.set_limits(OWNER, *limits)  # noqa: E731
                return protocol.credit_pool, "set_limits", limits, apply
            case "draw_cap":
                draw_cap = DRAW_CAP * factor // 20
                apply = lambda: model.insurance.set_draw_cap(OWNER, market, draw_cap, now=self.now)  # noqa: E731
                return protocol.insurance_fund, "set_draw_cap", (market, draw_cap), apply
            case "state":
                apply = lambda: model.markets[market].set_state(factor % 4, self.now)  # noqa: E731
                return protocol.markets[name], "set_state", (factor % 4,), apply
            case "feed_on":
                apply = lambda: self.feed(market).set_off(False, self.now)  # noqa: E731
                return protocol.oracle, "set_feed_off", (market, False), apply
            case "feed":
                return self._feed_change(market, factor)
            case _:
                most = self.twins.params.pool.max_assets * (40 + factor) // 60
                apply = lambda: model.shares.set_max_assets(OWNER, most)  # noqa: E731
                return protocol.pool, "set_max_assets", (most,), apply

    def _feed_change(self, market: int, factor: int) -> tuple[Contract, str, tuple[Any, ...], Callable[[], Any]]:
        """Other limits for a feed; expected is the price of today, which may be gone when it is done."""
        feed, expected = self.feed(market), self.last_answer(market) * 10**10
        jump, slow_rise = (10 + factor) * WAD // 100, (1 + factor) * WAD // 100
        config = dict(self.protocol.oracle.feed_config(market)._asdict()) | {"jump": jump, "slow_rise": slow_rise}

        def apply() -> None:
            other = copy(feed)
            other.config = replace(feed.config, jump=jump, slow_rise=slow_rise)
            feed.change_feed(other, self.now, expected)

        return self.protocol.oracle, "set_feed", (market, config, expected), apply
