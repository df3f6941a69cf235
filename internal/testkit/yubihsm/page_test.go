package yubihsm

import (
	"os"
	"strings"
	"testing"
)

// TestPage holds the table of calls on the page to what make hsms compares.
func TestPage(t *testing.T) {
	const from, to = "<!-- generated: scripts/hsms/yubihsm.calls -->\n", "<!-- end -->"
	const head = "| login | call | answer | remark |\n| --- | --- | --- | --- |\n"
	page, err := os.ReadFile("../../../docs/hsm/yubihsm2.md")
	if err != nil {
		t.Fatal(err)
	}
	calls, err := os.ReadFile("../../../scripts/hsms/yubihsm.calls")
	if err != nil || strings.Count(string(calls), "\n") < 50 {
		t.Fatal(len(calls), err)
	}
	_, rest, _ := strings.Cut(string(page), from)
	if table, _, _ := strings.Cut(rest, to); table != head+string(calls) {
		t.Error("docs/hsm/yubihsm2.md: the table of calls is not scripts/hsms/yubihsm.calls")
	}
}
