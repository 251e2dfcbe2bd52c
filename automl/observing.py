"""What was observed of rows with and without what a change brings, to stand beside advice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from artifacts.advice_report import Observed
from artifacts.feature_table import Block, FeatureTable
from artifacts.outcome import Outcome
from artifacts.schema import Feature, Title
from automl.advice_basis import truth_of
from automl.predictor import Predictor
from automl.run import Run
from evaluation.advise import one_score, parts_of_score
from evaluation.matching import matched_difference
from evaluation.partitions import source_groups

Float = NDArray[np.float64]
FLAG = "0/1"  # the unit of what a row has or has not


@dataclass(frozen=True)
class Observations:
    """Scored rows, their outcomes (n_samples,), and their scores without the contribution of each source."""

    table: FeatureTable
    outcome: Outcome
    truth: Float
    rest: Mapping[str, Float]

    @classmethod
    def of(cls, run: Run, predictor: Predictor, position: int) -> Self:
        """The scored rows of a run, for one output."""
        table, outcome = run.scored_table(), run.scored().outcome
        groups = source_groups(table)
        found = predictor.contributions(table, groups.of_feature, groups.names)
        parts = parts_of_score(predictor.kind, found.values, found.total, position)
        total = one_score(predictor.kind, found.total, position)
        rest = {name: total - parts[:, i] for i, name in enumerate(groups.names)}
        return cls(table, outcome, truth_of(outcome, position), rest)

    def matched(self, moves: str, moved: Float) -> Observed:
        """Rows near the quantity after changes against alike rows near it before; of several changes near the means.

        Args:
            moves: the feature that shows the changes.
            moved: (n_changes, 2) before and after.

        Returns:
            No pairs where too few rows are near, and no ``quantity`` either where no feature shows the changes.
        """
        for block in self.table.blocks:
            for i, feature in enumerate(block.features):
                if feature.name == moves:
                    values = block.gather(np.arange(block.n_samples))[:, i].astype(np.float64)
                    return self._compared(block, feature, values, moved)
        return Observed()

    def _compared(self, block: Block, feature: Feature, values: Float, moved: Float) -> Observed:
        title, (before, after) = feature.title, (_mean(moved[:, 0]), _mean(moved[:, 1]))
        if block.categories is not None:
            had, gets = moved[:, 0], int(moved[0, 1])
            if not 0 <= gets < len(block.categories):
                return Observed()
            values = np.where(values == gets, 1.0, np.where(np.isin(values, had), 0.0, np.nan))
            column, level = (feature.title.en, feature.title.ru), block.categories[gets]
            title = Title(*(f"{words.rpartition(':')[0] or words}: {level}" for words in column))
        is_flag = block.categories is not None or feature.unit == FLAG
        if is_flag:
            before, after = 0.0, 1.0
        weight = self.outcome.sample_weight
        found = matched_difference(values, before, after, self.rest[feature.source], self.truth, weight)
        near = (np.nan, np.nan) if is_flag else (before, after)
        return replace(found, quantity=title, before=near[0], after=near[1])


def _mean(values: Float) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else np.nan
