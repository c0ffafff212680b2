"""Graphs as pictures: boxes in layers from the top down, arrows with labels; SVG and the DOT language of Graphviz."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

LETTER = 7.6
"""Width of a letter of 14 px, on the average."""
HEIGHT = 32.0
LINE = 17.0
GAP = 26.0
LAYER = 52.0
MARGIN = 12.0
SHORT = 22
"""Letters of a label; a longer one is cut, and stands in full in the tooltip."""
ROUNDS = 6
"""Sweeps that order the boxes of a layer by where their neighbours are."""

STYLE = """
  svg.matdiff { --ink: #1b1b1f; --soft: #5b5f6b; --box: #ffffff; --line: #8a8f9c; --in: #e8f0fe; --out: #fdeee2; --page: #ffffff; }
  @media (prefers-color-scheme: dark) {
    svg.matdiff { --ink: #ececf1; --soft: #b6bac6; --box: #26282e; --line: #7c818e; --in: #22344f; --out: #4d3522; --page: #17181c; }
  }
  svg.matdiff { background: var(--page); max-width: 100%; height: auto; }
  svg.matdiff text { font: 14px ui-sans-serif, system-ui, "DejaVu Sans", sans-serif; fill: var(--ink); text-anchor: middle; }
  svg.matdiff text.label { font-size: 12px; fill: var(--soft); stroke: var(--page); stroke-width: 4px; paint-order: stroke; }
  svg.matdiff text.value { font-size: 12px; fill: var(--soft); }
  svg.matdiff rect { fill: var(--box); stroke: var(--line); }
  svg.matdiff rect.in { fill: var(--in); }
  svg.matdiff rect.out { fill: var(--out); }
  svg.matdiff path { fill: none; stroke: var(--line); stroke-width: 1.4; }
  svg.matdiff marker path { fill: var(--line); stroke: none; }
"""  # noqa: E501  (one rule of the style sheet a line)


@dataclass(frozen=True, slots=True)
class Box:
    """What stands in a node: its text, perhaps a value below it; `kind` is in, out, or nothing."""

    name: str
    text: str
    value: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Arrow:
    source: str
    target: str
    label: str = ""


def dot(boxes: Sequence[Box], arrows: Sequence[Arrow]) -> str:
    """The graph in the DOT language, for Graphviz."""
    fill = {"in": ', style=filled, fillcolor="#e8f0fe"', "out": ', style=filled, fillcolor="#fdeee2"'}
    lines = ["digraph {", "  rankdir=TB;", '  node [shape=box, fontname="sans-serif"];']
    for b in boxes:
        text = "\\n".join(_quoted(t) for t in (b.text, b.value) if t)
        lines.append(f'  "{_quoted(b.name)}" [label="{text}"{fill.get(b.kind, "")}];')
    lines += [
        f'  "{_quoted(a.source)}" -> "{_quoted(a.target)}" [label="{_quoted(a.label)}", fontsize=11];' for a in arrows
    ]
    return "\n".join([*lines, "}", ""])


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def svg(boxes: Sequence[Box], arrows: Sequence[Arrow], title: str = "") -> str:
    """The graph as an SVG that follows the page's light or dark scheme and shrinks with a narrow window."""
    layers, chains = _layers(boxes, arrows)
    known = {b.name: b for b in boxes}
    widths = {n: _width(known[n]) if n in known else 14.0 for layer in layers for n in layer}
    tall = HEIGHT + (LINE if any(b.value for b in boxes) else 0.0)
    full = max(sum(widths[n] for n in layer) + GAP * (len(layer) - 1) for layer in layers)
    place: dict[str, tuple[float, float]] = {}
    for i, layer in enumerate(layers):
        x = MARGIN + (full - sum(widths[n] for n in layer) - GAP * (len(layer) - 1)) / 2
        for n in layer:
            place[n] = x + widths[n] / 2, MARGIN + i * (tall + LAYER) + tall / 2
            x += widths[n] + GAP
    fan = Counter(a.source for a in arrows)
    labels = [_label(chain, place, tall, a, fan[a.source]) for a, chain in chains]
    room = max((abs(x - (MARGIN + full / 2)) + LETTER * len(_cut(a.label)) / 2 for x, _, a in labels), default=0.0)
    wide = max(full, 2 * room) + 2 * MARGIN
    shift = (wide - full) / 2 - MARGIN
    height = 2 * MARGIN + len(layers) * tall + (len(layers) - 1) * LAYER
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="matdiff" role="img" width="{wide:.0f}" height="{height:.0f}" '
        f'viewBox="{-shift:.1f} 0 {wide:.1f} {height:.1f}">',
        f"<title>{_escaped(title or 'computational graph')}</title>",
        f"<style>{STYLE}</style>",
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0 L8 4 L0 8 z"/></marker></defs>',
    ]
    out += [f'<path d="{_curve(chain, place, tall)}" marker-end="url(#tip)"/>' for _, chain in chains]
    for b in boxes:
        (x, y), w = place[b.name], widths[b.name]
        out.append(
            f'<rect class="{b.kind}" x="{x - w / 2:.1f}" y="{y - tall / 2:.1f}" width="{w:.1f}" '
            f'height="{tall:.1f}" rx="6"/>'
        )
        at = y - (LINE / 2 if b.value else 0.0) + 5
        out.append(f'<text x="{x:.1f}" y="{at:.1f}">{_escaped(b.text)}</text>')
        if b.value:
            out.append(f'<text class="value" x="{x:.1f}" y="{at + LINE:.1f}">{_escaped(b.value)}</text>')
    for x, y, a in labels:
        if a.label:
            full_text = f"<title>{_escaped(a.label)}</title>" if len(a.label) > SHORT else ""
            out.append(f'<text class="label" x="{x:.1f}" y="{y + 4:.1f}">{full_text}{_escaped(_cut(a.label))}</text>')
    return "\n".join([*out, "</svg>", ""])


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def _cut(label: str) -> str:
    return label if len(label) <= SHORT else label[: SHORT - 1] + "…"


def _width(b: Box) -> float:
    return max(46.0, LETTER * max(len(b.text), 0.86 * len(b.value)) + 20)


Chain = list[str]


def _layers(boxes: Sequence[Box], arrows: Sequence[Arrow]) -> tuple[list[list[str]], list[tuple[Arrow, Chain]]]:
    """The names of each layer, places where long arrows pass among them; and every arrow with what it passes.

    Boxes come before those that arrows lead to.
    """
    into: dict[str, list[str]] = {}
    out: dict[str, list[str]] = {}
    for a in arrows:
        into.setdefault(a.target, []).append(a.source)
        out.setdefault(a.source, []).append(a.target)
    level: dict[str, int] = {}
    for b in boxes:
        level[b.name] = 1 + max((level[s] for s in into.get(b.name, [])), default=-1)
    for b in boxes:
        if b.name not in into and b.name in out:
            level[b.name] = min(level[t] for t in out[b.name]) - 1
    layers: list[list[str]] = [[] for _ in range(1 + max(level.values(), default=0))]
    for b in boxes:
        layers[level[b.name]].append(b.name)
    chains: list[tuple[Arrow, Chain]] = []
    for k, a in enumerate(arrows):
        chain = [a.source]
        for i in range(level[a.source] + 1, level[a.target]):
            layers[i].append(f"\0{k}.{i}")
            chain.append(f"\0{k}.{i}")
        chains.append((a, [*chain, a.target]))
    _ordered(layers, [c for _, c in chains])
    return layers, chains


def _ordered(layers: list[list[str]], chains: Sequence[Chain]) -> None:
    """Each layer in the order of the middle of its neighbours above, then below (Sugiyama et al. 1981)."""
    above: dict[str, list[str]] = {}
    below: dict[str, list[str]] = {}
    for chain in chains:
        for s, t in pairwise(chain):
            above.setdefault(t, []).append(s)
            below.setdefault(s, []).append(t)
    for turn in range(ROUNDS):
        neighbours, order = (above, layers[1:]) if turn % 2 == 0 else (below, layers[-2::-1])
        at = _positions(layers)
        for layer in order:
            layer.sort(key=lambda n: _middle(n, neighbours, at))
            at.update(_positions([layer]))


def _positions(layers: Sequence[Sequence[str]]) -> dict[str, float]:
    return {n: (i + 0.5) / len(layer) for layer in layers for i, n in enumerate(layer)}


def _middle(n: str, neighbours: Mapping[str, Sequence[str]], at: Mapping[str, float]) -> float:
    near = neighbours.get(n)
    return sum(at[m] for m in near) / len(near) if near else at[n]


def _curve(chain: Chain, place: Mapping[str, tuple[float, float]], tall: float) -> str:
    """From the lower side of the first box to the upper side of the last, upright where it passes a layer."""
    points = [place[n] for n in chain]
    (x, y), last = points[0], len(points) - 1
    y += tall / 2
    out = f"M{x:.1f} {y:.1f}"
    for i, (x2, y2) in enumerate(points[1:], 1):
        end = y2 - tall / 2
        half = (end - y) / 2
        out += f" C{x:.1f} {y + half:.1f} {x2:.1f} {end - half:.1f} {x2:.1f} {end:.1f}"
        x, y = x2, end
        if i < last:
            y += tall
            out += f" L{x:.1f} {y:.1f}"
    return out


def _label(
    chain: Chain, place: Mapping[str, tuple[float, float]], tall: float, a: Arrow, fan: int
) -> tuple[float, float, Arrow]:
    """Where an arrow's label stands on the last stretch: nearer to the target where several leave the source."""
    (x1, y1), (x2, y2) = place[chain[-2]], place[chain[-1]]
    across, down = (0.8, 0.58) if fan > 1 and len(chain) == 2 else (0.42, 0.45)
    return x1 + across * (x2 - x1), y1 + tall / 2 + down * (y2 - y1 - tall), a


__all__ = ["Arrow", "Box", "dot", "svg"]
