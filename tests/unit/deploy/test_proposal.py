"""After the handover: only proposals change anything, and what a parameters file changes is one proposal."""

from __future__ import annotations

import pytest

from ballast import params as params_
from ballast.chain import Reverted
from ballast.chain.revm import RevmChain
from ballast.deploy import DeploymentError, Proposal, Protocol, Setting, Stage
from ballast.params import WAD

EARLY = "timelock_controller: operation is not ready"
CHANGED = ["outflow.meter(ETH)", "outflow.meter(BTC)", "exchange.execution_fee"]


@pytest.fixture
def handed_over(protocol, owner):
    protocol.hand_over(owner)
    return protocol


@pytest.fixture
def changed(tmp_path):
    """Parameters with another execution fee and other meters."""
    path = tmp_path / "changed.yaml"
    text = params_.DEFAULT.read_text().replace("execution_fee: 1 ", "execution_fee: 2 ")
    path.write_text(text.replace("meter: 1_000_000", "meter: 500_000"))
    return params_.load(path)


@pytest.fixture
def proposal(handed_over, changed):
    return Proposal.of(handed_over, handed_over.differences(changed))


def test_hand_over__by_the_deployer__leaves_the_timelock_as_only_owner(protocol, owner, params):
    """GOV-1: every contract that has an owner has this one, and nobody administers it."""
    assert not protocol.is_handed_over

    protocol.hand_over(owner)

    assert protocol.is_handed_over
    assert {contract.owner() for contract in protocol.owned.values()} == {protocol.timelock.address}
    assert not protocol.timelock.hasRole(protocol.timelock.DEFAULT_ADMIN_ROLE(), owner)
    assert protocol.verify(params) == []
    with pytest.raises(Reverted, match="ownable: caller is not the owner"):
        protocol.outflow.set_meter(2, WAD, sender=owner)


def test_hand_over__one_contract_forgotten__is_found(protocol, owner, params):
    *others, forgotten = protocol.owned.items()
    for _, contract in others:
        contract.transfer_ownership(protocol.timelock.address, sender=owner)

    assert protocol.verify(params) == [f"{forgotten[0]}: owned by {owner}, not by the timelock"]
    assert not protocol.is_handed_over


def test_hand_over__twice__changes_nothing(handed_over, owner):
    before = handed_over.chain.block

    handed_over.hand_over(owner)

    assert handed_over.chain.block == before


def test_deploy__after_the_handover__leaves_settings_to_the_timelock(handed_over, changed, owner):
    again = Protocol.deploy(handed_over.chain, changed, owner, handed_over.manifest)

    assert again.exchange.execution_fee() == WAD
    assert len(again.verify(changed)) == 5
    assert again.is_handed_over


def test_schedule__differences_of_a_file__are_set_once_the_delay_is_over(handed_over, changed, proposal, owner, keeper):
    """GOV-1: in public for the whole delay; then anyone executes it, at once or not at all."""
    assert proposal.stage(handed_over) == Stage.UNKNOWN

    proposal.schedule(handed_over, owner)
    assert proposal.stage(handed_over) == Stage.WAITING
    handed_over.chain.advance(int(handed_over.timelock.get_minimum_delay()) - 1)
    with pytest.raises(Reverted, match=EARLY):
        proposal.execute(handed_over, keeper)
    assert handed_over.exchange.execution_fee() == WAD
    handed_over.chain.advance(1)
    assert proposal.stage(handed_over) == Stage.READY
    proposal.execute(handed_over, keeper)

    assert proposal.stage(handed_over) == Stage.DONE
    assert handed_over.verify(changed) == []
    with pytest.raises(Reverted, match=EARLY):
        proposal.execute(handed_over, keeper)


def test_schedule__by_a_stranger__is_refused(handed_over, proposal, stranger):
    with pytest.raises(Reverted, match="account is missing role"):
        proposal.schedule(handed_over, stranger)

    assert proposal.stage(handed_over) == Stage.UNKNOWN


def test_schedule__too_short_a_delay__is_refused(handed_over, proposal, owner):
    with pytest.raises(Reverted, match="insufficient delay"):
        proposal.schedule(handed_over, owner, delay=1)


