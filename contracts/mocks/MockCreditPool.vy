# pragma version 0.4.3
# pragma evm-version cancun
"""
@title A credit pool that counts and nothing else
@license AGPL-3.0-only
@notice For tests of the vault: the index is whatever a test says it is, and what the vault tells is kept.
"""


ACCOUNT: public(immutable(uint256))     # whose cash it lends
debt_index: public(uint256)             # [wad]
debt_shares: public(int256)             # [wad] what the vault said, added up
idle: public(uint256)                   # [wad] what the vault said last
written_off: public(uint256)            # [wad] shares
closed: public(bool)                    # whether debt may not grow


@deploy
def __init__(account: uint256):
    """
    @param account Whose cash it lends.
    """
    ACCOUNT = account
    self.debt_index = 10**18


@external
def change_debt(shares: int256, idle: uint256):
    """
    @notice Count debt that was made or repaid.
    @param shares Debt shares made, or ended where negative [wad].
    @param idle Cash of its account after the change [wad].
    """
    assert shares <= 0 or not self.closed, "credit: exits wait"
    self.debt_shares += shares
    self.idle = idle


@external
def write_off(shares: uint256, idle: uint256):
    """
    @notice End debt that nobody will repay.
    @param shares Debt shares that end [wad].
    @param idle Cash of its account [wad].
    """
    self.debt_shares -= convert(shares, int256)
    self.written_off += shares
    self.idle = idle


@external
def set_index(index: uint256):
    """
    @notice Say what a debt share is worth.
    @param index USD [wad].
    """
    self.debt_index = index


@external
def set_closed(closed: bool):
    """
    @notice Say whether debt may grow.
    @param closed Whether it may not.
    """
    self.closed = closed
