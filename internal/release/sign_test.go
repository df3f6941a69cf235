package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// shell runs a line in a folder, and answers with all that it writes and its status.
func shell(t *testing.T, dir, line string) (string, int) {
	t.Helper()
	command := exec.Command("bash", "-c", line)
	command.Dir = dir
	out, err := command.CombinedOutput()
	if command.ProcessState == nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(out), "\r", ""), command.ProcessState.ExitCode()
}

// key makes an SSH key, and answers with its public half.
func key(t *testing.T, file string) string {
	t.Helper()
	output(t, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", file)
	text, err := os.ReadFile(file + ".pub")
	check(t, err)
	check(t, os.Remove(file+".pub")) // SIGN_KEY is one file
	return string(text)
}

// signers is a folder with the script that signs, and the line of one key.
func signers(t *testing.T, listed string) string {
	t.Helper()
	root := t.TempDir()
	for _, name := range []string{"scripts/release/sign.sh", "docs/release-signers"} {
		check(t, os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o755))
		text, err := os.ReadFile(name)
		check(t, err)
		text = regexp.MustCompile("ssh-ed25519 .*\n").ReplaceAll(text, []byte(listed))
		check(t, os.WriteFile(filepath.Join(root, name), text, 0o755)) //nolint:gosec // a script
	}
	return root
}

// TestSign signs with a key that is listed, and with others.
func TestSign(t *testing.T) {
	dir := t.TempDir()
	root := signers(t, key(t, filepath.Join(dir, "listed")))
	key(t, filepath.Join(dir, "other"))
	check(t, os.WriteFile(filepath.Join(dir, "text"), []byte("text"), 0o644))
	for _, c := range []struct{ name, key, want string }{
		{"the key of docs/release-signers", "listed", ""},
		{"another key", "other", "release: KEY may not sign a release: its public half is not in docs/release-signers\n"},
		{"a file that is no key", "text", "Couldn't load public key KEY: No such file or directory\n" +
			"release: KEY cannot sign: give SIGN_KEY the private half of an SSH key\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "SHA256SUMS")
			check(t, os.WriteFile(file, []byte("hashes\n"), 0o644))
			for _, to := range []string{"", file} { // on trial, and in earnest
				got, _ := shell(t, root, "scripts/release/sign.sh "+filepath.Join(dir, c.key)+" "+to)
				if got = strings.ReplaceAll(got, filepath.Join(dir, c.key), "KEY"); got != c.want {
					t.Errorf("%q\nwant %q", got, c.want)
				}
			}
			if _, err := os.Stat(file + ".sig"); (err == nil) != (c.want == "") {
				t.Errorf("the signature: %v", err)
			}
		})
	}
}

// TestSignFirst: a key that is not listed is refused before anything is built, and
// the release that was there stays.
func TestSignFirst(t *testing.T) {
	dir := t.TempDir()
	check(t, os.WriteFile(filepath.Join(dir, "SHA256SUMS"), []byte("hashes\n"), 0o644))
	key(t, filepath.Join(dir, "other"))
	got, status := shell(t, ".", "BUILD=x LDFLAGS= GO=/nowhere SIGN_KEY="+dir+"/other scripts/release.sh "+dir)
	_, want, _ := strings.Cut(got, "release: "+dir+"/other ")
	if status != 1 || want != "may not sign a release: its public half is not in docs/release-signers\n" {
		t.Errorf("status %d: %s", status, got)
	}
	if got := below(t, dir); got != "SHA256SUMS\nother" {
		t.Errorf("left\n%s", got)
	}
}

// TestSigned types the commands of docs/release.md, over releases that somebody changed.
func TestSigned(t *testing.T) {
	page, err := os.ReadFile("docs/release.md")
	check(t, err)
	commands := regexp.MustCompile(`(?m)^\$ ((?:ssh-keygen|sha256sum) .*)$`).FindAllSubmatch(page, -1)
	if len(commands) != 2 {
		t.Fatalf("%d commands on the page", len(commands))
	}
	const bad = "Could not verify signature.\n"
	for _, c := range []struct {
		name, change string
		status       int
		want         string // the last lines
	}{
		{"nothing", "true", 0, "byok-offline.deb: OK\nman/a.1: OK\n"},
		{"a file that was not copied", "rm man/a.1", 0, "byok-offline.deb: OK\n"},
		{"a file", "echo x >>man/a.1", 1, "man/a.1: FAILED\nsha256sum: WARNING: 1 computed checksum did NOT match\n"},
		{"a file and its hash", "echo x >man/a.1; sha256sum byok* man/* >SHA256SUMS", 255, "Signature verification failed: incorrect signature\n" + bad},
		{"another key's signature", "rm *.sig; ssh-keygen -q -Y sign -f ../other -n byok-release SHA256SUMS", 255, bad},
		{"another namespace", "rm *.sig; ssh-keygen -q -Y sign -f ../listed -n file SHA256SUMS", 255, "Couldn't verify signature: namespace does not match\n" + bad},
		{"no signature", "rm *.sig", 255, "Couldn't read signature file: No such file or directory\n" + bad},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			root := signers(t, key(t, filepath.Join(dir, "listed")))
			key(t, filepath.Join(dir, "other"))
			release := filepath.Join(dir, "release")
			check(t, os.MkdirAll(filepath.Join(release, "man"), 0o755))
			steps := "echo deb >byok-offline.deb; echo page >man/a.1; sha256sum byok* man/* >SHA256SUMS; " +
				root + "/scripts/release/sign.sh " + dir + "/listed $PWD/SHA256SUMS; cp " + root + "/docs/release-signers .."
			shell(t, release, steps)
			shell(t, release, c.change)
			got, status := shell(t, release, string(bytes.Join([][]byte{commands[0][1], commands[1][1]}, []byte(" && "))))
			if status != c.status || !strings.HasSuffix(got, c.want) {
				t.Errorf("status %d, want %d: %s", status, c.status, got)
			}
		})
	}
}

// TestSigner: the page shows the fingerprint of the key that is listed.
func TestSigner(t *testing.T) {
	line, err := os.ReadFile("docs/release-signers")
	check(t, err)
	page, err := os.ReadFile("docs/release.md")
	check(t, err)
	file := filepath.Join(t.TempDir(), "key")
	check(t, os.WriteFile(file, line[bytes.Index(line, []byte("ssh-")):], 0o644))
	fingerprint := strings.Fields(output(t, "ssh-keygen", "-l", "-f", file))[1]
	if shown := "ED25519 key " + fingerprint + "\n"; !strings.Contains(string(page), shown) {
		t.Errorf("docs/release.md does not show %s", shown)
	}
}
