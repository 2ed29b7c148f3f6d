# Each target makes the virtual environment that it needs. Needed beforehand: Python 3.11 or newer, make, a package index.

PYTHON ?= python3

# The newest versions of everything, and the oldest that pyproject.toml allows.
NEWEST := .venv
OLDEST := .venv-oldest
# Other makers' tracers, whose pytest plugins the tests should not have.
FOREIGN := .venv-foreign
RUN := $(NEWEST)/bin/python

.DEFAULT_GOAL := help
.PHONY: help demo test test-oldest lint bench bench-detection stress stack foreign clean

help:
	@echo 'make demo         a real workload that gets slower partway, and what is said about it'
	@echo 'make test         all tests on the newest versions'
	@echo 'make test-oldest  the unit and OpenTelemetry tests at the lower bounds of pyproject.toml'
	@echo 'make lint         ruff and mypy --strict'
	@echo 'make bench        the costs, written into README.md'
	@echo 'make bench-detection  how well changes are found, beside other tools; DATA=FOLDER adds real series'
	@echo 'make stress       the long tests: millions of calls, dozens of kills'
	@echo 'make stack        an example service with Prometheus and Alertmanager on loopback'
	@echo 'make foreign      an environment with logfire and ddtrace, for the tests that use them'
	@echo 'make clean        removes everything that these targets made'

demo: $(NEWEST)/.base
	$(RUN) examples/demo.py

test: $(NEWEST)/.dev
	$(RUN) -m pytest --durations=10

# The oldest numpy has wheels for Python 3.11 and 3.12 only. What is marked slow starts servers, browsers or builds: once, on the newest versions, is enough.
test-oldest: $(OLDEST)/.dev
	$(OLDEST)/bin/python -m pytest --durations=10 -m 'not slow'

lint: $(NEWEST)/.dev
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy src exporters tests/typing

# Peers whose requirements differ from ours are measured in environments of their own, benchmarks/.venv-*.
bench: $(NEWEST)/.dev
	$(RUN) benchmarks/overhead.py --peers

# The rows on real series need DATA, a folder with change-points, anomalies and histories.
bench-detection: $(NEWEST)/.dev
	$(RUN) benchmarks/detection.py --peers --pictures $(if $(DATA),--data $(DATA))

# One test may take many minutes, so the time limit of a test is lifted; -s shows the figures as they come.
stress: $(NEWEST)/.dev
	$(RUN) -m pip install --quiet --group stress
	$(RUN) -m pytest -s --timeout=0 -o faulthandler_timeout=0 stress

stack: $(NEWEST)/.base
	$(RUN) examples/stack.py

foreign: $(FOREIGN)/.made

clean:
	rm -rf $(NEWEST) $(OLDEST) $(FOREIGN) benchmarks/.venv-* .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist .stack demo-output
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps. pip older than 25.1 knows no dependency groups, so it is renewed in the environment first.

$(NEWEST)/.base: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else f"Python 3.11 or newer is needed, {sys.executable} is {sys.version}: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(NEWEST)
	$(RUN) -m pip install --quiet --upgrade 'pip>=25.1'
	$(RUN) -m pip install --quiet --editable .
	touch $@

$(NEWEST)/.dev: $(NEWEST)/.base
	$(RUN) -m pip install --quiet --group test --group newest --group lint
	touch $@

$(FOREIGN)/.made:
	$(PYTHON) -m venv --clear $(FOREIGN)
	$(FOREIGN)/bin/python -m pip install --quiet 'logfire>=4' 'ddtrace>=4' opentelemetry-exporter-prometheus
	touch $@

$(OLDEST)/.dev: pyproject.toml .ci/oldest.txt
	$(PYTHON) -m venv --clear $(OLDEST)
	$(OLDEST)/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(OLDEST)/bin/python -m pip install --quiet --constraint .ci/oldest.txt --editable . --group test
	touch $@
