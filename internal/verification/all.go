package verification

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"byok/internal/approval"
	"byok/internal/ceremony"
	"byok/internal/command"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/kek"
	"byok/internal/onlineview"
	"byok/internal/printable"
	"byok/internal/proof"
	"byok/internal/readback"
	"byok/internal/register"
	"byok/internal/rehearsal"
	"byok/internal/renewal"
	"byok/internal/upload"
	"byok/internal/worlds"
)

// All has the vaults prove every key of the register.
func (s Station) All(r *command.Run) (command.Result, error) {
	nonce, err := allOptions(r)
	if err != nil {
		return nil, err
	}
	only, err := onlyVault(r)
	if err != nil {
		return nil, err
	}
	collected, err := s.gather(r)
	if err != nil {
		return nil, err
	}
	if err := checkPlaces(r, collected); err != nil {
		return nil, err
	}
	outcome := renewal.Renewer{
		Nonce: nonce,
		Vault: only,
		Open:  s.opener(r),
		Write: func(file string, p proof.Proof) (string, error) {
			at, err := place(r, file, p)
			if err != nil {
				return "", err
			}
			return at, writeProof(r, at, p)
		},
		Say: func(e renewal.Entry) { say(r, e) },
	}.Renew(r.Context.Context, collected)
	note(r, outcome)
	return onlineview.OfOutcome(outcome), outcome.Err()
}

// opener returns how to get at the vault of a package. A rehearsal's stays in a
// rehearsal.
func (s Station) opener(r *command.Run) func(approval.Package) (renewal.Vault, error) {
	connect := s.ConnectTo(r)
	return func(p approval.Package) (renewal.Vault, error) {
		v, err := connect(p.Approved().Vault)
		if err != nil {
			return nil, err
		}
		return v, upload.CheckRehearsal(p.File(), p.Facts().Rehearsal, v.Address())
	}
}

// alone are the options that name one key.
var alone = []string{"manifest", "name", "version", "public-key", "proof"}

// allOptions reads the nonce, and refuses what is for one key.
func allOptions(r *command.Run) ([]byte, error) {
	for _, name := range alone {
		if r.IsSet(name) {
			return nil, exitcode.Errorf(exitcode.Usage, "--all and --%s are mutually exclusive", name)
		}
	}
	return nonceOf(r)
}

// onlyVault is the vault that --vault limits the work to; "" for all.
func onlyVault(r *command.Run) (string, error) {
	if !r.IsSet("vault") {
		return "", nil
	}
	address, err := kek.ParseVault(strings.TrimSuffix(r.String("vault"), "/"))
	return address, exitcode.Mark(exitcode.Usage, err)
}

// vaultOption is the option that leads to a vault again, for a hint.
func vaultOption(r *command.Run, address string) string {
	for _, dir := range r.StringSlice("rehearsal") {
		if c, err := rehearsal.Open(dir); err == nil && c.URL == address {
			return "--rehearsal " + printable.Quote(dir)
		}
	}
	return "--vault " + printable.Quote(address)
}

// gather reads what the register is made of: the folders of --from, or what this
// workstation's log says was uploaded.
func (s Station) gather(r *command.Run) (*renewal.Collection, error) {
	log, err := ownLog(r)
	if err != nil {
		return nil, err
	}
	from := r.StringSlice("from")
	files := renewal.Uploaded(log)
	if len(from) > 0 {
		if files, err = register.Find(from); err != nil {
			return nil, err
		}
	}
	switch {
	case len(files.Packages) == 0 && len(from) == 0:
		return nil, exitcode.Errorf(exitcode.Usage, "this workstation's record has no upload of a package").
			Hint("--from DIR of the packages: the USB stick's, or a bundle")
	case len(files.Packages) == 0:
		return nil, exitcode.Errorf(exitcode.Usage, "%s: there is no transfer package", strings.Join(from, ", ")).
			Hint("--from DIR of the packages: the USB stick's, or a bundle")
	}
	if err := checkRecord(files.Packages); err != nil {
		return nil, err
	}
	keeper, err := s.Keeper(r)
	if err != nil {
		return nil, err
	}
	collected, err := renewal.Gather(files, log, anyWorld{keeper})
	if err != nil {
		return nil, err
	}
	collected.Inputs(r.Event.AddInput)
	return collected, nil
}

