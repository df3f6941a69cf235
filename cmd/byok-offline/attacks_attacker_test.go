package main

import (
	"crypto/ecdh"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/hsm"
	"byok/internal/hsm/probe"
	"byok/internal/statement"
)

// attacker is an operator gone bad: with the user PIN, the HSM's library and
// everything in kmdata, but without a card. He calls the library himself, in a
// process other than the program's.
type attacker struct {
	s       *stage
	p       *pkcs11.Ctx
	h       pkcs11.SessionHandle
	slot    uint              // of the world's token
	second  uint              // of a token of his own, whose SO PIN he chose
	backups []backup          // every one in kmdata
	like    map[string][]byte // CKA_ID of the trusted keys, by label
	guesses []string          // at the SO PIN, from what kmdata and the token show
	rsa     *rsa.PrivateKey
	ec      *ecdh.PrivateKey

	meanwhile bool // a command is at work: its probes may be on the token
}

// backup is a backup in kmdata: the part for KM, and the part under KW.
type backup struct{ outer, inner []byte }

// object is what an attack is tried on.
type object struct {
	handle      pkcs11.ObjectHandle
	role, label string
	class, kind uint // CKO_…, CKK_…
	mine        bool // the attacker's own, without restrictions: here the attack must work
}

// theToken is the role of the token itself, for attacks on no object.
const theToken = "token"

const (
	secondLabel = "the attacker's own"
	secondPIN   = "SO PIN of the attacker's own token"
)

// finding is what came of one attack on one object.
type finding struct {
	Attack  string   `json:"attack"`
	Role    string   `json:"role"`
	Label   string   `json:"label"`
	Mine    bool     `json:"mine"`
	Codes   []string `json:"codes"`   // what the token answered, each once
	Through []string `json:"through"` // the calls that it took
}

// call records the token's answer, and reports whether it did what was asked.
func (f *finding) call(what string, err error) bool {
	code := codeOf(err)
	if !slices.Contains(f.Codes, code) {
		f.Codes = append(f.Codes, code)
	}
	if err == nil {
		f.Through = append(f.Through, what)
	}
	return err == nil
}

// breach reports whether something that must be refused was not.
func (f finding) breach() bool { return !f.Mine && len(f.Through) > 0 }

func codeOf(err error) string {
	var code pkcs11.Error
	switch {
	case err == nil:
		return "CKR_OK"
	case errors.As(err, &code):
		return hsm.ReturnCode(code).Error()
	}
	return err.Error()
}

// besiege lets an attacker loose on the stage's token.
func (s *stage) besiege(t testing.TB, f func(*attacker)) {
	t.Helper()
	s.onToken(t, func(p *pkcs11.Ctx) {
		a := newAttacker(t, s, p)
		a.findTokens(t)
		a.login(t)
		a.readKMData(t)
		f(a)
	})
}

// newAttacker has the keys that all attackers of a test program share.
func newAttacker(t testing.TB, s *stage, p *pkcs11.Ctx) *attacker {
	t.Helper()
	ownKeys.once.Do(func() {
		ownKeys.rsa = mustDo(rsa.GenerateKey(rand.Reader, 2048))(t)
		ownKeys.ec = mustDo(ecdh.P256().GenerateKey(rand.Reader))(t)
	})
	return &attacker{s: s, p: p, rsa: ownKeys.rsa, ec: ownKeys.ec}
}

var ownKeys struct {
	once sync.Once
	rsa  *rsa.PrivateKey
	ec   *ecdh.PrivateKey
}

// makeOwnToken initialises the free slot that SoftHSM always has, for practice.
func (a *attacker) makeOwnToken(t testing.TB) {
	for _, slot := range mustDo(a.p.GetSlotList(true))(t) {
		if info := mustDo(a.p.GetTokenInfo(slot))(t); info.Flags&pkcs11.CKF_TOKEN_INITIALIZED == 0 {
			a.must(t, a.p.InitToken(slot, secondPIN, secondLabel))
			break
		}
	}
	a.must(t, a.p.Finalize()) // slot numbers change with C_InitToken
	a.must(t, a.p.Initialize())
	a.findTokens(t)
	a.login(t)
}

func (a *attacker) findTokens(t testing.TB) {
	for _, slot := range mustDo(a.p.GetSlotList(true))(t) {
		switch info := mustDo(a.p.GetTokenInfo(slot))(t); strings.TrimSpace(info.Label) {
		case stageLabel:
			a.slot = slot
			a.guesses = append(a.guesses, info.SerialNumber)
		case secondLabel:
			a.second = slot
		}
	}
}

func (a *attacker) must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(codeOf(err))
	}
}

// login begins afresh: one session, logged in as user.
func (a *attacker) login(t testing.TB) {
	t.Helper()
	_ = a.p.CloseAllSessions(a.slot)
	a.h = mustDo(a.p.OpenSession(a.slot, pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION))(t)
	a.must(t, a.p.Login(a.h, pkcs11.CKU_USER, stagePIN))
}

