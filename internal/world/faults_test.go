package world_test

import (
	"testing"

	"byok/internal/testkit/rig"
	"byok/internal/world"
)

// TestCallsFail fails one call of the token in every operation that prepares
// one, or loses its answer.
func TestCallsFail(t *testing.T) {
	for _, c := range []struct {
		name    string
		samples int
		prepare func(t *testing.T) (*rig.Rig, func(arm func()) error)
	}{
		{"create", 6, func(t *testing.T) (*rig.Rig, func(func()) error) {
			r := rig.New(t, 3)
			return r, func(arm func()) error {
				arm()
				_, err := world.Create(r.Creation(2))
				return err
			}
		}},
		{"recover", 6, func(t *testing.T) (*rig.Rig, func(func()) error) {
			r := rig.NewWorld(t)
			lost(t, r)
			return r, func(arm func()) error {
				arm()
				_, err := world.Recover(r.Recovery("second"))
				return err
			}
		}},
		{"replace", 8, func(t *testing.T) (*rig.Rig, func(func()) error) {
			r := rig.NewKeyWorld(t)
			p, old := replacement(t, r)
			return r, func(arm func()) error {
				p.NewUI = dealt(r, arm)
				return replace(r, p, old)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			rig.CallsFail(t, c.samples, func() (*rig.Rig, func(arm func()) error) { return c.prepare(t) })
		})
	}
}
