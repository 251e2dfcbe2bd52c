from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from artifacts.plain import plain
from artifacts.schema import Kind, Title


@dataclass(frozen=True)
class Noun:
    title: Title
    values: np.ndarray
    act: Callable[[], int]


def test_nouns_become_what_json_takes() -> None:
    value = {
        0.9: Noun(Title("a", "б"), np.array([[1.0, np.nan], [np.inf, 2.5]]), lambda: 1),
        "frame": pd.DataFrame({"x": [1, 2], "y": ["a", None], "z": pd.array([True, None], dtype="boolean")}),
        "more": (Kind.BINARY, np.int64(3), np.float32(0.5), np.bool_(True), pd.NA, pd.NaT, None),
    }
    found = plain(value)
    assert json.loads(json.dumps(found, allow_nan=False)) == {
        "0.9": {"title": {"en": "a", "ru": "б"}, "values": [[1.0, None], [None, 2.5]]},
        "frame": [{"x": 1, "y": "a", "z": True}, {"x": 2, "y": None, "z": None}],
        "more": ["binary", 3, 0.5, True, None, None, None],
    }


def test_half_of_a_surrogate_pair_becomes_writable() -> None:
    assert plain({"\ud800": "a\udfffb"}) == {"?": "a?b"}


def test_what_has_no_form_is_refused() -> None:
    with pytest.raises(TypeError, match="A bytes has no form in JSON"):
        plain([b"x"])
