package dialogue

import (
	"byok/internal/kek"
)

// Said gets what the vault's owner said, before anything of the KEK is shown.
func (u *UI) Said() (kek.Statement, error) {
	r := u.r
	answers := []struct{ flag, prompt string }{
		{"fingerprint", "KEK's fingerprint as the vault's owner said it, first 8 words or hex"},
		{"kid", "KEK's key identifier with its version, as the vault's owner said it"},
		{"said-by", "name of who said so"},
	}
	text := map[string]string{}
	for _, a := range answers {
		text[a.flag] = r.String(a.flag)
		if text[a.flag] != "" {
			continue
		}
		answer, err := r.Console.Ask(a.prompt, "--"+a.flag)
		if err != nil {
			return kek.Statement{}, err
		}
		text[a.flag] = answer
	}
	importOnly := r.Bool("import-only")
	if !importOnly {
		if err := r.Console.Confirm("did the vault's owner say that import is the key's only operation?", "yes"); err != nil {
			return kek.Statement{}, err
		}
		importOnly = true
	}
	s, err := kek.NewStatement(text["fingerprint"], text["kid"], importOnly, text["said-by"])
	if err == nil {
		r.Event.AddNote("KEK said by", s.By)
	}
	return s, err
}
