package shared

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"byok/internal/choice"
	"byok/internal/command"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/kit"
	"byok/internal/plan"
	"byok/internal/printable"
	"byok/internal/term"
)

const kitText = `Copies files to a new folder on the stick, with the list of their SHA-256 sums as
sha256sum writes it, and shows the list's own sum: write that down, since it must
not travel on the stick. The folder gets its name when all of it is on the medium.
Of the folders that are named, what begins with a dot stays behind.

The other workstation copies the folder to its own disk and checks the copy: by
sha256sum where it has nothing of this project yet, and by kit verify.`

const kitCheckText = `Checks that everything on the kit's list is there with its hash, and nothing else:
no other file, no link, no device. It reads no more than a kit may have, and runs
nothing. Then it compares the list's own sum with what the other workstation
showed, which is asked for, and shown by no file of the kit.

Check a copy on this workstation's disk, and use that copy alone: a stick can give
other bytes at the second reading.`

// KitSide is what a program does with kits.
type KitSide struct {
	makes, takes kit.Limit
	other        string     // the program that checks what this one makes
	flags        []cli.Flag // of kit write, besides --to
}

// KitsIn is the side of byok-online, which makes kits for the disconnected
// workstation.
func KitsIn() KitSide {
	return KitSide{makes: kit.Inward(), takes: kit.Outward(), other: "byok-offline", flags: []cli.Flag{
		&cli.StringFlag{Name: "release", Usage: "`DIR` of a release of this project, with its SHA256SUMS"},
		&cli.StringFlag{
			Name:  "platform",
			Usage: "`SYSTEM` of the disconnected workstation: " + strings.Join(kit.Platforms(), ", "),
			Value: kit.Platforms()[0],
		},
		&cli.StringSliceFlag{Name: "toolset", Usage: "`ZIP` that toolset build made; once per toolset"},
		&cli.StringFlag{Name: "plan", Usage: "`FILE` of the plan, whose release policies come with it"},
	}}
}

// KitsOut is the side of byok-offline, which makes kits for the way back.
func KitsOut() KitSide {
	return KitSide{makes: kit.Outward(), takes: kit.Inward(), other: "byok-online"}
}

// Kit is the group of commands that write and check kits. Where options follow its
// name, it is kit write.
func Kit(p *command.Program, side KitSide) *cli.Command {
	p.Alone = map[string]string{"kit": "write"}
	if p.Choices != nil {
		p.Choices["platform"] = choice.Choice{Words: kit.Platforms()}
	}
	return &cli.Command{
		Name:  "kit",
		Usage: "carry files across the air gap, with a list of their hashes",
		Subcommands: []*cli.Command{
			{
				Name:        "write",
				Usage:       "copy files to a new folder on the stick, and list their hashes",
				ArgsUsage:   "[PATH …]",
				Description: kitText,
				Flags: append([]cli.Flag{
					&cli.StringFlag{Name: "to", Usage: "`DIR` for the kit, a new one", Required: true},
				}, side.flags...),
				Action: p.Step(func(r *command.Run) (command.Result, error) { return writeKit(r, side) }),
			},
			{
				Name:        "verify",
				Usage:       "check a kit that the other workstation made",
				ArgsUsage:   "DIR",
				Description: kitCheckText,
				Flags: []cli.Flag{&cli.StringFlag{
					Name:  "fingerprint",
					Usage: "`WORDS` that the other workstation showed, eight or more, or hex (default: asked for)",
				}},
				Action: p.Step(command.WithFile("DIR", func(r *command.Run, dir string) (command.Result, error) {
					return verifyKit(r, dir, side.takes)
				})),
			},
		},
	}
}

func writeKit(r *command.Run, side KitSide) (command.Result, error) {
	dir := r.String("to")
	if err := kit.Free(dir); err != nil {
		return nil, err
	}
	sources, err := kitSources(r)
	if err != nil {
		return nil, err
	}
	if len(sources) == 0 {
		return nil, exitcode.Errorf(exitcode.Usage, "%s: nothing is named that goes into the kit", r.Event.Command).
			Hint("%s --help", r.Command.HelpName)
	}
	k, err := kit.Write(r.Context.Context, dir, sources, side.makes)
	if err != nil {
		return nil, err
	}
	if _, err := r.Wrote(filepath.Join(dir, kit.List)); err != nil {
		return nil, err
	}
	return newKit{*k, k.SHA256.Words(), side.other + " kit verify " + printable.Quote(filepath.Base(dir))}, nil
}

// kitSources are the files that the options and the command line name.
func kitSources(r *command.Run) (all []kit.Source, err error) {
	if dir := r.String("release"); dir != "" {
		if all, err = kit.Release(dir, r.String("platform")); err != nil {
			return nil, err
		}
	}
	for _, from := range slices.Concat(within("toolset", r.StringSlice("toolset")), within("", r.Args().Slice())) {
		files, err := kit.Gather(from.folder, from.path)
		if err != nil {
			return nil, err
		}
		all = append(all, files...)
	}
	if file := r.String("plan"); file != "" {
		files, err := planSources(file)
		return append(all, files...), err
	}
	return all, nil
}

