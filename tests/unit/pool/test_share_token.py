from __future__ import annotations

import pytest
from eth_utils import function_signature_to_4byte_selector as selector

from ballast.chain import Reverted
from ballast.chain.abi import artifact
from ballast.deploy import Protocol
from tests.unit.pool.shares import USDC, WAD, Shareholders

# The functions of each interface; its ERC-165 id is the exclusive or of their selectors
INTERFACES = {
    0x01FFC9A7: ("supportsInterface(bytes4)",),
    0xE3BC4E65: ("setOperator(address,bool)", "isOperator(address,address)"),
    0xCE3BBE50: (
        "requestDeposit(uint256,address,address)",
        "pendingDepositRequest(uint256,address)",
        "claimableDepositRequest(uint256,address)",
        "deposit(uint256,address,address)",
        "mint(uint256,address,address)",
    ),
    0x620EE8E4: (
        "requestRedeem(uint256,address,address)",
        "pendingRedeemRequest(uint256,address)",
        "claimableRedeemRequest(uint256,address)",
    ),
    0x2F0A18C5: (
        "asset()",
        "share()",
        "convertToShares(uint256)",
        "convertToAssets(uint256)",
        "totalAssets()",
        "maxDeposit(address)",
        "previewDeposit(uint256)",
        "deposit(uint256,address)",
        "maxMint(address)",
        "previewMint(uint256)",
        "mint(uint256,address)",
        "maxWithdraw(address)",
        "previewWithdraw(uint256)",
        "withdraw(uint256,address,address)",
        "maxRedeem(address)",
        "previewRedeem(uint256)",
        "redeem(uint256,address,address)",
    ),
}


@pytest.mark.parametrize("id_", INTERFACES, ids=hex)
def test_supports_interface__each__is_what_the_pool_has(protocol: Protocol, id_: int) -> None:
    combined = 0
    for signature in INTERFACES[id_]:
        combined ^= int.from_bytes(selector(signature), "big")
    assert combined == id_
    assert protocol.pool.supportsInterface(id_.to_bytes(4, "big"))
    abi = artifact("LiquidityPool").abi
    offered = {
        f"{entry['name']}({','.join(kind['type'] for kind in entry['inputs'])})"
        for entry in abi
        if entry["type"] == "function"
    }
    assert set(INTERFACES[id_]) <= offered


def test_supports_interface__another__is_denied(protocol: Protocol) -> None:
    assert not protocol.pool.supportsInterface(b"\xff" * 4)


def test_preview__any__reverts(protocol: Protocol) -> None:
    pool = protocol.pool
    for preview in (pool.previewDeposit, pool.previewMint, pool.previewWithdraw, pool.previewRedeem):
        with pytest.raises(Reverted) as refusal:
            preview(1)
        assert refusal.value.reason == "pool: by request only"


def test_share__token__is_the_pool_and_asset_the_settlement_token(protocol: Protocol) -> None:
    assert protocol.pool.share() == protocol.pool.address
    assert protocol.pool.asset() == protocol.token.address


def test_shares__nobody__mints_or_burns_them(protocol: Protocol) -> None:
    """AUT-1: the module's minter is not exported; `mint` is a claim."""
    names = {entry["name"] for entry in artifact("LiquidityPool").abi if entry["type"] == "function"}
    assert not names & {"burn", "burn_from", "set_minter", "is_minter", "renounce_ownership"}


def test_convert__at_the_present_price__rounds_down(
    protocol: Protocol, holders: Shareholders, short_pool: None
) -> None:
    """RND-1, RND-2: there and back never gains."""
    pool = protocol.pool
    net, supply = pool.net_assets().present, pool.totalSupply()
    assert pool.totalAssets() == net // 10**12
    for amount in (1, 7, USDC + 1, 10**12 + 1):
        shares = pool.convertToShares(amount)
        assert shares == amount * 10**12 * (supply + 10**12) // (net + 10**12)
        assert pool.convertToAssets(shares) <= amount


def test_revenue__fees_of_trades__accrue_to_the_price(
    protocol: Protocol, holders: Shareholders, account: int, open_book: object
) -> None:
    """§4: what the pool earns is its shares'."""
    before = protocol.pool.convertToAssets(10**24)
    open_book(account, "ETH", 10 * WAD, 6_000 * WAD)  # type: ignore[operator]
    assert protocol.pool.convertToAssets(10**24) > before
