"""docs/deploy.md, walked through: a dry run on a fork, then the same command on the chain itself."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from eth_account import Account as Keys

from ballast.chain.anvil import Anvil, anvil
from ballast.deploy import Protocol

ROOT = Path(__file__).parents[2]
KEY, PASSPHRASE = "0x" + "6f" * 32, "not a secret"
DEPLOYER = Keys.from_key(KEY).address
SECONDS = 180


@pytest.fixture(scope="module")
def live():
    """A node that stands for mainnet: time goes on, the deployer has ether and the pool's first money."""
    with anvil(chain_id=1) as node:
        node.chain().rpc("anvil_setBalance", DEPLOYER, hex(10**21))
        yield node


@pytest.fixture(scope="module")
def params_file(live, tmp_path_factory) -> Path:
    """params/mainnet.yaml, but for the addresses: tokens and feeds of that node."""
    chain, text = live.chain(), (ROOT / "params" / "mainnet.yaml").read_text()
    owner = chain.accounts[0]

    def stand_in(section: str) -> str:
        address = re.search(r"0x[0-9a-fA-F]{40}", section)
        assert address is not None
        price = re.search(r"price: ([\d_]+)", section)
        if price:
            aggregator = chain.deploy("MockAggregator", 8, "a feed", sender=owner)
            aggregator.publish(int(price[1]) * 10**8, sender=owner)
            contract = chain.deploy("MockFeedProxy", aggregator.address, sender=owner)
        else:
            contract = chain.deploy("MockToken", "USD Coin", "USDC", 6, sender=owner)
            contract.mint(DEPLOYER, 10**14, sender=owner)
        return section.replace(address[0], contract.address)

    path = tmp_path_factory.mktemp("params") / "mainnet.yaml"
    path.write_text(re.sub(r'address: "0x\w{40}"(,?\s+price: [\d_]+)?', lambda found: stand_in(found[0]), text))
    return path


@pytest.fixture(scope="module")
def deploy(live, params_file, tmp_path_factory) -> Callable[..., tuple[str, Path]]:
    """The command of docs/deploy.md; what it says and where it recorded the deployment."""
    data = tmp_path_factory.mktemp("ape")
    (data / "accounts").mkdir()
    (data / "accounts" / "deployer.json").write_text(json.dumps(Keys.encrypt(KEY, PASSPHRASE, iterations=2)))
    records = tmp_path_factory.mktemp("deployments")

    def run(network: str, name: str, *options: str, **env: str) -> tuple[str, Path]:
        record = records / f"{name}.json"
        done = subprocess.run(
            [
                *("ape", "run", "deploy", "--network", network, "--account", "deployer"),
                *("--params", str(params_file), "--manifest", str(record), *options),
            ],
            cwd=ROOT,
            env=os.environ
            | {"BALLAST_MAINNET": live.url, "APE_DATA_FOLDER": str(data)}
            | {"APE_ACCOUNTS_deployer_PASSPHRASE": PASSPHRASE}
            | env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout, record

    return run


def addresses(record: Path) -> dict[str, tuple[str, str]]:
    contracts = json.loads(record.read_text())["contracts"]
    return {role: (entry["address"], entry["code_hash"]) for role, entry in contracts.items()}


def test_deploy__dry_run_on_a_fork__is_what_then_happens(live: Anvil, deploy) -> None:
    """The fork and the chain end with the same contracts at the same addresses; the dry run leaves the chain alone."""
    chain = live.chain()
    block = chain.block
    with anvil(fork=live.url) as fork:
        said, dry = deploy("ethereum:mainnet-fork:foundry", "mainnet-fork", APE_FOUNDRY_HOST=fork.url)
    assert "the timelock owns every contract" in said
    assert chain.block == block

    said, record = deploy("ethereum:mainnet:node", "mainnet")

    assert "the timelock owns every contract" in said
    assert addresses(record) == addresses(dry)
    protocol = Protocol.attach(chain, record)
    assert protocol.is_handed_over
    assert protocol.vault.treasury(protocol.pool_account).cash > 0
    after = chain.block
    said, _ = deploy("ethereum:mainnet:node", "mainnet")
    assert "verified" in said
    assert chain.block == after
    deploy("ethereum:mainnet:node", "mainnet", "--verify-only")
