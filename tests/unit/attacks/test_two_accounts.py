"""Two accounts of one attacker: one wins what the other will not pay, at a price that he pumped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from ballast.chain import Reverted
from ballast.deploy import Protocol
from ballast.params import WAD
from tests.support import deposit_to, trade_at_oracle

HOUR, DAY = 3_600, 86_400
START, PUMPED = 15, 45  # [USD] of one LINK
SIZE = 100_000 * WAD
MARGIN = 400_000 * WAD
Route = Callable[["Attack"], None]


@dataclass
class Attack:
    """A winner who is long, a loser who is short, and what both paid in."""

    protocol: Protocol
    winner: int
    loser: int
    attacker: str
    owner: str
    keeper: str
    paid_in: int  # [raw]

    @property
    def taken_out(self) -> int:
        """Tokens in the attacker's hands [raw]."""
        return int(self.protocol.token.balanceOf(self.attacker))

    @property
    def link(self) -> int:
        return self.protocol.market_ids["LINK"]

    def risk(self, account: int) -> Any:
        return self.protocol.markets["LINK"].book_risk(account)

    def move(self, source: int, target: int, amount: int) -> None:
        """The winner moves margin by hand."""
        self.protocol.rebalancer.transfer_margin(self.winner, source, target, amount, sender=self.attacker)

    def withdraw(self, account: int) -> None:
        """All that is free."""
        treasury = self.protocol.vault.treasury(account)
        free = (treasury.cash - treasury.locked) // 10**12
        if free > 0:
            token = self.protocol.token.address
            self.protocol.vault.withdraw(account, token, free, self.attacker, sender=self.attacker)

    def publish(self, price: int, after: int = 60) -> None:
        """A round of LINK; the other feeds keep up with their heartbeats."""
        self.protocol.chain.advance(after)
        self.protocol.publish("LINK", price * WAD, self.owner)

    def refresh(self) -> None:
        """A round of every other feed at its last price."""
        for name, price in (("BTC", 60_000), ("ETH", 3_000), ("SOL", 150)):
            self.protocol.publish(name, price * WAD, self.owner)

    def pump(self) -> None:
        """Three times the price, in steps below the jump guard, held until the average is the price."""
        price = START
        while price < PUMPED:
            price = min(price * 115 // 100, PUMPED)
            self.publish(price)
        self.publish(PUMPED, after=1_800)
        self.refresh()

    def crash(self) -> None:
        """The price is back where it was."""
        self.publish(START)
        self.refresh()

    def close(self, account: int) -> None:
        """Close the book at the oracle price and withdraw everything."""
        size = int(self.protocol.markets["LINK"].book(account).size)
        arguments = {"owner": self.owner, "keeper": self.keeper, "reduce_only": True}
        receipt = trade_at_oracle(self.protocol, account, "LINK", -size, **arguments)
        assert receipt.named("OrderFilled"), receipt.named("OrderFailed")
        rest = int(self.protocol.markets["LINK"].book(account).base)
        self.protocol.rebalancer.transfer_margin(account, self.link, 0, rest, sender=self.attacker)
        self.withdraw(account)


@pytest.fixture
def attack(
    protocol: Protocol, open_account: Callable[..., int], trader: str, other_trader: str, owner: str, keeper: str
) -> Iterator[Attack]:
    """Both books open, equal and opposite: the pool holds nothing; each has $400,000 of margin and nothing else.

    An honest trader has $3,000,000 in the market: what there is to take.
    """
    honest = open_account(other_trader, 3_000_001 * WAD)
    trade_at_oracle(protocol, honest, "LINK", WAD, 3_000_000 * WAD, owner=owner, keeper=keeper)
    accounts = []
    for size in (SIZE, -SIZE):
        account = open_account(trader)
        deposit_to(protocol, account, trader, MARGIN + 10 * WAD, owner)
        receipt = trade_at_oracle(protocol, account, "LINK", size, MARGIN, owner=owner, keeper=keeper)
        assert receipt.named("OrderFilled")
        accounts.append(account)
    assert protocol.markets["LINK"].skew() == WAD
    protocol.chain.advance(3_000)
    attack = Attack(protocol, *accounts, trader, owner, keeper, 2 * protocol.to_raw(MARGIN + 10 * WAD))
    attack.publish(START)
    attack.refresh()
    assert attack.taken_out == 0
    yield attack
    assert attack.taken_out <= attack.paid_in
    rest = int(protocol.markets["LINK"].book(honest).net_deposit) - WAD
    protocol.rebalancer.transfer_margin(honest, attack.link, 0, rest // 2, sender=other_trader)


def as_cash(attack: Attack) -> None:
    """Straight out of the book."""
    attack.move(attack.link, 0, attack.risk(attack.winner).withdrawable)


def through_a_sibling(attack: Attack) -> None:
    """Into another market's book first, and out of that."""
    profit = attack.risk(attack.winner).withdrawable
    attack.move(attack.link, attack.protocol.market_ids["ETH"], profit)
    attack.move(attack.protocol.market_ids["ETH"], 0, profit)


def through_an_order(attack: Attack) -> None:
    """Into escrow, and back when the order fails."""
    as_cash(attack)
    protocol = attack.protocol
    cash = int(protocol.vault.treasury(attack.winner).cash)
    arguments = {"owner": attack.owner, "keeper": attack.keeper}
    receipt = trade_at_oracle(protocol, attack.winner, "ETH", 10_000 * WAD, cash - 2 * WAD, **arguments)
    assert receipt.named("OrderFailed")


def through_another_owner(attack: Attack) -> None:
    """The account changes hands and back: a lock is the account's."""
    as_cash(attack)
    vault = attack.protocol.vault
    vault.transfer_account(attack.winner, attack.keeper, sender=attack.attacker)
    vault.accept_account(attack.winner, sender=attack.keeper)
    vault.transfer_account(attack.winner, attack.attacker, sender=attack.keeper)
    vault.accept_account(attack.winner, sender=attack.attacker)


@pytest.mark.parametrize("route", [as_cash, through_a_sibling, through_an_order, through_another_owner])
def test_two_accounts__pump_withdraw_and_default__no_gain(attack: Attack, route: Route) -> None:
    """X-ECO-02, HLT-9: the winner takes his unrealised profit, the price comes back, his book is worth less than zero.

    More than $1,000,000 would be gone; all of it is locked, while the meter would have let it pass.
    """
    vault = attack.protocol.vault
    attack.pump()
    assert attack.risk(attack.loser).equity < 0, "the loser will not pay"
    route(attack)
    assert attack.protocol.outflow.meter(attack.link)[1] == 1_000_000 * WAD, (
        "the meter does not count for a book that goes on"
    )
    assert attack.protocol.outflow.lock(attack.winner, attack.link) > 1_000_000 * WAD
    attack.withdraw(attack.winner)

    attack.crash()
    assert attack.risk(attack.winner).equity < -1_000_000 * WAD, "the winner walks away"
    attack.close(attack.loser)
    for wait in (HOUR, DAY, 30 * DAY):
        attack.publish(START, after=wait)
        with pytest.raises(Reverted) as error:
            vault.release_lock(attack.winner, attack.link, sender=attack.attacker)
        assert error.value.reason == "vault: book below maintenance"
        attack.withdraw(attack.winner)
    assert attack.protocol.outflow.lock(attack.winner, attack.link) > 1_000_000 * WAD
    assert attack.taken_out < attack.paid_in, "fees are what it came to"


def test_two_accounts__withdraw_within_the_hour__lock_is_too_young(attack: Attack) -> None:
    """X-ECO-02: while the price still stands the book is healthy; age keeps the lock closed."""
    attack.pump()
    as_cash(attack)
    attack.publish(PUMPED, after=HOUR - 60)
    risk = attack.risk(attack.winner)
    assert risk.equity >= risk.maintenance
    with pytest.raises(Reverted) as error:
        attack.protocol.vault.release_lock(attack.winner, attack.link, sender=attack.attacker)
    assert error.value.reason == "vault: lock is too young"
    attack.withdraw(attack.winner)
    attack.crash()
    attack.close(attack.loser)


def test_two_accounts__hole_filled__lock_opens(attack: Attack) -> None:
    """X-ECO-02: the lock opens when the default is paid, and it may be paid with what is locked."""
    vault = attack.protocol.vault
    attack.pump()
    as_cash(attack)
    attack.crash()
    risk = attack.risk(attack.winner)
    attack.move(0, attack.link, risk.maintenance - risk.equity)
    attack.publish(START, after=HOUR)
    assert vault.release_lock(attack.winner, attack.link, sender=attack.attacker).event("Unlocked").amount > 0
    attack.withdraw(attack.winner)
    attack.close(attack.loser)


def test_two_accounts__more_than_the_cap__is_not_filled(attack: Attack) -> None:
    """ORC-9, X-ECO-02: what can be won at a false price is bounded by open interest."""
    cap = attack.protocol.markets["LINK"].config().open_interest_cap
    deposit_to(attack.protocol, attack.winner, attack.attacker, 40_000_000 * WAD, attack.owner)
    arguments = {"owner": attack.owner, "keeper": attack.keeper}
    receipt = trade_at_oracle(attack.protocol, attack.winner, "LINK", cap, 39_000_000 * WAD, **arguments)
    assert receipt.event("OrderFailed").reason in ("market: open interest cap", "pool: inventory limit")
