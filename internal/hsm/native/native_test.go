package native_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/hsm/native"
	"byok/internal/hsm/p11"
	"byok/internal/hsm/shim"
	"byok/internal/testkit/softhsm"
)

// broken compiles a library whose C_GetFunctionList goes wrong.
func broken(t *testing.T, mode int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "broken.so")
	out, err := exec.Command("cc", "-shared", "-fPIC", fmt.Sprintf("-DMODE=%d", mode), "-o", path,
		filepath.Join("testdata", "list.c")).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

func TestOpenFails(t *testing.T) {
	const configuration = "check the library's own configuration: its manual names the file and the variable"
	text := filepath.Join(t.TempDir(), "text.so")
	if err := os.WriteFile(text, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, path, want, hint string
		status                 exitcode.Code
		unreached              bool
	}{
		{"an error", broken(t, 1), "C_GetFunctionList of %s: CKR_GENERAL_ERROR", configuration, exitcode.HSM, true},
		{
			"no list", broken(t, 2), "C_GetFunctionList of %s: it succeeded, and gave no function list", configuration,
			exitcode.HSM, false,
		},
		{
			"a function missing", broken(t, 4), "C_GetFunctionList of %s: its list has no C_WrapKey",
			"a library must have every function, also those it does not support: ask the vendor", exitcode.HSM, false,
		},
		{
			"another library", broken(t, 5), "PKCS#11 library %s: it has no C_GetFunctionList",
			"give the vendor's PKCS#11 library with --module-path, such as /usr/lib/softhsm/libsofthsm2.so",
			exitcode.Usage, false,
		},
		{
			"no library", text, "PKCS#11 library %s: the dynamic linker refused it; a library it needs may be missing",
			"ldd " + text, exitcode.Usage, false,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := native.Open(c.path)
			if err == nil || err.Error() != fmt.Sprintf(c.want, c.path) || exitcode.HintOf(err) != c.hint ||
				exitcode.Of(err) != c.status || p11.IsUnreached(err) != c.unreached {
				t.Errorf("%v (status %d), hint %s", err, exitcode.Of(err), exitcode.HintOf(err))
			}
		})
	}
}

// TestWrapKey: each mechanism comes with its parameters, in one call.
func TestWrapKey(t *testing.T) {
	l, err := native.Open(broken(t, 6))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	const oaep = 0x220<<32 | 1<<16 | 1 // SHA-1, MGF1 with SHA-1, CKZ_DATA_SPECIFIED
	for _, c := range []struct {
		name string
		m    []*pkcs11.Mechanism
		want []uint64 // type, session, key, length of the parameter, and what is in it
	}{
		{"without a parameter", p11.Mechanism(p11.KWP), []uint64{0x210B, 8, 9, 0, 0, 0, 0}},
		{"an IV", []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_AES_CBC_PAD, []byte{17, 15: 0})}, []uint64{0x1085, 8, 9, 16, 17, 0, 0}},
		{"RSA-OAEP", p11.OAEP(), []uint64{9, 8, 9, 40, 0, oaep, 0}},
		{"in one call", p11.RSAAES(), []uint64{0x1054, 8, 9, 16, 256, oaep, 0}},
		{"GCM", []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_AES_GCM, []byte{19, 11: 0})}, []uint64{0x1087, 8, 9, 48, 19, 12<<32 | 96<<16 | 128, 0}},
	} {
		blob, err := l.WrapKey(8, c.m[0], 0, 9)
		want := make([]byte, 0, len(blob))
		for _, n := range c.want {
			want = binary.LittleEndian.AppendUint64(want, n)
		}
		if err != nil || !bytes.Equal(blob, want) {
			t.Errorf("%s: %v\n got %x\nwant %x", c.name, err, blob, want)
		}
	}
}

// TestWrapKeyLengths: what a module says of a length is believed only where it can be.
func TestWrapKeyLengths(t *testing.T) {
	l, err := native.Open(broken(t, 6))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, c := range []struct {
		name  string
		outer p11.Object
		size  int
		want  error
	}{
		{"more than the room", 1, 9000, nil},
		{"more than any blob", 2, 0, pkcs11.Error(pkcs11.CKR_BUFFER_TOO_SMALL)},
		{"longer than the room it was given", 3, 0, pkcs11.Error(pkcs11.CKR_GENERAL_ERROR)},
		{"too small, it says, and less", 4, 0, pkcs11.Error(pkcs11.CKR_BUFFER_TOO_SMALL)},
		{"refused", 5, 0, pkcs11.Error(pkcs11.CKR_KEY_UNEXTRACTABLE)},
	} {
		blob, err := l.WrapKey(8, p11.Mechanism(p11.KWP)[0], c.outer, 9)
		if err != c.want || len(blob) != c.size || len(bytes.Trim(blob, "\x07")) > 0 {
			t.Errorf("%s: %d bytes, %v", c.name, len(blob), err)
		}
	}
}

// TestPINPad: no PIN is given to a device that has people type it.
func TestPINPad(t *testing.T) {
	t.Setenv("SHIM_MODULE", softhsm.New(t))
	library := shim.Build(t)
	p, slot, h := softhsm.Session(t, library)
	l, err := native.Open(library)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	steps := []struct {
		name string
		do   func() error
		want error
	}{
		{"a PIN is given", func() error { return p.Login(h, pkcs11.CKU_SO, softhsm.SOPIN) }, pkcs11.Error(pkcs11.CKR_ARGUMENTS_BAD)},
		{"SO", func() error { return l.Login(h, pkcs11.CKU_SO) }, nil},
		{"user PIN", func() error { return l.InitPIN(h) }, nil},
		{"SO out", func() error { return p.Logout(h) }, nil},
		{"user", func() error { return l.Login(h, pkcs11.CKU_USER) }, nil},
		{"change", func() error { return l.SetPIN(h) }, nil},
		{"end", func() error { return p.CloseSession(h) }, nil},
		{"again", func() error { return l.InitToken(slot, "again") }, nil},
		{"a person presses Cancel", func() error { return l.InitToken(slot, "again") }, pkcs11.Error(pkcs11.CKR_FUNCTION_CANCELED)},
	}
	if err := p.Logout(h); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SHIM_PIN_PAD", "1")
	t.Setenv("SHIM_PAD_SO", softhsm.SOPIN)
	t.Setenv("SHIM_PAD_USER", softhsm.UserPIN)
	for i, s := range steps {
		if i == len(steps)-1 {
			t.Setenv("SHIM_PAD_SO", "")
		}
		if err := s.do(); err != s.want {
			t.Errorf("%s: %v", s.name, err)
		}
	}
	info, err := p.GetTokenInfo(slot)
	if err != nil || info.Label != "again" {
		t.Errorf("label %q, %v", info.Label, err)
	}
	l.Close()
	var none *native.Library
	none.Close()
}
