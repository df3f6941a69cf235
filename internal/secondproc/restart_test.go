package secondproc

import (
	"os"
	"path/filepath"
	"testing"

	"byok/internal/hsm/shim"
	"byok/internal/statement"
	"byok/internal/testkit/softhsm"
)

// TestRestarts: what the module statement says of a library that is initialised
// once in a process.
func TestRestarts(t *testing.T) {
	configured := func(switches string) func(*testing.T) string {
		return func(t *testing.T) string {
			softhsm.New(t)
			library := shim.Build(t)
			if err := os.WriteFile(library+".conf", []byte(switches+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			return library
		}
	}
	faulty := func(mode string) func(*testing.T) string {
		return func(t *testing.T) string {
			library, file := shared(t)
			steer(t, file, mode)
			return library
		}
	}
	const refused = "C_Initialize after C_Finalize: CKR_FUNCTION_FAILED"
	for name, c := range map[string]struct {
		library func(*testing.T) string
		outcome Outcome
		detail  string
		once    bool
	}{
		"SoftHSM":     {func(t *testing.T) string { return softhsm.New(t) }, Held, "", false},
		"once":        {configured("SHIM_ONE_INIT=1"), Failed, refused, true},
		"cannot lock": {configured("SHIM_LOCKING=0xA"), Held, "", false},
		"finalisation refused": {faulty("C_Finalize any 0x5"), NotAnswered,
			"the second process could not continue: C_Finalize: CKR_GENERAL_ERROR", false},
		"killed": {faulty("C_Initialize any kill"), NotAnswered, "the second process ended: signal: killed", false},
		"none": {func(t *testing.T) string { return filepath.Join(t.TempDir(), "none.so") }, NotAnswered,
			"the second process could not continue: PKCS#11 library LIBRARY: no such file", false},
	} {
		t.Run(name, func(t *testing.T) {
			library := c.library(t)
			got := Restarts(library)
			want := statement.Finding{Name: statement.FindingRestart, Outcome: string(c.outcome), Detail: c.detail}
			if want.Detail == "the second process could not continue: PKCS#11 library LIBRARY: no such file" {
				want.Detail = "the second process could not continue: PKCS#11 library " + library + ": no such file"
			}
			if got != want {
				t.Errorf("\n got %+v\nwant %+v", got, want)
			}
			if m := (&statement.Module{Findings: []statement.Finding{got}}); m.InitialisedOnce() != c.once {
				t.Errorf("the statement says once: %t", m.InitialisedOnce())
			}
		})
	}
}
