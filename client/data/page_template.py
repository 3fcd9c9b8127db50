"""The template of the page that `fedbind data check` writes: a Python module, since an app bundle carries no HTML."""

# ruff: noqa: E501

TEMPLATE = r"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{{ found.title }} · fedbind data check</title>
<style>
body { margin: 0; color: #1c2733; font: 15px/1.5 system-ui, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", Arial, sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 36px 28px 64px; }
h1 { font-size: 27px; margin: 0 0 8px; } h2 { font-size: 19px; margin: 44px 0 4px; border-top: 1px solid #dde3ea; padding-top: 14px; }
.muted, figcaption { color: #5b6875; font-size: 13px; } figure { margin: 0; } figcaption { margin-top: 1px; }
.tag { display: inline-block; font-size: 12px; font-weight: 650; padding: 1px 9px; border-radius: 999px; border: 1px solid; }
.real { color: #00684b; } .sim { color: #a34700; }
.row { display: flex; flex-wrap: wrap; gap: 10px 16px; align-items: flex-start; margin: 8px 0; }
.row .class { width: 170px; font-weight: 550; overflow-wrap: anywhere; }
pre { background: #f5f7fa; border: 1px solid #dde3ea; border-radius: 8px; padding: 12px 16px; font-size: 13px; white-space: pre-wrap; overflow-wrap: anywhere; }
svg { display: block; max-width: 100%; } .key { display: inline-block; width: 16px; height: 3px; vertical-align: 4px; margin: 0 3px 0 9px; }
</style>
</head>
<body><main>
<h1>{{ found.title }}</h1>
<p>{% if found.simulated %}<span class="tag sim">SIMULATED</span>{% else %}<span class="tag real">read from files</span>{% endif %}
 {{ found.recordings }} recordings of {{ found.by_subject|length }} subjects</p>
<p class="muted">This page shows recorded values and the names of subjects: it may lie where the recordings may.</p>
<pre>{{ text }}</pre>
{% for each in sections %}
<h2>{{ each.name }}{% if found.simulated %} <span class="tag sim">SIMULATED</span>{% endif %}</h2>
<p class="muted">{{ each.facts.kind }}, {{ each.facts.channels }} × {{ "%g"|format(each.facts.rate_hz) }} Hz.
 Every picture reaches from {{ each.low }} to {{ each.high }} {{ each.facts.unit }}, and shows the middle of one recording.
 Channels{% if each.channels|length < each.facts.channels %} (some){% endif %}:{% for channel, colour in each.channels %}<span class="key" style="background: {{ colour }}"></span>{{ channel }}{% endfor %}</p>
{% for row in each.rows %}
<div class="row"><div class="class">{{ row.name }}</div>
{% for picture in row.pictures %}
<figure title="{{ picture.of }}">{{ picture.svg }}<figcaption>subject {{ picture.subject }}, {{ "%.3g"|format(picture.seconds) }} s</figcaption></figure>
{% else %}
<div class="muted">no recording</div>
{% endfor %}
</div>
{% endfor %}
{% endfor %}
</main></body>
</html>
"""
