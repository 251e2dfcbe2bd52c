"""Whose turn it is: promising (model, view) pairs share the seconds of tuning evenly."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from automl.backends.base import Candidate

if TYPE_CHECKING:
    import optuna

N_ARMS = 3  # tuned side by side
TRIALS_PER_PARAMETER = 12  # after these another arm learns more from the same seconds
MIN_TRIAL_SECONDS = 1.0


@dataclass
class Arm:
    """A model over a view, and Optuna's study of its parameters. ``fit_seconds``: of its default parameters."""

    model: str
    view: str
    fit_seconds: float
    study: optuna.Study
    spent: float = 0.0

    @property
    def key(self) -> str:
        """The key of the candidate with default parameters."""
        return f"{self.model}-{self.view}"

    @property
    def is_done(self) -> bool:
        """Whether the space of parameters was seen often enough for its size."""
        trials = [trial for trial in self.study.get_trials(deepcopy=False) if trial.state.is_finished()]
        return bool(trials) and len(trials) >= TRIALS_PER_PARAMETER * len(trials[-1].params)

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

    A blend lives on members that err differently: many versions of the one best arm are nearly one member.
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
        self._playing: list[Arm] = []
        self._root, self._maximize, self._seed, self._known = root, maximize, seed, known

    def next(self, seconds_left: float) -> Arm | None:
        """The arm that had the fewest seconds; None if nothing is left to tune, or no time to do it."""
        self._playing = [arm for arm in self._playing if not arm.is_done and arm.fits(seconds_left)]
        while len(self._playing) < N_ARMS and self._waiting:
            candidate = self._waiting.pop(0)
            arm = Arm(candidate.model, candidate.view, candidate.fit_seconds, self._study(candidate))
            # It joins at the pace of the others, or it would have every turn until it caught up.
            arm.spent = min((other.spent for other in self._playing), default=0.0)
            self._playing.extend([arm] if arm.fits(seconds_left) and not arm.is_done else [])
        return min(self._playing, key=lambda arm: arm.spent, default=None)

    def _study(self, candidate: Candidate) -> optuna.Study:
        import optuna
        from optuna.storages.journal import JournalFileBackend

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._root.mkdir(parents=True, exist_ok=True)
        storage = optuna.storages.JournalStorage(JournalFileBackend(str(self._root / "study.journal")))
        study = optuna.create_study(
            study_name=candidate.key,
            storage=storage,
            load_if_exists=True,
            direction="maximize" if self._maximize else "minimize",
            sampler=optuna.samplers.TPESampler(seed=self._seed, n_startup_trials=8),
            pruner=optuna.pruners.MedianPruner(n_startup_trials=4),
        )
        if not study.get_trials(deepcopy=False):
            study.add_trials(self._known(candidate))
        return study
