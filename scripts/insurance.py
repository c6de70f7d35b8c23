"""Shares of the insurance."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import click
from ape.api import AccountAPI
from ape.cli import ConnectedProviderCommand, account_option

from ballast.cli import NUMBER, ballast_command, connect, manifest_option, mint_option, mint_to


@click.group()
def cli() -> None:
    """Insure, and leave again.

    The insurance earns a share of fees, interest and penalties, and pays first for what accounts cannot. Leaving takes
    a cooldown, during which shares still bear losses.
    """


@cli.command(cls=ConnectedProviderCommand)
@manifest_option
@ballast_command
def show(manifest: Path | None) -> None:
    """Say what the insurance holds, and what may be drawn from it today.

    ape run insurance show --network ethereum:local:foundry
    """
    ballast = connect(manifest)
    insurance = ballast.insurance
    click.echo(f"net assets ${insurance.net_assets:,.2f}, ${insurance.share_price:,.6f} a share")
    for name in (None, *ballast.protocol.markets):
        click.echo(f"{name or 'treasuries'}: ${insurance.drawable(name):,.2f} may be drawn today")


@cli.command(cls=ConnectedProviderCommand)
@account_option()
@manifest_option
@click.argument("amount", type=NUMBER)
@mint_option
@ballast_command
def enter(account: AccountAPI, manifest: Path | None, amount: Decimal, mint: bool) -> None:
    """Put AMOUNT US dollars in.

    ape run insurance enter 1000 --network ethereum:local:foundry --account TEST::1
    """
    ballast = connect(manifest)
    if mint:
        mint_to(ballast, account, amount)
    click.echo(f"{ballast.insurance.deposit(amount, account):,f} shares")


@cli.command(cls=ConnectedProviderCommand)
@account_option()
@manifest_option
@click.argument("shares", type=NUMBER)
@ballast_command
def request(account: AccountAPI, manifest: Path | None, shares: Decimal) -> None:
    """Begin the cooldown of SHARES.

    ape run insurance request 100 --network ethereum:local:foundry --account TEST::1
    """
    click.echo(str(connect(manifest).insurance.request_exit(shares, account)))


@cli.command(cls=ConnectedProviderCommand)
@account_option()
@manifest_option
@ballast_command
def stay(account: AccountAPI, manifest: Path | None) -> None:
    """Take all shares out of cooldown.

    ape run insurance stay --network ethereum:local:foundry --account TEST::1
    """
    connect(manifest).insurance.cancel_exit(account)


@cli.command(cls=ConnectedProviderCommand)
@account_option()
@manifest_option
@ballast_command
def leave(account: AccountAPI, manifest: Path | None) -> None:
    """Turn the shares whose cooldown is over into US dollars.

    ape run insurance leave --network ethereum:local:foundry --account TEST::1
    """
    click.echo(f"${connect(manifest).insurance.leave(account):,.2f}")
