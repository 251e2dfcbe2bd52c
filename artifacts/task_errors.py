"""What pydantic found wrong in a task, in words."""

from __future__ import annotations

from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from artifacts.errors import nearest


def explain(error: ValidationError, values: dict[str, Any], model: type[BaseModel]) -> str:
    """Sentences that name the place, the value and the remedy, of what pydantic found in the values for ``model``."""
    sentences = []
    for found in error.errors():
        where = ".".join(str(part) for part in found["loc"]) or "task"
        if found["type"] == "extra_forbidden":
            known = _known_keys(found["loc"], model)
            key = str(found["loc"][-1])
            sentences.append(f"unknown key {where!r}.{nearest(key, known)} Known here: {known}")
        elif found["type"] == "missing":
            sentences.append(f"{where!r} is missing")
        else:
            text = found["msg"].removeprefix("Value error, ")
            given = found["input"]
            shown = "" if isinstance(given, dict) or found["type"] == "value_error" else f" (got {given!r})"
            sentences.append(f"[{where}] {text}{shown}")
    name = values.get("name")
    return f"Task {name!r} is not usable: " + "; ".join(sentences) + "."


def _known_keys(location: tuple[int | str, ...], model: type[BaseModel]) -> list[str]:
    for part in location[:-1]:
        inner = model.model_fields.get(str(part))
        annotation: Any = inner.annotation if inner else None
        annotation = get_args(annotation)[-1] if get_origin(annotation) is dict else annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            model = annotation
    return sorted(name for name in model.model_fields if name != "root")
