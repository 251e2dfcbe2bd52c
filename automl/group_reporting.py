"""Groups of the embeddings that a run's model leans on most, for its report."""

from __future__ import annotations

import pandas as pd

from artifacts.schema import Modality
from automl.predictor import Predictor
from automl.run import Run
from automl.scored_rows import ScoredPart
from evaluation.groups import BlockGroups, ShownRows, groups_of_block, strongest_blocks
from featurizers.text_cleaning import as_text, plain_text
from featurizers.text_normal import normal_form

GROUP_SECONDS = 30.0  # of scoring rows, for all embeddings of a report together
VIEWS = (Modality.IMAGE.view, Modality.TEXT.view)
MAX_CHARACTERS = 2000  # of a text that words are looked for in


def embedding_groups(
    run: Run,
    predictor: Predictor,
    part: ScoredPart,
    importance: pd.DataFrame,
    rows: pd.DataFrame,
    *,
    seconds: float = GROUP_SECONDS,
) -> tuple[BlockGroups, ...]:
    """Groups of the strongest photo and the strongest text embedding of a run; see ``evaluation.groups``.

    Args:
        run: a finished run.
        predictor: its model.
        part: the scored rows.
        importance: from ``explain.global_importance``.
        rows: what is shown of the scored rows, in their order; see ``reporting.rows_to_show``.
        seconds: for scoring rows in all.
    """
    table = run.scored_table()
    blocks = strongest_blocks(importance, table, VIEWS)
    if not blocks:
        return ()
    columns = run.schema.of_modality(Modality.TEXT)
    texts = [_spelt(value) for value in rows[columns[0].name]] if columns else []
    shown = ShownRows(part.ids, part.predictions, texts, tuple(str(label) for label in predictor.classes))
    return tuple(
        groups_of_block(
            predictor,
            table,
            block,
            part.outcome.kind,
            shown,
            seed=int(run.manifest["seed"]),
            seconds=seconds / len(blocks),
        )
        for block in blocks
    )


def _spelt(value: object) -> str:
    """A text in which the same word looks the same, without tags."""
    return normal_form(plain_text(as_text(value)[:MAX_CHARACTERS]))
