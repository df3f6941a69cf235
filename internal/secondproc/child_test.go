package secondproc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/hsm"
	"byok/internal/hsm/p11"
	"byok/internal/secret"
	"byok/internal/testkit/softhsm"
)

func TestIsChild(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		want bool
	}{
		"second process":        {[]string{"byok-offline", Argument}, true},
		"ordinary":              {[]string{"byok-offline", "world", "create"}, false},
		"no arguments":          {[]string{"byok-offline"}, false},
		"more behind it":        {[]string{"byok-offline", Argument, "x"}, false},
		"in the program's name": {[]string{Argument}, false},
		"nothing":               {nil, false},
	} {
		if IsChild(c.args) != c.want {
			t.Errorf("%s: %t", name, !c.want)
		}
	}
}

// ordered is an order and the PIN behind it.
type ordered struct {
	order
	pin string
}

// input is what a parent writes.
func input(t *testing.T, orders ...ordered) []byte {
	t.Helper()
	var out bytes.Buffer
	for _, o := range orders {
		var p *secret.Bytes
		if o.pin != "" {
			p = pin(o.pin)
		}
		if err := writeOrder(&out, o.order, p); err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}

// inProcess runs the second process inside the test, for what it says of
// itself. A login and the library are the test's as well, then.
func inProcess(t *testing.T, in []byte) (replies []reply, status int) {
	t.Helper()
	defer signal.Reset(os.Interrupt, syscall.SIGPIPE)
	var out bytes.Buffer
	status = Child(bytes.NewReader(in), &out)
	for line := range strings.Lines(out.String()) {
		if line == "\n" {
			continue
		}
		var r reply
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		replies = append(replies, r)
	}
	return replies, status
}

func TestChild(t *testing.T) {
	library := softhsm.New(t)
	m, token := prepared(t, library)
	m.Close()
	open := ordered{order{Do: "open", Library: library, Token: token.ID(), Label: LabelPrefix + "test"}, ""}
	look := order{Do: "look", Sought: []sought{{"own key", LabelPrefix + "test"}, {"other", "other"}}}
	replies, status := inProcess(t, input(t, open,
		ordered{order{Do: "private"}, ""},
		ordered{order{Do: "control"}, userPIN},
		ordered{order{Do: "private"}, ""},
		ordered{order{Do: "private"}, userPIN},
		ordered{order{Do: "trust"}, ""},
		ordered{order{Do: "trust"}, userPIN},
		ordered{look, ""},
		ordered{look, userPIN},
		ordered{order{Do: "trust"}, "wrong"},
	))
	if status != 0 {
		t.Errorf("status %d", status)
	}
	var got []string // an answer a line: what worked, and how many attempts did not
	answer, failed := []string{}, 0
	for _, r := range replies {
		switch {
		case r.Done:
			got = append(got, fmt.Sprintf("%s | %d%s", strings.Join(answer, ", "), failed, r.Error))
			answer, failed = []string{}, 0
		case r.Try.Worked:
			answer = append(answer, r.Try.Name)
		default:
			failed++
		}
	}
	private := strings.Join([]string{foundByLabel, foundPrivate, signed, generated}, ", ")
	control := []string{login}
	for _, where := range []place{inSession, onToken} {
		for _, r := range routes {
			control = append(control, r.name+" "+where.String())
		}
	}
	want := []string{
		" | 0",
		" | 4",
		strings.Join(append(control, sessionObject, private), ", ") + " | 0",
		" | 4",
		private + " | 0",
		" | 14",
		" | 14",
		"own key | 1", // the public half
		"own key | 1",
		" | 1",
	}
	if !slices.Equal(got, want) {
		t.Errorf("\n got %q\nwant %q", got, want)
	}
}

func TestChildRefuses(t *testing.T) {
	library := softhsm.New(t)
	for name, c := range map[string]struct {
		in    string
		error string
	}{
		"unknown order":  {`{"do":"erase"}`, "an unknown order"},
		"nothing open":   {`{"do":"trust"}`, "no library is open"},
		"not JSON":       {`trust`, "an order is not valid JSON"},
		"unknown field":  {`{"do":"trust","token2":""}`, "an order is not valid JSON"},
		"PIN cut short":  {`{"do":"control","pin":9}`, "the PIN is cut short"},
		"PIN too long":   {`{"do":"control","pin":9999999}`, "a PIN of an impossible length"},
		"PIN below zero": {`{"do":"control","pin":-1}`, "a PIN of an impossible length"},
		"order too long": {strings.Repeat(" ", longestLine), "an order is too long"},
		"no library": {`{"do":"open","library":"/etc/passwd"}`,
			"PKCS#11 library /etc/passwd: not a shared library"},
		"no such token": {`{"do":"open","library":"` + library + `","token":"x"}`,
			"no token with serial x in " + library},
	} {
		t.Run(name, func(t *testing.T) {
			replies, status := inProcess(t, []byte(c.in+"\n"))
			if status != 0 || len(replies) == 0 || !replies[0].Done || replies[0].Error != c.error {
				t.Errorf("status %d, %+v", status, replies)
			}
		})
	}
}

// TestChildWithoutAParent ends when the parent does not listen any more.
func TestChildWithoutAParent(t *testing.T) {
	defer signal.Reset(os.Interrupt, syscall.SIGPIPE)
	library := softhsm.New(t)
	m, token := prepared(t, library)
	m.Close()
	in := input(t, ordered{order{Do: "open", Library: library, Token: token.ID(), Label: LabelPrefix + "test"}, ""},
		ordered{order{Do: "control"}, userPIN}, ordered{order{Do: "trust"}, userPIN})
	for _, after := range []int{0, 1, 2, 9, 16, 17, 19, 20, 21, 22, 30} {
		if status := Child(bytes.NewReader(in), &deaf{after}); status != 1 {
			t.Errorf("after %d replies: status %d", after, status)
		}
	}
	m, token = again(t, library, token)
	as(t, m, token, hsm.RoleUser, userPIN, func(s *hsm.Session) error {
		r := must[*raw](t)(connect(m.Path, s.Token.Slot))
		defer r.close()
		for name, kind := range map[string]uint{"AES": pkcs11.CKK_AES, "RSA": pkcs11.CKK_RSA} {
			found := must[[]p11.Object](t)(r.Find(
				pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true), pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, kind)))
			if len(found) > 0 {
				t.Errorf("left on the token: %d %s keys", len(found), name)
			}
		}
		return r.sweep() // of the key pairs that wait for the parent
	})
	if left := objects(t, m, token); len(left) > 0 {
		t.Errorf("left on the token: %q", left)
	}
}

