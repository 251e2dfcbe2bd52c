from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

from artifacts.schema import Kind
from evaluation.class_profiles import class_listing, class_profiles
from evaluation.report import render_report
from evaluation.report_data import ReportData
from evaluation.report_json import report_json


def test_each_class_has_the_sources_and_features_that_move_its_score(make_explained: Callable[..., object]) -> None:
    model, explained = make_explained(Kind.MULTICLASS)
    found = class_profiles(explained)
    assert found is not None
    parts = model._parts(explained.table)
    parts = parts - parts.mean(axis=2, keepdims=True)
    photo = np.abs(parts[:, :7].sum(axis=1)).mean(axis=0)
    others = [np.abs(parts[:, i]).mean(axis=0) for i in range(7, 11)]
    sizes = np.stack([photo, *others])
    np.testing.assert_allclose(found.profiles.share, (sizes / sizes.sum(axis=0)).T)
    said = model.decide(explained.table).argmax(axis=1)
    assert list(found.profiles.n_rows) == list(np.bincount(said, minlength=4))
    k = int(said[0])
    np.testing.assert_allclose(found.profiles.effect[k, 0], parts[said == k, :7, k].sum(axis=1).mean())
    light = next(f for f in found.features[k] if f.name == "photo__light")
    assert light.effect == pytest.approx(parts[said == k, 6, k].mean())
    assert all(f.share >= g.share for each in found.features for f, g in pairwise(each))


def test_classes_that_are_never_said_and_one_output(make_explained: Callable[..., object]) -> None:
    _, explained = make_explained(Kind.MULTILABEL)
    found = class_profiles(explained)
    assert found is not None and found.profiles.n_rows[3] == 0 and np.isnan(found.profiles.effect[3]).all()
    assert found.to_json()[3]["sources"]["photo"]["effect"] is None
    assert class_profiles(make_explained(Kind.CONVERSION)[1]) is None


def test_the_report_has_the_largest_classes_and_all_of_them_as_data(make_report: Callable[..., ReportData]) -> None:
    data = make_report(Kind.MULTICLASS, 300)
    page = render_report(data)
    assert "What each class is told by" in page and "all classes" in page
    told = report_json(data)["parts"][0]
    assert [one["name"] for one in told["class_profiles"]] == ["sneakers", "boots", "sandals", "slippers for the home"]
    assert sum(source["share"] for source in told["class_profiles"][0]["sources"].values()) == pytest.approx(1)
    assert told["stability"]["of_sources"] and told["importance"] and told["explained_rows"] == 300
    assert data.class_profiles is not None
    listing = class_listing(data.class_profiles)
    assert listing["predicted"].sum() == 300 and listing["predicted"].is_monotonic_decreasing
    assert "photo" in listing["sources"][0]
