"""`CollateralModel.vy` and `ballast.model.collateral` side by side: any amounts, prices, haircuts and ramps."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

import pytest

from ballast.chain import Contract, Reverted
from ballast.chain.revm import RevmChain
from ballast.model import vault as vault_model
from ballast.model.collateral import CollateralConfig, CollateralModel
from ballast.model.errors import Rejected, require
from ballast.model.oracle import Quote
from tests.support import deploy_vault

WAD = 10**18
DECIMALS = (18, 8, 6, 18, 0, 2, 18, 6)
FEEDS = (1, 127, 128, 255)
STEPS = 600


@dataclass
class Feed:
    """`MockQuotes.vy` in integers."""

    price: int = 0
    average: int = 0
    volatility: int = 0
    silent: int = 0
    last_price: int = 0

    def silent_for(self, now: int) -> int:
        return self.silent

    def quote(self, now: int) -> Quote:
        require(self.price != 0, "oracle: stale price")
        return Quote(self.price, self.average, self.volatility, self.volatility, now, 1, False, False)


class Pair:
    """A model on chain and one in integers, over the same vault."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.chain = chain = RevmChain()
        self.owner = owner = chain.accounts[0]
        settlement = chain.deploy("MockToken", "US Dollar", "USD", 6, sender=owner)
        self.vault = deploy_vault(chain, settlement.address, 0, owner)
        self.oracle = chain.deploy("MockQuotes", sender=owner)
        self.contract = chain.deploy("CollateralModel", self.vault.address, self.oracle.address, sender=owner)
        self.feeds = {feed_id: Feed() for feed_id in FEEDS}
        self.vault_model = vault_model.Vault(6, 0, owner)
        self.model = CollateralModel(self.vault_model, self.feeds, owner)
        self.vault.open_account(owner, sender=owner)
        self.vault_model.open_account(owner)
        self.tokens = [self._token(decimals) for decimals in DECIMALS]
        self.outcomes: set[Any] = set()

    def _token(self, decimals: int) -> Contract:
        token = self.chain.deploy("MockToken", "Token", "TKN", decimals, sender=self.owner)
        self.vault.add_collateral(token.address, 2**128 - 1, sender=self.owner)
        self.vault_model.add_collateral(self.owner, token.address, decimals, 2**128 - 1)
        token.mint(self.owner, 2**120, sender=self.owner)
        token.approve(self.vault.address, 2**256 - 1, sender=self.owner)
        return token

    def deposit(self) -> None:
        token = self.random.choice(self.tokens)
        amount = self.random.randrange(1, 10 ** self.random.randint(1, token.decimals() + 6))
        self.vault.deposit(1, token.address, amount, sender=self.owner)
        self.vault_model.deposit(1, amount, token.address, sender=self.owner, now=self.chain.timestamp)

    def quote(self) -> None:
        feed_id = self.random.choice(FEEDS)
        price = self.random.choice((0, 1, WAD, self.random.randrange(10**24), 2**90))
        average = max(price * self.random.choice((50, 99, 100, 101, 200)) // 100, 1)
        volatility = self.random.choice((0, 1, WAD // 3, WAD, 25 * WAD))
        self.oracle.set_quote(feed_id, price, average, volatility, sender=self.owner)
        silent, last = self.random.randrange(10_000), self.random.randrange(10**24)
        self.oracle.set_silent_for(feed_id, silent, last, sender=self.owner)
        self.feeds[feed_id] = Feed(price, average, volatility, silent, last)

    def set_config(self) -> None:
        index, feed_id = self.random.randint(0, 8), self.random.choice((*FEEDS, 256))
        if index in self.model.haircuts and self.random.random() < 0.7:
            feed_id = self.model.haircuts[index].config.feed_id
        ltv = self.random.choice((0, 1, WAD // 2, self.random.randrange(WAD)))
        threshold = self.random.choice((ltv * 102 // 100, ltv * 102 // 100 + 1, self.random.randrange(WAD)))
        try:
            config = CollateralConfig(feed_id, ltv, threshold)
            self.model.set_config(self.owner, index, config, now=self.chain.timestamp)
        except Rejected as rejected:
            self.outcomes.add(rejected.reason)
            with pytest.raises(Reverted) as error:
                self.contract.set_config(index, (feed_id, ltv, threshold), sender=self.owner)
            assert error.value.reason == rejected.reason
        else:
            self.contract.set_config(index, (feed_id, ltv, threshold), sender=self.owner)

    def wait(self) -> None:
        self.chain.advance(self.random.choice((1, 60, 40_000, 86_399, 86_400)))

    def compare(self) -> None:
        now = self.chain.timestamp
        credit = self.model.credit(1, now=now)
        assert self.contract.credit(1) == credit
        self.outcomes.add(credit[1])
        for cash in (0, 1, -1, -self.random.randrange(10**30), -credit[0]):
            risk = self.model.treasury_risk(1, cash, now)
            assert tuple(self.contract.treasury_risk(1, cash)) == tuple(vars(risk).values())
        assert tuple(self.contract.unpriced(1)) == self.model.unpriced(1, now)
        for index in range(len(DECIMALS)):
            assert self.contract.threshold(index) == self.model.threshold(index, now=now)


@pytest.mark.parametrize("seed", range(2))
def test_collateral__any_history__contract_equals_model(seed: int) -> None:
    """HLT-11, RND-1: every value, requirement and refusal, to the wei and the word."""
    pair = Pair(seed)
    steps = (pair.deposit, pair.quote, pair.set_config, pair.wait)
    for _ in range(STEPS):
        pair.random.choices(steps, (2, 3, 3, 1))[0]()
        pair.compare()
    reasons = {"collateral: out of bounds", "collateral: feed is fixed", "vault: unknown token", "oracle: stale price"}
    assert pair.outcomes >= reasons | {True, False}
