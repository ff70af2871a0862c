# `make run` and `make test` install everything they need. The other targets are listed in CONTRIBUTING.md.

PYTHON ?= $(shell for candidate in python3 python3.13 python3.12 python3.11; do \
	$$candidate -c 'import sys, ensurepip, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null \
	&& { echo $$candidate; break; }; done)
PIP_INSTALL := .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes
# Installs the package `herald` and its command into .venv, as links to these folders.
INSTALL_HERALD := PYTHONWARNINGS=ignore .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
TEST_PROCESSES ?= 2
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: run test lint audit bench setup setup-dev lock vendor clean

run: setup
	@exec python -m herald.shared.launcher

test: setup-dev lint
	node --test tests/client/*.test.js
	pytest -n $(TEST_PROCESSES) --dist worksteal

lint: setup-dev
	node_modules/.bin/tsc
	ruff check
	ruff format --check
	mypy

# Checks the pinned versions for known vulnerabilities, with the databases of PyPI and npm.
audit: setup-dev
	pip-audit --disable-pip --require-hashes -r requirements-embedded.txt
	npm audit --omit=dev

bench: .venv/installed-bench tests/bench/node_modules/installed
	@python -m tests.bench $(SCENES)

setup: .venv/installed

setup-dev: .venv/installed-dev node_modules/installed-dev
	@python -m tests.browser.chromium

.venv/created:
	@test -n "$(PYTHON)" || { echo "Herald needs Python 3.11, 3.12 or 3.13 with its venv module (Debian: apt install python3-venv). Install one, or name its executable: make PYTHON=…" >&2; exit 1; }
	@echo "herald: creating the Python environment .venv"
	@$(PYTHON) -m venv .venv
	@touch $@

.venv/installed: requirements-embedded.txt pyproject.toml | .venv/created
	@echo "herald: installing the Python packages; this may take a minute or two"
	@$(PIP_INSTALL) -r $<
	@$(INSTALL_HERALD)
	@touch $@

.venv/installed-dev: requirements-dev.txt pyproject.toml | .venv/created
	@echo "herald: installing the Python packages for development; this may take a few minutes"
	@$(PIP_INSTALL) -r $<
	@$(INSTALL_HERALD)
	@touch $@ .venv/installed

node_modules/installed-dev: package-lock.json | node
	@echo "herald: installing the JavaScript packages for development"
	@npm ci --silent --ignore-scripts
	@touch $@

.PHONY: node
node:
	@node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' 2>/dev/null || { echo "The tests need Node 20 or newer. Get it from https://nodejs.org" >&2; exit 1; }

.venv/installed-bench: requirements-bench.txt | .venv/created
	@echo "herald: installing the Python packages for the benchmarks"
	@$(PIP_INSTALL) -r $<
	@touch $@

tests/bench/node_modules/installed: tests/bench/package-lock.json
	cd tests/bench && npm ci --silent --ignore-scripts
	@touch $@

# Updates the pinned versions from pyproject.toml and package.json; needs uv on the PATH.
COMPILE := uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --no-strip-extras --prerelease if-necessary-or-explicit
lock:
	$(COMPILE) --extra build --extra gemini pyproject.toml -o requirements.txt
	$(COMPILE) --extra build --extra gemini --extra embedded pyproject.toml -c requirements.txt -o requirements-embedded.txt
	$(COMPILE) --extra build --extra gemini --extra embedded --extra dev pyproject.toml -c requirements-embedded.txt -o requirements-dev.txt
	$(COMPILE) --extra build --extra gemini --extra embedded --extra dev --extra bench pyproject.toml -c requirements-dev.txt -o requirements-bench.txt
	npm install --package-lock-only
	cd tests/bench && npm install --package-lock-only
	$(MAKE) vendor

# Copies the libraries that the pages load from node_modules, with their licences, so that Herald runs without Node.
VENDOR := static/vendor
vendor: node_modules/installed-dev
	cp node_modules/centrifuge/build/index.mjs $(VENDOR)/centrifuge.mjs
	cp node_modules/htm/dist/htm.mjs node_modules/preact/dist/preact.mjs $(VENDOR)
	cp node_modules/preact/compat/dist/compat.mjs node_modules/preact/hooks/dist/hooks.mjs $(VENDOR)
	for name in centrifuge events htm preact; do \
	  node -p 'const library = require("./node_modules/'$$name'/package.json"); `$${library.name} $${library.version}\n`'; \
	  cat node_modules/$$name/LICENSE; echo; \
	done > $(VENDOR)/LICENSES.txt

clean:
	rm -rf .venv node_modules .herald build *.egg-info .mypy_cache .pytest_cache .ruff_cache test-results
