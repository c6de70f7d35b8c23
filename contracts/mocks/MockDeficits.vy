# pragma version 0.4.3
# pragma evm-version cancun
"""
@title Deficits that a test makes known
@license AGPL-3.0-only
@notice For tests of who bears losses.
"""


insolvencies: public(uint256)
insolvent_debts: public(uint256)


@external
def set_insolvencies(count: uint256, debts: uint256):
    """
    @notice Say how many deficits nobody bears yet.
    @param count How many.
    @param debts How many of them are treasuries' debts.
    """
    self.insolvencies = count
    self.insolvent_debts = debts
