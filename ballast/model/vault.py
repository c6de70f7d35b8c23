"""`Vault.vy` and `Outflow.vy` in integers: custody, accounts, debt and the firewall between markets.

Senders and collateral tokens are any hashable values; `token=None` is the settlement token. Amounts are USD [wad] or
whole tokens [wad units] inside and token units [raw] in `deposit`, `withdraw`, `claim` and `collect_revenue`. Every
call that looks at the clock takes `now` [s], which an account in debt needs in every call: interest.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from ballast.model.atomic import atomic
from ballast.model.errors import require
from ballast.model.fixed_point import mul_div_up, mul_wad_down, mul_wad_up

WAD = 10**18

TRADE, MARGIN, WITHDRAW, ALL_RIGHTS = 1, 2, 4, 7
EXCHANGE, REBALANCER, LIQUIDATOR = 1, 2, 4

BOOKS = 8
MAX_MARKETS = 127
MAX_ORDERS = 32
MAX_REWARD = 200 * WAD
WINDOW = 86_400
LOCK_PERIOD = 3_600
MAX_TOKENS = 8
MIN_CAPACITY = WAD
MAX_CAPACITY = 2**95

_CASH_BOUND = 2**111
_AMOUNT_BOUND = 2**96
_SUPPLY_BOUND = 2**128


class BookHealth(Protocol):
    """What the vault asks of a book's risk."""

    @property
    def equity(self) -> int: ...
    @property
    def maintenance(self) -> int: ...


class Venue(Protocol):
    """What the vault calls of a market."""

    def move_margin(self, account: int, amount: int) -> tuple[int, bool]: ...
    def seize(self, account: int, bidder: int, fraction: int, now: int) -> bool: ...
    def absorb(self, account: int, now: int) -> tuple[int, bool]: ...
    def book_risk(self, account: int, now: int) -> BookHealth: ...


class TreasuryHealth(Protocol):
    """What the vault asks of a treasury's risk."""

    @property
    def equity(self) -> int: ...
    @property
    def initial(self) -> int: ...


class Valuer(Protocol):
    """What the vault calls of a collateral model."""

    def treasury_risk(self, account: int, cash: int, now: int) -> TreasuryHealth: ...


class Lender(Protocol):
    """What the vault calls of a credit pool."""

    @property
    def account(self) -> int: ...
    def debt_index(self, now: int) -> int: ...
    def available(self, now: int) -> int: ...
    def change_debt(self, shares: int, idle: int, *, now: int) -> None: ...
    def write_off(self, shares: int, idle: int, *, now: int) -> None: ...


@dataclass(frozen=True)
class Transfer:
    """Margin into the book at a slot, or out of it."""

    slot: int
    amount: int  # [wad]


@dataclass(frozen=True)
class Treasury:
    """An account's free part and its list of books."""

    cash: int  # [wad] negative: debt
    escrow: int  # [wad]
    locked: int  # [wad]
    last_trade: int  # [s]
    books: tuple[int, ...]  # market ids by slot; 0 = empty slot
    collateral: int = 0  # bit i: collateral token i is held

    @property
    def slots(self) -> int:
        """The list as the contract packs it."""
        return sum(market << 8 * slot for slot, market in enumerate(self.books))


@dataclass
class Lock:
    """Profit of one market that must stay in the account."""

    amount: int = 0  # [wad]
    grown: int = 0  # [s] when it last grew


@dataclass
class Collateral:
    """A token held beside cash."""

    token: Hashable
    decimals: int
    cap: int  # [wad units]
    total: int = 0  # [wad units] what accounts hold
    custody: int = 0  # [raw] paid in less paid out

    @property
    def scale(self) -> int:
        """[wad units] per token unit [raw]."""
        return int(10 ** (18 - self.decimals))


