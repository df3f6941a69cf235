package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
)

// concession is something that the operator can do with the PIN alone. None of
// them gives a key away; each is tried, and so is what becomes of it.
type concession struct {
	name  string // what he can do
	state string // where it is tried
	do    func(a *attacker, t *testing.T)
	then  string // the command that meets it
	note  string // how it is found, or why it may be
}

const (
	thenCheck        = "world check"
	thenModify       = "acl modify --ident ec"
	thenModifyForged = "acl modify --ident forged"
	thenPackage      = "package --ident ec"
)

func concessions() []concession {
	return slices.Concat(destroying(), substituting(), usingKeys())
}

func destroying() []concession {
	const kept, transfer = "key generated", "ACL modified"
	return []concession{
		{"destroy KM", kept, destroy("byok-km"), thenCheck, "no key is lost: `world recover` with K cards"},
		{"destroy KNSO", kept, destroy("byok-knso"), thenCheck, "no key is lost: `world recover` with K cards"},
		{"destroy a key", kept, destroy("key_simple_ec"), thenCheck, "`key restore` with K cards"},
		{"destroy the KEK", transfer, destroy("byok-kek_ec"), thenPackage, "`acl modify` once more"},
		{"destroy the transfer key", transfer, destroy("byok-transfer_ec"), thenPackage, "`acl modify` once more"},
		{"destroy the transfer copy", transfer, destroy("key_xferacld_ec"), thenPackage, "`acl modify` once more"},
		{"change the user PIN (C_SetPIN)", kept, func(a *attacker, t *testing.T) { a.must(t, a.p.SetPIN(a.h, attackPIN, "another PIN")) }, thenCheck,
			"the SO sets a new one, with K cards"},
	}
}

func substituting() []concession {
	const kept, transfer = "key generated", "ACL modified"
	return []concession{
		{"destroy KM, put a key of known value in its place", kept, pretend("byok-km"), thenCheck, "it is not trusted: the token wraps nothing under it"},
		{"destroy the KEK, put the attacker's in its place", transfer, pretend("byok-kek_ec"), thenPackage, "it is not trusted: the token wraps nothing under it"},
		{"give another key the label and CKA_ID of a key", kept, masquerade("key_simple_ec", false), thenModify, "compared with the backup under KM"},
		{"put the copy of another key in the transfer copy's place", transfer, masquerade("key_xferacld_ec", true), thenPackage, "compared with the backup under KM"},
		{"turn on a use of a key that may be modified", kept, turnOn, thenCheck, "the value stays where it is; the copy has the use off for good"},
		{"change the label of a key that may be modified", kept, relabel, thenCheck, "–"},
		{"put objects of his own on the token", kept, addOwn, thenCheck, "trusted they are not"},
		{"forge a key's file and signature, for a key of known value", kept, forgeKey, thenModifyForged, "told to the quorum; the manifest does not show LOCAL; the log has no `key generate`"},
	}
}

func usingKeys() []concession {
	const kept, transfer = "key generated", "ACL modified"
	return []concession{
		{"sign anything with KNSO", kept, signAnything, thenCheck, "no trace: files are worth what the head of the log is, noted on paper"},
		{"use a key: sign, decrypt", kept, useKeys, thenCheck, "no trace: that is what he has the PIN for"},
		{"wrap a key under KM", kept, wrapUnderKM, thenCheck, "no trace: what he gets, K cards open"},
		{"encrypt values of his own under KM, by wrapping them as keys (AES key wrap, AES-CBC)", kept, encryptByWrapping, thenCheck, "no trace: nothing decrypts to match"},
		{"wrap another of the world's keys for the trusted KEK, until `package` has run", transfer, wrapForVault, thenCheck,
			"no trace on the token: package at once, with the quorum looking on; nobody but that vault opens it"},
		{"learn the SHA-256 of KM (C_DigestKey)", kept, digestKM, thenCheck, "no trace: nothing is computed back from it"},
	}
}

// concede does what a concession is about. The token must take it.
func (a *attacker) concede(t *testing.T, name string) {
	for _, c := range concessions() {
		if c.name == name {
			c.do(a, t)
			return
		}
	}
	t.Fatalf("nothing known as %q", name)
}

// concede tries every concession in a copy of its state, and has the program
// meet it.
func (b *besieged) concede(t *testing.T, states []state) {
	for _, c := range concessions() {
		i := slices.IndexFunc(states, func(s state) bool { return s.name == c.state })
		in := states[i].copied(t)
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			in.attacker(t, c.name)
			b.mutex.Lock()
			defer b.mutex.Unlock()
			if b.met == nil {
				b.met = map[string]string{}
			}
			b.met[c.name] = in.meets(t, c)
		})
	}
}

