"""How the pages of studies begin; each is given its `study`."""

from __future__ import annotations

PAGE_HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{ study.title }}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body { font: 15px/1.5 system-ui, sans-serif; color: #1c2733; max-width: 66rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; margin: 1rem 0 } th, td { padding: .25rem .8rem; border-bottom: 1px solid #e3e8ee }
th { text-align: left } td.n { text-align: right; font-variant-numeric: tabular-nums } img { max-width: 100% }
p.note { color: #5b6875 } tr.of { background: #eef5fb } pre { background: #f6f8fa; padding: .6rem; overflow-x: auto }
</style></head><body>
"""
