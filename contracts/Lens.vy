# pragma version 0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title What keepers and user interfaces read
@license AGPL-3.0-only
@notice Pages of accounts valued market by market, one account explained in full, and the orders that wait. All of it
        could be read from the other contracts one call at a time; here it takes one.
@dev A page asks each market once for all its books (`book_risks`): one price, one decoding, instead of hundreds.
@custom:kill Holds nothing and is trusted with nothing: stop using it.
"""

from interfaces import ICollateralModel
from interfaces import IDerivativesMarket
from interfaces import IExchange
from interfaces import ILens
from interfaces import IMarket
from interfaces import IPriceOracle
from interfaces import IRebalancer
from interfaces import IVault

implements: ILens

from contracts.modules import errors
from contracts.modules import fixed_point


################################################################
#                          CONSTANTS                           #
################################################################

PAGE: public(constant(uint256)) = 256
_BOOKS: constant(uint256) = 8
_MARKETS: constant(uint256) = 127
_MASK_8: constant(uint256) = 2**8 - 1

_RISK_SIZE: constant(uint256) = 288             # ABI bytes of a BookRisk
_RISKS_SIZE: constant(uint256) = 64 + 256 * 288 # ABI bytes of a page of them
_BOUND: constant(uint256) = 2**112              # figures beyond this are no risk figures [wad]
_NO_DISTANCE: constant(int256) = max_value(int256)

# For `_holds`: eight bytes of 0x01, of 0x7f and of 0x80
_ONES: constant(uint256) = (2**64 - 1) // 255
_LOW_BITS: constant(uint256) = _ONES * 127
_TOP_BITS: constant(uint256) = _ONES * 128


################################################################
#                          IMMUTABLES                          #
################################################################

VAULT: public(immutable(IVault))
ORACLE: public(immutable(IPriceOracle))
EXCHANGE: public(immutable(IExchange))
REBALANCER: public(immutable(IRebalancer))


################################################################
#                           STRUCTS                            #
################################################################

# An account while its page is being valued
struct _Line:
    account: uint256
    slots: uint256          # market ids of the books, 8 bits each
    books: uint256
    frozen: uint256         # books
    equity: int256          # [wad] so far
    min_z: int256           # [wad] so far, over books that are not ring-fenced
    sigma_loss: uint256     # [wad] Σ over those books
    worst: uint256          # [wad] largest among those books below z_target
    enabled: bool
    ring: uint256           # bit m: the book in market m is ring-fenced
    z_trigger: int256       # [wad]
    z_target: int256        # [wad]
    share: uint256          # [bps] of account equity
    budget: uint256         # [bps] of account equity, 0 = off
    waits: bool             # a cut was asked for


################################################################
#                         CONSTRUCTOR                          #
################################################################

@deploy
def __init__(vault: address, oracle: address, exchange: address, rebalancer: address):
    """
    @param vault The vault.
    @param oracle The price oracle.
    @param exchange The exchange.
    @param rebalancer The engine.
    """
    VAULT = IVault(vault)
    ORACLE = IPriceOracle(oracle)
    EXCHANGE = IExchange(exchange)
    REBALANCER = IRebalancer(rebalancer)


################################################################
#                            VIEWS                             #
################################################################

@external
@view
def scan(start: uint256, count: uint256) -> DynArray[ILens.Row, 256]:
    """
    @notice Accounts start, start + 1 … valued, one call a market for the whole page.
    @dev A market that fails marks its books frozen and does no more harm.
    @param start First account id, from 1.
    @param count At most 256; accounts that do not exist are left out.
    @return One row an account.
    """
    lines: DynArray[_Line, 256] = []
    end: uint256 = min(start + count, staticcall VAULT.account_count() + 1)
    books: uint256 = 0
    for account: uint256 in range(start, max(start, end), bound=256):
        line: _Line = self._line(account)
        books += line.books
        lines.append(line)

    markets: uint256 = staticcall VAULT.market_count()
    for market: uint256 in range(1, markets + 1, bound=127):
        if books == 0:
            break
        indices: DynArray[uint256, 256] = []
        accounts: DynArray[uint256, 256] = []
        for i: uint256 in range(len(lines), bound=256):
            if self._holds(lines[i].slots, market):
                indices.append(i)
                accounts.append(lines[i].account)
        if len(accounts) == 0:
            continue

        # a market gets its share of the gas, so that one that burns it leaves the others theirs
        allowance: uint256 = msg.gas * len(accounts) // (books + len(lines))
        books -= len(accounts)
        risks: DynArray[IMarket.BookRisk, 256] = self._book_risks(market, accounts, allowance)
        for i: uint256 in range(len(indices), bound=256):
            if len(risks) != 0 and self._is_sane(risks[i]):
                lines[indices[i]] = self._with_book(lines[indices[i]], market, risks[i])
            else:
                lines[indices[i]].frozen += 1

    rows: DynArray[ILens.Row, 256] = []
    for line: _Line in lines:
        rows.append(ILens.Row(
            account=line.account,
            equity=line.equity,
            min_z=line.min_z,
            books=line.books,
            frozen=line.frozen,
            triggered=self._is_triggered(line),
        ))
    return rows


@external
@view
def report(account: uint256) -> ILens.Report:
    """
    @notice Everything about one account, and what the engine would do with it.
    @dev Reverts if the account does not exist.
    @param account Vault account id.
    @return The report.
    """
    assert account != 0 and account <= staticcall VAULT.account_count(), errors.UNKNOWN_ACCOUNT

    treasury: IVault.Treasury = staticcall VAULT.treasury(account)
    equity: int256 = self._treasury_equity(account, treasury)
    books: DynArray[ILens.BookReport, 8] = []
    for slot: uint256 in range(_BOOKS):
        market: uint256 = (treasury.slots >> (8 * slot)) & _MASK_8
        if market != 0:
            book: ILens.BookReport = self._book_report(account, slot, market)
            equity += book.risk.equity
            books.append(book)

    due: bool = False
    code: uint256 = 0
    due, code = staticcall REBALANCER.check(account)
    return ILens.Report(
        account=account,
        owner=staticcall VAULT.owner_of(account),
        equity=equity,
        withdrawable=convert(max(treasury.cash - convert(treasury.locked, int256), 0), uint256),
        treasury=treasury,
        books=books,
        policy=staticcall REBALANCER.policy(account),
        due=due,
        code=code,
        reason=staticcall REBALANCER.reason(code),
        plan=staticcall REBALANCER.preview(account),
    )


@external
@view
def open_orders(start: uint256, count: uint256) -> DynArray[ILens.OpenOrder, 256]:
    """
    @notice Orders among ids start, start + 1 … that wait for execution.
    @dev A feed that does not answer leaves its orders unripe and does no more harm.
    @param start First order id, from 1.
    @param count At most 256.
    @return The orders, with what their executor must know.
    """
    open: DynArray[ILens.OpenOrder, 256] = []
    end: uint256 = min(start + count, staticcall EXCHANGE.order_count() + 1)
    for id: uint256 in range(start, max(start, end), bound=256):
        order: IExchange.Order = staticcall EXCHANGE.order(id)
        if order.account == 0:
            continue
        rounds: DynArray[ILens.LastRound, 8] = []
        ripe: bool = True
        for leg: IExchange.Leg in order.legs:
            last: ILens.LastRound = self._last_round(leg.market)
            ripe = ripe and last.updated_at >= order.due
            rounds.append(last)
        open.append(ILens.OpenOrder(id=id, order=order, last_rounds=rounds, ripe=ripe))
    return open


@external
@view
def debts(start: uint256, count: uint256) -> DynArray[ILens.Debt, 256]:
    """
    @notice Accounts in debt among ids start, start + 1 …, and the risk of their treasuries.
    @param start First account id, from 1.
    @param count At most 256.
    @return The debts.
    """
    found: DynArray[ILens.Debt, 256] = []
    model: ICollateralModel = ICollateralModel(staticcall VAULT.collateral_model())
    end: uint256 = min(start + count, staticcall VAULT.account_count() + 1)
    for account: uint256 in range(start, max(start, end), bound=256):
        cash: int256 = (staticcall VAULT.treasury(account)).cash
        if cash < 0:
            found.append(ILens.Debt(account=account, cash=cash, risk=staticcall model.treasury_risk(account, cash)))
    return found


################################################################
#                           INTERNAL                           #
################################################################

@internal
@view
def _line(account: uint256) -> _Line:
    """
    @dev An account before its books are valued.
    """
    treasury: IVault.Treasury = staticcall VAULT.treasury(account)
    policy: IRebalancer.Policy = staticcall REBALANCER.policy(account)
    books: uint256 = 0
    for slot: uint256 in range(_BOOKS):
        if (treasury.slots >> (8 * slot)) & _MASK_8 != 0:
            books += 1
    return _Line(
        account=account,
        slots=treasury.slots,
        books=books,
        frozen=0,
        equity=self._treasury_equity(account, treasury),
        min_z=_NO_DISTANCE,
        sigma_loss=0,
        worst=0,
        enabled=policy.enabled,
        ring=policy.no_fund & policy.no_tap,
        z_trigger=convert(policy.z_trigger, int256),
        z_target=convert(policy.z_target, int256),
        share=policy.max_risk_share,
        budget=policy.risk_budget,
        waits=len(staticcall REBALANCER.cut_requests(account)) != 0,
    )


@internal
@view
def _treasury_equity(account: uint256, treasury: IVault.Treasury) -> int256:
    """
    @dev What the account has outside its books [wad]: cash, escrow, and what its collateral counts for.
    """
    equity: int256 = treasury.cash + convert(treasury.escrow, int256)
    if treasury.collateral != 0:
        model: ICollateralModel = ICollateralModel(staticcall VAULT.collateral_model())
        equity += convert((staticcall model.credit(account))[0], int256)
    return equity


@internal
@pure
def _with_book(line: _Line, market: uint256, risk: IMarket.BookRisk) -> _Line:
    """
    @dev The line with one more book valued. A ring-fenced book counts in equity alone.
    """
    result: _Line = line
    result.equity += risk.equity
    if (line.ring >> market) & 1 == 0:
        z: int256 = self._distance(risk)
        result.min_z = min(line.min_z, z)
        result.sigma_loss += risk.sigma_loss
        if z < line.z_target:
            result.worst = max(line.worst, risk.sigma_loss)
    return result


@internal
@pure
def _is_triggered(line: _Line) -> bool:
    """
    @dev Whether any trigger of the policy holds, or cannot be known because a market failed, or a cut is to be filled:
         that it is whatever the policy says by now.
    """
    if not line.enabled or line.books == 0:
        return line.waits
    equity: uint256 = convert(max(line.equity, 0), uint256)
    return (
        line.waits
        or line.frozen != 0
        or line.min_z < line.z_trigger
        or line.worst * fixed_point.BPS > equity * line.share
        or (line.budget != 0 and line.sigma_loss * fixed_point.BPS > equity * line.budget)
    )


@internal
@view
def _book_risks(
    market: uint256, accounts: DynArray[uint256, 256], allowance: uint256
) -> DynArray[IMarket.BookRisk, 256]:
    """
    @dev The market's answer, or nothing where it fails or answers something else.
    """
    success: bool = False
    answer: Bytes[_RISKS_SIZE] = b""
    success, answer = raw_call(
        (staticcall VAULT.market(market))[0],
        abi_encode(accounts, method_id=method_id("book_risks(uint256[])")),
        max_outsize=_RISKS_SIZE,
        gas=allowance,
        is_static_call=True,
        revert_on_failure=False,
    )
    if not success or len(answer) != 64 + _RISK_SIZE * len(accounts):
        return []
    if convert(slice(answer, 0, 32), uint256) != 32 or convert(slice(answer, 32, 32), uint256) != len(accounts):
        return []
    return abi_decode(answer, DynArray[IMarket.BookRisk, 256])


@internal
@view
def _book_report(account: uint256, slot: uint256, market: uint256) -> ILens.BookReport:
    """
    @dev One book, each figure left at zero where its source fails.
    """
    implementation: address = (staticcall VAULT.market(market))[0]
    report: ILens.BookReport = empty(ILens.BookReport)
    report.market = market
    report.slot = slot
    report.z = _NO_DISTANCE

    success: bool = False
    stored: Bytes[128] = b""
    success, stored = raw_call(
        implementation,
        abi_encode(account, method_id=method_id("book(uint256)")),
        max_outsize=128,
        is_static_call=True,
        revert_on_failure=False,
    )
    if success and len(stored) == 128:
        book: IDerivativesMarket.Book = abi_decode(stored, IDerivativesMarket.Book)
        report.size = book.size
        report.net_deposit = book.net_deposit

    answer: Bytes[_RISK_SIZE] = b""
    success, answer = raw_call(
        implementation,
        abi_encode(account, method_id=method_id("book_risk(uint256)")),
        max_outsize=_RISK_SIZE,
        is_static_call=True,
        revert_on_failure=False,
    )
    report.frozen = True
    if success and len(answer) == _RISK_SIZE:
        risk: IMarket.BookRisk = abi_decode(answer, IMarket.BookRisk)
        if self._is_sane(risk):
            report.frozen = False
            report.risk = risk
            report.z = self._distance(risk)
            report.price = self._price(market)
            report.liquidation_price = self._liquidation_price(implementation, account)
    return report


@internal
@view
def _price(market: uint256) -> uint256:
    """
    @dev Oracle price [wad], 0 where it may not be used.
    """
    success: bool = False
    answer: Bytes[224] = b""
    success, answer = raw_call(
        ORACLE.address,
        abi_encode(market, method_id=method_id("quote(uint256)")),
        max_outsize=224,
        is_static_call=True,
        revert_on_failure=False,
    )
    if not success or len(answer) != 224:
        return 0
    return convert(slice(answer, 0, 32), uint256)


@internal
@view
def _liquidation_price(implementation: address, account: uint256) -> uint256:
    """
    @dev What the market says, 0 where it offers no such view.
    """
    success: bool = False
    answer: Bytes[32] = b""
    success, answer = raw_call(
        implementation,
        abi_encode(account, method_id=method_id("liquidation_price(uint256)")),
        max_outsize=32,
        is_static_call=True,
        revert_on_failure=False,
    )
    if not success or len(answer) != 32:
        return 0
    return convert(answer, uint256)


@internal
@view
def _last_round(feed_id: uint256) -> ILens.LastRound:
    """
    @dev The feed's latest round, zeros where the feed does not answer.
    """
    success: bool = False
    answer: Bytes[64] = b""
    success, answer = raw_call(
        ORACLE.address,
        abi_encode(feed_id, method_id=method_id("last_round(uint256)")),
        max_outsize=64,
        is_static_call=True,
        revert_on_failure=False,
    )
    if not success or len(answer) != 64:
        return empty(ILens.LastRound)
    return abi_decode(answer, ILens.LastRound)


@internal
@pure
def _distance(risk: IMarket.BookRisk) -> int256:
    """
    @dev z = ⌊(e − mm) / b⌋ [wad]; without legs there is nothing to liquidate.
    """
    if risk.sigma_loss == 0:
        return _NO_DISTANCE
    surplus: int256 = risk.equity - convert(risk.maintenance, int256)
    return fixed_point._floor_div(surplus * fixed_point.SIGNED_WAD, convert(risk.sigma_loss, int256))


@internal
@pure
def _is_sane(risk: IMarket.BookRisk) -> bool:
    """
    @dev Whether the figures are small enough to calculate with.
    """
    limit: int256 = convert(_BOUND, int256)
    return (
        risk.equity <= limit
        and risk.equity >= -limit
        and risk.maintenance <= _BOUND
        and risk.sigma_loss <= _BOUND
    )


@internal
@pure
def _holds(slots: uint256, market: uint256) -> bool:
    """
    @dev Whether one of the eight bytes is the market's id. Ids are 1..127: the difference of each byte is below 128,
         so adding 0x7f sets its top bit unless it is zero, and never carries.
    """
    differences: uint256 = slots ^ (market * _ONES)
    return (differences + _LOW_BITS) & _TOP_BITS != _TOP_BITS
