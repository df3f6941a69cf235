package main

import (
	"os"
	"testing"
)

// TestMain runs the tests, and removes what they kept for one another.
func TestMain(m *testing.M) {
	status := m.Run()
	raiseSiege()
	os.Exit(status)
}
