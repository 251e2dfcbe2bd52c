from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from artifacts.explanation import Explanation
from artifacts.feature_table import Block, FeatureTable
from artifacts.schema import Column, Kind, Modality, Title, quantity_feature
from evaluation.agreement import Moments
from evaluation.explain import Explained, explain_rows, global_importance
from evaluation.report import render_report
from evaluation.report_data import ReportData


def table_of(n: int, n_columns: int = 3) -> FeatureTable:
    blocks = []
    for i, values in enumerate(np.random.default_rng(0).normal(size=(n_columns, n, 1)).astype("f4")):
        column = Column(f"x{i}", Modality.NUMERIC, Title(f"x{i}", f"x{i}"))
        blocks.append(Block(f"x{i}", "number", (quantity_feature(column, "number", "v", Title("v", "v")),), values))
    return FeatureTable(tuple(blocks), pd.RangeIndex(n))


class Folds:
    """The mean of linear models, one for each of ``slopes`` (n_versions, n_columns, n_link)."""

    explains_sources_alone = False

    def __init__(self, slopes: NDArray[np.float64]) -> None:
        self.slopes, self.n_versions = slopes, len(slopes)

    def decide(self, table: FeatureTable) -> NDArray[np.float64]:
        return np.asarray(table.to_numpy().astype(np.float64) @ self.slopes.mean(axis=0))

    def contributions(self, table: FeatureTable, groups: NDArray[np.int64], names: Sequence[str]) -> Explanation:
        raise AssertionError("the versions are enough")

    def contributions_of(
        self, version: int, table: FeatureTable, groups: NDArray[np.int64], names: Sequence[str]
    ) -> Explanation:
        values = table.to_numpy().astype(np.float64)[:, :, None] * self.slopes[version]
        summed = np.einsum("rfk,fg->rgk", values, np.eye(len(names))[groups])
        return Explanation(tuple(names), summed, np.zeros(values.shape[2]), "logits", f"exact {version % 2}")


def explained(slopes: NDArray[np.float64], kind: Kind = Kind.REGRESSION, weight: object = None) -> Explained:
    return explain_rows(Folds(slopes), table_of(300), kind, weight=weight, classes=("a", "b"))


@pytest.mark.parametrize("n_versions", [2, 3, 4])
def test_correlations_are_those_of_the_halves_and_the_whole_is_their_mean(n_versions: int) -> None:
    rng = np.random.default_rng(1)
    slopes = 1.0 + 0.8 * rng.normal(size=(n_versions, 3, 1))
    weight = rng.uniform(size=300)
    found = explained(slopes, weight=weight)
    x = found.table.to_numpy().astype(np.float64)
    first, second = x * slopes[::2].mean(axis=0)[:, 0], x * slopes[1::2].mean(axis=0)[:, 0]
    w = np.repeat(found.weight[:, None], 3, axis=1).ravel()
    cov = np.cov(first.ravel(), second.ravel(), aweights=w, ddof=0)
    assert found.stability is not None and found.stability.n_models == ((n_versions + 1) // 2, n_versions // 2)
    assert found.stability.of_sources == pytest.approx(cov[0, 1] / np.sqrt(cov[0, 0] * cov[1, 1]))
    assert found.stability.of_features == pytest.approx(found.stability.of_sources)
    assert found.gap < 1e-9 and found.method == "exact 0; exact 1"
    np.testing.assert_allclose(found.signed, x * slopes.mean(axis=0)[:, 0])


def test_a_source_that_one_half_alone_uses_is_unstable() -> None:
    slopes = np.array([[1.0, 0.9, 0.0], [1.0, 0.0, 0.0]])[:, :, None]
    found = explained(slopes).stability
    assert found is not None
    r = found.by_source.set_index("source")["correlation"]
    assert r["x0"] == pytest.approx(1) and r["x1"] == 0 and np.isnan(r["x2"])
    assert found.unstable == ("x1",) and 0.9 > found.of_sources > 0.6 and not found.is_stable
    turned = explained(np.array([[1.0, 1.0, 1.0], [-1.0, 1.0, 1.0]])[:, :, None]).stability
    assert turned is not None and turned.by_source.set_index("source").loc["x0", "correlation"] == pytest.approx(-1)


def test_what_is_added_to_all_classes_alike_does_not_count() -> None:
    slopes = np.tile([1.0, -1.0], (2, 3, 1))
    slopes[0, 0] += 5.0
    found = explained(slopes, Kind.MULTICLASS)
    assert found.stability is not None and found.stability.of_sources == pytest.approx(1)
    assert explained(np.zeros((2, 3, 1))).stability.is_stable  # type: ignore[union-attr]


def test_pieces_of_rows_add_up() -> None:
    rng = np.random.default_rng(0)
    first, second, weight = rng.normal(size=(50, 4, 2)), rng.normal(size=(50, 4, 2)), rng.uniform(size=50)
    whole, pieces = Moments(4), Moments(4)
    whole.add(first, second, weight)
    for rows in (slice(0, 7), slice(7, 50)):
        pieces.add(first[rows], second[rows], weight[rows])
    np.testing.assert_allclose(pieces.correlations(), whole.correlations())
    assert pieces.overall() == pytest.approx(whole.overall()) and abs(whole.overall()) < 0.2


@pytest.mark.parametrize(("language", "word"), [("en", "unstable"), ("ru", "неустойчиво")])
def test_the_report_says_that_an_explanation_is_unstable(
    make_report: Callable[..., ReportData], language: str, word: str
) -> None:
    data = make_report(Kind.CONVERSION, 200)
    assert data.stability is not None and data.stability.is_stable and word not in render_report(data, language)
    other = explained(np.array([[1.0, 0.9, 0.0], [1.0, -0.5, 0.0]])[:, :, None])
    shaky = replace(data, stability=other.stability, importance=global_importance(other))
    page = render_report(shaky, language)
    assert page.count(word) == 3, "beside the shares of modalities, of sources, and where it is measured"
    assert f"{'The halves do not agree on' if language == 'en' else 'Половины расходятся'}" in page
    unknown = render_report(replace(data, stability=None), language)
    assert ("Not measured" if language == "en" else "Не измерено") in unknown
