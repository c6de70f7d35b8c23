"""Contract artifacts and the translation between Python values and ABI bytes.

Structs come back as named tuples; they go in as dict, tuple, dataclass or anything else with the fields' names.
"""

from __future__ import annotations

import json
from collections import namedtuple
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from eth_abi.codec import ABICodec
from eth_abi.registry import registry
from eth_utils import keccak, to_checksum_address

ROOT = Path(__file__).resolve().parents[2]
MANIFEST = ROOT / ".build" / "__local__.json"

_CODEC = ABICodec(registry)
_SIGN = 1 << 255
_ERROR_STRING = keccak(text="Error(string)")[:4]

Translation = Callable[[Any], Any]
Reader = Callable[[Iterator[int]], Any]  # takes the words of a value, says what callers read

checksum: Callable[[Any], str] = cache(to_checksum_address)


class MissingArtifact(LookupError):
    """The contract is unknown to the compiled project."""


def type_string(parameter: Mapping[str, Any]) -> str:
    """The canonical ABI type of a parameter: `(uint256,address)[8]` for an array of structs."""
    kind = parameter["type"]
    if not kind.startswith("tuple"):
        return str(kind)
    return "(" + ",".join(map(type_string, parameter["components"])) + ")" + kind[len("tuple") :]


@cache
def _record(fields: tuple[str, ...]) -> type:
    return namedtuple("Struct", fields, rename=True)  # type: ignore[misc]  # one class per set of fields


def _element(parameter: Mapping[str, Any]) -> dict[str, Any]:
    """The parameter that an array parameter repeats."""
    return {**parameter, "type": parameter["type"][: parameter["type"].rindex("[")]}


def _plainer(parameter: Mapping[str, Any]) -> Translation | None:
    """From what callers write to what the codec encodes; None where they are the same."""
    kind = parameter["type"]
    if kind.endswith("]"):
        return _each(_plainer(_element(parameter)))
    if kind == "tuple":
        names = [component["name"] for component in parameter["components"]]
        parts = [_plainer(component) for component in parameter["components"]]
        return lambda value: _translate(parts, _fields(value, names))
    return _address_of if kind == "address" else None


def _dresser(parameter: Mapping[str, Any]) -> Translation | None:
    """From what the codec decodes to what callers read; None where they are the same."""
    kind = parameter["type"]
    if kind.endswith("]"):
        return _each(_dresser(_element(parameter))) or list
    if kind == "tuple":
        record = _record(tuple(component["name"] for component in parameter["components"]))
        parts = [_dresser(component) for component in parameter["components"]]
        return lambda values: record(*_translate(parts, values))
    return checksum if kind == "address" else None


def _reader(parameter: Mapping[str, Any]) -> Reader | None:
    """What the codec and `_dresser` make of a value of fixed length, several times as fast; None for other values. An
    OverflowError where the codec would refuse."""
    kind = parameter["type"]
    if kind.endswith("]"):
        length, element = kind[kind.rindex("[") + 1 : -1], _reader(_element(parameter))
        return _repeated(element, int(length)) if length and element else None
    if kind == "tuple":
        record = _record(tuple(component["name"] for component in parameter["components"]))
        parts = [part for component in parameter["components"] if (part := _reader(component))]
        if len(parts) < len(parameter["components"]):
            return None
        return lambda words: record(*[part(words) for part in parts])
    return _word_reader(kind)


def _repeated(element: Reader, count: int) -> Reader:
    return lambda words: [element(words) for _ in range(count)]


def _word_reader(kind: str) -> Reader | None:
    """The reader of a type that is one word."""
    if kind in ("uint256", "int256"):
        return next if kind == "uint256" else lambda words: (next(words) ^ _SIGN) - _SIGN
    if kind == "bool":
        return lambda words: bool(_below(next(words), 2))
    if kind == "address":
        return lambda words: checksum(f"0x{_below(next(words), 1 << 160):040x}")
    if kind.startswith("uint"):
        end = 1 << int(kind.removeprefix("uint"))
        return lambda words: _below(next(words), end)
    return (lambda words: next(words).to_bytes(32, "big")) if kind == "bytes32" else None


def _below(word: int, end: int) -> int:
    if word >= end:
        raise OverflowError(f"{word} is not below {end}")
    return word


def _each(translation: Translation | None) -> Translation | None:
    if translation is None:
        return None
    return lambda values: [translation(value) for value in values]


def _translate(parts: Sequence[Translation | None], values: Sequence[Any]) -> list[Any]:
    return [part(value) if part else value for part, value in zip(parts, values, strict=True)]


def _address_of(value: Any) -> Any:
    return getattr(value, "address", value)


def _fields(value: Any, names: list[str]) -> list[Any]:
    """A struct's fields in order, from whatever carries them."""
    if isinstance(value, Mapping):
        if unknown := set(value) - set(names):
            raise TypeError(f"no such field: {', '.join(sorted(unknown))}; expected {', '.join(names)}")
        if missing := set(names) - set(value):
            raise TypeError(f"missing field: {', '.join(sorted(missing))}")
        return [value[name] for name in names]
    if isinstance(value, (tuple, list)):
        if len(value) != len(names):
            raise TypeError(f"{len(value)} fields given, expected {', '.join(names)}")
        return list(value)
    return [getattr(value, name) for name in names]


