"""A run on another machine: export with or without the weights of its encoders, and import."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from artifacts.errors import ArtifactError
from artifacts.portable import WEIGHTS, Portable, accept, export_run, import_run
from artifacts.store import reading
from automl.run import Run
from featurizers.encoder_files import carried_folder, files_to_carry, fingerprint_of
from featurizers.encoder_options import SIGN
from featurizers.encoders import find_again

LOCAL = "local"  # kind of an encoder


def export(run: str | Path, file: str | Path, *, weights: bool = False) -> Portable:
    """Write a finished run into one zip file that predicts, explains and reports elsewhere.

    Args:
        run: its folder.
        file: the zip file to write.
        weights: with the files of encoders from local folders; the bundled one comes with the package, and those of
            the hub are downloaded by their commit, which no file that is passed on can prove to be theirs. Check that
            the licence allows it: ``run.json`` says what it is.

    Raises:
        ArtifactError: if the run is not as it was written, an encoder is gone, or the file cannot be written.
        InputError: if the file is there already.
    """
    encoders = Run(run).manifest["encoders"]
    carried = {}
    for modality, saved in encoders.items():
        if weights and saved and saved["kind"] == LOCAL:
            carried[modality] = files_to_carry(Path(find_again(saved).location))
    return export_run(run, file, carried)


def import_(file: str | Path, run: str | Path) -> tuple[Run, dict[str, str]]:
    """Make a run folder of what ``export`` wrote; weights of encoders go to the cache folder.

    Returns:
        The run, and for each encoder that it needs and that is not here, the reason by modality.

    Raises:
        ArtifactError: if the file is damaged, hostile or of another version.
        InputError: if ``run`` is there already.
    """
    portable, unpacked = import_run(file, run)
    try:
        with reading(Path(file)):
            for modality, saved in portable.encoders.items():
                if saved and (unpacked / WEIGHTS / Path(modality).name).is_dir():
                    _take_weights(unpacked / WEIGHTS / Path(modality).name, saved, str(file))
    except BaseException:
        shutil.rmtree(unpacked, ignore_errors=True)
        raise
    found = Run(accept(unpacked, run))
    with reading(found.path):
        return found, lacking(found.manifest["encoders"])


def lacking(encoders: Mapping[str, Any]) -> dict[str, str]:
    """Modality to why its encoder cannot be had here."""
    reasons = {}
    for modality, saved in encoders.items():
        try:
            if saved:
                find_again(saved)
        except ArtifactError as error:
            reasons[modality] = str(error)
    return reasons


def _take_weights(folder: Path, saved: Mapping[str, Any], file: str) -> None:
    fingerprint = str(saved["fingerprint"])
    expected = fingerprint.partition(SIGN)[0]
    if fingerprint_of(folder) != expected:  # also of a hub's encoder, whose fingerprint is no hash
        raise ArtifactError(
            f"The weights of {saved['name']!r} in {file!r} have the hash {fingerprint_of(folder)}, but the run needs "
            f"{expected}. Export the run again."
        )
    target = carried_folder(fingerprint)
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.parent / f".tmp-{uuid.uuid4().hex}"
    shutil.move(folder, temporary)  # perhaps from another disk
    os.replace(temporary, target)
