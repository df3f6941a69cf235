package dialogue

import (
	"fmt"

	"byok/internal/command"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
)

// PublishedHash is the hash of a toolset zip that came over another channel than the
// zip: from --sha256, from --words, or typed.
func PublishedHash(r *command.Run, zip string) (fingerprint.Sum, error) {
	hex, words := r.String("sha256"), r.String("words")
	switch {
	case hex != "" && words != "":
		return fingerprint.Sum{}, exitcode.Errorf(
			exitcode.Usage,
			"--sha256 and --words are mutually exclusive",
		)
	case hex != "":
		return parseHash("--sha256", hex)
	case words != "":
		return parseHash("--words", words)
	}
	return askHash(r, zip)
}

// askHash asks for the hash, again after a slip: 32 words are long.
func askHash(r *command.Run, zip string) (fingerprint.Sum, error) {
	for try := 1; ; try++ {
		text, err := r.Console.Ask("published hash of "+zip+", hex or words", "--sha256 HEX or --words WORDS")
		if err != nil {
			return fingerprint.Sum{}, err
		}
		sum, err := parseHash("published hash", text)
		if err == nil || try == 3 {
			return sum, err
		}
		r.Console.Warning("%v; try again", err)
	}
}

func parseHash(from, text string) (fingerprint.Sum, error) {
	sum, err := fingerprint.Parse(text)
	if err != nil {
		err = fmt.Errorf("%s: %w", from, err)
	}
	return sum, err
}
