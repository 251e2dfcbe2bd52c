"""Advice from a finished run: rows are changed, read and predicted again, and held against chance."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts.advice_report import Advice, AdviceReport, Observed
from artifacts.embedding_store import EmbeddingStore
from artifacts.errors import InputError
from artifacts.feature_table import FeatureTable, concatenate
from artifacts.progress import Progress, Silent
from artifacts.schema import Kind, Modality
from automl.advice_basis import AdviceBasis
from automl.backends.base import FittedBackend
from automl.backends.search import SearchBackend
from automl.changed_rows import ChangedRows
from automl.effect_worth import EffectCalibration
from automl.models.base import LINK_UNITS
from automl.observing import Observations
from automl.predictor import Predictor
from automl.raw_cells import RawCells, changeable, encoded
from automl.run import Run
from evaluation.advice_page import BEFORE
from evaluation.advise import Trials, disagreement, judged, judged_over_rows, natural, one_score, ranked
from evaluation.edits import Change

Float = NDArray[np.float64]

MOST_ROWS = 200  # that advice about many rows looks at
MOST_TOGETHER = 3
AT_ONCE = 1024  # changed rows that are featurized at once


class Advisor:
    """What may be changed in rows, and what the final model of a run expects of it.

    ``output`` is the class that is meant, where there are several, and ``raises`` whether more is better.
    """

    def __init__(
        self, run: Run, predictor: Predictor, basis: AdviceBasis, *, output: str | None = None, raises: bool = True
    ) -> None:
        self.run, self.predictor, self.basis, self.raises = run, predictor, basis, raises
        self.output, self._position = _output(predictor, output)
        images = predictor.image_folder
        self.cells = RawCells(run.schema, basis.known, images)

    @classmethod
    def of(
        cls,
        run: Run,
        *,
        train: pd.DataFrame | None = None,
        output: str | None = None,
        raises: bool = True,
        progress: Progress | None = None,
    ) -> Self:
        """Load what advice needs beside the model, or make it: about a minute, once for a run.

        Args:
            run: a finished run of our own search; of several activities the run of one.
            train: the training rows, if the run was not fitted from a file.
            output: a class, where there are several.
            raises: whether a higher prediction is better.
            progress: where to show it.

        Raises:
            InputError: if the run, or the wish, has no advice; the message says why.
        """
        if run.activities:
            folders = [str(run.activity(name).path) for name in run.activities]
            raise InputError(f"This run has several activities. Ask for advice about one: {folders}.")
        if run.manifest["back_end"] != SearchBackend.name:
            raise InputError(
                f"Advice needs a run of our own search, but this one is of {run.manifest['back_end']!r}, whose models "
                "cannot be fitted again. Fit with the preset fast, balanced or best."
            )
        if not changeable(run.schema):
            raise InputError(
                "The task calls no column actionable, so there is nothing to advise. Set actionable = true in "
                "[column.NAME] of what an author can change."
            )
        progress = progress or Silent()
        predictor = Predictor.load(run.path, trust=run.trust, progress=progress)
        assert isinstance(predictor.fitted, FittedBackend)
        _output(predictor, output)
        basis = AdviceBasis.of(run, predictor.fitted, train=train, progress=progress)
        return cls(run, predictor, basis, output=output, raises=raises)

    # -- reports ----------------------------------------------------------------------------------

    def row(self, row: pd.Series[Any], name: str) -> AdviceReport:
        """Advice for one raw row, and up to three changes of it together."""
        trials, prediction = self.trials(row.to_frame().T)
        found = judged(trials, self.kind, raises=self.raises)
        position = {id(advice): i for i, advice in enumerate(found)}
        given, withheld = ranked(found, raises=self.raises)
        shown = tuple(self._shown(row, advice, trials, position[id(advice)]) for advice in given)
        together = self._together(row, shown)
        return self._report(name, shown, withheld, prediction, together=together)

    def _shown(self, row: pd.Series[Any], advice: Advice, trials: Trials, position: int) -> Advice:
        """With what was observed, and the text before and after where one is changed."""
        advice = replace(advice, observed=self._observed(trials, [position]))
        value = trials.changes[position].value
        was = row.get(advice.column)
        return replace(advice, was=str(was), becomes=value) if isinstance(value, str) else advice

    def pictures(self, row: pd.Series[Any], report: AdviceReport) -> dict[str, bytes]:
        """Photos for ``render_advice``: of the row, and as advice changes it."""
        columns = {column.name for column in self.run.schema.of_modality(Modality.IMAGE)}
        advice = [one for one in report.advice if one.column in columns]
        found: dict[str, bytes] = {}
        for change in self.cells.changes(row) if advice else ():
            one = next((one for one in advice if _same(change, one)), None)
            if one is not None:
                found[f"{one.column}|{one.edit}"] = encoded(change.value)
                found[BEFORE] = encoded(self.cells.photo(row[one.column]))
        return found

    def rows(self, frame: pd.DataFrame, name: str) -> AdviceReport:
        """Advice about many rows: a segment, or everything. Of more than ``MOST_ROWS`` as many are looked at."""
        n_all = len(frame)
        if not n_all:
            raise InputError("There are no rows to advise about: none fits the condition.")
        if len(frame) > MOST_ROWS:
            rng = np.random.default_rng(self.basis.placebos.seed)
            frame = frame.iloc[np.sort(rng.choice(len(frame), MOST_ROWS, replace=False))]
        trials, prediction = self.trials(frame)
        given, withheld = ranked(judged_over_rows(trials, self.kind, raises=self.raises), raises=self.raises)
        shown = []
        for advice in given:
            own = [i for i, change in enumerate(trials.changes) if _same(change, advice) and trials.supported[i]]
            shown.append(replace(advice, observed=self._observed(trials, own)))
        return self._report(name, tuple(shown), withheld, prediction, n_rows=len(frame), n_all=n_all)

    def _report(
        self, name: str, advice: tuple[Advice, ...], withheld: dict[str, int], prediction: float, **more: Any
    ) -> AdviceReport:
        return AdviceReport(
            name, self.kind, LINK_UNITS[self.kind], prediction, advice, withheld, self.output, self.raises,
            n_versions=self.basis.n_versions, n_placebos=len(self.basis.placebos.models), **more,
        )  # fmt: skip

    def _together(self, row: pd.Series[Any], given: Sequence[Advice]) -> tuple[Advice, ...]:
        """The best change, then the best of what is still advised after it, and so on; no column edited twice alike."""
        chosen: list[Advice] = []
        current = row
        wanted = list(given)
        while wanted and len(chosen) < MOST_TOGETHER:
            if chosen:
                trials, _ = self.trials(current.to_frame().T, wanted)
                wanted, _ = ranked(judged(trials, self.kind, raises=self.raises), raises=self.raises)
                if not wanted:
                    break
            best, *wanted = wanted
            chosen.append(best)
            change = next(change for change in self.cells.changes(current) if _same(change, best))
            current = self.cells.changed(current, change)
        return tuple(chosen) if len(chosen) > 1 else ()

    # -- trials -----------------------------------------------------------------------------------

    def changed_rows(
        self, frame: pd.DataFrame, store: EmbeddingStore, only: Sequence[Advice] | None = None
    ) -> ChangedRows:
        """All changes of raw rows, or those that some advice is about, with the features before and after.

        ``store`` is for changed photos and texts, and is needed for as long as a model reads these.
        """

        def wanted(change: Change) -> bool:
            return only is None or any(_same(change, advice) for advice in only)

        return ChangedRows.of(frame.rename(columns=str), self.cells, lambda rows: self._featurized(rows, store), wanted)

    def trials(self, frame: pd.DataFrame, only: Sequence[Advice] | None = None) -> tuple[Trials, float]:
        """What models say of the changes of raw rows, and the mean prediction of the rows as they are."""
        with short_lived_store() as store:
            return self._trials(self.changed_rows(frame, store, only))

    def _trials(self, rows: ChangedRows) -> tuple[Trials, float]:
        versions = self._scores(self.basis.versions(rows.table))
        placebo = self._scores(self.basis.placebos.decide(rows.table))
        final = self._scores(self.basis.fitted.decide(rows.table.take(np.arange(rows.n_rows))))
        n = rows.n_rows
        weights, members = self.basis.fitted.members(rows.table)
        said = self._scores(members)
        effects, hidden = self._calibration(versions[:, n:] - versions[:, rows.row], rows)
        open_between = disagreement(weights, said[:, n:] - said[:, rows.row])
        before = np.tile(final[rows.row], (len(versions), 1))  # effects are of the versions, predictions the final ones
        found = Trials(
            rows.changes,
            rows.row,
            before,
            before + effects,
            placebo[:, n:] - placebo[:, rows.row],
            self.basis.support.holds(rows.after, rows.before),
            rows.moved(),
            np.hstack([hidden, open_between]),
        )
        return found, float(natural(self.kind, final).mean())

    @cached_property
    def _calibration(self) -> EffectCalibration:
        meant = {
            f"{column.name}__{name}" for column in changeable(self.run.schema) for name in self.cells.meant(column)
        }
        return self.basis.calibration(self.kind, self._position, meant)

    def _featurized(self, frame: pd.DataFrame, store: EmbeddingStore) -> FeatureTable:
        starts = range(0, len(frame), AT_ONCE)
        return concatenate([self.predictor.featurize(frame.iloc[i : i + AT_ONCE], store) for i in starts])

    def _scores(self, link: Float) -> Float:
        return one_score(self.kind, link, self._position)

    def _observed(self, trials: Trials, positions: Sequence[int]) -> Observed:
        return self._observations.matched(trials.changes[positions[0]].moves, trials.moved[positions])

    @cached_property
    def _observations(self) -> Observations:
        return Observations.of(self.run, self.predictor, self._position)

    @property
    def kind(self) -> Kind:
        """What is predicted."""
        return self.predictor.kind


@contextmanager
def short_lived_store() -> Iterator[EmbeddingStore]:
    """One for changed photos and texts, which are not worth keeping."""
    with tempfile.TemporaryDirectory() as folder:
        store = EmbeddingStore(Path(folder))
        try:
            yield store
        finally:
            store.close()


def _output(predictor: Predictor, output: str | None) -> tuple[str, int]:
    """Name and position of the class that advice moves."""
    labels = [str(label) for label in predictor.classes]
    if predictor.kind not in (Kind.MULTICLASS, Kind.MULTILABEL):
        if output is not None and (not labels or output != labels[-1]):
            raise InputError(f"Advice is about {labels[-1] if labels else 'the prediction'!r}; leave the class out.")
        return (labels[-1] if labels else ""), 0
    if output not in labels:
        raise InputError(f"Name the class that should become likelier, not {output!r}. There are: {labels[:30]}.")
    return output, labels.index(output)


def _same(change: Change, advice: Advice) -> bool:
    return (change.column, change.edit, change.title.en) == (advice.column, advice.edit, advice.title.en)
