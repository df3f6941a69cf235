package main

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/confine"
	"byok/internal/exitcode"
)

// habit is how a library or a token behaves somewhere, as its users reported it,
// and what the program makes of it, command by command.
type habit struct {
	finding string // F1 to F23; or what it is about, where no report has a number
	variant string
	state   string // of the ceremony that it starts from; "" is a blank stage
	prepare func(*testing.T, *stage)
	shim    string // switches, apart by blanks; ~ stands for a blank in a value
	steps   []reportStep
}

// reportStep is a command, and how it ends: as [stage.answers] has it.
type reportStep struct {
	line, want string // want may end in …
	shows      string // is in what it prints
	shim       string // switches, beside those of the report
	first      func(*testing.T, *stage)
}

// TestReports: what people report of libraries and tokens, each kind in every
// variant that it can take. A command works, or says in one line what is wrong,
// and what to do.
func TestReports(t *testing.T) {
	held, tried := map[string]int{}, map[string]int{}
	var findings []string
	for _, r := range reports() {
		if !slices.Contains(findings, r.finding) {
			findings = append(findings, r.finding)
		}
		tried[r.finding]++
		if t.Run(r.finding+" "+r.variant, r.run) {
			held[r.finding]++
		}
	}
	all, good := 0, 0
	for _, f := range findings {
		t.Logf("%-22s %d of %d", f, held[f], tried[f])
		all, good = all+tried[f], good+held[f]
	}
	t.Logf("variants of %d findings: %d of %d", len(findings), good, all)
}

func (r habit) run(t *testing.T) {
	s := inState(t, r.state)
	if r.prepare != nil {
		r.prepare(t, s)
	}
	for _, step := range r.steps {
		if step.first != nil {
			step.first(t, s)
		}
		line := s.named(t, step.line)
		out := s.patiently(t, line, append(switches(s, r.shim), switches(s, step.shim)...)...)
		got, want := s.answers(out, step.want), strings.ReplaceAll(step.want, "LIBRARY", s.plain(s.library))
		if beginning, more := strings.CutSuffix(want, "…"); more && strings.HasPrefix(got, beginning) {
			want = got
		}
		if out.status == exitcode.Done && step.want == "0" {
			want = got
		}
		if got != want || out.status != exitcode.Done && len(out.errors) != 1 || strings.Contains(out.text, "goroutine ") {
			t.Errorf("%s\n got %s\nwant %s\n%s", line, got, want, out.text)
		}
		if !strings.Contains(out.text, strings.ReplaceAll(step.shows, "LIBRARY", s.library)) {
			t.Errorf("%s does not show %q:\n%s", line, step.shows, out.text)
		}
	}
}

// named puts into a line what the first token is called by.
func (s *stage) named(t *testing.T, line string) string {
	t.Helper()
	if !strings.Contains(line, "$SLOT") && !strings.Contains(line, "$SERIAL") {
		return line
	}
	s.onToken(t, func(p *pkcs11.Ctx) {
		slot := mustDo(p.GetSlotList(true))(t)[0]
		info := mustDo(p.GetTokenInfo(slot))(t)
		line = strings.NewReplacer("$SLOT", fmt.Sprint(slot), "$SERIAL", info.SerialNumber).Replace(line)
	})
	return line
}

// switches are what the shim is told.
func switches(s *stage, text string) (env []string) {
	for _, word := range strings.Fields(text) {
		name, value, _ := strings.Cut(word, "=")
		if value == "$TRIES" || strings.HasPrefix(value, "secrets/") {
			value = s.path(strings.Replace(value, "$TRIES", "tries", 1))
		}
		env = append(env, "BYOK_SHIM_"+name+"="+strings.ReplaceAll(value, "~", " "))
	}
	return env
}

// done is a command that works, and shows something.
func done(line, shows string) reportStep { return reportStep{line: line, want: "0", shows: shows} }

// fails is a command that ends with a status and an error, and the hint.
func fails(line, want, hint string) reportStep {
	shows := ""
	if hint != "" {
		shows = "byok-offline: hint: " + hint
	}
	return reportStep{line: line, want: want, shows: shows}
}

const (
	thenNext   = "key generate --ident next --type EC" + theQuorum
	theList    = "module list --module-path SHIM"
	aloneBy    = "key generate --ident new --type EC --without-quorum"
	theStage   = `token "stage" (serial …)`
	resetHint  = "byok-offline world reset-pin --card DIR … sets it again, where the cards hold the SO PIN"
	bothCards  = " --card card1 --card-pin-file secrets/card1 --card card2 --card-pin-file secrets/card2"
	refusesAll = "such as pkcs11:token=LABEL;serial=SERIAL, in quotes; byok-offline module list shows the tokens"
)

func reports() []habit {
	return slices.Concat(pointForms(), deadSlots(), noLists(), labels(), pinLives(), sockets(), pinPads(), exponents(),
		oneLabel(), printing(), serials(), initialising(), tokenURIs(), behindOurBack(), unreachedGuards())
}

