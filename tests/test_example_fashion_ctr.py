"""The example of click rates from photos in small, on drawn products in the form of its data."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from automl.demo_drawing import PhotoLook, draw_looks, draw_photo, to_jpeg

ROOT = Path(__file__).parents[1]


def made_products(folder: Path, n: int, seed: int, file: str) -> None:
    """Products whose click rate is high where the photo is light, which only the photo shows."""
    rng = np.random.default_rng(seed)
    looks = draw_looks(rng, n)
    (folder / "images").mkdir(parents=True, exist_ok=True)
    names = {field.name: field.name if field.name == "colour" else f"photo_{field.name}" for field in fields(PhotoLook)}
    cells = {field: looks[name].tolist() for field, name in names.items()}
    for i in range(n):
        look = PhotoLook(**{field: values[i] for field, values in cells.items()})
        content = to_jpeg(draw_photo(look, np.random.default_rng([seed, i])))
        (folder / "images" / f"{seed}-{i}.jpg").write_bytes(content)
    kind = looks["photo_kind"]
    frame = pd.DataFrame(
        {
            "id": [f"{seed}-{i}" for i in range(n)],
            "gender": rng.choice(["Men", "Women"], n),
            "masterCategory": np.where(kind.isin(["shirt", "shoe", "bag"]), "Fashion", "Home"),
            "subCategory": kind,
            "baseColour": looks["colour"],
            "season": rng.choice(["Summer", "Winter"], n),
            "usage": rng.choice(["Casual", "Sports"], n),
            "productDisplayName": kind,
            "high_ctr": (looks["photo_brightness"] > 0.6).astype(int),
            "image": [f"images/{seed}-{i}.jpg" for i in range(n)],
        }
    )
    frame.to_parquet(folder / file)


@pytest.mark.examples
def test_whole_in_small(tmp_path: Path) -> None:
    data, out = tmp_path / "data", tmp_path / "out"
    made_products(data, 200, 0, "train.parquet")
    made_products(data, 80, 1, "test.parquet")
    line = [sys.executable, "examples/fashion_ctr/whole.py", "--data", str(data), "--out", str(out)]
    line += ["--budget", "20", "--shown", "1", "--image", "none"]
    done = subprocess.run(line, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    views = pd.read_csv(out / "views.csv").set_index("view")["score"]
    assert {"all", "image", "table"} <= set(views.index) and views["all"] > 0.8
    row = next(out.glob("row_*.html")).read_text(encoding="utf-8")
    assert row.count("data:image/jpeg;base64,") == 2, "the photo and its map"
    assert next(out.glob("advice_*.html")).stat().st_size > 0 and (out / "report.html").stat().st_size > 0
    steps = pd.read_csv(out / "seconds.csv")["step"].tolist()
    assert steps[:3] == ["fit", "report", "load"] and sum(step.startswith("explain ") for step in steps) == 1
