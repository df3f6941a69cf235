package main

import (
	"bytes"
	"path/filepath"
	"testing"
	"time"

	"byok/internal/command"
	"byok/internal/fingerprint"
	"byok/internal/term"
	"byok/internal/toolset"
	"byok/internal/transfer"
	"byok/internal/vault"
)

func goodKEK() vault.Key {
	return vault.Key{
		ID:  transfer.KeyID{Vault: "https://contoso.vault.azure.net", Name: "KEKforBYOK", Version: "00112233445566778899aabbccddeeff"},
		Kty: "RSA-HSM", Bits: 4096, Ops: []string{"import"}, Enabled: true, HSMPlatform: "2", Expires: time.Now().Add(72 * time.Hour),
	}
}

// TestUnfit changes one thing of a good KEK at a time.
func TestUnfit(t *testing.T) {
	then := time.Date(2021, 6, 30, 0, 0, 0, 0, time.UTC)
	for want, change := range map[string]func(*vault.Key){
		"": func(k *vault.Key) { k.Expires = time.Time{} },
		"its type is RSA where RSA-HSM is expected":                  func(k *vault.Key) { k.Kty = "RSA" },
		"its type is EC-HSM where RSA-HSM is expected":               func(k *vault.Key) { k.Kty = "EC-HSM" },
		"the vault does not keep it in an HSM":                       func(k *vault.Key) { k.HSMPlatform = "0" },
		"it has 1024 bits where 2048, 3072 or 4096 are expected":     func(k *vault.Key) { k.Bits = 1024 },
		"its operations are import, decrypt instead of import alone": func(k *vault.Key) { k.Ops = []string{"import", "decrypt"} },
		"its operations are  instead of import alone":                func(k *vault.Key) { k.Ops = nil },
		"it is disabled": func(k *vault.Key) { k.Enabled = false },
		"it is not valid before 2199-01-01T00:00:00Z": func(k *vault.Key) { k.NotBefore = time.Date(2199, 1, 1, 0, 0, 0, 0, time.UTC) },
		"it expired on 2021-06-30T00:00:00Z":          func(k *vault.Key) { k.Expires = then },
	} {
		k := goodKEK()
		change(&k)
		if got := unfit(k, false); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	software := goodKEK()
	software.Kty, software.HSMPlatform = "RSA", "0"
	if got := unfit(software, true); got != "" {
		t.Errorf("in a test vault: %q", got)
	}
	software.Kty = "EC"
	if got := unfit(software, true); got != "its type is EC where RSA-HSM is expected" {
		t.Errorf("in a test vault: %q", got)
	}
}

func TestWarnExpiry(t *testing.T) {
	const about = "p: warning: KEK https://contoso.vault.azure.net/keys/KEKforBYOK/00112233445566778899aabbccddeeff "
	for want, expires := range map[string]time.Time{
		"": time.Now().Add(longLife - time.Minute),
		about + "lives for 30 more days; a KEK should live for hours\n": time.Now().Add(30*24*time.Hour + time.Minute),
		about + "never expires; a KEK should live for hours\n":          {},
	} {
		var said bytes.Buffer
		k := goodKEK()
		k.Expires = expires
		warnExpiry(&command.Run{Console: &term.Console{Program: "p", Err: &said}}, k)
		if said.String() != want {
			t.Errorf("%q, want %q", said.String(), want)
		}
	}
}

// TestJudgePublished: no file with a published hash is to be had any more.
func TestJudgePublished(t *testing.T) {
	for _, region := range toolset.Regions() {
		v, err := judge(filepath.Join(t.TempDir(), "any.zip"), region.SHA256)
		want := "the published hash of " + region.Package + " for " + region.Name + ", retired in June 2021"
		if err != nil || !v.OK || v.Verdict != want {
			t.Errorf("%v, %+v", err, v)
		}
		changed := region.SHA256
		changed[31] ^= 1
		if v, err := judge(filepath.Join(t.TempDir(), region.Package), changed); err != nil || v.OK || v.Verdict != "not the published hash for "+region.Name {
			t.Errorf("%v, %+v", err, v)
		}
	}
	if v, err := judge(filepath.Join(t.TempDir(), "any.zip"), fingerprint.Sum{}); err != nil || v.OK {
		t.Errorf("%v, %+v", err, v)
	}
}
