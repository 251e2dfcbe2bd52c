from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from artifacts.embedding_store import EmbeddingStore
from artifacts.errors import ArtifactError, InputError, NotFittedError
from artifacts.finding import Audit
from artifacts.schema import Column, Modality, Schema, Title
from artifacts.tables import read_parquet
from featurizers import affordability, text_embedding
from featurizers.base import Featurizer, Surroundings
from featurizers.column_guess import guess_column
from featurizers.encoders import Encoder, resolve_encoder
from featurizers.table_featurizer import TableFeaturizer

N = 30
HOUSES = Path(__file__).resolve().parents[3] / "shared" / "data" / "houses"


def column(name: str, modality: Modality) -> Column:
    return Column(name, modality, Title(name, name), actionable=modality is not Modality.NUMERIC)


SCHEMA = Schema(
    (
        column("price", Modality.NUMERIC),
        column("colour", Modality.CATEGORICAL),
        column("day", Modality.DATETIME),
        column("title", Modality.TEXT),
        column("details", Modality.NESTED),
        column("tags", Modality.LIST),
        column("photo", Modality.IMAGE),
    ),
    id="id",
    left_out={"sold": "the target is made of it"},
)


def make_frame(n: int = N) -> pd.DataFrame:
    about = "A long description that is a text for people, not a category, and it has the number"
    return pd.DataFrame(
        {
            "id": range(n),
            "price": [f"{i},5 ₽" for i in range(n)],
            "colour": [["red", "blue", None][i % 3] for i in range(n)],
            "day": [f"2024-01-{i % 28 + 1:02d}" for i in range(n)],
            "title": [f"Shirt number {i} of wool" for i in range(n)],
            "details": [
                repr({"season": ["summer", "winter"][i % 2], "words": i, "about": f"{about} {i}"}) for i in range(n)
            ],
            "tags": [["new", "sale"][: i % 3] for i in range(n)],
            "photo": [None] * n,
            "sold": 1,
        },
        index=[f"row {i}" for i in range(n)],
    )


@pytest.fixture
def around(tmp_path: Path) -> Surroundings:
    return Surroundings(tmp_path, EmbeddingStore(tmp_path / "cache"))


def test_every_column_is_read_and_the_index_kept(around: Surroundings) -> None:
    frame = make_frame()
    table = TableFeaturizer(SCHEMA).fit_transform(frame, around)
    assert list(table.index) == list(frame.index)
    assert {block.source for block in table.blocks} == {*SCHEMA.names, "details.about", "details.*"}
    assert table.views == ("all", "image", "text", "table")
    names = [feature.name for feature in table.features]
    assert {"price__value", "colour__category", "title__words", "details__season", "details__season_filled",
            "tags__has_new", "photo__brightness"} <= set(names)  # fmt: skip
    assert not [finding for finding in around.audit.findings if finding.code.startswith("column_")]


def test_texts_written_in_nested_values_are_read_as_texts(around: Surroundings) -> None:
    table = TableFeaturizer(SCHEMA).fit_transform(make_frame(), around)
    made = {(block.source, block.featurizer): block.modality for block in table.blocks if "details" in block.source}
    assert made["details", "nested"] is Modality.NESTED
    assert made["details.about", "lexical"] is made["details.about", "statistics"] is Modality.TEXT
    assert made["details.*", "lexical"] is Modality.TEXT and ("details.*", "statistics") not in made
    titles = {feature.title.ru for feature in table.features if feature.source == "details.about"}
    assert any(title.startswith("details: about: ") for title in titles)
    plain = make_frame().assign(details=[repr({"season": "winter"})] * N)
    table = TableFeaturizer(SCHEMA).fit_transform(plain, around)
    assert {block.featurizer for block in table.select(source="details").blocks} == {"nested", "nested:season"}


