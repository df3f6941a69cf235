package main

import (
	"crypto"
	"crypto/ecdsa"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"byok/internal/command"
	"byok/internal/exitcode"
	"byok/internal/transfer"
	"byok/internal/vault"
)

const maxPolicy = 64 << 10 // bytes of a release policy

// wishes are what the command line asks of every key that is uploaded.
type wishes struct {
	name                 string
	ops                  []string
	tags                 map[string]string
	notBefore, expires   time.Time
	disabled, exportable bool
	policy               []byte
	newVersion           bool
	rate                 float64 // keys in ten seconds; negative is no limit

	foreign  bool           // packages have no manifest, and are this:
	expected vault.Expected // PublicKey is nil with --unchecked
}

// readWishes reads the options of upload. What contradicts itself is refused
// here, before a file is looked at.
func readWishes(r *command.Run) (w wishes, err error) {
	w = wishes{name: r.String("name"), disabled: r.Bool("disabled"), exportable: r.Bool("exportable"), newVersion: r.Bool("force-new-version")}
	if list := r.String("ops"); list != "" {
		w.ops = strings.FieldsFunc(list, func(c rune) bool { return c == ',' || c == ' ' })
	}
	if w.tags, err = tagsOf(r.StringSlice("tag")); err != nil {
		return w, err
	}
	if w.notBefore, err = timeOf(r, "not-before"); err != nil {
		return w, err
	}
	if w.expires, err = timeOf(r, "expires"); err != nil {
		return w, err
	}
	if w.rate, err = keyRate(r); err != nil {
		return w, err
	}
	if w.policy, err = releasePolicy(r); err != nil {
		return w, err
	}
	w.foreign = r.IsSet("kty") || r.IsSet("curve") || r.IsSet("public-key") || r.Bool("unchecked")
	if w.foreign {
		w.expected, err = foreignKey(r)
	}
	return w, err
}

func releasePolicy(r *command.Run) ([]byte, error) {
	path := r.String("release-policy")
	switch {
	case r.Bool("exportable") != (path != ""):
		return nil, exitcode.Errorf(exitcode.Usage, "--exportable and --release-policy need each other")
	case path == "":
		return nil, nil
	}
	policy, err := r.ReadFile(path, maxPolicy)
	if err == nil && !json.Valid(policy) {
		err = exitcode.Errorf(exitcode.Usage, "%s: a release policy is JSON", path)
	}
	return policy, err
}

func tagsOf(pairs []string) (map[string]string, error) {
	tags := map[string]string{}
	for _, pair := range pairs {
		name, value, found := strings.Cut(pair, "=")
		if _, twice := tags[name]; !found || name == "" || twice {
			return nil, exitcode.Errorf(exitcode.Usage, "--tag %s: NAME=VALUE is expected, each name once", pair)
		}
		tags[name] = value
	}
	return tags, nil
}

func timeOf(r *command.Run, flag string) (time.Time, error) {
	text := r.String(flag)
	if text == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return at, exitcode.Hint(exitcode.Errorf(exitcode.Usage, "--%s %s: no RFC 3339 time", flag, text), "--%s %s", flag, timeText(time.Now().AddDate(1, 0, 0)))
	}
	return at.UTC().Truncate(time.Second), nil
}

