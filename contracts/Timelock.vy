# pragma version 0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title The only owner of the protocol
@license AGPL-3.0-only
@notice What the owner of the contracts may do is proposed here, stands in public for a delay, and can then be done by
        whoever holds the executor role; where nobody does, by anyone. Proposers may cancel what they proposed.
@dev Nothing but snekmate's controller and access control. It administers itself: roles and the delay change through
     proposals only, for the constructor leaves no other administrator when it is given none.
@custom:security Holds no tokens and takes none. A proposal is bound to its calls, its predecessor and its salt.
@custom:kill None: to replace it, propose `transfer_ownership` of every contract to its successor.
"""

from snekmate.auth import access_control
from snekmate.governance import timelock_controller
initializes: access_control
initializes: timelock_controller[access_control := access_control]


exports: (
    access_control.DEFAULT_ADMIN_ROLE,
    access_control.hasRole,
    access_control.getRoleAdmin,
    access_control.grantRole,
    access_control.revokeRole,
    access_control.renounceRole,
    timelock_controller.PROPOSER_ROLE,
    timelock_controller.EXECUTOR_ROLE,
    timelock_controller.CANCELLER_ROLE,
    timelock_controller.supportsInterface,
    timelock_controller.get_timestamp,
    timelock_controller.get_minimum_delay,
    timelock_controller.is_operation,
    timelock_controller.is_operation_pending,
    timelock_controller.is_operation_ready,
    timelock_controller.is_operation_done,
    timelock_controller.hash_operation,
    timelock_controller.hash_operation_batch,
    timelock_controller.schedule,
    timelock_controller.schedule_batch,
    timelock_controller.cancel,
    timelock_controller.execute,
    timelock_controller.execute_batch,
    timelock_controller.update_delay,
)


@deploy
def __init__(
    min_delay: uint256, proposers: DynArray[address, 255], executors: DynArray[address, 255], admin: address
):
    """
    @notice Sets the delay and the first holders of the roles.
    @param min_delay Least time from proposal to execution [s].
    @param proposers Who may propose and cancel.
    @param executors Who may execute; nobody named, nobody may: the zero address stands for anyone.
    @param admin Who may grant roles without delay; zero for nobody, as it should be.
    """
    access_control.__init__()
    timelock_controller.__init__(min_delay, proposers, executors, admin)
