# `make demo` and `make test` set everything up themselves, in a virtual environment of their own.
#
#   make demo     LeNet-5 on an in-memory chain       DEMO_ARGS="--images 20"
#   make test     the whole test suite, in parallel   TEST_ARGS="-k convolution"  JOBS=8
#   make paper    the paper's evaluation, as a report  QUICK=1  PAPER_ARGS="--network lenet5"
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
NPM ?= $(shell command -v npm)

BIN := $(VENV)/bin
CORE := $(VENV)/installed-core
DEV := $(VENV)/installed-dev
BENCH := $(VENV)/installed-bench
# What CMake builds: the kernels are compiled again when one of them changes.
NATIVE := $(wildcard native/*)
NODE_MODULES := .node/installed
NODE_PACKAGES := solc@0.8.37 ethers@6

.DEFAULT_GOAL := help
.PHONY: help demo test paper check format clean
.DELETE_ON_ERROR:

help:
	@sed -n '3,8s/^#   //p' Makefile

demo: $(CORE)
	$(BIN)/python -m smartvm.chain.demo $(DEMO_ARGS)

# One thread of linear algebra a worker: the workers are the parallelism.
test: $(DEV) $(NODE_MODULES)
	OPENBLAS_NUM_THREADS=1 SMARTVM_NODE_MODULES=$(CURDIR)/.node/node_modules $(BIN)/python -m pytest -n $(JOBS) --dist worksteal $(TEST_ARGS)

paper: $(BENCH) $(NODE_MODULES)
	SMARTVM_NODE_MODULES=$(CURDIR)/.node/node_modules \
		$(BIN)/python -m smartvm bench $(if $(QUICK),--quick) $(PAPER_ARGS)

check: $(DEV)
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy

format: $(DEV)
	$(BIN)/python -m ruff check --fix .
	$(BIN)/python -m ruff format .

clean:
	rm -rf $(VENV) .node .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(or $(PYTHON),false) -c '$(SUITABLE)' 2>/dev/null || { echo $(TOO_OLD) >&2; exit 1; }
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo $(NO_VENV) >&2; exit 1; }

# Installed again only when pyproject.toml or a kernel changes; the package itself is editable.
$(CORE): pyproject.toml $(NATIVE) | $(BIN)/python
	$(BIN)/python -m pip install --editable .
	@touch $@

$(DEV): pyproject.toml $(NATIVE) | $(BIN)/python
	$(BIN)/python -m pip install --editable '.[dev]'
	@touch $(CORE) $@

$(BENCH): pyproject.toml $(NATIVE) | $(BIN)/python
	$(BIN)/python -m pip install --editable '.[bench]'
	@touch $(CORE) $@

# solc and ethers, from npm, for the tests that use them; without npm those tests are skipped.
$(NODE_MODULES):
	@mkdir -p .node
ifeq ($(NPM),)
	@echo "npm is not here: the tests of Solidity and of ethers will be skipped"
else
	$(NPM) install --prefix .node --no-save --no-audit --no-fund \
		--fetch-retries 1 --fetch-timeout 60000 $(NODE_PACKAGES) && touch $@ \
		|| echo "npm failed: the tests of Solidity and of ethers will be skipped"
endif
