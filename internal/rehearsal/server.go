package rehearsal

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"byok/internal/kek"
	"byok/internal/rehearsal/limit"
	"byok/internal/rehearsal/partition"
	"byok/internal/rehearsal/state"
	"byok/internal/rehearsal/store"
	"byok/internal/rehearsal/wire"
)

const (
	requestID = "X-Ms-Request-Id"
	maxBody   = 256 << 10 // the largest import is some 10 KiB
)

// vault is the service behind the listener.
type vault struct {
	url     string
	service string
	token   []byte
	keys    *store.Store
	hsm     *partition.HSM // nil for a Premium vault
	limit   *limit.Limiter
	faults  faults
	log     func(string) // never nil
}

func newVault(s *state.State, most limit.Limit, logged func(string)) (*vault, error) {
	keys, err := store.Open(s.Path("keys"))
	if err != nil {
		return nil, err
	}
	if logged == nil {
		logged = func(string) {}
	}
	v := &vault{
		url:     s.URL(),
		service: s.Service(),
		token:   s.Token(),
		keys:    keys,
		limit:   limit.NewLimiter(most.Of(s.Service()), time.Now),
		log:     logged,
	}
	if s.Service() == ManagedHSM {
		v.hsm, err = partitionOf(s)
	}
	return v, err
}

// middleware wraps the handler inside it.
type middleware func(http.Handler) http.Handler

// handler is the whole service; the first middleware sees a request first.
func (v *vault) handler() http.Handler {
	var h http.Handler = http.HandlerFunc(v.route)
	chain := []middleware{v.identify, v.authenticate, v.administer, v.versioned, v.faulty, v.limited}
	for i := len(chain) - 1; i >= 0; i-- {
		h = chain[i](h)
	}
	return h
}

// identify names the request, as every answer of the service does.
func (v *vault) identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set(requestID, newRequestID())
		h.Set("X-Ms-Keyvault-Region", "rehearsal")
		h.Set("Cache-Control", "no-cache")
		h.Set("X-Content-Type-Options", "nosniff")
		if id := r.Header.Get("X-Ms-Client-Request-Id"); id != "" {
			h.Set("X-Ms-Client-Request-Id", id)
		}
		next.ServeHTTP(w, r)
	})
}

// authenticate challenges a request without our token. Names under .invalid
// (RFC 2606) keep a real credential from fetching a token for a rehearsal.
func (v *vault) authenticate(next http.Handler) http.Handler {
	challenge := fmt.Sprintf(
		`Bearer authorization="https://login.rehearsal.invalid/%s", resource="https://%s.rehearsal.invalid"`, Tenant,
		v.service)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if strings.EqualFold(scheme, "Bearer") && subtle.ConstantTimeCompare([]byte(token), v.token) == 1 {
			next.ServeHTTP(w, r)
			return
		}
		message := "AKV10000: Request is missing a Bearer or PoP token."
		if scheme != "" {
			message = "AKV10046: Unable to resolve the key used for signature validation."
		}
		w.Header().Set("WWW-Authenticate", challenge)
		v.refuse(w, r, &wire.Failure{Status: http.StatusUnauthorized, Code: "Unauthorized", Message: message})
	})
}

// apiVersions are those of the service with key_hsm and later: 7.x, then dates.
var apiVersions = regexp.MustCompile(`^(7\.[0-9]|20[0-9]{2}-[0-9]{2}-[0-9]{2})(-preview(\.[0-9])?)?$`)

