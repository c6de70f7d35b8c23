"""What keepers earn: `ballast.model.reward` over arrays. Amounts are US dollars."""

from __future__ import annotations

import numpy as np

from ballast.model.fixed_point import BPS, WAD
from ballast.model.reward import (
    BASE_GAS,
    BENEFIT_BPS,
    GAS_PER_BOOK,
    GAS_PER_CUT,
    GAS_PER_REQUEST,
    GAS_PER_TRANSFER,
    MIN_PREMIUM,
    MOVED_BPS,
    URGENCY_PREMIUM,
)
from ballast.model.vector.arrays import Floats


def reward(
    *,
    books: Floats,
    transfers: Floats,
    cuts: Floats,
    asked: Floats,
    moved: Floats,
    relieved: Floats,
    min_z: Floats,
    z_trigger: Floats,
    gas_price: float,
    reserve: Floats,
) -> Floats:
    """The rewards; `gas_price` in dollars per unit of gas, counts as in the integer model."""
    gas = gas_of(books, transfers, cuts, asked)
    premium = MIN_PREMIUM / WAD + URGENCY_PREMIUM / WAD * urgency(min_z, z_trigger)
    earned = gas * gas_price * premium + moved * (MOVED_BPS / BPS)
    benefit = (moved + relieved) * (BENEFIT_BPS / BPS)
    least: Floats = np.minimum(np.minimum(reserve, earned), benefit)
    return least


def gas_of(books: Floats, transfers: Floats, cuts: Floats, asked: Floats) -> Floats:
    """What calls take, as it was measured."""
    return BASE_GAS + GAS_PER_BOOK * books + GAS_PER_TRANSFER * transfers + GAS_PER_CUT * cuts + GAS_PER_REQUEST * asked


def urgency(min_z: Floats, z_trigger: Floats) -> Floats:
    """clamp((z_trigger − z) / z_trigger, 0, 1)."""
    share: Floats = np.clip(1 - np.maximum(min_z, 0) / z_trigger, 0, 1)
    return share
