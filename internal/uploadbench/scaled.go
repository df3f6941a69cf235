package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"byok/internal/benchpage"
	"byok/internal/kek"
	"byok/internal/rehearsal"
	"byok/internal/rehearsal/limit"
	"byok/internal/simulation"
	"byok/internal/specimen"
	"byok/internal/testkit/practice"
	"byok/internal/upload"
	"byok/internal/vault"
	"byok/internal/vault/endpoint"
	"byok/internal/vault/pace"
	"byok/internal/worlds"
)

// scaled has the real uploader bring a fleet's keys into rehearsal vaults that keep
// the documented limits, on a clock so many times as fast, and compares how long
// that takes with the simulation.
type scaled struct {
	factor float64
	dir    string
	vaults []*practice.Vault
	stops  []func() error
	meters map[string]*meter // by subscription
	shares map[string]*pace.Pace
}

// meter keeps the limit of a subscription, and counts what it refuses.
type meter struct {
	limiter *limit.Limiter
	mu      sync.Mutex
	refused int
}

func (m *meter) refuse() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.refused++
}

// limitedTransport is the way to a vault through the limit of its subscription.
type limitedTransport struct {
	inner http.RoundTripper
	meter *meter
}

// RoundTrip implements http.RoundTripper.
func (l limitedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodPut || l.meter.limiter.Admit() {
		answer, err := l.inner.RoundTrip(r)
		if err == nil && answer.StatusCode == http.StatusTooManyRequests {
			l.meter.refuse()
		}
		return answer, err
	}
	l.meter.refuse()
	return &http.Response{
		StatusCode: http.StatusTooManyRequests, Status: "429 Too Many Requests",
		Body: http.NoBody, Header: http.Header{}, Request: r, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}, nil
}

// run returns how long the uploader takes, by the scaled clock.
func (s *scaled) run(spread []simulation.Vault) (got time.Duration, err error) {
	defer func() { err = errors.Join(err, s.stop()) }()
	if err := s.start(spread); err != nil {
		return 0, err
	}
	got, err = s.upload(spread)
	return time.Duration(float64(got) * s.factor), err
}

// refused is how many requests were throttled, by a vault or a subscription.
func (s *scaled) refused() (n int) {
	for _, m := range s.meters {
		n += m.refused
	}
	return n
}

func (s *scaled) stop() error {
	var all []error
	for _, stop := range s.stops {
		all = append(all, stop())
	}
	return errors.Join(all...)
}

// start runs the vaults and packs the keys of each.
func (s *scaled) start(spread []simulation.Vault) error {
	per := time.Duration(10 / s.factor * float64(time.Second))
	var world *specimen.World
	for i, plan := range spread {
		v, stop, err := practice.New(rehearsal.Config{
			State:   filepath.Join(s.dir, plan.Name),
			Service: rehearsal.Vault,
			Limit:   "10/" + per.String(),
		})
		if stop != nil {
			s.stops = append(s.stops, stop)
		}
		if err != nil {
			return err
		}
		if i > 0 {
			if err := v.World.Close(); err != nil {
				return err
			}
			v.World = world
		}
		world = v.World
		s.vaults = append(s.vaults, v)
		if s.meters[plan.Subscription] == nil {
			most, err := limit.Parse(fmt.Sprintf("50/%s", per))
			if err != nil {
				return err
			}
			s.meters[plan.Subscription] = &meter{limiter: limit.NewLimiter(most, time.Now)}
			s.shares[plan.Subscription] = pace.New(pace.Documented(kek.ServiceVault).Subscription * s.factor)
		}
		if err := s.pack(v, plan); err != nil {
			return err
		}
	}
	return nil
}

func (s *scaled) pack(v *practice.Vault, plan simulation.Vault) error {
	exchange, err := v.KEK(practice.KEKName)
	if err != nil {
		return err
	}
	stick := s.stick(plan)
	if err := os.MkdirAll(stick, 0o700); err != nil {
		return err
	}
	for n := range plan.Keys {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return err
		}
		p, err := v.World.Package(exchange, fmt.Sprintf("key-%04d", n), key)
		if err != nil {
			return err
		}
		if _, err := p.Write(stick); err != nil {
			return err
		}
	}
	return nil
}

