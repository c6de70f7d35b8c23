"""Packed slots: what goes in comes out, to the last bit of every field."""

from __future__ import annotations

from random import Random

import pytest

from ballast.chain import Contract, Reverted
from ballast.chain.revm import RevmChain


@pytest.fixture
def slots(chain: RevmChain, owner: str) -> Contract:
    return chain.deploy("SlotsHarness", sender=owner)


def _edges(bits: int) -> tuple[int, ...]:
    return 0, 1, 2**bits // 3, 2**bits - 1


def test_account__every_field_at_its_edges__survives(slots: Contract, owner: str) -> None:
    """RND-6: negative cash, which is debt, included: as shares that nobody touched."""
    random = Random(1)
    slots.set_lender(slots.chain.deploy("MockCreditPool", 2, sender=owner).address, sender=owner)
    for cash in (0, 1, -1, 2**111 - 1, -(2**111), 10**30, -(10**30)):
        for _ in range(10):
            fields = [random.choice(_edges(bits)) for bits in (64, 40, 8)]
            packed = (cash, *fields, random.random() < 0.5, random.random() < 0.5, random.choice(_edges(8)))
            packed = (*packed, -min(cash, 0), -min(cash, 0))
            assert tuple(slots.account.call(packed, sender=owner)) == packed
    for cash in (2**111, -(2**111) - 1):
        with pytest.raises(Reverted) as error:
            slots.account((cash, 0, 0, 0, False, False, 0, -min(cash, 0), -min(cash, 0)), sender=owner)
        assert error.value.reason == "math: out of range"


def test_holding_and_meter__every_field_at_its_edges__survive(slots: Contract) -> None:
    for amount in _edges(96):
        assert slots.holding("0x" + "ff" * 20, amount)[1] == amount
        assert int(slots.holding("0x" + "ff" * 20, amount)[0], 16) == 2**160 - 1
        for other in _edges(96):
            assert slots.meter(amount, other, 2**40 - 1) == (amount, other, 2**40 - 1)
    for call in (
        lambda: slots.holding("0x" + "ff" * 20, 2**96),
        lambda: slots.meter(2**96, 0, 0),
        lambda: slots.meter(0, 2**96, 0),
    ):
        with pytest.raises(Reverted) as error:
            call()
        assert error.value.reason == "math: out of range"


def test_operator_lock_and_supply__every_field_at_its_edges__survive(slots: Contract) -> None:
    for high in _edges(96):
        assert slots.operator(high, 255, 2**40 - 1) == (high, 255, 2**40 - 1)
        assert slots.operator(high, 0, 0) == (high, 0, 0)
    assert slots.lock(0, 2**40 - 1) == (0, 0)
    for high in _edges(128):
        assert slots.lock(high, 2**40 - 1) == (high, (2**40 - 1) * (high != 0))
        for low in _edges(128):
            assert slots.supply(high, low) == (high, low)
    for call, reason in (
        (lambda: slots.lock(2**128, 0), "math: out of range"),
        (lambda: slots.supply(2**128, 0), "vault: parameter out of bounds"),
    ):
        with pytest.raises(Reverted) as error:
            call()
        assert error.value.reason == reason


def test_order__every_field_at_its_edges__survives(slots: Contract) -> None:
    random = Random(2)
    for size in (1, -1, 2**95 - 1, 1 - 2**95):
        for _ in range(10):
            limit, margin = random.choice(_edges(112)), random.choice(_edges(112))
            header = (
                random.choice(_edges(64)),
                random.choice(_edges(40)) * 10**10,
                random.choice(_edges(40)),
                random.random() < 0.5,
                random.randrange(1, 9),
            )
            leg = (random.randrange(128), size, limit, margin)
            assert slots.order(header, leg) == (header, leg)


def test_books__opened_and_freed__keep_their_slots(slots: Contract) -> None:
    books = 0
    for market in range(120, 128):
        books = slots.opened(books, market)
    assert books.to_bytes(8, "little") == bytes(range(120, 128))
    assert slots.opened(books, 125) == books
    with pytest.raises(Reverted) as error:
        slots.opened(books, 1)
    assert error.value.reason == "vault: too many books"
    holes = slots.freed(slots.freed(books, 122), 120)
    assert holes.to_bytes(8, "little") == bytes((0, 121, 0, 123, 124, 125, 126, 127))
    assert slots.opened(holes, 1).to_bytes(8, "little") == bytes((1, 121, 0, 123, 124, 125, 126, 127))


def test_request__every_field_at_its_edges__survives(slots: Contract) -> None:
    """RND-6: of the pool."""
    for amount in _edges(128):
        for start in _edges(128):
            packed = ("0x" + "ff" * 20, 2**40 - 1, start == 0, 3, amount, start)
            unpacked = slots.request(packed)
            assert int(unpacked[0], 16) == 2**160 - 1
            assert tuple(unpacked)[1:] == packed[1:]
    for amounts in ((2**128, 0), (0, 2**128)):
        with pytest.raises(Reverted) as error:
            slots.request(("0x" + "ff" * 20, 0, False, 1, *amounts))
        assert error.value.reason == "math: out of range"
