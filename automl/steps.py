"""The steps of a fit, each leaving its artifact in the run folder, whole or not at all."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from artifacts.embedding_store import EmbeddingStore
from artifacts.examples import Examples
from artifacts.feature_table import FeatureTable
from artifacts.finding import Audit
from artifacts.outcome import Outcome
from artifacts.progress import Progress
from artifacts.schema import Modality
from artifacts.store import FORMAT_VERSION, RunFolder, read_json, write_json
from artifacts.tables import read_stored
from automl.backends.base import FittedBackend, Problem
from automl.backends.registry import backend_named
from automl.budget import Budget, Timed
from automl.data import Loaded, Rows, duplicates_of
from automl.models.tabicl_checkpoint import is_wanted
from automl.predictor import predictions_frame
from automl.presets import Preset
from automl.reporting import SUSPECTS, rows_to_show, suspects_to_show
from automl.request import rows_print
from automl.scored_rows import FOLDS
from automl.scoring import Part, ScoredRun, score_run
from automl.versions import library_versions
from evaluation.metrics import HIERARCHICAL, constant_prediction, metric_for
from evaluation.splits import Fold, folds_frame, folds_from_frame, holdout_rows, make_folds
from featurizers.base import Surroundings
from featurizers.calendar import read_times
from featurizers.encoders import Encoder, resolve_encoder
from featurizers.table_featurizer import TableFeaturizer

ENCODING_SHARE = 0.5  # of what is left of the budget, for encoding texts and photos
SCORING_SHARE = 0.08  # of the budget, kept back for scoring and saving
SCORING_SECONDS = (2.0, 15.0)  # bounds of that
# Seconds a scored row, the share of the budget for as many rows as are learned from, and the most of it for all.
SCORING_A_ROW, SCORING_AS_MANY, MOST_FOR_ROWS = 3.3e-3, 0.22, 0.25
SCORED_FOLDS = 5  # of which these are; more of them have more models
SCORING_A_NUMBER = 1e-6  # seconds for each prediction of a row and class, which count where classes are many


@dataclass
class Steps:
    """The steps of one run in its folder; what is there already is not done again.

    ``cut_short``: the user has stopped the fit around this one, so that it makes do with the cheapest models.
    """

    loaded: Loaded
    preset: Preset
    seed: int
    folder: RunFolder
    budget: Budget
    progress: Progress
    cut_short: bool = False

    def run(self, request: dict[str, Any]) -> None:
        """All of them, in a straight line."""
        seconds = {"read": self.budget.spent}
        timed = Timed(seconds)
        with timed("split"):
            holdout, folds = self.split()
        with timed("features"):
            table, test_table, encoders = self.features(holdout)
        rows = self.loaded.train
        assert rows.outcome is not None
        examples = Examples(table, rows.outcome, rows.frame)
        training = examples.take(~holdout) if holdout.any() else examples
        part = self._part(examples, holdout, test_table)
        if self._goes_on() or not self.folder.has("scores"):
            with timed("model"):
                fitted = self.model(training, folds)
            with timed("score"):
                problem = self._problem(training, folds)
                scored = score_run(
                    problem,
                    fitted,
                    part,
                    back_end=self.preset.back_end,
                    run=self.folder.path.name,
                    group=self.loaded.schema.group,
                )
                self._save_scores(scored, part, test_table, fitted)
        final = read_json(self.folder.folder("scores") / "final.json")
        manifest = self._manifest(request, encoders, part, training.outcome, final)
        manifest |= {"seconds": seconds, "spent_seconds": round(self.budget.spent, 3)}
        self.folder.finish(manifest)

    # -- steps ------------------------------------------------------------------------------------

    def split(self) -> tuple[np.ndarray[Any, np.dtype[np.bool_]], tuple[Fold, ...]]:
        """Steps 3 and 6: the holdout, unless a labelled test file serves, and folds of the rest."""
        if not self.folder.has("split"):
            rows, schema = self.loaded.train, self.loaded.schema
            assert rows.outcome is not None
            groups = rows.frame[schema.group].to_numpy() if schema.group else None
            times = read_times(rows.frame[schema.time])[0] if schema.time else None
            duplicates = duplicates_of(rows, schema)
            holdout = np.zeros(len(rows.frame), dtype=bool)
            if self.scored_part == "holdout":
                holdout = holdout_rows(
                    rows.outcome,
                    groups=groups,
                    times=times,
                    duplicates=duplicates,
                    fraction=self.preset.holdout_fraction,
                    seed=self.seed,
                )
            kept = ~holdout
            folds = make_folds(
                rows.outcome.take(kept),
                groups=None if groups is None else groups[kept],
                times=None if times is None else times[kept],
                duplicates=duplicates[kept],
                n_folds=self.preset.n_folds,
                seed=self.seed,
            )
            with self.folder.write("split") as folder:
                pd.DataFrame({"id": rows.ids, "holdout": holdout}).to_parquet(folder / "rows.parquet", index=False)
                folds_frame(folds).to_parquet(folder / "folds.parquet", index=False)
        folder = self.folder.folder("split")
        stored = read_stored(folder / "rows.parquet", "holdout")["holdout"].to_numpy(bool)
        return stored, folds_from_frame(read_stored(folder / "folds.parquet"))

    def features(
        self, holdout: np.ndarray[Any, np.dtype[np.bool_]]
    ) -> tuple[FeatureTable, FeatureTable | None, dict[str, Any]]:
        """Steps 4 and 5: featurizers fitted on the training rows, tables of all rows."""
        if not self.folder.has("features"):
            task, audit = self.loaded.task, Audit()
            audit.findings.extend(self.loaded.audit.findings)
            around = Surroundings(
                task.path(task.data.images) or task.root, EmbeddingStore(), audit, self.progress, self.seed
            )
            encoders = {modality.value: self._encoder(modality, audit) for modality in (Modality.TEXT, Modality.IMAGE)}
            featurizer = TableFeaturizer(self.loaded.schema, encoders["text"], encoders["image"])
            frame = self.loaded.train.frame
            n_fitted = int((~holdout).sum())
            n_rows = len(frame) + (0 if self.loaded.test is None else len(self.loaded.test.frame))
            share = ENCODING_SHARE * n_fitted / n_rows  # the other rows are encoded afterwards
            featurizer.fit(frame[~holdout], around, encoding_seconds=share * max(self.budget.left, 0.0))
            with self.folder.write("features") as folder:
                self._kept(featurizer.transform(frame, around)).save(folder / "train")
                if self.loaded.test is not None:
                    self._kept(featurizer.transform(self.loaded.test.frame, around)).save(folder / "test")
                featurizer.save(folder / "featurizer")
                write_json(folder / "findings.json", [finding.to_json() for finding in audit.findings])
                described = {name: used.to_json() if used else None for name, used in encoders.items()}
                write_json(folder / "encoders.json", described)
        folder = self.folder.folder("features")
        test = FeatureTable.load(folder / "test") if self.loaded.test is not None else None
        return FeatureTable.load(folder / "train"), test, read_json(folder / "encoders.json")

    def _kept(self, table: FeatureTable) -> FeatureTable:
        """With texts and photos only where a model may read them."""
        return table if self.preset.tuned else replace(table, contents=None)

    def _encoder(self, modality: Modality, audit: Audit) -> Encoder | None:
        """The encoder of a modality, where a column may need it."""
        task, schema = self.loaded.task, self.loaded.schema
        texts = (Modality.TEXT, Modality.NESTED) if modality is Modality.TEXT else (modality,)
        if not schema.of_modality(*texts):
            return None
        return resolve_encoder(getattr(task.encoders, modality.value), modality, task.root, audit)

    def model(self, training: Examples, folds: tuple[Fold, ...]) -> FittedBackend:
        """Step 7: the back end searches; its final model is saved."""
        backend = backend_named(self.preset.back_end)()
        fitted = backend.fit(self._problem(training, folds))
        if self._goes_on() or not self.folder.has("model"):
            with self.folder.write("model") as folder:
                fitted.save(folder)
        return fitted

    def _goes_on(self) -> bool:
        """Whether the search whose scores are there was interrupted and can be continued."""
        if not self.folder.has("scores"):
            return False
        interrupted = read_json(self.folder.folder("scores") / "final.json").get("interrupted", False)
        return bool(interrupted) and backend_named(self.preset.back_end).goes_on

    def _problem(self, training: Examples, folds: tuple[Fold, ...]) -> Problem:
        low, high = SCORING_SECONDS
        numbers = training.n_samples * training.outcome.n_outputs
        reserve = min(max(SCORING_SHARE * self.budget.seconds, low), high)
        n_scored = len(self.loaded.train.frame) - training.n_samples
        n_scored += 0 if self.loaded.test is None else len(self.loaded.test.frame)
        share = min(SCORING_AS_MANY * n_scored / max(training.n_samples, 1), MOST_FOR_ROWS)
        n_models = 1 if self.loaded.schema.time is not None else len(folds)
        a_row = SCORING_A_ROW * max(n_models / SCORED_FOLDS, 1.0)
        reserve = max(reserve, min(a_row * n_scored, share * self.budget.seconds))
        reserve += min(SCORING_A_NUMBER * numbers, SCORING_SHARE * self.budget.seconds)
        return Problem(
            training,
            folds,
            metric_for(self.loaded.task.target),
            self.budget.sooner(reserve),
            self.folder,
            self.seed,
            settings={
                "models": [*self.preset.models, *(self.preset.on_request if is_wanted() else ())],
                "max_trials": 0 if self.cut_short else self.preset.max_trials,
                "tuned": self.preset.tuned,
                **({"cut_short": True} if self.cut_short else {}),
                **({"go_on": True} if self._goes_on() else {}),
                # Folds in time order leave the newest rows out of every model; a refit sees them all.
                "refit": self.loaded.schema.time is not None,
                "emphasis": self.loaded.task.target.emphasis,
            },
            progress=self.progress,
            n_scored=n_scored,
        )

    # -- scoring ----------------------------------------------------------------------------------

    @property
    def scored_part(self) -> str:
        """``test`` where there is a labelled test file, else ``holdout``."""
        return "test" if self.loaded.test is not None and self.loaded.test.outcome is not None else "holdout"

    def _part(
        self, examples: Examples, holdout: np.ndarray[Any, np.dtype[np.bool_]], test_table: FeatureTable | None
    ) -> Part:
        if self.scored_part == "test":
            test = self.loaded.test
            assert test is not None and test.outcome is not None and test_table is not None
            return Part("test", test.ids, Examples(test_table, test.outcome, test.frame), rows_print(test))
        held = examples.take(holdout)
        ids = tuple(np.asarray(self.loaded.train.ids, dtype=object)[holdout])
        return Part("holdout", ids, held, rows_print(self.loaded.train, holdout))

    def _training_rows(self) -> Rows:
        kept, rows = np.flatnonzero(~self.split()[0]), self.loaded.train
        assert rows.outcome is not None
        ids = tuple(rows.ids[i] for i in kept)
        return Rows(rows.frame.iloc[kept], ids, rows.outcome.take(kept), rows.fingerprint)

    def _save_scores(
        self, scored: ScoredRun, part: Part, test_table: FeatureTable | None, fitted: FittedBackend
    ) -> None:
        with self.folder.write("scores") as folder:
            scored.save(folder)
            final = next(c.model for c in fitted.candidates if c.key == FittedBackend.FINAL)
            beside = {HIERARCHICAL: scored.beside or None}
            interrupted = fitted.interrupted or self.cut_short
            told = {"decision": scored.decision.shift, "labels": scored.labels, "interrupted": interrupted}
            stored = {"model": final, **told, **beside}
            write_json(folder / "final.json", stored)
            first = [self.loaded.schema.of_modality(modality) for modality in (Modality.IMAGE, Modality.TEXT)]
            names = [columns[0].name if columns else None for columns in first]
            assert part.examples.raw is not None
            rows_to_show(part.ids, part.examples.raw, *names).to_parquet(folder / "rows.parquet", index=False)
            suspects = suspects_to_show(self._training_rows(), scored.predictions.get(FOLDS), *names)
            suspects.to_parquet(folder / SUSPECTS, index=False)
            if test_table is not None and self.scored_part == "holdout":
                assert self.loaded.test is not None
                outcome, rows = part.examples.outcome, self.loaded.test.frame
                classes = outcome.classes[: outcome.n_known]
                predictions = fitted.predict(test_table)
                task, decision = self.loaded.task, scored.decision
                predicted = predictions_frame(task, classes, rows, predictions, decision=decision, proba=True)
                predicted.to_parquet(folder / "predictions.parquet", index=False)

    def _manifest(
        self, request: dict[str, Any], encoders: dict[str, Any], part: Part, training: Outcome, final: dict[str, Any]
    ) -> dict[str, Any]:
        outcome = part.examples.outcome
        return {
            "format": FORMAT_VERSION,
            "finished": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
            **request,
            "back_end": self.preset.back_end,
            "n_folds": self.preset.n_folds,
            "encoders": encoders,
            "outcome": {
                "kind": outcome.kind.value,
                "classes": outcome.classes,
                "n_known": outcome.n_known,
                "separator": outcome.separator,
            },
            "scored_part": part.name,
            "scored_rows": part.fingerprint,
            "n_train": int((~self.split()[0]).sum()),
            "n_scored": part.examples.n_samples,
            "n_features": part.examples.table.n_features,
            "constant": constant_prediction(training).tolist(),
            "final_model": final["model"],
            "interrupted": final.get("interrupted", False),
            "decision": final.get("decision", []),
            **({"labels": final["labels"]} if final.get("labels") else {}),
            HIERARCHICAL: final[HIERARCHICAL],
            "versions": library_versions(),
        }
