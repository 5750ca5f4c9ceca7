# Two commands for a newcomer: `make demo` and `make test`. `make check` is what CI runs.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
export UV_FIND_LINKS ?= $(PIP_FIND_LINKS)
# A hub look-up without a network takes 50 s to fail; two torch threads on busy cores are slower than one.
CHECK_ENV := HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false

.PHONY: help install demo graphs test check format format-check lint types imports docs soak clean

help:
	@echo "make demo    install, run the whole job on bundled data, leave a data set and an explorer page in demo/"
	@echo "make test    run the tests"
	@echo "make check   format, lint, types, imports, docs, tests: what CI runs"
	@echo "make soak    the long loops"
	@echo "make graphs  rebuild graphs/ from seed_queries/"

install: $(VENV)/.installed
$(VENV)/.installed: pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: install
	$(BIN)/wildgraph demo -o demo

graphs: install
	$(CHECK_ENV) $(BIN)/python seed_queries/rebuild.py

test: install
	$(CHECK_ENV) $(BIN)/python -m pytest -n 2 --dist loadfile -m "not soak"

check: install format-check lint types imports docs test

format: install
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
format-check: install
	$(BIN)/ruff format --check .
lint: install
	$(BIN)/ruff check .
types: install
	$(BIN)/mypy
imports: install
	$(BIN)/lint-imports
docs: install
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet --site-dir build/site

soak: install
	$(CHECK_ENV) $(BIN)/python -m pytest -m soak

clean:
	rm -rf $(VENV) build dist site demo .mypy_cache .ruff_cache .hypothesis
