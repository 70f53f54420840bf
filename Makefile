SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# `make up CLUSTER=current` uses the cluster of the current kubeconfig context instead of the devcluster.
CLUSTER ?= devcluster
STACK ?= dev

VENV := .venv/bin
CHECKOV := .venv/checkov/installed
STATE := $(CURDIR)/.state
INSTALLED := .venv/installed
# In two steps, so that a failure of the first stops the recipe.
ENV = environment=$$($(MAKE) -s env CLUSTER=$(CLUSTER) STACK=$(STACK)); eval "$$environment"

.PHONY: help
help: ## Say what there is to make
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.PHONY: up
up: own $(CLUSTER) ## Bring up the stack dev, and all that it stands on
	@$(ENV); \
	pulumi stack select --create $(STACK); \
	pulumi up --stack $(STACK) --yes --refresh; \
	namespace=$$(pulumi stack output --stack $(STACK) namespace); \
	kubectl get nodes; \
	kubectl get pods --namespace "$$namespace" --output wide; \
	kubectl exec --namespace "$$namespace" consul-0 -- consul members

.PHONY: down
down: $(INSTALLED) ## Destroy the stack dev, and the devcluster with it
	@$(ENV); \
	if [ $(CLUSTER) = devcluster ]; then export PULUMI_K8S_DELETE_UNREACHABLE=true; fi; \
	if pulumi stack --stack $(STACK) >/dev/null 2>&1; then pulumi destroy --stack $(STACK) --yes --skip-preview; fi
	@if [ $(CLUSTER) = devcluster ]; then $(VENV)/devcluster down; fi

.PHONY: env
env: own $(INSTALLED) ## Print what sets a shell: eval "$$(make -s env)"
	@mkdir -p -m 700 $(STATE)
	@$(VENV)/toolchain env
	@echo 'export PATH="$(CURDIR)/$(VENV):$$PATH"'
	@if [ $(CLUSTER) = devcluster ]; then $(VENV)/devcluster env; fi
	@if [ $(STACK) = dev ]; then \
		echo 'export PULUMI_BACKEND_URL="$${PULUMI_BACKEND_URL:-file://$(STATE)}"'; \
		echo 'export PULUMI_CONFIG_PASSPHRASE="$${PULUMI_CONFIG_PASSPHRASE-development}"'; \
	fi

.PHONY: preview
preview: engine ## Preview the stack STACK under the policies, no cluster needed; COMMENT=FILE writes it as Markdown
	@# Where the shell has no backend, any will do: dev's.
	@environment=$$($(MAKE) -s env CLUSTER=current STACK=dev); eval "$$environment"; \
	$(VENV)/python -m tools.preview $(STACK) $(if $(COMMENT),--comment "$(COMMENT)")

.PHONY: test
test: lint tools checkers ## Run all tests, end-to-end included
	$(VENV)/pytest tests/unit
	$(VENV)/pytest tests/preview
	@# The devcluster's own limits are seconds: its tests run with nothing beside them.
	$(VENV)/pytest tests/e2e/test_devcluster.py
	@# Where the cluster is broken every further test would wait for it in vain.
	$(VENV)/pytest tests/e2e --ignore=tests/e2e/test_devcluster.py --maxfail=5

.PHONY: lint
lint: $(INSTALLED) ## Check style and types
	$(VENV)/ruff check
	$(VENV)/ruff format --check
	$(VENV)/pyright

.PHONY: bench
bench: tools checkers ## Measure, and print the README's table
	$(VENV)/python -m tools.bench

# What the main job stands on.

.PHONY: own
own:
	@[ $(STACK) = dev ] \
		|| [[ "$${PULUMI_BACKEND_URL-}" != "file://$(STATE)" && "$${PULUMI_CONFIG_PASSPHRASE-}" != development ]] \
		|| { echo "The stack $(STACK) needs a backend and a passphrase, or secrets provider, of its own: those that this shell" \
			"has from \`make env\` are for dev alone. Take another shell; the README's Production says more." >&2; exit 1; }

.PHONY: packages
packages: $(INSTALLED)

.PHONY: tools
tools: $(INSTALLED)
	@$(VENV)/toolchain build

.PHONY: checkers
checkers: $(INSTALLED) $(CHECKOV)
	@$(VENV)/toolchain build checkers languages

.PHONY: engine
engine: $(INSTALLED) ## Build Pulumi, where you have none
	@$(VENV)/toolchain build engine

.PHONY: devcluster
devcluster: tools
	@$(VENV)/devcluster up
	@$(VENV)/devcluster load-image "$$($(VENV)/toolchain consul-image)"

.PHONY: current
current: engine
	@echo "Using the cluster of the current kubeconfig context."

$(INSTALLED): requirements.txt pyproject.toml
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed as python3: install it, for example with apt-get install python3 python3-venv" >&2; exit 1; }
	@# All of it on standard error: `make -s env` prints for a shell.
	@echo "Installing the Python packages …" >&2
	@python3 -m venv .venv
	@$(VENV)/pip install --require-hashes --requirement requirements.txt >&2
	@$(VENV)/pip install --quiet --no-deps --no-build-isolation --editable . >&2
	@touch $@

# Apart, since it wants other versions of what the project uses.
$(CHECKOV): tests/support/checkov-requirements.txt | $(INSTALLED)
	@echo "Installing checkov …" >&2
	@python3 -m venv .venv/checkov
	@.venv/checkov/bin/pip install --quiet --require-hashes --requirement $<
	@touch $@
