"use strict";
/* What is typed is sent to the engine, and what comes back is put into the page as nodes: nothing ever becomes HTML. */

const $ = (id) => document.getElementById(id);
const input = $("input");
const state = { f: "", by: "", let: {}, tab: "", open: ["steps"], target: "numpy", mine: "", ask: "" };
let about = { formats: ["text", "latex", "markdown"], targets: ["numpy"], attributes: [], verifies: true };
let last = null; // the last reading and answer that could be made: {reading, answer, steps}
let serial = 0;

/* Nodes */

function node(tag, options = {}, ...inside) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(options)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "class") made.className = value;
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...inside.filter((part) => part !== null && part !== ""));
  return made;
}

function fill(place, ...inside) {
  place.replaceChildren(...inside.filter((part) => part !== null && part !== undefined));
}

/* MathML: only elements and attributes that set formulas; whatever else there might be stays text. */

const MATHML = "http://www.w3.org/1998/Math/MathML";
const ELEMENTS = new Set(("math mfrac mi mn mo mover mrow mspace msqrt mroot msub msubsup msup mtable mtd mtext mtr munder" +
  " munderover mstyle mpadded").split(" "));
const ATTRIBUTES = new Set(("accent columnalign display fence form largeop linethickness lspace mathvariant movablelimits" +
  " rspace stretchy width").split(" "));
