"""The part of an audit that holds test rows against training rows: copies across the split, and drift."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts.audit_report import Drift
from artifacts.finding import Audit
from artifacts.schema import Modality, Schema
from evaluation.drift import NOTICEABLE, two_sample_test
from evaluation.splits import content_clusters
from featurizers.drift_features import cheap_features
from featurizers.near_duplicates import joined_repeats
from featurizers.photo_facts import PhotoFacts
from featurizers.repeats import Repeats, twins_in_train

MOST_DRIFT_ROWS = 10_000  # of each side
SEED = 0  # an audit is of a table, not of a run: the same table is always told the same


def audit_rows_in_train(frame: pd.DataFrame, schema: Schema, n_train: int, audit: Audit) -> None:
    """Add which test rows are copies of training rows, which come first in the frame."""
    if not schema.of_modality(Modality.IMAGE, Modality.TEXT, Modality.NESTED):
        return  # equal rows of a few numbers are no copies
    twins = twins_in_train(content_clusters(frame, list(schema.names)), n_train)
    rows = np.flatnonzero(twins >= 0)
    if len(rows):
        pairs = [[str(frame.index[n_train + row]), str(frame.index[twins[row]])] for row in rows[:10]]
        audit.add(
            "test_rows_in_train",
            rows=frame.index[n_train + rows],
            total=len(frame) - n_train,
            groups=pairs,
            example=" = ".join(pairs[0]),
        )


def drift_of(
    frame: pd.DataFrame, schema: Schema, photos: dict[str, PhotoFacts], repeats: dict[str, Repeats], n_train: int
) -> Drift | None:
    """The test of the columns that both files have, on at most ``MOST_DRIFT_ROWS`` rows of each."""
    rng = np.random.default_rng(SEED)
    sides = (np.arange(n_train), np.arange(n_train, len(frame)))
    rows = np.concatenate([np.sort(rng.permutation(side)[:MOST_DRIFT_ROWS]) for side in sides])
    common = tuple(column for column in schema.columns if not frame[column.name].iloc[n_train:].isna().all())
    facts = {name: _taken(found, rows) for name, found in photos.items()}
    features, named = cheap_features(frame.iloc[rows], Schema(common), facts)
    titles = [(feature.title, feature.kind) for feature in named]
    groups = joined_repeats([repeat.near for repeat in repeats.values()], len(frame))
    sources = [feature.source for feature in named]
    return two_sample_test(features, rows >= n_train, sources, titles, seed=SEED, groups=groups[rows])


def _taken(facts: PhotoFacts, rows: NDArray[np.int64]) -> PhotoFacts:
    return PhotoFacts(**{name: values[rows] for name, values in vars(facts).items()})


def report_drift(drift: Drift | None, audit: Audit) -> None:
    """Add whether a classifier can tell test from training, and by which columns."""
    if drift is None or drift.low <= NOTICEABLE:
        return
    audit.add(
        "test_drift",
        count=drift.n_test,
        total=drift.n_test,
        auc=f"{drift.auc:.3f}",
        interval=f"{drift.low:.3f}-{drift.high:.3f}",
        example=", ".join(column.name for column in drift.columns[:3]) or "-",
    )
    for column in (one for one in drift.columns if one.train):
        audit.add(
            "test_drift_column",
            column=column.name,
            count=drift.n_test,
            total=drift.n_test,
            auc=f"{column.auc:.3f}",
            example=column.quantity.en,
            example_ru=column.quantity.ru,
            train=column.train,
            test=column.test,
        )
