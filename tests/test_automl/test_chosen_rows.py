from __future__ import annotations

import pandas as pd
import pytest

from artifacts.errors import InputError
from artifacts.task import Task
from automl.chosen_rows import row_by_id, rows_where

FRAME = pd.DataFrame({"card": [7.0, 8.0, 8.0, None], "shop": ["a", "b", "b", "a"]})
TARGET = {"kind": "regression", "column": "y"}


def test_a_row_is_found_by_its_id_or_its_number() -> None:
    task = Task(name="t", target=TARGET, columns={"id": "card"})
    assert row_by_id(FRAME, task, "7")["shop"] == "a"
    assert row_by_id(FRAME, Task(name="t", target=TARGET), "2")["shop"] == "b"
    with pytest.raises(InputError, match="2 rows have 'card' = '8'"):
        row_by_id(FRAME, task, "8")
    with pytest.raises(InputError, match=r"No row has row number = '9'.*There are 4 rows"):
        row_by_id(FRAME, Task(name="t", target=TARGET), "9")


def test_conditions_hold_together() -> None:
    assert len(rows_where(FRAME, ["shop=b", "card=8"])) == 2 and len(rows_where(FRAME, [])) == 4
    for condition, match in (("shop", "COLUMN=VALUE"), ("shp=a", "Did you mean 'shop'"), ("shop=c", "No row has")):
        with pytest.raises(InputError, match=match):
            rows_where(FRAME, [condition])
