from __future__ import annotations

from fractions import Fraction
from math import ceil, floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.model.errors import Rejected
from ballast.model.fixed_point import (
    WAD,
    ceil_div,
    floor_div,
    isqrt,
    isqrt_up,
    mul_div_down,
    mul_div_up,
    mul_wad_down,
    mul_wad_up,
    wad_exp,
    wad_ln,
)

NATURAL = st.integers(0, 2**127)


@pytest.mark.parametrize(
    ("x", "ln"),
    [
        (0, 0),  # as in the contracts
        (1, -41446531673892822313),
        (10_000, -32236191301916639577),
        (WAD, 0),
        (2_718_281_828_459_045_235, 999999999999999999),
        (11_723_640_096_265_400_935, 2461607324344817918),
        (2**128, 47276307437780177293),
        (2**255 - 1, 135305999368893231589),
    ],
)
def test_wad_ln__known_values__to_the_last_digit(x: int, ln: int) -> None:
    assert wad_ln(x) == ln


@pytest.mark.parametrize(
    ("x", "exp"),
    [
        (-41446531673892822313, 0),
        (-41446531673892822312, 1),
        (-3 * WAD, 49787068367863942),
        (-WAD // 2, 606530659712633423),
        (0, WAD),
        (WAD, 2718281828459045235),
        (10 * WAD, 22026465794806716516980),
        (50 * WAD, 5184705528587072464148529318587763226117),
    ],
)
def test_wad_exp__known_values__to_the_last_digit(x: int, exp: int) -> None:
    assert wad_exp(x) == exp


def test_wad_exp__beyond_the_word__is_rejected() -> None:
    with pytest.raises(Rejected, match="overflow"):
        wad_exp(135_305_999_368_893_231_589)


def test_wad_ln__negative__is_rejected() -> None:
    with pytest.raises(Rejected, match="undefined"):
        wad_ln(-1)


@given(a=NATURAL, b=NATURAL, divisor=st.integers(1, 2**127))
def test_mul_div__any__rounds_as_named(a: int, b: int, divisor: int) -> None:
    exact = Fraction(a * b, divisor)
    assert mul_div_down(a, b, divisor) == floor(exact)
    assert mul_div_up(a, b, divisor) == ceil(exact)
    assert mul_wad_down(a, b) == floor(Fraction(a * b, WAD))
    assert mul_wad_up(a, b) == ceil(Fraction(a * b, WAD))


@given(a=st.integers(-(2**127), 2**127), divisor=st.integers(1, 2**127))
def test_signed_division__any__rounds_as_named(a: int, divisor: int) -> None:
    assert floor_div(a, divisor) == floor(Fraction(a, divisor))
    assert ceil_div(a, divisor) == ceil(Fraction(a, divisor))


@given(x=st.integers(0, 2**255))
def test_isqrt__any__brackets_the_root(x: int) -> None:
    assert isqrt(x) ** 2 <= x < (isqrt(x) + 1) ** 2
    assert isqrt_up(x) ** 2 >= x and (isqrt_up(x) == 0 or (isqrt_up(x) - 1) ** 2 < x)
