package world

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
)

func TestAccept(t *testing.T) {
	p, w := newWorld(t)
	if sums := must[[]fingerprint.Sum](t)(w.Accepted()); sums != nil {
		t.Errorf("accepted from the start: %v", sums)
	}
	kek, other := newKEK(t, true, "KEKforBYOK"), newKEK(t, true, "nextKEK")
	ok(t, w.Accept(kek.KID(), kek.Fingerprint()), w.Accept(other.KID(), other.Fingerprint()))
	path := p.path("accepted_kek_" + kek.Fingerprint().String())
	before := read(t, path)
	ok(t, w.Accept(kek.KID(), kek.Fingerprint()))
	if string(read(t, path)) != string(before) {
		t.Error("the record changed when it was made again")
	}
	sums := must[[]fingerprint.Sum](t)(must[*World](t)(Open(p.kmdata)).Accepted())
	if len(sums) != 2 || !slices.Contains(sums, kek.Fingerprint()) || !slices.Contains(sums, other.Fingerprint()) {
		t.Errorf("accepted %v", sums)
	}
	if keys := must[[]KeyFile](t)(w.Keys()); len(keys) != 0 {
		t.Errorf("taken for keys: %+v", keys)
	}
	for name, c := range map[string]struct{ content, want string }{
		"another fingerprint": {strings.ReplaceAll(string(before), kek.Fingerprint().String(), other.Fingerprint().String()), "is no record of an accepted KEK, or was renamed"},
		"another type":        {strings.Replace(string(before), "byok-accepted-kek", "byok-world", 1), "is no record of an accepted KEK, or was renamed"},
		"another version":     {strings.Replace(string(before), `"version": 1`, `"version": 2`, 1), "is no record of an accepted KEK, or was renamed"},
		"empty object":        {"{}", "is no record of an accepted KEK, or was renamed"},
		"cut":                 {string(before[:20]), "not valid JSON at byte 20, in field type"},
	} {
		t.Run(name, func(t *testing.T) {
			ok(t, os.WriteFile(path, []byte(c.content), 0o600))
			_, err := w.Accepted()
			expect(t, err, failure{path + ": " + c.want, exitcode.Usage, ""})
		})
	}
	ok(t, os.RemoveAll(filepath.Join(p.kmdata, "local")))
	if _, err := w.Accepted(); !os.IsNotExist(err) {
		t.Errorf("without a folder: %v", err)
	}
}
