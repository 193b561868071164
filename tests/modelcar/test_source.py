"""Which files are packed, and which are refused."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from forecourt.errors import InvalidInput, InvalidModel, NotFound, UnsafeContent
from forecourt.modelcar import source


def names(directory: Path, **options: bool) -> list[str]:
    return [file.name for file in source.find(directory, **options)]


def test_files_are_sorted_and_what_tools_leave_is_left_out(model: Path) -> None:
    (model / ".cache" / "huggingface").mkdir(parents=True)
    (model / ".cache" / "huggingface" / "x.metadata").write_text("x")
    (model / "__pycache__").mkdir()
    (model / "__pycache__" / "x.pyc").write_text("x")
    assert names(model) == ["README.md", "config.json", "model.safetensors", "run.sh", "tokenizer/tokenizer.json"]


def test_only_the_owners_x_counts(model: Path) -> None:
    (model / "config.json").chmod(0o611)
    executable = {file.name for file in source.find(model) if file.executable}
    assert executable == {"run.sh"}


def test_a_single_file_is_a_model(model: Path) -> None:
    (file,) = source.find(model / "model.safetensors")
    assert (file.name, file.size) == ("model.safetensors", (model / "model.safetensors").stat().st_size)


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="does not exist"):
        source.find(tmp_path / "nowhere")


def test_an_empty_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_text("x")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidModel, match="holds no files"):
        source.find(tmp_path)


def test_a_link_inside_is_packed_as_what_it_leads_to(model: Path) -> None:
    (model / "weights").symlink_to("model.safetensors")
    (model / "folder").symlink_to("tokenizer")
    found = {file.name: file for file in source.find(model)}
    assert found["weights"].path == model / "model.safetensors"
    assert "folder/tokenizer.json" in found


@pytest.mark.parametrize("target", ["/etc/hostname", "../secret", "tokenizer/../../secret"])
def test_a_link_that_leaves_the_directory_is_refused(model: Path, target: str) -> None:
    (model.parent / "secret").write_text("secret")
    (model / "link").symlink_to(target)
    with pytest.raises(UnsafeContent, match="link is a link that leaves the directory"):
        source.find(model)
    assert "link" in names(model, follow_links=True)


def test_a_linked_directory_that_leaves_is_refused(model: Path) -> None:
    (model / "link").symlink_to("/etc")
    with pytest.raises(UnsafeContent, match="leaves the directory"):
        source.find(model)


def test_a_hugging_face_snapshot_is_told_how(tmp_path: Path) -> None:
    repository = tmp_path / "models--org--name"
    snapshot = repository / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (repository / "blobs").mkdir()
    (repository / "blobs" / "123").write_text("{}")
    (snapshot / "config.json").symlink_to("../../blobs/123")
    with pytest.raises(UnsafeContent) as raised:
        source.find(snapshot)
    assert "Hugging Face cache" in raised.value.hint and "--follow-links" in raised.value.hint
    (file,) = source.find(snapshot, follow_links=True)
    assert (file.name, file.path) == ("config.json", repository / "blobs" / "123")


def test_a_link_to_nothing_and_a_circle_are_refused(model: Path) -> None:
    (model / "link").symlink_to("gone")
    with pytest.raises(InvalidInput, match="link to gone, which does not exist"):
        source.find(model)
    (model / "link").unlink()
    (model / "tokenizer" / "up").symlink_to("..")
    with pytest.raises(UnsafeContent, match="leads to a directory that it is in"):
        source.find(model)


def test_a_link_to_itself_is_refused(model: Path) -> None:
    (model / "link").symlink_to("link")
    with pytest.raises(InvalidInput, match="link"):
        source.find(model)


def test_sockets_and_pipes_are_refused(model: Path) -> None:
    os.mkfifo(model / "pipe")
    with pytest.raises(UnsafeContent, match="pipe is a pipe"):
        source.find(model)
    (model / "pipe").unlink()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(model / "s"))
        with pytest.raises(UnsafeContent, match="s is a socket"):
            source.find(model)
    with pytest.raises(UnsafeContent, match="a device"):
        source.find(Path("/dev/null"))


@pytest.mark.parametrize("name", [".wh.config.json", ".wh..wh..opq"])
def test_a_name_that_would_delete_files_in_the_image_is_refused(model: Path, name: str) -> None:
    (model / name).write_text("")
    with pytest.raises(UnsafeContent, match="another file is deleted"):
        source.find(model)


@pytest.mark.parametrize("name", [b"new\nline", b"not\xffutf8", b"back\\slash"])
def test_a_name_that_cannot_be_in_an_image_is_refused(model: Path, name: bytes) -> None:
    Path(os.fsdecode(bytes(model) + b"/" + name)).write_text("x")
    with pytest.raises(InvalidInput, match="cannot be in an image"):
        source.find(model)


def test_names_of_all_languages_can(model: Path) -> None:
    (model / "模型 é.txt").write_text("x")
    assert "模型 é.txt" in names(model)
