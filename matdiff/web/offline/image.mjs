/* The memory of Python once all that the page needs is imported and has been used: node image.mjs PYODIDE-FOLDER ZIP OUT.
   A page that begins from it neither starts Python nor imports anything. */
import { readFile, writeFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";

// Not the line of a script of a megabyte in which it happened.
process.on("uncaughtException", (error) => {
  console.error(error.message);
  process.exit(1);
});

const [folder, zip, out] = process.argv.slice(2);
const { loadPyodide } = await import(pathToFileURL(`${folder}/pyodide.mjs`).href);
const env = { HOME: "/home/pyodide", PYTHONDONTWRITEBYTECODE: "1", PYTHONHASHSEED: "0" };
const started = (more) => loadPyodide({ indexURL: `${folder}/`, env, ...more });

// Compiled by another one, since what a compiler leaves in memory would be kept as well.
const first = await started({});
first.FS.writeFile("/in.zip", new Uint8Array(await readFile(zip)));
first.runPython(`
import importlib._bootstrap_external as importing, zipfile
with zipfile.ZipFile("/in.zip") as source, zipfile.ZipFile("/out.zip", "w") as out:
    for name in source.namelist():
        content = source.read(name)
        out.writestr(name, content)
        if name.endswith(".py"):
            code = compile(content, f"/matdiff.zip/{name}", "exec", dont_inherit=True)
            out.writestr(f"{name}c", importing._code_to_hash_pyc(code, bytes(8), False))
`);

const python = await started({ _makeSnapshot: true });
python.FS.writeFile("/matdiff.zip", first.FS.readFile("/out.zip"));
python.runPython(`
import gc, importlib, pkgutil, sys
sys.path.append("/matdiff.zip")
import matdiff
from matdiff.web.service import ask
from matdiff.web.worker import WARM
for found in pkgutil.walk_packages(matdiff.__path__, "matdiff."):
    if not found.name.endswith("__main__"):
        try:
            importlib.import_module(found.name)
        except ImportError:
            pass
for name, asked in WARM:
    for event in ask(name, asked):
        if "error" in event:
            raise RuntimeError(event["error"]["message"])
del found, name, asked, event
importlib.invalidate_caches()
gc.collect()
`);
const memory = python.makeMemorySnapshot();
await writeFile(out, gzipSync(memory, { level: 9 }));
