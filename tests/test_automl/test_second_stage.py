"""Models over vectors of tuned encoders: better where tuning helps, no skill where there is none, kept with a run."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from artifacts.contents import Contents
from artifacts.embedding_store import EmbeddingStore
from artifacts.errors import ArtifactError
from artifacts.examples import Examples
from artifacts.feature_table import Block, FeatureTable
from artifacts.link import from_link
from artifacts.outcome import Outcome
from artifacts.schema import Column, Kind, Modality, Title, opaque_features
from artifacts.store import RunFolder
from automl.backends.base import Candidate, Problem, Tuned
from automl.backends.fitted_search import FittedSearch
from automl.backends.search import SearchBackend, _Search
from automl.backends.second_stages import second_stages_over, seconds_to_score
from automl.backends.tried import Tried
from automl.backends.tuning_turn import try_tuned
from automl.budget import Budget
from automl.calibration import Calibration
from automl.models.second_stage import SecondStage
from automl.models.tuned_net import TunedNet
from evaluation.metrics import METRICS
from evaluation.splits import Fold
from featurizers.encoders import Encoder

N, FOLDS = 120, 3
WORDS = ("red", "green", "blue", "small", "large", "old", "new", "plain")


def make_problem(encoder: Encoder, folder: Path, *, of_texts: bool, n_folds: int = FOLDS) -> Problem:
    """Texts whose first word decides on the outcome, or nothing does; a row in ten has none. And a price."""
    rng = np.random.default_rng(0)
    good = rng.integers(0, 2, size=N)
    first = np.where(good == 1, "warm", "cold") if of_texts else rng.choice(WORDS, size=N)
    texts = np.array([f"{a} {rng.choice(WORDS)} {rng.choice(WORDS)}" for a in first], dtype=object)
    texts[rng.random(N) < 0.1] = None
    title = Column("title", Modality.TEXT, Title("title", "title"))
    price = Column("price", Modality.NUMERIC, Title("price", "price"))
    store = EmbeddingStore(folder / "cache")
    contents = Contents({"title": title}, {"title": texts}, {Modality.TEXT: encoder.to_json()}, None, store)
    # Of vectors as they came nothing is to be learned, so that what is learned comes from those that were tuned.
    blocks = (
        Block("title", "embedding", opaque_features(title, "embedding", 3), np.zeros((N, 3), "f4")),
        Block("price", "number", opaque_features(price, "number", 1), rng.normal(size=(N, 1)).astype("f4")),
    )
    rows = np.arange(N)
    folds = tuple(Fold(rows[rows % n_folds != k], rows[rows % n_folds == k]) for k in range(n_folds))
    examples = Examples(FeatureTable(blocks, pd.RangeIndex(N), contents), Outcome(Kind.BINARY, good, ("no", "yes"), 2))
    settings = {"models": ["linear", "knn"], "tuned": ("tuned_text",), "max_trials": 1, "view": "all"}
    run = RunFolder(folder / "run").create()
    return Problem(examples, folds, METRICS["roc_auc"], Budget(600.0), run, settings=settings)


def tuned_in(problem: Problem) -> tuple[Tried, Candidate]:
    tried = Tried(problem, problem.budget)
    for name in ("linear", "knn"):
        tried.fit(Candidate(f"{name}-all", name, "all"), Budget(120.0))
    try_tuned("tuned_text", tried, Budget(500.0))
    return tried, tried.candidates[-1]


@pytest.fixture(scope="module")
def first_stage(
    encoders: tuple[Encoder, Encoder], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Problem, Tried, Candidate]:
    """Whose candidates others fit models over; nobody changes its files."""
    problem = make_problem(encoders[0], tmp_path_factory.mktemp("first"), of_texts=True)
    return problem, *tuned_in(problem)


def auc(problem: Problem, candidate: Candidate) -> float:
    assert candidate.out_of_fold is not None
    return problem.metric.score(problem.examples.outcome, from_link(Kind.BINARY, candidate.out_of_fold))


def stages_in(tried: Tried, tuned: Candidate) -> list[Candidate]:
    found = second_stages_over(tuned, tried.root / tuned.key, FOLDS, tried.ranked())
    tried.read_vectors(tuned)
    known = {candidate.key: candidate for candidate in tried.candidates}
    return [known.get(stage.key) or tried.fit(stage, Budget(120.0)) for stage, _ in found]


@pytest.mark.parametrize("n_folds", [FOLDS, 8])  # of eight, encoders are tuned for pairs
def test_it_learns_from_what_was_tuned_and_is_found_again(
    encoders: tuple[Encoder, Encoder], tmp_path: Path, n_folds: int
) -> None:
    problem = make_problem(encoders[0], tmp_path, of_texts=True, n_folds=n_folds)
    fitted = SearchBackend().fit(problem)
    lines = {candidate.model: candidate for candidate in fitted.candidates}
    assert {"linear on tuned_text", "knn on tuned_text"} <= set(lines) and not lines["linear on tuned_text"].error
    assert auc(problem, lines["linear on tuned_text"]) > 0.9 > 0.75 > auc(problem, lines["linear"])
    table = problem.examples.table
    for name in ("linear on tuned_text", "knn on tuned_text"):
        key = lines[name].key
        known = fitted.decide(table, key)
        # What a fold's models say of rows that they did not see is what was scored.
        models = fitted.models(key)
        for model, fold in zip(models, problem.folds, strict=True):
            assert isinstance(model, SecondStage)
            np.testing.assert_allclose(
                model.decide(table.take(fold.valid)), lines[name].out_of_fold[fold.valid], atol=1e-4
            )
        np.testing.assert_allclose(known, np.mean([model.decide(table) for model in models], axis=0), atol=1e-6)


def test_models_of_folds_and_of_pairs_make_one_version_a_fold(
    encoders: tuple[Encoder, Encoder], tmp_path: Path
) -> None:
    problem = make_problem(encoders[0], tmp_path, of_texts=True, n_folds=8)
    tried, tuned = tuned_in(problem)
    linear = tried.candidates[0]
    weights = {linear.key: 0.6, tuned.key: 0.4}
    fitted = FittedSearch(Kind.BINARY, tuple(tried.candidates), {"final": weights}, tried.root)
    table, groups = problem.examples.table, np.array([0, 0, 0, 1])
    assert len(fitted.models(tuned.key)) == 4 and fitted.n_versions == 8
    versions = fitted.versions(table)
    assert versions is not None and len(versions) == 8
    np.testing.assert_allclose(versions.mean(axis=0), fitted.decide(table), atol=1e-4)
    scores = {key: one.out_of_fold for key, one in ((linear.key, linear), (tuned.key, tuned))}
    for i, fold in enumerate(problem.folds):  # a version says of its fold what models said that did not see it
        unseen = sum(weight * scores[key][fold.valid] for key, weight in weights.items())
        np.testing.assert_allclose(versions[i][fold.valid], unseen, atol=1e-4)
        told = fitted.contributions_of(i, table, groups, ["title", "price"])
        np.testing.assert_allclose(told.total, versions[i], atol=1e-4)
    alone = FittedSearch(Kind.BINARY, tuple(tried.candidates), {"final": {tuned.key: 1.0}}, tried.root)
    found = alone.versions(table)
    assert alone.n_versions == 4 and found is not None and len(found) == 4
    lacking = [replace(one, lack="time ran out") if one is linear else one for one in tried.candidates]
    assert FittedSearch(Kind.BINARY, tuple(lacking), {"final": weights}, tried.root).n_versions == 1


@pytest.mark.parametrize("name", ["linear", "knn"])
def test_contributions_add_up_and_are_of_the_source(
    first_stage: tuple[Problem, Tried, Candidate], tmp_path: Path, name: str
) -> None:
    problem, tried, tuned = first_stage
    stage = next(one for one in stages_in(tried, tuned) if one.model == f"{name} on tuned_text")
    fitted = FittedSearch(Kind.BINARY, tuple(tried.candidates), {"final": {stage.key: 1.0}}, tried.root)
    table = problem.examples.table.take(np.arange(20))
    told = fitted.contributions(table, np.array([0, 0, 0, 1]), ["title", "price"])
    np.testing.assert_allclose(told.total, fitted.decide(table), atol=1e-4)
    size = np.abs(told.values).mean(axis=(0, 2))
    assert told.names == ("title", "price") and size[0] > 3 * size[1]
    each = fitted.contributions(table, np.arange(4), list(table.feature_names))
    np.testing.assert_allclose(each.values[:, :3].sum(axis=1), told.values[:, 0], atol=1e-6)
    versions = fitted.versions(table)
    assert versions is not None and len(versions) == FOLDS
    folder = tmp_path / "saved"
    folder.mkdir()
    fitted.save(folder)
    again = FittedSearch.load(folder)
    np.testing.assert_allclose(again.decide(table), fitted.decide(table), atol=1e-6)


def test_tuned_members_are_named_with_what_they_count(first_stage: tuple[Problem, Tried, Candidate]) -> None:
    problem, tried, tuned = first_stage
    members = {tuned.key: 0.3, tried.candidates[0].key: 0.7}
    fitted = FittedSearch(Kind.BINARY, tuple(tried.candidates), {"final": members}, tried.root, Calibration(scale=2.0))
    found = fitted.tuned()
    assert (found.share, found.read_share) == (0.3, 0.0)
    assert [weight for weight, _ in found.models] == pytest.approx([0.2] * FOLDS)
    table = problem.examples.table.take(np.arange(4))
    mean = sum(weight * model.decide(table.select(view="text")) for weight, model in found.models)
    np.testing.assert_allclose(mean, 0.6 * fitted.decide(table, tuned.key), atol=1e-6)


def test_encoders_that_others_read_are_named_with_these(first_stage: tuple[Problem, Tried, Candidate]) -> None:
    problem, tried, tuned = first_stage
    stage = stages_in(tried, tuned)[0]
    members = {stage.key: 0.2, tried.candidates[0].key: 0.6}
    fitted = FittedSearch(Kind.BINARY, tuple(tried.candidates), {"final": members}, tried.root, Calibration(scale=2.0))
    found = fitted.tuned()
    assert (found.share, found.read_share) == (0.0, pytest.approx(0.25))
    table = problem.examples.table.take(np.arange(4))
    mean = sum(weight * model.decide(table.select(view="text")) for weight, model in found.models)
    np.testing.assert_allclose(mean, fitted.decide(table, tuned.key), atol=1e-6)
    alone = FittedSearch(Kind.BINARY, tuple(tried.candidates), {"final": {tried.candidates[0].key: 1.0}}, tried.root)
    assert alone.tuned() == Tuned()


@pytest.mark.parametrize("n_folds", [FOLDS, 8])
def test_random_targets_show_no_skill(encoders: tuple[Encoder, Encoder], tmp_path: Path, n_folds: int) -> None:
    problem = make_problem(encoders[0], tmp_path, of_texts=False, n_folds=n_folds)
    tried = Tried(problem, problem.budget)
    tuned = tried.fit(Candidate("tuned_text-text", "tuned_text", "text"), Budget(500.0))  # all folds, gain or not
    assert not tuned.error
    tried.read_vectors(tuned)
    # An AUC of chance over 120 rows lies within .5 +- .11 in 95 of 100 cases.
    for name in ("linear", "knn", "lightgbm"):
        wanted = Candidate(f"{name}-x", f"{name} on tuned_text", "text", reads=tuned.key)
        found = tried.fit(wanted, Budget(120.0))
        assert abs(auc(problem, found) - 0.5) < 0.13


def test_nothing_is_read_where_there_is_nothing(first_stage: tuple[Problem, Tried, Candidate], tmp_path: Path) -> None:
    _, tried, tuned = first_stage
    folder, ranked = tmp_path / "kept", tried.ranked()
    shutil.copytree(tried.root / tuned.key, folder)
    assert [stage.key for stage, _ in second_stages_over(tuned, folder, FOLDS, ranked)]
    assert not second_stages_over(tuned, folder, FOLDS + 1, ranked), "one encoder of all rows"
    assert not second_stages_over(replace(tuned, error="no"), folder, FOLDS, ranked)
    assert tried.read_vectors(replace(tuned, key="gone")), "a reason, and no end of the search"
    assert not second_stages_over(replace(tuned, model="fusion_net"), folder, FOLDS, ranked)
    for described in folder.glob("model_*/model.json"):
        described.write_text(described.read_text().replace('"epochs": ', '"epochs": 0, "was": '))
    assert not second_stages_over(tuned, folder, FOLDS, ranked)


def test_nothing_is_read_where_one_encoder_of_all_rows_stays(first_stage: tuple[Problem, Tried, Candidate]) -> None:
    problem, tried, tuned = first_stage
    search = _Search(replace(problem, settings={**problem.settings, "refit": True}), problem.budget)
    search.tried.candidates = list(tried.candidates)
    search._run_second_stages(tuned)
    assert search.tried.candidates == tried.candidates


def test_time_is_kept_for_reading_the_scored_rows(first_stage: tuple[Problem, Tried, Candidate]) -> None:
    problem, _, tuned = first_stage
    tuned = replace(tuned, fit_seconds=100.0)

    def kept(n_scored: int, *beside: Candidate, **more: bool) -> float:
        settings = {**problem.settings, **more}
        return seconds_to_score(tuned, [tuned, *beside], replace(problem, n_scored=n_scored, settings=settings))

    # As many rows as were learned from, by the encoders of three folds: a tenth of the time of tuning for each.
    assert kept(0) == 0.0 and kept(N) == pytest.approx(30.0) and kept(N, refit=True) == pytest.approx(10.0)
    stages = [replace(tuned, key=key, reads=tuned.key) for key in "ab"]
    assert kept(N, *stages) == pytest.approx(30.0)
    assert kept(6_000, *stages) == pytest.approx(6 * 30.0 * 6_000 / N)


def test_what_is_kept_is_kept_from_all_that_follows(
    first_stage: tuple[Problem, Tried, Candidate], monkeypatch: pytest.MonkeyPatch
) -> None:
    problem, _, tuned = first_stage
    for seconds, expected in ((100.0, 100.0), (1e6, 300.0)):
        search = _Search(replace(problem, budget=Budget(600.0)), Budget(600.0))
        monkeypatch.setattr("automl.backends.search.try_tuned", lambda name, to, allowed: to.candidates.append(tuned))
        monkeypatch.setattr(_Search, "_run_second_stages", lambda *_: None)
        monkeypatch.setattr("automl.backends.search.seconds_to_score", lambda *_, seconds=seconds: seconds)
        search.run_tuned()
        assert search.tried.kept_for_scoring == pytest.approx(expected, abs=2.0)
        assert search.budget.seconds == pytest.approx(600.0 - expected, abs=2.0)
        assert search.tried.budget is search.budget


def test_rows_in_pieces_are_scored_alike(
    first_stage: tuple[Problem, Tried, Candidate], monkeypatch: pytest.MonkeyPatch
) -> None:
    problem, tried, tuned = first_stage
    stage = stages_in(tried, tuned)[0]
    fitted = FittedSearch(Kind.BINARY, tuple(tried.candidates), {"final": {stage.key: 1.0}}, tried.root)
    whole = fitted.decide(problem.examples.table, stage.key)
    monkeypatch.setattr("automl.backends.fitted_search.ROWS_AT_ONCE", 50)
    read = []
    once = TunedNet.all_read
    monkeypatch.setattr(TunedNet, "all_read", lambda net, parts: read.append(1) or once(net, parts))
    np.testing.assert_allclose(fitted.decide(problem.examples.table, stage.key), whole, atol=1e-4)
    assert len(read) == 3 * FOLDS  # three pieces, each once by each encoder


def test_what_a_reading_takes_is_told_of_all_that_use_it(
    first_stage: tuple[Problem, Tried, Candidate], monkeypatch: pytest.MonkeyPatch
) -> None:
    problem, tried, tuned = first_stage
    stages = [stage.key for stage in stages_in(tried, tuned)[:2]]
    blends = {"final": {tuned.key: 0.3, stages[0]: 0.3, stages[1]: 0.4}}
    fitted = FittedSearch(Kind.BINARY, tuple(tried.candidates), blends, tried.root)
    table, other = problem.examples.table.take(np.arange(50)), problem.examples.table.take(np.arange(40))
    plain = tried.candidates[0].key
    users = [tuned.key, *stages, "final"]
    assert not any(fitted.kept_seconds(table, key) for key in [*users, plain])
    fitted.decide(table)
    first, *others = [fitted.kept_seconds(table, key) for key in users]
    assert first > 0 and others == [first] * 3, "once, however many of a blend's members read the vectors"
    assert not fitted.kept_seconds(table, plain) and not fitted.kept_seconds(other, tuned.key)
    monkeypatch.setattr("automl.backends.fitted_search.ROWS_AT_ONCE", 20)
    assert not fitted.kept_seconds(table, stages[0]), "pieces are read anew"


def test_a_second_stage_without_its_first_is_told(
    first_stage: tuple[Problem, Tried, Candidate], tmp_path: Path
) -> None:
    _, tried, tuned = first_stage
    stage = stages_in(tried, tuned)[0]
    fitted = FittedSearch(Kind.BINARY, tuple(tried.candidates), {"final": {stage.key: 1.0}}, tried.root)
    for i, reads in enumerate(("gone", stage.key)):
        folder = tmp_path / f"saved_{i}"
        folder.mkdir()
        fitted.save(folder)
        described = folder / "search.json"
        described.write_text(described.read_text().replace(f'"reads": "{tuned.key}"', f'"reads": "{reads}"'))
        with pytest.raises(ArtifactError, match="first stage"):
            FittedSearch.load(folder)
