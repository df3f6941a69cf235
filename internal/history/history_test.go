package history_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"byok/internal/ceremony"
	"byok/internal/fingerprint"
	"byok/internal/history"
	"byok/internal/keykind"
	"byok/internal/kmdata"
	"byok/internal/statement"
	"byok/internal/testkit/rig"
	"byok/internal/testkit/softworld"
)

// made is a world with the key k, approved for one KEK.
func made(t *testing.T) (*softworld.World, *kmdata.Key) {
	t.Helper()
	w, err := softworld.New(filepath.Join(t.TempDir(), "kmdata"), softworld.Options{Rehearsal: true})
	rig.OK(t, err)
	kind, err := keykind.Parse("P-256")
	rig.OK(t, err)
	key, err := softworld.NewKey(kind)
	rig.OK(t, err)
	_, err = w.Generate("k", key)
	rig.OK(t, err)
	exchange, err := softworld.NewKEK("https://localhost:8443")
	rig.OK(t, err)
	_, err = w.Transfer(softworld.Request{Ident: "k", Key: key, KEK: exchange})
	rig.OK(t, err)
	k, err := w.Chain.Key("k")
	rig.OK(t, err)
	return w, k
}

// end is the end of a command that did well.
func end(later time.Duration, command string, arguments ...string) ceremony.Event {
	return ceremony.Event{
		Time:      time.Now().Add(later),
		Command:   command,
		Phase:     ceremony.End,
		Result:    ceremony.Success,
		Arguments: arguments,
	}
}

// texts are the deeds, one after the other.
func texts(deeds []history.Deed) string {
	var all []string
	for _, d := range deeds {
		all = append(all, d.String())
	}
	return strings.Join(all, "; ")
}

// of is the history of a key by the statements and a log.
func of(w *softworld.World, log []ceremony.Event, k *kmdata.Key) ([]history.Deed, error) {
	r := history.New(w.Chain)
	for _, e := range log {
		r.Add(e)
	}
	return r.Of(k)
}

// TestOf: each deed where it belongs, and none of another key.
func TestOf(t *testing.T) {
	w, k := made(t)
	const begun = "generated; approved, k in https://localhost:8443"
	sum := fingerprint.Of([]byte("package"))
	packed := end(time.Hour, "package", "--ident=k", "--out=usb")
	packed.Outputs = []ceremony.File{{Path: "/usb/KeyTransferPackage-K.byok", SHA256: sum}, {Path: "/usb/K.pop.sig"}}
	uploaded := end(2*time.Hour, "upload")
	uploaded.Inputs = []ceremony.File{{Path: "K.byok", SHA256: sum}}
	uploaded.Notes = []ceremony.Note{{Name: "vault", Value: "V"}, {Name: "key", Value: "https://V/keys/K/1"}}
	several := uploaded
	several.Inputs = append(slices.Clone(several.Inputs), ceremony.File{Path: "L.byok"})
	failed := packed
	failed.Result = ceremony.Failure
	began := packed
	began.Phase = ceremony.Begin
	other := packed
	other.Arguments = []string{"--ident=k2"}
	batch := packed
	batch.Arguments = []string{"--ident=k2", "--ident=k", "--ident=k3"}
	batch.Outputs = []ceremony.File{{Path: "/usb/KeyTransferPackage-k2.byok"}, {Path: "/usb/KeyTransferPackage-k.byok", SHA256: sum}}
	early := batch
	early.Time = time.Now().Add(-time.Hour)
	const packaged = begun + "; packaged, KeyTransferPackage-K.byok"
	for _, c := range []struct {
		name string
		log  []ceremony.Event
		want string
	}{
		{"no log", nil, begun},
		{"packaged", []ceremony.Event{packed}, packaged},
		{"failed", []ceremony.Event{failed}, begun},
		{"only begun", []ceremony.Event{began}, begun},
		{"another key's", []ceremony.Event{other, uploaded}, begun},
		{"uploaded", []ceremony.Event{packed, uploaded}, packaged + "; uploaded, https://V/keys/K/1"},
		{"uploaded with others", []ceremony.Event{packed, several}, packaged + "; uploaded"},
		{"with others", []ceremony.Event{batch, uploaded},
			begun + "; packaged, KeyTransferPackage-k.byok; uploaded, https://V/keys/K/1"},
		{"before it was approved", []ceremony.Event{early}, begun},
		{"frozen", []ceremony.Event{end(time.Hour, "key freeze", "--ident=k")}, begun + "; frozen"},
	} {
		deeds, err := of(w, c.log, k)
		if got := texts(deeds); err != nil || got != c.want {
			t.Errorf("%s: %v: %s\nwant %s", c.name, err, got, c.want)
		}
	}
}

// TestWithoutAStatement: a key that no quorum saw was generated when its file
// was written, and a statement of another key of that name is not its own.
func TestWithoutAStatement(t *testing.T) {
	w, k := made(t)
	other := *k
	other.Identity = statement.Identity{KeyType: keykind.EC, PublicKey: "another"}
	deeds, err := of(w, nil, &other)
	if err != nil || len(deeds) != 1 || deeds[0].What != history.Generated || !deeds[0].Time.Equal(k.Created) {
		t.Errorf("%v, %+v", err, deeds)
	}
}

// TestRestoredAndRetired: a later statement, and the record of a retirement.
func TestRestoredAndRetired(t *testing.T) {
	w, k := made(t)
	origin, _ := w.Chain.Origin("k")
	again := *origin
	again.Restored = true
	_, err := w.Sign(&again)
	rig.OK(t, err)
	deeds, err := of(w, nil, k)
	if got := texts(deeds); err != nil || !strings.HasSuffix(got, "; restored") {
		t.Errorf("%v: %s", err, got)
	}
	retired := &kmdata.Retired{
		Signed: w.Chain.NewSigned(kmdata.TypeRetired, w.Module()), Ident: "k", Identity: k.Identity, Destroyed: 2,
	}
	rig.OK(t, w.Chain.WriteRetired(retired, w.KML[w.Module()]))
	deeds, err = of(w, nil, k)
	if got := texts(deeds); err != nil || !strings.HasSuffix(got, "; restored; retired") {
		t.Errorf("%v: %s", err, got)
	}
	rig.OK(t, os.WriteFile(w.Chain.RetiredPath("k"), []byte("torn"), 0o600))
	if _, err := of(w, nil, k); err == nil {
		t.Error("a retirement that cannot be read is not said")
	}
}