@dataclass
class Account:
    """What the vault stores of an account."""

    owner: Hashable
    pending_owner: Hashable = None
    epoch: int = 0  # how often it has changed hands
    cash: int = 0  # [wad] at least 0
    shares: int = 0  # [wad] of debt
    escrow: int = 0  # [wad]
    books: list[int] = field(default_factory=lambda: [0] * BOOKS)
    last_trade: int = 0  # [s]
    orders: int = 0
    operators: dict[Hashable, tuple[int, int, int]] = field(default_factory=dict)  # epoch, rights, expiry [s]
    locks: dict[int, Lock] = field(default_factory=dict)  # by market
    collateral: list[int] = field(default_factory=lambda: [0] * MAX_TOKENS)  # [wad units] by index

    @property
    def locked(self) -> int:
        """Σ of the locks [wad]."""
        return sum(lock.amount for lock in self.locks.values())

    def set_cash(self, cash: int, shares: int = 0) -> None:
        """Cash or debt within their packed field."""
        require(cash < _CASH_BOUND and shares <= _CASH_BOUND, "math: out of range")
        self.cash, self.shares = cash, shares

    def set_escrow(self, escrow: int) -> None:
        """Escrow within its packed field."""
        require(escrow < _AMOUNT_BOUND, "math: out of range")
        self.escrow = escrow

    def open_book(self, market: int) -> None:
        """Put a market into its slot, or the first empty one."""
        if market not in self.books:
            require(0 in self.books, "vault: too many books")
            self.books[self.books.index(0)] = market

    def free_book(self, market: int) -> None:
        """Empty a market's slot."""
        self.books[self.books.index(market)] = 0


@dataclass
class Ledger:
    """What the vault stores of a market."""

    venue: Venue
    balance: int = 0  # [wad]
    capacity: int = 0  # [wad] of the meter
    used: int = 0  # [wad] of the meter when it was last stored
    updated: int = 0  # [s]

    def metered(self, now: int) -> int:
        """What of the meter is in use now [wad]."""
        drained = self.capacity * (now - self.updated) // WINDOW
        return self.used - min(drained, self.used)

    def draw(self, amount: int, now: int) -> int:
        """Use the meter for up to `amount`; what it let through [wad]."""
        used = self.metered(now)
        drawn = min(amount, self.capacity - min(used, self.capacity))
        if drawn:
            self.used, self.updated = used + drawn, now
        return drawn


