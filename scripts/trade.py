"""Orders against the pool."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import click
from ape.api import AccountAPI
from ape.cli import ConnectedProviderCommand, account_option

from ballast.cli import NUMBER, ballast_command, connect, manifest_option
from ballast.client import Order
from ballast.keeper import Keeper, Work


@click.group()
def cli() -> None:
    """Commit orders and execute them.

    An order is filled at the first price that each leg's feed publishes after a delay, by anyone, for the execution
    fee. It cannot be cancelled; if no price comes, it is voided and everything returns.
    """


@cli.command(cls=ConnectedProviderCommand)
@account_option()
@manifest_option
@click.argument("id_", metavar="ID", type=int)
@click.argument("market")
@click.argument("size", type=NUMBER)
@click.option("--margin", type=NUMBER, default="0", help="Cash to put into the book with the fill [USD].")
@click.option("--limit", type=NUMBER, help="Worst price; by default --slippage from the present one.")
@click.option("--slippage", type=NUMBER, default="0.01", help="As a fraction.", show_default=True)
@click.option(
    "--leg",
    "more",
    type=(str, NUMBER, NUMBER),
    metavar="MARKET SIZE MARGIN",
    multiple=True,
    help="One more leg, in another market; all are filled or none.",
)
@ballast_command
def commit(
    account: AccountAPI,
    manifest: Path | None,
    id_: int,
    market: str,
    size: Decimal,
    margin: Decimal,
    limit: Decimal | None,
    slippage: Decimal,
    more: tuple[tuple[str, Decimal, Decimal], ...],
) -> None:
    """Commit an order of account ID: SIZE units of MARKET, bought if positive. Put -- before a negative size.

    \b
    ape run trade commit 2 ETH 5 --margin 2000 --network ethereum:local:foundry --account TEST::1
    ape run trade commit --margin 2000 --network ethereum:local:foundry --account TEST::1 -- 2 ETH -5
    ape run trade commit 2 ETH 5 --margin 2000 --leg BTC -0.2 2000 --network ethereum:local:foundry --account TEST::1
    """
    target = connect(manifest).account(id_)
    legs = [target.leg(market, size, margin=margin, limit_price=limit, slippage=slippage)]
    legs += [target.leg(name, units, margin=cash, slippage=slippage) for name, units, cash in more]
    _print(target.commit_legs(*legs, sender=account))


@cli.command(cls=ConnectedProviderCommand)
@account_option()
@manifest_option
@click.argument("id_", metavar="ID", type=int)
@click.argument("markets", metavar="MARKET...", nargs=-1, required=True)
@click.option("--slippage", type=NUMBER, default="0.01", help="As a fraction.", show_default=True)
@ballast_command
def close(account: AccountAPI, manifest: Path | None, id_: int, markets: tuple[str, ...], slippage: Decimal) -> None:
    """Commit an order that closes the whole books of account ID in each MARKET, all of them at once or none.

    ape run trade close 2 ETH BTC --network ethereum:local:foundry --account TEST::1
    """
    _print(connect(manifest).account(id_).close(*markets, sender=account, slippage=slippage))


@cli.command(cls=ConnectedProviderCommand)
@manifest_option
@ballast_command
def orders(manifest: Path | None) -> None:
    """List the orders that wait.

    ape run trade orders --network ethereum:local:foundry
    """
    for order in connect(manifest).open_orders():
        _print(order)


@cli.command(cls=ConnectedProviderCommand)
@account_option()
@manifest_option
@ballast_command
def execute(account: AccountAPI, manifest: Path | None) -> None:
    """Execute every order whose price is there, for the execution fees.

    ape run trade execute --network ethereum:local:foundry --account TEST::2
    """
    work = Work()
    Keeper(connect(manifest).protocol, account).execute_orders(work)
    click.echo(f"filled {work.filled}, failed {work.failed}, voided {work.voided}")


@cli.command(cls=ConnectedProviderCommand)
@account_option()
@manifest_option
@click.argument("market")
@click.argument("price", type=NUMBER)
@ballast_command
def publish(account: AccountAPI, manifest: Path | None, market: str, price: Decimal) -> None:
    """Publish PRICE as a round of MARKET's feed, where the feed is a mock of yours.

    ape run trade publish ETH 2900 --network ethereum:local:foundry --account TEST::0
    """
    ballast = connect(manifest)
    ballast.market_id(market)
    if market not in ballast.protocol.aggregators:
        raise click.ClickException(f"the feed of {market} is no mock: nobody but its own oracle can publish")
    round_ = ballast.protocol.publish(market, int(price * 10**18), account)
    click.echo(f"{market}: ${price:,} in round {round_}")


def _print(order: Order) -> None:
    legs = " and ".join(f"{leg.size:+f} {leg.market} at ${leg.limit_price:,.2f} or better" for leg in order.legs)
    due = f"filled by the first round from {order.due:%Y-%m-%d %H:%M:%S} UTC"
    click.echo(f"order {order.id} of account {order.account}: {legs}, {due}")
