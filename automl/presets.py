"""How much work a fit does, by name."""

from __future__ import annotations

from dataclasses import dataclass, replace

from artifacts.errors import InputError, pick_known

# Beside these, neighbours added nothing to the blend on kdramas, houses and movie_posts. TabM gained more than .003 out
# of fold on two of nine data sets (cian_ru, kazan_cards), and takes two to four times the MLP's seconds.
DEFAULT_MODELS = ("linear", "lightgbm", "catboost", "mlp", "shortlist")  # the last for many classes only

FEW_FOLDS, MANY_FOLDS_SECONDS = 5, 600.0  # more than so many folds need a budget of so many seconds


@dataclass(frozen=True)
class Preset:
    """``models`` are tried in this order, each over every view; ``max_trials`` bounds Optuna's part.

    ``tuned`` are models that tune an encoder, each tried where it is worth its time.
    ``on_request`` are models that need weights of their own, and join where these were named or are here already.
    ``contestants`` are presets that share the budget evenly, each a run of its own on the same features.
    """

    name: str
    back_end: str
    budget_seconds: float
    n_folds: int
    models: tuple[str, ...] = DEFAULT_MODELS
    tuned: tuple[str, ...] = ()
    on_request: tuple[str, ...] = ()
    max_trials: int = 1000
    holdout_fraction: float = 0.2
    contestants: tuple[str, ...] = ()

    def with_budget(self, budget_seconds: float | None) -> Preset:
        """The same preset with another budget, and with fewer folds where many would leave none of them time to learn;
        a larger budget allows as many more trials.

        Raises:
            InputError: if the budget is not a positive number.
        """
        if budget_seconds is None:
            return self
        if not 0 < budget_seconds < float("inf"):
            raise InputError(f"budget_seconds must be a positive number of seconds, but got {budget_seconds}.")
        n_folds = self.n_folds if budget_seconds >= MANY_FOLDS_SECONDS else min(self.n_folds, FEW_FOLDS)
        max_trials = round(self.max_trials * max(budget_seconds / self.budget_seconds, 1.0))
        return replace(self, budget_seconds=float(budget_seconds), n_folds=n_folds, max_trials=max_trials)


PRESETS: dict[str, Preset] = {
    "fast": Preset("fast", "search", budget_seconds=60, n_folds=3),
    "balanced": Preset("balanced", "search", budget_seconds=300, n_folds=5),
    "best": Preset(
        "best",
        "search",
        budget_seconds=1800,
        n_folds=8,
        models=(*DEFAULT_MODELS, "tabm", "knn"),
        tuned=("tuned_image", "tuned_text", "fusion_net"),  # the last reads what the layers below gave the others
        on_request=("tabicl",),
        max_trials=5000,
    ),
    "lightautoml": Preset("lightautoml", "lightautoml", budget_seconds=300, n_folds=5),
    "autogluon": Preset("autogluon", "autogluon", budget_seconds=300, n_folds=5),
    "contest": Preset(
        "contest", "search", budget_seconds=900, n_folds=5, contestants=("balanced", "lightautoml", "autogluon")
    ),
}


def preset_named(name: str) -> Preset:
    """Look a preset up.

    Raises:
        InputError: if there is none of this name.
    """
    return pick_known("preset", name, PRESETS)
