package library

import (
	"io/fs"
	"os"

	"byok/internal/access"
)

// hands are those in which a library must be.
const hands = "the administrators' hands"

// ownerRules is the table: access lists say who may change a file.
var ownerRules = []ownerRule{{
	broken: func(place string, _ fs.FileInfo) string {
		if who := exchanger(place, false); who != "" {
			return "can be changed by " + who
		}
		return ""
	},
	accepted: func(_ int, place string, _ fs.FileInfo) bool { return exchanger(place, true) == "" },
	cure: func(string, fs.FileInfo) string {
		return `put it below C:\Program Files, where administrators alone can write, and name it there`
	},
}}

// exchanger asks who may exchange a file, or what is in a folder. What cannot be asked
// is not known to be safe.
func exchanger(place string, userTrusted bool) string {
	f, err := os.Open(place) // a folder as well
	if err != nil {
		return "someone: " + err.Error()
	}
	defer f.Close()
	who, err := access.Exchanger(f, userTrusted)
	if err != nil {
		return "someone: " + err.Error()
	}
	return who
}
