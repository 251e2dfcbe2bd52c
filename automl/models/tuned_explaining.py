"""Contributions to the scores of a net over encoders."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from artifacts.feature_table import FeatureTable
from artifacts.schema import Modality
from automl.models.network import column_contributions, complete
from automl.models.tuned_inputs import Inputs, is_encoded, other_blocks
from automl.models.tuned_net import TunedNet

Float = NDArray[np.float64]
Int = NDArray[np.int64]


def players_of(
    net: TunedNet, sources: Mapping[Modality, Sequence[str]], table: FeatureTable, groups: Int, n_groups: int
) -> tuple[list[Int], Float]:
    """Who brings what to a row: each source its vector and its flag, each group of features its other columns.

    Args:
        net: whose columns these are.
        sources: that its encoders read, in their order.
        table: with the features.
        groups: (n_features,) position of each feature's group.
        n_groups: how many there are.

    Returns:
        Positions of the columns of each player, and its share (n_players, n_groups) in each group: that of a source by
        the dimensions of its embedding.
    """
    of_feature = np.split(groups, np.cumsum([len(block.features) for block in table.blocks])[:-1])
    own = {block.name: found for block, found in zip(table.blocks, of_feature, strict=True)}
    shares = [
        np.bincount(own[block.name], minlength=n_groups) / len(block.features)
        for modality, names in sources.items()
        for source in names
        for block in table.blocks
        if block.source == source and is_encoded(block, modality)
    ]
    columns = net.source_columns()
    if net.others is not None:
        others = np.concatenate([groups[:0], *(own[block.name] for block in other_blocks(table, sources).blocks)])
        of_column = others[net.others.feature]
        columns += [net.first_other + np.flatnonzero(of_column == g) for g in range(n_groups)]
        shares += list(np.eye(n_groups))
    return columns, np.array(shares)


class ExactHead:
    """The head of a net in float64, to explain by: ``base`` (n_raw,) are the scores at the training mean.

    Args:
        net: with its head.
        players: positions of columns that count together.
        shares: (n_players, n_groups) of each player in each group.
        n_nodes: of integrated gradients, see ``column_contributions``.
    """

    def __init__(self, net: TunedNet, players: Sequence[Int], shares: Float, n_nodes: int) -> None:
        import torch

        assert net.head is not None
        self.net, self.shares, self.n_nodes = net, shares, n_nodes
        self.players = [torch.from_numpy(columns) for columns in players]
        self.head = copy.copy(net.head)
        self.head.weights = {name: tensor.cpu() for name, tensor in net.head.weights.items()}
        self.head.finished()
        known = torch.zeros(sum(net.parts) - len(net.absent))  # the mean of encoders as they came
        self.reference = torch.cat([known, net.absent]).double()
        self.base: Float = self.head(self.reference[None])[0].numpy()

    def contributions(self, inputs: Inputs) -> Float:
        """(n_samples, n_groups, n_raw); they add up to the scores less ``base``."""
        import torch

        x = torch.from_numpy(self.net.all_columns(inputs).astype(np.float64))
        found = column_contributions(self.head, x, self.reference, self.players, self.n_nodes)
        return np.asarray(np.einsum("npk,pg->ngk", complete(*found), self.shares))
