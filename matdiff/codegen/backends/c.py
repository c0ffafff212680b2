"""C99 from expressions: a source file, its header, and a program that tests it.

The functions take sizes, then the variables (matrices column-major, numbers by value), then memory for each result,
then memory to work on, of which `NAME_workspace(sizes)` says how many doubles; they allocate nothing and call nothing
but `math.h`, or BLAS and LAPACK where they are asked to.  They return 0, or 1 where a matrix cannot be factored.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matdiff.codegen.backends import translate
from matdiff.codegen.backends.lapack import LAPACK, PROTOTYPES
from matdiff.codegen.emit.loops import Native, native
from matdiff.codegen.emit.module import outputs
from matdiff.codegen.emit.names import identifier
from matdiff.codegen.emit.writer import polynomial
from matdiff.core.node import Node, Symbol, describe
from matdiff.core.shape import Dim
from matdiff.errors import MatdiffError

CONVENTIONS = (
    "Matrices are column-major.  Results are written to memory of the caller's.  Nothing is allocated: where a "
    "function takes work, NAME_workspace says how many doubles that must hold.  0 is returned, or 1 where a matrix is "
    "singular or not positive definite."
)
LOCAL = 512
"""Most doubles of memory that a function of fixed sizes takes from the stack."""
KNOWN = ("value", "gradient", "hessian")


@dataclass(frozen=True)
class Unit:
    """A translation unit: its functions, and the texts of its files."""

    name: str
    functions: tuple[Native, ...]
    about: str
    blas: bool = False

    @property
    def declarations(self) -> str:
        """What the header declares."""
        lines = []
        for f in self.functions:
            lines += [*translate.comment(self.described(f)), f"{self.head(f)};"]
            if not self.local(f):
                lines += [f"size_t {f.name}_workspace({self.sizes(f)});"]
            lines.append("")
        return "\n".join(lines)

    def local(self, f: Native) -> bool:
        """Does it find its memory on the stack?"""
        return f.work.number is not None and f.work.number <= LOCAL

    def sizes(self, f: Native) -> str:
        return ", ".join(f"ptrdiff_t {translate.word(p)}" for p in f.sizes.values()) or "void"

    def described(self, f: Native) -> str:
        lines = [ast.get_docstring(tree_of(f.text)) or f.name]
        given = [f"{p}: {self.shape(f, v)}" for v, p in f.inputs.items()]
        results = [f"{p}: {self.shape(f, n)}" for n, p in f.outputs]
        lines += [f"Takes {'; '.join(given)}."] if given else []
        lines += [f"Writes {'; '.join(results)}."]
        return "\n".join(lines)

    def shape(self, f: Native, node: Node) -> str:
        return describe(node) if not f.fixed else at_sizes(node, f.fixed)

    def head(self, f: Native) -> str:
        parameters = [f"ptrdiff_t {translate.word(p)}" for p in f.sizes.values()]
        for v, p in f.inputs.items():
            kind = "double " if v.kind == "scalar" else "const double *restrict "
            parameters.append(f"{kind}{translate.word(p)}")
        parameters += [f"double *restrict {translate.word(p)}" for _, p in f.outputs]
        parameters += [] if self.local(f) else ["double *restrict work"]
        return "\n".join(textwrap.wrap(f"int {f.name}({', '.join(parameters)})", 99, subsequent_indent="    "))

    @property
    def header(self) -> str:
        guard = f"{self.name.upper()}_H"
        top = "\n".join(translate.comment(f"{self.about}\n{CONVENTIONS}"))
        return f"""{top}
#ifndef {guard}
#define {guard}

#include <stddef.h>

#ifdef __cplusplus
#define restrict
extern "C" {{
#endif

{self.declarations}
#ifdef __cplusplus
}}
#undef restrict
#endif

