# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Valuation: an account as the engine finds it
@license AGPL-3.0-only
@notice Asks the markets what books are worth and need, and what cutting them would cost.
@dev A market is called with a fixed amount of gas; one that fails with all of it is frozen, and the rest of the account
     goes on. A caller cannot fake that: with less gas the whole call reverts.
"""

from interfaces import ICollateralModel
from interfaces import IMarket
from interfaces import IPriceOracle
from interfaces import IRebalancer
from interfaces import IVault

from . import allocation
from . import errors


MAX_BOOKS: constant(uint256) = 8
MAX_ROWS: constant(uint256) = allocation.MAX_ROWS
TREASURY: constant(uint256) = MAX_BOOKS     # slot of the treasury, which is a book while it is in debt
WAD: constant(uint256) = 10**18
BPS: constant(uint256) = 10_000
NO_DISTANCE: constant(int256) = max_value(int256)
BOUND: constant(int256) = 2**112    # [wad] a book with a figure beyond it is taken for frozen

# Gates of a book
REDUCE: constant(uint256) = 2
FILL: constant(uint256) = 8
TAP: constant(uint256) = 16

# Triggers
DISTANCE: constant(uint256) = 1
RISK_SHARE: constant(uint256) = 2
RISK_BUDGET: constant(uint256) = 4

UNPRICED_COLLATERAL: constant(uint256) = 1 << MAX_BOOKS     # bit of `frozen` after those of the slots

# Gas of a tried call, and what must be there to give it (63/64 of the rest, and some slack)
TRIED_GAS: constant(uint256) = 400_000
NEEDED_GAS: constant(uint256) = TRIED_GAS * 64 // 63 + 10_000
MAX_PENDING: constant(uint256) = 16     # rounds that an oracle consumes in one call

# What tried calls return; one word more is read, so that an answer too long is told from a good one
RISK_SIZE: constant(uint256) = 9 * 32
CUT_SIZE: constant(uint256) = 12 * 32

# One priced book
struct Book:
    slot: uint256
    market: uint256         # id; 0 = the treasury
    implementation: address
    active: bool            # takes part: not ring-fenced by the policy
    gates: uint256          # what market and policy let happen to it
    exposure: uint256       # [wad]
    equity: int256          # [wad]
    maintenance: int256     # [wad]
    sigma_loss: int256      # [wad]
    donor_floor: int256     # [wad]

# An account as it is found
struct Account:
    equity: int256          # [wad] of priced books, cash, escrow and collateral
    frozen: uint256         # bits by slot, then UNPRICED_COLLATERAL
    poke: bool              # a frozen book's feed has too many rounds pending
    digest: uint256         # of the rounds behind the figures
    books: DynArray[Book, MAX_ROWS] # the treasury last, if it is in debt

VAULT: public(immutable(IVault))
ORACLE: public(immutable(IPriceOracle))
COLLATERAL_MODEL: public(immutable(ICollateralModel))


@deploy
def __init__(vault: IVault, oracle: IPriceOracle, collateral_model: ICollateralModel):
    """
    @param vault The vault.
    @param oracle The price oracle.
    @param collateral_model Says what collateral adds to an account's equity.
    """
    VAULT = vault
    ORACLE = oracle
    COLLATERAL_MODEL = collateral_model


################################################################
#                           ACCOUNT                            #
################################################################

@internal
@view
def _gather(
    account: uint256,
    treasury: IVault.Treasury,
    markets: address[MAX_BOOKS],
    opened: uint256,
    no_fund: uint256,
    no_tap: uint256,
) -> Account:
    """
    @dev The account with all its books that can be priced. The gates of its books are those of their markets, and
         `opened`; what the policy forbids is closed.
    """
    found: Account = empty(Account)
    rounds: uint256[MAX_ROWS] = empty(uint256[MAX_ROWS])
    debtor: Book = empty(Book)
    if treasury.cash < 0:
        found.equity, found.frozen, debtor = self._debtor(account, treasury)
        rounds[TREASURY] = convert(debtor.sigma_loss, uint256)  # another price, another figure
    else:
        found.equity, found.frozen = self._free_equity(account, treasury)
    for slot: uint256 in range(MAX_BOOKS):
        if markets[slot] == empty(address):
            continue
        market: uint256 = (treasury.slots >> (8 * slot)) & 255
        priced: bool = False
        risk: IMarket.BookRisk = empty(IMarket.BookRisk)
        priced, risk = self._tried_risk(markets[slot], account)
        rounds[slot] = (market << 128) | risk.round
        if not priced:
            found.frozen |= 1 << slot
            found.poke = found.poke or self._needs_poke(market)
            continue

        found.equity += risk.equity
        closed: uint256 = ((no_fund >> market) & 1) * FILL | ((no_tap >> market) & 1) * TAP
        found.books.append(Book(
            slot=slot,
            market=market,
            implementation=markets[slot],
            active=closed != FILL | TAP,
            gates=(risk.gates | opened) & ~closed,
            exposure=risk.exposure,
            equity=risk.equity,
            maintenance=convert(risk.maintenance, int256),
            sigma_loss=convert(risk.sigma_loss, int256),
            donor_floor=convert(risk.donor_floor, int256),
        ))
    if debtor.sigma_loss != 0 and no_fund & 1 == 0:
        found.books.append(debtor)
    found.digest = convert(keccak256(abi_encode(rounds)), uint256) & (2**64 - 1)
    return found


@internal
@view
def _free_equity(account: uint256, treasury: IVault.Treasury) -> (int256, uint256):
    """
    @dev What the account has outside its books [wad]: cash, escrow, and collateral at its haircut; what of it cannot be
         priced, as a bit of `frozen`.
    """
    equity: int256 = treasury.cash + convert(treasury.escrow, int256)
    if treasury.collateral == 0:
        return equity, 0
    credit: uint256 = 0
    complete: bool = False
    credit, complete = staticcall COLLATERAL_MODEL.credit(account)
    return equity + convert(credit, int256), 0 if complete else UNPRICED_COLLATERAL


@internal
@view
def _debtor(account: uint256, treasury: IVault.Treasury) -> (int256, uint256, Book):
    """
    @dev The same of a treasury in debt, and the treasury as a book, which may be filled: that repays the debt. There
         is none where some collateral cannot be priced. A debt that nothing secures is the neediest book of all, at a
         distance of 1 once it is repaid.
    """
    risk: ICollateralModel.TreasuryRisk = staticcall COLLATERAL_MODEL.treasury_risk(account, treasury.cash)
    equity: int256 = treasury.cash + convert(treasury.escrow + risk.credit, int256)
    maintenance: int256 = convert(risk.maintenance, int256)
    if risk.sigma_loss == 0:
        maintenance = -1
    if not risk.complete or (risk.maintenance | risk.sigma_loss) >> 112 != 0 or risk.equity >= BOUND:
        return equity, UNPRICED_COLLATERAL, empty(Book)
    return equity, 0, Book(
        slot=TREASURY,
        market=0,
        implementation=empty(address),
        active=True,
        gates=FILL,
        exposure=0,
        equity=risk.equity,
        maintenance=maintenance,
        sigma_loss=convert(max(risk.sigma_loss, 1), int256),
        donor_floor=0,
    )


@internal
@pure
def _triggers(found: Account, policy: IRebalancer.Policy) -> (int256, uint256):
    """
    @dev The least distance over active books; what calls for the engine. Ratios to account equity are of books in
         markets, and say nothing while one is frozen.
    """
    min_z: int256 = NO_DISTANCE
    sigma_loss: int256 = 0
    triggers: uint256 = 0
    limit: int256 = convert(self._part(found.equity, policy.max_risk_share), int256)
    for book: Book in found.books:
        if not book.active or book.sigma_loss == 0:
            continue
        z: int256 = allocation._floor_ratio(book.equity - book.maintenance, book.sigma_loss)
        min_z = min(min_z, z)
        if book.slot == TREASURY:
            continue
        sigma_loss += book.sigma_loss
        if found.frozen == 0 and book.sigma_loss > limit and z < convert(policy.z_target, int256):
            triggers |= RISK_SHARE
    if min_z < convert(policy.z_trigger, int256):
        triggers |= DISTANCE
    if found.frozen == 0 and policy.risk_budget != 0:
        if sigma_loss > convert(self._part(found.equity, policy.risk_budget), int256):
            triggers |= RISK_BUDGET
    return min_z, triggers


@internal
@view
def _limits(account: uint256, markets: uint256, share: uint256) -> (uint256, bool):
    """
    @dev What the books of `markets` (bits by id) may give [wad]; whether the sigma-loss of each is within a share [bps]
         of account equity. A frozen book gives nothing; the share does not count where something cannot be priced.
    """
    treasury: IVault.Treasury = empty(IVault.Treasury)
    venues: address[MAX_BOOKS] = empty(address[MAX_BOOKS])
    treasury, venues = self._portfolio(account)
    equity: int256 = 0
    frozen: uint256 = 0
    equity, frozen = self._free_equity(account, treasury)
    withdrawable: uint256 = 0
    sigma_loss: uint256 = 0
    for slot: uint256 in range(MAX_BOOKS):
        if venues[slot] == empty(address):
            continue
        priced: bool = False
        risk: IMarket.BookRisk = empty(IMarket.BookRisk)
        priced, risk = self._tried_risk(venues[slot], account)
        if not priced:
            frozen |= 1 << slot
        equity += risk.equity
        if (markets >> ((treasury.slots >> (8 * slot)) & 255)) & 1 != 0:
            withdrawable += risk.withdrawable
            sigma_loss = max(sigma_loss, risk.sigma_loss)
    return withdrawable, frozen != 0 or sigma_loss <= self._part(equity, share)


@internal
@view
def _portfolio(account: uint256) -> (IVault.Treasury, address[MAX_BOOKS]):
    """
    @dev The account's treasury and the market of each slot.
    """
    return staticcall VAULT.portfolio(account)


@internal
@pure
def _part(equity: int256, share: uint256) -> uint256:
    """
    @dev ⌊share of account equity⌋ [wad], `share` in [bps]; nothing of a negative one. Equity is below 2^120.
    """
    return unsafe_mul(convert(max(equity, 0), uint256), share) // BPS


################################################################
#                         TRIED CALLS                          #
################################################################

@internal
@view
def _tried_risk(market: address, account: uint256) -> (bool, IMarket.BookRisk):
    """
    @dev The book's risk, if the market can tell it with the gas it is given: the answer has its exact length, and every
         figure is within bounds.
    """
    success: bool = False
    answer: Bytes[RISK_SIZE + 32] = b""
    assert msg.gas > NEEDED_GAS, errors.STARVED
    success, answer = raw_call(
        market,
        abi_encode(account, method_id=method_id("book_risk(uint256)")),
        max_outsize=RISK_SIZE + 32,
        gas=TRIED_GAS,
        is_static_call=True,
        revert_on_failure=False,
    )
    if not success or len(answer) != RISK_SIZE:
        return False, empty(IMarket.BookRisk)
    risk: IMarket.BookRisk = abi_decode(answer, IMarket.BookRisk)
    if not self._is_sane(risk):
        return False, empty(IMarket.BookRisk)
    return True, risk


@internal
@view
def _tried_cost(market: address, exposure: uint256, max_slippage: uint256) -> int256:
    """
    @dev What closing a whole book would cost [wad]; NEVER if the market cannot tell, or the pool asks too much.
    """
    success: bool = False
    answer: Bytes[64] = b""
    assert msg.gas > NEEDED_GAS, errors.STARVED
    success, answer = raw_call(
        market,
        method_id("engine_cost()"),
        max_outsize=64,
        gas=TRIED_GAS,
        is_static_call=True,
        revert_on_failure=False,
    )
    if not success or len(answer) != 32:
        return allocation.NEVER
    rate: uint256 = convert(extract32(answer, 0), uint256)
    if rate > max_slippage * (WAD // BPS):
        return allocation.NEVER
    return convert((rate * exposure + (WAD - 1)) // WAD, int256)


@internal
@view
def _tried_cut(market: address, account: uint256, fraction: uint256, bound: uint256) -> (bool, IMarket.Cut):
    """
    @dev What a cut would do, if the market can tell.
    """
    success: bool = False
    answer: Bytes[CUT_SIZE + 32] = b""
    assert msg.gas > NEEDED_GAS, errors.STARVED
    success, answer = raw_call(
        market,
        abi_encode(account, fraction, bound, method_id=method_id("preview_reduce(uint256,uint256,uint256)")),
        max_outsize=CUT_SIZE + 32,
        gas=TRIED_GAS,
        is_static_call=True,
        revert_on_failure=False,
    )
    if not success or len(answer) != CUT_SIZE:
        return False, empty(IMarket.Cut)
    cut: IMarket.Cut = abi_decode(answer, IMarket.Cut)
    figures: uint256 = cut.cost | cut.pool_short_initial | cut.pool_short_maintenance
    return self._is_sane(cut.risk) and figures >> 112 == 0, cut


@internal
@view
def _tried_price_since(market: uint256, since: uint256) -> uint256:
    """
    @dev The price of a market's first round at or after a time [wad]; 0 if there is none yet, or its feed cannot tell.
         A feed has the id of its market.
    """
    success: bool = False
    answer: Bytes[64] = b""
    assert msg.gas > NEEDED_GAS, errors.STARVED
    success, answer = raw_call(
        ORACLE.address,
        abi_encode(market, since, method_id=method_id("price_since(uint256,uint256)")),
        max_outsize=64,
        gas=TRIED_GAS,
        is_static_call=True,
        revert_on_failure=False,
    )
    if not success or len(answer) != 32:
        return 0
    return convert(extract32(answer, 0), uint256)


@internal
@view
def _needs_poke(market: uint256) -> bool:
    """
    @dev Whether the feed of a frozen book has more rounds pending than one call may consume.
    """
    success: bool = False
    answer: Bytes[64] = b""
    assert msg.gas > NEEDED_GAS, errors.STARVED
    success, answer = raw_call(
        ORACLE.address,
        abi_encode(market, method_id=method_id("pending(uint256)")),
        max_outsize=64,
        gas=TRIED_GAS,
        is_static_call=True,
        revert_on_failure=False,
    )
    return success and len(answer) == 32 and convert(extract32(answer, 0), uint256) > MAX_PENDING


@internal
@pure
def _is_sane(risk: IMarket.BookRisk) -> bool:
    """
    @dev Every figure is within ±2^112, as the mathematics of the plan asks for.
    """
    figures: uint256 = risk.maintenance | risk.initial | risk.sigma_loss | risk.withdrawable | risk.donor_floor
    figures |= risk.exposure | risk.round | risk.gates
    return figures >> 112 == 0 and risk.equity < BOUND and risk.equity > -BOUND
