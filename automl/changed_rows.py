"""Rows before and after changes, as features."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts.feature_table import FeatureTable
from automl.raw_cells import RawCells
from evaluation.edits import Change

Float = NDArray[np.float64]


@dataclass(frozen=True)
class ChangedRows:
    """Changes with the position of the row that each is of (n,), and features: first of ``n_rows`` rows as they are."""

    changes: list[Change]
    row: NDArray[np.int64]
    n_rows: int
    table: FeatureTable

    @classmethod
    def of(
        cls,
        frame: pd.DataFrame,
        cells: RawCells,
        featurize: Callable[[pd.DataFrame], FeatureTable],
        wanted: Callable[[Change], bool],
    ) -> Self:
        """Change raw rows and make features of them; a change that no feature shows is left out."""
        changes, rows, raw = [], [], [cells.reference(frame.iloc[i]) for i in range(len(frame))]
        for i in range(len(frame)):
            for change in filter(wanted, cells.changes(frame.iloc[i])):
                raw.append(cells.changed(raw[i], change))
                changes.append(change)
                rows.append(i)
        found = cls(changes, np.array(rows, dtype=np.int64), len(frame), featurize(pd.DataFrame(raw, dtype=object)))
        seen = np.flatnonzero(_differ(found.after, found.before))
        kept = np.concatenate([np.arange(len(frame)), len(frame) + seen])
        return cls([changes[i] for i in seen], found.row[seen], len(frame), found.table.take(kept))

    @property
    def before(self) -> FeatureTable:
        """The unchanged row of each change."""
        return self.table.take(self.row)

    @property
    def after(self) -> FeatureTable:
        """The changed rows."""
        return self.table.take(self.n_rows + np.arange(len(self.changes)))

    def quantity(self, name: str) -> Float:
        """A feature before and after each change (n, 2); NaN if the table lacks it."""
        if name not in self.table.feature_names:
            return np.full((len(self.changes), 2), np.nan)
        return np.stack([values_of(self.before, name), values_of(self.after, name)], axis=1)

    def moves_of(self, names: Sequence[str], within: Float) -> Float:
        """By how much each change moves each of some features (n, n_names); 0 where that is unknown.

        Only what moves ``within`` the lowest and the highest values (2, n_names) counts.
        """
        after, before = (np.clip(columns_of(table, names), *within) for table in (self.after, self.before))
        return np.nan_to_num(after - before)

    def moved(self) -> Float:
        """The quantity that shows each change, before and after (n, 2); NaN where there is none."""
        moved = np.full((len(self.changes), 2), np.nan)
        for name in {change.moves for change in self.changes}:
            own = [i for i, change in enumerate(self.changes) if change.moves == name]
            moved[own] = self.quantity(name)[own]
        return moved


def values_of(table: FeatureTable, name: str) -> Float:
    """Values (n_samples,) of one feature."""
    for block in table.blocks:
        for i, feature in enumerate(block.features):
            if feature.name == name:
                return block.gather(np.arange(table.n_samples))[:, i].astype(np.float64)
    raise KeyError(name)


def columns_of(table: FeatureTable, names: Sequence[str]) -> Float:
    """Values (n_samples, n_names) of some features of a table."""
    found = np.full((table.n_samples, len(names)), np.nan)
    place = {name: i for i, name in enumerate(names)}
    for block in table.blocks:
        own = [(i, place[feature.name]) for i, feature in enumerate(block.features) if feature.name in place]
        if own:
            read, written = map(list, zip(*own, strict=True))
            found[:, written] = block.gather(np.arange(table.n_samples))[:, read]
    return found


def _differ(after: FeatureTable, before: FeatureTable) -> NDArray[np.bool_]:
    rows = np.arange(after.n_samples)
    differ = np.zeros(after.n_samples, dtype=bool)
    for new, old in zip(after.blocks, before.blocks, strict=True):
        one, other = new.gather(rows), old.gather(rows)
        differ |= ~((one == other) | (np.isnan(one) & np.isnan(other))).all(axis=1)
    return differ
