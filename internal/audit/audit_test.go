package audit_test

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"byok/internal/audit"
	"byok/internal/bundle"
	"byok/internal/ceremony"
	"byok/internal/fingerprint"
	"byok/internal/kek"
	"byok/internal/keykind"
	"byok/internal/kmdata"
	"byok/internal/stamp"
	"byok/internal/statement"
	"byok/internal/testkit/softworld"
	"byok/internal/toolset"
	"byok/internal/transfer"
	"byok/internal/vault/proof"
)

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		check(t, err)
		return v
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// held is a ceremony that was held in software: kmdata with its log, and a stick
// with the rest.
type held struct {
	*softworld.World
	stick string
}

// append adds a command to a log, and returns the log's head.
func appendTo(t *testing.T, dir, program, command string) statement.LogHead {
	t.Helper()
	log := must(ceremony.Open(dir))(t)
	e := ceremony.Event{Time: stamp.Now(), Program: program, Version: "1", Command: command, Phase: ceremony.Begin}
	begin := must(log.Append(e))(t)
	e.Phase, e.Began, e.Result = ceremony.End, begin.Lines, ceremony.Success
	_ = must(log.Append(e))(t)
	head := must(log.Head())(t)
	return statement.LogHead(head)
}

// hold holds a ceremony for an EC key and a Premium vault.
func hold(t *testing.T) held {
	t.Helper()
	dir, stick := t.TempDir(), t.TempDir()
	commands := []string{"world create", "module accept", "key generate", "acl modify"}
	w := must(softworld.New(dir, softworld.Options{Log: func() statement.LogHead {
		next := "ceremony seal"
		if len(commands) > 0 {
			next, commands = commands[0], commands[1:]
		}
		return appendTo(t, dir, "byok-offline", next)
	}}))(t)
	h := held{w, stick}
	key := must(softworld.NewKey(must(keykind.Parse("P-256"))(t)))(t)
	_ = must(w.Generate("payroll", key))(t)
	exchange := must(softworld.NewKEK("https://contoso.vault.azure.net"))(t)
	pair := h.toolset(t, exchange)
	copies := must(w.Transfer(softworld.Request{
		Ident: "payroll", Key: key, KEK: exchange, Name: "Payroll",
		Change: func(a *statement.Approval) {
			a.KEK.Attested, a.KEK.Package, a.KEK.WorldPackage = false, pair[0], pair[1]
		},
	}))(t)
	p := must(transfer.Make(w.Chain, transfer.Request{
		Copy: copies[0], SubscriptionID: "00000000-0000-0000-0000-000000000000", Generator: "test",
	}, w.KML[w.Module()]))(t)
	paths := must(p.Write(stick))(t)
	h.prove(t, strings.TrimSuffix(paths[0], ".byok"), copies[0], exchange, key)
	_ = must(w.Seal())(t)
	connected := filepath.Join(stick, "connected")
	appendTo(t, connected, "byok-online", "upload")
	return h
}

// toolset writes the vault's packages, and returns their hashes.
func (h held) toolset(t *testing.T, k softworld.KEK) [2]fingerprint.Sum {
	t.Helper()
	now := stamp.Now()
	pair := must(toolset.NewPair(toolset.KEKPackage{
		Suffix: "CONTOSO", Generation: 1, Mark: kek.Production, KID: k.ID,
		PublicKey: must(keykind.MarshalPublicKey(k.Public))(t),
		KTY:       keykind.RSAHSM, KeyOps: []string{kek.OpImport}, Enabled: true, HSMPlatform: "2",
		Created: now.Add(-time.Hour), Expires: now.Add(time.Hour),
	}, toolset.SecurityWorldPackage{
		Suffix: "CONTOSO", Generation: 1, Mark: kek.Production, Service: kek.ServiceVault,
		Cloud: "AzurePublic", Vault: k.ID.Vault,
	}))(t)
	for name, data := range map[string][]byte{
		toolset.KEKName("CONTOSO", 1):           must(pair.KEK().Marshal())(t),
		toolset.SecurityWorldName("CONTOSO", 1): must(pair.SecurityWorld().Marshal())(t),
	} {
		check(t, os.WriteFile(filepath.Join(h.stick, name), data, 0o644))
	}
	return [2]fingerprint.Sum{pair.KEKHash(), pair.SecurityWorldHash()}
}

