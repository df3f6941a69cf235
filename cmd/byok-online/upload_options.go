package main

import (
	"crypto"
	"encoding/json"
	"strings"
	"time"

	"byok/internal/command"
	"byok/internal/exitcode"
	"byok/internal/keykind"
	"byok/internal/stamp"
	"byok/internal/strictjson"
	"byok/internal/term"
	"byok/internal/transfer"
	"byok/internal/upload"
)

const maxPolicy = 64 << 10 // bytes of a release policy

// uploadOptions reads the options of upload. What contradicts itself is refused
// here, before a .byok file is looked at.
func uploadOptions(r *command.Run) (o upload.Options, err error) {
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
	if o.ReleasePolicy, err = releasePolicy(r); err != nil {
		return o, err
	}
	o.Foreign, err = foreignOptions(r)
	return o, err
}

func releasePolicy(r *command.Run) ([]byte, error) {
	path := r.String("release-policy")
	if path == "" {
		return nil, nil
	}
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
	public, err := publicKeyOption(r)
	if err != nil {
		return nil, err
	}
	return upload.NewForeign(r.String("kty"), r.String("curve"), public, r.Bool("unchecked"))
}

// publicKeyOption reads the file of --public-key; nil without one.
func publicKeyOption(r *command.Run) (crypto.PublicKey, error) {
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
