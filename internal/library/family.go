package library

import (
	"os"
	"path"
	"slices"
	"strings"
)

// unknown is the family of a library whose name stands in no row of the table.
const unknown = "unknown"

// variable is an environment variable that steers a library.
type variable struct {
	name string // a final * stands for every name that begins with the rest
	file string // the file that its value names: the value itself (itself), this one in the folder named, or none
}

// itself is a variable's file where its value is the file's own path.
const itself = "."

// family is what the PKCS#11 libraries of one maker read from the machine
// they run on: whoever can change it can send the library elsewhere.
type family struct {
	name      string
	libraries []string // file names, as patterns of [path.Match]
	variables []variable
	// defaults are the files read where no variable names one, as patterns of
	// [filepath.Match]; ~/ is the home folder, and a relative path starts at the
	// working folder.
	defaults []string
	windows  []string // the defaults on Windows
}

// usual are the family's defaults on this system.
func (f family) usual() []string {
	if onWindows {
		return f.windows
	}
	return f.defaults
}

// families is the table, from the makers' documentation and sources. A library
// belongs to the first row that matches its name.
var families = []family{
	{
		name:      "SoftHSM",
		libraries: []string{"libsofthsm*.so*", "softhsm2*.dll", "libsofthsm2*.dll"},
		variables: []variable{{"SOFTHSM2_CONF", itself}},
		defaults:  []string{"~/.config/softhsm2/softhsm2.conf", "/etc/softhsm/softhsm2.conf", "/etc/softhsm2.conf"},
		windows:   []string{"~/softhsm2.conf", "softhsm2.conf"},
	},
	{
		name:      "Luna",
		libraries: []string{"libCryptoki2*.so*", "libcklog2*.so*", "cryptoki*.dll", "cklog*.dll"},
		variables: []variable{{"ChrystokiConfigurationPath", lunaFile}},
		defaults:  []string{"/etc/Chrystoki.conf"},
		windows:   []string{`C:\Program Files\SafeNet\LunaClient\` + lunaFile},
	},
	{
		name:      "nShield",
		libraries: []string{"libcknfast*.so*", "cknfast*.dll"},
		variables: []variable{{"NFAST_HOME", "cknfastrc"}, {"NFAST_*", ""}, {"CKNFAST_*", ""}},
		defaults:  []string{"/opt/nfast/cknfastrc"},
		windows:   []string{`C:\Program Files\nCipher\nfast\cknfastrc`},
	},
	{
		name:      "YubiHSM",
		libraries: []string{"yubihsm_pkcs11*.so*", "yubihsm_pkcs11*.dll"},
		variables: []variable{{"YUBIHSM_PKCS11_CONF", itself}, {"YUBIHSM_PKCS11_*", ""}},
		defaults:  []string{"yubihsm_pkcs11.conf", "/etc/yubihsm_pkcs11.conf"},
		windows:   []string{"yubihsm_pkcs11.conf"},
	},
	{
		name:      "AWS CloudHSM",
		libraries: []string{"libcloudhsm_pkcs11*.so*", "cloudhsm_pkcs11*.dll"},
		variables: []variable{{"CLOUDHSM_*", ""}},
		defaults:  []string{"/opt/cloudhsm/etc/cloudhsm-pkcs11.cfg"},
	},
	{
		name:      "Azure Cloud HSM",
		libraries: []string{"libazcloudhsm_pkcs11*.so*", "azcloudhsm_pkcs11*.dll"},
		defaults:  []string{"azcloudhsm_application.cfg"},
		windows:   []string{"azcloudhsm_application.cfg"},
	},
	{
		name:      "openCryptoki",
		libraries: []string{"libopencryptoki.so*", "PKCS11_API.so*"},
		variables: []variable{{"OPENCRYPTOKI_*", ""}, {"PKCS_APP_STORE", ""}, {"PKCS11_SHMEM_FILE", ""}},
		defaults:  []string{"/etc/opencryptoki/*.conf"},
	},
	{
		name:      "Utimaco R2",
		libraries: []string{"libcs_pkcs11_R2*.so*", "cs_pkcs11_R2*.dll"},
		variables: []variable{{"CS_PKCS11_R2_CFG", itself}},
		defaults:  []string{"/etc/utimaco/cs_pkcs11_R2.cfg"},
	},
	{
		name:      "Utimaco R3",
		libraries: []string{"libcs_pkcs11_R3*.so*", "cs_pkcs11_R3*.dll"},
		variables: []variable{{"CS_PKCS11_R3_CFG", itself}},
		defaults:  []string{"/etc/utimaco/cs_pkcs11_R3.cfg"},
	},
	{
		name:      "Securosys",
		libraries: []string{"libprimusP11*.so*", "primusP11*.dll"},
		variables: []variable{{"SECUROSYS_PKCS11_CONF", itself}, {"SECUROSYS_SECRETS_CONF", ""}},
		defaults:  []string{"/etc/primus/primus.cfg", "/usr/local/primus/etc/primus.cfg"},
	},
	{
		name:      "NetHSM",
		libraries: []string{"libnethsm_pkcs11*.so*", "nethsm-pkcs11*.so*", "nethsm*pkcs11*.dll"},
		variables: []variable{{"P11NETHSM_CONFIG_FILE", itself}},
		defaults: []string{
			"/etc/nitrokey/p11nethsm.conf",
			"/usr/local/etc/nitrokey/p11nethsm.conf",
			"~/.config/nitrokey/p11nethsm.conf",
		},
	},
	{
		name:      "Proteccio",
		libraries: []string{"libnethsm.so*"},
		defaults:  []string{"/etc/proteccio/proteccio.rc"},
	},
	{
		name:      "Kryoptic",
		libraries: []string{"libkryoptic_pkcs11*.so*"},
		variables: []variable{{"KRYOPTIC_CONF", itself}},
		defaults:  []string{"~/.config/kryoptic/token.conf"},
	},
	{
		name:      "TPM 2",
		libraries: []string{"libtpm2_pkcs11*.so*"},
		variables: []variable{{"TPM2_PKCS11_*", ""}},
	},
	{
		name:      "NSS",
		libraries: []string{"libsoftokn3*.so*", "softokn3*.dll"},
		variables: []variable{{"NSS_*", ""}},
	},
	{
		name:      "FreeHSM",
		libraries: []string{"libfreehsm*.so*"},
		variables: []variable{{"FHSM_CONF", itself}, {"FHSM_*", ""}},
		defaults:  []string{"/etc/freehsm/freehsm.conf"},
	},
	{
		name:      "OpenSC",
		libraries: []string{"opensc-pkcs11*.so*", "onepin-opensc-pkcs11*.so*", "*opensc-pkcs11*.dll"},
		variables: []variable{{"OPENSC_CONF", itself}, {"OPENSC_DEBUG", ""}},
		defaults:  []string{"/etc/opensc/opensc*.conf"},
	},
	{
		name:      "pkcs11-proxy",
		libraries: []string{"libpkcs11-proxy*.so*"},
		variables: []variable{{"PKCS11_PROXY_*", ""}},
	},
	{
		name:      "p11-kit",
		libraries: []string{"p11-kit-*.so*", "libp11-kit*.so*", "*p11-kit*.dll"},
		variables: []variable{{"P11_KIT_*", ""}},
		defaults: []string{
			"/etc/pkcs11/pkcs11.conf",
			"/etc/pkcs11/modules/*",
			"/usr/share/p11-kit/modules/*",
			"~/.config/pkcs11/pkcs11.conf",
			"~/.config/pkcs11/modules/*",
		},
	},
}

// withheld are names that a pattern of the table covers and that hold a PIN.
// No library needs them, and a value of theirs must not come into a file.
var withheld = []string{"CLOUDHSM_PIN"}

// Names returns the environment variables that steer the PKCS#11 libraries
// known here, each once. A name that ends in * stands for every name that
// begins with the rest; [Listed] applies the list.
func Names() []string {
	var names []string
	for _, f := range families {
		for _, v := range f.variables {
			if !slices.Contains(names, v.name) {
				names = append(names, v.name)
			}
		}
	}
	return names
}

// Listed reports whether an environment variable of this name is one of
// [Names]. A variable that is documented to hold a PIN never is.
func Listed(name string) bool {
	return !slices.Contains(withheld, folded(name)) && Matches(Names(), name)
}

// Needed reports whether a PKCS#11 library needs an environment variable of this
// name: one that is [Listed], or one of the system's own by which libraries find
// their configuration, such as HOME.
func Needed(name string) bool { return slices.Contains(systemVariables, folded(name)) || Listed(name) }

// Environ returns the variables of this process that are [Needed], as "name=value".
func Environ() []string {
	return slices.DeleteFunc(os.Environ(), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return !Needed(name)
	})
}

// Matches reports whether the name of an environment variable, as the system compares
// it, is one of the patterns or, where a pattern ends in *, begins with the rest of it.
func Matches(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool { return matches(pattern, name) })
}

func matches(pattern, name string) bool {
	pattern, name = folded(pattern), folded(name)
	prefix, open := strings.CutSuffix(pattern, "*")
	return name == pattern || open && strings.HasPrefix(name, prefix)
}

// familyOf returns the first family that one of a library's names belongs to.
// Of a library that is in no row, every variable of the table is recorded: one
// of them may steer it.
func familyOf(names []string) family {
	for _, f := range families {
		if anyMatch(f.libraries, names) {
			return f
		}
	}
	all := family{name: unknown}
	for _, f := range families {
		all.variables = append(all.variables, f.variables...)
	}
	return all
}

// anyMatch reports whether a name matches a pattern of [path.Match].
func anyMatch(patterns, names []string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		return slices.ContainsFunc(names, func(name string) bool {
			matched, err := path.Match(folded(pattern), folded(name))
			return err == nil && matched
		})
	})
}
