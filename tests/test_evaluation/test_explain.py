from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy.special import expit

from artifacts.errors import InputError
from artifacts.explanation import Explanation
from artifacts.feature_table import Block, FeatureTable
from artifacts.outcome import Outcome
from artifacts.schema import Column, Kind, Modality, Title, opaque_features, quantity_feature
from evaluation.dose_response import MAX_CATEGORIES, dose_response, dose_responses
from evaluation.explain import Explained, explain_rows, global_importance
from evaluation.partitions import feature_groups, source_groups
from evaluation.prediction_check import largest_errors, prediction_distribution, row_losses


def column(name: str, modality: Modality) -> Column:
    return Column(name, modality, Title(name, name), actionable=name != "shop")


def make_table(n: int = 400) -> FeatureTable:
    rng = np.random.default_rng(1)
    photo, title, shop = (
        column("photo", Modality.IMAGE),
        column("title", Modality.TEXT),
        column("shop", Modality.CATEGORICAL),
    )
    season = column("season", Modality.CATEGORICAL)
    words = rng.integers(1, 30, size=n).astype("f4")
    words[:20] = np.nan
    light = quantity_feature(photo, "quality", "brightness", Title("brightness", "яркость"))
    length = quantity_feature(title, "statistics", "words", Title("words", "слова"))
    code = quantity_feature(shop, "category", "code", Title("code", "код"))
    when = quantity_feature(season, "category", "code", Title("value", "значение"))
    embedding = rng.normal(size=(n, 7)).astype("f4")
    return FeatureTable(
        (
            Block("photo", "embedding", opaque_features(photo, "embedding", 7), embedding),
            Block("photo", "quality", (light,), rng.uniform(size=(n, 1)).astype("f4")),
            Block("title", "statistics", (length,), words.reshape(-1, 1)),
            Block("shop", "category", (code,), rng.integers(-1, 12, (n, 1)).astype("f4"), tuple("abcdefghijkl")),
            Block("season", "category", (when,), rng.integers(-1, 2, (n, 1)).astype("f4"), ("summer", "winter")),
        ),
        pd.RangeIndex(n),
    )


class Linear:
    """score = base + sum of slope * (value - middle); NaN counts as the middle."""

    explains_sources_alone = False
    n_versions = 1

    def __init__(self, slopes: NDArray[np.float64], base: NDArray[np.float64], error: float = 0.0) -> None:
        self.slopes, self.base, self.error, self.rows_asked = slopes, base, error, [0]

    def _parts(self, table: FeatureTable) -> NDArray[np.float64]:
        values = np.nan_to_num(table.to_numpy().astype(np.float64) - MIDDLE)
        return values[:, :, None] * self.slopes

    def decide(self, table: FeatureTable) -> NDArray[np.float64]:
        return self.base + self._parts(table).sum(axis=1)

    def contributions(self, table: FeatureTable, groups: NDArray[np.int64], names: Sequence[str]) -> Explanation:
        self.rows_asked.append(table.n_samples)
        adder = np.eye(len(names))[groups]
        values = np.einsum("rfk,fg->rgk", self._parts(table), adder) + self.error
        return Explanation(tuple(names), values, self.base, "log-odds", "by hand")


MIDDLE = np.array([0.0] * 7 + [0.5, 15.0, 5.0, 0.5])
SLOPES = np.array([0.1] * 7 + [2.0, -0.05, 0.0, 0.4]).reshape(-1, 1)


@pytest.fixture
def explained() -> Explained:
    return explain_rows(Linear(SLOPES, np.array([-3.0])), make_table(), Kind.CONVERSION, max_rows=300)


def test_groups_sum_opaque_columns_and_keep_readable_ones_single() -> None:
    groups = feature_groups(make_table())
    assert groups.names == ("photo__embedding", "photo__brightness", "title__words", "shop__code", "season__code")
    assert list(groups.of_feature) == [0] * 7 + [1, 2, 3, 4]
    assert source_groups(make_table()).names == ("photo", "title", "shop", "season")
    assert [group.opaque for group in groups.groups] == [True, False, False, False, False]


