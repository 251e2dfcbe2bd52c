"""The contract of ``featurizers.base.Featurizer``, over every featurizer that there is."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from artifacts.embedding_store import EmbeddingStore
from artifacts.errors import NotFittedError
from artifacts.feature_table import Block, FeatureTable
from artifacts.finding import Audit
from artifacts.schema import SOURCE_MODALITIES, Column, Modality, Title
from featurizers.base import Featurizer, State, Surroundings
from featurizers.column_forms import FORM_READERS
from featurizers.encoders import resolve_encoder
from featurizers.table_featurizer import FEATURIZERS, READERS

N = 24
ODD: list[Any] = [
    None, float("nan"), pd.NaT, pd.NA, "", "  ", "\n", "text", "никогда прежде", 0, -1, 5.5, 1e300, float("inf"), True,
    b"", b"\x00\xff", [], {}, [None], ["a", ["b"]], {"a": {"b": [1]}}, (1, 2), {"x"}, object(), 10**30, 1 + 2j,
    "\ud800", "<script>alert(1)</script>", "../../etc/passwd", "/etc/passwd", "a" * 10_000,
    "{'a': ", "[", "1,5", "2020-02-30",
    pd.Timestamp("2020-01-01", tz="UTC"), np.array([1, 2]), np.float32(3), "data:image/png;base64,AAAA", "🔥🔥", "\x00",
]  # fmt: skip


def _photo(i: int) -> str:
    stream = io.BytesIO()
    Image.new("RGB", (40 + i, 30), (i * 10 % 256, 90, 200 - i)).save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode()


VALUES: dict[Modality, Callable[[int], Any]] = {
    Modality.NUMERIC: lambda i: [f"{i},5", i, None, "about ten"][i % 4],
    Modality.CATEGORICAL: lambda i: ["red", 1, None, "blue"][i % 4],
    Modality.DATETIME: lambda i: [f"2020-01-{i + 1:02d} 10:00", None, f"May {i + 1}, 2021", "soon"][i % 4],
    Modality.NESTED: lambda i: [{"a": i, "b": ["x", "y"][: 1 + i % 2]}, f"{{'c': 'v{i % 3}'}}", None, "{'cut"][i % 4],
    Modality.LIST: lambda i: [["a", "b"], "['b', 'c']", None, "['cut"][i % 4],
    Modality.TEXT: lambda i: [f"A red shirt number {i}", f"Синяя рубашка, {i}", None, "<b>Sale!</b>"][i % 4],
    Modality.IMAGE: lambda i: [_photo(i), [_photo(2 * i), _photo(i), "missing.jpg"], None, "missing.jpg"][i % 4],
}
OWN_VALUES: dict[str, Callable[[int], Any]] = {
    "known_kind": lambda i: ["лето", "летний", "winter", None][i % 4],
}


@dataclass(frozen=True)
class Case:
    """A featurizer with a column of its modality, and where it works."""

    make: Callable[[], Featurizer]
    values: pd.Series[Any]
    around: Callable[[], Surroundings]

    def fitted(self) -> Featurizer:
        return self.make().fit(self.values, self.around())


@pytest.fixture(scope="module", params=FEATURIZERS)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    key: str = request.param
    made_by = FEATURIZERS[key]
    modality = next(iter(sorted(made_by.modalities)))
    column = Column("source", modality, Title("Source", "Источник"), actionable=True)
    folder = tmp_path_factory.mktemp(key)
    arguments: tuple[Any, ...] = (column,)
    if key == "text_embedding":
        arguments = (column, resolve_encoder("bundled:minilm", Modality.TEXT, Path(), Audit()))
    elif key == "image_embedding":
        tiny = request.getfixturevalue("tiny_image_encoder_folder")
        arguments = (column, resolve_encoder(str(tiny), Modality.IMAGE, Path(), Audit()))
    value_of = OWN_VALUES.get(key, VALUES[modality])
    values = pd.Series([value_of(i) for i in range(N)], index=[f"r{i}" for i in range(N)], dtype=object)
    return Case(lambda: made_by(*arguments), values, lambda: Surroundings(folder, EmbeddingStore(folder / "cache")))


def whole(blocks: list[Block], values: pd.Series[Any]) -> FeatureTable:
    """The blocks as a table, which checks shapes and names."""
    return FeatureTable(tuple(blocks), values.index)


def assert_same(blocks: list[Block], others: list[Block]) -> None:
    assert [b.name for b in blocks] == [b.name for b in others]
    for block, other in zip(blocks, others, strict=True):
        assert block.features == other.features and block.categories == other.categories
        np.testing.assert_allclose(block.values, other.values, rtol=1e-5, atol=1e-5)


def test_blocks_are_named_after_the_source_and_hold_a_row_per_value(case: Case) -> None:
    fitted = case.fitted()
    table = whole(fitted.transform(case.values, case.around()), case.values)
    assert table.n_features and table.n_samples == N
    for block in table.blocks:
        assert block.source == "source" and block.featurizer.split(":")[0] == fitted.name
        for feature in block.features:
            assert feature.source == "source" and feature.featurizer == block.featurizer
            assert feature.name.startswith("source__") and feature.modality is fitted.column.modality
            assert feature.title.en and feature.title.ru
            assert not (feature.opaque and feature.actionable)


def test_row_by_row_and_in_another_order_gives_the_same(case: Case) -> None:
    fitted = case.fitted()
    values = pd.concat([case.values, pd.Series(ODD, dtype=object)])
    table = whole(fitted.transform(values, case.around()), values)
    order = np.random.default_rng(0).permutation(len(values))
    assert_same(fitted.transform(values.iloc[order], case.around()), list(table.take(order).blocks))
    for row in range(0, len(values), 7):
        one = values.iloc[row : row + 1]
        assert_same(fitted.transform(one, case.around()), list(table.take(np.array([row])).blocks))


def test_input_is_unchanged(case: Case) -> None:
    values = pd.concat([case.values, pd.Series(ODD, dtype=object)])
    before, objects = [repr(value) for value in values], list(values)
    case.make().fit(values, case.around()).transform(values, case.around())
    assert [repr(value) for value in values] == before
    assert all(value is given for value, given in zip(values, objects, strict=True))


def test_odd_values_never_raise_in_fit_or_transform(case: Case) -> None:
    odd = pd.Series(ODD, dtype=object)
    whole(case.fitted().transform(odd, case.around()), odd)
    whole(case.make().fit(odd, case.around()).transform(odd, case.around()), odd)
    for value in ODD:
        single = pd.Series([None], dtype=object)
        single.iat[0] = value
        whole(case.make().fit(single, case.around()).transform(single, case.around()), single)


@pytest.mark.parametrize("kind", ["float64", "Int64", "bool", "category", "datetime64[ns]", "string", "nothing"])
def test_columns_of_any_type_never_raise(case: Case, kind: str) -> None:
    values = pd.Series([1, 0, 1]).astype("object" if kind == "nothing" else kind)  # type: ignore[call-overload]
    if kind == "nothing":
        values[:] = None
    whole(case.fitted().transform(values, case.around()), values)
    whole(case.make().fit(values, case.around()).transform(values, case.around()), values)


def test_no_rows_and_one_row(case: Case) -> None:
    fitted = case.fitted()
    expected = [b.features for b in fitted.transform(case.values, case.around())]
    for n in (0, 1):
        blocks = fitted.transform(case.values.head(n), case.around())
        assert [b.features for b in blocks] == expected
        assert all(b.values.shape == (n, len(b.features)) for b in blocks)
    none = case.values.head(0)
    whole(case.make().fit(none, case.around()).transform(case.values, case.around()), case.values)


def test_saved_and_loaded_it_gives_equal_output(case: Case, tmp_path: Path) -> None:
    fitted = case.fitted()
    fitted.state().save(tmp_path / "state")
    loaded = case.make().restore(State.load(tmp_path / "state"))
    values = pd.concat([case.values, pd.Series(ODD, dtype=object)])
    assert_same(loaded.transform(values, case.around()), fitted.transform(values, case.around()))
    names = {path.suffix for path in (tmp_path / "state").rglob("*") if path.is_file()}
    assert names <= {".json", ".npz"}


def test_fitted_twice_it_gives_the_same_names(case: Case) -> None:
    first, second = case.fitted(), case.fitted()
    assert_same(first.transform(case.values, case.around()), second.transform(case.values, case.around()))


def test_unfitted_it_says_so(case: Case) -> None:
    made = case.make()
    try:
        made.state()
    except NotFittedError as error:
        assert "fit" in str(error)
        with pytest.raises(NotFittedError):
            made.transform(case.values, case.around())
    else:  # one that learns nothing is always ready
        whole(made.transform(case.values, case.around()), case.values)


def test_every_featurizer_is_read_by_some_modality_that_it_knows() -> None:
    for modality, sets in READERS.items():
        for key in {key for keys in sets for key in keys}:
            assert modality in FEATURIZERS[key].modalities
    assert {key for sets in READERS.values() for keys in sets for key in keys} | {*FORM_READERS} == set(FEATURIZERS)
    assert set(READERS) == set(SOURCE_MODALITIES)