// deaf takes so many replies, and no more.
type deaf struct{ left int }

func (d *deaf) Write(p []byte) (int, error) {
	if d.left--; d.left < 0 {
		return 0, syscall.EPIPE
	}
	return len(p), nil
}

func TestOrders(t *testing.T) {
	sent := order{Do: "look", Sought: []sought{{"a key", "label"}}}
	in := bytes.NewReader(append(input(t, ordered{sent, "1234\n5678"}, ordered{order{Do: "trust"}, ""}), "rest"...))
	for _, want := range []string{"1234\n5678", ""} {
		o, p, err := readOrder(in)
		if err != nil || p.Text() != want || o.PIN != len(want) {
			t.Errorf("%+v, %q, %v", o, p.Reveal(), err)
		}
		p.Wipe()
	}
	if rest, _ := io.ReadAll(in); string(rest) != "rest" {
		t.Errorf("%q is left unread", rest)
	}
	for n := range 2 {
		if err := writeOrder(&deaf{n}, order{}, pin("1234")); !errors.Is(err, syscall.EPIPE) {
			t.Errorf("a closed pipe: %v", err)
		}
	}
}

// TestOrdersHoldNoPIN looks at what is JSON.
func TestOrdersHoldNoPIN(t *testing.T) {
	line, _, _ := bytes.Cut(input(t, ordered{order{Do: "control"}, userPIN}), []byte("\n"))
	if want := `{"do":"control","pin":20}`; string(line) != want {
		t.Errorf("%s, want %s", line, want)
	}
}
