"""Which windows are replayed: prefixes of price files, files of real rounds, or generated paths; each by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from ballast.history import bars, generate, lines, rounds, shapes
from ballast.history.bars import HOUR, MINUTE, PriceFileError
from ballast.history.feed import DEVIATION_BPS, HEARTBEAT, Recording, record
from ballast.model.fixed_point import BPS

GENERATED: Mapping[str, Callable[[int], bars.Window]] = {
    "generated_crash": generate.crash,
    **{f"generated_{shape}": partial(shapes.window, shape) for shape in shapes.SHAPES},
}


@dataclass(frozen=True)
class FeedSettings:
    """How feeds publish a history of bars; real rounds are taken as they are."""

    deviation_bps: int = DEVIATION_BPS  # [bps]
    heartbeat: int = HEARTBEAT  # [s]
    latency: int = 0  # [s] from what a round says until it lands

    def __post_init__(self) -> None:
        bounds = (("deviation_bps", 1, BPS), ("heartbeat", MINUTE, 24 * HOUR), ("latency", 0, HOUR))
        for name, least, most in bounds:
            if not least <= getattr(self, name) <= most:
                raise ValueError(f"{name} {getattr(self, name)}: expected {least} to {most}")


@dataclass(frozen=True)
class Source:
    """Where the prices of a window come from."""

    name: str
    text: str  # what they are, for whoever reads the report
    files: tuple[tuple[str, Path], ...] = ()  # by underlying; none: generated
    start: int = 0  # [s] of what is read of the files
    end: int | None = None  # [s]

    @classmethod
    def of(cls, text: str, start: int = 0, end: int | None = None) -> Source:
        """A generated window by its name, a prefix of `<prefix>_<SYMBOL>.csv`, or `SYMBOL=file,SYMBOL=file`."""
        if text in GENERATED:
            return cls(text, f"{text.replace('_', ' ')} (not market data)")
        if "=" in text:
            named = [_named(text, part) for part in text.split(",")]
            if twice := [symbol for symbol, _ in named if [each for each, _ in named].count(symbol) > 1]:
                raise ValueError(f"prices {text!r}: {twice[0]} is given twice; expected each underlying once")
            name, files = named[0][1].stem, tuple(named)
        else:
            name, files = Path(text).name, tuple(bars.files_of(Path(text)).items())
        return cls(name, ", ".join(path.name for _, path in files), files, start, end)

    def recording(self, seed: int, feed: FeedSettings) -> Recording:
        """What feeds publish; a generated path is another one for each seed, files are the same."""
        notes: tuple[str, ...] = ()
        if not self.files:
            made = GENERATED[self.name](seed)
        elif self.has_rounds():
            return self._recorded()
        else:
            history = {symbol: bars.read(path, self.start, self.end) for symbol, path in self.files}
            common = bars.overlap(history, self.files[0][1].parent / self.name)
            made = bars.whole(common, self.name)
            notes = tuple(_cut(symbol, len(history[symbol]) - len(each)) for symbol, each in common.items())
        recorded = record(replace(made, label=self.name), feed.deviation_bps, feed.heartbeat, feed.latency)
        return replace(recorded, notes=tuple(filter(None, notes)))

    def _recorded(self) -> Recording:
        """Rounds as they are."""
        read = {symbol: rounds.read(path, self.start, self.end) for symbol, path in self.files}
        found = rounds.whole({symbol: each.rounds for symbol, each in read.items()}, self.name)
        return replace(
            found, notes=tuple(_skipped(symbol, each.skipped) for symbol, each in read.items() if each.skipped)
        )

    def has_rounds(self) -> bool:
        """Whether the files hold rounds rather than bars: then feeds have published already."""
        kinds = {path: _is_rounds(path) for _, path in self.files}
        if len(set(kinds.values())) > 1:
            odd = next(path for path, has in kinds.items() if has is not kinds[self.files[0][1]])
            other = "bars" if kinds[self.files[0][1]] is False else "rounds"
            raise PriceFileError.at(odd, 1, f"other columns than {self.files[0][1]}; expected {other} in both")
        return any(kinds.values())


def sources(texts: Sequence[str], start: int = 0, end: int | None = None) -> list[Source]:
    """Windows, each with a name of its own; of files what they hold from `start` up to `end` [s]."""
    found = [Source.of(text, start, end) for text in texts]
    for source in found:
        twins = [text for text, other in zip(texts, found, strict=True) if other.name == source.name]
        if len(twins) > 1:
            raise ValueError(f"prices {twins[0]} and {twins[1]}: both are called {source.name}; expected other names")
    return found


def _named(text: str, part: str) -> tuple[str, Path]:
    symbol, found, path = part.partition("=")
    if not (symbol and found and path):
        raise ValueError(f"prices {text!r}: {part!r}; expected SYMBOL=file, as BTC=btc.csv,ETH=eth.csv")
    return symbol.strip(), Path(path.strip())


def _cut(symbol: str, bars_: int) -> str:
    """What is not replayed of one underlying, because another has no such bars."""
    return f"left out: {bars_:,} bars of {symbol} that others do not have" if bars_ else ""


def _skipped(symbol: str, skipped: Sequence[rounds.Skipped]) -> str:
    """Rounds that the oracle would not have taken."""
    reasons = ", ".join(sorted({each.reason for each in skipped}))
    return f"passed over as the oracle does: {len(skipped):,} of {symbol} ({reasons})"


def _is_rounds(path: Path) -> bool:
    """Whether the header is that of a file of rounds; what else may be wrong is said when it is read."""
    return "answer" in lines.header(path, PriceFileError)
