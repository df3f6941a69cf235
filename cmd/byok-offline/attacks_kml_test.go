package main

import (
	"crypto/aes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/keykind"
	"byok/internal/kmdata"
	"byok/internal/statement"
	"byok/internal/strictjson"
)

func TestForgedKeyFiles(t *testing.T) { withKML().try(t) }

// withKML is what whoever has the user PIN signs: key files and records of
// retirement.
func withKML() deeds {
	list := append(changedFields(), forgedKeys()...)
	return deeds{
		heading: "Key files", who: "the operator, who has KML sign what was changed",
		list: slices.Concat(in(withEC, slices.Concat(list, forgedRecords(), forgedBackups())...),
			in(withTransfers, forgedCopies()...)),
	}
}

// unprovedOrigin is what a quorum is shown before it approves.
const unprovedOrigin = "origin unproved: the operator may know its value"

// changedFields edits every field of a key file.
func changedFields() (list []deed) {
	for _, field := range []struct{ name, from, to, want string }{
		{"type", `"byok-key"`, `"byok-retired"`,
			`3: kmdata/local/key_simple_ec: type is "byok-retired", expected "byok-key"`},
		{"version", `"version": 1`, `"version": 2`,
			"3: kmdata/local/key_simple_ec: version 2 of byok-key, written by a later release; this one reads version 1"},
		{"rehearsal", `"rehearsal": true`, `"rehearsal": false`,
			"3: kmdata/local/key_simple_ec: its rehearsal mark is not the world's"},
		{"app", `"app": "simple"`, `"app": "xferacld"`,
			"3: kmdata/local/key_simple_ec: a key of app xferacld has a wrapped copy and no backup"},
		{"ident", `"ident": "ec"`, `"ident": "rsa"`,
			"3: kmdata/local/key_simple_ec: it says that it is key_simple_rsa: the file was renamed"},
		{"key_type", `"key_type": "EC"`, `"key_type": "RSA"`,
			"3: kmdata/local/key_simple_ec: RSA key: a curve belongs to EC keys only"},
		{"bits", `"bits": 256`, `"bits": 384`, "3: kmdata/local/key_simple_ec: EC key of 384 bits: P-256 has 256"},
		{"curve", `"P-256"`, `"P-384"`, "3: kmdata/local/key_simple_ec: EC key of 256 bits: P-384 has 384"},
		{"permissions", `    "SIGN",` + "\n", "", "0: nothing"},
		{"frozen", `"frozen": false`, `"frozen": true`, "6: key_simple_ec is frozen: it cannot be wrapped any more"},
		{"card_set", `"card_set": 1`, `"card_set": 2`, "0: nothing"},
		{"one that is not known", `"frozen": false`, `"frozen": false,` + "\n" + `  "more": 1`,
			"3: kmdata/local/key_simple_ec: unknown field more"},
		{"one that is doubled", `"frozen": false`, `"frozen": false,` + "\n" + `  "frozen": false`,
			"3: kmdata/local/key_simple_ec: field frozen appears twice"},
	} {
		list = append(list, deed{
			name: "a key file with another field: " + field.name, state: generated, note: noted(field.want),
			also: but(withEC, replaced), // whose card set is another
			do:   replacing("key_simple_ec", field.from, field.to), then: thenModify, want: field.want,
		})
	}
	for _, field := range []struct{ name, want string }{
		{"world", "3: kmdata/local/key_simple_ec: it belongs to another security world (hknso …)"},
		{"module", `3: kmdata/local/key_simple_ec: no statement of this world certifies the module "…"`},
		{"created", "3: kmdata/local/key_simple_ec: field created: expected a time in whole seconds, such as …"},
		{"public_key", `3: key_simple_ec on token "stage" (serial …) is not the key that its file describes`},
	} {
		list = append(list, deed{
			name: "a key file with another field: " + field.name, state: generated,
			do: borrowing(field.name), then: thenModify, want: field.want,
		})
	}
	return append(list,
		deed{name: "a key file with another field: plainname", state: generated,
			do: replacing("key_simple_ec", `"plainname": "ec"`,
				`"plainname": "payroll"`), then: thenModify, want: "0: nothing",
			note: "a name for people, which no quorum takes for a fact"},
		deed{name: "a key file that says origin quorum", state: generated, also: withKeys,
			do: replacing("key_simple_aes", `"origin": "unproved"`,
				`"origin": "quorum"`), then: thenAES, want: "0: " + unprovedOrigin,
			note: "the statements decide"})
}

