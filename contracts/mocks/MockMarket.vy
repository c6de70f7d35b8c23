# pragma version 0.4.3
# pragma evm-version cancun
"""
@title A market that knows margin and nothing else
@license AGPL-3.0-only
@notice For tests of the vault: a book is its margin and its net deposits, and profit is whatever a test says it is.
"""


book: public(HashMap[uint256, int256])          # account → margin [wad]
net_deposit: public(HashMap[uint256, int256])   # account → put in less taken out, at least 0 [wad]


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
def gain(account: uint256, amount: int256):
    """
    @notice Give a book a profit or a loss.
    @param account Vault account id.
    @param amount USD [wad].
    """
    self.book[account] += amount
