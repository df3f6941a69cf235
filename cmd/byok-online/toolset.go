package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"byok/internal/command"
	"byok/internal/fingerprint"
	"byok/internal/term"
	"byok/internal/toolset"
)

func toolsetCommands(p *command.Program) *cli.Command {
	return &cli.Command{
		Name:  "toolset",
		Usage: "make the toolset for the disconnected workstation, or get the retired one",
		Subcommands: []*cli.Command{
			{
				Name:   "list",
				Usage:  "list the retired toolset's regions and their hashes",
				Action: p.Action(command.WithoutFiles(listRegions)),
				Flags:  []cli.Flag{&cli.StringFlag{Name: "region", Usage: "`NAME`, suffix or cloud to list alone"}},
			},
			downloadCommand(p),
			verifyFilesCommand(p),
			buildCommand(p),
		},
	}
}

func listRegions(r *command.Run) (command.Result, error) {
	regions := toolset.Regions()
	if r.IsSet("region") {
		var err error
		if regions, err = regionsOf(r.String("region")); err != nil {
			return nil, err
		}
	}
	var v regionsView
	for _, one := range regions {
		v.Regions = append(v.Regions, regionView{one.Name, one.Suffix, one.Cloud, one.Package, one.SHA256})
	}
	return v, nil
}

// regionsOf finds every region with a name, suffix or cloud, so that GERMANY
// gives both. A single one that FindRegion knows by another spelling, and
// what was meant where there is none, are its to say.
func regionsOf(s string) (found []toolset.Region, err error) {
	for _, r := range toolset.Regions() {
		if strings.EqualFold(s, r.Name) || strings.EqualFold(s, r.Suffix) || strings.EqualFold(s, r.Cloud) {
			found = append(found, r)
		}
	}
	if len(found) > 0 {
		return found, nil
	}
	one, err := toolset.FindRegion(s)
	return []toolset.Region{one}, err
}

type regionsView struct {
	Regions []regionView `json:"regions"`
}

type regionView struct {
	Name    string          `json:"name"`
	Suffix  string          `json:"suffix"`
	Cloud   string          `json:"cloud"`
	Package string          `json:"package"`
	SHA256  fingerprint.Sum `json:"sha256"`
}

// Print implements command.Result.
func (v regionsView) Print(w io.Writer) error {
	rows := [][]string{{"REGION", "SUFFIX", "CLOUD", "PACKAGE", "SHA-256"}}
	for _, r := range v.Regions {
		rows = append(rows, []string{r.Name, r.Suffix, r.Cloud, r.Package, r.SHA256.String()})
	}
	if err := term.Table(w, rows); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w, "retired in June 2021; for what the service accepts today: byok-online toolset build")
	return err
}
