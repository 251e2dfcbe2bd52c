from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest
import torch

from artifacts.examples import Examples
from artifacts.feature_table import Block, FeatureTable
from artifacts.outcome import Outcome
from artifacts.schema import SHARES, Column, Kind, Modality, Title, opaque_features
from automl.models.mlp import MLPModel
from automl.models.network import column_contributions, complete, parts_of
from automl.models.tabm import TabMModel

TINY = {"projection": 8, "width": 16, "layers": 1, "epochs": 20, "batch": 32, "learning_rate": 1e-2}


def make_examples(n: int = 200) -> Examples:
    rng = np.random.default_rng(0)
    blocks = []
    for name, size in (("a", 1), ("photo", 20), ("b", 2)):
        column = Column(name, Modality.NUMERIC, Title(name, name))
        blocks.append(Block(name, "net", opaque_features(column, "net", size), rng.normal(size=(n, size)).astype("f4")))
    y = blocks[0].values[:, 0] * 3.0 + np.abs(blocks[1].values[:, 0]) + 100.0
    return Examples(FeatureTable(tuple(blocks), pd.RangeIndex(n)), Outcome(Kind.REGRESSION, y.astype(np.float64)))


def test_narrow_blocks_share_a_projection() -> None:
    order, parts = parts_of(np.repeat([0, 1, 2], [1, 20, 2]))
    assert parts == (3, 20) and order[:3].tolist() == [0, 21, 22]


def test_integrated_gradients_are_nearly_complete_before_the_rest_is_spread() -> None:
    examples = make_examples()
    model = MLPModel(TINY).fit(examples)
    x = torch.from_numpy(model._matrix(examples.table).astype(np.float64))
    grouped = [torch.tensor([i]) for i in range(x.shape[1])]
    values, scores, base = column_contributions(model.net_, x, torch.from_numpy(model.reference_), grouped, 12)
    left = np.abs(scores - base - values.sum(axis=1))
    assert left.mean() < 1e-3 * np.abs(scores - base).mean()
    np.testing.assert_allclose(complete(values, scores, base).sum(axis=1), scores - base, atol=1e-10)


def test_contributions_equal_integrated_gradients_in_the_space_of_columns() -> None:
    examples = make_examples(20)
    model = MLPModel(TINY).fit(examples)
    x = torch.from_numpy(model._matrix(examples.table).astype(np.float64))
    reference = torch.from_numpy(model.reference_)
    grouped = [torch.tensor([i]) for i in range(x.shape[1])]
    values, _, _ = column_contributions(model.net_, x, reference, grouped, 8)
    nodes, shares = np.polynomial.legendre.leggauss(8)
    expected = torch.zeros_like(x)
    for node, share in zip((nodes + 1) / 2, shares / 2, strict=True):
        point = (reference + node * (x - reference)).requires_grad_(True)
        (gradient,) = torch.autograd.grad(model.net_(point).sum(), point)
        expected += share * gradient * (x - reference)
    np.testing.assert_allclose(values[:, :, 0], expected.numpy(), atol=1e-12)


def test_what_matters_gets_the_contribution() -> None:
    examples = make_examples()
    model = MLPModel(TINY).fit(examples)
    groups = np.repeat([0, 1, 2], [1, 20, 2])
    found = model.contributions(examples.table, groups, ["a", "photo", "b"])
    assert found.importance[0] > 3 * found.importance[2] and "Gauss-Legendre" in found.method


def test_no_global_state_of_torch_is_changed(tmp_path) -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    threads = torch.get_num_threads()
    torch.manual_seed(7)
    model = MLPModel(TINY, seed=1).fit(make_examples())
    one = model.decide(make_examples().table)
    assert torch.equal(torch.rand(3), expected) and torch.get_num_threads() == threads
    model.save(tmp_path)
    torch.manual_seed(7)
    MLPModel.load(tmp_path)
    assert torch.equal(torch.rand(3), expected)
    other = MLPModel(TINY, seed=2).fit(make_examples()).decide(make_examples().table)
    assert np.abs(one - other).max() > 0


def test_the_best_epoch_on_valid_is_kept() -> None:
    examples = make_examples(60)
    noise = Examples(examples.table, Outcome(Kind.REGRESSION, np.random.default_rng(1).normal(size=60)))
    model = MLPModel({**TINY, "epochs": 40, "patience": 3}).fit(
        noise.take(np.arange(40)), noise.take(np.arange(40, 60))
    )
    assert model.epochs_ < 40
    assert MLPModel().params_for_refit([model])["epochs"] == max(1, model.epochs_)


@pytest.mark.parametrize("with_valid", [True, False])
def test_the_deadline_brings_the_training_to_an_end(with_valid) -> None:
    examples = make_examples()
    started = time.monotonic()
    model = MLPModel({**TINY, "epochs": 10**6}).fit(examples, examples if with_valid else None, deadline=started + 1.0)
    assert time.monotonic() - started < 2.5
    assert np.corrcoef(model.predict(examples.table)[:, 0], examples.outcome.y)[0, 1] > 0.9


def two_modalities(n: int = 400) -> Examples:
    """Photo and text say the same, each with noise of its own."""
    rng = np.random.default_rng(0)
    y = rng.normal(size=n)
    blocks = []
    for name, modality in (("photo", Modality.IMAGE), ("title", Modality.TEXT)):
        values = (y[:, None] + 0.7 * rng.normal(size=(n, 20))).astype("f4")
        features = opaque_features(Column(name, modality, Title(name, name)), "net", 20)
        blocks.append(Block(name, "net", features, values))
    return Examples(FeatureTable(tuple(blocks), pd.RangeIndex(n)), Outcome(Kind.REGRESSION, y))


@pytest.mark.parametrize("net", [MLPModel, TabMModel])
def test_a_row_without_a_photo_is_what_training_blanked(net) -> None:
    examples = two_modalities()
    new = examples.take(np.arange(300, 400))
    blank = new.table.blanked(["image"])

    def error(share: float) -> float:
        params = {**net.get_test_params(), "epochs": 40, "part_dropout": 0.0, "modality_dropout": share}
        model = net(params).fit(examples.take(np.arange(300)))
        return float(np.square(model.predict(blank)[:, 0] - new.outcome.y).mean())

    assert error(0.3) < 0.8 * error(0.0)


def test_modalities_are_blanked_as_the_matrix_shows_a_row_that_lacks_them() -> None:
    examples = two_modalities(50)
    examples.table.blocks[0]._stored[:5] = np.nan  # so that a flag tells that there is no photo
    model = MLPModel({**TINY, "epochs": 1}).fit(examples)
    blank = model._blank(examples.table)
    row = model._matrix(examples.table.take([10]))[0]
    photo = blank.view == SHARES.index("image")
    np.testing.assert_array_equal(
        np.where(photo, blank.row, row), model._matrix(examples.table.take([10]).blanked(["image"]))[0]
    )
    np.testing.assert_array_equal(model._matrix(examples.table.take([0]))[0][photo], blank.row[photo])
    assert np.abs(blank.row[photo]).max() > 0 and photo.sum() == 21
