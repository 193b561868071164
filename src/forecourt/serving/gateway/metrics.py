"""What Prometheus is told of the gateway.

Labels are looked up once for each deployment, and what is under way is counted in plain integers that are read when
somebody scrapes. The series of a deployment go when it is withdrawn, so that they do not pile up.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics import MetricWrapperBase

from forecourt.serving.endpoints import Endpoint

_LABELS = ("namespace", "name")
_CLIENT_ERROR, _CLIENT_GONE = 400, 499
# A short answer takes milliseconds, a long stream minutes.
DURATION_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
FIRST_BYTE_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 0.75, 1, 2.5, 5, 10, 30, 60)


@dataclass(frozen=True, slots=True)
class Times:
    """How long things took: `total` seconds together, and how many by the first bound that they were not above."""

    total: float = 0.0
    counts: Mapping[float, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Counts:
    """What was counted of a deployment since it came: requests that ended, how long they took, and their first bytes.

    `failed` are those that ended with an error, the client's or the server's; who went away has no reason to complain.
    """

    succeeded: int = 0
    failed: int = 0
    durations: Times = field(default_factory=Times)
    first_bytes: Times = field(default_factory=Times)


class Traffic:
    """One deployment's counts.

    `outstanding` and `held` are how many requests are in hand, and how many of those wait for a replica.
    """

    __slots__ = (
        "_codes",
        "_count",
        "disconnects",
        "duration",
        "first_byte",
        "held",
        "outstanding",
        "request_bytes",
        "response_bytes",
        "retries",
    )

    def __init__(self, metrics: Metrics, namespace: str, name: str) -> None:
        labels = (namespace, name)
        self.outstanding = 0
        self.held = 0
        self.duration = metrics.duration.labels(*labels)
        self.first_byte = metrics.first_byte.labels(*labels)
        self.retries = metrics.retries.labels(*labels)
        self.disconnects = metrics.disconnects.labels(*labels)
        self.request_bytes = metrics.request_bytes.labels(*labels)
        self.response_bytes = metrics.response_bytes.labels(*labels)
        metrics.outstanding.labels(*labels).set_function(lambda: self.outstanding)
        metrics.held.labels(*labels).set_function(lambda: self.held)
        self._codes: dict[int, Counter] = {}
        self._count: Callable[[int], Counter] | None = lambda code: metrics.requests.labels(*labels, str(code))

    def count(self, code: int) -> None:
        """Count a request that ended with the status `code`; 499 says that the client went away."""
        counter = self._codes.get(code)
        if counter is None:
            if self._count is None:
                return
            counter = self._codes[code] = self._count(code)
        counter.inc()

    def close(self) -> tuple[int, ...]:
        """Make no new series from now on, and return the codes that have one."""
        self._count = None
        return tuple(self._codes)


class Metrics:
    """The gateway's metrics in `registry`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str, labels: tuple[str, ...] = _LABELS) -> Counter:
            return Counter(f"forecourt_gateway_{name}", text, labels, registry=registry)

        def gauge(name: str, text: str) -> Gauge:
            return Gauge(f"forecourt_gateway_{name}", text, _LABELS, registry=registry)

        def histogram(name: str, text: str, buckets: tuple[float, ...]) -> Histogram:
            return Histogram(f"forecourt_gateway_{name}", text, _LABELS, registry=registry, buckets=buckets)

        self.requests = counter(
            "requests_total",
            "Requests by the status they ended with; 499: the client went away, 502: the runtime broke off.",
            (*_LABELS, "code"),
        )
        self.retries = counter("retries_total", "Attempts after a replica refused or dropped a request.")
        self.disconnects = counter("disconnects_total", "Clients that went away before their response was complete.")
        self.request_bytes = counter("request_bytes_total", "Bytes of bodies received from clients.")
        self.response_bytes = counter("response_bytes_total", "Bytes of bodies sent to clients.")
        self.outstanding = gauge("outstanding_requests", "Requests in hand, those that are held among them.")
        self.held = gauge("held_requests", "Requests that wait for a replica.")
        self.duration = histogram(
            "request_duration_seconds", "From a request to the end of its response.", DURATION_BOUNDS
        )
        self.first_byte = histogram(
            "time_to_first_byte_seconds",
            "From a request to the first byte of its response's body.",
            FIRST_BYTE_BOUNDS,
        )
        self._traffic: dict[Endpoint, Traffic] = {}

    def of(self, endpoint: Endpoint) -> Traffic:
        """Return the deployment's counts."""
        traffic = self._traffic.get(endpoint)
        if traffic is None:
            traffic = Traffic(self, endpoint.namespace, endpoint.name)
            if endpoint.withdrawn:  # deleted while its request was being read: no series for it
                self._remove(endpoint, traffic)
            else:
                self._traffic[endpoint] = traffic
        return traffic

    def nowhere(self, code: int) -> None:
        """Count a request that named no deployment that is there."""
        self.requests.labels("", "", str(code)).inc()

    def forget(self, endpoint: Endpoint) -> None:
        """Remove the series of a deployment that was withdrawn."""
        if traffic := self._traffic.pop(endpoint, None):
            self._remove(endpoint, traffic)

    def counts(self) -> Mapping[tuple[str, str], Counts]:
        """Return what was counted of each deployment, by namespace and name."""
        ended: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
        for metric in self.requests.collect():
            for sample in metric.samples:
                if sample.name.endswith("_total"):
                    code = int(sample.labels["code"])
                    failed = code >= _CLIENT_ERROR and code != _CLIENT_GONE
                    ended[sample.labels["namespace"], sample.labels["name"]][failed] += int(sample.value)
        durations, first_bytes = _times(self.duration), _times(self.first_byte)
        return {
            key: Counts(ended[key][0], ended[key][1], durations.get(key, Times()), first_bytes.get(key, Times()))
            for key in ended.keys() | durations.keys() | first_bytes.keys()
        }

    def _remove(self, endpoint: Endpoint, traffic: Traffic) -> None:
        labels = (endpoint.namespace, endpoint.name)
        for code in traffic.close():
            self.requests.remove(*labels, str(code))
        series: tuple[MetricWrapperBase, ...] = (
            self.retries,
            self.disconnects,
            self.request_bytes,
            self.response_bytes,
            self.outstanding,
            self.held,
            self.duration,
            self.first_byte,
        )
        for metric in series:
            metric.remove(*labels)


def _times(histogram: Histogram) -> Mapping[tuple[str, str], Times]:
    """Return the times of each deployment that a histogram has; Prometheus counts what is below each bound."""
    totals: dict[tuple[str, str], float] = {}
    counts: dict[tuple[str, str], dict[float, int]] = defaultdict(dict)
    below: dict[tuple[str, str], float] = defaultdict(float)
    for metric in histogram.collect():
        for sample in metric.samples:  # those of a deployment come together, bounds rising
            key = sample.labels["namespace"], sample.labels["name"]
            if sample.name.endswith("_bucket"):
                if sample.value > below[key]:
                    counts[key][float(sample.labels["le"])] = int(sample.value - below[key])
                below[key] = sample.value
            elif sample.name.endswith("_sum"):
                totals[key] = sample.value
    return {key: Times(total, counts[key]) for key, total in totals.items()}


def metrics_body(registry: CollectorRegistry) -> bytes:
    """Return the registry in Prometheus's text format, served as `METRICS_CONTENT_TYPE`."""
    return generate_latest(registry)


METRICS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