// noted says why a changed field that is not noticed does no harm.
func noted(want string) string {
	if strings.HasPrefix(want, "0: ") {
		return "what counts is read from the token"
	}
	return ""
}

// replacing changes a file in the local folder, and has KML sign it.
func replacing(name, from, to string) func(*testing.T, *stage) {
	return func(t *testing.T, s *stage) {
		path := s.path("kmdata/local/" + name)
		text := string(mustDo(os.ReadFile(path))(t))
		changed := strings.Replace(text, from, to, 1)
		if changed == text {
			t.Fatalf("%s does not hold %s", name, from)
		}
		s.forge(t, path, []byte(changed))
	}
}

// forge writes a file and KML's signature beside it.
func (s *stage) forge(t testing.TB, path string, data []byte) {
	t.Helper()
	mustWrite(t, path, data)
	s.besiege(t, func(a *attacker) { mustWrite(t, kmdata.SignaturePath(path), a.signKML(t, data)) })
}

// readKey decodes a key file, verified or not.
func (s *stage) readKey(t testing.TB, name string) (k kmdata.Key) {
	t.Helper()
	data := mustDo(os.ReadFile(s.path("kmdata/local/" + name)))(t)
	if err := strictjson.Unmarshal(name, data, kmdata.MaxFile, &k); err != nil {
		t.Fatal(err)
	}
	return k
}

// forgeKey writes a key file under its name, signed by KML.
func (s *stage) forgeKey(t testing.TB, k kmdata.Key) {
	t.Helper()
	s.forge(t, s.path("kmdata/local/"+k.Name()), mustDo(strictjson.Marshal(k))(t))
}

// borrowing gives the file of one key a field of another's, or of another time
// and world.
func borrowing(field string) func(*testing.T, *stage) {
	return func(t *testing.T, s *stage) {
		k := s.readKey(t, "key_simple_ec")
		switch field {
		case "world":
			k.World[0] ^= 1
		case "module":
			k.Module = strings.Repeat("0", 32)
		case "created":
			k.Created = k.Created.AddDate(0, 0, 1).Add(1)
		case "public_key":
			private := mustDo(newEC())(t)
			k.PublicKey = mustDo(keykind.MarshalPublicKey(&private.PublicKey))(t)
		}
		s.forgeKey(t, k)
	}
}

