"""What each modality can do: link scores of the best of each view, kept so that differences need no second prediction.

A view's own is the blend of its best candidates (of one, where that is best), chosen out of fold: the same method for
every view, so that differences are those of the inputs, not of blending. Sums of views are late fusion: blends over the
candidates of their single views. ``all`` is the run's final model.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from artifacts.errors import InputError
from artifacts.schema import VIEWS
from artifacts.store import read_json, reading, write_json
from automl.backends.base import Candidate, Problem
from automl.backends.out_of_fold import MOST_IN_MEMORY, compact
from automl.decision import Decision, fit_decision
from automl.ensemble import greedy_blend

Float = NDArray[np.float64]

ALL = "all"
PER_VIEW = 3  # candidates of a view that may take part in its blend
BLEND_SHARE, BLEND_SECONDS = 0.02, 5.0  # of the budget, and at most, for the blends of all views
MOST_KEPT = 4_000_000  # link scores in the file: 16 MB; of more rows as many are kept as fit, by chance
FILES = ("views.npy", "views.json")


@dataclass(frozen=True)
class KeptView:
    """One view: its name (``text+image`` for a sum), the model behind it, and the view that it is compared with."""

    view: str
    model: str
    against: str


@dataclass(frozen=True)
class ViewScores:
    """Link scores, moved so that 0 decides, float32 (n_views, n_rows, n_link), of scored rows.

    ``rows`` are their positions; None for all.
    """

    views: tuple[KeptView, ...]
    links: NDArray[np.float32]
    rows: NDArray[np.int64] | None = None

    def save(self, folder: Path) -> None:
        """Write ``views.npy`` and ``views.json``."""
        np.save(folder / FILES[0], self.links, allow_pickle=False)
        rows = None if self.rows is None else self.rows.tolist()
        write_json(folder / FILES[1], {"views": [asdict(view) for view in self.views], "rows": rows})

    @classmethod
    def load(cls, folder: Path) -> ViewScores:
        """Read what ``save`` wrote.

        Raises:
            InputError: if the run kept none, as those of older versions.
        """
        if not all((folder / name).exists() for name in FILES):
            raise InputError(
                f"The run in {str(folder.parent)!r} kept no scores of single views: it was made by an older version. "
                "Fit it again into another folder to compare photo, text and table."
            )
        with reading(folder):
            told = read_json(folder / FILES[1])
            links = np.load(folder / FILES[0], allow_pickle=False)
            rows = None if told["rows"] is None else np.array(told["rows"], dtype=np.int64)
            return cls(tuple(KeptView(**view) for view in told["views"]), links, rows)


@dataclass
class ViewPool:
    """Collects candidates while they are scored; ``scores`` then makes the blends."""

    problem: Problem
    reference: Float  # the constant prediction (n_outputs,), for metrics that are relative to one
    _of_view: dict[str, list[tuple[float, _Scored]]] = field(default_factory=dict)

    def add(self, candidate: Candidate, score: float, decision: Decision, link: Float) -> None:
        """A candidate with its score and decision out of fold, and its link scores of the scored rows."""
        if candidate.view not in VIEWS or candidate.members or candidate.out_of_fold is None or np.isnan(score):
            return
        upwards = score if self.problem.metric.higher_is_better else -score
        scored = _Scored(candidate.key, candidate.model, decision, candidate.out_of_fold, compact(link))
        pool = [*self._of_view.get(candidate.view, []), (upwards, scored)]
        most = 1 if scored.is_large else PER_VIEW
        self._of_view[candidate.view] = sorted(pool, key=lambda item: -item[0])[:most]

    def scores(self, final: Float, model: str, seed: int) -> ViewScores:
        """The best of each view and sum of views, and ``all`` with the final model's link scores (n_rows, n_link).

        Sums are made where there are three views, since of two the sum is everything.
        """
        single = [view for view in VIEWS if view in self._of_view]
        large = any(scored.is_large for pool in self._of_view.values() for _, scored in pool)
        sums = [
            "+".join(some) for size in (2, 3) for some in combinations(single, size) if len(single) > 2 and not large
        ]
        rows = some_rows(len(final), final.shape[1] * (len(single) + len(sums) + 1), seed)
        kept, links = [KeptView(ALL, model, "")], [final[rows]]
        seconds = min(BLEND_SECONDS, BLEND_SHARE * self.problem.budget.seconds) / max(1, len(single) + len(sums))
        for view in (*single, *sums):
            name, link = self._blend(view, rows, seconds)
            # A sum of two is compared with that of three: both late fusion, so that what is added is the third view.
            kept.append(KeptView(view, name, sums[-1] if view in sums[:-1] else ALL))
            links.append(link)
        some = None if len(rows) == len(final) else rows
        return ViewScores(tuple(kept), np.stack(links).astype(np.float32), some)

    def _blend(self, view: str, rows: NDArray[np.int64], seconds: float) -> tuple[str, Float]:
        """The name of the best of a view, and its link scores of ``rows``, moved so that 0 decides."""
        pool = {scored.key: scored for part in view.split("+") for _, scored in self._of_view[part]}
        problem, train = self.problem, self.problem.examples.outcome
        weights = {next(iter(pool)): 1.0}
        if len(pool) > 1:
            weights = greedy_blend(
                {key: scored.out_of_fold for key, scored in pool.items()},
                train,
                problem.metric,
                reference=self.reference,
                decisions={key: scored.decision for key, scored in pool.items()},
                until=time.monotonic() + seconds,
                seed=problem.seed,
            )
        link, out_of_fold = np.zeros(()), np.zeros(())
        for key, weight in weights.items():
            link = link + weight * pool[key].link[rows].astype(np.float64)
            out_of_fold = out_of_fold + weight * pool[key].out_of_fold
        decision, _ = fit_decision(out_of_fold, train, problem.folds, problem.metric)
        alone = len(weights) == 1
        return pool[next(iter(weights))].model if alone else "late fusion" if "+" in view else "blend", decision.move(
            link
        )


@dataclass(frozen=True)
class _Scored:
    key: str
    model: str
    decision: Decision
    out_of_fold: Float
    link: Float

    @property
    def is_large(self) -> bool:
        return self.out_of_fold.size > MOST_IN_MEMORY


def some_rows(n_rows: int, numbers_a_row: int, seed: int) -> NDArray[np.int64]:
    """Positions of as many rows as may be kept, all or drawn by chance, in their order."""
    most = max(1, MOST_KEPT // numbers_a_row)
    if n_rows <= most:
        return np.arange(n_rows)
    return np.sort(np.random.default_rng(seed).choice(n_rows, most, replace=False))
