"""How time and memory of making features, or of a whole fit, grow with the number of rows, with an empty cache.

    python benchmarks/scale.py --rows 5000 20000 80000
    python benchmarks/scale.py --rows 20000 200000 --photos 0.1 --fit 900

Cards of the demo shop are repeated with texts and photo files of their own, so that nothing is encoded less often than
there are rows. Each size runs in a process of its own; the peak is what the operating system counted. "Own" is memory
without the pages of mapped files (the cache of embeddings, libraries), which the system can take back; it is looked at
four times a second.

With ``--fit SECONDS`` the commands ``fit --preset fast --budget SECONDS`` and ``predict`` (as many new rows) run
instead, and each of their steps has a line: which one is under way is seen by the folders that a run has so far.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from automl.demo_data import make_demo_data

CHILD = """
import json, resource, sys, threading, time
import numpy, pandas, torch, sklearn, sentence_transformers, timm, pyarrow.parquet
from pathlib import Path
from artifacts import Task
from artifacts.embedding_store import EmbeddingStore
from artifacts.feature_table import FeatureTable
from artifacts.schema import Modality
from artifacts.tables import read_table
from featurizers.base import Surroundings
from featurizers.column_inference import infer_schema
from featurizers.encoders import resolve_encoder
from featurizers.table_featurizer import TableFeaturizer
task = Task.from_toml(sys.argv[1])
around = Surroundings(task.path(task.data.images), EmbeddingStore())
frame = read_table(task.path(task.data.train))
schema, _ = infer_schema(frame, task)
encoders = [resolve_encoder(s, m, task.root, around.audit) for s, m in ((sys.argv[3], Modality.TEXT), (sys.argv[2], Modality.IMAGE))]
class Watch(threading.Thread):
    most = 0.0
    def run(self):
        while True:
            self.most = max(self.most, own())
            time.sleep(0.25)
def own():
    lines = dict(line.split(":", 1) for line in open("/proc/self/status"))
    return int(lines["RssAnon"].split()[0]) / 1024
watch, own_before = Watch(daemon=True), own()
watch.start()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
started = time.monotonic()
featurizer = TableFeaturizer(schema, *encoders).fit(frame, around)
featurizer.transform(frame, around).save(task.root / "features")
seconds = time.monotonic() - started
made = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
table = FeatureTable.load(task.root / "features")
print(json.dumps({"rows": table.n_samples, "columns": table.n_features, "seconds": seconds, "before MB": before,
                  "peak MB": made, "own before MB": own_before, "own at most MB": watch.most,
                  "wide table MB": 4 * table.n_samples * table.n_features / 2**20}))
