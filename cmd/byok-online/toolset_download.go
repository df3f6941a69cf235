package main

import (
	"io"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/urfave/cli/v2"

	"byok/internal/azure"
	"byok/internal/command"
	"byok/internal/download"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/term"
	"byok/internal/toolset"
)

// downloadPage is where a browser gets the retired zips from. No address of
// the zips themselves was ever published.
const downloadPage = "https://www.microsoft.com/download/details.aspx?id=45345"

// maxRetiredZip is many times what the retired zips have: programs, their
// DLLs, a redistributable package.
const maxRetiredZip = 256 << 20

func downloadCommand(p *command.Program) *cli.Command {
	return &cli.Command{
		Name:   "download",
		Usage:  "get a region's retired toolset, if its hash is the published one",
		Action: p.Step(command.WithoutFiles(debuggable(downloadToolset))),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "region", Usage: "`NAME` or suffix of the region", Required: true},
			&cli.StringFlag{Name: "from", Usage: "`URL` of the zip or of its folder, by https, or a folder here"},
			&cli.StringFlag{Name: "out", Usage: "`DIR` for the zip", Value: "."},
			caFileFlag(),
			&cli.BoolFlag{Name: "debug", Usage: "show the raw cause of a failure"},
		},
	}
}

func downloadToolset(r *command.Run) (command.Result, error) {
	region, err := toolset.FindRegion(r.String("region"))
	if err != nil {
		return nil, err
	}
	from := r.String("from")
	if from == "" {
		return nil, exitcode.Errorf(exitcode.Usage,
			"%s has no published direct address: page 45345 of the download center gives it to browsers only", region.Package).
			Hint("get it from %s and give its folder with --from; "+
				"for a toolset that the service accepts today: byok-online toolset build", downloadPage)
	}
	job := download.Job{
		Path:    filepath.Join(r.String("out"), region.Package),
		SHA256:  region.SHA256,
		Max:     maxRetiredZip,
		Console: r.Console,
	}
	if err := fetch(r, job, from); err != nil {
		return nil, err
	}
	r.Event.AddOutput(job.Path, region.SHA256)
	r.Console.Warning("this toolset was retired in June 2021, and the service accepts no package made with it; " +
		"see byok-online toolset build")
	return downloadedView{region.Name, job.Path, region.SHA256}, nil
}

// fetch reads what is a folder here as a folder, and all else as a URL.
func fetch(r *command.Run, job download.Job, from string) error {
	if info, err := os.Stat(from); err == nil && info.IsDir() {
		return job.FromFolder(r.Context.Context, from)
	}
	if u, err := url.Parse(from); err != nil || u.Scheme == "" {
		return exitcode.Errorf(exitcode.Usage, "--from is neither a folder nor a URL such as https://HOST/FOLDER/")
	}
	client, err := azure.Network{CAFile: r.String("ca-file")}.Client()
	if err != nil {
		return err
	}
	job.HTTP = client
	job.Explain = func(doing string, err error) error { return azure.Explain(doing, err, time.Now()) }
	return job.FromURL(r.Context.Context, from)
}

// downloadedView is a zip whose hash is the published one.
type downloadedView struct {
	Region string          `json:"region"`
	Path   string          `json:"path"`
	SHA256 fingerprint.Sum `json:"sha256"`
}

// Print implements command.Result.
func (v downloadedView) Print(w io.Writer) error {
	return term.Table(w, [][]string{
		{"toolset", v.Path},
		{"region", v.Region},
		{"SHA-256", v.SHA256.Groups() + ", as published"},
	})
}
