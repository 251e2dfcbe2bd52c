"""How time and memory of making features grow with the number of rows, with an empty cache.

    python benchmarks/scale.py --rows 5000 20000 80000

Cards of the demo shop are repeated with texts and photo files of their own, so that nothing is encoded less often than
there are rows. Each size runs in a process of its own; the peak is what the operating system counted. "Own" is memory
without the pages of mapped files (the cache of embeddings, libraries), which the system can take back; it is looked at
four times a second.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[5000, 20000, 80000])
    parser.add_argument("--text", default="none", help="text encoder; with one, 80,000 rows take half an hour")
    parser.add_argument("--weights", default="none", help="image encoder")
    parser.add_argument("--cards", type=int, default=2000, help="drawn cards that rows are made from")
    arguments = parser.parse_args()
    weights = str(Path(arguments.weights).resolve()) if Path(arguments.weights).is_dir() else arguments.weights
    print(f"| {' | '.join(COLUMNS)} |\n{'|---' * len(COLUMNS)}|", flush=True)
    with tempfile.TemporaryDirectory() as base:
        make_demo_data(Path(base), n_rows=arguments.cards)
        for rows in arguments.rows:
            with tempfile.TemporaryDirectory() as folder:
                _repeat(Path(base), Path(folder), rows)
                got = _measure(Path(folder), weights, arguments.text)
            got["rows/s"] = got["rows"] / got["seconds"]
            print("| " + " | ".join(f"{got[column]:.0f}" for column in COLUMNS) + " |", flush=True)


def _repeat(base: Path, folder: Path, rows: int) -> None:
    cards = pd.read_csv(base / "train.csv")
    rng = np.random.default_rng(rows)
    frame = cards.iloc[rng.integers(0, len(cards), rows)].reset_index(drop=True)
    (folder / "images").mkdir()
    (folder / "task.toml").write_bytes((base / "task.toml").read_bytes())
    for name in ("title", "description"):
        frame[name] = [f"{text} {i}" if isinstance(text, str) else text for i, text in enumerate(frame[name])]
    photos = []
    for i, photo in enumerate(frame["photo"]):
        source = base / "images" / str(photo)
        if source.is_file():  # bytes behind the end of a photo change its content, and not what is decoded
            photo = f"{i}.jpg"
            (folder / "images" / photo).write_bytes(source.read_bytes() + str(i).encode())
        photos.append(photo)
    frame["photo"], frame["card_id"] = photos, np.arange(rows)
    frame.to_csv(folder / "train.csv", index=False)


def _measure(folder: Path, weights: str, text: str) -> dict[str, float]:
    line = [sys.executable, "-c", CHILD, str(folder / "task.toml"), weights, text]
    root = str(Path(__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": root, "TABULAR_FUSION_CACHE": str(folder / "cache")}
    done = subprocess.run(line, capture_output=True, text=True, env=environment)
    if done.returncode:
        sys.exit(done.stderr)
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


if __name__ == "__main__":
    main()
