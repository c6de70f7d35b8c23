"""Parameters files: YAML with units in, validated integers out; every complaint names the file and the line.

Quantities are written as a trader reads them ("0.5 %", "5 bps", "$5", "15 min") and become wad integers or seconds at
once: nothing past this module sees a float.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any, get_args

import yaml
from eth_utils import to_checksum_address
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

WAD = 10**18
DEFAULT = Path(__file__).parent.parent / "params" / "default.yaml"
NOBODY = f"0x{0:040x}"
DEPLOYER = "deployer"  # in a file: whoever deploys
COLLATERAL_FEEDS = 128  # id of the first collateral's own feed; ids below belong to markets

_SECONDS = {"s": 1, "sec": 1, "min": 60, "h": 3_600, "d": 86_400}
_DIGITS = 77  # of an integer of 256 bits
_SCALES = {"": Decimal(1), "%": Decimal(100), "bps": Decimal(10_000)}


class ParamsError(Exception):
    """A parameters file is not what it should be."""


# Quantities


def _decimal(text: str, expected: str) -> Decimal:
    try:
        number = Decimal(text.replace("_", "").replace(",", ""))
    except InvalidOperation:
        raise ValueError(f"expected {expected}, got {text!r}") from None
    if not number.is_finite() or number.adjusted() > _DIGITS:
        raise ValueError(f"expected {expected}, got {text!r}")
    return number


def _is_text(value: Any, expected: str) -> bool:
    """Whether there is something to read; code gives integers, and a file may say yes or no where it should not."""
    if isinstance(value, bool):
        raise ValueError(f"expected {expected}, got {str(value).lower()}")
    return isinstance(value, str)


def _to_wad(value: Decimal, expected: str) -> int:
    scaled = value * WAD
    if scaled != scaled.to_integral_value():
        raise ValueError(f"expected {expected} with at most 18 decimals")
    return int(scaled)


def parse_rate(value: Any) -> Any:
    """A rate as a fraction, in per cent or in basis points → wad."""
    expected = 'a rate such as "0.5 %", "5 bps" or 0.005'
    if not _is_text(value, expected):
        return value
    match = re.fullmatch(r"\s*([-+0-9._,eE]+)\s*(%|bps|)\s*", value)
    if match is None:
        raise ValueError(f"expected {expected}, got {value!r}")
    return _to_wad(_decimal(match[1], expected) / _SCALES[match[2]], expected)


def parse_bps(value: Any) -> Any:
    """A rate → whole basis points."""
    if not _is_text(value, _RATE):
        return value
    bps, rest = divmod(parse_rate(value), WAD // 10_000)
    if rest:
        raise ValueError(f"expected whole basis points, got {value!r}")
    return bps


def parse_amount(value: Any) -> Any:
    """US dollars, or units of an underlying → wad."""
    expected = 'an amount such as "$5" or 1_000'
    if not _is_text(value, expected):
        return value
    return _to_wad(_decimal(value.strip().removeprefix("$"), expected), expected)


def parse_seconds(value: Any) -> Any:
    """A time with its unit → seconds."""
    if not _is_text(value, _SECONDS_TEXT):
        return value
    match = re.fullmatch(r"\s*(\d+)\s*(s|sec|min|h|d)\s*", value)
    if match is None:
        raise ValueError(f"expected {_SECONDS_TEXT}, got {value!r}")
    return int(match[1]) * _SECONDS[match[2]]


def parse_markets(value: Any) -> Any:
    """A bitmap of market ids: whole, and no yes or no."""
    if not _is_text(value, _MARKETS):
        return value
    if not value.isdigit():
        raise ValueError(f"expected {_MARKETS}, got {value!r}")
    return int(value)


def _parse_holder(value: Any) -> Any:
    return value if value == DEPLOYER else _parse_address(value)


def _parse_address(value: Any) -> Any:
    if not isinstance(value, str) or not re.fullmatch(r"0x[0-9a-fA-F]{40}", value):
        raise ValueError(f"expected an address (0x and 40 hex digits), got {value!r}")
    return value


_RATE, _USD, _NUMBER = 'a rate such as "0.5 %", "5 bps" or 0.005', 'US dollars such as "$5" or 1_000', "a number"
_MARKETS = "a bitmap of market ids such as 6 for the first two"
_SECONDS_TEXT = 'a time such as "30 s", "15 min", "1 h" or "7 d"'

Rate = Annotated[int, BeforeValidator(parse_rate), Field(ge=0, description=_RATE)]  # [wad] 1e18 = 100 %
Bps = Annotated[int, BeforeValidator(parse_bps), Field(ge=0, description=_RATE)]  # [bps]
Usd = Annotated[int, BeforeValidator(parse_amount), Field(ge=0, description=_USD)]  # [wad]
Units = Annotated[int, BeforeValidator(parse_amount), Field(ge=0, description=_NUMBER)]  # [wad units]
Number = Annotated[int, BeforeValidator(parse_amount), Field(ge=0, description=_NUMBER)]  # [wad] a plain factor
Seconds = Annotated[int, BeforeValidator(parse_seconds), Field(ge=0, description=_SECONDS_TEXT)]  # [s]
Markets = Annotated[int, BeforeValidator(parse_markets), Field(ge=0)]  # bitmap of market ids
Address = Annotated[str, BeforeValidator(_parse_address)]
Holder = Annotated[str, BeforeValidator(_parse_holder)]  # of a power: an address, or "deployer"


# What a file holds. Field names are those of the contracts' structs, so a dump of a section is a struct.


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TokenParams(_Section):
    """The settlement token: an address, or a mock to deploy."""

    mock: bool = False
    address: Address | None = None
    name: str = "USD Coin"
    symbol: str = "USDC"
    decimals: int = Field(6, ge=0, le=18)

    @model_validator(mode="after")
    def _one_source(self) -> TokenParams:
        return _mock_or_address(self)


class SecondFeedParams(_Section):
    """A feed that must agree with the first: of another source, or it is worth nothing."""

    mock: bool = False
    address: Address | None = None
    decimals: int = Field(8, ge=0, le=18)  # of a mock
    max_age: Seconds
    max_deviation: Rate

    @model_validator(mode="after")
    def _one_source(self) -> SecondFeedParams:
        return _mock_or_address(self)


class SequencerParams(_Section):
    """The feed that tells whether a rollup's sequencer is up."""

    mock: bool = False
    address: Address | None = None
    grace: Seconds  # after it came back

    @model_validator(mode="after")
    def _one_source(self) -> SequencerParams:
        return _mock_or_address(self)


