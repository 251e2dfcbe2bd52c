from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from artifacts.finding import Audit
from artifacts.task import Task
from evaluation.target_distribution import report_targets, target_distributions


def task(**target: object) -> Task:
    return Task(name="t", target=target)


def test_a_conversion_shows_every_rate_and_count() -> None:
    rng = np.random.default_rng(0)
    views = rng.integers(10, 500, 400)
    frame = pd.DataFrame({"view": views, "like": rng.binomial(views, 0.2), "hide": rng.binomial(views, 0.01)})
    shown = target_distributions(frame, None, task(kind="conversion", successes={"like": 2, "hide": 1}, trials="view"))
    assert [(one.name, one.kind) for one in shown] == [
        ("(2 like + hide) / view", "rate"), ("like / view", "rate"), ("hide / view", "rate"),
        ("like", "count"), ("hide", "count"), ("view", "count"),
    ]  # fmt: skip
    like = shown[1]
    assert like.pooled == pytest.approx(frame["like"].sum() / views.sum())
    assert like.quantiles["0.5"] == pytest.approx(np.median(frame["like"] / views))
    assert sum(like.train) == pytest.approx(1) and like.test == ()


def test_whole_numbers_get_equal_bins() -> None:
    values = pd.DataFrame({"n": np.repeat(np.arange(1, 101), 3)})
    (shown,) = target_distributions(values, values, task(kind="regression", column="n"))
    assert len({round(b - a, 9) for a, b in zip(shown.edges, shown.edges[1:], strict=False)}) == 1
    inner = shown.train[1:-2]
    assert max(inner) == pytest.approx(min(inner)) and shown.test == shown.train
    (few,) = target_distributions(values.assign(n=values["n"] % 5), None, task(kind="regression", column="n"))
    assert few.edges == (-0.5, 0.5, 1.5, 2.5, 3.5, 4.5) and few.train == pytest.approx((0.2,) * 5)


def test_a_long_tail_is_drawn_on_a_logarithmic_scale_and_reported() -> None:
    values = pd.DataFrame({"y": np.random.default_rng(0).lognormal(3, 2, 2000)})
    (shown,) = target_distributions(values, None, task(kind="regression", column="y"))
    audit = Audit()
    report_targets((shown,), audit)
    assert shown.is_log and [finding.code for finding in audit.findings] == ["target_skewed"]


def test_a_pile_at_one_value_and_a_rare_class_are_reported() -> None:
    audit = Audit()
    pile = pd.DataFrame({"y": [0.0] * 60 + list(np.linspace(1, 2, 40)), "label": [True] * 95 + [False] * 5})
    report_targets(target_distributions(pile, None, task(kind="regression", column="y")), audit)
    report_targets(target_distributions(pile, pile, task(kind="binary", column="label")), audit)
    found = {finding.code: (finding.count, finding.total, finding.details["example"]) for finding in audit.findings}
    assert found == {"target_at_mode": (60, 100, "0"), "target_imbalanced": (95, 100, "True")}


def test_a_plain_target_gives_no_finding() -> None:
    audit = Audit()
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"y": rng.normal(10, 3, 500), "label": rng.integers(0, 40, 500)})
    shown = target_distributions(frame, frame, task(kind="regression", column="y"))
    shown += target_distributions(frame, frame, task(kind="multiclass", column="label"))
    report_targets(shown, audit)
    assert not audit.findings
    assert shown[1].n_labels == 40 and len(shown[1].labels) == 15 == len(shown[1].test)


def test_a_target_that_differs_in_the_test_is_reported_and_chance_is_not() -> None:
    rng = np.random.default_rng(0)
    shifted = 0
    for seed in range(40):
        noise = np.random.default_rng(seed)
        frames = [pd.DataFrame({"y": noise.gamma(2, 3, n), "label": noise.integers(0, 12, n)}) for n in (400, 90)]
        audit = Audit()
        report_targets(target_distributions(*frames, task(kind="regression", column="y")), audit)
        report_targets(target_distributions(*frames, task(kind="multiclass", column="label")), audit)
        shifted += len(audit.findings)
    assert shifted <= 2
    train = pd.DataFrame({"y": rng.gamma(2, 3, 400), "label": rng.choice(list("aab"), 400)})
    test = pd.DataFrame({"y": rng.gamma(2, 5, 90), "label": rng.choice(list("abb"), 90)})
    audit = Audit()
    report_targets(target_distributions(train, test, task(kind="regression", column="y")), audit)
    report_targets(target_distributions(train, test, task(kind="multiclass", column="label")), audit)
    assert [(finding.code, finding.column) for finding in audit.findings] == [
        ("target_shifted", "y"), ("target_shifted", "label"),
    ]  # fmt: skip
