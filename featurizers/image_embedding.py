"""Photos as vectors of a timm backbone; each photo is encoded once, ever."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Self

import pandas as pd

from artifacts.embedding_store import EmbeddingStore, content_key
from artifacts.errors import NotFittedError
from artifacts.feature_table import Block
from artifacts.schema import Column, Modality, opaque_features
from featurizers.base import Featurizer, State, Surroundings
from featurizers.encoder_use import require_same, runnable, settle_precision
from featurizers.image_decoding import VERSION
from featurizers.image_network import (
    FloatArray,
    Network,
    NetworkFacts,
    batch_size,
    load_network,
    measure_network,
)
from featurizers.image_vectors import MAX_WORKERS, ImageWork, image_vectors
from featurizers.precision import LEAST_COSINE, device, fastest_precision

if TYPE_CHECKING:
    from featurizers.encoders import Encoder

LOWEST_COSINE = 0.99  # of any photo of the sample; the median must reach LEAST_COSINE

_RECIPE = "image-embedding/1"  # raise the number when the same photo would get another vector


class ImageEmbedding(Featurizer):
    """One opaque block: the pooled features of each photo; NaN where there is no readable photo.

    A row with several photos is the mean of their vectors. Which layers are used and how they are
    pooled is said by the options of the encoder; without any it is as the backbone was trained.

    Photos are looked up by content in ``surroundings.store`` and only the others are decoded and
    encoded, several threads at once, each of which decodes a batch and runs the network on it. So one
    thread decodes while others compute, and no photo is held longer than its batch.

    bf16 is used where the processor or GPU has it and the encoder bears it: over a fixed sample of
    drawn photos, the cosine with fp32 must be at least ``LEAST_COSINE`` in the median and
    ``LOWEST_COSINE`` everywhere. A saved state keeps the precision; one in bf16 runs in fp32 where
    there is no bf16. Vectors depend on the photo alone but for rounding: a batch of another size may
    change the third digit in bf16. What the store holds is returned bit by bit.
    """

    name: ClassVar[str] = "embedding"
    modalities: ClassVar[frozenset[Modality]] = frozenset({Modality.IMAGE})

    def __init__(self, column: Column, encoder: Encoder) -> None:
        super().__init__(column)
        self.encoder = encoder
        self._facts: NetworkFacts | None = None
        self._fitted_precision = ""

    def fit(self, values: pd.Series[Any], surroundings: Surroundings) -> Self:
        """Learn how the encoder wants its photos and in which precision it runs; no value is looked at.

        Raises:
            ArtifactError: if the encoder cannot be loaded.
        """
        facts = network_facts(self.encoder, surroundings.store)
        bears = facts.cosine_typical >= LEAST_COSINE and facts.cosine_low >= LOWEST_COSINE
        cosine = f"{facts.cosine_typical:.4f}, at least {facts.cosine_low:.4f}"
        self._fitted_precision = settle_precision(
            self.encoder, self.column, surroundings.audit, bears_bf16=bears, cosine=cosine
        )
        self._facts = facts
        return self

    def transform(self, values: pd.Series[Any], surroundings: Surroundings) -> list[Block]:
        """One block, float32 (n_samples, n_dimensions).

        Raises:
            NotFittedError: before ``fit``.
            ArtifactError: if the encoder cannot be loaded, or the cache cannot be written.
        """
        facts, kept = self._learned()
        precision = runnable(kept)
        work = ImageWork(
            recipe=f"{_RECIPE}|{VERSION}|{self.encoder.fingerprint}|{precision}|{facts.recipe}",
            n_dimensions=facts.n_dimensions,
            compute=lambda contents: self._network(precision).vectors(contents),
            title=f"reading photos with {self.encoder.name}",
            batch=batch_size(),
            open_pool=lambda: forward_pool(lambda: self._network(precision)),
        )
        vectors = image_vectors(values, work, self.column, surroundings)
        features = opaque_features(self.column, self.name, facts.n_dimensions)
        return [Block(self.column.name, self.name, features, vectors)]

    def state(self) -> State:
        """Fingerprint of the encoder, precision, and how it wants its photos.

        Raises:
            NotFittedError: before ``fit``.
        """
        facts, precision = self._learned()
        return State({"encoder": self.encoder.fingerprint, "precision": precision, "facts": facts.to_vector().tolist()})

    def restore(self, state: State) -> Self:
        """Take over what ``state`` gave.

        Raises:
            ArtifactError: if it was fitted with another encoder.
        """
        require_same(self.encoder, self.column, str(state.values["encoder"]))
        self._fitted_precision = str(state.values["precision"])
        self._facts = NetworkFacts.from_vector(state.values["facts"])
        return self

    def _learned(self) -> tuple[NetworkFacts, str]:
        if self._facts is None:
            raise NotFittedError(f"ImageEmbedding of column {self.column.name!r} needs fit before this.")
        return self._facts, self._fitted_precision

    def _network(self, precision: str) -> Network:
        facts, _ = self._learned()
        return load_network(self.encoder, precision, facts)


def encode_images(encoder: Encoder, contents: Sequence[bytes], precision: str = "fp32") -> list[FloatArray | str]:
    """A vector for each photo, or the code of a finding, without any cache and in this thread."""
    facts = network_facts(encoder, None)
    return load_network(encoder, precision, facts).vectors(contents)


def network_facts(encoder: Encoder, store: EmbeddingStore | None) -> NetworkFacts:
    """The facts of an encoder, measured once and kept in the store, so that a second run need not load it.

    Raises:
        ArtifactError: if the encoder cannot be loaded.
    """
    key = content_key(b"facts", f"{_RECIPE}|{encoder.fingerprint}|{fastest_precision()}|{device()}")
    known = store.get([key])[0] if store is not None else None
    if known is not None:
        return NetworkFacts.from_vector(known)
    facts = measure_network(encoder.location, encoder.options)
    if store is not None:
        store.put([(key, facts.to_vector())])
    return NetworkFacts.from_vector(facts.to_vector())


@contextmanager
def forward_pool(load: Any) -> Iterator[ThreadPoolExecutor]:
    """Threads that each run the network with a share of torch's threads of its own.

    Two threads of one each are faster than one of two, because nothing waits at the end of a layer,
    and stay so where other processes use the processor, too.
    """
    import torch

    load()  # once, before the threads ask for it
    total = torch.get_num_threads()
    workers = max(1, min(MAX_WORKERS, total))
    with ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(max(1, total // workers),)) as pool:
        try:
            yield pool
        finally:
            pool.shutdown()
            torch.set_num_threads(total)  # the number is the process's, not the thread's, for threads to come