class FeedParams(_Section):
    """A price feed and what the oracle believes of it."""

    mock: bool = False
    address: Address | None = None
    decimals: int = Field(8, ge=0, le=18)  # of a mock
    price: Annotated[Usd, Field(gt=0)]  # first answer of a mock; about what a real feed must say, or it is another one
    heartbeat: Seconds
    grace: Seconds
    volatility_floor: Rate
    volatility_cap: Rate
    initial_fast: Rate
    initial_slow: Rate
    slow_rise: Rate
    jump: Rate
    jump_duration: Seconds
    second: SecondFeedParams | None = None

    @model_validator(mode="after")
    def _one_source(self) -> FeedParams:
        if not self.volatility_floor <= min(self.initial_fast, self.initial_slow):
            raise ValueError("expected initial volatilities at or above `volatility_floor`")
        if not max(self.initial_fast, self.initial_slow) <= self.volatility_cap:
            raise ValueError("expected initial volatilities at or below `volatility_cap`")
        return _mock_or_address(self)

    def struct(self, address: str, second: str = NOBODY) -> dict[str, Any]:
        """`IPriceOracle.FeedConfig` for the feed at `address`, with its second feed at `second`."""
        limits = self.model_dump(exclude={"mock", "address", "decimals", "price", "second"})
        beside = {"second_feed": NOBODY, "second_max_age": 0, "max_deviation": 0}
        if self.second is not None:
            given = self.second
            beside = {"second_feed": second, "second_max_age": given.max_age, "max_deviation": given.max_deviation}
        return {"feed": address} | limits | beside


