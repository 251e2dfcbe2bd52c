"""Is advice right? On generated cards whose causes are known: what is found, what is false, and what intervals hold.

    python benchmarks/advice_truth.py --work DIR --rows 500 2000 8000

Each change of a card has a true effect on the log-odds of a click: that of the planted causes which it moves
(brightness of the photo, words of the title, a season that is filled in), and nothing else. Advice over 200 test cards
is held against it, beside two naive ways: to read the largest SHAP contributions, and permutation importance.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import spearmanr

from artifacts.advice_report import Verdict
from artifacts.feature_table import Block, FeatureTable
from artifacts.link import from_link
from artifacts.tables import read_table
from artifacts.task import Task
from automl.advising import Advisor, short_lived_store
from automl.changed_rows import ChangedRows, values_of
from automl.demo_data import make_demo_data
from automl.fitting import fit
from automl.run import Run
from evaluation.advise import LEAST_ROWS, Trials, judged_over_rows
from evaluation.partitions import feature_groups

Float = NDArray[np.float64]

PER_LUMA, PER_WORD, SEASON = 0.3 / 0.1, -0.07, 0.6  # as planted in automl/demo_truth.py
STRONG, NOTHING = 0.2, 0.02  # log-odds: an effect that must be found, and one that is none


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--rows", type=int, nargs="+", default=[500, 2000, 8000])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--seconds", type=float, default=120.0)
    arguments = parser.parse_args()
    print(
        "| cards | seed | way | kinds of change | strong found | given | false | wrong sign | rank correlation | held |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for n_rows in arguments.rows:
        for seed in arguments.seeds:
            run, test = fitted(arguments.work, n_rows, seed, arguments.seconds)
            for line in lines(run, test, n_rows, seed):
                print(line, flush=True)


def fitted(work: Path, n_rows: int, seed: int, seconds: float) -> tuple[Run, pd.DataFrame]:
    """A run on a made shop without encoders, which is made and fitted if it is not there yet."""
    shop, place = work / f"shop-{n_rows}-{seed}", work / f"run-{n_rows}-{seed}"
    if not (shop / "task.toml").exists():
        make_demo_data(shop, n_rows=n_rows, seed=seed)
    task = Task.from_toml(shop / "task.toml")
    task = task.model_copy(update={"encoders": task.encoders.model_copy(update={"text": "none", "image": "none"})})
    if not (place / "run.json").exists():
        fit(task, preset="balanced", budget_seconds=seconds, run=place, seed=seed)
    return Run(place), read_table(shop / "test.csv")


def lines(run: Run, test: pd.DataFrame, n_rows: int, seed: int) -> list[str]:
    """One line of the table for each way."""
    advisor = Advisor.of(run)
    some = test.iloc[np.sort(np.random.default_rng(seed).permutation(len(test))[:200])]
    trials, _ = advisor.trials(some)
    with short_lived_store() as store:
        kinds = Kinds.of(trials, true_effects(advisor.changed_rows(some, store)))
    advice = {(a.column, a.edit, a.title.en): a for a in judged_over_rows(trials, advisor.kind)}
    ours = [advice[key] for key in kinds.keys]
    given = np.array([one.verdict is Verdict.GIVEN for one in ours])
    effect, low, high = (np.array([getattr(one, name) for one in ours]) for name in ("effect", "low", "high"))
    held = float(((low <= kinds.true) & (kinds.true <= high)).mean())
    shap, permuted = naive(advisor, trials, kinds)
    head = f"| {n_rows} | {seed} |"
    return [
        f"{head} advice | {_counted(kinds.true, given, effect)} {held:.2f} |",
        f"{head} SHAP read naively | {_counted(kinds.true, shap > 0, shap)} |",
        f"{head} permutation importance | {_counted(kinds.true, permuted > 0, permuted)} |",
    ]


@dataclass(frozen=True)
class Kinds:
    """Kinds of change that enough rows have within what training had: names, their positions, mean true effects."""

    keys: list[tuple[str, str, str]]
    positions: list[NDArray[np.int64]]
    true: Float

    @classmethod
    def of(cls, trials: Trials, true: Float) -> Kinds:
        """Of all changes of some rows, whose true effects are known."""
        found: dict[tuple[str, str, str], list[int]] = {}
        for i, change in enumerate(trials.changes):
            if trials.supported[i]:
                found.setdefault((change.column, change.edit, change.title.en), []).append(i)
        kept = {key: np.array(own) for key, own in found.items() if len(own) >= LEAST_ROWS}
        return cls(list(kept), list(kept.values()), np.array([true[own].mean() for own in kept.values()]))


def true_effects(rows: ChangedRows) -> Float:
    """What each change really adds to the log-odds (n,)."""
    luma, words = rows.quantity("photo__brightness"), rows.quantity("title__words")
    season = np.array([c.edit == "fill_in" and "season" in c.title.en.lower() for c in rows.changes])
    parts = [PER_LUMA * (luma[:, 1] - luma[:, 0]), PER_WORD * (words[:, 1] - words[:, 0]), SEASON * season]
    return np.nan_to_num(np.array(parts)).sum(axis=0)


def naive(advisor: Advisor, trials: Trials, kinds: Kinds) -> tuple[Float, Float]:
    """What two ways of reading a model would say that each kind of change does.

    SHAP: the mean contribution of scored rows near the quantity after the change, less that near before. Permutation
    importance: the metric that is lost when the quantity's values are shuffled among the scored rows (Breiman, Random
    forests, 2001), with the sign of its correlation with the prediction.
    """
    table = advisor.run.scored_table()
    groups = feature_groups(table)
    values = advisor.predictor.contributions(table, groups.of_feature, groups.names).values[..., 0]
    link = advisor.predictor.decide(table)[:, 0]
    shap, permuted = np.zeros(len(kinds.keys)), np.zeros(len(kinds.keys))
    lost: dict[str, float] = {}
    for i, own in enumerate(kinds.positions):
        moves = trials.changes[own[0]].moves
        if moves not in groups.names:
            continue
        x, contribution = values_of(table, moves), values[:, groups.names.index(moves)]
        known = np.isfinite(x)
        before, after = np.nanmean(trials.moved[own], axis=0)
        shap[i] = _near(x[known], contribution[known], after) - _near(x[known], contribution[known], before)
        slope = np.corrcoef(x[known], link[known])[0, 1] if np.ptp(x[known]) > 0 else 0.0
        if moves not in lost:
            lost[moves] = _lost_by_shuffling(advisor, table, moves)
        permuted[i] = np.nan_to_num(np.sign(after - before) * np.sign(slope)) * lost[moves]
    return shap, permuted


def _lost_by_shuffling(advisor: Advisor, table: FeatureTable, name: str, n_shuffles: int = 5) -> float:
    """How much of the metric is lost, larger is more, on average; 0 if nothing is."""
    run, rng = advisor.run, np.random.default_rng(0)
    outcome, reference = run.scored().outcome, np.asarray(run.manifest["constant"], dtype=np.float64)
    sign = 1.0 if run.metric.higher_is_better else -1.0

    def score(rows: FeatureTable) -> float:
        return sign * run.metric.score(outcome, from_link(advisor.kind, advisor.predictor.decide(rows)), reference)

    scores = []
    for _ in range(n_shuffles):
        order, blocks = rng.permutation(table.n_samples), []
        for block in table.blocks:
            values = block.gather(np.arange(table.n_samples)).copy()
            for place in [i for i, feature in enumerate(block.features) if feature.name == name]:
                values[:, place] = values[order, place]
            blocks.append(Block(block.source, block.featurizer, block.features, values, block.categories))
        scores.append(score(FeatureTable(tuple(blocks), table.index)))
    return max(score(table) - float(np.mean(scores)), 0.0)


def _near(x: Float, values: Float, place: float, share: float = 0.1) -> float:
    order = np.argsort(np.abs(x - place))[: max(5, int(share * len(x)))]
    return float(values[order].mean())


def _counted(true: Float, given: NDArray[np.bool_], effect: Float) -> str:
    strong = true >= STRONG
    found = f"{(given & strong).sum()} of {strong.sum()}"
    false = f"{(given & (true < NOTHING)).sum()} of {given.sum()}"
    wrong = int((given & (true < -NOTHING)).sum())
    rank = spearmanr(true, effect).statistic if np.ptp(effect) > 0 else np.nan
    return f"{len(true)} | {found} | {given.sum()} | {false} | {wrong} | {rank:.2f} |"


if __name__ == "__main__":
    main()