def test_shares_sum_to_one_at_each_level_and_lie_in_their_intervals(explained: Explained) -> None:
    frame = global_importance(explained)
    for _, level in frame.groupby("level"):
        assert level["share"].sum() == pytest.approx(1)
        assert level["share"].is_monotonic_decreasing
    assert ((frame["low"] <= frame["share"]) & (frame["share"] <= frame["high"])).all()
    assert set(frame.loc[frame["level"] == "view", "name"]) == {"image", "text", "table"}
    assert frame.loc[frame["name"] == "shop__code", "share"].item() == 0
    pd.testing.assert_frame_equal(frame, global_importance(explained))


def test_shares_are_those_of_the_summed_contributions(explained: Explained) -> None:
    parts = Linear(SLOPES, np.array([-3.0]))._parts(explained.table)[:, :, 0]
    photo = np.abs(parts[:, :8].sum(axis=1)).mean()
    title, season = np.abs(parts[:, 8]).mean(), np.abs(parts[:, 10]).mean()
    frame = global_importance(explained).query("level == 'source'").set_index("name")
    assert frame.loc["photo", "share"] == pytest.approx(photo / (photo + title + season))
    assert explained.gap < 1e-9 and explained.weight.shape == (300,)


def test_a_gap_between_score_and_contributions_is_measured() -> None:
    model = Linear(SLOPES, np.array([0.0]), error=0.01)
    assert explain_rows(model, make_table(), Kind.BINARY).gap == pytest.approx(0.05)


def test_a_planted_dose_response_is_recovered(explained: Explained) -> None:
    light, season, words = dose_responses(explained, n=3)
    assert [curve.feature.name for curve in (light, season, words)] == [
        "photo__brightness", "season__code", "title__words",
    ]  # fmt: skip
    centres = np.array([b.centre for b in light.bins])
    effects = np.array([b.effect for b in light.bins])
    assert np.polyfit(centres, effects, 1)[0] == pytest.approx(2.0, rel=0.05)
    assert all(b.low <= b.effect <= b.high for b in light.bins) and sum(b.count for b in light.bins) == 300
    assert words.bins[-1].role == "missing" and words.bins[-1].effect == 0
    assert [b.label for b in season.bins if b.role == "value"] == ["winter", "summer"]
    assert season.is_category and not light.is_category
    assert light.probability(0) == pytest.approx(expit(-3.0))
    assert light.odds_ratio(np.log(2)) == pytest.approx(2) and light.points(0.5) > 0
    assert season.bins[0].effect == pytest.approx(0.2)


def test_only_what_the_author_controls_and_the_model_uses_has_a_curve() -> None:
    slopes = SLOPES.copy()
    slopes[9] = 5.0
    explained = explain_rows(Linear(slopes, np.zeros(1)), make_table(), Kind.REGRESSION)
    assert "shop__code" not in [c.feature.name for c in dose_responses(explained)]
    first = dose_responses(explained, only_actionable=False)[0]
    assert first.feature.name == "shop__code"
    assert [b.role for b in first.bins] == ["value"] * MAX_CATEGORIES + ["other", "missing"]
    with pytest.raises(InputError, match="no probability"):
        first.probability(0.1)
    nothing = explain_rows(Linear(slopes * 0, np.zeros(1)), make_table(), Kind.REGRESSION)
    assert dose_responses(nothing) == () and global_importance(nothing)["share"].sum() == 0


def test_multiclass_centres_and_names_the_class_of_the_largest_effect() -> None:
    slopes = np.tile(SLOPES, (1, 3))
    slopes[7] = [2.0, 2.0, 5.0]
    slopes[10] = [1.0, 1.0, 1.0]  # the same for every class: changes no probability
    model = Linear(slopes, np.zeros(3))
    explained = explain_rows(model, make_table(), Kind.MULTICLASS, classes=("a", "b", "c"))
    frame = global_importance(explained).query("level == 'feature'").set_index("name")
    assert frame.loc["season__code", "share"] == pytest.approx(0, abs=1e-12)
    assert dose_responses(explained)[0].output == "c"


def test_rows_are_explained_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = explain_rows(Linear(SLOPES, np.zeros(1)), make_table(), Kind.BINARY)
    monkeypatch.setattr("evaluation.explain.CHUNK_VALUES", 500)
    monkeypatch.setattr("evaluation.explained_sums.KEPT_VALUES", 600)
    model = Linear(SLOPES, np.zeros(1))
    pieces = explain_rows(model, make_table(), Kind.BINARY)
    assert max(model.rows_asked) == 100 and pieces.n_kept == 150
    np.testing.assert_allclose(pieces.magnitude["source"], whole.magnitude["source"])
    np.testing.assert_allclose(pieces.kept[1], whole.kept[1][:150])


