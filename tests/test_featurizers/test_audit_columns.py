from __future__ import annotations

import numpy as np
import pandas as pd

from artifacts.finding import Audit
from artifacts.schema import Modality
from evaluation.splits import content_clusters
from featurizers.audit_columns import audit_columns, columns_of, report_copies


def table() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    n = 60
    return pd.DataFrame(
        {
            "post_id": [f"P{i}" for i in range(n)],
            "price": [*rng.integers(10, 90, n - 1).astype(str), "ask us"],
            "day": [*(f"2024-02-{i % 28 + 1:02d}" for i in range(n - 1)), "soon"],
            "features": ["{'a': 1}"] * (n - 1) + ["{'a': ["],
            "note": [None] * 57 + ["x", "y", "z"],
            "nothing": [None] * n,
            "same": ["x"] * n,
            "shop": rng.choice([f"shop {i}" for i in range(12)], n),
        }
    )


def test_columns_are_guessed_and_the_useless_ones_named() -> None:
    audit = Audit()
    schema = columns_of(table(), audit)
    assert schema["price"].modality is Modality.NUMERIC and schema["features"].modality is Modality.NESTED
    assert {(finding.code, finding.column) for finding in audit.findings} == {
        ("looks_like_id", "post_id"), ("column_empty", "nothing"), ("column_constant", "same"),
        ("looks_like_group", "shop"),
    }  # fmt: skip
    assert set(schema.left_out) == {"post_id", "nothing", "same"}


def test_values_that_cannot_be_read_are_named_by_row() -> None:
    frame, audit = table(), Audit()
    facts = {one.name: one for one in audit_columns(frame, columns_of(frame, Audit()), audit)}
    found = {finding.code: finding for finding in audit.findings}
    assert (
        found["number_unreadable"].rows == found["date_unreadable"].rows == found["nested_unreadable"].rows == ("59",)
    )
    assert found["column_mostly_missing"].column == "note" and found["column_mostly_missing"].count == 57
    assert facts["note"].missing == 57 and facts["note"].distinct == 3
    assert facts["features"].distinct == -1 and facts["nothing"].modality == "" and facts["same"].distinct == 1


def test_copies_are_told_from_copies_under_another_id() -> None:
    frame = table().drop(columns="nothing")
    frame = pd.concat([frame, frame.iloc[[3]], frame.iloc[[4]].assign(post_id="Q")], ignore_index=True)
    audit = Audit()
    report_copies(frame, frozenset({"post_id"}), content_clusters, audit)
    found = {finding.code: finding for finding in audit.findings}
    assert found["rows_copied"].rows == ("60",)
    assert found["rows_copied_but_id"].rows == ("61",) and "post_id" in found["rows_copied_but_id"].in_language("en")
    clean = Audit()
    report_copies(table(), frozenset({"post_id"}), content_clusters, clean)
    assert not clean.findings