const ENTITIES = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
const TOKEN = /<(\/?)([a-z]+)((?:\s+[a-z]+="[^"<>]*")*)\s*(\/?)>|([^<]+|<)/g;

function plain(text) {
  return text.replace(/&(#x[0-9a-fA-F]+|#\d+|\w+);/g, (all, name) => {
    if (name[0] !== "#") return ENTITIES[name] ?? all;
    const code = name[1] === "x" ? parseInt(name.slice(2), 16) : parseInt(name.slice(1), 10);
    return code > 0 && code < 0x110000 ? String.fromCodePoint(code) : all;
  });
}

function mathNode(markup, display = "inline") {
  const root = document.createElementNS(MATHML, "math");
  root.setAttribute("display", display);
  const stack = [root];
  for (const [, closing, tag, attributes, alone, text] of markup.matchAll(TOKEN)) {
    const top = stack[stack.length - 1];
    if (text !== undefined) {
      // Signs that stand beside elements need one of their own to be shown.
      if (!text.trim()) continue;
      if (top.localName === "mo" && text === "-") top.append("−");
      else if (["mi", "mn", "mo", "mtext"].includes(top.localName)) top.append(plain(text));
      else top.append(leaf(/^\s*[\p{L}∇∂]+\s*$/u.test(text) ? "mi" : "mo", plain(text)));
    } else if (closing) {
      if (stack.length > 1) stack.pop();
    } else {
      const made = document.createElementNS(MATHML, ELEMENTS.has(tag) ? tag : "mrow");
      for (const [, name, value] of attributes.matchAll(/([a-z]+)="([^"]*)"/g))
        if (ATTRIBUTES.has(name)) made.setAttribute(name, plain(value));
      top.append(made);
      if (!alone) stack.push(made);
    }
  }
  return spaced(root);
}

const TALL = "mfrac, mtable, msqrt, munder, munderover, mo[largeop]";

/* Brackets grow only around what is tall, and a differential stands clear of the factor behind it. */
function spaced(root) {
  for (const sign of root.getElementsByTagNameNS(MATHML, "mo"))
    if ("()[]⟨⟩‖|".includes(sign.textContent) && !sign.parentNode.querySelector(TALL)) sign.setAttribute("stretchy", "false");
  for (const sign of [...root.getElementsByTagNameNS(MATHML, "mo")]) {
    const d = sign.previousElementSibling;
    const moved = d?.localName === "msub" ? d.firstElementChild : d;
    if (sign.textContent === "\u2062" && moved?.localName === "mrow" && moved.firstElementChild?.textContent === "d") {
      const gap = document.createElementNS(MATHML, "mspace");
      gap.setAttribute("width", "0.17em");
      sign.replaceWith(gap);
    }
  }
  return root;
}

function leaf(tag, text) {
  const made = document.createElementNS(MATHML, tag);
  made.append(text);
  return made;
}

function equation(left, right, display = "block") {
  return mathNode(left ? `${left}<mo>=</mo>${right}` : `<mo>=</mo>${right}`, display);
}

const length = (markup) => markup.replace(/<[^>]*>|&#x206[12];/g, "").length;

function sized(markup) {
  const n = length(markup);
  return n > 95 ? " longer" : n > 48 ? " long" : "";
}

function formula(math, extra = "", label = "") {
  const box = node("div", { class: `formula ${extra}`.trim() }, math);
  if (label) box.setAttribute("aria-label", label);
  return box;
}

// What is wider than the page scrolls, and must then be reached by keys.
const watch = new ResizeObserver((entries) => entries.forEach(({ target }) => reachable(target)));
function reachable(box) {
  const wide = box.scrollWidth > box.clientWidth + 1;
  box.classList.toggle("wide", wide && box.scrollLeft + box.clientWidth < box.scrollWidth - 2);
  if (wide) {
    box.onscroll = () => reachable(box);
    box.tabIndex = 0;
    box.setAttribute("role", "group");
    if (!box.hasAttribute("aria-label")) box.setAttribute("aria-label", "formula");
  } else if (box.id !== "reading") box.removeAttribute("tabindex");
}
function watchAll(place) {
  for (const box of place.querySelectorAll(".formula, pre")) {
    watch.observe(box);
    reachable(box);
  }
}

/* Asking */

const channels = {};
async function* ask(name, asked, channel = name) {
  channels[channel]?.abort();
  const control = (channels[channel] = new AbortController());
  try {
    for await (const event of engine.ask(name, asked, channel, control.signal)) {
      if (control.signal.aborted) return;
      yield event;
    }
  } catch (error) {
    if (!control.signal.aborted)
      yield { error: { kind: "Lost", message: "the server does not answer", hint: "Is `matdiff serve` still running?" } };
  }
}

function question(more = {}) {
  const asked = { function: state.f, declare: Object.entries(state.let).map(([name, said]) => `${name}: ${said}`) };
  if (state.by) asked.wrt = state.by;
  return { ...asked, ...more };
}

let timer = 0;
function later() {
  clearTimeout(timer);
  timer = setTimeout(run, engine.pause);
}

async function run() {
  const mine = ++serial;
  clearTimeout(timer);
  state.f = input.value;
  grow(input);
  if (!state.f.trim()) {
    clear();
    return;
  }
  const tab = ["jacobian", "hessian"].includes(state.tab) ? [state.tab] : [];
  const parts = [...state.open.filter((part) => part !== "check"), ...tab];
  const found = { asked: state.f, parts: {} };
  for await (const event of ask("page", question({ parts, target: state.target }))) {
    if (mine !== serial) return;
    // An older question that arrived after this one: ask again, for no other will.
    if (event.superseded) return later();
    if (event.error) {
      if (found.answer) partsLost(event.error, parts.filter((name) => !(name in found.parts)));
      else refuse(event.error);
      return;
    }
    if (event.event === "reading") showReading((found.reading = event));
    if (event.event === "answer") {
      found.answer = event;
      last = found;
      refuse(null);
      showAnswer();
      remember();
    }
    if (event.event === "part") {
      found.parts[event.name] = event;
      showPart(event.name);
    }
  }
}

async function fetchPart(name) {
  if (!last) return;
  const now = last;
  for await (const event of ask("page", question({ wrt: now.reading.wrt, parts: [name], target: state.target }), `part-${name}`)) {
    if (now !== last) return;
    if (event.error) partsLost(event.error, [name]);
    if (event.event === "part") {
      now.parts[event.name] = event;
      showPart(event.name);
    }
  }
}

function partsLost(error, names) {
  for (const name of names) {
    last.parts[name] = { name, refused: error.message, hint: error.hint };
    showPart(name);
  }
}

function clear() {
  last = null;
  refuse(null);
  fill($("reading"));
  fill($("types"));
  $("by").hidden = true;
  fill($("remarks"));
  $("answer").hidden = $("sections").hidden = true;
  share(false);
}

/* Refusals: at the place that they are about; the last good answer stays. */

function refuse(error) {
  for (const id of ["input-error", "types-error"]) {
    $(id).hidden = true;
    fill($(id));
  }
  input.removeAttribute("aria-invalid");
  const old = Boolean(error && last);
  $("answer").classList.toggle("old", old);
  $("sections").classList.toggle("older", old);
  $("stale").hidden = !old;
  if (!error) return;
  const place = error.field?.startsWith("declare") ? $("types-error") : $("input-error");
  if (place.id === "input-error") input.setAttribute("aria-invalid", "true");
  fill(place, ...explained(error));
  place.hidden = false;
}

/* Words with `what is typed` between them. */
function words(said) {
  return said.split(/`([^`]+)`/).map((part, i) => (i % 2 ? node("code", {}, part) : part));
}

/* A message in which carets point at the line above them: that place is marked. */
function told(said) {
  const lines = said.split("\n");
  const out = [];
  lines.forEach((line, i) => {
    const below = lines[i + 1]?.match(/^(\s*)(\^+)\s*$/);
    if (/^\s*\^+\s*$/.test(line)) return;
    const end = below && below[1].length + below[2].length;
    if (below) out.push(node("pre", {}, line.slice(0, below[1].length).trimStart(), node("mark", {}, line.slice(below[1].length, end)), line.slice(end)));
    else out.push(node("p", {}, ...words(line)));
  });
  return out;
}

function explained(error) {
  const rows = [node("strong", {}, ...words(error.message))];
  if (error.span && error.text) rows.push(marked(error.text, error.span));
  if (error.hint) rows.push(node("p", {}, ...words(error.hint)));
  return rows;
}

function marked(text, [start, end]) {
  const from = text.lastIndexOf("\n", start - 1) + 1;
  const stop = text.indexOf("\n", start);
  const to = stop < 0 ? text.length : stop;
  const letters = Array.from(text); // places count letters, of which some are two units here
  const whole = letters.length === text.length;
  const cut = (a, b) => (whole ? text.slice(a, b) : letters.slice(a, b).join(""));
  const until = Math.max(start + 1, Math.min(end, whole ? to : letters.length));
  const at = cut(start, until) || " ";
  return node("pre", {}, cut(whole ? from : 0, start), node("mark", {}, at), cut(until, whole ? to : letters.length));
}

/* The reading */

function showReading(reading) {
  const math = formula(mathNode(reading.formula, "block"), "", "");
  fill($("reading"), math.firstChild, ...(reading.where ?? []).map((w) => node("div", { class: "where" }, "where ", mathNode(w))));
  $("reading").className = `formula reading${sized(reading.formula)}`;
  watch.observe($("reading"));
  $("editor").dataset.names = reading.types.map((t) => t.name).join(" ");
  fill($("types"), ...reading.types.map(chip));
  if (!reading.types.some((t) => t.name === editing)) closeEditor();
  chooseBy(reading);
  fill($("remarks"), ...reading.remarks.map((said) => node("li", {}, ...words(said))));
}

function chip(type) {
  const own = type.by === "page";
  const said = type.said || type.kind;
  const names = { class: own ? "chip own" : "chip", type: "button", "aria-expanded": String(editing === type.name) };
  const by = type.by === "text" ? ", declared in the text" : own ? ", declared here" : "";
  return node("button", { ...names, "data-name": type.name, onclick: () => openEditor(type) },
    mathNode(type.math), node("span", {}, said), node("span", { class: "heard" }, `${by}: change it`));
}

function chooseBy(reading) {
  const chosen = reading.wrt.split(",");
  if (state.by && !state.by.split(",").every((name) => reading.variables.includes(name))) state.by = "";
  const box = $("by");
  box.hidden = reading.variables.length < 1;
  const focus = document.activeElement?.closest("#by") ? document.activeElement.value : "";
  fill(box, box.querySelector("legend"), ...reading.variables.map((name) => {
    const type = reading.types.find((t) => t.name === name);
    const tick = node("input", { type: "checkbox", value: name, "aria-label": `by ${name}`, onchange: pickBy });
    tick.checked = chosen.includes(name);
    return node("label", {}, tick, node("span", { "aria-hidden": "true" }, type ? mathNode(type.math) : name));
  }));
  if (focus) [...box.querySelectorAll("input")].find((tick) => tick.value === focus)?.focus();
}

function pickBy(event) {
  const ticks = [...$("by").querySelectorAll("input")];
  // A click chooses; with Shift or Ctrl one more. By keys (no pointer) Space adds and takes away.
  const several = event.target.dataset.more === "yes";
  if (!several) ticks.forEach((tick) => (tick.checked = tick === event.target));
  const names = ticks.filter((tick) => tick.checked).map((tick) => tick.value);
  if (!names.length) event.target.checked = true;
  state.by = (names.length ? names : [event.target.value]).join(",");
  run();
}
$("by").addEventListener("click", (event) => {
  const tick = event.target.closest("label")?.querySelector("input");
  // The click that keys make has no place, and that which a label makes follows its own.
  if (tick && event.detail) tick.dataset.more = event.shiftKey || event.ctrlKey || event.metaKey ? "yes" : "";
}, true);
$("by").addEventListener("keydown", (event) => {
  if (event.key === " " && event.target.matches("input")) event.target.dataset.more = "yes";
});

/* The type of a name */

let editing = "";
const OF = { vector: ["unit", "simplex", "positive"], scalar: ["positive"] };
const SQUARE = ["symmetric", "skew", "diagonal", "lower", "upper", "spd", "orthogonal"];

function attributesOf(kind) {
  return OF[kind] ?? about.attributes.filter((word) => !["unit", "simplex"].includes(word));
}

function openEditor(type) {
  if (editing === type.name) {
    closeEditor();
    return;
  }
  if (type.by === "text" || type.kind === "function") {
    toast(type.kind === "function" ? "An unknown function: declared in the text" : "Declared in the text: change it there");
    return;
  }
  editing = type.name;
  const [rows = "n", cols = "n"] = type.sizes;
  const kind = node("select", { id: "edit-kind" }, ...["scalar", "vector", "matrix"].map((k) => node("option", { value: k }, k)));
  kind.value = type.kind;
  const size = (id, value, label) => node("input", { type: "text", id, value, "aria-label": label, maxlength: "40", spellcheck: "false" });
  const sizes = node("span", {});
  const words = node("div", { class: "attributes", role: "group", "aria-label": "Attributes" });
  const redo = () => {
    const matrix = kind.value === "matrix";
    fill(sizes, ...(kind.value === "scalar" ? [] : [size("edit-rows", rows, matrix ? "rows" : "length"),
      ...(matrix ? [" × ", size("edit-cols", cols, "columns")] : [])]));
    fill(words, ...attributesOf(kind.value).map((word) => {
      const tick = node("input", { type: "checkbox", value: word });
      tick.checked = type.attributes.includes(word);
      if (SQUARE.includes(word))
        tick.addEventListener("change", () => {
          if (tick.checked) $("edit-cols").value = $("edit-rows").value;
        });
      return node("label", {}, tick, word);
    }));
  };
  kind.addEventListener("change", redo);
  redo();
  fill($("editor"), node("label", {}, mathNode(type.math), node("span", {}, "is a"), kind), sizes, words,
    node("button", { type: "submit", class: "primary" }, "Set"),
    node("button", { type: "button", onclick: () => setType(type.name, "") }, "As inferred"),
    node("button", { type: "button", onclick: closeEditor }, "Cancel"));
  $("editor").hidden = false;
  $("editor").setAttribute("aria-label", `Type of ${type.name}`);
  expand();
  kind.focus();
}

function expand() {
  for (const each of $("types").children) each.setAttribute("aria-expanded", String(each.dataset.name === editing));
}

function closeEditor() {
  const was = editing;
  const inside = $("editor").contains(document.activeElement);
  editing = "";
  $("editor").hidden = true;
  fill($("editor"));
  expand();
  if (inside) [...$("types").children].find((each) => each.dataset.name === was)?.focus();
}

function setType(name, said) {
  if (said) state.let[name] = said;
  else delete state.let[name];
  closeEditor();
  run();
}

$("editor").addEventListener("submit", (event) => {
  event.preventDefault();
  const kind = $("edit-kind").value;
  const sizes = [$("edit-rows")?.value.trim(), kind === "matrix" ? $("edit-cols")?.value.trim() : ""].filter(Boolean).join("×");
  const words = [...$("editor").querySelectorAll(".attributes input:checked")].map((tick) => tick.value);
  setType(editing, [kind === "scalar" ? "scalar" : sizes || kind, ...words].join(" "));
});

/* The answer */

function showAnswer() {
  const { answer } = last;
  $("answer").hidden = $("sections").hidden = false;
  const first = answer.kind === "operator" ? "Differential" : answer.kind === "gradient" ? "Gradient" : "Jacobian";
  const tabs = [["first", first]];
  if (answer.scalar) tabs.push(["jacobian", "Jacobian"]);
  tabs.push(["hessian", answer.kind === "gradient" ? "Hessian" : "Second derivative"]);
  if (!tabs.some(([key]) => key === state.tab)) state.tab = "first";
  const focused = document.activeElement?.getAttribute("role") === "tab";
  fill($("tabs"), ...tabs.map(([key, label]) => node("button", {
    type: "button", role: "tab", id: `tab-${key}`, "aria-controls": "panel", "aria-selected": String(key === state.tab),
    tabindex: key === state.tab ? "0" : "-1", onclick: () => pickTab(key), onkeydown: moveTab }, label)));
  if (focused) $(`tab-${state.tab}`).focus();
  $("panel").setAttribute("aria-labelledby", `tab-${state.tab}`);
  showTab();
  offerAsks();
  grow($("mine"));
  for (const box of document.querySelectorAll("details[data-part]")) {
    if (box.dataset.part === "check") continue;
    const place = box.dataset.part === "code" ? $("source") : box.querySelector(".body");
    if (!box.open) fill(place);
    else if (!place.hasChildNodes()) fill(place, node("p", { class: "soft" }, "…")); // until it comes
  }
  offerCopies();
  share(false);
}

function pickTab(key) {
  state.tab = key;
  showAnswer();
  if (key !== "first" && !last.parts[key]) fetchPart(key);
}

function moveTab(event) {
  const tabs = [...$("tabs").children];
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  const to = event.key === "Home" ? 0 : event.key === "End" ? tabs.length - 1
    : step ? (tabs.indexOf(event.target) + step + tabs.length) % tabs.length : -1;
  if (to < 0) return;
  event.preventDefault();
  tabs[to].focus();
  pickTab(tabs[to].id.slice(4));
  $(`tab-${state.tab}`).focus();
}

function showTab() {
  const { answer, parts } = last;
  const shown = state.tab === "first" ? answer : parts[state.tab];
  if (!shown) {
    fill($("result"), node("p", { class: "note" }, "…"));
    return;
  }
  if (shown.refused !== undefined) {
    fill($("result"), node("p", { class: "note" }, shown.refused), shown.hint ? node("p", { class: "note" }, shown.hint) : null);
    return;
  }
  const notes = shown.notes.filter((said) => !last.reading.remarks.includes(said));
  fill($("result"), ...shown.lines.flatMap(resultRow), ...notes.map((said) => node("p", { class: "note" }, ...words(said))));
  const checks = shown.verification ?? answer.verification;
  $("verdict").className = checks.passed ? "verdict" : "verdict open";
  fill($("verdict"), (checks.passed ? "✓ " : "") + checks.said.join("\n"));
  watchAll($("result"));
}

const LESS = new Set(["differential", "equation", "adjoint", "partial adjoint"]);

function resultRow(line) {
  const less = LESS.has(line.key) && !(line.key === "differential" && last.answer.kind === "operator");
  const size = less ? " small" : sized(line.left + line.right);
  const box = formula(equation(line.left, line.right), `result${size}`, `${line.key}: ${line.text}`);
  box.setAttribute("role", "group");
  const where = line.where.map((w) => node("div", { class: "where" }, "where ", mathNode(w)));
  const copies = less ? [] : [node("div", { class: "copies" },
    node("button", { type: "button", "aria-label": `Copy the ${line.key} as text`, onclick: () => copy(line.text) }, "Copy"),
    node("button", { type: "button", "aria-label": `Copy the ${line.key} as LaTeX`, onclick: () => copy(line.latex) }, "LaTeX"))];
  return [node("div", { class: "result-row" }, box, ...where, ...copies)];
}

/* The sections */

const bodyOf = (name) => document.querySelector(`details[data-part="${name}"] .body`);
const SECTIONS = [...document.querySelectorAll("details[data-part]")].map((box) => box.dataset.part);
const SHOW = { steps: showSteps, verification: showVerification, convexity: showConvexity, code: showCode };

function showPart(name) {
  if (name === state.tab) showTab();
  const part = last.parts[name];
  const show = SHOW[name];
  if (!show || !part) return;
  const place = name === "code" ? $("source") : bodyOf(name);
  if (part.refused !== undefined)
    fill(place, node("p", { class: "soft says" }, part.refused), part.hint ? node("p", { class: "soft" }, part.hint) : null);
  else show(part, place);
  watchAll(place);
}

function stepRow(row) {
  // Two formulas, so that a narrow page breaks the line before the sign.
  const lines = [row.left ? mathNode(row.left) : "", " ", equation("", row.right, "inline")];
  const said = node("div", { class: "rule" }, row.rule);
  if (row.ok !== null && row.ok !== undefined)
    said.append(" ", node("span", { class: row.ok ? "ok" : "bad", role: "img", title: "compared at random points",
      "aria-label": row.ok ? "holds at random points" : "does not hold" }, row.ok ? "✓" : "✗"));
  if (row.proof) said.append(node("small", {}, row.proof));
  return node("li", {}, node("div", {}, formula(node("span", {}, ...lines)),
    ...row.where.map((w) => node("div", { class: "where" }, "where ", mathNode(w)))), said);
}

function showSteps(part, place) {
  if (!part.rows.length) fill(place, node("p", { class: "soft" }, "Nothing is to be derived here."));
  else fill(place, node("ol", { class: "steps" }, ...part.rows.map(stepRow)));
}

function showVerification(part, place) {
  const said = [...part.said, ...part.exact].map((text) => node("p", { class: "soft says" }, text));
  const more = part.plot ? [plot(part.plot), node("details", {}, node("summary", { class: "soft" }, "Taylor test"),
    node("pre", { tabindex: "0" }, part.plot.taylor))] : [];
  fill(place, ...said, ...more);
}

/* The V: errors of differences fall with the step until rounding makes them rise. */

const SVG = "http://www.w3.org/2000/svg";
function svg(tag, attributes, ...inside) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...inside);
  return made;
}

function plot({ steps, curves }) {
  const [W, H, L, R, T, B] = [560, 300, 48, 12, 14, 40];
  const all = curves.flatMap((c) => c.errors).filter((e) => e !== null);
  const low = Math.floor(Math.log10(Math.min(...all, 1e-4)));
  const high = Math.ceil(Math.log10(Math.max(...all, 1e-3)));
  const [left, right] = [Math.log10(Math.min(...steps)), Math.log10(Math.max(...steps))];
  const X = (h) => L + ((Math.log10(h) - left) / (right - left)) * (W - L - R);
  const Y = (e) => T + ((high - Math.log10(e)) / (high - low)) * (H - T - B);
  const tick = (n) => n.toString().replace("-", "−");
  const power = (x, y, n, anchor) => svg("text", { x, y, "text-anchor": anchor }, "10", svg("tspan", { dy: -4, "font-size": 9 }, tick(n)));
  const parts = [];
  for (let n = Math.ceil(low / 4) * 4; n <= high; n += 4)
    parts.push(svg("line", { class: "grid", x1: L, x2: W - R, y1: Y(10 ** n), y2: Y(10 ** n) }), power(L - 7, Y(10 ** n) + 4, n, "end"));
  for (let n = Math.ceil(left / 3) * 3; n <= right; n += 3)
    parts.push(svg("line", { class: "grid", y1: T, y2: H - B, x1: X(10 ** n), x2: X(10 ** n) }), power(X(10 ** n), H - B + 17, n, "middle"));
  const said = [];
  for (const { method, errors, best } of curves) {
    const points = steps.map((h, i) => (errors[i] === null ? null : [X(h), Y(errors[i])]));
    let path = "";
    points.forEach((p, i) => (path += p ? `${path && points[i - 1] ? "L" : "M"}${p[0].toFixed(1)} ${p[1].toFixed(1)}` : ""));
    const group = svg("g", { class: method }, svg("path", { d: path }));
    for (const p of points) if (p) group.append(svg("circle", { cx: p[0], cy: p[1], r: 2, stroke: "none" }));
    if (points[best]) {
      const [x, y] = points[best];
      group.append(svg("circle", { cx: x, cy: y, r: 5.5, fill: "none", "stroke-width": 1.6 }));
      said.push(`${method}: smallest error ${errors[best].toExponential(0)} at step ${steps[best].toExponential(0)}`);
    }
    const [at, dx, dy, anchor] = method === "forward" ? [points[12], -8, -8, "end"] : [points[12], 9, 12, "start"];
    if (at) group.append(svg("text", { class: "label", x: at[0] + dx, y: at[1] + dy, "text-anchor": anchor }, method));
    parts.push(group);
  }
  parts.push(svg("text", { x: (L + W - R) / 2, y: H - 4, "text-anchor": "middle" }, "step h"),
    svg("text", { x: 12, y: (T + H - B) / 2, "text-anchor": "middle", transform: `rotate(-90 12 ${(T + H - B) / 2})` }, "relative error"));
  const label = `Relative error of differences by step. ${said.join("; ")}.`;
  return svg("svg", { class: "plot", viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": label }, ...parts);
}

function showConvexity(part, place) {
  const proof = part.lines.map((line) => {
    const li = node("li", {});
    li.style.paddingLeft = `${line.depth * 1.4}rem`;
    li.append(...(line.math ? [mathNode(line.math), " "] : line.text ? [node("code", {}, line.text), " "] : []),
      node("span", { class: "claim" }, `${line.claim}${line.rule ? ` (${line.rule})` : ""}`));
    return li;
  });
  fill(place, node("p", { class: "headline" }, part.headline), proof.length ? node("ul", { class: "proof" }, ...proof) : null);
}

/* Copies and code */

const WORDS = { text: "Text", latex: "LaTeX", markdown: "Markdown", typst: "Typst", numpy: "NumPy", jax: "JAX", torch: "PyTorch", numba: "Numba",
  julia: "Julia", octave: "MATLAB/Octave", matlab: "MATLAB", c: "C", casadi: "CasADi", cupy: "CuPy" };

function offerCopies() {
  fill($("forms"), node("span", { class: "soft" }, "Copy the answer as"), ...about.formats.map((form) =>
    node("button", { type: "button", onclick: () => copyWhole(form) }, WORDS[form] ?? form)));
  fill($("targets"), node("span", { class: "soft" }, "Code for"), ...about.targets.map((target) =>
    node("button", { type: "button", "aria-pressed": String(target === state.target), onclick: () => pickTarget(target) }, WORDS[target] ?? target)));
}

async function copyWhole(form) {
  if (!last.parts.copy) await fetchPart("copy");
  const part = last.parts.copy;
  if (part?.texts) copy(part.texts[form]);
  else toast(part?.refused ?? "That cannot be copied");
}

function pickTarget(target) {
  state.target = target;
  offerCopies();
  [...$("targets").querySelectorAll("button")].find((b) => b.getAttribute("aria-pressed") === "true")?.focus();
  fetchPart("code");
  share(false);
}

function showCode(part, place) {
  fill(place, node("div", { class: "row" }, node("button", { type: "button", onclick: () => copy(part.source) }, "Copy the code")),
    node("pre", { tabindex: "0", "aria-label": `Code for ${WORDS[part.target] ?? part.target}` }, part.source));
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const box = node("textarea", { "aria-hidden": "true" });
    box.value = text;
    document.body.append(box);
    box.select();
    const done = document.execCommand("copy");
    box.remove();
    if (!done) {
      toast("The browser does not let this page copy");
      return;
    }
  }
  toast("Copied");
}

let fading = 0;
function toast(said) {
  fill($("toast"), said);
  $("toast").classList.add("on");
  clearTimeout(fading);
  fading = setTimeout(() => $("toast").classList.remove("on"), 1800);
}

/* Check my answer */

const ASKS = { gradient: ["gradient", "hessian", "differential"], jacobian: ["jacobian", "differential"], operator: ["differential"] };

function offerAsks() {
  const asks = ASKS[last.answer.kind] ?? ["gradient"];
  const word = (ask) => ({ hessian: "Hessian", jacobian: "Jacobian" })[ask] ?? ask;
  fill($("ask"), ...asks.map((ask) => node("option", { value: ask }, word(ask))));
  $("ask").value = asks.includes(state.ask) ? state.ask : asks[0];
}

const STATUS = { right: ["right", "✓ Right"], layout: ["bad", "≈ Right up to the layout"], wrong: ["bad", "✗ Not right"],
  missing: ["soft", "There is no formula in it yet"], unread: ["bad", "? It could not be read"], undecided: ["soft", "? It could not be decided"] };

async function check() {
  if (!last || !$("mine").value.trim()) {
    $("mine").focus();
    return;
  }
  state.mine = $("mine").value;
  state.ask = $("ask").value;
  share(false);
  for await (const found of ask("check", question({ wrt: last.reading.wrt, answer: state.mine, ask: state.ask }))) {
    if (found.superseded) return;
    if (found.error) fill($("marks"), node("div", { class: "error" }, ...explained(found.error)));
    else showMarks(found);
  }
}

function showMarks(found) {
  const [look, word] = STATUS[found.status] ?? ["soft", found.status];
  const rows = found.lines.map((line, i) => [line, i + 1]).filter(([line]) => line.text.trim());
  const several = rows.length > 1;
  const list = rows.map(([line, at]) => {
    const wrong = at === found.line;
    const open = found.line !== null && at > found.line;
    const mark = wrong ? (found.status === "unread" ? "?" : "✗") : open || !["right", "wrong", "layout"].includes(found.status) ? "" : several || found.status === "right" ? "✓" : "";
    const label = { "✓": "follows", "✗": "is wrong", "?": "cannot be read" }[mark];
    return node("li", { class: wrong ? "wrong" : "" },
      mark ? node("span", { class: mark === "✓" ? "right" : "bad", role: "img", "aria-label": `line ${at} ${label}` }, mark) : node("span"),
      node("div", {}, line.math ? formula(mathNode(line.math, "inline")) : null ?? "", node("div", { class: "typed" }, line.text)));
  });
  fill($("marks"), node("p", { class: `says ${look}` }, word), node("ul", { class: "marks" }, ...list),
    found.reason ? node("div", { class: "says" }, ...told(found.reason)) : null,
    found.counterexample ? node("p", { class: "says soft" }, found.counterexample) : null);
  watchAll($("marks"));
}

let hints = 0;
async function hint() {
  if (!last) return;
  if (!last.parts.steps) await fetchPart("steps");
  const rows = last.parts.steps?.rows ?? [];
  if (hints >= 2 * rows.length) {
    toast(rows.length ? "That was the whole derivation" : "There is no hint here");
    return;
  }
  // First the rule of a step, then what it gives.
  const row = rows[hints >> 1];
  const list = $("hints");
  if (hints % 2 === 0) list.append(node("li", {}, node("div", { class: "rule" }, row.rule)));
  else list.lastChild.replaceWith(stepRow(row));
  hints += 1;
  watchAll(list);
}

function forgetChecks() {
  hints = 0;
  fill($("marks"));
  fill($("hints"));
}

/* The state in the address, the history, the sheets */

function fragment() {
  const found = new URLSearchParams();
  found.set("f", state.f);
  if (state.by) found.set("by", state.by);
  for (const [name, said] of Object.entries(state.let)) found.append("let", `${name}: ${said}`);
  if (state.tab && state.tab !== "first") found.set("tab", state.tab);
  const open = SECTIONS.filter((part) => state.open.includes(part)).join(",");
  if (open !== "steps") found.set("open", open);
  if (state.target !== "numpy") found.set("code", state.target);
  if (state.mine) found.set("mine", state.mine);
  return found.toString();
}

let written = location.hash;
let opening = ""; // the state of a page that was opened without one
function share(tell) {
  // An address that was put in by hand in the meantime is read, not written over; and what nobody typed is not written.
  if (!tell && (location.hash !== written || (!location.hash && fragment() === opening))) return;
  const place = state.f.trim() ? `#${fragment()}` : location.pathname + location.search;
  try {
    history.replaceState(null, "", place);
  } catch {
    location.hash = place; // some browsers let no page from a file do the other
  }
  written = location.hash;
  if (tell) copy(location.href).then(() => toast("The address of this page is copied"));
}

function restore() {
  const found = new URLSearchParams(location.hash.slice(1));
  if (!found.has("f")) return false;
  input.value = (found.get("f") ?? "").slice(0, 20000);
  state.by = found.get("by") ?? "";
  state.tab = found.get("tab") ?? "";
  state.target = found.get("code") ?? "numpy";
  state.mine = (found.get("mine") ?? "").slice(0, 20000);
  $("mine").value = state.mine;
  state.let = {};
  for (const said of found.getAll("let").slice(0, 50)) {
    const [name, ...rest] = said.split(":");
    if (rest.length) state.let[name.trim()] = rest.join(":").trim();
  }
  state.open = (found.get("open") ?? "steps").split(",").filter((part) => SECTIONS.includes(part));
  if (state.mine && !state.open.includes("check")) state.open.push("check");
  for (const box of document.querySelectorAll("details[data-part]")) box.open = state.open.includes(box.dataset.part);
  return true;
}

const KEPT = "matdiff-history";
function kept() {
  try {
    const found = JSON.parse(localStorage.getItem(KEPT) ?? "[]");
    return Array.isArray(found) ? found.filter((e) => e && typeof e.f === "string") : [];
  } catch {
    return [];
  }
}

function store(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    return; // a page from a file may have no storage
  }
}

