"""Imports point down: read from the source, lazy ones included."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ALLOWED = {
    "artifacts": {"artifacts"},
    "featurizers": {"featurizers", "artifacts"},
    "evaluation": {"evaluation", "artifacts"},
    "automl": {"automl", "featurizers", "evaluation", "artifacts"},
}
ML = {
    "torch", "sklearn", "catboost", "lightgbm", "timm", "sentence_transformers", "shap", "optuna", "autogluon",
    "lightautoml", "tabicl", "tabm", "rtdl_num_embeddings",
}  # fmt: skip
HEAVY_AT_TOP = ML | {"matplotlib", "transformers", "torchvision"}
# Their classes are subclasses of a library's, so they need it at the top; nobody may import these files at the top.
ON_DEMAND = {"automl.models.lightgbm_rows"}
FOREIGN = {"automl/backends/lightautoml.py", "automl/backends/autogluon.py"}  # their formats are pickles: trust=True
FILES = sorted(path for room in ALLOWED for path in (ROOT / room).rglob("*.py"))


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def imported(tree: ast.AST) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide the room that they reach into"
            names.add((node.module or "").split(".")[0])
    return names


def imported_at_top(tree: ast.Module) -> set[str]:
    """What importing the module imports at once: not what stands in functions or under TYPE_CHECKING."""
    top = [node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
    return imported(ast.Module(body=list(top), type_ignores=[]))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_down(path: Path) -> None:
    room = path.relative_to(ROOT).parts[0]
    tree = tree_of(path)
    reached = imported(tree)
    assert reached & set(ALLOWED) <= ALLOWED[room], f"{room} may import {ALLOWED[room]} only"
    if room == "artifacts":
        assert not reached & ML, "the nouns need no ML library"
    own = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    if own not in ON_DEMAND:
        assert not imported_at_top(tree) & HEAVY_AT_TOP, "heavy libraries are imported where they are used"
        modules = {node.module for node in tree.body if isinstance(node, ast.ImportFrom)}
        assert not modules & ON_DEMAND, "files that need a heavy library are imported where they are used"
    if str(path.relative_to(ROOT)) not in FOREIGN:
        assert not reached & {"pickle", "joblib", "dill", "cloudpickle", "marshal"}, "loading executes no code"


def test_tables_of_a_run_are_read_by_what_tells_of_damage() -> None:
    bare = {str(path.relative_to(ROOT)) for path in FILES if "read_parquet" in path.read_text()}
    # Its own error, or inside ``reading``, or a user's file.
    assert bare == {"artifacts/tables.py", "artifacts/feature_table.py", "automl/demo_truth.py"}


def test_parquet_is_read_by_one_thread() -> None:
    """A process that pandas itself has read for may abort as it ends, see ``artifacts.tables.read_parquet``."""
    others = [path for room in ("tests", "benchmarks", "examples") for path in (ROOT / room).rglob("*.py")]
    assert len(others) > 100
    assert not [str(path) for path in (*FILES, *others) if "pd.read_" + "parquet" in path.read_text()]


def test_every_room_was_read() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in FILES} == set(ALLOWED)


def test_no_file_or_function_has_grown_long() -> None:
    long = []
    for path in FILES:
        text = path.read_text()
        if text.count("\n") > 330:
            long.append(f"{path.relative_to(ROOT)}: {text.count(chr(10))} lines")
        for node in ast.walk(tree_of(path)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                length = (node.end_lineno or 0) - node.lineno + 1
                if length > 60:
                    long.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}: {length} lines")
    assert not long


# Call to what it must say: the safe value is no library's default, or was none in versions that still fit.
SAFE_BY = {
    "torch.load": ("weights_only", True),
    "np.load": ("allow_pickle", False),
    "np.save": ("allow_pickle", False),
    "np.savez": ("allow_pickle", False),
    "np.savez_compressed": ("allow_pickle", False),
}
NEVER = {"eval", "exec", "compile", "__import__"}
NEVER_OF_A_LIBRARY = {"read_pickle", "to_pickle", "unsafe_load", "unsafe_load_all", "full_load", "jit.load"}


def calls_that_run_data(tree: ast.AST) -> list[str]:
    """Calls that would execute what a file holds, or write what can only be read so."""
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        said = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
        argument, safe = SAFE_BY.get(name.replace("numpy.", "np."), ("", None))
        unsafe = bool(argument) and said.get(argument) != str(safe)
        if unsafe or name in NEVER or any(name == one or name.endswith("." + one) for one in NEVER_OF_A_LIBRARY):
            found.append(f"line {node.lineno}: {name}")
    return found


def test_no_data_is_executed() -> None:
    own = [path for path in FILES if str(path.relative_to(ROOT)) not in FOREIGN]
    found = {str(path.relative_to(ROOT)): calls_that_run_data(tree_of(path)) for path in own}
    assert {path: calls for path, calls in found.items() if calls} == {}


GENERATORS = {"default_rng", "manual_seed", "RandomState", "Random"}


def literal_seeds(tree: ast.AST) -> list[str]:
    """Calls that are given a number for a seed, where the seed of the run belongs, or a constant that says why not."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            given = [keyword.value for keyword in node.keywords if keyword.arg in {"seed", "random_state"}]
            if getattr(node.func, "attr", getattr(node.func, "id", "")) in GENERATORS:
                given += node.args or [ast.Constant(None)] * (not given)  # without any, each time another
            found += [f"line {node.lineno}: {ast.unparse(node)}" for one in given if isinstance(one, ast.Constant)]
    return found


def test_seeds_come_from_the_run() -> None:
    found = {str(path.relative_to(ROOT)): literal_seeds(tree_of(path)) for path in FILES}
    assert {path: calls for path, calls in found.items() if calls} == {}
    assert literal_seeds(ast.parse("PCA(2, random_state=0)")) and literal_seeds(ast.parse("np.random.default_rng()"))
    assert not literal_seeds(ast.parse("np.random.default_rng(seed), KMeans(2, random_state=self.seed), f(seed=SEED)"))


@pytest.mark.parametrize(
    "line",
    [
        "eval(text)", "exec(text)", "torch.load(path)", "torch.load(path, weights_only=False)", "np.load(path)",
        "np.load(path, allow_pickle=True)", "pd.read_pickle(path)", "np.savez(path, x=x)",
    ],
)  # fmt: skip
def test_what_executes_data_is_found(line: str) -> None:
    assert calls_that_run_data(ast.parse(line))
    assert not calls_that_run_data(ast.parse("np.load(p, allow_pickle=False), net.eval(), re.compile(p)"))
