"""Clusters of the rows of a saved run: from its features and data to what the page shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts.errors import ArtifactError, InputError, nearest
from artifacts.feature_table import Block, FeatureTable
from artifacts.finding import Audit
from artifacts.schema import Kind, Modality
from artifacts.tables import read_stored
from automl.data import Rows, load
from automl.run import Run
from evaluation.cluster_page import FUSED
from evaluation.cluster_report import ClusterReport, RowShown
from evaluation.cluster_scores import agreement, equal_texts_together, mean_interval, over_represented
from evaluation.clustering import (
    AXES,
    BlockValues,
    find_clusters,
    fused_space,
    reduce_space,
    representatives,
    single_space,
)
from featurizers.image_cells import first_photo
from featurizers.image_loading import ImageLoader
from featurizers.text_cleaning import clean_texts

MAX_ROWS = 4000  # that are clustered; silhouettes take their square
MAX_MAP_ROWS = 1500
N_SHOWN = 6  # representative rows of a cluster
MAX_SHOWN_CLUSTERS = 40
MAX_WORDS = 4000
MAX_VALUES = 2000  # of attributes
CHARACTERS = 2000  # of a text, for its words
LEAST_ROWS = 3  # that a word or value needs to be looked at
WORD = r"(?u)\b[^\W\d_]{3,}\b"


@dataclass(frozen=True)
class ClusterRequest:
    """What is asked for: ``block`` is a block's name or ``fused``, ``n_clusters`` None for a choice by silhouette.

    ``labels`` is a column to compare with; None takes the target's classes, if it has some, and "" nothing.
    """

    block: str = FUSED
    method: str = "kmeans"
    n_clusters: int | None = None
    reduction: str = "pca"
    labels: str | None = None
    seed: int = 0


def cluster_run(run: Run, asked: ClusterRequest, train: pd.DataFrame | None = None) -> ClusterReport:
    """Clusters of the training rows of a run (holdout included).

    Args:
        run: the run.
        asked: space, method and labels.
        train: the training rows, where the run was fitted on a frame instead of a file.

    Raises:
        InputError: if block, method, number or labels are not possible, or the rows are too few.
        ArtifactError: if the data are not those that the run was fitted on.
        MissingDependencyError: if the reduction is not installed.
    """
    table = FeatureTable.load(run.folder.folder("features") / "train")
    blocks = _blocks(table, asked.block)
    rows = _raw(run, train)
    labels, label_name, note = _labels(run, rows, asked.labels)
    there = _there(blocks, asked.block)
    kept = _sampled(np.flatnonzero(there), MAX_ROWS, asked.seed)
    values = [_values(block, kept) for block in blocks]
    space = fused_space(values) if asked.block == FUSED else single_space(values[0])
    points = reduce_space(space, asked.reduction, AXES.get(asked.method, max(AXES.values())), asked.seed)
    clusters = find_clusters(points, asked.method, asked.n_clusters, seed=asked.seed, test=asked.reduction == "pca")
    groups = rows.frame[run.schema.group].to_numpy()[kept] if run.schema.group else None
    texts = _texts(run, rows.frame.iloc[kept])
    present, traits = _traits(table.take(kept), texts)
    joined = [" ".join(parts) for parts in zip(*texts.values(), strict=True)] if texts else [""] * len(kept)
    method, map_rows, places = _map(space, points, asked)
    return ClusterReport(
        name=run.task.name,
        block=asked.block,
        n_features=sum(len(block.features) for block in blocks),
        method=asked.method,
        reduction=asked.reduction,
        chosen=asked.n_clusters is None,
        n_rows=table.n_samples,
        n_used=len(kept),
        n_missing=int((~there).sum()),
        sampled=len(kept) < int(there.sum()),
        row_ids=tuple(rows.ids[i] for i in kept),
        clusters=clusters,
        silhouette_interval=mean_interval(clusters.row_silhouettes, seed=asked.seed, groups=groups),
        map_method=method,
        map_rows=map_rows,
        map_points=places,
        shown=_shown(run, rows, kept, representatives(points, clusters.labels, N_SHOWN), texts),
        traits=tuple(tuple(of) for of in over_represented(present, traits, clusters.labels)),
        labels=label_name,
        agreement=agreement(labels[kept], clusters.labels, seed=asked.seed, groups=groups) if label_name else (),
        equal_texts=equal_texts_together([text.strip() for text in joined], clusters.labels, seed=asked.seed),
        seed=asked.seed,
        notes={"axes": str(points.shape[1]), **note},
    )


def _blocks(table: FeatureTable, name: str) -> tuple[Block, ...]:
    if name == FUSED:
        return table.blocks
    known = [block.name for block in table.blocks]
    if name not in known:
        opaque = [block.name for block in table.blocks if block.is_opaque]
        raise InputError(
            f"The run has no block {name!r}.{nearest(name, known)} Embeddings: {opaque}; others: "
            f"{[other for other in known if other not in opaque]}; or {FUSED!r} for all of them."
        )
    return tuple(block for block in table.blocks if block.name == name)


def _there(blocks: tuple[Block, ...], name: str) -> NDArray[np.bool_]:
    """The rows that have the block; of all blocks together, a row has what it has."""
    if name == FUSED:
        return np.ones(blocks[0].n_samples if blocks else 0, dtype=bool)
    (block,) = blocks
    values = block.values
    return np.asarray(values[:, 0] >= 0 if block.is_category else np.isfinite(values).any(axis=1))


def _values(block: Block, rows: NDArray[np.int64]) -> BlockValues:
    return BlockValues(block.name, block.modality.view, block.gather(rows), block.is_category, block.is_opaque)


def _sampled(rows: NDArray[np.int64], most: int, seed: int) -> NDArray[np.int64]:
    if len(rows) <= most:
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))


def _raw(run: Run, train: pd.DataFrame | None) -> Rows:
    """The rows of the run's table as they came."""
    rows = load(run.task, train=train).train
    ids = tuple(read_stored(run.folder.folder("split") / "rows.parquet", "id")["id"].astype(str))
    if rows.fingerprint != run.manifest["inputs"]["train"] or tuple(map(str, rows.ids)) != ids:
        raise ArtifactError(
            f"The training data of task {run.task.name!r} have changed since the run in {str(run.path)!r} was fitted. "
            "Put the old data back, or run fit again."
        )
    return rows