let settling = 0;
function remember() {
  clearTimeout(settling);
  const entry = { f: state.f.trim(), by: last.reading.wrt, let: { ...state.let } };
  settling = setTimeout(() => {
    const before = kept().filter((e) => e.f !== entry.f);
    store(KEPT, JSON.stringify([entry, ...before].slice(0, 40)));
  }, 1500);
}

function load(f, by, declared) {
  input.value = f;
  state.by = by ?? "";
  state.let = { ...(declared ?? {}) };
  state.mine = $("mine").value = "";
  forgetChecks();
  closeSheets();
  input.focus();
  run();
}

function entryButton(title, f, by, declared) {
  return node("li", {}, node("button", { type: "button", onclick: () => load(f, by, declared) }, title, node("code", {}, f)));
}

const SHEETS = {
  examples: () => fill($("examples"), ...EXAMPLES.flatMap(([theme, list]) => [node("h2", {}, theme),
    node("ul", {}, ...list.map(([title, f, by, declared]) => entryButton(title, f, by, declared)))])),
  history: () => {
    const entries = kept();
    fill($("history"), entries.length
      ? node("ul", {}, ...entries.map((e) => entryButton("", e.f, String(e.by ?? ""), e.let)))
      : node("p", { class: "soft" }, "What is typed here is kept in this browser, and nowhere else."),
    entries.length ? node("button", { type: "button", class: "soft", onclick: () => { store(KEPT, "[]"); closeSheets(); } }, "Forget all") : null);
  },
  help: () => {},
};

