# Everything that a contributor types. It needs make and Python 3.11 or newer, and makes its own
# .venv; `make PYTHON=/path/to/python3.12 …` chooses another Python.

UV_VERSION := 0.13.9
RUN := .venv/bin/python -m
STAMP := .venv/.synced

# What uv must not take from its surroundings: another environment, another Python, an index.
export UV_PROJECT_ENVIRONMENT := .venv
export UV_PYTHON_DOWNLOADS := never
export UV_LINK_MODE := copy
# A company's own certificate authority is in the machine's list, where there is one.
ifneq ($(wildcard /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt),)
export UV_SYSTEM_CERTS := 1
endif
unexport VIRTUAL_ENV
unexport PYTHONHOME
unexport PYTHONPATH

CANDIDATES := python3 python3.14 python3.13 python3.12 python3.11
VERSION_CHECK := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))

.DEFAULT_GOAL := help
.PHONY: help demo test simulate faults check bench fix docs lock clean

help: ## the list of recipes that you are reading
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r name text; do \
		printf '  make %-7s %s\n' "$$name" "$$text"; done

demo: $(STAMP) ## the whole story on a throwaway PostgreSQL: plan, back up, lose rows, restore, prove
	@$(RUN) orchestrator demo $(ARGS)

test: $(STAMP) ## every test; ARGS="tests/unit -k slots" for some of them
	@$(RUN) pytest --numprocesses 2 --dist worksteal $(ARGS)

simulate: $(STAMP) ## a thousand policy-years of faults, and the hunt for planted bugs; ARGS="--seed 7" for one story
	@.venv/bin/python -m tests.simulation.runner $(ARGS)

faults: $(STAMP) ## every fault campaign in full size, one line each, for hours; ARGS="frozen kill" for some
	@.venv/bin/python -m tests.faults.campaigns $(ARGS)

check: $(STAMP) ## what must be clean: lint, format, types, layers, generated pages
	@$(RUN) ruff check .
	@$(RUN) ruff format --check .
	@$(RUN) mypy
	@.venv/bin/lint-imports
	@.venv/bin/python docs/generate_errors.py --check
	@.venv/bin/python docs/generate_cli.py --check

bench: $(STAMP) ## the benchmarks; each prints its figures as ratios of one run on this machine
	@set -e; found=; for script in benchmarks/*.py; do \
		[ -e "$$script" ] || continue; found=yes; echo "== $$script"; .venv/bin/python "$$script"; done; \
	[ -n "$$found" ] || { echo 'benchmarks/ has no script' >&2; exit 1; }

fix: $(STAMP) ## repairs what ruff can repair by itself, and formats
	@$(RUN) ruff check --fix . ; $(RUN) ruff format .

docs: $(STAMP) ## writes the pages that are generated from the code
	@.venv/bin/python docs/generate_errors.py
	@.venv/bin/python docs/generate_cli.py

lock: $(STAMP) ## resolves the dependencies again into uv.lock, whatever the machine is set up to use
	@env -u UV_INDEX -u UV_DEFAULT_INDEX -u UV_INDEX_URL .venv/bin/uv lock --no-config

clean: ## removes what these recipes made, never a backup
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# Not for people: the environment, made anew only when the lock file or pyproject.toml changed.
$(STAMP): uv.lock pyproject.toml
	@if ! .venv/bin/python -c '$(VERSION_CHECK)' 2>/dev/null; then \
		for python in $(if $(PYTHON),"$(PYTHON)",$(CANDIDATES)); do \
			if "$$python" -c '$(VERSION_CHECK)' 2>/dev/null; then break; fi; python=; done; \
		if [ -z "$$python" ]; then \
			echo 'No Python 3.11 or newer with venv and ensurepip among: $(if $(PYTHON),$(PYTHON),$(CANDIDATES)).' >&2; \
			echo 'Install one (Debian and Ubuntu: apt install python3 python3-venv) or name it: make PYTHON=/path/to/python3' >&2; \
			exit 1; fi; \
		echo "Making .venv with $$("$$python" --version)" >&2; \
		"$$python" -m venv --clear .venv; fi
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check 'uv==$(UV_VERSION)'
	@.venv/bin/uv sync --quiet --frozen --all-extras
	@touch $(STAMP)
