package rehearsal

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
)

// failure is an answer other than success, in the service's terms. why is the
// real reason where the service's text hides it; it goes to the log only.
type failure struct {
	status  int
	code    string
	message string
	inner   string
	why     error
}

func (f *failure) Error() string { return f.code + ": " + f.message }

func (f *failure) because(why error) *failure {
	f.why = why
	return f
}

func badParameter(format string, args ...any) *failure {
	return &failure{status: http.StatusBadRequest, code: "BadParameter", message: fmt.Sprintf(format, args...)}
}

func invalidKey() *failure {
	return badParameter(`The property "key" must be a valid JsonWebKey object`)
}

func unsupportedOperations() *failure { return badParameter("Unsupported key operation(s)") }

func notFound(name, version string) *failure {
	if version != "" {
		name += "/" + version
	}
	return &failure{status: http.StatusNotFound, code: "KeyNotFound", message: fmt.Sprintf(
		"A key with (name/id) %s was not found in this key vault. If you recently deleted this key you may be "+
			"able to recover it "+
			"using the correct recovery command. For help resolving this issue, please see "+
			"https://go.microsoft.com/fwlink/?linkid=2125182",
		name,
	)}
}

func deletedNotFound(name string) *failure {
	return &failure{status: http.StatusNotFound, code: "KeyNotFound", message: "Deleted Key not found: " + name}
}

func recoverable(name string) *failure {
	return &failure{
		status: http.StatusConflict,
		code:   "Conflict",
		inner:  "ObjectIsDeletedButRecoverable",
		message: fmt.Sprintf("Key %s is currently in a deleted but recoverable state, and its name cannot be "+
			"reused; in this state, the key can only be recovered or purged.",
			name),
	}
}

func beingDeleted(name string) *failure {
	return &failure{
		status: http.StatusConflict,
		code:   "Conflict",
		inner:  "ObjectIsBeingDeleted",
		message: fmt.Sprintf(
			"Key %s is currently being deleted and cannot be re-created; retry later.", name),
	}
}

func throttled() *failure {
	return &failure{status: http.StatusTooManyRequests, code: "Throttled",
		message: "Request was not processed because too many requests were received. Reason: " +
			"VaultRequestTypeLimitReached"}
}

func forbidden(inner, format string, args ...any) *failure {
	return &failure{
		status:  http.StatusForbidden,
		code:    "Forbidden",
		inner:   inner,
		message: fmt.Sprintf(format, args...),
	}
}

type errorBody struct {
	Error struct {
		Code    string     `json:"code"`
		Message string     `json:"message"`
		Inner   *innerCode `json:"innererror,omitempty"`
	} `json:"error"`
}

type innerCode struct {
	Code string `json:"code"`
}

// reply is the only place that answers: success with body (204 without one)
// or err in the service's envelope.
func (v *vault) reply(w http.ResponseWriter, r *http.Request, body any, err error) {
	if err != nil {
		v.refuse(w, r, err)
		return
	}
	if body == nil {
		v.note(r, http.StatusNoContent, "")
		w.WriteHeader(http.StatusNoContent)
		return
	}
	v.note(r, http.StatusOK, "")
	writeJSON(w, http.StatusOK, body)
}

func (v *vault) refuse(w http.ResponseWriter, r *http.Request, err error) {
	var f *failure
	if !errors.As(err, &f) {
		f = &failure{
			status:  http.StatusInternalServerError,
			code:    "InternalError",
			message: "The rehearsal vault failed",
			why:     err,
		}
	}
	said := f.Error()
	if f.why != nil {
		said += fmt.Sprintf(" (%v)", f.why)
	}
	v.note(r, f.status, said)
	if f.status == http.StatusUnauthorized && v.service == ManagedHSM {
		w.WriteHeader(f.status) // Managed HSM challenges without a body
		return
	}
	writeJSON(w, f.status, v.envelope(f, w.Header().Get(requestID)))
}

// envelope adds the request's id to the message as Managed HSM does.
func (v *vault) envelope(f *failure, id string) errorBody {
	var e errorBody
	e.Error.Code, e.Error.Message = f.code, f.message
	if v.service == ManagedHSM {
		e.Error.Message += fmt.Sprintf(" (Activity ID: %s)", id)
	}
	if f.inner != "" {
		e.Error.Inner = &innerCode{f.inner}
	}
	return e
}

// note logs one request without its query, which is the client's business.
func (v *vault) note(r *http.Request, status int, said string) {
	line := fmt.Sprintf("%s %s %d", r.Method, r.URL.EscapedPath(), status)
	if said != "" {
		line += " " + said
	}
	v.log(line)
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a client that hung up is not ours to report
}
