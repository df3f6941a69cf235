package library

import (
	"testing"

	"byok/internal/exitcode"
)

func TestWrappers(t *testing.T) {
	clean(t)
	spy := installed(t, "pkcs11-spy.so", "opensc")
	proxy := installed(t, "p11-kit-proxy.so", "p11-kit-modules")
	client := installed(t, "p11-kit-client.so", "p11-kit-modules")
	const isSpy = "OpenSC's pkcs11-spy, which writes the PINs to a file"
	const isProxy = "p11-kit's proxy, which loads what its configuration names"
	called := func(name string) string { return copyOf(t, softHSM(t), t.TempDir()+"/"+name) }
	renamed := copyOf(t, spy, t.TempDir()+"/vendor.so")
	for name, c := range map[string]struct{ path, what string }{
		"spy":                  {spy, isSpy},
		"spy of another name":  {renamed, isSpy},
		"spy behind a link":    {link(t, spy, t.TempDir()+"/hsm.so"), isSpy},
		"something called spy": {called("pkcs11-spy.so.1"), isSpy},
		"link called spy":      {link(t, softHSM(t), t.TempDir()+"/pkcs11-spy.so"), isSpy},
		"p11-kit's proxy":      {proxy, isProxy},
		"p11-kit's client":     {client, "p11-kit's client, which sends the PINs to a server"},
		"Luna's log":           {called("libcklog2.so"), "Luna's logging library, which writes the calls to a file"},
		"logger":               {called("pkcs11-logger-x64.so"), "pkcs11-logger, which writes the calls to a file"},
		"SoftHSM":              {softHSM(t), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("SOFTHSM2_CONF", "/etc/passwd")
			id := identify(t, c.path)
			_, err := CheckOwners(id, false)
			if c.what == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			text := "PKCS#11 library " + c.path + ": goes by the name of " + c.what
			expect(t, err, failure{text, exitcode.Refused, "give the HSM vendor's own library with --module-path"})
			warnings, err := CheckOwners(id, true)
			if err != nil || warnings[0] != text+"; only a rehearsal accepts that" {
				t.Errorf("rehearsal: %v, %q", err, warnings)
			}
		})
	}
	record := Identity{Path: "/usr/lib/pkcs11-spy.so"}
	if err := new(checker).checkWrapper(record); err == nil {
		t.Error("a wrapper in a record is not noticed")
	}
}
