"""What collateral adds to an account's equity."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ballast.chain import Contract, Reverted

from .conftest import BTC, ETH, GOLD, WAD


def test_credit__three_tokens__price_times_ltv(model: Contract) -> None:
    """10 ETH at 80 %, 10 BTC at 75 %; gold secures nothing."""
    assert model.credit(1) == (24_000 * WAD + 450_000 * WAD, True)
    assert model.credit(2) == (0, True)


def test_credit__pumped_price__counts_at_its_average(model: Contract, say: Callable[..., None]) -> None:
    """HLT-9: the lower of the two, either way round."""
    say(ETH, 6_000, average=3_100)
    assert model.credit(1)[0] == 24_800 * WAD + 450_000 * WAD
    say(ETH, 2_000, average=3_000)
    assert model.credit(1)[0] == 16_000 * WAD + 450_000 * WAD


def test_credit__one_feed_dead__others_count(model: Contract, say: Callable[..., None]) -> None:
    """ORC-3: a token without a valid price is worth nothing, and says so."""
    say(BTC)
    assert model.credit(1) == (24_000 * WAD, False)
    say(BTC, 60_000)
    say(GOLD)
    assert model.credit(1) == (474_000 * WAD, True), "what secures nothing needs no price"


def test_credit__every_feed_dead__nothing_and_says_so(model: Contract, say: Callable[..., None]) -> None:
    say(ETH)
    say(BTC)
    assert model.credit(1) == (0, False)
    say(BTC, 60_000)
    assert model.credit(1) == (450_000 * WAD, False), "a later token does not make up for an earlier one"


def test_credit__feed_burns_its_gas__others_count(model: Contract, oracle: Contract, owner: str) -> None:
    oracle.set_burns(BTC, True, sender=owner)
    assert model.credit(1, gas=1_200_000) == (24_000 * WAD, False)


def test_credit__starved_caller__reverts(model: Contract) -> None:
    """REB-13: too little gas is no dead feed: nobody fakes one."""
    assert model.credit(1, gas=600_000) == (474_000 * WAD, True)
    for gas in (300_000, 400_000, 430_000):
        with pytest.raises(Reverted) as error:
            model.credit(1, gas=gas)
        assert error.value.reason == "collateral: not enough gas"


def test_credit__one_wei__rounds_down(model: Contract, vault: Contract, say: Callable[..., None], trader: str) -> None:
    """RND-1."""
    for index in (0, 1):
        token = vault.collateral(index)
        vault.withdraw(1, token.token, 10 * 10**token.decimals - (index == 0), trader, sender=trader)
    say(ETH, 1)
    assert vault.collateral_of(1)[0] == 1
    assert model.credit(1) == (0, True)
