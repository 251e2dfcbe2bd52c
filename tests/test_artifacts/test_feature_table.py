from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from artifacts.errors import ArtifactError, InputError
from artifacts.feature_table import Block, FeatureTable, concatenate
from artifacts.schema import Column, Modality, Title, opaque_features, quantity_feature


def column(name: str, modality: Modality, *, actionable: bool = False) -> Column:
    return Column(name, modality, Title(name, name), actionable=actionable)


def make_table(n: int = 6) -> FeatureTable:
    rng = np.random.default_rng(0)
    photo, title, shop = (
        column("photo", Modality.IMAGE),
        column("title", Modality.TEXT, actionable=True),
        column("shop", Modality.CATEGORICAL),
    )
    words = quantity_feature(title, "statistics", "words", Title("words", "слова"))
    code = quantity_feature(shop, "category", "code", Title("code", "код"))
    return FeatureTable(
        (
            Block("photo", "embedding", opaque_features(photo, "embedding", 12), rng.normal(size=(n, 12)).astype("f4")),
            Block("title", "statistics", (words,), np.arange(n, dtype="f4").reshape(-1, 1)),
            Block("shop", "category", (code,), np.array([[i % 3 - 1] for i in range(n)], dtype="f4"), ("a", "b")),
        ),
        pd.Index([f"r{i}" for i in range(n)]),
    )


def test_names_are_unique_padded_and_in_order() -> None:
    names = [feature.name for feature in make_table().features]
    assert names[0] == "photo__embedding_00" and names[11] == "photo__embedding_11"
    assert names[12:] == ["title__words", "shop__code"]


def test_views_and_select() -> None:
    table = make_table()
    assert table.views == ("all", "image", "text", "table")
    assert table.select(view="text+image").n_features == 13
    assert [b.source for b in table.select(modality=Modality.CATEGORICAL).blocks] == ["shop"]
    assert table.select(source="title").features[0].actionable
    with pytest.raises(InputError, match="Unknown view 'sound'"):
        table.select(view="sound")


def test_joint_features_are_in_no_single_view() -> None:
    table = make_table()
    joint = Block("title", "joint", opaque_features(column("title", Modality.JOINT), "joint", 3), np.ones((6, 3), "f4"))
    both = FeatureTable((*table.blocks, joint), table.index)
    assert both.views == ("all", "image", "text", "table")
    sizes = {view: both.select(view=view).n_features - table.select(view=view).n_features for view in both.views}
    assert sizes == {"all": 3, "image": 0, "text": 0, "table": 0}
    for view, more in (("text+image", 3), ("image+text", 3), ("table+image+text", 3), ("image+table", 0)):
        assert both.select(view=view).n_features == table.select(view=view).n_features + more
    assert both.select(modality=Modality.JOINT).features == joint.features
    assert both.select(view="text", source="title").n_features == 1
    lacking = FeatureTable((table.blocks[1], joint), table.index)
    assert lacking.views == ("all", "text"), "text alone is less than everything"
    with pytest.raises(InputError, match="Unknown view 'joint'"):
        both.select(view="joint")


def test_joint_features_survive_a_folder(tmp_path: Path) -> None:
    joint = Block("title", "joint", opaque_features(column("title", Modality.JOINT), "joint", 3), np.ones((6, 3), "f4"))
    FeatureTable((joint,), make_table().index).save(tmp_path)
    assert FeatureTable.load(tmp_path).blocks[0].modality is Modality.JOINT


def test_take_composes_and_shares_the_stored_values() -> None:
    table = make_table()
    taken = table.take(np.array([4, 2, 0])).take(np.array([False, True, True]))
    assert list(taken.index) == ["r2", "r0"]
    np.testing.assert_array_equal(taken.to_numpy(), table.to_numpy()[[2, 0]])
    np.testing.assert_array_equal(table.take(np.array([4, 2, 0])).to_numpy(np.array([1])), table.to_numpy()[[2]])
    assert taken.blocks[0]._stored is table.blocks[0]._stored


def test_a_matrix_by_columns_holds_the_same() -> None:
    table = make_table().take(np.array([4, 1, 1]))
    by_columns = table.to_numpy(order="F")
    assert by_columns.flags.f_contiguous
    np.testing.assert_array_equal(by_columns, table.to_numpy())


def test_pandas_gives_categories_and_missing() -> None:
    frame = make_table().to_pandas()
    assert list(frame["shop__code"].astype("object").where(frame["shop__code"].notna(), None))[:3] == [None, "a", "b"]
    assert frame.shape == (6, 14) and list(frame.index)[:2] == ["r0", "r1"]


def test_save_and_load_are_equal(tmp_path) -> None:
    table = make_table().take(np.array([5, 1, 3]))
    table.save(tmp_path / "t")
    back = FeatureTable.load(tmp_path / "t")
    assert back.features == table.features and list(back.index) == list(table.index)
    np.testing.assert_array_equal(back.to_numpy(), table.to_numpy())
    (tmp_path / "t" / "block_001.parquet").write_bytes(b"broken")
    with pytest.raises(ArtifactError, match="run fit again"):
        FeatureTable.load(tmp_path / "t")


def test_concatenate_puts_rows_below_each_other() -> None:
    table = make_table()
    both = concatenate([table.take(np.array([0])), table.take(np.array([3, 4]))])
    np.testing.assert_array_equal(both.to_numpy(), table.to_numpy()[[0, 3, 4]])
    with pytest.raises(InputError, match="same features"):
        concatenate([table, table.select(view="text")])


@pytest.mark.parametrize(
    ("values", "categories", "match"),
    [
        (np.zeros((2, 1)), None, "float32"),
        (np.zeros((2, 2), dtype="f4"), None, "2 columns of values and 1 features"),
        (np.full((2, 1), 3, dtype="f4"), ("a",), "codes from -1 to 0"),
    ],
)
def test_a_block_checks_itself(values, categories, match) -> None:
    feature = opaque_features(column("x", Modality.NUMERIC), "number", 1)
    with pytest.raises(InputError, match=match):
        Block("x", "number", feature, values, categories)


def test_a_table_refuses_other_lengths_and_equal_names() -> None:
    block = make_table().blocks[1]
    with pytest.raises(InputError, match="has 6 rows, but the table has 5"):
        FeatureTable((block,), pd.RangeIndex(5))
    with pytest.raises(InputError, match="unique block names"):
        FeatureTable((block, block), pd.RangeIndex(6))
