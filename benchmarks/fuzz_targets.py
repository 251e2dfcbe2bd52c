"""What `fuzz.py` drives: everything that reads data of others, as functions of bytes; and seeds for each.

A target returns, or raises an error of the project's own family (`FusionError`); whatever else comes out of it is a
bug. It also asserts what must hold of the result: that nothing outside a folder was read, that a text is valid.
"""

from __future__ import annotations

import atexit
import csv
import json
import os
import shutil
import tempfile
import unicodedata
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from artifacts.errors import FusionError
from artifacts.feature_table import FeatureTable
from artifacts.finding import Audit
from artifacts.schema import Column, Modality, Title
from artifacts.store import RunFolder
from artifacts.tables import read_table, write_table
from artifacts.task import Task
from evaluation.markdown import code, prose
from evaluation.wording import neutral
from featurizers.base import Surroundings
from featurizers.column_inference import draft_task, infer_schema
from featurizers.encoder_licence import licence_of
from featurizers.encoders import resolve_encoder
from featurizers.image_cells import photos_in
from featurizers.image_decoding import MAX_PIXELS, UnreadableImageError, decode_image, image_size
from featurizers.image_loading import ImageLoader
from featurizers.nested_flattening import flatten
from featurizers.nested_parsing import read_nested
from featurizers.photo_facts import facts_of_photos
from featurizers.table_featurizer import FEATURIZERS, TableFeaturizer
from featurizers.text_cleaning import plain_text, raw_text
from featurizers.text_normal import normal_form
from featurizers.text_statistics import MAX_CHARACTERS, measure

csv.field_size_limit(1 << 30)
SECRET = b"\x89PNG\r\n\x1a\nof another folder"


@cache
def scratch() -> Path:
    """A folder for files that targets read, gone with the process; in memory where there is such a place."""
    memory = "/dev/shm"
    folder = Path(tempfile.mkdtemp(prefix="fuzz-", dir=memory if os.access(memory, os.W_OK) else None))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def text_of(data: bytes) -> str:
    """Bytes as text, with a lone surrogate for each byte that is no UTF-8."""
    return data.decode("utf-8", "surrogateescape")


def _file(name: str, data: bytes) -> Path:
    path = scratch() / name
    path.write_bytes(data)
    return path


def _task(data: bytes) -> None:
    task = Task.from_toml(_file("task.toml", data))
    assert Task(**json.loads(task.model_dump_json())) == task, "a run folder keeps another task"
    for name in (task.data.train, task.data.test, task.data.images):
        task.path(name)
    assert all(task.for_activity(name) for name in task.target.activity_names) and task.prediction_names


def _nested(data: bytes) -> None:
    reading = read_nested(data if data[:1] == b"\0" else text_of(data))
    if reading.nested is not None:
        json.dumps(reading.nested)
        flatten(reading.nested)


def _text(data: bytes) -> None:
    plain = plain_text(raw_text(text_of(data)))
    plain.encode()
    assert not set(plain) & set("\0\x1b\u202e\u200b")
    plain = plain[:MAX_CHARACTERS]
    measure(plain, "en")
    normal_form(plain)


def _shown(data: bytes) -> None:
    text = text_of(data)
    shown = neutral(text)
    assert not any(
        unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") or c in "\u202e\u2066\u200f\ufeff" for c in shown
    )
    assert len(shown) <= 600 and "\n" not in shown and "\n" not in prose(text) + code(text)
    write_table(pd.DataFrame({text: [text]}), scratch() / "shown.csv")
    with (scratch() / "shown.csv").open(encoding="utf-8", newline="") as file:
        cells = [cell for line in csv.reader(file) for cell in line]
    for cell in cells:
        number = cell.lstrip("+-").replace(".", "", 1).replace("e", "", 1).replace("E", "", 1)
        number = number.replace("-", "", 1).replace("+", "", 1)
        assert not cell.lstrip().startswith(tuple("=+-@")) or number.isdecimal(), cell


