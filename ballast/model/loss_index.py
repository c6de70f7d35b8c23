"""Who bears what a market lost, bit-exact with `contracts/modules/loss_index.vy`; the formulas are there."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace

from ballast.model.fixed_point import WAD, ceil_div, floor_div, mul_div_down, mul_div_up

MAX_CHARGE = 2**96 - 1  # [wad] that a generation's unit can keep


@dataclass(frozen=True, slots=True)
class Loss:
    """What one unit of a side at the start of its generation has become."""

    scale: int = WAD  # [wad] units that are left of it
    credit: int = 0  # [wad] what those that were closed brought
    charge: int = 0  # [wad] what it bore of the losses of others


@dataclass(frozen=True, slots=True)
class Position:
    """What a stored book has become."""

    size: int
    base: int
    borne: int  # [wad] of the losses of others since it was stored


class LossIndex:
    """Both sides, generation by generation: its losses in order, of which the first is none."""

    def __init__(self) -> None:
        self._sides: dict[bool, list[list[Loss]]] = {long: [[Loss()]] for long in (False, True)}
        self._known: defaultdict[int, tuple[int, int]] = defaultdict(lambda: (0, 0))  # by account: generation, loss

    @property
    def count(self) -> int:
        """How often a side bore a loss, or was closed."""
        return sum(len(generation) - 1 for side in self._sides.values() for generation in side)

    def epoch(self, long: bool) -> tuple[int, int]:
        """A side's generation, and how often it bore a loss in it."""
        generations = self._sides[long]
        return len(generations) - 1, len(generations[-1]) - 1

    def last(self, long: bool) -> Loss:
        """What has become of a side's unit."""
        return self._sides[long][-1][-1]

    def settled(self, account: int, size: int, base: int) -> Position:
        """What a stored book has become."""
        if size == 0:
            return Position(size, base, 0)
        generation, index = self._known[account]
        losses = self._sides[size > 0][generation]
        then, now = losses[index], losses[-1]
        units, charge = abs(size), now.charge - then.charge
        return Position(
            size=floor_div(size * now.scale, then.scale),
            base=base + floor_div(units * (now.credit - then.credit - charge), then.scale),
            borne=ceil_div(units * charge, then.scale),
        )

    def note(self, account: int, size: int) -> None:
        """A book is stored as it is now."""
        if size != 0:
            self._known[account] = self.epoch(size > 0)

    def charge(self, long: bool, loss: int, units: int) -> int:
        """Charge a loss to a side that adds up to `units`; what it could not take, all or nothing."""
        if loss == 0 or units == 0:
            return loss
        now = self.last(long)
        charge = now.charge + mul_div_up(loss, now.scale, units)
        if charge > MAX_CHARGE:
            return loss
        self._sides[long][-1].append(replace(now, charge=charge))
        return 0

    def close(self, long: bool, closed: int, units: int, worth: int) -> int:
        """Close `closed` of a side's units, each book's share of it, where one is worth `worth` [wad]; what is left."""
        now = self.last(long)
        scale = (mul_div_down if long else mul_div_up)(now.scale, units - closed, units)
        credit = floor_div(now.scale * closed * (worth if long else -worth), units * WAD)
        self._sides[long][-1].append(replace(now, scale=scale, credit=now.credit + credit))
        if scale == 0:
            self._sides[long].append([Loss()])
        return units * scale // now.scale if long else units - closed