// forgedKeys are whole key files that the program did not write.
func forgedKeys() []deed {
	return []deed{
		{name: "a key whose value is known, with a file and a backup", state: generated, also: withKeys, do: knownKey,
			then: strings.Replace(thenModify, "--ident ec", "--ident known", 1), want: "0: " + unprovedOrigin,
			note: "LOCAL is true for it; the holders see the origin before they approve"},
		{name: "a key whose value is known, under the name of another", state: generated, also: withKeys, do: knownInPlace, then: thenAES,
			want: "0: " + unprovedOrigin,
			note: "no quorum saw the key made: it is another key of the same unproved origin"},
		{name: "a key file under another name", state: generated, also: withKeys, do: renamedKey, then: thenModify,
			want: "3: kmdata/local/key_simple_ec: it says that it is key_simple_rsa: the file was renamed"},
		{name: "a key file without a signature", state: generated, do: removing("key_simple_ec.sig"), then: thenModify,
			want: "3: kmdata/local/key_simple_ec: its signature key_simple_ec.sig is missing"},
		{name: "a key file with an empty signature", state: generated, do: emptying("key_simple_ec.sig"),
			then: thenModify, want: "3: kmdata/local/key_simple_ec: the signature key_simple_ec.sig is not of this " +
				"content: the file was altered, or another key signed it"},
		{name: "a key file signed by another key", state: generated, do: signedByAnother, then: thenModify,
			want: "3: kmdata/local/key_simple_ec: the signature key_simple_ec.sig is not of this content: the file was " +
				"altered, or another key signed it"},
		{name: "an empty record of retirement", state: generated, do: emptying("retired_key_simple_ec"), then: thenCheck,
			want: "3: key_simple_ec kmdata/local/retired_key_simple_ec: not valid JSON at byte 0"},
		{name: "an empty record of retirement, the key destroyed", state: generated, do: emptyRetirement, then: thenCheck,
			want: "3: key_simple_ec kmdata/local/retired_key_simple_ec: not valid JSON at byte 0"},
		{name: "a key file in place of a record of retirement", state: generated,
			do:   asWell("key_simple_ec", "retired_key_simple_ec"),
			then: thenCheck, want: `3: key_simple_ec kmdata/local/retired_key_simple_ec: type is "byok-key", ` +
				`expected "byok-retired"`},
		{name: "a file of no kind in kmdata", state: generated, do: emptying("key_other"), then: thenCheck,
			want: "3: files of kmdata kmdata/local/key_other is not a file of a security world"},
	}
}

// removing removes a file of the local folder.
func removing(name string) func(*testing.T, *stage) {
	return func(t *testing.T, s *stage) {
		if err := os.Remove(s.path("kmdata/local/" + name)); err != nil {
			t.Fatal(err)
		}
	}
}

// emptying leaves or makes an empty file in the local folder.
func emptying(name string) func(*testing.T, *stage) {
	return func(t *testing.T, s *stage) { mustWrite(t, s.path("kmdata/local/"+name), nil) }
}

func asWell(from, to string) func(*testing.T, *stage) {
	return func(t *testing.T, s *stage) {
		for _, end := range []string{"", ".sig"} {
			mustWrite(t, s.path("kmdata/local/"+to+end), mustDo(os.ReadFile(s.path("kmdata/local/"+from+end)))(t))
		}
	}
}

func renamedKey(t *testing.T, s *stage) { asWell("key_simple_rsa", "key_simple_ec")(t, s) }

func emptyRetirement(t *testing.T, s *stage) {
	destroying("EC key")(t, s)
	emptying("retired_key_simple_ec")(t, s)
}

func signedByAnother(t *testing.T, s *stage) {
	path := s.path("kmdata/local/key_simple_ec")
	private := mustDo(newEC())(t)
	mustWrite(t, path+".sig", signedBy(t, private, mustDo(os.ReadFile(path))(t)))
}

// knownKey makes a key on the token, reads its value, and then gives it every
// restriction: it shows LOCAL, and its value is the attacker's.
func knownKey(t *testing.T, s *stage) {
	s.besiege(t, func(a *attacker) {
		value := a.generateKnown(t, "key_simple_known")
		k := s.readKey(t, "key_simple_aes")
		k.Ident, k.PlainName, k.CheckValue, k.Origin = "known", "known", checkValue(t, value), statement.OriginQuorum
		k.Backup = base64.StdEncoding.EncodeToString(append(a.backups[0].outer, a.underKW(t, "key_simple_known")...))
		data := mustDo(strictjson.Marshal(k))(t)
		mustWrite(t, s.path("kmdata/local/key_simple_known"), data)
		mustWrite(t, s.path("kmdata/local/key_simple_known.sig"), a.signKML(t, data))
	})
}

