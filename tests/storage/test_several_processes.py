"""Several processes, and one that is killed: every byte comes once, and what is there is whole."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from catalog.remote.hub import Hub
from servers import wait
from storage.servers import Fetcher, FileServer, contents

WEIGHTS = os.urandom(4_000_000)

SCRIPT = """
import sys
from pathlib import Path
from forecourt.oci import Anonymous, Clients, ContentStore, Repositories
from forecourt.storage import download, fetch, partial

download._STEP, partial._NOTE_SECONDS = 128 * 1024, 0.05
root, uri = Path(sys.argv[1]), sys.argv[2]
store = ContentStore(root / "store")
images = Repositories(root / "images", store)
with Clients(Anonymous()) as clients:
    found = fetch(uri, models=root / "models", store=store, images=images, client_for=clients)
print(found.path, found.moved)
"""


def start(fetcher: Fetcher, uri: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(fetcher.root), uri],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> tuple[Path, int]:
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    path, moved = out.split()
    return Path(path), int(moved)


def noted(fetcher: Fetcher) -> int:
    """How many bytes are written down as being there."""
    found = 0
    for path in (fetcher.store.root / "partial").glob("*.json"):
        found += sum(end - start for start, end in json.loads(path.read_text())["spans"])
    return found


@pytest.fixture
def uri(hub: Hub) -> str:
    hub.add("acme/tiny", files={"model.safetensors": WEIGHTS}, large=frozenset({"model.safetensors"}))
    return "hf://acme/tiny"


def test_a_process_that_was_killed_is_gone_on_after(hub: Hub, fetcher: Fetcher, uri: str) -> None:
    hub.trouble("/lfs/", drips=0.02, drop=50_000)
    first = start(fetcher, uri, HF_ENDPOINT=hub.url)
    wait(lambda: noted(fetcher) > 1_000_000, 30, "a part is there")
    first.send_signal(signal.SIGKILL)
    first.communicate()
    there = noted(fetcher)
    assert 1_000_000 < there < len(WEIGHTS)
    hub.sent.clear()
    path, moved = ended(start(fetcher, uri, HF_ENDPOINT=hub.url))
    assert contents(path) == {"model.safetensors": WEIGHTS}
    sent = sum(count for name, count in hub.sent.items() if "/lfs/" in name)
    assert 0 <= sent - (len(WEIGHTS) - there) <= 100_000, "nothing twice, but for what was on its way to who was killed"
    assert moved == len(WEIGHTS) and fetcher.left() == []


def test_the_files_that_were_complete_are_not_fetched_again(hub: Hub, fetcher: Fetcher) -> None:
    """Also where nobody says their sha256 beforehand."""
    files = {"a.onnx": os.urandom(2_000_000), "b.onnx": os.urandom(2_000_000)}
    hub.add("acme/two", files=files)
    hub.trouble("b.onnx", drips=0.02, drop=20_000)
    first = start(fetcher, "hf://acme/two", HF_ENDPOINT=hub.url)
    wait(lambda: list((fetcher.models / ".sources").glob("*.begun.json")), 30, "one file is there")
    first.kill()
    first.communicate()
    hub.sent.clear()
    path, _ = ended(start(fetcher, "hf://acme/two", HF_ENDPOINT=hub.url))
    assert contents(path) == files
    assert [name for name in hub.sent if "a.onnx" in name] == []
    assert not list((fetcher.models / ".sources").glob("*.begun.json"))


def test_what_was_damaged_meanwhile_is_fetched_again(
    hub: Hub, fetcher: Fetcher, uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.trouble("/lfs/", drips=0.02, drop=50_000)
    first = start(fetcher, uri, HF_ENDPOINT=hub.url)
    wait(lambda: noted(fetcher) > 1_000_000, 30, "a part is there")
    first.kill()
    first.communicate()
    part = next(path for path in (fetcher.store.root / "partial").iterdir() if not path.suffix)
    with part.open("r+b") as file:
        file.write(b"not what was there")
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    assert contents(fetcher(uri).path) == {"model.safetensors": WEIGHTS}


def test_a_source_that_changed_since_is_begun_anew(files: FileServer, fetcher: Fetcher) -> None:
    url = files.put("/tiny.gguf", WEIGHTS)
    files.trouble("/tiny.gguf")  # the HEAD
    files.trouble("/tiny.gguf", drips=0.02, drop=50_000)
    first = start(fetcher, url)
    wait(lambda: noted(fetcher) > 1_000_000, 30, "a part is there")
    first.kill()
    first.communicate()
    newer = os.urandom(len(WEIGHTS))
    files.put("/tiny.gguf", newer)
    assert contents(ended(start(fetcher, url))[0]) == {"tiny.gguf": newer}
    assert fetcher.left() == []


def test_two_processes_at_once_fetch_once(hub: Hub, fetcher: Fetcher, uri: str) -> None:
    hub.trouble("/lfs/", drips=0.01, drop=100_000)
    both = [start(fetcher, uri, HF_ENDPOINT=hub.url) for _ in range(2)]
    (one, moved), (other, moved_again) = map(ended, both)
    assert one == other and sorted([moved, moved_again]) == [0, len(WEIGHTS)]
    assert sum(sent for name, sent in hub.sent.items() if "/lfs/" in name) == len(WEIGHTS)


def test_several_threads_at_once_fetch_once(
    hub: Hub, fetcher: Fetcher, uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(fetcher(uri).path)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4 and len(set(found)) == 1
    assert sum(sent for name, sent in hub.sent.items() if "/lfs/" in name) == len(WEIGHTS)
