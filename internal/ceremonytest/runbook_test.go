//go:build linux

package ceremonytest

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"byok/internal/rehearsal"
	rehearsed "byok/internal/testkit/serve"
	"byok/internal/testkit/softhsm"
)

// procedure holds the lines of the retired procedure, as its page has them.
const procedure = "../runbook/testdata/procedure.txt"

// cutShort is the one line of the procedure that is cut short.
const cutShort = "-NewSecurityWorldPackage BYOK-SecurityWorld-pkg-NA-$"

// typist types the lines of the retired procedure, each as it stands there, and
// after it what that line does not say.
type typist struct {
	t      *testing.T
	dir    string
	behind []behind
	types  int // lines of -Package, which get a folder each
}

// behind is what is typed after a line that begins so.
type behind struct{ line, words string }

// TestOldRunbook types all 62 lines of the retired procedure, through links that
// bear the names of its tools, in a rehearsal whose packages have its suffixes.
func TestOldRunbook(t *testing.T) {
	y := newTypist(t)
	done, named := 0, 0
	for line := range strings.Lines(readFile(t, procedure)) {
		line = strings.TrimSpace(line)
		out, messages, status := y.line(line)
		switch {
		case regexp.MustCompile(cutShort).MatchString(line):
			named++
			y.refused(line, out, messages, status)
		case status != 0 || !strings.HasSuffix(out, "Result: SUCCESS\n") || !strings.Contains(messages, ": hint: today: byok-"):
			t.Errorf("%s: status %d\n%s%s", line, status, messages, out)
		default:
			done++
			y.forItsKEK(line)
		}
	}
	if t.Logf("lines of the retired procedure that reach Result: SUCCESS: %d of 62, cut short and named: %d", done, named); done != 61 {
		t.Error("expected 61 and 1")
	}
}

// refused: the line that is cut short names the file that is meant, and its hint is
// the line as it should be.
func (y *typist) refused(line, out, messages string, status int) {
	y.t.Helper()
	const want = "byok-offline: error: KeyTransferRemote: -NewSecurityWorldPackage BYOK-SecurityWorld-pkg-NA-: " +
		"the name is cut short, as on the old page: BYOK-SecurityWorld-pkg-NA-1 is meant\nbyok-offline: hint: "
	hint, found := strings.CutPrefix(messages, want)
	if !found || status != 2 || out != "" {
		y.t.Fatalf("%s: status %d\n%s%s", line, status, messages, out)
	}
	if out, messages, status := y.sh("offline", strings.TrimSpace(hint)); status != 0 || !strings.HasSuffix(out, "Result: SUCCESS\n") {
		y.t.Fatalf("%s: status %d\n%s%s", hint, status, messages, out)
	}
}

// forItsKEK: of the 17 approvals of one key under one name, -Package takes that for
// the KEK package which its line names.
func (y *typist) forItsKEK(line string) {
	y.t.Helper()
	m := regexp.MustCompile(`-Package .*(BYOK-KEK-pkg-)(\w+)-1 `).FindStringSubmatch(line)
	if m == nil {
		return
	}
	hash := y.succeeds("offline", "sha256sum "+m[1]+strings.ToUpper(m[2])+"-1 | cut -d' ' -f1")
	approved := readFile(y.t, filepath.Join(y.dir, "offline", fmt.Sprint("out", y.types), "KeyTransferPackage-ContosoFirstHSMkey.authorization.json"))
	if !strings.Contains(approved, `"kek_package_sha256": "`+strings.TrimSpace(hash)+`"`) {
		y.t.Errorf("%s packs an approval for another KEK package than %s", line, hash)
	}
}

func newTypist(t *testing.T) *typist {
	y := &typist{t: t, dir: t.TempDir()}
	for _, name := range []string{"a", "b", "c", "online", "offline", "zips", "uae"} {
		must(t, os.Mkdir(filepath.Join(y.dir, name), 0o700))
	}
	for _, name := range []string{"pin", "a", "b", "c"} {
		must(t, os.WriteFile(filepath.Join(y.dir, name+".secret"), []byte(name+" of the runbook 4711\n"), 0o600))
	}
	y.install()
	vault, state := rehearsed.Rehearsal(t, rehearsal.Config{})
	said := y.toolsets(vault.URL, state)
	cards := func(names string) string {
		return regexp.MustCompile(`\w`).ReplaceAllString(names, " --card ../$0 --card-pin-file ../$0.secret")
	}
	y.behind = []behind{
		{"Connect-AzAccount", " --rehearsal " + state},
		{"Get-AzSubscription", " --rehearsal " + state},
		{"new-world", " --module-path " + softhsm.New(t) + " --rehearsal --pin-file ../pin.secret --holder Ada --holder Ben --holder Cid" +
			cards("abc")},
		{`"%nfast_home%\python\bin\python" verifykeypackage.py`, said},
		{"generatekey", " --pin-file ../pin.secret" + cards("ac")},
		{"KeyTransferRemote.exe -ModifyAcls", " --key-friendly-name ContosoFirstHSMkey --pin-file ../pin.secret --approve-unseen" +
			cards("ac") + said},
		{"KeyTransferRemote.exe -Package", " --subscription-id 5f1b1f9e-7a54-4a40-b1ad-1b0d5e5b8f10 --pin-file ../pin.secret"},
		{"Add-AzKeyVaultKey", " --rehearsal " + state + " --yes --hknso"},
	}
	return y
}

