"""``forecourt chat``: ask a deployment, once or in a conversation."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from forecourt.cli.options import DeploymentName, Namespace
from forecourt.cli.output import JsonOption, console

app = typer.Typer()

_HELP = """\
/clear   forget the conversation
/system TEXT   set the system prompt, and forget the conversation
/bye     leave (or Ctrl-D)
Ctrl-C   stop the answer
\"\"\"      begin and end a text of several lines"""


@app.command()
def chat(
    name: DeploymentName,
    prompt: Annotated[str | None, typer.Argument(metavar="PROMPT", help="What to ask; - reads it from stdin.")] = None,
    namespace: Namespace = "default",
    system: Annotated[str | None, typer.Option(metavar="TEXT", help="The system prompt.")] = None,
    temperature: Annotated[float | None, typer.Option(min=0, metavar="NUMBER", help="0: always the likeliest.")] = None,
    max_tokens: Annotated[int | None, typer.Option(min=1, metavar="NUMBER", help="At most so many tokens.")] = None,
    token: Annotated[
        str | None,
        typer.Option(metavar="TOKEN", envvar="FORECOURT_TOKEN", help="A token of a deployment that asks for one."),
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", help="Say how fast it answered.")] = False,
    json: JsonOption = False,
) -> None:
    """Ask a deployment. Without a prompt: what is piped in, or on a terminal a conversation."""
    from forecourt.cli.client import TOKEN_PREFIX
    from forecourt.cli.connection import connect
    from forecourt.cli.conversation import Conversation
    from forecourt.cli.output import print_json
    from forecourt.errors import InvalidInput

    piped = not sys.stdin.isatty()
    if prompt == "-" or (prompt is None and piped):
        prompt = sys.stdin.read().strip()
        if not prompt:
            raise InvalidInput("Nothing was asked: standard input is empty.")
    if json and prompt is None:
        raise InvalidInput("--json needs a prompt.")
    options = {"temperature": temperature, "max_tokens": max_tokens}
    client = connect()
    if token and not token.startswith(TOKEN_PREFIX):
        client.identify(token)
    conversation = Conversation(
        client,
        model=name if namespace == "default" else f"{namespace}/{name}",
        system=system or "",
        options={key: value for key, value in options.items() if value is not None},
    )
    if json:
        print_json(conversation.complete(str(prompt)))
    elif prompt is not None:
        _answer(conversation, prompt, verbose=verbose)
    else:
        _converse(conversation, verbose=verbose)


def _converse(conversation: Any, *, verbose: bool) -> None:
    console.note(f"Talking to {conversation.model}. /help says what you can do, /bye leaves.")
    for line in _lines():
        command, _, rest = line.partition(" ")
        match command:
            case "":
                continue
            case "/bye" | "/exit" | "/quit":
                return
            case "/clear":
                conversation.clear()
                console.note("Forgotten.")
            case "/system":
                conversation.clear(system=rest.strip())
                console.note("Forgotten; the system prompt is set.")
            case "/help" | "/?":
                console.note(_HELP)
            case _ if command.startswith("/"):
                console.note(f"There is no command {command}.\n{_HELP}")
            case _:
                _answer(conversation, line, verbose=verbose, stoppable=True)


def _answer(conversation: Any, prompt: str, *, verbose: bool, stoppable: bool = False) -> None:
    """Print an answer as it comes; Ctrl-C ends it, and the conversation only where it is not `stoppable`."""
    from forecourt.errors import ForecourtError

    try:
        for piece in conversation.ask(prompt):
            console.print(piece, end="")
        console.print()
    except KeyboardInterrupt:
        console.print()
        if not stoppable:
            raise
    except ForecourtError as error:
        if not stoppable:
            raise
        from forecourt.cli.commands import tell

        tell(error)
        return
    if verbose:
        console.note(conversation.speed.sentence())


def _lines() -> Iterator[str]:
    """Yield what a person types, line by line, or from one \"\"\" to the next."""
    import contextlib

    with contextlib.suppress(ImportError):
        import readline  # noqa: F401  history and editing of the line

    while True:
        try:
            line = input(">>> ").strip()
            if line.startswith('"""'):
                block = [line[3:]]
                while not block[-1].rstrip().endswith('"""'):
                    block.append(input("... "))
                line = "\n".join(block).rstrip()[:-3].strip()
        except EOFError:
            console.note()
            return
        except KeyboardInterrupt:
            console.note("\n/bye or Ctrl-D leaves.")
            continue
        yield line
