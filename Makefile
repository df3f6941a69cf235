# byok: two programs for one key ceremony. Targets for people:
#   make build   both programs, in bin/
#   make demo    the whole ceremony against a software HSM and a rehearsal vault
#   make rehearse-recovery   the same with a dead HSM in the middle
#   make test    everything that is tested, with its own set-up
#   make test-race   the same under the race detector, tests of a package in any order
#   make fuzz    every fuzz target, 20 seconds each
#   make lint    static checks: format, vet, dead code, style, layout, scripts
#   make man     manual pages of every command, in bin/man
#   make completions   what has bash, zsh, fish and PowerShell complete, in bin/completions
#   make policy  attacks on the export policy found by search, each carried out, and their page
#   make install, uninstall   programs, manual pages and completions below PREFIX (/usr/local)
#   make install-compat   the same, and links with the names of the retired tools
#   make release   programs, packages and papers for each platform, in dist
#   make reproduce   builds a release twice, as differently as one machine can: it must be the same
#   make check-offline   judges byok-offline of every platform, or FILES, by its file alone
#   make check-deb   a ceremony in a clean Debian that has the packages in dist alone (root)
#   make architecture   docs/architecture.md, drawn from the imports as they are
#   make test-pages   report and printed script in Chromium: no request, no message, every width and paper
#   make test-windows   byok-online.exe under Wine: a ceremony, and what Windows does otherwise (minutes)
#   make check-bundle   a demo's bundle checked in a bare Debian (root; debootstrap)
#   make image   what starts the disconnected workstation from a stick, in bin/image (root)
#   make image-packages   writes its list of Debian packages again
#   make reproduce-image   makes it a second time: it must be the same (root)
#   make test-image   starts it in qemu (root; minutes)
#   make test-windows-ceremony   a rehearsal with byok-offline.exe and SoftHSM's DLL under Wine; minutes
#   make test-arm64   what runs of the programs for arm64 under qemu's user mode; minutes
#   make test-arm64-kernel   a rehearsal with byok-offline for arm64 on an emulated computer; minutes
#   make hsms    real PKCS#11 libraries in a Debian root: check, ceremony or refusal (root; minutes)
#   make bench, bench-batch, bench-scale, bench-upload   throughput, as ratios measured side by side

GO     ?= go
SHELL  := /bin/bash
# No resolver or account look-up of the C library, no generator of manual pages.
TAGS   := netgo,osusergo,urfave_cli_no_docs
# The runtime erases what age, circl and HMAC leave on the heap (runtime/secret, Go 1.26),
# and strict JSON is the standard library's, which the module for it then only names.
export GOEXPERIMENT := runtimesecret,jsonv2
# Tests, checks and programs share what is compiled, so all are built as a release is.
export GOFLAGS := $(shell $(GO) env GOFLAGS 2>/dev/null) -trimpath
# The commit is written by the linker, so that a checkout and an archive of it give
# the same bytes. No function is inlined, so that each is in the symbol table, which
# stays, but for RSA's arithmetic, which would take a third longer; line tables for
# debuggers (DWARF) and build ids do not stay. Of type parameters, names beyond 100
# characters stand as hashes.
GOFLAGS_BUILD := -buildvcs=false -trimpath -tags $(TAGS) -gcflags="all=-l -d=maxshapelen=100" -gcflags=crypto/internal/fips140/bigmod=
LDFLAGS := -w -buildid= -B none -funcalign=4 -extldflags=-Wl,--build-id=none $(shell scripts/stamp.sh)

# Links with the names of the retired procedure's tools: see docs/from-ncipher.md.
PREFIX ?= /usr/local
BIN    ?= bin
OFFLINE_NAMES := new-world generatekey verifykeypackage KeyTransferRemote preload aclprint kmfile-dump enquiry nfkminfo nfkmcheck racs
OFFLINE_FILES := new-world.exe generatekey.exe verifykeypackage.py KeyTransferRemote.exe preload.exe aclprint.py kmfile-dump.exe \
	enquiry.exe nfkminfo.exe nfkmcheck.exe racs.exe
