from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest

from artifacts.schema import Column, Modality, Title
from featurizers.base import Surroundings
from featurizers.hierarchy import MAX_LEVELS, Hierarchy, looks_like_path, path_down, path_separator, split_paths

COLUMN = Column("path", Modality.CATEGORICAL, Title("Category", "Категория"), actionable=True)
TREE = {
    "Shoes": {"Men": ["Boots", "Slippers"], "Women": ["Heels", "Sandals"]},
    "Home": {"Kitchen": ["Mugs", "Pans"], "Garden": ["Pots", "Tools"]},
}


def paths(separator: str, *, top: str = "") -> list[str]:
    found = [[a, b, c] for a, below in TREE.items() for b, leaves in below.items() for c in leaves]
    return [separator.join([*([top] if top else []), *path]) for path in found]


@pytest.mark.parametrize("separator", ["->", " > ", ">", " / ", "/", "|", " → ", "::", "\\", "»", " -> "])
def test_separators(separator: str) -> None:
    found = path_separator(paths(separator))
    assert found is not None and found.strip() == separator.strip()
    assert looks_like_path(pd.Series([*paths(separator), None, " "]))


NO_PATHS = {
    "colours": ["red / blue", "blue / green", "green / red", "white / red", "blue / red"],
    "genres": ["Action|Comedy", "Action|Drama", "Comedy|Drama", "Drama|War", "Action|Drama|War"],
    "sizes of things": ["S|red|wool", "M|red|wool", "S|blue|silk", "M|blue|wool", "S|red|silk", "M|red|silk"],
    "floors": ["1/9", "2/9", "3/17", "4/5", "12/20"],
    "dates": ["2020/01/02", "2020/01/03", "2020/02/02", "2021/01/02"],
    "links": ["https://a.b/c/d", "https://a.b/c/e", "https://a.b/d/e", "https://a.b/d/f", "https://a.b/d/g"],
    "html": ["<p>One</p> text", "<p>Two</p> text", "<p>Three</p> text", "<b>Four</b> text", "<b>Five</b>"],
    "words": ["red", "blue", "and/or", "green", "white"],
    "lists": ['["a > b"]', '["a > c"]'],
    "sentences": [f"{'This is a long sentence about things ' * 3} -> {'and so is that ' * 5} {i}" for i in range(9)],
    "nothing": [],
}


@pytest.mark.parametrize("name", NO_PATHS)
def test_what_only_holds_a_separator_is_no_path(name: str) -> None:
    assert path_separator(NO_PATHS[name]) is None
    assert not looks_like_path(pd.Series(NO_PATHS[name], dtype=object))


def test_levels_and_depth() -> None:
    values = pd.Series([*paths("->", top="All"), "All->Shoes", None], index=[f"r{i}" for i in range(10)])
    around = Surroundings()
    blocks = Hierarchy(COLUMN).fit(values, around).transform(values, around)
    assert [f.name for b in blocks for f in b.features] == ["path__level_2", "path__level_3", "path__level_4",
                                                            "path__depth"]  # fmt: skip
    second, third, fourth, depth = blocks
    assert second.categories == ("All → Home", "All → Shoes"), "a top that all rows share has no block"
    assert second.values[:, 0].tolist() == [1] * 4 + [0] * 4 + [1, -1]
    assert third.values[-2:, 0].tolist() == [-1, -1] and len(fourth.categories or ()) == 8
    np.testing.assert_array_equal(depth.values[:, 0], [4] * 8 + [2, np.nan])
    assert second.features[0].title.ru == "Категория: категория, уровень 2" and second.features[0].actionable
    assert not around.audit.findings


def test_a_path_never_seen_keeps_its_known_levels_and_is_reported() -> None:
    fitted = Hierarchy(COLUMN).fit(pd.Series(paths("->")), Surroundings())
    around = Surroundings()
    new = pd.Series(["Shoes->Men->Crocs", "Shoes -> Men -> Boots", "Toys", "Shoes->Men->Boots->Winter"],
                    index=list("abcd"))  # fmt: skip
    first, second, third, depth = fitted.transform(new, around)
    assert first.categories == ("Home", "Shoes") and first.values[:, 0].tolist() == [1, 1, -1, 1]
    assert second.values[1, 0] == second.values[0, 0] == second.values[3, 0] >= 0
    assert third.values[0, 0] == -1 and third.values[1, 0] == third.values[3, 0] >= 0
    assert depth.values[:, 0].tolist() == [3, 3, 1, 4]
    [finding] = around.audit.findings
    assert finding.code == "path_new" and finding.rows == ("a", "c") and "known levels" in finding.in_language("en")


def test_equal_names_below_different_parents_are_different_categories() -> None:
    values = pd.Series(["A->Men->Shirts", "A->Women->Shirts", "B->Men->Shirts", "B->Men->Coats"])
    third = Hierarchy(COLUMN).fit(values, Surroundings()).transform(values, Surroundings())[2]
    assert len(set(third.values[:, 0])) == 4 and "A → Men → Shirts" in (third.categories or ())


def test_splitting() -> None:
    assert split_paths(["a->> b ->", None, "->", 5.0, "a"], "->") == [["a", "> b"], [], [], ["5"], ["a"]]
    assert split_paths(["a / b"], None) == [["a / b"]]
    assert path_down(["All", "Shoes"]) == ["All", "All → Shoes"] and path_down([]) == []
    assert len(path_down(["x"] * 100)) == MAX_LEVELS


def test_long_and_deep_values_take_linear_time() -> None:
    hostile = ["a->" * 400_000, "x" * 1_000_000 + "->y", "->" * 500_000, ">" * 1_000_000, "All->Shoes"]
    values = pd.Series(hostile * 20)
    started = time.perf_counter()
    blocks = Hierarchy(COLUMN).fit(values, Surroundings()).transform(values, Surroundings())
    assert time.perf_counter() - started < 5
    assert all(len(block.categories or ()) <= 5 for block in blocks) and len(blocks) <= MAX_LEVELS + 1


def test_many_levels_are_counted_but_only_the_first_are_categories() -> None:
    values = pd.Series(["->".join(f"n{i}{k}" for k in range(12)) for i in range(3)] * 2)
    blocks = Hierarchy(COLUMN).fit(values, Surroundings()).transform(values, Surroundings())
    assert len(blocks) == MAX_LEVELS + 1 and (blocks[-1].values == 12).all()
