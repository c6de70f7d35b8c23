"""What the guardian can do at once: tighten. Loosening takes the timelock."""

from __future__ import annotations

from pathlib import Path

import click
from ape.api import AccountAPI
from ape.cli import ConnectedProviderCommand, account_option

from ballast.cli import ballast_command, connect, manifest_option
from ballast.client import State


@click.group()
def cli() -> None:
    """Close a market or switch a feed off, at once, one transaction each.

    Nothing here stops a deposit, a book from being reduced at a valid price, or free cash from leaving; no other market
    notices. Only a proposal to the timelock opens again.
    """


@cli.command("reduce-only", cls=ConnectedProviderCommand)
@account_option()
@manifest_option
@click.argument("market")
@ballast_command
def reduce_only(account: AccountAPI, manifest: Path | None, market: str) -> None:
    """Let nobody open or grow in MARKET.

    ape run guardian reduce-only ETH --network ethereum:mainnet:node --account guardian
    """
    _tighten(account, manifest, market, State.REDUCE_ONLY)


@cli.command(cls=ConnectedProviderCommand)
@account_option()
@manifest_option
@click.argument("market")
@ballast_command
def halt(account: AccountAPI, manifest: Path | None, market: str) -> None:
    """Let margin in MARKET stand still, too: none leaves, and the engine keeps out.

    ape run guardian halt ETH --network ethereum:mainnet:node --account guardian
    """
    _tighten(account, manifest, market, State.HALTED)


@cli.command("feed-off", cls=ConnectedProviderCommand)
@account_option()
@manifest_option
@click.argument("feed")
@ballast_command
def feed_off(account: AccountAPI, manifest: Path | None, feed: str) -> None:
    """Let nobody use the price of FEED: the name of a market. A market without a price is frozen.

    ape run guardian feed-off ETH --network ethereum:mainnet:node --account guardian
    """
    ballast = connect(manifest)
    ballast.protocol.oracle.set_feed_off(ballast.market_id(feed), True, sender=account)
    click.echo(f"the feed of {feed} is off")


def _tighten(account: AccountAPI, manifest: Path | None, market: str, state: State) -> None:
    ballast = connect(manifest)
    ballast.market_id(market)
    ballast.protocol.markets[market].set_state(int(state), sender=account)
    click.echo(f"{market} is {state.name.lower().replace('_', '-')}")
