"""Deployment: wired, verified, idempotent, resumable, and honest about manifests that lie."""

from __future__ import annotations

import json

import pytest

from ballast import params as params_
from ballast.chain import Reverted
from ballast.chain.abi import ROOT
from ballast.chain.revm import RevmChain
from ballast.deploy import DeploymentError, Manifest, Protocol
from ballast.deploy.settings import EXCHANGE, REBALANCER
from ballast.params import WAD

DEPLOYABLES = {path.stem for path in (ROOT / "contracts").glob("*.vy")}
SIZE_LIMIT = 22_000  # [bytes] 2,576 below EIP-170


class Counting(RevmChain):
    """Counts transactions, and can refuse to go on after some."""

    sent = 0
    limit = 10**9

    def _count(self):
        if self.sent == self.limit:
            raise ConnectionError("the node went away")
        self.sent += 1

    def send(self, *args, **kwargs):
        self._count()
        return super().send(*args, **kwargs)

    def create(self, *args, **kwargs):
        self._count()
        return super().create(*args, **kwargs)


@pytest.fixture
def fresh_chain():
    return Counting()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "deployments" / "local.json"


@pytest.fixture
def deployed(fresh_chain, params, path):
    return Protocol.deploy(fresh_chain, params, fresh_chain.accounts[0], path, "params/default.yaml")


def test_deploy__default_params__wires_roles_markets_and_pool(protocol, params):
    vault = protocol.vault

    assert vault.roles(protocol.exchange.address) == EXCHANGE
    assert vault.roles(protocol.rebalancer.address) == REBALANCER
    assert vault.pool_account() == protocol.pool_account
    assert [vault.market(id_)[0] for id_ in range(1, 5)] == [m.address for m in protocol.markets.values()]
    assert [market.ID() for market in protocol.markets.values()] == [1, 2, 3, 4]
    assert vault.treasury(protocol.pool_account).cash == params.pool.funding
    assert protocol.token.balanceOf(vault.address) == protocol.to_raw(params.pool.funding)
    for name, id_ in protocol.market_ids.items():
        assert protocol.oracle.quote(id_).price == params.markets[name].feed.price
    assert protocol.verify(params) == []


def test_deploy__collateral__has_its_cap_feed_and_haircuts(protocol, params):
    vault, model = protocol.vault, protocol.collateral_model

    assert vault.collateral_count() == 3
    for index, (name, token) in enumerate(params.collateral.items()):
        held = vault.collateral(index)
        assert (held.token, held.decimals) == (protocol.collateral[name].address, token.decimals)
        assert (held.cap, held.total) == (token.cap, 0)
        assert model.config(index).ltv == token.ltv
    assert [model.config(index).feed_id for index in range(3)] == [2, 1, 130]
    assert protocol.oracle.quote(130).price == params.collateral["EURC"].feed.price


