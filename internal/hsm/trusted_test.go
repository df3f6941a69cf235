package hsm

import (
	"fmt"
	"slices"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/hsm/p11"
	"byok/internal/keykind"
	"byok/internal/keywrap"
)

// TestTrustedObjects: the token holds exactly KM, KW and the anchor, also while
// a transfer's keys are in the session.
func TestTrustedObjects(t *testing.T) {
	r := world(t)
	vault := r.trustVault(t)
	spki := must[fingerprint.Sum](t)(keykind.SPKIHash(&r.km.PublicKey)).String()
	want := []string{"public key km " + spki, "secret key kw ", "public key byok-anchor-000001 " + spki}
	if got := r.trusted(t); !slices.Equal(got, want) {
		t.Errorf("\n got %q\nwant %q", got, want)
	}
	if slices.ContainsFunc(must[[]Item](t)(r.s.Inventory()), func(i Item) bool { return i.Label == sessionLabel }) {
		t.Error("a key that wraps for the vault is on the token")
	}
	ok(t, r.s.ProbeTrusted(vault.Outer, KEK))
	ok(t, r.s.ProbeTrusted(vault.Inner, TransferKey))
	k := must[Key](t)(r.s.Generate(Spec{Kind: kind(t, "P-256")}, "key", SessionObject))
	must[[]byte](t)(r.s.Wrap(vault, k))
	r.s.Close() // and with it all of them
	r.open(t)
	r.asUser(t)
	if found := must[[]Object](t)(r.s.raw.Find()); len(found) != 3 {
		t.Errorf("%d objects after the session", len(found))
	}
}

// trusted lists the trusted token objects by class, label and public key.
func (r *rig) trusted(t *testing.T) []string {
	t.Helper()
	var list []string
	for _, o := range must[[]TrustedObject](t)(r.s.Trusted()) {
		text := fmt.Sprintf("%v %s ", o.Class, o.Label)
		if o.Class == PublicKey {
			text += o.SPKI.String()
		}
		list = append(list, text)
	}
	return list
}

