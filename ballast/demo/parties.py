"""Who won and who lost: everybody who has money in the protocol, and that it adds up."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from ballast.demo.report import Party
from ballast.demo.stage import Stage
from ballast.params import WAD


@dataclass(frozen=True)
class Stake:
    """Where a party's money lies: accounts of the vault, wallets, and what it may claim."""

    name: str
    accounts: tuple[int, ...] = ()
    wallets: tuple[str, ...] = ()  # settlement tokens in them count
    claims: tuple[str, ...] = ()  # rewards that were earned and not claimed
    more: Callable[[], int] = field(default=lambda: 0)  # [wad] what lies nowhere of these


def stakes(stage: Stage) -> list[Stake]:
    """Everybody."""
    vault, pool = stage.protocol.vault, stage.protocol.pool
    traders = {guarded: tuple(a.id for a in stage.actors if a.entry.guarded is guarded) for guarded in (True, False)}
    credit, insurance = stage.protocol.credit_pool, stage.protocol.insurance_fund
    insured = (int(insurance.ACCOUNT()),)
    lent = tuple(int(account()) for account in (credit.ACCOUNT, credit.EXIT_ACCOUNT))
    pool_accounts = tuple(int(account()) for account in (pool.ACCOUNT, pool.ENTRY_ACCOUNT, pool.EXIT_ACCOUNT))
    return [
        Stake("traders with the engine", traders[True]),
        Stake("the same without it", traders[False]),
        Stake("the pool's shareholders", pool_accounts, wallets=(stage.provider,)),
        Stake("the lender", lent, more=lambda: int(credit.total_debt()) - int(credit.reserve())),
        Stake("the insurer", insured, more=lambda: int(credit.reserve() + vault.insurance_due())),
        Stake("the liquidator", (stage.bidder.id,), claims=(stage.liquidator,)),
        Stake("the keeper", claims=(stage.keeper,)),
        Stake("the protocol", more=lambda: int(vault.protocol_revenue())),
    ]


class Ledger:
    """Everybody's worth from now on: cash less debt, escrow, books, and collateral without its haircut."""

    def __init__(self, stage: Stage, stakes: Iterable[Stake]) -> None:
        self._stage = stage
        self._stakes = tuple(stakes)
        self._start = self._worths()
        self._pledged = self._collateral()

    def close(self) -> list[Party]:
        """What everybody made of it."""
        worths = self._worths()
        return [Party(name, self._start[name] / WAD, worth / WAD) for name, worth in worths.items()]

    @property
    def created(self) -> int:
        """What all together won beyond what the price of collateral did [wad]: dust, if nothing is forgotten."""
        won = sum(self._worths().values()) - sum(self._start.values())
        return won - (self._collateral() - self._pledged)

    def _worths(self) -> dict[str, int]:
        return {stake.name: self._worth(stake) for stake in self._stakes}

    def _worth(self, stake: Stake) -> int:
        protocol = self._stage.protocol
        unit = WAD // protocol.to_raw(WAD)
        worth = sum(map(self._stage.worth, stake.accounts)) + stake.more()
        worth += sum(int(protocol.token.balanceOf(wallet)) * unit for wallet in stake.wallets)
        return worth + sum(int(protocol.vault.claimable(who)) for who in stake.claims)

    def _collateral(self) -> int:
        """All collateral at present prices [wad]."""
        vault = self._stage.protocol.vault
        return sum(
            int(vault.collateral(index).total) * self._stage.token_price(index) // WAD
            for index in range(vault.collateral_count())
        )
