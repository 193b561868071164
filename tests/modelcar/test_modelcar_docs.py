"""``docs/modelcar.md`` says which annotations there are."""

from __future__ import annotations

import re
from pathlib import Path

from forecourt.modelcar import FIELDS
from forecourt.modelcar.annotations import FILEPATH, SIZE, TITLE

PAGE = (Path(__file__).parents[2] / "docs" / "modelcar.md").read_text()


def test_every_annotation_is_in_the_table_and_no_other() -> None:
    image, layer = PAGE.split("### Of a layer")
    in_tables = [set(re.findall(r"^\| `([a-z0-9.-]+)` \|", part, re.MULTILINE)) for part in (image, layer)]
    assert in_tables == [set(FIELDS.values()), {TITLE, FILEPATH, SIZE}]
