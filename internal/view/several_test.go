package view

import (
	"strings"
	"testing"

	"byok/internal/command"
	"byok/internal/fingerprint"
	"byok/internal/keys"
	"byok/internal/kmdata"
	"byok/internal/preflight"
	"byok/internal/statement"
	"byok/internal/testkit/rig"
)

func printed(t *testing.T, v command.Result) string {
	t.Helper()
	var text strings.Builder
	rig.OK(t, v.Print(&text))
	return text.String()
}

// TestSeveral shows one key, copy or package as ever, and several a line each.
func TestSeveral(t *testing.T) {
	w, copied := made(t)
	f := &preflight.Facts{Chain: w.Chain, Orders: []preflight.Order{{Ident: "first"}}}
	v, err := MadeOf(f)
	rig.OK(t, err)
	if _, one := v.(Key); !one {
		t.Errorf("%T", v)
	}
	f.Orders = append(f.Orders, preflight.Order{Ident: "second"})
	f.Generations = []keys.Generation{{Ident: "second"}}
	v, err = MadeOf(f)
	rig.OK(t, err)
	if text := printed(t, v); !strings.Contains(text, "first ") || !strings.HasSuffix(text, "\n2 keys\n") {
		t.Error(text)
	}
	if v, is := v.(Made); !is || !v.Keys[0].Earlier || v.Keys[1].Earlier {
		t.Errorf("%+v", v)
	}
	f.Orders[1].Ident = "third"
	if _, err := MadeOf(f); err == nil {
		t.Error("a key that is not there")
	}

	f.Orders = f.Orders[:1]
	v, err = CopiesOf(f, w.Chain, []*kmdata.Key{copied})
	rig.OK(t, err)
	if _, one := v.(Copy); !one {
		t.Errorf("%T", v)
	}
	v, err = CopiesOf(f, w.Chain, []*kmdata.Key{copied, copied})
	rig.OK(t, err)
	const want = "IDENT  NAME   VAULT                   STATEMENT\n" +
		"first  first  https://localhost:8443  5\nfirst  first  https://localhost:8443  5\n2 pairs approved\n"
	if got := printed(t, v); strings.ReplaceAll(got, "  4\n", "  5\n") != want {
		t.Errorf("%q", got)
	}
	last := w.Chain.Last()
	f.Orders = []preflight.Order{
		{Ident: "first", Target: statement.Target{Name: "First", Vault: "https://v"}, Before: last},
	}
	v, err = CopiesOf(f, w.Chain, nil)
	rig.OK(t, err)
	if got := printed(t, v); !strings.Contains(got, "first  First  https://v") ||
		!strings.HasSuffix(got, "1 pair approved\n") {
		t.Error(got)
	}
	if v, is := v.(Approved); !is || !v.Pairs[0].Earlier {
		t.Errorf("%+v", v)
	}
	one := Package{Files: []File{{Path: "usb/one/K.byok", SHA256: fingerprint.Of(nil)}}}
	one.Pair.Target = statement.Target{Name: "K", Vault: "https://v"}
	got := printed(t, Packages{[]PackageOfSeveral{{one, true}, {one, false}}})
	if !strings.Contains(got, "K     https://v  "+fingerprint.Of(nil).FirstWords(4)) ||
		!strings.HasSuffix(got, "2 packages, the last in usb/one\n") {
		t.Error(got)
	}
}
