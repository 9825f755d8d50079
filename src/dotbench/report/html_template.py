"""The markup and the looks of HTML tables; in Python, so that a changed look rebuilds the tables."""

STYLE = """
:root { --ink: #1d2430; --soft: #5d6878; --line: #d5dae1; --head: #eef1f5; }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 2rem 3rem; max-width: 110rem; color: var(--ink); background: #fff;
       font: 15px/1.45 system-ui, "Segoe UI", "Liberation Sans", Arial, sans-serif; }
h1 { font-size: 1.35rem; margin: 0 0 .4rem; }
h2 { font-size: 1.05rem; margin: 1.8rem 0 .5rem; }
p { max-width: 62rem; margin: .3rem 0; }
.grid { overflow: auto; max-height: 85vh; border: 1px solid var(--line); border-radius: 4px; width: fit-content;
        max-width: 100%; }
table { border-collapse: separate; border-spacing: 0; font-variant-numeric: tabular-nums; font-size: .92rem; }
th, td { padding: .3rem .6rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); }
th { background: var(--head); font-weight: 600; }
thead { position: sticky; top: 0; z-index: 2; }
thead tr.groups th { text-align: center; border-left: 1px solid var(--line); }
.text { text-align: left; }
td.first, th.first { position: sticky; left: 0; z-index: 1; background: #fff; border-right: 1px solid var(--line); }
th.first { background: var(--head); }
tr.section td { background: #f7f8fa; color: var(--soft); font-weight: 600; text-align: left; padding-top: .7rem; }
tr.bound td { color: var(--soft); font-style: italic; }
.wrap td { white-space: normal; overflow-wrap: anywhere; min-width: 9rem; }
tbody tr:last-child td { border-bottom: 0; }
small { color: var(--soft); font-size: .85em; display: block; }
sup { color: var(--soft); font-size: .72em; margin-left: .1em; }
.mark { display: inline-block; min-width: 1.3em; margin-left: .35em; text-align: center; border-radius: 3px;
        padding: 0 .25em; }
.spelled { min-width: 9.5em; text-align: left; padding: 0 .5em; margin-left: 0; }
.reproduced     { background: #d3eadb; color: #0b4f2c; }
.better         { background: #1f5fa8; color: #fff; }
.worse          { background: #f6c99b; color: #6b2f00; }
.different      { background: #f3e3a1; color: #574500; }
.not_comparable { background: #e4e6ea; color: #3d4653; }
.failed         { background: #3a1220; color: #fff; }
.not_run        { background: #fff; color: var(--soft); box-shadow: inset 0 0 0 1px #b6bec9; }
ol, ul { max-width: 62rem; padding-left: 1.4rem; } li { margin: .2rem 0; overflow-wrap: anywhere; }
.how { color: var(--soft); font-size: .92rem; }
input { font: inherit; padding: .3rem .5rem; width: 22rem; border: 1px solid #b6bec9; border-radius: 4px; }
@media print { .grid { max-height: none; overflow: visible; } thead { position: static; } body { max-width: none; } }
"""

# Only long tables have it; without scripts they stay readable.
SEARCH = """
const box = document.getElementById("filter");
box.addEventListener("input", () => {
  const words = box.value.toLowerCase().split(/\\s+/).filter(Boolean);
  for (const row of document.querySelectorAll("tbody tr")) {
    const text = row.textContent.toLowerCase();
    row.hidden = !words.every(word => text.includes(word));
  }
});
"""

TEMPLATE = """\
{% macro place(item, classes) %}
<td class="{{ classes }}">
{%- if item.text and not (item.spell and item.verdict) %}{{ item.text }}{% endif %}
{%- if item.verdict %}<span class="mark {{ item.verdict }}{{ ' spelled' if item.spell }}" \
title="{{ verdicts[item.verdict].word }}: {{ verdicts[item.verdict].meaning }}">{{ item.mark }}</span>{% endif %}
{%- if item.notes %}<sup>{{ item.notes | join(",") }}</sup>{% endif %}
{%- if item.below %}<small>{{ item.below }}</small>{% endif %}</td>
{% endmacro %}
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ table.title }}</title>
<style>{{ style }}</style>
</head>
<body>
<h1>{{ table.title }}</h1>
{% if table.caption %}<p>{{ table.caption }}</p>{% endif %}
{% if table.searchable %}<p><input id="filter" type="search" placeholder="show rows with: words" \
aria-label="show rows with these words"></p>{% endif %}
{% for grid in table.grids %}
{% if grid.title %}<h2>{{ grid.title }}</h2>{% endif %}
<div class="grid"><table{{ ' class="wrap"' | safe if grid.wrap }}>
<thead>
{% if grid.groups %}<tr class="groups">{% for group, span in grid.groups %}\
<th colspan="{{ span }}">{{ group }}</th>{% endfor %}</tr>{% endif %}
<tr>{% for name in grid.header %}<th class="{{ 'first text' if loop.first else 'text' if loop.index0 < grid.left }}">\
{{ name }}</th>{% endfor %}</tr>
</thead>
<tbody>
{% for section in grid.sections %}
{% if section.title %}<tr class="section"><td colspan="{{ grid.header | length }}">{{ section.title }}</td></tr>{% endif %}
{% for line in section.lines %}
<tr class="{{ line.kind }}">{% for item in line.items %}\
{{ place(item, 'first text' if loop.first else 'text' if loop.index0 < grid.left else '') }}{% endfor %}</tr>
{% endfor %}
{% endfor %}
</tbody>
</table></div>
{% endfor %}
{% if table.notes %}<ol>{% for note in table.notes %}<li>{{ note }}</li>{% endfor %}</ol>{% endif %}
{% if table.legend %}<h2>How to read it</h2><ul class="how">\
{% for line in table.legend %}<li>{{ line }}</li>{% endfor %}</ul>{% endif %}
{% if table.searchable %}<script>{{ search }}</script>{% endif %}
</body>
</html>
"""
