package packing_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/hsm"
	"byok/internal/keys"
	"byok/internal/kmdata"
	"byok/internal/packing"
	"byok/internal/session"
	"byok/internal/statement"
	"byok/internal/testkit/rig"
	"byok/internal/transfer"
	"byok/internal/world"
)

func TestMain(m *testing.M) { rig.Main(m) }

const subscription = "11111111-2222-4333-8444-555555555555"

// request asks for the package of a key, under a name, in a folder.
func request(ident, name, dir string) packing.Request {
	return packing.Request{Ident: ident, Name: name, SubscriptionID: subscription, Dir: dir, Generator: "test"}
}

// packAll writes packages as the operator.
func packAll(r *rig.Rig, list ...packing.Request) (packed []packing.Packed, err error) {
	err = r.Operator(func(o *session.Operator) (err error) {
		packed, err = keys.Operator{Operator: o}.Packer().Pack(list, nil)
		return err
	})
	return packed, err
}

// pack writes the package of a key under a name into a folder.
func pack(r *rig.Rig, ident, name, dir string) (packing.Packed, error) {
	packed, err := packAll(r, request(ident, name, dir))
	if err != nil {
		return packing.Packed{}, err
	}
	return packed[0], nil
}

// transferOf asks for the approval of a key under a name.
func transferOf(t testing.TB, r *rig.Rig, k rig.KEK, ident, name string) keys.Transfer {
	t.Helper()
	file, err := r.Chain(t).Key(ident)
	rig.OK(t, err)
	kind, err := file.Kind()
	rig.OK(t, err)
	return keys.Transfer{Ident: ident, KEK: k.KEK, Target: statement.Target{Vault: k.ID().Vault, Name: name, KeyOps: kind.KeyOps()}}
}

// approve has the quorum approve keys.
func approve(r *rig.Rig, list ...keys.Transfer) (files []*kmdata.Key, err error) {
	err = r.Quorum(func(s *session.Quorum) (err error) {
		files, err = keys.Quorum{Quorum: s}.Approve(list)
		return err
	})
	return files, err
}

func TestPackage(t *testing.T) {
	r := rig.NewKeyWorld(t)
	k := rig.NewKEK(t, "KEK1")
	files, err := approve(r, transferOf(t, r, k, "first", "One"), transferOf(t, r, k, "first", "Two"))
	rig.OK(t, err)
	dir := t.TempDir()
	packed, err := pack(r, "first", "", dir)
	rig.OK(t, err)
	if packed.Pair.Target.Name != "Two" || filepath.Base(packed.Paths[0]) != "KeyTransferPackage-Two.byok" {
		t.Errorf("%s %q", packed.Pair.Target.Name, packed.Paths)
	}
	p, err := transfer.ReadPackage(packed.Paths[0])
	rig.OK(t, err)
	approved, err := p.Verify(r.Chain(t).HKNSO())
	rig.OK(t, err)
	if f := approved.Facts(); f.Sum != files[1].Copy.Authorization || f.Manifest.SubscriptionID != subscription {
		t.Errorf("%+v", f.Manifest)
	}
	again, err := pack(r, "first", "Two", dir) // an interrupted run had come to its end
	rig.OK(t, err)
	if again.Paths[0] != packed.Paths[0] {
		t.Errorf("%q", again.Paths)
	}
	one, err := pack(r, "first", "One", dir)
	rig.OK(t, err)
	if one.Pair.Wrapped != fingerprint.Of(files[0].Copy.Ciphertext) {
		t.Error("the package is of another pair")
	}
}

// TestPackageForKEK: of two approvals of one key under one name, the one for the
// KEK whose packages are named.
func TestPackageForKEK(t *testing.T) {
	r := rig.NewKeyWorld(t)
	one, two := rig.NewKEK(t, "KEK1"), rig.NewKEK(t, "KEK2")
	_, err := approve(r, transferOf(t, r, one, "first", "One"), transferOf(t, r, two, "first", "One"))
	rig.OK(t, err)
	request := request("first", "One", "")
	for _, k := range []rig.KEK{one, two} {
		request.Dir = t.TempDir()
		request.KEK = packing.KEK{Package: k.KEKPackageHash(), World: k.SecurityWorldPackageHash()}
		packed, err := packAll(r, request)
		rig.OK(t, err)
		if packed[0].Pair.KEK.KID != k.ID() {
			t.Errorf("packed for %v, not %v", packed[0].Pair.KEK.KID, k.ID())
		}
	}
	request.KEK.World = fingerprint.Sum{1}
	_, err = packAll(r, request)
	r.Refused(t, err, exitcode.Usage,
		"no quorum approved key_simple_first under the name One for that KEK package and SecurityWorld package",
		"byok-offline acl modify --ident first -k KEKPKG -w SWPKG --card DIR …")
}

