SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
# The recipes build and start things in the order of their prerequisites.
.NOTPARALLEL:

# `make up CLUSTER=current` uses the cluster of the current kubeconfig context instead of the devcluster.
CLUSTER ?= devcluster
STACK ?= dev

VENV := .venv/bin
STATE := $(CURDIR)/.state
INSTALLED := .venv/installed
INSTALLED_FOR_TOOLS := .venv/installed-for-tools
INSTALLED_FOR_TESTS := .venv/installed-for-tests
RESULTS := $(STATE)/test-results
# Every package is listed with its hashes, so pip need not look for dependencies.
PINNED := --no-deps --require-hashes
OWN_CLUSTER = $(if $(filter current,$(CLUSTER)),--own-cluster)
# How often `make soak` causes each fault.
RUNS ?= 3
# End-to-end tests that measure gaps between writes of less than a second.
ALONE := faults.py certificates.py rotation.py
# Tests of one file share what its fixtures bring up.
IN_PARALLEL := --numprocesses=2 --dist=loadfile
# In two steps, so that a failure of the first stops the recipe.
ENV = environment=$$($(MAKE) -s env CLUSTER=$(CLUSTER) STACK=$(STACK)); eval "$$environment"

.PHONY: help
help: ## List these targets
	@sed -nE -e 's/^##@ (.*)/\n\1/p' -e 's/^([a-z]+):.*## (.*)/  \1\t\2/p' $(MAKEFILE_LIST) | sed 's/\$$\$$/$$/' | expand -t 14

##@ Run

.PHONY: up
up: QUIET := --quiet
up: own doctor $(CLUSTER) ## Bring up the stack dev on a local Kubernetes; CLUSTER=current uses your own
	@$(ENV); \
	pulumi stack select --create $(STACK); \
	if [ $(CLUSTER)/$(STACK) = devcluster/dev ]; then \
		grep -qE "ingressPort: \"?$$DEVCLUSTER_HTTPS_PORT\\b" Pulumi.dev.yaml \
			|| pulumi config set --stack dev ingressPort "$$DEVCLUSTER_HTTPS_PORT"; \
	fi; \
	pulumi up --stack $(STACK) --yes; \
	outputs=$$(pulumi stack output --stack $(STACK) --shell); eval "$$outputs"; \
	kubectl get nodes; \
	kubectl get pods --namespace "$$namespace" --output wide; \
	kubectl exec --namespace "$$namespace" consul-0 -- consul members; \
	[ -z "$${uiUrl-}" ] || echo "The web UI: $$uiUrl (its CA: pulumi stack output caCertificate --stack $(STACK))"; \
	if [[ $(STACK) = dev && $${managementToken-} ]]; then \
		echo "Set up the shell for pulumi and kubectl:"; \
		echo '    eval "$$(make -s env$(if $(OWN_CLUSTER), CLUSTER=current))"'; \
		echo "Then get the token to log in with, store a value, and change a setting:"; \
		echo "    pulumi stack output managementToken --show-secrets --stack dev"; \
		echo "    kubectl -n $$namespace exec consul-0 -- consul kv put -token-file /consul/acl/management-token hello world"; \
		echo "    pulumi config set clientReplicas 5 --stack dev && pulumi up --stack dev"; \
	fi

.PHONY: down
down: $(INSTALLED) ## Destroy the stack dev and the local Kubernetes
	@: "Without a state there is no stack: a first make up was stopped, perhaps before Pulumi was built."; \
	if [[ $(CLUSTER)/$(STACK) = devcluster/dev && -z "$${PULUMI_BACKEND_URL-}" && ! -e $(STATE)/.pulumi ]]; then exit; fi; \
	$(ENV); \
	if [ $(CLUSTER)/$(STACK) = devcluster/dev ]; then export PULUMI_K8S_DELETE_UNREACHABLE=true; fi; \
	if error=$$(pulumi stack --stack $(STACK) 2>&1 >/dev/null); then pulumi destroy --stack $(STACK) --yes --skip-preview --refresh=false; \
	elif [[ $(STACK) != dev || $$error != *"no stack named"* ]]; then echo "$$error" >&2; exit 1; fi
	@if [ $(CLUSTER)/$(STACK) = devcluster/dev ]; then $(VENV)/devcluster down; fi

.PHONY: env
env: own $(INSTALLED) ## Print the shell settings for pulumi and kubectl: eval "$$(make -s env)"
	@mkdir -p -m 700 $(STATE)
	@$(VENV)/toolchain env
	@echo 'export PATH="$(CURDIR)/$(VENV):$$PATH"'
	@if [ $(CLUSTER) = devcluster ]; then $(VENV)/devcluster env; fi
	@if [ $(STACK) = dev ]; then \
		echo 'export PULUMI_BACKEND_URL="$${PULUMI_BACKEND_URL:-file://$(STATE)}"'; \
		echo 'export PULUMI_CONFIG_PASSPHRASE="$${PULUMI_CONFIG_PASSPHRASE-development}"'; \
	fi

.PHONY: preview
preview: engine ## Preview the stack STACK under the policy pack, without a cluster; COMMENT=FILE writes Markdown
	@# Where the shell has no backend, any will do: dev's.
	@environment=$$($(MAKE) -s env CLUSTER=current STACK=dev); eval "$$environment"; \
	$(VENV)/python -m tools.preview $(STACK) $(if $(COMMENT),--comment "$(COMMENT)")

