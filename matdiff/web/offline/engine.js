"use strict";
/* Answers come from Python in this browser: a worker that is started with the files beside this page, and nothing else.
   From http they are fetched; a page opened as a file reads them from scripts, since browsers let it fetch nothing. */
const FILES = /* files */ [];
/* What the page asks first, answered when it was built: it stands there before Python has started. */
const KNOWN = /* known */ {};
const SECONDS = 20;
const here = location.protocol === "file:";
const PAYLOAD = {};

function payload(name, text) {
  const bytes = Uint8Array.fromBase64?.(text) ?? Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  PAYLOAD[name] = bytes.buffer;
}

async function load(name) {
  if (!here) {
    const answer = await fetch(`python/${name}`);
    if (!answer.ok) throw new Error(`${name} is missing`);
    return answer.arrayBuffer();
  }
  if (!(name in PAYLOAD))
    await new Promise((done, failed) => {
      const script = document.createElement("script");
      script.src = `python/${name}.js`;
      script.onload = done;
      script.onerror = () => failed(new Error(`${name} is missing`));
      document.head.append(script);
    });
  return PAYLOAD[name];
}

let contents = null;
let worker = null;
let booted = null;

function boot() {
  // By http the browser keeps what it compiles of a file that is fetched under its own address.
  const needed = FILES.filter((name) => here || !name.endsWith(".wasm"));
  contents ??= Promise.all(needed.map(async (name) => [name, await load(name)])).then(Object.fromEntries);
  booted = contents.then((files) => new Promise((done, failed) => {
    const code = new Blob([files["worker.js"]], { type: "text/javascript" });
    worker = new Worker(URL.createObjectURL(code));
    worker.onmessage = ({ data }) => (data.ready ? done() : failed(new Error(data.failed)));
    worker.onerror = (event) => failed(new Error(event.message || "the worker does not start"));
    worker.postMessage({ files, base: here ? "" : new URL("python/", location.href).href });
  }));
  booted.catch(() => {});
  return booted;
}

/* One question at a time; of each channel only the newest waits. */
let line = Promise.resolve();
const newest = {};
let count = 0;

const engine = {
  ready: boot(),
  pause: 60,
  async *ask(name, asked, channel, signal) {
    const mine = (newest[channel] = ++count);
    const known = KNOWN[JSON.stringify([name, asked])];
    if (known) {
      yield* known;
      return;
    }
    const events = [];
    let wake = () => {};
    const tell = (event) => {
      events.push(event);
      wake();
    };
    line = line.then(async () => {
      if (newest[channel] === mine && !signal.aborted) await computed(mine, name, asked, tell);
      tell(null);
    });
    for (;;) {
      while (!events.length) await new Promise((done) => (wake = done));
      const event = events.shift();
      if (event === null) return;
      yield event;
    }
  },
};

async function computed(id, name, asked, tell) {
  try {
    await booted;
  } catch (error) {
    tell({ error: { kind: "Lost", message: `Python does not start in this browser: ${error.message}`, hint: "" } });
    return;
  }
  await new Promise((done) => {
    const timer = setTimeout(() => {
      worker.terminate();
      boot();
      tell({ error: { kind: "TooLong", message: `a question has ${SECONDS} s here, and this one takes longer`, hint: "matdiff serve is faster" } });
      done();
    }, SECONDS * 1000);
    worker.onmessage = ({ data }) => {
      if (data.id !== id) return;
      if (data.end) {
        clearTimeout(timer);
        done();
      } else tell(JSON.parse(data.event));
    };
    worker.postMessage({ id, name, asked: JSON.stringify(asked) });
  });
}

if ("serviceWorker" in navigator && !here) navigator.serviceWorker.register("offline.js");
