package vault

import (
	"context"
	"crypto"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"testing"
	"time"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/kek"
	"byok/internal/keykind"
	"byok/internal/vault/endpoint"
)

var soon = noon.Add(72 * time.Hour)

func aKEK(version string) fakeKey {
	return fakeKey{name: "kek", version: version, kty: "RSA-HSM", public: public("RSA"), ops: []string{"import"}, attributes: map[string]any{"exp": soon.Unix()}}
}

func (k fakeKey) with(change func(*fakeKey)) fakeKey {
	change(&k)
	return k
}

const (
	getKEK    = "GET /keys/kek/"
	createKEK = "POST /keys/kek/create"
)

func TestCreateKEK(t *testing.T) {
	var sent struct {
		Kty        string           `json:"kty"`
		Size       int              `json:"key_size"`
		Ops        []string         `json:"key_ops"`
		Attributes map[string]int64 `json:"-"`
		Attrs      struct {
			Exp     int64 `json:"exp"`
			Enabled bool  `json:"enabled"`
		} `json:"attributes"`
	}
	s := newScript(t, step{getKEK, missing}, step{createKEK, func(w http.ResponseWriter, r *http.Request, body []byte) {
		if err := json.Unmarshal(body, &sent); err != nil {
			t.Error(err)
		}
		aKEK(version1).bundle(w, r, body)
	}})
	client, _ := s.client()
	k, err := client.CreateKEK(context.Background(), "kek", 2048, soon.Add(time.Millisecond))
	if err != nil || k.ID.Version != version1 || k.Bits != 2048 {
		t.Fatalf("%+v, %v", k, err)
	}
	if sent.Kty != "RSA-HSM" || sent.Size != 2048 || !slices.Equal(sent.Ops, []string{"import"}) || sent.Attrs.Exp != soon.Unix() || !sent.Attrs.Enabled {
		t.Errorf("sent %+v", sent)
	}
}

// TestCreateKEKOnce loses the answer at each moment: one version, or none and
// an error.
func TestCreateKEKOnce(t *testing.T) {
	for name, c := range map[string][]step{
		"throttled":                 {{getKEK, missing}, {createKEK, throttle}, {createKEK, aKEK(version1).bundle}},
		"failed before it was made": {{getKEK, missing}, {createKEK, answer(500, "")}, {getKEK, missing}, {createKEK, aKEK(version1).bundle}},
		"failed after it was made":  {{getKEK, missing}, {createKEK, answer(503, "")}, {getKEK, aKEK(version1).bundle}},
		"cut after it was made":     {{getKEK, missing}, {createKEK, cut}, {getKEK, aKEK(version1).bundle}},
		"limbo after a purge": {{getKEK, missing}, {createKEK, softDeleted}, {"GET /deletedkeys/kek", missing}, {getKEK, missing},
			{createKEK, aKEK(version1).bundle}},
	} {
		t.Run(name, func(t *testing.T) {
			client, _ := newScript(t, c...).client()
			if k, err := client.CreateKEK(context.Background(), "kek", 2048, soon); err != nil || k.ID.Version != version1 {
				t.Errorf("%+v, %v", k, err)
			}
		})
	}
}

var softDeleted = refusal(409, "Conflict", "ObjectIsDeletedButRecoverable", "Key kek is currently in a deleted but recoverable state, and its name cannot be reused; in this state, the key can only be recovered or purged.")

