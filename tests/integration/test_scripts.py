"""The commands, run as a user runs them, against a node that Ape knows as mainnet and with a keyfile account."""

from __future__ import annotations

import json
import re

import pytest
from eth_account import Account as Keys

from ballast import params
from ballast.chain.web3 import Web3Chain

KEY, PASSPHRASE = "0x" + "5e" * 32, "not a secret"


@pytest.fixture(scope="module")
def deployer(node, ape):
    """A keyfile account with a little money; its alias."""
    folder = ape.data / "accounts"
    folder.mkdir()
    (folder / "deployer.json").write_text(json.dumps(Keys.encrypt(KEY, PASSPHRASE, iterations=2)))
    Web3Chain(node.url).rpc("anvil_setBalance", Keys.from_key(KEY).address, hex(10**21))
    return {"signer": "deployer", "APE_ACCOUNTS_deployer_PASSPHRASE": PASSPHRASE}


@pytest.fixture(scope="module")
def deployed(ape, deployer, manifest):
    return ape("deploy", **deployer), json.loads(manifest.read_text())


def test_deploy__keyfile_account__records_and_verifies(deployed):
    said, record = deployed

    assert "verified" in said
    assert "the timelock owns every contract" in said
    assert record["chain_id"] == 1
    assert record["deployer"] == Keys.from_key(KEY).address
    assert set(record["contracts"]) >= {"vault", "oracle", "pool", "exchange", "rebalancer", "lens", "market.ETH"}


def test_deploy__again__sends_nothing(ape, deployer, deployed, node):
    chain = Web3Chain(node.url)
    before = chain.block

    said = ape("deploy", **deployer)

    assert "verified" in said
    assert chain.block == before


def test_account_and_trade__as_a_user__ends_with_a_book(ape, deployer, deployed, node):
    chain = Web3Chain(node.url)

    assert "account 7" in ape("account", "open", **deployer)
    assert "$10,000.00" in ape("account", "deposit", "7", "10000", "--mint", **deployer)
    assert "order 1" in ape("trade", "commit", "--margin", "2000", "--", "7", "ETH", "-2", **deployer)
    two = ("trade", "commit", "7", "LINK", "10", "--margin", "100", "--leg", "SOL", "-2", "150")
    assert "+10 LINK" in ape(*two, **deployer)
    assert "order 1" in (waiting := ape("trade", "orders")) and "and -2 SOL" in waiting
    chain.advance(31)
    for market, price in (("ETH", "3000"), ("LINK", "15"), ("SOL", "150")):
        assert f"${int(price):,}" in ape("trade", "publish", market, price, **deployer)
    assert "filled 1, 2" in ape("keeper", "--once", signer="TEST::2")
    shown = ape("account", "show", "7")

    assert "-2" in shown
    assert "no keeper would act now" in shown
    assert "z_trigger            2.5" in ape("account", "policy", "7", "z_trigger=2.5", **deployer)
    assert "$7,248.00" in ape("account", "withdraw", "7", "500", **deployer)
    said = ape("account", "deposit", "7", "1.5", "--token", "WBTC", "--mint", **deployer)
    assert "$7,248.00 of cash, 1.5 WBTC" in said
    assert "request 1: $500.00 in, pending" in ape("pool", "enter", "500", **deployer)


def test_lab__account_of_the_chain__replayed_through_bars(ape, deployed, tmp_path):
    """The account of the test before: short two ether, as the lens reports it."""
    for name, price in (("BTC", 60_000), ("ETH", 3_000), ("SOL", 150), ("LINK", 15)):
        lines = [f"{1_700_006_400 + 60 * minute},{price},{price},{price},{price}" for minute in range(26 * 60)]
        (tmp_path / f"flat_{name}.csv").write_text("\n".join(["timestamp,open,high,low,close", *lines]) + "\n")

    said = ape("lab", "--account", "7", "--prices", str(tmp_path / "flat"))

    assert "account 7" in said and "fixed_weights" in said and "ballast_no_cut" in said


def test_credit_and_insurance__as_lender_and_borrower__ends_with_a_debt(ape, deployer, deployed):
    """Lend, insure, borrow against bitcoin, and see it."""
    assert "shares" in ape("credit", "enter", "50000", "--mint", **deployer)
    insured = re.search(r"([\d.]+) shares", ape("insurance", "enter", "1000", "--mint", **deployer))[1]
    account = re.search(r"account (\d+)", ape("account", "open", **deployer))[1]
    ape("account", "deposit", account, "1", "--token", "WBTC", "--mint", **deployer)
    assert "$20,000.00 of debt, 1 WBTC" in ape("account", "withdraw", account, "20000", **deployer)
    assert "lent $20,000.00" in ape("credit", "show")
    assert "idle $30,000.00" in ape("credit", "show")
    assert "paid $30,000.0" in (said := ape("credit", "leave", "50000", **deployer)) and "wait in line" in said
    assert "net assets $1,000." in ape("insurance", "show")
    assert "may leave from" in ape("insurance", "request", insured, **deployer)