def _mock_or_address(section: Any) -> Any:
    if section.mock == (section.address is not None):
        raise ValueError("expected either `mock: true` or an `address`")
    return section


class GovernanceParams(_Section):
    """Who holds which power once the deployer has handed over."""

    delay: Seconds  # from proposal to execution
    proposers: list[Holder] = Field(min_length=1)  # may schedule and cancel
    executors: list[Holder] = []  # may execute what is due; none means anyone
    guardian: Holder  # may tighten, at once

    @staticmethod
    def holders(named: list[str], deployer: str) -> list[str]:
        """Addresses of holders."""
        return [deployer if holder == DEPLOYER else to_checksum_address(holder) for holder in named]


class VaultParams(_Section):
    pool_share: Rate  # of trading fees
    insurance_share: Rate  # of trading fees; the rest is protocol revenue


class OracleParams(_Section):
    sequencer: SequencerParams | None = None  # on a rollup


class CollateralParams(_Section):
    """A token that counts for its account, at a haircut; priced by a market's feed or by one of its own."""

    mock: bool = False
    address: Address | None = None
    decimals: int = Field(18, ge=0, le=18)  # of a mock
    cap: Units  # of the token, over all accounts
    ltv: Rate  # share of its value that counts for new debt
    liquidation_threshold: Rate  # share that counts before liquidation
    market: str | None = None
    feed: FeedParams | None = None

    @model_validator(mode="after")
    def _one_source(self) -> CollateralParams:
        if (self.market is None) == (self.feed is None):
            raise ValueError("expected either a `market`, whose feed prices it, or a `feed`")
        if not self.ltv < self.liquidation_threshold < WAD:
            raise ValueError("expected `ltv` below `liquidation_threshold` below 100 %")
        return _mock_or_address(self)


class PolicyParams(_Section):
    """`IRebalancer.Policy`."""

    enabled: bool = True
    z_trigger: Number
    z_target: Number
    z_donor: Number
    z_delever: Number
    z_delever_target: Number
    treasury_reserve: Usd
    allow_borrow: bool = False
    containment: Bps
    max_risk_share: Bps
    risk_budget: Bps
    max_slippage: Bps
    max_delever: Bps
    min_move: Usd
    cooldown: Seconds
    max_fee: Usd
    max_fee_per_day: Usd
    no_fund: Markets = 0  # that the engine may not fill
    no_tap: Markets = 0  # that the engine may not take from


class PoolParams(_Section):
    funding: Usd  # what the owner puts in at deployment
    max_assets: Usd  # net assets up to which others may enter
    policy: PolicyParams  # of its account; what the file does not say is as in `policy`


class ExchangeParams(_Section):
    execution_fee: Usd  # what the executor of an order earns


class CreditParams(_Section):
    """The pool that lends: `ICreditPool.RateConfig`, and what it takes and gives."""

    base_rate: Rate  # per year, where nothing is lent
    kink: Rate  # utilisation at which the rate turns steep
    kink_rate: Rate  # per year, at the kink
    max_rate: Rate  # per year, where everything is lent
    reserve_share: Rate  # of all interest that is insurance's
    max_assets: Usd  # net assets up to which lenders may enter
    max_debt: Usd  # debt of all accounts up to which more is lent

    @model_validator(mode="after")
    def _rising(self) -> CreditParams:
        if not self.base_rate <= self.kink_rate <= self.max_rate:
            raise ValueError("expected `base_rate` at or below `kink_rate` at or below `max_rate`")
        return self


class InsuranceParams(_Section):
    """First loss."""

    treasury_cap: Usd  # what all treasuries' deficits may draw a day


class RiskParams(_Section):
    """`DerivativesMarket.MarketConfig`."""

    range_multiplier: Number
    range_min: Rate
    range_max: Rate
    initial_ratio: Number
    close_rate: Rate
    max_funding_rate: Rate  # per day
    skew_scale: Units  # skew at which funding reaches its maximum
    open_interest_cap: Units  # each side


