"""How HTML sheets look: on a wide screen, on a phone, on paper."""

STYLE = """\
:root { color-scheme: light dark; --ink: #1b1b1b; --soft: #5f6368; --rule: #d5d8dc; --paper: #fff; --tint: #f5f7fa;
  --good: #17713a; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8e8e8; --soft: #a6abb1; --rule: #3c4046; --paper: #16181b; --tint: #1f2226; --good: #6fcf97; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 1.0625rem/1.6 Georgia, "Noto Serif", "DejaVu Serif", serif; -webkit-text-size-adjust: 100%; }
main { max-width: 46rem; margin: 0 auto; padding: 1.5rem 1.1rem 4rem; }
h1, h2, h3 { line-height: 1.25; margin: 2.2em 0 .6em; }
h1 { font-size: 1.8rem; margin-top: .5em; }
h2 { font-size: 1.35rem; }
h3 { font-size: 1.1rem; padding-top: .8em; border-top: 1px solid var(--rule); }
math mfrac { margin: 0 .12em; }
math { font-family: "STIX Two Math", "Cambria Math", "Latin Modern Math", "STIX Math", math; font-size: 1.08em; }
mtd { padding: .15em .4em; }
a { color: inherit; }
code, pre { font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; font-size: .88em; }
pre { background: var(--tint); padding: .7em .9em; overflow-x: auto; border-radius: 4px; }
blockquote { margin: 1em 0; padding: .1em 1em; border-left: 3px solid var(--rule); color: var(--soft); }
table { border-collapse: collapse; display: block; overflow-x: auto; margin: 1em 0; }
th, td { border-bottom: 1px solid var(--rule); padding: .3em .8em .3em 0; text-align: left; }
.formula { margin: .9em 0; overflow-x: auto; overflow-y: hidden; padding: .15em 0; }
.where { text-align: center; color: var(--soft); margin-top: .4em; }
.steps { list-style: none; counter-reset: step; margin: 1em 0; padding: 0; }
.steps li { counter-increment: step; display: grid; grid-template-columns: 2em minmax(0, 1fr) 13rem; gap: 0 .6em;
  align-items: center; padding: .45em 0; border-bottom: 1px solid var(--rule); }
.steps li::before { content: counter(step) "."; color: var(--soft); font-size: .9em; }
.line { overflow-x: auto; overflow-y: hidden; padding: .15em 0; }
.line math { text-align: left; margin: .1em 0; width: max-content; }
.formula, .line { scrollbar-width: thin; }
.line .where { text-align: left; }
.rule { color: var(--soft); font-size: .86em; line-height: 1.35; }
.mark, .verdict { color: var(--good); }
.verdict { font-size: .92em; }
details { margin: .4em 0; padding: .3em .9em; background: var(--tint); border-radius: 4px; }
details > :last-child { margin-bottom: .2em; }
summary { cursor: pointer; color: var(--soft); }
.howto { color: var(--soft); font-size: .92em; }
.answer label { display: block; color: var(--soft); font-size: .92em; margin-top: 1em; }
textarea { width: 100%; background: var(--tint); color: inherit; border: 1px solid var(--rule); border-radius: 4px;
  padding: .6em .8em; font: .95rem/1.5 ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; resize: vertical; }
.answer button { font: inherit; font-size: .92em; margin-top: .4em; padding: .2em 1em; border: 1px solid var(--rule);
  border-radius: 4px; background: var(--tint); color: inherit; cursor: pointer; }
.answer output { display: block; white-space: pre-wrap; overflow-wrap: anywhere; margin-top: .4em;
  font: .85rem/1.5 ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; }
.answer output[data-status="right"] { color: var(--good); }
.copy { background: none; padding: 0; font-size: .86em; }
.latex { user-select: all; -webkit-user-select: all; overflow-wrap: anywhere; }
@media screen { .room { display: none; } }
.room { height: calc(var(--lines) * 36px); margin: 1em 0 2em;
  background: repeating-linear-gradient(transparent 0 35px, var(--rule) 35px 36px); }
figure { margin: 1.2em 0; }
figure svg { max-width: 100%; height: auto; background: #fff; border-radius: 4px; }
figcaption { color: var(--soft); font-size: .86em; }
@media (max-width: 40rem) {
  .steps li { grid-template-columns: 1.6em minmax(0, 1fr); }
  .rule { grid-column: 2; padding-bottom: .2em; }
}
@media print {
  :root { color-scheme: light; --ink: #000; --soft: #333; --rule: #bbb; --paper: #fff; --tint: #fff; --good: #000; }
  body { font-size: 10.5pt; }
  main { max-width: none; padding: 0; }
  details, .answer, .howto { display: none; }
  h1, h2, h3 { break-after: avoid; }
  .steps li, .formula, figure, .room { break-inside: avoid; }
  .formula, .line { overflow: visible; }
  .room { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  @page { margin: 2cm; }
}
"""
