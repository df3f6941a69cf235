package hsm

// Persist copies a session object to the token as label, with its public half.
// The copy keeps LOCAL, ALWAYS_SENSITIVE and WRAP_WITH_TRUSTED.
func (s *Session) Persist(k Key, label string) (Key, error) {
	panic("TODO")
}

// Freeze copies a key to the token as label, no longer EXTRACTABLE. Destroy
// the original afterwards.
func (s *Session) Freeze(k Key, label string) (Key, error) {
	panic("TODO")
}

// Reduce copies a key to a transfer copy: a session object that a trusted key
// can wrap and that can do nothing else. Where the module has no C_CopyObject
// the error wraps ErrNoCopy, and the key itself may be wrapped instead.
func (s *Session) Reduce(k Key) (Key, error) {
	panic("TODO")
}
