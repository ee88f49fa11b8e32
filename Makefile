# `make` lists the targets. Each gets what it needs by itself: uv, the locked venv, JDK 17, Maven, the jars.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PY := .venv/bin/python
RUN := .venv/bin
CODE := api connectors infra jobs models schemas tests
# the fast tiers share the cores: contract, first, needs no compiled kernels, or one worker would compile what the other just compiles;
# those that start servers leave a third of two cores idle, so they run side by side, each with its own
FAST := contract unit property
TIERS := $(FAST) integration e2e

# what a call may set; where nothing stands, the command itself knows best
TIER ?= $(TIERS)
SERVED = $(addprefix test-,$(filter-out $(FAST),$(TIER)))
DATA ?=
SPEED ?=
LEADS ?=
EXIT ?=
FLINK ?=
OUT ?=
SETS ?= $(or $(TEST_DATA),../shared/data)
SERVICE ?=
SECONDS ?= 600

.PHONY: $(SERVED) help up down status logs demo check fix test evaluate bench fuzz storm jobstorm venv tools clients

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

venv:
	@infra/stack/bootstrap.sh venv

tools:
	@infra/stack/bootstrap.sh all

clients:
	@infra/stack/bootstrap.sh clients

up: tools  ## start Kafka, the registry and Cassandra; topics, schemas, tables (FLINK=1: a Flink cluster too)
	@$(PY) -m infra up $(if $(FLINK),--flink)

down: venv  ## stop what `up` started, by pid; data stay in .run
	@$(PY) -m infra down

status: venv  ## what runs, where, with how much memory
	@$(PY) -m infra status

logs: venv  ## the end of the servers' logs (SERVICE=kafka: of one)
	@$(PY) -m infra logs $(SERVICE)

demo: tools  ## all jobs, the API and a stream of events (DATA=path/manifest.toml: a real data set; SPEED=1000x; EXIT=1: do not stay)
	@$(PY) -m infra demo $(if $(DATA),--data "$(DATA)") $(if $(LEADS),--leads "$(LEADS)") $(if $(SPEED),--speed "$(SPEED)") $(if $(EXIT),--exit)

check: venv  ## format, lint, types, import contracts, declared dependencies
	$(RUN)/ruff format --check $(CODE)
	$(RUN)/ruff check $(CODE)
	$(RUN)/mypy
	$(RUN)/lint-imports
	$(RUN)/deptry .

fix: venv  ## format, and mend what lint can mend
	$(RUN)/ruff format $(CODE)
	$(RUN)/ruff check --fix $(CODE)

test: tools $(if $(filter integration,$(TIER)),clients) check  ## check, then every tier of tests (TIER=unit: one)
	$(if $(filter $(FAST),$(TIER)),$(PY) -m pytest -n logical --dist worksteal $(addprefix tests/,$(filter $(FAST),$(TIER))) $(if $(filter unit,$(TIER)),--doctest-modules schemas models))
	$(if $(SERVED),$(MAKE) --no-print-directory --jobs=2 $(SERVED))

# pytest takes the shell's place: SIGTERM must reach it. A `make` that a test runs is none of ours, or it would do two things at once too.
$(SERVED):
	unset MAKEFLAGS MFLAGS; exec $(PY) -m pytest tests/$(@:test-%=%) > >(trap '' INT TERM; exec sed --unbuffered 's|^|$(@:test-%=%): |') 2>&1

evaluate: venv  ## the development sets, beside baselines; fails below a floor (SETS=folder; OUT=figures.json: for programs)
	@if [ -d "$(SETS)" ]; then \
	    $(PY) -m models evaluate $(foreach set,bpic2012 bank_marketing x_education,"$(SETS)/$(set)/manifest.toml") --floors tests/floors.toml $(if $(OUT),--json "$(OUT)"); \
	else \
	    echo "skipped: no data sets in $(SETS); point SETS at their folder"; \
	fi

fuzz: venv  ## every parser of senders' bytes under a coverage-guided fuzzer (SECONDS=3600: of all together)
	@.tools/uv/bin/uv sync --frozen --no-install-project --inexact --quiet --group fuzz
	nice -n 19 $(PY) -m tests.fuzz --seconds "$(SECONDS)"

storm: venv  ## 100,000 scores at a CRM with every fault at once, the pusher killed twice
	$(PY) -m tests.storm

jobstorm: tools  ## the same for the job on a cluster, in real time, the job killed twice
	@$(PY) -m tests.job_storm

bench: tools  ## throughput and latency, compared (OUT=bench.json: figures for programs)
	$(PY) -m tests.bench $(if $(OUT),--out "$(OUT)")
