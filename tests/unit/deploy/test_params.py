"""Parameters files: units, defaults, and complaints that name file, line and what was expected."""

from __future__ import annotations

from pathlib import Path

import pytest
from eth_utils import is_checksum_address

from ballast import params
from ballast.params import WAD, ParamsError


@pytest.fixture
def edited(tmp_path):
    """The default file with one text replaced; returns its path and the line of the replacement."""

    def edit(old: str, new: str) -> tuple[Path, int]:
        text = params.DEFAULT.read_text()
        assert text.count(old) >= 1, old
        path = tmp_path / "edited.yaml"
        path.write_text(text.replace(old, new, 1))
        return path, text[: text.index(old)].count("\n") + 1

    return edit


def test_load__default_file__is_valid():
    loaded = params.load()

    assert list(loaded.markets) == ["BTC", "ETH", "SOL", "LINK"]
    assert loaded.markets["ETH"].feed.heartbeat == 3_600
    assert loaded.markets["ETH"].risk.close_rate == WAD // 200
    assert loaded.markets["BTC"].feed.initial_fast == 7 * WAD // 10  # its own value over the default
    assert loaded.policy.max_slippage == 100


@pytest.mark.parametrize("path", sorted(params.DEFAULT.parent.glob("*.yaml")), ids=lambda path: path.stem)
def test_load__every_file_shipped__is_valid_and_its_addresses_checksummed(path):
    loaded = params.load(path)

    addresses = [loaded.settlement.address, *(market.feed.address for market in loaded.markets.values())]
    assert all(is_checksum_address(address) for address in addresses if address)


