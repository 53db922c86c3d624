# One command for each thing a person does here. What they do stands in dev/; they set up what they
# need first, and a second start does nothing twice.

SETUP := dev/python -m dev.setup
PYTHON_HERE := .venv/bin/python

.DEFAULT_GOAL := help
.PHONY: help run stop test check lint format lock messages bench screenshots clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile

# No shell between make and the program: Ctrl-C is for the program, and it ends with a calm line.
run: ## Set up and start the panel with a simulated Proxmox and demo data
	@$(SETUP) --of 8 --then dev.run

stop: ## Stop the panel that `make run` started, and whatever it left behind
	@if [ -x $(PYTHON_HERE) ]; then $(PYTHON_HERE) -m dev.stop; else echo "Nothing is set up here, so nothing runs."; fi

test: ## Lint, import ladder, types, migrations, all tests, a real browser
	@$(SETUP) --dev --then dev.test

check: ## The same without the browser
	@$(SETUP) --dev --then "dev.test --without browser"

lint: ## Lint, import ladder and types alone
	@$(SETUP) --dev --then "dev.test --only lint"

format: ## Rewrite the code in the project's format
	@$(SETUP) --dev
	@$(PYTHON_HERE) -m ruff check --fix-only --quiet .
	@$(PYTHON_HERE) -m ruff format .

lock: ## Pin anew what requirements*.in and package.json ask for
	@$(SETUP) --dev --then dev.lock

messages: ## Find what there is to translate, and compile what is translated
	@$(SETUP) --dev --then dev.messages

bench: ## Measure a cycle, the pages and the live updates
	@$(SETUP) --dev --then bench

screenshots: ## Take the pictures of the documentation
	@$(SETUP) --dev --then dev.screenshots

clean: ## Remove what the set-up made; the data in var/ stays
	@rm -rf .venv node_modules static/vendor .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
