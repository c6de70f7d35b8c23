"""docs/parameters.md knows every field of a parameters file, and its default."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, get_args

import pytest
import yaml
from pydantic import BaseModel

from ballast.chain.abi import ROOT, artifact
from ballast.params import DEFAULT, CollateralParams, MarketParams, Params, parse_amount, parse_rate, parse_seconds
from tests.static.sources import DEPLOYABLES, MODULES

ROW = re.compile(r"^\| `([\w.*]+)` \| ([^|]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
ROWS = {name: cells for name, *cells in ROW.findall((ROOT / "docs" / "parameters.md").read_text())}
SOURCES = {"mock", "address", "decimals", "name", "symbol"}  # of tokens and feeds, told in the introduction
ABSENT = "–"
CONSTANT = re.compile(r"^\| `(\w+)\.([A-Z_]+)` \| ([^|]+) \|", re.MULTILINE)
CONSTANTS = CONSTANT.findall((ROOT / "docs" / "parameters.md").read_text())
SOURCE = re.compile(r"^([A-Z_]+): (?:public\()?constant\(uint256\)\)? = ([\w.* ]+?)\s*(?:#|$)", re.MULTILINE)


def leaves(section: type[BaseModel], at: str = "") -> Iterator[str]:
    """Dotted names of the fields of a section."""
    for name, field in section.model_fields.items():
        types = (field.annotation, *get_args(field.annotation))
        inner = next((type_ for type_ in types if isinstance(type_, type) and issubclass(type_, BaseModel)), None)
        if name in SOURCES or name in ("markets", "collateral", "settlement"):
            continue
        yield from leaves(inner, f"{at}{name}.") if inner else [at + name]


def fields() -> set[str]:
    collateral = {f"collateral.*.{name}" for name in leaves(CollateralParams) if not name.startswith("feed.")}
    whole = {name for name in leaves(Params) if not name.startswith("pool.policy.")} | {"pool.policy"}
    return whole | {*leaves(MarketParams), *collateral}


def default(name: str) -> Any:
    """What the default file says, as it is written there; None where it says nothing."""
    value = yaml.load(DEFAULT.read_text(), Loader=yaml.BaseLoader)
    path = name.split(".")
    value = value[path[0]] if path[0] in value else value["market_defaults"].get(path[0])
    for part in path[1:] if path[0] != "meter" else []:
        value = value.get(part) if isinstance(value, dict) else None
    return value


def test_page__every_field__has_a_row() -> None:
    assert fields() == set(ROWS)


@pytest.mark.parametrize("name", sorted(ROWS))
def test_page__every_default__is_the_files(name: str) -> None:
    said = ROWS[name][1]
    if said not in ("by market", "as `policy`, but") and not name.startswith("collateral."):
        written = default(name)
        shown = f"[{', '.join(written)}]" if isinstance(written, list) else written
        assert said == (ABSENT if shown is None else shown)


def constant(contract: str, name: str) -> int:
    """Its value in the source: of the contract, of the module that it takes it from, or that it exports it from."""
    sources = {path.stem: dict(SOURCE.findall(path.read_text())) for path in (*DEPLOYABLES, *MODULES)}
    exported = (module.stem for module in MODULES if name in sources[module.stem])
    found = sources[contract].get(name) or sources[next(exported)][name]
    if "." in found:
        module, name = found.split(".")
        found = sources[module][name]
    return int(eval(found, {}))  # products and powers of numbers


@pytest.mark.parametrize(("contract", "name", "said"), CONSTANTS, ids=lambda text: text.replace(" ", ""))
def test_page__every_constant__is_the_sources(contract: str, name: str, said: str) -> None:
    """What no parameter changes can be read on chain, and is what the page says."""
    assert name in artifact(contract).functions
    parse = parse_seconds if re.search("[a-z]", said) else parse_rate if "%" in said else parse_amount
    assert parse(said) == constant(contract, name)
