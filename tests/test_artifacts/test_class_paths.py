from __future__ import annotations

import numpy as np
import pytest

from artifacts.class_paths import ClassPaths, likely_separator

LABELS = ["All > Shoes > Boots", "All > Shoes > Sandals", "All>Bags", "All > Shoes", "All > Bags > Boots"]


def test_a_common_root_and_spaces_do_not_count() -> None:
    found = ClassPaths.of(LABELS, ">")
    assert found.paths == (("Shoes", "Boots"), ("Shoes", "Sandals"), ("Bags",), ("Shoes",), ("Bags", "Boots"))
    assert found.depths.tolist() == [2, 2, 1, 1, 2]


def test_shared_levels_are_counted_from_the_top() -> None:
    shared = ClassPaths.of(LABELS, ">").shared
    assert shared.tolist() == [[2, 1, 0, 1, 0], [1, 2, 0, 1, 0], [0, 0, 1, 0, 1], [1, 1, 0, 1, 0], [0, 0, 1, 0, 2]]


def test_a_class_that_ends_above_a_level_is_a_branch_of_its_own_there() -> None:
    branches = ClassPaths.of(LABELS, ">").branches
    assert branches.shape == (2, 5)
    assert branches[0].tolist() == [0, 0, 1, 0, 1]
    assert len(set(branches[1])) == 5


def test_odd_labels_are_classes_all_the_same() -> None:
    found = ClassPaths.of(["", " > ", 3, None, "a > b"], " > ")
    assert found.depths.tolist() == [1, 1, 1, 1, 2]
    np.testing.assert_array_equal(np.diag(found.shared)[2:], [1, 1, 2])
    assert ClassPaths.of(["a > b"], " > ").paths == (("a", "b"),)
    assert ClassPaths.of([], " > ").shared.shape == (0, 0)


@pytest.mark.parametrize(
    ("labels", "separator"),
    [
        (["Shoes > Boots", "Shoes > Sandals", "Bags > Totes", "Bags > Belts"], ">"),
        (["Shoes->Boots", "Shoes->Sandals", "Bags->Totes", "Bags->Other"], "->"),
        (["Одежда/Платья", "Одежда/Юбки", "Обувь/Сапоги", "Обувь/Кеды", "Прочее"], "/"),
        (["Shoes", "Bags", "T-Shirts/Tops"], None),
        (["a/b", "c/d", "e/f"], None),
        (["All > a", "All > b"], None),
        ([], None),
    ],
)
def test_labels_that_look_like_paths_tell_their_separator(labels: list[str], separator: str | None) -> None:
    assert likely_separator(labels) == separator
