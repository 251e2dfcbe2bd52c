from __future__ import annotations

import json
from pathlib import Path

import pytest

from artifacts import checksums
from artifacts.errors import ArtifactError
from artifacts.store import RunFolder


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    folder = RunFolder(tmp_path / "run").create()
    for step in ("task", "search/one"):
        with folder.write(step) as target:
            (target / "deep").mkdir()
            (target / "deep" / "data.bin").write_bytes(bytes(range(256)) * 8)
    (folder.path / "search" / "search.json").write_text("{}")
    folder.finish({"name": "имя"})
    return folder


def test_a_finished_run_has_no_faults(run: RunFolder) -> None:
    assert run.faults() == []
    listed = json.loads((run.path / checksums.FILE).read_text())
    assert set(listed) == {"task/deep/data.bin", "search/one/deep/data.bin", "search/search.json", "run.json"}


@pytest.mark.parametrize("file", ["task/deep/data.bin", "search/search.json", "run.json"])
def test_one_flipped_bit_is_found(run: RunFolder, file: str) -> None:
    content = bytearray((run.path / file).read_bytes())
    content[len(content) // 2] ^= 1
    (run.path / file).write_bytes(bytes(content))
    assert run.faults() == [checksums.Fault("changed", file)]


def test_missing_and_foreign_files_and_links_are_found(run: RunFolder, tmp_path: Path) -> None:
    (run.path / "task" / "deep" / "data.bin").unlink()
    (run.path / "task" / "note\n.txt").write_text("x")
    (tmp_path / "outside").write_text("x")
    (run.path / "link").symlink_to(tmp_path / "outside")
    inside = run.path / "search" / "one" / "deep" / "data.bin"
    inside.rename(tmp_path / "moved")
    inside.symlink_to(tmp_path / "moved")
    assert {(fault.kind, fault.path) for fault in run.faults()} == {
        ("missing", "task/deep/data.bin"),
        ("missing", "search/one/deep/data.bin"),
        ("foreign", "search/one/deep/data.bin"),
        ("foreign", "task/note\n.txt"),
        ("foreign", "link"),
    }


def test_a_step_written_later_is_listed_and_replaced(run: RunFolder) -> None:
    for text in ("longer", "new"):
        with run.write("views") as target:
            (target / text).write_text(text)
        assert run.faults() == []
    assert "views/longer" not in json.loads((run.path / checksums.FILE).read_text())


def test_runs_inside_have_their_own_list(run: RunFolder) -> None:
    inner = run.activity("like").create()
    with inner.write("model") as target:
        (target / "weights").write_text("1")
    inner.finish({})
    run.finish({})
    assert run.faults() == [] == inner.faults()
    (inner.path / "model" / "weights").write_text("2")
    assert run.faults() == [checksums.Fault("changed", "activities/like/model/weights")]


@pytest.mark.parametrize("content", ["[", '{"a": 1}', '{"../x": [1, "a"]}', '{"/etc/passwd": [1, "a"]}'])
def test_a_damaged_list_is_said(run: RunFolder, content: str) -> None:
    (run.path / checksums.FILE).write_text(content)
    with pytest.raises(ArtifactError, match=r"cannot be read|has no size and hash"):
        run.faults()


def test_a_folder_without_a_list_is_said(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="has no checksums.json.*run fit again"):
        RunFolder(tmp_path).faults()
