# pragma version 0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title Losses that an account cannot bear, and who does
@license AGPL-3.0-only
@notice What is left of a loss after the account has done all for itself is assigned at once, by anybody: insurance pays
        within its caps; a market's loss then falls on the opposite side of that market, a debt's on the lenders.
@dev A deficit that is known and cannot be assigned yet, since the market was just resumed or a token has no price, is
     noted: nobody leaves the insurance meanwhile.
@custom:security No other market, and no other account's cash, ever pays.
@custom:kill Revoke the role with `Vault.set_engine(deficits, 0)`: losses are noted and wait.
"""

from interfaces import ICollateralModel
from interfaces import IDeficits
from interfaces import IExchange
from interfaces import IInsuranceFund
from interfaces import IMarket
from interfaces import IRebalancer
from interfaces import IVault
implements: IDeficits

from .modules import errors
from .modules import liquidation
initializes: liquidation


MAX_ORDERS: constant(uint256) = 32
MAX_BOOKS: constant(uint256) = 8
MAX_TOKENS: constant(uint256) = 8
DUST: public(constant(uint256)) = 10 * 10**18   # [wad] collateral of less stands in nobody's way
PATIENCE: public(constant(uint256)) = liquidation.PATIENCE  # [s] until a token without a price counts for nothing
BURIAL: public(constant(uint256)) = 7 * 86_400  # [s] of silence after which what was more than DUST is worthless


VAULT: public(immutable(IVault))
FUND: public(immutable(IInsuranceFund))


insolvencies: public(uint256)                   # deficits that are known and nobody bears yet
insolvent_debts: public(uint256)                # of them, those of treasuries

_noted: HashMap[uint256, HashMap[uint256, uint256]] # account → market, 0 = its debt → since when it is below zero [s]


@deploy
def __init__(vault: IVault, exchange: IExchange, rebalancer: IRebalancer, fund: IInsuranceFund):
    """
    @param vault The vault, which must give this contract the LIQUIDATOR role.
    @param exchange Voids orders.
    @param rebalancer Rescues accounts.
    @param fund The insurance.
    """
    liquidation.__init__(vault, exchange, rebalancer)
    VAULT = vault
    FUND = fund


################################################################
#                            ANYONE                            #
################################################################


@external
def note(account: uint256, market: uint256) -> bool:
    """
    @notice Make known that a book, or a treasury, is below zero, or no longer is. Open to all. Insurance cannot be left
            while a deficit is known.
    @dev Reverts if the market cannot price itself, or a collateral token has no price.
    @param account Vault account id.
    @param market Market id; 0 for the treasury.
    @return Whether it is below zero.
    """
    below: bool = False
    if market == 0:
        risk: ICollateralModel.TreasuryRisk = liquidation._treasury(account)[1]
        assert risk.complete, errors.PRICE_MISSING
        below = risk.equity < 0
    else:
        venue: IMarket = liquidation._venue(market)
        below = (staticcall venue.book_risk(account)).equity < 0
    self._note(account, market, below)
    return below


@external
def realise_deficit(account: uint256, market: uint256, orders: DynArray[uint256, MAX_ORDERS]) -> uint256:
    """
    @notice End a book below zero that its account cannot cure: insurance pays, the rest is spread over the opposite
            side, and the legs go to the pool's book at mark. Open to all.
    @dev A book that its account's rescue lifts above zero is left to the auctions.
    @param account Vault account id, not the pool's.
    @param market Market id.
    @param orders Open orders of the account, to be voided if its margin alone does not cure the book.
    @return What was spread over the other books of the market [wad].
    """
    pool: uint256 = staticcall VAULT.pool_account()
    assert account != pool, errors.POOL_BOOK
    venue: IMarket = liquidation._live_venue(market)
    risk: IMarket.BookRisk = staticcall venue.book_risk(account)
    assert risk.equity < 0, errors.NOT_INSOLVENT
    risk = liquidation._rescued_book(account, venue, orders, risk)
    self._note(account, market, False)
    if risk.equity >= 0:
        return 0

    return self._absorb(account, market, venue, risk)


@external
def realise_debt(account: uint256, orders: DynArray[uint256, MAX_ORDERS]) -> uint256:
    """
    @notice End the debt of an account without collateral: its books are closed at mark, insurance pays, the lenders
            bear the rest. Collateral of less than DUST goes to the insurance. Open to all.
    @dev Where a token has no price, the first call notes the debt, and one two hours later ends it, if the token's feed
         was silent all the while, and at its last price it was dust: else whoever holds a speck of a dead token would
         keep his deficit open. More than dust waits for a price, which the owner can give it, or a week.
    @param account Vault account id.
    @param orders Open orders of the account, to be voided.
    @return What the lenders bear [wad].
    """
    treasury: IVault.Treasury = empty(IVault.Treasury)
    risk: ICollateralModel.TreasuryRisk = empty(ICollateralModel.TreasuryRisk)
    treasury, risk = liquidation._treasury(account)
    assert risk.equity < 0, errors.NOT_INSOLVENT
    treasury, risk = liquidation._rescued_treasury(account, orders, self._noted[account][0])
    if not liquidation._counts(account, risk, self._noted[account][0]):
        self._note(account, 0, risk.equity < 0)
        return 0
    self._note(account, 0, False)
    if risk.equity >= 0:
        return 0

    self._sweep(account, treasury.cash, risk)
    self._close_books(account, treasury.slots)
    debt: uint256 = self._debt(account)
    if debt == 0:
        return 0
    paid: uint256 = self._covered(account, 0, debt)
    written_off: uint256 = 0
    if paid < debt:
        written_off = extcall liquidation.SEIZURES.write_off(account)
    log IDeficits.DebtRealised(account=account, debt=debt, paid_by_insurance=paid, written_off=written_off)
    return written_off


@external
def close_pool(market: uint256) -> uint256:
    """
    @notice Where the pool itself fails, its book below zero and its cash spent: insurance pays, the rest is charged
            to the opposite side, and the book is closed against it at mark, pro rata by size. Open to all.
    @dev The pool's other books give first what they can spare, by its own policy.
    @param market Market id.
    @return What was spread over the other books of the market [wad].
    """
    pool: uint256 = staticcall VAULT.pool_account()
    venue: IMarket = liquidation._live_venue(market)
    risk: IMarket.BookRisk = staticcall venue.book_risk(pool)
    assert risk.equity < 0, errors.NOT_INSOLVENT
    risk = liquidation._rescued_book(pool, venue, [], risk)
    self._keep_pool(market, venue)
    risk = staticcall venue.book_risk(pool)
    self._note(pool, market, False)
    if risk.equity >= 0:
        return 0

    paid: uint256 = self._insured(pool, market, risk)
    spread: uint256 = 0
    if convert(paid, int256) + risk.equity < 0:
        spread = extcall venue.close_pool()
    log IDeficits.DeficitRealised(
        account=pool, market=market, equity=risk.equity, paid_by_insurance=paid, spread=spread
    )
    return spread


################################################################
#                            VIEWS                             #
################################################################


@external
@view
def is_noted(account: uint256, market: uint256) -> bool:
    """
    @notice Whether a deficit is known that nobody bears yet.
    @param account Vault account id.
    @param market Market id; 0 for the treasury.
    @return Whether it is.
    """
    return self._noted[account][market] != 0


################################################################
#                           INTERNAL                           #
################################################################


@internal
def _note(account: uint256, market: uint256, below: bool):
    """
    @dev Makes known what is true.
    """
    if (self._noted[account][market] != 0) == below:
        return
    debts: uint256 = 1 if market == 0 else 0
    if below:
        self._noted[account][market] = block.timestamp
        self.insolvencies += 1
        self.insolvent_debts += debts
    else:
        self._noted[account][market] = 0
        self.insolvencies -= 1
        self.insolvent_debts -= debts
    log IDeficits.Noted(account=account, market=market, insolvent=below)


@internal
def _insured(account: uint256, market: uint256, risk: IMarket.BookRisk) -> uint256:
    """
    @dev Covers what the insurance grants of a book's deficit. Returns that [wad].
    """
    liquidation._check_final(risk)
    return self._covered(account, market, convert(-risk.equity, uint256))


@internal
def _covered(account: uint256, market: uint256, deficit: uint256) -> uint256:
    """
    @dev Covers what the insurance grants of a deficit. Returns that [wad].
    """
    granted: uint256 = extcall FUND.draw(market, deficit)
    if granted != 0:
        extcall liquidation.SEIZURES.cover_deficit(account, market, granted)
    return granted


@internal
def _absorb(account: uint256, market: uint256, venue: IMarket, risk: IMarket.BookRisk) -> uint256:
    """
    @dev Ends a book, its loss insured as far as possible. Returns what was spread [wad].
    """
    paid: uint256 = 0
    if risk.equity < 0:
        paid = self._insured(account, market, risk)
    spread: uint256 = extcall liquidation.SEIZURES.absorb_book(account, market)
    self._keep_pool(market, venue)
    if risk.equity < 0:
        log IDeficits.DeficitRealised(
            account=account, market=market, equity=risk.equity, paid_by_insurance=paid, spread=spread
        )
    return spread


@internal
def _keep_pool(market: uint256, venue: IMarket):
    """
    @dev The pool's book gets its initial margin as far as there is cash. What it lacks then is no reason to leave a
         loss unassigned.
    """
    pool: uint256 = staticcall VAULT.pool_account()
    risk: IMarket.BookRisk = staticcall venue.book_risk(pool)
    if risk.equity < convert(risk.initial, int256):
        extcall VAULT.top_up_pool(market, convert(convert(risk.initial, int256) - risk.equity, uint256))


@internal
@view
def _debt(account: uint256) -> uint256:
    """
    @dev What an account owes [wad].
    """
    cash: int256 = (staticcall VAULT.treasury(account)).cash
    return convert(max(-cash, 0), uint256)


@internal
def _sweep(account: uint256, cash: int256, risk: ICollateralModel.TreasuryRisk):
    """
    @dev Hands dust of collateral to the insurance, and with it what has had no price for long. More than dust is for
         the auctions.
    """
    left: int256 = risk.equity - cash
    if not risk.complete:
        worth: uint256 = 0
        silent: uint256 = 0
        worth, silent = staticcall liquidation._model().unpriced(account)
        if silent < BURIAL:
            left += convert(worth, int256)
    amounts: uint256[MAX_TOKENS] = staticcall VAULT.collateral_of(account)
    insurance: uint256 = staticcall FUND.ACCOUNT()
    for index: uint256 in range(MAX_TOKENS):
        if amounts[index] == 0:
            continue
        assert left < convert(DUST, int256), errors.COLLATERAL_LEFT
        extcall liquidation.SEIZURES.seize_collateral(account, insurance, self, index, amounts[index], 0, 0)


@internal
def _close_books(account: uint256, slots: uint256):
    """
    @dev Ends the account's books, one after the other, until what comes free has repaid the debt.
    """
    rest: uint256 = slots
    for slot: uint256 in range(MAX_BOOKS):
        market: uint256 = rest & 255
        rest >>= 8
        if market == 0 or self._debt(account) == 0:
            continue
        venue: IMarket = liquidation._live_venue(market)
        risk: IMarket.BookRisk = staticcall venue.book_risk(account)
        liquidation._check_final(risk)
        self._absorb(account, market, venue, risk)
        left: int256 = (staticcall venue.book_risk(account)).equity
        if left != 0:
            transfer: IVault.Transfer = IVault.Transfer(slot=slot, amount=-left)
            extcall VAULT.transfer_margin(account, [transfer], 0, self)
