package command_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"byok/internal/fingerprint"
	"byok/internal/toolset"
	"byok/internal/transfer"
)

func testdata(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "inspect", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// packages returns the KEK and SecurityWorld packages of testdata/inspect.
func packages(t *testing.T) (toolset.KEKPackage, toolset.SecurityWorldPackage) {
	t.Helper()
	const kekName, worldName = "BYOK-KEK-pkg-CONTOSO-1", "BYOK-SecurityWorld-pkg-CONTOSO-1"
	kek, err := toolset.ParseKEKPackage(kekName, testdata(t, kekName))
	if err != nil {
		t.Fatal(err)
	}
	world, err := toolset.ParseSecurityWorldPackage(worldName, testdata(t, worldName))
	if err != nil {
		t.Fatal(err)
	}
	return kek, world
}

// made returns what a package's encoder returns.
func made(t *testing.T) func([]byte, error) []byte {
	return func(data []byte, err error) []byte {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
}

// crossing makes one of each file that crosses the air gap, by its name.
func crossing(t *testing.T) map[string][]byte {
	t.Helper()
	kek, world := packages(t)
	files := map[string][]byte{
		"KeyVault-BYOK-Tools-CONTOSO.zip": made(t)(toolset.Zip(kek, world)),
		"KeyTransferPackage-ContosoFirstHSMkey.byok": made(t)(transfer.Blob{
			KEK: kek.KID, Generator: "byok-offline 1.0.0; SoftHSM v2 2.6", Ciphertext: bytes.Repeat([]byte{7}, 256+32),
		}.Marshal()),
	}
	for _, name := range []string{
		"BYOK-KEK-pkg-CONTOSO-1", "BYOK-SecurityWorld-pkg-CONTOSO-1",
		"rsa2048.manifest.json", "p256.manifest.json", "aes256.manifest.json", "rehearsal.manifest.json",
	} {
		files[name] = testdata(t, name)
	}

	// A Premium vault of a rehearsal attests nothing; its KEK does not expire.
	world.Service, world.Vault, world.PartitionCertificates, world.Rehearsal = toolset.ServiceVault, "https://localhost:8443", "", true
	files["BYOK-SecurityWorld-pkg-PREMIUM-1"] = made(t)(world.Marshal())
	kek.KID.Vault, kek.Rehearsal, kek.Attestation, kek.Expires = world.Vault, true, nil, time.Time{}
	kek.SecurityWorld = fingerprint.Of(files["BYOK-SecurityWorld-pkg-PREMIUM-1"])
	files["BYOK-KEK-pkg-PREMIUM-1"] = made(t)(kek.Marshal())
	return files
}

// TestInspect: each kind of file, under its own name and under any other.
func TestInspect(t *testing.T) {
	for name, data := range crossing(t) {
		dir, folder := kmdata(t), t.TempDir()
		path := write(t, folder+"/"+name, string(data))
		got := run(t, program(given), "inspect", path)
		golden(t, "inspect/"+name+".txt", got.out)
		wantAnswer(t, name, got, answer{0, got.out, ""})
		if e := last(t, dir); len(e.Inputs) != 1 || e.Inputs[0].Path != path || e.Inputs[0].SHA256 != fingerprint.Of(data) {
			t.Errorf("%s: recorded %+v", name, e.Inputs)
		}
		renamed := write(t, folder+"/BYOK-KEK-pkg-OTHER-1", string(data))
		wantAnswer(t, name+" renamed", run(t, program(given), "inspect", renamed), got)
	}
}

func TestInspectJSON(t *testing.T) {
	kmdata(t)
	got := run(t, program(given), "inspect", "testdata/inspect/BYOK-SecurityWorld-pkg-CONTOSO-1", "--output", "json")
	golden(t, "inspect.json", got.out)
	wantAnswer(t, "JSON", got, answer{0, got.out, ""})
}

// TestInspectRefuses: one fault each; nothing on stdout but the envelope.
func TestInspectRefuses(t *testing.T) {
	good := crossing(t)
	zip, blob := good["KeyVault-BYOK-Tools-CONTOSO.zip"], good["KeyTransferPackage-ContosoFirstHSMkey.byok"]
	kek, world, manifest := good["BYOK-KEK-pkg-CONTOSO-1"], good["BYOK-SecurityWorld-pkg-CONTOSO-1"], good["rsa2048.manifest.json"]
	edited := func(data []byte, old, new string) []byte {
		if bytes.Count(data, []byte(old)) == 0 {
			t.Fatalf("no %q to edit", old)
		}
		return bytes.Replace(data, []byte(old), []byte(new), 1)
	}
	for name, c := range map[string]struct {
		data   []byte
		status int
		err    string
	}{
		"empty":                  {nil, 2, "is no .byok, manifest, KEK or SecurityWorld package or toolset zip"},
		"k.manifest.sig":         {[]byte{0x30, 0x45, 2, 0x21}, 2, "is no .byok, manifest, KEK or SecurityWorld package or toolset zip"},
		"large":                  {make([]byte, toolset.MaxZip+1), 2, "more than the 1048576 bytes such a file may have"},
		"t.zip":                  {zip[:len(zip)-1], 2, "not a zip file, or cut short"},
		"edited.zip":             {edited(zip, "CONTOSO", "CONTOSA"), 3, `entry "BYOK-KEK-pkg-CONTOSO-1": its own header and the directory disagree`},
		"BYOK-KEK-pkg-X-1":       {kek[:100], 2, "not valid JSON at byte 100"},
		"BYOK-KEK-pkg-X-2":       {[]byte("\x00\x01\x02"), 2, "a binary package of the nCipher toolset retired in June 2021"},
		"BYOK-KEK-pkg-X-3":       {edited(kek, `"suffix"`, `"Suffix"`), 2, "unknown field Suffix"},
		"BYOK-SecurityWorld-pkg": {edited(world, `"managed-hsm"`, `"hsm"`), 2, `field service: expected "vault" or "managed-hsm"`},
		"empty.byok":             {nil, 2, "not valid JSON at byte 0"},
		"legacy.byok":            {bytes.Repeat([]byte{0, 1, 2}, 100), 2, "binary, not JSON: a legacy nCipher transfer package, which the service stopped taking in June 2021"},
		"alg.byok":               {edited(blob, `"dir"`, `"RSA-OAEP"`), 2, `field header.alg: expected "dir"`},
		"x.manifest.json":        {edited(manifest, `"bits": 2048`, `"bits": 3072`), 2, "field key.bits: the public key has 2048"},
	} {
		dir := kmdata(t)
		path := write(t, t.TempDir()+"/"+name, string(c.data))
		got := run(t, program(given), "inspect", path)
		said, _, _ := strings.Cut(got.err, "byok-test: hint:")
		wantAnswer(t, name, answer{got.status, got.out, said}, answer{c.status, "", lines("byok-test: error: " + path + ": " + c.err)})
		if e := last(t, dir); e.Status != c.status || e.Error != path+": "+c.err {
			t.Errorf("%s: recorded %+v", name, e)
		}
	}
}
