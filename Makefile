# The house's commands. `make` alone lists them.
#
# .venv is made from the hash-locked requirements: requirements.lock (what Basira runs on),
# requirements-build.lock (what an editable install needs) and requirements-dev.lock (all of it, and the
# tools). requirements-postgres.lock is PostgreSQL's driver, for an installation. The work is skipped while they are
# unchanged.

PYTHON ?= python3
# More options for pytest, for example: make test PYTEST_FLAGS='-k selection -x'
PYTEST_FLAGS ?=
# Two workers: the suite is written for two cores and some 4 GB.
WORKERS ?= 2

VENV := .venv
BIN := $(VENV)/bin
# Wheels only: building a dependency from source would fetch parts that no lock names.
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
LOCKED := install -qq --require-hashes --only-binary :all:
SHELL := /bin/sh
.DELETE_ON_ERROR:
.NOTPARALLEL:

.PHONY: help assets serve setup setup-dev python system-packages demo test test-quick test-deep test-spark check docs dependencies bench wheel lock clean distclean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/bin/pip ## make .venv with the basira command in it, from the hash-locked requirements
	@# The folder is part of the fingerprint: a .venv that was moved no longer works.
	@fingerprint="$$(echo "$(CURDIR)"; cksum requirements.lock requirements-build.lock pyproject.toml)"; \
	if [ "$$fingerprint" = "$$(cat $(VENV)/setup-stamp 2>/dev/null)" ]; then exit 0; fi; \
	set -e; \
	echo "Installing the requirements into $(VENV) (250 MB, a minute or two the first time) ..."; \
	$(PIP) $(LOCKED) -r requirements.lock -r requirements-build.lock; \
	$(PIP) install --quiet --no-deps --no-build-isolation --no-index --editable .; \
	echo "$$fingerprint" > $(VENV)/setup-stamp; \
	echo "Ready: $(BIN)/basira"

setup-dev: setup ## setup, and the tools of the tests and checks
	@fingerprint="$$(echo "$(CURDIR)"; cksum requirements-dev.lock)"; \
	if [ "$$fingerprint" = "$$(cat $(VENV)/setup-dev-stamp 2>/dev/null)" ]; then exit 0; fi; \
	set -e; \
	echo "Installing the tools into $(VENV) ..."; \
	$(PIP) $(LOCKED) -r requirements-dev.lock; \
	echo "$$fingerprint" > $(VENV)/setup-dev-stamp

# Each file of other projects that the pages load: what npm brings, and its name in the package.
VENDOR := src/basira/web/static/vendor
# Without Node.js the pages can't be served, and all else works: it is said, and no failure.
assets: ## bring the files that the pages load, hash-locked by package-lock.json
	@fingerprint="$$(cksum package.json package-lock.json)"; \
	if [ "$$fingerprint" = "$$(cat $(VENDOR)/stamp 2>/dev/null)" ] && [ -d node_modules/axe-core ]; then exit 0; fi; \
	if ! command -v npm >/dev/null; then \
	  echo "Node.js with npm is absent: no page is served, and its tests are skipped. Debian: apt-get install npm" >&2; exit 0; fi; \
	set -e; \
	echo "Installing the files of the pages (10 MB) ..."; \
	npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null; \
	rm -rf $(VENDOR); mkdir -p $(VENDOR); \
	cp node_modules/bootstrap/dist/css/bootstrap.min.css node_modules/bootstrap/dist/css/bootstrap.rtl.min.css \
	  node_modules/htmx.org/dist/htmx.min.js $(VENDOR); \
	cp node_modules/@fontsource-variable/noto-sans-arabic/files/noto-sans-arabic-arabic-wght-normal.woff2 \
	  $(VENDOR)/noto-sans-arabic.woff2; \
	for name in bootstrap htmx.org @fontsource-variable/noto-sans-arabic; do \
	  cat node_modules/$$name/LICENSE > "$(VENDOR)/$$(basename $$name).LICENSE"; done; \
	echo "$$fingerprint" > $(VENDOR)/stamp

