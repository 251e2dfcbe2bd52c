"""The audit of texts and photos together: in which rows the photo does not show what the text says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd

from artifacts.finding import Audit
from artifacts.schema import Modality, Schema
from featurizers.alignment import Alignment
from featurizers.base import Surroundings
from featurizers.encoders import Encoder
from featurizers.nested import Nested
from featurizers.sources import Reading, Sources


def audit_pairs(
    frame: pd.DataFrame,
    schema: Schema,
    text_encoder: Encoder,
    image_encoder: Encoder,
    surroundings: Surroundings,
    n_train: int,
) -> pd.Series[Any] | None:
    """Learn from the training rows how a text goes with each column of photos, and name the rows that do not.

    The text is the title where there are a title and a body, else the first text; it may be written inside a
    nested column. Vectors come from the cache or go there.

    Args:
        frame: training rows first; its index names the rows in findings.
        schema: what the columns are.
        text_encoder: of the text.
        image_encoder: of the photos.
        surroundings: where photos are, the cache, where to report.
        n_train: how many rows are training rows.

    Returns:
        The text that was compared, by the name that findings call it; None if there is no text or no photo.

    Raises:
        ArtifactError: if an encoder cannot be loaded, or the cache cannot be written.
    """
    quiet = replace(surroundings, audit=Audit())
    train = frame.iloc[:n_train]
    nested = {c.name: Nested(c).fit(train[c.name], quiet) for c in schema.of_modality(Modality.NESTED)}
    sources = Sources.of(schema, nested, train)
    texts = [c.name for c in sources.columns if c.modality is Modality.TEXT and not sources.is_rest(c.name)]
    photos = schema.of_modality(Modality.IMAGE)
    if not texts or not photos:
        return None
    name = sources.pair[0] if sources.pair else texts[0]
    values = Reading(sources, frame, quiet).raw(name)
    for photo in photos:
        shown = frame[photo.name]
        learned = Alignment(sources.column(name), photo, text_encoder, image_encoder)
        learned.fit(values.iloc[:n_train], shown.iloc[:n_train], surroundings)
        learned.transform(values, shown, surroundings)
    return values.rename(name)
