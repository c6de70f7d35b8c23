# pragma version 0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title The engine that moves equity between the books of one account
@license AGPL-3.0-only
@notice From an account's policy and the state alone follows one plan: whether anything is due, what to move, what to
        cut. `check` and `preview` show it, `rebalance` executes it: the planner makes it for all of them. Nothing a
        caller passes has any influence on it. A cut takes two calls: one asks for it, for good; a later one fills it,
        at a price that the feed publishes only then.
@dev The engine holds no money and can move it only between the books and the cash of one account, but for the capped
     reward: the vault sees to that.
@custom:kill Revoke its role in the vault (`Vault.set_engine`); accounts then keep their margin where it is.
"""

from interfaces import ICollateralModel
from interfaces import IMarket
from interfaces import IPlanner
from interfaces import IPriceOracle
from interfaces import IRebalancer
from interfaces import IVault

from contracts.modules import allocation
from contracts.modules import book_list
from contracts.modules import cut_slots
from contracts.modules import errors
from contracts.modules import policy_slots
from contracts.modules import reward

implements: IRebalancer


MAX_BOOKS: constant(uint256) = 8
MAX_ACCOUNTS: public(constant(uint256)) = 25
AVERAGING: constant(uint256) = 1_800     # [s] of the oracle's moving average: a price that stands so long is no pump
BPS: constant(uint256) = 10_000
NO_DISTANCE: constant(int256) = max_value(int256)
DUST: constant(int256) = 100             # [wad] more than the vault rounds a debt up by

MAX_ROUNDS: public(constant(uint256)) = 8   # of a rescue: at half a book a round, 1/256 of it is left

# Right of an operator
MARGIN: constant(uint256) = 2

# Role that the vault gives
LIQUIDATOR: constant(uint256) = 4

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

# Gas of the tried call for the native price, and its answer with a word more
TRIED_GAS: constant(uint256) = 400_000
QUOTE_SIZE: constant(uint256) = 8 * 32

VAULT: public(immutable(IVault))
ORACLE: public(immutable(IPriceOracle))
PLANNER: public(immutable(IPlanner))
NATIVE_FEED: public(immutable(uint256))

_policies: HashMap[uint256, uint256]    # account => packed policy
_sets: HashMap[uint256, uint256]        # account => packed books not to fill and not to tap
_states: HashMap[uint256, uint256]      # account => packed state
_requests: HashMap[uint256, uint256]    # account => packed cuts that were asked for


@deploy
def __init__(vault: IVault, oracle: IPriceOracle, planner: IPlanner, native_feed: uint256):
    """
    @param vault The vault, which must give this contract the REBALANCER role.
    @param oracle The price oracle.
    @param planner Makes the plans.
    @param native_feed Feed that prices the chain's native token, in which keepers pay gas.
    """
    VAULT = vault
    ORACLE = oracle
    PLANNER = planner
    NATIVE_FEED = native_feed


################################################################
#                       OWNER, OPERATOR                        #
################################################################

@external
def set_policy(account: uint256, policy: IRebalancer.Policy):
    """
    @notice Replace an account's policy; takes effect at once. Owner or MARGIN operator.
    @dev Reverts with a reason of its own for every field out of bounds.
    @param account Vault account id.
    @param policy The new policy.
    """
    self._check_right(account)
    policy_slots._check_policy(policy)
    word: uint256 = policy_slots._pack_policy(policy)
    self._policies[account] = word
    if policy_slots._has_sets(word):
        self._sets[account] = policy_slots._pack_sets(policy)
    if self._states[account] == 0:
        self._states[account] = policy_slots.NO_CALL_YET  # no keeper shall pay for the slot
    log IRebalancer.PolicySet(account=account, policy=policy)


@external
def rebalance_own(account: uint256):
    """
    @notice Execute the account's plan without a trigger, gates or reward. Owner or MARGIN operator.
    @param account Vault account id.
    """
    self._check_right(account)
    done: IPlanner.Outcome = self._settled_plan(account, OWN)
    assert done.code == DUE, self._reason(done.code)
    self._execute(account, done, msg.sender)


@external
def transfer_margin(account: uint256, source: uint256, target: uint256, amount: uint256):
    """
    @notice Move margin between two books, or a book and the treasury. Owner or MARGIN operator.
    @dev What leaves a book is bounded by its `withdrawable` and, while the policy is on, by its `max_risk_share`.
         Margin may always be put in: that needs no price.
    @param account Vault account id.
    @param source Market id of the book that gives; 0 = treasury.
    @param target Market id of the book that receives; 0 = treasury.
    @param amount Margin [wad].
    """
    self._check_right(account)
    assert amount > 0, errors.ZERO_AMOUNT
    assert source != target, errors.SAME_BOOK
    if source != 0:
        self._check_outflow(account, source, amount)
    if source == 0:
        extcall VAULT.allocate(account, msg.sender, target, convert(amount, int256))
    elif target == 0:
        extcall VAULT.allocate(account, msg.sender, source, -convert(amount, int256))
    else:
        extcall VAULT.reallocate(account, msg.sender, source, target, amount)


################################################################
#                            ANYONE                            #
################################################################

@external
def rebalance(account: uint256) -> uint256:
    """
    @notice Execute the account's plan and earn the reward. Open to all.
    @dev Succeeds if and only if `check` says so; reverts with the code's reason.
    @param account Vault account id.
    @return The reward credited to the caller in the vault [wad].
    """
    done: IPlanner.Outcome = self._settled_plan(account, KEEPER)
    assert done.code == DUE, self._reason(done.code)
    return self._execute(account, done, msg.sender)


@external
def rebalance_many(accounts: DynArray[uint256, MAX_ACCOUNTS]) -> uint256:
    """
    @notice `rebalance` every account that is due and skip the rest. Open to all.
    @dev Reverts if none was due.
    @param accounts Vault account ids.
    @return The rewards credited to the caller in the vault [wad].
    """
    rewards: uint256 = 0
    due: bool = False
    for account: uint256 in accounts:
        done: IPlanner.Outcome = self._settled_plan(account, KEEPER)
        if done.code == DUE:
            due = True
            paid: uint256 = self._execute(account, done, msg.sender)
            rewards += paid
    assert due, errors.NOTHING_DUE
    return rewards


################################################################
#                         LIQUIDATORS                          #
################################################################

@external
def rescue(account: uint256) -> uint256:
    """
    @notice Do for an account below maintenance margin all that its policy allows, before anything of it is sold.
            LIQUIDATOR only.
    @dev Plan after plan, until every book that takes part, and the treasury, is at or above maintenance margin, or a
         plan has no remedy. No gates, no reward; cuts are filled at once. Does nothing where nothing is short or the
         policy is off. A feed that must be poked might hide a donor, so it is poked first.
    @param account Vault account id.
    @return How many plans were executed.
    """
    roles: uint256 = staticcall VAULT.roles(msg.sender)
    assert roles & LIQUIDATOR != 0, errors.NOT_ENGINE
    done: IPlanner.Outcome = self._settled_plan(account, RESCUE)
    assert done.code != POKE, errors.POKE
    rounds: uint256 = 0
    for _: uint256 in range(MAX_ROUNDS):
        if done.code != DUE:
            break
        self._execute(account, done, msg.sender)
        rounds += 1
        if done.min_z_after >= 0:
            break
        done = self._view_plan(account, RESCUE)
    return rounds


################################################################
#                            VIEWS                             #
################################################################

@external
@view
def policy(account: uint256) -> IRebalancer.Policy:
    """
    @notice The account's policy; all zero where none was ever set.
    @param account Vault account id.
    @return The policy.
    """
    word: uint256 = self._policies[account]
    return policy_slots._unpack_policy(word, self._sets_of(account, word))


@external
@view
def check(account: uint256) -> (bool, uint256):
    """
    @notice Would `rebalance` succeed now? The same plan answers that `rebalance` executes.
    @dev Never reverts but for missing gas.
    @param account Vault account id.
    @return Whether it is due; the plan's code.
    """
    code: uint256 = self._view_plan(account, KEEPER).code
    return code == DUE, code


@external
@view
def preview(account: uint256) -> IRebalancer.Plan:
    """
    @notice What `rebalance` would do now.
    @param account Vault account id.
    @return The plan; what it would have to do stands in it only as far as it was worked out before its code was clear.
    """
    return self._shown(self._view_plan(account, KEEPER))


@external
@view
def preview_own(account: uint256) -> IRebalancer.Plan:
    """
    @notice What `rebalance_own` would do now.
    @param account Vault account id.
    @return The plan.
    """
    return self._shown(self._view_plan(account, OWN))


@external
@view
def preview_rescue(account: uint256) -> IRebalancer.Plan:
    """
    @notice The first of the plans that `rescue` would execute now.
    @param account Vault account id.
    @return The plan.
    """
    return self._shown(self._view_plan(account, RESCUE))


@external
@view
def would_cure(account: uint256, market: uint256) -> bool:
    """
    @notice Whether a rescue would lift a book to its maintenance margin, did its market not hold the engine back now.
    @param account Vault account id.
    @param market Market id.
    @return Whether the next of its plans would.
    """
    done: IPlanner.Outcome = self._view_plan(account, RESUMED)
    for step: IPlanner.Step in done.steps:
        if step.market == market:
            return done.code == DUE and step.equity + step.amount >= convert(step.maintenance, int256)
    return False


@external
@view
def cut_requests(account: uint256) -> DynArray[IRebalancer.CutRequest, MAX_BOOKS]:
    """
    @notice The cuts that were asked for and wait for their round.
    @param account Vault account id.
    @return The requests, in the order of the account's list of books.
    """
    state: uint256 = self._states[account]
    word: uint256 = cut_slots._live(self._requests_of(account, state), policy_slots._last_call(state))
    return self._listed(word)


@external
@view
def within_risk_share(account: uint256, markets: uint256) -> bool:
    """
    @notice Is each book's sigma-loss within the policy's share of account equity? A condition of opening.
    @dev True while the policy is off or any book of the account is frozen.
    @param account Vault account id.
    @param markets Bit m: the book in market m is asked about.
    @return Whether it is.
    """
    policy: IRebalancer.Policy = policy_slots._unpack_policy(self._policies[account], 0)
    if not policy.enabled:
        return True
    return (staticcall PLANNER.limits(account, markets, policy.max_risk_share))[1]


@external
@pure
def reason(code: uint256) -> String[32]:
    """
    @notice The reason string with which `rebalance` reverts for a plan's code.
    @param code Code of a plan.
    @return The reason; empty for DUE.
    """
    return self._reason(code)


################################################################
#                             PLAN                             #
################################################################

@internal
@view
def _view_plan(account: uint256, mode: uint256) -> IPlanner.Outcome:
    """
    @dev The plan on the state as it is; the markets take unprocessed rounds into account.
    """
    word: uint256 = self._policies[account]
    state: uint256 = self._states[account]
    requests: uint256 = self._requests_of(account, state)
    return staticcall PLANNER.plan(account, mode, word, self._sets_of(account, word), state, requests)


@internal
def _settled_plan(account: uint256, mode: uint256) -> IPlanner.Outcome:
    """
    @dev The same, after those rounds are stored.
    """
    word: uint256 = self._policies[account]
    state: uint256 = self._states[account]
    requests: uint256 = self._requests_of(account, state)
    return extcall PLANNER.settled_plan(account, mode, word, self._sets_of(account, word), state, requests)


@internal
@view
def _shown(done: IPlanner.Outcome) -> IRebalancer.Plan:
    """
    @dev The plan as integrators see it: cuts, transfers and requests apart, without what only execution needs.
    """
    shown: IRebalancer.Plan = IRebalancer.Plan(
        code=done.code,
        triggers=done.triggers,
        frozen=done.frozen,
        equity=done.equity,
        level=done.level,
        donor_level=done.donor_level,
        min_z_before=done.min_z_before,
        min_z_after=done.min_z_after,
        moved=done.moved,
        relieved=done.relieved,
        reserve=done.reserve,
        cuts=[],
        transfers=[],
        requests=self._listed(done.requests),
    )
    for step: IPlanner.Step in done.steps:
        if step.fraction != 0:
            shown.cuts.append(IRebalancer.PlannedCut(
                slot=step.slot, fraction=step.fraction, cost=step.cost, pool_top_up=step.pool_top_up
            ))
        if step.amount != 0:
            shown.transfers.append(IVault.Transfer(slot=step.slot, amount=step.amount))
    return shown


@internal
@view
def _listed(requests: uint256) -> DynArray[IRebalancer.CutRequest, MAX_BOOKS]:
    """
    @dev The packed requests one by one.
    """
    listed: DynArray[IRebalancer.CutRequest, MAX_BOOKS] = []
    for slot: uint256 in range(MAX_BOOKS):
        request: cut_slots.Request = cut_slots._request(requests, slot)
        if request.market != 0:
            listed.append(IRebalancer.CutRequest(
                slot=slot, market=request.market, fraction=request.share, due=request.asked + cut_slots.DELAY
            ))
    return listed


@internal
@view
def _requests_of(account: uint256, state: uint256) -> uint256:
    """
    @dev The packed requests of an account, read only where its state says that there are any.
    """
    if policy_slots._has_asked(state):
        return self._requests[account]
    return 0


@internal
@view
def _sets_of(account: uint256, word: uint256) -> uint256:
    """
    @dev The packed sets of a policy, read only where it has any.
    """
    if policy_slots._has_sets(word):
        return self._sets[account]
    return 0


################################################################
#                          EXECUTION                           #
################################################################

@internal
def _execute(account: uint256, done: IPlanner.Outcome, keeper: address) -> uint256:
    """
    @dev Cut, ask for cuts, move, pay; then the outcome must be the plan's.
    """
    transfers: DynArray[IVault.Transfer, MAX_BOOKS] = []
    cuts: uint256 = 0
    cost: uint256 = 0
    for step: IPlanner.Step in done.steps:
        if step.fraction != 0:
            self._execute_cut(account, step)
            cuts += 1
            cost += step.cost
        if step.amount != 0:
            transfers.append(IVault.Transfer(slot=step.slot, amount=step.amount))
    asked: uint256 = self._ask(account, done.requests)
    most: uint256 = self._reward(account, done, len(transfers), cuts, asked)
    paid: uint256 = 0
    if most != 0 or len(transfers) != 0:
        paid = extcall VAULT.transfer_margin(account, transfers, most, keeper)
    self._check_outcome(account, done, paid)
    self._remember(account, done, paid)

    log IRebalancer.Rebalanced(
        account=account,
        keeper=keeper,
        level=done.level,
        transfers=len(transfers),
        moved=done.moved,
        cuts=cuts,
        cost=cost,
        reward=paid,
        min_z_before=done.min_z_before,
        min_z_after=done.min_z_after,
        digest=done.digest,
    )
    return paid


@internal
def _ask(account: uint256, requests: uint256) -> uint256:
    """
    @dev Keep the requests that wait after this call; how many of them are new.
    """
    before: uint256 = self._requests_of(account, self._states[account])
    if requests == before:
        return 0
    self._requests[account] = requests
    asked: uint256 = 0
    for slot: uint256 in range(MAX_BOOKS):
        request: cut_slots.Request = cut_slots._request(requests, slot)
        if request.market != 0 and cut_slots._differs(requests, before, slot):
            asked += 1
            log IRebalancer.CutRequested(account=account, market=request.market, fraction=request.share)
    return asked


@internal
def _execute_cut(account: uint256, step: IPlanner.Step):
    """
    @dev Close a share of a book against the pool, whose own book is topped up from its cash.
    """
    result: IMarket.Cut = extcall IMarket(step.implementation).reduce(
        account, step.fraction, step.bound, step.cost
    )
    assert self._is_same(result.risk, step, step.equity), errors.CUT_DIFFERS
    if step.pool_top_up != 0:
        moved: uint256 = extcall VAULT.top_up_pool(step.market, step.pool_top_up)
        assert moved == step.pool_top_up, errors.CUT_DIFFERS
    log IRebalancer.BookCut(account=account, market=step.market, fraction=step.fraction, cost=step.cost)


@internal
@view
def _check_outcome(account: uint256, done: IPlanner.Outcome, paid: uint256):
    """
    @dev What must hold after every rebalance: cash paid for just what moved and the reward, within its reserve, but for
         the rounding of debt; every moved book stands where the plan put it, no donor below its floor and no receiver
         above what it may be filled to; the least distance of the moved books, and of a treasury whose debt was repaid,
         is no less than before, but for a wei.
    """
    assert paid <= done.reserve, errors.REWARD_ABOVE_RESERVE
    cash: int256 = done.cash - convert(paid, int256)
    lowest_before: int256 = NO_DISTANCE
    lowest_after: int256 = NO_DISTANCE
    for step: IPlanner.Step in done.steps:
        if step.amount == 0:
            continue
        cash -= step.amount
        equity: int256 = step.equity + step.amount
        risk: IMarket.BookRisk = staticcall IMarket(step.implementation).book_risk(account)
        assert self._is_same(risk, step, equity), errors.EQUITY_DIFFERS
        if step.amount < 0:
            assert equity >= step.low, errors.OUT_OF_BAND
            equity += 1
        else:
            assert equity <= step.high, errors.OUT_OF_BAND
        lowest_before = min(lowest_before, self._distance(step, step.equity))
        lowest_after = min(lowest_after, self._distance(step, equity))
    if lowest_after < lowest_before and done.cash < 0 and cash > done.cash:
        lowest_before = min(lowest_before, self._treasury_distance(account, done.cash))
    assert lowest_after >= lowest_before, errors.DISTANCE_FELL
    treasury: IVault.Treasury = staticcall VAULT.treasury(account)
    rounded: int256 = cash - treasury.cash
    assert rounded >= 0 and rounded < (DUST if cash < 0 else 1), errors.CASH_DIFFERS


@internal
@pure
def _is_same(risk: IMarket.BookRisk, planned: IPlanner.Step, equity: int256) -> bool:
    """
    @dev Whether a book is what the plan said it would be.
    """
    if risk.equity != equity:
        return False
    return risk.maintenance == planned.maintenance and risk.sigma_loss == planned.sigma_loss


@internal
@pure
def _distance(book: IPlanner.Step, equity: int256) -> int256:
    """
    @dev z of the book with that equity [wad]; without legs it has none.
    """
    if book.sigma_loss == 0:
        return NO_DISTANCE
    above: int256 = equity - convert(book.maintenance, int256)
    return allocation._floor_ratio(above, convert(book.sigma_loss, int256))


@internal
@view
def _treasury_distance(account: uint256, cash: int256) -> int256:
    """
    @dev z of a treasury in debt [wad]; nothing is as near to its end as a debt that nothing secures.
    """
    model: ICollateralModel = ICollateralModel(staticcall VAULT.collateral_model())
    risk: ICollateralModel.TreasuryRisk = staticcall model.treasury_risk(account, cash)
    above: int256 = risk.equity - convert(risk.maintenance, int256)
    return allocation._floor_ratio(above, convert(max(risk.sigma_loss, 1), int256))


@internal
def _remember(account: uint256, done: IPlanner.Outcome, paid: uint256):
    """
    @dev Store when and on which rounds this happened, the reward, and net inflows by slot.
    """
    state: policy_slots.State = policy_slots._unpack_state(self._states[account])
    state.last_call = block.timestamp
    state.digest = done.digest
    state.asked = done.requests != 0
    state.fees += paid
    equity: uint256 = convert(max(done.equity, 1), uint256)
    for step: IPlanner.Step in done.steps:
        contained: uint256 = state.contained[step.slot]
        if step.amount > 0:
            contained += (convert(step.amount, uint256) * BPS + (equity - 1)) // equity
        else:
            contained -= min(contained, convert(-step.amount, uint256) * BPS // equity)
        state.contained[step.slot] = contained
    self._states[account] = policy_slots._pack_state(state)


@internal
@view
def _reward(account: uint256, done: IPlanner.Outcome, transfers: uint256, cuts: uint256, asked: uint256) -> uint256:
    """
    @dev What the keeper is to be credited [wad].
    """
    if done.reserve == 0:
        return 0
    work: reward.Work = reward.Work(
        books=done.books,
        transfers=transfers,
        cuts=cuts,
        asked=asked,
        moved=done.moved,
        relieved=done.relieved,
        min_z=done.min_z_before,
        z_trigger=policy_slots._z_trigger(self._policies[account]),
    )
    return reward._reward(work, reward._gas_price(), self._native_price(), done.reserve)


@internal
@view
def _native_price() -> uint256:
    """
    @dev USD per native token [wad], 0 if its feed does not answer. Who starves this call pays for it himself.
    """
    success: bool = False
    answer: Bytes[QUOTE_SIZE + 32] = b""
    success, answer = raw_call(
        ORACLE.address,
        abi_encode(NATIVE_FEED, method_id=method_id("quote(uint256)")),
        max_outsize=QUOTE_SIZE + 32,
        gas=TRIED_GAS,
        is_static_call=True,
        revert_on_failure=False,
    )
    if not success or len(answer) != QUOTE_SIZE:
        return 0
    price: uint256 = convert(extract32(answer, 0), uint256)
    return price if price >> 112 == 0 else 0


################################################################
#                            CHECKS                            #
################################################################

@internal
@view
def _check_right(account: uint256):
    """
    @dev The caller is the owner or a MARGIN operator.
    """
    assert staticcall VAULT.authorised(account, msg.sender, MARGIN), errors.NO_RIGHT


@internal
def _check_outflow(account: uint256, source: uint256, amount: uint256):
    """
    @dev The book can spare the amount, its risk is within its share of the account, and the engine has not filled it
         lately: a donor's profit of the moment, which its own `withdrawable` holds back, must not leave by a sibling.
    """
    implementation: address = (staticcall VAULT.market(source))[0]
    assert implementation != empty(address), errors.UNKNOWN_MARKET
    extcall IMarket(implementation).settle()
    state: uint256 = self._states[account]
    if block.timestamp < policy_slots._last_call(state) + AVERAGING:
        treasury: IVault.Treasury = staticcall VAULT.treasury(account)
        slot: uint256 = book_list._find(treasury.slots, source)
        assert slot == book_list.BOOKS or not policy_slots._was_filled(state, slot), errors.LATELY_FILLED
    policy: IRebalancer.Policy = policy_slots._unpack_policy(self._policies[account], 0)
    if policy.enabled:
        withdrawable: uint256 = 0
        within: bool = False
        withdrawable, within = staticcall PLANNER.limits(account, 1 << source, policy.max_risk_share)
        assert amount <= withdrawable, errors.NOT_WITHDRAWABLE
        assert within, errors.ABOVE_RISK_SHARE
    else:
        risk: IMarket.BookRisk = staticcall IMarket(implementation).book_risk(account)
        assert amount <= risk.withdrawable, errors.NOT_WITHDRAWABLE


@internal
@pure
def _reason(code: uint256) -> String[32]:
    """
    @dev A plan's code in words.
    """
    if code == OFF:
        return errors.PLAN_OFF
    if code == UNKNOWN:
        return errors.PLAN_UNKNOWN
    if code == WAITING:
        return errors.PLAN_WAITING
    if code == POKE:
        return errors.POKE
    if code == COOLDOWN:
        return errors.PLAN_COOLDOWN
    if code == SAME_ROUNDS:
        return errors.PLAN_SAME_ROUNDS
    if code == OWNER_TRADED:
        return errors.PLAN_OWNER_TRADED
    if code == HEALTHY:
        return errors.PLAN_HEALTHY
    if code == NO_REMEDY:
        return errors.PLAN_NO_REMEDY
    if code == BELOW_MIN:
        return errors.PLAN_BELOW_MIN
    return ""
