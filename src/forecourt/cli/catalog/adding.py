"""``forecourt catalog sources add`` and ``preview``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecourt.cli.catalog import defining as d
from forecourt.cli.catalog.names import API
from forecourt.cli.options import WAIT_SECONDS, Timeout, Wait
from forecourt.cli.output import JsonOption, Output, OutputOption, console, print_document, print_json, print_table

if TYPE_CHECKING:
    from forecourt.cli.client import Client

app = typer.Typer()

Document = dict[str, Any]

_PREVIEW = "preview"

IdArgument = Annotated[
    str, typer.Argument(metavar="ID", help="What commands call it; by default what the file says.", show_default=False)
]
StatusOption = Annotated[
    bool | None, typer.Option("--included/--excluded", help="Only those that are shown, or that are not.")
]


@app.command()
def add(
    source_id: IdArgument = "",
    file: d.FileOption = "",
    kind: d.TypeOption = None,
    name: d.NameOption = "",
    path: d.PathOption = "",
    benchmarks: d.BenchmarksOption = "",
    url: d.UrlOption = "",
    source: d.RemoteSourceOption = "",
    organization: d.OrganizationOption = "",
    max_models: d.MostOption = None,
    registry: d.RegistryOption = "",
    repository: d.RepositoryOption = None,
    insecure: d.InsecureOption = False,
    include: d.IncludeOption = None,
    exclude: d.ExcludeOption = None,
    label: d.LabelOption = None,
    token_env: d.TokenOption = "",
    sync_interval: d.IntervalOption = "",
    wait: Wait = True,
    timeout: Timeout = WAIT_SECONDS,
    json: JsonOption = False,
) -> None:
    """Add a source, and wait until its models are there. Ctrl-C leaves it being loaded in the server.

    A file of models is read by the server, from a folder that FORECOURT_CATALOG_FOLDERS allows.
    """
    from forecourt.cli.connection import connect

    properties = _properties(path, benchmarks, url, source, organization, max_models, registry, repository, insecure)
    entry = d.definition(
        source_id,
        file,
        kind=kind,
        name=name,
        labels=label,
        include=include,
        exclude=exclude,
        properties=properties | {"apiKeyEnvVar": token_env, "syncInterval": sync_interval},
    )
    client = connect()
    made: Document = client.post(f"{API}/sources", entry)
    _finish(client, made, wait=wait and made["enabled"], timeout=timeout, json=json)


@app.command()
def preview(
    source_id: IdArgument = "",
    file: d.FileOption = "",
    kind: d.TypeOption = None,
    path: d.PathOption = "",
    url: d.UrlOption = "",
    source: d.RemoteSourceOption = "",
    organization: d.OrganizationOption = "",
    max_models: d.MostOption = None,
    registry: d.RegistryOption = "",
    repository: d.RepositoryOption = None,
    insecure: d.InsecureOption = False,
    include: d.IncludeOption = None,
    exclude: d.ExcludeOption = None,
    token_env: d.TokenOption = "",
    status: StatusOption = None,
    output: OutputOption = Output.TABLE,
    json: JsonOption = False,
) -> None:
    """Show which models a source would give.

    And which it would not, without adding it.
    """
    from forecourt.cli.connection import connect

    output = Output.JSON if json else output
    entry = d.definition(
        source_id,
        file,
        kind=kind,
        name="",
        labels=None,
        include=include,
        exclude=exclude,
        properties=_properties(path, "", url, source, organization, max_models, registry, repository, insecure)
        | {"apiKeyEnvVar": token_env},
        unnamed=_PREVIEW,
    )
    found: Document = connect().post(f"{API}/sources/preview", entry)
    if status is not None:
        found["items"] = [one for one in found["items"] if one["included"] is status]
    if output in {Output.JSON, Output.YAML}:
        print_document(found, output)
    elif output is Output.NAME:
        for one in found["items"]:
            console.print(one["name"])
    else:
        _show_preview(found)


def loaded(source: Document) -> str:
    """Return what to say of a source that was loaded."""
    count = source["models"]
    left = f", {len(source['problems'])} left out" if source["problems"] else ""
    return f"{source['id']} has {count} model{'' if count == 1 else 's'}{left}"


def told(client: Client, source_id: str, before: str | None, timeout: float) -> Document:
    """Wait until a source is loaded, and return it; raises `Unavailable` where loading it failed."""
    from forecourt.cli.catalog.loading import until_loaded
    from forecourt.errors import Unavailable

    source = until_loaded(client, source_id, before, timeout)
    if source["status"] == "error":
        raise Unavailable(f"{source_id} could not be loaded: {source.get('error', '')}", hint=_mend(source))
    return source


def _mend(source: Document) -> str:
    """Return what to do about a source that could not be loaded."""
    source_id = source["id"]
    refresh = f"forecourt catalog sources refresh {source_id}"
    again = f"then: {refresh}" + ("" if source["origin"] else f"; or: forecourt catalog sources remove {source_id}")
    if source["type"] == d.SourceType.YAML and "folders that are allowed" in source.get("error", ""):
        return f"Start the server with FORECOURT_CATALOG_FOLDERS naming its folder, {again}"
    return f"It stays as it was defined. Mend what is wrong, {again}"


def _finish(client: Client, made: Document, *, wait: bool, timeout: float, json: bool) -> None:
    if wait:
        made = told(client, made["id"], None, timeout)
    if json:
        print_json(made)
        return
    console.print(f"Added {loaded(made)}" if wait else f"Added {made['id']}")
    if wait:
        console.note(f"See them: forecourt catalog search --source {made['id']}")
    else:
        console.note(f"See how far it is: forecourt catalog sources show {made['id']}")


def _properties(
    path: str,
    benchmarks: str,
    url: str,
    source: str,
    organization: str,
    max_models: int | None,
    registry: str,
    repository: list[str] | None,
    insecure: bool,
) -> Document:
    """Return the properties that options say, by their names in a ``sources.yaml``."""
    return {
        "yamlCatalogPath": path,
        "benchmarksPath": benchmarks,
        "url": url,
        "source": source,
        "allowedOrganization": organization,
        "maxModels": max_models,
        "registry": registry,
        "repositories": repository,
        "insecure": insecure,
    }


def _show_preview(found: Document) -> None:
    if found["items"]:
        print_table(("Name", "Included"), [(one["name"], "yes" if one["included"] else "no") for one in found["items"]])
    console.note(f"{found['included']} of {found['total']} models would be shown.")
