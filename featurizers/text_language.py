"""The language that a column of texts is in."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd

from artifacts.errors import ArtifactError
from featurizers.text_cleaning import as_text, plain_text

SAMPLE = 200  # cells, evenly spaced
CELL_CHARACTERS = 300
LEAST_LETTERS = 20

_NO_WORD = re.compile(r"https?://[^\s<>\"]++|www\.[^\s<>\"]++|[\d_\W]++", re.IGNORECASE)


def detect_language(values: pd.Series[Any]) -> str:
    """ISO 639-1 code of the language of most text in a column, such as ``en``; empty if there is hardly any.

    One answer for the column, from evenly spaced cells: single titles are too short to tell. It takes
    about a second at the first call, to load the model of py3langid, and milliseconds later.

    Raises:
        ArtifactError: if the disk has no space for the model, which the library unpacks into a file.
    """
    filled = values[values.notna()] if len(values) else values
    cells = filled.iloc[:: max(1, len(filled) // SAMPLE)].head(SAMPLE)
    texts = (plain_text(as_text(cell)[: 10 * CELL_CHARACTERS])[:CELL_CHARACTERS] for cell in cells)
    joined = " ".join(_NO_WORD.sub(" ", text) for text in texts)
    if sum(map(str.isalpha, joined)) < LEAST_LETTERS:
        return ""
    from py3langid import classify  # type: ignore[import-untyped]

    try:
        return str(classify(joined)[0])
    except OSError as error:
        raise ArtifactError(
            f"The model that tells languages cannot be unpacked ({error}). Free some space in the folder for "
            "temporary files."
        ) from error
