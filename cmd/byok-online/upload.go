package main

import (
	"strings"

	"github.com/urfave/cli/v2"

	"byok/internal/ceremony"
	"byok/internal/command"
	"byok/internal/exitcode"
	"byok/internal/onlineview"
	"byok/internal/upload"
	"byok/internal/uploadoptions"
)

const uploadText = `A FOLDER stands for the .byok files in it and in the folders below. Every file is
checked before anything is sent; a file that fails is named and left out, and the
others go up; the exit status is then the highest of their failures, but 3 instead
of 2, which promises that nothing was touched. What is already in the vault is not
sent again, so the same command can be given again after a failure. If two of the
files are the same package, nothing is sent.

Without --vault each package goes to the vault that its quorum approved, all
vaults at the same time and each within the limits that the service documents:
ten keys in ten seconds for a vault, and fifty for the vaults of a subscription
together. They are listed and confirmed once. A vault that fails does not stop the
others. For rehearsals, give --rehearsal once per vault.

Name, operations, export and release policy of a key are those that the quorum
approved: --name, --ops, --exportable and --release-policy may repeat them, and
anything else is refused. The authorization holds only the hash of a release
policy, so an exportable key needs --release-policy; of several each key takes the
one approved. --tag, --not-before, --expires and --disabled are for every key.

A name that is another key's in the vault is refused, unless the quorum approved
this key to follow that one: byok-offline key generate --replaces.

The world whose quorum approved the key is identified by its hknso, which a
person has to give once, with --hknso or at the prompt. It is on the paper that
"byok-offline world create" printed.

A .byok of another vendor's tool has no manifest: give --public-key, or --kty
and --unchecked. No quorum approved it.`

func uploadCommand(p *command.Program) *cli.Command {
	return &cli.Command{
		Name:        "upload",
		Usage:       "upload transfer packages into the vault (Add-AzKeyVaultKey)",
		ArgsUsage:   "FILE.byok | FOLDER … | --all --plan PLAN",
		Description: uploadText,
		Action:      p.Step(debuggable(uploadPackages)),
		Flags:       with(append(worldFlags(), severalRehearsals(changeFlags())...), uploadoptions.Flags()...),
	}
}

// uploadPackages brings packages into their vaults: everything that can be
// checked first, then the question, then all vaults at the same time.
func uploadPackages(r *command.Run) (command.Result, error) {
	options, err := uploadoptions.Read(r)
	if err != nil {
		return nil, err
	}
	rate, err := uploadoptions.Rate(r)
	if err != nil {
		return nil, err
	}
	files, err := uploadFiles(r, &options)
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
	to, err := connectVaults(r, batch, options.Foreign != nil, rate)
	if err != nil {
		return nil, err
	}
	u := upload.Uploader{Vaults: to.clients(), UI: uploadUI{r.Console, to}, Rate: rate}
	if err := u.Upload(r.Context.Context, batch); err != nil {
		return nil, err
	}
	to.hintVerify(batch.Items())
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

// perFile is how many bytes of an event are for a file and its key, besides its path.
const perFile = 400

// uploadFiles lists the files to upload, of which the ceremony log must be
// able to record all.
func uploadFiles(r *command.Run, o *upload.Options) ([]string, error) {
	files, err := uploadoptions.Files(r, o)
	if err != nil {
		return nil, err
	}
	if err := upload.Distinct(files); err != nil {
		return nil, err
	}
	record := len(strings.Join(r.Args().Slice(), " ")) // which the event holds as well
	for _, path := range files {
		record += len(path) + perFile
	}
	switch {
	case len(files) == 0:
		return nil, exitcode.Errorf(exitcode.Usage, "upload needs a .byok file").
			Hint("byok-online upload FILE.byok --vault URL")
	case record > ceremony.MaxEvent:
		return nil, exitcode.Errorf(exitcode.Usage, "%d files are more than the ceremony log holds as one event", len(files)).
			Hint("upload them in batches")
	}
	return files, o.Check(len(files))
}

// describeBatch shows and records what came of an upload.
func describeBatch(r *command.Run, b *upload.Batch) (command.Result, error) {
	for _, i := range b.Items() {
		if i.Imported != nil {
			r.Event.AddNote("key", i.Imported.Key.ID.String())
		}
	}
	v, err := onlineview.OfBatch(b)
	if err != nil {
		return nil, err
	}
	return v, b.Err()
}