function closeSheets() {
  for (const name of Object.keys(SHEETS)) {
    $(name).hidden = true;
    $(`${name}-button`).setAttribute("aria-expanded", "false");
  }
}

for (const [name, show] of Object.entries(SHEETS))
  $(`${name}-button`).addEventListener("click", () => {
    const open = $(name).hidden;
    closeSheets();
    if (!open) return;
    show();
    $(name).hidden = false;
    $(`${name}-button`).setAttribute("aria-expanded", "true");
  });

/* Colours: as the system, light, dark */

const THEMES = { "": ["◐", "as the system has them"], light: ["☀", "light"], dark: ["☾", "dark"] };
function theme(name) {
  if (!(name in THEMES)) name = "";
  if (name) document.documentElement.dataset.theme = name;
  else delete document.documentElement.dataset.theme;
  fill($("theme"), THEMES[name][0]);
  $("theme").setAttribute("aria-label", `Colours: ${THEMES[name][1]}`);
}
$("theme").addEventListener("click", () => {
  const names = Object.keys(THEMES);
  const now = document.documentElement.dataset.theme ?? "";
  const next = names[(names.indexOf(now) + 1) % names.length];
  theme(next);
  store("matdiff-theme", next);
});

/* What happens when */

function grow(box) {
  if (box.offsetParent === null) return;
  box.style.height = "auto";
  box.style.height = `${box.scrollHeight + 2}px`;
}

