package wire

import (
	"fmt"
	"net/http"
)

// Failure is an answer other than success, in the service's terms. Why is the
// real reason where the service's text hides it; it goes to the log only.
type Failure struct {
	Status  int
	Code    string
	Message string
	Inner   string
	Why     error
}

// Error implements error.
func (f *Failure) Error() string { return f.Code + ": " + f.Message }

// Because adds the real reason, for the log, and returns f.
func (f *Failure) Because(why error) *Failure {
	f.Why = why
	return f
}

// BadParameter returns a refusal of the request, 400.
func BadParameter(format string, args ...any) *Failure {
	return &Failure{Status: http.StatusBadRequest, Code: "BadParameter", Message: fmt.Sprintf(format, args...)}
}

// InvalidKey returns the refusal of a key that cannot be read.
func InvalidKey() *Failure {
	return BadParameter(`The property "key" must be a valid JsonWebKey object`)
}

// UnsupportedOperations returns the refusal of key_ops that do not fit the key.
func UnsupportedOperations() *Failure { return BadParameter("Unsupported key operation(s)") }

// NotFound returns the refusal where no key has the name, or none of its
// versions is version.
func NotFound(name, version string) *Failure {
	if version != "" {
		name += "/" + version
	}
	return &Failure{Status: http.StatusNotFound, Code: "KeyNotFound", Message: fmt.Sprintf(
		"A key with (name/id) %s was not found in this key vault. If you recently deleted this key you may be "+
			"able to recover it "+
			"using the correct recovery command. For help resolving this issue, please see "+
			"https://go.microsoft.com/fwlink/?linkid=2125182",
		name,
	)}
}

// DeletedNotFound returns the refusal where no deleted key has the name.
func DeletedNotFound(name string) *Failure {
	return &Failure{Status: http.StatusNotFound, Code: "KeyNotFound", Message: "Deleted Key not found: " + name}
}

// Recoverable returns the refusal of a name that a deleted key holds.
func Recoverable(name string) *Failure {
	return &Failure{
		Status: http.StatusConflict,
		Code:   "Conflict",
		Inner:  "ObjectIsDeletedButRecoverable",
		Message: fmt.Sprintf("Key %s is currently in a deleted but recoverable state, and its name cannot be "+
			"reused; in this state, the key can only be recovered or purged.",
			name),
	}
}

// BeingDeleted returns the refusal of a name whose key is being deleted.
func BeingDeleted(name string) *Failure {
	return &Failure{
		Status: http.StatusConflict,
		Code:   "Conflict",
		Inner:  "ObjectIsBeingDeleted",
		Message: fmt.Sprintf(
			"Key %s is currently being deleted and cannot be re-created; retry later.", name),
	}
}

// Throttled returns the refusal of one request too many.
func Throttled() *Failure {
	return &Failure{Status: http.StatusTooManyRequests, Code: "Throttled",
		Message: "Request was not processed because too many requests were received. Reason: " +
			"VaultRequestTypeLimitReached"}
}

// Forbidden returns a refusal with an inner code, 403.
func Forbidden(inner, format string, args ...any) *Failure {
	return &Failure{
		Status:  http.StatusForbidden,
		Code:    "Forbidden",
		Inner:   inner,
		Message: fmt.Sprintf(format, args...),
	}
}

// ErrorBody is the envelope of a refusal.
type ErrorBody struct {
	Error struct {
		Code    string     `json:"code"`
		Message string     `json:"message"`
		Inner   *InnerCode `json:"innererror,omitempty"`
	} `json:"error"`
}

// InnerCode is the more specific code of a refusal.
type InnerCode struct {
	Code string `json:"code"`
}
