# make demo   the main job on simulated wearable nodes, from nothing but Python 3.11
# make test   lint, types, import contracts and tests
# make lint   the first three of these
# make bench  what parts cost, beside other programs in the same run: a table of ratios, and bench/all/bench.json

PYTHON ?= python3.11
VENV ?= .venv
BIN := $(VENV)/bin
WORKERS ?= 2

PIP := $(BIN)/python -m pip -qq --disable-pip-version-check

# Every install, and every build that an install needs, takes the pinned versions.
export PIP_CONSTRAINT := $(CURDIR)/constraints.txt

.PHONY: demo test lint bench
.DELETE_ON_ERROR:

demo: $(VENV)/.installed
	$(BIN)/fedbind run configs/demo.yaml

test: lint
	$(BIN)/python -m pytest -n $(WORKERS)

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports

# PFL=FOLDER: an environment that benchmarks/pfl_env.sh made. ARGUMENTS=… as `fedbind bench all --help` has them
bench: $(VENV)/.installed-dev
	$(BIN)/fedbind bench all --out bench/all $(if $(PFL),--pfl $(PFL)) $(ARGUMENTS)

# torch first and alone: asked for together with others, pip may settle on a build that brings CUDA.
$(VENV)/.installed: pyproject.toml constraints.txt
	@echo "Installing fedbind into $(VENV) (minutes, once)"
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install torch==2.13.0
	$(PIP) install --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(PIP) install --editable '.[dev,bench]'
	@touch $@
