"""Requests of entry and exit, as the tests make them: amounts in USD [wad], prices as they stand unless given."""

from __future__ import annotations

from ballast.chain import Receipt
from ballast.deploy import Protocol
from tests.support import UNLIMITED, last_price

WAD = 10**18
USDC = 10**6


class Shareholders:
    """What holders of shares do."""

    def __init__(self, protocol: Protocol, owner: str, keeper: str) -> None:
        self.protocol, self.owner, self.keeper = protocol, owner, keeper
        self.pool, self.vault, self.token = protocol.pool, protocol.vault, protocol.token
        self.account = protocol.pool_account
        self.entry_account, self.exit_account = int(self.pool.ENTRY_ACCOUNT()), int(self.pool.EXIT_ACCOUNT())

    def request_entry(self, holder: str, usd: int) -> int:
        """Hand in that many dollars; the request's id."""
        raw = self.protocol.mint(holder, usd, self.owner)
        self.token.approve(self.pool.address, UNLIMITED, sender=holder)
        receipt = self.pool.requestDeposit(raw, holder, holder, sender=holder)
        return int(receipt.event("DepositRequest").requestId)

    def request_exit(self, holder: str, shares: int) -> int:
        """Hand in that many shares; the request's id."""
        return int(self.pool.requestRedeem(shares, holder, holder, sender=holder).event("RedeemRequest").requestId)

    def ripen(self, **prices: int) -> list[int]:
        """Let the delay pass and publish a round in every market; the rounds of the pool's books."""
        self.protocol.chain.advance(int(self.pool.REQUEST_DELAY()))
        return self.publish(**prices)

    def publish(self, **prices: int) -> list[int]:
        """A round in every market, at the last price unless given [wad]; those of the pool's books, in slot order."""
        for market in self.protocol.markets:
            self.protocol.publish(market, prices.get(market, last_price(self.protocol, market)), self.owner)
        return self.rounds()

    def rounds(self) -> list[int]:
        """The latest round of each of the pool's books, in slot order."""
        slots = int(self.vault.treasury(self.account).slots)
        books = [slots >> 8 * slot & 255 for slot in range(8)]
        return [self.protocol.latest_round(self.protocol.market_names[id_]) for id_ in books if id_]

    def execute(self, id_: int, rounds: list[int] | None = None) -> Receipt:
        """As a keeper."""
        receipt: Receipt = self.pool.execute_request(
            id_, self.rounds() if rounds is None else rounds, sender=self.keeper
        )
        return receipt

    def enter(self, holder: str, usd: int) -> int:
        """Request, wait, execute and claim; the shares."""
        id_ = self.request_entry(holder, usd)
        self.ripen()
        self.execute(id_)
        shares = int(self.pool.maxMint(holder))
        self.pool.deposit(self.protocol.to_raw(usd), holder, holder, sender=holder)
        return shares

    def leave(self, holder: str, shares: int) -> int:
        """Request, wait, execute and claim; the tokens [raw]."""
        id_ = self.request_exit(holder, shares)
        self.ripen()
        self.execute(id_)
        return int(self.pool.redeem(shares, holder, holder, sender=holder).event("Withdraw").assets)

    def cash(self, account: int) -> int:
        """Of one of the pool's accounts [wad]."""
        return int(self.vault.treasury(account).cash)

    def value_at(self, market: str, price: int) -> int:
        """Net assets if that one market stood at a price and the rest where they are [wad]."""
        net = int(self.pool.net_assets().present)
        book = self.protocol.markets[market].book(self.account)
        now = int(self.protocol.oracle.quote(self.protocol.market_ids[market]).price)
        funding = int(self.protocol.markets[market].funding()[0])
        return net - book.size * (now - funding) // WAD + book.size * (price - funding) // WAD
