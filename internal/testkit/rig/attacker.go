package rig

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/miekg/pkcs11"
)

// Attacker works on the rig's token with PKCS#11 alone: none of the program's
// own code stands between him and the token.
type Attacker struct {
	*pkcs11.Ctx
	testing.TB
	Handle pkcs11.SessionHandle
}

// Attack opens a session of its own with the token of a label and runs f in it,
// logged in as user where pin is not "". It works beside an open session of the
// program, whose roles it must not disturb: run it while none is logged in.
func (r *Rig) Attack(t testing.TB, label, pin string, f func(a *Attacker)) {
	t.Helper()
	r.attack(t, label, pkcs11.CKU_USER, pin, f)
}

// AttackAsSO is [Rig.Attack] of somebody who knows the SO PIN.
func (r *Rig) AttackAsSO(t testing.TB, label, pin string, f func(a *Attacker)) {
	t.Helper()
	r.attack(t, label, pkcs11.CKU_SO, pin, f)
}

func (r *Rig) attack(t testing.TB, label string, role uint, pin string, f func(a *Attacker)) {
	t.Helper()
	p := pkcs11.New(r.Library)
	if p == nil {
		t.Fatal("the attacker cannot load " + r.Library)
	}
	defer p.Destroy()
	err := p.Initialize()
	if !errors.Is(err, pkcs11.Error(pkcs11.CKR_CRYPTOKI_ALREADY_INITIALIZED)) {
		OK(t, err)
		defer func() { _ = p.Finalize() }()
	}
	h, err := p.OpenSession(slotOf(t, p, label), pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION)
	OK(t, err)
	defer func() { _ = p.CloseSession(h) }()
	if pin != "" {
		OK(t, p.Login(h, role, pin))
		defer func() { _ = p.Logout(h) }()
	}
	f(&Attacker{p, t, h})
}

func slotOf(t testing.TB, p *pkcs11.Ctx, label string) uint {
	t.Helper()
	slots, err := p.GetSlotList(true)
	OK(t, err)
	for _, slot := range slots {
		if info, err := p.GetTokenInfo(slot); err == nil && info.Label == label {
			return slot
		}
	}
	t.Fatalf("no token is labelled %q", label)
	return 0
}

// Find returns the token objects with a label, and with every attribute given.
func (a *Attacker) Find(label string, match ...*pkcs11.Attribute) []pkcs11.ObjectHandle {
	a.Helper()
	template := append([]*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true)}, match...)
	if label != "" {
		template = append(template, pkcs11.NewAttribute(pkcs11.CKA_LABEL, label))
	}
	OK(a, a.FindObjectsInit(a.Handle, template))
	found, _, err := a.FindObjects(a.Handle, 1000)
	OK(a, err)
	OK(a, a.FindObjectsFinal(a.Handle))
	return found
}

// One is [Attacker.Find] of the only object.
func (a *Attacker) One(label string, class uint) pkcs11.ObjectHandle {
	a.Helper()
	found := a.Find(label, pkcs11.NewAttribute(pkcs11.CKA_CLASS, class))
	if len(found) != 1 {
		a.Fatalf("%d objects are labelled %q", len(found), label)
	}
	return found[0]
}

// Relabel gives every token object with a label another one.
func (a *Attacker) Relabel(from, to string) {
	a.Helper()
	for _, o := range a.Find(from) {
		OK(a, a.SetAttributeValue(a.Handle, o, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_LABEL, to)}))
	}
}

// Pair generates an EC P-256 pair on the token, which can be extracted as the
// world's keys can.
func (a *Attacker) Pair(label string, id byte) (public, private pkcs11.ObjectHandle) {
	a.Helper()
	p256 := []byte{0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07}
	naming := []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true), pkcs11.NewAttribute(pkcs11.CKA_LABEL, label),
		pkcs11.NewAttribute(pkcs11.CKA_ID, []byte{id}),
	}
	public, private, err := a.GenerateKeyPair(a.Handle,
		[]*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_EC_KEY_PAIR_GEN, nil)},
		append(naming, pkcs11.NewAttribute(pkcs11.CKA_EC_PARAMS, p256), pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, false)),
		append(naming, pkcs11.NewAttribute(pkcs11.CKA_SIGN, true), pkcs11.NewAttribute(pkcs11.CKA_SENSITIVE, true),
			pkcs11.NewAttribute(pkcs11.CKA_EXTRACTABLE, true), pkcs11.NewAttribute(pkcs11.CKA_WRAP_WITH_TRUSTED, true)))
	OK(a, err)
	return public, private
}

// Secret creates an AES key of known value on the token, with further
// attributes.
func (a *Attacker) Secret(label string, value []byte, more ...*pkcs11.Attribute) pkcs11.ObjectHandle {
	a.Helper()
	o, err := a.CreateObject(a.Handle, append([]*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_SECRET_KEY),
		pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_AES), pkcs11.NewAttribute(pkcs11.CKA_VALUE, value),
		pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true), pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, false),
		pkcs11.NewAttribute(pkcs11.CKA_LABEL, label),
	}, more...))
	OK(a, err)
	return o
}

// Data puts a data object on the token.
func (a *Attacker) Data(label string) {
	a.Helper()
	_, err := a.CreateObject(a.Handle, []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_DATA), pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true),
		pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, false), pkcs11.NewAttribute(pkcs11.CKA_LABEL, label),
		pkcs11.NewAttribute(pkcs11.CKA_VALUE, []byte("data")),
	})
	OK(a, err)
}

// Remove destroys every token object with a label, and says how many.
func (a *Attacker) Remove(label string) int {
	a.Helper()
	found := a.Find(label)
	for _, o := range found {
		OK(a, a.DestroyObject(a.Handle, o))
	}
	return len(found)
}

// Plugged lists the SoftHSM tokens that are there, by the names of their
// folders.
func (r *Rig) Plugged(t testing.TB) []string {
	t.Helper()
	entries, err := os.ReadDir(theStage.tokens())
	OK(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// Unplug takes a SoftHSM token away, and Plug brings it back. No station may be
// open.
func (r *Rig) Unplug(t testing.TB, name string) {
	t.Helper()
	OK(t, os.MkdirAll(theStage.away(), 0o700))
	OK(t, os.Rename(filepath.Join(theStage.tokens(), name), filepath.Join(theStage.away(), name)))
}

// Plug brings a token back that Unplug took away.
func (r *Rig) Plug(t testing.TB, name string) {
	t.Helper()
	OK(t, os.Rename(filepath.Join(theStage.away(), name), filepath.Join(theStage.tokens(), name)))
}

func (s *stage) away() string { return filepath.Join(s.dir, "away") }
