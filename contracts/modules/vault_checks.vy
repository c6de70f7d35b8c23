# pragma version 0.4.3
"""
@title Refusals that several parts of the vault share
@license AGPL-3.0-only
@notice A reason takes 120 bytes of code wherever it stands, so one that stands in several places stands here.
"""

from . import errors


@internal
@pure
def _check_address(is_possible: bool):
    """
    @dev Somebody is meant, and not the vault itself.
    """
    assert is_possible, errors.NO_ADDRESS


@internal
@pure
def _check_amount(is_something: bool):
    """
    @dev Nothing moves for nothing.
    """
    assert is_something, errors.ZERO_AMOUNT


@internal
@pure
def _check_cash(is_enough: bool):
    """
    @dev Cash does not fall below zero.
    """
    assert is_enough, errors.INSUFFICIENT_CASH


@internal
@pure
def _check_unlocked(is_enough: bool):
    """
    @dev Locked cash does not leave.
    """
    assert is_enough, errors.CASH_LOCKED


@internal
@pure
def _check_holder(is_owner: bool):
    """
    @dev The account's owner calls.
    """
    assert is_owner, errors.NOT_OWNER


@internal
@pure
def _check_parameter(is_within: bool):
    """
    @dev What the owner of an account or of the protocol sets is within its hard bounds.
    """
    assert is_within, errors.VAULT_PARAMETER


@internal
@pure
def _check_range(is_within: bool):
    """
    @dev A number fits into its packed field.
    """
    assert is_within, errors.OUT_OF_RANGE


@internal
@pure
def _check_token(is_known: bool):
    """
    @dev The token is one that the vault takes.
    """
    assert is_known, errors.UNKNOWN_TOKEN


@internal
@pure
def _check_transfer(success: bool):
    """
    @dev The token did not say false.
    """
    assert success, errors.TRANSFER_FAILED