def test_cancel__waiting__can_never_be_executed(handed_over, proposal, owner, stranger):
    proposal.schedule(handed_over, owner)
    with pytest.raises(Reverted, match="account is missing role"):
        proposal.cancel(handed_over, stranger)

    proposal.cancel(handed_over, owner)

    handed_over.chain.advance(10**6)
    assert proposal.stage(handed_over) == Stage.UNKNOWN
    with pytest.raises(Reverted, match=EARLY):
        proposal.execute(handed_over, owner)


def test_execute__one_call_refused__sets_nothing(handed_over, changed, owner, keeper):
    """A batch is done whole or stays ready."""
    wrong = changed.markets["BTC"].model_copy(update={"meter": 2**255})
    broken = changed.model_copy(update={"markets": changed.markets | {"BTC": wrong}})
    proposal = Proposal.of(handed_over, handed_over.differences(broken))
    proposal.schedule(handed_over, owner)
    handed_over.chain.advance(10**6)

    with pytest.raises(Reverted, match="parameter out of bounds"):
        proposal.execute(handed_over, keeper)

    assert proposal.stage(handed_over) == Stage.READY
    assert handed_over.exchange.execution_fee() == WAD


def test_describe__any__tells_what_would_be_sent(handed_over, proposal):
    lines = list(proposal.describe(handed_over))

    assert f"exchange.set_execution_fee(execution_fee={2 * WAD:_})" in lines
    assert f"outflow.set_meter(market=2, capacity={500_000 * WAD:_})" in lines
    assert len(lines) == 5


def test_load__saved__is_the_same(proposal, tmp_path):
    path = tmp_path / "proposals" / "one.json"

    proposal.save(path)

    assert Proposal.load(path) == proposal


@pytest.mark.parametrize("text", ["{", "[]", '{"calls": [{"to": 1}]}'])
def test_load__damaged__is_named(tmp_path, text):
    path = tmp_path / "damaged.json"
    path.write_text(text)

    with pytest.raises(DeploymentError, match=r"damaged\.json: not a proposal"):
        Proposal.load(path)


def test_schedule__for_another_timelock__is_refused(handed_over, proposal, owner):
    other = Proposal(1, proposal.timelock, proposal.calls, proposal.salt)

    with pytest.raises(DeploymentError, match="of chain 1"):
        other.schedule(handed_over, owner)


def test_schedule__new_market__opens_it_once_the_delay_is_over(params):
    """Anyone may deploy a market; only a proposal lets it in."""
    chain = RevmChain()
    owner, keeper = chain.accounts[:2]
    fewer = params.with_markets({name: params.markets[name] for name in ("BTC", "ETH")})
    protocol = Protocol.deploy(chain, fewer, owner)
    protocol.hand_over(owner)

    grown = Protocol.deploy(chain, params, owner, protocol.manifest)
    grown.hand_over(owner)
    assert grown.is_handed_over
    assert grown.vault.market_count() == 2
    proposal = Proposal.of(grown, grown.differences(params))
    proposal.schedule(grown, owner)
    chain.advance(params.governance.delay)
    for name in grown.markets:  # a feed that is set must have a price
        grown.publish(name, params.markets[name].feed.price, owner)
    proposal.execute(grown, keeper)

    assert grown.vault.market_count() == 4
    assert grown.verify(params) == []


def test_parse__call_as_people_write_it__is_proposed(handed_over, owner, keeper):
    """What the guardian closed opens by proposal."""
    market = handed_over.markets["ETH"]
    market.set_state(2, sender=owner)  # the guardian, who is no owner any more
    proposal = Proposal.of(handed_over, [Setting.parse("market.ETH", market, "set_state", ["0"])])
    assert list(proposal.describe(handed_over)) == ["market.ETH.set_state(state=0)"]
    proposal.schedule(handed_over, owner)
    handed_over.chain.advance(10**6)

    proposal.execute(handed_over, keeper)

    assert market.state() == 0


@pytest.mark.parametrize(
    ("function", "arguments", "complaint"),
    [
        ("set_guardian", ["me"], "expected address, got 'me'"),
        ("set_collateral_cap", ["2", "much"], "expected uint256, got 'much'"),
        ("set_collateral_cap", ["2"], "no function 'set_collateral_cap' that takes 1 arguments"),
        ("owner", [], "no function 'owner'"),
    ],
)
def test_parse__nonsense__is_named(protocol, function, arguments, complaint):
    with pytest.raises(ValueError, match=complaint):
        Setting.parse("vault", protocol.vault, function, arguments)
