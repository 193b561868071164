"""The parts of a pod that Forecourt looks into: containers, their variables, ports, resources and probes.

Fields are those of the Kubernetes API (https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/).
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from forecourt.objects import Part

Quantities = dict[str, str | int | float]


class EnvVar(Part):
    """An environment variable of a container; `value_from` stands for what only a cluster can look up."""

    name: str
    value: str | None = None
    value_from: dict[str, Any] | None = None


class ContainerPort(Part):
    """A port that a container listens on."""

    container_port: int
    name: str | None = None
    protocol: str | None = None


class ResourceRequirements(Part):
    """What a container asks for and may use at most: cpu in cores, memory in bytes, as Kubernetes quantities."""

    requests: Quantities | None = None
    limits: Quantities | None = None


class HTTPGetAction(Part):
    """A question over HTTP; `port` is a number or a port's name."""

    path: str | None = None
    port: int | str | None = None
    host: str | None = None
    scheme: str | None = None
    http_headers: Annotated[list[dict[str, str]] | None, Field(alias="httpHeaders")] = None


class Probe(Part):
    """How a container is asked whether it is well. Times are in seconds."""

    http_get: HTTPGetAction | None = None
    tcp_socket: dict[str, Any] | None = None
    grpc: dict[str, Any] | None = None
    exec: dict[str, Any] | None = None
    initial_delay_seconds: int | None = None
    timeout_seconds: int | None = None
    period_seconds: int | None = None
    success_threshold: int | None = None
    failure_threshold: int | None = None


class Container(Part):
    """A container, as far as Forecourt looks into it."""

    name: str | None = None
    image: str | None = None
    command: list[str] | None = None
    args: list[str] | None = None
    working_dir: str | None = None
    ports: list[ContainerPort] | None = None
    env: list[EnvVar] | None = None
    resources: ResourceRequirements | None = None
    volume_mounts: list[dict[str, Any]] | None = None
    liveness_probe: Probe | None = None
    readiness_probe: Probe | None = None
    startup_probe: Probe | None = None
