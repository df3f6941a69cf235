package stamp

import (
	"testing"
	"time"
)

var at = time.Date(2026, 11, 25, 19, 5, 0, 0, time.UTC)

func TestNow(t *testing.T) {
	if err := Check(Now()); err != nil {
		t.Errorf("Now is not as files carry it: %v", err)
	}
}

func TestOfAndText(t *testing.T) {
	vienna := time.FixedZone("CET", 3600)
	for _, c := range []struct {
		name string
		in   time.Time
		of   time.Time
		text string
	}{
		{"UTC", at, at, "2026-11-25T19:05:00Z"},
		{"an offset", at.In(vienna), at, "2026-11-25T19:05:00Z"},
		{"a fraction", at.Add(999 * time.Millisecond), at, "2026-11-25T19:05:00Z"},
		{"zero", time.Time{}, time.Time{}, ""},
	} {
		if got := Of(c.in); !got.Equal(c.of) || got.Location() != c.of.Location() {
			t.Errorf("%s: Of gives %v, want %v", c.name, got, c.of)
		}
		if got := Text(c.in); got != c.text {
			t.Errorf("%s: Text gives %q, want %q", c.name, got, c.text)
		}
	}
}

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		name string
		in   time.Time
		want string
	}{
		{"good", at, ""},
		{"zero", time.Time{}, "a time is missing"},
		{"fraction", at.Add(1), "expected a time in whole seconds, such as 2026-11-25T19:05:00Z"},
		{"offset", at.In(time.FixedZone("", 60)), "expected a time in UTC, such as 2026-11-25T19:05:00Z"},
	} {
		got := ""
		if err := Check(c.in); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s:\n got %q\nwant %q", c.name, got, c.want)
		}
	}
}

func TestParse(t *testing.T) {
	got, err := Parse("2026-11-25T20:05:00.5+01:00")
	if err != nil || !got.Equal(at) || got.Location() != time.UTC {
		t.Errorf("got %v, %v", got, err)
	}
	want := `"yesterday" is not a time; expected one in RFC 3339, such as 2026-11-25T19:05:00Z`
	if _, err := Parse("yesterday"); err == nil || err.Error() != want {
		t.Errorf("\n got %v\nwant %s", err, want)
	}
}
