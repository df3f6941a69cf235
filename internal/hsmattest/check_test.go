package hsmattest_test

import (
	"bytes"
	"encoding/asn1"
	"encoding/pem"
	"os"
	"strings"
	"testing"
	"time"

	"byok/internal/exitcode"
	"byok/internal/hsmattest"
	"byok/internal/testkit/yubichain"
)

// TestGenuine holds the pinned root and the decoder to what a device has made: a
// YubiHSM 2 with firmware 2.4.0, from the tests of github.com/blechschmidt/secsy-pki.
func TestGenuine(t *testing.T) {
	data, err := os.ReadFile("testdata/yubihsm2-p256.pem")
	if err != nil {
		t.Fatal(err)
	}
	k := hsmattest.Key{Public: first(t, data).PublicKey, Serial: "31650425", At: now}
	r := hsmattest.Check(data, k)
	if !r.Verified() || r.Format != hsmattest.FormatYubiHSM {
		t.Errorf("%s: %+v", r.Format, r.Findings)
	}
	k.Serial = "31650426"
	want := "f: HSM-KEY-SERIAL: the key's certificate is of device 31650425, and the module is 31650426"
	if err := hsmattest.Check(data, k).Err("f"); err == nil || err.Error() != want {
		t.Errorf("another device: %v", err)
	}
}

func TestVerified(t *testing.T) {
	data, k := chain(t, nil)
	r := hsmattest.Check(data, k)
	if err := r.Err("f"); err != nil || !r.Verified() {
		t.Fatalf("%v %+v", err, r)
	}
	var rules []string
	for _, f := range r.Findings {
		rules = append(rules, f.Rule)
	}
	if got := strings.Join(rules, " "); got != strings.Join(hsmattest.Rules(), " ") {
		t.Errorf("the findings are %s", got)
	}
	parts := certificatesOf(data)
	other := bytes.Join([][]byte{parts[2], parts[0], parts[1], []byte(k.Root)}, nil)
	if r := hsmattest.Check(other, k); !r.Verified() {
		t.Errorf("in another order, with the root: %v", r.Err("f"))
	}
	var der []byte
	for _, p := range parts {
		block, _ := pem.Decode(p)
		der = append(der, block.Bytes...)
	}
	if r := hsmattest.Check(der, k); !r.Verified() {
		t.Errorf("in DER: %v", r.Err("f"))
	}
	s := r.Statement(k.Root)
	if !s.Verified() || s.SHA256 != r.SHA256 || len(s.Rules) != len(r.Findings) || s.Root != k.Root {
		t.Errorf("the statement is %+v", s)
	}
}

// TestRefused has an attestation a row that says something else than a device
// would say of a key that was generated in it.
func TestRefused(t *testing.T) {
	arc := func(n int) asn1.ObjectIdentifier { return asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 41482, 4, n} }
	for _, c := range []struct {
		name   string
		change func(*yubichain.Chain)
		want   string
	}{
		{"imported", func(c *yubichain.Chain) { c.Origin = yubichain.Imported },
			"HSM-KEY-ORIGIN: origin 0x02: the key, or an export of it, was imported; expected 0x01, generated"},
		{"exported and imported again", func(c *yubichain.Chain) { c.Origin = yubichain.Generated | yubichain.ImportedWrapped },
			"HSM-KEY-ORIGIN: origin 0x11: the key, or an export of it, was imported; expected 0x01, generated"},
		{"no origin", func(c *yubichain.Chain) { c.LeaveOut = arc(3) },
			"HSM-KEY-FORMAT: 3 certificates besides the root: expected those of the key, of the device (opaque object 0), " +
				"and of Yubico's CA that issued the device's"},
		{"another device's key", func(c *yubichain.Chain) { c.KeySerial = 30000002 },
			"HSM-KEY-SERIAL: the key's certificate is of device 30000002, and the module is 30000001"},
		{"another device", func(c *yubichain.Chain) { c.Serial = 30000002 },
			"HSM-KEY-SERIAL: the device's certificate is of device 30000002, and the module is 30000001"},
		{"no capabilities", func(c *yubichain.Chain) { c.LeaveOut = arc(5) },
			"HSM-KEY-USES: capabilities: its extension is missing"},
		{"a key that attests", func(c *yubichain.Chain) { c.Capabilities |= 1 << 34 },
			"HSM-KEY-USES: capability 34 is not one of a key that signs, decrypts or agrees on keys"},
		{"bytes behind its extensions", func(c *yubichain.Chain) { c.Behind = []byte{0} },
			"HSM-KEY-SERIAL: the key's certificate: serial number: its extension cannot be read"},
		{"a longer origin", func(c *yubichain.Chain) { c.OriginBytes = 2 },
			"HSM-KEY-ORIGIN: origin: 16 bits: expected 8"},
		{"attested by a key", func(c *yubichain.Chain) { c.DeviceIsKey = true },
			"HSM-KEY-CHAIN: the key's certificate is not issued by the device's own, from the factory"},
		{"attested by no CA", func(c *yubichain.Chain) { c.NotACA = true },
			`HSM-KEY-CHAIN: the certificate of "YubiHSM Attestation id:0x0101": the issuer's certificate does not say ` +
				"that it may issue any"},
		{"expired", func(c *yubichain.Chain) { c.To = now.Add(-time.Hour) },
			`HSM-KEY-DATES: the certificate of "YubiHSM Attestation id:0x0101" was valid until 2026-02-03T03:05:06Z, and ` +
				"now is 2026-02-03T04:05:06Z"},
		{"not valid yet", func(c *yubichain.Chain) { c.From = now.Add(time.Hour) },
			`HSM-KEY-DATES: the certificate of "YubiHSM Attestation id:0x0101" is valid from 2026-02-03T05:05:06Z, and ` +
				"now is 2026-02-03T04:05:06Z"},
	} {
		data, k := chain(t, c.change)
		expect(t, c.name, hsmattest.Check(data, k), c.want)
	}
}

