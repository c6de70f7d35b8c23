# pragma version 0.4.3
# pragma evm-version cancun
"""
@title A vault and an oracle in one, with nothing behind them
@license AGPL-3.0-only
@notice Answers what it was told: any price, any volatility, any role. For differential tests of a single market at
        extremes that real rounds would take years to reach.
@custom:kill Test only: never deployed where money is.
"""

from interfaces import IMarket
from interfaces import IPriceOracle


interface Market:
    def move_margin(account: uint256, amount: int256) -> (uint256, bool): nonpayable
    def seize(account: uint256, bidder: uint256, fraction: uint256) -> bool: nonpayable
    def absorb(account: uint256) -> (uint256, bool): nonpayable


SCALE: public(constant(uint256)) = 10**12   # [wad] per token unit [raw]

roles: public(HashMap[address, uint256])
guardian: public(address)
accounts: public(uint256)
silence: public(HashMap[uint256, uint256])  # feed id => [s]
_quote: IPriceOracle.Quote


@external
def open_account(owner: address) -> uint256:
    """
    @notice An account id, whoever asks.
    @param owner Ignored.
    @return Ids from 1.
    """
    self.accounts += 1
    return self.accounts


@external
def set_roles(engine: address, roles: uint256):
    """
    @notice Give an engine roles.
    @param engine Any address.
    @param roles Bits.
    """
    self.roles[engine] = roles


@external
def set_guardian(guardian: address):
    """
    @notice Name the guardian.
    @param guardian Any address.
    """
    self.guardian = guardian


@external
def set_quote(quote: IPriceOracle.Quote):
    """
    @notice What `quote` answers from now on.
    @param quote Any quote.
    """
    self._quote = quote


@external
def set_silence(feed_id: uint256, silence: uint256):
    """
    @notice How long a feed was silent in all.
    @param feed_id Any id.
    @param silence Any time [s].
    """
    self.silence[feed_id] = silence


@external
def move_margin(market: address, account: uint256, amount: int256) -> (uint256, bool):
    """
    @notice Pass a margin move on, as the vault would.
    @param market The market.
    @param account Account id.
    @param amount Margin [wad].
    @return What the market answers.
    """
    return extcall Market(market).move_margin(account, amount)


@external
def seize(market: address, account: uint256, bidder: uint256, fraction: uint256) -> bool:
    """
    @notice Pass a seizure on, as the vault would.
    @param market The market.
    @param account Account id.
    @param bidder Account id.
    @param fraction Share [wad].
    @return What the market answers.
    """
    return extcall Market(market).seize(account, bidder, fraction)


@external
def absorb(market: address, account: uint256) -> (uint256, bool):
    """
    @notice Pass an absorption on, as the vault would.
    @param market The market.
    @param account Account id.
    @return What the market answers.
    """
    return extcall Market(market).absorb(account)


@external
def consume(feed_id: uint256):
    """
    @notice Does nothing.
    @param feed_id Ignored.
    """
    pass


@external
@view
def quote(feed_id: uint256) -> IPriceOracle.Quote:
    """
    @notice The quote that was set.
    @param feed_id Ignored.
    @return The quote.
    """
    return self._quote