// versioned insists on api-version. The texts are ours.
func (v *vault) versioned(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch version := r.URL.Query().Get("api-version"); {
		case version == "":
			v.refuse(w, r, wire.BadParameter("api-version must be specified"))
		case !apiVersions.MatchString(version):
			v.refuse(w, r, wire.BadParameter("api-version %s is not supported", version))
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// call is one request as a handler sees it: the key it names and the rest.
type call struct {
	name, version string
	query         url.Values
	body          []byte
}

// into decodes the request's body. Unknown properties are ignored, as the
// service ignores what a newer client sends.
func (c *call) into(v any) error {
	if err := json.Unmarshal(c.body, v); err != nil {
		return wire.BadParameter("The request body is not valid JSON").Because(err)
	}
	return nil
}

type route struct {
	method, path string
	operation    string // by which a fault names it
	serve        func(*vault, *call) (any, error)
}

// routes are the service's, in the order in which they are tried. A version
// may be left out of the path where an operation follows it.
func routes() []route {
	list := []route{
		{"GET", "/keys", "list", (*vault).listKeys},
		{"PUT", "/keys/{name}", "import", (*vault).importKey},
		{"GET", "/keys/{name}", "get", (*vault).get},
		{"DELETE", "/keys/{name}", "delete", (*vault).delete},
		{"POST", "/keys/{name}/create", "create", (*vault).create},
		{"GET", "/keys/{name}/versions", "versions", (*vault).listVersions},
		{"GET", "/deletedkeys", "list-deleted", (*vault).listDeleted},
		{"GET", "/deletedkeys/{name}", "get-deleted", (*vault).getDeleted},
		{"DELETE", "/deletedkeys/{name}", "purge", (*vault).purge},
		{"POST", "/deletedkeys/{name}/recover", "recover", (*vault).recover},
	}
	for _, base := range []string{"/keys/{name}/", "/keys/{name}/{version}/"} {
		list = append(list,
			route{"GET", base + "attestation", "attestation", (*vault).attestation},
			route{"POST", base + "sign", "sign", (*vault).sign},
			route{"POST", base + "verify", "verify", (*vault).verify},
			route{"POST", base + "encrypt", "encrypt", transform("encrypt")},
			route{"POST", base + "decrypt", "decrypt", transform("decrypt")},
			route{"POST", base + "wrapKey", "wrapKey", transform("wrapKey")},
			route{"POST", base + "unwrapKey", "unwrapKey", transform("unwrapKey")},
		)
	}
	return append(list,
		route{"PATCH", "/keys/{name}", "update", (*vault).update},
		route{"GET", "/keys/{name}/{version}", "get", (*vault).get},
		route{"PATCH", "/keys/{name}/{version}", "update", (*vault).update},
	)
}

// match compares segment by segment. http.ServeMux would redirect the empty
// version of /keys/name/ and /keys/name//sign, which clients send.
func (r route) match(path string) (name, version string, ok bool) {
	want, got := strings.Split(r.path, "/"), strings.Split(path, "/")
	if len(want) != len(got) {
		return "", "", false
	}
	for i, segment := range want {
		switch {
		case segment == "{name}":
			name = got[i]
		case segment == "{version}":
			version = got[i]
		case !strings.EqualFold(segment, got[i]):
			return "", "", false
		}
	}
	return name, version, true
}

// target is what a request asks for.
type target struct {
	route
	name, version string
}

// find returns the target of a request, or the status of one that has none.
func find(r *http.Request) (t target, status int) {
	status = http.StatusNotFound
	for _, candidate := range routes() {
		name, version, ok := candidate.match(r.URL.Path)
		if !ok {
			continue
		}
		if candidate.method == r.Method {
			return target{candidate, name, version}, http.StatusOK
		}
		status = http.StatusMethodNotAllowed
	}
	return target{}, status
}

func (v *vault) route(w http.ResponseWriter, r *http.Request) {
	t, status := find(r)
	if status != http.StatusOK {
		v.refuse(w, r, &wire.Failure{
			Status:  status,
			Code:    "BadParameter",
			Message: fmt.Sprintf("Method %s does not allow operation ''", r.Method),
		})
		return
	}
	body, err := v.dispatch(w, r, t)
	v.reply(w, r, body, err)
}

func (v *vault) dispatch(w http.ResponseWriter, r *http.Request, to target) (any, error) {
	if strings.Contains(to.path, "{name}") && kek.CheckName(to.name) != nil {
		return nil, wire.BadParameter("The request URI contains an invalid name: %s", to.name)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return nil, &wire.Failure{
			Status:  http.StatusRequestEntityTooLarge,
			Code:    "BadParameter",
			Message: "The request body is too large",
		}
	}
	if err != nil {
		return nil, err
	}
	return to.serve(v, &call{name: to.name, version: to.version, query: r.URL.Query(), body: body})
}

// newRequestID returns a random UUID (RFC 9562, version 4).
func newRequestID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails, see crypto/rand
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// lineWriter is a log as an io.Writer, for what net/http has to say: a client
// that does not trust our certificate, for one.
type lineWriter func(line string)

// Write implements io.Writer.
func (w lineWriter) Write(p []byte) (int, error) {
	w(state.Line(p))
	return len(p), nil
}

// limited throttles without Retry-After, as the service often does.
func (v *vault) limited(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if t, _ := find(r); (t.operation == "create" || t.operation == "import") && !v.limit.Admit() {
			v.refuse(w, r, wire.Throttled())
			return
		}
		next.ServeHTTP(w, r)
	})
}