"""  # noqa: E501


COLUMNS = (
    "rows", "columns", "seconds", "rows/s", "wide table MB", "before MB", "peak MB", "own before MB", "own at most MB",
)  # fmt: skip
STEP_COLUMNS = ("rows", "step", "seconds", "own at most MB", "with mapped files MB", "swapped MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[5000, 20000, 80000])
    parser.add_argument("--text", default="none", help="text encoder; with one, 80,000 rows take half an hour")
    parser.add_argument("--weights", default="none", help="image encoder")
    parser.add_argument("--cards", type=int, default=2000, help="drawn cards that rows are made from")
    parser.add_argument("--photos", type=float, default=1.0, help="share of the rows that have one")
    parser.add_argument("--fit", type=float, help="budget of a whole fit, which is measured with predictions")
    arguments = parser.parse_args()
    weights = str(Path(arguments.weights).resolve()) if Path(arguments.weights).is_dir() else arguments.weights
    columns = STEP_COLUMNS if arguments.fit else COLUMNS
    print(f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|", flush=True)
    with tempfile.TemporaryDirectory() as base:
        make_demo_data(Path(base), n_rows=arguments.cards)
        for rows in arguments.rows:
            with tempfile.TemporaryDirectory() as folder:
                _repeat(Path(base), Path(folder), rows, arguments.photos)
                if arguments.fit:
                    _repeat(Path(base), Path(folder), rows, arguments.photos, new=True)
                    for step in _fit_and_predict(Path(folder), weights, arguments.text, arguments.fit):
                        print(f"| {rows} | " + " | ".join(map(str, step)) + " |", flush=True)
                    continue
                got = _measure(Path(folder), weights, arguments.text)
            got["rows/s"] = got["rows"] / got["seconds"]
            print("| " + " | ".join(f"{got[column]:.0f}" for column in COLUMNS) + " |", flush=True)


def _repeat(base: Path, folder: Path, rows: int, share: float, new: bool = False) -> None:
    cards = pd.read_csv(base / "train.csv")
    rng = np.random.default_rng(rows + new)
    frame = cards.iloc[rng.integers(0, len(cards), rows)].reset_index(drop=True)
    (folder / "images").mkdir(exist_ok=True)
    (folder / "task.toml").write_bytes((base / "task.toml").read_bytes())
    number = np.arange(rows) + new * rows
    for name in ("title", "description"):
        texts = zip(frame[name], number, strict=True)
        frame[name] = [f"{text} {i}" if isinstance(text, str) else text for text, i in texts]
    photos: list[object] = []
    for i, photo, draw in zip(number, frame["photo"], rng.random(rows), strict=True):
        source = base / "images" / str(photo)
        if draw >= share:
            photo = None
        elif source.is_file():  # bytes behind the end of a photo change its content, and not what is decoded
            photo = f"{i}.jpg"
            (folder / "images" / photo).write_bytes(source.read_bytes() + str(i).encode())
        photos.append(photo)
    frame["photo"], frame["card_id"] = photos, number
    frame.to_csv(folder / ("new.csv" if new else "train.csv"), index=False)


def _fit_and_predict(folder: Path, weights: str, text: str, budget: float) -> Iterator[tuple[object, ...]]:
    """A line of ``STEP_COLUMNS`` without rows for each step of both commands."""
    task, run = folder / "task.toml", folder / "run"
    lines = [line for line in task.read_text(encoding="utf-8").splitlines() if not line.startswith("test = ")]
    lines += ["[encoders]", f"text = {json.dumps(text)}", f"image = {json.dumps(weights)}"]
    task.write_text("\n".join(lines) + "\n", encoding="utf-8")
    fit = ["fit", str(task), "--preset", "fast", "--budget", str(budget), "--run", str(run)]
    yield from _watched(fit, folder, run)
    told = json.loads((run / "run.json").read_text(encoding="utf-8"))
    print(f"seconds by run.json: {told['seconds']}, {told['n_features']} features", file=sys.stderr)
    yield from _watched(["predict", str(run), str(folder / "new.csv"), "--out", str(folder / "out.parquet")], folder)


def _watched(command: list[str], folder: Path, run: Path | None = None) -> Iterator[tuple[object, ...]]:
    line = [sys.executable, "-c", "from automl.cli import main; main()", *command]
    with (folder / "log.txt").open("ab") as log:
        child = subprocess.Popen(line, stdout=log, stderr=log, env=_environment(folder))
        steps: dict[str, list[float]] = {}
        while child.poll() is None:
            step = command[0] if run is None else _under_way(run)
            seen = steps.setdefault(step, [time.monotonic(), 0.0, 0.0, 0.0])
            try:
                told = dict(one.split(":", 1) for one in Path(f"/proc/{child.pid}/status").read_text().splitlines())
            except OSError:
                break
            for place, name in enumerate(("RssAnon", "VmRSS", "VmSwap"), 1):
                seen[place] = max(seen[place], int(told.get(name, "0").split()[0]) / 1024)
            time.sleep(0.25)
        child.wait()
    if child.returncode:
        sys.exit((folder / "log.txt").read_text(errors="replace"))
    ends = [*(seen[0] for seen in list(steps.values())[1:]), time.monotonic()]
    for (step, (begun, *most)), end in zip(steps.items(), ends, strict=True):
        yield step, round(end - begun), *(round(value) for value in most)


def _under_way(run: Path) -> str:
    """The step that a fit is at, in which folders of its run it has left."""
    if (run / "scores").exists():
        return "finish"
    if (run / "model").exists():
        return "score"
    if (run / "features").exists():
        return "search"
    if (run / "split").exists():
        return "features"
    return "split" if (run / "task").exists() else "read and audit"


def _environment(folder: Path) -> dict[str, str]:
    root = str(Path(__file__).resolve().parents[1])
    return {**os.environ, "PYTHONPATH": root, "TABULAR_FUSION_CACHE": str(folder / "cache")}


def _measure(folder: Path, weights: str, text: str) -> dict[str, float]:
    line = [sys.executable, "-c", CHILD, str(folder / "task.toml"), weights, text]
    done = subprocess.run(line, capture_output=True, text=True, env=_environment(folder))
    if done.returncode:
        sys.exit(done.stderr)
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


if __name__ == "__main__":
    main()
