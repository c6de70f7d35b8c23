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
    gates: uint256          # what market and policy let happen to it
    exposure: uint256       # [wad]
    equity: int256          # [wad]
    maintenance: int256     # [wad]
    sigma_loss: int256      # [wad]
    donor_floor: int256     # [wad]

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
def limits(account: uint256, markets: uint256, share: uint256) -> (uint256, bool):
    """
    @notice What books may give, and whether the sigma-loss of each is within a share of account equity.
    @dev A frozen book gives nothing; the share does not count where any book of the account is frozen.
    @param account Vault account id.
    @param markets Bit m: the book in market m is asked about.
    @param share [bps]
    @return What the owner may take out of those books [wad]; whether each is within the share.
    """
    treasury: IVault.Treasury = empty(IVault.Treasury)
    venues: address[MAX_BOOKS] = empty(address[MAX_BOOKS])
    treasury, venues = self._portfolio(account)
    equity: int256 = treasury.cash + convert(treasury.escrow, int256)
    frozen: bool = False
    withdrawable: uint256 = 0
    sigma_loss: uint256 = 0
    for slot: uint256 in range(MAX_BOOKS):
        if venues[slot] == empty(address):
            continue
        priced: bool = False
        risk: IMarket.BookRisk = empty(IMarket.BookRisk)
        priced, risk = self._tried_risk(venues[slot], account)
        frozen = frozen or not priced
        equity += risk.equity
        if (markets >> ((treasury.slots >> (8 * slot)) & 255)) & 1 != 0:
            withdrawable += risk.withdrawable
            sigma_loss = max(sigma_loss, risk.sigma_loss)
    return withdrawable, frozen or sigma_loss <= self._part(equity, share)


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
    done.donor_level = NO_DISTANCE
    done.min_z_before = NO_DISTANCE
    policy: IRebalancer.Policy = policy_slots._unpack_policy(policy_word, sets)
    done.code = self._standing(account, own, policy)
    if done.code != DUE:
        return done

    found: Account = self._gather(account, treasury, markets, policy.no_fund, policy.no_tap)
    state: policy_slots.State = policy_slots._unpack_state(state_word)
    done.books = len(found.books)
    done.digest = found.digest
    done.equity = found.equity
    done.frozen = found.frozen
    done.min_z_before, done.triggers = self._triggers(found, policy)
    done.min_z_after = done.min_z_before
    if found.poke:
        done.code = POKE
    elif not own:
        same_rounds: bool = state.last_call != 0 and state.digest == found.digest
        free_at: uint256 = state.last_call + policy.cooldown
        done.code = self._gate(
            done.min_z_before, done.triggers, free_at, same_rounds, treasury.last_trade
        )
    if done.code != DUE:
        return done

    rooms: int256[MAX_BOOKS] = empty(int256[MAX_BOOKS])     # [wad] what containment still lets in, by slot
    for book: Book in found.books:
        left: uint256 = policy.containment - min(state.contained[book.slot], policy.containment)
        rooms[book.slot] = convert(self._part(found.equity, left), int256)
    purse: Purse = self._purse(own, treasury, policy, state.fees)
    rows: DynArray[allocation.Row, MAX_BOOKS] = self._rows(found.books, rooms, convert(policy.z_donor, int256))
    shared: allocation.Allocation = empty(allocation.Allocation)
    shared, purse.reserve = self._share(rows, purse)
    cuts: IRebalancer.PlannedCut[MAX_BOOKS] = empty(IRebalancer.PlannedCut[MAX_BOOKS])
    if self._needs_cuts(found.books, rows, shared.targets, policy.z_delever, done.triggers):
        candidates: DynArray[cutting.Candidate, MAX_BOOKS] = []
        i: uint256 = 0
        for book: Book in found.books:
            candidates.append(self._candidate(book, rows[i], shared.targets[i], policy.max_slippage))
            i = unsafe_add(i, 1)
        aim: cutting.Aim = self._aim(policy, found.equity, found.frozen)
        shares: int256[MAX_BOOKS] = cutting._shares(candidates, aim, purse.spare - purse.reserve)
        pool_cash: uint256 = self._pool_cash()
        for j: uint256 in range(len(rows), bound=MAX_BOOKS):
            if shares[j] > 0:
                book: Book = found.books[j]
                held: int256 = min(book.equity, shared.targets[j])
                cuts[j], found.books[j] = self._cut(
                    account, book, convert(shares[j], uint256), held, policy.max_slippage, pool_cash
                )
                pool_cash -= cuts[j].pool_top_up
                done.relieved += convert(book.maintenance - found.books[j].maintenance, uint256)
        rows = self._rows(found.books, rooms, convert(policy.z_donor, int256))
        shared, purse.reserve = self._share(rows, purse)

    for _: uint256 in range(2 * MAX_BOOKS):  # each turn settles one book
        flawed: uint256 = 0
        low: int256 = 0
        high: int256 = 0
        flawed, low, high = self._flaw(found.books, rows, shared.equities)
        if flawed == MAX_BOOKS:
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
        amount: int256 = shared.equities[i] - row.equity
        if amount != 0 or cuts[i].fraction != 0:
            done.steps.append(IPlanner.Step(
                slot=found.books[i].slot,
                market=found.books[i].market,
                implementation=found.books[i].implementation,
                fraction=cuts[i].fraction,
                cost=cuts[i].cost,
                pool_top_up=cuts[i].pool_top_up,
                amount=amount,
                equity=row.equity,
                maintenance=convert(row.maintenance, uint256),
                sigma_loss=convert(row.sigma_loss, uint256),
                low=row.low,
                high=row.high,
            ))
        if found.books[i].active and row.sigma_loss != 0:
            z: int256 = allocation._floor_ratio(shared.equities[i] - row.maintenance, row.sigma_loss)
            done.min_z_after = min(done.min_z_after, z)
        i = unsafe_add(i, 1)
    if len(done.steps) == 0:
        done.code = NO_REMEDY
    elif not own and done.moved + done.relieved < policy.min_move:
        done.code = BELOW_MIN
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
            gates=risk.gates & ~closed,
            exposure=risk.exposure,
            equity=risk.equity,
            maintenance=convert(risk.maintenance, int256),
            sigma_loss=convert(risk.sigma_loss, int256),
            donor_floor=convert(risk.donor_floor, int256),
        ))
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
    sigma_loss: int256 = 0
    triggers: uint256 = 0
    limit: int256 = convert(self._part(found.equity, policy.max_risk_share), int256)
    for book: Book in found.books:
        if not book.active or book.sigma_loss == 0:
            continue
        z: int256 = allocation._floor_ratio(book.equity - book.maintenance, book.sigma_loss)
        min_z = min(min_z, z)
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
@pure
def _rows(
    books: DynArray[Book, MAX_BOOKS], rooms: int256[MAX_BOOKS], z_donor: int256
) -> DynArray[allocation.Row, MAX_BOOKS]:
    """
    @dev The books within the bounds of policy and market. A book without legs needs nothing.
    """
    rows: DynArray[allocation.Row, MAX_BOOKS] = []
    for book: Book in books:
        rows.append(allocation._bounded_row(
            book.equity,
            book.maintenance,
            book.sigma_loss,
            book.donor_floor,
            unsafe_add(book.equity, rooms[book.slot]),
            book.gates & FILL != 0 and book.sigma_loss != 0,
            book.gates & TAP != 0,
            z_donor,
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
@pure
def _aim(policy: IRebalancer.Policy, equity: int256, frozen: uint256) -> cutting.Aim:
    """
    @dev What the policy wants cuts for. Ratios to account equity do not count while a book is frozen.
    """
    aim: cutting.Aim = cutting.Aim(
        z_delever=convert(policy.z_delever, int256),
        z_reach=convert(policy.z_delever_target, int256),
        z_target=convert(policy.z_target, int256),
        max_share=convert(policy.max_delever * (WAD // BPS), int256),
        max_sigma_loss=allocation.NEVER,
        risk_budget=allocation.NEVER,
    )
    if frozen == 0:
        aim.max_sigma_loss = convert(self._part(equity, policy.max_risk_share), int256)
        if policy.risk_budget != 0:
            aim.risk_budget = convert(self._part(equity, policy.risk_budget), int256)
    return aim


@internal
@view
def _candidate(book: Book, row: allocation.Row, target: int256, max_slippage: uint256) -> cutting.Candidate:
    """
    @dev The book as cutting sees it, with what cutting it would cost.
    """
    cost: int256 = allocation.NEVER
    if book.active and book.gates & REDUCE != 0 and book.sigma_loss != 0:
        cost = self._tried_cost(book.implementation, book.exposure, max_slippage)
    return cutting.Candidate(
        row=row,
        target=target,
        cost=cost,
        active=book.active,
        cuttable=cost != allocation.NEVER,
        tap=book.gates & TAP != 0,
    )


@internal
@pure
def _is_relief(before: Book, after: Book, cost: uint256, held: int256, max_slippage: uint256) -> bool:
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
    account: uint256, book: Book, fraction: uint256, held: int256, max_slippage: uint256, pool_cash: uint256
) -> (IRebalancer.PlannedCut, Book):
    """
    @dev A cut and the book after it, if it is sound: the market can make it, it is a relief of what the book holds
         before and after sharing (`held`, the lesser), and the pool's cash lifts its book to maintenance at least.
         Else nothing and the book as it is: what cannot be cut leaves the others standing.
    """
    success: bool = False
    cut: IMarket.Cut = empty(IMarket.Cut)
    success, cut = self._tried_cut(book.implementation, account, fraction)
    top_up: uint256 = min(cut.pool_short_initial, pool_cash)
    if not success or top_up < cut.pool_short_maintenance:
        return empty(IRebalancer.PlannedCut), book
    after: Book = book
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
def _part(equity: int256, share: uint256) -> uint256:
    """
    @dev ⌊share of account equity⌋ [wad], `share` in [bps]; nothing of a negative one. Equity is below 2^120.
    """
    return unsafe_mul(convert(max(equity, 0), uint256), share) // BPS


@internal
@view
def _portfolio(account: uint256) -> (IVault.Treasury, address[MAX_BOOKS]):
    """
    @dev The account's treasury and the market of each slot.
    """
    return staticcall VAULT.portfolio(account)
