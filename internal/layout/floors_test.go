package layout

import (
	"slices"
	"strings"
	"testing"
)

// floor is a group of packages that a reader looks at together.
type floor struct {
	title    string
	packages []string // below byok/internal/, or cmd/…
}

// floors lists every package of the two programs. A package may import those
// that stand after it, in its own floor or in one below, and no others.
func floors() []floor {
	return []floor{
		{"Programs", []string{"cmd/byok-offline", "cmd/byok-online", "cmd/check-offline"}},
		{"Around a command", []string{"supervisor", "unconfined", "uploadoptions", "planning", "shared", "walk", "dryrun", "view", "verification", "onlineview", "history", "preflight", "dialogue", "compare", "command", "audit", "report", "script", "markup", "bundle", "renewal", "register", "record", "ceremony", "completion", "manual", "runbook", "choice", "examples"}},
		{"Operations", []string{
			"world", "candidate", "adoption", "isolation", "vacant", "bytool", "recordcopy", "worldcheck", "twologins", "keys", "packing", "listing", "session", "locks", "keyset", "pins", "journal", "acceptance", "publish", "upload", "simulation", "succession", "readback", "approval",
			"rehearsal", "rehearsal/store", "rehearsal/softkey", "rehearsal/wire", "rehearsal/state",
			"rehearsal/partition", "rehearsal/limit", "download",
		}},
		{"The HSM and the vault", []string{
			"secondproc", "hsm/survey", "hsm", "hsm/rights", "hsm/restoring", "hsm/probe", "hsm/wrapping", "hsm/derivation", "hsm/inventory", "hsm/publickey", "hsm/templates", "hsm/trust", "hsm/c11", "hsm/signing",
			"hsm/tokens", "hsm/native", "hsm/p11", "vault", "vault/pace", "vault/endpoint", "azure",
		}},
		{
			"What crosses the air gap, and what is kept",
			[]string{"plan", "attest", "proof", "kit", "toolset", "anatomy", "transfer", "hsmattest", "kmdata", "statement", "worlds"},
		},
		{"The domain's rules", []string{"kek", "cards", "quorum", "officer", "keykind"}},
		{"Process, terminal, files", []string{"linkage", "machinecode", "executable", "confine", "softhsm", "library", "child", "term", "interrupt", "airgap", "durable", "access"}},
		{base, []string{
			"planned", "pemfile", "fingerprint", "pkcs11uri", "exitcode", "strictjson", "secret", "keywrap", "printable", "stamp", "base64url", "ordered", "version",
		}},
	}
}

// base is the floor that nearly everything above it imports.
const base = "Base"

// aside are packages of tests, benches and rigs, besides those below testkit.
// No program reaches them.
func aside() []string {
	return []string{
		"ceremonytest", "layout", "release", "specimen", "benchpage", "uploadbench", "scalebench", "hsm/shim",
		"policy", "policy/token", "policy/findings",
	}
}

func isAside(name string) bool {
	return strings.HasPrefix(name, "testkit/") || slices.Contains(aside(), name)
}

// order lists the packages from top to bottom.
func order() []string {
	var names []string
	for _, f := range floors() {
		names = append(names, f.packages...)
	}
	return names
}

func TestEveryPackageHasAFloor(t *testing.T) {
	listed := append(order(), aside()...)
	for i, name := range listed {
		if slices.Index(listed, name) != i {
			t.Errorf("%s is listed twice in floors_test.go", name)
		}
		if _, exists := graph(t)[name]; !exists {
			t.Errorf("%s is listed in floors_test.go, but there is no such package", name)
		}
	}
	for name := range graph(t) {
		if !slices.Contains(listed, name) && !isAside(name) {
			t.Errorf("%s is new: put it on a floor in floors_test.go, above all that it imports", name)
		}
	}
}

func TestArrowsPointDown(t *testing.T) {
	names := order()
	for from, p := range graph(t) {
		if isAside(from) {
			continue
		}
		for _, to := range p.imports {
			switch at := slices.Index(names, to); {
			case at < 0:
				t.Errorf("%s imports %s, which is for tests alone", from, to)
			case at < slices.Index(names, from):
				t.Errorf(
					"%s imports %s, which stands above it: move what both need down, or change floors_test.go",
					from,
					to,
				)
			}
		}
	}
}

// TestOnlyHSMUsesC holds cgo to the packages that talk to PKCS#11 libraries.
func TestOnlyHSMUsesC(t *testing.T) {
	for name, p := range graph(t) {
		allowed := strings.HasPrefix(name, "hsm") || name == "secondproc" || isAside(name)
		if p.cgo && !allowed {
			t.Errorf("%s has cgo in it, which is for package hsm alone", name)
		}
	}
}