@pytest.mark.parametrize(
    ("text", "wad"),
    [("0.5 %", 5 * 10**15), ("5 bps", 5 * 10**14), ("0.25", WAD // 4), ("1e-3", 10**15), ("25%", WAD // 4)],
)
def test_parse_rate__any_unit__is_exact(text, wad):
    assert params.parse_rate(text) == wad


@pytest.mark.parametrize(("text", "seconds"), [("30 s", 30), ("15 min", 900), ("1h", 3_600), ("7 d", 604_800)])
def test_parse_seconds__any_unit__is_exact(text, seconds):
    assert params.parse_seconds(text) == seconds


@pytest.mark.parametrize(
    ("old", "new", "field", "expected"),
    [
        ("heartbeat: 1 h", "heartbeat: soon", "feed.heartbeat", "expected a time"),
        ("close_rate: 0.5 %", "close_rate: half", "risk.close_rate", "expected a rate"),
        ("meter: 1_000_000", "meter: -1", "meter", "greater than or equal to 0"),
        ("pool_share: 70 %", "pool_shore: 70 %", "vault.pool_shore", "unknown field"),
        ("max_slippage: 1 %", "max_slippage: 0.123456 %", "policy.max_slippage", "whole basis points"),
        ("native: ETH", "native: DOGE", "rebalancer.native", "expected one of BTC, ETH"),
    ],
)
def test_load__wrong_field__names_file_line_and_expectation(edited, old, new, field, expected):
    path, line = edited(old, new)

    with pytest.raises(ParamsError) as error:
        params.load(path)

    message = str(error.value)
    assert field in message
    assert expected in message
    assert f"{path}:{line}: " in message


@pytest.mark.parametrize(
    ("old", "section", "field"),
    [
        ("  risk_budget: 0 ", "policy:", "policy.risk_budget"),
        ("    base_fee: 5 bps", "  fees:", "markets.BTC.fees.base_fee"),
        ("    heartbeat: 1 h", "    feed: {price: 60_000", "markets.BTC.feed.heartbeat"),
    ],
)
def test_load__missing_field__names_file_line_and_field(edited, old, section, field):
    path, _ = edited(old, f"  # {old}")
    text = params.DEFAULT.read_text()
    line = text[: text.index(f"\n{section}")].count("\n") + 2

    with pytest.raises(ParamsError) as error:
        params.load(path)

    assert f"{path}:{line}: {field}: missing: expected " in str(error.value)


def test_load__missing_field__names_the_section(edited):
    path, _ = edited("  execution_fee: 1 ", "  # execution_fee: 1 ")

    with pytest.raises(ParamsError, match=r"edited\.yaml:\d+: exchange\.?.*"):
        params.load(path)


def test_load__field_twice__is_refused(edited):
    path, line = edited("  symbol: USDC", "  mock: true\n  symbol: USDC")

    with pytest.raises(ParamsError, match=rf":{line}: settlement.mock: given twice"):
        params.load(path)


def test_load__mock_and_address__is_refused(edited):
    path, _ = edited("  symbol: USDC", f"  address: '0x{'11' * 20}'")

    with pytest.raises(ParamsError, match="either `mock: true` or an `address`"):
        params.load(path)


def test_load__not_yaml__names_the_line(tmp_path):
    path = tmp_path / "broken.yaml"
    path.write_text("settlement:\n  mock: [true\n")

    with pytest.raises(ParamsError, match=r"broken\.yaml:\d+: not YAML"):
        params.load(path)


def test_load__no_file__says_so(tmp_path):
    with pytest.raises(ParamsError, match="no such file"):
        params.load(tmp_path / "none.yaml")


def test_load_policy__few_fields__the_rest_is_as_beneath(tmp_path):
    path = tmp_path / "careful.yaml"
    path.write_text("z_trigger: 3\nmax_delever: 25 %\n")
    beneath = params.load().policy

    policy = params.load_policy(path, beneath)

    assert (policy.z_trigger, policy.max_delever) == (3 * WAD, 2_500)
    assert policy == beneath.model_copy(update={"z_trigger": 3 * WAD, "max_delever": 2_500})


@pytest.mark.parametrize(
    "content, expected",
    [
        (b"a: \x01\n", "not YAML: special characters"),
        (b"\xff\xfe", "not YAML: invalid start byte; expected UTF-8 text"),
    ],
)
def test_load_policy__no_text__names_the_file(tmp_path, content, expected):
    path = tmp_path / "careful.yaml"
    path.write_bytes(content)

    with pytest.raises(ParamsError) as error:
        params.load_policy(path, params.load().policy)

    assert str(error.value).startswith(f"{path}: {expected}")


def test_load_policy__folder__says_so(tmp_path):
    with pytest.raises(ParamsError, match="cannot be read: Is a directory"):
        params.load_policy(tmp_path, params.load().policy)


@pytest.mark.parametrize(
    "text, line, expected",
    [
        ("z_trigger: 3\nz_dealer: 1\n", 2, "policy.z_dealer: unknown field"),
        ("\ncooldown: soon\n", 2, "policy.cooldown: expected a time"),
        ("- 1\n", 1, "expected names and values"),
        ("z_trigger: inf\n", 1, "policy.z_trigger: expected an amount"),
        ("z_trigger: nan\n", 1, "policy.z_trigger: expected an amount"),
        ("max_fee: 1e999999999\n", 1, "policy.max_fee: expected an amount"),
        ("containment: true\n", 1, "policy.containment: expected a rate such as"),
        ("cooldown: true\n", 1, "policy.cooldown: expected a time such as"),
        ("no_tap: -1\n", 1, "policy.no_tap: expected a bitmap of market ids"),
        ("no_fund: true\n", 1, "policy.no_fund: expected a bitmap of market ids"),
    ],
)
def test_load_policy__wrong_field__names_file_line_and_expectation(tmp_path, text, line, expected):
    path = tmp_path / "careful.yaml"
    path.write_text(text)

    with pytest.raises(ParamsError) as error:
        params.load_policy(path, params.load().policy)

    assert f"{path}:{line}: " in str(error.value) and expected in str(error.value)
