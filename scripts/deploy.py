"""Deploy the protocol from a parameters file, or bring a deployment up to date with it."""

from __future__ import annotations

from pathlib import Path

import click
from ape.api import AccountAPI
from ape.cli import ConnectedProviderCommand, account_option

from ballast import params as params_
from ballast.chain.ape import ApeChain
from ballast.cli import ballast_command, manifest_option, manifest_to_write
from ballast.deploy import Protocol


@click.command(cls=ConnectedProviderCommand)
@account_option()
@click.option(
    "--params",
    "params_file",
    type=click.Path(dir_okay=False, path_type=Path),
    default=params_.DEFAULT,
    help="Parameters file.",
)
@manifest_option
@click.option("--keep-ownership", is_flag=True, help="Stay the owner: to look at a deployment that nobody uses yet.")
@click.option("--verify-only", is_flag=True, help="Send nothing; say how chain, record and parameters differ.")
@ballast_command
def cli(account: AccountAPI, params_file: Path, manifest: Path | None, keep_ownership: bool, verify_only: bool) -> None:
    """Deploy the whole protocol, wire it, hand it over to its timelock, and verify it by reading the chain back.

    What is deployed is recorded in deployments/<network>.json after every contract: run the command again to go on
    after an interruption. A run that finds nothing to do sends nothing. What the parameters file changes later is set
    by a proposal: ape run timelock schedule --help

    \b
    ape run deploy --network ethereum:local:foundry --account TEST::0
    ape run deploy --network ethereum:mainnet:node --account deployer --params params/mainnet.yaml
    """
    params, chain = params_.load(params_file), ApeChain()
    record = manifest_to_write(manifest, chain)
    if verify_only:
        protocol = Protocol.attach(chain, record)
    else:
        protocol = Protocol.deploy(chain, params, account, record, params_file.name)
        if not keep_ownership:
            protocol.hand_over(account)
        click.echo(f"{len(record.contracts)} contracts on chain {chain.chain_id}, recorded in {record.path}")

    findings = protocol.verify(params)
    for finding in findings:
        click.echo(finding, err=True)
    if findings:
        raise click.ClickException(f"{len(findings)} differences")
    owner = "the timelock" if protocol.is_handed_over else "its deployer"
    click.echo(f"verified: code, wiring and parameters are as recorded; {owner} owns every contract")
