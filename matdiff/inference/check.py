"""Types of trees: kinds and dimensions in one pass, dimensions as equations for the solver."""

from __future__ import annotations

from collections.abc import Iterable

from matdiff.inference.misfit import Misfit
from matdiff.inference.operators import HANDLERS, PRODUCT_KIND, SCALAR, entries, no_product
from matdiff.inference.reading import operands
from matdiff.inference.types import Checking, Root, Type
from matdiff.text.tree import Tree


class Checker(Checking):
    """One attempt: the types of all trees, plan by plan."""

    def run(self, root: Root) -> Type:
        """The type of a root.  Raises Misfit where it has none."""
        env = self.env
        outer = env.get(root.parameter)
        if root.parameter:
            env[root.parameter] = SCALAR
        result = self.plan(root.plan)
        if root.parameter:
            del env[root.parameter]
            if outer is not None:
                env[root.parameter] = outer
            if result[0] != "scalar":
                raise Misfit(root.tree, f"{root.name}({root.parameter}) must be a scalar, but this is {{}}", (result,))
        return result

    def plan(self, plan: Iterable[Tree]) -> Type:
        """The type of the last of these trees, arguments before their user."""
        env, solver, equate, types = self.env, self.solver, self.solver.equate, self.types
        stack: list[Type] = []
        push, pop = stack.append, stack.pop
        for t in plan:
            head = t.head
            if head == "name":
                push(env.get(t.value) or self._constant(t))  # type: ignore[arg-type]
            elif head == "number":
                push(SCALAR)
            elif head == "*":
                b = pop()
                a = stack[-1]
                if a[0] == "scalar":
                    stack[-1] = b
                elif b[0] != "scalar":
                    solver.place = t
                    if t.value:
                        if "matrix" in (a[0], b[0]) or a[0] != b[0] or not self.same(a, b):
                            raise entries(t, a, b)
                        if types is not None:
                            types[t] = a
                        continue
                    if not equate(a[2], b[1]):
                        raise no_product(t, a, b, solver)
                    stack[-1] = (PRODUCT_KIND.get((a[0], b[0]), "matrix"), a[1], b[2])
            else:
                solver.place = t
                n = len(t.args) if head not in ("call", "index") else len(operands(t))
                args = stack[len(stack) - n :]
                del stack[len(stack) - n :]
                push(HANDLERS[head](self, t, args))
            if types is not None:
                types[t] = stack[-1]
        return stack[-1]

    def _constant(self, t: Tree) -> Type:
        if t.value != "I":
            return SCALAR
        n = self.solver.fresh(small=True)
        self.loose[t] = (n,)
        return "matrix", n, n
