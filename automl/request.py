"""What was asked for: kept in the run folder, so that only the same fit may go on in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import xxhash
from numpy.typing import NDArray

from artifacts.errors import InputError
from artifacts.store import FORMAT_VERSION, RunFolder, read_object, write_file, write_json
from artifacts.task import Task
from automl.data import Loaded, Rows
from automl.presets import Preset


def request_of(loaded: Loaded, preset: Preset, seed: int) -> dict[str, Any]:
    """What makes one fit differ from another: the folder's format, task, preset, budget, seed, hashes of the inputs."""
    return {
        "format": FORMAT_VERSION,
        "task": loaded.task.name,
        "preset": preset.name,
        "budget_seconds": preset.budget_seconds,
        "seed": seed,
        "inputs": inputs_of(loaded),
    }


def inputs_of(loaded: Loaded) -> dict[str, str | None]:
    """Hashes of the task and of the tables."""
    return {
        "task": xxhash.xxh3_128_hexdigest(loaded.task.model_dump_json(exclude={"root"}).encode()),
        "train": loaded.train.fingerprint,
        "test": None if loaded.test is None else loaded.test.fingerprint,
    }


def default_folder(task: Task, preset: Preset, request: dict[str, Any]) -> Path:
    """``runs/<task>/<preset>-<hash>``: the same for the same request, so that a killed fit is found again."""
    return Path("runs") / task.name / f"{preset.name}-{xxhash.xxh3_64_hexdigest(as_json(request).encode())[:8]}"


def claim(folder: RunFolder, request: dict[str, Any], loaded: Loaded) -> None:
    """Write the task into a new run folder, or refuse the folder of another request."""
    if folder.has("task"):
        before = read_object(folder.folder("task") / "request.json")
        inputs = before.get("inputs")
        for name in ("train", "test"):
            was, now = inputs.get(name) if isinstance(inputs, dict) else None, request["inputs"][name]
            if was != now:
                raise InputError(
                    f"The run folder {str(folder.path)!r} was begun with a {name} table of hash {was!r}, but now it "
                    f"has {now!r}: the data have changed. Put the old data back, or name another folder with --run."
                )
        for name, value in request.items():
            if before.get(name) != value:
                raise InputError(
                    f"The run folder {str(folder.path)!r} was begun with {name} = {before.get(name)!r}, but this fit "
                    f"has {value!r}. Name another folder with --run, or delete that one."
                )
        return
    with folder.write("task") as target:
        write_file(target / "task.json", loaded.task.with_root(loaded.task.root.resolve()).model_dump_json(indent=1))
        write_json(target / "schema.json", loaded.schema.to_json())
        write_json(target / "request.json", request)


def rows_print(rows: Rows, mask: NDArray[np.bool_] | None = None) -> str:
    """Hash of the scored rows' ids and targets: two runs can be compared where it is equal."""
    assert rows.outcome is not None
    picked = np.ones(len(rows.ids), dtype=bool) if mask is None else mask
    y = np.ascontiguousarray(rows.outcome.y[picked], dtype=np.float64)
    ids = "\0".join(str(row) for row in np.asarray(rows.ids, dtype=object)[picked])
    return xxhash.xxh3_128_hexdigest(ids.encode("utf-8", "replace") + y.tobytes())


def as_json(data: Any) -> str:
    """Readable JSON; what JSON lacks becomes text."""
    return json.dumps(data, ensure_ascii=False, indent=1, default=str)
