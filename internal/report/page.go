package report

import (
	_ "embed"
	"strings"
	"time"

	"byok/internal/fingerprint"
	m "byok/internal/markup"
	"byok/internal/plan"
	"byok/internal/printable"
	"byok/internal/stamp"
)

//go:embed report.css
var style string

// page is the report as HTML.
func (v *view) page() m.HTML {
	//nolint:gosec // the style is the embedded file
	return m.Page(v.Title+": report", m.HTML(style), m.Of(
		v.first(), v.people(), v.course(), v.keyTable(), m.Each(v.Keys, key.section), v.exchanges(), v.hsm(),
		v.statements(), v.deviated(), v.standards(), v.log(),
	))
}

// first is the first page: what a reader looks for first.
func (v *view) first() m.HTML {
	return m.Of(
		"<div class=\"first\">\n<h1>", m.Text(v.Title), "</h1>\n",
		m.If(v.Rehearsal, `<p class="mark">REHEARSAL</p>`), "\n", v.holds(), `
<nav><a href="#people">People</a><a href="#course">Course</a><a href="#keys">Keys</a><a href="#keks">KEKs</a>`+
			`<a href="#hsm">HSM and programs</a><a href="#statements">Statements</a><a href="#deviations">Deviations</a>`+
			`<a href="#standards">Standards</a><a href="#log">Log</a></nav>
<dl>
`, v.planned(), "\n",
		m.If(!v.Began.IsZero(), "<dt>Recorded</dt><dd>", moment(v.Began), " to ", moment(v.Ended), "</dd>"), `
<dt>World</dt><dd>`, m.Text(v.World), ", quorum ", m.Plain(v.Quorum), ", guard ", m.Plain(v.Guard), `</dd>
<dt>Keys</dt><dd>`, count(len(v.Keys), "key"), " and ", count(len(v.KEKs), "key exchange key"), "; ",
		count(len(v.Deviations), "deviation"), `</dd>
</dl>
<p>Compare these with the paper:</p>
`, hash(v.HKNSO, "hknso, which identifies the world"),
		hash(v.Last.Sum, m.Of("the quorum's last statement, number ", m.Plain(v.Last.Number()))),
		v.planSum(), `
<p>This report repeats what the files say. The grey lines name the file, and the command by which anyone checks it `+
			"again. All of it at once:</p>\n", m.Each(v.Whole, check.line), "\n</div>\n")
}

// holds says whether the record holds.
func (v *view) holds() m.HTML {
	if len(v.Problems) == 0 {
		return `<div class="good">Every statement, package and log here holds, and the quorum sealed the log.</div>`
	}
	return m.Of(`<div class="bad"><h2>Do not rely on this record</h2><ul>`, m.Each(v.Problems, func(p problem) m.HTML {
		return m.Of("<li><b>", m.Text(p.Head), ":</b> ", m.Text(p.Text), "</li>")
	}), "</ul></div>")
}

// planned is what the plan says of the ceremony.
func (v *view) planned() m.HTML {
	if v.Plan == nil {
		return ""
	}
	return m.Of("<dt>Purpose</dt><dd>", m.Text(v.Plan.Purpose), "</dd><dt>Place and day</dt><dd>", m.Text(v.Plan.Location),
		", ", m.Text(v.Plan.Date), ", by the plan</dd>\n<dt>Approved by</dt><dd>", person(v.Plan.Approver), "</dd>")
}

func (v *view) planSum() m.HTML {
	return m.If(v.Plan != nil, hash(v.PlanSum, "the plan"), v.PlanCheck.line())
}

func person(p plan.Person) m.HTML { return m.Of(m.Text(p.Name), m.Some(", ", p.Affiliation, "")) }

// hash is a hash for comparison: as a QR code, in hex and in words.
func hash(sum fingerprint.Sum, title m.HTML) m.HTML {
	return m.Of(`<div class="hash">`, code(sum), `<div class="words"><b>`, title, "</b>", m.Plain(sum.Groups()), "<br>",
		m.Each(sum.Rows(), func(row string) m.HTML { return m.Of(m.Plain(row), "<br>") }), "</div></div>\n")
}

// line is a check as the page shows it. A command's words are each by itself: a line
// breaks between two, and within one that is longer than the line.
func (c check) line() m.HTML {
	words := m.Between(" ", strings.Split(c.Command, " "), func(word string) m.HTML { return m.Text(word) })
	return m.Of(`<p class="check">`, m.Some("", c.File, ""), "<code>", words, "</code></p>")
}

// moment is a time in a sentence.
func moment(t time.Time) m.HTML { return m.Plain(stamp.Text(t)) }

// clock is a time for a table: UTC, without the letters of RFC 3339.
func clock(t time.Time) m.HTML {
	if t.IsZero() {
		return ""
	}
	return m.Plain(t.UTC().Format(time.DateTime))
}

func count(n int, noun string) m.HTML { return m.Plain(printable.Count(n, noun)) }

// warn is what a reader should stop at.
func warn(text m.HTML) m.HTML { return m.Of(`<span class="warn">`, text, "</span>") }
