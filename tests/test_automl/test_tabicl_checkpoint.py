"""Where the weights of TabICL come from, and what is said where they do not; without the package itself."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path

import pytest

from artifacts.errors import ArtifactError, MissingDependencyError
from automl.models import tabicl_checkpoint
from automl.models.tabicl_checkpoint import (
    FILES,
    REPOSITORY,
    VARIABLE,
    diagnosis,
    find_again,
    find_checkpoint,
    is_wanted,
)
from featurizers import encoders

COMMIT = "a" * 40


@pytest.fixture(autouse=True)
def hub_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty cache of the hub, no network, a package that seems to be there, and nothing named."""

    def refuse(*_args: object, **_kwargs: object) -> None:
        raise OSError("no network in this test")

    folder = tmp_path / "hub"
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(folder))
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    for variable in ("HF_ENDPOINT", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", VARIABLE):
        monkeypatch.delenv(variable, raising=False)
    encoders._reach.cache_clear()
    monkeypatch.setattr(tabicl_checkpoint, "is_installed", lambda: True)
    return folder


def put_in_cache(cache: Path, role: str = "classifier") -> Path:
    repository = cache / f"models--{REPOSITORY.replace('/', '--')}"
    file = repository / "snapshots" / COMMIT / FILES[role]
    file.parent.mkdir(parents=True)
    file.write_bytes(b"weights")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT)
    return file


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, hub_cache: Path) -> None:
    put_in_cache(hub_cache)
    monkeypatch.setattr(tabicl_checkpoint, "is_installed", lambda: False)
    with pytest.raises(MissingDependencyError, match=r"pip install 'tabular-fusion\[tabicl\]'"):
        find_checkpoint("classifier")
    assert not is_wanted() and "not installed" in diagnosis()["tabicl"]


def test_nothing_is_downloaded_that_is_not_named(hub_cache: Path) -> None:
    with pytest.raises(ArtifactError, match=f"no regressor of TabICL in the hub's cache.*Set {VARIABLE}"):
        find_checkpoint("regressor")
    assert not is_wanted() and "no weights here" in diagnosis()["tabicl regressor"]


def test_what_was_downloaded_before_is_taken(hub_cache: Path) -> None:
    file = put_in_cache(hub_cache)
    found = find_checkpoint("classifier")
    assert (found.role, found.path) == ("classifier", str(file))
    assert found.source == f"{REPOSITORY}@{COMMIT}/{FILES['classifier']}"
    assert is_wanted() and diagnosis()["tabicl classifier"] == str(file)


def test_a_named_repository_that_does_not_answer_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, REPOSITORY)
    with pytest.raises(
        ArtifactError, match="cannot be had from the hub .*cannot be reached: .*no network in this test"
    ):
        find_checkpoint("classifier")
    assert is_wanted(), "it was asked for, so that the leaderboard says why it is not there"
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ArtifactError, match="HF_HUB_OFFLINE is set"):
        find_checkpoint("classifier")


def test_a_named_repository_is_downloaded_where_it_answers(monkeypatch: pytest.MonkeyPatch, hub_cache: Path) -> None:
    asked = []

    def download(repository: str, file: str, **_options: object) -> str:
        asked.append((repository, file))
        return str(put_in_cache(hub_cache, "regressor"))

    monkeypatch.setenv(VARIABLE, REPOSITORY)
    monkeypatch.setattr(tabicl_checkpoint, "why_hub_is_out_of_reach", lambda: "")
    monkeypatch.setattr("huggingface_hub.hf_hub_download", download)
    assert find_checkpoint("regressor").source.startswith(f"{REPOSITORY}@{COMMIT}")
    assert asked == [(REPOSITORY, FILES["regressor"])]


@pytest.mark.parametrize("named", ["no/such/file.ckpt", "nothing", "./folder/deep/er"])
def test_a_file_that_is_not_there_is_no_hub_name(monkeypatch: pytest.MonkeyPatch, named: str) -> None:
    monkeypatch.setenv(VARIABLE, named)
    with pytest.raises(ArtifactError, match="it is no file, folder or hub name"):
        find_checkpoint("classifier")


def test_files_and_folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / "weights"
    folder.mkdir()
    for name in ("x-classifier-v1.ckpt", "x-classifier-v2.ckpt", "notes.txt"):
        (folder / name).write_bytes(name.encode())
    monkeypatch.setenv(VARIABLE, str(folder))
    assert Path(find_checkpoint("classifier").path).name == "x-classifier-v2.ckpt"
    with pytest.raises(ArtifactError, match=r"holds no regressor of TabICL .*'x-classifier-v1.ckpt'"):
        find_checkpoint("regressor")
    monkeypatch.setenv(VARIABLE, str(folder / "x-classifier-v1.ckpt"))
    assert Path(find_checkpoint("classifier").path).name == "x-classifier-v1.ckpt"
    monkeypatch.setenv(VARIABLE, str(folder / "notes.txt"))
    with pytest.raises(ArtifactError, match="does not end in '.ckpt'"):
        find_checkpoint("classifier")
    monkeypatch.setenv(VARIABLE, "none")
    assert not is_wanted()


def test_weights_are_known_again_wherever_they_lie(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "a-classifier.ckpt"
    file.write_bytes(b"weights")
    monkeypatch.setenv(VARIABLE, str(file))
    saved = find_checkpoint("classifier").to_json()
    assert find_again(saved).path == str(file)
    moved = tmp_path / "elsewhere" / "b-classifier.ckpt"
    moved.parent.mkdir()
    file.rename(moved)
    with pytest.raises(ArtifactError, match=f"from '{file}' .*not on this machine: .*Copy that file here and set"):
        find_again(saved)
    monkeypatch.setenv(VARIABLE, str(moved.parent))
    assert find_again(saved) == replace(find_checkpoint("classifier"), path=str(moved))
    moved.write_bytes(b"others!")
    with pytest.raises(ArtifactError, match="has the hash"):
        find_again(saved)
