# Everything runs from .venv; `make demo` and `make test` are all a new machine needs.
PYTHON ?= python3.11
VENV := .venv
STAMP := $(VENV)/.installed
BIN := $(VENV)/bin

.PHONY: help install demo test faults lint types check bench clean

help:  ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(STAMP): pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) was not found; name yours: make $(MAKECMDGOALS) PYTHON=python3" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

install: $(STAMP)  ## create .venv and install framewatch into it

demo: $(STAMP)  ## drop a real clip into a watched folder and see it come out at 2x
	$(BIN)/framewatch demo

test: $(STAMP)  ## all tests, on real media
	$(BIN)/python -m pytest -n 2

faults: $(STAMP)  ## hurt the daemon in every way that is known, 50 random kills among them; writes docs/faults.md
	FRAMEWATCH_FAULT_KILLS=50 FRAMEWATCH_FAULT_REPORT=docs/faults.md $(BIN)/python -m pytest -n 2 tests/faults

lint: $(STAMP)  ## style
	$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: $(STAMP)  ## strict types
	$(BIN)/mypy

check: lint types test  ## what CI runs

bench: $(STAMP)  ## speed and memory, as ratios in one run
	$(BIN)/framewatch bench
	$(BIN)/python -m benchmarks.memory
	$(BIN)/python -m benchmarks.waiting

clean:  ## remove everything that was made here
	rm -rf $(VENV) demo dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis
