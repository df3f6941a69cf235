// Package report is the report of one ceremony: a single HTML file, made from its
// bundle, that says who, when, where and what, and for each statement by which
// command anyone checks it again.
//
// Use Of to read a bundle and Source.Write to write the report. A report proves
// nothing: it repeats what package audit and the bundle's script check. What
// does not hold is on its first page.
package report

import (
	"bytes"
	_ "embed"
	"html/template"
	"io"
	"io/fs"
	"path/filepath"
	"time"

	"byok/internal/bundle"
	"byok/internal/ceremony"
	"byok/internal/fingerprint"
	"byok/internal/kmdata"
	"byok/internal/plan"
	"byok/internal/record"
	"byok/internal/stamp"
)

//go:embed report.html
var text string

var page = template.Must(template.New("report").Funcs(template.FuncMap{
	"time":  stamp.Text,
	"clock": func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") },
	"qr":    code,
	"rowOf": func(i int) int { return 14 + 12*i }, // the line of a lane's title
	"up":    func(y int) int { return y - 4 },     // above an arrow
}).Parse(text))

// Source is what a report is made of.
type Source struct {
	Disconnected record.Record
	Connected    ceremony.Record
	Files        bundle.Files
	Plan         *plan.Plan // nil where the bundle has none
	problems     []string
}

// Of reads the bundle in dir. What does not hold becomes a problem on the first
// page; a folder without a world is an error.
func Of(dir string) (*Source, error) {
	files, err := bundle.Read(dir)
	if err != nil {
		return nil, err
	}
	s := &Source{Files: files}
	if s.Disconnected, err = record.Check(filepath.Join(dir, "disconnected")); s.Disconnected.Chain == nil {
		if err == nil {
			err = fs.ErrNotExist
		}
		return nil, err
	}
	s.problem("the record of the disconnected workstation does not hold", err)
	s.Connected, err = ceremony.Read(filepath.Join(dir, "connected"))
	s.problem("the log of the connected workstation does not hold", err)
	if data, found := files[bundle.Plan]; found {
		s.Plan, err = plan.Parse(bundle.Plan, data)
		s.problem("the plan cannot be read", err)
	}
	return s, nil
}

func (s *Source) problem(what string, err error) {
	if err != nil {
		s.problems = append(s.problems, what+": "+err.Error())
	}
}

// view is the report as its page shows it.
type view struct {
	Title      string
	Rehearsal  bool
	Problems   []string
	Plan       *plan.Plan
	PlanSum    fingerprint.Sum
	World      string
	Guard      string
	Quorum     string
	HKNSO      fingerprint.Sum
	Last       kmdata.Entry
	Head       ceremony.Head
	Programs   []program
	Modules    []module
	Statements []row
	Keys       []key
	KEKs       []exchange
	Deviations []event
	Events     []event
	Drawing    drawing
	Checklist  []item
	Began      time.Time
	Ended      time.Time
}

// Write writes the report.
func (s *Source) Write(w io.Writer) error {
	chain := s.Disconnected.Chain
	v := view{
		Title:     "Ceremony of the world " + chain.World().Label,
		Rehearsal: chain.Rehearsal(),
		Plan:      s.Plan,
		PlanSum:   fingerprint.Of(s.Files[bundle.Plan]),
		World:     chain.World().Label,
		Guard:     string(chain.World().Guard),
		Quorum:    chain.Set().Cards.Quorum.String(),
		HKNSO:     chain.FirstHKNSO(),
		Last:      chain.Last(),
		Head:      s.Disconnected.Head,
		Programs:  s.programs(),
		Modules:   s.modules(),
		KEKs:      s.keks(),
		Events:    s.events(),
	}
	if s.Plan != nil {
		v.Title = s.Plan.Title
	}
	if n := len(v.Events); n > 0 {
		v.Began, v.Ended = v.Events[0].Time, v.Events[n-1].Time
	}
	v.Statements, v.Keys = s.statements(), s.keys()
	v.Deviations = deviations(v.Events)
	v.Drawing = draw(v.Events)
	v.Problems = append(s.problems, s.unsealed()...)
	v.Checklist = checklist(&v)
	return page.Execute(w, v)
}

// unsealed says what keeps the record from being complete.
func (s *Source) unsealed() []string {
	var list []string
	chain := s.Disconnected.Chain
	if _, sealed := sealOf(chain.Last()); !sealed {
		list = append(list, "the log is not sealed: the quorum's last statement is not a seal, "+
			"and what came after it can have been cut off")
	}
	for _, h := range chain.Heads() {
		if h.Break != nil {
			list = append(list, "a part of the record is missing: "+h.Break.Reason)
		}
	}
	for _, w := range append(s.Disconnected.Warnings, s.Connected.Warnings...) {
		list = append(list, "log: "+w)
	}
	for _, m := range chain.Behind() {
		list = append(list, "the replaced cards still open module "+m.Token.String())
	}
	return list
}

// Make is the report of the bundle in dir.
func Make(dir string) ([]byte, error) {
	s, err := Of(dir)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = s.Write(&b)
	return b.Bytes(), err
}
