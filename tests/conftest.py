"""Fixtures that tests of several rooms share."""

from __future__ import annotations

import fcntl
import json
import os
import select
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from artifacts.finding import Audit
from artifacts.schema import Modality
from featurizers.encoders import Encoder, resolve_encoder


@pytest.fixture(scope="session")
def tiny_image_encoder_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small random image net in the format that timm's ``local-dir:`` reads; its vectors mean nothing."""
    import timm
    import torch
    from safetensors.torch import save_file

    folder = tmp_path_factory.mktemp("encoders") / "tiny"
    folder.mkdir()
    torch.manual_seed(0)
    net = timm.create_model("test_resnet", pretrained=False, num_classes=4)
    save_file({name: tensor.contiguous() for name, tensor in net.state_dict().items()}, folder / "model.safetensors")
    how = {"input_size": [3, 64, 64], "mean": [0.5] * 3, "std": [0.5] * 3, "interpolation": "bicubic", "num_classes": 4}
    how |= {name: net.pretrained_cfg[name] for name in ("classifier", "first_conv")}
    config = {"architecture": "test_resnet", "num_classes": 4, "num_features": net.num_features, "pretrained_cfg": how}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


@pytest.fixture(scope="session")
def encoders(tiny_image_encoder_folder: Path) -> tuple[Encoder, Encoder]:
    """The bundled text encoder and the tiny image encoder."""
    text = resolve_encoder("bundled:minilm", Modality.TEXT, Path(), Audit())
    image = resolve_encoder(str(tiny_image_encoder_folder), Modality.IMAGE, Path(), Audit())
    assert text and image
    return text, image


class Browser:
    """A page of Chromium, driven over its debugging pipe: no port, no other package, one process for all pages."""

    def __init__(self, program: str, profile: Path) -> None:
        flags = (
            "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--host-resolver-rules=MAP * ~NOTFOUND", "--remote-debugging-pipe", f"--user-data-dir={profile}",
        )  # fmt: skip
        (child_reads, self._writes), (self._reads, child_writes) = os.pipe(), os.pipe()
        # Chromium reads commands from 3 and writes to 4; moved up first, so that neither is overwritten.
        reads, writes = (fcntl.fcntl(end, fcntl.F_DUPFD, 20) for end in (child_reads, child_writes))

        def place() -> None:
            os.dup2(reads, 3)
            os.dup2(writes, 4)

        self._process = subprocess.Popen(
            [program, *flags, "about:blank"], pass_fds=(3, 4), preexec_fn=place,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        for end in (child_reads, child_writes, reads, writes):
            os.close(end)
        self._buffer, self._number, self._session = b"", 0, ""
        self.events: list[dict[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.call("Emulation.setFocusEmulationEnabled", enabled=True)

    def call(self, method: str, **arguments: Any) -> dict[str, Any]:
        """A command of the DevTools protocol, and its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": arguments}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._writes, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._message()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return dict(answer["result"])
            self.events.append(answer)

    def _message(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._reads], [], [], 120)
            assert ready, "Chromium does not answer"
            self._buffer += os.read(self._reads, 1 << 20)
        message, _, self._buffer = self._buffer.partition(b"\0")
        return dict(json.loads(message))

    def open(self, file: Path) -> None:
        """Load a page; ``events`` are those since then."""
        self.events.clear()
        self.call("Page.navigate", url=file.as_uri())
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self._message())

    def look(self, width: int, *, scheme: str = "light", media: str = "screen") -> None:
        """Take another width, colour scheme or medium, without loading again."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.call("Emulation.setEmulatedMedia", media=media, features=features)

    def run(self, script: str) -> Any:
        """What an expression gives in the page."""
        found = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def press_tab(self) -> None:
        """Go on to the next element that takes the focus."""
        for kind in ("rawKeyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        os.close(self._reads)
        os.close(self._writes)


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One browser for all pages; without Chromium the tests are skipped."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("chromium is not installed")
    opened = Browser(program, tmp_path_factory.mktemp("chromium"))
    yield opened
    opened.close()