func TestPackageRefused(t *testing.T) {
	r := rig.NewKeyWorld(t)
	hint := "byok-offline acl modify --ident first -k KEKPKG -w SWPKG --card DIR …"
	_, err := pack(r, "first", "", t.TempDir())
	r.Refused(t, err, exitcode.Usage, "no quorum approved key_simple_first", hint)
	k := rig.NewKEK(t, "KEK1")
	files, err := approve(r, transferOf(t, r, k, "first", "One"))
	rig.OK(t, err)
	_, err = pack(r, "first", "Other", t.TempDir())
	r.Refused(t, err, exitcode.Usage, "no quorum approved key_simple_first under the name Other", hint)
	file := filepath.Join(t.TempDir(), "file")
	rig.OK(t, os.WriteFile(file, nil, 0o600))
	_, err = pack(r, "first", "One", file)
	if err == nil {
		t.Error("a package is written into a file")
	}
	if _, err = pack(r, "first", "One", filepath.Join(t.TempDir(), "new")); err == nil {
		t.Error("a folder is made for a package")
	}
	dir := t.TempDir()
	rig.OK(t, os.WriteFile(filepath.Join(dir, "KeyTransferPackage-One.byok"), []byte("another"), 0o600))
	_, err = pack(r, "first", "One", dir)
	r.Refused(t, err, exitcode.Refused, dir+"/KeyTransferPackage-One.byok already exists and is never overwritten",
		"choose another folder with --out")
	r.Attack(t, r.Label, rig.UserPIN, func(a *rig.Attacker) { a.Remove(statement.KWLabel(r.Chain(t).Modules()[0].Module, 1)) })
	_, err = pack(r, "first", "One", t.TempDir())
	r.Refused(t, err, exitcode.Check, `token "test world" (serial SERIAL) lacks byok-kw-MODULE-1`,
		"byok-offline world replace-cards makes the trusted keys again; world check shows more")
	rig.OK(t, os.WriteFile(filepath.Join(r.Dir, "local", files[0].Name()+".sig"), []byte("x"), 0o600))
	if _, err = pack(r, "first", "One", t.TempDir()); exitcode.Of(err) != exitcode.Check {
		t.Errorf("%v", err)
	}
}

// TestAttackCopyOfAnotherPair: KML can sign that a wrapped copy belongs to
// whatever authorization; that decides.
func TestAttackCopyOfAnotherPair(t *testing.T) {
	r := rig.NewKeyWorld(t)
	rig.OK(t, r.Operator(func(o *session.Operator) error {
		_, err := keys.Operator{Operator: o}.Generate(keys.Generation{Ident: "second", Spec: hsm.Spec{Kind: rig.Kind(t, "P-256")}})
		return err
	}))
	k := rig.NewKEK(t, "KEK1")
	files, err := approve(r, transferOf(t, r, k, "first", "First"), transferOf(t, r, k, "second", "Second"))
	rig.OK(t, err)
	for _, c := range []struct {
		name   string
		change func(f *kmdata.Key)
		code   exitcode.Code
		text   string
	}{
		{"the ciphertext of the other", func(f *kmdata.Key) { f.Copy.Ciphertext = files[1].Copy.Ciphertext }, exitcode.Check, ""},
		{"the pair of the other", func(f *kmdata.Key) { f.Copy.Index = 1 }, exitcode.Check,
			"key_xferacld_first_000004-1 does not belong to statement 4 (authorization)"},
		{"a pair that is not there", func(f *kmdata.Key) { f.Copy.Index = 7 }, exitcode.Check,
			"key_xferacld_first_000004-7 does not belong to statement 4 (authorization)"},
		{"an authorization that is none", func(f *kmdata.Key) { f.Copy.Number = 3 }, exitcode.Check,
			"statement 3 is not an authorization of this world"},
	} {
		t.Run(c.name, func(t *testing.T) {
			other := *r
			other.Dir = t.TempDir()
			rig.OK(t, os.CopyFS(other.Dir, os.DirFS(r.Dir)))
			path := filepath.Join(other.Dir, "local", files[0].Name())
			rig.OK(t, os.Remove(path))
			rig.OK(t, os.Remove(path+".sig"))
			f, copied := *files[0], *files[0].Copy
			f.Copy = &copied
			c.change(&f)
			rig.OK(t, other.Operator(func(o *session.Operator) error { return o.Chain.WriteKey(&f, o) }))
			_, err := pack(&other, "first", "", t.TempDir())
			if c.text != "" {
				other.Refused(t, err, c.code, c.text, "")
			} else if exitcode.Of(err) != c.code {
				t.Errorf("%v", err)
			}
		})
	}
}

// TestAttackApprovalOfOldCards: what replaced cards have signed counts no more.
func TestAttackApprovalOfOldCards(t *testing.T) {
	r := rig.NewKeyWorld(t)
	_, err := approve(r, transferOf(t, r, rig.NewKEK(t, "KEK1"), "first", "First"))
	rig.OK(t, err)
	old := r.NewCards(t, 3)
	station, err := r.Connect()
	rig.OK(t, err)
	s, err := session.Begin(r.Access(), station, old[:2])
	rig.OK(t, err)
	rig.OK(t, world.Quorum{Quorum: s}.ReplaceCards(world.Replacement{
		CardOrder: r.Order(2), NewUI: r.People, Old: old[:2], OldUI: r.People,
	}))
	s.Close()
	station.Close()
	_, err = pack(r, "first", "", t.TempDir())
	r.Refused(t, err, exitcode.Refused, "statement 4 (authorization) was signed by cards that statement 5 has replaced",
		"byok-offline acl modify asks the new card holders to approve the key")
}