def test_a_title_and_its_description_are_compared_and_filled_from_one_another(
    around: Surroundings, tmp_path: Path
) -> None:
    frame = make_frame()
    about = [
        f"Shirt number {i} of wool. It keeps you warm in the coldest winter of them all, and lasts." for i in range(N)
    ]
    rest = {f"key {k}": "value " * 9 for k in range(9)}  # longer than the description, but nobody's text
    frame["details"] = [json.dumps({"about": text, **rest}) for text in about]
    frame.iloc[3, frame.columns.get_loc("title")] = None
    frame.iloc[4, frame.columns.get_loc("details")] = "{}"
    audit = Audit()
    fitted = TableFeaturizer(SCHEMA).fit(frame, around)
    table = fitted.transform(frame, replace(around, audit=audit))
    pair = table.select(source="title").to_pandas()[[f.name for f in table.features if f.featurizer == "pair"]]
    assert (pair["title__words_share_in_details.about"].drop(["row 3", "row 4"]) == 1).all()
    assert pair.loc["row 3", "title__missing_beside_details.about"] == 1
    assert pair.loc["row 4", "title__alone_without_details.about"] == 1
    assert {f.column: f.count for f in audit.findings if f.code == "text_filled"} == {"title": 1, "details.about": 1}
    lexical = next(b for b in table.blocks if (b.source, b.featurizer) == ("title", "lexical"))
    assert np.abs(lexical.values[3]).sum() > 0, "the first sentence of the description stands in for the title"
    fitted.save(tmp_path / "saved")
    again = TableFeaturizer.load(tmp_path / "saved").transform(frame, around)
    np.testing.assert_array_equal(again.to_numpy(), table.to_numpy())


def test_a_column_named_like_a_text_inside_a_nested_one_is_another_source(around: Surroundings, tmp_path: Path) -> None:
    schema = Schema((column("details", Modality.NESTED), column("details.about", Modality.NUMERIC)))
    frame = make_frame().assign(**{"details.about": range(N)})
    fitted = TableFeaturizer(schema).fit(frame, around)
    table = fitted.transform(frame, around)
    made = {(block.source, block.featurizer) for block in table.blocks}
    assert {("details.about", "number"), ("details.about~2", "lexical")} <= made
    fitted.save(tmp_path / "saved")
    again = TableFeaturizer.load(tmp_path / "saved").transform(frame, around)
    assert again.features == table.features
    np.testing.assert_array_equal(again.to_numpy(), table.to_numpy())
    alone = TableFeaturizer(Schema((column("details", Modality.NESTED),))).fit(make_frame(), around)
    stray = alone.transform(frame, around)
    np.testing.assert_array_equal(stray.to_numpy(), alone.transform(make_frame(), around).to_numpy())


def test_missing_and_new_columns(around: Surroundings) -> None:
    frame = make_frame()
    fitted = TableFeaturizer(SCHEMA).fit(frame, around)
    before = fitted.transform(frame, around)
    odd = frame.drop(columns=["price", "details", "sold"]).assign(extra=1)
    audit = Audit()
    table = fitted.transform(odd, replace(around, audit=audit))
    assert table.features == before.features
    assert np.isnan(table.select(source="price").to_numpy()).all()
    assert [(f.code, f.column) for f in audit.findings if f.code.startswith("column_")] == [
        ("column_missing", "price"), ("column_missing", "details"), ("column_new", "extra"),
    ]  # fmt: skip
    assert fitted.transform(frame.head(0), around).n_samples == 0
    np.testing.assert_array_equal(
        fitted.transform(frame.iloc[[5]], around).to_numpy(), before.take(np.array([5])).to_numpy()
    )


def test_training_must_hold_the_columns(around: Surroundings) -> None:
    with pytest.raises(InputError, match=r"lack the columns \['price'\]"):
        TableFeaturizer(SCHEMA).fit(make_frame().drop(columns="price"), around)
    with pytest.raises(NotFittedError):
        TableFeaturizer(SCHEMA).transform(make_frame(), around)
    twice = pd.concat([make_frame(), make_frame()[["price"]]], axis=1)
    with pytest.raises(InputError, match="same name"):
        TableFeaturizer(SCHEMA).fit(twice, around)


def test_findings_of_rows_come_once(around: Surroundings) -> None:
    frame = make_frame()
    frame.loc["row 3", "price"] = "much"
    TableFeaturizer(SCHEMA).fit_transform(frame, around)
    assert [f.count for f in around.audit.findings if f.code == "number_unreadable"] == [1]


