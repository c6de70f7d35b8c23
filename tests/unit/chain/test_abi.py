from __future__ import annotations

from dataclasses import dataclass

import pytest
from eth_abi.exceptions import DecodingError, InsufficientDataBytes

from ballast.chain.abi import EventType, Function, Parameters, revert_reason, type_string

POINT = {
    "name": "point",
    "type": "tuple",
    "components": [{"name": "x", "type": "uint256"}, {"name": "owner", "type": "address"}],
}
PATH = {**POINT, "name": "path", "type": "tuple[]"}
OWNER = "0x" + "11" * 20


@dataclass
class Point:
    x: int
    owner: object


class Account:
    address = OWNER


@pytest.mark.parametrize(
    "value", [(7, OWNER), {"owner": OWNER, "x": 7}, Point(7, OWNER), Point(7, Account()), [7, Account()]]
)
def test_encode__struct_in_any_form__same_bytes(value: object) -> None:
    parameters = Parameters([POINT])
    assert parameters.encode([value]) == (7).to_bytes(32, "big") + bytes.fromhex(OWNER[2:]).rjust(32, b"\0")


def test_decode__nested_structs__named_fields() -> None:
    nested = Parameters([{"name": "", "type": "tuple", "components": [POINT, PATH]}])
    data = nested.encode([{"point": (1, OWNER), "path": [(2, OWNER), (3, OWNER)]}])
    (value,) = nested.decode(data)
    assert value.point.x == 1
    assert [point.x for point in value.path] == [2, 3]
    assert nested.encode([value]) == data


STATIC = [
    {"name": "amount", "type": "int256"},
    {"name": "points", "type": "tuple[2]", "components": POINT["components"]},
    {"name": "pair", "type": "uint256[2]"},
    {"name": "flag", "type": "bool"},
    {"name": "round", "type": "uint80"},
    {"name": "hash", "type": "bytes32"},
]
EDGES = (0, 1, 2, 2**80 - 1, 2**80, 2**160 - 1, 2**160, 2**255 - 1, 2**255, 2**256 - 1)


@pytest.mark.parametrize("place", range(10))
@pytest.mark.parametrize("word", EDGES)
def test_decode__any_word_in_any_place__as_the_codec_reads_it(place: int, word: int) -> None:
    """What is read without the codec is what it would say, its refusals included."""
    parameters = Parameters(STATIC)
    words = [1] * 10
    words[place] = word
    data = b"".join(each.to_bytes(32, "big") for each in words)
    codec = Parameters(STATIC)
    codec._readers = [None]
    try:
        expected = codec.decode(data)
    except DecodingError as refusal:
        with pytest.raises(type(refusal)):
            parameters.decode(data)
    else:
        assert parameters.decode(data) == expected
        assert parameters.encode(parameters.decode(data)) == data


def test_decode__too_short__refused() -> None:
    with pytest.raises(InsufficientDataBytes):
        Parameters(STATIC).decode(bytes(9 * 32))
    with pytest.raises(InsufficientDataBytes):
        Parameters(STATIC).decode(bytes(10 * 32 - 1))


def test_encode__wrong_fields__named() -> None:
    parameters = Parameters([POINT])
    with pytest.raises(TypeError, match="no such field: y"):
        parameters.encode([{"x": 1, "y": 2, "owner": OWNER}])
    with pytest.raises(TypeError, match="missing field: owner"):
        parameters.encode([{"x": 1}])
    with pytest.raises(TypeError, match="expected x, owner"):
        parameters.encode([(1,)])


def test_type_string__array_of_structs__canonical() -> None:
    assert type_string({**POINT, "type": "tuple[8]"}) == "(uint256,address)[8]"


def test_function__known__selector_and_result() -> None:
    function = Function(
        {
            "name": "transfer",
            "stateMutability": "nonpayable",
            "inputs": [{"name": "receiver", "type": "address"}, {"name": "amount", "type": "uint256"}],
            "outputs": [],
        }
    )
    assert function.selector.hex() == "a9059cbb"
    assert function.decode(b"") is None
    with pytest.raises(TypeError, match="transfer: 1 arguments given"):
        function.encode([OWNER])


def test_event__indexed_between_plain__order_of_the_declaration() -> None:
    event = EventType(
        {
            "name": "Moved",
            "inputs": [
                {"name": "a", "type": "uint256", "indexed": False},
                {"name": "b", "type": "int256", "indexed": True},
                {"name": "c", "type": "bool", "indexed": False},
            ],
        }
    )
    minus_one, one = b"\xff" * 32, (1).to_bytes(32, "big")
    args = event.decode([event.topic, minus_one], one + one)
    assert list(args.items()) == [("a", 1), ("b", -1), ("c", True)]


def test_revert_reason__not_a_string__empty() -> None:
    assert revert_reason(b"") == revert_reason(bytes.fromhex("4e487b71") + b"\0" * 32) == ""
