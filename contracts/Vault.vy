# pragma version 0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title Custody, accounts and the firewall between markets
@license AGPL-3.0-only
@notice The only contract that holds tokens. It counts who is owed what, and lets no engine move value except between
        the books and the cash of one account, plus fees and rewards that are bounded here.
@dev At every moment: Σ cash + Σ market balances + Σ escrow + Σ claimable + protocol revenue = what was deposited less
     what was paid out, and the tokens held are worth at least that. Nothing is measured by `balanceOf` but a deposit.
@custom:security The lock covers every view, so nothing reads the vault in the middle of a change. Engines and markets
                 are registered by the owner; a market can at worst lose what the vault holds for it.
@custom:kill Nothing here stops. Revoke an engine with `set_engine(engine, 0)`: deposits, withdrawals of free cash and
             claims go on.
"""

from ethereum.ercs import IERC20
from ethereum.ercs import IERC20Detailed

from interfaces import IMarket
from interfaces import IVault
implements: IVault

from snekmate.auth import ownable
initializes: ownable

from .modules import book_list
from .modules import errors
from .modules import fixed_point
from .modules import vault_slots


# Administration: the owner changes hands, but cannot be lost
exports: (
    ownable.owner,
    ownable.transfer_ownership,
)


# Rights of operators [bits]
TRADE: constant(uint256) = 1
MARGIN: constant(uint256) = 2
WITHDRAW: constant(uint256) = 4
ALL_RIGHTS: constant(uint256) = 7

# Roles of engines [bits]
EXCHANGE: constant(uint256) = 1
REBALANCER: constant(uint256) = 2
ALL_ROLES: constant(uint256) = 3

MAX_MARKETS: constant(uint256) = 127        # market ids are a byte in the books' list, the top bit to spare
MAX_ORDERS: constant(uint256) = 32          # open orders of an account, so that one call can end them all
MAX_REWARD: public(constant(uint256)) = 200 * 10**18    # [wad] whatever an engine asks for, a call pays no more
WINDOW: constant(uint256) = 86_400          # [s] in which a full meter drains
MIN_CAPACITY: constant(uint256) = 10**18    # [wad] of a meter; below it the drain per second rounds coarsely
MAX_CAPACITY: constant(uint256) = 2**95     # [wad] of a meter, within its packed field


SETTLEMENT: public(immutable(address))      # the one token in which cash is counted
SCALE: public(immutable(uint256))           # [wad] per token unit [raw]
POOL_SHARE: public(immutable(uint256))      # [wad] of each trading fee that the pool earns


account_count: public(uint256)
guardian: public(address)                       # may tighten what the owner set, never loosen it
market_count: public(uint256)
roles: public(HashMap[address, uint256])        # engine → bits
claimable: public(HashMap[address, uint256])    # keeper or executor → [wad]

_accounts: HashMap[uint256, uint256]            # account → cash, books, last trade, orders, lock flag
_owners: HashMap[uint256, uint256]              # account → owner, escrow
_operators: HashMap[uint256, HashMap[address, uint256]]     # account → operator → rights, expiry
_markets: HashMap[uint256, uint256]             # market → implementation, balance
_market_ids: HashMap[address, uint256]          # implementation → market
_meters: HashMap[uint256, uint256]              # market → capacity, used, updated
_locks: HashMap[uint256, HashMap[uint256, uint256]]         # account → market → [wad]
_locked: HashMap[uint256, uint256]              # account → Σ of its locks [wad]
_house: uint256                                 # pool account, protocol revenue


@deploy
def __init__(settlement: address, pool_share: uint256):
    """
    @param settlement An ERC-20 with at most 18 decimals.
    @param pool_share Share of each trading fee that the pool earns [wad].
    """
    ownable.__init__()
    decimals: uint256 = convert(staticcall IERC20Detailed(settlement).decimals(), uint256)
    assert decimals <= 18, errors.BAD_DECIMALS
    assert pool_share <= fixed_point.WAD, errors.VAULT_PARAMETER

    SETTLEMENT = settlement
    SCALE = 10 ** (18 - decimals)
    POOL_SHARE = pool_share


################################################################
#                            ANYONE                            #
################################################################


@external
def open_account(owner: address) -> uint256:
    """
    @notice Open an account for `owner`. Open to all.
    @param owner Who controls the account; not zero, not the vault.
    @return The account's id; ids count from 1.
    """
    self._check_party(owner)

    account: uint256 = self.account_count + 1
    self.account_count = account
    self._owners[account] = vault_slots._pack_holding(owner, 0)

    log IVault.AccountOpened(account=account, owner=owner)
    return account


@external
def deposit(account: uint256, token: address, amount: uint256):
    """
    @notice Pull `amount` of `token` from the caller into the account's cash. Open to all.
    @dev The credit equals what arrived; a token that takes a fee on transfer is refused.
    @param account Account id.
    @param token The settlement token.
    @param amount Token units [raw].
    """
    self._check_token(token, amount)
    assert self._owners[account] != 0, errors.UNKNOWN_ACCOUNT

    before: uint256 = staticcall IERC20(token).balanceOf(self)
    success: bool = extcall IERC20(token).transferFrom(msg.sender, self, amount, default_return_value=True)
    assert success, errors.TRANSFER_FAILED
    after: uint256 = staticcall IERC20(token).balanceOf(self)
    assert after == before + amount, errors.WRONG_AMOUNT_RECEIVED

    self._credit(account, amount * SCALE)
    log IVault.Deposited(account=account, token=token, sender=msg.sender, amount=amount)


@external
def release_lock(account: uint256, market: uint256) -> uint256:
    """
    @notice Release as much of a lock as the market's meter has refilled. Open to all.
    @param account Account id.
    @param market Market id that the locked profit came from.
    @return What was released [wad].
    """
    lock: uint256 = self._locks[account][market]
    released: uint256 = self._draw_meter(market, lock)
    if released == 0:
        return 0

    locked: uint256 = self._locked[account] - released
    self._locks[account][market] = lock - released
    self._locked[account] = locked
    if locked == 0:
        state: vault_slots.Account = self._load(account)
        state.locked = False
        self._store(account, state)

    log IVault.Unlocked(account=account, market=market, amount=released)
    return released


@external
def claim(receiver: address) -> uint256:
    """
    @notice Pay out the caller's rewards and execution fees; dust below a token unit stays.
    @param receiver Who gets the tokens.
    @return Token units paid [raw].
    """
    amount: uint256 = self.claimable[msg.sender] // SCALE
    self.claimable[msg.sender] -= amount * SCALE

    log IVault.Claimed(claimant=msg.sender, receiver=receiver, amount=amount)
    self._pay(receiver, amount)
    return amount


################################################################
#                 ACCOUNT OWNER AND OPERATORS                  #
################################################################


@external
def withdraw(account: uint256, token: address, amount: uint256, receiver: address):
    """
    @notice Pay out free cash: cash above the account's locks. Needs no price. Owner or WITHDRAW operator.
    @param account Account id.
    @param token The settlement token.
    @param amount Token units [raw].
    @param receiver Who gets the tokens; not zero, not the vault.
    """
    self._check_right(account, msg.sender, WITHDRAW)
    self._check_token(token, amount)
    state: vault_slots.Account = self._load(account)
    assert amount <= convert(max(state.cash, 0), uint256) // SCALE, errors.INSUFFICIENT_CASH

    state.cash -= convert(amount * SCALE, int256)
    assert state.cash >= self._locked_cash(account, state.locked), errors.CASH_LOCKED
    self._store(account, state)

    log IVault.Withdrawn(account=account, token=token, receiver=receiver, amount=amount)
    self._pay(receiver, amount)


@external
def set_operator(account: uint256, operator: address, rights: uint256, expiry: uint256):
    """
    @notice Give an operator rights until a time, or take them away with `rights = 0`. Owner only.
    @param account Account id.
    @param operator Who acts for the account.
    @param rights Bits: 1 TRADE, 2 MARGIN, 4 WITHDRAW.
    @param expiry First moment at which the rights are gone [s].
    """
    assert msg.sender == self._owner_of(account), errors.NOT_OWNER
    assert rights <= ALL_RIGHTS and expiry < 2**40, errors.VAULT_PARAMETER
    self._operators[account][operator] = vault_slots._pack_operator(rights, expiry)
    log IVault.OperatorSet(account=account, operator=operator, rights=rights, expiry=expiry)


################################################################
#                           ENGINES                            #
################################################################


@external
def transfer_margin(
    account: uint256, transfers: DynArray[IVault.Transfer, 8], reward: uint256, keeper: address
) -> uint256:
    """
    @notice Move margin between the books and the cash of one account, and credit the keeper. REBALANCER only.
    @dev The account's total changes by the reward alone. Profit beyond the account's net deposits is metered and its
         excess locked. The reward never digs into locked cash: it is cut to what stands above the locks.
    @param account Account id.
    @param transfers Books by slot with signed amounts; a slot may repeat.
    @param reward Most the keeper is credited, taken from cash [wad].
    @param keeper Who earns it.
    @return The reward paid [wad].
    """
    self._check_engine(REBALANCER)
    assert reward <= MAX_REWARD, errors.REWARD_TOO_HIGH
    state: vault_slots.Account = self._load(account)

    for transfer: IVault.Transfer in transfers:
        market: uint256 = book_list._at(state.books, transfer.slot)
        locks: bool = False
        state.books, locks = self._move_margin(account, state.books, market, transfer.amount)
        state.cash -= transfer.amount
        state.locked = state.locked or locks
    assert state.cash >= 0, errors.INSUFFICIENT_CASH

    free: int256 = max(state.cash - self._locked_cash(account, state.locked), 0)
    paid: uint256 = min(reward, convert(free, uint256))
    state.cash -= convert(paid, int256)
    self._store(account, state)
    self._reward(account, keeper, paid)
    return paid


@external
def allocate(account: uint256, actor: address, market: uint256, amount: int256):
    """
    @notice Move cash into a book, opening it in the account's list where it is new, or margin out. REBALANCER only.
    @dev How much may come out is the Rebalancer's check; that `actor` may act is checked here.
    @param account Account id.
    @param actor Owner or MARGIN operator in whose name this happens.
    @param market Market id.
    @param amount Into the book if positive [wad].
    """
    self._check_engine(REBALANCER)
    self._check_right(account, actor, MARGIN)
    assert amount != 0, errors.ZERO_AMOUNT
    state: vault_slots.Account = self._load(account)
    if amount > 0:
        assert state.cash >= amount, errors.INSUFFICIENT_CASH
        state.books = book_list._opened(state.books, market)
    else:
        assert book_list._find(state.books, market) < book_list.BOOKS, errors.NO_BOOK

    locks: bool = False
    state.books, locks = self._move_margin(account, state.books, market, amount)
    state.cash -= amount
    state.locked = state.locked or locks
    state.last_trade = block.timestamp
    self._store(account, state)


@external
def reallocate(account: uint256, actor: address, source: uint256, target: uint256, amount: uint256):
    """
    @notice Move margin from one book to another, as `allocate` would out and in again. REBALANCER only.
    @dev One call takes 2,800 gas less than two. How much may come out is the Rebalancer's check; that `actor` may act
         is checked here.
    @param account Account id.
    @param actor Owner or MARGIN operator in whose name this happens.
    @param source Market id of the book that gives.
    @param target Market id of the book that receives, opened in the account's list where it is new.
    @param amount Margin [wad].
    """
    self._check_engine(REBALANCER)
    self._check_right(account, actor, MARGIN)
    assert amount != 0, errors.ZERO_AMOUNT
    moved: int256 = convert(amount, int256)
    state: vault_slots.Account = self._load(account)
    assert book_list._find(state.books, source) < book_list.BOOKS, errors.NO_BOOK

    locks: bool = False
    state.books, locks = self._move_margin(account, state.books, source, -moved)
    state.locked = state.locked or locks
    assert state.cash >= 0, errors.INSUFFICIENT_CASH
    state.books = book_list._opened(state.books, target)
    state.books, locks = self._move_margin(account, state.books, target, moved)
    state.locked = state.locked or locks
    state.last_trade = block.timestamp
    self._store(account, state)


@external
def lock_escrow(account: uint256, actor: address, margin: uint256, execution_fee: uint256):
    """
    @notice Put an order's margin and execution fee aside. EXCHANGE only.
    @dev Locked profit may become margin but never the fee, which leaves the account.
    @param account Account id.
    @param actor Owner or TRADE operator in whose name this happens.
    @param margin For the book [wad].
    @param execution_fee For the executor [wad].
    """
    self._check_engine(EXCHANGE)
    self._check_right(account, actor, TRADE)
    amount: uint256 = margin + execution_fee
    state: vault_slots.Account = self._load(account)
    assert amount <= convert(max(state.cash, 0), uint256), errors.INSUFFICIENT_CASH
    assert state.cash - convert(execution_fee, int256) >= self._locked_cash(account, state.locked), errors.CASH_LOCKED
    assert state.orders < MAX_ORDERS, errors.TOO_MANY_ORDERS

    owner: address = empty(address)
    escrow: uint256 = 0
    owner, escrow = vault_slots._unpack_holding(self._owners[account])
    escrow += amount
    self._owners[account] = vault_slots._pack_holding(owner, escrow)

    state.cash -= convert(amount, int256)
    state.orders += 1
    state.last_trade = block.timestamp
    state.escrowed = escrow != 0
    self._store(account, state)

    log IVault.EscrowLocked(account=account, amount=amount)


@external
def release_escrow(account: uint256, amount: uint256, execution_fee: uint256, executor: address):
    """
    @notice End an order that was not filled. EXCHANGE only.
    @param account Account id.
    @param amount What the order holds in escrow [wad].
    @param execution_fee Part of it for the executor; the rest returns to cash [wad].
    @param executor Who earns it.
    """
    self._check_engine(EXCHANGE)
    to_cash: uint256 = amount - execution_fee
    left: uint256 = self._take_escrow(account, amount, to_cash)
    state: vault_slots.Account = self._load(account)
    state.cash += convert(to_cash, int256)
    state.orders -= 1
    state.escrowed = left != 0
    self._store(account, state)
    self._reward(account, executor, execution_fee)


@external
def fill_order(
    account: uint256,
    market: uint256,
    margin: uint256,
    fee: uint256,
    execution_fee: uint256,
    executor: address,
    last: bool,
):
    """
    @notice Turn escrow of an order's leg into margin of its book, less the trading fee. EXCHANGE only.
    @dev Opens the book in the account's list, and the pool's opposite book in the pool's. A fee above the margin is
         taken from the book. An order of several legs counts until its last one.
    @param account Account id.
    @param market Market id.
    @param margin Margin in escrow [wad].
    @param fee Trading fee, shared between pool and protocol [wad].
    @param execution_fee Fee in escrow for the executor [wad].
    @param executor Who earns it.
    @param last Whether the order ends with this leg.
    """
    self._check_engine(EXCHANGE)
    left: uint256 = self._take_escrow(account, margin + execution_fee, 0)
    state: vault_slots.Account = self._load(account)
    state.books = book_list._opened(state.books, market)
    if last:
        state.orders -= 1
    state.escrowed = left != 0
    state.last_trade = block.timestamp
    self._store(account, state)

    self._collect_fee(account, market, fee)
    self._reward(account, executor, execution_fee)
    self._move(account, market, convert(margin, int256) - convert(fee, int256))


@external
def top_up_pool(market: uint256, amount: uint256) -> uint256:
    """
    @notice Move up to `amount` of the pool's cash into the pool's book of a market. EXCHANGE or REBALANCER.
    @param market Market id.
    @param amount What the book lacks [wad].
    @return What moved: the amount, or all the cash there was [wad].
    """
    self._check_engine(EXCHANGE | REBALANCER)
    pool: uint256 = self._pool()
    state: vault_slots.Account = self._load(pool)
    moved: uint256 = min(amount, convert(max(state.cash, 0), uint256))
    if moved == 0:
        return 0

    state.books = book_list._opened(state.books, market)
    self._move(pool, market, convert(moved, int256))
    state.cash -= convert(moved, int256)
    self._store(pool, state)
    return moved


################################################################
#                            OWNER                             #
################################################################


@external
def add_market(market: address) -> uint256:
    """
    @notice Register a market under the next id, 1 to 127. Owner only; for ever.
    @param market The market contract.
    @return Its id.
    """
    ownable._check_owner()
    assert market != empty(address), errors.NO_ADDRESS
    assert self._market_ids[market] == 0, errors.MARKET_EXISTS
    assert self.market_count < MAX_MARKETS, errors.TOO_MANY_MARKETS

    id: uint256 = self.market_count + 1
    self.market_count = id
    self._market_ids[market] = id
    self._markets[id] = vault_slots._pack_holding(market, 0)

    log IVault.MarketAdded(market=id, implementation=market)
    return id


@external
def set_engine(engine: address, roles: uint256):
    """
    @notice Give a protocol contract its roles. Owner only.
    @param engine The contract.
    @param roles Bits: 1 EXCHANGE, 2 REBALANCER; 0 revokes.
    """
    ownable._check_owner()
    assert engine != empty(address), errors.NO_ADDRESS
    assert roles <= ALL_ROLES, errors.VAULT_PARAMETER
    self.roles[engine] = roles
    log IVault.EngineSet(engine=engine, roles=roles)


@external
def set_pool(account: uint256):
    """
    @notice Name the pool's account, once. Owner only.
    @param account Account id.
    """
    ownable._check_owner()
    assert self._owners[account] != 0, errors.UNKNOWN_ACCOUNT
    pool: uint256 = 0
    revenue: uint256 = 0
    pool, revenue = vault_slots._unpack_house(self._house)
    assert pool == 0, errors.POOL_IS_SET
    self._house = vault_slots._pack_house(account, revenue)
    log IVault.PoolSet(account=account)


@external
def set_guardian(guardian: address):
    """
    @notice Name the guardian: it may only tighten, and each contract says what. Owner only.
    @param guardian The guardian; zero for none.
    """
    ownable._check_owner()
    self.guardian = guardian
    log IVault.GuardianSet(guardian=guardian)


@external
def set_meter(market: uint256, capacity: uint256):
    """
    @notice Set how much profit may leave a market per window without a lock. Owner only.
    @param market Market id.
    @param capacity USD per window [wad]; 0 locks all profit.
    """
    ownable._check_owner()
    assert self._markets[market] != 0, errors.UNKNOWN_MARKET
    assert capacity == 0 or (capacity >= MIN_CAPACITY and capacity <= MAX_CAPACITY), errors.VAULT_PARAMETER

    old: uint256 = 0
    used: uint256 = 0
    old, used = self._metered(market)
    self._meters[market] = vault_slots._pack_meter(capacity, used, block.timestamp)
    log IVault.MeterSet(market=market, capacity=capacity)


@external
def collect_revenue(receiver: address) -> uint256:
    """
    @notice Pay out the protocol's share of fees; dust below a token unit stays. Owner only.
    @param receiver Who gets the tokens.
    @return Token units paid [raw].
    """
    ownable._check_owner()
    pool: uint256 = 0
    revenue: uint256 = 0
    pool, revenue = vault_slots._unpack_house(self._house)
    amount: uint256 = revenue // SCALE
    self._house = vault_slots._pack_house(pool, revenue - amount * SCALE)

    log IVault.RevenueCollected(receiver=receiver, amount=amount)
    self._pay(receiver, amount)
    return amount


################################################################
#                            VIEWS                             #
################################################################


@external
@view
def authorised(account: uint256, caller: address, right: uint256) -> bool:
    """
    @notice Whether `caller` is the owner, or an operator with `right` that has not expired.
    @param account Account id.
    @param caller Who wants to act.
    @param right Bits, all of which are needed.
    @return The answer; false for an unknown account.
    """
    return self._authorised(account, caller, right)


@external
@view
def treasury(account: uint256) -> IVault.Treasury:
    """
    @notice An account's cash, escrow, locks and list of books; zero for an unknown account.
    @param account Account id.
    @return The treasury.
    """
    return self._treasury(account)


@external
@view
def portfolio(account: uint256) -> (IVault.Treasury, address[8]):
    """
    @notice The treasury with the market of each slot.
    @param account Account id.
    @return The treasury; market contracts by slot, zero where the slot is empty.
    """
    treasury: IVault.Treasury = self._treasury(account)
    markets: address[8] = empty(address[8])
    rest: uint256 = treasury.slots
    for slot: uint256 in range(book_list.BOOKS):
        if rest == 0:
            break
        if rest & 255 != 0:
            markets[slot] = convert(self._markets[rest & 255] >> 96, address)
        rest >>= 8
    return treasury, markets


@external
@view
def open_orders(account: uint256) -> uint256:
    """
    @notice How many orders of the account hold escrow.
    @param account Account id.
    @return The count.
    """
    return self._load(account).orders


@external
@view
def operator(account: uint256, operator: address) -> (uint256, uint256):
    """
    @notice What an operator was given.
    @param account Account id.
    @param operator The operator.
    @return Rights as bits; expiry [s].
    """
    return vault_slots._unpack_operator(self._operators[account][operator])


@external
@view
def lock(account: uint256, market: uint256) -> uint256:
    """
    @notice Cash locked because of one market's profit.
    @param account Account id.
    @param market Market id.
    @return USD [wad].
    """
    return self._locks[account][market]


@external
@view
def meter(market: uint256) -> (uint256, uint256):
    """
    @notice A market's meter of profit.
    @param market Market id.
    @return Capacity per window [wad]; what may leave now without a lock [wad].
    """
    capacity: uint256 = 0
    used: uint256 = 0
    capacity, used = self._metered(market)
    return capacity, capacity - min(used, capacity)


@external
@view
def market(id: uint256) -> (address, uint256):
    """
    @notice A market's contract and what the vault holds for it.
    @param id Market id.
    @return The contract, zero for an unknown id; its balance [wad].
    """
    return vault_slots._unpack_holding(self._markets[id])


@external
@view
def pool_account() -> uint256:
    """
    @notice The account that takes the other side of every order.
    @return Account id, 0 until it is set.
    """
    return self._pool()


@external
@view
def protocol_revenue() -> uint256:
    """
    @notice The protocol's share of fees that nobody has collected yet.
    @return USD [wad].
    """
    return self._house >> 64


@external
@view
def owner_of(account: uint256) -> address:
    """
    @notice Who controls an account.
    @param account Account id.
    @return The owner, zero for an unknown account.
    """
    return self._owner_of(account)


################################################################
#                       INTERNAL: CHECKS                       #
################################################################


@internal
@view
def _check_engine(role: uint256):
    """
    @dev The caller holds one of the roles.
    """
    assert self.roles[msg.sender] & role != 0, errors.NOT_ENGINE


@internal
@view
def _check_right(account: uint256, actor: address, right: uint256):
    """
    @dev The account exists and `actor` may do this with it.
    """
    if not self._authorised(account, actor, right):
        assert self._owners[account] != 0, errors.UNKNOWN_ACCOUNT
        raise errors.NO_RIGHT


@internal
@view
def _check_party(party: address):
    """
    @dev Neither nobody nor the vault itself may own an account or receive tokens.
    """
    assert party != empty(address) and party != self, errors.NO_ADDRESS


@internal
@view
def _check_token(token: address, amount: uint256):
    """
    @dev Cash is counted in one token; nothing moves for nothing.
    """
    assert token == SETTLEMENT, errors.UNKNOWN_TOKEN
    assert amount != 0, errors.ZERO_AMOUNT


################################################################
#                      INTERNAL: READING                       #
################################################################


@internal
@view
def _load(account: uint256) -> vault_slots.Account:
    """
    @dev An account's word, unpacked.
    """
    return vault_slots._unpack_account(self._accounts[account])


@internal
@view
def _owner_of(account: uint256) -> address:
    """
    @dev Owner of an account, zero where there is none.
    """
    return convert(self._owners[account] >> 96, address)


@internal
@view
def _authorised(account: uint256, caller: address, right: uint256) -> bool:
    """
    @dev Owner, or operator with every bit of `right` before its expiry. Nobody for an unknown account.
    """
    owner: address = self._owner_of(account)
    if owner == empty(address) or caller == owner:
        return owner != empty(address)
    rights: uint256 = 0
    expiry: uint256 = 0
    rights, expiry = vault_slots._unpack_operator(self._operators[account][caller])
    return rights & right == right and block.timestamp < expiry


@internal
@view
def _pool() -> uint256:
    """
    @dev The pool's account id, 0 until it is set.
    """
    return self._house & (2**64 - 1)


@internal
@view
def _treasury(account: uint256) -> IVault.Treasury:
    """
    @dev Everything of an account but its margin. Escrow and locks are read only where the account's word says that
         there are any: 2,100 gas each.
    """
    state: vault_slots.Account = self._load(account)
    escrow: uint256 = 0
    if state.escrowed:
        escrow = vault_slots._unpack_holding(self._owners[account])[1]
    return IVault.Treasury(
        cash=state.cash,
        escrow=escrow,
        locked=convert(self._locked_cash(account, state.locked), uint256),
        last_trade=state.last_trade,
        slots=state.books,
        collateral=state.collateral,
    )


@internal
@view
def _locked_cash(account: uint256, locked: bool) -> int256:
    """
    @dev Σ of the account's locks [wad]; reads storage only where the flag says there are any.
    """
    if not locked:
        return 0
    return convert(self._locked[account], int256)


@internal
@view
def _metered(market: uint256) -> (uint256, uint256):
    """
    @dev A meter's capacity and what of it is in use now [wad]. Use drains by one capacity a window, rounded down.
    """
    capacity: uint256 = 0
    used: uint256 = 0
    updated: uint256 = 0
    capacity, used, updated = vault_slots._unpack_meter(self._meters[market])
    drained: uint256 = fixed_point._mul_div_down(capacity, block.timestamp - updated, WINDOW)
    return capacity, used - min(drained, used)


################################################################
#                       INTERNAL: MOVING                       #
################################################################


@internal
def _store(account: uint256, state: vault_slots.Account):
    """
    @dev An account's word, packed.
    """
    self._accounts[account] = vault_slots._pack_account(state)


@internal
def _move_margin(account: uint256, books: uint256, market: uint256, amount: int256) -> (uint256, bool):
    """
    @dev Moves margin between cash and a book, meters what leaves, frees the slot of a book that became empty. Returns
         the list of books; whether anything was locked. The caller takes the amount from the account's cash.
    """
    beyond: uint256 = 0
    is_empty: bool = False
    beyond, is_empty = self._move(account, market, amount)
    locks: bool = False
    if beyond != 0:
        locks = self._lock_excess(account, market, beyond)
    if is_empty:
        return book_list._freed(books, market), locks
    return books, locks


@internal
def _move(account: uint256, market: uint256, amount: int256) -> (uint256, bool):
    """
    @dev The firewall: what a market pays out comes from the balance the vault holds for it, and from nowhere else.
         Returns what left beyond the account's net deposits [wad]; whether the book is now empty.
    """
    holding: uint256 = self._markets[market]
    assert holding != 0, errors.UNKNOWN_MARKET
    balance: int256 = vault_slots._held(holding) + amount
    assert balance >= 0, errors.MARKET_OVERDRAWN
    self._markets[market] = vault_slots._with_held(holding, balance)

    log IVault.MarginMoved(account=account, market=market, amount=amount)
    return extcall IMarket(vault_slots._holder(holding)).move_margin(account, amount)


@internal
def _lock_excess(account: uint256, market: uint256, profit: uint256) -> bool:
    """
    @dev Lets profit out as far as the market's meter allows and locks the rest. Returns whether anything was locked.
    """
    passed: uint256 = self._draw_meter(market, profit)
    excess: uint256 = profit - passed
    if excess == 0:
        return False

    self._locks[account][market] += excess
    self._locked[account] += excess
    log IVault.Locked(account=account, market=market, amount=excess)
    return True


@internal
def _draw_meter(market: uint256, amount: uint256) -> uint256:
    """
    @dev Uses the meter for up to `amount`. Returns what it let through [wad].
    """
    capacity: uint256 = 0
    used: uint256 = 0
    capacity, used = self._metered(market)
    drawn: uint256 = min(amount, capacity - min(used, capacity))
    if drawn != 0:
        self._meters[market] = vault_slots._pack_meter(capacity, used + drawn, block.timestamp)
    return drawn


@internal
def _take_escrow(account: uint256, amount: uint256, to_cash: uint256) -> uint256:
    """
    @dev Takes an order's amount out of escrow; the caller says where it goes. Returns what is left in escrow.
    """
    owner: address = empty(address)
    escrow: uint256 = 0
    owner, escrow = vault_slots._unpack_holding(self._owners[account])
    assert amount <= escrow, errors.NOT_IN_ESCROW
    self._owners[account] = vault_slots._pack_holding(owner, escrow - amount)
    log IVault.EscrowReleased(account=account, amount=amount, to_cash=to_cash)
    return escrow - amount


@internal
def _collect_fee(account: uint256, market: uint256, fee: uint256):
    """
    @dev Shares a trading fee: the pool's part to the pool's cash, rounded down, the rest to the protocol. Opens the
         pool's book, since the pool is the other side.
    """
    pool: uint256 = 0
    revenue: uint256 = 0
    pool, revenue = vault_slots._unpack_house(self._house)
    assert pool != 0, errors.UNKNOWN_ACCOUNT
    to_pool: uint256 = fixed_point._mul_wad_down(fee, POOL_SHARE)
    self._house = vault_slots._pack_house(pool, revenue + fee - to_pool)

    state: vault_slots.Account = self._load(pool)
    state.cash += convert(to_pool, int256)
    state.books = book_list._opened(state.books, market)
    self._store(pool, state)
    log IVault.FeeCollected(market=market, account=account, amount=fee, to_pool=to_pool)


@internal
def _reward(account: uint256, claimant: address, amount: uint256):
    """
    @dev Credits a keeper or executor, who claims later: nothing is ever pushed to anyone.
    """
    if amount == 0:
        return
    self.claimable[claimant] += amount
    log IVault.Rewarded(account=account, keeper=claimant, amount=amount)


@internal
def _credit(account: uint256, amount: uint256):
    """
    @dev Adds to an account's cash [wad].
    """
    state: vault_slots.Account = self._load(account)
    state.cash += convert(amount, int256)
    self._store(account, state)


@internal
def _pay(receiver: address, amount: uint256):
    """
    @dev The only way tokens leave. Tokens that return nothing are taken at their word, tokens that return false not.
    """
    self._check_party(receiver)
    if amount == 0:
        return
    success: bool = extcall IERC20(SETTLEMENT).transfer(receiver, amount, default_return_value=True)
    assert success, errors.TRANSFER_FAILED
