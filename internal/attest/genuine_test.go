package attest

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
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

func genuineParts(t testing.TB) (toolset.Attestation, *key) {
	t.Helper()
	a, k, err := parseFile("f", genuine(t))
	if err != nil {
		t.Fatal(err)
	}
	return a, k
}

func at(s string) Policy {
	now, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return Policy{Now: now}
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

func text(findings []Finding) string {
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
KEK-ATTEST-KEY ok SHA-256 3dd8c64d 2225e8d0 29090d10 54316cd8 bc98c287 fc796dc2 de03005d 108d134c
KEK-ATTEST-ID ok /keys/livekvtestkey-name3e302c50/a9834ba5f8470bc43a89b1f05d768555
KEK-ATTEST-SENSITIVE ok sensitive, always sensitive
KEK-ATTEST-EXTRACTABLE ok not extractable, never extractable
KEK-ATTEST-LOCAL ok generated on the HSM
KEK-ATTEST-PUBLIC ok nothing is stated on the public key
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
	if slices.ContainsFunc(alone.Findings, func(f Finding) bool { return f.Rule == RuleKey || f.Rule == RuleID }) {
		t.Error("a file that names no key was held against one")
	}
}

// TestGenuineDates: the statement has no time; the HSM's certificate is the
// first to end, the owner's the last to begin.
func TestGenuineDates(t *testing.T) {
	for day, want := range map[string]string{
		"2022-01-01": "the root's certificate is valid from 2024-07-25T20:29:20Z, and now is 2022-01-01T00:00:00Z",
		"2025-06-02": "the partition's certificate is valid from 2025-06-02T21:45:31Z, and now is 2025-06-02T00:00:00Z",
		"2025-06-03": "until 2032-03-29T15:53:59Z",
		"2032-03-29": "until 2032-03-29T15:53:59Z",
		"2032-03-30": "the HSM's certificate was valid until 2032-03-29T15:53:59Z, and now is 2032-03-30T00:00:00Z",
		"2051-01-01": "the root's certificate was valid until 2034-07-23T20:29:20Z, and now is 2051-01-01T00:00:00Z",
	} {
		v, err := CheckFile("f", genuine(t), at(day))
		i := slices.IndexFunc(v.Findings, func(f Finding) bool { return f.Rule == RuleDates })
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
	if i := len(v.Findings) - 2; v.Findings[i] != (Finding{RuleUsage, false, "decrypt (0x0105) is true"}) {
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
		e := &evidence{now: at("2025-07-01").Now}
		if len(failed(follow(e.steps(changed, func() ([]*x509.Certificate, error) { return roots, nil }, nil)))) > 0 {
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

// TestGenuineCertificates leaves out, doubles and exchanges the certificates:
// of all 256 ways to fill the four places, one is right.
func TestGenuineCertificates(t *testing.T) {
	a, _ := genuineParts(t)
	list, err := readPEM(a.CertificatePEM)
	if err != nil || len(list) != 4 {
		t.Fatal(err)
	}
	for n := range 256 {
		var blocks []*pem.Block
		for _, i := range []int{n >> 6 & 3, n >> 4 & 3, n >> 2 & 3, n & 3} {
			blocks = append(blocks, &pem.Block{Type: "CERTIFICATE", Bytes: list[i].Raw})
		}
		changed := a
		changed.CertificatePEM = encode(blocks)
		if _, err := CheckFile("f", bare(t, changed), at("2025-07-01")); (err == nil) != (n == 0b00_01_10_11) {
			t.Errorf("order %d%d%d%d: %v", n>>6&3, n>>4&3, n>>2&3, n&3, err)
		}
	}
}

func TestCheckFileRefuses(t *testing.T) {
	good := string(genuine(t))
	for name, c := range map[string]struct{ old, new, want string }{
		"no JSON":        {good, "attestation", "f: not valid JSON at byte 0"},
		"an array":       {good, "[]", "f: field (the whole file): a JSON array where an object is expected"},
		"nothing":        {good, "{}", "f: field version: missing; this is no attestation"},
		"doubled":        {`"version":`, `"version": "", "version":`, "f: field attributes.attestation.version appears twice"},
		"version":        {`"version": "MRVL-1"`, `"version": 1`, "f: field version: missing; this is no attestation"},
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
