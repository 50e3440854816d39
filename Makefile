# The two commands that the README names, and those that developers use.

SHELL := bash
TOOLS  = PATH="$$(.ci/install-tools):$$PATH"
RIGX   = ../../bin/rigx --nixpkgs host

.PHONY: demo test build site lint bench differential fuzz vsix vsix-platforms e2e release self clean

# Installs what is missing, builds rigx, builds and tests the example with the
# compilers of this machine, and runs a result.
demo: build
	export $(TOOLS) && cd testdata/example && $(RIGX) build && $(RIGX) test && ./output/hello-release/bin/hello Ada

# Passes all tests. A part that a test needs and does not find is a failure. Most
# scripts wait for Nix, containers and machines, so that more run than there are processors.
test:
	export $(TOOLS) RIGX_TEST_REQUIRE=nix,nvim,emacs,vim,zsh,fish,direnv,clangd,gopls,podman,tshark,chromium,userns,netns,qemu-system-x86_64,cpio,busybox,kernel,/usr/lib/systemd/systemd,mandoc,cmake,cargo && \
	go vet ./... && \
	for os in darwin windows; do GOOS=$$os go build ./... || exit 1; done && \
	go test -race -timeout 20m -parallel 4 ./...

build:
	CGO_ENABLED=0 go build -trimpath -o bin/ ./cmd/...

# The manual as web pages in bin/site, and as man pages in bin/man.
site: build
	rm -rf bin/site bin/man
	bin/rigx man --json | go run ./docs/site bin/site
	bin/rigx man bin/man

# The extension of VS Code, from npm alone: editors/vscode/rigx.vsix.
vsix:
	cd editors/vscode && npm ci --no-fund --no-audit && npm run package

# The same for each platform, with rigx and rigx-ls inside.
vsix-platforms:
	cd editors/vscode && npm ci --no-fund --no-audit && npm run platforms

# Drives the extension in a real VS Code, with real builds, and with what goes wrong. CODE_SERVER is a
# directory with node_modules/code-server and node_modules/playwright-core; the
# pictures are left in bin/e2e.
e2e: build vsix
	export $(TOOLS) && cd editors/vscode && node test/e2e.mjs ../../bin ../../bin/e2e && node test/trouble.mjs ../../bin ../../bin/e2e

# Archives, packages and checksums of a release in dist/; nothing is uploaded.
release:
	rm -rf dist
	export $(TOOLS) && go run ./packaging/release -o dist

# rigx builds itself with the compilers of this machine, and what it built tests
# itself.
self: build
	export $(TOOLS) && bin/rigx --nixpkgs host build && output/rigx/bin/rigx --nixpkgs host test unit

lint:
	test -z "$$(gofmt -l .)"
	go vet ./...
	go run honnef.co/go/tools/cmd/staticcheck@latest ./...
	go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@latest run

# Speed beside the Python tool, which is installed from PyPI for it.
bench: build
	export $(TOOLS) RIGX_BENCH_SERVERS="$$(.ci/bench-peer --servers)" && go test -run '^$$' -bench . -benchmem ./...
	export $(TOOLS) && .ci/bench-peer
	export $(TOOLS) && .ci/bench-build
	export $(TOOLS) && .ci/bench-testbed

# The same projects through the Python tool and rigx, as black boxes.
differential: build
	export $(TOOLS) && .ci/differential 300 --report bin/differential.json

# Ten minutes for each fuzz target.
fuzz:
	.ci/fuzz 10m

clean:
	rm -rf bin dist testdata/example/output
