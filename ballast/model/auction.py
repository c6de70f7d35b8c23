"""What an auction asks, how much it sells and how old it is: `modules/auction_price.vy` and `modules/auctions.vy`."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace

from ballast.model.errors import require
from ballast.model.fixed_point import WAD, mul_div_down, mul_div_up, mul_wad_down, mul_wad_up

RAMP = 1_200  # [s]
POOL_TIME = 1_800  # [s]
MAX_DISCOUNT = 30 * 10**16  # [wad]
MAX_COLLATERAL_DISCOUNT = 10 * 10**16  # [wad]
MAX_BONUS = 20 * 10**16  # [wad]
PENALTY_SHARE = 20 * 10**16  # [wad]
TARGET_DISTANCE = 2 * WAD
SMALL_LOT = 1_000 * WAD

RESUME = 3_600  # [s]
LAPSE = 14_400  # [s]

_MARK = 2**96 - 1


def grown(bound: int, age: int) -> int:
    """What grows with the auction's age [s] up to its bound [wad]."""
    return mul_div_down(bound, min(age, RAMP), RAMP)


def needed(maintenance: int, sigma_loss: int) -> int:
    """What restores a book, or a treasury [wad]."""
    return maintenance + mul_wad_up(sigma_loss, TARGET_DISTANCE)


def book_limit(equity: int, needs: int, exposure: int, discount: int) -> int:
    """Most of a book that may be sold [wad]."""
    if equity <= 0:
        return WAD
    limit = mul_div_up(needs - equity, WAD, needs - mul_wad_down(equity, discount))
    return WAD if mul_wad_down(exposure, WAD - limit) < SMALL_LOT else limit


def bonus(maintenance: int, age: int) -> int:
    """What the insurance pays beyond the deficit [wad]."""
    return mul_wad_down(maintenance, grown(MAX_BONUS, age))


def book_price(equity: int, fraction: int, discount: int) -> tuple[int, int]:
    """Payment and penalty for a fraction of a book above zero [wad]."""
    return price(mul_wad_up(equity, fraction), discount)


def price(worth: int, discount: int) -> tuple[int, int]:
    """Payment to the account and penalty to the insurance for something of that worth [wad]."""
    payment = mul_wad_up(worth, WAD - discount)
    return payment, mul_wad_up(worth - payment, PENALTY_SHARE)


def collateral_bound(threshold: int) -> int:
    """The largest discount on a token [wad]."""
    return min(MAX_COLLATERAL_DISCOUNT, (WAD - threshold) // 2)


def relief(threshold: int, sigma_rate: int) -> int:
    """What the treasury needs less for each unit of worth sold [wad]."""
    return WAD - threshold + mul_wad_down(TARGET_DISTANCE, sigma_rate)


def collateral_limit(equity: int, needs: int, debt: int, held: int, relieved: int, discount: int) -> int:
    """Most of a token that may be sold, in worth [wad]."""
    restoring = mul_div_up(max(needs - equity, 0), WAD, relieved - discount)
    limit = restoring if restoring < held and held - restoring >= SMALL_LOT else held
    return min(limit, mul_div_up(debt, WAD, WAD - discount))


@dataclass(frozen=True)
class Auction:
    """An auction that is on, or was; times are [s]."""

    mark: int
    opened: int
    origin: int  # of the clock while it is on, else its age
    ended: int = 0

    def is_on(self, clock: int) -> bool:
        """Whether something is for sale."""
        return self.ended == 0 and clock <= self.origin + LAPSE


class Auctions:
    """Auctions by key. Every call is given the reading of the lot's clock and the time `now` [s]."""

    def __init__(self) -> None:
        self.auctions: dict[Hashable, Auction] = {}

    def is_on(self, key: Hashable, clock: int) -> bool:
        """Whether something is for sale."""
        auction = self.auctions.get(key)
        return auction is not None and auction.is_on(clock)

    def age(self, key: Hashable, clock: int, now: int) -> int:
        """Its age; that at which it would be opened now where it is not on [s]."""
        auction = self.auctions.get(key)
        if auction is None:
            return 0
        if auction.is_on(clock):
            return clock - auction.origin
        return auction.origin if auction.ended and now <= auction.ended + RESUME else 0

    def open(self, key: Hashable, clock: int, digest: int, now: int) -> int:
        """Open, or open again what was traded; the age [s]."""
        mark = digest & _MARK
        same = self.is_on(key, clock) and self.auctions[key].mark == mark
        require(not same, "liquidator: auction is on")
        age = self.age(key, clock, now)
        self.auctions[key] = Auction(mark, now, clock - age)
        return age

    def check_bid(self, key: Hashable, clock: int, digest: int, now: int) -> None:
        """Bids are for auctions that are on, since an earlier block, of what was not traded since."""
        require(self.is_on(key, clock), "liquidator: no auction")
        require(self.auctions[key].mark == digest & _MARK, "liquidator: book was traded")
        require(now > self.auctions[key].opened, "liquidator: opened in this block")

    def mark_again(self, key: Hashable, digest: int) -> None:
        """What is for sale has changed by the auction itself."""
        self.auctions[key] = replace(self.auctions[key], mark=digest & _MARK)

    def end(self, key: Hashable, clock: int, now: int) -> None:
        """End it; its age is kept for an hour."""
        age = self.age(key, clock, now)
        self.auctions[key] = replace(self.auctions[key], origin=age, ended=now)
