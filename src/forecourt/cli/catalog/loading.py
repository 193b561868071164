"""Waiting until the server has loaded a source; who does not wait on leaves it going on there."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from forecourt.cli.catalog.names import API, source_path
from forecourt.cli.output import console
from forecourt.cli.progress import steps

if TYPE_CHECKING:
    from forecourt.cli.client import Client

Document = dict[str, Any]

_EVERY = 0.2  # seconds between two looks
_FIRST_LOAD = 20.0  # seconds; what ships takes one or two


def until_loaded(client: Client, source_id: str, before: str | None, timeout: float) -> Document:
    """Show how far a source is until it was loaded, and return it; `before` is when it was loaded the last time.

    A load that had begun before someone asked for this one is not taken for it.

    Raises `Unavailable` after `timeout` seconds, and `NotFound` where it is removed meanwhile. Ctrl-C only ends the
    waiting.
    """
    from forecourt.errors import Unavailable

    see = f"forecourt catalog sources show {source_id}"
    deadline = time.monotonic() + timeout
    try:
        with steps() as shown:
            while True:
                source: Document = client.get(source_path(source_id))
                if source["triedTimeSinceEpoch"] not in (None, before) and source["status"] != "loading":
                    shown.end()
                    return source
                if time.monotonic() > deadline:
                    raise Unavailable(
                        f"{source_id} is not loaded after {timeout:.0f} s.",
                        hint=f"It goes on in the server: {see}. Wait longer with --timeout.",
                    )
                shown.show("loading", f"Loading {source_id}{_how_far(source.get('progress'))}")
                time.sleep(_EVERY)
    except KeyboardInterrupt:
        console.note(f"\n{source_id} goes on being loaded in the server: {see}")
        raise


def first_load(client: Client) -> bool:
    """Wait a while for the files that a server which has just begun has never loaded; return whether there were any.

    What is elsewhere may take long, and is not waited for.
    """
    deadline = time.monotonic() + _FIRST_LOAD
    waited = False
    with steps() as shown:
        while time.monotonic() < deadline:
            sources = client.get(f"{API}/sources")["items"]
            waiting = [one["id"] for one in sources if one["loadedTimeSinceEpoch"] is None and _is_coming(one)]
            if not waiting:
                shown.end()
                return waited
            waited = True
            shown.show("first", f"Loading the catalog's sources {', '.join(waiting)}")
            time.sleep(_EVERY)
    return waited


def _is_coming(source: Document) -> bool:
    wanted = source["enabled"] and source["assetType"] == "models" and source["type"] == "yaml"
    return wanted and source["status"] in ("loading", "not-loaded")


def _how_far(progress: Document | None) -> str:
    if not progress or not progress["done"]:
        return ""
    done, of = progress["done"], progress["of"]
    return f": {100 * done // of} % ({done} of {of} models)" if of else f": ({done} models)"
