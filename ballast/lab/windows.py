"""Which windows are replayed: prefixes of price files, files of real rounds, or generated paths; each by its name."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from ballast.history import bars, generate, rounds, shapes
from ballast.history.bars import PriceFileError
from ballast.history.feed import DEVIATION_BPS, HEARTBEAT, Recording, record

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
        for name, least in (("deviation_bps", 1), ("heartbeat", 60), ("latency", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} {getattr(self, name)}: expected at least {least}")


@dataclass(frozen=True)
class Source:
    """Where the prices of a window come from."""

    name: str
    text: str  # what they are, for whoever reads the report
    files: tuple[tuple[str, Path], ...] = ()  # by underlying; none: generated

    @classmethod
    def of(cls, text: str) -> Source:
        """A generated window by its name, a prefix of `<prefix>_<SYMBOL>.csv`, or `SYMBOL=file,SYMBOL=file`."""
        if text in GENERATED:
            return cls(text, f"{text.replace('_', ' ')} (not market data)")
        if "=" in text:
            files = tuple(_named(text, part) for part in text.split(","))
            return cls(files[0][1].stem, ", ".join(path.name for _, path in files), files)
        prefix = Path(text)
        found = sorted(prefix.parent.glob(f"{prefix.name}_*.csv"))
        if not found:
            expected = (
                f"no price file {prefix.name}_<SYMBOL>.csv in {prefix.parent}; expected {prefix.name}_BTC.csv or alike"
            )
            raise PriceFileError(prefix, None, expected)
        files = tuple((path.stem[len(prefix.name) + 1 :], path) for path in found)
        return cls(prefix.name, ", ".join(path.name for path in found), files)

    def recording(self, seed: int, feed: FeedSettings) -> Recording:
        """What feeds publish; a generated path is another one for each seed, files are the same."""
        if not self.files:
            made = GENERATED[self.name](seed)
        elif self.has_rounds():
            published = {symbol: rounds.read(path).rounds for symbol, path in self.files}
            return rounds.whole(published, self.name)
        else:
            history = {symbol: bars.read(path) for symbol, path in self.files}
            made = bars.whole(bars.overlap(history, self.files[0][1].parent / self.name))
        return record(replace(made, label=self.name), feed.deviation_bps, feed.heartbeat, feed.latency)

    def has_rounds(self) -> bool:
        """Whether the files hold rounds rather than bars: then feeds have published already."""
        kinds = {path: _is_rounds(path) for _, path in self.files}
        if len(set(kinds.values())) > 1:
            odd = next(path for path, has in kinds.items() if has is not kinds[self.files[0][1]])
            other = "bars" if kinds[self.files[0][1]] is False else "rounds"
            raise PriceFileError(odd, 1, f"other columns than {self.files[0][1]}; expected {other} in both")
        return any(kinds.values())


def sources(texts: Sequence[str]) -> list[Source]:
    """Windows, each with a name of its own."""
    found = [Source.of(text) for text in texts]
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


def _is_rounds(path: Path) -> bool:
    """Whether the header is that of a file of rounds; what else may be wrong is said when it is read."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            header = [name.strip() for name in next(csv.reader(file), [])]
    except (OSError, UnicodeDecodeError) as problem:
        raise PriceFileError(path, None, f"cannot be read: {problem}") from problem
    return "answer" in header
