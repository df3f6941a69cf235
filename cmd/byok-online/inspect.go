package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"byok/internal/command"
	"byok/internal/durable"
	"byok/internal/keykind"
	"byok/internal/onlineview"
	"byok/internal/proof"
	"byok/internal/shared"
	"byok/internal/strictjson"
	"byok/internal/transfer"
)

const inspectText = `A transfer package, given as its .byok or its .manifest.json, is verified as a
whole, under the hknso that a person gave for its security world. The signature
of a proof that "verify" wrote is checked again. For every other file it shows
what the file says, and checks only its form.`

// inspectCommand is shared.Inspect, which goes further for a transfer package
// and for a proof.
func inspectCommand(p *command.Program) *cli.Command {
	c := shared.Inspect(p)
	c.Description = inspectText + "\n\n" + c.Description
	c.Flags = append(c.Flags, worldFlags()...)
	form := c.Action
	verified := p.Action(command.WithFile("FILE", inspectPackage))
	proved := p.Action(command.WithFile("FILE", inspectProof))
	c.Action = func(ctx *cli.Context) error {
		path := ctx.Args().First()
		if ctx.Bool("explain") {
			return form(ctx)
		}
		if _, ours := packageOf(path); ours {
			return verified(ctx)
		}
		if isProof(path) {
			return proved(ctx)
		}
		return form(ctx)
	}
	return c
}

// packageOf returns the .byok of a transfer package, of which path is
// the .byok or the manifest, and both are there.
func packageOf(path string) (blob string, ours bool) {
	if stem, found := strings.CutSuffix(path, ".manifest.json"); found {
		path = stem + ".byok"
	}
	names, err := transfer.NamesFor(path)
	if err != nil {
		return "", false
	}
	for _, file := range []string{names.Blob, names.Manifest} {
		if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
			return "", false
		}
	}
	return names.Blob, true
}

func inspectPackage(r *command.Run, path string) (command.Result, error) {
	blob, _ := packageOf(path)
	p, err := readPackage(r, blob, true)
	if err != nil {
		return nil, err
	}
	f := p.Facts()
	return onlineview.Package{
		File:      p.File(),
		SHA256:    p.SHA256(),
		World:     p.World(),
		Rehearsal: f.Rehearsal,
		Guard:     f.Guard,
		Number:    f.Authorization.Number,
		Sum:       f.Sum,
		Present:   f.Authorization.Present,
		Pair:      f.Pair,
	}, nil
}

// maxProof is more than a proof has, in bytes.
const maxProof = 64 << 10

// isProof reports whether the file says that it is a proof. Any fault of it is
// for the reader to find.
func isProof(path string) bool {
	data, err := durable.ReadFile(path, maxProof)
	if err != nil {
		return false
	}
	typ, err := strictjson.TypeOf(path, data, maxProof)
	return err == nil && typ == proof.Type
}

func inspectProof(r *command.Run, path string) (command.Result, error) {
	data, err := r.ReadFile(path, maxProof)
	if err != nil {
		return nil, err
	}
	p, err := proof.Parse(path, data)
	if err != nil {
		return nil, err
	}
	v := onlineview.Proof{Proof: p, Signature: "none: for " + p.Method + " the proof is the program's word"}
	if p.Method != proof.MethodSign {
		return v, nil
	}
	if err := p.Verify(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	v.Signature = "verifies under the public key in the proof"
	public, err := keykind.ParsePublicKey(p.PublicKey)
	if err != nil {
		return nil, err
	}
	sum, err := keykind.SPKIHash(public)
	v.Fingerprint = &sum
	return v, err
}
