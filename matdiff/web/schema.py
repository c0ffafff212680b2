"""The questions that programs may ask: their fields as JSON Schema, checked here, and the OpenAPI document of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from matdiff.errors import ParseError

LONGEST = 20_000
"""Letters of a text."""
MOST = 200
"""Texts in a list."""


def text(said: str, longest: int = LONGEST) -> dict[str, Any]:
    return {"type": "string", "maxLength": longest, "description": said}


def texts(said: str) -> dict[str, Any]:
    item = {"type": "string", "maxLength": LONGEST}
    return {"type": "array", "items": item, "maxItems": MOST, "description": said}


def choice(said: str, *values: Any) -> dict[str, Any]:
    return {"enum": list(values), "description": said}


FUNCTION = text("The function, plain (norm(A*x - b)^2/2) or LaTeX; it may declare and define: r = A*x - b; r'*r")
WRT = text("The variable to differentiate by; several with commas: U,V", 500)
DECLARE = texts("Declarations, for instance A: m×n symmetric")
INPUT = choice("How to read the function; without it that is told by its looks", "plain", "latex")
INNER = text("The spd matrix W of the inner product xᵀWy; without it xᵀy", 500)
METRIC = choice("Of spd variables", "euclidean", "affine")
ORDER = choice("2: the Hessian, or the second derivative, as well", 1, 2)
SEED = {"type": "integer", "minimum": 0, "description": "Other random points"}
ASKED = {"function": FUNCTION, "wrt": WRT, "declare": DECLARE, "input": INPUT}


@dataclass(frozen=True)
class Question:
    """What can be asked, in a sentence; its fields, those that must be given, and what is answered."""

    summary: str
    fields: Mapping[str, dict[str, Any]]
    required: tuple[str, ...]
    answer: Mapping[str, dict[str, Any]]

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON Schema of what is asked."""
        return {
            "type": "object",
            "properties": dict(self.fields),
            "required": list(self.required),
            "additionalProperties": False,
        }

    def check(self, asked: Any) -> None:
        """Raises ParseError for what is no such question: a field missing, unknown, too long or of another kind."""
        if not isinstance(asked, Mapping):
            raise ParseError("a question is a JSON object", hint=f"with the fields {', '.join(self.fields)}")
        for name in asked:
            if name not in self.fields:
                raise ParseError(f"there is no field {name}", hint=f"the fields are {', '.join(self.fields)}")
        for name in self.required:
            if name not in asked:
                raise ParseError(f"the field {name} is missing", hint=str(self.fields[name]["description"]))
        for name, value in asked.items():
            fit(name, value, self.fields[name])


def fit(name: str, value: Any, schema: Mapping[str, Any]) -> None:
    """Is the value of the kind that the field takes?  Raises ParseError if not."""
    if "enum" in schema:
        if isinstance(value, bool) or value not in schema["enum"]:
            raise ParseError(f"{name} is one of {', '.join(map(str, schema['enum']))}")
    elif schema["type"] == "array":
        if not isinstance(value, list) or len(value) > schema["maxItems"]:
            raise ParseError(f"{name} is a list of at most {schema['maxItems']} texts")
        for item in value:
            fit(name, item, schema["items"])
    elif schema["type"] == "integer":
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**32:
            raise ParseError(f"{name} is a whole number, from 0 on")
    elif not isinstance(value, str) or len(value) > schema["maxLength"]:
        raise ParseError(f"{name} is a text of at most {schema['maxLength']} letters")


STRING, NUMBER, LIST = {"type": "string"}, {"type": ["number", "null"]}, {"type": "array"}
VERDICT = {"type": ["boolean", "null"], "description": "true, false, or null where it could not be decided"}
MARK = text("Lines of a derivation: f = …, df = …, = …, ∇f = …; r = … defines, dX and d(u) are differentials")