// pointForms is F1: one decoder reads every form that is unambiguous.
func pointForms() (list []habit) {
	works := []reportStep{done(thenMake, ""), done(thenCheck, "")}
	for _, form := range []string{"bare", "compressed", "bare-compressed", "bits", "bits-compressed"} {
		list = append(list, habit{"F1", "point " + form, created, nil, "EC_POINT=" + form, works})
	}
	for _, form := range []string{"name", "bare-name"} {
		list = append(list, habit{"F1", "parameters by " + form, created, nil, "EC_PARAMS=" + form, works})
	}
	for _, curve := range []string{"P-384", "P-521", "P-256K"} {
		list = append(list, habit{"F1", "compressed on " + curve, created, nil, "EC_POINT=compressed",
			[]reportStep{done(thenMake+" --curve "+curve, "")}})
	}
	const point = "4: the token shows an EC key (EC point of %d bytes that begins …: a point on P-256 has 65 and begins with " +
		"04, or 33 and begins with 02 or 03, bare, in an OCTET STRING or in a BIT STRING), not a key for a vault"
	return append(list,
		habit{"F1", "a whole ceremony", "", nil, "EC_POINT=bare", []reportStep{
			done(thenCreate, ""), done(thenMake, ""), done("key generate --ident ec --type RSA"+theQuorum, ""),
			done(thenModify, ""), done("package --ident ec --out out --subscription-id "+subscription+withPINs, ""),
		}},
		habit{"F1", "two coordinates alone", created, nil, "EC_POINT=x-y", []reportStep{
			{line: thenCheck, want: fmt.Sprintf(point, 64)}}},
		habit{"F1", "padded", created, nil, "EC_POINT=padded", []reportStep{
			{line: thenCheck, want: fmt.Sprintf(point, 70)}}},
		habit{"F1", "explicit parameters", created, nil, "EC_PARAMS=explicit", []reportStep{
			{line: thenCheck, want: "4: the token shows an EC key (EC parameters …: expected the identifier of P-256, P-384, P-521 " +
				"or P-256K), not a key for a vault"}}},
	)
}

// deadSlots is F2: a slot that does not answer hides no other.
func deadSlots() (list []habit) {
	for _, code := range []struct{ number, name string }{
		{"0xE1", "CKR_TOKEN_NOT_RECOGNIZED"}, {"0xE0", "CKR_TOKEN_NOT_PRESENT"}, {"0x30", "CKR_DEVICE_ERROR"},
		{"0x6", "CKR_FUNCTION_FAILED"}, {"0x80000044", "return code 0x80000044"},
	} {
		for _, last := range []string{"", " GHOST_LAST=1"} {
			list = append(list, habit{"F2", code.name + last, created, nil, "GHOST=" + code.number + last, []reportStep{
				done(theList, "does not answer ("+code.name+")"), done(theList, "initialised"),
				done(thenAlone, ""), done(thenSeal, ""),
			}})
		}
	}
	return list
}

// noLists is F3: a library is not trusted before its first return value.
func noLists() []habit {
	const configuration = "check the library's own configuration: its manual names the file and the variable"
	mode := func(mode, variant, want, hint string) habit {
		return habit{"F3", variant, "", compiled(mode), "", []reportStep{fails(theList, want, hint)}}
	}
	return []habit{
		mode("1", "an error", "4: C_GetFunctionList of LIBRARY: CKR_GENERAL_ERROR", configuration+"; or "+confine.NetworkHint),
		mode("2", "no list", "4: C_GetFunctionList of LIBRARY: it succeeded, and gave no function list", configuration),
		mode("3", "the process ends", "4: the process that runs the HSM's library ended unexpectedly: exit status 0",
			"run the same command again: it takes up what was begun; or "+confine.NetworkHint),
		mode("4", "a function missing", "4: C_GetFunctionList of LIBRARY: its list has no C_WrapKey",
			"a library must have every function, also those it does not support: ask the vendor"),
		mode("5", "another library",
			"2: PKCS#11 library LIBRARY: not a PKCS#11 library: it does not export C_GetFunctionList", ""),
	}
}

// compiled is a library whose C_GetFunctionList goes wrong.
func compiled(mode string) func(*testing.T, *stage) {
	return func(t *testing.T, s *stage) {
		s.library = s.path("broken.so")
		out, err := exec.Command("cc", "-shared", "-fPIC", "-DMODE="+mode, "-o", s.library,
			"../../internal/hsm/native/testdata/list.c").CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
}

// labels is F4: what the field of a token cannot carry is refused before
// anything is done.
func labels() (list []habit) {
	for _, label := range []string{"trail ", " lead", strings.Repeat("l", 33), "new\tline"} {
		list = append(list, habit{"F4", fmt.Sprintf("%q", label), "", nil, "", []reportStep{
			{line: strings.Replace(thenCreate, "--label stage", `--label "`+label+`"`, 1), want: "2: label …"},
			done(theList, "free"),
		}})
	}
	return append(list, habit{"F4", "padded with NULs", "", configured("NUL_PADDED=1 SERIAL=ABC"), "", []reportStep{
		done(thenCreate, ""), done(thenAlone, ""), done(thenCheck+" --token label:stage", ""),
	}})
}
