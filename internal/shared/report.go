package shared

import (
	"github.com/urfave/cli/v2"

	"byok/internal/command"
	"byok/internal/durable"
	"byok/internal/exitcode"
	"byok/internal/report"
)

const reportText = `Makes one HTML file of a ceremony: who, when, where and what; keys and where each
went; KEKs with each rule's result; deviations; what standards ask for and where the
evidence is; and for each statement the file and the command that checks it again.

DIR is a bundle, which has its plan; or the kmdata folders of both workstations and
the stick, in any order, and --plan. Records that do not belong together are refused.

It loads nothing and holds no script. What does not hold is on its first page. A
bundle brings the report that byok-offline made of it.`

func reportCommand(p *command.Program) *cli.Command {
	return &cli.Command{
		Name:        "report",
		Usage:       "make the report of a ceremony from its bundle, or from both records",
		ArgsUsage:   "DIR …",
		Description: reportText,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "out", Usage: "`FILE` for the report, a new one", Required: true},
			&cli.StringFlag{Name: "plan", Usage: "`FILE` of the plan, where DIR is not a bundle"},
		},
		Action: p.Action(writeReport),
	}
}

func writeReport(r *command.Run) (command.Result, error) {
	if r.NArg() == 0 {
		return nil, exitcode.Errorf(exitcode.Usage, "%s needs a folder", r.Event.Command).
			Hint("%s ceremony report --out report.html bundle", r.Program.Name)
	}
	made, err := report.MakeOf(r.Args().Slice(), r.String("plan"))
	if err != nil {
		return nil, exitcode.Mark(exitcode.Usage, err)
	}
	if err := durable.WriteFile(r.String("out"), made, 0o644); err != nil {
		return nil, err
	}
	return written{r.String("out"), "read its first page, then compare hknso and the last statement with the paper"}, nil
}
