package attest

import (
	"bytes"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"encoding/pem"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/kek"
	"byok/internal/pemfile"
	"byok/internal/toolset"
)

// genuineFile is the attestation of a key in a Managed HSM, of June 2025.
const genuineFile = "testdata/mhsm-rsa-2048.json"

func genuine(t testing.TB) []byte {
	t.Helper()
	data, err := os.ReadFile(genuineFile)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func genuineParts(t testing.TB) (toolset.Attestation, *attestedKey) {
	t.Helper()
	a, k, err := parseFile("f", genuine(t))
	if err != nil {
		t.Fatal(err)
	}
	return a, k
}

func at(day string) time.Time {
	now, err := time.Parse(time.DateOnly, day)
	if err != nil {
		panic(err)
	}
	return now
}

// bare writes an attestation as the Azure CLI does: alone, in base64.
func bare(t testing.TB, a toolset.Attestation) []byte {
	t.Helper()
	data, err := json.Marshal(map[string]any{
		"certificatePemFile": []byte(a.CertificatePEM), "privateKeyAttestation": []byte(a.PrivateKey), "publicKeyAttestation": nil, "version": a.Version,
	})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func text(findings []kek.Finding) string {
	var b strings.Builder
	for _, f := range findings {
		b.WriteString(f.Rule + map[bool]string{true: " ok ", false: " FAILED "}[f.OK] + f.Detail + "\n")
	}
	return b.String()
}

const genuineFindings = `KEK-ATTEST-PRESENT ok attested by "MRVL-1"
KEK-ATTEST-FORMAT ok MRVL-1, of firmware 2, 45 attributes
KEK-ATTEST-CHAIN ok "HSM:6.0G2204-VPM007790, for non-FIPS mode", issued by "localca.liquidsecurity.cavium.com"
KEK-ATTEST-OWNER ok owner "paulvaneckkv2hsm"
KEK-ATTEST-PARTITION ok "HSM:C14B553A847F26F701D238FF69AB15:PARTN:6, for non-FIPS mode"
KEK-ATTEST-DATES ok until 2032-03-29T15:53:59Z
KEK-ATTEST-SIGNATURE ok RSA 2048, SHA-256
KEK-ATTEST-CLASS ok a private RSA key, "/keys/livekvtestkey-name3e302c50/a9834ba5f8470bc43a89b1f05d768555"
KEK-ATTEST-KEY ok modulus and exponent are the KEK's
KEK-ATTEST-ID ok /keys/livekvtestkey-name3e302c50/a9834ba5f8470bc43a89b1f05d768555
KEK-ATTEST-SENSITIVE ok sensitive, always sensitive
KEK-ATTEST-EXTRACTABLE ok not extractable, never extractable
KEK-ATTEST-LOCAL ok generated on the HSM
KEK-ATTEST-PUBLIC ok no public key is attested
`

func TestGenuine(t *testing.T) {
	v, err := CheckFile("f", genuine(t), at("2025-07-01"))
	if err != nil || text(v.Findings) != genuineFindings || v.KEK != nil {
		t.Errorf("%v\n%swant\n%s", err, text(v.Findings), genuineFindings)
	}
	a, _ := genuineParts(t)
	alone, err := CheckFile("f", bare(t, a), at("2025-07-01"))
	if err != nil || alone.Fingerprint != v.Fingerprint || v.Fingerprint == (fingerprint.Sum{}) {
		t.Errorf("bare: %v, %s", err, alone.Fingerprint)
	}
	if slices.ContainsFunc(alone.Findings, func(f kek.Finding) bool { return f.Rule == RuleKey || f.Rule == RuleID }) {
		t.Error("a file that names no key was held against one")
	}
}

// TestGenuineDates: the claims have no time; the HSM's certificate is the
// first to end, the owner's the last to begin.
func TestGenuineDates(t *testing.T) {
	for day, want := range map[string]string{
		"2022-01-01": `the certificate of "localca.liquidsecurity.cavium.com" by "localca.liquidsecurity.cavium.com" is valid from 2024-07-25T20:29:20Z, and now is 2022-01-01T00:00:00Z`,
		"2025-06-02": `the certificate of "HSM:C14B553A847F26F701D238FF69AB15:PARTN:6, for non-FIPS mode" by "HSM:6.0G2204-VPM007790, for non-FIPS mode" is valid from 2025-06-02T21:45:31Z, and now is 2025-06-02T00:00:00Z`,
		"2025-06-03": "until 2032-03-29T15:53:59Z",
		"2032-03-29": "until 2032-03-29T15:53:59Z",
		"2032-03-30": `the certificate of "HSM:6.0G2204-VPM007790, for non-FIPS mode" by "localca.liquidsecurity.cavium.com" was valid until 2032-03-29T15:53:59Z, and now is 2032-03-30T00:00:00Z`,
		"2051-01-01": `the certificate of "localca.liquidsecurity.cavium.com" by "localca.liquidsecurity.cavium.com" was valid until 2034-07-23T20:29:20Z, and now is 2051-01-01T00:00:00Z`,
	} {
		v, err := CheckFile("f", genuine(t), at(day))
		i := slices.IndexFunc(v.Findings, func(f kek.Finding) bool { return f.Rule == RuleDates })
		if i < 0 || v.Findings[i].Detail != want || v.Findings[i].OK != (err == nil) {
			t.Errorf("%s: %v\n%s", day, err, text(v.Findings))
		}
	}
}

// TestGenuineIsNoKEK: the genuine key decrypts and signs, so that as a KEK it
// is refused, and for no other reason.
func TestGenuineIsNoKEK(t *testing.T) {
	f := newFixture(t)
	f.production(t)
	v, err := f.check(t)
	expect(t, err, exitcode.Check, "BYOK-KEK-pkg-CONTOSO-1: the KEK is refused by KEK-ATTEST-USAGE")
	if i := len(v.Findings) - 3; v.Findings[i] != (kek.Finding{Rule: RuleUsage, Detail: "decrypt (0x0105) is true"}) {
		t.Error(text(v.Findings))
	}
}

// TestPinnedRoots compares the roots with the hashes in the documentation.
func TestPinnedRoots(t *testing.T) {
	roots, err := pinnedRoots()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range roots {
		got = append(got, strings.ToUpper(fingerprint.Of(r.Raw).String()))
	}
	want := []string{
		"230143DF00E0B452743E068A5B3FC08DF8F06CEFC4854EA627AEB7EBD70EE2F4",
		"17644DE0D33BC73B2F4EF4C20A11F6C8CC1F723A4CD83EE600361CBB24D8D2E5",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
	for _, r := range roots {
		if err := issued(r, r); err != nil {
			t.Errorf("%s %v by itself", r.Subject.CommonName, err)
		}
	}
}

// TestGenuineFlipped flips a bit in each byte in turn: of the statement, its
// signature, and the four certificates.
func TestGenuineFlipped(t *testing.T) {
	a, _ := genuineParts(t)
	roots, err := pinnedRoots()
	if err != nil {
		t.Fatal(err)
	}
	caught, all := 0, 0
	try := func(what string, i int, changed toolset.Attestation) {
		all++
		e := &evidence{now: at("2025-07-01"), roots: func() ([]*x509.Certificate, error) { return roots, nil }}
		if len(kek.Failed(kek.Follow(e.steps(changed)))) > 0 {
			caught++
		} else {
			t.Errorf("%s: byte %d flipped, and every rule holds", what, i)
		}
	}
	for i := range a.PrivateKey {
		changed := a
		changed.PrivateKey = flipped(a.PrivateKey, i)
		try("statement", i, changed)
	}
	var blocks []*pem.Block
	for rest := []byte(a.CertificatePEM); len(rest) > 0; {
		var block *pem.Block
		block, rest = pem.Decode(rest)
		blocks = append(blocks, block)
	}
	for n, block := range blocks {
		good := block.Bytes
		for i := range good {
			block.Bytes = flipped(good, i)
			changed := a
			changed.CertificatePEM = encode(blocks)
			try("certificate "+string(rune('1'+n)), i, changed)
		}
		block.Bytes = good
	}
	if !bytes.Equal(encode(blocks), a.CertificatePEM) {
		t.Error("the certificates are not as they were")
	}
	t.Logf("%d of %d caught", caught, all)
}

func flipped(data []byte, i int) []byte {
	data = bytes.Clone(data)
	data[i] ^= 0x80 >> (i % 8)
	return data
}

func encode(blocks []*pem.Block) (out []byte) {
	for _, b := range blocks {
		out = append(out, pem.EncodeToMemory(b)...)
	}
	return out
}

// TestGenuineCertificates exchanges, leaves out and doubles the certificates:
// each of the 24 orders of all four is right, in five places as well, and
// nothing else.
func TestGenuineCertificates(t *testing.T) {
	a, _ := genuineParts(t)
	list, err := pemfile.Certificates(a.CertificatePEM)
	if err != nil || len(list) != 4 {
		t.Fatal(err)
	}
	passed := 0
	for n := range 1 << 10 {
		places := []int{n & 3, n >> 2 & 3, n >> 4 & 3, n >> 6 & 3, n >> 8 & 3}
		var blocks []*pem.Block
		there := map[int]bool{}
		for _, i := range places {
			blocks = append(blocks, &pem.Block{Type: "CERTIFICATE", Bytes: list[i].Raw})
			there[i] = true
		}
		changed := a
		changed.CertificatePEM = encode(blocks)
		r, err := CheckFile("f", bare(t, changed), at("2025-07-01"))
		if (err == nil) != (len(there) == 4) {
			t.Errorf("order %v: %v\n%s", places, err, text(r.Findings))
		}
		if err == nil {
			passed++
		}
	}
	if passed != 240 { // 5! / 2 orders of four of which one is doubled, for each of the four
		t.Errorf("%d of 1024 orders pass", passed)
	}
}

// TestForeignEncodings has what Windows PowerShell makes of the file.
func TestForeignEncodings(t *testing.T) {
	good := genuine(t)
	units := utf16.Encode([]rune(string(good)))
	little, big := []byte("\xff\xfe"), []byte("\xfe\xff")
	for _, u := range units {
		little, big = binary.LittleEndian.AppendUint16(little, u), binary.BigEndian.AppendUint16(big, u)
	}
	for _, c := range []struct {
		name string
		data []byte
	}{
		{"UTF-8 with a mark", append([]byte("\xef\xbb\xbf"), good...)},
		{"UTF-16 of Windows", little},
		{"UTF-16, big endian", big},
	} {
		if r, err := CheckFile("f", c.data, at("2025-07-01")); err != nil || text(r.Findings) != genuineFindings {
			t.Errorf("%s: %v\n%s", c.name, err, text(r.Findings))
		}
	}
	for _, c := range []struct{ file, want string }{
		{"attestation-bom.json", "f: field version: missing; this is not an attestation"},
		{"attestation-utf16.json", "f: field version: missing; this is not an attestation"},
	} {
		data, err := os.ReadFile("testdata/" + c.file)
		if err != nil {
			t.Fatal(err)
		}
		_, err = CheckFile("f", data, at("2025-07-01"))
		expect(t, err, exitcode.Usage, c.want)
	}
	_, err := CheckFile("f", little[2:], at("2025-07-01"))
	expect(t, err, exitcode.Usage, "f: it is in UTF-16, as Windows PowerShell writes it; expected UTF-8 without a byte order mark")
}

func TestCheckFileRefuses(t *testing.T) {
	good := string(genuine(t))
	for name, c := range map[string]struct{ old, new, want string }{
		"no JSON":        {good, "attestation", "f: not valid JSON at byte 0"},
		"an array":       {good, "[]", "f: field (the whole file): expected an object, not a JSON array"},
		"nothing":        {good, "{}", "f: field version: missing; this is not an attestation"},
		"doubled":        {`"version":`, `"version": "", "version":`, "f: field attributes.attestation.version appears twice"},
		"version":        {`"version": "MRVL-1"`, `"version": 1`, "f: field version: missing; this is not an attestation"},
		"certificates":   {`"certificatePemFile"`, `"certificatesPemFile"`, "f: field certificatePemFile: missing, or not text"},
		"statement":      {`"privateKeyAttestation": "`, `"privateKeyAttestation": "*`, "f: field privateKeyAttestation: not base64"},
		"public":         {`"version":`, `"publicKeyAttestation": 7, "version":`, "f: field publicKeyAttestation: missing, or not text"},
		"kty":            {`"RSA-HSM"`, `"EC-HSM"`, `f: field key.kty: "EC-HSM", and only RSA keys are checked`},
		"kid":            {"https://managedhsmvaultname", "http://managedhsmvaultname", `f: field key.kid: key identifier "http://managedhsmvaultname.managedhsm.azure.net/keys/livekvtestkey-name3e302c50/a9834ba5f8470bc43a89b1f05d768555": it does not begin with https://`},
		"modulus":        {`"n": "`, `"m": "`, "f: field key.n: missing, or not text"},
		"exponent":       {`"e": "AQAB"`, `"e": ""`, "f: field key.e: missing, or not text"},
		"exponent large": {`"e": "AQAB"`, `"e": "AQABAQAB"`, "f: field key.e: more than 32 bits"},
	} {
		data := strings.Replace(good, c.old, c.new, 1)
		if data == good {
			t.Fatalf("%s: nothing changed", name)
		}
		_, err := CheckFile("f", []byte(data), at("2025-07-01"))
		expect(t, err, exitcode.Usage, c.want)
	}
	_, err := CheckFile("f", make([]byte, MaxFile+1), at("2025-07-01"))
	expect(t, err, exitcode.Usage, "f: 1048577 bytes, more than the 1048576 such a file may have")
	_, err = CheckFile("f", []byte(strings.Replace(good, `"n": "jAZs`, `"n": "jAZt`, 1)), at("2025-07-01"))
	expect(t, err, exitcode.Check, "f: the attestation is refused by KEK-ATTEST-KEY")
	_, err = CheckFile("f", []byte(strings.Replace(good, `"e": "AQAB"`, `"e": "AQAD"`, 1)), at("2025-07-01"))
	expect(t, err, exitcode.Check, "f: the attestation is refused by KEK-ATTEST-KEY")
	_, err = CheckFile("f", []byte(strings.Replace(good, "768555\"", "768556\"", 1)), at("2025-07-01"))
	expect(t, err, exitcode.Check, "f: the attestation is refused by KEK-ATTEST-ID")
}

func expect(t *testing.T, err error, code exitcode.Code, want string) {
	t.Helper()
	if err == nil || err.Error() != want || exitcode.Of(err) != code {
		t.Errorf("status %d\n got %v\nwant %s", exitcode.Of(err), err, want)
	}
}
