package attest

import (
	"crypto/rsa"
	"crypto/sha256"
	"math/big"
	"slices"
	"testing"

	"byok/internal/toolset"
)

// signedBy makes the signature in another way than the layout's.
func signedBy(change func(f *fixture, body []byte) []byte) func(testing.TB, *fixture) {
	return func(_ testing.TB, f *fixture) {
		f.attestation = func(a *toolset.Attestation) {
			body := a.PrivateKey[:len(a.PrivateKey)-signatureSize]
			a.PrivateKey = slices.Concat(body, change(f, body))
		}
	}
}

// raw is the RSA operation with nothing around it.
func raw(key *rsa.PrivateKey, block []byte) []byte {
	return new(big.Int).Exp(new(big.Int).SetBytes(block), key.D, key.N).FillBytes(make([]byte, signatureSize))
}

const notSigned = "the partition's key did not make this signature"

var signatureFaults = map[string]fault{
	"another key": {RuleSignature, func(_ testing.TB, f *fixture) { f.signer = testKeys()[strangerKey] }, notSigned, nil},
	"with DigestInfo": {RuleSignature, signedBy(func(f *fixture, body []byte) []byte {
		digest := sha256.Sum256(body)
		s, _ := rsa.SignPKCS1v15(nil, f.signer, Firmware3.hash(), digest[:])
		return s
	}), notSigned, nil},
	// Microsoft's script compares the last 32 bytes of the block and no more.
	"digest in a block of anything": {RuleSignature, signedBy(func(f *fixture, body []byte) []byte {
		digest := sha256.Sum256(body)
		block := make([]byte, signatureSize)
		block[1], block[100] = 2, 7
		copy(block[signatureSize-len(digest):], digest[:])
		return raw(f.signer, block)
	}), notSigned, nil},
	"padding shorter": {RuleSignature, signedBy(func(f *fixture, body []byte) []byte {
		digest := sha256.Sum256(body)
		block := slices.Repeat([]byte{0xff}, signatureSize)
		block[0], block[1], block[signatureSize-len(digest)-2], block[signatureSize-len(digest)-1] = 0, 1, 0, 0
		copy(block[signatureSize-len(digest):], digest[:])
		return raw(f.signer, block)
	}), notSigned, nil},
	"zero": {RuleSignature, signedBy(func(*fixture, []byte) []byte { return make([]byte, signatureSize) }), notSigned, nil},
	"of another statement": {RuleSignature, signedBy(func(f *fixture, body []byte) []byte {
		blob, _ := Sign(NewClaims(Firmware2, f.kek.KID, &testKeys()[strangerKey].PublicKey, nil), f.signer)
		return blob[len(blob)-signatureSize:]
	}), notSigned, nil},
	"firmware 3 without DigestInfo": {RuleSignature, func(t testing.TB, f *fixture) {
		f.firmware3()
		signedBy(func(f *fixture, body []byte) []byte {
			digest := sha256.Sum256(body)
			s, _ := rsa.SignPKCS1v15(nil, f.signer, Firmware2.hash(), digest[:])
			return s
		})(t, f)
	}, notSigned, nil},
}
