package enact

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/hsm"
	"byok/internal/hsm/p11"
	"byok/internal/keys"
	"byok/internal/policy"
	"byok/internal/policy/token"
	"byok/internal/session"
	"byok/internal/statement"
	"byok/internal/testkit/rig"
)

// TestMain lets the test program be the second process of a probe.
func TestMain(m *testing.M) { rig.Main(m) }

// TestLifetimes holds the model to the program itself: a quorum generates keys
// and approves one, and at every look at the log, also while the KEK is
// trusted, each object of the process is one of the model, with its
// attributes, on the token or of the session as there. And every object of the
// model is seen.
func TestLifetimes(t *testing.T) {
	r := rig.NewWorld(t)
	o := &observer{Log: r.Log, t: t, seen: map[string]bool{}, model: modelled()}
	a := r.Access()
	a.Log = o
	kek := rig.NewKEK(t, "kek")
	rig.OK(t, r.With(a, r.Folders[:2], func(s *session.Quorum) error {
		q := keys.Quorum{Quorum: s}
		for ident, kind := range map[string]string{"ec": "P-256", "rsa": "RSA-2048", "aes": "AES-256"} {
			_, err := q.Generate(keys.Generation{Ident: ident, Spec: hsm.Spec{Kind: rig.Kind(t, kind)}})
			rig.OK(t, err)
		}
		_, err := q.Approve([]keys.Transfer{{Ident: "ec", KEK: kek.KEK, Target: statement.Target{
			Vault: kek.ID().Vault, Name: "ec", KeyOps: rig.Kind(t, "P-256").KeyOps(),
		}}})
		rig.OK(t, err)
		for _, ident := range []string{"ec", "rsa", "aes"} {
			_, err := q.Freeze(ident)
			rig.OK(t, err)
		}
		return nil
	}))
	rig.OK(t, r.Operator(func(op *session.Operator) error {
		_, err := keys.Operator{Operator: op}.Generate(keys.Generation{
			Ident: "alone", Spec: hsm.Spec{Kind: rig.Kind(t, "P-256")},
		})
		return err
	}))
	r.Attack(t, r.Label, rig.UserPIN, func(a *rig.Attacker) { o.look(a.Ctx, a.Handle) })
	o.complete()
}

// observer looks at all objects of the process whenever the log is asked for.
type observer struct {
	session.Log
	t     testing.TB
	seen  map[string]bool
	model map[string]string // rows by profile
}

// Head implements session.Log.
func (o *observer) Head() (statement.LogHead, error) {
	ctx := pkcs11.New(library(o.t))
	defer ctx.Destroy()
	slots, err := ctx.GetSlotList(true)
	rig.OK(o.t, err)
	h, err := ctx.OpenSession(slots[0], pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION)
	rig.OK(o.t, err)
	o.look(ctx, h)
	rig.OK(o.t, ctx.CloseSession(h))
	return o.Log.Head()
}

func library(t testing.TB) string { return rig.Library(t) }

// look notes every object, and fails the test for one that the model lacks.
func (o *observer) look(ctx *pkcs11.Ctx, h pkcs11.SessionHandle) {
	raw := &p11.Session{Ctx: ctx, Handle: h, Token: label("the token")}
	objects, err := raw.Find()
	rig.OK(o.t, err)
	for _, object := range objects {
		p := o.profile(raw, object)
		if o.model[p] == "" && !o.seen[p] && !harmless(p) {
			o.t.Errorf("the model lacks %s", p)
		}
		o.seen[p] = true
	}
}

// complete fails the test for what the model has and the program never had. KW
// as it is generated, a transfer copy, and the AES key that unwraps a backup, are
// destroyed before the log is asked for.
func (o *observer) complete() {
	brief := []string{policy.RowKWMade, policy.RowReducedPrivate, policy.RowReducedSecret, policy.RowUnwrapping}
	for p, row := range o.model {
		if !o.seen[p] && !slices.Contains(brief, row) {
			o.t.Errorf("only the model has the %s, %s", row, p)
		}
	}
}

// harmless reports whether an object of a session gives an attacker nothing,
// even if he could use it: a public key that is not trusted, as anyone makes
// them, the session's own pair, for which the AES key of a backup is encrypted,
// and the worthless keys with which the program tries the token.
func harmless(p string) bool {
	return strings.Contains(p, "of the session") && !strings.Contains(p, "TRUSTED") &&
		(strings.Contains(p, "public key") || strings.Contains(p, "UNWRAP"))
}

// profile is what the model knows of an object.
func (o *observer) profile(raw *p11.Session, object p11.Object) string {
	class, err := raw.Attributes(object, pkcs11.CKA_CLASS, pkcs11.CKA_ALLOWED_MECHANISMS)
	rig.OK(o.t, err)
	c, attrs := p11.Class(p11.ULong(class[0])), []string{}
	for attribute := range token.Modelled() {
		on, err := raw.Flag(object, attribute)
		rig.OK(o.t, err)
		if on && token.Exists(attribute, c) {
			attrs = append(attrs, p11.Name(attribute))
		}
	}
	onToken, err := raw.Flag(object, pkcs11.CKA_TOKEN)
	rig.OK(o.t, err)
	mechanism := p11.NoMechanism
	if len(class[1]) > 0 {
		mechanism = p11.ULong(class[1])
	}
	return describe(c, attrs, mechanism, onToken)
}

func describe(c p11.Class, attrs []string, mechanism uint, onToken bool) string {
	slices.Sort(attrs)
	place := map[bool]string{true: "on the token", false: "of the session"}[onToken]
	only := ""
	if mechanism != p11.NoMechanism {
		only = fmt.Sprintf(" with 0x%x alone", mechanism)
	}
	return fmt.Sprintf("a %v %s: %s%s", c, place, strings.Join(attrs, " "), only)
}

// modelled are the profiles of the ceremony in the model.
func modelled() map[string]string {
	s := policy.Run(policy.Shipped(policy.Guards()[0]), token.SoftHSM(), policy.TheOperator())
	list := map[string]string{}
	for _, d := range s.Ceremony() {
		o := d.Fact.(policy.Object)
		var attrs []string
		for attribute, bit := range token.Modelled() {
			if o.Attrs.Has(bit) && token.Exists(attribute, o.Class) {
				attrs = append(attrs, p11.Name(attribute))
			}
		}
		list[describe(o.Class, attrs, onSoftHSM(o.Mechanism), !o.Hidden)] = d.Step.Row
	}
	return list
}
