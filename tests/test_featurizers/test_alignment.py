from __future__ import annotations

import base64
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from artifacts.embedding_store import EmbeddingStore
from artifacts.errors import ArtifactError, NotFittedError
from artifacts.feature_table import FeatureTable
from artifacts.finding import Audit
from artifacts.schema import Column, Modality, Title
from featurizers import alignment, image_embedding, text_embedding
from featurizers.alignment import Alignment
from featurizers.base import State, Surroundings
from featurizers.contrastive import Settings
from featurizers.encoders import Encoder

TITLE = Column("title", Modality.TEXT, Title("Title", "Заголовок"), actionable=True)
PHOTO = Column("photo", Modality.IMAGE, Title("Photo", "Фото"))
COLOURS = {
    "red": (200, 20, 20), "green": (20, 150, 30), "blue": (30, 40, 200), "yellow": (230, 210, 30),
    "white": (245, 245, 245), "black": (15, 15, 15), "pink": (240, 130, 180), "brown": (110, 70, 30),
}  # fmt: skip
THINGS = ("shirt", "mug", "bag", "sofa", "lamp")
ODD: list[Any] = [
    None, float("nan"), pd.NaT, pd.NA, "", "  ", "text", 0, -1, 5.5, 1e300, True, b"", b"\x00\xff", [], {}, [None],
    {"a": 1}, object(), 10**30, "\ud800", "../../etc/passwd", "a" * 10_000, np.array([1, 2]), "data:image/png;base64,A",
]  # fmt: skip


