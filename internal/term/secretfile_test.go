package term

import (
	"os"
	"strings"
	"testing"

	"byok/internal/exitcode"
)

func TestSecretFile(t *testing.T) {
	for content, want := range map[string]string{
		"hunter2":                          "hunter2",
		"hunter2\n":                        "hunter2",
		"hunter2\r\n":                      "hunter2",
		"with blanks\n":                    "with blanks",
		strings.Repeat("p", 1024):          strings.Repeat("p", 1024),
		strings.Repeat("p", 1024) + "\r\n": strings.Repeat("p", 1024),
	} {
		s, err := SecretFile(written(t, content, 0o600))
		if err != nil || s.Text() != want {
			t.Errorf("%d bytes: %q, %v", len(content), s.Text(), err)
		}
		s.Wipe()
	}
	if s, err := SecretFile(written(t, "hunter2", 0o400)); err != nil || s.Text() != "hunter2" {
		t.Errorf("mode 0400: %v", err)
	}
}

const plainText = "save the file again as plain text, with the secret alone on its line"

func TestSecretFileRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		content string
		mode    os.FileMode
		code    exitcode.Code
		want    string
		hint    string
	}{
		"empty":           {"", 0o600, exitcode.Usage, "PATH: empty", ""},
		"only a line end": {"\r\n", 0o600, exitcode.Usage, "PATH: empty", ""},
		"two lines":       {"hunter2\nhunter3", 0o600, exitcode.Usage, "PATH: more than one line", ""},
		"blank lines":     {"hunter2\n\n", 0o600, exitcode.Usage, "PATH: more than one line", ""},
		"over 1 KiB":      {strings.Repeat("p", 1025), 0o600, exitcode.Usage, "PATH: over 1024 bytes", ""},
		"over, with LF":   {strings.Repeat("p", 1025) + "\n", 0o600, exitcode.Usage, "PATH: over 1024 bytes", ""},
		"far over":        {strings.Repeat("p", 1<<20), 0o600, exitcode.Usage, "PATH: over 1024 bytes", ""},
		"UTF-8 mark": {"\xef\xbb\xbfhunter2", 0o600, exitcode.Usage,
			"PATH: begins with a byte-order mark", plainText},
		"UTF-16": {"\xff\xfeh\x00u\x00", 0o600, exitcode.Usage, "PATH: begins with a byte-order mark",
			plainText},
		"blank before": {" hunter2\n", 0o600, exitcode.Usage, "PATH: begins or ends with a blank", plainText},
		"tab behind":   {"hunter2\t\r\n", 0o600, exitcode.Usage, "PATH: begins or ends with a blank", plainText},
		"zero byte": {"hunter2\x00\n", 0o600, exitcode.Usage,
			"PATH: contains a control character, such as an arrow key's", ""},
		"UTF-16 without a mark": {"h\x00u\x00n\x00\n\x00", 0o600, exitcode.Usage, "PATH: is in UTF-16",
			"save the file again as plain text, with the secret alone on its line"},
		"read by others": {"hunter2", 0o644, exitcode.Refused, "PATH: others have access to it (mode 0644)",
			"chmod 600 PATH"},
		"written by group": {"hunter2", 0o620, exitcode.Refused, "PATH: others have access to it (mode 0620)",
			"chmod 600 PATH"},
	} {
		path := written(t, c.content, c.mode)
		s, err := SecretFile(path)
		if err == nil || err.Error() != strings.ReplaceAll(c.want, "PATH", path) || exitcode.Of(err) != c.code ||
			exitcode.HintOf(err) != strings.ReplaceAll(c.hint, "PATH", path) || s != nil {
			t.Errorf("%s: %v (status %d, hint %q)", name, err, exitcode.Of(err), exitcode.HintOf(err))
		}
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		dir + "/none": dir + "/none: no such file",
		dir:           dir + ": a folder, not a file",
	} {
		if _, err := SecretFile(path); err == nil || err.Error() != want || exitcode.Of(err) != exitcode.Usage {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func written(t *testing.T, content string, mode os.FileMode) string {
	t.Helper()
	path := t.TempDir() + "/pin"
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}
