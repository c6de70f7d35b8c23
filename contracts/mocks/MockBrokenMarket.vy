# pragma version 0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title A market that fails in every way a market can
@license AGPL-3.0-only
@notice Takes margin like any market and answers questions of risk badly, in the way its owner chooses.
@custom:kill Test only: never deployed where money is.
"""

from interfaces import IMarket

WELL: public(constant(uint256)) = 0         # a book of margin only, which is right
REVERT: public(constant(uint256)) = 1
BURN: public(constant(uint256)) = 2         # uses up all gas
SHORT: public(constant(uint256)) = 3        # answers too few books
ABSURD: public(constant(uint256)) = 4       # figures that overflow what calculates with them
LONG: public(constant(uint256)) = 5         # answers for twice as many books as it was asked

mode: public(uint256)
margin: public(HashMap[uint256, int256])    # account → [wad]


@external
def set_mode(mode: uint256):
    """
    @notice Choose how to fail.
    @param mode One of the constants.
    """
    self.mode = mode


@external
def move_margin(account: uint256, amount: int256) -> (uint256, bool):
    """
    @notice Works, whatever the mode.
    @param account Vault account id.
    @param amount Margin [wad], signed.
    @return Nothing beyond deposits; whether the book is empty.
    """
    self.margin[account] += amount
    return 0, self.margin[account] == 0


@external
def settle():
    """
    @notice Nothing to settle, unless the mode is to fail.
    """
    self._fail()


@external
@view
def book_risk(account: uint256) -> IMarket.BookRisk:
    """
    @notice The risk of a book, or a failure.
    @param account Vault account id.
    @return The risk.
    """
    self._fail()
    return self._risk(account)


@external
@view
def book_risks(accounts: DynArray[uint256, 256]) -> DynArray[IMarket.BookRisk, 256]:
    """
    @notice The risk of many books, or a failure.
    @param accounts Vault account ids.
    @return The risks.
    """
    self._fail()
    risks: DynArray[IMarket.BookRisk, 256] = []
    if self.mode == SHORT:
        return risks
    for account: uint256 in accounts:
        risks.append(self._risk(account))
        if self.mode == LONG:
            risks.append(self._risk(account))
    return risks


@internal
@view
def _fail():
    """
    @dev Fails where the mode says so.
    """
    if self.mode == REVERT:
        raise "mock: broken market"
    assert self.mode != BURN, UNREACHABLE  # an invalid instruction


@internal
@view
def _risk(account: uint256) -> IMarket.BookRisk:
    """
    @dev A book of margin only.
    """
    risk: IMarket.BookRisk = empty(IMarket.BookRisk)
    risk.equity = max_value(int256) if self.mode == ABSURD else self.margin[account]
    return risk
