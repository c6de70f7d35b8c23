"""A pool book that a top-up leaves at exactly nothing: another market must not get its place in the pool's list."""

from __future__ import annotations

from ballast.chain.revm import RevmChain
from ballast.deploy import Protocol
from ballast.model.exchange import Leg
from ballast.model.system import System
from ballast.params import WAD, Params
from tests.support import deposit_to, last_price, trade_at_oracle


def _spent_book(params: Params) -> tuple[Protocol, System]:
    """Long and short of two traders cancel out after a rise: the pool's book has no size, a loss, and its top-up."""
    chain = RevmChain()
    owner, trader, keeper = chain.accounts[:3]
    protocol = Protocol.deploy(chain, params, owner)
    times = {id_: int(protocol.oracle.last_round(id_)[1]) for id_ in protocol.market_names}
    model = System.deploy(params, int(protocol.token.decimals()), times, chain.timestamp)
    feed = model.markets[2].feed

    def publish(price: int) -> None:
        protocol.publish("ETH", price, owner)
        feed.publish(price // 10 ** (18 - feed.decimals), chain.timestamp)

    for size, margin in ((100, 30_000), (-100, 180_000)):
        account = int(protocol.vault.open_account(trader, sender=trader).event("AccountOpened").account)
        deposit_to(protocol, account, trader, 200_000 * WAD, owner)
        model.vault.deposit(model.vault.open_account(trader), protocol.to_raw(200_000 * WAD))
        leg = Leg(2, size * WAD, 2**112 - 1 if size > 0 else 0, margin * WAD)
        id_ = model.exchange.commit(trader, account, [leg], now=chain.timestamp)
        receipt = trade_at_oracle(protocol, account, "ETH", leg.size, leg.margin, owner=owner, keeper=keeper)
        price = last_price(protocol, "ETH")
        feed.publish(price // 10 ** (18 - feed.decimals), chain.timestamp)
        model.exchange.execute(keeper, id_, [protocol.latest_round("ETH")], now=chain.timestamp)
        assert receipt.named("OrderFilled"), receipt.events
        if size > 0:
            for price in (3_150, 3_300, 3_450):
                chain.advance(60)
                publish(price * WAD)
    return protocol, model


def test_pool_slot__book_spent_by_a_top_up__keeps_its_place(params: Params) -> None:
    """REB-8: were the place free, a ninth market could take it, and a cut in this one would revert though it is due."""
    protocol, model = _spent_book(params)
    pool = protocol.pool_account
    book = protocol.markets["ETH"].book(pool)
    assert (book.size, book.base) == (0, 0)
    slots = list(protocol.vault.treasury(pool).slots.to_bytes(8, "little"))
    assert slots == [2, 0, 0, 0, 0, 0, 0, 0]
    assert slots == model.vault.accounts[pool].books