class QuoteParams(_Section):
    """`ILiquidityPool.QuoteConfig`."""

    base_spread: Rate
    reference_volatility: Rate
    volatility_cap: Number
    deviation: Rate
    impact_scale: Units
    max_inventory: Units


class FeeParams(_Section):
    """`IExchange.FeeConfig`."""

    base_fee: Rate
    reference_volatility: Rate
    volatility_cap: Number


class MarketParams(_Section):
    """One underlying: its feed, its margin, how the pool quotes it, what trading it costs."""

    meter: Usd  # profit that may leave per day
    draw_cap: Usd  # what its deficits may draw from insurance per day
    feed: FeedParams
    risk: RiskParams
    quote: QuoteParams
    fees: FeeParams


class RebalancerParams(_Section):
    """How the keeper's reward is priced."""

    native: str  # market whose feed prices the chain's native token


class Params(_Section):
    """A whole parameters file."""

    governance: GovernanceParams
    settlement: TokenParams
    vault: VaultParams
    oracle: OracleParams = OracleParams()
    pool: PoolParams
    credit: CreditParams
    insurance: InsuranceParams
    exchange: ExchangeParams
    rebalancer: RebalancerParams
    policy: PolicyParams  # what an account starts with
    collateral: dict[str, CollateralParams] = Field({}, max_length=8)
    markets: dict[str, MarketParams] = Field(min_length=1, max_length=127)

    @model_validator(mode="after")
    def _known_markets(self) -> Params:
        named = {"rebalancer.native": self.rebalancer.native}
        named |= {f"collateral.{name}.market": token.market for name, token in self.collateral.items() if token.market}
        for field, market in named.items():
            if market not in self.markets:
                raise ValueError(f"{field}: expected one of {', '.join(self.markets)}")
        return self

    def with_markets(self, markets: dict[str, MarketParams]) -> Params:
        """These parameters with other markets, and without what prices by a market that is gone."""
        native = self.rebalancer.native if self.rebalancer.native in markets else next(iter(markets))
        collateral = {name: token for name, token in self.collateral.items() if token.market in (None, *markets)}
        rebalancer = self.rebalancer.model_copy(update={"native": native})
        return self.model_copy(update={"markets": markets, "rebalancer": rebalancer, "collateral": collateral})

    def feed_id(self, collateral: str) -> int:
        """Id of the feed that prices a collateral token."""
        market = self.collateral[collateral].market
        if market is not None:
            return list(self.markets).index(market) + 1
        return COLLATERAL_FEEDS + list(self.collateral).index(collateral)


# Reading


_Lines = dict[tuple[str, ...], int]


def load(path: Path | str = DEFAULT) -> Params:
    """Read and validate a parameters file.

    `market_defaults`, where given, stands beneath every entry of `markets`.
    Raises `ParamsError`, one line per complaint: file, line, field, what was expected.
    """
    path = Path(path)
    data, lines = _read(path)
    _apply_market_defaults(data, lines)
    _apply_policy(data, lines)

    try:
        return Params.model_validate(data)
    except ValidationError as error:
        raise ParamsError("\n".join(_complaint(path, lines, e) for e in error.errors())) from None


def load_policy(path: Path | str, beneath: PolicyParams) -> PolicyParams:
    """Read and validate a file of `PolicyParams`; what it does not say is as in `beneath`.

    Raises `ParamsError` as `load` does.
    """
    path = Path(path)
    data, lines = _read(path)
    try:
        return PolicyParams.model_validate(beneath.model_dump() | data)
    except ValidationError as error:
        below = {("policy", *at): line for at, line in lines.items()}
        raise ParamsError("\n".join(_complaint(path, below, e, ("policy",)) for e in error.errors())) from None


