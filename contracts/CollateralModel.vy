# pragma version 0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title What collateral is worth
@license AGPL-3.0-only
@notice Values the tokens that the vault holds for an account, less a haircut: for what they may secure, and for what
        they must secure before they are sold. The vault asks when an account in debt takes collateral out, the engine
        when it adds up an account's equity.
@dev The oracle is called with a fixed amount of gas for each token: a token whose price is stale, or whose feed burns
     its gas, counts for nothing and takes no other token with it. A caller cannot fake that: with less gas the whole
     call reverts. For what it may secure, a token counts at the lower of price and 30-minute average: nobody draws on
     a pumped price.
@custom:kill Nothing to kill: it holds nothing. Set a token's `ltv` to 0, and it secures nothing new.
"""

from interfaces import ICollateralModel
from interfaces import IPriceOracle
from interfaces import IVault
from snekmate.auth import ownable

from .modules import collateral_slots
from .modules import errors
from .modules import fixed_point
from .modules import risk_model

implements: ICollateralModel
initializes: ownable

exports: (ownable.owner, ownable.transfer_ownership)


MAX_TOKENS: constant(uint256) = 8
WAD: constant(uint256) = 10**18

# Hard bounds of a configuration
MAX_FEED_ID: constant(uint256) = 255
MAX_LTV: public(constant(uint256)) = 90 * 10**16        # [wad]
MAX_THRESHOLD: public(constant(uint256)) = 95 * 10**16  # [wad]
MIN_RATIO: public(constant(uint256)) = 102 * 10**16     # [wad] threshold over ltv

RAMP: public(constant(uint256)) = collateral_slots.RAMP # [s] over which a lowered threshold comes into force

# Gas of a tried quote, and what must be there to give it (63/64 of the rest, and some slack)
TRIED_GAS: constant(uint256) = 400_000
NEEDED_GAS: constant(uint256) = TRIED_GAS * 64 // 63 + 10_000

# What the oracle says of a token
struct Price:
    spot: uint256       # [wad]
    average: uint256    # [wad]
    volatility: uint256 # [wad] fast, annualised


VAULT: public(immutable(IVault))
ORACLE: public(immutable(IPriceOracle))

_haircuts: HashMap[uint256, uint256]    # index → packed


@deploy
def __init__(vault: IVault, oracle: IPriceOracle):
    """
    @param vault The vault.
    @param oracle The price oracle.
    """
    ownable.__init__()
    VAULT = vault
    ORACLE = oracle


################################################################
#                            OWNER                             #
################################################################


@external
def set_config(index: uint256, config: ICollateralModel.CollateralConfig):
    """
    @notice Set the price and the haircuts of a collateral token. Owner only.
    @dev A lowered threshold comes into force over RAMP, starting at the present one; all else at once. The feed must
         have a valid price and stays for ever: what stands behind its id is the oracle's to change, within its bounds.
    @param index Index of the token in the vault.
    @param config The configuration.
    """
    ownable._check_owner()
    assert index < staticcall VAULT.collateral_count(), errors.UNKNOWN_TOKEN
    assert config.feed_id <= MAX_FEED_ID and config.ltv <= MAX_LTV, errors.COLLATERAL_PARAMETER
    assert config.liquidation_threshold <= MAX_THRESHOLD, errors.COLLATERAL_PARAMETER
    assert config.liquidation_threshold * WAD >= config.ltv * MIN_RATIO, errors.COLLATERAL_PARAMETER
    assert config.liquidation_threshold != 0, errors.COLLATERAL_PARAMETER

    haircut: collateral_slots.Haircut = collateral_slots._unpack_haircut(self._haircuts[index])
    start: uint256 = config.liquidation_threshold
    if haircut.feed_id == 0:
        quote: IPriceOracle.Quote = staticcall ORACLE.quote(config.feed_id)
    else:
        assert config.feed_id == haircut.feed_id, errors.FEED_IS_FIXED
        start = max(start, collateral_slots._threshold(haircut))
    self._haircuts[index] = collateral_slots._pack_haircut(collateral_slots.Haircut(
        feed_id=config.feed_id,
        ltv=config.ltv,
        start=start,
        target=config.liquidation_threshold,
        since=block.timestamp,
    ))
    log ICollateralModel.CollateralConfigSet(
        index=index,
        feed_id=config.feed_id,
        ltv=config.ltv,
        liquidation_threshold=config.liquidation_threshold,
    )


################################################################
#                            VIEWS                             #
################################################################


@external
@view
def credit(account: uint256) -> (uint256, bool):
    """
    @notice What an account's collateral adds to its equity: Σ q·min(p, average)·ltv.
    @dev A token that secures nothing needs no price.
    @param account Vault account id.
    @return The value, rounded down [wad]; whether every token had a valid price: one without counts for nothing.
    """
    amounts: uint256[MAX_TOKENS] = staticcall VAULT.collateral_of(account)
    total: uint256 = 0
    complete: bool = True
    for index: uint256 in range(MAX_TOKENS):
        if amounts[index] == 0:
            continue
        haircut: collateral_slots.Haircut = collateral_slots._unpack_haircut(self._haircuts[index])
        if haircut.ltv == 0:
            continue
        is_valid: bool = False
        price: Price = empty(Price)
        is_valid, price = self._tried_price(haircut.feed_id)
        complete = complete and is_valid
        total += self._credit(amounts[index], price, haircut.ltv)
    return total, complete


@external
@view
def treasury_risk(account: uint256, cash: int256) -> ICollateralModel.TreasuryRisk:
    """
    @notice The risk of an account's treasury.
    @dev `cash` is an argument because the vault asks in the middle of a withdrawal, when it answers nothing but
         `collateral_of`. Requirements are nothing while there is no debt.
    @param account Vault account id.
    @param cash The account's cash, signed [wad].
    @return The risk.
    """
    amounts: uint256[MAX_TOKENS] = staticcall VAULT.collateral_of(account)
    risk: ICollateralModel.TreasuryRisk = empty(ICollateralModel.TreasuryRisk)
    risk.equity = cash
    risk.complete = True
    for index: uint256 in range(MAX_TOKENS):
        if amounts[index] == 0:
            continue
        haircut: collateral_slots.Haircut = collateral_slots._unpack_haircut(self._haircuts[index])
        if haircut.feed_id == 0:
            continue
        is_valid: bool = False
        price: Price = empty(Price)
        is_valid, price = self._tried_price(haircut.feed_id)
        risk.complete = risk.complete and is_valid

        down: uint256 = fixed_point._mul_wad_down(amounts[index], price.spot)
        secured: uint256 = self._credit(amounts[index], price, haircut.ltv)
        risk.equity += convert(down, int256)
        risk.credit += secured
        if cash < 0:
            up: uint256 = fixed_point._mul_wad_up(amounts[index], price.spot)
            counted: uint256 = fixed_point._mul_wad_down(down, collateral_slots._threshold(haircut))
            risk.maintenance += up - counted
            risk.initial += up - secured
            risk.sigma_loss += fixed_point._mul_wad_up(up, self._sigma_rate(price.volatility))
    return risk


@external
@view
def unpriced(account: uint256) -> (uint256, uint256):
    """
    @notice What the account's tokens that have no price now were worth at the last one, and how long that is ago.
    @dev A token whose feed speaks, and which has no price for another reason, has been so for no time at all.
    @param account Vault account id.
    @return USD, rounded up [wad]; for how long all their feeds have been silent without a break [s], all of 256 bits
            where every token has a price.
    """
    amounts: uint256[MAX_TOKENS] = staticcall VAULT.collateral_of(account)
    worth: uint256 = 0
    shortest: uint256 = max_value(uint256)
    for index: uint256 in range(MAX_TOKENS):
        if amounts[index] == 0:
            continue
        feed_id: uint256 = collateral_slots._unpack_haircut(self._haircuts[index]).feed_id
        if feed_id != 0 and not self._tried_price(feed_id)[0]:
            silent: uint256 = staticcall ORACLE.silent_for(feed_id)
            shortest = min(shortest, silent)
            last_price: uint256 = staticcall ORACLE.last_price(feed_id)
            worth += fixed_point._mul_wad_up(amounts[index], last_price)
    return worth, shortest


@external
@view
def config(index: uint256) -> ICollateralModel.CollateralConfig:
    """
    @notice What the owner set.
    @param index Index of the token in the vault.
    @return The configuration; all zero where there is none.
    """
    haircut: collateral_slots.Haircut = collateral_slots._unpack_haircut(self._haircuts[index])
    return ICollateralModel.CollateralConfig(
        feed_id=haircut.feed_id, ltv=haircut.ltv, liquidation_threshold=haircut.target
    )


@external
@view
def threshold(index: uint256) -> uint256:
    """
    @notice The liquidation threshold now in force.
    @param index Index of the token in the vault.
    @return The threshold [wad].
    """
    return collateral_slots._threshold(collateral_slots._unpack_haircut(self._haircuts[index]))


################################################################
#                           INTERNAL                           #
################################################################


@internal
@pure
def _credit(amount: uint256, price: Price, ltv: uint256) -> uint256:
    """
    @dev ⌊⌊q · min(p, average)⌋ · ltv⌋ [wad].
    """
    value: uint256 = fixed_point._mul_wad_down(amount, min(price.spot, price.average))
    return fixed_point._mul_wad_down(value, ltv)


@internal
@pure
def _sigma_rate(volatility: uint256) -> uint256:
    """
    @dev clamp(σ · √horizon, 1 bp, 95 %) [wad], rounded up: as of a book.
    """
    rate: uint256 = fixed_point._mul_wad_up(volatility, risk_model.SQRT_HORIZON)
    return max(risk_model.MIN_SIGMA_RATE, min(rate, risk_model.MAX_SIGMA_RATE))


@internal
@view
def _tried_price(feed_id: uint256) -> (bool, Price):
    """
    @dev Price, average and fast volatility: the first three words of the oracle's quote. Whether it has one.
    """
    success: bool = False
    answer: Bytes[96] = b""
    assert msg.gas > NEEDED_GAS, errors.COLLATERAL_GAS
    success, answer = raw_call(
        ORACLE.address,
        abi_encode(feed_id, method_id=method_id("quote(uint256)")),
        max_outsize=96,
        gas=TRIED_GAS,
        is_static_call=True,
        revert_on_failure=False,
    )
    if not success or len(answer) != 96:
        return False, empty(Price)
    return True, abi_decode(answer, Price)
