# make demo, make test and make check set up what they lack: Python 3.11-3.13 and make are enough.
PYTHON ?= python3
VENV ?= .venv
DEMO ?= demo
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test check slow examples lock licences audit clean

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(None if (3, 11) <= sys.version_info < (3, 14) else "tabular-fusion needs Python 3.11 to 3.13, this is " + sys.version + ". Name one: make PYTHON=python3.12 demo")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing about 7 GB of packages; this takes some minutes."
	$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

demo: $(READY)
	rm -rf $(DEMO)
	$(BIN)/tabular-fusion demo-data $(DEMO)/shop --rows 600
	$(BIN)/tabular-fusion fit $(DEMO)/shop/task.toml --preset fast --budget 60 --run $(DEMO)/run
	$(BIN)/tabular-fusion predict $(DEMO)/run $(DEMO)/shop/test.csv --out $(DEMO)/predictions.parquet
	$(BIN)/tabular-fusion report $(DEMO)/run --out $(DEMO)/report.html
	$(BIN)/tabular-fusion report $(DEMO)/run --out $(DEMO)/report_ru.html --lang ru
	$(BIN)/tabular-fusion advise $(DEMO)/run $(DEMO)/shop/test.csv --out $(DEMO)/advice.html
	@echo
	@echo "Leaderboard:  $(DEMO)/run/scores/leaderboard.csv"
	@echo "Predictions:  $(DEMO)/predictions.parquet"
	@echo "Report:       $(DEMO)/report.html (Russian: $(DEMO)/report_ru.html)"
	@echo "Advice:       $(DEMO)/advice.html"

test: $(READY)
	$(BIN)/python -m pytest -n auto --maxprocesses 8 --dist loadfile

slow: $(READY)
	$(BIN)/python -m pytest -m slow

examples: $(READY)
	$(BIN)/python -m pytest -m examples

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/test_layers.py

# Needs uv. Every version of a release on one page, for all supported Pythons and systems.
lock:
	uv pip compile --universal --python-version 3.11 --extra all --extra dev pyproject.toml \
		--no-annotate --no-header --generate-hashes -o requirements.lock

licences: $(READY)
	$(BIN)/tabular-fusion doctor --licences > docs/licences.md

# Known vulnerabilities of what the lock file names; needs uv and a network.
audit:
	uvx pip-audit --requirement requirements.lock --require-hashes --disable-pip

clean:
	rm -rf $(VENV) $(DEMO) runs .mypy_cache .ruff_cache .pytest_cache .hypothesis
