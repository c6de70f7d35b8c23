"""Shares of the money that is lent."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import click
from ape.api import AccountAPI
from ape.cli import ConnectedProviderCommand, account_option

from ballast.cli import NUMBER, ballast_command, connect, manifest_option, mint_option, mint_to


@click.group()
def cli() -> None:
    """Lend, and leave again.

    What lenders put in is the only money that accounts can borrow, against collateral. Exits are paid at once as far
    as money is idle; what is lent waits in line, and while anybody waits nothing is lent.
    """


@cli.command(cls=ConnectedProviderCommand)
@manifest_option
@ballast_command
def show(manifest: Path | None) -> None:
    """Say what is lent, at which rate, and who waits.

    ape run credit show --network ethereum:local:foundry
    """
    credit = connect(manifest).credit
    click.echo(f"net assets ${credit.net_assets:,.2f}, ${credit.share_price:,.6f} a share")
    click.echo(f"lent ${credit.debt:,.2f} at {credit.borrow_rate:.2%} a year, idle ${credit.idle:,.2f}")
    click.echo(f"{credit.waiting} exits wait")


@cli.command(cls=ConnectedProviderCommand)
@account_option()
@manifest_option
@click.argument("amount", type=NUMBER)
@mint_option
@ballast_command
def enter(account: AccountAPI, manifest: Path | None, amount: Decimal, mint: bool) -> None:
    """Put AMOUNT US dollars in.

    ape run credit enter 1000 --network ethereum:local:foundry --account TEST::1
    """
    ballast = connect(manifest)
    if mint:
        mint_to(ballast, account, amount)
    click.echo(f"{ballast.credit.deposit(amount, account):,f} shares")


@cli.command(cls=ConnectedProviderCommand)
@account_option()
@manifest_option
@click.argument("shares", type=NUMBER)
@ballast_command
def leave(account: AccountAPI, manifest: Path | None, shares: Decimal) -> None:
    """Turn SHARES into US dollars, or put them in line.

    ape run credit leave 100 --network ethereum:local:foundry --account TEST::1
    """
    paid, waiting = connect(manifest).credit.leave(shares, account)
    click.echo(f"paid ${paid:,.2f}; {waiting:,f} shares wait in line")


@cli.command(cls=ConnectedProviderCommand)
@account_option()
@manifest_option
@ballast_command
def claim(account: AccountAPI, manifest: Path | None) -> None:
    """Take what served exits brought.

    ape run credit claim --network ethereum:local:foundry --account TEST::1
    """
    click.echo(f"${connect(manifest).credit.claim(account):,.2f}")
