"""Requirements: which are the same, which are none."""

from __future__ import annotations

import pytest

from forecourt.errors import InvalidInput
from forecourt.processes.requirements import Requirements


@pytest.mark.parametrize(
    "same",
    [
        ["Six == 1.17.0", "typing_extensions"],
        ["typing-extensions", "", "six==1.17.0", "six==1.17.0"],
        ["  typing.extensions  # why", "# a comment", "SIX==1.17.0"],
    ],
)
def test_the_same_requirements_name_the_same_environment(same: list[str]) -> None:
    assert Requirements.parse(same).key == Requirements.parse(["six==1.17.0", "typing-extensions"]).key


@pytest.mark.parametrize("other", [["six==1.16.0"], ["six==1.17.0", "--no-deps"], ["six"], []])
def test_other_requirements_name_another_environment(other: list[str]) -> None:
    assert Requirements.parse(other).key != Requirements.parse(["six==1.17.0"]).key


def test_a_line_with_two_dashes_holds_options() -> None:
    parsed = Requirements.parse(["--find-links '/my wheels' --no-deps", "six"])
    assert parsed == Requirements(("six",), ("--find-links", "/my wheels", "--no-deps"))


@pytest.mark.parametrize(
    ("line", "normal"),
    [
        ("Foo_Bar[Extra] >= 1, < 2", "foo-bar[Extra]>=1,<2"),
        ("torch ; sys_platform == 'never'", "torch ; sys_platform == 'never'"),
        ("foo @ https://host/Foo.whl#sha256=ab", "foo @ https://host/Foo.whl#sha256=ab"),
        ("/wheels/Foo-1.whl", "/wheels/Foo-1.whl"),
    ],
)
def test_a_requirement_is_written_in_one_way(line: str, normal: str) -> None:
    assert Requirements.parse([line]).packages == (normal,)


@pytest.mark.parametrize("line", ["-r more.txt", "-e .", "=1.0", "--find-links 'open", "../somewhere"])
def test_what_is_no_requirement_is_refused(line: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        Requirements.parse([line])
    assert refused.value.hint


def test_overrides_make_another_environment_in_whatever_order() -> None:
    plain = Requirements.parse(["six"])
    over = Requirements.parse(["six"], ["torchvision ; sys_platform == 'never'", "", "Torch==2.13.0+cpu  # ours"])
    assert over.overrides == ("torch==2.13.0+cpu", "torchvision ; sys_platform == 'never'")
    assert over.key != plain.key
    assert over.key == Requirements.parse(["six"], ["torch==2.13.0+cpu", "torchvision; sys_platform == 'never'"]).key
    assert plain.key == Requirements.parse(["six"], ["# nothing"]).key


def test_an_override_that_is_no_requirement_is_refused() -> None:
    with pytest.raises(InvalidInput, match="is no requirement"):
        Requirements.parse(["six"], ["--no-deps"])
