from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from artifacts import embedding_store
from artifacts.embedding_store import EmbeddingStore, content_key, default_limit_bytes, in_own_order
from artifacts.errors import ArtifactError, InputError
from automl.cli import app


def keys_of(n: int, start: int = 0) -> list[bytes]:
    return [content_key(str(i).encode(), "r") for i in range(start, start + n)]


def filled(folder: Path, n: int = 20, **settings: int) -> EmbeddingStore:
    store = EmbeddingStore(folder, **settings)
    store.put((key, np.full(384, i, dtype="f4")) for i, key in enumerate(keys_of(n)))
    return store


def test_vectors_come_back_and_keys_hold_the_recipe(tmp_path: Path) -> None:
    store = EmbeddingStore(tmp_path / "cache")
    one, two = content_key(b"text", "encoder-a"), content_key(b"text", "encoder-b")
    assert one != two
    store.put([(one, np.arange(3, dtype="f4"))])
    found = store.get([one, two])
    np.testing.assert_array_equal(found[0], [0, 1, 2])
    assert found[1] is None
    store.close()
    np.testing.assert_array_equal(EmbeddingStore(tmp_path / "cache").get([one])[0], [0, 1, 2])
    assert store.size_bytes() > 0


def test_a_damaged_vector_counts_as_absent(tmp_path: Path) -> None:
    store = EmbeddingStore(tmp_path)
    key = content_key(b"x", "r")
    with store._databases()[0].begin(write=True) as transaction:
        transaction.put(key, b"12345678" + np.zeros(2, dtype="f4").tobytes())
    assert store.get([key]) == [None]


def test_a_cache_that_cannot_be_opened_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ArtifactError, match="TABULAR_FUSION_CACHE"):
        EmbeddingStore(tmp_path / "file" / "cache").get([b"k"])


def test_two_stores_of_one_folder_in_one_process(tmp_path: Path) -> None:
    one, two = filled(tmp_path), EmbeddingStore(tmp_path / ".")
    assert two.get(keys_of(1))[0] is not None
    one.close()
    two.put([(content_key(b"new", "r"), np.zeros(3, dtype="f4"))])
    assert one.get([content_key(b"new", "r")])[0] is not None


def test_verify_drops_what_is_damaged(tmp_path: Path) -> None:
    store = filled(tmp_path)
    bad = keys_of(3)
    with store._databases()[0].begin(write=True) as transaction:
        for key in bad:
            stored = bytearray(transaction.get(key))
            stored[20] ^= 1
            transaction.put(key, bytes(stored))
    assert store.get(keys_of(4))[:3] == [None] * 3 and store.get(keys_of(4))[3] is not None
    assert store.verify() == (20, 3)
    assert store.verify() == (17, 0)


def test_what_was_not_used_for_longest_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    day = 20_000
    monkeypatch.setattr(embedding_store.time, "time", lambda: day * embedding_store.DAY_SECONDS + 5.0)
    store = filled(tmp_path, 400)
    day += 1
    used = keys_of(100)
    store.get(used)
    content = store.describe()["content_bytes"]
    store.limit_bytes = content // 2
    day += 1
    new = content_key(b"new", "r")
    store.put([(new, np.zeros(384, dtype="f4"))])
    assert store.describe()["content_bytes"] <= 0.9 * store.limit_bytes
    kept = [vector is not None for vector in store.get(keys_of(400))]
    assert all(kept[:100]) and sum(kept[100:]) < 150
    assert store.get([new])[0] is not None
    assert store.describe()["entries"] == sum(kept) + 1


