"""Accounts: open, fund, guard, look at."""

from __future__ import annotations

from dataclasses import fields
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
from ape.api import AccountAPI
from ape.cli import ConnectedProviderCommand, account_option
from rich.console import Console
from rich.table import Table

from ballast import params as params_
from ballast.cli import NUMBER, ballast_command, connect, manifest_option, mint_option, mint_to
from ballast.client import Account, Ballast, Policy, Report

token_option = click.option("--token", help="Name of a collateral token; by default the settlement token.")


@click.group()
def cli() -> None:
    """Open an account, move money in and out, set its policy, and see how it stands.

    Every command takes --network and, where it sends something, --account: the Ape account that signs. On
    ethereum:local:foundry each command would start a node of its own and lose it: start one that stays, and name it.

    \b
    anvil --port 18545 &
    export APE_FOUNDRY_HOST=http://127.0.0.1:18545
    ape run deploy --network ethereum:local:foundry --account TEST::0
    """


@cli.command("open", cls=ConnectedProviderCommand)
@account_option()
@manifest_option
@click.option("--no-policy", is_flag=True, help="Leave the account unguarded: nobody will rebalance it.")
@click.option("--params", "params_file", type=click.Path(path_type=Path), default=params_.DEFAULT)
@ballast_command
def open_(account: AccountAPI, manifest: Path | None, no_policy: bool, params_file: Path) -> None:
    """Open an account of yours, guarded by the default policy of the parameters file.

    ape run account open --network ethereum:local:foundry --account TEST::1
    """
    opened = connect(manifest).open_account(account)
    if not no_policy:
        opened.set_policy(Policy.default(params_.load(params_file).policy), account)
    click.echo(f"account {opened.id}")


@cli.command(cls=ConnectedProviderCommand)
@account_option()
@manifest_option
@click.argument("id_", metavar="ID", type=int)
@click.argument("amount", type=NUMBER)
@token_option
@mint_option
@ballast_command
def deposit(
    account: AccountAPI, manifest: Path | None, id_: int, amount: Decimal, token: str | None, mint: bool
) -> None:
    """Pay AMOUNT US dollars of the settlement token, or units of a collateral token, into account ID.

    \b
    ape run account deposit 2 10000 --network ethereum:local:foundry --account TEST::1
    ape run account deposit 2 1.5 --token WETH --network ethereum:local:foundry --account TEST::1
    """
    ballast = connect(manifest)
    target = ballast.account(id_)
    if token is not None:
        ballast.collateral(token)
    if mint:
        mint_to(ballast, account, amount, token)
    target.deposit(amount, account, token)
    _print_treasury(target)


@cli.command(cls=ConnectedProviderCommand)
@account_option()
@manifest_option
@click.argument("id_", metavar="ID", type=int)
@click.argument("amount", type=NUMBER)
@token_option
@click.option("--receiver", help="Who gets the money; by default the signer.")
@ballast_command
def withdraw(
    account: AccountAPI, manifest: Path | None, id_: int, amount: Decimal, token: str | None, receiver: str | None
) -> None:
    """Take AMOUNT US dollars of free cash, or units of a collateral token, out of account ID.

    ape run account withdraw 2 500 --network ethereum:local:foundry --account TEST::1
    """
    target = connect(manifest).account(id_)
    target.withdraw(amount, account, receiver, token)
    _print_treasury(target)


@cli.command(cls=ConnectedProviderCommand)
@account_option()
@manifest_option
@click.argument("id_", metavar="ID", type=int)
@click.argument("new_owner")
@ballast_command
def transfer(account: AccountAPI, manifest: Path | None, id_: int, new_owner: str) -> None:
    """Offer account ID to the address NEW_OWNER, who has it once he accepts.

    ape run account transfer 2 0x… --network ethereum:local:foundry --account TEST::1
    """
    connect(manifest).account(id_).transfer(new_owner, account)
    click.echo(f"account {id_} is offered to {new_owner}")


@cli.command(cls=ConnectedProviderCommand)
@account_option()
@manifest_option
@click.argument("id_", metavar="ID", type=int)
@ballast_command
def accept(account: AccountAPI, manifest: Path | None, id_: int) -> None:
    """Take over account ID that was offered to you. Nobody who could act for it before can any more.

    ape run account accept 2 --network ethereum:local:foundry --account TEST::2
    """
    connect(manifest).account(id_).accept(account)
    click.echo(f"account {id_} is yours")


