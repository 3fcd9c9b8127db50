"""A comparison's page: table, ranking, pictures, what tuning cost, and how to make it again."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence

from jinja2 import Environment, StrictUndefined

from simulation.compare.figures import Line
from simulation.compare.ranking import LEAST_BLOCKS, Ranking
from simulation.compare.tune import Tuned
from simulation.study.table import LEAST_PAIRED

_TEMPLATE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{ title }}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body { font: 15px/1.5 system-ui, sans-serif; color: #1c2733; max-width: 72rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; margin: 1rem 0 } th, td { padding: .25rem .8rem; border-bottom: 1px solid #e3e8ee }
th { text-align: left } td.n { text-align: right; font-variant-numeric: tabular-nums } img { max-width: 100% }
p.note { color: #5b6875 } pre { background: #f6f8fa; padding: .6rem; overflow-x: auto } tr.all { background: #eef5fb }
</style></head><body>
<h1>{{ title }}</h1>
<p class="note">{{ status }} {{ note }}</p>
{% for text in warnings %}<p><strong>{{ text }}</strong></p>{% endfor %}
{% if ends %}<img alt="accuracy by strategy" src="data:image/png;base64,{{ ends }}">{% endif %}
<h2>Table</h2>
<table><thead><tr><th>strategy</th>{% for name in settings %}<th>{{ name }}</th>{% endfor %}<th>accuracy, %</th>
<th>worst tenth of nodes, %</th><th>spread over nodes</th><th>rounds to target</th><th>MB to target</th>
{% if simulated %}<th>simulated s to target</th><th>simulated s in all</th>{% endif %}
{% if personal %}<th>shared model there, %</th><th>personal model there, %</th>{% endif %}
<th>MB in all</th><th>CPU, s</th><th>jobs</th></tr></thead><tbody>
{% for t in lines %}<tr{% if t.place is none %} class="all"{% endif %}><td>{{ t.strategy }}</td>
{% for name in settings %}<td>{{ "all" if t.place is none else t.place[loop.index0] }}</td>{% endfor %}
<td class="n">{{ of(t.accuracy.mean, 100) }}{% if t.accuracy.std is not none %} ± {{ of(t.accuracy.std, 100) }}{% endif %}</td>
<td class="n">{{ of(t.worst_decile, 100) }}</td><td class="n">{{ of(t.node_std, 100) }}</td>
<td class="n">{{ of(t.rounds_to_target) }}</td><td class="n">{{ of(t.bytes_to_target, 1e-6) }}</td>
{% if simulated %}<td class="n">{{ of(t.seconds_to_target) }}</td><td class="n">{{ of(t.simulated_seconds) }}</td>{% endif %}
{% if personal %}{% for which in ("shared", "personal") %}<td class="n">{{ of(t[which], 100) }}{% if t[which] is not none %}
({{ of(t[which + "_worst_decile"], 100) }}; {{ of(t[which + "_node_std"], 100) }}){% endif %}</td>{% endfor %}{% endif %}
<td class="n">{{ of(t.bytes, 1e-6) }}</td><td class="n">{{ of(t.cpu_seconds) }}</td><td class="n">{{ t.jobs }}</td></tr>
{% endfor %}</tbody></table>
<p class="note">Accuracy at the chosen epoch on test people: mean ± standard deviation over seeds (of means over the
settings, where there are several). The worst tenth is the mean of the tenth of the test nodes that is served worst, one
at the least; both it and the spread are means over seeds. The target is {{ "%g" | format(100 * share) }} % of the
accuracy between rounds that the best strategy has at its last measured round, setting by setting. Accuracy between
rounds: how often the nearest class mean of a labelled sample's embedding is right, on folds of the fine-tuning people
held out from the means; a
strategy is there when its mean over seeds is, and bytes are all that training sent both ways until then. – : not
reached, or not measured.{% if personal %} Shared and personal models are judged on
the fine-tuning nodes' samples that folds left out: mean over nodes (worst tenth; spread over nodes).{% endif %}</p>
<h2>Ranking</h2>
<table><thead><tr><th></th><th>strategy</th><th>accuracy, %</th><th>mean rank</th><th>best less this, points</th>
<th>95 % interval</th></tr></thead><tbody>{% for r in ranking.order %}
<tr><td class="n">{{ loop.index }}</td><td>{{ r.strategy }}</td><td class="n">{{ of(r.mean, 100) }}</td>
<td class="n">{{ "–" if r.rank is none else "%.2f" | format(r.rank) }}</td><td class="n">{{ of(r.difference, 100) }}</td>
<td class="n">{% if r.low is not none %}{{ of(r.low, 100) }} to {{ of(r.high, 100) }}{% endif %}</td></tr>
{% endfor %}</tbody></table>
<p class="note">Over {{ ranking.blocks }} combinations of settings and seed that every strategy has. Differences are paired;
intervals are percentiles of 10,000 bootstrap resamplings, of {{ least }} differences at the least. The best was chosen by the
same figures, which flatters it a little.
{% if ranking.critical is not none %}Mean ranks closer than {{ "%.2f" | format(ranking.critical) }} do not differ at 5 %
(Nemenyi){% if ranking.p is not none %}; Friedman's test that all are alike: p = {{ "%.2g" | format(ranking.p) }}{% endif %}.
{% else %}A critical difference is told of {{ blocks }} combinations and three strategies at the least.{% endif %}</p>
{% if ways %}<h2>On the way</h2><img alt="accuracy over rounds, bytes and time" src="data:image/png;base64,{{ ways }}">{% endif %}
{% if tuned %}<h2>Tuning</h2>
<table><thead><tr><th>strategy</th><th>searched at</th><th>tries</th><th>taken</th>
<th>validation, %</th><th>at the defaults, %</th><th>CPU, s</th></tr></thead>
<tbody>{% for t in tuned %}<tr><td>{{ t.strategy }}</td><td>{{ t.place | join(", ") }}</td><td class="n">{{ t.tries | length }}</td>
<td>{{ t.overrides | join(" ") or "the defaults" }}</td><td class="n">{{ of(t.tries[t.taken].validation, 100) }}</td>
<td class="n">{{ of(t.tries[0].validation, 100) }}</td><td class="n">{{ of(t.cpu_seconds) }}</td></tr>{% endfor %}</tbody></table>
<p class="note">Equally many tries for each strategy, on one seed; judged by folds of the fine-tuning people alone.
In all {{ of(cost) }} CPU-seconds, which the table above does not hold.</p>{% endif %}
{% if failed %}<h2>What failed</h2><ul>{% for text in failed %}<li>{{ text }}</li>{% endfor %}</ul>{% endif %}
<h2>To make it again</h2><pre>{{ command }}</pre>
</body></html>
"""


def page(
    *, title: str, settings: Sequence[str], lines: Sequence[Line], ranking: Ranking, tuned: Sequence[Tuned],
    pictures: Mapping[str, bytes | None], share: float, status: str, note: str, command: str, failed: Sequence[str],
    warnings: Sequence[str],
) -> str:  # fmt: skip
    """Self-contained HTML; nothing is fetched from elsewhere."""
    drawn = {name: base64.b64encode(png).decode() if png else None for name, png in pictures.items()}
    jinja = Environment(autoescape=True, undefined=StrictUndefined)
    return jinja.from_string(_TEMPLATE).render(
        title=title, settings=settings, lines=lines, ranking=ranking, tuned=tuned, share=share, status=status, note=note,
        command=command, failed=failed, warnings=warnings, least=LEAST_PAIRED, blocks=LEAST_BLOCKS, of=_of,
        cost=sum(each.cpu_seconds for each in tuned), ends=drawn.get("ends"), ways=drawn.get("ways"),
        simulated=any(line.simulated_seconds is not None for line in lines),
        personal=any(line.personal is not None for line in lines),
    )  # fmt: skip


def _of(value: float | None, scale: float = 1.0) -> str:
    return "–" if value is None else f"{scale * value:.1f}"
