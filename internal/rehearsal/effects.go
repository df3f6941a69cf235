package rehearsal

import (
	"bytes"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"byok/internal/keykind"
	"byok/internal/rehearsal/limit"
	"byok/internal/rehearsal/softkey"
	"byok/internal/rehearsal/store"
	"byok/internal/rehearsal/wire"
	"byok/internal/stamp"
)

// handshake is the operation of a client that opens a connection.
const handshake = "handshake"

// kinds are the faults there are. Those that answer in the service's name use
// its documented codes and the texts its users have quoted, unless the text
// says that it is ours.
func kinds() []kind {
	all, writes := operations(), []string{"create", "import"}
	uses := []string{"sign", "encrypt", "decrypt", "wrapKey", "unwrapKey"}
	return []kind{
		{"throttle", "[=SECONDS]", "429, with Retry-After where seconds are given", all, throttle},
		{"error", "=500|502|503|504", "that status, and nothing is done", all, failBefore},
		{"error-after", "=500|502|503|504", "that status, though what was asked for is done", all, failAfter},
		{"cut", "=request|stored|answer", "the connection ends: before the request is read, after it is carried out, " +
			"in the middle of the answer", all, cut},
		{"slow", "=DURATION", "the request is carried out, and its answer held back", all, slow},
		{"forbidden", "=firewall|private|role|policy", "403 of a firewall, a private endpoint, a missing role or an " +
			"access policy", all, forbid},
		{"deleted", "", "a key of the requested name has been deleted in the meantime", named(),
			plain(deleteMeanwhile)},
		{"limbo", "=DURATION", "the name was purged just now: 409 for that long, though nothing holds it",
			append(writes, "purge"), limbo},
		{"kek", "=disabled|expired|deleted", "every KEK is in that state from now on", all, spoil},
		{"stores-wrong-key", "", "the vault stores a different key than the one imported", []string{"import"},
			plain(storeAnother)},
		{"shows-wrong-key", "", "the vault answers with a public key other than its key's",
			[]string{"get", "import", "create", "update"}, plain(showAnother)},
		{"uses-wrong-key", "", "the result of the operation comes from another key", uses, plain(useAnother)},
		{"standard", "", "the vault is of the Standard tier and accepts no HSM keys", writes, plain(refuseHSM)},
		{"expired-certificate", "", "a new connection is shown a TLS certificate that expired an hour ago; " +
			"\"rehearsal faults\" opens one, too", []string{handshake}, plain(nil)},
	}
}

// named lists the operations on one live key.
func named() []string {
	return slices.DeleteFunc(operations(), func(name string) bool {
		return slices.Contains([]string{"list", "list-deleted", "get-deleted", "purge", "recover"}, name)
	})
}

// plain is for a fault without an argument.
func plain(e effect) func(string) (effect, bool) {
	return func(argument string) (effect, bool) { return e, argument == "" }
}

func throttle(argument string) (effect, bool) {
	_, err := strconv.ParseUint(argument, 10, 16)
	return func(v *vault, w http.ResponseWriter, r *http.Request, _ http.Handler) {
		if argument != "" {
			w.Header().Set("Retry-After", argument)
		}
		v.refuse(w, r, wire.Throttled())
	}, argument == "" || err == nil
}

// serverError has a text of our own.
func serverError(argument string) (*wire.Failure, bool) {
	status, _ := strconv.Atoi(argument)
	text := http.StatusText(status)
	return &wire.Failure{Status: status, Code: strings.ReplaceAll(text, " ", ""), Message: text + " on purpose"},
		slices.Contains([]string{"500", "502", "503", "504"}, argument)
}

func failBefore(argument string) (effect, bool) {
	f, ok := serverError(argument)
	return func(v *vault, w http.ResponseWriter, r *http.Request, _ http.Handler) { v.refuse(w, r, f) }, ok
}

func failAfter(argument string) (effect, bool) {
	f, ok := serverError(argument)
	return func(v *vault, w http.ResponseWriter, r *http.Request, next http.Handler) {
		serve(w, r, next)
		v.refuse(w, r, f)
	}, ok
}

func cut(argument string) (effect, bool) {
	e, ok := map[string]effect{
		"request": func(*vault, http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) },
		"stored": func(_ *vault, w http.ResponseWriter, r *http.Request, next http.Handler) {
			serve(w, r, next)
			panic(http.ErrAbortHandler)
		},
		"answer": func(_ *vault, w http.ResponseWriter, r *http.Request, next http.Handler) {
			a := serve(w, r, next)
			a.header.Set("Content-Length", strconv.Itoa(a.body.Len()))
			a.body.Truncate(a.body.Len() / 2)
			a.send(w)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		},
	}[argument]
	return e, ok
}

