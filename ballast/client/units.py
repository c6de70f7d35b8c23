"""Where Decimal and timedelta end and integers begin."""

from __future__ import annotations

from decimal import ROUND_DOWN, Decimal, localcontext

WAD = 10**18
NO_DISTANCE = 2**255 - 1  # z of a book without legs

Amount = Decimal | int | str  # what people pass: never a float


def to_wad(amount: Amount) -> int:
    """Exactly `amount` as a wad; more than 18 decimals are an error, not a rounding."""
    if isinstance(amount, float):
        raise TypeError("amounts are Decimal, int or str: a float is not what it says")
    with localcontext(prec=80):
        scaled = Decimal(amount) * WAD
        if scaled != scaled.to_integral_value():
            raise ValueError(f"{amount}: more than 18 decimals")
        return int(scaled)


def from_wad(wad: int) -> Decimal:
    """A wad as a Decimal, exactly."""
    with localcontext(prec=80):
        return (Decimal(wad) / WAD).normalize() + 0


def distance(z: int) -> Decimal:
    """A distance `z`; infinite for a book without legs."""
    return Decimal("Infinity") if z == NO_DISTANCE else from_wad(z)


def cents(wad: int) -> Decimal:
    """US dollars to the cent, for people to read, rounded towards zero."""
    return from_wad(wad).quantize(Decimal("0.01"), rounding=ROUND_DOWN)
