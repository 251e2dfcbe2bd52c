"""Featurizers for columns whose values have a form of their own: which of them a column gets."""

from __future__ import annotations

from typing import Any

import pandas as pd

from artifacts.schema import Modality
from featurizers.hierarchy import looks_like_path
from featurizers.known_kinds import says_more
from featurizers.numbers_in_text import looks_like_patterns

FORM_READERS = ("hierarchy", "known_kind", "numbers_in_text")


def readers_by_form(keys: tuple[str, ...], modality: Modality, values: pd.Series[Any]) -> tuple[str, ...]:
    """Keys of the featurizers of a column, given those of its modality and its training values.

    Category paths are read by ``hierarchy`` in the place of ``category``; categories and texts of a
    few patterns with numbers inside by ``numbers_in_text``, and known characteristics by ``known_kind``,
    beside the others.
    """
    if modality is Modality.CATEGORICAL and looks_like_path(values):
        return tuple("hierarchy" if key == "category" else key for key in keys)
    if modality in (Modality.CATEGORICAL, Modality.TEXT) and looks_like_patterns(values):
        keys = (*keys, "numbers_in_text")
    if modality is Modality.CATEGORICAL and says_more(str(values.name), values):
        keys = (*keys, "known_kind")
    return keys