#endif
"""

    def source(self, alone: bool = True) -> str:
        """The file with the functions; `alone` without the header, whose declarations it does not need."""
        trees = [tree_of(f.text) for f in self.functions]
        names = translate.called(ast.Module(list(trees), []), LAPACK if self.blas else ())
        instead = {k: v for k, v in LAPACK.items() if self.blas and k in names}
        lines = ["#include <math.h>", "#include <stddef.h>"]
        lines += [] if alone else ["", f'#include "{self.name}.h"']
        if instead:
            lines += ["", PROTOTYPES]
        parts = ["\n".join(lines), *translate.routine_texts(names, instead)]
        for f, tree in zip(self.functions, trees, strict=True):
            parts += self.function(f, tree)
        return "\n\n".join(["\n".join(translate.comment(f"{self.about}\n{CONVENTIONS}")), *parts]) + "\n"

    def function(self, f: Native, tree: ast.FunctionDef) -> list[str]:
        made = translate.Function(tree)
        arrays = {p for p, kind in made.parameters if kind == "Array"}
        made.reads = arrays - translate.writes(tree, translate.library())
        writer = translate.Writer(made, unroll=bool(f.fixed))
        _, _, body = writer.text().partition("\n{\n")
        comment = "\n".join(translate.comment(self.described(f)))
        memory = f"    double work[{max(1, f.work.number or 0)}];\n" if self.local(f) and "work" in body else ""
        found = [f"{comment}\n{self.head(f)}\n{{\n{memory}{body}"]
        if not self.local(f):
            room = (
                "0"
                if not f.work.terms
                else polynomial(f.work, {n: translate.word(p) for n, p in f.sizes.items()}).text.replace("//", "/")
            )
            unused = "".join(f"    (void){translate.word(p)};\n" for n, p in f.sizes.items() if n not in f.work.names)
            about = f"/* How many doubles {f.name} works on. */"
            found.append(
                f"{about}\nsize_t {f.name}_workspace({self.sizes(f)})\n{{\n{unused}    return (size_t)({room});\n}}"
            )
        return found

    def test(self, examples: Sequence[tuple[Mapping[str, int], Mapping[Symbol, Any], Sequence[Sequence[Any]]]]) -> str:
        """A program that compares the functions with values computed beforehand: for each example sizes, arrays by
        variable, and the results of each function."""
        blocks = []
        for number, (sizes, arrays, results) in enumerate(examples):
            given = {v: f"in_{number}_{k}" for k, v in enumerate(arrays)}
            lines = [
                f"    static const double {name}[] = {{{numbers(arrays[v])}}};"
                for v, name in given.items()
                if v.kind != "scalar"
            ]
            for f, values in zip(self.functions, results, strict=True):
                lines += self.one_test(f, sizes, arrays, given, values)
            blocks.append(
                "    {\n" + "\n".join("    " + line for text in lines for line in text.split("\n")) + "\n    }"
            )
        body = "\n".join(blocks)
        return f"""/* Compares the functions of {self.name}.h with values that were computed beforehand. */
#include <math.h>
#include <stdio.h>

#include "{self.name}.h"

static int failures = 0;

static void compare(const char *what, size_t count, const double *got, const double *expected)
{{
    double size = 1, error = 0;
    for (size_t i = 0; i < count; i++) {{
        if (fabs(expected[i]) > size) size = fabs(expected[i]);
        if (!(fabs(got[i] - expected[i]) <= error)) error = fabs(got[i] - expected[i]);
    }}
    int passed = error <= 1e-8 * size;
    failures += !passed;
    printf("%s %s: largest difference %.1e\\n", passed ? "ok  " : "FAIL", what, error);
}}