class Vault:
    """Custody of one settlement token and up to eight collateral tokens."""

    def __init__(self, decimals: int, pool_share: int, owner: Hashable = "owner", *, insurance_share: int = 0) -> None:
        require(pool_share + insurance_share <= WAD, "vault: parameter out of bounds")
        require(decimals <= 18, "vault: more than 18 decimals")
        self.owner = owner
        self.scale = 10 ** (18 - decimals)
        self.pool_share = pool_share
        self.insurance_share = insurance_share
        self.custody = 0  # [raw] paid in less paid out
        self.accounts: dict[int, Account] = {}
        self.markets: dict[int, Ledger] = {}
        self.collateral: list[Collateral] = []
        self.collateral_model: Valuer | None = None
        self.roles: dict[Hashable, int] = {}
        self.claimable: dict[Hashable, int] = {}  # [wad]
        self.pool_account = 0
        self.insurance_account = 0
        self.insurance_due = 0  # [wad]
        self.lender: Lender | None = None
        self.guardian: Hashable = None
        self.protocol_revenue = 0  # [wad]

    # Anyone

    def open_account(self, owner: Hashable) -> int:
        self._check_party(owner)
        account = len(self.accounts) + 1
        self.accounts[account] = Account(owner)
        return account

    def deposit(
        self, account: int, amount: int, token: Hashable = None, *, sender: Hashable = None, now: int = 0
    ) -> None:
        """Who sends matters for the first of a collateral token only."""
        require(amount != 0, "vault: zero amount")
        self._check_account(account)
        state = self.accounts[account]
        if token is None:
            self._credit(account, amount * self.scale, now)
            self.custody += amount
            return
        index = self._place(token)
        held = self.collateral[index]
        require(amount <= max(held.cap - held.total, 0) // held.scale, "vault: collateral cap")
        first = state.collateral[index] == 0
        require(not first or self.authorised(account, sender, 0, now=now), "vault: owner deposits it first")
        held.total += amount * held.scale
        held.custody += amount
        state.collateral[index] += amount * held.scale

    def release_lock(self, account: int, market: int, *, now: int) -> int:
        state = self.accounts.get(account) or Account(None)
        lock = state.locks.get(market, Lock())
        if lock.amount == 0:
            return 0
        require(now >= lock.grown + LOCK_PERIOD, "vault: lock is too young")
        if market in state.books:
            risk = self.markets[market].venue.book_risk(account, now)
            require(risk.equity >= risk.maintenance, "vault: book below maintenance")
        released = self.markets[market].draw(lock.amount, now)
        lock.amount -= released
        return released

    def claim(self, claimant: Hashable, receiver: Hashable) -> int:
        amount = self.claimable.get(claimant, 0) // self.scale
        self._pay(receiver, amount)
        self.claimable[claimant] = self.claimable.get(claimant, 0) - amount * self.scale
        return amount

    def collect_insurance(self, *, now: int) -> int:
        if self.insurance_account == 0:
            return 0
        due, self.insurance_due = self.insurance_due, 0
        self._credit(self.insurance_account, due, now)
        return due

    # Account owner and operators

    def withdraw(
        self, sender: Hashable, account: int, amount: int, receiver: Hashable, token: Hashable = None, *, now: int
    ) -> None:
        self._check_right(account, sender, WITHDRAW, now)
        require(amount != 0, "vault: zero amount")
        with self._atomic():
            if token is not None:
                self._withdraw_collateral(account, amount, receiver, token, now)
                return
            require(amount <= _CASH_BOUND, "vault: insufficient cash")
            self._spend(account, 0, amount * self.scale, now)
            self._pay(receiver, amount)

    def set_operator(self, sender: Hashable, account: int, operator: Hashable, rights: int, expiry: int) -> None:
        require(account in self.accounts and sender == self.accounts[account].owner, "access: not the owner")
        require(rights <= ALL_RIGHTS and expiry < 2**40, "vault: parameter out of bounds")
        state = self.accounts[account]
        state.operators[operator] = (state.epoch, rights, expiry)

    def transfer_account(self, sender: Hashable, account: int, new_owner: Hashable) -> None:
        require(account in self.accounts and sender == self.accounts[account].owner, "access: not the owner")
        require(new_owner is not self, "vault: zero address")
        self.accounts[account].pending_owner = new_owner

    def accept_account(self, sender: Hashable, account: int) -> None:
        require(account in self.accounts, "access: not the new owner")
        state = self.accounts[account]
        require(state.pending_owner is not None and sender == state.pending_owner, "access: not the new owner")
        state.owner, state.pending_owner = sender, None
        state.epoch += 1

    # Engines

    def transfer_margin(
        self,
        engine: Hashable,
        account: int,
        transfers: Iterable[Transfer],
        reward: int = 0,
        keeper: Hashable = None,
        *,
        now: int,
    ) -> int:
        self._check_engine(engine, REBALANCER | LIQUIDATOR)
        require(reward <= MAX_REWARD, "vault: reward too high")
        transfers = list(transfers)
        if account not in self.accounts:  # an empty word: no cash, no books
            require(not transfers, "vault: no such book")
            return 0
        state = self.accounts[account]
        with self._atomic(*(market for market in state.books if market)):
            before = cash = self._cash(state, now)
            for transfer in transfers:
                market = state.books[transfer.slot] if transfer.slot < BOOKS else 0
                require(market != 0, "vault: no such book")
                self._move_margin(account, market, transfer.amount, now)
                cash -= transfer.amount
            self._check_debt(account, cash, now)
            kept = state.locked or min(before, 0)
            paid = min(reward, max(cash - kept, 0))
            self._set_cash(state, cash - paid, now)
        self._reward(keeper, paid)
        return paid

    def allocate(self, engine: Hashable, account: int, actor: Hashable, market: int, amount: int, *, now: int) -> None:
        self._check_engine(engine, REBALANCER)
        self._check_right(account, actor, MARGIN, now)
        require(amount != 0, "vault: zero amount")
        state = self.accounts[account]
        with self._atomic(market):
            cash = self._cash(state, now) - amount
            if amount > 0:
                self._check_debt(account, cash, now)
                state.open_book(market)
            else:
                require(market in state.books, "vault: no such book")
            self._move_margin(account, market, amount, now)
            state.last_trade = now
            self._set_cash(state, cash, now)

    def reallocate(
        self, engine: Hashable, account: int, actor: Hashable, source: int, target: int, amount: int, *, now: int
    ) -> None:
        self._check_engine(engine, REBALANCER)
        self._check_right(account, actor, MARGIN, now)
        require(amount != 0, "vault: zero amount")
        state = self.accounts[account]
        require(source in state.books, "vault: no such book")
        with self._atomic(source, target):
            self._move_margin(account, source, -amount, now)
            state.open_book(target)
            self._move_margin(account, target, amount, now)
            state.last_trade = now

    def lock_escrow(
        self, engine: Hashable, account: int, actor: Hashable, margin: int, execution_fee: int, *, now: int
    ) -> None:
        self._check_engine(engine, EXCHANGE)
        self._check_right(account, actor, TRADE, now)
        state = self.accounts[account]
        with self._atomic():
            self._spend(account, margin, execution_fee, now)
            require(state.orders < MAX_ORDERS, "vault: too many orders")
            state.set_escrow(state.escrow + margin + execution_fee)
            state.orders += 1
            state.last_trade = now

    def release_escrow(
        self, engine: Hashable, account: int, amount: int, execution_fee: int, executor: Hashable, *, now: int
    ) -> None:
        self._check_engine(engine, EXCHANGE)
        state = self.accounts[account]
        with self._atomic():
            self._take_escrow(state, amount)
            self._credit(account, amount - execution_fee, now)
            state.orders -= 1
            self._reward(executor, execution_fee)

    def fill_order(
        self,
        engine: Hashable,
        account: int,
        market: int,
        margin: int,
        fee: int,
        execution_fee: int,
        executor: Hashable,
        last: bool,
        *,
        now: int,
    ) -> None:
        self._check_engine(engine, EXCHANGE)
        state = self.accounts[account]
        with self._atomic(market):
            self._take_escrow(state, margin + execution_fee)
            state.open_book(market)
            state.orders -= last
            state.last_trade = now
            self._collect_fee(market, fee, now)
            self._reward(executor, execution_fee)
            self._move(account, market, margin - fee)

    def top_up_pool(self, engine: Hashable, market: int, amount: int, *, now: int) -> int:
        self._check_engine(engine, EXCHANGE | REBALANCER | LIQUIDATOR)
        if self.pool_account == 0:
            return 0
        state = self.accounts[self.pool_account]
        moved = min(amount, state.cash)  # which is nothing where it owes
        if moved:
            with self._atomic(market):
                state.open_book(market)
                self._move(self.pool_account, market, moved)
                state.set_cash(state.cash - moved)
        return moved

    # Liquidators

    def seize_book(
        self,
        engine: Hashable,
        account: int,
        bidder: int,
        actor: Hashable,
        market: int,
        fraction: int,
        payment: int,
        penalty: int,
        margin: int,
        *,
        now: int,
    ) -> bool:
        self._check_bidder(engine, account, bidder, actor, now)
        self._check_book(account, market)
        with self._atomic(market):
            empty = self.markets[market].venue.seize(account, bidder, fraction, now)
            self._spend(bidder, margin, payment + penalty, now)
            self.accounts[bidder].open_book(market)
            if margin:
                self._move(bidder, market, margin)
            if empty:
                self.accounts[account].free_book(market)
                self._credit(account, payment, now)
            elif payment:
                self._move(account, market, payment)
            self._penalise(penalty, now)
        return empty

    def absorb_book(self, engine: Hashable, account: int, market: int, *, now: int) -> int:
        self._check_engine(engine, LIQUIDATOR)
        self._check_book(account, market)
        with self._atomic(market):
            self.accounts[self.pool_account].open_book(market)
            loss, empty = self.markets[market].venue.absorb(account, now)
            if empty:
                self.accounts[account].free_book(market)
        return loss

    def seize_collateral(
        self,
        engine: Hashable,
        account: int,
        bidder: int,
        actor: Hashable,
        index: int,
        amount: int,
        payment: int,
        penalty: int,
        *,
        now: int,
    ) -> None:
        self._check_bidder(engine, account, bidder, actor, now)
        self._check_owes(account)
        require(amount != 0, "vault: zero amount")
        held = self.accounts[account].collateral
        require(index < MAX_TOKENS and amount <= held[index], "vault: insufficient collateral")
        with self._atomic():
            self.accounts[account].collateral[index] -= amount
            self.accounts[bidder].collateral[index] += amount
            self._spend(bidder, 0, payment + penalty, now)
            self._credit(account, payment, now)
            self._penalise(penalty, now)

    def cover_deficit(self, engine: Hashable, account: int, market: int, amount: int, *, now: int) -> None:
        self._check_engine(engine, LIQUIDATOR)
        self._check_account(account)
        with self._atomic(market):
            self.collect_insurance(now=now)
            require(self.insurance_account != 0 or amount == 0, "vault: insufficient cash")
            self._spend(self.insurance_account, 0, amount, now)
            if market == 0:
                self._credit(account, amount, now)
            else:
                self._check_book(account, market)
                self._move(account, market, amount)

    def write_off(self, engine: Hashable, account: int, *, now: int) -> int:
        self._check_engine(engine, LIQUIDATOR)
        self._check_owes(account)
        state = self.accounts[account]
        left = any(state.collateral) or any(state.books) or state.escrow != 0
        require(not left, "vault: something is left")
        assert self.lender is not None
        owed, shares = self._worth(state.shares, now), state.shares
        state.shares = 0
        self.lender.write_off(shares, self.accounts[self.lender.account].cash, now=now)
        return owed

    # Owner

    def add_market(self, sender: Hashable, venue: Venue) -> int:
        self._check_owner(sender)
        require(all(ledger.venue is not venue for ledger in self.markets.values()), "vault: market exists")
        require(len(self.markets) < MAX_MARKETS, "vault: too many markets")
        market = len(self.markets) + 1
        self.markets[market] = Ledger(venue)
        return market

    def set_engine(self, sender: Hashable, engine: Hashable, roles: int) -> None:
        self._check_owner(sender)
        require(roles <= EXCHANGE | REBALANCER | LIQUIDATOR, "vault: parameter out of bounds")
        self.roles[engine] = roles

    def set_pool(self, sender: Hashable, account: int) -> None:
        self._check_owner(sender)
        self._check_account(account)
        require(self.pool_account == 0, "vault: pool is set")
        self.pool_account = account

    def set_insurance(self, sender: Hashable, account: int) -> None:
        self._check_owner(sender)
        self._check_account(account)
        require(self.insurance_account == 0, "vault: insurance is set")
        self.insurance_account = account

    def set_credit_pool(self, sender: Hashable, lender: Lender) -> None:
        self._check_owner(sender)
        self._check_account(lender.account)
        require(self.lender is None, "vault: credit pool is set")
        self.lender = lender

    def set_guardian(self, sender: Hashable, guardian: Hashable) -> None:
        self._check_owner(sender)
        self.guardian = guardian

    def set_meter(self, sender: Hashable, market: int, capacity: int, *, now: int) -> None:
        self._check_owner(sender)
        require(market in self.markets, "vault: unknown market")
        require(capacity == 0 or MIN_CAPACITY <= capacity <= MAX_CAPACITY, "vault: parameter out of bounds")
        ledger = self.markets[market]
        ledger.used, ledger.updated = ledger.metered(now), now
        ledger.capacity = capacity

    def add_collateral(self, sender: Hashable, token: Hashable, decimals: int, cap: int) -> int:
        """`decimals` is what the token says."""
        self._check_owner(sender)
        known = token is None or any(held.token == token for held in self.collateral)
        require(not known, "vault: token exists")
        require(len(self.collateral) < MAX_TOKENS, "vault: too many tokens")
        require(decimals <= 18, "vault: more than 18 decimals")
        require(cap < _SUPPLY_BOUND, "vault: parameter out of bounds")
        self.collateral.append(Collateral(token, decimals, cap))
        return len(self.collateral) - 1

    def set_collateral_cap(self, sender: Hashable, index: int, cap: int) -> None:
        self._check_owner(sender)
        require(index < len(self.collateral), "vault: unknown token")
        require(cap < _SUPPLY_BOUND, "vault: parameter out of bounds")
        self.collateral[index].cap = cap

    def set_collateral_model(self, sender: Hashable, model: Valuer) -> None:
        self._check_owner(sender)
        require(self.collateral_model is None, "vault: collateral model is set")
        self.collateral_model = model

    def collect_revenue(self, sender: Hashable, receiver: Hashable) -> int:
        self._check_owner(sender)
        amount = self.protocol_revenue // self.scale
        self._pay(receiver, amount)
        self.protocol_revenue -= amount * self.scale
        return amount

    # Views

    def authorised(self, account: int, caller: Hashable, right: int, *, now: int) -> bool:
        if account not in self.accounts:
            return False
        state = self.accounts[account]
        rights, expiry = self.operator(account, caller)
        return caller == state.owner or (rights != 0 and rights & right == right and now < expiry)

    def operator(self, account: int, operator: Hashable) -> tuple[int, int]:
        """Rights and expiry [s] that the present owner gave."""
        state = self.accounts[account]
        epoch, rights, expiry = state.operators.get(operator, (0, 0, 0))
        return (rights, expiry) if epoch == state.epoch else (0, 0)

    def treasury(self, account: int, now: int | None = None) -> Treasury:
        """`now` is needed where there is debt."""
        state = self.accounts.get(account) or Account(None)
        held = sum(1 << index for index, amount in enumerate(state.collateral) if amount)
        return Treasury(self._cash(state, now), state.escrow, state.locked, state.last_trade, tuple(state.books), held)

    def collateral_of(self, account: int) -> tuple[int, ...]:
        """Amounts by index [wad units]."""
        state = self.accounts.get(account) or Account(None)
        return tuple(state.collateral)

    def meter(self, market: int, *, now: int) -> tuple[int, int]:
        """Capacity; what may leave now without a lock [wad]."""
        ledger = self.markets[market]
        return ledger.capacity, ledger.capacity - min(ledger.metered(now), ledger.capacity)

    def owed(self) -> int:
        """Everything the vault owes in cash [wad]: SOL-1 says that it equals custody."""
        accounts = sum(state.cash + state.escrow for state in self.accounts.values())
        balances = sum(ledger.balance for ledger in self.markets.values())
        return accounts + balances + sum(self.claimable.values()) + self.insurance_due + self.protocol_revenue

    # Internal

    def _check_owner(self, sender: Hashable) -> None:
        require(sender == self.owner, "ownable: caller is not the owner")

    def _check_engine(self, engine: Hashable, role: int) -> None:
        require(self.roles.get(engine, 0) & role != 0, "access: not the engine")

    def _check_account(self, account: int) -> None:
        require(account in self.accounts, "vault: unknown account")

    def _check_right(self, account: int, actor: Hashable, right: int, now: int) -> None:
        self._check_account(account)
        require(self.authorised(account, actor, right, now=now), "access: no right")

    def _check_party(self, party: Hashable) -> None:
        require(party is not None and party is not self, "vault: zero address")

    def _atomic(self, *markets: int) -> AbstractContextManager[None]:
        venues = (self.markets[market].venue for market in markets if market in self.markets)
        return atomic(self, *venues, *([] if self.lender is None else [self.lender]))

    def _worth(self, shares: int, now: int | None) -> int:
        """What shares of debt come to [wad]."""
        if shares == 0:
            return 0
        assert self.lender is not None and now is not None
        return mul_wad_up(shares, self.lender.debt_index(now))

    def _cash(self, state: Account, now: int | None) -> int:
        """Cash, or less what the account owes [wad]."""
        return state.cash - self._worth(state.shares, now)

    def _set_cash(self, state: Account, cash: int, now: int | None) -> None:
        """Store cash; what the debt has changed by leaves the lender's, or returns there."""
        before, owed, shares = self._worth(state.shares, now), max(-cash, 0), state.shares
        if owed != before:
            idle = before - owed + (self.accounts[self.lender.account].cash if self.lender else 0)
            require(idle >= 0, "vault: not enough to lend")
            assert self.lender is not None and now is not None
            shares = mul_div_up(owed, WAD, self.lender.debt_index(now))
            self.accounts[self.lender.account].set_cash(idle)
            self.lender.change_debt(shares - state.shares, idle, now=now)
        state.set_cash(max(cash, 0), shares)

    def _credit(self, account: int, amount: int, now: int | None) -> None:
        state = self.accounts[account]
        self._set_cash(state, self._cash(state, now) + amount, now)

    def _spend(self, account: int, own: int, leaving: int, now: int) -> None:
        """Take what stays the account's, and what does not and so comes out of what stands above the locks."""
        state = self.accounts[account]
        left = self._cash(state, now) - leaving
        self._check_debt(account, left - own, now)
        require(leaving == 0 or state.locked == 0 or left >= state.locked, "vault: cash is locked")
        self._set_cash(state, left - own, now)

    def _check_debt(self, account: int, cash: int, now: int) -> None:
        """Whether cash may fall to this."""
        state = self.accounts[account]
        if cash < 0 and cash < self._cash(state, now):
            require(any(state.collateral) and self.lender is not None, "vault: insufficient cash")
            require(state.locked == 0, "vault: cash is locked")
            self._check_secured(account, cash, now)

    def _check_secured(self, account: int, cash: int, now: int) -> None:
        """The treasury is at or above its initial margin."""
        require(self.collateral_model is not None, "vault: no collateral model")
        assert self.collateral_model is not None
        risk = self.collateral_model.treasury_risk(account, cash, now)
        require(risk.equity >= risk.initial, "vault: below initial margin")

    def _place(self, token: Hashable) -> int:
        """Index of a collateral token."""
        index = next((index for index, held in enumerate(self.collateral) if held.token == token), None)
        require(index is not None, "vault: unknown token")
        assert index is not None
        return index

    def _withdraw_collateral(self, account: int, amount: int, receiver: Hashable, token: Hashable, now: int) -> None:
        state, index = self.accounts[account], self._place(token)
        held = self.collateral[index]
        require(amount <= state.collateral[index] // held.scale, "vault: insufficient collateral")
        state.collateral[index] -= amount * held.scale
        held.total -= amount * held.scale
        held.custody -= amount
        cash = self._cash(state, now) - state.locked
        if cash < 0:
            self._check_secured(account, cash, now)
        self._check_party(receiver)

    def _move_margin(self, account: int, market: int, amount: int, now: int) -> None:
        state = self.accounts[account]
        beyond, empty = self._move(account, market, amount)
        if empty:
            state.free_book(market)
        if beyond:
            excess = beyond - (self.markets[market].draw(beyond, now) if empty else 0)
            lock = state.locks.setdefault(market, Lock())
            if excess:
                lock.amount, lock.grown = lock.amount + excess, now

    def _move(self, account: int, market: int, amount: int) -> tuple[int, bool]:
        require(market in self.markets, "vault: unknown market")
        ledger = self.markets[market]
        require(ledger.balance + amount >= 0, "vault: market overdrawn")
        require(ledger.balance + amount < _AMOUNT_BOUND, "math: out of range")
        ledger.balance += amount
        return ledger.venue.move_margin(account, amount)

    def _take_escrow(self, state: Account, amount: int) -> None:
        require(amount <= state.escrow, "vault: not in escrow")
        state.escrow -= amount

    def _collect_fee(self, market: int, fee: int, now: int) -> None:
        self._check_account(self.pool_account)
        to_pool, to_insurance = mul_wad_down(fee, self.pool_share), mul_wad_down(fee, self.insurance_share)
        self.insurance_due += to_insurance
        self.protocol_revenue += fee - to_pool - to_insurance
        require(max(self.insurance_due, self.protocol_revenue) < _AMOUNT_BOUND, "math: out of range")
        self._credit(self.pool_account, to_pool, now)
        self.accounts[self.pool_account].open_book(market)

    def _check_bidder(self, engine: Hashable, account: int, bidder: int, actor: Hashable, now: int) -> None:
        self._check_engine(engine, LIQUIDATOR)
        require(account != bidder, "vault: bid for its own")
        if actor != engine or bidder == 0 or bidder not in (self.pool_account, self.insurance_account):
            self._check_right(bidder, actor, TRADE, now)

    def _check_book(self, account: int, market: int) -> None:
        known = account in self.accounts and market != 0 and market in self.accounts[account].books
        require(known, "vault: no such book")

    def _check_owes(self, account: int) -> None:
        require(account in self.accounts and self.accounts[account].shares != 0, "vault: no debt")

    def _penalise(self, penalty: int, now: int) -> None:
        if penalty:
            self._check_account(self.insurance_account)
            self._credit(self.insurance_account, penalty, now)

    def _reward(self, claimant: Hashable, amount: int) -> None:
        if amount:
            self.claimable[claimant] = self.claimable.get(claimant, 0) + amount

    def _pay(self, receiver: Hashable, amount: int) -> None:
        self._check_party(receiver)
        self.custody -= amount
