"""The commands of owner and guardian, run as a user runs them; and how bad input ends."""

from __future__ import annotations

from ballast import params
from ballast.chain.anvil import anvil
from ballast.chain.web3 import Web3Chain


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
