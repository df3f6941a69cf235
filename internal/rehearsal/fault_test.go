package rehearsal

import (
	"strings"
	"testing"

	"byok/internal/exitcode"
)

func TestParseFault(t *testing.T) {
	for text, want := range map[string]string{
		"throttle":                                "throttle,times=1",
		"throttle=5":                              "throttle=5,times=1",
		"throttle=0,times=always":                 "throttle=0,times=always",
		"error=503,times=3,on=import":             "error=503,on=import,times=3",
		"error-after=500,on=create+import,skip=2": "error-after=500,on=create+import,skip=2,times=1",
		"cut=stored":                              "cut=stored,times=1",
		"slow=1.5s":                               "slow=1.5s,times=1",
		"forbidden=role":                          "forbidden=role,times=1",
		"deleted":                                 "deleted,times=1",
		"limbo=3s,on=purge":                       "limbo=3s,on=purge,times=1",
		"kek=expired":                             "kek=expired,times=1",
		"stores-wrong-key":                        "stores-wrong-key,times=1",
		"shows-wrong-key":                         "shows-wrong-key,times=1",
		"uses-wrong-key":                          "uses-wrong-key,times=1",
		"standard":                                "standard,times=1",
		"expired-certificate":                     "expired-certificate,times=1",
	} {
		f, err := parseFault(text)
		if err != nil || f.String() != want {
			t.Errorf("%s: %v, %v", text, f, err)
			continue
		}
		if again, err := parseFault(f.String()); err != nil || again.String() != want {
			t.Errorf("%s: %v, %v", f, again, err)
		}
	}
}

func TestParseFaultRefusals(t *testing.T) {
	for text, want := range map[string]string{
		"":                     `fault "": there are NAMES`,
		"cutt":                 `fault "cutt": there are NAMES`,
		"Throttle":             `fault "Throttle": there are NAMES`,
		"throttle=soon":        `fault "throttle=soon": expected throttle[=SECONDS]`,
		"throttle=":            `fault "throttle=": expected throttle[=SECONDS]`,
		"error":                `fault "error": expected error=500|502|503|504`,
		"error=404":            `fault "error=404": expected error=500|502|503|504`,
		"error=+500":           `fault "error=+500": expected error=500|502|503|504`,
		"error-after=200":      `fault "error-after=200": expected error-after=500|502|503|504`,
		"cut=off":              `fault "cut=off": expected cut=request|stored|answer`,
		"slow=5":               `fault "slow=5": expected slow=DURATION`,
		"slow=-5s":             `fault "slow=-5s": expected slow=DURATION`,
		"limbo=1h":             `fault "limbo=1h": expected limbo=DURATION`,
		"forbidden":            `fault "forbidden": expected forbidden=firewall|private|role|policy`,
		"kek=lost":             `fault "kek=lost": expected kek=disabled|expired|deleted`,
		"deleted=yes":          `fault "deleted=yes": expected deleted`,
		"standard=":            `fault "standard=": expected standard`,
		"cut=stored,on=put":    `fault "cut=stored,on=put": on=put: cut is met by OPERATIONS`,
		"standard,on=get":      `fault "standard,on=get": on=get: standard is met by create, import`,
		"standard,on=":         `fault "standard,on=": on=: standard is met by create, import`,
		"limbo=1s,on=recover":  `fault "limbo=1s,on=recover": on=recover: limbo is met by create, import, purge`,
		"throttle,times=0":     `fault "throttle,times=0": times=0: expected a number from 1`,
		"throttle,times=all":   `fault "throttle,times=all": times=all: expected a number from 1`,
		"throttle,skip=-1":     `fault "throttle,skip=-1": skip=-1: expected a number from 1`,
		"throttle,skip=always": `fault "throttle,skip=always": skip=always: expected a number from 1`,
		"throttle,import":      `fault "throttle,import": import: expected on=, skip= or times=`,
	} {
		_, err := parseFaults([]string{"throttle", text})
		want = strings.NewReplacer("OPERATIONS", strings.Join(operations(), ", "),
			"NAMES", "throttle, error, error-after, cut, slow, forbidden, deleted, limbo, kek, stores-wrong-key, shows-wrong-key, uses-wrong-key, standard, expired-certificate").Replace(want)
		if err == nil || err.Error() != want || exitcode.Of(err) != exitcode.Usage {
			t.Errorf("got %v, status %d\nwant %s", err, exitcode.Of(err), want)
		}
	}
}

// FuzzParseFault holds that a fault's text survives being read.
func FuzzParseFault(f *testing.F) {
	for _, k := range kinds() {
		f.Add(k.name + k.form + ",on=import,skip=2,times=always")
	}
	f.Add("throttle=5,on=get+import,times=7")
	f.Fuzz(func(t *testing.T, text string) {
		one, err := parseFault(text)
		if err != nil {
			return
		}
		if again, err := parseFault(one.String()); err != nil || again.String() != one.String() {
			t.Errorf("%q became %s, then %v, %v", text, one, again, err)
		}
	})
}

func TestFaultHelp(t *testing.T) {
	help := FaultHelp()
	for _, k := range kinds() {
		if !strings.Contains(help, "  "+k.name+k.form+"\n") {
			t.Errorf("%s is missing", k.name)
		}
	}
	if want := "Operations: list import get delete create versions list-deleted get-deleted purge recover attestation sign verify encrypt decrypt wrapKey unwrapKey update."; !strings.HasSuffix(help, want) {
		t.Errorf("help ends %q", help[len(help)-len(want):])
	}
}

// TestOrder: a fault that answers leaves the next to a later request; on, skip
// and times decide who is hit.
func TestOrder(t *testing.T) {
	r := start(t, Vault)
	r.arm(t, "throttle,on=get,skip=1", "error=500,on=get+list,times=2", "cut=stored,on=purge")
	var got []string
	for range 5 {
		_, err := r.GetKey(ctx, "k", "", nil)
		got = append(got, answer(err)[:3])
	}
	if want := "500 429 500 404 404"; strings.Join(got, " ") != want {
		t.Errorf("answers %s, not %s", got, want)
	}
	r.left(t, "cut=stored,on=purge,times=1")
	r.arm(t, "throttle,times=always")
	for range 3 {
		_, err := r.GetKey(ctx, "k", "", nil)
		if answer(err)[:3] != "429" {
			t.Error(err)
		}
	}
	r.left(t, "throttle,times=always")
	r.arm(t)
	r.left(t)
}

// TestFaultLog: the operator sees what went wrong on purpose.
func TestFaultLog(t *testing.T) {
	r := start(t, Vault)
	r.arm(t, "error-after=500,on=get")
	if got := r.log.last(); got != "PUT /rehearsal/faults 200" {
		t.Errorf("log %s", got)
	}
	_, err := r.GetKey(ctx, "k", "", nil)
	same(t, "get", err, "500 InternalServerError: Internal Server Error on purpose")
	want := []string{"fault error-after=500 on get", "GET /keys/k/ 404 KeyNotFound", "GET /keys/k/ 500 InternalServerError"}
	said := r.log.said[len(r.log.said)-len(want):]
	for i, line := range said {
		if !strings.HasPrefix(line, want[i]) {
			t.Errorf("log %q", said)
		}
	}
}
