from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from artifacts.errors import InputError
from artifacts.explanation import Explanation
from artifacts.feature_table import Block, FeatureTable
from artifacts.schema import Column, Kind, Modality, Title, quantity_feature
from evaluation.explain import Explained, explain_rows
from evaluation.report import render_report
from evaluation.report_data import ReportData
from evaluation.segment_profiles import named_column, segment_columns, segment_profiles


def category(name: str, codes: np.ndarray, names: tuple[str, ...]) -> Block:
    column = Column(name, Modality.CATEGORICAL, Title(name, name))
    feature = quantity_feature(column, "category", "code", Title("value", "значение"))
    return Block(name, "category", (feature,), codes.astype("f4").reshape(-1, 1), names)


def table_of(n: int, seed: int) -> FeatureTable:
    rng = np.random.default_rng(seed)
    blocks = []
    for name in ("a", "b"):
        column = Column(name, Modality.NUMERIC, Title(name, name))
        feature = quantity_feature(column, "number", "v", Title("v", "v"))
        blocks.append(Block(name, "number", (feature,), rng.normal(size=(n, 1)).astype("f4")))
    for name, k in (("shop", 3), ("season", 4), ("brand", 200)):
        blocks.append(
            category(name, rng.integers(-1 if name == "season" else 0, k, n), tuple(f"{name} {i}" for i in range(k)))
        )
    return FeatureTable(tuple(blocks), pd.RangeIndex(n))


class Interacting:
    """``a`` counts three times as much in shop 0 where ``strength`` is 1; the shop itself counts, too."""

    explains_sources_alone = False
    n_versions = 1

    def __init__(self, strength: float) -> None:
        self.strength = strength

    def _parts(self, table: FeatureTable) -> np.ndarray:
        x = table.to_numpy().astype(np.float64)
        x[:, 0] *= 1 + 2 * self.strength * (x[:, 2] == 0)
        x[:, 2] = 2.0 * (x[:, 2] - 1)
        x[:, 3:] = 0
        return x

    def decide(self, table: FeatureTable) -> np.ndarray:
        return self._parts(table).sum(axis=1, keepdims=True)

    def contributions(self, table: FeatureTable, groups: np.ndarray, names: tuple[str, ...]) -> Explanation:
        values = self._parts(table) @ np.eye(len(names))[groups]
        return Explanation(tuple(names), values[:, :, None], np.zeros(1), "units of the target", "by hand")


def explained_rows(strength: float, seed: int = 0, n: int = 400) -> Explained:
    return explain_rows(Interacting(strength), table_of(n, seed), Kind.REGRESSION)


def test_the_column_whose_segments_differ_is_found() -> None:
    explained = explained_rows(1.0)
    found = segment_profiles(explained)
    assert found is not None and found.column == "shop__code" and found.p_value < 0.05 and found.n_columns == 2
    assert found.roles == ("value",) * 3 and found.profiles.n_rows.sum() == 400
    first = found.profiles.parts.index("shop 0")
    codes = explained.table.blocks[2].values[:, 0]
    size = explained.magnitude["source"][codes == 0].sum(axis=0)
    np.testing.assert_allclose(found.profiles.share[first], size / size.sum())
    assert found.clear[first, 0] and found.profiles.effect[first, 2] == pytest.approx(-2.0)
    assert set(found.to_json()["segments"][first]["sources"]) == {"a", "b", "shop", "season", "brand"}


def test_chance_rarely_makes_segments() -> None:
    assert sum(segment_profiles(explained_rows(0.0, seed)) is not None for seed in range(20)) <= 4


def test_a_named_column_is_taken_as_it_is() -> None:
    explained = explained_rows(0.0)
    found = segment_profiles(explained, "season")
    assert found is not None and found.column == "season__code" and "missing" in found.roles and found.n_columns == 1
    assert found.profiles.parts[found.roles.index("missing")] == ""
    assert segment_columns(explained.table) == ("shop__code", "season__code"), "no brand has enough rows"
    with pytest.raises(InputError, match=r"by 'brand'.*'shop__code', 'season__code'"):
        segment_profiles(explained, "brand")
    assert named_column(explained.table, "season__code") == "season__code"


def test_small_values_are_one_segment() -> None:
    table = table_of(400, 0)
    codes = np.repeat([0, 1, 2, 3], [200, 150, 40, 10])
    table = FeatureTable(
        (*table.blocks[:2], category("shop", codes, ("w", "x", "y", "z")), *table.blocks[3:]), table.index
    )
    found = segment_profiles(explain_rows(Interacting(0.0), table, Kind.REGRESSION), "shop")
    assert found is not None and dict(zip(found.roles, found.profiles.n_rows, strict=True))["other"] == 10
    assert found.profiles.parts[:3] == ("w", "x", "y")


def test_the_report_says_what_it_found_or_that_there_is_nothing(make_report: Callable[..., ReportData]) -> None:
    data = make_report(Kind.CONVERSION, 300)
    page = render_report(data)
    assert "Segments of the rows" in page and "spring and early summer" in page and "In brackets" in page
    assert "In brackets" not in render_report(make_report(Kind.MULTICLASS, 100))
    none = render_report(replace(data, segments=None), "ru")
    assert "--segments" in none and "season__code" in none
    assert "no categorical column" in render_report(replace(data, segments=None, segment_columns=()))


def test_only_shares_that_differ_by_more_than_chance_are_bold(make_report: Callable[..., ReportData]) -> None:
    data = make_report(Kind.CONVERSION, 300)
    assert data.segments is not None
    clear = np.zeros_like(data.segments.clear)
    clear[0, 0] = True
    page = render_report(replace(data, segments=replace(data.segments, clear=clear)))
    shown = page[page.index('id="segments"') :].split("</table>")[0]
    assert len(re.findall(r'heat-\d main"', shown)) == 1
