# pragma version 0.4.3
# pragma evm-version cancun
"""
@title A token with every oddity at choice
@license AGPL-3.0-only
@notice What ERC-20 tokens in use are known to do, one bit each; bits combine. Whoever deploys it decides, at any time.
@dev It also acts for anyone, so that a test can make it the owner of things.
"""

# In transfers
TAKES_FEE: constant(uint256) = 1            # 1 % of what is transferred does not arrive
RETURNS_NOTHING: constant(uint256) = 2      # moves, and says nothing
RETURNS_FALSE: constant(uint256) = 4        # moves, and says false
FAILS_SOFTLY: constant(uint256) = 8         # moves nothing, and says false
RETURNS_TWO_WORDS: constant(uint256) = 16   # moves, and says more than was asked
PAUSED: constant(uint256) = 32              # refuses
NO_ZERO_AMOUNT: constant(uint256) = 64      # refuses to transfer nothing
NO_ZERO_ADDRESS: constant(uint256) = 128    # refuses to transfer or approve to nobody
UINT96: constant(uint256) = 256             # refuses amounts of 96 bits and more
MAX_MEANS_ALL: constant(uint256) = 512      # takes the largest amount for the sender's balance
KEEPS_OWN_ALLOWANCE: constant(uint256) = 1_024  # asks no allowance of who moves his own
HOOKS: constant(uint256) = 2_048            # calls `target` with `data` before it moves
HOOKS_AFTER: constant(uint256) = 4_096      # calls `target` with `data` after it moved
OVERPAYS: constant(uint256) = 8_192         # one unit more arrives than was sent

# In approvals
NO_APPROVAL_RACE: constant(uint256) = 16_384    # an allowance goes to zero before it changes
NO_ZERO_APPROVAL: constant(uint256) = 32_768    # refuses to approve nothing

# In what it says of itself
NO_DECIMALS: constant(uint256) = 65_536     # refuses to say
DECIMALS_GROW: constant(uint256) = 131_072  # says one more than was said at first
BYTES32_NAME: constant(uint256) = 262_144   # one word instead of a string
INJECTING_NAME: constant(uint256) = 524_288 # a script in place of a name
BALANCE_LIES: constant(uint256) = 1_048_576 # everybody's balance is twice what it is


behaviour: public(uint256)
totalSupply: public(uint256)
allowance: public(HashMap[address, HashMap[address, uint256]])
blocked: public(HashMap[address, bool])
target: public(address)
data: public(Bytes[2_048])
skips: public(uint256)          # transfers that the hook lets pass first
called: public(bool)            # whether the hook called since `misbehave`
succeeded: public(bool)         # whether what it called went through
answer: public(Bytes[4_096])    # what it was told

_decimals: uint256
_balances: HashMap[address, uint256]


@deploy
def __init__(decimals: uint256, behaviour: uint256):
    """
    @param decimals Token units per token, as a power of ten; of any size.
    @param behaviour Bits.
    """
    self._decimals = decimals
    self.behaviour = behaviour


@external
@raw_return
def transfer(receiver: address, amount: uint256) -> Bytes[64]:
    """
    @notice Move the caller's tokens.
    @param receiver Who gets them.
    @param amount Token units [raw].
    @return True, or what the behaviour says.
    """
    return self._move(msg.sender, receiver, amount)


@external
@raw_return
def transferFrom(sender: address, receiver: address, amount: uint256) -> Bytes[64]:
    """
    @notice Move somebody's tokens within the caller's allowance.
    @param sender Whose tokens.
    @param receiver Who gets them.
    @param amount Token units [raw].
    @return True, or what the behaviour says.
    """
    if sender != msg.sender or not self._is(KEEPS_OWN_ALLOWANCE):
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
    assert amount != 0 or not self._is(NO_ZERO_APPROVAL), "token: zero approval"
    assert spender != empty(address) or not self._is(NO_ZERO_ADDRESS), "token: zero address"
    if self._is(NO_APPROVAL_RACE):
        assert amount == 0 or self.allowance[msg.sender][spender] == 0, "token: approval race"
    if self._is(UINT96):
        assert amount < 2**96 or amount == max_value(uint256), "token: above 96 bits"
    self.allowance[msg.sender][spender] = amount
    return True


@external
def mint(receiver: address, amount: uint256):
    """
    @notice Make tokens: a donation, a rebase upwards, a flash mint.
    @param receiver Who gets them.
    @param amount Token units [raw].
    """
    self.totalSupply += amount
    self._balances[receiver] += amount


