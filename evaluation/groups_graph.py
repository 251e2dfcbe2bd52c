"""Groups of dimensions that act together, and whether they do so more than random groups of their size.

Dimensions are the nodes of a graph whose edges are the strongest interactions; its communities are the groups
(Louvain: Blondel et al., "Fast unfolding of communities in large networks", 2008). A group that was chosen for its
strong interactions looks strong on the numbers it was chosen by, whatever they are. So groups are found on one half of
the independent fits and tested on the other: a permutation test against random groups of the same size, with p-values
corrected for the number of groups (Benjamini and Hochberg, 1995).

The test speaks of the model: that these dimensions act together in it is not chance. Whether the model itself learned
more than chance, its leaderboard says.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from artifacts.errors import InputError
from evaluation.groups_interactions import N_BATCHES, Interactions

Float = NDArray[np.float64]
Int = NDArray[np.int64]

EDGE_SHARE = 0.05  # of all pairs
EDGES_PER_DIMENSION = 10  # on average at most; communities of more edges take long and are no clearer
FEWEST_DIMENSIONS = 3
MOST_DIMENSIONS = 24  # of a group
SMALLEST_TIE = 0.25  # of the strongest member's edges inside a group; what hangs on by less does not belong to it
MOST_TESTED = 40
N_PERMUTATIONS = 2000
ROUNDING = 1e-4  # of what the strongest dimension does; scores are made of single-precision numbers
LEVEL = 0.05  # false discoveries among the groups that are called better than random
FINDING, TESTING = slice(0, N_BATCHES // 2), slice(N_BATCHES // 2, N_BATCHES)


@dataclass(frozen=True)
class FoundGroup:
    """Dimensions of a block that were found to act together, and the test of it.

    ``density`` is how many times as strong an interaction inside the group is as one of any two dimensions, and
    ``importance`` how many times as much one of its dimensions moves the score as any dimension does; ``score`` is
    their product, and ``random_score`` its mean over random groups. All are of the testing half.
    ``p_value`` is that of the permutation test, ``q_value`` the same after correction for all tested groups.
    """

    dimensions: tuple[int, ...]
    density: float
    importance: float
    score: float
    random_score: float
    p_value: float
    q_value: float

    @property
    def is_real(self) -> bool:
        """Whether it is better than random groups at ``LEVEL``."""
        return self.q_value <= LEVEL


def find_groups(
    interactions: Interactions,
    *,
    seed: int,
    edge_share: float = EDGE_SHARE,
    n_permutations: int = N_PERMUTATIONS,
) -> tuple[FoundGroup, ...]:
    """Groups of 3 to 24 dimensions with their tests, highest score first; none where nothing interacts.

    Args:
        interactions: of one block.
        seed: of communities and random groups.
        edge_share: of all pairs, the strongest that become edges; edges must also stand out of what chance does to a
            strength in so many pairs, and are at most ten a dimension.
        n_permutations: random groups for each size.

    Raises:
        InputError: if ``edge_share`` is no share.
    """
    if not 0 < edge_share <= 1:
        raise InputError(f"edge_share must lie above 0 and be at most 1, but is {edge_share}.")
    first, second, weight = strongest_edges(interactions, FINDING, edge_share)
    found = communities(first, second, weight, interactions.n_dimensions, seed)
    if not found:
        return ()
    strength, importance = interactions.strength(TESTING), interactions.importance(TESTING)
    scorer = _Scorer.of(strength, importance)
    rng = np.random.default_rng(seed)
    random: dict[int, Float] = {}
    rows = []
    for group in found:
        if len(group) not in random:
            random[len(group)] = scorer.score(
                _random_groups(interactions.n_dimensions, len(group), n_permutations, rng)
            )
        null, score = random[len(group)], float(scorer.score(group[None])[0])
        # Equal up to rounding counts as at least as good; the group itself is one of the permutations.
        reached = int((null >= score * (1 - 1e-12)).sum())
        rows.append((group, score, float(null.mean()), (1 + reached) / (1 + n_permutations)))
    corrected = _corrected([row[3] for row in rows])
    groups = [
        FoundGroup(tuple(map(int, group)), *scorer.parts(group), score=score, random_score=mean, p_value=p, q_value=q)
        for (group, score, mean, p), q in zip(rows, corrected, strict=True)
    ]
    return tuple(sorted(groups, key=lambda group: (-group.score, group.dimensions)))


def strongest_edges(interactions: Interactions, batches: slice, share: float) -> tuple[Int, Int, Float]:
    """Edges as positions (n_edges,) of their two dimensions, and their strengths, strongest first."""
    strength = interactions.strength(batches)
    first, second = np.triu_indices(len(strength), 1)
    weight = strength[first, second]
    # The largest of n pairs without any interaction stays below this many standard errors (Donoho and Johnstone, 1994).
    largest_by_chance = np.sqrt(2 * np.log(max(len(weight), 2)))
    error = interactions.standard_error(batches)[first, second]
    stands_out = weight > np.maximum(largest_by_chance * error, ROUNDING * interactions.importance(batches).max())
    most = min(int(np.ceil(share * len(weight))), EDGES_PER_DIMENSION * len(strength))
    kept = np.argsort(-weight, kind="stable")[:most]
    kept = kept[stands_out[kept]]
    return first[kept], second[kept], weight[kept]


def communities(first: Int, second: Int, weight: Float, n_dimensions: int, seed: int) -> list[Int]:
    """Communities of a graph as sorted dimensions, the one with the strongest edges first; small ones are left out.

    One that is too large is divided into its own communities, and of what is still too large the dimensions with the
    strongest edges inside are kept. Those whose edges inside are far weaker than the strongest are left out.
    """
    import networkx as nx

    graph = nx.Graph()
    triples = zip(first.tolist(), second.tolist(), weight.tolist(), strict=True)
    graph.add_weighted_edges_from(triples)
    parts: list[set[int]] = []
    for part in nx.community.louvain_communities(graph, seed=seed) if graph else []:
        inside = graph.subgraph(sorted(part))
        large = len(part) > MOST_DIMENSIONS
        parts.extend(nx.community.louvain_communities(inside, seed=seed) if large else [part])
    found = []
    for part in parts:
        degree = dict(graph.subgraph(sorted(part)).degree(weight="weight"))
        ranked = sorted(degree, key=lambda node: (-degree[node], node))
        held = [node for node in ranked if degree[node] >= SMALLEST_TIE * degree[ranked[0]]]
        kept = sorted(held[:MOST_DIMENSIONS])
        if len(kept) >= FEWEST_DIMENSIONS:
            found.append((sum(degree[node] for node in kept) / len(kept), np.array(kept, dtype=np.int64)))
    found.sort(key=lambda pair: (-pair[0], pair[1].tolist()))
    return [group for _, group in found[:MOST_TESTED]]


def _corrected(p_values: list[float]) -> list[float]:
    from scipy.stats import false_discovery_control

    return [float(q) for q in false_discovery_control(p_values)]


def _random_groups(n_dimensions: int, size: int, n: int, rng: np.random.Generator) -> Int:
    """(n, size) dimensions, each row without repeats."""
    return np.stack([rng.choice(n_dimensions, size, replace=False) for _ in range(n)])


@dataclass(frozen=True)
class _Scorer:
    strength: Float  # (n_dimensions, n_dimensions), in units of the mean over all pairs
    importance: Float  # (n_dimensions,), in units of the mean

    @classmethod
    def of(cls, strength: Float, importance: Float) -> _Scorer:
        n = len(strength)
        usual = strength.sum() / (n * (n - 1))
        return cls(strength / max(usual, 1e-300), importance / max(float(importance.mean()), 1e-300))

    def parts(self, group: Int) -> tuple[float, float]:
        """Density and importance of one group."""
        n = len(group)
        return float(self.strength[np.ix_(group, group)].sum() / (n * (n - 1))), float(self.importance[group].mean())

    def score(self, groups: Int) -> Float:
        """Density times importance of each group (n, size), to (n,)."""
        size = groups.shape[1]
        density = np.zeros(len(groups))
        for a in range(size):  # pair by pair: all pairs of thousands of groups at once are many
            for b in range(a + 1, size):
                density += self.strength[groups[:, a], groups[:, b]]
        return np.asarray(density * 2 / (size * (size - 1)) * self.importance[groups].mean(axis=1))
