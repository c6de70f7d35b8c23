# pragma version 0.4.3
# pragma evm-version cancun
"""
@title A market that answers what it was told, to the byte
@license AGPL-3.0-only
@notice Takes margin like any market. Each of its views returns the bytes that a test gave it, of any length and with
        any figures, and fails until it was given some.
@custom:kill Test only: never deployed where money is.
"""

BOOK_RISK: public(constant(uint256)) = 0
BOOK_RISKS: public(constant(uint256)) = 1
ENGINE_COST: public(constant(uint256)) = 2
PREVIEW_REDUCE: public(constant(uint256)) = 3
BOOK: public(constant(uint256)) = 4
LIQUIDATION_PRICE: public(constant(uint256)) = 5

answers: public(HashMap[uint256, Bytes[2048]])  # view => what it returns; nothing: it fails


@external
def tell(view_: uint256, answer: Bytes[2048]):
    """
    @notice Say what a view returns from now on.
    @param view_ One of the constants.
    @param answer To the byte; empty to let it fail.
    """
    self.answers[view_] = answer


@external
def move_margin(account: uint256, amount: int256) -> (uint256, bool):
    """
    @notice Takes and gives whatever it is asked for.
    @param account Vault account id.
    @param amount Margin [wad], signed.
    @return Nothing beyond deposits; never empty.
    """
    return 0, False


@external
def settle():
    """
    @notice Nothing to settle.
    """
    pass


@external
@view
@raw_return
def book_risk(account: uint256) -> Bytes[2048]:
    """
    @notice What it was told.
    @param account Vault account id.
    @return Nine words where a book's risk is meant.
    """
    return self._told(BOOK_RISK)


@external
@view
@raw_return
def book_risks(accounts: DynArray[uint256, 256]) -> Bytes[2048]:
    """
    @notice What it was told.
    @param accounts Vault account ids.
    @return Two words and nine an account where the risks of books are meant.
    """
    return self._told(BOOK_RISKS)


@external
@view
@raw_return
def engine_cost() -> Bytes[2048]:
    """
    @notice What it was told.
    @return One word where a rate is meant.
    """
    return self._told(ENGINE_COST)


@external
@view
@raw_return
def preview_reduce(account: uint256, fraction: uint256, bound: uint256) -> Bytes[2048]:
    """
    @notice What it was told.
    @param account Vault account id.
    @param fraction Share to close [wad].
    @param bound Price to start from at best [wad].
    @return Twelve words where a cut is meant.
    """
    return self._told(PREVIEW_REDUCE)


@external
@view
@raw_return
def book(account: uint256) -> Bytes[2048]:
    """
    @notice What it was told.
    @param account Vault account id.
    @return Four words where a stored book is meant.
    """
    return self._told(BOOK)


@external
@view
@raw_return
def liquidation_price(account: uint256) -> Bytes[2048]:
    """
    @notice What it was told.
    @param account Vault account id.
    @return One word where a price is meant.
    """
    return self._told(LIQUIDATION_PRICE)


@internal
@view
def _told(view_: uint256) -> Bytes[2048]:
    """
    @dev The answer of a view, or its failure.
    """
    answer: Bytes[2048] = self.answers[view_]
    assert len(answer) != 0, "mock: was told nothing"
    return answer
