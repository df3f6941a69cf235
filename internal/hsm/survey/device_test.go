package survey

import (
	"slices"

	"testing"

	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/hsm/tokens"
	"byok/internal/version"
)

// TestDescribe: what a check was made on is said whole, and no more than is
// there.
func TestDescribe(t *testing.T) {
	path, _ := shimmed(t)
	m := load(t, path)
	token := must[hsm.Token](t)(m.Initialise(must[hsm.Token](t)(m.Free()), pin("so pin of the test"), "described"))
	d, err := Describe(m, token.ID())
	ok(t, err)
	if d.Token == nil || d.Token.ID() != token.ID() || d.Library.Path == "" || d.Program != version.String() {
		t.Errorf("%+v", d)
	}
	oaep := func(m tokens.Mechanism) bool { return m.Number == "0x9" && m.Flags != "" && m.MaxSize >= 4096 }
	if !slices.ContainsFunc(d.Mechanisms, oaep) {
		t.Errorf("no RSA-OAEP in %+v", d.Mechanisms)
	}
	if d, err = Describe(m, "another"); err != nil || d.Token != nil || len(d.Mechanisms) != 0 {
		t.Errorf("of no token: %+v, %v", d, err)
	}
	if d, err = Describe(m, ""); err != nil || d.Token == nil || d.Token.Initialised {
		t.Errorf("of a throw-away token: %+v, %v", d, err)
	}
	m.Path += ".gone"
	if _, err := Describe(m, ""); exitcode.Of(err) != exitcode.Usage {
		t.Errorf("of no library: %v", err)
	}
}
