"""Nets on posts end to end: each photo encoder alone, and the first of them fused with a text encoder.

python examples/post_nets/nets.py --data DIR --out DIR [--photo ENCODER]... [--text ENCODER] [--layers N] [--rows N]

An encoder is a name of the hub (timm, sentence-transformers) or a folder. Its last layers are tuned on the target; more
of them with ``--layers``, all with a large number. ``--emphasis A`` weighs posts with high rates more in training, as
``[target] emphasis`` does. Writes ``nets.csv``, every net beside the same encoders as they came and the constant
prediction, and ``nets.png``, how the predictions of each are spread beside the truth.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts import Task
from artifacts.contents import Contents
from artifacts.embedding_store import EmbeddingStore
from artifacts.examples import Examples
from artifacts.feature_table import FeatureTable
from artifacts.finding import Audit
from artifacts.outcome import Outcome
from artifacts.schema import Modality
from artifacts.store import write_file
from artifacts.tables import read_table
from automl.data import Loaded, Rows, load
from automl.models.base import Model
from automl.models.linear import LinearModel
from automl.models.registry import TUNED
from evaluation.intervals import bootstrap_interval
from evaluation.metrics import METRICS, constant_prediction, metric_for
from evaluation.prediction_check import common_edges, prediction_distribution
from featurizers.base import Surroundings
from featurizers.encoders import Encoder, resolve_encoder
from featurizers.image_embedding import ImageEmbedding
from featurizers.text_embedding import TextEmbedding

Float = NDArray[np.float64]

HERE = Path(__file__).parent
PHOTOS = ("timm/convnext_tiny.in12k_ft_in1k", "timm/tf_efficientnetv2_b0.in1k")
READERS = {Modality.IMAGE: ImageEmbedding, Modality.TEXT: TextEmbedding}
HELD = 0.2  # of the training rows choose penalty and epoch


def main() -> None:
    """Fit the nets, print and write their scores, draw their predictions."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--photo", action="append", help=f"photo encoder; may be repeated; default: {PHOTOS}")
    parser.add_argument("--text", default="bundled:minilm", help="text encoder")
    parser.add_argument("--layers", type=int, help="that are tuned of each photo encoder")
    parser.add_argument("--emphasis", type=float, default=0.0)
    parser.add_argument("--rows", type=int, help="training rows, the first; all if left out")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    task = Task.from_toml(HERE / "task.toml", data=arguments.data)
    train, test = (read_table(arguments.data / str(name)) for name in (task.data.train, task.data.test))
    loaded = load(task, train.head(arguments.rows) if arguments.rows else train, test)
    root = Path()
    text = resolve_encoder(arguments.text, Modality.TEXT, root, Audit())
    photos = [resolve_encoder(name, Modality.IMAGE, root, Audit()) for name in arguments.photo or PHOTOS]
    found = fit_nets(loaded, [[photo] for photo in photos] + [[photos[0], text]], arguments)
    table = score(loaded, found, arguments.seed)
    print(table.to_string(index=False, float_format="{:.4f}".format, na_rep=""))
    arguments.out.mkdir(parents=True, exist_ok=True)
    write_file(arguments.out / "nets.csv", table.to_csv(index=False))
    draw(loaded, {name: predicted for name, (predicted, _) in found.items()}, arguments.out / "nets.png")


def fit_nets(
    loaded: Loaded, nets: list[list[Encoder]], arguments: argparse.Namespace
) -> dict[str, tuple[Float, dict[str, Any]]]:
    """Predictions (n_test, 1) of each net, and of a linear model over its encoders as they came; what they took."""
    known = loaded.train.outcome
    assert known is not None and loaded.test is not None
    held = np.random.default_rng(arguments.seed).permutation(known.n_samples) < HELD * known.n_samples
    found = {}
    for encoders in nets:
        name = " + ".join(Path(encoder.name).name.partition("@")[0] for encoder in encoders)
        rows, test = read(loaded, loaded.train, encoders), read(loaded, loaded.test, encoders).table
        parts = [
            Examples(rows.table.take(some), known.take(some).emphasised(arguments.emphasis)) for some in (~held, held)
        ]
        layers = "image_layers" if len(encoders) > 1 else "layers"
        params = {layers: arguments.layers} if arguments.layers else {}
        net = TUNED["fusion_net" if len(encoders) > 1 else "tuned_image"]
        for kind, model in (
            ("as it came", LinearModel(seed=arguments.seed)),
            ("tuned", net(params, seed=arguments.seed)),
        ):
            model.n_threads = os.cpu_count() or 1
            started = time.monotonic()
            predicted = model.fit(*parts).predict(test)
            found[f"{name}, {kind}"] = predicted, {"seconds": time.monotonic() - started, **told(model)}
    return found


