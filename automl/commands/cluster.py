"""``tabular-fusion cluster``: groups of alike rows, as lines, JSON or one HTML page."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from automl.commands.printing import one_line, show, show_json

if TYPE_CHECKING:
    from evaluation.cluster_report import ClusterReport


def cluster(  # noqa: PLR0913 - each is an option of the command
    run: Annotated[Path, typer.Argument(help="Folder of a finished run.", metavar="RUN")],
    block: Annotated[str, typer.Option(help="A block of features, or fused for all together.")] = "fused",
    method: Annotated[str, typer.Option(help="kmeans or hdbscan.")] = "kmeans",
    clusters: Annotated[str, typer.Option(help="How many, or auto.")] = "auto",
    reduce: Annotated[str, typer.Option(help="pca, tsne or umap: the space to look in.")] = "pca",
    labels: Annotated[
        str | None, typer.Option(help="A column to compare with; the target, if it has classes and none is named.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Also write an HTML page.")] = None,
    lang: Annotated[str, typer.Option(help="Language of the page: en or ru.")] = "en",
    seed: Annotated[int, typer.Option(help="Of samples, starts and draws.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Find groups of alike rows in a run's features, and say how clear they are and what they are made of."""
    from artifacts.errors import InputError
    from artifacts.store import write_file
    from automl.clusters import ClusterRequest, cluster_run
    from automl.run import Run
    from evaluation.cluster_page import render_clusters
    from evaluation.wording import Wording

    Wording(lang)  # an unknown language ends the command before the work
    if clusters != "auto" and not clusters.isdecimal():
        raise InputError(f"--clusters takes a number or 'auto', but got {clusters!r}.")
    number = None if clusters == "auto" else int(clusters)
    found = cluster_run(Run(run), ClusterRequest(block, method, number, reduce, labels, seed))
    if out is not None:
        write_file(out, render_clusters(found, lang))
    if as_json:
        show_json(found.to_json())
        return
    for line in cluster_lines(found):
        show(line)
    if out is not None:
        show(f"Page: {out}")


def cluster_lines(found: ClusterReport) -> list[str]:
    """Lines for people: how clear the clusters are, and what each is made of."""
    low, high = found.silhouette_interval
    clusters = found.clusters
    used = "all" if found.n_used == found.n_rows else f"{found.n_used} of {found.n_rows}"
    blob = ""  # maps are not tested against one
    if math.isfinite(clusters.p_value):
        alone = f"{clusters.blob_silhouette:.3f}" if math.isfinite(clusters.blob_silhouette) else "has no clusters"
        blob = f"; one blob {alone}, p = {clusters.p_value:.2f}"
    lines = [
        f"{clusters.n_clusters} clusters of {used} rows over {found.block}: silhouette {clusters.silhouette:.3f} "
        f"({low:.3f} .. {high:.3f}){blob}"
    ]
    lines += [f"{score.name}: {score.score:.3f} ({score.low:.3f} .. {score.high:.3f})" for score in found.agreement]
    n_equal, share, chance = found.equal_texts
    if n_equal:
        lines.append(f"rows with equal texts in one cluster: {share:.3f} of {n_equal} (by chance {chance:.3f})")
    for number, (size, traits) in enumerate(zip(found.sizes(), found.traits, strict=True), 1):
        more = "; ".join(f"{trait.source}: {one_line(trait.name)[:60]} x{trait.lift:.1f}" for trait in traits[:4])
        lines.append(f"cluster {number}: {size} rows; more of: {more or 'nothing for sure'}")
    if found.n_noise:
        lines.append(f"in no cluster: {found.n_noise} rows")
    return lines
