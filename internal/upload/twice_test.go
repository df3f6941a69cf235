package upload

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/rehearsal"
	"byok/internal/testkit/practice"
)

// TestDistinct has ten thousand packages of which the last is the first again.
func TestDistinct(t *testing.T) {
	dir := t.TempDir()
	for n := range 10000 {
		content := []byte(fmt.Sprint(n % 9999))
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%04d.byok", n)), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	files, err := Find([]string{dir})
	if err != nil {
		t.Fatal(err)
	}
	expect(t, "the last", Distinct(files), exitcode.Usage,
		files[0]+" and "+files[9999]+" are the same package; nothing was sent")
	expect(t, "without it", Distinct(files[:9999]), exitcode.Done, "")
	if err := os.WriteFile(filepath.Join(dir, "9999.manifest.json"), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	expect(t, "with another manifest", Distinct(files), exitcode.Done, "")
	expect(t, "not files", Distinct([]string{"none.byok", "none.byok", "a.zip", "a.zip"}), exitcode.Done, "")
}

// TestOnePair has two packages of one approved pair that differ in their bytes.
func TestOnePair(t *testing.T) {
	b := batchOf("a", "b", "c", "d")
	for _, n := range []int{1, 3} {
		b.items[n].wrapped = fingerprint.Of([]byte("pair"))
	}
	expect(t, "two", b.refuseTwice(), exitcode.Usage, "b.byok and d.byok are the same package; nothing was sent")
	b.items[3].wrapped = fingerprint.Of([]byte("another"))
	expect(t, "none", b.refuseTwice(), exitcode.Done, "")
}

// TestCopiedStick has a folder with a copy of another one: nothing is sent.
func TestCopiedStick(t *testing.T) {
	t.Parallel()
	v, stick := practice.Start(t, rehearsal.Config{}), t.TempDir()
	dir := packages(t, v, 3)
	for _, name := range []string{"a", "b"} {
		if err := os.CopyFS(filepath.Join(stick, name), os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
	}
	files, err := Find([]string{stick})
	if err != nil || len(files) != 6 {
		t.Fatal(files, err)
	}
	_, err = Read(files, Options{}, everyWorld{})
	expect(t, "copied", err, exitcode.Usage, files[0]+" and "+files[3]+" are the same package; nothing was sent")
}

// TestPolicies has several packages of which each takes the policy approved.
func TestPolicies(t *testing.T) {
	other := []byte(`{"version":"1.0.1"}`)
	o := Options{Policies: [][]byte{other, policy}}
	for _, c := range []struct {
		name string
		i    *Item
		want string // its policy
		err  string
	}{
		{"exportable", &Item{}, string(policy), ""},
		{"not exportable", &Item{}, "", ""},
		{"its policy is missing", &Item{}, "", "k.byok: the quorum approved an exportable key with the release policy " +
			fingerprint.Of(policy).String() + ", which is needed here"},
	} {
		target, given := approved(exportable), o
		if c.name == "not exportable" {
			target = approved()
		}
		if c.err != "" {
			given.Policies = given.Policies[:1]
		}
		r, err := given.approved(target.ReleasePolicy).request("k.byok", target)
		code := exitcode.Done
		if c.err != "" {
			code = exitcode.Usage
		}
		expect(t, c.name, err, code, c.err)
		if string(r.ReleasePolicy) != c.want {
			t.Errorf("%s: %s", c.name, r.ReleasePolicy)
		}
	}
	b := batchOf("a", "b")
	b.items[0].request.ReleasePolicy = policy
	expect(t, "one is for none", b.checkPolicies(o.Policies), exitcode.Refused,
		"--release-policy: no package was approved with the release policy "+fingerprint.Of(other).String())
	expect(t, "each is for one", b.checkPolicies(o.Policies[1:]), exitcode.Done, "")
	if one := (Options{Policies: [][]byte{policy}}).of(1); string(one.ReleasePolicy) != string(policy) {
		t.Errorf("%+v", one)
	}
	if two := (Options{Policies: [][]byte{policy}}).of(2); two.ReleasePolicy != nil || len(two.Policies) != 1 {
		t.Errorf("%+v", two)
	}
	foreign := Options{Policies: o.Policies, Foreign: &Foreign{}}
	expect(t, "no authorization", foreign.Check(3), exitcode.Usage,
		"--release-policy: no authorization says which of the 3 keys each belongs to")
	foreign.Policies = o.Policies[:1]
	if all := foreign.of(3); string(all.ReleasePolicy) != string(other) {
		t.Errorf("%+v", all)
	}
}

// packedAgain is the package of another key by the name good.
func packedAgain(t *testing.T, v *practice.Vault) string {
	t.Helper()
	path, err := v.Pack(t.TempDir(), "good", "P-256")
	if err != nil {
		t.Fatal(err)
	}
	return path
}