def test_dose_response_edges() -> None:
    feature = make_table().features[7]
    flat = dose_response(feature, np.full(5, 2, "f4"), np.ones(5))
    assert [(b.count, b.centre, b.effect) for b in flat] == [(5, 2.0, 1.0)]
    unknown = dose_response(feature, np.array([np.nan, np.inf], "f4"), np.ones(2))
    assert [b.role for b in unknown] == ["missing"]
    spiked = dose_response(feature, np.r_[np.zeros(90), np.arange(1, 11)].astype("f4"), np.ones(100))
    assert sum(b.count for b in spiked) == 100 and spiked[0].count == 90
    with pytest.raises(InputError, match="one shape"):
        dose_response(feature, np.ones(3, "f4"), np.ones(2))


def test_nothing_to_explain_is_an_error() -> None:
    with pytest.raises(InputError, match="0 rows"):
        explain_rows(Linear(SLOPES, np.zeros(1)), make_table().take(np.array([], dtype=int)), Kind.BINARY)
    with pytest.raises(InputError, match="weight must have shape"):
        explain_rows(Linear(SLOPES, np.zeros(1)), make_table(), Kind.BINARY, weight=np.ones(3))


def test_what_reads_photo_and_text_together_is_no_share_of_either() -> None:
    title = Column("title", Modality.JOINT, Title("title", "title"), actionable=True)
    agreement = quantity_feature(title, "alignment", "agreement", Title("agreement", "соответствие"))
    values = np.random.default_rng(0).normal(size=(400, 1)).astype("f4")
    table = make_table()
    table = FeatureTable((*table.blocks, Block("title", "alignment", (agreement,), values)), table.index)

    class Agreement(Linear):
        def _parts(self, table: FeatureTable) -> NDArray[np.float64]:
            parts = np.zeros((table.n_samples, table.n_features, 1))
            parts[:, -1, 0] = table.to_numpy()[:, -1]
            return parts

    frame = global_importance(explain_rows(Agreement(SLOPES, np.zeros(1)), table, Kind.BINARY))
    assert dict(frame[frame["share"] > 0].set_index("level")["share"]) == {"view": 1.0, "source": 1.0, "feature": 1.0}
    used = frame[frame["share"] > 0].set_index("level")
    assert used.loc["view", "name"] == "joint" and used.loc["source", "name"] == "title"
    assert used.loc["feature", "view"] == "joint" and used.loc["feature", "actionable"]


def test_largest_errors_of_a_conversion_count_the_trials() -> None:
    outcome = Outcome(Kind.CONVERSION, np.array([0.1, 0.1, 0.02]), trials=np.array([10.0, 1000.0, 50.0]))
    frame = largest_errors(outcome, np.array([[0.02], [0.02], [0.02]]), ["x", "y", "z"], n=2)
    assert list(frame["row"]) == ["y", "x"] and frame["truth"][0] == "10 % (100 / 1000)"
    assert frame["prediction"][0] == "2 %" and frame["loss"][0] == pytest.approx(100 * frame["loss"][1])
    assert row_losses(outcome, np.full((3, 1), 0.02))[2] == pytest.approx(0)


def test_largest_errors_of_classes_and_numbers() -> None:
    outcome = Outcome(Kind.MULTICLASS, np.array([0, 1, 2]), ("a", "b", "new"), n_known=2)
    frame = largest_errors(outcome, np.array([[0.9, 0.1], [0.8, 0.2], [0.5, 0.5]]), [1, 2, 3])
    assert list(frame["truth"]) == ["new", "b", "a"] and list(frame["seen"]) == [False, True, True]
    assert frame["loss"][1] == pytest.approx(-np.log(0.2)) and frame["truth_value"][1] == 0.2
    numbers = largest_errors(Outcome(Kind.REGRESSION, np.array([1.0, 2.0])), np.array([[1.0], [5.0]]), ["p", "q"])
    assert list(numbers["row"]) == ["q", "p"] and numbers["loss"][0] == 9
    with pytest.raises(InputError, match="1 row ids for 2 rows"):
        largest_errors(Outcome(Kind.REGRESSION, np.array([1.0, 2.0])), np.zeros((2, 1)), ["p"])
    with pytest.raises(InputError, match="must be finite"):
        row_losses(Outcome(Kind.REGRESSION, np.array([1.0])), np.array([[np.nan]]))


