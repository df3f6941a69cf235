package plan_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"byok/internal/plan"
)

var day = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

// good is a plan that can be held.
func good(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("testdata/good.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// lineNumber is what [TestTemplate] is about.
var lineNumber = regexp.MustCompile(`line \d+: `)

func parse(t *testing.T, text string) *plan.Plan {
	t.Helper()
	p, err := plan.Parse("plan.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// found is what a check of a plan finds.
func found(t *testing.T, text string) []string {
	t.Helper()
	var list []string
	for _, f := range parse(t, text).Check(day) {
		list = append(list, f.String())
	}
	return list
}

func TestImage(t *testing.T) {
	want := plan.Image{SHA256: strings.Repeat("0a", 32), Bytes: 66402304}
	text := fmt.Sprintf("image: {sha256: %s, bytes: %d}\n%s", want.SHA256, want.Bytes, good(t))
	if list := found(t, text); len(list) > 0 {
		t.Error(strings.Join(list, "\n"))
	}
	got := parse(t, text).Image
	if got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	if groups := strings.TrimSpace(strings.Repeat("0a0a0a0a ", 8)); got.Groups() != groups {
		t.Errorf("got %s, want %s", got.Groups(), groups)
	}
	if wrong := (plan.Image{SHA256: "abc"}); wrong.Groups() != "abc" {
		t.Errorf("got %s, want abc", wrong.Groups())
	}
}

func TestKit(t *testing.T) {
	want := plan.Kit{SHA256: strings.Repeat("0a", 32)}
	text := fmt.Sprintf("kit: {sha256: %s}\n%s", want.SHA256, good(t))
	if list := found(t, text); len(list) > 0 {
		t.Error(strings.Join(list, "\n"))
	}
	got := parse(t, text).Kit
	if got != want || got.Groups() != strings.TrimSpace(strings.Repeat("0a0a0a0a ", 8)) {
		t.Errorf("got %v, %s", got, got.Groups())
	}
	if words := strings.TrimSpace(strings.Repeat("allow Apollo ", 4)); got.FirstWords() != words {
		t.Errorf("got %s, want %s", got.FirstWords(), words)
	}
	if wrong := (plan.Kit{SHA256: "abc"}); wrong.Groups() != "abc" || wrong.FirstWords() != "" {
		t.Errorf("got %s, %s", wrong.Groups(), wrong.FirstWords())
	}
}

func TestGood(t *testing.T) {
	if list := found(t, good(t)); len(list) > 0 {
		t.Error(strings.Join(list, "\n"))
	}
}

// TestTemplate holds that the template names every field, and that what is to
// be filled in is what the check names.
func TestTemplate(t *testing.T) {
	list := found(t, string(plan.Template))
	for _, want := range []string{
		"line 10: title: missing",
		"line 13: date: missing",
		"line 18: approver.name: missing",
		`line 59: vaults[1].subscription: "" is not a UUID`,
		"line 67: keys[1].type: missing",
	} {
		if !slices.Contains(list, want) {
			t.Errorf("%q is not among\n%s", want, strings.Join(list, "\n"))
		}
	}
}

// TestRefused changes the good plan in one place each.
func TestRefused(t *testing.T) {
	for _, c := range []struct{ name, from, to, want string }{
		{"unknown field", "title:", "titel:", "unknown field titel"},
		{"a fingerprint, which people compare", "kek: CONTOSO", "fingerprint: abc", "unknown field fingerprint"},
		{"doubled field", "world: contoso", "title: again", "field title stands in line 2 already"},
		{"a list for a text", "title: Contoso root key", "title: [a]", "expected a text"},
		{"a text for a truth", "rehearsal: false", "rehearsal: maybe", "expected true or false"},
		{"a text for a number", "version: 1", "version: one", "expected a number"},
		{"a text for a list", "vaults: [hsm, premium]", "vaults: hsm", "expected a list"},
		{"a text for fields", "approver: {name: Grace, affiliation: Contoso}", "approver: Grace", "expected fields"},
		{"later version", "version: 1", "version: 2", "version 2 of a ceremony plan; this release reads version 1"},
		{"no version", "version: 1\n", "", "version 0 of a ceremony plan; this release reads version 1"},
		{"two documents", "version: 1", "--- {version: 1}\n---\nversion: 1",
			"a plan is one document, and this file goes on after ---"},
		{"alias", "approver: {name: Grace, affiliation: Contoso}", "approver: &a {name: Grace}\nwitnesses: [*a]\n",
			"a plan has no aliases (*a)"},
		{"no YAML", "version: 1", "version: [", "did not find expected ',' or ']'"},
	} {
		_, err := plan.Parse("plan.yaml", []byte(changed(t, c.from, c.to)))
		if err == nil || lineNumber.ReplaceAllString(err.Error(), "") != "plan.yaml: "+c.want {
			t.Errorf("%s:\n got %v\nwant plan.yaml: %s", c.name, err, c.want)
		}
	}
}

func TestFilesThatAreNoPlan(t *testing.T) {
	for _, c := range []struct{ name, data, want string }{
		{"empty", "", "there is nothing in it"},
		{"comments", "# a plan\n", "there is nothing in it"},
		{"a byte order mark", "\ufeffversion: 1\n", "it begins with a byte order mark, " +
			"as Windows PowerShell writes it; expected UTF-8 without a byte order mark"},
		{"UTF-16", "\xff\xfev\x00", "it is in UTF-16, as Windows PowerShell writes it; expected UTF-8 without a byte order mark"},
		{"not UTF-8", "title: \xff\n", "invalid leading UTF-8 octet"},
		{"too large", strings.Repeat("#", plan.MaxFile+1), "larger than the 8388608 bytes that a plan may have"},
		{"a scalar", "hello\n", "line 1: expected fields"},
	} {
		_, err := plan.Parse("plan.yaml", []byte(c.data))
		if err == nil || err.Error() != "plan.yaml: "+c.want {
			t.Errorf("%s:\n got %v\nwant plan.yaml: %s", c.name, err, c.want)
		}
	}
}

func changed(t *testing.T, from, to string) string {
	t.Helper()
	text := good(t)
	if strings.Count(text, from) == 0 {
		t.Fatalf("%q is not in the good plan", from)
	}
	return strings.Replace(text, from, to, 1)
}

// TestFindings changes the good plan in one place each, and expects one finding.
func TestFindings(t *testing.T) {
	for _, c := range []struct{ name, from, to, want string }{
		{"no title", "title: Contoso root key", "title:", "title: missing"},
		{"a title that steers", "Contoso root key", `"a\u202eb"`, "title: it is not one line of printable characters"},
		{"an image without a hash", "stick:", "image: {bytes: 5}\nstick:",
			"image.sha256: not a SHA-256, 64 digits of 0 to 9 and a to f"},
		{"an image without a size", "stick:", "image: {sha256: " + strings.Repeat("0a", 32) + "}\nstick:",
			"image.bytes: not the image's size in bytes"},
		{"an image of no size", "stick:", "image: {sha256: " + strings.Repeat("0a", 32) + ", bytes: -1}\nstick:",
			"image.bytes: not the image's size in bytes"},
		{"a kit in capitals", "stick:", "kit: {sha256: " + strings.Repeat("0A", 32) + "}\nstick:",
			"kit.sha256: not a SHA-256, 64 digits of 0 to 9 and a to f"},
		{"past", "date: 2026-12-01", "date: 2026-11-25", "date: 2026-11-25 is past"},
		{"no day", "date: 2026-12-01", "date: 1 December", `date: "1 December" is not a day such as 2026-12-01`},
		{"no such role", "role: auditor", "role: bystander", `roles[4].role: "bystander" is not one of ` +
			"ceremony administrator, operator, connected operator, crypto officer, auditor"},
		{"no operator", "role: operator", "role: auditor", "roles: no person is the operator, " +
			"who types at the disconnected workstation, and knows the user PIN"},
		{"no witness", "witnesses: [{name: Wim, affiliation: Auditors Ltd}]", "witnesses: []",
			"witnesses: a production ceremony needs at least one"},
		{"unreachable quorum", "quorum: 2/3", "quorum: 4/3", "quorum: "},
		{"too few holders", "quorum: 2/3", "quorum: 2/4", "quorum: 2/4 deals 4 cards, and 3 holders are named"},
		{"a holder with two cards", "name: Ben", "name: ada", `holders: card holders 1 and 2 are both "ada": ` +
			"one person may not hold two cards"},
		{"a bag twice", "bag: A-2", "bag: a-1", `holders[2].bag: "a-1" is that of holders[1] already`},
		{"no such guard", "guard: trust", "guard: wall", `hsm.guard: "wall" is not one of ` +
			"trust, trust-shared, trust-by-tool, login, login-shared"},
		{"no officer", "guard: trust", "guard: trust-by-tool", "roles: guard trust-by-tool needs a crypto officer"},
		{"no such service", "service: managed-hsm", "service: cloud", `vaults[1].service: "cloud" is not one of managed-hsm, vault`},
		{"a Managed HSM that is said to be a vault", "contoso-premium.vault.azure.net", "a.managedhsm.azure.net",
			"vaults[2].service: the host is that of a Managed HSM"},
		{"a rehearsal's vault", "https://contoso-premium.vault.azure.net", "https://localhost:8443",
			"vaults[2].address: a rehearsal's vault; set rehearsal: true, or name the real one"},
		{"no UUID", "5f1b1f9e-7a54-4a40-b1ad-1b0d5e5b8f10", "contoso", `vaults[1].subscription: "contoso" is not a UUID`},
		{"a suffix in small letters", "kek: CONTOSO", "kek: contoso", "vaults[2].kek: expected 1 to 32 capital letters and digits"},
		{"a KEK for two vaults", "kek: HSM", "kek: CONTOSO", `vaults[2].kek: "CONTOSO" is that of vaults[1] already`},
		{"a vault without keys", "vaults: [hsm, premium]", "vaults: [hsm]", "vaults[2]: no key goes there"},
		{"no such type", "type: RSA-2048", "type: DSA", "keys[1].type: "},
		{"an operation of another type", "operations: [sign, verify]", "operations: [sign, encrypt]",
			`keys[3].operations[2]: "encrypt" is not one of sign, verify`},
		{"expired", "expires: 2031-01-01", "expires: 2026-01-01", "keys[1].expires: 2026-01-01 is past"},
		{"the wrong way round", "not_before: 2027-01-01", "not_before: 2031-01-01",
			"keys[1].not_before: 2031-01-01 is not before the key expires"},
		{"an ident twice", "ident: payroll", "ident: contosokey", `keys[2].ident: "contosokey" is that of keys[1] already`},
		{"a name twice", "name: Payroll", "name: contosokey", `keys[2].name: "contosokey" is in hsm the name of keys[1] already`},
		{"no such vault", "vaults: [hsm, premium]", "vaults: [hsm, premium, third]",
			`keys[1].vaults[3]: "third" is not among the vaults`},
		{"a vault twice", "vaults: [hsm, premium]", "vaults: [hsm, premium, hsm]", `keys[1].vaults[3]: "hsm" stands twice`},
		{"an AES key for a Premium vault", "vaults: [hsm] # AES", "vaults: [hsm, premium]",
			"keys[2].vaults[2]: a Premium vault takes no AES key; a Managed HSM does"},
		{"no policy", "exportable: false", "exportable: true", "keys[3].exportable: an exportable key needs a release_policy"},
		{"a policy for nothing", "exportable: false", "release_policy: p.json", "keys[3].release_policy: only an exportable key has one"},
		{"a key that replaces itself", "replaces: oldkey", "replaces: signing", "keys[3].replaces: a key cannot replace itself"},
	} {
		list := found(t, changed(t, c.from, c.to))
		if len(list) != 1 || !strings.HasPrefix(lineNumber.ReplaceAllString(list[0], ""), c.want) {
			t.Errorf("%s:\n got %s\nwant %s", c.name, strings.Join(list, "\n     "), c.want)
		}
	}
}

// TestManyKeys holds that a plan of ten thousand keys is read, and that the
// duplicate at its end is found.
func TestManyKeys(t *testing.T) {
	var b strings.Builder
	head, _, _ := strings.Cut(good(t), "keys:")
	b.WriteString(head + "keys:\n")
	for i := range 10_000 {
		fmt.Fprintf(&b, "  - {ident: k%d, type: P-256, purpose: test, vaults: [hsm, premium]}\n", i)
	}
	if list := found(t, b.String()); len(list) > 0 {
		t.Fatal(list[0])
	}
	b.WriteString("  - {ident: k0, type: P-256, purpose: test, vaults: [hsm]}\n")
	list := found(t, b.String())
	if len(list) != 2 || !strings.HasSuffix(list[0], `keys[10001].ident: "k0" is that of keys[1] already`) {
		t.Errorf("found %q", list)
	}
}

// FuzzParse holds that nothing that is read as a plan breaks the check.
func FuzzParse(f *testing.F) {
	data, err := os.ReadFile("testdata/good.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(plan.Template)
	f.Add([]byte("version: 1\nkeys: [{vaults: [a, a]}, {}]\nvaults: [{}, {name: a}]\nholders: [{}, {}]\nquorum: 1/2\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := plan.Parse("plan.yaml", data)
		if err != nil {
			return
		}
		for _, found := range p.Check(day) {
			if found.Says == "" || found.Field == "" {
				t.Errorf("a finding that says nothing: %v", found)
			}
		}
	})
}
