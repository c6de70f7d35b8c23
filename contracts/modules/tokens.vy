# pragma version 0.4.3
"""
@title Tokens as they are
@license AGPL-3.0-only
@notice Old tokens return nothing, some return false instead of failing, some deliver less than they were told to, some
        have no decimals or too many. A transfer counts only where it did what it was asked to.
"""

from ethereum.ercs import IERC20

from . import errors
from . import vault_checks


MAX_DECIMALS: constant(uint256) = 18    # amounts are counted in wads: a token of more would lose its last digits


@internal
@view
def _decimals(token: address) -> uint256:
    """
    @dev A token's decimals, at most 18. The token must say so itself, in one word: no code, a revert and an answer of
         another length are refused. Callers ask once and keep the answer, so that a later lie changes nothing.
    """
    success: bool = False
    answer: Bytes[64] = b""
    success, answer = raw_call(
        token, method_id("decimals()"), max_outsize=64, is_static_call=True, revert_on_failure=False
    )
    if not success or len(answer) != 32:
        vault_checks._refuse(errors.NO_DECIMALS)
    decimals: uint256 = convert(extract32(answer, 0), uint256)
    if decimals > MAX_DECIMALS:
        vault_checks._refuse(errors.TOO_MANY_DECIMALS)
    return decimals


@internal
def _pull(token: address, amount: uint256):
    """
    @dev Takes exactly `amount` [raw] from the caller: a token that keeps a fee is refused.
    """
    before: uint256 = self._balance(token)
    success: bool = extcall IERC20(token).transferFrom(msg.sender, self, amount, default_return_value=True)
    vault_checks._check_transfer(success)
    after: uint256 = self._balance(token)
    if after != before + amount:
        vault_checks._refuse(errors.WRONG_AMOUNT_RECEIVED)


@internal
@view
def _balance(token: address) -> uint256:
    """
    @dev What the vault holds of a token [raw]. Asked around a deposit and nowhere else.
    """
    return staticcall IERC20(token).balanceOf(self)


@internal
def _push(token: address, receiver: address, amount: uint256):
    """
    @dev The only way tokens leave [raw]. Tokens that return nothing are taken at their word, tokens that return false
         not. Nothing is sent where there is nothing to send: some tokens refuse zero.
    """
    if amount == 0:
        return
    success: bool = extcall IERC20(token).transfer(receiver, amount, default_return_value=True)
    vault_checks._check_transfer(success)
