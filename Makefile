PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := outputs/demo
SOAK ?= 15
SEED ?=

.PHONY: help demo test soak test-browser lint lock benchmark clean
.DEFAULT_GOAL := help

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(VENV)/installed: requirements.lock pyproject.toml
	$(PYTHON) -m venv --clear $(VENV)
	sed -n '/^uv==/,/[^\\]$$/p' requirements.lock >$(VENV)/uv.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $(VENV)/uv.txt
	VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip install --quiet --compile-bytecode --require-hashes -r requirements.lock
	VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	$(BIN)/python -m compileall -q recon
	touch $@

demo: $(VENV)/installed ## verify a generated club, then a copy with planted faults, with all that people look at
	@$(BIN)/recon demo --output $(DEMO)/clean
	@$(BIN)/recon backup create --database $(DEMO)/clean/club.db --backups $(DEMO)/backups
	@$(BIN)/recon backup test --database $(DEMO)/clean/club.db --backups $(DEMO)/backups
	@$(BIN)/recon preflight environment policies backup --bundle $(DEMO)/clean/migration-bundle-2024-01-15 \
	  --database $(DEMO)/clean/club.db --backups $(DEMO)/backups --outputs $(DEMO)
	@$(BIN)/recon run --bundle $(DEMO)/clean/migration-bundle-2024-01-15 --database $(DEMO)/clean/club.db --outputs $(DEMO)
	@$(BIN)/recon demo --output $(DEMO)/faulty --faults typical
	@$(BIN)/recon run --bundle $(DEMO)/faulty/migration-bundle-2024-01-15 --database $(DEMO)/faulty/club.db --outputs $(DEMO); \
	  code=$$?; if [ $$code -ne 1 ]; then echo "expected exit code 1 for the planted faults, got $$code"; exit 1; fi
	@$(BIN)/recon rollback plan --bundle $(DEMO)/faulty/migration-bundle-2024-01-15 --database $(DEMO)/faulty/club.db \
	  --outputs $(DEMO)
	@plan=$$(ls -d $(DEMO)/2*-rollback-run-* | tail -1); \
	  $(BIN)/recon rollback apply $$plan --yes run-20240115-143000 --database $(DEMO)/faulty/club.db && \
	  $(BIN)/recon rollback revert $$plan --yes run-20240115-143000 --database $(DEMO)/faulty/club.db
	@sh docs/examples/rowing/verify.sh $(BIN) $(DEMO) $(DEMO)/rowing
	@sh docs/examples/importer/migrate.sh $(BIN) $(DEMO) $(DEMO)/guided
	@sh docs/examples/importer/migrate.sh $(BIN) $(DEMO) $(DEMO)/guided-faulty lose-batch; \
	  code=$$?; if [ $$code -ne 1 ]; then echo "expected exit code 1 for the importer's fault, got $$code"; exit 1; fi
	@run=$$(ls -d $(DEMO)/2*-????????-????-????-????-???????????? | tail -1); \
	  $(BIN)/recon rollback plan $$run --database $(DEMO)/guided-faulty/club.db --outputs $(DEMO)
	@plan=$$(ls -d $(DEMO)/2*-rollback-????????-* | tail -1); \
	  $(BIN)/recon rollback apply $$plan --yes $${plan##*-rollback-} --database $(DEMO)/guided-faulty/club.db
	@echo
	@echo "The second verdict is FAILED on purpose: its faults were planted. Look at:"
	@echo "  $(DEMO)/site/index.html     the site: the runs of all databases, reports and Data Docs, the preflight, the rollback"
	@echo "  $(DEMO)/2*-run-*/report.html      the executed notebook as a page; report.ipynb is the notebook itself"
	@echo "  $(DEMO)/2*-run-*/                 everything else: verdict as JSON, Markdown, JUnit, charts, snapshot"
	@echo "  $(DEMO)/2*-rollback-run-*/        the plan of the rollback (plan.md), which was applied and reverted"
	@echo "  $(DEMO)/2*-migration-club*/index.html  two guided migrations: one passed, one whose importer lost rows, rolled back"
	@echo "  $(DEMO)/rowing/rowing.db    another application: a rowing club's, verified by docs/examples/rowing/profile.toml"
	@echo "  $(DEMO)/clean, $(DEMO)/faulty   what was verified: bundles and databases; $(DEMO)/backups: the backup"

# More processes than cores: some of them wait for a server, a browser or a limit.
# What chance decides is decided once, so that a change is all that can make a difference.
test: export PYTHONHASHSEED := 0
# Test files are compiled once, not by each process of each run, even where bytecode is not to be kept.
test: export PYTHONDONTWRITEBYTECODE :=
test: $(VENV)/installed ## lint, then every test (brings its own PostgreSQL)
	@$(MAKE) --no-print-directory lint
	$(BIN)/python -m pytest --numprocesses 3 --dist worksteal

soak: $(VENV)/installed ## look for failures: SOAK times the examples, drawn by SEED or anew, and what is long or racing
	@seed=$(SEED); seed=$${seed:-$$($(BIN)/python -c 'import random; print(random.getrandbits(32))')}; \
	again="make soak SOAK=$(SOAK) SEED=$$seed"; echo "to draw the same again: $$again"; \
	RECON_SOAK=$(SOAK) RECON_SEED=$$seed PYTHONHASHSEED=$$seed $(BIN)/python -m pytest --numprocesses 2 --dist worksteal \
	  -m '(hypothesis or rounds or soak) and not benchmark' --hypothesis-seed $$seed \
	|| { code=$$?; echo "to draw the same again: $$again"; exit $$code; }

test-browser: $(VENV)/installed ## open the pages in a real Chromium, which has to be there
	RECON_TEST_BROWSER=required $(BIN)/python -m pytest --numprocesses 2 -m browser tests/browser

lint: $(VENV)/installed ## ruff, mypy, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

benchmark: $(VENV)/installed ## ratios to the bare work; writes docs/performance.md
	RECON_BENCHMARK_TABLE=docs/performance.md $(BIN)/python -m pytest -m benchmark -s tests/benchmarks

lock: $(VENV)/installed ## pin the newest releases that pyproject.toml admits, with the hashes of their files
	VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip compile --quiet --universal --upgrade --generate-hashes --no-emit-index-url --python-version 3.11 --extra dev --extra lab --no-annotate --custom-compile-command "make lock" --output-file requirements.lock pyproject.toml

clean: ## remove what the targets made
	rm -rf $(VENV) $(DEMO) dist build