def _read(path: Path) -> tuple[dict[str, Any], _Lines]:
    """What a file holds, and the line of every field."""
    try:
        tree = yaml.compose(path.read_text(), Loader=yaml.BaseLoader)
    except FileNotFoundError:
        raise ParamsError(f"{path}: no such file") from None
    except OSError as error:
        raise ParamsError(f"{path}: cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, yaml.reader.ReaderError) as error:
        raise ParamsError(f"{path}: not YAML: {error.reason}; expected UTF-8 text") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ParamsError(f"{path}:{line}: not YAML: {error.problem}") from None

    if not isinstance(tree, yaml.MappingNode):
        raise ParamsError(f"{path}:1: expected names and values, as `name: value`")
    lines: _Lines = {(): 1}
    return _plain(tree, (), lines, path), lines


def _plain(node: yaml.Node, at: tuple[str, ...], lines: _Lines, path: Path) -> Any:
    """Node → dict / list / str, noting the line of every field."""
    lines[at] = node.start_mark.line + 1
    if isinstance(node, yaml.ScalarNode):
        return {"true": True, "false": False}.get(node.value, node.value)
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, (*at, str(i)), lines, path) for i, item in enumerate(node.value)]

    result: dict[str, Any] = {}
    for key, value in node.value:
        if key.value in result:
            raise ParamsError(f"{path}:{key.start_mark.line + 1}: {'.'.join((*at, key.value))}: given twice")
        result[key.value] = _plain(value, (*at, key.value), lines, path)
        lines[(*at, key.value)] = key.start_mark.line + 1
    return result


def _apply_market_defaults(data: dict[str, Any], lines: _Lines) -> None:
    defaults = data.pop("market_defaults", {})
    markets = data.get("markets")
    if not isinstance(defaults, dict) or not isinstance(markets, dict):
        return
    for name, market in markets.items():
        if isinstance(market, dict):
            _fill(market, defaults, ("markets", name), ("market_defaults",), lines)


def _apply_policy(data: dict[str, Any], lines: _Lines) -> None:
    policy, pool = data.get("policy"), data.get("pool")
    if isinstance(policy, dict) and isinstance(pool, dict) and isinstance(pool.setdefault("policy", {}), dict):
        lines.setdefault(("pool", "policy"), lines["pool",])
        _fill(pool["policy"], policy, ("pool", "policy"), ("policy",), lines)


def _fill(
    target: dict[str, Any], defaults: dict[str, Any], at: tuple[str, ...], source: tuple[str, ...], lines: _Lines
) -> None:
    """Put into `target` what it lacks, deeply, with the lines of where it came from."""
    for key, value in defaults.items():
        here, there = (*at, key), (*source, key)
        if isinstance(value, dict) and isinstance(target.setdefault(key, {}), dict):
            lines.setdefault(here, lines[there])
            _fill(target[key], value, here, there, lines)
        elif key not in target:
            target[key] = value
            lines[here] = lines[there]


def _complaint(path: Path, lines: _Lines, error: Any, within: tuple[str, ...] = ()) -> str:
    at = (*within, *(str(part) for part in error["loc"]))
    message = error["msg"].removeprefix("Value error, ")
    if named := re.fullmatch(r"(\w+(?:\.\w+)+): (.*)", message):  # a validator of the whole file names its field
        at, message = (*at, *named[1].split(".")), named[2]
    line = next(lines[at[:n]] for n in range(len(at), -1, -1) if at[:n] in lines)
    if error["type"] == "missing":
        message = f"missing: expected {_expected(at)}"
    elif error["type"] in ("model_type", "dict_type"):
        message = f"expected {_expected(at)}"
    elif error["type"] == "extra_forbidden":
        message = "unknown field"
    return f"{path}:{line}: {'.'.join(at) or 'file'}: {message}"


def _expected(at: tuple[str, ...]) -> str:
    """What belongs at a place of the file, in words."""
    section: Any = Params
    words = "a value"
    for part in at:
        field = section.model_fields.get(part) if section else None
        if field is None:  # the name of a market
            words = f"a section with {', '.join(section.model_fields)}" if section else words
            continue
        types = (field.annotation, *get_args(field.annotation))
        section = next((t for t in types if isinstance(t, type) and issubclass(t, _Section)), None)
        words = field.description or (f"a section with {', '.join(section.model_fields)}" if section else "text")
    return words
