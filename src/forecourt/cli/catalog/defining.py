"""A source as options or a file say it, in the words of a ``sources.yaml``; the server checks what it may say."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from forecourt.cli.options import options_of, with_options
from forecourt.errors import InvalidInput, NotFound

Document = dict[str, Any]

LISTS = ("model_catalogs", "catalogs")
"""What a file's list of sources of models is called, and what it was called once."""
_PATHS = ("yamlCatalogPath", "benchmarksPath")


class SourceType(StrEnum):
    """Where a source has its models: a file, Hugging Face, another catalog, the ModelCars of a registry."""

    YAML = "yaml"
    HF = "hf"
    CATALOG = "catalog"
    OCI_MODELCARS = "oci-modelcars"


def _text(metavar: str, text: str, *names: str) -> Any:
    return typer.Option(*names, metavar=metavar, help=text, show_default=False)


FileOption = Annotated[
    str,
    _text(
        "FILE", "A file with one source, as a sources.yaml has it; - for stdin. Options go before it.", "--file", "-f"
    ),
]
TypeOption = Annotated[
    SourceType | None, typer.Option("--type", help="By default what the options tell.", show_default=False)
]
NameOption = Annotated[str, _text("NAME", "What people read; by default the ID.", "--name")]
PathOption = Annotated[str, _text("FILE", "yaml: the file with the models, in Kubeflow's format.", "--path")]
BenchmarksOption = Annotated[
    str, _text("DIRECTORY", "yaml: what was measured of them, as Kubeflow's performance data.", "--benchmarks")
]
UrlOption = Annotated[str, _text("URL", "catalog: the server, before /api. hf: another hub.", "--url")]
RemoteSourceOption = Annotated[str, _text("ID", "catalog: only this source of that catalog.", "--source")]
OrganizationOption = Annotated[str, _text("NAME", "hf: the only organization that may be.", "--organization")]
MostOption = Annotated[
    int | None, typer.Option("--max-models", metavar="NUMBER", min=0, help="hf: of each pattern.", show_default=False)
]
RegistryOption = Annotated[str, _text("HOST", "oci-modelcars: the registry, host or host:port.", "--registry")]
RepositoryOption = Annotated[
    list[str] | None,
    _text("PATTERN", "oci-modelcars: repositories, * for any text; by default all. Repeatable.", "--repository"),
]
InsecureOption = Annotated[
    bool, typer.Option("--insecure", help="oci-modelcars: speak plain HTTP; with this machine always.")
]
IncludeOption = Annotated[
    list[str] | None, _text("PATTERN", "Only these models, * for any text; hf: as org/name. Repeatable.", "--include")
]
ExcludeOption = Annotated[list[str] | None, _text("PATTERN", "But not these. Repeatable.", "--exclude")]
LabelOption = Annotated[list[str] | None, _text("LABEL", "A label to group sources by. Repeatable.", "--label")]
TokenOption = Annotated[
    str,
    _text(
        "VARIABLE",
        "The server's environment variable with the token: HF_API_KEY…, CATALOG_API_KEY….",
        "--token-env",
    ),
]
IntervalOption = Annotated[str, _text("DURATION", 'How often it is loaded anew, as "24h".', "--sync-interval")]


def definition(
    source_id: str,
    file: FileOption = "",
    kind: TypeOption = None,
    name: NameOption = "",
    path: PathOption = "",
    benchmarks: BenchmarksOption = "",
    url: UrlOption = "",
    source: RemoteSourceOption = "",
    organization: OrganizationOption = "",
    max_models: MostOption = None,
    registry: RegistryOption = "",
    repository: RepositoryOption = None,
    insecure: InsecureOption = False,
    include: IncludeOption = None,
    exclude: ExcludeOption = None,
    label: LabelOption = None,
    token_env: TokenOption = "",
    sync_interval: IntervalOption = "",
) -> Document:
    """Return a source as an entry of a ``sources.yaml``, paths in it absolute; options go before its file.

    Raises `InvalidInput` and `NotFound`.
    """
    properties: Document = {
        "yamlCatalogPath": path and _absolute(path),
        "benchmarksPath": benchmarks and _absolute(benchmarks),
        "url": url,
        "source": source,
        "allowedOrganization": organization,
        "maxModels": max_models,
        "registry": registry,
        "repositories": repository,
        "insecure": insecure,
        "apiKeyEnvVar": token_env,
        "syncInterval": sync_interval,
    }
    changed = {"id": source_id, "name": name, "type": kind.value if kind else "", "labels": label}
    changed |= {"includedModels": include, "excludedModels": exclude}
    entry = _in_file(file) if file else {}
    entry |= {key: value for key, value in changed.items() if value}
    said = {key: value for key, value in properties.items() if _is_said(value)}
    entry["properties"] = dict(entry.get("properties") or {}) | said
    if not entry.get("type"):
        entry["type"] = _type_of(entry["properties"])
    if entry["type"] == SourceType.OCI_MODELCARS:
        entry["properties"].setdefault("repositories", ["*"])
    return entry


with_source = with_options(options_of(definition))
"""Give a command the options that say a source; it hands them to `definition`."""


def _absolute(path: str) -> str:
    return str(Path(path).expanduser().absolute())


def _is_said(value: Any) -> bool:
    return value is not None and value is not False and value not in ("", [])


def _type_of(properties: Mapping[str, Any]) -> str:
    if "yamlCatalogPath" in properties:
        return SourceType.YAML
    if "registry" in properties:
        return SourceType.OCI_MODELCARS
    if "allowedOrganization" in properties:
        return SourceType.HF
    raise InvalidInput(
        "What kind of source it is was not said.",
        hint="Say --path FILE, --organization NAME, --registry HOST, or --type catalog --url URL; see --help.",
    )


def _in_file(name: str) -> Document:
    """Return the one source in a file: an entry itself, or a list of one under ``model_catalogs``."""
    from forecourt.catalog.files import Limits, parse

    if name == "-":
        text, folder = sys.stdin.buffer.read(), Path.cwd()
    else:
        path = Path(name).expanduser()
        if not path.is_file():
            raise NotFound(f"{name} is no file.", hint="Give the path of a YAML file with one source, or - for stdin.")
        text, folder = path.read_bytes(), path.absolute().parent
    content = parse(text, "standard input" if name == "-" else name, Limits(size=2**20, values=50_000, depth=16)).value
    entry = dict(_only(content, name))
    properties = dict(entry["properties"]) if isinstance(entry.get("properties"), dict) else {}
    for key in _PATHS:
        if isinstance(properties.get(key), str):
            properties[key] = str(folder / Path(properties[key]).expanduser())
    return entry | ({"properties": properties} if properties else {})


def _only(content: Any, name: str) -> Document:
    hint = "It has the keys type, id, name and properties, in a list under model_catalogs or alone."
    if not isinstance(content, dict):
        raise InvalidInput(f"{name} has no source in it.", hint=hint)
    if "type" in content or "id" in content:
        return content
    found = [entry for key in LISTS for entry in content.get(key) or []]
    if len(found) > 1:
        raise InvalidInput(
            f"{name} has {len(found)} sources in it, and one is added at a time.",
            hint="The server reads a whole file itself: see FORECOURT_CATALOG_SOURCES, or put it at"
            " FORECOURT_HOME/catalog/sources.yaml.",
        )
    if not found or not isinstance(found[0], dict):
        raise InvalidInput(f"{name} has no source in it.", hint=hint)
    return found[0]
