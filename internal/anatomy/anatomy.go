// Package anatomy takes a .byok file apart by arithmetic: from the length of its
// ciphertext it says for which KEK and of what the file can be, and why a vault
// may have refused it.
//
// Use [Of] where a person asks what is wrong with a file, for instance of
// another vendor's tool. Nothing is decrypted and nothing proved: do not decide
// by it.
package anatomy

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"byok/internal/transfer"
)

// Report is what arithmetic says about a file.
type Report struct {
	KEK      string    `json:"kek,omitempty"` // key identifier; "" where the file could not be read that far
	Length   int       `json:"ciphertext"`    // in bytes; 0 where it could not be read
	Readings []Reading `json:"readings"`      // how the ciphertext can be divided, by the size of the KEK
	Causes   []string  `json:"causes"`        // likely ones of a refusal, the likeliest first; never empty
}

// Reading is one division of the ciphertext: RSA-OAEP under a KEK, as long as
// its modulus, and the rest, RFC 5649 of the key.
type Reading struct {
	KEKBits int      `json:"kek_bits"`
	Wrapped int      `json:"wrapped"` // bytes of the rest
	Keys    []string `json:"keys"`    // that have such a length, in a form that the service takes
	Others  []string `json:"others"`  // that have it in a form that the service refuses
}

// form is one encoding of a kind of key, by its length in bytes. The lengths of
// DER vary by some bytes with the numbers in it and with what is optional.
type form struct {
	key, encoding string // an AES key has none
	least, most   int
	refused       bool // by the service, which takes PKCS#8 and the bytes of an AES key
}

const (
	pkcs8  = "in PKCS#8"
	pkcs1  = "in PKCS#1, without the PKCS#8 around it"
	sec1   = "in SEC 1, without the PKCS#8 around it"
	scalar = "its bare private number"
	pem    = "as PEM text"
	public = "its public half alone"
)

// forms are the lengths of RFC 5208, RFC 8017 appendix A.1.2 and RFC 5915.
var forms = []form{
	{"AES-128", "", 16, 16, false},
	{"AES-192", "", 24, 24, false},
	{"AES-256", "", 32, 32, false},
	{"P-256 or P-256K", pkcs8, 64, 70, false}, // without the public key
	{"P-256 or P-256K", pkcs8, 135, 153, false},
	{"P-384", pkcs8, 80, 84, false},
	{"P-384", pkcs8, 185, 196, false},
	{"P-521", pkcs8, 98, 102, false},
	{"P-521", pkcs8, 241, 252, false},
	{"RSA-2048", pkcs8, 1212, 1222, false},
	{"RSA-3072", pkcs8, 1788, 1798, false},
	{"RSA-4096", pkcs8, 2368, 2380, false},

	{"RSA-2048", pkcs1, 1186, 1196, true},
	{"RSA-3072", pkcs1, 1762, 1772, true},
	{"RSA-4096", pkcs1, 2342, 2354, true},
	{"P-256 or P-256K", sec1, 116, 123, true},
	{"P-256 or P-256K", sec1, 46, 53, true},
	{"P-384", sec1, 164, 169, true},
	{"P-521", sec1, 221, 226, true},
	{"P-384", scalar, 48, 48, true},
	{"P-521", scalar, 66, 66, true},
	{"RSA-2048", public, 292, 296, true},
	{"RSA-2048", pem, 1672, 1712, true},
	{"RSA-3072", pem, 2448, 2492, true},
	{"RSA-4096", pem, 3240, 3280, true},
	{"P-256 or P-256K", pem, 227, 245, true},
}

func (f form) String() string {
	if f.encoding == "" {
		return f.key
	}
	return f.key + ", " + f.encoding
}

// kekBits are the sizes of KEKs that the service makes.
var kekBits = []int{2048, 3072, 4096}

