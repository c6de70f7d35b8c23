"""A keeper, as a plain loop."""

from __future__ import annotations

from pathlib import Path

import click
from ape.api import AccountAPI
from ape.cli import ConnectedProviderCommand, account_option

from ballast.cli import ballast_command, connect, manifest_option
from ballast.keeper import Keeper, Work


@click.command(cls=ConnectedProviderCommand)
@account_option()
@manifest_option
@click.option("--once", is_flag=True, help="One pass, then stop.")
@click.option("--dry-run", is_flag=True, help="Say what would be done; send nothing.")
@click.option("--interval", type=float, default=5.0, show_default=True, help="Seconds between passes.")
@ballast_command
def cli(account: AccountAPI, manifest: Path | None, once: bool, dry_run: bool, interval: float) -> None:
    """Execute ripe orders and requests, scan all accounts, rebalance what is due, and earn the fees and rewards.

    It keeps no state: stop it at any time, run several.

    \b
    ape run keeper --network ethereum:local:foundry --account TEST::2 --once
    ape run keeper --network ethereum:mainnet-fork:foundry --account TEST::2 --dry-run
    """
    ballast = connect(manifest)
    keeper = Keeper(ballast.protocol, account, dry_run)
    if not (once or dry_run):
        keeper.run(interval)
    _print(keeper.run_once(), dry_run)
    if not dry_run:
        click.echo(f"claimable: ${ballast.claimable(account.address):,.2f}")


def _print(work: Work, dry_run: bool) -> None:
    click.echo("would have" if dry_run else "done:")
    click.echo(f"  scanned {work.accounts} accounts")
    for what in ("poked", "filled", "failed", "voided", "served", "rebalanced"):
        if done := getattr(work, what):
            click.echo(f"  {what} {', '.join(map(str, done))}")
