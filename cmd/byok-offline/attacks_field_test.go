package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"byok/internal/testkit/softhsm"
)

// field is the program, a toolset, and folders in which ceremonies are held.
type field struct {
	*station
	module, kek, world, sum string
}

// state is a ceremony's folder at one point of the procedure.
type state struct {
	*field
	name string
}

func newField(t *testing.T, s *station) *field {
	t.Helper()
	var r rig
	r.writeToolset(t)
	return &field{station: s, module: mustDo(softhsm.Library())(t), kek: r.kek, world: r.world, sum: r.sum}
}

// begin makes an empty folder with PINs, passphrases and a blank SoftHSM.
func (f *field) begin(t *testing.T) *field {
	t.Helper()
	dir := t.TempDir()
	in := &field{station: &station{binary: f.binary, dir: dir}, module: f.module, kek: f.kek, world: f.world, sum: f.sum}
	for _, name := range []string{"secrets", "out"} {
		in.folder(t, name)
	}
	in.file(t, "secrets/pin", attackPIN)
	for i := range 8 {
		in.folder(t, fmt.Sprintf("card%d", i+1))
		in.file(t, fmt.Sprintf("secrets/card%d", i+1), cardPassphraseOf(i+1))
	}
	return in.configured(t)
}

func cardPassphraseOf(card int) string { return fmt.Sprintf("passphrase of card %d", card) }

func (f *field) configured(t *testing.T) *field {
	t.Helper()
	f.env = []string{"BYOK_KMDATA=" + f.path("kmdata"), "SOFTHSM2_CONF=" + mustDo(softhsm.Configure(f.dir))(t)}
	return f
}

// copied is the same ceremony in another folder, token and all.
func (f *field) copied(t *testing.T) *field {
	t.Helper()
	dir := t.TempDir()
	if out, err := exec.Command("cp", "-a", f.dir+"/.", dir).CombinedOutput(); err != nil {
		t.Fatalf("cp: %v\n%s", err, out)
	}
	in := *f
	in.station = &station{binary: f.binary, dir: dir}
	return in.configured(t)
}

const withPIN = " --pin-file secrets/pin"

// withCards names cards on a command line; prefix is "" or "new-".
func withCards(prefix string, cards ...int) (flags string) {
	for _, n := range cards {
		flags += fmt.Sprintf(" --%scard card%d --%scard-pin-file secrets/card%d", prefix, n, prefix, n)
	}
	return flags
}

func (f *field) packages() string {
	return fmt.Sprintf(" -k %s -w %s --accept-unattested --fingerprint %s", f.kek, f.world, f.sum)
}

func idents() []string { return []string{"rsa", "ec", "aes"} }

// The commands of a ceremony with a quorum of 3/4.

func (f *field) create(t *testing.T) {
	f.must(t, "world create --module-path "+f.module+" --label "+attackLabel+" --acs-quorum 3/4 --rehearsal"+withPIN+withCards("", 1, 2, 3, 4)+
		" --holder Ada --holder Ben --holder Cleo --holder Dan")
}

func (f *field) each(t *testing.T, line string) {
	for _, ident := range idents() {
		f.must(t, strings.ReplaceAll(line, "IDENT", ident)+withPIN)
	}
}

func (f *field) modify(t *testing.T) {
	f.each(t, "acl modify --ident IDENT"+f.packages()+withCards("", 1, 2, 3))
}

func (f *field) pack(t *testing.T) {
	f.each(t, "package --ident IDENT"+f.packages()+" --subscription-id 00000000-0000-0000-0000-000000000000 --key-friendly-name Contoso-IDENT --out out")
}

func (f *field) replaceCards(t *testing.T) {
	f.must(t, "world replace-cards --acs-quorum 3/4"+withPIN+withCards("", 2, 3, 4)+withCards("new-", 5, 6, 7, 8)+
		" --new-holder Eve --new-holder Fay --new-holder Gus --new-holder Hal")
}

// states holds the ceremony and keeps a copy of its folder at every step.
func (f *field) states(t *testing.T) (list []state) {
	keep := func(name string, in *field) { list = append(list, state{in.copied(t), name}) }
	in := f.begin(t)
	in.create(t)
	keep("world created", in)
	in.each(t, "key generate --ident IDENT --type IDENT")
	keep("key generated", in)
	recovered, replaced := in.copied(t), in.copied(t)
	in.modify(t)
	keep("ACL modified", in)
	in.pack(t)
	keep("packaged", in)
	recovered.wipeToken(t)
	recovered.must(t, "world recover"+withPIN+withCards("", 1, 3, 4))
	recovered.each(t, "key restore --ident IDENT"+withCards("", 1, 3, 4))
	keep("recovered", recovered)
	replaced.replaceCards(t)
	keep("cards replaced", replaced)
	return list
}

func (f *field) wipeToken(t *testing.T) {
	t.Helper()
	if err := os.RemoveAll(f.path("tokens")); err != nil {
		t.Fatal(err)
	}
	f.configured(t)
}