int main(void)
{{
{body}
    return failures != 0;
}}
"""

    def one_test(
        self,
        f: Native,
        sizes: Mapping[str, int],
        arrays: Mapping[Symbol, Any],
        given: Mapping[Symbol, str],
        values: Any,
    ) -> list[str]:
        lines, passed = ["{"], [str(sizes[n]) for n in f.sizes]
        passed += [repr(float(arrays[v])) if v.kind == "scalar" else given[v] for v in f.inputs]
        for (_, name), value in zip(f.outputs, values, strict=True):
            word = translate.word(name)
            lines.append(f"    static double got_{word}[{max(1, size_of(value))}];")
            lines.append(f"    static const double expected_{word}[] = {{{numbers(value)}}};")
            passed.append(f"got_{word}")
        if not self.local(f):
            room = f.work.evaluate(dict(sizes))
            lines.append(f"    static double work[{max(1, room)}];")
            asked = f"{f.name}_workspace({', '.join(str(sizes[n]) for n in f.sizes)})"
            lines.append(f"    if ({asked} > {max(1, room)}) failures++;")
            passed.append("work")
        lines.append(f"    if ({f.name}({', '.join(passed)}) != 0) failures++;")
        for (_, name), value in zip(f.outputs, values, strict=True):
            word = translate.word(name)
            lines.append(f'    compare("{f.name}: {word}", {size_of(value)}, got_{word}, expected_{word});')
        return [*lines, "}"]


def tree_of(text: str) -> ast.FunctionDef:
    (tree,) = ast.parse(text).body
    assert isinstance(tree, ast.FunctionDef)
    return tree


def at_sizes(node: Node, fixed: Mapping[str, int]) -> str:
    known = {n: Dim.of(k) for n, k in fixed.items()}
    rows, cols = node.rows.substitute(known), node.cols.substitute(known)
    return {"scalar": "a scalar", "vector": f"a vector of length {rows}", "row": f"a row of length {cols}"}.get(
        node.kind, f"a matrix {rows}×{cols}"
    )


def flat(value: Any) -> list[float]:
    import numpy as np

    return [float(x) for x in np.ravel(np.asarray(value, dtype=float), order="F")]


def size_of(value: Any) -> int:
    return len(flat(value))


def numbers(value: Any) -> str:
    return ", ".join(repr(x) for x in flat(value)) or "0"


def unit(
    functions: Mapping[str, tuple[Any, str]],
    variables: Sequence[Symbol],
    *,
    name: str = "f",
    prefix: str = "",
    sizes: Mapping[str, int] | None = None,
    blas: bool = False,
    about: str = "",
) -> Unit:
    """The functions, by name what each computes and what is said of it, in C.

    `sizes` fixes dimensions, and loops over few of them are written out.  Raises UnsupportedError, with its name, for a
    function that has no C, MatdiffError for a size that is none.
    """
    check_sizes(functions, variables, sizes or {})
    made = []
    for function, (node, doc) in functions.items():
        roots, keys, single = outputs(node)
        names = output_names(function, len(roots), keys, single)
        full = c_name(f"{prefix}{function}")
        made.append(native(roots, names, variables, full, fixed=sizes, doc=plain(doc)))
    return Unit(c_name(name), tuple(made), plain(about).replace("*/", "* /"), blas)


def check_sizes(functions: Any, variables: Sequence[Symbol], sizes: Mapping[str, int]) -> None:
    known = {n for v in variables for d in (v.rows, v.cols) for n in d.names}
    for n, k in sizes.items():
        if n not in known:
            hint = f"its sizes are {', '.join(sorted(known))}" if known else "it has no sizes"
            raise MatdiffError(f"{n} is no size of the function", hint=hint)
        if type(k) is not int or k < 1:
            raise MatdiffError(f"the size {n} must be a whole number from 1 on, not {k}")


def output_names(function: str, count: int, keys: Any, single: bool) -> list[str]:
    """Names of the results' memory: what the function is called, or value, gradient, hessian, gradient_x …"""
    if single:
        return [function if function in (*KNOWN, "jacobian") else "result"]
    if keys is None:
        second = "jacobian" if function.endswith("jacobian") else "gradient"
        names = ["value", second, "hessian"]
        return names[:count] if count <= 3 else [f"result_{k + 1}" for k in range(count)]
    stem = "jacobian" if function.endswith("jacobian") else "gradient"
    return [
        "value" if k == "" else f"hessian_{'_'.join(map(identifier, k))}" if isinstance(k, tuple) else
        f"{stem}_{identifier(k)}"
        for k in keys
    ]  # fmt: skip


def c_name(name: str) -> str:
    return translate.word(identifier(name))


def plain(text: str) -> str:
    return inspect.cleandoc(text)
