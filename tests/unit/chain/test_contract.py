from __future__ import annotations

import pytest

from ballast.chain import Chain, Contract, Reverted, address_of
from ballast.chain.abi import MissingArtifact

MINTED = 1_000


def test_view__several_types__decoded(chain: Chain, token: Contract) -> None:
    """A single value comes unwrapped, addresses with their checksum."""
    assert (token.name(), token.symbol(), token.decimals()) == ("Dollar", "USD", 6)
    assert token.owner() == address_of(chain.accounts[0])


def test_view__several_values__tuple(chain: Chain) -> None:
    feed = chain.deploy("MockAggregator", 8, "BTC / USD", sender=chain.accounts[0])
    feed.publish(-5, sender=chain.accounts[0])
    assert feed.latestRoundData() == (1, -5, chain.timestamp, chain.timestamp, 1)


def test_transaction__succeeds__receipt(chain: Chain, token: Contract) -> None:
    """Gas, time, events and what the function returned."""
    owner, trader = chain.accounts[:2]
    token.mint(owner, MINTED, sender=owner)
    receipt = token.transfer(trader, 400, sender=owner)
    assert receipt.returned is True
    assert 21_000 < receipt.gas_used < 100_000
    assert (receipt.timestamp, receipt.block) == (chain.timestamp, chain.block)
    event = receipt.event("Transfer")
    assert (event.sender, event.receiver, event.value) == (address_of(owner), address_of(trader), 400)
    assert event.args == {"sender": event.sender, "receiver": event.receiver, "value": 400}
    assert event.address == token.address
    assert (token.balanceOf(owner), token.balanceOf(trader)) == (MINTED - 400, 400)


def test_transaction__refused__reason_and_no_effect(chain: Chain, token: Contract) -> None:
    owner, stranger = chain.accounts[:2]
    before = token.balanceOf(owner)
    with pytest.raises(Reverted, match="token: not the owner") as caught:
        token.mint(owner, MINTED, sender=stranger)
    assert caught.value.reason == "token: not the owner"
    assert token.balanceOf(owner) == before


def test_transaction__fails_without_words__empty_reason(chain: Chain, token: Contract) -> None:
    owner = chain.accounts[0]
    token.mint(owner, 1, sender=owner)
    with pytest.raises(Reverted) as caught:
        token.mint(owner, 2**256 - 1, sender=owner)  # the supply overflows
    assert caught.value.reason == ""


def test_transaction__too_little_gas__reverted(chain: Chain, token: Contract) -> None:
    with pytest.raises(Reverted) as caught:
        token.mint(chain.accounts[0], MINTED, sender=chain.accounts[0], gas=25_000)
    assert caught.value.reason == ""


def test_transaction__no_sender__type_error(token: Contract) -> None:
    with pytest.raises(TypeError, match="needs a sender"):
        token.mint(token.address, 1)


def test_call__transaction__answer_without_effect(chain: Chain, token: Contract) -> None:
    owner, trader = chain.accounts[:2]
    token.mint(owner, MINTED, sender=owner)
    assert token.transfer.call(trader, 1, sender=owner) is True
    assert (token.balanceOf(owner), token.balanceOf(trader)) == (MINTED, 0)


def test_at__deployed_before__same_contract(chain: Chain, token: Contract) -> None:
    assert chain.at("MockToken", token.address.lower()) == token


def test_code__deployed__ends_with_immutables(chain: Chain) -> None:
    """The code read back is the compiled runtime with the immutables behind it."""
    feed = chain.deploy("MockAggregator", 8, "BTC / USD", sender=chain.accounts[0])
    code, runtime = chain.code(feed.address), feed.artifact.runtime
    assert code.startswith(runtime)
    owner = bytes.fromhex(address_of(chain.accounts[0])[2:])
    assert code[len(runtime) :] == owner.rjust(32, b"\0") + (8).to_bytes(32, "big")
    assert chain.code(chain.accounts[0]) == b""


def test_deploy__unknown_name__names_the_known(chain: Chain) -> None:
    with pytest.raises(MissingArtifact, match="MockToken"):
        chain.deploy("Nonsense", sender=chain.accounts[0])


def test_attribute__unknown__names_the_contract(token: Contract) -> None:
    with pytest.raises(AttributeError, match="MockToken has no function 'nonsense'"):
        token.nonsense()
