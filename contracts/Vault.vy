# pragma version 0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
# pragma optimize codesize
"""
@title Custody, accounts and the firewall between markets
@license AGPL-3.0-only
@notice The only contract that holds tokens. It counts who is owed what, and lets no engine move value except between
        the books and the cash of one account, plus fees and rewards that are bounded here.
@dev At every moment: Σ cash above zero + Σ market balances + Σ escrow + Σ claimable + insurance due + protocol revenue
     = what was deposited less what was paid out, and the tokens held are worth at least that. Cash below zero is debt:
     it was taken out of the cash of the CreditPool's account. For each collateral token, Σ of what accounts hold = its
     total = what was deposited less what was paid out. Nothing is measured by `balanceOf` but a deposit.
@custom:security The lock covers every view but `collateral_of`, which is stored before anything is called: nothing
                 reads the vault in the middle of a change. Engines and markets are registered by the owner; a market
                 can at worst lose what the vault holds for it.
@custom:kill Nothing here stops. Revoke an engine with `set_engine(engine, 0)`: deposits, withdrawals of free cash and
             claims go on.
"""

from interfaces import IOutflow
from interfaces import ISeizures
from interfaces import IVault
implements: IVault
implements: ISeizures

from snekmate.auth import ownable
initializes: ownable

from .modules import accounts
from .modules import book_list
from .modules import collateral_ledger
from .modules import debt
from .modules import errors
from .modules import firewall
from .modules import house
from .modules import seizures
from .modules import spending
from .modules import tokens
from .modules import vault_checks
from .modules import vault_slots
initializes: debt
initializes: accounts[debt := debt]
initializes: firewall[ownable := ownable]
initializes: collateral_ledger[ownable := ownable, accounts := accounts]
initializes: house[ownable := ownable, debt := debt, accounts := accounts]
initializes: spending[debt := debt, collateral_ledger := collateral_ledger, firewall := firewall]

initializes: seizures[
    accounts := accounts,
    collateral_ledger := collateral_ledger,
    debt := debt,
    firewall := firewall,
    house := house,
    spending := spending,
]


# Administration: the owner changes hands, but cannot be lost
exports: (
    ownable.owner,
    ownable.transfer_ownership,
)

exports: (
    accounts.account_count,
    accounts.open_account,
    accounts.set_operator,
    accounts.transfer_account,
    accounts.accept_account,
    accounts.authorised,
    accounts.operator,
    accounts.owner_of,
    accounts.pending_owner,
    accounts.epoch,
    accounts.open_orders,
)

exports: (
    firewall.market_count,
    firewall.roles,
    firewall.guardian,
    firewall.add_market,
    firewall.set_engine,
    firewall.set_guardian,
    firewall.market,
)

exports: (
    seizures.absorb_book,
    seizures.cover_deficit,
    seizures.seize_book,
    seizures.seize_collateral,
    seizures.write_off,
)

exports: (
    house.POOL_SHARE,
    house.INSURANCE_SHARE,
    house.collect_insurance,
    house.credit_pool,
    house.insurance_account,
    house.insurance_due,
    house.pool_account,
    house.protocol_revenue,
    house.set_credit_pool,
    house.set_insurance,
    house.set_pool,
    spending.OUTFLOW,
)

exports: (
    collateral_ledger.collateral_count,
    collateral_ledger.collateral_model,
    collateral_ledger.add_collateral,
    collateral_ledger.set_collateral_cap,
    collateral_ledger.set_collateral_model,
    collateral_ledger.collateral,
    collateral_ledger.collateral_of,
)


MAX_ORDERS: constant(uint256) = 32          # open orders of an account, so that one call can end them all
MAX_REWARD: public(constant(uint256)) = 200 * 10**18    # [wad] whatever an engine asks for, a call pays no more


SETTLEMENT: public(immutable(address))      # the one token in which cash is counted
SCALE: public(immutable(uint256))           # [wad] per token unit [raw]


claimable: public(HashMap[address, uint256])    # keeper or executor → [wad]


