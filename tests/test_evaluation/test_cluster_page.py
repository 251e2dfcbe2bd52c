from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from PIL import Image

from artifacts.errors import InputError
from automl.commands.cluster import cluster_lines
from evaluation.cluster_page import clusters_each, clusters_scores, render_clusters
from evaluation.cluster_report import ClusterReport, RowShown
from evaluation.cluster_scores import LABEL_SCORES, AgreementScore, Trait
from evaluation.clustering import Clusters, find_clusters
from evaluation.wording import Wording

HOSTILE = "<script>alert(1)</script>\u202e"


@cache
def two_clusters() -> tuple[np.ndarray, Clusters, tuple[AgreementScore, ...]]:
    rng = np.random.default_rng(0)
    truth = np.repeat([0, 1], [30, 20])
    points = rng.normal(size=(50, 2)) + 10 * truth[:, None]
    clusters = find_clusters(points, "kmeans", 2, seed=0)
    return points, clusters, tuple(AgreementScore(name, 0.9, 0.8, 1.0) for name in LABEL_SCORES)


def make_report(text: str = HOSTILE) -> ClusterReport:
    points, clusters, agreed = two_clusters()
    buffer = io.BytesIO()
    Image.new("RGB", (300, 200), "red").save(buffer, "PNG")
    return ClusterReport(
        name=text,
        block="fused",
        n_features=2,
        method="kmeans",
        reduction="pca",
        chosen=True,
        n_rows=60,
        n_used=50,
        n_missing=10,
        sampled=False,
        row_ids=tuple(f"r{i}" for i in range(50)),
        clusters=clusters,
        silhouette_interval=(0.7, 0.9),
        map_method="tsne",
        map_rows=np.arange(50),
        map_points=points,
        shown=((RowShown("r0", text, buffer.getvalue()), RowShown("r1", "", b"broken")), (RowShown("r40", "hat"),)),
        traits=((Trait("word", text, text, 20, 0.9, 0.4, 2.25, 1e-6),), ()),
        labels=text,
        agreement=agreed,
        equal_texts=(4, 0.5, 0.25),
        notes={"axes": "2"},
    )


@pytest.fixture(scope="module")
def report() -> ClusterReport:
    return make_report()


@pytest.mark.parametrize("language", ["en", "ru"])
def test_the_page_has_map_scores_and_cards_and_nothing_hostile(report: ClusterReport, language: str) -> None:
    page = render_clusters(report, language)
    body = page.split("</style>")[1]
    assert body.count("<circle class=") >= 50 and 'class="middle"' in body
    assert page.count("data:image/jpeg;base64,") == 1, "the broken photo is left out"
    assert "<script" not in page and "\u202e" not in page and "style=" not in body and "http" not in body
    assert not re.search(r"\b(nan|None|Undefined)\b", body)
    assert render_clusters(report, language) == page


def test_sentences_tell_clear_clusters_from_cuts_through_a_blob(report: ClusterReport) -> None:
    clear = " ".join(clusters_scores(report, Wording("en"))["sentences"])
    assert "clearer than in all draws" in clear and "Of 4 rows whose text another row has" in clear
    vague = replace(report, clusters=replace(report.clusters, p_value=0.4))
    assert "no more than" in " ".join(clusters_scores(vague, Wording("en"))["sentences"])
    plane = replace(report, reduction="umap", clusters=replace(report.clusters, p_value=float("nan")))
    assert "maps by UMAP make clumps of noise" in " ".join(clusters_scores(plane, Wording("en"))["sentences"])


def test_all_noise_is_said(report: ClusterReport) -> None:
    nothing = Clusters(np.full(50, -1), float("nan"), np.full(50, np.nan))
    found = replace(report, method="hdbscan", clusters=nothing, shown=(), traits=(), agreement=())
    assert "No cluster was found" in clusters_each(found, Wording("en"))["missing"]
    page = render_clusters(found)
    assert "fewer than two clusters" in page and "in no cluster" in page
    assert found.n_noise == 50 and found.to_json()["clusters"] == []


def test_the_json_has_the_cluster_of_each_row(report: ClusterReport) -> None:
    found = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert found["rows"] == {"all": 60, "used": 50, "missing": 10, "sampled": False}
    assert [c["rows"] for c in found["clusters"]] == [30, 20] and len(found["row_clusters"]) == 50
    assert found["row_clusters"]["r0"] == 0 and found["one_blob"]["p_value"] == pytest.approx(0.05)
    with pytest.raises(InputError, match="'de' was asked for"):
        render_clusters(report, "de")


def test_lines_say_no_number_that_is_not_known(report: ClusterReport) -> None:
    for blob, p, said in ((np.nan, np.nan, "0.900)"), (np.nan, 0.05, "one blob has no clusters, p = 0.05")):
        clusters = replace(report.clusters, blob_silhouette=blob, p_value=p)
        first = cluster_lines(replace(report, clusters=clusters))[0]
        assert first.endswith(said) and "nan" not in first
