"""Reading the catalog's files: sources, their models, what was measured of them, and what they show in a browser."""

from forecourt.catalog.files.benchmarks import Benchmarks
from forecourt.catalog.files.cards import card_html, harmless_html
from forecourt.catalog.files.document import Document
from forecourt.catalog.files.exporting import dump_source
from forecourt.catalog.files.folders import locate
from forecourt.catalog.files.loader import load
from forecourt.catalog.files.logos import harmless_logo, harmless_svg, is_web_address
from forecourt.catalog.files.models import make_harmless, read_models, read_names
from forecourt.catalog.files.preview import Candidates, preview, read_config
from forecourt.catalog.files.properties import SOURCE_TYPES, seconds
from forecourt.catalog.files.queries import FieldFilter, Label, NamedQuery
from forecourt.catalog.files.sources import (
    Sources,
    SourcesFile,
    define_source,
    merge,
    parse_sources,
    read_sources,
    sync_interval,
)
from forecourt.catalog.files.yamltext import Limits, parse, read

__all__ = [
    "SOURCE_TYPES",
    "Benchmarks",
    "Candidates",
    "Document",
    "FieldFilter",
    "Label",
    "Limits",
    "NamedQuery",
    "Sources",
    "SourcesFile",
    "card_html",
    "define_source",
    "dump_source",
    "harmless_html",
    "harmless_logo",
    "harmless_svg",
    "is_web_address",
    "load",
    "locate",
    "make_harmless",
    "merge",
    "parse",
    "parse_sources",
    "preview",
    "read",
    "read_config",
    "read_models",
    "read_names",
    "read_sources",
    "seconds",
    "sync_interval",
]
