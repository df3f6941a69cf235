// Package docs holds the tests that run what the documents say.
package docs

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"byok/internal/attest"
	"byok/internal/kek"
	"byok/internal/toolset"
)

const (
	attestDir   = "../internal/attest/"
	genuineFile = attestDir + "testdata/mhsm-rsa-2048.json"
	rootName    = "marvell-liquidsecurity-root-2034.pem"
	kekName     = "BYOK-KEK-pkg-CONTOSO-1"
	worldName   = "BYOK-SecurityWorld-pkg-CONTOSO-1"

	tools        = "Tools"
	fromPackages = "The parts of two packages"
	fromCLI      = "The parts of a file from the Azure CLI"
)

// section is a heading of the page, and the commands under it.
type section struct{ title, text, commands string }

func sections(t *testing.T) []section {
	t.Helper()
	_, text, found := strings.Cut(string(read(t, "verify.md")), "\n## A KEK\n")
	if !found {
		t.Fatal("verify.md has no section on KEKs")
	}
	var list []section
	block := regexp.MustCompile("(?s)```sh\n(.*?)```\n")
	for _, part := range strings.Split(text, "\n### ")[1:] {
		title, text, _ := strings.Cut(part, "\n")
		text, _, _ = strings.Cut(text, "\n## ")
		s := section{title: title, text: block.ReplaceAllString(text, "")}
		for _, m := range block.FindAllStringSubmatch(text, -1) {
			s.commands += m[1]
		}
		list = append(list, s)
	}
	return list
}

// TestEachRuleIsExplained holds the page to the rules, in their order.
func TestEachRuleIsExplained(t *testing.T) {
	var rules []string
	for _, s := range sections(t) {
		if !strings.HasPrefix(s.title, "KEK-") {
			continue
		}
		rules = append(rules, s.title)
		if len(strings.Fields(s.text)) < 8 || s.commands == "" {
			t.Errorf("%s: no explanation, or no commands", s.title)
		}
	}
	if !slices.Equal(rules, attest.Rules()) {
		t.Errorf("explained are %v\nthe rules are %v", rules, attest.Rules())
	}
}

// skipped are the sections that take long and that a rule does not build on;
// for no rule, none is skipped.
func skipped(rule string) []string {
	switch rule {
	case "", attest.RuleOwner:
		return nil
	case attest.RuleChain:
		return []string{attest.RuleOwner, attest.RuleDates}
	case attest.RuleDates:
		return []string{attest.RuleChain, attest.RuleOwner}
	}
	return []string{attest.RuleChain, attest.RuleOwner, attest.RuleDates}
}

// run runs the commands of the sections in a folder, and returns what each
// printed, and the title of the one that failed.
func run(t *testing.T, dir, at string, skip ...string) (printed map[string]string, failed string) {
	t.Helper()
	var script strings.Builder
	for _, s := range sections(t) {
		if slices.Contains(skip, s.title) {
			continue
		}
		script.WriteString("echo '== " + s.title + "'\n" + strings.Replace(s.commands, "at=now ", "at="+at+" ", 1))
	}
	if !strings.Contains(script.String(), "at="+at+" ") {
		t.Fatal("the time of the check is not set")
	}
	for _, tool := range []string{"sh", "openssl", "awk"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("%s is needed to run the commands of verify.md: apt-get install %s", tool, tool)
		}
	}
	cmd := exec.Command("sh", "-c", script.String())
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	printed = map[string]string{}
	for _, part := range strings.Split("\n"+string(out), "\n== ")[1:] {
		title, text, _ := strings.Cut(part, "\n")
		printed[title], failed = strings.TrimSpace(text), title
	}
	if err == nil {
		failed = ""
	}
	return printed, failed
}