// foreignKey is what the options say of a key whose package has no manifest.
func foreignKey(r *command.Run) (vault.Expected, error) {
	pub, err := publicKeyOf(r)
	if err != nil {
		return vault.Expected{}, err
	}
	if pub == nil && !r.Bool("unchecked") {
		return vault.Expected{}, exitcode.Hint(exitcode.Errorf(exitcode.Usage, "--kty: nothing is known that the key in the vault could be checked against"),
			"--public-key PEM, or --unchecked to do without")
	}
	said, err := saidKey(r)
	if err != nil || pub == nil {
		return said, err
	}
	if r.Bool("unchecked") {
		return said, exitcode.Errorf(exitcode.Usage, "--public-key and --unchecked exclude each other")
	}
	key, err := transfer.KeyOf(pub)
	if err != nil {
		return said, exitcode.Mark(exitcode.Usage, err)
	}
	if said.Kty != "" && said.Kty != key.KTY || said.Crv != "" && said.Crv != key.Crv {
		return said, exitcode.Errorf(exitcode.Usage, "--public-key is %s, not %s", strings.TrimSpace(key.KTY+" "+key.Crv), strings.TrimSpace(said.Kty+" "+said.Crv))
	}
	return vault.Expected{Kty: key.KTY, Crv: key.Crv, Bits: key.Bits, PublicKey: pub}, nil
}

func publicKeyOf(r *command.Run) (crypto.PublicKey, error) {
	path := r.String("public-key")
	if path == "" {
		return nil, nil
	}
	data, err := r.ReadFile(path, transfer.MaxFile)
	if err != nil {
		return nil, err
	}
	pub, err := transfer.ParsePublicKey(string(data))
	if err != nil {
		return nil, exitcode.Hint(exitcode.Errorf(exitcode.Usage, "%s: %w", path, err), "openssl pkey -pubin -in %s -pubout", path)
	}
	return pub, nil
}

// saidKey is the key by --kty and --curve alone.
func saidKey(r *command.Run) (e vault.Expected, err error) {
	if kty := r.String("kty"); kty != "" {
		if e.Kty = ktys()[strings.TrimSuffix(strings.ToLower(kty), "-hsm")]; e.Kty == "" {
			return e, exitcode.Errorf(exitcode.Usage, "--kty %s: RSA-HSM, EC-HSM or oct-HSM is expected", kty)
		}
	}
	if curve := r.String("curve"); curve != "" {
		c, err := transfer.CurveByName(strings.ToUpper(curve))
		if err != nil {
			return e, exitcode.Errorf(exitcode.Usage, "--curve %s: P-256, P-384, P-521 or P-256K is expected", curve)
		}
		if e.Crv, err = transfer.CurveName(&ecdsa.PublicKey{Curve: c}); err != nil {
			return e, err
		}
	}
	unsaid := r.String("public-key") == ""
	switch {
	case e.Kty == "" && unsaid:
		return e, exitcode.Errorf(exitcode.Usage, "--unchecked needs --kty")
	case e.Kty == transfer.ECHSM && e.Crv == "" && unsaid:
		return e, exitcode.Errorf(exitcode.Usage, "--kty EC-HSM needs --curve")
	case e.Crv != "" && e.Kty != "" && e.Kty != transfer.ECHSM:
		return e, exitcode.Errorf(exitcode.Usage, "--curve does not go with --kty %s", e.Kty)
	}
	return e, nil
}

func ktys() map[string]string {
	return map[string]string{"rsa": transfer.RSAHSM, "ec": transfer.ECHSM, "oct": transfer.OctHSM}
}

// fit refuses what can be said of one file only.
func (w wishes) fit(n int) error {
	switch {
	case n == 1:
		return nil
	case w.name != "":
		return exitcode.Errorf(exitcode.Usage, "--name names one key, and there are %d files", n)
	case w.expected.PublicKey != nil:
		return exitcode.Errorf(exitcode.Usage, "--public-key is of one key, and there are %d files", n)
	}
	return nil
}

// apply puts the wishes on an import.
func (w wishes) apply(i vault.Import) vault.Import {
	if w.name != "" {
		i.Name = w.name
	}
	if len(w.ops) > 0 {
		i.Ops = slices.Clone(w.ops)
	}
	i.Tags, i.NotBefore, i.Expires, i.Disabled = maps.Clone(w.tags), w.notBefore, w.expires, w.disabled
	i.Exportable, i.ReleasePolicy, i.ForceNewVersion = w.exportable, w.policy, w.newVersion
	return i
}
