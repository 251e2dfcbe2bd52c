"""What this machine has, for ``tabular-fusion doctor``."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from artifacts.embedding_store import EmbeddingStore
from automl.models.tabicl_checkpoint import diagnosis
from automl.versions import library_versions
from featurizers.encoders import available_encoders


def diagnose() -> dict[str, dict[str, Any]]:
    """Facts by group: versions, encoders and models that can be had, processor, GPU, cache and free disk."""
    store = EmbeddingStore()
    existing = next(folder for folder in (store.folder, *store.folder.absolute().parents) if folder.exists())
    return {
        "versions": dict(library_versions()),
        "encoders": dict(available_encoders()),
        "models on request": diagnosis(),
        "processor": {"cores": os.cpu_count(), **_instructions()},
        "gpu": _gpu(),
        "cache": {"folder": str(store.folder), "megabytes": round(store.size_bytes() / 1e6, 1)},
        "disk": {
            "free gigabytes at the cache": round(shutil.disk_usage(existing).free / 1e9, 1),
            "free gigabytes here": round(shutil.disk_usage(Path.cwd()).free / 1e9, 1),
        },
    }


def _instructions() -> dict[str, str]:
    cpuinfo = Path("/proc/cpuinfo")
    flags = cpuinfo.read_text(errors="replace") if cpuinfo.exists() else ""
    return {name: "yes" if name in flags else "no" for name in ("avx2", "avx512f", "avx512_bf16", "amx_bf16")}


def _gpu() -> dict[str, Any]:
    import torch

    if not torch.cuda.is_available():
        return {"cuda": "none"}
    return {"cuda": torch.cuda.get_device_name(0), "gigabytes": torch.cuda.get_device_properties(0).total_memory / 1e9}
