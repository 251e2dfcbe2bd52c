from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageFilter

from artifacts.audit_report import AuditReport
from artifacts.embedding_store import EmbeddingStore
from artifacts.errors import InputError
from artifacts.finding import Finding
from artifacts.task import Task
from automl.audit import audit_data, audit_frame, audit_task

ROOT = Path(__file__).parents[2]


def photo(seed: int, blur: float = 0.0, quality: int = 85) -> bytes:
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8)).resize((96, 96), Image.Resampling.NEAREST)
    grain = np.asarray(coarse) + rng.normal(0, 12, (96, 96, 3))
    image = Image.fromarray(np.clip(grain, 0, 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(blur))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def cards(n: int, seed: int, start: int) -> pd.DataFrame:
    """Plain cards: nothing is wrong with them."""
    rng = np.random.default_rng(seed)
    price = rng.gamma(3, 20, n).round(2)
    kind = rng.choice(["lamp", "vase", "rug"], n)
    words = [" ".join(f"w{i}" for i in rng.integers(0, 3000, 25)) for _ in range(n)]
    return pd.DataFrame(
        {
            "sku": [f"A-{start + i:05d}" for i in range(n)],
            "photo": [photo(start + i) for i in range(n)],
            "text": words,
            "kind": kind,
            "price": price,
            "seller": rng.choice([f"seller {i}" for i in range(40)], n),
            "sold": rng.binomial(1, 1 / (1 + np.exp(-1.0 * (kind == "lamp") - (price - 60) / 50))),
        }
    )


TASK = {"name": "cards", "target": {"kind": "binary", "column": "sold"}, "columns": {"id": "sku"}}


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> tuple[pd.DataFrame, pd.DataFrame, EmbeddingStore]:
    return cards(300, 0, 0), cards(120, 1, 1000), EmbeddingStore(tmp_path_factory.mktemp("cache"))


def by_code(report: AuditReport) -> dict[str, Finding]:
    return {f"{finding.code} {finding.column}".strip(): finding for finding in report.findings}


def test_clean_rows_give_no_warning(clean: Any) -> None:
    train, test, store = clean
    report = audit_task(Task(**TASK), train=train, test=test, store=store)
    assert set(by_code(report)) <= {"looks_like_group seller"}
    assert report.rows == {"train": 300, "test": 120}
    assert report.drift is not None and report.drift.low < 0.55
    assert [shown.name for shown in report.targets] == ["sold"] and report.targets[0].test


def test_everything_planted_is_found_in_the_rows_where_it_was_planted(clean: Any) -> None:
    train, test, store = clean
    train, test = train.copy(), test.copy()
    train["leak"] = train["sold"] * 2 + 1
    test["leak"] = np.nan
    train["empty"], test["empty"] = None, None
    train["same"], test["same"] = "x", "x"
    train.loc[[3, 4], "photo"] = pd.Series([b"broken", b"\xff\xd8\xff"], index=[3, 4])
    train.at[5, "photo"] = photo(5, blur=3)
    train.at[10, "photo"] = train.at[11, "photo"]
    train.at[20, "text"] = train.at[21, "text"] + " tail"
    for copy, source in zip(range(100, 140), range(140, 180), strict=True):
        train.at[copy, "text"] = train.at[source, "text"]
        train.at[copy, "sold"] = train.at[source, "sold"] if copy < 130 else 1 - train.at[source, "sold"]
    train["leak"] = train["sold"] * 2 + 1
    test.at[7, "text"] = train.at[30, "text"]
    test.at[8, "photo"] = photo(31, quality=60)
    test["price"] *= 3
    report = audit_task(Task(**TASK), train=train, test=test.drop(columns="leak"), store=store)
    found = by_code(report)
    assert found["looks_like_leak leak"].severity == "error" == found["test_columns_missing leak"].severity
    assert {"column_empty empty", "column_constant same", "looks_like_group seller", "test_drift"} <= set(found)
    assert found["image_broken photo"].rows == ("A-00003", "A-00004")
    assert found["image_blurred photo"].rows == ("A-00005",)
    assert set(found["image_repeated photo"].rows) == {"A-00010", "A-00011"}
    assert set(found["text_nearly_repeated text"].rows) == {"A-00020", "A-00021"}
    assert found["text_in_train text"].details["groups"] == [["test:A-01007", "A-00030"]]
    assert found["image_nearly_in_train photo"].details["groups"] == [["test:A-01008", "A-00031"]]
    noise = found["targets_differ text"]
    assert (noise.count, noise.total, noise.details["share"]) == (10, 80, "12.5%")
    assert report.drift is not None and report.drift.columns[0].name == "price"
    assert "test_drift_column price" in found and report.findings[0].severity == "error"
    assert report.photo is not None and report.photo("photo", "A-00005")
    assert report.text is not None and report.text("text", "test:A-01007") == train.at[30, "text"]


def test_a_table_alone_is_audited_without_a_task(clean: Any) -> None:
    frame = pd.concat([clean[0].head(60), clean[0].head(3)], ignore_index=True)
    frame.loc[60:, "sku"] = ["B-1", "B-2", "B-3"]
    frame = pd.concat([frame, frame.iloc[[5]]], ignore_index=True)
    frame["sizes"] = ["{'a': 1}"] * 63 + ["{'a': [1, 2"]
    report = audit_frame(frame, store=clean[2])
    found = by_code(report)
    assert found["rows_copied_but_id"].rows == ("60", "61", "62")
    assert found["nested_unreadable sizes"].rows == ("63",)
    assert {"looks_like_id sku", "image_repeated photo", "text_repeated text"} <= set(found)
    assert not report.targets and report.drift is None
    copied = audit_frame(frame.drop(columns="sizes"), store=clean[2])
    assert by_code(copied)["rows_copied"].rows == ("63",)


def test_comparing_photos_with_texts_needs_both_and_their_encoders(clean: Any) -> None:
    train, _, store = clean
    task = Task(**TASK, encoders={"text": "bundled:minilm", "image": "none"})
    with pytest.raises(InputError, match=r"there is none for \['image'\]"):
        audit_task(task, train=train, pairs=True, store=store)


def test_photos_are_looked_for_beside_the_table(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    for i in range(6):
        (folder / f"{i}.jpg").write_bytes(photo(i))
    pd.DataFrame({"picture": [f"{i}.jpg" for i in range(6)], "n": range(6)}).to_csv(tmp_path / "t.csv", index=False)
    report = audit_data(tmp_path / "t.csv")
    assert not [finding for finding in report.findings if finding.code.startswith("image")]
    assert report.columns[0].modality == "image"
    with pytest.raises(InputError, match="There is no folder of photos"):
        audit_data(tmp_path / "t.csv", images=tmp_path / "elsewhere")


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-c", "from automl.cli import main; main()", "audit", *map(str, arguments)]
    environment = {**__import__("os").environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(line, capture_output=True, text=True, env=environment)


def test_the_command_writes_lines_a_page_and_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TABULAR_FUSION_CACHE", str(tmp_path / "cache"))
    frame = cards(40, 0, 0).drop(columns="photo")
    pd.concat([frame, frame.head(2)]).to_csv(tmp_path / "cards.csv", index=False)
    done = command(tmp_path / "cards.csv", "--out", tmp_path / "audit.html", "--lang", "ru")
    assert done.returncode == 0, done.stderr
    assert "cards: строк: 42" in done.stdout and "Предупреждения" in done.stdout
    assert "Проверка данных" in (tmp_path / "audit.html").read_text(encoding="utf-8")
    task = tmp_path / "task.toml"
    task.write_text('[data]\ntrain = "cards.csv"\n[target]\nkind = "binary"\ncolumn = "sold"\n', encoding="utf-8")
    done = command(task, "--json", "--out", tmp_path / "audit.json")
    assert done.returncode == 0, done.stderr
    printed = json.loads(done.stdout)
    assert printed == json.loads((tmp_path / "audit.json").read_text(encoding="utf-8"))
    assert printed["targets"][0]["name"] == "sold"
    done = command(tmp_path / "cards.csv", "--pairs")
    assert done.returncode == 2 and "--pairs needs a task.toml" in done.stderr
    done = command(task, "--lang", "xx")
    assert done.returncode == 2 and len(done.stderr.strip().splitlines()) == 1
