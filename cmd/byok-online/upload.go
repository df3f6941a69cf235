package main

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"byok/internal/command"
	"byok/internal/exitcode"
)

const uploadText = `A FOLDER stands for the .byok files in it. Every file is checked before anything is sent; a file that fails is named
and left out, and the others go up; the exit status is then that of the first failure, but 3 instead of 2, which promises
that nothing was touched. What is in the vault already is found there and not sent again, so the same command can be
given again after a failure.

The key is called in the vault by its plainname, which is in the signed manifest; where a vault allows no such name,
what "byok-offline package --key-friendly-name" called it. --name says otherwise.

A .byok of another vendor's tool has no manifest: give --public-key, or --kty and --unchecked.`

func uploadCommand(p *command.Program) *cli.Command {
	return &cli.Command{
		Name: "upload", Usage: "upload transfer packages into the vault (Add-AzKeyVaultKey)", ArgsUsage: "FILE.byok | FOLDER …",
		Description: uploadText, Action: p.Step(debuggable(upload)), Flags: append(changeFlags(), uploadFlags()...),
	}
}

func uploadFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "name", Usage: "`NAME` of the key in the vault (default: the manifest's plainname)"},
		&cli.StringFlag{Name: "ops", Usage: "key `OPERATIONS`, separated by commas (default: the manifest's)"},
		&cli.StringSliceFlag{Name: "tag", Usage: "`NAME=VALUE` of a tag; may be given again"},
		&cli.StringFlag{Name: "not-before", Usage: "`TIME` from which the key is valid, as 2026-01-02T03:04:05Z"},
		&cli.StringFlag{Name: "expires", Usage: "`TIME` until which the key is valid"},
		&cli.BoolFlag{Name: "disabled", Usage: "import the key disabled"},
		&cli.BoolFlag{Name: "exportable", Usage: "let the key be released under --release-policy"},
		&cli.StringFlag{Name: "release-policy", Usage: "JSON `FILE` with the release policy of an exportable key"},
		&cli.BoolFlag{Name: "recover", Usage: "bring a deleted key of the same name back, and make this its newest version"},
		&cli.BoolFlag{Name: "force-new-version", Usage: "upload even where the vault has the key already"},
		&cli.Float64Flag{Name: "rate", Usage: "`KEYS` in ten seconds, 0 for no limit", DefaultText: "10, the documented limit of a vault"},
		&cli.StringFlag{Name: "kty", Usage: "`TYPE` of the key in a .byok without manifest: RSA-HSM, EC-HSM or oct-HSM"},
		&cli.StringFlag{Name: "curve", Usage: "its `CURVE`: P-256, P-384, P-521 or P-256K"},
		&cli.StringFlag{Name: "public-key", Usage: "`PEM` of its public key, for the check"},
		&cli.BoolFlag{Name: "unchecked", Usage: "take a .byok without manifest although nothing is known to check it with"},
	}
}

// upload brings packages into the vault: everything that can be checked first,
// then the question, then one import after the other.
func upload(r *command.Run) (command.Result, error) {
	w, err := readWishes(r)
	if err != nil {
		return nil, err
	}
	paths, err := blobPaths(r)
	if err != nil {
		return nil, err
	}
	if err := w.fit(len(paths)); err != nil {
		return nil, err
	}
	b := readBatch(r, paths, w)
	c, err := connect(r)
	if err != nil {
		return nil, err
	}
	if err := c.preflight(r, b); err != nil {
		return nil, err
	}
	if len(b.ready()) == 0 {
		return b.result()
	}
	if !r.Bool("yes") { // whoever is asked must see what is left out
		for _, err := range b.failures() {
			r.Console.Warning("left out: %v", err)
		}
	}
	if err := c.agree(r, b.question()); err != nil {
		return nil, err
	}
	c.send(r, b)
	b.hint(r)
	return b.result()
}

// An event of the ceremony log holds maxRecord bytes; perFile of them tell of
// a file and its key, beside its path.
const (
	maxRecord = 1 << 20
	perFile   = 400
)

// blobPaths lists the .byok files of the arguments; a folder stands for those in it.
func blobPaths(r *command.Run) (paths []string, err error) {
	for _, arg := range r.Args().Slice() {
		info, err := os.Stat(arg)
		if err != nil {
			return nil, exitcode.Errorf(exitcode.Usage, "%s: no such file or folder", arg)
		}
		if !info.IsDir() {
			paths = append(paths, arg)
			continue
		}
		found, err := byokFiles(arg)
		if err != nil {
			return nil, err
		}
		paths = append(paths, found...)
	}
	record := 0
	for _, path := range paths {
		record += 2*len(path) + perFile
	}
	if record > maxRecord {
		return nil, exitcode.Hint(exitcode.Errorf(exitcode.Usage, "%d files are more than the ceremony log takes as one event", len(paths)), "upload them in parts")
	}
	if len(paths) == 0 {
		return nil, exitcode.Hint(exitcode.Errorf(exitcode.Usage, "upload needs a .byok file"), "byok-online upload FILE.byok --vault URL")
	}
	return paths, nil
}

func byokFiles(dir string) (paths []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, exitcode.Mark(exitcode.Usage, err)
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".byok") && !e.IsDir() {
			paths = append(paths, filepath.Join(dir, e.Name()))
		}
	}
	if len(paths) == 0 {
		return nil, exitcode.Errorf(exitcode.Usage, "%s: there is no .byok file in this folder", dir)
	}
	return paths, nil
}
