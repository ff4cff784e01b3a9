# `make test` and `make demo` do all set-up: a virtual environment in .venv, pip, then the work.
#
# On Linux, PyPI's torch brings gigabytes of CUDA. For the small build name PyTorch's CPU index:
#   make demo TORCH_INDEX=https://download.pytorch.org/whl/cpu

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup demo test lint format unit clean

VENV := .venv
BIN := $(VENV)/bin
PIP = $(BIN)/python -m pip install -qq --disable-pip-version-check --no-compile
# uv unpacks faster; where it cannot be had, or finds no index, pip does the same.
UV = { $(PIP) uv && $(BIN)/uv pip install --python $(BIN)/python --editable '.[dev]'; } >/dev/null 2>&1
STAMP := $(VENV)/.ready
TORCH ?= torch==2.13.0
TORCH_INDEX ?=
PYTEST ?=

help:  ## what can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## */\t/' | expand -t 10

setup: $(STAMP)  ## the virtual environment, without running anything

# A Python of the right version that can make virtual environments; PYTHON=... overrides the search.
$(BIN)/python:
	@for candidate in $${PYTHON:-python3.12 python3.13 python3.14 python3.11 python3 python}; do \
	    if "$$candidate" -c 'import sys, ensurepip, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2>/dev/null; then \
	        echo "Making $(VENV) with $$("$$candidate" --version)"; "$$candidate" -m venv --clear $(VENV); exit 0; \
	    fi; \
	done; \
	echo "No Python 3.11 to 3.14 with venv found. Install one (Debian, Ubuntu: apt install python3.12-venv; macOS: brew install python@3.12) or say: make PYTHON=/path/to/python3.12" >&2; exit 1

$(STAMP): pyproject.toml | $(BIN)/python
	@echo "Installing instag and what it needs into $(VENV): once, a few minutes"
	@$(PIP) '$(TORCH)' $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX))
	@$(UV) || $(PIP) --editable '.[dev]'
	@touch $@

demo: $(STAMP)  ## learn a synthetic speaker, let it speak, open the report
	$(BIN)/instag demo

test: lint unit  ## everything that must hold before a change lands

lint: $(STAMP)  ## style, types and the direction of imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright
	$(BIN)/lint-imports

unit: $(STAMP)  ## the tests alone; PYTEST="-k name" passes arguments on
	$(BIN)/python -m pytest -n 2 --dist worksteal $(PYTEST)

format: $(STAMP)  ## put the code into shape
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

clean:  ## remove the virtual environment and caches
	rm -rf $(VENV) .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
