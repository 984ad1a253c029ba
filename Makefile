# One command per need; each installs first what it lacks. `make` lists them.
#
# Needs python3 (3.11 or later), make and git. uv comes from PATH, or goes into .tools/ of this folder.
# ARGS passes further arguments on:  make test ARGS="tests/unit -k nir"   make reset ARGS=--yes

PYTHON ?= python3
UV_VERSION := 0.13.9
UV := $(or $(shell command -v uv 2>/dev/null),.tools/uv/bin/uv)
INSTALLED := .venv/.installed
RUN := .venv/bin/python -m
ARGS ?=
# With `make test PROCESSES=3` each process runs whole files of tests, on a stack of its own: sooner, but on two
# cores so much at once may be slower than a time-out that a test judges by (`@pytest.mark.alone` keeps one from that).
PROCESSES ?= 1
TEST_PROCESSES := $(if $(filter-out 1,$(PROCESSES)),--numprocesses=$(PROCESSES) --dist=loadfile --no-loadscope-reorder)

# Modules are compiled once, and not anew by each of the processes that a stack is made of.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help up down reset test torture check protos bench install

help: ## List these commands
	@echo "make COMMAND [ARGS=...]"
	@echo
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: $(INSTALLED) ## Start the whole suite on this machine, with demo data; Ctrl-C stops it
	@$(RUN) deploy.local up $(ARGS)

down: $(INSTALLED) ## Stop a suite that runs in another terminal
	@$(RUN) deploy.local down $(ARGS)

reset: $(INSTALLED) ## Stop it and remove its data (asks first; ARGS=--yes does not)
	@$(RUN) deploy.local reset $(ARGS)

test: $(INSTALLED) ## Run the tests, on a stack of their own (ARGS goes to pytest)
	@$(RUN) tools.browser --install
	@$(RUN) pytest $(TEST_PROCESSES) $(ARGS)

torture: $(INSTALLED) ## Kill parts while clients act, and judge every answer (ARGS goes to the long run)
	@$(RUN) tests.torture $(ARGS)
	@$(RUN) tests.torture --mutants

check: $(INSTALLED) ## Run every check that CI and pre-commit run (ARGS: names of checks)
	@$(RUN) tools.check $(ARGS)

protos: $(INSTALLED) ## Generate the Python code and the OpenAPI document of protos/
	@$(RUN) tools.protos generate
	@$(RUN) tools.openapi generate

bench: $(INSTALLED) ## Measure speed (ARGS: which bench, and its options; ARGS=--help lists them)
	@$(RUN) bench $(ARGS)

install: $(INSTALLED) ## Install what the other commands need, and nothing else
	@echo "make: .venv holds the packages of uv.lock"

$(INSTALLED): pyproject.toml uv.lock | $(UV)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo \
		"make: $(PYTHON) must be Python 3.11 or later; name another one: make PYTHON=python3.13 ..." >&2; exit 1; }
	@echo "make: installing the packages of uv.lock into .venv (about 600 MB; cached for the next time)"
	@UV_PYTHON_DOWNLOADS=never $(UV) sync --frozen --compile-bytecode --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" \
		$$(test -t 2 || echo --quiet)
	@touch $@

.tools/uv/bin/uv:
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo \
		"make: $(PYTHON) cannot make virtual environments. Install its venv module (Debian: apt-get" \
		"install python3-venv), or install uv: https://docs.astral.sh/uv/" >&2; exit 1; }
	@echo "make: uv is not on PATH; installing uv $(UV_VERSION) into .tools/uv"
	@$(PYTHON) -m venv .tools/uv
	@.tools/uv/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
