"""What accounts, or the pool, cannot bear, and who does: `ballast.model.deficits` over arrays.

Insurance pays first, one account after the other, within what a market may draw; the rest is charged to the opposite
side of that market, by size.
"""

from __future__ import annotations

import numpy as np

from ballast.lab.outcome import Floats
from ballast.lab.world import World
from ballast.model.vector.arrays import Flags, Index, pick


def absorb(world: World, accounts: Index, books: Flags, whole: bool) -> None:
    """Books [n, M] of different accounts, below zero, go to the pool at the oracle price; `whole`: with their cash."""
    held, marks = world.books, world.marks
    size = pick(held.size, accounts)
    equity = pick(held.base, accounts) + size * (marks.price - marks.funding)
    loss = -np.where(books, equity, 0.0)
    if whole:
        exposure = np.abs(size) * marks.price
        left = -(equity.sum(axis=1) + held.cash[accounts])
        loss = exposure * (left / exposure.sum(axis=1))[:, None]
        held.cash[accounts] = 0.0
    long, short = np.where(size > 0, loss, 0.0), np.where(size < 0, loss, 0.0)
    world.lose(accounts, books)
    world.ledger.deficits[accounts] += loss.sum(axis=1)
    held.size[accounts] = np.where(books, 0.0, size)
    held.base[accounts] = np.where(books, 0.0, pick(held.base, accounts))
    _cover(world, long, short)
    world.refresh()


def close_pool(world: World) -> None:
    """A pool below zero is closed against the side opposite to it: what it lacks is charged, its legs are closed."""
    held = world.inventory
    world.pool_closed += 1
    world.pool_deficits -= world.pool
    exposure = np.abs(held) * world.prices
    lacking = exposure * (-world.pool / exposure.sum()) if exposure.any() else np.zeros_like(held)
    world.pool += float(lacking.sum())
    _cover(world, np.where(held > 0, lacking, 0.0)[None], np.where(held < 0, lacking, 0.0)[None])
    opposite = -np.sign(held)
    units = _units(world, opposite)
    others = np.maximum(opposite * world.others, 0)
    every = units.sum(axis=0) + others
    share = np.where(every > 0, np.minimum(np.abs(held) / np.where(every > 0, every, 1), 1), 0.0)
    closed = world.books.size * share * (units > 0)
    world.books.size -= closed
    world.books.base += closed * (world.prices - world.funding)
    world.others -= opposite * others * share
    world.refresh()


def _cover(world: World, long: Floats, short: Floats) -> None:
    """Losses of longs and of shorts [n, M]: insurance, then whoever is on the other side."""
    paid = np.array([world.insurance.draw(wanted, world.now) for wanted in long + short])
    world.insured += float(paid.sum())
    rest = 1 - paid / np.maximum(long + short, 1e-12)
    _charge(world, -1, (long * rest).sum(axis=0))
    _charge(world, 1, (short * rest).sum(axis=0))


def _charge(world: World, side: int, losses: Floats) -> None:
    """Charge losses [M] to all who are long (1) or short (−1), by size; where there is nobody, to the pool."""
    if not (losses > 0).any():
        return
    units = _units(world, np.full(world.markets, float(side)))
    others = np.maximum(side * world.others, 0)
    every = units.sum(axis=0) + others + np.maximum(side * world.inventory, 0)
    each = np.where(every > 0, losses / np.where(every > 0, every, 1), 0.0)
    borne = units * each
    world.books.base -= borne
    world.ledger.borne += borne.sum(axis=1)
    world.traders -= float(others @ each)
    world.pool -= float((losses - borne.sum(axis=0) - others * each).sum())
    world.socialised += float(losses.sum())


def _units(world: World, side: Floats) -> Floats:
    """[A, M] what accounts hold on one side of each market."""
    units: Floats = np.maximum(world.books.size * side, 0)
    return units
