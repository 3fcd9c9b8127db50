"""Charts as plain SVG text: lines, matrices and dot strips. Every text in them is escaped here.

Colours are those of Okabe and Ito, which stay apart for colour-blind readers; lines differ in dashes too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from server.tracking import printable

INK, MUTED, GRID = "#1c2733", "#5b6875", "#e3e8ee"
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a5c99", "#6b6b6b")
DASHES = ("", "7 3", "2 3", "9 3 2 3")
_BLUES = ((255, 255, 255), (214, 229, 244), (158, 199, 228), (75, 148, 201), (12, 92, 163), (8, 48, 107))

Number = float | None


@dataclass(frozen=True)
class Line:
    """One line of a chart; a None among y leaves a gap. `low` and `high` draw a band behind it."""

    name: str
    x: Sequence[float]
    y: Sequence[Number]
    colour: str
    dash: str = ""
    width: float = 1.8
    low: Sequence[Number] | None = None
    high: Sequence[Number] | None = None


@dataclass(frozen=True)
class Figure:
    """A chart with its title and the legend beside it: (what, swatch)."""

    title: str
    svg: Markup
    legend: list[tuple[str, Markup]]


def line_figure(
    title: str,
    lines: Sequence[Line],
    *,
    x_label: str,
    y_label: str,
    percent: bool = False,
    marks: Sequence[float] = (),
    width: int = 420,
    height: int = 250,
) -> Figure:
    """A line chart; `percent` shows fractions as per cent from 0 to 100, `marks` are x marked by a triangle.

    Lines without a single number are left out; a chart without lines says so.
    """
    lines = [line for line in lines if any(value is not None for value in line.y)]
    left, right, top, bottom = 52, 12, 12, 42
    xs = [x for line in lines for x in line.x]
    ys = [y for line in lines for part in (line.y, line.low or (), line.high or ()) for y in part if y is not None]
    x_low, x_high = (min(xs), max(xs)) if xs else (0.0, 1.0)
    if x_high == x_low:
        x_low, x_high = x_low - 1, x_high + 1
    y_ticks = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0] if percent else nice_ticks(min(ys, default=0.0), max(ys, default=1.0))
    y_low, y_high = y_ticks[0], y_ticks[-1]

    def at(x: float, y: float) -> tuple[float, float]:
        return (
            left + (x - x_low) / (x_high - x_low) * (width - left - right),
            height - bottom - (y - y_low) / (y_high - y_low) * (height - top - bottom),
        )

    parts = []
    for tick in y_ticks:
        _, y = at(x_low, tick)
        parts.append(f'<line x1="{left}" x2="{width - right}" y1="{y:.1f}" y2="{y:.1f}" stroke="{GRID}"/>')
        shown = f"{tick * 100:.0f}" if percent else f"{tick:.6g}"
        parts.append(_text(left - 7, y + 4, shown, anchor="end"))
    for tick in nice_ticks(x_low, x_high, inside=True, whole=True):
        x, y = at(tick, y_low)
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{y:.1f}" y2="{y + 4:.1f}" stroke="{MUTED}"/>')
        parts.append(_text(x, y + 17, f"{tick:.6g}", anchor="middle"))
    x_axis = height - bottom
    parts.append(f'<line x1="{left}" x2="{width - right}" y1="{x_axis}" y2="{x_axis}" stroke="{MUTED}"/>')
    parts.append(_text((left + width - right) / 2, height - 6, x_label, anchor="middle"))
    middle = (top + height - bottom) / 2
    parts.append(_text(13, middle, y_label, anchor="middle", extra=f' transform="rotate(-90 13 {middle:.0f})"'))
    for line in lines:
        if line.low is not None and line.high is not None:
            band = [(x, a, b) for x, a, b in zip(line.x, line.low, line.high, strict=True) if None not in (a, b)]
            edge = [at(x, b or 0.0) for x, _, b in band] + [at(x, a or 0.0) for x, a, _ in reversed(band)]
            points = " ".join(f"{x:.1f},{y:.1f}" for x, y in edge)
            parts.append(f'<polygon points="{points}" fill="{line.colour}" fill-opacity="0.15"/>')
    for line in lines:
        parts.append(_path(line, at))
    for mark in marks:
        x, y = at(min(max(mark, x_low), x_high), y_low)
        parts.append(f'<path d="M{x:.1f} {y - 1:.1f}l-4 -8h8z" fill="{INK}"/>')
    if not lines:
        parts.append(_text(width / 2, height / 2, "nothing recorded", anchor="middle"))
    return Figure(title, _svg(width, height, parts, title), [(line.name, swatch(line)) for line in lines if line.name])


def _path(line: Line, at: object) -> str:
    assert callable(at)
    runs: list[list[tuple[float, float]]] = [[]]
    for x, y in zip(line.x, line.y, strict=True):
        if y is None:
            runs.append([])
        else:
            runs[-1].append(at(x, y))
    dash = f' stroke-dasharray="{line.dash}"' if line.dash else ""
    style = f'fill="none" stroke="{line.colour}" stroke-width="{line.width}" stroke-linejoin="round"{dash}'
    drawn = []
    for run in filter(None, runs):
        if len(run) == 1:
            drawn.append(f'<circle cx="{run[0][0]:.1f}" cy="{run[0][1]:.1f}" r="3" fill="{line.colour}"/>')
        else:
            drawn.append(f'<path d="M{"L".join(f"{x:.1f} {y:.1f}" for x, y in run)}" {style}/>')
    return "".join(drawn)


def swatch(line: Line) -> Markup:
    """A short piece of the line, for a legend."""
    dash = f' stroke-dasharray="{line.dash}"' if line.dash else ""
    drawn = f'<line x1="1" x2="25" y1="6" y2="6" stroke="{line.colour}" stroke-width="{max(line.width, 1.5)}"{dash}/>'
    return _svg(26, 12, [drawn])


def matrix_svg(
    counts: Sequence[Sequence[float]],
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    row_title: str,
    column_title: str,
    share_title: str,
) -> Markup:
    """Counts (row, column) as a shaded table; the shade is the share of the row, beside it the diagonal's share.

    Numbers are left out above 60 classes, where they could not be read; they remain as tooltips.
    """
    size = len(rows)
    cell = 36 if size <= 12 else 25 if size <= 32 else 18 if size <= 60 else 12
    font = 12.5 if size <= 12 else 11.5 if size <= 32 else 9
    number_font = 12 if size <= 12 else 10.5 if size <= 32 else 8.5
    short_rows, short_columns = [_shortened(name) for name in rows], [_shortened(name) for name in columns]
    title_width = 6.9 * len(row_title)
    label_width = max(0.58 * font * max((len(name) for name in short_rows), default=1), title_width + 16) + 12
    label_height = 0.58 * font * 0.87 * max(len(name) for name in [*short_columns, share_title]) + 34
    left, top = label_width, label_height
    overhang = 0.58 * font * 0.5 * max(len(name) for name in [*short_columns, share_title])
    width = max(left + cell * len(columns) + 30 + max(34, overhang), left + 6.9 * len(column_title) + 30)
    height = top + cell * size + 8
    parts = [
        _text(left, 13, f"{column_title} \N{RIGHTWARDS ARROW}"),
        _text(left - 7, top - 8, f"{row_title} \N{DOWNWARDS ARROW}", anchor="end"),
    ]
    share_x = left + cell * len(columns) + 8
    for j, name in enumerate([*short_columns, share_title]):
        x, y = left + cell * (j + 0.5) + font * 0.3, top - 6
        x += 14 * (j == len(short_columns))
        turn = f' transform="rotate(-60 {x:.1f} {y:.1f})"'
        named = columns[j] if j < len(columns) else share_title
        parts.append(_text(x, y, name, size=font, extra=turn, title=named, fill=INK if j < len(columns) else MUTED))
    for i, (row, name) in enumerate(zip(counts, short_rows, strict=True)):
        y = top + cell * i
        total = sum(row)
        parts.append(
            _text(left - 7, y + cell / 2 + font * 0.36, name, size=font, anchor="end", title=rows[i], fill=INK)
        )
        for j, count in enumerate(row):
            share = count / total if total else 0.0
            said = f"{rows[i]} \N{RIGHTWARDS ARROW} {columns[j]}: {count:g} of {total:g}"
            parts.append(
                f'<rect x="{left + cell * j:.1f}" y="{y:.1f}" width="{cell}" height="{cell}" '
                f'fill="{shade(share)}" stroke="#edf0f4"><title>{_safe(said)}</title></rect>'
            )
            if count and size <= 60:
                fill = "#ffffff" if share > 0.55 else INK
                middle = left + cell * (j + 0.5)
                parts.append(
                    _text(middle, y + cell / 2 + number_font * 0.36, f"{count:g}", number_font, "middle", fill=fill)
                )
        if i < len(columns):
            x = left + cell * i
            parts.append(
                f'<rect x="{x + 0.5:.1f}" y="{y + 0.5:.1f}" width="{cell - 1}" height="{cell - 1}" '
                f'fill="none" stroke="{INK}" stroke-width="0.8" pointer-events="none"/>'
            )
            own = f"{100 * row[i] / total:.0f} %" if total else "\N{EN DASH}"
            parts.append(_text(share_x + 40, y + cell / 2 + font * 0.36, own, size=font, anchor="end", fill=MUTED))
    return _svg(math.ceil(width), math.ceil(height), parts, f"{row_title} by {column_title}")


def scale_svg() -> Markup:
    """The shades of a matrix from 0 to 100 % of a row."""
    steps = [f'<rect x="{30 + 8 * i}" y="2" width="8.5" height="12" fill="{shade(i / 15)}"/>' for i in range(16)]
    frame = f'<rect x="30" y="2" width="128" height="12" fill="none" stroke="{GRID}"/>'
    return _svg(210, 16, [*steps, frame, _text(25, 12, "0", anchor="end"), _text(163, 12, "100 %")])


def dot_strip(values: Sequence[Number], low: float, high: float, colour: str, said: str) -> Markup:
    """One dot per seed on a scale shared by the rows of a table, and a bar at their mean."""
    width, height = 150, 22
    known = [value for value in values if value is not None]

    def at(value: float) -> float:
        return 8 + (value - low) / (high - low) * (width - 16) if high > low else width / 2

    parts = [f'<line x1="4" x2="{width - 4}" y1="11" y2="11" stroke="{GRID}" stroke-width="2"/>']
    parts += [f'<circle cx="{at(v):.1f}" cy="11" r="4.2" fill="{colour}" fill-opacity="0.55"/>' for v in known]
    if known:
        mean = at(sum(known) / len(known))
        parts.append(f'<line x1="{mean:.1f}" x2="{mean:.1f}" y1="2" y2="20" stroke="{INK}" stroke-width="2"/>')
    return _svg(width, height, parts, said)


def shade(share: float) -> str:
    """The colour of a share from 0 (white) to 1 (dark blue); any share above 0 is visibly not white."""
    if share <= 0:
        return "#ffffff"
    place = (0.12 + 0.88 * min(share, 1.0)) * (len(_BLUES) - 1)
    lower = min(int(place), len(_BLUES) - 2)
    mixed = [round(a + (b - a) * (place - lower)) for a, b in zip(_BLUES[lower], _BLUES[lower + 1], strict=True)]
    return "#" + "".join(f"{part:02x}" for part in mixed)


def nice_ticks(low: float, high: float, *, inside: bool = False, whole: bool = False) -> list[float]:
    """Three to seven round numbers that cover low to high (or, `inside`, lie between them); `whole` for counts."""
    if high <= low:
        low, high = low - (abs(low) or 1.0) / 2, high + (abs(high) or 1.0) / 2
    rough = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = min((power * factor for factor in (1, 2, 5, 10)), key=lambda s: (s < rough * 0.999, s))
    if whole:
        step = max(step, 1.0)
    first, last = (math.ceil(low / step), math.floor(high / step))
    if not inside:
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)]


def _shortened(name: str) -> str:
    name = printable(name)
    return name if len(name) <= 30 else name[:29] + "\N{HORIZONTAL ELLIPSIS}"


def _safe(text: str) -> str:
    return str(escape(printable(text)))


def _text(
    x: float, y: float, text: str, size: float = 12, anchor: str = "start", *,
    fill: str = MUTED, extra: str = "", title: str = "",
) -> str:  # fmt: skip
    tip = f"<title>{_safe(title)}</title>" if title and title != text else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{fill}"{extra}>'
        f"{tip}{_safe(text)}</text>"
    )


def _svg(width: int, height: int, parts: Sequence[str], label: str = "") -> Markup:
    said = f'role="img" aria-label="{_safe(label)}"' if label else 'aria-hidden="true"'
    return Markup(
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" {said}>{"".join(parts)}</svg>'
    )