// generateKnown returns the value of a new AES key that then shows every
// restriction of a kept key, and LOCAL.
func (a *attacker) generateKnown(t testing.TB, label string) []byte {
	t.Helper()
	key, err := a.p.GenerateKey(a.h, by(pkcs11.CKM_AES_KEY_GEN, nil), []*pkcs11.Attribute{
		attr(pkcs11.CKA_TOKEN, true), attr(pkcs11.CKA_PRIVATE, true), attr(pkcs11.CKA_LABEL, label), attr(pkcs11.CKA_ID,
			[]byte{9}),
		attr(pkcs11.CKA_VALUE_LEN, 32), attr(pkcs11.CKA_SENSITIVE, false), attr(pkcs11.CKA_EXTRACTABLE, true),
		attr(pkcs11.CKA_WRAP_WITH_TRUSTED, true), attr(pkcs11.CKA_ENCRYPT, true), attr(pkcs11.CKA_DECRYPT, true),
		attr(pkcs11.CKA_SIGN, false), attr(pkcs11.CKA_VERIFY, false), attr(pkcs11.CKA_WRAP,
			false), attr(pkcs11.CKA_UNWRAP, false),
	})
	a.must(t, err)
	value := a.value(t, key, pkcs11.CKA_VALUE)
	a.must(t, a.p.SetAttributeValue(a.h, key, []*pkcs11.Attribute{attr(pkcs11.CKA_SENSITIVE, true)}))
	if local := a.value(t, key, pkcs11.CKA_LOCAL); len(value) != 32 || local[0] == 0 {
		t.Fatalf("%d bytes, LOCAL %d: the attack proves nothing", len(value), local[0])
	}
	return value
}

// underKW wraps a key under KW.
func (a *attacker) underKW(t testing.TB, label string) []byte {
	t.Helper()
	blob, err := a.p.WrapKey(a.h, rfc5649(), a.only(t, "KW").handle, a.found(t, attr(pkcs11.CKA_LABEL, label))[0])
	a.must(t, err)
	return blob
}

func checkValue(t testing.TB, key []byte) string {
	t.Helper()
	block := make([]byte, aes.BlockSize)
	mustDo(aes.NewCipher(key))(t).Encrypt(block, block)
	return hex.EncodeToString(block)
}

func knownInPlace(t *testing.T, s *stage) {
	s.besiege(t, func(a *attacker) {
		old := a.only(t, "AES key")
		a.must(t, a.p.DestroyObject(a.h, old.handle))
		value := a.generateKnown(t, old.label)
		k := s.readKey(t, old.label)
		k.CheckValue = checkValue(t, value)
		k.Backup = base64.StdEncoding.EncodeToString(append(a.backups[0].outer, a.underKW(t, old.label)...))
		data := mustDo(strictjson.Marshal(k))(t)
		mustWrite(t, s.path("kmdata/local/"+old.label), data)
		mustWrite(t, s.path("kmdata/local/"+old.label+".sig"), a.signKML(t, data))
	})
}

func statementNumber(n int) string { return fmt.Sprintf("%06d-", n) }

func newEC() (*ecdsa.PrivateKey, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }

func signedBy(t testing.TB, key *ecdsa.PrivateKey, data []byte) []byte {
	t.Helper()
	digest := sha256.Sum256(data)
	return mustDo(ecdsa.SignASN1(rand.Reader, key, digest[:]))(t)
}

// TestOriginBeforeCards: what is not proved of a key's origin is said before a
// card is read.
func TestOriginBeforeCards(t *testing.T) {
	for name, c := range map[string]struct {
		do           func(*testing.T, *stage)
		line, origin string
	}{
		"approval of a key made without the quorum": {nil, thenAES, unprovedOrigin},
		"approval of a key of known value": {knownKey,
			strings.Replace(thenAES, "--ident aes", "--ident known", 1), unprovedOrigin},
		"restoring a key under another name": {
			relabelled, strings.Replace(thenRestore, "--ident ec", "--ident payroll", 1), "origin after restoring: unproved",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := inState(t, generated)
			line := s.filled(t, c.line)
			if c.do != nil {
				c.do(t, s)
			}
			text := s.must(t, line).text
			said, read := strings.Index(text, c.origin), strings.Index(text, "card 1 (Ada) read")
			if said < 0 || read < 0 || said > read {
				t.Errorf("said at %d, the first card read at %d\n%s", said, read, text)
			}
		})
	}
}
