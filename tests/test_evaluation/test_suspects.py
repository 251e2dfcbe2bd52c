from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from artifacts.errors import InputError
from artifacts.outcome import Outcome
from artifacts.schema import Kind
from evaluation.label_noise import denied_labels, usual_confidence
from evaluation.report import render_report
from evaluation.report_data import ReportData
from evaluation.slice_report import ScoredRows
from evaluation.suspects import COLUMNS, SuspectParts, find_suspects

N = 1200


def noisy_classes(seed: int = 0, share: float = 0.08, n_classes: int = 3) -> tuple[Outcome, np.ndarray, np.ndarray]:
    """Labels of which some were changed, the true posterior of an observer who sees one number, and which are wrong."""
    rng = np.random.default_rng(seed)
    true = rng.integers(0, n_classes, N)
    seen = 4.0 * true + rng.normal(size=N)
    density = norm.pdf(seen[:, None], 4.0 * np.arange(n_classes), 1.0)
    wrong = rng.uniform(size=N) < share
    y = np.where(wrong, (true + rng.integers(1, n_classes, N)) % n_classes, true)
    classes = tuple("abcdef"[:n_classes])
    kind = Kind.BINARY if n_classes == 2 else Kind.MULTICLASS
    return Outcome(kind, y, classes, n_classes), density / density.sum(axis=1, keepdims=True), wrong


@pytest.mark.parametrize("n_classes", [2, 3])
def test_wrong_labels_are_denied_and_right_ones_are_not(n_classes: int) -> None:
    outcome, p, wrong = noisy_classes(n_classes=n_classes)
    found = denied_labels(outcome, p)
    hit = wrong[found.rows]
    assert hit.mean() > 0.85 and hit.sum() > 0.85 * wrong.sum()
    assert (np.diff(found.p_likelier - found.p_given) <= 1e-12).all(), "the surest first"
    assert (found.given == outcome.y[found.rows]).all() and (found.likelier != found.given).all()
    clean, p, _ = noisy_classes(share=0.0, n_classes=n_classes)
    assert len(denied_labels(clean, p).rows) < 0.03 * N


def test_labels_of_rows_that_have_several_are_denied_one_by_one() -> None:
    rng = np.random.default_rng(0)
    true = rng.uniform(size=(N, 3)) < [0.5, 0.3, 0.002]
    p = np.clip(np.where(true, 0.97, 0.03) + 0.02 * rng.normal(size=(N, 3)), 0.001, 0.999)
    p[:15] = np.where(true[:15], 0.999, 0.001)
    y = true.astype(float)
    y[:10, 0], y[10:15, 1] = 1.0 - y[:10, 0], 1.0 - y[10:15, 1]
    outcome = Outcome(Kind.MULTILABEL, np.hstack([y, y[:, :1]]), ("x", "y", "rare", "new"), 3)
    found = denied_labels(outcome, p)
    named = set(zip(found.rows.tolist(), found.label.tolist(), strict=True))
    wanted = {(i, 0) for i in range(10)} | {(i, 1) for i in range(10, 15)}
    assert wanted - named == set() and len(named) == 15
    assert (found.given == outcome.y[found.rows, found.label]).all()
    usual = usual_confidence(outcome, p)
    assert usual.shape == (2, 3) and np.isinf(usual[1, 2]), "too few rows have it"


def test_rows_without_predictions_and_unseen_classes_are_left_out() -> None:
    outcome, p, _ = noisy_classes()
    p[:600] = np.nan
    found = denied_labels(outcome, p)
    assert found.rows.min() >= 600
    unseen = Outcome(outcome.kind, np.where(np.arange(N) % 2, 2, outcome.y), outcome.classes, 2)
    two = p[:, :2] / p[:, :2].sum(axis=1, keepdims=True)
    assert (unseen.y[denied_labels(unseen, two).rows] < 2).all()
    with pytest.raises(InputError, match="Labels are of classes"):
        denied_labels(Outcome(Kind.REGRESSION, np.zeros(3)), np.zeros((3, 1)))


def as_rows(outcome: Outcome, predictions: np.ndarray) -> ScoredRows:
    ids = [f"card-{i:04d}" for i in range(outcome.n_samples)]
    return ScoredRows(outcome, predictions, predictions, ids)


def test_suspects_of_classes_are_told_by_what_is_usual_out_of_fold() -> None:
    outcome, p, wrong = noisy_classes()
    found = find_suspects(as_rows(outcome, p), noisy_classes(1)[:2])
    assert list(found.rows.columns) == list(COLUMNS) and len(found.rows) == 12 < found.n_found < 200
    assert wrong[found.rows["position"].to_numpy(int)].all() and found.n_rows == N
    first = found.rows.iloc[0]
    assert first["row"] == f"card-{first['position']:04d}" and first["given"] != first["likelier"]
    assert first["given"] == outcome.classes[outcome.y[first["position"]]]


