package keykind

import (
	"crypto"
	"crypto/ecdsa"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"testing"

	"byok/internal/exitcode"
)

// The table as people know it, written a second time.
func TestTable(t *testing.T) {
	rows := []struct {
		name, kty, curve, params string
		typ                      Type
		bits, point              int
		keyType, make, sign      uint
		digest                   crypto.Hash
	}{
		{"RSA-2048", "RSA-HSM", "", "", RSA, 2048, 0, 0, 0, 1, crypto.SHA256},
		{"RSA-3072", "RSA-HSM", "", "", RSA, 3072, 0, 0, 0, 1, crypto.SHA256},
		{"RSA-4096", "RSA-HSM", "", "", RSA, 4096, 0, 0, 0, 1, crypto.SHA256},
		{"P-256", "EC-HSM", "P-256", "06082a8648ce3d030107", EC, 256, 65, 3, 0x1040, 0x1041, crypto.SHA256},
		{"P-384", "EC-HSM", "P-384", "06052b81040022", EC, 384, 97, 3, 0x1040, 0x1041, crypto.SHA384},
		{"P-521", "EC-HSM", "P-521", "06052b81040023", EC, 521, 133, 3, 0x1040, 0x1041, crypto.SHA512},
		{"P-256K", "EC-HSM", "P-256K", "06052b8104000a", EC, 256, 65, 3, 0x1040, 0x1041, crypto.SHA256},
		{"AES-128", "oct-HSM", "", "", AES, 128, 0, 0x1f, 0x1080, 0, 0},
		{"AES-192", "oct-HSM", "", "", AES, 192, 0, 0x1f, 0x1080, 0, 0},
		{"AES-256", "oct-HSM", "", "", AES, 256, 0, 0x1f, 0x1080, 0, 0},
	}
	all := All()
	if len(all) != len(rows) {
		t.Fatalf("%d kinds, not %d", len(all), len(rows))
	}
	for i, row := range rows {
		k := all[i]
		if k.String() != row.name || k.KTY != row.kty || k.Curve != row.curve || k.Type != row.typ || k.Bits != row.bits {
			t.Errorf("%s: %+v", row.name, k)
		}
		if k.KeyType != row.keyType || k.Generation != row.make || k.Signing != row.sign || k.Digest != row.digest {
			t.Errorf("%s: %+v", row.name, k)
		}
		if got := hex.EncodeToString(k.ECParams()); got != row.params {
			t.Errorf("%s: EC parameters %s", row.name, got)
		}
		if k.PointSize() != row.point || k.Signs() != (row.typ != AES) || (k.EllipticCurve() != nil) != (row.typ == EC) {
			t.Errorf("%s: point of %d bytes, signs %t, curve %v", row.name, k.PointSize(), k.Signs(), k.EllipticCurve())
		}
	}
}

func TestZeroKind(t *testing.T) {
	var k Kind
	if k.String() != "no kind of key" || k.Signs() || k.OID() != nil || k.KeyOps() != nil {
		t.Errorf("%v", k)
	}
}

func TestEveryKindIsFoundAgain(t *testing.T) {
	for _, k := range All() {
		for _, name := range []string{k.String(), strings.ToLower(k.String())} {
			if got, err := Parse(name); err != nil || got != k {
				t.Errorf("Parse(%s): %v, %v", name, got, err)
			}
		}
		if got, err := Lookup(k.Type, k.Bits, k.Curve); err != nil || got != k {
			t.Errorf("Lookup of %s: %v, %v", k, got, err)
		}
		if got, err := ForJWK(k.KTY, k.Curve); err != nil || !slices.Contains(got, k) {
			t.Errorf("ForJWK of %s: %v, %v", k, got, err)
		}
		if k.Type != EC {
			continue
		}
		if got, err := ForECParams(k.ECParams()); err != nil || got != k {
			t.Errorf("ForECParams of %s: %v, %v", k, got, err)
		}
	}
}

func TestAliasOfP256K(t *testing.T) {
	for _, name := range []string{"secp256k1", "SECP256K1"} {
		parsed := must[Kind](t)(Parse(name))
		looked := must[Kind](t)(Lookup(EC, 0, name))
		served := must[[]Kind](t)(ForJWK("EC-HSM", name))
		if parsed.Curve != "P-256K" || looked != parsed || len(served) != 1 || served[0] != parsed {
			t.Errorf("%s: %v, %v, %v", name, parsed, looked, served)
		}
	}
}

func TestForJWKGivesEverySize(t *testing.T) {
	for kty, want := range map[string]string{"RSA-HSM": "RSA-2048, RSA-3072 or RSA-4096", "oct-HSM": "AES-128, AES-192 or AES-256"} {
		if got := alternatives(names(must[[]Kind](t)(ForJWK(kty, "")))); got != want {
			t.Errorf("%s: %s", kty, got)
		}
	}
}