// Of takes the file called name apart. A file that cannot be read at all has its
// fault as the only cause.
func Of(name string, data []byte) Report {
	b, departures, err := transfer.ParseForeign(name, data)
	var length transfer.LengthError
	switch {
	case errors.As(err, &length):
		return Report{Length: int(length), Readings: []Reading{}, Causes: impossible(int(length))}
	case err != nil:
		return Report{Readings: []Reading{}, Causes: []string{strings.TrimPrefix(err.Error(), name+": ")}}
	}
	r := Report{KEK: b.KEK.String(), Length: len(b.Ciphertext), Readings: readings(len(b.Ciphertext))}
	for _, d := range departures {
		r.Causes = append(r.Causes, d+": byok-online upload sends it as the service's specification has it")
	}
	r.Causes = append(r.Causes, causes(r.Length, r.Readings)...)
	return r
}

// impossible says what a ciphertext may be that is not made by CKM_RSA_AES_KEY_WRAP.
func impossible(n int) []string {
	switch {
	case n == 0:
		return []string{"the ciphertext is missing"}
	case n == 256:
		return []string{bareOAEP}
	case n%8 != 0:
		return []string{fmt.Sprintf("%d bytes are not a multiple of 8, and RFC 5649 makes nothing else: the key was "+
			"wrapped by another algorithm, such as AES-CBC or AES-GCM, or the file was cut", n)}
	}
	return []string{fmt.Sprintf("%d bytes are less than RSA-OAEP under the smallest KEK and the smallest key: "+
		"the file was cut, or holds only one of the two parts", n)}
}

const bareOAEP = "it has the length of RSA-OAEP alone: the key, or only the AES key, was encrypted with the KEK, " +
	"and the key wrapped by RFC 5649 does not follow"

func readings(n int) []Reading {
	list := []Reading{}
	for _, bits := range kekBits {
		wrapped := n - bits/8
		if wrapped < 8+16 {
			continue
		}
		r := Reading{KEKBits: bits, Wrapped: wrapped, Keys: []string{}, Others: []string{}}
		for _, f := range forms {
			if !f.fits(wrapped) {
				continue
			}
			if f.refused {
				r.Others = append(r.Others, f.String())
				continue
			}
			r.Keys = append(r.Keys, f.String())
		}
		list = append(list, r)
	}
	return list
}

// fits reports whether RFC 5649 of a key in the form can be so long: 8 bytes,
// then the key filled up to a multiple of 8.
func (f form) fits(wrapped int) bool {
	filled := wrapped - 8
	return filled >= f.least && filled-7 <= f.most
}

// causes are the likely ones, after what the lengths say.
func causes(n int, list []Reading) (out []string) {
	var keys, others []string
	for _, r := range list {
		keys = append(keys, under(r.KEKBits, r.Keys)...)
		others = append(others, under(r.KEKBits, r.Others)...)
	}
	if len(keys) > 0 {
		out = append(out, "the lengths are those of "+strings.Join(keys, ", or of ")+
			": compare with --kty, with --curve, and with the size of the KEK",
			"the KEK of the file is not the one that the key was wrapped for, such as an earlier version",
			"the RSA part is not OAEP with SHA-1 and MGF1 with SHA-1; by its length SHA-256 looks the same")
	}
	if slices.Contains([]int{384, 512}, n) {
		out = append(out, bareOAEP)
	}
	if len(others) > 0 {
		out = append(out, "the lengths are those of "+strings.Join(others, ", or of ")+
			": the service takes PKCS#8 (RSA, EC) or the bytes of an AES key")
	}
	if len(out) == 0 {
		out = append(out, fmt.Sprintf("no key that the service takes makes %d bytes under a KEK of 2048, 3072 or 4096 bits: "+
			"the KEK is of another size, or what was wrapped is something else", n))
	}
	return out
}

func under(bits int, keys []string) (out []string) {
	for _, k := range keys {
		out = append(out, fmt.Sprintf("%s under a KEK of %d bits", k, bits))
	}
	return out
}