// install has make make the links, to the programs that are tested.
func (y *typist) install() {
	y.t.Helper()
	c := exec.Command("make", "-C", "../..", "-o", "build", "install-compat", "BIN="+os.Getenv(programs), "DESTDIR="+y.dir, "PREFIX=/usr")
	if out, err := c.CombinedOutput(); err != nil {
		y.t.Fatalf("%v\n%s", err, out)
	}
}

// toolsets makes a toolset of each suffix of the procedure, with one KEK, and
// installs it. It returns what the vault's owner says of that KEK.
func (y *typist) toolsets(url, state string) string {
	y.t.Helper()
	vault := " --vault " + url + " --rehearsal " + state
	y.succeeds("online", "byok-online kek create --yes --name KEKforBYOK"+vault)
	for _, m := range regexp.MustCompile(`verifykeypackage.py -k BYOK-KEK-pkg-(\w+)-1`).FindAllStringSubmatch(readFile(y.t, procedure), -1) {
		zips, zip := "../zips", "KeyVault-BYOK-Tools-"+m[1]+".zip"
		if m[1] == "UAE" {
			zips = "../uae" // the published hash of a zip of that name is another one
		}
		if _, err := os.Stat(filepath.Join(y.dir, "online", zips, zip)); err == nil {
			continue // Germany and Germany Public have one suffix
		}
		y.succeeds("online", "byok-online toolset build --kek KEKforBYOK --suffix "+m[1]+" --out "+zips+vault)
		sum := y.succeeds("offline", "sha256sum "+zips+"/"+zip+" | cut -d' ' -f1")
		y.succeeds("offline", "byok-offline toolset install --to tools/"+m[1]+" --sha256 "+strings.TrimSpace(sum)+" "+zips+"/"+zip)
		y.succeeds("offline", "cp tools/"+m[1]+"/BYOK-* .")
	}
	y.succeeds("zips", "sha256sum *.zip > SHA256SUMS")
	shown := y.succeeds("online", "byok-online kek show --name KEKforBYOK --output json"+vault)
	var kek struct {
		Data struct {
			KID         string `json:"kid"`
			Fingerprint string `json:"spki_sha256"`
		}
	}
	must(y.t, json.Unmarshal([]byte(shown), &kek))
	return fmt.Sprintf(" --kid %s --fingerprint %s --import-only --said-by Olga", kek.Data.KID, kek.Data.Fingerprint)
}

// line types a line of the procedure where it belongs.
func (y *typist) line(line string) (out, messages string, status int) {
	at, typed := "offline", line
	switch {
	case strings.Contains(line, "-Az"):
		at = "online"
	case strings.HasPrefix(line, "Get-FileHash"):
		at = "zips"
	case strings.HasPrefix(line, `"`): // no link can be called so
		typed = "byok-offline " + line
	}
	i := slices.IndexFunc(y.behind, func(b behind) bool { return strings.HasPrefix(line, b.line) })
	if i >= 0 {
		typed += y.behind[i].words
	}
	switch {
	case strings.Contains(line, " -Package"):
		y.types++
		folder := fmt.Sprint("out", y.types)
		must(y.t, os.Mkdir(filepath.Join(y.dir, "offline", folder), 0o700))
		typed += " --out " + folder
	case strings.HasPrefix(line, "Add-AzKeyVaultKey"):
		y.succeeds("online", "cp ../offline/out1/* .")
		typed += " " + y.hknso()
	}
	return y.sh(at, typed)
}

func (y *typist) hknso() string {
	_, rest, _ := strings.Cut(y.succeeds("offline", "byok-offline world info --output json"), `"hknso": "`)
	hknso, _, _ := strings.Cut(rest, `"`)
	return hknso
}

func (y *typist) succeeds(at, line string) string {
	y.t.Helper()
	out, messages, status := y.sh(at, line)
	if status != 0 {
		y.t.Fatalf("%s: status %d\n%s%s", line, status, messages, out)
	}
	return out
}

// sh has a shell run a line in a folder, as the program of that workstation.
func (y *typist) sh(at, line string) (out, messages string, status int) {
	y.t.Helper()
	c := exec.Command("sh", "-c", line)
	c.Dir = filepath.Join(y.dir, at)
	kmdata := "online"
	if at == "offline" {
		kmdata = at
	}
	c.Env = append(os.Environ(), "PATH="+filepath.Join(y.dir, "usr/bin")+":"+os.Getenv("PATH"),
		"BYOK_KMDATA="+filepath.Join(y.dir, kmdata, "kmdata"), "BYOK_CONFIG="+filepath.Join(y.dir, "config"))
	var stderr strings.Builder
	c.Stderr = &stderr
	stdout, err := c.Output()
	if err != nil && c.ProcessState == nil {
		y.t.Fatal(err)
	}
	return string(stdout), stderr.String(), c.ProcessState.ExitCode()
}