func TestCreateKEKRefused(t *testing.T) {
	lost := []step{{getKEK, missing}}
	for range 6 {
		lost = append(lost, step{createKEK, answer(500, "")}, step{getKEK, missing})
	}
	for name, c := range map[string]struct {
		steps      []step
		bits       int
		expires    time.Time
		code       exitcode.Code
		want, hint string
	}{
		"size":    {nil, 1024, soon, exitcode.Usage, "a KEK: RSA key of 1024 bits: expected 2048, 3072 or 4096", ""},
		"expired": {nil, 2048, noon, exitcode.Usage, "a KEK that expires on 2026-01-02T12:00:00Z could never be used", ""},
		"taken": {[]step{{getKEK, aKEK(version1).bundle}}, 2048, soon, exitcode.Refused,
			"https://HOST already has a key kek, and a KEK needs a new name", "give another --name, or none to have one generated"},
		"deleted": {[]step{{getKEK, missing}, {createKEK, softDeleted}, {"GET /deletedkeys/kek", answer(200, "{}")}}, 2048, soon, exitcode.Vault,
			"create KEK kek: a deleted key holds this name: Key kek is currently in a deleted but recoverable state, and its name cannot be reused; in this state, the key can only be recovered or purged (Conflict/ObjectIsDeletedButRecoverable, request req-1)", "--recover brings that key back; or choose another --name"},
		"standard": {[]step{{getKEK, missing}, {createKEK, refusal(400, "BadParameter", "", "Hardware key operation not allowed on standard vault.")}}, 2048, soon, exitcode.Vault,
			"create KEK kek: the vault is of the Standard tier and has no HSM: Hardware key operation not allowed on standard vault (BadParameter, request req-1)", "byok-online vault list shows Premium vaults and Managed HSMs"},
		"other ops": {[]step{{getKEK, missing}, {createKEK, aKEK(version1).with(func(k *fakeKey) { k.ops = []string{"import", "decrypt"} }).bundle}}, 2048, soon, exitcode.Check,
			`create KEK kek: the vault made a different key than requested: KEK-OPS: the key's operations are "import, decrypt"; import alone is required`, ""},
		"other size": {[]step{{getKEK, missing}, {createKEK, aKEK(version1).bundle}}, 4096, soon, exitcode.Check, "create KEK kek: the vault made it 2048 bits long", ""},
		"no expiry": {[]step{{getKEK, missing}, {createKEK, aKEK(version1).with(func(k *fakeKey) { k.attributes = nil }).bundle}}, 2048, soon, exitcode.Check,
			"create KEK kek: the vault did not set its expiry date", ""},
		"software": {[]step{{getKEK, missing}, {createKEK, aKEK(version1).with(func(k *fakeKey) { k.kty = "RSA" }).bundle}}, 2048, soon, exitcode.Check,
			`create KEK kek: the vault made a different key than requested: KEK-TYPE: the key's type is "RSA"; RSA-HSM is required`, ""},
		"never made": {lost, 2048, soon, exitcode.Vault, "create KEK kek: the service failed (HTTP 500, request req-1)", "run the same command again: it finds what was done"},
		"unknown": {[]step{{getKEK, missing}, {createKEK, answer(500, "")}, {getKEK, refusal(403, "Forbidden", "ForbiddenByFirewall", "")}}, 2048, soon, exitcode.Vault,
			"create KEK kek: the answer was lost, and it is unknown whether the vault did it: create KEK kek: the vault's firewall blocks this computer (Forbidden/ForbiddenByFirewall, request req-1)",
			"run the same command again: it finds what was done"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScript(t, c.steps...)
			client, _ := s.client()
			_, err := client.CreateKEK(context.Background(), "kek", c.bits, c.expires)
			check(t, err, c.code, s.host(), c.want, c.hint)
		})
	}
}

