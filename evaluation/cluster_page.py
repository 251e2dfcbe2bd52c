"""Clusters as one HTML file, by the rules of ``evaluation.report``: data first, no script, no request."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from evaluation.cluster_report import ClusterReport, mean_silhouette
from evaluation.page import PagePart, render_page
from evaluation.sections.errors import thumbnail
from evaluation.sections.scales import Scale
from evaluation.wording import Wording, neutral

N_COLOURS = 12  # in clusters.css; more clusters share them, and numbers tell them apart
MAX_CLUSTERS = 40  # drawn as cards
MAX_LEGEND = 24
ALPHA = 0.05
METHOD_NAMES = {"kmeans": "k-means", "hdbscan": "HDBSCAN", "pca": "PCA", "tsne": "t-SNE", "umap": "UMAP"}
FUSED = "fused"


def clusters_map(found: ClusterReport, say: Wording) -> dict[str, Any]:
    """Places of the points, most frequent cluster first, and the middle of each cluster."""
    points, labels = found.map_points, found.clusters.labels[found.map_rows]
    across, down = (
        Scale(float(points[:, axis].min()), float(points[:, axis].max()), *ends)
        for axis, ends in ((0, (10.0, 330.0)), (1, (330.0, 10.0)))
    )
    drawn = [
        {"x": across(float(x)), "y": down(float(y)), "colour": _colour(int(label))}
        for (x, y), label in zip(points, labels, strict=True)
    ]
    middles = []
    for cluster in range(min(found.clusters.n_clusters, MAX_CLUSTERS)):
        own = points[labels == cluster]
        if len(own):
            x, y = (float(value) for value in np.median(own, axis=0))
            middles.append({"x": across(x), "y": down(y), "n": cluster + 1})
    key = "clusters_map_pca" if found.map_method == "pca" else "clusters_map_intro"
    legend = [
        {"colour": _colour(cluster), "text": say("clusters_number", n=cluster + 1), "size": say.number(size, 9)}
        for cluster, size in enumerate(found.sizes()[:MAX_LEGEND])
    ]
    if found.n_noise:
        text = say("clusters_noise")
        legend.append({"colour": _colour(-1), "text": text, "size": say.number(found.n_noise, 9)})
    intro = say(key, n=say.number(len(drawn), 9), method=METHOD_NAMES[found.map_method])
    return {"intro": intro, "label": say("clusters_map"), "points": drawn, "middles": middles, "legend": legend}


def clusters_scores(found: ClusterReport, say: Wording) -> dict[str, Any]:
    """Silhouette beside that of one blob, agreement with labels, and equal texts."""
    clusters = found.clusters
    sentences = []
    if math.isnan(clusters.silhouette):
        sentences.append(say("clusters_silhouette_none"))
    else:
        interval = say.interval(*(say.score(end) for end in found.silhouette_interval))
        sentences.append(say("clusters_silhouette_is", score=say.score(clusters.silhouette), interval=interval))
        sentences.append(_blob(found, say))
    n_equal, share, chance = found.equal_texts
    if n_equal:
        numbers = {"n": say.number(n_equal, 9), "share": say.percent(share), "chance": say.percent(chance)}
        sentences.append(say("clusters_texts", **numbers))
    scale = Scale(-0.1, 1.0, 4, 116)
    return {
        "sentences": sentences,
        "intro": say("clusters_agreement", labels=neutral(found.labels, 80)) if found.agreement else "",
        "zero": scale(0.0),
        "rows": [
            {
                "name": say(f"clusters_{score.name}"),
                "score": say.score(score.score),
                "bounds": say.interval(say.score(score.low), say.score(score.high)),
                "interval": {"low": scale(score.low), "high": scale(score.high), "score": scale(score.score)},
            }
            for score in found.agreement
        ],
    }


def clusters_each(found: ClusterReport, say: Wording) -> dict[str, Any]:
    """A card for each cluster: size, representative rows and what is over-represented."""
    if not found.clusters.n_clusters:
        return {"missing": say("clusters_none")}
    cards = []
    for cluster, size in enumerate(found.sizes()[:MAX_CLUSTERS]):
        pictures = [(thumbnail(row.photo) if row.photo else None, row) for row in found.shown[cluster]]
        silhouette = mean_silhouette(found.clusters, cluster)
        clear = "" if math.isnan(silhouette) else say("clusters_row_silhouette", score=say.score(silhouette))
        cards.append(
            {
                "n": cluster + 1,
                "colour": _colour(cluster),
                "size": say("clusters_size", n=say.number(size, 9), share=say.percent(size / found.n_used)),
                "silhouette": clear,
                "photos": [{"picture": p, "hint": neutral(row.title or row.id, 110)} for p, row in pictures if p],
                "texts": [neutral(row.title, 110) for _, row in pictures if row.title][:3],
                "traits": [
                    {
                        "name": say(
                            "clusters_word" if trait.kind == "word" else "clusters_attribute",
                            source=neutral(trait.source, 60),
                            name=neutral(trait.name, 60),
                        ),
                        "share": say.percent(trait.share),
                        "share_all": say.percent(trait.share_all),
                        "lift": say.number(trait.lift, 2),
                    }
                    for trait in found.traits[cluster]
                ],
            }
        )
    more = found.clusters.n_clusters - len(cards)
    left_out = say("left_out", n=more) if more > 0 else ""
    return {"intro": say("clusters_each_intro"), "cards": cards, "left_out": left_out}


def clusters_how(found: ClusterReport, say: Wording) -> dict[str, Any]:
    """Rows, space, method and seed."""
    method = METHOD_NAMES[found.method]
    how = "clusters_found" if found.method == "hdbscan" else "clusters_chosen" if found.chosen else "clusters_given"
    numbers = {name: say.number(n, 9) for name, n in (("used", found.n_used), ("all", found.n_rows))}
    rows = say("clusters_used_all", n=numbers["all"])
    if found.n_used < found.n_rows:
        key = "clusters_used_sample" if found.sampled else "clusters_used_some"
        rows = say(key, missing=say.number(found.n_missing, 9), **numbers)
    space = say("clusters_axes", n=found.notes.get("axes", ""))
    if found.reduction != "pca":
        space = say("clusters_plane", method=METHOD_NAMES[found.reduction])
    facts = [
        (say("clusters_used"), rows),
        (say("clusters_reduction"), space),
        (say("clusters_method"), say(how, method=method)),
        (say("clusters_seed"), str(found.seed)),
    ]
    facts += [(say(f"clusters_note_{key}"), neutral(text)) for key, text in found.notes.items() if key != "axes"]
    return {"facts": facts}


# In the order of the page. Each has a template and a heading of its name.
CLUSTER_SECTIONS: dict[str, Callable[[ClusterReport, Wording], dict[str, Any]]] = {
    "clusters_map": clusters_map,
    "clusters_scores": clusters_scores,
    "clusters_each": clusters_each,
    "clusters_how": clusters_how,
}


def render_clusters(found: ClusterReport, language: str = "en") -> str:
    """One self-contained HTML page in ``en`` or ``ru``; equal data give an equal page.

    Raises:
        InputError: if the language is unknown.
    """
    say = Wording(language)
    block = say("clusters_fused") if found.block == FUSED else neutral(found.block, 120)
    line = say(
        "clusters_line",
        n=found.clusters.n_clusters,
        method=METHOD_NAMES[found.method],
        block=block,
        features=say.number(found.n_features, 9),
    )
    remark = say("clusters_rows", used=say.number(found.n_used, 9), all=say.number(found.n_rows, 9))
    sections = {name: section(found, say) for name, section in CLUSTER_SECTIONS.items()}
    part = PagePart(sections, line=line, remark=remark)
    return render_page("clusters", found.name, [part], say, ("pages.css", "clusters.css"))


def _blob(found: ClusterReport, say: Wording) -> str:
    clusters = found.clusters
    if math.isnan(clusters.p_value):
        return say("clusters_blob_untested", method=METHOD_NAMES[found.reduction])
    p = say.number(clusters.p_value, 2)
    if math.isnan(clusters.blob_silhouette):
        return say("clusters_blob_nothing", p=p)
    # With the fewest draws the least p-value is just 0.05.
    key = "clusters_blob_some" if clusters.p_value <= ALPHA + 1e-9 else "clusters_blob_none"
    return say(key, blob=say.score(clusters.blob_silhouette), p=p)


def _colour(cluster: int) -> str:
    return "noise" if cluster < 0 else f"c{cluster % N_COLOURS}"
