// Package held is a ceremony that was held in software, for tests of what is read
// of its record: one world, one EC key, one Premium vault, its package and proof.
package held

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"byok/internal/bundle"
	"byok/internal/ceremony"
	"byok/internal/fingerprint"
	"byok/internal/kek"
	"byok/internal/keykind"
	"byok/internal/kmdata"
	"byok/internal/proof"
	"byok/internal/register"
	"byok/internal/report"
	"byok/internal/stamp"
	"byok/internal/statement"
	"byok/internal/testkit/softworld"
	"byok/internal/toolset"
	"byok/internal/transfer"
	"byok/internal/version"
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

// Ceremony is a ceremony that was held: kmdata with its log, and a stick with the
// rest.
type Ceremony struct {
	*softworld.World
	Stick string
}

// appendTo adds a command to a log, with an end as change leaves it, and returns
// the log's head.
func appendTo(t *testing.T, dir, program, command string, change func(*ceremony.Event)) statement.LogHead {
	t.Helper()
	log := must(ceremony.Open(dir))(t)
	e := ceremony.Event{
		Time: stamp.Now(), Program: program, Version: "1", Executable: fingerprint.Of([]byte(program)),
		Command: command, Phase: ceremony.Begin, Operator: "olga@room-12",
	}
	begin := must(log.Append(e))(t)
	e.Executable, e.Phase, e.Began, e.Result = fingerprint.Sum{}, ceremony.End, begin.Lines, ceremony.Success
	change(&e)
	_ = must(log.Append(e))(t)
	head := must(log.Head())(t)
	return statement.LogHead(head)
}

// Hold holds a ceremony for an EC key and a Premium vault.
func Hold(t *testing.T) Ceremony {
	t.Helper()
	dir, stick := t.TempDir(), t.TempDir()
	commands := []string{"world create", "module accept", "key generate", "acl modify"}
	w := must(softworld.New(dir, softworld.Options{Log: func() statement.LogHead {
		next := "ceremony seal"
		if len(commands) > 0 {
			next, commands = commands[0], commands[1:]
		}
		return appendTo(t, dir, "byok-offline", next, func(*ceremony.Event) {})
	}}))(t)
	h := Ceremony{w, stick}
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
	h.sealed(t)
	_ = must(w.Seal())(t)
	h.connected(t, paths[0], exchange)
	return h
}

// sealed has the module seal the disconnected workstation's log, in between.
func (h Ceremony) sealed(t *testing.T) {
	t.Helper()
	log := must(ceremony.Open(h.Dir))(t)
	kml := h.KML[h.Module()]
	e := ceremony.Event{Time: stamp.Now(), Program: "byok-offline", Version: "1", Command: "ceremony seal", Began: 1}
	_ = must(log.Seal(e, func(head ceremony.Head) (ceremony.Seal, error) {
		sig, err := kml.Sign(head.Text())
		return ceremony.Seal{Module: h.Module(), KML: kml.Sum(), Signature: sig}, err
	}))(t)
}

// connected writes the connected workstation's log.
func (h Ceremony) connected(t *testing.T, blob string, k softworld.KEK) {
	t.Helper()
	dir := filepath.Join(h.Stick, "connected")
	appendTo(t, dir, "byok-online", "kek create", func(e *ceremony.Event) { e.AddNote("KEK", k.ID.String()) })
	sum := fingerprint.Of(must(os.ReadFile(blob))(t))
	appendTo(t, dir, "byok-online", "upload", func(e *ceremony.Event) {
		e.AddInput(blob, sum)
		e.AddNote(register.NoteKey, kek.ID{Vault: k.ID.Vault, Name: "Payroll", Version: k.ID.Version}.String())
	})
}

// toolset writes the vault's packages, and returns their hashes.
func (h Ceremony) toolset(t *testing.T, k softworld.KEK) [2]fingerprint.Sum {
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
		check(t, os.WriteFile(filepath.Join(h.Stick, name), data, 0o644))
	}
	return [2]fingerprint.Sum{pair.KEKHash(), pair.SecurityWorldHash()}
}

// prove writes the proof that a vault would give.
func (h Ceremony) prove(t *testing.T, stem string, c *kmdata.Key, k softworld.KEK, key softworld.Key) {
	t.Helper()
	id := kek.ID{Vault: k.ID.Vault, Name: "Payroll", Version: k.ID.Version}
	p := proof.New(id, kek.Production, stamp.Now())
	public := key.Public()
	check(t, p.Pose(public, c.Copy.Authorization, nil))
	p.Method, p.Algorithm = proof.MethodSign, proof.Algorithm(must(key.Kind())(t))
	p.Signature = must(key.Possess(p.Text()))(t)
	check(t, os.WriteFile(stem+".proof-20260102T030405Z.json", must(p.Marshal())(t), 0o644))
}

// Bundle makes the ceremony's bundle, with the plan in a file, or "" for none.
func (h Ceremony) Bundle(t *testing.T, plan string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "bundle")
	found := must(bundle.Collect(h.Dir, []string{h.Stick}, plan))(t)
	maker := bundle.Maker{
		Module: h.Module(),
		By:     bundle.NewSoftware("byok-offline", fingerprint.Of(nil), version.Built(), nil),
		Sign:   h.KML[h.Module()].Sign,
		Report: report.Make,
	}
	check(t, maker.Make(dir, found.Files))
	return dir
}