def test_days_of_a_clock_that_was_ahead_do_not_keep_entries_for_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = 30_000  # when the clock was wrong
    monkeypatch.setattr(embedding_store.time, "time", lambda: day * embedding_store.DAY_SECONDS + 5.0)
    store = filled(tmp_path, 200)
    day = 20_000
    store.put((key, np.zeros(384, dtype="f4")) for key in keys_of(200, start=1000))
    day = 20_001
    used = keys_of(50)
    assert all(vector is not None for vector in store.get(used))
    store.evict(store.describe()["content_bytes"] // 2)
    assert all(vector is not None for vector in store.get(used)), "what was used last stays"
    kept = [sum(v is not None for v in store.get(keys)) for keys in (keys_of(150, 50), keys_of(200, 1000))]
    assert kept[0] < kept[1], "what has a day that is yet to come goes first"


@pytest.mark.parametrize("share", [0.9, 0.02])
def test_a_file_that_was_cut_off_is_one_clear_error_and_no_signal(tmp_path: Path, share: float) -> None:
    filled(tmp_path, 200).close()
    file = tmp_path / "data.mdb"
    os.truncate(file, int(share * file.stat().st_size))
    code = (
        "import sys\nfrom artifacts.embedding_store import EmbeddingStore, content_key\n"
        "from artifacts.errors import ArtifactError\n"
        "try: EmbeddingStore(sys.argv[1]).get([content_key(str(i).encode(), 'r') for i in range(200)])\n"
        "except ArtifactError as error: sys.exit(str(error))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "tabular-fusion cache clear" in done.stderr and "Traceback" not in done.stderr


def test_batches_come_in_the_order_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    orders = []
    for pid in (1, 2, 1):
        monkeypatch.setattr(os, "getpid", lambda pid=pid: pid)
        orders.append(in_own_order(list(range(20))))
    assert orders[0] == orders[2] != orders[1] and sorted(orders[1]) == list(range(20))


@pytest.mark.parametrize("value", ["0", "-3", "many", "nan", "inf"])
def test_a_limit_that_is_none_is_said(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TABULAR_FUSION_CACHE_GB", value)
    with pytest.raises(InputError, match=f"number of gigabytes above 0.*{value!r}"):
        default_limit_bytes()


def test_a_killed_writer_loses_what_it_was_writing_and_no_more(tmp_path: Path) -> None:
    code = """
import os, sys
import numpy as np
from artifacts.embedding_store import EmbeddingStore, content_key
store = EmbeddingStore(sys.argv[1])
def items():
    for i in range(1000):
        if i == 500:
            os.kill(os.getpid(), 9)
        yield content_key(b"half%d" % i, "r"), np.ones(384, "f4")
store.put([(content_key(b"whole", "r"), np.ones(384, "f4"))])
store.put(items())
"""
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    store = EmbeddingStore(tmp_path)
    assert store.get([content_key(b"whole", "r")])[0] is not None
    assert store.verify() == (1, 0)


def test_several_processes_write_and_read_at_once(tmp_path: Path) -> None:
    code = """
import sys
import numpy as np
from artifacts.embedding_store import EmbeddingStore, content_key
store, own = EmbeddingStore(sys.argv[1]), int(sys.argv[2])
for start in range(0, 200, 10):
    keys = [content_key(b"%d" % i, "r") for i in range(start, start + 10)]
    store.put((key, np.full(64, i, "f4")) for i, key in enumerate(keys, start))
    assert all(v is not None and v[0] == i for i, v in enumerate(store.get(keys), start)), own
"""
    running = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path), str(i)]) for i in range(3)]
    assert [one.wait(120) for one in running] == [0, 0, 0]
    assert EmbeddingStore(tmp_path).verify() == (200, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="limits of addresses")
def test_a_limit_of_addresses_is_told_with_the_remedy(tmp_path: Path) -> None:
    code = """
import resource, sys
from artifacts.embedding_store import EmbeddingStore
resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
EmbeddingStore(sys.argv[1]).get([b"0" * 32])
"""
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True)
    assert "ArtifactError" in done.stderr and "ulimit -v unlimited" in done.stderr


def test_the_command_shows_checks_and_clears(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TABULAR_FUSION_CACHE", str(tmp_path))
    run = CliRunner().invoke
    assert "0 vectors" in run(app, ["cache"]).output
    filled(tmp_path).close()
    assert "20 vectors" in run(app, ["cache", "info"]).output
    assert json.loads(run(app, ["cache", "verify", "--json"]).output)["damaged"] == 0
    assert "deleted" in run(app, ["cache", "clear"]).output
    assert not list(tmp_path.glob("*.mdb"))
    assert "0 vectors" in run(app, ["cache"]).output
