# On a fresh machine: `make quickstart` and `make test`. Everything is installed into .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
LOCKED := --no-deps --no-build-isolation --require-hashes --requirement
UV := $(BIN)/python -m uv --quiet pip install --python $(BIN)/python
# uv takes seconds where pip takes minutes. It does not read pip's settings: where it reaches no index, pip installs.
install = $(UV) --link-mode copy $(LOCKED) $(1) || \
  { echo "uv could not, so pip installs them" >&2; $(PIP) install --quiet $(LOCKED) $(1); }

# More at once than there are cores: many tests wait for most of their time, most of all those of every day. A file's
# tests stay together, and so do their fixtures; the order is that of tests/conftest.py, the longest first.
BESIDE := --dist loadfile --no-loadscope-reorder --numprocesses

# What builds container images; podman takes the same commands.
DOCKER ?= docker

# A machine may ask Python to keep nothing that it has compiled: then each of the processes that tests start would
# compile anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help quickstart test slow rtx long shuffled coverage booted-board faults mutants lint format docs lock wheel audit sbom image ci clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

quickstart: $(VENV)/.installed  ## install, then run all steps on this machine (under 3 minutes)
	$(BIN)/sis-edge quickstart

test: $(VENV)/.installed-test  ## install with the test extras and run the everyday tests
	$(BIN)/pytest $(BESIDE) 4

slow: $(VENV)/.installed-test  ## the long tests: real data, whole command lines, wheels in empty environments
	$(BIN)/pytest -m slow $(BESIDE) 3

rtx: $(VENV)/.installed-test $(VENV)/.installed-rtx  ## real engines by TensorRT for RTX, without a GPU
	$(BIN)/pytest -m rtx

long: $(VENV)/.installed-test $(VENV)/.installed-rtx  ## slow and rtx in one run, so that no core waits: as CI does
	$(BIN)/pytest -m 'slow or rtx' $(UNTIL:%=--begin-until %) $(BESIDE) 4

SEED ?= 1
shuffled: $(VENV)/.installed-test  ## the everyday tests in a random order, four processes: make shuffled SEED=7
	$(BIN)/pytest --shuffle $(SEED) $(BESIDE) 4

coverage: $(VENV)/.installed-test  ## branches that the everyday tests go through, in all processes; fails below 90%
	rm -f .coverage .coverage.*
	$(BIN)/coverage run -m pytest $(BESIDE) 3
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

faults: $(VENV)/.installed-test  ## every fault of a link, a board or a host that is tested, as a table
	$(BIN)/pytest -m 'fault and not booted' $(BESIDE) 3

booted-board: $(VENV)/.installed-test  ## an arm64 Debian that boots under qemu-system: power cut, link pulled (minutes)
	nice $(BIN)/pytest -m booted tests/booted

mutants: $(VENV)/.installed-test  ## put known one-line faults into a copy of the tree: the tests must find each
	$(BIN)/python tests/mutants/run.py

lint: $(VENV)/.installed-lint  ## format check, ruff, mypy strict; Dockerfiles, shell, the hosted workflow
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/hadolint Dockerfile Dockerfile.ci
	$(BIN)/shellcheck .ci/run
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/ci.yml
	$(BIN)/zizmor --quiet --offline .github/workflows
	$(BIN)/mypy

format: $(VENV)/.installed-lint  ## format, and fix what ruff can fix
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(VENV)/.installed-docs  ## build the documentation into site/, strictly
	$(BIN)/python docs/make.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build

lock: $(VENV)/.uv  ## resolve packages: requirements/*.txt, by constraints.txt; UPGRADE=--upgrade: newer ones
	$(BIN)/python requirements/lock.py $(UPGRADE)

# The time of all files in them is that of the last commit; in an unpacked source archive that of its files.
wheel: $(VENV)/.installed-test  ## build the wheel and the source archive into dist/, the same bytes for the same commit
	SOURCE_DATE_EPOCH=$${SOURCE_DATE_EPOCH:-$$(stat -c %Y PKG-INFO 2>/dev/null || git log -1 --format=%ct)} \
	  $(BIN)/python -m build --no-isolation

audit: $(VENV)/.tools-release  ## known vulnerabilities of all packages; asks a service on the internet
	$(BIN)/python requirements/audit.py $(AUDIT)

sbom: $(VENV)/.tools-release  ## software bill of materials (CycloneDX) into dist/
	$(BIN)/python requirements/sbom.py dist

image:  ## container image of sis-edge with every extra but rtx, by Docker or DOCKER=podman
	$(DOCKER) build --tag sis-edge .

# Tests make network namespaces, small disks and emulated boards of their own: hence privileged.
ci:  ## .ci/run in a container of its own, as the hosted workflow does; the folder's own .venv is not touched
	$(DOCKER) build --file Dockerfile.ci --tag sis-edge-ci .
	$(DOCKER) run --rm --init --privileged --shm-size 2g --sysctl net.ipv6.conf.all.disable_ipv6=0 \
	  --volume "$(CURDIR):/src" --volume /src/.venv sis-edge-ci

clean:  ## remove the environment and what was built
	rm -rf $(VENV) dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "sis-edge needs Python 3.11 or newer, $(PYTHON) is older; run: make PYTHON=/path/to/python3.11 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.uv: $(VENV)/.python requirements/uv.txt
	@$(PIP) install --quiet $(LOCKED) requirements/uv.txt
	@touch $@

# Every package by exact version and SHA-256, but torch: requirements/lock.py says why.
$(VENV)/.locked: $(VENV)/.uv requirements/base.txt
	@echo "installing what sis-edge needs, checked by hash"
	@$(call install,requirements/base.txt)
	@touch $@

# torch alone, by version: on a machine without an NVIDIA GPU a CPU build, not gigabytes of CUDA. pip takes one where
# its configured sources have it; else uv knows where the CPU builds are. What else torch needs is there by now.
$(VENV)/.torch: $(VENV)/.locked constraints.txt
	@if command -v nvidia-smi >/dev/null 2>&1 || $(PIP) install --dry-run --no-deps --constraint constraints.txt torch \
	    | grep -E 'torch-[0-9.]+\+cpu|already satisfied' >/dev/null; then \
	  echo "installing torch with pip"; $(PIP) install --quiet --constraint constraints.txt torch; \
	else \
	  echo "installing torch's CPU build with uv"; $(UV) --torch-backend cpu --constraint constraints.txt torch; \
	fi
	@touch $@

$(VENV)/.installed: $(VENV)/.torch pyproject.toml
	@echo "installing sis-edge"
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.installed-%: $(VENV)/.installed requirements/%.txt
	@echo "installing what '$*' needs, checked by hash"
	@$(call install,requirements/$*.txt)
	@touch $@

# Tests run with every extra.
$(VENV)/.installed-test: $(VENV)/.installed-all

# Tools that do without torch, and without sis-edge itself.
$(VENV)/.tools-%: $(VENV)/.locked requirements/%.txt
	@echo "installing what '$*' needs, checked by hash"
	@$(call install,requirements/$*.txt)
	@touch $@
