# What a person types. `make` alone tells what there is.
VENV := .venv
BIN := $(VENV)/bin
CODE := daemon tests tools

.DEFAULT_GOAL := help
.PHONY: help check unit test soak bench demo generate clean need-python need-demo need-tests
-include install.mk

help:  ## this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 12

check: $(VENV)/.installed-dev  ## static checks: lint, types, import contracts (seconds)
	$(BIN)/ruff check $(CODE)
	$(BIN)/mypy
	MYPYPATH=tools:tests/fakes:tests $(BIN)/mypy --strict tools
	$(BIN)/lint-imports --config setup.cfg

unit: $(VENV)/.installed-dev  ## the fast tests
	$(BIN)/pytest -q tests/unit

# The tests wait more than they compute: one process more than there are CPUs. A file of tests stays in one process, so that its
# daemons and machines are started once.
WORKERS ?= $(shell expr $$(nproc) + 1)
test: need-tests check  ## everything: static checks and all tests
	$(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

soak: need-tests $(VENV)/.installed-dev  ## the long proofs: 700 deaths and power cuts, 500 damaged films (about half an hour)
	PECTIN_SOAK=1 $(BIN)/pytest -n $(WORKERS) --dist load tests/durability

bench: need-tests $(VENV)/.installed-dev  ## the figures of the README, measured here
	$(BIN)/python tests/bench/run.py

# SOURCE is taken from make's command line only: a variable of that name in somebody's shell is not meant for us. Its text
# goes through the environment as it is, so that no shell takes a quote or a blank in a film's name for its own.
demo: export PECTIN_DEMO_SOURCE := $(if $(findstring command,$(origin SOURCE)),$(value SOURCE))
demo: need-demo $(VENV)/.installed  ## the main job before your eyes; SOURCE=/path/film.mkv takes your film (a copy of it)
	@$(BIN)/python tools/demo.py

generate: $(VENV)/.installed  ## write what is made from the code: config/, docs/ and parts of README.md
	@$(BIN)/python tools/generate.py

clean:  ## remove the virtual environment and all caches (not demo/: your film's original may lie there)
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis daemon/*.egg-info
	find $(CODE) -name __pycache__ -prune -exec rm -rf {} +

need-python:
	@sh .ci/prepare python

need-demo:
	@sh .ci/prepare demo

need-tests:
	@sh .ci/prepare

# Stamps: the environment is filled again only when pyproject.toml has changed.
$(VENV)/.installed: pyproject.toml | need-python
	@sh tools/venv install .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml | need-python
	@sh tools/venv install '.[dev]'
	@touch $(VENV)/.installed $@
