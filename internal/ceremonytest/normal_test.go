//go:build linux

package ceremonytest

import (
	"regexp"
	"strings"
)

// normal puts names in the place of what is different in every run. The
// width of a table's columns depends on it, so blanks at the end of a cell do too.
func (s *stage) normal(text string, names ...string) string {
	text = strings.ReplaceAll(text, s.dir, "$WORK")
	for i := 0; i+1 < len(names); i += 2 {
		if names[i] != "" {
			text = strings.ReplaceAll(text, names[i], names[i+1])
		}
	}
	for _, r := range replacements() {
		text = r.pattern.ReplaceAllString(text, r.name)
	}
	return text
}

type replacement struct {
	pattern *regexp.Regexp
	name    string
}

func replacements() []replacement {
	r := func(pattern, name string) replacement { return replacement{regexp.MustCompile(pattern), name} }
	return []replacement{
		// Whether these tests run on a connected computer; wrapped on a terminal.
		r(`(?m)^byok-offline:\s+warning:\s+network\s+interfaces\s+that\s+are\s+up:[^;]*;\s+the\s+disconnected\s+workstation\s+has\s+none\r?\n`, ""),
		r(`(network interfaces: )(none is up|up: .*)`, "${1}SEEN"),
		r(`HSM:[0-9A-F]{20,}:PARTN`, "HSM:SERIAL:PARTN"),
		r(`(localhost|otherhost):[0-9]+`, "$1:PORT"),
		r(`(127\.0\.0\.1|\[::1\]):[0-9]{2,}`, "${1}:PORT"),
		r(`\brequest [0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`, "request UUID"),
		r(`\b[0-9a-f]{64}\b`, "HASH"),
		r(`([0-9a-f]{8} ){7}[0-9a-f]{8}`, "HASH"),
		r(`(?m)^([0-9a-f]{8} ){3}[0-9a-f]{8}\r?\n([0-9a-f]{8} ){3}[0-9a-f]{8}`, "HASH in two rows"),
		r(`(owner said it, first 8 words or hex: )([A-Za-z-]+\s){7}[A-Za-z-]+`, "${1}WORDS"),
		r(`(Olga said: )([A-Za-z-]+ ){7}[A-Za-z-]+`, "${1}WORDS"),
		r(`([0-9a-f]{8} ){3}[0-9a-f]{8}`, "HALF"),
		r(`row [1-8], (first|second|third|fourth) column`, "row ROW, COLUMN column"),
		r(`(column, as [a-z' ]+: )[A-Za-z-]+`, "${1}WORD"),
		r(`\bbyok-anchor-([0-9]{6})-HASH`, "byok-anchor-$1"),
		r(`\b[0-9a-f]{32}\b`, "VERSION"),
		r(`\b[0-9a-f]{16}\b`, "SERIAL"),
		r(`(?m)\S+@\S+$`, "OPERATOR"),
		r(`hknso [0-9a-f]{8}, not [0-9a-f]{8}`, "hknso WORLD, not WORLD"),
		r(`(configuration file|PKCS#11 library) \S+: .*; only a rehearsal accepts that`,
			"$1 FILE: REASON; only a rehearsal accepts that"),
		r(`(write down: [0-9]+,|list of [0-9]+:|hknso is now|  SHA-256|public key, SHA-256|[0-9]\. key .*,)( [A-Za-z-]+){4,8}`,
			"$1 WORDS"),
		r(`(?m)^(\S+: +)([A-Za-z-]+ ){7}[A-Za-z-]+;`, "${1}WORDS;"),
		r(`(typing its first word: )[A-Za-z-]+`, "${1}WORD"),
		r(`(byok-offline |built as released +yes +)[0-9]+\.[0-9]+\.[0-9]+[^\s,]*`, "${1}RELEASE"),
		r(`  20[0-9]{2}-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9] (.*) by \S+@\S+:`, "  TIME $1 by OPERATOR:"),
		r(`\b20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]Z`, "TIME"),
		r(`\b20[0-9]{6}T[0-9]{6}Z`, "STAMP"),
		r(`(?m)^( *|.*\S  +)([1-8])( +[A-Za-z]+){4}$`, "${1}${2}  WORDS"),
		r(`(last statement +[0-9]+\n +)([A-Za-z-]+\s+){7}[A-Za-z-]+`, "${1}WORDS"),
		r(`(?m)^( +)([A-Za-z-]+ ){7}[A-Za-z-]+$`, "${1}WORDS"),
		r(`\bslot [0-9]+`, "slot N"),
		r(`\bhandle [0-9]+`, "handle N"),
		r(`\bon [0-9]+ of [0-9]+ threads`, "on N of N threads"),
		r(`\bprocess [0-9]+`, "process N"),
	}
}