def _image(data: bytes) -> None:
    try:
        width, height = image_size(data)
        assert 0 < width * height <= MAX_PIXELS
        shown = decode_image(data, 64)
    except UnreadableImageError:
        return
    assert shown.mode == "RGB" and shown.width * shown.height <= MAX_PIXELS


def _photo(data: bytes) -> None:
    (facts,) = facts_of_photos([data])
    assert facts in ("image_broken", "image_too_large") if isinstance(facts, str) else facts.ndim == 1


@cache
def _photos() -> ImageLoader:
    folder = scratch() / "photos"
    (folder / "below").mkdir(parents=True)
    (scratch() / "photos2").mkdir()
    for place in ("secret.png", "photos2/a.png"):
        (scratch() / place).write_bytes(SECRET)
    for name in ("a.png", "below/b.jpg", "line\nend.png"):
        (folder / name).write_bytes(b"photo")
    (folder / "link.png").symlink_to(scratch() / "secret.png")
    (folder / "away").symlink_to(scratch())
    os.mkfifo(folder / "pipe.png")
    return ImageLoader(folder)


def _photo_cell(data: bytes) -> None:
    for value in (text_of(data), data):
        for photo in photos_in(value, _photos())[:64]:
            loaded = _photos().load(photo)
            assert bool(loaded.content) != bool(loaded.failure)
            assert loaded.content != SECRET, f"{value!r} leads out of the folder"
            loaded.example.encode()


def _table(name: str) -> Callable[[bytes], None]:
    def read(data: bytes) -> None:
        frame = read_table(_file(name, data))
        assert len(frame) and frame.columns.is_unique and all(isinstance(column, str) for column in frame)

    return read


def _cells(data: bytes) -> list[Any]:
    """One cell a line: a letter for its type, then its content."""
    cells: list[Any] = []
    for line in data.split(b"\n")[:40]:
        kind, content = line[:1], line[1:]
        text = text_of(content)
        try:
            cell = {b"i": int, b"f": float, b"j": json.loads, b"t": pd.Timestamp, b"l": list}[kind](text)  # type: ignore[operator]
        except KeyError:
            cell = content if kind == b"b" else None if kind == b"n" else text
        except (ValueError, TypeError, OverflowError, RecursionError):
            cell = text
        cells.append(cell)
    return cells


PLAIN = {key: made_by for key, made_by in FEATURIZERS.items() if "embedding" not in key}


def _column(data: bytes) -> None:
    made_by = list(PLAIN.values())[data[0] % len(PLAIN)] if data else PLAIN["number"]
    cells = pd.Series(_cells(data[1:]), dtype=object)
    column = Column("a", min(made_by.modalities), Title("A", "А"), actionable=True)
    around = Surroundings(scratch() / "photos")
    fitted = made_by(column).fit(cells, around)
    table = FeatureTable(tuple(fitted.transform(cells, around)), cells.index)
    again = made_by(column).restore(fitted.state()).transform(cells, around)
    for block, other in zip(table.blocks, again, strict=True):
        np.testing.assert_array_equal(block.values, other.values)


def _rows(data: bytes) -> None:
    """A table of mixed columns, with names that came, from the guesses about them to the wide table."""
    names, *columns = data.split(b"\n\n")[:6]
    n = 12
    frame = pd.DataFrame({"y": range(n)})
    for i, cells in enumerate(columns):
        name = [*map(text_of, names.split(b"\n")), *(f"c{k}" for k in range(i + 1))][i]
        values = (_cells(cells) * n)[:n]
        frame[name] = pd.Series(values, dtype=object if i % 2 else None)
    task = Task(name="rows", target={"kind": "regression", "column": "y"}, encoders={"text": "none", "image": "none"})
    if "y" not in frame or len(frame.columns) < 2:
        return
    schema, _ = infer_schema(frame, task)
    around = Surroundings(scratch() / "photos")
    table = TableFeaturizer(schema, None, None).fit(frame, around).transform(frame, around)
    assert table.n_samples == n


