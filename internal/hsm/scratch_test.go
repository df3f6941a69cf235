package hsm

import ("testing";"byok/internal/hsm/shim";"path/filepath";"byok/internal/testkit/softhsm";"crypto/rsa")

func TestScratch(t *testing.T) {
	log := filepath.Join(t.TempDir(), "calls")
	t.Setenv("SHIM_MODULE", softhsm.New(t))
	t.Setenv("SHIM_LOG", log)
	r := worldOn(t, shim.Build(t))
	n := 0
	lap := func(what string, err error) {
		t.Helper()
		now := len(shim.Calls(t, log)); t.Log(what, now-n, err); n = now }
	lap("setup", nil)
	r.m.facts = nil
	_, err := r.s.KeyWrap()
	lap("keywrap", err)
	lap("KM", r.s.ProbeTrusted(r.kmObject, KM))
	lap("KW", r.s.ProbeTrusted(r.kw, KW))
	a, err := r.s.FindAnchor(AnchorPrefix+"000001")
	lap("find", err)
	lap("anchor", r.s.ProbeTrusted(a, Anchor))
	lap("trust", r.s.ProbeTrust())
	lap("oaep", r.s.ProbeOAEP(TwoSteps))
	for _, name := range []string{"P-256","P-521","P-256K","AES-256","AES-192","RSA-2048"} {
	k, err := r.s.Generate(Spec{Kind: kind(t, name)}, "k"+name, SessionObject)
	lap("generate "+name, err)
	lap("probekey", r.s.ProbeKey(k))
	red, err := r.s.Reduce(k)
	lap("reduce "+name, err)
	lap("probecopy", r.s.ProbeCopy(red))
	b, err := r.s.Wrap(r.backup(), k)
	lap("backup", err)
	k2, err := r.s.Restore(k.Kind, k.Public, func(pub *rsa.PublicKey) ([]byte, error) { return reseal(t, r.km, pub, b), nil }, b[384:])
	lap("restore", err)
	id := Identity{Public: k.Public}
	if k.Public == nil { id.CheckValue, _ = r.s.CheckValue(k) }
	n=len(shim.Calls(t, log))
	lap("proves", r.s.Proves(k2, id))
	_, err = r.s.Persist(k2, "p"+name)
	lap("persist", err)
	p, err := r.s.FindKey("p"+name)
	lap("find", err)
	t.Log(p.Kind)
	}
	r.asSO(t)
	lap("relogin", nil)
	_, err = r.s.TrustKEK(&softKEK().PublicKey, TwoSteps)
	lap("kek", err)
	_, err = r.s.TransferKey()
	lap("transfer", err)
	lap("anchor", r.s.SetAnchor(AnchorPrefix+"000002", &r.km.PublicKey))
	_, err = r.s.Trusted()
	lap("trusted", err)
}
