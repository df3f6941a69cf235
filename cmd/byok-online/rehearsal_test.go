package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"byok/internal/rehearsal"
	"byok/internal/specimen"
	"byok/internal/vault"
)

// practice is a rehearsal vault that runs while a test does, and what is made
// for it.
type practice struct {
	dir   string
	open  *rehearsal.Client
	vault *vault.Client
	world *specimen.World
	keks  map[string]specimen.KEK
}

// newPractice starts a rehearsal vault on c.State. stop ends it.
func newPractice(c rehearsal.Config) (p *practice, stop func() error, err error) {
	ctx, cancel := context.WithCancel(context.Background())
	c.Listen = "127.0.0.1:0"
	ready, ended := make(chan rehearsal.Info, 1), make(chan error, 1)
	go func() { ended <- rehearsal.Serve(ctx, c, func(i rehearsal.Info) { ready <- i }) }()
	stop = func() error {
		cancel()
		return <-ended
	}
	select {
	case err := <-ended:
		cancel()
		return nil, nil, err
	case <-ready:
	}
	p = &practice{dir: c.State, keks: map[string]specimen.KEK{}}
	if p.open, err = rehearsal.Open(c.State); err != nil {
		return nil, stop, err
	}
	address, err := vault.ParseAddress(p.open.URL, vault.Allow{Rehearsal: true})
	if err != nil {
		return nil, stop, err
	}
	if p.vault, err = vault.New(address, p.open.Credential(), vault.Options{HTTP: p.open.HTTP(), Rate: -1}); err != nil {
		return nil, stop, err
	}
	p.world, err = specimen.NewWorld()
	return p, stop, err
}

// practise is newPractice for a Go test.
func practise(t *testing.T, c rehearsal.Config) *practice {
	t.Helper()
	c.State = filepath.Join(t.TempDir(), "vault")
	p, stop, err := newPractice(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// kek returns the KEK of that name, which is made where it is missing.
func (p *practice) kek(name string) (specimen.KEK, error) {
	if k, made := p.keks[name]; made {
		return k, nil
	}
	k, err := p.vault.Key(context.Background(), name, "")
	if err != nil {
		k, err = p.vault.CreateKEK(context.Background(), name, 2048, time.Now().Add(time.Hour))
	}
	if err != nil {
		return specimen.KEK{}, err
	}
	p.keks[name] = specimen.KEK{ID: k.ID, Public: k.PublicKey.(*rsa.PublicKey), Rehearsal: true}
	return p.keks[name], nil
}

// pack writes the package of a fresh key of this kind (P-256, P-384, P-521,
// RSA or AES) into dir and returns the path of its .byok.
func (p *practice) pack(dir, name, kind string, change ...func(*specimen.KEK)) (string, error) {
	kek, err := p.kek("KEKforBYOK")
	if err != nil {
		return "", err
	}
	for _, c := range change {
		c(&kek)
	}
	key, err := freshKey(kind)
	if err != nil {
		return "", err
	}
	pack, err := p.world.Package(kek, name, key)
	if err != nil {
		return "", err
	}
	return specimen.Write(dir, pack)
}

func freshKey(kind string) (any, error) {
	switch kind {
	case "RSA":
		return rsa.GenerateKey(rand.Reader, 2048)
	case "AES":
		key := make([]byte, 32)
		_, err := rand.Read(key)
		return key, err
	case "P-384":
		return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "P-521":
		return ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	}
	return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
}

// startRehearsal: rehearsal [SERVICE [LIMIT]] starts a vault on $WORK/vault and
// sets $VAULT to that folder and $URL to its address.
func startRehearsal(ts *testscript.TestScript, _ bool, args []string) {
	c := rehearsal.Config{State: ts.MkAbs("vault")}
	for i, field := range []*string{&c.Service, &c.Limit} {
		if i < len(args) {
			*field = args[i]
		}
	}
	p, stop, err := newPractice(c)
	if stop != nil {
		ts.Defer(func() { ts.Check(stop()) })
	}
	ts.Check(err)
	ts.Setenv("VAULT", p.dir)
	ts.Setenv("URL", p.open.URL)
	sceneOf(ts).practice = p
}

// setRehearsalFaults: faults TEXT… replaces the faults of the vault.
func setRehearsalFaults(ts *testscript.TestScript, _ bool, args []string) {
	_, err := sceneOf(ts).practice.open.SetFaults(context.Background(), args...)
	ts.Check(err)
}

// makePackage: package DIR NAME KIND [production] makes the package of a fresh
// key for KEKforBYOK, which is made where it is missing.
func makePackage(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: package DIR NAME KIND [production]")
	}
	var change []func(*specimen.KEK)
	if len(args) > 3 {
		change = append(change, func(k *specimen.KEK) { k.Rehearsal = false })
	}
	_, err := sceneOf(ts).practice.pack(ts.MkAbs(args[0]), args[1], args[2], change...)
	ts.Check(err)
}
