from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from artifacts.errors import InputError
from artifacts.outcome import Outcome
from artifacts.schema import Kind
from evaluation.confusions import confused_pairs
from evaluation.report import render_report
from evaluation.report_data import ReportData
from evaluation.slice_report import ScoredRows


def of_classes(y: list[int], said: list[int], classes: tuple[str, ...], n_known: int) -> ScoredRows:
    p = np.full((len(y), n_known), 0.1 / (n_known - 1))
    p[np.arange(len(y)), said] = 0.9
    p[0] = 0.04 / (n_known - 1)
    p[0, said[0]] = 0.96
    kind = Kind.BINARY if len(classes) == 2 else Kind.MULTICLASS
    ids = [f"card-{i:04d}" for i in range(len(y))]
    return ScoredRows(Outcome(kind, np.array(y), classes, n_known), p, p, ids)


def test_pairs_are_counted_in_both_directions_and_shown_with_rows_of_both() -> None:
    y = [0, 0, 0, 1, 1, 2, 2, 2, 3]
    said = [1, 1, 0, 0, 1, 1, 2, 2, 2]
    rows = of_classes(y, said, ("a", "b", "c", "new"), 3)
    first, *others = confused_pairs(rows)
    assert first.names == ("a", "b") and first.times == (2, 1) and first.rows == 5 and first.right == (False, False)
    assert list(first.examples[0]["row"]) == ["card-0000", "card-0001"], "the surest confusion first"
    assert list(first.examples[0]["truth"]) == ["a", "a"] and list(first.examples[0]["prediction"]) == ["b", "b"]
    assert list(first.examples[1]["row"]) == ["card-0003"]
    assert {pair.names for pair in others} == {("b", "c"), ("c", "new")}
    unseen = next(pair for pair in others if pair.names == ("c", "new"))
    assert unseen.times == (0, 1) and unseen.right == (True, False)
    assert list(unseen.examples[0]["truth"]) == ["c", "c"] == list(unseen.examples[0]["prediction"])
    assert not unseen.examples[1]["seen"].any()
    assert len(confused_pairs(rows, 1)) == 1


def test_two_classes_and_thresholds() -> None:
    rows = of_classes([0, 1, 1, 0], [0, 1, 0, 0], ("no", "yes"), 2)
    (pair,) = confused_pairs(rows)
    assert pair.names == ("no", "yes") and pair.times == (0, 1) and pair.right == (True, False)
    swapped = replace(rows, decided=np.array([[0.0, 1.0]] * 4))
    (pair,) = confused_pairs(swapped)
    assert pair.times == (2, 0)
    assert confused_pairs(of_classes([0, 1], [0, 1], ("no", "yes"), 2)) == ()


def test_of_labels_one_stands_in_the_place_of_the_other() -> None:
    y = np.array([[1, 0, 0], [1, 0, 1], [0, 1, 0], [1, 1, 0]], dtype=float)
    p = np.array([[0.2, 0.9], [0.1, 0.8], [0.1, 0.9], [0.9, 0.9]])
    ids = [f"card-{i:04d}" for i in range(4)]
    rows = ScoredRows(Outcome(Kind.MULTILABEL, y, ("x", "y", "new"), 2), p, p, ids)
    first, second = confused_pairs(rows)
    assert first.names == ("x", "y") and first.times == (2, 0) and first.rows == 4 and first.right == (False, True)
    assert list(first.examples[1]["row"]) == ["card-0002"], "has the second alone, and was given it"
    assert second.names == ("y", "new") and second.times == (0, 1)


def test_numbers_have_no_classes() -> None:
    rows = ScoredRows(Outcome(Kind.REGRESSION, np.zeros(3)), np.zeros((3, 1)), np.zeros((3, 1)), ["a", "b", "c"])
    with pytest.raises(InputError, match="for classes"):
        confused_pairs(rows)


def test_the_section_shows_both_sides(make_report: Callable[..., ReportData]) -> None:
    rows = of_classes([0, 0, 0, 1, 1, 2, 2, 2, 3], [1, 1, 0, 0, 1, 1, 2, 2, 2], ("<i>a</i>", "b", "c", "new"), 3)
    data = replace(make_report(Kind.MULTICLASS), confused=confused_pairs(rows))
    page = render_report(data)
    assert "&lt;i&gt;a&lt;/i&gt; taken for b: 2, b for &lt;i&gt;a&lt;/i&gt;: 1; that is 60% of the 5 rows" in page
    assert "c, found as such" in page and "new, taken for c" in page and "<i>a" not in page
    assert "принято за" in render_report(data, "ru")
    assert "Nothing was confused" in render_report(replace(data, confused=()))
    assert 'id="confused"' not in render_report(replace(data, confused=None))
