"""The part of Python that native code is written in, as C99.

Functions of whole numbers, doubles and one-dimensional arrays: assignments, loops over ranges, `while`, `if`, calls of
one another.  An array is a pointer, `a[k:]` one to its entry k; a string that stands alone is a comment.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from matdiff.codegen import routines
from matdiff.errors import UnsupportedError

TYPES = {"int": "ptrdiff_t", "float": "double", "Array": "double *"}
NAMES = {"inf": "INFINITY", "nan": "NAN", "pi": "3.14159265358979323846"}
PREFIX = "md_"
"""What the names of routines begin with in C."""
MOST = 48
"""Most lines that a loop becomes that is written out."""
SIGNS = {
    ast.Add: ("+", 12), ast.Sub: ("-", 12), ast.Mult: ("*", 13), ast.Div: ("/", 13), ast.FloorDiv: ("/", 13),
    ast.Mod: ("%", 13), ast.Lt: ("<", 10), ast.Gt: (">", 10), ast.LtE: ("<=", 10), ast.GtE: (">=", 10),
    ast.Eq: ("==", 9), ast.NotEq: ("!=", 9), ast.And: ("&&", 5), ast.Or: ("||", 4),
}  # fmt: skip
"""Operators and how tightly they bind in C."""


@dataclass
class Function:
    """A function in the restricted language: its definition, and of which arrays it only reads."""

    tree: ast.FunctionDef
    reads: set[str] = field(default_factory=set)

    @property
    def name(self) -> str:
        return self.tree.name

    @property
    def parameters(self) -> list[tuple[str, str]]:
        return [(a.arg, kind_of(a.annotation)) for a in self.tree.args.args]

    @property
    def result(self) -> str:
        found = self.tree.returns
        return found.id if isinstance(found, ast.Name) else "void"


def kind_of(annotation: ast.expr | None) -> str:
    assert isinstance(annotation, ast.Name)
    return annotation.id


@cache
def library() -> dict[str, Function]:
    """The routines, in the order in which they stand; each calls those before or after it."""
    found: dict[str, Function] = {}
    for module in routines.MODULES:
        for statement in ast.parse(inspect.getsource(module)).body:
            if isinstance(statement, ast.FunctionDef):
                found[statement.name] = Function(statement)
    for f in found.values():
        f.reads = {p for p, kind in f.parameters if kind == "Array"}
    shrunk = True
    while shrunk:
        shrunk = sum(shrink(f, found) for f in found.values()) > 0
    return found


def shrink(f: Function, known: Mapping[str, Function]) -> bool:
    """Take from the arrays that a function only reads what it turns out to write."""
    written = writes(f.tree, known) & f.reads
    f.reads -= written
    return bool(written)


def writes(tree: ast.FunctionDef, known: Mapping[str, Function]) -> set[str]:
    """The names whose entries a function writes, itself or by a call; what a local pointer writes, its array does."""
    found: set[str] = set()
    alias: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            source = array_of(node.value)
            if source is not None and isinstance(node.value, (ast.Name, ast.Subscript)) and is_slice(node.value):
                alias[node.targets[0].id] = source
        if isinstance(node, (ast.Assign, ast.AugAssign)):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if isinstance(target, ast.Subscript):
                found.add(array_of(target) or "")
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in known:
            called = known[node.func.id]
            for (p, kind), given in zip(called.parameters, node.args, strict=True):
                if kind == "Array" and p not in called.reads:
                    found.add(array_of(given) or "")
    return found | {alias[name] for name in found if name in alias}


def is_slice(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) or (isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice))


def array_of(node: ast.expr) -> str | None:
    while isinstance(node, ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def called(tree: ast.AST, without: Container[str] = ()) -> list[str]:
    """The routines that a piece of code calls, and those that they call, in the order of the library.

    Those in `without` call none.
    """
    known = library()
    found: set[str] = set()
    waiting: list[ast.AST] = [tree]
    while waiting:
        for node in ast.walk(waiting.pop()):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                name = node.func.id
                if name in known and name not in found:
                    found.add(name)
                    if name not in without:
                        waiting.append(known[name].tree)
    return [name for name in known if name in found]


def routine_texts(names: Sequence[str], instead: Mapping[str, str] = {}) -> list[str]:
    """Routines in C: first what they are, then their text; some may have another text."""
    known = library()
    heads = [f"static {signature(known[name], PREFIX)};" for name in names]
    made = [instead.get(name) or Writer(known[name], PREFIX, "static ").text() for name in names]
    return ["\n".join(heads), *made] if names else []


def signature(f: Function, prefix: str = "") -> str:
    parts = []
    for name, kind in f.parameters:
        const = "const " if kind == "Array" and name in f.reads else ""
        parts.append(f"{const}{TYPES[kind]}{'restrict ' if kind == 'Array' else ' '}{word(name)}")
    result = TYPES.get(f.result, "void")
    return f"{result if result != 'ptrdiff_t' else 'int'} {prefix}{f.name}({', '.join(parts) or 'void'})"


WORDS = (
    "auto break case char const continue default do double else enum extern float for goto if inline int long register "
    "restrict return short signed sizeof static struct switch typedef union unsigned void volatile while main"
)
KEYWORDS = frozenset((*WORDS.split(), "y0", "y1", "yn", "j0", "j1", "jn", "gamma", "signgam"))


def word(name: str) -> str:
    """A name that C leaves free; letters that are not ASCII spelled by their number."""
    plain = "".join(c if c.isascii() else f"u{ord(c):x}" for c in name)
    return plain + "_" if plain in KEYWORDS else plain


class Writer:
    """One function as C."""

    def __init__(self, f: Function, prefix: str = "", before: str = "", unroll: bool = False) -> None:
        self.f, self.prefix, self.before, self.unroll = f, prefix, before, unroll
        self.types: dict[str, str] = dict(f.parameters)
        self.loops: set[str] = set()
        self.constant: set[str] = set(f.reads)
        self.lines: list[str] = []

    def text(self) -> str:
        tree = unrolled(self.f.tree) if self.unroll else self.f.tree
        body = list(tree.body)
        head: list[str] = []
        if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
            head = comment(str(body.pop(0).value.value))  # type: ignore[attr-defined]
        self.find_types(body)
        early = [n for n in self.declared_early(body) if n not in self.loops]
        self.ready = {name for name, _ in self.f.parameters} | set(early)
        for name in early:
            kind = self.types[name]
            zero = {"int": "0", "float": "0", "Array": "NULL"}[kind]
            self.lines.append(f"    {self.declaration(name)} = {zero};")
        for statement in body:
            self.statement(statement, 1)
        return "\n".join([*head, f"{self.before}{signature(self.f, self.prefix)}", "{", *self.lines, "}"])

    def declaration(self, name: str) -> str:
        kind = self.types[name]
        const = "const " if name in self.constant and kind == "Array" else ""
        return f"{const}{TYPES[kind]}{'restrict ' if kind == 'Array' else ' '}{word(name)}"

    def find_types(self, body: Sequence[ast.stmt]) -> None:
        for node in ast.walk(ast.Module(list(body), [])):
            if isinstance(node, ast.For) and isinstance(node.target, ast.Name):
                self.loops.add(node.target.id)
                self.types[node.target.id] = "int"
        for _ in range(3):
            for node in ast.walk(ast.Module(list(body), [])):
                if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                    name, kind = node.targets[0].id, self.kind(node.value)
                    if self.types.get(name) != "float":
                        self.types[name] = kind
                    if kind == "Array" and array_of(node.value) in self.constant:
                        self.constant.add(name)

    def declared_early(self, body: Sequence[ast.stmt]) -> list[str]:
        """Locals whose first assignment is inside a loop or a branch."""
        outer: set[str] = {name for name, _ in self.f.parameters}
        early: dict[str, None] = {}
        for statement in body:
            if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
                if statement.targets[0].id not in early:
                    outer.add(statement.targets[0].id)
                continue
            for node in ast.walk(statement):
                if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                    name = node.targets[0].id
                    if name not in outer and not self.is_block_local(name, body):
                        early.setdefault(name)
        return list(early)

    def is_block_local(self, name: str, body: Sequence[ast.stmt]) -> bool:
        """Is every block that uses a name one that begins by setting it?"""
        return all(self.local_in(name, s) for s in body)

    def local_in(self, name: str, statement: ast.stmt) -> bool:
        uses = any(isinstance(n, ast.Name) and n.id == name for n in ast.walk(statement))
        if not uses:
            return True
        if not isinstance(statement, (ast.For, ast.While, ast.If)):
            return False
        heads: list[ast.AST] = [statement.iter] if isinstance(statement, ast.For) else [statement.test]
        if any(isinstance(n, ast.Name) and n.id == name for h in heads for n in ast.walk(h)):
            return False
        return all(self.block_sets(name, block) for block in (statement.body, statement.orelse))

    def block_sets(self, name: str, block: Sequence[ast.stmt]) -> bool:
        for statement in block:
            uses = any(isinstance(n, ast.Name) and n.id == name for n in ast.walk(statement))
            if not uses:
                continue
            if isinstance(statement, ast.Assign) and isinstance(t := statement.targets[0], ast.Name) and t.id == name:
                return not any(isinstance(n, ast.Name) and n.id == name for n in ast.walk(statement.value))
            rest = block[block.index(statement) :]
            return all(self.local_in(name, s) for s in rest)
        return True

    # statements

    def block(self, body: Sequence[ast.stmt], depth: int) -> None:
        before = set(self.ready)
        for statement in body:
            self.statement(statement, depth)
        self.ready = before

    def put(self, depth: int, text: str) -> None:
        self.lines.append("    " * depth + text)

    def statement(self, s: ast.stmt, depth: int) -> None:
        match s:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                if name in self.ready:
                    self.put(depth, f"{word(name)} = {self.expr(value)};")
                else:
                    self.ready.add(name)
                    self.put(depth, f"{self.declaration(name)} = {self.expr(value)};")
            case ast.Assign(targets=[target], value=value):
                self.put(depth, f"{self.expr(target)} = {self.expr(value)};")
            case ast.AugAssign(target=target, op=op, value=value):
                self.put(depth, f"{self.expr(target)} {SIGNS[type(op)][0]}= {self.expr(value)};")
            case ast.For(target=ast.Name(id=name), iter=ast.Call(args=args), body=body):
                low, high = ("0", args[0]) if len(args) == 1 else (self.expr(args[0]), args[1])
                i = word(name)
                self.put(depth, f"for (ptrdiff_t {i} = {low}; {i} < {self.expr(high, 11)}; {i}++) {{")
                self.block(body, depth + 1)
                self.put(depth, "}")
            case ast.While(test=test, body=body):
                self.put(depth, f"while ({self.expr(test)}) {{")
                self.block(body, depth + 1)
                self.put(depth, "}")
            case ast.If(test=test, body=body, orelse=orelse):
                self.put(depth, f"if ({self.expr(test)}) {{")
                self.block(body, depth + 1)
                if orelse:
                    self.put(depth, "} else {")
                    self.block(orelse, depth + 1)
                self.put(depth, "}")
            case ast.Return(value=value):
                self.put(depth, f"return {self.expr(value)};" if value is not None else "return;")
            case ast.Expr(value=ast.Constant(value=str(text))):
                self.lines += ["    " * depth + line for line in comment(text)]
            case ast.Expr(value=value):
                self.put(depth, f"{self.expr(value)};")
            case ast.Break():
                self.put(depth, "break;")
            case ast.Pass():
                self.put(depth, ";")
            case _:
                raise UnsupportedError(f"{ast.unparse(s)!r} is not in the part of Python that becomes C")

    # expressions

    def kind(self, e: ast.expr) -> str:
        match e:
            case ast.Constant(value=value):
                return "float" if isinstance(value, float) else "int"
            case ast.Name(id=name):
                return self.types.get(name, "float")
            case ast.BinOp(op=ast.Div() | ast.Pow()):
                return "float"
            case ast.BinOp(left=left, right=right) | ast.IfExp(body=left, orelse=right):
                return "int" if {self.kind(left), self.kind(right)} == {"int"} else "float"
            case ast.UnaryOp(operand=operand):
                return self.kind(operand)
            case ast.Subscript(slice=ast.Slice()):
                return "Array"
            case ast.Call(func=ast.Name(id=name)):
                known = library()
                return "int" if name == "int" else known[name].result if name in known else "float"
            case ast.Compare() | ast.BoolOp():
                return "int"
            case _:
                return "float"

    def expr(self, e: ast.expr, at: int = 0) -> str:
        """The text, in parentheses where it binds less tightly than asked."""
        text, precedence = self.bound(e)
        return text if precedence >= at else f"({text})"

    def bound(self, e: ast.expr) -> tuple[str, int]:
        match e:
            case ast.Constant(value=bool(value)):
                return str(int(value)), 16
            case ast.Constant(value=int(value)):
                return str(value), 16
            case ast.Constant(value=float(value)):
                return repr(value), 16
            case ast.Name(id=name):
                return NAMES.get(name) or word(name), 16
            case ast.BinOp(left=left, op=ast.Div(), right=right):
                left_text = self.expr(left, 13)
                whole = self.kind(left) == "int"
                if whole and isinstance(left, ast.Constant):
                    left_text = f"{left.value!s}.0"
                elif whole and self.kind(right) == "int":
                    left_text = f"(double)({self.expr(left)})"
                return f"{left_text} / {self.expr(right, 14)}", 13
            case ast.BinOp(left=left, op=op, right=right):
                sign, level = SIGNS[type(op)]
                return f"{self.expr(left, level)} {sign} {self.expr(right, level + 1)}", level
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return f"!{self.expr(operand, 15)}", 14
            case ast.UnaryOp(operand=operand):
                inner = self.expr(operand, 15)
                return (f"-({inner})" if inner.startswith("-") else f"-{inner}"), 14
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                sign, level = SIGNS[type(op)]
                return f"{self.expr(left, level + 1)} {sign} {self.expr(right, level + 1)}", level
            case ast.BoolOp(op=op, values=values):
                sign, level = SIGNS[type(op)]
                return f" {sign} ".join(self.expr(v, 6) for v in values), level
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return f"{self.expr(test, 4)} ? {self.expr(body, 4)} : {self.expr(orelse, 4)}", 3
            case ast.Subscript(value=value, slice=ast.Slice(lower=lower)):
                base = self.expr(value, 12)
                zero = lower is None or (isinstance(lower, ast.Constant) and lower.value == 0)
                return (base, 16) if zero or lower is None else (f"{base} + {self.expr(lower, 12)}", 12)
            case ast.Subscript(value=value, slice=index):
                return f"{self.expr(value, 16)}[{self.expr(index)}]", 16
            case ast.Call(func=ast.Name(id="int"), args=[x]):
                return f"(ptrdiff_t){self.expr(x, 15)}", 14
            case ast.Call(func=ast.Name(id="float"), args=[x]):
                return f"(double){self.expr(x, 15)}", 14
            case ast.Call(func=ast.Name(id=name), args=args):
                prefix = PREFIX if name in library() else ""
                return f"{prefix}{name}({', '.join(map(self.expr, args))})", 16
            case _:
                raise UnsupportedError(f"{ast.unparse(e)!r} is not in the part of Python that becomes C")


def comment(text: str) -> list[str]:
    lines = [
        part.replace("*/", "* /").replace("/*", "/ *").replace("??", "? ?").rstrip("\\")
        for line in inspect.cleandoc(text).split("\n")
        for part in (textwrap.wrap(line, 92) or [""])
    ]
    if len(lines) == 1:
        return [f"/* {lines[0]} */"]
    return [f"/* {lines[0]}", *(f" * {line}".rstrip() for line in lines[1:]), " */"]


# loops of few turns, written out


def unrolled(tree: ast.FunctionDef) -> ast.FunctionDef:
    """A function with loops over few numbers written out, and sums and products of whole numbers computed."""
    body = written_out(tree.body)
    return ast.FunctionDef(tree.name, tree.args, body, [], tree.returns, None, lineno=1)


def written_out(body: Sequence[ast.stmt]) -> list[ast.stmt]:
    found: list[ast.stmt] = []
    for s in body:
        if isinstance(s, ast.For):
            s = ast.For(s.target, Fold().visit(s.iter), written_out(s.body), [], lineno=1)
            turns = turns_of(s)
            lines = sum(isinstance(n, ast.stmt) for b in s.body for n in ast.walk(b))
            if (
                turns is not None
                and len(turns) * lines <= MOST
                and not any(isinstance(n, (ast.Break, ast.While)) for b in s.body for n in ast.walk(b))
            ):
                assert isinstance(s.target, ast.Name)
                for k in turns:
                    found += [Fold({s.target.id: k}).visit(copied(b)) for b in s.body]
                continue
            found.append(s)
        elif isinstance(s, ast.If):
            found.append(ast.If(s.test, written_out(s.body), written_out(s.orelse)))
        else:
            found.append(Fold().visit(copied(s)))
    return joined(found)


def joined(body: list[ast.stmt]) -> list[ast.stmt]:
    """A sum that begins with 0 begins with its first term."""
    found: list[ast.stmt] = []
    for s in body:
        last = found[-1] if found else None
        if (
            isinstance(s, ast.AugAssign)
            and isinstance(s.op, ast.Add)
            and isinstance(s.target, ast.Name)
            and isinstance(last, ast.Assign)
            and isinstance(last.targets[0], ast.Name)
            and last.targets[0].id == s.target.id
            and not any(isinstance(n, ast.Name) and n.id == s.target.id for n in ast.walk(s.value))
        ):
            zero = isinstance(last.value, ast.Constant) and last.value.value == 0
            if zero or len(ast.unparse(last.value)) < 400:
                value = s.value if zero else ast.BinOp(last.value, ast.Add(), s.value)
                found[-1] = ast.Assign([ast.Name(s.target.id)], value, lineno=1)
                continue
        found.append(s)
    return found


def copied(s: ast.stmt) -> ast.stmt:
    return ast.parse(ast.unparse(s)).body[0]


def turns_of(s: ast.For) -> range | None:
    if not isinstance(s.iter, ast.Call):
        return None
    values = [a.value for a in s.iter.args if isinstance(a, ast.Constant) and isinstance(a.value, int)]
    return range(*values) if len(values) == len(s.iter.args) else None


class Fold(ast.NodeTransformer):
    """Names replaced by numbers, and arithmetic of whole numbers carried out."""

    def __init__(self, known: Mapping[str, int] | None = None) -> None:
        self.known = known or {}

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.Constant(self.known[node.id]) if node.id in self.known else node

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        left, right = self.visit(node.left), self.visit(node.right)
        a, b = (x.value if isinstance(x, ast.Constant) and type(x.value) is int else None for x in (left, right))
        act: Callable[[int, int], int] | None = {
            ast.Add: int.__add__, ast.Sub: int.__sub__, ast.Mult: int.__mul__,
        }.get(type(node.op))  # fmt: skip
        if act is not None and a is not None and b is not None and act(a, b) >= 0:
            return ast.Constant(act(a, b))
        if isinstance(node.op, ast.FloorDiv) and a is not None and b:
            return ast.Constant(a // b)
        return ast.BinOp(left, node.op, right)

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        test, body, orelse = self.visit(node.test), self.visit(node.body), self.visit(node.orelse)
        if isinstance(test, ast.Compare) and isinstance(left := test.left, ast.Constant):
            right = test.comparators[0]
            if isinstance(right, ast.Constant) and isinstance(test.ops[0], (ast.Eq, ast.GtE, ast.LtE)):
                held = {
                    ast.Eq: left.value == right.value,
                    ast.GtE: left.value >= right.value,  # type: ignore[operator]
                    ast.LtE: left.value <= right.value,  # type: ignore[operator]
                }[type(test.ops[0])]
                chosen: ast.expr = body if held else orelse
                return chosen
        return ast.IfExp(test, body, orelse)


__all__ = ["Function", "Writer", "called", "library", "routine_texts", "signature", "word"]
