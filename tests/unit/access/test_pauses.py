"""Whatever is paused, capped, switched off or revoked, in every combination: the ways out stay open, and nothing opens
that should be shut."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from math import prod

import pytest

from ballast.params import WAD
from tests.unit.access.exits import WBTC, Exits
from tests.unit.access.matrix import MATRIX

Turn = Callable[[Exits], None]

ACTIVE, REDUCE_ONLY, HALTED, REOPENED = "active", "reduce-only", "halted", "reopened"
ON, OFF, CONTRADICTED = "on", "off", "contradicted"
STATES = {ACTIVE: 0, REDUCE_ONLY: 1, HALTED: 2}
TREASURIES = 0  # as a market, to the insurance


@dataclass(frozen=True)
class Stand:
    """How every switch stands: the market's state, its feed, and of all others whether they are as deployed."""

    state: str = ACTIVE
    market: bool = True
    pool: bool = True
    insurance: bool = True
    lending: bool = True
    collateral: bool = True
    liquidation: bool = True
    rebalancer: bool = True
    exchange: bool = True
    feed: str = ON
    collateral_feed: bool = True
    sequencer: bool = True

    @property
    def priced(self) -> bool:
        """ETH has a valid price."""
        return self.feed == ON and self.sequencer

    @property
    def secured(self) -> bool:
        """Collateral has a valid price."""
        return self.collateral_feed and self.sequencer

    @property
    def moves(self) -> bool:
        """The engine may move margin into and out of books."""
        return self.rebalancer and self.priced and self.state != HALTED


# What is turned how; by the guardian where he can
def _off(e: Exits) -> None:
    e.protocol.oracle.set_feed_off(e.eth, True, sender=e.guardian)


