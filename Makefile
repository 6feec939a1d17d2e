# build     the program, static, in bin/
# test      everything that CI checks; under 15 minutes on 2 cores
# postgres  the tests of the core and of the doors on PostgreSQL
# proofs    the short form of the proofs, without the race detector, which makes their looks into tables slow
# prove     the long proofs: tests named TestProve…, which skip unless PARLEY_PROVE=1
# lint      formatting, vet, staticcheck
# generate  the references made from the code
# fuzz      every fuzz function for FUZZTIME

STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
FUZZTIME   ?= 3s
TESTFLAGS  ?=
PROOFS     ?= ^TestProve

# One setting for all that does not need cgo, so that the packages are compiled once; only -race needs it.
export CGO_ENABLED = 0

.PHONY: build test race postgres proofs prove lint generate fuzz

build:
	go build -trimpath -ldflags='-s -w' -o bin/parley ./cmd/parley

test: lint race postgres proofs fuzz

# SQLite is C that was translated, a connection to a goroutine, and the race detector makes it ten times slower: it looks at
# everything but that.
race:
	CGO_ENABLED=1 go test -race -gcflags='modernc.org/...=-race=false' -timeout 20m $(TESTFLAGS) $$(go list ./... | grep -v /internal/proof)

postgres:
	PARLEY_TEST_DATABASE=postgres go test -timeout 20m $(TESTFLAGS) ./internal/core ./internal/core/access ./internal/core/directory \
		./internal/core/erasure ./internal/core/escalation ./internal/core/eventlog ./internal/core/files ./internal/core/limits ./internal/core/numbered ./internal/core/playground \
		./internal/core/presence ./internal/core/search ./internal/core/thread ./internal/live ./internal/dialect/...

proofs:
	go test -timeout 20m $(TESTFLAGS) ./internal/proof/...

prove:
	PARLEY_PROVE=1 go test -count=1 -p 1 -timeout 4h -v -run '$(PROOFS)' ./...

lint:
	@unformatted=$$(find . -name node_modules -prune -o -name '*.go' -print | xargs gofmt -l); \
	if [ -n "$$unformatted" ]; then echo "gofmt -w is needed for:"; echo "$$unformatted"; exit 1; fi
	go vet ./...
	go run $(STATICCHECK) ./...

generate:
	go generate ./...

fuzz:
	.ci/fuzz $(FUZZTIME)
