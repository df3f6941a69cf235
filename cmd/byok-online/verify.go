package main

import (
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"byok/internal/command"
	"byok/internal/durable"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/term"
	"byok/internal/transfer"
	"byok/internal/vault"
)

func verifyCommand(p *command.Program) *cli.Command {
	return &cli.Command{
		Name: "verify", Usage: "have the vault prove that it holds the key made offline", Action: p.Step(debuggable(verify)),
		Flags: append(vaultFlags(),
			&cli.StringFlag{Name: "name", Usage: "`NAME` of the key in the vault"},
			&cli.StringFlag{Name: "version", Usage: "`VERSION` of it (default: the current one)"},
			&cli.StringFlag{Name: "manifest", Usage: "`FILE` KeyTransferPackage-….manifest.json"},
			&cli.StringFlag{Name: "public-key", Usage: "`PEM` of the key, where another vendor's tool made the package"},
			&cli.StringFlag{Name: "proof", Usage: "`FILE` for the proof (default: beside the manifest, with the time)"}),
	}
}

func verify(r *command.Run) (command.Result, error) {
	if err := r.NoArgs(); err != nil {
		return nil, err
	}
	name, err := r.Required("name")
	if err != nil {
		return nil, err
	}
	s, err := readSubject(r, name)
	if err != nil {
		return nil, err
	}
	c, err := connect(r)
	if err != nil {
		return nil, err
	}
	if s.manifest != nil {
		if err := c.checkStanding(r.String("manifest"), *s.manifest); err != nil {
			return nil, err
		}
	}
	proof, err := c.prove(r, name, s.expected)
	if err != nil {
		return nil, err
	}
	return writeProof(r, s.stem, proof)
}

// subject is what the key in the vault is held to.
type subject struct {
	expected vault.Expected
	manifest *transfer.Manifest // nil with --public-key
	stem     string             // of the proof's file
}

func readSubject(r *command.Run, name string) (s subject, err error) {
	if r.String("public-key") != "" {
		if r.String("manifest") != "" {
			return s, exitcode.Errorf(exitcode.Usage, "--manifest and --public-key exclude each other")
		}
		s.stem = name
		s.expected, err = foreignKey(r)
		return s, err
	}
	path, err := r.Required("manifest")
	if err != nil {
		return s, err
	}
	stem, ok := strings.CutSuffix(path, ".manifest.json")
	if !ok {
		return s, exitcode.Errorf(exitcode.Usage, "--manifest %s: a file KeyTransferPackage-….manifest.json is expected", path)
	}
	pack, err := readPackage(r, stem+".byok")
	if err != nil {
		return s, err
	}
	s.stem, s.manifest = stem, &pack.Manifest
	s.expected, err = vault.ExpectedOf(pack.Manifest)
	return s, err
}

// prove has the vault use the key. Where the current version is another key,
// it tells which version is the one.
func (c *connection) prove(r *command.Run, name string, e vault.Expected) (vault.Proof, error) {
	ctx := r.Context.Context
	key, err := c.Key(ctx, name, r.String("version"))
	if err != nil {
		return vault.Proof{}, err
	}
	r.Event.AddNote("key", key.ID.String())
	proof, err := c.Prove(ctx, key, e)
	if exitcode.Of(err) == exitcode.Check && e.PublicKey != nil && !r.IsSet("version") {
		if older, found, _ := c.Find(ctx, name, e); found && older.ID != key.ID {
			err = exitcode.Hint(err, "--version %s is the package's key; it is not the current version", older.ID.Version)
		}
	}
	return proof, err
}

func writeProof(r *command.Run, stem string, proof vault.Proof) (command.Result, error) {
	path := r.String("proof")
	if path == "" {
		path = stem + ".proof-" + proof.Time.Format("20060102T150405Z") + ".json"
	}
	data, err := proof.Marshal()
	if err != nil {
		return nil, err
	}
	if err := durable.WriteFile(path, data, 0o644); err != nil {
		return nil, err
	}
	r.Event.AddOutput(path, fingerprint.Of(data))
	return proofView{Proof: proof, File: path}, nil
}

// proofView is a proof and where it was written.
type proofView struct {
	vault.Proof
	File string `json:"file"`
}

func (v proofView) Print(w io.Writer) error {
	how := map[string]string{
		vault.MethodSign: "it signed a fresh challenge, and the key made offline verifies it", vault.MethodDecrypt: "it decrypted a fresh challenge",
		vault.MethodUnwrap: "it unwrapped a fresh challenge", vault.MethodCheckValue: "its check value is the one made offline",
	}[v.Method]
	return term.Table(w, [][]string{{"key id", v.KID.String()}, {"proof", how + " (" + v.Algorithm + ")"}, {"written to", v.File}})
}
