# Every target sets itself up in .venv; nothing else is needed but Python 3.11+ and make.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# What is installed for the tests; test,kerberos tries Kerberos as well.
EXTRAS ?= test

.PHONY: run test check docs bench bench-quick bench-flood bench-lookup bench-codec bench-transport chaos fuzz clean

run: $(VENV)/.ready  ## the main job: one shared port, two worker services, a call to each
	$(BIN)/python examples/demo.py

test: $(VENV)/.ready  ## all tests
	$(BIN)/python -m pytest $(PYTEST)

check: $(VENV)/.ready-dev  ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(VENV)/.ready-dev  ## the manual, in docs/_build/html
	$(BIN)/python -m sphinx -q -W --keep-going -b html docs docs/_build/html

bench: $(VENV)/.ready  ## connections beside HAProxy, nginx and sslh: tables, raw results, a picture
	$(BIN)/python benchmarks/run.py

bench-quick: $(VENV)/.ready  ## the same ratios coarsely, in about a minute
	$(BIN)/python benchmarks/run.py --quick

bench-lookup: $(VENV)/.ready  ## the cost of a lookup with 10 and with 100,000 addresses
	$(BIN)/python benchmarks/lookup.py

bench-flood: $(VENV)/.ready  ## real clients beside a half-open flood, with HAProxy beside it
	$(BIN)/python benchmarks/flood.py

bench-codec: $(VENV)/.ready  ## binary XML beside the other packages
	$(BIN)/python -m pip install --quiet --editable '.[test,bench]'
	$(BIN)/python benchmarks/binary_codec.py

bench-transport: $(VENV)/.ready  ## calls: Microsoft's client, ours, pynettcp; beside a bare server
	$(BIN)/python benchmarks/transport.py

CHAOS ?=
chaos: $(VENV)/.ready  ## what clients notice of kills, restarts, floods: up to ten minutes, a table
	$(BIN)/python benchmarks/chaos.py $(CHAOS)

SECONDS_EACH ?= 60
fuzz: $(VENV)/.ready  ## coverage-guided fuzzing, SECONDS_EACH for each target
	$(BIN)/python -m pip install --quiet --editable '.[test,fuzz]'
	mkdir -p build; for target in tests/fuzz/fuzz_*.py; do \
	    $(BIN)/python $$target -max_total_time=$(SECONDS_EACH) -artifact_prefix=build/ || exit 1; done

clean:
	rm -rf $(VENV) build dist docs/_build *.egg-info .pytest_cache .mypy_cache .ruff_cache

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	    || { echo "netshare needs Python 3.11 or later; name one with PYTHON=..."; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.ready: setup.cfg pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable '.[$(EXTRAS)]'
	@touch $@

$(VENV)/.ready-dev: $(VENV)/.ready
	$(BIN)/python -m pip install --quiet --editable '.[$(EXTRAS),dev]'
	@touch $@
