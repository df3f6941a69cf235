package shim_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/hsm/shim"
	"byok/internal/testkit/softhsm"
)

// libraryVariable has a copy of the test program load that library and end, in
// place of the tests.
const libraryVariable = "SHIM_TEST_LIBRARY"

func TestMain(m *testing.M) {
	library := os.Getenv(libraryVariable)
	if library == "" {
		m.Run()
		return
	}
	p := pkcs11.New(library)
	_ = p.Initialize()
	_ = p.Finalize()
}

// open loads the shim before SoftHSM and returns its log.
func open(t *testing.T) (p *pkcs11.Ctx, log string) {
	t.Helper()
	log = filepath.Join(t.TempDir(), "calls")
	t.Setenv("SHIM_MODULE", softhsm.New(t))
	t.Setenv("SHIM_LOG", log)
	p = pkcs11.New(shim.Build(t))
	if p == nil {
		t.Fatal("the shim does not load")
	}
	t.Cleanup(p.Destroy)
	if err := p.Initialize(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Finalize() })
	return p, log
}

func TestCallsAreLogged(t *testing.T) {
	p, log := open(t)
	if _, err := p.GetInfo(); err != nil {
		t.Fatal(err)
	}
	if _, err := p.GetSlotList(true); err != nil {
		t.Fatal(err)
	}
	// The binding asks for the number of slots first.
	want := []string{"C_Initialize", "C_GetInfo", "C_GetSlotList", "C_GetSlotList"}
	if got := shim.Calls(t, log); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// TestFailedCall makes the calls C_GetInfo, C_GetSlotInfo, C_GetInfo,
// C_GetSlotInfo, and says which of them fail.
func TestFailedCall(t *testing.T) {
	p, _ := open(t)
	slots, err := p.GetSlotList(false)
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range map[string]string{
		"": "....", "1": "x...", "4": "...x", "5": "....", "2+": ".xxx",
		"C_GetInfo": "x...", "C_GetInfo#2": "..x.", "C_GetSlotInfo+": ".x.x", "C_GetSlotInfo#2+": "...x", "C_Get": "....",
	} {
		for _, do := range []string{"fail=0x31", "fail-after=0x31"} {
			t.Setenv("SHIM_AT", "") // counting starts again
			_, _ = p.GetInfo()
			t.Setenv("SHIM_AT", at)
			t.Setenv("SHIM_DO", do)
			got := ""
			for range 2 {
				_, err := p.GetInfo()
				got += mark(err)
				_, err = p.GetSlotInfo(slots[0])
				got += mark(err)
			}
			if got != want {
				t.Errorf("SHIM_AT=%s SHIM_DO=%s: %s, want %s", at, do, got, want)
			}
		}
	}
}

func mark(err error) string {
	switch {
	case err == nil:
		return "."
	case errors.Is(err, pkcs11.Error(pkcs11.CKR_DEVICE_MEMORY)):
		return "x"
	}
	return "?"
}

// TestFailAfter: the library has done what the caller is told has failed.
func TestFailAfter(t *testing.T) {
	p, _ := open(t)
	slots, err := p.GetSlotList(false)
	if err != nil {
		t.Fatal(err)
	}
	for _, do := range []string{"fail=0x30", "fail-after=0x30"} {
		t.Setenv("SHIM_AT", "C_InitToken")
		t.Setenv("SHIM_DO", do)
		if err := p.InitToken(slots[0], "so-pin", "label"); !errors.Is(err, pkcs11.Error(pkcs11.CKR_DEVICE_ERROR)) {
			t.Fatalf("%s: %v", do, err)
		}
		t.Setenv("SHIM_AT", "")
		info, err := p.GetTokenInfo(slots[0])
		if err != nil || (info.Flags&pkcs11.CKF_TOKEN_INITIALIZED != 0) != strings.HasPrefix(do, "fail-after") {
			t.Errorf("%s: flags %x, %v", do, info.Flags, err)
		}
	}
}

func TestHiddenMechanism(t *testing.T) {
	p, _ := open(t)
	slots, err := p.GetSlotList(false)
	if err != nil {
		t.Fatal(err)
	}
	m := []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_AES_KEY_WRAP_PAD, nil)}
	for hidden, want := range map[string]bool{"": true, "0x9": true, "0x210A": false, "9,8458": false} {
		t.Setenv("SHIM_HIDE_MECHANISMS", hidden)
		list, err := p.GetMechanismList(slots[0])
		if err != nil {
			t.Fatal(err)
		}
		pads := func(m *pkcs11.Mechanism) bool { return m.Mechanism == pkcs11.CKM_AES_KEY_WRAP_PAD }
		has := slices.ContainsFunc(list, pads)
		if _, err := p.GetMechanismInfo(slots[0], m); has != want || (err == nil) != want {
			t.Errorf("SHIM_HIDE_MECHANISMS=%s: listed %t, %v", hidden, has, err)
		}
	}
}

