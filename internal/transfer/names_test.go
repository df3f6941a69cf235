package transfer

import (
	"strings"
	"testing"

	"byok/internal/kek"
)

func TestNames(t *testing.T) {
	want := FileNames{
		Blob:       "KeyTransferPackage-ContosoFirstHSMkey.byok",
		Manifest:   "KeyTransferPackage-ContosoFirstHSMkey.manifest.json",
		Signature:  "KeyTransferPackage-ContosoFirstHSMkey.manifest.sig",
		Possession: "KeyTransferPackage-ContosoFirstHSMkey.pop.sig",
	}
	names, err := Names("ContosoFirstHSMkey")
	if err != nil || names != want {
		t.Errorf("%+v, %v", names, err)
	}
	if _, err := Names(strings.Repeat("a", 127)); err != nil {
		t.Error(err)
	}
	names, err = NamesFor("/media/usb/vendor.v2.byok")
	if err != nil || names.Manifest != "/media/usb/vendor.v2.manifest.json" || names.Blob != "/media/usb/vendor.v2.byok" {
		t.Errorf("%+v, %v", names, err)
	}
}

func TestNamesRefuse(t *testing.T) {
	for friendly, want := range map[string]string{
		"":                       `key name "": 1 to 127 digits, letters and dashes are allowed`,
		"a_b":                    `key name "a_b": 1 to 127 digits, letters and dashes are allowed`,
		"../a":                   `key name "../a": 1 to 127 digits, letters and dashes are allowed`,
		"Schlüssel":              `key name "Schlüssel": 1 to 127 digits, letters and dashes are allowed`,
		"a\n":                    `key name "a\n": 1 to 127 digits, letters and dashes are allowed`,
		strings.Repeat("a", 128): `key name "` + strings.Repeat("a", 128) + `": 1 to 127 digits, letters and dashes are allowed`,
		strings.Repeat("a", 999): `key name "` + strings.Repeat("a", 200) + `": 1 to 127 digits, letters and dashes are allowed`,
	} {
		_, err := Names(friendly)
		refused(t, friendly, err, want)
		refused(t, friendly, kek.CheckName(friendly), want)
	}
	for _, path := range []string{"", ".byok", "usb/.byok", "key.BYOK", "key.byok.txt", "key.manifest.json"} {
		_, err := NamesFor(path)
		refused(t, path, err, path+": the name of a transfer package ends in .byok")
	}
}