@pytest.mark.parametrize("with_encoders", [False, True])
def test_saved_and_loaded_it_gives_equal_output(
    with_encoders: bool, around: Surroundings, tmp_path: Path, tiny_image_encoder_folder: Path
) -> None:
    text, image = encoders(tiny_image_encoder_folder) if with_encoders else (None, None)
    frame = make_frame()
    fitted = TableFeaturizer(SCHEMA, text, image).fit(frame, around)
    before = fitted.transform(frame, around)
    fitted.save(tmp_path / "saved")
    loaded = TableFeaturizer.load(tmp_path / "saved")
    after = loaded.transform(frame, around)
    assert after.features == before.features and loaded.schema == SCHEMA
    np.testing.assert_array_equal(after.to_numpy(), before.to_numpy())
    made = {(block.source, block.featurizer) for block in before.blocks}
    assert (("title", "embedding") in made) == with_encoders and (
        ("details.about", "embedding") in made
    ) == with_encoders
    assert (("photo", "descriptor") in made) != with_encoders
    assert {path.suffix for path in (tmp_path / "saved").rglob("*") if path.is_file()} <= {".json", ".npz"}


def encoders(folder: Path) -> tuple[Encoder | None, Encoder | None]:
    text = resolve_encoder("bundled:minilm", Modality.TEXT, Path(), Audit())
    return text, resolve_encoder(str(folder), Modality.IMAGE, Path(), Audit())


def test_another_encoder_in_the_place_of_the_old_one_is_refused(
    around: Surroundings, tmp_path: Path, tiny_image_encoder_folder: Path
) -> None:
    _, image = encoders(tiny_image_encoder_folder)
    TableFeaturizer(SCHEMA, None, image).fit(make_frame(), around).save(tmp_path / "saved")
    file = tmp_path / "saved" / "featurizers.json"
    data = json.loads(file.read_text())
    data["encoders"]["image"]["fingerprint"] = "of other weights"
    file.write_text(json.dumps(data))
    with pytest.raises(ArtifactError, match="Put the old files back"):
        TableFeaturizer.load(tmp_path / "saved")


def test_a_damaged_folder_is_refused(around: Surroundings, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError):
        TableFeaturizer.load(tmp_path)
    TableFeaturizer(SCHEMA).fit(make_frame(), around).save(tmp_path / "saved")
    (tmp_path / "saved" / "featurizer_000" / "state.json").unlink()
    with pytest.raises(ArtifactError, match="state"):
        TableFeaturizer.load(tmp_path / "saved")
    (tmp_path / "saved" / "featurizers.json").write_text('{"encoders": {}}')
    with pytest.raises(ArtifactError, match="cannot be read"):
        TableFeaturizer.load(tmp_path / "saved")


