# pragma version 0.4.3
"""
@title Refusals that several parts of the vault share
@license AGPL-3.0-only
@notice A reason takes 120 bytes of code wherever it is asserted, half of that where it is handed on, and a call where
        it stands here.
"""

from . import errors


@internal
@pure
def _refuse(reason: String[32]):
    """
    @dev As `raise`, at half the size: 60 bytes of code a reason instead of 120.
    """
    raise reason


@internal
@pure
def _check_address(is_possible: bool):
    """
    @dev Somebody is meant, and not the vault itself.
    """
    if not is_possible:
        self._refuse(errors.NO_ADDRESS)


@internal
@pure
def _check_account(is_known: bool):
    """
    @dev The account exists.
    """
    if not is_known:
        self._refuse(errors.UNKNOWN_ACCOUNT)


@internal
@pure
def _check_amount(is_something: bool):
    """
    @dev Nothing moves for nothing.
    """
    if not is_something:
        self._refuse(errors.ZERO_AMOUNT)


@internal
@pure
def _check_cash(is_enough: bool):
    """
    @dev Cash does not fall below zero.
    """
    if not is_enough:
        self._refuse(errors.INSUFFICIENT_CASH)


@internal
@pure
def _check_unlocked(is_enough: bool):
    """
    @dev Locked cash does not leave.
    """
    if not is_enough:
        self._refuse(errors.CASH_LOCKED)


@internal
@pure
def _check_holder(is_owner: bool):
    """
    @dev The account's owner calls.
    """
    if not is_owner:
        self._refuse(errors.NOT_OWNER)


@internal
@pure
def _check_parameter(is_within: bool):
    """
    @dev What the owner of an account or of the protocol sets is within its hard bounds.
    """
    if not is_within:
        self._refuse(errors.VAULT_PARAMETER)


@internal
@pure
def _check_range(is_within: bool):
    """
    @dev A number fits into its packed field.
    """
    if not is_within:
        self._refuse(errors.OUT_OF_RANGE)


@internal
@pure
def _check_token(is_known: bool):
    """
    @dev The token is one that the vault takes.
    """
    if not is_known:
        self._refuse(errors.UNKNOWN_TOKEN)


@internal
@pure
def _check_transfer(success: bool):
    """
    @dev The token did not say false.
    """
    if not success:
        self._refuse(errors.TRANSFER_FAILED)
