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
import random
import statistics
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from load import Load, Outcome, ceiling, get, measure, repeated
from registry_apis import FILTERED_PAGE, PAGE, TEAMS, Api, ForecourtApi, MLflowApi, ask, checked
from registry_servers import DATABASES, Server, forecourt_up, mlflow_up, mlflow_version, say
from running import a_directory

import forecourt

CLIENTS_OF_P99 = 32
WARM_UP = 1.0
ROUNDS = 5

RATIO, P99_MS, RESIDENT_MB, FLAT = 15, 15, 200, 1.5


# What is registered


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