// TestSignals has a process of its own killed and stopped, before C_Initialize
// does anything and after it. The log of a killed one ends with that call.
func TestSignals(t *testing.T) {
	_, log := open(t)
	library := shim.Build(t)
	for do, want := range map[string]syscall.Signal{
		"kill": syscall.SIGKILL, "kill-after": syscall.SIGKILL, "stop": syscall.SIGSTOP, "stop-after": syscall.SIGSTOP,
	} {
		if err := os.Truncate(log, 0); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), libraryVariable+"="+library, "SHIM_AT=C_Initialize", "SHIM_DO="+do)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		var status syscall.WaitStatus
		if _, err := syscall.Wait4(cmd.Process.Pid, &status, syscall.WUNTRACED, nil); err != nil {
			t.Fatal(err)
		}
		if got := status.Signal(); status.Stopped() {
			if want != status.StopSignal() {
				t.Errorf("%s: stopped by %v", do, status.StopSignal())
			}
			_ = cmd.Process.Kill()
		} else if got != want {
			t.Errorf("%s: %v", do, got)
		}
		_ = cmd.Wait()
		if calls := strings.Join(shim.Calls(t, log), " "); calls != "C_Initialize" {
			t.Errorf("%s: %s", do, calls)
		}
	}
}

// TestPassedOn: a switch also works with BYOK_ before its name, and the shim
// finds SoftHSM by itself.
func TestPassedOn(t *testing.T) {
	softhsm.New(t)
	log := filepath.Join(t.TempDir(), "calls")
	t.Setenv("BYOK_SHIM_LOG", log)
	p := pkcs11.New(shim.Build(t))
	if p == nil {
		t.Fatal("the shim does not load")
	}
	t.Cleanup(p.Destroy)
	if err := p.Initialize(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Finalize() })
	if got := shim.Calls(t, log); !slices.Equal(got, []string{"C_Initialize"}) {
		t.Errorf("%q", got)
	}
}

// TestShortRSA: only key pairs of the label are shorter than was asked for.
func TestShortRSA(t *testing.T) {
	softhsm.New(t)
	p, _, h := softhsm.Session(t, shim.Build(t))
	t.Setenv("SHIM_SHORT_RSA", "worthless")
	for label, bits := range map[string]int{"worthless": 1024, "worthles": 2048, "worthless key": 2048} {
		m := []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_RSA_PKCS_KEY_PAIR_GEN, nil)}
		named := []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_LABEL, label)}
		public, _, err := p.GenerateKeyPair(h, m, append(named[:1:1], pkcs11.NewAttribute(pkcs11.CKA_MODULUS_BITS, 2048)),
			append(named[:1:1], pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, false)))
		if err != nil {
			t.Fatal(err)
		}
		n, err := p.GetAttributeValue(h, public, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_MODULUS, nil)})
		if err != nil || 8*len(n[0].Value) != bits {
			t.Errorf("%q: %d bits, %v", label, 8*len(n[0].Value), err)
		}
	}
}

// TestShared: the test programs of a run share what the first of them compiled.
func TestShared(t *testing.T) {
	all := t.TempDir()
	path := filepath.Join(all, "shim.so")
	first := shim.BuildIn(t, all)
	if err := os.WriteFile(path, []byte("of another program"), 0o600); err != nil {
		t.Fatal(err)
	}
	if second := string(shim.BuildIn(t, all)); len(first) < 1000 || second != "of another program" {
		t.Errorf("%d bytes, then %q", len(first), second)
	}
	if left, err := os.ReadDir(all); err != nil || len(left) != 1 {
		t.Errorf("%v, %v", left, err)
	}
}
