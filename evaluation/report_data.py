"""What a report shows, as data: everything is computed before a page is drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from artifacts.errors import InputError
from artifacts.finding import Finding
from artifacts.run_result import COLUMNS
from artifacts.schema import Kind, Modality, Schema, Title
from evaluation.agreement import Stability
from evaluation.class_profiles import ClassProfiles
from evaluation.confusions import ConfusedPair
from evaluation.dose_response import DoseResponse
from evaluation.gains import GainCurve
from evaluation.groups import BlockGroups
from evaluation.model_checks import ModelCheck
from evaluation.prediction_check import PredictionDistribution
from evaluation.residuals import Residuals
from evaluation.segment_profiles import SegmentProfiles
from evaluation.slice_report import ToldSlices
from evaluation.suspects import SuspectParts

Photo = Callable[[str], bytes | None]


@dataclass(frozen=True)
class Making:
    """How a run was made. Every field may be left at its default, which leaves it out of the report.

    ``encoders`` maps a source column to what encoded it; ``rows`` a split (``train``, ``folds``, ``holdout``,
    ``test``) to its number of rows; ``step_seconds`` a step to its duration; ``versions`` a package to its version.
    ``licences`` maps a source column to the licence of its encoder's weights, empty where it is not known.
    ``explanation_gap`` is the largest distance between a link score and the sum of its contributions. ``fingerprint``
    is of the scored rows. ``interrupted``: whether the user stopped the search before its end; ``cut_short`` names
    activities left with the cheapest models.
    """

    created: str = ""
    preset: str = ""
    seed: int | None = None
    budget_seconds: float = np.nan
    used_seconds: float = np.nan
    n_features: int | None = None
    rows: Mapping[str, int] = field(default_factory=dict)
    encoders: Mapping[str, str] = field(default_factory=dict)
    step_seconds: Mapping[str, float] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    explanation_method: str = ""
    explanation_gap: float = np.nan
    licences: Mapping[str, str] = field(default_factory=dict)
    back_end: str = ""
    n_folds: int | None = None
    fingerprint: str = ""
    interrupted: bool = False
    cut_short: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReportData:
    """One run, ready to be drawn.

    Args:
        name: name of the run or task.
        kind: what is predicted.
        target: the target in words.
        metric: the main metric's name as in the leaderboard.
        metric_titles: names of metrics for people; a metric without one is shown by its own name.
        higher_is_better: of the main metric.
        leaderboard: columns of ``artifacts.run_result.RunResult``; rows of the model ``constant`` are what
            scores are compared with.
        chosen: (model, view) of the rows that are the run's result; by default those with the best score.
        split: the split that the headline speaks of.
        views: from ``view_board.view_board``; None where the run kept no scores of single views.
        importance: from ``explain.global_importance``; None where the model cannot be explained.
        explained_rows: how many rows ``importance`` was computed over.
        stability: how far two halves of the run's models agree; None where that is not known.
        class_profiles: from ``class_profiles.class_profiles``; None where there is one output.
        segments: from ``segment_profiles.segment_profiles``; None where none differ.
        segment_columns: by which the explained rows can be cut.
        not_explained: one sentence on why there is no importance.
        dose_responses: from ``dose_response.dose_responses``.
        groups: from ``groups.groups_of_block``, one an embedding; empty where none were looked for.
        distribution: from ``prediction_check.prediction_distribution``, of the chosen model.
        residuals: from ``residuals.residuals_by_prediction``; None where the task has no numbers.
        gain: from ``gains.gain_curve``; None where the outcome has no shares.
        models: from ``model_checks.check_models``; None where the run kept no scores of single models.
        coverage: level of prediction intervals to the share of rows that lay within theirs; empty where there are none.
        beside: measures of the chosen model that are not in the leaderboard, each with ``score``, ``low`` and ``high``.
        class_scores: from ``class_scores.class_scores``; None where the task has no classes.
        confused: from ``confusions.confused_pairs``; None where the task has no classes.
        suspects: from ``suspects.find_suspects``; None where no training row was predicted out of fold.
        slices: from ``slice_report.tell_slices``.
        errors: from ``prediction_check.largest_errors``.
        label_scores: of many labels, for the ``frequent`` and the ``rare`` ones ``n_labels``, ``n_rows`` and
            ``f1_micro``.
        photo: the photo of a row, by its text in ``errors``: encoded bytes of any size, or None if the row has
            none. Bytes that cannot be read are shown as such.
        row_titles: short texts of rows, by their text in ``errors``.
        findings: what was found wrong in the data.
        schema: gives titles of sources and the columns left out.
        making: how the run was made.

    Raises:
        InputError: if the leaderboard lacks columns, or no row of it has the main metric.
    """

    name: str
    kind: Kind
    target: str
    metric: str
    leaderboard: pd.DataFrame
    schema: Schema
    higher_is_better: bool = True
    metric_titles: Mapping[str, Title] = field(default_factory=dict)
    chosen: tuple[str, str] | None = None
    split: str = "holdout"
    views: pd.DataFrame | None = None
    importance: pd.DataFrame | None = None
    explained_rows: int = 0
    stability: Stability | None = None
    class_profiles: ClassProfiles | None = None
    segments: SegmentProfiles | None = None
    segment_columns: tuple[str, ...] = ()
    not_explained: str = ""
    dose_responses: tuple[DoseResponse, ...] = ()
    groups: tuple[BlockGroups, ...] = ()
    distribution: PredictionDistribution | None = None
    residuals: Residuals | None = None
    gain: GainCurve | None = None
    models: tuple[ModelCheck, ...] | None = None
    coverage: Mapping[float, float] = field(default_factory=dict)
    beside: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    class_scores: pd.DataFrame | None = None
    slices: ToldSlices | None = None
    confused: tuple[ConfusedPair, ...] | None = None
    suspects: SuspectParts | None = None
    errors: pd.DataFrame | None = None
    label_scores: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    photo: Photo | None = None
    row_titles: Mapping[str, str] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    making: Making = field(default_factory=Making)

    def __post_init__(self) -> None:
        lacking = [name for name in COLUMNS if name not in self.leaderboard]
        if lacking:
            raise InputError(f"A report's leaderboard needs the columns {list(COLUMNS)}, but lacks {lacking}.")
        metrics = sorted(set(self.leaderboard["metric"]))
        if self.metric not in metrics:
            raise InputError(f"The leaderboard has no row of the metric {self.metric!r}. It has: {metrics}.")

    def scores(self, *, metric: str | None = None, split: str | None = None) -> pd.DataFrame:
        """Rows of one metric (the main one) and split (the headline's) that have a score."""
        board = self.leaderboard
        rows = (board["metric"] == (metric or self.metric)) & (board["split"] == (split or self.split))
        return board[rows & board["score"].notna()]

    def best(self) -> pd.Series[Any] | None:
        """The row of the run's result on the headline's split, or None if nothing was scored."""
        scored = self.scores()
        scored = scored[scored["model"] != "constant"]
        if self.chosen is not None:
            scored = scored[(scored["model"] == self.chosen[0]) & (scored["view"] == self.chosen[1])]
        if scored.empty:
            return None
        scored = scored.sort_values("score", ascending=not self.higher_is_better, kind="stable")
        return scored.iloc[0]

    def constant(self, metric: str | None = None) -> float:
        """Score of the constant prediction on the headline's split; NaN if it was not scored."""
        rows = self.scores(metric=metric)
        found = rows.loc[rows["model"] == "constant", "score"]
        return float(found.iloc[0]) if len(found) else np.nan

    def metric_title(self, metric: str) -> Title:
        """A metric's name for people."""
        return self.metric_titles.get(metric) or Title.of(None, metric.replace("_", " "))

    def source_title(self, source: str) -> Title:
        """A source column's title, also of a text inside a nested one (``card.title``); else its name."""
        if source in self.schema.names:
            return self.schema[source].title
        inside = next((c for c in self.schema.of_modality(Modality.NESTED) if source.startswith(f"{c.name}.")), None)
        if inside is None:
            return Title.of(None, source)
        key = source.removeprefix(f"{inside.name}.")
        en, ru = (key, key) if key != "*" else ("other texts", "прочий текст")
        return Title(f"{inside.title.en}: {en}", f"{inside.title.ru}: {ru}")