// stick is the folder of the packages for a vault.
func (s *scaled) stick(plan simulation.Vault) string { return filepath.Join(s.dir, "stick", plan.Name) }

// upload is how long the imports take, from the first turn to the last answer.
func (s *scaled) upload(spread []simulation.Vault) (time.Duration, error) {
	var dirs []string
	u := upload.Uploader{Rate: pace.PerVault * s.factor}
	for i, plan := range spread {
		dirs = append(dirs, s.stick(plan))
		v := s.vaults[i]
		address, err := endpoint.Parse(v.Open.URL, endpoint.Allow{Rehearsal: true})
		if err != nil {
			return 0, err
		}
		inner := v.Open.HTTP()
		c, err := vault.New(address, v.Open.Credential(), vault.Options{
			HTTP: &http.Client{Transport: limitedTransport{inner.Transport, s.meters[plan.Subscription]}},
			Rate: u.Rate,
		})
		if err != nil {
			return 0, err
		}
		c.Share(s.shares[plan.Subscription])
		u.Vaults = append(u.Vaults, c)
	}
	files, err := upload.Find(dirs)
	if err != nil {
		return 0, err
	}
	batch, err := upload.Read(files, upload.Options{}, everyWorld{})
	if err != nil {
		return 0, err
	}
	watch := &stopwatch{}
	u.UI = watch
	if err := u.Upload(context.Background(), batch); err != nil {
		return 0, err
	}
	return watch.took, batch.Err()
}

// everyWorld trusts every world: it is this bench's own.
type everyWorld struct{}

func (everyWorld) Trust(c worlds.Claim, _ string) (worlds.World, error) {
	return worlds.World{Label: c.Label, First: c.First, HKNSO: []worlds.Entry{{SHA256: c.Current}}}, nil
}

// stopwatch says yes, and times the stage in which packages are sent.
type stopwatch struct {
	took  time.Duration
	start time.Time
	what  string
}

func (*stopwatch) Say(string, ...any)            {}
func (*stopwatch) Warning(string, ...any)        {}
func (*stopwatch) Confirm(string, []error) error { return nil }

// Progress implements upload.UI.
func (s *stopwatch) Progress(what string, _ int64) upload.Progress {
	s.start, s.what = time.Now(), what
	return s
}

// Add implements upload.Progress.
func (*stopwatch) Add(int64) {}

// Done implements upload.Progress.
func (s *stopwatch) Done() {
	if strings.HasPrefix(s.what, "uploading") {
		s.took = time.Since(s.start)
	}
}

// scale compares the simulation of a fleet with the uploader.
func scale(dir string, fleet simulation.Fleet, factor float64) ([]benchpage.Row, error) {
	spread := simulation.Spread(fleet)
	want, _ := simulation.Takes(spread)
	s := &scaled{factor: factor, dir: dir, meters: map[string]*meter{}, shares: map[string]*pace.Pace{}}
	got, err := s.run(spread)
	if err != nil {
		return nil, err
	}
	off := math.Abs(got.Seconds()-want.Seconds()) / want.Seconds()
	name := fmt.Sprintf("%d keys, %d vaults, %d subscriptions, clock %v times as fast: ", fleet.Keys, fleet.Vaults,
		fleet.Subscriptions, factor)
	return []benchpage.Row{
		benchpage.Fact(name+"simulated", want.Round(100*time.Millisecond).String()),
		benchpage.Fact(name+"uploaded", got.Round(100*time.Millisecond).String()),
		benchpage.Most("how far that is off", off, 0.05, ""),
		benchpage.Fact("requests throttled there, where the faster clock leaves that much less time between them",
			strconv.Itoa(s.refused())),
	}, nil
}
