"""``run.json``: what a finished run says of itself, checked when it is read, so that what uses it need not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from artifacts.errors import ArtifactError
from artifacts.schema import Kind
from artifacts.store import AGAIN, FORMAT_VERSION, MANIFEST, read_object


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, extra="allow")


class _Outcome(_Part):
    kind: str
    classes: list[str | int | float | bool]
    n_known: int
    separator: str | None = None


class _Manifest(_Part):
    back_end: str
    preset: str
    seed: int
    budget_seconds: float
    spent_seconds: float
    seconds: dict[str, float]
    finished: str
    inputs: dict[str, str | None]
    outcome: _Outcome
    scored_part: str
    scored_rows: str
    n_train: int
    n_scored: int
    n_features: int
    constant: list[float]
    final_model: str
    versions: dict[str, str]
    encoders: dict[str, dict[str, Any] | None]
    n_folds: int | None = None
    interrupted: bool = False
    decision: list[float] = []
    cut_short: list[str] = []


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of the run in a folder, as it was written.

    Raises:
        ArtifactError: if the folder is that of no finished run, of another format, or the manifest is damaged.
    """
    path = folder / MANIFEST
    if not path.exists():
        raise ArtifactError(
            f"{str(folder)!r} is not the folder of a finished run: it has no {MANIFEST}. Name the folder that fit "
            "printed, or run fit again to finish it."
        )
    found = read_object(path)
    if found.get("format") != FORMAT_VERSION:
        raise ArtifactError(
            f"The run in {str(folder)!r} has format {found.get('format')}, but this version reads {FORMAT_VERSION}. "
            "Use the version of tabular-fusion that wrote it, or run fit again."
        )
    try:
        Kind(_Manifest.model_validate(found).outcome.kind)
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()[:4])
        raise ArtifactError(f"{str(path)!r} is damaged or of another version ({told}). {AGAIN}") from error
    except ValueError as error:
        raise ArtifactError(f"{str(path)!r} is damaged or of another version ({error}). {AGAIN}") from error
    return found
