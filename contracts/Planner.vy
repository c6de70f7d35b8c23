# pragma version 0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title What the engine would do with an account
@license AGPL-3.0-only
@notice Values the account's books, sees what calls for the engine, fills the cuts that were asked for, shares equity
        between the books, and asks for cuts where sharing is not enough. One plan serves those who ask and those who
        execute.
@dev The planner holds no state; its lock stands still, since everything but `settled_plan` is a view.
@custom:kill Nothing to kill: it has no rights.
"""

from interfaces import ICollateralModel
from interfaces import ICreditPool
from interfaces import ICutPlanner
from interfaces import ILiquidityPool
from interfaces import IMarket
from interfaces import IPlanner
from interfaces import IPriceOracle
from interfaces import IRebalancer
from interfaces import IVault

from contracts.modules import allocation
from contracts.modules import cut_slots
from contracts.modules import errors
from contracts.modules import policy_slots
from contracts.modules import valuation

implements: IPlanner

initializes: valuation

exports: (
    valuation.VAULT,
    valuation.ORACLE,
    valuation.COLLATERAL_MODEL,
)


MAX_BOOKS: constant(uint256) = 8
MAX_ROWS: constant(uint256) = allocation.MAX_ROWS
WAD: constant(uint256) = 10**18
BPS: constant(uint256) = 10_000
NO_DISTANCE: constant(int256) = max_value(int256)
EVERY_MARKET: constant(uint256) = 2**128 - 1
NO_LIMIT: constant(uint256) = 2**100    # [bps] of account equity

# Who calls
KEEPER: constant(uint256) = 0
OWN: constant(uint256) = 1
RESCUE: constant(uint256) = 2
RESUMED: constant(uint256) = 3

# Codes of a plan
DUE: constant(uint256) = 0
OFF: constant(uint256) = 1
UNKNOWN: constant(uint256) = 2
WAITING: constant(uint256) = 3
POKE: constant(uint256) = 4
COOLDOWN: constant(uint256) = 5
SAME_ROUNDS: constant(uint256) = 6
OWNER_TRADED: constant(uint256) = 7
HEALTHY: constant(uint256) = 8
NO_REMEDY: constant(uint256) = 9
BELOW_MIN: constant(uint256) = 10

RESCUE_REACH: constant(uint256) = 2 * WAD   # a rescue's cuts go no further, whatever the policy says

# A trigger beside those of `valuation`: a cut that was asked for can be filled
CUT: constant(uint256) = 8

DUST: constant(int256) = 100            # [wad] more than debt is rounded by, for an index up to 99

# Money that sharing may use
struct Purse:
    spare: int256           # [wad] cash above the policy's reserve
    reserve: int256         # [wad] set aside for the keeper
    z_target: int256        # [wad] fill up to this

CUT_PLANNER: public(immutable(ICutPlanner))
POOL_ACCOUNT: public(immutable(uint256))


@deploy
def __init__(
    vault: IVault,
    oracle: IPriceOracle,
    pool: ILiquidityPool,
    collateral_model: ICollateralModel,
    cut_planner: ICutPlanner,
):
    """
    @param vault The vault.
    @param oracle The price oracle.
    @param pool The pool that takes cuts over.
    @param collateral_model Says what collateral adds to an account's equity.
    @param cut_planner Says what to cut where sharing is not enough.
    """
    valuation.__init__(vault, oracle, collateral_model)
    CUT_PLANNER = cut_planner
    POOL_ACCOUNT = staticcall pool.ACCOUNT()


################################################################
#                            ANYONE                            #
################################################################

@external
@view
def plan(
    account: uint256, mode: uint256, policy: uint256, sets: uint256, state: uint256, requests: uint256
) -> IPlanner.Outcome:
    """
    @notice The account's plan.
    @dev Never reverts but for missing gas.
    @param account Vault account id.
    @param mode Who calls: 0 a keeper, 1 the owner, 2 or 3 a liquidator (see `IPlanner`).
    @param policy The policy's packed word; 0 where there is none.
    @param sets Its packed sets.
    @param state The engine's packed state.
    @param requests The packed cuts that were asked for.
    @return The plan and what its execution needs.
    """
    treasury: IVault.Treasury = empty(IVault.Treasury)
    markets: address[MAX_BOOKS] = empty(address[MAX_BOOKS])
    treasury, markets = valuation._portfolio(account)
    return self._plan(account, mode, policy, sets, state, requests, treasury, markets)


@external
def settled_plan(
    account: uint256, mode: uint256, policy: uint256, sets: uint256, state: uint256, requests: uint256
) -> IPlanner.Outcome:
    """
    @notice The same, after the account's markets have consumed their unprocessed oracle rounds. Open to all.
    @dev A market that does not settle may still price its book.
    @param account Vault account id.
    @param mode Who calls: 0 a keeper, 1 the owner, 2 or 3 a liquidator (see `IPlanner`).
    @param policy The policy's packed word; 0 where there is none.
    @param sets Its packed sets.
    @param state The engine's packed state.
    @param requests The packed cuts that were asked for.
    @return The plan and what its execution needs.
    """
    treasury: IVault.Treasury = empty(IVault.Treasury)
    markets: address[MAX_BOOKS] = empty(address[MAX_BOOKS])
    treasury, markets = valuation._portfolio(account)
    for market: address in markets:
        if market != empty(address):
            assert msg.gas > valuation.NEEDED_GAS, errors.STARVED
            settled: bool = raw_call(
                market, method_id("settle()"), gas=valuation.TRIED_GAS, revert_on_failure=False
            )
    return self._plan(account, mode, policy, sets, state, requests, treasury, markets)


@external
@view
def limits(account: uint256, markets: uint256, share: uint256) -> (uint256, bool):
    """
    @notice What books may give, and whether the sigma-loss of each is within a share of account equity.
    @dev A frozen book gives nothing; the share does not count where something of the account cannot be priced, nor for
         the pool.
    @param account Vault account id.
    @param markets Bit m: the book in market m is asked about.
    @param share [bps]
    @return What the owner may take out of those books [wad]; whether each is within the share.
    """
    return valuation._limits(account, markets, NO_LIMIT if account == POOL_ACCOUNT else share)


################################################################
#                             PLAN                             #
################################################################

@internal
@view
def _plan(
    account: uint256,
    mode: uint256,
    policy_word: uint256,
    sets: uint256,
    state_word: uint256,
    requests: uint256,
    treasury: IVault.Treasury,
    markets: address[MAX_BOOKS],
) -> IPlanner.Outcome:
    """
    @dev Everything the engine would do, and whether it is due. Total: whatever the state, it ends with a code. Fill the
         cuts that are ripe; share; where sharing is not enough, ask for cuts; then mend what cannot be. Whoever may
         call, a ripe cut is filled: it is decided, and neither owner nor keeper may wait for a better price. A rescue
         is of an account below maintenance margin; its cuts are filled at once: no option of an informed trader.
    """
    done: IPlanner.Outcome = empty(IPlanner.Outcome)
    done.cash = treasury.cash
    done.donor_level = NO_DISTANCE
    done.min_z_before = NO_DISTANCE
    policy: IRebalancer.Policy = policy_slots._unpack_policy(policy_word, sets)
    state: policy_slots.State = policy_slots._unpack_state(state_word)
    done.requests = cut_slots._live(requests, state.last_call)
    done.code = self._standing(account, mode, done.requests != 0, policy)
    if done.code != DUE:
        return done
    house: bool = account == POOL_ACCOUNT
    rescue: bool = mode >= RESCUE
    if house or rescue or mode == KEEPER and not policy.enabled:
        policy = self._restricted(policy, house, rescue)

    opened: uint256 = valuation.FILL if mode == RESUMED else 0
    found: valuation.Account = valuation._gather(
        account, treasury, markets, opened, policy.no_fund, policy.no_tap
    )
    done.books = len(found.books)
    done.digest = found.digest
    done.equity = found.equity
    done.frozen = found.frozen
    done.min_z_before, done.triggers = valuation._triggers(found, policy)
    done.min_z_after = done.min_z_before
    if found.poke:
        done.code = POKE
        return done
    if rescue and done.min_z_before >= 0:
        done.code = HEALTHY
        return done
    if mode == KEEPER:
        same_rounds: bool = state.digest == found.digest
        traded: bool = treasury.last_trade == block.timestamp and not house
        free_at: uint256 = state.last_call + policy.cooldown
        done.code = self._gate(policy.enabled, done.min_z_before, done.triggers, free_at, same_rounds, traded)

    may_ask: bool = done.code == DUE and not house
    cuts: IRebalancer.PlannedCut[MAX_ROWS] = empty(IRebalancer.PlannedCut[MAX_ROWS])
    bounds: uint256[MAX_ROWS] = empty(uint256[MAX_ROWS])    # [wad] prices that cuts start from at best
    if done.requests != 0:
        pool_cash: uint256 = self._pool_cash()
        for j: uint256 in range(len(found.books), bound=MAX_ROWS):
            book: valuation.Book = found.books[j]
            request: cut_slots.Request = cut_slots._request(done.requests, book.slot)
            if request.market == 0:
                continue
            bounds[j] = self._bound(request, book)
            if bounds[j] != 0:
                cuts[j], found.books[j] = self._cut(
                    account, book, request.share, bounds[j], book.equity, BPS, pool_cash
                )
            if cuts[j].fraction != 0:
                pool_cash -= cuts[j].pool_top_up
                done.relieved += convert(book.maintenance - found.books[j].maintenance, uint256)
                done.triggers |= CUT
                done.code = DUE
            if cuts[j].fraction != 0 or request.market != book.market:
                done.requests = cut_slots._without(done.requests, book.slot)
    if done.code != DUE:
        return done

    rooms: int256[MAX_ROWS] = empty(int256[MAX_ROWS])   # [wad] what containment still lets in, by slot
    rooms[valuation.TREASURY] = -treasury.cash          # while it is in debt
    for book: valuation.Book in found.books:
        if book.slot == valuation.TREASURY:
            continue
        left: uint256 = policy.containment - min(state.contained[book.slot], policy.containment)
        rooms[book.slot] = convert(valuation._part(found.equity, left), int256)
    purse: Purse = self._purse(mode, treasury, policy, state.fees)
    rows: DynArray[allocation.Row, MAX_ROWS] = self._rows(found.books, rooms, convert(policy.z_donor, int256))
    shared: allocation.Allocation = empty(allocation.Allocation)
    shared, purse.reserve = self._share(rows, purse)
    credit: int256 = 0                                  # [wad] what may still be borrowed
    borrows: bool = False
    helped: bool = False                                # both save what neither saves alone
    if may_ask and policy.allow_borrow and self._is_short(found.books, rows, shared.targets, policy.z_delever, True):
        credit = self._credit(account, treasury, convert(policy.z_donor, int256))
    if rescue:
        policy.z_delever = 0                            # cuts at once are only for what is left below maintenance
    if credit != 0:
        together: allocation.Allocation = allocation._allocate(rows, purse.spare + credit, purse.z_target)
        may_ask = self._is_short(found.books, rows, together.targets, policy.z_delever, False)
        helped = not may_ask
        receivers: DynArray[allocation.Row, MAX_ROWS] = self._receivers(found.books, rows)
        lent: allocation.Allocation = allocation._allocate(receivers, purse.spare + credit, purse.z_target)
        borrows = lent.level > shared.level
        if borrows:
            rows = receivers
            shared = lent
            purse.spare += credit
            purse.reserve = 0
            credit = 0
    may_ask = may_ask and (
        done.triggers & (valuation.RISK_SHARE | valuation.RISK_BUDGET) != 0
        or self._is_short(found.books, rows, shared.targets, policy.z_delever, False)
    )
    waiting: uint256 = done.requests
    if may_ask:
        candidates: DynArray[ICutPlanner.Candidate, MAX_ROWS] = []
        i: uint256 = 0
        for book: valuation.Book in found.books:
            asked: bool = cuts[i].fraction != 0
            if not rescue:
                asked = cut_slots._request(waiting, book.slot).market != 0
            candidates.append(self._candidate(book, rows[i], shared.targets[i], asked))
            i = unsafe_add(i, 1)
        aim: ICutPlanner.Aim = self._aim(policy, purse.spare - purse.reserve + credit, found.equity, found.frozen)
        shares: int256[MAX_ROWS] = staticcall CUT_PLANNER.shares(candidates, aim)
        pool_cash: uint256 = self._pool_cash()
        for cut: IRebalancer.PlannedCut in cuts:
            pool_cash -= cut.pool_top_up
        for j: uint256 in range(len(rows), bound=MAX_ROWS):
            share: uint256 = cut_slots._share(shares[j], aim.max_share)
            if share == 0:
                continue
            book: valuation.Book = found.books[j]
            bound: uint256 = bounds[j] if rescue else 0
            cut: IRebalancer.PlannedCut = empty(IRebalancer.PlannedCut)
            after: valuation.Book = empty(valuation.Book)
            held: int256 = min(book.equity, shared.targets[j])
            cut, after = self._cut(account, book, share, bound, held, policy.max_slippage, pool_cash)
            if cut.fraction == 0:
                continue
            pool_cash -= cut.pool_top_up
            done.relieved += convert(book.maintenance - after.maintenance, uint256)
            if rescue:
                cuts[j] = cut
                found.books[j] = after
                done.requests = cut_slots._without(done.requests, book.slot)
            else:
                done.requests = cut_slots._with(done.requests, book.slot, book.market, share)
        if rescue:
            rows = self._rows(found.books, rooms, convert(policy.z_donor, int256))
            if borrows:
                rows = self._receivers(found.books, rows)
            shared, purse.reserve = self._share(rows, purse)

    for _: uint256 in range(2 * MAX_ROWS):  # each turn settles one book
        flawed: uint256 = 0
        low: int256 = 0
        high: int256 = 0
        flawed, low, high = self._flaw(found.books, rows, shared.equities, rescue, helped)
        if flawed == MAX_ROWS:
            break
        row: allocation.Row = rows[flawed]
        rows[flawed] = allocation._row(row.equity, row.maintenance, row.sigma_loss, low, high)
        shared, purse.reserve = self._share(rows, purse)

    done.level = shared.level
    done.donor_level = shared.donor_level
    done.moved = convert(shared.need, uint256)
    if shared.need == 0:
        purse.reserve = min(purse.reserve, purse.spare)
    done.reserve = convert(purse.reserve, uint256)
    done.min_z_after = NO_DISTANCE
    i: uint256 = 0
    for row: allocation.Row in rows:
        book: valuation.Book = found.books[i]
        cut: IRebalancer.PlannedCut = cuts[i]
        equity: int256 = shared.equities[i]
        if (equity != row.equity or cut.fraction != 0) and book.market != 0:
            done.steps.append(IPlanner.Step(
                slot=book.slot,
                market=book.market,
                implementation=book.implementation,
                fraction=cut.fraction,
                bound=bounds[i],
                cost=cut.cost,
                pool_top_up=cut.pool_top_up,
                amount=equity - row.equity,
                equity=row.equity,
                maintenance=convert(row.maintenance, uint256),
                sigma_loss=convert(row.sigma_loss, uint256),
                low=row.low,
                high=row.high,
            ))
        if book.active and row.sigma_loss != 0:
            z: int256 = allocation._floor_ratio(equity - row.maintenance, row.sigma_loss)
            done.min_z_after = min(done.min_z_after, z)
        i = unsafe_add(i, 1)
    if len(done.steps) == 0 and done.requests == waiting:
        done.code = NO_REMEDY if waiting == 0 else WAITING
    elif mode == KEEPER and done.triggers & CUT == 0 and done.moved + done.relieved < policy.min_move:
        done.code = BELOW_MIN
    return done


@internal
@view
def _standing(account: uint256, mode: uint256, is_waiting: bool, policy: IRebalancer.Policy) -> uint256:
    """
    @dev Whether the engine has any business with the account: its policy is on, its owner calls, or a cut waits, which
         is not for a rescue to fill. Only a known account can have a policy.
    """
    if policy.z_trigger == 0:
        if staticcall valuation.VAULT.owner_of(account) == empty(address):
            return UNKNOWN
        return OFF
    if policy.enabled or mode == OWN or mode == KEEPER and is_waiting:
        return DUE
    return OFF


@internal
@pure
def _restricted(policy: IRebalancer.Policy, house: bool, rescue: bool) -> IRebalancer.Policy:
    """
    @dev The policy of the pool's account without what is not for it: shares of risk, cuts, rewards. That of a rescue,
         whose cuts wait for no round: none for a share or a budget, and none further than a distance of 2. That of
         one which has opted out and only waits for its cuts: nothing takes part.
    """
    changed: IRebalancer.Policy = policy
    if house or rescue:
        changed.max_risk_share = NO_LIMIT
        changed.risk_budget = 0
        changed.max_fee = 0
        if rescue:
            changed.z_delever_target = min(policy.z_delever_target, RESCUE_REACH)
    else:
        changed.no_fund = EVERY_MARKET
        changed.no_tap = EVERY_MARKET
    return changed


@internal
@view
def _gate(
    enabled: bool, min_z: int256, triggers: uint256, free_at: uint256, same_rounds: bool, traded: bool
) -> uint256:
    """
    @dev What a keeper's call must pass before anything is worked out. Near liquidation nobody waits.
    """
    if not enabled:
        return OFF
    if min_z >= convert(WAD, int256) and free_at > block.timestamp:
        return COOLDOWN
    if same_rounds:
        return SAME_ROUNDS
    if traded:
        return OWNER_TRADED
    if triggers == 0:
        return HEALTHY
    return DUE


@internal
@pure
def _purse(mode: uint256, treasury: IVault.Treasury, policy: IRebalancer.Policy, fees: uint256) -> Purse:
    """
    @dev Cash above the reserve; most the keeper may earn: what is left of the day's budget, nothing out of locked cash.
    """
    purse: Purse = Purse(
        spare=max(treasury.cash - convert(policy.treasury_reserve, int256), 0),
        reserve=0,
        z_target=convert(policy.z_target, int256),
    )
    if mode == KEEPER:
        left: uint256 = policy.max_fee_per_day - min(fees, policy.max_fee_per_day)
        purse.reserve = convert(min(policy.max_fee, left), int256)
        if treasury.locked != 0:
            purse.reserve = min(purse.reserve, max(treasury.cash - convert(treasury.locked, int256), 0))
    return purse


@internal
@pure
def _rows(
    books: DynArray[valuation.Book, MAX_ROWS], rooms: int256[MAX_ROWS], z_donor: int256
) -> DynArray[allocation.Row, MAX_ROWS]:
    """
    @dev The books within the bounds of policy and market. A book without legs needs nothing.
    """
    rows: DynArray[allocation.Row, MAX_ROWS] = []
    for book: valuation.Book in books:
        rows.append(allocation._bounded_row(
            book.equity,
            book.maintenance,
            book.sigma_loss,
            book.donor_floor,
            unsafe_add(book.equity, rooms[book.slot]),
            book.gates & valuation.FILL != 0 and book.sigma_loss != 0,
            book.gates & valuation.TAP != 0,
            z_donor,
        ))
    return rows


@internal
@pure
def _share(rows: DynArray[allocation.Row, MAX_ROWS], purse: Purse) -> (allocation.Allocation, int256):
    """
    @dev The allocation with the keeper's reserve set aside, or without it where that leaves no solution; the reserve.
    """
    found: allocation.Allocation = allocation._allocate(rows, purse.spare - purse.reserve, purse.z_target)
    if found.solved:
        return found, purse.reserve
    return allocation._allocate(rows, purse.spare, purse.z_target), 0


@internal
@view
def _flaw(
    books: DynArray[valuation.Book, MAX_ROWS],
    rows: DynArray[allocation.Row, MAX_ROWS],
    equities: int256[MAX_ROWS],
    rescue: bool,
    helped: bool,
) -> (uint256, int256, int256):
    """
    @dev A book that the allocation must treat otherwise, MAX_ROWS if there is none, and its new bounds. First the
         receiver that would still be below z = 1 (of a rescue, z = 0) and lacks most to it: no good money after bad, it
         can save others; but where donors and a loan save it together (`helped`), one of them does so in this plan, the
         other in the next. Then a donor that would give more than the vault holds for its market.
    """
    worst: uint256 = MAX_ROWS
    most: int256 = 0
    i: uint256 = 0
    for row: allocation.Row in rows:
        if helped:
            break
        lacking: int256 = unsafe_sub(row.maintenance, row.equity)
        if not rescue:
            lacking = unsafe_add(lacking, row.sigma_loss)
        raised: int256 = unsafe_sub(equities[i], row.equity)
        if raised > 0 and raised < lacking and lacking > most:
            worst = i
            most = lacking
        i = unsafe_add(i, 1)
    if worst != MAX_ROWS:
        return worst, rows[worst].low, rows[worst].equity

    for j: uint256 in range(len(rows), bound=MAX_ROWS):
        if equities[j] < rows[j].equity:
            balance: uint256 = (staticcall valuation.VAULT.market(books[j].market))[1]
            kept: int256 = rows[j].equity - convert(balance, int256)
            if equities[j] < kept:
                return j, max(rows[j].low, kept), rows[j].high
    return MAX_ROWS, 0, 0


################################################################
#                       PLAN: BORROWING                        #
################################################################

@internal
@view
def _credit(account: uint256, treasury: IVault.Treasury, z_donor: int256) -> int256:
    """
    @dev What the treasury may borrow [wad]: as a donor, it keeps its initial margin and stands at `z_donor` at least.
         The vault lends nothing to an account with a lock, nor without collateral.
    """
    pool: address = staticcall valuation.VAULT.credit_pool()
    if treasury.locked != 0 or treasury.collateral == 0 or pool == empty(address):
        return 0
    asked: int256 = min(treasury.cash, -1)  # requirements are of debt
    risk: ICollateralModel.TreasuryRisk = staticcall valuation.COLLATERAL_MODEL.treasury_risk(account, asked)
    equity: int256 = risk.equity - asked + min(treasury.cash, 0)
    kept: int256 = allocation._at_level(convert(risk.maintenance, int256), convert(risk.sigma_loss, int256), z_donor)
    lent: uint256 = staticcall ICreditPool(pool).available()
    room: int256 = min(equity - max(kept, convert(risk.initial, int256)), convert(min(lent, 2**112), int256))
    return max(room - DUST, 0)


@internal
@pure
def _receivers(
    books: DynArray[valuation.Book, MAX_ROWS], rows: DynArray[allocation.Row, MAX_ROWS]
) -> DynArray[allocation.Row, MAX_ROWS]:
    """
    @dev The rows of a plan that borrows: no book gives, or its profit might be locked, and nothing is lent to an
         account with a lock; and the treasury does not borrow to repay itself.
    """
    receivers: DynArray[allocation.Row, MAX_ROWS] = []
    i: uint256 = 0
    for row: allocation.Row in rows:
        high: int256 = row.high if books[i].market != 0 else row.equity
        receivers.append(allocation._row(row.equity, row.maintenance, row.sigma_loss, row.equity, high))
        i = unsafe_add(i, 1)
    return receivers


################################################################
#                        PLAN: CUTTING                         #
################################################################

@internal
@view
def _bound(request: cut_slots.Request, book: valuation.Book) -> uint256:
    """
    @dev The price of the round that a cut was asked for [wad], 0 before it is there. The cut is filled at the worse of
         that and the present one, however late, so that nobody gains by waiting. If it cannot be filled, it waits on.
    """
    if request.market != book.market or book.gates & valuation.REDUCE == 0:
        return 0
    return valuation._tried_price_since(book.market, request.asked + cut_slots.DELAY)


@internal
@pure
def _is_short(
    books: DynArray[valuation.Book, MAX_ROWS],
    rows: DynArray[allocation.Row, MAX_ROWS],
    targets: int256[MAX_ROWS],
    z_delever: uint256,
    fillable: bool,
) -> bool:
    """
    @dev Whether perfect sharing leaves an active book short; `fillable`: one that may get more.
    """
    level: int256 = convert(z_delever, int256)
    i: uint256 = 0
    for row: allocation.Row in rows:
        if targets[i] < allocation._at_level(row.maintenance, row.sigma_loss, level):
            if row.sigma_loss != 0 and books[i].active and (not fillable or targets[i] < row.high):
                return True
        i = unsafe_add(i, 1)
    return False


@internal
@pure
def _aim(policy: IRebalancer.Policy, free: int256, equity: int256, frozen: uint256) -> ICutPlanner.Aim:
    """
    @dev What the policy wants cuts for, with the cash that sharing may use. Ratios to account equity do not count while
         a book is frozen.
    """
    aim: ICutPlanner.Aim = ICutPlanner.Aim(
        free=free,
        z_delever=convert(policy.z_delever, int256),
        z_reach=convert(policy.z_delever_target, int256),
        z_target=convert(policy.z_target, int256),
        max_share=convert(policy.max_delever * (WAD // BPS), int256),
        max_slippage=policy.max_slippage,
        max_sigma_loss=allocation.NEVER,
        risk_budget=allocation.NEVER,
    )
    if frozen == 0:
        aim.max_sigma_loss = convert(valuation._part(equity, policy.max_risk_share), int256)
        if policy.risk_budget != 0:
            aim.risk_budget = convert(valuation._part(equity, policy.risk_budget), int256)
    return aim


@internal
@pure
def _candidate(book: valuation.Book, row: allocation.Row, target: int256, asked: bool) -> ICutPlanner.Candidate:
    """
    @dev The book as cutting sees it; `asked`: it waits for a cut already.
    """
    return ICutPlanner.Candidate(
        implementation=book.implementation,
        exposure=book.exposure,
        equity=row.equity,
        maintenance=row.maintenance,
        sigma_loss=row.sigma_loss,
        low=row.low,
        high=row.high,
        target=target,
        active=book.active,
        cuttable=not asked and book.gates & valuation.REDUCE != 0,
        tap=book.gates & valuation.TAP != 0,
    )


@internal
@pure
def _is_relief(
    before: valuation.Book, after: valuation.Book, cost: uint256, held: int256, max_slippage: uint256
) -> bool:
    """
    @dev Whether a cut costs what it says and no more than allowed, adds no risk, and lifts z.
    """
    paid: int256 = convert(cost, int256)
    if after.equity != before.equity - paid or after.exposure > before.exposure:
        return False
    if after.maintenance > before.maintenance or after.sigma_loss > before.sigma_loss:
        return False
    if cost > (before.exposure - after.exposure) * max_slippage // BPS:
        return False
    if after.sigma_loss == 0:
        return held >= paid
    scaled_before: int256 = (held - before.maintenance) * after.sigma_loss
    return (held - paid - after.maintenance) * before.sigma_loss > scaled_before


@internal
@view
def _cut(
    account: uint256,
    book: valuation.Book,
    fraction: uint256,
    bound: uint256,
    held: int256,
    max_slippage: uint256,
    pool_cash: uint256,
) -> (IRebalancer.PlannedCut, valuation.Book):
    """
    @dev A cut and the book after it, if it is sound: the market can make it, it is a relief of what the book holds
         before and after sharing (`held`, the lesser), and the pool's cash lifts its book to maintenance at least.
         Else nothing and the book as it is: what cannot be cut leaves the others standing.
    """
    success: bool = False
    cut: IMarket.Cut = empty(IMarket.Cut)
    success, cut = valuation._tried_cut(book.implementation, account, fraction, bound)
    top_up: uint256 = min(cut.pool_short_initial, pool_cash)
    if not success or top_up < cut.pool_short_maintenance:
        return empty(IRebalancer.PlannedCut), book
    after: valuation.Book = book
    after.exposure = cut.risk.exposure
    after.equity = cut.risk.equity
    after.maintenance = convert(cut.risk.maintenance, int256)
    after.sigma_loss = convert(cut.risk.sigma_loss, int256)
    after.donor_floor = convert(cut.risk.donor_floor, int256)
    if not self._is_relief(book, after, cut.cost, held, max_slippage):
        return empty(IRebalancer.PlannedCut), book
    return IRebalancer.PlannedCut(slot=book.slot, fraction=fraction, cost=cut.cost, pool_top_up=top_up), after


@internal
@view
def _pool_cash() -> uint256:
    """
    @dev What the pool has to carry cuts with [wad].
    """
    treasury: IVault.Treasury = staticcall valuation.VAULT.treasury(POOL_ACCOUNT)
    return convert(max(treasury.cash, 0), uint256)
