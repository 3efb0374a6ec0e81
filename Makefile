# Everything runs in .venv, which the first target that needs it creates.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo dev fmt lint type test contract e2e bench check clean
.DEFAULT_GOAL := help

help:
	@echo "make demo      run the main story on the embedded sandbox"
	@echo "make test      run every test"
	@echo "make check     format, lint, types, import contracts, tests: what CI runs"
	@echo "make bench     the benchmark table, each row beside its floor"
	@echo "make dev fmt lint type contract e2e clean"

$(STAMP): pyproject.toml reconciler/__init__.py
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "reconciler needs Python 3.11 or newer; set PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --editable '.[sandbox]' --group dev
	@touch $@

dev: $(STAMP)

demo: $(STAMP)
	$(BIN)/reconciler demo

fmt: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix --quiet .

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports

type: $(STAMP)
	$(BIN)/mypy

# Four workers on two cores: half of the time a test waits for a process or a server.
test: $(STAMP)
	$(BIN)/python -m pytest -n 4 --dist worksteal

contract: $(STAMP)
	$(BIN)/python -m pytest tests/contract

e2e: $(STAMP)
	$(BIN)/python -m pytest tests/e2e -n 4

bench: $(STAMP)
	$(BIN)/python -m tests.bench

check: lint type
	$(BIN)/python -m pytest -n 4 --dist worksteal --cov --cov-report=term:skip-covered --cov-fail-under=90

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
