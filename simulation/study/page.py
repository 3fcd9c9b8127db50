"""A study's page: what is compared, the picture, the table, and how to make it again."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence

from jinja2 import Environment, StrictUndefined

from configs.study import Study
from simulation.study.look import PAGE_HEAD
from simulation.study.table import COSTS, LEAST_PAIRED, Line

_TEMPLATE = (
    PAGE_HEAD
    + """\
<h1>{{ study.title }}</h1>
<p>{{ study.explains }}</p>
<p class="note">{{ status }} {{ note }}</p>
{% if picture %}<img alt="{{ study.title }}" src="data:image/png;base64,{{ picture }}">{% endif %}
<table><thead><tr>{% for name in shown %}<th>{{ name }}</th>{% endfor %}<th>method</th><th>{{ study.measured }}</th>
<th>jobs</th><th>{{ study.of }} less this{{ ', points' if study.scale > 1 }}</th><th>95 % interval</th>
{% for _, title in costs %}<th>{{ title }}</th>{% endfor %}</tr></thead><tbody>
{% for t in table %}<tr{% if t.method == study.of %} class="of"{% endif %}>{% for name in t.place %}<td>{{ name }}</td>{% endfor %}
<td>{{ t.method }}</td><td class="n">{{ number(t.mean) }} ± {{ number(t.std) }}</td><td class="n">{{ t.count }}</td>
<td class="n">{% if t.difference is not none %}{{ number(t.difference, "+") }}{% endif %}</td>
<td class="n">{% if t.low is not none %}{{ number(t.low, "+") }} to {{ number(t.high, "+") }}{% endif %}</td>
{% for name, _ in costs %}<td class="n">{{ "–" if t.costs[name] is none else "%.1f" % t.costs[name] }}</td>{% endfor %}</tr>
{% endfor %}</tbody></table>
<p class="note">Mean ± standard deviation over seeds{% if over %} and {{ over }}; each {{ over }} counts once in a
mean, however many seeds it has{% endif %}. Differences are paired by seed{% if over %} and {{ over }}{% endif %};
intervals are percentiles of 10,000 bootstrap resamplings, of {{ least }} differences at the least. Each method has
the same encoders, rounds, fine-tuning epochs and labels.{% if costs %} Costs are means of one
job; fine-tuning is alike for all, and what the methods differ by comes before it.{% endif %}
{% if study.subsets %}A method that is missing from a line cannot be tested there: it leaves no encoder of what was
never fine-tuned.{% endif %}</p>
{% if failed %}<h2>What failed</h2><ul>{% for text in failed %}<li>{{ text }}</li>{% endfor %}</ul>{% endif %}
<h2>To make it again</h2><pre>{{ command }}</pre>
</body></html>
"""
)


def _number(study: Study) -> Callable[..., str]:
    """How a figure of the study is written: shares with one decimal of a per cent, others with three."""
    digits = 1 if study.scale > 1 else 3
    return lambda value, sign="": f"{study.scale * value:{sign}.{digits}f}"


def page(
    study: Study, table: Sequence[Line], png: bytes | None, status: str, note: str, command: str, failed: Sequence[str]
) -> str:
    """Self-contained HTML; nothing is fetched from elsewhere."""
    jinja = Environment(autoescape=True, undefined=StrictUndefined)
    return jinja.from_string(_TEMPLATE).render(
        study=study, table=table, status=status, note=note, command=command, failed=failed,
        picture=base64.b64encode(png).decode() if png else None, number=_number(study),
        shown=study.columns, least=LEAST_PAIRED, costs=list(COSTS.items()) if study.costs else [],
        over=" and ".join(axis.name for axis in study.axes if axis.over),
    )  # fmt: skip