class Parameters:
    """An ordered list of ABI parameters that can be encoded and decoded."""

    def __init__(self, parameters: Sequence[Mapping[str, Any]]) -> None:
        self.names = [parameter.get("name", "") for parameter in parameters]
        self.types = [type_string(parameter) for parameter in parameters]
        self._plainers = [_plainer(parameter) for parameter in parameters]
        self._dressers = [_dresser(parameter) for parameter in parameters]
        self._readers = [_reader(parameter) for parameter in parameters]
        if self.types:  # the codec knows no empty tuple
            signature = "(" + ",".join(self.types) + ")"
            self._encode = registry.get_encoder(signature)
            self._decode = registry.get_decoder(signature)

    def __len__(self) -> int:
        return len(self.types)

    def encode(self, values: Sequence[Any]) -> bytes:
        """ABI bytes of one value per parameter."""
        if len(values) != len(self):
            raise TypeError(f"{len(values)} arguments given, expected ({', '.join(self.names)})")
        if not values:
            return b""
        return bytes(self._encode(_translate(self._plainers, values)))

    def decode(self, data: bytes) -> list[Any]:
        """One value per parameter."""
        if not self.types:
            return []
        if None not in self._readers:
            words = iter([int.from_bytes(data[i : i + 32], "big") for i in range(0, len(data) - 31, 32)])
            with suppress(OverflowError, StopIteration):  # the codec says what is wrong
                return [reader(words) for reader in self._readers if reader]
        values = self._decode(_CODEC.stream_class(data))
        return _translate(self._dressers, values)


class Function:
    """One signature of a contract function. Vyper writes one per number of arguments where there are defaults."""

    def __init__(self, entry: Mapping[str, Any]) -> None:
        self.name: str = entry["name"]
        self.inputs = Parameters(entry["inputs"])
        self.outputs = Parameters(entry["outputs"])
        self.is_view: bool = entry["stateMutability"] in ("view", "pure")
        self.signature = f"{self.name}({','.join(self.inputs.types)})"
        self.selector = keccak(text=self.signature)[:4]

    def encode(self, args: Sequence[Any]) -> bytes:
        """Calldata."""
        try:
            return self.selector + self.inputs.encode(args)
        except TypeError as error:
            raise TypeError(f"{self.name}: {error}") from None

    def decode(self, data: bytes) -> Any:
        """The returned value; a tuple where there are several, None where there is none."""
        values = self.outputs.decode(data)
        return values[0] if len(values) == 1 else tuple(values) or None


class EventType:
    """One event signature."""

    def __init__(self, entry: Mapping[str, Any]) -> None:
        self.name: str = entry["name"]
        self.names = [parameter["name"] for parameter in entry["inputs"]]
        self._indexed = [(p["name"], Parameters([p])) for p in entry["inputs"] if p["indexed"]]
        self._plain = Parameters([p for p in entry["inputs"] if not p["indexed"]])
        self.topic = keccak(text=f"{self.name}({','.join(map(type_string, entry['inputs']))})")
        self.key = (self.topic, 1 + len(self._indexed))

    def decode(self, topics: Sequence[bytes], data: bytes) -> dict[str, Any]:
        """The event's arguments by name, in the order of the declaration."""
        found = dict(zip(self._plain.names, self._plain.decode(data), strict=True))
        for (name, parameter), topic in zip(self._indexed, topics[1:], strict=True):
            found[name] = parameter.decode(topic)[0]
        return {name: found[name] for name in self.names}


@dataclass(frozen=True)
class Artifact:
    """A compiled contract."""

    name: str
    abi: list[dict[str, Any]]
    bytecode: bytes  # creation code without constructor arguments
    runtime: bytes  # without immutables, which the constructor appends

    @cached_property
    def constructor(self) -> Parameters:
        """The constructor's parameters."""
        return Parameters(next((entry["inputs"] for entry in self.abi if entry["type"] == "constructor"), []))

    @cached_property
    def functions(self) -> dict[str, dict[int, Function]]:
        """Functions by name and number of arguments."""
        found: dict[str, dict[int, Function]] = {}
        for entry in self.abi:
            if entry["type"] == "function":
                found.setdefault(entry["name"], {})[len(entry["inputs"])] = Function(entry)
        return found


@cache
def artifacts() -> dict[str, Artifact]:
    """Every compiled contract of the project, by name."""
    if not MANIFEST.exists():
        raise MissingArtifact(f"{MANIFEST} does not exist: compile first (`make compile`)")
    types = json.loads(MANIFEST.read_text()).get("contractTypes", {})

    def code(entry: Mapping[str, Any], kind: str) -> bytes:
        return bytes.fromhex(entry.get(kind, {}).get("bytecode", "0x").removeprefix("0x"))

    return {
        name: Artifact(name, entry["abi"], code(entry, "deploymentBytecode"), code(entry, "runtimeBytecode"))
        for name, entry in types.items()
    }


def artifact(name: str) -> Artifact:
    """The compiled contract of that name."""
    found = artifacts().get(name)
    if found is None:
        raise MissingArtifact(f"no compiled contract {name!r}: known are {', '.join(sorted(artifacts()))}")
    return found


@cache
def event_types() -> dict[tuple[bytes, int], EventType]:
    """Every event of the project, by topic and number of topics."""
    entries = (entry for each in artifacts().values() for entry in each.abi if entry["type"] == "event")
    return {event.key: event for event in map(EventType, entries)}


def revert_reason(data: bytes) -> str:
    """The string a contract reverted with, or "" where it gave none."""
    if data[:4] != _ERROR_STRING:
        return ""
    return str(_CODEC.decode(["string"], data[4:])[0])
