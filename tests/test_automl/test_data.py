from __future__ import annotations

import numpy as np
import pandas as pd

from artifacts.task import Task
from automl.data import load

N = 120


def test_a_path_that_the_test_rows_lack_is_found_as_a_leak_until_it_is_ignored() -> None:
    shelf = np.random.default_rng(0).choice(["boots", "mugs", "pans"], N)
    top = {"boots": "Shoes", "mugs": "Home", "pans": "Home"}
    rows = {"shelf": shelf, "path": [f"All->{top[s]}->{s.title()}" for s in shelf], "size": np.arange(N) % 7 + 0.5}
    frame = pd.DataFrame(rows)
    target = {"kind": "multiclass", "column": "shelf"}
    for ignore, expected in ((), ["path"]), (("path",), []):
        task = Task(name="shop", target=target, columns={"ignore": ignore})
        findings = load(task, frame, frame[["size"]]).audit.findings
        for code in ("test_columns_missing", "leak_in_training_only"):
            assert [finding.column for finding in findings if finding.code == code] == expected
    found = load(Task(name="shop", target=target), frame, frame).audit.findings
    assert not [finding for finding in found if finding.code == "leak_in_training_only"]
