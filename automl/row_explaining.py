"""One raw row to what moved its prediction: contributions, regions of photos, words of texts.

Variants are raw rows that are featurized and predicted as any row is, so a map is of the final model of the run,
whatever it is made of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts.embedding_store import EmbeddingStore
from artifacts.errors import InputError, nearest
from artifacts.explanation import Explanation
from artifacts.feature_table import FeatureTable
from artifacts.finding import Audit
from artifacts.link import centred, from_link
from artifacts.schema import Column, Kind, Modality
from automl.activities import FittedActivities
from automl.backends.base import FittedBackend
from automl.models.base import LINK_UNITS
from automl.models.tuned_gradients import photo_gradients, word_gradients
from automl.predictor import Predictor, predictions_frame
from automl.reporting import target_in_words
from automl.row_variants import Trial, Variants, as_png, photo_trial, text_trial
from evaluation.partitions import feature_groups
from evaluation.row_explanation import (
    Contribution,
    PhotoMap,
    RowExplanation,
    State,
    TextMap,
    contributions_of_row,
)
from evaluation.saliency import Piece, differences, heatmap, scored
from featurizers.image_loading import ImageLoader

Float = NDArray[np.float64]


def explain_row(predictor: Predictor, row: pd.DataFrame, *, name: str, label: str | None = None) -> RowExplanation:
    """What moved the prediction of one raw row. Takes about 170 predictions for a photo and a text.

    Args:
        predictor: of a finished run.
        row: a frame of one row, with the columns that the model uses; those that it lacks count as missing.
        name: what the row is called.
        label: of several classes, the one whose score is explained; by default the likeliest, and of two the second.

    Raises:
        InputError: if ``row`` is not one row, has none of the model's columns, the label is unknown, or the run
            predicts several activities.
        ArtifactError: if an encoder cannot be loaded.
    """
    row = row.rename(columns=str)
    _check(predictor, row)
    variants, loader = Variants(), ImageLoader(predictor.image_folder)
    own = predictor.featurize(row.reset_index(drop=True))
    explaining = _Explaining(predictor, own, label)
    used = {feature.source for feature in own.features}
    schema = predictor.featurizer.schema
    photos = [photo_trial(row, c, loader, c.name in used, variants) for c in schema.of_modality(Modality.IMAGE)]
    texts = [text_trial(row, c, c.name in used, variants) for c in schema.of_modality(Modality.TEXT)]
    if variants.changes:
        with TemporaryDirectory() as folder:  # variants that nobody asks for again stay out of the cache
            store = EmbeddingStore(Path(folder))
            try:
                explaining.links = predictor.decide(predictor.featurize(variants.frame(row), store))
            finally:
                store.close()
    predictor.audit = Audit()  # findings about variants are no findings about the data
    return explaining.result(row, name, photos + texts)


def _check(predictor: Predictor, row: pd.DataFrame) -> None:
    if len(row) != 1:
        raise InputError(f"One row is explained at a time, but the frame has {len(row)}. Choose one.")
    known = set(predictor.featurizer.schema.names)
    if not known & set(row.columns):
        raise InputError(
            f"The row has none of the columns that the model uses. Expected {sorted(known)}, "
            f"but got {list(row.columns)}."
        )
    if isinstance(predictor.fitted, FittedActivities):
        raise InputError(
            f"This run has a model for each of {list(predictor.task.target.activity_names)}, and each is explained on "
            "its own. Name the folder activities/NAME inside the run's."
        )


class _Explaining:
    """Scores of the row and of its variants (n_variants, n_link), for one column of the link."""

    def __init__(self, predictor: Predictor, own: FeatureTable, label: str | None) -> None:
        self.predictor, self.own, self.links = predictor, own, np.empty((0, 0))
        self.link = predictor.decide(own)
        self.classes = tuple(str(one) for one in predictor.classes)
        self.column, self.sign, self.output = self._output(label)
        self.score = float(self._one(self.link)[0])
        assert isinstance(predictor.fitted, FittedBackend)
        self.tuned = predictor.fitted.tuned()

    def _output(self, label: str | None) -> tuple[int, float, str]:
        """Which column of the link is explained, with which sign, and the name of its class."""
        if not self.classes:
            if label is not None:
                raise InputError(f"The run predicts no classes, but the label {label!r} was named. Leave it out.")
            return 0, 1.0, ""
        if label is not None and label not in self.classes:
            known = list(self.classes)[:50]
            raise InputError(f"Unknown label {label!r}.{nearest(label, self.classes)} Known: {known}.")
        if self.predictor.kind is Kind.BINARY:
            position = 1 if label is None else self.classes.index(label)
            return 0, 1.0 if position == 1 else -1.0, self.classes[position]
        position = int(self.link[0].argmax()) if label is None else self.classes.index(label)
        return position, 1.0, self.classes[position]

    def _one(self, links: Float) -> Float:
        """The explained score (n,): of classes that exclude each other less the mean over them."""
        links = centred(links) if self.predictor.kind is Kind.MULTICLASS else links
        return np.asarray(self.sign * links[..., self.column])

    def result(self, row: pd.DataFrame, name: str, trials: Sequence[Trial]) -> RowExplanation:
        """Everything put together."""
        explanation, why_not = self._contributions()
        kind, nowhere = self.predictor.kind, np.full(max(1, len(self.classes)), np.nan)
        sources: tuple[Contribution, ...] = ()
        features: tuple[Contribution, ...] = ()
        base, base_predictions = np.nan, nowhere
        if explanation is not None:
            base = float(self._one(explanation.base))
            base_predictions = from_link(kind, explanation.base[None])[0]
            sources, features = contributions_of_row(self.own, self._one(explanation.values[0]))
        parts = None if explanation is None else {one.name: one.delta for one in sources}
        titled = {column.name: column.title for column in self.predictor.featurizer.schema.columns}
        written = {f.source for f in self.own.features if f.modality is Modality.TEXT} - set(titled)
        task = self.predictor.task
        predictions = from_link(kind, self.link)
        decided = predictions_frame(task, self.predictor.classes, row, predictions, decision=self.predictor.decision)
        return RowExplanation(
            name=task.name,
            row=name,
            kind=kind,
            target=target_in_words(task),
            classes=self.classes,
            decided=str(decided[task.output.prediction].iloc[0]),
            output=self.output,
            unit=LINK_UNITS[kind],
            predictions=predictions[0],
            base_predictions=base_predictions,
            score=self.score,
            base=base,
            sources=tuple(replace(one, title=titled.get(one.name, one.title)) for one in sources),
            features=features,
            photos=tuple(self._photo(t, parts) for t in trials if t.column.modality is Modality.IMAGE),
            texts=tuple(self._text(t, parts) for t in trials if t.column.modality is Modality.TEXT),
            not_explained=why_not,
            tuned_share=self.tuned.share,
            tuned_read_share=self.tuned.read_share,
            not_tried=tuple(sorted(written)),
        )

    def _contributions(self) -> tuple[Explanation | None, str]:
        groups = feature_groups(self.own)
        try:
            return self.predictor.contributions(self.own, groups.of_feature, groups.names), ""
        except InputError as error:  # a back end that cannot be explained: maps need scores alone
            return None, str(error)

    def _part(self, column: Column, parts: dict[str, float] | None) -> float:
        return np.nan if parts is None else parts.get(column.name, 0.0)

    def _deltas(self, trial: Trial, n: int) -> tuple[Float, float]:
        """What each piece adds (n,), and what the copy scores above the row itself."""
        scores = self._one(self.links[trial.start : trial.start + 1 + n])
        return differences(float(scores[0]), scores[1:]), float(scores[0]) - self.score

    def _photo(self, trial: Trial, parts: dict[str, float] | None) -> PhotoMap:
        column, part = trial.column, self._part(trial.column, parts)
        if trial.pixels is None:
            return PhotoMap(column.name, column.title, trial.state, part)
        height, width = trial.pixels.shape[:2]
        deltas, shift, heat = np.zeros(1), 0.0, np.zeros((height, width))
        if trial.state is State.TRIED:
            deltas, shift = self._deltas(trial, len(trial.patches))
            heat = heatmap(height, width, trial.patches, deltas)
        return PhotoMap(
            by_gradients=self._photo_by_gradients(trial),
            column=column.name,
            title=column.title,
            state=trial.state,
            part=part,
            pixels=trial.pixels,
            heat=heat,
            shift=shift,
            lowest=float(deltas.min()),
            highest=float(deltas.max()),
            n_photos=trial.n_photos,
        )

    def _text(self, trial: Trial, parts: dict[str, float] | None) -> TextMap:
        column, part = trial.column, self._part(trial.column, parts)
        if trial.state is not State.TRIED:
            return TextMap(column.name, column.title, trial.state, part, trial.text, trial.pieces)
        deltas, shift = self._deltas(trial, len(trial.pieces))
        pieces, tuned = scored(trial.pieces, deltas), self._words_by_gradients(trial)
        return TextMap(column.name, column.title, trial.state, part, trial.text, pieces, shift, tuned)

    def _photo_by_gradients(self, trial: Trial) -> Float | None:
        assert trial.pixels is not None
        height, width = trial.pixels.shape[:2]
        if trial.state is not State.TRIED or not self.tuned.models:
            return None
        heat, photo = np.zeros((height, width)), as_png(trial.pixels)
        for weight, model in self.tuned.models:
            found = photo_gradients(model, self.own, trial.column.name, photo, (height, width), self.column)
            heat += self.sign * weight * found
        return heat if heat.any() else None

    def _words_by_gradients(self, trial: Trial) -> tuple[Piece, ...]:
        places = [(piece.start, piece.end) for piece in trial.pieces]
        total = np.zeros(len(places))
        for weight, model in self.tuned.models:
            total += self.sign * weight * word_gradients(model, self.own, trial.column.name, places, self.column)
        if not np.nan_to_num(total).any():
            return ()
        return tuple(Piece(one.start, one.end, float(delta)) for one, delta in zip(trial.pieces, total, strict=True))
