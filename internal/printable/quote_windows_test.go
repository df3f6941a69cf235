package printable

import "testing"

func TestQuote(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"plain", `C:\byok\kmdata`, `C:\byok\kmdata`},
		{"URL", "https://contoso.vault.azure.net/keys/a/b", "https://contoso.vault.azure.net/keys/a/b"},
		{"query", "https://h/?a=b&c", `"https://h/?a=b&c"`},
		{"blank", `C:\Program Files\x`, `"C:\Program Files\x"`},
		{"a folder with a blank", `C:\Program Files\`, `"C:\Program Files\\"`},
		{"cmd.exe's variable", "%TEMP%", `"%TEMP%"`},
		{"PowerShell's variable", "$HOME x", "'$HOME x'"},
		{"single quote", "it's", `"it's"`},
		{"both", "it's $5", "'it''s $5'"},
		{"an array of PowerShell", "a,b", `"a,b"`},
		{"leading dash", "-rf", "./-rf"},
	} {
		if got := Quote(c.in); got != c.want {
			t.Errorf("%s: %s, not %s", c.name, got, c.want)
		}
	}
}
