# What a person does with this project; CI calls the same targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help demo test check fmt serve bench performance clean
help: ## Show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 13

demo: $(VENV)/.installed ## Ingest a real corpus, ask it, measure it
	@$(BIN)/python -m service.installed
	@$(BIN)/assay demo

test: $(VENV)/.dev ## Run the tests
	@$(BIN)/python -m pytest

check: $(VENV)/.dev ## Lint, formatting and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

fmt: $(VENV)/.dev ## Format and mend what can be mended
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

serve: $(VENV)/.installed ## Answer /query on http://127.0.0.1:8080
	@$(BIN)/assay serve

bench: $(VENV)/.installed ## Measure quality, published figures beside ours (real data: ASSAY_BENCH_DATA=folder)
	@$(BIN)/assay bench suite

performance: $(VENV)/.installed ## Measure speed and memory (real data: ASSAY_BENCH_DATA=folder)
	@$(BIN)/python -m eval.performance $(if $(ASSAY_BENCH_DATA),--data $(ASSAY_BENCH_DATA)/scifact)

clean: ## Remove the environment and the demo's data
	rm -rf $(VENV) .assay

$(VENV)/.installed: pyproject.toml constraints.txt
	@echo "Installing into $(VENV) (some minutes the first time) ..."
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 ...")'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet -c constraints.txt -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.installed
	@$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	@touch $@
