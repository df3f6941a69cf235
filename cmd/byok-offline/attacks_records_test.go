package main

import (
	"os"
	"path/filepath"
	"testing"

	"byok/internal/fingerprint"
	"byok/internal/kmdata"
	"byok/internal/statement"
	"byok/internal/strictjson"
	"byok/internal/testkit/yubichain"
)

// forgedRecords are what the program itself notes of a key: that a command was
// cut short, which nothing signs, and that a key was destroyed.
func forgedRecords() []deed {
	again := func(ident, kind string) string {
		return "key generate --ident " + ident + " --type " + kind + " --without-quorum" + withPINs
	}
	const (
		unfiled  = "statement 4 (origin) names key_simple_ec, and its file kmdata/local/key_simple_ec is missing"
		recorded = "no key is destroyed: the one that is there is recorded again"
	)
	return []deed{
		{name: "a key file hidden, and the key destroyed", state: generated, do: hiddenAndLost, then: thenCheck,
			want: "3: key_simple_ec " + unfiled},
		{name: "a key file hidden, and the key destroyed", state: generated, do: hiddenAndLost,
			then: again("ec", "EC"), want: "3: " + unfiled},
		{name: "a key file hidden, and the key destroyed", state: generated, do: hiddenAndLost,
			then: "world backup spare/copy", want: "3: " + unfiled},
		{name: "a key file hidden", state: generated, also: but(withEC, replaced), do: hidden("ec"),
			then: thenReplace, want: "3: " + unfiled},
		{name: "a key file hidden, and the note of an interrupted generation planted", state: generated,
			do: hidden("ec"), then: again("ec", "EC"), want: "0: nothing", note: recorded},
		{name: "a key file hidden, and the note of an interrupted generation planted", state: modified, also: withKeys,
			do: hidden("aes"), then: again("aes", "AES"), want: "0: nothing", note: recorded},
		{name: "a key file hidden, and the note of an interrupted generation planted", state: generated, also: withKeys,
			do: hidden("aes"), then: again("aes", "EC"),
			want: `6: token "stage" (serial …) holds a key labelled key_simple_aes already`},
		{name: "a key file hidden, and the note of an interrupted generation planted", state: generated, also: withKeys,
			do: hidden("aes"), then: again("aes", "AES"), want: "0: nothing", note: recorded},
		{name: "a key file with another field: check_value", state: generated, also: withKeys,
			do: replacing("key_simple_aes", `"check_value": "`, `"check_value": "0`), then: thenAES,
			want: "3: kmdata/local/key_simple_aes: field check_value: expected 32 lower-case hex digits"},
		{name: "a key file with the check value of another key", state: generated, also: withKeys, do: otherCheckValue, then: thenAES,
			want: `3: key_simple_aes on token "stage" (serial …) is not the key that its file describes`},
		{name: "a key file that KML signed, of a key that follows another", state: generated, do: forgedLink,
			then: thenModify, want: "3: kmdata/local/key_simple_ec: field replaces: the key's origin statement says otherwise"},
		{name: "a key file that KML signed, of a key that follows another", state: generated, do: forgedLink,
			then: thenCheck, want: "3: key_simple_ec kmdata/local/key_simple_ec: field replaces: the key's origin statement " +
				"says otherwise"},
		{name: "a record of retirement that KML signed, the key on the token", state: generated, do: forgedRetirement,
			then: thenCheck, want: "3: key_simple_ec it was retired, but is on the token"},
		{name: "a record of retirement that KML signed, the key on the token", state: generated, do: forgedRetirement,
			then: thenModify, want: "6: key_simple_ec was retired on …, and is not on the HSM"},
	}
}

// hidden takes a key's file away, with those that were put aside, and says that its generation was cut short.
func hidden(ident string) func(*testing.T, *stage) {
	return func(t *testing.T, s *stage) {
		name := kmdata.KeyName(kmdata.Simple, ident)
		files, err := filepath.Glob(s.path("kmdata/local/" + name + "*"))
		if err != nil || len(files) < 2 {
			t.Fatalf("%q, %v", files, err)
		}
		for _, file := range files {
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
		}
		note := "{\n  \"type\": \"byok-pending\",\n  \"version\": 1,\n  \"note\": {\n    \"label\": \"" + name +
			"\"\n  }\n}\n"
		mustWrite(t, s.path("kmdata/local/.key-generate_"+ident+".pending"), []byte(note))
	}
}

func hiddenAndLost(t *testing.T, s *stage) {
	destroying("EC key")(t, s)
	hidden("ec")(t, s)
}

func otherCheckValue(t *testing.T, s *stage) {
	k := s.readKey(t, "key_simple_aes")
	k.CheckValue = checkValue(t, knownValue())
	s.forgeKey(t, k)
}

// forgedRetirement has KML sign that a key was destroyed which is there.
func forgedRetirement(t *testing.T, s *stage) {
	k := s.readKey(t, "key_simple_ec")
	record := kmdata.Retired{Signed: k.Signed, Ident: k.Ident, Identity: k.Identity, Destroyed: 2}
	record.Type = kmdata.TypeRetired
	s.forge(t, s.path("kmdata/local/retired_key_simple_ec"), mustDo(strictjson.Marshal(record))(t))
}

// forgedLink has KML sign that a key follows one of the attacker's own, which
// would become its next version in a vault.
func forgedLink(t *testing.T, s *stage) {
	k := s.readKey(t, "key_simple_ec")
	own := mustDo(yubichain.NewPublic())(t)
	k.Replaces = &statement.Replaced{Ident: "payroll", Identity: mustDo(statement.IdentityOf(own, 0, nil))(t)}
	s.forgeKey(t, k)
}

// attestedLater gives a key that was approved an attestation.
func attestedLater(t *testing.T, s *stage) {
	path := s.path(approvalState)
	a, ok := mustDo(statement.Parse(path, mustDo(os.ReadFile(path))(t)))(t).(*statement.Authorization)
	if !ok {
		t.Fatalf("%s is no authorization", path)
	}
	a.Pairs[0].HSM = &statement.HSMAttestation{SHA256: fingerprint.Of([]byte("vendor")), Format: "certificates"}
	s.forge(t, path, mustDo(statement.Encode(a))(t))
}

func plantedAttestation(t *testing.T, s *stage) {
	dir := s.path("kmdata/local/attestations")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, filepath.Join(dir, "vendor.pem"), []byte("vendor"))
}
