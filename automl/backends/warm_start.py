"""What a search knows before Optuna begins: defaults and the portfolio are trials that have been."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from artifacts.examples import Examples
from automl.backends.base import Candidate
from automl.backends.turns import KNOWN
from automl.models.registry import MODELS

SEED = 0  # what is drawn is thrown away: only the names and ranges that were asked for count

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution


def finished_trials(scored: Sequence[tuple[Candidate, float]], examples: Examples) -> list[optuna.trial.FrozenTrial]:
    """Trials of one model over one view, so that a study begins with what is known.

    A parameter that a candidate leaves to the model, or that lies outside the searched range, is no part of its trial.

    Args:
        scored: candidates of the same model and view, with their scores out of fold.
        examples: the rows with the features of that view.
    """
    from optuna.trial import create_trial

    if not scored:
        return []
    model = scored[0][0].model
    space = _space(model, examples)
    trials = []
    for candidate, score in scored:
        values = asdict(MODELS[model].settings(**candidate.params))
        told = {name: values[name.removeprefix(f"{model}.")] for name in space}
        known = {name: value for name, value in told.items() if _holds(space[name], value)}
        distributions = {name: space[name] for name in known}
        trials.append(create_trial(params=known, distributions=distributions, value=score, user_attrs={KNOWN: True}))
    return trials


def _space(model: str, examples: Examples) -> dict[str, BaseDistribution]:
    """The searched parameters, as the model itself names them to Optuna."""
    import optuna

    asked = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=SEED)).ask()
    MODELS[model].suggest(asked, examples.outcome, examples.table)
    return asked.distributions


def _holds(distribution: BaseDistribution, value: object) -> bool:
    if value is None:
        return False
    try:
        return distribution._contains(distribution.to_internal_repr(value))
    except ValueError:  # no number, or none of the choices
        return False
