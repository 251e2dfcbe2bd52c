"""What moves the score of each class or label: its sources, and the strongest features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from artifacts.plain import plain
from artifacts.schema import Title
from evaluation.explain import Explained
from evaluation.profiles import Profiles, shares_of
from evaluation.wording import neutral

MOST_FEATURES = 8  # of a class
SHOWN_SOURCES = 4  # of a class, in the listing


@dataclass(frozen=True)
class ClassFeature:
    """A feature, or an embedding as a whole, in the score of one class.

    ``share`` is its part of the mean absolute contribution to the class's score; ``effect`` its mean contribution to
    that score in the rows where the model says the class, NaN if it never does.
    """

    name: str
    title: Title
    source: str
    featurizer: str
    opaque: bool
    share: float
    effect: float


@dataclass(frozen=True)
class ClassProfiles:
    """``profiles.parts`` are the classes in their order; ``n_rows`` the explained rows where the model says each one.

    ``features`` has the strongest features of each class, the strongest first.
    """

    profiles: Profiles
    features: tuple[tuple[ClassFeature, ...], ...]
    unit: str

    def to_json(self) -> list[dict[str, Any]]:
        """One object a class, as plain data."""
        return [
            {
                **one,
                "features": [
                    {"name": f.name, "source": f.source, "share": f.share, "effect": plain(f.effect)} for f in features
                ],
            }
            for one, features in zip(self.profiles.to_json(), self.features, strict=True)
        ]


def class_profiles(explained: Explained) -> ClassProfiles | None:
    """Read what ``explain_rows`` summed by output; None where there is one output."""
    if not explained.by_output:
        return None
    of_sources, of_features = explained.by_output["source"], explained.by_output["feature"]
    profiles = Profiles(
        explained.classes,
        explained.n_said,
        explained.levels["source"].names,
        shares_of(of_sources.size.T),
        shares_of(of_sources.size.sum(axis=1)),
        of_sources.towards.T,
    )
    groups, share = explained.levels["feature"].groups, shares_of(of_features.size.T)
    features = []
    for k in range(len(explained.classes)):
        strongest = np.argsort(-share[k], kind="stable")[:MOST_FEATURES]
        features.append(
            tuple(
                ClassFeature(
                    groups[g].name,
                    groups[g].title,
                    groups[g].source,
                    groups[g].featurizer,
                    groups[g].opaque,
                    float(share[k, g]),
                    float(of_features.towards[g, k]),
                )
                for g in strongest
                if share[k, g] > 0
            )
        )
    return ClassProfiles(profiles, tuple(features), explained.unit)


def class_listing(found: ClassProfiles) -> pd.DataFrame:
    """One row a class: rows where it is predicted, difference to the other classes, and its strongest sources."""
    profiles = found.profiles
    rows = []
    for i, name in enumerate(profiles.parts):
        strongest = (-profiles.share[i]).argsort(kind="stable")[:SHOWN_SOURCES]
        told = ", ".join(f"{profiles.sources[j]} {profiles.share[i, j]:.0%}" for j in strongest if profiles.share[i, j])
        rows.append((neutral(name, 80), int(profiles.n_rows[i]), float(profiles.difference[i]), told))
    listing = pd.DataFrame(rows, columns=["class", "predicted", "difference", "sources"])
    return listing.sort_values("predicted", ascending=False, kind="stable", ignore_index=True)
