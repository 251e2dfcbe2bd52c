"""What the models that tune an encoder share: which sources they read, fitting, contributions, files."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self
from weakref import ref

import numpy as np
from numpy.typing import NDArray

from artifacts.contents import Contents
from artifacts.errors import ArtifactError, InputError
from artifacts.examples import Examples
from artifacts.explanation import Explanation
from artifacts.feature_table import FeatureTable
from artifacts.outcome import Outcome
from artifacts.schema import Modality
from automl.models.base import LINK_UNITS, Float, Model
from automl.models.description import Description, feature_names, median_of, settings
from automl.models.linear import ALPHAS, DEFAULT_ALPHA, RIDGE_ALPHAS
from automl.models.matrix import check_same_features
from automl.models.output import Output, suggest_output
from automl.models.solvers import LOSSES, Fitted, Loss, Rows, path, ridge
from automl.models.torch_state import torch_threads
from automl.models.tuned_net import TunedNet
from automl.models.tuning import TunedParams, Tuning
from featurizers.activations import HELD_BYTES, Activations
from featurizers.encoders import find_again
from featurizers.trunk import Trunk

if TYPE_CHECKING:
    import optuna

FILE = "tuned.safetensors"
PROBE_SHARE = 0.15  # of the time to the deadline, for the linear probe that the head starts from
READ_AT_ONCE = 2_048  # rows
ACTIVATION_BYTES = 48_000  # of one text or photo, roughly
ENCODER_BYTES = 4e8


class TunedModel(Model):
    """The last layers of an encoder and a linear head on its vectors, tuned on the target.

    Reads the texts or photos behind the embeddings of the table (``FeatureTable.contents``), with the encoder that made
    these. The layers below are as they came, and what they make of a text or photo is kept in the store of the
    contents, so that an epoch costs only the layers above. Contributions are exact: the head is linear in the vectors
    of the sources. ``epochs_`` is the number of epochs kept; 0 is the linear probe over the encoder as it came, whose
    loss on ``valid`` is the first of ``losses_``. ``seconds_``: of what the layers below read, then of each epoch.
    """

    modality: ClassVar[Modality]
    trunk: ClassVar[type[Trunk]]
    settings: ClassVar[type[TunedParams]] = TunedParams
    libraries: ClassVar[tuple[str, ...]] = ("torch",)
    tables_in_memory: ClassVar[float] = 0.5
    _decided: tuple[ref[Contents], Float] | None = None  # raw scores of the rows that were asked for last

    @classmethod
    def sources_in(cls, table: FeatureTable) -> tuple[str, ...]:
        """The sources of a table that it reads: those of its modality that an encoder has read."""
        known = {} if table.contents is None else table.contents.columns
        found = (block.source for block in table.blocks if block.is_opaque and block.modality is cls.modality)
        return tuple(dict.fromkeys(source for source in found if source in known))

    def fit(self, train: Examples, valid: Examples | None = None, *, deadline: float | None = None) -> Self:
        """See ``Model.fit``. Where the lower layers have not read all rows by the deadline, the best constant is left.

        Raises:
            InputError: if the table comes without its contents, or has no source that it reads.
            ArtifactError: if the encoder cannot be loaded or cut.
        """
        chosen = settings(self.settings, self.name, self.params)
        self.features_ = feature_names(train.table)
        self.output_ = Output.of(train.outcome, chosen)
        self.sources_ = self.sources_in(train.table)
        contents = self._contents(train.table)
        self.encoder_ = find_again(contents.encoders[self.modality])
        self.net_: TunedNet | None = None
        self._decided = None
        self.epochs_ = 0
        self.losses_: list[float] = []
        self.seconds_: list[float] = []
        late = deadline is not None and time.monotonic() >= deadline
        if self.output_.learnable and not late:
            with torch_threads(self.n_threads):
                self._tune(chosen, train, valid, deadline)
        self.kind, self.n_outputs = train.outcome.kind, train.outcome.n_outputs
        self.hold_means(valid or train)
        return self

    def activations(self, table: FeatureTable) -> Activations:
        """What the layers below make of the texts or photos of a table, before ``fit``.

        Raises:
            InputError: as ``fit``.
        """
        chosen = settings(self.settings, self.name, self.params)
        self.sources_ = self.sources_in(table)
        contents = self._contents(table)
        self.encoder_ = find_again(contents.encoders[self.modality])
        return self._parts(table, self.trunk(self.encoder_, chosen.layers, contents.store))

    def _contents(self, table: FeatureTable) -> Contents:
        if table.contents is None or not self.sources_:
            what = "texts" if self.modality is Modality.TEXT else "photos"
            raise InputError(
                f"Model {self.name!r} reads {what} by an encoder, but the table has none at hand. Give it a table of "
                "TableFeaturizer.transform, with an encoder for them."
            )
        return table.contents

    def _parts(self, table: FeatureTable, trunk: Trunk) -> Activations:
        return Activations.of(trunk, self._contents(table), self.sources_, table.n_samples)

    def _tune(self, chosen: TunedParams, train: Examples, valid: Examples | None, deadline: float | None) -> None:
        started = time.monotonic()
        trunk = self.trunk(self.encoder_, chosen.layers, self._contents(train.table).store)
        rows = Rows(np.zeros((0, 0), np.float32), *self.output_.encode(train.outcome))
        parts = self._parts(train.table, trunk)
        held = None
        if valid is not None:
            of_valid = Rows(np.zeros((0, 0), np.float32), *self.output_.encode(valid.outcome))
            held = (self._parts(valid.table, trunk), of_valid) if of_valid.weight.sum() > 0 else None
        ready = parts.prepare(deadline, lambda _: None) and (held is None or held[0].prepare(deadline, lambda _: None))
        self.seconds_ = [time.monotonic() - started]
        if not ready or not len(parts.row):
            return
        net = TunedNet(trunk, len(self.sources_))
        net.learn_scale(parts)
        probe = self._probe(net, parts, rows, held, deadline)
        net.take_head(probe)
        tuning = Tuning(net, chosen, parts, rows, LOSSES[self.output_.kind], probe.alpha)
        self.epochs_ = tuning.run(held, self.seed, deadline)
        self.losses_ = tuning.history
        self.seconds_ += tuning.seconds
        self.net_ = net

    def _probe(
        self,
        net: TunedNet,
        parts: Activations,
        rows: Rows,
        held: tuple[Activations, Rows] | None,
        deadline: float | None,
    ) -> Fitted:
        """A linear model over the vectors of the encoder as it came; its penalty is the best on ``held``."""
        seen = Rows(net.all_vectors(parts), rows.y, rows.weight)
        stop = None if held is None else Rows(net.all_vectors(held[0]), held[1].y, held[1].weight)
        loss: Loss = LOSSES[self.output_.kind]
        if loss == "squared":
            return ridge(seen, RIDGE_ALPHAS, stop)
        start = Fitted(np.zeros((seen.x.shape[1], self.output_.n_raw)), np.array(self.output_.prior), 1.0)
        alphas = ALPHAS if stop is not None else (1.0, 0.1, DEFAULT_ALPHA)
        now = time.monotonic()
        end = None if deadline is None else now + PROBE_SHARE * (deadline - now)
        return path(seen, loss, alphas, stop, start, deadline=end)

    # -- use ----------------------------------------------------------------------------------------

    def decide(self, table: FeatureTable) -> Float:
        """See ``Model.decide``.

        Raises:
            InputError: if the table comes without its contents.
        """
        _ = self.fitted_kind
        check_same_features(self.name, self.features_, table)
        if self.net_ is None:
            return self.output_.link(self.output_.constant(table.n_samples))
        contents = self._contents(table)
        known = self._decided
        if known is None or known[0]() is not contents:  # a blend, a stack and a view ask for the same rows in turn
            self._decided = known = ref(contents), self._raw_scores(table, self.net_)
        return self.output_.link(known[1])

    def _raw_scores(self, table: FeatureTable, net: TunedNet) -> Float:
        with torch_threads(self.n_threads):
            found = [net.all_scores(self._ready(chunk, net)) for chunk in table.row_chunks(READ_AT_ONCE)]
        return np.concatenate(found) if found else np.zeros((0, self.output_.n_raw))

    def _ready(self, table: FeatureTable, net: TunedNet) -> Activations:
        parts = self._parts(table, net.trunk)
        parts.prepare(None, lambda _: None)
        return parts

    def vectors(self, table: FeatureTable) -> NDArray[np.float32]:
        """Tuned vectors (n_samples, n_sources * n_dimensions), standardised as the encoder's own were.

        Raises:
            InputError: if the table comes without its contents.
            NotFittedError: before ``fit``, or if nothing was tuned.
        """
        _ = self.fitted_kind
        if self.net_ is None:
            return np.zeros((table.n_samples, 0), dtype=np.float32)
        with torch_threads(self.n_threads):
            found = [self.net_.all_vectors(self._ready(chunk, self.net_)) for chunk in table.row_chunks(READ_AT_ONCE)]
        return np.concatenate(found)

    def contributions(self, table: FeatureTable, groups: NDArray[np.int64], names: Sequence[str]) -> Explanation:
        """See ``Model.contributions``. What a source gives is shared evenly by the dimensions of its embedding."""
        unit = LINK_UNITS[self.fitted_kind]
        check_same_features(self.name, self.features_, table)
        raw = np.zeros((table.n_samples, len(names), self.output_.n_raw))
        base = np.array(self.output_.prior)
        if self.net_ is not None:
            head = {name: x.cpu().numpy().astype(np.float64) for name, x in self.net_.head.items()}
            base, n_sources = head["bias"], len(self.sources_)
            weight = head["weight"].reshape(len(base), n_sources, -1)
            shares = self._shares(table, np.asarray(groups), len(names))
            for start in range(0, table.n_samples, READ_AT_ONCE):
                rows = np.arange(start, min(start + READ_AT_ONCE, table.n_samples))
                x = self.vectors(table.take(rows)).reshape(len(rows), n_sources, -1)
                raw[rows] = np.einsum("nsd,ksd,sg->ngk", x, weight, shares, optimize=True)
        values, base = self.output_.link_parts(raw, base)
        return Explanation(tuple(names), values, base, unit, "exact: coefficient x (value - training mean)")

    def _shares(self, table: FeatureTable, groups: NDArray[np.int64], n_groups: int) -> Float:
        """How much of each source belongs to each group (n_sources, n_groups)."""
        shares = np.zeros((len(self.sources_), n_groups))
        first = 0
        for block in table.blocks:
            own = groups[first : first + len(block.features)]
            first += len(own)
            if block.is_opaque and block.modality is self.modality and block.source in self.sources_:
                shares[self.sources_.index(block.source)] += np.bincount(own, minlength=n_groups)
        return np.asarray(shares / shares.sum(axis=1, keepdims=True))

    # -- files --------------------------------------------------------------------------------------

    def save(self, folder: Path) -> None:
        """Write ``tuned.safetensors`` (not for a constant prediction) and ``model.json``, which names the encoder."""
        from safetensors.torch import save_file

        _ = self.fitted_kind
        if self.net_ is not None:
            save_file(self.net_.tensors(), folder / FILE)
        extra = {
            "sources": self.sources_,
            "encoder": self.encoder_.to_json(),
            "epochs": self.epochs_,
            "losses": [float(x) for x in self.losses_],
            "trained": self.net_ is not None,
        }
        Description(self.name, self.params, self.seed, self.features_, self.output_, extra).save(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """See ``Model.load``.

        Raises:
            ArtifactError: also if the encoder is gone or has other weights.
        """
        from safetensors.torch import load_file

        found = Description.load(folder, cls)
        model = cls(found.params, seed=found.seed)
        model.features_, model.output_ = found.features, found.output
        model.sources_, model.epochs_ = tuple(found.extra["sources"]), int(found.extra["epochs"])
        model.losses_ = list(found.extra["losses"])
        model.encoder_ = find_again(found.extra["encoder"])
        model.net_ = None
        if found.extra["trained"]:
            chosen = settings(cls.settings, cls.name, found.params)
            net = TunedNet(cls.trunk(model.encoder_, chosen.layers), len(model.sources_))
            try:
                net.restore(load_file(folder / FILE))
            except (RuntimeError, OSError, ValueError, KeyError) as error:
                raise ArtifactError(f"The model in {str(folder)!r} cannot be read: {error}. Run fit again.") from error
            model.net_ = net
        found.apply(model)
        return model

    @classmethod
    def bytes_needed(cls, table: FeatureTable, outcome: Outcome) -> float:
        """See ``Model.bytes_needed``; with the encoder, and what is held of the layers below."""
        held = min(float(HELD_BYTES), ACTIVATION_BYTES * table.n_samples * max(len(cls.sources_in(table)), 1))
        return super().bytes_needed(table, outcome) + held + ENCODER_BYTES

    def params_for_refit(self, fitted: Sequence[Self]) -> dict[str, Any]:
        """The median of the folds' best epochs."""
        return {**self.params, "epochs": max(1, round(median_of([model.epochs_ for model in fitted])))}

    @classmethod
    def suggest(cls, trial: optuna.Trial, outcome: Outcome, table: FeatureTable) -> dict[str, Any]:
        """Depth and rates."""
        return {
            "layers": trial.suggest_int(f"{cls.name}.layers", 1, 3),
            "learning_rate": trial.suggest_float(f"{cls.name}.learning_rate", 3e-5, 1e-3, log=True),
            **suggest_output(trial, cls.name, outcome),
        }

    @classmethod
    def get_test_params(cls) -> dict[str, Any]:
        """One layer for a few epochs."""
        return {"layers": 1, "epochs": 2}
