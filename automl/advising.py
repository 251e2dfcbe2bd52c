"""Advice from a finished run: rows are changed, read and predicted again, and held against chance."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
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
from artifacts.outcome import Outcome
from artifacts.progress import Progress, Silent
from artifacts.schema import Kind
from automl.advice_basis import AdviceBasis
from automl.backends.base import FittedBackend
from automl.models.base import LINK_UNITS
from automl.predictor import Predictor
from automl.raw_cells import RawCells, changeable
from automl.run import Run
from evaluation.advise import Trials, judged, judged_over_rows, natural, one_score, ranked
from evaluation.edits import Change, changes_of
from evaluation.explain import source_groups
from evaluation.matching import matched_difference

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
        images = predictor.task.path(predictor.task.data.images) or predictor.task.root
        self.cells = RawCells(run.schema, basis.known, images)
        self.changeable = changeable(run.schema)

    @classmethod
    def of(
        cls,
        run: Run,
        *,
        train: pd.DataFrame | None = None,
        output: str | None = None,
        raises: bool = True,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> Self:
        """Load what advice needs beside the model, or make it: about a minute, once for a run.

        Args:
            run: a finished run of our own search; of several activities the run of one.
            train: the training rows, if the run was not fitted from a file.
            output: a class, where there are several.
            raises: whether a higher prediction is better.
            seed: of the models that are fitted again.
            progress: where to show it.

        Raises:
            InputError: if the run, or the wish, has no advice; the message says why.
        """
        if run.activities:
            folders = [str(run.activity(name).path) for name in run.activities]
            raise InputError(f"This run has several activities. Ask for advice about one: {folders}.")
        if not changeable(run.schema):
            raise InputError(
                "The task calls no column actionable, so there is nothing to advise. Set actionable = true in "
                "[column.NAME] of what an author can change."
            )
        progress = progress or Silent()
        predictor = Predictor.load(run.path, progress=progress)
        assert isinstance(predictor.fitted, FittedBackend)
        _output(predictor, output)
        basis = AdviceBasis.of(run, predictor.fitted, train=train, seed=seed, progress=progress)
        return cls(run, predictor, basis, output=output, raises=raises)

    # -- reports ----------------------------------------------------------------------------------

    def row(self, row: pd.Series[Any], name: str) -> AdviceReport:
        """Advice for one raw row, and up to three changes of it together."""
        trials, prediction = self.trials(row.to_frame().T)
        found = judged(trials, self.kind, raises=self.raises)
        seen = {id(advice): i for i, advice in enumerate(found)}
        given, withheld = ranked(found, raises=self.raises)
        shown = tuple(replace(advice, observed=self._observed(trials, [seen[id(advice)]])) for advice in given)
        together = self._together(row, shown)
        return self._report(name, shown, withheld, prediction, together=together)

    def rows(self, frame: pd.DataFrame, name: str, *, seed: int = 0) -> AdviceReport:
        """Advice about many rows: a segment, or everything. Of more than ``MOST_ROWS`` as many are looked at."""
        if frame.empty:
            raise InputError("There are no rows to advise about: none fits the condition.")
        if len(frame) > MOST_ROWS:
            frame = frame.iloc[np.sort(np.random.default_rng(seed).choice(len(frame), MOST_ROWS, replace=False))]
        trials, prediction = self.trials(frame)
        given, withheld = ranked(judged_over_rows(trials, self.kind, raises=self.raises), raises=self.raises)
        shown = []
        for advice in given:
            own = [i for i, change in enumerate(trials.changes) if _same(change, advice) and trials.supported[i]]
            shown.append(replace(advice, observed=self._observed(trials, own)))
        return self._report(name, tuple(shown), withheld, prediction, n_rows=len(frame))

    def _report(
        self, name: str, advice: tuple[Advice, ...], withheld: dict[str, int], prediction: float, **more: Any
    ) -> AdviceReport:
        return AdviceReport(
            name, self.kind, LINK_UNITS[self.kind], prediction, advice, withheld, self.output, self.raises,
            n_versions=self._n_versions, n_placebos=len(self.basis.placebos.models), **more,
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
            column = self.run.schema[best.column]
            change = next(change for change in self._changes(current) if _same(change, best))
            current = current.copy()
            current[best.column] = self.cells.raw(column, change.value, current[best.column])
        return tuple(chosen) if len(chosen) > 1 else ()

    # -- trials -----------------------------------------------------------------------------------

    def trials(self, frame: pd.DataFrame, only: Sequence[Advice] | None = None) -> tuple[Trials, float]:
        """All changes of raw rows, or those that some advice is about, and the mean prediction of the rows as they are.

        A change that cannot be told from its row in any feature is left out.
        """
        frame = frame.rename(columns=str).reset_index(drop=True)
        changes, rows, raw = [], [], [self.cells.reference(frame.iloc[i]) for i in range(len(frame))]
        for i in range(len(frame)):
            for change in self._changes(frame.iloc[i]):
                if only is None or any(_same(change, advice) for advice in only):
                    changed = raw[i].copy()
                    before = changed.get(change.column)
                    changed[change.column] = self.cells.raw(self.run.schema[change.column], change.value, before)
                    raw.append(changed)
                    changes.append(change)
                    rows.append(i)
        row = np.array(rows, dtype=np.int64)
        table = self._featurized(pd.DataFrame(raw).reset_index(drop=True))
        place = len(frame) + np.arange(len(changes))
        before, after = table.take(row), table.take(place)
        versions = self._scores(self.basis.versions(table))
        placebo = self._scores(self.basis.placebos.decide(table))
        found = Trials(
            changes,
            row,
            versions[:, row],
            versions[:, place],
            placebo[:, place] - placebo[:, row],
            self.basis.support.holds(after, before),
            _moved(changes, after, before),
        )
        self._n_versions = len(versions)
        prediction = float(natural(self.kind, versions[:, : len(frame)].mean(axis=0)).mean())
        return found.some(np.flatnonzero(_differ(after, before))), prediction

    def _changes(self, row: pd.Series[Any]) -> list[Change]:
        found: list[Change] = []
        for column in self.changeable:
            cell = self.cells.cell(column, row)
            found += [] if cell is None else changes_of(column.name, column.modality, cell)
        return found

    def _featurized(self, frame: pd.DataFrame) -> FeatureTable:
        with tempfile.TemporaryDirectory() as folder:  # changed photos and texts are not worth keeping
            store = EmbeddingStore(Path(folder))
            parts = [
                self.predictor.featurize(frame.iloc[start : start + AT_ONCE], store)
                for start in range(0, len(frame), AT_ONCE)
            ]
            store.close()
        return concatenate(parts)

    def _scores(self, link: Float) -> Float:
        return one_score(self.kind, link, self._position)

    # -- what was observed ------------------------------------------------------------------------

    def _observed(self, trials: Trials, positions: Sequence[int]) -> Observed:
        """A comparison of scored rows near the quantity before and after; of several changes near their means."""
        moves = trials.changes[positions[0]].moves
        table, outcome, rest = self._observations
        names = list(table.feature_names)
        if moves not in names or not np.isfinite(trials.moved[positions]).any():
            return Observed()
        before, after = np.nanmean(trials.moved[positions], axis=0)
        source = table.features[names.index(moves)].source
        values, truth = _values_of(table, moves), self._truth(outcome)
        return matched_difference(values, before, after, rest[source], truth, outcome.sample_weight)

    @cached_property
    def _observations(self) -> tuple[FeatureTable, Outcome, dict[str, Float]]:
        """Scored rows, and their scores without the contribution of each source."""
        table, outcome = self.run.scored_table(), self.run.scored().outcome
        groups = source_groups(table)
        found = self.predictor.contributions(table, groups.of_feature, groups.names)
        parts = found.values[..., self._position if self.kind in (Kind.MULTICLASS, Kind.MULTILABEL) else 0]
        total = parts.sum(axis=1)
        return table, outcome, {name: total - parts[:, i] for i, name in enumerate(groups.names)}

    def _truth(self, outcome: Outcome) -> Float:
        if self.kind is Kind.MULTICLASS:
            return np.asarray((outcome.y == self._position).astype(np.float64))
        y = outcome.y[:, self._position] if self.kind is Kind.MULTILABEL else outcome.y
        return np.asarray(y.astype(np.float64))

    @property
    def kind(self) -> Kind:
        """What is predicted."""
        return self.predictor.kind


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


def _moved(changes: Sequence[Change], after: FeatureTable, before: FeatureTable) -> Float:
    """The quantity that shows each change, before and after (n, 2); NaN where there is none."""
    moved = np.full((len(changes), 2), np.nan)
    for name in {change.moves for change in changes} & set(after.feature_names):
        own = [i for i, change in enumerate(changes) if change.moves == name]
        moved[own, 0], moved[own, 1] = _values_of(before, name)[own], _values_of(after, name)[own]
    return moved


def _values_of(table: FeatureTable, name: str) -> Float:
    """Values (n_samples,) of one feature."""
    for block in table.blocks:
        for i, feature in enumerate(block.features):
            if feature.name == name:
                return block.gather(np.arange(table.n_samples))[:, i].astype(np.float64)
    raise KeyError(name)


def _differ(after: FeatureTable, before: FeatureTable) -> NDArray[np.bool_]:
    rows = np.arange(after.n_samples)
    differ = np.zeros(after.n_samples, dtype=bool)
    for new, old in zip(after.blocks, before.blocks, strict=True):
        one, other = new.gather(rows), old.gather(rows)
        differ |= ~((one == other) | (np.isnan(one) & np.isnan(other))).all(axis=1)
    return differ
