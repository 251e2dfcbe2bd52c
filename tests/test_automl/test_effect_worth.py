"""What effects are worth is read as it was written, and damage is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from artifacts.errors import ArtifactError
from automl.effect_worth import NUMBERS, EffectCalibration
from automl.models.description import load_arrays, save_arrays
from evaluation.effect_calibration import Worth


def worth(seed: int) -> Worth:
    rng = np.random.default_rng(seed)
    return Worth(rng.normal(size=2), rng.normal(size=3), rng.normal(size=(2, 3)), rng.normal(size=(6, 5)))


def test_it_comes_back_and_damage_is_told(tmp_path: Path) -> None:
    made = EffectCalibration(("title", "photo"), ("a", "b", "c"), (worth(1), worth(2)), worth(0))
    made.save(tmp_path, "m")
    found = EffectCalibration.load(tmp_path, "m")
    with pytest.raises(ArtifactError, match="another model"):
        EffectCalibration.load(tmp_path, "n")
    assert (found.sources, found.quantities, len(found.each)) == (made.sources, made.quantities, 2)
    for one, other in zip((*found.each, found.all), (*made.each, made.all), strict=True):
        for name in ("slopes", "missed", "known", "hidden"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    numbers = load_arrays(tmp_path / NUMBERS)
    lacking = {name: values for name, values in numbers.items() if name != "known"}
    for damaged in ({**numbers, "missed": numbers["missed"][:, :2]}, lacking):
        save_arrays(tmp_path / NUMBERS, damaged)
        with pytest.raises(ArtifactError, match=r"effects.npz|cannot be read"):
            EffectCalibration.load(tmp_path, "m")
