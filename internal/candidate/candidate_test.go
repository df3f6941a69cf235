package candidate_test

import (
	"regexp"
	"strings"
	"testing"

	"byok/internal/candidate"
	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/hsm/shim"
	"byok/internal/secret"
	"byok/internal/testkit/softhsm"
)

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// slots are those of two tokens, in any order.
var slots = regexp.MustCompile(`slot:\d+ or slot:\d+`)

// TestFind: a token that was not chosen is never taken.
func TestFind(t *testing.T) {
	t.Setenv("SHIM_MODULE", softhsm.New(t))
	m := must[*hsm.Module](t)(hsm.Load(shim.Build(t)))
	defer m.Close()
	initialise := func(label string) hsm.Token {
		free := must[hsm.Token](t)(m.Free())
		return must[hsm.Token](t)(m.Initialise(free, secret.Take([]byte("so-pin")), label))
	}
	named := func(text string) hsm.TokenName { return must[hsm.TokenName](t)(hsm.ParseTokenName(text)) }
	one, _, twin2 := initialise("one"), initialise("twin"), initialise("twin")
	const free = "a free one"
	for _, c := range []struct {
		name  string
		order candidate.Order
		want  string // a serial, free, or the error
		hint  string
	}{
		{"the first free one", candidate.Order{Label: "new"}, free, ""},
		{"a free one by name", candidate.Order{Label: "new", Name: named("pkcs11:serial=")}, free, ""},
		{
			"by name, and not free", candidate.Order{Label: "new", Name: named(one.Serial)}, `token "one" (serial ` + one.Serial +
				") is initialised, and a free token is needed", "byok-offline module list --module-path LIBRARY shows the free ones",
		},
		{
			"by name, and not there", candidate.Order{Label: "new", Name: named("123")}, "no token with serial 123 in LIBRARY",
			"connect the HSM that holds this security world, then byok-offline module list --module-path LIBRARY",
		},
		{
			"a label that is taken", candidate.Order{Label: "one"},
			`label "one" is taken by an initialised token (serial ` + one.Serial + ")", "choose another one with --label",
		},
		{"by an interrupted run", candidate.Order{Label: "one", Taken: true}, one.Serial, ""},
		{"adopted", candidate.Order{Label: "one", Adopt: true}, one.Serial, ""},
		{"made again", candidate.Order{Label: "one", Initialize: true}, one.Serial, ""},
		{"made by the vendor's tool", candidate.Order{Label: "one", Made: true}, one.Serial, ""},
		{
			"not made by it", candidate.Order{Label: "new", Made: true}, `there is no initialised token labelled "new"`,
			"byok-offline module list shows the tokens; name one with --label",
		},
		{
			"nothing to adopt", candidate.Order{Label: "new", Adopt: true}, `there is no initialised token labelled "new"`,
			"byok-offline module list shows the tokens; name one with --label",
		},
		{
			"two of a label", candidate.Order{Label: "twin", Adopt: true},
			`2 tokens labelled "twin" in LIBRARY: one cannot be distinguished from the other`, "name one by its slot: slot:A or slot:B",
		},
		{"one of them by name", candidate.Order{Label: "twin", Adopt: true, Name: named(twin2.Serial)}, twin2.Serial, ""},
		{"again, whatever its name is now", candidate.Order{Label: "one", Initialize: true, Taken: true, Name: named("1")}, one.Serial, ""},
		{
			"a free one to adopt", candidate.Order{Label: "x", Adopt: true, Name: named("pkcs11:serial=")},
			"the token pkcs11:serial= is not initialised", "initialise it with the vendor's tool, or leave --adopt out",
		},
		{
			"one that has an SO role", candidate.Order{Label: "one", Lone: true},
			`label "one" is taken by an initialised token (serial ` + one.Serial + ")", "choose another one with --label",
		},
	} {
		got, err := c.order.Find(m)
		text := got.Serial
		if err == nil && !got.Initialised {
			text = free
		}
		if err != nil {
			text = strings.ReplaceAll(err.Error(), m.Path, "LIBRARY")
		}
		hint := strings.ReplaceAll(exitcode.HintOf(err), m.Path, "LIBRARY")
		if strings.HasPrefix(hint, "name one by its slot: ") {
			hint = slots.ReplaceAllString(hint, "slot:A or slot:B")
		}
		if text != c.want || hint != c.hint {
			t.Errorf("%s\n got %s; %s\nwant %s; %s", c.name, text, hint, c.want, c.hint)
		}
	}
	t.Setenv("SHIM_AT", "C_GetSlotList")
	t.Setenv("SHIM_DO", "fail=0x5")
	if _, err := (candidate.Order{Label: "one"}).Find(m); exitcode.Of(err) != exitcode.HSM {
		t.Errorf("%v", err)
	}
}

// TestFindLone: a token without an SO role is kept as it is.
func TestFindLone(t *testing.T) {
	library := softhsm.New(t)
	t.Setenv("SHIM_MODULE", library)
	shimmed := shim.Build(t)
	softhsm.Session(t, shimmed)
	m := must[*hsm.Module](t)(hsm.Load(shimmed))
	defer m.Close()
	t.Setenv("SHIM_PROFILE", "nss")
	got := must[hsm.Token](t)(candidate.Order{Label: "token", Lone: true}.Find(m))
	if got.Label != "token" || !got.LacksSO() {
		t.Errorf("%+v", got)
	}
}