ONLINE_NAMES  := Connect-AzAccount Login-AzAccount Add-AzAccount Connect-AzureRmAccount Login-AzureRmAccount Get-AzSubscription \
	Get-AzureRmSubscription Get-FileHash Add-AzKeyVaultKey Add-AzureKeyVaultKey

.PHONY: build release reproduce check-offline check-deb install uninstall install-compat man completions demo rehearse-recovery test test-race test-faults test-pages test-windows check-bundle fuzz lint policy architecture bench bench-batch bench-scale bench-upload setup setup-demo setup-lint setup-pages setup-bare setup-release setup-hsms setup-windows image image-packages reproduce-image test-image setup-image test-windows-ceremony test-arm64 test-arm64-kernel setup-windows-ceremony setup-arm64 setup-arm64-kernel clean

build:
	$(GO) build $(GOFLAGS_BUILD) -ldflags "$(LDFLAGS)" -o bin/byok-offline ./cmd/byok-offline
	scripts/symbols.sh bin/byok-offline
	$(GO) build $(GOFLAGS_BUILD) -ldflags "$(LDFLAGS)" -o bin/byok-online ./cmd/byok-online

# Everything for each platform, in DIST: see docs/release.md. SIGN_KEY=FILE signs.
DIST ?= dist
release: setup-release
	GO="$(GO)" BUILD='$(GOFLAGS_BUILD)' LDFLAGS="$(LDFLAGS)" scripts/release.sh "$(DIST)"

# Twice from nothing, as differently as one machine can; with AGAINST=FOLDER once,
# and compared with the release there.
reproduce: setup-release
	GO="$(GO)" scripts/reproduce.sh $(AGAINST)

# A report each in bin/check-offline: see docs/security/check-offline.md.
check-offline: setup-release
	GO="$(GO)" BUILD='$(GOFLAGS_BUILD)' LDFLAGS="$(LDFLAGS)" TAGS=$(TAGS) scripts/check-offline.sh $(FILES)

check-deb: setup-bare
	scripts/check-deb.sh "$(DIST)"

# Programs, manual pages and completions, below PREFIX.
install: build
	scripts/install.sh "$(BIN)" "$(DESTDIR)$(PREFIX)"

# What install and install-compat put there, and no more.
uninstall:
	scripts/install.sh --remove "$(DESTDIR)$(PREFIX)" $(OFFLINE_NAMES) $(OFFLINE_FILES) $(ONLINE_NAMES)

install-compat: install
	for name in $(OFFLINE_NAMES) $(OFFLINE_FILES); do ln -sf byok-offline "$(DESTDIR)$(PREFIX)/bin/$$name" || exit; done
	for name in $(ONLINE_NAMES); do ln -sf byok-online "$(DESTDIR)$(PREFIX)/bin/$$name" || exit; done

# To read one: man -M bin/man byok-offline-key-generate
man: build
	rm -rf bin/man
	for program in byok-offline byok-online; do bin/$$program manual --to bin/man/man1 || exit; done

# Each script says in its first lines where it goes.
completions: build
	rm -rf bin/completions && mkdir -p bin/completions
	for program in byok-offline byok-online; do for shell in bash zsh fish powershell; do \
		bin/$$program completion $$shell > bin/completions/$$program.$$shell || exit; done; done

setup:
	scripts/setup.sh test

setup-demo:
	scripts/setup.sh demo

setup-lint:
	scripts/setup.sh lint

setup-pages:
	scripts/setup.sh pages

setup-bare:
	scripts/setup.sh bare

setup-release:
	scripts/setup.sh release

setup-windows:
	scripts/setup.sh windows

setup-hsms:
	scripts/setup.sh hsms

setup-image:
	scripts/setup.sh image

demo: setup-demo build
	scripts/demo.sh

rehearse-recovery: setup-demo build
	scripts/rehearse-recovery.sh

# Vet is part of "make lint".
test:
	@echo "make test: about 10 minutes on two idle cores, 2 more where nothing is compiled yet. It needs Linux, Go, gcc," \
		"200 MB in /tmp, and the Debian packages that scripts/setup.sh installs."
	@scripts/setup.sh test
	GO="$(GO)" scripts/test.sh -tags $(TAGS) -vet=off -count=1 -timeout 40m ./...

