package report

import (
	"strings"
	"unicode/utf8"

	"byok/internal/ceremony"
	"byok/internal/printable"
)

// The lanes of the drawing, from left to right.
const (
	laneVault = iota
	laneConnected
	laneStick
	laneDisconnected
	laneHSM
	laneCards
)

var lanes = []string{
	"vaults", "connected workstation", "USB stick", "disconnected workstation", "HSM", "cards",
}

// moves are the commands that are drawn: from which lane to which, and what
// passes. A command that is not here changes nothing that passes. What crosses the
// air gap passes the stick's lane.
var moves = map[string]struct {
	place    string
	from, to int
	passes   string
}{
	"kek create":          {placeConnected, laneConnected, laneVault, "makes the KEK"},
	"toolset build":       {placeConnected, laneVault, laneConnected, "KEK, attestation"},
	"upload":              {placeConnected, laneStick, laneVault, "package"},
	"verify":              {placeConnected, laneVault, laneConnected, "proof"},
	"kek delete":          {placeConnected, laneConnected, laneVault, "deletes the KEK"},
	"toolset install":     {placeDisconnected, laneConnected, laneDisconnected, "toolset"},
	"world create":        {placeDisconnected, laneDisconnected, laneCards, "makes the world, deals the cards"},
	"world recover":       {placeDisconnected, laneCards, laneHSM, "the world on a further HSM"},
	"world replace-cards": {placeDisconnected, laneDisconnected, laneCards, "deals new cards"},
	"world backup":        {placeDisconnected, laneDisconnected, laneStick, "backups, on a medium"},
	"key generate":        {placeDisconnected, laneDisconnected, laneHSM, "generates"},
	"key restore":         {placeDisconnected, laneCards, laneHSM, "restores"},
	"key retire":          {placeDisconnected, laneDisconnected, laneHSM, "destroys"},
	"acl modify":          {placeDisconnected, laneCards, laneHSM, "approval"},
	"package":             {placeDisconnected, laneDisconnected, laneStick, "package"},
	"ceremony seal":       {placeDisconnected, laneCards, laneDisconnected, "the quorum seals the log"},
}

// drawing is the ceremony as a sequence of arrows between the lanes.
type drawing struct {
	Width, Height int
	Lanes         []lane
	Arrows        []arrow
	More          int // that are not drawn
}

type lane struct {
	X     int
	Lines []lineOf
}

// lineOf is a line of a lane's title.
type lineOf struct {
	Y    int
	Text string
}

type arrow struct {
	X1, X2, Y     int
	Middle        int
	Stick         int // where it crosses the stick's lane, or 0
	Text, Command string
	From, To      string
	When          string
}

// Above and Below are where an arrow's two texts stand.
func (a arrow) Above() int { return a.Y - 5 }

// Below is where the command stands.
func (a arrow) Below() int { return a.Y + 12 }

// Sizes of the drawing, in its own units.
const (
	clockWidth = 56
	laneWidth  = 132
	rowHeight  = 40
	headHeight = 44
	mostRows   = 60
	mostText   = 34 // characters
)

// draw draws the commands that succeeded.
func draw(events []event) drawing {
	d := drawing{Width: clockWidth + laneWidth*len(lanes)}
	for i, title := range lanes {
		l := lane{X: clockWidth + laneWidth*i + laneWidth/2}
		for n, word := range strings.Fields(title) {
			l.Lines = append(l.Lines, lineOf{14 + 12*n, word})
		}
		d.Lanes = append(d.Lanes, l)
	}
	for _, e := range events {
		move, known := moves[e.Command]
		if !known || e.Place != move.place || e.Phase != ceremony.End || e.Result != ceremony.Success {
			continue
		}
		if len(d.Arrows) == mostRows {
			d.More++
			continue
		}
		a := arrow{
			X1: d.Lanes[move.from].X, X2: d.Lanes[move.to].X, Y: headHeight + rowHeight*(len(d.Arrows)+1),
			Text: shorten(move.passes + subject(e)), Command: e.Command, From: lanes[move.from], To: lanes[move.to],
			When: e.Time.UTC().Format("15:04:05"),
		}
		a.Middle = (a.X1 + a.X2) / 2
		if min(move.from, move.to) < laneStick && max(move.from, move.to) > laneStick {
			a.Stick = d.Lanes[laneStick].X
			a.Middle = (a.X1 + a.Stick) / 2
		}
		d.Arrows = append(d.Arrows, a)
	}
	d.Height = d.Line() + 8
	return d
}

// subject is the key that a command is about, with a blank before it.
func subject(e event) string {
	for _, a := range e.Arguments {
		if ident, found := strings.CutPrefix(a, "--ident="); found {
			return " " + ident
		}
	}
	return ""
}

// shorten keeps a text's beginning, on one line of visible characters.
func shorten(text string) string {
	text = printable.Escape(text)
	if utf8.RuneCountInString(text) <= mostText {
		return text
	}
	return string([]rune(text)[:mostText-1]) + "…"
}

// Line is where the lanes end.
func (d drawing) Line() int { return headHeight + rowHeight*(len(d.Arrows)+1) - 8 }

// Head is where the lanes begin.
func (d drawing) Head() int { return headHeight - 8 }
