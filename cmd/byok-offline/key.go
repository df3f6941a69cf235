package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"byok/internal/command"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/hsm"
	"byok/internal/term"
	"byok/internal/transfer"
	"byok/internal/world"
)

func keyCommands(p *command.Program) *cli.Command {
	return &cli.Command{Name: "key", Usage: "generate and look at keys", Subcommands: []*cli.Command{
		{
			Name: "generate", Usage: "generate a key on the HSM (generatekey)", Action: p.Step(generateKey),
			Flags: []cli.Flag{
				modulePathFlag(), pinFileFlag(), identFlag(),
				&cli.StringFlag{Name: "plainname", Usage: "`NAME` for people (default: the ident)"},
				&cli.StringFlag{Name: "type", Usage: "`TYPE` of the key: RSA, EC or AES", Value: "RSA"},
				&cli.IntFlag{Name: "size", Usage: "`BITS`: RSA 2048, 3072, 4096; AES 128, 192, 256", DefaultText: "RSA 2048, AES 256"},
				&cli.StringFlag{Name: "curve", Usage: "`CURVE` of an EC key: P-256, P-384, P-521, P-256K (default: P-256)"},
				&cli.StringFlag{Name: "pubexp", Usage: "RSA public `EXPONENT`, decimal or 0x hex (default: 65537)"},
				&cli.StringFlag{Name: "protect", Usage: "module: the only `PROTECTION` that can be transferred", Value: "module"},
			},
		},
		{Name: "list", Usage: "list the keys of this world (nfkminfo -k)", Action: p.Action(listKeys)},
		{Name: "show", Usage: "show one key", Action: p.Action(showKey), Flags: []cli.Flag{identFlag()}},
		{
			Name: "restore", Usage: "bring a key back from its backup, with a quorum of cards", Action: p.Step(restoreKey),
			Flags: slices.Concat([]cli.Flag{modulePathFlag(), pinFileFlag(), identFlag()}, cardFlags()),
		},
		{
			Name: "retire", Usage: "destroy a key on the HSM and keep its record", Action: p.Step(retireKey),
			Flags: []cli.Flag{modulePathFlag(), pinFileFlag(), identFlag(),
				&cli.StringFlag{Name: "really-destroy", Usage: "the `IDENT` again, instead of typing it at the prompt"}},
		},
	}}
}

func generateKey(r *command.Run) (command.Result, error) {
	request, err := keyRequest(r)
	if err != nil {
		return nil, err
	}
	w, err := openWorld(r)
	if err != nil {
		return nil, err
	}
	defer w.Close()
	op, err := w.login(r)
	if err != nil {
		return nil, err
	}
	printParameters(r, request)
	k, err := op.GenerateKey(request)
	if err != nil {
		return nil, err
	}
	r.Console.Say("key successfully generated")
	return describeKey(w.World, k), nil
}

// keyRequest reads the flags into a request that can be met.
func keyRequest(r *command.Run) (world.KeyRequest, error) {
	q := world.KeyRequest{Ident: r.String("ident"), PlainName: r.String("plainname")}
	if q.PlainName == "" {
		q.PlainName = q.Ident
	}
	if err := r.NoArgs(); err != nil {
		return q, err
	}
	if _, err := r.Required("ident"); err != nil {
		return q, err
	}
	if protect := r.String("protect"); protect != "module" {
		return q, exitcode.Errorf(exitcode.Usage, "--protect %s: only module-protected keys can be transferred, say --protect module", protect)
	}
	var err error
	if q.Spec, err = keySpec(r); err != nil {
		return q, err
	}
	return q, q.Check()
}

func keySpec(r *command.Run) (hsm.KeySpec, error) {
	s := hsm.KeySpec{Type: strings.ToUpper(r.String("type")), Bits: r.Int("size"), Curve: r.String("curve")}
	if s.Type == "EC" && r.IsSet("size") || s.Type != "EC" && r.IsSet("curve") || s.Type != "RSA" && r.IsSet("pubexp") {
		return s, exitcode.Errorf(exitcode.Usage, "--size is for RSA and AES keys, --curve for EC keys, --pubexp for RSA keys; the type is %s", s.Type)
	}
	switch {
	case s.Type == "RSA" && s.Bits == 0:
		s.Bits = 2048
	case s.Type == "AES" && s.Bits == 0:
		s.Bits = 256
	case s.Type == "EC" && s.Curve == "":
		s.Curve = "P-256"
	}
	exponent, err := exponent(r.String("pubexp"))
	s.Exponent = exponent
	return s, err
}

