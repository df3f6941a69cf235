package hsm

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/hsm/softhsm"
	"byok/internal/hsm/unprivileged"
)

const libraryHint = "give the vendor's PKCS#11 library with --module-path, such as /usr/lib/softhsm/libsofthsm2.so"

func TestLoadRefuses(t *testing.T) {
	good := softhsm.New(t)
	dir := t.TempDir()
	locked, text := filepath.Join(dir, "locked.so"), filepath.Join(dir, "text.so")
	if err := errors.Join(os.WriteFile(locked, nil, 0), os.WriteFile(text, []byte("text\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	foreign := copyForAnotherMachine(t, good)
	missing := filepath.Join(dir, "missing.so")
	libc := cLibrary(t)
	for name, c := range map[string]struct{ path, cause, hint string }{
		"missing":         {missing, "no such file or directory", libraryHint},
		"below a file":    {text + "/lib.so", "not a directory", libraryHint},
		"folder":          {dir, "is a folder", libraryHint},
		"unreadable":      {locked, "permission denied", libraryHint},
		"text":            {text, "is not a shared library", libraryHint},
		"C library":       {libc, "has no C_GetFunctionList, so it is not a PKCS#11 library", libraryHint},
		"another machine": {foreign, "the dynamic linker refused it; a library it needs may be missing", "ldd " + foreign},
	} {
		t.Run(name, func(t *testing.T) {
			var err error
			unprivileged.Run(t, func() { _, err = Load(c.path) })
			expect(t, err, failure{"PKCS#11 library " + c.path + ": " + c.cause, exitcode.Usage, c.hint})
		})
	}
}

// cLibrary is a shared library that every Linux has.
func cLibrary(t *testing.T) string {
	t.Helper()
	found, err := filepath.Glob("/lib*/*-linux-gnu/libc.so.6")
	if more, _ := filepath.Glob("/lib64/libc.so.6"); err == nil {
		found = append(found, more...)
	}
	if len(found) == 0 {
		t.Fatal("no libc.so.6 found below /lib")
	}
	return found[0]
}

// copyForAnotherMachine changes e_machine, so that only the dynamic linker minds.
func copyForAnotherMachine(t *testing.T, library string) string {
	t.Helper()
	data := must[[]byte](t)(os.ReadFile(library))
	data[18] ^= 0xff
	return write(t, data)
}

func TestLoad(t *testing.T) {
	library := softhsm.New(t)
	m := load(t, library)
	if m.Path != library || !strings.HasPrefix(m.Library, "Implementation of PKCS11 2.") {
		t.Errorf("loaded %q from %s", m.Library, m.Path)
	}
	m.Close()
	m.Close()
	var none *Module
	none.Close()
}

func TestLoadWithoutConfiguration(t *testing.T) {
	library := softhsm.New(t)
	t.Setenv("SOFTHSM2_CONF", filepath.Join(t.TempDir(), "missing.conf"))
	_, err := Load(library)
	expect(t, err, failure{"PKCS#11 library " + library + " could not be initialised: CKR_GENERAL_ERROR", exitcode.HSM,
		"check the library's own configuration and that the HSM is connected"})
}

func TestToken(t *testing.T) {
	m, made := world(t)
	found := must[Token](t)(m.Token(made.Serial))
	if found.Serial != made.Serial || found.Label != testLabel || !found.Initialised || found.Manufacturer != "SoftHSM project" || found.Model != "SoftHSM v2" || found.Firmware != "2.6" {
		t.Errorf("found %+v", found)
	}
	_, err := m.Token("0123456789abcdef")
	expect(t, err, failure{"no token with serial 0123456789abcdef in " + m.Path, exitcode.HSM,
		"connect the HSM that holds this security world, then byok-offline module list --module-path " + m.Path})
	if all := must[[]Token](t)(m.Tokens()); len(all) != 2 || all[1].Initialised {
		t.Errorf("tokens %+v", all)
	}
	if free := must[Token](t)(m.Free()); free.Initialised || free.Slot == found.Slot {
		t.Errorf("free is %+v", free)
	}
	if labelled := must[[]Token](t)(m.Labelled("another")); len(labelled) != 0 {
		t.Errorf("labelled %+v", labelled)
	}
}

func TestTokenListFails(t *testing.T) {
	m, token := faultyWorld(t)
	failCall(t, m, "C_GetSlotList", 1, pkcs11.CKR_DEVICE_ERROR)
	_, err := m.Free()
	expect(t, err, failure{"C_GetSlotList of " + m.Path + ": CKR_DEVICE_ERROR", exitcode.HSM, ""})
	failCall(t, m, "C_GetTokenInfo", 1, 0x80000001)
	_, err = m.Token(token.Serial)
	expect(t, err, failure{fmt.Sprintf("C_GetTokenInfo of slot %d: return code 0x80000001", token.Slot), exitcode.HSM, ""})
	failCall(t, m, "C_InitToken", 1, pkcs11.CKR_DEVICE_MEMORY)
	_, err = m.Initialise(token, pin(soPIN), testLabel)
	expect(t, err, failure{fmt.Sprintf(`C_InitToken on slot %d for "test world": CKR_DEVICE_MEMORY`, token.Slot), exitcode.HSM, ""})
}

func TestInitialiseTakesTheSameLabelOnce(t *testing.T) {
	m, token := world(t)
	_, err := m.Initialise(token, pin("another SO PIN"), testLabel)
	expect(t, err, failure{fmt.Sprintf(`C_InitToken on slot %d for "test world": CKR_PIN_INCORRECT`, token.Slot), exitcode.HSM, ""})
	again := must[Token](t)(m.Initialise(token, pin(soPIN), testLabel))
	asOfficer(t, m, again, func(so *SecurityOfficer) error {
		if labels := must[[]string](t)(so.Labels()); len(labels) != 0 {
			t.Errorf("a fresh token holds %q", labels)
		}
		return nil
	})
	_, err = m.Initialise(must[Token](t)(m.Free()), pin(soPIN), testLabel)
	expect(t, err, failure{`after C_InitToken 2 tokens are labelled "test world", one was expected`, exitcode.HSM, ""})
}
