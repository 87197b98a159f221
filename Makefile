# `make demo` and `make test` set everything up themselves, in a virtual environment of their own.
#
#   make demo     LeNet-5 on an in-memory chain       DEMO_ARGS="--images 20"
#   make test     the whole test suite, in parallel   TEST_ARGS="-k convolution"  JOBS=8
#   make check    ruff and mypy
#   make format   ruff, in place
#   make clean    remove the environment and all caches

SUITABLE = import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$name -c '$(SUITABLE)' 2>/dev/null && echo $$name && break; done)
TOO_OLD = "SmartVM needs Python 3.11 or newer. Name one: make PYTHON=/path/to/python3 ..."
NO_VENV = "Python could not make an environment: install its venv package (python3-venv on Debian)."

VENV ?= .venv
JOBS ?= 2
DEMO_ARGS ?=
TEST_ARGS ?=

BIN := $(VENV)/bin
CORE := $(VENV)/installed-core
DEV := $(VENV)/installed-dev

.DEFAULT_GOAL := help
.PHONY: help demo test check format clean
.DELETE_ON_ERROR:

help:
	@sed -n '3,7s/^#   //p' Makefile

demo: $(CORE)
	$(BIN)/python -m smartvm.chain.demo $(DEMO_ARGS)

# One thread of linear algebra a worker: the workers are the parallelism.
test: $(DEV)
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) --dist worksteal $(TEST_ARGS)

check: $(DEV)
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy

format: $(DEV)
	$(BIN)/python -m ruff check --fix .
	$(BIN)/python -m ruff format .

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(or $(PYTHON),false) -c '$(SUITABLE)' 2>/dev/null || { echo $(TOO_OLD) >&2; exit 1; }
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo $(NO_VENV) >&2; exit 1; }

# Installed again only when pyproject.toml changes; the package itself is editable.
$(CORE): pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --editable .
	@touch $@

$(DEV): pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --editable '.[dev]'
	@touch $(CORE) $@
