package main

import (
	"testing"

	"byok/internal/testkit/hostile"
)

// TestHostileText prints each result with hostile text wherever it takes text.
func TestHostileText(t *testing.T) {
	hostile.Try(t, "vaultsView", hostile.Fill[vaultsView]())
	hostile.Try(t, "regionsView", hostile.Fill[regionsView]())
	hostile.Try(t, "downloadedView", hostile.Fill[downloadedView]())
	hostile.Try(t, "hashesView", hostile.Fill[hashesView]())
	hostile.Try(t, "faultsView", hostile.Fill[faultsView]())
}