def photo(colour: str, shade: int) -> str:
    pixels = np.clip(np.array(COLOURS[colour]) + shade % 9 * 3 - 12, 0, 255).astype(np.uint8)
    image = Image.fromarray(np.tile(pixels, (24, 24, 1)))
    image.putpixel((shade % 24, shade // 24 % 24), (shade % 256, 9, 9))  # no two photos are equal
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode()


def cards(n: int, start: int = 0) -> tuple[pd.Series, pd.Series]:
    """Names of coloured things with a number, and photos of their colours."""
    names = list(COLOURS)
    rows = [(names[i % len(names)], THINGS[i // len(names) % len(THINGS)], i) for i in range(start, start + n)]
    index = [f"r{i}" for _, _, i in rows]
    texts = pd.Series([f"{colour} {thing} no. {i}" for colour, thing, i in rows], index=index, dtype=object)
    return texts, pd.Series([photo(colour, i) for colour, _, i in rows], index=index, dtype=object)


def make(encoders: tuple[Encoder, Encoder]) -> Alignment:
    return Alignment(
        TITLE, PHOTO, *encoders, settings=Settings(width=64, hidden=32, epochs=10, most_components=(64, 64))
    )


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> EmbeddingStore:
    return EmbeddingStore(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def fitted(encoders: tuple[Encoder, Encoder], store: EmbeddingStore) -> Alignment:
    return make(encoders).fit(*cards(160), Surroundings(store=store))


def table(made: Alignment, first: pd.Series, second: pd.Series, around: Surroundings) -> FeatureTable:
    return FeatureTable(tuple(made.transform(first, second, around)), first.index)


def test_names_say_what_it_is_and_belong_to_no_single_view(fitted: Alignment, store: EmbeddingStore) -> None:
    found = table(fitted, *cards(9), Surroundings(store=store))
    assert [block.name for block in found.blocks] == ["title__alignment", "title__alignment:joint"]
    assert [block.is_opaque for block in found.blocks] == [False, True]
    assert found.blocks[0].values.shape == (9, 5) and found.blocks[1].values.shape == (9, 64)
    for feature in found.features:
        assert feature.source == "title" and feature.modality is Modality.JOINT
        assert feature.title.en and feature.title.ru and not (feature.opaque and feature.actionable)
    assert [f.name for f in found.features if f.actionable] == [
        "title__photo_agreement", "title__photo_agreement_rank"
    ]  # fmt: skip
    assert found.features[0].title == Title(
        "Title: agreement with “Photo”, from -1 to 1", "Заголовок: соответствие с «Фото», от -1 до 1"
    )
    assert found.select(view="text").n_features == found.select(view="image").n_features == 0
    assert found.select(view="image+text").n_features == found.select(view="all").n_features == 69


def test_a_swapped_photo_agrees_less_and_is_named(fitted: Alignment, store: EmbeddingStore) -> None:
    texts, photos = cards(80, start=400)
    audit = Audit()
    own = fitted.transform(texts, photos, Surroundings(store=store))[0].values
    swapped = pd.Series(np.roll(photos.to_numpy(), 3), index=texts.index)  # of another colour
    other = fitted.transform(texts, swapped, Surroundings(store=store, audit=audit))[0].values
    lower = [(own[:, i][:, None] > other[:, i]).mean() for i in (0, 1)]
    assert min(lower) > 0.9, "the area under the ROC curve"
    assert own[:, 1].mean() > 80 > 60 > other[:, 1].mean()
    (finding,) = [finding for finding in audit.findings if finding.code == "alignment_mismatch"]
    assert finding.count > 40 and finding.rows[0] == texts.index[int(np.argmin(other[:, 1]))]


def test_training_rows_look_like_new_rows(fitted: Alignment, store: EmbeddingStore) -> None:
    known, new = (
        fitted.transform(*rows, Surroundings(store=store))[0].values for rows in (cards(160), cards(160, 400))
    )
    np.testing.assert_allclose(known.mean(axis=0)[[0, 2, 3, 4]], new.mean(axis=0)[[0, 2, 3, 4]], atol=0.05)
    assert known[:, 4].min() > 1e-4, "no training row is its own neighbour"


def test_a_copy_of_a_training_row_gives_what_the_row_gives(fitted: Alignment, store: EmbeddingStore) -> None:
    texts, photos = cards(12)
    photos_as_bytes = photos.map(base64.b64decode)
    spaced = "  " + texts + "<br>"
    first = fitted.transform(texts, photos, Surroundings(store=store))
    second = fitted.transform(spaced, photos_as_bytes, Surroundings())  # and without the store
    for block, other in zip(first, second, strict=True):
        # Vectors of another batch differ in their last bits where the processor has bf16, and one column is in percent.
        np.testing.assert_allclose(block.values, other.values, rtol=1e-3, atol=0.02)
    assert second[0].values[:, 4].min() > 1e-4


def test_missing_text_or_photo_is_nan_and_said(fitted: Alignment, store: EmbeddingStore) -> None:
    texts, photos = cards(8)
    texts.iloc[[0, 1]] = [None, "<br>"]
    photos.iloc[[1, 2, 3]] = ["", "missing.jpg", base64.b64encode(b"\xff\xd8\xff broken").decode()]
    audit = Audit()
    for block in fitted.transform(texts, photos, Surroundings(store=store, audit=audit)):
        assert np.isnan(block.values[:4]).all() and np.isfinite(block.values[4:]).all()
    (finding,) = audit.findings
    assert (finding.code, finding.count, finding.rows) == ("alignment_incomplete", 4, ("r0", "r1", "r2", "r3"))
    assert "photo" in finding.in_language("en") and "photo" in finding.in_language("ru")


def test_rows_stand_alone_whatever_comes(fitted: Alignment, store: EmbeddingStore, monkeypatch) -> None:
    monkeypatch.setattr(alignment, "CHUNK", 16)
    texts, photos = cards(30)
    texts, photos = (pd.concat([s, pd.Series(ODD, dtype=object)]) for s in (texts, photos))
    before = [*map(repr, texts), *map(repr, photos)]
    around = Surroundings(store=store)
    found = table(fitted, texts, photos, around)
    assert [*map(repr, texts), *map(repr, photos)] == before
    order = np.random.default_rng(0).permutation(len(texts))
    turned = table(fitted, texts.iloc[order], photos.iloc[order], around)
    np.testing.assert_allclose(turned.to_numpy(), found.take(order).to_numpy(), rtol=1e-4, atol=1e-4)
    for i in (0, 17, 29, 33):
        alone = table(fitted, texts.iloc[[i]], photos.iloc[[i]], around)
        np.testing.assert_allclose(alone.to_numpy(), found.take(np.array([i])).to_numpy(), rtol=1e-4, atol=1e-4)
    assert table(fitted, texts.iloc[:0], photos.iloc[:0], around).n_features == 69


def test_saved_and_loaded_it_gives_equal_output(
    fitted: Alignment, encoders: tuple[Encoder, Encoder], store: EmbeddingStore, tmp_path: Path
) -> None:
    fitted.state().save(tmp_path)
    loaded = make(encoders).restore(State.load(tmp_path))
    rows = cards(40, start=300)
    for one, other in zip(
        fitted.transform(*rows, Surroundings(store=store)),
        loaded.transform(*rows, Surroundings(store=store)),
        strict=True,
    ):
        assert one.features == other.features
        np.testing.assert_array_equal(one.values, other.values)
    assert {path.suffix for path in tmp_path.iterdir()} == {".json", ".npz"}
    state = State.load(tmp_path)
    broken = State(state.values, {k: v for k, v in state.arrays.items() if k != "text.1.outer"})
    with pytest.raises(ArtifactError, match="lacks the array 'outer'"):
        make(encoders).restore(broken)
    with pytest.raises(ArtifactError, match="fitted with a text encoder"):
        make((replace(encoders[0], fingerprint="other"), encoders[1])).restore(state)


def test_too_few_different_pairs_give_nan_and_a_finding(
    encoders: tuple[Encoder, Encoder], store: EmbeddingStore, tmp_path: Path
) -> None:
    texts, photos = cards(49)
    texts, photos = (pd.concat([s] * 3) for s in (texts, photos))  # copies are no further pairs
    audit = Audit()
    made = make(encoders).fit(texts, photos, Surroundings(store=store, audit=audit))
    (finding,) = audit.findings
    assert (finding.code, finding.count) == ("alignment_too_few", 49) and "photo" in finding.in_language("ru")
    found = table(made, texts, photos, Surroundings(store=store))
    assert found.n_features == 69 and np.isnan(found.to_numpy()).all()
    made.state().save(tmp_path)
    loaded = make(encoders).restore(State.load(tmp_path))
    assert loaded.transform(texts, photos, Surroundings())[1].features == found.blocks[1].features
    odd = pd.Series(ODD, dtype=object)
    assert np.isnan(make(encoders).fit(odd, odd, Surroundings()).transform(odd, odd, Surroundings())[0].values).all()


def test_just_enough_pairs_and_one_text_for_many_photos(
    encoders: tuple[Encoder, Encoder], store: EmbeddingStore
) -> None:
    texts, photos = cards(50)
    more, others = cards(60, start=500)
    more[:] = texts.iloc[0]
    audit = Audit()
    made = make(encoders).fit(
        pd.concat([texts, more]), pd.concat([photos, others]), Surroundings(store=store, audit=audit)
    )
    assert [finding.code for finding in audit.findings] == ["alignment_learned"]
    assert np.isfinite(table(made, texts, photos, Surroundings(store=store)).to_numpy()).all()


def test_nothing_in_the_store_is_encoded_again_and_fits_agree(
    fitted: Alignment, encoders: tuple[Encoder, Encoder], store: EmbeddingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("encoded again")

    monkeypatch.setattr(text_embedding, "encode_texts", never)
    monkeypatch.setattr(image_embedding, "load_network", never)
    again = make(encoders).fit(*cards(160), Surroundings(store=store))
    rows = cards(160)
    np.testing.assert_array_equal(
        table(again, *rows, Surroundings(store=store)).to_numpy(),
        table(fitted, *rows, Surroundings(store=store)).to_numpy(),
    )


def test_unfitted_it_says_so(encoders: tuple[Encoder, Encoder]) -> None:
    made = make(encoders)
    with pytest.raises(NotFittedError, match="'title' and 'photo' needs fit"):
        made.transform(*cards(2), Surroundings())
    with pytest.raises(NotFittedError):
        made.state()
