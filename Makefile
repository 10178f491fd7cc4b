# Two commands for a newcomer: `make demo` and `make test`. Each does its own set-up in .venv on a fresh clone.
# `make help` lists the rest. Nothing outside this folder is changed.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --no-input --no-compile -c constraints.txt
# Compiling on every core, and no packages' own tests, takes half the time that pip takes for it.
COMPILE := $(BIN)/python -m compileall -qq -j 0 -x '/tests/' $(VENV)/lib || true

# A virtual environment holds absolute paths: if the folder was moved or copied, .venv is made again.
ifneq ($(shell cat $(VENV)/.home 2>/dev/null),$(CURDIR))
$(VENV)/.home: FORCE
endif

.PHONY: FORCE
FORCE:

$(VENV)/.home:
	@tools/make_venv $(VENV)
	@echo '$(CURDIR)' > $@

# What bidder needs to run. `make demo` stops here.
$(VENV)/.runtime: $(VENV)/.home pyproject.toml constraints.txt
	@echo 'Installing bidder and what it runs on into $(VENV) (once, about half a minute) ...'
	@$(PIP) -e .
	@$(COMPILE)
	@touch $@

# What its developers need as well: tests, linters, types, documentation.
$(VENV)/.dev: $(VENV)/.home pyproject.toml constraints.txt
	@echo 'Installing bidder with its development tools into $(VENV) (once, about a minute) ...'
	@$(PIP) -e '.[dev]'
	@$(COMPILE)
	@touch $(VENV)/.runtime $@

# The solvers and optimisers that benchmarks compare with, side by side in one run. Large.
$(VENV)/.peers: $(VENV)/.dev
	@echo 'Installing the peers that benchmarks compare with into $(VENV) ...'
	@$(PIP) -e '.[dev,peers]'
	@touch $@

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(VENV)/.dev ## Make .venv with everything a developer needs

.PHONY: demo
demo: $(VENV)/.runtime ## Watch 60 days of a mock shop, side by side with two others
	@$(BIN)/bidder demo

.PHONY: test
test: $(VENV)/.dev ## Run the tests (all but the slow ones)
	@$(BIN)/python -m pytest

.PHONY: slow
slow: $(VENV)/.dev ## Run the slow suites: crash, soak, race, wheel, statistics, browser; benchmarks at reduced size
	@tools/run_slow $(BIN)

.PHONY: check
check: lint types contracts dependencies generated docs ## Run linters, types, contracts, generated files, documentation

.PHONY: lint
lint: $(VENV)/.dev ## Run ruff: rules and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

.PHONY: types
types: $(VENV)/.dev ## Run mypy, strict
	@$(BIN)/mypy

.PHONY: contracts
contracts: $(VENV)/.dev ## Check that imports point one way
	@$(BIN)/lint-imports --no-logo

.PHONY: dependencies
dependencies: $(VENV)/.dev ## Check that what is imported is declared, and what is declared is imported
	@$(BIN)/deptry . --no-ansi

.PHONY: generated
generated: $(VENV)/.dev ## Check that generated files are up to date
	@$(BIN)/python -m tools.generated --check

.PHONY: generate
generate: $(VENV)/.dev ## Write the generated files: configuration sample and schema, reference pages
	@$(BIN)/python -m tools.generated --write

.PHONY: docs
docs: $(VENV)/.dev ## Build the documentation site, strictly, into site/
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

.PHONY: bench
bench: $(VENV)/.dev ## Run all benchmarks at full size
	@$(BIN)/python -m benchmarks

.PHONY: peers
peers: $(VENV)/.peers ## Install the peers that some benchmarks compare with

.PHONY: format
format: $(VENV)/.dev ## Let ruff mend and format what it can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

.PHONY: pins
pins: $(VENV)/.dev ## Resolve constraints.txt again
	@$(BIN)/uv pip compile --quiet --universal --all-extras --upgrade --python-version 3.11 \
	  --no-emit-index-url --no-header --no-annotate pyproject.toml -o constraints.txt

.PHONY: clean
clean: ## Remove what the tools made, .venv included
	rm -rf $(VENV) build dist site .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
