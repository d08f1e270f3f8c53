# `make lab` and `make test` are all that is needed; everything they install goes into .venv.
#   PYTHON=python3.12   the interpreter the environment is made with
#   LAB_ARGS=...        passed on to JupyterLab, for instance LAB_ARGS=--no-browser

PYTHON ?= python3
LAB_ARGS ?=
VENV ?= .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/.installed

# Public data files that lie beside the repository are used from there instead of being downloaded.
# HEPNB_PUBLIC_TESTS=no leaves their tests out.
ifneq ($(HEPNB_PUBLIC_TESTS),no)
ifneq ($(wildcard ../shared/data),)
export HEPNB_DATA_DIR ?= $(abspath ../shared/data)
endif
endif
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help lab test lint docs fuzz bench bench-browser bench-accelerator clean

help:
	@echo "make lab            JupyterLab on notebooks/00-start.ipynb (LAB_ARGS=--no-browser to only serve it)"
	@echo "make test           linters, types, layers and every test, those in a browser included"
	@echo "make test-public    only the tests of public files (published numbers, foreign files)"
	@echo "make smoke          install, import, a fit and a few tests: PYTHON=python3.13 VENV=.venv-smoke"
	@echo "make lint           linters, types and layers alone"
	@echo "make docs           the documentation site, into docs/_build/html"
	@echo "make fuzz           random input on every public surface (FUZZ_ARGS='--tries 500 --seed 3')"
	@echo "make bench          speed of the core against pyhf, of events against a loop over uproot, of unbinned fits against iminuit"
	@echo "make bench-accelerator  toys a second on the device that JAX finds, beside the numpy core"
	@echo "make bench-browser  slider to pixel, measured in a JupyterLab page"
	@echo "make clean          remove the environment and everything that was built"

lab: $(STAMPS)/lab
	$(BIN)/hepnb lab notebooks/00-start.ipynb $(LAB_ARGS)

test: $(STAMPS)/test
	@tools/test.sh $(BIN)

test-public: $(STAMPS)/test
	@tools/test.sh $(BIN) public

# A handful of tests of every layer, on another Python.
smoke: $(STAMPS)/test
	$(BIN)/hepnb --version
	HEPNB_PUBLIC_TESTS=no $(BIN)/pytest -q -p no:cacheprovider tests/contracts/test_import.py tests/events/test_trees.py \
	    tests/events/language/test_vectors.py tests/workspace/test_simple.py tests/fits/test_minuit.py tests/limits/test_interval.py \
	    tests/widgets/test_fit_panel.py tests/datasets/test_generate.py

lint: $(STAMPS)/test
	@tools/lint.sh $(BIN)

docs: $(STAMPS)/docs
	$(BIN)/python -m sphinx -b html -W --keep-going docs docs/_build/html

fuzz: $(STAMPS)/test
	$(BIN)/python tests/fuzz/fuzzing.py $(FUZZ_ARGS)

bench: $(STAMPS)/bench
	$(BIN)/python tests/benchmarks/bench_core.py
	$(BIN)/python tests/benchmarks/bench_events.py
	$(BIN)/python tests/benchmarks/bench_fits.py

bench-accelerator: $(STAMPS)/bench
	$(BIN)/python tests/benchmarks/bench_accelerator.py

bench-browser: $(STAMPS)/bench
	@tools/chromium.sh >/dev/null
	$(BIN)/python tests/benchmarks/bench_browser.py

# One stamp for each extra: installed once, and again when what is installed by copy changes.
$(STAMPS)/%: pyproject.toml $(wildcard etc/jupyter/*/*.json) | $(BIN)/python
	@echo "Installing hepnb[$*] into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --editable '.[$*]'
	@mkdir -p $(STAMPS) && touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "hepnb needs Python 3.11 or newer, and $(PYTHON) is " + sys.version.split()[0] + ": make PYTHON=python3.12 ...")'
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

clean:
	rm -rf $(VENV) .venv-smoke build dist docs/_build docs/tutorials docs/reference/generated hepnb-demo .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .jupyter-local tests/browser/output
	find hepnb tests tools -name __pycache__ -type d -prune -exec rm -rf {} +
