"""Fixed-point arithmetic with the rounding in the name, bit-exact with `contracts/modules/fixed_point.vy`.

Exponential and logarithm are Remco Bloemen's rational approximations (https://2π.com/22/exp-ln) with the constants of
snekmate's `math` module; the root is the floor that Vyper's `isqrt` gives.
"""

from __future__ import annotations

from math import isqrt as _isqrt

from ballast.model.errors import require

WAD = 10**18
BPS = 10_000

OUT_OF_RANGE = "math: out of range"

_ONE_96 = 1 << 96
_LN_2_96 = 54_916_777_467_707_473_351_141_471_128  # ln 2 · 2^96

# Horner coefficients at 2^96, highest power first after the monic one: (8, 8) for the logarithm
_LN_P = (
    3_273_285_459_638_523_848_632_254_066_296,
    24_828_157_081_833_163_892_658_089_445_524,
    43_456_485_725_739_037_958_740_375_743_393,
    -11_111_509_109_440_967_052_023_855_526_967,
    -45_023_709_667_254_063_763_336_534_515_857,
    -14_706_773_417_378_608_786_704_636_184_526,
)
_LN_P_LAST = -795_164_235_651_350_426_258_249_787_498
_LN_Q = (
    5_573_035_233_440_673_466_300_451_813_936,
    71_694_874_799_317_883_764_090_561_454_958,
    283_447_036_172_924_575_727_196_451_306_956,
    401_686_690_394_027_663_651_624_208_769_553,
    204_048_457_590_392_012_362_485_061_816_622,
    31_853_899_698_501_571_402_653_359_427_138,
    909_429_971_244_387_300_277_376_558_375,
)
_LN_SCALE = 1_677_202_110_996_718_588_342_820_967_067_443_963_516_166
_LN_2_SCALED = 16_597_577_552_685_614_221_487_285_958_193_947_469_193_820_559_219_878_177_908_093_499_208_371
_LN_BASE = 600_920_179_829_731_861_736_702_779_321_621_459_595_472_258_049_074_101_567_377_883_020_018_308

# ... and (6, 7) for the exponential, whose numerator is evaluated in a factored form
_EXP_Y = (1_346_386_616_545_796_478_920_950_773_328, 57_155_421_227_552_351_082_224_309_758_442)
_EXP_P = (
    -94_201_549_194_550_492_254_356_042_504_812,
    28_719_021_644_029_726_153_956_944_680_412_240,
    4_385_272_521_454_847_904_659_076_985_693_276,
)
_EXP_Q = (
    -2_855_989_394_907_223_263_936_484_059_900,
    50_020_603_652_535_783_019_961_831_881_945,
    -533_845_033_583_426_703_283_633_433_725_380,
    3_604_857_256_930_695_427_073_651_918_091_429,
    -14_423_608_567_350_463_180_887_372_962_807_573,
    26_449_188_498_355_588_339_934_803_723_976_023,
)
_EXP_SCALE = 3_822_833_074_963_236_453_042_738_258_902_158_003_155_416_615_667
_EXP_ZERO = -41_446_531_673_892_822_313
_EXP_LIMIT = 135_305_999_368_893_231_589


def mul_div_down(a: int, b: int, divisor: int) -> int:
    """⌊a·b / divisor⌋ of non-negative numbers."""
    return a * b // divisor


def mul_div_up(a: int, b: int, divisor: int) -> int:
    """⌈a·b / divisor⌉ of non-negative numbers."""
    return -(-(a * b) // divisor)


def mul_wad_down(a: int, b: int) -> int:
    """⌊a·b⌋ of two non-negative wads [wad]."""
    return a * b // WAD


def mul_wad_up(a: int, b: int) -> int:
    """⌈a·b⌉ of two non-negative wads [wad]."""
    return -(-(a * b) // WAD)


def floor_div(a: int, divisor: int) -> int:
    """a / divisor rounded toward −∞; divisor > 0."""
    return a // divisor


def ceil_div(a: int, divisor: int) -> int:
    """a / divisor rounded toward +∞; divisor > 0."""
    return -(-a // divisor)


def clamp(x: int, low: int, high: int) -> int:
    """x brought into [low, high], the upper bound last."""
    return min(max(x, low), high)


def isqrt(x: int) -> int:
    """⌊√x⌋ of a non-negative number."""
    return _isqrt(x)


def isqrt_up(x: int) -> int:
    """⌈√x⌉ of a non-negative number."""
    root = _isqrt(x)
    return root if root * root == x else root + 1


def _truncated(a: int, b: int) -> int:
    """a / b rounded toward zero: what the EVM does."""
    return abs(a) // b if a >= 0 else -(abs(a) // b)


def _horner(x: int, coefficients: tuple[int, ...]) -> int:
    """A monic polynomial in x at 2^96, rounded down at every step."""
    value = x + coefficients[0]
    for coefficient in coefficients[1:]:
        value = (value * x >> 96) + coefficient
    return value


def wad_ln(x: int) -> int:
    """ln x [wad]; 0 for 0, as in the contracts."""
    require(x >= 0, "math: wad_ln undefined")
    if x == 0:
        return 0

    # x = m·2^k with m in [1, 2) at 2^96
    k = x.bit_length() - 1 - 96
    m = x << 159 - k >> 159
    p = _horner(m, _LN_P) * m + (_LN_P_LAST << 96)
    r = _truncated(p, _horner(m, _LN_Q))
    return r * _LN_SCALE + k * _LN_2_SCALED + _LN_BASE >> 174


def wad_exp(x: int) -> int:
    """e^x [wad], rounded down; 0 below about −41.4."""
    if x <= _EXP_ZERO:
        return 0
    require(x < _EXP_LIMIT, "math: wad_exp overflow")

    # x = x'·ln 2 + k·ln 2 with x' in (−½, ½) at 2^96
    x = _truncated(x << 78, 5**18)
    k = _truncated(x << 96, _LN_2_96) + (1 << 95) >> 96
    x -= k * _LN_2_96
    y = _horner(x, _EXP_Y)
    p = (((y + x + _EXP_P[0]) * y >> 96) + _EXP_P[1]) * x + (_EXP_P[2] << 96)
    return _truncated(p, _horner(x, _EXP_Q)) * _EXP_SCALE >> 195 - k
