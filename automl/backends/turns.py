"""Whose turn it is: promising (model, view) pairs share the seconds of tuning evenly."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from automl.backends.base import Candidate

if TYPE_CHECKING:
    import optuna

JOURNAL = "study.journal"
KNOWN = "known"  # attribute of trials that no study asked for
STARTUP_TRIALS = 8  # by chance
N_ARMS = 3  # tuned side by side
TRIALS_PER_PARAMETER = 12  # in a round: after these another arm learns more from the same seconds
MIN_TRIAL_SECONDS = 1.0


@dataclass
class Arm:
    """A model over a view, and Optuna's study of its parameters. ``fit_seconds``: of its default parameters."""

    model: str
    view: str
    fit_seconds: float
    study: optuna.Study
    spent: float = 0.0
    seed: int = 0

    @property
    def key(self) -> str:
        """The key of the candidate with default parameters."""
        return f"{self.model}-{self.view}"

    def rounds(self) -> float:
        """How many times the space of parameters was seen often enough for its size; infinite if it has none."""
        trials = [trial for trial in self.study.get_trials(deepcopy=False) if trial.state.is_finished()]
        enough = TRIALS_PER_PARAMETER * len(trials[-1].params) if trials else 1
        return len(trials) / enough if enough else math.inf

    def ask(self) -> optuna.Trial:
        """The next trial: the same whether or not the process was another one before it, so that a fit that was killed
        goes on as it would have without."""
        import optuna

        n_before = sum(trial.state.is_finished() for trial in self.study.get_trials(deepcopy=False))
        self.study.sampler = optuna.samplers.TPESampler(
            seed=self.seed + n_before,
            n_startup_trials=STARTUP_TRIALS,
            constant_liar=False,  # a trial that runs now was killed
        )
        return self.study.ask()

    def fits(self, seconds: float) -> bool:
        """Whether a trial may be worth its while in so many seconds."""
        return max(MIN_TRIAL_SECONDS, 0.5 * self.fit_seconds) <= seconds

    def tell(self, trial: optuna.Trial, score: float | None, *, pruned: bool) -> None:
        """The score of a trial; None if there is none."""
        from optuna.trial import TrialState

        if score is None:
            self.study.tell(trial, state=TrialState.PRUNED if pruned else TrialState.FAIL)
        else:
            self.study.tell(trial, score)


class Turns:
    """Arms in the order in which they come into play: the best view of each model first, then second views.

    A blend lives on members that err differently: many versions of the one best arm are nearly one member. When all
    arms have had their trials and there is time left, another round begins.
    """

    def __init__(
        self,
        ranked: Sequence[Candidate],
        root: Path,
        *,
        maximize: bool,
        seed: int,
        known: Callable[[Candidate], Sequence[optuna.trial.FrozenTrial]] = lambda _default: (),
    ) -> None:
        """Make turns for candidates.

        Args:
            ranked: candidates with default parameters, the best first.
            root: where the studies are kept.
            maximize: whether larger scores are better.
            seed: of the studies.
            known: trials to begin a candidate's study with.
        """
        place: dict[str, int] = {}
        order = []
        for rank, candidate in enumerate(ranked):
            place[candidate.model] = place.get(candidate.model, -1) + 1
            order.append((place[candidate.model], rank, candidate))
        self._waiting = [candidate for *_, candidate in sorted(order, key=lambda item: item[:2])]
        self._rested: list[Arm] = []  # until all have had their trials
        self._back: list[Arm] = []  # from their rest, in the round at hand
        self._round = 1
        self._playing: list[Arm] = []
        self._root, self._maximize, self._seed, self._known = root, maximize, seed, known

    def next(self, seconds_left: float) -> Arm | None:
        """The arm that had the fewest seconds; None if nothing has parameters to tune, or no time to do it."""
        self._playing = [arm for arm in self._playing if self._plays_on(arm, seconds_left)]
        while len(self._playing) < N_ARMS and (arm := self._joining(seconds_left)) is not None:
            if self._plays_on(arm, seconds_left):
                # It joins at the pace of the others, or it would have every turn until it caught up.
                arm.spent = min((other.spent for other in self._playing), default=0.0)
                self._playing.append(arm)
        return min(self._playing, key=lambda arm: arm.spent, default=None)

    def _plays_on(self, arm: Arm, seconds_left: float) -> bool:
        rounds = arm.rounds()
        if not arm.fits(seconds_left) or math.isinf(rounds):
            return False
        if rounds >= self._round:
            self._rested.append(arm)
        return rounds < self._round

    def _joining(self, seconds_left: float) -> Arm | None:
        """The next arm that waits; where none does and none plays, those that rest come back for another round."""
        if self._waiting:
            candidate = self._waiting.pop(0)
            study = self._study(candidate)
            return Arm(candidate.model, candidate.view, candidate.fit_seconds, study, seed=self._seed)
        if not self._playing and not self._back:
            self._round += 1
            self._back, self._rested = self._rested, []
        return self._back.pop(0) if self._back else None

    def _study(self, candidate: Candidate) -> optuna.Study:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._root.mkdir(parents=True, exist_ok=True)
        study = optuna.create_study(
            study_name=candidate.key,
            storage=_storage(self._root),
            load_if_exists=True,
            direction="maximize" if self._maximize else "minimize",
            pruner=optuna.pruners.MedianPruner(n_startup_trials=4),
        )
        trials = study.get_trials(deepcopy=False)
        if all(KNOWN in trial.user_attrs for trial in trials):  # a killed fit may have told some of them
            study.add_trials(self._known(candidate)[len(trials) :])
        return study


def trials_asked(root: Path) -> int:
    """Trials that the studies kept in a folder have finished, without those that they began with."""
    if not (root / JOURNAL).exists():
        return 0
    storage = _storage(root)
    studies = [storage.get_all_trials(study._study_id, deepcopy=False) for study in storage.get_all_studies()]
    return sum(trial.state.is_finished() and KNOWN not in trial.user_attrs for trials in studies for trial in trials)


def _storage(root: Path) -> optuna.storages.JournalStorage:
    """The studies kept in a folder, which one fit at a time has to itself."""
    import optuna
    from optuna.storages.journal import JournalFileBackend

    journal = root / JOURNAL
    for left in root.glob(f"{JOURNAL}.lock*"):  # by a process that was killed: it would be waited for
        left.unlink()
    if journal.exists():
        content = journal.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):  # half a line, which would spoil the next one
            os.truncate(journal, whole)
    return optuna.storages.JournalStorage(JournalFileBackend(str(journal)))
