package main

import (
	"byok/internal/testkit/misfit"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// text is a text that a command reads.
type text struct {
	file, line string
	windows    bool              // CR LF does it no harm
	but        map[string]string // what is said of an encoding, where it is something else
}

func texts() []text {
	const (
		pack    = "usb/KeyTransferPackage-payroll"
		upload  = "upload " + pack + ".byok --rehearsal vault --yes"
		foreign = "upload other.byok --rehearsal vault --yes --kty EC --curve P-256 --unchecked"
		login   = "login --tenant t --client-id c --auth client-"
	)
	secret := map[string]string{}
	for _, e := range misfit.Encodings() {
		secret[e.Name] = "secret: begins with a byte-order mark"
	}
	secret["UTF-16 without a mark"] = "secret: is in UTF-16"
	list := []text{
		{"other.byok", foreign, true, nil},
		{"other.byok", "inspect other.byok", true, nil},
		{"pem", "verify --name payroll --rehearsal vault --public-key pem", true, nil},
		{"policy", foreign + " --exportable --release-policy policy", true, nil},
		{"ca.pem", "toolset download --region EU --from https://localhost/ --ca-file ca.pem", true, nil},
		{"pem", login + "certificate --client-certificate pem", true, nil},
		{"secret", login + "secret --client-secret-file secret", true, secret},
		{"SHA256SUMS", "toolset verify other", false, nil},
		{"kek", "inspect kek", false, nil},
		{"world", "inspect world", false, nil},
		{"proof", "inspect proof", false, nil},
		{"config/worlds.json", upload, false, nil},
		{"kmdata/local/ceremony.jsonl", "ceremony verify", false, nil},
	}
	for _, name := range []string{".byok", ".manifest.json", ".authorization.json", ".world.json", ".module.json"} {
		list = append(list, text{pack + name, upload, false, nil})
	}
	return list
}

// TestEncodings spoils every text that the program reads in every way: what is
// wrong with it is named.
func TestEncodings(t *testing.T) {
	samples, err := filepath.Abs("../../internal/shared/testdata/inspect")
	if err != nil {
		t.Fatal(err)
	}
	s := inputScene(t)
	encodingScene(t, s, samples)
	named, all := 0, 0
	for _, in := range texts() {
		whole, err := os.ReadFile(in.file)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range misfit.Encodings() {
			if in.windows && e.Name == misfit.CRLF {
				continue
			}
			all++
			if err := os.WriteFile(in.file, e.Spoil(whole), 0o600); err != nil {
				t.Fatal(err)
			}
			status, said := s.run(t, strings.Fields(in.line))
			want := e.Says
			if other, differs := in.but[e.Name]; differs {
				want = other
			}
			if status == 0 || !strings.Contains(said, want) {
				t.Errorf("%s in %s: %s: status %d: %swant %s", e.Name, in.file, in.line, status, said, want)
			} else {
				named++
			}
			if err := os.WriteFile(in.file, whole, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Logf("spoiled texts that are named: %d of %d", named, all)
}

// encodingScene adds the files that inputScene does not have, some from a folder
// of samples.
func encodingScene(t *testing.T, s scenery, samples string) {
	t.Helper()
	copied := func(to, from string) {
		t.Helper()
		data, err := os.ReadFile(from)
		if err == nil {
			err = os.WriteFile(to, data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	copied("other.byok", "usb/KeyTransferPackage-payroll.byok")
	copied("ca.pem", "vault/ca.pem")
	copied("pem", "vault/ca.pem")
	for name, content := range map[string]string{
		"policy": "{\n}\n", "secret": "hunter2\n",
		"SHA256SUMS": strings.Repeat("0", 64) + "  other\n" + strings.Repeat("0", 64) + "  more\n",
	} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	line := "verify --manifest usb/KeyTransferPackage-payroll.manifest.json --rehearsal vault --proof proof"
	if status, said := s.run(t, strings.Fields(line)); status != 0 {
		t.Fatal(said)
	}
	copied("kek", samples+"/BYOK-KEK-pkg-CONTOSO-1")
	copied("world", samples+"/BYOK-SecurityWorld-pkg-CONTOSO-1")
}
