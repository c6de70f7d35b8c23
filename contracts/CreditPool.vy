# pragma version 0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title The only money that is ever lent
@license AGPL-3.0-only
@notice Shares of an account of the vault whose idle cash the vault may lend to accounts with collateral. The vault
        moves the cash and keeps each account's debt shares; this contract keeps what a debt share is worth, what it
        costs, and whose the money is. Exits go up to idle cash; beyond it they queue, and meanwhile nothing is lent.
@dev Net assets = idle cash + debt − reserve. Interest raises them, rounding raises them, and nothing lowers them but
     debt that is written off; of that, the reserve bears what it can.
@custom:security Idle cash and debt are counted, never measured. Anyone may pay into the pool's account: it is its
                 shareholders' then. The vault calls in the middle of its own calls, when it answers nobody: what it
                 says of the idle cash comes as an argument.
@custom:kill Set both limits to zero (`set_limits`): nobody enters and nothing more is lent; repayment and exits go on.
"""

from ethereum.ercs import IERC4626
from snekmate.auth import ownable
from snekmate.tokens import erc20

from interfaces import ICreditPool
from interfaces import IDeficitGate
from interfaces import IInsuranceFund
from interfaces import IVault

from contracts.modules import credit_slots
from contracts.modules import debt_ledger
from contracts.modules import deficit_gate
from contracts.modules import errors
from contracts.modules import exit_queue
from contracts.modules import vault_shares

implements: ICreditPool
implements: IDeficitGate
implements: IERC4626

initializes: ownable
initializes: erc20[ownable := ownable]
initializes: vault_shares[erc20 := erc20]
initializes: deficit_gate[ownable := ownable]
initializes: debt_ledger
initializes: exit_queue

# Administration: the owner changes hands, but cannot be lost
exports: (ownable.owner, ownable.transfer_ownership)

# Shares: nobody mints or burns but entries and exits
exports: (
    erc20.name,
    erc20.symbol,
    erc20.decimals,
    erc20.totalSupply,
    erc20.balanceOf,
    erc20.allowance,
    erc20.transfer,
    erc20.transferFrom,
    erc20.approve,
    erc20.permit,
    erc20.nonces,
    erc20.DOMAIN_SEPARATOR,
    erc20.eip712Domain,
)

exports: (
    debt_ledger.MAX_ELAPSED,
    debt_ledger.MAX_RATE,
    debt_ledger.debt_index,
    debt_ledger.total_debt,
    debt_ledger.debt_shares,
    debt_ledger.borrow_rate,
    debt_ledger.reserve,
    debt_ledger.rate_config,
)

exports: (exit_queue.claimable, exit_queue.queue, exit_queue.queued_exit, exit_queue.queued_shares)

exports: (deficit_gate.deficits, deficit_gate.set_deficits)

exports: (vault_shares.VAULT, vault_shares.VIRTUAL, vault_shares.asset)


MIN_EXIT: public(constant(uint256)) = 10**18    # [wad] USD, or the queue would fill with dust
MAX_SERVED: constant(uint256) = 64              # exits that one call serves
DEBTS_ONLY: constant(bool) = True              # losses of markets are not lenders'
SERVED_AT_ONCE: constant(uint256) = 2           # exits that a new one serves: no queue while cash is idle

ACCOUNT: public(immutable(uint256))             # idle cash
EXIT_ACCOUNT: public(immutable(uint256))        # tokens that wait to be claimed
INSURANCE: immutable(uint256)                   # insurance's account

_limits: uint256                                # deposit cap, debt cap

# What there is, at one moment
struct Position:
    debt: credit_slots.Debt
    idle: uint256           # [wad]
    net: uint256            # [wad] net assets


@deploy
def __init__(vault: address, token: address, insurance: address):
    """
    @notice Opens the pool's accounts; the deployer owns the pool.
    @param vault The vault.
    @param token The vault's settlement token.
    @param insurance The InsuranceFund, which earns a share of interest.
    """
    ownable.__init__()
    erc20.__init__("Ballast Credit Share", "BCRED", 18, "Ballast Credit Share", "1")
    vault_shares.__init__(vault, token)
    debt_ledger.__init__()
    ACCOUNT = extcall IVault(vault).open_account(self)
    EXIT_ACCOUNT = extcall IVault(vault).open_account(self)
    INSURANCE = staticcall IInsuranceFund(insurance).ACCOUNT()


################################################################
#                            VAULT                             #
################################################################


@external
def change_debt(shares: int256, idle: uint256):
    """
    @notice Count debt that was made or repaid. The vault only, which moves the cash itself.
    @dev Growth is refused while exits queue, and beyond the debt cap.
    @param shares Debt shares made, or ended where negative [wad].
    @param idle Cash of the pool's account after the change [wad].
    """
    self._check_vault()
    debt: credit_slots.Debt = debt_ledger._accrue()
    debt.shares = convert(convert(debt.shares, int256) + shares, uint256)
    total: uint256 = debt_ledger._worth(debt)
    if shares > 0:
        assert exit_queue._is_empty(), errors.EXITS_WAIT
        assert total <= self._max_debt(), errors.DEBT_CAP
    rate: uint256 = debt_ledger._save(debt, idle)
    log ICreditPool.DebtChanged(shares=shares, debt=total, rate=rate)


@external
def write_off(shares: uint256, idle: uint256):
    """
    @notice End debt that nobody will repay. The vault only. The reserve bears the loss first, shareholders the rest.
    @dev What is not collected yet of insurance's share is interest that nobody has paid: it goes before capital does,
         and net assets never fall below zero.
    @param shares Debt shares that end [wad].
    @param idle Cash of the pool's account [wad].
    """
    self._check_vault()
    debt: credit_slots.Debt = debt_ledger._accrue()
    before: uint256 = debt_ledger._worth(debt)
    debt.shares -= shares
    loss: uint256 = before - debt_ledger._worth(debt)
    from_reserve: uint256 = min(debt.reserve, loss)
    debt.reserve -= from_reserve
    debt_ledger._save(debt, idle)
    log ICreditPool.WrittenOff(shares=shares, loss=loss, from_reserve=from_reserve)


################################################################
#                           ERC-4626                           #
################################################################


@external
def deposit(assets: uint256, receiver: address) -> uint256:
    """
    @notice Buy shares for tokens, up to the deposit cap.
    @param assets Tokens [raw].
    @param receiver Who gets the shares.
    @return Shares [wad], rounded down.
    """
    position: Position = self._accrue()
    shares: uint256 = vault_shares._to_shares_down(assets * vault_shares.SCALE, position.net)
    self._enter(position, assets, shares, receiver)
    return shares


@external
def mint(shares: uint256, receiver: address) -> uint256:
    """
    @notice Buy shares, up to the deposit cap.
    @param shares Shares [wad].
    @param receiver Who gets them.
    @return Tokens paid [raw], rounded up.
    """
    position: Position = self._accrue()
    assets: uint256 = vault_shares._to_assets_up(shares, position.net)
    self._enter(position, assets, shares, receiver)
    return assets


@external
def withdraw(assets: uint256, receiver: address, owner: address) -> uint256:
    """
    @notice Sell shares for tokens out of idle cash, while nobody queues. The owner, or who has an allowance of them.
    @param assets Tokens [raw].
    @param receiver Who gets them.
    @param owner Whose shares.
    @return Shares ended [wad], rounded up.
    """
    position: Position = self._accrue()
    shares: uint256 = vault_shares._to_shares_up(assets * vault_shares.SCALE, position.net)
    self._leave(position, assets, shares, receiver, owner)
    return shares


@external
def redeem(shares: uint256, receiver: address, owner: address) -> uint256:
    """
    @notice Sell shares for tokens out of idle cash, while nobody queues. The owner, or who has an allowance of them.
    @param shares Shares [wad].
    @param receiver Who gets the tokens.
    @param owner Whose shares.
    @return Tokens [raw], rounded down.
    """
    position: Position = self._accrue()
    assets: uint256 = vault_shares._to_assets_down(shares, position.net)
    self._leave(position, assets, shares, receiver, owner)
    return assets


################################################################
#                            ANYONE                            #
################################################################


@external
def accrue():
    """
    @notice Charge interest up to now. Changes no rate, so however often it is called, the same is owed.
    """
    debt_ledger._store(debt_ledger._accrue())


@external
def request_exit(shares: uint256, claimant: address) -> uint256:
    """
    @notice Queue for an exit. Shares earn and bear losses until they are served, first come first served.
    @dev Serves the two oldest that wait as far as idle cash goes, its own among them where nobody else waits: nobody
         can keep the pool from lending by an exit that could be paid.
    @param shares The caller's shares [wad], worth at least MIN_EXIT: a share may be worth any amount.
    @param claimant Who may claim what they bring.
    @return The exit's id; ids count from 1.
    """
    worth: uint256 = vault_shares._to_assets_down(shares, self._position().net) * vault_shares.SCALE
    assert worth >= MIN_EXIT, errors.SMALL_EXIT
    id: uint256 = exit_queue._push(claimant, shares)
    erc20._transfer(msg.sender, self, shares)
    log ICreditPool.ExitRequested(id=id, owner=msg.sender, claimant=claimant, shares=shares)
    if deficit_gate._is_open(DEBTS_ONLY):
        self._serve(SERVED_AT_ONCE)
    return id


@external
def serve_exits(count: uint256) -> uint256:
    """
    @notice Serve the oldest exits from idle cash, the last of them in part where it runs out. Open to all.
    @param count Most exits to serve; one call serves no more than 64.
    @return How many left the queue.
    """
    deficit_gate._check_open(DEBTS_ONLY)
    return self._serve(min(count, MAX_SERVED))


@external
def claim(receiver: address) -> uint256:
    """
    @notice Pay out what the caller's served exits brought.
    @param receiver Who gets the tokens.
    @return Tokens [raw].
    """
    assets: uint256 = exit_queue._claim()
    log ICreditPool.Claimed(claimant=msg.sender, receiver=receiver, assets=assets)
    vault_shares._pay(EXIT_ACCOUNT, receiver, assets)
    return assets


@external
def collect_reserve() -> uint256:
    """
    @notice Pay insurance its share of interest, as far as idle cash goes. Open to all.
    @dev Not while a debt is known that nobody bears yet: the reserve is the first to.
    @return Tokens [raw].
    """
    deficit_gate._check_open(DEBTS_ONLY)
    position: Position = self._accrue()
    assets: uint256 = min(position.debt.reserve, position.idle) // vault_shares.SCALE
    position.debt.reserve -= assets * vault_shares.SCALE
    self._paid(position, assets)
    log ICreditPool.ReserveCollected(amount=assets)
    vault_shares._move(ACCOUNT, INSURANCE, assets)
    return assets


################################################################
#                            OWNER                             #
################################################################


@external
def set_rate_config(config: ICreditPool.RateConfig):
    """
    @notice Set what debt costs from now on. Owner only, within hard bounds.
    @dev Interest up to now is charged as it was.
    @param config All parameters; multiples of one part per million.
    """
    ownable._check_owner()
    position: Position = self._accrue()
    debt_ledger._set_rates(config)
    debt_ledger._save(position.debt, position.idle)


@external
def set_limits(max_assets: uint256, max_debt: uint256):
    """
    @notice Set the deposit cap and the debt cap. Owner only. They refuse growth and nothing else.
    @param max_assets Net assets up to which deposits are accepted [wad].
    @param max_debt Total debt up to which more is lent [wad].
    """
    ownable._check_owner()
    self._limits = credit_slots._pack_limits(max_assets, max_debt)
    log ICreditPool.LimitsSet(max_assets=max_assets, max_debt=max_debt)


################################################################
#                            VIEWS                             #
################################################################


@external
@view
def available() -> uint256:
    """
    @notice What may be borrowed now: idle cash within the debt cap; nothing while exits queue.
    @return USD [wad].
    """
    if not exit_queue._is_empty():
        return 0
    position: Position = self._position()
    total: uint256 = debt_ledger._worth(position.debt)
    max_debt: uint256 = self._max_debt()
    return min(position.idle, max_debt - min(max_debt, total))


@external
@view
def net_assets() -> uint256:
    """
    @notice Idle cash and debt, less the reserve.
    @return USD [wad].
    """
    return self._position().net


@external
@view
def max_assets() -> uint256:
    """
    @notice The deposit cap.
    @return Net assets up to which deposits are accepted [wad].
    """
    return credit_slots._unpack_limits(self._limits)[0]


@external
@view
def max_debt() -> uint256:
    """
    @notice The debt cap.
    @return Total debt up to which more is lent [wad].
    """
    return self._max_debt()


@external
@view
def totalAssets() -> uint256:
    """
    @notice Net assets in tokens.
    @return Tokens [raw], rounded down.
    """
    return self._position().net // vault_shares.SCALE


@external
@view
def convertToShares(assets: uint256) -> uint256:
    """
    @notice What tokens are worth in shares.
    @param assets Tokens [raw].
    @return Shares [wad], rounded down.
    """
    return vault_shares._to_shares_down(assets * vault_shares.SCALE, self._position().net)


@external
@view
def convertToAssets(shares: uint256) -> uint256:
    """
    @notice What shares are worth in tokens.
    @param shares Shares [wad].
    @return Tokens [raw], rounded down.
    """
    return vault_shares._to_assets_down(shares, self._position().net)


@external
@view
def maxDeposit(receiver: address) -> uint256:
    """
    @notice What may be paid in now.
    @param receiver Who would get the shares; not zero.
    @return Tokens [raw].
    """
    return self._room(self._position(), receiver)


@external
@view
def previewDeposit(assets: uint256) -> uint256:
    """
    @notice What `deposit` would give.
    @param assets Tokens [raw].
    @return Shares [wad], rounded down.
    """
    return vault_shares._to_shares_down(assets * vault_shares.SCALE, self._position().net)


@external
@view
def maxMint(receiver: address) -> uint256:
    """
    @notice What may be minted now.
    @param receiver Who would get the shares; not zero.
    @return Shares [wad].
    """
    position: Position = self._position()
    return vault_shares._to_shares_down(self._room(position, receiver) * vault_shares.SCALE, position.net)


@external
@view
def previewMint(shares: uint256) -> uint256:
    """
    @notice What `mint` would take.
    @param shares Shares [wad].
    @return Tokens [raw], rounded up.
    """
    return vault_shares._to_assets_up(shares, self._position().net)


@external
@view
def maxWithdraw(owner: address) -> uint256:
    """
    @notice What the owner could withdraw now: no more than idle cash, nothing while exits queue or a deficit is known.
    @param owner Whose shares.
    @return Tokens [raw].
    """
    if not self._pays():
        return 0
    position: Position = self._position()
    worth: uint256 = vault_shares._to_assets_down(erc20.balanceOf[owner], position.net)
    return min(worth, position.idle // vault_shares.SCALE)


@external
@view
def previewWithdraw(assets: uint256) -> uint256:
    """
    @notice What `withdraw` would end.
    @param assets Tokens [raw].
    @return Shares [wad], rounded up.
    """
    return vault_shares._to_shares_up(assets * vault_shares.SCALE, self._position().net)


@external
@view
def maxRedeem(owner: address) -> uint256:
    """
    @notice What the owner could redeem now: no more than idle cash pays, nothing while exits queue or a deficit is
            known.
    @param owner Whose shares.
    @return Shares [wad].
    """
    if not self._pays():
        return 0
    position: Position = self._position()
    return min(erc20.balanceOf[owner], vault_shares._to_shares_down(position.idle, position.net))


@external
@view
def previewRedeem(shares: uint256) -> uint256:
    """
    @notice What `redeem` would give.
    @param shares Shares [wad].
    @return Tokens [raw], rounded down.
    """
    return vault_shares._to_assets_down(shares, self._position().net)


################################################################
#                           POSITION                           #
################################################################


@internal
def _accrue() -> Position:
    """
    @dev What there is, interest up to now included, for a change that ends in `_save`.
    """
    return self._of(debt_ledger._accrue())


@internal
@view
def _position() -> Position:
    """
    @dev What there is, as `_accrue` would find it.
    """
    return self._of(debt_ledger._accrued(debt_ledger._load()))


@internal
@view
def _of(debt: credit_slots.Debt) -> Position:
    """
    @dev Idle cash and net assets beside that debt. The reserve is a part of the interest that debt or idle cash still
         hold, so net assets are not below zero.
    """
    idle: uint256 = vault_shares._cash(ACCOUNT)
    return Position(debt=debt, idle=idle, net=idle + debt_ledger._worth(debt) - debt.reserve)


@internal
@view
def _room(position: Position, receiver: address) -> uint256:
    """
    @dev What may be paid in [raw]. Nobody holds no shares.
    """
    if receiver == empty(address):
        return 0
    cap: uint256 = credit_slots._unpack_limits(self._limits)[0]
    return (cap - min(cap, position.net)) // vault_shares.SCALE


@internal
@view
def _max_debt() -> uint256:
    """
    @dev The debt cap [wad].
    """
    return credit_slots._unpack_limits(self._limits)[1]


@internal
@view
def _pays() -> bool:
    """
    @dev Exits are paid at once: nobody waits, and every known deficit has its bearer.
    """
    return exit_queue._is_empty() and deficit_gate._is_open(DEBTS_ONLY)


@internal
@view
def _check_vault():
    """
    @dev Only the vault counts debt.
    """
    assert msg.sender == vault_shares.VAULT.address, errors.NOT_VAULT


################################################################
#                       ENTRIES, EXITS                         #
################################################################


@internal
def _enter(position: Position, assets: uint256, shares: uint256, receiver: address):
    """
    @dev Shares for tokens [raw], within the cap.
    """
    assert assets <= self._room(position, receiver), errors.CREDIT_CAP
    debt_ledger._save(position.debt, position.idle + assets * vault_shares.SCALE)
    vault_shares._enter(ACCOUNT, assets, shares, receiver)


@internal
def _leave(position: Position, assets: uint256, shares: uint256, receiver: address, owner: address):
    """
    @dev Tokens [raw] for shares, out of idle cash, while nobody waits for it.
    """
    deficit_gate._check_open(DEBTS_ONLY)
    assert exit_queue._is_empty(), errors.EXITS_WAIT
    self._paid(position, assets)
    vault_shares._leave(ACCOUNT, assets, shares, receiver, owner, owner)


@internal
def _paid(position: Position, assets: uint256):
    """
    @dev Tokens [raw] leave the idle cash.
    """
    amount: uint256 = assets * vault_shares.SCALE
    assert amount <= position.idle, errors.NO_IDLE_CASH
    debt_ledger._save(position.debt, position.idle - amount)


@internal
def _serve(count: uint256) -> uint256:
    """
    @dev Burns the shares of the oldest exits and sets their tokens aside, as long as there is idle cash. Returns how
         many left the queue.
    """
    position: Position = self._accrue()
    idle: uint256 = position.idle
    paid: uint256 = 0
    served: uint256 = 0
    for _: uint256 in range(count, bound=MAX_SERVED):
        if exit_queue._is_empty():
            break
        id: uint256 = 0
        exit: ICreditPool.Exit = empty(ICreditPool.Exit)
        id, exit = exit_queue._front()
        free: uint256 = idle // vault_shares.SCALE
        shares: uint256 = exit.shares
        assets: uint256 = vault_shares._to_assets_down(shares, position.net)
        if assets > free:
            if free == 0:
                break
            assets = free
            shares = min(shares, vault_shares._to_shares_up(assets * vault_shares.SCALE, position.net))
        erc20._burn(self, shares)
        paid += assets
        idle -= assets * vault_shares.SCALE
        position.net -= assets * vault_shares.SCALE
        if not exit_queue._serve(id, exit, shares, assets):
            break
        served += 1
    debt_ledger._save(position.debt, idle)
    if paid != 0:
        vault_shares._move(ACCOUNT, EXIT_ACCOUNT, paid)
    return served
