# The two commands to know: make demo, make test.

.PHONY: demo test race siege soak hashes newcomer package e2e gitea screenshots \
	recording speed bench pgo lint build release size fuzz site

GO ?= go

demo: ## a working login on http://localhost:8080, in front of a sample app; GATEPOST_LISTEN=localhost:8090 elsewhere
	@GO=$(GO) exec scripts/demo

build:
	$(GO) build -trimpath -o bin/gatepost ./cmd/gatepost

VERSION ?= dev
release: ## what people install, in dist; VERSION=v1.2.3 names it, RELEASE_KEY=FILE signs it
	GO=$(GO) scripts/release $(VERSION)

size: ## how large the program is, and with debug symbols; fails if either is 3 % larger than the sizes in scripts/size.last
	GO=$(GO) scripts/size

# A program with the race detector sleeps for a second when it ends, in which others may still report something.
export GORACE = atexit_sleep_ms=50

SIEGE = ^TestNobodyClosesTheGateForOthers$$
# Without symbols for debuggers, linking takes half the time; traces of panics need none.
TESTS = $(GO) test -ldflags="-s -w" -shuffle=on -parallel 8 -timeout 30m -skip '$(SIEGE)'

# WATCHED=true has those gates of acceptance that get concurrent requests run with the race detector, as CI does. The
# tests there are their clients, in processes of their own, which it would only slow down.
test: ## every case that needs no browser
	@scripts/need postgresql compiler hashes curl openssl
	@echo "==> Testing: seven minutes on two cores. Each package has its line when it ends; acceptance takes most of it."
	CGO_ENABLED=1 scripts/tell $(TESTS) -p 2 ./...

# The race detector makes what hashes passwords, where these tests spend most of their time, four times slower, and its
# goroutines share nothing with ours.
SLOW = golang.org/x/crypto/argon2 golang.org/x/crypto/blowfish golang.org/x/crypto/scrypt github.com/go-crypt/x/...
RACE = -race $(SLOW:%=-gcflags=%=-race=false)

# One package at a time: with the race detector each has enough to do for all cores, and what hashes gets only what
# others leave. Meanwhile the next is compiled and linked; the time in its line includes its wait for its turn.
TURNS = $(if $(shell command -v flock),-p 2 -exec 'flock -o $(CURDIR)/Makefile',-p 1)

race: ## the same cases with the race detector, but those of acceptance: see WATCHED
	@scripts/need postgresql compiler hashes
	@echo "==> Testing with the race detector: ten minutes on two cores. auth takes most of it."
	CGO_ENABLED=1 scripts/tell $(TESTS) $(RACE) $(TURNS) $$($(GO) list ./... | grep -v '/acceptance$$')

siege: ## each kind of hostile client for some seconds, beside ordinary visitors who must be served; alone on the machine
	@scripts/need postgresql
	@echo "==> Hostile clients: three minutes, on the whole machine."
	scripts/tell $(GO) test -count=1 -timeout 30m -run '$(SIEGE)' ./acceptance

DURATION ?= 2m
soak: ## the siege with DURATION for each kind, and how long the visitors waited; SOAK='^right passwords$$' for some
	@scripts/need postgresql
	$(GO) test -count=1 -timeout 12h -v -run '$(SIEGE)' ./acceptance -soak $(DURATION) -soak.only '$(SOAK)'

COUNT ?= 300
hashes: ## ten thousand hashes that others make, COUNT of each kind, by their own programs
	@scripts/need hashes
	$(GO) test -count=1 -timeout 12h -run '^TestHashesOfOtherPrograms' ./auth/password -hashes $(COUNT)

newcomer: ## walks as README.md says on a Debian that has only Go, git and make
	@scripts/newcomer

package: ## installs the .deb of a release on a fresh Debian, runs its unit's command, signs up, removes it
	@scripts/package

e2e: $(addsuffix /node_modules/.package-lock.json,e2e e2e/apps e2e/movein e2e/tutorial examples/express \
	examples/nextjs examples/nextjs-better-auth scripts/site) ## the walk in a real browser
	@scripts/need postgresql chromium npm
	@# -count=1, as the gate it builds is not among what the cache looks at
	cd e2e && ../scripts/tell $(GO) test -count=1 -timeout 40m ./...

%/node_modules/.package-lock.json: %/package-lock.json # what npm writes last; only these tests use what it installs
	@scripts/need npm
	cd $* && npm ci --ignore-scripts --no-audit --no-fund

site: scripts/site/node_modules/.package-lock.json ## docs/ as a site, in dist-site; SITE_BASE=/docs/ below a path
	cd scripts/site && npm run --silent build

gitea: ## builds Gitea in an hour, once, and runs it behind a gate as docs/apps/gitea.md says
	@scripts/need postgresql chromium git
	@scripts/gitea

screenshots: ## the pictures in docs/screenshots
	@scripts/need postgresql chromium
	cd e2e && E2E_SCREENSHOTS=../docs/screenshots $(GO) test -count=1 -run TestScreenshots .

speed: ## how soon the login page shows at 150 ms and 1.6 Mbit/s, for somebody who was never here
	@scripts/need postgresql chromium
	cd e2e && E2E_SPEED=1 $(GO) test -count=1 -v -run TestSpeed . | grep LCP

recording: ## the moving picture of the demo in docs/screenshots
	@scripts/need postgresql chromium
	cd e2e && E2E_RECORDING=../docs/screenshots/demo.gif $(GO) test -count=1 -run TestRecording .

bench: ## what a request and a connection cost, as ratios to a bare reverse proxy
	@scripts/need postgresql
	$(GO) run ./bench -check
	$(GO) run ./bench connections -check

pgo: ## what a build guided by a profile gains; copy bin/default.pgo to cmd/gatepost to keep it
	@scripts/need postgresql
	@mkdir -p bin
	$(GO) run ./bench profile bin/default.pgo
	$(GO) build -pgo bin/default.pgo -o bin/gatepost-pgo ./cmd/gatepost
	$(GO) run ./bench -against bin/gatepost-pgo

lint:
	@files=$$(gofmt -l acceptance auth bench cmd e2e internal loginui migrations proxy); \
		if [ -n "$$files" ]; then echo "gofmt would change:"; echo "$$files"; exit 1; fi
	$(GO) vet ./...
	cd e2e && $(GO) vet ./...
	$(GO) tool -modfile=tools/go.mod staticcheck ./...

FUZZTIME ?= 30s
fuzz: ## every fuzz target for FUZZTIME
	@for package in $$(grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u); do \
		for target in $$($(GO) test -list '^Fuzz' $$package | grep ^Fuzz); do \
			echo "$$package $$target"; $(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) $$package || exit 1; \
		done; \
	done
