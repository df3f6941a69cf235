package toolset

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/transfer"
)

var update = flag.Bool("update", false, "write testdata/BYOK-* anew")

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

// contoso makes a pair of packages that belong together.
func contoso(t testing.TB) (KEKPackage, SecurityWorldPackage) {
	t.Helper()
	sw := SecurityWorldPackage{
		Type: SecurityWorldType, Version: Version, Suffix: "CONTOSO", Generation: 1,
		Service: ServiceManagedHSM, Cloud: "AzurePublic", Vault: "https://contoso.managedhsm.azure.net",
		Location: "westeurope", Tenant: "72f988bf-86f1-41af-91ab-2d7cd011db47", PartitionCertificates: "PEM",
	}
	return bind(t, KEKPackage{
		Type: KEKType, Version: Version, Suffix: "CONTOSO", Generation: 1,
		KID:       transfer.KeyID{Vault: sw.Vault, Name: "KEKforBYOK", Version: "664f5aa2797a4075b8e36ca4500636d8"},
		PublicKey: string(read(t, "kek.pem")), KeyOps: []string{"import"}, HSMPlatform: "2",
		Created:     time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		Expires:     time.Date(2026, 1, 5, 3, 4, 5, 0, time.UTC),
		Attestation: &Attestation{CertificatePEM: []byte("PEM"), PrivateKey: []byte{0xfb, 0xff, 0xfe}, Version: "MRVL-1"},
	}, sw), sw
}

// bind writes the SecurityWorld package's hash into the KEK package.
func bind(t testing.TB, kek KEKPackage, sw SecurityWorldPackage) KEKPackage {
	t.Helper()
	data, err := sw.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	kek.SecurityWorld = fingerprint.Of(data)
	return kek
}