// meets runs the command that follows, and returns its status and what it
// complains of first, without what differs from run to run.
func (f *field) meets(t *testing.T, c concession) string {
	t.Helper()
	line := c.then + withPIN
	switch c.then {
	case thenModify, thenModifyForged:
		line += f.packages() + withCards("", 1, 2, 3)
	case thenPackage:
		line += f.packages() + " --subscription-id 00000000-0000-0000-0000-000000000000 --key-friendly-name Contoso --out out"
	}
	r := f.run(t, line)
	complaint := "nothing"
	if found := firstComplaint.FindStringSubmatch(r.out + r.said); found != nil {
		complaint = strings.Join(strings.Fields(found[1]), " ")
	}
	return fmt.Sprintf("%d: %s", r.status, serialNumber.ReplaceAllString(complaint, "serial …"))
}

// firstComplaint is the first line of a check that failed, or an error, or the
// warning of a key's origin.
var firstComplaint = regexp.MustCompile(`(?m)^(?:FAIL +|error: |warning: )(.*(?: is not | shows | wrong |CKR_|another key|has the permissions|is in no file|LOCAL is false).*)$`)

var serialNumber = regexp.MustCompile(`serial [0-9a-f]{16}`)

// acceptedRows writes the second table.
func (b *besieged) acceptedRows(row func(cells ...string)) {
	row("what", "in", "then", "status and complaint", "why it may be")
	row(slices.Repeat([]string{"---"}, 5)...)
	for _, c := range concessions() {
		command, _, _ := strings.Cut(c.then, " --")
		row(c.name, c.state, "`"+command+"`", b.met[c.name], c.note)
	}
}

// labelled is the object of a label that is private or secret, or the KEK.
func (a *attacker) labelled(t *testing.T, label string) object {
	t.Helper()
	for _, o := range a.targets(t) {
		if o.label == label && o.role != "public half" {
			return o
		}
	}
	t.Fatalf("no %s on the token", label)
	return object{}
}

func destroy(label string) func(*attacker, *testing.T) {
	return func(a *attacker, t *testing.T) { a.must(t, a.p.DestroyObject(a.h, a.labelled(t, label).handle)) }
}

func pretend(label string) func(*attacker, *testing.T) {
	return func(a *attacker, t *testing.T) {
		id := a.value(t, a.labelled(t, label).handle, pkcs11.CKA_ID)
		destroy(label)(a, t)
		a.lookAlike(t, label, id)
	}
}

// masquerade puts KNSO, which is an EC key as well, in the place of another
// key: CKA_ID leads to that one's public half.
func masquerade(label string, reduced bool) func(*attacker, *testing.T) {
	return func(a *attacker, t *testing.T) {
		list := []*pkcs11.Attribute{attr(pkcs11.CKA_LABEL, label), attr(pkcs11.CKA_ID, a.value(t, a.labelled(t, label).handle, pkcs11.CKA_ID))}
		if reduced {
			for _, use := range append(uses(pkcs11.CKO_PRIVATE_KEY, pkcs11.CKK_EC), pkcs11.CKA_MODIFIABLE) {
				list = append(list, attr(use, false))
			}
		}
		destroy(label)(a, t)
		_, err := a.p.CopyObject(a.h, a.labelled(t, "byok-knso").handle, list)
		a.must(t, err)
	}
}

func turnOn(a *attacker, t *testing.T) {
	a.must(t, a.p.SetAttributeValue(a.h, a.labelled(t, "key_simple_aes").handle, []*pkcs11.Attribute{attr(pkcs11.CKA_UNWRAP, true), attr(pkcs11.CKA_DERIVE, true)}))
}

func relabel(a *attacker, t *testing.T) {
	a.must(t, a.p.SetAttributeValue(a.h, a.labelled(t, "key_simple_aes").handle, []*pkcs11.Attribute{attr(pkcs11.CKA_LABEL, "key_simple_other")}))
}

func addOwn(a *attacker, t *testing.T) { a.lookAlike(t, "his own", []byte{1}) }

func (a *attacker) signKNSO(t *testing.T, message []byte) []byte {
	t.Helper()
	digest := sha256.Sum256(message)
	a.must(t, a.p.SignInit(a.h, by(pkcs11.CKM_ECDSA, nil), a.labelled(t, "byok-knso").handle))
	raw, err := a.p.Sign(a.h, digest[:])
	a.must(t, err)
	return derSignature(raw)
}

