package kmdata_test

import (
	"os"
	"path/filepath"
	"testing"

	"byok/internal/kmdata"
)

// TestNewest: the files that people call by their names alone.
func TestNewest(t *testing.T) {
	dir := t.TempDir()
	if found := kmdata.Newest(dir, "world"); found != "" {
		t.Errorf("in no kmdata: %s", found)
	}
	check(t, os.Mkdir(kmdata.Local(dir), 0o700))
	for _, name := range []string{
		"world", "world.sig", "key_simple_k", "key_simple_k.sig", "key_simple_k-2", "key_xferacld_k_000004-0", "key_xferacld_k_000004-0.sig",
		"key_xferacld_k_000012-0", "key_xferacld_k_000012-0.sig", "key_xferacld_k-2_000013-0",
	} {
		check(t, os.WriteFile(filepath.Join(kmdata.Local(dir), name), nil, 0o600))
	}
	for name, want := range map[string]string{
		"world":                   "world",
		"key_simple_k":            "key_simple_k",
		"key_xferacld_k":          "key_xferacld_k_000012-0",
		"key_xferacld_k-2":        "key_xferacld_k-2_000013-0",
		"key_xferacld_k_000004-0": "key_xferacld_k_000004-0",
		"key_xferacld_":           "",
		"key_simple":              "",
		"key_xferacld_other":      "",
	} {
		if want != "" {
			want = filepath.Join(kmdata.Local(dir), want)
		}
		if found := kmdata.Newest(dir, name); found != want {
			t.Errorf("%s: %q, want %q", name, found, want)
		}
	}
}
