package main

import (
	"math"
	"strings"

	"github.com/urfave/cli/v2"

	"byok/internal/command"
	"byok/internal/exitcode"
	"byok/internal/onlineview"
	"byok/internal/term"
	"byok/internal/transfer"
	"byok/internal/upload"
	"byok/internal/vault"
)

const uploadText = `A FOLDER stands for the .byok files in it. Every file is checked before anything
is sent; a file that fails is named and left out, and the others go up; the exit
status is then that of the first failure, but 3 instead of 2, which promises
that nothing was touched. What is already in the vault is not sent again, so the
same command can be given again after a failure.

Name, operations, export and release policy of a key are those that the quorum
approved: --name, --ops, --exportable and --release-policy may repeat them, and
anything else is refused. The authorization holds only the hash of a release
policy, so an exportable key needs --release-policy.

The world whose quorum approved the key is identified by its hknso, which a
person has to give once, with --hknso or at the prompt. It is on the paper that
"byok-offline world create" printed.

A .byok of another vendor's tool has no manifest: give --public-key, or --kty
and --unchecked. No quorum approved it.`

func uploadCommand(p *command.Program) *cli.Command {
	return &cli.Command{
		Name:        "upload",
		Usage:       "upload transfer packages into the vault (Add-AzKeyVaultKey)",
		ArgsUsage:   "FILE.byok | FOLDER …",
		Description: uploadText,
		Action:      p.Step(debuggable(uploadPackages)),
		Flags:       with(append(worldFlags(), changeFlags()...), uploadFlags()...),
	}
}

func uploadFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "name", Usage: "`NAME` of the key in the vault, as approved"},
		&cli.StringFlag{Name: "ops", Usage: "`OPERATIONS` of the key, separated by commas, as approved"},
		&cli.BoolFlag{Name: "exportable", Usage: "let the key be released under --release-policy, as approved"},
		&cli.StringFlag{Name: "release-policy", Usage: "`FILE` with the release policy of an exportable key, JSON"},
		&cli.StringSliceFlag{Name: "tag", Usage: "`NAME=VALUE` of a tag"},
		&cli.StringFlag{Name: "not-before", Usage: "`TIME` from which the key is valid, such as 2026-01-02T03:04:05Z"},
		&cli.StringFlag{Name: "expires", Usage: "`TIME` until which the key is valid"},
		&cli.BoolFlag{Name: "disabled", Usage: "import the key disabled"},
		&cli.BoolFlag{Name: "recover", Usage: "bring a deleted key of the same name back, and make this its newest version"},
		&cli.BoolFlag{Name: "force-new-version", Usage: "upload even if the vault already has the key"},
		&cli.Float64Flag{
			Name:        "rate",
			Usage:       "`KEYS` in ten seconds, 0 for no limit",
			Value:       vault.ServiceRate,
			DefaultText: "10, the documented limit of a vault",
		},
		&cli.StringFlag{Name: "public-key", Usage: "`PEM` of the key's public half, to check the uploaded key against"},
		&cli.StringFlag{Name: "kty", Usage: "`TYPE` of the key: RSA-HSM, EC-HSM or oct-HSM"},
		&cli.StringFlag{Name: "curve", Usage: "`CURVE` of an EC key that is uploaded: P-256, P-384, P-521 or P-256K"},
		&cli.BoolFlag{Name: "unchecked", Usage: "upload without anything to check the key against"},
	}
}

// keyRate reads --rate.
func keyRate(r *command.Run) (float64, error) {
	rate := r.Float64("rate")
	if rate < 0 || math.IsNaN(rate) {
		return 0, exitcode.Errorf(exitcode.Usage,
			"--rate %v: expected a number of keys in ten seconds, or 0 for no limit", rate)
	}
	return rate, nil
}

// uploadPackages brings packages into the vault: everything that can be
// checked first, then the question, then one import after the other.
func uploadPackages(r *command.Run) (command.Result, error) {
	options, err := uploadOptions(r)
	if err != nil {
		return nil, err
	}
	rate, err := keyRate(r)
	if err != nil {
		return nil, err
	}
	files, err := uploadFiles(r, options)
	if err != nil {
		return nil, err
	}
	keeper, err := newKeeper(r)
	if err != nil {
		return nil, err
	}
	batch, err := upload.Read(files, options, keeper)
	if err != nil {
		return nil, err
	}
	noteItems(r, batch.Items())
	c, err := connectAt(r, rate)
	if err != nil {
		return nil, err
	}
	u := upload.Uploader{Vault: c.Client, UI: uploadUI{r.Console, r, c}, Rate: rate}
	if err := u.Upload(r.Context.Context, batch); err != nil {
		return nil, err
	}
	hintVerify(r, c, batch.Items())
	return describeBatch(r, batch)
}

// noteItems records the files, and warns of what another vendor's tool wrote
// otherwise than the service's specification has it.
func noteItems(r *command.Run, items []*upload.Item) {
	for _, i := range items {
		if !i.SHA256.IsZero() {
			r.Event.AddInput(i.File, i.SHA256)
		}
		if len(i.Departures) > 0 {
			r.Console.Warning("%s departs from the service's specification, and is sent as that has it: %s", i.File,
				strings.Join(i.Departures, "; "))
		}
	}
}

// An event of the ceremony log holds maxRecord bytes; perFile of them are for
// a file and its key, besides its path.
const (
	maxRecord = 1 << 20
	perFile   = 400
)

// uploadFiles lists the files to upload, of which the ceremony log must be
// able to record all.
func uploadFiles(r *command.Run, o upload.Options) ([]string, error) {
	files, err := upload.Find(r.Args().Slice())
	if err != nil {
		return nil, err
	}
	record := 0
	for _, path := range files {
		record += 2*len(path) + perFile
	}
	switch {
	case len(files) == 0:
		return nil, exitcode.Errorf(exitcode.Usage, "upload needs a .byok file").
			Hint("byok-online upload FILE.byok --vault URL")
	case record > maxRecord:
		return nil, exitcode.Errorf(exitcode.Usage, "%d files are more than the ceremony log holds as one event", len(files)).
			Hint("upload them in batches")
	}
	return files, o.Check(len(files))
}

// uploadUI is the terminal, with the question of a command that changes a vault.
type uploadUI struct {
	*term.Console
	run        *command.Run
	connection *connection
}

// Progress implements upload.UI.
func (u uploadUI) Progress(what string, total int64) upload.Progress {
	return u.Console.Progress(what, total)
}

// Confirm implements upload.UI. Whoever is asked must see what is left out;
// with --yes the result shows it.
func (u uploadUI) Confirm(question string, leftOut []error) error {
	if !u.run.Bool("yes") {
		for _, err := range leftOut {
			u.Warning("left out: %v", err)
		}
	}
	return u.connection.confirm(u.run, question)
}

// hintVerify names the next step of a single package.
func hintVerify(r *command.Run, c *connection, items []*upload.Item) {
	if len(items) != 1 || !items[0].Sent() || !items[0].Approved {
		return
	}
	stem, _ := transfer.Stem(items[0].File)
	r.Console.Hint("byok-online verify %s --manifest %s", c.flag(r), term.Quote(stem+".manifest.json"))
}

// describeBatch shows and records what came of an upload.
func describeBatch(r *command.Run, b *upload.Batch) (command.Result, error) {
	for _, i := range b.Items() {
		if i.Imported != nil {
			r.Event.AddNote("key", i.Imported.Key.ID.String())
		}
	}
	v, err := onlineview.OfItems(b.Items())
	if err != nil {
		return nil, err
	}
	return v, b.Err()
}
