package shared

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"byok/internal/command"
	"byok/internal/completion"
	"byok/internal/durable"
	"byok/internal/exitcode"
	"byok/internal/manual"
	"byok/internal/term"
	"byok/internal/version"
)

// AboutItself are the commands that say what the program is, without a world, an HSM
// or a secret.
func AboutItself() []string { return []string{"version", "completion", "manual"} }

// About are the commands that a program has about itself.
func About(p *command.Program) []*cli.Command {
	return []*cli.Command{
		{
			// Never run: package command shows the help of what is named.
			Name: "help", Usage: "show help of the program, or of a command", ArgsUsage: "[COMMAND]",
			Action: p.Action(nil),
		},
		{Name: "version", Usage: "show version and build", Action: p.Action(command.WithoutFiles(showVersion))},
		{
			Name:      "completion",
			Usage:     "print what has a shell complete commands and options",
			ArgsUsage: strings.Join(completion.Shells(), "|"),
			Action:    p.Action(command.WithFile("SHELL", showCompletion)),
		},
		{
			Name:      "manual",
			Usage:     "print the manual page of the program or of a command, or write all of them",
			ArgsUsage: "[COMMAND]",
			Description: "The pages are in the language of man. To read one, give it to man:\n\n" +
				"    " + p.Name + " manual | man -l -",
			Flags:  []cli.Flag{&cli.StringFlag{Name: "to", Usage: "`DIR` for all pages, made if it is missing"}},
			Action: p.Action(showManual),
		},
	}
}

// versionView is the version and how the binary was built.
type versionView struct {
	Program string        `json:"program"`
	Version string        `json:"version"`
	Built   version.Build `json:"build,omitzero"`
}

func showVersion(r *command.Run) (command.Result, error) {
	return versionView{r.Program.Name, r.Program.Version, r.Program.Built}, nil
}

// Print implements [command.Result].
func (v versionView) Print(w io.Writer) error {
	release := v.Version
	if v.Built.Release != "" {
		release = v.Built.Release
	}
	if _, err := fmt.Fprintf(w, "%s version %s\n", term.Printable(v.Program), term.Printable(release)); err != nil {
		return err
	}
	if v.Built.Release == "" {
		return nil
	}
	return term.Table(w, v.Built.Rows())
}

// textView is a text for another program to read.
type textView struct {
	Lines []string `json:"lines"`
}

func textOf(text string) textView {
	return textView{strings.Split(strings.TrimSuffix(text, "\n"), "\n")}
}

// Exact implements [command.Exact].
func (textView) Exact() {}

// Print implements [command.Result].
func (v textView) Print(w io.Writer) error {
	for _, line := range v.Lines {
		if _, err := fmt.Fprintln(w, term.Printable(line)); err != nil {
			return err
		}
	}
	return nil
}

func showCompletion(r *command.Run, shell string) (command.Result, error) {
	script, err := completion.Script(shell, r.Program.Pages())
	if err != nil {
		return nil, exitcode.Hint(err, "%s completion bash", r.Program.Name)
	}
	return textOf(script), nil
}

func showManual(r *command.Run) (command.Result, error) {
	pages := r.Program.Pages()
	if dir := r.String("to"); dir != "" {
		if err := r.NoArgs(); err != nil {
			return nil, err
		}
		return writeManual(r, dir, pages)
	}
	page, found := manual.Find(pages, r.Args().Slice())
	if !found {
		return nil, exitcode.Errorf(exitcode.Usage, "manual: there is no command %s", strings.Join(r.Args().Slice(), " ")).
			Hint("%s --help", r.Program.Name)
	}
	return textOf(roff(r, page)), nil
}

func roff(r *command.Run, page manual.Page) string {
	return page.Roff(r.Program.Version, r.Program.Built.Date())
}

// manualView says where the pages are.
type manualView struct {
	Dir   string `json:"dir"`
	Pages int    `json:"pages"`
}

// Print implements [command.Result].
func (v manualView) Print(w io.Writer) error {
	_, err := fmt.Fprintf(w, "%d manual pages in %s\n", v.Pages, term.Printable(v.Dir))
	return err
}

func writeManual(r *command.Run, dir string, pages []manual.Page) (command.Result, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, exitcode.Errorf(exitcode.Usage, "%s: %w", dir, durable.Cause(err))
	}
	for _, page := range pages {
		if err := durable.WriteFile(filepath.Join(dir, page.Name()+".1"), []byte(roff(r, page)), 0o644); err != nil {
			return nil, err
		}
	}
	return manualView{dir, len(pages)}, nil
}
