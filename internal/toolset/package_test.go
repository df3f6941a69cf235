package toolset

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/kek"
)

var update = flag.Bool("update", false, "write testdata/BYOK-* again")

const (
	kekFile = "BYOK-KEK-pkg-CONTOSO-1"
	swFile  = "BYOK-SecurityWorld-pkg-CONTOSO-1"
)

func read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// contoso makes a pair of packages that belong together once they are bound.
func contoso(t testing.TB) (KEKPackage, SecurityWorldPackage) {
	t.Helper()
	world := SecurityWorldPackage{
		Suffix:                "CONTOSO",
		Generation:            1,
		Mark:                  kek.Production,
		Service:               kek.ServiceManagedHSM,
		Cloud:                 "AzurePublic",
		Vault:                 "https://contoso.managedhsm.azure.net",
		Location:              "westeurope",
		Tenant:                "72f988bf-86f1-41af-91ab-2d7cd011db47",
		PartitionCertificates: "PEM",
	}
	return KEKPackage{
		Suffix:      "CONTOSO",
		Generation:  1,
		Mark:        kek.Production,
		KID:         kek.ID{Vault: world.Vault, Name: "KEKforBYOK", Version: "664f5aa2797a4075b8e36ca4500636d8"},
		PublicKey:   string(read(t, "kek.pem")),
		KTY:         "RSA-HSM",
		KeyOps:      []string{"import"},
		Enabled:     true,
		HSMPlatform: "2",
		Created:     time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		Expires:     time.Date(2026, 1, 5, 3, 4, 5, 0, time.UTC),
		Attestation: &Attestation{CertificatePEM: []byte("PEM"), PrivateKey: []byte{0xfb, 0xff, 0xfe}, Version: "MRVL-1"},
	}, world
}

