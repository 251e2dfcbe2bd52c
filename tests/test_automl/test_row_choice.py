"""Rows by id, by number and by condition."""

from __future__ import annotations

import pandas as pd
import pytest

from artifacts.errors import InputError
from artifacts.task import Task
from automl.row_choice import position_of, rows_where

FRAME = pd.DataFrame({"card": [7.0, 8.0, 8.0, None], "shop": ["a", "b", "b", "a"]})
TARGET = {"kind": "regression", "column": "y"}


def test_a_row_is_found_by_its_id_or_its_number() -> None:
    task = Task(name="t", target=TARGET, columns={"id": "card"})
    assert position_of(FRAME, task, "7") == 0
    assert position_of(FRAME, Task(name="t", target=TARGET), "2") == 2
    with pytest.raises(InputError, match="2 rows are called '8'"):
        position_of(FRAME, task, "8")
    with pytest.raises(InputError, match="There is no row '9'"):
        position_of(FRAME, Task(name="t", target=TARGET), "9")


def test_conditions_hold_together() -> None:
    frame = pd.DataFrame({"card": [7.0, 8.0, 8.0, None], "shop": ["a", "b", "b", "a"]})
    assert len(rows_where(frame, ["shop=b", "card=8"])) == 2 and len(rows_where(frame, [])) == 4
    for condition, match in (("shop", "COLUMN=VALUE"), ("shp=a", "Did you mean 'shop'"), ("shop=c", "No row has")):
        with pytest.raises(InputError, match=match):
            rows_where(frame, [condition])
