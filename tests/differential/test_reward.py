"""The reward's formula: contract and model to the wei, and what no input can make it do."""

from __future__ import annotations

from random import Random

import pytest

from ballast.chain import Contract
from ballast.chain.revm import RevmChain
from ballast.model.reward import reward, urgency
from ballast.params import WAD

GWEI = 10**9


@pytest.fixture(scope="module")
def harness() -> Contract:
    chain = RevmChain()
    return chain.deploy("RewardHarness", sender=chain.accounts[0])


def test_reward__random__contract_equals_model_and_stays_bounded(harness: Contract) -> None:
    """REB-5: at most the reserve, and a tenth of what the call was good for; nothing for nothing."""
    random = Random(0)
    for _ in range(1_000):
        work = {
            "books": random.randint(1, 8),
            "transfers": random.randint(0, 8),
            "cuts": random.randint(0, 8),
            "asked": random.randint(0, 8),
            "moved": random.choice((0, 1, random.randint(0, 10**6 * WAD))),
            "relieved": random.choice((0, random.randint(0, 10**5 * WAD))),
            "min_z": random.choice((-(2**255), 2**255 - 1, random.randint(-3 * WAD, 12 * WAD))),
            "z_trigger": random.choice((WAD, 2 * WAD, 40 * WAD)),
        }
        gas_price = random.choice((0, random.randint(0, 500 * GWEI)))
        native_price = random.choice((0, 3_000 * WAD, 2**112 - 1))
        reserve = random.choice((0, WAD, 20 * WAD, 200 * WAD))
        paid = reward(**work, gas_price=gas_price, native_price=native_price, reserve=reserve)
        assert harness.compute(work, gas_price, native_price, reserve) == paid
        assert paid <= reserve
        assert paid * 10 <= work["moved"] + work["relieved"]


def test_reward__dead_native_feed__only_the_share_of_what_moved() -> None:
    work = {
        "books": 4,
        "transfers": 2,
        "cuts": 0,
        "asked": 0,
        "moved": 1_000 * WAD,
        "relieved": 0,
        "min_z": WAD,
        "z_trigger": WAD,
    }
    assert reward(**work, gas_price=30 * GWEI, native_price=0, reserve=20 * WAD) == WAD // 2


def test_reward__nearer_to_liquidation__higher_premium() -> None:
    assert [urgency(z * WAD // 2, 2 * WAD) for z in (9, 4, 2, 0, -5)] == [0, 0, WAD // 2, WAD, WAD]
