# `make` prints what there is. PYTHON chooses the interpreter: make up PYTHON=python3.12
PYTHON ?= python3
BIN := .venv/bin
.DEFAULT_GOAL := help
.PHONY: help up compose rebuild-index test e2e chaos take-over bench contracts lint fmt lock clean

help: ## This list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

up: ## Run Dateline here, without Docker; Ctrl-C stops it
	@deploy/environment.sh local $(PYTHON)
	@exec $(BIN)/python -m deploy.local

compose: ## Run Dateline in containers
	docker compose up --build

rebuild-index: ## Make the search index of a running Dateline anew
	@./dateline rebuild-index $(ARGS)

test: ## All tests; ARGS goes to pytest: make test ARGS='tests/unit -k inbox'
	@deploy/environment.sh dev $(PYTHON)
	@$(BIN)/python -m pytest $(ARGS)

e2e: ## The tests that drive the containers
	@deploy/environment.sh dev $(PYTHON)
	@$(BIN)/python -m pytest tests/e2e $(ARGS)

chaos: ## Break everything while documents flow, and count: make chaos ARGS='--kills 200 --documents 20000'
	@deploy/environment.sh dev $(PYTHON)
	@$(BIN)/python -m tests.chaos.run $(ARGS)

take-over: ## How soon a killed worker's messages are worked on again
	@deploy/environment.sh dev $(PYTHON)
	@$(BIN)/python -m tests.chaos.take_over $(ARGS)

bench: ## How fast it is, beside what this machine does without it: make bench ARGS='--figures drop close'
	@deploy/environment.sh dev $(PYTHON)
	@$(BIN)/python -m benchmarks.fetcher $(ARGS)

contracts: ## Write the JSON Schemas of all messages
	@deploy/environment.sh dev $(PYTHON)
	@$(BIN)/python -m shared.contracts.schemas

lint: ## Style, types, and which module may import which
	@deploy/environment.sh dev $(PYTHON)
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy --strict
	@$(BIN)/lint-imports

fmt: ## Format the code
	@deploy/environment.sh dev $(PYTHON)
	@$(BIN)/ruff check --fix --silent; $(BIN)/ruff format

lock: ## Compile the locks again; newer versions: make lock ARGS=--upgrade
	@deploy/environment.sh dev $(PYTHON)
	@deploy/lock.sh $(BIN)/uv $(ARGS)

clean: ## Remove the environment and caches; ./data and ./inbox stay
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find benchmarks cli deploy services shared tests -name __pycache__ -type d -prune -exec rm -rf {} +
