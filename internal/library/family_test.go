package library

import (
	"path"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// TestFamilyOf takes the names under which the makers ship their libraries.
func TestFamilyOf(t *testing.T) {
	for name, want := range map[string]string{
		"libsofthsm2.so":             "SoftHSM",
		"libCryptoki2_64.so":         "Luna",
		"libcklog2.so":               "Luna",
		"libcknfast.so":              "nShield",
		"libcknfast-64.so":           "nShield",
		"yubihsm_pkcs11.so":          "YubiHSM",
		"libcloudhsm_pkcs11.so":      "AWS CloudHSM",
		"libazcloudhsm_pkcs11.so":    "Azure Cloud HSM",
		"libopencryptoki.so.0":       "openCryptoki",
		"PKCS11_API.so":              "openCryptoki",
		"libcs_pkcs11_R2.so":         "Utimaco R2",
		"libcs_pkcs11_R3.so":         "Utimaco R3",
		"libprimusP11.so":            "Securosys",
		"libnethsm_pkcs11.so":        "NetHSM",
		"libnethsm.so":               "Proteccio",
		"libkryoptic_pkcs11.so":      "Kryoptic",
		"libtpm2_pkcs11.so.1":        "TPM 2",
		"libfreehsm.so":              "FreeHSM",
		"libsoftokn3.so":             "NSS",
		"opensc-pkcs11.so":           "OpenSC",
		"libpkcs11-proxy.so.0":       "pkcs11-proxy",
		"p11-kit-proxy.so":           "p11-kit",
		"libp11-kit.so.0.3.0":        "p11-kit",
		"pkcs11-spy.so":              "unknown",
		"vendor.so":                  "unknown",
		"libsofthsm2.conf":           "unknown",
		"notlibsofthsm2.so.disabled": "unknown",
	} {
		if got := familyOf([]string{"x", name}).name; got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

func TestFamilies(t *testing.T) {
	var names []string
	for _, f := range families {
		if slices.Contains(names, f.name) || f.name == "" || f.name == unknown || len(f.libraries) == 0 {
			t.Errorf("%+v: a name of its own, and library names", f)
		}
		names = append(names, f.name)
		for _, pattern := range f.libraries {
			if _, err := path.Match(pattern, ""); err != nil {
				t.Errorf("%s: %s: %v", f.name, pattern, err)
			}
		}
		for _, pattern := range f.defaults {
			if strings.Contains(path.Dir(pattern), "*") {
				t.Errorf("%s: %s: only the last element is a pattern", f.name, pattern)
			}
		}
	}
}

func TestUnknownRecordsEveryVariable(t *testing.T) {
	clean(t)
	t.Setenv("SOFTHSM2_CONF", "/a")
	t.Setenv("CKNFAST_LOADSHARING", "1")
	t.Setenv("CLOUDHSM_PIN", "user:password")
	got := set(familyOf([]string{"vendor.so"}).variables)
	if want := []Variable{{"CKNFAST_LOADSHARING", "1"}, {"SOFTHSM2_CONF", "/a"}}; !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
}

func TestListed(t *testing.T) {
	for name, want := range map[string]bool{
		"SOFTHSM2_CONF": true, "SOFTHSM2_CONF2": false, "softhsm2_conf": false,
		"CKNFAST_": true, "CKNFAST_DEBUG": true, "CKNFAST": false, "NFAST_HOME": true,
		"CLOUDHSM_ROLE": true, "CLOUDHSM_PIN": false, "PKCS11SPY": false,
		"LD_PRELOAD": false, "HOME": false, "": false, "*": false,
	} {
		if Listed(name) != want {
			t.Errorf("%s: %t", name, !want)
		}
	}
	names := Names()
	if slices.Sort(names); len(slices.Compact(slices.Clone(names))) != len(names) || len(names) < 20 {
		t.Errorf("%q", names)
	}
}

func TestEnviron(t *testing.T) {
	clean(t)
	t.Setenv("SOFTHSM2_CONF", "/a=b")
	t.Setenv("HOME", "/h")
	for _, name := range []string{"LD_PRELOAD", "CLOUDHSM_PIN", "PKCS11SPY"} {
		t.Setenv(name, "")
	}
	got := Environ()
	slices.Sort(got)
	if want := []string{"HOME=/h", "SOFTHSM2_CONF=/a=b"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}
