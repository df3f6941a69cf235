package dryrun

import (
	"strings"
	"testing"

	"byok/internal/fingerprint"
)

func TestMarks(t *testing.T) {
	p := parsed(t, "vaults: [v]}", "vaults: [v], expires: 2127-01-01}")
	p.HSM.Library = "/usr/lib/softhsm/libsofthsm2.so"
	m := newMarks(p, scratch{dir: "/tmp/byok-dry-run-1"})
	sum := fingerprint.Of(nil)
	rows := strings.Join(sum.Rows(), "\n") + "\n"
	half := strings.Replace(sum.Groups(), " 27ae41e4", "\n27ae41e4", 1)
	for _, c := range []struct{ name, text, want string }{
		{"folder", "in /tmp/byok-dry-run-1/disconnected/kmdata", "in «scratch»/disconnected/kmdata"},
		{"library", "(/usr/lib/softhsm/libsofthsm2.so)", "(«library»)"},
		{"port", "https://localhost:41801/keys", "https://localhost:«port»/keys"},
		{"time", "until 2026-11-29T04:49:57Z", "until «time»"},
		{"a day of the plan", "expires 2127-01-01T00:00:00Z", "expires 2127-01-01T00:00:00Z"},
		{"time of a file", "proof-20261126T045005Z.json", "proof-«time».json"},
		{"minute and account", "  2026-11-26 04:50 acl modify by root@vm: SUCCESS", "  «time» acl modify by «account»: SUCCESS"},
		{"hex", sum.String(), "«sha256»"},
		{"groups", "hknso  " + sum.Groups(), "hknso  «sha256»"},
		{"two rows", half, "«sha256»"},
		{"rows of words", rows, "«words»\n"},
		{"rows of a table", "SHA-256  " + strings.ReplaceAll(rows, "\n", "\n         "), "SHA-256  «words»\n         "},
		{"words in a line", "write down: 2, " + sum.FirstWords(8), "write down: 2, «words»"},
		{"three words", sum.FirstWords(3), sum.FirstWords(3)},
		{"key version", "keys/K/19815ef3429d2781359d4dfb193c8999", "keys/K/«id»"},
		{"serial", "serial 64ab3f77ae5a7841)", "serial «serial»)"},
		{"partition", "HSM:C76266BD42E4622E19AD2C8C6BC87C:PARTN:1", "HSM:«serial»:PARTN:1"},
		{"request", "request 01234567-89ab-cdef-0123-456789abcdef", "request «id»"},
		{"subscription", "5f1b1f9e-7a54-4a40-b1ad-1b0d5e5b8f10", "5f1b1f9e-7a54-4a40-b1ad-1b0d5e5b8f10"},
		{"threads", "on 5 of 5 threads", "on «number» of «number» threads"},
		{"limit", "limit 8388608 bytes", "limit «number» bytes"},
		{"no limit", "limit 0 bytes", "limit 0 bytes"},
		{"release", "built as released      yes  0.2.0-dev", "built as released      yes  «version»"},
		{"reason", "configuration file x: /tmp can be written by everyone; only a rehearsal accepts that",
			"configuration file x: «reason»; only a rehearsal accepts that"},
		{"network", "byok-offline: warning: a\nbyok-offline: warning: network interfaces that are up: eth0; the disconnected workstation " +
			"has none\nbyok-offline: error: b\n", "byok-offline: warning: a\nbyok-offline: error: b\n"},
		{"network that is not seen", "byok-offline: warning: whether this workstation is disconnected cannot be seen (x); y\n", ""},
		{"plain", "Result: SUCCESS", "Result: SUCCESS"},
	} {
		if got := m.of(c.text); got != c.want {
			t.Errorf("%s: %q", c.name, got)
		}
	}
}

func TestWrapped(t *testing.T) {
	long := "byok-offline world create --label contoso --card " + strings.Repeat("x", 40) + " --holder Ada"
	want := "byok-offline world create --label contoso \\\n    --card " + strings.Repeat("x", 40) + " --holder Ada"
	if got := wrapped(long); got != want {
		t.Errorf("%q", got)
	}
	if got := wrapped("sha256sum x"); got != "sha256sum x" {
		t.Errorf("%q", got)
	}
	if got := quoted([]string{"world", "--holder", "Ada Adler"}); got != "world --holder 'Ada Adler'" {
		t.Errorf("%q", got)
	}
}