def _labels(run: Run, rows: Rows, wanted: str | None) -> tuple[NDArray[Any], str, dict[str, str]]:
    """Label of each row, the name of the column, and a note where it was not asked for."""
    if wanted is None:
        kind, column = run.task.target.kind, run.task.target.column
        if kind not in (Kind.BINARY, Kind.MULTICLASS) or column is None:
            return np.zeros(0), "", {}
        return rows.frame[column].to_numpy(), column, {"labels": f"{column} (target)"}
    if wanted and wanted not in rows.frame:
        known = [str(name) for name in rows.frame.columns]
        raise InputError(f"The data has no column {wanted!r} for --labels.{nearest(wanted, known)} It has: {known}.")
    return (rows.frame[wanted].to_numpy() if wanted else np.zeros(0)), wanted, {}


def _map(space: NDArray[np.float64], points: NDArray[np.float64], asked: ClusterRequest) -> Any:
    """Method, positions and places (n_shown, 2) of the rows on the map."""
    rows = _sampled(np.arange(len(points)), MAX_MAP_ROWS, asked.seed)
    if asked.reduction != "pca":
        return asked.reduction, rows, points[rows]
    places = reduce_space(space[rows], "tsne", 2, asked.seed)
    return "tsne", rows, places


def _texts(run: Run, frame: pd.DataFrame) -> dict[str, list[str]]:
    """Plain text of each row in each text column, by the column's name."""
    names = [column.name for column in run.schema.of_modality(Modality.TEXT)]
    audit = Audit()  # what is wrong in the texts, the run has said already
    return {name: clean_texts(frame[name], audit, column=name, limit=CHARACTERS) for name in names}


def _traits(table: FeatureTable, texts: dict[str, list[str]]) -> tuple[NDArray[np.bool_], list[tuple[str, str, str]]]:
    """Which rows (n_samples, n_traits) have which value of an attribute and which word."""
    columns: list[NDArray[np.bool_]] = []
    names: list[tuple[str, str, str]] = []
    for block in table.blocks:
        if block.is_opaque or len(columns) >= MAX_VALUES:
            continue
        values = block.values
        if block.categories is not None:
            codes = values[:, 0].astype(np.int64)
            counts = np.bincount(codes[codes >= 0], minlength=len(block.categories))
            for code in np.flatnonzero(counts >= LEAST_ROWS)[: MAX_VALUES - len(columns)]:
                columns.append(codes == code)
                names.append(("value", block.features[0].title.en, str(block.categories[code])))
        elif block.modality.view == "table":
            yes_no = ((values == 0) | (values == 1) | np.isnan(values)).all(axis=0)
            yes_no &= (values == 1).sum(axis=0) >= LEAST_ROWS
            for i in np.flatnonzero(yes_no)[: MAX_VALUES - len(columns)]:
                columns.append(values[:, i] == 1)
                source, _, rest = block.features[i].title.en.partition(": ")
                names.append(("value", source, rest or "1"))
    present = [np.array(columns).T if columns else np.zeros((table.n_samples, 0), dtype=bool)]
    for source, of_column in texts.items():
        found, words = _words(of_column)
        present.append(found)
        names += [("word", source, word) for word in words]
    return np.hstack(present), names


def _words(texts: list[str]) -> tuple[NDArray[np.bool_], list[str]]:
    from sklearn.feature_extraction.text import CountVectorizer

    counter = CountVectorizer(binary=True, token_pattern=WORD, min_df=LEAST_ROWS, max_features=MAX_WORDS, dtype=np.int8)
    try:
        found = counter.fit_transform(texts)
    except ValueError:  # no word is in three texts
        return np.zeros((len(texts), 0), dtype=bool), []
    return found.toarray() > 0, [str(word) for word in counter.get_feature_names_out()]


def _shown(
    run: Run, rows: Rows, kept: NDArray[np.int64], nearest_rows: list[NDArray[np.int64]], texts: dict[str, list[str]]
) -> tuple[tuple[RowShown, ...], ...]:
    """The representative rows of each cluster, with photos for the first clusters."""
    columns = run.schema.of_modality(Modality.IMAGE)
    loader = ImageLoader(run.task.path(run.task.data.images) or run.task.root)
    photos = rows.frame[columns[0].name].to_list() if columns else []
    titles = next(iter(texts.values()), [""] * len(kept))

    def shown(i: int, with_photo: bool) -> RowShown:
        row = int(kept[i])
        photo = loader.load(first_photo(photos[row], loader)).content if photos and with_photo else None
        return RowShown(str(rows.ids[row]), titles[i], photo or None)

    return tuple(
        tuple(shown(int(i), cluster < MAX_SHOWN_CLUSTERS) for i in of_cluster)
        for cluster, of_cluster in enumerate(nearest_rows)
    )