def test_what_encoding_may_take_is_kept_and_the_choice_is_saved(
    around: Surroundings, tmp_path: Path, tiny_image_encoder_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def seconds(featurizer: Featurizer, *_: object) -> float:
        asked.append(f"{featurizer.column.name} {getattr(featurizer, 'max_characters', '')}".strip())
        return {
            "title 4000": 1.0,
            "details.about 4000": 900.0,
            "details.about 1000": 300.0,
            "details.about 300": 5.0,
        }.get(asked[-1], 99.0)

    monkeypatch.setattr(affordability, "seconds_to_transform", seconds)
    monkeypatch.setattr(text_embedding, "measure_encoder", lambda *_: (3, 1.0))
    text, image = encoders(tiny_image_encoder_folder)
    frame = make_frame()
    frame["details"] = [repr({"about": "A long description for people. " * 60 + str(i)}) for i in range(N)]
    monkeypatch.setattr(text_embedding, "encode_texts", lambda _, texts, __: np.ones((len(texts), 3), np.float32))
    fitted = TableFeaturizer(SCHEMA, text, image).fit(frame, around, encoding_seconds=60.0)
    assert asked == ["title 4000", *(f"details.about {n}" for n in (4000, 1000, 300)), "photo"]
    found = {(finding.code, finding.column) for finding in around.audit.findings}
    assert {("text_shortened", "details.about"), ("encoder_too_slow", "photo"), ("encoder_used", "title")} <= found
    assert ("encoder_used", "photo") not in found and ("encoder_too_slow", "title") not in found
    table = fitted.transform(frame, around)
    made = {(block.source, block.featurizer) for block in table.blocks}
    assert {
        ("title", "embedding"),
        ("details.about", "embedding"),
        ("photo", "descriptor"),
        ("photo", "quality"),
    } <= made
    assert ("photo", "embedding") not in made
    fitted.save(tmp_path / "saved")
    again = TableFeaturizer.load(tmp_path / "saved").transform(frame, around)
    assert again.features == table.features
    np.testing.assert_array_equal(again.to_numpy(), table.to_numpy())


@pytest.mark.parametrize(
    ("takes", "left_out"),
    [({"quality": 4.0, "descriptor": 3.0}, set()), ({"quality": 9.0, "descriptor": 3.0}, {"quality"})],
)
def test_photos_are_measured_if_the_budget_allows_it(
    around: Surroundings, monkeypatch: pytest.MonkeyPatch, takes: dict[str, float], left_out: set[str]
) -> None:
    """Of 5 s for encoding, none are used, and 2.5 are for measuring beside it."""
    monkeypatch.setattr(affordability, "seconds_to_transform", lambda featurizer, *_: takes[featurizer.name])
    monkeypatch.setattr(affordability, "SURE", 1.0)
    frame = make_frame()
    fitted = TableFeaturizer(SCHEMA).fit(frame, around, encoding_seconds=5.0)
    made = {block.featurizer for block in fitted.transform(frame, around).blocks if block.source == "photo"}
    assert made == {"quality", "descriptor"} - left_out
    slow = [finding for finding in around.audit.findings if finding.code == "photos_too_slow"]
    assert {finding.details["example"] for finding in slow} == left_out
    if slow:
        assert "would take about 9 s" in slow[0].in_language("en") and "около 9 с" in slow[0].in_language("ru")


def test_several_photos_of_a_row_and_several_columns_of_photos(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    for i in range(8):
        Image.new("RGB", (30, 20), (30 * i, 90, 200 - 20 * i)).save(folder / f"{i}.png")
    columns = tuple(column(name, Modality.IMAGE) for name in ("all", "front", "back"))
    frame = pd.DataFrame({"front": [f"{i}.png" for i in range(0, 8, 2)], "back": [f"{i}.png" for i in range(1, 8, 2)]})
    frame["all"] = [list(pair) for pair in zip(frame["front"], frame["back"], strict=True)]
    frame.to_parquet(tmp_path / "rows.parquet")
    frame = read_parquet(tmp_path / "rows.parquet")
    around = Surroundings(folder, EmbeddingStore(tmp_path / "cache"))
    table = TableFeaturizer(Schema(columns)).fit_transform(frame, around)
    names = [feature.name for feature in table.features]
    assert (
        "all__n_photos" in names
        and "front__n_photos" not in names
        and {"front__brightness", "back__aspect"} <= set(names)
    )
    values = table.to_numpy()

    def of(name: str) -> np.ndarray:
        return values[:, names.index(name)]

    assert of("all__n_photos").tolist() == [2.0] * 4
    np.testing.assert_allclose(of("all__warmth"), (of("front__warmth") + of("back__warmth")) / 2, rtol=1e-5)
    assert not around.audit.findings


@pytest.mark.skipif(not HOUSES.exists(), reason="the shared data are absent")
def test_four_columns_of_photos_are_found_and_read(tmp_path: Path) -> None:
    frame = read_parquet(HOUSES / "train.parquet").head(24)
    names = ["frontal", "bedroom", "bathroom", "kitchen"]
    assert all(guess_column(frame[name]).modality is Modality.IMAGE for name in names)
    lists = pd.DataFrame({"photos": frame[names].values.tolist()})
    lists.to_parquet(tmp_path / "lists.parquet")
    frame["photos"] = read_parquet(tmp_path / "lists.parquet")["photos"].to_numpy()
    assert guess_column(frame["photos"]).modality is Modality.IMAGE
    around = Surroundings(HOUSES, EmbeddingStore(tmp_path / "cache"))
    schema = Schema(tuple(column(name, Modality.IMAGE) for name in [*names, "photos"]))
    table = TableFeaturizer(schema).fit_transform(frame[[*names, "photos"]], around)
    found = {feature.name: values for feature, values in zip(table.features, table.to_numpy().T, strict=True)}
    assert (found["photos__n_photos"] == 4).all() and not around.audit.findings
    mean = np.mean([found[f"{name}__brightness"] for name in names], axis=0)
    np.testing.assert_allclose(found["photos__brightness"], mean, rtol=1e-5)