// exponent reads a public exponent; blank is the default, as in the seed's pubexp=.
func exponent(text string) (uint32, error) {
	if text == "" {
		return 0, nil
	}
	e, err := strconv.ParseUint(text, 0, 32)
	if err != nil || e > math.MaxInt32 {
		return 0, exitcode.Errorf(exitcode.Usage, "--pubexp %s: an odd number from 3 to %d is expected", text, math.MaxInt32)
	}
	return uint32(e), nil
}

// printParameters says what is about to be made, as generatekey did.
func printParameters(r *command.Run, q world.KeyRequest) {
	for _, row := range [][2]string{
		{"operation", "generate"}, {"application", world.Simple}, {"protect", "module"}, {"type", q.Spec.Type}, {"size", sizeText(q.Spec.Bits, q.Spec.Curve)},
		{"pubexp", exponentText(q.Spec)}, {"ident", q.Ident}, {"plainname", q.PlainName},
	} {
		r.Console.Say("%-12s %s", row[0], row[1])
	}
}

func exponentText(s hsm.KeySpec) string {
	switch {
	case s.Type != "RSA":
		return "-"
	case s.Exponent == 0:
		return "65537"
	}
	return strconv.FormatUint(uint64(s.Exponent), 10)
}

func sizeText(bits int, curve string) string {
	if curve != "" {
		return curve
	}
	return strconv.Itoa(bits)
}

func listKeys(r *command.Run) (command.Result, error) {
	if err := r.NoArgs(); err != nil {
		return nil, err
	}
	w, err := readWorld(r)
	if err != nil {
		return nil, err
	}
	keys, err := w.Keys()
	if err != nil {
		return nil, err
	}
	list := keyList{Keys: []keyView{}}
	for _, k := range keys {
		list.Keys = append(list.Keys, describeKey(w, k))
	}
	return list, nil
}

func showKey(r *command.Run) (command.Result, error) {
	ident, err := identOf(r)
	if err != nil {
		return nil, err
	}
	w, err := readWorld(r)
	if err != nil {
		return nil, err
	}
	k, err := w.Key(world.Simple, ident)
	if err != nil {
		return nil, err
	}
	return describeKey(w, k), nil
}

// keyView is what is shown of a key.
type keyView struct {
	world.KeyFile
	Path        string          `json:"path"`
	Fingerprint fingerprint.Sum `json:"public_key_spki_sha256"` // zeros for AES
}

func describeKey(w *world.World, k world.KeyFile) keyView {
	v := keyView{KeyFile: k, Path: w.Path(k)}
	if public, err := transfer.ParsePublicKey(k.PublicKey); err == nil {
		hash, _ := transfer.SPKIHash(public) // what parses encodes
		v.Fingerprint = fingerprint.Sum(hash)
	}
	return v
}

func (v keyView) Print(w io.Writer) error {
	rows := [][]string{
		{"key", v.Name() + standing(v.Rehearsal)}, {"plain name", v.PlainName}, {"type", v.KeyType + " " + sizeText(v.Bits, v.Curve)},
		{"permissions", strings.Join(v.Permissions, " ")}, {"module serial", v.Serial}, {"created", v.Created.Format("2006-01-02T15:04:05Z")},
	}
	if v.CheckValue != "" {
		rows = append(rows, []string{"check value", v.CheckValue})
	}
	if v.KEK != nil {
		rows = append(rows, []string{"for KEK", v.KEK.KID.String()}, []string{"KEK fingerprint", v.KEK.Fingerprint.Groups()})
	}
	if v.PublicKey != "" {
		rows = append(rows, []string{"public key", v.Fingerprint.Groups()})
	}
	return term.Table(w, append(rows, []string{"path to key", v.Path}))
}

type keyList struct {
	Keys []keyView `json:"keys"`
}

func (l keyList) Print(w io.Writer) error {
	rows := [][]string{{"APP", "IDENT", "TYPE", "PLAIN NAME", "CREATED"}}
	for _, k := range l.Keys {
		rows = append(rows, []string{k.App, k.Ident, k.KeyType + " " + sizeText(k.Bits, k.Curve), k.PlainName, k.Created.Format("2006-01-02T15:04:05Z")})
	}
	if err := term.Table(w, rows); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "%d key(s)\n", len(l.Keys))
	return err
}