def test_liquidator__unguarded_book_below_maintenance__started_bought_and_closed(ape, deployer, deployed, node):
    """A dry run sends nothing; an auction is opened, bid in once the discount is worth it, and what was bought is
    closed by an order; lenders who wait are paid."""
    chain = Web3Chain(node.url)
    bidder = re.search(r"account (\d+)", ape("account", "open", **deployer))[1]
    ape("account", "deposit", bidder, "20000", "--mint", **deployer)
    ape("account", "policy", "7", "enabled=no", **deployer)
    ape("credit", "enter", "20000", "--mint", **deployer)
    chain.advance(60)
    ape("trade", "publish", "ETH", "3850", **deployer)
    run = ("liquidator", "--bidder", bidder, "--once")

    before = chain.block
    said = ape(*run, "--dry-run", **deployer)
    assert "would have" in said and "started 7 ETH" in said
    assert chain.block == before

    said = ape(*run, **deployer)
    assert "started 7 ETH" in said
    assert "served 1" in said
    chain.advance(20 * 60)
    said = ape(*run, "--edge", "0", **deployer)
    assert "bought 7 ETH" in said
    assert "unwound ETH" in said
    said = ape("liquidator", "--bidder", "1", "--once", fails=True, **deployer)
    assert "may not trade and move margin for account 1" in said


def test_withdraw__too_much__is_refused_in_one_line(ape, deployer, deployed):
    said = ape("account", "withdraw", "1", "5", fails=True, **deployer)

    assert "refused: access: no right" in said
    assert "Traceback" not in said


def test_show__unknown_account__is_named(ape, deployed):
    said = ape("account", "show", "99", fails=True)

    assert "there is no account 99" in said
    assert "Traceback" not in said


def test_any__node_is_down__is_named(ape, deployed):
    said = ape("account", "show", "1", fails=True, url="http://127.0.0.1:9")

    assert "127.0.0.1:9" in said
    assert "Traceback" not in said


def test_any__wrong_chain__is_named(ape, deployed):
    from ballast.chain.anvil import anvil

    with anvil(chain_id=5) as other:
        said = ape("account", "show", "1", fails=True, url=other.url)

    assert "5" in said
    assert "Traceback" not in said


def test_deploy__wrong_params__names_file_and_line(ape, deployer, tmp_path):
    path = tmp_path / "wrong.yaml"
    path.write_text("settlement:\n  mock: maybe\n")

    said = ape("deploy", "--params", str(path), fails=True, **deployer)

    assert f"{path}:2: settlement.mock" in said.replace("\n", "")
    assert "Traceback" not in said


def test_timelock__changed_params__are_proposed_waited_for_and_set(ape, deployer, deployed, node, tmp_path):
    chain, changed, file = Web3Chain(node.url), tmp_path / "changed.yaml", str(tmp_path / "proposal.json")
    changed.write_text(params.DEFAULT.read_text().replace("execution_fee: 1 ", "execution_fee: 2 "))
    options = ("--params", str(changed))

    said = ape("timelock", "schedule", *options, "--file", file, **deployer)
    assert "exchange.set_execution_fee(execution_fee=2_000_000_000_000_000_000)" in said
    assert "waiting, ready from" in said
    chain.advance(2 * 86_400)
    assert "ready" in ape("timelock", "show", file)
    assert "done" in ape("timelock", "execute", file, signer="TEST::3")

    assert "verified" in ape("deploy", "--verify-only", *options, **deployer)


def test_guardian__halt__is_opened_by_proposal_only(ape, deployer, deployed, tmp_path):
    """X-GOV-04: one transaction, that market alone."""
    assert "ETH is halted" in ape("guardian", "halt", "ETH", **deployer)
    assert "only tightens" in ape("guardian", "reduce-only", "ETH", fails=True, **deployer)

    said = ape("timelock", "call", "market.ETH", "set_state", "0", "--file", str(tmp_path / "open.json"), **deployer)

    assert "market.ETH.set_state(state=0)" in said
    assert "waiting" in said
