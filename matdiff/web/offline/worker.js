/* Python in a worker of its own.  Everything it loads was handed to it: what it fetches is looked up there. */
const PLACE = "https://matdiff.invalid/";
const KINDS = { wasm: "application/wasm", mjs: "text/javascript", zip: "application/zip" };

// Of a page that was opened as a file only a classic worker starts; Pyodide wants one of modules, which it knows by this.
globalThis.importScripts = undefined;

async function start({ files, base }) {
  const url = (name) => URL.createObjectURL(new Blob([files[name]], { type: "text/javascript" }));
  const real = globalThis.fetch;
  globalThis.fetch = async (asked) => {
    const name = String(asked.url ?? asked).slice(PLACE.length);
    const kind = KINDS[name.split(".").pop()] ?? "application/octet-stream";
    if (name in files) return new Response(files[name], { headers: { "Content-Type": kind } });
    if (!base || !/^[\w.-]+\.wasm$/.test(name)) throw new TypeError(`nothing is fetched here: ${name}`);
    const found = await real(base + name);
    const same = found.headers.get("Content-Type") === kind;
    return same || !found.ok ? found : new Response(found.body, { headers: { "Content-Type": kind } });
  };
  const [{ loadPyodide }, asm] = await Promise.all([import(url("pyodide.mjs")), import(url("pyodide.asm.mjs"))]);
  const lock = JSON.parse(new TextDecoder().decode(files["lock.json"]));
  const python = await loadPyodide({
    indexURL: PLACE, packageBaseUrl: PLACE, stdLibURL: `${PLACE}python_stdlib.zip`, lockFileContents: lock,
    env: { HOME: "/home/pyodide", PYTHONDONTWRITEBYTECODE: "1" },
    ...("memory.gz" in files ? remembered(files["memory.gz"], asm.default) : { createPyodideModule: asm.default }),
  });
  python.FS.writeFile("/matdiff.zip", new Uint8Array(files["matdiff.zip"]));
  if (!("memory.gz" in files)) {
    const site = python.runPython("import sys, sysconfig; sys.path.append('/matdiff.zip'); sysconfig.get_path('purelib')");
    for (const name of Object.keys(files))
      if (name.endsWith(".whl")) python.unpackArchive(files[name], "zip", { extractDir: site });
    python.runPython("import importlib; importlib.invalidate_caches()");
  }
  return python.pyimport("matdiff.web.service").tell;
}

/* What Python starts from: its memory as it was when the page was built. */
function remembered(packed, create) {
  const plain = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const memory = new Response(plain).arrayBuffer();
  return {
    _loadSnapshot: memory,
    async createPyodideModule(settings) {
      const made = await create(settings);
      made.growMemory((await memory).byteLength);
      return made;
    },
  };
}

let answer = null;
globalThis.onmessage = async ({ data }) => {
  if (answer === null) {
    try {
      answer = await start(data);
      postMessage({ ready: true });
    } catch (error) {
      postMessage({ failed: String(error) });
    }
    return;
  }
  answer(data.name, data.asked, (event) => postMessage({ id: data.id, event }));
  postMessage({ id: data.id, end: true });
};
