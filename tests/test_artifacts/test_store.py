from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from artifacts.errors import ArtifactError, InputError
from artifacts.store import RunFolder, read_json, read_object, reading, write_file


def test_a_step_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run").create()
    with pytest.raises(RuntimeError, match="killed"), folder.write("step") as step:
        (step / "half").write_text("x")
        raise RuntimeError("killed")
    assert not folder.has("step") and not list(folder.path.iterdir())
    with folder.write("search/one") as step:
        (step / "whole").write_text("x")
    assert folder.has("search/one") and (folder.folder("search/one") / "whole").read_text() == "x"


def test_an_activity_reads_the_split_and_features_of_its_run_alone(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run").create()
    activity = run.activity("like").create()
    for step in ("task", "split", "features", "model"):
        (run.path / step).mkdir()
    assert not activity.has("features"), "the folder around is no run yet"
    (run.path / "task" / "task.json").write_text("{}")
    assert activity.folder("features") == run.path / "features" and activity.has("split")
    assert not activity.has("model") and not activity.has("task")
    assert RunFolder(os.path.relpath(activity.path)).has("features")
    with pytest.raises(ArtifactError, match="lacks 'model'"):
        activity.folder("model")


def test_a_step_can_be_replaced(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path).create()
    for text in ("old", "new"):
        with folder.write("step") as step:
            (step / "file").write_text(text)
    assert (folder.path / "step" / "file").read_text() == "new"
    assert [path.name for path in folder.path.iterdir()] == ["step"]


def test_what_a_killed_run_left_is_swept_away(tmp_path: Path) -> None:
    (tmp_path / ".tmp-abc").mkdir()
    (tmp_path / ".tmp-abc" / "x").write_text("x")
    RunFolder(tmp_path).create()
    assert not list(tmp_path.iterdir())


def test_a_missing_step_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="lacks 'model'.*run fit again"):
        RunFolder(tmp_path).folder("model")


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = RunFolder(tmp_path).create()

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ArtifactError, match="No space left.*Free some space"), folder.write("step") as step:
        (step / "x").write_text("x")
    assert not list(tmp_path.iterdir())
    with pytest.raises(ArtifactError, match="No space left"):
        write_file(tmp_path / "report.html", "x")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ArtifactError, match="Cannot write into the run folder.*--run"):
        RunFolder(tmp_path / "file" / "run").create()


def test_broken_json_is_an_artifact_error(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(ArtifactError, match="cannot be read"):
        read_json(tmp_path / "a.json")


def test_one_fit_at_a_time_holds_a_folder(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    with folder.held():
        with pytest.raises(ArtifactError, match=rf"in use by process {os.getpid()} on .* since 20.*--run"):  # noqa: SIM117
            with RunFolder(tmp_path / "run").held():
                raise AssertionError("two fits in one folder")
        with RunFolder(tmp_path / "other").held():
            pass
    with folder.held():
        pass


def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    code = (
        "import os, sys; from artifacts.store import RunFolder\n"
        "with RunFolder(sys.argv[1]).held(): os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert (tmp_path / ".lock-holder").exists()
    with RunFolder(tmp_path).held():
        pass


@pytest.mark.parametrize("content", ["", "{", "[1]", "7", "null", "[" * 100_000, "9" * 5_000, "\ud800"])
def test_what_is_no_object_is_told(tmp_path: Path, content: str) -> None:
    (tmp_path / "run.json").write_bytes(content.encode("utf-8", "surrogatepass"))
    with pytest.raises(ArtifactError, match=r"run\.json.* run fit again"):
        read_object(tmp_path / "run.json")


def test_files_of_another_form_are_told_as_damaged(tmp_path: Path) -> None:
    for read in (lambda: {}["gone"], lambda: [].gone, lambda: int([]), lambda: float(10**400), lambda: [][3]):
        with pytest.raises(ArtifactError, match="is damaged or of another version .* run fit again"), reading(tmp_path):
            read()
    with pytest.raises(InputError, match="as it is"), reading(tmp_path):
        raise InputError("as it is")


def test_several_processes_add_to_a_finished_run(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path).create()
    folder.finish({"a": 1})
    code = (
        "import sys\nfrom artifacts.store import RunFolder\n"
        "for i in range(30):\n"
        "    with RunFolder(sys.argv[1]).write(f'step_{i % 3}_{sys.argv[2]}') as one: (one / 'a').write_text(str(i))\n"
        "    with RunFolder(sys.argv[1]).write('shared') as step: (step / 'a').write_text(sys.argv[2])\n"
    )
    line = [sys.executable, "-c", code, str(tmp_path)]
    workers = [subprocess.Popen([*line, str(n)], cwd=Path(__file__).parents[2]) for n in range(3)]
    assert [worker.wait() for worker in workers] == [0, 0, 0]
    assert not folder.faults() and len(list(tmp_path.glob("step_*"))) == 9
    assert not list(tmp_path.glob(".tmp-*"))
