from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from artifacts.feature_table import Block, FeatureTable
from artifacts.outcome import Outcome
from artifacts.schema import Column, Feature, Kind, Modality, Title, opaque_features, quantity_feature
from evaluation import slice_conditions
from evaluation.metrics import METRICS
from evaluation.report import render_report
from evaluation.report_data import ReportData
from evaluation.slice_conditions import Condition, conditions_of
from evaluation.slice_report import ScoredRows, tell_slices, weighted_losses

N = 900
PHOTO = Column("photo", Modality.IMAGE, Title("Photo", "Фото"))
PRICE = Column("price", Modality.NUMERIC, Title("Price", "Цена"))
SHOP = Column("shop", Modality.CATEGORICAL, Title("Shop", "Магазин"))


def feature(column: Column, name: str, unit: str = "") -> Feature:
    return quantity_feature(column, "values", name, Title(name, name), unit=unit)


def make_table(seed: int = 0) -> FeatureTable:
    """Three shops (one of few rows), a price, a flag, and photos of two kinds, some of them missing."""
    rng = np.random.default_rng(seed)
    embedding = rng.normal(size=(N, 8)) + 6.0 * (np.arange(N) % 2)[:, None]
    embedding[::9] = np.nan
    shop = rng.choice(4, size=N, p=[0.5, 0.39, 0.1, 0.01]) - 1.0
    numbers = np.column_stack([rng.lognormal(size=N), rng.integers(0, 2, N), rng.integers(0, 3, N)])
    numbers[:100, 0] = np.nan
    names = (feature(PRICE, "value", "€"), feature(PRICE, "rounded", "0/1"), feature(PRICE, "ends"))
    return FeatureTable(
        (
            Block("photo", "net", opaque_features(PHOTO, "net", 8), embedding.astype("f4")),
            Block("shop", "code", (feature(SHOP, "code"),), shop.reshape(-1, 1).astype("f4"), ("a", "b", "c")),
            Block("price", "number", names, numbers.astype("f4")),
        ),
        pd.RangeIndex(N),
    )


def test_conditions_are_of_values_thirds_missing_parts_classes_and_clusters() -> None:
    table = make_table()
    y = np.random.default_rng(1).integers(0, 2, N)
    found = conditions_of(table, Outcome(Kind.BINARY, y, ("no", "yes"), 2), 20, 0)
    by = {(c.what, c.title.en.split(": ")[-1], c.value, c.low if c.what == "equal" else 0.0): i
          for i, c in enumerate(found.conditions)}  # fmt: skip
    assert found.conditions[0].what == "absent" and found.masks[:, 0].sum() == N / 9
    assert (found.masks[:, by["class", "target", "yes", 0.0]] == (y == 1)).all()
    codes = table.blocks[1].values[:, 0]
    assert (found.masks[:, by["value", "code", "a", 0.0]] == (codes == 0)).all()
    assert (found.masks[:, by["missing", "code", "", 0.0]] == (codes == -1)).all()
    assert ("value", "code", "c", 0.0) not in by, "too few rows"
    price = table.blocks[2].values[:, 0]
    low, high = (found.conditions[by[what, "value", "", 0.0]] for what in ("low", "high"))
    assert low.high < high.low and low.unit == "€" and high.high == pytest.approx(np.nanmax(price))
    thirds = [found.masks[:, by[what, "value", "", 0.0]] for what in ("low", "middle", "high")]
    assert abs(thirds[0].sum() - 800 / 3) < 2 and (np.sum(thirds, axis=0) == np.isfinite(price)).all()
    assert {("yes", "rounded", "", 0.0), ("no", "rounded", "", 0.0), ("equal", "ends", "", 2.0)} <= set(by)
    clusters = [found.masks[:, i] for (what, *_), i in by.items() if what == "cluster"]
    assert len(clusters) == 12 and all(len(set(np.flatnonzero(mask) % 2)) == 1 for mask in clusters)


def test_equal_masks_are_one_condition_and_their_number_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    flags = np.tile(np.arange(N)[:, None] % 3 == 0, (1, 2)).astype("f4")
    twice = Block("price", "number", (feature(PRICE, "one", "0/1"), feature(PRICE, "two", "0/1")), flags)
    found = conditions_of(FeatureTable((twice,), pd.RangeIndex(N)), Outcome(Kind.REGRESSION, np.zeros(N)), 20, 0)
    assert [c.what for c in found.conditions] == ["no", "yes"]
    monkeypatch.setattr(slice_conditions, "MAX_CONDITIONS", 3)
    bounded = conditions_of(make_table(), Outcome(Kind.REGRESSION, np.zeros(N)), 20, 0)
    assert len(bounded.conditions) == 3 and bounded.left_out > 3
    none = conditions_of(FeatureTable((), pd.RangeIndex(N)), Outcome(Kind.REGRESSION, np.zeros(N)), 20, 0)
    assert none.masks.shape == (N, 0)


