# Everything happens in .venv in this folder and in the user's cache folder.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check --quiet
INSTALLED := $(VENV)/.installed
INSTALLED_TEST := $(VENV)/.installed-test

# One more than there are processors: tests wait too, for clocks and processes.
WORKERS := $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)

# The tests start Outrider hundreds of times: compiled modules are kept even where the environment says not to.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help image demo test test-real test-long check bench docs lock clean

help:  ## Show the targets.
	@grep -E '^[a-z-]+:.*##' Makefile | sed 's/:.*##/\t/' | expand -t 12

demo: $(INSTALLED)  ## Install what is needed and see a killed service come back.
	@$(BIN)/outrider demo self-healing

test: $(INSTALLED_TEST)  ## Run the tests, those on real servers and processes too.
	@$(BIN)/python -m tests.run

test-real: $(INSTALLED_TEST)  ## Run those of make test that make check does not run.
	@$(BIN)/python -m tests.run --real

test-long: $(INSTALLED_TEST)  ## Run chaos, scale and full-size oracles.
	@$(BIN)/python -m tests.run --long

check: $(INSTALLED_TEST)  ## Format, lint, types, layers and the fast tests.
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/lint-imports --no-logo >/dev/null || $(BIN)/lint-imports
	@MYPYPATH=$$(printf '%s:' plugins/*/) $(BIN)/mypy --num-workers auto
	@$(BIN)/pytest -q -n $(WORKERS) -m "not real and not long" --hypothesis-profile quick

bench: $(INSTALLED_TEST)  ## Run the benchmarks with their rivals and print both.
	@$(BIN)/python -m benchmarks

docs: $(INSTALLED_TEST)  ## Write the generated reference pages again.
	@$(BIN)/python -m docs.generate

lock:  ## Compile the lock files again (needs uv).
	uv pip compile -q pyproject.toml --group build --generate-hashes --universal --no-emit-index-url --no-header --no-annotate --python-version 3.11 -o requirements/base.txt
	uv pip compile -q pyproject.toml --extra http --extra kubernetes --extra memory --extra nats-server --extra otlp --extra packages --extra plugins --extra postgresql --extra sidecar --group build --group test -c requirements/base.txt --generate-hashes --universal --no-header --no-annotate --no-emit-index-url --python-version 3.11 -o requirements/test.txt
	uv pip compile -q pyproject.toml --extra memory --extra otlp --extra postgresql --extra redis --extra sidecar -c requirements/base.txt --generate-hashes --universal --no-header --no-annotate --no-emit-index-url --python-version 3.11 -o requirements/image.txt

image: $(INSTALLED_TEST)  ## Build the container image, as an archive, without a container engine (root, Debian).
	@$(BIN)/python scripts/build_image.py

clean:  ## Remove the environment and everything that was made here.
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .cache examples/*/.outrider
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	@$(PYTHON) scripts/bootstrap.py $(VENV)

$(INSTALLED): requirements/base.txt pyproject.toml $(VENV)/bin/python
	@echo "installing into $(VENV)"
	@$(PIP) install --require-hashes -r requirements/base.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(INSTALLED_TEST): requirements/test.txt $(wildcard tests/peers/*.txt tests/peers/*/package-lock.json tests/peers/helm/*/go.sum) $(INSTALLED)
	@echo "installing what the tests need"
	@$(PIP) install --require-hashes -r requirements/test.txt
	@$(BIN)/python scripts/system_packages.py
	@$(BIN)/python -m tests.peers
	@touch $@