@external
def burn(holder: address, amount: uint256):
    """
    @notice Take tokens away: a rebase downwards, a seizure.
    @param holder Who loses them.
    @param amount Token units [raw].
    """
    self.totalSupply -= amount
    self._balances[holder] -= amount


@external
def block_(holder: address, blocked: bool):
    """
    @notice Put somebody on the blocklist, or take him off.
    @param holder Who neither sends nor receives.
    @param blocked Which.
    """
    self.blocked[holder] = blocked


@external
def misbehave(behaviour: uint256, target: address, data: Bytes[2_048]):
    """
    @notice Change the behaviour, as an upgradable token can.
    @param behaviour Bits.
    @param target Whom the hook calls, once.
    @param data With what.
    """
    self.skips = 0
    self.behaviour = behaviour
    self.target = target
    self.data = data
    self.called = False
    self.succeeded = False
    self.answer = b""


@external
def skip(transfers: uint256):
    """
    @notice Let the hook wait for a later transfer.
    @param transfers How many pass before it calls.
    """
    self.skips = transfers


@external
@raw_return
def act(target: address, data: Bytes[2_048]) -> Bytes[4_096]:
    """
    @notice Call somebody in the token's own name.
    @param target Whom.
    @param data With what.
    @return What was answered.
    """
    return raw_call(target, data, max_outsize=4_096)


@external
@view
def balanceOf(holder: address) -> uint256:
    """
    @notice What somebody has.
    @param holder Who.
    @return Token units [raw].
    """
    if self._is(BALANCE_LIES):
        return 2 * self._balances[holder]
    return self._balances[holder]


@external
@view
def decimals() -> uint256:
    """
    @notice Token units per token, as a power of ten.
    @return Not a byte, where the constructor was told so.
    """
    assert not self._is(NO_DECIMALS), "token: no decimals"
    if self._is(DECIMALS_GROW):
        return self._decimals + 1
    return self._decimals


@external
@view
@raw_return
def name() -> Bytes[128]:
    """
    @notice The name.
    @return A string, or one word.
    """
    if self._is(BYTES32_NAME):
        return abi_encode(convert(0x5765697264, bytes32))
    if self._is(INJECTING_NAME):
        return abi_encode("<script>alert(1)</script>")
    return abi_encode("Weird")


@internal
@view
def _is(behaviour: uint256) -> bool:
    """
    @dev Whether the token behaves so.
    """
    return self.behaviour & behaviour != 0


@internal
def _move(sender: address, receiver: address, asked: uint256) -> Bytes[64]:
    """
    @dev Moves tokens as the behaviour says; the answer.
    """
    assert not self._is(PAUSED), "token: paused"
    assert not self.blocked[sender] and not self.blocked[receiver], "token: blocked"
    assert asked != 0 or not self._is(NO_ZERO_AMOUNT), "token: zero amount"
    assert receiver != empty(address) or not self._is(NO_ZERO_ADDRESS), "token: zero address"
    assert asked < 2**96 or not self._is(UINT96), "token: above 96 bits"
    if self._is(FAILS_SOFTLY):
        return abi_encode(False)
    if self._is(HOOKS):
        self._call()

    amount: uint256 = asked
    if self._is(MAX_MEANS_ALL) and asked == max_value(uint256):
        amount = self._balances[sender]
    assert amount <= self._balances[sender], "token: balance too low"
    self._balances[sender] -= amount
    if self._is(TAKES_FEE):
        amount -= amount // 100
    if self._is(OVERPAYS):
        amount += 1
    self._balances[receiver] += amount

    if self._is(HOOKS_AFTER):
        self._call()
    if self._is(RETURNS_NOTHING):
        return b""
    if self._is(RETURNS_FALSE):
        return abi_encode(False)
    if self._is(RETURNS_TWO_WORDS):
        return abi_encode(True, False)
    return abi_encode(True)


@internal
def _call():
    """
    @dev The hook, once: what it calls may well transfer again.
    """
    if self.called:
        return
    if self.skips != 0:
        self.skips -= 1
        return
    self.called = True
    success: bool = False
    answer: Bytes[4_096] = b""
    success, answer = raw_call(self.target, self.data, max_outsize=4_096, revert_on_failure=False)
    self.succeeded = success
    self.answer = answer
