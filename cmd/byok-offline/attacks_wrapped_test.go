package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // RSA-OAEP as a backup has it
	"crypto/x509"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/keykind"
	"byok/internal/keywrap"
	"byok/internal/kmdata"
	"byok/internal/statement"
)

// forgedBackups: KM is public, and what is wrapped under it names no one.
func forgedBackups() []deed {
	restore := func(name string, change func(t *testing.T, s *stage, k *kmdata.Key), want string) deed {
		return deed{name: name, state: generated, also: withKeys, do: backedUp(change), then: thenRestore, want: want}
	}
	return []deed{
		restore("the backup of a key of the attacker's own, under the public key of another", ownBackup(32, false),
			`3: the restored key on token "stage" (serial …) is not the key that its public key describes`),
		restore("the backup and the public key of a key of the attacker's own", ownBackup(32, true),
			"0: key_simple_ec: origin after restoring: unproved: the operator may know its value (restored)"),
		restore("the backup of another key", func(t *testing.T, s *stage, k *kmdata.Key) {
			k.Backup = s.readKey(t, "key_simple_rsa").Backup
		}, "3: the backup does not open with these cards"),
		restore("a backup with its second half of another", exchangedHalf,
			"3: the backup does not open with these cards"),
		restore("a backup whose AES key has 16 bytes", ownBackup(16, true),
			"3: the backup does not open with these cards"),
		restore("a backup that is cut short",
			func(_ *testing.T, _ *stage,
				k *kmdata.Key) {
				k.Backup = k.Backup[:len(k.Backup)-8]
			}, "3: the backup does not open with these cards"),
		restore("a backup that is its first half",
			func(_ *testing.T, _ *stage,
				k *kmdata.Key) {
				k.Backup = k.Backup[:512]
			}, "3: the backup does not open with these cards"),
		restore("a backup with a bit changed in its first half", flipped(5),
			"3: the backup does not open with these cards"),
		restore("a backup with a bit changed in its second half", flipped(400),
			"3: the backup does not open with these cards"),
		{name: "a key file and its backup under another name", state: generated, do: relabelled,
			then: strings.Replace(thenRestore, "--ident ec", "--ident payroll", 1),
			want: "0: key_simple_payroll: origin after restoring: unproved: the operator may know its value (restored)",
			note: "no statement of that name knows the key"},
	}
}

// backedUp destroys the EC key and changes its file.
func backedUp(change func(*testing.T, *stage, *kmdata.Key)) func(*testing.T, *stage) {
	return func(t *testing.T, s *stage) {
		s.destroyKey(t, "key_simple_ec")
		k := s.readKey(t, "key_simple_ec")
		change(t, s, &k)
		s.forgeKey(t, k)
	}
}

// destroyKey destroys every object with the label.
func (s *stage) destroyKey(t testing.TB, label string) {
	t.Helper()
	s.besiege(t, func(a *attacker) {
		for _, o := range a.found(t, attr(pkcs11.CKA_LABEL, label)) {
			a.must(t, a.p.DestroyObject(a.h, o))
		}
	})
}

// ownBackup makes a backup in software, without any token: under an AES key of
// the given size.
func ownBackup(size int, public bool) func(*testing.T, *stage, *kmdata.Key) {
	return func(t *testing.T, s *stage, k *kmdata.Key) {
		private := mustDo(newEC())(t)
		layer := make([]byte, size)
		_, _ = rand.Read(layer)
		km := mustDo(s.chain(t).Set().KM.ModuleKey())(t)
		outer := mustDo(rsa.EncryptOAEP(sha1.New(), rand.Reader, km, layer, nil))(t)
		inner := mustDo(keywrap.Wrap(layer, mustDo(x509.MarshalPKCS8PrivateKey(private))(t)))(t)
		k.Backup = base64.StdEncoding.EncodeToString(append(outer, inner...))
		if public {
			k.PublicKey = mustDo(keykind.MarshalPublicKey(&private.PublicKey))(t)
		}
	}
}

// exchangedHalf puts the part under KW of an own key behind the part for KM of
// another backup.
func exchangedHalf(t *testing.T, s *stage, k *kmdata.Key) {
	other := k.Backup
	ownBackup(32, false)(t, s, k)
	theirs, mine := unbase64(other), unbase64(k.Backup)
	k.Backup = base64.StdEncoding.EncodeToString(append(theirs[:statement.KMBits/8], mine[statement.KMBits/8:]...))
}

func flipped(at int) func(*testing.T, *stage, *kmdata.Key) {
	return func(_ *testing.T, _ *stage, k *kmdata.Key) {
		raw := unbase64(k.Backup)
		raw[at] ^= 1
		k.Backup = base64.StdEncoding.EncodeToString(raw)
	}
}

