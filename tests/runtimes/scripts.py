"""The scripts that stand in for runtimes' images, as modules: what is in them that needs no runtime."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any
from unittest.mock import patch

import forecourt

DIRECTORY = Path(forecourt.__file__).parent / "runtimes"


def load_script(name: str) -> Any:
    """Load one as Python does that runs it: what is beside it can be imported."""
    spec = spec_from_file_location(name, DIRECTORY / f"{name}.py")
    assert spec and spec.loader
    module = module_from_spec(spec)
    with patch.object(sys, "path", [str(DIRECTORY), *sys.path]):
        spec.loader.exec_module(module)
    return module