@cli.command(cls=ConnectedProviderCommand)
@account_option()
@manifest_option
@click.argument("id_", metavar="ID", type=int)
@click.argument("changes", metavar="[FIELD=VALUE]...", nargs=-1)
@ballast_command
def policy(account: AccountAPI, manifest: Path | None, id_: int, changes: tuple[str, ...]) -> None:
    """Show the policy of account ID, or change fields of it.

    Values are written as in a parameters file. no_fund and no_tap take names of markets, joined by commas.

    \b
    ape run account policy 2 --network ethereum:local:foundry --account TEST::1
    ape run account policy 2 z_trigger=2.5 containment="30 %" no_tap=BTC,ETH --network … --account TEST::1
    """
    ballast = connect(manifest)
    target = ballast.account(id_)
    current = target.policy
    if changes:
        current = current.but(**dict(_change(ballast, change) for change in changes))
        target.set_policy(current, account)
    for field in fields(current):
        click.echo(f"{field.name:20} {_shown(ballast, getattr(current, field.name))}")


@cli.command(cls=ConnectedProviderCommand)
@account_option()
@manifest_option
@click.argument("id_", metavar="ID", type=int)
@click.argument("source")
@click.argument("target")
@click.argument("amount", type=NUMBER)
@ballast_command
def move(account: AccountAPI, manifest: Path | None, id_: int, source: str, target: str, amount: Decimal) -> None:
    """Move AMOUNT of margin of account ID from SOURCE to TARGET: names of markets, or "cash".

    ape run account move 2 cash ETH 500 --network ethereum:local:foundry --account TEST::1
    """
    ends = [None if end == "cash" else end for end in (source, target)]
    connect(manifest).account(id_).transfer_margin(ends[0], ends[1], amount, account)
    click.echo(f"moved {_usd(amount)} from {source} to {target}")


@cli.command(cls=ConnectedProviderCommand)
@manifest_option
@click.argument("id_", metavar="ID", type=int)
@ballast_command
def show(manifest: Path | None, id_: int) -> None:
    """Show account ID: its money, its books, and what the engine would do with it now.

    ape run account show 2 --network ethereum:local:foundry
    """
    target = connect(manifest).account(id_)
    _print_treasury(target)
    _print(target.report())


def _change(ballast: Ballast, change: str) -> tuple[str, Any]:
    name, found, text = change.partition("=")
    if not found:
        raise click.BadArgumentUsage(f"{change!r}: expected FIELD=VALUE")
    if name in ("enabled", "allow_borrow"):
        if text not in ("yes", "no"):
            raise click.BadArgumentUsage(f"{change!r}: expected yes or no")
        return name, text == "yes"
    if name == "cooldown":
        return name, timedelta(seconds=params_.parse_seconds(text))
    if name in ("no_fund", "no_tap"):
        return name, frozenset(ballast.market_id(market) for market in text.split(",") if market)
    return name, Decimal(params_.parse_rate(text.removeprefix("$"))) / 10**18


def _shown(ballast: Ballast, value: Any) -> str:
    if isinstance(value, frozenset):
        return ", ".join(ballast.protocol.market_names[id_] for id_ in sorted(value)) or "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _print_treasury(account: Account) -> None:
    """Cash and collateral, one line."""
    held = [f"{amount:f} {name}" for name, amount in account.collateral.items()]
    click.echo(f"account {account.id}: {', '.join([_cash(account), *held])}")


def _cash(account: Account) -> str:
    """What it has, or owes."""
    treasury = account.treasury
    return f"{_usd(treasury.debt)} of debt" if treasury.debt else f"{_usd(treasury.cash)} of cash"


def _usd(amount: Decimal) -> str:
    return f"${amount:,.2f}"


def _print(report: Report) -> None:
    console, treasury = Console(), report.treasury
    console.print(f"account {report.account} of {report.owner}: equity {_usd(report.equity)}")
    console.print(f"free cash {_usd(report.withdrawable)}")
    console.print(f"behind open orders {_usd(treasury.escrow)}")
    if treasury.debt:
        console.print(f"debt {_usd(treasury.debt)}")
    table = Table("book", "size", "price", "liquidated at", "equity", "maintenance", "leverage", "z")
    for book in report.books:
        if book.frozen:
            table.add_row(book.market, f"{book.size:f}", *["frozen"] * 6)
            continue
        table.add_row(
            book.market,
            f"{book.size:f}",
            _usd(book.price),
            _usd(book.liquidation_price),
            _usd(book.equity),
            _usd(book.maintenance),
            f"{book.leverage:.1f}",
            f"{book.z:.2f}",
        )
    console.print(table)
    console.print("a keeper would act now" if report.due else f"no keeper would act now: {report.reason}")
    for market, amount in report.transfers.items() if report.due else ():
        console.print(f"  {market}: {'+' if amount > 0 else '−'}{_usd(abs(amount))}")
    for market, fraction in report.cuts.items() if report.due else ():
        console.print(f"  {market}: cut by {fraction:.1%}")
