package attest

import (
	"crypto/x509"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
	"testing"
	"time"

	"byok/internal/fingerprint"
	"byok/internal/kek"
)

// TestRulesAreDocumented holds every rule to one line of documentation, and
// to a place in the order of the findings.
func TestRulesAreDocumented(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "rules.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, d := range file.Decls {
		group, ok := d.(*ast.GenDecl)
		if !ok || group.Tok != token.CONST {
			continue
		}
		for _, s := range group.Specs {
			spec := s.(*ast.ValueSpec)
			doc := strings.TrimSpace(spec.Doc.Text())
			if !strings.HasPrefix(doc, spec.Names[0].Name+": ") || strings.Contains(doc, "\n") {
				t.Errorf("%s: %q", spec.Names[0].Name, doc)
			}
			names = append(names, strings.Trim(spec.Values[0].(*ast.BasicLit).Value, `"`))
		}
	}
	for _, rule := range kek.Rules() {
		names = append(names, rule.Name)
	}
	for _, rule := range Rules() {
		if i := slices.Index(names, rule); i >= 0 {
			names = slices.Delete(names, i, i+1)
		} else {
			t.Errorf("%s is not a rule, or comes twice", rule)
		}
	}
	if len(names) > 0 {
		t.Errorf("not among Rules: %v", names)
	}
}

// TestGood is the case that all faults below start from, in every shape.
func TestGood(t *testing.T) {
	for name, change := range map[string]func(f *fixture){
		"firmware 2":      func(f *fixture) {},
		"firmware 3":      func(f *fixture) { f.firmware3() },
		"public as well":  func(f *fixture) { s := publicClaims(Firmware2, f); f.publicClaims = &s },
		"never expires":   func(f *fixture) { f.kek.Expires = time.Time{} },
		"no sign recover": func(f *fixture) { f.set(AttrSignRecover, nil) },
		"id in capitals":  func(f *fixture) { f.kek.KID.Version = strings.ToUpper(f.kek.KID.Version) },
		"whole sum said":  func(f *fixture) { f.policy.Said.Fingerprint = fingerprint.Whole(sumOf(t, f)) },
		"SHA-512":         func(f *fixture) { f.partition.algorithm = x509.SHA512WithRSA },
		"a pair": func(f *fixture) {
			f.firmware3()
			o := publicClaims(Firmware3, f).Objects[0]
			o.Gap = []byte("gap")
			f.claims.Objects = []Object{f.claims.Objects[0], o}
		},
		"a pair, public first": func(f *fixture) {
			f.firmware3()
			f.claims.Objects = []Object{publicClaims(Firmware3, f).Objects[0], f.claims.Objects[0]}
		},
		"some certificates": func(f *fixture) { f.sw.PartitionCertificates = string(f.pem(t, f.owner)) },
	} {
		f := newFixture(t)
		change(f)
		v, err := f.check(t)
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, text(v.Findings))
			continue
		}
		k := v.KEK
		pair := f.pair(t)
		if k.ID() != f.kek.KID || k.mark != kek.Rehearsal || k.Said() != *f.policy.Said || !k.PublicKey().Equal(&testKeys()[kekKey].PublicKey) ||
			k.Fingerprint() != v.Fingerprint || !k.Attested() || !k.Rehearsal() || !slices.Equal(k.Findings(), v.Findings) {
			t.Errorf("%s: %+v", name, k)
		}
		if k.KEKPackageHash().IsZero() || k.SecurityWorldPackageHash() != pair.KEK().SecurityWorld && f.publicClaims == nil {
			t.Errorf("%s: %s, %s", name, k.KEKPackageHash(), k.SecurityWorldPackageHash())
		}
		if got := names(v.Findings); !slices.Equal(got, Rules()) {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func (f *fixture) firmware3() {
	f.claims = NewClaims(Firmware3, f.kek.KID, &testKeys()[kekKey].PublicKey, f.kek.KeyOps)
}

func sumOf(t testing.TB, f *fixture) fingerprint.Sum {
	t.Helper()
	r, err := f.check(t)
	if err != nil {
		t.Fatal(err)
	}
	return r.Fingerprint
}
