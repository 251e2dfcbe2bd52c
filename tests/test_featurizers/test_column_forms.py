from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from artifacts.schema import Column, Modality, Schema, Title
from featurizers.base import Surroundings
from featurizers.column_forms import readers_by_form
from featurizers.table_featurizer import TableFeaturizer

PATHS = [f"All->{'AB'[i % 2]}->{i % 4}th" for i in range(20)]
WALKS = [f"{i} минут пешком" for i in range(20)]
COLOURS = ["red", "blue", None, "5"] * 5


@pytest.mark.parametrize(
    ("modality", "values", "expected"),
    [
        (Modality.CATEGORICAL, PATHS, ("hierarchy", "other")), (Modality.CATEGORICAL, COLOURS, ("category", "other")),
        (Modality.CATEGORICAL, WALKS, ("category", "other", "numbers_in_text")),
        (Modality.TEXT, WALKS, ("category", "other", "numbers_in_text")),
        (Modality.TEXT, PATHS, ("category", "other")), (Modality.NUMERIC, WALKS, ("category", "other")),
        (Modality.CATEGORICAL, [], ("category", "other")),
    ],
)  # fmt: skip
def test_readers(modality: Modality, values: list[object], expected: tuple[str, ...]) -> None:
    assert readers_by_form(("category", "other"), modality, pd.Series(values, dtype=object)) == expected


def test_the_table_has_their_blocks_and_can_be_loaded(tmp_path: Path) -> None:
    frame = pd.DataFrame({"path": PATHS, "walk": WALKS, "colour": COLOURS})
    schema = Schema(tuple(Column(name, Modality.CATEGORICAL, Title(name, name)) for name in frame))
    fitted = TableFeaturizer(schema).fit(frame, Surroundings())
    table = fitted.transform(frame, Surroundings())
    assert [feature.name for feature in table.features] == [
        "path__level_2", "path__level_3", "path__depth", "walk__category", "walk__number_мину", "walk__pattern",
        "colour__category",
    ]  # fmt: skip
    fitted.save(tmp_path)
    again = TableFeaturizer.load(tmp_path).transform(frame, Surroundings())
    pd.testing.assert_frame_equal(again.to_pandas(), table.to_pandas())