def _contradicted(e: Exits) -> None:
    """A second feed that soon says something else."""
    aggregator, second = e.second
    config = e.protocol.oracle.feed_config(e.eth)._asdict()
    config |= {"second_feed": second, "second_max_age": 86_400, "max_deviation": WAD // 100}
    e.protocol.oracle.set_feed(e.eth, config, e.protocol.oracle.quote(e.eth).price, sender=e.owner)
    aggregator.publish(2 * aggregator.latestRoundData()[1], sender=e.owner)


def _collateral_feed(e: Exits) -> None:
    e.protocol.oracle.set_feed_off(e.btc, True, sender=e.guardian)


def _sequencer(e: Exits) -> None:
    e.protocol.oracle.set_sequencer(e.sequencer, 86_400, sender=e.owner)


def _revoke(*engines: str) -> Turn:
    def turn(e: Exits) -> None:
        for engine in engines:
            e.vault.set_engine(e.protocol.contracts[engine].address, 0, sender=e.owner)

    return turn


def _collateral(e: Exits) -> None:
    """No cap, no credit, a threshold on its way to nothing."""
    config = e.protocol.collateral_model.config(WBTC)._asdict()
    e.vault.set_collateral_cap(WBTC, 0, sender=e.owner)
    config |= {"ltv": 0, "liquidation_threshold": WAD // 10_000}
    e.protocol.collateral_model.set_config(WBTC, config, sender=e.owner)


def _lending(e: Exits) -> None:
    """Nobody lends, nobody borrows, and what is lent costs all that it may."""
    pool = e.protocol.credit_pool
    rates = pool.rate_config()._asdict() | {"base_rate": 2 * WAD, "kink_rate": 2 * WAD, "max_rate": 2 * WAD}
    pool.set_rate_config(rates | {"reserve_share": WAD // 2}, sender=e.owner)
    pool.set_limits(0, 0, sender=e.owner)


def _insurance(e: Exits) -> None:
    """It pays for nothing."""
    for market in (TREASURIES, e.eth):
        e.protocol.insurance_fund.set_draw_cap(market, 0, sender=e.owner)


def _pool(e: Exits) -> None:
    """Nobody enters, its inventory does not grow, it quotes as widely as it can, and its own books are left alone."""
    pool, engine = e.protocol.pool, e.protocol.rebalancer
    pool.set_max_assets(0, sender=e.owner)
    quote = pool.quote_config(e.eth)._asdict() | {"max_inventory": 0, "base_spread": WAD // 100, "deviation": WAD // 50}
    pool.set_quote(e.eth, quote, sender=e.owner)
    policy = engine.policy(e.protocol.pool_account)._asdict() | {"enabled": False}
    pool.set_policy(policy, sender=e.owner)


def _market(e: Exits) -> None:
    """No open interest, the highest initial margin, fees and execution fee; no profit leaves."""
    exchange = e.protocol.exchange
    config = e.market.config()._asdict() | {"open_interest_cap": 0, "initial_ratio": 3 * WAD}
    e.market.set_config(config, sender=e.owner)
    e.protocol.outflow.set_meter(e.eth, 0, sender=e.owner)
    exchange.set_execution_fee(100 * WAD, sender=e.owner)
    fees = {"base_fee": WAD // 100, "reference_volatility": WAD // 100, "volatility_cap": 20 * WAD}
    exchange.set_fees(e.eth, fees, sender=e.owner)


def _state(state: str) -> Turn:
    """By the guardian; only the owner opens again."""

    def turn(e: Exits) -> None:
        e.market.set_state(STATES.get(state, STATES[HALTED]), sender=e.guardian)
        if state == REOPENED:
            e.market.set_state(STATES[ACTIVE], sender=e.owner)

    return turn


# Where each switch can stand beside how it was deployed, in the order in which they are turned: the owner's setters ask
# for prices, the guardian's do not
SWITCHES: dict[str, dict[bool | str, Turn]] = {
    "market": {False: _market},
    "pool": {False: _pool},
    "insurance": {False: _insurance},
    "lending": {False: _lending},
    "collateral": {False: _collateral},
    "liquidation": {False: _revoke("liquidator", "collateral_auctions", "deficits")},
    "rebalancer": {False: _revoke("rebalancer")},
    "exchange": {False: _revoke("exchange")},
    "feed": {OFF: _off, CONTRADICTED: _contradicted},
    "collateral_feed": {False: _collateral_feed},
    "sequencer": {False: _sequencer},
    "state": {state: _state(state) for state in (REDUCE_ONLY, HALTED, REOPENED)},
}

# Every function of owner or guardian is turned here …
TURNED = {
    "DerivativesMarket.set_state",
    "DerivativesMarket.set_config",
    "PriceOracle.set_feed",
    "PriceOracle.set_feed_off",
    "PriceOracle.set_sequencer",
    "Vault.set_engine",
    "Vault.set_collateral_cap",
    "CollateralModel.set_config",
    "CreditPool.set_rate_config",
    "CreditPool.set_limits",
    "InsuranceFund.set_draw_cap",
    "LiquidityPool.set_max_assets",
    "LiquidityPool.set_quote",
    "LiquidityPool.set_policy",
    "Outflow.set_meter",
    "Exchange.set_execution_fee",
    "Exchange.set_fees",
}
# … or is no switch, and why
NO_SWITCH = {
    "transfer_ownership": "who may turn switches",
    "set_guardian": "who may turn switches",
    "grantRole": "who may turn switches",
    "revokeRole": "who may turn switches",
    "update_delay": "when switches may be turned",
    "add_market": "adds, and takes nothing away",
    "add_collateral": "adds, and takes nothing away",
    "collect_revenue": "pays the protocol what is its own",
    "seed": "only while there are no shares",
    "set_pool": "once",
    "set_insurance": "once",
    "set_credit_pool": "once",
    "set_collateral_model": "once",
    "set_vault": "once",
    "set_rebalancer": "once",
    "set_deficits": "once",
}

ALWAYS = (
    *("deposit", "repay", "repay all", "repay below maintenance"),
    *("withdraw free cash", "withdraw cash above locks", "withdraw free collateral"),
    *("claim rewards", "change the policy"),
    *("ask the lenders for an exit", "leave the lenders", "claim an exit of the lenders"),
    *("ask the insurance for an exit", "leave the insurance"),
    *("ask the pool for an exit", "claim an exit of the pool"),
)
NEVER = (
    *("withdraw locked cash", "withdraw collateral of a debt"),
    *("auction of a healthy book", "write a secured debt off"),
)
# What needs a price, an engine, or leave to open
ELSE: dict[str, Callable[[Stand], bool]] = {
    "order to close": lambda s: s.exchange,
    "void": lambda s: s.exchange,
    "close": lambda s: s.exchange and s.priced,
    "margin in": lambda s: s.rebalancer,
    "close, and the pool holds more": lambda s: s.exchange and s.priced,
    "rebalance": lambda s: s.moves,
    "auction": lambda s: s.liquidation and s.priced and s.state != REOPENED,
    "bid": lambda s: s.liquidation and s.priced and s.state != REOPENED,
    "bid for collateral": lambda s: s.liquidation and s.secured,
    "assign a loss": lambda s: s.liquidation and s.priced and s.state in (ACTIVE, REDUCE_ONLY),
    "put in collateral": lambda s: s.collateral,
    "lend": lambda s: s.lending,
    "enter the pool": lambda s: s.pool and s.priced,
    "open": lambda s: s.exchange and s.priced and s.pool and s.market and s.state in (ACTIVE, REOPENED),
    "margin out": lambda s: s.moves,
    "borrow": lambda s: s.secured and s.lending and s.collateral,
}


def _expected(stand: Stand) -> dict[str, bool]:
    """What happens, and what does not."""
    found = dict.fromkeys(ALWAYS, True) | dict.fromkeys(NEVER, False)
    return found | {name: happens(stand) for name, happens in ELSE.items()}


def _every(exits: Exits, stand: Stand, switches: list[str]) -> Iterator[Stand]:
    """Every combination of the switches, each brought about on the chain while it is looked at."""
    if not switches:
        yield stand
        return
    first, *rest = switches
    yield from _every(exits, stand, rest)
    for position, turn in SWITCHES[first].items():
        before = exits.chain.snapshot()
        turn(exits)
        yield from _every(exits, replace(stand, **{first: position}), rest)
        exits.chain.revert(before)


@pytest.fixture(scope="session")
def _exits() -> Exits:
    return Exits()


@pytest.fixture
def exits(_exits: Exits) -> Iterator[Exits]:
    before = _exits.chain.snapshot()
    yield _exits
    _exits.chain.revert(before)


def test_switches__every_power_of_owner_and_guardian__is_one_or_is_none() -> None:
    """GOV-4: a new setter that is not turned here fails here."""
    powers = {
        (contract, call)
        for contract, calls in MATRIX.items()
        for call, row in calls.items()
        if row.may <= {"owner", "guardian"}
    }
    turned = {f"{contract}.{call}" for contract, call in powers if call not in NO_SWITCH}
    assert turned == TURNED
    assert {call for _, call in powers} >= set(NO_SWITCH)


def test_actions__each__has_its_expectation(exits: Exits) -> None:
    """Nothing is tried that nobody looks at; and as deployed, all that is ever expected happens."""
    assert set(exits.actions) == set(_expected(Stand()))
    assert {name for name, happens in _expected(Stand()).items() if not happens} == set(NEVER)


@pytest.mark.parametrize("pool", [True, False])
@pytest.mark.parametrize("market", [True, False])
def test_exits__every_combination_of_pauses__stay_open_and_nothing_else_opens(
    exits: Exits, market: bool, pool: bool
) -> None:
    """GOV-3, GOV-4, LIV-1, §7.10: states, feeds, sequencer, engines, caps; in each, everything that anyone may want."""
    outer = {"market": market, "pool": pool}
    for name in outer:
        if not outer[name]:
            SWITCHES[name][False](exits)
    seen = 0
    for stand in _every(exits, Stand(**outer), [name for name in SWITCHES if name not in outer]):
        expected = _expected(stand)
        found = {name: exits.happens(action) for name, action in exits.actions.items()}
        assert found == expected, stand
        seen += 1
    assert seen == prod(1 + len(positions) for name, positions in SWITCHES.items() if name not in outer)
