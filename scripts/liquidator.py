"""A liquidator, as a plain loop."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import click
from ape.api import AccountAPI
from ape.cli import ConnectedProviderCommand, account_option

from ballast.cli import NUMBER, ballast_command, connect, manifest_option
from ballast.client import Right
from ballast.liquidator import EDGE, Liquidator, Work


@click.command(cls=ConnectedProviderCommand)
@account_option()
@manifest_option
@click.option("--bidder", type=int, required=True, help="Account of the vault that bids and holds what it buys.")
@click.option("--edge", type=NUMBER, default=EDGE, show_default=True, help="Least gain, as a share of what is bought.")
@click.option("--once", is_flag=True, help="One pass, then stop.")
@click.option("--dry-run", is_flag=True, help="Say what would be done; send nothing.")
@click.option("--interval", type=float, default=5.0, show_default=True, help="Seconds between passes.")
@ballast_command
def cli(
    account: AccountAPI, manifest: Path | None, bidder: int, edge: Decimal, once: bool, dry_run: bool, interval: float
) -> None:
    """Open auctions, bid in them, realise deficits, serve lenders who leave; and close again what was bought.

    What its own account can save is saved by the same call, and nothing is sold. It needs an account with cash, opened
    as any other; the signer owns it or may trade and move margin for it.

    \b
    ape run liquidator --network ethereum:local:foundry --account TEST::3 --bidder 9 --once
    ape run liquidator --network ethereum:mainnet-fork:foundry --account TEST::3 --bidder 9 --dry-run
    """
    ballast = connect(manifest)
    needed = int(Right.TRADE | Right.MARGIN)
    if not ballast.protocol.vault.authorised(ballast.account(bidder).id, account.address, needed):
        raise click.ClickException(f"{account.address} may not trade and move margin for account {bidder}")
    bot = Liquidator(ballast.protocol, account, bidder, dry_run, edge)
    if not (once or dry_run):
        bot.run(interval)
    _print(bot.run_once(), dry_run)


def _print(work: Work, dry_run: bool) -> None:
    click.echo("would have" if dry_run else "done:")
    for what, items in work.done.items():
        shown = (" ".join(map(str, item)) if isinstance(item, tuple) else str(item) for item in items)
        click.echo(f"  {what.replace('_', ' ')} {', '.join(shown)}")
