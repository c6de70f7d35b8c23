from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest

from ballast.chain import NodeError
from ballast.chain.anvil import Anvil, anvil
from ballast.chain.web3 import Web3Chain


@pytest.fixture(scope="module")
def node() -> Iterator[Anvil]:
    with anvil(chain_id=1) as node:
        yield node


def test_anvil__leaves_the_block__process_is_gone() -> None:
    with anvil() as node:
        assert Web3Chain(node.url).chain_id == 31_337
    with pytest.raises(ProcessLookupError):
        os.kill(node.pid, 0)


def test_chain__first_block__calls_see_its_time() -> None:
    with anvil(timestamp=1_700_000_000) as node:
        returns_timestamp = "0x4260005260206000f3"
        chain = node.chain()
        assert int(chain.rpc("eth_call", {"data": returns_timestamp}, "latest"), 16) == chain.timestamp == 1_700_000_000


def test_anvil__two_at_once__ports_of_their_own(node: Anvil) -> None:
    with anvil() as other:
        assert other.url != node.url


def test_anvil__fork__upstream_unchanged(node: Anvil) -> None:
    upstream = node.chain()
    owner = upstream.accounts[0]
    token = upstream.deploy("MockToken", "Dollar", "USD", 6, sender=owner)
    with anvil(fork=node.url) as fork:
        chain = fork.chain()
        assert chain.chain_id == 1
        forked = chain.at("MockToken", token.address)
        forked.mint(owner, 5, sender=owner)
        assert (forked.totalSupply(), token.totalSupply()) == (5, 0)


def test_impersonate__stranger__can_send(node: Anvil) -> None:
    chain = node.chain()
    stranger = chain.impersonate("0x" + "77" * 20)
    token = chain.deploy("MockToken", "Dollar", "USD", 6, sender=stranger)
    assert token.owner() == stranger


def test_connect__nobody_answers__one_line_names_the_node() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(NodeError, match=f"^no node answers at {url}"):
        Web3Chain(url)


def test_connect__wrong_chain__named(node: Anvil) -> None:
    with pytest.raises(NodeError, match=r"is on chain 1, expected 10$"):
        Web3Chain(node.url, chain_id=10)


def test_rpc__unknown_method__refusal_names_it(node: Anvil) -> None:
    with pytest.raises(NodeError, match="refused eth_nonsense"):
        node.chain().rpc("eth_nonsense")
