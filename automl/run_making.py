"""How a run was made, for its report."""

from __future__ import annotations

from automl.run import Run
from evaluation.explain import Explained
from evaluation.report_data import Making
from featurizers.encoder_licence import licence_of
from featurizers.text_embedding import TextEmbedding

EMBEDDING = TextEmbedding.name  # as of photos


def making_of(run: Run, explained: Explained | None) -> Making:
    """How a run was made, and how its explanation, if there is one."""
    manifest = run.manifest
    # An encoder that was found may have been left out for want of time: the features say what was used.
    used = {
        block.source: encoder
        for block in run.scored_table().blocks
        if block.featurizer == EMBEDDING and (encoder := manifest["encoders"].get(block.modality.value))
    }
    return Making(
        created=str(manifest["finished"]),
        preset=str(manifest["preset"]),
        seed=int(manifest["seed"]),
        budget_seconds=float(manifest["budget_seconds"]),
        used_seconds=float(manifest["spent_seconds"]),
        n_features=int(manifest["n_features"]),
        rows={"train": int(manifest["n_train"]), run.scored_part: int(manifest["n_scored"])},
        encoders={name: str(encoder["name"]) for name, encoder in used.items()},
        licences={name: licence_of(encoder["location"]) for name, encoder in used.items()},
        step_seconds=manifest["seconds"],
        versions=manifest["versions"],
        explanation_method="" if explained is None else explained.method,
        explanation_gap=float("nan") if explained is None else explained.gap,
        back_end=str(manifest["back_end"]),
        n_folds=manifest.get("n_folds"),
        fingerprint=str(manifest["scored_rows"]),
        interrupted=bool(manifest.get("interrupted", False)),
        cut_short=tuple(manifest.get("cut_short", ())),
    )
