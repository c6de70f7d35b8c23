"""What a keeper earns for one rebalance: `contracts/modules/reward.vy`."""

from __future__ import annotations

from ballast.model.fixed_point import BPS, WAD, clamp

BASE_GAS = 75_000
GAS_PER_BOOK = 45_000
GAS_PER_TRANSFER = 22_000
GAS_PER_CUT = 100_000
GAS_PER_REQUEST = 60_000

MAX_TIP = 2 * 10**9  # [raw] wei per gas
MIN_PREMIUM = 11 * 10**17  # [wad] for a book that just triggers
URGENCY_PREMIUM = 4 * 10**17  # [wad] on top, for one at liquidation
MOVED_BPS = 5
BENEFIT_BPS = 1_000


def reward(
    *,
    books: int,
    transfers: int,
    cuts: int,
    asked: int,
    moved: int,
    relieved: int,
    min_z: int,
    z_trigger: int,
    gas_price: int,
    native_price: int,
    reserve: int,
) -> int:
    """The reward [wad], rounded down; `gas_price` in wei, `native_price` per 1e18 wei [wad]."""
    gas = BASE_GAS + GAS_PER_BOOK * books + GAS_PER_TRANSFER * transfers + GAS_PER_CUT * cuts
    gas += GAS_PER_REQUEST * asked
    premium = MIN_PREMIUM + URGENCY_PREMIUM * urgency(min_z, z_trigger) // WAD
    cost = gas * gas_price * native_price // WAD * premium // WAD
    benefit = (moved + relieved) * BENEFIT_BPS // BPS
    return min(reserve, cost + moved * MOVED_BPS // BPS, benefit)


def urgency(min_z: int, z_trigger: int) -> int:
    """clamp((z_trigger − z) / z_trigger, 0, 1) [wad]."""
    return clamp(z_trigger - max(min_z, 0), 0, z_trigger) * WAD // z_trigger