// prove writes the proof that a vault would give.
func (h held) prove(t *testing.T, stem string, c *kmdata.Key, k softworld.KEK, key softworld.Key) {
	t.Helper()
	id := kek.ID{Vault: k.ID.Vault, Name: "Payroll", Version: k.ID.Version}
	p := proof.New(id, kek.Production, stamp.Now())
	public := key.Public()
	check(t, p.Pose(public, c.Copy.Authorization, nil))
	p.Method, p.Algorithm = proof.MethodSign, proof.Algorithm(must(key.Kind())(t))
	p.Signature = must(key.Possess(p.Text()))(t)
	check(t, os.WriteFile(stem+".proof-20260102T030405Z.json", must(p.Marshal())(t), 0o644))
}

// bundle makes the ceremony's bundle.
func (h held) bundle(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "bundle")
	files := must(bundle.Collect(h.Dir, []string{h.stick}, ""))(t)
	check(t, bundle.Write(dir, files, h.Module(), h.KML[h.Module()].Sign))
	return dir
}

func TestFolder(t *testing.T) {
	h := hold(t)
	dir := h.bundle(t)
	r := audit.Folder(dir, fingerprint.Whole(h.Chain.HKNSO()))
	for _, l := range r.Lines {
		if !l.Pass {
			t.Errorf("%s: %s", l.What, l.Says)
		}
	}
	if r.World != "Contoso" || r.Statement != 5 || r.HKNSO != h.Chain.HKNSO() || len(r.Lines) < 12 {
		t.Errorf("%+v", r)
	}
	if out, err := script(dir, h.Chain.HKNSO().String()); err != nil || strings.Contains(out, "FAIL") {
		t.Errorf("check.sh: %v\n%s", err, out)
	}
	if r := audit.Folder(dir, fingerprint.Whole(fingerprint.Of(nil))); r.Failed() != 1 {
		t.Errorf("another hknso: %+v", r.Lines)
	}
	if out, err := script(dir, fingerprint.Of(nil).String()); err == nil {
		t.Errorf("check.sh takes another hknso:\n%s", out)
	}
}

// script runs the bundle's own script.
func script(dir string, words ...string) (string, error) {
	out, err := exec.Command("sh", append([]string{filepath.Join(dir, bundle.Script)}, words...)...).CombinedOutput()
	return string(out), err
}

// damage is a way to change a bundle's files by somebody who can make the list
// of hashes again, and is without a module's signing key.
type damage struct {
	name string
	make func(f bundle.Files, name string) bool // false where there is nothing to change
}

func damages() []damage {
	return []damage{
		{"a byte of it flipped", func(f bundle.Files, name string) bool {
			data := slices.Clone(f[name])
			data[len(data)/2] ^= 1
			f[name] = data
			return true
		}},
		{"removed", func(f bundle.Files, name string) bool {
			delete(f, name)
			return true
		}},
		{"its last line cut", func(f bundle.Files, name string) bool {
			lines := strings.SplitAfter(strings.TrimSuffix(string(f[name]), "\n"), "\n")
			f[name] = []byte(strings.Join(lines[:len(lines)-1], ""))
			return len(lines) > 1
		}},
	}
}

// TestDamage damages each file in each way, alone and with a new list of hashes:
// the audit and the script must both fail.
func TestDamage(t *testing.T) {
	h := hold(t)
	good := must(bundle.Read(h.bundle(t)))(t)
	tried, found := 0, 0
	for _, name := range slices.Sorted(maps.Keys(good)) {
		for _, d := range damages() {
			for _, relisted := range []bool{false, true} {
				files := maps.Clone(good)
				if !d.make(files, name) || relisted && (name == bundle.Sums || name == bundle.Signature) {
					continue
				}
				tried++
				if caught(t, name+": "+d.name, files, relisted) {
					found++
				}
			}
		}
	}
	t.Logf("damaged bundles found: %d of %d", found, tried)
	if tried < 100 {
		t.Errorf("only %d damages were tried", tried)
	}
}

// caught reports whether the audit fails for files; and the script, for those
// damages that a new list covers up.
func caught(t *testing.T, what string, files bundle.Files, relisted bool) bool {
	t.Helper()
	dir := t.TempDir()
	if relisted {
		listed := maps.Clone(files)
		delete(listed, bundle.Sums)
		delete(listed, bundle.Signature)
		files[bundle.Sums] = listed.List()
	}
	for name, data := range files {
		at := filepath.Join(dir, name)
		check(t, os.MkdirAll(filepath.Dir(at), 0o755))
		check(t, os.WriteFile(at, data, 0o644))
	}
	if audit.Folder(dir, fingerprint.Prefix{}).Failed() == 0 {
		t.Errorf("%s: the audit finds nothing", what)
		return false
	}
	if _, there := files[bundle.Script]; !there || !relisted || strings.HasSuffix(what, ": removed") {
		return true
	}
	if out, err := script(dir); err == nil {
		t.Errorf("%s: check.sh finds nothing\n%s", what, out)
		return false
	}
	return true
}
