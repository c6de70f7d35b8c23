"""What can be the matter with the price of ETH, and how far it narrows the market."""

from __future__ import annotations

from collections.abc import Callable

from ballast.chain import Contract
from ballast.params import WAD
from tests.unit.access.conftest import World

CLEAR, GUARDED, UNCONFIRMED, FROZEN = "clear", "guarded", "unconfirmed", "frozen"
JUMP = 125  # [%] of the last price


def nothing(world: World) -> None:
    """One feed, a calm price."""


def agreement(world: World) -> None:
    _second(world)


def silence(world: World) -> None:
    _second(world).publish(0, sender=world.deployer)


def lonely_jump(world: World) -> None:
    world.publish("ETH", JUMP)


def unheard_jump(world: World) -> None:
    """A second feed that could confirm it is silent."""
    silence(world)
    world.publish("ETH", JUMP)


def confirmed_jump(world: World) -> None:
    second = _second(world)
    world.publish("ETH", JUMP)
    second.publish(_answer(world), sender=world.deployer)


def disagreement(world: World) -> None:
    """Either may be wrong."""
    _second(world)
    world.publish("ETH", JUMP)


def nonsense(world: World) -> None:
    world.publish("ETH", -100)


def switched_off(world: World) -> None:
    world.protocol.oracle.set_feed_off(world.eth, True, sender=world.guardian)


def sequencer_down(world: World) -> None:
    _sequencer(world, 1)


def sequencer_young(world: World) -> None:
    _sequencer(world, 0)


# How far each narrows the market
CONDITIONS: dict[Callable[[World], None], str] = {
    nothing: CLEAR,
    agreement: CLEAR,
    silence: GUARDED,
    confirmed_jump: GUARDED,
    lonely_jump: UNCONFIRMED,
    unheard_jump: UNCONFIRMED,
    disagreement: FROZEN,
    nonsense: FROZEN,
    switched_off: FROZEN,
    sequencer_down: FROZEN,
    sequencer_young: FROZEN,
}


def _answer(world: World) -> int:
    """The latest of the feed."""
    return int(world.protocol.feeds["ETH"].latestRoundData()[1])


def _second(world: World) -> Contract:
    """A second feed that agrees."""
    oracle, feed = world.protocol.oracle, world.protocol.feeds["ETH"]
    aggregator = world.chain.deploy("MockAggregator", feed.decimals(), "ETH / USD", sender=world.deployer)
    aggregator.publish(_answer(world), sender=world.deployer)
    second = world.chain.deploy("MockFeedProxy", aggregator.address, sender=world.deployer)
    config = oracle.feed_config(world.eth)._asdict()
    config |= {"second_feed": second.address, "second_max_age": 3_600, "max_deviation": WAD // 100}
    oracle.set_feed(world.eth, config, oracle.quote(world.eth).price, sender=world.owner)
    return aggregator


def _sequencer(world: World, status: int) -> None:
    """Down, or up for no time."""
    feed = world.chain.deploy("MockSequencerFeed", sender=world.deployer)
    feed.set_status(status, sender=world.deployer)
    world.protocol.oracle.set_sequencer(feed.address, 1_800, sender=world.owner)
