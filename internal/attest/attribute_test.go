package attest

import (
	"slices"
	"strings"
	"testing"
)

// attribute gives an attribute of the private key other bytes, or none.
func attribute(a AttributeType, value ...byte) func(testing.TB, *fixture) {
	return func(_ testing.TB, f *fixture) { f.set(a, value) }
}

func id(s string) func(testing.TB, *fixture) { return attribute(AttrID, fill(s)...) }

const path = "/keys/KEKforBYOK/664f5aa2797a4075b8e36ca4500636d8"

var attributeFaults = map[string]fault{
	"public class":        {RuleClass, attribute(AttrClass, 2), "class (0x0000) is 2, expected 3", nil},
	"secret key":          {RuleClass, attribute(AttrClass, 4), "class (0x0000) is 4, expected 3", nil},
	"no class":            {RuleClass, attribute(AttrClass), "class (0x0000) is not stated", nil},
	"EC":                  {RuleClass, attribute(AttrKeyType, 3), "key type (0x0100) is 3, not RSA", nil},
	"no key type":         {RuleClass, attribute(AttrKeyType), "key type (0x0100) is not stated", nil},
	"modulus":             {RuleKey, func(_ testing.TB, f *fixture) { f.set(AttrModulus, testKeys()[strangerKey].N.Bytes()) }, "the attested key has another modulus", nil},
	"modulus missing":     {RuleKey, attribute(AttrModulus), "modulus (0x0120) is not stated", []string{RulePublic}},
	"exponent":            {RuleKey, attribute(AttrPublicExponent, 3), "the attested key has the exponent 3, not 65537", nil},
	"exponent missing":    {RuleKey, attribute(AttrPublicExponent), "public exponent (0x0122) is not stated", []string{RulePublic}},
	"exponent huge":       {RuleKey, attribute(AttrPublicExponent, 1, 0, 0, 0, 0, 0, 1, 0, 1), "public exponent (0x0122) has 9 bytes", []string{RulePublic}},
	"exponent large":      {RuleKey, attribute(AttrPublicExponent, 1, 0, 1, 0, 1), "public exponent (0x0122) has more than 31 bits", []string{RulePublic}},
	"name":                {RuleID, id(strings.Replace(path, "KEK", "kek2", 1)), `the attested key is "/keys/kek2forBYOK/664f5aa2797a4075b8e36ca4500636d8", not "` + path + `"`, nil},
	"key version":         {RuleID, id(path[:len(path)-1]), `the attested key is "` + path[:len(path)-1] + `", not "` + path + `"`, nil},
	"id longer":           {RuleID, id(path + "/"), `the attested key is "` + path + `/", not "` + path + `"`, nil},
	"id behind a zero":    {RuleID, id(path + "\x00a"), `the attested key is "` + path + `\x00a", not "` + path + `"`, nil},
	"id missing":          {RuleID, attribute(AttrID), "id (0x0102) is not stated", nil},
	"not sensitive":       {RuleSensitive, attribute(AttrSensitive, 0), "sensitive (0x0103) is false", nil},
	"once not sensitive":  {RuleSensitive, attribute(AttrAlwaysSensitive, 0), "always sensitive (0x0165) is false", nil},
	"sensitive unsaid":    {RuleSensitive, attribute(AttrSensitive), "sensitive (0x0103) is not stated", nil},
	"sensitive undecided": {RuleSensitive, attribute(AttrSensitive, 2), "sensitive (0x0103) is 2, neither true nor false", nil},
	"extractable":         {RuleExtractable, attribute(AttrExtractable, 1), "extractable (0x0162) is true", nil},
	"extractable unsaid":  {RuleExtractable, attribute(AttrExtractable), "extractable (0x0162) is not stated", nil},
	"once extractable":    {RuleExtractable, attribute(AttrNeverExtractable, 0), "never extractable (0x0164) is false", nil},
	"software key":        {RuleLocal, attribute(AttrLocal, 0), "local (0x0163) is false", nil},
	"local unsaid":        {RuleLocal, attribute(AttrLocal), "local (0x0163) is not stated", nil},
	"decrypts":            {RuleUsage, attribute(AttrDecrypt, 1), "decrypt (0x0105) is true", nil},
	"signs":               {RuleUsage, attribute(AttrSign, 1), "sign (0x0108) is true", nil},
	"signs and recovers":  {RuleUsage, attribute(AttrSignRecover, 1), "sign recover (0x0109) is true", nil},
	"derives":             {RuleUsage, attribute(AttrDerive, 1), "derive (0x010c) is true", nil},
	"decrypt unsaid":      {RuleUsage, attribute(AttrDecrypt), "decrypt (0x0105) is not stated", nil},
	"does not unwrap":     {RuleUsage, attribute(AttrUnwrap, 0), "unwrap (0x0107) is false", nil},
}

// public adds a statement on the public key with one thing wrong.
func public(change func(f *fixture, s *Claims)) func(testing.TB, *fixture) {
	return func(_ testing.TB, f *fixture) {
		s := publicClaims(Firmware2, f)
		f.publicClaims = &s
		change(f, &s)
	}
}

func publicClaims(layout Layout, f *fixture) Claims {
	s := NewClaims(layout, f.kek.KID, &testKeys()[kekKey].PublicKey, nil)
	s.Objects[0].Attributes[0].Value = []byte{classPublic}
	return s
}

// pair puts a second object into the statement, of firmware 3.
func pair(change func(o *Object)) func(testing.TB, *fixture) {
	return func(_ testing.TB, f *fixture) {
		f.firmware3()
		o := publicClaims(Firmware3, f).Objects[0]
		change(&o)
		f.claims.Objects = append(f.claims.Objects, o)
	}
}

var publicFaults = map[string]fault{
	"public by another key": {RulePublic, public(func(f *fixture, _ *Claims) { f.publicSigner = testKeys()[strangerKey] }), notSigned, nil},
	"public of another key": {RulePublic, public(func(f *fixture, s *Claims) {
		*s = NewClaims(Firmware2, f.kek.KID, &testKeys()[strangerKey].PublicKey, nil)
		s.Objects[0].Attributes[0].Value = []byte{classPublic}
	}), "the attested key has another modulus", nil},
	"public is private": {RulePublic, public(func(_ *fixture, s *Claims) { s.Objects[0].Attributes[0].Value = []byte{classPrivate} }),
		"class (0x0000) is 3, expected 2", nil},
	"pair of two keys": {RulePublic, pair(func(o *Object) {
		i := slices.IndexFunc(o.Attributes, func(a Attribute) bool { return a.Type == AttrModulus })
		o.Attributes[i].Value = testKeys()[strangerKey].N.Bytes()
	}), "the attested key has another modulus", nil},
	"two private keys": {RuleClass, pair(func(o *Object) { o.Attributes[0].Value = []byte{classPrivate} }), "two private keys are attested", nil},
}
