# make demo   the whole way on a small synthetic array with known truth (under 3 minutes)
# make test   after each change: style, types, layers, quick tests (about 8 minutes on two cores)
# make test-all   the same with every test: crashes, real SLURM, object stores, recorded data
# Each makes its own environment in .venv from the pinned versions in requirements.lock.

PYTHON ?= python3
BIN := .venv/bin
# two processes of one thread, which start hundreds: what Python has compiled is kept; the order of
# files is that of tests/conftest.py
PYTEST := PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 \
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

.PHONY: demo check test test-all bench clean

.venv/installed: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "seisflow needs Python 3.11 or newer; make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --no-compile -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-compile --no-deps --no-build-isolation -e .
	touch $@

demo: .venv/installed
	$(BIN)/seisflow demo seisflow-demo

check: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: check
	$(PYTEST) -m 'not slow'

test-all: check
	$(PYTEST)

bench: .venv/installed
	$(BIN)/python -m benchmarks.ingest
	$(BIN)/python -m benchmarks.labelling
	$(BIN)/python -m benchmarks.label_accuracy
	$(BIN)/python -m benchmarks.networks --compile
	$(BIN)/python -m benchmarks.training
	$(BIN)/python -m benchmarks.detection

clean:
	rm -rf .venv seisflow-demo artefacts
