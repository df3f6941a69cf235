package vault

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"byok/internal/exitcode"
	"byok/internal/keykind"
	"byok/internal/transfer"
	"byok/internal/vault/endpoint"
)

const (
	listVersions = "GET /keys/contoso/versions"
	putKey       = "PUT /keys/contoso"
	getVersion1  = "GET /keys/contoso/" + version1
	getVersion2  = "GET /keys/contoso/" + version2
)

// kinds are the key types of the fault matrix: with a public key, and without.
func kinds() map[string]Import {
	out := map[string]Import{}
	for _, name := range []string{"RSA", "P-256", "P-384", "P-521", "P-256K"} {
		key, err := keykind.Of(public(name))
		if err != nil {
			panic(err)
		}
		out[name] = Import{Name: "contoso", Blob: []byte("blob of " + name), Ops: []string{"sign", "verify"},
			Expected: Expected{Kty: key.KTY, Crv: key.Curve, Bits: key.Bits, PublicKey: public(name)}}
	}
	out["AES"] = Import{Name: "contoso", Blob: []byte("blob of AES"), Ops: []string{"encrypt", "decrypt"},
		Expected: Expected{Kty: keykind.OctHSM, Bits: 256, CheckValue: make([]byte, 16)}}
	return out
}

// stored is the version that the vault makes of p.
func (p Import) stored(version string) fakeKey {
	return fakeKey{name: p.Name, version: version, kty: p.Expected.Kty, public: p.Expected.PublicKey, ops: p.Ops, tags: map[string]string{TagBlob: p.tag()}}
}

// asked is stored with all that p asks for.
func (p Import) asked(version string) fakeKey {
	return p.stored(version).with(func(k *fakeKey) {
		k.attributes = map[string]any{"enabled": !p.Disabled, "exportable": p.Exportable, "nbf": p.NotBefore.Unix(), "exp": p.Expires.Unix()}
		k.policy = p.ReleasePolicy
		maps.Copy(k.tags, p.Tags)
	})
}

// another is a version that has nothing to do with p.
func (p Import) another(version string) fakeKey {
	return p.stored(version).with(func(k *fakeKey) {
		k.tags, k.attributes = map[string]string{TagBlob: "other"}, map[string]any{"created": noon.Add(time.Hour).Unix()}
		if k.public != nil {
			k.kty, k.public = "RSA-HSM", public("other RSA")
		}
	})
}

// found is what the client asks when it looks through these versions for p.
func (p Import) found(keys ...fakeKey) []step {
	steps := []step{{listVersions, listing(keys...)}}
	for _, k := range keys {
		if p.Expected.PublicKey != nil || k.tags[TagBlob] == p.tag() {
			steps = append(steps, step{"GET /keys/contoso/" + k.version, k.bundle})
		}
	}
	return steps
}

// TestImportFaults is the fault matrix: every kind of key, every fault, at
// every moment; each ends with one version or none, and the right words. The
// script fails a request that it does not expect, a second import above all.
func TestImportFaults(t *testing.T) {
	n := 0
	for kind, p := range kinds() {
		made := p.stored(version1)
		older := p.another(version2)
		faults := map[string]struct {
			steps   []step
			already bool
		}{
			"none":                            {[]step{{listVersions, missing}, {putKey, made.bundle}}, false},
			"another key has the name":        {slices.Concat(p.found(older), []step{{putKey, made.bundle}}), false},
			"uploaded before":                 {p.found(made), true},
			"uploaded before, not the newest": {p.found(older, made), true},
			"throttled":                       {[]step{{listVersions, missing}, {putKey, throttle}, {putKey, after("3", throttle)}, {putKey, made.bundle}}, false},
			"throttled while looking":         {slices.Concat([]step{{listVersions, throttle}}, p.found(), []step{{putKey, made.bundle}}), false},
			"500 before it was stored":        {slices.Concat([]step{{listVersions, missing}, {putKey, answer(500, "")}, {listVersions, missing}, {putKey, made.bundle}}), false},
			"503 after it was stored":         {slices.Concat([]step{{listVersions, missing}, {putKey, answer(503, "")}}, p.found(made)), false},
			"cut before it was stored":        {slices.Concat([]step{{listVersions, missing}, {putKey, cut}}, p.found(older), []step{{putKey, made.bundle}}), false},
			"cut after it was stored":         {slices.Concat([]step{{listVersions, missing}, {putKey, cut}}, p.found(older, made)), false},
			"half an answer":                  {slices.Concat([]step{{listVersions, missing}, {putKey, answer(200, `{"key":{"kid"`)}}, p.found(made)), false},
			"stored after the second failure": {slices.Concat([]step{{listVersions, missing}, {putKey, answer(502, "")}, {listVersions, missing}, {putKey, answer(504, "")}}, p.found(made)), false},
			"throttled while looking again":   {slices.Concat([]step{{listVersions, missing}, {putKey, answer(408, "")}, {listVersions, throttle}}, p.found(made)), false},
			"two requests at a time":          {[]step{{listVersions, missing}, {putKey, refusal(409, "ConflictError", "", "")}, {putKey, made.bundle}}, false},
			"limbo after a purge":             {[]step{{listVersions, missing}, {putKey, softDeleted}, {"GET /deletedkeys/contoso", missing}, {"GET /keys/contoso/", missing}, {putKey, made.bundle}}, false},
		}
		for fault, c := range faults {
			n++
			t.Run(kind+"/"+fault, func(t *testing.T) {
				client, _ := newScript(t, c.steps...).client()
				got, err := client.Import(context.Background(), p)
				if err != nil || got.Already != c.already || got.Key.ID.Version != version1 {
					t.Errorf("%+v, %v", got, err)
				}
			})
		}
	}
	t.Logf("%d of %d", n, 6*15)
	if n != 6*15 {
		t.Errorf("%d cases", n)
	}
}

