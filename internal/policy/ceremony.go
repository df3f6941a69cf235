package policy

import (
	"fmt"

	"github.com/miekg/pkcs11"

	"byok/internal/hsm/p11"
	"byok/internal/policy/token"
)

// The steps of the ceremony. Each happens as soon as what it needs is there:
// what the search finds holds in every order of them, and for any number.

// cardSet is what a card set has on the token.
type cardSet struct {
	life   Life
	km, kw *Derivation // nil where the module refuses the template
}

// approval is a pair that the quorum approves, and what it trusts for it.
type approval struct {
	key, kek  token.Key
	outer     *Derivation // the KEK on the token
	inner     *Derivation // the transfer key, in two steps
	set       cardSet
	onlyClass p11.Class
}

// ceremony derives what the ceremony makes and writes.
func (s *Search) ceremony() {
	s.keks = []token.Key{{Name: "KEK A", Kind: token.RSA}, {Name: "KEK B", Kind: token.RSA}}
	s.signingKey()
	if s.design.ForeignTrusted {
		s.foreign()
	}
	if s.attacker.OldCards {
		s.replaced()
		return
	}
	set := s.issue("", Always)
	s.hold(set)
}

// foreign is a trusted key that a former SO has left on the token.
func (s *Search) foreign() {
	t := token.Unrestricted(p11.SecretKey).With(
		token.Has(pkcs11.CKA_TOKEN, true), token.Has(pkcs11.CKA_PRIVATE, false), token.Has(pkcs11.CKA_TRUSTED, true))
	step := Step{Who: Former, Op: Create, Text: say("%s for %v, with TRUSTED", Create, ownAES), Template: t}
	attrs, _ := s.makes(step, p11.SecretKey)
	s.derive(s.owned(ownAES, p11.SecretKey, attrs, Always), step)
}

// hold makes keys of each kind and approves some of them for some vaults, so
// that every key has a vault for which it was not approved.
func (s *Search) hold(set cardSet) {
	a, b := s.keks[0], s.keks[1]
	s.approve(s.keep(token.Key{Name: "EC key", Kind: token.EC}, RowECKey, set), a, set)
	s.approve(s.keep(token.Key{Name: "RSA key", Kind: token.RSA}, RowRSAKey, set), b, set)
	s.approve(s.keep(token.Key{Name: "AES key", Kind: token.AES}, RowAESKey, set), a, set)
	s.keep(token.Key{Name: "EC key made without a quorum", Kind: token.EC}, RowOperatorsKey, set)
}

// replaced is a world whose cards were replaced. What was made with the old
// ones is open to their holders.
func (s *Search) replaced() {
	old := s.issue(" of the replaced cards", Before)
	first := s.keep(token.Key{Name: "EC key of before", Kind: token.EC}, RowECKey, old)
	if old.km != nil {
		s.derive(Knows{old.km.object().Value}, Step{Who: Software, Op: OpenKWP, Text: say("open KM with the replaced cards")})
	}
	s.secrets = nil
	s.signingKey()
	set := s.issue("", After)
	if s.design.KeepsKW {
		set.kw = old.kw
		set.life = Always
		s.wrapKW(set.km, set.kw)
	}
	if first != nil {
		s.backUp(first, set)
	}
	s.hold(set)
}

func (s *Search) signingKey() {
	kml := token.Key{Name: "KML", Kind: token.EC}
	s.secrets = append(s.secrets, kml)
	s.place(Step{Who: Operator, Op: Generate, Row: RowKML}, kml, Always)
}

// issue makes the trusted keys of a card set.
func (s *Search) issue(which string, life Life) cardSet {
	km, kw := token.Key{Name: "KM" + which, Kind: token.RSA}, token.Key{Name: "KW" + which, Kind: token.AES}
	set := cardSet{life: life}
	if set.km = s.place(Step{Who: Officer, Op: Create, Row: RowKM}, km, life); set.km != nil {
		s.kms = append(s.kms, set.km)
	}
	s.secrets = append(s.secrets, km)
	if s.design.Guard.Anchors {
		s.place(Step{Who: Officer, Op: Create, Row: RowAnchor}, km, life)
	}
	if s.module.OneCall {
		return set
	}
	s.secrets = append(s.secrets, kw)
	made := s.place(Step{Who: Officer, Op: Generate, Row: RowKWMade}, kw, life)
	if s.wrapKW(set.km, made) {
		set.kw = s.copyAs(Officer, RowKWFrozen, made)
	}
	return set
}

func (s *Search) wrapKW(km, kw *Derivation) bool {
	return s.wrapFor(Officer, s.attacker.Files, km, kw, pkcs11.CKM_RSA_PKCS_OAEP)
}

