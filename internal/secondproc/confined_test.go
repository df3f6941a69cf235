package secondproc

import (
	"encoding/json"
	"os"
	"os/exec"
	"reflect"
	"testing"

	"byok/internal/confine"
	"byok/internal/hsm"
	"byok/internal/testkit/softhsm"
)

// confinedVariable names the library to a copy of the test that confines
// itself, which cannot be undone, before it proves.
const confinedVariable = "SECONDPROC_TEST_CONFINED"

// result is what that copy prints.
type result struct {
	Rows  []Row
	Error string
}

func proveConfined(library string) {
	var r result
	rows, err := confinedRows(library)
	if r.Rows = rows; err != nil {
		r.Error = err.Error()
	}
	_ = json.NewEncoder(os.Stdout).Encode(r)
}

func confinedRows(library string) ([]Row, error) {
	if err := confine.Apply(false); err != nil {
		return nil, err
	}
	m, err := hsm.Load(library)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	tokens, err := m.Labelled("test")
	if err != nil {
		return nil, err
	}
	return Prove(m, tokens[0], pin(soPIN), pin(userPIN))
}

// TestProveConfined starts the second process from one that the kernel refuses
// sockets and the memory of other processes.
func TestProveConfined(t *testing.T) {
	library := softhsm.New(t)
	m, _ := prepared(t, library)
	m.Close()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), confinedVariable+"="+library)
	out := must[[]byte](t)(cmd.Output())
	var r result
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatalf("%q: %v", out, err)
	}
	if r.Error != "" || !reflect.DeepEqual(r.Rows, hold(nil, Held).rows()) {
		t.Errorf("%+v", r)
	}
}