func TestImportSends(t *testing.T) {
	p := kinds()["P-256K"]
	p.Tags = map[string]string{"owner": "treasury"}
	p.NotBefore, p.Expires, p.Disabled = noon, noon.Add(time.Hour), true
	p.Exportable, p.ReleasePolicy = true, []byte(`{"version":"1.0.0"}`)
	var sent map[string]any
	client, _ := newScript(t, step{listVersions, missing}, step{putKey, func(w http.ResponseWriter, r *http.Request, body []byte) {
		_ = json.Unmarshal(body, &sent)
		p.asked(version1).bundle(w, r, body)
	}}).client()
	if _, err := client.Import(context.Background(), p); err != nil {
		t.Fatal(err)
	}
	got, _ := json.Marshal(sent)
	b64 := base64.RawURLEncoding.EncodeToString
	want := fmt.Sprintf(`{"attributes":{"enabled":false,"exp":%d,"exportable":true,"nbf":%d},`+
		`"key":{"crv":"P-256K","key_hsm":"%s","key_ops":["sign","verify"],"kty":"EC-HSM"},`+
		`"release_policy":{"data":"%s"},"tags":{"byok-sha256":"%s","owner":"treasury"}}`,
		noon.Add(time.Hour).Unix(), noon.Unix(), b64(p.Blob), b64(p.ReleasePolicy), p.tag())
	if string(got) != want {
		t.Errorf("sent %s\nwant %s", got, want)
	}
}

// TestImportAttributes has the vault leave out one thing that was asked for:
// of a new version that is a failed check, of one that was there a remark.
func TestImportAttributes(t *testing.T) {
	p := kinds()["P-256"]
	p.Tags = map[string]string{"owner": "treasury"}
	p.NotBefore, p.Expires, p.Disabled = noon, noon.Add(time.Hour), true
	p.Exportable, p.ReleasePolicy = true, []byte(`{"version":"1.0.0"}`)
	for why, change := range map[string]func(*fakeKey){
		"it is enabled":                                        func(k *fakeKey) { k.attributes["enabled"] = true },
		"its expiry date is not set":                           func(k *fakeKey) { delete(k.attributes, "exp") },
		"its expiry date is 2026-01-02T14:00:00Z":              func(k *fakeKey) { k.attributes["exp"] = noon.Add(2 * time.Hour).Unix() },
		"its start date is not set":                            func(k *fakeKey) { delete(k.attributes, "nbf") },
		"it is not exportable under a release policy":          func(k *fakeKey) { delete(k.attributes, "exportable") },
		"it is not exportable under a release policy, without": func(k *fakeKey) { k.policy = nil },
		"tag owner=treasury is missing":                        func(k *fakeKey) { k.tags["owner"] = "none" },
	} {
		why, _, _ = strings.Cut(why, ",")
		made := p.asked(version1).with(change)
		s := newScript(t, step{listVersions, missing}, step{putKey, made.bundle})
		client, _ := s.client()
		_, err := client.Import(context.Background(), p)
		check(t, err, exitcode.Check, s.host(), "key https://HOST/keys/contoso/"+version1+" differs from the request: "+why, "its attributes can be changed in the vault")
		client, _ = newScript(t, p.found(made)...).client()
		if got, err := client.Import(context.Background(), p); err != nil || !got.Already || got.Differs != why {
			t.Errorf("%+v, %v; want %s", got, err, why)
		}
	}
}

