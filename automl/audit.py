"""The audit of a table, or of a task's training and test rows: what is wrong in them, how bad it is, what to do.

Nothing is fitted but a small classifier that tells test from training rows. Photos are looked at once in the life of
the cache.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from artifacts.audit_report import AuditReport, Drift, TargetDistribution
from artifacts.embedding_store import EmbeddingStore
from artifacts.errors import InputError
from artifacts.finding import Audit, Finding, Severity
from artifacts.progress import Progress, Silent
from artifacts.schema import Kind, Modality, Schema
from artifacts.tables import read_table
from artifacts.task import Task
from automl.audit_split import audit_rows_in_train, drift_of, report_drift
from automl.data import Loaded, load
from evaluation.label_noise import disagreement
from evaluation.splits import content_clusters
from evaluation.target_distribution import report_targets, target_distributions
from featurizers.audit_columns import audit_columns, columns_of, report_copies
from featurizers.audit_pairs import audit_pairs
from featurizers.audit_photos import audit_photos
from featurizers.audit_texts import audit_texts
from featurizers.base import Surroundings
from featurizers.encoders import resolve_encoder
from featurizers.image_loading import ImageLoader
from featurizers.photo_facts import PhotoFacts
from featurizers.repeats import Repeats

TEST_LABEL = "test:{}"
_ORDER = (Severity.ERROR, Severity.WARNING, Severity.INFO)


def audit_data(path: str | Path, *, images: str | Path | None = None, progress: Progress | None = None) -> AuditReport:
    """Audit a data file: its columns, photos, texts and copies of rows.

    Args:
        path: csv, parquet or jsonl, or a folder of JSON files.
        images: the folder of the photos; looked for beside the file, and in ``images`` there, if None.
        progress: where to show progress; silent if None.

    Raises:
        InputError: if the file cannot be read, or ``images`` is no folder.
        ArtifactError: if the cache cannot be written.
    """
    path = Path(path)
    frame = read_table(path)
    if images is not None and not Path(images).is_dir():
        raise InputError(f"There is no folder of photos at {str(images)!r}. Check --images.")
    return audit_frame(frame, name=path.stem, images=_images(path, frame, images), progress=progress)


def audit_frame(
    frame: pd.DataFrame,
    *,
    name: str = "data",
    images: Path | None = None,
    store: EmbeddingStore | None = None,
    progress: Progress | None = None,
) -> AuditReport:
    """Audit a frame; see ``audit_data``. ``store`` is the cache of photo facts, the user's own if None."""
    progress = progress or Silent()
    work = _Work(Surroundings(images, store or EmbeddingStore(), Audit(), progress))
    frame = frame.set_axis([str(column) for column in frame.columns], axis=1)
    frame = frame.set_axis(pd.Index([str(label) for label in frame.index], dtype=object), axis=0)
    with work.timed("columns"):
        schema = columns_of(frame, work.audit)
        facts = audit_columns(frame, schema, work.audit)
        ids = {finding.column for finding in work.audit.findings if finding.code == "looks_like_id"}
        report_copies(frame, frozenset(ids), content_clusters, work.audit)
    work.contents(frame, schema, len(frame))
    return work.report(name, {"train": len(frame)}, facts, frame, schema)


def audit_task(
    task: Task,
    *,
    train: pd.DataFrame | None = None,
    test: pd.DataFrame | None = None,
    pairs: bool = False,
    store: EmbeddingStore | None = None,
    progress: Progress | None = None,
) -> AuditReport:
    """Audit the rows of a task: all that ``audit_data`` does, and the target, leaks, and test against training.

    Args:
        task: what is predicted, and where the rows are.
        train: training rows, instead of the file that the task names.
        test: test rows, likewise.
        pairs: also look for photos that do not show what the text says, by the encoders of the task; texts and
            photos that the cache does not have are encoded.
        store: the cache of photo facts; the user's own if None.
        progress: where to show progress; silent if None.

    Raises:
        InputError: if the data cannot be used for this task; with ``pairs``, if there are no text and photo to
            compare, or no encoder for one of them.
        ArtifactError: if the cache cannot be written.
    """
    images = task.path(task.data.images) or task.root
    work = _Work(Surroundings(images, store or EmbeddingStore(), Audit(), progress or Silent()))
    with work.timed("reading"):
        loaded = load(task, train, test)
        work.audit.findings.extend(loaded.audit.findings)
        frame, n_train = _joined(loaded)
    schema = loaded.schema
    if pairs:  # first, as it may lack what it needs
        with work.timed("pairs"):
            frame = _with_compared(task, frame, schema, n_train, work.surroundings)
    with work.timed("columns"):
        facts = audit_columns(frame, schema, work.audit)
    with work.timed("target"):
        targets = _targets(loaded)
        report_targets(targets, work.audit)
    repeats, photos = work.contents(frame, schema, n_train)
    with work.timed("labels"):
        _labels(loaded, frame, repeats, work.audit)
    drift = None
    if n_train < len(frame):
        with work.timed("drift"):
            audit_rows_in_train(frame, schema, n_train, work.audit)
            drift = drift_of(frame, schema, photos, repeats, n_train)
            report_drift(drift, work.audit)
    rows = {"train": n_train} | ({"test": len(frame) - n_train} if n_train < len(frame) else {})
    return work.report(task.name, rows, facts, frame, schema, targets, drift)


