"""Whether an encoder is tuned in a search: it is, where that is worth its time, and else a line says why not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest

from artifacts.contents import Contents
from artifacts.embedding_store import EmbeddingStore
from artifacts.examples import Examples
from artifacts.feature_table import Block, FeatureTable
from artifacts.outcome import Outcome
from artifacts.schema import Column, Kind, Modality, Title, opaque_features
from artifacts.store import RunFolder
from automl.backends import tuning_turn
from automl.backends.base import Candidate, Problem
from automl.backends.tried import Tried
from automl.backends.tuning_turn import try_tuned
from automl.budget import Budget
from automl.models.registry import TUNED
from evaluation.metrics import METRICS
from evaluation.splits import Fold
from featurizers.encoders import Encoder

N = 60


@pytest.fixture
def problem(encoders: tuple[Encoder, Encoder], tmp_path: Path) -> Problem:
    column = Column("title", Modality.TEXT, Title("title", "title"))
    texts = np.array([f"{'warm' if i % 2 else 'cold'} thing {i // 2}" for i in range(N)], dtype=object)
    store = EmbeddingStore(tmp_path / "cache")
    contents = Contents({"title": column}, {"title": texts}, {Modality.TEXT: encoders[0].to_json()}, None, store)
    block = Block("title", "embedding", opaque_features(column, "embedding", 3), np.zeros((N, 3), "f4"))
    table = FeatureTable((block,), pd.RangeIndex(N), contents)
    rows = np.arange(N)
    folds = tuple(Fold(rows[rows % 3 != k], rows[rows % 3 == k]) for k in range(3))
    outcome = Outcome(Kind.BINARY, (rows % 2).astype(np.int64), ("no", "yes"), 2)
    folder = RunFolder(tmp_path / "run").create()
    return Problem(Examples(table, outcome), folds, METRICS["roc_auc"], Budget(120.0), folder)


def test_it_is_tuned_over_the_folds(problem: Problem) -> None:
    tried = Tried(problem, problem.budget)
    try_tuned("tuned_text", tried, Budget(100.0))
    (candidate,) = tried.candidates
    assert not candidate.error and candidate.view == "all" and tried.score(candidate) > 0.9
    again = Tried(problem, problem.budget)
    try_tuned("tuned_text", again, Budget(100.0))
    assert again.candidates[0].fit_seconds == candidate.fit_seconds  # what a killed fit had finished is taken


def test_a_fusion_reads_the_whole_table_and_takes_what_the_layers_below_gave(problem: Problem) -> None:
    price = Column("price", Modality.NUMERIC, Title("price", "price"))
    numbers = np.random.default_rng(0).normal(size=(N, 1)).astype("f4")
    examples = problem.examples
    block = Block("price", "number", opaque_features(price, "number", 1), numbers)
    fused = replace(examples, table=replace(examples.table, blocks=(*examples.table.blocks, block)))
    tried = Tried(replace(problem, examples=fused), problem.budget)
    for name in ("tuned_text", "fusion_net"):
        try_tuned(name, tried, Budget(100.0))
    text, both = tried.candidates
    assert (text.view, both.view) == ("text", "all") and not both.error and tried.score(both) > 0.9
    (parts,) = TUNED["fusion_net"]().activations(fused.table)
    assert not len(parts.missing())


def test_a_net_over_encoders_is_not_asked_where_none_was_worth_it(
    problem: Problem, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = TUNED["tuned_text"]().activations(problem.examples.table)
    fusion = TUNED["fusion_net"]
    monkeypatch.setattr(fusion, "activations", lambda model, table: parts)
    monkeypatch.setattr(tuning_turn, "_seconds_to_read", lambda *_: 1e6)

    def answer(*before: Candidate, n_modalities: int) -> str:
        sources = dict.fromkeys((Modality.TEXT, Modality.IMAGE)[:n_modalities], ("title",))
        monkeypatch.setattr(fusion, "sources_in", classmethod(lambda cls, table: sources))
        tried = Tried(problem, problem.budget)
        tried.candidates += before
        try_tuned("fusion_net", tried, Budget(100.0))
        return tried.candidates[-1].error

    slow, no, broken = (
        Candidate("tuned_text-text", "tuned_text", "text", error=error)
        for error in ("not tried: too slow: 9 s", f"pruned: {tuning_turn.NO_GAIN}", "RuntimeError: no")
    )
    asked = f"not tried: too slow: reading {N} of them by the layers below would take about 1000000 s"
    for either in (no, slow):
        assert "worth tuning alone" in answer(either, n_modalities=2)
    assert answer(slow, n_modalities=1) == "not tried: too slow: so was its encoder alone"
    late = replace(no, error="pruned: time ran out after 2 of 4 folds")
    for other in (broken, late):
        assert answer(other, n_modalities=2).startswith(asked)
    assert answer(no, n_modalities=1).startswith(asked), "beside columns it is another model"
    assert answer(n_modalities=2).startswith(asked)


class SlowToTune(TUNED["tuned_text"]):  # type: ignore[misc, name-defined]
    """Says that an epoch took long, or that there was none."""

    epochs: ClassVar[list[float]] = [1e3, 1e3]
    fits: ClassVar[list[int]] = []

    def fit(self, train: Examples, valid: Examples | None = None, *, deadline: float | None = None) -> SlowToTune:
        self.fits.append(train.n_samples)
        self.seconds_, self.losses_ = [0.0, *self.epochs], [1.0, *([0.9] * len(self.epochs))]
        return self


def test_what_is_far_too_slow_is_seen_by_a_few_rows(problem: Problem, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TUNED, "tuned_text", SlowToTune)
    monkeypatch.setattr(tuning_turn, "SPEED_ROWS", 10)
    tried = Tried(problem, problem.budget)
    SlowToTune.fits.clear()
    try_tuned("tuned_text", tried, Budget(100.0))
    assert SlowToTune.fits == [10] and "epochs over 3 folds would take" in tried.candidates[0].error


class NoGain(TUNED["tuned_text"]):  # type: ignore[misc, name-defined]
    """Says after a fit that it kept so many epochs, with these losses."""

    kept: ClassVar[int] = 0
    losses: ClassVar[list[float]] = [1.0, 1.1]
    fits: ClassVar[list[int]] = []

    def fit(self, train: Examples, valid: Examples | None = None, *, deadline: float | None = None) -> NoGain:
        super().fit(train, valid, deadline=deadline)
        self.fits.append(train.n_samples)
        self.epochs_, self.losses_ = self.kept, self.losses
        return self


@pytest.mark.parametrize(
    ("kept", "losses", "n_fits", "error"),
    [
        (0, [1.0, 1.1], 1, f"pruned: {tuning_turn.NO_GAIN}, after 1 of 3 folds"),
        (0, [1.0], 1, "pruned: no time to tune, or nothing to learn from, after 1 of 3 folds"),
        (1, [1.0, 0.9], 3, ""),
    ],
)
def test_the_first_fold_tells_whether_the_others_are_tuned(
    problem: Problem, monkeypatch: pytest.MonkeyPatch, kept: int, losses: list[float], n_fits: int, error: str
) -> None:
    monkeypatch.setitem(TUNED, "tuned_text", NoGain)
    monkeypatch.setattr(NoGain, "kept", kept)
    monkeypatch.setattr(NoGain, "losses", losses)
    tried = Tried(problem, problem.budget)
    tried.candidates.append(Candidate("linear-all", "linear", "all"))
    NoGain.fits.clear()
    try_tuned("tuned_text", tried, Budget(100.0))
    assert NoGain.fits[1:] == [40] * n_fits, "the first one was a few rows' that tell the speed"
    assert tried.candidates[-1].error == error
    assert not (tried.root / "checkpoints").exists()


@pytest.mark.parametrize("in_time", [True, False])
def test_all_folds_are_tuned_where_the_first_is_no_judge(
    problem: Problem, monkeypatch: pytest.MonkeyPatch, in_time: bool
) -> None:
    monkeypatch.setitem(TUNED, "tuned_text", NoGain)
    rows = np.arange(N)
    if in_time:  # the first one learns from the fewest rows
        problem = replace(problem, folds=tuple(Fold(rows[:k], rows[k : k + 15]) for k in (15, 30, 45)))
    tried = Tried(problem, problem.budget)
    tried.candidates.append(Candidate("linear-all", "linear", "all", error="" if in_time else "failed"))
    NoGain.fits.clear()
    try_tuned("tuned_text", tried, Budget(100.0))
    assert len(NoGain.fits) == 1 + 3 and not tried.candidates[-1].error


def test_a_line_says_why_not(problem: Problem) -> None:
    tried = Tried(problem, problem.budget)
    try_tuned("tuned_text", tried, Budget(0.05))
    (candidate,) = tried.candidates
    assert candidate.error.startswith("not tried: ") and " s that there are for it" in candidate.error


def test_an_encoder_is_tuned_whatever_became_of_another_one(problem: Problem) -> None:
    tried = Tried(problem, problem.budget)
    tried.candidates.append(Candidate("tuned_image-image", "tuned_image", "image", error="not tried: too slow: 9 s"))
    try_tuned("tuned_text", tried, Budget(100.0))
    assert not tried.candidates[-1].error and tried.candidates[-1].model == "tuned_text"


def test_what_has_no_texts_gets_no_line(problem: Problem) -> None:
    tried = Tried(problem, problem.budget)
    try_tuned("tuned_image", tried, Budget(100.0))
    table = replace(problem.examples.table, contents=None)
    bare = replace(problem, examples=replace(problem.examples, table=table))
    without = Tried(bare, problem.budget)
    try_tuned("tuned_text", without, Budget(100.0))
    try_tuned("fusion_net", tried, Budget(100.0))  # a text alone
    assert not tried.candidates and not without.candidates


def test_photos_that_cannot_be_read_end_no_search(
    problem: Problem, encoders: tuple[Encoder, Encoder], tmp_path: Path
) -> None:
    column = Column("photo", Modality.IMAGE, Title("photo", "photo"))
    cells = np.empty(N, dtype=object)
    cells[:] = [b"\x89PNG\r\n\x1a\n no photo %d" % i for i in range(N)]
    store = EmbeddingStore(tmp_path / "photos")
    contents = Contents({"photo": column}, {"photo": cells}, {Modality.IMAGE: encoders[1].to_json()}, None, store)
    block = Block("photo", "embedding", opaque_features(column, "embedding", 3), np.zeros((N, 3), "f4"))
    table = FeatureTable((block,), pd.RangeIndex(N), contents)
    broken = replace(problem, examples=replace(problem.examples, table=table))
    tried = Tried(broken, problem.budget)
    try_tuned("tuned_image", tried, Budget(60.0))
    (candidate,) = tried.candidates  # the same for every row, which the search makes a failure
    assert candidate.error or np.ptp(candidate.out_of_fold) == 0.0


def test_too_little_memory_is_a_line(problem: Problem, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning_turn, "memory_lack", lambda _: "it would take more memory than there is")
    tried = Tried(problem, problem.budget)
    try_tuned("tuned_text", tried, Budget(100.0))
    assert tried.candidates[0].error == "not tried: it would take more memory than there is"


def test_an_encoder_that_cannot_be_cut_is_a_line(problem: Problem, monkeypatch: pytest.MonkeyPatch) -> None:
    from featurizers import text_trunk

    monkeypatch.setattr(text_trunk, "has_usual_tokenizer", lambda _: False)
    text_trunk._cut.cache_clear()
    tried = Tried(problem, problem.budget)
    try_tuned("tuned_text", tried, Budget(100.0))
    assert "cannot be tuned" in tried.candidates[0].error