func bound(t testing.TB, k KEKPackage, world SecurityWorldPackage) Pair {
	t.Helper()
	pair, err := NewPair(k, world)
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

func contosoPair(t testing.TB) Pair {
	t.Helper()
	k, world := contoso(t)
	return bound(t, k, world)
}

// TestGolden holds the file format still: what is written today must be read
// by every later release.
func TestGolden(t *testing.T) {
	pair := contosoPair(t)
	files, err := pair.files()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files[:2] {
		if *update {
			if err := os.WriteFile(filepath.Join("testdata", f.Name), f.Data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if want := read(t, f.Name); !bytes.Equal(f.Data, want) {
			t.Errorf("%s:\n%s\nwant\n%s", f.Name, f.Data, want)
		}
	}
	again, err := ParsePair(File{kekFile, read(t, kekFile)}, File{swFile, read(t, swFile)})
	if err != nil || !reflect.DeepEqual(again, pair) {
		t.Errorf("%+v, %v", again, err)
	}
	if pair.KEKHash() != fingerprint.Of(files[0].Data) || pair.SecurityWorldHash() != fingerprint.Of(files[1].Data) ||
		pair.KEK().SecurityWorld != pair.SecurityWorldHash() || pair.Name() != kekFile {
		t.Error("a hash is not that of the file")
	}
}

func TestCandidate(t *testing.T) {
	pair := contosoPair(t)
	c := pair.KEK().Candidate(pair.SecurityWorld().Vault)
	if failed := kek.Failed(c.Check(pair.KEK().Created)); len(failed) > 0 {
		t.Errorf("%v", failed)
	}
	bad := pair.KEK()
	bad.PublicKey = "PEM"
	if c := bad.Candidate(pair.SecurityWorld().Vault); c.Public != nil {
		t.Errorf("%v", c.Public)
	}
}

// edit is one change of a good file and the error it must give.
type edit struct{ old, new, want string }

// line is how a file that is spelled otherwise is refused.
func line(n int) string {
	return fmt.Sprintf("line %d differs from what the program writes: a field is missing, null, out of order or spaced differently", n)
}

func TestParseKEKPackageRefuses(t *testing.T) {
	good := string(read(t, kekFile))
	for name, e := range map[string]edit{
		"type":                  {`"byok-kek-package"`, `"byok-kek"`, `type is "byok-kek", expected "byok-kek-package"`},
		"type missing":          {`  "type": "byok-kek-package",` + "\n", ``, `type is "", expected "byok-kek-package"`},
		"type not text":         {`"byok-kek-package"`, `7`, `field type: expected a string, not a JSON number`},
		"other package":         {`"byok-kek-package"`, `"byok-security-world-package"`, `type is "byok-security-world-package", expected "byok-kek-package"`},
		"version":               {`"version": 2,`, `"version": 3,`, `version 3 of byok-kek-package, written by a later release; this one reads version 2`},
		"suffix in small":       {`"CONTOSO"`, `"Contoso"`, `field suffix: expected 1 to 32 capital letters and digits`},
		"suffix empty":          {`"CONTOSO"`, `""`, `field suffix: expected 1 to 32 capital letters and digits`},
		"suffix a path":         {`"CONTOSO"`, `"../X"`, `field suffix: expected 1 to 32 capital letters and digits`},
		"generation 0":          {`"generation": 1`, `"generation": 0`, `field generation: expected a number from 1 to 9999`},
		"generation over":       {`"generation": 1`, `"generation": 10000`, `field generation: expected a number from 1 to 9999`},
		"generation text":       {`"generation": 1`, `"generation": "1"`, `field generation: expected a number, not a JSON string`},
		"mark missing":          {"  \"mark\": \"production\",\n", ``, `field mark: expected "production", "rehearsal" or "test"`},
		"mark unknown":          {`"production"`, `"Production"`, `field mark: expected "production", "rehearsal" or "test"`},
		"kty missing":           {`"RSA-HSM"`, `""`, `field kty: empty or missing`},
		"kty with blank":        {`"RSA-HSM"`, `" RSA-HSM"`, `field kty: it begins or ends with a blank`},
		"EC key":                {`"public_key": "-----BEGIN`, `"public_key": "` + strings.ReplaceAll(ecKey(t), "\n", `\n`) + `", "x": "-----BEGIN`, `unknown field x`},
		"not_before elsewhere":  {`"expires"`, `"not_before": "2026-01-02T03:04:05+01:00", "expires"`, `field not_before: expected a time in UTC, such as 2026-11-25T19:05:00Z`},
		"CR LF":                 {"\n", "\r\n", `its lines end in CR LF: it was copied in text mode`},
		"byte order mark":       {"{", "\xef\xbb\xbf{", `it begins with a byte order mark, as Windows PowerShell writes it; expected UTF-8 without a byte order mark`},
		"kid missing":           {`"kid": "https://contoso.managedhsm.azure.net/keys/KEKforBYOK/664f5aa2797a4075b8e36ca4500636d8"`, `"kid": null`, `field kid: missing`},
		"kid without version":   {`/664f5aa2797a4075b8e36ca4500636d8`, ``, `field kid: key identifier "https://contoso.managedhsm.azure.net/keys/KEKforBYOK": the version is missing`},
		"kid over http":         {`"kid": "https`, `"kid": "http`, `field kid: key identifier "http://contoso.managedhsm.azure.net/keys/KEKforBYOK/664f5aa2797a4075b8e36ca4500636d8": it does not begin with https://`},
		"kid in capitals":       {`"kid": "https://contoso`, `"kid": "https://Contoso`, line(7)},
		"public key cut":        {`-----BEGIN PUBLIC KEY-----\nMII`, `-----BEGIN PUBLIC KEY-----\nMI`, `field public_key: public key: the PEM block is damaged`},
		"public key missing":    {`"public_key": "`, `"public_key": "", "x": "`, `unknown field x`},
		"public key CRLF":       {`KEY-----\n"`, `KEY-----\r\n"`, `field public_key: public key: expected PEM of 64 characters a line and a final newline`},
		"key_ops null":          {"[\n    \"import\"\n  ]", `null`, `field key_ops: empty or missing`},
		"key_ops empty":         {"[\n    \"import\"\n  ]", `[]`, `field key_ops: empty or missing`},
		"key_ops text":          {"[\n    \"import\"\n  ]", `"import"`, `field key_ops: expected an array, not a JSON string`},
		"key_ops with escape":   {`"import"`, `"import\u001b[2J"`, `field key_ops: it is not one line of printable characters`},
		"hsm_platform long":     {`"hsm_platform": "2"`, `"hsm_platform": "` + strings.Repeat("2", 257) + `"`, `field hsm_platform: it has 257 bytes; at most 256 are allowed`},
		"created missing":       {"  \"created\": \"2026-01-02T03:04:05Z\",\n", ``, `field created: a time is missing`},
		"created elsewhere":     {`03:04:05Z",` + "\n  \"exp", `03:04:05+01:00",` + "\n  \"exp", `field created: expected a time in UTC, such as 2026-11-25T19:05:00Z`},
		"created with fraction": {`03:04:05Z",` + "\n  \"exp", `03:04:05.5Z",` + "\n  \"exp", `field created: expected a time in whole seconds, such as 2026-11-25T19:05:00Z`},
		"expires with fraction": {`"2026-01-05T03:04:05Z"`, `"2026-01-05T03:04:05.5Z"`, `field expires: expected a time in whole seconds, such as 2026-11-25T19:05:00Z`},
		"expires before":        {`"2026-01-05T`, `"2026-01-01T`, `field expires: not after created`},
		"expires no date":       {`"2026-01-05T03:04:05Z"`, `"2026-02-30T03:04:05Z"`, `field expires: parsing time "2026-02-30T03:04:05Z": day out of range`},
		"world missing":         {`"security_world"`, `"security_worlds"`, `unknown field security_worlds`},
		"world cut":             {`"security_world": "`, `"security_world": "0`, `field security_world: a SHA-256 sum is 64 lower-case hex digits`},
		"world null":            {`"security_world": "` + worldSum(t) + `"`, `"security_world": null`, `field security_world: missing`},
		"attestation missing":   {`"certificatePemFile": "UEVN",`, ``, `field attestation.certificatePemFile: empty or missing`},
		"attestation empty":     {`"privateKeyAttestation": "-__-"`, `"privateKeyAttestation": ""`, `field attestation.privateKeyAttestation: empty or missing`},
		"attestation padded":    {`"UEVN"`, `"UEVNMQ=="`, line(19)},
		"attestation base64":    {`"-__-"`, `"+//+"`, `field attestation.privateKeyAttestation: not base64url (RFC 4648, section 5)`},
		"attestation loose bit": {`"-__-"`, `"-_9"`, `field attestation.privateKeyAttestation: not base64url (RFC 4648, section 5)`},
		"attestation version":   {`"MRVL-1"`, `""`, `field attestation.version: empty or missing`},
		"doubled":               {`"version": 2,`, `"version": 2, "version": 2,`, `field version appears twice`},
		"miscased":              {`"suffix"`, `"Suffix"`, `unknown field Suffix`},
		"spacing":               {`"version": 2,`, `"version":  2,`, line(3)},
		"trailing newline":      {"}\n}\n", "}\n}\n\n", line(24)},
	} {
		count := 1
		if e.old == "\n" {
			count = -1
		}
		data := strings.Replace(good, e.old, e.new, count)
		if data == good {
			t.Fatalf("%s: the edit changes nothing", name)
		}
		_, err := ParseKEKPackage("K", []byte(data))
		expect(t, name, err, exitcode.Usage, "K: "+e.want)
	}
	_, err := ParseKEKPackage("K", make([]byte, MaxPackage+1))
	expect(t, "retired, over-size", err, exitcode.Usage, "K: a binary package of the nCipher toolset retired in June 2021")
	_, err = ParseKEKPackage("K", []byte(strings.Repeat(" ", MaxPackage+1)))
	expect(t, "over-size", err, exitcode.Usage, "K: 262145 bytes, more than the 262144 such a file may have")
}

func worldSum(t *testing.T) string {
	return fingerprint.Of(read(t, swFile)).String()
}

func TestParseSecurityWorldPackageRefuses(t *testing.T) {
	good := string(read(t, swFile))
	for name, e := range map[string]edit{
		"type":               {`"byok-security-world-package"`, `"x"`, `type is "x", expected "byok-security-world-package"`},
		"other package":      {`"byok-security-world-package"`, `"byok-kek-package"`, `type is "byok-kek-package", expected "byok-security-world-package"`},
		"version":            {`"version": 2,`, `"version": 1,`, `version 1 of byok-security-world-package; this release reads version 2`},
		"suffix":             {`"CONTOSO"`, `"CON TOSO"`, `field suffix: expected 1 to 32 capital letters and digits`},
		"generation":         {`"generation": 1`, `"generation": -1`, `field generation: expected a number from 1 to 9999`},
		"service":            {`"managed-hsm"`, `"Managed HSM"`, `field service: expected "vault" or "managed-hsm"`},
		"service of a vault": {`"managed-hsm"`, `"vault"`, `field partition_certificates: a vault has none`},
		"vault with path":    {`azure.net"`, `azure.net/"`, `field vault: vault address "https://contoso.managedhsm.azure.net/": there is no valid host name after https://`},
		"vault over http":    {`"https://`, `"http://`, `field vault: vault address "http://contoso.managedhsm.azure.net": it does not begin with https://`},
		"vault with port":    {`azure.net"`, `azure.net:443"`, `field vault: the usual spelling is "https://contoso.managedhsm.azure.net"`},
		"vault in capitals":  {`https://contoso`, `https://CONTOSO`, `field vault: the usual spelling is "https://contoso.managedhsm.azure.net"`},
		"cloud":              {`"AzurePublic"`, `"Azure\nPublic"`, `field cloud: it is not one line of printable characters`},
		"location":           {`"westeurope"`, `"west\u202eeurope"`, `field location: it is not one line of printable characters`},
		"tenant":             {`"72f988bf`, `"\u0000`, `field tenant: it is not one line of printable characters`},
		"subscription":       {`"subscription": ""`, `"subscription": "` + strings.Repeat("x", 257) + `"`, `field subscription: it has 257 bytes; at most 256 are allowed`},
		"root":               {`"partition_certificates": "PEM"`, `"partition_certificates": "PEM", "rehearsal_root": "PEM"`, `field rehearsal_root: only a rehearsal brings its own root`},
		"root empty":         {`"partition_certificates": "PEM"`, `"partition_certificates": "PEM", "rehearsal_root": ""`, line(13)},
		"unknown":            {`"version": 2,`, `"version": 2, "hsm": true,`, `unknown field hsm`},
	} {
		data := strings.Replace(good, e.old, e.new, 1)
		if data == good {
			t.Fatalf("%s: the edit changes nothing", name)
		}
		_, err := ParseSecurityWorldPackage("S", []byte(data))
		expect(t, name, err, exitcode.Usage, "S: "+e.want)
	}
}

func TestRetiredPackage(t *testing.T) {
	for _, data := range [][]byte{{0x05, 0, 0, 0}, []byte("nFast\xff"), {0xff}} {
		_, err := ParseSecurityWorldPackage("BYOK-SecurityWorld-pkg-NA-1", data)
		expect(t, "retired", err, exitcode.Usage, "BYOK-SecurityWorld-pkg-NA-1: a binary package of the nCipher toolset retired in June 2021")
		if !errors.Is(err, ErrRetired) {
			t.Error("not ErrRetired")
		}
		if got, want := exitcode.HintOf(err), "its own verifykeypackage.py and KeyTransferRemote.exe read it, with an nShield HSM; for today's service: byok-online toolset build"; got != want {
			t.Errorf("hint: %s", got)
		}
	}
	for _, data := range []string{"", "text", "{\xff"} {
		if _, err := ParseKEKPackage("K", []byte(data)); err == nil || errors.Is(err, ErrRetired) {
			t.Errorf("%q: %v", data, err)
		}
	}
}

func TestNewPairRefuses(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*KEKPackage, *SecurityWorldPackage)
		want   string
	}{
		{"version", func(k *KEKPackage, _ *SecurityWorldPackage) { k.KID.Version = "latest" },
			`BYOK-KEK-pkg-CONTOSO-1: field kid: key identifier "https://contoso.managedhsm.azure.net/keys/KEKforBYOK/latest": the version has 32 hex digits and nothing after them`},
		{"host", func(k *KEKPackage, _ *SecurityWorldPackage) { k.KID.Vault = "https://CONTOSO.managedhsm.azure.net" },
			`BYOK-KEK-pkg-CONTOSO-1: field kid: key identifier "https://CONTOSO.managedhsm.azure.net/keys/KEKforBYOK/664f5aa2797a4075b8e36ca4500636d8": the usual spelling is "https://contoso.managedhsm.azure.net/keys/KEKforBYOK/664f5aa2797a4075b8e36ca4500636d8"`},
		{"EC key", func(k *KEKPackage, _ *SecurityWorldPackage) { k.PublicKey = ecKey(t) },
			"BYOK-KEK-pkg-CONTOSO-1: field public_key: not an RSA key, and a KEK is one"},
		{"service", func(_ *KEKPackage, w *SecurityWorldPackage) { w.Service = "" },
			`BYOK-SecurityWorld-pkg-CONTOSO-1: field service: expected "vault" or "managed-hsm"`},
	} {
		k, world := contoso(t)
		c.change(&k, &world)
		_, err := NewPair(k, world)
		expect(t, c.name, err, exitcode.Usage, c.want)
	}
}

func ecKey(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("../keykind/testdata/publickey/valid/p256.pem")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestParsePairNamesTheFile(t *testing.T) {
	good := File{"w", read(t, swFile)}
	_, err := ParsePair(File{"k", nil}, good)
	expect(t, "KEK", err, exitcode.Usage, "k: not valid JSON at byte 0")
	_, err = ParsePair(File{"k", read(t, kekFile)}, File{"w", nil})
	expect(t, "SecurityWorld", err, exitcode.Usage, "w: not valid JSON at byte 0")
}

func TestOptionalFields(t *testing.T) {
	k, world := contoso(t)
	world.Mark, world.RehearsalRoot = kek.Rehearsal, "PEM"
	k.Mark, k.Expires, k.Attestation, k.NotBefore = kek.Rehearsal, time.Time{}, nil, k.Created
	data, err := bound(t, k, world).KEK().Marshal()
	if err != nil {
		t.Fatal(err)
	}
	again, err := ParseKEKPackage(kekFile, data)
	if err != nil || again.Attestation != nil || !again.Expires.IsZero() || !again.NotBefore.Equal(k.Created) ||
		!bytes.Contains(data, []byte(`"attestation": null`)) {
		t.Errorf("%+v, %v\n%s", again, err, data)
	}
}

func expect(t *testing.T, name string, err error, code exitcode.Code, want string) {
	t.Helper()
	if err == nil || err.Error() != want || exitcode.Of(err) != code {
		t.Errorf("%s: status %d\n got %v\nwant %s", name, exitcode.Of(err), err, want)
	}
}

func FuzzKEKPackage(f *testing.F) {
	f.Add(read(f, kekFile))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := ParseKEKPackage("K", data)
		if err != nil {
			return
		}
		if again, err := p.Marshal(); err != nil || !bytes.Equal(again, data) {
			t.Fatalf("%v\n%s\n%s", err, data, again)
		}
	})
}

func FuzzSecurityWorldPackage(f *testing.F) {
	f.Add(read(f, swFile))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := ParseSecurityWorldPackage("S", data)
		if err != nil {
			return
		}
		if again, err := p.Marshal(); err != nil || !bytes.Equal(again, data) {
			t.Fatalf("%v\n%s\n%s", err, data, again)
		}
	})
}
