package main

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/pkcs11"
)

// share is a point of the sharing polynomial.
type share struct{ x, y *big.Int }

// order is that of Ristretto255 (RFC 9496, section 4.4).
func order() *big.Int {
	tail, _ := new(big.Int).SetString("27742317777372353535851937790883648493", 10)
	return tail.Add(tail, new(big.Int).Lsh(big.NewInt(1), 252))
}

// atZero is Lagrange's interpolation.
func atZero(points ...share) []byte {
	q, sum := order(), new(big.Int)
	for _, i := range points {
		term := new(big.Int).Set(i.y)
		for _, j := range points {
			if j.x.Cmp(i.x) != 0 {
				between := new(big.Int).Mod(new(big.Int).Sub(j.x, i.x), q)
				term.Mul(term, j.x).Mul(term, between.ModInverse(between, q)).Mod(term, q)
			}
		}
		sum.Add(sum, term).Mod(sum, q)
	}
	return littleEndian(sum)
}

func littleEndian(n *big.Int) []byte {
	b := new(big.Int).Mod(n, order()).FillBytes(make([]byte, 32))
	slices.Reverse(b)
	return b
}

// shares opens cards in the present folder.
func shares(t *testing.T, cards ...int) (list []share) {
	t.Helper()
	for _, n := range cards {
		var card struct{ Share string }
		path := openedCard(t, ".", fmt.Sprintf("card%d", n), []byte(cardPassphraseOf(n)))
		if err := json.Unmarshal(mustDo(os.ReadFile(path))(t), &card); err != nil {
			t.Fatal(err)
		}
		raw := unhex(card.Share)
		slices.Reverse(raw)
		list = append(list, share{big.NewInt(int64(n)), new(big.Int).SetBytes(raw)})
	}
	return list
}

// guessSecret tries every world secret that two shares suggest. Three give the
// right one, with the same code.
func (a *attacker) guessSecret(t *testing.T) {
	two := shares(t, 1, 2)
	one, other := two[0], two[1]
	candidates := [][]byte{atZero(one), atZero(other), atZero(two...), littleEndian(new(big.Int).Add(one.y, other.y)), littleEndian(new(big.Int).Sub(one.y, other.y)),
		littleEndian(new(big.Int).Mul(one.y, other.y)), make([]byte, 32)}
	for x := range int64(2) { // a third card, or another kind of point, of a value that might be
		for _, y := range []*big.Int{new(big.Int), big.NewInt(1), one.y, other.y, new(big.Int).Sub(order(), big.NewInt(1))} {
			candidates = append(candidates, atZero(one, other, share{big.NewInt(x + 3), y}))
		}
	}
	for i, secret := range candidates {
		if opens := a.opens(t, secret); len(opens) > 0 {
			t.Errorf("BREACH: guess %d of two cards: %s", i, strings.Join(opens, ", "))
		}
	}
	if opens := a.opens(t, atZero(shares(t, 1, 2, 3)...)); len(opens) != 1+2*len(a.blobs) {
		t.Errorf("three cards open only %q: the guesses prove nothing", opens)
	}
}

// opens tells what a world secret opens: the SO's login, the backups in
// software, the backups on the token.
func (a *attacker) opens(t *testing.T, secret []byte) (what []string) {
	t.Helper()
	a.outside(t, a.slot, func(h pkcs11.SessionHandle) {
		if a.p.Login(h, pkcs11.CKU_SO, derivedPIN(secret)) == nil {
			what = append(what, "login as SO")
		}
	})
	block := mustDo(aes.NewCipher(derivedKey(secret)))(t)
	key, err := a.p.CreateObject(a.h, append(blobOf{}.as(pkcs11.CKO_SECRET_KEY, pkcs11.CKK_AES), attr(pkcs11.CKA_UNWRAP, true), attr(pkcs11.CKA_VALUE, derivedKey(secret))))
	a.must(t, err)
	for _, blob := range a.blobs {
		if _, err := unwrapped(blob, decrypter(block)); err == nil {
			what = append(what, "a backup in software")
		}
		if _, err := a.p.UnwrapKey(a.h, rfc5649(), key, blob, blobOf{}.as(pkcs11.CKO_SECRET_KEY, pkcs11.CKK_GENERIC_SECRET)); err == nil {
			what = append(what, "a backup on the token")
		}
	}
	return what
}

func decrypter(block cipher.Block) func([]byte) ([]byte, error) {
	return func(in []byte) ([]byte, error) {
		out := make([]byte, len(in))
		block.Decrypt(out, in)
		return out, nil
	}
}

// derivedPIN and derivedKey are what docs/recover.py makes of a world secret.
func derivedPIN(secret []byte) string {
	return base32.StdEncoding.EncodeToString(derived(secret, "byok v1 so-pin", 20))
}

func derivedKey(secret []byte) []byte { return derived(secret, "byok v1 module-key", 32) }

func derived(secret []byte, info string, n int) []byte {
	out, _ := hkdf.Key(sha256.New, secret, nil, info, n) // fails only for thousands of bytes
	return out
}

func unhex(text string) []byte {
	raw, _ := hex.DecodeString(text) // of a file of this project's
	return raw
}

func unbase64(text string) []byte {
	raw, _ := base64.StdEncoding.DecodeString(text) // of a file of this project's
	return raw
}
