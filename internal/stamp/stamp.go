// Package stamp is the one form that a time has in the project's files, its
// log and its messages: RFC 3339 in UTC, in whole seconds, as in
// 2026-11-25T19:05:00Z.
//
// Use Now and Of for every time that is written to a file, and Check for
// every time that was read from one: time.Time alone takes offsets and
// fractions, and the same moment would then have many spellings. Do not call
// time.Time.Format elsewhere.
package stamp

import (
	"errors"
	"fmt"
	"time"
)

// Now returns the present time as files carry it.
func Now() time.Time { return Of(time.Now()) }

// Of returns t in UTC, cut to whole seconds and without a monotonic reading.
// The zero time stays zero.
func Of(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Second)
}

// Text returns t in RFC 3339, in UTC and whole seconds; "" for the zero time.
func Text(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return Of(t).Format(time.RFC3339)
}

// Check returns an error, to be put behind the field's name, unless t is as
// Of returns it and not the zero time.
func Check(t time.Time) error {
	switch {
	case t.IsZero():
		return errors.New("a time is missing")
	case t.Nanosecond() != 0:
		return errors.New("expected a time in whole seconds, such as 2026-11-25T19:05:00Z")
	}
	if _, offset := t.Zone(); offset != 0 {
		return errors.New("expected a time in UTC, such as 2026-11-25T19:05:00Z")
	}
	return nil
}

// Parse reads a time that a person typed, in RFC 3339 with any offset.
func Parse(text string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is not a time; expected one in RFC 3339, such as 2026-11-25T19:05:00Z", text)
	}
	return Of(t), nil
}
