package transfer_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"byok/internal/fingerprint"
	"byok/internal/keykind"
	"byok/internal/kmdata"
	"byok/internal/statement"
	"byok/internal/strictjson"
	"byok/internal/testkit/softworld"
	"byok/internal/transfer"
)

var update = flag.Bool("update", false,
	"write the vectors of testdata/package again; keys and signatures are new each time")

const (
	vaultURL     = "https://contoso.vault.azure.net"
	subscription = "3d93e8c4-44a7-4a16-8bcb-2d6ac4f3d6b1"
)

// maker makes the vectors, or packages for a test.
type maker struct {
	testing.TB
	*softworld.World
	kek  softworld.KEK
	keys map[string]softworld.Key // by ident
}

func newMaker(t testing.TB, o softworld.Options, vault string) *maker {
	t.Helper()
	w := must(softworld.New(t.TempDir(), o))(t)
	return &maker{TB: t, World: w, kek: must(softworld.NewKEK(vault))(t), keys: map[string]softworld.Key{}}
}

// generate makes a key of the kind with that name.
func (m *maker) generate(ident, kind string) {
	m.Helper()
	m.keys[ident] = must(softworld.NewKey(must(keykind.Parse(kind))(m)))(m)
	must(m.Generate(ident, m.keys[ident]))(m)
}

func (m *maker) request(ident string) softworld.Request {
	return softworld.Request{Ident: ident, Key: m.keys[ident], KEK: m.kek, Name: "contoso-key"}
}

// pack makes the package of a transfer copy.
func (m *maker) pack(file *kmdata.Key) bundle {
	m.Helper()
	r := transfer.Request{Copy: file, SubscriptionID: subscription, Generator: "byok-offline 1.0.0; Example HSM 1.0"}
	p := must(transfer.Make(m.Chain, r, m.KML[file.Module]))(m)
	dir := m.TempDir()
	must(p.Write(dir))(m)
	return bundleOf(m, dir)
}

// one makes a key and its package.
func (m *maker) one(ident, kind string) bundle {
	m.Helper()
	m.generate(ident, kind)
	return m.pack(must(m.Transfer(m.request(ident)))(m)[0])
}

// hknso lists every hknso that the world has had, one a line.
func (m *maker) hknso() []byte {
	var b bytes.Buffer
	for _, set := range m.Sets {
		b.WriteString(set.KNSO.Sum().String() + "\n")
	}
	return b.Bytes()
}

func save(t testing.TB, dir string, b bundle) {
	t.Helper()
	check(t, os.MkdirAll(dir, 0o755))
	for name, data := range b {
		check(t, os.WriteFile(filepath.Join(dir, name), data, 0o644))
	}
}

// TestUpdate writes the vectors with -update. Otherwise it checks that there
// is a vector for every fault, and no other.
func TestUpdate(t *testing.T) {
	var names []string
	for _, f := range faults {
		names = append(names, f.name)
	}
	slices.Sort(names)
	if !*update {
		var have []string
		for _, path := range vectors(t, "package/invalid/*") {
			have = append(have, filepath.Base(path))
		}
		if !slices.Equal(have, names) {
			t.Errorf("there are vectors for %q\nand faults %q: go test -run TestUpdate -update", have, names)
		}
		return
	}
	check(t, os.RemoveAll("testdata/package"))
	m := newMaker(t, softworld.Options{}, vaultURL)
	for _, kind := range keykind.All() {
		name := strings.ToLower(kind.String())
		m.saveValid(name, m.one(name, kind.String()))
	}
	rehearsal := newMaker(t, softworld.Options{Rehearsal: true}, "https://localhost:8443")
	rehearsal.saveValid("rehearsal", rehearsal.one("practice", "P-256"))
	check(t, m.ReplaceCards(m.Module()))
	check(t, m.ReplaceCards(m.Module()))
	f := newFactory(m)
	m.saveValid("replaced", f.base)
	m.saveValid("replaced-aes", f.aes)
	for _, fault := range faults {
		f.save(fault)
	}
}

func (m *maker) saveValid(name string, b bundle) {
	m.Helper()
	b = clone(b)
	b["hknso"] = m.hknso()
	save(m, filepath.Join("testdata/package/valid", name), b)
}

func clone(b bundle) bundle {
	c := bundle{}
	for name, data := range b {
		c[name] = bytes.Clone(data)
	}
	return c
}

// factory makes packages with one fault each: of the EC key of base, which is
// the second pair of its authorization, by the third card set.
type factory struct {
	*maker
	base, aes bundle
	other     bundle           // of the first pair of the same authorization
	foreign   *maker           // another world
	stranger  softworld.Signer // a key that no world knows
	second    string           // another module
	bundle                     // at work
	hknsoOnly []byte           // under which it is verified; nil: the world's own
}

func newFactory(m *maker) *factory {
	m.Helper()
	f := &factory{maker: m, stranger: must(softworld.NewSigner())(m), second: must(m.Join())(m)}
	m.generate("other", "P-384")
	m.generate("key", "P-384")
	first, second := m.request("other"), m.request("key")
	first.Name = "other-key"
	copies := must(m.Transfer(first, second))(m)
	f.other, f.base = m.pack(copies[0]), m.pack(copies[1])
	f.aes = m.one("secret", "AES-256")
	f.foreign = newMaker(m, softworld.Options{}, vaultURL)
	f.foreign.generate("key", "P-384")
	return f
}

