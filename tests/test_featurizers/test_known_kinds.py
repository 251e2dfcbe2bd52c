from __future__ import annotations

import numpy as np
import pandas as pd

from artifacts.finding import Audit
from artifacts.schema import Column, Modality, Schema, Title
from featurizers.base import Surroundings
from featurizers.known_kinds import KnownKinds, says_more
from featurizers.normalised import recognise, recognised_block
from featurizers.table_featurizer import TableFeaturizer


def column(name: str) -> Column:
    return Column(name, Modality.CATEGORICAL, Title(name, name), actionable=True)


def test_spellings_of_one_level_are_one_and_what_is_unknown_is_said() -> None:
    values = pd.Series(["Лето", "летний", "summer", "зима", "на всякий случай", None], name="season")
    audit = Audit()
    fitted = KnownKinds(column("season")).fit(values, Surroundings(audit=audit))
    (block,) = fitted.transform(values, Surroundings())
    frame = pd.DataFrame(block.values, columns=[feature.name for feature in block.features])
    assert frame["season__season=summer"].tolist() == [1, 1, 1, 0, 0, 0]
    assert frame["season__season=winter"].tolist() == [0, 0, 0, 1, 0, 0]
    (found,) = [f for f in audit.findings if f.code == "characteristic_recognised"]
    assert (found.count, found.total) == (4, 5) and "на всякий случай" in found.in_language("ru")


def test_rows_do_not_depend_on_others_and_new_spellings_are_known() -> None:
    fitted = KnownKinds(column("age")).fit(pd.Series(["0+", "12 месяцев", "18+", "для школьников"]), Surroundings())
    late = pd.Series(["для взрослых", "от 3 лет", None, "0+"], index=list("abcd"))
    (whole,) = fitted.transform(late, Surroundings())
    for i in range(len(late)):
        (one,) = fitted.transform(late.iloc[[i]], Surroundings())
        np.testing.assert_array_equal(one.values, whole.values[[i]])
    assert np.isnan(whole.values[2, 0]) and whole.values[0, 0] > whole.values[3, 0]


def test_a_column_of_nothing_known_gets_no_block() -> None:
    values = pd.Series(["qwe", "rty", "uio"], name="thing")
    assert not says_more("thing", values)
    assert KnownKinds(column("thing")).fit(values, Surroundings()).transform(values, Surroundings()) == []


def test_the_table_reads_such_a_column_beside_its_categories() -> None:
    frame = pd.DataFrame(
        {"season": ["лето", "летний", "Summer", "winter", "зима", None] * 5, "other": list("abcdef") * 5}
    )
    table = TableFeaturizer(Schema((column("season"), column("other")))).fit_transform(frame, Surroundings())
    made = {(block.source, block.featurizer) for block in table.blocks}
    assert made == {("season", "category"), ("season", "known_kind"), ("other", "category")}


def test_several_values_of_a_cell_can_make_a_level_that_none_spells() -> None:
    cells = [["мужской"], ["женский"], ["мужчинам"], ["женский", "мужской"]] * 5
    found = recognise("пол", cells)
    assert found is not None and set(found.levels) == {"male", "female", "unisex"}
    block = recognised_block(column("пол"), "x", ("", Title("", "")), found, cells)
    assert block.categories is not None and block.categories[int(block.values[3, 0])] == "unisex"