$("mine").addEventListener("input", () => grow($("mine")));
input.addEventListener("input", () => {
  grow(input);
  forgetChecks();
  later();
});
$("share").addEventListener("click", () => share(true));
$("check").addEventListener("click", check);
$("hint").addEventListener("click", hint);
for (const box of document.querySelectorAll("details[data-part]"))
  box.addEventListener("toggle", () => {
    const name = box.dataset.part;
    if (name === "check" && box.open && $("mine").value) grow($("mine"));
    state.open = state.open.filter((part) => part !== name);
    if (box.open) state.open.push(name);
    if (last) share(false);
    if (box.open && last && !last.parts[name] && name !== "check") {
      showAnswer();
      fetchPart(name);
    }
  });
document.addEventListener("keydown", (event) => {
  const typing = /^(TEXTAREA|INPUT|SELECT)$/.test(event.target.tagName);
  if (event.key === "/" && !typing) {
    event.preventDefault();
    input.focus();
  } else if (event.key === "Escape") {
    const sheet = Object.keys(SHEETS).find((name) => !$(name).hidden);
    if (editing) closeEditor();
    else if (sheet) {
      closeSheets();
      $(`${sheet}-button`).focus();
    }
  } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    bodyOf("check").parentNode.open = true;
    check();
  }
});
window.addEventListener("hashchange", () => {
  written = location.hash;
  if (decodeURIComponent(location.hash.slice(1)) !== decodeURIComponent(fragment()) && restore()) run();
});

async function begin() {
  let wanted = "";
  try {
    wanted = localStorage.getItem("matdiff-theme") ?? "";
  } catch {
    wanted = "";
  }
  theme(wanted);
  if (!restore()) {
    state.f = input.value = "norm(A*x - b)^2/2";
    opening = fragment();
    for (const box of document.querySelectorAll("details[data-part]")) box.open = state.open.includes(box.dataset.part);
  }
  input.focus();
  run();
  for await (const found of ask("about", {})) {
    if (found.error || found.superseded) continue;
    about = found;
    if (last) offerCopies();
    fill($("about"), `matdiff ${about.version}. Answers are computed on this machine.`);
  }
}
begin();
