"""The commands of traders, lenders and keepers, run as a user runs them, one after the other on one chain."""

from __future__ import annotations

import re

from eth_account import Account as Keys

from ballast.chain.web3 import Web3Chain

from .conftest import KEY


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

    assert "7: short 2 ETH" in said and "fixed_weights" in said and "ballast_no_cut" in said


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
