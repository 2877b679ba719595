# Two commands: `make demo` and `make test`. Everything they need they set up themselves, in .venv, .testbed and a cache
# folder (OCEANS_LLM_CACHE, else ~/.cache/oceans-llm).
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup up demo faults outside noise benchmarks operators load open test lint unit chart chart-cluster shim standin sanity molecule helm-check helm-template lock down clean clean-cache

help: ## list the targets
	@awk -F ': .*## ' '/^[a-z -]+:.*## / {printf "  make %s\n        %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Python packages and kubernetes.core
	@testbed/python.sh && testbed/collections.sh

up: setup ## a kind cluster with the images in it
	@testbed/up.sh

demo: up ## deploy for real and show the gateway's answer
	@testbed/demo.sh

open: ## the demo's gateway on http://127.0.0.1:8080 until Ctrl-C
	@testbed/open.sh

test: setup ## everything: lint, unit, chart, stand-in, sanity, Molecule, faults of every class
	@testbed/test.sh

lint unit shim chart standin sanity chart-cluster molecule: setup ## one step of `make test`
	@testbed/test.sh $@

faults: up ## the whole fault catalogue on kind: what was said, how soon, whether it was true; and what helm and kubernetes.core.helm say of some
	@testbed/with-env.sh python faults/run.py --compare

outside: up ## faults that nobody here invented: is the cause named, beside kubectl, helm and kubernetes.core.helm (docs/accuracy.md)
	@testbed/with-env.sh python faults/run.py --outside --compare --at-once 5

noise: up ## healthy rollouts told badly (replays) and under stress (kind): no alarm without a fire
	@testbed/with-env.sh python faults/noise/run.py --real

load: up ## requests and streams through upgrade, rollback, rotation, drain: how many fail (docs/reliability.md; about 25 minutes)
	@testbed/tools.sh load
	@testbed/with-env.sh python load/run.py

benchmarks: up ## time to truth beside helm --wait and kubernetes.core.helm; what a good run costs, and a run with nothing to do
	@testbed/with-env.sh python benchmarks/time_to_truth.py --timeout 300
	@testbed/with-env.sh python benchmarks/happy_run.py
	@testbed/with-env.sh python benchmarks/upgrade.py
	@testbed/with-env.sh python benchmarks/text.py

operators: up ## CloudNativePG and External Secrets in the cluster
	@testbed/operators.sh cloudnativepg external-secrets

helm-check: setup ## lint the chart and render the default and every example
	@testbed/test.sh helm-check

helm-template: setup ## print every rendered example
	@testbed/test.sh helm-template

lock: setup ## work out requirements.lock again from requirements.in
	@testbed/lock.sh

down: ## remove the cluster, keep what was built
	@testbed/cluster.sh down

clean: ## remove the cluster and what the project made in this folder; the build cache stays
	@testbed/clean.sh

clean-cache: clean ## remove the build cache and the images too
	@testbed/clean.sh cache
