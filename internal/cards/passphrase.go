package cards

import (
	"bytes"
	"crypto/rand"
	_ "embed"
	"encoding/binary"
	"math/bits"
	"slices"
	"strings"
	"sync"

	"byok/internal/secret"
)

// listText is EFF's long list for five dice, one word a line: "EFF's New
// Wordlists for Random Passphrases" by Joseph Bonneau, 2016, © Electronic
// Frontier Foundation, https://www.eff.org/dice, under the Creative Commons
// Attribution licence (CC BY 3.0 US). The numbers of the dice are left out.
//
//go:embed eff-long.txt
var listText string

// list returns 7776 words in alphabetical order. Most commands need none of them.
var list = sync.OnceValue(func() []string { return strings.Fields(listText) })

// Words is how many words a drawn passphrase has: 7 of 7776, 90 bits.
const Words = 7

// DrawPassphrase returns [Words] words of EFF's long list, in lower case, with
// one space between them. Each word is drawn on its own from crypto/rand.
func DrawPassphrase() (drawn *secret.Bytes) {
	list := list()
	secret.Erased(func() {
		var words [Words]string
		for i := range words {
			words[i] = list[draw(uint64(len(list)))]
		}
		drawn = join(words[:])
	})
	return drawn
}

// draw returns a number below n. It is 128 random bits modulo n, which no
// number of trials distinguishes from uniform: for n of 13 bits, each number is within
// 2^-115 of its share.
func draw(n uint64) uint64 {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails (Go 1.24)
	return bits.Rem64(binary.LittleEndian.Uint64(b[:8]), binary.LittleEndian.Uint64(b[8:]), n)
}

// join puts words with one space between them into locked memory.
func join[T string | []byte](words []T) *secret.Bytes {
	size := max(0, len(words)-1)
	for _, w := range words {
		size += len(w)
	}
	out := secret.New(size)
	rest := out.Reveal()
	for i, w := range words {
		if i > 0 {
			rest[0], rest = ' ', rest[1:]
		}
		rest = rest[copy(rest, w):]
	}
	return out
}

// normalise returns the passphrase as it is sealed: seven words of the list in
// lower case with one space between them, however they were typed; any other
// passphrase unchanged, to the byte.
func normalise(typed *secret.Bytes) (exact *secret.Bytes) {
	secret.Erased(func() {
		lower := secret.Take(bytes.ToLower(typed.Reveal()))
		defer lower.Wipe()
		words := bytes.Fields(lower.Reveal())
		if len(words) != Words || slices.ContainsFunc(words, isStranger) {
			exact = secret.Take(bytes.Clone(typed.Reveal()))
			return
		}
		exact = join(words)
	})
	return exact
}

// isStranger reports whether the word is not on the list.
func isStranger(word []byte) bool {
	_, found := slices.BinarySearchFunc(list(), word, func(w string, word []byte) int {
		return strings.Compare(w, string(word))
	})
	return !found
}
