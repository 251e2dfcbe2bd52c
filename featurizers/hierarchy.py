"""Category paths, such as ``All->Shoes->Slippers``: a category for each level, and how deep the path goes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts.errors import NotFittedError
from artifacts.feature_table import Block
from artifacts.schema import Modality, Title, quantity_feature
from featurizers.base import Featurizer, State, Surroundings
from featurizers.categories import MAX_CATEGORIES, codes_of, label_of, learn_categories
from featurizers.nested_parsing import looks_nested
from featurizers.numbers import report_unreadable
from featurizers.text_cleaning import as_text

ARROWS = ("->", "=>", "→", "»", "›", " > ", ">")
"""Separators that hardly anything but a path has."""
SEPARATORS = (*ARROWS, "::", " / ", "|", "/", "\\")
"""The others stand in lists, sizes and file names, too: there the words have to show that it is a path."""
JOINED = " → "  # between the levels of a category's name
MAX_LEVELS = 8
MAX_CHARACTERS = 4000  # of a path; what lies behind is not looked at
SAMPLE = 2000  # of values, from which the separator is learned
LONGEST_LEVEL = 60  # characters on average; sentences are no levels
LEAST_PATHS = 4  # different ones, without which separators other than arrows show nothing
ONE_DEPTH = 0.9  # share of the names that keep to one depth
ONE_PARENT = 0.5  # share of the names that stand below one name only


class Hierarchy(Featurizer):
    """One category block for each level, whose categories are the path down to there, and ``{source}__depth``.

    The separator is learned, one of ``SEPARATORS``. Levels at the top that are the same in all
    training rows, such as ``All``, have no block; levels beyond ``MAX_LEVELS`` are only counted. A
    path never seen in training keeps the levels that were seen (finding ``path_new``); the others
    have code -1, as levels that the path does not reach, or ``(other)`` where training had more than
    ``MAX_CATEGORIES``. A missing cell has -1 everywhere and no depth.
    """

    name: ClassVar[str] = "hierarchy"
    modalities: ClassVar[frozenset[Modality]] = frozenset({Modality.CATEGORICAL})

    def __init__(self, column: Any) -> None:
        super().__init__(column)
        self._state: State | None = None

    def fit(self, values: pd.Series[Any], surroundings: Surroundings) -> Self:
        """Learn the separator and the categories of each level."""
        separator = path_separator(values)
        paths = [path_down(levels) for levels in split_paths(values, separator) if levels]
        learned: dict[str, list[str]] = {}
        for k in range(max(map(len, paths), default=0)):
            labels = [path[k] if len(path) > k else None for path in paths]
            if learned or len(set(labels)) > 1:  # a top that is the same for all says nothing
                learned[str(k + 1)] = learn_categories(labels, MAX_CATEGORIES)
        first = sorted({path[0] for path in paths})[:1]
        return self.restore(State({"separator": separator, "levels": learned or {"1": first}}))

    def transform(self, values: pd.Series[Any], surroundings: Surroundings) -> list[Block]:
        """Category blocks, float32 codes (n_samples, 1), and the depth, float32 (n_samples, 1).

        Raises:
            NotFittedError: before ``fit``.
        """
        learned = self.state().values
        split = split_paths(values, learned["separator"])
        paths = [path_down(levels) for levels in split]
        new: NDArray[np.bool_] = np.zeros(len(values), dtype=bool)
        blocks = []
        for key, known in learned["levels"].items():
            k, categories = int(key), tuple(known)
            labels = [path[k - 1] if len(path) >= k else None for path in paths]
            codes = codes_of(labels, categories)
            new |= (codes[:, 0] < 0) & np.array([label is not None for label in labels], dtype=bool)
            name = f"{self.name}:{k}"  # a block needs a name of its own
            title = Title(f"category, level {k}", f"категория, уровень {k}")
            feature = quantity_feature(self.column, name, f"level_{k}", title)
            blocks.append(Block(self.column.name, name, (feature,), codes, categories))
        report_unreadable(surroundings.audit, "path_new", self.column.name, values, new)
        depth = quantity_feature(self.column, self.name, "depth", Title("number of levels", "число уровней"))
        depths = np.array([len(levels) or np.nan for levels in split], dtype=np.float32).reshape(-1, 1)
        return [*blocks, Block(self.column.name, self.name, (depth,), depths)]

    def state(self) -> State:
        """The separator, and the categories of each level in the order of their codes.

        Raises:
            NotFittedError: before ``fit``.
        """
        if self._state is None:
            raise NotFittedError(f"Hierarchy of column {self.column.name!r} needs fit before this.")
        return self._state

    def restore(self, state: State) -> Self:
        """Take over what ``state`` gave."""
        self._state = state
        return self


def split_paths(values: Iterable[Any], separator: str | None) -> list[list[str]]:
    """For every value, the names of its levels from the top; one without a separator, none if it is missing."""
    known: dict[str, list[str]] = {}
    result = []
    for value in values:
        text = as_text(value)[:MAX_CHARACTERS]
        if text not in known:
            pieces = [text] if separator is None else text.split(separator)
            known[text] = [label for label in map(label_of, pieces) if label]
        result.append(known[text])
    return result


def path_down(levels: list[str]) -> list[str]:
    """The path down to each of the first ``MAX_LEVELS`` levels: ``["All", "All → Shoes"]``."""
    return [JOINED.join(levels[: k + 1]) for k in range(min(len(levels), MAX_LEVELS))]


def path_separator(values: Iterable[Any]) -> str | None:
    """The separator of category paths, None if the values are none.

    A third of the texts or more have two levels, which are short, no numbers and no HTML, and start
    from a few first levels. Unless the separator is an arrow, they must also form a tree: a name
    keeps to one depth and mostly to one parent, as those of lists (``red / blue``) do not.
    """
    texts = [value[:MAX_CHARACTERS] for value in values if isinstance(value, str) and value and not value.isspace()]
    texts = texts[:: max(1, len(texts) // SAMPLE)]
    if not texts or looks_nested(texts[0]) or any("://" in text for text in texts[:50]):
        return None
    holding = {separator: sum(separator in text for text in texts) for separator in SEPARATORS}
    for separator in SEPARATORS:
        if holding[separator] * 3 >= len(texts) and _are_paths(texts, separator):
            return separator
    return None


def looks_like_path(values: pd.Series[Any]) -> bool:
    """Whether the values of a column are category paths."""
    return path_separator(values) is not None


def _are_paths(texts: list[str], separator: str) -> bool:
    paths = {tuple(levels) for levels in split_paths(texts, separator) if len(levels) > 1}
    names = [name for path in paths for name in path]
    odd = sum("<" in name or not any(map(str.isalpha, name)) for name in names)
    digits = sum(name[0].isdigit() for name in names)
    arrow = separator in ARROWS
    if not paths or 2 * odd > len(names) or sum(map(len, names)) > LONGEST_LEVEL * len(names):
        return False
    if not arrow and odd + digits > 0.2 * len(names):
        return False
    enough = len(paths) >= LEAST_PATHS
    if enough and 2 * len({path[0] for path in paths}) > len(paths):
        return False
    return arrow or (enough and _form_a_tree(paths))


def _form_a_tree(paths: Iterable[tuple[str, ...]]) -> bool:
    depths: dict[str, Counter[int]] = defaultdict(Counter)
    parents: dict[str, set[str]] = defaultdict(set)
    for path in paths:
        for k, name in enumerate(path[:MAX_LEVELS]):
            depths[name][k] += 1
            if k:
                parents[name].add(path[k - 1])
    again = [name for name, counts in depths.items() if counts.total() > 1]
    usual, total = sum(max(depths[name].values()) for name in again), sum(depths[name].total() for name in again)
    below = [name for name in again if parents[name]]
    lone = sum(len(parents[name]) == 1 for name in below)
    return usual >= ONE_DEPTH * total and lone >= ONE_PARENT * len(below)