def test_verify__other_haircuts__are_found(protocol, params):
    token = params.collateral["WETH"].model_copy(update={"ltv": WAD // 2, "cap": WAD})
    changed = params.model_copy(update={"collateral": params.collateral | {"WETH": token}})

    assert protocol.verify(changed) == [
        "vault.collateral_cap(WETH) is not as it should be",
        "collateral_model.config(WETH) is not as it should be",
    ]


def test_deploy__twice__sends_nothing(deployed, fresh_chain, params, path):
    before, manifest = fresh_chain.sent, path.read_text()

    again = Protocol.deploy(fresh_chain, params, fresh_chain.accounts[0], path, "params/default.yaml")

    assert fresh_chain.sent == before
    assert path.read_text() == manifest
    assert again.vault == deployed.vault


@pytest.mark.parametrize("limit", [3, 11, 23, 30, 45])
def test_deploy__interrupted__goes_on_where_it_stopped(deployed, params, tmp_path, limit):
    whole, chain, path = deployed.chain.sent, Counting(), tmp_path / "interrupted.json"
    chain.limit = limit
    with pytest.raises(ConnectionError):
        Protocol.deploy(chain, params, chain.accounts[0], path)

    chain.limit = 10**9
    resumed = Protocol.deploy(chain, params, chain.accounts[0], path)

    assert resumed.verify(params) == []
    assert chain.sent - whole in (0, 1)  # at most one transaction was lost: mint before fund


def test_deploy__changed_setting__sends_only_that(deployed, fresh_chain, params, path, tmp_path):
    edited = tmp_path / "edited.yaml"
    edited.write_text(params_.DEFAULT.read_text().replace("execution_fee: 1 ", "execution_fee: 2 "))
    changed = params_.load(edited)
    assert deployed.verify(changed) == ["exchange.execution_fee is not as it should be"]
    before = fresh_chain.sent

    Protocol.deploy(fresh_chain, changed, fresh_chain.accounts[0], path)

    assert fresh_chain.sent == before + 1
    assert deployed.exchange.execution_fee() == 2 * WAD


def test_deploy__changed_constructor_argument__is_refused(deployed, fresh_chain, params, path, tmp_path):
    edited = tmp_path / "edited.yaml"
    edited.write_text(params_.DEFAULT.read_text().replace("pool_share: 70 %", "pool_share: 60 %"))

    with pytest.raises(DeploymentError, match="vault: deployed with"):
        Protocol.deploy(fresh_chain, params_.load(edited), fresh_chain.accounts[0], path)


def test_deploy__by_a_stranger_on_a_live_deployment__is_refused_by_the_contracts(
    deployed, fresh_chain, params, path, tmp_path
):
    edited = tmp_path / "edited.yaml"
    edited.write_text(params_.DEFAULT.read_text().replace("execution_fee: 1 ", "execution_fee: 2 "))

    with pytest.raises(Reverted, match="owner"):
        Protocol.deploy(fresh_chain, params_.load(edited), fresh_chain.accounts[9], path)

    assert deployed.exchange.execution_fee() == WAD


def test_manifest__written__holds_address_arguments_block_and_code_hash(deployed, path):
    data = json.loads(path.read_text())

    assert data["chain_id"] == 31_337
    assert data["params"] == "params/default.yaml"
    for role, entry in data["contracts"].items():
        assert entry["address"] == deployed.contracts[role].address
        assert entry["block"] >= 1
        assert len(entry["code_hash"]) == 66
    arguments = [deployed.token.address, 7 * WAD // 10, WAD // 10, deployed.outflow.address]
    assert data["contracts"]["vault"]["arguments"] == arguments


def test_verify__other_code_on_chain__is_found(deployed, path):
    data = json.loads(path.read_text())
    data["contracts"]["vault"]["address"] = deployed.oracle.address
    path.write_text(json.dumps(data))

    findings = Protocol.attach(deployed.chain, path).verify()

    assert findings == [f"vault: code at {deployed.oracle.address} is not what was deployed"]


def test_verify__role_taken_away__is_found(protocol, owner, params):
    protocol.vault.set_engine(protocol.rebalancer.address, 0, sender=owner)

    assert protocol.verify(params) == ["vault.roles(rebalancer) is not as it should be"]


def test_attach__other_chain__is_named(deployed, path):
    with pytest.raises(DeploymentError, match="describes chain 31337, connected to chain 1"):
        Protocol.attach(RevmChain(chain_id=1), path)


def test_attach__chain_started_anew__is_named(deployed, path):
    with pytest.raises(DeploymentError, match="started anew"):
        Protocol.attach(RevmChain(), path)


def test_load__no_manifest__says_what_to_do(tmp_path):
    with pytest.raises(DeploymentError, match="ape run deploy"):
        Manifest.load(tmp_path / "none.json")


@pytest.mark.parametrize("text", ["{", "[]", '{"chain_id": 1}', '{"chain_id": 1, "contracts": {"vault": {}}}'])
def test_load__damaged_manifest__is_named(tmp_path, text):
    path = tmp_path / "damaged.json"
    path.write_text(text)

    with pytest.raises(DeploymentError, match=r"damaged\.json"):
        Manifest.load(path)


@pytest.fixture
def given_addresses(deployed, params):
    """Parameters that name the token and the feeds of another deployment instead of mocks."""
    data = params.model_dump()
    data["settlement"] |= {"mock": False, "address": deployed.token.address}
    for name, market in data["markets"].items():
        market["feed"] |= {"mock": False, "address": deployed.feeds[name].address}
    for name, token in data["collateral"].items():
        token |= {"mock": False, "address": deployed.collateral[name].address}
        if token["feed"]:
            token["feed"] |= {"mock": False, "address": deployed.feeds[name].address}
    return params_.Params.model_validate(data)


def test_deploy__given_addresses__uses_the_token_and_feeds_that_exist(deployed, fresh_chain, given_addresses, params):
    owner = fresh_chain.accounts[0]
    deployed.mint(owner, params.pool.funding, owner)

    other = Protocol.deploy(fresh_chain, given_addresses, owner)

    assert other.token == deployed.token
    assert other.feeds == deployed.feeds
    assert other.collateral == deployed.collateral
    assert other.aggregators == {}
    assert other.vault != deployed.vault
    assert other.verify(given_addresses) == []
    assert other.vault.treasury(other.pool_account).cash == params.pool.funding


def test_deploy__owner_cannot_fund_the_pool__says_what_is_missing(deployed, fresh_chain, given_addresses):
    with pytest.raises(DeploymentError, match="the owner holds 0 units of the settlement token"):
        Protocol.deploy(fresh_chain, given_addresses, fresh_chain.accounts[0])


def test_deploy__no_contract_at_a_given_address__is_named(given_addresses):
    chain = RevmChain()

    with pytest.raises(DeploymentError, match="token: no contract at 0x"):
        Protocol.deploy(chain, given_addresses, chain.accounts[0])


@pytest.fixture
def guarded(tmp_path):
    """Parameters with second feeds and a sequencer."""
    text = params_.DEFAULT.read_text().replace("vault:\n", "oracle:\n  sequencer: {mock: true, grace: 1 h}\n\nvault:\n")
    second = "    second: {mock: true, decimals: 18, max_age: 65 min, max_deviation: 2 %}\n"
    path = tmp_path / "guarded.yaml"
    path.write_text(text.replace("\n    jump_duration: 10 min\n", "\n    jump_duration: 10 min\n" + second))
    return params_.load(path)


def test_deploy__second_feeds_and_sequencer__guard_every_market(fresh_chain, guarded, params):
    """What the file says of them is deployed, set and read back."""
    owner = fresh_chain.accounts[0]

    protocol = Protocol.deploy(fresh_chain, guarded, owner)

    assert protocol.verify(guarded) == []
    assert len(protocol.verify(params)) == 5  # without them: four feeds and the sequencer differ
    assert protocol.oracle.feed_config(2).second_feed == protocol.second_feeds["ETH"].address
    with pytest.raises(Reverted, match="sequencer"):  # it has only just come up
        protocol.oracle.quote(2)
    fresh_chain.advance(3_601)
    protocol.publish("ETH", 3_010 * WAD, owner)
    assert protocol.oracle.quote(2).price == 3_010 * WAD
    assert not protocol.oracle.quote(2).guarded
    fresh_chain.advance(12)
    protocol.aggregators["ETH"].publish(2_900 * 10**8, sender=owner)
    with pytest.raises(Reverted, match="oracle: feeds disagree"):
        protocol.oracle.quote(2)


def test_deploy__every_contract__leaves_room_below_eip_170(deployed):
    """§7.11: 22,000 bytes as deployed, immutables included, leave room to mend things."""
    sizes = {c.artifact.name: len(deployed.chain.code(c.address)) for c in deployed.contracts.values()}
    ours = {name: size for name, size in sizes.items() if name in DEPLOYABLES}
    assert set(ours) == DEPLOYABLES
    assert {name: size for name, size in ours.items() if not 0 < size <= SIZE_LIMIT} == {}
