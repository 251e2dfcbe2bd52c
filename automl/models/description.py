"""What stands beside a model's native files: ``model.json``, with a digest of each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import xxhash
from numpy.typing import NDArray

from artifacts.errors import ArtifactError, InputError, nearest
from artifacts.feature_table import FeatureTable
from artifacts.store import read_object, write_json
from automl.models.output import Output

if TYPE_CHECKING:
    from automl.models.base import Model

SettingsT = TypeVar("SettingsT")
FILE = "model.json"


@dataclass(frozen=True)
class Description:
    """A fitted model without its native files. ``extra`` is plain data of the model itself."""

    name: str
    params: dict[str, Any]
    seed: int
    features: tuple[str, ...]
    output: Output
    extra: dict[str, Any]

    def save(self, folder: Path) -> None:
        """Write ``model.json`` last: it holds the digest of every file that is in the folder by then."""
        digests = {path.name: _digest(path) for path in sorted(folder.iterdir()) if path.is_file()}
        write_json(folder / FILE, {**asdict(self), "output": self.output.to_json(), "files": digests})

    @classmethod
    def load(cls, folder: Path, model: type[Model]) -> Description:
        """Read what ``save`` wrote, and check the files beside it before any library reads them.

        Raises:
            ArtifactError: if a file is missing, damaged or of another model.
        """
        data = read_object(folder / FILE)
        try:
            for file, digest in data.pop("files").items():
                if not (folder / file).is_file() or _digest(folder / file) != digest:
                    raise _damaged(folder, f"{file!r} is missing or not as it was written")
            known = {**data, "features": tuple(data["features"]), "output": Output.from_json(data["output"])}
            found = cls(**known)
            if not isinstance(found.params, dict) or not all(isinstance(name, str) for name in found.features):
                raise TypeError("the names of 'params' or 'features'")
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise _damaged(folder, f"{FILE!r} lacks or misspells {error}") from error
        if found.name != model.name:
            raise _damaged(folder, f"it is a {found.name!r}, but {model.name!r} was expected")
        return found

    def apply(self, model: Model) -> None:
        """Give a fresh model the kind and the number of outputs."""
        model.kind, model.n_outputs = self.output.kind, self.output.n_outputs


def _digest(path: Path) -> str:
    return xxhash.xxh3_128_hexdigest(path.read_bytes())


def _damaged(folder: Path, what: str) -> ArtifactError:
    return ArtifactError(f"The model in {str(folder)!r} cannot be read: {what}. Run fit again to make it anew.")


def save_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays of numbers as npz."""
    np.savez(path, allow_pickle=False, **dict(arrays))


def load_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Read what ``save_arrays`` wrote; never unpickles."""
    with np.load(path, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def feature_names(table: FeatureTable) -> tuple[str, ...]:
    """Names of the features of a table, in order."""
    return table.feature_names


def settings(kind: type[SettingsT], model: str, params: Mapping[str, Any]) -> SettingsT:
    """The dataclass of a model's parameters, with what ``params`` does not name at its default.

    Raises:
        InputError: if a parameter is unknown.
    """
    known = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    for name in params:
        if name not in known:
            raise InputError(f"Model {model!r} has no parameter {name!r}.{nearest(name, known)} Known: {known}.")
    return kind(**params)


def median_of(values: Sequence[float]) -> float:
    """The median, for parameters of a refit."""
    return float(np.median(np.asarray(values, dtype=np.float64)))
