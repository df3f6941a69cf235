package preflight

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"byok/internal/command"
	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/kek"
	"byok/internal/keykind"
	"byok/internal/keys"
	"byok/internal/printable"
	"byok/internal/statement"
)

// generations reads the keys that are to be made: those of the plan, or those of
// --ident, which are of one kind.
func (f *Facts) generations() error {
	if err := f.orders(); err != nil {
		return err
	}
	if err := f.how(); err != nil {
		return err
	}
	if f.Plan != nil {
		for _, k := range f.Plan.Keys {
			f.Generations = append(f.Generations, keys.Generation{
				Ident: k.Ident, Spec: hsm.Spec{Kind: k.Kind()}, Replaces: k.Replaces,
			})
		}
		return nil
	}
	return f.ofOptions()
}

// how refuses ways to make a key that do not go together.
func (f *Facts) how() error {
	if err := checkJobs(f.Run); err != nil {
		return err
	}
	if protect := f.Run.String("protect"); protect != "module" {
		return exitcode.Errorf(exitcode.Usage, "--protect %s: only module-protected keys can be transferred", protect).
			Hint("give --protect module")
	}
	switch alone, given := f.Run.Bool("without-quorum"), len(f.Media) > 0; {
	case alone && given:
		return exitcode.Errorf(exitcode.Usage, "--card and --without-quorum are mutually exclusive")
	case alone && len(f.Orders) > 1:
		return exitcode.Errorf(exitcode.Usage, "--without-quorum makes one key at a time")
	case !alone && !given:
		return exitcode.Errorf(exitcode.Usage, "key generate needs the administrator cards").
			Hint("give --card DIR once per card; with --without-quorum the key's origin stays unproved")
	}
	return nil
}

func (f *Facts) ofOptions() error {
	spec, err := keySpec(f.Run)
	if err != nil {
		return err
	}
	for _, name := range []string{"plainname", "replaces"} {
		if len(f.Orders) > 1 && f.Run.IsSet(name) {
			return exitcode.Errorf(exitcode.Usage, "--%s is for one key, and %d are named", name, len(f.Orders))
		}
	}
	for _, o := range f.Orders {
		f.Generations = append(f.Generations, keys.Generation{
			Ident: o.Ident, PlainName: f.Run.String("plainname"), Spec: spec, Replaces: f.Run.String("replaces"),
		})
	}
	return nil
}

// KindFlags say what kind of key is to be made.
func KindFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "type", Usage: "`TYPE` of the key: RSA, EC or AES", Value: "RSA"},
		&cli.IntFlag{
			Name:        "size",
			Usage:       "`BITS` of it: RSA 2048, 3072, 4096; AES 128, 192, 256",
			DefaultText: "RSA 2048, AES 256",
		},
		&cli.StringFlag{Name: "curve", Usage: "`CURVE` of an EC key: P-256, P-384, P-521, P-256K (default: P-256)"},
		&cli.StringFlag{Name: "pubexp", Usage: "`EXPONENT` of an RSA key, decimal or 0x hex (default: 65537)"},
		&cli.IntFlag{
			Name:        "jobs",
			Usage:       "`NUMBER` of keys to generate at a time, each in a session of its own",
			DefaultText: "4, or what the token allows",
		},
	}
}

// mostJobs is more than any HSM generates side by side.
const mostJobs = 64

func checkJobs(r *command.Run) error {
	if n := r.Int("jobs"); r.IsSet("jobs") && (n < 1 || n > mostJobs) {
		return exitcode.Errorf(exitcode.Usage, "--jobs %d: expected 1 to %d", n, mostJobs).
			Hint("leave --jobs out for what the token allows")
	}
	return nil
}

func keySpec(r *command.Run) (s hsm.Spec, err error) {
	kind, bits, curve := keykind.Type(strings.ToUpper(r.String("type"))), r.Int("size"), r.String("curve")
	if kind == keykind.EC && r.IsSet("size") || kind != keykind.EC && r.IsSet("curve") ||
		kind != keykind.RSA && r.IsSet("pubexp") {
		return s, exitcode.Errorf(exitcode.Usage,
			"--size is for RSA and AES keys, --curve for EC keys, --pubexp for RSA keys; the type is %s", kind)
	}
	switch {
	case kind == keykind.RSA && bits == 0:
		bits = 2048
	case kind == keykind.AES && bits == 0:
		bits = 256
	case kind == keykind.EC && curve == "":
		curve = "P-256"
	}
	if s.Kind, err = keykind.Lookup(kind, bits, curve); err != nil {
		return s, err
	}
	s.Exponent, err = exponent(r.String("pubexp"))
	return s, err
}

// exponent reads a public exponent; blank is the default, as in pubexp= of generatekey.
func exponent(text string) (uint32, error) {
	if text == "" {
		return 0, nil
	}
	e, err := strconv.ParseUint(text, 0, 32)
	if err != nil || e > math.MaxInt32 || e < 3 || e%2 == 0 {
		return 0, exitcode.Errorf(exitcode.Usage,
			"--pubexp %s: expected an odd number of at least 3 and at most %d", text, math.MaxInt32)
	}
	return uint32(e), nil
}

// newKeys refuses keys that cannot be made, and warns of those that other HSMs and
// services may not take. Of several keys those that are made already are left out.
func (f *Facts) newKeys() error {
	asked := len(f.Generations)
	if asked > 1 || f.Plan != nil {
		var err error
		if f.Generations, err = notMade(f); err != nil {
			return err
		}
		if made := asked - len(f.Generations); made > 0 {
			f.UI.Say("%d of %s made already, %d left", made, printable.Count(asked, "key"), len(f.Generations))
		}
	}
	earlier := make(map[string]bool, asked)
	for _, g := range f.Generations {
		if err := f.newKey(g, earlier[g.Replaces]); err != nil {
			return err
		}
		earlier[g.Ident] = true
	}
	return nil
}

func notMade(f *Facts) (left []keys.Generation, err error) {
	for _, g := range f.Generations {
		made, err := g.Made(f.Chain)
		if err != nil {
			return nil, err
		}
		if !made {
			left = append(left, g)
		}
	}
	return left, nil
}

// newKey checks one key. The one that it follows may be made before it, in the same
// session.
func (f *Facts) newKey(g keys.Generation, follows bool) error {
	if follows {
		g.Replaces = ""
	}
	if err := g.Check(f.Chain); err != nil {
		return err
	}
	if e := g.Spec.Exponent; e != 0 && e != kek.Exponent {
		f.UI.Warn("public exponent other than 65537: many HSMs, services and libraries take no such key")
	}
	return nil
}

// alone refuses a key without the quorum in a world on none of whose modules the
// operator's login exports. Where it does on one, package keys judges the module at
// hand.
func (f *Facts) alone() error {
	exports := func(m *statement.Module) bool { return !m.RightsPerLogin }
	if !f.Run.Bool("without-quorum") || slices.ContainsFunc(f.Chain.Modules(), exports) {
		return nil
	}
	return exitcode.Errorf(exitcode.Refused,
		"the operator's login exports nothing on any module of this world, so it backs no key up").
		Hint("byok-offline key generate --ident %s --card DIR …", f.Ident)
}
