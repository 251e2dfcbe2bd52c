"""Make the weights that the tests of TabICL read: a net of 40,000 weights that learns linear rules from its context.

    pip install 'tabular-fusion[tabicl]'
    python benchmarks/tiny_tabicl.py --out tests/test_automl/weights

The published weights are of the same form and 700 times as many. The net is trained on made tables alone: numbers and
flags, targets that are linear in some of them, with noise; classes are ranges of the target in any order.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from tabicl._model.tabicl import TabICL
from torch.nn.functional import cross_entropy

SIZES = {
    "embed_dim": 16, "col_num_blocks": 1, "col_nhead": 2, "col_num_inds": 8, "row_num_blocks": 1, "row_nhead": 2,
    "row_num_cls": 2, "icl_num_blocks": 2, "icl_nhead": 2, "zero_init": False,
}  # fmt: skip
OUTPUTS = {"classifier": {"max_classes": 10}, "regressor": {"max_classes": 0, "num_quantiles": 19}}
TABLES = 8  # in a step
STEP = 3e-3
WARM_UP = 50


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=1200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--roles", nargs="+", default=list(OUTPUTS))
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for role in arguments.roles:
        torch.manual_seed(arguments.seed)
        config = {**SIZES, **OUTPUTS[role]}
        net = trained(TabICL(**config), role, arguments.steps)
        weights = {name: tensor.detach().half().contiguous() for name, tensor in net.state_dict().items()}
        save_file(weights, arguments.out / f"tiny_tabicl_{role}.safetensors", {"config": json.dumps(config)})


def trained(net: TabICL, role: str, steps: int) -> TabICL:
    optimizer = torch.optim.AdamW(net.parameters(), lr=STEP, weight_decay=0.0)
    started, mean = time.monotonic(), 0.0
    for step in range(steps):
        rate = 0.5 * (1.0 + np.cos(np.pi * step / steps))
        for group in optimizer.param_groups:
            group["lr"] = STEP * max(rate, 0.01) * min(1.0, (step + 1) / WARM_UP)
        loss = (classes_loss if role == "classifier" else numbers_loss)(net.train(), *tables())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        mean = loss.item() if not step else 0.98 * mean + 0.02 * loss.item()
        if step % 250 == 0:
            print(f"{role}: step {step}, loss {mean:.4f}, {time.monotonic() - started:.0f} s", flush=True)
    return net.eval()


def tables() -> tuple[torch.Tensor, torch.Tensor, int]:
    """Columns (n_tables, n_rows, n_columns), targets (n_tables, n_rows) with mean 0 and variance 1, rows of context."""
    n_rows, n_columns = (int(torch.randint(low, high, ())) for low, high in ((60, 260), (1, 21)))
    x = torch.randn(TABLES, n_rows, n_columns)
    x = torch.where(torch.rand(TABLES, 1, n_columns) < 0.2, (x > 0).float(), x)
    x = (x - x.mean(1, keepdim=True)) / x.std(1, keepdim=True).clamp_min(1e-3)
    used = torch.rand(TABLES, n_columns, 1) < 0.3 + 0.7 * torch.rand(TABLES, 1, 1)
    y = (x @ (used * torch.randn(TABLES, n_columns, 1)))[..., 0]
    y = y / y.std(1, keepdim=True).clamp_min(1e-3) + 0.5 * torch.rand(TABLES, 1) * torch.randn(TABLES, n_rows)
    n_context = int(n_rows * (0.5 + 0.3 * float(torch.rand(()))))
    known = y[:, :n_context]
    return x, (y - known.mean(1, keepdim=True)) / known.std(1, keepdim=True), n_context


def classes_loss(net: TabICL, x: torch.Tensor, y: torch.Tensor, n_context: int) -> torch.Tensor:
    """Log loss of the rows that are no context."""
    n_classes = int(torch.randint(2, 6, ()))
    cuts = torch.quantile(y.flatten(), torch.rand(n_classes - 1) * 0.8 + 0.1).sort().values
    place = torch.stack([torch.randperm(n_classes) for _ in range(TABLES)])
    code = torch.gather(place, 1, torch.bucketize(y, cuts))
    code[:, :n_classes] = torch.arange(n_classes)  # each table knows each class: the net demands it
    scores = net(x, code[:, :n_context].float())[..., :n_classes]
    return cross_entropy(scores.flatten(0, 1), code[:, n_context:].flatten())


def numbers_loss(net: TabICL, x: torch.Tensor, y: torch.Tensor, n_context: int) -> torch.Tensor:
    """Pinball loss of the rows that are no context."""
    found = net(x, y[:, :n_context])
    share = (torch.arange(found.shape[-1]) + 1) / (found.shape[-1] + 1)
    off = y[:, n_context:, None] - found
    return torch.maximum(share * off, (share - 1) * off).mean()


if __name__ == "__main__":
    main()
