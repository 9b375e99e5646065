"""The results as a chart: SVG 1.1, written by hand, readable on light and dark.

Upper part: throughput of ours and of the C module for each case, where the same
server with the session in clear is 100 %. A mark shows the session in clear in a
cookie as long as ours. Lower part: the other figures, in words.
"""

from html import escape
from pathlib import Path

from case import Target
from figures import Spread, ratios
from httpd import C, CLEAR, OURS, PADDED
from report import machine_line
from result import Finding, Result

TITLE = "Requests per second, in percent of the same server with the session in clear"
WIDTH = 860
LEFT = 270
RIGHT = WIDTH - 210
# A little more than clear, because a noisy machine may show more.
MOST = 1.1
PERCENT_COLUMN = WIDTH - 110
RATE_COLUMN = WIDTH - 24
BAR = 13
GAP = 3
ROW = 2 * BAR + GAP + 18
TOP = 92
LINE = 22

# The card has its own background, so ink and ground match on every page.
STYLE = """
  .ground { fill: #ffffff; stroke: #d0d7de; }
  text { font: 13px system-ui, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328; }
  .title { font-size: 16px; font-weight: 600; }
  .soft { fill: #59636e; font-size: 12px; }
  .axis { stroke: #d0d7de; stroke-width: 1; }
  .clear { stroke: #59636e; stroke-width: 1.5; }
  .ours { fill: #0f6cbd; }
  .c { fill: #c2570c; }
  .spread { stroke: #1f2328; stroke-width: 1.2; }
  .target { stroke: #1f2328; stroke-width: 1.2; stroke-dasharray: 2 2; }
  .padded { stroke: #1a7f37; stroke-width: 2.4; }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #0d1117; stroke: #3d444d; }
    text { fill: #e6edf3; }
    .soft { fill: #9198a1; }
    .axis { stroke: #3d444d; }
    .clear { stroke: #9198a1; }
    .ours { fill: #4aa3f0; }
    .c { fill: #f0883e; }
    .spread, .target { stroke: #e6edf3; }
    .padded { stroke: #3fb950; }
  }
"""


def write(path: Path, machine: dict[str, str], results: list[Result]) -> None:
    """Draws the trios, and lists other figures with a target or beside clear."""
    bars = [r for r in results if r.case.against_clear and _of(r, CLEAR) and _of(r, OURS)]
    words = [(r, f) for r in results for f in r.findings if _is_worded(f, r in bars)]
    body: list[str] = []
    bottom = TOP + ROW * len(bars) if bars else 56
    if bars:
        _axis(body, bottom)
        for index, result in enumerate(bars):
            _bars(body, result, TOP + ROW * index)
    y = bottom + (52 if bars else 24)
    if words:
        y = _words(body, words, y)
    for line in _wrap(machine_line(machine)):
        body.append(_text(24, y, line, "soft"))
        y += 17
    height = y + 6
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" role="img" aria-labelledby="t d">\n'
        '<title id="t">Encrypted sessions beside sessions in clear</title>\n'
        f'<desc id="d">{escape(_description(bars))}</desc>\n'
        f"<style>{STYLE}</style>\n"
        f'<rect class="ground" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="8"/>\n'
        + _text(24, 34, TITLE, "title")
        + "\n"
        + (_legend() if bars else "")
        + "\n".join(body)
        + "\n</svg>\n"
    )


def _is_worded(finding: Finding, has_bars: bool) -> bool:
    """Whether a figure is listed. Bars show those beside clear and the C module."""
    if has_bars:
        return finding.target is not None and PADDED in finding.title
    return finding.target is not None or finding.title == f"{OURS} / {CLEAR}"


def _axis(body: list[str], bottom: int) -> None:
    for percent in (0, 20, 40, 60, 80, 100):
        x = _x(percent / 100)
        kind = "clear" if percent == 100 else "axis"
        body.append(_line(kind, x, TOP - 6, x, bottom - 8))
        body.append(_text(x, bottom + 8, f"{percent} %", "soft", "middle"))