func signAnything(a *attacker, t *testing.T) { a.signKNSO(t, []byte("anything")) }

func useKeys(a *attacker, t *testing.T) {
	var f finding
	signing(a, t, a.labelled(t, "key_simple_ec"), &f)
	decrypting(a, t, a.labelled(t, "key_simple_rsa"), &f)
	decrypting(a, t, a.labelled(t, "key_simple_aes"), &f)
	if len(f.Through) != 3 {
		t.Error(f.Codes)
	}
}

func wrapUnderKM(a *attacker, t *testing.T) {
	if blobs := a.wrappedUnder(t, a.labelled(t, "byok-km")); len(blobs) < 4+4 { // the backups, and the keys once more
		t.Errorf("%d blobs", len(blobs))
	}
}

func encryptByWrapping(a *attacker, t *testing.T) {
	var f finding
	mine := a.own(t, pkcs11.CKO_SECRET_KEY, pkcs11.CKK_AES)
	a.wrap(&f, "", aesWraps(mine), a.labelled(t, "byok-km").handle, mine)
	if !slices.Equal(f.Codes, []string{"CKR_OK"}) {
		t.Error(f.Codes)
	}
}

func wrapForVault(a *attacker, t *testing.T) {
	var f finding
	a.wrap(&f, "", rsaWraps(), a.labelled(t, "byok-kek_ec").handle, a.labelled(t, "key_simple_aes"))
	a.wrap(&f, "", aesWraps(object{}), a.labelled(t, "byok-transfer_ec").handle, a.labelled(t, "key_simple_rsa"))
	if !slices.Equal(f.Codes, []string{"CKR_OK"}) {
		t.Error(f.Codes)
	}
}

func digestKM(a *attacker, t *testing.T) {
	km := a.labelled(t, "byok-km")
	a.must(t, a.p.DigestInit(a.h, by(pkcs11.CKM_SHA256, nil)))
	a.must(t, a.p.DigestKey(a.h, km.handle))
	_, err := a.p.DigestFinal(a.h)
	a.must(t, err)
}

// forgeKey makes a key file and a backup for a key of known value, as
// "key generate" would have, and signs the file.
func forgeKey(a *attacker, t *testing.T) {
	model := a.labelled(t, "key_simple_aes")
	list := []*pkcs11.Attribute{attr(pkcs11.CKA_CLASS, model.class), attr(pkcs11.CKA_KEY_TYPE, model.kind), attr(pkcs11.CKA_TOKEN, true), attr(pkcs11.CKA_PRIVATE, true),
		attr(pkcs11.CKA_LABEL, "key_simple_forged"), attr(pkcs11.CKA_ID, []byte{9}), attr(pkcs11.CKA_VALUE, knownValue())}
	for _, on := range []uint{pkcs11.CKA_SENSITIVE, pkcs11.CKA_EXTRACTABLE, pkcs11.CKA_WRAP_WITH_TRUSTED, pkcs11.CKA_ENCRYPT, pkcs11.CKA_DECRYPT} {
		list = append(list, attr(on, true))
	}
	for _, off := range []uint{pkcs11.CKA_SIGN, pkcs11.CKA_VERIFY, pkcs11.CKA_WRAP, pkcs11.CKA_UNWRAP, pkcs11.CKA_DERIVE} {
		list = append(list, attr(off, false))
	}
	forged, err := a.p.CreateObject(a.h, list)
	a.must(t, err)
	blob, err := a.p.WrapKey(a.h, rfc5649(), a.labelled(t, "byok-km").handle, forged)
	a.must(t, err)
	k := forgedFile(t, mustDo(os.ReadFile("kmdata/local/key_simple_aes"))(t), blob)
	mustWrite(t, "kmdata/local/key_simple_forged", k)
	mustWrite(t, "kmdata/local/key_simple_forged.sig", a.signKNSO(t, k))
}

// judgeConcessions: what is found is refused, and what leaves no trace is not.
func (b *besieged) judgeConcessions(t *testing.T) {
	for _, c := range concessions() {
		met := b.met[c.name]
		if noTrace := strings.HasPrefix(c.note, "no trace"); noTrace != (met == fmt.Sprintf("%d: nothing", exitcode.Done)) {
			t.Errorf("%s, then %s: %s", c.name, c.then, met)
		}
	}
}
