//go:build unix

package completion_test

import (
	"strings"
	"testing"

	"byok/internal/completion"
	"byok/internal/exitcode"
	"byok/internal/testkit/handbook"
)

// TestHandbook has every shell complete a program that has one of everything.
func TestHandbook(t *testing.T) { handbook.Check(t, handbook.Sample) }

// TestFilesAndFolders: what stands for a file is completed with files.
func TestFilesAndFolders(t *testing.T) {
	for shell, wants := range map[string][]string{
		"bash": {"\" key make:--kek\")\n        compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f",
			"\" key make:-k\")\n        compopt", "\" key make:--out\")\n        compopt -o filenames 2>/dev/null; " +
				"mapfile -t COMPREPLY < <(compgen -d", "\" key make:--ident\")\n        true\n        return"},
		"zsh": {"' key make:--kek')\n        _files\n", "' key make:--out')\n        _files -/\n",
			"' key make:--ident')\n        _message 'NAME'\n"},
		"fish": {" -l kek -s k -r -F -d 'of the KEK'", " -l out -x -a '(__fish_complete_directories)' -d 'for it (default: .)'",
			" -l ident -x -d 'of the key'", " -l yes -d 'do not ask'"},
		"powershell": {"            , @('look', 'look at it (it''s $HOME, `id`, \\n: \"here\"), or not')\n"},
	} {
		script, err := completion.Script(shell, handbook.Sample().Pages())
		for _, want := range wants {
			if err != nil || !strings.Contains(script, want) {
				t.Errorf("%s, %v: no %q in\n%s", shell, err, want, script)
			}
		}
	}
}

// TestUnknownShell names those there are.
func TestUnknownShell(t *testing.T) {
	_, err := completion.Script("tcsh", handbook.Sample().Pages())
	const want = `completion: there is none for "tcsh": expected bash, zsh, fish or powershell`
	if err == nil || err.Error() != want || exitcode.Of(err) != exitcode.Usage {
		t.Errorf("%v", err)
	}
}
