# pragma version 0.4.3
# pragma evm-version cancun
"""
@title A token whose transfers return nothing
@license AGPL-3.0-only
@notice As old tokens do. Anyone mints.
"""


decimals: public(uint8)
balanceOf: public(HashMap[address, uint256])
allowance: public(HashMap[address, HashMap[address, uint256]])


@deploy
def __init__(decimals: uint8):
    """
    @param decimals Token units per token, as a power of ten.
    """
    self.decimals = decimals


@external
def transfer(receiver: address, amount: uint256):
    """
    @notice Move the caller's tokens.
    @param receiver Who gets them.
    @param amount Token units [raw].
    """
    self.balanceOf[msg.sender] -= amount
    self.balanceOf[receiver] += amount


@external
def transferFrom(sender: address, receiver: address, amount: uint256):
    """
    @notice Move somebody's tokens within the caller's allowance.
    @param sender Whose tokens.
    @param receiver Who gets them.
    @param amount Token units [raw].
    """
    self.allowance[sender][msg.sender] -= amount
    self.balanceOf[sender] -= amount
    self.balanceOf[receiver] += amount


@external
def approve(spender: address, amount: uint256):
    """
    @notice Let somebody move the caller's tokens.
    @param spender Who may.
    @param amount Token units [raw].
    """
    self.allowance[msg.sender][spender] = amount


@external
def mint(receiver: address, amount: uint256):
    """
    @notice Make tokens.
    @param receiver Who gets them.
    @param amount Token units [raw].
    """
    self.balanceOf[receiver] += amount
