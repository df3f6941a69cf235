package transfer_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/transfer"
)

func manifestText(t testing.TB) []byte {
	t.Helper()
	v := valid(t, "replaced")
	return v.bundle[v.end(".manifest.json")]
}

func TestParseManifest(t *testing.T) {
	for _, path := range vectors(t, "package/valid/*/*.manifest.json") {
		data := read(t, path)
		m := must(transfer.ParseManifest(path, data))(t)
		if again := must(m.Marshal())(t); !bytes.Equal(again, data) {
			t.Errorf("%s re-encodes otherwise:\n%s", path, again)
		}
		if m.Name != "contoso-key" || m.SubscriptionID != subscription || len(m.Permissions) != 3 {
			t.Errorf("%+v", m)
		}
	}
}

// What no reader accepts, as text.
func TestParseManifestRefuses(t *testing.T) {
	good := string(manifestText(t))
	for name, c := range map[string]struct{ old, new, want string }{
		"empty":     {good, "", "not valid JSON at byte 0"},
		"cut short": {good, good[:50], "not valid JSON at byte 50, in field version"},
		"other type": {"byok-transfer-manifest", "byok-seal",
			`type is "byok-seal", expected "byok-transfer-manifest"`},
		"later version": {`"version": 1`, `"version": 9`,
			"version 9 of byok-transfer-manifest, written by a later release; this one reads version 1"},
		"earlier version": {`"version": 1`, `"version": 0`,
			"version 0 of byok-transfer-manifest; this release reads version 1"},
		"unknown field": {`"name"`, `"kty": "RSA", "name"`, "unknown field kty"},
		"doubled field": {`"rehearsal": false`, `"rehearsal": false, "rehearsal": false`,
			"field rehearsal appears twice"},
		"bad name": {`"name": "contoso-key"`, `"name": "a_b"`,
			`field name: key name "a_b": 1 to 127 digits, letters and dashes are allowed`},
		"missing field": {"  \"rehearsal\": false,\n", "",
			"line 4 differs from what the program writes: a field is missing, null, out of order or spaced differently"},
		"no final newline": {"}\n", "}",
			"line 24 differs from what the program writes: a field is missing, null, out of order or spaced differently"},
		"Windows lines": {"{\n", "{\r\n",
			"its lines end in CR LF: it was copied in text mode"},
		"trailing": {"}\n", "}\n}", "not valid JSON at byte LENGTH"},
		"too large": {"}\n", "}\n" + strings.Repeat(" ", transfer.MaxFile),
			"LARGE bytes, more than the 65536 such a file may have"},
	} {
		at := strings.LastIndex(good, c.old)
		if at < 0 {
			t.Fatalf("%s: there is no %q", name, c.old)
		}
		data := good[:at] + c.new + good[at+len(c.old):]
		want := strings.NewReplacer("LENGTH", itoa(len(good)), "LARGE", itoa(len(good)+transfer.MaxFile)).Replace(c.want)
		m, err := transfer.ParseManifest("usb/key.manifest.json", []byte(data))
		refused(t, name, err, "usb/key.manifest.json: "+want)
		status(t, name, err, exitcode.Usage)
		if m.Name != "" {
			t.Errorf("%s: gives a manifest beside its error", name)
		}
	}
}

func TestManifestMarshalRefuses(t *testing.T) {
	const seconds = "expected a time in whole seconds, such as 2026-11-25T19:05:00Z"
	for name, c := range map[string]struct {
		change func(*transfer.Manifest)
		want   string
	}{
		"no name": {func(m *transfer.Manifest) { m.Name = "" }, "field name is missing"},
		"bad name": {func(m *transfer.Manifest) { m.Name = "a_b" },
			`field name: key name "a_b": 1 to 127 digits, letters and dashes are allowed`},
		"blob file": {func(m *transfer.Manifest) { m.Blob.File = "x.byok" },
			"field blob.file: expected KeyTransferPackage-contoso-key.byok"},
		"blob hash": {func(m *transfer.Manifest) { m.Blob.SHA256 = fingerprint.Sum{} }, "field blob.sha256 is missing"},
		"authorization": {func(m *transfer.Manifest) { m.Authorization.SHA256 = fingerprint.Sum{} },
			"field authorization.sha256 is missing"},
		"number": {func(m *transfer.Manifest) { m.Authorization.Number = 1 },
			"field authorization.number: expected the number of a statement, at least 2"},
		"pair before the first": {func(m *transfer.Manifest) { m.Authorization.Pair = -1 },
			"field authorization.pair: expected 0 to 49"},
		"pair behind the last": {func(m *transfer.Manifest) { m.Authorization.Pair = 50 },
			"field authorization.pair: expected 0 to 49"},
		"subscription": {func(m *transfer.Manifest) { m.SubscriptionID = "contoso" },
			"field subscription_id: expected a UUID"},
		"module": {func(m *transfer.Manifest) { m.Module = "A" },
			"field module: expected 32 lower-case hex digits"},
		"no permissions": {func(m *transfer.Manifest) { m.Permissions = nil }, "field permissions is missing"},
		"a permission twice": {func(m *transfer.Manifest) { m.Permissions = []string{"SIGN", "SIGN"} },
			`field permissions: "SIGN" is not an attribute's name, or appears twice`},
		"a permission in small letters": {func(m *transfer.Manifest) { m.Permissions = []string{"sign"} },
			`field permissions: "sign" is not an attribute's name, or appears twice`},
		"no time":      {func(m *transfer.Manifest) { m.Created = time.Time{} }, "field created: a time is missing"},
		"nanoseconds":  {func(m *transfer.Manifest) { m.Created = m.Created.Add(1) }, "field created: " + seconds},
		"no generator": {func(m *transfer.Manifest) { m.Generator = "" }, "field generator: it is empty"},
		"generator": {func(m *transfer.Manifest) { m.Generator = "\x1b[2J" },
			"field generator: it is not one line of printable characters"},
	} {
		m := must(transfer.ParseManifest("m", manifestText(t)))(t)
		c.change(&m)
		_, err := m.Marshal()
		refused(t, name, err, "transfer manifest: "+c.want)
	}
}