@deploy
def __init__(settlement: address, pool_share: uint256, insurance_share: uint256, outflow: address):
    """
    @param settlement An ERC-20 with at most 18 decimals.
    @param pool_share Share of each trading fee that the pool earns [wad].
    @param insurance_share Share of it that insurance earns [wad]; the rest is the protocol's.
    @param outflow Meters and locks, which must be told that this is the vault.
    """
    ownable.__init__()
    collateral_ledger.__init__(settlement)
    house.__init__(pool_share, insurance_share)
    spending.__init__(outflow)

    SETTLEMENT = settlement
    SCALE = 10 ** (18 - tokens._decimals(settlement))


################################################################
#                            ANYONE                            #
################################################################


@external
def deposit(account: uint256, token: address, amount: uint256):
    """
    @notice Pull `amount` of `token` from the caller into the account. Open to all, but for the first of a collateral
            token: that is for the owner or an operator, whatever his rights.
    @dev The credit equals what arrives; a token that takes a fee on transfer is refused. Credited before it is pulled,
         so that nothing that the token calls sees a state that will not last.
    @param account Account id.
    @param token The settlement token, which becomes cash, or a collateral token, up to its cap.
    @param amount Token units [raw].
    """
    vault_checks._check_amount(amount != 0)
    accounts._check_known(account)
    if token == SETTLEMENT:
        accounts._credit(account, amount * SCALE)
    else:
        collateral_ledger._put(account, token, amount)

    log IVault.Deposited(account=account, token=token, sender=msg.sender, amount=amount)
    tokens._pull(token, amount)


@external
def release_lock(account: uint256, market: uint256) -> uint256:
    """
    @notice Release as much of a lock as the market's meter lets through. Open to all.
    @dev No sooner than `Outflow.LOCK_PERIOD` after the lock last grew, and not while the account's book in that market
         is below maintenance or cannot be priced.
    @param account Account id.
    @param market Market id that the locked profit came from.
    @return What was released [wad].
    """
    state: vault_slots.Account = accounts._load(account)
    implementation: address = empty(address)
    if book_list._find(state.books, market) < book_list.BOOKS:
        implementation = firewall._implementation(market)
    released: uint256 = 0
    cleared: bool = False
    released, cleared = extcall IOutflow(spending.OUTFLOW).release(account, market, implementation)
    if cleared:
        state.locked = False
        accounts._store(account, state)
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
    self._pay(SETTLEMENT, receiver, amount)
    return amount


################################################################
#                 ACCOUNT OWNER AND OPERATORS                  #
################################################################


@external
def withdraw(account: uint256, token: address, amount: uint256, receiver: address):
    """
    @notice Pay out free cash, which is cash above the account's locks, or collateral. Owner or WITHDRAW operator.
    @dev More cash than there is, is lent. Needs no price where no debt is left behind, else the treasury must keep its
         initial margin; for collateral, locked cash counts as if it were gone: profit may have repaid the debt.
    @param account Account id.
    @param token The settlement token or a collateral token.
    @param amount Token units [raw].
    @param receiver Who gets the tokens; not zero, not the vault.
    """
    accounts._check_right(account, msg.sender, accounts.WITHDRAW)
    vault_checks._check_amount(amount != 0)
    if token == SETTLEMENT:
        vault_checks._check_cash(amount <= convert(vault_slots.CASH_BOUND, uint256))
        state: vault_slots.Account = accounts._load(account)
        state.cash = spending._spent(account, state, 0, amount * SCALE)
        accounts._store(account, state)
    else:
        state: vault_slots.Account = collateral_ledger._take(account, token, amount)
        cash: int256 = state.cash - spending._locked_cash(account, state.locked)
        if cash < 0:
            collateral_ledger._check_secured(account, cash)

    log IVault.Withdrawn(account=account, token=token, receiver=receiver, amount=amount)
    self._pay(token, receiver, amount)


################################################################
#                           ENGINES                            #
################################################################