// expect holds a refusal to the first rule that it names.
func expect(t *testing.T, name string, r hsmattest.Result, want string) {
	t.Helper()
	err := r.Err("f")
	if r.Verified() || exitcode.Of(err) != exitcode.Check || err == nil {
		t.Errorf("%s: taken, %v", name, err)
		return
	}
	got, _, _ := strings.Cut(err.Error(), "; HSM-KEY-")
	if got != "f: "+want {
		t.Errorf("%s:\n got %s\nwant f: %s", name, got, want)
	}
}

// TestOther has an attestation a row that is whole, and of another key, device or
// root.
func TestOther(t *testing.T) {
	data, k := chain(t, nil)
	stranger, s := chain(t, nil)
	mine, theirs := certificatesOf(data), certificatesOf(stranger)
	with := func(change func(*hsmattest.Key)) hsmattest.Key {
		other := k
		change(&other)
		return other
	}
	garbled := bytes.Replace(data, []byte("\n"), []byte("\n*"), 2)
	block, _ := pem.Decode(data)
	const unread = "HSM-KEY-FORMAT: text that is not a certificate in PEM"
	for _, c := range []struct {
		name string
		data []byte
		key  hsmattest.Key
		want string
	}{
		{"another key", data, with(func(k *hsmattest.Key) { k.Public = s.Public }),
			"HSM-KEY-SAME: the attestation is of another key"},
		{"an AES key", data, with(func(k *hsmattest.Key) { k.Public = nil }),
			"HSM-KEY-SAME: an AES key has no public half that a certificate could be of"},
		{"a module without a number", data, with(func(k *hsmattest.Key) { k.Serial = "A1" }),
			`HSM-KEY-SERIAL: the module's serial number "A1" is not a YubiHSM's`},
		{"under the vendor's root", data, with(func(k *hsmattest.Key) { k.Root = "" }),
			`HSM-KEY-CHAIN: issuer "Specimen YubiHSM Root CA" is not a root that is trusted here`},
		{"under another root of the same name", data, with(func(k *hsmattest.Key) { k.Root = s.Root }),
			`HSM-KEY-CHAIN: the certificate of "Specimen YubiHSM Sub-CA": the signature is not the issuer's`},
		{"a root that is none", data, with(func(k *hsmattest.Key) { k.Root = "none" }),
			"HSM-KEY-FORMAT: the rehearsal's root is not one certificate in PEM"},
		{"another device of the same name", bytes.Join([][]byte{mine[0], theirs[1], theirs[2]}, nil),
			with(func(k *hsmattest.Key) { k.Root = s.Root }),
			`HSM-KEY-CHAIN: the certificate of "YubiHSM Attestation id:0x0101": the signature is not the issuer's`},
		{"the key's certificate alone", mine[0], k,
			"HSM-KEY-FORMAT: 1 certificates besides the root: expected those of the key, of the device (opaque object 0), " +
				"and of Yubico's CA that issued the device's"},
		{"two keys", bytes.Join([][]byte{mine[0], mine[1], theirs[0]}, nil), k,
			`HSM-KEY-FORMAT: the certificate of "Specimen YubiHSM Sub-CA" is not there, which issued that of ` +
				`"YubiHSM Attestation (30000001)"`},
		{"text behind it", append(bytes.Clone(data), "more"...), k, unread},
		{"text in between", bytes.Join([][]byte{mine[0], []byte("more\n"), mine[1], mine[2]}, nil), k, unread},
		{"garbled", garbled, k, unread},
		{"DER with a byte behind it", append(bytes.Clone(block.Bytes), 0), k,
			"HSM-KEY-FORMAT: expected certificates, in PEM or DER, and nothing else"},
		{"DER cut short", block.Bytes[:len(block.Bytes)-1], k,
			"HSM-KEY-FORMAT: expected certificates, in PEM or DER, and nothing else"},
	} {
		expect(t, c.name, hsmattest.Check(c.data, c.key), c.want)
	}
}
