"""A keeper saves an account on a fork of the chain that holds the deployment; that chain stays as it was."""

from __future__ import annotations

import os
import subprocess
from decimal import Decimal
from pathlib import Path

import pytest

from ballast import params as params_
from ballast.chain.anvil import anvil
from ballast.client import Ballast, Policy
from ballast.deploy import Protocol
from ballast.keeper import Keeper

ROOT = Path(__file__).parents[2]

TRADER = 7  # after the three accounts of the pool, insurance's and the two of the credit pool


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    return tmp_path_factory.mktemp("deployments") / "mainnet.json"


@pytest.fixture(scope="module")
def upstream(manifest):
    """A node that stands for mainnet: a deployment, and an account that a fall of ETH has brought near liquidation."""
    with anvil(chain_id=1) as node:
        chain = node.chain()
        owner, trader, keeper = (str(account) for account in chain.accounts[:3])
        ballast = Ballast(Protocol.deploy(chain, params_.load(), owner, manifest))
        account = ballast.open_account(trader)
        ballast.protocol.mint(trader, 20_000 * 10**18, owner)
        account.deposit(20_000, trader)
        account.set_policy(Policy.default(params_.load().policy), trader)
        account.commit("ETH", 10, margin=6_000, sender=trader)
        chain.advance(30)
        ballast.protocol.publish("ETH", 3_000 * 10**18, owner)
        assert Keeper(ballast.protocol, keeper).run_once().filled == [1]
        chain.advance(1_800)
        ballast.protocol.publish("ETH", 2_500 * 10**18, owner)
        assert account.report().due
        yield node


@pytest.fixture
def fork(upstream):
    with anvil(fork=upstream.url) as node:
        yield node


def test_keeper__on_a_fork__saves_the_account_and_leaves_the_upstream(upstream, fork, manifest, tmp_path):
    there, here = (Ballast.at(node.chain(), manifest) for node in (upstream, fork))
    block, before = there.protocol.chain.block, there.account(TRADER).report()

    done = subprocess.run(
        [
            *("ape", "run", "keeper", "--once", "--manifest", str(manifest)),
            *("--network", "ethereum:mainnet-fork:foundry", "--account", "TEST::2"),
        ],
        cwd=ROOT,
        env=os.environ
        | {"BALLAST_MAINNET": upstream.url, "APE_FOUNDRY_HOST": fork.url, "APE_DATA_FOLDER": str(tmp_path / "ape")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"rebalanced {TRADER}" in done.stdout
    after = here.account(TRADER).report()
    assert after.book("ETH").z > before.book("ETH").z
    assert after.book("ETH").equity > before.book("ETH").equity + Decimal(1_000)
    assert there.protocol.chain.block == block
    assert there.account(TRADER).report().raw == before.raw
