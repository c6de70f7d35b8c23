"""The pool's shares, bit-exact with `LiquidityPool.vy`: net assets, requests, claims. Time is an argument: `now` [s].

Whoever calls holds the tokens he hands in; what the vault has of them is in the vault's model.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ballast.model.atomic import atomic
from ballast.model.errors import require
from ballast.model.fixed_point import mul_div_down, mul_div_up, mul_wad_up
from ballast.model.risk import equity_of
from ballast.model.vault import REBALANCER, Vault
from ballast.model.vault_shares import VaultShares

if TYPE_CHECKING:
    from ballast.model.market import Market
    from ballast.model.policy import Policy
from ballast.model.rebalancer import Rebalancer

REQUEST_DELAY = 3_600  # [s] from a request to its price
VOID_DELAY = 3 * 86_400  # [s] from then until it may be given back

PENDING, EXECUTED, VOIDED = 1, 2, 3
POOL: Hashable = "pool"  # who owns the pool's accounts, and holds the shares that wait

NO_RIGHT = "access: no right"
NO_CONTROLLER = "pool: no controller"
EMPTY_REQUEST = "pool: nothing requested"
NO_REQUEST = "pool: no such request"
TOO_EARLY = "pool: too early"
WRONG_ROUNDS = "pool: one round per book"
DEFICIT = "pool: below zero"
UNCONFIRMED = "pool: price not confirmed"
DEPOSIT_CAP = "pool: deposit cap"
NO_FREE_CASH = "pool: no free cash"
CLAIM_TOO_HIGH = "pool: more than claimable"
NOTHING_TO_SPARE = "pool: nothing to spare"
IS_SEEDED = "pool: has shares"
NO_REBALANCER = "pool: no rebalancer"
REBALANCER_IS_SET = "pool: rebalancer is set"


@dataclass(frozen=True)
class NetAssets:
    """What the pool is worth at the prices that were compared."""

    present: int  # [wad]
    lowest: int  # [wad]
    highest: int  # [wad]
    free: int  # [wad] cash above locks and above what books lack to their initial margin


@dataclass(frozen=True)
class Request:
    """Tokens [raw] for shares, or shares [wad] for tokens."""

    controller: Hashable
    due: int  # [s]
    is_exit: bool
    amount: int
    status: int = PENDING
    start: int = 0  # what the controller's earlier executed requests add up to


@dataclass
class Line:
    """A controller's executed entries, or exits: claims walk along it."""

    executed: int = 0
    claimed: int = 0
    owed: int = 0  # what the rest of it brings

    @property
    def left(self) -> int:
        return self.executed - self.claimed

    def claim_by_amount(self, amount: int) -> int:
        """What `amount` of the line brings, rounded down."""
        require(amount <= self.left, CLAIM_TOO_HIGH)
        brings = mul_div_down(self.owed, amount, self.left) if amount else 0
        self.claimed += amount
        self.owed -= brings
        return brings

    def claim_by_result(self, brings: int) -> int:
        """The least amount that brings it, rounded up."""
        require(brings <= self.owed, CLAIM_TOO_HIGH)
        amount = mul_div_up(self.left, brings, self.owed) if brings else 0
        self.claimed += amount
        self.owed -= brings
        return amount


