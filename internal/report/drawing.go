package report

import (
	"fmt"
	"strings"

	"byok/internal/ceremony"
)

// The lanes of the drawing, from left to right.
const (
	laneVault = iota
	laneConnected
	laneDisconnected
	laneHSM
	laneCards
)

var lanes = []string{"vaults", "connected workstation", "disconnected workstation", "HSM", "cards"}

// moves are the commands that are drawn: from which lane to which, and what
// passes. A command that is not here changes nothing that passes.
var moves = map[string]struct {
	from, to int
	passes   string
}{
	"kek create":          {laneConnected, laneVault, "makes the KEK"},
	"toolset build":       {laneVault, laneConnected, "KEK and attestation"},
	"kek delete":          {laneConnected, laneVault, "deletes the KEK"},
	"upload":              {laneConnected, laneVault, "package"},
	"verify":              {laneVault, laneConnected, "proof"},
	"toolset install":     {laneConnected, laneDisconnected, "toolset, by stick"},
	"world create":        {laneDisconnected, laneCards, "deals the cards; SO PIN and trusted keys on the HSM"},
	"world recover":       {laneCards, laneHSM, "the world on a further HSM"},
	"world replace-cards": {laneDisconnected, laneCards, "deals new cards"},
	"key generate":        {laneDisconnected, laneHSM, "generates the key"},
	"key restore":         {laneCards, laneHSM, "restores the key"},
	"acl modify":          {laneCards, laneHSM, "the quorum approves"},
	"package":             {laneHSM, laneDisconnected, "signs the package"},
	"ceremony seal":       {laneCards, laneDisconnected, "the quorum signs the log"},
}

// drawing is the ceremony as a sequence of arrows between five lanes.
type drawing struct {
	Width, Height int
	Lanes         []lane
	Arrows        []arrow
	More          int // that are not drawn
}

type lane struct {
	X     int
	Title []string
}

type arrow struct {
	X1, X2, Y  int
	Text, When string
	Middle     int
}

// Sizes of the drawing, in its own units.
const (
	laneWidth  = 150
	rowHeight  = 34
	headHeight = 56
	mostRows   = 60
)

// draw draws the commands that succeeded.
func draw(events []event) drawing {
	d := drawing{Width: laneWidth * len(lanes)}
	for i, title := range lanes {
		d.Lanes = append(d.Lanes, lane{laneWidth*i + laneWidth/2, strings.Fields(title)})
	}
	for _, e := range events {
		move, known := moves[e.Command]
		done := e.Phase == ceremony.End && e.Result == ceremony.Success
		if !known || !done || move.from == laneVault && e.Place != "connected" {
			continue
		}
		if len(d.Arrows) == mostRows {
			d.More++
			continue
		}
		x1, x2 := d.Lanes[move.from].X, d.Lanes[move.to].X
		d.Arrows = append(d.Arrows, arrow{
			X1: x1, X2: x2, Y: headHeight + rowHeight*(len(d.Arrows)+1), Middle: (x1 + x2) / 2,
			Text: fmt.Sprintf("%s: %s", e.Command, move.passes), When: e.Time.UTC().Format("15:04:05"),
		})
	}
	d.Height = headHeight + rowHeight*(len(d.Arrows)+1)
	return d
}

// Line is where the lanes end.
func (d drawing) Line() int { return d.Height - 8 }

// Head is where the lanes begin.
func (d drawing) Head() int { return headHeight - 12 }
