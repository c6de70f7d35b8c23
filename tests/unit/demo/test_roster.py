"""Who takes part."""

from __future__ import annotations

from ballast.demo.roster import KINDS, roster


def test_roster__all_prices__nobody_skipped() -> None:
    """With prices and tokens for everything, every kind is there twice."""
    entries, skipped = roster({name for kind in KINDS for name in kind.needs}, ())
    assert len(entries) == 2 * len(KINDS) and not skipped


def test_roster__two_underlyings__eight_kinds_and_more_remain() -> None:
    """Kinds without prices are skipped by name, at least eight remain, five of them with 5-10x books."""
    entries, skipped = roster({"BTC", "ETH"}, {"WETH", "WBTC"})
    guarded = [entry for entry in entries if entry.guarded]
    levered = [entry for entry in guarded if any(5 <= abs(book.leverage) <= 10 for book in entry.kind.holdings)]
    assert skipped == {"four-markets": ["SOL", "LINK"], "alt-long": ["SOL"]}
    assert len(guarded) >= 8 and len(levered) >= 5


def test_roster__no_collateral__its_holders_are_skipped_by_name() -> None:
    """Accounts whose token no vault takes are left out, and two kinds hold some where it does."""
    entries, skipped = roster({"BTC", "ETH"}, ())
    assert skipped["ether-holder"] == ["WETH"] and skipped["hedged-holder"] == ["WBTC"]
    assert not any(entry.kind.collateral for entry in entries)
    entries, _ = roster({"BTC", "ETH"}, {"WETH", "WBTC"})
    assert len([entry for entry in entries if entry.guarded and entry.kind.collateral]) == 5


def test_roster__each_account__has_an_exact_twin() -> None:
    """A twin is the same kind with the engine off."""
    entries, _ = roster({"BTC", "ETH"}, {"WETH", "WBTC"})
    by_name = {entry.name: entry for entry in entries}
    for entry in entries:
        twin = by_name[entry.twin]
        assert twin.twin == entry.name
        assert twin.kind is entry.kind and twin.guarded is not entry.guarded
