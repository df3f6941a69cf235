//go:build !windows

package confine

import (
	"slices"
	"strings"
	"testing"

	"byok/internal/library"
)

func TestEnvironment(t *testing.T) {
	const ours = "GLIBC_TUNABLES=glibc.malloc.perturb=165:glibc.malloc.tcache_count=0"
	for _, test := range []struct {
		name          string
		environ, want string // words
		dropped       string
	}{
		{"nothing", "", ours, ""},
		{"kept", "PATH=/bin BYOK_X=/k LC_ALL=C=D EMPTY= TZ=", "PATH=/bin BYOK_X=/k LC_ALL=C=D TZ= " + ours, ""},
		{"only the name in full", "PATHS=x HOM=x SOFTHSM2_CONF2=x XBYOK_=x path=x", ours, ""},
		{"a prefix", "CKNFAST_DEBUG=1 CKNFAST=1 P11_KIT_STRICT=yes", "CKNFAST_DEBUG=1 P11_KIT_STRICT=yes " + ours, ""},
		{"no names", "=x BYOK_X", ours, ""},
		{"a PIN", "CLOUDHSM_PIN=x CLOUDHSM_HOME=/h", "CLOUDHSM_HOME=/h " + ours, ""},
		{"the linker's", "LD_PRELOAD=/x.so HOME=/h LD_AUDIT=", "HOME=/h " + ours, "LD_PRELOAD LD_AUDIT"},
		{"tunables of one's own", ours + ":glibc.malloc.check=3", ours, "GLIBC_TUNABLES"},
		{"ours already", ours + " HOME=/h", "HOME=/h " + ours, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			environ, want := strings.Fields(test.environ), strings.Fields(test.want)
			got := Environment(environ)
			if !slices.Equal(got, want) {
				t.Errorf("\n got %q\nwant %q", got, want)
			}
			if again := Environment(got); !slices.Equal(again, got) {
				t.Errorf("a second time\n got %q\nwant %q", again, got)
			}
			if dropped := strings.Join(Dropped(environ), " "); dropped != test.dropped {
				t.Errorf("dropped %q, want %q", dropped, test.dropped)
			}
		})
	}
}

// TestNothingSteersTheLinker holds the table of PKCS#11 libraries, too, to
// letting through nothing that steers the linker, the C library or Go.
func TestNothingSteersTheLinker(t *testing.T) {
	for _, pattern := range append(library.Names(), ownVariables()...) {
		name := strings.TrimSuffix(pattern, "*")
		if len(name) < 2 || library.Matches(loaderVariables(), name) || strings.HasPrefix(name, "GO") {
			t.Errorf("%s is passed on", pattern)
		}
	}
}