// TestGolden holds the file format still: what is written today must be read
// by every later release.
func TestGolden(t *testing.T) {
	kek, sw := contoso(t)
	for name, p := range map[string]interface{ Marshal() ([]byte, error) }{kekFile: kek, swFile: sw} {
		data, err := p.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if *update {
			if err := os.WriteFile(filepath.Join("testdata", name), data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if want := read(t, name); !bytes.Equal(data, want) {
			t.Errorf("%s:\n%s\nwant\n%s", name, data, want)
		}
	}
	again, err := ParseKEKPackage(kekFile, read(t, kekFile))
	if err != nil {
		t.Fatal(err)
	}
	if again.KID != kek.KID || again.SecurityWorld != kek.SecurityWorld || !again.Expires.Equal(kek.Expires) ||
		!bytes.Equal(again.Attestation.PrivateKey, kek.Attestation.PrivateKey) {
		t.Errorf("%+v", again)
	}
	if again, err := ParseSecurityWorldPackage(swFile, read(t, swFile)); err != nil || again != sw {
		t.Errorf("%+v, %v", again, err)
	}
}

// edit is one change of a good file and the error it must give.
type edit struct{ old, new, want string }

const spelling = "not as byok-online writes it: a field is missing, out of order or spelled otherwise, or the spacing was changed"

func TestParseKEKPackageRefuses(t *testing.T) {
	good := string(read(t, kekFile))
	for name, e := range map[string]edit{
		"type":                  {`"byok-kek-package"`, `"byok-kek"`, `field type: expected "byok-kek-package"`},
		"type missing":          {`  "type": "byok-kek-package",` + "\n", ``, `field type: expected "byok-kek-package"`},
		"type not text":         {`"byok-kek-package"`, `7`, `field type: a JSON number where a string is expected`},
		"other package":         {`"byok-kek-package"`, `"byok-security-world-package"`, `a SecurityWorld package where a KEK package is expected`},
		"version":               {`"version": 1,`, `"version": 2,`, `field version: 2 where 1 is expected; another release may read it`},
		"suffix in small":       {`"CONTOSO"`, `"Contoso"`, `field suffix: expected 1 to 32 capital letters and digits`},
		"suffix empty":          {`"CONTOSO"`, `""`, `field suffix: expected 1 to 32 capital letters and digits`},
		"suffix a path":         {`"CONTOSO"`, `"../X"`, `field suffix: expected 1 to 32 capital letters and digits`},
		"generation 0":          {`"generation": 1`, `"generation": 0`, `field generation: expected a number from 1 to 9999`},
		"generation over":       {`"generation": 1`, `"generation": 10000`, `field generation: expected a number from 1 to 9999`},
		"generation text":       {`"generation": 1`, `"generation": "1"`, `field generation: a JSON string where a number is expected`},
		"rehearsal missing":     {"  \"rehearsal\": false,\n", ``, spelling},
		"rehearsal a number":    {`"rehearsal": false`, `"rehearsal": 0`, `field rehearsal: a JSON number where a boolean is expected`},
		"kid missing":           {`"kid": "https://contoso.managedhsm.azure.net/keys/KEKforBYOK/664f5aa2797a4075b8e36ca4500636d8"`, `"kid": null`, `field kid: missing`},
		"kid without version":   {`/664f5aa2797a4075b8e36ca4500636d8`, ``, `field kid: key identifier "https://contoso.managedhsm.azure.net/keys/KEKforBYOK": the version is missing`},
		"kid over http":         {`"kid": "https`, `"kid": "http`, `field kid: key identifier "http://contoso.managedhsm.azure.net/keys/KEKforBYOK/664f5aa2797a4075b8e36ca4500636d8": it does not begin with https://`},
		"kid in capitals":       {`"kid": "https://contoso`, `"kid": "https://Contoso`, spelling},
		"public key cut":        {`-----BEGIN PUBLIC KEY-----\nMII`, `-----BEGIN PUBLIC KEY-----\nMI`, `field public_key: public key: the PEM block is damaged`},
		"public key missing":    {`"public_key": "`, `"public_key": "", "x": "`, `unknown field x`},
		"public key CRLF":       {`KEY-----\n"`, `KEY-----\r\n"`, `field public_key: not spelled as openssl pkey -pubout does`},
		"key_ops null":          {"[\n    \"import\"\n  ]", `null`, `field key_ops: empty or missing`},
		"key_ops empty":         {"[\n    \"import\"\n  ]", `[]`, `field key_ops: empty or missing`},
		"key_ops text":          {"[\n    \"import\"\n  ]", `"import"`, `field key_ops: a JSON string where an array is expected`},
		"key_ops with escape":   {`"import"`, `"import\u001b[2J"`, `field key_ops: a character that cannot be printed`},
		"hsm_platform long":     {`"hsm_platform": "2"`, `"hsm_platform": "` + strings.Repeat("2", 257) + `"`, `field hsm_platform: more than 256 bytes`},
		"created missing":       {"  \"created\": \"2026-01-02T03:04:05Z\",\n", ``, `field created: missing`},
		"created elsewhere":     {`03:04:05Z",` + "\n  \"exp", `03:04:05+01:00",` + "\n  \"exp", `field created: not in UTC, or not in whole seconds`},
		"created with fraction": {`03:04:05Z",` + "\n  \"exp", `03:04:05.5Z",` + "\n  \"exp", `field created: not in UTC, or not in whole seconds`},
		"expires with fraction": {`"2026-01-05T03:04:05Z"`, `"2026-01-05T03:04:05.5Z"`, `field expires: not in UTC, or not in whole seconds`},
		"expires before":        {`"2026-01-05T`, `"2026-01-01T`, `field expires: not after created`},
		"expires no date":       {`"2026-01-05T03:04:05Z"`, `"2026-02-30T03:04:05Z"`, `field expires: parsing time "2026-02-30T03:04:05Z": day out of range`},
		"world missing":         {`"security_world"`, `"security_worlds"`, `unknown field security_worlds`},
		"world cut":             {`"security_world": "`, `"security_world": "0`, `field security_world: a SHA-256 sum is 64 lower-case hex digits`},
		"world null":            {`"security_world": "` + worldSum(t) + `"`, `"security_world": null`, `field security_world: missing`},
		"attestation missing":   {`"certificatePemFile": "UEVN",`, ``, `field attestation.certificatePemFile: empty or missing`},
		"attestation empty":     {`"privateKeyAttestation": "-__-"`, `"privateKeyAttestation": ""`, `field attestation.privateKeyAttestation: empty or missing`},
		"attestation padded":    {`"UEVN"`, `"UEVNMQ=="`, `field attestation.certificatePemFile: not base64url without padding`},
		"attestation base64":    {`"-__-"`, `"+//+"`, `field attestation.privateKeyAttestation: not base64url without padding`},
		"attestation loose bit": {`"-__-"`, `"-_9"`, `field attestation.privateKeyAttestation: not base64url without padding`},
		"attestation version":   {`"MRVL-1"`, `""`, `field attestation.version: empty or missing`},
		"doubled":               {`"version": 1,`, `"version": 1, "version": 1,`, `field version appears twice`},
		"miscased":              {`"suffix"`, `"Suffix"`, `unknown field Suffix`},
		"spacing":               {`"version": 1,`, `"version":  1,`, spelling},
		"trailing newline":      {"}\n}\n", "}\n}\n\n", spelling},
	} {
		data := strings.Replace(good, e.old, e.new, 1)
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
		"type":               {`"byok-security-world-package"`, `"x"`, `field type: expected "byok-security-world-package"`},
		"other package":      {`"byok-security-world-package"`, `"byok-kek-package"`, `a KEK package where a SecurityWorld package is expected`},
		"version":            {`"version": 1,`, `"version": 0,`, `field version: 0 where 1 is expected; another release may read it`},
		"suffix":             {`"CONTOSO"`, `"CON TOSO"`, `field suffix: expected 1 to 32 capital letters and digits`},
		"generation":         {`"generation": 1`, `"generation": -1`, `field generation: expected a number from 1 to 9999`},
		"service":            {`"managed-hsm"`, `"Managed HSM"`, `field service: expected "vault" or "managed-hsm"`},
		"service of a vault": {`"managed-hsm"`, `"vault"`, `field partition_certificates: a vault has none`},
		"vault with path":    {`azure.net"`, `azure.net/"`, `field vault: expected https://<host> without a path`},
		"vault over http":    {`"https://`, `"http://`, `field vault: expected https://<host> without a path`},
		"vault with port":    {`azure.net"`, `azure.net:443"`, `field vault: the usual spelling is "https://contoso.managedhsm.azure.net"`},
		"vault in capitals":  {`https://contoso`, `https://CONTOSO`, `field vault: the usual spelling is "https://contoso.managedhsm.azure.net"`},
		"cloud":              {`"AzurePublic"`, `"Azure\nPublic"`, `field cloud: a character that cannot be printed`},
		"location":           {`"westeurope"`, `"west\u202eeurope"`, `field location: a character that cannot be printed`},
		"tenant":             {`"72f988bf`, `"\u0000`, `field tenant: a character that cannot be printed`},
		"subscription":       {`"subscription": ""`, `"subscription": "` + strings.Repeat("x", 257) + `"`, `field subscription: more than 256 bytes`},
		"root":               {`"partition_certificates": "PEM"`, `"partition_certificates": "PEM", "rehearsal_root": "PEM"`, `field rehearsal_root: only a rehearsal brings its own root`},
		"root empty":         {`"partition_certificates": "PEM"`, `"partition_certificates": "PEM", "rehearsal_root": ""`, spelling},
		"unknown":            {`"version": 1,`, `"version": 1, "hsm": true,`, `unknown field hsm`},
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

func TestMarshalRefuses(t *testing.T) {
	kek, sw := contoso(t)
	kek.KID.Version = "latest"
	_, err := kek.Marshal()
	expect(t, "KEK", err, exitcode.Usage, `BYOK-KEK-pkg-CONTOSO-1: field kid: key identifier "https://contoso.managedhsm.azure.net/keys/KEKforBYOK/latest": the version has 32 hex digits and nothing after them`)
	sw.Service = ""
	_, err = sw.Marshal()
	expect(t, "SecurityWorld", err, exitcode.Usage, `BYOK-SecurityWorld-pkg-CONTOSO-1: field service: expected "vault" or "managed-hsm"`)
	kek, _ = contoso(t)
	kek.KID.Vault = "https://CONTOSO.managedhsm.azure.net"
	_, err = kek.Marshal()
	expect(t, "host", err, exitcode.Usage, `BYOK-KEK-pkg-CONTOSO-1: field kid: the usual spelling is "https://contoso.managedhsm.azure.net/keys/KEKforBYOK/664f5aa2797a4075b8e36ca4500636d8"`)
}

func TestOptionalFields(t *testing.T) {
	kek, sw := contoso(t)
	sw.Rehearsal, sw.RehearsalRoot = true, "PEM"
	kek.Rehearsal, kek.Expires, kek.Attestation = true, time.Time{}, nil
	data, err := bind(t, kek, sw).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	again, err := ParseKEKPackage(kekFile, data)
	if err != nil || again.Attestation != nil || !again.Expires.IsZero() || !bytes.Contains(data, []byte(`"attestation": null`)) {
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
