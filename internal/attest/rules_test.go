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
	if !slices.Equal(names, Rules()) {
		t.Errorf("%v\n%v", names, Rules())
	}
}

// TestGood is the case that all faults below start from, in every shape.
func TestGood(t *testing.T) {
	for name, change := range map[string]func(f *fixture){
		"firmware 2":      func(f *fixture) {},
		"firmware 3":      func(f *fixture) { f.firmware3() },
		"public as well":  func(f *fixture) { s := publicStatement(Firmware2, f); f.publicStatement = &s },
		"never expires":   func(f *fixture) { f.kek.Expires = time.Time{} },
		"no sign recover": func(f *fixture) { f.set(AttrSignRecover, nil) },
		"id in capitals":  func(f *fixture) { f.kek.KID.Version = strings.ToUpper(f.kek.KID.Version) },
		"SHA-512":         func(f *fixture) { f.partition.algorithm = x509.SHA512WithRSA },
		"a pair": func(f *fixture) {
			f.firmware3()
			o := publicStatement(Firmware3, f).Objects[0]
			o.Gap = []byte("gap")
			f.statement.Objects = []Object{f.statement.Objects[0], o}
		},
		"a pair, public first": func(f *fixture) {
			f.firmware3()
			f.statement.Objects = []Object{publicStatement(Firmware3, f).Objects[0], f.statement.Objects[0]}
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
		if k.KID() != f.kek.KID || k.Vault() != f.sw.Vault || !k.PublicKey().Equal(&testKeys()[kekKey].PublicKey) ||
			k.Fingerprint() != v.Fingerprint || !k.Attested() || !k.Rehearsal() {
			t.Errorf("%s: %+v", name, k)
		}
		if got := ruleNames(v.Findings); !slices.Equal(got, Rules()[:len(Rules())-1]) {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func ruleNames(findings []Finding) (names []string) {
	for _, f := range findings {
		names = append(names, f.Rule)
	}
	return names
}

func (f *fixture) firmware3() {
	f.statement = NewStatement(Firmware3, f.kek.KID, &testKeys()[kekKey].PublicKey, f.kek.KeyOps)
}