@external
def transfer_margin(
    account: uint256, transfers: DynArray[IVault.Transfer, 8], reward: uint256, keeper: address
) -> uint256:
    """
    @notice Move margin between the books and the cash of one account, and credit the keeper. REBALANCER, LIQUIDATOR.
    @dev The account's total changes by the reward alone. Profit beyond the account's net deposits is metered and its
         excess locked. Cash that is not there is lent. The reward never digs into locked cash, and is never lent: it is
         cut to what stands above the locks, or to what the books repaid of a debt.
    @param account Account id.
    @param transfers Books by slot with signed amounts; a slot may repeat.
    @param reward Most the keeper is credited, taken from cash [wad].
    @param keeper Who earns it.
    @return The reward paid [wad].
    """
    firewall._check_engine(firewall.REBALANCER | firewall.LIQUIDATOR)
    if reward > MAX_REWARD:
        vault_checks._refuse(errors.REWARD_TOO_HIGH)
    state: vault_slots.Account = accounts._load(account)
    cash: int256 = state.cash

    for transfer: IVault.Transfer in transfers:
        market: uint256 = book_list._at(state.books, transfer.slot)
        locks: bool = False
        state.books, locks = spending._move_margin(account, state.books, market, transfer.amount)
        cash -= transfer.amount
        state.locked = state.locked or locks
    spending._check_debt(account, state, cash)

    kept: int256 = min(state.cash, 0)
    if state.locked:
        kept = spending._locked_cash(account, True)
    paid: uint256 = min(reward, convert(max(cash - kept, 0), uint256))
    state.cash = cash - convert(paid, int256)
    accounts._store(account, state)
    self._reward(account, keeper, paid)
    return paid


@external
def allocate(account: uint256, actor: address, market: uint256, amount: int256):
    """
    @notice Move cash into a book, opening it in the account's list where it is new, or margin out. REBALANCER only.
    @dev How much may come out is the Rebalancer's check; that `actor` may act is checked here. Cash that is not
         there is lent.
    @param account Account id.
    @param actor Owner or MARGIN operator in whose name this happens.
    @param market Market id.
    @param amount Into the book if positive [wad].
    """
    firewall._check_engine(firewall.REBALANCER)
    accounts._check_right(account, actor, accounts.MARGIN)
    vault_checks._check_amount(amount != 0)
    state: vault_slots.Account = accounts._load(account)
    cash: int256 = state.cash - amount
    if amount > 0:
        spending._check_debt(account, state, cash)
        state.books = book_list._opened(state.books, market)
    else:
        book_list._check_listed(state.books, market)

    locks: bool = False
    state.books, locks = spending._move_margin(account, state.books, market, amount)
    state.cash = cash
    state.locked = state.locked or locks
    state.last_trade = block.timestamp
    accounts._store(account, state)


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
    firewall._check_engine(firewall.REBALANCER)
    accounts._check_right(account, actor, accounts.MARGIN)
    vault_checks._check_amount(amount != 0)
    moved: int256 = convert(amount, int256)
    state: vault_slots.Account = accounts._load(account)
    book_list._check_listed(state.books, source)

    locks: bool = False
    state.books, locks = spending._move_margin(account, state.books, source, -moved)
    state.locked = state.locked or locks
    state.books = book_list._opened(state.books, target)
    state.books, locks = spending._move_margin(account, state.books, target, moved)
    state.locked = state.locked or locks
    state.last_trade = block.timestamp
    accounts._store(account, state)


@external
def lock_escrow(account: uint256, actor: address, margin: uint256, execution_fee: uint256):
    """
    @notice Put an order's margin and execution fee aside. EXCHANGE only.
    @dev Locked profit may become margin but never the fee, which leaves the account. Cash that is not there is lent.
    @param account Account id.
    @param actor Owner or TRADE operator in whose name this happens.
    @param margin For the book [wad].
    @param execution_fee For the executor [wad].
    """
    firewall._check_engine(firewall.EXCHANGE)
    accounts._check_right(account, actor, accounts.TRADE)
    amount: uint256 = margin + execution_fee
    state: vault_slots.Account = accounts._load(account)
    state.cash = spending._spent(account, state, margin, execution_fee)
    if state.orders >= MAX_ORDERS:
        vault_checks._refuse(errors.TOO_MANY_ORDERS)

    escrow: uint256 = accounts._put_escrow(account, amount)
    state.orders += 1
    state.last_trade = block.timestamp
    state.escrowed = escrow != 0
    accounts._store(account, state)


