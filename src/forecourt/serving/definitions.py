"""KServe's own schemas of its kinds, as its CustomResourceDefinitions have them."""

from __future__ import annotations

import gzip
import json
from functools import cache
from pathlib import Path

from forecourt.objects import Schema

DIRECTORY = Path(__file__).with_name("schemas")


@cache
def schema_of(plural: str) -> Schema:
    """Return the schema of a kind, by its name in paths: ``servingruntimes``, ``inferenceservices``."""
    definition = json.loads(gzip.decompress((DIRECTORY / f"serving.kserve.io_{plural}.json.gz").read_bytes()))
    schema: Schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema
