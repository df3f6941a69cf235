package onlineview

import (
	"bytes"
	"testing"
)

// TestVaults prints the files of several vaults by their paths, and sums up each
// vault.
func TestVaults(t *testing.T) {
	v := Upload{
		Failed:  []FailedFile{{File: "usb/a/x.byok", Status: 5, Error: "refused"}},
		NotSent: []string{"usb/b/x.byok"},
		Vaults: []VaultUpload{
			{Vault: "https://a.vault.azure.net", Failed: 1},
			{Vault: "https://b.vault.azure.net", NotSent: 1, Error: "refused"},
		},
	}
	const want = `FILE          RESULT            KEY
usb/a/x.byok  failed, status 5
usb/b/x.byok  not sent
VAULT                      UPLOADED  THERE  FAILED  NOT SENT
https://a.vault.azure.net  0         0      1       0
https://b.vault.azure.net  0         0      0       1
0 uploaded, 0 already there, 1 failed, 1 not sent
`
	var got bytes.Buffer
	if err := v.Print(&got); err != nil || got.String() != want {
		t.Errorf("%v\n%s\nwant\n%s", err, got.String(), want)
	}
	for room := range 3 {
		if err := v.Print(&full{room: room}); err == nil {
			t.Errorf("%d writes of three are enough", room)
		}
	}
}
