"""What the remedy costs those it is not meant for: accounts that are cut because they are near liquidation.

One book each, of many leverages and either side, opened at many moments; a keeper calls at every round. The cut comes
at once, at the last round, or is asked for and filled at a round half a minute later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from ballast.model import risk
from ballast.model.market import MarketConfig
from ballast.params import WAD, MarketParams, PolicyParams
from tests.economics.tape import BLOCK, Tape


@dataclass(frozen=True)
class Honest:
    """How it went for many accounts."""

    accounts: int
    lost: float  # share of them that fell below maintenance margin
    cuts: float  # an account
    cost: float  # of cuts, share of the margin put in
    rate: float  # of cuts, share of what was cut
    slippage: float  # from the price when a cut was asked for to that of its fill, share of what was cut


@dataclass
class Account:
    """One book; amounts are wads."""

    size: int
    base: int
    margin: int  # put in
    last_call: int = -(10**9)
    asked: tuple[int, int, int] | None = None  # when, share, price
    lost: bool = False
    cost: int = 0
    cut: int = 0
    slipped: int = 0
    cuts: int = 0


def endure(
    tapes: Sequence[Tape], market: MarketParams, policy: PolicyParams, delay: int | None, accounts: int
) -> Honest:
    """Every tape with so many accounts; `delay` [s] from asking to the first round that may fill, None: no asking."""
    done: list[Account] = []
    config = MarketConfig(**market.risk.model_dump())
    for tape in tapes:
        source = Random(len(done))
        held: list[tuple[int, Account]] = []
        for _ in range(accounts):
            start = source.randrange(len(tape.quotes) // 2)
            size = int(source.choice((-1, 1)) * source.uniform(2, 7) * WAD)
            margin = tape.quotes[start].price  # so that the size is the leverage
            held.append((start, Account(size, margin - size * margin // WAD, margin)))
        for index, quote in enumerate(tape.quotes):
            mark = risk.mark_of(config, quote, 0, 0)
            for start, account in held:
                if start <= index and account.size and not account.lost:
                    _step(tape, index, mark, account, policy, delay)
        done += [account for _, account in held]
    cut = max(sum(account.cut for account in done), 1)
    return Honest(
        accounts=len(done),
        lost=sum(account.lost for account in done) / len(done),
        cuts=sum(account.cuts for account in done) / len(done),
        cost=sum(account.cost / account.margin for account in done) / len(done),
        rate=sum(account.cost for account in done) / cut,
        slippage=sum(account.slipped for account in done) / cut,
    )


def _step(tape: Tape, index: int, mark: risk.Mark, account: Account, policy: PolicyParams, delay: int | None) -> None:
    now, price = int(tape.times[index]), mark.price
    if account.asked is not None and now >= account.asked[0] + (delay or 0):
        _cut(tape, index, price, account, account.asked[1], account.asked[2])
        account.asked, account.last_call = None, now
    book = risk.book_risk(mark, account.size, account.base)
    if book.sigma_loss == 0:
        return
    if book.equity < book.maintenance:
        account.lost = True
        return
    z = (book.equity - book.maintenance) * WAD // book.sigma_loss
    rested = z < WAD or now >= account.last_call + policy.cooldown
    if z >= policy.z_delever or account.asked is not None or not rested:
        return
    needed = book.maintenance + policy.z_delever_target * book.sigma_loss // WAD
    full_cost = int(tape.engine_rate(index, BLOCK) * book.exposure)
    if book.equity <= full_cost:
        return
    share = min((needed - book.equity) * WAD // (needed - full_cost), policy.max_delever * WAD // 10_000)
    account.last_call = now
    if delay is None:
        _cut(tape, index, price, account, share, price)
    else:
        account.asked = now, share, price


def _cut(tape: Tape, index: int, price: int, account: Account, share: int, asked_at: int) -> None:
    closed = account.size * share // WAD
    worth = abs(closed) * price // WAD
    cost = int(tape.engine_rate(index, BLOCK) * worth)
    account.size -= closed
    account.base += closed * price // WAD - cost
    account.cost += cost
    account.cut += worth
    account.slipped += closed * (asked_at - price) // WAD
    account.cuts += 1
