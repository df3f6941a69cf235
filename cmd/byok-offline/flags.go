package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"byok/internal/ceremony"
	"byok/internal/command"
	"byok/internal/hsm"
	"byok/internal/secret"
	"byok/internal/term"
	"byok/internal/world"
)

// libraryFlag is --module-path of a command that has no world to take it from.
func libraryFlag() cli.Flag {
	return &cli.StringFlag{Name: "module-path", Usage: "`LIBRARY` of the HSM's vendor, PKCS#11", EnvVars: []string{"BYOK_PKCS11_MODULE"}}
}

func modulePathFlag() cli.Flag {
	return &cli.StringFlag{Name: "module-path", Usage: "`LIBRARY` of the HSM's vendor, PKCS#11 (default: the world's)", EnvVars: []string{"BYOK_PKCS11_MODULE"}}
}

func pinFileFlag() cli.Flag {
	return &cli.StringFlag{Name: "pin-file", Usage: "`FILE` with the user PIN in its first line (default: asked for)"}
}

func packageFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "kek", Aliases: []string{"k"}, Usage: "`FILE` BYOK-KEK-pkg-…"},
		&cli.StringFlag{Name: "world-package", Aliases: []string{"w"}, Usage: "`FILE` BYOK-SecurityWorld-pkg-…"},
	}
}

func unattestedFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "accept-unattested", Usage: "take a KEK that no attestation proves, by its fingerprint"},
		&cli.StringFlag{Name: "fingerprint", Usage: "`WORDS` or hex of the KEK's fingerprint, heard over a second channel; compared also for an attested KEK"},
	}
}

func identFlag() cli.Flag {
	return &cli.StringFlag{Name: "ident", Usage: "`NAME` of the key in this world: digits, dashes, lower-case letters"}
}

// identOf is the key identifier of a command that takes nothing but flags.
func identOf(r *command.Run) (string, error) {
	if err := r.NoArgs(); err != nil {
		return "", err
	}
	ident, err := r.Required("ident")
	if err != nil {
		return "", err
	}
	return ident, world.CheckIdent(ident)
}

// opened is a world, its module, and how to leave both.
type opened struct {
	*world.World
	module   *hsm.Module
	serial   string          // of the world's token in it
	operator *world.Operator // nil before login
}

// Close logs the operator out and unloads the library. What could fail in that
// comes after everything that counts.
func (o *opened) Close() {
	if o.operator != nil {
		_ = o.operator.Close()
	}
	o.module.Close()
}

// openWorld reads the world of --kmdata and loads its HSM's library.
func openWorld(r *command.Run) (*opened, error) {
	w, err := readWorld(r)
	if err != nil {
		return nil, err
	}
	m, err := hsm.Load(libraryOf(r, w))
	if err != nil {
		return nil, err
	}
	connected, err := w.Connected(m)
	if err != nil {
		m.Close()
		return nil, err
	}
	r.Event.Module = &ceremony.Module{Library: m.Library, Model: connected.Model, Serial: connected.Serial}
	return &opened{World: w, module: m, serial: connected.Serial}, nil
}

// libraryOf is the library of --module-path, or the world's own.
func libraryOf(r *command.Run, w *world.World) string {
	if path := r.String("module-path"); path != "" {
		return path
	}
	return w.LibraryPath()
}

// readWorld reads the world of --kmdata and says if it is a rehearsal's.
func readWorld(r *command.Run) (*world.World, error) {
	dir, err := r.KMData()
	if err != nil {
		return nil, err
	}
	w, err := world.Open(dir)
	if err != nil {
		return nil, err
	}
	r.Event.Rehearsal = w.Rehearsal
	r.Event.AddNote("hknso", w.HKNSO.String())
	if w.Rehearsal {
		r.Console.Warning("REHEARSAL world: nothing it makes is taken in production")
	}
	return w, nil
}

// warning says a text on the screen and notes it in the ceremony log.
func warning(r *command.Run) func(text string) {
	return func(text string) {
		r.Console.Warning("%s", text)
		r.Event.AddNote("warning", text)
	}
}

// userPIN gets the user PIN for the token described by what.
func userPIN(r *command.Run, what string) (*secret.Bytes, error) {
	if path := r.String("pin-file"); path != "" {
		return term.SecretFile(path)
	}
	return r.Console.Password("user PIN for "+what, "--pin-file FILE")
}

func (o *opened) tokenName() string {
	return fmt.Sprintf("token %q (serial %s)", o.Label, o.serial)
}

// login asks for the user PIN and opens the world's token.
func (o *opened) login(r *command.Run) (*world.Operator, error) {
	pin, err := userPIN(r, o.tokenName())
	if err != nil {
		return nil, err
	}
	defer pin.Wipe()
	o.operator, err = o.Login(o.module, pin)
	return o.operator, err
}
