"""What a calibration found, as JSON, and as the tables of a Markdown page."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from ballast.lab.calibration import SPACE, Bench, Figures, Judged, Variable, best, search, undone, values_of
from ballast.lab.jobs import Progress

BEST = 10  # trials that the page shows
BEGIN, END = "<!-- figures: make calibrate -->", "<!-- end of figures -->"

COLUMNS: Mapping[str, tuple[str, int]] = {
    "saved_pct": ("saved %", 1),
    "saved_cross_pct": ("saved, of cross %", 1),
    "bad_debt_bps": ("bad debt", 1),
    "containment_pct": ("containment %", 0),
    "cost_bps": ("cuts, rewards", 0),
    "penalties_bps": ("penalties, isolated", 0),
    "tracking_rms_bps": ("tracking RMS", 0),
    "isolated_debt_bps": ("bad debt, isolated", 0),
    "leverage": ("leverage", 2),
}  # figure → title, digits
assert set(COLUMNS) == {each.name for each in fields(Figures)} - {"crash"}


@dataclass(frozen=True)
class Calibration:
    """A search, and how its result does where it was not searched."""

    trained: Bench
    validated: Bench
    tried: Sequence[Judged]  # the present parameters first
    chosen: Judged
    undone: Mapping[str, Judged]  # the chosen ones with one variable as it was
    before: Judged  # the present ones, in the windows of validation
    after: Judged  # the chosen ones there

    @classmethod
    def of(
        cls, trained: Bench, validated: Bench, trials: int, seed: int, progress: Progress, processes: int
    ) -> Calibration:
        """Search, and validate. ValueError where no trial meets the goals."""
        tried = search(trained, trials, seed, progress, processes)
        chosen = best(tried)
        return cls(
            trained,
            validated,
            tried,
            chosen,
            undone(trained, chosen, processes),
            validated.judge(values_of(validated.params)),
            validated.judge(chosen.values),
        )

    @property
    def present(self) -> Judged:
        """The parameters that the search began with."""
        return self.tried[0]

    def score(self, judged: Judged) -> float:
        """In the training windows."""
        return judged.score(self.present)

    def ranking(self) -> list[Judged]:
        """Feasible ones by score, then the others by theirs."""
        return sorted(self.tried, key=lambda each: (not each.feasible, self.score(each)))


def as_json(found: Calibration) -> dict[str, Any]:
    """Everything; what is not defined is null."""
    return {
        "training": _bench(found.trained),
        "validation": _bench(found.validated),
        "space": [asdict(variable) for variable in SPACE],
        "trials": [
            {"values": _rounded(each.values), "score": round(found.score(each), 4), "feasible": each.feasible}
            for each in found.tried
        ],
        "chosen": {"values": _rounded(found.chosen.values), "score": round(found.score(found.chosen), 4)},
        "figures": {
            "training": {"present": _figures(found.present), "chosen": _figures(found.chosen)},
            "validation": {"present": _figures(found.before), "chosen": _figures(found.after)},
        },
        "undone": {name: round(found.score(each), 4) for name, each in found.undone.items()},
    }


def markdown(found: Calibration) -> str:
    """The tables."""
    feasible = sum(each.feasible for each in found.tried)
    parts = (
        f"{len(found.tried)} trials, {feasible} of them feasible. Training: {_told(found.trained)}. "
        f"Validation: {_told(found.validated)}.",
        _space(found),
        "Training:",
        _windows(found.present, found.chosen),
        "Validation:",
        _windows(found.before, found.after),
        "The chosen parameters with one of them as it was:",
        _undone(found),
        f"The {BEST} best feasible trials:",
        _best(found),
    )
    return "\n\n".join(parts)


def write(found: Calibration, folder: Path, page: Path | None) -> list[Path]:
    """Write `calibration.json` and `calibration.md`, and the tables into a page that has a place for them."""
    folder.mkdir(parents=True, exist_ok=True)
    figures, tables = folder / "calibration.json", folder / "calibration.md"
    figures.write_text(_lines(as_json(found)), encoding="utf-8")
    tables.write_text(markdown(found) + "\n", encoding="utf-8")
    if page is not None:
        insert(page, markdown(found))
    return [figures, tables, *([page] if page is not None else [])]


def insert(page: Path, tables: str) -> None:
    """Replace what stands between the marks of a page. ValueError where it has none."""
    head, begin, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{page}: no place for the figures; expected the lines {BEGIN} and {END}")
    page.write_text(f"{head}{BEGIN}\n\n{tables}\n\n{END}{tail}", encoding="utf-8")


# Tables


def _space(found: Calibration) -> str:
    present, chosen = found.present.values, found.chosen.values
    rows = (
        (
            variable.name,
            variable.text,
            "–" if variable.name in found.trained.kept else _range(variable),
            f"{present[variable.name]:g}",
            f"**{chosen[variable.name]:g}**" if chosen[variable.name] != present[variable.name] else "as now",
        )
        for variable in SPACE
    )
    return _table(("variable", "", "searched", "now", "chosen"), rows, "lllrr")


def _range(variable: Variable) -> str:
    return f"{variable.low:g} – {variable.high:g} {variable.unit}".strip()


def _windows(now: Judged, chosen: Judged) -> str:
    rows = (
        (window, label, *_row(each.figures[window]))
        for window in now.figures
        for label, each in (("now", now), ("chosen", chosen))
    )
    return _table(("window", "", *(title for title, _ in COLUMNS.values())), rows, "ll" + "r" * len(COLUMNS))


def _undone(found: Calibration) -> str:
    rows = [("none", f"{found.score(found.chosen):.3f}", "–")]
    rows += [
        (f"{name} {found.present.values[name]:g}", f"{found.score(each):.3f}", _missed(each))
        for name, each in sorted(found.undone.items(), key=lambda pair: -found.score(pair[1]))
    ]
    return _table(("as it was", "score", "goals it misses by"), rows, "lrl")


def _best(found: Calibration) -> str:
    rows = (
        (f"{found.score(each):.3f}", *(f"{each.values[variable.name]:g}" for variable in SPACE))
        for each in found.ranking()[:BEST]
        if each.feasible
    )
    return _table(("score", *(variable.name for variable in SPACE)), rows, "r" * (1 + len(SPACE)))


def _missed(judged: Judged) -> str:
    return ", ".join(f"{name} {by:.1f}" for name, by in judged.violations().items() if by > 0) or "–"


def _row(figures: Figures) -> list[str]:
    shown = ((getattr(figures, name), digits) for name, (_, digits) in COLUMNS.items())
    return ["–" if math.isnan(value) else f"{value:,.{digits}f}" for value, digits in shown]


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]], sides: str) -> str:
    marks = ["--:" if side == "r" else "---" for side in sides]
    return "\n".join("| " + " | ".join(row) + " |" for row in (titles, marks, *rows))


# Internal


def _told(bench: Bench) -> str:
    names = ", ".join(source.name for source in bench.sources)
    seeds = f"seed{'s' * (len(bench.seeds) > 1)} " + ", ".join(map(str, bench.seeds))
    late = f"keepers {bench.settings.delay} blocks late"
    return f"{names}; {bench.holdings.accounts} accounts ({bench.holdings.name}), {seeds}, {late}"


def _bench(bench: Bench) -> dict[str, Any]:
    return {
        "windows": [source.name for source in bench.sources],
        "accounts": bench.holdings.accounts,
        "population": bench.holdings.name,
        "seeds": list(bench.seeds),
        "delay": bench.settings.delay,
        "kept": list(bench.kept),
    }


def _figures(judged: Judged) -> dict[str, dict[str, float | None]]:
    return {window: _rounded(asdict(figures)) for window, figures in judged.figures.items()}


def _rounded(values: Mapping[str, float]) -> dict[str, float | None]:
    return {name: None if math.isnan(value) else round(value, 4) for name, value in values.items()}


def _lines(figures: Mapping[str, Any]) -> str:
    """JSON with one trial to a line."""
    dump: Callable[[Any], str] = json.dumps
    trials = ",\n  ".join(map(dump, figures["trials"]))
    rest = json.dumps({**figures, "trials": "TRIALS"}, indent=1, allow_nan=False)
    return rest.replace('"TRIALS"', f"[\n  {trials}\n ]") + "\n"