##@ Develop

.PHONY: unit
unit: $(INSTALLED_FOR_TESTS) ## Run the unit tests: they need the Python packages only
	@$(VENV)/python -m pytest --quiet $(IN_PARALLEL) tests/unit

.PHONY: test
test: lint tools checkers ## Run all tests, end-to-end included, and list the ten slowest
	@rm -rf $(RESULTS); \
	trap '$(VENV)/python -m tests.support.slowest $(RESULTS)/*.xml' EXIT; \
	run() { echo "pytest $$*"; $(VENV)/python -m pytest --junitxml="$(RESULTS)/$$1.xml" "$${@:2}"; }; \
	run unit tests/unit $(IN_PARALLEL); \
	run repo tests/repo; \
	run preview tests/preview $(IN_PARALLEL); \
	: "The limits of the devcluster's own tests are seconds, so nothing runs beside them."; \
	run devcluster tests/e2e/test_devcluster.py; \
	run faults $(addprefix tests/e2e/test_,$(ALONE)) -m "not soak" --maxfail=5; \
	: "Most tests wait most of the time, so two clusters share the machine. In a broken one every test would wait in vain."; \
	run e2e tests/e2e -m "not soak" $(IN_PARALLEL) --maxfail=5 \
		$(addprefix --ignore=tests/e2e/test_,devcluster.py $(ALONE))

.PHONY: soak
soak: tools checkers ## Cause every fault under load RUNS times (3), print the longest gaps, and run the tests that take minutes
	@$(VENV)/python -m pytest --timeout=3600 --soak=$(RUNS) tests/e2e/test_faults.py
	@$(VENV)/python -m pytest --timeout=3600 -m soak tests/e2e

.PHONY: lint
lint: $(INSTALLED_FOR_TESTS) ## Check style, types and generated files
	$(VENV)/ruff check
	$(VENV)/ruff format --check
	$(VENV)/pyright
	$(VENV)/python -m components.reference --check

.PHONY: docs
docs: $(INSTALLED) ## Generate the reference pages and Pulumi.yaml's settings
	@$(VENV)/python -m components.reference

.PHONY: bench
bench: tools checkers ## Measure, and print the table of docs/benchmarks.md
	$(VENV)/python -m tools.bench

##@ Prepare

.PHONY: own
own:
	@[ $(STACK) = dev ] \
		|| [[ "$${PULUMI_BACKEND_URL-}" != "file://$(STATE)" && "$${PULUMI_CONFIG_PASSPHRASE-}" != development ]] \
		|| { echo "The stack $(STACK) needs its own backend and its own passphrase or secrets provider: those that this shell" \
			"has from \`make env\` are for dev only. Use another shell; see docs/production.md." >&2; exit 1; }

.PHONY: doctor
doctor: python ## Show what this machine has and lacks for `make up`
	@python3 -m tools.doctor $(QUIET) $(OWN_CLUSTER)

.PHONY: python
python:
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed as python3: install it, for example with apt-get install python3 python3-venv" >&2; exit 1; }

.PHONY: packages
packages: $(INSTALLED_FOR_TESTS) ## Install the Python packages, those for tests included

.PHONY: tools
tools: $(INSTALLED) ## Build Pulumi and the local Kubernetes
	@$(VENV)/toolchain build

.PHONY: checkers
checkers: $(INSTALLED_FOR_TESTS) ## Build what only tests need
	@$(VENV)/toolchain build checkers languages

.PHONY: engine
engine: $(INSTALLED) ## Build Pulumi and its providers, where no pulumi is installed
	@$(VENV)/toolchain build engine

# Beside the build, the remaining Python packages are installed, and the local Kubernetes starts as soon as its parts are
# built. In variables, because `make -n` would run lines with the variable MAKE in them.
BUILD = $(VENV)/python -m tools.toolchain.cli build --install "$(MAKE) -s $(INSTALLED)"
START = --start "$(MAKE) -s started"

.PHONY: devcluster
devcluster: $(INSTALLED_FOR_TOOLS)
	@$(BUILD) $(START)

.PHONY: started
started: $(INSTALLED_FOR_TOOLS)
	@$(VENV)/python -m tools.devcluster.cli up --image "$$($(VENV)/python -m tools.toolchain.cli consul-image)"

.PHONY: current
current: $(INSTALLED_FOR_TOOLS)
	@$(BUILD) engine
	@echo "Using the cluster of the current kubeconfig context."

$(INSTALLED_FOR_TOOLS): tools/requirements.txt | python
	@# All of it on standard error: `make -s env` prints for a shell.
	@echo "Installing the Python packages …" >&2
	@python3 -m venv .venv
	@$(VENV)/pip install --quiet $(PINNED) --requirement tools/requirements.txt >&2
	@touch $@

$(INSTALLED): requirements.txt pyproject.toml | $(INSTALLED_FOR_TOOLS)
	@$(VENV)/pip install --progress-bar off $(PINNED) --requirement requirements.txt >&2
	@$(VENV)/pip install --quiet --no-deps --no-build-isolation --editable . >&2
	@touch $@

$(INSTALLED_FOR_TESTS): tests/requirements.txt $(INSTALLED)
	@echo "Installing the Python packages that tests need …" >&2
	@$(VENV)/pip install $(PINNED) --requirement tests/requirements.txt >&2
	@touch $@
