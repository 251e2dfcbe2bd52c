"""Heads of nets over encoders: linear in what they read, or with a residual net beside the linear term.

The linear term, ``linear.weight`` (n_raw, n_columns), starts as a fitted linear model and has a penalty of its own.
Projections carry it along, so that a path between two rows stays one between their projections.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from automl.models.linear import ALPHAS, DEFAULT_ALPHA, RIDGE_ALPHAS, LinearParams
from automl.models.mlp import ResidualNet
from automl.models.network import Net, Shape
from automl.models.output import Output
from automl.models.solvers import LOSSES, Fitted, Rows, path, ridge

if TYPE_CHECKING:
    from torch import Tensor

LINEAR = "linear.weight"
PROBE_SHARE = 0.15  # of the time to the deadline, for the linear probe


class LinearHead(Net):
    """The linear term alone."""

    def __init__(self, n_columns: int, n_raw: int) -> None:
        import torch

        super().__init__(Shape((n_columns,), n_raw, 0, 0, 0))
        self.weights = {LINEAR: torch.zeros(n_raw, n_columns), "last.bias": torch.zeros(n_raw)}

    def scaled(self, x: Tensor) -> Tensor:
        """Columns as the linear term reads them."""
        return x

    def project(self, x: Tensor) -> Tensor:
        """(n, n_columns) to (n, n_raw)."""
        return x @ self.weights[LINEAR].T

    def members(self, projected: Tensor) -> Tensor:
        """See ``Net.members``."""
        return self.heads(projected)

    def heads(self, x: Tensor) -> Tensor:
        """See ``Net.heads``."""
        return (x + self.weights["last.bias"])[:, None]


class FusionHead(ResidualNet):
    """Beside the linear term a residual net over a projection of each part; it starts at nothing.

    The linear term reads columns by ``scaled``, so that its penalty lets a vector of a thousand dimensions weigh little
    more than a part of a few columns, see ``LinearParams.balance``.
    """

    def __init__(self, shape: Shape, dropout: float = 0.0) -> None:
        import torch

        super().__init__(shape, dropout)
        self.weights[LINEAR] = torch.zeros(shape.n_raw, sum(shape.parts))
        sizes = torch.tensor(shape.parts)
        self._scale = (sizes.double() ** -LinearParams().balance).float().repeat_interleave(sizes)

    def scaled(self, x: Tensor) -> Tensor:
        """See ``LinearHead.scaled``."""
        return x * self._scale.to(x)

    def project(self, x: Tensor) -> Tensor:
        """(n, n_columns) to (n, n_parts * projection + n_raw)."""
        import torch

        return torch.cat([super().project(x), self.scaled(x) @ self.weights[LINEAR].T], dim=1)

    def members(self, projected: Tensor) -> Tensor:
        """See ``Net.members``."""
        n_raw = self.shape.n_raw
        return super().members(projected[:, :-n_raw]) + projected[:, None, -n_raw:]

    def learn(self, learning: bool) -> None:
        """See ``Net.learn``; without the linear term."""
        super().learn(learning)
        self.weights[LINEAR].requires_grad_(False)


def start_linear(
    head: LinearHead | FusionHead, rows: Rows, held: Rows | None, output: Output, deadline: float | None
) -> float:
    """Fit the linear term alone; gives its penalty, which is the best on ``held``."""
    import torch

    found = _probe(_scaled(head, rows), held and _scaled(head, held), output, deadline)
    head.weights[LINEAR] = torch.from_numpy(found.coefficients.T.copy()).float()
    head.weights["last.bias"] = torch.from_numpy(found.intercepts.copy()).float()
    return found.alpha


def _scaled(head: LinearHead | FusionHead, rows: Rows) -> Rows:
    import torch

    return replace(rows, x=head.scaled(torch.from_numpy(rows.x)).numpy())


def _probe(rows: Rows, held: Rows | None, output: Output, deadline: float | None) -> Fitted:
    loss = LOSSES[output.kind]
    if loss == "squared":
        return ridge(rows, RIDGE_ALPHAS, held)
    start = Fitted(np.zeros((rows.x.shape[1], output.n_raw)), np.array(output.prior), 1.0)
    alphas = ALPHAS if held is not None else (1.0, 0.1, DEFAULT_ALPHA)
    now = time.monotonic()
    end = None if deadline is None else now + PROBE_SHARE * (deadline - now)
    return path(rows, loss, alphas, held, start, deadline=end)
