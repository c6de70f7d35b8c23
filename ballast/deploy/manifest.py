"""The record of a deployment: `deployments/<network>.json`."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from eth_utils import keccak

FOLDER = Path(__file__).parents[2] / "deployments"


class DeploymentError(Exception):
    """A deployment is not where, or not what, its record says."""


@dataclass(frozen=True)
class Entry:
    """One contract of a deployment."""

    contract: str  # artefact's name
    address: str
    arguments: list[Any]  # of the constructor
    block: int
    code_hash: str  # keccak256 of the code on chain
    artefact_hash: str  # keccak256 of the deployment bytecode that was sent


@dataclass
class Manifest:
    """Contracts by role ("vault", "market.BTC"), on one chain. Kept in memory where `path` is None."""

    chain_id: int
    path: Path | None = None
    deployer: str = ""
    params: str = ""  # name of the parameters file
    contracts: dict[str, Entry] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path | str) -> Manifest:
        """Read a manifest; the error names what is wrong with the file."""
        path = Path(path)
        try:
            data = json.loads(path.read_text())
            contracts = {role: Entry(**entry) for role, entry in data["contracts"].items()}
            return cls(int(data["chain_id"]), path, data["deployer"], data["params"], contracts)
        except FileNotFoundError:
            raise DeploymentError(f"{path}: no such deployment; run `ape run deploy` first") from None
        except json.JSONDecodeError as error:
            raise DeploymentError(f"{path}:{error.lineno}: not JSON: {error.msg}") from None
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DeploymentError(f"{path}: not a deployment manifest: {error}") from None

    @classmethod
    def open(cls, path: Path | None, chain_id: int) -> Manifest:
        """The manifest at `path` if there is one, else an empty one that will be written there."""
        return cls.load(path) if path is not None and path.exists() else cls(chain_id, path)

    def record(self, role: str, entry: Entry) -> None:
        """Add a contract and save at once, so that an interrupted deployment can go on."""
        self.contracts[role] = entry
        self.save()

    def save(self) -> None:
        if self.path is None:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        data = {
            "chain_id": self.chain_id,
            "deployer": self.deployer,
            "params": self.params,
            "contracts": {role: asdict(entry) for role, entry in self.contracts.items()},
        }
        self.path.write_text(json.dumps(data, indent=2) + "\n")

    def address(self, role: str) -> str:
        try:
            return self.contracts[role].address
        except KeyError:
            raise DeploymentError(f"{self.path or 'deployment'}: holds no {role!r}") from None

    def markets(self) -> list[str]:
        """Names of the markets, in order of their ids."""
        return [role.removeprefix("market.") for role in self.contracts if role.startswith("market.")]


def code_hash(code: bytes) -> str:
    """keccak256 of code, as it is recorded."""
    return "0x" + keccak(code).hex()
