"""`matdiff mcp`: the four questions as tools of the Model Context Protocol, over standard input and output."""

from __future__ import annotations

import json
from typing import Any

import click

from matdiff import __version__
from matdiff.errors import UnsupportedError
from matdiff.web.pool import MEGABYTES, SECONDS, Pool
from matdiff.web.schema import QUESTIONS

PROCESSES = 2
ABOUT = (
    "Derivatives of functions of scalars, vectors and matrices as formulas. Answers are verified numerically before "
    "they are told. Capitals are matrices, small Latin letters vectors, small Greek letters scalars; declare what "
    "is meant otherwise. ' transposes, .* goes entry by entry; LaTeX is read as well."
)


@click.command("mcp")
@click.option(
    "--seconds", type=click.FloatRange(0.1, 600), default=SECONDS, show_default=True, help="For one computation."
)
def command(seconds: float) -> int:
    """Serve derive, verify, check-derivation and convex as tools of the Model Context Protocol, by standard input and
    output (extra `mcp`).
    """
    try:
        import anyio
        import mcp.server.stdio
        import mcp_types as types
        from mcp.server.lowlevel import Server
    except ImportError as error:
        raise UnsupportedError(
            f"the protocol's package {error.name} is not installed", hint='pip install "matdiff[mcp]"'
        ) from None
    pool = Pool(PROCESSES, seconds, MEGABYTES)

    async def listed(context: Any, asked: Any) -> Any:
        tools = [
            types.Tool(name=name, description=q.summary, input_schema=q.schema, annotations=harmless(types))
            for name, q in QUESTIONS.items()
        ]
        return types.ListToolsResult(tools=tools)

    async def called(context: Any, asked: Any) -> Any:
        if asked.name not in QUESTIONS:
            known = ", ".join(QUESTIONS)
            found: dict[str, Any] = {"error": {"message": f"no tool {asked.name}", "said": f"the tools are {known}"}}
        else:
            found = await anyio.to_thread.run_sync(pool.answer, asked.name, asked.arguments or {})
        refused = "error" in found
        text = found["error"]["said"] if refused else json.dumps(found, ensure_ascii=False, indent=1)
        content = [types.TextContent(type="text", text=text)]
        return types.CallToolResult(content=content, structured_content=found, is_error=refused)

    async def serve() -> None:
        server = Server("matdiff", version=__version__, instructions=ABOUT, on_list_tools=listed, on_call_tool=called)
        async with mcp.server.stdio.stdio_server() as (read, write):
            await server.run(read, write, server.create_initialization_options())

    try:
        anyio.run(serve)
    finally:
        pool.close()
    return 0


def harmless(types: Any) -> Any:
    """The tools compute, and change nothing anywhere."""
    return types.ToolAnnotations(read_only_hint=True, open_world_hint=False, idempotent_hint=True)