def test_distribution_of_a_calibrated_conversion_is_reliable() -> None:
    rng = np.random.default_rng(0)
    p, trials = rng.beta(2, 30, size=4000), rng.integers(20, 200, 4000).astype(float)
    outcome = Outcome(Kind.CONVERSION, rng.binomial(trials.astype(int), p) / trials, trials=trials)
    shown = prediction_distribution(outcome, p.reshape(-1, 1))
    assert all(shares.sum() == pytest.approx(1) for shares in shown.series.values())
    np.testing.assert_allclose(shown.reliability.predicted, shown.reliability.observed, atol=0.005)
    assert shown.constant == pytest.approx(outcome.y @ trials / trials.sum())
    flat = prediction_distribution(outcome, np.full((4000, 1), 0.1), constant=np.array([0.1]))
    assert len(flat.reliability.rows) == 1 and flat.constant == 0.1


def test_distributions_of_classes_and_of_a_constant_number() -> None:
    outcome = Outcome(Kind.MULTICLASS, np.array([0, 0, 1, 2]), ("a", "b", "new"), n_known=2)
    shown = prediction_distribution(outcome, np.array([[0.9, 0.1], [0.6, 0.4], [0.8, 0.2], [0.5, 0.5]]))
    assert shown.labels == ("a", "b", "new") and shown.constant == 0.5
    np.testing.assert_allclose(shown.series["predicted"], [0.7, 0.3, 0.0])
    binary = Outcome(Kind.BINARY, np.array([0, 1, 1]), ("no", "yes"), n_known=2)
    both = prediction_distribution(binary, np.array([[0.8, 0.2], [0.3, 0.7], [0.1, 0.9]]))
    assert set(both.series) == {"no", "yes"} and both.target == "yes"
    same = prediction_distribution(Outcome(Kind.REGRESSION, np.full(3, 2.0)), np.full((3, 1), 2.0))
    assert same.series["truth"].sum() == pytest.approx(1)


def test_rows_that_would_take_too_long_are_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    from evaluation import explain

    now = [0.0]
    monkeypatch.setattr(explain.time, "monotonic", lambda: now[0])
    schema_table = make_slow_table(200)

    class Slow:
        explains_sources_alone = False
        n_versions = 1

        def decide(self, table: FeatureTable) -> np.ndarray:
            return table.to_numpy().astype(np.float64).sum(axis=1, keepdims=True)

        def contributions(self, table: FeatureTable, groups: np.ndarray, names: tuple[str, ...]) -> Explanation:
            now[0] += table.n_samples  # a second a row
            values = table.to_numpy().astype(np.float64) @ np.eye(len(names))[groups]
            return Explanation(tuple(names), values[:, :, None], np.zeros(1), "units of the target", "exact")

    found = explain_rows(Slow(), schema_table, Kind.REGRESSION, seconds=60.0)
    assert found.table.n_samples == len(found.weight) == 60 and found.n_kept == 60
    assert (
        {len(values) for values in found.magnitude.values()} == {len(values) for values in found.kept.values()} == {60}
    )
    assert found.gap < 1e-6 and global_importance(found)["share"].sum() == pytest.approx(3.0)
    assert explain_rows(Slow(), schema_table, Kind.REGRESSION, seconds=1.0).table.n_samples == explain.FIRST_ROWS
    assert explain_rows(Slow(), schema_table, Kind.REGRESSION).table.n_samples == 200


def make_slow_table(n: int) -> FeatureTable:
    column = Column("x", Modality.NUMERIC, Title("x", "x"))
    features = (quantity_feature(column, "number", "value", Title("v", "v")),)
    values = np.random.default_rng(0).normal(size=(n, 1)).astype("f4")
    return FeatureTable((Block("x", "number", features, values),), pd.RangeIndex(n))


def test_what_takes_too_many_predictions_is_explained_by_sources() -> None:
    table = make_table()
    model = Linear(np.full((11, 1), 0.1), np.zeros(1))
    model.explains_sources_alone = True
    told = explain_rows(model, table, Kind.CONVERSION, max_rows=20)
    assert told.levels["feature"].names == told.levels["source"].names and not told.kept
    shares = global_importance(told)
    assert shares.groupby("level")["share"].sum().tolist() == pytest.approx([1.0] * 3)
    assert not dose_responses(told)