def read(loaded: Loaded, rows: Rows, encoders: list[Encoder]) -> Examples:
    """The embedding of each encoder's column, with the texts and photos behind it."""
    around = Surroundings(None, EmbeddingStore(), Audit())
    columns = {one.modality: column for one in encoders for column in loaded.schema.of_modality(one.modality)}
    blocks = []
    for encoder in encoders:
        column = columns[encoder.modality]
        reader = READERS[encoder.modality](column, encoder).fit(rows.frame[column.name], around)
        blocks += reader.transform(rows.frame[column.name], around)
    cells = {column.name: rows.frame[column.name].to_numpy(dtype=object) for column in columns.values()}
    described = {encoder.modality: encoder.to_json() for encoder in encoders}
    contents = Contents({column.name: column for column in columns.values()}, cells, described, None, around.store)
    assert rows.outcome is not None
    return Examples(FeatureTable(tuple(blocks), rows.frame.index, contents), rows.outcome)


def told(model: Model) -> dict[str, Any]:
    """The epoch that a net was kept at; 0 where no epoch was better than its start."""
    return {"epochs": model.epochs_} if hasattr(model, "epochs_") else {}


def score(loaded: Loaded, found: dict[str, tuple[Float, dict[str, Any]]], seed: int) -> pd.DataFrame:
    """A row for each net and for the constant prediction, scored on the test rows."""
    outcome, constant = truth(loaded), constant_prediction(training_outcome(loaded))
    metric, error = metric_for(loaded.task.target), METRICS["rmse"]
    rows = []
    for name, (predicted, said) in {**found, "constant": (np.tile(constant, (outcome.n_samples, 1)), {})}.items():
        value, low, high = bootstrap_interval(metric, outcome, predicted, seed=seed, reference=constant)
        mean, spread = float(predicted.mean()), float(predicted.std())
        scores = {metric.name: value, "low": low, "high": high, "rmse": error.score(outcome, predicted)}
        rows.append({"net": name, **scores, "mean": mean, "spread": spread, **said})
    return pd.DataFrame(rows)


def truth(loaded: Loaded) -> Outcome:
    """The outcome of the test rows."""
    assert loaded.test is not None and loaded.test.outcome is not None
    return loaded.test.outcome


def training_outcome(loaded: Loaded) -> Outcome:
    """The outcome of the training rows."""
    assert loaded.train.outcome is not None
    return loaded.train.outcome


def draw(loaded: Loaded, predictions: dict[str, Float], path: Path) -> None:
    """Histograms of what each net predicts over those of the truth, rows weighted by views; the constant as a line."""
    from matplotlib.figure import Figure

    outcome, constant = truth(loaded), constant_prediction(training_outcome(loaded))
    edges = common_edges(outcome, list(predictions.values()))
    figure = Figure(figsize=(9, 1.2 + 2.2 * (len(predictions) + 1) // 2), layout="constrained")
    axes = figure.subplots(-(-len(predictions) // 2), 2, sharex=True, sharey=True, squeeze=False).ravel()
    for place, (name, predicted) in zip(axes, predictions.items(), strict=False):
        shown = prediction_distribution(outcome, predicted, constant=constant, edges=edges)
        place.stairs(shown.series["truth"], shown.edges, fill=True, color="#c9d3dc", label="observed")
        place.stairs(shown.series["predicted"], shown.edges, color="#b3470f", linewidth=1.6, label="predicted")
        place.axvline(shown.constant, color="#333333", linestyle=":", linewidth=1, label="constant")
        place.set_title(name, fontsize=9)
    for place in axes[len(predictions) :]:
        place.remove()
    axes[0].legend(fontsize=8)
    figure.supxlabel(f"{loaded.task.target.successes} / {loaded.task.target.trials}", fontsize=9)
    figure.supylabel("share of views", fontsize=9)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