func TestLookupsRefuse(t *testing.T) {
	curves := "expected P-256, P-384, P-521 or P-256K"
	parse := func(name string) error { _, err := Parse(name); return err }
	lookup := func(typ Type, bits int, curve string) error { _, err := Lookup(typ, bits, curve); return err }
	jwk := func(kty, crv string) error { _, err := ForJWK(kty, crv); return err }
	params := func(der string) error { _, err := ForECParams([]byte(der)); return err }
	for _, c := range []struct {
		name   string
		err    error
		want   string
		status exitcode.Code
	}{
		{"name", parse("RSA-1024"), `key kind "RSA-1024": expected RSA-2048, RSA-3072, RSA-4096, ` +
			"P-256, P-384, P-521, P-256K, AES-128, AES-192 or AES-256", exitcode.Usage},
		{"type", lookup("DSA", 2048, ""), `key type "DSA": expected RSA, EC or AES`, exitcode.Usage},
		{"RSA size", lookup(RSA, 1024, ""), "RSA key of 1024 bits: expected 2048, 3072 or 4096", exitcode.Usage},
		{"RSA curve", lookup(RSA, 2048, "P-256"), "RSA key: a curve belongs to EC keys only", exitcode.Usage},
		{"AES size", lookup(AES, 512, ""), "AES key of 512 bits: expected 128, 192 or 256", exitcode.Usage},
		{"AES curve", lookup(AES, 256, "P-256"), "AES key: a curve belongs to EC keys only", exitcode.Usage},
		{"no curve", lookup(EC, 0, ""), `EC curve "": ` + curves, exitcode.Usage},
		{"EC size", lookup(EC, 256, "P-384"), "EC key of 256 bits: P-384 has 384", exitcode.Usage},
		{"software key", jwk("RSA", ""), `kty "RSA": expected RSA-HSM, EC-HSM or oct-HSM`, exitcode.Failed},
		{"crv of RSA", jwk("RSA-HSM", "P-256"), "kty RSA-HSM: a crv belongs to EC-HSM only", exitcode.Failed},
		{"crv", jwk("EC-HSM", "P-224"), `EC curve "P-224": ` + curves, exitcode.Failed},
		{"EC parameters", params("\x06\x01\x2a"), "EC parameters 06012a: expected the identifier of P-256, P-384, P-521 or P-256K", exitcode.Failed},
	} {
		refused(t, c.name, c.err, c.want)
		if got := exitcode.Of(c.err); got != c.status {
			t.Errorf("%s: status %d", c.name, got)
		}
	}
}

func TestKeyOps(t *testing.T) {
	for kty, want := range map[string][]string{
		"RSA-HSM": {"encrypt", "decrypt", "sign", "verify", "wrapKey", "unwrapKey"},
		"EC-HSM":  {"sign", "verify"},
		"oct-HSM": {"encrypt", "decrypt", "wrapKey", "unwrapKey"},
		"RSA":     nil,
		"":        nil,
	} {
		if got := KeyOps(kty); !slices.Equal(got, want) {
			t.Errorf("%s: %v", kty, got)
		}
	}
}

func TestPoints(t *testing.T) {
	for file, name := range map[string]string{"p256": "P-256", "p384": "P-384", "p521": "P-521", "p256k": "P-256K"} {
		k := must[Kind](t)(Parse(name))
		pub := publicKey(t, file).(*ecdsa.PublicKey)
		if got := must[Kind](t)(Of(pub)); got != k {
			t.Errorf("%s: %s", file, got)
		}
		point := must[[]byte](t)(Point(pub))
		if again := must[*ecdsa.PublicKey](t)(ParsePoint(k, point)); !SamePublicKey(again, pub) {
			t.Errorf("%s: another key", file)
		}
		parse := func(point []byte) error { _, err := ParsePoint(k, point); return err }
		off := slices.Clone(point)
		off[len(off)-1] ^= 1
		refused(t, file, parse(off), "EC point: not on "+name)
		hybrid := slices.Clone(point)
		hybrid[0] = 6 + point[len(point)-1]%2
		for what, bad := range map[string][]byte{"cut": point[:len(point)-1], "longer": append(point, 0), "hybrid": hybrid, "empty": nil} {
			want := "EC point of " + strconv.Itoa(len(bad)) + " bytes: an uncompressed point on " + name + " has " + strconv.Itoa(len(point)) + " and begins with 4"
			refused(t, file+" "+what, parse(bad), want)
		}
	}
	_, err := ParsePoint(must[Kind](t)(Parse("AES-128")), []byte{4})
	refused(t, "AES", err, "EC point: AES-128 has none")
	_, err = Point(&ecdsa.PublicKey{})
	refused(t, "no key", err, "public key: EC without a curve")
}

func TestCheckIdent(t *testing.T) {
	shape := ": expected digits, dashes and lower-case letters"
	for _, c := range []struct{ app, ident, want string }{
		{"simple", "contosokey-1", ""},
		{"xferacld", strings.Repeat("a", 72), ""},
		{"simple", strings.Repeat("a", 74), ""},
		{"xferacld", "", "the key identifier is empty"},
		{"xferacld", "Contoso", `key identifier "Contoso"` + shape},
		{"xferacld", "a_b", `key identifier "a_b"` + shape},
		{"xferacld", "a\n", `key identifier "a\n"` + shape},
		{"xferacld", strings.Repeat("a", 73), `key identifier "` + strings.Repeat("a", 73) + `": 73 characters, and at most 72 go with the application xferacld`},
		{"", "a", `application ""` + shape},
		{"Simple", "a", `application "Simple"` + shape},
	} {
		errs := []error{CheckIdentOf(c.app, c.ident)}
		if c.app == "xferacld" {
			errs = append(errs, CheckIdent(c.ident))
		}
		for _, err := range errs {
			if c.want == "" && err == nil {
				continue
			}
			refused(t, c.app+" "+c.ident, err, c.want)
			if exitcode.Of(err) != exitcode.Usage {
				t.Errorf("%s: status %d", c.ident, exitcode.Of(err))
			}
		}
	}
}