class Shares(VaultShares):
    """Shares of the pool's account of a vault; the next two accounts hold what waits for entry, and to be claimed."""

    def __init__(self, vault: Vault, markets: Mapping[int, Market], owner: Hashable = "owner") -> None:
        super().__init__(vault, POOL, owner)
        self.markets = markets
        self.account, self.entry_account, self.exit_account = (vault.open_account(POOL) for _ in range(3))
        self.max_assets = 0  # [wad]
        self.rebalancer: Rebalancer | None = None
        self.operators: set[tuple[Hashable, Hashable]] = set()  # controller, operator
        self.requests: dict[int, Request] = {}
        self.entries: dict[Hashable, Line] = {}
        self.exits: dict[Hashable, Line] = {}

    # Requests

    def request_deposit(self, sender: Hashable, assets: int, controller: Hashable, owner: Hashable, *, now: int) -> int:
        """Hand in tokens [raw]; the request's id."""
        self._check_acts_for(owner, sender)
        waiting = self.vault.treasury(self.entry_account).cash
        total = self.net_assets(now).present + waiting + assets * self.vault.scale
        require(total <= self.max_assets, DEPOSIT_CAP)
        with atomic(self, self.vault):
            id_ = self._open(controller, False, assets, now)
            self.vault.deposit(self.entry_account, assets)
        return id_

    def request_redeem(self, sender: Hashable, shares: int, controller: Hashable, owner: Hashable, *, now: int) -> int:
        """Hand in shares; the request's id. (Allowances are the ERC-20's matter.)"""
        require(sender == owner or (owner, sender) in self.operators, "erc20: insufficient allowance")
        with atomic(self):
            self.transfer(owner, POOL, shares)
            return self._open(controller, True, shares, now)

    def execute_request(self, id_: int, rounds: Sequence[int], *, now: int) -> int:
        """Execute a request that is due; the id of the new request for what an exit left over, 0 if nothing."""
        request = self._waiting(id_)
        require(now >= request.due, TOO_EARLY)
        worth = self.net_assets(now, request.due, rounds)
        with atomic(self, self.vault):
            if request.is_exit:
                return self._execute_exit(id_, request, worth, now)
            shares = self.shares_down(request.amount * self.vault.scale, worth.highest)
            self._execute(id_, request, request.amount, shares)
            self.mint(POOL, shares)
            self.move(self.entry_account, self.account, request.amount, now=now)
            return 0

    def void_request(self, sender: Hashable, id_: int, receiver: Hashable, *, now: int) -> None:
        """Take back what nobody could execute for days."""
        request = self._waiting(id_)
        self._check_acts_for(request.controller, sender)
        require(now >= request.due + VOID_DELAY, TOO_EARLY)
        with atomic(self, self.vault):
            self.requests[id_] = replace(request, status=VOIDED)
            if request.is_exit:
                self.transfer(POOL, receiver, request.amount)
            else:
                self.vault.withdraw(POOL, self.entry_account, request.amount, receiver, now=now)

    # Claims

    def deposit(self, sender: Hashable, assets: int, receiver: Hashable, controller: Hashable) -> int:
        """Claim the shares that `assets` brought."""
        self._check_acts_for(controller, sender)
        with atomic(self):
            shares = self.line(controller, False).claim_by_amount(assets)
            self.transfer(POOL, receiver, shares)
        return shares

    def mint_claimed(self, sender: Hashable, shares: int, receiver: Hashable, controller: Hashable) -> int:
        """Claim `shares`; what was handed in for them."""
        self._check_acts_for(controller, sender)
        with atomic(self):
            assets = self.line(controller, False).claim_by_result(shares)
            self.transfer(POOL, receiver, shares)
        return assets

    def withdraw(self, sender: Hashable, assets: int, receiver: Hashable, controller: Hashable, *, now: int) -> int:
        """Claim `assets`; the shares that were handed in for them."""
        self._check_acts_for(controller, sender)
        with atomic(self, self.vault):
            shares = self.line(controller, True).claim_by_result(assets)
            self.vault.withdraw(POOL, self.exit_account, assets, receiver, now=now)
        return shares

    def redeem(self, sender: Hashable, shares: int, receiver: Hashable, controller: Hashable, *, now: int) -> int:
        """Claim the tokens that `shares` brought."""
        self._check_acts_for(controller, sender)
        with atomic(self, self.vault):
            assets = self.line(controller, True).claim_by_amount(shares)
            self.vault.withdraw(POOL, self.exit_account, assets, receiver, now=now)
        return assets

    # Anyone

    def draw(self, market: int, *, now: int) -> int:
        """What the pool's book can spare above its target, into the pool's cash."""
        engine = self._engine()
        require(market in self.markets, "vault: unknown market")
        venue = self.markets[market]
        with atomic(self.vault, venue, venue.feed):
            self.vault.release_lock(self.account, market, now=now)
            risk = venue.book_risk(self.account, now)
            target = risk.maintenance + mul_wad_up(engine.policy(self.account).z_target, risk.sigma_loss)
            spare = risk.equity - max(risk.initial, target)
            require(spare > 0 and risk.withdrawable > 0, NOTHING_TO_SPARE)
            amount = min(spare, risk.withdrawable)
            engine.transfer_margin(POOL, self.account, market, 0, amount, now=now)
        return amount

    def set_operator(self, sender: Hashable, operator: Hashable, approved: bool) -> None:
        """Let an operator act for the sender, or no longer."""
        if approved:
            self.operators.add((sender, operator))
        else:
            self.operators.discard((sender, operator))

    # Owner

    def seed(self, sender: Hashable, amount: int) -> None:
        """The first money [raw], a share per dollar."""
        self.check_owner(sender)
        require(self.supply == 0, IS_SEEDED)
        with atomic(self, self.vault):
            self.mint(sender, amount * self.vault.scale)
            self.vault.deposit(self.account, amount)

    def set_max_assets(self, sender: Hashable, max_assets: int) -> None:
        """The deposit cap [wad]."""
        self.check_owner(sender)
        self.max_assets = max_assets

    def set_rebalancer(self, sender: Hashable, rebalancer: Rebalancer) -> None:
        """Name the engine, once."""
        self.check_owner(sender)
        require(self.rebalancer is None, REBALANCER_IS_SET)
        require(self.vault.roles.get(rebalancer, 0) & REBALANCER != 0, NO_REBALANCER)
        self.rebalancer = rebalancer

    def set_policy(self, sender: Hashable, policy: Policy, *, now: int) -> None:
        """How the engine keeps the pool's books."""
        self.check_owner(sender)
        self._engine().set_policy(POOL, self.account, policy, now=now)

    # Views

    def net_assets(self, now: int, due: int = 0, rounds: Sequence[int] | None = None) -> NetAssets:
        """At the present price, its average and, where rounds are given, the first of each book from `due` on."""
        treasury = self.vault.treasury(self.account)
        totals, free = [treasury.cash] * 3, treasury.cash - treasury.locked
        proofs = list(rounds or [])
        for id_ in filter(None, treasury.books):
            require(rounds is None or bool(proofs), WRONG_ROUNDS)
            round_ = None if rounds is None else proofs.pop(0)
            values, lacking = self._book(id_, round_, due, now)
            require(values[0] >= 0, DEFICIT)
            totals = [total + value for total, value in zip(totals, values, strict=True)]
            free -= lacking
        require(not proofs, WRONG_ROUNDS)
        require(min(totals) >= 0, DEFICIT)
        return NetAssets(totals[0], min(totals), max(totals), max(free, 0))

    def total_assets(self, now: int) -> int:
        """Net assets at the present price [raw], rounded down."""
        return self.net_assets(now).present // self.vault.scale

    def to_shares(self, assets: int, now: int) -> int:
        """Tokens [raw] in shares at the present price, rounded down."""
        return self.shares_down(assets * self.vault.scale, self.net_assets(now).present)

    def to_assets(self, shares: int, now: int) -> int:
        """Shares in tokens [raw] at the present price, rounded down."""
        return self.assets_down(shares, self.net_assets(now).present)

    def pending(self, id_: int, controller: Hashable, is_exit: bool) -> int:
        """What a pending request of that kind and controller was handed."""
        request = self.requests.get(id_)
        if request is None or (request.status, request.controller, request.is_exit) != (PENDING, controller, is_exit):
            return 0
        return request.amount

    def claimable(self, id_: int, controller: Hashable, is_exit: bool) -> int:
        """What of an executed request of that kind and controller has not been claimed."""
        request = self.requests.get(id_)
        if request is None or (request.status, request.controller, request.is_exit) != (EXECUTED, controller, is_exit):
            return 0
        end = request.start + request.amount
        return end - min(end, max(request.start, self.line(controller, is_exit).claimed))

    def line(self, controller: Hashable, is_exit: bool) -> Line:
        """A controller's line of exits or entries."""
        lines = self.exits if is_exit else self.entries
        return lines.setdefault(controller, Line())

    # Internal

    def _execute_exit(self, id_: int, request: Request, worth: NetAssets, now: int) -> int:
        scale = self.vault.scale
        shares, rest = request.amount, 0
        assets, free = self.assets_down(shares, worth.lowest), worth.free // scale
        if assets > free:
            require(free > 0, NO_FREE_CASH)
            assets = free
            shares = min(shares, self.shares_up(assets * scale, worth.lowest))
            if shares < request.amount:
                rest = self._queue(request.controller, True, request.amount - shares, request.due)
        self._execute(id_, request, shares, assets)
        self.burn(POOL, shares)
        if assets:
            self.move(self.account, self.exit_account, assets, now=now)
        return rest

    def _execute(self, id_: int, request: Request, amount: int, brings: int) -> None:
        line = self.line(request.controller, request.is_exit)
        self.requests[id_] = replace(request, status=EXECUTED, amount=amount, start=line.executed)
        line.executed += amount
        line.owed += brings

    def _open(self, controller: Hashable, is_exit: bool, amount: int, now: int) -> int:
        require(controller is not None, NO_CONTROLLER)
        require(amount != 0, EMPTY_REQUEST)
        return self._queue(controller, is_exit, amount, now + REQUEST_DELAY)

    def _queue(self, controller: Hashable, is_exit: bool, amount: int, due: int) -> int:
        id_ = len(self.requests) + 1
        self.requests[id_] = Request(controller, due, is_exit, amount)
        return id_

    def _waiting(self, id_: int) -> Request:
        request = self.requests.get(id_)
        require(request is not None and request.status == PENDING, NO_REQUEST)
        assert request is not None
        return request

    def _book(self, id_: int, round_: int | None, due: int, now: int) -> tuple[list[int], int]:
        """What a book is worth at each price, at most what the vault holds for its market; what it lacks to im."""
        market, held = self.markets[id_], self.vault.markets[id_].balance
        book = market.book(self.account)
        if book.size == 0 and book.legs == 0:
            return [min(book.base, held)] * 3, 0
        quote, (funding, _) = market.feed.quote(now), market.funding(now)
        risk = market.book_risk(self.account, now)
        first = quote.price
        if round_ is not None:
            require(not quote.unconfirmed, UNCONFIRMED)
            first = market.feed.first_round(round_, due, now)[0]
        prices = (quote.price, quote.average, first)
        values = [min(equity_of(book.size, book.base, price, funding), held) for price in prices]
        return values, max(risk.initial - risk.equity, 0)

    def _engine(self) -> Rebalancer:
        require(self.rebalancer is not None, NO_REBALANCER)
        assert self.rebalancer is not None
        return self.rebalancer

    def _check_acts_for(self, party: Hashable, sender: Hashable) -> None:
        require(sender == party or (party, sender) in self.operators, NO_RIGHT)
