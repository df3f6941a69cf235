package cards

import (
	"math"
	"slices"
	"strings"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
)

// TestListIsEFFs rebuilds the file as EFF published it, with the numbers of
// the dice, and compares its hash.
func TestListIsEFFs(t *testing.T) {
	var b strings.Builder
	for i, word := range list() {
		var dice [5]byte
		for at, n := 4, i; at >= 0; at, n = at-1, n/6 {
			dice[at] = '1' + byte(n%6)
		}
		b.WriteString(string(dice[:]) + "\t" + word + "\n")
	}
	const published = "addd35536511597a02fa0a9ff1e5284677b8883b83e986e43f15a3db996b903e"
	if got := fingerprint.Of([]byte(b.String())).String(); got != published {
		t.Errorf("%d words; the list has SHA-256 %s", len(list()), got)
	}
	if !slices.IsSorted(list()) {
		t.Error("the list is not sorted, as the look-up needs it")
	}
	if bits := Words * math.Log2(float64(len(list()))); bits < 90 {
		t.Errorf("a drawn passphrase has %.1f bits", bits)
	}
}

func TestDrawPassphrase(t *testing.T) {
	seen := map[string]bool{}
	for range 200 {
		drawn := DrawPassphrase()
		words := strings.Split(string(drawn.Reveal()), " ")
		if len(words) != Words || slices.ContainsFunc(words, func(w string) bool { return isStranger([]byte(w)) }) {
			t.Fatalf("drew %q", words)
		}
		if seen[drawn.Text()] {
			t.Fatalf("drew %q twice", words)
		}
		seen[strings.Clone(drawn.Text())] = true
		drawn.Wipe()
	}
}

// TestDrawIsUniform fails once in about 10^15 runs: chi-squared with 35
// degrees of freedom over 150.
func TestDrawIsUniform(t *testing.T) {
	const n, trials = 36, 36000
	var count [n]float64
	for range trials {
		count[draw(n)]++
	}
	var chi float64
	for _, c := range count {
		chi += (c - trials/n) * (c - trials/n) / (trials / n)
	}
	if chi > 150 {
		t.Errorf("chi-squared is %.1f: %v", chi, count)
	}
}

func TestNormalise(t *testing.T) {
	const seven = "abacus drop-down zoom yo-yo t-shirt felt-tip abdomen"
	for _, c := range []struct{ name, typed, want string }{
		{"as shown", seven, seven},
		{"capitals", strings.ToUpper(seven), seven},
		{"blanks", "  abacus drop-down\tzoom   yo-yo t-shirt felt-tip  abdomen \n", seven},
		{"six words", "Abacus drop-down zoom yo-yo t-shirt felt-tip", "Abacus drop-down zoom yo-yo t-shirt felt-tip"},
		{"eight words", "Zoom " + seven, "Zoom " + seven},
		{"a word of one's own", "Abacus drop-down zoom yo-yo t-shirt felt-tip Contoso",
			"Abacus drop-down zoom yo-yo t-shirt felt-tip Contoso"},
		{"two of them joined", "Abacusdrop-down zoom yo-yo t-shirt felt-tip abdomen abdomen",
			"Abacusdrop-down zoom yo-yo t-shirt felt-tip abdomen abdomen"},
		{"own", "  My  Passphrase ", "  My  Passphrase "},
		{"not UTF-8", "\xff  A", "\xff  A"},
		{"empty", "", ""},
	} {
		if got := normalise(pass(c.typed)); got.Text() != c.want {
			t.Errorf("%s: %q", c.name, got.Reveal())
		}
	}
}

// TestDrawnWordsOpenHoweverTheyAreTyped does not hold for one's own.
func TestDrawnWordsOpenHoweverTheyAreTyped(t *testing.T) {
	drawn := DrawPassphrase()
	card := issue(t, 1, 1).Cards[0]
	sealed, err := Seal(card, drawn, testWork)
	if err != nil {
		t.Fatal(err)
	}
	loud := strings.ToUpper(strings.ReplaceAll(string(drawn.Reveal()), " ", "   "))
	again, err := Open("usb", sealed, pass(loud))
	if err != nil {
		t.Fatal(err)
	}
	again.Wipe()
}

func TestChoosePassphrase(t *testing.T) {
	ask := Ask{Medium: 4, Prompt: "new passphrase"}
	const again = "warn: card 1 (Alice): that is not the passphrase that was shown; type it again"
	for _, c := range []struct {
		name    string
		tries   int
		answers []answer
		want    Choice
		own     string
		heard   []string
	}{
		{"typed back", 3, []answer{{text: "same"}}, Choice{Tries: 1}, "", []string{"new 4, try 1: new passphrase"}},
		{"second try", 3, []answer{{text: "oops"}, {text: "same"}}, Choice{Tries: 2}, "",
			[]string{"new 4, try 1: new passphrase", again, "new 4, try 2: new passphrase"}},
		{"own", 1, []answer{{text: "My own", own: true}}, Choice{Own: true, Tries: 1}, "My own",
			[]string{"new 4, try 1: new passphrase",
				"warn: card 1 (Alice): the holder's own passphrase instead of the drawn one; the record says so", weak("card 1 (Alice)")}},
	} {
		p := &person{tries: c.tries, answers: c.answers}
		got, chosen, err := ChoosePassphrase(p, ask, "card 1 (Alice)")
		if err != nil || chosen != c.want {
			t.Errorf("%s: %+v, %v", c.name, chosen, err)
			continue
		}
		want := c.own
		if want == "" {
			want = p.drawn[0]
		}
		if got.Text() != want {
			t.Errorf("%s: chose %q", c.name, got.Reveal())
		}
		p.expectHeard(t, c.name, c.heard...)
	}
}

func TestChoosePassphraseRefuses(t *testing.T) {
	for _, c := range []struct {
		name  string
		tries int
		typed []string
		want  failure
	}{
		{"three times wrong", 3, []string{"a", "b", "c"}, failure{
			"card 1 (Alice): what was typed is not the passphrase that was shown", exitcode.Refused,
			"run the same command again: another passphrase is drawn"}},
		{"once, from a file", 1, []string{""}, failure{
			"card 1 (Alice): what was typed is not the passphrase that was shown", exitcode.Refused,
			"run the same command again: another passphrase is drawn"}},
		{"interrupted", 3, nil, failure{errGaveUp.Error(), exitcode.Failed, ""}},
	} {
		p := types(c.typed...)
		p.tries = c.tries
		_, _, err := ChoosePassphrase(p, Ask{}, "card 1 (Alice)")
		expect(t, c.name, err, c.want)
	}
}

// TestWeak: what a thief would try first is weak; drawn words, and passphrases of
// some length, are not.
func TestWeak(t *testing.T) {
	for text, want := range map[string]bool{
		"": true, "a": true, "aaaaaaaaaaaaaaaaaaaa": true, "123123123123123": true, "correct hor": true,
		"correct horse battery": false, "acid bonus crypt decoy elbow fetal gizmo": false, "Schlüssel 鍵 2026": false,
	} {
		if isWeak(pass(text)) != want {
			t.Errorf("%q: weak is %v", text, !want)
		}
	}
}
