# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title What a liquidator may do to accounts
@license AGPL-3.0-only
@notice The firewall of liquidation: each function moves one thing at one price between two accounts, from one book, or
        out of the insurance's cash. When, and at which price, is for whoever holds the role.
@dev A bidder pays out of cash above his locks, or out of debt while his treasury keeps its initial margin, and gets
     nothing that his owner's or operator's right to trade does not stand for.
"""

from interfaces import ICreditPool
from interfaces import IMarket
from interfaces import ISeizures

from . import accounts
from . import book_list
from . import collateral_ledger
from . import debt
from . import errors
from . import firewall
from . import house
from . import spending
from . import vault_checks
from . import vault_slots

uses: accounts
uses: collateral_ledger
uses: debt
uses: firewall
uses: house
uses: spending


################################################################
#                          LIQUIDATOR                          #
################################################################


@external
def seize_book(
    account: uint256,
    bidder: uint256,
    actor: address,
    market: uint256,
    fraction: uint256,
    payment: uint256,
    penalty: uint256,
    margin: uint256,
) -> bool:
    """
    @notice Hand a share of a book, its legs and its margin, to a bidder, who pays for it and may add margin of his own.
    @dev The payment becomes margin of what is left of the book, or cash of the account where nothing is. Opens the
         bidder's book in his list, frees the slot of one that ended. Sets nobody's last trade.
    @param account Account id.
    @param bidder Account id of another account.
    @param actor Owner or TRADE operator of the bidder, in whose name this happens; the caller for the house.
    @param market Market id.
    @param fraction Share of the book [wad], in (0, 1].
    @param payment From the bidder's cash to the account [wad].
    @param penalty From the bidder's cash to the insurance's [wad].
    @param margin From the bidder's cash to his book in the market, locked cash included [wad].
    @return Whether nothing is left of the account's book.
    """
    self._check_bidder(account, bidder, actor)
    book_list._check_listed(accounts._load(account).books, market)
    is_empty: bool = extcall IMarket(firewall._implementation(market)).seize(account, bidder, fraction)

    self._charge(bidder, market, margin, payment + penalty)
    if margin != 0:
        firewall._move(bidder, market, convert(margin, int256))
    if is_empty:
        self._end_book(account, market, payment)
    elif payment != 0:
        firewall._move(account, market, convert(payment, int256))
    self._penalise(penalty)
    log ISeizures.BookSeized(
        account=account, bidder=bidder, market=market, fraction=fraction, payment=payment, penalty=penalty
    )
    return is_empty


@external
def absorb_book(account: uint256, market: uint256) -> uint256:
    """
    @notice Take a book's legs: they go to the pool's book at mark. Margin that is left stays in the book; what the book
            owes is spread over the market's other books, and its slot is freed.
    @param account Account id, not the pool's.
    @param market Market id.
    @return The loss that was spread [wad].
    """
    firewall._check_engine(firewall.LIQUIDATOR)
    book_list._check_listed(accounts._load(account).books, market)
    pool: uint256 = house._pool()
    state: vault_slots.Account = accounts._load(pool)
    state.books = book_list._opened(state.books, market)
    accounts._store(pool, state)

    loss: uint256 = 0
    is_empty: bool = False
    loss, is_empty = extcall IMarket(firewall._implementation(market)).absorb(account)
    if is_empty:
        self._end_book(account, market, 0)
    log ISeizures.BookAbsorbed(account=account, market=market, loss=loss)
    return loss


@external
def seize_collateral(
    account: uint256,
    bidder: uint256,
    actor: address,
    index: uint256,
    amount: uint256,
    payment: uint256,
    penalty: uint256,
):
    """
    @notice Sell collateral of an account in debt to a bidder; what he pays repays the debt.
    @param account Account id.
    @param bidder Account id of another account.
    @param actor Owner or TRADE operator of the bidder, in whose name this happens; the caller for the house.
    @param index Index of the token.
    @param amount What is sold [wad units].
    @param payment From the bidder's cash to the account's [wad].
    @param penalty From the bidder's cash to the insurance's [wad].
    """
    self._check_bidder(account, bidder, actor)
    self._check_owes(accounts._load(account))
    collateral_ledger._hand_over(account, bidder, index, amount)
    self._charge(bidder, 0, 0, payment + penalty)
    accounts._credit(account, payment)
    self._penalise(penalty)
    log ISeizures.CollateralSeized(
        account=account, bidder=bidder, index=index, amount=amount, payment=payment, penalty=penalty
    )


@external
def cover_deficit(account: uint256, market: uint256, amount: uint256):
    """
    @notice Move cash of the insurance into a book, or into an account's cash: a bidder's bonus, a debt's rest.
    @dev How much, the insurance fund says (`IInsuranceFund.draw`).
    @param account Account id.
    @param market Market id of a book of the account; 0 for its cash.
    @param amount What the insurance pays [wad].
    """
    firewall._check_engine(firewall.LIQUIDATOR)
    accounts._check_known(account)
    house._collect_insurance()
    self._charge(house._insurance(), 0, 0, amount)
    if market == 0:
        accounts._credit(account, amount)
    else:
        book_list._check_listed(accounts._load(account).books, market)
        firewall._move(account, market, convert(amount, int256))
    log ISeizures.DeficitCovered(account=account, market=market, amount=amount)


@external
def write_off(account: uint256) -> uint256:
    """
    @notice End the debt of an account that has nothing left: no collateral, no book, no escrow. The lenders bear it.
    @param account Account id.
    @return What it owed [wad].
    """
    firewall._check_engine(firewall.LIQUIDATOR)
    state: vault_slots.Account = accounts._load(account)
    self._check_owes(state)
    if state.collateral != 0 or state.books != 0 or state.escrowed:
        vault_checks._refuse(errors.SOMETHING_LEFT)
    owed: uint256 = state.owed
    shares: uint256 = state.shares
    state.cash = 0
    state.shares = 0
    accounts._store(account, state)

    lender: address = empty(address)
    lending: uint256 = 0
    lender, lending = vault_slots._unpack_holding(debt._lender)
    idle: int256 = accounts._load(lending).cash
    extcall ICreditPool(lender).write_off(shares, convert(idle, uint256))
    log ISeizures.DebtWrittenOff(account=account, amount=owed)
    return owed


################################################################
#                           INTERNAL                           #
################################################################


@internal
@view
def _check_bidder(account: uint256, bidder: uint256, actor: address):
    """
    @dev A liquidator calls, for another account than the one that loses something: one that `actor` may trade for. In
         its own name it may let the pool or the insurance buy; nobody else can spend what is theirs.
    """
    firewall._check_engine(firewall.LIQUIDATOR)
    if account == bidder:
        vault_checks._refuse(errors.OWN_BID)
    if actor != msg.sender or bidder == 0 or (bidder != house._pool() and bidder != house._insurance()):
        accounts._check_right(bidder, actor, accounts.TRADE)


@internal
@pure
def _check_owes(state: vault_slots.Account):
    """
    @dev The account is in debt.
    """
    if state.cash >= 0:
        vault_checks._refuse(errors.NO_DEBT)


@internal
def _charge(payer: uint256, market: uint256, own: uint256, leaving: uint256):
    """
    @dev Takes from an account's cash `own`, which stays the account's, and `leaving`, which does not. Opens its book in
         a market, where one is named.
    """
    state: vault_slots.Account = accounts._load(payer)
    state.cash = spending._spent(payer, state, own, leaving)
    if market != 0:
        state.books = book_list._opened(state.books, market)
    accounts._store(payer, state)


@internal
def _end_book(account: uint256, market: uint256, payment: uint256):
    """
    @dev Frees the slot of a book that has ended; what was paid for it becomes cash [wad].
    """
    state: vault_slots.Account = accounts._load(account)
    state.books = book_list._freed(state.books, market)
    state.cash += convert(payment, int256)
    accounts._store(account, state)


@internal
def _penalise(penalty: uint256):
    """
    @dev A penalty is the insurance's [wad].
    """
    if penalty != 0:
        insurance: uint256 = house._insurance()
        vault_checks._check_account(insurance != 0)
        accounts._credit(insurance, penalty)