def _draft(data: bytes) -> None:
    frame = read_table(_file("draft.csv", data))
    for target in (None, frame.columns[-1]):
        path = scratch() / "draft.toml"
        path.write_text(draft_task(frame, data=scratch() / "draft.csv", target=target, out=path), encoding="utf-8")
        Task.from_toml(path)


def _encoder(data: bytes) -> None:
    folder = scratch() / "encoder"
    folder.mkdir(exist_ok=True)
    for name in ("config.json", "README.md", "model.safetensors"):
        (folder / name).write_bytes(data)
    licence_of(folder).encode()
    for modality in (Modality.IMAGE, Modality.TEXT):
        resolve_encoder(str(folder), modality, scratch(), Audit())


ODD_VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 1.5, 10**30, 1e308, "", "x", "../../etc/passwd", "\0", "\u202e", [], {}, [[]], [None], {"a": 1},
)  # fmt: skip


@cache
def finished_run() -> Path:
    """A small run, whose files are then spoilt one at a time."""
    from automl import fit

    frame = pd.DataFrame({"a": [i % 7 for i in range(80)], "t": [f"word {i % 5}" for i in range(80)]})
    frame["y"] = frame["a"] * 2.0 + np.arange(80) % 3
    task = Task(name="fuzz", target={"kind": "regression", "column": "y"}, encoders={"text": "none", "image": "none"})
    return fit(task, train=frame, preset="fast", budget_seconds=10, run=scratch() / "run").path


def plain_files(run: Path) -> list[Path]:
    """The JSON files of a run, in order."""
    return sorted(path for path in run.rglob("*.json") if path.parts[-2] != "candidates")


def spoilt(value: Any, choices: Iterator[int]) -> Any:
    """Plain data with one value in them replaced by an odd one, or taken out: by numbers that say where and how."""
    inner = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    choice = next(choices, None)
    if choice is None or not inner or choice >= 250:
        return ODD_VALUES[next(choices, 0) % len(ODD_VALUES)]
    key = list(inner)[choice % len(inner)]
    copied = value.copy()
    if choice >= 200:
        del copied[key]
    else:
        copied[key] = spoilt(value[key], choices)
    return copied


def open_run(run: Path) -> None:
    """Read everything of a run that is read before rows are predicted or told of."""
    from automl.model_scores import ModelScores
    from automl.predictor import Predictor
    from automl.resuming import stopped_in_words
    from automl.run import Run
    from automl.view_scores import ViewScores

    opened = Run(run)
    reads: tuple[Callable[[], Any], ...] = (
        lambda: (opened.task, opened.schema, opened.metric),
        lambda: opened.findings,
        lambda: Predictor.load(run),
        lambda: stopped_in_words(run),
        lambda: ModelScores.load(run / "scores"),
        lambda: ViewScores.load(run / "scores"),
        lambda: FeatureTable.load(run / "features" / "train"),
        lambda: RunFolder(run).faults(),
    )
    for read in reads:
        try:
            read()
        except FusionError:
            continue


def _run(data: bytes) -> None:
    files = plain_files(finished_run())
    if len(data) < 2:
        return
    path = files[data[0] % len(files)]
    whole = path.read_bytes()
    choices = iter(data[2:])
    try:
        path.write_bytes(data[2:] if data[1] >= 240 else json.dumps(spoilt(json.loads(whole), choices)).encode())
        open_run(finished_run())
    finally:
        path.write_bytes(whole)


TARGETS: dict[str, Callable[[bytes], None]] = {
    "task": _task,
    "nested": _nested,
    "text": _text,
    "shown": _shown,
    "image": _image,
    "photo": _photo,
    "photo_cell": _photo_cell,
    "csv": _table("t.csv"),
    "jsonl": _table("t.jsonl"),
    "parquet": _table("t.parquet"),
    "column": _column,
    "rows": _rows,
    "draft": _draft,
    "encoder": _encoder,
    "run": _run,
}
