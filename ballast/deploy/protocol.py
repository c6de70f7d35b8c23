"""The one class that deploys the protocol: for tests, fuzzing, scripts, bots and the demo alike."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from ballast.chain import Chain, Contract, Sender, address_of
from ballast.chain.abi import artifact
from ballast.deploy.deployment import Deployment
from ballast.deploy.manifest import DeploymentError, Manifest, code_hash
from ballast.deploy.settings import Setting, settings
from ballast.params import WAD, Params


class Protocol:
    """Handles on a deployment.

    Usage::

        protocol = Protocol.deploy(chain, params.load(), owner)       # or Protocol.attach(chain, Manifest.load(path))
        protocol.vault.open_account(trader, sender=trader)
        protocol.markets["ETH"].book(1)
    """

    def __init__(self, chain: Chain, manifest: Manifest) -> None:
        self.chain = chain
        self.manifest = manifest

    @classmethod
    def deploy(
        cls, chain: Chain, params: Params, owner: Sender, manifest: Manifest | Path | None = None, name: str = ""
    ) -> Protocol:
        """Deploy what the manifest does not hold yet and set what differs from `params`; a second run sends nothing."""
        if not isinstance(manifest, Manifest):
            manifest = Manifest.open(manifest, chain.chain_id)
        _require_chain(chain, manifest)
        manifest.deployer = manifest.deployer or address_of(owner)  # of the first run: constructors have named him
        manifest.params = name or manifest.params
        protocol = cls(chain, manifest)
        Deployment(protocol, params, owner).run()
        return protocol

    @classmethod
    def attach(cls, chain: Chain, manifest: Manifest | Path) -> Protocol:
        """The deployment that a manifest describes."""
        if not isinstance(manifest, Manifest):
            manifest = Manifest.load(manifest)
        _require_chain(chain, manifest)
        if not chain.code(manifest.address("vault")):
            raise DeploymentError(
                f"{manifest.path}: no contract at {manifest.address('vault')} on chain {chain.chain_id}: "
                "it was started anew, or is another one (a local node that stays: see `ape run account --help`)"
            )
        return cls(chain, manifest)

    # Contracts

    def _contract(self, role: str) -> Contract:
        entry = self.manifest.contracts.get(role)
        if entry is None:
            raise DeploymentError(f"{self.manifest.path or 'deployment'}: holds no {role!r}")
        return self.chain.at(entry.contract, entry.address)

    @cached_property
    def token(self) -> Contract:
        """The settlement token."""
        return self._contract("token")

    @cached_property
    def vault(self) -> Contract:
        return self._contract("vault")

    @cached_property
    def outflow(self) -> Contract:
        return self._contract("outflow")

    @cached_property
    def oracle(self) -> Contract:
        return self._contract("oracle")

    @cached_property
    def collateral_model(self) -> Contract:
        return self._contract("collateral_model")

    @cached_property
    def pool(self) -> Contract:
        return self._contract("pool")

    @cached_property
    def insurance_fund(self) -> Contract:
        return self._contract("insurance_fund")

    @cached_property
    def credit_pool(self) -> Contract:
        return self._contract("credit_pool")

    @cached_property
    def exchange(self) -> Contract:
        return self._contract("exchange")

    @cached_property
    def planner(self) -> Contract:
        return self._contract("planner")

    @cached_property
    def rebalancer(self) -> Contract:
        return self._contract("rebalancer")

    @cached_property
    def liquidator(self) -> Contract:
        return self._contract("liquidator")

    @cached_property
    def collateral_auctions(self) -> Contract:
        return self._contract("collateral_auctions")

    @cached_property
    def deficits(self) -> Contract:
        return self._contract("deficits")

    @cached_property
    def risk_model(self) -> Contract:
        return self._contract("risk_model")

    @cached_property
    def lens(self) -> Contract:
        return self._contract("lens")

    @cached_property
    def timelock(self) -> Contract:
        return self._contract("timelock")

    @cached_property
    def markets(self) -> dict[str, Contract]:
        """Markets by name, in order of their ids."""
        return {name: self._contract(f"market.{name}") for name in self.manifest.markets()}

    @cached_property
    def market_ids(self) -> dict[str, int]:
        """Ids of markets, and so of their feeds, by name."""
        return {name: index for index, name in enumerate(self.markets, 1)}

    @cached_property
    def market_names(self) -> dict[int, str]:
        """Names of markets by id."""
        return {index: name for name, index in self.market_ids.items()}

    def _by_name(self, kind: str) -> dict[str, Contract]:
        roles = (role for role in self.manifest.contracts if role.startswith(f"{kind}."))
        return {role.partition(".")[2]: self._contract(role) for role in roles}

    @cached_property
    def feeds(self) -> dict[str, Contract]:
        """Feed proxies by market."""
        return self._by_name("feed")

    @cached_property
    def second_feeds(self) -> dict[str, Contract]:
        """Proxies of the second feeds by market, where there are any."""
        return self._by_name("second_feed")

    @cached_property
    def aggregators(self) -> dict[str, Contract]:
        """Mock aggregators by market, where the feed is a mock."""
        return self._by_name("aggregator")

    @cached_property
    def second_aggregators(self) -> dict[str, Contract]:
        """Mock aggregators of the second feeds."""
        return self._by_name("second_aggregator")

    @cached_property
    def pool_account(self) -> int:
        """The pool's account id."""
        return int(self.pool.ACCOUNT())

    @cached_property
    def collateral(self) -> dict[str, Contract]:
        """Collateral tokens by name, in order of their indices in the vault."""
        return self._by_name("collateral")

    @cached_property
    def contracts(self) -> dict[str, Contract]:
        """All contracts by role."""
        return {role: self._contract(role) for role in self.manifest.contracts}

    @cached_property
    def owned(self) -> dict[str, Contract]:
        """The contracts that have an owner, by role."""
        return {role: each for role, each in self.contracts.items() if "transfer_ownership" in each.artifact.functions}

    # Powers

    def hand_over(self, sender: Sender) -> None:
        """Make the timelock the owner of all that the sender still owns: from here on, only proposals change it."""
        for contract in self.owned.values():
            if contract.owner() == address_of(sender):
                contract.transfer_ownership(self.timelock.address, sender=sender)

    @property
    def is_handed_over(self) -> bool:
        """Whether the timelock owns everything."""
        return all(contract.owner() == self.timelock.address for contract in self.owned.values())

    # Mock money and prices

    @cached_property
    def _token_unit(self) -> int:
        return 10 ** int(self.token.decimals())

    def to_raw(self, wad: int, collateral: str | None = None) -> int:
        """US dollars, or units of a collateral token [wad] → token units [raw], rounded down."""
        unit = self._token_unit if collateral is None else 10 ** int(self.collateral[collateral].decimals())
        return wad * unit // WAD

    def mint(self, receiver: Sender, wad: int, sender: Sender, collateral: str | None = None) -> int:
        """Mint that much [wad] of the settlement token, or of a collateral token, where it is a mock; token units."""
        amount = self.to_raw(wad, collateral)
        token = self.token if collateral is None else self.collateral[collateral]
        token.mint(address_of(receiver), amount, sender=sender)
        return amount

    def publish(self, market: str, price: int, sender: Sender) -> int:
        """Publish a round of a mock feed now [wad], first of its second one where there is one; the round's id."""
        for aggregator, scale in self._mock_feeds[market]:
            aggregator.publish(price // scale, sender=sender)
        return self.latest_round(market)

    def latest_round(self, market: str) -> int:
        """Proxy round id of a feed's latest round."""
        return int(self.feeds[market].latestRoundData()[0])

    @cached_property
    def _mock_feeds(self) -> dict[str, list[tuple[Contract, int]]]:
        """Mock aggregators by market, the second feed's before the first's, and what their units are in wads."""
        found = {name: [self.second_aggregators[name]] for name in self.second_aggregators}
        found = {name: [*found.get(name, []), first] for name, first in self.aggregators.items()}
        return {name: [(each, 10 ** (18 - int(each.decimals()))) for each in both] for name, both in found.items()}

    # Reading back

    def verify(self, params: Params | None = None) -> list[str]:
        """Compare the chain with the manifest, the compiled contracts and, where given, the parameters.

        One sentence per difference; none means all is as recorded.
        """
        findings = list(self._verify_code())
        if not findings:  # wiring of contracts that are not there would only repeat it
            findings += self._verify_powers()
            findings += [f"{setting.what} is not as it should be" for setting in self.differences(params)]
        return findings

    def _verify_powers(self) -> Iterator[str]:
        """Once one contract is the timelock's all must be, and nobody may stand above it."""
        timelock, owners = self.timelock, {role: str(contract.owner()) for role, contract in self.owned.items()}
        if timelock.address in owners.values():
            for role, owner in owners.items():
                if owner != timelock.address:
                    yield f"{role}: owned by {owner}, not by the timelock"
        if timelock.hasRole(timelock.DEFAULT_ADMIN_ROLE(), self.manifest.deployer):
            yield "timelock: the deployer administers it"

    def differences(self, params: Params | None = None) -> list[Setting]:
        """The settings that are not as the wiring and, where given, the parameters want them."""
        return [setting for setting in settings(self, params) if not setting.done]

    def _verify_code(self) -> Iterator[str]:
        for role, entry in self.manifest.contracts.items():
            code = self.chain.code(entry.address)
            if not code:
                yield f"{role}: no code at {entry.address}"
            elif code_hash(code) != entry.code_hash:
                yield f"{role}: code at {entry.address} is not what was deployed"
            elif entry.artefact_hash and entry.artefact_hash != code_hash(artifact(entry.contract).bytecode):
                yield f"{role}: deployed from other source than the compiled {entry.contract}"


def _require_chain(chain: Chain, manifest: Manifest) -> None:
    if manifest.chain_id != chain.chain_id:
        raise DeploymentError(
            f"{manifest.path}: describes chain {manifest.chain_id}, connected to chain {chain.chain_id}"
        )
