"""``tabular-fusion cache``: what the vectors of texts and photos take, whether they are sound, and away with them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from automl.commands.printing import show, show_json


class Action(StrEnum):
    """What to do with the cache."""

    INFO = "info"
    VERIFY = "verify"
    CLEAR = "clear"


def cache(
    action: Annotated[Action, typer.Argument(help="info, verify or clear.")] = Action.INFO,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Show the cache of vectors, check every entry (damaged ones are dropped and made again), or delete all of it."""
    from artifacts.embedding_store import LIMIT_VARIABLE, EmbeddingStore

    store = EmbeddingStore()
    told = store.describe()
    if action is Action.VERIFY:
        told |= {"damaged": store.verify()[1] if told["entries"] else 0}
    elif action is Action.CLEAR:
        store.clear()
    if as_json:
        show_json({"action": action.value, **told})
        return
    content, file = (f"{told[name] / 1e6:,.1f} MB" for name in ("content_bytes", "file_bytes"))
    size = f"{told['entries']} vectors, {content} in a file of {file}"
    show(f"{told['folder']}: {size}; limit {told['limit_bytes'] / 1e9:g} GB (${LIMIT_VARIABLE})")
    if action is Action.VERIFY:
        show(f"{told['damaged']} damaged entries dropped; they are made again when they are needed.")
    if action is Action.CLEAR:
        show("All of it was deleted.")
