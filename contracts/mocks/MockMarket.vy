# pragma version 0.4.3
# pragma evm-version cancun
"""
@title A market that knows margin and nothing else
@license AGPL-3.0-only
@notice For tests of the vault: a book is its margin and its net deposits, and profit is whatever a test says it is.
"""


from interfaces import IMarket


book: public(HashMap[uint256, int256])          # account → margin [wad]
net_deposit: public(HashMap[uint256, int256])   # account → put in less taken out, at least 0 [wad]
maintenance: public(HashMap[uint256, uint256])  # account → what its book needs [wad]
frozen: public(bool)                            # whether it cannot price itself


@external
def move_margin(account: uint256, amount: int256) -> (uint256, bool):
    """
    @notice Put margin into a book (positive) or take it out.
    @param account Vault account id.
    @param amount Margin [wad], signed.
    @return What left beyond net deposits [wad]; whether the book is now empty.
    """
    self.book[account] += amount
    beyond: int256 = max(-amount - self.net_deposit[account], 0)
    self.net_deposit[account] = max(self.net_deposit[account] + amount, 0)
    return convert(beyond, uint256), self.book[account] == 0


@external
@view
def book_risk(account: uint256) -> IMarket.BookRisk:
    """
    @notice The book's margin and what a test says it needs.
    @param account Vault account id.
    @return The book's risk.
    """
    assert not self.frozen, "market: frozen"
    return IMarket.BookRisk(
        equity=self.book[account],
        maintenance=self.maintenance[account],
        initial=self.maintenance[account],
        sigma_loss=0,
        withdrawable=0,
        donor_floor=0,
        exposure=0,
        round=0,
        gates=0,
    )


@external
def set_maintenance(account: uint256, maintenance: uint256):
    """
    @notice Say what a book needs.
    @param account Vault account id.
    @param maintenance USD [wad].
    """
    self.maintenance[account] = maintenance


@external
def set_frozen(frozen: bool):
    """
    @notice Say whether the market can price itself.
    @param frozen Whether it cannot.
    """
    self.frozen = frozen


@external
def gain(account: uint256, amount: int256):
    """
    @notice Give a book a profit or a loss.
    @param account Vault account id.
    @param amount USD [wad].
    """
    self.book[account] += amount


@external
def seize(account: uint256, bidder: uint256, fraction: uint256) -> bool:
    """
    @notice Hand a share of a book's margin to another account.
    @param account Vault account id.
    @param bidder Account id that takes it over.
    @param fraction Share of the book [wad].
    @return Whether the book is now empty.
    """
    taken: int256 = self.book[account] * convert(fraction, int256) // 10**18
    self.book[account] -= taken
    self.book[bidder] += taken
    return self.book[account] == 0


@external
def absorb(account: uint256) -> (uint256, bool):
    """
    @notice End a book below zero: nobody else's bears the loss here, but it is told.
    @param account Vault account id.
    @return The loss [wad]; whether the book is now empty.
    """
    loss: int256 = max(-self.book[account], 0)
    self.book[account] += loss
    return convert(loss, uint256), self.book[account] == 0
