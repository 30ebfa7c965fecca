# `make run` and `make test` are all that a newcomer needs. What they make stays in this folder (.venv, .tools,
# node_modules); the system's Python is only asked for a virtual environment.

SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin

# The first Python that is new enough; choose another with `make PYTHON=python3.12 test` in a clean clone.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$python" && break; done)

# An installed environment is remembered under the hash of what describes it, so that a changed dependency installs.
DESCRIBED := $(shell cat pyproject.toml client/pyproject.toml | sha256sum | cut -c1-12)
RUNTIME := $(VENV)/.runtime-$(DESCRIBED)
with = $(VENV)/.with-$(1)-$(DESCRIBED)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test demo check docs bench clean

help: ## show this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' Makefile | expand -t 12

run: $(RUNTIME) ## start the sidecar; ARGS='--set section.key=value' are handed on
	@exec $(BIN)/pannierd serve --welcome $(ARGS)

test: $(call with,dev) ## install what the tests need, then run every check and every test
	@tests/install
	@tests/check

demo: $(RUNTIME) ## run a real application with and without the sidecar, and compare
	@exec $(BIN)/python examples/demo $(ARGS)

check: $(call with,dev) ## format, lint, types and layers, without the tests
	@tests/check static

docs: $(call with,dev) ## write the reference pages from the code
	@$(BIN)/python docs/generate

bench: $(call with,dev) ## run every load test of loadtests/ and print both sides
	@tests/install
	@PATH="$(CURDIR)/$(BIN):$(CURDIR)/.tools/bin:$$PATH" python loadtests $(ARGS)

clean: ## remove everything that the other targets made
	rm -rf $(VENV) .tools build dist client/dist .hypothesis
	find . \( -name __pycache__ -o -name '.*_cache' -o -name node_modules \) -prune -exec rm -rf {} +

$(BIN)/pip:
	@test -n "$(PYTHON)" || { echo 'Pannier needs Python 3.11 or later: install it, or name it with PYTHON=...'; exit 1; }
	@tests/install venv "$(PYTHON)"
	@echo "Making $(VENV) with $$($(PYTHON) --version)"
	@"$(PYTHON)" -m venv $(VENV)

$(RUNTIME): | $(BIN)/pip
	@echo 'Installing pannierd and pannier into $(VENV)'
	@rm -f $(VENV)/.runtime-* $(VENV)/.with-*
	@$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	@$(BIN)/python -m pip install --quiet --editable . --editable ./client
	@touch $@

$(VENV)/.with-%-$(DESCRIBED): $(RUNTIME)
	@echo 'Installing the packages of the group "$*" into $(VENV)'
	@$(BIN)/python -m pip install --quiet --group $*
	@touch $@
