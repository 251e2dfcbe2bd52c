"""Scores of single classes."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import precision_recall_fscore_support

from artifacts.errors import InputError
from artifacts.outcome import Outcome
from artifacts.schema import Kind
from evaluation.class_scores import COLUMNS, class_scores


def test_they_are_those_of_sklearn() -> None:
    rng = np.random.default_rng(0)
    y, predictions = rng.integers(0, 4, 300), rng.dirichlet(np.ones(4), 300)
    predictions[np.arange(300), y] += 0.3
    found = (
        class_scores(Outcome(Kind.MULTICLASS, y, tuple("abcd"), 4), predictions).set_index("class").loc[list("abcd")]
    )
    precision, recall, f1, rows = precision_recall_fscore_support(y, predictions.argmax(axis=1))
    np.testing.assert_allclose(found["precision"], precision)
    np.testing.assert_allclose(found["recall"], recall)
    np.testing.assert_allclose(found["f1"], f1)
    np.testing.assert_array_equal(found["rows"], rows)


def test_a_class_that_training_never_saw_is_never_found() -> None:
    outcome = Outcome(Kind.MULTICLASS, np.array([0, 0, 0, 1, 2, 2]), ("cat", "dog", "new"), 2)
    predictions = np.array([[0.9, 0.1], [0.9, 0.1], [0.2, 0.8], [0.4, 0.6], [0.3, 0.7], [0.1, 0.9]])
    found = class_scores(outcome, predictions)
    assert list(found.columns) == list(COLUMNS)
    assert list(found["class"]) == ["cat", "new", "dog"]
    new = found.set_index("class").loc["new"]
    assert new["recall"] == 0.0 and np.isnan(new["precision"]) and new["taken_for"] == "dog"
    assert new["taken_for_share"] == 1.0
    cat = found.set_index("class").loc["cat"]
    assert cat["precision"] == 1.0 and cat["recall"] == pytest.approx(2 / 3) and cat["taken_for"] == "dog"
    assert found.set_index("class").loc["dog"]["taken_for"] == ""


def test_many_labels_are_those_of_sklearn_and_no_label_is_taken_for_another() -> None:
    rng = np.random.default_rng(1)
    y, predictions = (rng.random((200, 3)) < [0.5, 0.2, 0.1]).astype(float), rng.random((200, 2))
    found = class_scores(Outcome(Kind.MULTILABEL, y, ("cat", "dog", "new"), 2), predictions).set_index("class")
    precision, recall, f1, rows = precision_recall_fscore_support(y[:, :2], predictions >= 0.5)
    known = found.loc[["cat", "dog"]]
    np.testing.assert_allclose(known["precision"], precision)
    np.testing.assert_allclose(known["recall"], recall)
    np.testing.assert_allclose(known["f1"], f1)
    np.testing.assert_array_equal(known["rows"], rows)
    assert found.loc["new", "recall"] == 0.0 and found.loc["new", "predicted"] == 0
    assert (found["taken_for"] == "").all()


def test_numbers_have_no_classes() -> None:
    with pytest.raises(InputError, match="Scores per class are for classes, but the task is 'regression'"):
        class_scores(Outcome(Kind.REGRESSION, np.zeros(2)), np.zeros((2, 1)))
