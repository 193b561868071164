"""Push and pull of one large file through docker-registry: our client beside skopeo, in one run.

    python benchmarks/registry_client.py [--size-mib 1024] [--rounds 4]

Both sides move the same image, one layer of one file of random bytes, between this machine and Debian's
docker-registry on loopback. Skopeo reads and writes an OCI layout with ``--preserve-digests`` (its default would
compress). Each side runs as a child of its own, so start-up counts; measured are that child's CPU seconds (user and
system, from ``wait4``) and the wall clock. A push goes to an emptied registry, a pull into an empty directory. The side
that goes first changes from round to round. Compared are the least CPU, to which others on the machine only ever add,
and the median wall clock.

Needs docker-registry and skopeo.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from docker_registries import docker_registry

from forecourt.oci import (
    LAYER_TAR,
    Clients,
    ContentStore,
    Descriptor,
    LoginFiles,
    Manifest,
    Reference,
    Repositories,
    transfer,
)

MIB = 1024 * 1024


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare our registry client with skopeo.")
    parser.add_argument("--size-mib", type=int, default=1024, help="size of the file")
    parser.add_argument("--rounds", type=int, default=4, help="how often each side runs")
    parser.add_argument("--one", nargs=3, metavar=("VERB", "HOME", "REFERENCE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        run_ours(*options.one)
        return
    with tempfile.TemporaryDirectory(prefix="registry-client-") as directory:
        compare(Path(directory), options.size_mib, options.rounds)


def run_ours(verb: str, home: str, reference: str) -> None:
    """Push or pull, as a process of its own."""
    store = ContentStore(Path(home) / "store")
    images = Repositories(Path(home) / "images", store)
    with Clients(LoginFiles()) as client_for:
        (transfer.push if verb == "push" else transfer.pull)(Reference.parse(reference), images, store, client_for)


def compare(root: Path, size_mib: int, rounds: int) -> None:
    home, layout, fetched, size = root / "ours", root / "layout", root / "fetched", size_mib * MIB
    skopeo = ["skopeo", "copy", "--quiet", "--preserve-digests"]
    found: dict[str, list[tuple[float, float]]] = {}
    with docker_registry(root / "registry") as registry:
        name = f"{registry.host}/demo/model:1"
        make_image(home, Reference.parse(name), root / "model.bin", size)
        run_ours("push", str(home), name)
        subprocess.run([*skopeo, "--src-tls-verify=false", f"docker://{name}", f"oci:{layout}:1"], check=True)
        me = [sys.executable, __file__, "--one"]
        sides = {
            "ours": ([*me, "push", str(home), name], [*me, "pull", str(fetched), name]),
            "skopeo": (
                [*skopeo, "--dest-tls-verify=false", f"oci:{layout}:1", f"docker://{name}"],
                [*skopeo, "--src-tls-verify=false", f"docker://{name}", f"oci:{fetched}:1"],
            ),
        }
        for number in range(rounds):
            for side in sorted(sides, reverse=bool(number % 2)):
                push, pull = sides[side]
                shutil.rmtree(registry.root / "docker")  # it looks on disk for each question
                found.setdefault(f"push, {side}", []).append(measure(push))
                found.setdefault(f"pull, {side}", []).append(measure(pull))
                shutil.rmtree(fetched)
    report(found, size)


def make_image(home: Path, reference: Reference, path: Path, size: int) -> None:
    """Pack the file, or find it packed."""
    if not path.exists():
        with path.open("wb") as file:
            for _ in range(size // MIB):
                file.write(os.urandom(MIB))
    store = ContentStore(home / "store")
    blob = store.add_file(path, "models/model.bin")
    config = (
        b'{"architecture":"amd64","os":"linux","rootfs":{"diff_ids":["%b"],"type":"layers"}}' % blob.digest.encode()
    )
    store.add(config)
    manifest = Manifest.build(
        Descriptor.of("application/vnd.oci.image.config.v1+json", config),
        [Descriptor(LAYER_TAR, blob.digest, blob.size)],
    )
    Repositories(home / "images", store).put(reference.name, manifest, reference.tag)


def measure(command: list[str]) -> tuple[float, float]:
    """Run a program; return its wall and CPU seconds."""
    began = time.perf_counter()
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command} failed")
    return time.perf_counter() - began, usage.ru_utime + usage.ru_stime


def report(found: dict[str, list[tuple[float, float]]], size: int) -> None:
    print(f"{size / 1e9:.3f} GB, docker-registry on loopback; {len(next(iter(found.values())))} rounds\n")
    print(f"{'':14}{'wall s':>8}{'MB/s':>8}{'CPU s':>8}{'CPU s/GB':>10}   all CPU s")
    least: dict[str, tuple[float, float]] = {}
    for name, runs in sorted(found.items(), reverse=True):
        wall, cpu = statistics.median(run[0] for run in runs), min(run[1] for run in runs)
        least[name] = wall, cpu
        each = " ".join(f"{run[1]:.2f}" for run in runs)
        print(f"{name:14}{wall:8.2f}{size / 1e6 / wall:8.0f}{cpu:8.2f}{cpu / size * 1e9:10.2f}   {each}")
    print()
    for verb in ("push", "pull"):
        (our_wall, our_cpu), (their_wall, their_cpu) = least[f"{verb}, ours"], least[f"{verb}, skopeo"]
        print(f"{verb}: skopeo takes {their_cpu / our_cpu:.1f}x our CPU and {their_wall / our_wall:.2f}x our time")


if __name__ == "__main__":
    main()
