# make demo   the whole way on a small synthetic array with known truth (under 3 minutes)
# make test   all checks: style, types, layers, tests (two at a time)
# Both make their own environment in .venv from the pinned versions in requirements.lock.

PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test test-all bench clean

.venv/installed: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "seisflow needs Python 3.11 or newer; make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

demo: .venv/installed
	$(BIN)/seisflow demo seisflow-demo

test: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -n 2 --dist loadfile -m 'not long'

test-all: .venv/installed
	$(BIN)/python -m pytest -n 2 --dist loadfile

bench: .venv/installed
	$(BIN)/python -m benchmarks.ingest
	$(BIN)/python -m benchmarks.labelling
	$(BIN)/python -m benchmarks.label_accuracy
	$(BIN)/python -m benchmarks.networks --compile
	$(BIN)/python -m benchmarks.training
	$(BIN)/python -m benchmarks.detection

clean:
	rm -rf .venv seisflow-demo artefacts
