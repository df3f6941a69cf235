package upload

import (
	"context"
	"testing"

	"byok/internal/azure"
	"byok/internal/exitcode"
	"byok/internal/proof"
	"byok/internal/vault"
)

// Key is the current version of a name: none, unless the row says otherwise.
func (f *fakeVault) Key(_ context.Context, name, _ string) (vault.Key, error) {
	f.call("key %s", name)
	if f.current == nil {
		return vault.Key{}, refusal(404)
	}
	return f.current(name)
}

func (*fakeVault) ProveTo(context.Context, vault.Key, vault.Expected, []byte) (proof.Proof, error) {
	return proof.Proof{}, &azure.Error{Text: "not asked here"}
}

// TestAnotherKeysName: a package whose name is another key's is left out before
// the person is asked, and the others go up. One that no quorum approved is not
// compared.
func TestAnotherKeysName(t *testing.T) {
	taken := func(name string) (vault.Key, error) {
		if name == "two" {
			return vault.Key{ID: keyID(name), Tags: map[string]string{vault.TagBlob: "another"}}, nil
		}
		return vault.Key{}, refusal(404)
	}
	v, p := &fakeVault{current: taken}, &person{}
	b := batchOf("one", "two")
	if err := newUploader(t, v, p).Upload(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if got := v.called("import"); got != "one" {
		t.Errorf("imported %s", got)
	}
	want := "the vault holds another key as https://contoso.vault.azure.net/keys/two/00112233445566778899aabbccddeeff, and " +
		"the quorum did not approve this one to follow it"
	if err := b.items[1].Err; exitcode.Of(err) != exitcode.Refused || err.Error() != want {
		t.Errorf("%v", err)
	}
	foreign := &Item{request: vault.Import{Name: "two"}}
	if err := (&lane{vault: v}).mayFollow(t.Context(), foreign); err != nil {
		t.Errorf("another vendor's: %v", err)
	}
}

// TestRecoveredKeysName: a deleted key that comes back is compared then.
func TestRecoveredKeysName(t *testing.T) {
	v := &fakeVault{
		deleted: func(string) (bool, error) { return true, nil },
		current: func(name string) (vault.Key, error) { return vault.Key{ID: keyID(name)}, nil },
	}
	b := batchOf("one")
	b.items[0].mayRecover = true
	if err := newUploader(t, v, &person{}).Upload(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if v.called("recover") != "one" || v.called("import") != "" || exitcode.Of(b.items[0].Err) != exitcode.Refused {
		t.Errorf("%v, %v", v.calls, b.items[0].Err)
	}
}

// TestVaultFailsAtTheName: a vault that does not answer ends the upload.
func TestVaultFailsAtTheName(t *testing.T) {
	v := &fakeVault{current: func(string) (vault.Key, error) { return vault.Key{}, refusal(500) }}
	b := batchOf("one")
	expect(t, "a vault that fails", newUploader(t, v, &person{}).Upload(t.Context(), b), exitcode.Vault, "refused (HTTP 500)")
}

// TestUnreadName: a version that may not be read is taken for the package's own
// where its tag says so.
func TestUnreadName(t *testing.T) {
	unread := func(string) (vault.Key, error) { return vault.Key{}, refusal(403) }
	for _, own := range []bool{true, false} {
		v := &fakeVault{current: unread}
		v.held = func(i vault.Import) (vault.Imported, bool, error) {
			return vault.Imported{Unread: true}, own && !i.ForceNewVersion, nil
		}
		b := batchOf("one")
		b.items[0].request.ForceNewVersion = true
		if err := newUploader(t, v, &person{}).Upload(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		if sent := v.called("import") == "one"; sent != own {
			t.Errorf("own %t: sent %t, %v", own, sent, b.items[0].Err)
		}
	}
}
