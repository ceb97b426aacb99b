# Each target works from a fresh clone on Debian 12 with Rust, Node and root (or sudo); what else it needs is
# installed when it is missing, and said. `make` alone lists the targets.
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help run dev test format lint unit races torture torture-long journeys bench bench-mqtt size shots

help:
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

run: ## build in release and start on http://127.0.0.1:3000 with the demo shop
	@scripts/install.sh run
	cargo xtask serve --release

dev: ## build in debug and start; build and start again when a file changes
	@scripts/install.sh dev
	cargo xtask dev

test: format lint unit torture journeys ## everything that must hold before a change lands

format: ## are all files formatted?
	@scripts/install.sh dev
	cargo fmt --all --check

lint: ## clippy on the server's side, on the browser's, and on the build itself
	@scripts/install.sh dev
	cargo clippy --all-targets -- -D warnings
	cargo clippy --package frontend --target wasm32-unknown-unknown -- -D warnings
	cargo clippy --package app --no-default-features --features hydrate --target wasm32-unknown-unknown -- -D warnings
	cargo clippy --package xtask --all-targets -- -D warnings

unit: ## all Rust tests, on SQLite and on PostgreSQL
	@scripts/install.sh unit
	cargo test --package xtask
	cargo test

races: ## every race of the suite fifty times, on both databases
	@scripts/install.sh unit
	ORDERLY_RACES=50 cargo test --package backend --test it -- races at_once fifty_scans model::

torture: ## two minutes of breaking a real shop while people buy; the same seed every time
	@scripts/install.sh unit
	@# A seed whose plan has everything in it, also in so short a time.
	cargo xtask torture --seed 19 --kills 30 --minutes 0.75
	cargo xtask torture --seed 19 --kills 30 --minutes 0.75 --database postgres

torture-long: ## 300 kills on each database, with the binary as it ships; SEED=n for another plan
	@scripts/install.sh unit
	cargo xtask torture --release --seed $(or $(SEED),1) --kills 300
	cargo xtask torture --release --seed $(or $(SEED),1) --kills 300 --database postgres

journeys: ## whole journeys in Chromium, against the release build
	@scripts/install.sh journeys
	npm run --silent --prefix end2end check
	cargo xtask journeys

bench: ## speed and size of the release build, with the figures to reach
	@scripts/install.sh bench
	cargo xtask bench

bench-mqtt: ## what the MQTT gateway bears beside Mosquitto, with the figures to reach; and ten million packets of nonsense
	@scripts/install.sh unit
	cargo xtask mqtt-load
	cargo xtask mqtt-fuzz

size: ## size of the browser code; fails above the budget
	@scripts/install.sh run
	cargo xtask size

shots: ## photographs of every page, in both colour schemes, into end2end/shots; and the README's picture
	@scripts/install.sh shots
	cargo xtask shots