def make_rows(kind: Kind, bad: np.ndarray, seed: int = 0) -> ScoredRows:
    """Predictions that are right but for noise, and far more noise in the bad rows."""
    rng = np.random.default_rng(seed)
    ids = [f"card-{i:04d}" for i in range(N)]
    if kind is Kind.REGRESSION:
        y = rng.normal(size=N)
        said = (y + rng.normal(size=N) * np.where(bad, 2.0, 0.5))[:, None]
        return ScoredRows(Outcome(kind, y), said, said, ids)
    if kind is Kind.CONVERSION:
        trials = rng.integers(50, 300, N).astype(float)
        p = rng.uniform(0.1, 0.5, N)
        y = rng.binomial(trials.astype(int), p) / trials
        said = np.clip(p + rng.choice([-1, 1], N) * np.where(bad, 0.08, 0.0), 0.01, 0.99)[:, None]
        return ScoredRows(Outcome(kind, y, trials=trials), said, said, ids)
    if kind is Kind.MULTILABEL:
        y = (rng.uniform(size=(N, 3)) < 0.3).astype(float)
        right = rng.uniform(size=(N, 3)) < np.where(bad, 0.6, 0.95)[:, None]
        said = np.where(right, 0.9 * y + 0.05, 0.95 - 0.9 * y)
        return ScoredRows(Outcome(kind, y, ("x", "y", "z"), 3), said, said, ids)
    classes = ("no", "yes") if kind is Kind.BINARY else ("a", "b", "c")
    y = rng.integers(0, len(classes), N)
    right = rng.uniform(size=N) < np.where(bad, 0.5, 0.95)
    named = np.where(right, y, (y + 1) % len(classes))
    said = np.full((N, len(classes)), 0.1 / (len(classes) - 1))
    said[np.arange(N), named] = 0.9
    return ScoredRows(Outcome(kind, y, classes, len(classes)), said, said, ids)


METRIC = {
    Kind.REGRESSION: "r2", Kind.BINARY: "accuracy", Kind.MULTICLASS: "f1_weighted", Kind.MULTILABEL: "f1_micro",
    Kind.CONVERSION: "log_likelihood",
}  # fmt: skip


@pytest.mark.parametrize("kind", list(Kind))
def test_rows_without_a_photo_are_found_where_they_are_worse_for_every_kind(kind: Kind) -> None:
    bad = np.arange(N) % 9 == 0
    rows = make_rows(kind, bad)
    told = tell_slices(make_table(), rows, METRICS[METRIC[kind]], seed=0)
    first = told.slices[0]
    assert [(c.what, c.source) for c in first.conditions] == [("absent", "photo")]
    assert first.n_rows == bad.sum() and first.mean_loss > 1.2 * first.rest_loss
    losses = weighted_losses(rows.outcome, rows.predictions)
    assert first.mean_loss == pytest.approx(losses[bad].mean())
    assert first.score == pytest.approx(METRICS[METRIC[kind]].score(rows.outcome.take(bad), rows.predictions[bad]))
    assert first.score < first.rest_score
    worst = [int(row.split("-")[1]) for row in first.errors["row"]]
    assert len(worst) == 3 and all(i % 9 == 0 for i in worst) and losses[worst[0]] == losses[bad].max()


def test_the_weight_column_weighs_losses() -> None:
    rows = make_rows(Kind.REGRESSION, np.zeros(N, bool))
    weight = np.linspace(1.0, 3.0, N)
    plain, weighted = (
        weighted_losses(o, rows.predictions) for o in (rows.outcome, replace(rows.outcome, weight=weight))
    )
    np.testing.assert_allclose(weighted, plain * weight / 2.0)


def test_few_rows_have_no_slices() -> None:
    rows = make_rows(Kind.REGRESSION, np.zeros(N, bool))
    few = ScoredRows(rows.outcome.take(np.arange(3)), rows.predictions[:3], rows.decided[:3], rows.ids[:3])
    told = tell_slices(make_table().take(np.arange(3)), few, METRICS["r2"], seed=0)
    assert told.slices == () and told.n_looked_at == 0 and told.n_rows == 3


def test_the_section_tells_slices_in_words(make_report: Callable[..., ReportData]) -> None:
    bad = np.arange(N) % 9 == 0
    told = tell_slices(make_table(), make_rows(Kind.BINARY, bad), METRICS["accuracy"], seed=0)
    data = replace(make_report(Kind.BINARY), slices=told)
    page = render_report(data)
    assert (
        "Photo: none, or unreadable" in page
        and "times that of the other rows" in page
        and "corrected p-value &lt; 0.001" in page
    )
    assert "Фото: нет или не читается" in render_report(data, "ru")
    hostile = Condition("value", "<i>", Title("<b>t</b>", "<b>t</b>"), "<script>alert(1)</script>\u202e", unit="<u>")
    nasty = replace(told.slices[0], conditions=(hostile, hostile), also=((hostile,),))
    page = render_report(replace(data, slices=replace(told, slices=(nasty,))))
    assert "<script>" not in page and "<b>t</b>" not in page and "\u202e" not in page
    every = [Condition(what, "photo", Title("t", "t"), "v", 1.0, 2.0, "kg") for what in WHATS]
    one = [replace(told.slices[0], conditions=(c,)) for c in every]
    page = render_report(replace(data, slices=replace(told, slices=tuple(one), left_out=7, grouped=True)))
    assert "t middling (1\u202fkg to 2\u202fkg)" in page and "7 further conditions" in page and "Whole groups" in page
    none = render_report(replace(data, slices=replace(told, slices=())))
    assert "Nowhere is it clearly worse" in none
    assert "too few rows (900)" in render_report(replace(data, slices=replace(told, slices=(), n_looked_at=0)))


WHATS = ("value", "equal", "low", "middle", "high", "yes", "no", "missing", "absent", "class", "label", "cluster")
