"""What pages of plots share: their look, and that each is one file that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

INK = "#1c2330"
_STYLE = """
:root { color-scheme: light; --ink: #1c2330; --soft: #5b6474; --line: #e3e7ee; --good: #0f7b4f; --bad: #b42318; }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 1180px; padding: 40px 24px 80px; color: var(--ink); background: #fff;
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif }
h1 { font-size: 30px; line-height: 1.2; margin: 0 0 4px; letter-spacing: -.01em }
h2 { font-size: 20px; margin: 48px 0 4px }
p { margin: 4px 0 12px; max-width: 78ch; color: var(--soft) }
.facts { display: flex; flex-wrap: wrap; gap: 12px; margin: 24px 0 }
.fact { border: 1px solid var(--line); border-radius: 10px; padding: 12px 18px; min-width: 150px }
.fact b { display: block; font-size: 24px; line-height: 1.2 } .fact span { color: var(--soft); font-size: 13px }
.scroll { overflow-x: auto }
table { border-collapse: collapse; width: 100%; font-size: 14px; font-variant-numeric: tabular-nums }
th { text-align: right; font-weight: 600; color: var(--soft); border-bottom: 2px solid var(--line); padding: 8px }
td { text-align: right; border-bottom: 1px solid var(--line); padding: 7px 8px; white-space: nowrap }
td small { color: var(--soft) }
.good { color: var(--good) } .bad { color: var(--bad) }
ul { margin: 8px 0 12px; padding-left: 20px; color: var(--soft); font-size: 14px; max-width: 96ch }
"""


def write(document_: str, path: Path) -> None:
    """Write a page."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(document_, encoding="utf-8")


def document(title: str, sections: Sequence[str], style: str = "") -> str:
    """The whole page, plotly included; `style` is what it has beyond the common look."""
    script = f"<script>{get_plotlyjs()}</script>"
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
    start = f'<!doctype html>\n<html lang="en"><head>{head}<style>{_STYLE}{style}</style>{script}</head>'
    return f"{start}<body>{chr(10).join(sections)}</body></html>\n"


def embedded(figure: go.Figure, name: str) -> str:
    """A figure as a part of the page."""
    return str(figure.to_html(full_html=False, include_plotlyjs=False, div_id=name, config={"displaylogo": False}))


def dressed(figure: go.Figure, height: int) -> go.Figure:
    """A figure in the common look."""
    figure.update_layout(
        template="plotly_white",
        height=height,
        margin={"l": 56, "r": 16, "t": 40, "b": 30},
        font={"family": "system-ui, sans-serif", "size": 13, "color": INK},
        legend={"orientation": "h", "y": -0.06, "yanchor": "top"},
        hovermode="x unified",
    )
    figure.update_annotations(font_size=13, x=0, xanchor="left")
    return figure


def facts(pairs: Sequence[tuple[str, str]]) -> str:
    """Figures in large type, each with what it is."""
    cells = "".join(f'<div class="fact"><b>{value}</b><span>{label}</span></div>' for value, label in pairs)
    return f'<div class="facts">{cells}</div>'


def listed(lines: Sequence[str]) -> str:
    """Lines of text, each with a dot."""
    return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>" if lines else ""


def marked(value: object, good: bool) -> str:
    """Green or red."""
    return f'<span class="{"good" if good else "bad"}">{value}</span>'


def dates(times: Sequence[int]) -> list[datetime]:
    """Moments of a time axis, UTC."""
    return [datetime.fromtimestamp(time, UTC) for time in times]