@pytest.mark.parametrize("kind", [Kind.REGRESSION, Kind.CONVERSION])
def test_numbers_and_rates_beyond_their_interval_are_found(kind: Kind) -> None:
    rng = np.random.default_rng(0)
    if kind is Kind.REGRESSION:
        p = rng.normal(size=2 * N)
        whole = Outcome(kind, p + 0.5 * rng.normal(size=2 * N))
        away = 20.0
    else:
        trials = rng.integers(100, 400, 2 * N).astype(float)
        p = rng.uniform(0.1, 0.3, 2 * N)
        whole = Outcome(kind, rng.binomial(trials.astype(int), p) / trials, trials=trials)
        away = 0.6
    half = np.arange(N)
    learned, rows = (whole.take(half + N), p[N:, None]), whole.take(half)
    rows.y[[3, 5]] += [away, 1.01 * away]
    predictions = p[:N, None].copy()
    predictions[7] = np.nan
    found = find_suspects(as_rows(rows, predictions), learned)
    assert set(found.rows["position"].iloc[:2]) == {3, 5} and found.level == 0.98 and found.n_rows == N - 1
    assert 2 <= found.n_found < 0.05 * N
    first = found.rows.iloc[0]
    assert first["value"] > first["high"] > first["predicted"] > first["low"]


def test_a_wrong_number_among_the_rows_that_say_what_is_usual_is_found() -> None:
    rng = np.random.default_rng(0)
    y = rng.normal(size=240)
    y[17] = 900.0
    outcome = Outcome(Kind.REGRESSION, y)
    found = find_suspects(as_rows(outcome, np.zeros((240, 1))), (outcome, np.zeros((240, 1))))
    assert found.rows["position"].iloc[0] == 17 and found.n_found < 10


def test_of_few_errors_the_level_is_lower_or_nothing_is_told() -> None:
    rng = np.random.default_rng(0)
    outcome = Outcome(Kind.REGRESSION, rng.normal(size=N))
    zeros = np.zeros((N, 1))

    def level(n: int) -> tuple[float, int]:
        found = find_suspects(as_rows(outcome, zeros), (outcome.take(np.arange(n)), zeros[:n]))
        return found.level, found.n_rows

    assert level(400)[0] == 0.99 and level(60)[0] == 0.9
    assert np.isnan(level(5)[0]) and level(5)[1] == 0
    with pytest.raises(InputError, match="out of fold"):
        find_suspects(as_rows(outcome, zeros), (outcome, np.full((N, 1), np.nan)))


def test_the_section_tells_of_scored_and_of_training_rows(make_report: Callable[..., ReportData]) -> None:
    outcome, p, _ = noisy_classes()
    outcome = replace(outcome, classes=("<b>a</b>", "b", "c"))
    found = find_suspects(as_rows(outcome, p), (outcome, p))
    row = str(found.rows["row"].iloc[0])
    parts = SuspectParts(found, found, {row: "<u>title</u>"}, None)
    data = replace(make_report(Kind.MULTICLASS), suspects=parts)
    page = render_report(data)
    assert f"{found.n_found} of 1\u202f200 rows." in page and "Among the training rows" in page
    assert "&lt;b&gt;a&lt;/b&gt; (" in page and "&lt;u&gt;title&lt;/u&gt;" in page and "<b>a" not in page
    assert "Вероятнее" in render_report(data, "ru")
    assert "predicted no training rows out of fold" in render_report(replace(data, suspects=None))
    y = np.random.default_rng(0).normal(size=N)
    number = Outcome(Kind.REGRESSION, y)
    far = find_suspects(as_rows(number, np.zeros((N, 1))), (number, np.zeros((N, 1))))
    page = render_report(replace(make_report(Kind.REGRESSION), suspects=SuspectParts(far, far)))
    assert "beyond their 99% interval; 12 would by chance" in page and "Allowed" in page
    none = replace(far, rows=far.rows.iloc[:0], n_rows=0)
    assert "Too few errors" in render_report(replace(make_report(Kind.REGRESSION), suspects=SuspectParts(none, far)))
    y = (np.random.default_rng(0).uniform(size=(N, 2)) < 0.5).astype(float)
    labels = Outcome(Kind.MULTILABEL, y, ("x", "y"), 2)
    said = np.clip(np.abs(y - (np.arange(N) < 5)[:, None]), 0.02, 0.98)
    told = find_suspects(as_rows(labels, said), (labels, said))
    assert told.n_found == 5 and len(told.rows) == 10 and set(told.rows["label"]) == {"x", "y"}
    page = render_report(replace(make_report(Kind.MULTILABEL), suspects=SuspectParts(told, told)))
    assert "x: yes (" in page and "x: no (" in page