def _bars(body: list[str], result: Result, y: int) -> None:
    clear = _of(result, CLEAR)
    target = next(
        (f.target for f in result.findings if f.target and f.title == f"{OURS} / {CLEAR}"), None
    )
    body.append(_text(24, y + BAR - 1, result.case.title))
    rate = f"{Spread.of(clear.values).median:,.0f}/s in clear"
    body.append(_text(24, y + 2 * BAR + GAP, rate, "soft"))
    for place, name in enumerate((OURS, C)):
        measured = _of(result, name)
        if measured is None:
            continue
        share = _share(result, name)
        top = y + place * (BAR + GAP)
        _bar(body, name.lower(), share, top, target if name == OURS else None)
        if name == OURS and _of(result, PADDED):
            x = _x(_share(result, PADDED).median)
            body.append(_line("padded", x, top - 2, x, top + BAR + 2))
        rate = f"{Spread.of(measured.values).median:,.0f}/s"
        body.append(_text(PERCENT_COLUMN, top + BAR - 2, _percent(share.median), anchor="end"))
        body.append(_text(RATE_COLUMN, top + BAR - 2, rate, anchor="end"))


def _bar(body: list[str], kind: str, share: Spread, y: int, target: Target | None) -> None:
    width = max(_x(share.median) - LEFT, 1)
    middle = y + BAR / 2
    body.append(f'<rect class="{kind}" x="{LEFT}" y="{y}" width="{width:.1f}" height="{BAR}"/>')
    low, high = _x(share.least), _x(share.greatest)
    if high - low > 1:
        body.append(_line("spread", low, middle, high, middle))
    if target:
        x = _x(target.bound)
        body.append(_line("target", x, y - 3, x, y + BAR + 3))


def _words(body: list[str], words: list[tuple[Result, Finding]], y: int) -> int:
    body.append(_text(24, y, "Other figures", "title"))
    body.append(_text(PERCENT_COLUMN, y, "median", "soft", "end"))
    body.append(_text(RATE_COLUMN, y, "target", "soft", "end"))
    for result, finding in words:
        y += LINE
        body.append(_text(24, y, f"{result.case.title}: {finding.title}"))
        value = f"{finding.value.median:,.3g} {finding.unit}".strip()
        body.append(_text(PERCENT_COLUMN, y, value, anchor="end"))
        if finding.target:
            shown = str(finding.target).replace(">=", "≥").replace("<=", "≤")
            body.append(_text(RATE_COLUMN, y, shown, anchor="end"))
    return y + 34


def _legend() -> str:
    y = 54
    parts = []
    for x, kind, label in ((24, "ours", "this module"), (130, "c", "httpd's C module")):
        parts.append(f'<rect class="{kind}" x="{x}" y="{y}" width="{BAR}" height="{BAR}"/>')
        parts.append(_text(x + BAR + 6, y + 11, label, "soft"))
    parts.append(_line("spread", 270, y + BAR / 2, 290, y + BAR / 2))
    parts.append(_text(296, y + 11, "least to greatest of the rounds", "soft"))
    parts.append(_line("target", 500, y - 2, 500, y + BAR + 2))
    parts.append(_text(508, y + 11, "target", "soft"))
    parts.append(_line("padded", 566, y - 1, 566, y + BAR + 1))
    parts.append(_text(574, y + 11, "in clear, in a cookie as long as ours", "soft"))
    return "\n".join(parts) + "\n"


def _description(bars: list[Result]) -> str:
    said = []
    for result in bars:
        shares = [
            f"{label} {_percent(_share(result, name).median)}"
            for name, label in ((OURS, "this module"), (C, "the C module"))
            if _of(result, name)
        ]
        said.append(f"{result.case.title}: {', '.join(shares)}.")
    return " ".join(said)


def _share(result: Result, name: str) -> Spread:
    """The throughput of a server over that of the session in clear."""
    return Spread.of(ratios(_of(result, name).values, _of(result, CLEAR).values))


def _of(result: Result, name: str):
    return next((m for m in result.measured if m.name == name), None)


def _x(share: float) -> float:
    return LEFT + (RIGHT - LEFT) * min(share, MOST) / MOST


def _percent(share: float) -> str:
    return f"{share * 100:.1f} %" if share < 0.1 else f"{share * 100:.0f} %"


def _line(kind: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _text(x: float, y: float, text: str, kind: str = "", anchor: str = "") -> str:
    attributes = f' class="{kind}"' if kind else ""
    attributes += f' text-anchor="{anchor}"' if anchor else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{attributes}>{escape(text)}</text>'


def _wrap(line: str, width: int = 125) -> list[str]:
    lines = [""]
    for word in line.split():
        if len(lines[-1]) + len(word) > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines
