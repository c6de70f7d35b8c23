# pragma version 0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title What the engine would do with an account
@license AGPL-3.0-only
@notice Values the account's books, sees what calls for the engine, shares equity between the books, and cuts where
        sharing is not enough. One plan serves those who ask and those who execute.
@dev A market is called with a fixed amount of gas; one that fails with all of it is frozen, and the rest of the account
     goes on. A caller cannot fake that: with less gas the whole call reverts. The planner holds no state; its lock
     stands still, since everything but `settled_plan` is a view.
@custom:kill Nothing to kill: it has no rights.
"""

from interfaces import ILiquidityPool
from interfaces import IMarket
from interfaces import IPlanner
from interfaces import IPriceOracle
from interfaces import IRebalancer
from interfaces import IVault

from contracts.modules import allocation
from contracts.modules import cutting
from contracts.modules import errors
from contracts.modules import policy_slots

implements: IPlanner


MAX_BOOKS: constant(uint256) = 8
WAD: constant(uint256) = 10**18
BPS: constant(uint256) = 10_000
NO_DISTANCE: constant(int256) = max_value(int256)
BOUND: constant(int256) = 2**112    # [wad] a book with a figure beyond it is taken for frozen

# Gates of a book
REDUCE: constant(uint256) = 2
FILL: constant(uint256) = 8
TAP: constant(uint256) = 16

# Codes of a plan
DUE: constant(uint256) = 0
OFF: constant(uint256) = 1
UNKNOWN: constant(uint256) = 2
POOL: constant(uint256) = 3
POKE: constant(uint256) = 4
COOLDOWN: constant(uint256) = 5
SAME_ROUNDS: constant(uint256) = 6
OWNER_TRADED: constant(uint256) = 7
HEALTHY: constant(uint256) = 8
NO_REMEDY: constant(uint256) = 9
BELOW_MIN: constant(uint256) = 10

# Triggers
DISTANCE: constant(uint256) = 1
RISK_SHARE: constant(uint256) = 2
RISK_BUDGET: constant(uint256) = 4

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
    market: uint256         # id
    implementation: address
    active: bool            # takes part: not ring-fenced by the policy
    room: int256            # [wad] what containment still lets in
    risk: IMarket.BookRisk

# An account as it is found
struct Account:
    equity: int256          # [wad] of priced books, cash and escrow
    frozen: uint256         # bits by slot
    poke: bool              # a frozen book's feed has too many rounds pending
    digest: uint256         # of the rounds behind the figures
    books: DynArray[Book, MAX_BOOKS]

# Money that sharing may use
struct Purse:
    spare: int256           # [wad] cash above the policy's reserve
    reserve: int256         # [wad] set aside for the keeper
    z_target: int256        # [wad] fill up to this

VAULT: public(immutable(IVault))
ORACLE: public(immutable(IPriceOracle))
POOL_ACCOUNT: public(immutable(uint256))


@deploy
def __init__(vault: IVault, oracle: IPriceOracle, pool: ILiquidityPool):
    """
    @param vault The vault.
    @param oracle The price oracle.
    @param pool The pool that takes cuts over.
    """
    VAULT = vault
    ORACLE = oracle
    POOL_ACCOUNT = staticcall pool.ACCOUNT()


################################################################
#                            ANYONE                            #
################################################################

@external
@view
def plan(account: uint256, own: bool, policy: uint256, sets: uint256, state: uint256) -> IPlanner.Outcome:
    """
    @notice The account's plan.
    @dev Never reverts but for missing gas.
    @param account Vault account id.
    @param own Whether the owner calls: no trigger, gates or reward.
    @param policy The policy's packed word; 0 where there is none.
    @param sets Its packed sets.
    @param state The engine's packed state.
    @return The plan and what its execution needs.
    """
    treasury: IVault.Treasury = empty(IVault.Treasury)
    markets: address[MAX_BOOKS] = empty(address[MAX_BOOKS])
    treasury, markets = self._portfolio(account)
    return self._plan(account, own, policy, sets, state, treasury, markets)


@external
def settled_plan(account: uint256, own: bool, policy: uint256, sets: uint256, state: uint256) -> IPlanner.Outcome:
    """
    @notice The same, after the account's markets have consumed their unprocessed oracle rounds. Open to all.
    @dev A market that does not settle may still price its book.
    @param account Vault account id.
    @param own Whether the owner calls: no trigger, gates or reward.
    @param policy The policy's packed word; 0 where there is none.
    @param sets Its packed sets.
    @param state The engine's packed state.
    @return The plan and what its execution needs.
    """
    treasury: IVault.Treasury = empty(IVault.Treasury)
    markets: address[MAX_BOOKS] = empty(address[MAX_BOOKS])
    treasury, markets = self._portfolio(account)
    for market: address in markets:
        if market != empty(address):
            assert msg.gas > NEEDED_GAS, errors.STARVED
            settled: bool = raw_call(market, method_id("settle()"), gas=TRIED_GAS, revert_on_failure=False)
    return self._plan(account, own, policy, sets, state, treasury, markets)


@external
@view
def limits(account: uint256, market: uint256, share: uint256) -> (uint256, bool):
    """
    @notice What a book may give, and whether its sigma-loss is within a share of account equity.
    @dev A frozen book gives nothing; the share does not count where any book of the account is frozen.
    @param account Vault account id.
    @param market Market id.
    @param share [bps]
    @return What the owner may take out [wad]; whether it is within the share.
    """
    treasury: IVault.Treasury = empty(IVault.Treasury)
    markets: address[MAX_BOOKS] = empty(address[MAX_BOOKS])
    treasury, markets = self._portfolio(account)
    found: Account = self._gather(account, treasury, markets, 0, 0)
    for book: Book in found.books:
        if book.market == market:
            within: bool = book.risk.sigma_loss <= self._part(found.equity, share)
            return book.risk.withdrawable, within or found.frozen != 0
    return 0, True


@internal
@view
def _plan(
    account: uint256,
    own: bool,
    policy_word: uint256,
    sets: uint256,
    state_word: uint256,
    treasury: IVault.Treasury,
    markets: address[MAX_BOOKS],
) -> IPlanner.Outcome:
    """
    @dev Everything the engine would do, and whether it is due. Total: whatever the state, it ends with a code. Share;
         where sharing is not enough, cut and share again; then mend what cannot be.
    """
    done: IPlanner.Outcome = empty(IPlanner.Outcome)
    done.cash = treasury.cash
    done.plan.donor_level = NO_DISTANCE
    done.plan.min_z_before = NO_DISTANCE
    policy: IRebalancer.Policy = policy_slots._unpack_policy(policy_word, sets)
    done.plan.code = self._standing(account, own, policy)
    if done.plan.code != DUE:
        return done

    found: Account = self._gather(account, treasury, markets, policy.no_fund, policy.no_tap)
    state: policy_slots.State = policy_slots._unpack_state(state_word)
    done.books = len(found.books)
    done.digest = found.digest
    done.plan.equity = found.equity
    done.plan.frozen = found.frozen
    done.plan.min_z_before, done.plan.triggers = self._triggers(found, policy)
    done.plan.min_z_after = done.plan.min_z_before
    if found.poke:
        done.plan.code = POKE
    elif not own:
        same_rounds: bool = state.last_call != 0 and state.digest == found.digest
        free_at: uint256 = state.last_call + policy.cooldown
        done.plan.code = self._gate(
            done.plan.min_z_before, done.plan.triggers, free_at, same_rounds, treasury.last_trade
        )
    if done.plan.code != DUE:
        return done

    for i: uint256 in range(len(found.books), bound=MAX_BOOKS):
        contained: uint256 = min(state.contained[found.books[i].slot], policy.containment)
        found.books[i].room = convert(self._part(found.equity, policy.containment - contained), int256)
    purse: Purse = self._purse(own, treasury, policy, state.fees)
    rows: DynArray[allocation.Row, MAX_BOOKS] = self._rows(found.books, policy.z_donor)
    shared: allocation.Allocation = empty(allocation.Allocation)
    shared, purse.reserve = self._share(rows, purse)
    if self._needs_cuts(found.books, rows, shared.targets, policy.z_delever, done.plan.triggers):
        shares: int256[MAX_BOOKS] = self._cut_shares(
            found.books, rows, shared.targets, policy, purse, found.equity, found.frozen
        )
        pool_cash: uint256 = self._pool_cash()
        for i: uint256 in range(len(rows), bound=MAX_BOOKS):
            if shares[i] > 0:
                held: int256 = min(rows[i].equity, shared.targets[i])
                planned: IRebalancer.PlannedCut = empty(IRebalancer.PlannedCut)
                risk: IMarket.BookRisk = found.books[i].risk
                planned, found.books[i].risk = self._cut(
                    account, found.books[i], convert(shares[i], uint256), held, policy.max_slippage, pool_cash
                )
                if planned.fraction != 0:
                    pool_cash -= planned.pool_top_up
                    done.plan.cuts.append(planned)
                    done.plan.relieved += risk.maintenance - found.books[i].risk.maintenance
        rows = self._rows(found.books, policy.z_donor)
        shared, purse.reserve = self._share(rows, purse)

    for _: uint256 in range(2 * MAX_BOOKS):  # each turn settles one book
        i: uint256 = 0
        low: int256 = 0
        high: int256 = 0
        i, low, high = self._flaw(found.books, rows, shared.equities)
        if i == MAX_BOOKS:
            break
        rows[i] = allocation._row(rows[i].equity, rows[i].maintenance, rows[i].sigma_loss, low, high)
        shared, purse.reserve = self._share(rows, purse)

    done.plan.level = shared.level
    done.plan.donor_level = shared.donor_level
    done.plan.moved = convert(shared.need, uint256)
    if shared.need == 0:
        purse.reserve = min(purse.reserve, purse.spare)
    done.plan.reserve = convert(purse.reserve, uint256)
    done.plan.min_z_after = NO_DISTANCE
    for i: uint256 in range(len(rows), bound=MAX_BOOKS):
        amount: int256 = shared.equities[i] - rows[i].equity
        slot: uint256 = found.books[i].slot
        if amount != 0:
            done.plan.transfers.append(IVault.Transfer(slot=slot, amount=amount))
        if amount != 0 or self._is_cut(done.plan.cuts, slot):
            done.touched.append(IPlanner.Touched(
                slot=slot,
                market=found.books[i].market,
                implementation=found.books[i].implementation,
                equity=rows[i].equity,
                maintenance=found.books[i].risk.maintenance,
                sigma_loss=found.books[i].risk.sigma_loss,
                low=rows[i].low,
                high=rows[i].high,
            ))
        if found.books[i].active:
            found.books[i].risk.equity = shared.equities[i]
            done.plan.min_z_after = min(done.plan.min_z_after, self._distance(found.books[i].risk))
    if len(done.touched) == 0:
        done.plan.code = NO_REMEDY
    elif not own and done.plan.moved + done.plan.relieved < policy.min_move:
        done.plan.code = BELOW_MIN
    return done


@internal
@view
def _gate(min_z: int256, triggers: uint256, free_at: uint256, same_rounds: bool, last_trade: uint256) -> uint256:
    """
    @dev What a keeper's call must pass before anything is worked out. Near liquidation nobody waits.
    """
    if min_z >= convert(WAD, int256) and free_at > block.timestamp:
        return COOLDOWN
    if same_rounds:
        return SAME_ROUNDS
    if last_trade == block.timestamp:
        return OWNER_TRADED
    if triggers == 0:
        return HEALTHY
    return DUE


@internal
@pure
def _purse(own: bool, treasury: IVault.Treasury, policy: IRebalancer.Policy, fees: uint256) -> Purse:
    """
    @dev Cash above the reserve; most the keeper may earn: what is left of the day's budget, nothing out of locked cash.
    """
    purse: Purse = Purse(
        spare=max(treasury.cash - convert(policy.treasury_reserve, int256), 0),
        reserve=0,
        z_target=convert(policy.z_target, int256),
    )
    if not own:
        left: uint256 = policy.max_fee_per_day - min(fees, policy.max_fee_per_day)
        purse.reserve = convert(min(policy.max_fee, left), int256)
        if treasury.locked != 0:
            purse.reserve = min(purse.reserve, max(treasury.cash - convert(treasury.locked, int256), 0))
    return purse


@internal
@view
def _standing(account: uint256, own: bool, policy: IRebalancer.Policy) -> uint256:
    """
    @dev Whether the engine has any business with the account. Only a known account can have a policy.
    """
    if policy.z_trigger == 0:
        if staticcall VAULT.owner_of(account) == empty(address):
            return UNKNOWN
        return OFF
    if account == POOL_ACCOUNT:
        return POOL
    if not own and not policy.enabled:
        return OFF
    return DUE


@internal
@view
def _gather(
    account: uint256,
    treasury: IVault.Treasury,
    markets: address[MAX_BOOKS],
    no_fund: uint256,
    no_tap: uint256,
) -> Account:
    """
    @dev The account with all its books that can be priced. What the policy forbids is closed in the books' gates.
    """
    found: Account = empty(Account)
    found.equity = treasury.cash + convert(treasury.escrow, int256)
    rounds: uint256[MAX_BOOKS] = empty(uint256[MAX_BOOKS])
    for slot: uint256 in range(MAX_BOOKS):
        if markets[slot] == empty(address):
            continue
        book: Book = empty(Book)
        book.slot = slot
        book.market = (treasury.slots >> (8 * slot)) & 255
        book.implementation = markets[slot]
        rounds[slot] = book.market << 128
        priced: bool = False
        priced, book.risk = self._tried_risk(markets[slot], account)
        if not priced:
            found.frozen |= 1 << slot
            found.poke = found.poke or self._needs_poke(book.market)
            continue

        rounds[slot] |= book.risk.round
        found.equity += book.risk.equity
        closed: uint256 = ((no_fund >> book.market) & 1) * FILL | ((no_tap >> book.market) & 1) * TAP
        book.risk.gates &= ~closed
        book.active = closed != FILL | TAP
        found.books.append(book)
    found.digest = convert(keccak256(abi_encode(rounds)), uint256) & (2**64 - 1)
    return found


@internal
@pure
def _triggers(found: Account, policy: IRebalancer.Policy) -> (int256, uint256):
    """
    @dev The least distance over active books; what calls for the engine. Ratios to account equity say nothing while a
         book is frozen.
    """
    min_z: int256 = NO_DISTANCE
    sigma_loss: uint256 = 0
    triggers: uint256 = 0
    limit: uint256 = self._part(found.equity, policy.max_risk_share)
    for book: Book in found.books:
        if not book.active:
            continue
        z: int256 = self._distance(book.risk)
        min_z = min(min_z, z)
        sigma_loss += book.risk.sigma_loss
        if found.frozen == 0 and book.risk.sigma_loss > limit and z < convert(policy.z_target, int256):
            triggers |= RISK_SHARE
    if min_z < convert(policy.z_trigger, int256):
        triggers |= DISTANCE
    if found.frozen == 0 and policy.risk_budget != 0:
        if sigma_loss > self._part(found.equity, policy.risk_budget):
            triggers |= RISK_BUDGET
    return min_z, triggers


@internal
@pure
def _is_cut(cuts: DynArray[IRebalancer.PlannedCut, MAX_BOOKS], slot: uint256) -> bool:
    """
    @dev Whether the plan cuts the book of a slot.
    """
    for cut: IRebalancer.PlannedCut in cuts:
        if cut.slot == slot:
            return True
    return False


@internal
@pure
def _rows(books: DynArray[Book, MAX_BOOKS], z_donor: uint256) -> DynArray[allocation.Row, MAX_BOOKS]:
    """
    @dev The books within the bounds of policy and market. A book without legs needs nothing.
    """
    rows: DynArray[allocation.Row, MAX_BOOKS] = []
    for book: Book in books:
        rows.append(allocation._bounded_row(
            book.risk.equity,
            convert(book.risk.maintenance, int256),
            convert(book.risk.sigma_loss, int256),
            convert(book.risk.donor_floor, int256),
            book.risk.equity + book.room,
            book.risk.gates & FILL != 0 and book.risk.sigma_loss != 0,
            book.risk.gates & TAP != 0,
            convert(z_donor, int256),
        ))
    return rows


@internal
@pure
def _share(rows: DynArray[allocation.Row, MAX_BOOKS], purse: Purse) -> (allocation.Allocation, int256):
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
    books: DynArray[Book, MAX_BOOKS], rows: DynArray[allocation.Row, MAX_BOOKS], equities: int256[MAX_BOOKS]
) -> (uint256, int256, int256):
    """
    @dev A book that the allocation must treat otherwise, MAX_BOOKS if there is none, and its new bounds. First the
         receiver that would still be below z = 1 and lacks most to it: no good money after bad, it can save others.
         Then a donor that would give more than the vault holds for its market.
    """
    worst: uint256 = MAX_BOOKS
    most: int256 = 0
    i: uint256 = 0
    for row: allocation.Row in rows:
        lacking: int256 = unsafe_sub(unsafe_add(row.maintenance, row.sigma_loss), row.equity)
        raised: int256 = unsafe_sub(equities[i], row.equity)
        if raised > 0 and raised < lacking and lacking > most:
            worst = i
            most = lacking
        i = unsafe_add(i, 1)
    if worst != MAX_BOOKS:
        return worst, rows[worst].low, rows[worst].equity

    for j: uint256 in range(len(rows), bound=MAX_BOOKS):
        if equities[j] < rows[j].equity:
            balance: uint256 = (staticcall VAULT.market(books[j].market))[1]
            kept: int256 = rows[j].equity - convert(balance, int256)
            if equities[j] < kept:
                return j, max(rows[j].low, kept), rows[j].high
    return MAX_BOOKS, 0, 0


################################################################
#                        PLAN: CUTTING                         #
################################################################

@internal
@pure
def _needs_cuts(
    books: DynArray[Book, MAX_BOOKS],
    rows: DynArray[allocation.Row, MAX_BOOKS],
    targets: int256[MAX_BOOKS],
    z_delever: uint256,
    triggers: uint256,
) -> bool:
    """
    @dev Whether perfect sharing leaves an active book short, or the account's risk breaks a bound.
    """
    if triggers & (RISK_SHARE | RISK_BUDGET) != 0:
        return True
    level: int256 = convert(z_delever, int256)
    i: uint256 = 0
    for row: allocation.Row in rows:
        if targets[i] < allocation._at_level(row.maintenance, row.sigma_loss, level):
            if row.sigma_loss != 0 and books[i].active:
                return True
        i = unsafe_add(i, 1)
    return False


@internal
@view
def _cut_shares(
    books: DynArray[Book, MAX_BOOKS],
    rows: DynArray[allocation.Row, MAX_BOOKS],
    targets: int256[MAX_BOOKS],
    policy: IRebalancer.Policy,
    purse: Purse,
    equity: int256,
    frozen: uint256,
) -> int256[MAX_BOOKS]:
    """
    @dev The share of each book to cut [wad]. Ratios to account equity do not count while a book is frozen.
    """
    aim: cutting.Aim = cutting.Aim(
        budget=purse.spare - purse.reserve,
        z_delever=convert(policy.z_delever, int256),
        z_reach=convert(policy.z_delever_target, int256),
        z_target=purse.z_target,
        max_share=convert(policy.max_delever * (WAD // BPS), int256),
        max_sigma_loss=allocation.NEVER,
        risk_budget=allocation.NEVER,
    )
    if frozen == 0:
        aim.max_sigma_loss = convert(self._part(equity, policy.max_risk_share), int256)
        if policy.risk_budget != 0:
            aim.risk_budget = convert(self._part(equity, policy.risk_budget), int256)

    candidates: DynArray[cutting.Candidate, MAX_BOOKS] = []
    for i: uint256 in range(len(rows), bound=MAX_BOOKS):
        aim.budget += rows[i].equity
        cost: int256 = allocation.NEVER
        if books[i].active and books[i].risk.gates & REDUCE != 0 and rows[i].sigma_loss != 0:
            cost = self._tried_cost(books[i].implementation, books[i].risk.exposure, policy.max_slippage)
        candidates.append(cutting.Candidate(
            row=rows[i],
            target=targets[i],
            cost=cost,
            active=books[i].active,
            cuttable=cost != allocation.NEVER,
            tap=books[i].risk.gates & TAP != 0,
        ))
    return cutting._shares(candidates, aim)


@internal
@pure
def _is_relief(before: IMarket.BookRisk, cut: IMarket.Cut, held: int256, max_slippage: uint256) -> bool:
    """
    @dev Whether a cut costs what it says and no more than allowed, adds no risk, and lifts z.
    """
    after: IMarket.BookRisk = cut.risk
    if after.equity != before.equity - convert(cut.cost, int256) or after.exposure > before.exposure:
        return False
    if after.maintenance > before.maintenance or after.sigma_loss > before.sigma_loss:
        return False
    if cut.cost > (before.exposure - after.exposure) * max_slippage // BPS:
        return False
    if after.sigma_loss == 0:
        return held >= convert(cut.cost, int256)
    distance_before: int256 = held - convert(before.maintenance, int256)
    distance_after: int256 = held - convert(cut.cost, int256) - convert(after.maintenance, int256)
    scaled_before: int256 = distance_before * convert(after.sigma_loss, int256)
    return distance_after * convert(before.sigma_loss, int256) > scaled_before


@internal
@view
def _cut(
    account: uint256, book: Book, fraction: uint256, held: int256, max_slippage: uint256, pool_cash: uint256
) -> (IRebalancer.PlannedCut, IMarket.BookRisk):
    """
    @dev A cut and the book's risk after it, if it is sound: the market can make it, it is a relief of what the book
         holds before and after sharing (`held`, the lesser), and the pool's cash lifts its book to maintenance at
         least. Else nothing and the risk as it is: what cannot be cut leaves the others standing.
    """
    success: bool = False
    cut: IMarket.Cut = empty(IMarket.Cut)
    success, cut = self._tried_cut(book.implementation, account, fraction)
    top_up: uint256 = min(cut.pool_short_initial, pool_cash)
    if not success or top_up < cut.pool_short_maintenance:
        return empty(IRebalancer.PlannedCut), book.risk
    if not self._is_relief(book.risk, cut, held, max_slippage):
        return empty(IRebalancer.PlannedCut), book.risk
    cut.risk.gates = book.risk.gates
    return IRebalancer.PlannedCut(slot=book.slot, fraction=fraction, cost=cut.cost, pool_top_up=top_up), cut.risk


@internal
@view
def _pool_cash() -> uint256:
    """
    @dev What the pool has to carry cuts with [wad].
    """
    treasury: IVault.Treasury = staticcall VAULT.treasury(POOL_ACCOUNT)
    return convert(max(treasury.cash, 0), uint256)


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
    return self._is_sane(risk), risk


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
def _tried_cut(market: address, account: uint256, fraction: uint256) -> (bool, IMarket.Cut):
    """
    @dev What a cut would do, if the market can tell.
    """
    success: bool = False
    answer: Bytes[CUT_SIZE + 32] = b""
    assert msg.gas > NEEDED_GAS, errors.STARVED
    success, answer = raw_call(
        market,
        abi_encode(account, fraction, method_id=method_id("preview_reduce(uint256,uint256)")),
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


################################################################
#                           HELPERS                            #
################################################################

@internal
@pure
def _distance(risk: IMarket.BookRisk) -> int256:
    """
    @dev z of a book: ⌊(e − mm) / b⌋ [wad]; without legs it has none.
    """
    if risk.sigma_loss == 0:
        return NO_DISTANCE
    above: int256 = risk.equity - convert(risk.maintenance, int256)
    return allocation._floor_ratio(above, convert(risk.sigma_loss, int256))


@internal
@pure
def _part(equity: int256, share: uint256) -> uint256:
    """
    @dev ⌊share of account equity⌋ [wad], `share` in [bps]; nothing of a negative one.
    """
    return convert(max(equity, 0), uint256) * share // BPS


@internal
@view
def _portfolio(account: uint256) -> (IVault.Treasury, address[MAX_BOOKS]):
    """
    @dev The account's treasury and the market of each slot.
    """
    return staticcall VAULT.portfolio(account)
