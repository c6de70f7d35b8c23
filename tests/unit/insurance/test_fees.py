"""A share of every trading fee is the fund's from the trade on, and cash of its account once somebody asks."""

from __future__ import annotations

from collections.abc import Callable

from ballast.deploy import Protocol
from ballast.params import WAD


def test_net_assets__fee_not_collected__counts_at_once(
    protocol: Protocol, account: int, open_book: Callable[..., None], stranger: str
) -> None:
    """BDT-5: who collects, and when, changes no price: nobody can buy shares ahead of it."""
    vault, fund = protocol.vault, protocol.insurance_fund
    before = fund.net_assets()
    open_book(account, "ETH", 10 * WAD, 20_000 * WAD)
    due = vault.insurance_due()
    assert fund.net_assets() == before + due > before
    price = fund.previewMint(WAD), fund.drawable(0)
    assert vault.collect_insurance(sender=stranger).event("InsuranceCollected").amount == due
    assert (vault.insurance_due(), vault.treasury(fund.ACCOUNT()).cash) == (0, before + due)
    assert (fund.previewMint(WAD), fund.drawable(0)) == price


def test_redeem__fee_not_collected__is_paid(
    protocol: Protocol, account: int, open_book: Callable[..., None], owner: str, trader: str
) -> None:
    """The last to leave takes what was due with him."""
    vault, fund = protocol.vault, protocol.insurance_fund
    protocol.mint(trader, 1_000 * WAD, owner)
    protocol.token.approve(fund.address, 2**256 - 1, sender=trader)
    fund.deposit(1_000 * 10**6, trader, sender=trader)
    open_book(account, "ETH", 10 * WAD, 20_000 * WAD)
    worth, held = fund.convertToAssets(fund.balanceOf(trader)), protocol.token.balanceOf(trader)
    fund.request_exit(fund.balanceOf(trader), sender=trader)
    protocol.chain.advance(fund.COOLDOWN())
    fund.redeem(fund.maxRedeem(trader), trader, trader, sender=trader)
    assert protocol.token.balanceOf(trader) == held + worth > held + 1_000 * 10**6
    assert vault.insurance_due() == 0
