package rehearsal

import (
	"byok/internal/rehearsal/wire"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
)

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
	var f *wire.Failure
	if !errors.As(err, &f) {
		f = &wire.Failure{
			Status:  http.StatusInternalServerError,
			Code:    "InternalError",
			Message: "The rehearsal vault failed",
			Why:     err,
		}
	}
	said := f.Error()
	if f.Why != nil {
		said += fmt.Sprintf(" (%v)", f.Why)
	}
	v.note(r, f.Status, said)
	if f.Status == http.StatusUnauthorized && v.service == ManagedHSM {
		w.WriteHeader(f.Status) // Managed HSM challenges without a body
		return
	}
	writeJSON(w, f.Status, v.envelope(f, w.Header().Get(requestID)))
}

// envelope adds the request's id to the message as Managed HSM does.
func (v *vault) envelope(f *wire.Failure, id string) wire.ErrorBody {
	var e wire.ErrorBody
	e.Error.Code, e.Error.Message = f.Code, f.Message
	if v.service == ManagedHSM {
		e.Error.Message += fmt.Sprintf(" (Activity ID: %s)", id)
	}
	if f.Inner != "" {
		e.Error.Inner = &wire.InnerCode{Code: f.Inner}
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
