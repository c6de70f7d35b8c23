"""Haircuts: their bounds, and how a lowered threshold comes into force."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ballast.chain import Contract, Reverted

from .conftest import ETH, GOLD, WAD

DAY = 86_400
PERCENT = WAD // 100


def test_set_config__within_bounds__read_back(
    bare_model: Contract, vault: Contract, oracle: Contract, say: Callable[..., None], owner: str
) -> None:
    assert (bare_model.VAULT(), bare_model.ORACLE()) == (vault.address, oracle.address)
    say(ETH, 3_000)
    config = (ETH, 80 * PERCENT, 85 * PERCENT)
    event = bare_model.set_config(0, config, sender=owner).event("CollateralConfigSet")
    assert (event.index, event.feed_id, event.ltv, event.liquidation_threshold) == (0, *config)
    assert tuple(bare_model.config(0)) == config
    assert bare_model.threshold(0) == 85 * PERCENT
    assert (tuple(bare_model.config(1)), bare_model.threshold(1)) == ((0, 0, 0), 0)


@pytest.mark.parametrize(
    "config",
    [
        (256, 80 * PERCENT, 85 * PERCENT),
        (ETH, 90 * PERCENT + 1, 95 * PERCENT),
        (ETH, 80 * PERCENT, 95 * PERCENT + 1),
        (ETH, 80 * PERCENT, 80 * PERCENT),
        (ETH, 80 * PERCENT, 816 * WAD // 1_000 - 1),
        (ETH, 80 * PERCENT, 0),
        (ETH, 0, 0),
        (2**255, 2**255, 2**255),
    ],
)
def test_set_config__out_of_bounds__reverts(
    bare_model: Contract, say: Callable[..., None], owner: str, config: tuple[int, int, int]
) -> None:
    """ORC-10, HLT-3: the threshold is above the ltv by two hundredths of it, or initial would be maintenance."""
    say(ETH, 3_000)
    with pytest.raises(Reverted) as error:
        bare_model.set_config(0, config, sender=owner)
    assert error.value.reason == "collateral: out of bounds"
    assert tuple(bare_model.config(0)) == (0, 0, 0)


def test_set_config__at_the_edges__passes(bare_model: Contract, say: Callable[..., None], owner: str) -> None:
    say(255, 3_000)
    for index, (ltv, threshold) in enumerate(((90 * PERCENT, 95 * PERCENT), (80 * PERCENT, 816 * WAD // 1_000))):
        bare_model.set_config(index, (255, ltv, threshold), sender=owner)
        assert tuple(bare_model.config(index)) == (255, ltv, threshold)


def test_set_config__bad_input__reverts(model: Contract, say: Callable[..., None], owner: str, trader: str) -> None:
    """ORC-6: what stands behind a feed's id is the oracle's to change, within its bounds; the id stays."""
    good = (ETH, 80 * PERCENT, 85 * PERCENT)
    for sender, index, config, reason in (
        (trader, 0, good, "ownable: caller is not the owner"),
        (owner, 3, good, "vault: unknown token"),
        (owner, 0, (GOLD, *good[1:]), "collateral: feed is fixed"),
    ):
        with pytest.raises(Reverted) as error:
            model.set_config(index, config, sender=sender)
        assert error.value.reason == reason
    assert tuple(model.config(0)) == good


def test_set_config__feed_without_a_price__reverts(bare_model: Contract, owner: str) -> None:
    """A haircut for a price that nobody can read would be worth nothing unseen."""
    with pytest.raises(Reverted) as error:
        bare_model.set_config(0, (ETH, 80 * PERCENT, 85 * PERCENT), sender=owner)
    assert error.value.reason == "oracle: stale price"


def test_set_config__lowered_threshold__falls_over_a_day(model: Contract, owner: str) -> None:
    """ORC-10: nobody becomes liquidatable in the block of a parameter change; ltv binds new debt at once."""
    model.set_config(0, (ETH, 60 * PERCENT, 65 * PERCENT), sender=owner)
    assert model.threshold(0) == 85 * PERCENT
    assert model.config(0).ltv == 60 * PERCENT
    for share in (1, 2, 3):
        model.chain.advance(DAY // 4)
        assert model.threshold(0) == 85 * PERCENT - 20 * PERCENT * share // 4
    model.chain.advance(DAY // 4 - 1)
    assert 65 * PERCENT < model.threshold(0) < 65 * PERCENT + WAD // 1_000
    model.chain.advance(1)
    assert model.threshold(0) == 65 * PERCENT
    model.chain.advance(10 * DAY)
    assert model.threshold(0) == 65 * PERCENT


def test_set_config__in_mid_ramp__goes_on_from_where_it_is(model: Contract, owner: str) -> None:
    """ACC-4: a second change neither jumps nor begins anew at the old height; a raise is in force at once."""
    model.set_config(0, (ETH, 60 * PERCENT, 65 * PERCENT), sender=owner)
    model.chain.advance(DAY // 2)
    model.set_config(0, (ETH, 60 * PERCENT, 63 * PERCENT), sender=owner)
    assert model.threshold(0) == 75 * PERCENT
    model.chain.advance(DAY // 2)
    assert model.threshold(0) == 69 * PERCENT
    model.set_config(0, (ETH, 60 * PERCENT, 80 * PERCENT), sender=owner)
    assert model.threshold(0) == 80 * PERCENT
