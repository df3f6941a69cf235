//go:build unix

package command

import "testing"

func TestRedact(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"plain URL", "https://contoso.vault.azure.net/keys/a", "https://contoso.vault.azure.net/keys/a"},
		{"user and password", "https://user:hunter2@contoso.vault.azure.net/keys",
			"https://***@contoso.vault.azure.net/keys"},
		{"user alone", "https://hunter2@host", "https://***@host"},
		{"a slash in the password", "https://user:hun/ter2@host/x", "https://***@host/x"},
		{"an at sign in the password", "https://user:hunt@er2@host", "https://***@host"},
		{"not a URL to Go", "http://user:hunter2%zz@127.0.0.1:1", "http://***@127.0.0.1:1"},
		{"query", "https://host/f.zip?sig=hunter2", "https://host/f.zip?***"},
		{"query and fragment", "https://host/f.zip?sig=hunter2#x", "https://host/f.zip?***"},
		{"both", "https://u:p@host/f?sig=s", "https://***@host/f?***"},
		{"PIN in a PKCS#11 URI", "pkcs11:token=contoso?pin-value=1234", "pkcs11:token=contoso?***"},
		{"PIN in its path", "pkcs11:token=a;pin-value=1234;serial=1", "pkcs11:token=a;pin-value=***;serial=1"},
		{"PKCS#11 URI without one", "pkcs11:token=contoso;serial=0a", "pkcs11:token=contoso;serial=0a"},
		{"no scheme", "user:hunter2@host", "***@host"},
		{"upper case", "HTTPS://U:P@HOST", "HTTPS://***@HOST"},
		{"line end inside", "https://u:p\nq@host?a\nb", "https://***@host?***"},
		{"mail address", "alice@example.com", "alice@example.com"},
		{"file", "/media/a?b", "/media/a?b"},
		{"time", "2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"},
		{"key and value", "a=b@c", "a=b@c"},
		{"empty", "", ""},
	} {
		if got := redact(c.in); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}
