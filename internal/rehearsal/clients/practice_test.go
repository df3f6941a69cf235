// Package clients holds the rehearsal vault against clients that are real: the
// one of this project, through every fault the vault can have, and the
// service's own Python SDK. It has tests only.
package clients

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"encoding/hex"
	"testing"

	"byok/internal/kek"
	"byok/internal/rehearsal"
	"byok/internal/testkit/serve"
	"byok/internal/transfer"
	"byok/internal/vault"
	"byok/internal/vault/endpoint"
)

// practice is a rehearsal vault that runs until its test ends.
type practice struct {
	*rehearsal.Client
	dir string
}

func served(t *testing.T, c rehearsal.Config) practice {
	t.Helper()
	client, dir := serve.Rehearsal(t, c)
	return practice{client, dir}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// client is this project's client of the vault, with connections of its own.
func (p practice) client(t *testing.T, o vault.Options) *vault.Client {
	t.Helper()
	address, err := endpoint.Parse(p.URL, endpoint.Allow{Rehearsal: true})
	must(t, err)
	o.HTTP = p.HTTP()
	t.Cleanup(o.HTTP.CloseIdleConnections)
	c, err := vault.New(address, p.Credential(), o)
	must(t, err)
	return c
}

// seal makes a .byok of plain for a KEK: OAEP with SHA-1 by Go, the key wrap of
// RFC 5649 by openssl.
func seal(t *testing.T, kid kek.ID, public *rsa.PublicKey, plain []byte) []byte {
	t.Helper()
	aes := make([]byte, 32)
	_, _ = rand.Read(aes)
	first, err := rsa.EncryptOAEP(sha1.New(), rand.Reader, public, aes, nil)
	must(t, err)
	second := openssl(t, plain, "enc", "-id-aes256-wrap-pad", "-iv", "A65959A6", "-K", hex.EncodeToString(aes))
	data, err := transfer.Blob{KEK: kid, Generator: "byok tests", Ciphertext: append(first, second...)}.Marshal()
	must(t, err)
	return data
}