// put copies files into a new folder.
func put(t *testing.T, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// packageRules are those that a file of the Azure CLI has nothing to do with,
// and the one that a key that is no KEK need not meet.
var packageRules = []string{
	fromPackages, attest.RuleRehearsal, attest.RuleWorldHash, attest.RuleWorldSuffix, kek.RuleVault,
	attest.RuleWorldPartition, kek.RuleLoopback, kek.RuleType, kek.RuleOps, kek.RuleEnabled, kek.RuleExpiry,
	attest.RuleUsage,
}

const duringJune2025 = "2025-07-01T00:00:00Z"

// TestGenuine runs the page on a genuine attestation as the Azure CLI gives it.
func TestGenuine(t *testing.T) {
	dir := put(t, map[string][]byte{"attestation.json": read(t, genuineFile), rootName: read(t, attestDir+"roots/"+rootName)})
	printed, failed := run(t, dir, duringJune2025, packageRules...)
	if failed != "" {
		t.Fatalf("%s: %s", failed, printed[failed])
	}
	now, _ := time.Parse(time.RFC3339, duringJune2025)
	v, err := attest.CheckFile("f", read(t, genuineFile), now)
	if err != nil || printed[attest.RuleSaid] != v.Fingerprint.String() {
		t.Errorf("%v, fingerprint %s", err, printed[attest.RuleSaid])
	}
	want := "23:01:43:DF:00:E0:B4:52:74:3E:06:8A:5B:3F:C0:8D:F8:F0:6C:EF:C4:85:4E:A6:27:AE:B7:EB:D7:0E:E2:F4\n" +
		"hsm.pem is signed by " + rootName + "\npartition.pem is signed by hsm.pem"
	if printed[attest.RuleChain] != want {
		t.Errorf("%s: %s", attest.RuleChain, printed[attest.RuleChain])
	}
	want = "owner.pem is signed by owner.pem\nowner-partition.pem is signed by owner.pem\nsubject=CN=paulvaneckkv2hsm,O=Microsoft Corporation,L=Redmond,ST=Washington,C=US"
	if printed[attest.RuleOwner] != want {
		t.Errorf("%s: %s", attest.RuleOwner, printed[attest.RuleOwner])
	}
}

// TestRootsInTable compares the page's table with the pinned roots.
func TestRootsInTable(t *testing.T) {
	page := string(read(t, "verify.md"))
	roots, err := filepath.Glob(attestDir + "roots/*.pem")
	if err != nil || len(roots) != 2 {
		t.Fatalf("%v, %v", roots, err)
	}
	for _, path := range roots {
		out, err := exec.Command("openssl", "x509", "-in", path, "-noout", "-fingerprint", "-sha256").Output()
		_, sum, _ := strings.Cut(strings.TrimSpace(string(out)), "=")
		if err != nil || !strings.Contains(page, "| `"+filepath.Base(path)+"` | `"+sum+"` |") {
			t.Errorf("%s: %v, %s", path, err, sum)
		}
	}
}

// TestGenuineFaults: the page's commands stop where the program finds fault.
func TestGenuineFaults(t *testing.T) {
	good := string(read(t, genuineFile))
	for name, c := range map[string]struct{ old, new, at, rule string }{
		"statement": {"ABNwy-0j", "ABNwy-1j", duringJune2025, attest.RuleSignature},
		"modulus":   {`"n": "jAZs`, `"n": "jAZt`, duringJune2025, attest.RuleKey},
		"exponent":  {`"e": "AQAB"`, `"e": "AQAD"`, duringJune2025, kek.RuleExponent},
		"kid":       {"768555\"", "768556\"", duringJune2025, attest.RuleID},
		"early":     {"", "", "2025-06-01T00:00:00Z", attest.RuleDates},
		"late":      {"", "", "2032-04-01T00:00:00Z", attest.RuleDates},
		"version":   {`"MRVL-1"`, `"MRVL-2"`, duringJune2025, attest.RuleFormat},
		"absent":    {`"privateKeyAttestation"`, `"Attestation"`, duringJune2025, attest.RulePresent},
	} {
		data := strings.Replace(good, c.old, c.new, 1)
		if c.old != "" && data == good {
			t.Fatalf("%s: nothing to change", name)
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := put(t, map[string][]byte{"attestation.json": []byte(data), rootName: read(t, attestDir+"roots/"+rootName)})
			if printed, failed := run(t, dir, c.at, slices.Concat(packageRules, skipped(c.rule))...); failed != c.rule {
				t.Errorf("stopped at %q where %s is expected\n%s", failed, c.rule, printed[failed])
			}
		})
	}
}

// TestGenuineAsKEK wraps the genuine attestation into packages. Its key can
// decrypt, and only for that is it no KEK.
func TestGenuineAsKEK(t *testing.T) {
	p := genuinePackages(t)
	agree(t, p, attest.RuleUsage)
}

func genuinePackages(t *testing.T) packages {
	t.Helper()
	var file struct {
		Key        struct{ KID, N, E string }
		Attributes struct{ Attestation toolset.Attestation }
	}
	if err := json.Unmarshal(read(t, genuineFile), &file); err != nil {
		t.Fatal(err)
	}
	kid, err := kek.ParseID(file.Key.KID)
	if err != nil {
		t.Fatal(err)
	}
	p := newPackages(t, kid, publicKey(t, file.Key.N, file.Key.E))
	p.kek.Attestation = &file.Attributes.Attestation
	p.root = read(t, attestDir+"roots/"+rootName)
	p.world.PartitionCertificates = string(p.kek.Attestation.CertificatePEM)
	p.now, _ = time.Parse(time.RFC3339, duringJune2025)
	p.kek.Created, p.kek.Expires = p.now.Add(-time.Hour), p.now.Add(time.Hour)
	p.bind(t)
	return p
}

// agree has the program and the page judge packages: the page's commands have
// to stop at the rule, which the program has to find not to hold; or, for no
// rule, both have to find all good.
func agree(t *testing.T, p packages, rule string) {
	t.Helper()
	kekFile, kekErr := p.kek.Marshal()
	world, worldErr := p.world.Marshal()
	if err := errors.Join(kekErr, worldErr); err != nil {
		t.Fatal(err)
	}
	pair, err := toolset.ParsePair(toolset.File{Name: kekName, Data: kekFile}, toolset.File{Name: worldName, Data: world})
	if err != nil {
		t.Fatal(err)
	}
	v, err := attest.Check(pair, kek.Policy{Rehearsal: p.rehearsal, Now: p.now, Said: p.owner(t)})
	found := err == nil && rule == ""
	for _, f := range v.Findings {
		found = found || f.Rule == rule && !f.OK
	}
	dir := put(t, map[string][]byte{kekName: kekFile, worldName: world, rootName: p.root})
	printed, failed := run(t, dir, p.now.Format(time.RFC3339), append(skipped(rule), fromCLI)...)
	if !found || failed != rule {
		t.Errorf("%q is expected, the program says %v, the page stops at %q\n%s", rule, err, failed, printed[failed])
	}
	if rule == "" && printed[attest.RuleSaid] != v.Fingerprint.String() {
		t.Errorf("fingerprint %s, and the page %s", v.Fingerprint, printed[attest.RuleSaid])
	}
}
