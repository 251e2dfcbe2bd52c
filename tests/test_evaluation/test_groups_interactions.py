from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.typing import NDArray

from artifacts.errors import InputError
from artifacts.feature_table import Block, FeatureTable
from artifacts.schema import Kind
from evaluation.groups_interactions import FEWEST_ROWS, measure_interactions

Float = NDArray[np.float64]
ALL = slice(None)


def products(x: Float) -> Float:
    return 1.5 * x[:, 0] * x[:, 1] - 0.5 * x[:, 2] * x[:, 3] + 3 * x[:, 4] + x[:, 5] ** 2


def test_a_product_has_its_mixed_difference(make_block: Callable[..., object]) -> None:
    table, model = make_block(products, n=500, d=8, seed=0)  # type: ignore[misc]
    found = measure_interactions(model, table, 0, Kind.REGRESSION, seed=0, n_evaluations=2000)
    values = table.blocks[0].values.astype(np.float64)
    sd, together = values.std(axis=0), np.corrcoef(values.T)
    hessian = np.zeros((8, 8))
    hessian[0, 1] = hessian[1, 0] = 1.5
    hessian[2, 3] = hessian[3, 2] = -0.5
    hessian[5, 5] = 2.0
    # Dimensions are almost independent here; what little they go together by counts.
    expected = np.abs(together @ (hessian * sd * sd[:, None]) @ together)
    np.fill_diagonal(expected, 0.0)
    strength = found.strength(ALL)
    np.testing.assert_allclose(strength, expected, atol=0.01)
    assert strength[0, 1] > 5 * np.delete(strength[0], 1).max()
    assert found.axes_share == pytest.approx(1) and found.n_evaluations <= 2000 + 200
    importance = found.importance(ALL)
    assert importance[4] == pytest.approx(3 * sd[4], rel=0.05) and importance[5] == pytest.approx(2, rel=0.2)
    assert (importance[6:] < 0.3).all()


def test_correlated_dimensions_that_add_up_do_not_interact(make_block: Callable[..., object]) -> None:
    table, model = make_block(  # type: ignore[misc]
        lambda x: np.asarray(x.sum(axis=1)), n=500, d=8, seed=0, correlated=True
    )
    found = measure_interactions(model, table, 0, Kind.REGRESSION, seed=0, n_evaluations=2000)
    assert found.strength(ALL).max() < 1e-4 * found.importance(ALL).max()


def test_standard_errors_are_of_the_size_of_the_noise(make_block: Callable[..., object]) -> None:
    def noise(x: Float) -> Float:
        return np.sin(1e4 * (x * np.arange(1, x.shape[1] + 1)).sum(axis=1))

    table, model = make_block(noise, n=500, d=12, seed=0)  # type: ignore[misc]
    found = measure_interactions(model, table, 0, Kind.REGRESSION, seed=0, n_evaluations=4000)
    pairs = np.triu_indices(12, 1)
    ratio = (found.strength(ALL) / found.standard_error(ALL))[pairs]
    assert 0.75 < np.sqrt(np.mean(np.square(ratio))) < 1.33


def test_other_blocks_do_not_disturb(make_block: Callable[..., object]) -> None:
    table, model = make_block(products, n=500, d=8, seed=0)  # type: ignore[misc]
    block = table.blocks[0]
    other = tuple(replace(f, name=f"other_{f.name}", source="other") for f in block.features)
    values = np.random.default_rng(9).normal(size=block.values.shape).astype("f4")
    wide = FeatureTable((block, Block("other", "net", other, values)), table.index)

    class Both:
        def decide(self, rows: FeatureTable) -> Float:
            own, others = (b.values.astype(np.float64) for b in rows.blocks)
            return (products(own) + 50 * others[:, 0])[:, None]

    found = measure_interactions(Both(), wide, 0, Kind.REGRESSION, seed=0, n_evaluations=2000)  # type: ignore[arg-type]
    assert found.strength(ALL)[0, 1] == pytest.approx(1.5, rel=0.15)
    alone = measure_interactions(model, table, 0, Kind.REGRESSION, seed=0, n_evaluations=2000)
    np.testing.assert_allclose(found.strength(ALL), alone.strength(ALL), atol=1e-3)


