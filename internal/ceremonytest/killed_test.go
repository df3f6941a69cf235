//go:build linux

package ceremonytest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"byok/internal/kek"
	"byok/internal/kmdata"
	"byok/internal/rehearsal"
	"byok/internal/script"
	"byok/internal/statement"
	"byok/internal/testkit/softhsm"
)

// killing is how large a ceremony is whose commands are killed, and how often.
type killing struct{ keys, vaults, kills int }

// killingOf is a sample, and with BYOK_FAULTS=all the whole.
func killingOf() killing {
	if os.Getenv("BYOK_FAULTS") == "all" {
		return killing{keys: 50, vaults: 3, kills: 40}
	}
	return killing{keys: 6, vaults: 2, kills: 6}
}

// killed are the kinds of the steps that are killed, in their order.
func killed() []string { return []string{"keys", "approve", "package", "upload"} }

// killer kills the commands of a batch at random.
type killer struct {
	*batch
	killing
	random *rand.Rand
	kills  map[string]int // that came before the end, by the kind of the step
	still  int            // to come
	quota  int            // of the step at hand
}

// TestKilled holds a ceremony of many keys and vaults, and kills the commands that take
// them all, at random: the same command goes on each time, and in the end everything is
// there once. BYOK_SEED has it draw the same moments again.
func TestKilled(t *testing.T) {
	seed, err := strconv.ParseUint(cmp.Or(os.Getenv("BYOK_SEED"), strconv.FormatInt(time.Now().UnixNano(), 10)), 10, 64)
	must(t, err)
	t.Logf("seed %d", seed)
	size := killingOf()
	names := []string{"hsm", "premium", "third"}[:size.vaults]
	var keys []string
	for i := range size.keys {
		keys = append(keys, keyOf(fmt.Sprintf("key%02d", i), []string{"P-256", "P-384"}[i%2], strings.Join(names, ", ")))
	}
	services := []string{kek.ServiceManagedHSM, kek.ServiceVault, kek.ServiceManagedHSM}[:size.vaults]
	k := &killer{
		batch: holdBatch(hold(t, services, keys...)), killing: size, random: rand.New(rand.NewPCG(seed, 0)),
		kills: map[string]int{}, still: size.kills,
	}
	k.slowVaults()
	for _, s := range k.steps {
		if len(s.Command) > 0 {
			k.again(s)
			k.does(s)
			if slices.Contains(killed(), kindOf(s)) {
				k.does(s) // and finds nothing to do
			}
		}
	}
	k.onceEach()
	k.audited(k.desk(script.Disconnected), k.desk(script.Connected))
}

// again kills a step of a batch as often as is its part of what is to come.
func (k *killer) again(s script.Step) {
	k.t.Helper()
	nth := slices.Index(killed(), kindOf(s))
	if nth < 0 {
		return
	}
	for k.quota = k.still / (len(killed()) - nth); k.quota > 0 && k.isKilled(s); k.quota-- {
		k.kills[kindOf(s)]++
		k.still--
	}
}

// slowVaults has every import take long enough for a kill to come before its answer.
func (k *killer) slowVaults() {
	for _, state := range k.vault {
		open, err := rehearsal.Open(state)
		must(k.t, err)
		_, err = open.SetFaults(k.t.Context(), "slow=50ms,on=import,times=always")
		must(k.t, err)
	}
}

// progress counts what a step of a batch has made, and says how much there is to make.
func (k *killer) progress(s script.Step) (done, all int) {
	pairs := k.keys * k.vaults
	count := func(pattern string) int {
		found, err := filepath.Glob(pattern)
		must(k.t, err)
		return len(found)
	}
	switch local := filepath.Join(k.desk(script.Disconnected).kmdata, "local"); kindOf(s) {
	case "keys":
		return count(filepath.Join(local, "key_simple_*.sig")), k.keys
	case "approve":
		return count(filepath.Join(local, "key_xferacld_*.sig")), pairs
	case "package":
		return count(filepath.Join(k.dir, "stick", "*", "*.byok")), pairs
	}
	for _, state := range k.vault {
		done += count(filepath.Join(state, "keys", "the-*.json"))
	}
	return done, pairs
}

// chosen is a moment for a kill: once a step has made so many more, and a while has
// passed. Of what is approved up to fifty are there at once, so that what is said of
// those that are wrapped counts as well.
type chosen struct {
	until int
	while time.Duration
	said  bool
}

