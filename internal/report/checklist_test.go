package report

import (
	"testing"

	"byok/internal/ceremony"
)

// TestDisconnected: what the report says of the network interfaces that commands saw.
func TestDisconnected(t *testing.T) {
	for _, c := range []struct {
		name string
		seen []string
		want string
	}{
		{"no command looked", nil, "not in the record"},
		{"none", []string{"none is up", "none is up"}, "no network interface was up in 2 of the 2 commands that looked"},
		{"some", []string{"up: eth0", "none is up", "up: eth0", "up: eth0, wlan0"},
			"no network interface was up in 1 of the 4 commands that looked; otherwise up: eth0; up: eth0, wlan0"},
	} {
		var v view
		for _, seen := range c.seen {
			e := ceremony.Event{Notes: []ceremony.Note{{Name: "warning", Value: "x"}, {Name: ceremony.NoteInterfaces, Value: seen}}}
			v.Events = append(v.Events, event{Event: e})
		}
		if got := v.disconnected(); got != c.want+"; cables and radio rest on people" {
			t.Errorf("%s: %s", c.name, got)
		}
	}
}
