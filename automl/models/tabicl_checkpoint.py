"""Which weights of TabICL are used: a file, a folder, or what is in the hub's cache; known again by their hash."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import xxhash

from artifacts.errors import ArtifactError, MissingDependencyError
from featurizers.encoders import REACH_SECONDS, why_hub_is_out_of_reach

PACKAGE = "tabicl"
VARIABLE = "TABULAR_FUSION_TABICL"
REPOSITORY = "jingang/TabICL"
LICENCE = "BSD-3-Clause, package and weights"
SUFFIX = ".ckpt"
FILES = {"classifier": "tabicl-classifier-v2-20260212.ckpt", "regressor": "tabicl-regressor-v2-20260212.ckpt"}
INSTALL = "Install it with: pip install 'tabular-fusion[tabicl]'."
HOW = (
    f"Set {VARIABLE} to a checkpoint (*{SUFFIX}), to a folder that holds {FILES['classifier']!r} and "
    f"{FILES['regressor']!r}, or to {REPOSITORY!r} to have them downloaded."
)


@dataclass(frozen=True)
class Checkpoint:
    """Weights whose file is on this machine. ``role``: ``classifier`` or ``regressor``.

    ``source`` is where they are from, for people: a file, or a repository of the hub with its commit and a file.
    ``fingerprint`` is the hash of the file.
    """

    role: str
    source: str
    path: str
    fingerprint: str

    def to_json(self) -> dict[str, Any]:
        """Plain data; ``find_again`` reads it."""
        return asdict(self)


def is_installed() -> bool:
    """Whether the package is there; it is not imported."""
    return find_spec(PACKAGE) is not None


def is_wanted() -> bool:
    """Whether a preset that knows TabICL takes it: where the variable names weights, or all of it is here already."""
    named = os.environ.get(VARIABLE, "")
    if named == "none":
        return False
    return bool(named) or (is_installed() and any(_in_hub_cache(REPOSITORY, role) for role in FILES))


def find_checkpoint(role: str) -> Checkpoint:
    """The weights that ``TABULAR_FUSION_TABICL`` names; without it, those in the hub's cache.

    Only a named repository is downloaded from, and only if the hub answers within ``REACH_SECONDS``.

    Raises:
        MissingDependencyError: if the package is not installed.
        ArtifactError: if there are no such weights, or they cannot be downloaded.
    """
    if not is_installed():
        raise MissingDependencyError(f"Model 'tabicl' needs the package {PACKAGE!r}, which is not installed. {INSTALL}")
    named = os.environ.get(VARIABLE, "")
    path = Path(named).expanduser()
    if named and path.exists():
        return _of_file(_in_folder(path, role) if path.is_dir() else path, role)
    found = _in_hub_cache(named or REPOSITORY, role)
    if found is not None:
        return found
    if not named:
        raise ArtifactError(f"There is no {role} of TabICL in the hub's cache, and none is named. {HOW}")
    reason = why_hub_is_out_of_reach() if _could_be_hub_name(named) else "it is no file, folder or hub name"
    reason = reason or _download(named, role)
    found = None if reason else _in_hub_cache(named, role)
    if found is None:
        raise ArtifactError(
            f"{VARIABLE} is {named!r}, but there is no file or folder of that name, and the {role} of TabICL cannot be "
            f"had from the hub ({reason}). {HOW}"
        )
    return found


def find_again(saved: dict[str, Any]) -> Checkpoint:
    """The very weights that ``Checkpoint.to_json`` described: where they were, or where ``find_checkpoint`` looks now.

    Raises:
        ArtifactError: if they are not here, or others are.
        MissingDependencyError: if the package is not installed.
    """
    wanted = Checkpoint(**saved)
    if is_installed() and Path(wanted.path).is_file() and fingerprint_of(Path(wanted.path)) == wanted.fingerprint:
        return wanted
    try:
        found = find_checkpoint(wanted.role)
        problem = f"{found.path!r} has the hash {found.fingerprint}"
    except ArtifactError as error:
        found, problem = None, str(error)
    if found is None or found.fingerprint != wanted.fingerprint:
        raise ArtifactError(
            f"A model of this run predicts with the {wanted.role} of TabICL from {wanted.source!r} (hash "
            f"{wanted.fingerprint}), which is not on this machine: {problem}. Copy that file here and set {VARIABLE} "
            "to it or to its folder."
        )
    return found


def diagnosis() -> dict[str, str]:
    """What ``doctor`` says: package, licence and where the weights are, or what to do."""
    if not is_installed():
        return {PACKAGE: f"not installed. {INSTALL}"}
    facts = {PACKAGE: f"installed ({LICENCE})"}
    named = os.environ.get(VARIABLE, "")
    for role in FILES:
        path = Path(named).expanduser()
        try:
            found = find_checkpoint(role) if not named or path.exists() else _in_hub_cache(named, role)
        except ArtifactError:
            found = None
        facts[f"{PACKAGE} {role}"] = found.path if found else f"no weights here. {HOW}"
    return facts


def fingerprint_of(path: Path) -> str:
    """Hash of a file; read again only when it has changed."""
    found = path.stat()
    return _hash(str(path), found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=8)
def _hash(path: str, _changed: int, _size: int) -> str:
    state = xxhash.xxh3_128()
    with Path(path).open("rb") as file:
        while piece := file.read(1 << 22):
            state.update(piece)
    return state.hexdigest()


def _of_file(path: Path, role: str, source: str = "") -> Checkpoint:
    if path.suffix != SUFFIX:
        raise ArtifactError(f"{str(path)!r} is no checkpoint of TabICL: its name does not end in {SUFFIX!r}. {HOW}")
    return Checkpoint(role, source or str(path.resolve()), str(path.resolve()), fingerprint_of(path))


def _in_folder(folder: Path, role: str) -> Path:
    """The last checkpoint by name that names its role: newer versions have later dates."""
    files = sorted(path for path in folder.glob(f"*{SUFFIX}") if path.is_file())
    fitting = [path for path in files if role in path.name]
    if not fitting:
        raise ArtifactError(
            f"The folder {str(folder)!r} holds no {role} of TabICL (*{role}*{SUFFIX}), but "
            f"{[path.name for path in files]}. {HOW}"
        )
    return fitting[-1]


def _could_be_hub_name(name: str) -> bool:
    owner, _, rest = name.partition("/")
    return bool(owner and rest) and "/" not in rest and not name.startswith((".", "~")) and not name.endswith(SUFFIX)


def _in_hub_cache(name: str, role: str) -> Checkpoint | None:
    from huggingface_hub import constants, try_to_load_from_cache

    repository, _, revision = name.partition("@")
    try:
        found = try_to_load_from_cache(
            repository, FILES[role], cache_dir=constants.HF_HUB_CACHE, revision=revision or None
        )
    except ValueError:  # no possible name
        return None
    if not isinstance(found, str):
        return None
    path = Path(found)  # .../snapshots/<commit>/<file>, often a link that lacks the suffix when followed
    return Checkpoint(role, f"{repository}@{path.parent.name}/{path.name}", str(path), fingerprint_of(path))


def _download(name: str, role: str) -> str:
    """Download a checkpoint into the hub's cache; the reason if that fails, an empty string if not."""
    from huggingface_hub import constants, hf_hub_download

    repository, _, revision = name.partition("@")
    try:
        hf_hub_download(
            repository,
            FILES[role],
            revision=revision or None,
            cache_dir=constants.HF_HUB_CACHE,
            etag_timeout=REACH_SECONDS,
        )
    except (OSError, ValueError) as error:  # errors of the hub and of the network are of these
        return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
    return ""
