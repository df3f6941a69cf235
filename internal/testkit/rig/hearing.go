package rig

import (
	"fmt"
	"strings"
)

// Hearing are people who do something when they hear a text.
type Hearing struct {
	*People
	Text string
	Do   func()
}

// Say notes what is said.
func (h Hearing) Say(format string, args ...any) {
	h.People.Say(format, args...)
	h.hear(fmt.Sprintf(format, args...))
}

// Warn notes a warning.
func (h Hearing) Warn(text string) {
	h.People.Warn(text)
	h.hear(text)
}

func (h Hearing) hear(text string) {
	if strings.Contains(text, h.Text) {
		h.Do()
	}
}