// TestAttackTrustedWhilePacked: the trusted objects are exact before KML signs,
// and afterwards; otherwise no file is written.
func TestAttackTrustedWhilePacked(t *testing.T) {
	r := rig.NewKeyWorld(t)
	_, err := approve(r, transferOf(t, r, rig.NewKEK(t, "KEK1"), "first", "First"))
	rig.OK(t, err)
	for at := 1; at <= 2; at++ {
		dir, foreign, n := t.TempDir(), errors.New("a foreign trusted key"), 0
		err := r.Operator(func(o *session.Operator) error {
			packer := keys.Operator{Operator: o}.Packer()
			packer.Check = func() error {
				if n++; n == at {
					return foreign
				}
				return nil
			}
			_, err := packer.Pack([]packing.Request{request("first", "", dir)}, nil)
			return err
		})
		files, globErr := filepath.Glob(filepath.Join(dir, "*"))
		rig.OK(t, globErr)
		if !errors.Is(err, foreign) || len(files) > 0 {
			t.Errorf("look %d: %v, and wrote %q", at, err, files)
		}
	}
}

// TestComplete: a package that an earlier run has written whole is known without
// a login; what no quorum approved is refused, and so is another package.
func TestComplete(t *testing.T) {
	r := rig.NewKeyWorld(t)
	request := request("first", "", t.TempDir())
	_, err := request.Complete(r.Chain(t))
	r.Refused(t, err, exitcode.Usage, "no quorum approved key_simple_first",
		"byok-offline acl modify --ident first -k KEKPKG -w SWPKG --card DIR …")
	_, err = approve(r, transferOf(t, r, rig.NewKEK(t, "KEK1"), "first", "First"))
	rig.OK(t, err)
	before, err := request.Complete(r.Chain(t))
	rig.OK(t, err)
	if len(before.Paths) != 0 {
		t.Errorf("nothing was written: %q", before.Paths)
	}
	packed, err := pack(r, "first", "", request.Dir)
	rig.OK(t, err)
	after, err := request.Complete(r.Chain(t))
	rig.OK(t, err)
	if len(after.Paths) != len(packed.Paths) {
		t.Errorf("%q", after.Paths)
	}
	request.SubscriptionID = "00000000-0000-0000-0000-000000000000"
	_, err = request.Complete(r.Chain(t))
	if exitcode.Of(err) != exitcode.Refused {
		t.Errorf("another package: %v", err)
	}
}

// TestRow writes several packages into two folders at once: the token is looked at
// twice, an error leaves nothing of the folder that it is in, and the packages that
// are there are not written again.
func TestRow(t *testing.T) {
	r := rig.NewKeyWorld(t)
	one, two := rig.NewKEK(t, "KEK1"), rig.NewKEK(t, "KEK2")
	_, err := approve(r, transferOf(t, r, one, "first", "One"), transferOf(t, r, one, "first", "Other"),
		transferOf(t, r, two, "first", "Two"))
	rig.OK(t, err)
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	rig.OK(t, os.Mkdir(a, 0o700))
	list := []packing.Request{request("first", "One", a), request("first", "Two", b), request("first", "Other", a)}
	looks := 0
	run := func() (packed []packing.Packed, done []string, err error) {
		looks = 0
		err = r.Operator(func(o *session.Operator) (err error) {
			packer := keys.Operator{Operator: o}.Packer()
			check := packer.Check
			packer.Check = func() error { looks++; return check() }
			packed, err = packer.Pack(list, func(p packing.Packed) { done = append(done, p.Pair.Target.Name) })
			return err
		})
		return packed, done, err
	}
	packed, done, err := run()
	r.Refused(t, err, exitcode.Usage, b+": there is no such folder", "")
	if len(packed) != 2 || !slices.Equal(done, []string{"One", "Other"}) || looks != 2 {
		t.Errorf("%v, %q, %d looks", packed, done, looks)
	}
	rig.OK(t, os.Mkdir(b, 0o700))
	packed, done, err = run()
	rig.OK(t, err)
	if !slices.Equal(done, []string{"One", "Two", "Other"}) || looks != 2 {
		t.Errorf("%q, %d looks", done, looks)
	}
	for i, p := range packed {
		_, err := transfer.ReadPackage(p.Paths[0])
		rig.OK(t, err)
		if filepath.Dir(p.Paths[0]) != list[i].Dir {
			t.Errorf("%s is in %s", list[i].Name, p.Paths[0])
		}
	}
	if _, _, err = run(); err != nil || looks != 0 {
		t.Errorf("a run with nothing left to do: %v, %d looks", err, looks)
	}
}
