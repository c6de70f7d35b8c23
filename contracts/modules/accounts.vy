# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Accounts and who may act for them
@license AGPL-3.0-only
@notice An account is a number with an owner. The owner names operators with rights and an expiry, and may hand the
        account over in two steps; the account then enters a new epoch, in which operators named before have no right.
@dev An account that acts reads and writes one word; its owner shares a word with its escrow. Only an operator's call
     reads the epoch. Cash is signed: what is below zero is lent by the CreditPool, out of the cash of its account, and
     every change of it moves as much there.
"""

from interfaces import ICreditPool
from interfaces import IVault

from . import debt
from . import errors
from . import vault_checks
from . import vault_slots

uses: debt


# Rights of operators [bits]
TRADE: constant(uint256) = 1
MARGIN: constant(uint256) = 2
WITHDRAW: constant(uint256) = 4
ALL_RIGHTS: constant(uint256) = 7


account_count: public(uint256)

_accounts: HashMap[uint256, uint256]            # account → cash, books, last trade, orders, flags
_owners: HashMap[uint256, uint256]              # account → owner, escrow
_successions: HashMap[uint256, uint256]         # account → owner to be, epoch
_operators: HashMap[uint256, HashMap[address, uint256]]     # account → operator → epoch, rights, expiry


################################################################
#                            ANYONE                            #
################################################################


@external
def open_account(owner: address) -> uint256:
    """
    @notice Open an account for `owner`. Open to all.
    @param owner Who controls the account; not zero, not the vault.
    @return The account's id; ids count from 1.
    """
    self._check_party(owner)

    account: uint256 = self.account_count + 1
    self.account_count = account
    self._owners[account] = vault_slots._pack_holding(owner, 0)

    log IVault.AccountOpened(account=account, owner=owner)
    return account


################################################################
#                        ACCOUNT OWNER                         #
################################################################


@external
def set_operator(account: uint256, operator: address, rights: uint256, expiry: uint256):
    """
    @notice Give an operator rights until a time, or take them away with `rights = 0`. Owner only.
    @dev The rights end with the owner's epoch, however late they expire.
    @param account Account id.
    @param operator Who acts for the account.
    @param rights Bits: 1 TRADE, 2 MARGIN, 4 WITHDRAW.
    @param expiry First moment at which the rights are gone [s].
    """
    vault_checks._check_holder(msg.sender == self._owner_of(account))
    vault_checks._check_parameter(rights <= ALL_RIGHTS and expiry < 2**40)
    self._operators[account][operator] = vault_slots._pack_operator(self._epoch(account), rights, expiry)
    log IVault.OperatorSet(account=account, operator=operator, rights=rights, expiry=expiry)


@external
def transfer_account(account: uint256, new_owner: address):
    """
    @notice Offer the account to a new owner, who has it once he accepts. Owner only; a later offer replaces this one.
    @param account Account id.
    @param new_owner Who shall own it; zero takes the offer back.
    """
    owner: address = self._owner_of(account)
    vault_checks._check_holder(msg.sender == owner)
    vault_checks._check_address(new_owner != self)
    self._successions[account] = vault_slots._pack_holding(new_owner, self._epoch(account))
    log IVault.AccountOffered(account=account, owner=owner, new_owner=new_owner)


@external
def accept_account(account: uint256):
    """
    @notice Take an offered account over, with all that is in it and all that it owes. The new owner only.
    @dev From here on no operator has a right; open orders and the engine's policy stay the account's.
    @param account Account id.
    """
    new_owner: address = empty(address)
    epoch: uint256 = 0
    new_owner, epoch = vault_slots._unpack_holding(self._successions[account])
    if msg.sender != new_owner:
        vault_checks._refuse(errors.NOT_NEW_OWNER)

    owner: address = empty(address)
    escrow: uint256 = 0
    owner, escrow = vault_slots._unpack_holding(self._owners[account])
    self._owners[account] = vault_slots._pack_holding(new_owner, escrow)
    self._successions[account] = vault_slots._pack_holding(empty(address), epoch + 1)
    log IVault.AccountTransferred(account=account, owner=owner, new_owner=new_owner)


################################################################
#                            VIEWS                             #
################################################################


@external
@view
def authorised(account: uint256, caller: address, right: uint256) -> bool:
    """
    @notice Whether `caller` is the owner, or an operator of his with `right` that has not expired.
    @param account Account id.
    @param caller Who wants to act.
    @param right Bits, all of which are needed.
    @return The answer; false for an unknown account.
    """
    return self._authorised(account, caller, right)


@external
@view
def operator(account: uint256, operator: address) -> (uint256, uint256):
    """
    @notice What an operator was given by the present owner.
    @param account Account id.
    @param operator The operator.
    @return Rights as bits; expiry [s].
    """
    return self._operator(account, operator)


@external
@view
def owner_of(account: uint256) -> address:
    """
    @notice Who controls an account.
    @param account Account id.
    @return The owner, zero for an unknown account.
    """
    return self._owner_of(account)


@external
@view
def pending_owner(account: uint256) -> address:
    """
    @notice Whom the account is offered to.
    @param account Account id.
    @return The owner to be, zero where there is no offer.
    """
    return vault_slots._holder(self._successions[account])


@external
@view
def epoch(account: uint256) -> uint256:
    """
    @notice How often the account has changed hands.
    @param account Account id.
    @return The count.
    """
    return self._epoch(account)


@external
@view
def open_orders(account: uint256) -> uint256:
    """
    @notice How many orders of the account hold escrow.
    @param account Account id.
    @return The count.
    """
    return self._load(account).orders


################################################################
#                       INTERNAL: RIGHTS                       #
################################################################


@internal
@view
def _check_party(party: address):
    """
    @dev Neither nobody nor the vault itself may own an account or receive tokens.
    """
    vault_checks._check_address(party != empty(address) and party != self)


@internal
@view
def _check_known(account: uint256):
    """
    @dev The account exists.
    """
    vault_checks._check_account(self._owners[account] != 0)


@internal
@view
def _check_right(account: uint256, actor: address, right: uint256):
    """
    @dev The account exists and `actor` may do this with it.
    """
    if not self._authorised(account, actor, right):
        self._check_known(account)
        vault_checks._refuse(errors.NO_RIGHT)


@internal
@view
def _authorised(account: uint256, caller: address, right: uint256) -> bool:
    """
    @dev Owner, or operator with every bit of `right`, and with any, before its expiry. Nobody for an unknown account.
    """
    owner: address = self._owner_of(account)
    if owner == empty(address) or caller == owner:
        return owner != empty(address)
    rights: uint256 = 0
    expiry: uint256 = 0
    rights, expiry = self._operator(account, caller)
    return rights != 0 and rights & right == right and block.timestamp < expiry


@internal
@view
def _operator(account: uint256, operator: address) -> (uint256, uint256):
    """
    @dev Rights and expiry [s] of an operator; nothing where they are of an earlier epoch.
    """
    epoch: uint256 = 0
    rights: uint256 = 0
    expiry: uint256 = 0
    epoch, rights, expiry = vault_slots._unpack_operator(self._operators[account][operator])
    if epoch != self._epoch(account):
        return 0, 0
    return rights, expiry


@internal
@view
def _owner_of(account: uint256) -> address:
    """
    @dev Owner of an account, zero where there is none.
    """
    return vault_slots._holder(self._owners[account])


@internal
@view
def _epoch(account: uint256) -> uint256:
    """
    @dev How often the account has changed hands.
    """
    return vault_slots._unpack_holding(self._successions[account])[1]


################################################################
#                       INTERNAL: STATE                        #
################################################################


@internal
@view
def _load(account: uint256) -> vault_slots.Account:
    """
    @dev An account's word, unpacked in place: through a function of its own each look would cost 100 gas more.
    """
    word: uint256 = self._accounts[account]
    cash: int256 = convert(convert(word, bytes32), int256) >> 144
    shares: uint256 = 0
    owed: uint256 = 0
    if cash < 0:
        shares = convert(-cash, uint256)
        owed = debt._worth(shares)
        cash = -convert(owed, int256)
    return vault_slots.Account(
        cash=cash,
        books=word & vault_slots.MASK_64,
        last_trade=(word >> 64) & vault_slots.MASK_40,
        orders=(word >> 104) & vault_slots.MASK_8,
        locked=(word >> 112) & vault_slots.MASK_8 != 0,
        escrowed=(word >> 120) & vault_slots.MASK_8 != 0,
        collateral=(word >> 128) & vault_slots.MASK_8,
        shares=shares,
        owed=owed,
    )


@internal
def _store(account: uint256, state: vault_slots.Account):
    """
    @dev An account's word, packed in place; reverts if cash leaves int112. The vault bounds the other fields.
    """
    cash: int256 = state.cash
    if cash < 0 or state.shares != 0:
        cash = self._settle(account, state)
    vault_checks._check_range(cash >= -vault_slots.CASH_BOUND and cash < vault_slots.CASH_BOUND)
    word: uint256 = convert(convert(cash << 144, bytes32), uint256)
    word |= (state.collateral << 128) | (convert(state.escrowed, uint256) << 120)
    word |= (convert(state.locked, uint256) << 112) | (state.orders << 104)
    self._accounts[account] = word | (state.last_trade << 64) | state.books


@internal
def _settle(account: uint256, state: vault_slots.Account) -> int256:
    """
    @dev What to store as the cash of an account that owes or did. What its debt has grown by since it was loaded leaves
         the lender's cash, what it has fallen by returns there; shares that nobody touched stay as they are.
    """
    owed: uint256 = convert(max(-state.cash, 0), uint256)
    shares: uint256 = state.shares
    if owed != state.owed:
        lender: address = empty(address)
        lending: uint256 = 0
        lender, lending = vault_slots._unpack_holding(debt._lender)
        word: uint256 = self._accounts[lending]
        idle: int256 = (convert(convert(word, bytes32), int256) >> 144)
        idle += convert(state.owed, int256) - convert(owed, int256)
        if idle < 0:
            vault_checks._refuse(errors.NOTHING_TO_LEND)
        vault_checks._check_range(idle < vault_slots.CASH_BOUND)
        cash: uint256 = convert(idle, uint256)
        self._accounts[lending] = (cash << 144) | (word & vault_slots.MASK_144)

        shares = debt._shares(owed)
        extcall ICreditPool(lender).change_debt(convert(shares, int256) - convert(state.shares, int256), cash)
        log IVault.DebtChanged(account=account, amount=owed)
    return max(state.cash, 0) - convert(shares, int256)


@internal
def _credit(account: uint256, amount: uint256):
    """
    @dev Adds to an account's cash [wad].
    """
    state: vault_slots.Account = self._load(account)
    state.cash += convert(amount, int256)
    self._store(account, state)


@internal
@view
def _escrow(account: uint256) -> uint256:
    """
    @dev What open orders hold [wad].
    """
    return vault_slots._unpack_holding(self._owners[account])[1]


@internal
def _put_escrow(account: uint256, amount: uint256) -> uint256:
    """
    @dev Adds an order's amount to escrow; the caller takes it from cash. Returns what is in escrow then [wad].
    """
    owner: address = empty(address)
    escrow: uint256 = 0
    owner, escrow = vault_slots._unpack_holding(self._owners[account])
    escrow += amount
    self._owners[account] = vault_slots._pack_holding(owner, escrow)
    log IVault.EscrowLocked(account=account, amount=amount)
    return escrow


@internal
def _take_escrow(account: uint256, amount: uint256, to_cash: uint256) -> uint256:
    """
    @dev Takes an order's amount out of escrow; the caller says where it goes. Returns what is left in escrow [wad].
    """
    owner: address = empty(address)
    escrow: uint256 = 0
    owner, escrow = vault_slots._unpack_holding(self._owners[account])
    if amount > escrow:
        vault_checks._refuse(errors.NOT_IN_ESCROW)
    self._owners[account] = vault_slots._pack_holding(owner, escrow - amount)
    log IVault.EscrowReleased(account=account, amount=amount, to_cash=to_cash)
    return escrow - amount
