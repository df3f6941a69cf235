package main

import (
	"testing"
)

// TestMain runs the tests, and removes what they kept for one another.
func TestMain(m *testing.M) {
	m.Run()
	raiseSiege()
}
