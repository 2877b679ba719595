# Begin with `make demo` or `make test`. Both install what they need into .venv, .testbed and a cache folder (OCEANS_LLM_CACHE,
# default ~/.cache/oceans-llm).
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup up demo faults outside outside-compare noise benchmarks operators load open test lint unit chart chart-cluster chart-contour shim standin sanity molecule helm-check helm-template lock down clean clean-cache

help: ## list the targets
	@awk -F ': .*## ' '/^[a-z -]+:.*## / {printf "  make %s\n        %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## install the Python packages and the collection kubernetes.core
	@testbed/python.sh && testbed/collections.sh

up: setup ## create a kind cluster and load the images
	@testbed/up.sh

demo: up ## deploy the gateway to the kind cluster and show its answer
	@testbed/demo.sh

open: ## forward the demo's gateway to http://127.0.0.1:8080 until Ctrl-C
	@testbed/open.sh

test: setup ## run all tests: lint, unit, chart, stand-in, sanity, Molecule, faults of every class
	@testbed/test.sh

lint unit shim chart standin sanity chart-cluster molecule: setup ## run one step of `make test`
	@testbed/test.sh $@

faults: up ## run all faults on kind: print the reported cause, the seconds, and whether the cause is right; run some faults with helm and kubernetes.core.helm, too
	@testbed/with-env.sh python faults/run.py --compare

outside: up ## run faults of other projects: print whether the run names the right cause (docs/accuracy.md)
	@testbed/with-env.sh python faults/run.py --outside --at-once 4

outside-compare: up ## run some of these faults with kubectl, helm and kubernetes.core.helm, too: print which tool names the cause
	@testbed/with-env.sh python faults/run.py --outside --compare only --merge --at-once 4

noise: up ## check for false alarms: replays with delayed or repeated watch events, and healthy rollouts on kind under stress
	@testbed/with-env.sh python faults/noise/run.py --real

load: up ## count failed requests and streams during upgrade, rollback, rotation and drain (docs/reliability.md; about 25 minutes)
	@testbed/tools.sh load
	@testbed/with-env.sh python load/run.py

benchmarks: up ## measure the time until a failure is reported, also with helm --wait and kubernetes.core.helm, and the time of successful runs
	@testbed/with-env.sh python benchmarks/time_to_truth.py --timeout 300
	@testbed/with-env.sh python benchmarks/happy_run.py
	@testbed/with-env.sh python benchmarks/upgrade.py
	@testbed/with-env.sh python benchmarks/text.py

operators: up ## install CloudNativePG and External Secrets Operator in the cluster
	@testbed/operators.sh cloudnativepg external-secrets

chart-contour: setup ## test the HTTPRoute's time limits with a controller that enforces them (builds Contour; not part of `make test`)
	@testbed/test.sh $@

helm-check: setup ## lint the chart, and render it with the default values and every example
	@testbed/test.sh helm-check

helm-template: setup ## print every rendered example
	@testbed/test.sh helm-template

lock: setup ## update requirements.lock from requirements.in
	@testbed/lock.sh

down: ## remove the cluster; the cache stays
	@testbed/cluster.sh down

clean: ## remove the cluster and all files that `make` created in this folder; the cache stays
	@testbed/clean.sh

clean-cache: clean ## do `make clean`, then remove the cache and the images
	@testbed/clean.sh cache