$(VENV)/bin/pip: | python
	@$(PYTHON) -m venv $(VENV) || { \
	  echo "Could not make $(VENV). On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }

python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Basira needs Python 3.11 or later; '$(PYTHON)' is $$({ $(PYTHON) --version || echo absent; } 2>/dev/null | head -n 1)." >&2; \
	  echo "Name another one, for example: make setup PYTHON=python3.12" >&2; exit 1; }

system-packages:
	@# The tests of the pages need Chromium. As root on Debian it is installed; elsewhere it is asked for.
	@if command -v chromium || command -v chromium-browser || command -v google-chrome; then exit 0; fi >/dev/null; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "Installing Chromium for the tests of the pages ..."; \
	  export DEBIAN_FRONTEND=noninteractive; \
	  { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; } </dev/null >/dev/null \
	    || { echo "Chromium could not be installed (see above)." >&2; exit 1; }; \
	else \
	  echo "Chromium is absent: the tests of the pages are skipped. Debian: apt-get install chromium" >&2; \
	fi
	@# The tests of the operational database start a PostgreSQL of their own (tests/support/postgres.py).
	@if ls /usr/lib/postgresql/*/bin/initdb || command -v initdb; then exit 0; fi >/dev/null 2>&1; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "Installing PostgreSQL for the tests of the operational database ..."; \
	  export DEBIAN_FRONTEND=noninteractive; \
	  { apt-get update -qq && apt-get install -y -qq --no-install-recommends postgresql; } </dev/null >/dev/null \
	    || { echo "PostgreSQL could not be installed (see above)." >&2; exit 1; }; \
	else \
	  echo "PostgreSQL is absent: its tests are skipped. Debian: apt-get install postgresql" >&2; \
	fi

	@# The test of the proxy starts nginx with the shipped file (tests/deploy/test_nginx.py).
	@if command -v nginx || [ -x /usr/sbin/nginx ]; then exit 0; fi >/dev/null; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "Installing nginx for the test of the proxy ..."; \
	  export DEBIAN_FRONTEND=noninteractive; \
	  { apt-get update -qq && apt-get install -y -qq --no-install-recommends nginx-light; } </dev/null >/dev/null \
	    || { echo "nginx could not be installed (see above)." >&2; exit 1; }; \
	else \
	  echo "nginx is absent: its test is skipped. Debian: apt-get install nginx-light" >&2; \
	fi

demo: setup assets ## a simulated administration, from declarations to tomorrow's inspection list
	@$(BIN)/basira demo

# On this machine alone: a session's cookie then needs no TLS.
serve: setup assets ## the simulated country up to today, and the service with its pages, until Ctrl-C
	@$(BIN)/basira demo --online --out demo-online
	@echo "Open http://localhost:$(PORT)/ and log in as above. Ctrl-C ends the service."
	@BASIRA_DEVELOPMENT=yes $(BIN)/basira serve --store demo-online/store --policy morocco --port $(PORT) --large-workers 0
PORT ?= 8080

test: setup-dev system-packages assets ## every test
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --durations 10 $(PYTEST_FLAGS) </dev/null

test-quick: setup-dev ## the tests that are not slow
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -m "not slow" $(PYTEST_FLAGS) </dev/null

# The CPU build of PyTorch first: asked for by another package, a CUDA build of several GB would come.
test-deep: setup-dev ## the tests of the laboratory's networks, in .venv-deep with PyTorch (1 GB)
	@test -x $(DEEP)/bin/pip || $(PYTHON) -m venv $(DEEP)
	$(DEEP)/bin/pip install -qq 'torch==2.13.0' $(TORCH_FROM)
	@site="$$($(DEEP)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"; \
	printf '%s\n' "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" "$(CURDIR)/src" > "$$site/beside.pth"
	$(DEEP)/bin/pip install -qq 'pytorch-tabnet>=4.1,<5' 'pandas>=2.3' 'pyod>=3.6,<4'
	OMP_NUM_THREADS=1 $(DEEP)/bin/python -m pytest tests/laboratory tests/contracts -k deep $(PYTEST_FLAGS) </dev/null
DEEP := .venv-deep
# For example: make test-deep TORCH_FROM='--index-url ADDRESS', where PyTorch publishes its CPU builds.
TORCH_FROM ?=

test-spark: setup-dev ## the tests of the second engine, in .venv-spark with Sail and Spark's client (400 MB)
	@test -x $(SPARK)/bin/pip || $(PYTHON) -m venv $(SPARK)
	@site="$$($(SPARK)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"; \
	printf '%s\n' "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" "$(CURDIR)/src" > "$$site/beside.pth"
	$(SPARK)/bin/pip install -qq 'pysail>=0.7,<0.8' 'pyspark-client>=4.2,<5'
	$(SPARK)/bin/python -m pytest tests/contracts/test_engines.py tests/contracts/test_engine_days.py $(PYTEST_FLAGS) </dev/null
SPARK := .venv-spark

check: setup-dev ## style, formatting, types, direction of imports, links and generated pages
	@# Every step runs, so that one look shows all that is wrong.
	@failed=; step() { echo "== $$*"; "$$@" || failed="$$failed $$1"; }; \
	PATH="$(CURDIR)/$(BIN):$$PATH"; \
	step ruff check --output-format concise .; \
	step ruff format --check .; \
	step mypy; \
	step lint-imports --no-cache; \
	step python docs/generate --check; \
	step pytest -q tests/house/test_docs.py tests/house/test_text.py; \
	if [ -n "$$failed" ]; then echo "Failed:$$failed" >&2; exit 1; fi

docs: setup-dev ## write the generated pages anew
	$(BIN)/python docs/generate

dependencies: setup-dev ## write the page of what Basira runs on anew
	$(BIN)/python docs/generate/dependencies_page.py

bench: setup-dev ## the quick variants of the benchmarks
	$(BIN)/python benchmarks/ingest_csv.py --rows 200000
	$(BIN)/python benchmarks/features_scale.py --rows 100000 --memory 1GB
	$(BIN)/python benchmarks/selection_allocate.py 20000 10
	$(BIN)/python benchmarks/selection_record.py 5000

wheel: setup-dev assets ## build the wheel into dist/
	$(BIN)/python -m build --wheel --no-isolation --outdir dist

lock: setup-dev ## resolve the requirements anew, for every platform, with hashes and without addresses
	@$(BIN)/uv --version >/dev/null 2>&1 || $(PIP) install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --group dev --upgrade $(COMPILE) -o requirements-dev.lock
	$(BIN)/uv pip compile pyproject.toml -c requirements-dev.lock $(COMPILE) -o requirements.lock
	$(BIN)/uv pip compile --group build -c requirements-dev.lock $(COMPILE) -o requirements-build.lock
	$(BIN)/uv pip compile --group postgres -c requirements-dev.lock $(COMPILE) -o requirements-postgres.lock
COMPILE := --quiet --generate-hashes --universal --no-header --no-annotate

clean: ## remove what tests, checks and builds leave
	rm -rf dist build out .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find src tests benchmarks docs -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean ## remove .venv and the files of the pages as well
	rm -rf $(VENV) $(DEEP) node_modules $(VENDOR)