// place makes an object by a row of the table. The step says who, by which call.
func (s *Search) place(step Step, k token.Key, life Life, from ...*Derivation) *Derivation {
	r, class := s.design.Table.Get(step.Row), classOf(k)
	switch step.Row {
	case RowKM, RowKEK, RowAnchor, RowECHalf, RowRSAHalf:
		class = p11.PublicKey
	}
	step.Template, step.Mechanism = s.module.Takes(r.Template), r.mechanism(s.module)
	attrs, made := s.makes(step, class)
	o := Object{
		Object: token.Object{Value: k, Class: class, Attrs: s.plain(attrs), Mechanism: step.Mechanism},
		Life:   life,
		Hidden: !attrs.Has(token.Token) && !s.module.SharesSessions,
	}
	step.Text = say("%s of %s", step.Op, o)
	if !made {
		return s.stop(o, step)
	}
	if s.placed[o] == nil {
		s.placed[o] = s.derive(o, step, from...)
		s.made = append(s.made, s.placed[o])
	}
	return s.placed[o]
}

// stop notes a step that the module refuses the ceremony.
func (s *Search) stop(f Fact, step Step, from ...*Derivation) *Derivation {
	s.stops = append(s.stops, &Derivation{Fact: f, Step: step, From: from})
	return nil
}

// copyAs copies an object by a row of the table.
func (s *Search) copyAs(who Who, row string, from *Derivation) *Derivation {
	if from == nil {
		return nil
	}
	return s.copyTo(who, s.design.Table.Get(row), from)
}

func (s *Search) copyTo(who Who, r Row, from *Derivation) *Derivation {
	o := from.object()
	attrs, t, may := s.module.Copy(o.Object, r.Template)
	step := Step{Who: who, Op: Copy, Text: say("%s of %s", Copy, o), Template: t, Row: r.Name}
	if !may {
		return s.stop(o, step, from)
	}
	next := o
	next.Attrs = s.plain(attrs)
	if len(t.Only(pkcs11.CKA_TOKEN)) > 0 {
		next.Hidden = !attrs.Has(token.Token) && !s.module.SharesSessions
	}
	made := s.derive(next, step, from)
	s.made = append(s.made, made)
	return made
}

// onToken is the template of the copy that brings a key to the token.
var onToken = p11.Template{p11.Has(pkcs11.CKA_TOKEN, true, "kept until retired")}

// keep generates a key, backs it up and copies it to the token. Before the
// quorum it is a session object first, and a statement of its origin is signed.
func (s *Search) keep(k token.Key, row string, set cardSet) *Derivation {
	s.secrets = append(s.secrets, k)
	who := Quorum
	if row == RowOperatorsKey {
		who = Operator
	}
	made := s.place(Step{Who: who, Op: Generate, Row: row}, k, set.life.onwards())
	if made == nil {
		return nil
	}
	s.backUp(made, set)
	kept := made
	if who == Quorum {
		kept = s.copyTo(who, Row{row, onToken, p11.NoMechanism}, made)
	}
	s.publish(who, k, made)
	if kept != nil && who == Quorum && s.design.OriginByAttributes == 0 {
		s.derive(Origin{k}, Step{Who: who, Op: State, Text: say("sign the origin of %v", k)}, kept)
	}
	if kept != nil {
		frozen := onToken.With(p11.Has(pkcs11.CKA_EXTRACTABLE, false, "its backup serves instead"))
		s.copyTo(who, Row{row, frozen, p11.NoMechanism}, kept)
	}
	return kept
}

// publish brings the public half of a key to the token.
func (s *Search) publish(who Who, k token.Key, made *Derivation) {
	row := map[token.Kind]string{token.EC: RowECHalf, token.RSA: RowRSAHalf}[k.Kind]
	if row == "" {
		return
	}
	if half := s.place(Step{Who: who, Op: Generate, Row: row}, k, made.object().Life, made); half != nil {
		s.copyTo(who, Row{row, onToken, p11.NoMechanism}, half)
	}
}

func (s *Search) backUp(key *Derivation, set cardSet) {
	if s.module.OneCall {
		s.wrapFor(Quorum, s.attacker.Files, set.km, key, pkcs11.CKM_RSA_AES_KEY_WRAP)
		return
	}
	s.wrapFor(Quorum, s.attacker.Files, set.kw, key, p11.KWP)
}

// wrapFor wraps, if the module does, and gives the result to the attacker if it
// is seen.
func (s *Search) wrapFor(who Who, seen bool, under, target *Derivation, mechanism uint) bool {
	if under == nil || target == nil {
		return false
	}
	w, o := under.object(), target.object()
	step := wrapStep(who, w, o, mechanism)
	result := Knows{wrapped(w, o, mechanism)}
	if !s.module.Wraps(w.Object, o.Object, mechanism) {
		s.stop(result, step, under, target)
		return false
	}
	if seen {
		s.derive(result, step, under, target)
	}
	return true
}

