package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// held counts the versions of keys in vaults.
type held struct {
	stick
	names   []string
	clients []*http.Client // of each vault
}

// versions is how many versions of a key a vault has.
func (h held) versions(t *testing.T, vault int, name string) int {
	t.Helper()
	open := h.vaults[vault].Open
	token, err := open.Credential().GetToken(t.Context(), policy.TokenRequestOptions{})
	if err != nil {
		t.Fatal(err)
	}
	url := open.URL + "/keys/" + name + "/versions?api-version=7.6"
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token.Token)
	answer, err := h.clients[vault].Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var list struct{ Value []any }
	if err := json.NewDecoder(answer.Body).Decode(&list); err != nil {
		t.Fatal(err)
	}
	return len(list.Value)
}

// count is how many versions there are in all.
func (h held) count(t *testing.T) (n int) {
	t.Helper()
	for vault := range h.vaults {
		for _, name := range h.names {
			n += h.versions(t, vault, name)
		}
	}
	return n
}

// run runs the program and kills it once the vaults have another key; it reports
// whether the program came to its end before.
func (h held) run(t *testing.T, line []string) bool {
	t.Helper()
	before := h.count(t)
	cmd := exec.CommandContext(t.Context(), "byok-online", line...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case err := <-ended:
			if err != nil {
				t.Fatal(err)
			}
			return true
		case <-time.After(5 * time.Millisecond):
			if h.count(t) > before {
				_ = cmd.Process.Kill()
				return <-ended == nil
			}
		}
	}
}

// TestKilledUpload kills an upload to three vaults whenever another key is in one of
// them, until it comes to its end: each key is there once, in the vault that it was
// approved for.
func TestKilledUpload(t *testing.T) {
	h := held{stick: newStick(t, 3), names: []string{"payroll", "signing"}}
	for n := range 12 {
		h.names = append(h.names, fmt.Sprintf("key-%d", n))
	}
	for i, v := range h.vaults {
		for _, name := range h.names[2:] {
			if _, err := v.Pack(filepath.Join(h.dir, string(rune('a'+i))), name, "P-256"); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := v.Open.SetFaults(t.Context(), "slow=200ms,on=import,times=always"); err != nil {
			t.Fatal(err)
		}
		h.clients = append(h.clients, v.Open.HTTP())
	}
	line := append(h.upload(h.rehearsals(0, 1, 2)...), "--rate", "0", "--kmdata", t.TempDir(), "--config", t.TempDir())
	kills := 0
	for !h.run(t, line) {
		kills++
	}
	for vault := range h.vaults {
		for _, name := range h.names {
			if n := h.versions(t, vault, name); n != 1 {
				t.Errorf("%s in %s: %d versions", name, h.vaults[vault].Open.URL, n)
			}
		}
	}
	if kills == 0 {
		t.Error("it was never killed")
	}
	t.Logf("%d kills, %d keys", kills, h.count(t))
}
