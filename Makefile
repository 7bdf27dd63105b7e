# On a fresh machine: `make quickstart` and `make test`. Everything is installed into .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
INSTALL := $(PIP) install --quiet --constraint constraints.txt

.PHONY: help quickstart test slow rtx mutants lint format wheel clean

help:  ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

quickstart: $(VENV)/.installed  ## install, then run all steps on this machine (under 3 minutes)
	$(BIN)/sis-edge quickstart

# Three at once on two cores: many tests wait for most of their time.
test: $(VENV)/.installed-test  ## install with the test extras and run the everyday tests
	$(BIN)/pytest --numprocesses 3

slow: $(VENV)/.installed-test  ## the long tests: real data, whole command lines, wheels in empty environments
	$(BIN)/pytest -m slow --numprocesses 3 --dist loadfile --no-loadscope-reorder --timeout 1500

rtx: $(VENV)/.installed-test $(VENV)/.installed-rtx  ## real engines by TensorRT for RTX, without a GPU
	$(BIN)/pytest -m rtx

mutants: $(VENV)/.installed-test  ## put known one-line faults into a copy of the tree: the tests must find each
	$(BIN)/python tests/mutants/run.py

lint: $(VENV)/.installed-lint  ## format check, ruff, mypy strict
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(VENV)/.installed-lint  ## format, and fix what ruff can fix
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

wheel: $(VENV)/.installed-test  ## build the wheel and the source archive into dist/
	$(BIN)/python -m build

clean:  ## remove the environment and what was built
	rm -rf $(VENV) dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "sis-edge needs Python 3.11 or newer, $(PYTHON) is older; run: make PYTHON=/path/to/python3.11 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

# torch first, and alone: on a machine without an NVIDIA GPU a CPU build, not gigabytes of CUDA. pip takes one where
# its configured sources have it; else uv knows where the CPU builds are.
$(VENV)/.torch: $(VENV)/.python constraints.txt
	@if command -v nvidia-smi >/dev/null 2>&1 || $(PIP) install --dry-run --no-deps --constraint constraints.txt torch \
	    | grep -Eq 'torch-[0-9.]+\+cpu|already satisfied'; then \
	  echo "installing torch with pip"; $(INSTALL) torch; \
	else \
	  echo "installing torch's CPU build with uv"; $(INSTALL) uv && \
	  $(BIN)/python -m uv pip install --quiet --python $(BIN)/python --torch-backend cpu --constraint constraints.txt torch; \
	fi
	@touch $@

$(VENV)/.installed: $(VENV)/.torch pyproject.toml constraints.txt
	@echo "installing sis-edge"
	@$(INSTALL) --editable .
	@touch $@

$(VENV)/.installed-%: $(VENV)/.installed
	@echo "installing the extra '$*'"
	@$(INSTALL) --editable '.[$*]'
	@touch $@