# The programs run as they are released, without the detector, so it would see
# nothing of them: tests that run programs alone are shuffled only.
PROGRAMS := /cmd/byok-offline$$|/internal/ceremonytest$$
test-race: setup
	GO="$(GO)" scripts/test.sh -race -shuffle=on -tags $(TAGS) -vet=off -count=1 -timeout 90m \
		$$($(GO) list -tags $(TAGS) ./... | grep -vE '$(PROGRAMS)')
	GO="$(GO)" scripts/test.sh -shuffle=on -tags $(TAGS) -vet=off -count=1 -timeout 40m \
		$$($(GO) list -tags $(TAGS) ./... | grep -E '$(PROGRAMS)')

# Every PKCS#11 call and every file operation of every command fails, loses its
# answer, or ends the process: all of them, where "make test" takes a sample. And
# the commands of 50 keys for 3 vaults are killed 40 times, at random.
# Hours; FAULTS=50 takes so many of each command.
FAULTS ?= all
test-faults: setup
	set -o pipefail; BYOK_FAULTS=$(FAULTS) $(GO) test -tags $(TAGS) -count=1 -v -timeout 24h -run "TestFaults|TestSwappedOnce|TestSecondProcess|TestOnTheToken|TestForged|TestForeignCards|TestHostile|TestCallsFail|CutShort|TestKilled$$" ./cmd/byok-offline ./internal/keys ./internal/world ./internal/ceremonytest | grep -E "survived|wrapped|held|tried|kills|FAIL|^ok"

test-pages: setup-pages
	$(GO) test -tags $(TAGS),pages -count=1 ./internal/report -run TestPages

test-windows: setup-windows
	GO="$(GO)" BUILD_TAGS=$(TAGS) scripts/windows/test.sh

check-bundle: setup-demo setup-bare build
	scripts/check-bundle.sh $(BUNDLE)

# Every fuzz target, FUZZTIME each (20s).
fuzz:
	GO="$(GO)" BUILD_TAGS=$(TAGS) scripts/fuzz.sh

lint: setup-lint
	GO="$(GO)" BUILD_TAGS=$(TAGS) scripts/lint.sh

policy:
	$(GO) test -tags $(TAGS) -count=1 ./internal/policy/findings -update
	$(GO) test -tags $(TAGS) -count=1 ./internal/policy ./internal/policy/token ./internal/policy/enact

architecture:
	$(GO) test -tags $(TAGS) -count=1 ./internal/layout -run TestArchitecture -update

hsms: setup-hsms build
	$(GO) build $(GOFLAGS_BUILD) -o bin/hsms/ ./internal/testkit/yubihsm/connector ./internal/testkit/yubihsm/calls
	scripts/hsms.sh

# VENDOR=FOLDER adds a vendor's files: see docs/image.md.
image: setup-image build
	scripts/image.sh bin/image

image-packages:
	scripts/image/resolve.sh renew

reproduce-image: image
	scripts/image/reproduce.sh bin/image

test-image: image
	$(GO) test -tags $(TAGS),image -count=1 -timeout 60m -v ./scripts/image

bench: build
	scripts/bench-hash.sh

bench-batch: setup-demo build
	GO="$(GO)" scripts/bench-batch.sh

bench-scale: setup-demo build
	GO="$(GO)" scripts/bench-scale.sh

bench-upload: build
	scripts/bench-upload.sh

# A rehearsal with byok-offline.exe and SoftHSM's DLL under Wine: see docs/windows-offline.md.
test-windows-ceremony: setup-windows-ceremony
	GO="$(GO)" BUILD_TAGS=$(TAGS) scripts/windows/test-offline.sh

# What runs of the programs for arm64 under qemu's user mode: the same page.
test-arm64: setup-arm64
	GO="$(GO)" BUILD_TAGS=$(TAGS) scripts/arm64.sh

# byok-offline for arm64 on Debian's kernel in an emulated computer: the same page.
test-arm64-kernel: setup-arm64-kernel
	GO="$(GO)" BUILD_TAGS=$(TAGS) scripts/arm64-kernel.sh

setup-windows-ceremony:
	scripts/setup.sh windows-ceremony

setup-arm64:
	scripts/setup.sh arm64

setup-arm64-kernel:
	scripts/setup.sh arm64-kernel

clean:
	rm -rf bin
