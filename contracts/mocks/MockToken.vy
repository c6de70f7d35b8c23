# pragma version 0.4.3
# pragma evm-version cancun
"""
@title A settlement token for tests and demos
@license AGPL-3.0-only
@notice A plain ERC-20 that its deployer mints, and that can be told to misbehave in the ways real tokens do.
"""

from ethereum.ercs import IERC20
from ethereum.ercs import IERC20Detailed
implements: IERC20
implements: IERC20Detailed


# How the token behaves, as bits
TAKES_FEE: constant(uint256) = 1        # 1 % of what is transferred does not arrive
RETURNS_FALSE: constant(uint256) = 2    # says false instead of moving anything
REENTERS: constant(uint256) = 4         # calls `target` with `data` in the middle of every transfer


name: public(String[32])
symbol: public(String[8])
decimals: public(uint8)
totalSupply: public(uint256)
balanceOf: public(HashMap[address, uint256])
allowance: public(HashMap[address, HashMap[address, uint256]])
owner: public(address)
behaviour: public(uint256)
target: public(address)
data: public(Bytes[260])
call_succeeded: public(bool)    # whether the last re-entering call went through


@deploy
def __init__(name: String[32], symbol: String[8], decimals: uint8):
    """
    @param name Long name.
    @param symbol Short name.
    @param decimals Token units per token, as a power of ten.
    """
    self.name = name
    self.symbol = symbol
    self.decimals = decimals
    self.owner = msg.sender


@external
def transfer(receiver: address, amount: uint256) -> bool:
    """
    @notice Move the caller's tokens.
    @param receiver Who gets them.
    @param amount Token units [raw].
    @return False where the token was told to say so.
    """
    return self._move(msg.sender, receiver, amount)


@external
def transferFrom(sender: address, receiver: address, amount: uint256) -> bool:
    """
    @notice Move somebody's tokens within the caller's allowance.
    @param sender Whose tokens.
    @param receiver Who gets them.
    @param amount Token units [raw].
    @return False where the token was told to say so.
    """
    if self.allowance[sender][msg.sender] != max_value(uint256):
        assert amount <= self.allowance[sender][msg.sender], "token: allowance too low"
        self.allowance[sender][msg.sender] -= amount
    return self._move(sender, receiver, amount)


@external
def approve(spender: address, amount: uint256) -> bool:
    """
    @notice Let somebody move the caller's tokens.
    @param spender Who may.
    @param amount Token units [raw].
    @return True.
    """
    self.allowance[msg.sender][spender] = amount
    log IERC20.Approval(owner=msg.sender, spender=spender, value=amount)
    return True


@external
def mint(receiver: address, amount: uint256):
    """
    @notice Make tokens. Owner only.
    @param receiver Who gets them.
    @param amount Token units [raw].
    """
    assert msg.sender == self.owner, "token: not the owner"
    self.totalSupply += amount
    self.balanceOf[receiver] += amount
    log IERC20.Transfer(sender=empty(address), receiver=receiver, value=amount)


@external
def misbehave(behaviour: uint256, target: address, data: Bytes[260]):
    """
    @notice Tell the token how to behave. Owner only.
    @param behaviour Bits, see the constants; 0 = well.
    @param target Whom to call in the middle of a transfer.
    @param data With what.
    """
    assert msg.sender == self.owner, "token: not the owner"
    self.behaviour = behaviour
    self.target = target
    self.data = data


@internal
def _move(sender: address, receiver: address, amount: uint256) -> bool:
    """
    @dev Moves tokens as the behaviour says.
    """
    behaviour: uint256 = self.behaviour
    if behaviour & RETURNS_FALSE != 0:
        return False
    if behaviour & REENTERS != 0:
        self.call_succeeded = raw_call(self.target, self.data, revert_on_failure=False)

    assert amount <= self.balanceOf[sender], "token: balance too low"
    self.balanceOf[sender] -= amount
    arrived: uint256 = amount
    if behaviour & TAKES_FEE != 0:
        arrived -= amount // 100
    self.balanceOf[receiver] += arrived
    log IERC20.Transfer(sender=sender, receiver=receiver, value=arrived)
    return True