def test_many_classes_are_looked_at_along_what_tells_them_apart(make_block: Callable[..., object]) -> None:
    table, _ = make_block(products, n=300, d=6, seed=0)  # type: ignore[misc]

    class Classes:
        def __init__(self, shift: float) -> None:
            self.shift = shift

        def decide(self, rows: FeatureTable) -> Float:
            x = rows.blocks[0].values.astype(np.float64)
            everywhere = self.shift * x[:, 4:5] * x[:, 5:6]  # the same for all classes: changes no probability
            return x[:, :1] * x[:, 1:2] * np.linspace(-1, 1, 9) + everywhere

    found = [
        measure_interactions(Classes(s), table, 0, Kind.MULTICLASS, seed=0, n_evaluations=1500).strength(ALL)  # type: ignore[arg-type]
        for s in (0.0, 5.0)
    ]
    np.testing.assert_allclose(found[0], found[1], atol=1e-6)
    assert found[0][0, 1] == pytest.approx(np.linalg.norm(np.linspace(-1, 1, 9)), rel=0.15)
    assert found[0][4, 5] < 0.1 * found[0][0, 1]


def test_what_cannot_be_measured_is_said(make_block: Callable[..., object]) -> None:
    table, model = make_block(products, n=60, d=8, seed=0)  # type: ignore[misc]
    with pytest.raises(InputError, match=f"known in 3 rows, but .* need {FEWEST_ROWS}"):
        measure_interactions(model, table.take(np.arange(3)), 0, Kind.REGRESSION, seed=0)
    with pytest.raises(InputError, match="would take more than 1e-09 seconds"):
        measure_interactions(model, table, 0, Kind.REGRESSION, seed=0, seconds=1e-9)
    block = table.blocks[0]
    for bad, words in ((np.nan, "known in 0 rows"), (1.0, "does not vary enough")):
        same = Block(block.source, block.featurizer, block.features, np.full((60, 8), bad, "f4"))
        with pytest.raises(InputError, match=words):
            measure_interactions(model, FeatureTable((same,), table.index), 0, Kind.REGRESSION, seed=0)


def test_a_machine_that_becomes_slow_gives_fewer_rows(
    make_block: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    table, model = make_block(products, n=500, d=8, seed=0)  # type: ignore[misc]
    looks = iter([0.0, 0.0, 0.01, *np.arange(4.0, 400.0, 4.0)])  # quick at first, then four seconds a chunk
    clock = SimpleNamespace(monotonic=lambda: float(next(looks)))
    monkeypatch.setattr("evaluation.groups_interactions.time", clock)
    monkeypatch.setattr("evaluation.groups_interactions.CHUNK_ROWS", 100)
    found = measure_interactions(model, table, 0, Kind.REGRESSION, seed=0, seconds=9.0, n_evaluations=8000)
    assert found.n_evaluations == 200 + 4 * 300
    assert found.strength(ALL).shape == (8, 8) and found.strength(ALL)[0, 1] > 0.5


def test_rows_without_an_embedding_are_left_out(make_block: Callable[..., object]) -> None:
    table, model = make_block(products, n=500, d=8, seed=0)  # type: ignore[misc]
    block, values = table.blocks[0], table.blocks[0].values.copy()
    values[::10] = np.nan
    holes = FeatureTable((Block(block.source, block.featurizer, block.features, values),), table.index)
    found = measure_interactions(model, holes, 0, Kind.REGRESSION, seed=0, n_evaluations=2000)
    assert np.isfinite(found.strength(ALL)).all() and found.strength(ALL)[0, 1] == pytest.approx(1.5, rel=0.15)
