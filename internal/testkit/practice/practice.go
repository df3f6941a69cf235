// Package practice gives tests a rehearsal vault that runs in their own
// process, and transfer packages of fresh keys for it.
//
// Use [Start] in a Go test and [New] in a test script. Do not import it into a
// program: package specimen, below it, holds keys in clear.
package practice

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"byok/internal/fingerprint"
	"byok/internal/rehearsal"
	"byok/internal/specimen"
	"byok/internal/vault"
	"byok/internal/vault/endpoint"
)

// KEKName is the key exchange key that packages are made for.
const KEKName = "KEKforBYOK"

// Vault is a running rehearsal vault, and what was made for it.
type Vault struct {
	Dir    string            // its state folder, for --rehearsal
	Open   *rehearsal.Client // of the folder
	Client *vault.Client     // without a rate
	World  *specimen.World   // whose packages Pack makes
	keks   map[string]specimen.KEK
}

// New starts a rehearsal vault on c.State, at a free port. stop ends it; it is
// nil where the vault did not start.
func New(c rehearsal.Config) (v *Vault, stop func() error, err error) {
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
	if v, err = open(c.State); err != nil {
		return v, stop, err
	}
	end := stop
	return v, func() error { return errors.Join(end(), v.World.Close()) }, nil
}

func open(dir string) (*Vault, error) {
	v := &Vault{Dir: dir, keks: map[string]specimen.KEK{}}
	var err error
	if v.Open, err = rehearsal.Open(dir); err != nil {
		return nil, err
	}
	address, err := endpoint.Parse(v.Open.URL, endpoint.Allow{Rehearsal: true})
	if err != nil {
		return nil, err
	}
	if v.Client, err = vault.New(address, v.Open.Credential(), vault.Options{HTTP: v.Open.HTTP()}); err != nil {
		return nil, err
	}
	v.World, err = specimen.NewWorld()
	return v, err
}

// Start is New for a Go test, on a folder of its own, which ends with the test.
func Start(t testing.TB, c rehearsal.Config) *Vault {
	t.Helper()
	c.State = filepath.Join(t.TempDir(), "vault")
	v, stop, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	return v
}

// KEK returns the key exchange key of that name, which is made where it is
// missing.
func (v *Vault) KEK(name string) (specimen.KEK, error) {
	if k, made := v.keks[name]; made {
		return k, nil
	}
	k, err := v.Client.Key(context.Background(), name, "")
	if err != nil {
		k, err = v.Client.CreateKEK(context.Background(), name, 2048, time.Now().Add(time.Hour))
	}
	if err != nil {
		return specimen.KEK{}, err
	}
	v.keks[name] = specimen.KEK{ID: k.ID, Public: k.PublicKey.(*rsa.PublicKey), Rehearsal: true}
	return v.keks[name], nil
}

// HKNSO returns what a person would know of the world that packages come from,
// in its rehearsals.
func (v *Vault) HKNSO() (fingerprint.Sum, error) { return v.World.HKNSO(true) }

// Pack writes the package of a fresh key of a kind (P-256, P-384, P-521, RSA or
// AES) into dir and returns the path of its .byok. change alters the KEK that
// the package is made for.
func (v *Vault) Pack(dir, name, kind string, change ...func(*specimen.KEK)) (string, error) {
	return v.PackFor(dir, name, kind, nil, change...)
}

// PackFor is Pack for a key that is approved for these operations alone; nil
// stands for all that its type takes.
func (v *Vault) PackFor(dir, name, kind string, ops []string, change ...func(*specimen.KEK)) (string, error) {
	kek, err := v.KEK(KEKName)
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
	pack, err := v.World.Package(kek, name, key, ops...)
	if err != nil {
		return "", err
	}
	return specimen.Write(dir, pack)
}

// Production makes a package that is not a rehearsal's.
func Production(k *specimen.KEK) { k.Rehearsal = false }

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
