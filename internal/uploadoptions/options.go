// Package uploadoptions is the options of byok-online upload: what they are called,
// and what a command line says with them.
//
// Give [Flags] to the command and [Read] its run. What contradicts itself is
// refused here, before a .byok file is looked at; what a quorum approved is
// compared in package upload.
package uploadoptions

import (
	"crypto"
	"encoding/json"
	"math"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"byok/internal/command"
	"byok/internal/exitcode"
	"byok/internal/keykind"
	"byok/internal/stamp"
	"byok/internal/strictjson"
	"byok/internal/term"
	"byok/internal/transfer"
	"byok/internal/upload"
	"byok/internal/vault"
)

const maxPolicy = 64 << 10 // bytes of a release policy

// Flags returns the options of an upload, without those of the vault.
func Flags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "all", Usage: "every package of --plan, from the plan's stick"},
		&cli.StringFlag{Name: "name", Usage: "`NAME` of the key in the vault, as approved"},
		&cli.StringFlag{Name: "ops", Usage: "`OPERATIONS` of the key, separated by commas, as approved"},
		&cli.BoolFlag{Name: "exportable", Usage: "let the key be released under --release-policy, as approved"},
		&cli.StringSliceFlag{
			Name:  "release-policy",
			Usage: "`FILE` with the release policy of an exportable key, JSON; each key takes the one approved",
		},
		&cli.StringSliceFlag{Name: "tag", Usage: "`NAME=VALUE` of a tag"},
		&cli.StringFlag{Name: "not-before", Usage: "`TIME` from which the key is valid, such as 2026-01-02T03:04:05Z"},
		&cli.StringFlag{Name: "expires", Usage: "`TIME` until which the key is valid"},
		&cli.BoolFlag{Name: "disabled", Usage: "import the key disabled"},
		&cli.BoolFlag{Name: "recover", Usage: "bring a deleted key of the same name back, and make this its newest version"},
		&cli.BoolFlag{Name: "force-new-version", Usage: "upload even if the vault already has the key"},
		&cli.Float64Flag{
			Name:        "rate",
			Usage:       "`KEYS` in ten seconds for each vault, 0 for no limit",
			Value:       vault.ServiceRate,
			DefaultText: "10, the documented limit of a vault",
		},
		&cli.StringFlag{Name: "public-key", Usage: "`PEM` of the key's public half, to check the uploaded key against"},
		&cli.StringFlag{Name: "kty", Usage: "`TYPE` of the key: RSA-HSM, EC-HSM or oct-HSM"},
		&cli.StringFlag{Name: "curve", Usage: "`CURVE` of an EC key that is uploaded: P-256, P-384, P-521 or P-256K"},
		&cli.BoolFlag{Name: "unchecked", Usage: "upload without anything to check the key against"},
	}
}

// Rate reads --rate: keys in ten seconds for a vault, 0 for no limit.
func Rate(r *command.Run) (float64, error) {
	rate := r.Float64("rate")
	if rate < 0 || math.IsNaN(rate) {
		return 0, exitcode.Errorf(exitcode.Usage,
			"--rate %v: expected a number of keys in ten seconds, or 0 for no limit", rate)
	}
	return rate, nil
}

// Read reads what the options ask for.
func Read(r *command.Run) (o upload.Options, err error) {
	o = upload.Options{
		Name:       r.String("name"),
		Ops:        strings.FieldsFunc(r.String("ops"), func(c rune) bool { return c == ',' || c == ' ' }),
		Exportable: r.Bool("exportable"),
		Disabled:   r.Bool("disabled"),
		NewVersion: r.Bool("force-new-version"),
		Recover:    r.Bool("recover"),
	}
	if o.Tags, err = tagsOf(r.StringSlice("tag")); err != nil {
		return o, err
	}
	if o.NotBefore, err = timeOf(r, "not-before"); err != nil {
		return o, err
	}
	if o.Expires, err = timeOf(r, "expires"); err != nil {
		return o, err
	}
	for _, path := range r.StringSlice("release-policy") {
		policy, err := releasePolicy(r, path)
		if err != nil {
			return o, err
		}
		o.Policies = append(o.Policies, policy)
	}
	o.Foreign, err = foreignOptions(r)
	return o, err
}

func releasePolicy(r *command.Run, path string) ([]byte, error) {
	policy, err := r.ReadFile(path, maxPolicy)
	if err != nil {
		return nil, err
	}
	if err := strictjson.CheckEncoding(policy); err != nil {
		return nil, exitcode.Errorf(exitcode.Usage, "%s: %w", path, err)
	}
	if !json.Valid(policy) {
		return nil, exitcode.Errorf(exitcode.Usage, "%s: a release policy is JSON", path)
	}
	return policy, nil
}

func tagsOf(pairs []string) (map[string]string, error) {
	tags := map[string]string{}
	for _, pair := range pairs {
		name, value, found := strings.Cut(pair, "=")
		if _, twice := tags[name]; !found || name == "" || twice {
			return nil, exitcode.Errorf(exitcode.Usage, "--tag %s: expected NAME=VALUE, each name once", pair)
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
	at, err := stamp.Parse(text)
	if err != nil {
		return at, exitcode.Errorf(exitcode.Usage, "--%s: %w", flag, err).
			Hint("--%s %s", flag, stamp.Text(time.Now().AddDate(1, 0, 0)))
	}
	return at, nil
}

// foreignOptions reads what the options say of a key whose package has no
// manifest; nil where they say nothing.
func foreignOptions(r *command.Run) (*upload.Foreign, error) {
	if !r.IsSet("kty") && !r.IsSet("curve") && !r.IsSet("public-key") && !r.Bool("unchecked") {
		return nil, nil
	}
	public, err := PublicKey(r)
	if err != nil {
		return nil, err
	}
	return upload.NewForeign(r.String("kty"), r.String("curve"), public, r.Bool("unchecked"))
}

// PublicKey reads the file of --public-key; nil without one.
func PublicKey(r *command.Run) (crypto.PublicKey, error) {
	path := r.String("public-key")
	if path == "" {
		return nil, nil
	}
	data, err := r.ReadFile(path, transfer.MaxFile)
	if err != nil {
		return nil, err
	}
	public, err := keykind.ReadPublicKey(string(data))
	if err != nil {
		return nil, exitcode.Errorf(exitcode.Usage, "%s: %w", path, err).
			Hint("openssl pkey -pubin -in %s -pubout", term.Quote(path))
	}
	return public, nil
}
