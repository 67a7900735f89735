"""The style sheet of the page: light or dark as the reader's system asks, and readable from 360 pixels on.

Text keeps a contrast of 4.5:1 and lines one of 3:1 on both backgrounds.
"""

STYLE = """
:root { color-scheme: light dark; --paper: #fdfdfe; --card: #f1f4f7; --ink: #1f2429; --muted: #5a626c;
  --grid: #d5dae0; --accent: #0063a0; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #14181d; --card: #1f252c; --ink: #e7eaee; --muted: #a3acb7; --grid: #38414b; --accent: #62b5f0; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
header, main, footer { max-width: 72rem; margin: 0 auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 1.5rem 0 .25rem; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 .5rem; }
h3 { font-size: 1rem; margin: 1.5rem 0 .5rem; }
p { max-width: 46rem; margin: .5rem 0; }
a { color: var(--accent); }
a:focus-visible, [tabindex]:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.skip { position: absolute; left: -100rem; }
.skip:focus { left: 1rem; top: .5rem; background: var(--paper); padding: .25rem .5rem; }
.muted { color: var(--muted); }
.verdict { border-left: .4rem solid var(--accent); background: var(--card); padding: .75rem 1rem; margin: 1rem 0; }
.verdict .word { font-size: 1.6rem; font-weight: 700; margin: 0; }
.numbers { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(15rem, 100%), 1fr)); gap: .75rem;
  margin: 1rem 0; }
.numbers > div { background: var(--card); padding: .6rem .8rem; }
.numbers dt { color: var(--muted); font-size: .85rem; }
.numbers dd { margin: 0; font-size: .85rem; overflow-wrap: anywhere; }
.numbers .value { font-size: 1.35rem; font-weight: 650; font-variant-numeric: tabular-nums; }
.scroll, .picture { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: separate; border-spacing: 0; font-size: .85rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--muted); padding-bottom: .4rem; }
th, td { padding: .3rem .5rem; border-bottom: 1px solid var(--grid); text-align: right; white-space: nowrap; }
td.long { white-space: normal; min-width: 16rem; text-align: left; }
code { white-space: nowrap; font-size: .9em; }
thead th { vertical-align: bottom; white-space: normal; }
th:first-child, th[scope=row] { text-align: left; }
tbody th { position: sticky; left: 0; background: var(--paper); }
.picture svg { display: block; width: 100%; min-width: 40rem; height: auto; }
figure { margin: 1.5rem 0; }
figcaption { color: var(--muted); font-size: .9rem; max-width: 46rem; }
.pairs dl > div, .words dl > div { display: grid; grid-template-columns: minmax(8rem, 14rem) 1fr; gap: .1rem 1rem;
  padding: .2rem 0; border-bottom: 1px solid var(--grid); font-size: .9rem; }
.pairs dt, .words dt { font-weight: 600; }
.pairs dd, .words dd { margin: 0; overflow-wrap: anywhere; }
footer { margin: 3rem auto 2rem; }
@media (max-width: 40rem) { code { white-space: normal; }
  .pairs dl > div, .words dl > div { grid-template-columns: 1fr; } }
@media print { .scroll, .picture { overflow: visible; } }
"""
