"""What places of a photo and words of a text give to the scores of a net over encoders, by gradients.

Integrated gradients (Sundararajan, Taly and Yan, Axiomatic attribution for deep networks, 2017) at the first tuned
layer, from what the layers below make of a content that says nothing: a photo of its mean colour, a text of tokens that
stand for any word. What all places and tokens give adds up to the score less that of such a content, all else of the
row as it is. A place of an activation sees around it, so that a map is about as sharp as its grid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from artifacts.feature_table import FeatureTable
from artifacts.schema import Kind, Modality
from automl.models.output import Output
from automl.models.torch_state import torch_threads
from automl.models.tuned_inputs import Inputs
from automl.models.tuned_model import TunedModel
from automl.models.tuned_net import TunedNet
from featurizers.image_trunk import ImageTrunk
from featurizers.text_trunk import TextTrunk
from featurizers.trunk import Half

Float = NDArray[np.float64]

N_NODES = 16  # Gauss-Legendre nodes on the path


def photo_gradients(
    model: TunedModel, row: FeatureTable, source: str, photo: bytes, size: tuple[int, int], link: int
) -> Float:
    """What places of the first photo of a row's source give to one link score, (height, width) of ``size``.

    Args:
        model: fitted.
        row: a table of one row.
        source: with a photo.
        photo: the content of its file, or of a copy.
        size: height and width of the map.
        link: position of the score.
    """
    found = _found(model, row, Modality.IMAGE, source)
    if found is None:
        return np.zeros(size)
    trunk = found.net.towers[found.tower].trunk
    assert isinstance(trunk, ImageTrunk)
    with torch_threads(model.n_threads):
        values = found.attributed(photo, model.output_, link)
    return np.zeros(size) if values is None else trunk.heat(values, *size)


def word_gradients(
    model: TunedModel, row: FeatureTable, source: str, pieces: Sequence[tuple[int, int]], link: int
) -> Float:
    """What pieces of the text of a row's source give to one link score (n_pieces,); NaN where the model does not read.

    Args:
        model: fitted.
        row: a table of one row.
        source: with a text.
        pieces: first and last + 1 character of each, in the plain text, one after the other. What stands between them,
            and tokens that begin and end a text, give the rest.
        link: position of the score.
    """
    result = np.full(len(pieces), np.nan)
    found = _found(model, row, Modality.TEXT, source)
    if found is None:
        return np.zeros(len(pieces))
    trunk = found.net.towers[found.tower].trunk
    assert isinstance(trunk, TextTrunk)
    text = found.inputs.parts[found.tower].values[found.content]
    spans = trunk.spans(text)
    with torch_threads(model.n_threads):
        values = found.attributed(text, model.output_, link) if spans else None
    if values is None:
        return result
    by_token = values.sum(axis=1)
    first = np.array([start for start, _ in pieces])
    for (start, end), value in zip(spans, by_token, strict=True):
        at = int(np.searchsorted(first, start, side="right")) - 1
        if end > start and at >= 0 and start < pieces[at][1]:
            result[at] = np.nan_to_num(result[at]) + value
    return result


@dataclass(frozen=True)
class _Found:
    """One content in a row: of which tower and source of a net, and how many others its source has."""

    net: TunedNet
    inputs: Inputs
    tower: int
    source: int
    content: int
    n_contents: int

    def attributed(self, content: Any, output: Output, link: int) -> Float | None:
        """What each number of its activation gives to a link score; in the shape of an activation. None where there is
        no empty content of that shape, as some tokenizers have none."""
        tower = self.net.towers[self.tower]
        own = self.inputs.parts[self.tower].read([self.content])[0]
        nothing = tower.trunk.lower([tower.trunk.emptied(content)])[0]
        if isinstance(nothing, str) or nothing.shape != own.shape:
            return None
        weights = _weights(output, link)
        values, total = self._integrated(own, nothing, weights)
        if output.kind in (Kind.MULTICLASS, Kind.MULTILABEL):
            return values
        base = np.array(output.prior)
        rest = total - base[0] - values.sum()
        parts, _ = output.link_parts(np.append(values.ravel(), rest)[None, :, None], base)
        return parts[0, :-1, 0].reshape(values.shape)

    def _integrated(self, own: Half, nothing: Half, weights: Float) -> tuple[Float, float]:
        """What each number gives to the weighted raw scores, and these."""
        import torch

        net, tower = self.net, self.net.towers[self.tower]
        assert net.head is not None and tower.mean is not None and tower.scale is not None
        nodes, share = (torch.from_numpy(one) for one in np.polynomial.legendre.leggauss(N_NODES))
        places = net.source_columns()[sum(one.n_sources for one in net.towers[: self.tower]) + self.source]
        at = torch.from_numpy(places[: tower.width])
        here = tower.mean.device
        step = torch.from_numpy(own.astype(np.float32) - nothing.astype(np.float32))
        with torch.no_grad():
            columns = net.columns(self.inputs, np.arange(1))
            whole = tower.trunk.vectors(tower.upper, [own])[0]
        path, beside = tower.trunk.batch([nothing] * N_NODES)
        path = path + ((nodes.float() + 1) / 2).to(here).reshape(-1, *[1] * own.ndim) * step.to(here)
        path.requires_grad_(True)
        for module in tower.upper.modules():  # what an activation overwrites is asked for on the way back
            if getattr(module, "inplace", False):
                module.inplace = False
        change = (tower.trunk.apply(tower.upper, path.clone(), beside) - whole) / self.n_contents
        wide = columns.repeat(N_NODES, 1).index_add(1, at.to(here), change / tower.scale[self.source])
        direction = torch.from_numpy(weights).to(here)
        scores = net.head(wide).double() @ direction
        (slopes,) = torch.autograd.grad((scores * share.to(here) / 2).sum(), path)
        with torch.no_grad():
            total = float((net.head(columns).double() @ direction)[0])
        return (slopes.sum(dim=0).cpu() * step).double().numpy(), total


def _found(model: TunedModel, row: FeatureTable, modality: Modality, source: str) -> _Found | None:
    """The first content of a source of a row; None where the model reads none there."""
    net, sources = model.net_, model.sources_.get(modality, ())
    if net is None or source not in sources:
        return None
    inputs = model._ready(row, net)
    tower = next(i for i, one in enumerate(net.towers) if one.trunk.modality is modality)
    _, of_source, contents = inputs.parts[tower].of_rows(np.arange(1))
    own = contents[of_source == sources.index(source)]
    return _Found(net, inputs, tower, sources.index(source), int(own[0]), len(own)) if len(own) else None


def _weights(output: Output, link: int) -> Float:
    """How raw scores (n_raw,) make up a link score, but for the scale of a number: a class counts beside the others."""
    weights = np.zeros(output.n_raw)
    if output.kind not in (Kind.MULTICLASS, Kind.MULTILABEL):
        weights[0] = 1.0
    elif link in output.present:
        weights[list(output.present).index(link)] = 1.0
        weights -= 1.0 / len(weights) if output.kind is Kind.MULTICLASS else 0.0
    return weights