// TestProbeTrusted: SoftHSM holds every kind of trusted key.
func TestProbeTrusted(t *testing.T) {
	r := world(t)
	anchor := must[Object](t)(r.s.FindAnchor(AnchorPrefix + "000001"))
	km := must[Object](t)(r.s.FindKM("km", &r.km.PublicKey))
	kw := must[Object](t)(r.s.FindKW("kw"))
	if km != r.kmObject || kw != r.kw {
		t.Errorf("KM %d is found as %d, KW %d as %d", r.kmObject, km, r.kw, kw)
	}
	for _, c := range []struct {
		name string
		o    Object
		kind TrustedKind
	}{{"KM", km, KM}, {"KW", kw, KW}, {"anchor", anchor, Anchor}} {
		if err := r.s.ProbeTrusted(c.o, c.kind); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	ok(t, r.s.ProbeAnchors())
	expect(t, r.s.ProbeTrusted(km, Anchor), failure{
		fmt.Sprintf("%v shows CKA_WRAP=true on the anchor instead of false (remembers a statement and wraps "+
			"nothing)", r.token),
		exitcode.HSM, "",
	})
	ok(t, r.s.Prober().Trust())
	ok(t, r.s.ProbeOAEP(keywrap.TwoSteps))
	if err := r.s.ProbeOAEP(keywrap.OneCall); err == nil {
		t.Error("SoftHSM has no CKM_RSA_AES_KEY_WRAP")
	}
}

// TestZeroPads: SoftHSM does, and it is found once a token.
func TestZeroPads(t *testing.T) {
	r := faultyWorld(t)
	if !must[bool](t)(r.s.ZeroPads()) {
		t.Error("SoftHSM puts zeros behind a key")
	}
	r.s.Close()
	r.open(t)
	r.asUser(t)
	r.failCall(t, "C_WrapKey", 1, pkcs11.CKR_DEVICE_ERROR)
	if !must[bool](t)(r.s.ZeroPads()) {
		t.Error("it was not remembered")
	}
}

// TestLeftOut: on SoftHSM a copy takes no COPYABLE, and the record
// says so.
func TestLeftOut(t *testing.T) {
	r := faultyWorld(t)
	if got := r.s.LeftOut(); !slices.Equal(got, []string{"COPYABLE of KW"}) {
		t.Errorf("left out %q", got)
	}
	t.Setenv("SHIM_UNKNOWN", "0x171,0x40000600")
	r.asSO(t)
	must[Object](t)(r.s.TrustKEK(&softKEK().PublicKey, r.form))
	want := []string{"ALLOWED_MECHANISMS of the KEK", "COPYABLE of KW", "COPYABLE of the KEK"}
	if got := r.s.LeftOut(); !slices.Equal(got, want) {
		t.Errorf("left out %q", got)
	}
}

// TestAllowedMechanisms: KM wraps with the one mechanism that is used.
func TestAllowedMechanisms(t *testing.T) {
	r := world(t)
	first := append(p11.Naming("plain", p11.NewID()), pkcs11.NewAttribute(pkcs11.CKA_VALUE_LEN, 32))
	plain := must[Object](t)(r.s.raw.Generate(pkcs11.CKM_AES_KEY_GEN,
		p11.Template{p11.Has(pkcs11.CKA_TOKEN, false, ""), p11.Has(pkcs11.CKA_EXTRACTABLE, true, "")}.Raw(first...)))
	must[[]byte](t)(r.s.raw.Wrap(p11.OAEP(), r.kmObject, plain))
	_, err := r.s.raw.Wrap(p11.Mechanism(pkcs11.CKM_RSA_PKCS), r.kmObject, plain)
	if !p11.Is(err, pkcs11.CKR_MECHANISM_INVALID) {
		t.Errorf("KM with CKM_RSA_PKCS: %v", err)
	}
}

// TestAnchors: each SO session leaves one; the user makes none, and can destroy
// it.
func TestAnchors(t *testing.T) {
	r := world(t)
	r.asSO(t)
	for _, label := range []string{AnchorPrefix + "000002", AnchorPrefix + "000003", AnchorPrefix + "000003"} {
		ok(t, r.s.SetAnchor(label, &r.km.PublicKey))
		if got := must[[]string](t)(r.s.Anchors()); !slices.Equal(got, []string{label}) {
			t.Errorf("anchors %q", got)
		}
	}
	expect(t, r.s.SetAnchor("another", &r.km.PublicKey),
		failure{`anchor "another": its label does not begin with byok-anchor-`, exitcode.Failed, ""})
	r.asUser(t)
	forged := p11.Template{p11.Has(pkcs11.CKA_TOKEN, true, ""), p11.Has(pkcs11.CKA_PRIVATE, false, "")}
	must[Object](t)(r.s.raw.Create(forged.Raw(append(
		p11.Naming(AnchorPrefix+"000099", p11.NewID()), p11.RSAPublic(&r.km.PublicKey)...)...)))
	if got := must[[]string](t)(r.s.Anchors()); !slices.Equal(got, []string{AnchorPrefix + "000003"}) {
		t.Errorf("a forged anchor counts: %q", got)
	}
	expect(t, r.s.SetAnchor(AnchorPrefix+"000004", &r.km.PublicKey),
		failure{"C_CreateObject of the anchor as a trusted key: CKR_ATTRIBUTE_READ_ONLY", exitcode.HSM, ""})
	if got := must[[]string](t)(r.s.Anchors()); len(got) != 0 { // which is seen
		t.Errorf("anchors %q", got)
	}
}

// TestOnlyTheQuorumTrusts: every call that makes a trusted key is refused to
// the user.
func TestOnlyTheQuorumTrusts(t *testing.T) {
	r := world(t)
	key := &softKEK().PublicKey
	for _, c := range []struct {
		name, want string
		try        func() error
	}{
		{"KM", "C_CreateObject of KM as a trusted key: CKR_ATTRIBUTE_READ_ONLY", func() error {
			_, err := r.s.TrustKM("km2", key, keywrap.TwoSteps)
			return err
		}},
		{"KEK", "C_CreateObject of the KEK as a trusted key: CKR_ATTRIBUTE_READ_ONLY", func() error {
			_, err := r.s.TrustKEK(key, keywrap.TwoSteps)
			return err
		}},
		{"KW", "C_GenerateKey of KW as a trusted key: CKR_ATTRIBUTE_READ_ONLY", func() error {
			_, _, err := r.s.MakeKW("kw2", r.kmObject)
			return err
		}},
		{"transfer key", "C_GenerateKey of the transfer key as a trusted key: CKR_ATTRIBUTE_READ_ONLY", func() error {
			_, err := r.s.TransferKey()
			return err
		}},
		{"PIN", fmt.Sprintf("C_InitPIN on %v: CKR_USER_NOT_LOGGED_IN", r.token), func() error {
			return r.s.InitPIN(pin("another PIN"))
		}},
	} {
		t.Run(c.name, func(t *testing.T) { expect(t, c.try(), failure{c.want, exitcode.HSM, ""}) })
	}
}

// TestFindTrusted: a label without trust, or with another key, is not KM.
func TestFindTrusted(t *testing.T) {
	r := world(t)
	other := &softKEK().PublicKey
	_, err := r.s.FindKM("km", other)
	expect(t, err,
		failure{fmt.Sprintf("%v shows another public key for km than it was given", r.token), exitcode.HSM, ""})
	untrusted := p11.Template{p11.Has(pkcs11.CKA_TOKEN, true, ""), p11.Has(pkcs11.CKA_PRIVATE, false, "")}
	must[Object](t)(r.s.raw.Create(untrusted.Raw(append(p11.Naming("km", p11.NewID()), p11.RSAPublic(other)...)...)))
	if o := must[Object](t)(r.s.FindKM("km", &r.km.PublicKey)); o != r.kmObject {
		t.Error("an untrusted object passes for KM")
	}
	_, err = r.s.FindKW("none")
	expect(t, err,
		failure{fmt.Sprintf(`none is not on the token "test world" (serial %s)`, r.token.Serial), exitcode.HSM, ""})
	_, err = r.s.FindKM("none", other)
	expect(t, err,
		failure{fmt.Sprintf(`none is not on the token "test world" (serial %s)`, r.token.Serial), exitcode.HSM, ""})
}

// TestTrustedCallsFail has one call of the SO's fail at a time. What was made
// and does not show what it should is gone.
func TestTrustedCallsFail(t *testing.T) {
	r := faultyToken(t)
	km := must[Object](t)(r.s.TrustKM("km", &r.km.PublicKey, keywrap.TwoSteps))
	ok(t, r.s.SetAnchor(AnchorPrefix+"1", &r.km.PublicKey))
	trustKM := func() error { _, err := r.s.TrustKM("km2", &r.km.PublicKey, keywrap.TwoSteps); return err }
	findKM := func() error { _, err := r.s.FindKM("km", &r.km.PublicKey); return err }
	makeKW := func() error { _, _, err := r.s.MakeKW("kw", km); return err }
	transfer := func() error { _, err := r.s.TransferKey(); return err }
	anchor := func() error { return r.s.SetAnchor(AnchorPrefix+"2", &r.km.PublicKey) }
	trusted := func() error { _, err := r.s.Trusted(); return err }
	inventory := func() error { _, err := r.s.Inventory(); return err }
	ok(t, transfer()) // the wrapping mechanism is found out
	for _, c := range []struct {
		function string
		n        int
		try      func() error
		want     string
	}{
		{"C_CreateObject", 1, trustKM, "C_CreateObject of KM as a trusted key"},
		{"C_GetAttributeValue", 1, trustKM, "reading the attributes of KM: C_GetAttributeValue"},
		{"C_GetAttributeValue", 1, findKM, "C_GetAttributeValue"},
		{"C_GenerateKey", 1, makeKW, "C_GenerateKey of KW as a trusted key"},
		{"C_WrapKey", 1, makeKW, "C_WrapKey of KW under KM with RSA-OAEP (SHA-1)"},
		{"C_CopyObject", 1, makeKW, "C_CopyObject of KW to kw"},
		{"C_GenerateKey", 1, transfer, "C_GenerateKey of the transfer key as a trusted key"},
		{"C_FindObjectsInit", 1, anchor, "C_FindObjectsInit"},
		{"C_GetAttributeValue", 1, anchor, "C_GetAttributeValue"},
		{"C_DestroyObject", 1, anchor, "C_DestroyObject of the anchor byok-anchor-1"},
		{"C_FindObjectsInit", 1, r.s.ProbeAnchors, "C_FindObjectsInit"},
		{"C_GetAttributeValue", 3, r.s.ProbeAnchors, "C_GetAttributeValue"},
		{"C_FindObjectsInit", 1, trusted, "C_FindObjectsInit"},
		{"C_GetAttributeValue", 1, trusted, "C_GetAttributeValue"},
		{"C_GetAttributeValue", 3, trusted, "C_GetAttributeValue"},
		{"C_FindObjectsInit", 1, inventory, "C_FindObjectsInit"},
		{"C_FindObjectsInit", 2, inventory, "C_FindObjectsInit"},
		{"C_GetAttributeValue", 1, inventory, "C_GetAttributeValue"},
	} {
		t.Run(fmt.Sprintf("%s %d", c.want, c.n), func(t *testing.T) {
			r.failCall(t, c.function, c.n, pkcs11.CKR_DEVICE_ERROR)
			expect(t, c.try(), failure{c.want + ": CKR_DEVICE_ERROR", exitcode.HSM, ""})
			t.Setenv("SHIM_AT", "")
		})
	}
	for _, item := range must[[]Item](t)(r.s.Inventory()) {
		if item.Label == "km2" || item.Label == "kw" {
			t.Errorf("left on the token: %s", item.Label)
		}
	}
}

// TestNoKeyWrap: the two-step form needs AES key wrap.
func TestNoKeyWrap(t *testing.T) {
	t.Setenv("SHIM_HIDE_MECHANISMS", "0x210A")
	r := faultyToken(t)
	want := failure{r.token.String() + " offers no AES key wrap with padding as in RFC 5649: " +
		"CKM_AES_KEY_WRAP_KWP: not listed; CKM_AES_KEY_WRAP_PAD: not listed", exitcode.HSM, ""}
	_, _, err := r.s.MakeKW("kw", 0)
	expect(t, err, want)
	_, err = r.s.TransferKey()
	expect(t, err, want)
	r.asUser(t)
	_, err = r.s.Wrap(Wrapping{Form: keywrap.TwoSteps}, Key{})
	expect(t, err, want)
	_, err = r.s.Restore(Backup{Kind: kind(t, "P-256")})
	expect(t, err, want)
}

// TestAnotherPublicKeyShown: what is trusted is read back.
func TestAnotherPublicKeyShown(t *testing.T) {
	r := faultyToken(t)
	t.Setenv("SHIM_WEAK", "public-key")
	_, err := r.s.TrustKEK(&softKEK().PublicKey, keywrap.TwoSteps)
	expect(t, err,
		failure{fmt.Sprintf("%v shows another public key for the KEK than it was given", r.token), exitcode.HSM, ""})
}
