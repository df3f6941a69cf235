package hsm

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/keywrap"
)

// tool is a token whose keys a vendor's tool trusts, with the user logged in.
type tool struct {
	*rig
	folder string
}

func newTool(t *testing.T) tool {
	t.Helper()
	r := tool{faultyToken(t), t.TempDir()}
	r.asUser(t)
	t.Setenv("SHIM_PROFILE", "cloudhsm")
	t.Setenv("SHIM_TOOL", r.folder)
	r.s.Untrusted = true
	r.form = keywrap.OneCall
	return r
}

// trust is what the officer does.
func (r tool) trust(t *testing.T, o Object) {
	t.Helper()
	ok(t, os.WriteFile(r.file(t, o), nil, 0o600))
}

func (r tool) file(t *testing.T, o Object) string {
	t.Helper()
	return filepath.Join(r.folder, fmt.Sprintf("%x", must[[]byte](t)(r.s.ID(o))))
}

// TestTool: KM wraps nothing of worth before the officer trusts it, and it alone
// does afterwards.
func TestTool(t *testing.T) {
	r := newTool(t)
	km := must[Object](t)(r.s.TrustKM("km", &r.km.PublicKey, r.form))
	if found := must[Object](t)(r.s.FindKM("km", &r.km.PublicKey)); found != km {
		t.Errorf("KM %d is found as %d", km, found)
	}
	ok(t, r.s.Prober().Untrusted(km, "KM"))
	ok(t, r.s.Prober().Trust())
	if trusted := must[bool](t)(r.s.Prober().IsTrusted(km)); trusted {
		t.Error("KM is trusted before the officer has done anything")
	}
	r.trust(t, km)
	if trusted := must[bool](t)(r.s.Prober().IsTrusted(km)); !trusted || len(must[[]TrustedObject](t)(r.s.Trusted())) != 1 {
		t.Error("KM is not trusted, or not it alone")
	}
	ok(t, r.s.Prober().TrustedAlone(km))
	expect(t, r.s.Prober().Untrusted(km, "KM"), failure{
		fmt.Sprintf("%v does not enforce its restrictions: KM wraps a key with WRAP_WITH_TRUSTED before anybody has "+
			"trusted it", r.token), exitcode.HSM, "use another module: byok-offline module check says what this one lacks",
	})
	r.transfers(t, km)
	other := must[Object](t)(r.s.TrustKM("other", &softKEK().PublicKey, r.form))
	r.trust(t, other)
	expect(t, r.s.Prober().TrustedAlone(km), failure{
		fmt.Sprintf(`%v does not enforce its restrictions: public key "other" wraps a key with WRAP_WITH_TRUSTED as well`,
			r.token), exitcode.HSM, "use another module: byok-offline module check says what this one lacks",
	})
	ok(t, os.Remove(r.file(t, km)))
	if trusted := must[bool](t)(r.s.Prober().IsTrusted(km)); trusted {
		t.Error("KM is trusted after the officer took that back")
	}
}

// transfers backs a key up and restores it, to the session and to the token.
func (r tool) transfers(t *testing.T, km Object) {
	t.Helper()
	k := must[Key](t)(r.s.Generate(Spec{Kind: kind(t, "P-256")}, "key", SessionObject))
	ok(t, r.s.ProbeWrapWithTrusted(k))
	blob := must[[]byte](t)(r.s.Wrap(Wrapping{Form: r.form, Outer: km}, k))
	backup := r.restorable(t, k, blob)
	for _, label := range []string{"", "kept"} {
		backup.Label = label
		restored := must[Key](t)(r.s.Restore(backup))
		ok(t, r.s.Proves(restored, Identity{Public: k.Public}))
	}
	kept := must[Key](t)(r.s.FindKey("kept"))
	ok(t, r.s.Proves(kept, Identity{Public: k.Public}))
	ok(t, r.s.DestroyKey(kept))
	_, err := r.s.Persist(k, "copied")
	expect(t, err, failure{
		fmt.Sprintf("%v offers no C_CopyObject, which copying the public half of key needs", r.token), exitcode.HSM, "",
	})
}

// TestUnrestricted: without a guard of the SO's, keys are made without
// WRAP_WITH_TRUSTED, and what wraps them by the user, in either form, also where
// the module knows neither attribute.
func TestUnrestricted(t *testing.T) {
	for _, c := range []struct{ name, profile, rsaAES string }{
		{"two steps", "", ""}, {"one call", "", "1"}, {"a module without trust", "luna", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := faultyToken(t)
			t.Setenv("SHIM_PROFILE", c.profile)
			t.Setenv("SHIM_RSA_AES", c.rsaAES)
			r.asUser(t)
			r.s.Guarding = Guarding{Untrusted: true, Unrestricted: true}
			if c.rsaAES != "" {
				r.form = keywrap.OneCall
			}
			for _, name := range []string{"P-256", "AES-256"} {
				r.unrestricted(t, name)
			}
			if len(must[[]TrustedObject](t)(r.s.Trusted())) != 0 {
				t.Error("something is trusted")
			}
		})
	}
}

func (r *rig) unrestricted(t *testing.T, name string) {
	t.Helper()
	k := must[Key](t)(r.s.Generate(Spec{Kind: kind(t, name)}, "key", SessionObject))
	if bytes.Contains([]byte(fmt.Sprint(must[[]string](t)(r.s.Permissions(k)))), []byte("TRUSTED")) {
		t.Errorf("%s: WRAP_WITH_TRUSTED", name)
	}
	ok(t, r.s.ProbeKey(k))
	w := Wrapping{Form: r.form, Outer: must[Object](t)(r.s.SessionKM(&r.km.PublicKey, r.form))}
	if r.form == keywrap.TwoSteps {
		w.Inner = must[Object](t)(r.s.TransferKey())
	}
	blob := must[[]byte](t)(r.s.Wrap(w, must[Key](t)(r.s.Reduce(k))))
	restored := must[Key](t)(r.s.Restore(r.restorable(t, k, blob)))
	identity := Identity{Public: k.Public}
	if k.Public == nil {
		identity.CheckValue = must[[]byte](t)(r.s.CheckValue(k))
	}
	ok(t, r.s.Proves(restored, identity))
	kept := must[Key](t)(r.s.Persist(restored, "kept"))
	ok(t, r.s.ProbeOneWay(kept))
	ok(t, r.s.DestroyKey(kept))
}
