package dryrun

import (
	"os"
	"path/filepath"
	"testing"

	"byok/internal/exitcode"
)

func TestOffline(t *testing.T) {
	good := standIn(t, "", "")
	beside := filepath.Join(filepath.Dir(good), "byok-online")
	elsewhere := filepath.Join(t.TempDir(), "byok-online")
	silly := standIn(t, "version --output", "echo no; exit")
	other := standIn(t, "version --output", `echo '{"data": {"program": "byok-online", "version": "1.2.3"}}'; exit`)
	broken := standIn(t, "version --output", "exit 1")
	const hint = "take byok-offline from the same kit or build, and name it with --byok-offline PATH"
	for _, c := range []struct{ name, given, online, path, version, want, err string }{
		{"given", good, elsewhere, "", "1.2.3", good, ""},
		{"beside", "", beside, "", "1.2.3", good, ""},
		{"on PATH", "", elsewhere, filepath.Dir(good), "1.2.3", good, ""},
		{"nowhere", "", elsewhere, "/nowhere", "1.2.3", "",
			"a dry run needs byok-offline too: it is neither beside byok-online nor on PATH"},
		{"given, not there", "/nowhere/x", elsewhere, "", "1.2.3", "",
			`a dry run needs byok-offline too: exec: "/nowhere/x": stat /nowhere/x: no such file or directory`},
		{"another version", good, elsewhere, "", "1.2.4", "", good + " is version 1.2.3, and byok-online is 1.2.4"},
		{"another program", other, elsewhere, "", "1.2.3", "", other + " does not say its version: it is another program"},
		{"no answer", broken, elsewhere, "", "1.2.3", "", broken + " does not say its version: exit status 1"},
		{"no JSON", silly, elsewhere, "", "1.2.3", "",
			silly + " does not say its version: invalid character 'o' in literal null (expecting 'u')"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("PATH", c.path+string(os.PathListSeparator)+os.Getenv("PATH"))
			if c.path == "/nowhere" {
				t.Setenv("PATH", c.path)
			}
			got, err := Offline(t.Context(), c.given, c.online, c.version)
			said := ""
			if err != nil {
				said = err.Error()
				if exitcode.Of(err) != exitcode.Usage || exitcode.HintOf(err) != hint {
					t.Errorf("status %d, hint %q", exitcode.Of(err), exitcode.HintOf(err))
				}
			}
			if got != c.want || said != c.err {
				t.Errorf("%q, %q", got, said)
			}
		})
	}
}
