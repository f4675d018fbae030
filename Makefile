# Everything runs from .venv; `make demo` and `make test` are all a new machine needs.
# Any Python from 3.11 on will do. To choose one: make test PYTHON=python3.13
PYTHON ?=
VENV := .venv
STAMP := $(VENV)/.installed
BIN := $(VENV)/bin
TESTS ?=

.PHONY: help install demo test test-pythons test-system-ffmpeg faults slow fuzz media debian lint types check unit lock licences carriage bench clean recreate

help:  ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

# An environment is created again when its Python is gone, or when PYTHON names another version.
$(STAMP): pyproject.toml requirements/dev.lock $(if $(shell tools/venv.sh usable $(VENV) $(PYTHON) || echo no),recreate)
	@GOAL=$(firstword $(MAKECMDGOALS)) tools/venv.sh create $(VENV) $(PYTHON)
	@tools/venv.sh install $(VENV)
	@touch $@

install: $(STAMP)  ## create .venv and install framewatch into it

demo: $(STAMP)  ## put a real clip into a watched folder and watch it being upscaled to 2x
	$(BIN)/framewatch demo

# A file at a time to each process: the slow acceptance tests come first, and one process alone would run all of them.
test: $(STAMP)  ## run all tests, on real media
	$(BIN)/python -m pytest -n 2 --dist loadfile $(TESTS)

test-pythons:  ## run the tests, or those of TESTS=tests/unit/media, under each Python from 3.11 to 3.14 that is found
	tools/test_pythons.sh $(TESTS)

# The tests of what an old version does differently: times, joining, containers, hidden edges, and which one is used.
test-system-ffmpeg: $(STAMP)  ## run the tests of the pipeline with the ffmpeg on PATH instead of the packaged one
	@command -v ffmpeg >/dev/null || { echo 'there is no ffmpeg on PATH; install it first' >&2; exit 1; }
	FRAMEWATCH_TEST_FFMPEG=$$(command -v ffmpeg) $(BIN)/python -m pytest -n 2 tests/acceptance/test_ffmpeg.py \
	tests/integration/test_segments.py tests/integration/test_containers.py tests/integration/test_avi_timestamps.py \
	tests/integration/test_real_sources.py tests/integration/test_joined_recordings.py \
	tests/integration/test_bad_streams.py tests/integration/test_text_from_captions.py \
	tests/integration/test_late_streams.py tests/integration/test_which_video.py

faults: $(STAMP)  ## inject every known fault and 50 random kills, and write the results to docs/faults.md
	FRAMEWATCH_FAULT_KILLS=50 FRAMEWATCH_FAULT_REPORT=docs/faults.md \
	$(BIN)/python -m pytest -n 2 -m 'slow or not slow' tests/faults

slow: $(STAMP)  ## run the other tests that make test leaves out for their length
	$(BIN)/python -m pytest -n 2 -m slow --ignore=tests/faults --ignore=tests/field

fuzz: $(STAMP)  ## read 5,000 mutated media files and 5,000 mutated presets, and write the figures to docs/faults.md
	FRAMEWATCH_FUZZ_FILES=5000 FRAMEWATCH_FUZZ_PRESETS=5000 FRAMEWATCH_FUZZ_JOBS=150 \
	FRAMEWATCH_FUZZ_REPORT=docs/faults.md $(BIN)/python -m pytest -n 2 tests/fuzz

media: $(STAMP)  ## run hundreds of kinds of files through every way, and write docs/compatibility.md
	PYTHONPATH=tests/media:tests/support $(BIN)/python tests/media/run_all.py $(KINDS)

debian: $(STAMP)  ## follow the README's steps for a service in a bare Debian; needs root, mmdebstrap and systemd-analyze
	$(BIN)/python -m pytest -m 'slow or not slow' tests/field/test_debian_root.py

lint: $(STAMP)  ## check the style
	$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: $(STAMP)  ## check the types
	$(BIN)/mypy

unit: $(STAMP)  ## have systemd check and rate the service's unit; needs systemd-analyze
	tools/check_unit.sh $(BIN)/framewatch

check: lint types test  ## run lint, types and test, as CI does

lock:  ## write requirements/*.lock again, after a change of pyproject.toml (UPGRADE=--upgrade: with newer versions)
	PYTHON=$(PYTHON) tools/lock.sh $(UPGRADE)

licences: $(STAMP)  ## write docs/licences.md again, after a change of requirements/
	$(BIN)/python -m tools.licences

carriage: $(STAMP)  ## write docs/carriage.md again, after a change of what is carried
	$(BIN)/python -m tools.carriage

bench: $(STAMP)  ## measure speed and memory
	$(BIN)/framewatch bench
	$(BIN)/python -m benchmarks.png_workflow
	$(BIN)/python -m benchmarks.peak_flops
	$(BIN)/python -m benchmarks.memory
	$(BIN)/python -m benchmarks.waiting

clean:  ## remove .venv and everything else that make created
	rm -rf $(VENV) .venvs demo dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis
