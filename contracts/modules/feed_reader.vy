# pragma version 0.4.3
"""
@title What a Chainlink-style feed says, and whether it may be believed
@license AGPL-3.0-only
@notice Reads rounds through a proxy, scales answers to 1e-12 USD and names what is wrong with a round. Age is not a
        defect: whether a price is too old depends on who asks.
"""

from interfaces import IAggregatorV3

from . import errors
from . import feed_slots

LATEST: constant(uint256) = 0               # asks for the latest round; no round has this id
AGGREGATOR_ROUND: constant(uint256) = 2**64 - 1     # bits of a proxy round id below the phase
MAX_SKIPPED: constant(uint256) = 3          # invalid rounds between a first round and its predecessor
ANSWER_SIZE: constant(uint256) = 5 * 32     # of latestRoundData; what is longer is cut off

# Gas of a tried call, three times what a cold proxy, its aggregator and their slots take; and what must be there to
# give it (63/64 of the rest, and some slack), so that nobody can silence a feed by sending too little
TRIED_GAS: constant(uint256) = 60_000
NEEDED_GAS: constant(uint256) = TRIED_GAS * 64 // 63 + 5_000

# Why a round cannot be used
flag Defect:
    EMPTY
    INCOMPLETE
    DECIMALS
    FUTURE
    NEGATIVE
    ZERO
    TOO_HIGH

# A round as its proxy tells it
struct Round:
    id: uint256             # proxy round id
    price: uint256          # [1e-12 USD] 0 where the answer is negative
    updated_at: uint256     # [s]
    defect: Defect          # empty if the price can be used

# What a feed answered to a call that may fail
struct Answer:
    id: uint256
    answer: int256
    started_at: uint256     # [s]
    updated_at: uint256     # [s]
    answered_in: uint256


@internal
@view
def _round(source: uint256, asked: uint256) -> Round:
    """
    @dev The feed's latest round, or an earlier one by the id that was asked for, with its price, rounded down, and what
         is wrong with it. An absurd answer saturates below 2^168.
    """
    id: uint80 = 0
    answer: int256 = 0
    started_at: uint256 = 0
    updated_at: uint256 = 0
    answered_in: uint80 = 0
    feed: IAggregatorV3 = IAggregatorV3(feed_slots._feed(source))
    if asked == LATEST:
        id, answer, started_at, updated_at, answered_in = staticcall feed.latestRoundData()
    else:
        id, answer, started_at, updated_at, answered_in = staticcall feed.getRoundData(convert(asked, uint80))
        id = convert(asked, uint80)

    price: uint256 = 0
    if answer > 0:
        price = unsafe_mul(convert(min(answer, 2**128), uint256), feed_slots.PRICE_ONE)
        price = unsafe_div(price, 10 ** feed_slots._decimals(source))

    defect: Defect = empty(Defect)
    if updated_at == 0:
        defect = Defect.EMPTY if answer == 0 else Defect.INCOMPLETE
    elif answered_in < id or convert(id, uint256) & AGGREGATOR_ROUND > feed_slots.MAX_ROUND:
        defect = Defect.INCOMPLETE
    elif updated_at > min(block.timestamp, feed_slots.MAX_TIME):
        defect = Defect.FUTURE
    elif price == 0:
        defect = Defect.NEGATIVE if answer < 0 else Defect.ZERO
    elif price > feed_slots.MAX_PRICE:
        defect = Defect.TOO_HIGH
    return Round(id=convert(id, uint256), price=price, updated_at=updated_at, defect=defect)


@internal
@view
def _new_phase_defect(source: uint256, round: Round) -> Defect:
    """
    @dev What is wrong with a round of a phase other than the source's: such a one must also keep the decimals, or every
         price would be wrong by powers of ten.
    """
    if round.defect == empty(Defect) and self._decimals_of(feed_slots._feed(source)) != feed_slots._decimals(source):
        return Defect.DECIMALS
    return round.defect


@internal
@view
def _valid_time_before(source: uint256, round: uint256) -> uint256:
    """
    @dev Time of the valid round before `round` [s], past a few invalid ones. The first round of a phase has none.
    """
    before: uint256 = round
    for _: uint256 in range(MAX_SKIPPED + 1):
        before -= 1
        if before & AGGREGATOR_ROUND == 0:
            break
        candidate: Round = self._round(source, before)
        if candidate.defect == empty(Defect):
            return candidate.updated_at
    raise errors.UNPROVEN_ROUND


@internal
@view
def _first_since(source: uint256, latest: Round, since: uint256) -> Round:
    """
    @dev The first round of the latest one's phase at or after a time [s], where the latest one is: back in steps that
         double, then by halves, since rounds are in order of time. One that cannot be used counts as too early.
    """
    first: Round = latest
    early: uint256 = latest.id - (latest.id & AGGREGATOR_ROUND)     # no phase has a round 0
    width: uint256 = 1
    for _: uint256 in range(128):
        if first.id - early <= 1:
            break
        candidate: Round = self._round(source, first.id - min(width, (first.id - early) // 2))
        if candidate.defect == empty(Defect) and candidate.updated_at >= since:
            first = candidate
            width *= 2
        else:
            early = candidate.id
    return first


@internal
@view
def _check_usable(defect: Defect):
    """
    @dev Reverts with the reason if there is a defect.
    """
    if defect == empty(Defect):
        return
    assert defect != Defect.EMPTY, errors.EMPTY_ROUND
    assert defect != Defect.INCOMPLETE, errors.INCOMPLETE_ROUND
    assert defect != Defect.DECIMALS, errors.DECIMALS_CHANGED
    assert defect != Defect.FUTURE, errors.FUTURE_ROUND
    assert defect != Defect.NEGATIVE, errors.NEGATIVE_PRICE
    assert defect != Defect.ZERO, errors.ZERO_PRICE
    raise errors.PRICE_TOO_HIGH


@internal
@view
def _decimals_of(feed: address) -> uint256:
    """
    @dev What a feed says of its own answers.
    """
    return convert(staticcall IAggregatorV3(feed).decimals(), uint256)


@internal
@view
def _last_heard(source: uint256) -> uint256:
    """
    @dev Time of a feed's latest round [s] if it can be read and used; else 0. A new phase counts once it is consumed.
    """
    answered: bool = False
    told: Answer = empty(Answer)
    answered, told = self._try_latest(feed_slots._feed(source))
    if not answered or told.id >> 64 != feed_slots._phase(source) or told.answered_in < told.id:
        return 0
    if told.answer <= 0 or told.updated_at > block.timestamp:
        return 0
    return told.updated_at


@internal
@view
def _try_latest(feed: address) -> (bool, Answer):
    """
    @dev The latest round of a feed that may be dead, lie or burn what gas it gets. Whether it answered; five words as
         they are, for the caller to judge.
    """
    success: bool = False
    response: Bytes[ANSWER_SIZE] = b""
    assert msg.gas > NEEDED_GAS, errors.ORACLE_STARVED
    success, response = raw_call(
        feed,
        method_id("latestRoundData()"),
        max_outsize=ANSWER_SIZE,
        gas=TRIED_GAS,
        is_static_call=True,
        revert_on_failure=False,
    )
    if not success or len(response) < ANSWER_SIZE:
        return False, empty(Answer)
    return True, abi_decode(response, Answer)
