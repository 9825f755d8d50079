# `make demo` and `make test` set up all they need in .venv/ and run; `make help` lists the rest.

SHELL := /bin/bash
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

# A Python 3.11 or 3.12 with the venv module; choose another with `make PYTHON=/path/to/python3.12 demo`.
PYTHON ?= $(shell for python in python3.12 python3.11 python3 python; do \
	$$python -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' 2>/dev/null \
	&& echo $$python && break; done)
LOCK := envs/locks/dev.txt
READY := .venv/ready
# One thread for each test process: two of them with as many threads as cores each would only wait for each other.
TEST := OMP_NUM_THREADS=1 PATH="$(CURDIR)/.venv/bin:$$PATH" .venv/bin/python -m pytest

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

$(READY): $(LOCK) pyproject.toml
	@test -n "$(PYTHON)" || { echo "No Python 3.11 or 3.12 with venv found."; \
	  echo "  next:    install one (Debian, Ubuntu: apt install python3-venv), or: make PYTHON=/path/to/python3.12 demo"; \
	  exit 1; }
	@test -x .venv/bin/python || { echo "Making .venv with $(PYTHON)"; $(PYTHON) -m venv .venv; }
	@echo "Installing $(LOCK) into .venv (once; up to some minutes)"
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check "$$(grep '^uv==' $(LOCK))"
	@VIRTUAL_ENV="$(CURDIR)/.venv" .venv/bin/uv pip install --quiet --requirement $(LOCK)
	@VIRTUAL_ENV="$(CURDIR)/.venv" .venv/bin/uv pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

setup: $(READY) ## everything that the other targets need, in .venv/

demo: $(READY) ## simulated cells, a few methods, and the report, in minutes on two cores
	@PATH="$(CURDIR)/.venv/bin:$$PATH" snakemake --cores all --configfile config/demo.yaml --quiet rules host \
	  --rerun-incomplete --show-failed-logs --report results/demo/report.html --report-after-run
	@echo; echo "The report: $(CURDIR)/results/demo/report.html"

# SLURM's jobs wait more than they work, so the workflow's tests run beside them and give way.
test: $(READY) ## all tests, the quick ones first
	@failed=0; slurm_said=$$(mktemp); \
	$(TEST) tests/unit tests/contract -n 2 --dist loadfile || failed=1; \
	$(TEST) tests/slurm > $$slurm_said 2>&1 & slurm=$$!; trap "kill $$slurm 2>/dev/null; rm -f $$slurm_said" EXIT; \
	nice env $(TEST) tests/workflow -n 2 --dist loadfile || failed=1; \
	wait $$slurm || failed=1; cat $$slurm_said; \
	exit $$failed

lint: $(READY) ## style of Python and Snakemake files
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/snakefmt --check Snakefile workflow

lock: $(READY) ## solve the pins again after a change of pyproject.toml; `make lock UPGRADE=1` for newer versions
	@PATH="$(CURDIR)/.venv/bin:$$PATH" .venv/bin/python envs/make.py $(if $(UPGRADE),--upgrade)

clean: ## asks, then deletes .venv, caches and the demo; keeps downloads and all other results
	@echo "Deletes: .venv, results/demo, caches of Python and of tests."
	@echo "Keeps:   resources (downloads, prepared data, checkpoints), all other results, .snakemake (what ran, for reruns)."
	@read -r -p "Delete? [y/N] " answer && test "$$answer" = y || { echo "Nothing deleted."; exit 1; }
	@rm -rf .venv results/demo .pytest_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -not -path './.snakemake/*' -prune -exec rm -rf {} +
	@echo "Deleted."

.PHONY: help setup demo test lint lock clean
