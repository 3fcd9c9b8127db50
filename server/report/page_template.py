"""The page's template: a Python module, since a Flower app bundle carries no file of another kind."""

# ruff: noqa: E501

TEMPLATE = r"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>{{ name }} · fedbind</title>
<style>
:root { --ink: #1c2733; --muted: #5b6875; --line: #dde3ea; --soft: #f5f7fa; --blue: #0072b2; --orange: #d55e00; }
* { box-sizing: border-box; }
body { margin: 0; background: #fff; color: var(--ink); font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto,
  "Helvetica Neue", "Noto Sans", "Liberation Sans", "DejaVu Sans", Arial, sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 40px 28px 64px; }
h1 { font-size: 30px; line-height: 1.2; letter-spacing: -.01em; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 21px; line-height: 1.3; letter-spacing: -.005em; margin: 56px 0 6px; padding-top: 14px;
  border-top: 1px solid var(--line); }
h3 { font-size: 15px; margin: 26px 0 6px; }
p { margin: 6px 0 12px; max-width: 76ch; }
.muted, figcaption, .note { color: var(--muted); font-size: 14px; }
.tag { display: inline-block; font-size: 12px; font-weight: 650; letter-spacing: .05em; padding: 2px 9px;
  border-radius: 999px; border: 1px solid currentColor; vertical-align: 2px; white-space: nowrap; }
.tag.real { color: #00684b; } .tag.sim { color: #a34700; } .tag.plain { color: var(--muted); }
header .tags { margin: 12px 0 14px; display: flex; flex-wrap: wrap; gap: 8px; }
.facts { display: grid; grid-template-columns: max-content 1fr; gap: 4px 18px; margin: 14px 0 0; font-size: 15px; }
.facts dt { color: var(--muted); } .facts dd { margin: 0; overflow-wrap: anywhere; }
code, pre { font: 13px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", "DejaVu Sans Mono", monospace; }
code { background: var(--soft); border-radius: 4px; padding: 1px 5px; }
pre { background: var(--soft); border: 1px solid var(--line); border-radius: 8px; padding: 14px 16px; overflow-x: auto;
  white-space: pre-wrap; overflow-wrap: anywhere; margin: 8px 0; }
.banner { border: 1px solid #e2b07a; border-left: 5px solid var(--orange); background: #fff8f0; border-radius: 8px;
  padding: 12px 18px; margin: 22px 0 0; }
.banner p { margin: 2px 0; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(165px, 1fr)); gap: 12px; margin: 28px 0 0; }
.tile { background: var(--soft); border-radius: 10px; padding: 13px 16px 12px; }
.tile .what { font-size: 13px; color: var(--muted); }
.tile .figure { font-size: 27px; font-weight: 620; letter-spacing: -.01em; line-height: 1.3; white-space: nowrap; }
.tile .beside { font-size: 13px; color: var(--muted); min-height: 1.5em; }
.scroll { overflow-x: auto; margin: 12px 0 8px; }
table { border-collapse: collapse; font-size: 14.5px; font-variant-numeric: tabular-nums lining-nums; }
th, td { padding: 6px 12px 6px 0; text-align: left; vertical-align: middle; }
thead th { font-size: 13px; font-weight: 600; color: var(--muted); vertical-align: bottom; line-height: 1.3; white-space: nowrap;
  border-bottom: 1.5px solid var(--ink); }
thead tr.over th { border-bottom: none; color: var(--ink); padding-bottom: 0; }
tbody td, tbody th { border-bottom: 1px solid var(--line); font-weight: 400; }
tbody th { font-weight: 550; min-width: 100px; }
tfoot td, tfoot th { font-weight: 600; border-top: 1.5px solid var(--ink); }
td.n, th.n { text-align: right; white-space: nowrap; padding-left: 10px; }
td.m { text-align: right; white-space: nowrap; padding: 6px 5px 6px 16px; }
td.s { white-space: nowrap; color: var(--muted); font-size: 13px; padding-left: 0; }
th.ms { text-align: left; padding-left: 16px; }
tr.front th, tr.front td.m { font-weight: 680; }
td.where { color: var(--muted); font-size: 13px; }
td.words { max-width: 430px; overflow-wrap: anywhere; }
th.strip, td.strip { padding-left: 16px; }
.strip svg { display: block; }
.bar { height: 9px; border-radius: 0 2px 2px 0; min-width: 1px; margin: 2px 0; }
.bars { width: 34%; min-width: 150px; }
.key { display: inline-block; width: 11px; height: 11px; border-radius: 2px; margin-right: 5px; vertical-align: -1px; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(330px, 1fr)); gap: 22px 24px; margin: 14px 0; }
figure { margin: 0; break-inside: avoid; }
figure h3 { margin: 0 0 4px; font-weight: 600; }
figure svg { display: block; max-width: 100%; height: auto; }
.scroll > svg { display: block; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 16px; font-size: 13px; color: var(--muted); padding-left: 4px; }
.legend span { display: inline-flex; align-items: center; gap: 6px; }
svg text { font-family: inherit; font-variant-numeric: tabular-nums; }
.scale { display: inline-block; vertical-align: -3px; margin-left: 4px; }
details { border: 1px solid var(--line); border-radius: 8px; padding: 0 16px; margin: 14px 0; }
summary { cursor: pointer; padding: 10px 0; font-weight: 550; font-size: 15px; }
details[open] { padding-bottom: 12px; }
details table { font-size: 13px; } details thead th { font-size: 12px; } details tbody th { white-space: nowrap; min-width: 0; }
details td.n, details th.n { padding-left: 4px; }
.two { display: grid; grid-template-columns: repeat(auto-fit, minmax(400px, 1fr)); gap: 4px 40px; align-items: start; }
.two table { width: 100%; }
footer { margin-top: 60px; color: var(--muted); font-size: 13px; }
@media (max-width: 640px) { main { padding: 24px 16px; } .two { grid-template-columns: 1fr; } h1 { font-size: 25px; }
  .facts { grid-template-columns: 1fr; gap: 0; } .facts dd { margin-bottom: 8px; } .charts { grid-template-columns: 1fr; } }
@media print {
  @page { margin: 14mm; }
  body { font-size: 10.5pt; } main { padding: 0; max-width: none; }
  h2 { margin-top: 26px; break-after: avoid; } h3 { break-after: avoid; }
  .scroll { overflow: visible; } .scroll > svg { max-width: 100%; height: auto; }
  table { font-size: 9pt; } tr, .tile, .banner { break-inside: avoid; } thead { display: table-header-group; }
  td, th { padding-right: 7px; } td.m { padding-left: 8px; }
  .tile, pre, code { background: none; } .tile { border: 1px solid var(--line); }
  .tag, .bar, .key { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
}
</style>
</head>
<body>
<main>
{% macro mark() %}{% if simulated %} <span class="tag sim">SIMULATED DATA</span>{% endif %}{% endmacro %}
{% macro travelled(title, table) %}
{% if table.rows %}
<div class="scroll"><table>
<thead><tr><th>{{ title | capitalize }}</th><th class="n">Up, {{ table.unit }}</th><th class="n">Down, {{ table.unit }}</th><th class="bars"></th></tr></thead>
<tbody>{% for row in table.rows %}
<tr><th>{{ row.name }}</th><td class="n">{{ row.up }}</td><td class="n">{{ row.down }}</td>
<td><div class="bar" style="width:{{ row.up_width }}%;background:var(--blue)"></div><div class="bar" style="width:{{ row.down_width }}%;background:var(--orange)"></div></td></tr>
{% endfor %}</tbody>
<tfoot><tr><th>all</th><td class="n">{{ table.total.up }}</td><td class="n">{{ table.total.down }}</td><td></td></tr></tfoot>
</table></div>
{% endif %}
{% endmacro %}
{% macro pair(cell) %}<td class="m">{{ cell.mean }}</td><td class="s">{{ cell.std }}</td>{% endmacro %}
{% macro charts(drawn) %}
<div class="charts">
{% for figure in drawn %}
<figure><h3>{{ figure.title }}</h3>{{ figure.svg }}
<div class="legend">{% for what, swatch in figure.legend %}<span>{{ swatch }}{{ what }}</span>{% endfor %}</div></figure>
{% endfor %}
</div>
{% endmacro %}

<header>
<h1>{{ name }}</h1>
<div class="tags">
{% if simulated is none %}<span class="tag plain">DATA NOT YET REPORTED</span>
{% elif simulated %}<span class="tag sim">SIMULATED DATA</span>
{% else %}<span class="tag real">REAL DATA</span>{% endif %}
<span class="tag plain">{{ status | upper }}</span>
</div>
{% if simulated is none %}
<p>No job has come far enough to say whether its data were real or simulated.</p>
{% elif simulated %}
<p>Every figure on this page was measured on <strong>SIMULATED</strong> data ({{ data.name }}): it shows that the run
works and how its parts compare, and nothing about real people.</p>
{% else %}
<p>Every figure on this page was measured on <strong>REAL</strong> recordings ({{ data.name }}).</p>
{% endif %}
<dl class="facts">
<dt>Command</dt><dd><code>{{ command }}</code></dd>
<dt>Seeds</dt><dd>{{ seeds | join(", ") }}</dd>
{% if started %}<dt>Started</dt><dd>{{ started }}</dd>{% endif %}
</dl>
{% if not whole %}
<div class="banner" role="status">
<p><strong>{{ jobs_done }} of {{ jobs }} jobs are finished.</strong>
{{ {"running": "The run was still going on when this page was made.", "failed": "The run failed."}.get(status, "The run was stopped before its end.") }}
{{ "Means and spreads below are of the finished jobs alone." if jobs_done else "There are no results yet; the page shows what was recorded so far." }}</p>
{% if error %}<pre>{{ error }}</pre>{% endif %}
</div>
{% endif %}
{% if tiles %}
<div class="tiles">
{% for what, figure, beside in tiles %}
<div class="tile"><div class="what">{{ what }}</div><div class="figure">{{ figure }}</div><div class="beside">{{ beside }}</div></div>
{% endfor %}
</div>
{% endif %}
</header>

{% if not whole %}
<h2>How far it came</h2>
<div class="scroll"><table>
<thead><tr><th>Method</th><th class="n">Seed</th><th>Stands at</th><th class="n">After, s</th></tr></thead>
<tbody>{% for row in job_rows %}
<tr><th>{{ row.method }}</th><td class="n">{{ row.seed }}</td><td>{{ row.place }}</td><td class="n">{{ row.t }}</td></tr>
{% endfor %}</tbody>
</table></div>
{% endif %}

{% if headline_rows %}
<h2>Results{{ mark() }}</h2>
<div class="scroll"><table>
<thead><tr><th>Method</th><th class="ms" colspan="2">Accuracy, %</th><th class="ms" colspan="2">Macro-F1</th>
<th class="ms" colspan="2">Accuracy, %,<br>epochs 81–200</th><th class="ms" colspan="2">Macro-F1,<br>epochs 81–200</th>
<th class="ms" colspan="2">Accuracy, %,<br>last epoch</th>
<th class="strip">Accuracy per seed<br>{{ strip_scale[0] }} to {{ strip_scale[1] }} %</th><th class="ms" colspan="2">CPU, s</th></tr></thead>
<tbody>
{% for row in headline_rows %}
<tr{% if row.front %} class="front"{% endif %}><th>{{ row.method }}</th>{{ pair(row.accuracy) }}{{ pair(row.macro_f1) }}
{{ pair(row.accuracy_81_200) }}{{ pair(row.macro_f1_81_200) }}{{ pair(row.accuracy_last) }}
<td class="strip" title="{{ row.said }}">{{ row.strip }}</td>{{ pair(row.cpu) }}</tr>
{% endfor %}
</tbody></table></div>
<p class="note">Mean over the seeds ± sample standard deviation. Accuracy and macro-F1 are those of the epoch that was
chosen without looking at test data. “Epochs 81–200” is the mean test figure over those epochs of fine-tuning, as the
MMBind paper reports it. Dots are seeds, the bar is their mean. CPU seconds are per seed.</p>
<details><summary>Every seed</summary>
<div class="scroll"><table>
<thead><tr><th>Method</th><th class="n">Seed</th><th class="n">Accuracy,<br>%</th><th class="n">Macro-F1</th><th class="n">AUC</th>
<th class="n">Epochs<br>81–200, %</th><th class="n">Epoch<br>chosen</th><th class="n">Labels<br>used</th><th class="n">Test<br>samples</th>
<th class="n">Pairing,<br>%</th><th class="n">Raw<br>cosine, %</th><th class="n">Time, s</th><th class="n">CPU, s</th></tr></thead>
<tbody>{% for row in seed_rows %}
<tr><th>{{ row.method }}</th><td class="n">{{ row.seed }}</td><td class="n">{{ row.accuracy }}</td><td class="n">{{ row.macro_f1 }}</td>
<td class="n">{{ row.auc }}</td><td class="n">{{ row.accuracy_81_200 }}</td><td class="n">{{ row.chosen_epoch }}</td>
<td class="n">{{ row.labels_used }}</td><td class="n">{{ row.test_samples }}</td><td class="n">{{ row.pairing }}</td>
<td class="n">{{ row.raw_cosine }}</td><td class="n">{{ row.seconds }}</td><td class="n">{{ row.cpu }}</td></tr>
{% endfor %}</tbody></table></div></details>
{% endif %}

{% if self_training_rows %}
<h2>Self-training{{ mark() }}</h2>
<p>After fine-tuning, nodes of the incomplete groups learnt on from pseudo-labels of their own samples.</p>
<div class="scroll"><table>
<thead><tr><th>Method</th><th class="ms" colspan="2">Accuracy, %,<br>fine-tuned alone</th><th class="ms" colspan="2">Accuracy, %,<br>after it</th>
<th class="ms" colspan="2">Pseudo-labels</th><th class="ms" colspan="2">How sure, %</th><th class="ms" colspan="2">Not what the<br>network said, %</th>
<th class="ms" colspan="2">Network<br>right, %</th><th class="ms" colspan="2">Pseudo-labels<br>right, %</th></tr></thead>
<tbody>{% for row in self_training_rows %}
<tr><th>{{ row.method }}</th>{{ pair(row.before) }}{{ pair(row.after) }}{{ pair(row.samples) }}{{ pair(row.confidence) }}
{{ pair(row.changed) }}{{ pair(row.accuracy_of_own) }}{{ pair(row.accuracy) }}</tr>
{% endfor %}</tbody></table></div>
<p class="note">How many are right is told where nodes permit the audit of labels; nothing is chosen by it.</p>
{% endif %}

{% if subsets.rows %}
<h2>By modalities at hand{{ mark() }}</h2>
<p>The same model, tested with only these modalities present.</p>
<div class="scroll"><table>
<thead><tr class="over"><th></th>{% for method in subsets.methods %}<th class="ms" colspan="4">{{ method }}</th>{% endfor %}</tr>
<tr><th>Modalities</th>{% for method in subsets.methods %}<th class="ms" colspan="2">Accuracy, %</th><th class="n">Macro-F1</th><th></th>{% endfor %}</tr></thead>
<tbody>{% for row in subsets.rows %}
<tr><th>{{ row.subset }}</th>{% for cell in row.cells %}{{ pair(cell.accuracy) }}<td class="n" title="{{ cell.macro_f1.std }}">{{ cell.macro_f1.mean }}</td>
<td><div style="width:90px"><div class="bar" style="width:{{ cell.width }}%;background:{{ cell.colour }}"></div></div></td>{% endfor %}</tr>
{% endfor %}</tbody></table></div>
<p class="note">A bar as wide as its column would be 100 % accuracy.</p>
{% endif %}

{% if node_rows %}
<h2>Over the nodes{{ mark() }}</h2>
<p>Every node counts once, however many samples it has.</p>
<div class="scroll"><table>
<thead><tr><th>Method</th><th>Judged on</th><th class="ms" colspan="2">Mean accuracy, %</th><th class="ms" colspan="2">Worst tenth, %</th>
<th class="ms" colspan="2">Spread over nodes</th><th class="ms" colspan="2">Simulated time, s</th></tr></thead>
<tbody>{% for row in node_rows %}
<tr><th>{{ row.method }}</th><td>{{ row.where }}</td>{% for cell in row.cells %}{{ pair(cell) }}{% endfor %}{{ pair(row.simulated) }}</tr>
{% endfor %}</tbody></table></div>
<p class="note">Mean ± standard deviation over seeds. The worst tenth is the mean of the tenth of the nodes that is served worst, one at
the least; the spread is the standard deviation over nodes. Fine-tuning nodes are judged on what their folds left out, at the
last epoch; a test node trains nothing, so no model is its own. Simulated time is that of pre-training under a trace.</p>
{% endif %}

{% if embedding_rows %}
<h2>What the embeddings are worth{{ mark() }}</h2>
<p>Before a label tuned them, on the test people; nothing is chosen by it.</p>
<div class="scroll"><table>
<thead><tr class="over"><th></th><th class="ms" colspan="6">Same recording by another sensor</th><th class="ms" colspan="4">Same class by another sensor</th>
<th class="ms" colspan="6">Class, accuracy, %</th><th class="ms" colspan="6">The space</th></tr>
<tr><th>Method</th>{% for name in ("Recall@1, %", "Recall@5, %", "mAP", "Recall@1, %", "mAP", "1 neighbour", "5 neighbours", "linear probe", "alignment", "uniformity", "node guess") %}<th class="ms" colspan="2">{{ name }}</th>{% endfor %}</tr></thead>
<tbody>{% for row in embedding_rows %}
<tr{% if row.front %} class="front"{% endif %}><th>{{ row.method }}</th>{% for cell in row.cells %}{{ pair(cell) }}{% endfor %}</tr>
{% endfor %}</tbody></table></div>
<p class="note">Retrieval from each sensor to each other one, mean over the directions; ties count by their expectation.
Neighbours and probe learn from the fine-tuning samples. Alignment: mean squared distance of two sensors' embeddings of one
sample (0 best); uniformity: the lower the more spread out. Node guess: whether an embedding tells which pre-training node it
came from (0 chance, 1 always). Each direction and sensor is in summary.json.</p>
{% endif %}

{% if pairings %}
<h2>Who was bound to whom{{ mark() }}</h2>
<p>Each row is the class of a sample, each column the class of the partner that binding found for it; counts are added
over the seeds. A perfect binding fills the diagonal.
{% if pairing is not none %}<strong>{{ "%.1f" | format(100 * pairing) }}&nbsp;%</strong> of the pairs share their class;
{% if raw_cosine is not none %}the cosine of the raw normalised windows reaches
<strong>{{ "%.1f" | format(100 * raw_cosine) }}&nbsp;%</strong>.{% else %}the raw cosine was not measured.{% endif %}{% endif %}</p>
{% for method, svg in pairings %}
{% if loop.first %}
<div class="scroll">{{ svg }}</div>
{% else %}
<details><summary>{{ method }}</summary><div class="scroll">{{ svg }}</div></details>
{% endif %}
{% endfor %}
<p class="note">Shade: share of the row <span class="scale">{{ scale }}</span></p>
{% endif %}

{% if candidates %}
<h2>By which modality{{ mark() }}</h2>
<p>What {{ headline }} could bind two groups by. The score is made without a label: how clearly events stand apart within a
node, less half of how well the node can be told. Beside it, where nodes permit the audit, the share of nearest neighbours
that truly are of one class.</p>
<div class="scroll"><table>
<thead><tr><th>Groups</th><th>Modality</th><th class="n">Score</th><th class="n">Events apart</th><th class="n">Nodes told</th>
<th class="n">Right pairs, %</th><th class="n">Taken, seeds</th></tr></thead>
<tbody>{% for row in candidates %}
<tr><td>{{ row.groups }}</td><th>{{ row.by }}</th><td class="n">{{ row.score }}</td><td class="n">{{ row.separability }}</td>
<td class="n">{{ row.node_guess }}</td><td class="n">{{ row.right }}</td><td class="n">{{ row.taken }}</td></tr>
{% endfor %}</tbody></table></div>
{% endif %}

{% if losses or other_losses %}
<h2>Training losses{{ mark() }}</h2>
{% if losses %}
<p>{{ losses_of }}: each node's own loss, and all nodes together.</p>
{{ charts(losses) }}
{% endif %}
{% if other_losses %}
<details><summary>The other methods and seeds ({{ other_losses | length }} charts)</summary>{{ charts(other_losses) }}</details>
{% endif %}
{% endif %}

{% if fine_tuning %}
<h2>Fine-tuning{{ mark() }}</h2>
<p>Mean over the seeds; the band reaches from the lowest to the highest seed. Triangles mark the epochs that were chosen.
The test curve is drawn for comparison with published figures only: test data choose nothing.</p>
{{ charts(fine_tuning) }}
{% endif %}

{% if confusion %}
<h2>What was taken for what{{ mark() }}</h2>
<p>Test samples of {{ headline }}, all fine-tuned modalities present, counts added over the seeds.</p>
<div class="scroll">{{ confusion }}</div>
<p class="note">Shade: share of the row <span class="scale">{{ scale }}</span></p>
{% if mix_ups %}
<h3>Most frequent mix-ups</h3>
<div class="scroll"><table>
<thead><tr><th>Class</th><th>taken for</th><th class="n">Times</th><th class="n">% of the class</th></tr></thead>
<tbody>{% for actual, taken, count, share in mix_ups %}
<tr><td class="words">{{ actual }}</td><td class="words">{{ taken }}</td><td class="n">{{ count }}</td><td class="n">{{ share }}</td></tr>
{% endfor %}</tbody></table></div>
{% endif %}
{% endif %}

{% if headline_rows %}
<h2>What travelled{{ mark() }}</h2>
<p>Bytes of {{ headline }}, mean over the seeds. <span class="key" style="background:var(--blue)"></span>up: from the nodes.
<span class="key" style="background:var(--orange)"></span>down: to the nodes.</p>
<div class="two">
{% for title, table in bytes_by %}{{ travelled(title, table) }}{% endfor %}
</div>
{% if bytes_by_block.rows %}
<details><summary>By block of each phase, as serialised</summary>
{{ travelled("phase: block", bytes_by_block) }}
</details>
{% endif %}
{% if bytes_by_method.rows | length > 1 %}
<h3>Every method</h3>
<div class="scroll"><table>
<thead><tr><th>Method</th><th class="n">Up, {{ bytes_by_method.unit }}</th><th class="n">Down, {{ bytes_by_method.unit }}</th></tr></thead>
<tbody>{% for row in bytes_by_method.rows %}
<tr><th>{{ row.method }}</th><td class="n">{{ row.up }}</td><td class="n">{{ row.down }}</td></tr>
{% endfor %}</tbody></table></div>
{% endif %}

<h2>Time{{ mark() }}</h2>
<p>Seconds of wall time per seed, mean over the seeds. Jobs that ran side by side slow each other.</p>
<div class="scroll"><table>
<thead><tr><th>Phase</th>{% for method in times.methods %}<th class="n">{{ method }}</th>{% endfor %}</tr></thead>
<tbody>{% for phase, cells in times.rows %}
<tr><th>{{ phase }}</th>{% for cell in cells %}<td class="n">{{ cell }}</td>{% endfor %}</tr>
{% endfor %}</tbody>
<tfoot><tr><th>whole job</th>{% for cell in times.total %}<td class="n">{{ cell }}</td>{% endfor %}</tr></tfoot>
</table></div>
{% endif %}

<h2>What was left out</h2>
<h3>Nodes that missed a round</h3>
{% if skipped_nodes %}
<div class="scroll"><table>
<thead><tr><th>Node</th><th>Reason</th><th>Method</th><th>Phase</th><th class="n">Times</th><th>Rounds</th></tr></thead>
<tbody>{% for row in skipped_nodes[:100] %}
<tr><td>{{ row.node }}</td><td class="words">{{ row.reason }}</td><td>{{ row.method }}</td><td>{{ row.phase }}</td>
<td class="n">{{ row.times }}</td><td class="where words">{{ row.where }}</td></tr>
{% endfor %}</tbody></table></div>
{% if skipped_nodes | length > 100 %}<p class="note">and {{ skipped_nodes | length - 100 }} more rows; they are in the run folder.</p>{% endif %}
{% else %}<p>None: every node took part in every round{% if not whole %} so far{% endif %}.</p>{% endif %}
<h3>Files and stretches of data</h3>
{% if skipped_files %}
<div class="scroll"><table>
<thead><tr><th>Where</th><th>Reason</th><th class="n">Jobs</th></tr></thead>
<tbody>{% for where, reason, jobs in skipped_files[:100] %}
<tr><td class="words">{{ where }}</td><td class="words">{{ reason }}</td><td class="n">{{ jobs }}</td></tr>
{% endfor %}</tbody></table></div>
{% if skipped_files | length > 100 %}<p class="note">and {{ skipped_files | length - 100 }} more; they are in the run folder.</p>{% endif %}
{% else %}<p>None{% if not whole %} reported so far{% endif %}.</p>{% endif %}

{% if notes %}
<h2>Notes of the run</h2>
<ul>{% for note in notes[:50] %}<li>{{ note }}</li>{% endfor %}</ul>
{% endif %}

<h2>Settings and surroundings</h2>
<details><summary>Resolved configuration</summary><pre>{{ config or "not recorded" }}</pre></details>
<details><summary>Environment</summary>
<div class="scroll"><table><tbody>{% for what, value in environment %}<tr><th>{{ what }}</th><td class="words">{{ value }}</td></tr>{% endfor %}</tbody></table></div></details>
<footer>Made by fedbind from the run folder alone; this page loads nothing from elsewhere.</footer>
</main>
</body>
</html>
"""
