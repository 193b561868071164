"""What it costs a registry to take and to give a large blob: ours beside docker-registry, in one run.

    python benchmarks/registry_bytes.py [--size-mib 1024] [--rounds 3]

The blob is a layer of one file of random bytes. A client sends it (POST, then one PUT; and POST, PATCH, PUT, as docker
and skopeo do) and reads it back, whole and as a range; it sends with ``sendfile`` and throws away what it reads, so the
registry's own work is what differs. Each registry is a process of its own, with its state on disk, emptied between the
rounds; which one goes first changes from round to round. Measured are the server process's CPU seconds (user and
system), of which the least counts, since others on the machine only ever add, and the median wall clock.

Needs docker-registry.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import http.client
import os
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from docker_registries import docker_registry
from registries import registry_process

from forecourt.oci.layer import build

MIB = 1024 * 1024
NAME = "demo/my-model"


@dataclass
class Layer:
    path: Path
    digest: str
    size: int


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare our registry with docker-registry.")
    parser.add_argument("--size-mib", type=int, default=1024, help="size of the file in the blob")
    parser.add_argument("--rounds", type=int, default=3, help="how often each registry runs")
    options = parser.parse_args()
    cpu: dict[tuple[str, str], list[float]] = defaultdict(list)
    wall: dict[tuple[str, str], list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory(prefix="registry-bytes-") as directory:
        layer = make_layer(Path(directory) / "layer", options.size_mib * MIB)
        for number in range(options.rounds):
            kinds = [("ours", ours), ("docker-registry", theirs)]
            for kind, running in kinds[:: -1 if number % 2 else 1]:
                for what, work in WORK.items():
                    home = Path(directory) / f"{kind}-{number}-{what.split()[0]}"
                    with running(home) as (address, process):
                        if "GET" in what:
                            put(address, layer)
                        os.sync()
                        before, began = used(process), time.perf_counter()
                        work(address, layer)
                        cpu[what, kind].append(used(process) - before)
                        wall[what, kind].append(time.perf_counter() - began)
                    empty(home)
    print(
        f"{layer.size / 1e9:.2f} GB, {options.rounds} rounds; CPU seconds of the server (least), wall clock (median)\n"
    )
    print(f"{'':18}{'ours':>16}{'docker-registry':>20}{'CPU, theirs / ours':>22}")
    for what in WORK:
        mine, other = (min(cpu[what, kind]) for kind in ("ours", "docker-registry"))
        slow, slower = (statistics.median(wall[what, kind]) for kind in ("ours", "docker-registry"))
        print(f"{what:18}{mine:7.2f} s {slow:5.1f} s{other:11.2f} s {slower:5.1f} s{other / max(mine, 0.01):21.1f}x")


def make_layer(path: Path, size: int) -> Layer:
    head = build("models/model.gguf", size)
    hasher = hashlib.sha256()
    with path.open("wb") as file:
        for part in (head.raw, *(os.urandom(MIB) for _ in range(size // MIB)), bytes(head.tail)):
            hasher.update(part)
            file.write(part)
    return Layer(path, f"sha256:{hasher.hexdigest()}", path.stat().st_size)


@contextlib.contextmanager
def ours(home: Path) -> Iterator[tuple[str, psutil.Process]]:
    with registry_process(home) as (address, pid):
        yield address, psutil.Process(pid)


@contextlib.contextmanager
def theirs(home: Path) -> Iterator[tuple[str, psutil.Process]]:
    with docker_registry(home) as registry:
        yield registry.host, psutil.Process(registry.process.pid)


def used(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def empty(home: Path) -> None:
    for path in sorted(home.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()


def ask(address: str, method: str, url: str, layer: Layer | None = None) -> http.client.HTTPResponse:
    """Send a request, with the layer as its body where one is given; the answer has no body of interest."""
    connection = http.client.HTTPConnection(address)
    path = url.removeprefix(f"http://{address}")
    connection.putrequest(method, path)
    connection.putheader("Content-Length", str(layer.size if layer else 0))
    connection.putheader("Content-Type", "application/octet-stream")
    connection.endheaders()
    if layer:
        with layer.path.open("rb") as file:
            connection.sock.sendfile(file)
    response = connection.getresponse()
    assert response.status in (201, 202), (method, url, response.status, response.read())
    response.read()
    return response


def put(address: str, layer: Layer) -> None:
    location = ask(address, "POST", f"/v2/{NAME}/blobs/uploads/").headers["Location"]
    ask(address, "PUT", completed(location, layer), layer)


def patch(address: str, layer: Layer) -> None:
    location = ask(address, "POST", f"/v2/{NAME}/blobs/uploads/").headers["Location"]
    location = ask(address, "PATCH", location, layer).headers["Location"]
    ask(address, "PUT", completed(location, layer))


def completed(location: str, layer: Layer) -> str:
    return f"{location}{'&' if '?' in location else '?'}digest={layer.digest}"


def get(address: str, layer: Layer) -> None:
    read(address, layer, 0)


def get_range(address: str, layer: Layer) -> None:
    read(address, layer, layer.size // 2)


def read(address: str, layer: Layer, start: int) -> None:
    connection = http.client.HTTPConnection(address)
    headers = {"Range": f"bytes={start}-"} if start else {}
    connection.request("GET", f"/v2/{NAME}/blobs/{layer.digest}", headers=headers)
    response = connection.getresponse()
    assert response.status == (206 if start else 200), response.status
    buffer, left = bytearray(MIB), layer.size - start
    while count := response.readinto(buffer):
        left -= count
    assert left == 0


WORK: dict[str, Callable[[str, Layer], None]] = {
    "PUT in one": put,
    "PATCH, then PUT": patch,
    "GET": get,
    "GET, second half": get_range,
}

if __name__ == "__main__":
    main()
