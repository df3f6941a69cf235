package dryrun

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"byok/internal/fingerprint"
	"byok/internal/plan"
)

// marks put marks in the place of what differs in every run.
type marks struct {
	fixed *strings.Replacer // paths of this computer
	days  []string          // times that the plan has, which stay
}

func newMarks(p *plan.Plan, s scratch) marks {
	var paths []string
	for _, is := range []struct{ path, mark string }{{s.dir, "«scratch»"}, {p.HSM.Library, "«library»"}} {
		paths = append(paths, is.path, is.mark)
		if resolved, err := filepath.EvalSymlinks(is.path); err == nil {
			paths = append(paths, resolved, is.mark)
		}
	}
	m := marks{fixed: strings.NewReplacer(paths...)}
	for _, k := range p.Keys {
		for _, day := range []plan.Day{k.NotBefore, k.Expires} {
			m.days = append(m.days, string(day)+"T00:00:00Z")
		}
	}
	return m
}

// of is a text with its marks.
func (m marks) of(text string) string {
	text = m.fixed.Replace(text)
	text = moment.ReplaceAllStringFunc(text, func(found string) string {
		if slices.Contains(m.days, found) {
			return found
		}
		return "«time»"
	})
	for _, d := range differing() {
		text = d.pattern.ReplaceAllString(text, d.mark)
	}
	return text
}

var moment = regexp.MustCompile(`\b20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]Z`)

// word is a pattern for a word of the list by which hashes are read aloud.
func word() string {
	var words []string
	for b := range 256 {
		words = append(words, fingerprint.Sum{byte(b), byte(b)}.Words()[:2]...)
	}
	return `(?:` + strings.Join(words, "|") + `)`
}

// differing is what differs in every run, in the order in which it is looked for.
var differing = sync.OnceValue(func() []struct {
	pattern *regexp.Regexp
	mark    string
} {
	var list []struct {
		pattern *regexp.Regexp
		mark    string
	}
	for _, d := range []struct{ pattern, mark string }{
		// A hash in eight numbered rows of words, in two rows of hex, in words, in hex.
		{`(?m)^( *|.*\S  +)1  +` + word() + `(?: +` + word() + `){3}\n(?: *[2-8](?:  ?\S+ *){4}\n){7}`, "${1}«words»\n"},
		{`(?m)^(?:[0-9a-f]{8} ){3}[0-9a-f]{8}\n(?:[0-9a-f]{8} ){3}[0-9a-f]{8}$`, "«sha256»"},
		{`\b` + word() + `(?: ` + word() + `){3,}\b`, "«words»"},
		{`\b(?:[0-9a-f]{8} ){7}[0-9a-f]{8}\b`, "«sha256»"},
		{`\b[0-9a-f]{64}\b`, "«sha256»"},
		// Names that modules, vaults and operating systems draw.
		{`\b[0-9a-f]{32}\b`, "«id»"},
		{`\b[0-9a-f]{16}\b`, "«serial»"},
		{`\bHSM:[0-9A-F]{20,}:`, "HSM:«serial»:"},
		{`\brequest [0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}`, "request «id»"},
		{`\b(localhost|127\.0\.0\.1):[0-9]+`, "${1}:«port»"},
		{`\bslot [0-9]+`, "slot «number»"},
		{`\bhandle [0-9]+`, "handle «number»"},
		{`\bprocess [0-9]+`, "process «number»"},
		// When and by whom.
		{`\b20[0-9]{6}T[0-9]{6}Z`, "«time»"},
		{`\b20[0-9]{2}-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9]\b`, "«time»"},
		{`\bby \S+@[^\s:;]+`, "by «account»"},
		// This computer and this build; its network says nothing of the day's workstation.
		{`(?m)^byok-offline: warning: network interfaces that are up: .*\n`, ""},
		{`(?m)^byok-offline: warning: whether this workstation is disconnected cannot be seen .*\n`, ""},
		{`\bon [0-9]+ of [0-9]+ threads`, "on «number» of «number» threads"},
		{`\blimit [0-9]{2,} bytes`, "limit «number» bytes"},
		{`(?m)^(built as released +yes +)\S+$`, "${1}«version»"},
		{`((?:configuration file|PKCS#11 library) \S+: ).*(; only a rehearsal accepts that)`, "${1}«reason»${2}"},
	} {
		list = append(list, struct {
			pattern *regexp.Regexp
			mark    string
		}{regexp.MustCompile(d.pattern), d.mark})
	}
	return list
})
