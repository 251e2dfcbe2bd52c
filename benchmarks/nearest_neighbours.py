"""Neighbours by the exact product of the kNN model against faiss: processor seconds to build and to ask, and recall.

    pip install faiss-cpu
    python benchmarks/nearest_neighbours.py --rows 5000 20000 100000 --dims 128 512

Points are unit vectors around many centres in a few dimensions, with noise in all, as embeddings are. Each way is
timed in the same run, in the order that is printed: the product and the choice of the nearest as in ``KNNModel``, the
product and the choice of faiss, a graph (HNSW) and inverted lists (IVF) with how thoroughly they search. ``whole`` is
what a search needs of it: the index of each fold, the sweep over 3,000 rows and the prediction of the asked rows by the
model of each fold.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from automl.models.knn import MOST_SWEPT
from automl.models.solvers import threads
from automl.models.votes import chunks, largest

NEIGHBOURS = 21
FOLDS = 5
GRAPH = (32, 80)  # links of a point, and how many are looked at when it is added
SEARCHES = (64, 256)  # how many points of a graph are looked at
PROBES = (8, 32)  # how many lists

Points = np.ndarray[Any, np.dtype[np.float32]]
Ask = Callable[[Points], np.ndarray[Any, Any]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", nargs="+", type=int, default=[5_000, 20_000, 100_000])
    parser.add_argument("--dims", nargs="+", type=int, default=[128, 512])
    parser.add_argument("--asked", nargs="+", type=int, default=[1_000, 10_000])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    print("| rows | dimensions | way | build s | asked | ask s | recall | whole s | exact / this |")
    print("|---|---|---|---|---|---|---|---|---|", flush=True)
    with threads(arguments.threads):
        for dims in arguments.dims:
            for rows in arguments.rows:
                for line in measure(rows, dims, arguments):
                    print(line, flush=True)


def measure(rows: int, dims: int, arguments: argparse.Namespace) -> Iterator[str]:
    points = made(rows + max(arguments.asked), dims, arguments.seed)
    known, asked = points[:rows], points[rows:]
    truth: dict[int, np.ndarray[Any, Any]] = {}
    exact: dict[int, float] = {}
    for name, build, ask in ways(known, arguments.threads):
        for n in arguments.asked:
            started = time.process_time()
            found = ask(asked[:n])
            seconds = time.process_time() - started
            truth.setdefault(n, found)
            recall = np.mean([len(np.intersect1d(a, b)) for a, b in zip(found, truth[n], strict=True)]) / NEIGHBOURS
            whole = FOLDS * (build + seconds * (min(MOST_SWEPT, rows) + n) / n)
            exact.setdefault(n, whole)
            yield (
                f"| {rows:,} | {dims} | {name} | {build:.2f} | {n:,} | {seconds:.2f} | {recall:.3f} | {whole:.1f} | "
                f"{exact[n] / whole:.2f} |"
            )


def ways(known: Points, n_threads: int) -> Iterator[tuple[str, float, Ask]]:
    """Name, seconds to build, and what finds neighbours."""
    import faiss

    faiss.omp_set_num_threads(n_threads)
    yield (
        "exact",
        0.0,
        lambda asked: np.concatenate([largest(part @ known.T, NEIGHBOURS)[1] for part in chunks(asked, len(known))]),
    )
    flat = faiss.IndexFlatIP(known.shape[1])
    flat.add(known)
    yield "exact, faiss", 0.0, lambda asked: flat.search(asked, NEIGHBOURS)[1]
    started = time.process_time()
    graph = faiss.IndexHNSWFlat(known.shape[1], GRAPH[0], faiss.METRIC_INNER_PRODUCT)
    graph.hnsw.efConstruction = GRAPH[1]
    graph.add(known)
    seconds = time.process_time() - started
    for looked in SEARCHES:
        graph.hnsw.efSearch = looked
        yield f"HNSW, {looked} looked at", seconds, lambda asked: graph.search(asked, NEIGHBOURS)[1]
    started = time.process_time()
    quantizer = faiss.IndexFlatIP(known.shape[1])
    lists = faiss.IndexIVFFlat(quantizer, known.shape[1], int(4 * len(known) ** 0.5), faiss.METRIC_INNER_PRODUCT)
    lists.train(known)
    lists.add(known)
    seconds = time.process_time() - started
    for probes in PROBES:
        lists.nprobe = probes
        yield f"IVF, {probes} lists", seconds, lambda asked: lists.search(asked, NEIGHBOURS)[1]


def made(n: int, dims: int, seed: int) -> Points:
    """Unit vectors (n, dims), float32."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(200, 24))
    inner = centres[rng.integers(0, 200, n)] + 0.7 * rng.normal(size=(n, 24))
    points = inner @ (rng.normal(size=(24, dims)) / 24**0.5) + 0.25 * rng.normal(size=(n, dims))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    return np.ascontiguousarray(points, dtype=np.float32)


if __name__ == "__main__":
    main()
