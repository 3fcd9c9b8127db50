"""A study of fusion as a picture and a page."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import numpy as np
from jinja2 import Environment, StrictUndefined

from configs.fusion_study import FusionStudy
from simulation.fusion.job import MEASURES
from simulation.fusion.table import Line, Spread
from simulation.study.look import PAGE_HEAD
from simulation.study.picture import COLOURS, as_png, new_figure

TITLES = {"accuracy": "accuracy", "macro_f1": "macro-F1", "auc": "AUC"}
_STYLES = ("-", "--")

_TEMPLATE = (
    PAGE_HEAD
    + """\
<h1>{{ study.title }}</h1>
<p>{{ study.explains }}</p>
<p class="note">{{ status }} {{ note }}</p>
{% if picture %}<img alt="{{ study.title }}" src="data:image/png;base64,{{ picture }}">{% endif %}
<table><thead><tr><th>modalities</th><th>method</th><th>regime</th>
{% for m in measures %}<th>{{ titles[m] }}, %</th>{% endfor %}<th>unified less bev: accuracy, points</th>
<th>people</th><th>seeds</th></tr></thead><tbody>
{% for t in table %}<tr{% if t.method == "unified" %} class="of"{% endif %}><td>{{ t.modalities | join(", ") }}</td>
<td>{{ t.method }}</td><td>{{ t.regime }}</td>
{% for m in measures %}<td class="n">{{ spread(t.figures[m]) }}</td>{% endfor %}
<td class="n">{{ difference(t) }}</td><td class="n">{{ t.folds }}</td><td class="n">{{ t.seeds }}</td></tr>
{% endfor %}{% if table %}<tr><td>none</td><td>always the most frequent class</td><td></td>
{% for m in measures %}<td class="n">{{ spread(floor[m]) }}</td>{% endfor %}<td></td><td></td><td></td></tr>{% endif %}
</tbody></table>
<p class="note">Mean over seeds of the mean over people left out ± standard deviation over seeds. The difference is paired by
person and seed; its 95 % limits are percentiles of 10,000 bootstrap resamplings of people. A person of whom only one class was
recorded has no AUC. Federated: every node's head was averaged in one process, without messages between nodes and server.</p>
{% if skipped %}<h2>What could not be read</h2><ul>{% for each in skipped %}<li>{{ each }}</li>{% endfor %}</ul>{% endif %}
<h2>To make it again</h2><pre>{{ command }}</pre>
</body></html>
"""
)


def picture(study: FusionStudy, table: Sequence[Line], note: str) -> bytes:
    """PNG: each measure against the number of modalities, a line a method and regime; noise as the last place."""
    figure = new_figure(width=11.0)
    panels = figure.subplots(1, len(MEASURES))
    places = sorted({len(each) for each in study.modality_sets})
    for panel, measure in zip(panels, MEASURES, strict=True):
        for number, method in enumerate(study.methods):
            for style, regime in enumerate(study.regimes):
                points = []
                for size in places:
                    same = [t.figures[measure] for t in table if (t.method, t.regime) == (method, regime)
                            and len(t.modalities) == size and t.figures[measure]["mean"] is not None]  # fmt: skip
                    if same:
                        std = [each["std"] or 0.0 for each in same]
                        points.append((size, np.mean([each["mean"] for each in same]), np.mean(std)))
                if points:
                    at, means, spreads = np.array(points, dtype=float).T
                    panel.errorbar(at, 100 * means, 100 * spreads, color=COLOURS[number], linestyle=_STYLES[style % 2],
                                   marker="o", capsize=3, label=f"{method}, {regime}" if panel is panels[0] else None)  # fmt: skip
        last = len(study.data.modalities) + 1
        panel.set_xticks(places, ["+ noise" if study.useless and size == last else str(size) for size in places])
        panel.set_xlabel("modalities")
        panel.set_ylabel(f"{TITLES[measure]}, %")
        panel.grid(axis="y", color="#e3e8ee")
    return as_png(figure, study.title, note)


def page(
    study: FusionStudy, table: Sequence[Line], floor: dict[str, Spread], png: bytes | None, status: str, note: str,
    command: str, skipped: Sequence[str],
) -> str:  # fmt: skip
    """Self-contained HTML; nothing is fetched from elsewhere."""
    jinja = Environment(autoescape=True, undefined=StrictUndefined)
    return jinja.from_string(_TEMPLATE).render(
        study=study, table=table, floor=floor, status=status, note=note, command=command, skipped=skipped,
        picture=base64.b64encode(png).decode() if png else None, measures=MEASURES, titles=TITLES,
        spread=_spread, difference=_difference,
    )  # fmt: skip


def _spread(told: Spread) -> str:
    if told["mean"] is None:
        return "–"
    return f"{100 * told['mean']:.1f}" + ("" if told["std"] is None else f" ± {100 * told['std']:.1f}")


def _difference(line: Line) -> str:
    if "accuracy" not in line.difference:
        return ""
    mean, low, high = line.difference["accuracy"]
    return f"{100 * mean:+.1f}" + ("" if low is None or high is None else f" ({100 * low:+.1f} to {100 * high:+.1f})")
