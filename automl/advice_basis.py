"""What advice needs beside the final model of a run: made once, kept in the run folder."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts.checksums import digest_of
from artifacts.errors import ArtifactError, InputError
from artifacts.examples import Examples
from artifacts.feature_table import FeatureTable
from artifacts.outcome import Outcome
from artifacts.progress import Progress
from artifacts.schema import Kind
from artifacts.store import read_json, write_json
from artifacts.tables import read_stored, read_table
from automl.backends.base import FittedBackend
from automl.changed_rows import columns_of
from automl.effect_worth import EffectCalibration
from automl.raw_cells import KnownColumns, changeable
from automl.refits import Refits, candidate_to_refit, row_groups
from automl.run import Run
from automl.scored_rows import FOLDS, read_scored
from evaluation.advise import one_score, parts_of_score
from evaluation.effect_calibration import Unseen, calibrated, sd_of_others
from evaluation.partitions import source_groups
from evaluation.splits import folds_from_frame
from evaluation.support import Support

Float = NDArray[np.float64]

STEP = "advice"  # of the run folder
MODEL_FILE = "search.json"  # of the model, by which it is known
EFFECTS = "effects"  # likewise, of each output
SECONDS = 60.0  # for models of a shuffled outcome, and for what effects are worth
FOLDS_FILE = "folds.parquet"
LEAST_VERSIONS = 5  # with three, the spread of some effects is small by chance
MOST_CALIBRATED = 8_000  # rows whose contributions are held against outcomes
FIRST = 50  # of them, of one version, however long they take


@dataclass(frozen=True)
class AdviceBasis:
    """What training rows have, models of a shuffled outcome, and ``doubles`` where the run kept few models of folds.

    ``placebos`` and ``doubles`` give link scores; see ``Refits``.
    """

    run: Run
    fitted: FittedBackend
    known: KnownColumns
    placebos: Refits
    doubles: Refits | None

    @classmethod
    def of(cls, run: Run, fitted: FittedBackend, *, train: pd.DataFrame | None, progress: Progress) -> AdviceBasis:
        """Read it from the run folder, or make it, which takes about a minute.

        Args:
            run: a finished run.
            fitted: its final model.
            train: the raw training rows, if the run was not fitted from a file.
            progress: where to show it.

        Raises:
            InputError: if the run's models cannot be fitted again, or the training rows are gone.
        """
        if not run.folder.has(STEP):
            rows, examples = _training_rows(run, train), training_examples(run)
            seed = int(run.manifest["seed"])
            n_folds = len(folds_from_frame(read_stored(run.folder.folder("split") / FOLDS_FILE)))
            chosen = candidate_to_refit(fitted.candidates, n_folds, SECONDS)
            with run.folder.write(STEP) as folder:
                write_json(folder / "known.json", KnownColumns.of(rows, run.schema).to_json())
                placebos = Refits.of_shuffled(chosen, examples, seconds=SECONDS, seed=seed, progress=progress)
                placebos.save(folder / "placebos")
                versions = fitted.versions(examples.table.take([0]))
                if versions is None or len(versions) < LEAST_VERSIONS:
                    without = row_groups(examples.n_samples, seed, _author_groups(run))
                    doubles = Refits.without_groups(chosen, examples, without, seed=seed, progress=progress)
                    doubles.save(folder / "doubles")
        folder = run.folder.folder(STEP)
        known = KnownColumns.from_json(read_json(folder / "known.json"))
        others = Refits.load(folder / "doubles") if (folder / "doubles").exists() else None
        return cls(run, fitted, known, Refits.load(folder / "placebos"), others)

    def versions(self, table: FeatureTable) -> Float:
        """Link scores (n_versions, n_samples, n_link) of models that each lack a group of rows."""
        found = self.fitted.versions(table) if self.doubles is None else self.doubles.decide(table)
        assert found is not None
        return found

    def calibration(self, kind: Kind, output: int, meant: Collection[str]) -> EffectCalibration:
        """What effects are worth, on rows that none of the models has seen; made once for each output.

        For each version it is of the rows but the group that the version lacks, so that versions differ by what is
        unsure of it, too. The quantities are all readable numbers of columns that may be changed: ``meant`` are those
        that changes are made for, and a change that adds a word moves a dozen others.
        """
        step, model = f"{EFFECTS}_{output}", digest_of((self.run.folder.folder("model") / MODEL_FILE).read_bytes())
        # What is damaged, or of a model that a fit has gone on from, is made anew, as is what cannot be written.
        with suppress(ArtifactError):
            return EffectCalibration.load(self.run.folder.folder(step), model)
        found = self._calibrated(kind, output, meant)
        with suppress(ArtifactError), self.run.folder.write(step) as folder:
            found.save(folder, model)
        return found

    def _calibrated(self, kind: Kind, output: int, meant: Collection[str]) -> EffectCalibration:
        examples = self.examples
        groups = source_groups(examples.table)
        names = readable_numbers(examples.table, {column.name for column in changeable(self.run.schema)})
        explainer = self.fitted if self.doubles is None else self.doubles
        rng = np.random.default_rng(self.placebos.seed)
        pieces, which = [], []
        bar = self.run.progress.task("what effects are worth", float(self.n_versions))
        with bar as advance:
            for i, held in enumerate(self._held_rows(examples.n_samples)):
                for some in _while_time(rng.permutation(held)[: MOST_CALIBRATED // self.n_versions], self.n_versions):
                    table, outcome = examples.table.take(some), examples.outcome.take(some)
                    found = explainer.contributions_of(i, table, groups.of_feature, groups.names)
                    part = parts_of_score(kind, found.values, found.total, output)
                    rest = one_score(kind, found.total, output) - part.sum(axis=1)
                    read = columns_of(table, names), truth_of(outcome, output), outcome.sample_weight
                    pieces.append((part, rest, *read))
                    which.append(np.full(len(some), i))
                advance(1.0)
        is_meant = np.array([name in meant for name in names], dtype=bool)
        parts, rest, moved, truth, weight = map(np.concatenate, zip(*pieces, strict=True))
        unseen, group = Unseen(parts, rest, moved, truth, weight, is_meant), np.concatenate(which)
        sd = sd_of_others(kind, unseen)
        each = tuple(calibrated(kind, unseen.some(group != i), sd) for i in range(self.n_versions))
        return EffectCalibration(tuple(groups.names), names, each, calibrated(kind, unseen, sd))

    def _held_rows(self, n: int) -> list[NDArray[np.int64]]:
        """Rows that each version has not seen."""
        if self.doubles is not None:
            groups = row_groups(n, self.doubles.seed, _author_groups(self.run))
            return [np.flatnonzero(groups == i) for i in range(self.n_versions)]
        folds = folds_from_frame(read_stored(self.run.folder.folder("split") / FOLDS_FILE))
        return [fold.valid for fold in folds[: self.n_versions]]  # time may have ended before the others

    @cached_property
    def n_versions(self) -> int:
        """How many models each lack a group of rows."""
        return len(self.versions(self.examples.table.take([0])))

    @cached_property
    def examples(self) -> Examples:
        """See ``training_examples``."""
        return training_examples(self.run)

    @cached_property
    def support(self) -> Support:
        """What training rows have in their features."""
        return Support.of(self.examples.table, seed=self.placebos.seed)


def _while_time(rows: NDArray[np.int64], n_versions: int) -> Iterator[NDArray[np.int64]]:
    """Pieces of rows, each as long as all before it, while there is time for it in the share of one version."""
    started, done = time.monotonic(), 0
    while done < len(rows) and (not done or 2 * (time.monotonic() - started) < SECONDS / n_versions):
        yield rows[done : 2 * done or FIRST]
        done = 2 * done or FIRST


def readable_numbers(table: FeatureTable, sources: Collection[str]) -> tuple[str, ...]:
    """Names of features of some sources that are numbers with a meaning."""
    blocks = [block for block in table.blocks if block.source in sources and block.categories is None]
    return tuple(feature.name for block in blocks for feature in block.features if not feature.opaque)


def training_examples(run: Run) -> Examples:
    """The training rows of a run without its holdout, as models saw them."""
    table = FeatureTable.load(run.folder.folder("features") / "train")
    held = read_stored(run.folder.folder("split") / "rows.parquet", "holdout")["holdout"].to_numpy(bool)
    return Examples(table.take(~held), read_scored(run.folder, FOLDS, run.manifest).outcome)


def _author_groups(run: Run) -> NDArray[np.int64] | None:
    """Codes of the groups that training rows are of, such as authors; None if the task names none."""
    return read_scored(run.folder, FOLDS, run.manifest).groups


def truth_of(outcome: Outcome, output: int) -> Float:
    """Outcomes (n_samples,) on the natural scale; of classes and labels, whether a row has one."""
    if outcome.kind is Kind.MULTICLASS:
        return np.asarray((outcome.y == output).astype(np.float64))
    y = outcome.y[:, output] if outcome.kind is Kind.MULTILABEL else outcome.y
    return np.asarray(y.astype(np.float64))


def _training_rows(run: Run, train: pd.DataFrame | None) -> pd.DataFrame:
    if train is not None:
        return train.rename(columns=str)
    path = run.task.path(run.task.data.train)
    if path is None or not path.exists():
        raise InputError(
            "Advice needs the training rows once, to know what values are usual, but the run's task names "
            f"{'no file' if path is None else repr(str(path))} of them. Give the rows as `train`, or put the file back."
        )
    return read_table(path)
