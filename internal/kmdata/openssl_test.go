package kmdata_test

import (
	"os/exec"
	"path/filepath"
	"testing"

	"byok/internal/kmdata"
)

// openssl checks a signature as an auditor does. Without it the test fails.
func (f *folder) openssl(public, path, sig string) {
	f.Helper()
	if _, err := exec.LookPath("openssl"); err != nil {
		f.Fatal("this test needs the openssl command: apt-get install openssl")
	}
	pem := filepath.Join(f.TempDir(), "key.pem")
	f.write(pem, []byte(public))
	out, err := exec.Command("openssl", "dgst", "-sha256", "-verify", pem, "-signature", sig, path).CombinedOutput()
	if err != nil || string(out) != "Verified OK\n" {
		f.Errorf("%s: %v, %s", path, err, out)
	}
}

// Every signature of a folder is checked by openssl.
func TestOpensslChecksEveryFile(t *testing.T) {
	f := copied(t)
	for n := worldFile; n <= lastSeal; n++ {
		path := f.statement(n)
		f.openssl(f.knso(n).Text(), path, kmdata.SignaturePath(path))
	}
	f.openssl(f.Sets[1].KNSO.Text(), f.statement(cards), kmdata.SecondPath(f.statement(cards)))
	for _, name := range []string{"key_simple_ec", rsa, rsaCopy, aesCopy} {
		f.openssl(f.KML[f.a].Text(), f.local(name), f.local(name+".sig"))
	}
}
