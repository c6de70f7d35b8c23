"""Shares of the liquidity pool."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import click
from ape.api import AccountAPI
from ape.cli import ConnectedProviderCommand, account_option

from ballast.cli import NUMBER, ballast_command, connect, manifest_option, mint_option, mint_to


@click.group()
def cli() -> None:
    """Enter the pool and leave it.

    Both are requests: an hour later, anyone executes them, at the worst of three prices, so that nobody enters or
    leaves on what he knows before the feeds. There is no way to cancel; what a request brought is claimed.
    """


@cli.command(cls=ConnectedProviderCommand)
@manifest_option
@ballast_command
def show(manifest: Path | None) -> None:
    """Say what the pool is worth, and which requests wait.

    ape run pool show --network ethereum:local:foundry
    """
    pool = connect(manifest).pool
    click.echo(f"net assets ${pool.net_assets:,.2f}, ${pool.share_price:,.6f} a share")
    for request in pool.pending():
        click.echo(f"{request}, of {request.controller}")


@cli.command(cls=ConnectedProviderCommand)
@account_option()
@manifest_option
@click.argument("amount", type=NUMBER)
@mint_option
@ballast_command
def enter(account: AccountAPI, manifest: Path | None, amount: Decimal, mint: bool) -> None:
    """Ask for shares for AMOUNT US dollars.

    ape run pool enter 1000 --network ethereum:local:foundry --account TEST::1
    """
    ballast = connect(manifest)
    if mint:
        mint_to(ballast, account, amount)
    click.echo(str(ballast.pool.request_deposit(amount, account)))


@cli.command(cls=ConnectedProviderCommand)
@account_option()
@manifest_option
@click.argument("shares", type=NUMBER)
@ballast_command
def leave(account: AccountAPI, manifest: Path | None, shares: Decimal) -> None:
    """Ask for US dollars for SHARES.

    ape run pool leave 100 --network ethereum:local:foundry --account TEST::1
    """
    click.echo(str(connect(manifest).pool.request_redeem(shares, account)))


@cli.command(cls=ConnectedProviderCommand)
@account_option()
@manifest_option
@ballast_command
def claim(account: AccountAPI, manifest: Path | None) -> None:
    """Take what executed requests brought.

    ape run pool claim --network ethereum:local:foundry --account TEST::1
    """
    shares, dollars = connect(manifest).pool.claim(account)
    click.echo(f"{shares:,f} shares, ${dollars:,.2f}")
