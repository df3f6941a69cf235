package fingerprint

import (
	"strings"
	"testing"

	"byok/internal/exitcode"
)

func TestParse(t *testing.T) {
	want := Of([]byte(fox))
	digits, words, rows := want.String(), strings.Join(want.Words(), " "), strings.Join(want.Rows(), "\n")
	for name, text := range map[string]string{
		"hex":                  digits,
		"upper case":           strings.ToUpper(digits),
		"groups":               want.Groups(),
		"sha256sum's line":     digits + "  KeyVault-BYOK-Tools-Europe.zip\n",
		"in binary mode":       strings.ToUpper(digits) + " *my file.zip",
		"a digest":             "sha256:" + digits,
		"a digest in capitals": "SHA256:" + digits + "\n",
		"colons":               grouped(digits, 2, ":"),
		"dashes and newlines":  grouped(digits, 4, "-\r\n"),
		"typographic dashes":   grouped(digits, 16, " – "),
		"single digits":        grouped(digits, 1, " "),
		"words":                words,
		"words, upper case":    strings.ToUpper(words),
		"words, lower case":    strings.ToLower(words),
		"words with dashes":    strings.ReplaceAll(words, " ", "-"),
		"words with commas":    strings.ReplaceAll(words, " ", ", "),
		"rows":                 rows,
		"rows in one line":     strings.ReplaceAll(rows, "\n", " "),
		"rows with full stops": strings.ReplaceAll(rows, "  ", ". "),
		"some rows numbered":   strings.Replace(rows, "2", "", 1),
	} {
		if got, err := Parse(text); err != nil || got != want {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
}

func TestParseVectors(t *testing.T) {
	for _, line := range lines(t, "testdata/vectors.txt") {
		digits, words, _ := strings.Cut(line, " | ")
		if len(digits) != 64 {
			continue // a shorter fingerprint than ours
		}
		fromHex, err := Parse(digits)
		if err != nil {
			t.Error(err)
		}
		if fromWords, err := Parse(words); err != nil || fromWords != fromHex {
			t.Errorf("%s: %s, %v", digits, fromWords, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	sum := Of([]byte(fox))
	digits, words := sum.String(), sum.Words()
	with := func(n int, word string) string {
		return strings.Join(append(append(words[:n-1:n-1], word), words[n:]...), " ")
	}
	rows := strings.Join(sum.Rows(), "\n")
	for name, c := range map[string]struct{ text, want string }{
		"nothing":          {"", "the fingerprint is empty"},
		"separators":       {" :-\n", "the fingerprint is empty"},
		"digit missing":    {digits[1:], "the fingerprint has 63 hex digits, not 64"},
		"digit too many":   {digits + "0", "the fingerprint has 65 hex digits, not 64"},
		"letter O":         {"O" + digits[1:], `digit 1 of the fingerprint, "O", is not a hex digit`},
		"foreign digit":    {digits[:16] + "٣" + digits[17:], `digit 17 of the fingerprint, "٣", is not a hex digit`},
		"ESC":              {digits[:63] + "\x1b", `digit 64 of the fingerprint, "\x1b", is not a hex digit`},
		"invalid UTF-8":    {digits[:63] + "\xff", `digit 64 of the fingerprint, "�", is not a hex digit`},
		"a cut line":       {digits[1:] + "  KeyVault.zip", `digit 64 of the fingerprint, "K", is not a hex digit`},
		"two lines":        {digits + "  a.zip\n" + digits + "  b.zip\n", `digit 66 of the fingerprint, "z", is not a hex digit`},
		"one word":         {"stopwatch", "the fingerprint has 1 word, not 32"},
		"short by one":     {strings.Join(words[:31], " "), "the fingerprint has 31 words, not 32"},
		"one word more":    {strings.Join(words, " ") + " aardvark", "the fingerprint has 33 words, not 32"},
		"near miss":        {with(6, "stetoscope"), `word 6 of the fingerprint, "stetoscope", is not on the word list: did you mean "stethoscope"?`},
		"near capital":     {with(31, "topmots"), `word 31 of the fingerprint, "topmots", is not on the word list: did you mean "topmost"?`},
		"near, capitals":   {with(1, "PLUTTO"), `word 1 of the fingerprint, "PLUTTO", is not on the word list: did you mean "Pluto"?`},
		"far off":          {with(7, "fingerprint"), `word 7 of the fingerprint, "fingerprint", is not on the word list`},
		"short and far":    {with(7, "ox"), `word 7 of the fingerprint, "ox", is not on the word list`},
		"very long":        {with(7, strings.Repeat("a", 1<<20)), `word 7 of the fingerprint, "aaaaaaaaaaaaaaaaaaaa…", is not on the word list`},
		"of the other row": {with(7, "molecule"), `word 7 of the fingerprint, "molecule", is out of place: a word before it is missing, doubled or swapped`},
		"word left out":    {strings.Join(append(words[:9:9], words[10:]...), " "), `word 10 of the fingerprint, "pupil", is out of place: a word before it is missing, doubled or swapped`},
		"row left out":     {strings.Join(append(sum.Rows()[:2], sum.Rows()[3:]...), "\n"), "row number 4 of the fingerprint comes after 8 words, not 12"},
		"row misnumbered":  {strings.Replace(rows, "\n3", "\n4", 1), "row number 4 of the fingerprint comes after 8 words, not 12"},
		"number in a row":  {with(2, "paramount 1"), "row number 1 of the fingerprint comes after 2 words, not 0"},
	} {
		sum, err := Parse(c.text)
		if err == nil || err.Error() != c.want || exitcode.Of(err) != exitcode.Usage || sum != (Sum{}) {
			t.Errorf("%s:\n got %v\nwant %s", name, err, c.want)
		}
	}
}

// FuzzParse: what parses is one sum, and each of its spellings parses to it.
func FuzzParse(f *testing.F) {
	sum := Of([]byte(fox))
	f.Add(sum.String())
	f.Add(sum.Groups())
	f.Add(strings.Join(sum.Words(), "-"))
	f.Add(strings.Join(sum.Rows(), "\n"))
	for _, line := range lines(f, "testdata/vectors.txt") {
		digits, words, _ := strings.Cut(line, " | ")
		f.Add(digits)
		f.Add(words)
	}
	f.Fuzz(func(t *testing.T, text string) {
		sum, err := Parse(text)
		if err != nil {
			if sum != (Sum{}) || strings.ContainsAny(err.Error(), "\n\x1b") {
				t.Fatalf("%v, %v", sum, err)
			}
			return
		}
		for _, again := range []string{sum.String(), sum.Groups(), strings.Join(sum.Words(), " "), strings.Join(sum.Rows(), "\n")} {
			if got, err := Parse(again); err != nil || got != sum {
				t.Fatalf("%q: %v, %v", again, got, err)
			}
		}
	})
}

func grouped(digits string, size int, separator string) string {
	var groups []string
	for i := 0; i < len(digits); i += size {
		groups = append(groups, digits[i:i+size])
	}
	return strings.Join(groups, separator)
}
