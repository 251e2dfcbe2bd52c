"""What the models that tune encoders share: which sources they read, fitting, contributions, files."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from artifacts.contents import Contents
from artifacts.embedding_store import EmbeddingStore
from artifacts.errors import ArtifactError, InputError
from artifacts.examples import Examples
from artifacts.explanation import Explanation
from artifacts.feature_table import Block, FeatureTable
from artifacts.outcome import Outcome
from artifacts.schema import Kind, Modality
from automl.models.base import LINK_UNITS, Float, Model
from automl.models.checkpoint import Checkpoint
from automl.models.description import Description, feature_names, load_arrays, median_of, save_arrays, settings
from automl.models.heads import FusionHead, LinearHead, start_linear
from automl.models.matrix import check_same_features
from automl.models.output import Output, suggest_output
from automl.models.solvers import LOSSES, Loss, Rows
from automl.models.torch_state import torch_threads
from automl.models.tower import LateError, Tower
from automl.models.tuned_explaining import ExactHead, players_of
from automl.models.tuned_inputs import Columns, Inputs, encoded_sources, other_blocks
from automl.models.tuned_net import TunedNet
from automl.models.tuned_reading import Reading
from automl.models.tuning import TunedParams, Tuning
from featurizers.activations import HELD_BYTES, Activations
from featurizers.encoders import Encoder, find_again
from featurizers.trunk import Trunk

if TYPE_CHECKING:
    import optuna

FILE, COLUMNS = "tuned.safetensors", "columns.npz"
EXPLAINED_AT_ONCE, READ_AT_ONCE = 256, 2_048  # rows
SLOPES_AT_ONCE, PROJECTED = 1 << 25, 1_000  # slopes of scores by what columns become in a net, and about how many
ACTIVATION_BYTES, ENCODER_BYTES = 48_000, 4e8  # of one text or photo, and of an encoder, roughly


class TunedModel(Model):
    """The last layers of encoders and a head on their vectors, tuned on the target.

    Reads the texts or photos behind the embeddings of the table (``FeatureTable.contents``), with the encoders that
    made these. The layers below are as they came, and what they make of a text or photo is kept in the store of the
    contents, so that an epoch costs only the layers above. ``epochs_`` is the number of epochs kept; 0 is the head
    over the encoders as they came, whose loss on ``valid`` is the first of ``losses_``. ``seconds_``: of what the
    layers below read, then of each epoch.

    With a linear head contributions are exact. A model with another one gives the net its own ``columns_`` of other
    blocks (``_learn_others``) and its head (``_new_head``), and starts that as it wants (``_start``).
    """

    trunks: ClassVar[tuple[type[Trunk], ...]]
    settings: ClassVar[type[TunedParams]] = TunedParams
    libraries: ClassVar[tuple[str, ...]] = ("torch",)
    tables_in_memory: ClassVar[float] = 0.5
    gives_vectors: ClassVar[bool] = False
    n_nodes: ClassVar[int] = 1  # of integrated gradients: one is exact for what is linear
    method: ClassVar[str] = "exact: coefficient x (value - training mean)"
    checkpoint: Checkpoint | None = None  # by which a fit that was killed goes on after its last epoch
    _read: Reading | None = None

    @classmethod
    def sources_in(cls, table: FeatureTable) -> dict[Modality, tuple[str, ...]]:
        """The sources of a table that it reads by encoders; none where it is not for such a table."""
        found = {trunk.modality: encoded_sources(table, trunk.modality) for trunk in cls.trunks}
        return {modality: sources for modality, sources in found.items() if sources}

    @classmethod
    def view_in(cls, table: FeatureTable) -> str:
        """The view of a table that it reads."""
        view = cls.trunks[0].modality.view
        return view if len(cls.trunks) == 1 and view in table.views else "all"

    def fit(self, train: Examples, valid: Examples | None = None, *, deadline: float | None = None) -> Self:
        """See ``Model.fit``. Where not all rows have been read once by the deadline, the best constant is left; a model
        without ``valid``, or one that was begun before, is read on for once the layers below have read all.

        Raises:
            InputError: if the table comes without its contents, or has no source that it reads.
            ArtifactError: if an encoder cannot be loaded or cut.
        """
        chosen = settings(self.settings, self.name, self.params)
        self.features_ = feature_names(train.table)
        self.output_ = Output.of(train.outcome, chosen)
        self._find_encoders(train.table)
        self.net_: TunedNet | None = None
        self.columns_: Columns | None = None
        self._read = None
        self.epochs_ = 0
        self.losses_: list[float] = []
        self.seconds_: list[float] = []
        late = deadline is not None and time.monotonic() >= deadline
        if self.output_.learnable and not late:
            with torch_threads(self.n_threads), suppress(LateError):
                self._tune(chosen, train, valid, deadline)
        self.kind, self.n_outputs = train.outcome.kind, train.outcome.n_outputs
        self.hold_means(valid or train)
        return self

    def activations(self, table: FeatureTable) -> list[Activations]:
        """What the layers below make of the texts and photos of a table, by encoder, before ``fit``.

        Raises:
            InputError: as ``fit``.
        """
        self._find_encoders(table)
        trunks = self._trunks(settings(self.settings, self.name, self.params), self._contents(table).store)
        return self._parts(table, trunks)

    def _find_encoders(self, table: FeatureTable) -> None:
        self.sources_ = self.sources_in(table)
        known = self._contents(table).encoders
        self.encoders_: dict[Modality, Encoder] = {one: find_again(known[one]) for one in self.sources_}

    def _contents(self, table: FeatureTable) -> Contents:
        if table.contents is None or not self.sources_:
            what = " or ".join("texts" if trunk.modality is Modality.TEXT else "photos" for trunk in self.trunks)
            raise InputError(
                f"Model {self.name!r} reads {what} by an encoder, but the table has none at hand. Give it a table of "
                "TableFeaturizer.transform, with an encoder for them."
            )
        return table.contents

    def _trunks(self, chosen: TunedParams, store: EmbeddingStore | None) -> list[Trunk]:
        kinds = {trunk.modality: trunk for trunk in self.trunks}
        return [kinds[m](encoder, chosen.upper(m)[0], store) for m, encoder in self.encoders_.items()]

    def _parts(self, table: FeatureTable, trunks: Sequence[Trunk]) -> list[Activations]:
        contents = self._contents(table)
        return [Activations.of(t, contents, self.sources_[t.modality], table.n_samples) for t in trunks]

    def _tune(self, chosen: TunedParams, train: Examples, valid: Examples | None, deadline: float | None) -> None:
        started = time.monotonic()
        trunks = self._trunks(chosen, self._contents(train.table).store)
        sets = [train] if valid is None else [train, valid]
        parts = [self._parts(rows.table, trunks) for rows in sets]
        ready = all(one.prepare(deadline, lambda _: None) for some in parts for one in some)
        self.seconds_ = [time.monotonic() - started]
        read = [i for i, one in enumerate(parts[0]) if len(one.row)]
        if not ready or not read:
            return
        trunks = [trunks[i] for i in read]
        self.sources_ = {trunk.modality: self.sources_[trunk.modality] for trunk in trunks}
        self.encoders_ = {modality: self.encoders_[modality] for modality in self.sources_}
        self._learn_others(train.table)
        net = self._new_net(trunks)
        until = None if valid is None or (self.checkpoint is not None and self.checkpoint.path.exists()) else deadline
        made: list[tuple[Inputs, Rows]] = []
        for rows, some in zip(sets, parts, strict=True):
            inputs = self._inputs(rows.table, [some[i] for i in read])
            x = (net.all_columns if made else net.first_columns)(inputs, until)
            made.append((inputs, Rows(x, *self.output_.encode(rows.outcome))))
        held = made[1] if len(made) > 1 and made[1][1].weight.sum() > 0 else None
        alpha = self._start(net, chosen, made[0][1], held and held[1], deadline)
        net.to_device()
        tuning = Tuning(net, chosen, *made[0], self._loss(chosen), alpha, self.seed)
        course = tuning.run(held, deadline, self.checkpoint)
        self.epochs_, self.losses_ = course.best_epoch, course.history
        self.seconds_ += course.seconds
        self.net_ = net

    def _loss(self, chosen: TunedParams) -> Loss:
        return "huber" if chosen.huber and self.output_.kind is Kind.REGRESSION else LOSSES[self.output_.kind]

    # -- the head: linear, unless a model has another one ---------------------------------------------

    def _new_net(self, trunks: Sequence[Trunk]) -> TunedNet:
        return TunedNet([Tower(trunk, len(self.sources_[trunk.modality])) for trunk in trunks], self.columns_)

    def _new_head(self, net: TunedNet, chosen: Any) -> LinearHead | FusionHead:
        return LinearHead(sum(net.parts), self.output_.n_raw)

    def _learn_others(self, table: FeatureTable) -> None:
        """Learn the ``columns_`` of other blocks, if the head reads any."""

    def _others(self, table: FeatureTable) -> FeatureTable:
        """The other blocks that the head reads."""
        return replace(table, blocks=()) if self.columns_ is None else other_blocks(table, self.sources_)

    def _inputs(self, table: FeatureTable, parts: Sequence[Activations]) -> Inputs:
        none = np.zeros((table.n_samples, 0), dtype=np.float32)
        return Inputs(tuple(parts), none if self.columns_ is None else self.columns_.matrix(self._others(table)))

    def _start(self, net: TunedNet, chosen: Any, rows: Rows, held: Rows | None, deadline: float | None) -> float:
        """Give the net its head, fitted to the columns as they are; the penalty of its linear term."""
        net.head = self._new_head(net, chosen)
        return start_linear(net.head, rows, held, self.output_, deadline)

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
        return self.output_.link(self._reading(table, self.net_).scores)

    def _reading(self, table: FeatureTable, net: TunedNet) -> Reading:
        if self._read is None or not self.kept_seconds(table):
            with torch_threads(self.n_threads):
                self._read = Reading(net, self.gives_vectors, self._made_of(table), self._pieces(table, net))
        return self._read

    def kept_seconds(self, table: FeatureTable) -> float:
        """What it took to read the table, where that is kept; else 0."""
        return self._read.seconds if self._read is not None and self._read.is_of(self._made_of(table)) else 0.0

    def _made_of(self, table: FeatureTable) -> tuple[Contents | Block, ...]:
        return self._contents(table), *self._others(table).blocks

    def _pieces(self, table: FeatureTable, net: TunedNet) -> Iterator[Inputs]:
        return (self._ready(piece, net) for piece in (table.row_chunks(READ_AT_ONCE) if table.n_samples else [table]))

    def _ready(self, table: FeatureTable, net: TunedNet) -> Inputs:
        inputs = self._inputs(table, self._parts(table, [tower.trunk for tower in net.towers]))
        inputs.prepare(None, lambda _: None)
        return inputs

    def contributions(self, table: FeatureTable, groups: NDArray[np.int64], names: Sequence[str]) -> Explanation:
        """See ``Model.contributions``. What a source gives is shared evenly by the dimensions of its embedding."""
        unit = LINK_UNITS[self.fitted_kind]
        check_same_features(self.name, self.features_, table)
        raw = np.zeros((table.n_samples, len(names), self.output_.n_raw))
        base = np.array(self.output_.prior)
        if self.net_ is not None:
            players = players_of(self.net_, self.sources_, table, np.asarray(groups), len(names))
            head = ExactHead(self.net_, *players, self.n_nodes)
            n_raw = self.output_.n_raw
            at_once = max(1, min(EXPLAINED_AT_ONCE, SLOPES_AT_ONCE // (n_raw * (n_raw + PROJECTED))))
            for start in range(0, table.n_samples, at_once):
                rows = np.arange(start, min(start + at_once, table.n_samples))
                with torch_threads(self.n_threads):
                    raw[rows] = head.contributions(self._ready(table.take(rows), self.net_))
            base = head.base
        values, base = self.output_.link_parts(raw, base)
        return Explanation(tuple(names), values, base, unit, self.method)

    # -- files --------------------------------------------------------------------------------------

    def save(self, folder: Path) -> None:
        """Write ``tuned.safetensors`` (not for a constant prediction), ``columns.npz`` where it reads other blocks, and
        ``model.json``, which names the encoders."""
        from safetensors.torch import save_file

        _ = self.fitted_kind
        if self.net_ is not None:
            save_file(self.net_.tensors(), folder / FILE)
        if self.columns_ is not None:
            save_arrays(folder / COLUMNS, self.columns_.arrays())
        extra = {
            "sources": {modality.value: sources for modality, sources in self.sources_.items()},
            "encoders": {modality.value: encoder.to_json() for modality, encoder in self.encoders_.items()},
            "epochs": self.epochs_,
            "losses": [float(x) for x in self.losses_],
            "trained": self.net_ is not None,
            "columns": self.columns_ is not None,
        }
        Description(self.name, self.params, self.seed, self.features_, self.output_, extra).save(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """See ``Model.load``.

        Raises:
            ArtifactError: also if an encoder is gone or has other weights.
        """
        found = Description.load(folder, cls)
        model = cls(found.params, seed=found.seed)
        model.features_, model.output_ = found.features, found.output
        try:
            model._restore(found.extra, folder)
        except (RuntimeError, OSError, ValueError, LookupError, AttributeError, TypeError) as error:
            raise ArtifactError(f"The model in {str(folder)!r} cannot be read: {error}. Run fit again.") from error
        found.apply(model)
        return model

    def _restore(self, extra: Mapping[str, Any], folder: Path) -> None:
        from safetensors.torch import load_file

        self.sources_ = {Modality(name): tuple(sources) for name, sources in extra["sources"].items()}
        self.encoders_ = {Modality(name): find_again(encoder) for name, encoder in extra["encoders"].items()}
        self.epochs_, self.losses_ = int(extra["epochs"]), list(extra["losses"])
        self.columns_ = Columns.from_arrays(load_arrays(folder / COLUMNS)) if extra["columns"] else None
        self.net_ = None
        if extra["trained"]:
            chosen, tensors = settings(self.settings, self.name, self.params), load_file(folder / FILE)
            self.net_ = self._new_net(self._trunks(chosen, None))
            self.net_.restore_towers(tensors)
            self.net_.restore_head(self._new_head(self.net_, chosen), tensors)

    @classmethod
    def bytes_needed(cls, table: FeatureTable, outcome: Outcome) -> float:
        """See ``Model.bytes_needed``; with the encoders, and what is held of the layers below."""
        read = cls.sources_in(table)
        held = min(float(HELD_BYTES), ACTIVATION_BYTES * table.n_samples * max(sum(map(len, read.values())), 1))
        return super().bytes_needed(table, outcome) + max(len(read), 1) * (held + ENCODER_BYTES)

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
