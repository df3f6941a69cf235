//go:build !windows

package printable

import (
	"os/exec"
	"testing"
)

func TestQuote(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"plain", "kmdata/local/world", "kmdata/local/world"},
		{"URL", "https://contoso.vault.azure.net/keys/a/b", "https://contoso.vault.azure.net/keys/a/b"},
		{"query", "https://h/?a=b&c", "'https://h/?a=b&c'"},
		{"blank", "Smith, Alice", "'Smith, Alice'"},
		{"command", "$(reboot)", "'$(reboot)'"},
		{"single quote", "it's", `'it'\''s'`},
		{"leading dash", "-rf", "./-rf"},
		{"leading dash and blank", "--yes x", "'./--yes x'"},
		{"home", "~root", "'~root'"},
		{"empty", "", "''"},
		{"line end", "a\nb", "'a\nb'"},
		{"not ASCII", "Zoë", "'Zoë'"},
	} {
		if got := Quote(c.in); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
		said, err := exec.Command("/bin/sh", "-c", "printf %s "+Quote(c.in)).Output()
		if read := string(said); err != nil || read != c.in && read != "./"+c.in {
			t.Errorf("%s: the shell reads %q, %v", c.name, read, err)
		}
	}
}
