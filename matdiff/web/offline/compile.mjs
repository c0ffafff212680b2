/* Compiles the Python files of matdiff.zip with the Python of the page: node compile.mjs PYODIDE-FOLDER ZIP. */
import { readFile, writeFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";

const [folder, zip] = process.argv.slice(2);
const { loadPyodide } = await import(pathToFileURL(`${folder}/pyodide.mjs`).href);
const python = await loadPyodide({ indexURL: `${folder}/` });
python.FS.writeFile("/in.zip", await readFile(zip));
python.runPython(`
import py_compile, pathlib, zipfile, importlib.util
root = pathlib.Path("/out"); root.mkdir()
zipfile.ZipFile("/in.zip").extractall(root)
with zipfile.ZipFile("/out.zip", "w", zipfile.ZIP_DEFLATED) as out:
    for path in sorted(p for p in root.rglob("*") if p.is_file()):
        name = str(path.relative_to(root))
        out.write(path, name)
        if path.suffix == ".py":
            made = py_compile.compile(path, dfile=name, doraise=True, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
            out.write(made, importlib.util.cache_from_source(name))
`);
await writeFile(zip, python.FS.readFile("/out.zip"));
