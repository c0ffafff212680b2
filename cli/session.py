"""What a conversation remembers: declarations, definitions, the variable, the last answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from matdiff.errors import MatdiffError, ParseError, ShapeError, UnsupportedError
from matdiff.report.answer import FAULT, Answer, verdict
from matdiff.report.formats import render
from matdiff.text.tree import Declaration, Program, Tree, walk

COMMANDS = {
    "wrt": ("X", "differentiate by X from now on, and the last function again"),
    "steps": ("", "the steps of the last answer"),
    "hessian": ("", "the last answer with its Hessian"),
    "order": ("1|2", "2: the Hessian with every answer from now on, 1: without"),
    "latex": ("", "the last answer in LaTeX"),
    "typst": ("", "the last answer in Typst"),
    "ascii": ("", "the last answer in ASCII"),
    "code": ("numpy|jax|torch|julia|octave", "the last answer as source"),
    "verify": ("[CLAIM]", "check the last answer again, or a claim about it"),
    "types": ("", "what is declared, defined, and inferred for the last function"),
    "let": ("A: m×n", "declare; without :let it works as well"),
    "forget": ("[NAME …]", "forget names, or everything"),
    "rules": ("[NAME]", "the functions of the language, or one of them"),
    "help": ("", "this list"),
    "quit": ("", "leave; so does Ctrl-D"),
}
"""Name → its argument and what it does."""

SPOKEN = {"help": "help", "?": "help", "quit": "quit", "exit": "quit", "quit()": "quit", "exit()": "quit"}
"""Words that are taken for commands without a colon, where they are no names."""


@dataclass
class Session:
    """Lines in, text out; `ascii` keeps the text to ASCII.  Wrong lines raise MatdiffError and change nothing."""

    ascii: bool = False
    declared: dict[str, Declaration] = field(default_factory=dict)
    defined: dict[str, str] = field(default_factory=dict)
    wrt: str = ""
    order: int = 1
    last: str = ""
    """The text of the last function."""
    answer: Answer | None = None
    over: bool = False

    def run(self, line: str) -> str:
        """What there is to say to one line: a command after a colon, or statements of the language."""
        line = line.strip()
        if not line or line.startswith("#"):
            return ""
        if line in SPOKEN and line not in self.declared and line not in self.defined:
            line = f":{SPOKEN[line]}"
        if not line.startswith(":"):
            return self.read(line)
        word, _, argument = line[1:].strip().partition(" ")
        name = command(SPOKEN.get(word, word.lower()))
        if argument.strip() and not COMMANDS[name][0]:
            raise ParseError(f":{name} takes nothing after it, not {argument.strip()!r}", hint=f"write :{name}")
        said: str = getattr(self, f"on_{name}")(argument.strip())
        return said

    def read(self, line: str) -> str:
        """Declarations and definitions are kept, an expression is differentiated."""
        trial = replace(self, declared=dict(self.declared), defined=dict(self.defined))
        new, trial.last = trial.keep(line)
        said = trial.derive() if trial.last else trial.echo(new)
        trial.last = trial.last or self.last
        vars(self).update(vars(trial))
        return said

    def keep(self, line: str) -> tuple[Program, str]:
        """The line, parsed, and the text of its expression."""
        from matdiff.text.parser import parse_program
        from matdiff.text.statements import split, without_comments

        source = without_comments(line)
        statements = split(source, "latex" if "\\" in source else "plain")
        functions = [
            Declaration(n, (), ("elementwise",)) for n, d in self.defined.items() if "(" in d.partition("=")[0]
        ]
        new = parse_program(line, declared=[*self.declared.values(), *functions])
        if new.equations:
            hint = "ask `matdiff derive` for the whole: the equation, and the function behind it"
            raise UnsupportedError(
                "the conversation keeps no equations", text=line, span=new.equations[0].span, hint=hint
            )
        for d in new.declarations:
            self.defined.pop(d.name, None)
            self.declared[d.name] = d
        texts = (source[s.start : s.end] for s in statements if s.kind == "definition")
        for definition, text in zip(new.definitions, texts, strict=False):
            self.declared.pop(definition.name, None)
            self.defined[definition.name] = text
        return new, next((source[s.start : s.end] for s in reversed(statements) if s.kind == "expression"), "")

    def program(self, expression: str) -> tuple[str, list[str]]:
        """The expression behind the definitions that it uses, and the declarations of the names in both.

        Of a defined name alone it is what the name stands for.
        """
        from matdiff.text.parser import parse_program

        while (meant := self.defined.get(expression.strip())) and "(" not in meant.partition("=")[0]:
            expression = meant.partition("=")[2].strip()
        whole = parse_program("\n".join([*self.defined.values(), expression]), declared=self.declared.values())
        names = reached(whole, whole.function) if whole.function else set()
        text = "\n".join([*(t for n, t in self.defined.items() if n in names), expression])
        return text, [written(d) for n, d in self.declared.items() if n in names]

    def derive(self) -> str:
        """Differentiate the last function by what is now the variable."""
        import matdiff as md

        text, declared = self.program(self.last)
        variables = [v.name for v in md.parse(text, declare=declared).variables]
        wrt, self.answer = chosen(self.wrt, variables), None
        if not wrt:
            return f"by which of {', '.join(variables)}?  Choose, for instance :wrt {variables[0]}"
        d = md.derive(text, wrt=wrt, declare=declared)
        kind = Answer
        if hasattr(d, "convention_of"):
            from matdiff.cli.complexes import ComplexAnswer

            kind = ComplexAnswer
        self.answer = verified(kind(d, self.order if d.kind == "gradient" else 1))
        return self.shown(self.answer)

    def echo(self, new: Program) -> str:
        """Declarations as they are kept, definitions with what was inferred of them.  Raises what is wrong with one."""
        import matdiff as md

        said = [written(d) for d in new.declarations]
        for d in new.definitions:
            if d.parameter:
                self.tried(f"{d.name}({d.parameter})")
                said.append(self.defined[d.name])
                continue
            text, declared = self.program(d.name)
            types = md.parse(text, declare=declared).types
            said.append(f"{self.defined[d.name]}        with {types}" if types else self.defined[d.name])
        return "\n".join(said)

    def tried(self, call: str) -> None:
        """Raises ShapeError where a function of entries is defined by whole arrays; sizes may be left open."""
        import matdiff as md

        text, declared = self.program(call)
        try:
            md.parse(text, declare=declared)
        except MatdiffError as error:
            if isinstance(error, ShapeError) and "function of each entry" in error.message:
                raise

    def shown(self, answer: Answer, form: str = "text") -> str:
        return render(answer, form, self.ascii)

    def known(self) -> Answer:
        if not self.last:
            raise MatdiffError("nothing has been differentiated yet", hint="type an expression: x'*A*x")
        if self.answer is None:
            raise MatdiffError("the last function has no derivative yet", hint="choose a variable: :wrt X")
        return self.answer

    def on_wrt(self, names: str) -> str:
        before, self.wrt = self.wrt, ",".join(names.replace(",", " ").split())
        if not names:
            self.wrt = before
            return f"by {before}" if before else "by the only variable, or by x or X"
        if not self.last:
            return f"by {self.wrt}"
        said = self.derive()
        if self.answer is None or self.answer.x != self.wrt:
            return f"the last function has no variable {self.wrt}; others are differentiated by it from now on"
        return said

    def on_steps(self, _: str) -> str:
        answer = replace(self.known(), steps=True)
        return (
            self.shown(answer) if answer.told or answer.second else "there is no step between: it is read off at once"
        )

    def on_hessian(self, _: str) -> str:
        if self.known().d.kind != "gradient":
            raise MatdiffError("the last function is no scalar, so it has a Jacobian and no Hessian")
        return self.shown(verified(replace(self.known(), order=2)))

    def on_order(self, order: str) -> str:
        if order not in ("", "1", "2"):
            raise ParseError(f"the order is 1 or 2, not {order!r}", hint=":order 2 shows the Hessian with every answer")
        self.order = int(order or self.order)
        if order and self.answer is not None and self.answer.d.kind == "gradient":
            self.answer = verified(replace(self.answer, order=self.order))
            return self.shown(self.answer)
        return f"order {self.order}: {('gradients', 'gradients and Hessians')[self.order - 1]}"

    def on_latex(self, _: str) -> str:
        return self.shown(self.known(), "latex")

    def on_typst(self, _: str) -> str:
        return self.shown(self.known(), "typst")

    def on_ascii(self, _: str) -> str:
        return render(self.known(), "text", True)

    def on_code(self, target: str) -> str:
        from matdiff.cli.codegen import source

        return source(self.known(), target or "numpy").rstrip()

    def on_verify(self, claim: str) -> str:
        return verdict(self.known().d.verify(claim=self.program(claim)[0] if claim else None))

    def on_types(self, _: str) -> str:
        lines = [*map(written, self.declared.values()), *self.defined.values()]
        if self.answer is not None and self.answer.d.types:
            lines.append(f"inferred: {self.answer.d.types}")
        return "\n".join(lines) or "nothing is declared"

    def on_let(self, text: str) -> str:
        from matdiff.text.parser import parse_declarations

        if not text:
            raise ParseError("the declaration is missing", hint=":let A: m×n symmetric; x: n")
        parse_declarations(text)
        return self.read(text)

    def on_forget(self, names: str) -> str:
        chosen = names.replace(",", " ").split() or [*self.declared, *self.defined]
        for name in chosen:
            if name not in self.declared and name not in self.defined:
                raise ParseError(f"{name} is neither declared nor defined")
        for name in chosen:
            self.declared.pop(name, None)
            self.defined.pop(name, None)
        if not names:
            self.wrt, self.last, self.answer = "", "", None
        return f"forgotten: {', '.join(chosen)}" if chosen else "nothing was declared"

    def on_rules(self, name: str) -> str:
        from matdiff.cli.rules import about

        return about(name or None)

    def on_help(self, _: str) -> str:
        rows = [(f":{name} {argument}".rstrip(), does) for name, (argument, does) in COMMANDS.items()]
        width = max(len(left) for left, _ in rows)
        return "\n".join(
            [
                "An expression is differentiated: x'*A*x.  A: m×n declares, r = A*x - b defines.",
                *(f"  {left:<{width}}  {does}" for left, does in rows),
            ]
        )

    def on_quit(self, _: str) -> str:
        self.over = True
        return ""

    def candidates(self) -> list[str]:
        """What can be completed: commands, names in use, words of the language."""
        from matdiff.core.op import words

        used = [v.name for v in self.answer.d.function.variables] if self.answer else []
        names = dict.fromkeys([*self.declared, *self.defined, *used])
        return [*(f":{c}" for c in COMMANDS), *names, *(f"{w}(" for w in sorted(words))]


def reached(program: Program, root: Tree) -> set[str]:
    """The names that an expression uses, also through definitions."""
    bodies: Mapping[str, Tree] = {d.name: d.body for d in program.definitions}
    found: set[str] = set()
    waiting = [root]
    while waiting:
        new = set(mentioned(waiting.pop())) - found
        found |= new
        waiting += [bodies[n] for n in new if n in bodies]
    return found


def mentioned(tree: Tree) -> Iterator[str]:
    return (str(t.value) for t in walk(tree) if t.head in ("name", "call"))


def written(d: Declaration) -> str:
    """The declaration as text.

    >>> written(Declaration("A", ("m", "n"), ("positive",)))
    'A: m×n positive'
    """
    return f"{d.name}: {' '.join(part for part in ('×'.join(d.dims), *d.words) if part)}"


def verified(answer: Answer) -> Answer:
    """Raises MatdiffError where a check fails; a wrong derivative is never shown."""
    answer.verify()
    if answer.fault:
        raise MatdiffError(FAULT.format(why=answer.fault))
    return answer


def chosen(wrt: str, variables: list[str]) -> str:
    """The variables asked for where the function has them, else its only one, else x or X; or else nothing."""
    if wrt and all(name in variables for name in wrt.split(",")):
        return wrt
    for name in (*variables[: len(variables) == 1], "x", "X"):
        if name in variables:
            return name
    if not variables:
        raise ParseError("the expression has no variables")
    return ""


def command(name: str) -> str:
    """The command that is called so, or begins so where only one does."""
    meant = [c for c in COMMANDS if name and c.startswith(name)]
    if name in COMMANDS or len(meant) == 1:
        return name if name in COMMANDS else meant[0]
    from difflib import get_close_matches

    near = meant or get_close_matches(name, list(COMMANDS), 1)
    hint = f"did you mean {' or '.join(f':{c}' for c in near)}?" if near else ":help lists the commands"
    raise ParseError(f"there is no command :{name}", hint=hint)
