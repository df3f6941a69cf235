package main

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	_ "crypto/sha1" // of RSA-OAEP
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/big"
	"slices"
	"testing"

	"byok/internal/cards"
	"byok/internal/kmdata"
	"byok/internal/pins"
	"byok/internal/quorum"
	"byok/internal/secret"
	"byok/internal/statement"
)

// needle is a secret to be searched for.
type needle struct {
	name    string
	forms   [][]byte // as it may lie in memory
	session bool     // a quorum session, or the operator's, may hold it
}

// in reports whether memory holds the secret in any form.
func (n needle) in(memory []byte) bool {
	return slices.ContainsFunc(n.forms, func(form []byte) bool { return bytes.Contains(memory, form) })
}

// number is a big integer with either end first.
func number(x *big.Int) [][]byte {
	first := x.Bytes()
	little := slices.Clone(first)
	slices.Reverse(little)
	return [][]byte{first, little}
}

// secrets are those of the ceremony held on the stage so far, worked out from
// its cards.
func (s *stage) secrets(t testing.TB) []needle {
	t.Helper()
	list := []needle{{"user PIN", [][]byte{[]byte(stagePIN)}, true}}
	chain := s.chain(t)
	folders := []string{"card1", "card2", "card3", "card4"}
	for i, set := range chain.Sets() {
		name := []string{"first", "second"}[i]
		list = append(list, s.secretsOf(t, chain, set, name+" set's ", folders[2*i:2*i+2])...)
	}
	return list
}

// secretsOf are the secrets of a card set of 2/2.
func (s *stage) secretsOf(
	t testing.TB, chain *kmdata.Chain, set kmdata.Set, whose string, folders []string,
) (list []needle) {
	t.Helper()
	reader := mustDo(quorum.NewReader(set.Cards))(t)
	var shares []*big.Int
	for _, folder := range folders {
		passphrase := s.text(t, "secrets/"+folder)
		list = append(list, needle{name: "passphrase of " + folder, forms: [][]byte{[]byte(passphrase)}})
		card := s.opened(t, folder, passphrase)
		share := slices.Clone(card.Share.Reveal())
		digits := []byte(hex.EncodeToString(share))
		list = append(list, needle{name: "share of " + folder, forms: [][]byte{share, digits}})
		slices.Reverse(share)
		shares = append(shares, new(big.Int).SetBytes(share))
		if err := reader.Add(folder, card); err != nil {
			t.Fatal(err)
		}
	}
	world := mustDo(reader.Secret())(t)
	list = append(list, needle{whose + "world secret", [][]byte{scalar(shares)}, true})
	list = append(list, privateHalves(t, chain, set, whose, s.module(t, chain).Module, world)...)
	return list
}

// opened opens a card of the stage.
func (s *stage) opened(t testing.TB, folder, passphrase string) quorum.Card {
	t.Helper()
	_, sealed, err := cards.Folder(s.path(folder)).Read()
	if err != nil {
		t.Fatal(err)
	}
	return mustDo(cards.Open(folder, sealed, secret.Take([]byte(passphrase))))(t)
}

// scalar is the secret behind the shares at 1 and 2 of a line, little end
// first: 2 f(1) - f(2) modulo the order of Ristretto255 (RFC 9496).
func scalar(shares []*big.Int) []byte {
	order, _ := new(big.Int).SetString("1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed", 16)
	x := new(big.Int).Lsh(shares[0], 1)
	x.Sub(x, shares[1]).Mod(x, order)
	out := x.FillBytes(make([]byte, 32))
	slices.Reverse(out)
	return out
}

// privateHalves are KNSO's and KM's, and for each module its SO PIN and the AES
// key of its backups. here is the module in use.
func privateHalves(
	t testing.TB, chain *kmdata.Chain, set kmdata.Set, whose, here string, world *quorum.Secret,
) (list []needle) {
	t.Helper()
	at := set.Cards.Context()
	der := mustDo(quorum.Unseal(world, at, quorum.PurposeSealKNSO, set.KNSO.Sealed))(t)
	knso := mustDo(x509.ParsePKCS8PrivateKey(der.Reveal()))(t).(*ecdsa.PrivateKey)
	forms := append(number(new(big.Int).SetBytes(mustDo(knso.Bytes())(t))), slices.Clone(der.Reveal()))
	list = append(list, needle{name: whose + "KNSO", forms: forms})
	der = mustDo(quorum.Unseal(world, at, quorum.PurposeSealKM, set.KM.Sealed))(t)
	km := mustDo(x509.ParsePKCS8PrivateKey(der.Reveal()))(t).(*rsa.PrivateKey)
	forms = slices.Concat(number(km.D), number(km.Primes[0]), number(km.Primes[1]), [][]byte{slices.Clone(der.Reveal())})
	list = append(list, needle{name: whose + "KM", forms: forms})
	for i, m := range modulesOf(chain, set.Cards.Number) {
		pin := mustDo(pins.SO.Current(world, set.Cards, m))(t)
		of := fmt.Sprintf(" of module %d", i+1)
		list = append(list, needle{whose + "SO PIN" + of, [][]byte{[]byte(pin.Text())}, true})
		blob := mustDo(base64.StdEncoding.DecodeString(m.KW))(t)
		kw := mustDo(km.Decrypt(nil, blob, &rsa.OAEPOptions{Hash: crypto.SHA1}))(t)
		// SoftHSM keeps that of the module at hand in this process.
		list = append(list, needle{whose + "AES layer" + of, [][]byte{kw}, m.Module == here})
	}
	return list
}

// modulesOf are the module statements of a card set.
func modulesOf(chain *kmdata.Chain, set int) (list []*statement.Module) {
	for _, e := range chain.Entries() {
		if m, ok := e.Statement.(*statement.Module); ok && m.CardSet == set {
			list = append(list, m)
		}
	}
	return list
}