func (k *killer) draws(s script.Step) chosen {
	done, all := k.progress(s)
	d := chosen{until: k.random.IntN(max(1, 3*(all-done)/2/(1+k.quota))), while: time.Duration(k.random.IntN(60)) * time.Millisecond}
	if d.said = kindOf(s) == "approve" && k.random.IntN(4) > 0; !d.said {
		d.until += done
	}
	return d
}

func (k *killer) reached(s script.Step, d chosen, said string) bool {
	if d.said {
		return strings.Count(said, " is wrapped, ") >= min(d.until, statement.MaxPairs)
	}
	now, _ := k.progress(s)
	return now >= d.until
}

// isKilled starts a step, and kills it at a moment that is chosen; it reports whether that
// came before the end.
func (k *killer) isKilled(s script.Step) bool {
	k.t.Helper()
	moment, out := k.draws(s), new(lockedBuffer)
	c := k.desk(s.Place).command(k.line(s)...)
	c.Stdout, c.Stderr = out, out // to whose end Wait waits, in every process
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	must(k.t, c.Start())
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	for {
		select {
		case err := <-ended:
			if err != nil {
				k.t.Fatalf("%v: %v\n%s", c, err, out)
			}
			k.writesDown(out.String())
			return false
		case <-time.After(5 * time.Millisecond):
		}
		if k.reached(s, moment, out.String()) {
			time.Sleep(moment.while)
			k.kill(c)
			err := <-ended
			k.writesDown(out.String())
			return err != nil
		}
	}
}

// kill kills a command: all of its processes, or the first alone.
func (k *killer) kill(c *exec.Cmd) {
	pid := c.Process.Pid
	if k.random.IntN(2) == 0 {
		pid = -pid
	}
	if err := unix.Kill(pid, unix.SIGKILL); err != nil && err != unix.ESRCH {
		k.t.Fatal(err)
	}
}

// onceEach counts what the ceremony has left.
func (k *killer) onceEach() {
	k.t.Helper()
	chain, err := kmdata.Open(k.desk(script.Disconnected).kmdata)
	must(k.t, err)
	signed, pairs := 0, k.keys*k.vaults
	for _, e := range chain.Entries() {
		if _, is := e.Statement.(*statement.Authorization); is {
			signed++
		}
	}
	if len(k.kills) == 0 {
		k.t.Error("nothing was ever killed: the test shows nothing")
	}
	least := (pairs + statement.MaxPairs - 1) / statement.MaxPairs
	if signed < least || signed > least+k.kills["approve"] {
		k.t.Errorf("%d authorizations of %d pairs, and %d kills", signed, pairs, k.kills["approve"])
	}
	list, err := chain.Keys()
	must(k.t, err)
	if len(list) != k.keys {
		k.t.Errorf("%d keys of %d", len(list), k.keys)
	}
	for _, key := range list {
		copies, err := chain.Copies(key.Ident)
		must(k.t, err)
		if len(copies) != k.vaults {
			k.t.Errorf("%s: %d copies for %d vaults", key.Ident, len(copies), k.vaults)
		}
		if n := strings.Count(k.listed(), "private "+key.Name()+"\n"); n != 1 {
			k.t.Errorf("%s: %d on the token", key.Ident, n)
		}
	}
	packages, err := filepath.Glob(filepath.Join(k.dir, "stick", "*", "KeyTransferPackage-*.byok"))
	must(k.t, err)
	versions := k.versions()
	if len(packages) != pairs || versions != pairs {
		k.t.Errorf("%d packages and %d versions of %d pairs", len(packages), versions, pairs)
	}
	k.t.Logf("%d keys, %d vaults, kills %v: %d packages, %d versions, %d authorizations, %d statements", k.keys, k.vaults, k.kills,
		len(packages), versions, signed, chain.Last().Number())
}

// listed is what the token holds.
func (k *killer) listed() string {
	library, err := softhsm.Library()
	must(k.t, err)
	out, err := exec.Command("token-objects", library, k.secret("pin")).CombinedOutput()
	if err != nil {
		k.t.Fatalf("%v\n%s", err, out)
	}
	return string(out) + "\n"
}

// versions counts the versions of all keys in all vaults, of which the KEK's are none.
func (k *killer) versions() (n int) {
	for _, state := range k.vault {
		files, err := filepath.Glob(filepath.Join(state, "keys", "the-*.json"))
		must(k.t, err)
		for _, file := range files {
			data, err := os.ReadFile(file)
			must(k.t, err)
			var key struct{ Versions []any }
			must(k.t, json.Unmarshal(data, &key))
			n += len(key.Versions)
		}
	}
	return n
}