// approve has the quorum wrap a key for a KEK.
func (s *Search) approve(kept *Derivation, kek token.Key, set cardSet) {
	if kept == nil {
		return
	}
	k := kept.object().key()
	a := approval{key: k, kek: kek, set: set, onlyClass: kept.object().Class}
	s.allowed[pair{k, kek}] = true
	if s.design.Guard.Route == ByKEK {
		a.outer = s.place(Step{Who: Officer, Op: Create, Row: RowKEK}, kek, set.life)
	}
	if !s.module.OneCall {
		name := fmt.Sprintf("transfer key of %v for %v", k, kek)
		if s.design.SharedTransferKey {
			name = "transfer key"
		}
		tk := token.Key{Name: name, Kind: token.AES}
		s.secrets = append(s.secrets, tk)
		a.inner = s.place(Step{Who: Officer, Op: Generate, Row: RowTransferKey}, tk, set.life)
	}
	s.approvals = append(s.approvals, a)
	s.send(a, kept)
}

// send wraps a key as an approval says. The packages are on the stick: everyone
// has them.
func (s *Search) send(a approval, key *Derivation) {
	row := RowReducedPrivate
	if a.key.Kind == token.AES {
		row = RowReducedSecret
	}
	reduced := s.copyAs(Quorum, row, key)
	switch {
	case s.design.Guard.Route == ByKM:
		s.sendByKM(a, reduced)
	case s.module.OneCall:
		s.wrapFor(Quorum, true, a.outer, reduced, pkcs11.CKM_RSA_AES_KEY_WRAP)
	default:
		s.wrapFor(Quorum, true, a.inner, reduced, p11.KWP)
		s.wrapFor(Quorum, true, a.outer, a.inner, pkcs11.CKM_RSA_PKCS_OAEP)
	}
}

// sendByKM wraps under KM, opens the first half of what this very call gave,
// and encrypts the AES key in it for the KEK.
func (s *Search) sendByKM(a approval, reduced *Derivation) {
	if !s.wrapFor(Quorum, false, a.set.km, reduced, pkcs11.CKM_RSA_AES_KEY_WRAP) {
		return
	}
	k := reduced.object().Value
	once := token.Key{Name: fmt.Sprintf("the AES key in the package of %v for %v", k, a.kek), Kind: token.AES, Once: true}
	text := say("%s of %v under %v, and its AES key again for %v", WrapKey, k, a.set.km.object(), a.kek)
	s.derive(Knows{blob(k, once, a.kek)}, Step{Who: Quorum, Op: WrapKey, Text: text}, a.set.km, reduced)
}

// exchanged is the flaw that the key which is wrapped need not be the one that
// proved possession: labels are the operator's.
func (s *Search) exchanged(d *Derivation, o Object) {
	if !s.design.FindsAgain || o.Class == p11.PublicKey {
		return
	}
	for _, a := range s.approvals {
		if o.Class == a.onlyClass {
			s.send(a, d)
		}
	}
}

// restore brings a blob for KM to the token, by whoever made it. Its AES key
// unwraps it in the session. The key proves possession of its public half, or
// of the check value that an AES key is recorded by.
func (s *Search) restore(km, blob *Derivation, b token.Blob) {
	k, _ := b.Second.Inner.(token.Key)
	once, _ := b.First.Inner.(token.Key)
	known := s.settled[Knows{token.CheckValue{Of: k}}]
	if k.Kind == token.AES && known == nil {
		return
	}
	by := s.place(Step{Who: Quorum, Op: Restore, Row: RowUnwrapping}, once, km.object().Life.onwards(), blob)
	if by == nil {
		return
	}
	from := []*Derivation{by, blob}
	if k.Kind == token.AES {
		from = append(from, known)
	}
	s.bringBack(k, km.object().Life.onwards(), from)
}

// bringBack unwraps a key by an AES key of the session, as from says.
func (s *Search) bringBack(k token.Key, life Life, from []*Derivation) {
	row := map[token.Kind]string{token.EC: RowECKey, token.RSA: RowRSAKey, token.AES: RowAESKey}[k.Kind]
	t := s.design.Table.Get(row).Template
	step := Step{Who: Quorum, Op: Restore, Text: say("restore %v", k), Template: t}
	attrs, made := s.makes(step, classOf(k))
	o := s.owned(k, classOf(k), attrs, life)
	if !made || !from[0].object().Attrs.Has(token.Unwrap) {
		s.stop(o, step, from...)
		return
	}
	restored := s.derive(o, step, from...)
	if s.design.RestoresAsQuorum {
		s.derive(Origin{k}, Step{Who: Quorum, Op: State, Text: say("call %v generated", k)}, restored)
	}
}
