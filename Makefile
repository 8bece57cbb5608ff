# Countersign's recipes: `make help` lists them.

PYTHON ?= python3
BY ?= mei
BIN := .venv/bin
MANAGE := $(BIN)/python manage.py
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --require-hashes
COMPILE := CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile --quiet --generate-hashes \
	--strip-extras --allow-unsafe --no-emit-options --no-emit-index-url --no-emit-trusted-host \
	--no-emit-find-links

.DEFAULT_GOAL := help
.PHONY: help run test accessibility reqs run-server run-worker run-site sample-workflow approve-workflow \
	reject-workflow policy-denied-workflow schedule-workflow bench screenshots lint format lock audit clean

help: ## Show what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-24s %s\n", $$1, $$2 }' Makefile

run: .venv/runtime ## Run everything on http://127.0.0.1:8000 (PORT=…), until Ctrl-C
	@exec $(MANAGE) run

test: .venv/dev ## Run all tests, after installing what they need
	@tests/system
	COUNTERSIGN_TEST_DB=postgresql $(BIN)/pytest -q -n auto -m postgresql
	$(BIN)/pytest -q -n auto tests/browser
	$(BIN)/pytest -q -n auto --ignore tests/browser

accessibility: .venv/dev ## Look at every page with axe, at 320 px, in forced colours
	$(BIN)/pytest -q tests/browser/test_accessibility.py

reqs: .venv/dev ## Install the pinned dependencies, tools for development included

run-server: .venv/runtime ## Run only Temporal
	@exec $(MANAGE) temporal

run-worker: .venv/runtime ## Run only a worker
	@exec $(MANAGE) worker

run-site: .venv/runtime ## Run only the site
	@$(MANAGE) migrate --verbosity 0 && $(MANAGE) keys --verbosity 0 \
		&& $(MANAGE) collectstatic --no-input --verbosity 0
	@exec $(BIN)/gunicorn -c gunicorn.conf.py orchestrator.wsgi

sample-workflow: .venv/runtime ## Start a workflow that waits for an approval
	@$(MANAGE) start "Send the weekly report"

# Values reach the shell as environment variables, so that quotes in a comment do no harm.
approve-workflow: export ASKED_ID = $(ID)
approve-workflow: export ASKED_COMMENT = $(COMMENT)
approve-workflow: .venv/runtime ## Approve as a demo reviewer: ID=… (asked for) [COMMENT=…] [BY=mei]
	@id="$$ASKED_ID"; [ -n "$$id" ] || { printf 'Workflow ID: '; read -r id; }; \
		$(MANAGE) approve "$$id" --as $(BY) $${ASKED_COMMENT:+--comment "$$ASKED_COMMENT"}

reject-workflow: export ASKED_ID = $(ID)
reject-workflow: export ASKED_COMMENT = $(COMMENT)
reject-workflow: .venv/runtime ## Reject as a demo reviewer: ID=… COMMENT=… (asked for) [BY=mei]
	@id="$$ASKED_ID"; [ -n "$$id" ] || { printf 'Workflow ID: '; read -r id; }; \
		comment="$$ASKED_COMMENT"; [ -n "$$comment" ] || { printf 'Why: '; read -r comment; }; \
		$(MANAGE) reject "$$id" --as $(BY) --comment "$$comment"

policy-denied-workflow: .venv/runtime ## Start a workflow that the policy refuses
	@$(MANAGE) start "forbidden: delete all customers"

schedule-workflow: .venv/runtime ## Start a workflow every 15 seconds
	@$(MANAGE) schedule create sample --every 15s "Check the invoices"

bench: .venv/dev ## Measure how fast a click becomes an effect
	@$(BIN)/python -m bench

screenshots: .venv/dev ## Picture every page in build/screenshots/, and the README's inbox
	@$(BIN)/python -m tests.screenshots $(ONLY)

lint: .venv/dev ## Check style, types, templates and migrations
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .
	find templates -name '*.html' -exec $(BIN)/djade --check --target-version 5.2 {} +
	$(MANAGE) makemigrations --check --dry-run

format: .venv/dev ## Put code and templates into the house style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	-find templates -name '*.html' -exec $(BIN)/djade --target-version 5.2 {} +

lock: .venv/dev ## Pin the newest allowed versions (UPGRADE=1 looks for newer ones)
	$(COMPILE) $(if $(UPGRADE),--upgrade) -o requirements.txt requirements.in
	$(COMPILE) $(if $(UPGRADE),--upgrade) -o requirements-dev.txt requirements-dev.in

audit: .venv/dev ## Look for known weaknesses in the pinned dependencies
	$(BIN)/pip-audit --require-hashes --disable-pip -r requirements-dev.txt

clean: ## Remove the virtual environment and caches; var/ stays
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("Countersign needs Python 3.11 or later, and this is " \
		+ sys.version.split()[0] + ": make PYTHON=python3.11 …" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv

# Stamps: dependencies are installed again only when their list has changed.
.venv/runtime: requirements.txt | .venv/bin/python
	@echo "Installing the dependencies …"
	@[ .venv/dev -nt requirements.txt ] || $(PIP) -r requirements.txt
	@touch $@

.venv/dev: requirements-dev.txt | .venv/bin/python
	@echo "Installing the dependencies for development …"
	@$(PIP) -r requirements-dev.txt
	@touch $@