// save makes a fault and writes the files that differ.
func (f *factory) save(fault fault) {
	f.Helper()
	name, base := "replaced", f.base
	if fault.aes {
		name, base = "replaced-aes", f.aes
	}
	f.bundle, f.hknsoOnly = clone(base), nil
	fault.make(f)
	out := bundle{"base": []byte(name + "\n"), "want": []byte(f.concrete(fault.want))}
	var removed []string
	for file := range base {
		if _, there := f.bundle[file]; !there {
			removed = append(removed, file)
		}
	}
	slices.Sort(removed)
	if len(removed) > 0 {
		out["removed"] = []byte(strings.Join(removed, "\n") + "\n")
	}
	for file, data := range f.bundle {
		if !bytes.Equal(data, base[file]) {
			out[file] = data
		}
	}
	if f.hknsoOnly != nil {
		out["hknso"] = f.hknsoOnly
	}
	save(f, filepath.Join("testdata/package/invalid", fault.name), out)
}

// concrete puts what this world's files hold into the text of an error.
func (f *factory) concrete(text string) string {
	f.Helper()
	m := must(transfer.ParseManifest("m", f.base[f.named(".manifest.json")]))(f)
	module := must(f.Chain.Module(f.Module()))(f)
	short := func(s softworld.Signer) string { return s.Sum().String()[:8] }
	text = strings.Replace(text, "SUM", fingerprint.Of(f.bundle[f.named(".byok")]).String(), 1)
	return strings.NewReplacer(
		"BASE", stem,
		"SUM", m.Blob.SHA256.String(),
		"MODULENUMBER", strconv.Itoa(module.Number),
		"NUMBER", strconv.Itoa(m.Authorization.Number),
		"SECONDMODULE", f.second,
		"MODULE", f.Module(),
		"FIRST", short(f.Sets[0].KNSO),
		"SECOND", short(f.Sets[1].KNSO),
		"THIRD", short(f.Sets[2].KNSO),
		"FOREIGN", short(f.foreign.Sets[0].KNSO),
	).Replace(text)
}

// named is the file of the package at work that ends so.
func (f *factory) named(end string) string { return stem + end }

// sign signs a file of the package at work.
func (f *factory) sign(end string, signer kmdata.Signer) {
	f.Helper()
	name := f.named(end)
	f.bundle[kmdata.SignaturePath(name)] = must(signer.Sign(f.bundle[name]))(f)
}

// kml is the KML of the module that signs.
func (f *factory) kml() softworld.Signer { return f.KML[f.Module()] }

// knso is the KNSO in force.
func (f *factory) knso() softworld.Signer { return f.Set().KNSO }

// manifest changes the manifest and signs it with KML.
func (f *factory) manifest(change func(*transfer.Manifest)) {
	f.Helper()
	name := f.named(".manifest.json")
	m := must(transfer.ParseManifest(name, f.bundle[name]))(f)
	change(&m)
	f.bundle[name] = must(m.Marshal())(f)
	f.sign(".manifest.json", f.kml())
}

// statement changes a statement and signs it with KNSO.
func (f *factory) statement(end string, change func(statement.Statement)) {
	f.Helper()
	name := f.named(end)
	s := must(statement.Parse(name, f.bundle[name]))(f)
	change(s)
	f.bundle[name] = must(strictjson.Marshal(s))(f)
	f.sign(end, f.knso())
}

// approved changes the authorization, and has quorum, key and module sign all
// that follows from it: the package holds together.
func (f *factory) approved(change func(*statement.Authorization)) {
	f.Helper()
	f.statement(".authorization.json", func(s statement.Statement) { change(s.(*statement.Authorization)) })
	f.manifest(func(m *transfer.Manifest) {
		m.Authorization.SHA256 = fingerprint.Of(f.bundle[f.named(".authorization.json")])
	})
	f.possess("key", keykind.PurposeTransfer)
}

// possess has a key sign the authorization as a proof of possession.
func (f *factory) possess(ident, purpose string) {
	f.Helper()
	sum := fingerprint.Of(f.bundle[f.named(".authorization.json")])
	if sig := must(f.keys[ident].Possess(keykind.PossessionText(purpose, sum)))(f); sig != nil {
		f.bundle[f.named(".pop.sig")] = sig
	}
}

// blob changes the .byok, and has KML sign for it.
func (f *factory) blob(change func(*transfer.Blob)) {
	f.Helper()
	name := f.named(".byok")
	b := must(transfer.ParseBlob(name, f.bundle[name]))(f)
	change(&b)
	f.bundle[name] = must(b.Marshal())(f)
	f.manifest(func(m *transfer.Manifest) { m.Blob.SHA256 = fingerprint.Of(f.bundle[name]) })
}

// wrapped approves another ciphertext.
func (f *factory) wrapped(ciphertext []byte) {
	f.Helper()
	f.blob(func(b *transfer.Blob) { b.Ciphertext = ciphertext })
	f.approved(func(a *statement.Authorization) { a.Pairs[len(a.Pairs)-1].Wrapped = fingerprint.Of(ciphertext) })
}

// replace puts text in place of other text.
func (f *factory) replace(end, old, text string) {
	f.Helper()
	name := f.named(end)
	if !bytes.Contains(f.bundle[name], []byte(old)) {
		f.Fatalf("%s: there is no %q", name, old)
	}
	f.bundle[name] = bytes.Replace(f.bundle[name], []byte(old), []byte(text), 1)
}
