# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Requests of entry and exit, and what can be claimed of them
@license AGPL-3.0-only
@notice The ledger behind ERC-7540's views: it counts, the pool moves. A request that was executed lies on its
        controller's line behind his earlier ones, and claims walk along that line, the oldest first. What the claims of
        one controller bring is shared by amount, rounded down; whoever claims all is paid all.
"""

from interfaces import ILiquidityPool

from . import errors
from . import fixed_point
from . import request_slots

REQUEST_DELAY: public(constant(uint256)) = 3_600        # [s] from a request to its price
VOID_DELAY: public(constant(uint256)) = 3 * 86_400      # [s] from then until it may be given back

# ERC-165, ERC-7540 operators, ERC-7575, asynchronous deposit, asynchronous redemption
SUPPORTED: constant(bytes4[5]) = [0x01ffc9a7, 0xe3bc4e65, 0x2f0a18c5, 0xce3bbe50, 0x620ee8e4]

# A controller's line of executed entries, or exits
struct Line:
    executed: uint256       # handed in by executed requests: tokens [raw], or shares [wad]
    claimed: uint256        # of that
    owed: uint256           # what the rest of it brings: shares [wad], or tokens [raw]


request_count: public(uint256)
isOperator: public(HashMap[address, HashMap[address, bool]])    # controller → operator

_terms: HashMap[uint256, uint256]       # request → packed terms
_amounts: HashMap[uint256, uint256]     # request → packed amounts
_entries: HashMap[address, Line]        # controller → executed entries
_exits: HashMap[address, Line]          # controller → executed exits


# ------------------------------------------------------------------------------------------------
# Anyone
# ------------------------------------------------------------------------------------------------


@external
def setOperator(operator: address, approved: bool) -> bool:
    """
    @notice Let an operator request from the caller's tokens and shares, and claim what is the caller's; or no longer.
    @param operator Who may act.
    @param approved Whether he may.
    @return True.
    """
    self.isOperator[msg.sender][operator] = approved
    log ILiquidityPool.OperatorSet(controller=msg.sender, operator=operator, approved=approved)
    return True


@external
@view
def pendingDepositRequest(requestId: uint256, controller: address) -> uint256:
    """
    @notice What an entry that waits was handed.
    @param requestId Request id.
    @param controller Its controller.
    @return Tokens [raw]; 0 where that is no pending entry of his.
    """
    return self._pending_amount(requestId, controller, False)


@external
@view
def pendingRedeemRequest(requestId: uint256, controller: address) -> uint256:
    """
    @notice What an exit that waits was handed.
    @param requestId Request id.
    @param controller Its controller.
    @return Shares [wad]; 0 where that is no pending exit of his.
    """
    return self._pending_amount(requestId, controller, True)


@external
@view
def claimableDepositRequest(requestId: uint256, controller: address) -> uint256:
    """
    @notice What of an executed entry has not been claimed.
    @param requestId Request id.
    @param controller Its controller.
    @return Tokens [raw] whose shares can be claimed.
    """
    return self._claimable_amount(requestId, controller, False, self._entries[controller].claimed)


@external
@view
def claimableRedeemRequest(requestId: uint256, controller: address) -> uint256:
    """
    @notice What of an executed exit has not been claimed.
    @param requestId Request id.
    @param controller Its controller.
    @return Shares [wad] whose tokens can be claimed.
    """
    return self._claimable_amount(requestId, controller, True, self._exits[controller].claimed)


@external
@view
def maxDeposit(controller: address) -> uint256:
    """
    @notice Tokens whose shares the controller can claim with `deposit`.
    @param controller Who.
    @return Tokens [raw].
    """
    return self._left(self._entries[controller])


@external
@view
def maxMint(controller: address) -> uint256:
    """
    @notice Shares that the controller can claim with `mint`.
    @param controller Who.
    @return Shares [wad].
    """
    return self._entries[controller].owed


@external
@view
def maxWithdraw(controller: address) -> uint256:
    """
    @notice Tokens that the controller can claim with `withdraw`.
    @param controller Who.
    @return Tokens [raw].
    """
    return self._exits[controller].owed


@external
@view
def maxRedeem(controller: address) -> uint256:
    """
    @notice Shares whose tokens the controller can claim with `redeem`.
    @param controller Who.
    @return Shares [wad].
    """
    return self._left(self._exits[controller])


@external
@view
def request(id: uint256) -> ILiquidityPool.Request:
    """
    @notice A request.
    @param id Request id.
    @return All of it; zeros for an unknown one.
    """
    request: request_slots.Request = self._load(id)
    return ILiquidityPool.Request(
        controller=request.controller,
        due=request.due,
        is_exit=request.is_exit,
        status=request.status,
        amount=request.amount,
    )


@external
@view
def previewDeposit(assets: uint256) -> uint256:
    """
    @notice Reverts: nobody knows what a request will bring.
    @param assets Ignored.
    @return Nothing.
    """
    return self._unknown_yet()


@external
@view
def previewMint(shares: uint256) -> uint256:
    """
    @notice Reverts: nobody knows what a request will bring.
    @param shares Ignored.
    @return Nothing.
    """
    return self._unknown_yet()


@external
@view
def previewWithdraw(assets: uint256) -> uint256:
    """
    @notice Reverts: nobody knows what a request will bring.
    @param assets Ignored.
    @return Nothing.
    """
    return self._unknown_yet()


@external
@view
def previewRedeem(shares: uint256) -> uint256:
    """
    @notice Reverts: nobody knows what a request will bring.
    @param shares Ignored.
    @return Nothing.
    """
    return self._unknown_yet()


@external
@view
def share() -> address:
    """
    @notice The token of the shares.
    @return The pool itself.
    """
    return self


@external
@pure
def supportsInterface(interfaceId: bytes4) -> bool:
    """
    @notice ERC-165: the asynchronous vault of ERC-7540 with operators, and ERC-7575.
    @param interfaceId The interface.
    @return Whether the pool has it.
    """
    return interfaceId in SUPPORTED


# ------------------------------------------------------------------------------------------------
# Requests
# ------------------------------------------------------------------------------------------------


@internal
@pure
def _unknown_yet() -> uint256:
    """
    @dev Refuses to preview, for all four previews: a reason takes 120 bytes of code wherever it stands.
    """
    raise errors.BY_REQUEST_ONLY


@internal
def _open(controller: address, is_exit: bool, amount: uint256) -> uint256:
    """
    @dev A new request, due after the delay. Returns its id; ids count from 1.
    """
    assert controller != empty(address), errors.NO_CONTROLLER
    assert amount != 0, errors.EMPTY_REQUEST
    return self._queue(controller, is_exit, amount, block.timestamp + REQUEST_DELAY)


@internal
def _queue(controller: address, is_exit: bool, amount: uint256, due: uint256) -> uint256:
    """
    @dev A request that is due then. What is left of one executed in part stays due when that was: else a dollar of free
         cash, given by whoever grudges the rest, would make it wait again.
    """
    id: uint256 = self.request_count + 1
    self.request_count = id
    self._save(id, request_slots.Request(
        controller=controller, due=due, is_exit=is_exit, status=request_slots.PENDING, amount=amount, start=0
    ))
    return id


@internal
@view
def _waiting(id: uint256) -> request_slots.Request:
    """
    @dev A request that is still pending; there must be one.
    """
    request: request_slots.Request = self._load(id)
    assert request.status == request_slots.PENDING, errors.NO_REQUEST
    return request


@internal
@view
def _check_due(since: uint256):
    """
    @dev The time has come.
    """
    assert block.timestamp >= since, errors.REQUEST_TOO_EARLY


@internal
def _executed(id: uint256, request: request_slots.Request, amount: uint256, brings: uint256):
    """
    @dev `amount` of a request now brings `brings`, to be claimed.
    """
    line: Line = self._line(request.controller, request.is_exit)
    done: request_slots.Request = request
    done.status = request_slots.EXECUTED
    done.amount = amount
    done.start = line.executed
    self._save(id, done)

    line.executed += amount
    line.owed += brings
    self._save_line(request.controller, request.is_exit, line)


@internal
def _voided(id: uint256) -> request_slots.Request:
    """
    @dev Ends a request that nobody could execute for days: across a change of a feed's phase no round can be proven to
         be the first. Returns what it was.
    """
    request: request_slots.Request = self._waiting(id)
    self._check_acts_for(request.controller)
    self._check_due(request.due + VOID_DELAY)
    voided: request_slots.Request = request
    voided.status = request_slots.VOIDED
    self._save(id, voided)
    return request


# ------------------------------------------------------------------------------------------------
# Claims
# ------------------------------------------------------------------------------------------------


@internal
def _claim_by_amount(controller: address, is_exit: bool, amount: uint256) -> uint256:
    """
    @dev Claims what `amount` of the controller's line brings, rounded down. Returns that.
    """
    self._check_acts_for(controller)
    line: Line = self._line(controller, is_exit)
    left: uint256 = self._left(line)
    assert amount <= left, errors.CLAIM_TOO_HIGH
    brings: uint256 = 0
    if amount != 0:
        brings = fixed_point._mul_div_down(line.owed, amount, left)
    line.claimed += amount
    line.owed -= brings
    self._save_line(controller, is_exit, line)
    return brings


@internal
def _claim_by_result(controller: address, is_exit: bool, brings: uint256) -> uint256:
    """
    @dev Claims `brings` for the least amount of the controller's line that brings it, rounded up. Returns that amount.
    """
    self._check_acts_for(controller)
    line: Line = self._line(controller, is_exit)
    assert brings <= line.owed, errors.CLAIM_TOO_HIGH
    amount: uint256 = 0
    if brings != 0:
        amount = fixed_point._mul_div_up(self._left(line), brings, line.owed)
    line.claimed += amount
    line.owed -= brings
    self._save_line(controller, is_exit, line)
    return amount


@internal
@view
def _check_acts_for(party: address):
    """
    @dev The caller is `party` or its operator.
    """
    assert msg.sender == party or self.isOperator[party][msg.sender], errors.NO_RIGHT


# ------------------------------------------------------------------------------------------------
# Reading and writing
# ------------------------------------------------------------------------------------------------


@internal
@view
def _pending_amount(id: uint256, controller: address, is_exit: bool) -> uint256:
    """
    @dev Amount of a pending request of that kind and controller, else 0.
    """
    request: request_slots.Request = self._load(id)
    if request.status != request_slots.PENDING or request.controller != controller or request.is_exit != is_exit:
        return 0
    return request.amount


@internal
@view
def _claimable_amount(id: uint256, controller: address, is_exit: bool, claimed: uint256) -> uint256:
    """
    @dev What of an executed request of that kind and controller lies ahead of what was claimed, else 0.
    """
    request: request_slots.Request = self._load(id)
    if request.status != request_slots.EXECUTED or request.controller != controller or request.is_exit != is_exit:
        return 0
    end: uint256 = request.start + request.amount
    return end - min(end, max(request.start, claimed))


@internal
@pure
def _left(line: Line) -> uint256:
    """
    @dev What of a line has not been claimed.
    """
    return line.executed - line.claimed


@internal
@view
def _load(id: uint256) -> request_slots.Request:
    """
    @dev A request, unpacked.
    """
    return request_slots._unpack_request(self._terms[id], self._amounts[id])


@internal
def _save(id: uint256, request: request_slots.Request):
    """
    @dev A request, packed.
    """
    self._terms[id], self._amounts[id] = request_slots._pack_request(request)


@internal
@view
def _line(controller: address, is_exit: bool) -> Line:
    """
    @dev A controller's line of exits or entries.
    """
    if is_exit:
        return self._exits[controller]
    return self._entries[controller]


@internal
def _save_line(controller: address, is_exit: bool, line: Line):
    """
    @dev The twin of `_line`.
    """
    if is_exit:
        self._exits[controller] = line
    else:
        self._entries[controller] = line