func TestCheckKEK(t *testing.T) {
	hash, _ := keykind.SPKIHash(public("RSA"))
	other, _ := keykind.SPKIHash(public("other RSA"))
	const again = "make a KEK (byok-online kek create), and package the key for it"
	const about = "the package's KEK https://HOST/keys/kek/" + version1 + ": "
	for name, c := range map[string]struct {
		reply func(http.ResponseWriter, *http.Request, []byte)
		spki  fingerprint.Sum
		code  exitcode.Code
		want  string
		hint  string
	}{
		"good":           {aKEK(version1).bundle, hash, 0, "", ""},
		"no hash to ask": {aKEK(version1).bundle, fingerprint.Sum{}, 0, "", ""},
		"gone": {missing, hash, exitcode.Check,
			"the package's KEK https://HOST/keys/kek/" + version1 + " is no longer in the vault: read key kek/" + version1 + ": the vault has no such key: A key with (name/id) was not found in this key vault (KeyNotFound, request req-1)", again},
		"exponent 3": {aKEK(version1).with(func(k *fakeKey) { k.public = cubed() }).bundle, hash, exitcode.Check,
			about + "KEK-EXPONENT: the public exponent is 3; 65537 is required", again},
		"disabled": {aKEK(version1).with(func(k *fakeKey) { k.attributes = map[string]any{"enabled": false} }).bundle, hash, exitcode.Check, about + "KEK-ENABLED: the key is disabled", again},
		"disabled, and not to be read": {refusal(403, "Forbidden", "KeyDisabled", "Operation get is not allowed on a disabled key."), hash, exitcode.Check,
			about + "read key kek/" + version1 + ": the key is disabled: Operation get is not allowed on a disabled key (Forbidden/KeyDisabled, request req-1)", "enable it in the vault, or " + again},
		"expired":    {aKEK(version1).with(func(k *fakeKey) { k.attributes = map[string]any{"exp": noon.Unix()} }).bundle, hash, exitcode.Check, about + "KEK-EXPIRY: the key expired at 2026-01-02T12:00:00Z, and now is 2026-01-02T12:00:00Z", again},
		"an EC key":  {aKEK(version1).with(func(k *fakeKey) { k.public, k.kty = public("P-256"), "EC-HSM" }).bundle, hash, exitcode.Check, about + `KEK-TYPE: the key's type is "EC-HSM"; RSA-HSM is required; KEK-EXPONENT: not checked: the key is not an RSA key`, again},
		"an AES key": {aKEK(version1).with(func(k *fakeKey) { k.public, k.kty = nil, "oct-HSM" }).bundle, hash, exitcode.Check, about + `KEK-TYPE: the key's type is "oct-HSM"; RSA-HSM is required; KEK-EXPONENT: not checked: the key is not an RSA key`, again},
		"more operations": {aKEK(version1).with(func(k *fakeKey) { k.ops = []string{"import", "unwrapKey"} }).bundle, hash, exitcode.Check,
			about + `KEK-OPS: the key's operations are "import, unwrapKey"; import alone is required`, again},
		"software": {aKEK(version1).with(func(k *fakeKey) { k.attributes = map[string]any{"hsmPlatform": "0"} }).bundle, hash, exitcode.Check, about + "KEK-TYPE: the vault keeps the key in software, not in an HSM", again},
		"another version": {aKEK(version2).bundle, hash, exitcode.Check,
			"read key kek/" + version1 + ": the vault answered with another version, https://HOST/keys/kek/" + version2, ""},
		"another key": {aKEK(version1).bundle, other, exitcode.Check, about + "its public key is not the one the package was made for (SPKI SHA-256 HASH, not OTHER)", again},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScript(t, step{"GET /keys/kek/" + version1, c.reply})
			client, _ := s.client()
			_, err := client.CheckKEK(context.Background(), kek.ID{Vault: s.server.URL, Name: "kek", Version: version1}, c.spki)
			if c.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			check(t, err, c.code, s.host(), replaceHashes(c.want, hash, other), c.hint)
		})
	}
	client, _ := newScript(t).client()
	_, err := client.CheckKEK(context.Background(), kek.ID{Vault: "https://other.vault.azure.net", Name: "kek", Version: version1}, hash)
	check(t, err, exitcode.Check, client.address.Host(), "the package is for a KEK of https://other.vault.azure.net, not of https://HOST", "--vault https://other.vault.azure.net")
}

func TestDeleteKEK(t *testing.T) {
	gone := answer(200, `{"key":{},"attributes":{},"deletedDate":1767355200,"scheduledPurgeDate":1775131200}`)
	for name, steps := range map[string][]step{
		"at once":                {{getKEK, aKEK(version1).bundle}, {"DELETE /keys/kek", gone}},
		"its answer lost":        {{getKEK, aKEK(version1).bundle}, {"DELETE /keys/kek", cut}, {getKEK, missing}},
		"failed, then throttled": {{getKEK, aKEK(version1).bundle}, {"DELETE /keys/kek", answer(500, "")}, {getKEK, aKEK(version1).bundle}, {"DELETE /keys/kek", throttle}, {"DELETE /keys/kek", gone}},
	} {
		t.Run(name, func(t *testing.T) {
			client, _ := newScript(t, steps...).client()
			d, err := client.DeleteKEK(context.Background(), "kek")
			if err != nil || d.Name != "kek" {
				t.Errorf("%+v, %v", d, err)
			}
			if name == "at once" && (!d.DeletedAt.Equal(noon) || d.PurgeAt.Before(noon)) {
				t.Errorf("%+v", d)
			}
		})
	}
	client, _ := newScript(t, step{getKEK, aKEK(version1).with(func(k *fakeKey) { k.ops = []string{"sign", "verify"} }).bundle}).client()
	_, err := client.DeleteKEK(context.Background(), "kek")
	check(t, err, exitcode.Refused, "", "key kek is not a KEK (its operations are sign, verify), so it was not deleted", "")
}