// readKMData takes the backups, and everything public that might give the SO
// PIN away.
func (a *attacker) readKMData(t testing.TB) {
	var paths []string
	for _, pattern := range []string{"kmdata/local/*", "kmdata/local/statements/*.json"} {
		paths = append(paths, mustDo(filepath.Glob(a.s.path(pattern)))(t)...)
	}
	for _, path := range paths {
		var file any
		if data, err := os.ReadFile(path); err == nil && json.Unmarshal(data, &file) == nil {
			a.learn("", file)
		}
	}
	a.guesses = append(a.guesses, stagePIN, stageLabel, "12345678", "00000000", "so-"+stagePIN)
}

func (a *attacker) learn(name string, value any) {
	switch v := value.(type) {
	case map[string]any:
		for key, inner := range v {
			a.learn(key, inner)
		}
	case []any:
		for _, inner := range v {
			a.learn(name, inner)
		}
	case string:
		a.learnText(name, v)
	}
}

func (a *attacker) learnText(name, text string) {
	switch name {
	case "backup":
		if raw := unbase64(text); len(raw) > statement.KMBits/8 {
			a.backups = append(a.backups, backup{raw[:statement.KMBits/8], raw[statement.KMBits/8:]})
		}
	case "hknso", "module", "commitments", "sealed", "sha256", "previous":
		a.guesses = append(a.guesses, text[:min(len(text), 40)])
		if raw := unhex(text); len(raw) > 0 {
			a.guesses = append(a.guesses, pinOf(raw))
		}
	}
}

// pinOf is a PIN as it would be made of bytes.
func pinOf(raw []byte) string {
	text := base32.StdEncoding.EncodeToString(raw)
	return text[:min(len(text), 40)]
}

// targets are the objects that the attacker sees and did not make: all on the
// token, and whatever is trusted. An object of no role fails the test: nothing
// of a transfer is ever a token object.
func (a *attacker) targets(t testing.TB) (list []object) {
	t.Helper()
	for _, handle := range a.found(t, attr(pkcs11.CKA_TOKEN, true)) {
		o := a.seen(t, handle)
		if a.meanwhile && o.label == probe.Label {
			continue
		}
		if o.role = o.roleOf(); o.role == "" {
			t.Fatalf("%q on the token: no attack is tried on it", o.label)
		}
		list = append(list, o)
	}
	for _, handle := range a.found(t, attr(pkcs11.CKA_TRUSTED, true)) {
		if o := a.seen(t, handle); !slices.Contains([]string{"KM", "KW", "anchor"}, o.roleOf()) {
			t.Fatalf("%q is trusted", o.label)
		}
	}
	return list
}

// found lists the objects that match.
func (a *attacker) found(t testing.TB, match ...*pkcs11.Attribute) []pkcs11.ObjectHandle {
	t.Helper()
	a.must(t, a.p.FindObjectsInit(a.h, match))
	found, _, err := a.p.FindObjects(a.h, 200)
	a.must(t, err)
	a.must(t, a.p.FindObjectsFinal(a.h))
	return found
}

func (a *attacker) seen(t testing.TB, handle pkcs11.ObjectHandle) object {
	t.Helper()
	return object{
		handle: handle, label: string(a.value(t, handle, pkcs11.CKA_LABEL)),
		class: ulong(a.value(t, handle, pkcs11.CKA_CLASS)), kind: ulong(a.value(t, handle, pkcs11.CKA_KEY_TYPE)),
	}
}

func (a *attacker) value(t testing.TB, o pkcs11.ObjectHandle, attribute uint) []byte {
	t.Helper()
	list, err := a.p.GetAttributeValue(a.h, o, []*pkcs11.Attribute{attr(attribute, nil)})
	a.must(t, err)
	return list[0].Value
}

func (o object) roleOf() string {
	kind := map[uint]string{pkcs11.CKK_RSA: "RSA", pkcs11.CKK_EC: "EC", pkcs11.CKK_AES: "AES"}[o.kind]
	for _, r := range []struct{ prefix, role string }{
		{"byok-kw-", "KW"}, {"byok-km-", "KM"}, {"byok-anchor-", "anchor"},
	} {
		if strings.HasPrefix(o.label, r.prefix) {
			return r.role
		}
	}
	switch {
	case o.class == pkcs11.CKO_PUBLIC_KEY:
		return "public half"
	case strings.HasPrefix(o.label, "byok-kml-"):
		return "KML"
	case strings.HasPrefix(o.label, "key_simple_"):
		return kind + " key"
	}
	return ""
}

func attr(attribute uint, value any) *pkcs11.Attribute { return pkcs11.NewAttribute(attribute, value) }

func by(mechanism uint, parameter any) []*pkcs11.Mechanism {
	return []*pkcs11.Mechanism{pkcs11.NewMechanism(mechanism, parameter)}
}

func ulong(b []byte) (n uint) {
	for i, digit := range b {
		n |= uint(digit) << (8 * i)
	}
	return n
}

func (o object) String() string { return fmt.Sprintf("%s (%s)", o.role, o.label) }

func unhex(text string) []byte {
	raw, _ := hex.DecodeString(text) // what is none gives no bytes
	return raw
}

func unbase64(text string) []byte {
	raw, _ := base64.StdEncoding.DecodeString(text) // of a file of this project's
	return raw
}
