package transfer_test

import (
	"strings"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/kek"
	"byok/internal/transfer"
)

func TestNames(t *testing.T) {
	n := must(transfer.Names("ContosoFirstHSMkey"))(t)
	const stem = "KeyTransferPackage-ContosoFirstHSMkey"
	for want, got := range map[string]string{
		stem + ".byok":                          n.Blob,
		stem + ".manifest.json":                 n.Manifest,
		stem + ".authorization.json":            n.Authorization,
		stem + ".pop.sig":                       n.Possession,
		stem + ".world.json":                    n.World,
		stem + ".module.json":                   n.Module,
		stem + ".cards-2.json":                  n.Cards(2),
		"/media/usb/" + stem + ".byok":          n.In("/media/usb").Blob,
		"/media/usb/" + stem + ".cards-12.json": n.In("/media/usb").Cards(12),
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	must(transfer.Names(strings.Repeat("a", 127)))(t)
	n = must(transfer.NamesFor("/media/usb/vendor.v2.byok"))(t)
	if n.Manifest != "/media/usb/vendor.v2.manifest.json" || n.Blob != "/media/usb/vendor.v2.byok" {
		t.Errorf("%+v", n)
	}
}

func TestNamesRefuse(t *testing.T) {
	const rule = ": 1 to 127 digits, letters and dashes are allowed"
	for name, want := range map[string]string{
		"":                       `key name ""` + rule,
		"a_b":                    `key name "a_b"` + rule,
		"../a":                   `key name "../a"` + rule,
		"Schlüssel":              `key name "Schlüssel"` + rule,
		"a\n":                    `key name "a\n"` + rule,
		strings.Repeat("a", 128): `key name "` + strings.Repeat("a", 128) + `"` + rule,
		strings.Repeat("a", 999): `key name "` + strings.Repeat("a", 200) + `"` + rule,
	} {
		_, err := transfer.Names(name)
		refused(t, name, err, want)
		status(t, name, err, exitcode.Usage)
		refused(t, name, kek.CheckName(name), want)
	}
	for _, path := range []string{"", ".byok", "usb/.byok", "usb/.BYOK", "byok", "key.byok.txt", "key.manifest.json"} {
		_, err := transfer.NamesFor(path)
		refused(t, path, err, path+": the name of a transfer package ends in .byok")
		_, err = transfer.ReadPackage(path)
		status(t, path, err, exitcode.Usage)
	}
}

// TestNamesInCapitals: a package whose name was put into capitals is read where
// it is, with its companions.
func TestNamesInCapitals(t *testing.T) {
	for _, path := range []string{"usb/Key.BYOK", "usb/Key.Byok", "usb/Key.byok"} {
		n := must(transfer.NamesFor(path))(t)
		if n.Blob != path || n.Manifest != "usb/Key.manifest.json" || n.Possession != "usb/Key.pop.sig" {
			t.Errorf("%s: %+v", path, n)
		}
	}
}
