package onlineview

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"

	"byok/internal/kek"
	"byok/internal/simulation"
)

// TestSimulation compares what people see of simulations, and its JSON, with
// testdata/simulation.txt, and has each limit decide once.
func TestSimulation(t *testing.T) {
	var got bytes.Buffer
	for _, f := range []simulation.Fleet{
		{Service: kek.ServiceVault, Vaults: 100, Subscriptions: 5, Keys: 1000},
		{Service: kek.ServiceVault, Vaults: 3, Subscriptions: 2, Keys: 10},
		{Service: kek.ServiceManagedHSM, Vaults: 1, Subscriptions: 1, Keys: 1},
	} {
		v := OfSimulation(simulation.Spread(f))
		if err := v.Print(&got); err != nil {
			t.Fatal(err)
		}
		if f.Keys > 10 {
			continue
		}
		data, err := json.MarshalIndent(v, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		got.Write(append(data, '\n'))
	}
	const path = "testdata/simulation.txt"
	if *update {
		if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("it is\n%s\nnot\n%s", got.String(), want)
	}
	for room := range 2 {
		w := &full{room: room}
		if err := OfSimulation(nil).Print(w); err == nil {
			t.Errorf("%d writes of two are enough", room)
		}
	}
}
