package hsm

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/hsm/shim"
	"byok/internal/keywrap"
	"byok/internal/testkit/softhsm"
)

func TestLoadRefuses(t *testing.T) {
	good := softhsm.New(t)
	text, lacking := write(t, []byte("text\n")), copyThatLacksALibrary(t, good)
	for _, c := range []struct{ name, path, text, hint string }{
		{
			"text", text, "not a shared library",
			"give the vendor's PKCS#11 library with --module-path, such as /usr/lib/softhsm/libsofthsm2.so",
		},
		{
			"a library it needs", lacking, "the dynamic linker refused it; a library it needs may be missing",
			"ldd " + lacking,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Load(c.path)
			expect(t, err, failure{"PKCS#11 library " + c.path + ": " + c.text, exitcode.Usage, c.hint})
		})
	}
}

// copyThatLacksALibrary renames what the library needs, so that only the dynamic
// linker minds.
func copyThatLacksALibrary(t *testing.T, library string) string {
	t.Helper()
	data := must[[]byte](t)(os.ReadFile(library))
	changed := bytes.Replace(data, []byte("\x00libcrypto.so."), []byte("\x00libmissing.so"), 1)
	if bytes.Equal(changed, data) {
		t.Fatalf("%s does not need libcrypto", library)
	}
	return write(t, changed)
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

func TestLoadFails(t *testing.T) {
	t.Setenv("SHIM_MODULE", softhsm.New(t))
	library := shim.Build(t)
	for _, c := range []struct{ function, text, hint string }{
		{
			"C_Initialize", "PKCS#11 library " + library + " could not be initialised: CKR_GENERAL_ERROR",
			"check the library's own configuration and that the HSM is connected",
		},
		{"C_GetInfo", "C_GetInfo of " + library + ": CKR_GENERAL_ERROR", ""},
	} {
		t.Setenv("SHIM_DO", "fail=0x5")
		t.Setenv("SHIM_AT", c.function)
		_, err := Load(library)
		t.Setenv("SHIM_AT", "")
		expect(t, err, failure{c.text, exitcode.HSM, c.hint})
	}
}

func TestFormFails(t *testing.T) {
	r := faultyToken(t)
	r.failCall(t, "C_GetSlotList", 1, pkcs11.CKR_DEVICE_ERROR)
	_, err := r.m.Form(Token{Label: "another"})
	expect(t, err, failure{"C_GetSlotList of " + r.m.Path + ": CKR_DEVICE_ERROR", exitcode.HSM, ""})
}

func TestForm(t *testing.T) {
	for _, c := range []struct {
		oneCall string
		want    keywrap.Form
	}{{"", keywrap.TwoSteps}, {"1", keywrap.OneCall}} {
		t.Run(string(c.want), func(t *testing.T) {
			t.Setenv("SHIM_RSA_AES", c.oneCall)
			r := faultyToken(t)
			t.Setenv("SHIM_RSA_AES", "") // it is looked up once
			if got := must[keywrap.Form](t)(r.m.Form(r.token)); got != c.want {
				t.Errorf("form %q, want %q", got, c.want)
			}
		})
	}
}