// perFile is how many bytes of an event are for a package, its proof and its key,
// besides their paths.
const perFile = 400

// checkRecord refuses more packages than the ceremony log can record as one event.
func checkRecord(packages []string) error {
	size := 0
	for _, path := range packages {
		size += 2*len(path) + perFile
	}
	if size <= ceremony.MaxEvent {
		return nil
	}
	return exitcode.Errorf(exitcode.Usage, "%d packages are more than the ceremony log holds as one event",
		len(packages)).
		Hint("prove them in batches: --from DIR")
}

// ownLog is what this workstation recorded.
func ownLog(r *command.Run) ([]ceremony.Event, error) {
	dir, err := r.KMData()
	if err != nil {
		return nil, err
	}
	log, err := ceremony.Read(dir)
	return log.Events, err
}

// anyWorld trusts the packages of every world that is known. The hknso that was
// given vouches for one more.
type anyWorld struct{ worlds.Keeper }

// Trust implements [approval.Worlds].
func (a anyWorld) Trust(c worlds.Claim, from string) (worlds.World, error) {
	k := a.Keeper
	if !k.Given.Matches(c.Current) {
		k.Given = fingerprint.Prefix{}
	}
	return k.Trust(c, from)
}

// checkPlaces finds a proof that could not be written before a vault is asked for
// it.
func checkPlaces(r *command.Run, c *renewal.Collection) error {
	if dir := r.String("out"); dir != "" {
		return os.MkdirAll(dir, 0o755)
	}
	for _, k := range c.Register.Keys {
		for _, d := range k.Went {
			if d.File == "" {
				continue
			}
			if err := checkBeside(d.File, "--out proofs"); err != nil {
				return err
			}
		}
	}
	return nil
}

// place is the path of a new proof: beside the package, or in the folder of --out,
// where another package of that name may have had one in the same second.
func place(r *command.Run, file string, p proof.Proof) (string, error) {
	dir := r.String("out")
	if dir == "" {
		return renewal.ProofName(file, p), nil
	}
	at := filepath.Join(dir, filepath.Base(renewal.ProofName(file, p)))
	for n := 2; ; n++ {
		if _, err := os.Lstat(at); os.IsNotExist(err) {
			return at, nil
		} else if err != nil {
			return "", err
		}
		at = filepath.Join(dir, filepath.Base(renewal.ProofName(file, p)))
		at = strings.TrimSuffix(at, ".json") + "-" + strconv.Itoa(n) + ".json"
	}
}

// say shows an entry as soon as it is known.
func say(r *command.Run, e renewal.Entry) {
	if e.Err != nil {
		r.Console.Say("%s: %s", e.Name(), e.Result) // why is said at the end, as an error
	} else {
		r.Console.Say("%s: %s, %s", e.Name(), e.Result, e.Detail)
	}
	for _, f := range e.Report.Findings {
		if f.Result == readback.NotChecked {
			r.Console.Warning("%s: %s was not checked: %s", e.Name(), f.Rule, f.Detail)
		}
	}
}

// note records which versions were proved, and which KEKs were found gone; and
// says which are open.
func note(r *command.Run, o renewal.Outcome) {
	for _, e := range o.Entries {
		if e.Result == renewal.Proved {
			r.Event.AddNote(register.NoteKey, e.Report.Key.ID.String())
		}
	}
	for _, k := range o.KEKs {
		switch k.State {
		case renewal.Found:
			r.Event.AddNote(register.NoteGone, k.KID.String())
		case renewal.Open:
			r.Console.Warning("the KEK %v is open, %s: whoever may import can bring in its packages again", k.KID, k.Detail)
			r.Console.Hint("byok-online kek delete %s --name %s", vaultOption(r, k.KID.Vault), k.KID.Name)
		}
	}
}
