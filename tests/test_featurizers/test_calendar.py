from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from artifacts.schema import Column, Modality, Title
from featurizers.base import Surroundings
from featurizers.calendar import Calendar, days_come_first, read_times

COLUMN = Column("day", Modality.DATETIME, Title("Day", "День"))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("August 1st 2000", "2000-08-01"), ("1 августа 2000 г.", "2000-08-01"), ("Март 2020", "2020-03-01"),
        ("2020-01-02", "2020-01-02"), ("2020-01-02T03:04:05+03:00", "2020-01-02T00:04:05"),
        ("31.12.2020", "2020-12-31"),
        ("2020-01-02T03:04:05Z", "2020-01-02T03:04:05"), ("31.12.2020 23:59", "2020-12-31T23:59"),
        ("2/3/2020", "2020-02-03"), ("1986", "1986-01-01"), ("20201231", "2020-12-31"), ("Sept 5, 2010", "2010-09-05"),
        ("Aug 5, 2010 5:30 PM", "2010-08-05T17:30"), ("Fri, 21 Nov 1997 09:55:06 -0600", "1997-11-21T15:55:06"),
        (1_600_000_000, "2020-09-13T12:26:40"), ("1600000000000", "2020-09-13T12:26:40"), (2001.0, "2001-01-01"),
        (dt.date(2020, 1, 1), "2020-01-01"), (pd.Timestamp("2020-01-01", tz="Europe/Moscow"), "2019-12-31T21:00"),
        (np.datetime64("2020-01-01"), "2020-01-01"),
    ],
)  # fmt: skip
def test_many_spellings(value: object, expected: str) -> None:
    times, unreadable = read_times(pd.Series([value], dtype=object))
    assert times[0] == np.datetime64(expected) and not unreadable[0]


@pytest.mark.parametrize("value", ["soon", "2017-13-07", "99999999", dt.datetime(9999, 1, 1), {}, True, 5, "x" * 999])
def test_what_is_no_date_is_nat(value: object) -> None:
    times, unreadable = read_times(pd.Series([value, "2020-01-01"], dtype=object))
    assert np.isnat(times[0]) and unreadable[0] and not np.isnat(times[1])


def test_a_zone_in_one_row_leaves_the_others_alone() -> None:
    values = pd.Series(["2020-01-02T03:00:00+03:00", "2020-01-02T03:00:00", None], dtype=object)
    times, unreadable = read_times(values)
    assert list(times[:2]) == [np.datetime64("2020-01-02T00:00"), np.datetime64("2020-01-02T03:00")]
    assert np.isnat(times[2]) and not unreadable.any()


def test_days_come_first_is_learned() -> None:
    values = pd.Series(["02/03/2020", "31/12/2020"])
    assert days_come_first(values) and not days_come_first(values.head(1))
    around = Surroundings()
    block = Calendar(COLUMN).fit(values, around).transform(values.head(1), around)[0]
    assert dict(zip([f.name for f in block.features], block.values[0], strict=True))["day__month"] == 3


def test_quantities() -> None:
    values = pd.Series(["2000-01-01 06:30:00", "2024-02-29 00:00:00", None, "never"], index=list("abcd"))
    around = Surroundings()
    block = Calendar(COLUMN).fit(values, around).transform(values, around)[0]
    row = dict(zip([f.name.removeprefix("day__") for f in block.features], block.values[0], strict=True))
    assert row["days"] == pytest.approx(6.5 / 24) and row["year"] == 2000 and row["month"] == 1
    assert row["day_of_week"] == 5 and row["is_weekend"] == 1 and row["hour"] == 6.5 and row["is_missing"] == 0
    assert row["year_sine"] == 0 and row["year_cosine"] == 1
    assert np.isnan(block.values[2:, :-1]).all() and (block.values[2:, -1] == 1).all()
    [finding] = around.audit.findings
    assert finding.code == "date_unreadable" and finding.rows == ("d",)


@pytest.mark.parametrize("kind", ["datetime64[ns]", "datetime64[s]", "datetime64[ns, Europe/Moscow]"])
def test_pandas_types_and_no_hours_or_gaps_if_training_has_none(kind: str) -> None:
    values = pd.Series(["2020-05-01", "2020-05-02"]).astype("datetime64[ns]")
    values = values.dt.tz_localize("Europe/Moscow") if "Moscow" in kind else values.astype(kind)  # type: ignore[call-overload]
    block = Calendar(COLUMN).fit(values, Surroundings()).transform(values, Surroundings())[0]
    names = {f.name.removeprefix("day__") for f in block.features}
    assert ("hour" in names) == ("Moscow" in kind) and "is_missing" not in names