// gathered is a path, and the folder of the kit that it goes to.
type gathered struct{ folder, path string }

func within(folder string, paths []string) (list []gathered) {
	for _, p := range paths {
		list = append(list, gathered{folder, p})
	}
	return list
}

// planSources are a plan, and the release policies beside it.
func planSources(file string) ([]kit.Source, error) {
	p, _, err := plan.Held(file)
	if err != nil {
		return nil, err
	}
	list := []kit.Source{{Name: "plan/" + filepath.Base(file), Path: file}}
	seen := map[string]bool{"": true}
	for _, k := range p.Keys {
		policy := k.ReleasePolicy
		if !seen[policy] {
			list = append(list, kit.Source{
				Name: "plan/" + filepath.ToSlash(policy), Path: filepath.Join(filepath.Dir(file), policy),
			})
		}
		seen[policy] = true
	}
	return list, nil
}

// newKit is a kit that was made.
type newKit struct {
	kit.Kit
	Words []string `json:"words"`
	Next  string   `json:"next"`
}

// Print implements [command.Result].
func (v newKit) Print(w io.Writer) error {
	if err := term.Table(w, append(inShort(v.Kit), []string{"SHA-256", "of its " + kit.List})); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "%s\n%s\nwrite this down: it must not travel on the stick\n"+
		"on the other workstation, in a copy of the folder:\n  sha256sum %s\n  sha256sum --check --strict %s\n"+
		"and beside it:\n  %s\n", v.SHA256.Groups(), strings.Join(v.SHA256.Rows(), "\n"), kit.List, kit.List,
		term.Printable(v.Next))
	return err
}

func inShort(k kit.Kit) [][]string {
	return [][]string{{"kit", k.Folder}, {"holds", k.Holds()}}
}

// kitWords is how many words of a kit's sum are compared at least.
const kitWords = 8

func verifyKit(r *command.Run, dir string, limit kit.Limit) (command.Result, error) {
	const beware = "use nothing of it; have the kit made again, on another stick"
	k, found, err := kit.Check(r.Context.Context, dir, limit)
	if err != nil && exitcode.Of(err) == exitcode.Check && exitcode.HintOf(err) == "" {
		return nil, exitcode.Hint(err, beware)
	}
	if err != nil {
		return nil, err
	}
	r.Event.AddInput(filepath.Join(dir, kit.List), k.SHA256)
	if len(found) > 0 {
		return checkedKit{Kit: *k, Findings: found}, exitcode.Errorf(exitcode.Check, "%s: %s", dir,
			printable.Count(len(found), "finding")).Hint(beware)
	}
	given, err := kitFingerprint(r)
	if err != nil {
		return nil, err
	}
	if !given.Matches(k.SHA256) {
		return nil, exitcode.Errorf(exitcode.Check, "%s: this is not the kit whose fingerprint was given", dir).
			Hint("read the words again; if they are right, use nothing of it: it was exchanged on the way")
	}
	r.Event.AddNote("kit compared", given.String())
	return checkedKit{Kit: *k, Compared: given}, nil
}

// kitFingerprint is what the other workstation showed, asked for again after a slip.
func kitFingerprint(r *command.Run) (fingerprint.Prefix, error) {
	if text := r.String("fingerprint"); text != "" {
		return parseKitFingerprint(text)
	}
	for try := 1; ; try++ {
		text, err := r.Console.Ask("fingerprint of the kit, as the other workstation showed it, first 8 words or hex",
			"--fingerprint WORDS")
		if err != nil {
			return fingerprint.Prefix{}, err
		}
		given, err := parseKitFingerprint(text)
		if err == nil || try == 3 {
			return given, err
		}
		r.Console.Warning("%v; try again", err)
	}
}

func parseKitFingerprint(text string) (fingerprint.Prefix, error) {
	given, err := fingerprint.ParsePrefix(text, kitWords)
	if err != nil {
		err = fmt.Errorf("fingerprint of the kit: %w", err)
	}
	return given, err
}

// checkedKit is what was found of a kit.
type checkedKit struct {
	kit.Kit
	Findings []kit.Finding      `json:"findings,omitempty"`
	Compared fingerprint.Prefix `json:"compared,omitzero"`
}

// Print implements [command.Result].
func (v checkedKit) Print(w io.Writer) error {
	rows := inShort(v.Kit)
	if len(v.Findings) == 0 {
		rows = append(rows, []string{"pass", "every file of the list is there with its hash, and nothing else"},
			[]string{"pass", "it is the kit whose fingerprint was given"})
	}
	for _, f := range v.Findings {
		rows = append(rows, []string{"FAIL", f.Name + ": " + f.Says})
	}
	return term.Table(w, rows)
}
