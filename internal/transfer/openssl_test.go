package transfer_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"byok/internal/fingerprint"
	"byok/internal/statement"
)

// openssl runs the judge. It is a part of the test: without it the test fails.
func openssl(t testing.TB, args ...string) []byte {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Fatal("this test needs the openssl command: apt-get install openssl")
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.Command("openssl", args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Errorf("openssl %s: %v\n%s%s", strings.Join(args, " "), err, &stdout, &stderr)
	}
	return stdout.Bytes()
}

// temp puts text into a new file and returns its path.
func temp(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	check(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func judge(t testing.TB, digest, public, path, sig string) {
	t.Helper()
	out := openssl(t, "dgst", digest, "-verify", temp(t, public), "-signature", sig, path)
	if string(out) != "Verified OK\n" {
		t.Errorf("%s: %s", sig, out)
	}
}

// Every signature of a package is checked as the documents tell an auditor to,
// from the files as they are. A proof of possession has the digest of its key.
func TestOpensslChecksAPackage(t *testing.T) {
	digests := map[string]string{"P-384": "-sha384", "P-521": "-sha512"}
	for _, dir := range vectors(t, "package/valid/*") {
		at := func(end string) string { return filepath.Join(dir, valid(t, filepath.Base(dir)).end(end)) }
		parse := func(end string) statement.Statement { return must(statement.Parse(end, read(t, at(end))))(t) }
		knso := parse(".world.json").(*statement.World).KNSO.PublicKey
		judge(t, "-sha256", knso, at(".world.json"), at(".world.sig"))
		for _, end := range []string{".cards-2", ".cards-3"} {
			if _, err := os.Stat(at(end + ".json")); err != nil {
				continue
			}
			judge(t, "-sha256", knso, at(end+".json"), at(end+".sig"))
			knso = parse(end + ".json").(*statement.Cards).KNSO.PublicKey
			judge(t, "-sha256", knso, at(end+".json"), at(end+".new.sig"))
		}
		judge(t, "-sha256", knso, at(".module.json"), at(".module.sig"))
		judge(t, "-sha256", knso, at(".authorization.json"), at(".authorization.sig"))
		judge(t, "-sha256", parse(".module.json").(*statement.Module).KML, at(".manifest.json"), at(".manifest.sig"))

		a := must(verified(at(".byok"), sums(t, read(t, filepath.Join(dir, "hknso")))[0]))(t)
		if a.Facts().Pair.Secret() {
			continue
		}
		sum := fingerprint.Of(read(t, at(".authorization.json")))
		text := temp(t, "byok proof of possession v1\ntransfer authorization\n"+sum.String()+"\n")
		digest, ok := digests[a.Facts().Pair.Identity.String()]
		if !ok {
			digest = "-sha256"
		}
		judge(t, digest, a.Facts().Pair.PublicKey, text, at(".pop.sig"))
	}
}
