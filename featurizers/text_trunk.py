"""A sentence encoder cut in two."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from typing import Any, ClassVar

import numpy as np

from artifacts.schema import Modality
from featurizers.encoders import Encoder
from featurizers.precision import device
from featurizers.text_encoding import LENGTHS, TOKENS, has_usual_tokenizer, load_sentence_encoder, prompt_of
from featurizers.trunk import Half, Trunk, cannot_cut, close_to, input_of

MAX_TOKENS = 128  # of a text that are read: what is said first says most, and time grows with the length
_RECIPE = "text-activation/1"
_SAMPLE = ("Blue cotton shirt", "Кожаные зимние ботинки, чёрные, размер 42")


@dataclass(frozen=True)
class _Parts:
    """The whole encoder, the layer in it that is the first to be tuned, and a copy of what is from there on."""

    whole: Any
    first: Any
    upper: Any
    n_hidden: int


class TextTrunk(Trunk):
    """The last ``n_layers`` transformer layers and the pooling above them, over those below.

    An activation is (n_tokens, n_hidden) of the first ``MAX_TOKENS`` tokens of a text.
    """

    modality: ClassVar[Modality] = Modality.TEXT

    @property
    def _parts(self) -> _Parts:
        return _cut(self.encoder, self.n_layers)

    @cached_property
    def recipe(self) -> str:
        """See ``Trunk.recipe``."""
        return f"{_RECIPE}|{self.encoder.fingerprint}|{prompt_of(self.encoder)}|{self.n_layers}|{MAX_TOKENS}"

    def lower(self, contents: Sequence[Any]) -> list[Half | str]:
        """See ``Trunk.lower``; of texts that are not empty."""
        import torch

        whole, first = self._parts.whole, self._parts.first
        prompt = prompt_of(self.encoder)
        longest = self._longest
        texts = [prompt + text for text in contents]
        ids = whole.tokenizer(texts, truncation=True, max_length=longest, verbose=False)["input_ids"]
        lengths = np.array([next((n for n in LENGTHS if n >= len(one)), longest) for one in ids])
        found: list[Half | str] = [""] * len(ids)
        for length in np.unique(lengths).tolist():
            rows = np.flatnonzero(lengths == length)
            for batch in np.array_split(rows, -(-len(rows) * length // TOKENS)):
                padded = whole.tokenizer.pad(
                    {"input_ids": [ids[i] for i in batch]},
                    padding="max_length",
                    max_length=length,
                    return_tensors="pt",
                    verbose=False,
                ).to(whole.device)
                with torch.inference_mode():
                    made = input_of(first, partial(whole, dict(padded)))
                numbers = made.float().cpu().numpy()
                for row, one in zip(batch, numbers, strict=True):
                    found[row] = one[: len(ids[row])].astype(np.float16)
        return found

    def shaped(self, flat: Half) -> Half:
        """See ``Trunk.shaped``."""
        width = self._parts.n_hidden
        return flat[: len(flat) // width * width].reshape(-1, width)

    def new_upper(self) -> Any:
        """See ``Trunk.new_upper``."""
        return copy.deepcopy(self._parts.upper).to(device()).eval()

    def batch(self, activations: Sequence[Half]) -> tuple[Any, Any]:
        """See ``Trunk.batch``."""
        import torch

        lengths = [len(one) for one in activations]
        states = np.zeros((len(lengths), max(lengths), activations[0].shape[1]), dtype=np.float32)
        mask = np.zeros(states.shape[:2], dtype=np.int64)
        for i, one in enumerate(activations):
            states[i, : len(one)], mask[i, : len(one)] = one, 1
        return torch.from_numpy(states).to(device()), torch.from_numpy(mask).to(device())

    def apply(self, upper: Any, states: Any, beside: Any) -> Any:
        """See ``Trunk.apply``."""
        return upper({"inputs_embeds": states, "attention_mask": beside})["sentence_embedding"].float()

    def emptied(self, content: Any) -> Any:
        """See ``Trunk.emptied``: as many tokens that stand for any word."""
        tokenizer = self._parts.whole.tokenizer
        hidden = tokenizer.mask_token or tokenizer.unk_token or tokenizer.pad_token
        return " ".join([hidden] * sum(end > start for start, end in self.spans(content)))

    def spans(self, content: str) -> list[tuple[int, int]]:
        """The characters (first, last + 1) of each token of an activation; those that are no part of the text have
        none. Empty where the tokenizer does not tell, as some in Python do not."""
        tokenizer, prompt = self._parts.whole.tokenizer, prompt_of(self.encoder)
        if not getattr(tokenizer, "is_fast", False):
            return []
        read = tokenizer(
            prompt + content,
            truncation=True,
            max_length=self._longest,
            return_offsets_mapping=True,
            return_special_tokens_mask=True,
            verbose=False,
        )
        return [
            (0, 0) if special or end <= len(prompt) else (max(start - len(prompt), 0), end - len(prompt))
            for (start, end), special in zip(read["offset_mapping"], read["special_tokens_mask"], strict=True)
        ]

    @property
    def _longest(self) -> int:
        return min(int(self._parts.whole.max_seq_length or LENGTHS[-1]), MAX_TOKENS)

    def depth_of(self, upper: Any) -> list[list[Any]]:
        """See ``Trunk.depth_of``."""
        layers = _layers(upper[0].auto_model, self.encoder)
        parts = [list(layer.parameters()) for layer in reversed(layers)]
        inside = {id(one) for part in parts for one in part}
        rest = [one for one in upper.parameters() if id(one) not in inside]
        return [parts[0] + rest, *parts[1:]] if parts else [rest]


@lru_cache(maxsize=2)
def _cut(encoder: Encoder, n_layers: int) -> _Parts:
    import torch

    whole = load_sentence_encoder(encoder)
    if not has_usual_tokenizer(whole):
        raise cannot_cut(encoder, "it has no transformer layers")
    transformer = whole[0].auto_model
    layers = _layers(transformer, encoder)
    below = max(len(layers) - n_layers, 0)
    tokens = whole.tokenizer(list(_SAMPLE), padding=True, return_tensors="pt").to(whole.device)
    with torch.inference_mode():
        states = input_of(layers[below], lambda: whole(dict(tokens)))
        expected = whole(dict(tokens))["sentence_embedding"]
    embeddings = transformer.embeddings
    try:  # what lies below is not copied
        transformer.embeddings = _given_states()
        upper = copy.deepcopy(whole, {id(layer): layer for layer in layers[:below]})
    finally:
        transformer.embeddings = embeddings
    kept = _layers(upper[0].auto_model, encoder)
    del kept[:below]
    with torch.inference_mode():
        found = upper({"inputs_embeds": states, "attention_mask": tokens["attention_mask"]})["sentence_embedding"]
    close_to(expected, found, encoder)
    return _Parts(whole, layers[below], upper, int(states.shape[-1]))


def _layers(transformer: Any, encoder: Encoder) -> Any:
    """The list of transformer layers of a model of transformers."""
    from torch import nn

    n = getattr(transformer.config, "num_hidden_layers", None)
    found = [one for one in transformer.modules() if isinstance(one, nn.ModuleList)]
    longest = max(found, key=len, default=None)
    if longest is None or not len(longest) or not hasattr(transformer, "embeddings") or n is None:
        raise cannot_cut(encoder, f"{type(transformer).__name__} is no stack of layers over embeddings")
    return longest


def _given_states() -> Any:
    """Stands where the embeddings stood, and passes on what it is given."""
    from torch import nn

    class GivenStates(nn.Module):
        def forward(self, *_: Any, inputs_embeds: Any = None, **__: Any) -> Any:
            return inputs_embeds

    return GivenStates()