func TestRecover(t *testing.T) {
	const post = "POST /deletedkeys/kek/recover"
	for name, steps := range map[string][]step{
		"slowly":          {{post, answer(200, "{}")}, {getKEK, missing}, {getKEK, missing}, {getKEK, aKEK(version1).bundle}},
		"its answer lost": {{post, cut}, {getKEK, aKEK(version1).bundle}, {getKEK, aKEK(version1).bundle}},
	} {
		t.Run(name, func(t *testing.T) {
			client, _ := newScript(t, steps...).client()
			if err := client.Recover(context.Background(), "kek"); err != nil {
				t.Error(err)
			}
		})
	}
	never := []step{{post, answer(200, "{}")}}
	for range pauses() {
		never = append(never, step{getKEK, missing})
	}
	client, _ := newScript(t, never...).client()
	check(t, client.Recover(context.Background(), "kek"), exitcode.Vault, "", "recover key kek: the vault accepted it and is still busy", "run the same command again in a minute")
}

func TestAttestation(t *testing.T) {
	const path = "GET /keys/kek/" + version1 + "/attestation"
	attested := aKEK(version1).with(func(k *fakeKey) {
		k.attributes = map[string]any{"attestation": map[string]string{"certificatePemFile": "UEVN", "privateKeyAttestation": "cHJpdg", "publicKeyAttestation": "cHVi", "version": "MRVL-1"}}
	})
	client, _ := newScript(t, step{path, attested.bundle}).client()
	a, err := client.Attestation(context.Background(), "kek", version1)
	if err != nil || string(a.CertificatePEM) != "PEM" || string(a.PrivateKey) != "priv" || string(a.PublicKey) != "pub" || a.Version != "MRVL-1" {
		t.Errorf("%+v, %v", a, err)
	}
	for name, reply := range map[string]func(http.ResponseWriter, *http.Request, []byte){
		"no such operation": refusal(404, "", "", ""),
		"not supported":     refusal(400, "BadParameter", "", "Method GET does not allow operation 'attestation'"),
		"none in the key":   aKEK(version1).bundle,
	} {
		client, _ := newScript(t, step{path, reply}).client()
		_, err := client.Attestation(context.Background(), "kek", version1)
		check(t, err, exitcode.Vault, "", "read the attestation of key kek: this vault attests no keys", "")
		if !errors.Is(err, ErrNoAttestation) {
			t.Errorf("%s: not ErrNoAttestation: %v", name, err)
		}
	}
	client, _ = newScript(t, step{path, missing}).client()
	_, err = client.Attestation(context.Background(), "kek", version1)
	check(t, err, exitcode.Vault, "", "read the attestation of key kek: the vault has no such key: A key with (name/id) was not found in this key vault (KeyNotFound, request req-1)", "check the name and the vault; a new key takes some minutes to reach every region of a Managed HSM")
}

// cubed is a public key of exponent 3.
func cubed() crypto.PublicKey {
	pub := *public("RSA").(*rsa.PublicKey)
	pub.E = 3
	return &pub
}

// TestAttestationOfAnotherVersion: what is asked for is what is answered.
func TestAttestationOfAnotherVersion(t *testing.T) {
	s := newScript(t, step{"GET /keys/kek/" + version1 + "/attestation", aKEK(version2).bundle})
	client, _ := s.client()
	_, err := client.Attestation(context.Background(), "kek", version1)
	check(t, err, exitcode.Check, s.host(),
		"read the attestation of key kek: the vault answered with another version, https://HOST/keys/kek/"+version2, "")
}

// TestTestVaultsKEK: a test vault elsewhere gets no KEK, and none is made.
func TestTestVaultsKEK(t *testing.T) {
	address, err := endpoint.Parse("https://emulator.example:8443", endpoint.Allow{TestVault: true})
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(address, token("t"), Options{Clock: &fakeClock{now: noon}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.CreateKEK(context.Background(), "kek", 2048, soon)
	check(t, err, exitcode.Refused, "", "https://emulator.example:8443 is a test vault, and a test's KEK must be on this computer", "")
}