func relabelled(t *testing.T, s *stage) {
	k := s.readKey(t, "key_simple_ec")
	k.Ident, k.PlainName = "payroll", "payroll"
	s.forgeKey(t, k)
}

// forgedCopies are wrapped copies that no quorum approved so.
func forgedCopies() []deed {
	pack := func(name, want string, change func(t *testing.T, s *stage, k *kmdata.Key)) deed {
		return deed{name: name, state: modified, do: changingCopy(change), then: thenPackage, want: want}
	}
	return []deed{
		pack("a wrapped copy with the ciphertext of another",
			"3: KeyTransferPackage-Vault-ec.byok: the wrapped key is not the one that was approved", func(t *testing.T,
				s *stage, k *kmdata.Key) {
				k.Copy.Ciphertext = s.copyOf(t, "rsa").Copy.Ciphertext
			}),
		pack("a wrapped copy with its second half of another",
			"3: KeyTransferPackage-Vault-ec.byok: the wrapped key is not the one that was approved", func(t *testing.T,
				s *stage, k *kmdata.Key) {
				k.Copy.Ciphertext = append(k.Copy.Ciphertext[:256], s.copyOf(t, "rsa").Copy.Ciphertext[256:]...)
			}),
		pack("a wrapped copy with the proof of possession of another",
			"3: KeyTransferPackage-Vault-ec.pop.sig: it is not the signature of the approved key over the SHA-256 of "+
				"KeyTransferPackage-Vault-ec.authorization.json", func(t *testing.T, s *stage, k *kmdata.Key) {
				k.Copy.Possession = s.copyOf(t, "rsa").Copy.Possession
			}),
		pack("a wrapped copy without a proof of possession",
			"3: kmdata/local/key_xferacld_ec_000006-0: field copy.possession: every key but an AES key proves "+
				"possession", func(_ *testing.T, _ *stage, k *kmdata.Key) { k.Copy.Possession = nil }),
		pack("a wrapped copy with the hash of another authorization",
			"3: key_xferacld_ec_000006-0 does not belong to statement 6 (authorization)", func(t *testing.T, s *stage,
				k *kmdata.Key) {
				k.Copy.Authorization = s.copyOf(t, "rsa").Copy.Authorization
			}),
		pack("a wrapped copy that names a pair that is not there",
			"3: key_xferacld_ec_000006-1 does not belong to statement 6 (authorization)", func(_ *testing.T, _ *stage,
				k *kmdata.Key) {
				k.Copy.Index = 1
			}),
		pack("a wrapped copy that names no authorization", "3: statement 3 is not an authorization of this world",
			func(_ *testing.T, _ *stage, k *kmdata.Key) { k.Copy.Number = 3 }),
		{name: "a wrapped copy of one key as that of another", state: modified, do: copyOfAnother, then: thenPackage,
			want: "3: key_xferacld_ec_000005-0 does not belong to statement 5 (authorization)"},
		{name: "a wrapped copy without its authorization", state: modified, do: withoutAuthorization, then: thenPackage,
			want: "3: kmdata/local/statements/000007-authorization.json: statement 6 is missing before it"},
	}
}

// copyOf is the newest wrapped copy of a key.
func (s *stage) copyOf(t testing.TB, ident string) kmdata.Key {
	t.Helper()
	paths := mustDo(filepath.Glob(s.path("kmdata/local/key_xferacld_" + ident + "_*-*")))(t)
	for _, path := range paths {
		if !strings.HasSuffix(path, ".sig") {
			return s.readKey(t, filepath.Base(path))
		}
	}
	t.Fatalf("no wrapped copy of %s", ident)
	return kmdata.Key{}
}

// changingCopy changes the wrapped copy of the EC key.
func changingCopy(change func(*testing.T, *stage, *kmdata.Key)) func(*testing.T, *stage) {
	return func(t *testing.T, s *stage) {
		k := s.copyOf(t, "ec")
		old := s.path("kmdata/local/" + k.Name())
		change(t, s, &k)
		for _, path := range []string{old, old + ".sig"} {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}
		s.forgeKey(t, k)
	}
}

func copyOfAnother(t *testing.T, s *stage) {
	changingCopy(func(t *testing.T, s *stage, k *kmdata.Key) {
		ident := k.Ident
		*k = s.copyOf(t, "rsa")
		k.Ident = ident
	})(t, s)
}

func withoutAuthorization(t *testing.T, s *stage) {
	number := s.copyOf(t, "ec").Copy.Number
	for _, path := range mustDo(filepath.Glob(s.path("kmdata/local/statements/*-authorization.*")))(t) {
		if strings.Contains(path, statementNumber(number)) {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}
	}
}
