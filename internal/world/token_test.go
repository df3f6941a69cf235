package world

import (
	"fmt"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/hsm/shim"
	"byok/internal/hsm/softhsm"
)

// TestCreateRefusesAToken before anything is written. The rest of what
// --adopt and --initialize do is tested through the program.
func TestCreateRefusesAToken(t *testing.T) {
	t.Setenv("SHIM_MODULE", softhsm.New(t))
	library := shim.Build(t)
	for name, c := range map[string]struct {
		hidden string // mechanisms
		choice TokenChoice
		want   func(*place) failure
	}{
		"adopt what is not there":      {"", TokenChoice{Adopt: true, SOPIN: pin("SO PIN")}, notLabelled},
		"initialize what is not there": {"", TokenChoice{Initialize: true, SOPIN: pin("SO PIN")}, notLabelled},
		"mechanisms missing": {"0x1040,0x210A", TokenChoice{}, func(p *place) failure {
			slot := must[hsm.Token](t)(p.m.Free()).Slot
			return failure{fmt.Sprintf("the token in slot %d does not offer CKM_EC_KEY_PAIR_GEN, CKM_AES_KEY_WRAP_KWP or CKM_AES_KEY_WRAP_PAD, which the ceremony needs", slot), exitcode.HSM,
				"byok-offline module check --module-path " + library}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("SOFTHSM2_CONF", must[string](t)(softhsm.Configure(t.TempDir())))
			t.Setenv("SHIM_HIDE_MECHANISMS", c.hidden)
			p := placeOn(t, library, 3)
			creation := p.creation(2)
			creation.Token = c.choice
			_, err := Create(p.m, creation)
			expect(t, err, c.want(p))
			p.untouched(t)
		})
	}
}

func notLabelled(*place) failure {
	return failure{`no initialised token is labelled "test world"`, exitcode.Usage, ""}
}
