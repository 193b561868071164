"""Every setting, declared once: its name, its environment variable, its default and its meaning.

A setting `registry_port` is read from ``FORECOURT_REGISTRY_PORT``. What a command's options say comes first, then
the environment, then the defaults here. `docs/settings.md` is checked against this module.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import platformdirs
from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

Port = Annotated[int, Field(ge=0, le=65535)]


def _default_home() -> Path:
    return platformdirs.user_data_path("forecourt", appauthor=False)


class Settings(BaseSettings):
    """What a person can set. Immutable; every path that Forecourt writes to is a property here."""

    model_config = SettingsConfigDict(env_prefix="FORECOURT_", frozen=True, extra="ignore")

    home: Annotated[Path, AfterValidator(lambda path: path.expanduser().absolute())] = Field(
        default_factory=_default_home,
        description="Where all state is kept: database, content store, environments, logs. Two homes never meet.",
    )
    host: str = Field(default="127.0.0.1", description="Address that the API, gateway and registry listen on.")
    external_url: str = Field(
        default="",
        description="URL that other machines reach the gateway by, as behind a proxy; without it, where FORECOURT_HOST "
        "is no loopback address, this machine's name.",
    )
    allowed_hosts: str = Field(
        default="",
        description="Names that requests may call this server by, by commas, besides its own; `*` stands for any text.",
    )
    port: Port = Field(default=8080, description="Port of the API and the gateway; 0 takes a free one.")
    registry_port: Port = Field(default=5000, description="Port of the embedded OCI registry; 0 takes a free one.")
    database_url: str = Field(
        default="", description="SQLAlchemy URL of the database; empty means SQLite in FORECOURT_HOME."
    )
    cors_origins: str = Field(
        default="http://localhost:*,http://127.0.0.1:*",
        description="Origins whose web pages may use the registry's API, by commas; `*` stands for any text.",
    )
    catalog_sources: str = Field(
        default="",
        description="Files in the form of Kubeflow's `sources.yaml`, by commas, the later over the earlier; besides "
        "`catalog/sources.yaml` in FORECOURT_HOME.",
    )
    catalog_folders: str = Field(
        default="", description="Folders that catalog sources may read from, by commas, besides those of their files."
    )
    catalog_shipped: bool = Field(default=True, description="Whether the catalog that comes with Forecourt is shown.")
    catalog_private_addresses: bool = Field(
        default=False,
        description="Whether the URL of a catalog source may lead to this machine or to a private network.",
    )
    pvc_directory: str = Field(
        default="",
        description="Folder that has a folder, or a link to one, for each name of `pvc://name/path`; empty means "
        "`pvc` in FORECOURT_HOME.",
    )
    secret_key: str = Field(
        default="",
        repr=False,
        description="Key that connections' secrets are encrypted with, 32 bytes in URL-safe base64; without it one is "
        "made in FORECOURT_HOME.",
    )
    insecure_registries: Annotated[
        str,
        Field(description="Registries spoken to over plain HTTP, `host[:port]` by commas; loopback always is."),
    ] = ""
    log_level: str = Field(
        default="info", description="Least severe level that the server logs: debug, info, warning, error."
    )
    log_bytes: int = Field(
        default=16 * 1024 * 1024, ge=4096, description="Size at which a served model's log is rotated, in bytes."
    )
    log_files: int = Field(default=3, ge=1, description="How many rotated logs are kept for each served model.")
    drain_seconds: float = Field(
        default=30.0, ge=0, description="How long a replica may finish its requests before it is stopped, in seconds."
    )
    stop_seconds: float = Field(
        default=10.0, ge=0, description="How long a process may take to end after SIGTERM before SIGKILL, in seconds."
    )
    ready_seconds: float = Field(
        default=600.0,
        gt=0,
        description="How long a replica may take to become ready, in seconds (KServe's progressDeadlineSeconds).",
    )
    hold_seconds: float = Field(
        default=60.0, ge=0, description="How long the gateway holds a request while no replica is ready, in seconds."
    )

    @property
    def database(self) -> str:
        """The SQLAlchemy URL that is in force."""
        return self.database_url or f"sqlite:///{self.home / 'forecourt.db'}"

    @property
    def secret_key_file(self) -> Path:
        """The key that secrets are encrypted with, where `secret_key` is not set."""
        return self.home / "secret.key"

    @property
    def local_key_file(self) -> Path:
        """What opens the API to who can read it: to the command line of the user who runs the server."""
        return self.home / "local.key"

    @property
    def store(self) -> Path:
        """The content store: every blob and file, by digest."""
        return self.home / "store"

    @property
    def images(self) -> Path:
        """The images on this machine, by reference, as `forecourt modelcar pack` names them."""
        return self.home / "images"

    @property
    def repositories(self) -> Path:
        """The embedded registry's repositories."""
        return self.home / "registry"

    @property
    def models(self) -> Path:
        """Models laid out for serving runtimes, hard-linked from the store."""
        return self.home / "models"

    @property
    def volumes(self) -> Path:
        """A folder for each persistent volume claim."""
        return Path(self.pvc_directory).expanduser().absolute() if self.pvc_directory else self.home / "pvc"

    @property
    def environments(self) -> Path:
        """The serving runtimes' and tools' environments."""
        return self.home / "environments"

    @property
    def processes(self) -> Path:
        """One directory for each program that runs beside us: its record and its logs."""
        return self.home / "processes"

    @property
    def catalog_files(self) -> list[Path]:
        """The files that define catalog sources, the later over the earlier; the first need not be there."""
        given = [Path(each.strip()).expanduser().absolute() for each in self.catalog_sources.split(",") if each.strip()]
        return [self.home / "catalog" / "sources.yaml", *given]

    @property
    def cache(self) -> Path:
        """What can be fetched again: uv's wheels."""
        return self.home / "cache"

    @property
    def server_record(self) -> Path:
        """Where the running server says its process and addresses."""
        return self.home / "server.json"

    @property
    def crashes(self) -> Path:
        """What is known of defects that a command met, a file each."""
        return self.home / "crashes"

    @property
    def server_log(self) -> Path:
        """What a detached server prints."""
        return self.home / "server.log"
