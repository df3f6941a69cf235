package preflight

import (
	"fmt"
	"strings"

	"byok/internal/dialogue"
	"byok/internal/hsm"
)

// softwareTokens are tokens that keep their keys in files, by what their
// manufacturer or model begins with.
var softwareTokens = []string{
	"SoftHSM",            // SoftHSM, by the SoftHSM project
	"Mozilla Foundation", // NSS
	"Soft",               // openCryptoki's soft token calls its model so
	"Kryoptic",
}

// WarnOfSoftware warns of a production world on a token that is software: whoever
// has its files and the user PIN has its keys.
func WarnOfSoftware(u *dialogue.UI, t hsm.Token, rehearsal bool) {
	if rehearsal {
		return
	}
	for _, name := range softwareTokens {
		if strings.HasPrefix(t.Manufacturer, name) || strings.HasPrefix(t.Model, name) {
			u.Warn(fmt.Sprintf("%v is software (%s %s): whoever copies its files and learns the PIN has its keys; "+
				"a production world belongs on an HSM", t, t.Manufacturer, t.Model))
			return
		}
	}
}
