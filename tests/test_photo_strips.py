"""The page of pictures, made by the command as a person would."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("more", [["--altered"], ["--lang", "ru"]])
def test_a_page_is_drawn_of_any_folder(tmp_path: Path, more: list[str]) -> None:
    random = np.random.default_rng(0)
    photos = tmp_path / "photos"
    photos.mkdir()
    for i in range(12):
        small = Image.fromarray(random.integers(0, 256, (5, 5, 3), dtype=np.uint8))
        small.resize((120, 90 + i)).save(photos / f"{i}.png")
    (photos / "broken.jpg").write_bytes(b"no photo")
    out = tmp_path / "page.jpg"
    command = [sys.executable, str(ROOT / "examples" / "photo_strips.py"), "--images", str(photos), "--out", str(out)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([*command, *more], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with Image.open(out) as page:
        assert page.width > 1000 and page.height > 1000
    nothing = subprocess.run([*command[:3], str(tmp_path / "none"), *command[4:]], env=environment, capture_output=True)
    assert nothing.returncode != 0 and b"no photo" in nothing.stderr