func TestImportNewVersionOnDemand(t *testing.T) {
	p := kinds()["P-256"]
	p.ForceNewVersion = true
	old, made := p.stored(version2), p.stored(version1)
	for name, steps := range map[string][]step{
		"at once":                  slices.Concat(p.found(old), []step{{putKey, made.bundle}}),
		"lost after it was stored": slices.Concat(p.found(old), []step{{putKey, cut}, {listVersions, listing(old, made)}, {getVersion1, made.bundle}}),
		"lost before":              slices.Concat(p.found(old), []step{{putKey, cut}, {listVersions, listing(old)}, {putKey, made.bundle}}),
	} {
		t.Run(name, func(t *testing.T) {
			client, _ := newScript(t, steps...).client()
			got, err := client.Import(context.Background(), p)
			if err != nil || got.Already || got.Key.ID.Version != version1 {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}

// A version that may not be read while it is disabled is known by its tag.
func TestImportDisabledVersions(t *testing.T) {
	p := kinds()["P-256"]
	off := func(k *fakeKey) { k.attributes = map[string]any{"enabled": false} }
	disabled := refusal(403, "Forbidden", "KeyDisabled", "Operation get is not allowed on a disabled key.")
	ours, other := p.stored(version1).with(off), p.another(version2).with(off)
	client, _ := newScript(t, step{listVersions, listing(other)}, step{getVersion2, disabled}, step{putKey, p.stored(version1).bundle}).client()
	if got, err := client.Import(context.Background(), p); err != nil || got.Already {
		t.Errorf("%+v, %v", got, err)
	}
	client, _ = newScript(t, step{listVersions, listing(ours)}, step{getVersion1, disabled}).client()
	if got, err := client.Import(context.Background(), p); err != nil || !got.Already || !got.Unread || got.Key.ID.Version != version1 {
		t.Errorf("%+v, %v", got, err)
	}
	client, _ = newScript(t, step{listVersions, missing}, step{putKey, answer(503, "")}, step{listVersions, listing(ours)}, step{getVersion1, disabled}).client()
	if got, err := client.Import(context.Background(), p); err != nil || got.Already || !got.Unread || got.Key.ID.Version != version1 {
		t.Errorf("after a lost answer: %+v, %v", got, err)
	}
	client, _ = newScript(t, step{listVersions, listing(ours, p.stored(version2))}, step{getVersion1, disabled}, step{getVersion2, p.stored(version2).bundle}).client()
	if got, err := client.Import(context.Background(), p); err != nil || !got.Already || got.Unread || got.Key.ID.Version != version2 {
		t.Errorf("beside an enabled version: %+v, %v", got, err)
	}
	client, _ = newScript(t, step{listVersions, listing(ours)}, step{getVersion1, ours.bundle}).client()
	if got, err := client.Import(context.Background(), p); err != nil || !got.Already || got.Key.Enabled || got.Unread {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestImportTakesSoftwareFromATestVault(t *testing.T) {
	p := kinds()["P-256"]
	s := newScript(t, step{listVersions, missing}, step{putKey, p.stored(version1).with(func(k *fakeKey) { k.kty = "EC" }).bundle})
	client, _ := s.client()
	var err error
	client.address, err = endpoint.Parse(s.server.URL, endpoint.Allow{TestVault: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Import(context.Background(), p); err != nil {
		t.Error(err)
	}
}

func TestImportInterrupted(t *testing.T) {
	p := kinds()["P-256"]
	ctx, cancel := context.WithCancel(context.Background())
	client, _ := newScript(t, step{listVersions, missing}, step{putKey, then(cancel, cut)}).client()
	_, err := client.Import(ctx, p)
	check(t, err, exitcode.Interrupted, "", "import key contoso: interrupted, and it is unknown whether the vault did it", "run the same command again: it finds what was done")
	if !errors.Is(err, ErrUnknown) {
		t.Error("ErrUnknown is not in it")
	}

	ctx, cancel = context.WithCancel(context.Background())
	client, _ = newScript(t, step{listVersions, missing}, step{putKey, then(cancel, p.stored(version1).bundle)}).client()
	if got, err := client.Import(ctx, p); err != nil || got.Key.ID.Version != version1 {
		t.Errorf("interrupted while it was under way: %+v, %v", got, err)
	}

	ctx, cancel = context.WithCancel(context.Background())
	client, clock := newScript(t, step{listVersions, missing}, step{putKey, throttle}).client()
	clock.after = cancel
	_, err = client.Import(ctx, p)
	check(t, err, exitcode.Interrupted, "", "import key contoso: interrupted", "")
	if errors.Is(err, ErrUnknown) {
		t.Error("ErrUnknown is in it")
	}
}

// Looking after a lost answer goes on while the vault cannot be reached.
func TestImportSettlesPatiently(t *testing.T) {
	p := kinds()["P-256"]
	s := newScript(t, step{listVersions, missing})
	client, clock := s.client()
	s.steps = append(s.steps, step{putKey, func(http.ResponseWriter, *http.Request, []byte) {
		go s.server.Listener.Close()
		panic(http.ErrAbortHandler)
	}})
	host := s.host()
	_, err := client.Import(context.Background(), p)
	check(t, err, exitcode.Vault, host, "import key contoso: the answer was lost, and it is unknown whether the vault did it: list the versions of key contoso: nothing listens on HOST",
		"run the same command again: it finds what was done")
	if len(clock.slept) != 1+len(pauses()) {
		t.Errorf("it looked %d times", len(clock.slept)-1)
	}
}

func TestImportChecksFirst(t *testing.T) {
	const x = "import key contoso: "
	long := strings.Repeat("x", 257)
	many := map[string]string{}
	for i := range 15 {
		many[fmt.Sprint(i)] = ""
	}
	for want, change := range map[string]func(*Import){
		`key name "a/b": 1 to 127 digits, letters and dashes are allowed`: func(p *Import) { p.Name = "a/b" },
		x + `the vault accepts no keys of type "RSA"`:                     func(p *Import) { p.Expected.Kty = "RSA" },
		x + "a package of 0 bytes":                                        func(p *Import) { p.Blob = nil },
		x + "a package of 65537 bytes":                                    func(p *Import) { p.Blob = make([]byte, transfer.MaxFile+1) },
		x + "no key operations":                                           func(p *Import) { p.Ops = nil },
		x + `operation "import" does not fit a key of type RSA-HSM, which allows encrypt, decrypt, sign, verify, wrapKey, unwrapKey`: func(p *Import) { p.Ops = []string{"sign", "import"} },
		x + "--exportable and --release-policy need each other":                                                                      func(p *Import) { p.Exportable = true },
		x + "it would expire on 2026-01-02T12:00:00Z, before it can be used":                                                         func(p *Import) { p.Expires = noon },
		x + "it would expire on 2026-01-02T13:00:00Z, before it becomes valid on 2026-01-02T14:00:00Z": func(p *Import) {
			p.Expires, p.NotBefore = noon.Add(time.Hour), noon.Add(2*time.Hour)
		},
		x + "15 tags; the vault accepts 14 besides the program's own": func(p *Import) { p.Tags = many },
		x + `tag "": name and value have at most 256 characters`:      func(p *Import) { p.Tags = map[string]string{"": "v"} },
		x + `tag "n": name and value have at most 256 characters`:     func(p *Import) { p.Tags = map[string]string{"n": long} },
		x + "tag byok-sha256 is set by this program":                  func(p *Import) { p.Tags = map[string]string{TagBlob: "v"} },
	} {
		p := kinds()["RSA"]
		change(&p)
		client, _ := newScript(t).client()
		_, err := client.Import(context.Background(), p)
		if err == nil || err.Error() != want || exitcode.Of(err) != exitcode.Usage {
			t.Errorf("got %v\nwant %s", err, want)
		}
	}
}

func TestFind(t *testing.T) {
	p := kinds()["P-384"]
	client, _ := newScript(t, p.found(p.another(version2), p.stored(version1))...).client()
	k, found, err := client.Find(context.Background(), "contoso", p.Expected)
	if err != nil || !found || k.ID.Version != version1 {
		t.Errorf("%+v, %v, %v", k, found, err)
	}
	client, _ = newScript(t, step{listVersions, missing}).client()
	if _, found, err := client.Find(context.Background(), "contoso", p.Expected); found || err != nil {
		t.Errorf("%v, %v", found, err)
	}
	_, _, err = client.Find(context.Background(), "contoso", Expected{})
	check(t, err, exitcode.Usage, "", "key contoso: there is no public key to find it by", "")
	client, _ = newScript(t, step{listVersions, answer(200, `{"value":[null,{},{"kid":"https://other.example/keys/contoso/`+version1+`","attributes":{}}]}`)}).client()
	_, _, err = client.Find(context.Background(), "contoso", p.Expected)
	check(t, err, exitcode.Check, "", "list the versions of key contoso: the vault answered with another key, https://other.example/keys/contoso/"+version1, "")
}
