# byok: two programs for one key ceremony. Targets for people:
#   make build   both programs, in bin/
#   make demo    the whole ceremony against a software HSM and a rehearsal vault
#   make rehearse-recovery   the same with a dead HSM in the middle
#   make test    everything that is tested, with its own set-up
#   make bench   throughput, as ratios measured side by side

GO     ?= go
TAGS   := netgo,osusergo
# The runtime erases what age, circl and HMAC leave on the heap (runtime/secret, Go 1.26).
export GOEXPERIMENT := runtimesecret
GOFLAGS_BUILD := -trimpath -tags $(TAGS)

.PHONY: build demo rehearse-recovery test bench setup clean

build:
	$(GO) build $(GOFLAGS_BUILD) -o bin/byok-offline ./cmd/byok-offline
	$(GO) build $(GOFLAGS_BUILD) -o bin/byok-online ./cmd/byok-online

setup:
	scripts/setup.sh test

demo: build
	scripts/setup.sh demo
	scripts/demo.sh

rehearse-recovery: build
	scripts/setup.sh demo
	scripts/rehearse-recovery.sh

test: setup
	$(GO) vet -tags $(TAGS) ./...
	$(GO) test -tags $(TAGS) -count=1 ./...

clean:
	rm -rf bin