// slow ends early when the client has gone.
func slow(argument string) (effect, bool) {
	d, ok := limit.Duration(argument)
	return func(_ *vault, w http.ResponseWriter, r *http.Request, next http.Handler) {
		a := serve(w, r, next)
		select {
		case <-time.After(d):
			a.send(w)
		case <-r.Context().Done():
		}
	}, ok
}

// forbid leaves out of the service's texts who was refused from where.
func forbid(argument string) (effect, bool) {
	f, ok := map[string]*wire.Failure{
		"firewall": wire.Forbidden("ForbiddenByFirewall", "Client address is not authorized and caller is not a "+
			"trusted service.\r\nClient address: 127.0.0.1"),
		"private": wire.Forbidden("ForbiddenByConnection", "Public network access is disabled and request is not from "+
			"a trusted service nor via an approved private link."),
		"role": wire.Forbidden("ForbiddenByRbac", "Caller is not authorized to perform action on resource.\r\n"+
			"If role assignments, deny assignments or role definitions were changed recently, please observe "+
			"propagation time."),
		"policy": wire.Forbidden("AccessDenied", "The user, group or application does not have the permission on key "+
			"vault 'rehearsal;location=rehearsal'. "+
			"For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125287"),
	}[argument]
	return func(v *vault, w http.ResponseWriter, r *http.Request, _ http.Handler) { v.refuse(w, r, f) }, ok
}

// deleteMeanwhile deletes the key asked for, which is made first where there
// is none.
func deleteMeanwhile(v *vault, w http.ResponseWriter, r *http.Request, next http.Handler) {
	t, _ := find(r)
	if _, err := v.keys.Live(t.name); err != nil {
		m, err := softkey.Generate(keykind.ECHSM, "P-256", 0)
		if err == nil {
			_, err = v.keep(t.name,
				store.Version{Type: keykind.ECHSM, Ops: keykind.KeyOps(keykind.ECHSM), Enabled: true}, m)
		}
		if err != nil {
			v.refuse(w, r, err)
			return
		}
	}
	if _, err := v.keys.Delete(t.name); err != nil {
		v.refuse(w, r, err)
		return
	}
	next.ServeHTTP(w, r)
}

func limbo(argument string) (effect, bool) {
	d, ok := limit.Duration(argument)
	return func(v *vault, w http.ResponseWriter, r *http.Request, next http.Handler) {
		t, _ := find(r)
		v.keys.Linger(t.name, d)
		next.ServeHTTP(w, r)
	}, ok
}

func spoil(argument string) (effect, bool) {
	change, ok := map[string]func(*store.Version) error{
		"disabled": func(k *store.Version) error { k.Enabled = false; return nil },
		"expired":  func(k *store.Version) error { k.Expires = stamp.Now().Add(-time.Second); return nil },
		"deleted":  nil,
	}[argument]
	return func(v *vault, w http.ResponseWriter, r *http.Request, next http.Handler) {
		if err := v.spoilKEKs(change); err != nil {
			v.refuse(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	}, ok
}

// spoilKEKs changes every version of every key exchange key, or deletes it
// where change is nil.
func (v *vault) spoilKEKs(change func(*store.Version) error) error {
	for _, r := range v.keys.All(false) {
		if !r.Current().Exchanges() {
			continue
		}
		if change == nil {
			if _, err := v.keys.Delete(r.Name); err != nil {
				return err
			}
			continue
		}
		for _, k := range r.Versions {
			if _, _, err := v.keys.Change(r.Name, k.Version, change); err != nil {
				return err
			}
		}
	}
	return nil
}

func refuseHSM(v *vault, w http.ResponseWriter, r *http.Request, _ http.Handler) {
	v.refuse(w, r, wire.BadParameter("Hardware key operation not allowed on standard vault."))
}

// held is an answer that has not been sent yet.
type held struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// serve has next answer r, and holds the answer back.
func serve(w http.ResponseWriter, r *http.Request, next http.Handler) *held {
	a := &held{header: w.Header().Clone(), status: http.StatusOK}
	next.ServeHTTP(a, r)
	return a
}

// Header implements http.ResponseWriter.
func (a *held) Header() http.Header { return a.header }

// WriteHeader implements http.ResponseWriter.
func (a *held) WriteHeader(status int) { a.status = status }

// Write implements http.ResponseWriter.
func (a *held) Write(p []byte) (int, error) { return a.body.Write(p) }

func (a *held) send(w http.ResponseWriter) {
	maps.Copy(w.Header(), a.header)
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body.Bytes()) // a client that hung up is not ours to report
}
