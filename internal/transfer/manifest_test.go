package transfer

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"byok/internal/fingerprint"
	"byok/internal/keykind"
)

func manifest(t testing.TB, name string) Manifest {
	t.Helper()
	path := "testdata/manifest/valid/" + name + ".json"
	return must[Manifest](t)(ParseManifest(path, read(t, path)))
}

func TestParseManifest(t *testing.T) {
	for _, path := range vectors(t, "manifest/valid/*.json") {
		data := read(t, path)
		m, err := ParseManifest(path, data)
		if err != nil {
			t.Error(err)
			continue
		}
		if again, err := m.Marshal(); err != nil || !bytes.Equal(again, data) {
			t.Errorf("%s re-encodes otherwise: %v\n%s", path, err, again)
		}
	}
}

func TestManifestFields(t *testing.T) {
	m := manifest(t, "rehearsal")
	if !m.Rehearsal || m.KEK.Attested || m.Key.PlainName != "Schlüssel der Probe" || m.KEK.KID.String() != kid || m.KEK.Bits != 2048 {
		t.Errorf("%+v", m)
	}
	if want := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC); !m.Created.Equal(want) {
		t.Errorf("created %s", m.Created)
	}
	pub, err := m.Key.Public()
	if err != nil || !keykind.SamePublicKey(pub, publicKey(t, "p256")) {
		t.Errorf("another public key: %v", err)
	}
	_, err = manifest(t, "aes256").Key.Public()
	refused(t, "public key of AES", err, "an AES key has no public key")
}

func TestParseManifestRefuses(t *testing.T) {
	for _, path := range vectors(t, "manifest/invalid/*.json") {
		m, err := ParseManifest("usb/key.manifest.json", read(t, path))
		refused(t, path, err, "usb/key.manifest.json: "+wanted(t, path))
		if m.Name != "" {
			t.Errorf("%s: gives a manifest beside its error", path)
		}
	}
}

// Whatever the parsers of keys and identifiers refuse, no manifest may carry.
func TestManifestRefusesEveryInvalidPart(t *testing.T) {
	good := string(read(t, "testdata/manifest/valid/p384.json"))
	replaced := func(old, new string) []byte {
		return []byte(strings.Replace(good, string(must[[]byte](t)(json.Marshal(old))), string(must[[]byte](t)(json.Marshal(new))), 1))
	}
	m := manifest(t, "p384")
	for _, path := range vectors(t, "../../keykind/testdata/publickey/invalid/*.pem") {
		text, want := string(read(t, path)), wanted(t, path)
		if text == "" {
			continue // a missing field, which has its own vector
		}
		_, err := ParseManifest("m", replaced(m.Key.PublicKey, text))
		refused(t, path, err, "m: field key.public_key: "+want)
		w := m
		w.World.KNSOPublicKey = text
		_, err = w.Marshal()
		refused(t, path, err, "transfer manifest: field world.knso_public_key: "+want)
	}
	bad := "https://contoso.vault.azure.net/keys/KEKforBYOK"
	_, err := ParseManifest("m", replaced(kid, bad))
	refused(t, bad, err, "m: field kek.kid: key identifier \""+bad+"\": the version is missing")
}

func TestManifestMarshalRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Manifest)
		want   string
	}{
		"name":                {func(m *Manifest) { m.Name = "" }, "field name is missing"},
		"blob":                {func(m *Manifest) { m.Blob.SHA256 = fingerprint.Sum{} }, "field blob.sha256 is missing"},
		"thumbprint":          {func(m *Manifest) { m.Key.Thumbprint = "" }, "field key.thumbprint: the public key has " + manifest(t, "p521").Key.Thumbprint},
		"kid":                 {func(m *Manifest) { m.KEK.KID.Version = "" }, `field kek.kid: key identifier "https://contoso.vault.azure.net/keys/KEKforBYOK/": the version has 32 hex digits and nothing after them`},
		"ops":                 {func(m *Manifest) { m.Key.KeyOps = nil }, "field key.key_ops is missing"},
		"local time":          {func(m *Manifest) { m.Created = m.Created.In(time.FixedZone("", 3600)) }, "field created: expected UTC and whole seconds"},
		"nanoseconds":         {func(m *Manifest) { m.Created = m.Created.Add(1) }, "field created: expected UTC and whole seconds"},
		"UTF-8":               {func(m *Manifest) { m.Key.PlainName = "a\xff" }, "field key.plainname: expected one line of at most 127 bytes"},
		"AES with crv":        {func(m *Manifest) { m.Key = manifest(t, "aes256").Key; m.Key.Crv = "P-256" }, "field key.kty: oct-HSM has no crv, public_key or thumbprint"},
		"AES with public key": {func(m *Manifest) { m.Key = manifest(t, "aes256").Key; m.Key.PublicKey = "PEM" }, "field key.kty: oct-HSM has no crv, public_key or thumbprint"},
		"AES with thumbprint": {func(m *Manifest) { m.Key = manifest(t, "aes256").Key; m.Key.Thumbprint = "x" }, "field key.kty: oct-HSM has no crv, public_key or thumbprint"},
		"crv of RSA":          {func(m *Manifest) { m.Key = manifest(t, "rsa2048").Key; m.Key.Crv = "P-256" }, `field key.crv: an RSA-HSM key has none`},
	} {
		m := manifest(t, "p521")
		c.change(&m)
		_, err := m.Marshal()
		refused(t, name, err, "transfer manifest: "+c.want)
	}
}

func TestKeyOfAndWorldOf(t *testing.T) {
	for _, path := range vectors(t, "../../keykind/testdata/publickey/valid/*.pem") {
		name := strings.TrimSuffix(strings.TrimPrefix(path, "../keykind/testdata/publickey/valid/"), ".pem")
		pub := publicKey(t, name)
		k := must[Key](t)(KeyOf(pub))
		k.App, k.Ident, k.PlainName, k.KeyOps = "simple", "contosokey", "contosokey", keykind.KeyOps(k.KTY)
		m := manifest(t, "aes128")
		m.Key, m.World = k, must[WorldRecord](t)(WorldOf(pub, "serial"))
		if _, err := m.Marshal(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