@external
def release_escrow(account: uint256, amount: uint256, execution_fee: uint256, executor: address):
    """
    @notice End an order that was not filled. EXCHANGE only.
    @param account Account id.
    @param amount What the order holds in escrow [wad].
    @param execution_fee Part of it for the executor; the rest returns to cash [wad].
    @param executor Who earns it.
    """
    firewall._check_engine(firewall.EXCHANGE)
    to_cash: uint256 = amount - execution_fee
    left: uint256 = accounts._take_escrow(account, amount, to_cash)
    state: vault_slots.Account = accounts._load(account)
    state.cash += convert(to_cash, int256)
    state.orders -= 1
    state.escrowed = left != 0
    accounts._store(account, state)
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
    @param fee Trading fee, shared between pool, insurance and protocol [wad].
    @param execution_fee Fee in escrow for the executor [wad].
    @param executor Who earns it.
    @param last Whether the order ends with this leg.
    """
    firewall._check_engine(firewall.EXCHANGE)
    left: uint256 = accounts._take_escrow(account, margin + execution_fee, 0)
    state: vault_slots.Account = accounts._load(account)
    state.books = book_list._opened(state.books, market)
    if last:
        state.orders -= 1
    state.escrowed = left != 0
    state.last_trade = block.timestamp
    accounts._store(account, state)

    house._collect_fee(account, market, fee)
    self._reward(account, executor, execution_fee)
    firewall._move(account, market, convert(margin, int256) - convert(fee, int256))


@external
def top_up_pool(market: uint256, amount: uint256) -> uint256:
    """
    @notice Move up to `amount` of the pool's cash into the pool's book of a market. Any engine.
    @param market Market id.
    @param amount What the book lacks [wad].
    @return What moved: the amount, or all the cash there was [wad].
    """
    firewall._check_engine(firewall.ALL_ROLES)
    pool: uint256 = house._pool()
    state: vault_slots.Account = accounts._load(pool)
    moved: uint256 = min(amount, convert(max(state.cash, 0), uint256))
    if moved == 0:
        return 0

    state.books = book_list._opened(state.books, market)
    firewall._move(pool, market, convert(moved, int256))
    state.cash -= convert(moved, int256)
    accounts._store(pool, state)
    return moved


################################################################
#                            OWNER                             #
################################################################


@external
def collect_revenue(receiver: address) -> uint256:
    """
    @notice Pay out the protocol's share of fees; dust below a token unit stays. Owner only.
    @param receiver Who gets the tokens.
    @return Token units paid [raw].
    """
    ownable._check_owner()
    amount: uint256 = house._take_revenue(SCALE)
    log IVault.RevenueCollected(receiver=receiver, amount=amount)
    self._pay(SETTLEMENT, receiver, amount)
    return amount


################################################################
#                            VIEWS                             #
################################################################


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
            markets[slot] = firewall._implementation(rest & 255)
        rest >>= 8
    return treasury, markets


################################################################
#                           INTERNAL                           #
################################################################


@internal
@view
def _treasury(account: uint256) -> IVault.Treasury:
    """
    @dev Everything of an account but its margin. Escrow and locks are read only where the account's word says that
         there are any: 2,100 gas each.
    """
    state: vault_slots.Account = accounts._load(account)
    escrow: uint256 = 0
    if state.escrowed:
        escrow = accounts._escrow(account)
    return IVault.Treasury(
        cash=state.cash,
        escrow=escrow,
        locked=convert(spending._locked_cash(account, state.locked), uint256),
        last_trade=state.last_trade,
        slots=state.books,
        collateral=state.collateral,
    )


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
def _pay(token: address, receiver: address, amount: uint256):
    """
    @dev The only way tokens leave [raw].
    """
    accounts._check_party(receiver)
    tokens._push(token, receiver, amount)
