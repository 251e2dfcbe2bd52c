"""Runs as zip files: what is exported comes back, and what is hostile is refused before it is written anywhere."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from artifacts import portable
from artifacts.checksums import digest_of
from artifacts.errors import ArtifactError, InputError
from artifacts.portable import CONTENTS, accept, export_run, import_run
from artifacts.store import FORMAT_VERSION, RunFolder

Members = dict[str, bytes]


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    folder = RunFolder(tmp_path / "run").create()
    for step in ("task", "model", "search/one"):
        with folder.write(step) as target:
            (target / "данные.bin").write_bytes(bytes(range(256)) * 8)
    folder.finish({"encoders": {"text": None}})
    return folder


def unpacked(file: Path, target: Path) -> RunFolder:
    return RunFolder(accept(import_run(file, target)[1], target))


def left_over(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.name.startswith(".tmp-")]


def test_a_run_comes_back_without_its_trials(run: RunFolder, tmp_path: Path) -> None:
    listed = export_run(run.path, tmp_path / "run.zip").files
    assert not any("search" in name for name in listed)
    back = unpacked(tmp_path / "run.zip", tmp_path / "back")
    assert back.faults() == [] and not (back.path / "search").exists()
    assert (back.path / "model" / "данные.bin").read_bytes() == (run.path / "model" / "данные.bin").read_bytes()
    (tmp_path / "empty").mkdir()
    assert unpacked(tmp_path / "run.zip", tmp_path / "empty").faults() == []
    assert left_over(tmp_path) == []


def test_runs_inside_a_run_go_with_it(run: RunFolder, tmp_path: Path) -> None:
    inner = run.activity("like").create()
    with inner.write("model") as target:
        (target / "x").write_bytes(b"x")
    inner.finish({})
    run.finish({"encoders": {}})
    assert "run/activities/like/model/x" in export_run(run.path, tmp_path / "run.zip").files
    assert unpacked(tmp_path / "run.zip", tmp_path / "back").faults() == []


def test_nothing_is_written_over(run: RunFolder, tmp_path: Path) -> None:
    (tmp_path / "run.zip").write_bytes(b"mine")
    with pytest.raises(InputError, match="is there already"):
        export_run(run.path, tmp_path / "run.zip")
    assert (tmp_path / "run.zip").read_bytes() == b"mine"
    export_run(run.path, tmp_path / "other.zip")
    with pytest.raises(InputError, match="not empty"):
        import_run(tmp_path / "other.zip", run.path)


def test_a_damaged_run_is_not_exported(run: RunFolder, tmp_path: Path) -> None:
    (run.path / "model" / "данные.bin").write_bytes(b"other")
    with pytest.raises(ArtifactError, match=r"not as they were written, the first 'model/"):
        export_run(run.path, tmp_path / "run.zip")
    assert not (tmp_path / "run.zip").exists() and left_over(tmp_path) == []


def written(file: Path, members: Members, told: dict[str, Any] | None = None, **others: Any) -> Path:
    """An export by hand: its list is right unless ``told`` says otherwise."""
    files = {name: [len(content), digest_of(content)] for name, content in members.items()}
    listed = {"format": 1, "run_format": FORMAT_VERSION, "encoders": {}, "files": files} | (told or {})
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr(CONTENTS, json.dumps(listed))
        for name, content in members.items():
            packed.writestr(others.get("info", zipfile.ZipInfo)(name), content, zipfile.ZIP_DEFLATED)
    return file


def link(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = 0o120777 << 16
    return info


NAMES = [
    "../outside", "run/../../outside", "/etc/outside", "run//twice", "run/./here", "run\\..\\outside", "C:/outside",
    "run/a:b", "elsewhere/file", "run/.lock", "run/a\nb", "run/\u202egnp.exe", "",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_names_that_could_leave_the_folder_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ArtifactError, match=r"could leave the folder|differ|damaged"):
        import_run(written(tmp_path / "bad.zip", {name: b"x"}), tmp_path / "inside" / "run")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["bad.zip"]


def test_links_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="is of a link"):
        import_run(written(tmp_path / "bad.zip", {"run/link": b"/etc/passwd"}, info=link), tmp_path / "run")


TOLD: list[tuple[Callable[[Members], dict[str, Any]], str]] = [
    (lambda m: {"files": {}}, "differ in 1 names"),
    (lambda m: {"files": {"run/a": [5, "x"], "run/b": [1, "x"]}}, "differ in 1 names"),
    (lambda m: {"files": {"run/a": [4, digest_of(b"hello")]}}, "another size"),
    (lambda m: {"files": {"run/a": [-1, ""]}}, "another size"),
    (lambda m: {"files": {"run/a": [5, digest_of(b"other")]}}, "not as it was written"),
    (lambda m: {"files": {"run/a": "5"}}, "damaged"),
    (lambda m: {"files": ["run/a"]}, "damaged"),
    (lambda m: {"format": 2}, "format 2 of a run"),
    (lambda m: {"run_format": 1}, "run of format 1"),
]


@pytest.mark.parametrize(("told", "message"), TOLD)
def test_a_list_that_is_not_true_is_refused(tmp_path: Path, told: Any, message: str) -> None:
    members = {"run/a": b"hello"}
    with pytest.raises(ArtifactError, match=message):
        import_run(written(tmp_path / "bad.zip", members, told(members)), tmp_path / "run")
    assert not (tmp_path / "run").exists() and left_over(tmp_path) == []


def test_bombs_are_refused_before_they_are_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = written(tmp_path / "bomb.zip", {"run/zeros": bytes(50_000_000)})
    assert bomb.stat().st_size < 100_000
    monkeypatch.setattr(portable, "MOST_BYTES", 10_000_000)
    with pytest.raises(ArtifactError, match="would unpack to 1 files and 0 GB"):
        import_run(bomb, tmp_path / "run")
    monkeypatch.setattr(portable, "MOST_FILES", 0)
    with pytest.raises(ArtifactError, match="would unpack"):
        import_run(written(tmp_path / "many.zip", {"run/a": b""}), tmp_path / "run")
    monkeypatch.setattr(portable, "MOST_CONTENTS", 10)
    with pytest.raises(ArtifactError, match="longer than 10 bytes"):
        import_run(written(tmp_path / "list.zip", {"run/a": b""}), tmp_path / "run")


def test_a_member_longer_than_it_declares_is_cut_off(tmp_path: Path) -> None:
    file = written(tmp_path / "bad.zip", {"run/a": b"x" * 5_000}, {"files": {"run/a": [50, digest_of(b"x" * 50)]}})
    content = file.read_bytes()
    for place in (content.index(b"run/a") - 8, content.rindex(b"run/a") - 22):  # both headers' declared sizes
        content = content[:place] + (50).to_bytes(4, "little") + content[place + 4 :]
    file.write_bytes(content)
    with zipfile.ZipFile(file) as packed:
        assert packed.getinfo("run/a").file_size == 50
    with pytest.raises(ArtifactError):
        import_run(file, tmp_path / "run")
    assert left_over(tmp_path) == []


def test_two_members_of_one_name_are_refused(tmp_path: Path) -> None:
    file = written(tmp_path / "bad.zip", {"run/a": b"hello"})
    with zipfile.ZipFile(file, "a") as packed, pytest.warns(UserWarning, match="Duplicate"):
        packed.writestr("run/a", b"other")
    with pytest.raises(ArtifactError, match="two members of one name"):
        import_run(file, tmp_path / "run")


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04" + bytes(60)])
def test_what_is_no_zip_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "no.zip").write_bytes(content)
    with pytest.raises(ArtifactError, match="cannot be unpacked"):
        import_run(tmp_path / "no.zip", tmp_path / "run")
    with pytest.raises(ArtifactError, match="cannot be unpacked"):
        import_run(tmp_path / "nothing.zip", tmp_path / "run")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as packed:
        packed.writestr("letter.txt", "x")
    with pytest.raises(ArtifactError, match="is no export of a run"):
        import_run(tmp_path / "other.zip", tmp_path / "run")


def test_a_cut_off_file_is_told(run: RunFolder, tmp_path: Path) -> None:
    export_run(run.path, tmp_path / "run.zip")
    content = (tmp_path / "run.zip").read_bytes()
    for part in (len(content) // 2, len(content) - 10):
        (tmp_path / "cut.zip").write_bytes(content[:part])
        with pytest.raises(ArtifactError, match="cannot be unpacked"):
            import_run(tmp_path / "cut.zip", tmp_path / "back")
    assert left_over(tmp_path) == []


def test_a_flipped_byte_anywhere_is_told_or_changes_nothing(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "small").create()
    with folder.write("model") as target:
        (target / "text").write_bytes(b"the same words again and again " * 20)
        os.utime(target / "text", (0, 0))  # before the years that zip files know
    folder.finish({"encoders": {}})
    export_run(folder.path, tmp_path / "run.zip")
    content, told = (tmp_path / "run.zip").read_bytes(), 0
    for place in range(0, len(content), 7):
        (tmp_path / "bad.zip").write_bytes(content[:place] + bytes([content[place] ^ 0x55]) + content[place + 1 :])
        back = tmp_path / f"back {place}"
        try:
            assert unpacked(tmp_path / "bad.zip", back).faults() == []
        except ArtifactError:
            told += 1
            assert not back.exists()
    assert told > 20 and left_over(tmp_path) == []