@dataclass
class _Work:
    """What the parts of an audit share."""

    surroundings: Surroundings
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def audit(self) -> Audit:
        return self.surroundings.audit

    @contextmanager
    def timed(self, part: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.seconds[part] = self.seconds.get(part, 0.0) + time.perf_counter() - started

    def contents(
        self, frame: pd.DataFrame, schema: Schema, n_train: int
    ) -> tuple[dict[str, Repeats], dict[str, PhotoFacts]]:
        """Audit photos and texts: what repeats what, and facts of photos, by column."""
        repeats: dict[str, Repeats] = {}
        photos: dict[str, PhotoFacts] = {}
        with self.timed("photos"):
            for column in schema.of_modality(Modality.IMAGE):
                found = audit_photos(frame[column.name], column, self.surroundings, n_train)
                repeats[column.name], photos[column.name] = found
        with self.timed("texts"):
            for column in schema.of_modality(Modality.TEXT):
                repeats[column.name] = audit_texts(frame[column.name], column, self.surroundings, n_train)
        return repeats, photos

    def report(
        self,
        name: str,
        rows: dict[str, int],
        facts: tuple[Any, ...],
        frame: pd.DataFrame,
        schema: Schema,
        targets: tuple[TargetDistribution, ...] = (),
        drift: Drift | None = None,
    ) -> AuditReport:
        """The report, with the worst findings first."""
        findings = tuple(sorted(self.audit.findings, key=lambda finding: _ORDER.index(finding.severity)))
        shown = _Shown(frame, schema, ImageLoader(self.surroundings.images), findings)
        return AuditReport(name, rows, facts, findings, targets, drift, dict(self.seconds), shown.photo, shown.text)


class _Shown:
    """Photos and texts of the rows that findings name."""

    def __init__(self, frame: pd.DataFrame, schema: Schema, loader: ImageLoader, findings: tuple[Finding, ...]) -> None:
        named = {row for finding in findings for row in finding.rows}
        named |= {row for finding in findings for group in finding.details.get("groups", ()) for row in group}
        used = {column.name for column in schema.of_modality(Modality.IMAGE, Modality.TEXT)}
        columns = [name for name in frame if name in used | {finding.column for finding in findings}]
        rows = frame.index.isin(named)
        self._values = frame.loc[rows, columns]
        self._values = self._values[~self._values.index.duplicated()]
        self._loader = loader

    def photo(self, column: str, row: str) -> bytes | None:
        return self._loader.load(self._value(column, row)).content or None

    def text(self, column: str, row: str) -> str:
        value = self._value(column, row)
        return "" if value is None else str(value)[:2000]

    def _value(self, column: str, row: str) -> Any:
        if column not in self._values or row not in self._values.index:
            return None
        return self._values.at[row, column]


def _images(path: Path, frame: pd.DataFrame, images: str | Path | None) -> Path:
    """The folder named, or that of the first photo found beside the data, or the data's own."""
    if images is not None:
        return Path(images)
    beside = path if path.is_dir() else path.parent
    texts = [str(value) for name in frame for value in frame[name].head(20) if isinstance(value, (str, int))]
    for folder in (beside, beside / "images"):
        loader = ImageLoader(folder)
        if any(len(text) < 250 and not loader.load(text).failure for text in texts):
            return folder
    return beside


def _joined(loaded: Loaded) -> tuple[pd.DataFrame, int]:
    """Training rows, then test rows, named by their ids."""
    train = loaded.train.frame.set_axis(pd.Index(loaded.train.ids, dtype=object), axis=0)
    if loaded.test is None:
        return train, len(train)
    labels = pd.Index([TEST_LABEL.format(label) for label in loaded.test.ids], dtype=object)
    test = loaded.test.frame.set_axis(labels, axis=0)
    return pd.concat([train, test.reindex(columns=train.columns)]), len(train)


def _targets(loaded: Loaded) -> tuple[TargetDistribution, ...]:
    test = loaded.test.frame if loaded.test is not None and loaded.test.outcome is not None else None
    return target_distributions(loaded.train.frame, test, loaded.task)


def _labels(loaded: Loaded, frame: pd.DataFrame, repeats: dict[str, Repeats], audit: Audit) -> None:
    outcome = loaded.train.outcome
    if outcome is None or outcome.kind is Kind.MULTILABEL:
        return
    for name, repeat in repeats.items():
        found = disagreement(repeat.exact[: outcome.n_samples], outcome)
        if found is None or not len(found.rows):
            continue
        classes = outcome.kind in (Kind.BINARY, Kind.MULTICLASS)
        if classes or found.share >= 0.01:
            audit.add(
                "targets_differ" if classes else "targets_spread",
                column=name,
                rows=frame.index[found.rows],
                total=found.n_rows,
                share=f"{100 * found.share:.3g}%",
            )


def _with_compared(task: Task, frame: pd.DataFrame, schema: Schema, n_train: int, around: Surroundings) -> pd.DataFrame:
    """Audit texts against photos; the frame has the text that was compared, wherever it was written."""
    given = {modality: getattr(task.encoders, modality.value) for modality in (Modality.TEXT, Modality.IMAGE)}
    found = {modality: resolve_encoder(spec, modality, task.root, around.audit) for modality, spec in given.items()}
    text, image = found[Modality.TEXT], found[Modality.IMAGE]
    if text is None or image is None:
        lacking = [modality.value for modality, encoder in found.items() if encoder is None]
        raise InputError(
            f"Comparing photos with texts needs an encoder of each, but there is none for {lacking}. Name one under "
            "[encoders] in the task: a local folder or a hub name."
        )
    compared = audit_pairs(frame, schema, text, image, around, n_train)
    if compared is None:
        raise InputError(
            f"There are no text and photo to compare. The columns are: "
            f"{ {column.name: column.modality.value for column in schema.columns} }."
        )
    frame = frame.copy(deep=False)
    frame[str(compared.name)] = compared
    return frame