QUESTIONS: dict[str, Question] = {
    "derive": Question(
        "The derivative of a function of scalars, vectors or matrices as a formula, with its steps, verified "
        "numerically before it is told",
        {**ASKED, "inner": INNER, "metric": METRIC, "order": ORDER},
        ("function", "wrt"),
        {
            "function": STRING,
            "wrt": STRING,
            "types": STRING,
            "differential": STRING,
            "gradient": {"description": "of a scalar function: a formula, or one for each of several variables"},
            "jacobian": {"description": "of another function"},
            "hessian": {"description": "with order 2"},
            "latex": {"description": "the gradient or Jacobian as LaTeX"},
            "steps": LIST,
            "remarks": LIST,
            "verification": {"type": "object"},
        },
    ),
    "verify": Question(
        "Whether a claimed derivative is right (without a claim: whether that of matdiff is), and if not, what is "
        "wrong with it and small numbers that show it",
        {
            **ASKED,
            "inner": INNER,
            "metric": METRIC,
            "claim": text("The claimed gradient (or Jacobian, Hessian with order 2); with dX in it, a differential"),
            "order": ORDER,
            "method": text("How to differentiate numerically: central, forward, complex, …", 100),
            "seed": SEED,
        },
        ("function", "wrt"),
        {
            "passed": VERDICT,
            "said": STRING,
            "reason": STRING,
            "message": {"type": "string", "description": "what is wrong with the claim"},
            "relative_error": NUMBER,
            "order": NUMBER,
            "points": {"type": "integer"},
            "method": STRING,
            "certificate": {"type": "string", "description": "what exact arithmetic says"},
            "counterexample": {"type": "string", "description": "small whole numbers at which the claim is wrong"},
            "remarks": LIST,
        },
    ),
    "check-derivation": Question(
        "Whether each line of a derivation follows from those before it: the first wrong line, why it is wrong, and "
        "small numbers that show it",
        {"derivation": MARK, "wrt": WRT, "declare": DECLARE, "function": FUNCTION},
        ("derivation", "wrt"),
        {
            "passed": VERDICT,
            "said": STRING,
            "line": {"type": ["integer", "null"], "description": "the first wrong line, counted from 1"},
            "reason": STRING,
            "unread": {"type": "boolean", "description": "whether that line could not be read"},
            "counterexample": STRING,
            "lines": LIST,
        },
    ),
    "convex": Question(
        "Whether a scalar function is convex, concave, affine or neither in its variables, with the proof, or with a "
        "point and a direction that show that it is not",
        ASKED,
        ("function", "wrt"),
        {
            "verdict": choice("", "convex", "concave", "affine", "neither", "unknown"),
            "said": STRING,
            "proof": LIST,
            "condition": {"type": ["string", "null"]},
            "point": {"type": ["object", "null"]},
            "direction": {"type": ["object", "null"]},
            "reason": {"type": ["string", "null"]},
        },
    ),
}
"""What programs ask, by HTTP and as tools."""

PARTS = ("steps", "jacobian", "hessian", "verification", "convexity", "code", "copy")
PAGE: dict[str, Question] = {
    "page": Question(
        "What the page shows of a text",
        {
            "function": FUNCTION,
            "wrt": WRT,
            "declare": DECLARE,
            "input": INPUT,
            "parts": {"type": "array", "items": choice("", *PARTS), "maxItems": len(PARTS)},
            "target": text("A language to write code in", 50),
        },
        ("function",),
        {},
    ),
    "check": Question(
        "Marks an answer: a claim, or a derivation",
        {
            **ASKED,
            "answer": text("One line or several"),
            "ask": text("gradient, jacobian, hessian or differential", 20),
        },
        ("function", "wrt", "answer"),
        {},
    ),
    "sheet": Question(
        "Marks an answer to a problem of a sheet",
        {"block": text("The problem's block"), "problem": SEED, "answer": text("One line or several")},
        ("block", "problem", "answer"),
        {},
    ),
    "about": Question("What the page offers: formats, languages, attributes", {}, (), {}),
}
"""What the page asks besides; its form may change with any version."""


def openapi(version: str) -> dict[str, Any]:
    """The OpenAPI document of the four questions.

    >>> sorted(openapi("1")["paths"])
    ['/api/check-derivation', '/api/convex', '/api/derive', '/api/verify']
    """
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "matdiff",
            "version": version,
            "description": "Derivatives of functions of vectors and matrices: derived, verified, checked.",
        },
        "paths": {f"/api/{name}": {"post": operation(name, q)} for name, q in QUESTIONS.items()},
        "components": {"schemas": {"Error": REFUSAL}},
    }


REFUSAL: dict[str, Any] = {
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {
                "kind": {"type": "string", "description": "ParseError, ShapeError, …"},
                "message": {"type": "string", "description": "what is wrong"},
                "hint": {"type": "string", "description": "what to do"},
                "field": {
                    "type": "string",
                    "description": "the field of the question that it is about, if it is known",
                },
                "text": {"type": "string", "description": "the text in which the place is"},
                "span": {"type": ["array", "null"], "description": "first letter and the one after the last"},
                "said": {"type": "string", "description": "all of it, as the command line says it"},
            },
            "required": ["kind", "message", "hint", "said"],
        }
    },
    "required": ["error"],
}


def operation(name: str, q: Question) -> dict[str, Any]:
    def content(schema: Mapping[str, Any]) -> dict[str, Any]:
        return {"application/json": {"schema": schema}}

    refused = {"description": "refused", "content": content({"$ref": "#/components/schemas/Error"})}
    answer = {"type": "object", "properties": dict(q.answer)}
    return {
        "operationId": name,
        "summary": q.summary,
        "requestBody": {"required": True, "content": content(q.schema)},
        "responses": {
            "200": {"description": "the answer", "content": content(answer)},
            "400": {**refused, "description": "no such question"},
            "422": {**refused, "description": "refused: what is wrong with the input, where, and what to do"},
            "503": {
                **refused,
                "description": "more than can be computed here: too long, too large, or too many at once",
            },
        },
    }
